//! Forms of a plan that `plan` and `report` share: the page and the finance CSV.

use std::path::Path;

use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::plan::PlanSummary;
use kinora::report::{self, Cells, PlanHtmlOptions, SampledJobs};

use super::Failure;
use super::output::Output;

/// The plan as a page. Pictures are read from the workspace; those that are not there are left
/// out.
pub fn page(
    summary: &PlanSummary,
    jobs: &SampledJobs,
    workspace: Option<&Path>,
    output: &Output,
) -> Result<Vec<u8>, Failure> {
    let options = PlanHtmlOptions::new(workspace.map(Path::to_owned), SystemClock.today());
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
