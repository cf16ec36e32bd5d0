//! What differs inside what was found: the reference in squares, each held against the frame where
//! the geometry says that it should be.
//!
//! What lives here: one frame's squares. What never does: time, thresholds.

use super::align::Correlation;
use super::geometry::Warp;
use super::learn::{BLURS, CANON, Reference, blurred};
use super::light::{Light, Pair, fitted};
use super::seen::Seen;
use super::time::median;
use crate::inspect::raster::{Plane, apart, lab, to_linear};

/// Pixels of a square's side at [`CANON`].
pub(super) const SQUARE: usize = 16;
/// A difference in light (of 255) that compression makes by itself.
const NOISE: f32 = 5.0;
/// Squares are moved by at most so many pixels to where they fit best.
const PLAY: isize = 3;

/// Squares that hold less of the subject are slivers.
const SLIVER: f32 = 0.5;

/// One square of the reference in one frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Square {
    /// How much of the subject it holds and the frame shows, 0 to 1.
    pub weight: f32,
    /// How much its fine structure differs, 0 to 1.
    pub detail: f32,
    /// How far its colour is off when light is discounted.
    pub colour: f32,
    /// The same without brightness.
    pub hue: f32,
}

/// What one frame shows of a reference.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub squares: Vec<Square>,
    pub light: Light,
    /// The subject's median colour (CIE L*a*b*) in the reference's light.
    pub colour: [f32; 3],
    /// How much of the subject lies inside the frame.
    pub inside: f32,
    /// How much of the subject is in each pixel and inside the frame, 0 to 1.
    pub shown: Vec<f32>,
    /// The frame's light over the reference, with gain and lift taken out.
    pub luma: Plane,
    /// The frame's colours (CIE L*a*b*) square by square, with [`APRON`] more on each side; nothing
    /// outside the frame.
    pub around: Vec<Option<[f32; 3]>>,
}

/// So many more squares are looked at on each side, for what comes in from there.
pub(super) const APRON: usize = 3;

pub(super) fn grid(reference: &Reference) -> (usize, usize) {
    (reference.width.div_ceil(SQUARE), reference.height.div_ceil(SQUARE))
}

pub(super) fn observe(
    reference: &Reference,
    seen: &Seen,
    warp: &Warp,
    tables: &Tables,
) -> Observed {
    let (w, h) = (reference.width, reference.height);
    let half = w.max(h) as f64 / 2.0;
    debug_assert!(half <= CANON as f64);
    let copy = seen.copy_for(warp, half);
    let mut colours = vec![[0.0f32; 3]; w * h];
    let mut shown = vec![0.0f32; w * h];
    let (mut whole, mut inside) = (0.0f32, 0.0f32);
    for y in 0..h {
        for x in 0..w {
            let at = y * w + x;
            let (u, v) = (
                (x as f64 + 0.5 - w as f64 / 2.0) / half,
                (y as f64 + 0.5 - h as f64 / 2.0) / half,
            );
            whole += reference.inner[at];
            let [px, py] = warp.at(u, v);
            if let Some(colour) = seen.colour(copy, px, py) {
                colours[at] = colour;
                shown[at] = reference.inner[at];
                inside += reference.inner[at];
            }
        }
    }
    let (across, down) = grid(reference);
    let mut squares = vec![Square::default(); across * down];
    let mut pairs = means(reference, &colours, &shown, tables, across, down);
    let mut light = fitted(&pairs);
    if other_ground(reference, &colours, &light, tables) {
        shown.iter_mut().zip(&reference.core).for_each(|(shown, core)| *shown = shown.min(*core));
        pairs = means(reference, &colours, &shown, tables, across, down);
        light = fitted(&pairs);
    }
    let lit: Vec<[f32; 3]> = reference.linear.iter().map(|c| light.on(*c)).collect();
    for (at, square) in lit_means(reference, &lit, &shown, across, down).into_iter().enumerate() {
        let pair = &pairs[at];
        squares[at].weight = pair.weight;
        let (a, b) = (lab(square), lab(pair.frame));
        squares[at].colour = apart(a, b);
        squares[at].hue = ((a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)).sqrt();
    }
    let own = Plane::new(w, h, lit.iter().map(|c| tables.luma(*c)).collect());
    let luma = equalised(&own, &colours, &shown);
    let blur = as_sharp(reference, &own, &luma, &shown);
    let sharper = blur == 0 && strength(&luma, &shown) > 1.25 * strength(&own, &shown);
    let first = blur.saturating_sub(1);
    let owns: Vec<Plane> = (first..=(blur + 1).min(BLURS.len() - 1))
        .map(|place| blurred(&own, BLURS[place]))
        .collect();
    let held = if sharper { blurred(&luma, 1.0) } else { luma.clone() };
    for row in 0..down {
        for column in 0..across {
            let square = &mut squares[row * across + column];
            if square.weight < 0.15 {
                continue;
            }
            // A sliver says nothing by itself: it is looked at with what is beside it.
            let more = if square.weight < SLIVER { SQUARE / 2 } else { 0 };
            let (left, top) = (column * SQUARE, row * SQUARE);
            let window = [
                left.saturating_sub(more),
                top.saturating_sub(more),
                (left + SQUARE + more).min(w),
                (top + SQUARE + more).min(h),
            ];
            structure(square, &owns, blur - first, &held, &shown, window);
        }
    }
    let colour = middle_colour(&pairs, &light);
    let around = around(reference, seen, warp, copy, tables);
    Observed { squares, light, colour, inside: inside / whole.max(1e-6), shown, luma, around }
}

