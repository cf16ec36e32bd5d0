//! Rows of the ledger as the rest of the program sees them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::{Address, JobKey};
use crate::channel::Made;
use crate::digest::Digest;
use crate::money::Micros;

/// Where a job is in its life. Planned and approved jobs have no row yet: a job enters the
/// ledger with its first intent.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The intent is durable and the amount reserved; the submission may have left or not.
    Submitting,
    /// The provider has it, and its id is durable.
    Submitted,
    /// The clip can be fetched.
    Ready,
    /// The clip is being fetched.
    Fetching,
    /// The clip is on disk, checked, and settled.
    Done,
    /// The provider surely did not take it; nothing was charged.
    Refused,
    /// The provider took it and it ended without a clip.
    Failed,
    /// Nobody knows whether the provider has it; the reservation stays.
    Unknown,
    /// The finished clip expired before it was fetched; or its outcome stayed unknown and was
    /// written off (then it was never ready).
    Lost,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [JobState; 9] = [
        JobState::Submitting,
        JobState::Submitted,
        JobState::Ready,
        JobState::Fetching,
        JobState::Done,
        JobState::Refused,
        JobState::Failed,
        JobState::Unknown,
        JobState::Lost,
    ];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Submitting => "submitting",
            JobState::Submitted => "submitted",
            JobState::Ready => "ready",
            JobState::Fetching => "fetching",
            JobState::Done => "done",
            JobState::Refused => "refused",
            JobState::Failed => "failed",
            JobState::Unknown => "unknown",
            JobState::Lost => "lost",
        }
    }

    /// From the text that the ledger stored.
    pub fn parse(text: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether an attempt in this state is open: no other may start (M2).
    pub fn is_open(self) -> bool {
        matches!(
            self,
            JobState::Submitting
                | JobState::Submitted
                | JobState::Ready
                | JobState::Fetching
                | JobState::Unknown
        )
    }
}

/// What planning needs to know of a job that the ledger has: small, because there may be a
/// million of them in memory.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Row id of the job.
    pub job: i64,
    /// First 16 bytes of the fingerprint of its latest attempt.
    pub fingerprint: [u8; 16],
    /// Its state; done, too, where a person's word ends it: a clip was accepted, or rejected and no
    /// other asked for.
    pub state: JobState,
    /// How often the same has been asked for again, by a person or a check, with what no attempt was
    /// begun for yet: what an attempt would begin with now.
    pub retake: u32,
    /// Whether a check asks for the last of these, and no attempt was begun for it yet: it was
    /// approved with the attempt that it looked at.
    pub by_check: bool,
}

/// All jobs of the ledger by key.
pub type KnownJobs = HashMap<JobKey, Known>;

/// A job's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// Row id.
    pub id: i64,
    /// Its address.
    pub address: Address,
    /// Its state.
    pub state: JobState,
    /// Its latest attempt.
    pub attempt: i64,
}

/// An attempt's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Row id; also the attempt key that a provider may get.
    pub id: i64,
    /// Its job's row.
    pub job: i64,
    /// Its job's address.
    pub address: Address,
    /// Its state.
    pub state: JobState,
    /// 1 for the job's first.
    pub number: u32,
    /// How often the same had been asked for again, by a person or a check.
    pub retake: u32,
    /// The plan that it was approved in.
    pub plan: Digest,
    /// The request as JSON, as it was or would be sent.
    pub request: String,
    /// The provider's id, once known.
    pub remote_id: Option<String>,
    /// Reserved, in the workspace's unit. Zero once settled or released.
    pub reserved: Micros,
    /// Settled, in the workspace's unit.
    pub settled: Micros,
    /// Last message (why refused, failed or unknown).
    pub message: Option<String>,
    /// When its intent was written.
    pub started: Timestamp,
    /// When its state last changed.
    pub updated: Timestamp,
    /// Digest of the request.
    pub fingerprint: Digest,
    /// The request's parts.
    pub parts: [u64; 4],
    /// Provider name.
    pub provider: String,
    /// Model name.
    pub model: String,
    /// Account at the provider; empty where there is only one.
    pub account: String,
    /// What was reserved at its intent, in the workspace's unit.
    pub estimate: Micros,
    /// Where the settled amount is from; absent before it is settled.
    pub basis: Option<Basis>,
    /// When the provider was first seen to have finished it.
    pub ready: Option<Timestamp>,
    /// From when on a ready clip may be gone.
    pub expires: Option<Timestamp>,
    /// How many processes stopped while it was open.
    pub interruptions: u32,
    /// The clip, once done.
    pub clip: Option<ClipRecord>,
}

/// What the attempts of one plan, run, day, provider, model and account hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The plan that they were approved in.
    pub plan: Digest,
    /// The run that began them.
    pub run: i64,
    /// The day (UTC) of their intents, counted from 1970-01-01.
    pub day: i64,
    /// Provider name.
    pub provider: String,
    /// Model name.
    pub model: String,
    /// Account at the provider; empty where there is only one.
    pub account: String,
    /// Reserved and settled, in the workspace's unit.
    pub held: Micros,
    /// Settled for outcomes that stayed unknown and were written off.
    pub written_off: Micros,
    /// Attempts that were not refused.
    pub attempts: u64,
    /// Attempts that cost more than was reserved.
    pub overcharged: u64,
}

/// What the attempts of one subject and day hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectHolding {
    /// The subject, as its jobs' addresses begin.
    pub subject: String,
    /// The day (UTC) of their intents, counted from 1970-01-01.
    pub day: i64,
    /// Reserved and settled, in the workspace's unit.
    pub held: Micros,
}

/// Where a settled amount is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The provider said what it charged.
    Provider,
    /// The provider said nothing, so the estimate stands.
    Estimate,
}

impl Basis {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Provider => "provider",
            Basis::Estimate => "estimate",
        }
    }
}

/// A finished clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClipRecord {
    /// Path relative to the workspace.
    pub path: String,
    /// Digest of its bytes.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// Bytes.
    pub bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Frames.
    pub frames: u32,
}

impl ClipRecord {
    /// What a channel looks at.
    pub fn measures(&self) -> Made {
        let ClipRecord { width, height, duration_ms, frames, bytes, .. } = *self;
        Made { width, height, duration_ms, frames, bytes }
    }
}
