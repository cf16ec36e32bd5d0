//! Plane geometry: projective maps, and finding the one that many matched points agree on.
//!
//! What lives here: maps, small linear systems, hypotheses from matches. What never does: pixels.

/// A projective map of the plane; the last term is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Warp(pub [f64; 9]);

/// Focal lengths over the frame's longer side: from wide to long lenses.
const LENSES: [f64; 6] = [0.8, 1.0, 1.3, 1.7, 2.3, 3.2];

impl Warp {
    pub const IDENTITY: Warp = Warp([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

    /// Turning, scaling and moving alone: `x = a*u - b*v + tx`, `y = b*u + a*v + ty`.
    pub fn similarity(a: f64, b: f64, tx: f64, ty: f64) -> Self {
        Warp([a, -b, tx, b, a, ty, 0.0, 0.0, 1.0])
    }

    pub fn at(&self, u: f64, v: f64) -> [f64; 2] {
        let m = &self.0;
        let w = m[6] * u + m[7] * v + m[8];
        let w = if w.abs() < 1e-9 { 1e-9 } else { w };
        [(m[0] * u + m[1] * v + m[2]) / w, (m[3] * u + m[4] * v + m[5]) / w]
    }

    /// This map after another.
    pub fn after(&self, first: &Warp) -> Warp {
        let (a, b) = (&self.0, &first.0);
        let mut m = [0.0; 9];
        for (i, value) in m.iter_mut().enumerate() {
            let (r, c) = (i / 3, i % 3);
            *value = (0..3).map(|k| a[r * 3 + k] * b[k * 3 + c]).sum();
        }
        Warp(m).scaled()
    }

    fn scaled(self) -> Warp {
        let last = self.0[8];
        if last.abs() < 1e-12 { self } else { Warp(self.0.map(|v| v / last)) }
    }

    pub fn inverse(&self) -> Option<Warp> {
        let m = &self.0;
        let minor = |i: usize, j: usize| {
            let (a, b) = ((i + 1) % 3, (i + 2) % 3);
            let (c, d) = ((j + 1) % 3, (j + 2) % 3);
            m[a * 3 + c] * m[b * 3 + d] - m[a * 3 + d] * m[b * 3 + c]
        };
        let whole: f64 = (0..3).map(|j| m[j] * minor(0, j)).sum();
        if !whole.is_finite() || whole.abs() < 1e-12 {
            return None;
        }
        let mut out = [0.0; 9];
        for (i, value) in out.iter_mut().enumerate() {
            *value = minor(i % 3, i / 3) / whole;
        }
        (out[8].abs() > 1e-12).then(|| Warp(out).scaled())
    }

    /// How the map acts near a point: the two by two matrix of its derivatives.
    pub fn local(&self, u: f64, v: f64) -> [f64; 4] {
        let m = &self.0;
        let w = m[6] * u + m[7] * v + m[8];
        let w = if w.abs() < 1e-9 { 1e-9 } else { w };
        let [x, y] = self.at(u, v);
        [(m[0] - x * m[6]) / w, (m[1] - x * m[7]) / w, (m[3] - y * m[6]) / w, (m[4] - y * m[7]) / w]
    }

    /// Pixels for a unit, near the middle.
    pub fn scale(&self) -> f64 {
        let [a, b, c, d] = self.local(0.0, 0.0);
        (a * d - b * c).abs().sqrt()
    }

    /// How far the longer axis is stretched over the shorter near the middle, as a natural
    /// logarithm.
    pub fn stretch(&self) -> f64 {
        let [a, b, c, d] = self.local(0.0, 0.0);
        let (e, f) = ((a + d) / 2.0, (a - d) / 2.0);
        let (g, h) = ((c + b) / 2.0, (c - b) / 2.0);
        let (q, r) = ((e * e + h * h).sqrt(), (f * f + g * g).sqrt());
        ((q + r) / (q - r).abs().max(1e-6)).ln()
    }

    /// How far the plane itself is stretched, as a natural logarithm, when a camera that looks at it
    /// from a slant explains as much as it can: a turned plane is foreshortened and nearer at one
    /// side, a stretched one is only stretched. `frame` is the frame's width and height; the lens
    /// is not known, so the kindest of the usual ones is taken.
    pub fn stretch_of_plane(&self, frame: [f64; 2]) -> f64 {
        let m = &self.0;
        let [cx, cy] = frame.map(|side| side / 2.0);
        let long = frame[0].max(frame[1]);
        let of_lens = |focal: f64| {
            let focal = focal * long;
            let column = |k: usize| {
                let depth = m[6 + k];
                [(m[k] - cx * depth) / focal, (m[3 + k] - cy * depth) / focal, depth]
            };
            let (a, b) = (column(0), column(1));
            let dot = |p: &[f64; 3], q: &[f64; 3]| (0..3).map(|i| p[i] * q[i]).sum::<f64>();
            let (aa, bb, ab) = (dot(&a, &a), dot(&b, &b), dot(&a, &b));
            let (mean, far) = ((aa + bb) / 2.0, (((aa - bb) / 2.0).powi(2) + ab * ab).sqrt());
            0.5 * ((mean + far) / (mean - far).max(1e-9)).ln()
        };
        LENSES.iter().map(|lens| of_lens(*lens)).fold(f64::MAX, f64::min)
    }

    /// How much nearer one side is than the other: the length of the two perspective terms.
    pub fn perspective(&self) -> f64 {
        (self.0[6] * self.0[6] + self.0[7] * self.0[7]).sqrt()
    }

    /// Whether it is a thing that a camera may do to a picture: nothing is mirrored, nothing lies
    /// behind the camera, and no side is squeezed beyond recognition.
    pub fn is_sane(&self, aspect: [f64; 2]) -> bool {
        if !self.0.iter().all(|v| v.is_finite()) || self.perspective() > 0.45 {
            return false;
        }
        let [w, h] = aspect;
        let corners = [[0.0, 0.0], [-w, -h], [w, -h], [w, h], [-w, h]];
        corners.iter().all(|[u, v]| {
            let [a, b, c, d] = self.local(*u, *v);
            a * d - b * c > 1e-6 && self.0[6] * u + self.0[7] * v + 1.0 > 0.3
        }) && self.stretch() < 0.75
    }
}

/// Solves `n` equations by Gauss with pivots; nothing where they don't decide.
pub(super) fn solve<const N: usize>(mut m: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for col in 0..N {
        let pivot = (col..N).max_by(|a, b| m[*a][col].abs().total_cmp(&m[*b][col].abs()))?;
        let size = m[pivot][col].abs();
        if size.is_nan() || size <= 1e-12 {
            return None;
        }
        m.swap(col, pivot);
        right.swap(col, pivot);
        let above = m[col];
        for row in col + 1..N {
            let factor = m[row][col] / above[col];
            if factor != 0.0 {
                m[row].iter_mut().zip(above).skip(col).for_each(|(v, a)| *v -= factor * a);
                right[row] -= factor * right[col];
            }
        }
    }
    let mut out = [0.0; N];
    for row in (0..N).rev() {
        let rest: f64 = (row + 1..N).map(|k| m[row][k] * out[k]).sum();
        out[row] = (right[row] - rest) / m[row][row];
    }
    out.iter().all(|v| v.is_finite()).then_some(out)
}

/// A point of the reference (in its units) and one of the frame (in pixels) that look alike, with
/// what turning and scaling the two descriptors suggest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub from: [f64; 2],
    pub to: [f64; 2],
    /// Pixels of the frame for a unit of the reference.
    pub scale: f64,
    /// Radians.
    pub turn: f64,
}

impl Match {
    fn alone(&self) -> Warp {
        let (a, b) = (self.scale * self.turn.cos(), self.scale * self.turn.sin());
        let [u, v] = self.from;
        Warp::similarity(a, b, self.to[0] - (a * u - b * v), self.to[1] - (b * u + a * v))
    }