/// The frame's mean colours in the grid of squares and its apron.
fn around(
    reference: &Reference,
    seen: &Seen,
    warp: &Warp,
    copy: usize,
    tables: &Tables,
) -> Vec<Option<[f32; 3]>> {
    const LOOKS: usize = 4;
    let (across, down) = grid(reference);
    let (w, h) = (reference.width as f64, reference.height as f64);
    let half = w.max(h) / 2.0;
    let wide = across + 2 * APRON;
    let step = SQUARE as f64 / LOOKS as f64;
    let mean = |at: usize| {
        let left = (at % wide) as f64 - APRON as f64;
        let top = (at / wide) as f64 - APRON as f64;
        let (mut sum, mut n) = ([0.0f32; 3], 0.0f32);
        for k in 0..LOOKS * LOOKS {
            let x = left * SQUARE as f64 + ((k % LOOKS) as f64 + 0.5) * step;
            let y = top * SQUARE as f64 + ((k / LOOKS) as f64 + 0.5) * step;
            let [px, py] = warp.at((x - w / 2.0) / half, (y - h / 2.0) / half);
            if let Some(colour) = seen.colour(copy, px, py) {
                sum.iter_mut().zip(colour).for_each(|(s, c)| *s += tables.linear(c));
                n += 1.0;
            }
        }
        (2.0 * n > (LOOKS * LOOKS) as f32).then(|| lab(sum.map(|s| s / n)))
    };
    (0..wide * (down + 2 * APRON)).map(mean).collect()
}

/// Ground that is so far off (CIE76) is another one.
const OTHER_GROUND: f32 = 8.0;

/// Whether there is another ground about the subject, which then shines into its rim.
fn other_ground(
    reference: &Reference,
    colours: &[[f32; 3]],
    light: &Light,
    tables: &Tables,
) -> bool {
    let far: Vec<f32> = (0..colours.len())
        .step_by(7)
        .filter(|at| reference.mask[*at] < 0.02 && colours[*at].iter().any(|c| *c > 0.0))
        .map(|at| {
            let there = colours[at].map(|c| tables.linear(c));
            apart(lab(light.on(reference.linear[at])), lab(there))
        })
        .collect();
    far.len() > 20 && median(far) > OTHER_GROUND
}

