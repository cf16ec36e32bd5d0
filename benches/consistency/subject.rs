//! A picture's subject: where it is, what the ground behind it looks like, where its finest
//! structure lies.
//!
//! What lives here: measuring pictures before anything is done to them. What never does: drawing.

use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::raster::{blur, lab};

/// Left, top, width, height in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

impl Rect {
    pub fn middle(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// The same middle, sides times a factor.
    pub fn scaled(&self, fx: f32, fy: f32) -> Rect {
        let (cx, cy) = self.middle();
        let (w, h) = (self.w * fx, self.h * fy);
        Rect { x: cx - w / 2.0, y: cy - h / 2.0, w, h }
    }

    /// Cut to a picture.
    pub fn within(&self, width: u32, height: u32) -> Rect {
        let (x, y) = (self.x.max(0.0), self.y.max(0.0));
        let right = (self.x + self.w).min(width as f32);
        let low = (self.y + self.h).min(height as f32);
        Rect { x, y, w: (right - x).max(1.0), h: (low - y).max(1.0) }
    }

    /// The box around both.
    pub fn with(&self, other: &Rect) -> Rect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.w).max(other.x + other.w);
        let low = (self.y + self.h).max(other.y + other.h);
        Rect { x, y, w: right - x, h: low - y }
    }

    pub fn contains(&self, x: f32, y: f32) -> bool {
        x >= self.x && y >= self.y && x < self.x + self.w && y < self.y + self.h
    }
}

/// The subject before a plain ground, 255 where it is; nothing where the ground is not plain.
pub fn mask(picture: &RgbImage) -> Option<GrayImage> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let labs: Vec<[f32; 3]> = picture.pixels().map(|p| lab(p.0)).collect();
    let border: Vec<usize> = (0..w)
        .flat_map(|x| [x, (h - 1) * w + x])
        .chain((0..h).flat_map(|y| [y * w, y * w + w - 1]))
        .collect();
    let ground: [f32; 3] = std::array::from_fn(|k| {
        let mut values: Vec<f32> = border.iter().map(|&i| labs[i][k]).collect();
        values.sort_by(f32::total_cmp);
        values[values.len() * 6 / 10]
    });
    let far = |i: usize| {
        let d: [f32; 3] = std::array::from_fn(|k| labs[i][k] - ground[k]);
        // Shadows are darker in the ground's own colour.
        let light = if d[0] < 0.0 { d[0] * 0.35 } else { d[0] };
        (light * light + 2.0 * d[1] * d[1] + 2.0 * d[2] * d[2]).sqrt()
    };
    let near_border = border.iter().filter(|&&i| far(i) < 6.0).count();
    if (near_border as f32) < 0.62 * border.len() as f32 {
        return None;
    }
    let mut is_ground = vec![false; w * h];
    let mut open: Vec<usize> = border.iter().copied().filter(|&i| far(i) < 6.0).collect();
    open.iter().for_each(|&i| is_ground[i] = true);
    while let Some(i) = open.pop() {
        let (x, y) = (i % w, i / w);
        let mut visit = |j: usize| {
            let step: f32 = (0..3).map(|k| (labs[i][k] - labs[j][k]).powi(2)).sum::<f32>().sqrt();
            if !is_ground[j] && far(j) < 9.0 && step < 3.0 {
                is_ground[j] = true;
                open.push(j);
            }
        };
        if x > 0 {
            visit(i - 1);
        }
        if x + 1 < w {
            visit(i + 1);
        }
        if y > 0 {
            visit(i - w);
        }
        if y + 1 < h {
            visit(i + w);
        }
    }
    let mut soft: Vec<f32> = is_ground.iter().map(|&g| f32::from(u8::from(!g))).collect();
    // Specks go, the edge becomes soft.
    blur(&mut soft, w, h, 1.6);
    soft.iter_mut().for_each(|v| *v = f32::from(u8::from(*v > 0.55)));
    if main_share(&soft, w, h) < 0.5 {
        return None;
    }
    blur(&mut soft, w, h, 0.6);
    let area = soft.iter().sum::<f32>() / (w * h) as f32;
    if !(0.03..0.92).contains(&area) {
        return None;
    }
    Some(GrayImage::from_fn(w as u32, h as u32, |x, y| {
        Luma([(soft[y as usize * w + x as usize] * 255.0) as u8])
    }))
}

