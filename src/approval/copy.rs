//! Copies of approved plans, `.kinora/plans/DIGEST.plan`: what was approved stays known job by job,
//! so that a later plan can be held against it.
//!
//! What lives here: where they stand, writing and reading them, which of them are kept. What never
//! does: deciding anything by them. Losing one costs a new approval, never money.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;
use crate::ledger::{Approval, Ledger, LedgerError};
use crate::limits::Limits;
use crate::manifest::Catalogue;
use crate::plan::Plan;
use crate::plan::file::{Origin, PlanReader, PlanWriter, is_plan_file};

/// The folder in the workspace.
const FOLDER: &str = ".kinora/plans";
/// What their names end in.
const ENDING: &str = ".plan";
/// Copies of so many plans that were approved last are kept, whether an approval of them holds or
/// not: the next plan is compared with what was approved before it.
const KEPT: usize = 8;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The system refuses.
    #[error("the copy of the approved plan can't be kept at {}: {why}; nothing was approved", .path.display())]
    Unwritten {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Where the copy of a plan stands.
pub fn copy_path(workspace: &Path, plan: &Digest) -> PathBuf {
    workspace.join(FOLDER).join(format!("{plan}{ENDING}"))
}

/// Gives the copy of a plan its name, durably: before an approval names the plan. `writer` was given
/// every job of it.
pub fn keep_written(workspace: &Path, plan: &Plan, writer: PlanWriter) -> Result<(), CopyError> {
    let path = copy_path(workspace, &plan.digest);
    let kept = || -> Result<(), String> {
        make_room(&path).map_err(|e| e.to_string())?;
        writer.finish_file(&plan.summary, &path).map_err(|e| e.to_string())?;
        sync_folders(&path).map_err(|e| e.to_string())
    };
    kept().map_err(|why| CopyError::Unwritten { path: path.clone(), why })
}

/// The same by planning its jobs again, where nothing else writes to the ledger meanwhile.
pub fn keep_plan(
    workspace: &Path,
    plan: &Plan,
    origin: Origin,
    catalogue: &Catalogue,
    ledger: &Ledger,
) -> Result<(), CopyError> {
    let path = copy_path(workspace, &plan.digest);
    let said = |e: io::Error| CopyError::Unwritten { path: path.clone(), why: e.to_string() };
    let known = Arc::new(ledger.known_jobs()?);
    let mut writer = PlanWriter::new(origin).map_err(said)?;
    for planned in plan.planner.stream(known) {
        let earlier = |job| ledger.earlier_parts(job).ok().flatten();
        let change = planned.standing.explain(&planned.job.fingerprint, earlier);
        writer.job(&planned.job, &change, catalogue).map_err(said)?;
    }
    keep_written(workspace, plan, writer)
}

/// The same from a plan file, once it was verified.
pub fn keep_file(workspace: &Path, plan: &Digest, file: &Path) -> Result<(), CopyError> {
    let path = copy_path(workspace, plan);
    let copied = || -> io::Result<()> {
        make_room(&path)?;
        let folder = path.parent().unwrap_or(workspace);
        std::fs::create_dir_all(folder)?;
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(&mut File::open(file)?, &mut draft)?;
        draft.as_file().sync_all()?;
        draft.persist(&path).map_err(|e| e.error)?;
        sync_folders(&path)
    };
    copied().map_err(|e| CopyError::Unwritten { path: path.clone(), why: e.to_string() })
}

/// The copy of a plan, its first line read. What it says counts once it was read to its end.
pub fn open_copy(workspace: &Path, plan: &Digest, limits: &Limits) -> Result<PlanReader, String> {
    let path = copy_path(workspace, plan);
    if !path.is_file() {
        return Err("its copy of the approved plan is gone".to_owned());
    }
    let reader = PlanReader::open(&path, limits).map_err(|e| e.to_string())?;
    if reader.header().plan != *plan {
        return Err(format!("{} is another plan than its name says", path.display()));
    }
    Ok(reader)
}

/// Removes copies that nobody needs any more: of plans without an approval that still holds by
/// itself, save for the ones approved last. A copy that can't be removed stays.
pub fn drop_old_copies(workspace: &Path, approvals: &[Approval], now: jiff::Timestamp) {
    let lasts = |a: &&Approval| a.revoked.is_none() && a.expires.is_none_or(|at| at > now);
    let mut needed: HashSet<Digest> = approvals.iter().filter(lasts).map(|a| a.plan).collect();
    let mut latest = HashSet::new();
    for approval in approvals.iter().rev() {
        if latest.len() < KEPT {
            latest.insert(approval.plan);
        }
    }
    needed.extend(latest);
    let Ok(entries) = std::fs::read_dir(workspace.join(FOLDER)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let plan = name.to_str().and_then(|name| Digest::parse(name.strip_suffix(ENDING)?));
        if plan.is_some_and(|plan| !needed.contains(&plan)) {
            // Tried again with the next approval.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// What stands under the name of a copy and is no plan file was damaged.
fn make_room(path: &Path) -> io::Result<()> {
    if path.is_file() && !is_plan_file(path) {
        return std::fs::remove_file(path);
    }
    Ok(())
}

/// Makes the copy's name durable, and those of its folders.
fn sync_folders(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1).take(3) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
