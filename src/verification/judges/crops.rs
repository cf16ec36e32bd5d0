//! References and what stands for each of them in the clip's frames, cut out for a model.
//!
//! What lives here: which pictures are held together, and the matched region made upright. What never
//! does: finding a reference in a frame.

use image::{Rgb, RgbImage};

use super::Judged;
use super::question::spread;

/// Crops that a model looks at for one clip, at most.
const MOST: usize = 64;
/// Whole frames that stand for a reference of which no frame is known.
const WHOLE: usize = 3;

/// What stands for a reference in one frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crop {
    /// The how many-th of the references that were compared.
    pub reference: usize,
    /// When its frame is shown, in milliseconds.
    pub at_ms: u64,
    /// The matched region as the reference has it; the whole frame where nothing was matched.
    pub picture: RgbImage,
}

/// What stands for the references: each region that is known; for a reference without any, whole
/// frames from the beginning, the middle and the end.
pub(super) fn crops(judged: &Judged<'_>) -> Vec<Crop> {
    let mut crops = Vec::new();
    for (reference, shown) in judged.references.iter().enumerate() {
        let of_it = judged.found.iter().filter(|found| found.reference == reference);
        let known = of_it.filter_map(|found| {
            let frame = judged.frames.get(found.frame)?;
            let cut = found.corners.and_then(|corners| cut(&frame.picture, corners, shown.picture));
            let picture = cut.unwrap_or_else(|| frame.picture.clone());
            Some(Crop { reference, at_ms: frame.at_ms, picture })
        });
        let before = crops.len();
        crops.extend(known);
        if crops.len() == before {
            let whole = spread(judged.frames.len(), WHOLE);
            crops.extend(whole.into_iter().map(|at| Crop {
                reference,
                at_ms: judged.frames[at].at_ms,
                picture: judged.frames[at].picture.clone(),
            }));
        }
    }
    spread(crops.len(), MOST).into_iter().map(|at| crops[at].clone()).collect()
}

/// The region between four corners as a picture of the reference's size: what lies outside of the
/// frame is as its edge. Nothing where the corners span no region.
fn cut(frame: &RgbImage, corners: [[f32; 2]; 4], like: &RgbImage) -> Option<RgbImage> {
    let (width, height) = like.dimensions();
    let warp = Warp::to(corners)?;
    if frame.width() == 0 || frame.height() == 0 || width == 0 || height == 0 {
        return None;
    }
    Some(RgbImage::from_fn(width, height, |x, y| {
        let across = (f64::from(x) + 0.5) / f64::from(width);
        let down = (f64::from(y) + 0.5) / f64::from(height);
        pixel(frame, warp.at(across, down))
    }))
}

/// The projective map of the unit square onto a quadrilateral.
struct Warp([f64; 8]);

impl Warp {
    /// By its corners: upper left, upper right, lower right, lower left.
    fn to(corners: [[f32; 2]; 4]) -> Option<Self> {
        let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners.map(|c| c.map(f64::from));
        let (right, below) = ([x1 - x2, y1 - y2], [x3 - x2, y3 - y2]);
        // How far the figure is from a parallelogram, told in its two sides at the lower right.
        let off = [x0 - x1 + x2 - x3, y0 - y1 + y2 - y3];
        let cross = |a: [f64; 2], b: [f64; 2]| a[0] * b[1] - b[0] * a[1];
        let area = cross(right, below);
        let g = cross(off, below) / area;
        let h = cross(right, off) / area;
        let warp = Warp([
            x1 - x0 + g * x1,
            x3 - x0 + h * x3,
            x0,
            y1 - y0 + g * y1,
            y3 - y0 + h * y3,
            y0,
            g,
            h,
        ]);
        // A horizon across the picture, or no area at all, is no region.
        let below_all = [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
            .iter()
            .all(|(across, down)| g * across + h * down + 1.0 > 1e-6);
        let fine = area.abs() > 1.0 && warp.0.iter().all(|v| v.is_finite()) && below_all;
        fine.then_some(warp)
    }

    fn at(&self, across: f64, down: f64) -> [f64; 2] {
        let [a, b, c, d, e, f, g, h] = self.0;
        let depth = g * across + h * down + 1.0;
        [(a * across + b * down + c) / depth, (d * across + e * down + f) / depth]
    }
}

/// The colour at a point, between its four pixels.
fn pixel(frame: &RgbImage, [x, y]: [f64; 2]) -> Rgb<u8> {
    let edge = |at: f64, side: u32| (at - 0.5).clamp(0.0, f64::from(side - 1));
    let (x, y) = (edge(x, frame.width()), edge(y, frame.height()));
    let (left, upper) = (x.floor() as u32, y.floor() as u32);
    let right = (left + 1).min(frame.width() - 1);
    let lower = (upper + 1).min(frame.height() - 1);
    let (to_right, down) = (x - f64::from(left), y - f64::from(upper));
    let mut colour = [0; 3];
    for (channel, value) in colour.iter_mut().enumerate() {
        let of = |x, y| f64::from(frame.get_pixel(x, y)[channel]);
        let above = of(left, upper) * (1.0 - to_right) + of(right, upper) * to_right;
        let below = of(left, lower) * (1.0 - to_right) + of(right, lower) * to_right;
        *value = (above * (1.0 - down) + below * down).round() as u8;
    }
    Rgb(colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red to the right, green downwards.
    fn frame() -> RgbImage {
        RgbImage::from_fn(100, 100, |x, y| Rgb([(x * 2) as u8, (y * 2) as u8, 0]))
    }

    #[test]
    fn a_region_is_cut_as_the_reference_has_it() {
        let like = RgbImage::new(20, 20);
        let cut_ = cut(&frame(), [[40.0, 20.0], [60.0, 20.0], [60.0, 40.0], [40.0, 40.0]], &like);
        let straight = cut_.expect("a region");
        assert_eq!(straight.get_pixel(0, 0), &Rgb([80, 40, 0]));
        assert_eq!(straight.get_pixel(19, 19), &Rgb([118, 78, 0]));
        // Turned by a quarter: its upper left is the frame's upper right.
        let turned = [[60.0, 20.0], [60.0, 40.0], [40.0, 40.0], [40.0, 20.0]];
        let turned = cut(&frame(), turned, &like).expect("a region");
        assert_eq!(turned.get_pixel(0, 0), &Rgb([118, 40, 0]));
        assert_eq!(turned.get_pixel(19, 0), &Rgb([118, 78, 0]));
    }

    #[test]
    fn a_slanted_region_keeps_its_corners() {
        let corners = [[10.0, 10.0], [90.0, 30.0], [80.0, 90.0], [20.0, 70.0]];
        let warp = Warp::to(corners).expect("a region");
        let units = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        for (unit, corner) in units.iter().zip(corners) {
            let at = warp.at(unit[0], unit[1]);
            let near = (at[0] - f64::from(corner[0])).hypot(at[1] - f64::from(corner[1]));
            assert!(near < 1e-6, "{unit:?}: {at:?}");
        }
    }

    #[test]
    fn what_spans_nothing_is_no_region() {
        let like = RgbImage::new(4, 4);
        for corners in [
            [[5.0, 5.0]; 4],
            [[0.0, 0.0], [10.0, 10.0], [20.0, 20.0], [30.0, 30.0]],
            [[f32::NAN, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0]],
        ] {
            assert_eq!(cut(&frame(), corners, &like), None, "{corners:?}");
        }
    }
}
