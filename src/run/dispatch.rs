//! The dispatcher: what earlier runs left comes first, then new work, as room and money allow.
//!
//! What never lives here: steps of a job (that is `drive`), what a step may be (`job`). Memory
//! does not grow with the plan: work is pulled from a channel, and at most
//! [`Pace::lookahead`](super::setup::Pace) jobs are looked at ahead.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::budget::{Budget, Purpose};
use super::causes::{CROWDED_TRIES, is_crowded, says_something_of_the_model};
use super::desk::Desk;
use super::drive::{Attempt, Ended};
use super::event::{RunEvent, RunSummary, Skip};
use super::job::{Grounds, Life};
use super::queue::{Queue, RoomLimits, Waiting};
use super::setup::{RunError, Setup, Stop, Work};
use crate::address::JobKey;
use crate::ledger::{AttemptRecord, JobState, NewRun, Period};
use crate::manifest::PoolLimit;
use crate::money::Micros;
use crate::providers::{Provider, Retry};
use jiff::Timestamp;

/// Runs what was approved until there is nothing left to do, or nothing that may be done.
///
/// `work` may hold any number of jobs; it is read as there is room. `events` must be read.
/// Dropping this future is as safe as a crash: the next run goes on from the ledger.
pub async fn execute(
    setup: Setup,
    work: mpsc::Receiver<Work>,
    events: mpsc::Sender<RunEvent>,
    stop: watch::Receiver<Stop>,
) -> Result<RunSummary, RunError> {
    check(&setup)?;
    let began = Instant::now();
    let approval = setup.approval.clone();
    let unit = setup.limits.unit.clone();
    let held = setup.ledger.holdings()?;
    let new_run = NewRun {
        plan: Some(approval.plan),
        approval: Some(approval.id),
        unit: unit.clone(),
        at: setup.clock.now(),
    };
    let run = setup.ledger.begin_run(new_run).await?;
    let mut budget = Budget::new(setup.limits.clone(), &held);
    budget.approve(approval.plan, approval.ceiling);
    let (cut, is_cut) = watch::channel(false);
    let open = setup.ledger.open_attempts()?;
    let queue = Queue::new(room_limits(&setup));
    let desk = Arc::new(Desk::new(setup, run, budget, is_cut, events));
    desk.say(RunEvent::Started {
        run,
        plan: approval.plan.to_string(),
        unit: unit.to_string(),
        resumed: open.len() as u64,
    })
    .await;
    let mut dispatcher = Dispatcher {
        summary: RunSummary { run, unit: unit.to_string(), ..RunSummary::default() },
        desk,
        work,
        work_ended: false,
        received: 0,
        stop,
        cut,
        queue,
        delayed: BTreeMap::new(),
        delays: 0,
        tasks: JoinSet::new(),
        in_hand: HashSet::new(),
        causes: HashMap::new(),
        gate: None,
        phase: Phase::Going,
        failure: None,
        aborted: false,
    };
    dispatcher.take_up(open)?;
    dispatcher.go().await?;
    dispatcher.finish(began).await
}

/// What must hold before anything is written.
fn check(setup: &Setup) -> Result<(), RunError> {
    let budget = setup.limits.unit.clone();
    if setup.approval.unit != budget {
        return Err(RunError::ApprovalUnit { approval: setup.approval.unit.clone(), budget });
    }
    if let Some(ledger) = setup.ledger.other_units(&budget)?.into_iter().next() {
        return Err(RunError::LedgerUnit { ledger, budget });
    }
    let limits = &setup.concurrency;
    let named = |kind: &'static str, map: &BTreeMap<String, PoolLimit>| {
        let zero = map.iter().find(|(_, limit)| limit.in_flight == Some(0));
        zero.map(|(name, _)| format!("{kind}.{name}"))
    };
    let zero = (limits.in_flight == Some(0))
        .then(|| "in_flight".to_owned())
        .or_else(|| named("providers", &limits.providers))
        .or_else(|| named("models", &limits.models));
    zero.map_or(Ok(()), |name| Err(RunError::ZeroLimit { name }))
}

