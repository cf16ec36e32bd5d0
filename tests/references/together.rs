//! What pictures say beside each other.

use image::imageops;

use crate::studio::{Studio, jar, room};

const RED: [u8; 3] = [170, 50, 40];
const GREEN: [u8; 3] = [40, 130, 70];

#[test]
fn the_same_photograph_on_two_products_is_found_however_it_was_saved() {
    let photograph = jar(480, RED);
    let smaller = imageops::resize(&photograph, 300, 300, imageops::FilterType::Triangle);
    let studio = Studio::new()
        .with("red", &photograph)
        .with("other-red", &smaller)
        .with("green", &jar(480, GREEN))
        .product("anew", "{name: hero, image: anew.jpg}");
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 70);
    photograph.write_with_encoder(encoder).expect("it is encoded");
    studio.bytes("anew.jpg", &jpeg);
    let seen = studio.look();
    assert_eq!(seen.said(), ["duplicate red.png"]);
    let finding = seen.finding("duplicate");
    assert_eq!(finding["others"], serde_json::json!(["other-red.png", "anew.jpg"]));
    assert!(finding["message"].as_str().is_some_and(|m| m.contains("`products.other-red`")));
    assert_eq!(finding["severity"], "warning");
}

#[test]
fn another_colour_is_another_photograph() {
    let seen = Studio::new().with("red", &jar(480, RED)).with("green", &jar(480, GREEN)).look();
    assert_eq!(seen.said(), [""; 0]);
}

#[test]
fn one_file_that_several_products_name_is_advice() {
    let studio = Studio::new()
        .with("red", &jar(480, RED))
        .product("variant", "{name: hero, image: red.png}");
    let seen = studio.look();
    assert_eq!(seen.said(), ["duplicate red.png"]);
    assert_eq!(seen.finding("duplicate")["severity"], "advice");
}

#[test]
fn a_mood_that_all_share_is_no_duplicate() {
    let mood = "{name: mood, role: mood, image: mood.png}";
    let studio = Studio::new()
        .product("one", &format!("{{name: hero, image: one.png}}, {mood}"))
        .product("two", &format!("{{name: hero, image: two.png}}, {mood}"));
    studio.file("one.png", &jar(480, RED));
    studio.file("two.png", &jar(480, GREEN));
    studio.file("mood.png", &room(480, 480));
    let said = studio.look().said();
    assert!(!said.iter().any(|said| said.contains("mood.png")), "{said:?}");
}

#[test]
fn a_product_with_the_same_view_twice_is_told() {
    let studio =
        Studio::new().product("red", "{name: front, image: a.png}, {name: side, image: b.png}");
    studio.file("a.png", &jar(480, RED));
    studio.file("b.png", &jar(400, RED));
    let said = studio.look().said();
    assert!(said.contains(&"same_view a.png".to_owned()), "{said:?}");
}

#[test]
fn the_busy_one_of_a_plain_set_stands_out() {
    let mut studio = Studio::new();
    let bodies = [[170, 50, 40], [40, 130, 70], [40, 70, 160], [150, 140, 40], [120, 40, 130]];
    for (i, body) in bodies.into_iter().enumerate() {
        studio = studio.with(&format!("plain-{i}"), &jar(480, body));
    }
    let seen = studio.with("odd", &room(480, 480)).look();
    assert_eq!(seen.said(), ["busy_background odd.png"]);
    let rooms = Studio::new().with("odd", &room(480, 480)).with("jar", &jar(480, RED)).look();
    assert_eq!(rooms.said(), [""; 0], "two pictures make no rule");
}
