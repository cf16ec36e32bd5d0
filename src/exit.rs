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
    /// The run ended; some jobs failed. Or pictures could not be fetched.
    JobsFailed = 7,
    /// The run ended; some submissions have an unknown outcome and hold their reservation.
    SubmissionsUnknown = 8,
    /// Interrupted; the same command goes on from here.
    Interrupted = 9,
    /// Another process works on this ledger.
    Locked = 10,
    /// A guardrail of the manifest denies the plan, or stopped the run.
    Denied = 11,
    /// Clips were looked at, and some fail beside their references or could not be looked at.
    ClipsFailed = 12,
}

impl Exit {
    /// Every code with its meaning, as the README's table shows it.
    pub const TABLE: &'static [(Exit, &'static str)] = &[
        (Exit::Done, "done, or nothing to do"),
        (Exit::Internal, "unexpected: disk, ledger or a defect; the message says which"),
        (Exit::Usage, "wrong command line, or a provider's key is not set"),
        (Exit::InvalidManifest, "a manifest, feed, card or picture is wrong; nothing was spent"),
        (Exit::ApprovalNeeded, "the plan is not approved, and nobody was asked or said yes"),
        (
            Exit::OverBudget,
            "a budget, ceiling or --max-spend stopped the run; what was started is finished",
        ),
        (Exit::PlanStale, "the approval names another plan than the manifest gives now"),
        (
            Exit::JobsFailed,
            "the run ended and some jobs failed, or some pictures could not be fetched",
        ),
        (Exit::SubmissionsUnknown, "the run ended and some submissions have an unknown outcome"),
        (
            Exit::Interrupted,
            "stopped by a signal or the deadline; the same command goes on from here",
        ),
        (Exit::Locked, "another process works on this ledger"),
        (Exit::Denied, "a guardrail of the manifest denies the plan, or stopped the run"),
        (
            Exit::ClipsFailed,
            "clips were looked at; some fail beside their references or could not be looked at",
        ),
    ];

    /// The codes in the order of how much they need a person: what went wrong as a whole, then
    /// money that only a person can free, then what only a person may allow, then what can be made
    /// again, then what goes on by itself.
    const BY_NEED: [Exit; 13] = [
        Exit::Internal,
        Exit::Usage,
        Exit::InvalidManifest,
        Exit::Locked,
        Exit::SubmissionsUnknown,
        Exit::Denied,
        Exit::ApprovalNeeded,
        Exit::PlanStale,
        Exit::OverBudget,
        Exit::JobsFailed,
        Exit::ClipsFailed,
        Exit::Interrupted,
        Exit::Done,
    ];

    /// Of several things that a run ended with, the one that needs a person most.
    pub fn of_most_need(ends: impl IntoIterator<Item = Exit>) -> Exit {
        let place = |exit: &Exit| Self::BY_NEED.iter().position(|other| other == exit);
        ends.into_iter().min_by_key(place).unwrap_or(Exit::Done)
    }

    /// The code as one word, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Internal => "internal",
            Exit::Usage => "usage",
            Exit::InvalidManifest => "invalid_manifest",
            Exit::ApprovalNeeded => "approval_needed",
            Exit::OverBudget => "over_budget",
            Exit::PlanStale => "plan_stale",
            Exit::JobsFailed => "jobs_failed",
            Exit::SubmissionsUnknown => "submissions_unknown",
            Exit::Interrupted => "interrupted",
            Exit::Locked => "locked",
            Exit::Denied => "denied",
            Exit::ClipsFailed => "clips_failed",
        }
    }

    /// The number given to the operating system.
    pub fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning_and_a_place_among_those_that_need_a_person() {
        let mut by_need = Exit::BY_NEED.map(Exit::code);
        by_need.sort_unstable();
        let table: Vec<u8> = Exit::TABLE.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(by_need[..], table[..]);
    }

    #[test]
    fn what_needs_a_person_most_decides() {
        let most = |ends: &[Exit]| Exit::of_most_need(ends.iter().copied());
        assert_eq!(most(&[]), Exit::Done);
        assert_eq!(most(&[Exit::Done, Exit::Interrupted]), Exit::Interrupted);
        assert_eq!(most(&[Exit::JobsFailed, Exit::Interrupted]), Exit::JobsFailed);
        assert_eq!(most(&[Exit::JobsFailed, Exit::OverBudget]), Exit::OverBudget);
        assert_eq!(most(&[Exit::OverBudget, Exit::ApprovalNeeded]), Exit::ApprovalNeeded);
        assert_eq!(most(&[Exit::ApprovalNeeded, Exit::Denied]), Exit::Denied);
        assert_eq!(most(&[Exit::Denied, Exit::SubmissionsUnknown]), Exit::SubmissionsUnknown);
        assert_eq!(most(&[Exit::SubmissionsUnknown, Exit::Internal]), Exit::Internal);
    }
}
