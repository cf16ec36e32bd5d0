//! How a clip compares with its references, as reports show it.
//!
//! What lives here: the view of a check, its sentence, and the order in which clips are shown.
//! What never does: how a form of report looks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attention::Advice;
use super::model::{JobView, RunReport, RunTotals};
use crate::export::{Weakest, detail_of, verdict_and_score, verdict_word};
use crate::ledger::{Check, ClipVerdict};
use crate::report::phrase::{count, grouped, listed, plain, quoted};
use crate::verification::{self, Detail, Outlier, Sibling, Unlike};

/// Subjects with a clip that is unlike their others are named up to this many.
const FAMILIES: usize = 5;

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
    /// How it is unlike the other clips of its subject, in a sentence without its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlike: Option<String>,
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
            verdict: check.verdict,
            score: check.score,
            weakest: Weakest::of(check.verdict, check.score, &detail),
            unlike: None,
            measure: check.measure.clone(),
            at: check.at,
            detail,
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
        weakest.chain(notes).chain(self.unlike.clone()).collect::<Vec<_>>().join("; ")
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
    clips.retain(|(job, check)| job.wants_a_look(Some(check.verdict)));
    clips
}

/// What looking at all clips came to, in one sentence: `38 clips looked at: 3 fail, 4 to review and
/// 31 pass.`
pub(super) fn verdict(totals: &RunTotals) -> Option<String> {
    let looked_at = totals.looked_at();
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
    (looked_at > 0).then(|| format!("{} looked at: {verdicts}.", count(looked_at, "clip")))
}

/// The clips that are unlike the others of their subject, among those that are listed.
pub(super) fn outliers(jobs: &[JobView]) -> Vec<Outlier> {
    let clips = jobs.iter().filter(|job| job.clip.is_some());
    let siblings = clips.filter_map(|job| {
        let (check, subject) = (job.check.as_ref()?, job.subject.as_deref()?);
        Some(Sibling {
            job: &job.address,
            subject,
            measure: &check.measure,
            score: check.score?,
            references: &check.detail.references,
        })
    });
    verification::outliers(&siblings.collect::<Vec<_>>())
}

/// Of each subject that has such clips, in a sentence without its end: `1 clip of 12 of products.mug
/// shows another colour`.
fn unlike_siblings(report: &RunReport) -> Vec<String> {
    let mut families: BTreeMap<(&str, Unlike), (u64, u32)> = BTreeMap::new();
    for outlier in &report.outliers {
        let family = families.entry((&outlier.subject, outlier.unlike)).or_default();
        *family = (family.0 + 1, family.1.max(outlier.others));
    }
    let said = families.into_iter().map(|((subject, unlike), (clips, others))| {
        let what = match (unlike, clips) {
            (Unlike::Colour, 1) => "shows another colour",
            (Unlike::Colour, _) => "show another colour",
            (Unlike::Score, 1) => "scores far below the others",
            (Unlike::Score, _) => "score far below the others",
        };
        let all = grouped(u64::from(others) + 1);
        format!("{} of {all} of {} {what}", count(clips, "clip"), plain(subject))
    });
    said.collect()
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
    let mut unlike = unlike_siblings(report);
    let more = unlike.len().saturating_sub(FAMILIES) as u64;
    unlike.truncate(FAMILIES);
    said.append(&mut unlike);
    if more > 0 {
        said.push(format!(
            "{} have clips that are unlike their others",
            count(more, "more subject")
        ));
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
        advice.push(Advice::Words(" looks at what was not looked at yet. "));
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