fn room_limits(setup: &Setup) -> RoomLimits {
    let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    let limits = &setup.concurrency;
    let of_provider = |name: &String| limits.providers.get(name)?.in_flight.map(size);
    RoomLimits {
        run: limits.in_flight.map_or(usize::MAX, size),
        providers: setup
            .providers
            .iter()
            .map(|(name, provider)| {
                let limit = of_provider(name).unwrap_or(size(provider.terms().in_flight).max(1));
                (name.clone(), limit)
            })
            .collect(),
        models: limits
            .models
            .iter()
            .filter_map(|(name, limit)| Some((name.clone(), size(limit.in_flight?))))
            .collect(),
    }
}

/// How far stopping has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not stopping.
    Going,
    /// Nothing new; collecting until then.
    Collecting(Instant),
    /// Only answers to submissions are waited for, until then.
    Closing(Instant),
}

/// What a finished task brings back.
struct Report {
    key: JobKey,
    provider: String,
    model: String,
    /// The job, to be tried again; absent for what another plan approved.
    again: Option<Waiting>,
    ended: Result<Ended, RunError>,
}

struct Dispatcher {
    desk: Arc<Desk>,
    work: mpsc::Receiver<Work>,
    work_ended: bool,
    /// Jobs that came from the channel.
    received: u64,
    stop: watch::Receiver<Stop>,
    cut: watch::Sender<bool>,
    queue: Queue,
    delayed: BTreeMap<(Instant, u64), Waiting>,
    delays: u64,
    tasks: JoinSet<Report>,
    /// Jobs of these tasks: the ledger may not say yet that they are open.
    in_hand: HashSet<JobKey>,
    /// By model: the last cause and how often it came in a row.
    causes: HashMap<String, (String, u32)>,
    /// Open while attempts of earlier runs may have clips waiting to be fetched.
    gate: Option<mpsc::Receiver<()>>,
    phase: Phase,
    failure: Option<RunError>,
    aborted: bool,
    summary: RunSummary,
}

impl Dispatcher {
    /// Starts what earlier runs left: clips that wait first, soonest expiry first.
    fn take_up(&mut self, mut open: Vec<AttemptRecord>) -> Result<(), RunError> {
        open.sort_by_key(|attempt| {
            let waits = matches!(attempt.state, JobState::Ready | JobState::Fetching);
            (!waits, attempt.expires.unwrap_or(jiff::Timestamp::MAX), attempt.id)
        });
        let (gate, gate_open) = mpsc::channel(1);
        for record in open {
            let Some(provider) = self.desk.provider(&record.provider) else {
                match record.state {
                    JobState::Unknown => self.summary.unknown += 1,
                    _ => self.summary.waiting += 1,
                }
                continue;
            };
            if record.state == JobState::Unknown
                && !may_replay(&*provider, &record, self.desk.now())
            {
                self.summary.unknown += 1;
                continue;
            }
            let (provider_name, model) = (record.provider.clone(), record.model.clone());
            self.queue.occupy(&provider_name, &model);
            let key = record.address.key();
            self.in_hand.insert(key);
            // What this very plan approved may be tried again if it ends without a charge.
            let again = (record.plan == self.desk.setup.approval.plan)
                .then_some((record.parts, record.estimate));
            let attempt = Attempt::take_up(Arc::clone(&self.desk), provider, record, gate.clone())?;
            let request = Arc::clone(attempt.request());
            self.tasks.spawn(async move {
                let ended = attempt.resume().await;
                let again =
                    again.map(|(parts, reserve)| Waiting { request, parts, reserve, tries: 0 });
                Report { key, provider: provider_name, model, again, ended }
            });
        }
        self.gate = Some(gate_open);
        Ok(())
    }

    /// Goes on until nothing is left.
    async fn go(&mut self) -> Result<(), RunError> {
        loop {
            self.start_what_fits().await?;
            let idle = self.queue.waiting() == 0 && self.delayed.is_empty();
            let over = self.work_ended || self.phase != Phase::Going;
            if over && idle && self.tasks.is_empty() {
                return Ok(());
            }
            let wants_work = self.phase == Phase::Going
                && !self.work_ended
                && self.queue.waiting() + self.delayed.len() < self.desk.setup.pace.lookahead;
            let wakes = self.wakes_at();
            tokio::select! {
                biased;
                Ok(()) = self.stop.changed() => {
                    let stop = *self.stop.borrow_and_update();
                    self.stopping(stop).await;
                }
                Some(report) = self.tasks.join_next() => match report {
                    Ok(report) => self.ended(report).await,
                    Err(e) if e.is_cancelled() => {}
                    Err(e) => self.fail(RunError::Broken(e.to_string())).await,
                },
                // Nothing is ever sent; the end of the channel is the message.
                None = gate_passed(&mut self.gate) => self.gate = None,
                work = self.work.recv(), if wants_work => match work {
                    Some(work) => self.admit(work).await,
                    None => self.no_more_work(),
                },
                () = sleep_until(wakes), if wakes.is_some() => self.woken().await,
            }
        }
    }

