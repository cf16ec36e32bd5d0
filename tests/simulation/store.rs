//! The ledger's file as a model: the same rows and rules as the real one, without SQL. What it
//! holds is durable; what it refuses leaves no trace.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kinora::address::Address;
use kinora::ledger::{
    Approval, ApprovalEnd, AttemptRecord, Begun, Holding, JobRecord, JobState, LedgerError,
    NewApproval, NewAttempt, NewCheck, NewRun, NewWord, Period, Revocation, SubjectHolding,
    Transition, WRITTEN_OFF, day_number,
};
use kinora::money::{Micros, Unit};

use crate::opinions::Opinions;

/// A write.
#[derive(Debug, Clone)]
pub enum Op {
    BeginRun(NewRun),
    EndRun(i64, &'static str, Timestamp),
    BeginAttempt(NewAttempt),
    Apply(Transition),
    Approve(NewApproval),
    Revoke(i64, Revocation),
    Say(NewWord),
    Check(NewCheck),
}

/// What a write answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    Run(i64),
    Begun(Begun),
    Approved(i64),
    /// Of which attempt the word is, and whether that was said before; absent where it can't be said.
    Said(Option<(u32, bool)>),
    /// Whether the check asks for another clip.
    Checked(bool),
    Nothing,
}

#[derive(Clone)]
struct RunRow {
    unit: Unit,
    approval: Option<i64>,
    ended: bool,
}

/// An attempt with the columns that its record does not show.
#[derive(Clone)]
pub struct Row {
    pub record: AttemptRecord,
    pub run: i64,
    pub day: i64,
    /// Its outcome stayed unknown and was settled as paid.
    pub written_off: bool,
}

impl Row {
    pub fn held(&self) -> i64 {
        self.record.reserved.get() + self.record.settled.get()
    }

    /// What it cost beyond its reservation: alarmed, and more than anybody could have held.
    pub fn excess(&self) -> i64 {
        (self.record.settled.get() - self.record.estimate.get()).max(0)
    }
}

/// One line of the ledger's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub at: Timestamp,
    pub attempt: i64,
    pub kind: &'static str,
}

/// All tables.
#[derive(Default, Clone)]
pub struct Store {
    /// Whether attempts begin whatever became of their approval, which only a mutant does.
    pub lenient: bool,
    approvals: Vec<Approval>,
    runs: Vec<RunRow>,
    jobs: Vec<JobRecord>,
    attempts: Vec<Row>,
    pub events: Vec<EventRow>,
    /// What people and checks say of clips.
    pub opinions: Opinions,
}

fn sum(rows: impl Iterator<Item = i64>) -> Micros {
    Micros::from_stored(rows.sum()).expect("amounts are never negative")
}

impl Store {
    pub fn perform(&mut self, op: &Op) -> Result<Wrote, LedgerError> {
        match op {
            Op::BeginRun(run) => Ok(Wrote::Run(self.begin_run(run))),
            Op::EndRun(run, outcome, _) => {
                self.runs[row(*run)].ended = true;
                if *outcome == "ended" {
                    let open = self.attempts.iter_mut().filter(|a| a.record.state.is_open());
                    open.for_each(|a| a.record.interruptions = 0);
                }
                Ok(Wrote::Nothing)
            }
            Op::Say(word) => Ok(Wrote::Said(self.say(word))),
            Op::Check(check) => Ok(Wrote::Checked(self.record(check))),
            Op::BeginAttempt(attempt) => self.begin_attempt(attempt).map(Wrote::Begun),
            Op::Apply(transition) => self.apply(transition).map(|()| Wrote::Nothing),
            Op::Approve(new) => {
                let id = self.approvals.len() as i64 + 1;
                self.approvals.push(new.clone().recorded(id));
                self.events.push(EventRow { at: new.at, attempt: 0, kind: "approved" });
                Ok(Wrote::Approved(id))
            }
            Op::Revoke(approval, revocation) => {
                let approval = &mut self.approvals[row(*approval)];
                if approval.revoked.is_none() {
                    approval.revoked = Some(revocation.clone());
                    let at = revocation.at;
                    self.events.push(EventRow { at, attempt: 0, kind: "revoked" });
                }
                Ok(Wrote::Nothing)
            }
        }
    }

