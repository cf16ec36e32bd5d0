//! Finding a reference in a frame: guesses from points, from the frame before and from how the
//! picture would fill the frame; the likeliest are refined until the pixels agree.
//!
//! What lives here: guesses, their judging, refinement. What never does: what differs there.

use super::geometry::{Match, Warp, agreed, solve};
use super::keypoints::{Keypoint, Pattern, matched};
use super::learn::{Reference, Sample};
use super::seen::Seen;
use super::time::median;

/// Where the reference was found.
#[derive(Debug, Clone)]
pub(super) struct Aligned {
    pub warp: Warp,
    /// How well the small copies agree there, -1 to 1.
    pub likeness: f32,
}

/// Looks for the reference in the frame; always the best there is, however bad.
pub(super) fn align(
    reference: &Reference,
    seen: &Seen,
    before: Option<&Warp>,
    pattern: &Pattern,
) -> Aligned {
    let by_points = by_points(reference, seen, pattern);
    let mut guesses: Vec<Warp> = Vec::new();
    guesses.extend(before.copied());
    guesses.extend(by_points);
    guesses.extend(fitted(reference, seen));
    let mut judged: Vec<(f32, Warp)> =
        guesses.into_iter().map(|warp| (likeness(reference, seen, &warp), warp)).collect();
    // Stable: of equals the earlier guess stays first.
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = Judged { value: f32::MIN, likeness: -1.0, warp: Warp::IDENTITY };
    for (rough, guess) in judged.into_iter().take(2) {
        let refined = refined(reference, seen, guess, false);
        let mut tried =
            vec![judge(reference, seen, refined), Judged::of(rough, guess, reference, seen)];
        // Before another ground the outline pulls to wherever edges are.
        if tried[0].likeness > 0.2 && other_ground(reference, seen, &tried[0].warp) {
            tried.push(judge(reference, seen, self::refined(reference, seen, tried[0].warp, true)));
            tried.push(judge(reference, seen, self::refined(reference, seen, guess, true)));
        }
        for one in tried {
            if one.value > best.value {
                best = one;
            }
        }
        if best.likeness > 0.9 && best.value > GOOD {
            break;
        }
    }
    Aligned { warp: best.warp, likeness: best.likeness }
}

/// A value from which no other guess is tried.
const GOOD: f32 = 0.8;

/// A place and how good it is.
struct Judged {
    /// Likeness of the small copies, less what the pixels of the subject miss by.
    value: f32,
    likeness: f32,
    warp: Warp,
}

impl Judged {
    fn of(likeness: f32, warp: Warp, reference: &Reference, seen: &Seen) -> Judged {
        let value = likeness - misfit(reference, seen, &warp) / MISFIT;
        Judged { value, likeness, warp }
    }
}

fn judge(reference: &Reference, seen: &Seen, warp: Warp) -> Judged {
    Judged::of(likeness(reference, seen, &warp), warp, reference, seen)
}

/// A miss of this much weighs as much as the whole likeness.
const MISFIT: f32 = 50.0;

/// The light that places have in a copy of the frame; nothing of those that lie outside of it.
fn lights(samples: &[Sample], seen: &Seen, copy: usize, warp: &Warp) -> Vec<(usize, f32)> {
    let places = samples.iter().enumerate();
    let light = |(i, s): (usize, &Sample)| {
        let [x, y] = warp.at(f64::from(s.u), f64::from(s.v));
        Some((i, seen.light(copy, x, y)?))
    };
    places.filter_map(light).collect()
}

/// By how much the light of the subject's inner places is off, none counted for more than a little.
fn misfit(reference: &Reference, seen: &Seen, warp: &Warp) -> f32 {
    const MOST: f32 = 30.0;
    let samples = &reference.inner_samples[1];
    let copy = seen.copy_for(warp, 64.0);
    let read = lights(samples, seen, copy, warp);
    if read.len() < LEAST_INNER {
        return 0.0;
    }
    let (gain, lift) = gain_and_lift(samples, &read);
    let miss =
        |(i, light): &(usize, f32)| ((light - lift) / gain - samples[*i].value).abs().min(MOST);
    read.iter().map(miss).sum::<f32>() / read.len() as f32
}

