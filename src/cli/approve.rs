//! `kinora approve`: a person accepts a plan as it stands, up to a ceiling.

mod file;

pub(in crate::cli) use self::file::proven;

use std::path::Path;

use jiff::Timestamp;
use kinora::approval::{ApprovalFile, amount, expiry, person, remark};
use kinora::digest::Digest;
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger, Origin, Period};
use kinora::money::{Amount, Micros, Unit};
use kinora::plan::file::{PlanWriter, is_plan_file};
use kinora::plan::{AmountsJson, Plan, PlanSummary};
use kinora::signing::SecretKey;
use rust_decimal::Decimal;

use super::approving::{Given, now, record};
use super::args::{ApproveArgs, Global};
use super::guard::{refuse_denied, say_warned};
use super::output::{Output, write_file};
use super::plan_file::origin;
use super::planning::plan_whole;
use super::select::narrowing;
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

/// Runs it.
pub fn approve(arguments: &ApproveArgs, global: &Global, output: &Output) -> Outcome {
    let words = Words::of(arguments)?;
    if is_plan_file(&arguments.what) {
        return file::approve_file(arguments, global, &words, output);
    }
    let (mut workspace, ledger) = Workspace::load(&arguments.what, global, output)?;
    workspace.narrowing = narrowing(&arguments.select, global, &ledger)?;
    let (plan, writer) = plan_written(&mut workspace, &ledger, output)?;
    refuse_denied(&plan)?;
    refuse_unpriced(&plan)?;
    if !output.json {
        say_warned(&plan.summary, output);
    }
    let wanted = whole_ceiling(&plan, &workspace, &ledger)?;
    let given = words.given(wanted);
    let approval = record(&ledger, &workspace, &plan, Some(writer), &given)?;
    let lineage = ledger.lineage_for_good().map_err(|e| ledger_failure(&e))?;
    if let Some(path) = &arguments.output {
        write_approval(&approval, &lineage, path, output)?;
    }
    let next = format!("`kinora run {}` makes it", workspace.target());
    say(&approval, &next, wanted, &plan.summary, output);
    say_retries(&approval, &plan.summary, wanted, output);
    Ok(Exit::Done)
}

/// Plans, and writes every job down for the copy.
fn plan_written(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
) -> Result<(Plan, PlanWriter), Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("a temporary file: {e}"));
    let mut writer = PlanWriter::new(origin(workspace, ledger)?).map_err(fail)?;
    let catalogue = workspace.catalogue.clone();
    let mut written = Ok(());
    let plan = plan_whole(workspace, ledger, output, |job, change| {
        if written.is_ok() {
            written = writer.job(job, change, &catalogue);
        }
    })?;
    written.map_err(fail)?;
    Ok((plan, writer))
}

/// What the command line says of an approval, checked.
struct Words {
    by: String,
    ceiling: Option<Micros>,
    expires: Option<Timestamp>,
    note: Option<String>,
    key: Option<SecretKey>,
}

impl Words {
    fn of(arguments: &ApproveArgs) -> Result<Words, Failure> {
        let wrong = |option: &'static str| {
            move |why: String| Failure::new(Exit::Usage, format!("{option}: {why}"))
        };
        let by = person(&arguments.by).map_err(wrong("--by"))?;
        let ceiling = arguments.ceiling.as_deref().map(amount).transpose();
        let expires = arguments.expires.as_deref().map(|text| expiry(text, now())).transpose();
        let note = arguments.note.as_deref().map(remark).transpose().map_err(wrong("--note"))?;
        let key = arguments.key.as_deref().map(SecretKey::read).transpose();
        if let Some(path) = &arguments.output {
            refuse_to_overwrite(path)?;
        }
        Ok(Words {
            by,
            ceiling: ceiling.map_err(wrong("--ceiling"))?,
            expires: expires.map_err(wrong("--expires"))?,
            note: note.flatten(),
            key: key.map_err(wrong("--key"))?,
        })
    }

    fn given(&self, wanted: Micros) -> Given<'_> {
        Given {
            expires: self.expires,
            note: self.note.clone(),
            key: self.key.as_ref(),
            ..Given::by(&self.by, self.ceiling.unwrap_or(wanted), Origin::Person)
        }
    }
}

/// An approval is written over an earlier one, and over nothing else.
fn refuse_to_overwrite(path: &Path) -> Result<(), Failure> {
    if path.exists() && ApprovalFile::read(path).is_err() {
        let what = "is there and is no approval file; give another name, or move it away";
        return Err(Failure::new(Exit::Usage, format!("{}: {what}", path.display())));
    }
    Ok(())
}

/// Writes an approval that was just given to its file.
fn write_approval(
    approval: &Approval,
    lineage: &str,
    path: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let file = ApprovalFile::of(&approval.given(), lineage);
    let file = file.ok_or_else(|| Failure::new(Exit::Internal, "an approval without a digest"))?;
    write_file(path, file.to_text().as_bytes()).map_err(|e| Failure::new(Exit::Internal, e))?;
    output.say(&format!("written: {}", path.display()));
    Ok(())
}

