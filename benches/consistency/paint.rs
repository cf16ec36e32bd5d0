//! What is done to pictures: colours, fills, parts of other pictures.
//!
//! What lives here: operations on pixels. What never does: which of them make which drift.

use std::f32::consts::TAU;

use fastrand::Rng;
use image::imageops::{FilterType, resize};
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::pool::Item;
use crate::raster::{blur, lab, rgb};
use crate::subject::{Rect, bounds};

/// A smooth field of random moves.
#[derive(Debug, Clone)]
pub struct Noise {
    waves: Vec<[f32; 5]>,
}

impl Noise {
    /// A field whose bumps are about `size` pixels wide.
    pub fn new(rng: &mut Rng, size: f32) -> Noise {
        let waves = (0..16)
            .map(|_| {
                let (turn, length) = (rng.f32() * TAU, size * (1.6 + 1.6 * rng.f32()));
                let k = TAU / length;
                [k * turn.cos(), k * turn.sin(), rng.f32() * TAU, rng.f32() * TAU, rng.f32()]
            })
            .collect();
        Noise { waves }
    }

    /// The move at a place and moment; about 1 in size.
    pub fn at(&self, x: f32, y: f32, u: f32) -> (f32, f32) {
        let mut sum = (0.0, 0.0);
        for [kx, ky, p, q, speed] in &self.waves {
            let phase = kx * x + ky * y + TAU * u * (0.3 + speed);
            sum.0 += (phase + p).sin();
            sum.1 += (phase + q).sin();
        }
        let n = (self.waves.len() as f32 / 2.0).sqrt();
        (sum.0 / n, sum.1 / n)
    }
}

/// 1 inside a rectangle, 0 outside, with a soft edge.
pub fn soft((w, h): (u32, u32), r: &Rect, sigma: f32) -> Vec<f32> {
    let mut out: Vec<f32> = (0..w * h)
        .map(|i| f32::from(u8::from(r.contains((i % w) as f32, (i / w) as f32))))
        .collect();
    blur(&mut out, w as usize, h as usize, sigma);
    out
}

/// Every pixel in Lab, changed.
fn recoloured(picture: &RgbImage, mut with: impl FnMut(usize, [f32; 3]) -> [f32; 3]) -> RgbImage {
    let mut out = picture.clone();
    for (i, p) in out.pixels_mut().enumerate() {
        p.0 = rgb(with(i, lab(p.0)));
    }
    out
}

/// The subject's mean difference in CIE76 if `with` were done to it.
fn mean_change(item: &Item, with: impl Fn([f32; 3]) -> [f32; 3]) -> f32 {
    let mut sum = (0.0, 0.0f32);
    for (x, y, p) in item.picture.enumerate_pixels() {
        if (x + y) % 3 == 0 && item.inside(x, y) {
            let old = lab(p.0);
            let new = lab(rgb(with(old)));
            let d: f32 = (0..3).map(|k| (old[k] - new[k]).powi(2)).sum::<f32>().sqrt();
            sum = (sum.0 + d, sum.1 + 1.0);
        }
    }
    sum.0 / sum.1.max(1.0)
}

/// Hues turned by degrees; where that shows too little, a tint of green or magenta besides, which
/// is no colour of light.
pub fn turned(item: &Item, degrees: f32, least: f32, rng: &mut Rng) -> RgbImage {
    let (s, c) = (degrees * if rng.bool() { 1.0 } else { -1.0 }).to_radians().sin_cos();
    let sign = if rng.bool() { 1.0 } else { -1.0 };
    let mut tint = 0.0;
    loop {
        let with = |[l, a, b]: [f32; 3]| [l, c * a - s * b + tint * sign, s * a + c * b];
        if tint > 40.0 || mean_change(item, with) >= least {
            return recoloured(&item.picture, |_, p| with(p));
        }
        tint += 2.0;
    }
}

/// Chroma times a factor.
pub fn saturated(picture: &RgbImage, factor: f32) -> RgbImage {
    recoloured(picture, |_, [l, a, b]| [l, a * factor, b * factor])
}

