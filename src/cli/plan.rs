//! `kinora plan`: the dry run.

use std::path::Path;

use kinora::exit::Exit;
use kinora::ledger::{Ledger, Stored};
use kinora::plan::{JobLine, PlanSummary};
use kinora::report::{self, Cells, PlanCsv, PlanJson};

use super::args::{Global, PlanArgs, PlanFormat};
use super::output::{Output, write_file};
use super::planning::plan_whole;
use super::workspace::{Workspace, ledger_failure, read_ledger};
use super::{Failure, Outcome};

/// How many jobs the forms that list jobs keep at most, but for CSV, which lists all.
const JOBS_LISTED: usize = 10_000;

/// Runs it.
pub fn plan(arguments: &PlanArgs, global: &Global, output: &Output) -> Outcome {
    let format = format_of(arguments, output)?;
    let mut workspace = Workspace::load(&arguments.manifest.manifest, global, output)?;
    let ledger = read_ledger(&workspace.catalogue.workspace)?;
    let text = match format {
        PlanFormat::Csv => csv(&mut workspace, &ledger, output)?,
        PlanFormat::Text => {
            let summary = summary(&mut workspace, &ledger, output)?;
            let color = output.color && arguments.output.is_none();
            report::plan_text(&summary, output.width, color).into_bytes()
        }
        PlanFormat::Json | PlanFormat::Markdown => listed(&mut workspace, &ledger, output, format)?,
    };
    match &arguments.output {
        Some(path) => {
            write_file(path, &text).map_err(|e| Failure::new(Exit::Internal, e))?;
            output.say(&format!("written: {}", path.display()));
        }
        None => output.data(&String::from_utf8_lossy(&text)),
    }
    Ok(Exit::Done)
}

fn format_of(arguments: &PlanArgs, output: &Output) -> Result<PlanFormat, Failure> {
    if let Some(format) = arguments.format {
        return Ok(format);
    }
    let extension = arguments.output.as_deref().and_then(Path::extension);
    match extension.and_then(|e| e.to_str()) {
        Some("json") => Ok(PlanFormat::Json),
        Some("csv") => Ok(PlanFormat::Csv),
        Some("md") => Ok(PlanFormat::Markdown),
        Some("txt") => Ok(PlanFormat::Text),
        None if arguments.output.is_none() && output.json => Ok(PlanFormat::Json),
        None if arguments.output.is_none() => Ok(PlanFormat::Text),
        _ => Err(Failure::new(
            Exit::Usage,
            "the file's name doesn't say its form; end it with .json, .csv, .md or .txt, or add \
             --format",
        )),
    }
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
) -> Result<Vec<u8>, Failure> {
    let mut lines: Vec<JobLine> = Vec::new();
    let catalogue = workspace.catalogue.clone();
    let plan = plan_whole(workspace, ledger, output, |job, change| {
        if lines.len() < JOBS_LISTED {
            lines.push(job.line(change, &catalogue));
        }
    })?;
    let mut summary = plan.summary;
    keep_findings(&mut summary, workspace);
    if format == PlanFormat::Markdown {
        return Ok(report::plan_markdown(&summary, &lines).into_bytes());
    }
    let json = PlanJson::new(summary, Some(lines));
    let text = report::plan_json(&json).expect("a plan is always JSON");
    Ok(text.into_bytes())
}

fn csv(workspace: &mut Workspace, ledger: &Ledger, output: &Output) -> Result<Vec<u8>, Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("CSV: {e}"));
    let catalogue = workspace.catalogue.clone();
    let mut csv = PlanCsv::new(Vec::new(), Cells::Exact).map_err(fail)?;
    let mut written = Ok(());
    plan_whole(workspace, ledger, output, |job, change| {
        if written.is_ok() {
            written = csv.write(&job.line(change, &catalogue));
        }
    })?;
    written.map_err(fail)?;
    output.findings(&workspace.findings, &workspace.sources);
    csv.finish().map_err(fail)
}
