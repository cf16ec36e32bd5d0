//! A new attempt up to its intent: made ready, written down, and driven to its end.
//!
//! What never lives here: an attempt's steps after its intent (that is `drive`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Grant, Purpose};
use super::desk::Desk;
use super::drive::{Attempt, Ended, Note};
use super::event::RunEvent;
use super::job::{Event, Grounds, Life, transition};
use super::pools::{Left, Seat};
use super::setup::RunError;
use super::waiting::Waiting;
use crate::ledger::{LedgerError, NewAttempt};
use crate::providers::{Provider, Refusal, Retry};

/// A new attempt before its intent: a job, why it may begin, and what was set aside for it.
pub struct Opening {
    /// What all jobs share.
    pub desk: Arc<Desk>,
    /// Who makes it.
    pub provider: Arc<dyn Provider>,
    /// The job.
    pub waiting: Arc<Waiting>,
    /// Where the job stands.
    pub before: Life,
    /// Why an attempt may begin.
    pub grounds: Grounds,
    /// The money.
    pub grant: Grant,
    /// The room.
    pub seat: Seat,
}

impl Opening {
    /// Makes the submission ready, writes the intent (M3), and drives the attempt to its end.
    pub async fn run(self) -> Result<Ended, RunError> {
        let desk = Arc::clone(&self.desk);
        let (provider, waiting) = (Arc::clone(&self.provider), Arc::clone(&self.waiting));
        // Kept until the answer: nothing may come between the intent and the submission that
        // takes long.
        let leave = desk.opening().await;
        if desk.is_closed() {
            return Ok(self.never_sent());
        }
        let prepared = desk.unless_cut(provider.prepare(&waiting.request)).await;
        let prepared = match prepared {
            None => return Ok(self.never_sent()),
            Some(Ok(prepared)) => prepared,
            Some(Err(refusal)) => return self.refused(refusal).await,
        };
        if desk.is_closed() {
            return Ok(self.never_sent());
        }
        let mut attempt = match self.begin().await? {
            Ok(attempt) => attempt,
            Err(ended) => return Ok(ended),
        };
        if desk.is_closed() {
            // Surely not taken: it was never sent.
            attempt.step(Event::Refuse, Note::message("stopped before it was sent")).await?;
            attempt.leave_room(Left::NotSent);
            return Ok(Ended::NotSent);
        }
        let answer = attempt.send(prepared).await;
        drop(leave);
        let ended = attempt.answered(answer).await;
        attempt.leave_room(Left::Taken);
        ended
    }

    fn never_sent(self) -> Ended {
        self.give_back();
        Ended::NotSent
    }

    /// Gives back the money and the room of what was not sent.
    fn give_back(self) {
        let now = self.desk.moment();
        let mut shared = self.desk.shared();
        shared.budget.release(self.grant);
        shared.pools.leave(self.seat, Left::NotSent, now);
    }

    /// It can't be submitted, or not now, and nothing was. What is not tried again is written
    /// down, so that it can be seen later.
    async fn refused(self, refusal: Refusal) -> Result<Ended, RunError> {
        if refusal.retry == Retry::Never && !self.desk.is_closed() {
            return match self.begin().await? {
                Ok(mut attempt) => attempt.refused(refusal).await,
                Err(ended) => Ok(ended),
            };
        }
        let request = &self.waiting.request;
        let (job, desk) = (request.address.to_string(), Arc::clone(&self.desk));
        let (cause, message) = (refusal.cause.clone(), refusal.message.clone());
        let crowded = super::causes::is_crowded(&cause).then_some(refusal.retry);
        desk.blame(Some(&self.seat), &request.model, &cause, crowded).await;
        self.give_back();
        desk.say(RunEvent::Refused { job, cause, message }).await;
        Ok(Ended::Refused(refusal))
    }

    /// Writes the intent; or says how it ended before it began.
    async fn begin(self) -> Result<Result<Attempt, Ended>, RunError> {
        self.desk.check_clock()?;
        let Opening { desk, provider, waiting, before, grounds, grant, seat } = self;
        let started = desk.now();
        // What was made ready over midnight counts for the day of its intent.
        let redated = {
            let (request, account) = (&waiting.request, provider.account());
            let what = Purpose {
                plan: grant.plan(),
                provider: &request.provider,
                model: &request.model,
                account,
                job: Some(&request.address),
            };
            desk.shared().budget.redate(&what, grant, started)
        };
        let grant = match redated {
            Ok(grant) => grant,
            Err(why) => {
                let now = desk.moment();
                desk.shared().pools.leave(seat, Left::NotSent, now);
                return Ok(Err(Ended::NotGranted(why)));
            }
        };
        desk.say_warnings(&waiting.request.address.to_string()).await;
        let reserve = grant.amount();
        let (life, _) = transition(before, Event::Intend { reserve, grounds })?;
        let request = &waiting.request;
        let json = serde_json::to_string(&**request)
            .map_err(|e| RunError::Broken(format!("a request can't be written: {e}")))?;
        let plan = desk.setup.approval.as_ref().map(|approval| approval.plan);
        let plan = plan.ok_or_else(|| RunError::Broken("an intent without a plan".to_owned()))?;
        let account = provider.account().to_owned();
        let intent = NewAttempt {
            address: request.address.clone(),
            run: desk.run,
            plan,
            fingerprint: request.fingerprint,
            parts: waiting.parts,
            retake: request.retake,
            provider: request.provider.clone(),
            model: request.model.clone(),
            account: account.clone(),
            request: json,
            reserved: reserve,
            at: started,
        };
        let begun = match desk.setup.ledger.begin_attempt(intent).await {
            Ok(begun) => begun,
            Err(error @ (LedgerError::ApprovalEnded { .. } | LedgerError::NoRetake { .. })) => {
                let now = desk.moment();
                let mut shared = desk.shared();
                shared.budget.release(grant);
                shared.pools.leave(seat, Left::NotSent, now);
                return Ok(Err(match error {
                    LedgerError::ApprovalEnded { end, .. } => Ended::NotApproved(end),
                    _ => Ended::NotAsked,
                }));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Ok(Attempt {
            desk,
            provider,
            request: Arc::clone(request),
            id: begun.attempt,
            number: begun.number,
            life,
            grant: Some(grant),
            seat: Some(seat),
            remote: None,
            account,
            estimate: reserve,
            basis: None,
            started,
            ready: None,
            expires: None,
            gate: None,
            once: false,
            resumed: false,
            evidence: None,
            age: (Instant::now(), Duration::ZERO),
        }))
    }
}
