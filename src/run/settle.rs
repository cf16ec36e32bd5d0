//! Settling a submission in doubt, inside a run: by sending it again where the provider knows it,
//! by the provider's list, at last by what the manifest says of unknown outcomes.
//!
//! What never lives here: the rules of evidence (that is `evidence`), a person's word (`resolve`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::drive::{Attempt, Ended, Note};
use super::event::RunEvent;
use super::evidence::{AROUND, Verdict, verdict};
use super::job::Event;
use super::setup::RunError;
use crate::ledger::JobState;
use crate::manifest::Unknown;
use crate::money::Micros;
use crate::providers::{Lookup, LookupKind, Refusal, RemoteId, Retry, Submission};

/// What is said of an attempt whose process is gone.
const CUT_OFF: &str = "the process stopped between the intent and the provider's answer";

/// What came of sending a request again.
enum Replayed {
    /// It is known what became of it.
    Ended(Ended),
    /// Not yet; the same may be tried again, after so long at least. Why, for people.
    Later(String, Duration),
    /// Not this way. Why, for people.
    No(String),
}

fn later(what: &str, refusal: &Refusal) -> Replayed {
    let why = format!("{what}: {}", refusal.message);
    match refusal.retry {
        Retry::After(ms) => Replayed::Later(why, Duration::from_millis(ms.unwrap_or_default())),
        Retry::Never => Replayed::No(why),
    }
}

impl Attempt {
    /// Settles a submission in doubt, in the order of what is most certain. `evidence` is why it is
    /// in doubt, or empty when it is an earlier run's.
    pub(super) async fn settle(&mut self, evidence: &str) -> Result<Ended, RunError> {
        self.desk.asks(self.id, &self.request, &self.account, self.started);
        let cut_off = self.life.state == Some(JobState::Submitting);
        let mut why = match evidence {
            "" if cut_off => CUT_OFF.to_owned(),
            "" => self.evidence.clone().unwrap_or_default(),
            evidence => evidence.to_owned(),
        };
        let mut tries = 0;
        while self.may_replay() && !self.desk.is_closed() {
            match self.replay().await? {
                Replayed::Ended(ended) => return Ok(ended),
                Replayed::No(said) => {
                    why = said;
                    break;
                }
                Replayed::Later(said, wait) => {
                    why = said;
                    tries += 1;
                    self.gate = None;
                    let desk = Arc::clone(&self.desk);
                    let pause = tokio::time::sleep(desk.backoff(tries) + wait);
                    let patient = tries <= desk.setup.pace.patience && !self.once;
                    if !patient || desk.unless_closed(pause).await.is_none() {
                        break;
                    }
                }
            }
        }
        self.doubt(&why).await?;
        self.search(&why).await
    }

    /// Sends the request again under its key: the provider never makes or charges it twice.
    async fn replay(&mut self) -> Result<Replayed, RunError> {
        let (desk, provider) = (Arc::clone(&self.desk), Arc::clone(&self.provider));
        let request = Arc::clone(&self.request);
        let leave = desk.opening().await;
        let prepared = match desk.unless_cut(provider.prepare(&request)).await {
            Some(Ok(prepared)) => prepared,
            Some(Err(refusal)) => return Ok(later("it could not be made ready again", &refusal)),
            None => return Ok(Replayed::No("the run was stopped".to_owned())),
        };
        // The window may have closed while its pictures were made ready.
        if desk.is_closed() || !self.may_replay() {
            return Ok(Replayed::No("the provider may have forgotten its key".to_owned()));
        }
        desk.check_clock()?;
        self.step(Event::Replay, Note::default()).await?;
        let answer = self.send(prepared).await;
        drop(leave);
        Ok(match answer {
            Submission::Accepted { id, most } => {
                self.accepted(id, Event::Accept).await?;
                self.compare_with_most(most).await;
                Replayed::Ended(self.watch().await?)
            }
            // Who knows a request by its content gives the answer to every earlier one that was
            // the same, unless it is about the moment.
            Submission::Refused(refusal)
                if refusal.retry == Retry::Never && provider.knows_by_content() =>
            {
                Replayed::Ended(self.refused(refusal).await?)
            }
            // That this one was refused says nothing of the one that was sent before.
            Submission::Refused(refusal) => {
                later("it was sent again under its key, and refused", &refusal)
            }
            Submission::Unknown { evidence } => Replayed::Later(evidence, Duration::ZERO),
        })
    }

    /// Writes down that nobody knows.
    pub(super) async fn doubt(&mut self, evidence: &str) -> Result<(), RunError> {
        if self.life.state == Some(JobState::Unknown) {
            return Ok(());
        }
        self.step(Event::Doubt, Note::message(evidence)).await
    }

    /// Looks for it at the provider, until that settles it or can't any more; then goes by what the
    /// manifest says.
    async fn search(&mut self, evidence: &str) -> Result<Ended, RunError> {
        let mut why = evidence.to_owned();
        let mut heard = true;
        if let Some(kind) = self.provider.lookup_kind() {
            for wait in self.waits() {
                let desk = self.desk.clone();
                if !wait.is_zero() {
                    // Others must not wait for what only time can tell.
                    self.gate = None;
                    if self.once {
                        break;
                    }
                    let (job, evidence) = (self.job(), why.clone());
                    let after_ms = super::drive::millis(wait);
                    desk.say(RunEvent::Searching { job, evidence, after_ms }).await;
                    if desk.unless_closed(tokio::time::sleep(wait)).await.is_none() {
                        break;
                    }
                }
                let Some((verdict, answered)) = self.look(kind).await? else { break };
                heard = answered;
                match verdict {
                    Verdict::Accepted(id) => {
                        self.accepted(id, Event::FoundAccepted).await?;
                        return self.watch().await;
                    }
                    Verdict::Refused => return self.never_arrived().await,
                    Verdict::Stays(said) => {
                        why =
                            if evidence.is_empty() { said } else { format!("{evidence}; {said}") };
                    }
                }
            }
        }
        self.stays_unknown(&why, heard).await
    }