/// One of the subject's colours becomes another one.
pub fn variant(item: &Item, far: f32, off_daylight: bool, rng: &mut Rng) -> RgbImage {
    let (w, h) = (item.picture.width() as usize, item.picture.height() as usize);
    let labs: Vec<[f32; 3]> = item.picture.pixels().map(|p| lab(p.0)).collect();
    let inside: Vec<usize> =
        (0..w * h).step_by(7).filter(|&i| item.inside((i % w) as u32, (i / w) as u32)).collect();
    let feature = |p: &[f32; 3]| [p[0] * 0.5, p[1], p[2]];
    let near = |p: &[f32; 3], centres: &[[f32; 3]; 3]| -> usize {
        let d = |c: &[f32; 3]| -> f32 {
            let f = feature(p);
            (0..3).map(|k| (f[k] - c[k]).powi(2)).sum()
        };
        (0..3).min_by(|&i, &j| d(&centres[i]).total_cmp(&d(&centres[j]))).unwrap_or(0)
    };
    let mut centres: [[f32; 3]; 3] =
        std::array::from_fn(|_| feature(&labs[inside[rng.usize(..inside.len())]]));
    let mut counts = [0.0f32; 3];
    for _ in 0..10 {
        let mut sums = [[0.0f32; 3]; 3];
        counts = [0.0; 3];
        for &i in &inside {
            let k = near(&labs[i], &centres);
            counts[k] += 1.0;
            let f = feature(&labs[i]);
            (0..3).for_each(|j| sums[k][j] += f[j]);
        }
        for k in 0..3 {
            if counts[k] > 0.0 {
                centres[k] = sums[k].map(|v| v / counts[k]);
            }
        }
    }
    // The most colourful one that is neither tiny nor all, nor too dark to have a colour.
    let value = |k: usize| {
        let share = counts[k] / inside.len() as f32;
        let lit = (centres[k][0] * 2.0 - 12.0).clamp(0.0, 20.0) / 20.0;
        if share < 0.12 {
            share * 0.1
        } else {
            lit * (0.6 + centres[k][1].hypot(centres[k][2]) / 60.0)
        }
    };
    let chosen = (0..3).max_by(|&i, &j| value(i).total_cmp(&value(j))).unwrap_or(0);
    let mut member: Vec<f32> =
        labs.iter().map(|p| f32::from(u8::from(near(p, &centres) == chosen))).collect();
    blur(&mut member, w, h, 1.0);
    let mut turn = rng.f32() * TAU;
    while off_daylight && turn.sin().abs() > 0.8 {
        turn = rng.f32() * TAU;
    }
    let (da, db) = (far * turn.cos(), far * turn.sin());
    recoloured(&item.picture, |i, [l, a, b]| [l, a + da * member[i], b + db * member[i]])
}

/// Letters become what looks like letters: blocks are mirrored or exchanged, and everything is bent.
pub fn jumbled(
    picture: &RgbImage,
    region: &Rect,
    block: f32,
    share: f32,
    bend: f32,
    rng: &mut Rng,
) -> RgbImage {
    let (w, h) = (picture.width(), picture.height());
    let columns = (region.w / block).ceil().max(1.0) as usize;
    let rows = (region.h / block).ceil().max(1.0) as usize;
    let turns: Vec<u8> =
        (0..columns * rows).map(|_| if rng.f32() < share { rng.u8(1..4) } else { 0 }).collect();
    let noise = Noise::new(rng, block * 0.7);
    let edge = soft((w, h), &region.scaled(0.97, 0.97), 2.0);
    let sample = |x: f32, y: f32| -> [f32; 3] {
        let (x, y) =
            ((x - 0.5).clamp(0.0, w as f32 - 1.001), (y - 0.5).clamp(0.0, h as f32 - 1.001));
        let (ix, iy) = (x as u32, y as u32);
        let (tx, ty) = (x.fract(), y.fract());
        let at = |i: u32, j: u32| picture.get_pixel(i.min(w - 1), j.min(h - 1)).0.map(f32::from);
        let (a, b, c, d) = (at(ix, iy), at(ix + 1, iy), at(ix, iy + 1), at(ix + 1, iy + 1));
        std::array::from_fn(|k| {
            (a[k] * (1.0 - tx) + b[k] * tx) * (1.0 - ty) + (c[k] * (1.0 - tx) + d[k] * tx) * ty
        })
    };
    let mut out = picture.clone();
    for (x, y, p) in out.enumerate_pixels_mut() {
        let a = edge[(y * w + x) as usize];
        if a < 0.01 {
            continue;
        }
        let (dx, dy) = noise.at(x as f32, y as f32, 0.0);
        let (px, py) = (x as f32 + 0.5 + dx * bend, y as f32 + 0.5 + dy * bend);
        let (u, v) = (((px - region.x) / block).max(0.0), ((py - region.y) / block).max(0.0));
        let (i, j) = ((u as usize).min(columns - 1), (v as usize).min(rows - 1));
        let (mut fu, mut fv) = (u - i as f32, v - j as f32);
        match turns[j * columns + i] {
            1 => fu = 1.0 - fu,
            2 => fv = 1.0 - fv,
            3 => (fu, fv) = (1.0 - fu, 1.0 - fv),
            _ => {}
        }
        let new = sample(region.x + (i as f32 + fu) * block, region.y + (j as f32 + fv) * block);
        p.0 = std::array::from_fn(|k| (f32::from(p.0[k]) * (1.0 - a) + new[k] * a).round() as u8);
    }
    out
}