/// How much of what is set lies in the largest connected part: a texture falls apart.
fn main_share(set: &[f32], w: usize, h: usize) -> f32 {
    let mut left: Vec<bool> = set.iter().map(|v| *v > 0.5).collect();
    let all = left.iter().filter(|v| **v).count();
    let mut largest = 0;
    for start in 0..w * h {
        if !left[start] {
            continue;
        }
        left[start] = false;
        let (mut open, mut area) = (vec![start], 0);
        while let Some(i) = open.pop() {
            area += 1;
            let (x, y) = (i % w, i / w);
            let around = [(x > 0, i.wrapping_sub(1)), (x + 1 < w, i + 1)]
                .into_iter()
                .chain([(y > 0, i.wrapping_sub(w)), (y + 1 < h, i + w)]);
            for (_, j) in around.filter(|(inside, _)| *inside) {
                if left[j] {
                    left[j] = false;
                    open.push(j);
                }
            }
        }
        largest = largest.max(area);
    }
    largest as f32 / all.max(1) as f32
}

/// The box around a mask.
pub fn bounds(mask: &GrayImage) -> Rect {
    let (mut x0, mut y0, mut x1, mut y1) = (mask.width(), mask.height(), 0, 0);
    for (x, y, p) in mask.enumerate_pixels() {
        if p.0[0] > 127 {
            x0 = x0.min(x);
            y0 = y0.min(y);
            x1 = x1.max(x + 1);
            y1 = y1.max(y + 1);
        }
    }
    Rect {
        x: x0 as f32,
        y: y0 as f32,
        w: x1.saturating_sub(x0).max(1) as f32,
        h: y1.saturating_sub(y0).max(1) as f32,
    }
}

/// The share of the picture's border that the subject touches.
pub fn touches(mask: &GrayImage) -> f32 {
    let (w, h) = mask.dimensions();
    let on = |x: u32, y: u32| u32::from(mask.get_pixel(x, y).0[0] > 127);
    let sum: u32 = (0..w).map(|x| on(x, 0) + on(x, h - 1)).sum::<u32>()
        + (0..h).map(|y| on(0, y) + on(w - 1, y)).sum::<u32>();
    sum as f32 / (2 * (w + h)) as f32
}

/// Sums over rectangles.
pub struct Sums {
    width: usize,
    height: usize,
    data: Vec<f64>,
}

impl Sums {
    pub fn of(values: &[f32], width: usize, height: usize) -> Sums {
        let mut data = vec![0.0; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row = 0.0;
            for x in 0..width {
                row += f64::from(values[y * width + x]);
                data[(y + 1) * (width + 1) + x + 1] = data[y * (width + 1) + x + 1] + row;
            }
        }
        Sums { width, height, data }
    }

    /// The mean over a rectangle, which is cut to the picture.
    pub fn mean(&self, r: &Rect) -> f32 {
        let x0 = (r.x.max(0.0) as usize).min(self.width);
        let y0 = (r.y.max(0.0) as usize).min(self.height);
        let x1 = ((r.x + r.w).max(0.0) as usize).min(self.width).max(x0);
        let y1 = ((r.y + r.h).max(0.0) as usize).min(self.height).max(y0);
        let at = |x: usize, y: usize| self.data[y * (self.width + 1) + x];
        let area = ((x1 - x0) * (y1 - y0)).max(1) as f64;
        ((at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0)) / area) as f32
    }
}

/// How much fine structure there is at each pixel: what a blur takes away, in units of L*.
pub fn fineness(picture: &RgbImage) -> Vec<f32> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let light: Vec<f32> = picture.pixels().map(|p| lab(p.0)[0]).collect();
    let mut soft = light.clone();
    let sigma = w.max(h) as f32 / 250.0;
    blur(&mut soft, w, h, sigma);
    light.iter().zip(&soft).map(|(a, b)| (a - b).abs()).collect()
}

/// A mask without a rim of some pixels.
pub fn eroded(mask: &GrayImage, by: f32) -> Vec<f32> {
    let (w, h) = (mask.width() as usize, mask.height() as usize);
    let mut soft: Vec<f32> = mask.as_raw().iter().map(|&v| f32::from(v) / 255.0).collect();
    blur(&mut soft, w, h, by / 1.5);
    soft.iter().map(|v| f32::from(u8::from(*v > 0.985))).collect()
}