    /// Whether new work may start: nothing that is finished waits to be fetched (M6).
    fn may_start(&self) -> bool {
        self.phase == Phase::Going && self.gate.is_none() && !self.desk.line.is_busy()
    }

    async fn start_what_fits(&mut self) -> Result<(), RunError> {
        while self.may_start() {
            let Some(waiting) = self.queue.pop() else { return Ok(()) };
            self.start(waiting).await?;
        }
        Ok(())
    }

    /// The channel ended. What is in hand goes on: it was approved whatever else is missing.
    fn no_more_work(&mut self) {
        self.work_ended = true;
        let jobs = self.desk.setup.jobs.filter(|jobs| *jobs != self.received);
        if let Some(jobs) = jobs {
            let what = format!("{} of {jobs} planned jobs reached the run", self.received);
            self.failure.get_or_insert(RunError::Broken(what));
        }
    }

    /// Takes in one job from the plan, or says why not.
    async fn admit(&mut self, work: Work) {
        self.received += 1;
        let job = work.request.address.to_string();
        let held = self.desk.is_held(&work.request.model);
        let (why, count) = if work.plan != self.desk.setup.approval.plan {
            (Skip::NotApproved, &mut self.summary.skipped)
        } else if !self.desk.setup.providers.contains_key(&work.request.provider) {
            (Skip::NoProvider, &mut self.summary.skipped)
        } else if held {
            (Skip::ModelHeld, &mut self.summary.held)
        } else if let Some(reserve) = work.reserve {
            let request = Arc::new(work.request);
            self.queue.push(Waiting { request, parts: work.parts, reserve, tries: 0 });
            return;
        } else {
            (Skip::Unpriced, &mut self.summary.unpriced)
        };
        *count += 1;
        self.desk.say(RunEvent::Skipped { job, why }).await;
    }

    /// Starts a job that has room: if the ledger lets it (M2) and the budget does (M5).
    async fn start(&mut self, waiting: Waiting) -> Result<(), RunError> {
        let request = Arc::clone(&waiting.request);
        let job = request.address.to_string();
        let standing = if self.desk.is_held(&request.model) {
            Err(Skip::ModelHeld)
        } else if self.in_hand.contains(&request.address.key()) {
            Err(Skip::Open)
        } else {
            self.standing(&waiting)?
        };
        let (before, grounds) = match standing {
            Ok(standing) => standing,
            Err(why) => {
                self.queue.leave(&request.provider, &request.model);
                match why {
                    Skip::ModelHeld => self.summary.held += 1,
                    Skip::PaidBefore => self.summary.paid_before += 1,
                    _ => self.summary.skipped += 1,
                }
                self.desk.say(RunEvent::Skipped { job, why }).await;
                return Ok(());
            }
        };
        let what = Purpose {
            plan: self.desk.setup.approval.plan,
            provider: &request.provider,
            model: &request.model,
            account: "",
        };
        let granted = self.desk.shared().budget.reserve(&what, waiting.reserve, self.desk.now());
        let grant = match granted {
            Ok(grant) => grant,
            Err(over) => {
                self.queue.leave(&request.provider, &request.model);
                self.summary.over_budget += 1;
                let event = RunEvent::OverBudget {
                    job,
                    limit: over.limit,
                    wanted: waiting.reserve.to_decimal().to_string(),
                    left: over.left.to_decimal().to_string(),
                };
                self.desk.say(event).await;
                return Ok(());
            }
        };
        let Some(provider) = self.desk.provider(&request.provider) else {
            return Err(RunError::Broken(format!("provider {} went away", request.provider)));
        };
        let desk = Arc::clone(&self.desk);
        let key = request.address.key();
        self.in_hand.insert(key);
        self.tasks.spawn(async move {
            let begun = Attempt::begin(desk, provider, &waiting, (before, grounds), grant).await;
            let ended = match begun {
                Ok(attempt) => attempt.run().await,
                Err(error) => Err(error),
            };
            let (provider, model) = (request.provider.clone(), request.model.clone());
            Report { key, provider, model, again: Some(waiting), ended }
        });
        Ok(())
    }