/// Each square's mean colours in linear light.
fn means(
    reference: &Reference,
    colours: &[[f32; 3]],
    shown: &[f32],
    tables: &Tables,
    across: usize,
    down: usize,
) -> Vec<Pair> {
    let none = Pair { reference: [0.0; 3], frame: [0.0; 3], weight: 0.0 };
    let mut pairs = vec![none; across * down];
    for (at, share) in shown.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let (x, y) = (at % reference.width, at / reference.width);
        let pair = &mut pairs[(y / SQUARE) * across + x / SQUARE];
        pair.weight += share;
        for (c, byte) in colours[at].into_iter().enumerate() {
            pair.reference[c] += share * reference.linear[at][c];
            pair.frame[c] += share * tables.linear(byte);
        }
    }
    for pair in &mut pairs {
        if pair.weight > 0.0 {
            pair.reference = pair.reference.map(|v| v / pair.weight);
            pair.frame = pair.frame.map(|v| v / pair.weight);
        }
        pair.weight /= (SQUARE * SQUARE) as f32;
    }
    pairs
}

/// Each square's mean colours of the reference in the frame's light.
fn lit_means(
    reference: &Reference,
    lit: &[[f32; 3]],
    shown: &[f32],
    across: usize,
    down: usize,
) -> Vec<[f32; 3]> {
    let mut sums = vec![([0.0f32; 3], 0.0f32); across * down];
    for (at, share) in shown.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let (x, y) = (at % reference.width, at / reference.width);
        let (sum, weight) = &mut sums[(y / SQUARE) * across + x / SQUARE];
        *weight += share;
        sum.iter_mut().zip(lit[at]).for_each(|(s, c)| *s += share * c);
    }
    sums.into_iter().map(|(sum, weight)| sum.map(|s| s / weight.max(1e-6))).collect()
}

/// The median of the squares' colours in the reference's light, each of L*, a* and b* by itself.
fn middle_colour(pairs: &[Pair], light: &Light) -> [f32; 3] {
    let own: Vec<[f32; 3]> =
        pairs.iter().filter(|p| p.weight > 0.3).map(|p| lab(light.off(p.frame))).collect();
    [0, 1, 2].map(|c| median(own.iter().map(|o| o[c]).collect()))
}

/// The frame's light with gain and lift taken out; outside the frame as the reference has it.
fn equalised(reference: &Plane, colours: &[[f32; 3]], shown: &[f32]) -> Plane {
    let own = &reference.values;
    let luma: Vec<f32> =
        colours.iter().map(|[r, g, b]| 0.299 * r + 0.587 * g + 0.114 * b).collect();
    let (mut gain, mut lift) = (1.0f32, 0.0f32);
    for round in 0..4 {
        let reach = if round < 2 { 40.0f32 } else { 20.0 };
        let mut sums = Correlation::default();
        let (mut n, mut a, mut b) = (0.0f32, 0.0f32, 0.0f32);
        for at in (0..luma.len()).step_by(3) {
            if shown[at] <= 0.3 {
                continue;
            }
            let far = (luma[at] - gain * own[at] - lift) / reach;
            let trust = if round == 0 { 1.0 } else { 1.0 / (1.0 + far * far) };
            sums.add(own[at], luma[at], trust);
            n += trust;
            a += trust * own[at];
            b += trust * luma[at];
        }
        let [aa, _, ab] = sums.moments();
        gain = ((ab + 20.0) / (aa + 20.0)).clamp(0.3, 3.0);
        lift = (b - gain * a) / n.max(1e-6);
    }
    let values = (0..luma.len())
        .map(|at| if shown[at] > 0.0 { (luma[at] - lift) / gain } else { own[at] })
        .collect();
    Plane::new(reference.width, reference.height, values)
}

/// How strong slopes are inside the subject.
fn strength(plane: &Plane, shown: &[f32]) -> f32 {
    let (w, h) = (plane.width, plane.height);
    let mut sum = 0.0f32;
    for y in 0..h.saturating_sub(1) {
        for x in 0..w - 1 {
            let at = y * w + x;
            if shown[at] > 0.9 {
                let dx = plane.values[at + 1] - plane.values[at];
                let dy = plane.values[at + w] - plane.values[at];
                sum += (dx * dx + dy * dy).min(900.0);
            }
        }
    }
    sum
}

