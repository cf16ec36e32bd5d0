//! What a preparation promises, by theme, on pictures made here.

mod bytes;
mod cache;
mod colour;
mod recipes;
mod shape;

use std::io::Cursor;

use image::{DynamicImage, ExtendedColorType, ImageFormat, Rgb, RgbImage};
use jpeg_encoder::ColorType;

use super::*;
use crate::limits::Limits;
use crate::media::{Facts, probe};

/// The facts of a picture in memory, by the same door as a file's.
fn facts(bytes: &[u8]) -> Facts {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("writes");
    probe(file.path(), &Limits::default()).expect("a picture")
}

fn recipe_for(bytes: &[u8], needs: &PictureNeeds) -> Recipe {
    recipe(&facts(bytes), needs).expect("it can be made fit")
}

fn made(bytes: &[u8], needs: &PictureNeeds) -> Prepared {
    prepare(bytes, &recipe_for(bytes, needs), &PictureLimits::default()).expect("it is made")
}

fn size_of(prepared: &Prepared) -> (u32, u32) {
    (prepared.width, prepared.height)
}

/// Decoded by the plain decoder, which knows nothing of profiles.
fn seen(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).expect("it decodes").into_rgb8()
}

/// Two halves, left and right, so that every turn can be told from every other.
fn halves(width: u32, height: u32, left: [u8; 3], right: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { left } else { right }))
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(colour))
}

/// Noise, which no encoder makes small.
fn noise(width: u32, height: u32) -> RgbImage {
    let mut random = fastrand::Rng::with_seed(11);
    RgbImage::from_fn(width, height, |_, _| Rgb([random.u8(..), random.u8(..), random.u8(..)]))
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.into().write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("a PNG");
    bytes
}

fn png_with(image: impl Into<DynamicImage>, icc: &[u8]) -> Vec<u8> {
    use image::ImageEncoder;
    let image = image.into();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(icc.to_vec()).expect("PNG takes profiles");
    let colours: ExtendedColorType = image.color().into();
    encoder.write_image(image.as_bytes(), image.width(), image.height(), colours).expect("a PNG");
    bytes
}

/// A JPEG, with a profile and an EXIF orientation if given.
fn jpeg(
    pixels: &[u8],
    (width, height): (u32, u32),
    colours: ColorType,
    icc: Option<&[u8]>,
    orientation: u8,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    if orientation != 1 {
        let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        encoder.add_exif_metadata(&exif).expect("EXIF");
    }
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).expect("a profile");
    }
    encoder.encode(pixels, width as u16, height as u16, colours).expect("a JPEG");
    bytes
}

fn rgb_jpeg(image: &RgbImage) -> Vec<u8> {
    jpeg(image.as_raw(), image.dimensions(), ColorType::Rgb, None, 1)
}

fn near(found: Rgb<u8>, wanted: [u8; 3], by: u8) -> bool {
    found.0.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= by)
}