    /// Where the ledger says that a job stands, and on what grounds another attempt may begin.
    fn standing(&self, waiting: &Waiting) -> Result<Result<(Life, Grounds), Skip>, RunError> {
        let ledger = &self.desk.setup.ledger;
        let Some(job) = ledger.job(&waiting.request.address)? else {
            return Ok(Ok((Life::PLANNED, Grounds::First)));
        };
        if job.state.is_open() {
            return Ok(Err(Skip::Open));
        }
        let Some(last) = ledger.attempt(job.attempt)? else {
            return Err(RunError::Broken(format!("attempt {} has no row", job.attempt)));
        };
        let life = Life { state: Some(job.state), reserved: last.reserved, settled: last.settled };
        let changed = last.fingerprint != waiting.request.fingerprint;
        Ok(match job.state {
            _ if changed => Ok((life, Grounds::Changed)),
            JobState::Done => Err(Skip::AlreadyDone),
            JobState::Refused => Ok((life, Grounds::Again)),
            _ if last.settled == Micros::ZERO => Ok((life, Grounds::Again)),
            _ if self.desk.setup.pay_again => Ok((life, Grounds::PayAgain)),
            _ => Err(Skip::PaidBefore),
        })
    }

    /// Counts a finished task, or tries its job again where that is allowed.
    async fn ended(&mut self, report: Report) {
        self.queue.leave(&report.provider, &report.model);
        self.in_hand.remove(&report.key);
        let ended = match report.ended {
            Ok(ended) => ended,
            Err(error) => return self.fail(error).await,
        };
        let (cause, retry) = match &ended {
            Ended::Done => {
                self.causes.remove(&report.model);
                self.summary.done += 1;
                return;
            }
            Ended::NotSent => return,
            // What was left because of a stop says nothing about its model.
            Ended::Waiting if self.phase != Phase::Going => {
                self.summary.waiting += 1;
                return;
            }
            Ended::Waiting => ("no_answer", Retry::Never),
            Ended::Unknown => ("unknown", Retry::Never),
            Ended::Lost => ("lost", Retry::Never),
            Ended::Refused(refusal) => (refusal.cause.as_str(), refusal.retry),
            Ended::Failed(failure) if failure.charged => (failure.cause.as_str(), Retry::Never),
            Ended::Failed(failure) => (failure.cause.as_str(), failure.retry),
        };
        if says_something_of_the_model(cause) {
            self.count_cause(&report.model, cause).await;
        }
        if let (Some(waiting), Retry::After(at_least)) = (report.again, retry)
            && self.try_again(waiting, cause, at_least).await
        {
            return;
        }
        let count = match ended {
            Ended::Done => &mut self.summary.done,
            Ended::Waiting | Ended::NotSent => &mut self.summary.waiting,
            Ended::Unknown => &mut self.summary.unknown,
            Ended::Lost => &mut self.summary.lost,
            Ended::Refused(_) => &mut self.summary.refused,
            Ended::Failed(_) => &mut self.summary.failed,
        };
        *count += 1;
    }

    /// Holds a model after the same cause again and again.
    async fn count_cause(&mut self, model: &str, cause: &str) {
        let most = self.desk.setup.pace.hold_after;
        let entry = self.causes.entry(model.to_owned()).or_insert_with(|| (cause.to_owned(), 0));
        if entry.0 != cause {
            *entry = (cause.to_owned(), 0);
        }
        entry.1 += 1;
        if entry.1 < most {
            return;
        }
        let why = format!("{cause}, {} times in a row", entry.1);
        if self.desk.hold(model, &why) {
            self.desk.say(RunEvent::Held { model: model.to_owned(), why }).await;
        }
        for waiting in self.queue.drain_model(model) {
            self.summary.held += 1;
            let job = waiting.request.address.to_string();
            self.desk.say(RunEvent::Skipped { job, why: Skip::ModelHeld }).await;
        }
    }

