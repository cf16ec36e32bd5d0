//! `kinora report` and `kinora status`: what the ledger says was made, in any form.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use kinora::address::Address;
use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::Sources;
use kinora::exit::Exit;
use kinora::ledger::{AttemptRecord, ClipVerdict, JobState, Ledger, Span, Which};
use kinora::limits::Limits;
use kinora::money::Unit;
use kinora::plan::actuals;
use kinora::plan::file::is_plan_file;
use kinora::protocol::Rack;
use kinora::report::{
    self, Cells, HtmlOptions, JOBS_IN_JSON, JobView, RunCsv, RunFinance, RunReport,
};

use super::args::{Global, PlanFormat, ReportArgs, ReportFormat, StatusArgs};
use super::output::{Output, form, spooled, write_file};
use super::plan_forms;
use super::workspace::{find_manifest, ledger_failure, limits, read_ledger, workspace_of};
use super::{Failure, Outcome};

/// Forms by the ending of a file's name.
const ENDINGS: &[(&[&str], ReportFormat)] = &[
    (&["html", "htm"], ReportFormat::Html),
    (&["json"], ReportFormat::Json),
    (&["csv"], ReportFormat::Csv),
    (&["md"], ReportFormat::Markdown),
    (&["txt"], ReportFormat::Text),
];

/// Runs `status`.
pub fn status(arguments: &StatusArgs, global: &Global, output: &Output) -> Outcome {
    let given = &arguments.manifest.manifest;
    let workspace = workspace_of(given)?;
    let ledger = read_ledger(&workspace)?;
    let report = gather(&ledger, &workspace, (&name_of(given, global), &shown(given)?))?;
    if output.json {
        output.data(&report::run_json(&report).expect("a report is always JSON"));
    } else {
        output.data(&report::status_text(&report, output.width, output.color));
    }
    Ok(Exit::Done)
}

/// Runs `report`.
pub fn report(arguments: &ReportArgs, global: &Global, output: &Output) -> Outcome {
    let usual = if output.json { ReportFormat::Json } else { ReportFormat::Text };
    let file = arguments.output.as_deref();
    let format = form(arguments.format, file, ENDINGS, usual)?;
    let given = &arguments.manifest.manifest;
    if is_plan_file(given) {
        return plan_forms::of_file(given, of_plan(format), file, global, output);
    }
    let workspace = workspace_of(given)?;
    let ledger = read_ledger(&workspace)?;
    if format == ReportFormat::Csv {
        output.deliver(file, csv(&ledger, &read_ledger(&workspace)?)?)?;
        return Ok(Exit::Done);
    }
    if format == ReportFormat::Finance {
        output.deliver(file, &finance(&ledger)?[..])?;
        return Ok(Exit::Done);
    }
    let report = gather(&ledger, &workspace, (&name_of(given, global), &shown(given)?))?;
    let bytes = match format {
        ReportFormat::Html => html(&report, &workspace, file, output)?,
        ReportFormat::Json => {
            report::run_json(&report).expect("a report is always JSON").into_bytes()
        }
        ReportFormat::Markdown => report::run_markdown(&report).into_bytes(),
        ReportFormat::Text | ReportFormat::Csv | ReportFormat::Finance => {
            let color = output.color && file.is_none();
            report::status_text(&report, output.width, color).into_bytes()
        }
    };
    output.deliver(file, &bytes[..])?;
    Ok(Exit::Done)
}

/// The same form of a plan.
fn of_plan(format: ReportFormat) -> PlanFormat {
    match format {
        ReportFormat::Text => PlanFormat::Text,
        ReportFormat::Json => PlanFormat::Json,
        ReportFormat::Csv => PlanFormat::Csv,
        ReportFormat::Markdown => PlanFormat::Markdown,
        ReportFormat::Html => PlanFormat::Html,
        ReportFormat::Finance => PlanFormat::Finance,
    }
}

