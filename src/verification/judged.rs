//! From measures to a verdict and what is kept of it.
//!
//! What lives here: thresholds held against scores, and the detail of a check. What never does:
//! measuring, files.

use super::{Detail, DetailMark, DetailPart, OverTimeDetail, ReferenceDetail};
use crate::consistency::{Compared, Consistency, Frame, Mark, Part, PartName};
use crate::ledger::ClipVerdict;
use crate::manifest::{Bounds, ConsistencyRule, Role};

/// Marks that are kept of a reference.
const MOST_MARKS: usize = 12;

/// A reference of a request, and whether it could be looked at.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub name: String,
    pub role: Role,
    /// Its place among those that were compared.
    pub compared: Option<usize>,
}

/// What a score means.
pub(super) fn verdict_of(score: u8, bounds: Bounds) -> ClipVerdict {
    if score >= bounds.min {
        ClipVerdict::Pass
    } else if score < bounds.fail_below {
        ClipVerdict::Fail
    } else {
        ClipVerdict::Review
    }
}

/// A score in whole points, rounded down, so that it never passes what the exact one does not.
pub(super) fn whole(score: f32) -> u8 {
    // Casts of floats saturate, and what is no number becomes 0.
    score.clamp(0.0, 100.0).floor() as u8
}

/// The verdict, the score and the detail of a clip of which something was compared. `is_whole`:
/// every reference and every frame that should be looked at was.
pub(super) fn judged(
    held: &[Held],
    rule: &ConsistencyRule,
    found: &Consistency,
    frames: &[Frame<'_>],
    is_whole: bool,
) -> (ClipVerdict, u8, Detail) {
    let mut references: Vec<ReferenceDetail> = held
        .iter()
        .map(|held| match held.compared.map(|at| &found.references[at]) {
            Some(compared) => reference(held, rule, compared, frames),
            None => unseen(held),
        })
        .collect();
    let notes = pass_over_views(&mut references);
    let inspected = references.iter().filter_map(|r| Some((r.verdict, r.score?)));
    // A clip that is a still was paid for in vain, whatever it shows.
    let motion = found.parts.iter().find(|part| part.name == PartName::Motion);
    let motion = motion.map(|part| whole(part.score)).filter(|_| found.over_time.still);
    let motion = motion.map(|score| (verdict_of(score, rule.bounds), score));
    let (verdict, score) = inspected
        .chain(motion)
        .reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)))
        .unwrap_or((ClipVerdict::Fail, 0));
    let verdict = if is_whole { verdict } else { verdict.min(ClipVerdict::Review) };
    let time = found.over_time;
    let detail = Detail {
        notes,
        parts: weakest(&references, &found.parts),
        references,
        over_time: Some(OverTimeDetail {
            drift: whole(time.drift),
            jumps: u32::try_from(time.jumps).unwrap_or(u32::MAX),
            flicker: (time.flicker * 10.0).round().clamp(0.0, f32::from(u16::MAX)) as u16,
            still: time.still,
        }),
        ..Detail::default()
    };
    (verdict, score, detail)
}

/// Of several views of one subject a clip need not show all, and what isn't shown is found badly
/// somewhere else: so the best one counts, and of the others those that pass. Says which don't.
fn pass_over_views(references: &mut [ReferenceDetail]) -> Vec<String> {
    let views: Vec<(String, u8)> = references
        .iter()
        .filter(|reference| is_view(reference))
        .filter_map(|reference| Some((subject(&reference.name), reference.score?)))
        .collect();
    let mut notes = Vec::new();
    for reference in references.iter_mut().filter(|reference| is_view(reference)) {
        let (of, Some(score)) = (subject(&reference.name), reference.score) else { continue };
        let is_better = views.iter().any(|(other, better)| *other == of && *better > score);
        if is_better && reference.verdict != ClipVerdict::Pass {
            notes.push(format!("the view `{}` isn't shown", reference.name));
            (reference.score, reference.verdict) = (None, ClipVerdict::Pass);
            (reference.worst_ms, reference.lab) = (None, None);
            reference.parts.clear();
            reference.marks.clear();
        }
    }
    notes
}

fn is_view(reference: &ReferenceDetail) -> bool {
    matches!(reference.role, Role::Identity | Role::Wardrobe)
}

/// Whose picture it is, by its name: those of further subjects are `alias.name`.
fn subject(name: &str) -> String {
    name.rsplit_once('.').map_or_else(String::new, |(owner, _)| owner.to_owned())
}

