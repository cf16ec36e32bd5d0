//! Pixels → a file without any metadata, in as many bytes as are taken.

use std::borrow::Cow;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder};
use jpeg_encoder::SamplingFactor;

use super::Prepared;
use super::recipe::{Making, Window};
use super::scale::{SHARP, resized};
use super::shape::Size;
use crate::media::pictures::{Format, PictureProblem};

/// Qualities of a JPEG, best first. A model looks closely at the first: below 92, and with
/// halved chroma, edges of coloured letters begin to fray.
const QUALITIES: [u8; 4] = [92, 86, 80, 72];

/// Pixels of the shorter side below which nothing is scaled for the sake of bytes.
const LEAST_SIDE: u32 = 64;

/// Encodes, with less quality and then fewer pixels until the bytes are few enough.
pub(super) fn within(canvas: &DynamicImage, making: &Making) -> Result<Prepared, PictureProblem> {
    let most = making.max_bytes.unwrap_or(u64::MAX);
    let least_side = making.bounds.min_side.unwrap_or(0).max(LEAST_SIDE);
    let mut least = u64::MAX;
    let mut picture = Cow::Borrowed(canvas);
    loop {
        let mut bytes = 0;
        for quality in qualities(making.format) {
            let made = encoded(&picture, making, *quality)?;
            bytes = made.len() as u64;
            least = least.min(bytes);
            if bytes <= most {
                let (width, height) = (picture.width(), picture.height());
                return Ok(Prepared { bytes: made, format: making.format, width, height });
            }
        }
        let now = Size { width: picture.width(), height: picture.height() };
        let next = making.bounds.settled(smaller(now, making.canvas, bytes, most));
        if next.short() < least_side || next.long() >= now.long() || !making.bounds.allow(next) {
            return Err(PictureProblem::TooManyBytes { least, most });
        }
        let whole = Window { x: 0, y: 0, size: making.canvas };
        picture = Cow::Owned(resized(canvas, whole, next, SHARP)?);
    }
}

fn qualities(format: Format) -> &'static [u8] {
    match format {
        Format::Jpeg => &QUALITIES,
        // Lossless: there is but one.
        _ => &QUALITIES[..1],
    }
}

/// A size that promises to be small enough: bytes go with the pixels, and somewhat slower.
fn smaller(now: Size, canvas: Size, bytes: u64, most: u64) -> Size {
    let ratio = (most as f64 / bytes.max(1) as f64).sqrt() * 0.95;
    let side = f64::from(now.long()) * ratio.clamp(0.5, 0.9);
    // Positive and below the side that it was.
    canvas.with_long((side as u32).max(1))
}

fn encoded(
    picture: &DynamicImage,
    making: &Making,
    quality: u8,
) -> Result<Vec<u8>, PictureProblem> {
    let failed = |e: &dyn std::fmt::Display| {
        PictureProblem::Damaged(format!("it can't be written as {}: {e}", making.format.as_str()))
    };
    let (width, height) = (picture.width(), picture.height());
    let mut bytes = Vec::new();
    match making.format {
        Format::Jpeg => {
            let side = |n: u32| u16::try_from(n).map_err(|e| failed(&e));
            let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
            encoder.set_sampling_factor(SamplingFactor::F_1_1);
            let colours = match picture {
                DynamicImage::ImageRgb8(_) => jpeg_encoder::ColorType::Rgb,
                _ => jpeg_encoder::ColorType::Rgba,
            };
            encoder
                .encode(picture.as_bytes(), side(width)?, side(height)?, colours)
                .map_err(|e| failed(&e))?;
        }
        Format::Png => {
            let (pixels, colours) = lossless(picture);
            PngEncoder::new_with_quality(
                &mut bytes,
                CompressionType::Default,
                FilterType::Adaptive,
            )
            .write_image(&pixels, width, height, colours)
            .map_err(|e| failed(&e))?;
        }
        Format::Webp => {
            let (pixels, colours) = lossless(picture);
            WebPEncoder::new_lossless(&mut bytes)
                .encode(&pixels, width, height, colours)
                .map_err(|e| failed(&e))?;
        }
        Format::Avif | Format::Tiff | Format::Bmp | Format::Gif => {
            return Err(failed(&"Kinora writes JPEG, PNG and WebP alone"));
        }
    }
    Ok(bytes)
}

/// Pixels as they are written without loss. Alpha that is not needed isn't: some receivers refuse
/// it even where it is full.
fn lossless(picture: &DynamicImage) -> (Cow<'_, [u8]>, ExtendedColorType) {
    match picture.as_rgba8() {
        Some(picture) if picture.pixels().any(|p| p.0[3] != u8::MAX) => {
            (Cow::Borrowed(picture.as_raw()), ExtendedColorType::Rgba8)
        }
        Some(_) => (Cow::Owned(picture.to_rgb8().into_raw()), ExtendedColorType::Rgb8),
        // It was made of three channels or of four.
        None => (Cow::Borrowed(picture.as_bytes()), ExtendedColorType::Rgb8),
    }
}
