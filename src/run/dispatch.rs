//! The dispatcher: what earlier runs left comes first, then new work, as room and money allow.
//!
//! What lives here: the order of a run, from its start to its end. What never does: steps of a
//! job (that is `drive`), what a step may be (`job`), who goes next (`pools`). Memory does not
//! grow with the plan: work is pulled from a channel, and at most
//! [`Pace::lookahead`](super::setup::Pace) jobs are looked at ahead.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::budget::{Budget, first_of_month};
use super::desk::{Desk, behind, to_the_ledger};
use super::drive::Ended;
use super::event::{RunEvent, RunSummary};
use super::looking::Looking;
use super::pools::{Moment, PoolLimits, PoolPace, Pools};
use super::setup::{RunError, Setup, Stop, Work};
use super::waiting::Waiting;
use crate::address::JobKey;
use crate::digest::Digest;
use crate::ledger::{AttemptRecord, Holding, NewRun, Period, SubjectHolding, day_number};
use crate::money::Micros;
use crate::plan::Actual;

/// Runs what was approved until there is nothing left to do, or nothing that may be done.
///
/// `work` may hold any number of jobs; it is read as there is room. `events` should be read.
/// Dropping this future is as safe as a crash: the next run goes on from the ledger.
pub async fn execute(
    setup: Setup,
    work: mpsc::Receiver<Work>,
    events: mpsc::Sender<RunEvent>,
    stop: watch::Receiver<Stop>,
) -> Result<RunSummary, RunError> {
    Dispatcher::begin(setup, work, events, stop, false).await?.run().await
}

/// The first part of every start: fetches what is finished at providers, soonest expiry first,
/// looks once at whatever else earlier runs left in flight, and settles what can be settled.
/// Submits nothing new; needs no approval.
pub async fn collect(
    setup: Setup,
    events: mpsc::Sender<RunEvent>,
    stop: watch::Receiver<Stop>,
) -> Result<RunSummary, RunError> {
    // No work will come.
    let (_, work) = mpsc::channel(1);
    let setup = Setup { approval: None, jobs: None, ..setup };
    Dispatcher::begin(setup, work, events, stop, true).await?.run().await
}

/// What must hold before anything is written.
fn check(setup: &Setup, once: bool) -> Result<(), RunError> {
    let budget = setup.limits.unit.clone();
    if let Some(approval) = setup.approval.as_ref().filter(|a| a.unit != budget) {
        return Err(RunError::ApprovalUnit { approval: approval.unit.clone(), budget });
    }
    if let Some(ledger) = setup.ledger.other_units(&budget)?.into_iter().next() {
        return Err(RunError::LedgerUnit { ledger, budget });
    }
    // Whoever only collects spends nothing, and clips expire whatever the clock says.
    if let Some(latest) = setup.ledger.latest_event()?.filter(|_| !once) {
        behind(setup.clock.now(), latest)?;
    }
    match setup.concurrency.zero() {
        Some(name) => Err(RunError::ZeroLimit { name }),
        None => Ok(()),
    }
}

/// What is held by subject this month, and whatever an open attempt holds, if guardrails ask for it.
fn by_subject(setup: &Setup, at: jiff::Timestamp) -> Result<Vec<SubjectHolding>, RunError> {
    if !setup.guard.counts_subjects() {
        return Ok(Vec::new());
    }
    let open = setup.ledger.open_attempts()?;
    let oldest = open.iter().map(|attempt| day_number(attempt.started)).min();
    let first = first_of_month(day_number(at));
    Ok(setup.ledger.held_by_subject(oldest.map_or(first, |oldest| oldest.min(first)))?)
}

fn pools(setup: &Setup, held: &[Holding], at: jiff::Timestamp) -> Pools<Waiting> {
    let pace = PoolPace {
        backoff: setup.pace.backoff,
        backoff_most: setup.pace.backoff_most,
        hold_after: setup.pace.hold_after,
        probe: setup.pace.probe,
        ..PoolPace::default()
    };
    let limits = PoolLimits::of(&setup.concurrency, &setup.providers, pace);
    Pools::new(limits, held, Moment { since: std::time::Duration::ZERO, at })
}

