//! What providers don't take is written anew as what they do.

use kinora::media::Format;
use kinora::media::prepare::{PictureNeeds, Recipe, prepare, recipe};

use super::*;

fn needs(formats: &[Format]) -> PictureNeeds {
    PictureNeeds { formats: formats.to_vec(), ..PictureNeeds::default() }
}

#[test]
fn a_format_that_nobody_takes_becomes_one_that_everybody_does() {
    for name in ["eight.avif", "ten.avif", "lzw.tif", "deep.tif", "grid.avif"] {
        let bytes = made(name);
        let recipe = recipe(&facts(&bytes), &PictureNeeds::default()).expect("it can be made fit");
        let made = prepare(&bytes, &recipe, &PictureLimits::default()).expect("it is made");
        assert_eq!(made.format, Format::Jpeg, "{name}");
        if name != "grid.avif" {
            assert_quarters(name, &made.bytes, 9);
        }
    }
}

#[test]
fn transparency_becomes_png_and_stays() {
    let bytes = made("alpha.avif");
    let recipe = recipe(&facts(&bytes), &PictureNeeds::default()).expect("it can be made fit");
    let made = prepare(&bytes, &recipe, &PictureLimits::default()).expect("it is made");
    assert_eq!(made.format, Format::Png);
    assert!(decoded(&made.bytes).has_alpha);
}

#[test]
fn who_takes_a_format_gets_the_file_as_it_is() {
    for (name, format) in [("eight.avif", Format::Avif), ("lzw.tif", Format::Tiff)] {
        let found = facts(&made(name));
        assert_eq!(recipe(&found, &needs(&[format])), Ok(Recipe::AsItIs));
        assert!(matches!(recipe(&found, &needs(&[Format::Jpeg])), Ok(Recipe::Make(_))));
    }
}
