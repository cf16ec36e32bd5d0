//! Formats, bytes, and the same every time.

use super::*;

#[test]
fn a_fit_file_is_sent_byte_for_byte() {
    let bytes = [rgb_jpeg(&noise(64, 48)), b"a camera's notes".to_vec()].concat();
    let prepared = made(&bytes, &PictureNeeds::default());
    assert_eq!(prepared.bytes, bytes);
    assert_eq!((prepared.format, size_of(&prepared)), (Format::Jpeg, (64, 48)));
}

#[test]
fn a_format_that_is_not_taken_is_written_anew() {
    let bytes = png(noise(40, 30));
    for (formats, written) in [
        (vec![Format::Jpeg], Format::Jpeg),
        (vec![Format::Webp, Format::Jpeg], Format::Jpeg),
        (vec![Format::Webp], Format::Webp),
    ] {
        let prepared = made(&bytes, &PictureNeeds { formats, ..PictureNeeds::default() });
        assert_eq!(prepared.format, written);
        assert_eq!(facts(&prepared.bytes).format, written);
    }
}

#[test]
fn an_animation_becomes_its_first_frame() {
    // An animation control chunk of one frame after the header makes an animated PNG.
    let still = png(plain(8, 8, [1, 2, 3]));
    let mut chunk = b"acTL\0\0\0\x01\0\0\0\0".to_vec();
    chunk.extend(crc(&chunk).to_be_bytes());
    let bytes = [&still[..33], &8u32.to_be_bytes(), &chunk, &still[33..]].concat();
    assert!(facts(&bytes).traits.animated);
    let prepared = made(&bytes, &PictureNeeds::default());
    assert_ne!(prepared.bytes, bytes);
    assert!(!facts(&prepared.bytes).traits.animated);
}

/// The checksum of a PNG chunk (ISO 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn nothing_is_larger_than_is_taken() {
    let bytes = png(noise(400, 300));
    let mut last = u32::MAX;
    for most in [200_000, 60_000, 20_000] {
        let needs = PictureNeeds { max_bytes: Some(most), ..PictureNeeds::default() };
        let prepared = made(&bytes, &needs);
        assert!(prepared.bytes.len() as u64 <= most);
        assert!(prepared.width <= last, "fewer bytes, fewer pixels");
        last = prepared.width;
    }
    assert!(last < 400);
    let lossless =
        PictureNeeds { max_bytes: Some(60_000), formats: vec![Format::Png], ..Default::default() };
    let prepared = made(&bytes, &lossless);
    assert!(prepared.format == Format::Png && prepared.bytes.len() <= 60_000);
}

#[test]
fn what_can_not_be_small_enough_is_said_with_both_numbers() {
    let bytes = png(noise(400, 300));
    let needs =
        PictureNeeds { max_bytes: Some(5_000), min_side: Some(300), ..PictureNeeds::default() };
    let problem = prepare(&bytes, &recipe_for(&bytes, &needs), &PictureLimits::default());
    let problem = problem.expect_err("300 pixels of noise are more than 5000 bytes");
    assert!(matches!(problem, PictureProblem::TooManyBytes { most: 5000, least } if least > 5000));
}

#[test]
fn the_same_comes_out_every_time() {
    let bytes = png(noise(300, 200));
    for fit in Fit::ALL {
        let needs = PictureNeeds {
            fit,
            aspect: Some((9, 16)),
            max_side: Some(150),
            ..PictureNeeds::default()
        };
        assert_eq!(made(&bytes, &needs), made(&bytes, &needs));
    }
}

#[test]
fn nothing_of_the_camera_is_left_in_what_is_made() {
    let bytes = jpeg(noise(40, 20).as_raw(), (40, 20), ColorType::Rgb, None, 6);
    assert!(bytes.windows(4).any(|w| w == b"Exif"));
    let prepared = made(&bytes, &PictureNeeds::default());
    assert!(!prepared.bytes.windows(4).any(|w| w == b"Exif"));
}

#[test]
fn a_recipe_for_another_picture_is_refused() {
    let (small, large) = (png(noise(20, 20)), png(noise(30, 20)));
    let needs = PictureNeeds { max_side: Some(10), ..PictureNeeds::default() };
    let problem = prepare(&small, &recipe_for(&large, &needs), &PictureLimits::default());
    assert!(matches!(problem, Err(PictureProblem::Damaged(what)) if what.contains("20x20")));
}

#[test]
fn random_bytes_never_panic() {
    let mut random = fastrand::Rng::with_seed(5);
    let inks: Vec<u8> = (0..16 * 16 * 4).map(|i| (i * 7 % 251) as u8).collect();
    let icc = moxcms::ColorProfile::new_display_p3().encode().expect("a profile");
    let starts = [
        jpeg(&inks, (16, 16), ColorType::CmykAsYcck, None, 1),
        jpeg(noise(16, 16).as_raw(), (16, 16), ColorType::Rgb, Some(&icc), 5),
        png_with(noise(16, 16), &icc),
    ];
    let needs = PictureNeeds { max_side: Some(8), ..PictureNeeds::default() };
    for start in starts {
        let recipe = recipe_for(&start, &needs);
        for _ in 0..300 {
            let mut bytes = start.clone();
            for _ in 0..4 {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let _ = prepare(&bytes, &recipe, &PictureLimits::default());
        }
    }
}
