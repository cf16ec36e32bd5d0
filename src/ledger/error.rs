//! What can go wrong with the ledger, in words that say what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::record::JobState;

/// Why the ledger could not be opened, read or written. Nothing that fails was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Another process runs this workspace.
    #[error(
        "another process works on this ledger (it holds {}); wait for it to end, or stop it",
        .lock.display()
    )]
    Locked {
        /// The lock file.
        lock: PathBuf,
    },
    /// The file is of a newer format.
    #[error(
        "{} was written by a newer Kinora (format {found}, this one knows up to {known}); use that \
         version; nothing was changed",
        .path.display()
    )]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this binary knows.
        known: i64,
    },
    /// The file is no ledger.
    #[error("{} is no ledger of Kinora; move it away; nothing was changed", .path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "{} is damaged: {what}; restore the `.kinora` folder from a backup before anything is \
         spent; nothing was changed",
        .path.display()
    )]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The folder or the file can't be used.
    #[error("{} can't be {doing}: {why}", .path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `created`, `opened`, …
        doing: &'static str,
        /// What the system says.
        why: String,
    },
    /// Another process was writing for too long.
    #[error("{} is busy: another process is writing to it; try again", .path.display())]
    Busy {
        /// The ledger.
        path: PathBuf,
    },
    /// An attempt can't begin while another of the same job is open (M2).
    #[error("{address} already has an attempt that is {}; a second one would pay twice", .state.as_str())]
    StillOpen {
        /// The job.
        address: String,
        /// State of its open attempt.
        state: JobState,
    },
    /// A transition does not start where the ledger stands.
    #[error("attempt {attempt} is not {} in the ledger, so it can't become {}", .from.as_str(), .to.as_str())]
    Conflict {
        /// The attempt.
        attempt: i64,
        /// The state that it should have had.
        from: JobState,
        /// The state that it should have got.
        to: JobState,
    },
    /// An earlier write failed, so nothing more is written.
    #[error("the ledger stopped after a failed write, so nothing more is spent: {why}")]
    Stopped {
        /// The failed write.
        why: String,
    },
    /// The ledger is open for reading.
    #[error("this ledger is open for reading only")]
    ReadOnly,
    /// SQLite failed otherwise.
    #[error("the ledger failed: {0}")]
    Sql(String),
}

impl LedgerError {
    /// What SQLite says of `path`, in the ledger's words.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => {
                LedgerError::Damaged { path, what: error.to_string() }
            }
            Some(ErrorCode::NotADatabase) => LedgerError::NotALedger { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                LedgerError::Unusable { path, doing: "opened", why: error.to_string() }
            }
            Some(ErrorCode::DiskFull) => LedgerError::Unusable {
                path,
                doing: "written",
                why: "the disk is full; make room and start again".to_owned(),
            },
            _ => LedgerError::Sql(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        LedgerError::of(Path::new("the ledger"), &error)
    }
}