    fn miss(&self, warp: &Warp) -> f64 {
        let [x, y] = warp.at(self.from[0], self.from[1]);
        ((x - self.to[0]).powi(2) + (y - self.to[1]).powi(2)).sqrt()
    }
}

/// The map that most matches agree on, and which ones do.
pub(super) fn agreed(matches: &[Match]) -> Option<(Warp, Vec<usize>)> {
    let free: Vec<usize> = (0..matches.len()).collect();
    if free.len() < 4 {
        return None;
    }
    let count = |warp: &Warp, reach: f64| -> f64 {
        let reach = reach * warp.scale();
        free.iter()
            .map(|i| {
                let miss = matches[*i].miss(warp);
                if miss < reach { 1.0 - 0.5 * (miss / reach) } else { 0.0 }
            })
            .sum()
    };
    // Each match by itself says where, how large and how turned; two together say it better.
    let mut best: Option<(f64, Warp)> = None;
    let consider = |warp: Warp, reach: f64, best: &mut Option<(f64, Warp)>| {
        if warp.scale().is_nan() || warp.scale() <= 4.0 {
            return;
        }
        let votes = count(&warp, reach);
        if best.as_ref().is_none_or(|(most, _)| votes > *most) {
            *best = Some((votes, warp));
        }
    };
    for i in &free {
        consider(matches[*i].alone(), 0.10, &mut best);
    }
    let (_, rough) = best?;
    let near: Vec<usize> =
        free.iter().copied().filter(|i| matches[*i].miss(&rough) < 0.2 * rough.scale()).collect();
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15 ^ matches.len() as u64);
    let mut best: Option<(f64, Warp)> = None;
    consider(rough, 0.04, &mut best);
    for _ in 0..200 {
        if near.len() < 2 {
            break;
        }
        let (a, b) = (near[chance.below(near.len())], near[chance.below(near.len())]);
        if let Some(warp) = of_two(&matches[a], &matches[b]) {
            let ratio = warp.scale() / rough.scale();
            if (0.5..2.0).contains(&ratio) {
                consider(warp, 0.04, &mut best);
            }
        }
    }
    let (_, mut warp) = best?;
    let mut inside = Vec::new();
    for reach in [0.06, 0.04, 0.03, 0.03] {
        let limit = reach * warp.scale();
        inside = free.iter().copied().filter(|i| matches[*i].miss(&warp) < limit).collect();
        let next =
            if inside.len() >= 8 { affine(matches, &inside) } else { similarity(matches, &inside) };
        match next {
            Some(next) if next.is_sane([1.0, 1.0]) => warp = next,
            _ => break,
        }
    }
    (inside.len() >= 4).then_some((warp, inside))
}