/// The colour of a region that stands out most from its mean.
pub fn ink(picture: &RgbImage, region: &Rect, mask: Option<&GrayImage>) -> [u8; 3] {
    let inside: Vec<[u8; 3]> = picture
        .enumerate_pixels()
        .filter(|(x, y, _)| {
            region.contains(*x as f32, *y as f32)
                && mask.is_none_or(|m| m.get_pixel(*x, *y).0[0] > 127)
        })
        .map(|(_, _, p)| p.0)
        .collect();
    let n = inside.len().max(1) as f32;
    let mean: [f32; 3] =
        std::array::from_fn(|k| inside.iter().map(|p| f32::from(p[k])).sum::<f32>() / n);
    let far = |p: &[u8; 3]| -> f32 { (0..3).map(|k| (f32::from(p[k]) - mean[k]).powi(2)).sum() };
    let mut sorted = inside;
    sorted.sort_by(|a, b| far(b).total_cmp(&far(a)));
    sorted.get(sorted.len() / 40).copied().unwrap_or([20, 20, 20])
}

/// What was painted inside the mask only.
pub fn clipped(new: &RgbImage, old: &RgbImage, mask: Option<&GrayImage>) -> RgbImage {
    let Some(mask) = mask else { return new.clone() };
    let soft: Vec<f32> = mask.as_raw().iter().map(|&v| f32::from(v) / 255.0).collect();
    mixed(old, new, &soft)
}

/// One picture where the weight is 0, another where it is 1.
pub fn mixed(a: &RgbImage, b: &RgbImage, weight: &[f32]) -> RgbImage {
    RgbImage::from_fn(a.width(), a.height(), |x, y| {
        let t = weight[(y * a.width() + x) as usize];
        let (p, q) = (a.get_pixel(x, y).0, b.get_pixel(x, y).0);
        Rgb(std::array::from_fn(|k| {
            (f32::from(p[k]) * (1.0 - t) + f32::from(q[k]) * t).round() as u8
        }))
    })
}

pub fn mixed_masks(a: &GrayImage, b: &GrayImage, weight: &[f32]) -> GrayImage {
    GrayImage::from_fn(a.width(), a.height(), |x, y| {
        let t = weight[(y * a.width() + x) as usize];
        let (p, q) = (f32::from(a.get_pixel(x, y).0[0]), f32::from(b.get_pixel(x, y).0[0]));
        Luma([(p * (1.0 - t) + q * t).round() as u8])
    })
}

/// Another product in the subject's place: as high or as wide, standing on the same ground.
pub fn fitted(item: &Item, other: &Item) -> (RgbImage, Option<GrayImage>) {
    let (s, o) = (&item.subject, &other.subject);
    let scale = ((s.w * s.h) / (o.w * o.h)).sqrt();
    let scale = scale.min(1.25 * s.w / o.w).min(1.25 * s.h / o.h);
    put(item, other, (scale, scale))
}

