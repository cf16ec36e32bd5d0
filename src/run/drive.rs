//! One attempt from intent to end: the shell around [`transition`].
//!
//! Every step is decided by the pure function, written to the ledger, and only then acted upon.
//! Dropping the future at any point is the same as a crash there. What never lives here: which
//! job goes next, retries of whole jobs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::budget::Grant;
use super::desk::Desk;
use super::doors::Files;
use super::event::RunEvent;
use super::job::{Effect, Event, Grounds, Life, transition};
use super::publish::{Published, Target};
use super::queue::Waiting;
use super::setup::RunError;
use super::sidecar::Provenance;
use crate::ledger::{AttemptRecord, Basis, ClipRecord, JobState, NewAttempt, Transition};
use crate::money::{Amount, Micros};
use crate::plan::Request;
use crate::providers::{
    AttemptKey, Failure, Fetched, Polled, Prepared, Provider, Refusal, RemoteId, Retry, Submission,
};

/// How often a file that is no clip is fetched anew before it is given up.
const LOOKS_AT_A_BAD_CLIP: u32 = 3;

/// How an attempt ended, as far as this run goes.
#[derive(Debug)]
pub enum Ended {
    /// The clip stands in its place.
    Done,
    /// The provider did not take it.
    Refused(Refusal),
    /// It ended without a clip.
    Failed(Failure),
    /// Nobody knows.
    Unknown,
    /// The clip was gone.
    Lost,
    /// It stays where it is until the next run.
    Waiting,
    /// The run was stopped before it was sent.
    NotSent,
}

/// Held until it is known that an attempt of an earlier run has no clip waiting to be fetched.
/// Nothing new is submitted before all of them are gone (M6).
pub type Gate = tokio::sync::mpsc::Sender<()>;

/// One attempt in hand.
pub struct Attempt {
    desk: Arc<Desk>,
    provider: Arc<dyn Provider>,
    request: Arc<Request>,
    id: i64,
    number: u32,
    life: Life,
    grant: Option<Grant>,
    remote: Option<RemoteId>,
    estimate: Micros,
    basis: Option<Basis>,
    started: Timestamp,
    ready: Option<Timestamp>,
    expires: Option<Timestamp>,
    gate: Option<Gate>,
    /// Whether this request may have reached the provider before.
    replayed: bool,
}

/// What a step adds to the ledger's row.
#[derive(Default)]
struct Note {
    remote_id: Option<String>,
    message: Option<String>,
    expires: Option<Timestamp>,
    clip: Option<ClipRecord>,
}

impl Note {
    fn message(text: &str) -> Self {
        Note { message: Some(text.to_owned()), ..Note::default() }
    }
}

impl Attempt {
    /// Writes the intent of a new attempt (M3). `before` is where the job stood.
    pub async fn begin(
        desk: Arc<Desk>,
        provider: Arc<dyn Provider>,
        waiting: &Waiting,
        (before, grounds): (Life, Grounds),
        grant: Grant,
    ) -> Result<Attempt, RunError> {
        let reserve = grant.amount();
        let (life, _) = transition(before, Event::Intend { reserve, grounds })?;
        let request = &waiting.request;
        let json = serde_json::to_string(&**request)
            .map_err(|e| RunError::Broken(format!("a request can't be written: {e}")))?;
        let started = desk.now();
        let begun = desk
            .setup
            .ledger
            .begin_attempt(NewAttempt {
                address: request.address.clone(),
                run: desk.run,
                plan: desk.setup.approval.plan,
                fingerprint: request.fingerprint,
                parts: waiting.parts,
                provider: request.provider.clone(),
                model: request.model.clone(),
                account: String::new(),
                request: json,
                reserved: reserve,
                at: started,
            })
            .await?;
        Ok(Attempt {
            desk,
            provider,
            request: Arc::clone(request),
            id: begun.attempt,
            number: begun.number,
            life,
            grant: Some(grant),
            remote: None,
            estimate: reserve,
            basis: None,
            started,
            ready: None,
            expires: None,
            gate: None,
            replayed: false,
        })
    }

