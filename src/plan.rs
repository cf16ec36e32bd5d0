//! Planning: a catalogue becomes jobs with their routes, prompts, estimates and reasons.
//!
//! What lives here: expansion, input matching, mentions, fingerprints, estimates, the diff
//! against the ledger, advice, the summary. What never does: network, HTTP, writing anything
//! but the ledger's caches.

mod access;
mod actuals;
mod advise;
mod build;
mod channels;
mod checked;
mod choose;
mod compare;
mod context;
mod covers;
mod crops;
mod diff;
mod digesting;
mod estimate;
mod expand;
pub mod file;
mod guard;
mod indexed;
mod job;
mod limits;
mod lines;
mod matching;
mod mention;
mod models_used;
mod motion;
mod notes;
mod offers;
mod out_path;
mod pictures;
mod planner;
mod policy;
mod price_ages;
mod price_ends;
mod prompt;
mod retake;
mod select;
mod settings;
mod stale;
mod summarise;
mod summary;
mod switches;
mod tally;
mod together;
mod variants;
mod walk;
mod wall_time;
mod wanted;

pub use access::{Access, Reach, check_providers};
pub use actuals::actuals;
pub(crate) use advise::template_error;
pub use build::{Plan, PlanInputs, Used, UsedBy, build};
pub use checked::Checked;
pub use compare::Comparer;
pub(crate) use context::facts_of;
pub use covers::{Covers, Uncovered, covers};
pub use diff::{Planned, Standing};
pub use digesting::Money;
pub use guard::{Held, most_after, written_at};
pub use job::{
    Attached, Fingerprint, JobSettings, Part, PlannedJob, Request, RequestReference, RouteReason,
    Spread,
};
pub use limits::check_limits;
pub use lines::JobLine;
pub use models_used::models_used;
pub use offers::{ModelOffer, RoutePrice, offers};
pub use planner::Planner;
pub use policy::{OutsidePolicy, outside_policy, policy_name};
pub use price_ages::{age_days, check_ages};
pub use select::{Narrowing, Since, last_moment, quoted};
pub use settings::USUAL_SECONDS;
pub use stale::{NowFacts, Stale, StaleCheck, StaleReason};
pub use summary::{
    Actual, AmountsJson, ApprovalLine, Breach, BudgetLine, Change, Changes, Choice, Comparison,
    CropSaving, DearJob, FellOut, FinanceLine, FindingOut, Group, JobDifference, Named,
    NotCompared, Offer, PLAN_FORMAT, PictureTally, PlanSummary, PriceUsed, Severity, Tally,
    WallTime,
};
pub use tally::{Above, SubjectSums, Sums};
pub use walk::PlanStream;
pub use wanted::wanted;

#[cfg(test)]
mod tests;
