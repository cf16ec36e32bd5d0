//! The plan's summary: what a budget owner reads before saying yes. Versioned and schema'd.
//!
//! What lives here: its types only. Building it is `plan::build`; showing it is `report`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checked::Checked;
use super::job::Part;
use super::select::quoted;
use crate::channel::Pixels;
use crate::diagnostic::FindingJson;
pub use crate::manifest::Severity;
use crate::models::PriceFrom;

/// Major version of the JSON form. Readers refuse another major version and ignore fields
/// they don't know.
pub const PLAN_FORMAT: &str = "1.1";

/// Amounts as decimal strings by unit: `{"credits": "12.5"}`.
pub type AmountsJson = BTreeMap<String, String>;

/// How a command names a plan, so that what a report says to type means the plan that it shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Named {
    /// By its manifest alone: the whole plan.
    #[default]
    Whole,
    /// By its manifest and the options that narrow it, which begin with a space.
    Narrowed(String),
    /// By its plan file.
    File(String),
}

impl Named {
    /// What a command takes to mean this very plan, where its manifest is this one.
    pub fn target(&self, manifest: &str) -> String {
        match self {
            Named::Whole => quoted(manifest),
            Named::Narrowed(options) => format!("{}{options}", quoted(manifest)),
            Named::File(path) => quoted(path),
        }
    }
}

/// What a plan says in sum.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanSummary {
    /// Version of this form.
    pub format_version: String,
    /// The manifest's name.
    pub name: String,
    /// The manifest's path as given.
    pub manifest: String,
    /// How commands name this plan. It is of the moment, so it is no part of any form.
    #[serde(skip)]
    pub named: Named,
    /// The plan's digest: over the address, fingerprint and estimate of every job.
    pub plan: String,
    /// The workspace's unit.
    pub unit: String,
    /// Every job of the plan, done or not.
    pub all: Tally,
    /// The jobs that a run would start now.
    pub to_run: Tally,
    /// Why some of those are not compared with the text route.
    #[serde(default)]
    pub not_compared: NotCompared,
    /// How the plan differs from the ledger.
    pub changes: Changes,
    /// Totals of the jobs that a run would start, by shot in the manifest's order.
    pub by_shot: Vec<Group>,
    /// … by set of subjects, in the manifest's order; `none` for shots without a subject.
    #[serde(default)]
    pub by_set: Vec<Group>,
    /// … by subject (`set.id`): the dearest, dearest first.
    #[serde(default)]
    pub by_subject: Vec<Group>,
    /// How many subjects have jobs that a run would start.
    #[serde(default)]
    pub subjects: u64,
    /// … by model.
    pub by_model: Vec<Group>,
    /// … by provider.
    #[serde(default)]
    pub by_provider: Vec<Group>,
    /// … by route.
    pub by_route: Vec<Group>,
    /// … by kind of subject (`none` for shots without one).
    pub by_kind: Vec<Group>,
    /// The same jobs in parts that don't overlap, for cost accounting: each is of one set of
    /// subjects and of one model. They sum to `to_run`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finance: Vec<FinanceLine>,
    /// How the clips of those jobs are held against their references, by where that is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<Checked>,
    /// Models that were chosen where the manifest says `auto`, in the manifest's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Clips for one channel that serve another too, and what making them once would save; of the
    /// whole plan only. No job counts twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crops: Vec<CropSaving>,
    /// Prices that were used, oldest first.
    pub prices: Vec<PriceUsed>,
    /// The dearest jobs that a run would start, dearest first.
    #[serde(default)]
    pub dearest: Vec<DearJob>,
    /// The job that costs most if every retake that its check may ask for is made, with that sum as
    /// its estimate; absent where that is no more than the dearest costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dearest_with_retakes: Option<DearJob>,
    /// How long a run is expected to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_time: Option<WallTime>,
    /// What earlier jobs cost against their estimates, by model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actuals: Vec<Actual>,
    /// Budgets that bear on this plan, with what is left of them.
    pub budgets: Vec<BudgetLine>,
    /// Guardrails that the plan breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
    /// What the plan was narrowed to, in words, where the command line narrowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// How it differs from the plan approved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_approval: Option<Comparison>,
    /// The approval in force for this plan, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalLine>,
    /// Pictures that were probed.
    pub pictures: PictureTally,
    /// Warnings and advice.
    pub findings: Vec<FindingOut>,
    /// Findings left out of `findings`, by code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings_left_out: BTreeMap<String, usize>,
}

