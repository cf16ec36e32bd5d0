//! The diff: how a planned job stands against the ledger.
//!
//! What lives here: comparing one job with what is known of it. What never does: reading the
//! ledger.

use super::job::{Fingerprint, PlannedJob};
use super::summary::Change;
use crate::address::JobKey;
use crate::ledger::{JobState, KnownJobs};

/// A planned job and how it stands.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The job.
    pub job: PlannedJob,
    /// How it stands against the ledger.
    pub standing: Standing,
}

/// How a job stands against the ledger, before asking it for details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The ledger has never seen it.
    New,
    /// The ledger has it; the row, and whether a run would start it, wait, or leave it.
    Known {
        /// Its row.
        job: i64,
        /// How it differs; `why` of a changed job is still empty.
        change: Change,
    },
}

impl Standing {
    /// Looks a job up.
    pub fn of(key: JobKey, fingerprint: &Fingerprint, known: &KnownJobs) -> Self {
        let Some(known) = known.get(&key) else { return Standing::New };
        let same = known.fingerprint[..] == fingerprint.whole.as_bytes()[..16];
        let change = match known.state {
            JobState::Unknown => Change::Unknown,
            // An open attempt comes first, whatever the manifest says now (M2).
            state if state.is_open() => Change::InFlight,
            _ if !same => Change::Changed { why: Vec::new() },
            JobState::Done => Change::Done,
            _ => Change::Retry,
        };
        Standing::Known { job: known.job, change }
    }

    /// Whether a run would start it now.
    pub fn runs(&self) -> bool {
        match self {
            Standing::New => true,
            Standing::Known { change, .. } => change.runs(),
        }
    }

    /// The change in full. `earlier` gives the parts of a job's latest request; it is asked for
    /// changed jobs only.
    pub fn explain(
        self,
        fingerprint: &Fingerprint,
        earlier: impl FnOnce(i64) -> Option<[u64; 4]>,
    ) -> Change {
        match self {
            Standing::New => Change::New,
            Standing::Known { job, change: Change::Changed { .. } } => {
                let why = earlier(job).map(|parts| fingerprint.differences(&parts));
                Change::Changed { why: why.unwrap_or_default() }
            }
            Standing::Known { change, .. } => change,
        }
    }
}
