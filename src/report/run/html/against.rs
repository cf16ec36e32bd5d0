//! The section that holds clips against their references: worst first, each with the picture that
//! shows what its verdict rests on.
//!
//! What lives here: which clips get a row, whose picture is in the page, and the rows' values.
//! What never does: deciding on a verdict, and making those pictures.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::view::{clean, cleaned, subject, title, values};
use crate::export::{verdict_and_score, verdict_word};
use crate::ledger::{ClipVerdict, Verdict};
use crate::report::phrase::{count, grouped};
use crate::report::run::attention::Advice;
use crate::report::run::check::{self, CheckView};
use crate::report::run::model::{JobView, RunReport, WordView};
use crate::report::run::text::words;
use crate::report::thumbnail::{inside, thumbnail};
use crate::verification::DetailPart;

/// Rows of the section; the cards have every clip's verdict.
const ROWS: usize = 200;
/// Pictures in the page, of the worst clips: some 80 kB each.
const PICTURES: usize = 60;
/// Longest side of such a picture, in pixels: what is written in it can be read.
const SIDE: u32 = 900;

/// The section.
#[derive(Serialize)]
pub(super) struct AgainstView {
    said: Vec<String>,
    advice: Vec<Advice>,
    rows: Vec<RowView>,
    passing: Vec<RowView>,
    passing_said: String,
    left_out_said: Option<String>,
}

/// One clip.
#[derive(Serialize)]
struct RowView {
    index: usize,
    address: String,
    subject: String,
    shot: String,
    title: String,
    which: String,
    verdict: &'static str,
    word_of_verdict: &'static str,
    tone: &'static str,
    score: Option<u8>,
    why: String,
    picture: Option<String>,
    /// Why there is no picture, where there is none.
    without: &'static str,
    groups: Vec<GroupView>,
    spoken: Option<SpokenView>,
    facts: String,
    /// Its card on the page.
    card: Option<usize>,
}

/// A reference, a judge, or what the clip does over time, with its parts.
#[derive(Serialize)]
struct GroupView {
    name: String,
    role: String,
    said: String,
    tone: &'static str,
    parts: Vec<PartView>,
}

#[derive(Serialize)]
struct PartView {
    name: String,
    score: u8,
    note: String,
    /// Whether it is what the sentence names.
    weakest: bool,
}

/// What a person said.
#[derive(Serialize)]
pub(super) struct SpokenView {
    what: &'static str,
    tone: &'static str,
    by: String,
    note: Option<String>,
}

impl SpokenView {
    pub(super) fn of(word: &WordView) -> Self {
        let rejected = word.verdict == Verdict::Rejected;
        SpokenView {
            what: word.short(),
            tone: if rejected { "bad" } else { "good" },
            by: clean(&word.by),
            note: word.note.as_deref().map(clean),
        }
    }
}

/// The colour family of a verdict.
pub(super) fn tone(verdict: ClipVerdict) -> &'static str {
    match verdict {
        ClipVerdict::Fail => "bad",
        ClipVerdict::NotInspected | ClipVerdict::Review => "warn",
        ClipVerdict::Pass => "good",
    }
}

impl AgainstView {
    /// The section of a report whose page has these cards; absent where nothing was looked at nor
    /// is to be. Pictures that can't be read go to `missing`.
    pub(super) fn of(
        report: &RunReport,
        cards: &[&JobView],
        workspace: &Path,
        missing: &mut Vec<String>,
    ) -> Option<Self> {
        let remarks = check::remarks(report).into_iter().map(|remark| format!("{remark}."));
        let mut said: Vec<String> =
            check::verdict(&report.totals).into_iter().chain(remarks).collect();
        if said.is_empty() {
            return None;
        }
        said.extend(words(report));
        let mut clips = check::worst_first(report);
        clips.truncate(ROWS);
        let pictures = pictures(&clips, workspace, missing);
        let places: HashMap<&str, usize> =
            cards.iter().enumerate().map(|(at, job)| (job.address.as_str(), at)).collect();
        let rows = clips.iter().enumerate().map(|(index, (job, check))| {
            let card = places.get(job.address.as_str()).copied();
            RowView::of(index, job, check, card, &pictures)
        });
        let (passing, rows): (Vec<RowView>, Vec<RowView>) =
            rows.partition(|row| row.verdict == ClipVerdict::Pass.as_str());
        let left_out = report.totals.looked_at().saturating_sub(clips.len() as u64);
        Some(AgainstView {
            said: said.iter().map(|said| clean(said)).collect(),
            advice: check::advice(report).iter().map(cleaned).collect(),
            passing_said: match passing.len() as u64 {
                1 => "1 clip that passes".to_owned(),
                many => format!("{} that pass", count(many, "clip")),
            },
            rows,
            passing,
            left_out_said: (left_out > 0).then(|| {
                format!(
                    "These are the {} worst; {} more are not in this list.",
                    grouped(clips.len() as u64),
                    grouped(left_out)
                )
            }),
        })
    }

