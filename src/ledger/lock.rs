//! The lock of whoever runs: an OS lock that dies with its owner. Its file says who that is.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use jiff::Timestamp;

use super::error::LedgerError;
use crate::clock::{Clock, SystemClock};

/// Bytes of a lock file that are read; it has one short line.
const MOST_BYTES: u64 = 200;

/// Who holds a lock, as far as its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id, on whichever machine it runs.
    pub process: u32,
    /// When it took the lock.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "process {} since {since}", self.process)
    }
}

/// Held as long as this value lives. The file stays; only the lock on it counts.
#[derive(Debug)]
pub(super) struct RunLock(#[expect(dead_code, reason = "dropping it releases the lock")] File);

impl RunLock {
    /// Takes the lock at once or says that somebody else has it.
    pub(super) fn take(path: &Path) -> Result<Self, LedgerError> {
        let unusable = |error: &std::io::Error| unusable(path, error);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| unusable(&e))?;
        match file.try_lock() {
            Ok(()) => {
                // Nobody needs it but who is turned away; the lock itself is what counts.
                let _ = sign(&mut file);
                Ok(RunLock(file))
            }
            Err(TryLockError::WouldBlock) => Err(locked(path, &mut file)),
            Err(TryLockError::Error(error)) => Err(unusable(&error)),
        }
    }

    /// Fails where somebody has the lock; takes and makes nothing.
    pub(super) fn is_free(path: &Path) -> Result<(), LedgerError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unusable(path, &error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(locked(path, &mut file)),
            Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
        }
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> LedgerError {
    LedgerError::Unusable { path: path.to_path_buf(), doing: "locked", why: error.to_string() }
}

fn locked(path: &Path, file: &mut File) -> LedgerError {
    LedgerError::Locked { lock: path.to_path_buf(), holder: holder(file) }
}

/// Writes who has the lock.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let line = format!("{} {}\n", std::process::id(), SystemClock.now());
    file.write_all(line.as_bytes())
}

/// Reads who has the lock. It may just be changing hands, so anything may stand there.
fn holder(file: &mut File) -> Option<Holder> {
    let mut line = String::new();
    file.take(MOST_BYTES).read_to_string(&mut line).ok()?;
    let (process, since) = line.trim().split_once(' ')?;
    Some(Holder { process: process.parse().ok()?, since: since.parse().ok()? })
}
