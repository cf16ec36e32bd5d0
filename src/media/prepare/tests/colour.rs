//! Upright, sRGB, 8 bits, on a stated colour.

use image::{GrayAlphaImage, ImageBuffer, LumaA, Rgba, RgbaImage};
use moxcms::ColorProfile;

use super::*;
use crate::media::{Orientation, profile as icc_profile};

const RED: [u8; 3] = [200, 30, 40];
const BLUE: [u8; 3] = [20, 60, 210];

fn profile(of: &ColorProfile) -> Vec<u8> {
    of.encode().expect("a profile can be written")
}

#[test]
fn every_orientation_ends_upright() {
    // Where the red half is once the picture is turned as EXIF says of each value.
    let red_at: [(u8, (u32, u32)); 8] = [
        (1, (2, 10)),
        (2, (37, 10)),
        (3, (37, 10)),
        (4, (2, 10)),
        (5, (10, 2)),
        (6, (10, 2)),
        (7, (10, 37)),
        (8, (10, 37)),
    ];
    let image = halves(40, 20, RED, BLUE);
    for (orientation, (x, y)) in red_at {
        let bytes = jpeg(image.as_raw(), (40, 20), ColorType::Rgb, None, orientation);
        let prepared = made(&bytes, &PictureNeeds::default());
        let upright = if orientation < 5 { (40, 20) } else { (20, 40) };
        assert_eq!(size_of(&prepared), upright, "{orientation}");
        let pixels = seen(&prepared.bytes);
        assert!(near(*pixels.get_pixel(x, y), RED, 12), "{orientation}");
        assert_eq!(facts(&prepared.bytes).orientation, Orientation(1));
        assert_eq!(prepared.bytes == bytes, orientation == 1, "only an upright file is sent as is");
    }
}

#[test]
fn colours_of_a_wide_profile_become_srgb() {
    // Wanted are values by the primaries, white and curve that define each space (Adobe RGB (1998)
    // with a gamma of 563/256; Display P3 with sRGB's curve), computed apart from this program.
    let known: [(ColorProfile, [u8; 3], [u8; 3]); 4] = [
        (ColorProfile::new_adobe_rgb(), [150, 120, 90], [162, 121, 88]),
        (ColorProfile::new_adobe_rgb(), [90, 140, 160], [53, 141, 162]),
        (ColorProfile::new_display_p3(), [180, 120, 90], [190, 117, 84]),
        (ColorProfile::new_display_p3(), [90, 140, 160], [73, 142, 162]),
    ];
    for (from, stored, wanted) in known {
        let image = plain(16, 16, stored);
        let icc = profile(&from);
        let as_jpeg = jpeg(image.as_raw(), (16, 16), ColorType::Rgb, Some(&icc), 1);
        let deep: ImageBuffer<Rgb<u16>, Vec<u16>> =
            ImageBuffer::from_pixel(16, 16, Rgb(stored.map(|v| u16::from(v) * 257)));
        let as_webp = webp_with(&image, &icc);
        for bytes in [as_jpeg, as_webp, png_with(image, &icc), png_with(deep, &icc)] {
            let prepared = made(&bytes, &PictureNeeds::default());
            let found = *seen(&prepared.bytes).get_pixel(8, 8);
            assert!(near(found, wanted, 3), "{stored:?} is {found:?}, not {wanted:?}");
            assert!(!facts(&prepared.bytes).traits.foreign_profile);
            assert!(!prepared.bytes.windows(11).any(|w| w == b"ICC_PROFILE"));
        }
    }
}

#[test]
fn a_profile_that_is_srgb_changes_nothing_and_one_that_is_broken_neither() {
    let image = plain(16, 16, RED);
    for icc in [profile(&ColorProfile::new_srgb()), b"no profile at all".to_vec()] {
        let bytes = jpeg(image.as_raw(), (16, 16), ColorType::Rgb, Some(&icc), 1);
        assert_eq!(recipe_for(&bytes, &PictureNeeds::default()), Recipe::AsItIs);
    }
}

#[test]
fn greys_are_read_by_their_own_profile() {
    let linear = profile(&ColorProfile::new_gray_with_gamma(1.0));
    let grey = image::GrayImage::from_pixel(16, 16, image::Luma([55]));
    let prepared = made(&png_with(grey, &linear), &PictureNeeds::default());
    // 55 of 255 of the light is 0.2157, which sRGB writes as 129 (IEC 61966-2-1).
    assert!(near(*seen(&prepared.bytes).get_pixel(8, 8), [129; 3], 2));
}

#[test]
fn sixteen_bits_become_eight() {
    let deep: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_pixel(20, 10, Rgb([65_535, 32_768, 257 * 30]));
    let prepared = made(&png(deep), &PictureNeeds::default());
    assert_eq!(prepared.format, Format::Jpeg);
    assert!(near(*seen(&prepared.bytes).get_pixel(5, 5), [255, 128, 30], 2));
}

/// No cyan, all magenta, half of yellow, a little black; and what ideal inks leave of the light.
const INKS: [u8; 4] = [0, 255, 127, 25];
const LEFT: [u8; 3] = [230, 0, 115];

#[test]
fn inks_become_lights() {
    // The encoder inverts them and puts Adobe's marker before, as all do.
    for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let bytes = jpeg(&INKS.repeat(16 * 16), (16, 16), colours, None, 1);
        assert!(facts(&bytes).traits.cmyk);
        let found = *seen(&made(&bytes, &PictureNeeds::default()).bytes).get_pixel(8, 8);
        assert!(near(found, LEFT, 4), "{colours:?} is {found:?}");
    }
}

