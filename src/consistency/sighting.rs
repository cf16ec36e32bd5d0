//! One reference in one frame, and what lasts of that over a clip.
//!
//! What lives here: looking frame by frame, and the measures that come of it. What never does:
//! scores, evidence.

use super::again::again;
use super::align::{align, likeness_on_any_ground};
use super::calibrate::Measures;
use super::cover::covered;
use super::geometry::Warp;
use super::keypoints::Pattern;
use super::learn::Reference;
use super::seen::Seen;
use super::squares::{Observed, Square, Tables, grid, observe};
use super::time::{lasting, median, quantile};
use super::types::Role;

/// A likeness from which the place in one frame is a guess for the next.
const FOLLOWED: f32 = 0.5;
/// Another one is looked for in each so-manieth frame: it does not come and go.
const AGAIN_EACH: usize = 3;
/// Squares with less of the subject are its rim.
const RIM: f32 = 0.15;

/// What one frame came to.
pub(super) struct Sighting {
    /// Which of the frames that were seen.
    pub frame: usize,
    pub warp: Warp,
    pub likeness: f32,
    /// How alike another one in the same frame is, where it was looked for.
    again: Option<f32>,
    stretch: f32,
    pub observed: Observed,
}

/// Looks for a reference in the frames that its role names.
pub(super) fn sightings(
    reference: &Reference,
    seen: &[Seen],
    pattern: &Pattern,
    tables: &Tables,
) -> Vec<Sighting> {
    let wanted = match reference.role {
        Role::FirstFrame => 0..seen.len().min(1),
        Role::LastFrame => seen.len().saturating_sub(1)..seen.len(),
        Role::Identity | Role::Look => 0..seen.len(),
    };
    let mut before: Option<Warp> = None;
    let mut out = Vec::new();
    for (nth, frame) in wanted.enumerate() {
        let here = &seen[frame];
        let aligned = align(reference, here, before.as_ref(), pattern);
        if aligned.likeness > FOLLOWED {
            before = Some(aligned.warp);
        }
        let observed = observe(reference, here, &aligned.warp, tables);
        let again = (reference.role == Role::Identity && nth % AGAIN_EACH == AGAIN_EACH - 1)
            .then(|| again(reference, here, &aligned.warp, &observed.light, pattern, tables));
        let size = [here.width() as f64, here.height() as f64];
        out.push(Sighting {
            frame,
            warp: aligned.warp,
            likeness: likeness_on_any_ground(reference, here, &aligned.warp),
            again,
            stretch: aligned.warp.stretch_of_plane(size) as f32,
            observed,
        });
    }
    out
}

/// Each square in one number, for telling a worse frame from a better one.
pub(super) fn badness(s: &Sighting) -> f32 {
    let squares = &s.observed.squares;
    let sum: f32 = squares.iter().map(|c| c.weight * (c.detail + c.hue / 20.0)).sum();
    let weight: f32 = squares.iter().map(|c| c.weight).sum();
    sum / weight.max(1e-6)
}

/// By how much the end is worse than the beginning, in the units of [`badness`].
pub(super) fn drifted(sightings: &[Sighting]) -> f32 {
    let some = (sightings.len() / 4).max(1).min(sightings.len());
    let of = |s: &[Sighting]| median(s.iter().map(badness).collect());
    of(&sightings[sightings.len() - some..]) - of(&sightings[..some])
}

/// What each square is like for good; those that are hardly ever seen have no weight.
fn lasting_squares(reference: &Reference, sightings: &[Sighting]) -> Vec<Square> {
    let (across, down) = grid(reference);
    let of = |at: usize| {
        let all = sightings.iter().map(|s| &s.observed.squares[at]);
        let shown: Vec<&Square> = all.filter(|c| c.weight > RIM).collect();
        if shown.is_empty() || shown.len() * 2 < sightings.len() {
            return Square::default();
        }
        let list = |f: fn(&Square) -> f32| -> Vec<f32> { shown.iter().map(|c| f(c)).collect() };
        Square {
            weight: median(list(|c| c.weight)),
            detail: lasting(&list(|c| c.detail)),
            colour: lasting(&list(|c| c.colour)),
            hue: lasting(&list(|c| c.hue)),
        }
    };
    (0..across * down).map(of).collect()
}

/// Squares that count, weighted.
struct Weighted(Vec<Square>);

impl Weighted {
    fn mean(&self, of: fn(&Square) -> f32) -> f32 {
        self.top(of, 1.0)
    }

    /// The mean of the worst ones that make up a share of the subject.
    fn top(&self, of: fn(&Square) -> f32, share: f32) -> f32 {
        let mut worst: Vec<&Square> = self.0.iter().collect();
        worst.sort_by(|a, b| of(b).total_cmp(&of(a)));
        let wanted = worst.iter().map(|c| c.weight).sum::<f32>() * share;
        let (mut sum, mut got) = (0.0f32, 0.0f32);
        for square in worst {
            if got >= wanted {
                break;
            }
            sum += square.weight * of(square);
            got += square.weight;
        }
        sum / got.max(1e-6)
    }
}

/// What lasts of the sightings, of which there is one at least.
pub(super) fn measured(reference: &Reference, sightings: &[Sighting]) -> Measures {
    let last = |of: fn(&Sighting) -> f32| lasting(&sightings.iter().map(of).collect::<Vec<_>>());
    let lasted = lasting_squares(reference, sightings);
    let observed: Vec<&Observed> = sightings.iter().map(|s| &s.observed).collect();
    let covered = covered(reference, &observed, &lasted);
    let whole: f32 = lasted.iter().map(|c| c.weight).sum();
    let kept: Vec<Square> = lasted
        .iter()
        .zip(&covered)
        .filter(|(c, covered)| c.weight > 0.0 && !**covered)
        .map(|(c, _)| *c)
        .collect();
    let left: f32 = kept.iter().map(|c| c.weight).sum();
    let squares = Weighted(kept);
    let again: Vec<f32> = sightings.iter().filter_map(|s| s.again).collect();
    let likest = sightings.iter().map(|s| s.likeness).collect();
    Measures {
        unlike: last(|s| 1.0 - s.likeness),
        unlike_usually: 1.0 - quantile(likest, 0.5),
        detail: squares.mean(|c| c.detail),
        detail_top: squares.top(|c| c.detail, 0.06),
        detail_peak: squares.top(|c| c.detail, 0.02),
        colour: squares.mean(|c| c.colour),
        hue: squares.mean(|c| c.hue),
        hue_top: squares.top(|c| c.hue, 0.08),
        stretch: last(|s| s.stretch),
        again: lasting(&again),
        exposure: last(|s| s.observed.light.exposure.abs()),
        warmth: last(|s| s.observed.light.warmth.abs()),
        outside: last(|s| 1.0 - s.observed.inside),
        covered: if whole > 0.0 { (1.0 - left / whole).max(0.0) } else { 0.0 },
    }
}