    /// Each of these verdicts with how many cards have it, for filters.
    pub(super) fn filters(cards: &[&JobView]) -> Vec<FilterView> {
        let of = |verdict| cards.iter().filter(|job| job.verdict() == Some(verdict)).count();
        let all = ClipVerdict::ALL.into_iter().map(|verdict| (verdict, of(verdict)));
        all.filter(|(_, clips)| *clips > 0)
            .map(|(verdict, clips)| FilterView {
                name: verdict.as_str(),
                said: verdict_word(verdict),
                tone: tone(verdict),
                clips: grouped(clips as u64),
            })
            .collect()
    }
}

/// A verdict as a filter.
#[derive(Serialize)]
pub(super) struct FilterView {
    name: &'static str,
    said: &'static str,
    tone: &'static str,
    clips: String,
}

/// The pictures of the worst of these clips as `data:` addresses, by their paths.
fn pictures(
    clips: &[(&JobView, &CheckView)],
    workspace: &Path,
    missing: &mut Vec<String>,
) -> HashMap<String, String> {
    let mut seen = HashSet::new();
    let paths = clips.iter().filter_map(|(_, check)| check.detail.evidence.as_ref());
    let paths: Vec<&String> = paths.filter(|path| seen.insert(*path)).take(PICTURES).collect();
    let made: Vec<(&String, Option<String>)> = paths
        .into_par_iter()
        .map(|path| {
            let file = inside(workspace, path);
            (path, file.and_then(|file| thumbnail(&file, SIDE).ok()))
        })
        .collect();
    let gone = made.iter().filter(|(_, small)| small.is_none());
    missing.extend(gone.map(|(path, _)| (*path).clone()));
    made.into_iter().filter_map(|(path, small)| Some((path.clone(), small?))).collect()
}

impl RowView {
    fn of(
        index: usize,
        job: &JobView,
        check: &CheckView,
        card: Option<usize>,
        pictures: &HashMap<String, String>,
    ) -> Self {
        let evidence = check.detail.evidence.as_ref();
        let picture = evidence.and_then(|path| pictures.get(path)).cloned();
        let take = (job.take > 1).then(|| format!("take {}", job.take));
        let which =
            [Some(clean(&job.shot)), job.variant.as_deref().map(|v| clean(&values(v))), take];
        let retakes = match job.retakes {
            0 => None,
            1 => Some("made again once".to_owned()),
            n => Some(format!("made again {n} times")),
        };
        let facts = [Some(format!("measured by {}", clean(&check.measure))), retakes];
        RowView {
            index,
            address: clean(&job.address),
            subject: subject(job),
            shot: clean(&job.shot),
            title: title(job),
            which: which.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            verdict: check.verdict.as_str(),
            word_of_verdict: verdict_word(check.verdict),
            tone: tone(check.verdict),
            score: check.score,
            why: clean(&check.why()),
            without: match (&picture, evidence, check.verdict) {
                (Some(_), ..) => "",
                (None, None, ClipVerdict::NotInspected) => "It could not be looked at",
                (None, None, _) => "There is no picture of it",
                (None, Some(_), ClipVerdict::Pass) => "It passes; its picture is not in this page",
                (None, Some(_), _) => "Its picture is not in this page",
            },
            picture,
            groups: groups(check),
            spoken: job.word.as_ref().map(SpokenView::of),
            facts: facts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            card,
        }
    }
}

/// The references in their order, what the clip does over time, then other judges.
fn groups(check: &CheckView) -> Vec<GroupView> {
    let weakest = check.weakest.as_ref();
    let part = |part: &DetailPart, of: Option<&str>| PartView {
        name: clean(&part.name),
        score: part.score.min(100),
        note: clean(&part.note),
        weakest: weakest.is_some_and(|w| w.of.as_deref() == of && w.part == part.name),
    };
    let mut groups: Vec<GroupView> = Vec::new();
    for reference in &check.detail.references {
        let of = Some(reference.name.as_str());
        groups.push(GroupView {
            name: clean(&reference.name),
            role: reference.role.as_str().replace('_', " "),
            said: verdict_and_score(reference.verdict, reference.score),
            tone: tone(reference.verdict),
            parts: reference.parts.iter().map(|p| part(p, of)).collect(),
        });
    }
    let of_references: HashSet<&str> =
        check.detail.references.iter().flat_map(|r| &r.parts).map(|p| p.name.as_str()).collect();
    let own = check.detail.parts.iter().filter(|p| !of_references.contains(p.name.as_str()));
    let own: Vec<PartView> = own.map(|p| part(p, None)).collect();
    if !own.is_empty() {
        groups.push(GroupView {
            name: "over time".to_owned(),
            role: String::new(),
            said: String::new(),
            tone: "",
            parts: own,
        });
    }
    groups.extend(check.detail.judges.iter().map(|judge| GroupView {
        name: clean(&judge.name),
        role: match judge.note.is_empty() {
            true => "judge".to_owned(),
            false => format!("judge: {}", clean(&judge.note)),
        },
        said: verdict_and_score(judge.verdict, judge.score),
        tone: tone(judge.verdict),
        parts: Vec::new(),
    }));
    groups
}
