//! Things before the subject: a hand, a prop. They hide a part of it without changing it.
//!
//! What lives here: telling them from a part of the subject that became another. What never does:
//! scores.

use super::learn::{Reference, blurred};
use super::squares::{Observed, SQUARE, Square, grid};
use crate::inspect::raster::Plane;

/// A square whose colour is off by more may be hidden.
const OFF: f32 = 7.0;
/// More of the subject than this is not hidden but gone.
const MOST: f32 = 0.42;
/// Pixels by which frames are moved against each other, to each side.
const REACH: isize = 10;
/// What moved by so many pixels over the subject does not belong to it.
const SLID: f32 = 2.2;

/// Which squares something stands before, over most of the clip; all false where nothing does.
/// `lasting` is what each square is like over the clip.
pub(super) fn covered(
    reference: &Reference,
    frames: &[&Observed],
    lasting: &[Square],
) -> Vec<bool> {
    let none = vec![false; lasting.len()];
    let whole: f32 = lasting.iter().map(|c| c.weight).sum();
    let bad: Vec<bool> = lasting
        .iter()
        .map(|c| c.weight > 0.15 && (c.colour > OFF || c.detail > 0.5 && c.colour > OFF / 2.0))
        .collect();
    let share = |set: &[bool]| {
        let sum: f32 = lasting.iter().zip(set).filter(|(_, s)| **s).map(|(c, _)| c.weight).sum();
        sum / whole.max(1e-6)
    };
    if frames.len() < 3 || !(0.01..MOST).contains(&share(&bad)) {
        return none;
    }
    let (across, down) = grid(reference);
    let (parts, of) = crate::inspect::segment::parts(&bad, (across, down));
    let mut out = none;
    for name in 1..=parts.len() as u32 {
        let part: Vec<bool> = of.iter().map(|n| *n == name).collect();
        if share(&part) >= 0.01 && slides(reference, frames, &part) {
            // Its rim too.
            for (at, hidden) in out.iter_mut().enumerate() {
                let (x, y) = (at % across, at / across);
                let near = (y.saturating_sub(1)..=(y + 1).min(down - 1)).any(|ny| {
                    (x.saturating_sub(1)..=(x + 1).min(across - 1)).any(|nx| part[ny * across + nx])
                });
                *hidden = *hidden || near;
            }
        }
    }
    out
}

/// Whether what is in these squares moves over the subject from frame to frame.
fn slides(reference: &Reference, frames: &[&Observed], part: &[bool]) -> bool {
    let (across, _) = grid(reference);
    let inside =
        |at: usize| part[(at / reference.width / SQUARE) * across + at % reference.width / SQUARE];
    let shows = |frame: &Observed| {
        let (mut bad, mut all) = (0.0f32, 0.0f32);
        for (square, _) in frame.squares.iter().zip(part).filter(|(_, p)| **p) {
            all += square.weight;
            bad += if square.colour > OFF { square.weight } else { 0.0 };
        }
        bad > 0.5 * all
    };
    let showing: Vec<&&Observed> = frames.iter().filter(|f| shows(f)).collect();
    if showing.len() < 2 {
        return false;
    }
    // The first, the middle and the last that show it.
    let picks = [0, showing.len() / 2, showing.len() - 1];
    let soft: Vec<(Plane, &[f32])> =
        picks.iter().map(|i| (blurred(&showing[*i].luma, 1.5), &showing[*i].shown[..])).collect();
    let mut most = 0.0f32;
    for (i, j) in [(0, 1), (1, 2), (0, 2)] {
        most = most.max(shift(&soft[i], &soft[j], &inside));
    }
    most > SLID
}

/// By how many pixels what is inside moved between two frames; zero where moving explains little.
fn shift(
    (a, shown_a): &(Plane, &[f32]),
    (b, shown_b): &(Plane, &[f32]),
    inside: &impl Fn(usize) -> bool,
) -> f32 {
    let (w, h) = (a.width as isize, a.height as isize);
    let places: Vec<(isize, isize)> = (0..h)
        .step_by(2)
        .flat_map(|y| (0..w).step_by(2).map(move |x| (x, y)))
        .filter(|(x, y)| {
            let at = (y * w + x) as usize;
            inside(at) && shown_a[at] > 0.0 && shown_b[at] > 0.0
        })
        .collect();
    let miss = |dx: isize, dy: isize| {
        let (mut sum, mut n) = (0.0f32, 0.0f32);
        for (x, y) in &places {
            let (px, py) = (x + dx, y + dy);
            if px < 0 || py < 0 || px >= w || py >= h {
                continue;
            }
            let to = (py * w + px) as usize;
            if shown_b[to] <= 0.0 {
                continue;
            }
            sum += (a.values[(y * w + x) as usize] - b.values[to]).abs().min(60.0);
            n += 1.0;
        }
        if n * 2.0 < places.len() as f32 { f32::MAX } else { sum / n.max(1.0) }
    };
    let still = miss(0, 0);
    let mut best = (still, 0, 0);
    for dy in -REACH..=REACH {
        for dx in -REACH..=REACH {
            let here = miss(dx, dy);
            if here < best.0 {
                best = (here, dx, dy);
            }
        }
    }
    let explains = best.0 < 0.6 * still && still > 2.5;
    if explains { ((best.1 * best.1 + best.2 * best.2) as f32).sqrt() } else { 0.0 }
}
