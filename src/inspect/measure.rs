//! All measures of one picture, from one decoding.

use image::RgbaImage;
use serde::{Deserialize, Serialize};

use super::background::{Background, Bars, Subject, bars, find};
use super::exposure::{Exposure, exposure};
use super::likeness::Likeness;
use super::marks::{Marks, marks};
use super::raster::{COARSE, FINE, Lab, Plane, flattened, reduced};
use super::sharpness::{Sharpness, sharpness};
use crate::media::decode::Pixels;

/// Version of the measures. It goes up whenever the same picture would measure otherwise, so that
/// what was kept is measured anew.
pub const MEASURES_VERSION: u32 = 1;

/// What a picture's pixels say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Whether any pixel is transparent.
    pub transparent: bool,
    /// How sharp it is.
    pub sharpness: Sharpness,
    /// What surrounds the subject.
    pub background: Background,
    /// The subject, where its background tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Bars of one colour at its sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<Bars>,
    /// Lettering beside the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<Marks>,
    /// How light and dark it is.
    pub exposure: Exposure,
    /// What it is compared by; absent where there is nothing to be seen on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Likeness>,
}

/// From the darkest to the brightest lightness: with less there is nothing to compare.
const SOMETHING: f32 = 4.0;

/// Measures a picture.
pub fn measure(pixels: &Pixels) -> Measures {
    let fine = reduced(&pixels.image, FINE);
    let clear = pixels.has_alpha.then(|| transparent(&reduced(&fine, COARSE)));
    let fine = flattened(fine);
    let coarse = reduced(&fine, COARSE);
    let sharpness = sharpness(&Plane::luma(&fine));
    drop(fine);
    let lab = Lab::of(&coarse);
    let colour = |x: usize, y: usize| {
        let [r, g, b, _] = coarse.get_pixel(x as u32, y as u32).0;
        [r, g, b]
    };
    let found = find(&lab, clear.as_deref(), colour);
    let ground = found.ground.as_ref();
    let exposure = exposure(&lab);
    let likeness =
        (exposure.range > SOMETHING || found.subject.is_some()).then(|| Likeness::of(&coarse));
    Measures {
        transparent: pixels.has_alpha,
        sharpness,
        background: found.background,
        subject: found.subject,
        bars: bars(&lab),
        marks: ground.and_then(|ground| marks(&lab, ground)),
        exposure,
        likeness,
    }
}

fn transparent(picture: &RgbaImage) -> Vec<bool> {
    picture.pixels().map(|p| p.0[3] < 128).collect()
}