/// The similarity through two pairs; nothing where the points lie too close.
fn of_two(a: &Match, b: &Match) -> Option<Warp> {
    let (du, dv) = (b.from[0] - a.from[0], b.from[1] - a.from[1]);
    let (dx, dy) = (b.to[0] - a.to[0], b.to[1] - a.to[1]);
    let length = du * du + dv * dv;
    if length < 0.01 {
        return None;
    }
    let (p, q) = ((dx * du + dy * dv) / length, (dy * du - dx * dv) / length);
    let [u, v] = a.from;
    Some(Warp::similarity(p, q, a.to[0] - (p * u - q * v), a.to[1] - (q * u + p * v)))
}

fn similarity(matches: &[Match], inside: &[usize]) -> Option<Warp> {
    let mut m = [[0.0; 4]; 4];
    let mut right = [0.0; 4];
    for i in inside {
        let ([u, v], [x, y]) = (matches[*i].from, matches[*i].to);
        for (row, value) in [([u, -v, 1.0, 0.0], x), ([v, u, 0.0, 1.0], y)] {
            for r in 0..4 {
                for c in 0..4 {
                    m[r][c] += row[r] * row[c];
                }
                right[r] += row[r] * value;
            }
        }
    }
    let [a, b, tx, ty] = solve(m, right)?;
    Some(Warp::similarity(a, b, tx, ty))
}

fn affine(matches: &[Match], inside: &[usize]) -> Option<Warp> {
    let mut m = [[0.0; 3]; 3];
    let (mut right_x, mut right_y) = ([0.0; 3], [0.0; 3]);
    for i in inside {
        let ([u, v], [x, y]) = (matches[*i].from, matches[*i].to);
        let row = [u, v, 1.0];
        for r in 0..3 {
            for c in 0..3 {
                m[r][c] += row[r] * row[c];
            }
            right_x[r] += row[r] * x;
            right_y[r] += row[r] * y;
        }
    }
    let ([a, b, c], [d, e, f]) = (solve(m, right_x)?, solve(m, right_y)?);
    Some(Warp([a, b, c, d, e, f, 0.0, 0.0, 1.0]))
}

