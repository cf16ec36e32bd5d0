//! The desk: what all jobs of one run share.
//!
//! What never lives here: the order of steps (that is `drive`), who goes next (`dispatch`).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, mpsc};
use tokio::time::Instant;

use super::budget::Budget;
use super::drive::millis;
use super::event::RunEvent;
use super::evidence::Trace;
use super::guard::Broken;
use super::line::Line;
use super::pools::{Moment, Pools, REQUESTS, Seat};
use super::setup::{RunError, Setup};
use super::waiting::Waiting;
use crate::ledger::{AttemptRecord, Charged};
use crate::plan::Request;
use crate::providers::{LookupKind, Provider, Retry};

/// How far the clock may be set back before nothing more is spent: budgets by the day and
/// windows of providers count on it.
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(2);

/// Submissions that are made ready and sent at once, at most.
const OPENINGS: usize = 64;

/// How long the run waits for somebody to read its events before it goes on without.
const READER: Duration = Duration::from_secs(2);

/// Shared by all jobs of a run.
pub struct Desk {
    /// What the run was given.
    pub setup: Setup,
    /// The run's number in the ledger.
    pub run: i64,
    /// The line before the fetches.
    pub line: Arc<Line>,
    /// Told when room in the pools was given back.
    pub room: Notify,
    began: Instant,
    /// The latest time seen, in microseconds since 1970.
    latest: AtomicI64,
    requests: Semaphore,
    openings: Semaphore,
    books: Mutex<Shared>,
    /// Folders that this run made or saw.
    folders: Mutex<HashSet<PathBuf>>,
    closed: AtomicBool,
    newly_held: AtomicBool,
    cut: AtomicBool,
    told: Notify,
    told_closed: Notify,
    events: mpsc::Sender<RunEvent>,
    /// Events that nobody read in time.
    missed: AtomicU64,
}

/// What changes under the desk's lock.
pub struct Shared {
    /// The money.
    pub budget: Budget,
    /// Who goes next, and the room for it.
    pub pools: Pools<Waiting>,
    /// Attempts of which nobody knows yet whether a provider has them: being submitted, or in
    /// doubt.
    unanswered: BTreeMap<i64, Unanswered>,
    /// Ids found for attempts in doubt by this run: provider and id.
    claimed: BTreeSet<(String, String)>,
    /// What finished in this run against its estimates, by model, where its provider said what it
    /// charged.
    pub charged: BTreeMap<String, Charged>,
}

/// An attempt without an answer.
struct Unanswered {
    request: Arc<Request>,
    account: String,
    started: Timestamp,
}

impl Unanswered {
    fn trace(&self) -> Trace<'_> {
        Trace { account: &self.account, request: &self.request, started: self.started }
    }
}

