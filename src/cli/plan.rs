//! `kinora plan`: the dry run.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use kinora::approval::copy_path;
use kinora::digest::{Digest, FieldHasher};
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Stored};
use kinora::plan::file::{PlanWriter, WriteError};
use kinora::plan::{JobLine, PlanSummary};
use kinora::report::{self, Cells, JOBS_IN_JSON, JobSample, PlanCsv, PlanJson};

use super::approving::now;
use super::args::{Global, PlanArgs, PlanFormat};
use super::output::{Output, form, spooled};
use super::plan_file::{origin, unwritten};
use super::plan_forms::{self, finance};
use super::planning::plan_whole;
use super::select::narrowing;
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

/// Forms by the ending of a file's name.
const ENDINGS: &[(&[&str], PlanFormat)] = &[
    (&["html", "htm"], PlanFormat::Html),
    (&["plan"], PlanFormat::Plan),
    (&["json"], PlanFormat::Json),
    (&["csv"], PlanFormat::Csv),
    (&["md"], PlanFormat::Markdown),
    (&["txt"], PlanFormat::Text),
];

/// Runs it.
pub fn plan(arguments: &PlanArgs, global: &Global, output: &Output) -> Outcome {
    let usual = if output.json { PlanFormat::Json } else { PlanFormat::Text };
    let file = arguments.output.as_deref();
    let format = form(arguments.format, file, ENDINGS, usual)?;
    let (mut workspace, ledger) = Workspace::load(&arguments.manifest.manifest, global, output)?;
    workspace.narrowing = narrowing(&arguments.select, global, &ledger)?;
    workspace.compare = arguments.compare.clone();
    let text = match format {
        PlanFormat::Csv => {
            let csv = csv(&mut workspace, &ledger, output)?;
            output.deliver(file, csv)?;
            return Ok(Exit::Done);
        }
        PlanFormat::Text => {
            let summary = summary(&mut workspace, &ledger, output)?;
            report::plan_text(&summary, output.width, output.color && file.is_none())
        }
        PlanFormat::Html => {
            let page = page(&mut workspace, &ledger, output)?;
            output.deliver(file, &page[..])?;
            return Ok(Exit::Done);
        }
        PlanFormat::Finance => {
            let summary = summary(&mut workspace, &ledger, output)?;
            output.deliver(file, &finance(&summary)?[..])?;
            return Ok(Exit::Done);
        }
        PlanFormat::Plan => return written(&mut workspace, &ledger, output, file),
        PlanFormat::Json | PlanFormat::Markdown => listed(&mut workspace, &ledger, output, format)?,
    };
    output.deliver(file, text.as_bytes())?;
    Ok(Exit::Done)
}

/// The page, with the dearest jobs.
fn page(workspace: &mut Workspace, ledger: &Ledger, output: &Output) -> Result<Vec<u8>, Failure> {
    let catalogue = workspace.catalogue.clone();
    let mut sample = JobSample::new(JobSample::MOST);
    let plan = plan_whole(workspace, ledger, output, |job, change| {
        if change.runs() {
            let estimate = job.estimate.known().map(|amount| amount.value);
            sample.offer(estimate, || job.line(change, &catalogue));
        }
    })?;
    let mut summary = plan.summary;
    keep_findings(&mut summary, workspace);
    let pictures = plan_forms::Pictures {
        workspace: Some(workspace.catalogue.workspace.clone()),
        ..Default::default()
    };
    plan_forms::page(&summary, &sample.finish(), pictures, output)
}

/// The summary alone: from the ledger's cache when nothing has changed since.
fn summary(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
) -> Result<PlanSummary, Failure> {
    if workspace.compare.is_some() {
        let mut summary = plan_whole(workspace, ledger, output, |_, _| ())?.summary;
        keep_findings(&mut summary, workspace);
        return Ok(summary);
    }
    let inputs = cache_key(workspace, ledger)?;
    let cached = ledger.cached_plan(&inputs).map_err(|e| ledger_failure(&e))?;
    // A summary of another version of the program doesn't parse, or has another key.
    let cached: Option<PlanSummary> = cached.and_then(|text| serde_json::from_str(&text).ok());
    // What was approved then may have expired since.
    let holds = |summary: &PlanSummary| {
        let expires = summary.approval.as_ref().and_then(|line| line.expires.as_ref());
        expires.is_none_or(|at| at.parse::<Timestamp>().is_ok_and(|at| at > now()))
    };
    if let Some(mut summary) = cached.filter(holds) {
        // What was read from disk is of this time, not of the time that was kept.
        summary.pictures = workspace.pictures.clone();
        return Ok(summary);
    }
    let plan = plan_whole(workspace, ledger, output, |_, _| ())?;
    let mut summary = plan.summary;
    keep_findings(&mut summary, workspace);
    let text = serde_json::to_string(&summary).expect("a summary is always JSON");
    let stored = ledger.store_plan(&inputs, text).map_err(|e| ledger_failure(&e))?;
    if let Stored::Skipped { why } = stored {
        output.say(&format!("kinora: this plan was not kept for the next time: {why}"));
    }
    Ok(summary)
}

