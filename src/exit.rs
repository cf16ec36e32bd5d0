//! Exit codes: the documented table, for cron and scripts.
//!
//! What never lives here: what leads to them.

/// How the program ended. The numbers are a promise; new ones may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is done, or there was nothing to do.
    Done = 0,
    /// Something unexpected went wrong inside Kinora or the machine (disk, lock, ledger).
    Internal = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A manifest, feed, card or picture is wrong; nothing was spent.
    InvalidManifest = 3,
    /// The plan is not approved, and nobody was there to ask.
    ApprovalNeeded = 4,
    /// A budget or an approval's ceiling stopped the run; what was started is finished.
    OverBudget = 5,
    /// The approval names another plan than the manifest gives now.
    PlanStale = 6,
    /// The run ended; some jobs failed.
    JobsFailed = 7,
    /// The run ended; some submissions have an unknown outcome and hold their reservation.
    SubmissionsUnknown = 8,
    /// Interrupted; the same command goes on from here.
    Interrupted = 9,
    /// Another process works on this ledger.
    Locked = 10,
    /// A guardrail of the manifest denies the plan, or stopped the run.
    Denied = 11,
}

impl Exit {
    /// Every code with its meaning, as the README's table shows it.
    pub const TABLE: &'static [(Exit, &'static str)] = &[
        (Exit::Done, "done, or nothing to do"),
        (Exit::Internal, "unexpected: disk, ledger or a defect; the message says which"),
        (Exit::Usage, "wrong command line, or a provider's key is not set"),
        (Exit::InvalidManifest, "a manifest, feed, card or picture is wrong; nothing was spent"),
        (Exit::ApprovalNeeded, "the plan is not approved and nobody was there to ask"),
        (Exit::OverBudget, "a budget or ceiling stopped the run; what was started is finished"),
        (Exit::PlanStale, "the approval names another plan than the manifest gives now"),
        (Exit::JobsFailed, "the run ended and some jobs failed"),
        (Exit::SubmissionsUnknown, "the run ended and some submissions have an unknown outcome"),
        (Exit::Interrupted, "interrupted; the same command goes on from here"),
        (Exit::Locked, "another process works on this ledger"),
        (Exit::Denied, "a guardrail of the manifest denies the plan, or stopped the run"),
    ];

    /// The number given to the operating system.
    pub fn code(self) -> u8 {
        self as u8
    }
}