impl Desk {
    /// A desk, for a run that began `at`.
    pub fn new(
        setup: Setup,
        run: i64,
        (budget, pools): (Budget, Pools<Waiting>),
        (began, at): (Instant, Timestamp),
        events: mpsc::Sender<RunEvent>,
    ) -> Self {
        let size = |limit: u32| usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS).max(1);
        let fetches = setup.concurrency.fetches.map_or(setup.pace.fetches, size);
        let requests = size(setup.concurrency.requests.unwrap_or(REQUESTS));
        let (unanswered, claimed) = (BTreeMap::new(), BTreeSet::new());
        let charged = BTreeMap::new();
        let books = Mutex::new(Shared { budget, pools, unanswered, claimed, charged });
        Desk {
            setup,
            run,
            line: Arc::new(Line::new(fetches)),
            room: Notify::new(),
            began,
            latest: AtomicI64::new(at.as_microsecond()),
            requests: Semaphore::new(requests.min(Semaphore::MAX_PERMITS)),
            openings: Semaphore::new(requests.min(OPENINGS)),
            books,
            folders: Mutex::default(),
            closed: AtomicBool::new(false),
            newly_held: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            told: Notify::new(),
            told_closed: Notify::new(),
            events,
            missed: AtomicU64::new(0),
        }
    }

    /// The time now, as fine as the ledger keeps it, so that what is written is what is meant.
    pub fn now(&self) -> Timestamp {
        let now = to_the_ledger(self.setup.clock.now());
        self.latest.fetch_max(now.as_microsecond(), Ordering::Relaxed);
        now
    }

    /// This moment, for the pools.
    pub fn moment(&self) -> Moment {
        Moment { since: self.began.elapsed(), at: self.now() }
    }

    /// Checks, before anything is spent, that the clock was not set back since the run began.
    pub fn check_clock(&self) -> Result<(), RunError> {
        let now = self.now();
        let latest = self.latest.load(Ordering::Relaxed);
        behind(now, Timestamp::from_microsecond(latest).unwrap_or(now))
    }

    /// Money, pools and doubts. Never held across an await.
    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        // A broken assertion about money must stop the run, not be stepped over: the panic that
        // poisoned this lock goes on in everyone who asks.
        self.books.lock().expect("an assertion about money failed in another job of this run")
    }

    /// A provider by name.
    pub fn provider(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.setup.providers.get(name).cloned()
    }

    /// Leave to make one submission ready and send it. What is made ready is in memory with its
    /// pictures, so that there are fewer of these than of requests.
    pub async fn opening(&self) -> SemaphorePermit<'_> {
        self.openings.acquire().await.expect("nobody closes it")
    }

    /// Leave to send one request. There are far fewer of them than jobs in flight.
    pub async fn request(&self) -> SemaphorePermit<'_> {
        self.requests.acquire().await.expect("nobody closes it")
    }

    /// Whether a folder is known to be there.
    pub fn knows_folder(&self, folder: &Path) -> bool {
        self.known_folders().contains(folder)
    }

    /// Notes that a folder is there.
    pub fn know_folder(&self, folder: &Path) {
        self.known_folders().insert(folder.to_path_buf());
    }

    fn known_folders(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Tells people. A listener that went away misses it; one that does not read for long (a
    /// terminal that is held up) must not hold up what is paid for, and misses it too.
    pub async fn say(&self, event: RunEvent) {
        let stalled = self.missed.swap(0, Ordering::Relaxed);
        if stalled > 0 {
            let missed = RunEvent::Missed { events: stalled };
            if self.events.try_send(missed).is_err() {
                self.missed.fetch_add(stalled + 1, Ordering::Relaxed);
                return;
            }
        }
        if self.events.send_timeout(event, READER).await.is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells people which guardrails warn of what was set aside, each once.
    pub async fn say_warnings(&self, job: &str) {
        let warnings = self.shared().budget.warnings();
        for Broken { rule, at, message } in warnings {
            let (job, rule) = (job.to_owned(), rule.to_owned());
            self.say(RunEvent::Guardrail { job, rule, at, message }).await;
        }
    }

    /// From now on nothing is submitted, not even what has its intent written.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.told_closed.notify_waiters();
    }

    /// Whether nothing is submitted any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Holds a model for the rest of the run; true when it was not held before.
    pub fn hold(&self, model: &str, why: &str) -> bool {
        let now = self.moment();
        let is_new = self.shared().pools.hold(model, why, now);
        if is_new {
            self.says_held();
        }
        is_new
    }

    /// Tells the pools why a job was not taken or gave no clip, and people what follows for its
    /// model. `crowded` when there was no room for it.
    pub async fn blame(
        &self,
        seat: Option<&Seat>,
        model: &str,
        cause: &str,
        crowded: Option<Retry>,
    ) {
        let now = self.moment();
        let closed = {
            let mut shared = self.shared();
            match seat {
                None => shared.pools.failed_later(model, cause, now),
                Some(seat) => {
                    if let Some(retry) = crowded {
                        let at_least = match retry {
                            Retry::After(ms) => ms.map(Duration::from_millis),
                            Retry::Never => None,
                        };
                        shared.pools.crowded(seat, at_least, |whole| self.up_to(whole), now);
                    }
                    shared.pools.failed(seat, cause, now)
                }
            }
        };
        let Some(closed) = closed else { return };
        let event = match closed.until {
            None => {
                self.says_held();
                RunEvent::Held { model: closed.name, why: closed.why }
            }
            Some(until) => RunEvent::Paused {
                model: closed.name,
                why: closed.why,
                for_ms: millis(until.saturating_sub(now.since)),
            },
        };
        self.say(event).await;
    }

    /// Notes that a model is held from now on: what waits for it must be let go of.
    pub fn says_held(&self) {
        self.newly_held.store(true, Ordering::SeqCst);
        self.room.notify_one();
    }

    /// Models that are held, if there are more of them than when this was asked before.
    pub fn newly_held(&self) -> Vec<String> {
        if !self.newly_held.swap(false, Ordering::SeqCst) {
            return Vec::new();
        }
        self.held_models()
    }

    /// Every model that is held.
    pub fn held_models(&self) -> Vec<String> {
        let now = self.moment();
        let mut shared = self.shared();
        let closed: Vec<String> = shared.pools.closed(now).into_iter().map(|c| c.name).collect();
        closed.into_iter().filter(|name| shared.pools.held(name).is_some()).collect()
    }

    /// Whether a model is held.
    pub fn is_held(&self, model: &str) -> bool {
        self.shared().pools.held(model).is_some()
    }

    /// Notes that an attempt has no answer yet.
    pub fn asks(&self, attempt: i64, request: &Arc<Request>, account: &str, started: Timestamp) {
        let (request, account) = (Arc::clone(request), account.to_owned());
        self.shared().unanswered.insert(attempt, Unanswered { request, account, started });
    }

    /// Notes that it is known what became of an attempt.
    pub fn is_answered(&self, attempt: i64) {
        self.shared().unanswered.remove(&attempt);
    }

    /// From now on everything that can wait is left to the next run.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        // Everybody in the order in which they began to wait: a channel would pick at random.
        self.told.notify_waiters();
    }

    /// How many other attempts without an answer a provider's list can't tell from this one.
    pub fn alike(&self, attempt: i64, kind: LookupKind) -> usize {
        let shared = self.shared();
        let Some(own) = shared.unanswered.get(&attempt) else { return 0 };
        let others = shared.unanswered.iter().filter(|(other, _)| **other != attempt);
        others.filter(|(_, other)| own.trace().is_alike(&other.trace(), kind)).count()
    }

    /// Takes an id that was found for an attempt in doubt; false when another has taken it.
    pub fn claim(&self, provider: &str, id: &str) -> bool {
        self.shared().claimed.insert((provider.to_owned(), id.to_owned()))
    }

    /// Ids found by this run at a provider.
    pub fn claimed(&self, provider: &str) -> BTreeSet<String> {
        let shared = self.shared();
        let of = shared.claimed.iter().filter(|(name, _)| name == provider);
        of.map(|(_, id)| id.clone()).collect()
    }

    /// The outcome of `work`, unless the run is cut first. Only for what may be dropped halfway.
    pub async fn unless_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut told = std::pin::pin!(self.told.notified());
        told.as_mut().enable();
        if self.cut.load(Ordering::SeqCst) {
            return None;
        }
        tokio::select! {
            biased;
            () = told => None,
            value = work => Some(value),
        }
    }

    /// The outcome of a wait, unless the run is asked to stop first: what would only be tried again
    /// is left to the next run.
    pub async fn unless_closed<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let mut told = std::pin::pin!(self.told_closed.notified());
        told.as_mut().enable();
        if self.is_closed() {
            return None;
        }
        tokio::select! {
            biased;
            () = told => None,
            value = wait => Some(value),
        }
    }

    /// Exponential backoff with full jitter: anything from nothing up to the step's whole wait.
    pub fn backoff(&self, tries: u32) -> Duration {
        let pace = &self.setup.pace;
        let whole = pace.backoff.saturating_mul(1u32 << tries.min(20)).min(pace.backoff_most);
        self.up_to(whole)
    }

    /// Any time up to this long.
    pub fn up_to(&self, whole: Duration) -> Duration {
        let whole = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.setup.chance.below(whole.saturating_add(1)))
    }

    /// About this long: polls of many jobs spread over time.
    pub fn about(&self, wait: Duration) -> Duration {
        wait * 9 / 10 + self.up_to(wait / 5)
    }
}

/// A time as fine as the ledger keeps it.
pub fn to_the_ledger(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Refuses a clock that is behind what is surely past.
pub fn behind(now: Timestamp, past: Timestamp) -> Result<(), RunError> {
    if past.duration_since(now) <= CLOCK_SLACK {
        return Ok(());
    }
    Err(RunError::ClockBack { now: now.to_string(), past: past.to_string() })
}

/// Whether an attempt of an earlier run may be what stops the processes that work on it.
pub fn is_parked(record: &AttemptRecord) -> bool {
    record.interruptions >= super::resolve::PARKED_AFTER
}