    /// Puts a job back in the queue after a wait; false when it must not be tried again.
    async fn try_again(
        &mut self,
        mut waiting: Waiting,
        cause: &str,
        at_least: Option<u64>,
    ) -> bool {
        let crowded = is_crowded(cause);
        let most = if crowded { CROWDED_TRIES } else { self.desk.setup.retries };
        let held = self.desk.is_held(&waiting.request.model);
        if waiting.tries >= most || held || self.phase != Phase::Going {
            return false;
        }
        let wait =
            self.desk.backoff(waiting.tries) + Duration::from_millis(at_least.unwrap_or_default());
        waiting.tries += 1;
        self.summary.retries += 1;
        let event = RunEvent::Retry {
            job: waiting.request.address.to_string(),
            cause: cause.to_owned(),
            after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            left: most - waiting.tries,
        };
        self.desk.say(event).await;
        self.delays += 1;
        self.delayed.insert((Instant::now() + wait, self.delays), waiting);
        true
    }

    /// Something failed that no other job must meet: nothing more is submitted.
    async fn fail(&mut self, error: RunError) {
        self.failure.get_or_insert(error);
        self.stopping(Stop::Now).await;
    }

    async fn stopping(&mut self, stop: Stop) {
        let pace = self.desk.setup.pace.clone();
        let next = match (stop, self.phase) {
            (Stop::No, _) | (Stop::Graceful, Phase::Collecting(_)) | (_, Phase::Closing(_)) => {
                return;
            }
            (Stop::Graceful, Phase::Going) => Phase::Collecting(Instant::now() + pace.grace),
            (Stop::Now, _) => Phase::Closing(Instant::now() + pace.answer_grace),
        };
        let unfinished =
            !self.work_ended || self.queue.waiting() + self.delayed.len() + self.tasks.len() > 0;
        self.summary.interrupted |= unfinished;
        self.desk.close();
        self.queue.clear();
        self.delayed.clear();
        self.work.close();
        self.enter(next);
        let in_flight = self.tasks.len() as u64;
        self.desk.say(RunEvent::Stopping { in_flight }).await;
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        if let Phase::Closing(_) = phase {
            // The tasks hold receivers; when none is left, there is nobody to tell.
            let _ = self.cut.send(true);
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Going => self.delayed.first_key_value().map(|((at, _), _)| *at),
            Phase::Collecting(until) | Phase::Closing(until) => Some(until),
        }
    }

    async fn woken(&mut self) {
        match self.phase {
            Phase::Going => {
                let now = Instant::now();
                while let Some(entry) = self.delayed.first_entry() {
                    if entry.key().0 > now {
                        break;
                    }
                    let waiting = entry.remove();
                    self.queue.push(waiting);
                }
            }
            Phase::Collecting(_) => {
                let answers = self.desk.setup.pace.answer_grace;
                self.enter(Phase::Closing(Instant::now() + answers));
            }
            Phase::Closing(_) => {
                self.aborted = true;
                self.summary.waiting += self.tasks.len() as u64;
                self.tasks.shutdown().await;
            }
        }
    }

    async fn finish(mut self, began: Instant) -> Result<RunSummary, RunError> {
        let (run, desk) = (self.summary.run, &self.desk);
        let at = desk.setup.clock.now();
        if let Some(error) = self.failure {
            // The ledger may be what failed; the first error is the one to tell.
            let _ = desk.setup.ledger.end_run(run, "failed", at).await;
            return Err(error);
        }
        let outcome = if self.summary.interrupted { "interrupted" } else { "ended" };
        desk.setup.ledger.end_run(run, outcome, at).await?;
        let (held, settled) = {
            let shared = desk.shared();
            self.summary.models_held = shared.held.keys().cloned().collect();
            (shared.budget.held_by_run(), shared.budget.settled_by_run())
        };
        let by_ledger = desk.setup.ledger.spent(Period::Run(run))?;
        if by_ledger != held && !self.aborted {
            return Err(RunError::Books {
                ledger: by_ledger.to_decimal().to_string(),
                counted: held.to_decimal().to_string(),
            });
        }
        let reserved = held.checked_sub(settled).unwrap_or_default();
        self.summary.spent = settled.to_decimal().to_string();
        self.summary.reserved = reserved.to_decimal().to_string();
        self.summary.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        desk.say(RunEvent::Ended(self.summary.clone())).await;
        Ok(self.summary)
    }
}

async fn gate_passed(gate: &mut Option<mpsc::Receiver<()>>) -> Option<()> {
    match gate {
        Some(gate) => gate.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Whether an attempt of an earlier run may be sent again under its key.
fn may_replay(provider: &dyn Provider, record: &AttemptRecord, now: Timestamp) -> bool {
    let age = now.duration_since(record.started).unsigned_abs();
    provider.replay_window().is_some_and(|window| age < window)
}
