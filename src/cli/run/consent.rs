//! Under which approval a run works: one on record, one given by `--yes`, or one asked for.
//!
//! What never lives here: how approvals are kept and which of them hold.

use std::io::{BufRead, IsTerminal, Write};

use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger};
use kinora::money::{Amount, Micros};
use kinora::plan::Plan;
use kinora::report;

use crate::cli::Failure;
use crate::cli::approve::{record, refuse_unpriced, whole_ceiling};
use crate::cli::args::RunArgs;
use crate::cli::guard::refuse_denied;
use crate::cli::output::Output;
use crate::cli::workspace::{Workspace, ledger_failure};

/// The approval to run under: one that is in the ledger, one given by `--yes`, or one asked for.
pub(super) fn approval(
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
    arguments: &RunArgs,
    output: &Output,
) -> Result<Option<Approval>, Failure> {
    let found = ledger.approval_for(&plan.digest).map_err(|e| ledger_failure(&e))?;
    if plan.summary.to_run.jobs == 0 {
        // Only what is in flight is fetched. That was approved before; nobody approves this plan
        // by it.
        return Ok(found);
    }
    // Whoever approved it before, the rules hold now.
    refuse_denied(plan)?;
    let wanted = whole_ceiling(plan, workspace, ledger)?;
    if let Some(approval) = found
        && (approval.ceiling >= wanted || !arguments.yes)
    {
        return Ok(Some(approval));
    }
    refuse_unpriced(plan)?;
    if arguments.yes {
        let by = format!("{} (--yes)", person());
        return record(ledger, workspace, plan.digest, &by, wanted, None).map(Some);
    }
    if !std::io::stdin().is_terminal() || output.json {
        return Err(not_approved(plan, workspace, ledger)?);
    }
    ask(plan, workspace, wanted, output)?;
    let by = format!("{} (asked)", person());
    record(ledger, workspace, plan.digest, &by, wanted, None).map(Some)
}

/// Why a run that nobody can be asked about does not start.
fn not_approved(plan: &Plan, workspace: &Workspace, ledger: &Ledger) -> Result<Failure, Failure> {
    let how = format!(
        "look at it with `kinora plan {given}`, then `kinora approve {given} --by NAME`, or run \
         with --yes",
        given = workspace.given
    );
    let latest = ledger.latest_approval().map_err(|e| ledger_failure(&e))?;
    Ok(match latest {
        Some(other) => Failure::new(
            Exit::PlanStale,
            format!(
                "the approval by {} names plan {}, but the manifest now gives plan {}; {how}",
                other.by,
                other.plan.short(),
                plan.digest.short()
            ),
        ),
        None => Failure::new(
            Exit::ApprovalNeeded,
            format!(
                "plan {} is not approved, and there is nobody to ask; {how}",
                plan.digest.short()
            ),
        ),
    })
}

/// Shows the plan and asks. Anything but `yes` is a no.
fn ask(plan: &Plan, workspace: &Workspace, wanted: Micros, output: &Output) -> Result<(), Failure> {
    output.say(&report::plan_question_text(&plan.summary, output.width, output.talk_color));
    let unit = workspace.catalogue.budget.unit.clone();
    let amount = Amount::new(wanted.to_decimal(), unit);
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "Make {} clips for up to {amount}? Type yes: ", plan.summary.to_run.jobs);
    let _ = err.flush();
    drop(err);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(Exit::ApprovalNeeded, "not approved; nothing was spent"))
}

/// Who sits here, for the record.
fn person() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| "somebody".to_owned())
}
