//! Reports: one model, many writers (text, JSON, CSV, Markdown, HTML).
//!
//! What never lives here: deciding anything; a report shows what planning and running found.

mod actuals;
mod channels;
mod fetch;
mod layout;
mod markdown;
mod models;
mod outcome;
mod phrase;
mod plan;
mod prices;
mod providers;
mod references;
mod rejects;
mod resolve;
mod run;
#[cfg(test)]
mod schema_file;
mod thumbnail;
mod verify;
mod words;

pub use crate::cells::Cells;
pub use channels::{channels_json, channels_text};
pub use fetch::{
    FETCH_FORMAT, FetchFailure, FetchReport, PictureChange, PrunedOut, fetch_json, fetch_schema,
    fetch_text,
};
pub use markdown::MARKDOWN_BYTES;
pub use models::{ModelsFacts, models_json, models_text};
pub use outcome::{
    ApprovalOutline, LogEntry, LogEvent, LogLine, OUTCOME_FORMAT, OutcomeJson, PlanOutline,
    log_schema, outcome_schema,
};
pub use phrase::count;
pub use plan::{
    FINANCE_CSV_HEADER, JOBS_IN_JSON, JobSample, PAGE_BYTES, PLAN_CSV_HEADER, PlanCsv,
    PlanHtmlFacts, PlanHtmlOptions, PlanJson, SampledJobs, check_sentences, comparison_text,
    finance_csv, next_steps, plan_html, plan_json, plan_markdown, plan_question_text, plan_schema,
    plan_text, verdict,
};
pub use prices::{
    ExampleView, PRICES_FORMAT, PriceChange, PriceLine, PriceOutcome, PriceView, PricesReport,
    REFRESH_FORMAT, RefreshLine, RefreshReport, price_changes, prices_json, prices_schema,
    prices_text, refresh_json, refresh_schema, refresh_text,
};
pub use providers::{ProviderLine, provider_lines, providers_markdown, providers_text};
pub use references::{
    At, FileView, FindingView, MeasuresView, ModelView, PictureView, REFERENCES_FORMAT,
    ReferencesFacts, ReferencesReport, UseView, figures_line, label, references_json,
    references_schema, references_text,
};
pub use rejects::{REJECTS_CSV_HEADER, is_rejects_csv, rejects_csv};
pub use resolve::{
    DoubtView, LookupView, OutcomeView, RESOLVE_FORMAT, ResolveReport, TriedView, resolve_json,
    resolve_schema, resolve_text,
};
pub use run::{
    CheckView, ClipView, HtmlFacts, HtmlOptions, JobView, REPORT_FORMAT, RUN_CSV_HEADER,
    RUN_FINANCE_HEADER, ReferenceView, RunCsv, RunEnd, RunFinance, RunReport, RunTotals,
    SettingsView, WordView, attention_text, html, run_json, run_markdown, run_schema, run_text,
    status_text,
};
pub use thumbnail::{ThumbnailError, thumbnail};
pub use verify::{
    VERIFY_FORMAT, VerifiedClip, VerifyCounts, VerifyReport, verify_json, verify_schema,
    verify_text,
};
pub use words::{SaidView, WORDS_FORMAT, WordsReport, words_json, words_schema, words_text};
