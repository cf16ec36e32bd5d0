//! What `check`, `plan`, `approve` and `run` share: planning a loaded workspace.

use kinora::approval::Under;
use kinora::diagnostic::{Findings, render_json};
use kinora::ledger::{KnownJobs, Ledger, Span};
use kinora::manifest::Catalogue;
use kinora::plan::{
    self, Breach, Change, Comparer, Comparison, Plan, PlanInputs, PlannedJob, Severity, written_at,
};

use super::Failure;
use super::approving::find_approval;
use super::guard::held;
use super::output::Output;
use super::plan_file::{asked_for, last_approved, unusable};
use super::workspace::{Workspace, invalid, ledger_failure};

/// Plans every job and gives each to `sink`. Findings are added to the workspace's; with errors
/// among them they are shown, and it fails.
pub fn plan_whole(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
    mut sink: impl FnMut(&PlannedJob, &Change),
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
        missing: workspace.missing,
    };
    let mut approved = last_approved(workspace, ledger, output)?;
    let mut asked = asked_for(workspace)?;
    let sink = |job: &PlannedJob, change: &Change| {
        approved.iter_mut().chain(&mut asked).for_each(|with| with.job(job, change));
        sink(job, change);
    };
    let (plan, findings) = plan::build(&workspace.catalogue, &workspace.shelf, &inputs, sink);
    workspace.findings.merge(findings);
    if let Some(plan) = &plan {
        let (catalogue, shelf, rack) = (&workspace.catalogue, &workspace.shelf, &workspace.rack);
        workspace.findings.merge(plan::check_ages(catalogue, shelf, rack, &plan.summary.prices));
    }
    workspace.findings.sort();
    match plan {
        Some(mut plan) if !workspace.findings.has_errors() => {
            plan.summary.named = workspace.named();
            let found = find_approval(&plan, workspace, ledger)?;
            plan.summary.approval = found.under.as_ref().map(Under::line);
            plan.summary.since_approval = compared(approved, &plan, workspace)?;
            judge(&mut plan, workspace, ledger)?;
            if asked.is_some() {
                plan.summary.since_approval = compared(asked, &plan, workspace)?;
            }
            Ok(plan)
        }
        _ => Err(invalid(&mut workspace.findings, &workspace.sources, output)),
    }
}

/// What a plan makes now, for whoever makes nothing by it: each job goes to `sink`. Nothing where no
/// plan can be made; then the findings say why, and nothing else is done about them.
pub fn plan_aside(
    workspace: &Workspace,
    ledger: &Ledger,
    known: &KnownJobs,
    sink: impl FnMut(&PlannedJob, &Change),
) -> Result<(Option<Plan>, Findings), Failure> {
    let unit = &workspace.catalogue.budget.unit;
    let inputs = PlanInputs {
        manifest: &workspace.given,
        known,
        earlier: &|_| None,
        address: &|_| None,
        access: &workspace.access,
        used: workspace.used(ledger)?,
        pictures: workspace.pictures.clone(),
        narrowing: &workspace.narrowing,
        history: ledger.history(Span::Latest, unit).map_err(|e| ledger_failure(&e))?,
        missing: workspace.missing,
    };
    let (plan, findings) = plan::build(&workspace.catalogue, &workspace.shelf, &inputs, sink);
    Ok((plan.filter(|_| !findings.has_errors()), findings))
}

/// Holds the plan against the manifest's guardrails; comes last, since they look at the whole
/// summary.
fn judge(plan: &mut Plan, workspace: &mut Workspace, ledger: &Ledger) -> Result<(), Failure> {
    let held = held(workspace, ledger, &plan.digest)?;
    let finding = plan.judge(&held);
    let unknown = deny_unknown_increase(plan, &workspace.catalogue, ledger)?;
    if let Some(finding) = finding.filter(|_| !unknown) {
        let mut said = Findings::default();
        said.push(finding);
        let shown = render_json(&said, &workspace.sources).into_iter().map(Into::into);
        plan.summary.findings.extend(shown);
        workspace.findings.merge(said);
        workspace.findings.sort();
    }
    Ok(())
}

/// Where the copy of the plan approved last is gone, nobody can tell an increase: a rule that denies
/// one denies this too. Says whether it does.
fn deny_unknown_increase(
    plan: &mut Plan,
    catalogue: &Catalogue,
    ledger: &Ledger,
) -> Result<bool, Failure> {
    let rule = catalogue.guardrails.max_increase_percent.as_ref();
    let Some(rule) = rule.filter(|rule| rule.severity == Severity::Deny) else { return Ok(false) };
    let last = ledger.latest_approval().map_err(|e| ledger_failure(&e))?;
    let Some(last) = last.filter(|last| last.plan != plan.digest) else { return Ok(false) };
    if plan.summary.since_approval.is_some() || plan.summary.to_run.jobs == 0 {
        return Ok(false);
    }
    let message = format!(
        "the copy of the plan that {} approved last can't be read, so nobody can tell by how much \
         this one costs more",
        last.by
    );
    let breach = Breach {
        rule: "max_increase_percent".to_owned(),
        severity: rule.severity,
        message,
        at: written_at(rule.place, &catalogue.sources),
        jobs: None,
        examples: Vec::new(),
    };
    plan.summary.breaches.insert(0, breach);
    Ok(true)
}

/// How a plan differs from an earlier one; absent where it is the same one.
fn compared(
    with: Option<Comparer>,
    plan: &Plan,
    workspace: &Workspace,
) -> Result<Option<Comparison>, Failure> {
    let found = with.map(|with| with.finish(&workspace.catalogue.budget.unit));
    let found = found.transpose().map_err(|e| unusable(&e))?;
    Ok(found.filter(|found| found.with != plan.summary.plan))
}
