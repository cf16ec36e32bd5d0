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
    let references: Vec<ReferenceDetail> = held
        .iter()
        .map(|held| match held.compared.map(|at| &found.references[at]) {
            Some(compared) => reference(held, rule, compared, frames),
            None => unseen(held),
        })
        .collect();
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
        parts: parts(&found.parts),
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
