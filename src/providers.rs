//! Providers: who makes clips.
//!
//! What lives here: the trait that the run drives, and the box's own provider, the animatic.
//! What never does: manifests, money limits, the ledger, retries.

pub mod animatic;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use jiff::Timestamp;

use crate::money::Amount;
use crate::plan::Request;

/// What a provider's methods return.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The id by which a provider knows an accepted job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RemoteId(pub String);

/// The outcome of a submission: one of exactly three (M4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// The provider has the job, and this is its id.
    Accepted {
        /// The id.
        id: RemoteId,
    },
    /// The provider surely has not taken the job.
    Refused(Refusal),
    /// Nobody knows whether the provider has it.
    Unknown {
        /// What is known about why.
        evidence: String,
    },
}

/// A submission that was surely not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the same request may be accepted later.
    pub retry: Retry,
    /// A short stable word for what went wrong: equal causes hold a model.
    pub cause: String,
    /// For people.
    pub message: String,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It can; not before this many milliseconds, where the provider says.
    After(Option<u64>),
    /// It can't: the request itself is wrong.
    Never,
}

/// What a poll says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Not finished. `percent` where the provider tells.
    Running {
        /// 0 to 100.
        percent: Option<u8>,
    },
    /// The clip can be fetched.
    Ready {
        /// From when on it may be gone.
        expires: Option<Timestamp>,
        /// What the provider says it cost, in its own unit.
        cost: Option<Amount>,
    },
    /// It ended without a clip.
    Failed(Failure),
    /// The poll itself failed; nothing is known. Reads may be repeated freely.
    NoAnswer {
        /// What happened.
        message: String,
    },
}

/// A job that ended without a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A short stable word for what went wrong: equal causes hold a model.
    pub cause: String,
    /// For people.
    pub message: String,
    /// Whether the provider charges for it.
    pub charged: bool,
    /// Whether a new attempt can help.
    pub retry: Retry,
}

/// What a fetch says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The whole clip is in the file given, synced.
    Complete,
    /// It did not arrive whole; it may be fetched again.
    Interrupted {
        /// What happened.
        message: String,
    },
    /// It is gone for good.
    Gone {
        /// What happened.
        message: String,
    },
}

/// Someone who makes clips. Every method may be called again after a crash, with the request
/// and id that the ledger kept.
pub trait Provider: Send + Sync {
    /// Its name, as on model cards.
    fn name(&self) -> &str;

    /// Whether a request whose outcome is unknown may simply be sent again, because the
    /// provider knows it by its content and never makes or charges it twice.
    fn replay_is_safe(&self) -> bool;

    /// How many jobs it takes at once, where the manifest sets no limit.
    fn default_in_flight(&self) -> usize;

    /// How long to wait between polls, in milliseconds.
    fn poll_interval_ms(&self) -> u64;

    /// Sends a request, once. Never retries by itself.
    fn submit<'a>(&'a self, request: &'a Request) -> Answer<'a, Submission>;

    /// Asks how far it is.
    fn poll<'a>(&'a self, id: &'a RemoteId, request: &'a Request) -> Answer<'a, Polled>;

    /// Writes the finished clip to `to` (which does not exist yet) and syncs it.
    fn fetch<'a>(
        &'a self,
        id: &'a RemoteId,
        request: &'a Request,
        to: &'a Path,
    ) -> Answer<'a, Fetched>;
}
