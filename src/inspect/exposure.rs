//! How light and dark a picture is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raster::Lab;

/// How light and dark a picture is; lightness by CIE, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Nine pixels in ten are darker.
    pub bright: f32,
    /// From the lightness of the darkest twentieth to that of the brightest.
    pub range: f32,
    /// Share of the pixels without any detail left: as white as can be. A plain background doesn't
    /// count.
    pub blown: f32,
}

/// This light, nothing is left to be told apart.
const WHITE: f32 = 99.5;

/// Measures all pixels; `ground` tells which belong to a plain background.
pub(super) fn exposure(lab: &Lab, ground: Option<&[bool]>) -> Exposure {
    let mut counts = [0u32; 201];
    let mut blown = 0u32;
    for (at, [light, ..]) in lab.values.iter().enumerate() {
        counts[(light * 2.0).clamp(0.0, 200.0) as usize] += 1;
        let of_subject = ground.is_none_or(|ground| !ground[at]);
        blown += u32::from(of_subject && *light > WHITE);
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

    fn measured(light: impl Fn(u32) -> u8) -> Exposure {
        let picture = RgbaImage::from_fn(100, 10, |x, _| {
            let v = light(x);
            Rgba([v, v, v, 255])
        });
        exposure(&Lab::of(&picture), None)
    }

    #[test]
    fn dark_flat_and_blown_pictures_are_told_from_others() {
        let usual = measured(|x| (x * 2) as u8 + 20);
        assert!(usual.bright > 70.0 && usual.range > 60.0 && usual.blown == 0.0, "{usual:?}");
        assert!(measured(|x| (x / 4) as u8).bright < 12.0);
        assert!(measured(|x| 120 + (x / 10) as u8).range < 6.0);
        assert!((measured(|x| if x < 40 { 255 } else { 90 }).blown - 0.4).abs() < 0.01);
    }

    #[test]
    fn a_white_ground_is_not_blown() {
        let lab = Lab::of(&RgbaImage::from_pixel(10, 10, Rgba([255; 4])));
        assert_eq!(exposure(&lab, Some(&[true; 100])).blown, 0.0);
        assert_eq!(exposure(&lab, Some(&[false; 100])).blown, 1.0);
    }
}