/// Waits that are shorter go without a word.
const WORTH_SAYING: Duration = Duration::from_secs(5);

/// How far stopping has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not stopping.
    Going,
    /// Nothing new; collecting until then.
    Collecting(Instant),
    /// Only answers to submissions are waited for, until then.
    Closing(Instant),
}

/// What a finished task brings back.
pub(super) struct Report {
    pub key: JobKey,
    /// The job, to be tried again; absent for what another plan approved.
    pub again: Option<Waiting>,
    /// The attempt, when it was parked and was looked at.
    pub parked: Option<i64>,
    pub ended: Result<Ended, RunError>,
}

/// One run.
pub(super) struct Dispatcher {
    pub desk: Arc<Desk>,
    pub plan: Option<Digest>,
    work: mpsc::Receiver<Work>,
    pub work_ended: bool,
    /// Jobs that came from the channel.
    pub received: u64,
    stop: watch::Receiver<Stop>,
    /// Jobs that wait for their next try.
    pub delayed: BTreeMap<(Instant, u64), Waiting>,
    pub delays: u64,
    pub tasks: JoinSet<Report>,
    /// Jobs of these tasks: the ledger may not say yet that they are open.
    pub in_hand: HashSet<JobKey>,
    /// Attempts that may be what stopped earlier processes: looked at last, one at a time.
    pub parked: VecDeque<AttemptRecord>,
    /// Attempts of these that were looked at, and did no harm.
    pub harmless: Vec<i64>,
    /// Open while attempts of earlier runs may have clips waiting to be fetched.
    pub gate: Option<mpsc::Receiver<()>>,
    /// Whether this run only collects.
    pub once: bool,
    /// When the pools may have room again without anybody leaving.
    pub room_at: Option<Instant>,
    /// What was said of pools that are closed: name and why.
    said_closed: BTreeSet<(String, String)>,
    /// Clips to be looked at.
    pub looking: Looking,
    pub phase: Phase,
    pub failure: Option<RunError>,
    pub aborted: bool,
    pub summary: RunSummary,
    pub began: Instant,
}

impl Dispatcher {
    /// Checks, records the start, and takes up what earlier runs left.
    async fn begin(
        setup: Setup,
        work: mpsc::Receiver<Work>,
        events: mpsc::Sender<RunEvent>,
        stop: watch::Receiver<Stop>,
        once: bool,
    ) -> Result<Self, RunError> {
        check(&setup, once)?;
        let began = Instant::now();
        let approval = setup.approval.clone();
        let unit = setup.limits.unit.clone();
        let held = setup.ledger.holdings()?;
        let plan = approval.as_ref().map(|approval| approval.plan);
        let at = to_the_ledger(setup.clock.now());
        let approved = approval.as_ref().map(|approval| approval.id);
        let new_run = NewRun { plan, approval: approved, unit: unit.clone(), at };
        let run = setup.ledger.begin_run(new_run).await?;
        let by_subject = by_subject(&setup, at)?;
        let budget = Budget::new(setup.limits.clone(), &held);
        let mut budget = budget.guarded(setup.guard.clone(), &held, &by_subject);
        if let Some(approval) = &approval {
            budget.approve(approval.plan, approval.ceiling);
        }
        let open = setup.ledger.open_attempts()?;
        let to_check = match setup.verifier {
            Some(_) => setup.ledger.to_check()?,
            None => Vec::new(),
        };
        let money = (budget, pools(&setup, &held, at));
        let desk = Arc::new(Desk::new(setup, run, money, (began, at), events));
        desk.say(RunEvent::Started {
            run,
            plan: plan.map(|plan| plan.to_string()),
            unit: unit.to_string(),
            resumed: open.len() as u64,
        })
        .await;
        let mut dispatcher = Dispatcher {
            summary: RunSummary {
                run,
                unit: unit.to_string(),
                collecting: once,
                ..RunSummary::default()
            },
            desk,
            plan,
            work,
            work_ended: false,
            received: 0,
            stop,
            delayed: BTreeMap::new(),
            delays: 0,
            tasks: JoinSet::new(),
            in_hand: HashSet::new(),
            parked: VecDeque::new(),
            harmless: Vec::new(),
            gate: None,
            once,
            room_at: None,
            said_closed: BTreeSet::new(),
            looking: Looking::with(to_check),
            phase: Phase::Going,
            failure: None,
            aborted: false,
            began,
        };
        dispatcher.hold_what_overcharged(&held).await;
        if let Err(error) = dispatcher.take_up(open).await {
            dispatcher.fail(error).await;
        }
        Ok(dispatcher)
    }

