//! Submissions: faults first, then what is asked, then a job in the books.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::{Answer, Asked, Desk, KEPT_TEXT};
use crate::models::{PriceFacts, Priced};
use crate::protocol::{Class, Match, Method, Stage, State};
use crate::rehearsal::faults::FaultKind;
use crate::rehearsal::job::{Doom, Job};
use crate::rehearsal::replies::{self, Said};
use crate::rehearsal::routes::{Address, JobAt, Step};
use crate::rehearsal::submission::{self, Brought, Candidate, Submission};
use crate::wire::Scope;

impl Desk {
    pub(super) fn submit(&self, candidates: &[Candidate], asked: &Asked) -> Answer {
        let number = {
            let mut books = self.books();
            books.submissions += 1;
            books.submissions - 1
        };
        if self.dice.strikes(FaultKind::RateLimited, number) {
            let message = "too many requests; this is a rehearsed fault";
            let mut said = self.refusal(Class::RateLimited, message, asked);
            said.headers.entry("retry-after".to_owned()).or_insert_with(|| "1".to_owned());
            return Answer::Said(self.turned_away(FaultKind::RateLimited.as_str(), said));
        }
        if self.dice.strikes(FaultKind::ServerError, number) {
            let said = self.server_error(asked);
            return Answer::Said(self.turned_away(FaultKind::ServerError.as_str(), said));
        }
        if asked.sent.json.is_null() {
            let message = submission::Misread::NoBody.to_string();
            return Answer::Said(self.refused(Class::Invalid, &message, asked));
        }
        let brought = Brought { json: &asked.sent.json, headers: &asked.headers };
        let read = submission::read(&self.card, candidates, &self.variables, brought);
        let submission = match read {
            Ok(submission) => submission,
            Err(why) => {
                return Answer::Said(self.refused(Class::Invalid, &why.to_string(), asked));
            }
        };
        let moderated = self.dice.strikes(FaultKind::Moderation, number);
        let fails_later = self.card.rehearsal.policy_code.is_some()
            || !self.card.rehearsal.errors.contains_key(&Class::Policy);
        if moderated && !fails_later {
            let message = "the content goes against the policy; this is a rehearsed fault";
            return Answer::Said(self.refused(Class::Policy, message, asked));
        }
        match self.accept(submission, number, moderated, asked) {
            Ok(answer) => answer,
            Err(error) => {
                let message = format!("the rehearsal can't keep the job: {error}");
                Answer::Said(Said::plain(500, &message))
            }
        }
    }

    fn refused(&self, class: Class, message: &str, asked: &Asked) -> Said {
        self.turned_away(class.as_str(), self.refusal(class, message, asked))
    }

    pub(super) fn server_error(&self, asked: &Asked) -> Said {
        let message = "internal trouble; this is a rehearsed fault";
        let errors = &self.card.rehearsal.errors;
        let server_side = |class: &Class| {
            errors.get(class).and_then(|reply| reply.status).is_some_and(|status| status >= 500)
        };
        let class = [Class::Transient, Class::OutcomeUnknown].into_iter().find(server_side);
        match class {
            Some(class) => self.refusal(class, message, asked),
            None => Said::plain(503, message),
        }
    }

    /// Takes a job in: from here on it is charged.
    pub(super) fn accept(
        &self,
        submission: Submission,
        number: u64,
        moderated: bool,
        asked: &Asked,
    ) -> std::io::Result<Answer> {
        let known = |attempt: &String| self.books().by_attempt.get(attempt).copied();
        if let Some(at) = self.known(&submission).and_then(known) {
            let books = self.books();
            return self.repeated(&books.jobs[at], at, asked);
        }
        let usable = self.pictures.usable(&submission.pictures, &asked.sent.files)?;
        let clip = self.clips.order(&submission, usable, number);
        let slow = if self.dice.strikes(FaultKind::Slow, number) { 10.0 } else { 1.0 };
        // Between one and four seconds, a quarter of them in the queue.
        let whole = (1000.0 + 3000.0 * self.dice.roll("length", number)) * slow / self.speed;
        let whole = whole.clamp(0.0, 86_400_000.0) as i64;
        let asked_for = &submission.settings;
        let size = (asked_for.width, asked_for.height);
        let (width, height) =
            submission.model.billed_size(submission.route, &asked_for.resolution, size);
        let facts = PriceFacts {
            route: submission.route,
            seconds: submission.settings.duration,
            resolution: &submission.settings.resolution,
            width,
            height,
            fps: submission.model.usual_fps(),
            images: submission.pictures.len(),
            options: &asked_for.options,
            input_seconds: Decimal::ZERO,
        };
        let price = submission.model.price.as_ref().map_or(Priced::Unpriced, |p| p.of(&facts));
        // Elsewhere no client could ever fetch the clip.
        let expires = self.card.output.refreshed_by_poll;
        let job = Job {
            id: String::new(),
            body: self.kept_body(&asked.sent.json),
            charged: price.known().cloned(),
            accepted: self.clock.now(),
            queued_ms: whole / 4,
            running_ms: whole - whole / 4,
            doom: None,
            cancelled: None,
            reply_lost: self.dice.strikes(FaultKind::LostReply, number),
            captured: BTreeMap::new(),
            clip,
            url_number: 0,
            first_url_tried: false,
            first_url_expired: expires && self.dice.strikes(FaultKind::ExpiredUrl, number),
            cuts_download: self.dice.strikes(FaultKind::CutDownload, number),
            polls: 0,
            asked: submission,
        };
        self.enter(job, moderated, asked)
    }