/// Another product stretched into the subject's box.
pub fn fitted_wide(item: &Item, other: &Item) -> (RgbImage, Option<GrayImage>) {
    let (s, o) = (&item.subject, &other.subject);
    put(item, other, (s.w / o.w, s.h / o.h))
}

fn put(item: &Item, other: &Item, (sx, sy): (f32, f32)) -> (RgbImage, Option<GrayImage>) {
    let (w, h) = item.picture.dimensions();
    let (Some(_), Some(mask)) = (&item.mask, &other.mask) else {
        let picture = resize(&other.picture, w, h, FilterType::Triangle);
        return (picture, item.mask.clone());
    };
    let b = bounds(mask).scaled(1.03, 1.03).within(other.picture.width(), other.picture.height());
    let crop = |x: f32| x.max(0.0) as u32;
    let (bx, by, bw, bh) = (crop(b.x), crop(b.y), crop(b.w), crop(b.h));
    let part = image::imageops::crop_imm(&other.picture, bx, by, bw, bh).to_image();
    let hole = image::imageops::crop_imm(mask, bx, by, bw, bh).to_image();
    let (nw, nh) = (((bw as f32 * sx) as u32).max(2), ((bh as f32 * sy) as u32).max(2));
    let part = resize(&part, nw, nh, FilterType::Triangle);
    let hole = resize(&hole, nw, nh, FilterType::Triangle);
    let left = (item.subject.x + item.subject.w / 2.0 - nw as f32 / 2.0) as i64;
    let top = (item.subject.y + item.subject.h - nh as f32) as i64;
    let mut picture = RgbImage::from_pixel(w, h, Rgb([128; 3]));
    let mut full = GrayImage::new(w, h);
    image::imageops::replace(&mut picture, &part, left, top);
    image::imageops::replace(&mut full, &hole, left, top);
    (picture, Some(full))
}

/// Mean and spread of each Lab channel of one picture given to another.
pub fn in_colours_of(picture: &RgbImage, mask: Option<&GrayImage>, item: &Item) -> RgbImage {
    let from = statistics(picture, mask);
    let to = statistics(&item.picture, item.mask.as_ref());
    recoloured(picture, |_, p| {
        std::array::from_fn(|k| {
            (p[k] - from[k].0) * (to[k].1 / from[k].1.max(2.0)).clamp(0.3, 2.5) + to[k].0
        })
    })
}

fn statistics(picture: &RgbImage, mask: Option<&GrayImage>) -> [(f32, f32); 3] {
    let mut sums = [(0.0f64, 0.0f64); 3];
    let mut n = 0.0f64;
    for (x, y, p) in picture.enumerate_pixels() {
        if mask.is_none_or(|m| m.get_pixel(x, y).0[0] > 127) {
            let p = lab(p.0);
            n += 1.0;
            for k in 0..3 {
                sums[k].0 += f64::from(p[k]);
                sums[k].1 += f64::from(p[k]).powi(2);
            }
        }
    }
    sums.map(|(s, q)| {
        let mean = s / n.max(1.0);
        (mean as f32, (q / n.max(1.0) - mean * mean).max(0.0).sqrt() as f32)
    })
}

/// How different two pictures are inside a rectangle: CIE76, and 60 where only one has a subject.
pub fn difference(
    a: &RgbImage,
    a_mask: Option<&GrayImage>,
    b: &RgbImage,
    b_mask: Option<&GrayImage>,
    within: &Rect,
) -> f32 {
    let mut sum = (0.0, 0.0f32);
    for (x, y, p) in a.enumerate_pixels() {
        if (x + 2 * y) % 5 != 0 || !within.contains(x as f32, y as f32) {
            continue;
        }
        let on = |m: Option<&GrayImage>| m.is_none_or(|m| m.get_pixel(x, y).0[0] > 127);
        let d = match (on(a_mask), on(b_mask)) {
            (false, false) => continue,
            (true, true) => {
                let (p, q) = (lab(p.0), lab(b.get_pixel(x, y).0));
                (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f32>().sqrt()
            }
            _ => 60.0,
        };
        sum = (sum.0 + d, sum.1 + 1.0);
    }
    sum.0 / sum.1.max(1.0)
}
