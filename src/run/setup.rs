//! What a run is given, and how it can end without a summary.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::budget::MoneyLimits;
use super::doors::{Books, ClipLook, Files};
use super::guard::Guard;
use super::job::Violation;
use crate::address::JobKey;
use crate::clock::{Chance, Clock};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::ledger::{Approval, LedgerError};
use crate::manifest::{Concurrency, Unknown};
use crate::money::{Micros, Unit};
use crate::plan::Request;
use crate::providers::Provider;
use crate::verification::ClipVerifier;

/// An approved job.
#[derive(Debug, Clone)]
pub struct Work {
    /// What is asked.
    pub request: Request,
    /// The request's parts, by which a later plan says what changed.
    pub parts: [u64; 4],
    /// The address' key.
    pub key: JobKey,
    /// What to reserve, in the workspace's unit; absent when the price is not known, and then
    /// the job is never submitted (M7).
    pub reserve: Option<Micros>,
    /// The plan that it is of.
    pub plan: Digest,
}

/// Whether to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// Submit nothing more and collect for a bounded time what is in flight.
    Graceful,
    /// Leave what is in flight to the next run; only answers to submissions are waited for,
    /// shortly.
    Now,
}

/// How fast and how patient a run is.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The first wait before trying again is up to this long; it doubles with each try.
    pub backoff: Duration,
    /// No wait is longer, unless the provider asks for more.
    pub backoff_most: Duration,
    /// How long a graceful stop collects what is in flight.
    pub grace: Duration,
    /// How long any stop waits for answers to submissions that have left.
    pub answer_grace: Duration,
    /// After how many equal causes in a row a model gets nothing for a while.
    pub hold_after: u32,
    /// When one job tries it again; it doubles with each that fails.
    pub probe: Duration,
    /// How long one run watches one job; then it waits for the next run.
    pub watch: Duration,
    /// How many polls or fetches of one job may fail in a row before it waits for the next run.
    pub patience: u32,
    /// How many jobs are looked at ahead of those that run, so that a busy model does not stop
    /// others. Memory is bounded by it.
    pub lookahead: usize,
    /// How many clips are fetched at once, where the manifest says nothing.
    pub fetches: usize,
    /// How long after its intent a submission in doubt is looked for again at its provider,
    /// beside the look at once: the last is when it can't arrive any more.
    pub looks: Vec<Duration>,
    /// How much longer to wait each time that a provider hands out something else than a clip.
    pub trouble: Duration,
    /// How many finished clips are looked at at once: each keeps a core busy.
    pub checks_at_once: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            backoff: Duration::from_secs(1),
            backoff_most: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            // An answer that is not waited for is an unknown outcome.
            answer_grace: Duration::from_secs(130),
            watch: Duration::from_secs(24 * 3600),
            hold_after: 5,
            probe: Duration::from_secs(30),
            patience: 8,
            lookahead: 4096,
            fetches: 32,
            looks: [15, 60, 420].map(Duration::from_secs).to_vec(),
            trouble: Duration::from_secs(20),
            checks_at_once: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// Everything that a run needs.
#[derive(Clone)]
pub struct Setup {
    /// The ledger, open for running.
    pub ledger: Arc<dyn Books>,
    /// Providers by name.
    pub providers: BTreeMap<String, Arc<dyn Provider>>,
    /// The files of the workspace.
    pub files: Arc<dyn Files>,
    /// Looks into clips and makes posters.
    pub clips: Arc<dyn ClipLook>,
    /// Looks at clips that their requests want looked at; absent: nobody does, and they are left to
    /// whoever does.
    pub verifier: Option<Arc<dyn ClipVerifier>>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub chance: Arc<Chance>,
    /// The folder that clip paths are relative to.
    pub workspace: PathBuf,
    /// How much may run at once.
    pub concurrency: Concurrency,
    /// What may be spent.
    pub limits: MoneyLimits,
    /// What each intent is held against beside.
    pub guard: Guard,
    /// What was approved; absent when the run only goes on with what earlier ones left.
    pub approval: Option<Approval>,
    /// How many jobs the work channel will bring; when it ends with another number, whoever
    /// feeds it broke down, and the run fails instead of saying that it is done. Absent: any.
    pub jobs: Option<u64>,
    /// How often a job is tried again.
    pub retries: u32,
    /// Whether a job that ended without a clip, and was charged, may be paid again.
    pub pay_again: bool,
    /// What is done about submissions whose outcome stays unknown.
    pub unknown: Unknown,
    /// How fast and how patient.
    pub pace: Pace,
}

/// Why a run stopped spending. What was in flight is in the ledger; the next run takes it up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The ledger can't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A clip can't be put in its place.
    #[error("{}: {what}; nothing more was submitted", .path.display())]
    Files {
        /// Where.
        path: PathBuf,
        /// What went wrong and what to do.
        what: String,
    },
    /// The approval counts another unit.
    #[error(
        "the approval's ceiling is in {approval}, but the budget is in {budget}; approve the plan again"
    )]
    ApprovalUnit {
        /// Unit of the ceiling.
        approval: Unit,
        /// Unit of the budget.
        budget: Unit,
    },
    /// The ledger holds amounts of another unit.
    #[error(
        "the ledger holds amounts in {ledger}, but the budget is in {budget}; sums over both would be wrong"
    )]
    LedgerUnit {
        /// Unit in the ledger.
        ledger: Unit,
        /// Unit of the budget.
        budget: Unit,
    },
    /// A limit on how much runs at once is zero.
    #[error("`limits: {name}` is 0, so nothing could ever run; say 1 or more")]
    ZeroLimit {
        /// Which.
        name: String,
    },
    /// The clock was set back.
    #[error(
        "the clock says {now}, but {past} is past already: budgets by the day and the windows of \
         providers count on it; set the clock right; nothing more was submitted"
    )]
    ClockBack {
        /// What the clock says.
        now: String,
        /// What is surely past.
        past: String,
    },
    /// A step was not lawful.
    #[error("a defect in Kinora, nothing more was submitted: {0}")]
    Unlawful(#[from] Violation),
    /// A request in the ledger can't be read back.
    #[error("the request of attempt {attempt} can't be read back from the ledger: {why}")]
    Request {
        /// The attempt.
        attempt: i64,
        /// Why.
        why: String,
    },
    /// The sums in memory and in the ledger differ.
    #[error(
        "a defect in Kinora: the ledger holds {ledger} for this run, but {counted} was counted"
    )]
    Books {
        /// By the ledger.
        ledger: String,
        /// By the budget.
        counted: String,
    },
    /// Part of the run broke down.
    #[error("a defect in Kinora: {0}")]
    Broken(String),
}

impl RunError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            RunError::Ledger(LedgerError::Locked { .. }) => Exit::Locked,
            RunError::ApprovalUnit { .. } => Exit::ApprovalNeeded,
            RunError::LedgerUnit { .. } | RunError::ZeroLimit { .. } => Exit::InvalidManifest,
            _ => Exit::Internal,
        }
    }
}
