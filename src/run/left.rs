//! What earlier runs left: taken up before anything new begins, clips that wait first.
//!
//! What never lives here: steps of a job (that is `drive`), and new work (`admit`).

use std::sync::Arc;

use tokio::sync::mpsc;

use super::desk::is_parked;
use super::dispatch::{Dispatcher, Phase, Report};
use super::drive::Attempt;
use super::event::RunEvent;
use super::evidence::AROUND;
use super::setup::RunError;
use super::waiting::Waiting;
use crate::ledger::{AttemptRecord, JobState};
use crate::plan::Request;

impl Dispatcher {
    /// Starts what earlier runs left: clips that wait first, soonest expiry first.
    pub(super) async fn take_up(&mut self, mut open: Vec<AttemptRecord>) -> Result<(), RunError> {
        open.sort_by_key(|attempt| {
            let waits = matches!(attempt.state, JobState::Ready | JobState::Fetching);
            (!waits, attempt.expires.unwrap_or(jiff::Timestamp::MAX), attempt.id)
        });
        self.note_doubts(&open)?;
        let (gate, gate_open) = mpsc::channel(1);
        for record in open {
            self.in_hand.insert(record.address.key());
            if let Some(why) = self.out_of_reach(&record) {
                match record.state {
                    JobState::Unknown => self.summary.unknown += 1,
                    _ => self.summary.waiting += 1,
                }
                if !self.once {
                    let job = record.address.to_string();
                    self.desk.say(RunEvent::Waiting { job, message: why }).await;
                }
            } else if is_parked(&record) {
                let (job, interruptions) = (record.address.to_string(), record.interruptions);
                if !self.once {
                    self.desk.say(RunEvent::Parked { job, interruptions }).await;
                }
                self.parked.push_back(record);
            } else {
                self.resume(record, gate.clone(), self.once, false)?;
            }
        }
        self.gate = Some(gate_open);
        Ok(())
    }

    /// Why nobody can go on with an attempt in this run, if so.
    fn out_of_reach(&self, record: &AttemptRecord) -> Option<String> {
        let Some(provider) = self.desk.provider(&record.provider) else {
            return Some(format!("{} can't be asked in this run", record.provider));
        };
        if provider.account() != record.account {
            // Another account neither lists it nor knows its id.
            return Some(format!(
                "it was submitted from the account `{}`, but the manifest names `{}` now",
                record.account,
                provider.account()
            ));
        }
        let read = serde_json::from_str::<Request>(&record.request);
        read.err().map(|e| format!("its request can't be read back from the ledger: {e}"))
    }

    /// A provider's list can't tell some of what is in doubt apart, whoever goes on with it.
    fn note_doubts(&self, open: &[AttemptRecord]) -> Result<(), RunError> {
        let in_doubt =
            |a: &&AttemptRecord| matches!(a.state, JobState::Unknown | JobState::Submitting);
        let oldest = open.iter().filter(in_doubt).map(|record| record.started).min();
        let from = oldest.unwrap_or(self.desk.now());
        let from = from.saturating_sub(AROUND).unwrap_or(from);
        // What was given up may have arrived all the same.
        let given_up = self.desk.setup.ledger.written_off(from)?;
        for record in open.iter().filter(in_doubt).chain(&given_up) {
            // What can't be read back is said where it would be taken up.
            let Ok(request) = serde_json::from_str(&record.request) else { continue };
            self.desk.asks(record.id, &Arc::new(request), &record.account, record.started);
        }
        Ok(())
    }

    fn resume(
        &mut self,
        record: AttemptRecord,
        gate: mpsc::Sender<()>,
        once: bool,
        parked: bool,
    ) -> Result<(), RunError> {
        let Some(provider) = self.desk.provider(&record.provider) else { return Ok(()) };
        let key = record.address.key();
        // What this very plan approved may be tried again if it ends without a charge.
        let again = (Some(record.plan) == self.plan).then_some((record.parts, record.estimate));
        let desk = Arc::clone(&self.desk);
        let parked = parked.then_some(record.id);
        let attempt = Attempt::take_up(desk, provider, record, (gate, once))?;
        let request = Arc::clone(attempt.request());
        self.tasks.spawn(async move {
            let ended = attempt.resume().await;
            let again = again.map(|(parts, reserve)| Waiting {
                request,
                parts,
                reserve,
                tries: 0,
                crowded: 0,
            });
            Report { key, again, parked, ended }
        });
        Ok(())
    }

    /// Whether there is more to take up of what may have stopped earlier processes.
    pub(super) async fn has_parked(&mut self) -> bool {
        match self.take_up_parked() {
            Ok(more) => more,
            Err(error) => {
                self.fail(error).await;
                !self.tasks.is_empty()
            }
        }
    }

    /// Looks at the next attempt that may be what stopped earlier processes, alone. Those that did
    /// no harm go on together afterwards. False when there is none.
    fn take_up_parked(&mut self) -> Result<bool, RunError> {
        if self.phase != Phase::Going || self.once {
            let left = self.parked.drain(..).count() + self.harmless.drain(..).count();
            self.summary.waiting += left as u64;
        }
        // Nothing waits behind them.
        let (gate, _) = mpsc::channel(1);
        if let Some(record) = self.parked.pop_front() {
            self.resume(record, gate, true, true)?;
            return Ok(true);
        }
        for attempt in std::mem::take(&mut self.harmless) {
            let Some(record) = self.desk.setup.ledger.attempt(attempt)? else {
                return Err(RunError::Broken(format!("attempt {attempt} has no row")));
            };
            self.resume(record, gate.clone(), false, false)?;
        }
        Ok(!self.tasks.is_empty())
    }
}
