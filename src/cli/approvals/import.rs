//! Taking in an approval that was given elsewhere.
//!
//! What never lives here: what makes a file no approval, and whether an approval holds.

use std::path::Path;

use kinora::approval::{ApprovalFile, FileProblem, keep_file, open_copy};
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{Approval, ApprovalEnd, Ledger, NewApproval};
use kinora::money::Amount;
use kinora::plan::Plan;

use crate::cli::approve::{proven, said_json};
use crate::cli::approving::{copy_failure, keep, put_down, refuse_what_does_not_hold, rules};
use crate::cli::args::{Global, ManifestArg};
use crate::cli::guard::refuse_increase;
use crate::cli::output::Output;
use crate::cli::planning::plan_whole;
use crate::cli::workspace::{Workspace, ledger_failure};
use crate::cli::{Failure, Outcome};

/// Runs `kinora approvals import`.
pub(super) fn import(
    file: &Path,
    manifest: &ManifestArg,
    plan: Option<&Path>,
    global: &Global,
    output: &Output,
) -> Outcome {
    // What is no approval is said before anything is loaded.
    let travelled = Travelled::read(file)?;
    let (mut workspace, ledger) = Workspace::load(&manifest.manifest, global, output)?;
    if let Some(known) = travelled.judge(&workspace, &ledger)? {
        say(&known, true, output);
        return Ok(Exit::Done);
    }
    let digest = travelled.new.plan;
    let folder = workspace.catalogue.workspace.clone();
    if let Some(path) = plan {
        let header = proven(path, global)?;
        if header.plan != digest {
            let what = format!("{} is plan {}", path.display(), header.plan.short());
            return Err(travelled.of_another_plan(&what));
        }
        keep_file(&folder, &digest, path).map_err(|e| copy_failure(&e))?;
    } else if open_copy(&folder, &digest, &workspace.catalogue.limits).is_err() {
        let now = plan_whole(&mut workspace, &ledger, output, |_, _| ())?;
        travelled.keep_copy(&now, &workspace, &ledger)?;
    }
    refuse_increase(&workspace.catalogue, &ledger, &digest)?;
    let approval = put_down(&ledger, &folder, travelled.new)?;
    say(&approval, false, output);
    Ok(Exit::Done)
}

/// Takes in the approval that a run was given along with its plan.
pub(in crate::cli) fn take_in(
    file: &Path,
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
) -> Result<Approval, Failure> {
    let travelled = Travelled::read(file)?;
    if let Some(known) = travelled.judge(workspace, ledger)? {
        return Ok(known);
    }
    let folder = &workspace.catalogue.workspace;
    if open_copy(folder, &travelled.new.plan, &workspace.catalogue.limits).is_err() {
        travelled.keep_copy(plan, workspace, ledger)?;
    }
    refuse_increase(&workspace.catalogue, ledger, &travelled.new.plan)?;
    put_down(ledger, folder, travelled.new)
}

/// An approval out of a file.
struct Travelled {
    name: String,
    lineage: String,
    new: NewApproval,
}

impl Travelled {
    fn read(path: &Path) -> Result<Travelled, Failure> {
        let name = path.display().to_string();
        let refused = |problem: &FileProblem| {
            let exit = match problem {
                FileProblem::Unreadable(_) => Exit::Usage,
                _ => Exit::ApprovalNeeded,
            };
            Failure::new(exit, format!("{name}: {problem}"))
        };
        let file = ApprovalFile::read(path).map_err(|e| refused(&e))?;
        let new = file.approval(SystemClock.now()).map_err(|e| refused(&e))?;
        Ok(Travelled { name, lineage: file.lineage, new })
    }

    /// Whether it would hold here; the approval that it is, where it was recorded before.
    fn judge(&self, workspace: &Workspace, ledger: &Ledger) -> Result<Option<Approval>, Failure> {
        let name = &self.name;
        let lineage = ledger.lineage_for_good().map_err(|e| ledger_failure(&e))?;
        if self.lineage != lineage {
            let short = |text: &str| text.chars().take(8).collect::<String>();
            let what = format!(
                "{name}: it is for another ledger ({}) than this workspace's ({}), so it approves \
                 nothing here",
                short(&self.lineage),
                short(&lineage)
            );
            return Err(Failure::new(Exit::PlanStale, what));
        }
        let known = self.new.digest.map(|digest| ledger.approval_by_digest(&digest)).transpose();
        let known = known.map_err(|e| ledger_failure(&e))?.flatten();
        if let Some(revoked) = known.as_ref().and_then(|known| known.revoked.clone()) {
            let end = ApprovalEnd::Revoked(revoked);
            let what = format!("{name}: this approval was recorded before, and {end}");
            return Err(Failure::new(Exit::ApprovalNeeded, what));
        }
        refuse_what_does_not_hold(&self.new, &rules(&workspace.catalogue, &lineage))?;
        Ok(known)
    }

    /// Keeps a copy of the plan that it approves, if it is this one.
    fn keep_copy(
        &self,
        plan: &Plan,
        workspace: &Workspace,
        ledger: &Ledger,
    ) -> Result<(), Failure> {
        if plan.digest != self.new.plan {
            let given = &workspace.given;
            let what = format!("{given} gives plan {} now", plan.digest.short());
            return Err(self.of_another_plan(&what));
        }
        keep(plan, workspace, ledger)
    }

    fn of_another_plan(&self, what: &str) -> Failure {
        let what = format!(
            "{}: it approves plan {}, but {what}; with `--plan X.plan` it can be taken in all the \
             same, and jobs that are unchanged run under it",
            self.name,
            self.new.plan.short()
        );
        Failure::new(Exit::PlanStale, what)
    }
}

fn say(approval: &Approval, before: bool, output: &Output) {
    output.data(&if output.json {
        let mut said = said_json(approval);
        said["before"] = before.into();
        said.to_string()
    } else {
        format!(
            "plan {} is approved by {} up to {} (approval {}{})",
            approval.plan.short(),
            approval.by,
            Amount::new(approval.ceiling.to_decimal(), approval.unit.clone()),
            approval.id,
            if before { ", recorded before" } else { "" }
        )
    });
}
