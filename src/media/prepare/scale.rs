//! Scaling, in sRGB as every provider's own scaling does it.

use std::borrow::Cow;
use std::fmt::Display;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, RgbImage, RgbaImage};

use super::recipe::Window;
use super::shape::Size;
use crate::media::pictures::PictureProblem;

/// The filter for what is looked at.
pub(super) const SHARP: FilterType = FilterType::Lanczos3;

/// A part of a picture at another size, sharp.
pub(super) fn scaled(
    picture: DynamicImage,
    window: Window,
    to: Size,
) -> Result<DynamicImage, PictureProblem> {
    let whole = Size { width: picture.width(), height: picture.height() };
    match (window.size == whole, window.size == to) {
        (true, true) => Ok(picture),
        (false, true) => {
            let Window { x, y, size } = window;
            Ok(picture.crop_imm(x, y, size.width, size.height))
        }
        _ => resized(&picture, window, to, SHARP),
    }
}

/// A part of a picture at another size, of the same channels.
pub(super) fn resized(
    picture: &DynamicImage,
    window: Window,
    to: Size,
    filter: FilterType,
) -> Result<DynamicImage, PictureProblem> {
    match picture {
        DynamicImage::ImageRgb8(picture) => Ok(resized_rgb(picture, window, to, filter)?.into()),
        other => {
            let picture =
                other.as_rgba8().map_or_else(|| Cow::Owned(other.to_rgba8()), Cow::Borrowed);
            let from = (&picture.as_raw()[..], picture.dimensions());
            let made = convolved(from, PixelType::U8x4, window, to, filter)?;
            RgbaImage::from_raw(to.width, to.height, made)
                .map(DynamicImage::from)
                .ok_or_else(|| failed(to, &"pixels are missing"))
        }
    }
}

/// The same of an opaque picture.
pub(super) fn resized_rgb(
    picture: &RgbImage,
    window: Window,
    to: Size,
    filter: FilterType,
) -> Result<RgbImage, PictureProblem> {
    let from = (&picture.as_raw()[..], picture.dimensions());
    let made = convolved(from, PixelType::U8x3, window, to, filter)?;
    RgbImage::from_raw(to.width, to.height, made).ok_or_else(|| failed(to, &"pixels are missing"))
}

fn convolved(
    (pixels, (width, height)): (&[u8], (u32, u32)),
    kind: PixelType,
    Window { x, y, size }: Window,
    to: Size,
    filter: FilterType,
) -> Result<Vec<u8>, PictureProblem> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        f64::from(x),
        f64::from(y),
        f64::from(size.width),
        f64::from(size.height),
    );
    let from = ImageRef::new(width, height, pixels, kind).map_err(|e| failed(to, &e))?;
    let mut made = Image::new(to.width, to.height, kind);
    Resizer::new().resize(&from, &mut made, &options).map_err(|e| failed(to, &e))?;
    Ok(made.into_vec())
}

fn failed(to: Size, why: &dyn Display) -> PictureProblem {
    PictureProblem::Damaged(format!("it can't be scaled to {to}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was made of a picture with an opaque alpha channel by earlier versions must be what is
    /// made of it without one, or requests would differ that are called the same.
    #[test]
    fn an_alpha_channel_that_is_opaque_changes_nothing() {
        let mut random = fastrand::Rng::with_seed(2);
        let light = |x: u32| (x * 3) as u8 ^ random.u8(..) >> 2;
        let picture = RgbImage::from_raw(301, 207, (0..301 * 207 * 3).map(light).collect());
        let picture = DynamicImage::from(picture.expect("as many as it takes"));
        let with_alpha = DynamicImage::from(picture.to_rgba8());
        let window = Window { x: 10, y: 7, size: Size { width: 280, height: 190 } };
        for (to, filter) in [
            (Size { width: 93, height: 61 }, SHARP),
            (Size { width: 96, height: 65 }, FilterType::Box),
            (Size { width: 400, height: 271 }, FilterType::CatmullRom),
        ] {
            let three = resized(&picture, window, to, filter).expect("it is scaled");
            let four = resized(&with_alpha, window, to, filter).expect("it is scaled");
            assert!(matches!(three, DynamicImage::ImageRgb8(_)));
            assert_eq!(three.to_rgba8(), four.to_rgba8(), "{to}");
        }
    }
}
