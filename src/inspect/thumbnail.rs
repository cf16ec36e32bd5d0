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

    /// A picture that has so many pixels by its header; `None` where it can't be read.
    pub fn of(&self, path: &Path, (width, height): (u32, u32)) -> Option<RgbaImage> {
        let pass = self.gate.enter(u64::from(width) * u64::from(height));
        let picture = load(path, &self.limits).ok().map(|pixels| reduced(&pixels.image, PICTURE));
        drop(pass);
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_no_larger_in_memory_than_on_its_sheet() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("wide.png");
        RgbaImage::new(1200, 300).save(&path).expect("saved");
        let thumbnails = Thumbnails::new(&Limits::default());
        let small = thumbnails.of(&path, (1200, 300)).expect("a picture");
        assert_eq!(small.dimensions(), (PICTURE, 75));
        // Drawn from it, a sheet is the same.
        assert_eq!(reduced(&small, PICTURE), small);
        assert_eq!(thumbnails.of(&folder.path().join("none.png"), (1, 1)), None);
    }
}
