//! What lasts, and what passes: measures of frames over a clip's length.
//!
//! What lives here: windows, medians, what the whole picture does from frame to frame. What never
//! does: references.

use image::imageops;

use super::types::{Frame, OverTime};

/// The middle one of some numbers; zero of none.
pub(super) fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// The number below which a share of them lies.
pub(super) fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// How bad it is for good: over nearly all of the clip, or over its end. What is bad for a while and
/// good again was something that passed by: products don't heal.
pub(super) fn lasting(values: &[f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let end = &values[values.len() - values.len().div_ceil(3)..];
    quantile(values.to_vec(), 0.2).max(quantile(end.to_vec(), 0.35))
}

/// Sides of the small copies.
const SMALL: u32 = 32;
/// Blocks that change by less (of 255) do so by compression alone.
const STILL: f32 = 2.2;

/// What the whole picture does from frame to frame.
pub(super) fn over_time(frames: &[Frame]) -> OverTime {
    let small: Vec<Vec<f32>> = frames
        .iter()
        .map(|f| {
            imageops::thumbnail(f.picture, SMALL, SMALL)
                .pixels()
                .map(|p| {
                    0.299 * f32::from(p.0[0])
                        + 0.587 * f32::from(p.0[1])
                        + 0.114 * f32::from(p.0[2])
                })
                .collect()
        })
        .collect();
    let mean = |s: &[f32]| s.iter().sum::<f32>() / s.len().max(1) as f32;
    let change = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len().max(1) as f32
    };
    let steps: Vec<f32> = small.windows(2).map(|p| change(&p[0], &p[1])).collect();
    let usual = median(steps.clone());
    let jumps = steps.iter().filter(|s| **s > 18.0 && **s > 4.0 * usual + 4.0).count();
    let lights: Vec<f32> = small.iter().map(|s| mean(s) * 100.0 / 255.0).collect();
    let bends: Vec<f32> = lights.windows(3).map(|l| (l[1] - (l[0] + l[2]) / 2.0).abs()).collect();
    let still = frames.len() > 1
        && small.iter().skip(1).all(|s| {
            let most = s.iter().zip(&small[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            most < STILL * 3.0 && change(s, &small[0]) < STILL / 3.0
        });
    OverTime { drift: 0.0, jumps, flicker: median(bends), still }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    #[test]
    fn what_passes_by_does_not_last_and_what_stays_does() {
        let of = |bad: std::ops::Range<usize>| -> f32 {
            let values: Vec<f32> =
                (0..12).map(|i| if bad.contains(&i) { 1.0 } else { 0.1 }).collect();
            lasting(&values)
        };
        assert_eq!(of(3..8), 0.1, "a hand that passes");
        assert_eq!(of(0..12), 1.0, "wrong from the start");
        assert_eq!(of(7..12), 1.0, "wrong in the end");
        assert_eq!(lasting(&[]), 0.0);
    }

    fn told(pictures: &[RgbImage]) -> OverTime {
        let frames: Vec<Frame<'_>> = pictures
            .iter()
            .zip(0..)
            .map(|(picture, i)| Frame { at_ms: 400 * i, picture })
            .collect();
        over_time(&frames)
    }

    fn bar(at: u32, light: u8) -> RgbImage {
        RgbImage::from_fn(64, 48, |x, _| {
            Rgb(if (at..at + 20).contains(&x) { [200, 60, 40] } else { [light; 3] })
        })
    }

    #[test]
    fn a_still_a_cut_and_a_flicker_are_told_apart() {
        let still = told(&[bar(10, 90), bar(10, 90), bar(10, 90)]);
        assert!(still.still && still.jumps == 0);
        let moving: Vec<RgbImage> = (0..8).map(|i| bar(4 * i, 90)).collect();
        assert!(!told(&moving).still && told(&moving).jumps == 0);
        let cut: Vec<RgbImage> = (0..8).map(|i| bar(i, if i < 4 { 30 } else { 220 })).collect();
        assert_eq!(told(&cut).jumps, 1);
        let flicker: Vec<RgbImage> =
            (0..8).map(|i| bar(i, if i % 2 == 0 { 90 } else { 110 })).collect();
        assert!(told(&flicker).flicker > 2.0 && told(&moving).flicker < 0.5);
        assert!(!told(&[]).still && !told(&[bar(1, 1)]).still);
    }
}