/// A finding inside a summary (read back from a cached plan as well as written).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingOut {
    /// Stable code.
    pub code: String,
    /// `error`, `warning` or `advice`.
    pub severity: crate::diagnostic::Severity,
    /// What.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// `file:line:column`, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl From<FindingJson> for FindingOut {
    fn from(f: FindingJson) -> Self {
        let at = f.place.map(|p| format!("{}:{}:{}", p.file, p.line, p.column));
        FindingOut { code: f.code, severity: f.severity, message: f.message, help: f.help, at }
    }
}

/// Jobs and their cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Jobs.
    pub jobs: u64,
    /// Seconds of clip, as a decimal string.
    pub seconds: String,
    /// Expected cost of the priced ones, by unit: what is reserved for one attempt of each.
    pub estimate: AmountsJson,
    /// The least that they may cost.
    #[serde(default)]
    pub low: AmountsJson,
    /// The most: every retry that may be charged is charged, and every retake that a clip's check may
    /// ask for is made.
    #[serde(default)]
    pub high: AmountsJson,
    /// What is expected to be paid if every retake that a clip's check may ask for is made: up to that
    /// an approval goes by default. Absent where no clip may be made again.
    #[serde(default, skip_serializing_if = "AmountsJson::is_empty")]
    pub with_retakes: AmountsJson,
    /// What the same clips would cost by the text route, over those jobs where both are known.
    pub as_text: AmountsJson,
    /// What entering by pictures adds to the price, over those jobs where both are known.
    pub image_extra: AmountsJson,
    /// Over how many jobs `as_text` and `image_extra` are.
    #[serde(default)]
    pub compared: u64,
    /// Jobs whose price is not known; not in `estimate`.
    pub unpriced: u64,
}

/// Priced jobs of which nobody knows what they would cost by text: those that are not in
/// `compared`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    /// Their model has no text route.
    pub no_text_route: u64,
    /// Their model has one, at a price that is not known.
    pub text_unpriced: u64,
}

/// A named part of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its jobs and cost.
    #[serde(flatten)]
    pub tally: Tally,
}

/// The jobs of one set of subjects by one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FinanceLine {
    /// Set of subjects; `none` for shots without a subject.
    pub set: String,
    /// What the set's subjects are; `none` without one.
    pub kind: String,
    /// Provider.
    pub provider: String,
    /// Model.
    pub model: String,
    /// Jobs and cost.
    #[serde(flatten)]
    pub tally: Tally,
}

/// The plan against the ledger.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// Jobs that the ledger has never seen.
    pub new: u64,
    /// Jobs that were made, but of another request.
    pub changed: u64,
    /// What changed in them; one job may count under several parts.
    pub changed_by: BTreeMap<Part, u64>,
    /// Jobs whose clip is there.
    pub done: u64,
    /// Jobs that a provider has, or whose clip waits to be fetched.
    pub in_flight: u64,
    /// Jobs that failed, were refused or lost, and would be tried again.
    pub to_retry: u64,
    /// Jobs whose submission has an unknown outcome; they wait for a person.
    pub unknown: u64,
    /// Jobs of the ledger that the manifest doesn't ask for any more.
    pub orphaned: u64,
    /// Some of those, by address.
    pub orphaned_examples: Vec<String>,
}

