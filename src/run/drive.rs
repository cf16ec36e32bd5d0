//! One attempt from intent to end: the shell around [`transition`].
//!
//! Every step is decided by the pure function, written to the ledger, and only then acted upon.
//! Dropping the future at any point is the same as a crash there. What lives here: submitting, and
//! the one place that takes steps. Beginning, watching, settling doubts and fetching are in modules of
//! their own. What never lives here: which job goes next, retries of whole jobs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::budget::{Grant, NoGrant, Purpose};
use super::desk::{CLOCK_SLACK, Desk};
use super::doors::{Files, Written};
use super::event::RunEvent;
use super::job::{Effect, Event, Life, basis_of, transition};
use super::pools::{Left, Seat};
use super::setup::RunError;
use crate::ledger::{ApprovalEnd, AttemptRecord, Basis, ClipRecord, JobState, Transition};
use crate::money::{Amount, Micros};
use crate::plan::Request;
use crate::providers::{
    AttemptKey, Failure, Prepared, Provider, Refusal, RemoteId, Retry, Submission,
};

/// How an attempt ended, as far as this run goes.
#[derive(Debug)]
pub enum Ended {
    /// The clip stands in its place.
    Done {
        /// Its attempt, where the clip is to be looked at.
        to_check: Option<i64>,
    },
    /// The provider did not take it.
    Refused(Refusal),
    /// It ended without a clip.
    Failed(Failure),
    /// Nobody knows.
    Unknown,
    /// Nobody knows, it counts as spent, and the job may be tried again.
    WrittenOff,
    /// The clip was gone.
    Lost,
    /// It stays where it is until the next run.
    Waiting,
    /// The run was stopped before it was sent.
    NotSent,
    /// On the day on which it would have been sent, a limit or guardrail has no room for it.
    NotGranted(NoGrant),
    /// The approval holds no more, so no attempt began.
    NotApproved(ApprovalEnd),
    /// A person took back that it is to be made again, so no attempt began.
    NotAsked,
}

/// Held until it is known that an attempt of an earlier run has no clip waiting to be fetched.
/// Nothing new is submitted before all of them are gone (M6).
pub type Gate = tokio::sync::mpsc::Sender<()>;

/// One attempt in hand.
pub struct Attempt {
    pub(super) desk: Arc<Desk>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) request: Arc<Request>,
    pub(super) id: i64,
    pub(super) number: u32,
    pub(super) life: Life,
    pub(super) grant: Option<Grant>,
    pub(super) seat: Option<Seat>,
    pub(super) remote: Option<RemoteId>,
    pub(super) account: String,
    pub(super) estimate: Micros,
    pub(super) basis: Option<Basis>,
    pub(super) started: Timestamp,
    pub(super) ready: Option<Timestamp>,
    pub(super) expires: Option<Timestamp>,
    pub(super) gate: Option<Gate>,
    /// Whether it is looked at once, and left where it is.
    pub(super) once: bool,
    /// Whether an earlier run began it.
    pub(super) resumed: bool,
    /// What an earlier run wrote down last.
    pub(super) evidence: Option<String>,
    /// How old it was at most, as far as clocks can be trusted, when it was begun or taken up.
    pub(super) age: (Instant, Duration),
}

/// What a step adds to the ledger's row.
#[derive(Default)]
pub(super) struct Note {
    pub remote_id: Option<String>,
    pub message: Option<String>,
    pub expires: Option<Timestamp>,
    pub clip: Option<ClipRecord>,
}

impl Note {
    pub fn message(text: &str) -> Self {
        Note { message: Some(text.to_owned()), ..Note::default() }
    }
}

