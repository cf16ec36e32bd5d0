//! Planning: a catalogue becomes jobs with their routes, prompts, estimates and reasons.
//!
//! What lives here: expansion, input matching, mentions, fingerprints, estimates, the diff
//! against the ledger, advice, the summary. What never does: network, HTTP, writing anything
//! but the ledger's caches.

mod job;
mod summary;

pub use job::{
    Attached, Fingerprint, JobSettings, Part, PlannedJob, Request, RequestReference, RouteReason,
};
pub use summary::{
    AmountsJson, ApprovalLine, BudgetLine, Change, Changes, FindingOut, Group, JobLine,
    PLAN_FORMAT, PictureTally, PlanSummary, PriceUsed, Tally,
};