/// Clips for one channel that serve another one too, as they are or cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CropSaving {
    /// The shot.
    pub shot: String,
    /// The channel whose jobs could be left out.
    pub channel: String,
    /// The channel whose clips serve.
    pub from: String,
    /// Pixels of those clips.
    pub size: Pixels,
    /// Pixels that stay of them; the same where nothing is cut.
    pub stays: Pixels,
    /// Jobs that a run would start now and that could be left out.
    pub jobs: u64,
    /// What they are expected to cost, as far as that is known.
    #[schemars(with = "String")]
    #[serde(with = "rust_decimal::serde::str")]
    pub saves: Decimal,
    /// Those of the jobs whose price is not known.
    #[serde(default)]
    pub unpriced: u64,
    /// The workspace's unit.
    pub unit: String,
}

/// The model that was chosen for one variant of a shot whose manifest says `auto`: the cheapest,
/// over all its jobs, that can make every one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// Shot.
    pub shot: String,
    /// The variant as in addresses; absent for a shot without axes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Unit of all prices here.
    pub unit: String,
    /// What was chosen.
    pub chosen: Offer,
    /// What came second; absent where no other model can make all the jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Offer>,
    /// Models that the wishes, the settings and the keys at hand left to choose from.
    pub candidates: u64,
    /// How many of those cost more than the second.
    pub dearer: u64,
    /// Models that the wishes let in by name and that can't be chosen, each with the first
    /// reason.
    pub fell_out: Vec<FellOut>,
}

/// What a model asks for the jobs of one variant, as decimal strings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Model.
    pub model: String,
    /// The cheapest clip.
    pub least: String,
    /// The dearest clip.
    pub most: String,
    /// All jobs of the variant, done or not.
    pub sum: String,
}

/// A model that could not be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FellOut {
    /// Model.
    pub model: String,
    /// Why.
    pub why: String,
}

/// A price list that the plan used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceUsed {
    /// Model.
    pub model: String,
    /// Unit on its card.
    pub unit: String,
    /// The day on which it was true.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
    /// Whether it is from the model's card or from the workspace's price file.
    #[serde(default)]
    pub from: PriceFrom,
    /// The last day on which it holds, where the list says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// What one of `unit` is in the workspace's unit, a decimal string; absent where they are the
    /// same, and where no rate is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The day on which that rate was true, where the manifest or a card says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_as_of: Option<String>,
}

/// A job that is dear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DearJob {
    /// Address.
    pub address: String,
    /// Model.
    pub model: String,
    /// Route.
    pub route: crate::models::Route,
    /// Expected cost, a decimal string in the workspace's unit.
    pub estimate: String,
}

/// How long a run is expected to take, by typical durations and what may be in flight at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WallTime {
    /// Seconds; 0 where it is not known of any job.
    pub seconds: u64,
    /// Model whose jobs take longest; empty where it is not known of any.
    pub slowest: String,
    /// Jobs whose typical duration was measured: by what the ledger's latest clips took.
    #[serde(default)]
    pub measured: u64,
    /// Jobs whose typical duration nobody knows; not in `seconds`.
    pub unknown: u64,
}

/// What finished jobs of one model cost against their estimates; only those whose provider said
/// what it charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actual {
    /// Model.
    pub model: String,
    /// Attempts.
    pub attempts: u64,
    /// Sum of their estimates, a decimal string in the workspace's unit.
    pub estimated: String,
    /// Sum of what was charged.
    pub charged: String,
    /// `(charged - estimated) / estimated` in percent, one decimal; absent where the estimate is
    /// zero.
    pub error_percent: Option<String>,
}