/// Writes the page of a workspace to a file; `run --report` ends with it.
pub fn write_page(
    ledger: &Ledger,
    workspace: &Path,
    names: (&str, &str),
    path: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let bytes = html(&gather(ledger, workspace, names)?, workspace, Some(path), output)?;
    write_file(path, &bytes[..]).map_err(|e| Failure::new(Exit::Internal, e))?;
    output.say(&format!("page: {}", path.display()));
    Ok(())
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

/// The report's model from the latest attempt of every job; as many in full as JSON lists.
/// What waits for a person is listed beyond that.
fn gather(
    ledger: &Ledger,
    workspace: &Path,
    (name, manifest): (&str, &str),
) -> Result<RunReport, Failure> {
    let mut report = RunReport::new(name, &unit_of(ledger)?, SystemClock.now());
    report.manifest = manifest.to_owned();
    let totals = ledger.holdings().map_err(|e| ledger_failure(&e))?;
    let held = totals.iter().map(|total| total.held.to_decimal()).sum();
    let written_off = totals.iter().map(|total| total.written_off.to_decimal()).sum();
    let mut doubtful = BTreeSet::new();
    let mut damaged = None;
    let current = ledger.current_clips().map_err(|e| ledger_failure(&e))?;
    let mut listed: Vec<(JobView, Standing)> = Vec::new();
    ledger
        .each_attempt(Which::Standing, |attempt| match JobView::from_attempt(&attempt) {
            Ok(view) => {
                let view = view.with_words(&attempt, current.words());
                let verdict = current.scored(attempt.id).map(|scored| scored.verdict);
                note_doubt(&view, &mut doubtful);
                if listed.len() < most(&view, verdict) {
                    listed.push((view, Standing::of(&attempt)));
                } else {
                    report.omit(&view, verdict);
                }
            }
            Err(error) => damaged = Some(format!("{}: {error}", attempt.address)),
        })
        .map_err(|e| ledger_failure(&e))?;
    // What was found in a clip is read only of those that are listed.
    for (view, standing) in listed {
        report.add(standing.judged(view, ledger)?);
    }
    report.find_outliers();
    if let Some(what) = damaged {
        return Err(Failure::new(Exit::Internal, format!("the ledger's request of {what}")));
    }
    report.add_earlier_attempts(held, written_off);
    let unit = Unit::new(&report.unit);
    let history = ledger.history(Span::Whole, &unit).map_err(|e| ledger_failure(&e))?;
    report.actuals = actuals(&history);
    report.lookup = any_keeps_a_list(workspace, &doubtful);
    Ok(report)
}

/// Notes the provider of a submission of unknown outcome.
fn note_doubt(job: &JobView, providers: &mut BTreeSet<String>) {
    if job.state == JobState::Unknown && !providers.contains(&job.provider) {
        providers.insert(job.provider.clone());
    }
}

/// Whether any of these providers keeps a list that can be asked, by its card.
fn any_keeps_a_list(workspace: &Path, providers: &BTreeSet<String>) -> bool {
    if providers.is_empty() {
        return false;
    }
    let (rack, _) = Rack::load(workspace, &Limits::default(), &mut Sources::default());
    providers.iter().any(|name| rack.get(name).is_some_and(|card| card.lookup.is_some()))
}

/// The attempt by which a job is told of.
struct Standing {
    id: i64,
    address: Address,
}

impl Standing {
    fn of(attempt: &AttemptRecord) -> Self {
        Standing { id: attempt.id, address: attempt.address.clone() }
    }

    /// The job with the check of its clip, and with how often another was made, also where that one
    /// was no better.
    fn judged(&self, mut view: JobView, ledger: &Ledger) -> Result<JobView, Failure> {
        let failed = |e| ledger_failure(&e);
        let check = ledger.check_on(self.id).map_err(failed)?;
        let latest = ledger.job(&self.address).map_err(failed)?.map(|job| job.attempt);
        if let Some(latest) = latest.filter(|latest| *latest != self.id) {
            let latest = ledger.attempt(latest).map_err(failed)?;
            view.retakes = latest.map_or(view.retakes, |latest| latest.retake);
        }
        Ok(view.with_check(check.as_ref()))
    }
}

/// How many jobs a report may list before this one.
fn most(job: &JobView, verdict: Option<ClipVerdict>) -> usize {
    if job.wants_a_person() || job.wants_a_look(verdict) { 2 * JOBS_IN_JSON } else { JOBS_IN_JSON }
}

/// The manifest as commands that follow name it.
fn shown(given: &Path) -> Result<String, Failure> {
    let manifest = find_manifest(given)?;
    Ok(manifest.strip_prefix(".").unwrap_or(&manifest).display().to_string())
}

/// Says in a run's last lines what waits for a person, if anything does. Reads what is open only,
/// so that a large ledger delays no run's end; what was lost the run said itself.
pub fn say_attention(workspace: &Path, manifest: &str, output: &Output) -> Result<(), Failure> {
    let ledger = read_ledger(workspace)?;
    let mut report = RunReport::new("", &unit_of(&ledger)?, SystemClock.now());
    report.manifest = manifest.to_owned();
    let mut doubtful = BTreeSet::new();
    ledger
        .each_attempt(Which::Open, |attempt| {
            // A request that can't be read back is what `kinora report` says.
            if let Ok(view) = JobView::from_attempt(&attempt)
                && view.wants_a_person()
            {
                note_doubt(&view, &mut doubtful);
                report.add(view);
            }
        })
        .map_err(|e| ledger_failure(&e))?;
    report.lookup = any_keeps_a_list(workspace, &doubtful);
    let text = report::attention_text(&report, output.width, output.color);
    if !text.is_empty() {
        output.data_if_read(&format!("\n{text}"));
    }
    Ok(())
}

fn unit_of(ledger: &Ledger) -> Result<String, Failure> {
    let unit = ledger.unit().map_err(|e| ledger_failure(&e))?;
    Ok(unit.unwrap_or_default().as_str().to_owned())
}

/// One line a job, never held in memory. What was found in clips is read by a second connection,
/// while the first one walks over the jobs.
fn csv(ledger: &Ledger, beside: &Ledger) -> Result<File, Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("CSV: {e}"));
    spooled(|out| {
        let mut csv = RunCsv::new(out, &unit_of(ledger)?, Cells::Exact).map_err(fail)?;
        let mut written = Ok(());
        let words = ledger.words().map_err(|e| ledger_failure(&e))?;
        let mut write = |attempt: &AttemptRecord| -> Result<(), Failure> {
            let view = JobView::from_attempt(attempt).map_err(std::io::Error::other);
            let view = view.map_err(fail)?.with_words(attempt, &words);
            csv.write(&Standing::of(attempt).judged(view, beside)?).map_err(fail)
        };
        ledger
            .each_attempt(Which::Standing, |attempt| {
                if written.is_ok() {
                    written = write(&attempt);
                }
            })
            .map_err(|e| ledger_failure(&e))?;
        written?;
        csv.finish().map_err(fail)
    })
}