impl Attempt {
    /// Takes up an attempt that an earlier run left open.
    pub fn take_up(
        desk: Arc<Desk>,
        provider: Arc<dyn Provider>,
        record: AttemptRecord,
        (gate, once): (Gate, bool),
    ) -> Result<Attempt, RunError> {
        let request: Request = serde_json::from_str(&record.request)
            .map_err(|e| RunError::Request { attempt: record.id, why: e.to_string() })?;
        let what = Purpose {
            plan: record.plan,
            provider: &record.provider,
            model: &record.model,
            account: &record.account,
            job: Some(&record.address),
        };
        let now = desk.moment();
        let age = now.at.duration_since(record.started).unsigned_abs();
        let (grant, seat) = {
            let mut shared = desk.shared();
            let place = (&*record.account, &*record.provider, &*record.model);
            let grant = shared.budget.adopt(&what, record.reserved, record.started);
            (grant, shared.pools.occupy(place, now))
        };
        Ok(Attempt {
            desk,
            provider,
            request: Arc::new(request),
            id: record.id,
            number: record.number,
            life: Life {
                state: Some(record.state),
                reserved: record.reserved,
                settled: record.settled,
            },
            grant: Some(grant),
            seat: Some(seat),
            remote: record.remote_id.as_deref().map(RemoteId::from_stored),
            account: record.account,
            estimate: record.estimate,
            basis: record.basis,
            started: record.started,
            ready: record.ready,
            expires: record.expires,
            gate: Some(gate),
            once,
            resumed: true,
            evidence: record.message,
            age: (Instant::now(), age.saturating_add(CLOCK_SLACK.unsigned_abs())),
        })
    }

    /// What is asked.
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// Drives an attempt of an earlier run to its end, from wherever it stands.
    pub async fn resume(mut self) -> Result<Ended, RunError> {
        let ended = match self.life.state {
            Some(JobState::Submitting | JobState::Unknown) => self.settle("").await,
            Some(JobState::Submitted) => self.watch().await,
            Some(JobState::Ready | JobState::Fetching) => {
                self.leave_room(Left::Taken);
                self.collect().await
            }
            // Not open, so the ledger would not have named it.
            _ => Ok(Ended::Waiting),
        };
        // Nothing of this run waits for it any more.
        self.leave_room(Left::Taken);
        ended
    }

    /// Sends the request, once. Never cut: an answer that is not waited for is an unknown outcome.
    pub(super) async fn send(&mut self, prepared: Prepared) -> Submission {
        self.desk.asks(self.id, &self.request, &self.account, self.started);
        let key = self.key();
        self.provider.submit(&self.request, &key, prepared).await
    }

    pub(super) fn key(&self) -> AttemptKey {
        let request = &self.request;
        AttemptKey::of(&request.address, &request.fingerprint, self.number, self.started)
    }

    pub(super) async fn answered(&mut self, answer: Submission) -> Result<Ended, RunError> {
        match answer {
            Submission::Accepted { id, most } => {
                self.accepted(id, Event::Accept).await?;
                self.compare_with_most(most).await;
                self.watch().await
            }
            Submission::Refused(refusal) => self.refused(refusal).await,
            Submission::Unknown { evidence } => {
                self.doubt(&evidence).await?;
                let ended = self.settle(&evidence).await?;
                if matches!(ended, Ended::Unknown | Ended::WrittenOff) {
                    self.blame("unknown", None).await;
                }
                Ok(ended)
            }
        }
    }

    /// Writes down the provider's id, before anything else is done with it (M3).
    pub(super) async fn accepted(&mut self, id: RemoteId, event: Event) -> Result<(), RunError> {
        let note = Note { remote_id: Some(id.to_stored()), ..Note::default() };
        let named = id.to_string();
        self.remote = Some(id);
        let (job, model) = (self.job(), self.request.model.clone());
        if let Err(error) = self.step(event, note).await {
            // Nothing else remembers it now.
            let provider = self.request.provider.clone();
            self.desk.say(RunEvent::NotWritten { job, provider, id: named }).await;
            return Err(error);
        }
        self.desk.is_answered(self.id);
        if let Some(seat) = &self.seat {
            self.desk.shared().pools.had_room(seat);
            // There may be room for more now.
            self.desk.room.notify_one();
        }
        let reserved = self.life.reserved.to_decimal().to_string();
        let attempt = self.number;
        self.desk.say(RunEvent::Submitted { job, attempt, model, reserved }).await;
        Ok(())
    }

