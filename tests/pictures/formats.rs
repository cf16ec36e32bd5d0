//! Every format: known by its bytes, whatever its name, with its size, its traits and its pixels.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage, Rgba, RgbaImage};
use kinora::media::{Format, Orientation, Traits};

use super::build::{Page, find, quarters, tiff};
use super::*;

fn rgb() -> RgbImage {
    RgbImage::from_raw(40, 20, quarters(|colour| colour.to_vec())).expect("40 by 20")
}

fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).expect("it encodes");
    bytes.into_inner()
}

#[test]
fn a_format_is_known_by_its_bytes() {
    let known = [
        (ImageFormat::Jpeg, Format::Jpeg, 6),
        (ImageFormat::Png, Format::Png, 0),
        (ImageFormat::WebP, Format::Webp, 0),
        (ImageFormat::Tiff, Format::Tiff, 0),
        (ImageFormat::Bmp, Format::Bmp, 0),
        (ImageFormat::Gif, Format::Gif, 0),
    ];
    for (written_as, format, by) in known {
        let bytes = written(rgb(), written_as);
        let found = facts(&bytes);
        assert_eq!((found.format, found.width, found.height), (format, 40, 20));
        assert_eq!(found.traits, Traits::default(), "{format:?}");
        assert_quarters(format.as_str(), &bytes, by);
    }
}

#[test]
fn every_kind_of_avif_shows_its_colours() {
    let opaque = Traits::default();
    let deep = Traits { deep: true, ..opaque };
    for (name, traits, by) in [
        ("eight.avif", opaque, 4),
        ("lossless.avif", opaque, 0),
        ("limited.avif", opaque, 5),
        ("ten.avif", deep, 4),
        ("twelve.avif", deep, 4),
    ] {
        let bytes = made(name);
        let found = facts(&bytes);
        assert_eq!((found.format, found.width, found.height), (Format::Avif, 40, 20), "{name}");
        assert_eq!(found.traits, traits, "{name}");
        assert!(!decoded(&bytes).has_alpha, "{name}");
        assert_quarters(name, &bytes, by);
    }
}

#[test]
fn a_grey_avif_is_grey() {
    let bytes = made("grey.avif");
    assert_eq!(facts(&bytes).traits, Traits { grey: true, ..Traits::default() });
    let pixels = decoded(&bytes);
    for (at, [r, g, b]) in MIDDLES.into_iter().zip(QUARTERS) {
        // The luma of JPEG and of this file (BT.601).
        let luma = (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000;
        let found = colour_at(&pixels, at);
        assert!(near(found, [luma as u8; 3], 4), "{found:?}, not {luma}");
    }
}

#[test]
fn an_avif_keeps_its_transparency() {
    for name in ["alpha.avif", "premultiplied.avif"] {
        let bytes = made(name);
        assert!(facts(&bytes).traits.alpha, "{name}");
        assert_quarters(name, &bytes, 6);
        let pixels = decoded(&bytes);
        assert!(pixels.has_alpha);
        let alphas = MIDDLES.map(|(x, y)| pixels.image.get_pixel(x, y).0[3]);
        let wanted = [90, 255, 90, 255];
        assert!(alphas.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 2), "{alphas:?}");
    }
}

#[test]
fn an_avif_is_turned_and_mirrored_as_its_boxes_say() {
    let plain = decoded(&made("eight.avif")).image;
    let start = made("turned.avif");
    let (irot, imir) = (find(&start, b"irot") + 4, find(&start, b"imir") + 4);
    use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    for turns in 0..4u8 {
        for mirror in 0..2u8 {
            let mut bytes = start.clone();
            (bytes[irot], bytes[imir]) = (turns, mirror);
            let turned: RgbaImage = match turns {
                0 => plain.clone(),
                // Boxes turn against the clock.
                1 => rotate270(&plain),
                2 => rotate180(&plain),
                _ => rotate90(&plain),
            };
            let wanted = match mirror {
                0 => flip_vertical(&turned),
                _ => flip_horizontal(&turned),
            };
            let found = facts(&bytes);
            assert_eq!((found.width, found.height), wanted.dimensions(), "{turns} {mirror}");
            let pixels = decoded(&bytes).image;
            assert_eq!(pixels.dimensions(), wanted.dimensions());
            let far = pixels
                .pixels()
                .zip(wanted.pixels())
                .any(|(a, b)| !near([a.0[0], a.0[1], a.0[2]], [b.0[0], b.0[1], b.0[2]], 8));
            assert!(!far, "{turns} quarter turns, mirror {mirror}");
        }
    }
}

