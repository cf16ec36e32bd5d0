//! Marks beside the subject that look like lettering: a watermark, a caption, a shop's badge.
//!
//! They are looked for on a plain background only, where small parts of about one size stand in a
//! line, and also where they are nearly as light as the ground, as a watermark is. On a busy picture,
//! or wholly inside the subject, lettering can't be told from what is printed on the product, so
//! nothing is said of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::background::Ground;
use super::raster::{Lab, Plane};
use super::segment::{Part, parts};

/// Lettering beside the subject.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Marks {
    /// How many parts (letters, about) stand in lines.
    pub letters: u32,
    /// Left, top, right, bottom of all, as shares of the frame.
    pub bounds: [f32; 4],
    /// How far they are from the ground, on the average (CIE76); a faint mark has a little.
    pub contrast: f32,
}

/// How much more a mark's pixel differs from the ground than the place around it does.
const STANDS_OUT: f32 = 2.0;
/// And so many times more than most of the ground does: grass and skin are full of marks.
const NOISE: f32 = 8.0;
/// What counts as the place around it, in pixels.
const AROUND: usize = 10;
/// Compression spoils what is nearer to the subject, in pixels.
const AWAY: usize = 4;
/// Sides of a letter, in pixels and as a share of the picture's.
const LEAST_SIDE: usize = 4;
const MOST_SIDE: f32 = 0.14;
/// Fewer pixels are noise.
const LEAST_AREA: usize = 7;
/// More parts than this are a texture.
const MOST_PARTS: usize = 700;
/// Letters of one line: at least so many,
const LINE: usize = 5;
/// of heights that differ by less than this factor,
const ALIKE: f32 = 2.2;
/// whose middles are apart by at most so many of their sizes along the line, and so many across it.
const APART: f32 = 2.2;
const ACROSS: f32 = 0.35;
/// Directions in which lettering runs, in degrees.
const DIRECTIONS: [f32; 7] = [0.0, 90.0, 45.0, -45.0, 30.0, -30.0, 20.0];

/// Looks for marks on a plain background.
pub(super) fn marks(lab: &Lab, ground: &Ground) -> Option<Marks> {
    let (w, h) = (lab.width, lab.height);
    let differs: Vec<f32> = (0..w * h).map(|at| ground.differs(lab, at % w, at / w)).collect();
    let plane = Plane::new(w, h, differs);
    let around = plane.averaged(AROUND);
    let subject = ground.subject.iter().map(|s| f32::from(u8::from(*s))).collect();
    let subject = Plane::new(w, h, subject).averaged(AWAY);
    let least = STANDS_OUT.max(NOISE * restless(&plane, &around, &ground.mask));
    let set: Vec<bool> = (0..w * h)
        .map(|at| subject.values[at] < 1e-4 && plane.values[at] - around.values[at] > least)
        .collect();
    let (found, _) = parts(&set, (w, h));
    let most = |n: usize| (MOST_SIDE * n as f32) as usize;
    let letters: Vec<Part> = found
        .into_iter()
        .filter(|part| part.area >= LEAST_AREA)
        .filter(|part| part.width().max(part.height()) >= LEAST_SIDE)
        .filter(|part| part.width() <= most(w) && part.height() <= most(h))
        .collect();
    if letters.len() < LINE || letters.len() > MOST_PARTS {
        return None;
    }
    let in_line = in_lines(&letters);
    let lined: Vec<&Part> =
        letters.iter().zip(&in_line).filter(|(_, l)| **l).map(|(p, _)| p).collect();
    if lined.len() < LINE {
        return None;
    }
    let edge = |i: usize, pick: fn(usize, usize) -> usize| {
        lined.iter().map(|part| part.bounds[i]).reduce(pick).unwrap_or(0) as f32
    };
    let bounds =
        [edge(0, usize::min), edge(1, usize::min), edge(2, usize::max), edge(3, usize::max)];
    let contrast = lined.iter().map(|part| strongest(&plane, part)).sum::<f32>();
    Some(Marks {
        letters: u32::try_from(lined.len()).unwrap_or(u32::MAX),
        bounds: [
            bounds[0] / w as f32,
            bounds[1] / h as f32,
            bounds[2] / w as f32,
            bounds[3] / h as f32,
        ],
        contrast: contrast / lined.len() as f32,
    })
}

/// How much the ground differs from the place around it, on the median.
fn restless(plane: &Plane, around: &Plane, ground: &[bool]) -> f32 {
    let of_ground = ground.iter().enumerate().filter(|(_, set)| **set).map(|(at, _)| at);
    let mut steps: Vec<f32> =
        of_ground.map(|at| (plane.values[at] - around.values[at]).abs()).collect();
    if steps.is_empty() {
        return f32::INFINITY;
    }
    let middle = steps.len() / 2;
    *steps.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// How far the farthest pixel of a part is from the ground.
fn strongest(differs: &Plane, part: &Part) -> f32 {
    let [left, top, right, bottom] = part.bounds;
    let rows = (top..bottom).flat_map(|y| &differs.row(y)[left..right]);
    rows.copied().fold(0.0, f32::max)
}

/// Which parts stand in a line of at least [`LINE`], in any direction.
fn in_lines(letters: &[Part]) -> Vec<bool> {
    let mut found = vec![false; letters.len()];
    for degrees in DIRECTIONS {
        let (sine, cosine) = f32::to_radians(degrees).sin_cos();
        let turned: Vec<Turned> = letters
            .iter()
            .map(|part| {
                let (x, y) = part.twice_middle();
                let (x, y) = (x as f32 / 2.0, y as f32 / 2.0);
                Turned {
                    along: x * cosine + y * sine,
                    across: y * cosine - x * sine,
                    size: part.height().max(part.width()) as f32,
                }
            })
            .collect();
        let mut order: Vec<usize> = (0..letters.len()).collect();
        order.sort_by(|a, b| turned[*a].along.total_cmp(&turned[*b].along).then(a.cmp(b)));
        // The longest line that ends at each part, and the part before it.
        let mut line = vec![(1usize, None); letters.len()];
        for (i, &at) in order.iter().enumerate() {
            for &before in order[..i].iter().rev() {
                if turned[at].along - turned[before].along > APART * largest(&turned, at, before) {
                    // Larger ones may still reach; they are few, and near.
                    if i > 64 && turned[at].along - turned[before].along > 120.0 {
                        break;
                    }
                    continue;
                }
                if follows(&turned[before], &turned[at]) && line[before].0 + 1 > line[at].0 {
                    line[at] = (line[before].0 + 1, Some(before));
                }
            }
        }
        for &at in &order {
            if line[at].0 >= LINE {
                let mut next = Some(at);
                while let Some(at) = next {
                    found[at] = true;
                    next = line[at].1;
                }
            }
        }
    }
    found
}

/// A part in the direction of a line.
struct Turned {
    along: f32,
    across: f32,
    size: f32,
}

fn largest(all: &[Turned], a: usize, b: usize) -> f32 {
    all[a].size.max(all[b].size)
}

/// Whether the second may be the next letter of a line.
fn follows(a: &Turned, b: &Turned) -> bool {
    let (small, large) = (a.size.min(b.size), a.size.max(b.size));
    let step = b.along - a.along;
    large <= ALIKE * small
        && step > 0.3 * small
        && step <= APART * large
        && (a.across - b.across).abs() <= ACROSS * large
}