/// Says what was approved.
fn say(approval: &Approval, next: &str, wanted: Micros, summary: &PlanSummary, output: &Output) {
    let amount = Amount::new(approval.ceiling.to_decimal(), approval.unit.clone());
    if output.json {
        output.data(&said_json(approval).to_string());
    } else {
        let until = approval.expires.map(|at| format!(", until {at}")).unwrap_or_default();
        let signed = if approval.signature.is_some() { ", signed" } else { "" };
        output.data(&format!(
            "plan {} approved by {} up to {amount}{until}{signed} (approval {}); {next}",
            approval.plan.short(),
            approval.by,
            approval.id
        ));
    }
    say_too_low(approval.ceiling, wanted, summary, output);
}

fn say_too_low(ceiling: Micros, wanted: Micros, summary: &PlanSummary, output: &Output) {
    if ceiling < wanted {
        let with = if summary.to_run.with_retakes.is_empty() { "" } else { " with retakes" };
        output.say(&format!(
            "kinora: the ceiling is below the estimate of {}{with}; the run will stop at it",
            Amount::new(wanted.to_decimal(), Unit::new(&summary.unit))
        ));
    }
}

/// Says what of the ceiling is for retakes, and what it may come to if every retry that may be charged
/// is charged, where the ceiling is below that. The ceiling stays what it is: raising it is a person's
/// word.
fn say_retries(approval: &Approval, summary: &PlanSummary, wanted: Micros, output: &Output) {
    let sum = |amounts: &AmountsJson| {
        let text = amounts.get(&summary.unit)?;
        text.parse::<Decimal>().ok()
    };
    let run = &summary.to_run;
    let Some((expected, high)) = sum(&run.estimate).zip(sum(&run.high)) else { return };
    let with_retakes = sum(&run.with_retakes).unwrap_or(expected);
    if with_retakes > expected && approval.ceiling >= wanted {
        output.say(&format!(
            "kinora: of which up to {} for retakes of clips that fail their check",
            Amount::new(with_retakes - expected, approval.unit.clone())
        ));
    }
    let most = wanted.to_decimal() + (high - with_retakes);
    if high > with_retakes && approval.ceiling.to_decimal() < most {
        output.say(&format!(
            "kinora: with every charged retry up to {}; the run stops at the ceiling, `--ceiling` \
             sets another",
            Amount::new(most, approval.unit.clone())
        ));
    }
}

/// An approval for programs.
pub fn said_json(a: &Approval) -> serde_json::Value {
    let mut said = serde_json::json!({
        "id": a.id,
        "plan": a.plan.to_string(),
        "by": a.by,
        "ceiling": a.ceiling.to_decimal().to_string(),
        "unit": a.unit.as_str(),
        "at": a.at.to_string(),
        "origin": a.origin,
    });
    let more = [
        ("expires", a.expires.map(|at| at.to_string())),
        ("note", a.note.clone()),
        ("digest", a.digest.map(|digest| digest.to_string())),
        ("key", a.signature.as_ref().map(|signature| signature.key.clone())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            said[name] = value.into();
        }
    }
    said
}

/// An unpriced job can't be approved (M7).
pub fn refuse_unpriced(plan: &Plan) -> Result<(), Failure> {
    refuse_unpriced_in(&plan.summary)
}

fn refuse_unpriced_in(summary: &PlanSummary) -> Result<(), Failure> {
    match summary.to_run.unpriced {
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
/// what it would start now, retakes of clips that fail among it.
pub fn whole_ceiling(
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
) -> Result<Micros, Failure> {
    debug_assert_eq!(plan.summary.unit, workspace.catalogue.budget.unit.as_str());
    ceiling_under(&plan.digest, &plan.summary, ledger)
}

/// The same for what would start now under the approval of another plan.
pub fn ceiling_under(
    approved: &Digest,
    summary: &PlanSummary,
    ledger: &Ledger,
) -> Result<Micros, Failure> {
    let held = ledger.spent(Period::Plan(*approved)).map_err(|e| ledger_failure(&e))?;
    held.checked_add(estimate_of(summary)?)
        .ok_or_else(|| Failure::new(Exit::OverBudget, "the plan's estimate is too large to hold"))
}

/// What a plan would cost now, with every retake that a clip's check may ask for.
fn estimate_of(summary: &PlanSummary) -> Result<Micros, Failure> {
    let run = &summary.to_run;
    let retaken = run.with_retakes.get(&summary.unit);
    let estimate = retaken.or(run.estimate.get(&summary.unit));
    let estimate = estimate.map_or(Ok(Decimal::ZERO), |text| {
        text.parse().map_err(|e| Failure::new(Exit::Internal, format!("the estimate {text}: {e}")))
    })?;
    Micros::from_decimal(estimate)
        .map_err(|e| Failure::new(Exit::OverBudget, format!("the plan's estimate: {e}")))
}
