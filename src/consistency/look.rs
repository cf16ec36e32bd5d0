//! How a picture looks on the whole: palette, texture, layout.
//!
//! What lives here: these statistics and how far two of them are apart. What never does: subjects.

use image::{RgbImage, imageops};

use crate::inspect::raster::{lab, to_linear};

/// Sides of the small copy.
const SMALL: u32 = 48;
/// Steps of the palette along L*, a* and b*.
const STEPS: [usize; 3] = [5, 9, 9];

/// Palette, texture and layout of a picture.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    palette: Vec<f32>,
    /// Shares of eight directions of edges, weighted by their strength; and the strength itself.
    edges: [f32; 8],
    roughness: f32,
    layout: Vec<[f32; 3]>,
}

/// How far apart, each 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Distance {
    pub palette: f32,
    pub texture: f32,
    pub layout: f32,
}

/// A distance up to this is what other light and another view make of the same place.
const SAME: f32 = 0.15;
/// By how many points a score falls from there to nothing in common.
const FALL: f32 = 80.0;

impl Distance {
    /// In one number, 0 to 1.
    pub fn whole(&self) -> f32 {
        0.5 * self.palette + 0.3 * self.texture + 0.2 * self.layout
    }

    /// 0 to 100.
    pub fn score(&self) -> f32 {
        (100.0 - FALL * (self.whole() - SAME).max(0.0)).clamp(0.0, 100.0)
    }
}

impl Statistics {
    pub fn of(picture: &RgbImage) -> Self {
        let small = imageops::thumbnail(picture, SMALL, SMALL);
        let labs: Vec<[f32; 3]> = small.pixels().map(|p| lab(p.0.map(to_linear))).collect();
        let side = SMALL as usize;
        let mut palette = vec![0.0; STEPS.iter().product()];
        for colour in &labs {
            vote(&mut palette, colour, 1.0 / labs.len() as f32);
        }
        let (mut edges, mut roughness) = ([0.0f32; 8], 0.0f32);
        for y in 1..side - 1 {
            for x in 1..side - 1 {
                let at = y * side + x;
                let dx = labs[at + 1][0] - labs[at - 1][0];
                let dy = labs[at + side][0] - labs[at - side][0];
                let size = (dx * dx + dy * dy).sqrt();
                let turn = dy.atan2(dx).rem_euclid(std::f32::consts::PI);
                let bin = (turn / std::f32::consts::PI * 8.0) as usize;
                edges[bin.min(7)] += size;
                roughness += size;
            }
        }
        edges = edges.map(|e| e / roughness.max(1e-3));
        let mut layout = vec![[0.0f32; 3]; 16];
        for (at, colour) in labs.iter().enumerate() {
            let square = (at / side * 4 / side) * 4 + at % side * 4 / side;
            for c in 0..3 {
                layout[square][c] += colour[c] * 16.0 / labs.len() as f32;
            }
        }
        Statistics { palette, edges, roughness: roughness / labs.len() as f32, layout }
    }

    pub fn apart(&self, other: &Statistics) -> Distance {
        let common: f32 = self.palette.iter().zip(&other.palette).map(|(a, b)| a.min(*b)).sum();
        let turned: f32 = self.edges.iter().zip(&other.edges).map(|(a, b)| (a - b).abs()).sum();
        let rough = ((self.roughness + 1.0) / (other.roughness + 1.0)).ln().abs();
        let squares = self.layout.iter().zip(&other.layout);
        let layout: f32 =
            squares.map(|(a, b)| crate::inspect::raster::apart(*a, *b)).sum::<f32>() / 16.0;
        Distance {
            palette: (1.0 - common).clamp(0.0, 1.0),
            texture: (0.25 * turned + 0.5 * rough).min(1.0),
            layout: (layout / 60.0).min(1.0),
        }
    }
}

/// Shared among the eight nearest boxes, so that a slight change moves a little only.
fn vote(palette: &mut [f32], colour: &[f32; 3], weight: f32) {
    let place = [
        colour[0] / 100.0 * (STEPS[0] - 1) as f32,
        (colour[1] / 12.0).clamp(-4.0, 4.0) + 4.0,
        (colour[2] / 12.0).clamp(-4.0, 4.0) + 4.0,
    ];
    for corner in 0..8usize {
        let mut share = weight;
        let mut at = 0;
        for c in 0..3 {
            let low = place[c].clamp(0.0, (STEPS[c] - 1) as f32);
            let (floor, part) = (low.floor(), low.fract());
            let upper = corner >> c & 1 == 1;
            share *= if upper { part } else { 1.0 - part };
            at = at * STEPS[c] + ((floor as usize) + usize::from(upper)).min(STEPS[c] - 1);
        }
        palette[at] += share;
    }
}
