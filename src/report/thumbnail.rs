//! Small JPEGs of pictures, as `data:` addresses for pages that must stand alone.
//!
//! What never lives here: which pictures are shown.

use std::fs::File;
use std::io::BufReader;
use std::path::{Component, Path, PathBuf};

use data_encoding::BASE64;
use fast_image_resize as resize;
use image::{DynamicImage, ImageDecoder, ImageReader};

/// Quality of thumbnails, 0 to 100: at a few hundred pixels nobody sees more.
const QUALITY: u8 = 80;

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The file can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is no picture, or a damaged one.
    #[error("it is no picture that can be shown: {0}")]
    NotAPicture(#[from] image::ImageError),
    /// It can't be made smaller.
    #[error("it can't be made smaller: {0}")]
    NotResized(String),
}

/// A JPEG of the picture at `path`, upright, on white, neither side longer than `max_side`
/// pixels and never larger than the picture, as `data:image/jpeg;base64,…`.
pub fn thumbnail(path: &Path, max_side: u32) -> Result<String, ThumbnailError> {
    let mut decoder = ImageReader::new(BufReader::new(File::open(path)?))
        .with_guessed_format()?
        .into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let small = smaller(picture, max_side)?;
    jpeg(&small).map(|bytes| format!("data:image/jpeg;base64,{}", BASE64.encode(&bytes)))
}

/// A file that a report names, which lies in the workspace and nowhere else.
pub(super) fn inside(workspace: &Path, path: &str) -> Option<PathBuf> {
    let stays =
        Path::new(path).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    stays.then(|| workspace.join(path))
}

fn smaller(
    picture: DynamicImage,
    max_side: u32,
) -> Result<resize::images::Image<'static>, ThumbnailError> {
    let failed = |e: &dyn std::fmt::Display| ThumbnailError::NotResized(e.to_string());
    let (width, height) = (picture.width(), picture.height());
    let scale = f64::from(max_side) / f64::from(width.max(height).max(1));
    let (to_width, to_height) = match scale < 1.0 {
        true => (scaled(width, scale), scaled(height, scale)),
        false => (width, height),
    };
    let pixels = resize::PixelType::U8x4;
    let from =
        resize::images::Image::from_vec_u8(width, height, picture.into_rgba8().into_raw(), pixels)
            .map_err(|e| failed(&e))?;
    let mut to = resize::images::Image::new(to_width, to_height, pixels);
    resize::Resizer::new().resize(&from, &mut to, None).map_err(|e| failed(&e))?;
    Ok(to)
}

fn scaled(side: u32, scale: f64) -> u32 {
    // Rounded and at least 1, so the cast from a small positive number is exact.
    (f64::from(side) * scale).round().max(1.0) as u32
}

fn jpeg(picture: &resize::images::Image<'_>) -> Result<Vec<u8>, ThumbnailError> {
    let failed = |e: &dyn std::fmt::Display| ThumbnailError::NotResized(e.to_string());
    let on_white: Vec<u8> = picture
        .buffer()
        .chunks_exact(4)
        .flat_map(|p| {
            let alpha = u16::from(p[3]);
            [p[0], p[1], p[2]].map(|c| ((u16::from(c) * alpha + 255 * (255 - alpha)) / 255) as u8)
        })
        .collect();
    let mut bytes = Vec::new();
    let side = |n: u32| u16::try_from(n).map_err(|e| failed(&e));
    jpeg_encoder::Encoder::new(&mut bytes, QUALITY)
        .encode(
            &on_white,
            side(picture.width())?,
            side(picture.height())?,
            jpeg_encoder::ColorType::Rgb,
        )
        .map_err(|e| failed(&e))?;
    Ok(bytes)
}
