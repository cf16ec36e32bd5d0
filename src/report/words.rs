//! What was said of clips just now: what `kinora accept` and `kinora reject` say.
//!
//! What never lives here: recording it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::phrase::{count, plain};
use crate::ledger::{Said, Unsaid, Verdict};

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const WORDS_FORMAT: &str = "1.0";

/// What was said, job by job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WordsReport {
    /// Version of this form.
    pub format_version: String,
    /// Of how many jobs something is said now, or was before.
    pub said: u64,
    /// Of how many jobs nothing could be said.
    pub passed: u64,
    /// The jobs: those that were named, then those that patterns fit.
    pub jobs: Vec<SaidView>,
}

/// What was said of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaidView {
    /// Address of the job.
    pub job: String,
    /// What rules it now; absent where nothing could be said.
    pub verdict: Option<Verdict>,
    /// Whether another clip is asked for.
    pub retake: bool,
    /// Which attempt of the job it is about, from 1.
    pub attempt: Option<u32>,
    /// That attempt's clip, relative to the workspace; absent where it made none.
    pub clip: Option<String>,
    /// Whether the same was said before, so that nothing was recorded.
    pub before: bool,
    /// Why nothing could be said.
    pub why: Option<String>,
}

impl SaidView {
    /// Of a word that stands.
    pub fn of(job: &str, said: &Said) -> Self {
        SaidView {
            job: job.to_owned(),
            verdict: Some(said.word.verdict),
            retake: said.word.retake,
            attempt: Some(said.word.number),
            clip: said.clip.clone(),
            before: said.before,
            why: None,
        }
    }

    /// Of a job that was passed over.
    pub fn passed(job: &str, why: &Unsaid) -> Self {
        SaidView {
            job: job.to_owned(),
            verdict: None,
            retake: false,
            attempt: None,
            clip: None,
            before: false,
            why: Some(why.to_string()),
        }
    }
}

impl WordsReport {
    /// Of these jobs.
    pub fn new(jobs: Vec<SaidView>) -> Self {
        let said = jobs.iter().filter(|job| job.verdict.is_some()).count() as u64;
        let passed = jobs.len() as u64 - said;
        WordsReport { format_version: WORDS_FORMAT.to_owned(), said, passed, jobs }
    }
}

/// As JSON.
pub fn words_json(report: &WordsReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

/// One line a job, and what to do next.
pub fn words_text(report: &WordsReport) -> String {
    let mut text = String::new();
    for job in &report.jobs {
        let what = match (job.verdict, &job.why) {
            (Some(verdict), _) => {
                let again = if job.before { " already" } else { "" };
                let clip = job.clip.as_deref().map_or_else(
                    || format!("attempt {}, without a clip", job.attempt.unwrap_or_default()),
                    plain,
                );
                format!("{}{again}: {clip}", verdict.as_str())
            }
            (None, why) => format!("passed over: {}", why.as_deref().unwrap_or_default()),
        };
        text.push_str(&format!("{}  {what}\n", plain(&job.job)));
    }
    let retakes = report.jobs.iter().filter(|job| job.retake).count() as u64;
    if retakes > 0 {
        text.push_str(&format!(
            "{} asked for again: `kinora plan` shows what that costs, `kinora approve` approves it\n",
            count(retakes, "clip")
        ));
    }
    text
}

/// The JSON form's schema.
pub fn words_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(WordsReport);
    schema.insert("title".to_owned(), "Kinora accept and reject".into());
    schema.to_value()
}
