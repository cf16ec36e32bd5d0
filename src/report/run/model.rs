//! What was made, as reports show it. Versioned and schema'd.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{self, CheckView};
use crate::export::is_held;
use crate::ledger::{AttemptRecord, Basis, Check, ClipVerdict, JobState, Verdict, Word, Words};
use crate::manifest::{OnFail, Role};
use crate::models::Route;
use crate::plan::{Actual, Request};
use crate::providers::{AttemptKey, RemoteId};
use crate::run::resolve::PARKED_AFTER;
use crate::verification::Outlier;

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const REPORT_FORMAT: &str = "1.2";

/// What the ledger says was made, tried and spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// Version of this form.
    pub format_version: String,
    /// The manifest's name.
    pub name: String,
    /// When the report was made.
    #[schemars(with = "String")]
    pub generated: Timestamp,
    /// The manifest as the command line names it, for commands that follow.
    #[serde(default = "here")]
    pub manifest: String,
    /// The workspace's unit; all amounts of the report count it.
    pub unit: String,
    /// Sums over all jobs, listed or not.
    pub totals: RunTotals,
    /// The jobs, in the order of the ledger.
    pub jobs: Vec<JobView>,
    /// Jobs that count in `totals` but are not listed.
    #[serde(default)]
    pub jobs_omitted: u64,
    /// Whether the provider of a submission of unknown outcome keeps a list that can be asked.
    #[serde(default)]
    pub lookup: bool,
    /// Clips that are unlike the others of their subject, among the jobs that are listed.
    #[serde(default)]
    pub outliers: Vec<Outlier>,
    /// What finished attempts cost against their estimates, by model; only those whose provider
    /// said what it charged. Attempts that were tried again since are among them.
    #[serde(default)]
    pub actuals: Vec<Actual>,
}

/// Sums over the jobs of a report; money also over their earlier attempts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunTotals {
    /// Jobs.
    pub jobs: u64,
    /// Jobs by state; a state without jobs is absent.
    pub by_state: BTreeMap<JobState, u64>,
    /// Length of the finished clips in milliseconds.
    pub duration_ms: u64,
    /// Bytes of the finished clips.
    pub bytes: u64,
    /// Settled by all attempts ever made, those that were tried again among them: surely spent.
    #[schemars(with = "String")]
    pub spent: Decimal,
    /// Reserved for jobs under way.
    #[schemars(with = "String")]
    pub reserved: Decimal,
    /// Reserved for submissions of unknown outcome; not in `reserved`.
    #[schemars(with = "String")]
    pub unknown: Decimal,
    /// Settled for clips that were gone before they were fetched; in `spent` too.
    #[serde(default)]
    #[schemars(with = "String")]
    pub lost: Decimal,
    /// Jobs whose unknown outcome was written off and that were not submitted again since; among
    /// those that are `lost`.
    #[serde(default)]
    pub written_off_jobs: u64,
    /// What counts as spent for `written_off_jobs`; in `written_off` too.
    #[serde(default)]
    #[schemars(with = "String")]
    pub written_off_lost: Decimal,
    /// What counts as spent for all outcomes that were ever written off; in `spent` too.
    #[serde(default)]
    #[schemars(with = "String")]
    pub written_off: Decimal,
    /// Jobs that were in flight at several crashes in a row: runs take them up last and alone.
    #[serde(default)]
    pub parked: u64,
    /// Finished clips that are not what their channels ask.
    #[serde(default)]
    pub unsuited: u64,
    /// Finished clips that a person accepted.
    #[serde(default)]
    pub accepted: u64,
    /// Finished clips that a person rejected: no shop gets them.
    #[serde(default)]
    pub rejected: u64,
    /// Jobs of which a person asks for another clip: the next plan has them.
    #[serde(default)]
    pub retakes: u64,
    /// Finished clips that were held against their references, by verdict; a verdict without
    /// clips is absent.
    #[serde(default)]
    pub by_verdict: BTreeMap<ClipVerdict, u64>,
    /// Those among them that do not pass, and of which no person spoke yet.
    #[serde(default)]
    pub to_look_at: u64,
    /// Finished clips that are to be held against their references and were not yet.
    #[serde(default)]
    pub unlooked: u64,
    /// Finished clips that no shop gets until a person accepts them: they fail.
    #[serde(default)]
    pub held: u64,
}

/// The folder in which the reader is.
fn here() -> String {
    ".".to_owned()
}