    pub(super) async fn refused(&mut self, refusal: Refusal) -> Result<Ended, RunError> {
        self.step(Event::Refuse, Note::message(&refusal.message)).await?;
        self.desk.is_answered(self.id);
        let crowded = super::causes::is_crowded(&refusal.cause);
        self.blame(&refusal.cause, crowded.then_some(refusal.retry)).await;
        self.leave_room(Left::Refused);
        let (cause, message) = (refusal.cause.clone(), refusal.message.clone());
        self.desk.say(RunEvent::Refused { job: self.job(), cause, message }).await;
        Ok(Ended::Refused(refusal))
    }

    /// Whether the same request may be sent again under the same key.
    pub(super) fn may_replay(&self) -> bool {
        let (seen, at) = self.age;
        let by_clock = self.desk.now().duration_since(self.started).unsigned_abs();
        // A clock that is set back makes nothing younger.
        let age = by_clock.max(at.saturating_add(seen.elapsed()));
        self.provider.replay_window().is_some_and(|window| age < window)
    }

    /// Holds a model whose provider says that it may charge more than is reserved: what is
    /// submitted can't be taken back, but nothing more follows.
    pub(super) async fn compare_with_most(&self, most: Option<Amount>) {
        let most = most.and_then(|most| self.desk.setup.limits.convert(&most));
        let Some(most) = most.filter(|most| *most > self.life.reserved) else { return };
        let (most, reserved) = (most.to_decimal(), self.life.reserved.to_decimal());
        let why =
            format!("it may charge up to {most} where {reserved} is reserved; check its price");
        self.hold(why).await;
    }

    async fn hold(&self, why: String) {
        let model = self.request.model.clone();
        if self.desk.hold(&model, &why) {
            self.desk.say(RunEvent::Held { model, why }).await;
        }
    }

    /// Tells the pools why it was not taken or gave no clip.
    pub(super) async fn blame(&self, cause: &str, crowded: Option<Retry>) {
        self.desk.blame(self.seat.as_ref(), &self.request.model, cause, crowded).await;
    }

    /// Gives the room at the provider back, once.
    pub(super) fn leave_room(&mut self, how: Left) {
        let Some(seat) = self.seat.take() else { return };
        let now = self.desk.moment();
        self.desk.shared().pools.leave(seat, how, now);
        self.desk.room.notify_one();
    }

    pub(super) async fn failed(&mut self, failure: Failure) -> Result<Ended, RunError> {
        self.blame(&failure.cause, None).await;
        self.leave_room(Left::Taken);
        self.desk
            .say(RunEvent::Failed {
                job: self.job(),
                cause: failure.cause.clone(),
                message: failure.message.clone(),
                cost: self.life.settled.to_decimal().to_string(),
            })
            .await;
        Ok(Ended::Failed(failure))
    }

    pub(super) async fn leave(&mut self, message: &str) -> Result<Ended, RunError> {
        if self.once {
            // It is looked at again.
            return Ok(Ended::Waiting);
        }
        let message = message.to_owned();
        self.desk.say(RunEvent::Waiting { job: self.job(), message }).await;
        Ok(Ended::Waiting)
    }

    /// What a step leads to, and how the ledger writes it down.
    fn decide(
        &self,
        event: Event,
        note: Note,
    ) -> Result<(Life, Vec<Effect>, Transition), RunError> {
        let Some(from) = self.life.state else {
            return Err(RunError::Broken("an attempt in hand has no state".to_owned()));
        };
        let (next, effects) = transition(self.life, event)?;
        let Some(to) = next.state else {
            return Err(RunError::Broken("a step ended without a state".to_owned()));
        };
        let basis = basis_of(&effects);
        let at = self.desk.now();
        let detail = note.message.as_ref().map_or(json!({}), |m| json!({ "message": m }));
        let transition = Transition {
            attempt: self.id,
            from,
            to,
            kind: event.kind(),
            reserved: next.reserved,
            settled: next.settled,
            basis,
            detail,
            remote_id: note.remote_id,
            message: note.message,
            expires: note.expires,
            clip: note.clip,
            at,
        };
        Ok((next, effects, transition))
    }

