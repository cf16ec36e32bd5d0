//! What planning decides by headers alone, and that the preparation keeps its word.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::media::{Orientation, Traits};

fn header(width: u32, height: u32) -> Facts {
    Facts {
        digest: Digest::of(b"a picture"),
        bytes: 1000,
        format: Format::Jpeg,
        width,
        height,
        orientation: Orientation(1),
        traits: Traits::default(),
    }
}

fn refused(facts: &Facts, needs: &PictureNeeds) -> String {
    let unfit = recipe(facts, needs).expect_err("it is unfit");
    format!("the model {}; {}", unfit, unfit.help())
}

#[test]
fn too_small_names_the_limit_and_both_sizes() {
    let needs = PictureNeeds { min_side: Some(300), ..PictureNeeds::default() };
    assert_snapshot!(refused(&header(640, 299), &needs), @"the model takes sides of at least 300 pixels (`min_side`), this is 640x299; take a larger picture; Kinora enlarges none");
    assert!(recipe(&header(640, 300), &needs).is_ok());
    let cropped = PictureNeeds { fit: Fit::Crop, aspect: Some((9, 16)), ..needs.clone() };
    assert_snapshot!(refused(&header(640, 400), &cropped), @"the model takes sides of at least 300 pixels (`min_side`), this is 640x400, cropped it would be 225x400; take a larger picture, or `fit: pad` or `blur`, which cut nothing off");
    let scaled = PictureNeeds { max_side: Some(2000), ..needs };
    assert_snapshot!(refused(&header(10_000, 1000), &scaled), @"the model takes sides of at least 300 pixels (`min_side`), this is 10000x1000, scaled down it would be 2000x200; take a picture that is larger, or less long and thin");
}

#[test]
fn too_narrow_and_too_wide_can_be_mended_by_fit_alone() {
    let needs = PictureNeeds {
        aspect_min: Some((2, 5)),
        aspect_max: Some((5, 2)),
        ..PictureNeeds::default()
    };
    assert_snapshot!(refused(&header(399, 1000), &needs), @"the model takes nothing narrower than 2:5 (`aspect_min`), this is 399x1000; give the shot `fit: pad`, `crop` or `blur`, or take another picture");
    assert_snapshot!(refused(&header(2501, 1000), &needs), @"the model takes nothing wider than 5:2 (`aspect_max`), this is 2501x1000; give the shot `fit: pad`, `crop` or `blur`, or take another picture");
    assert!(recipe(&header(400, 1000), &needs).is_ok());
    for fit in [Fit::Pad, Fit::Crop, Fit::Blur] {
        let mended = PictureNeeds { fit, ..needs.clone() };
        let made = recipe(&header(300, 1000), &mended).expect("mended");
        let canvas = made.making().expect("it is made").canvas;
        assert!(!canvas.narrower_than((2, 5)), "{canvas}");
        assert_eq!(recipe(&header(500, 1000), &mended), Ok(Recipe::AsItIs));
    }
    let wanted = PictureNeeds { fit: Fit::Pad, aspect: Some((1, 3)), ..needs };
    assert_snapshot!(refused(&header(500, 1000), &wanted), @"the model takes nothing narrower than 2:5 (`aspect_min`), this is 500x1000, padded it would be 500x1500; take another aspect, or another model");
}

#[test]
fn a_file_is_sent_as_it_is_unless_something_speaks_against_it() {
    let needs = PictureNeeds {
        formats: vec![Format::Jpeg, Format::Png],
        max_bytes: Some(2000),
        alpha: false,
        ..PictureNeeds::default()
    };
    let fit = header(640, 480);
    assert_eq!(recipe(&fit, &needs), Ok(Recipe::AsItIs));
    let with = |traits| Facts { traits, ..fit.clone() };
    let none = Traits::default();
    for unfit in [
        Facts { format: Format::Webp, ..fit.clone() },
        Facts { orientation: Orientation(3), ..fit.clone() },
        Facts { bytes: 2001, ..fit.clone() },
        with(Traits { alpha: true, ..none }),
        with(Traits { deep: true, ..none }),
        with(Traits { cmyk: true, ..none }),
        with(Traits { foreign_profile: true, ..none }),
        with(Traits { animated: true, ..none }),
    ] {
        assert!(matches!(recipe(&unfit, &needs), Ok(Recipe::Make(_))), "{unfit:?}");
    }
}