    /// How long to wait before each look: at once, and again until the request can't arrive any
    /// more. What is older is looked for once.
    fn waits(&self) -> Vec<Duration> {
        let pace = &self.desk.setup.pace;
        let age = self.desk.now().duration_since(self.started).unsigned_abs();
        let mut waits = vec![Duration::ZERO];
        let mut passed = Duration::ZERO;
        for at in pace.looks.iter().filter(|at| **at > age) {
            let wait = at.saturating_sub(age).saturating_sub(passed);
            passed += wait;
            waits.push(wait);
        }
        waits
    }

    /// One look at the provider's list, and whether it could be read; absent when the run is cut.
    async fn look(&mut self, kind: LookupKind) -> Result<Option<(Verdict, bool)>, RunError> {
        let desk = self.desk.clone();
        let (provider, request) = (self.provider.clone(), self.request.clone());
        let (key, taken) = (self.key(), self.taken()?);
        let lookup = async {
            let _leave = desk.request().await;
            provider.lookup(&request, &key, self.started, &taken).await
        };
        let Some(found) = desk.unless_cut(lookup).await else { return Ok(None) };
        // Asked after the list was read: whoever was submitted meanwhile has an id in the ledger
        // by now, or is still without an answer.
        let alike = desk.alike(self.id, kind);
        let taken_since = match &found {
            Lookup::Found(id) => self.taken()?.contains(&id.id),
            _ => false,
        };
        let answered = !matches!(found, Lookup::Failed { .. } | Lookup::Ambiguous(0));
        let verdict = match verdict(kind, found, alike) {
            Verdict::Accepted(id) if taken_since || !desk.claim(&request.provider, &id.id) => {
                Verdict::Stays(format!("{id} is of another attempt"))
            }
            verdict => verdict,
        };
        Ok(Some((verdict, answered)))
    }

    /// Ids that are known to be of other attempts.
    fn taken(&self) -> Result<BTreeSet<String>, RunError> {
        let from = self.started.saturating_sub(AROUND).unwrap_or(self.started);
        let stored = self.desk.setup.ledger.remote_ids(&self.request.provider, from)?;
        let mut taken: BTreeSet<String> =
            stored.iter().map(|text| RemoteId::from_stored(text).id).collect();
        taken.extend(self.desk.claimed(&self.request.provider));
        Ok(taken)
    }

    /// It never reached the provider, and can't any more.
    async fn never_arrived(&mut self) -> Result<Ended, RunError> {
        let message = "the provider's list shows that it never arrived";
        self.step(Event::FoundRefused, Note::message(message)).await?;
        self.desk.is_answered(self.id);
        self.leave_room(super::pools::Left::Refused);
        let (job, cause) = (self.job(), "never_arrived".to_owned());
        let message = message.to_owned();
        let refusal = Refusal { retry: Retry::After(None), cause, message };
        let (cause, message) = (refusal.cause.clone(), refusal.message.clone());
        self.desk.say(RunEvent::Refused { job, cause, message }).await;
        Ok(Ended::Refused(refusal))
    }

    /// What can't be settled is written off, where the manifest allows it and its cap has room;
    /// else it stays, and holds its reservation.
    async fn stays_unknown(&mut self, why: &str, heard: bool) -> Result<Ended, RunError> {
        // Before its state is unknown, a crash would leave another doubt.
        self.doubt(why).await?;
        // Not while there is more to be learned: a list that can't be read now, a key that the
        // provider still knows.
        let learned = heard && !self.may_replay();
        if learned && !self.desk.is_closed() && !self.once && self.take_write_off() {
            let message = format!("its outcome stayed unknown and is written off: {why}");
            self.step(Event::WriteOff, Note::message(&message)).await?;
            // It stays among those without an answer: what a provider lists may be this one.
            self.leave_room(super::pools::Left::Taken);
            let (job, cost) = (self.job(), self.life.settled.to_decimal().to_string());
            self.desk.say(RunEvent::WrittenOff { job, cost, evidence: why.to_owned() }).await;
            return Ok(Ended::WrittenOff);
        }
        self.say_unknown(why).await;
        Ok(Ended::Unknown)
    }

    async fn say_unknown(&self, evidence: &str) {
        if self.once {
            // It is looked at again.
            return;
        }
        let (job, evidence) = (self.job(), evidence.to_owned());
        let reserved = self.life.reserved.to_decimal().to_string();
        self.desk.say(RunEvent::Unknown { job, evidence, reserved }).await;
    }

    /// Takes the room for a write-off, if the manifest's cap has it: asked and taken at once, so
    /// that several at the same time can't all have the last of it. A failed step fails the run.
    fn take_write_off(&mut self) -> bool {
        let Unknown::Resubmit { per_month } = self.desk.setup.unknown else { return false };
        let Ok(most) = Micros::from_decimal(per_month) else { return false };
        let mut shared = self.desk.shared();
        match self.grant.take() {
            Some(grant) if shared.budget.may_write_off(&grant, most) => {
                shared.budget.write_off(grant);
                true
            }
            grant => {
                drop(shared);
                self.grant = grant;
                false
            }
        }
    }
}
