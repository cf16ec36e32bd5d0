//! What a picture's own measures say.

use image::{Rgb, RgbImage, imageops};

use crate::studio::{Studio, blurred, jar, lettered, room, thing};

const RED: [u8; 3] = [170, 50, 40];
const GREEN: [u8; 3] = [40, 130, 70];
const BLUE: [u8; 3] = [40, 70, 160];

#[test]
fn a_sound_picture_goes_unsaid() {
    let seen = Studio::new().with("red", &jar(480, RED)).with("blue", &jar(480, BLUE)).look();
    assert_eq!(seen.said(), [""; 0]);
    assert_eq!(seen.code, Some(0));
    let measures = &seen.picture("red.png")["measures"];
    assert_eq!(measures["background"]["plain"], serde_json::json!([252, 252, 252]));
    let extent = measures["subject"]["bounds"][3].as_f64().expect("a share")
        - measures["subject"]["bounds"][1].as_f64().expect("a share");
    assert!((extent - 0.7).abs() < 0.03, "{measures}");
}

#[test]
fn blurred_pictures_are_found_and_a_blurred_background_is_none() {
    // A sharp subject before a background out of focus.
    let mut shallow = blurred(&room(480, 480), 6.0);
    imageops::replace(
        &mut shallow,
        &imageops::crop_imm(&jar(480, RED), 170, 100, 150, 300).to_image(),
        170,
        100,
    );
    let seen = Studio::new()
        .with("soft", &blurred(&jar(480, RED), 4.0))
        .with("sharp", &jar(480, GREEN))
        .with("shallow", &shallow)
        .look();
    assert_eq!(seen.said(), ["blurred soft.png"]);
    let finding = seen.finding("blurred");
    assert!(finding["figure"].as_f64().expect("pixels") > 1.5, "{finding}");
    assert_eq!(finding["severity"], "warning");
}

#[test]
fn a_small_picture_that_was_enlarged_is_blurred() {
    let small = jar(80, RED);
    let large = imageops::resize(&small, 800, 800, imageops::FilterType::CatmullRom);
    let seen = Studio::new().with("grown", &large).look();
    assert_eq!(seen.said(), ["blurred grown.png"]);
}

#[test]
fn an_empty_picture_is_found_and_a_white_thing_on_white_is_not_empty() {
    let seen = Studio::new()
        .with("blank", &RgbImage::from_pixel(300, 300, Rgb([250, 250, 250])))
        .with("white", &jar(300, [228, 228, 226]))
        .look();
    assert_eq!(seen.said(), ["empty blank.png"]);
}

#[test]
fn a_subject_is_small_or_cut_or_neither() {
    let seen = Studio::new()
        .with("far", &thing(480, 480, RED, (0.3, 0.6), 0.25))
        .with("cut", &thing(480, 480, GREEN, (0.95, 0.5), 0.6))
        .with("whole", &thing(480, 480, BLUE, (0.5, 0.5), 0.8))
        .look();
    assert_eq!(seen.said(), ["subject_small far.png", "subject_cut cut.png"]);
    assert!(
        seen.finding("subject_cut")["message"].as_str().is_some_and(|m| m.contains("right edge"))
    );
}

#[test]
fn lettering_beside_the_subject_is_found_strong_and_faint() {
    let seen = Studio::new()
        .with("caption", &lettered(jar(480, RED), (20, 430), 22, [30, 30, 30]))
        .with("faint", &lettered(jar(480, GREEN), (16, 16), 20, [228, 228, 228]))
        .with("printed", &jar(480, BLUE))
        .look();
    assert_eq!(seen.said(), ["marks caption.png", "marks faint.png"]);
    let message = |i: usize| seen.report["findings"][i]["message"].as_str().unwrap_or_default();
    assert!(message(0).contains("caption") && message(0).contains("below"), "{}", message(0));
    assert!(message(1).contains("watermark") && message(1).contains("above"), "{}", message(1));
}

#[test]
fn beads_in_a_row_are_the_subject_and_no_lettering() {
    let beads = RgbImage::from_fn(480, 480, |x, y| {
        let (dx, dy) = (x as f32 % 48.0 - 24.0, y as f32 - 240.0);
        let inside = dx * dx + dy * dy < 300.0;
        Rgb(if inside { [60, 40, 120] } else { [250, 250, 250] })
    });
    let said = Studio::new().with("beads", &beads).look().said();
    assert!(!said.iter().any(|said| said.starts_with("marks")), "{said:?}");
}

#[test]
fn bars_are_found_and_a_wall_is_none() {
    let mut boxed = RgbImage::from_pixel(480, 480, Rgb([0, 0, 0]));
    imageops::replace(&mut boxed, &room(480, 300), 0, 90);
    let seen = Studio::new().with("boxed", &boxed).with("room", &room(480, 480)).look();
    assert_eq!(seen.said(), ["bars boxed.png"]);
    assert!(seen.finding("bars")["message"].as_str().is_some_and(|m| m.contains("19 % above")));
}

#[test]
fn dark_and_blown_pictures_are_found() {
    let mut dark = room(480, 480);
    dark.pixels_mut().for_each(|p| p.0.iter_mut().for_each(|c| *c /= 4));
    let mut blown = room(480, 480);
    imageops::replace(&mut blown, &RgbImage::from_pixel(380, 380, Rgb([255; 3])), 50, 50);
    let seen = Studio::new()
        .with("dark", &dark)
        .with("blown", &blown)
        .with("room", &room(300, 300))
        .look();
    assert_eq!(seen.said(), ["exposure dark.png", "exposure blown.png"]);
}

#[test]
fn a_name_that_says_another_format_is_advice() {
    let studio = Studio::new().product("cup", "{name: hero, image: cup.jpg}");
    studio.file("cup.png", &jar(300, RED));
    std::fs::rename(studio.path().join("cup.png"), studio.path().join("cup.jpg")).expect("renamed");
    let seen = studio.look();
    assert_eq!(seen.said(), ["wrong_ending cup.jpg"]);
    assert_eq!(seen.code, Some(0));
}

#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_is_looked_at() {
    let studio = Studio::new()
        .with("cup", &blurred(&jar(480, RED), 4.0))
        .product("torn", "{name: hero, image: torn.png}")
        .product("bad", "{name: hero, image: bad.png}");
    studio.file("torn.png", &room(200, 200));
    let whole = std::fs::read(studio.path().join("torn.png")).expect("it is there");
    studio.bytes("torn.png", &whole[..whole.len() / 2]);
    // Whole by its ends, damaged inside: only decoding finds it.
    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0);
    studio.bytes("bad.png", &damaged);
    let seen = studio.look();
    assert_eq!(seen.code, Some(3), "{}", seen.talk);
    assert_eq!(seen.said(), ["unreadable torn.png", "unreadable bad.png", "blurred cup.png"]);
    assert_eq!(seen.report["planned"], false);
    assert!(seen.talk.contains("plan::picture"), "{}", seen.talk);
}

#[test]
fn a_dot_in_a_name_says_no_format() {
    let studio = Studio::new().product("cup", "{name: hero, image: cup.v2}");
    studio.file("cup.png", &jar(300, RED));
    std::fs::rename(studio.path().join("cup.png"), studio.path().join("cup.v2")).expect("renamed");
    assert_eq!(studio.look().said(), [""; 0]);
}
