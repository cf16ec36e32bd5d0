//! What `check`, `plan`, `approve` and `run` share: planning a loaded workspace.

use kinora::diagnostic::{Findings, render_json};
use kinora::ledger::{Ledger, Span};
use kinora::plan::{self, ApprovalLine, Change, Plan, PlanInputs, PlanSummary, PlannedJob};

use super::Failure;
use super::guard::held;
use super::output::Output;
use super::workspace::{Workspace, invalid, ledger_failure};

/// Plans every job and gives each to `sink`. Findings are added to the workspace's; with errors
/// among them they are shown, and it fails.
pub fn plan_whole(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
    sink: impl FnMut(&PlannedJob, &Change),
) -> Result<Plan, Failure> {
    let known = ledger.known_jobs().map_err(|e| ledger_failure(&e))?;
    let inputs = PlanInputs {
        manifest: &workspace.given,
        known: &known,
        earlier: &|job| ledger.earlier_parts(job).ok().flatten(),
        address: &|job| ledger.address_of(job).ok().flatten().map(|a| a.to_string()),
        access: &workspace.access,
        used: workspace.used(ledger)?,
        pictures: workspace.pictures.clone(),
        narrowing: &workspace.narrowing,
        history: ledger
            .history(Span::Latest, &workspace.catalogue.budget.unit)
            .map_err(|e| ledger_failure(&e))?,
    };
    let (plan, findings) = plan::build(&workspace.catalogue, &workspace.shelf, &inputs, sink);
    workspace.findings.merge(findings);
    workspace.findings.sort();
    match plan {
        Some(mut plan) if !workspace.findings.has_errors() => {
            fill_approval(&mut plan.summary, ledger, &plan.digest)?;
            judge(&mut plan, workspace, ledger)?;
            Ok(plan)
        }
        _ => Err(invalid(&mut workspace.findings, &workspace.sources, output)),
    }
}

/// Holds the plan against the manifest's guardrails; comes last, since they look at the whole
/// summary.
fn judge(plan: &mut Plan, workspace: &mut Workspace, ledger: &Ledger) -> Result<(), Failure> {
    let held = held(workspace, ledger, &plan.digest)?;
    if let Some(finding) = plan.judge(&held) {
        let mut said = Findings::default();
        said.push(finding);
        let shown = render_json(&said, &workspace.sources).into_iter().map(Into::into);
        plan.summary.findings.extend(shown);
        workspace.findings.merge(said);
        workspace.findings.sort();
    }
    Ok(())
}

/// Says in the summary who approved the plan, if anybody did.
fn fill_approval(
    summary: &mut PlanSummary,
    ledger: &Ledger,
    digest: &kinora::digest::Digest,
) -> Result<(), Failure> {
    let approval = ledger.approval_for(digest).map_err(|e| ledger_failure(&e))?;
    summary.approval = approval.map(|a| ApprovalLine {
        id: a.id,
        expires: a.expires.map(|at| at.to_string()),
        carried_from: None,
        signed: a.signature.is_some(),
        by: a.by,
        at: a.at.to_string(),
        ceiling: format!("{} {}", kinora::money::display_value(a.ceiling.to_decimal()), a.unit),
    });
    Ok(())
}
