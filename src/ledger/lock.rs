//! The lock of whoever runs: an OS lock that dies with its owner.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::LedgerError;

/// Held as long as this value lives. The file stays; only the lock on it counts.
#[derive(Debug)]
pub(super) struct RunLock(#[expect(dead_code, reason = "dropping it releases the lock")] File);

impl RunLock {
    /// Takes the lock at once or says that somebody else has it.
    pub(super) fn take(path: &Path) -> Result<Self, LedgerError> {
        let unusable = |error: &std::io::Error| LedgerError::Unusable {
            path: path.to_path_buf(),
            doing: "locked",
            why: error.to_string(),
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|e| unusable(&e))?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock(file)),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { lock: path.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(unusable(&error)),
        }
    }
}
