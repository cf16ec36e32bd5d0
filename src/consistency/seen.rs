//! A frame as it is looked at: the same picture at several sizes.
//!
//! What lives here: halved copies, reading between pixels at the size that fits, points found when
//! first asked for. What never does: a reference.

use std::cell::OnceCell;

use image::RgbImage;

use super::geometry::Warp;
use super::keypoints::{self, Keypoint, Pattern};
use crate::inspect::raster::Plane;

/// Halved copies at most.
const HALVES: usize = 5;
/// Points at most.
const MOST_POINTS: usize = 900;

/// Colours in rows, at one size.
pub(super) struct Copy {
    pub width: usize,
    pub height: usize,
    pub colours: Vec<[u8; 3]>,
}

/// A frame at several sizes.
pub(super) struct Seen {
    pub copies: Vec<Copy>,
    pub lumas: Vec<Plane>,
    points: OnceCell<Vec<Keypoint>>,
}

impl Seen {
    pub fn of(picture: &RgbImage) -> Self {
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let first = Copy { width: w, height: h, colours: picture.pixels().map(|p| p.0).collect() };
        let mut copies = vec![first];
        while copies.len() < HALVES {
            let Some(next) = copies.last().and_then(halved) else { break };
            copies.push(next);
        }
        let lumas = copies.iter().map(luma).collect();
        Seen { copies, lumas, points: OnceCell::new() }
    }

    pub fn width(&self) -> usize {
        self.copies[0].width
    }

    pub fn height(&self) -> usize {
        self.copies[0].height
    }

    pub fn points(&self, pattern: &Pattern) -> &[Keypoint] {
        self.points
            .get_or_init(|| keypoints::find(&self.lumas[0], MOST_POINTS, pattern, |_, _| true))
    }

    /// Which copy has about one pixel for one of the reference at a size (pixels for a unit).
    pub fn copy_for(&self, warp: &Warp, pixels: f64) -> usize {
        let ratio = warp.scale() / pixels.max(1e-6);
        let halves = if ratio > 1.0 { ratio.log2().round() as usize } else { 0 };
        halves.min(self.copies.len() - 1)
    }

    /// The light at a place of the whole frame, read from one copy; nothing outside.
    pub fn light(&self, copy: usize, x: f64, y: f64) -> Option<f32> {
        let plane = &self.lumas[copy];
        let (px, py) = self.inside(copy, x, y)?;
        Some(keypoints::between(plane, px, py))
    }

    /// The colour at a place of the whole frame, read from one copy; nothing outside.
    pub fn colour(&self, copy: usize, x: f64, y: f64) -> Option<[f32; 3]> {
        let (px, py) = self.inside(copy, x, y)?;
        let c = &self.copies[copy];
        let px = px.clamp(0.0, (c.width - 1) as f32);
        let py = py.clamp(0.0, (c.height - 1) as f32);
        let (x0, y0) = (px as usize, py as usize);
        let (x1, y1) = ((x0 + 1).min(c.width - 1), (y0 + 1).min(c.height - 1));
        let (fx, fy) = (px - x0 as f32, py - y0 as f32);
        let at = |x: usize, y: usize| c.colours[y * c.width + x];
        let (a, b, d, e) = (at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1));
        Some([0, 1, 2].map(|k| {
            let [a, b, d, e] = [a[k], b[k], d[k], e[k]].map(f32::from);
            let (upper, lower) = (a + (b - a) * fx, d + (e - d) * fx);
            upper + (lower - upper) * fy
        }))
    }

    fn inside(&self, copy: usize, x: f64, y: f64) -> Option<(f32, f32)> {
        let (w, h) = (self.width() as f64, self.height() as f64);
        if !(x >= 0.0 && y >= 0.0 && x < w && y < h) {
            return None;
        }
        let c = &self.copies[copy];
        Some(((x * c.width as f64 / w - 0.5) as f32, (y * c.height as f64 / h - 0.5) as f32))
    }
}

fn halved(copy: &Copy) -> Option<Copy> {
    let (w, h) = (copy.width / 2, copy.height / 2);
    if w < 8 || h < 8 {
        return None;
    }
    let mut colours = Vec::with_capacity(w * h);
    for y in 0..h {
        let upper = &copy.colours[2 * y * copy.width..];
        let lower = &copy.colours[(2 * y + 1) * copy.width..];
        for x in 0..w {
            let (a, b, c, d) = (upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]);
            colours.push([0, 1, 2].map(|k| {
                let sum = u16::from(a[k]) + u16::from(b[k]) + u16::from(c[k]) + u16::from(d[k]);
                ((sum + 2) / 4) as u8
            }));
        }
    }
    Some(Copy { width: w, height: h, colours })
}

fn luma(copy: &Copy) -> Plane {
    let values = copy
        .colours
        .iter()
        .map(|c| {
            let [r, g, b] = c.map(f32::from);
            0.299 * r + 0.587 * g + 0.114 * b
        })
        .collect();
    Plane::new(copy.width, copy.height, values)
}
