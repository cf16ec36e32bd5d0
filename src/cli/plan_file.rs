//! Plan files on the command line: what one is made from, where approved ones are kept, and what
//! is said of one that can't be read.

use kinora::approval::copy_path;
use kinora::exit::Exit;
use kinora::ledger::Ledger;
use kinora::plan::Comparer;
use kinora::plan::file::{LedgerMark, Origin, PlanFileError, PlanReader, WriteError};

use super::Failure;
use super::output::Output;
use super::workspace::{Workspace, ledger_failure};

/// What a plan of the workspace is made from.
pub fn origin(workspace: &Workspace, ledger: &Ledger) -> Result<Origin, Failure> {
    let lineage = ledger.lineage().map_err(|e| ledger_failure(&e))?;
    let serial = ledger.serial().map_err(|e| ledger_failure(&e))?;
    // Where there is no ledger, an empty one is looked at, whose name nobody will meet again.
    let exists = Ledger::exists(&workspace.catalogue.workspace).map_err(|e| ledger_failure(&e))?;
    let mark = LedgerMark { lineage: lineage.filter(|_| exists), serial };
    Ok(Origin::new(&workspace.given, &workspace.sources, &workspace.rack, mark))
}

/// A plan file that can't be used, as the end of a command: nothing is spent by it.
pub fn unusable(error: &PlanFileError) -> Failure {
    Failure::new(Exit::InvalidManifest, error.to_string())
}

/// A plan file that can't be written, as the end of a command.
pub fn unwritten(error: &WriteError) -> Failure {
    let exit = match error {
        WriteError::Occupied(_) => Exit::Usage,
        WriteError::Io(_) => Exit::Internal,
    };
    Failure::new(exit, error.to_string())
}

/// The plan that was approved last, ready to be compared with; absent where nothing was approved,
/// or no copy of it was kept. A copy that can't be read is told of, and left out.
pub fn last_approved(
    workspace: &Workspace,
    ledger: &Ledger,
    output: &Output,
) -> Result<Option<Comparer>, Failure> {
    let Some(approval) = ledger.latest_approval().map_err(|e| ledger_failure(&e))? else {
        return Ok(None);
    };
    let path = copy_path(&workspace.catalogue.workspace, &approval.plan);
    if !path.is_file() {
        return Ok(None);
    }
    let day = approval.at.strftime("%Y-%m-%d");
    let label = format!("the plan that {} approved on {day}", approval.by);
    let limits = &workspace.catalogue.limits;
    let read = PlanReader::open(&path, limits).and_then(|file| Comparer::with(file, label, limits));
    match read {
        Ok(comparer) => Ok(Some(comparer)),
        Err(error) => {
            output.say(&format!("kinora: not compared with the plan approved last: {error}"));
            Ok(None)
        }
    }
}

/// The plan file that the command line names, ready to be compared with.
pub fn asked_for(workspace: &Workspace) -> Result<Option<Comparer>, Failure> {
    let Some(path) = &workspace.compare else { return Ok(None) };
    let limits = &workspace.catalogue.limits;
    let label = path.display().to_string();
    let read = PlanReader::open(path, limits).and_then(|file| Comparer::with(file, label, limits));
    read.map(Some).map_err(|e| unusable(&e))
}