/// One job with its latest attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// Address.
    pub address: String,
    /// `set.id` of the subject, if any.
    pub subject: Option<String>,
    /// Shot.
    pub shot: String,
    /// Variant, `axis=value,…`; absent when the shot has none.
    pub variant: Option<String>,
    /// Take, from 1.
    pub take: u32,
    /// Where the job is in its life.
    pub state: JobState,
    /// Model.
    pub model: String,
    /// Provider.
    pub provider: String,
    /// Route.
    pub route: Route,
    /// Prompt as sent.
    pub prompt: String,
    /// Negative prompt as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Settings.
    pub settings: SettingsView,
    /// Pictures, in the order in which the model got them.
    pub references: Vec<ReferenceView>,
    /// The clip, once done.
    pub clip: Option<ClipView>,
    /// The channel that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// What its clip lacks for the channel; empty where it suits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsuited: Vec<String>,
    /// What it cost; absent while its attempt is open.
    #[schemars(with = "Option<String>")]
    pub cost: Option<Decimal>,
    /// Who says what it cost; absent before it is settled.
    #[serde(default)]
    pub basis: Option<Basis>,
    /// What is reserved for it; absent once settled or released.
    #[schemars(with = "Option<String>")]
    pub reserved: Option<Decimal>,
    /// What it was expected to cost; absent when that is not known.
    #[schemars(with = "Option<String>")]
    pub estimate: Option<Decimal>,
    /// Which attempt of the job this is, from 1.
    pub attempt: u32,
    /// Why it was refused, failed or is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The provider's id of it, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// The name of its attempt towards the provider, while it is not known whether it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many processes stopped while its attempt was open.
    #[serde(default)]
    pub interruptions: u32,
    /// Whether its outcome stayed unknown and counts as spent.
    #[serde(default)]
    pub written_off: bool,
    /// What a person said last of the clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<WordView>,
    /// What becomes of its clip if that fails beside its references; absent where it is not held
    /// against them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_fail: Option<OnFail>,
    /// How the clip compares with its references; absent before it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckView>,
    /// How often another clip of the same was asked for and begun.
    #[serde(default)]
    pub retakes: u32,
    /// When its attempt began.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// When its state last changed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub updated: Option<Timestamp>,
    /// When it ended; absent while it is open.
    #[schemars(with = "Option<String>")]
    pub finished: Option<Timestamp>,
}

/// What a person said of a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WordView {
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// Whether another clip is asked for, and not begun yet.
    #[serde(default)]
    pub retake: bool,
    /// Who.
    pub by: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

impl WordView {
    /// Of a word in the ledger.
    pub fn of(word: &Word) -> Self {
        let Word { verdict, retake, by, note, at, .. } = word.clone();
        WordView { verdict, retake, by, note, at }
    }

    /// In short, for tables.
    pub fn short(&self) -> &'static str {
        match (self.verdict, self.retake) {
            (Verdict::Accepted, _) => "accepted",
            (Verdict::Rejected, false) => "rejected",
            (Verdict::Rejected, true) => "rejected, another asked for",
        }
    }
}

/// Settings of a job, all decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsView {
    /// Seconds asked for.
    #[schemars(with = "String")]
    pub duration: Decimal,
    /// `W:H`.
    pub aspect: String,
    /// Name of the resolution.
    pub resolution: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second; absent when the model decides.
    pub fps: Option<u32>,
    /// Seed; absent when the model takes none.
    pub seed: Option<u64>,
}

/// One picture of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceView {
    /// Name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Path relative to the workspace.
    pub path: String,
    /// URL that it was fetched from, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A small JPEG of it as a `data:` address; the HTML report makes those that are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
}

/// A finished clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClipView {
    /// Path relative to the workspace.
    pub path: String,
    /// Path of its poster picture, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<String>,
    /// Bytes.
    pub bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// BLAKE3 digest of its bytes, 64 hex digits.
    pub digest: String,
}

impl RunReport {
    /// A report without jobs, made at `generated`; amounts count `unit`.
    pub fn new(name: &str, unit: &str, generated: Timestamp) -> Self {
        RunReport {
            format_version: REPORT_FORMAT.to_owned(),
            name: name.to_owned(),
            generated,
            manifest: here(),
            unit: unit.to_owned(),
            totals: RunTotals::default(),
            jobs: Vec::new(),
            jobs_omitted: 0,
            lookup: false,
            outliers: Vec::new(),
            actuals: Vec::new(),
        }
    }

