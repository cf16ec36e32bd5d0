//! Whether bytes begin like a video.

/// How many bytes are needed to tell.
pub(super) const NEEDED: usize = 16;

/// Brands of ISO files that hold pictures, not clips.
const PICTURE_BRANDS: [&[u8]; 6] = [b"avif", b"heic", b"heix", b"mif1", b"msf1", b"jxl "];

/// Whether a file that begins so is a video: MP4, MOV or WebM.
///
/// # Errors
/// What it is instead, in words.
pub(super) fn video(start: &[u8]) -> Result<(), &'static str> {
    let boxes: [&[u8]; 5] = [b"moov", b"mdat", b"wide", b"free", b"skip"];
    if start.get(4..8) == Some(b"ftyp") {
        let picture = start.get(8..12).is_some_and(|brand| PICTURE_BRANDS.contains(&brand));
        return if picture { Err("a picture") } else { Ok(()) };
    }
    // Older QuickTime files begin with any of their boxes; WebM with EBML's own number.
    if start.get(4..8).is_some_and(|kind| boxes.contains(&kind))
        || start.starts_with(&[0x1A, 0x45, 0xDF, 0xA3])
    {
        return Ok(());
    }
    let text = start.trim_ascii_start();
    Err(match text {
        [] => "an empty file",
        [b'<', ..] => "HTML or XML",
        [b'{' | b'[', ..] => "JSON",
        [0x89, b'P', b'N', b'G', ..] | [0xFF, 0xD8, 0xFF, ..] | [b'G', b'I', b'F', b'8', ..] => {
            "a picture"
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "a picture",
        [0x1F, 0x8B, ..] => "a compressed file (gzip)",
        [b'P', b'K', ..] => "a zip archive",
        _ => "a file of no known video format",
    })
}

#[cfg(test)]
mod tests {
    use super::video;

    #[test]
    fn videos_are_known_by_their_first_bytes() {
        assert_eq!(video(b"\0\0\0\x18ftypmp42\0\0\0\0"), Ok(()));
        assert_eq!(video(b"\0\0\0\x14ftypqt  \0\0\0\0"), Ok(()));
        assert_eq!(video(b"\0\0\0\x08wide\0\0\0\0mdat"), Ok(()));
        assert_eq!(video(b"\x1A\x45\xDF\xA3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81"), Ok(()));
        assert_eq!(video(b""), Err("an empty file"));
        assert_eq!(video(b"  <!doctype html>"), Err("HTML or XML"));
        assert_eq!(video(b"{\"error\":1}"), Err("JSON"));
        assert_eq!(video(b"\0\0\0\x1cftypavif\0\0\0\0"), Err("a picture"));
        assert_eq!(video(b"\x89PNG\r\n\x1a\n"), Err("a picture"));
        assert_eq!(video(b"not a clip at all"), Err("a file of no known video format"));
    }
}
