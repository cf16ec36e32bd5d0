//! What is no picture, or none that can be read, is named, with what to do about it.

use super::build::{Page, ftyp, tiff};
use super::*;

/// The problem's words and what it advises.
fn refused(bytes: &[u8]) -> (String, String) {
    let problem = probed(bytes).expect_err("it can't be read");
    assert!(decode(bytes, &PictureLimits::default()).is_err(), "nor decoded: {problem}");
    (problem.to_string(), problem.help().unwrap_or("").to_owned())
}

#[test]
fn heic_comes_with_ways_to_convert_it() {
    for brands in [&[b"heic"][..], &[b"mif1", b"heic"], &[b"mif1", b"msf1"], &[b"heix", b"mif1"]] {
        let (problem, help) = refused(&ftyp(brands));
        assert_eq!(problem, "it is a HEIC picture, which Kinora doesn't read");
        for way in ["heif-convert", "magick", "sips", "Most Compatible"] {
            assert!(help.contains(way), "{help}");
        }
    }
}

#[test]
fn other_kinds_of_pictures_are_named() {
    let raw = {
        let mut page = Page::rgb(8, 8, vec![0; 192]);
        page.more.push((50_706, 1, 4, 0x0401));
        tiff(&[page])
    };
    let thumbnail = {
        let mut page = Page::rgb(8, 8, vec![0; 192]);
        page.more.push((254, 4, 1, 1));
        tiff(&[page])
    };
    for (bytes, what) in [
        (b"8BPS\0\x01".to_vec(), "a Photoshop document"),
        (b"\xFF\x0A\xFA\x1F".to_vec(), "a JPEG XL picture"),
        (b"\0\0\0\x0CJXL \r\n\x87\n".to_vec(), "a JPEG XL picture"),
        (b"\0\0\0\x0CjP  \r\n\x87\n".to_vec(), "a JPEG 2000 picture"),
        (raw, "a camera's raw file"),
        (thumbnail, "a camera's raw file"),
        (ftyp(&[b"crx ", b"isom"]), "a camera's raw file"),
    ] {
        let (problem, help) = refused(&bytes);
        assert_eq!(problem, format!("it is {what}, which Kinora doesn't read"));
        assert!(help.contains("export it as JPEG"), "{help}");
    }
}

#[test]
fn what_is_no_picture_is_said() {
    for (bytes, what) in [
        (&b""[..], "empty"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><title>404</title>", "HTML"),
        (b"\n <svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"),
        (b"{\"error\":\"not found\"}", "JSON"),
        (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        (b"\0\0\x01\0\x01\0", "icon"),
    ] {
        let (problem, help) = refused(bytes);
        assert!(problem.starts_with("it is no picture") && problem.contains(what), "{problem}");
        assert_eq!(help, "Kinora reads JPEG, PNG, WebP, AVIF, TIFF, BMP and GIF");
    }
    let (problem, _) = refused(&ftyp(&[b"isom", b"mp41"]));
    assert!(problem.contains("MP4"), "{problem}");
}

#[test]
fn kinds_of_known_formats_that_are_not_read_are_said_before_they_are_decoded() {
    let (problem, _) = refused(&made("hdr.avif"));
    assert_eq!(problem, "it is an AVIF of high dynamic range (HDR), which Kinora doesn't read");
    let (problem, help) = refused(&made("palette.tif"));
    assert!(problem.starts_with("it is of a rare kind"), "{problem}");
    assert!(help.contains("plain TIFF"), "{help}");
}
