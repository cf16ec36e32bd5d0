//! How light and dark a picture is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raster::Lab;
use super::segment::flooded;

/// How light and dark a picture is; lightness by CIE, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Nine pixels in ten are darker.
    pub bright: f32,
    /// From the lightness of the darkest twentieth to that of the brightest.
    pub range: f32,
    /// Share of the pixels without any detail left: as white as can be, and not part of a white
    /// that reaches the border, as a background does.
    pub blown: f32,
}

/// This light, nothing is left to be told apart.
const WHITE: f32 = 99.5;

/// Measures all pixels.
pub(super) fn exposure(lab: &Lab) -> Exposure {
    let is_white = |at: usize| lab.values[at][0] > WHITE;
    let outside = flooded((lab.width, lab.height), is_white, |_, next| is_white(next));
    let mut counts = [0u32; 201];
    let mut blown = 0u32;
    for (at, [light, ..]) in lab.values.iter().enumerate() {
        counts[(light * 2.0).clamp(0.0, 200.0) as usize] += 1;
        blown += u32::from(is_white(at) && !outside[at]);
    }
    let all = lab.values.len() as f32;
    let quantile = |part: f32| {
        let least = part * all;
        let mut before = 0;
        let found = counts.iter().position(|n| {
            before += n;
            before as f32 >= least
        });
        found.unwrap_or(200) as f32 / 2.0
    };
    Exposure {
        bright: quantile(0.9),
        range: quantile(0.95) - quantile(0.05),
        blown: blown as f32 / all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgba, RgbaImage};

    fn measured(light: impl Fn(u32, u32) -> u8) -> Exposure {
        let picture = RgbaImage::from_fn(100, 20, |x, y| {
            let v = light(x, y);
            Rgba([v, v, v, 255])
        });
        exposure(&Lab::of(&picture))
    }

    #[test]
    fn dark_flat_and_blown_pictures_are_told_from_others() {
        let usual = measured(|x, _| (x * 2) as u8 + 20);
        assert!(usual.bright > 70.0 && usual.range > 60.0 && usual.blown == 0.0, "{usual:?}");
        assert!(measured(|x, _| (x / 4) as u8).bright < 12.0);
        assert!(measured(|x, _| 120 + (x / 10) as u8).range < 6.0);
        let inside = |x: u32, y: u32| (20..70).contains(&x) && (2..18).contains(&y);
        let blown = measured(|x, y| if inside(x, y) { 255 } else { 90 }).blown;
        assert!((blown - 0.4).abs() < 0.01, "{blown}");
    }

    #[test]
    fn a_white_ground_is_not_blown() {
        assert_eq!(measured(|x, _| if x < 60 { 255 } else { 90 }).blown, 0.0);
    }
}
