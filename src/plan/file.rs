//! Plan files: one file that holds a whole plan, so that what was looked at is what runs.
//!
//! Lines of JSON under zstd. The first is a header with what the plan was made from and its
//! summary; then come the jobs, one a line, and before a job that needs them the lines of the
//! tables that its line points into; the last line counts and seals. There is no time in it: the
//! same plan of the same workspace is the same file.
//!
//! What lives here: the lines, writing and reading them, and everything that can be wrong with
//! them. What never does: comparing a plan with another, with the workspace or with the ledger.

mod error;
mod form;
mod job;
mod line;
mod origin;
mod pattern;
mod read;
mod sums;
mod tables;
mod unpack;
mod write;

pub use error::{PlanFileError, PlanFileProblem};
pub use job::FileJob;
pub use line::{
    CardUsed, EndLine, FileUsed, FormLine, Header, JobEntry, LedgerMark, Line, Origin, PictureLine,
    PriceMark, RefLine, SubjectLine,
};
pub use read::{PlanReader, UsedPicture};
pub use unpack::is_plan_file;
pub use write::{PlanWriter, WriteError};

/// Version of the lines: readers refuse another major version, and ignore fields and lines that
/// a newer minor version added.
pub const FILE_FORMAT: &str = "1.1";

/// What writes plan files, as their first line says it.
const PROGRAM: &str = concat!("kinora ", env!("CARGO_PKG_VERSION"));

/// The JSON Schema of one line.
pub fn line_schema() -> serde_json::Value {
    schemars::schema_for!(Line).to_value()
}

#[cfg(test)]
mod tests;
