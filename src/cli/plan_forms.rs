//! Forms of a plan that `plan` and `report` share: the page and the finance CSV, and a plan file
//! in any form.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use kinora::clock::{Clock, SystemClock};
use kinora::digest::Digest;
use kinora::exit::Exit;
use kinora::plan::PlanSummary;
use kinora::plan::file::{PlanFileError, PlanReader};
use kinora::report::{
    self, Cells, JOBS_IN_JSON, JobSample, PlanCsv, PlanHtmlOptions, PlanJson, SampledJobs,
};

use super::args::{Global, PlanFormat};
use super::output::{Output, spooled};
use super::plan_file::unusable;
use super::workspace::{limits, workspace_of};
use super::{Failure, Outcome};

/// Where a page's pictures are.
#[derive(Default)]
pub struct Pictures {
    /// The workspace; without one the page has none.
    pub workspace: Option<PathBuf>,
    /// Their digests by path, where they are to be those that were planned with.
    pub digests: BTreeMap<String, Digest>,
}

/// The plan as a page. Pictures are read from the workspace; those that are not there are left
/// out.
pub fn page(
    summary: &PlanSummary,
    jobs: &SampledJobs,
    pictures: Pictures,
    output: &Output,
) -> Result<Vec<u8>, Failure> {
    let mut options = PlanHtmlOptions::new(pictures.workspace, SystemClock.today());
    options.digests = pictures.digests;
    let mut bytes = Vec::new();
    let facts = report::plan_html(summary, jobs, &options, &mut bytes)
        .map_err(|e| Failure::new(Exit::Internal, format!("the page: {e}")))?;
    if facts.jobs_left_out > 0 {
        output.say(&format!(
            "kinora: the page lists {} and leaves out {}; the CSV form has them all",
            report::count(facts.jobs, "job"),
            facts.jobs_left_out
        ));
    }
    Ok(bytes)
}

/// The plan as its finance CSV, safe to be opened in a spreadsheet.
pub fn finance(summary: &PlanSummary) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    report::finance_csv(summary, &mut bytes, Cells::Spreadsheet)
        .map_err(|e| Failure::new(Exit::Internal, format!("CSV: {e}")))?;
    Ok(bytes)
}

/// A plan file in a form of the plan. Nothing is given out before the file was read to its end
/// and found to be what it says.
pub fn of_file(
    path: &Path,
    format: PlanFormat,
    file: Option<&Path>,
    global: &Global,
    output: &Output,
) -> Outcome {
    let mut reader = PlanReader::open(path, &limits(global)).map_err(|e| unusable(&e))?;
    let summary = reader.header().summary.clone();
    let unit = summary.unit.clone();
    let bytes = match format {
        PlanFormat::Plan => {
            return Err(Failure::new(Exit::Usage, "this is a plan file already; copy it"));
        }
        PlanFormat::Csv => {
            let rows = spooled(|out| {
                let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("CSV: {e}"));
                let mut csv = PlanCsv::new(out, Cells::Exact).map_err(fail)?;
                for job in reader {
                    csv.write(&job.map_err(|e| unusable(&e))?.line(&unit)).map_err(fail)?;
                }
                csv.finish().map_err(fail)
            })?;
            output.deliver(file, rows)?;
            return Ok(Exit::Done);
        }
        PlanFormat::Html => {
            let jobs = sampled(&mut reader, &unit).map_err(|e| unusable(&e))?;
            let digests = digests(&reader, &jobs);
            let workspace = workspace_of(Path::new(&summary.manifest)).ok();
            page(&summary, &jobs, Pictures { workspace, digests }, output)?
        }
        PlanFormat::Finance => {
            reader.verify().map_err(|e| unusable(&e))?;
            finance(&summary)?
        }
        PlanFormat::Text => {
            reader.verify().map_err(|e| unusable(&e))?;
            let color = output.color && file.is_none();
            report::plan_text(&summary, output.width, color).into_bytes()
        }
        PlanFormat::Json | PlanFormat::Markdown => {
            let mut lines = Vec::new();
            for job in reader {
                let job = job.map_err(|e| unusable(&e))?;
                if lines.len() < JOBS_IN_JSON {
                    lines.push(job.line(&unit));
                }
            }
            match format {
                PlanFormat::Markdown => report::plan_markdown(&summary, &lines),
                _ => report::plan_json(&PlanJson::new(summary, Some(lines)))
                    .expect("a plan is always JSON"),
            }
            .into_bytes()
        }
    };
    output.deliver(file, &bytes[..])?;
    Ok(Exit::Done)
}

/// The dearest jobs of a plan file.
fn sampled(reader: &mut PlanReader, unit: &str) -> Result<SampledJobs, PlanFileError> {
    let mut sample = JobSample::new(JobSample::MOST);
    for job in reader {
        let job = job?;
        if job.change.runs() {
            sample.offer(job.estimate(), || job.line(unit));
        }
    }
    Ok(sample.finish())
}

/// Digests of the pictures of some jobs, as they were planned with.
fn digests(reader: &PlanReader, jobs: &SampledJobs) -> BTreeMap<String, Digest> {
    let lines = jobs.priced.iter().chain(&jobs.unpriced);
    let wanted: HashSet<&str> = lines.flat_map(|line| &line.pictures).map(String::as_str).collect();
    let used = reader.pictures().filter(|picture| wanted.contains(picture.path));
    used.map(|picture| (picture.path.to_owned(), *picture.digest)).collect()
}
