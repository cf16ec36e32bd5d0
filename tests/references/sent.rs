//! What the plan's models make of pictures.

use image::{Rgba, RgbaImage};

use crate::studio::{Studio, jar, room, thing};

const RED: [u8; 3] = [170, 50, 40];
const GREEN: [u8; 3] = [40, 130, 70];

#[test]
fn a_crop_that_cuts_the_subject_is_told_from_one_that_does_not() {
    let studio = Studio::new()
        .settings("{model: fal/veo-3.1, duration: 4, aspect: \"9:16\", fit: crop}")
        .with("aside", &thing(1440, 1080, RED, (0.2, 0.5), 0.7))
        .with("middle", &thing(1440, 1080, GREEN, (0.5, 0.5), 0.7))
        .with("room", &room(1440, 1080));
    let seen = studio.look();
    assert_eq!(seen.said(), ["crop_cuts_subject aside.png", "cropped room.png"]);
    let finding = seen.finding("crop_cuts_subject");
    assert_eq!(finding["model"], "fal/veo-3.1");
    assert!(finding["message"].as_str().is_some_and(|m| m.contains("of the subject's width")));
    let uses = &seen.picture("aside.png")["uses"][0];
    assert_eq!(uses["changes"], serde_json::json!(["cropped", "converted"]));
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
        .settings("{model: fal/veo-3.1, duration: 4, aspect: \"9:16\", fit: pad}")
        .with("wide", &room(900, 400))
        .with("square", &jar(480, RED));
    assert_eq!(studio.look().said(), ["padded wide.png"]);
}

#[test]
fn first_and_last_frame_must_have_one_shape() {
    let severity = |settings| {
        let studio = Studio::new().settings(settings).product(
            "cup",
            "{name: a, role: first_frame, image: a.png}, {name: b, role: last_frame, image: b.png}",
        );
        studio.file("a.png", &room(480, 480));
        studio.file("b.png", &room(640, 480));
        let seen = studio.look();
        let finding = seen.finding("frames_differ");
        assert_eq!(
            (&finding["picture"], &finding["others"][0]),
            (&"a.png".into(), &"b.png".into())
        );
        finding["severity"].as_str().map(str::to_owned)
    };
    let keep = severity("{model: fal/veo-3.1, duration: 4, aspect: \"16:9\"}");
    assert_eq!(keep.as_deref(), Some("warning"));
    // One shape then, of two sizes.
    let crop = severity("{model: fal/veo-3.1, duration: 4, aspect: \"16:9\", fit: crop}");
    assert_eq!(crop.as_deref(), Some("advice"));
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
fn a_cut_out_is_known_by_its_own_ground() {
    let studio = Studio::new().product("cup", "{name: hero, image: cup.png}");
    let cut_out = RgbaImage::from_fn(640, 360, |x, y| {
        let inside = x.abs_diff(320) < 125 && y.abs_diff(180) < 150;
        Rgba([(x / 3) as u8, (y / 2) as u8, (x * y / 64 % 255) as u8, if inside { 255 } else { 0 }])
    });
    cut_out.save(studio.path().join("cup.png")).expect("it is saved");
    let seen = studio.look();
    assert_eq!(seen.picture("cup.png")["measures"]["background"], "transparent");
    assert_eq!(seen.said(), [""; 0]);
}

#[test]
fn of_several_frames_the_first_is_used_and_that_is_said() {
    let studio = Studio::new().product("cup", "{name: hero, image: cup.gif}");
    let file = std::fs::File::create(studio.path().join("cup.gif")).expect("a file");
    let mut gif = image::codecs::gif::GifEncoder::new(file);
    for body in [RED, GREEN] {
        let frame = image::DynamicImage::ImageRgb8(jar(300, body)).into_rgba8();
        gif.encode_frame(image::Frame::new(frame)).expect("it is encoded");
    }
    drop(gif);
    assert_eq!(studio.look().said(), ["converted cup.gif"]);
}

#[test]
fn what_a_model_refuses_stands_beside_the_picture() {
    let studio = Studio::new()
        .settings("{model: fal/kling-o3, duration: 5, aspect: \"1:1\"}")
        .with("tiny", &jar(120, RED))
        .with("large", &jar(1080, GREEN));
    let seen = studio.look();
    assert_eq!(seen.code, Some(3), "{}", seen.talk);
    assert!(seen.said().contains(&"refused tiny.png".to_owned()), "{:?}", seen.said());
    assert!(!seen.said().iter().any(|said| said.contains("large.png")), "{:?}", seen.said());
}