/// A guardrail that is broken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Breach {
    /// The rule's key below `guardrails`, such as `max_total`.
    pub rule: String,
    /// How serious it is.
    pub severity: Severity,
    /// What was found and what is allowed, in one sentence.
    pub message: String,
    /// Where the rule stands: `file:line:column`.
    pub at: String,
    /// Jobs that it concerns; absent where it is about the plan as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// Some of those, or of the subjects or models that it concerns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// One plan against an earlier one, over the jobs that a run would start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Digest of the earlier plan.
    pub with: String,
    /// What that is, in words: `the plan that ana approved on 2026-11-20`, or a file's name.
    pub label: String,
    /// Jobs of the earlier plan.
    pub jobs_before: u64,
    /// Jobs of this one.
    pub jobs_now: u64,
    /// Expected cost of the earlier plan, by unit.
    pub total_before: AmountsJson,
    /// Expected cost of this one.
    pub total_now: AmountsJson,
    /// The earlier plan's with every retake that a clip's check may ask for; absent, as the next, where
    /// neither plan has any.
    #[serde(default, skip_serializing_if = "AmountsJson::is_empty")]
    pub with_retakes_before: AmountsJson,
    /// This one's.
    #[serde(default, skip_serializing_if = "AmountsJson::is_empty")]
    pub with_retakes_now: AmountsJson,
    /// The increase in percent, one decimal, below zero for a decrease; absent where the earlier
    /// plan cost nothing or the units differ.
    pub increase_percent: Option<String>,
    /// Jobs that only this one has.
    pub added: u64,
    /// Jobs that only the earlier one has.
    pub removed: u64,
    /// Jobs of the earlier plan that this one has too, and that a run would not start any more:
    /// made since, or in flight.
    #[serde(default)]
    pub made: u64,
    /// Jobs of both whose request differs.
    pub changed: u64,
    /// Jobs of both, with the same request, that cost more now.
    pub dearer: u64,
    /// … that cost less now.
    pub cheaper: u64,
    /// Jobs of both that are the same in all.
    pub same: u64,
    /// Some of the differences, those that cost most first.
    pub examples: Vec<JobDifference>,
}

/// How one job differs between two plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobDifference {
    /// Address.
    pub address: String,
    /// `added`, `removed`, `changed`, `dearer` or `cheaper`.
    pub difference: String,
    /// What changed in its request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Part>,
    /// Its expected cost before; absent where it was not there, or unpriced.
    pub before: Option<String>,
    /// Its expected cost now.
    pub now: Option<String>,
}

/// A budget and what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetLine {
    /// `per_run`, `per_job`, `per_day` or `per_month`; of a model, provider or account the key
    /// below `budget`, such as `models.fal/x.per_day`.
    pub name: String,
    /// The limit.
    pub limit: String,
    /// Spent, reserved and unknown so far in its period.
    pub used: String,
    /// Whether the plan fits what is left.
    pub fits: bool,
}

/// An approval in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalLine {
    /// Its number in the ledger.
    #[serde(default)]
    pub id: i64,
    /// Who.
    pub by: String,
    /// When.
    pub at: String,
    /// Up to how much, with its unit: `10.5 USD`.
    pub ceiling: String,
    /// From when on it holds no more; absent: it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Digest of the plan that it names, where that is another one which covers this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<String>,
    /// Whether it is signed.
    #[serde(default)]
    pub signed: bool,
}

/// Pictures of the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PictureTally {
    /// Different files.
    pub files: u64,
    /// Read now.
    pub probed: u64,
    /// Known from the ledger's cache.
    pub cached: u64,
}

/// How one job stands against the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// Never seen.
    New,
    /// Made of another request.
    Changed {
        /// What changed.
        why: Vec<Part>,
    },
    /// The clip is there.
    Done,
    /// A provider has it, or its clip waits.
    InFlight,
    /// Failed, refused or lost; would be tried again.
    Retry,
    /// Unknown outcome; waits for a person.
    Unknown,
}

impl Change {
    /// Whether a run would start it now.
    pub fn runs(&self) -> bool {
        matches!(self, Change::New | Change::Changed { .. } | Change::Retry)
    }
}
