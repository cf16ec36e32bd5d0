//! Points that are found again: corners at several sizes, each with a direction and a descriptor
//! of 256 bits (comparisons of two places around it, turned with it).
//!
//! What lives here: finding, describing and matching points. What never does: geometry.

use super::geometry::Chance;
use crate::inspect::raster::Plane;

/// From one size to the next.
const STEP: f32 = 1.26;
/// Sizes at most.
const SIZES: usize = 6;
/// A side below this has no points.
const LEAST_SIDE: usize = 40;
/// Pixels around a point that its descriptor looks at.
const REACH: usize = 16;
/// A corner's circle must differ from its middle by this much (of 255).
const CONTRAST: f32 = 9.0;
/// Directions for which the pattern is turned beforehand.
const TURNS: usize = 32;

/// One point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keypoint {
    /// In pixels of the whole picture.
    pub x: f32,
    pub y: f32,
    /// How many pixels of the picture make one at the size where it was found.
    pub size: f32,
    /// Radians.
    pub turn: f32,
    pub strength: f32,
    pub bits: [u64; 4],
}

/// The places that a descriptor compares, for each of the directions.
pub(super) struct Pattern(Vec<[[i8; 4]; 256]>);

impl Pattern {
    pub fn new() -> Self {
        let mut chance = Chance(7);
        let mut normal = || {
            let sum: f64 = (0..4).map(|_| chance.share()).sum::<f64>() - 2.0;
            (sum * 1.73 * 5.5).clamp(-11.0, 11.0)
        };
        let pairs: Vec<[f64; 4]> =
            (0..256).map(|_| [normal(), normal(), normal(), normal()]).collect();
        let turned = |k: usize| {
            let (s, c) = (k as f64 * std::f64::consts::TAU / TURNS as f64).sin_cos();
            let mut out = [[0i8; 4]; 256];
            for (to, [ax, ay, bx, by]) in out.iter_mut().zip(&pairs) {
                let turn =
                    |x: f64, y: f64| [(c * x - s * y).round() as i8, (s * x + c * y).round() as i8];
                let ([px, py], [qx, qy]) = (turn(*ax, *ay), turn(*bx, *by));
                *to = [px, py, qx, qy];
            }
            out
        };
        Pattern((0..TURNS).map(turned).collect())
    }
}

/// The strongest points of a picture, spread over it; `wanted` tells where they may lie (pixels of
/// the picture).
pub(super) fn find(
    luma: &Plane,
    most: usize,
    pattern: &Pattern,
    wanted: impl Fn(f32, f32) -> bool,
) -> Vec<Keypoint> {
    let mut found = Vec::new();
    let mut plane = luma.clone();
    let mut size = 1.0f32;
    for _ in 0..SIZES {
        if plane.width.min(plane.height) < LEAST_SIDE {
            break;
        }
        at_one_size(&plane, size, most, pattern, &wanted, &mut found);
        size *= STEP;
        plane = shrunk(luma, &plane, size);
    }
    // Sorted by strength with a firm order for equals.
    found.sort_by(|a, b| {
        b.strength.total_cmp(&a.strength).then(a.y.total_cmp(&b.y)).then(a.x.total_cmp(&b.x))
    });
    found.truncate(most);
    found
}

/// The plane of the next size, from the one before.
fn shrunk(whole: &Plane, before: &Plane, size: f32) -> Plane {
    let side = |n: usize| ((n as f32 / size).round() as usize).max(1);
    let (w, h) = (side(whole.width), side(whole.height));
    let (sx, sy) = (before.width as f32 / w as f32, before.height as f32 / h as f32);
    let soft = before.convolved(&[0.2, 0.6, 0.2]);
    let mut values = Vec::with_capacity(w * h);
    for y in 0..h {
        for x in 0..w {
            values.push(between(&soft, (x as f32 + 0.5) * sx - 0.5, (y as f32 + 0.5) * sy - 0.5));
        }
    }
    Plane::new(w, h, values)
}

