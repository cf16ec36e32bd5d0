//! The ledger: what was planned, approved, reserved, spent and made. One SQLite file.
//!
//! What lives here: schema, the writer thread, transitions as rows, queries, the cache of
//! picture facts and of plans. What never does: deciding transitions (that is the run), HTTP,
//! YAML.

mod record;

pub use record::{Approval, AttemptRecord, ClipRecord, JobRecord, JobState, Known, KnownJobs};
