//! Any picture that Kinora reads → upright pixels in sRGB, 8 bits a channel, with straight alpha
//! where there may be any. Opaque pictures stay without that channel: they are most, and a quarter
//! of the work is saved.

use image::{DynamicImage, ImageDecoder, RgbaImage, metadata::Orientation};
use zune_jpeg::zune_core::colorspace::ColorSpace;

use crate::media::avif;
use crate::media::decode::{self, PictureLimits};
use crate::media::file::{check_whole, recognise};
use crate::media::header::{self, is_cmyk, jpeg_decoder};
use crate::media::pictures::{Format, PictureProblem};
use crate::media::profile;

/// Decodes a picture; of several frames, the first.
pub(super) fn decode(bytes: &[u8], limits: &PictureLimits) -> Result<DynamicImage, PictureProblem> {
    let format = recognise(bytes)?;
    check_whole(format, bytes)?;
    let header = header::read(format, bytes)?;
    decode::check_pixels(header.width, header.height, limits)?;
    let mut image = match (format, header.traits.cmyk) {
        (Format::Jpeg, true) => of_inks(bytes)?,
        (Format::Avif, _) => {
            let (image, icc) = avif::pixels(bytes, limits)?;
            profile::into_srgb(image, icc.as_deref())
        }
        _ => of_lights(format, bytes, limits)?,
    };
    let turned = Orientation::from_exif(header.orientation.0);
    image.apply_orientation(turned.unwrap_or(Orientation::NoTransforms));
    Ok(image)
}

fn of_lights(
    format: Format,
    bytes: &[u8],
    limits: &PictureLimits,
) -> Result<DynamicImage, PictureProblem> {
    let mut decoder = decode::decoder(format, bytes, limits)?;
    // Who can't read a profile shows the picture without it; so does everybody else.
    let icc = decoder.icc_profile().ok().flatten();
    Ok(profile::into_srgb(decode::pixels(decoder, limits)?, icc.as_deref()))
}

/// A JPEG of four components. The decoder gives them as they are stored, because a profile is
/// about inks, not about what a decoder takes for their lights.
fn of_inks(bytes: &[u8]) -> Result<DynamicImage, PictureProblem> {
    let damaged = |e: &dyn std::fmt::Display| PictureProblem::Damaged(e.to_string());
    let mut decoder = jpeg_decoder(bytes)?;
    let space = decoder.input_colorspace().filter(|space| is_cmyk(Some(*space)));
    let space = space.ok_or_else(|| damaged(&"it changed while it was read"))?;
    let options = decoder.options().jpeg_set_out_colorspace(space);
    decoder.set_options(options);
    let mut inks = decoder.decode().map_err(|e| damaged(&e))?;
    if space == ColorSpace::YCCK {
        inks.chunks_exact_mut(4).for_each(ycc_to_cmy);
    }
    // Adobe stores inks inverted, and says that it was Adobe; so does everyone who copied it.
    if has_adobe_marker(bytes) {
        inks.iter_mut().for_each(|ink| *ink = u8::MAX - *ink);
    }
    let colours = profile::inks_into_srgb(&inks, decoder.icc_profile().as_deref());
    let sides = decoder.dimensions().map(|(w, h)| (u32::try_from(w), u32::try_from(h)));
    match sides {
        Some((Ok(width), Ok(height))) => RgbaImage::from_raw(width, height, colours),
        _ => None,
    }
    .map(|image| DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(image).into_rgb8()))
    .ok_or_else(|| damaged(&"it has not as many pixels as its header says"))
}

/// Luma and chroma of the first three inks into the inks (JFIF's full-range BT.601, in fixed
/// point with 16 bits after the point), as the T.872 standard has it.
fn ycc_to_cmy(pixel: &mut [u8]) {
    let (y, cb, cr) =
        (i32::from(pixel[0]) << 16, i32::from(pixel[1]) - 128, i32::from(pixel[2]) - 128);
    let light = |value: i32| ((value + (1 << 15)) >> 16).clamp(0, 255) as u8;
    pixel[0] = u8::MAX - light(y + 91_881 * cr);
    pixel[1] = u8::MAX - light(y - 22_554 * cb - 46_802 * cr);
    pixel[2] = u8::MAX - light(y + 116_130 * cb);
}

/// Whether an `Adobe` segment (APP14) stands before the first scan.
fn has_adobe_marker(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xFF, code, high, low]) = bytes.get(at..at + 4) {
        match code {
            0xFF => at += 1,
            0xDA => return false,
            0xEE if bytes.get(at + 4..at + 9) == Some(b"Adobe") => return true,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2),
        }
    }
    false
}