/// Which of the reference's blurs is as sharp as the frame.
fn as_sharp(reference: &Reference, own: &Plane, luma: &Plane, shown: &[f32]) -> usize {
    // Light changes slopes too, about alike at all blurs.
    let sharp = strength(&reference.lights[0], shown);
    let lit = strength(own, shown);
    let here = strength(luma, shown) * (sharp + 1.0) / (lit + 1.0);
    let mut best = (f32::MAX, 0);
    for (place, light) in reference.lights.iter().enumerate() {
        let there = strength(light, shown);
        let miss = ((here + 1.0) / (there + 1.0)).ln().abs();
        if miss < best.0 {
            best = (miss, place);
        }
        if there < here {
            break;
        }
    }
    best.1
}

/// One square's structure, moved to where it fits best.
fn structure(
    square: &mut Square,
    owns: &[Plane],
    usual: usize,
    luma: &Plane,
    shown: &[f32],
    window: [usize; 4],
) {
    let own = &owns[usual];
    let (mut dx, mut dy) = (0isize, 0isize);
    let mut best = alike(own, luma, shown, window, dx, dy);
    loop {
        let mut moved = false;
        for (sx, sy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
            let (nx, ny) = (dx + sx, dy + sy);
            if nx.abs() > PLAY || ny.abs() > PLAY {
                continue;
            }
            let here = alike(own, luma, shown, window, nx, ny);
            if here.0 > best.0 + 1e-4 {
                (best, dx, dy, moved) = (here, nx, ny, true);
                break;
            }
        }
        if !moved {
            break;
        }
    }
    // Compression blurs one place more than another.
    for (place, other) in owns.iter().enumerate() {
        if place != usual {
            let here = alike(other, luma, shown, window, dx, dy);
            if here.0 > best.0 {
                best = here;
            }
        }
    }
    let (same, va, vb) = best;
    let fine = va.max(vb).sqrt();
    square.detail = (1.0 - same).clamp(0.0, 1.0) * (fine / 12.0).min(1.0);
}

/// How alike two windows (left, top, right, bottom) are in structure and contrast (-1 to 1), and both variances.
fn alike(
    own: &Plane,
    luma: &Plane,
    shown: &[f32],
    [left, top, right, bottom]: [usize; 4],
    dx: isize,
    dy: isize,
) -> (f32, f32, f32) {
    let (w, h) = (own.width, own.height);
    let mut sums = Correlation::default();
    for y in top..bottom {
        let py = (y as isize + dy).clamp(0, h as isize - 1) as usize;
        for x in left..right {
            let at = y * w + x;
            if shown[at] > 0.3 {
                let px = (x as isize + dx).clamp(0, w as isize - 1) as usize;
                sums.add(own.values[at], luma.values[py * w + px], shown[at]);
            }
        }
    }
    let [va, vb, ab] = sums.moments();
    let floor = 2.0 * NOISE * NOISE;
    ((2.0 * ab + floor) / (va + vb + floor), va, vb)
}

/// Bytes to linear light and back, by tables.
pub(super) struct Tables {
    linear: Vec<f32>,
    byte: Vec<f32>,
}

impl Tables {
    pub fn new() -> Self {
        let linear = (0..=255u8).map(to_linear).chain([1.0]).collect();
        let curve = |v: f32| {
            let byte = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            255.0 * byte
        };
        // Over the square root, since the curve is steep where it is dark.
        let byte = (0..=1024).map(|i| curve((i as f32 / 1024.0).powi(2))).collect();
        Tables { linear, byte }
    }

    pub(super) fn linear(&self, byte: f32) -> f32 {
        let byte = byte.clamp(0.0, 255.0);
        let i = byte as usize;
        self.linear[i] + (self.linear[i + 1] - self.linear[i]) * (byte - i as f32)
    }

    /// Light (0 to 255) of a linear colour.
    fn luma(&self, colour: [f32; 3]) -> f32 {
        let byte = |v: f32| self.byte[((v.clamp(0.0, 1.0).sqrt() * 1024.0) as usize).min(1024)];
        0.299 * byte(colour[0]) + 0.587 * byte(colour[1]) + 0.114 * byte(colour[2])
    }
}