    fn begin_run(&mut self, run: &NewRun) -> i64 {
        if self.runs.iter().any(|run| !run.ended) {
            let open = self.attempts.iter_mut().filter(|a| a.record.state.is_open());
            open.for_each(|a| a.record.interruptions += 1);
        }
        self.runs.iter_mut().for_each(|run| run.ended = true);
        let (unit, approval) = (run.unit.clone(), run.approval);
        self.runs.push(RunRow { unit, approval, ended: false });
        self.runs.len() as i64
    }

    fn begin_attempt(&mut self, new: &NewAttempt) -> Result<Begun, LedgerError> {
        if let Some((approval, end)) = self.approval_ended(new.run, new.at)
            && !self.lenient
        {
            return Err(LedgerError::ApprovalEnded { approval, end });
        }
        let attempt = self.attempts.len() as i64 + 1;
        let state = JobState::Submitting;
        let last = self.job(&new.address).filter(|job| !job.state.is_open());
        if let Some(last) = last.and_then(|job| self.attempt(job.attempt)).map(|row| &row.record) {
            let same = last.parts == new.parts;
            let next = new.retake == last.retake + 1 && self.may_be_taken_again(last.job, same);
            if new.retake != last.retake && !next {
                return Err(LedgerError::NoRetake { address: new.address.to_string() });
            }
        } else if self.job(&new.address).is_none() && new.retake != 0 {
            return Err(LedgerError::NoRetake { address: new.address.to_string() });
        }
        let (job, number) = match self.jobs.iter_mut().find(|job| job.address == new.address) {
            None => {
                let id = self.jobs.len() as i64 + 1;
                self.jobs.push(JobRecord { id, address: new.address.clone(), state, attempt });
                (id, 1)
            }
            Some(job) if job.state.is_open() => {
                let (address, state) = (new.address.to_string(), job.state);
                return Err(LedgerError::StillOpen { address, state });
            }
            Some(job) => {
                let number = self.attempts[row(job.attempt)].record.number + 1;
                (job.state, job.attempt) = (state, attempt);
                (job.id, number)
            }
        };
        let record = AttemptRecord {
            id: attempt,
            job,
            address: new.address.clone(),
            state,
            number,
            retake: new.retake,
            plan: new.plan,
            request: new.request.clone(),
            remote_id: None,
            reserved: new.reserved,
            settled: Micros::ZERO,
            message: None,
            started: new.at,
            updated: new.at,
            fingerprint: new.fingerprint,
            parts: new.parts,
            provider: new.provider.clone(),
            model: new.model.clone(),
            account: new.account.clone(),
            estimate: new.reserved,
            basis: None,
            ready: None,
            expires: None,
            interruptions: 0,
            clip: None,
        };
        let day = day_number(new.at);
        self.attempts.push(Row { record, run: new.run, day, written_off: false });
        self.events.push(EventRow { at: new.at, attempt, kind: "intent" });
        Ok(Begun { job, attempt, number })
    }

