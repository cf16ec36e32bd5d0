//! Whether bytes begin like something that surely is no picture, so that a login page is named as
//! what it is, and nothing large is downloaded to its end. What a picture is, probing says.

/// How many bytes are needed to tell.
pub(super) const NEEDED: usize = 512;

/// What a file that begins so is, where it surely is no picture that could be read.
pub(super) fn no_picture(start: &[u8]) -> Option<&'static str> {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let lower: Vec<u8> = text.iter().take(NEEDED).map(u8::to_ascii_lowercase).collect();
    let has = |needle: &[u8]| lower.windows(needle.len()).any(|window| window == needle);
    match text {
        [] => Some("nothing at all (an empty body)"),
        [b'<', ..] if has(b"<svg") => Some("an SVG drawing"),
        [b'<', ..] if has(b"<html") || has(b"<!doctype html") || has(b"<head") || has(b"<body") => {
            Some("a web page (HTML)")
        }
        [b'<', ..] => Some("HTML or XML"),
        [b'{' | b'[', ..] => Some("JSON"),
        [b'%', b'P', b'D', b'F', ..] => Some("a PDF document"),
        [b'P', b'K', 3 | 5, ..] => Some("a zip archive"),
        [0x1F, 0x8B, ..] => Some("a compressed file (gzip)"),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some("a video"),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => {
            let video = [&b"mp4"[..], b"isom", b"iso2", b"qt  ", b"avc1", b"M4V"];
            video.iter().any(|known| brand.starts_with(known)).then_some("a video")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::no_picture;

    #[test]
    fn what_is_no_picture_is_named() {
        for (start, what) in [
            (&b""[..], Some("nothing at all (an empty body)")),
            (b"\xEF\xBB\xBF\n<!DOCTYPE HTML><title>", Some("a web page (HTML)")),
            (b"<?xml version=\"1.0\"?><SVG xmlns", Some("an SVG drawing")),
            (b"<?xml version=\"1.0\"?><Error>", Some("HTML or XML")),
            (b"{\"error\":1}", Some("JSON")),
            (b"\0\0\0\x18ftypmp42", Some("a video")),
            (b"\0\0\0\x18ftypavif", None),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"\xFF\xD8\xFF\xE0", None),
            (b"BM6", None),
        ] {
            assert_eq!(no_picture(start), what);
        }
    }
}
