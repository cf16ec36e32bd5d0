//! Colours of every kind end as sRGB of 8 bits.

use kinora::media::Traits;

use super::build::{Page, quarters, tiff};
use super::*;

#[test]
fn code_points_of_a_wide_space_are_read_as_a_profile_would_be() {
    let bytes = made("p3.avif");
    let found = facts(&bytes);
    assert!(found.traits.foreign_profile);
    assert_eq!(found.traits.colour_space(), "rgb, by its own profile");
    // Display P3 into sRGB, by the primaries and white point that define both (a red outside of
    // sRGB is cut off at its edge), computed apart from this program.
    let wanted = [[218, 0, 27], [0, 61, 218], [240, 240, 240], [10, 10, 10]];
    let pixels = decoded(&bytes);
    for (at, wanted) in MIDDLES.into_iter().zip(wanted) {
        let found = colour_at(&pixels, at);
        assert!(near(found, wanted, 5), "at {at:?}: {found:?}, not {wanted:?}");
    }
}

#[test]
fn sixteen_bits_become_eight_in_every_format_that_has_them() {
    let deep = |colour: [u8; 3]| colour.iter().flat_map(|v| [*v, *v]).collect();
    let page = Page { bits: 16, ..Page::rgb(40, 20, quarters(deep)) };
    let bytes = tiff(&[page]);
    assert_eq!(facts(&bytes).traits, Traits { deep: true, ..Traits::default() });
    assert_quarters("a TIFF of 16 bits", &bytes, 0);
}

/// Inks that leave a colour on ideal paper, without black.
fn inks(colour: [u8; 3]) -> Vec<u8> {
    let [c, m, y] = colour.map(|light| 255 - light);
    vec![c, m, y, 0]
}

#[test]
fn a_tiff_of_inks_becomes_lights() {
    let page = Page { samples: 4, photometric: 5, ..Page::rgb(40, 20, quarters(inks)) };
    let bytes = tiff(&[page]);
    let found = facts(&bytes);
    assert_eq!(found.traits, Traits { cmyk: true, ..Traits::default() });
    assert_eq!(found.traits.colour_space(), "cmyk");
    assert_quarters("a TIFF of inks", &bytes, 1);
}

#[test]
fn a_tiff_of_inks_with_sixteen_bits_becomes_lights() {
    let deep = |colour| inks(colour).iter().flat_map(|v| [*v, *v]).collect();
    let pixels = quarters(deep);
    let page = Page { samples: 4, photometric: 5, bits: 16, ..Page::rgb(40, 20, pixels) };
    let bytes = tiff(&[page]);
    let found = facts(&bytes).traits;
    assert_eq!(found, Traits { cmyk: true, deep: true, ..Traits::default() });
    assert_quarters("a TIFF of deep inks", &bytes, 1);
}

#[test]
fn grey_is_said_of_every_format() {
    let luma = |[_, g, _]: [u8; 3]| vec![g];
    let page = Page { samples: 1, photometric: 1, ..Page::rgb(40, 20, quarters(luma)) };
    let bytes = tiff(&[page]);
    assert_eq!(facts(&bytes).traits, Traits { grey: true, ..Traits::default() });
    let pixels = decoded(&bytes);
    for (at, [_, g, _]) in MIDDLES.into_iter().zip(QUARTERS) {
        assert_eq!(colour_at(&pixels, at), [g; 3]);
    }
    let grey = image::GrayImage::from_pixel(40, 20, image::Luma([77]));
    for format in [image::ImageFormat::Jpeg, image::ImageFormat::Png] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        grey.write_to(&mut bytes, format).expect("it encodes");
        assert_eq!(facts(bytes.get_ref()).traits.colour_space(), "grey", "{format:?}");
    }
}
