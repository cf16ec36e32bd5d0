//! Settling a submission in doubt, inside a run: by sending it again where the provider knows it,
//! by the provider's list, at last by what the manifest says of unknown outcomes.
//!
//! What never lives here: the rules of evidence (that is `evidence`), a person's word (`resolve`).

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;

use super::drive::{Attempt, Ended, Note};
use super::event::RunEvent;
use super::evidence::{Verdict, verdict};
use super::job::Event;
use super::setup::RunError;
use crate::ledger::JobState;
use crate::manifest::Unknown;
use crate::money::Micros;
use crate::providers::{Lookup, LookupKind, Refusal, RemoteId, Retry};

/// Ids given up to this long before an attempt began can't be its own.
const AROUND: SignedDuration = SignedDuration::from_hours(48);

impl Attempt {
    /// Settles what an earlier run left in doubt.
    pub(super) async fn settle(&mut self) -> Result<Ended, RunError> {
        self.desk.asks(self.id, &self.request, &self.account, self.started);
        if self.may_replay() {
            return self.replay().await;
        }
        if self.life.state == Some(JobState::Submitting) {
            let evidence = "the process stopped between the intent and the provider's answer";
            self.doubt(evidence).await?;
            return self.search(evidence).await;
        }
        self.search("").await
    }

    /// Writes down that nobody knows.
    pub(super) async fn doubt(&mut self, evidence: &str) -> Result<(), RunError> {
        if self.life.state == Some(JobState::Unknown) {
            return Ok(());
        }
        self.step(Event::Doubt, Note::message(evidence)).await
    }

    /// Looks for it at the provider, until that settles it or can't any more; then goes by what the
    /// manifest says. `evidence` is why it is in doubt, or empty when an earlier run said so.
    pub(super) async fn search(&mut self, evidence: &str) -> Result<Ended, RunError> {
        let mut why = evidence.to_owned();
        if let Some(kind) = self.provider.lookup_kind() {
            for wait in self.waits() {
                let desk = self.desk.clone();
                if !wait.is_zero() {
                    // Others must not wait for what only time can tell.
                    self.gate = None;
                    if self.once || desk.unless_cut(tokio::time::sleep(wait)).await.is_none() {
                        break;
                    }
                }
                let Some(verdict) = self.look(kind).await? else { break };
                match verdict {
                    Verdict::Accepted(id) => {
                        self.accepted(id, Event::FoundAccepted).await?;
                        return self.watch().await;
                    }
                    Verdict::Refused => return self.never_arrived().await,
                    Verdict::Stays(said) => {
                        why = if evidence.is_empty() { said } else { format!("{evidence}; {said}") }
                    }
                }
            }
        }
        self.stays_unknown(&why).await
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

    /// One look at the provider's list; absent when the run is cut.
    async fn look(&mut self, kind: LookupKind) -> Result<Option<Verdict>, RunError> {
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
        let verdict = match verdict(kind, found, alike) {
            Verdict::Accepted(id) if taken_since || !desk.claim(&request.provider, &id.id) => {
                Verdict::Stays(format!("{id} is of another attempt"))
            }
            verdict => verdict,
        };
        Ok(Some(verdict))
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
    pub(super) async fn stays_unknown(&mut self, why: &str) -> Result<Ended, RunError> {
        // Before its state is unknown, a crash would leave another doubt.
        self.doubt(why).await?;
        if self.may_write_off() && !self.desk.is_closed() && !self.once {
            let message = format!("its outcome stayed unknown and is written off: {why}");
            self.step(Event::WriteOff, Note::message(&message)).await?;
            self.desk.is_answered(self.id);
            self.leave_room(super::pools::Left::Taken);
            let (job, cost) = (self.job(), self.life.settled.to_decimal().to_string());
            self.desk.say(RunEvent::WrittenOff { job, cost, evidence: why.to_owned() }).await;
            return Ok(Ended::WrittenOff);
        }
        self.say_unknown(why).await;
        Ok(Ended::Unknown)
    }

    pub(super) async fn say_unknown(&self, evidence: &str) {
        let (job, evidence) = (self.job(), evidence.to_owned());
        let reserved = self.life.reserved.to_decimal().to_string();
        self.desk.say(RunEvent::Unknown { job, evidence, reserved }).await;
    }

    fn may_write_off(&self) -> bool {
        let Unknown::Resubmit { per_month } = self.desk.setup.unknown else { return false };
        let Ok(most) = Micros::from_decimal(per_month) else { return false };
        let shared = self.desk.shared();
        self.grant.as_ref().is_some_and(|grant| shared.budget.may_write_off(grant, most))
    }
}