    fn apply(&mut self, t: &Transition) -> Result<(), LedgerError> {
        let conflict = LedgerError::Conflict { attempt: t.attempt, from: t.from, to: t.to };
        let Some(row_of) = self.attempts.get_mut(row(t.attempt)) else { return Err(conflict) };
        let a = &mut row_of.record;
        let job = &mut self.jobs[row(a.job)];
        if a.state != t.from || job.attempt != t.attempt {
            return Err(conflict);
        }
        let remote_id = t.remote_id.clone().or_else(|| a.remote_id.clone());
        let written_off = t.kind == WRITTEN_OFF || (row_of.written_off && t.from == t.to);
        rules(t, remote_id.as_deref(), written_off)?;
        row_of.written_off = written_off;
        if is_progress(t.from, t.to) {
            a.interruptions = 0;
        }
        (a.state, a.reserved, a.settled) = (t.to, t.reserved, t.settled);
        a.basis = t.basis.or(a.basis);
        a.remote_id = remote_id;
        a.message = t.message.clone().or_else(|| a.message.take());
        a.expires = t.expires.or(a.expires);
        a.clip = t.clip.clone().or_else(|| a.clip.take());
        if t.to == JobState::Ready {
            a.ready = a.ready.or(Some(t.at));
        }
        a.updated = t.at;
        job.state = t.to;
        self.events.push(EventRow { at: t.at, attempt: t.attempt, kind: t.kind });
        if t.clip.is_some() {
            self.note_clip(t.attempt);
        }
        Ok(())
    }

    /// Why a run's approval holds no more at this time, if so.
    pub fn approval_ended(&self, run: i64, at: Timestamp) -> Option<(i64, ApprovalEnd)> {
        let approval = &self.approvals[row(self.runs[row(run)].approval?)];
        let revoked = approval.revoked.clone().map(ApprovalEnd::Revoked);
        let expired = approval.expires.filter(|expires| *expires <= at).map(ApprovalEnd::Expired);
        Some((approval.id, revoked.or(expired)?))
    }

    /// The approval that was given last, if it holds for good.
    pub fn lasting_approval(&self) -> Option<i64> {
        let last = self.approvals.last()?;
        (last.revoked.is_none() && last.expires.is_none()).then_some(last.id)
    }

    pub fn job(&self, address: &Address) -> Option<&JobRecord> {
        self.jobs.iter().find(|job| job.address == *address)
    }

    pub fn job_by_id(&self, job: i64) -> Option<&JobRecord> {
        self.jobs.get(row(job))
    }

    pub fn attempt(&self, attempt: i64) -> Option<&Row> {
        self.attempts.get(row(attempt))
    }

    pub fn attempts(&self) -> &[Row] {
        &self.attempts
    }

    /// The latest attempt of a job.
    pub fn latest(&self, address: &Address) -> Option<&Row> {
        self.attempt(self.job(address)?.attempt)
    }

    pub fn latest_event(&self) -> Option<Timestamp> {
        self.events.last().map(|event| event.at)
    }

    /// The attempt that the ledger will give next.
    pub fn next_attempt(&self) -> i64 {
        self.attempts.len() as i64 + 1
    }

