//! Watching a job: a poll, further reads, and what they mean.
//!
//! A read may fail in every way and be repeated freely. Only a word or a rule of the card ends a
//! job; an HTTP error, an unreadable reply or a missing job is no answer.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value as Json, json};

use super::cost;
use super::driver::Driver;
use super::errors::{Said, by_rule, by_status};
use super::known::{Facts, of_job};
use super::outcome::captured;
use super::reply::Reply;
use super::times::time_of;
use crate::money::Amount;
use crate::plan::Request;
use crate::protocol::{Body, Call, Class, Hop, HttpCall, Method, NoOutput, Stage, State};
use crate::providers::{Failure, Polled, RemoteId, Retry};
use crate::wire::{Scope, WireError};

/// A word of a state is shown up to here.
const WORD: usize = 60;

/// Where a finished clip is.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A request answers its bytes.
    Call(HttpCall),
    /// It stood in the reply, as a `data:` URL.
    Data(String),
}

impl Source {
    /// About how much memory it takes.
    pub fn length(&self) -> usize {
        match self {
            Source::Call(call) => call.url.len(),
            Source::Data(text) => text.len(),
        }
    }
}

/// What was seen of a job.
#[derive(Debug)]
pub(super) enum Seen {
    /// Not finished.
    Running { percent: Option<u8>, unknown_word: Option<String>, throttled: bool },
    /// Finished.
    Ready(Ready),
    /// Ended without a clip.
    Failed(Failure),
    /// Nothing is known.
    NoAnswer(String),
}

/// A finished clip.
#[derive(Debug)]
pub(super) struct Ready {
    /// Where it is.
    pub source: Source,
    /// From when on it may be gone.
    pub expires: Option<Timestamp>,
    /// What it cost.
    pub cost: Option<Amount>,
}

/// How a job's state was read.
enum Read {
    Is(State),
    /// Waiting because the account has as many jobs under way as it may.
    Throttled,
    Unmapped(String),
    Nothing(String),
}

/// A job that is watched.
struct Job<'a> {
    id: &'a RemoteId,
    facts: &'a Facts,
    /// What replies gave: of the submission, then of the poll and the reads after it.
    captured: BTreeMap<String, Json>,
}

impl Job<'_> {
    fn known(&self) -> Scope {
        of_job(self.facts, self.id, &self.captured)
    }
}

impl Driver {
    /// Asks how far a job is.
    pub async fn poll(&self, id: &RemoteId, request: &Request) -> Polled {
        match self.look(id, request).await {
            Seen::Running { percent, unknown_word, throttled } => {
                Polled::Running { percent, unknown_word, throttled }
            }
            Seen::Ready(ready) => {
                self.outputs.keep(&id.id, &ready.source);
                Polled::Ready { expires: ready.expires, cost: ready.cost }
            }
            Seen::Failed(failure) => Polled::Failed(failure),
            Seen::NoAnswer(message) => Polled::NoAnswer { message: self.mask.clean(&message) },
        }
    }

    /// Looks at a job, to the place of its clip where there is one.
    pub async fn look(&self, id: &RemoteId, request: &Request) -> Seen {
        let facts = self.facts.of(request);
        let mut job = Job { id, facts, captured: id.captured.clone() };
        let known = job.known();
        let reply = match self.reply_about(request, id, &known).await {
            Ok(reply) => reply,
            Err(message) => return Seen::NoAnswer(message),
        };
        let percent = self.percent(&reply);
        let running = |unknown_word, throttled| Seen::Running { percent, unknown_word, throttled };
        match self.state(&reply, &known) {
            Read::Nothing(why) => Seen::NoAnswer(why),
            Read::Unmapped(word) => running(Some(word), false),
            Read::Throttled => running(None, true),
            Read::Is(State::Queued | State::Running) => running(None, false),
            Read::Is(State::Succeeded) => {
                job.captured.extend(captured(&self.card.poll.capture, reply.body(), &self.mask));
                self.succeeded(job, reply).await
            }
            Read::Is(state) => Seen::Failed(self.failure(state, &reply, &known)),
        }
    }

    /// The reply to a poll: of many jobs at once where the provider allows it, with the second
    /// read where the card has one.
    async fn reply_about(
        &self,
        request: &Request,
        id: &RemoteId,
        known: &Scope,
    ) -> Result<Reply, String> {
        let poll = &self.card.poll;
        let gathered = match &poll.batch {
            Some(batch) => self.gathered(batch, request, id).await?,
            None => None,
        };
        let mut reply = match gathered {
            Some(reply) => reply,
            None => self.ask(&poll.request, known).await?,
        };
        if let Some(also) = &poll.also {
            let second = self.ask(also, known).await?;
            if let Some(why) = second.trouble().filter(|_| second.is_ok()) {
                return Err(format!("the second read of the poll: {why}"));
            }
            if !second.is_ok() {
                return Err(self.http_error(&second));
            }
            match &mut reply.json {
                Some(Json::Object(body)) => {
                    body.insert("also".to_owned(), second.body().clone());
                }
                body => *body = Some(json!({ "also": second.body() })),
            }
        }
        Ok(reply)
    }