#[test]
fn the_tiles_of_an_avif_are_put_together() {
    let bytes = made("grid.avif");
    let found = facts(&bytes);
    assert_eq!((found.width, found.height, found.traits), (256, 128, Traits::default()));
    let pixels = decoded(&bytes);
    for ((x, y), wanted) in MIDDLES.into_iter().zip(QUARTERS) {
        let found = colour_at(&pixels, (x * 32 / 5, y * 32 / 5));
        assert!(near(found, wanted, 4), "{found:?}, not {wanted:?}");
    }
}

#[test]
fn of_several_frames_the_first_is_shown_and_it_is_said() {
    let sequence = made("seq.avif");
    assert!(facts(&sequence).traits.animated);
    assert_quarters("a sequence in AVIF", &sequence, 6);

    let mut gif = Vec::new();
    let other = RgbaImage::from_pixel(40, 20, Rgba([0, 255, 0, 255]));
    let first: RgbaImage = DynamicImage::ImageRgb8(rgb()).into_rgba8();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    encoder.encode_frames([first, other].map(image::Frame::new)).expect("it encodes");
    drop(encoder);
    let found = facts(&gif);
    assert_eq!(found.traits, Traits { animated: true, ..Traits::default() });
    assert_quarters("an animated GIF", &gif, 0);

    let page = Page::rgb(40, 20, quarters(|colour| colour.to_vec()));
    let blank = Page::rgb(40, 20, vec![7; 40 * 20 * 3]);
    let pages = tiff(&[page.clone(), blank]);
    assert!(facts(&pages).traits.animated);
    assert_quarters("a TIFF of two pages", &pages, 0);

    // A smaller copy of the same page is none of its own.
    let mut thumbnail = Page::rgb(4, 2, vec![7; 4 * 2 * 3]);
    thumbnail.more.push((254, 4, 1, 1));
    assert!(!facts(&tiff(&[page, thumbnail])).traits.animated);
}

#[test]
fn every_kind_of_tiff_shows_its_colours() {
    let opaque = Traits::default();
    for (name, traits, by) in [
        ("lzw.tif", opaque, 0),
        ("tiles.tif", opaque, 0),
        ("big64.tif", opaque, 0),
        ("jpeg.tif", opaque, 6),
        ("deep.tif", Traits { deep: true, ..opaque }, 0),
    ] {
        let bytes = made(name);
        let found = facts(&bytes);
        assert_eq!((found.format, found.width, found.height), (Format::Tiff, 40, 20), "{name}");
        assert_eq!(found.traits, traits, "{name}");
        assert_quarters(name, &bytes, by);
    }
}

#[test]
fn a_tiff_that_lies_on_its_side_is_turned() {
    let mut page = Page::rgb(40, 20, quarters(|colour| colour.to_vec()));
    page.orientation = 6;
    let bytes = tiff(&[page]);
    let found = facts(&bytes);
    assert_eq!((found.width, found.height, found.orientation), (20, 40, Orientation(6)));
    let pixels = decoded(&bytes);
    // Turned clockwise: what was at the left is above.
    assert_eq!(colour_at(&pixels, (15, 10)), QUARTERS[0]);
    assert_eq!(colour_at(&pixels, (15, 30)), QUARTERS[1]);
}

#[test]
fn transparent_gifs_and_bitmaps_keep_their_transparency() {
    let clear = RgbaImage::from_fn(40, 20, |x, _| Rgba([9, 99, 199, if x < 20 { 0 } else { 255 }]));
    for format in [ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff] {
        let bytes = written(clear.clone(), format);
        assert!(facts(&bytes).traits.alpha, "{format:?}");
        let pixels = decoded(&bytes);
        assert!(pixels.has_alpha, "{format:?}");
        assert_eq!(pixels.image.get_pixel(5, 5).0[3], 0, "{format:?}");
        assert_eq!(pixels.image.get_pixel(25, 5).0, [9, 99, 199, 255], "{format:?}");
    }
}
