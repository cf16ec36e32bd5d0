//! Things before the subject: a hand, a prop. They hide a part of it without changing it.
//!
//! What lives here: telling them from a part of the subject that became another: they move over it,
//! or come in across its outline from beyond its box, where parts of it never are. What never does:
//! scores.

use super::learn::{Reference, blurred};
use super::squares::{APRON, Observed, SQUARE, Square, grid};
use super::time::median;
use crate::inspect::raster::{Plane, apart};

/// A square whose colour is off by more may be hidden.
const OFF: f32 = 7.0;
/// More of the subject than this is not hidden but gone.
const MOST: f32 = 0.5;
/// A rim square is hidden too when its colour is off by more.
const TOUCHED: f32 = 2.0;
/// Ground that is off by more from the rest of the ground has something before it.
const ALIEN: f32 = 12.0;
/// Neighbours that are less apart show one thing.
const ONE_THING: f32 = 16.0;
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
        let hides = || slides(reference, frames, &part) || crosses(reference, frames, &part);
        if share(&part) >= 0.01 && hides() {
            // Its rim too.
            for (at, hidden) in out.iter_mut().enumerate() {
                let (x, y) = (at % across, at / across);
                let near = (y.saturating_sub(1)..=(y + 1).min(down - 1)).any(|ny| {
                    (x.saturating_sub(1)..=(x + 1).min(across - 1)).any(|nx| part[ny * across + nx])
                });
                *hidden = *hidden || part[at] || near && lasting[at].colour > TOUCHED;
            }
        }
    }
    out
}

/// Whether most of these squares are off in a frame.
fn shows(frame: &Observed, part: &[bool]) -> bool {
    let (mut bad, mut all) = (0.0f32, 0.0f32);
    for (square, _) in frame.squares.iter().zip(part).filter(|(_, p)| **p) {
        all += square.weight;
        bad += if square.colour > OFF { square.weight } else { 0.0 };
    }
    bad > 0.5 * all
}

/// Whether what is in these squares goes on beyond the subject's box, in most frames that show it.
fn crosses(reference: &Reference, frames: &[&Observed], part: &[bool]) -> bool {
    let showing: Vec<&&Observed> = frames.iter().filter(|f| shows(f, part)).collect();
    let crossing = showing.iter().filter(|f| goes_on(reference, f, part)).count();
    showing.len() >= 2 && crossing * 10 > showing.len() * 6
}

/// The same in one frame: from the part over squares of ground that show the same thing, and not the
/// ground, to the outer squares of the apron or out of the frame.
fn goes_on(reference: &Reference, frame: &Observed, part: &[bool]) -> bool {
    let (across, down) = grid(reference);
    let (wide, high) = (across + 2 * APRON, down + 2 * APRON);
    // Where a place of the wider grid lies in the reference's own.
    let own = |at: usize| {
        let (x, y) = ((at % wide).wrapping_sub(APRON), (at / wide).wrapping_sub(APRON));
        (x < across && y < down).then(|| y * across + x)
    };
    let ground = |at: usize| own(at).is_none_or(|at| reference.empty[at]);
    let grounds: Vec<[f32; 3]> =
        (0..wide * high).filter(|at| ground(*at)).filter_map(|at| frame.around[at]).collect();
    let usual = [0, 1, 2].map(|c| median(grounds.iter().map(|g| g[c]).collect()));
    let alien = |at: usize| ground(at) && frame.around[at].is_some_and(|g| apart(g, usual) > ALIEN);
    let aliens = grounds.iter().filter(|g| apart(**g, usual) > ALIEN).count();
    // A ground of many colours tells nothing.
    if grounds.len() < 8 || aliens * 2 > grounds.len() {
        return false;
    }
    let mut reached: Vec<bool> = (0..wide * high)
        .map(|at| frame.around[at].is_some() && own(at).is_some_and(|at| part[at]))
        .collect();
    let mut open: Vec<usize> = (0..reached.len()).filter(|at| reached[*at]).collect();
    while let Some(at) = open.pop() {
        let Some(colour) = frame.around[at] else { continue };
        let (x, y) = (at % wide, at / wide);
        let left_it = !(2..wide - 2).contains(&x) || !(2..high - 2).contains(&y);
        for (dx, dy) in [(-1isize, 0isize), (1, 0), (0, -1), (0, 1)] {
            let (nx, ny) = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
            if nx >= wide || ny >= high {
                continue;
            }
            let next = ny * wide + nx;
            match frame.around[next] {
                None if ground(at) => return true,
                Some(other) if !reached[next] && alien(next) => {
                    if apart(colour, other) < ONE_THING {
                        reached[next] = true;
                        open.push(next);
                    }
                }
                _ => {}
            }
        }
        if left_it && ground(at) {
            return true;
        }
    }
    false
}

/// Whether what is in these squares moves over the subject from frame to frame.
fn slides(reference: &Reference, frames: &[&Observed], part: &[bool]) -> bool {
    let (across, _) = grid(reference);
    let inside =
        |at: usize| part[(at / reference.width / SQUARE) * across + at % reference.width / SQUARE];
    let showing: Vec<&&Observed> = frames.iter().filter(|f| shows(f, part)).collect();
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