    /// Sends a read.
    pub async fn ask(&self, call: &Call, known: &Scope) -> Result<Reply, String> {
        let call = self.built().call(call, Method::Get, None, known);
        let call = call.map_err(|e| self.unwritable(&e))?;
        let reply = self.client.read(&call).await;
        reply.map_err(|trouble| self.mask.clean(trouble.message()))
    }

    pub fn unwritable(&self, error: &WireError) -> String {
        self.mask.clean(&format!("the request can't be written: {error}"))
    }

    /// An HTTP error in words.
    pub fn http_error(&self, reply: &Reply) -> String {
        let said = Said::of(&self.card.errors, reply, &self.mask);
        let words = said.words(reply, &self.mask);
        format!("{} answers {}: {words}", self.card.provider, reply.status)
    }

    fn state(&self, reply: &Reply, known: &Scope) -> Read {
        if let Some(cut) = &reply.cut {
            return Read::Nothing(cut.clone());
        }
        let states = &self.card.poll.states;
        let scope = LazyCell::new(|| reply.scope(known));
        if let Some(rule) = states.rules.iter().find(|rule| rule.when.holds(&scope)) {
            return Read::Is(rule.is);
        }
        if !reply.is_ok() {
            return Read::Nothing(self.http_error(reply));
        }
        if let Some(why) = reply.trouble() {
            return Read::Nothing(format!("{why}: {}", reply.excerpt(&self.mask)));
        }
        let Some(at) = &states.at else {
            // The card has rules alone, and none of them knows what this reply says.
            return match reply.says_nothing() {
                true => Read::Is(State::Running),
                false => Read::Unmapped(self.mask.excerpt(&reply.body().to_string(), WORD)),
            };
        };
        let Some(word) = at.text(reply.body()) else {
            let body = reply.excerpt(&self.mask);
            return Read::Nothing(format!("the reply has no state at {}: {body}", at.source()));
        };
        let known = states.words.iter().find(|(_, words)| words.contains(&word));
        match known {
            Some(_) if states.throttled.contains(&word) => Read::Throttled,
            Some((state, _)) => Read::Is(*state),
            None => Read::Unmapped(self.mask.excerpt(&word, WORD)),
        }
    }

