//! `kinora approve`: a person accepts the plan as it stands, up to a ceiling.

use jiff::Timestamp;
use kinora::clock::{Clock, SystemClock};
use kinora::digest::Digest;
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger, NewApproval, Period};
use kinora::money::{Amount, Micros};
use kinora::plan::Plan;
use rust_decimal::Decimal;

use super::args::{ApproveArgs, Global};
use super::guard::{refuse_denied, say_warned};
use super::output::Output;
use super::planning::plan_whole;
use super::select::narrowing;
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

/// Runs it.
pub fn approve(arguments: &ApproveArgs, global: &Global, output: &Output) -> Outcome {
    let (mut workspace, ledger) = Workspace::load(&arguments.manifest.manifest, global, output)?;
    workspace.narrowing = narrowing(&arguments.select, global, &ledger)?;
    let plan = plan_whole(&mut workspace, &ledger, output, |_, _| ())?;
    refuse_denied(&plan)?;
    refuse_unpriced(&plan)?;
    if !output.json {
        say_warned(&plan.summary, output);
    }
    let wanted = whole_ceiling(&plan, &workspace, &ledger)?;
    let ceiling = match arguments.ceiling {
        Some(amount) => Micros::from_decimal(amount)
            .map_err(|e| Failure::new(Exit::Usage, format!("--ceiling: {e}")))?,
        None => wanted,
    };
    if arguments.by.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "--by: say who approves"));
    }
    let approval =
        record(&ledger, &workspace, plan.digest, &arguments.by, ceiling, arguments.note.clone())?;
    let amount = Amount::new(approval.ceiling.to_decimal(), approval.unit.clone());
    if output.json {
        let line = serde_json::json!({
            "plan": plan.digest.to_string(),
            "by": approval.by,
            "ceiling": approval.ceiling.to_decimal().to_string(),
            "unit": approval.unit.as_str(),
            "at": approval.at.to_string(),
        });
        output.data(&line.to_string());
    } else {
        output.data(&format!(
            "plan {} approved by {} up to {amount}; `kinora run {}` makes it",
            plan.digest.short(),
            approval.by,
            workspace.given
        ));
    }
    if ceiling < wanted {
        output.say(&format!(
            "kinora: the ceiling is below the estimate of {}; the run will stop at it",
            Amount::new(wanted.to_decimal(), approval.unit)
        ));
    }
    Ok(Exit::Done)
}

/// An unpriced job can't be approved (M7).
pub fn refuse_unpriced(plan: &Plan) -> Result<(), Failure> {
    match plan.summary.to_run.unpriced {
        0 => Ok(()),
        n => Err(Failure::new(
            Exit::ApprovalNeeded,
            format!(
                "{n} jobs have no known price, so the plan can't be approved; the plan's warnings \
                 say what each lacks"
            ),
        )),
    }
}

/// The ceiling that lets the whole plan run: what is held under it already, and the estimate of
/// what it would start now.
pub fn whole_ceiling(
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
) -> Result<Micros, Failure> {
    let held = ledger.spent(Period::Plan(plan.digest)).map_err(|e| ledger_failure(&e))?;
    let unit = workspace.catalogue.budget.unit.as_str();
    let estimate = plan.summary.to_run.estimate.get(unit).map_or(Ok(Decimal::ZERO), |text| {
        text.parse().map_err(|e| Failure::new(Exit::Internal, format!("the estimate {text}: {e}")))
    })?;
    let estimate = Micros::from_decimal(estimate)
        .map_err(|e| Failure::new(Exit::OverBudget, format!("the plan's estimate: {e}")))?;
    held.checked_add(estimate)
        .ok_or_else(|| Failure::new(Exit::OverBudget, "the plan's estimate is too large to hold"))
}

/// Writes an approval to the ledger.
pub fn record(
    ledger: &Ledger,
    workspace: &Workspace,
    plan: Digest,
    by: &str,
    ceiling: Micros,
    note: Option<String>,
) -> Result<Approval, Failure> {
    let at: Timestamp = SystemClock.now();
    let unit = workspace.catalogue.budget.unit.clone();
    let new = NewApproval { note, ..NewApproval::new(plan, by, ceiling, unit, at) };
    let id = ledger.approve(new.clone()).map_err(|e| ledger_failure(&e))?;
    Ok(new.recorded(id))
}
