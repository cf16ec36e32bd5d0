//! Models: the region that was found is what they see, and a hostile one harms nobody but its child.
//! Each is written here, byte by byte, as ONNX's protobuf.

use kinora::manifest::{Layout, OnnxModel};

use super::*;

/// A field that holds bytes.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = number(u64::from(field) << 3 | 2);
    out.extend(number(content.len() as u64));
    out.extend(content);
    out
}

/// A field that holds a number.
fn value(field: u8, value: u64) -> Vec<u8> {
    [number(u64::from(field) << 3), number(value)].concat()
}

fn number(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A tensor of floats by name; a side of 0 is one that is not known.
fn declared(name: &str, shape: &[u64]) -> Vec<u8> {
    let side = |side: &u64| match side {
        0 => bytes(1, &bytes(2, b"side")),
        side => bytes(1, &value(1, *side)),
    };
    let shape: Vec<u8> = shape.iter().flat_map(side).collect();
    let tensor = [value(1, 1), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

fn node(operation: &str, from: &[&str], to: &str, attributes: &[u8]) -> Vec<u8> {
    let inputs = from.iter().flat_map(|name| bytes(1, name.as_bytes()));
    let mut out: Vec<u8> = inputs.collect();
    out.extend(bytes(2, to.as_bytes()));
    out.extend(bytes(4, operation.as_bytes()));
    out.extend(attributes);
    bytes(1, &out)
}

/// A model of these nodes and constants, from `x` to `y`.
fn model(body: &[Vec<u8>], inputs: &[(&str, &[u64])]) -> Vec<u8> {
    let mut graph = body.concat();
    graph.extend(bytes(2, b"made"));
    for (name, shape) in inputs {
        graph.extend(bytes(11, &declared(name, shape)));
    }
    graph.extend(bytes(12, &declared("y", &[])));
    [value(1, 8), bytes(8, &[bytes(1, b""), value(2, 13)].concat()), bytes(7, &graph)].concat()
}

/// The mean colour, as a vector.
fn mean_colour(side: u64) -> Vec<u8> {
    model(&[node("GlobalAveragePool", &["x"], "y", &[])], &[("x", &[1, 3, side, side])])
}

fn rule_of(size: Option<u32>, layout: Layout) -> JudgeRule {
    let (mean, deviation) = ([0.5; 3], [0.5; 3]);
    let path = "embed.onnx".to_owned();
    rule(JudgeBy::Onnx(OnnxModel { path, size, mean, deviation, layout }))
}

fn stage(model: &[u8]) -> Stage {
    let stage = Stage::new();
    std::fs::write(stage.path().join("embed.onnx"), model).expect("a file");
    stage
}

/// Blue, with the found region in another colour.
fn show(stage: &mut Stage, colour: [u8; 3]) {
    for frame in &mut stage.frames {
        frame.picture = RgbImage::from_fn(64, 48, |x, y| {
            let found = (10..30).contains(&x) && (10..40).contains(&y);
            Rgb(if found { colour } else { [0, 0, 255] })
        });
    }
    stage.references = vec![RgbImage::from_pixel(20, 30, Rgb([255, 40, 0]))];
}

#[test]
fn what_was_found_is_held_against_its_reference() {
    for side in [4, 0] {
        let mut stage = stage(&mean_colour(side));
        show(&mut stage, [255, 40, 0]);
        let said = line(&stage.one(rule_of(None, Layout::Nchw)));
        assert_eq!(said, "label pass 100 least like `hero` at 0.5 s: cosine 1.000");
        show(&mut stage, [0, 200, 255]);
        let said = stage.one(rule_of(None, Layout::Nchw));
        assert_eq!((said.verdict, said.score), (ClipVerdict::Fail, Some(0)), "{}", said.note);
        // Between the two: the cosine of (1, -0.686, -1) and (1, 0.569, -1), by a hundred.
        show(&mut stage, [255, 200, 0]);
        let said = stage.one(rule_of(Some(16 * u32::from(side == 0) + 4), Layout::Nchw));
        assert_eq!((said.verdict, said.score), (ClipVerdict::Review, Some(67)), "{}", said.note);
    }
}

#[test]
fn where_nothing_was_found_the_whole_frame_stands_for_it() {
    let mut stage = stage(&mean_colour(4));
    show(&mut stage, [255, 40, 0]);
    stage.found.clear();
    let said = stage.one(rule_of(None, Layout::Nchw));
    assert_eq!(said.verdict, ClipVerdict::Fail, "{}", said.note);
}

#[test]
fn pixel_by_pixel_is_another_layout() {
    let axes = [bytes(1, b"axes"), value(8, 1), value(8, 2), value(20, 7)].concat();
    let pooled = node("ReduceMean", &["x"], "y", &bytes(5, &axes));
    let mut stage = stage(&model(&[pooled], &[("x", &[1, 6, 6, 3])]));
    show(&mut stage, [255, 200, 0]);
    let said = stage.one(rule_of(None, Layout::Nhwc));
    assert_eq!((said.verdict, said.score), (ClipVerdict::Review, Some(67)), "{}", said.note);
}

#[test]
fn what_is_no_such_model_says_why() {
    let two =
        model(&[node("Add", &["x", "z"], "y", &[])], &[("x", &[1, 3, 4, 4]), ("z", &[1, 3, 4, 4])]);
    let none = model(&[node("NoSuchOperation", &["x"], "y", &[])], &[("x", &[1, 3, 4, 4])]);
    let large = mean_colour(100_000);
    let flat = model(&[node("ReduceMean", &["x"], "y", &[])], &[("x", &[1, 3, 4, 4])]);
    for (made, why) in [
        (two, "it takes 2 inputs, not one picture"),
        (none, "NoSuchOperation"),
        (large, "pictures of 100000 pixels"),
        (flat, "it gives 1 and 1 numbers, which are no vectors"),
        (b"no model at all".to_vec(), "its model: "),
        (Vec::new(), "its model: "),
    ] {
        let mut stage = stage(&made);
        show(&mut stage, [255, 40, 0]);
        let said = stage.one(rule_of(None, Layout::Nchw));
        assert_eq!(said.verdict, ClipVerdict::NotInspected, "{why}: {}", said.note);
        assert!(said.note.contains(why), "{why}: {}", said.note);
    }
    let mut grey = stage(&mean_colour(4));
    show(&mut grey, [255, 40, 0]);
    let JudgeBy::Onnx(mut black) = rule_of(None, Layout::Nchw).by else { panic!("a model") };
    black.mean = [0.0; 3];
    grey.references = vec![RgbImage::new(20, 30)];
    let said = grey.one(rule(JudgeBy::Onnx(black)));
    assert_eq!(said.note, "its model: it gives vectors without a direction");
    std::fs::remove_file(grey.path().join("embed.onnx")).expect("it was there");
    let said = grey.one(rule_of(None, Layout::Nchw));
    assert_eq!(said.verdict, ClipVerdict::NotInspected, "{}", said.note);
}

/// 40,000 by 40,000 pixels of three floats: 19 GB.
#[test]
fn a_model_that_takes_too_much_memory_or_time_ends_alone() {
    let sides: Vec<u8> = [1, 3, 40_000, 40_000].iter().flat_map(|side| number(*side)).collect();
    let shape = [value(1, 4), value(2, 7), bytes(7, &sides), bytes(8, b"shape")].concat();
    let spread = node("Expand", &["x", "shape"], "wide", &[]);
    let pooled = node("GlobalMaxPool", &["wide"], "y", &[]);
    let body = [spread, pooled, bytes(5, &shape)];
    let mut large = stage(&model(&body, &[("x", &[1, 3, 1, 1])]));
    show(&mut large, [255, 40, 0]);
    let said = large.one(rule_of(None, Layout::Nchw));
    assert_eq!(said.verdict, ClipVerdict::NotInspected, "{}", said.note);
    assert!(said.note.contains("allocat"), "{}", said.note);
    let mut slow = stage(&mean_colour(4));
    show(&mut slow, [255, 40, 0]);
    let at_once = Duration::from_micros(1);
    let said = slow.one(JudgeRule { timeout: at_once, ..rule_of(None, Layout::Nchw) });
    assert!(said.note.starts_with("no answer in"), "{}", said.note);
}
