//! Picture files as bytes: read within a limit, recognised, and seen to be whole. Probing and
//! decoding both begin here, so that what a plan accepts is what a run can decode.
//!
//! What never lives here: pixels.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::pictures::{Format, PictureProblem};
use super::{avif, still, tiff};

/// Reads a file, but never more than the limit and one byte, whatever its size claims.
pub fn read_whole(path: &Path, limit: u64) -> Result<Vec<u8>, PictureProblem> {
    let unreadable = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => PictureProblem::Missing,
        _ => PictureProblem::Unreadable(e.to_string()),
    };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    // A device or pipe might never end, or hand out different bytes at each read.
    if !meta.is_file() {
        return Err(PictureProblem::Unreadable("it is not a regular file".to_owned()));
    }
    let too_large = |size: u64| PictureProblem::TooLarge {
        what: format!("{size} bytes, above {limit}"),
        limit: "picture_bytes",
    };
    if meta.len() > limit {
        return Err(too_large(meta.len()));
    }
    // One byte more than it claims to have, so that in one read it shows that it has no more:
    // `read_to_end` would feel its way by growing pieces.
    let mut bytes = vec![0; usize::try_from(meta.len()).unwrap_or(0).saturating_add(1)];
    let mut file = file.take(limit.saturating_add(1));
    let mut read = 0;
    loop {
        match file.read(&mut bytes[read..]) {
            Ok(0) if read < bytes.len() => break,
            Ok(0) => bytes.resize(bytes.len() * 2, 0),
            Ok(more) => read += more,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(unreadable(e)),
        }
    }
    bytes.truncate(read);
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The format by the first bytes of a file, never by its name.
pub fn recognise(bytes: &[u8]) -> Result<Format, PictureProblem> {
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Format::Png);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Ok(Format::Webp);
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Ok(Format::Gif);
    }
    if bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]) {
        return Ok(Format::Bmp);
    }
    if tiff::begins(bytes) {
        return match tiff::camera(bytes) {
            true => Err(undecodable("a camera's raw file", EXPORT)),
            false => Ok(Format::Tiff),
        };
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return boxed(bytes);
    }
    let known: [(&[u8], &str); 5] = [
        (b"8BPS", "a Photoshop document"),
        (b"\xFF\x0A", "a JPEG XL picture"),
        (b"\0\0\0\x0CJXL ", "a JPEG XL picture"),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 picture"),
        (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    ];
    if let Some((_, what)) = known.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(undecodable(what, EXPORT));
    }
    let looks_like = match bytes {
        [] => "the file is empty",
        [b'%', b'P', b'D', b'F', ..] => "it is a PDF",
        [0, 0, 1, 0, ..] => "it is an icon",
        _ if bytes.trim_ascii_start().starts_with(b"<") => "it looks like SVG or HTML",
        _ if bytes.trim_ascii_start().starts_with(b"{") => "it looks like JSON",
        _ if bytes.starts_with(b"version https://git-lfs") => "it is a Git LFS pointer",
        _ => "its first bytes are of no known format",
    };
    Err(PictureProblem::NotAPicture(looks_like.to_owned()))
}

const EXPORT: &str = "export it as JPEG, PNG or TIFF from the program that made it";

fn undecodable(what: &str, help: &'static str) -> PictureProblem {
    PictureProblem::Undecodable { what: format!("it is {what}"), help }
}

/// The format of an ISO base media file, by its brands.
fn boxed(bytes: &[u8]) -> Result<Format, PictureProblem> {
    if avif::is_avif(bytes) {
        return Ok(Format::Avif);
    }
    let mut brands = avif::brands(bytes);
    let first = brands.next().unwrap_or_default();
    let is_heif = |brand: [u8; 4]| {
        matches!(&brand, b"mif1" | b"msf1" | b"mif2") || matches!(&brand[..3], b"hei" | b"hev")
    };
    if is_heif(first) || brands.any(is_heif) {
        return Err(heic());
    }
    if first == *b"crx " {
        return Err(undecodable("a camera's raw file", EXPORT));
    }
    let what = "it is an MP4 or another file of sound and moving pictures";
    Err(PictureProblem::NotAPicture(what.to_owned()))
}

/// A HEIC picture: its codec (HEVC) is under patents, and there is no free decoder to ship.
pub(super) fn heic() -> PictureProblem {
    undecodable(
        "a HEIC picture",
        "convert it (`heif-convert a.heic a.jpg`, `magick a.heic a.jpg`, on a Mac `sips -s format \
         jpeg a.heic --out a.jpg`), or let the phone make JPEGs: Settings, Camera, Formats, Most \
         Compatible",
    )
}

/// How far before the end of a file its end marker may stand: cameras and editors append
/// padding, thumbnails or metadata after it.
const TRAILER_BYTES: usize = 1 << 20;

/// Whether the file ends as its format says it must; a download cut short doesn't. It must be
/// asked of the bytes, because decoders fill what is missing of a JPEG with grey and report
/// nothing. This finds no damage in the middle: decoding does, when the picture is used.
pub fn check_whole(format: Format, bytes: &[u8]) -> Result<(), PictureProblem> {
    let tail_from = bytes.len().saturating_sub(TRAILER_BYTES);
    let tail = &bytes[tail_from..];
    let ends = match format {
        // Entropy-coded data escapes every `FF`, so the end marker can't occur inside it; one
        // before the last scan began belongs to a thumbnail.
        Format::Jpeg => {
            let end = tail.windows(2).rposition(|w| w == [0xFF, 0xD9]);
            end.is_some_and(|end| last_scan(bytes).is_some_and(|scan| tail_from + end > scan))
        }
        Format::Png => tail.windows(8).rev().any(|w| w == b"IEND\xAE\x42\x60\x82"),
        // RIFF states its own length, after the first eight bytes.
        Format::Webp => bytes.get(4..8).is_some_and(|size| {
            let size = size.iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
            bytes.len() as u64 >= size + 8
        }),
        Format::Avif => return avif::check_whole(bytes),
        Format::Tiff => tiff::is_whole(bytes),
        Format::Gif => still::gif(bytes).is_some(),
        Format::Bmp => still::bmp_is_whole(bytes),
    };
    if ends {
        return Ok(());
    }
    Err(PictureProblem::Damaged("it ends too early, as if it was not copied whole".to_owned()))
}

/// Where the last scan header that is reached by walking the file's segments begins; thumbnails
/// inside a segment are stepped over.
fn last_scan(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    let mut scan = None;
    while let Some(&[first, code]) = bytes.get(at..at + 2) {
        if first != 0xFF {
            // The entropy-coded data, most of the file.
            let Some(further) = memchr::memchr(0xFF, &bytes[at..]) else { break };
            at += further;
            continue;
        }
        match code {
            0xD9 => break,
            // Fill bytes, escaped FF, restart markers: no length follows.
            0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
            0xFF => at += 1,
            _ => {
                if code == 0xDA {
                    scan = Some(at);
                }
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { break };
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
    scan
}