/// Fewer places than this don't tell where something lies.
const LEAST_INNER: usize = 120;
/// Light of the ground that is off by more (of 255): it is another ground.
const OTHER_GROUND: f32 = 16.0;

/// Whether the ground about the subject is another than the reference has.
fn other_ground(reference: &Reference, seen: &Seen, warp: &Warp) -> bool {
    if !reference.outlined {
        return false;
    }
    let small = &reference.coarse;
    let half = small.width.max(small.height) as f64 / 2.0;
    let copy = seen.copy_for(warp, half);
    let mut subject = Correlation::default();
    let mut ground: Vec<(f32, f32)> = Vec::new();
    let (mut own, mut light) = (0.0f32, 0.0f32);
    for at in 0..small.luma.len() {
        let (inner, ground_here) = (small.inner[at] > 0.5, small.weight[at] < 0.15);
        if !inner && !ground_here {
            continue;
        }
        let u = ((at % small.width) as f64 + 0.5 - small.width as f64 / 2.0) / half;
        let v = ((at / small.width) as f64 + 0.5 - small.height as f64 / 2.0) / half;
        let [x, y] = warp.at(u, v);
        let Some(here) = seen.light(copy, x, y) else { continue };
        if inner {
            subject.add(small.luma[at], here, 1.0);
            own += small.luma[at];
            light += here;
        } else {
            ground.push((small.luma[at], here));
        }
    }
    if ground.len() < 30 || subject.weight < 30.0 {
        return false;
    }
    let [aa, _, ab] = subject.moments();
    let gain = ((ab + 50.0) / (aa + 50.0)).clamp(0.5, 2.0);
    let lift = (light - gain * own) / subject.weight;
    let misses = ground.iter().map(|(a, b)| (gain * a + lift).clamp(0.0, 255.0) - b);
    median(misses.map(f32::abs).collect()) > OTHER_GROUND
}

/// The place that most matched points agree on.
fn by_points(reference: &Reference, seen: &Seen, pattern: &Pattern) -> Option<Warp> {
    let points = seen.points(pattern);
    let matches = paired(reference, points);
    agreed(&matches).map(|(warp, _)| warp)
}

pub(super) fn paired(reference: &Reference, points: &[Keypoint]) -> Vec<Match> {
    matched(&reference.points, points)
        .iter()
        .map(|(i, j)| {
            let (a, b) = (&reference.points[*i], &points[*j]);
            Match {
                from: reference.places[*i],
                to: [f64::from(b.x) + 0.5, f64::from(b.y) + 0.5],
                scale: f64::from(b.size / a.size * reference.unit),
                turn: f64::from(b.turn - a.turn),
            }
        })
        .collect()
}

/// How the whole picture would lie in the frame: filling it, or fitting into it.
fn fitted(reference: &Reference, seen: &Seen) -> Vec<Warp> {
    let placed = &reference.placed;
    let (w, h) = (seen.width() as f64, seen.height() as f64);
    let [pw, ph] = placed.picture;
    let (across, down) = (w / pw, h / ph);
    [across.max(down), across.min(down)]
        .into_iter()
        .map(|long| {
            let x = w / 2.0 + (placed.middle[0] - 0.5) * pw * long;
            let y = h / 2.0 + (placed.middle[1] - 0.5) * ph * long;
            Warp::similarity(placed.half * long, 0.0, x, y)
        })
        .collect()
}

/// How well the small copies agree: half for the whole, half for its parts one by one.
pub(super) fn likeness(reference: &Reference, seen: &Seen, warp: &Warp) -> f32 {
    likeness_at(reference, seen, warp, 1, &reference.coarse.weight)
}

/// The same for a subject whose ground may be another one: with its rim or without, whichever is
/// more alike. Without its rim a plain subject has nothing to show.
pub(super) fn likeness_on_any_ground(reference: &Reference, seen: &Seen, warp: &Warp) -> f32 {
    let inner = likeness_at(reference, seen, warp, 1, &reference.coarse.inner);
    likeness(reference, seen, warp).max(inner)
}