#[test]
fn a_recipe_is_named_by_all_that_decides_its_bytes() {
    let needs = PictureNeeds {
        max_side: Some(300),
        fit: Fit::Pad,
        aspect: Some((1, 1)),
        max_bytes: Some(5_000_000),
        ..PictureNeeds::default()
    };
    let made = recipe(&header(640, 480), &needs).expect("it is fit");
    assert_snapshot!(made.id(), @r#"{"make":{"version":1,"source":{"width":640,"height":480},"window":{"x":0,"y":0,"size":{"width":640,"height":480}},"picture":{"width":300,"height":225},"filling":"border","canvas":{"width":300,"height":300},"format":"jpeg","max_bytes":5000000,"bounds":{"max_side":300}}}"#);
    let read: Recipe = serde_json::from_str(&made.id()).expect("it is read back");
    assert_eq!(read, made);
    assert_eq!(Recipe::AsItIs.id(), "\"as_it_is\"");
}

#[test]
fn padding_a_thin_picture_makes_no_giant() {
    let needs = PictureNeeds { fit: Fit::Pad, aspect: Some((1, 1)), ..PictureNeeds::default() };
    let made = recipe(&header(2, 60_000), &needs).expect("it is fit");
    let canvas = made.making().expect("it is made").canvas;
    assert!(canvas.pixels() <= 64_000_000, "{canvas}");
}

#[test]
fn traits_go_into_one_number_and_back() {
    for bits in 0..64 {
        assert_eq!(Traits::from_bits(bits).map(Traits::bits), Some(bits));
    }
    assert_eq!(Traits::from_bits(64), None);
}

/// Whether a size has a shape as nearly as whole pixels allow, after scaling too.
fn near_shape(size: Size, aspect: (u32, u32)) -> bool {
    [size.around(aspect), size.inside(aspect)].iter().any(|s| s.differs_by(size) <= 1)
}

prop_compose! {
    fn any_needs()(
        min_side in prop::option::of(1u32..40),
        max_side in prop::option::of(20u32..90),
        max_pixels in prop::option::of(400u64..6000),
        ranged in prop::bool::ANY,
        max_bytes in prop::option::of(2_500u64..20_000),
        alpha in prop::bool::ANY,
        format in prop::option::of(prop::sample::select(vec![Format::Jpeg, Format::Png])),
        fit in prop::sample::select(Fit::ALL.to_vec()),
        aspect in prop::option::of(prop::sample::select(vec![(1, 1), (9, 16), (21, 9), (4, 3)])),
    ) -> PictureNeeds {
        PictureNeeds {
            min_side, max_side, max_pixels, max_bytes, alpha, fit, aspect,
            aspect_min: ranged.then_some((2, 5)),
            aspect_max: ranged.then_some((5, 2)),
            formats: format.into_iter().collect(),
            ..PictureNeeds::default()
        }
    }
}

#[test]
fn a_picture_that_scaling_takes_out_of_its_shape_is_given_it() {
    let needs = PictureNeeds {
        fit: Fit::Pad,
        aspect: Some((4, 3)),
        max_side: Some(34),
        ..PictureNeeds::default()
    };
    // 39x28 is within a pixel of 4:3, and 34x24 is not.
    let prepared = made(&png(noise(39, 28)), &needs);
    assert_eq!(size_of(&prepared), (34, 25));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn what_is_prepared_is_what_is_needed(
        needs in any_needs(),
        (width, height) in (1u32..120, 1u32..120),
        transparent in prop::bool::ANY,
    ) {
        let image = noise(width, height);
        let bytes = match transparent {
            true => {
                let mut image = DynamicImage::from(image).into_rgba8();
                image.pixels_mut().step_by(3).for_each(|p| p.0[3] = 77);
                png(image)
            }
            false => png(image),
        };
        let Ok(recipe) = recipe(&facts(&bytes), &needs) else { return Ok(()) };
        let prepared = match prepare(&bytes, &recipe, &PictureLimits::default()) {
            Ok(prepared) => prepared,
            Err(PictureProblem::TooManyBytes { .. }) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        let found = facts(&prepared.bytes);
        let size = Size { width: found.width, height: found.height };
        prop_assert_eq!((size.width, size.height), size_of(&prepared));
        prop_assert!(needs.bounds().allow(size), "{} for {:?}", size, needs);
        prop_assert!(needs.takes(found.format));
        prop_assert!(needs.alpha || !found.traits.alpha);
        prop_assert!(needs.max_bytes.is_none_or(|most| found.bytes <= most));
        if let (Some(aspect), true) = (needs.aspect, needs.fit != Fit::Keep) {
            prop_assert!(near_shape(size, aspect), "{} for {:?}", size, aspect);
        }
        // And what is fit once needs nothing more.
        prop_assert_eq!(super::recipe(&found, &needs), Ok(Recipe::AsItIs));
    }
}