    /// A model that charged more than was reserved under this plan gets nothing more under it,
    /// whatever run it was.
    async fn hold_what_overcharged(&self, held: &[Holding]) {
        let of_plan = held.iter().filter(|h| Some(h.plan) == self.plan && h.overcharged > 0);
        for model in of_plan.map(|h| &h.model).collect::<BTreeSet<_>>() {
            let why = "it charged more than was reserved under this plan; check its price";
            if self.desk.hold(model, why) {
                let (model, why) = (model.clone(), why.to_owned());
                self.desk.say(RunEvent::Held { model, why }).await;
            }
        }
    }

    async fn run(mut self) -> Result<RunSummary, RunError> {
        self.go().await;
        self.finish().await
    }

    /// Goes on until nothing is left.
    async fn go(&mut self) {
        loop {
            for model in self.desk.newly_held() {
                self.drop_held(&model).await;
            }
            if let Err(error) = self.start_what_fits().await {
                self.fail(error).await;
            }
            self.look().await;
            let waiting = self.waiting();
            let over = self.work_ended || self.phase != Phase::Going;
            let idle = over && waiting == 0 && self.tasks.is_empty();
            if idle && !self.has_parked().await && self.looking.is_done() {
                return;
            }
            if waiting > 0
                && self.tasks.is_empty()
                && self.gate.is_none()
                && self.wakes_at().is_none()
            {
                self.unblock().await;
            }
            let wants_work = self.phase == Phase::Going
                && !self.work_ended
                && waiting < self.desk.setup.pace.lookahead;
            let wakes = self.wakes_at();
            let desk = Arc::clone(&self.desk);
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
                Some(seen) = self.looking.looks.join_next() => {
                    if let Err(error) = self.looked(seen).await {
                        self.fail(error).await;
                    }
                }
                // Nothing is ever sent; the end of the channel is the message.
                None = gate_passed(&mut self.gate) => self.gate = None,
                () = desk.room.notified() => {}
                work = self.work.recv(), if wants_work => match work {
                    Some(work) => self.admit(work).await,
                    None => self.no_more_work(),
                },
                () = sleep_until(wakes), if wakes.is_some() => self.woken().await,
            }
        }
    }

    /// Jobs that wait, for room or for their next try.
    pub fn waiting(&self) -> usize {
        self.desk.shared().pools.waiting() + self.delayed.len()
    }

    /// Nobody is in flight, and nothing would ever make room for those that wait: whatever is held
    /// is let go of. Should there be anything else, it is a defect, and said instead of waited for.
    async fn unblock(&mut self) {
        for model in self.desk.held_models() {
            self.drop_held(&model).await;
        }
        if self.waiting() > 0 && self.wakes_at().is_none() {
            let what = "jobs wait for room that nobody takes".to_owned();
            self.fail(RunError::Broken(what)).await;
        }
    }

    /// Whether new work may start: nothing that is finished waits to be fetched (M6).
    fn may_start(&self) -> bool {
        self.phase == Phase::Going && self.gate.is_none() && !self.desk.line.is_busy()
    }

    async fn start_what_fits(&mut self) -> Result<(), RunError> {
        self.room_at = None;
        while self.may_start() {
            let now = self.desk.moment();
            let next = self.desk.shared().pools.pop(now);
            match next {
                super::pools::Next::Job(waiting, seat) => self.start(waiting, seat).await?,
                super::pools::Next::Wait(until) => {
                    self.room_at = until.map(|until| self.began + until);
                    self.say_closed(now, until).await;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Says once what jobs wait for that will take long, other than for each other.
    async fn say_closed(&mut self, now: Moment, until: Option<Duration>) {
        if until.is_none_or(|until| until.saturating_sub(now.since) < WORTH_SAYING) {
            return;
        }
        let closed = self.desk.shared().pools.closed(now);
        for closed in closed {
            let Some(until) = closed.until.filter(|until| *until > now.since + WORTH_SAYING) else {
                continue;
            };
            if self.said_closed.insert((closed.name.clone(), closed.why.clone())) {
                let for_ms = super::drive::millis(until.saturating_sub(now.since));
                let (model, why) = (closed.name, closed.why);
                self.desk.say(RunEvent::Paused { model, why, for_ms }).await;
            }
        }
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

    /// Takes nothing more from the channel, whatever it still holds.
    pub fn end_work(&mut self) {
        self.work.close();
        self.work_ended = true;
    }

    /// Something failed that no other job must meet: nothing more is submitted.
    pub async fn fail(&mut self, error: RunError) {
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
            !self.work_ended || self.waiting() + self.tasks.len() > 0 || !self.looking.is_done();
        self.summary.interrupted |= unfinished;
        self.desk.close();
        self.desk.shared().pools.clear();
        self.delayed.clear();
        self.work.close();
        self.enter(next);
        let in_flight = self.tasks.len() as u64;
        self.desk.say(RunEvent::Stopping { in_flight }).await;
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        if let Phase::Closing(_) = phase {
            self.desk.cut();
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Going => {
                let delayed = self.delayed.first_key_value().map(|((at, _), _)| *at);
                [delayed, self.room_at].into_iter().flatten().min()
            }
            Phase::Collecting(until) | Phase::Closing(until) => Some(until),
        }
    }

    async fn woken(&mut self) {
        match self.phase {
            Phase::Going => self.wake_delayed(),
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

    async fn finish(mut self) -> Result<RunSummary, RunError> {
        let (run, desk) = (self.summary.run, &self.desk);
        let at = desk.now();
        if let Some(error) = self.failure {
            // The ledger may be what failed; the first error is the one to tell.
            let _ = desk.setup.ledger.end_run(run, "failed", at).await;
            return Err(error);
        }
        let outcome = match (self.summary.interrupted, self.once) {
            (true, _) => "interrupted",
            (false, true) => "collected",
            (false, false) => "ended",
        };
        desk.setup.ledger.end_run(run, outcome, at).await?;
        let (held, settled) = {
            let moment = desk.moment();
            let mut shared = desk.shared();
            let closed = shared.pools.closed(moment);
            let held = closed.into_iter().filter(|closed| closed.until.is_none());
            self.summary.models_held = held.map(|closed| closed.name).collect();
            let charged = shared.charged.iter();
            self.summary.actuals =
                charged.filter_map(|(model, charged)| Actual::new(model, charged)).collect();
            (shared.budget.held_by_run(), shared.budget.settled_now())
        };
        let by_ledger = desk.setup.ledger.spent(Period::Run(run))?;
        if by_ledger != held && !self.aborted {
            return Err(RunError::Books {
                ledger: by_ledger.to_decimal().to_string(),
                counted: held.to_decimal().to_string(),
            });
        }
        let open = desk.setup.ledger.open_attempts()?;
        let reserved = open.iter().map(|attempt| attempt.reserved);
        let reserved =
            reserved.fold(Micros::ZERO, |sum, one| sum.checked_add(one).unwrap_or(Micros::MAX));
        self.summary.spent = settled.to_decimal().to_string();
        self.summary.reserved = reserved.to_decimal().to_string();
        self.summary.elapsed_ms = super::drive::millis(self.began.elapsed());
        desk.say(RunEvent::Ended(Box::new(self.summary.clone()))).await;
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
