//! Taking jobs in, starting them, and what follows when they end.
//!
//! What never lives here: the order of the run (that is `dispatch`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{NoGrant, Purpose};
use super::causes::{CROWDED_TRIES, is_crowded};
use super::dispatch::{Dispatcher, Phase, Report};
use super::drive::{Ended, millis};
use super::event::{RunEvent, Skip};
use super::job::{Grounds, Life};
use super::opening::Opening;
use super::pools::{Left, Seat};
use super::setup::{RunError, Work};
use super::waiting::Waiting;
use crate::ledger::{ApprovalEnd, JobState};
use crate::manifest::OnFail;
use crate::money::Micros;
use crate::plan::Request;
use crate::providers::Retry;

/// What may begin for a job.
enum Standing {
    /// What was planned.
    May(Life, Grounds),
    /// The same request once more, as a check on the clip of before asks.
    Retaken(Life, Box<Request>),
}

/// Whether what was approved with a request has room for retakes that checks ask for.
fn may_retake(request: &Request) -> bool {
    let rule = request.consistency.as_ref();
    rule.is_some_and(|rule| rule.on_fail == OnFail::Retake && rule.max_retakes > 0)
}

impl Dispatcher {
    /// Takes in one job from the plan, or says why not.
    pub(super) async fn admit(&mut self, work: Work) {
        self.received += 1;
        let held = self.desk.is_held(&work.request.model);
        let (why, count) = if Some(work.plan) != self.plan {
            (Skip::NotApproved, &mut self.summary.skipped)
        } else if !self.desk.setup.providers.contains_key(&work.request.provider) {
            (Skip::NoProvider, &mut self.summary.skipped)
        } else if held {
            (Skip::ModelHeld, &mut self.summary.held)
        } else if let Some(reserve) = work.reserve {
            let request = Arc::new(work.request);
            self.enqueue(Waiting { request, parts: work.parts, reserve, tries: 0, crowded: 0 });
            return;
        } else {
            (Skip::Unpriced, &mut self.summary.unpriced)
        };
        *count += 1;
        let job = work.request.address.to_string();
        self.desk.say(RunEvent::Skipped { job, why, guardrail: None }).await;
    }

    pub(super) fn enqueue(&self, waiting: Waiting) {
        let request = Arc::clone(&waiting.request);
        let lane = (&*request.provider, &*request.model, &*request.shot);
        let now = self.desk.moment();
        self.desk.shared().pools.push(lane, waiting, now);
    }

