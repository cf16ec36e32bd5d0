//! The desk: takes requests in a provider's name and answers them. It knows its card, its jobs
//! and the time, and nothing of sockets.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::bill::{Bill, Charge};
use super::body::Sent;
use super::clips::Clips;
use super::faults::{Dice, FaultKind};
use super::job::{Doom, Job, Standing};
use super::pictures::Pictures;
use super::replies::{self, Said};
use super::routes::{Address, JobAt, Routes, Shared, Step, Target, steps};
use super::settings::number;
use super::submission::{self, Brought, Candidate, Submission};
use super::uploads::Uploads;
use crate::clock::Clock;
use crate::models::{PriceFacts, Priced, Route};
use crate::protocol::{Built, Class, CostAt, Match, ProviderCard, Reply, Stage, State};
use crate::wire::{Scope, scope_of};

/// Where clips are served.
pub(super) const CLIPS: &str = "/rehearsal/clips/";
/// Longest text of a submission's body that is kept where no lookup compares it.
const KEPT_TEXT: usize = 1000;
/// Submissions that one page of a lookup lists.
const PAGE: usize = 100;

/// A request, read to its end.
#[derive(Debug)]
pub(super) struct Asked {
    /// Method, path and query.
    pub(super) address: Address,
    /// Headers, by name in lower case.
    pub(super) headers: BTreeMap<String, String>,
    /// Body.
    pub(super) sent: Sent,
}

/// What is answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// A reply.
    Said(Said),
    /// The clip in this file; `cut`: its first half only, and then the connection breaks.
    Clip { file: PathBuf, cut: bool },
    /// Nothing: the connection is cut.
    Cut,
}

/// One provider's desk.
pub(super) struct Desk {
    card: Arc<ProviderCard>,
    variables: BTreeMap<String, String>,
    /// What a client must set them to.
    given: BTreeMap<String, String>,
    /// URL of the server, without a `/` at its end.
    root: String,
    /// The same with what the card's own base URL has in its path.
    base: String,
    dice: Dice,
    speed: f64,
    clock: Arc<dyn Clock>,
    pictures: Pictures,
    clips: Clips,
    state: Mutex<Books>,
}

/// What a desk has in writing.
#[derive(Default)]
struct Books {
    routes: Routes,
    jobs: Vec<Job>,
    by_attempt: HashMap<String, JobAt>,
    by_id: HashMap<String, JobAt>,
    uploads: Uploads,
    submissions: u64,
    begun_uploads: u64,
}

/// What a desk needs.
pub(super) struct DeskSetup {
    pub(super) card: Arc<ProviderCard>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) root: String,
    pub(super) dice: Dice,
    pub(super) speed: f64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pictures: Pictures,
    pub(super) clips: Clips,
}

impl Desk {
    pub(super) fn new(setup: DeskSetup) -> Desk {
        let DeskSetup { card, candidates, root, dice, speed, clock, pictures, clips } = setup;
        let variables = submission::usual_variables(&card);
        let prefix = submission::prefix(&card.base_url, &variables);
        let given = submission::given_variables(&card, &root);
        let base = format!("{root}{prefix}");
        let built = Built { base_url: &base, headers: &card.headers };
        let scoped = |candidate: Candidate| {
            let scope = scope_of(&submission::scope(&card, &candidate, &variables));
            (candidate, scope)
        };
        let scopes: Vec<_> = candidates.into_iter().map(scoped).collect();
        let routes = Routes::new(&card, &built, &prefix, &scopes);
        let state = Mutex::new(Books { routes, ..Books::default() });
        Desk { card, variables, given, root, base, dice, speed, clock, pictures, clips, state }
    }

