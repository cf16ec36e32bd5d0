//! The ledger: what was planned, approved, reserved, spent and made. One SQLite file.
//!
//! What lives here: schema, the writer thread, transitions as rows, queries, the cache of
//! picture facts and of plans. What never does: deciding transitions (that is the run), HTTP,
//! YAML.

mod approval;
mod backup;
mod cache;
mod checks;
mod current;
mod error;
mod examine;
mod export;
mod history;
mod lock;
mod memory;
mod open;
mod read;
mod record;
mod schema;
mod spent;
mod totals;
mod verify;
mod words;
mod write;
mod writer;

pub use approval::{Approval, ApprovalEnd, NewApproval, Origin, Revocation, Shown, Signature};
pub use backup::{BackedUp, backup};
pub use cache::Stored;
pub use checks::{Check, Checks, ClipVerdict, NewCheck};
pub use current::{CurrentClips, Scored};
pub use error::LedgerError;
pub use export::{Asked, ExportError, ExportLine, export};
pub use history::{Charged, History, Span};
pub use lock::Holder;
pub use memory::MemoryLedger;
pub use open::{Ledger, Mode};
pub use read::Which;
pub use record::{
    AttemptRecord, Basis, ClipRecord, Holding, JobRecord, JobState, Known, KnownJobs,
    SubjectHolding,
};
pub use schema::FORMAT;
pub use spent::{Period, day_number};
pub use verify::{Checked, ClipCheck, Fault, Rule, Verified, verify};
pub use words::{NewWord, Said, Unsaid, Verdict, Word, Words};
pub use write::{Begun, NewAttempt, NewRun, Transition, WRITTEN_OFF};
pub use writer::Ack;
