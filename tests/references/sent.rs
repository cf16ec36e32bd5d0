//! What the plan's models make of pictures.

use image::{Rgba, RgbaImage};

use crate::studio::{Studio, jar, room, thing};

const RED: [u8; 3] = [170, 50, 40];
const GREEN: [u8; 3] = [40, 130, 70];

#[test]
fn a_crop_that_cuts_the_subject_is_told_from_one_that_does_not() {
    let studio = Studio::new()
        .settings("{model: animatic, duration: 1, resolution: 240p, aspect: \"9:16\", fit: crop}")
        .with("aside", &thing(640, 480, RED, (0.2, 0.5), 0.7))
        .with("middle", &thing(640, 480, GREEN, (0.5, 0.5), 0.7))
        .with("room", &room(640, 480));
    let seen = studio.look();
    assert_eq!(seen.said(), ["crop_cuts_subject aside.png", "cropped room.png"]);
    let finding = seen.finding("crop_cuts_subject");
    assert_eq!(finding["model"], "animatic");
    assert!(finding["message"].as_str().is_some_and(|m| m.contains("of the subject's width")));
    let uses = &seen.picture("aside.png")["uses"][0];
    assert_eq!(uses["changes"], serde_json::json!(["cropped"]));
}

#[test]
fn a_picture_that_must_be_enlarged_is_small() {
    let studio = Studio::new()
        .settings("{model: animatic, duration: 1, resolution: 720p, aspect: \"1:1\"}")
        .with("small", &jar(300, RED))
        .with("enough", &jar(720, GREEN));
    let seen = studio.look();
    assert_eq!(seen.said(), ["small small.png"]);
    assert!((seen.finding("small")["figure"].as_f64().expect("times") - 2.4).abs() < 0.01);
}

#[test]
fn padding_that_is_most_of_what_is_sent_is_advice() {
    let studio = Studio::new()
        .settings("{model: animatic, duration: 1, resolution: 240p, aspect: \"9:16\", fit: pad}")
        .with("wide", &room(900, 400))
        .with("square", &jar(480, RED));
    assert_eq!(studio.look().said(), ["padded wide.png"]);
}

#[test]
fn first_and_last_frame_must_have_one_shape() {
    let shots = |fit: &str| {
        format!(
            "  - {{id: turn, for: products, prompt: \"it turns slowly\", aspect: \"1:1\"{fit}}}\n"
        )
    };
    let studio = |fit: &str| {
        let studio = Studio::new().shots(&shots(fit)).product(
            "cup",
            "{name: a, role: first_frame, image: a.png}, {name: b, role: last_frame, image: b.png}",
        );
        studio.file("a.png", &room(480, 480));
        studio.file("b.png", &room(640, 480));
        studio.look()
    };
    let seen = studio("");
    assert_eq!(seen.said(), ["frames_differ a.png"]);
    assert_eq!(seen.finding("frames_differ")["others"], serde_json::json!(["b.png"]));
    let said = studio(", fit: crop").said();
    assert!(!said.iter().any(|s| s.contains("frames_differ") && !s.is_empty()), "{said:?}");
}

#[test]
fn a_shot_by_several_references_wants_several_views() {
    let shots =
        "  - {id: turn, for: products, route: references, prompt: \"@front turns slowly\"}\n";
    let studio = Studio::new()
        .shots(shots)
        .product("one", "{name: front, image: one.png}")
        .product("two", "{name: front, image: two.png}, {name: side, image: side.png}");
    studio.file("one.png", &jar(480, RED));
    studio.file("two.png", &jar(480, GREEN));
    studio.file("side.png", &thing(480, 480, GREEN, (0.4, 0.5), 0.8));
    assert_eq!(studio.look().said(), ["few_views one.png"]);
}

#[test]
fn transparency_that_is_lost_is_told() {
    let studio = Studio::new()
        .settings("{model: fal/veo-3.1, duration: 4, aspect: \"16:9\"}")
        .product("cup", "{name: hero, image: cup.png}");
    let cut_out = RgbaImage::from_fn(1280, 720, |x, y| {
        let inside = x.abs_diff(640) < 250 && y.abs_diff(360) < 300;
        Rgba([
            (x / 6) as u8,
            (y / 3) as u8,
            ((x * y / 64) % 255) as u8,
            if inside { 255 } else { 0 },
        ])
    });
    cut_out.save(studio.path().join("cup.png")).expect("it is saved");
    let seen = studio.look();
    assert_eq!(seen.picture("cup.png")["measures"]["background"], "transparent");
    assert!(seen.said().contains(&"converted cup.png".to_owned()), "{:?}", seen.said());
}

#[test]
fn what_a_model_refuses_stands_beside_the_picture() {
    let studio = Studio::new()
        .settings("{model: kling/3.0, duration: 5, aspect: \"1:1\"}")
        .with("tiny", &jar(120, RED))
        .with("large", &jar(1080, GREEN));
    let seen = studio.look();
    assert_eq!(seen.code, Some(3), "{}", seen.talk);
    assert!(seen.said().contains(&"refused tiny.png".to_owned()), "{:?}", seen.said());
    assert!(!seen.said().iter().any(|said| said.contains("large.png")), "{:?}", seen.said());
}