/// The value between pixels; the edge's goes on outside.
pub(super) fn between(plane: &Plane, x: f32, y: f32) -> f32 {
    let (w, h) = (plane.width, plane.height);
    let x = x.clamp(0.0, (w - 1) as f32);
    let y = y.clamp(0.0, (h - 1) as f32);
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let (r0, r1) = (y0 * w, y1 * w);
    let v = &plane.values;
    let upper = v[r0 + x0] + (v[r0 + x1] - v[r0 + x0]) * fx;
    let lower = v[r1 + x0] + (v[r1 + x1] - v[r1 + x0]) * fx;
    upper + (lower - upper) * fy
}

fn at_one_size(
    plane: &Plane,
    size: f32,
    most: usize,
    pattern: &Pattern,
    wanted: &impl Fn(f32, f32) -> bool,
    found: &mut Vec<Keypoint>,
) {
    let (w, h) = (plane.width, plane.height);
    let corners = corners(plane);
    // Spread: in each square of the picture only so many.
    let square = (w.max(h) / 12).max(16);
    let across = w / square + 1;
    let share = (most / 20).max(4);
    let mut held = vec![0usize; across * (h / square + 1)];
    let soft = plane.averaged(2);
    for (x, y, strength) in corners {
        let here = &mut held[(y / square) * across + x / square];
        let (px, py) = ((x as f32 + 0.5) * size - 0.5, (y as f32 + 0.5) * size - 0.5);
        if *here >= share || !wanted(px, py) {
            continue;
        }
        *here += 1;
        let turn = direction(plane, x, y);
        let bits = described(&soft, x, y, turn, pattern);
        found.push(Keypoint { x: px, y: py, size, turn, strength, bits });
    }
}

/// The circle of sixteen around a pixel.
const CIRCLE: [(isize, isize); 16] = [
    (0, -3),
    (1, -3),
    (2, -2),
    (3, -1),
    (3, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 3),
    (-1, 3),
    (-2, 2),
    (-3, 1),
    (-3, 0),
    (-3, -1),
    (-2, -2),
    (-1, -3),
];

/// Corners with their strength, strongest first.
fn corners(plane: &Plane) -> Vec<(usize, usize, f32)> {
    let (w, h) = (plane.width, plane.height);
    let margin = REACH;
    let mut strength = vec![0.0f32; w * h];
    let mut candidates = Vec::new();
    if w <= 2 * margin || h <= 2 * margin {
        return Vec::new();
    }
    let steps: Vec<isize> = CIRCLE.iter().map(|(x, y)| y * w as isize + x).collect();
    let v = &plane.values;
    for y in margin..h - margin {
        for x in margin..w - margin {
            let at = y * w + x;
            let middle = v[at];
            let beyond = |k: usize| {
                let d = v[at.wrapping_add_signed(steps[k])] - middle;
                if d > CONTRAST {
                    1i32
                } else if d < -CONTRAST {
                    -1
                } else {
                    0
                }
            };
            let quick = beyond(0) + beyond(4) + beyond(8) + beyond(12);
            let quick_count = [0, 4, 8, 12].iter().filter(|k| beyond(**k) != 0).count();
            if quick_count < 2 || quick.abs() < 2 && quick_count < 3 {
                continue;
            }
            let (mut run, mut longest, mut last) = (0, 0, 0);
            for k in 0..16 + 8 {
                let b = beyond(k % 16);
                run = if b != 0 && b == last { run + 1 } else { i32::from(b != 0) };
                last = b;
                longest = longest.max(run);
            }
            if longest < 9 {
                continue;
            }
            let s = cornerness(plane, x, y);
            if s > 0.0 {
                strength[at] = s;
                candidates.push((x, y));
            }
        }
    }
    let mut out: Vec<(usize, usize, f32)> = candidates
        .into_iter()
        .filter(|(x, y)| {
            let here = strength[y * w + x];
            (y - 1..=y + 1).all(|ny| {
                (x - 1..=x + 1).all(|nx| {
                    let other = strength[ny * w + nx];
                    other < here || (other == here && (ny, nx) <= (*y, *x)) || (ny, nx) == (*y, *x)
                })
            })
        })
        .map(|(x, y)| (x, y, strength[y * w + x]))
        .collect();
    out.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.1.cmp(&b.1)).then(a.0.cmp(&b.0)));
    out
}

