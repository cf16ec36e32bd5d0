//! A simulated job: where it is follows from when it was accepted and what was decided then.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::bill::Charge;
use super::clips::Clip;
use super::submission::Submission;
use crate::money::Amount;
use crate::protocol::State;

/// How a job will fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doom {
    /// The provider's code.
    pub(super) code: String,
    /// For people.
    pub(super) message: String,
    /// Whether it is paid all the same.
    pub(super) charged: bool,
}

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    /// The provider's id.
    pub(super) id: String,
    /// What was asked.
    pub(super) asked: Submission,
    /// The body as it came, long texts shortened where no lookup compares them.
    pub(super) body: Json,
    /// What it is charged; absent where nobody knows the price.
    pub(super) charged: Option<Amount>,
    /// When it was accepted.
    pub(super) accepted: Timestamp,
    /// Milliseconds that it waits.
    pub(super) queued_ms: i64,
    /// Milliseconds that it takes.
    pub(super) running_ms: i64,
    /// How it will fail, if it will.
    pub(super) doom: Option<Doom>,
    /// Whether it was cancelled, and is then paid all the same.
    pub(super) cancelled: Option<bool>,
    /// Whether the reply to the submission was lost.
    pub(super) reply_lost: bool,
    /// What the card captures of the replies.
    pub(super) captured: BTreeMap<String, Json>,
    /// Its clip.
    pub(super) clip: Clip,
    /// Which URL of the clip is given out, from 0.
    pub(super) url_number: u32,
    /// Whether the first URL is refused.
    pub(super) first_url_expired: bool,
    /// Whether somebody has seen that it is.
    pub(super) first_url_tried: bool,
    /// Whether the next whole download is cut.
    pub(super) cuts_download: bool,
    /// How often it was asked for alone.
    pub(super) polls: u64,
}

/// Where a job is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// Waiting.
    Queued,
    /// Being made: how much of it, 0 to 1.
    Running(f64),
    /// Made.
    Succeeded(PathBuf),
    /// Ended without a clip.
    Failed(Doom),
    /// Cancelled.
    Cancelled,
}

impl Standing {
    /// The state's word.
    pub(super) fn state(&self) -> State {
        match self {
            Standing::Queued => State::Queued,
            Standing::Running(_) => State::Running,
            Standing::Succeeded(_) => State::Succeeded,
            Standing::Failed(_) => State::Failed,
            Standing::Cancelled => State::Cancelled,
        }
    }
}

impl Job {
    /// Where it is now.
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        if self.cancelled.is_some() {
            return Standing::Cancelled;
        }
        let age = now.as_millisecond() - self.accepted.as_millisecond();
        if age < self.queued_ms {
            return Standing::Queued;
        }
        let worked = age - self.queued_ms;
        if worked < self.running_ms {
            // Both are milliseconds of a job's life, far below what a double holds exactly.
            return Standing::Running(worked as f64 / self.running_ms as f64);
        }
        if let Some(doom) = &self.doom {
            return Standing::Failed(doom.clone());
        }
        match self.clip.get() {
            Some(Ok(file)) => Standing::Succeeded(file.clone()),
            Some(Err(why)) => Standing::Failed(Doom {
                code: "INTERNAL".to_owned(),
                message: format!("the rehearsal could not make the clip: {why}"),
                charged: false,
            }),
            None => Standing::Running(0.99),
        }
    }

    /// What a poll does to a clip whose URL was refused.
    pub(super) fn give_fresh_url(&mut self, standing: &Standing, refreshed_by_poll: bool) {
        let finished = matches!(standing, Standing::Succeeded(_));
        if finished && refreshed_by_poll && self.first_url_tried {
            self.url_number = 1;
        }
    }

    /// When its clip was made, at the earliest.
    pub(super) fn made(&self) -> Timestamp {
        let after = jiff::SignedDuration::from_millis(self.queued_ms + self.running_ms);
        self.accepted.checked_add(after).unwrap_or(self.accepted)
    }

    /// Its line on the bill.
    pub(super) fn charge(&self, now: Timestamp) -> Charge {
        let standing = self.standing(now);
        let refunded = match &standing {
            Standing::Failed(doom) => !doom.charged,
            Standing::Cancelled => self.cancelled == Some(false),
            _ => false,
        };
        let amount: Option<Decimal> = self.charged.as_ref().map(|amount| amount.value);
        Charge {
            id: self.id.clone(),
            attempt: self.asked.attempt.clone(),
            model: self.asked.model.model.clone(),
            amount,
            unit: self.charged.as_ref().map(|amount| amount.unit.clone()),
            at: self.accepted,
            state: standing.state().as_str(),
            refunded,
            reply_lost: self.reply_lost,
        }
    }
}