    /// Puts back in line whose wait is over.
    pub(super) fn wake_delayed(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let waiting = entry.remove();
            self.enqueue(waiting);
        }
    }

    /// Starts a job that has room: if the ledger lets it (M2) and the budget does (M5).
    pub(super) async fn start(&mut self, waiting: Waiting, seat: Seat) -> Result<(), RunError> {
        let mut waiting = waiting;
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
            Ok(Standing::May(before, grounds)) => (before, grounds),
            Ok(Standing::Retaken(before, again)) => {
                waiting.request = Arc::new(*again);
                (before, Grounds::Retake)
            }
            Err(why) => {
                self.give_back(seat);
                match why {
                    Skip::ModelHeld => self.summary.held += 1,
                    Skip::PaidBefore => self.summary.paid_before += 1,
                    _ => self.summary.skipped += 1,
                }
                self.desk.say(RunEvent::Skipped { job, why, guardrail: None }).await;
                return Ok(());
            }
        };
        let request = Arc::clone(&waiting.request);
        let (Some(provider), Some(plan)) = (self.desk.provider(&request.provider), self.plan)
        else {
            return Err(RunError::Broken(format!("provider {} went away", request.provider)));
        };
        let (provider_name, model) = (&*request.provider, &*request.model);
        let account = provider.account();
        let address = &request.address;
        let what = Purpose { plan, provider: provider_name, model, account, job: Some(address) };
        let now = self.desk.now();
        let granted = self.desk.shared().budget.reserve(&what, waiting.reserve, now);
        let grant = match granted {
            Ok(grant) => grant,
            Err(why) => {
                self.give_back(seat);
                self.not_granted(job, waiting.reserve, why).await;
                return Ok(());
            }
        };
        self.desk.say_warnings(&job).await;
        let desk = Arc::clone(&self.desk);
        let key = request.address.key();
        self.in_hand.insert(key);
        let waiting = Arc::new(waiting);
        let again = Arc::clone(&waiting);
        let opening = Opening { desk, provider, waiting, before, grounds, grant, seat };
        self.tasks.spawn(async move {
            let ended = opening.run().await;
            // The opening, who had the other hand on it, is gone.
            let again = Arc::into_inner(again);
            Report { key, again, parked: None, ended }
        });
        Ok(())
    }

    async fn not_granted(&mut self, job: String, wanted: Micros, why: NoGrant) {
        let event = match why {
            NoGrant::Limit(over) => {
                self.summary.over_budget += 1;
                let (wanted, left) = (wanted.to_decimal(), over.left.to_decimal());
                let (wanted, left) = (wanted.to_string(), left.to_string());
                RunEvent::OverBudget { job, limit: over.limit, wanted, left }
            }
            NoGrant::Guardrail(broken) => {
                self.summary.denied += 1;
                let guardrail = Some(broken.into());
                RunEvent::Skipped { job, why: Skip::Guardrail, guardrail }
            }
        };
        self.desk.say(event).await;
    }

    fn give_back(&self, seat: Seat) {
        let now = self.desk.moment();
        self.desk.shared().pools.leave(seat, Left::NotSent, now);
    }

    /// Where the ledger says that a job stands, and on what grounds another attempt may begin.
    fn standing(&self, waiting: &Waiting) -> Result<Result<Standing, Skip>, RunError> {
        let ledger = &self.desk.setup.ledger;
        let Some(job) = ledger.job(&waiting.request.address)? else {
            return Ok(Ok(Standing::May(Life::PLANNED, Grounds::First)));
        };
        if job.state.is_open() {
            return Ok(Err(Skip::Open));
        }
        let Some(last) = ledger.attempt(job.attempt)? else {
            return Err(RunError::Broken(format!("attempt {} has no row", job.attempt)));
        };
        let life = Life { state: Some(job.state), reserved: last.reserved, settled: last.settled };
        let changed = last.fingerprint != waiting.request.fingerprint;
        let word = ledger.word(job.id)?;
        // A person's word outranks what a check asks for.
        let by_check = word.is_none()
            && job.state == JobState::Done
            && ledger.check(last.id)?.is_some_and(|check| check.retake);
        if changed && last.parts == waiting.parts && waiting.request.retake != last.retake {
            // Only a person's word or a check makes the same request another one (M2).
            let asked = by_check || word.as_ref().is_some_and(|word| word.retake);
            let next = waiting.request.retake == last.retake.saturating_add(1);
            return Ok(if asked && next {
                Ok(Standing::May(life, Grounds::Retake))
            } else {
                Err(Skip::NotAsked)
            });
        }
        if !changed && word.is_some() {
            // It was said since the plan was made, which had the job otherwise.
            return Ok(Err(Skip::NotAsked));
        }
        if by_check && !changed && may_retake(&waiting.request) {
            // It was asked for since the plan was made, or by a run that ended before it could.
            let again = waiting.request.retaken();
            let again = again.filter(|again| again.name().parts == last.parts);
            return Ok(again
                .map(|r| Standing::Retaken(life, Box::new(r)))
                .ok_or(Skip::AlreadyDone));
        }
        let may = |grounds| Ok(Standing::May(life, grounds));
        Ok(match job.state {
            _ if changed => may(Grounds::Changed),
            JobState::Done => Err(Skip::AlreadyDone),
            JobState::Refused => may(Grounds::Again),
            // A clip that was lost was ready once; what never was, was written off.
            JobState::Lost if last.ready.is_none() => may(Grounds::WrittenOff),
            _ if last.settled == Micros::ZERO => may(Grounds::Again),
            _ if self.desk.setup.pay_again => may(Grounds::PayAgain),
            _ => Err(Skip::PaidBefore),
        })
    }

    /// Counts a finished task, or tries its job again where that is allowed.
    pub(super) async fn ended(&mut self, report: Report) {
        let ended = match report.ended {
            Ok(ended) => ended,
            Err(error) => return self.fail(error).await,
        };
        if let (Some(attempt), Ended::Waiting | Ended::Unknown) = (report.parked, &ended) {
            self.harmless.push(attempt);
            return;
        }
        // What stays open is left to the next run, whatever the plan brings.
        if !matches!(ended, Ended::Waiting | Ended::Unknown) {
            self.in_hand.remove(&report.key);
        }
        if let (Ended::NotGranted(why), Some(waiting)) = (&ended, &report.again) {
            let (job, why) = (waiting.request.address.to_string(), why.clone());
            return self.not_granted(job, waiting.reserve, why).await;
        }
        if let Ended::NotApproved(end) = &ended {
            return self.approval_ended(end).await;
        }
        if let (Ended::NotAsked, Some(waiting)) = (&ended, &report.again) {
            self.summary.skipped += 1;
            let job = waiting.request.address.to_string();
            let event = RunEvent::Skipped { job, why: Skip::NotAsked, guardrail: None };
            return self.desk.say(event).await;
        }
        let (cause, retry) = match &ended {
            Ended::Refused(refusal) => (refusal.cause.as_str(), refusal.retry),
            Ended::Failed(failure) if failure.charged => (failure.cause.as_str(), Retry::Never),
            Ended::Failed(failure) => (failure.cause.as_str(), failure.retry),
            Ended::WrittenOff => ("written_off", Retry::After(None)),
            _ => ("", Retry::Never),
        };
        if let (Some(waiting), Retry::After(at_least)) = (report.again, retry)
            && self.try_again(waiting, cause, at_least).await
        {
            self.summary.written_off += u64::from(matches!(ended, Ended::WrittenOff));
            return;
        }
        let count = match ended {
            Ended::Done { to_check } => {
                if let Some(attempt) = to_check {
                    self.await_look(attempt);
                }
                &mut self.summary.done
            }
            Ended::NotSent | Ended::NotGranted(_) | Ended::NotApproved(_) | Ended::NotAsked => {
                return;
            }
            Ended::Waiting => &mut self.summary.waiting,
            Ended::Unknown => &mut self.summary.unknown,
            Ended::WrittenOff => &mut self.summary.written_off,
            Ended::Lost => &mut self.summary.lost,
            Ended::Refused(_) => &mut self.summary.refused,
            Ended::Failed(_) => &mut self.summary.failed,
        };
        *count += 1;
    }

    /// A job was not begun because the approval holds no more: nothing else will be. What was begun
    /// before goes on to its end.
    async fn approval_ended(&mut self, end: &ApprovalEnd) {
        self.summary.unapproved += 1;
        if self.summary.approval_ended.is_some() {
            return;
        }
        let to_come = self.desk.setup.jobs.filter(|_| !self.work_ended);
        let to_come = to_come.map_or(0, |jobs| jobs.saturating_sub(self.received));
        self.summary.unapproved += self.waiting() as u64 + to_come;
        self.summary.approval_ended = Some(end.to_string());
        self.desk.shared().pools.clear();
        self.delayed.clear();
        self.end_work();
        let approval = self.desk.setup.approval.as_ref().map_or(0, |approval| approval.id);
        let (why, in_flight) = (end.to_string(), self.tasks.len() as u64);
        self.desk.say(RunEvent::ApprovalEnded { approval, why, in_flight }).await;
    }

    /// Lets go of everything that waits for a model that is held.
    pub(super) async fn drop_held(&mut self, model: &str) {
        let mut dropped = self.desk.shared().pools.drain_model(model);
        let later = self.delayed.extract_if(.., |_, waiting| waiting.request.model == model);
        dropped.extend(later.map(|(_, waiting)| waiting));
        for waiting in dropped {
            self.summary.held += 1;
            let job = waiting.request.address.to_string();
            self.desk.say(RunEvent::Skipped { job, why: Skip::ModelHeld, guardrail: None }).await;
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
        let tries = if crowded { waiting.crowded } else { waiting.tries };
        let held = self.desk.is_held(&waiting.request.model);
        let unapproved = self.summary.approval_ended.is_some();
        if tries >= most || held || unapproved || self.phase != Phase::Going {
            return false;
        }
        // Where there was no room, its lane is closed for as long as it takes.
        let wait = match crowded {
            true => Duration::ZERO,
            false => {
                let at_least = Duration::from_millis(at_least.unwrap_or_default());
                self.desk.backoff(waiting.tries) + at_least
            }
        };
        match crowded {
            true => waiting.crowded += 1,
            false => waiting.tries += 1,
        }
        self.summary.retries += 1;
        let event = RunEvent::Retry {
            job: waiting.request.address.to_string(),
            cause: cause.to_owned(),
            after_ms: at_least.unwrap_or_default().max(millis(wait)),
            left: most - tries - 1,
        };
        self.desk.say(event).await;
        self.delays += 1;
        self.delayed.insert((Instant::now() + wait, self.delays), waiting);
        true
    }
}
