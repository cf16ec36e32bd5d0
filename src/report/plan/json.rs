//! The dry run for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{JobLine, PlanSummary};

/// Jobs that the JSON form lists at most; the CSV form lists them all.
pub const JOBS_IN_JSON: usize = 10_000;

/// A plan as programs read it: its summary, and some or all of its jobs when they were asked
/// for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanJson {
    /// The summary.
    #[serde(flatten)]
    pub summary: PlanSummary,
    /// Jobs in the plan's order, when they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<JobLine>>,
    /// Jobs left out of `jobs`, because there were more than fit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jobs_omitted: u64,
}

// serde hands over a reference.
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl PlanJson {
    /// A summary with its first [`JOBS_IN_JSON`] jobs, or without any.
    pub fn new<I: IntoIterator<Item = JobLine>>(summary: PlanSummary, jobs: Option<I>) -> Self {
        let Some(jobs) = jobs else {
            return PlanJson { summary, jobs: None, jobs_omitted: 0 };
        };
        let kept: Vec<JobLine> = jobs.into_iter().take(JOBS_IN_JSON).collect();
        // The summary knows how many there are, so the rest of a million need not be made.
        let jobs_omitted = summary.all.jobs.saturating_sub(kept.len() as u64);
        PlanJson { summary, jobs: Some(kept), jobs_omitted }
    }
}

/// The plan as indented JSON with a last line break. The same plan gives the same bytes.
pub fn plan_json(plan: &PlanJson) -> serde_json::Result<String> {
    serde_json::to_string_pretty(plan).map(|text| text + "\n")
}

/// The JSON Schema of [`plan_json`].
pub fn plan_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(PlanJson);
    schema.insert("title".to_owned(), "Kinora plan".into());
    schema.to_value()
}
