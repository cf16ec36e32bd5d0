//! `kinora plan`: the dry run.

use std::fs::File;

use kinora::exit::Exit;
use kinora::ledger::{Ledger, Stored};
use kinora::plan::{JobLine, PlanSummary};
use kinora::report::{self, Cells, JOBS_IN_JSON, JobSample, PlanCsv, PlanJson};

use super::args::{Global, PlanArgs, PlanFormat};
use super::output::{Output, form, spooled};
use super::plan_forms::{self, finance};
use super::planning::plan_whole;
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

/// Forms by the ending of a file's name.
const ENDINGS: &[(&[&str], PlanFormat)] = &[
    (&["html", "htm"], PlanFormat::Html),
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
    plan_forms::page(&summary, &sample.finish(), Some(&workspace.catalogue.workspace), output)
}

/// The summary alone: from the ledger's cache when nothing has changed since.
fn summary(
    workspace: &mut Workspace,
    ledger: &Ledger,
    output: &Output,
) -> Result<PlanSummary, Failure> {
    let inputs = workspace.plan_inputs(ledger)?;
    let cached = ledger.cached_plan(&inputs).map_err(|e| ledger_failure(&e))?;
    // A summary of another version of the program doesn't parse, or has another key.
    let cached: Option<PlanSummary> = cached.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(mut summary) = cached {
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

/// Puts the warnings of loading beside those of planning.
fn keep_findings(summary: &mut PlanSummary, workspace: &Workspace) {
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