    /// Decides a step that moves no money and hands it to the ledger; the state is another once
    /// that is durable.
    pub(super) fn hand_in(&self, event: Event) -> Result<(Written<()>, Life), RunError> {
        let (next, _, transition) = self.decide(event, Note::default())?;
        assert_eq!(
            (next.reserved, next.settled),
            (self.life.reserved, self.life.settled),
            "a step that moves money waits for the ledger"
        );
        Ok((self.desk.setup.ledger.apply(transition), next))
    }

    /// Decides one step, makes it durable, and moves the money. What is left to do is done by
    /// whoever called.
    pub(super) async fn step(&mut self, event: Event, note: Note) -> Result<(), RunError> {
        let (next, effects, transition) = self.decide(event, note)?;
        let (at, to, basis) = (transition.at, transition.to, transition.basis);
        self.desk.setup.ledger.apply(transition).await?;
        self.life = next;
        self.basis = basis.or(self.basis);
        if to == JobState::Ready {
            self.ready = self.ready.or(Some(at));
        }
        self.move_money(event, &effects).await
    }

    async fn move_money(&mut self, event: Event, effects: &[Effect]) -> Result<(), RunError> {
        for effect in effects {
            match *effect {
                // Taken before the step, with the cap's room.
                Effect::Settle { .. } if event == Event::WriteOff => assert!(
                    self.grant.is_none(),
                    "what is written off was taken from the budget first"
                ),
                Effect::Settle { reserved, amount, basis } => {
                    let grant = self.take_grant()?;
                    let mut shared = self.desk.shared();
                    shared.budget.settle(grant, amount);
                    // What failed is charged for something else than a clip.
                    if basis == Basis::Provider && matches!(event, Event::Finish { .. }) {
                        let model = self.request.model.clone();
                        shared.charged.entry(model).or_default().add(reserved, amount);
                    }
                }
                Effect::Release(_) => {
                    let grant = self.take_grant()?;
                    self.desk.shared().budget.release(grant);
                }
                Effect::Alarm { reserved, amount } => self.alarm(reserved, amount).await,
                // These are what the caller does next.
                Effect::Submit | Effect::Poll | Effect::Collect | Effect::Fetch => {}
            }
        }
        Ok(())
    }

    async fn alarm(&self, reserved: Micros, amount: Micros) {
        let model = self.request.model.clone();
        let (reserved, cost) = (reserved.to_decimal().to_string(), amount.to_decimal().to_string());
        let why = format!("it charged {cost} where {reserved} was reserved; check its price");
        let job = self.job();
        self.desk.say(RunEvent::Overcharged { job, model, reserved, cost }).await;
        self.hold(why).await;
    }

    fn take_grant(&mut self) -> Result<Grant, RunError> {
        let lacking = || RunError::Broken("an attempt's money moved twice".to_owned());
        self.grant.take().ok_or_else(lacking)
    }

    pub(super) fn remote_id(&self) -> Result<RemoteId, RunError> {
        let lacking = || RunError::Broken("an accepted attempt has no id".to_owned());
        self.remote.clone().ok_or_else(lacking)
    }

    pub(super) fn job(&self) -> String {
        self.request.address.to_string()
    }

    /// Work on files, off the async threads. Not stopped by dropping the future, which is why all
    /// of it may be done twice.
    pub(super) async fn on_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<dyn Files>) -> Result<T, RunError> + Send + 'static,
    ) -> Result<T, RunError> {
        let disk = Arc::clone(&self.desk.setup.files);
        let (send, mut done) = tokio::sync::oneshot::channel();
        let for_work = Arc::clone(&disk);
        let work = Box::new(move || {
            // Nobody waits any more when the attempt was dropped meanwhile.
            let _ = send.send(work(for_work));
        });
        disk.work(work).await;
        let lost = |_| Err(RunError::Broken("work on files ended without a word".to_owned()));
        done.try_recv().unwrap_or_else(lost)
    }
}

/// As events say times.
pub(super) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
