//! Padded, cropped, blurred, scaled.

use super::*;

fn fitted(fit: Fit, aspect: (u32, u32)) -> PictureNeeds {
    PictureNeeds { fit, aspect: Some(aspect), ..PictureNeeds::default() }
}

#[test]
fn padding_has_the_colour_of_the_border_it_meets() {
    let (above, below) = ([240, 236, 230], [180, 170, 160]);
    let image = RgbImage::from_fn(90, 90, |x, y| {
        let inside = (20..70).contains(&x) && (20..70).contains(&y);
        Rgb(if inside {
            [10, 20, 200]
        } else if y < 45 {
            above
        } else {
            below
        })
    });
    // Something touches the border here and there; it doesn't tint the padding.
    let mut touched = image.clone();
    (0..30).for_each(|x| touched.put_pixel(x, 0, Rgb([255, 0, 0])));
    for image in [image, touched] {
        let prepared = made(&png(image), &fitted(Fit::Pad, (9, 16)));
        assert_eq!(size_of(&prepared), (90, 160));
        let pixels = seen(&prepared.bytes);
        assert!(near(*pixels.get_pixel(5, 5), above, 2));
        assert!(near(*pixels.get_pixel(85, 155), below, 2));
        assert!(near(*pixels.get_pixel(45, 80), [10, 20, 200], 4), "the picture is in the middle");
    }
}

#[test]
fn padding_has_the_stated_colour_if_there_is_one() {
    let needs = PictureNeeds { pad: Some([1, 250, 3]), ..fitted(Fit::Pad, (16, 9)) };
    let prepared = made(&png(plain(90, 90, [99, 99, 99])), &needs);
    assert_eq!(size_of(&prepared), (160, 90));
    let pixels = seen(&prepared.bytes);
    assert!(near(*pixels.get_pixel(3, 45), [1, 250, 3], 3));
    assert!(near(*pixels.get_pixel(80, 45), [99; 3], 3));
}

#[test]
fn cropping_keeps_the_middle() {
    let image = RgbImage::from_fn(160, 90, |x, _| {
        Rgb(if (60..100).contains(&x) { [20, 200, 20] } else { [200, 20, 20] })
    });
    let prepared = made(&png(image), &fitted(Fit::Crop, (4, 9)));
    assert_eq!(size_of(&prepared), (40, 90));
    assert!(seen(&prepared.bytes).pixels().all(|p| p.0[1] > 150 || p.0[0] < 120));
}

#[test]
fn a_blurred_ground_is_the_picture_itself_and_darker() {
    let image = halves(90, 90, [250, 120, 60], [60, 120, 250]);
    let prepared = made(&png(image), &fitted(Fit::Blur, (9, 16)));
    assert_eq!(size_of(&prepared), (90, 160));
    let pixels = seen(&prepared.bytes);
    let (left, right) = (pixels.get_pixel(4, 10).0, pixels.get_pixel(85, 10).0);
    assert!(left[0] > left[2] + 60 && right[2] > right[0] + 60, "{left:?} {right:?}");
    assert!(left[0] < 225, "darker than the picture: {left:?}");
    let (a, b) = (pixels.get_pixel(44, 10).0, pixels.get_pixel(46, 10).0);
    assert!(a[0].abs_diff(b[0]) < 30, "no edge is left in the ground");
    assert!(near(*pixels.get_pixel(10, 80), [250, 120, 60], 4));
}

#[test]
fn padding_goes_behind_transparent_pixels_too() {
    let clear = image::RgbaImage::from_pixel(40, 40, image::Rgba([0, 0, 0, 0]));
    let prepared = made(&png(clear), &fitted(Fit::Pad, (1, 2)));
    assert!(seen(&prepared.bytes).pixels().all(|p| p.0 == [255; 3]));
    assert_eq!(size_of(&prepared), (40, 80));
}

#[test]
fn a_picture_of_the_wanted_shape_to_the_pixel_is_left_alone() {
    for (width, height) in [(90, 160), (1080, 1919), (1080, 1920), (1081, 1920)] {
        for fit in Fit::ALL {
            let bytes = png(plain(width, height, [7, 8, 9]));
            assert_eq!(recipe_for(&bytes, &fitted(fit, (9, 16))), Recipe::AsItIs);
        }
    }
}

#[test]
fn large_pictures_are_scaled_down_and_keep_their_shape() {
    let needs =
        PictureNeeds { max_side: Some(300), max_pixels: Some(40_000), ..PictureNeeds::default() };
    let prepared = made(&png(halves(400, 200, [255, 0, 0], [0, 0, 255])), &needs);
    assert_eq!(size_of(&prepared), (282, 141));
    let pixels = seen(&prepared.bytes);
    assert!(near(*pixels.get_pixel(60, 70), [255, 0, 0], 4));
    assert!(near(*pixels.get_pixel(220, 70), [0, 0, 255], 4));
}
