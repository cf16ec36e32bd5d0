//! What a picture's header says: size, orientation, and what kind of pixels follow.
//!
//! What never lives here: pixels, and files (that is `file`).

use std::io::Cursor;

use image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder,
};
use image::{ExtendedColorType, ImageDecoder, ImageError};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::pictures::{Format, Orientation, PictureProblem, Traits};
use super::profile::{self, Channels};
use super::{avif, still, tiff};

/// A picture's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Pixels, as stored.
    pub width: u32,
    /// Pixels, as stored.
    pub height: u32,
    /// How it is turned upright.
    pub orientation: Orientation,
    /// What its pixels are.
    pub traits: Traits,
}

impl Header {
    /// Width and height after orientation.
    pub(super) fn upright(&self) -> (u32, u32) {
        match self.orientation.swaps_sides() {
            true => (self.height, self.width),
            false => (self.width, self.height),
        }
    }
}

/// Reads the header of a picture whose format is known.
pub(super) fn read(format: Format, bytes: &[u8]) -> Result<Header, PictureProblem> {
    let reader = Cursor::new(bytes);
    match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => {
            let decoder = PngDecoder::new(reader).map_err(|e| damaged(&e))?;
            let animated = decoder.is_apng().map_err(|e| damaged(&e))?;
            Ok(of_decoder(decoder, animated))
        }
        Format::Webp => {
            let decoder = WebPDecoder::new(reader).map_err(|e| damaged(&e))?;
            let animated = decoder.has_animation();
            Ok(of_decoder(decoder, animated))
        }
        Format::Tiff => {
            let decoder = TiffDecoder::new(reader).map_err(|e| damaged(&e))?;
            let cmyk = is_cmyk_of_lights(decoder.original_color_type());
            let mut header = of_decoder(decoder, tiff::has_more_pages(bytes));
            header.traits.cmyk = cmyk;
            Ok(header)
        }
        Format::Bmp => {
            let decoder = BmpDecoder::new(reader).map_err(|e| damaged(&e))?;
            Ok(of_decoder(decoder, false))
        }
        Format::Gif => {
            let frames = still::gif(bytes).unwrap_or_default();
            let decoder = GifDecoder::new(reader).map_err(|e| damaged(&e))?;
            let mut header = of_decoder(decoder, frames.count > 1);
            header.traits.alpha = frames.first_is_transparent;
            Ok(header)
        }
        Format::Avif => avif::header(bytes),
    }
}

/// What a decoder's error means to people.
pub(super) fn damaged(error: &ImageError) -> PictureProblem {
    match error {
        ImageError::Unsupported(e) => PictureProblem::Undecodable {
            what: format!("it is of a rare kind ({e})"),
            help: "save it anew as JPEG, PNG or a plain TIFF of 8 or 16 bits",
        },
        other => PictureProblem::Damaged(other.to_string()),
    }
}

/// Whether a decoder that gives lights made them of inks.
fn is_cmyk_of_lights(stored: ExtendedColorType) -> bool {
    matches!(stored, ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16)
}

fn of_decoder(mut decoder: impl ImageDecoder, animated: bool) -> Header {
    let (width, height) = decoder.dimensions();
    // Broken EXIF is common and harmless: the picture is then shown as it is stored.
    let orientation = decoder.orientation().map_or(1, |o| o.to_exif());
    let colour = decoder.color_type();
    let channels = if colour.has_color() { Channels::Rgb } else { Channels::Grey };
    // So is a broken profile: everything else ignores it too.
    let icc = decoder.icc_profile().ok().flatten();
    let traits = Traits {
        alpha: colour.has_alpha(),
        deep: colour.bytes_per_pixel() > colour.channel_count(),
        cmyk: false,
        foreign_profile: icc.is_some_and(|icc| profile::is_foreign(&icc, channels)),
        animated,
        grey: !colour.has_color(),
    };
    Header { width, height, orientation: Orientation(orientation), traits }
}

/// The decoder of a JPEG with its headers read. `image` has one too, but it copies the file,
/// reads the headers anew at each question, and hides whether the picture is in inks.
pub(super) fn jpeg_decoder(bytes: &[u8]) -> Result<JpegDecoder<ZCursor<&[u8]>>, PictureProblem> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| PictureProblem::Damaged(e.to_string()))?;
    Ok(decoder)
}

/// Whether a JPEG's colour space is one of inks.
pub(super) fn is_cmyk(space: Option<ColorSpace>) -> bool {
    matches!(space, Some(ColorSpace::CMYK | ColorSpace::YCCK))
}

fn jpeg(bytes: &[u8]) -> Result<Header, PictureProblem> {
    let decoder = jpeg_decoder(bytes)?;
    let without = || PictureProblem::Damaged("it has no frame header".to_owned());
    let (width, height) = decoder.dimensions().ok_or_else(without)?;
    let side = |n: usize| u32::try_from(n).map_err(|e| PictureProblem::Damaged(e.to_string()));
    let orientation = decoder
        .exif()
        .and_then(|exif| image::metadata::Orientation::from_exif_chunk(exif))
        .map_or(1, |o| o.to_exif());
    let space = decoder.input_colorspace();
    let channels = match space {
        Some(ColorSpace::Luma | ColorSpace::LumaA) => Channels::Grey,
        _ => Channels::Rgb,
    };
    let cmyk = is_cmyk(space);
    let icc = if cmyk { None } else { decoder.icc_profile() };
    let traits = Traits {
        cmyk,
        grey: channels == Channels::Grey,
        foreign_profile: icc.is_some_and(|icc| profile::is_foreign(&icc, channels)),
        ..Traits::default()
    };
    let (width, height) = (side(width)?, side(height)?);
    Ok(Header { width, height, orientation: Orientation(orientation), traits })
}
