//! Pictures for contact sheets, reduced as they are loaded.
//!
//! What never lives here: which pictures are on a sheet, and drawing it. A sheet has forty of them, and
//! a picture at its own size may be half a gigabyte: only what is being decoded has all its pixels.

use std::path::Path;

use image::RgbaImage;

use super::gate::Gate;
use super::raster::reduced;
use super::sheet::PICTURE;
use crate::limits::Limits;
use crate::media::Facts;
use crate::media::decode::{PictureLimits, load};

/// Loads pictures as small as a sheet shows them. The pixels of those that are decoded at once stay
/// within the limit for one picture.
pub struct Thumbnails {
    gate: Gate,
    limits: PictureLimits,
}

impl Thumbnails {
    /// Within these limits.
    pub fn new(limits: &Limits) -> Self {
        Thumbnails { gate: Gate::new(limits.picture_pixels), limits: PictureLimits::from(limits) }
    }

    /// A picture that was probed; `None` where it can't be read.
    pub fn of(&self, path: &Path, facts: &Facts) -> Option<RgbaImage> {
        let pass = self.gate.enter(u64::from(facts.width) * u64::from(facts.height));
        let picture = load(path, &self.limits).ok().map(|pixels| reduced(&pixels.image, PICTURE));
        drop(pass);
        picture
    }
}