    /// Adds a job and counts it.
    pub fn add(&mut self, job: JobView) {
        self.totals.count(&job, job.verdict());
        self.jobs.push(job);
    }

    /// Counts a job without listing it, for reports that list only some; of its check, the verdict
    /// is enough.
    pub fn omit(&mut self, job: &JobView, verdict: Option<ClipVerdict>) {
        self.totals.count(job, verdict);
        self.jobs_omitted += 1;
    }

    /// Finds the clips that are unlike the others of their subject, once every job is listed.
    pub fn find_outliers(&mut self) {
        self.outliers = check::outliers(&self.jobs);
        // Of a clip that is unlike in two ways the first counts, which is its colour.
        let said = self.outliers.iter().rev().map(|found| (found.job.as_str(), &found.said));
        let said: BTreeMap<&str, &String> = said.collect();
        for job in &mut self.jobs {
            if let Some(check) = &mut job.check {
                check.unlike = said.get(job.address.as_str()).map(|said| (*said).clone());
            }
        }
    }

    /// Brings the sums of money from the latest attempt of every job to all attempts ever made,
    /// once every job is counted: `held` and `written_off` are the ledger's own totals.
    pub fn add_earlier_attempts(&mut self, held: Decimal, written_off: Decimal) {
        let t = &mut self.totals;
        // Only a latest attempt can be open, so all else that is held was settled. While a run
        // writes, the totals may be a moment older than the jobs.
        t.spent = t.spent.max(held - t.reserved - t.unknown);
        t.written_off = t.written_off.max(written_off);
    }
}

impl RunTotals {
    fn count(&mut self, job: &JobView, verdict: Option<ClipVerdict>) {
        self.jobs += 1;
        *self.by_state.entry(job.state).or_default() += 1;
        if let (JobState::Done, Some(clip)) = (job.state, &job.clip) {
            self.duration_ms += clip.duration_ms;
            self.bytes += clip.bytes;
        }
        self.spent += job.cost.unwrap_or_default();
        self.parked += u64::from(job.is_parked());
        self.unsuited += u64::from(job.is_unsuited());
        if let Some(word) = &job.word {
            let of = match word.verdict {
                Verdict::Accepted => &mut self.accepted,
                Verdict::Rejected => &mut self.rejected,
            };
            *of += u64::from(job.state == JobState::Done);
            self.retakes += u64::from(word.retake);
        }
        self.count_check(job, verdict);
        let cost = job.cost.unwrap_or_default();
        match job.state {
            JobState::Lost if job.written_off => {
                self.written_off_jobs += 1;
                self.written_off_lost += cost;
                self.written_off += cost;
            }
            JobState::Lost => self.lost += cost,
            _ => {}
        }
        let reserved = job.reserved.unwrap_or_default();
        match job.state {
            JobState::Unknown => self.unknown += reserved,
            _ => self.reserved += reserved,
        }
    }

    fn count_check(&mut self, job: &JobView, verdict: Option<ClipVerdict>) {
        if job.clip.is_none() || job.state != JobState::Done {
            return;
        }
        match verdict {
            Some(verdict) => *self.by_verdict.entry(verdict).or_default() += 1,
            None => self.unlooked += u64::from(job.on_fail.is_some()),
        }
        self.to_look_at += u64::from(job.wants_a_look(verdict));
        self.held += u64::from(job.is_held(verdict));
    }

    /// Clips with a verdict.
    pub fn with_verdict(&self, verdict: ClipVerdict) -> u64 {
        self.by_verdict.get(&verdict).copied().unwrap_or_default()
    }

    /// Clips that were held against their references, or could not be.
    pub fn looked_at(&self) -> u64 {
        self.by_verdict.values().sum()
    }

    /// Jobs in one state.
    pub fn in_state(&self, state: JobState) -> u64 {
        self.by_state.get(&state).copied().unwrap_or_default()
    }
}

impl JobView {
    /// Whether runs take it up last and alone.
    pub fn is_parked(&self) -> bool {
        let at_provider = self.state.is_open() && self.state != JobState::Unknown;
        at_provider && self.interruptions >= PARKED_AFTER
    }

    /// Whether its clip is there and is not what its channel asks.
    pub fn is_unsuited(&self) -> bool {
        self.state == JobState::Done && !self.unsuited.is_empty()
    }

    /// With what was said of its attempt's own clip, whatever rules the job.
    pub fn with_word(mut self, word: Option<&Word>) -> Self {
        self.word = word.map(WordView::of);
        self
    }