    /// URL to give to clients: the server's, with the path of the card's own base URL.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The card's variables as a client must set them to ask nobody else.
    pub(super) fn variables(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// What was charged so far.
    pub(super) fn bill(&self) -> Bill {
        let now = self.clock.now();
        let charges: Vec<Charge> = self.books().jobs.iter().map(|job| job.charge(now)).collect();
        Bill { provider: self.card.provider.clone(), charges }
    }

    /// Answers a request.
    pub(super) fn answer(&self, asked: &Asked) -> Answer {
        if let Some(name) = asked.address.path.strip_prefix(CLIPS) {
            return self.download(name, asked);
        }
        let Some(target) = self.books().routes.find(&asked.address) else {
            return Answer::Said(self.refusal(Class::NotFound, "there is nothing here", asked));
        };
        if self.needs_key(&target) && !self.has_key(asked) {
            let message = match &self.card.auth {
                Some(auth) => format!("the header `{}` must carry a key", auth.header),
                None => String::new(),
            };
            return Answer::Said(self.refusal(Class::Auth, &message, asked));
        }
        match target {
            Target::Shared(Shared::Submit(candidates), _) => self.submit(&candidates, asked),
            Target::Job(job, steps) => self.step(job, &steps, asked),
            Target::Missing(Step::Lookup, attempt) => {
                Answer::Said(self.lookup(Some(&attempt), asked))
            }
            Target::Missing(..) => Answer::Said(self.nothing_also(asked)),
            Target::Upload(at) => self.upload(Some(at), asked),
            Target::Shared(Shared::Upload, _) => self.upload(None, asked),
            Target::Shared(shared, named) => Answer::Said(self.shared(&shared, &named, asked)),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn built(&self) -> Built<'_> {
        Built { base_url: &self.base, headers: &self.card.headers }
    }

    // Keys.

    fn needs_key(&self, target: &Target) -> bool {
        let card = &self.card;
        match target {
            Target::Job(_, found) => {
                let of = |step: &Step| steps(card).into_iter().find(|(known, ..)| known == step);
                found.first().and_then(of).is_none_or(|(_, call, _)| call.auth)
            }
            Target::Upload(at) => card
                .images
                .upload
                .as_ref()
                .and_then(|upload| upload.steps.get(at.step))
                .is_none_or(|step| step.auth),
            Target::Shared(Shared::Other(_), _) => false,
            Target::Shared(..) | Target::Missing(..) => true,
        }
    }

    /// Whether a key came in the card's form. Any key will do, but a signed token must at least
    /// have that form.
    fn has_key(&self, asked: &Asked) -> bool {
        let Some(auth) = &self.card.auth else { return true };
        let Some(text) = asked.headers.get(&auth.header.to_ascii_lowercase()) else {
            return auth.optional;
        };
        let (before, after) = auth.value.split_once("{key}").unwrap_or_default();
        let key = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let signs = auth.keys.iter().any(|source| source.jwt.is_some());
        key.is_some_and(|key| {
            let signed = signs && key.matches('.').count() == 2;
            !key.trim().is_empty() && (!signed || self.is_valid_token(key))
        })
    }

    fn is_valid_token(&self, token: &str) -> bool {
        let claims = token.split('.').nth(1).and_then(|part| {
            data_encoding::BASE64URL_NOPAD.decode(part.trim_end_matches('=').as_bytes()).ok()
        });
        let claims: Json =
            claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let now = self.clock.now().as_second();
        claims["iss"].is_string() && claims["exp"].as_i64().is_some_and(|exp| exp > now)
    }

    // What replies see.

    fn general_scope(&self, asked: &Asked, body: &Json, found: &[Json]) -> Scope {
        let query: BTreeMap<&str, &str> =
            asked.address.query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let request = json!({
            "body": body, "query": query, "path": {}, "found": found,
        });
        minijinja::context! {
            url => &self.root[..], now => self.clock.now().as_second(),
            attempt => self.dice.uuid("request", self.clock.now().as_microsecond() as u64),
            variables => scope_of(&self.variables), provider => &self.card.provider[..],
            request => scope_of(&request),
        }
    }

    fn job_scope(&self, job: &Job, at: JobAt) -> Scope {
        let asked = &job.asked;
        let candidate = Candidate { model: asked.model.clone(), route: asked.route };
        let mut scope = submission::scope(&self.card, &candidate, &self.variables);
        scope.prompt.clone_from(&asked.prompt);
        scope.duration = number(asked.settings.duration);
        scope.aspect.clone_from(&asked.settings.aspect);
        scope.resolution.clone_from(&asked.settings.resolution);
        (scope.width, scope.height) = (asked.settings.width, asked.settings.height);
        scope.seed = asked.seed;
        scope.attempt = asked.attempt.clone().unwrap_or_else(|| self.dice.uuid("job", at as u64));
        minijinja::context! {
            id => &job.id[..], captured => scope_of(&job.captured),
            ..scope_of(&scope)
        }
    }

    /// What a reply about a job sees.
    fn reply_scope(&self, job: &Job, at: JobAt, asked: &Asked, costs: &[Option<&CostAt>]) -> Scope {
        let standing = job.standing(self.clock.now());
        let cost_at = costs.iter().find_map(|at| *at);
        let cost = job
            .charged
            .as_ref()
            .and_then(|amount| replies::cost(amount.value, cost_at, &job.asked.model));
        let (progress, url) = match &standing {
            Standing::Queued => (0.0, self.root.clone()),
            Standing::Running(progress) => (*progress, self.root.clone()),
            Standing::Succeeded(_) => (1.0, self.clip_url(job, at)),
            Standing::Failed(_) | Standing::Cancelled => (1.0, self.root.clone()),
        };
        let doom = match standing {
            Standing::Failed(doom) => Some(doom),
            _ => None,
        };
        let request = json!({
            "body": job.body,
            "query": asked.address.query.iter().cloned().collect::<BTreeMap<_, _>>(),
            "path": {}, "found": [],
        });
        minijinja::context! {
            url => url, progress => progress, now => self.clock.now().as_second(),
            cost => cost.as_ref().map(scope_of),
            code => doom.as_ref().map(|doom| &doom.code),
            message => doom.as_ref().map(|doom| &doom.message),
            provider => &self.card.provider[..],
            request => scope_of(&request),
            ..self.job_scope(job, at)
        }
    }

    fn clip_url(&self, job: &Job, at: JobAt) -> String {
        format!("{}{CLIPS}{at}-{}.mp4", self.root, job.url_number)
    }

    fn refusal(&self, class: Class, message: &str, asked: &Asked) -> Said {
        let scope = self.general_scope(asked, &asked.sent.json, &[]);
        Said::refusal(&self.card, class, message, &scope)
    }

    // Submissions.

    fn submit(&self, candidates: &[Candidate], asked: &Asked) -> Answer {
        let number = {
            let mut books = self.books();
            books.submissions += 1;
            books.submissions - 1
        };
        if self.dice.strikes(FaultKind::RateLimited, number) {
            let message = "too many requests; this is a rehearsed fault";
            let mut said = self.refusal(Class::RateLimited, message, asked);
            said.headers.entry("retry-after".to_owned()).or_insert_with(|| "1".to_owned());
            return Answer::Said(said);
        }
        if self.dice.strikes(FaultKind::ServerError, number) {
            return Answer::Said(self.server_error(asked));
        }
        if asked.sent.json.is_null() {
            let message = submission::Misread::NoBody.to_string();
            return Answer::Said(self.refusal(Class::Invalid, &message, asked));
        }
        let brought = Brought { json: &asked.sent.json, headers: &asked.headers };
        let read = submission::read(&self.card, candidates, &self.variables, brought);
        let submission = match read {
            Ok(submission) => submission,
            Err(why) => {
                return Answer::Said(self.refusal(Class::Invalid, &why.to_string(), asked));
            }
        };
        let moderated = self.dice.strikes(FaultKind::Moderation, number);
        let fails_later = self.card.rehearsal.policy_code.is_some()
            || !self.card.rehearsal.errors.contains_key(&Class::Policy);
        if moderated && !fails_later {
            let message = "the content goes against the policy; this is a rehearsed fault";
            return Answer::Said(self.refusal(Class::Policy, message, asked));
        }
        match self.accept(submission, number, moderated, asked) {
            Ok(answer) => answer,
            Err(error) => {
                let message = format!("the rehearsal can't keep the pictures: {error}");
                Answer::Said(Said::plain(500, &message))
            }
        }
    }

    fn server_error(&self, asked: &Asked) -> Said {
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
    fn accept(
        &self,
        submission: Submission,
        number: u64,
        moderated: bool,
        asked: &Asked,
    ) -> std::io::Result<Answer> {
        let known = submission.attempt.as_ref().filter(|_| self.card.idempotency.is_some());
        if let Some(at) = known.and_then(|attempt| self.books().by_attempt.get(attempt).copied()) {
            let books = self.books();
            return Ok(Answer::Said(self.accepted(&books.jobs[at], at, asked)));
        }
        let usable = self.pictures.usable(&submission.pictures, &asked.sent.files)?;
        let clip = self.clips.order(&submission, usable);
        let slow = if self.dice.strikes(FaultKind::Slow, number) { 10.0 } else { 1.0 };
        // Between one and four seconds, a quarter of them in the queue.
        let whole = (1000.0 + 3000.0 * self.dice.roll("length", number)) * slow / self.speed;
        let whole = whole.clamp(0.0, 86_400_000.0) as i64;
        let facts = PriceFacts {
            route: submission.route,
            seconds: submission.settings.duration,
            resolution: &submission.settings.resolution,
            images: submission.pictures.len(),
        };
        let price = submission.model.price.as_ref().map_or(Priced::Unpriced, |p| p.of(&facts));
        let expires = self.card.output.lifetime_s.is_some() || self.card.output.refreshed_by_poll;
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
            asked: submission,
        };
        Ok(self.enter(job, moderated, asked))
    }

    /// Enters a job into the books and answers its submission.
    fn enter(&self, mut job: Job, moderated: bool, asked: &Asked) -> Answer {
        let mut books = self.books();
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
        let said = self.accepted(&job, at, asked);
        job.captured.extend(said.captures(&self.card.submit.capture));
        let scope = self.job_scope(&job, at);
        books.routes.enter_job(&self.card, &self.built(), &scope, at);
        if let Some(attempt) = job.asked.attempt.clone() {
            books.by_attempt.entry(attempt).or_insert(at);
        }
        books.by_id.insert(id, at);
        let lost = job.reply_lost;
        books.jobs.push(job);
        if lost { Answer::Cut } else { Answer::Said(said) }
    }

    fn accepted(&self, job: &Job, at: JobAt, asked: &Asked) -> Said {
        let cost = &self.card.cost;
        let costs = [cost.at_submit.as_ref(), cost.at_create.as_ref(), cost.after.as_ref()];
        // A client sees the reply before anything has happened, also when it is a repetition.
        let scope = self.reply_scope(job, at, asked, &costs);
        let scope = minijinja::context! { url => &self.root[..], progress => 0, ..scope };
        Said::of(&self.card.rehearsal.accepted, &scope)
    }

    /// How a job fails by policy, and whether the card says that it is charged.
    fn doom(&self, job: &Job, at: JobAt, asked: &Asked) -> Doom {
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
    fn kept_body(&self, body: &Json) -> Json {
        let echoes =
            self.card.lookup.as_ref().is_some_and(|l| matches!(l.matching, Match::Echo { .. }));
        let mut kept = body.clone();
        if !echoes {
            shorten(&mut kept);
        }
        kept
    }

    // A job's life.

    fn step(&self, at: JobAt, found: &[Step], asked: &Asked) -> Answer {
        let mut books = self.books();
        let Books { jobs, routes, .. } = &mut *books;
        let job = &mut jobs[at];
        let now = self.clock.now();
        let standing = job.standing(now);
        let Some(first) = found.first() else {
            return Answer::Said(self.refusal(Class::NotFound, "no such job", asked));
        };
        let said = match first {
            Step::Output => return self.output(job, &standing, asked),
            Step::Poll => {
                job.give_fresh_url(&standing, self.card.output.refreshed_by_poll);
                self.state_reply(job, at, &standing, asked)
            }
            Step::Also => self.also_reply(job, at, &standing, asked),
            Step::Result(number) => self.result_reply(job, at, *number, &standing, asked),
            Step::Cancel => self.cancel(job, at, &standing, asked),
            Step::Lookup => {
                let entry = self.entry(job, at, now);
                let scope = minijinja::context! {
                    request => scope_of(&json!({ "found": [entry], "body": job.body })),
                    ..self.reply_scope(job, at, asked, &[])
                };
                self.reply(self.card.rehearsal.lookup.as_ref(), &scope)
            }
        };
        for step in found {
            let wanted = match step {
                Step::Poll => &self.card.poll.capture,
                Step::Result(number) => &self.card.result[*number].capture,
                _ => continue,
            };
            job.captured.extend(said.captures(wanted));
        }
        let scope = self.job_scope(job, at);
        routes.enter_job(&self.card, &self.built(), &scope, at);
        Answer::Said(said)
    }

    fn reply(&self, reply: Option<&Reply>, scope: &Scope) -> Said {
        reply
            .map_or_else(|| Said { status: 200, ..Said::default() }, |reply| Said::of(reply, scope))
    }

    fn poll_scope(&self, job: &Job, at: JobAt, asked: &Asked) -> Scope {
        let cost = &self.card.cost;
        let costs = [cost.after.as_ref(), cost.at_submit.as_ref(), cost.at_create.as_ref()];
        self.reply_scope(job, at, asked, &costs)
    }

    fn state_reply(&self, job: &Job, at: JobAt, standing: &Standing, asked: &Asked) -> Said {
        let rehearsal = &self.card.rehearsal;
        let reply = match standing {
            Standing::Queued => rehearsal.queued.as_ref().unwrap_or(&rehearsal.running),
            Standing::Running(_) => &rehearsal.running,
            Standing::Succeeded(_) => &rehearsal.succeeded,
            Standing::Failed(_) => &rehearsal.failed,
            Standing::Cancelled => rehearsal.cancelled.as_ref().unwrap_or(&rehearsal.failed),
        };
        Said::of(reply, &self.poll_scope(job, at, asked))
    }

    fn also_reply(&self, job: &Job, at: JobAt, standing: &Standing, asked: &Asked) -> Said {
        let also = &self.card.rehearsal.also;
        let running = also.get(State::Running.as_str());
        let reply = match also.get(standing.state().as_str()) {
            None if *standing == Standing::Queued => running,
            reply => reply,
        };
        self.reply(reply, &self.poll_scope(job, at, asked))
    }

    fn result_reply(
        &self,
        job: &Job,
        at: JobAt,
        number: usize,
        standing: &Standing,
        asked: &Asked,
    ) -> Said {
        match standing {
            Standing::Succeeded(_) => {
                let reply = self.card.rehearsal.result.get(number);
                self.reply(reply, &self.poll_scope(job, at, asked))
            }
            Standing::Failed(doom) => self.refusal(Class::Policy, &doom.message, asked),
            Standing::Cancelled => self.refusal(Class::Invalid, "it was cancelled", asked),
            Standing::Queued | Standing::Running(_) => {
                self.refusal(Class::Invalid, "it is still in progress", asked)
            }
        }
    }

    fn cancel(&self, job: &mut Job, at: JobAt, standing: &Standing, asked: &Asked) -> Said {
        let state = standing.state();
        if let Some(cancel) = self.card.cancel.as_ref().filter(|c| c.stops.contains(&state)) {
            job.cancelled = Some(cancel.charged && state == State::Running);
        }
        let scope = self.poll_scope(job, at, asked);
        self.reply(self.card.rehearsal.cancel.as_ref(), &scope)
    }

    // What is not about one job.

    fn shared(&self, shared: &Shared, named: &BTreeMap<String, String>, asked: &Asked) -> Said {
        match shared {
            Shared::Poll => self.all(asked, false),
            Shared::Also => self.all(asked, true),
            Shared::Batch(parameter) => self.batch(parameter, asked),
            Shared::Lookup(parameter) => {
                let attempt = parameter.as_ref().and_then(|name| asked.address.parameter(name));
                self.lookup(attempt, asked)
            }
            Shared::Cancel => self.cancel_named(asked),
            Shared::Live => {
                let scope = self.general_scope(asked, &asked.sent.json, &[]);
                self.reply(self.card.rehearsal.live.as_ref(), &scope)
            }
            Shared::Other(number) => {
                let request = json!({ "path": named, "body": asked.sent.json, "found": [] });
                let scope = minijinja::context! {
                    request => scope_of(&request),
                    ..self.general_scope(asked, &asked.sent.json, &[])
                };
                self.reply(
                    self.card.rehearsal.others.get(*number).map(|other| &other.reply),
                    &scope,
                )
            }
            Shared::Submit(_) | Shared::Upload => {
                self.refusal(Class::NotFound, "there is nothing here", asked)
            }
        }
    }

    /// The states of all jobs that are not at their end, in one reply.
    fn all(&self, asked: &Asked, also: bool) -> Said {
        let mut books = self.books();
        let mut all: Option<Said> = None;
        for at in 0..books.jobs.len() {
            let job = &mut books.jobs[at];
            let standing = job.standing(self.clock.now());
            if !also {
                job.give_fresh_url(&standing, self.card.output.refreshed_by_poll);
            }
            if !matches!(standing, Standing::Queued | Standing::Running(_)) {
                continue;
            }
            let said = match also {
                true => self.also_reply(job, at, &standing, asked),
                false => self.state_reply(job, at, &standing, asked),
            };
            all = Some(joined(all, said));
        }
        all.unwrap_or_else(|| {
            // Nothing is under way: as it is said of a job that is at its end.
            if also {
                return self.nothing_also(asked);
            }
            let scope = self.general_scope(asked, &Json::Null, &[]);
            let scope = minijinja::context! { id => "none", ..scope };
            Said::of(&self.card.rehearsal.succeeded, &scope)
        })
    }

    /// The second read of a job that is not there: as of one of which it says nothing yet.
    fn nothing_also(&self, asked: &Asked) -> Said {
        let scope = self.general_scope(asked, &Json::Null, &[]);
        let reply = self.card.rehearsal.also.get(State::Queued.as_str());
        self.reply(reply, &minijinja::context! { id => "none", ..scope })
    }

    fn batch(&self, parameter: &str, asked: &Asked) -> Said {
        let query = asked.address.query.iter().filter(|(name, _)| name == parameter);
        let ids: Vec<&str> = query.flat_map(|(_, value)| value.split(',')).collect();
        let mut books = self.books();
        let mut all = None;
        for id in ids {
            let Some(at) = books.by_id.get(id.trim()).copied() else { continue };
            let job = &mut books.jobs[at];
            let standing = job.standing(self.clock.now());
            job.give_fresh_url(&standing, self.card.output.refreshed_by_poll);
            all = Some(joined(all, self.state_reply(job, at, &standing, asked)));
        }
        all.unwrap_or_else(|| self.refusal(Class::NotFound, "no such job", asked))
    }

    fn cancel_named(&self, asked: &Asked) -> Said {
        let shape = self.card.cancel.as_ref().and_then(|cancel| cancel.request.body.as_ref());
        let seen = shape.map(|shape| shape.read(&asked.sent.json).sightings).unwrap_or_default();
        let mut books = self.books();
        for sighting in seen.iter().filter(|s| s.expr.names().any(|name| name == "id")) {
            let at = sighting.value.as_str().and_then(|id| books.by_id.get(id).copied());
            if let Some(at) = at {
                let job = &mut books.jobs[at];
                let standing = job.standing(self.clock.now());
                self.cancel(job, at, &standing, asked);
            }
        }
        let scope = self.general_scope(asked, &asked.sent.json, &[]);
        self.reply(self.card.rehearsal.cancel.as_ref(), &scope)
    }

    /// The submissions, the latest first; of an attempt, only those under its key.
    fn lookup(&self, attempt: Option<&str>, asked: &Asked) -> Said {
        let now = self.clock.now();
        let paging = self.card.lookup.as_ref().and_then(|lookup| lookup.paging.as_ref());
        let page = paging.and_then(|paging| {
            let first = usize::try_from(paging.first).ok()?;
            asked.address.parameter(&paging.parameter)?.parse::<usize>().ok()?.checked_sub(first)
        });
        let books = self.books();
        let jobs = books.jobs.iter().enumerate().rev();
        let listed =
            jobs.filter(|(_, job)| attempt.is_none_or(|a| job.asked.attempt.as_deref() == Some(a)));
        let found: Vec<Json> = listed
            .skip(page.unwrap_or(0).saturating_mul(PAGE))
            .take(PAGE)
            .map(|(at, job)| self.entry(job, at, now))
            .collect();
        drop(books);
        let scope = self.general_scope(asked, &asked.sent.json, &found);
        self.reply(self.card.rehearsal.lookup.as_ref(), &scope)
    }

    fn entry(&self, job: &Job, at: JobAt, now: Timestamp) -> Json {
        let route: Route = job.asked.route;
        let attempt = job.asked.attempt.clone().unwrap_or_else(|| self.dice.uuid("job", at as u64));
        json!({
            "id": job.id, "model": job.asked.model.api_id(route), "attempt": attempt,
            "body": job.body, "at": job.accepted.to_string(),
            "state": job.standing(now).state().as_str(),
        })
    }

    fn upload(&self, at: Option<super::routes::UploadAt>, asked: &Asked) -> Answer {
        let scope = self.general_scope(asked, &asked.sent.json, &[]);
        let mut books = self.books();
        let Books { uploads, routes, begun_uploads, .. } = &mut *books;
        let mut id = || {
            *begun_uploads += 1;
            self.dice.uuid("upload", *begun_uploads)
        };
        let at = match at {
            Some(at) => uploads.at(at, id),
            None => uploads.begin(id()),
        };
        let (said, kept) = uploads.step(&self.card, &self.built(), routes, at, &asked.sent, &scope);
        drop(books);
        if let Some(kept) = kept
            && let Err(error) = self.pictures.uploaded(&kept.handle, &kept.bytes)
        {
            let message = format!("the rehearsal can't keep the picture: {error}");
            return Answer::Said(Said::plain(500, &message));
        }
        Answer::Said(said)
    }

    // Clips.

    /// The clip of a job by its URL.
    fn download(&self, name: &str, asked: &Asked) -> Answer {
        let gone = |status, why| Answer::Said(Said::plain(status, why));
        let parts = name.strip_suffix(".mp4").and_then(|name| name.split_once('-'));
        let parsed = parts.and_then(|(at, number)| Some((at.parse().ok()?, number.parse().ok()?)));
        let Some((at, number)): Option<(JobAt, u32)> = parsed else {
            return gone(404, "there is no such clip");
        };
        if self.card.output.auth && !self.has_key(asked) {
            return Answer::Said(self.refusal(Class::Auth, "the clip needs the key", asked));
        }
        let mut books = self.books();
        let Some(job) = books.jobs.get_mut(at) else { return gone(404, "there is no such clip") };
        let Standing::Succeeded(file) = job.standing(self.clock.now()) else {
            return gone(404, "there is no such clip");
        };
        self.hand_over(job, file, number, asked)
    }

    /// The clip by the card's request for its bytes.
    fn output(&self, job: &mut Job, standing: &Standing, asked: &Asked) -> Answer {
        match standing {
            Standing::Succeeded(file) => {
                let number = job.url_number;
                self.hand_over(job, file.clone(), number, asked)
            }
            _ => Answer::Said(self.refusal(Class::NotFound, "there is no clip (yet)", asked)),
        }
    }

    fn hand_over(&self, job: &mut Job, file: PathBuf, number: u32, asked: &Asked) -> Answer {
        if job.first_url_expired && number == 0 {
            job.first_url_tried = true;
            return Answer::Said(Said::plain(
                403,
                "the URL has expired; this is a rehearsed fault",
            ));
        }
        let lifetime = self.card.output.lifetime_s.and_then(|s| i64::try_from(s).ok());
        let age = self.clock.now().as_second() - job.made().as_second();
        if lifetime.is_some_and(|lifetime| age > lifetime) {
            return Answer::Said(Said::plain(410, "the clip is no longer kept"));
        }
        let cut = job.cuts_download && !asked.headers.contains_key("range");
        job.cuts_download &= !cut;
        Answer::Clip { file, cut }
    }
}

/// A reply with the second read at `also` in its body, as states and errors see it.
fn with_also(mut said: Said, also: Option<Said>) -> Said {
    if let (Some(Json::Object(body)), Some(also)) = (&mut said.body, also) {
        body.insert("also".to_owned(), also.body.unwrap_or_default());
    }
    said
}

fn joined(all: Option<Said>, said: Said) -> Said {
    match all {
        Some(Said { status, headers, body: Some(mut body) }) => {
            replies::merge(&mut body, said.body.unwrap_or_default());
            Said { status, headers, body: Some(body) }
        }
        _ => said,
    }
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
