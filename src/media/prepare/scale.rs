//! Scaling, in sRGB as every provider's own scaling does it.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbaImage;

use super::recipe::Window;
use super::shape::Size;
use crate::media::pictures::PictureProblem;

/// The filter for what is looked at.
pub(super) const SHARP: FilterType = FilterType::Lanczos3;

/// A part of a picture at another size, sharp.
pub(super) fn scaled(
    picture: RgbaImage,
    window: Window,
    to: Size,
) -> Result<RgbaImage, PictureProblem> {
    let whole = Size { width: picture.width(), height: picture.height() };
    match (window.size == whole, window.size == to) {
        (true, true) => Ok(picture),
        (false, true) => {
            let Window { x, y, size } = window;
            Ok(image::imageops::crop_imm(&picture, x, y, size.width, size.height).to_image())
        }
        _ => resized(&picture, window, to, SHARP),
    }
}

/// A part of a picture at another size.
pub(super) fn resized(
    picture: &RgbaImage,
    window: Window,
    to: Size,
    filter: FilterType,
) -> Result<RgbaImage, PictureProblem> {
    let Window { x, y, size } = window;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        f64::from(x),
        f64::from(y),
        f64::from(size.width),
        f64::from(size.height),
    );
    let failed = |e: &dyn std::fmt::Display| {
        PictureProblem::Damaged(format!("it can't be scaled to {to}: {e}"))
    };
    let (width, height) = picture.dimensions();
    let from =
        ImageRef::new(width, height, picture.as_raw(), PixelType::U8x4).map_err(|e| failed(&e))?;
    let mut made = Image::new(to.width, to.height, PixelType::U8x4);
    Resizer::new().resize(&from, &mut made, &options).map_err(|e| failed(&e))?;
    RgbaImage::from_raw(to.width, to.height, made.into_vec())
        .ok_or_else(|| failed(&"pixels are missing"))
}
