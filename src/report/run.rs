//! What was made: the report of a run, from the ledger's attempts.
//!
//! What lives here: the report's own model and its writers. What never does: the ledger's
//! queries, and deciding in which state a job is.

mod attention;
mod check;
mod csv;
mod finance;
mod html;
mod json;
mod markdown;
mod model;
mod summary;
mod text;

pub use attention::attention_text;
pub use check::CheckView;
pub use csv::{RUN_CSV_HEADER, RunCsv};
pub use finance::{RUN_FINANCE_HEADER, RunFinance};
pub use html::{HtmlFacts, HtmlOptions, html};
pub use json::{run_json, run_schema};
pub use markdown::run_markdown;
pub use model::{
    ClipView, JobView, REPORT_FORMAT, ReferenceView, RunReport, RunTotals, SettingsView, WordView,
};
pub use summary::{RunEnd, run_text};
pub use text::status_text;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