/// Everything that a summary depends on: the plan's inputs, and whether the plan approved last is
/// there to be compared with.
fn cache_key(workspace: &Workspace, ledger: &Ledger) -> Result<Digest, Failure> {
    let inputs = workspace.plan_inputs(ledger)?;
    let approval = ledger.latest_approval().map_err(|e| ledger_failure(&e))?;
    let folder = &workspace.catalogue.workspace;
    let copy = approval.map(|a| copy_path(folder, &a.plan)).filter(|path| path.is_file());
    let mut key = FieldHasher::new("plan summary");
    key.field(inputs.as_bytes()).field(&[u8::from(copy.is_some())]);
    Ok(key.finish())
}

/// Writes the plan to a file, and says in sum what is in it.
fn written(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
    file: Option<&Path>,
) -> Outcome {
    let path = file.ok_or_else(|| {
        Failure::new(Exit::Usage, "a plan file is nothing to look at; write it with -o X.plan")
    })?;
    let io = |e: std::io::Error| unwritten(&WriteError::Io(e));
    let mut writer = PlanWriter::new(origin(workspace, ledger)?).map_err(io)?;
    let catalogue = workspace.catalogue.clone();
    let mut fine = Ok(());
    let plan = plan_whole(workspace, ledger, output, |job, change| {
        if fine.is_ok() {
            fine = writer.job(job, change, &catalogue);
        }
    })?;
    fine.map_err(io)?;
    let mut summary = plan.summary;
    keep_findings(&mut summary, workspace);
    writer.finish_file(&summary, path).map_err(|e| unwritten(&e))?;
    let text = if output.json {
        report::plan_json(&PlanJson::new(summary, None::<Vec<JobLine>>))
            .expect("a plan is always JSON")
    } else {
        report::plan_text(&summary, output.width, output.color)
    };
    output.data(&text);
    output.say(&format!("written: {}", path.display()));
    Ok(Exit::Done)
}

/// Puts the warnings of loading beside those of planning.
pub fn keep_findings(summary: &mut PlanSummary, workspace: &Workspace) {
    let all = kinora::diagnostic::render_json(&workspace.findings, &workspace.sources);
    summary.findings = all.into_iter().map(Into::into).collect();
    summary.findings_left_out =
        workspace.findings.left_out().map(|(code, n)| (code.to_owned(), n)).collect();
}

fn listed(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
    format: PlanFormat,
) -> Result<String, Failure> {
    let mut lines: Vec<JobLine> = Vec::new();
    let catalogue = workspace.catalogue.clone();
    let plan = plan_whole(workspace, ledger, output, |job, change| {
        if lines.len() < JOBS_IN_JSON {
            lines.push(job.line(change, &catalogue));
        }
    })?;
    let mut summary = plan.summary;
    keep_findings(&mut summary, workspace);
    if format == PlanFormat::Markdown {
        return Ok(report::plan_markdown(&summary, &lines));
    }
    let json = PlanJson::new(summary, Some(lines));
    Ok(report::plan_json(&json).expect("a plan is always JSON"))
}

/// One line a job, never held in memory.
fn csv(workspace: &mut Workspace, ledger: &Ledger, output: &Output) -> Result<File, Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("CSV: {e}"));
    spooled(|out| {
        let catalogue = workspace.catalogue.clone();
        let mut csv = PlanCsv::new(out, Cells::Exact).map_err(fail)?;
        let mut written = Ok(());
        plan_whole(workspace, ledger, output, |job, change| {
            if written.is_ok() {
                written = csv.write(&job.line(change, &catalogue));
            }
        })?;
        written.map_err(fail)?;
        output.findings(&workspace.findings, &workspace.sources);
        csv.finish().map_err(fail)
    })
}