/// Chance that is the same each time (SplitMix64).
pub(super) struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    /// How a camera with a lens of 1.3 frames sees a plane that is turned away.
    fn seen_from(yaw: f64, wide: f64) -> Warp {
        let (frame, size, focal) = (480.0, 150.0, 1.3 * 480.0);
        let (s, c) = yaw.sin_cos();
        let depth = |u: f64| (focal - s * size * wide * u) / focal;
        // x = cx + c*size*wide*u/depth, y = cy + size*v/depth, depth linear in u.
        let p = depth(1.0) - 1.0;
        let cx = frame / 2.0;
        Warp([c * size * wide + cx * p, 0.0, cx, cx * p, size, cx, p, 0.0, 1.0])
    }

    #[test]
    fn a_map_and_its_inverse_undo_each_other() {
        let warp = Warp([120.0, -14.0, 200.0, 9.0, 131.0, 180.0, 0.05, -0.03, 1.0]);
        let both = warp.inverse().expect("an inverse").after(&warp);
        for (u, v) in [(0.0, 0.0), (0.7, -0.4), (-1.0, 1.0)] {
            let [a, b] = both.at(u, v);
            assert!(near(a, u) && near(b, v), "{a} {b}");
        }
        assert_eq!(Warp([0.0; 9]).inverse(), None);
    }

    #[test]
    fn slants_explain_foreshortening_and_stretching_stays() {
        for yaw in [0.0f64, 10.0, 20.0] {
            let honest = seen_from(yaw.to_radians(), 1.0);
            assert!(honest.stretch_of_plane([480.0; 2]) < 0.004, "{yaw}");
        }
        assert!(seen_from(20f64.to_radians(), 1.0).stretch() > 0.05);
        let wide = seen_from(0.0, 1.08).stretch_of_plane([480.0; 2]);
        assert!((wide - 1.08f64.ln()).abs() < 0.002, "{wide}");
    }

    #[test]
    fn maps_that_no_camera_makes_are_not_sane() {
        assert!(Warp::similarity(100.0, 20.0, 50.0, 60.0).is_sane([1.0, 0.6]));
        let mirrored = Warp([-100.0, 0.0, 50.0, 0.0, 100.0, 60.0, 0.0, 0.0, 1.0]);
        assert!(!mirrored.is_sane([1.0, 0.6]));
        assert!(!Warp([f64::NAN; 9]).is_sane([1.0, 1.0]));
        assert!(!Warp::similarity(0.0, 0.0, 0.0, 0.0).is_sane([1.0, 1.0]));
    }

    #[test]
    fn equations_that_decide_nothing_have_no_solution() {
        assert_eq!(solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), None);
        let [x, y] = solve([[0.0, 2.0], [3.0, 1.0]], [4.0, 5.0]).expect("a solution");
        assert!(near(x, 1.0) && near(y, 2.0));
    }

    #[test]
    fn the_place_that_most_agree_on_is_found_among_strays() {
        let truth = Warp::similarity(90.0, 25.0, 210.0, 190.0);
        let mut chance = Chance(3);
        let mut side = || 2.0 * chance.share() - 1.0;
        let matches: Vec<Match> = (0..60)
            .map(|i| {
                let from = [side(), side()];
                let to = truth.at(from[0], from[1]);
                let to =
                    if i % 3 == 0 { [210.0 + 200.0 * side(), 190.0 + 180.0 * side()] } else { to };
                let turn = 25f64.atan2(90.0) + if i % 3 == 0 { side() } else { 0.05 * side() };
                Match { from, to, scale: truth.scale() * (1.0 + 0.1 * side()), turn }
            })
            .collect();
        let (found, inside) = agreed(&matches).expect("agreement");
        assert!(inside.len() >= 40, "{}", inside.len());
        let ([a, b], [c, d]) = (found.at(0.5, 0.5), truth.at(0.5, 0.5));
        assert!((a - c).hypot(b - d) < 1.0);
        assert!(agreed(&matches[..3]).is_none());
    }
}
