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
/// What is before the subject and what is before the ground beside it are less apart than this; the
/// ground itself, seen where a part is gone, is less apart from the ground beside it.
const ONE_THING: f32 = 30.0;
const GROUND: f32 = 10.0;
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
        // What hides has colours of its own; where a part is gone, the ground has them.
        let hides = || {
            crosses(reference, frames, &part)
                || slides(reference, frames, &part) && !see_through(reference, frames, &part)
        };
        if share(&part) >= 0.01 && mean_colour(lasting, &part) > OFF && hides() {
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

fn mean_colour(squares: &[Square], part: &[bool]) -> f32 {
    let (mut sum, mut all) = (0.0f32, 1e-6f32);
    for (square, _) in squares.iter().zip(part).filter(|(_, p)| **p) {
        sum += square.weight * square.colour;
        all += square.weight;
    }
    sum / all
}

/// Where a place of the grid with its apron lies in the reference's own.
fn own(reference: &Reference, at: usize) -> Option<usize> {
    let (across, down) = grid(reference);
    let wide = across + 2 * APRON;
    let (x, y) = ((at % wide).wrapping_sub(APRON), (at / wide).wrapping_sub(APRON));
    (x < across && y < down).then(|| y * across + x)
}

/// The colours of a frame's squares of ground, and their median.
fn grounds(reference: &Reference, frame: &Observed) -> Vec<[f32; 3]> {
    let ground = |at: &usize| own(reference, *at).is_none_or(|at| reference.empty[at]);
    (0..frame.around.len()).filter(ground).filter_map(|at| frame.around[at]).collect()
}

fn usual_ground(reference: &Reference, frame: &Observed) -> [f32; 3] {
    let grounds = grounds(reference, frame);
    [0, 1, 2].map(|c| median(grounds.iter().map(|g| g[c]).collect()))
}

/// Whether most squares of a part that lie beside ground show that ground, in most frames.
fn see_through(reference: &Reference, frames: &[&Observed], part: &[bool]) -> bool {
    if !reference.outlined {
        return false;
    }
    let (across, down) = grid(reference);
    let wide = across + 2 * APRON;
    let place = |x: usize, y: usize| (y + APRON) * wide + x + APRON;
    let (mut same, mut beside) = (0usize, 0usize);
    for frame in frames.iter().filter(|f| shows(f, part)) {
        let usual = usual_ground(reference, frame);
        for at in (0..part.len()).filter(|at| part[*at]) {
            let (x, y) = (at % across, at / across);
            let Some(own) = frame.around[place(x, y)] else { continue };
            for (dx, dy) in [(-1isize, 0isize), (1, 0), (0, -1), (0, 1)] {
                let (nx, ny) = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
                let inside = nx < across && ny < down;
                if inside && !reference.empty[ny * across + nx] {
                    continue;
                }
                // One to the left or above the grid wraps round, and its apron is there still.
                let next = place(x, y).wrapping_add_signed(dx + dy * wide as isize);
                if let Some(other) = frame.around.get(next).copied().flatten()
                    && apart(other, usual) < ALIEN
                {
                    beside += 1;
                    same += usize::from(apart(own, other) < GROUND);
                }
            }
        }
    }
    same * 10 > beside * 3
}

/// Whether what is in these squares goes on beyond the subject's box, in most frames that show it.
fn crosses(reference: &Reference, frames: &[&Observed], part: &[bool]) -> bool {
    let showing: Vec<&&Observed> = frames.iter().filter(|f| shows(f, part)).collect();
    let crossing = showing.iter().filter(|f| goes_on(reference, f, part)).count();
    showing.len() >= 2 && crossing * 10 > showing.len() * 6
}

/// The same in one frame: from the part over squares of ground that show something before it, to the outer squares of the apron or out of the frame.
fn goes_on(reference: &Reference, frame: &Observed, part: &[bool]) -> bool {
    let (across, down) = grid(reference);
    let (wide, high) = (across + 2 * APRON, down + 2 * APRON);
    let own = |at: usize| own(reference, at);
    let ground = |at: usize| own(at).is_none_or(|at| reference.empty[at]);
    let grounds: Vec<[f32; 3]> = grounds(reference, frame);
    let usual = usual_ground(reference, frame);
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
            // A sleeve has another colour than its hand.
            let one_thing = |other| ground(at) || apart(colour, other) < ONE_THING;
            match frame.around[next] {
                None if ground(at) => return true,
                Some(other) if !reached[next] && alien(next) && one_thing(other) => {
                    reached[next] = true;
                    open.push(next);
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
    let by = |i: usize, j: usize| shift(&soft[i], &soft[j], &inside);
    let [one, two, both] = [by(0, 1), by(1, 2), by(0, 2)];
    let size = |v: [f32; 2]| v[0].hypot(v[1]);
    let most = size(one).max(size(two)).max(size(both));
    most > SLID
}

/// By how many pixels to the right and down what is inside moved between two frames; zero where
/// moving explains little.
fn shift(
    (a, shown_a): &(Plane, &[f32]),
    (b, shown_b): &(Plane, &[f32]),
    inside: &impl Fn(usize) -> bool,
) -> [f32; 2] {
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
    if explains { [best.1 as f32, best.2 as f32] } else { [0.0; 2] }
}