/// The same from each so-manieth pixel, by other weights.
pub(super) fn likeness_at(
    reference: &Reference,
    seen: &Seen,
    warp: &Warp,
    each: usize,
    weights: &[f32],
) -> f32 {
    if !warp.is_sane(reference.aspect) {
        return -1.0;
    }
    let small = &reference.coarse;
    let (w, h) = (small.width, small.height);
    let half = w.max(h) as f64 / 2.0;
    let copy = seen.copy_for(warp, half / each as f64);
    let mut whole = Correlation::default();
    let across = w.div_ceil(8);
    let mut blocks = vec![Correlation::default(); across * h.div_ceil(8)];
    let (mut weight, mut outside) = (0.0f32, 0.0f32);
    for y in (0..h).step_by(each) {
        for x in (0..w).step_by(each) {
            let at = y * w + x;
            let share = weights[at];
            if share < 0.1 {
                continue;
            }
            weight += share;
            let u = (x as f64 + 0.5 - w as f64 / 2.0) / half;
            let v = (y as f64 + 0.5 - h as f64 / 2.0) / half;
            let [px, py] = warp.at(u, v);
            let Some(light) = seen.light(copy, px, py) else {
                outside += share;
                continue;
            };
            whole.add(small.luma[at], light, share);
            blocks[(y / 8) * across + x / 8].add(small.luma[at], light, share);
        }
    }
    if weight <= 0.0 || outside > 0.75 * weight {
        return -1.0;
    }
    let (mut sum, mut all) = (0.0f32, 0.0f32);
    for block in &blocks {
        let share = block.weight * block.first_deviation().min(20.0);
        sum += share * block.value(4.0);
        all += share;
    }
    let local = if all > 0.0 { sum / all } else { 0.0 };
    let bent = (warp.stretch() as f32 - 0.15).max(0.0);
    (0.5 * whole.value(4.0) + 0.5 * local) * (1.0 - 0.5 * outside / weight) - 0.8 * bent
}

/// Sums for a weighted correlation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Correlation {
    pub weight: f32,
    a: f32,
    b: f32,
    aa: f32,
    bb: f32,
    ab: f32,
}

impl Correlation {
    pub fn add(&mut self, a: f32, b: f32, weight: f32) {
        self.weight += weight;
        self.a += weight * a;
        self.b += weight * b;
        self.aa += weight * a * a;
        self.bb += weight * b * b;
        self.ab += weight * a * b;
    }

    /// Both variances and the covariance.
    pub fn moments(&self) -> [f32; 3] {
        if self.weight <= 0.0 {
            return [0.0; 3];
        }
        let n = self.weight;
        let (ma, mb) = (self.a / n, self.b / n);
        let of = |sum: f32, product: f32| sum / n - product;
        [of(self.aa, ma * ma).max(0.0), of(self.bb, mb * mb).max(0.0), of(self.ab, ma * mb)]
    }

    fn first_deviation(&self) -> f32 {
        self.moments()[0].sqrt()
    }

    /// -1 to 1; `noise` is a deviation that says nothing.
    pub fn value(&self, noise: f32) -> f32 {
        let [aa, bb, ab] = self.moments();
        let floor = noise * noise;
        ab / ((aa + floor) * (bb + floor)).sqrt()
    }
}

/// Lays the reference on the frame until the pixels agree: Gauss and Newton on the difference in
/// light, with the frame's gain and lift fitted, and with what does not fit counting little.
/// `inside` goes by the subject's inner places alone, where they are enough.
pub(super) fn refined(reference: &Reference, seen: &Seen, start: Warp, inside: bool) -> Warp {
    let mut warp = start;
    let plan: [(usize, bool, usize); 4] =
        [(0, false, 8), (1, false, 6), (1, true, 6), (2, true, 6)];
    for (level, projective, steps) in plan {
        let inner = &reference.inner_samples[level];
        let inside = inside && inner.len() >= LEAST_INNER;
        let samples = if inside { inner } else { &reference.samples[level] };
        if samples.len() < 40 {
            continue;
        }
        let pixels = [32.0, 64.0, 128.0][level];
        for _ in 0..steps {
            let copy = seen.copy_for(&warp, pixels);
            let Some((next, moved)) = step(reference, samples, seen, copy, &warp, projective)
            else {
                break;
            };
            warp = next;
            if moved < 0.05 / pixels {
                break;
            }
        }
    }
    warp
}