    pub fn spent(&self, period: Period) -> Micros {
        let day = |date: jiff::civil::Date| {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).expect("a day in range");
            day_number(midnight.timestamp())
        };
        let counts = |a: &Row| match period {
            Period::Run(run) => a.run == run,
            Period::Day(date) => a.day == day(date),
            Period::Month(date) => {
                (day(date.first_of_month())..=day(date.last_of_month())).contains(&a.day)
            }
            Period::Plan(plan) => a.record.plan == plan,
            Period::Ever => true,
        };
        sum(self.attempts.iter().filter(|a| counts(a)).map(Row::held))
    }

    pub fn spent_by_day(&self, first: i64) -> BTreeMap<i64, Micros> {
        let mut days: BTreeMap<i64, i64> = BTreeMap::new();
        for a in self.attempts.iter().filter(|a| a.day >= first) {
            *days.entry(a.day).or_default() += a.held();
        }
        days.into_iter().map(|(day, held)| (day, sum(std::iter::once(held)))).collect()
    }

    pub fn holdings(&self) -> Vec<Holding> {
        let mut all: Vec<Holding> = Vec::new();
        for a in &self.attempts {
            let r = &a.record;
            let same = |h: &&mut Holding| {
                (h.plan, h.run, h.day) == (r.plan, a.run, a.day)
                    && (&h.provider, &h.model, &h.account) == (&r.provider, &r.model, &r.account)
            };
            let at = match all.iter_mut().position(|mut h| same(&mut h)) {
                Some(at) => at,
                None => {
                    all.push(Holding {
                        plan: r.plan,
                        run: a.run,
                        day: a.day,
                        provider: r.provider.clone(),
                        model: r.model.clone(),
                        account: r.account.clone(),
                        held: Micros::ZERO,
                        written_off: Micros::ZERO,
                        attempts: 0,
                        overcharged: 0,
                    });
                    all.len() - 1
                }
            };
            let h = &mut all[at];
            h.held = sum([h.held.get(), a.held()].into_iter());
            if a.written_off {
                h.written_off = sum([h.written_off.get(), r.settled.get()].into_iter());
            }
            h.attempts += u64::from(r.state != JobState::Refused);
            h.overcharged += u64::from(r.settled > r.estimate);
        }
        all
    }

    pub fn held_by_subject(&self, first: i64) -> Vec<SubjectHolding> {
        let mut all: BTreeMap<(String, i64), i64> = BTreeMap::new();
        for a in self.attempts.iter().filter(|a| a.day >= first) {
            if let Some(subject) = a.record.address.subject() {
                *all.entry((subject.to_owned(), a.day)).or_default() += a.held();
            }
        }
        let holding = |((subject, day), held): ((String, i64), i64)| SubjectHolding {
            subject,
            day,
            held: sum(std::iter::once(held)),
        };
        all.into_iter().map(holding).collect()
    }

    pub fn remote_ids(&self, provider: &str, from: Timestamp) -> Vec<String> {
        let of = self.attempts.iter().map(|a| &a.record);
        let mut these: Vec<&AttemptRecord> =
            of.filter(|a| a.provider == provider && a.started >= from).collect();
        these.sort_by_key(|a| a.started);
        these.into_iter().filter_map(|a| a.remote_id.clone()).collect()
    }

    pub fn written_off(&self, from: Timestamp) -> Vec<AttemptRecord> {
        let of = self.attempts.iter().map(|a| &a.record);
        of.filter(|a| a.state == JobState::Lost && a.ready.is_none() && a.started >= from)
            .cloned()
            .collect()
    }

    pub fn other_units(&self, unit: &Unit) -> Vec<Unit> {
        let mut units: Vec<Unit> = self.runs.iter().map(|run| run.unit.clone()).collect();
        units.retain(|u| u != unit);
        units.dedup();
        units
    }
}

/// Row ids count from 1.
fn row(id: i64) -> usize {
    usize::try_from(id - 1).expect("rows count from 1")
}

/// Whether a step brings an attempt further, so that earlier interruptions no longer count.
fn is_progress(from: JobState, to: JobState) -> bool {
    use JobState::{Fetching, Ready, Submitting, Unknown};
    match to {
        Submitting | Unknown | Fetching => false,
        Ready => from != Fetching,
        _ => from != to,
    }
}

/// The checks that the real tables make.
fn rules(t: &Transition, remote_id: Option<&str>, written_off: bool) -> Result<(), LedgerError> {
    use JobState::{Done, Failed, Fetching, Lost, Ready, Refused, Submitted, Submitting, Unknown};
    let broken = |what: &str| Err(LedgerError::Sql(format!("CHECK constraint failed: {what}")));
    if t.reserved > Micros::ZERO && !matches!(t.to, Submitting | Submitted | Unknown) {
        return broken("reserved");
    }
    if t.settled > Micros::ZERO && !matches!(t.to, Ready | Fetching | Done | Failed | Lost) {
        return broken("settled");
    }
    if remote_id.is_none() && !written_off && !matches!(t.to, Submitting | Refused | Unknown) {
        return broken("remote_id");
    }
    Ok(())
}
