//! The desk: takes requests in a provider's name and answers them. It knows its card, its jobs
//! and the time, and nothing of sockets.

mod billing;
mod downloads;
mod keys;
mod life;
mod lists;
mod polls;
mod submissions;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::bill::{Bill, BillFile, Charge};
use super::body::Sent;
use super::clips::Clips;
use super::faults::{Dice, FaultKind};
use super::job::{Job, Standing};
use super::pictures::Pictures;
use super::replies::{self, Said};
use super::routes::{Address, JobAt, Routes, Shared, Step, Target};
use super::settings::number;
use super::submission::{self, Candidate};
use super::uploads::Uploads;
use crate::clock::Clock;
use crate::models::Worth;
use crate::money::Unit;
use crate::protocol::{Built, Class, CostAt, ProviderCard};
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
    /// A page for people.
    Page(&'static str),
    /// An answer that comes late.
    Late(Box<Answer>),
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
    /// What its own credits are worth.
    worths: BTreeMap<Unit, Worth>,
    /// Where the bill is written as well, if anywhere.
    bill_file: Option<BillFile>,
    state: Mutex<Books>,
}

/// What a desk has in writing.
#[derive(Default)]
struct Books {
    routes: Routes,
    jobs: Vec<Job>,
    /// Jobs whose end the bill's file does not have yet; kept only where there is one.
    going: Vec<JobAt>,
    by_attempt: HashMap<String, JobAt>,
    by_id: HashMap<String, JobAt>,
    uploads: Uploads,
    submissions: u64,
    /// Polls of several jobs at once.
    shared_polls: u64,
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
    pub(super) worths: BTreeMap<Unit, Worth>,
    pub(super) bill_file: Option<BillFile>,
}

impl Desk {
    pub(super) fn new(setup: DeskSetup) -> Desk {
        let DeskSetup { card, candidates, root, dice, speed, clock, pictures, clips, .. } = setup;
        let (worths, bill_file) = (setup.worths, setup.bill_file);
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
        Desk {
            card,
            variables,
            given,
            root,
            base,
            dice,
            speed,
            clock,
            pictures,
            clips,
            worths,
            bill_file,
            state,
        }
    }

    /// URL to give to clients: the server's, with the path of the card's own base URL.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The card's variables as a client must set them to ask nobody else.
    pub(super) fn given(&self) -> &BTreeMap<String, String> {
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
        let fault = self.poll_fault(&target);
        match fault {
            Some(FaultKind::PollError) => return Answer::Said(self.server_error(asked)),
            Some(FaultKind::PollPage) => return Answer::Page(polls::PAGE_FOR_PEOPLE),
            Some(FaultKind::PollCut) => return Answer::Cut,
            _ => {}
        }
        let answer = self.by_target(target, asked);
        if fault == Some(FaultKind::PollSlow) { Answer::Late(Box::new(answer)) } else { answer }
    }

    fn by_target(&self, target: Target, asked: &Asked) -> Answer {
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
            .and_then(|amount| replies::cost(amount, cost_at, &job.asked.model, &self.worths));
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
            made => job.made().to_string(),
            cost => cost.as_ref().map(scope_of),
            code => doom.as_ref().map(|doom| &doom.code),
            message => doom.as_ref().map(|doom| &doom.message),
            provider => &self.card.provider[..],
            request => scope_of(&request),
            ..self.job_scope(job, at)
        }
    }

    fn clip_url(&self, job: &Job, at: JobAt) -> String {
        match self.clip_path(job, at) {
            Some(path) => format!("{}{path}", self.root),
            None => format!("{}{CLIPS}{at}-{}.mp4", self.root, job.url_number),
        }
    }

    /// The path of a job's clip, where the card has one of its own.
    pub(super) fn clip_path(&self, job: &Job, at: JobAt) -> Option<String> {
        let filling = self.card.rehearsal.clip.as_ref()?;
        filling.fill(&self.job_scope(job, at)).ok().flatten()
    }

    fn refusal(&self, class: Class, message: &str, asked: &Asked) -> Said {
        let scope = self.general_scope(asked, &asked.sent.json, &[]);
        Said::refusal(&self.card, class, message, &scope)
    }
}