/// Harris's measure over seven by seven pixels.
fn cornerness(plane: &Plane, x: usize, y: usize) -> f32 {
    let w = plane.width;
    let v = &plane.values;
    let (mut xx, mut yy, mut xy) = (0.0f32, 0.0f32, 0.0f32);
    for py in y - 3..=y + 3 {
        for px in x - 3..=x + 3 {
            let at = py * w + px;
            let (dx, dy) = (v[at + 1] - v[at - 1], v[at + w] - v[at - w]);
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
    }
    let trace = xx + yy;
    xx * yy - xy * xy - 0.04 * trace * trace
}

/// Towards where it is lighter.
fn direction(plane: &Plane, x: usize, y: usize) -> f32 {
    let w = plane.width;
    let (mut mx, mut my) = (0.0f32, 0.0f32);
    let reach = 9isize;
    for dy in -reach..=reach {
        let half = ((reach * reach - dy * dy) as f32).sqrt() as isize;
        let row = (y as isize + dy) as usize * w;
        for dx in -half..=half {
            let value = plane.values[row + (x as isize + dx) as usize];
            mx += dx as f32 * value;
            my += dy as f32 * value;
        }
    }
    my.atan2(mx)
}

fn described(soft: &Plane, x: usize, y: usize, turn: f32, pattern: &Pattern) -> [u64; 4] {
    let k = (turn / std::f32::consts::TAU * TURNS as f32).round() as isize;
    let pairs = &pattern.0[k.rem_euclid(TURNS as isize) as usize];
    let (w, h) = (soft.width as isize, soft.height as isize);
    let value = |dx: i8, dy: i8| {
        let px = (x as isize + isize::from(dx)).clamp(0, w - 1);
        let py = (y as isize + isize::from(dy)).clamp(0, h - 1);
        soft.values[(py * w + px) as usize]
    };
    let mut bits = [0u64; 4];
    for (i, [ax, ay, bx, by]) in pairs.iter().enumerate() {
        if value(*ax, *ay) < value(*bx, *by) {
            bits[i / 64] |= 1 << (i % 64);
        }
    }
    bits
}

fn bits_apart(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    (0..4).map(|i| (a[i] ^ b[i]).count_ones()).sum()
}

/// Pairs (of the first list, of the second) that are each other's best, and clearly better than
/// the next.
pub(super) fn matched(a: &[Keypoint], b: &[Keypoint]) -> Vec<(usize, usize)> {
    let mut best_of_b = vec![(u32::MAX, usize::MAX); b.len()];
    let mut best_of_a = vec![(u32::MAX, u32::MAX, usize::MAX); a.len()];
    for (i, p) in a.iter().enumerate() {
        let mine = &mut best_of_a[i];
        for (j, q) in b.iter().enumerate() {
            let d = bits_apart(&p.bits, &q.bits);
            if d < mine.0 {
                // The next best of the same place at another size is no rival.
                let same = mine.2 != usize::MAX && near(&b[mine.2], q);
                *mine = (d, if same { mine.1 } else { mine.0 }, j);
            } else if d < mine.1 && !(mine.2 != usize::MAX && near(&b[mine.2], q)) {
                mine.1 = d;
            }
            if d < best_of_b[j].0 {
                best_of_b[j] = (d, i);
            }
        }
    }
    let mut pairs = Vec::new();
    for (i, (best, next, j)) in best_of_a.into_iter().enumerate() {
        if j == usize::MAX || best > 72 {
            continue;
        }
        let clear = (best as f32) < 0.9 * next as f32;
        let back = best_of_b[j];
        if clear && (back.1 == i || near(&a[back.1], &a[i])) {
            pairs.push((i, j));
        }
    }
    pairs
}

fn near(a: &Keypoint, b: &Keypoint) -> bool {
    let reach = 3.0 * a.size.max(b.size);
    (a.x - b.x).abs() < reach && (a.y - b.y).abs() < reach
}