    /// With the words that were said.
    pub fn with_words(mut self, attempt: &AttemptRecord, words: &Words) -> Self {
        // One that rules a job asks for what was not begun yet; one of before, for what was.
        let rules = words.of_job(attempt.job).filter(|_| !attempt.state.is_open());
        let mut word = rules.or(words.of_clip(attempt.id)).map(WordView::of);
        if let (Some(word), None) = (&mut word, rules) {
            word.retake = false;
        }
        self.word = word;
        self
    }

    /// With the check of its clip.
    pub fn with_check(mut self, check: Option<&Check>) -> Self {
        self.check = check.map(CheckView::of);
        self
    }

    /// What looking at its clip came to.
    pub fn verdict(&self) -> Option<ClipVerdict> {
        self.check.as_ref().map(|check| check.verdict)
    }

    /// Whether no shop gets its clip, which has this verdict, until a person accepts it.
    pub fn is_held(&self, verdict: Option<ClipVerdict>) -> bool {
        is_held(self.on_fail, verdict, self.word.as_ref().map(|word| word.verdict))
    }

    /// Whether a person should look at its clip, which has this verdict, and nobody spoke of it yet.
    pub fn wants_a_look(&self, verdict: Option<ClipVerdict>) -> bool {
        verdict.is_some_and(|verdict| verdict != ClipVerdict::Pass) && self.word.is_none()
    }

    /// Whether it waits for a person.
    pub fn wants_a_person(&self) -> bool {
        matches!(self.state, JobState::Unknown | JobState::Lost) || self.is_parked()
    }

    /// From the ledger's row; fails when the stored request is damaged. The poster's path is
    /// left open: it lies beside the clip.
    pub fn from_attempt(attempt: &AttemptRecord) -> serde_json::Result<Self> {
        let request: Request = serde_json::from_str(&attempt.request)?;
        let address = attempt.address.as_str();
        let settled = !attempt.state.is_open();
        let held = attempt.reserved.get() > 0;
        let in_doubt = matches!(attempt.state, JobState::Submitting | JobState::Unknown);
        let (number, began) = (attempt.number, attempt.started);
        let key = AttemptKey::of(&attempt.address, &attempt.fingerprint, number, began);
        let asked = request.channel.as_ref().zip(attempt.clip.as_ref());
        let unsuited = asked.map_or_else(Vec::new, |(ask, clip)| ask.missed_by(clip.measures()));
        Ok(JobView {
            channel: request.channel.map(|ask| ask.channel),
            unsuited,
            address: address.to_owned(),
            subject: request.subject,
            shot: request.shot,
            variant: attempt.address.variant().map(str::to_owned),
            take: attempt.address.take(),
            state: attempt.state,
            model: request.model,
            provider: request.provider,
            route: request.route,
            prompt: request.prompt,
            negative_prompt: request.negative_prompt,
            settings: SettingsView {
                duration: request.settings.duration,
                aspect: request.settings.aspect,
                resolution: request.settings.resolution,
                width: request.settings.width,
                height: request.settings.height,
                fps: request.settings.fps,
                seed: request.settings.seed,
            },
            references: request
                .references
                .into_iter()
                .map(|r| ReferenceView {
                    name: r.name,
                    role: r.role,
                    path: r.path,
                    source: r.source,
                    thumbnail: None,
                })
                .collect(),
            clip: attempt.clip.as_ref().map(|c| ClipView {
                path: c.path.clone(),
                poster: None,
                bytes: c.bytes,
                width: c.width,
                height: c.height,
                duration_ms: c.duration_ms,
                digest: c.digest.to_string(),
            }),
            cost: settled.then(|| attempt.settled.to_decimal()),
            basis: attempt.basis,
            reserved: held.then(|| attempt.reserved.to_decimal()),
            estimate: Some(attempt.estimate.to_decimal()),
            attempt: attempt.number,
            message: attempt.message.clone(),
            remote_id: attempt.remote_id.as_deref().map(|id| RemoteId::from_stored(id).id),
            key: in_doubt.then(|| key.as_str().to_owned()),
            interruptions: attempt.interruptions,
            // A clip that was ready once is lost; one that never was has an outcome nobody knows.
            written_off: attempt.state == JobState::Lost && attempt.ready.is_none(),
            word: None,
            on_fail: request.consistency.map(|rule| rule.on_fail),
            check: None,
            retakes: attempt.retake,
            updated: Some(attempt.updated),
            started: Some(attempt.started),
            finished: (!attempt.state.is_open()).then_some(attempt.updated),
        })
    }
}