    fn percent(&self, reply: &Reply) -> Option<u8> {
        let poll = &self.card.poll;
        let text = poll.progress.as_ref()?.text(reply.body())?;
        let number: Decimal = text.trim().trim_end_matches('%').parse().ok()?;
        let whole = Decimal::from(poll.progress_of.unwrap_or(100).max(1));
        let percent = number.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)?;
        percent.clamp(Decimal::ZERO, Decimal::ONE_HUNDRED).to_u8()
    }

    /// A job that ended without a clip. What expired may have been made and paid, so it counts
    /// as charged; what vanished is not, that is what the word means.
    fn failure(&self, state: State, reply: &Reply, known: &Scope) -> Failure {
        let said = Said::of(&self.card.errors, reply, &self.mask);
        let errors = &self.card.errors;
        let verdict = by_rule(errors, Stage::Poll, reply, &said, known)
            .or_else(|| by_status(Stage::Poll, reply.status));
        let class = verdict.as_ref().map(|verdict| verdict.class);
        let ruled = verdict.as_ref().filter(|verdict| verdict.ruled);
        let by_rule = ruled.is_some_and(|verdict| verdict.charged);
        // Where the card does not say whether a failure is paid, it is counted as paid: what is
        // given back would be spent again every night.
        let if_unruled = ruled.is_none() && !self.card.local;
        let (cause, charged, retry) = match state {
            State::Cancelled => {
                let paid = self.card.cancel.as_ref().is_some_and(|cancel| cancel.charged);
                (state.as_str(), by_rule || paid, Retry::Never)
            }
            State::Expired => (state.as_str(), true, Retry::Never),
            State::Vanished => (state.as_str(), false, Retry::After(None)),
            State::Failed | State::Queued | State::Running | State::Succeeded => {
                let cause = class.map_or(State::Failed.as_str(), Class::as_str);
                (cause, by_rule || if_unruled, class.map_or(Retry::Never, retry_of))
            }
        };
        let words = match &said.message {
            None if said.code.is_none() && state != State::Failed => format!("it is {cause}"),
            _ => said.words(reply, &self.mask),
        };
        let message = format!("{}: {words}", self.card.provider);
        Failure { cause: cause.to_owned(), message, charged, retry }
    }

    /// A job that is made: further reads, then the clip's place.
    async fn succeeded(&self, mut job: Job<'_>, polled: Reply) -> Seen {
        let mut last = None;
        for hop in &self.card.result {
            let known = job.known();
            let reply = match self.ask(&hop.request, &known).await {
                Ok(reply) => reply,
                Err(message) => return Seen::NoAnswer(message),
            };
            if let Some(seen) = self.bad_hop(hop, &reply, &known) {
                return seen;
            }
            job.captured.extend(captured(&hop.capture, reply.body(), &self.mask));
            last = Some(reply);
        }
        let reply = last.as_ref().unwrap_or(&polled);
        let source = match self.source(reply, &job.known()) {
            Ok(Some(source)) => source,
            Ok(None) => return self.without_clip(reply),
            Err(error) => return Seen::NoAnswer(self.unwritable(&error)),
        };
        let values = &job.facts.values;
        let after = self.card.cost.after.as_ref();
        let cost = after.and_then(|at| {
            cost::amount(at, polled.body(), values)
                .or_else(|| cost::amount(at, reply.body(), values))
        });
        let expires = self.expires(&polled, reply);
        Seen::Ready(Ready { source, expires, cost: cost.or_else(|| cost::kept(&job.id.captured)) })
    }

    /// From when on a clip may be gone: its life begins when the provider says that it was made,
    /// else at the earliest moment at which it can have been, one poll before it was seen.
    fn expires(&self, polled: &Reply, last: &Reply) -> Option<Timestamp> {
        let output = &self.card.output;
        let lifetime = SignedDuration::from_secs(i64::try_from(output.lifetime_s?).ok()?);
        let now = self.clock.now();
        let said = output.finished_at.as_ref().and_then(|at| {
            let text = at.text(last.body()).or_else(|| at.text(polled.body()))?;
            // A clock that is ahead would let it live longer.
            time_of(&text).map(|time| time.min(now))
        });
        let interval = SignedDuration::from_secs(i64::from(self.card.poll.every_s));
        let made = said.or_else(|| now.checked_sub(interval).ok());
        made.and_then(|made| made.checked_add(lifetime).ok())
    }

    /// What a further read means that brought no result. Only a rule that speaks of the request
    /// or its content ends the job; everything else may pass.
    fn bad_hop(&self, hop: &Hop, reply: &Reply, known: &Scope) -> Option<Seen> {
        if let Some(cut) = &reply.cut {
            return Some(Seen::NoAnswer(cut.clone()));
        }
        let good = hop.accepted.as_ref().is_none_or(|good| good.holds(&reply.scope(known)));
        if reply.is_ok() && good {
            let unreadable = reply.trouble();
            return unreadable.map(|why| Seen::NoAnswer(format!("reading the result: {why}")));
        }
        let said = Said::of(&self.card.errors, reply, &self.mask);
        let ruled = by_rule(&self.card.errors, Stage::Result, reply, &said, known);
        let message = format!("reading the result: {}", self.http_error(reply));
        match ruled {
            Some(verdict) if matches!(verdict.class, Class::Invalid | Class::Policy) => {
                let failure = Failure {
                    cause: verdict.class.as_str().to_owned(),
                    message,
                    charged: verdict.charged,
                    retry: Retry::Never,
                };
                Some(Seen::Failed(failure))
            }
            _ => Some(Seen::NoAnswer(message)),
        }
    }

    /// Where the clip is; absent when the reply has none.
    fn source(&self, reply: &Reply, known: &Scope) -> Result<Option<Source>, WireError> {
        let output = &self.card.output;
        let url = output.url.iter().find_map(|pointer| pointer.text(reply.body()));
        let scope = reply.scope(known);
        if let Some(url) = url {
            if url.starts_with("data:") {
                return Ok(Some(Source::Data(url)));
            }
            let headers = self.built().headers(&output.headers, output.auth, &scope)?;
            let (method, body) = (Method::Get, Body::Nothing);
            let call = HttpCall { method, url, headers, body, auth: output.auth };
            return Ok(Some(Source::Call(call)));
        }
        let Some(request) = &output.request else { return Ok(None) };
        let mut call = self.built().call(request, Method::Get, None, &scope)?;
        for (name, text) in self.built().headers(&output.headers, false, &scope)? {
            call.headers.insert(name, text);
        }
        Ok(Some(Source::Call(call)))
    }

    /// A success without a clip. Where the card does not say what it means, it means nothing: the
    /// clip may be there at the next poll, or stand where the card does not look.
    fn without_clip(&self, reply: &Reply) -> Seen {
        let provider = &self.card.provider;
        let Some(none) = &self.card.output.none else {
            let body = reply.excerpt(&self.mask);
            return Seen::NoAnswer(format!(
                "{provider} says that it is made, but there is no clip where its card points: {body}"
            ));
        };
        let NoOutput { message, .. } = none;
        let reason = message.iter().find_map(|pointer| pointer.text(reply.body()));
        let reason = match reason {
            Some(reason) => self.mask.excerpt(&reason, 500),
            None => reply.excerpt(&self.mask),
        };
        let failure = Failure {
            cause: none.class.as_str().to_owned(),
            message: format!("{provider} says that it is made, but there is no clip: {reason}"),
            charged: none.charged,
            retry: retry_of(none.class),
        };
        Seen::Failed(failure)
    }
}

/// Whether a job that failed may be tried again.
fn retry_of(class: Class) -> Retry {
    match class {
        Class::Transient | Class::RateLimited | Class::ConcurrencyFull => Retry::After(None),
        Class::Invalid
        | Class::Auth
        | Class::Payment
        | Class::Policy
        | Class::NotFound
        | Class::OutcomeUnknown => Retry::Never,
    }
}
