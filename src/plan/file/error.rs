//! What can be wrong with a plan file, in words for people.

use std::path::{Path, PathBuf};

/// Why a plan file can't be used: which file, which line, what.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {problem}", path.display(), line.map(|n| format!(", line {n}")).unwrap_or_default())]
pub struct PlanFileError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where it is about one.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: PlanFileProblem,
}

impl PlanFileError {
    pub(super) fn new(path: &Path, line: Option<u64>, problem: PlanFileProblem) -> Self {
        PlanFileError { path: path.to_owned(), line, problem }
    }

    pub(in crate::plan) fn contradiction(path: &Path, what: String) -> Self {
        PlanFileError::new(path, None, PlanFileProblem::Contradiction(what))
    }
}

/// What is wrong with a plan file.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileProblem {
    /// The system refuses to read it.
    #[error("can't be read: {0}")]
    Unreadable(std::io::Error),
    /// It is something else.
    #[error("this is no plan file ({0}); `kinora plan MANIFEST -o X.plan` writes one")]
    NotAPlanFile(&'static str),
    /// It is of a major version that this program doesn't know.
    #[error(
        "it has format {found}, and this Kinora reads {known}: read it with the Kinora that wrote \
         it ({program}), or plan again with this one"
    )]
    OtherVersion {
        /// Its version.
        found: String,
        /// The version that this program writes.
        known: &'static str,
        /// What wrote it, as it says itself.
        program: String,
    },
    /// It was cut short.
    #[error("the file ends too early: it was cut short, or never written to its end")]
    CutShort,
    /// The compressed data is damaged, or needs more memory than plan files do.
    #[error("the file is damaged, or not packed as plan files are: {0}")]
    Packing(std::io::Error),
    /// A line is not what it should be.
    #[error("{0}")]
    Line(String),
    /// It is beyond a limit.
    #[error("{what}; {help}")]
    TooMuch {
        /// What there is too much of.
        what: String,
        /// How to raise the limit.
        help: String,
    },
    /// It says two things that can't both be true.
    #[error("{0}; the file was changed after it was written, so nothing in it counts: plan again")]
    Contradiction(String),
}
