//! Providers: who makes clips.
//!
//! What lives here: the trait that the run drives, the box's own provider, the animatic, and
//! the driver that speaks to hosted ones as their cards say. What never does: manifests, money
//! limits, the ledger, retries of submissions.

pub mod animatic;
pub mod http;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;

use crate::address::Address;
use crate::digest::{Digest, FieldHasher};
use crate::money::Amount;
use crate::plan::Request;

/// What a provider's methods return.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The id by which a provider knows an accepted job, with what else its reply said that is
/// needed to ask for it again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RemoteId {
    /// The id.
    pub id: String,
    /// What the card captured of the reply, by name: URLs to follow, for instance.
    pub captured: BTreeMap<String, serde_json::Value>,
}

impl RemoteId {
    /// An id that needs nothing beside it.
    pub fn plain(id: impl Into<String>) -> Self {
        RemoteId { id: id.into(), captured: BTreeMap::new() }
    }

    /// As the ledger keeps it: the id alone, or JSON where something was captured. No provider's
    /// id begins with `{`; one that does is kept as JSON too.
    pub fn to_stored(&self) -> String {
        if self.captured.is_empty() && !self.id.starts_with('{') {
            return self.id.clone();
        }
        serde_json::to_string(self).expect("texts and JSON values are always JSON")
    }

    /// From what the ledger kept.
    pub fn from_stored(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| RemoteId::plain(text))
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// The name of one attempt towards a provider: a UUID that is durable with the intent, because
/// everything it is made of is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttemptKey(String);

impl AttemptKey {
    /// Of the attempt `number` of a job, begun at `started`, for the request with this
    /// fingerprint. A ledger made anew starts at another time, so its attempts have other names.
    pub fn of(address: &Address, fingerprint: &Digest, number: u32, started: Timestamp) -> Self {
        let digest = FieldHasher::new("attempt")
            .field(address.to_string().as_bytes())
            .field(fingerprint.as_bytes())
            .field(&number.to_le_bytes())
            .field(&started.as_microsecond().to_le_bytes())
            .finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        // RFC 9562, version 8: the bits are the maker's own.
        bytes[6] = (bytes[6] & 0x0F) | 0x80;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        AttemptKey(format!("{a}-{b}-{c}-{d}-{e}"))
    }

    /// The UUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a provider made ready for one submission: pictures that were handed over, for instance.
/// Only the provider that made it knows what is inside. Making it costs nothing, and it may be
/// thrown away.
pub struct Prepared(Box<dyn Any + Send>);

impl Prepared {
    /// Nothing was needed.
    pub fn nothing() -> Self {
        Prepared(Box::new(()))
    }

    /// Something was.
    pub fn holding<T: Send + 'static>(what: T) -> Self {
        Prepared(Box::new(what))
    }

    /// What was put in; absent when it was something else.
    pub fn take<T: Send + 'static>(self) -> Option<T> {
        self.0.downcast().ok().map(|what| *what)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared")
    }
}

/// How much a provider takes, by its own word, where the manifest says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Jobs at once.
    pub in_flight: u32,
    /// Submissions a minute; absent: no such limit.
    pub per_minute: Option<u32>,
    /// Submissions a day; absent: no such limit.
    pub per_day: Option<u32>,
}

/// By what a provider's list of submissions tells ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupKind {
    /// By the attempt's own key, which it keeps.
    Marker,
    /// By the request, which it echoes. Two that are alike can't be told apart.
    Echo,
    /// By model and time alone. Two of the same model at about the same time can't be told apart.
    Count,
}

/// What looking for a submission brought whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The provider has it.
    Found(RemoteId),
    /// The provider does not list it.
    Absent {
        /// Whether that proves that it never arrived and can't arrive any more.
        conclusive: bool,
    },
    /// So many might be it.
    Ambiguous(usize),
    /// It could not be asked.
    Failed {
        /// What happened.
        message: String,
    },
}

/// The outcome of a submission: one of exactly three (M4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// The provider has the job, and this is its id.
    Accepted {
        /// The id.
        id: RemoteId,
        /// The most that it may cost, where the provider says so.
        most: Option<Amount>,
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
        /// A word for its state that the provider's card does not know: somebody should look.
        unknown_word: Option<String>,
        /// Whether it waits because the account has as many jobs under way as it may.
        throttled: bool,
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
    /// Its place refuses it, also where it was asked for anew. Perhaps not for good: but it is
    /// gone if its time was over long ago.
    Denied {
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

    /// For how long a request whose outcome is unknown may simply be sent again under the same
    /// attempt key, because the provider knows it and never makes or charges it twice.
    fn replay_window(&self) -> Option<Duration>;

    /// Whether it knows a job by its content alone and for ever, so that its answer to a request
    /// is the answer to every earlier one that was the same.
    fn knows_by_content(&self) -> bool {
        false
    }

    /// How much it takes.
    fn terms(&self) -> Terms;

    /// The account at the provider, as the workspace names it; empty where there is one only.
    fn account(&self) -> &str {
        ""
    }

    /// How long to wait between polls, in milliseconds.
    fn poll_interval_ms(&self) -> u64;

    /// Makes a submission ready: prepares its pictures and hands them over where that is a
    /// request of its own. Nothing of it costs anything; it may be done again, or be thrown away.
    ///
    /// # Errors
    /// Why the request can't be submitted, or not now.
    fn prepare<'a>(&'a self, request: &'a Request) -> Answer<'a, Result<Prepared, Refusal>> {
        let _ = request;
        Box::pin(std::future::ready(Ok(Prepared::nothing())))
    }

    /// Sends a request that was made ready, once. Never retries by itself.
    fn submit<'a>(
        &'a self,
        request: &'a Request,
        key: &'a AttemptKey,
        prepared: Prepared,
    ) -> Answer<'a, Submission>;

    /// How it tells our submissions in its list; absent: it has no list that could be asked.
    fn lookup_kind(&self) -> Option<LookupKind> {
        None
    }

    /// Looks for a submission whose answer was lost and whose intent is of `started`. Ids in
    /// `taken` are known to be of other attempts, so that none of them is taken for this one.
    fn lookup<'a>(
        &'a self,
        request: &'a Request,
        key: &'a AttemptKey,
        started: Timestamp,
        taken: &'a BTreeSet<String>,
    ) -> Answer<'a, Lookup> {
        let _ = (request, key, started, taken);
        let message = format!("{} lists no submissions", self.name());
        Box::pin(std::future::ready(Lookup::Failed { message }))
    }

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
