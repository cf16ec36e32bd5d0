//! How a clip compares with its references, as reports show it.
//!
//! What lives here: the view of a check, its sentence, and the order in which clips are shown.
//! What never does: how a form of report looks.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attention::Advice;
use super::model::{JobView, RunReport, RunTotals};
use crate::export::{Weakest, detail_of, verdict_and_score, verdict_word};
use crate::ledger::{Check, ClipVerdict};
use crate::report::phrase::{count, grouped, listed, quoted};
use crate::verification::Detail;

/// What looking at a clip came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckView {
    /// Under the thresholds of the manifest.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent exactly where it was not inspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// What of it is least like its references; absent where nothing is short of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weakest: Option<Weakest>,
    /// How it stands out among the clips of its subject, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier: Option<String>,
    /// What measured it, with its version: scores of different measures are not compared.
    pub measure: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The rest.
    #[serde(flatten)]
    pub detail: Detail,
}

impl CheckView {
    /// Of a check in the ledger.
    pub fn of(check: &Check) -> Self {
        let detail = detail_of(check);
        CheckView {
            weakest: Weakest::of(check.verdict, check.score, &detail),
            detail,
            ..Self::in_short(check)
        }
    }

    /// Of a check in the ledger, without all that takes reading its detail.
    pub fn in_short(check: &Check) -> Self {
        CheckView {
            verdict: check.verdict,
            score: check.score,
            weakest: None,
            outlier: None,
            measure: check.measure.clone(),
            at: check.at,
            detail: Detail::default(),
        }
    }

    /// Verdict and score, for people: `fail 41`, `not inspected`.
    pub fn short(&self) -> String {
        verdict_and_score(self.verdict, self.score)
    }

    /// Why, in a sentence without its end; empty where there is nothing to say.
    pub fn why(&self) -> String {
        let weakest = self.weakest.iter().map(Weakest::said);
        let notes = self.detail.notes.iter().cloned();
        weakest.chain(notes).chain(self.outlier.clone()).collect::<Vec<_>>().join("; ")
    }

    /// What is weakest, in few words, or nothing.
    pub(super) fn weakest_name(&self) -> String {
        self.weakest.as_ref().map(Weakest::name).unwrap_or_default()
    }

    /// What was found there; where it was not inspected, why.
    pub(super) fn weakest_note(&self) -> String {
        match &self.weakest {
            Some(weakest) => weakest.note.clone(),
            None => self.detail.notes.join("; "),
        }
    }

    /// Worst first.
    fn rank(&self) -> (ClipVerdict, u8) {
        (self.verdict, self.score.unwrap_or_default())
    }
}

/// How pressing the look of a job's clip is, the lowest first; those without a check come last.
pub(super) fn rank(job: &JobView) -> (ClipVerdict, u8) {
    job.check.as_ref().map_or((ClipVerdict::Pass, u8::MAX), CheckView::rank)
}

/// The clips that were held against their references, worst first.
pub(super) fn worst_first(report: &RunReport) -> Vec<(&JobView, &CheckView)> {
    let checked = report.jobs.iter().filter(|job| job.clip.is_some());
    let checked = checked.filter_map(|job| Some((job, job.check.as_ref()?)));
    let mut checked: Vec<_> = checked.collect();
    checked.sort_by_key(|(_, check)| check.rank());
    checked
}

/// The clips that a person should look at, worst first, those without a word of anybody.
pub(super) fn to_look_at(report: &RunReport) -> Vec<(&JobView, &CheckView)> {
    let mut clips = worst_first(report);
    clips.retain(|(job, _)| job.wants_a_look());
    clips
}

/// What looking at all clips came to, in one sentence: `38 clips held against their references: 3
/// fail, 4 to review, 31 pass.`
pub(super) fn verdict(totals: &RunTotals) -> Option<String> {
    let mut said = Vec::new();
    let looked_at = totals.looked_at();
    if looked_at > 0 {
        let verdicts = totals.by_verdict.iter().map(|(verdict, clips)| {
            let word = match (verdict, clips) {
                (ClipVerdict::Review, _) => "to review",
                (ClipVerdict::Fail, 1) => "fails",
                (ClipVerdict::Pass, 1) => "passes",
                (other, _) => verdict_word(*other),
            };
            format!("{} {word}", grouped(*clips))
        });
        let verdicts = listed(&verdicts.collect::<Vec<_>>());
        said.push(format!(
            "{} held against their references: {verdicts}",
            count(looked_at, "clip")
        ));
    }
    if totals.retaken > 0 {
        said.push(format!("{} made again", count(totals.retaken, "clip")));
    }
    (!said.is_empty()).then(|| format!("{}.", said.join("; ")))
}

/// What is still to be said of all clips, each in a sentence: what shops don't get, and what was
/// not looked at.
pub(super) fn remarks(report: &RunReport) -> Vec<String> {
    let t = &report.totals;
    let mut said = Vec::new();
    if t.held > 0 {
        let (is, it) = if t.held == 1 { ("is", "it") } else { ("are", "them") };
        said.push(format!(
            "{} {is} kept from shops until a person accepts {it}",
            count(t.held, "failing clip")
        ));
    }
    if t.unlooked > 0 {
        let was = if t.unlooked == 1 { "was" } else { "were" };
        said.push(format!("{} {was} not looked at yet", count(t.unlooked, "clip")));
    }
    said
}

/// What a person can do about clips that don't pass, or were not looked at.
pub(super) fn advice(report: &RunReport) -> Vec<Advice> {
    let t = &report.totals;
    let given = quoted(&report.manifest);
    let mut advice = Vec::new();
    if t.unlooked > 0 {
        advice.push(Advice::Command(format!("kinora verify {given}")));
        advice.push(Advice::Words(" looks at those that were not looked at. "));
    }
    if t.looked_at() > t.with_verdict(ClipVerdict::Pass) {
        let there = match report.manifest.as_str() {
            "." | "kinora.yaml" => String::new(),
            _ => format!(" --manifest {given}"),
        };
        advice.push(Advice::Command(format!("kinora accept JOB{there}")));
        advice.push(Advice::Words(" lets a clip stand, whatever its score; "));
        advice.push(Advice::Command(format!("kinora reject JOB --retake{there}")));
        advice.push(Advice::Words(" asks for another."));
    }
    advice
}
