//! ORB by the book, as a baseline: corners in a pyramid, turned binary descriptors, mutual matches,
//! one similarity by RANSAC. Its inlier count alone is what it says of a clip.

use fastrand::Rng;
use image::RgbImage;

use crate::raster::blur;

/// Corners that are kept of a picture.
const MOST: usize = 500;
/// Half of a descriptor's patch.
const REACH: i32 = 15;

/// A corner: where it is at full size, and its 256 comparisons.
pub struct Corner {
    x: f32,
    y: f32,
    bits: [u64; 4],
}

struct Grey {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Grey {
    fn of(picture: &RgbImage, longest: f32) -> (Grey, f32) {
        let scale = (longest / picture.width().max(picture.height()) as f32).min(1.0);
        let size = |n: u32| ((n as f32 * scale).round() as u32).max(1);
        let small =
            image::imageops::thumbnail(picture, size(picture.width()), size(picture.height()));
        let data = small
            .pixels()
            .map(|p| {
                0.299 * f32::from(p.0[0]) + 0.587 * f32::from(p.0[1]) + 0.114 * f32::from(p.0[2])
            })
            .collect();
        (Grey { width: small.width() as usize, height: small.height() as usize, data }, scale)
    }

    fn at(&self, x: i32, y: i32) -> f32 {
        let x = x.clamp(0, self.width as i32 - 1) as usize;
        let y = y.clamp(0, self.height as i32 - 1) as usize;
        self.data[y * self.width + x]
    }

    fn smaller(&self, by: f32) -> Grey {
        let (w, h) = ((self.width as f32 * by) as usize, (self.height as f32 * by) as usize);
        let mut soft = self.data.clone();
        blur(&mut soft, self.width, self.height, 0.6);
        let soft = Grey { width: self.width, height: self.height, data: soft };
        let mut data = Vec::with_capacity(w * h);
        for y in 0..h {
            for x in 0..w {
                let (fx, fy) = ((x as f32 + 0.5) / by - 0.5, (y as f32 + 0.5) / by - 0.5);
                let (ix, iy) = (fx.floor() as i32, fy.floor() as i32);
                let (tx, ty) = (fx - ix as f32, fy - iy as f32);
                let top = soft.at(ix, iy) * (1.0 - tx) + soft.at(ix + 1, iy) * tx;
                let low = soft.at(ix, iy + 1) * (1.0 - tx) + soft.at(ix + 1, iy + 1) * tx;
                data.push(top * (1.0 - ty) + low * ty);
            }
        }
        Grey { width: w, height: h, data }
    }
}

/// The circle of FAST.
const CIRCLE: [(i32, i32); 16] = [
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

/// The corners of a picture.
pub fn corners(picture: &RgbImage) -> Vec<Corner> {
    let mut rng = Rng::with_seed(0xB41EF);
    let mut offset = || {
        let sum: f32 = (0..4).map(|_| rng.f32() - 0.5).sum();
        (sum * 11.0).clamp(-11.0, 11.0)
    };
    let pairs: Vec<[f32; 4]> = (0..256).map(|_| std::array::from_fn(|_| offset())).collect();
    let (mut grey, scale) = Grey::of(picture, 480.0);
    let mut factor = scale;
    let mut all = Vec::new();
    for level in 0..5 {
        if grey.width < 40 || grey.height < 40 {
            break;
        }
        let mut soft = grey.data.clone();
        blur(&mut soft, grey.width, grey.height, 1.2);
        let soft = Grey { width: grey.width, height: grey.height, data: soft };
        let mut found = fast(&grey);
        found.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.1, a.0).cmp(&(b.1, b.0))));
        found.truncate(MOST * 2 / (5 + level));
        for (x, y, _) in found {
            let bits = described(&soft, x, y, &pairs);
            all.push(Corner { x: x as f32 / factor, y: y as f32 / factor, bits });
        }
        grey = grey.smaller(0.75);
        factor *= 0.75;
    }
    all
}

