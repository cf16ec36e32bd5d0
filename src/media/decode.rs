//! Picture files → pixels, upright and in sRGB, within limits.
//!
//! What lives here: the doors to decoding, limits on pixels. What never does: reading and
//! recognising files (that is `file`), colours and turning (`upright`), what a picture is for,
//! resizing.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbaImage};

use super::file::read_whole;
use super::header::damaged;
use super::{Format, PictureProblem, upright};
use crate::limits::Limits;

/// How large a picture may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLimits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Pixels.
    pub pixels: u64,
}

impl From<&Limits> for PictureLimits {
    fn from(limits: &Limits) -> Self {
        PictureLimits { bytes: limits.picture_bytes, pixels: limits.picture_pixels }
    }
}

impl Default for PictureLimits {
    fn default() -> Self {
        PictureLimits::from(&Limits::default())
    }
}

/// A picture in memory, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Colours in sRGB with straight alpha.
    pub image: RgbaImage,
    /// Whether any pixel is not opaque.
    pub has_alpha: bool,
}

/// Reads and decodes a file.
pub fn load(path: &Path, limits: &PictureLimits) -> Result<Pixels, PictureProblem> {
    decode(&read_whole(path, limits.bytes)?, limits)
}

/// Decodes a picture; the format is told by its bytes. Of several frames or pages it is the first.
pub fn decode(bytes: &[u8], limits: &PictureLimits) -> Result<Pixels, PictureProblem> {
    let picture = upright::decode(bytes, limits)?;
    let may_have_alpha = picture.color().has_alpha();
    let image = picture.into_rgba8();
    let has_alpha = may_have_alpha && image.pixels().any(|p| p.0[3] != u8::MAX);
    Ok(Pixels { image, has_alpha })
}

/// A decoder that has read the headers, of a picture that is within limits.
pub(super) fn decoder<'b>(
    format: Format,
    bytes: &'b [u8],
    limits: &PictureLimits,
) -> Result<impl ImageDecoder + 'b, PictureProblem> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format(format));
    let mut allowed = image::Limits::default();
    // Eight bytes hold a pixel of any format; the pixels themselves are checked below, so that
    // the error names the limit that the user can raise.
    allowed.max_alloc = Some(limits.pixels.saturating_mul(8).saturating_add(1 << 20));
    reader.limits(allowed);
    let decoder = reader.into_decoder().map_err(|e| problem(&e, limits))?;
    let (width, height) = decoder.dimensions();
    check_pixels(width, height, limits)?;
    Ok(decoder)
}

/// The pixels as they are stored.
pub(super) fn pixels(
    decoder: impl ImageDecoder,
    limits: &PictureLimits,
) -> Result<DynamicImage, PictureProblem> {
    DynamicImage::from_decoder(decoder).map_err(|e| problem(&e, limits))
}

/// Whether a picture's size is within limits.
pub(super) fn check_pixels(
    width: u32,
    height: u32,
    limits: &PictureLimits,
) -> Result<(), PictureProblem> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= limits.pixels {
        return Ok(());
    }
    Err(PictureProblem::TooLarge {
        what: format!("{width}×{height} is {pixels} pixels, the limit is {}", limits.pixels),
        limit: "picture_pixels",
    })
}

fn image_format(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Webp => ImageFormat::WebP,
        Format::Avif => ImageFormat::Avif,
        Format::Tiff => ImageFormat::Tiff,
        Format::Bmp => ImageFormat::Bmp,
        Format::Gif => ImageFormat::Gif,
    }
}

fn problem(error: &ImageError, limits: &PictureLimits) -> PictureProblem {
    match error {
        ImageError::Limits(_) => PictureProblem::TooLarge {
            what: format!("it needs more memory than {} pixels may", limits.pixels),
            limit: "picture_pixels",
        },
        other => damaged(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image =
            RgbaImage::from_fn(width, height, |x, y| image::Rgba([x as u8, y as u8, 9, 99]));
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("a PNG");
        bytes
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * 3)
            .map(|i| (i * 7 % 251) as u8)
            .collect();
        jpeg_encoder::Encoder::new(&mut bytes, 90)
            .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
            .expect("a JPEG");
        bytes
    }

    /// A JPEG with an EXIF block that says it lies on its side (orientation 6).
    fn sideways(width: u16, height: u16) -> Vec<u8> {
        let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let plain = jpeg(width, height);
        let mut bytes = plain[..2].to_vec();
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(((exif.len() + 2) as u16).to_be_bytes());
        bytes.extend(exif);
        bytes.extend(&plain[2..]);
        bytes
    }

    #[test]
    fn pictures_come_upright_with_their_alpha() {
        let limits = PictureLimits::default();
        let pixels = decode(&png(7, 5), &limits).expect("decodes");
        assert_eq!(pixels.image.dimensions(), (7, 5));
        assert!(pixels.has_alpha);
        let pixels = decode(&sideways(40, 20), &limits).expect("decodes");
        assert_eq!(pixels.image.dimensions(), (20, 40));
        assert!(!pixels.has_alpha);
    }

    #[test]
    fn a_jpeg_cut_short_is_damaged_wherever_it_is_cut() {
        let whole = jpeg(64, 64);
        for cut in [20, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
            let made = decode(&whole[..cut], &PictureLimits::default());
            assert!(matches!(made, Err(PictureProblem::Damaged(_))), "cut at {cut}: {made:?}");
        }
        let mut trailing = whole.clone();
        trailing.extend(b"camera notes");
        assert!(decode(&trailing, &PictureLimits::default()).is_ok());
    }

    #[test]
    fn a_png_cut_short_is_damaged() {
        let whole = png(64, 64);
        let made = decode(&whole[..whole.len() / 2], &PictureLimits::default());
        assert!(matches!(made, Err(PictureProblem::Damaged(_))), "{made:?}");
    }

    #[test]
    fn limits_are_named() {
        let limits = PictureLimits { bytes: 1 << 20, pixels: 100 };
        let made = decode(&png(20, 20), &limits);
        assert!(
            matches!(made, Err(PictureProblem::TooLarge { limit: "picture_pixels", .. })),
            "{made:?}"
        );
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), vec![0; 300]).expect("writes");
        let made = load(file.path(), &PictureLimits { bytes: 200, pixels: 100 });
        assert!(matches!(made, Err(PictureProblem::TooLarge { limit: "picture_bytes", .. })));
    }

    #[test]
    fn a_header_that_promises_too_much_does_not_take_the_memory() {
        let mut bytes = png(4, 4);
        bytes[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
        let made = decode(&bytes, &PictureLimits::default());
        assert!(matches!(made, Err(PictureProblem::TooLarge { .. } | PictureProblem::Damaged(_))));
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let limits = PictureLimits::default();
        for bytes in [&b""[..], b"<!DOCTYPE html>", b"%PDF-1.7", b"\xFF\xD8"] {
            assert!(matches!(decode(bytes, &limits), Err(PictureProblem::NotAPicture(_))));
        }
        let missing = load(Path::new("/nonexistent/picture.jpg"), &limits);
        assert_eq!(missing, Err(PictureProblem::Missing));
    }
}
