//! The dry run as a budget owner reads it, from a plan's summary and a stream of its jobs.
//!
//! What lives here: the verdict in words and the writers. What never does: adding up (the
//! summary comes with its totals) and deciding what may run.

mod checks;
mod choices;
mod cost;
mod csv;
mod finance;
mod html;
mod json;
mod markdown;
mod sample;
mod text;
mod verdict;

pub use checks::sentences as check_sentences;
pub use csv::{PLAN_CSV_HEADER, PlanCsv};
pub use finance::{FINANCE_CSV_HEADER, finance_csv};
pub use html::{PAGE_BYTES, PlanHtmlFacts, PlanHtmlOptions, plan_html};
pub use json::{JOBS_IN_JSON, PlanJson, plan_json, plan_schema};
pub use markdown::plan_markdown;
pub use sample::{JobSample, SampledJobs};
pub use text::{comparison_text, plan_question_text, plan_text};
pub use verdict::{next_steps, verdict};

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;
