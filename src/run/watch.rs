//! Watching a job that its provider has: polls until it is made or ends without a clip.
//!
//! What never lives here: fetching; what a reply means (that is the provider).

use std::sync::Arc;
use std::time::Duration;

use super::drive::{Attempt, Ended, Note};
use super::event::RunEvent;
use super::job::Event;
use super::pools::Left;
use super::setup::RunError;
use crate::money::{Amount, Micros};
use crate::providers::Polled;

/// What a watcher remembers between polls.
#[derive(Default)]
struct Watched {
    /// Polls in a row without an answer.
    silent: u32,
    /// The last percentage that was told.
    shown: Option<u8>,
    /// The last word that no card knows.
    odd: Option<String>,
}

impl Attempt {
    /// Polls until something is known for good.
    pub(super) async fn watch(&mut self) -> Result<Ended, RunError> {
        let desk = Arc::clone(&self.desk);
        let (provider, request) = (Arc::clone(&self.provider), Arc::clone(&self.request));
        let id = self.remote_id()?;
        let interval = Duration::from_millis(provider.poll_interval_ms());
        let mut watched = Watched::default();
        let began = tokio::time::Instant::now();
        // What an earlier run left is asked at once: its clip may be waiting.
        let mut wait = if self.gate.is_some() { Duration::ZERO } else { desk.about(interval) };
        loop {
            let answer = desk.unless_cut(async {
                tokio::time::sleep(wait).await;
                let _leave = desk.request().await;
                provider.poll(&id, &request).await
            });
            let Some(answer) = answer.await else {
                return self.leave("stopped; the provider still has it").await;
            };
            wait = desk.about(interval);
            match answer {
                Polled::Running { .. } if self.once => return Ok(Ended::Waiting),
                Polled::Running { .. } if began.elapsed() > desk.setup.pace.watch => {
                    self.gate = None;
                    return self.leave("it has run for very long; the next run asks again").await;
                }
                Polled::Running { percent, unknown_word, throttled } => {
                    self.gate = None;
                    if let Some(seat) = self.seat.as_ref().filter(|_| throttled) {
                        let now = desk.moment();
                        desk.shared().pools.throttled(seat, now);
                    }
                    self.is_running(&mut watched, percent, unknown_word).await;
                }
                Polled::Ready { expires, cost } => {
                    self.expires = expires;
                    let cost = self.converted(cost).await;
                    let note = Note { expires, ..Note::default() };
                    self.step(Event::Finish { cost }, note).await?;
                    if let Some(seat) = &self.seat {
                        desk.shared().pools.went_well(seat);
                    }
                    // Its place at the provider is free; its clip stands in another line.
                    self.leave_room(Left::Taken);
                    return self.collect().await;
                }
                Polled::Failed(failure) => {
                    let event = Event::Fail { charged: failure.charged };
                    self.step(event, Note::message(&failure.message)).await?;
                    return self.failed(failure).await;
                }
                Polled::NoAnswer { message } => {
                    self.gate = None;
                    watched.silent += 1;
                    if self.once {
                        return Ok(Ended::Waiting);
                    }
                    if watched.silent == 1 {
                        let (job, message) = (self.job(), message.clone());
                        desk.say(RunEvent::NoAnswer { job, message }).await;
                    }
                    if watched.silent > desk.setup.pace.patience {
                        self.blame("no_answer", None).await;
                        return self.leave(&message).await;
                    }
                    wait = interval.max(desk.backoff(watched.silent));
                }
            }
        }
    }

    async fn is_running(&self, watched: &mut Watched, percent: Option<u8>, odd: Option<String>) {
        watched.silent = 0;
        if let Some(word) = odd.filter(|word| watched.odd.as_ref() != Some(word)) {
            let (job, provider) = (self.job(), self.request.provider.clone());
            watched.odd = Some(word.clone());
            self.desk.say(RunEvent::UnknownState { job, provider, word }).await;
        }
        if let Some(percent) = percent.filter(|p| Some(*p) != watched.shown) {
            watched.shown = Some(percent);
            self.desk.say(RunEvent::Progress { job: self.job(), percent }).await;
        }
    }

    /// What it cost in the workspace's unit, where that can be said.
    async fn converted(&self, cost: Option<Amount>) -> Option<Micros> {
        let cost = cost?;
        let converted = self.desk.setup.limits.convert(&cost);
        if converted.is_none() {
            let (job, cost) = (self.job(), cost.to_string());
            self.desk.say(RunEvent::NoRate { job, cost }).await;
        }
        converted
    }
}