/// One step; the new map and how far it moved the corners, in units.
fn step(
    reference: &Reference,
    samples: &[Sample],
    seen: &Seen,
    copy: usize,
    warp: &Warp,
    projective: bool,
) -> Option<(Warp, f64)> {
    let read = lights(samples, seen, copy, warp);
    if read.len() * 4 < samples.len() || read.len() < 30 {
        return None;
    }
    let (gain, lift) = gain_and_lift(samples, &read);
    let mut misses: Vec<f32> = Vec::with_capacity(read.len());
    for (i, light) in &read {
        misses.push((light - lift) / gain - samples[*i].value);
    }
    let mut sizes: Vec<f32> = misses.iter().map(|m| m.abs()).collect();
    let middle = sizes.len() / 2;
    let typical = *sizes.select_nth_unstable_by(middle, f32::total_cmp).1;
    let reach = (2.5 * typical).clamp(6.0, 60.0);
    let mut m = [[0.0f64; 8]; 8];
    let mut right = [0.0f64; 8];
    for ((i, _), miss) in read.iter().zip(&misses) {
        let s = &samples[*i];
        let far = miss / reach;
        let trust = s.weight / ((1.0 + far * far) * (1.0 + far * far));
        let (u, v) = (f64::from(s.u), f64::from(s.v));
        let [gx, gy] = s.slope.map(f64::from);
        let along = u * gx + v * gy;
        let row = [gx * u, gx * v, gx, gy * u, gy * v, gy, -u * along, -v * along];
        let (trust, miss) = (f64::from(trust), f64::from(*miss));
        for r in 0..8 {
            let t = trust * row[r];
            for c in r..8 {
                m[r][c] += t * row[c];
            }
            right[r] += t * miss;
        }
    }
    // It is symmetric: the other half.
    let upper = m;
    for (r, row) in m.iter_mut().enumerate() {
        for (c, value) in row.iter_mut().enumerate().take(r) {
            *value = upper[c][r];
        }
    }
    let size: f64 = (0..6).map(|i| m[i][i]).sum::<f64>() / 6.0;
    for (i, row) in m.iter_mut().enumerate() {
        row[i] += size * if i < 6 { 1e-4 } else { 2e-3 };
    }
    if !projective {
        for i in 6..8 {
            m[i] = [0.0; 8];
            for row in &mut m {
                row[i] = 0.0;
            }
            m[i][i] = 1.0;
            right[i] = 0.0;
        }
    }
    let p = solve(m, right)?;
    let change = Warp([1.0 + p[0], p[1], p[2], p[3], 1.0 + p[4], p[5], p[6], p[7], 1.0]);
    let next = warp.after(&change.inverse()?);
    if !next.is_sane(reference.aspect) {
        return None;
    }
    let moved = p.iter().map(|v| v * v).sum::<f64>().sqrt();
    Some((next, moved))
}

/// The frame's light as a line over the reference's, twice fitted, the second time without what was
/// far off.
fn gain_and_lift(samples: &[Sample], read: &[(usize, f32)]) -> (f32, f32) {
    let (mut gain, mut lift) = (1.0f32, 0.0f32);
    for round in 0..3 {
        let mut sums = Correlation::default();
        let (mut n, mut a, mut b) = (0.0f32, 0.0f32, 0.0f32);
        for (i, light) in read {
            let s = &samples[*i];
            let miss = light - (gain * s.value + lift);
            let far = miss / if round == 1 { 40.0 } else { 20.0 };
            let trust = if round == 0 { s.weight } else { s.weight / (1.0 + far * far) };
            sums.add(s.value, *light, trust);
            n += trust;
            a += trust * s.value;
            b += trust * light;
        }
        let [aa, _, ab] = sums.moments();
        gain = ((ab + 50.0) / (aa + 50.0)).clamp(0.3, 3.0);
        lift = (b - gain * a) / n.max(1e-6);
    }
    (gain, lift)
}
