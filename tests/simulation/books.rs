//! The ledger's writer of one process: writes wait for a commit that they share, and are
//! acknowledged after it. A crash comes before the commit (all of it is lost), or between the
//! commit and its acknowledgement (all of it is kept, and nobody was told).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use kinora::address::Address;
use kinora::ledger::{
    AttemptRecord, Begun, Check, Holding, JobRecord, JobState, LedgerError, NewAttempt, NewCheck,
    NewRun, Period, SubjectHolding, Transition, Word,
};
use kinora::money::{Micros, Unit};
use kinora::run::{Books, Written};
use tokio::sync::{mpsc, oneshot};

use crate::check;
use crate::mutants::Mutant;
use crate::store::{Op, Wrote};
use crate::world::{Sim, World};

/// One write on its way to the disk.
pub struct Request {
    op: Op,
    ack: oneshot::Sender<Result<Wrote, LedgerError>>,
}

/// The ledger as the run sees it.
pub struct SimBooks {
    sim: Sim,
    writer: mpsc::UnboundedSender<Request>,
    /// Intents that were promised and not written yet, which only a mutant does.
    promised: Arc<AtomicI64>,
}

impl SimBooks {
    /// The ledger, and what its writer reads.
    pub fn open(sim: &Sim) -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (writer, inbox) = mpsc::unbounded_channel();
        (SimBooks { sim: sim.clone(), writer, promised: Arc::default() }, inbox)
    }

    fn write<T: Send + 'static>(
        &self,
        op: Op,
        take: impl FnOnce(Wrote) -> T + Send + 'static,
    ) -> Written<T> {
        let (ack, answer) = oneshot::channel();
        // A writer that is gone is told by the answer.
        let _ = self.writer.send(Request { op, ack });
        Box::pin(async move {
            let gone = || LedgerError::Stopped { why: "its writer ended".to_owned() };
            answer.await.unwrap_or_else(|_| Err(gone())).map(take)
        })
    }

    /// A mutant's write: acknowledged at once, durable later or never.
    fn promise<T: Send + 'static>(&self, op: Op, value: T) -> Written<T> {
        let (ack, _) = oneshot::channel();
        let _ = self.writer.send(Request { op, ack });
        Box::pin(std::future::ready(Ok(value)))
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.sim.lock().is(mutant)
    }
}