    /// Takes up an attempt that an earlier run left open.
    pub fn take_up(
        desk: Arc<Desk>,
        provider: Arc<dyn Provider>,
        record: AttemptRecord,
        gate: Gate,
    ) -> Result<Attempt, RunError> {
        let request: Request = serde_json::from_str(&record.request)
            .map_err(|e| RunError::Request { attempt: record.id, why: e.to_string() })?;
        let of_this_plan = record.plan == desk.setup.approval.plan;
        let grant = desk.shared().budget.adopt(record.reserved, record.started, of_this_plan);
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
            remote: record.remote_id.as_deref().map(RemoteId::from_stored),
            estimate: record.estimate,
            basis: record.basis,
            started: record.started,
            ready: record.ready,
            expires: record.expires,
            gate: Some(gate),
            replayed: false,
        })
    }

    /// What is asked.
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// Drives a new attempt, whose intent is durable, to its end.
    pub async fn run(mut self) -> Result<Ended, RunError> {
        if self.desk.is_closed() {
            // Surely not taken: it was never sent.
            self.step(Event::Refuse, Note::message("stopped before it was sent")).await?;
            return Ok(Ended::NotSent);
        }
        self.submit().await
    }

    /// Drives an attempt of an earlier run to its end, from wherever it stands.
    pub async fn resume(mut self) -> Result<Ended, RunError> {
        match self.life.state {
            Some(JobState::Submitting | JobState::Unknown) if self.may_replay() => {
                self.step(Event::Replay, Note::default()).await?;
                self.replayed = true;
                self.submit().await
            }
            Some(JobState::Submitting) => {
                self.doubt("the process stopped between the intent and the provider's answer").await
            }
            Some(JobState::Unknown) => Ok(Ended::Unknown),
            Some(JobState::Submitted) => self.poll().await,
            Some(JobState::Ready | JobState::Fetching) => self.collect().await,
            // Not open, so the ledger would not have named it.
            _ => Ok(Ended::Waiting),
        }
    }

    async fn submit(&mut self) -> Result<Ended, RunError> {
        let provider = Arc::clone(&self.provider);
        let request = Arc::clone(&self.request);
        // Never cut: an answer that is not waited for is an unknown outcome.
        let key = AttemptKey::of(&request.address, &request.fingerprint, self.number, self.started);
        let prepared = Prepared::nothing();
        match provider.submit(&request, &key, prepared).await {
            Submission::Accepted { id, most } => {
                let note = Note { remote_id: Some(id.to_stored()), ..Note::default() };
                let named = id.to_string();
                self.remote = Some(id);
                if let Err(error) = self.step(Event::Accept, note).await {
                    // Nothing else remembers it now.
                    let (job, provider) = (self.job(), request.provider.clone());
                    self.desk.say(RunEvent::NotWritten { job, provider, id: named }).await;
                    return Err(error);
                }
                let reserved = self.life.reserved.to_decimal().to_string();
                let (job, model) = (self.job(), request.model.clone());
                let attempt = self.number;
                self.desk.say(RunEvent::Submitted { job, attempt, model, reserved }).await;
                self.compare_with_most(most).await;
                self.poll().await
            }
            // That this one was refused says nothing of the one that was sent before.
            Submission::Refused(refusal) if self.replayed && !provider.knows_by_content() => {
                let evidence =
                    format!("it was sent again under its key, and refused: {}", refusal.message);
                self.doubt(&evidence).await
            }
            Submission::Refused(refusal) => {
                self.step(Event::Refuse, Note::message(&refusal.message)).await?;
                let (cause, message) = (refusal.cause.clone(), refusal.message.clone());
                self.desk.say(RunEvent::Refused { job: self.job(), cause, message }).await;
                Ok(Ended::Refused(refusal))
            }
            Submission::Unknown { evidence } => self.doubt(&evidence).await,
        }
    }

    /// Whether the same request may be sent again under the same key.
    fn may_replay(&self) -> bool {
        let age = self.desk.now().duration_since(self.started).unsigned_abs();
        self.provider.replay_window().is_some_and(|window| age < window)
    }

    /// Holds a model whose provider says that it may charge more than is reserved: what is
    /// submitted can't be taken back, but nothing more follows.
    async fn compare_with_most(&self, most: Option<Amount>) {
        let most = most.and_then(|most| self.desk.setup.limits.convert(&most));
        let Some(most) = most.filter(|most| *most > self.life.reserved) else { return };
        let (most, reserved) = (most.to_decimal(), self.life.reserved.to_decimal());
        let why =
            format!("it may charge up to {most} where {reserved} is reserved; check its price");
        let model = self.request.model.clone();
        if self.desk.hold(&model, &why) {
            self.desk.say(RunEvent::Held { model, why }).await;
        }
    }

    async fn doubt(&mut self, evidence: &str) -> Result<Ended, RunError> {
        self.step(Event::Doubt, Note::message(evidence)).await?;
        let reserved = self.life.reserved.to_decimal().to_string();
        let evidence = evidence.to_owned();
        self.desk.say(RunEvent::Unknown { job: self.job(), evidence, reserved }).await;
        Ok(Ended::Unknown)
    }

    async fn poll(&mut self) -> Result<Ended, RunError> {
        let desk = Arc::clone(&self.desk);
        let provider = Arc::clone(&self.provider);
        let request = Arc::clone(&self.request);
        let id = self.remote_id()?;
        let interval = Duration::from_millis(provider.poll_interval_ms());
        let mut silent = 0;
        let (mut shown, mut odd) = (None, None);
        let began = tokio::time::Instant::now();
        // What an earlier run left is asked at once: its clip may be waiting.
        let mut wait = if self.gate.is_some() { Duration::ZERO } else { interval };
        loop {
            let answer = desk.unless_cut(async {
                tokio::time::sleep(wait).await;
                provider.poll(&id, &request).await
            });
            let Some(answer) = answer.await else {
                return self.leave("stopped; the provider still has it").await;
            };
            wait = interval;
            match answer {
                Polled::Running { .. } if began.elapsed() > desk.setup.pace.watch => {
                    self.gate = None;
                    return self.leave("it has run for very long; the next run asks again").await;
                }
                Polled::Running { percent, unknown_word, .. } => {
                    self.gate = None;
                    silent = 0;
                    if let Some(word) = unknown_word.filter(|word| odd.as_ref() != Some(word)) {
                        let (job, provider) = (self.job(), request.provider.clone());
                        odd = Some(word.clone());
                        desk.say(RunEvent::UnknownState { job, provider, word }).await;
                    }
                    if let Some(percent) = percent.filter(|p| Some(*p) != shown) {
                        shown = Some(percent);
                        desk.say(RunEvent::Progress { job: self.job(), percent }).await;
                    }
                }
                Polled::Ready { expires, cost } => {
                    let cost = match &cost {
                        Some(cost) => {
                            let converted = desk.setup.limits.convert(cost);
                            if converted.is_none() {
                                let (job, cost) = (self.job(), cost.to_string());
                                desk.say(RunEvent::NoRate { job, cost }).await;
                            }
                            converted
                        }
                        None => None,
                    };
                    self.expires = expires;
                    let note = Note { expires, ..Note::default() };
                    self.step(Event::Finish { cost }, note).await?;
                    return self.collect().await;
                }
                Polled::Failed(failure) => {
                    let event = Event::Fail { charged: failure.charged };
                    self.step(event, Note::message(&failure.message)).await?;
                    return self.failed(failure).await;
                }
                Polled::NoAnswer { message } => {
                    self.gate = None;
                    silent += 1;
                    if silent > desk.setup.pace.patience {
                        return self.leave(&message).await;
                    }
                    wait = interval.max(desk.backoff(silent));
                }
            }
        }
    }

    async fn collect(&mut self) -> Result<Ended, RunError> {
        let desk = Arc::clone(&self.desk);
        let (mut broken, mut bad) = (0, 0);
        if self.life.state == Some(JobState::Fetching) {
            self.step(Event::BreakFetch, Note::message("the process stopped meanwhile")).await?;
        }
        loop {
            let Some(place) = desk.unless_cut(desk.line.enter(self.expires)).await else {
                return self.leave("stopped; the clip waits at the provider").await;
            };
            self.step(Event::BeginFetch, Note::default()).await?;
            let message = match self.fetch().await? {
                Arrived::Clip(clip) => return self.done(clip).await,
                Arrived::Gone(message) => {
                    self.step(Event::Expire, Note::message(&message)).await?;
                    desk.say(RunEvent::Lost { job: self.job(), message }).await;
                    return Ok(Ended::Lost);
                }
                Arrived::NotAClip(message) => {
                    bad += 1;
                    if bad >= LOOKS_AT_A_BAD_CLIP {
                        return self.reject(message).await;
                    }
                    message
                }
                Arrived::Broken(message) => {
                    broken += 1;
                    message
                }
                Arrived::Cut => {
                    self.step(Event::BreakFetch, Note::default()).await?;
                    return self.leave("stopped; the clip waits at the provider").await;
                }
            };
            self.step(Event::BreakFetch, Note::message(&message)).await?;
            drop(place);
            // A clip that does not arrive must not keep everything else from starting.
            self.gate = None;
            if broken > desk.setup.pace.patience {
                return self.leave(&message).await;
            }
            // When cut meanwhile, the line says so.
            let _ = desk.unless_cut(tokio::time::sleep(desk.backoff(broken + bad))).await;
        }
    }

    async fn fetch(&mut self) -> Result<Arrived, RunError> {
        let id = self.remote_id()?;
        let (desk, request) = (Arc::clone(&self.desk), Arc::clone(&self.request));
        let attempt = self.id;
        let target = self
            .on_files(move |disk| {
                Target::prepare(disk, &desk.setup.workspace, &request.out, attempt)
            })
            .await?;
        let (desk, request) = (Arc::clone(&self.desk), Arc::clone(&self.request));
        let fetch = self.provider.fetch(&id, &request, &target.temporary);
        match desk.unless_cut(fetch).await {
            Some(Fetched::Complete) => {}
            Some(Fetched::Interrupted { message }) => {
                target.discard()?;
                return Ok(Arrived::Broken(message));
            }
            Some(Fetched::Gone { message }) => {
                target.discard()?;
                return Ok(Arrived::Gone(message));
            }
            None => {
                target.discard()?;
                return Ok(Arrived::Cut);
            }
        }
        let from = Provenance {
            attempt: self.number,
            remote_id: Some(id.id),
            unit: desk.setup.limits.unit.clone(),
            estimate: self.estimate,
            settled: self.life.settled,
            basis: self.basis,
            submitted: self.started,
            ready: self.ready,
        };
        self.on_files(move |_| {
            Ok(match target.publish(&*desk.setup.clips, &request, &from)? {
                Published::Clip(clip) => Arrived::Clip(clip),
                Published::NotAClip(message) => Arrived::NotAClip(message),
            })
        })
        .await
    }

    async fn done(&mut self, clip: ClipRecord) -> Result<Ended, RunError> {
        let note = Note { clip: Some(clip.clone()), ..Note::default() };
        self.step(Event::Publish, note).await?;
        self.desk
            .say(RunEvent::Done {
                job: self.job(),
                clip: clip.path,
                bytes: clip.bytes,
                cost: self.life.settled.to_decimal().to_string(),
                basis: self.basis,
            })
            .await;
        Ok(Ended::Done)
    }

    async fn reject(&mut self, why: String) -> Result<Ended, RunError> {
        let message = format!("what the provider made is no clip: {why}");
        self.step(Event::Reject, Note::message(&message)).await?;
        let charged = self.life.settled > Micros::ZERO;
        let cause = "not_a_clip".to_owned();
        self.failed(Failure { cause, message, charged, retry: Retry::Never }).await
    }

    async fn failed(&mut self, failure: Failure) -> Result<Ended, RunError> {
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

    async fn leave(&mut self, message: &str) -> Result<Ended, RunError> {
        let message = message.to_owned();
        self.desk.say(RunEvent::Waiting { job: self.job(), message }).await;
        Ok(Ended::Waiting)
    }

    /// Decides one step, makes it durable, and moves the money. What is left to do is done by
    /// whoever called.
    async fn step(&mut self, event: Event, note: Note) -> Result<(), RunError> {
        let Some(from) = self.life.state else {
            return Err(RunError::Broken("an attempt in hand has no state".to_owned()));
        };
        let (next, effects) = transition(self.life, event)?;
        let Some(to) = next.state else {
            return Err(RunError::Broken("a step ended without a state".to_owned()));
        };
        let basis = effects.iter().find_map(|effect| match effect {
            Effect::Settle { basis, .. } => Some(*basis),
            _ => None,
        });
        let at = self.desk.now();
        let transition = Transition {
            attempt: self.id,
            from,
            to,
            kind: event.kind(),
            reserved: next.reserved,
            settled: next.settled,
            basis,
            detail: note.message.as_ref().map_or(json!({}), |m| json!({ "message": m })),
            remote_id: note.remote_id,
            message: note.message,
            expires: note.expires,
            clip: note.clip,
            at,
        };
        self.desk.setup.ledger.apply(transition).await?;
        self.life = next;
        self.basis = basis.or(self.basis);
        if to == JobState::Ready {
            self.ready = self.ready.or(Some(at));
        }
        self.move_money(&effects).await
    }

    async fn move_money(&mut self, effects: &[Effect]) -> Result<(), RunError> {
        for effect in effects {
            match *effect {
                Effect::Settle { amount, .. } => {
                    let grant = self.take_grant()?;
                    self.desk.shared().budget.settle(grant, amount);
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
        let is_new = self.desk.hold(&model, &why);
        let job = self.job();
        self.desk.say(RunEvent::Overcharged { job, model: model.clone(), reserved, cost }).await;
        if is_new {
            self.desk.say(RunEvent::Held { model, why }).await;
        }
    }

    fn take_grant(&mut self) -> Result<Grant, RunError> {
        let lacking = || RunError::Broken("an attempt's money moved twice".to_owned());
        self.grant.take().ok_or_else(lacking)
    }

    fn remote_id(&self) -> Result<RemoteId, RunError> {
        let lacking = || RunError::Broken("an accepted attempt has no id".to_owned());
        self.remote.clone().ok_or_else(lacking)
    }

    fn job(&self) -> String {
        self.request.address.to_string()
    }

    /// Work on files, off the async threads. Not stopped by dropping the future, which is why all
    /// of it may be done twice.
    async fn on_files<T: Send + 'static>(
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

/// What a fetch brought.
enum Arrived {
    /// A clip, in its place.
    Clip(ClipRecord),
    /// Something that is no clip.
    NotAClip(String),
    /// Not all of it.
    Broken(String),
    /// Nothing, for good.
    Gone(String),
    /// Nothing: the run was cut.
    Cut,
}