/// The rectangle with the finest structure inside the subject, and how fine it is; what a label
/// or a print is likely to be.
pub fn finest(picture: &RgbImage, mask: Option<&GrayImage>, subject: &Rect) -> (Rect, f32) {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let inner = mask.map(|m| eroded(m, w.max(h) as f32 / 90.0));
    let mut fine = fineness(picture);
    if let Some(inner) = &inner {
        fine.iter_mut().zip(inner).for_each(|(f, m)| *f *= m);
    }
    // Single bright edges don't count for more than print does.
    fine.iter_mut().for_each(|f| *f = f.min(14.0));
    let sums = Sums::of(&fine, w, h);
    let mut best = (subject.scaled(0.4, 0.3), 0.0, 0.0);
    for (fw, fh) in [(0.5, 0.2), (0.4, 0.3), (0.55, 0.35), (0.3, 0.3), (0.3, 0.15), (0.35, 0.45)] {
        let (rw, rh) = (subject.w * fw, subject.h * fh);
        for iy in 0..=24 {
            for ix in 0..=24 {
                let r = Rect {
                    x: subject.x + (subject.w - rw) * ix as f32 / 24.0,
                    y: subject.y + (subject.h - rh) * iy as f32 / 24.0,
                    w: rw,
                    h: rh,
                };
                let mean = sums.mean(&r);
                let value = mean * (rw * rh).powf(0.25);
                if value > best.1 {
                    best = (r, value, mean);
                }
            }
        }
    }
    (best.0, best.2)
}

/// The picture with a region filled smoothly from around it: `hole` tells how much of each pixel
/// is to be filled.
pub fn filled(picture: &RgbImage, hole: &[f32]) -> RgbImage {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let mut channels: Vec<Vec<f32>> =
        (0..3).map(|k| picture.pixels().map(|p| f32::from(p.0[k])).collect()).collect();
    let known: Vec<f32> = hole.iter().map(|v| f32::from(u8::from(*v < 0.02))).collect();
    for channel in &mut channels {
        *channel = diffused(channel, &known, w, h);
    }
    RgbImage::from_fn(w as u32, h as u32, |x, y| {
        let i = y as usize * w + x as usize;
        let p = picture.get_pixel(x, y).0;
        let a = hole[i];
        Rgb(std::array::from_fn(|k| {
            (f32::from(p[k]) * (1.0 - a) + channels[k][i] * a).round().clamp(0.0, 255.0) as u8
        }))
    })
}

/// Push and pull over a pyramid, then a few rounds of smoothing at each level.
fn diffused(values: &[f32], known: &[f32], w: usize, h: usize) -> Vec<f32> {
    if w <= 2 || h <= 2 || known.iter().all(|&k| k > 0.0) {
        let sum: f32 = known.iter().sum();
        let mean = values.iter().zip(known).map(|(v, k)| v * k).sum::<f32>() / sum.max(1e-6);
        return values.iter().zip(known).map(|(v, k)| if *k > 0.0 { *v } else { mean }).collect();
    }
    let (sw, sh) = (w.div_ceil(2), h.div_ceil(2));
    let (mut small, mut weight) = (vec![0.0; sw * sh], vec![0.0; sw * sh]);
    for y in 0..h {
        for x in 0..w {
            let (i, j) = (y * w + x, y / 2 * sw + x / 2);
            small[j] += values[i] * known[i];
            weight[j] += known[i];
        }
    }
    small.iter_mut().zip(&mut weight).for_each(|(v, k)| {
        *v /= k.max(1e-6);
        *k = f32::from(u8::from(*k > 0.0));
    });
    let coarse = diffused(&small, &weight, sw, sh);
    let mut out: Vec<f32> = (0..w * h)
        .map(|i| if known[i] > 0.0 { values[i] } else { coarse[(i / w) / 2 * sw + (i % w) / 2] })
        .collect();
    let unknown: Vec<usize> = (0..w * h).filter(|&i| known[i] == 0.0).collect();
    for _ in 0..6 {
        for &i in &unknown {
            let (x, y) = (i % w, i / w);
            let left = out[if x > 0 { i - 1 } else { i }];
            let right = out[if x + 1 < w { i + 1 } else { i }];
            let up = out[if y > 0 { i - w } else { i }];
            let low = out[if y + 1 < h { i + w } else { i }];
            out[i] = (left + right + up + low) / 4.0;
        }
    }
    out
}