/// The writer: it ends with the process.
pub async fn write_all(sim: Sim, mut inbox: mpsc::UnboundedReceiver<Request>) {
    while let Some(first) = inbox.recv().await {
        let latency = {
            let mut world = sim.lock();
            let most = world.faults().commit_ms;
            world.dice.between(0, most)
        };
        match latency {
            0 => tokio::task::yield_now().await,
            ms => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
        let mut batch = vec![first];
        while let Ok(next) = inbox.try_recv() {
            batch.push(next);
        }
        sim.tick("before the commit").await;
        let answers = commit(&mut sim.lock(), &batch);
        sim.tick("after the commit").await;
        for (request, answer) in batch.into_iter().zip(answers) {
            // Who waited may be gone.
            let _ = request.ack.send(answer);
        }
    }
}

fn commit(world: &mut World, batch: &[Request]) -> Vec<Result<Wrote, LedgerError>> {
    let life = world.life_mut();
    life.commits += 1;
    let full = life.faults.ledger_full_at.is_some_and(|at| life.commits >= at);
    if life.ledger_stopped {
        let stopped = || Err(LedgerError::Stopped { why: "the disk is full".to_owned() });
        return batch.iter().map(|_| stopped()).collect();
    }
    if full {
        world.life_mut().ledger_stopped = true;
        world.count("commits on a full disk");
        world.note("commit failed", "", format_args!("{} writes", batch.len()));
        let full = || LedgerError::Unusable {
            path: "ledger.db".into(),
            doing: "written",
            why: "the disk is full; make room and start again".to_owned(),
        };
        return batch.iter().map(|_| Err(full())).collect();
    }
    if world.is(Mutant::CommitNotSynced) {
        world.before_the_last_commit = Some(world.store.clone());
    }
    batch.iter().map(|request| perform(world, &request.op)).collect()
}

/// One write, by the model and by whatever stands beside it.
pub fn perform(world: &mut World, op: &Op) -> Result<Wrote, LedgerError> {
    let written = world.store.perform(op);
    if let Some(twin) = &world.twin
        && let Err(what) = twin.perform(op, &written)
    {
        world.violate("twin", format_args!("the real ledger answers otherwise: {what}"));
    }
    match (op, &written) {
        (Op::BeginRun(_), Ok(Wrote::Run(run))) => {
            world.life_mut().run = Some(*run);
            world.note("ledger: run", "", format_args!("{run}"));
        }
        (Op::BeginAttempt(new), Ok(Wrote::Begun(begun))) => {
            let (attempt, reserved) = (begun.attempt, new.reserved.to_decimal());
            let address = new.address.as_str();
            world.note("ledger: intent", address, format_args!("{attempt}, {reserved} reserved"));
            check::intent(world, begun.attempt);
        }
        (Op::Apply(t), Ok(_)) => {
            let address = world.store.attempt(t.attempt).map(|a| a.record.address.clone());
            let address = address.as_ref().map_or("", Address::as_str);
            world.note(
                t.kind,
                address,
                format_args!("attempt {} {:?} -> {:?} {:?}", t.attempt, t.from, t.to, t.message),
            );
            check::step(world, t);
        }
        (Op::Check(new), Ok(Wrote::Checked(asks))) => {
            let (attempt, verdict) = (new.attempt, new.verdict);
            let address = world.store.attempt(attempt).map(|a| a.record.address.to_string());
            let address = address.unwrap_or_default();
            world.note("ledger: check", &address, format_args!("{attempt}: {verdict:?}, {asks}"));
            check::looked_at(world, new, *asks);
        }
        (Op::Say(new), Ok(Wrote::Said(said))) => {
            let what = (new.verdict, new.retake, new.attempt);
            world.note("ledger: word", new.address.as_str(), format_args!("{what:?}: {said:?}"));
            world.count(match said {
                Some((_, false)) if new.retake => "words that ask for another clip",
                Some((_, false)) => "words of other kinds",
                _ => "words that change nothing",
            });
        }
        (Op::Revoke(approval, _), Ok(_)) => {
            world.note("ledger: revoked", "", format_args!("approval {approval}"));
        }
        (_, Err(LedgerError::ApprovalEnded { .. })) => {
            world.count("intents refused for their approval");
            world.note("ledger refuses", "", format_args!("the approval holds no more"));
        }
        (_, Err(LedgerError::NoRetake { address })) => {
            world.count("retakes refused, as nobody asks for them any more");
            world.note("ledger refuses", address, format_args!("nobody asks for a retake"));
        }
        (_, Err(error)) => world.note("ledger refuses", "", format_args!("{error}")),
        _ => {}
    }
    written
}

impl Books for SimBooks {
    fn begin_run(&self, run: NewRun) -> Written<i64> {
        self.write(Op::BeginRun(run), |wrote| match wrote {
            Wrote::Run(run) => run,
            _ => unreachable!("a run was written"),
        })
    }

    fn end_run(&self, run: i64, outcome: &'static str, at: Timestamp) -> Written<()> {
        self.write(Op::EndRun(run, outcome, at), |_| ())
    }

    fn begin_attempt(&self, attempt: NewAttempt) -> Written<Begun> {
        if self.is(Mutant::IntentAfterSend) {
            let begun = {
                let store = &self.sim.lock().store;
                let ahead = self.promised.fetch_add(1, Ordering::Relaxed);
                let last = store.latest(&attempt.address);
                Begun {
                    job: last.map_or(0, |last| last.record.job),
                    attempt: store.next_attempt() + ahead,
                    number: last.map_or(0, |last| last.record.number) + 1,
                }
            };
            return self.promise(Op::BeginAttempt(attempt), begun);
        }
        self.write(Op::BeginAttempt(attempt), |wrote| match wrote {
            Wrote::Begun(begun) => begun,
            _ => unreachable!("an intent was written"),
        })
    }

    fn apply(&self, mut transition: Transition) -> Written<()> {
        let early = match transition.to {
            JobState::Submitted => self.is(Mutant::IdNotDurableBeforePoll),
            JobState::Ready => self.is(Mutant::ReadyNotDurableBeforeFetch),
            JobState::Done => self.is(Mutant::DoneNotDurableBeforeSaid),
            _ => false,
        };
        if early {
            return self.promise(Op::Apply(transition), ());
        }
        if transition.to == JobState::Unknown && self.is(Mutant::UnknownWrittenAsRefused) {
            transition.to = JobState::Refused;
            transition.reserved = Micros::ZERO;
        }
        self.write(Op::Apply(transition), |_| ())
    }

    fn job(&self, address: &Address) -> Result<Option<JobRecord>, LedgerError> {
        let world = self.sim.lock();
        Ok(world.store.job(address).cloned())
    }

    fn word(&self, job: i64) -> Result<Option<Word>, LedgerError> {
        let world = self.sim.lock();
        Ok(world.store.ruling(job).filter(|_| !world.is(Mutant::ChecksOutrankPeople)).cloned())
    }

    fn check(&self, attempt: i64) -> Result<Option<Check>, LedgerError> {
        Ok(self.sim.lock().store.newest_check(attempt).cloned())
    }

    fn to_check(&self) -> Result<Vec<i64>, LedgerError> {
        Ok(self.sim.lock().store.to_check())
    }

    fn record_check(&self, check: NewCheck) -> Written<Check> {
        let (sim, attempt) = (self.sim.clone(), check.attempt);
        self.write(Op::Check(check), move |_| {
            // What was written last of it: nobody else looks at it meanwhile.
            sim.lock().store.newest_check(attempt).cloned().expect("it was just written")
        })
    }

    fn attempt(&self, attempt: i64) -> Result<Option<AttemptRecord>, LedgerError> {
        let world = self.sim.lock();
        Ok(world.store.attempt(attempt).map(|a| a.record.clone()))
    }

    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError> {
        let world = self.sim.lock();
        let open = world.store.attempts().iter().filter(|a| a.record.state.is_open());
        Ok(open.map(|a| a.record.clone()).collect())
    }

    fn holdings(&self) -> Result<Vec<Holding>, LedgerError> {
        let world = self.sim.lock();
        let mut holdings = world.store.holdings();
        if world.is(Mutant::ReservationsForgottenAtStart) {
            holdings.iter_mut().for_each(|h| h.held = Micros::ZERO);
        }
        Ok(holdings)
    }

    fn remote_ids(&self, provider: &str, from: Timestamp) -> Result<Vec<String>, LedgerError> {
        Ok(self.sim.lock().store.remote_ids(provider, from))
    }

    fn held_by_subject(&self, first: i64) -> Result<Vec<SubjectHolding>, LedgerError> {
        Ok(self.sim.lock().store.held_by_subject(first))
    }

    fn written_off(&self, from: Timestamp) -> Result<Vec<AttemptRecord>, LedgerError> {
        Ok(self.sim.lock().store.written_off(from))
    }

    fn latest_event(&self) -> Result<Option<Timestamp>, LedgerError> {
        Ok(self.sim.lock().store.latest_event())
    }

    fn spent(&self, period: Period) -> Result<Micros, LedgerError> {
        let world = self.sim.lock();
        let starting = matches!(period, Period::Plan(_));
        if starting && world.is(Mutant::ReservationsForgottenAtStart) {
            return Ok(Micros::ZERO);
        }
        Ok(world.store.spent(period))
    }

    fn spent_by_day(&self, first: i64) -> Result<BTreeMap<i64, Micros>, LedgerError> {
        Ok(self.sim.lock().store.spent_by_day(first))
    }

    fn other_units(&self, unit: &Unit) -> Result<Vec<Unit>, LedgerError> {
        Ok(self.sim.lock().store.other_units(unit))
    }
}
