//! What looking at clips again came to: what `kinora verify` says.
//!
//! What never lives here: looking at clips, and what is recorded.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Ink, Paper};
use super::phrase::{count, grouped, listed, plain, quoted};
use crate::ledger::ClipVerdict;
use crate::manifest::MIN;
use crate::verification::{Checked, Detail, DetailPart, Outlier, Standing};

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const VERIFY_FORMAT: &str = "1.0";

/// Clips that are printed, worst first.
const SHOWN: usize = 60;
/// Parts and notes of one clip that are printed.
const SAID: usize = 4;

/// What looking at clips came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    /// Version of this form.
    pub format_version: String,
    /// The manifest as the command line names it.
    pub manifest: String,
    /// How many clips came to what.
    pub counts: VerifyCounts,
    /// The clips, worst first.
    pub clips: Vec<VerifiedClip>,
    /// Clips that are unlike the others of their subject.
    pub outliers: Vec<Outlier>,
}

/// How many clips came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyCounts {
    /// They show something else than their references.
    pub fail: u64,
    /// They could not be looked at.
    pub not_inspected: u64,
    /// A person is to look.
    pub review: u64,
    /// They show what their references show.
    pub pass: u64,
    /// A person accepted them, whatever the verdict; counted there, too.
    pub accepted: u64,
    /// Not looked at: a person rejected every clip of the job.
    pub rejected: u64,
    /// Not looked at: they were made without a picture to hold them against.
    pub without_reference: u64,
    /// Not looked at: they were before, and only new ones were wanted.
    pub before: u64,
}

/// A clip that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedClip {
    /// Address of its job.
    pub job: String,
    /// Which attempt of the job made it, from 1.
    pub attempt: u32,
    /// Its file, relative to the workspace.
    pub clip: String,
    /// What it means.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not inspected.
    pub score: Option<u8>,
    /// What measured it.
    pub measure: String,
    /// Whether the check is in the ledger now.
    pub recorded: bool,
    /// Whether another clip is asked for already.
    pub retake: bool,
    /// Who accepted it, which outranks the verdict.
    pub accepted_by: Option<String>,
    /// What was found.
    pub detail: Detail,
}

impl VerifiedClip {
    fn of(checked: Checked) -> Self {
        let Checked { attempt, looked, recorded, retake, accepted_by, .. } = checked;
        VerifiedClip {
            job: attempt.address.to_string(),
            attempt: attempt.number,
            clip: attempt.clip.map(|clip| clip.path).unwrap_or_default(),
            verdict: looked.verdict,
            score: looked.score,
            measure: looked.measure,
            recorded,
            retake,
            accepted_by,
            detail: looked.detail,
        }
    }

    /// Whether a person should do something about it.
    fn is_bad(&self) -> bool {
        let bad = matches!(self.verdict, ClipVerdict::Fail | ClipVerdict::NotInspected);
        bad && self.accepted_by.is_none()
    }
}

impl VerifyReport {
    /// Of clips that were looked at.
    pub fn new(
        manifest: &str,
        standing: &Standing,
        checked: Vec<Checked>,
        outliers: Vec<Outlier>,
    ) -> Self {
        let mut clips: Vec<VerifiedClip> = checked.into_iter().map(VerifiedClip::of).collect();
        // What is rejected or accepted is done with; a stable sort keeps the order of the jobs.
        clips.sort_by_key(|clip| (clip.accepted_by.is_some(), clip.verdict, clip.score));
        let of = |verdict| clips.iter().filter(|clip| clip.verdict == verdict).count() as u64;
        let counts = VerifyCounts {
            fail: of(ClipVerdict::Fail),
            not_inspected: of(ClipVerdict::NotInspected),
            review: of(ClipVerdict::Review),
            pass: of(ClipVerdict::Pass),
            accepted: clips.iter().filter(|clip| clip.accepted_by.is_some()).count() as u64,
            rejected: standing.rejected,
            without_reference: standing.without_reference,
            before: standing.before,
        };
        VerifyReport {
            format_version: VERIFY_FORMAT.to_owned(),
            manifest: manifest.to_owned(),
            counts,
            clips,
            outliers,
        }
    }

    /// Whether some clip fails or could not be looked at, and nobody accepted it.
    pub fn needs_a_person(&self) -> bool {
        self.clips.iter().any(VerifiedClip::is_bad)
    }
}

/// As JSON.
pub fn verify_json(report: &VerifyReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

/// The JSON form's schema.
pub fn verify_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(VerifyReport);
    schema.insert("title".to_owned(), "Kinora verify".into());
    schema.to_value()
}

