//! Under which approval a run works: one on record, one given by `--yes`, or one asked for.
//!
//! What never lives here: how approvals are kept and which of them hold.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use kinora::approval::{Found, Passed, Under};
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger, Origin};
use kinora::money::{Amount, Micros};
use kinora::plan::{Covers, Plan};
use kinora::report;

use crate::cli::Failure;
use crate::cli::approvals::take_in;
use crate::cli::approve::{ceiling_under, refuse_unpriced, whole_ceiling};
use crate::cli::approving::{Given, find_approval, record};
use crate::cli::args::RunArgs;
use crate::cli::guard::refuse_denied;
use crate::cli::output::Output;
use crate::cli::workspace::Workspace;

/// The approval to run under: one that is in the ledger, one given by `--yes`, or one asked for.
/// Nobody is asked about a plan file: it is there to be approved by somebody who is not here.
pub(super) fn approval(
    plan: &Plan,
    file: Option<&Path>,
    workspace: &Workspace,
    ledger: &Ledger,
    arguments: &RunArgs,
    output: &Output,
) -> Result<Option<Approval>, Failure> {
    if plan.summary.to_run.jobs > 0 {
        // Whoever approved it before, the rules hold now; and what they deny is not approved.
        refuse_denied(plan)?;
    }
    if let Some(file) = &arguments.approval {
        take_in(file, plan, workspace, ledger)?;
    }
    let found = find_approval(plan, workspace, ledger)?;
    let under = found.under.as_ref().map(|under| under.approval.clone());
    if plan.summary.to_run.jobs == 0 {
        // Only what is in flight is fetched. That was approved before; nobody approves this plan
        // by it.
        return Ok(under);
    }
    if let Some(under) = &found.under {
        let wanted = ceiling_under(&under.approval.plan, &plan.summary, ledger)?;
        if under.approval.ceiling >= wanted || !arguments.yes {
            say_carried(under, plan, output);
            return Ok(Some(under.approval.clone()));
        }
    }
    refuse_unpriced(plan)?;
    let wanted = whole_ceiling(plan, workspace, ledger)?;
    let give = |how: &str, origin: Origin| {
        let by = format!("{} ({how})", person());
        let given = Given::by(&by, wanted, origin);
        record(ledger, workspace, plan, None, &given).map(Some)
    };
    if arguments.yes {
        return give("--yes", Origin::Yes);
    }
    // An answer here would not count where approvers must sign.
    let nobody = file.is_some() || workspace.catalogue.approvers.is_some();
    if nobody || !std::io::stdin().is_terminal() || output.json {
        return Err(not_approved(plan, file, workspace, &found));
    }
    ask(plan, workspace, wanted, output)?;
    give("asked", Origin::Asked)
}

/// Says so when the plan itself was never approved.
fn say_carried(under: &Under, plan: &Plan, output: &Output) {
    if under.carried && !output.json {
        output.say(&format!(
            "kinora: plan {} runs under approval {} by {}, of plan {}: every job is in that plan, and \
             none costs more",
            plan.digest.short(),
            under.approval.id,
            under.approval.by,
            under.approval.plan.short()
        ));
    }
}

/// Why a run that nobody can be asked about does not start. The newest approval is the one that
/// people think of.
fn not_approved(plan: &Plan, file: Option<&Path>, workspace: &Workspace, found: &Found) -> Failure {
    let given = workspace.target();
    let look = match file {
        Some(_) => format!("look at it with `kinora report {given}`"),
        None => format!("look at it with `kinora plan {given}`"),
    };
    let how = match (&workspace.catalogue.approvers, file) {
        (Some(_), _) => {
            format!("{look}, then an approver signs: `kinora approve {given} --by NAME --key FILE`")
        }
        (None, Some(_)) => format!("{look}, then `kinora approve {given} --by NAME`"),
        (None, None) => {
            format!("{look}, then `kinora approve {given} --by NAME`, or run with --yes")
        }
    };
    let now = plan.digest.short();
    let Some((newest, why)) = found.passed.first() else {
        let what = format!("plan {now} is not approved, and there is nobody to ask; {how}");
        return Failure::new(Exit::ApprovalNeeded, what);
    };
    let (id, by, of) = (newest.id, &newest.by, newest.plan.short());
    let moved = match why {
        Passed::Holds(objection) => {
            let what = format!("approval {id} by {by} does not hold: {objection}; {how}");
            return Failure::new(Exit::ApprovalNeeded, what);
        }
        Passed::Covers(covers) => uncovered(covers),
        Passed::Copy(why) => why.clone(),
        Passed::TooOld => "too many newer approvals hold for other plans".to_owned(),
    };
    let what = format!(
        "approval {id} by {by} names plan {of}, but the manifest now gives plan {now}, which it does \
         not cover: {moved}; {how}"
    );
    Failure::new(Exit::PlanStale, what)
}

/// What of a plan an earlier approval does not cover, in words.
fn uncovered(covers: &Covers) -> String {
    if covers.other_unit {
        return "it counts another unit".to_owned();
    }
    let parts = [
        (covers.absent, "is new", "are new"),
        (covers.differ, "asks for something else", "ask for something else"),
        (covers.dearer, "costs more", "cost more"),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(jobs, ..)| *jobs > 0)
        .map(|(jobs, one, many)| match jobs {
            1 => format!("1 job {one}"),
            n => format!("{n} jobs {many}"),
        })
        .collect();
    said.join(", ")
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
pub(in crate::cli) fn person() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| "somebody".to_owned())
}