#[test]
fn inks_without_the_adobe_marker_are_not_inverted() {
    let inks = INKS.map(|ink| 255 - ink).repeat(16 * 16);
    let marked = jpeg(&inks, (16, 16), ColorType::Cmyk, None, 1);
    let at = marked.windows(7).position(|w| w == b"\x00\x0EAdobe").expect("a marker");
    let bytes = [&marked[..at - 2], &marked[at + 14..]].concat();
    assert!(facts(&bytes).traits.cmyk);
    let found = *seen(&made(&bytes, &PictureNeeds::default()).bytes).get_pixel(8, 8);
    assert!(near(found, LEFT, 4), "{found:?}");
}

fn webp_with(image: &RgbImage, icc: &[u8]) -> Vec<u8> {
    use image::ImageEncoder;
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    encoder.set_icc_profile(icc.to_vec()).expect("WebP takes profiles");
    let (width, height) = image.dimensions();
    encoder.write_image(image, width, height, ExtendedColorType::Rgb8).expect("a WebP");
    bytes
}

/// A profile of strange inks: cyan is a middle grey, magenta and yellow are clear, black is black.
fn strange_inks() -> Vec<u8> {
    use moxcms::{DataColorSpace, LutDataType, LutStore, LutType, LutWarehouse, ProfileClass};
    let lab = |corner: u8| match (corner & 0b1000 != 0, corner & 1 != 0) {
        (_, true) => [0, 0x8080, 0x8080],
        (true, false) => [0x8000, 0x8080, 0x8080],
        (false, false) => [0xFFFF, 0x8080, 0x8080],
    };
    let straight = |channels| LutStore::Store16([0, 0xFFFF].repeat(channels));
    let lut = LutDataType {
        num_input_channels: 4,
        num_output_channels: 3,
        num_clut_grid_points: 2,
        matrix: moxcms::Matrix3d::IDENTITY,
        num_input_table_entries: 2,
        num_output_table_entries: 2,
        input_table: straight(4),
        clut_table: LutStore::Store16((0..16).flat_map(lab).collect()),
        output_table: straight(3),
        lut_type: LutType::Lut16,
    };
    let mut made = ColorProfile::default();
    made.color_space = DataColorSpace::Cmyk;
    made.pcs = DataColorSpace::Lab;
    made.profile_class = ProfileClass::OutputDevice;
    made.white_point = moxcms::WHITE_POINT_D50.to_xyzd();
    made.lut_a_to_b_perceptual = Some(LutWarehouse::Lut(lut));
    profile(&made)
}

#[test]
fn inks_are_read_by_their_profile() {
    let icc = strange_inks();
    // CIE lightness 50 is grey 119 in sRGB.
    for (inks, wanted) in [([255, 0, 0, 0], 119), ([0, 255, 255, 0], 255), ([0, 0, 0, 255], 0)] {
        for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
            let bytes = jpeg(&inks.repeat(16 * 16), (16, 16), colours, Some(&icc), 1);
            let found = *seen(&made(&bytes, &PictureNeeds::default()).bytes).get_pixel(8, 8);
            assert!(near(found, [wanted; 3], 3), "{inks:?} is {found:?}");
        }
    }
}

#[test]
fn random_profiles_never_panic() {
    let mut random = fastrand::Rng::with_seed(3);
    let inks = INKS.repeat(4);
    for start in [
        strange_inks(),
        profile(&ColorProfile::new_display_p3()),
        profile(&ColorProfile::new_gray_with_gamma(1.8)),
    ] {
        for _ in 0..400 {
            let mut icc = start.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..icc.len());
                icc[at] = random.u8(..);
            }
            icc.truncate(random.usize(icc.len() / 2..=icc.len()));
            let _ = icc_profile::inks_into_srgb(&inks, Some(&icc));
            let _ = icc_profile::into_srgb(DynamicImage::new_rgb8(2, 2), Some(&icc));
            let _ = icc_profile::into_srgb(DynamicImage::new_luma16(2, 2), Some(&icc));
        }
    }
}

#[test]
fn transparent_pixels_stay_where_they_may() {
    let image = RgbaImage::from_pixel(40, 20, Rgba([10, 200, 30, 90]));
    let bytes = png(image);
    assert_eq!(recipe_for(&bytes, &PictureNeeds::default()), Recipe::AsItIs);
    let needs = PictureNeeds { max_side: Some(20), ..PictureNeeds::default() };
    let prepared = made(&bytes, &needs);
    assert_eq!((prepared.format, size_of(&prepared)), (Format::Png, (20, 10)));
    let pixels = image::load_from_memory(&prepared.bytes).expect("it decodes").into_rgba8();
    assert!(pixels.pixels().all(|p| p.0[3].abs_diff(90) <= 1 && p.0[1].abs_diff(200) <= 2));
}

#[test]
fn transparent_pixels_are_put_on_the_stated_colour_where_they_may_not() {
    let grey = GrayAlphaImage::from_pixel(20, 20, LumaA([100, 51]));
    for (behind, wanted) in [([255, 255, 255], [224, 224, 224]), ([0, 100, 200], [20, 100, 180])] {
        for formats in [vec![Format::Jpeg], vec![Format::Png], vec![]] {
            let flatten = behind;
            let needs = PictureNeeds { alpha: false, formats, flatten, ..PictureNeeds::default() };
            let prepared = made(&png(grey.clone()), &needs);
            assert!(near(*seen(&prepared.bytes).get_pixel(9, 9), wanted, 2), "{wanted:?}");
            assert!(!facts(&prepared.bytes).traits.alpha);
        }
    }
    // JPEG has no transparency, whatever else is allowed.
    let needs = PictureNeeds { formats: vec![Format::Jpeg], ..PictureNeeds::default() };
    let prepared = made(&png(grey), &needs);
    assert!(near(*seen(&prepared.bytes).get_pixel(9, 9), [224; 3], 2));
}
