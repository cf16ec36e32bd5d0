//! `kinora report` and `kinora status`: what the ledger says was made, in any form.

use std::path::Path;

use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Which};
use kinora::report::{self, Cells, HtmlOptions, JobView, RunCsv, RunReport};

use super::args::{Global, ReportArgs, ReportFormat, StatusArgs};
use super::output::{Output, write_file};
use super::workspace::{find_manifest, ledger_failure, limits, read_ledger, workspace_of};
use super::{Failure, Outcome};

/// How many jobs a report lists, but for CSV, which lists all.
const JOBS_LISTED: usize = 10_000;

/// Runs `status`.
pub fn status(arguments: &StatusArgs, global: &Global, output: &Output) -> Outcome {
    let given = &arguments.manifest.manifest;
    let workspace = workspace_of(given)?;
    let ledger = read_ledger(&workspace)?;
    let report = gather(&ledger, &workspace, &name_of(given, global), JOBS_LISTED)?;
    if output.json {
        output.data(&report::run_json(&report).expect("a report is always JSON"));
    } else {
        output.data(&report::status_text(&report, output.width, output.color));
    }
    Ok(Exit::Done)
}

/// Runs `report`.
pub fn report(arguments: &ReportArgs, global: &Global, output: &Output) -> Outcome {
    let format = format_of(arguments, output)?;
    let given = &arguments.manifest.manifest;
    let workspace = workspace_of(given)?;
    let ledger = read_ledger(&workspace)?;
    let name = name_of(given, global);
    let bytes = match format {
        ReportFormat::Csv => csv(&ledger, &workspace, &name)?,
        ReportFormat::Html => {
            html(&ledger, &workspace, &name, arguments.output.as_deref(), output)?
        }
        _ => {
            let report = gather(&ledger, &workspace, &name, JOBS_LISTED)?;
            match format {
                ReportFormat::Json => report::run_json(&report).expect("a report is always JSON"),
                ReportFormat::Markdown => report::run_markdown(&report),
                _ => {
                    let color = output.color && arguments.output.is_none();
                    report::status_text(&report, output.width, color)
                }
            }
            .into_bytes()
        }
    };
    match &arguments.output {
        Some(path) => {
            write_file(path, &bytes).map_err(|e| Failure::new(Exit::Internal, e))?;
            output.say(&format!("written: {}", path.display()));
        }
        None => output.data(&String::from_utf8_lossy(&bytes)),
    }
    Ok(Exit::Done)
}

/// Writes the page of a workspace to a file; `run --report` ends with it.
pub fn write_page(
    ledger: &Ledger,
    workspace: &Path,
    name: &str,
    path: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let bytes = html(ledger, workspace, name, Some(path), output)?;
    write_file(path, &bytes).map_err(|e| Failure::new(Exit::Internal, e))?;
    output.say(&format!("page: {}", path.display()));
    Ok(())
}

fn format_of(arguments: &ReportArgs, output: &Output) -> Result<ReportFormat, Failure> {
    if let Some(format) = arguments.format {
        return Ok(format);
    }
    let extension = arguments.output.as_deref().and_then(Path::extension);
    match extension.and_then(|e| e.to_str()) {
        Some("html" | "htm") => Ok(ReportFormat::Html),
        Some("json") => Ok(ReportFormat::Json),
        Some("csv") => Ok(ReportFormat::Csv),
        Some("md") => Ok(ReportFormat::Markdown),
        Some("txt") => Ok(ReportFormat::Text),
        None if arguments.output.is_none() && output.json => Ok(ReportFormat::Json),
        None if arguments.output.is_none() => Ok(ReportFormat::Text),
        _ => Err(Failure::new(
            Exit::Usage,
            "the file's name doesn't say its form; end it with .html, .json, .csv, .md or .txt, \
             or add --format",
        )),
    }
}

/// The manifest's name, or its folder's when it can't be read: a report must be possible over a
/// manifest that is broken today.
fn name_of(given: &Path, global: &Global) -> String {
    let folder = || {
        let path = std::fs::canonicalize(given).unwrap_or_else(|_| given.to_owned());
        let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        folder
            .and_then(Path::file_name)
            .map_or("clips".into(), |n| n.to_string_lossy().into_owned())
    };
    find_manifest(given)
        .ok()
        .and_then(|path| kinora::manifest::name_of(&path, &limits(global)))
        .unwrap_or_else(folder)
}

/// The report's model from the latest attempt of every job, at most `listed` of them in full.
fn gather(
    ledger: &Ledger,
    _workspace: &Path,
    name: &str,
    listed: usize,
) -> Result<RunReport, Failure> {
    let mut report = RunReport::new(name, &unit_of(ledger)?, SystemClock.now());
    let mut damaged = None;
    ledger
        .each_attempt(Which::Latest, |attempt| match JobView::from_attempt(&attempt) {
            Ok(view) if report.jobs.len() < listed => report.add(view),
            Ok(view) => report.omit(&view),
            Err(error) => damaged = Some(format!("{}: {error}", attempt.address)),
        })
        .map_err(|e| ledger_failure(&e))?;
    match damaged {
        Some(what) => Err(Failure::new(Exit::Internal, format!("the ledger's request of {what}"))),
        None => Ok(report),
    }
}

fn unit_of(ledger: &Ledger) -> Result<String, Failure> {
    let unit = ledger.unit().map_err(|e| ledger_failure(&e))?;
    Ok(unit.unwrap_or_default().as_str().to_owned())
}

fn csv(ledger: &Ledger, _workspace: &Path, _name: &str) -> Result<Vec<u8>, Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("CSV: {e}"));
    let mut csv = RunCsv::new(Vec::new(), &unit_of(ledger)?, Cells::Exact).map_err(fail)?;
    let mut problem = None;
    ledger
        .each_attempt(Which::Latest, |attempt| {
            let written = JobView::from_attempt(&attempt)
                .map_err(std::io::Error::other)
                .and_then(|view| csv.write(&view));
            if let Err(error) = written {
                problem = Some(error);
            }
        })
        .map_err(|e| ledger_failure(&e))?;
    match problem {
        Some(error) => Err(fail(error)),
        None => csv.finish().map_err(fail),
    }
}

fn html(
    ledger: &Ledger,
    workspace: &Path,
    name: &str,
    page: Option<&Path>,
    output: &Output,
) -> Result<Vec<u8>, Failure> {
    let report = gather(ledger, workspace, name, JOBS_LISTED)?;
    let folder = page.and_then(Path::parent).filter(|p| !p.as_os_str().is_empty());
    let options = HtmlOptions::new(workspace, folder.unwrap_or(Path::new(".")));
    let mut bytes = Vec::new();
    let facts = report::html(&report, &options, &mut bytes)
        .map_err(|e| Failure::new(Exit::Internal, format!("the page: {e}")))?;
    for path in facts.missing.iter().take(5) {
        output.say(&format!("kinora: {path} can't be read, so the page is without it"));
    }
    if !facts.stands_alone {
        output.say("kinora: the clips are too large together to be in the page; it links to them");
    }
    Ok(bytes)
}
