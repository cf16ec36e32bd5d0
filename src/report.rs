//! Reports: one model, many writers (text, JSON, CSV, Markdown, HTML).
//!
//! What never lives here: deciding anything; a report shows what planning and running found.

mod cells;
mod layout;
mod markdown;
mod phrase;
mod plan;
#[cfg(test)]
mod schema_file;

pub use cells::Cells;
pub use markdown::MARKDOWN_BYTES;
pub use plan::{
    JOBS_IN_JSON, PLAN_CSV_HEADER, PlanCsv, PlanJson, next_steps, plan_json, plan_markdown,
    plan_schema, plan_text, verdict,
};