/// For a terminal: worst first, then how many, then what to do.
pub fn verify_text(report: &VerifyReport, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut lines = Vec::new();
    for clip in report.clips.iter().take(SHOWN) {
        lines.extend(clip_lines(clip, paper));
    }
    let more = report.clips.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("and {} more, none of them worse", grouped(more as u64)));
    }
    if !report.outliers.is_empty() {
        lines.push(String::new());
        lines.push(paper.ink(Ink::Strong, "Unlike the others"));
        for outlier in report.outliers.iter().take(SHOWN) {
            lines.extend(paper.prose("  ", &format!("{}: {}", outlier.job, outlier.said)));
        }
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(paper.prose("", &summary(&report.counts)));
    lines.extend(advice(report, paper));
    lines.join("\n") + "\n"
}

fn word(verdict: ClipVerdict) -> (Ink, &'static str) {
    match verdict {
        ClipVerdict::Fail => (Ink::Bad, "fail"),
        ClipVerdict::NotInspected => (Ink::Bad, "not inspected"),
        ClipVerdict::Review => (Ink::Warn, "review"),
        ClipVerdict::Pass => (Ink::Good, "pass"),
    }
}

fn clip_lines(clip: &VerifiedClip, paper: Paper) -> Vec<String> {
    let (ink, word) = word(clip.verdict);
    let score = clip.score.map(|score| format!("{score:>4}")).unwrap_or_default();
    let head = paper.ink(ink, &format!("{word}{score}"));
    let accepted = clip.accepted_by.as_ref().map(|by| format!("  accepted by {}", plain(by)));
    let mut lines = vec![format!("{head}  {}{}", plain(&clip.job), accepted.unwrap_or_default())];
    if clip.verdict == ClipVerdict::Pass && clip.detail.notes.is_empty() {
        return lines;
    }
    for said in said(&clip.detail).iter().take(SAID) {
        lines.extend(paper.prose("      ", said));
    }
    let shown = clip.detail.evidence.as_ref().unwrap_or(&clip.clip);
    lines.push(paper.ink(Ink::Quiet, &format!("      {}", plain(shown))));
    lines
}

/// What is wrong with a clip, weakest first.
fn said(detail: &Detail) -> Vec<String> {
    let mut parts: Vec<(&str, &DetailPart)> = Vec::new();
    for reference in &detail.references {
        let weak = reference.parts.iter().filter(|part| part.score < MIN);
        parts.extend(weak.map(|part| (reference.name.as_str(), part)));
    }
    parts.sort_by_key(|(_, part)| part.score);
    let of_part = |(name, part): &(&str, &DetailPart)| match part.note.as_str() {
        "" => format!("{name}: {} {}", part.name, part.score),
        note => format!("{name}: {} {}, {note}", part.name, part.score),
    };
    let still = detail.over_time.filter(|time| time.still).map(|_| "nothing moves".to_owned());
    detail.notes.iter().cloned().chain(still).chain(parts.iter().map(of_part)).collect()
}

fn summary(counts: &VerifyCounts) -> String {
    let looked = counts.fail + counts.not_inspected + counts.review + counts.pass;
    let part = |n: u64, word: &str| (n > 0).then(|| format!("{} {word}", grouped(n)));
    let parts: Vec<String> = [
        part(counts.fail, "fail"),
        part(counts.not_inspected, "not inspected"),
        part(counts.review, "review"),
        part(counts.pass, "pass"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut text = match looked {
        0 => "no clip looked at".to_owned(),
        _ => format!("{} looked at: {}", count(looked, "clip"), listed(&parts)),
    };
    let others: Vec<String> = [
        part(counts.before, "looked at before"),
        part(counts.without_reference, "without a picture to be held against"),
        part(counts.rejected, "rejected by a person"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !others.is_empty() {
        text.push_str(&format!("; not looked at: {}", listed(&others)));
    }
    text + "."
}

/// The commands to go on with.
fn advice(report: &VerifyReport, paper: Paper) -> Vec<String> {
    let here = Path::new(&report.manifest).parent().filter(|at| !at.as_os_str().is_empty());
    let manifest =
        here.map_or_else(String::new, |_| format!(" --manifest {}", quoted(&report.manifest)));
    let given = here.map_or_else(String::new, |_| format!(" {}", quoted(&report.manifest)));
    let failing = report.clips.iter().find(|c| c.is_bad() && c.verdict == ClipVerdict::Fail);
    let mut lines = Vec::new();
    if let Some(clip) = failing.filter(|clip| !clip.retake) {
        let job = quoted(&clip.job);
        lines.push(format!("kinora reject{manifest} {job} --retake   asks for another clip"));
        lines.push(format!("kinora accept{manifest} {job}   says that it is as it should be"));
    }
    let to_see = report.counts.fail + report.counts.review > 0;
    if to_see {
        lines.push(format!(
            "kinora report{given} -o report.html   shows each beside its references"
        ));
    }
    lines.iter().flat_map(|line| paper.prose("  ", line)).collect()
}
