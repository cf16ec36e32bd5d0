//! GIF and BMP by their own structure: whether a file is whole, and how many frames it has.
//!
//! What never lives here: pixels. The decoders would tell, but only after all of them.

/// What the blocks of a GIF say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Frames {
    /// How many there are.
    pub count: u32,
    /// Whether the first one leaves pixels free: by a transparent colour, or because it is smaller
    /// than the picture.
    pub first_is_transparent: bool,
}

/// Walks the blocks of a GIF (GIF89a specification); `None` for one that was cut short.
pub(super) fn gif(bytes: &[u8]) -> Option<Frames> {
    let screen = bytes.get(6..13)?;
    let mut rest = bytes.get(13 + colours(screen[4])..)?;
    let mut frames = Frames::default();
    let mut transparent = false;
    loop {
        match rest {
            // Many writers leave the trailer out, and a file that ends between blocks is whole.
            [0x3B, ..] | [] => return (frames.count > 0).then_some(frames),
            [0x21, label, after @ ..] => {
                if let (0xF9, [4, flags, ..]) = (*label, after) {
                    transparent = flags & 1 == 1;
                }
                rest = blocks(after)?;
            }
            [0x2C, after @ ..] => {
                let place = after.get(..9)?;
                // Left and top are zero, width and height the screen's.
                let covers = place[..4] == [0; 4] && place[4..8] == screen[..4];
                if frames.count == 0 {
                    frames.first_is_transparent = transparent || !covers;
                }
                frames.count = frames.count.saturating_add(1);
                transparent = false;
                // After the colours one byte that is the width of codes.
                rest = blocks(after.get(9 + colours(place[8]) + 1..)?)?;
            }
            // Zeros between blocks are written by some, and skipped by all.
            [0, after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// Bytes of the colour table that flags announce.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// What follows a row of blocks, each after its length; an empty one is the last.
fn blocks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, after) = rest.split_first()?;
        rest = after.get(usize::from(*length)..)?;
        if *length == 0 {
            return Some(rest);
        }
    }
}

/// Whether a BMP has as many bytes as its pixels take. Rows that are packed end where their codes
/// say, which the decoder sees.
pub(super) fn bmp_is_whole(bytes: &[u8]) -> bool {
    let number = |at: usize| {
        let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let needed = || -> Option<u64> {
        let (pixels, header) = (number(10)?, number(14)?);
        let (width, height, bits, packing) = match header {
            // The oldest header has two bytes a side.
            12 => (number(18)? & 0xFFFF, number(18)? >> 16, number(22)? >> 16, 0),
            _ => (
                number(18)?,
                number(22)?.cast_signed().unsigned_abs(),
                number(26)? >> 16,
                number(30)?,
            ),
        };
        // 1 and 2 are run lengths.
        if matches!(packing, 1 | 2) {
            return Some(u64::from(pixels));
        }
        let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
        row.checked_mul(u64::from(height))?.checked_add(u64::from(pixels))
    };
    needed().is_some_and(|needed| bytes.len() as u64 >= needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifEncoder;
    use image::{Frame, ImageFormat, RgbImage, Rgba, RgbaImage};
    use std::io::Cursor;

    fn animation(frames: &[RgbaImage]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        encoder.encode_frames(frames.iter().cloned().map(Frame::new)).expect("it encodes");
        drop(encoder);
        bytes
    }

    fn plain(alpha: u8) -> RgbaImage {
        RgbaImage::from_fn(20, 10, |x, y| Rgba([x as u8, y as u8, 9, alpha]))
    }

    #[test]
    fn frames_are_counted_and_seen_to_be_transparent() {
        let counted = |frames: &[RgbaImage]| gif(&animation(frames));
        let opaque = Frames { count: 1, first_is_transparent: false };
        assert_eq!(counted(&[plain(255)]), Some(opaque));
        assert_eq!(counted(&[plain(255), plain(0)]), Some(Frames { count: 2, ..opaque }));
        let clear = Frames { count: 1, first_is_transparent: true };
        assert_eq!(counted(&[plain(0)]), Some(clear));
    }

    #[test]
    fn a_gif_cut_short_anywhere_is_not_whole() {
        let bytes = animation(&[plain(255)]);
        // Without its trailer it still is.
        assert!(gif(&bytes[..bytes.len() - 1]).is_some());
        for length in 0..bytes.len() - 1 {
            assert_eq!(gif(&bytes[..length]), None, "{length} of {}", bytes.len());
        }
    }

    #[test]
    fn a_bmp_cut_short_anywhere_is_not_whole() {
        let mut bytes = Cursor::new(Vec::new());
        let image = RgbImage::from_pixel(13, 7, image::Rgb([1, 2, 3]));
        image.write_to(&mut bytes, ImageFormat::Bmp).expect("it encodes");
        let bytes = bytes.into_inner();
        assert!(bmp_is_whole(&bytes));
        for length in 0..bytes.len() {
            assert!(!bmp_is_whole(&bytes[..length]), "{length} of {}", bytes.len());
        }
    }
}
