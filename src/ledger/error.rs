//! What can go wrong with the ledger, in words that say what to do.

use std::path::{Path, PathBuf};

use super::lock::Holder;

use rusqlite::{ErrorCode, ffi};

use super::approval::ApprovalEnd;
use super::record::JobState;

/// Why the ledger could not be opened, read or written. What fails is taken as not written; after
/// a disk has failed, the next start may find it written all the same, and goes on from there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Another process runs this workspace.
    #[error(
        "another process works on this ledger ({}it holds {}); wait for it to end, or stop it",
        .holder.as_ref().map(|holder| format!("{holder}; ")).unwrap_or_default(),
        .lock.display()
    )]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// Who has it, where that is known.
        holder: Option<Holder>,
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
    #[error(
        "{} is no ledger of Kinora; if it was one, restore it from a backup before anything is \
         spent, otherwise move it away; nothing was changed",
        .path.display()
    )]
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
    /// The file that is being written to no longer has the ledger's name.
    #[error(
        "{} was moved, removed or replaced while a run was writing to it, so nothing more is spent; \
         put the same file back, or restore it from a backup, before the next run",
        .path.display()
    )]
    Gone {
        /// The ledger, or the write-ahead log beside it.
        path: PathBuf,
    },
    /// Another process was writing for too long.
    #[error(
        "{} is busy: another program keeps it locked; close that program and try again",
        .path.display()
    )]
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
    /// No attempt can begin under an approval that holds no more (M1).
    #[error("approval {approval} holds no more: {end}; nothing new is submitted under it")]
    ApprovalEnded {
        /// Its row id.
        approval: i64,
        /// Why it holds no more.
        end: ApprovalEnd,
    },
    /// Nobody asks for the retake that was to begin, or not any more.
    #[error("nobody asks for another clip of {address} any more; none is paid for")]
    NoRetake {
        /// The job.
        address: String,
    },
    /// There is no such approval.
    #[error("the ledger has no approval {approval}; `kinora approvals list` shows which it has")]
    NoApproval {
        /// The row id that was asked for.
        approval: i64,
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

/// Stands for the ledger's file where its name is not known.
const UNNAMED: &str = "the ledger";

impl LedgerError {
    /// What SQLite says of `path`, in the ledger's words.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        let extended = error.sqlite_error().map_or(0, |e| e.extended_code);
        let unusable = |doing, why: &str| LedgerError::Unusable {
            path: path.clone(),
            doing,
            why: why.to_owned(),
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => {
                LedgerError::Damaged { path, what: error.to_string() }
            }
            Some(ErrorCode::NotADatabase) => LedgerError::NotALedger { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { path },
            Some(ErrorCode::ReadOnly) if extended == ffi::SQLITE_READONLY_DBMOVED => {
                LedgerError::Gone { path }
            }
            Some(ErrorCode::ReadOnly) => LedgerError::read_only(&path),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => unusable(
                "opened",
                "the file, its folder or the disk does not allow it; this user must be able to \
                 read and write all of the `.kinora` folder",
            ),
            Some(ErrorCode::DiskFull) => {
                unusable("written", "the disk is full; make room and start again")
            }
            Some(ErrorCode::SystemIoFailure) => {
                let (doing, what) = disk_failure(extended);
                unusable(doing, &format!("the disk failed {what}; check it and start again"))
            }
            _ => LedgerError::Sql(error.to_string()),
        }
    }

    /// The file, or what it is on, may only be read.
    pub(super) fn read_only(path: &Path) -> Self {
        LedgerError::Unusable {
            path: path.to_path_buf(),
            doing: "written",
            why: "the file, its folder or the disk may only be read; allow writing and start again"
                .to_owned(),
        }
    }

    /// What the system says of a path that is not SQLite's.
    pub(super) fn unreachable(path: &Path, error: &std::io::Error) -> Self {
        LedgerError::Unusable { path: path.to_path_buf(), doing: "reached", why: error.to_string() }
    }

    /// The same, about the ledger at `path` where no name was known.
    pub(super) fn about(mut self, ledger: &Path) -> Self {
        match &mut self {
            LedgerError::NotALedger { path }
            | LedgerError::Damaged { path, .. }
            | LedgerError::Unusable { path, .. }
            | LedgerError::Gone { path }
            | LedgerError::Busy { path }
                if path.as_os_str() == UNNAMED =>
            {
                *path = ledger.to_path_buf();
            }
            _ => {}
        }
        self
    }

    /// Whether the file or the disk failed, and not the one write alone.
    pub(super) fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            LedgerError::NotALedger { .. }
                | LedgerError::Damaged { .. }
                | LedgerError::Unusable { .. }
                | LedgerError::Gone { .. }
                | LedgerError::Busy { .. }
        )
    }
}

/// What could not be done, and while doing what the disk failed, by SQLite's extended code.
fn disk_failure(extended: i32) -> (&'static str, &'static str) {
    match extended {
        ffi::SQLITE_IOERR_READ => ("read", "while it was read"),
        ffi::SQLITE_IOERR_SHORT_READ => ("read", "while it was read: the file ends too early"),
        ffi::SQLITE_IOERR_CORRUPTFS => ("read", "while it was read: its file system is damaged"),
        ffi::SQLITE_IOERR_FSTAT => ("read", "when it was asked for the file's size"),
        ffi::SQLITE_IOERR_WRITE => ("written", "while it was written"),
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => {
            ("written", "to confirm that what was written is kept (fsync)")
        }
        ffi::SQLITE_IOERR_TRUNCATE => ("written", "to change the file's length"),
        ffi::SQLITE_IOERR_DELETE => ("written", "to remove the log of writes beside it"),
        ffi::SQLITE_IOERR_LOCK | ffi::SQLITE_IOERR_UNLOCK | ffi::SQLITE_IOERR_RDLOCK => {
            ("locked", "to lock it")
        }
        ffi::SQLITE_IOERR_SHMOPEN
        | ffi::SQLITE_IOERR_SHMSIZE
        | ffi::SQLITE_IOERR_SHMLOCK
        | ffi::SQLITE_IOERR_SHMMAP => ("shared", "to share memory with other processes (-shm)"),
        _ => ("used", "without saying at what"),
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        LedgerError::of(Path::new(UNNAMED), &error)
    }
}