/// What was spent by set and model, over every attempt, safe to be opened in a spreadsheet.
fn finance(ledger: &Ledger) -> Result<Vec<u8>, Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("CSV: {e}"));
    let mut finance = RunFinance::default();
    let mut damaged = None;
    let current = ledger.current_clips().map_err(|e| ledger_failure(&e))?;
    ledger
        .each_attempt(Which::All, |attempt| match JobView::from_attempt(&attempt) {
            Ok(view) => {
                let verdict = current.scored(attempt.id).map(|scored| scored.verdict);
                finance.add(&view.with_word(current.words().of_clip(attempt.id)), verdict);
            }
            Err(error) => damaged = Some(format!("{}: {error}", attempt.address)),
        })
        .map_err(|e| ledger_failure(&e))?;
    if let Some(what) = damaged {
        return Err(Failure::new(Exit::Internal, format!("the ledger's request of {what}")));
    }
    let mut bytes = Vec::new();
    finance.write(&unit_of(ledger)?, &mut bytes, Cells::Spreadsheet).map_err(fail)?;
    Ok(bytes)
}

fn html(
    report: &RunReport,
    workspace: &Path,
    page: Option<&Path>,
    output: &Output,
) -> Result<Vec<u8>, Failure> {
    let folder = page.and_then(Path::parent).filter(|p| !p.as_os_str().is_empty());
    let options = HtmlOptions::new(workspace, folder.unwrap_or(Path::new(".")));
    let mut bytes = Vec::new();
    let facts = report::html(report, &options, &mut bytes)
        .map_err(|e| Failure::new(Exit::Internal, format!("the page: {e}")))?;
    for path in facts.missing.iter().take(5) {
        output.say(&format!("kinora: {path} can't be read, so the page is without it"));
    }
    if !facts.stands_alone {
        output.say("kinora: the clips are too large together to be in the page; it links to them");
    }
    Ok(bytes)
}
