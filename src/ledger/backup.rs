//! A copy of the ledger, whole and of one moment, also while a run writes to it.
//!
//! What never lives here: restoring, which is putting the file back while nothing runs.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use serde::Serialize;

use super::error::LedgerError;
use super::examine::is_there;
use super::open::{connect_reader, path_in, sync_folder};
use super::read::count_of;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The file.
    pub file: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// How many events are in it.
    pub events: u64,
    /// Which ledger it is of.
    pub lineage: String,
}

/// Copies the ledger of `workspace` to `file`, which must not be there yet. The copy is checked and
/// on disk before it gets that name.
pub fn backup(workspace: &Path, file: &Path) -> Result<BackedUp, LedgerError> {
    let path = path_in(workspace);
    let failed = |what: String| LedgerError::Unusable {
        path: file.to_path_buf(),
        doing: "made a backup",
        why: what,
    };
    if !is_there(&path)? {
        return Err(failed(format!("there is no ledger at {}", path.display())));
    }
    if file.try_exists().map_err(|e| failed(e.to_string()))? {
        return Err(failed("it is there already, and a backup overwrites nothing".to_owned()));
    }
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new()
        .prefix(".kinora-backup-")
        .tempfile_in(folder)
        .map_err(|e| failed(e.to_string()))?
        .into_temp_path();
    let copy = draft.to_str().ok_or_else(|| failed("its name is no UTF-8".to_owned()))?;
    let reader = connect_reader(&path)?;
    reader.execute("VACUUM INTO ?", [copy]).map_err(|e| match e.sqlite_error_code() {
        // Reading the ledger needs no room: it is the copy's disk that is full.
        Some(ErrorCode::DiskFull) => LedgerError::of(file, &e),
        _ => LedgerError::of(&path, &e),
    })?;
    // Opening it checks it, as it would be checked when it stands in the ledger's place.
    let made = connect_reader(&draft)?;
    let events = count_of(&made, "SELECT count(*) FROM events")?;
    let lineage = made
        .query_row("SELECT value FROM meta WHERE key = 'lineage'", [], |row| row.get(0))
        .map_err(|e| LedgerError::of(&draft, &e))?;
    drop(made);
    let written = File::options().write(true).open(&draft).and_then(|f| {
        f.sync_all()?;
        f.metadata()
    });
    let bytes = written.map_err(|e| failed(e.to_string()))?.len();
    draft.persist_noclobber(file).map_err(|e| failed(e.error.to_string()))?;
    sync_folder(folder).map_err(|e| failed(e.to_string()))?;
    Ok(BackedUp { file: file.to_path_buf(), bytes, events, lineage })
}