/// The weakest of each part over the references that count, and what the clip does over time.
fn weakest(references: &[ReferenceDetail], all: &[Part]) -> Vec<DetailPart> {
    let mut found: Vec<DetailPart> = Vec::new();
    for part in references.iter().flat_map(|reference| &reference.parts) {
        match found.iter_mut().find(|known| known.name == part.name) {
            Some(known) if known.score <= part.score => {}
            Some(known) => *known = part.clone(),
            None => found.push(part.clone()),
        }
    }
    // In the order in which parts are told everywhere.
    let place = |part: &DetailPart| all.iter().position(|other| other.name.word() == part.name);
    found.sort_by_key(place);
    let over_time = |part: &&Part| matches!(part.name, PartName::Motion | PartName::Steadiness);
    let over_time: Vec<Part> = all.iter().filter(over_time).cloned().collect();
    found.extend(parts(&over_time));
    found
}

fn parts(parts: &[Part]) -> Vec<DetailPart> {
    let part = |part: &Part| DetailPart {
        name: part.name.word().to_owned(),
        score: whole(part.score),
        note: part.note.clone(),
    };
    parts.iter().map(part).collect()
}

/// A reference that could not be looked at.
pub(super) fn unseen(held: &Held) -> ReferenceDetail {
    ReferenceDetail {
        name: held.name.clone(),
        role: held.role,
        verdict: ClipVerdict::NotInspected,
        score: None,
        parts: Vec::new(),
        present: 0,
        worst_ms: None,
        lab: None,
        marks: Vec::new(),
    }
}

fn reference(
    held: &Held,
    rule: &ConsistencyRule,
    compared: &Compared,
    frames: &[Frame<'_>],
) -> ReferenceDetail {
    let score = whole(compared.score);
    let worst = compared.worst.as_ref();
    let shown = worst.and_then(|worst| Some((worst, frames.get(worst.frame)?)));
    let tenths = |value: f32| (value * 10.0).round() as i16;
    ReferenceDetail {
        verdict: verdict_of(score, rule.bounds_of(held.role)),
        score: Some(score),
        parts: parts(&compared.parts),
        present: (compared.present.clamp(0.0, 1.0) * 100.0).round() as u8,
        worst_ms: shown.map(|(_, frame)| frame.at_ms),
        lab: compared.colour.map(|lab| lab.map(tenths)),
        marks: shown.map_or(Vec::new(), |(worst, frame)| {
            let size = frame.picture.dimensions();
            worst.marks.iter().take(MOST_MARKS).map(|mark| place(mark, size)).collect()
        }),
        ..unseen(held)
    }
}

/// The upright rectangle around a mark.
fn place(mark: &Mark, (width, height): (u32, u32)) -> DetailMark {
    let thousandths =
        |at: f32, side: u32| (at / side.max(1) as f32 * 1000.0).round().clamp(0.0, 1000.0) as u16;
    let xs = mark.corners.map(|[x, _]| thousandths(x, width));
    let ys = mark.corners.map(|[_, y]| thousandths(y, height));
    let least = |of: &[u16; 4]| of.iter().copied().min().unwrap_or(0);
    let most = |of: &[u16; 4]| of.iter().copied().max().unwrap_or(0);
    DetailMark {
        part: mark.part.word().to_owned(),
        place: [least(&xs), least(&ys), most(&xs), most(&ys)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hero(name: &str, score: u8) -> ReferenceDetail {
        let held = Held { name: name.to_owned(), role: Role::Identity, compared: Some(0) };
        let verdict = verdict_of(score, Bounds::default());
        ReferenceDetail { score: Some(score), verdict, ..unseen(&held) }
    }

    #[test]
    fn a_score_passes_from_the_first_bound_on_and_fails_below_the_second() {
        let bounds = Bounds { min: 80, fail_below: 60 };
        let verdicts = [100, 80, 79, 60, 59, 0].map(|score| verdict_of(score, bounds));
        use ClipVerdict::{Fail, Pass, Review};
        assert_eq!(verdicts, [Pass, Pass, Review, Review, Fail, Fail]);
        assert_eq!([f32::NAN, -3.0, 79.99, 200.0].map(whole), [0, 0, 79, 100]);
    }

    #[test]
    fn of_several_views_of_a_subject_the_best_counts() {
        let scores = |mut references: Vec<ReferenceDetail>| {
            let notes = pass_over_views(&mut references);
            (references.iter().map(|r| r.score).collect::<Vec<_>>(), notes.len())
        };
        let one_shown = vec![hero("front", 90), hero("back", 5)];
        assert_eq!(scores(one_shown), (vec![Some(90), None], 1));
        let both_shown = vec![hero("front", 90), hero("back", 85)];
        assert_eq!(scores(both_shown), (vec![Some(90), Some(85)], 0));
        let neither = vec![hero("front", 31), hero("back", 5)];
        assert_eq!(scores(neither), (vec![Some(31), None], 1));
        // Another subject's picture is no other view.
        let two = vec![hero("front", 90), hero("host.face", 5)];
        assert_eq!(scores(two), (vec![Some(90), Some(5)], 0));
    }
}
