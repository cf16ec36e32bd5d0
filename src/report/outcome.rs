//! How an unattended run ended, for programs and whoever is notified, and the lines of its log.
//!
//! What lives here: the types, versioned and schema'd. What never does: sending or writing them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Breach, Changes, FindingOut, OutsidePolicy, PlanSummary, Tally};
use crate::run::{RunEvent, RunSummary};

/// Version of the outcome's form. Readers refuse another major version and ignore fields they
/// don't know.
pub const OUTCOME_FORMAT: &str = "1.0";

/// How an unattended run ended. The same is printed and told by the notification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Outcome of an unattended run")]
pub struct OutcomeJson {
    /// Version of this form.
    pub format_version: String,
    /// A name of this start of the program, by which the same notification is known again.
    pub id: String,
    /// Version of Kinora.
    pub kinora: String,
    /// The manifest's path as given.
    pub manifest: String,
    /// The manifest's name, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the program began.
    pub began: String,
    /// When it ended.
    pub ended: String,
    /// The exit code.
    pub exit: u8,
    /// The same as a word, such as `done` or `approval_needed`.
    pub result: String,
    /// Whether somebody should look: the exit code is not 0.
    pub attention: bool,
    /// What came of it, in a sentence.
    pub message: String,
    /// What a person must do, one thing each.
    pub needs: Vec<String>,
    /// The plan; absent where it did not come to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOutline>,
    /// The approval that it ran under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalOutline>,
    /// Why the plan is outside the standing policy: every reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside_policy: Vec<OutsidePolicy>,
    /// What was made; absent where nothing was dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunSummary>,
    /// Errors of the manifest, feeds, cards and pictures, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FindingOut>,
    /// How many errors there are in all.
    #[serde(default)]
    pub errors_in_all: u64,
}

/// A plan in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanOutline {
    /// Its digest.
    pub plan: String,
    /// What it was narrowed to, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// The workspace's unit.
    pub unit: String,
    /// All its jobs, done or not.
    pub jobs: u64,
    /// Those that a run would start.
    pub to_run: Tally,
    /// How it differs from the ledger.
    pub changes: Changes,
    /// Guardrails that it breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
}

impl PlanOutline {
    /// Of a plan's summary.
    pub fn of(summary: &PlanSummary) -> Self {
        PlanOutline {
            plan: summary.plan.clone(),
            selection: summary.selection.clone(),
            unit: summary.unit.clone(),
            jobs: summary.all.jobs,
            to_run: summary.to_run.clone(),
            changes: summary.changes.clone(),
            breaches: summary.breaches.clone(),
        }
    }
}

/// An approval in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalOutline {
    /// The plan that it names, which may be a larger one.
    pub plan: String,
    /// Who: a name, or `policy FILE:LINE`.
    pub by: String,
    /// How it came about: `person`, `asked`, `yes` or `policy`.
    pub origin: String,
    /// Up to how much, a decimal string.
    pub ceiling: String,
    /// Unit of the ceiling.
    pub unit: String,
    /// From when on it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// One line of an unattended run's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Line of an unattended run's log")]
pub struct LogLine {
    /// When (UTC).
    pub at: String,
    /// The start of the program that wrote it, as in its outcome.
    pub id: String,
    /// What happened.
    #[serde(flatten)]
    pub entry: LogEntry,
}

/// What a log's line tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LogEntry {
    /// A step of the program.
    Own(LogEvent),
    /// An event of the run, as `run --json` prints it.
    Run(RunEvent),
}

/// A step of the program around a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LogEvent {
    /// The program began.
    Begin {
        /// Version of Kinora.
        kinora: String,
        /// The manifest's path as given.
        manifest: String,
        /// Process id.
        process: u32,
    },
    /// It planned.
    Plan {
        /// What.
        #[serde(flatten)]
        plan: Box<PlanOutline>,
    },
    /// The plan is approved.
    Approval {
        /// How.
        #[serde(flatten)]
        approval: ApprovalOutline,
    },
    /// The plan is outside the standing policy.
    Outside {
        /// Every reason.
        reasons: Vec<OutsidePolicy>,
    },
    /// The program ended, but for its notification.
    End {
        /// What is told.
        outcome: Box<OutcomeJson>,
    },
    /// Somebody was told.
    Notified {
        /// Whom: a webhook's host, or a program's name.
        to: String,
        /// Tries that it took.
        tries: u32,
        /// What a command printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
    /// Nobody could be told.
    NotNotified {
        /// Whom: a webhook's host, or a program's name.
        to: String,
        /// Tries that were made.
        tries: u32,
        /// Why the last of them failed.
        why: String,
        /// What a command printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
}

/// The JSON Schema of [`OutcomeJson`].
pub fn outcome_schema() -> serde_json::Value {
    schemars::schema_for!(OutcomeJson).to_value()
}

/// The JSON Schema of [`LogLine`].
pub fn log_schema() -> serde_json::Value {
    schemars::schema_for!(LogLine).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema_file;

    #[test]
    fn the_schemas_that_ship_are_those_of_the_types() {
        schema_file::check("outcome.schema.json", &outcome_schema());
        schema_file::check("log.schema.json", &log_schema());
    }
}
