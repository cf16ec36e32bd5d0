//! Files that were cut short, that lie, or that mean harm: an error each, in bounded memory, and
//! never a panic.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use kinora::media::Format;

use super::build::{Page, find, quarters, tiff};
use super::*;

fn written(format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_raw(40, 20, quarters(|c| c.to_vec())).expect("40 by 20");
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut bytes, format).expect("it encodes");
    bytes.into_inner()
}

/// One of every format and way of storing.
fn all() -> Vec<(String, Vec<u8>)> {
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ];
    let names = ["eight.avif", "ten.avif", "alpha.avif", "grid.avif", "lossless.avif", "grey.avif"];
    let tiffs = ["lzw.tif", "tiles.tif", "deep.tif", "big64.tif"];
    let written = formats.map(|format| (format!("{format:?}"), written(format)));
    let made = names.into_iter().chain(tiffs).map(|name| (name.to_owned(), made(name)));
    written.into_iter().chain(made).collect()
}

#[test]
fn a_file_cut_short_is_damaged_before_it_is_decoded() {
    for (name, bytes) in all() {
        // The last byte may be padding, or a mark that many leave out.
        for length in [bytes.len() * 9 / 10, bytes.len() * 3 / 4, bytes.len() / 2] {
            let cut = &bytes[..length];
            match probed(cut) {
                Err(problem) => {
                    let damaged = matches!(problem, PictureProblem::Damaged(_));
                    assert!(damaged, "{name} {length}: {problem}");
                }
                // Behind all pixels a directory may have notes, which nobody misses.
                Ok(_) => assert_eq!(decoded(cut), decoded(&bytes), "{name} {length}"),
            }
        }
        // Nothing is made of half a header either, whatever it is called.
        for length in 0..bytes.len().min(64) {
            assert!(probed(&bytes[..length]).is_err(), "{name} {length}");
        }
    }
}

#[test]
fn bytes_after_the_end_do_no_harm() {
    for (name, bytes) in all() {
        let padded = [&bytes[..], &[0x55; 4000]].concat();
        if name != "Gif" {
            assert!(probed(&padded).is_ok(), "{name}");
            assert_eq!(decoded(&padded), decoded(&bytes), "{name}");
        }
    }
}

#[test]
fn an_extension_that_lies_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in all() {
        let format = facts(&bytes).format;
        for lie in ["jpg", "png", "heic", "pdf"] {
            let path = folder.path().join(format!("picture.{lie}"));
            std::fs::write(&path, &bytes).expect("it is written");
            let found = probe(&path, &Limits::default()).expect("a picture");
            assert_eq!(found.format, format, "{name} as {lie}");
        }
    }
}

/// Pictures whose headers say 60,000 by 60,000 pixels, in a few hundred bytes.
fn giants() -> Vec<(Format, Vec<u8>)> {
    const SIDE: u16 = 60_000;
    let mut png = written(ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let crc = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&crc);
    let mut jpeg = written(ImageFormat::Jpeg);
    let frame = find(&jpeg, &[0xFF, 0xC0]) + 5;
    jpeg[frame..frame + 4].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
    let mut gif = written(ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0x60, 0xEA, 0x60, 0xEA]);
    let mut avif = made("eight.avif");
    let size = find(&avif, b"ispe") + 8;
    avif[size..size + 8].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let page = Page { width: SIDE, height: SIDE, ..Page::rgb(1, 1, vec![0; 300]) };
    vec![
        (Format::Png, png),
        (Format::Jpeg, jpeg),
        (Format::Gif, gif),
        (Format::Avif, avif),
        (Format::Tiff, tiff(&[page])),
    ]
}

/// The checksum of a PNG chunk (ISO 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn a_giant_in_few_bytes_is_refused_by_its_header() {
    for (format, bytes) in giants() {
        let problem = probed(&bytes).expect_err("above the limit");
        let named = matches!(problem, PictureProblem::TooLarge { limit: "picture_pixels", .. });
        assert!(named, "{format:?}: {problem}");
        let problem = decode(&bytes, &PictureLimits::default()).expect_err("above the limit");
        let named = matches!(problem, PictureProblem::TooLarge { limit: "picture_pixels", .. });
        assert!(named, "{format:?}: {problem}");
    }
}

#[test]
fn a_header_that_says_less_than_follows_does_not_get_it_decoded() {
    // The boxes say 4 by 2, the coded picture is 40 by 20.
    let mut bytes = made("eight.avif");
    let size = find(&bytes, b"ispe") + 8;
    bytes[size..size + 8].copy_from_slice(&[0, 0, 0, 4, 0, 0, 0, 2]);
    assert_eq!((facts(&bytes).width, facts(&bytes).height), (4, 2));
    let problem = decode(&bytes, &PictureLimits::default()).expect_err("it lies");
    assert!(matches!(problem, PictureProblem::Damaged(_)), "{problem}");
}

#[test]
fn an_avif_whose_parts_overlap_takes_no_more_memory_than_it_has_bytes() {
    let bytes = made("eight.avif");
    let at = find(&bytes, b"iloc");
    // Version 0, four bytes a place: one item of one part, made to be of 30,000 equal ones.
    let place = at + 4 + 4 + 2 + 2 + 2 + 2;
    let part = &bytes[place + 2..place + 10];
    let parts: Vec<u8> = part.repeat(30_000);
    let grown = [&bytes[..place], &30_000u16.to_be_bytes(), &parts, &bytes[place + 10..]].concat();
    let grow = |bytes: &mut Vec<u8>, name: &[u8; 4]| {
        let at = find(bytes, name) - 4;
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let size = size + parts.len() as u32 - 8;
        bytes[at..at + 4].copy_from_slice(&size.to_be_bytes());
    };
    let mut grown = grown;
    grow(&mut grown, b"iloc");
    grow(&mut grown, b"meta");
    let problem = probed(&grown).expect_err("it has more parts than bytes").to_string();
    assert!(problem.contains("longer than the file"), "{problem}");
}

#[test]
fn a_tiff_that_points_at_itself_ends() {
    let mut bytes = tiff(&[Page::rgb(40, 20, quarters(|c| c.to_vec()))]);
    let first: [u8; 4] = bytes[4..8].try_into().expect("four bytes");
    let link = bytes.len() - 4;
    bytes[link..].copy_from_slice(&first);
    assert!(matches!(probed(&bytes), Err(PictureProblem::Damaged(_))));
}

#[test]
fn limits_hold_for_every_format() {
    for (name, bytes) in all() {
        let few = Limits { picture_pixels: 799, ..Limits::default() };
        let short = Limits { picture_bytes: bytes.len() as u64 - 1, ..Limits::default() };
        for (limits, wanted) in [(few, "picture_pixels"), (short, "picture_bytes")] {
            let problem = limited(&bytes, &limits).expect_err("above the limit");
            let named =
                matches!(problem, PictureProblem::TooLarge { limit, .. } if limit == wanted);
            assert!(named, "{name}: {problem}");
        }
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let mut random = fastrand::Rng::with_seed(23);
    let limits = PictureLimits { pixels: 1 << 20, ..PictureLimits::default() };
    for (_, start) in all() {
        for _ in 0..150 {
            let mut bytes = start.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(bytes.len() / 2..=bytes.len()));
            let _ = probed(&bytes);
            let _ = decode(&bytes, &limits);
        }
    }
}