    /// The attempt key, where the provider knows a submission by it.
    fn known<'a>(&self, asked: &'a Submission) -> Option<&'a String> {
        asked.attempt.as_ref().filter(|_| self.card.idempotency.is_some())
    }

    /// The answer to a submission that is known by its key.
    fn repeated(&self, job: &Job, at: JobAt, asked: &Asked) -> std::io::Result<Answer> {
        self.bill_repeated(job)?;
        Ok(Answer::Said(self.accepted(job, at, asked)))
    }

    /// Enters a job into the books and answers its submission.
    fn enter(&self, mut job: Job, moderated: bool, asked: &Asked) -> std::io::Result<Answer> {
        let mut books = self.books();
        // Again, now that nobody else can enter one: two that came together are one job.
        let known =
            self.known(&job.asked).and_then(|attempt| books.by_attempt.get(attempt).copied());
        if let Some(at) = known {
            return self.repeated(&books.jobs[at], at, asked);
        }
        let at = books.jobs.len();
        let mut scope = self.job_scope(&job, at);
        let fill = |scope: &Scope| self.card.rehearsal.id.fill(scope).ok().flatten();
        let mut id = fill(&scope).unwrap_or_else(|| self.dice.uuid("job", at as u64));
        if books.by_id.contains_key(&id) {
            // The client uses an attempt key twice; the provider knows two jobs all the same.
            let attempt = self.dice.uuid("job", at as u64);
            scope = minijinja::context! { attempt => &attempt[..], ..scope };
            id = fill(&scope).unwrap_or(attempt);
        }
        job.id.clone_from(&id);
        if moderated {
            job.doom = Some(self.doom(&job, at, asked));
        }
        self.bill_accepted(&job)?;
        let said = self.accepted(&job, at, asked);
        job.captured.extend(said.captures(&self.card.submit.capture));
        let scope = self.job_scope(&job, at);
        books.routes.enter_job(&self.card, &self.built(), &scope, at);
        if self.card.rehearsal.clip.is_some()
            && let Some(address) = Address::of(Method::Get, &self.clip_url(&job, at))
        {
            books.routes.enter_step(&address, at, Step::Output);
        }
        if let Some(attempt) = job.asked.attempt.clone() {
            books.by_attempt.entry(attempt).or_insert(at);
        }
        books.by_id.insert(id, at);
        let lost = job.reply_lost;
        books.jobs.push(job);
        if self.bill_file.is_some() {
            books.going.push(at);
        }
        Ok(if lost { Answer::Cut } else { Answer::Said(said) })
    }

    pub(super) fn accepted(&self, job: &Job, at: JobAt, asked: &Asked) -> Said {
        let cost = &self.card.cost;
        let costs = [cost.at_submit.as_ref(), cost.at_create.as_ref(), cost.after.as_ref()];
        // A client sees the reply before anything has happened, also when it is a repetition.
        let scope = self.reply_scope(job, at, asked, &costs);
        let scope = minijinja::context! { url => &self.root[..], progress => 0, ..scope };
        Said::of(&self.card.rehearsal.accepted, &scope)
    }

    /// How a job fails by policy, and whether the card says that it is charged.
    pub(super) fn doom(&self, job: &Job, at: JobAt, asked: &Asked) -> Doom {
        let code = self.card.rehearsal.policy_code.clone().unwrap_or_else(|| "policy".to_owned());
        let message = "the content goes against the policy; this is a rehearsed fault".to_owned();
        let scope = minijinja::context! {
            code => &code[..], message => &message[..], ..self.reply_scope(job, at, asked, &[])
        };
        let failed = Said::of(&self.card.rehearsal.failed, &scope);
        let also = self.card.rehearsal.also.get(State::Failed.as_str());
        let failed = with_also(failed, also.map(|reply| Said::of(reply, &scope)));
        let charged = replies::charges_failure(&self.card, Stage::Poll, &failed);
        Doom { code, message, charged }
    }

    /// The body as lookups give it back.
    pub(super) fn kept_body(&self, body: &Json) -> Json {
        let echoes =
            self.card.lookup.as_ref().is_some_and(|l| matches!(l.matching, Match::Echo { .. }));
        let mut kept = body.clone();
        if !echoes {
            shorten(&mut kept);
        }
        kept
    }
}

/// A reply with the second read at `also` in its body, as states and errors see it.
fn with_also(mut said: Said, also: Option<Said>) -> Said {
    if let (Some(Json::Object(body)), Some(also)) = (&mut said.body, also) {
        body.insert("also".to_owned(), also.body.unwrap_or_default());
    }
    said
}

/// Shortens long texts: pictures, mostly.
fn shorten(json: &mut Json) {
    match json {
        Json::String(text) if text.len() > KEPT_TEXT => {
            let end = (0..=KEPT_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
        }
        Json::Array(items) => items.iter_mut().for_each(shorten),
        Json::Object(entries) => entries.values_mut().for_each(shorten),
        _ => {}
    }
}
