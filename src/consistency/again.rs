//! A second one in the same frame: it is looked for where the first is not, by its points and, where
//! its outline is known, all over the frame at several sizes.
//!
//! What lives here: that search, and whether what it found has the colours too. What never does: the
//! first one.

use super::align::{likeness, likeness_at, paired, refined};
use super::geometry::{Warp, agreed};
use super::keypoints::{Keypoint, Pattern};
use super::learn::Reference;
use super::light::Light;
use super::seen::Seen;
use super::squares::Tables;
use super::time::median;
use crate::inspect::raster::{apart, lab};

/// How alike another place of the frame is, apart from the first, 0 to 1: zero where there is none.
/// `light` is the one in which the first is seen.
pub(super) fn again(
    reference: &Reference,
    seen: &Seen,
    first: &Warp,
    light: &Light,
    pattern: &Pattern,
    tables: &Tables,
) -> f32 {
    let Some(back) = first.inverse() else { return 0.0 };
    let [w, h] = reference.aspect;
    let outside = |x: f32, y: f32| {
        let [u, v] = back.at(f64::from(x) + 0.5, f64::from(y) + 0.5);
        !(reference.holds(u, v) || u.abs() > 8.0 * w || v.abs() > 8.0 * h)
    };
    let points: Vec<Keypoint> =
        seen.points(pattern).iter().copied().filter(|p| outside(p.x, p.y)).collect();
    let by_points = agreed(&paired(reference, &points)).filter(|(_, inside)| inside.len() >= 5);
    let mut guesses: Vec<Warp> = by_points.into_iter().map(|(warp, _)| warp).collect();
    if reference.outlined {
        guesses.extend(searched(reference, seen, first, outside));
    }
    let found = guesses.into_iter().filter_map(|guess| second(reference, seen, first, guess));
    found
        .map(|(warp, likeness)| likeness * alike_in_colour(reference, seen, &warp, light, tables))
        .fold(0.0, f32::max)
}

/// Colours that are apart by less (CIE76, half of the subject) are the same; by more, others.
const SAME: f32 = 7.0;
const OTHER: f32 = 20.0;

/// Whether what was found has the subject's colours in the light of the first, 0 to 1.
fn alike_in_colour(
    reference: &Reference,
    seen: &Seen,
    warp: &Warp,
    light: &Light,
    tables: &Tables,
) -> f32 {
    /// One of so many pixels is looked at.
    const EACH: usize = 29;
    let half = reference.width.max(reference.height) as f64 / 2.0;
    let copy = seen.copy_for(warp, half);
    let mut far = Vec::new();
    for at in (0..reference.linear.len()).step_by(EACH).filter(|at| reference.inner[*at] > 0.5) {
        let u = ((at % reference.width) as f64 + 0.5 - reference.width as f64 / 2.0) / half;
        let v = ((at / reference.width) as f64 + 0.5 - reference.height as f64 / 2.0) / half;
        let [x, y] = warp.at(u, v);
        if let Some(colour) = seen.colour(copy, x, y) {
            let there = lab(colour.map(|c| tables.linear(c)));
            far.push(apart(lab(light.on(reference.linear[at])), there));
        }
    }
    ((OTHER - median(far)) / (OTHER - SAME)).clamp(0.0, 1.0)
}

/// Sizes at which another one is looked for, against the first; and how many places are tried.
const SIZES: [f64; 5] = [0.42, 0.52, 0.66, 0.83, 1.05];
const TRIED: usize = 3;

/// The likeliest places for another one, one of each size, all over the frame, turned as the first.
fn searched(
    reference: &Reference,
    seen: &Seen,
    first: &Warp,
    outside: impl Fn(f32, f32) -> bool,
) -> Vec<Warp> {
    let [a, b, c, d] = first.local(0.0, 0.0);
    let (p, q) = ((a + d) / 2.0, (c - b) / 2.0);
    let mut found: Vec<(f32, Warp)> = Vec::new();
    for size in SIZES {
        let unit = first.scale() * size;
        let step = (0.3 * unit).max(seen.width().max(seen.height()) as f64 / 40.0);
        let (across, down) = (seen.width() as f64 / step, seen.height() as f64 / step);
        let mut best: Option<(f32, Warp)> = None;
        for row in 0..down as usize {
            for column in 0..across as usize {
                let (x, y) = ((column as f64 + 0.5) * step, (row as f64 + 0.5) * step);
                if !outside(x as f32, y as f32) {
                    continue;
                }
                let warp = Warp::similarity(p * size, q * size, x, y);
                let likeness = likeness_at(reference, seen, &warp, 2, &reference.coarse.weight);
                if best.as_ref().is_none_or(|(most, _)| likeness > *most) {
                    best = Some((likeness, warp));
                }
            }
        }
        found.extend(best.filter(|(likeness, _)| *likeness > 0.2));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(TRIED).map(|(_, warp)| warp).collect()
}

/// How much of a second place lies on the first, 0 to 1.
fn overlap(reference: &Reference, first: &Warp, second: &Warp) -> f32 {
    let Some(back) = first.inverse() else { return 1.0 };
    let (mut on, mut all) = (0.0f32, 0.0f32);
    for i in 0..24 * 24 {
        let (u, v) =
            ((f64::from(i % 24) + 0.5) / 12.0 - 1.0, (f64::from(i / 24) + 0.5) / 12.0 - 1.0);
        if reference.holds(u, v) {
            let [x, y] = second.at(u, v);
            let [u, v] = back.at(x, y);
            all += 1.0;
            on += f32::from(u8::from(reference.holds(u, v)));
        }
    }
    on / all.max(1.0)
}

/// A guess for another one, refined, if it is one and not the first again.
fn second(reference: &Reference, seen: &Seen, first: &Warp, warp: Warp) -> Option<(Warp, f32)> {
    let size = warp.scale() / first.scale();
    let stretched = warp.stretch() > 0.4;
    let ([ax, ay], [bx, by]) = (first.at(0.0, 0.0), warp.at(0.0, 0.0));
    let apart = ((ax - bx).powi(2) + (ay - by).powi(2)).sqrt() / first.scale();
    if stretched || !(0.25..2.5).contains(&size) || apart < 0.3 {
        return None;
    }
    let refined = refined(reference, seen, warp, false);
    let (a, b) = (likeness(reference, seen, &refined), likeness(reference, seen, &warp));
    let [cx, cy] = refined.at(0.0, 0.0);
    let stays = (cx - bx).hypot(cy - by) < 0.5 * warp.scale();
    let found = if stays && a > b { (refined, a) } else { (warp, b) };
    (overlap(reference, first, &found.0) < 0.4).then_some(found)
}