fn fast(grey: &Grey) -> Vec<(i32, i32, f32)> {
    let (w, h) = (grey.width as i32, grey.height as i32);
    let mut strength = vec![0.0f32; grey.data.len()];
    for y in REACH..h - REACH {
        for x in REACH..w - REACH {
            let c = grey.at(x, y);
            let far = |k: usize| {
                let (dx, dy) = CIRCLE[k % 16];
                grey.data[((y + dy) * w + x + dx) as usize] - c
            };
            const T: f32 = 12.0;
            let quick = [0, 4, 8, 12].map(far);
            if quick.iter().filter(|d| **d > T).count() < 2
                && quick.iter().filter(|d| **d < -T).count() < 2
            {
                continue;
            }
            let all: [f32; 16] = std::array::from_fn(far);
            let run = |sign: f32| {
                let (mut longest, mut now) = (0, 0);
                for k in 0..32 {
                    now = if all[k % 16] * sign > T { now + 1 } else { 0 };
                    longest = longest.max(now);
                }
                longest >= 9
            };
            if run(1.0) || run(-1.0) {
                strength[(y * w + x) as usize] = all.iter().map(|d| (d.abs() - T).max(0.0)).sum();
            }
        }
    }
    let mut out = Vec::new();
    for y in REACH..h - REACH {
        for x in REACH..w - REACH {
            let s = strength[(y * w + x) as usize];
            if s > 0.0 {
                let best = (-1..=1).all(|dy| {
                    (-1..=1).all(|dx| {
                        let o = strength[((y + dy) * w + x + dx) as usize];
                        o < s || (o == s && (dy, dx) >= (0, 0))
                    })
                });
                if best {
                    out.push((x, y, s));
                }
            }
        }
    }
    out
}

fn described(grey: &Grey, x: i32, y: i32, pairs: &[[f32; 4]]) -> [u64; 4] {
    let (mut mx, mut my) = (0.0, 0.0);
    for dy in -REACH..=REACH {
        for dx in -REACH..=REACH {
            if dx * dx + dy * dy <= REACH * REACH {
                let v = grey.at(x + dx, y + dy);
                mx += v * dx as f32;
                my += v * dy as f32;
            }
        }
    }
    let (s, c) = my.atan2(mx).sin_cos();
    let at = |px: f32, py: f32| {
        grey.at(x + (c * px - s * py).round() as i32, y + (s * px + c * py).round() as i32)
    };
    let mut bits = [0; 4];
    for (i, p) in pairs.iter().enumerate() {
        if at(p[0], p[1]) < at(p[2], p[3]) {
            bits[i / 64] |= 1 << (i % 64);
        }
    }
    bits
}

fn apart(a: &Corner, b: &Corner) -> u32 {
    (0..4).map(|k| (a.bits[k] ^ b.bits[k]).count_ones()).sum()
}

/// How many matches agree on one similarity.
pub fn inliers(a: &[Corner], b: &[Corner]) -> usize {
    let nearest = |from: &Corner, to: &[Corner]| -> Option<(usize, u32, u32)> {
        let (mut best, mut second, mut at) = (257, 257, None);
        for (i, c) in to.iter().enumerate() {
            let d = apart(from, c);
            if d < best {
                (second, best, at) = (best, d, Some(i));
            } else if d < second {
                second = d;
            }
        }
        at.map(|i| (i, best, second))
    };
    let matches: Vec<(&Corner, &Corner)> = a
        .iter()
        .enumerate()
        .filter_map(|(i, c)| {
            let (j, best, second) = nearest(c, b)?;
            let sure = best < 64 && (best as f32) < 0.85 * second as f32;
            (sure && nearest(&b[j], a)?.0 == i).then(|| (c, &b[j]))
        })
        .collect();
    if matches.len() < 3 {
        return matches.len();
    }
    let mut rng = Rng::with_seed(7);
    let mut most = 0;
    for _ in 0..300 {
        let (p, q) = (matches[rng.usize(..matches.len())], matches[rng.usize(..matches.len())]);
        let (dx, dy) = (q.0.x - p.0.x, q.0.y - p.0.y);
        let length = dx * dx + dy * dy;
        if length < 100.0 {
            continue;
        }
        let (ex, ey) = (q.1.x - p.1.x, q.1.y - p.1.y);
        let (c, s) = ((dx * ex + dy * ey) / length, (dx * ey - dy * ex) / length);
        let count = matches
            .iter()
            .filter(|(m, n)| {
                let (x, y) = (m.x - p.0.x, m.y - p.0.y);
                let (u, v) = (p.1.x + c * x - s * y, p.1.y + s * x + c * y);
                (u - n.x).hypot(v - n.y) < 5.0
            })
            .count();
        most = most.max(count);
    }
    most
}
