//! What judges say joins the verdict of clips that Kinora itself looks at, or can't.

use kinora::limits::Limits;
use kinora::media::encode::{ClipSpec, encode};
use kinora::media::frame::Frame;
use kinora::verification::{ClipVerifier, Verifier};

use super::*;

fn sh(script: &str) -> JudgeRule {
    let words = ["sh", "-c", script].map(str::to_owned).to_vec();
    rule(JudgeBy::Command { words, env: Vec::new() })
}

/// A workspace whose reference is on disk.
fn stage() -> Stage {
    let mut stage = Stage::new();
    let picture = RgbImage::from_fn(96, 64, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, 90]));
    let path = stage.path().join("images/mug.png");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    picture.save(&path).expect("a picture");
    let bytes = std::fs::read(&path).expect("it was written");
    let reference = &mut stage.request.references[0];
    (reference.digest, reference.width, reference.height) = (Digest::of(&bytes), 96, 64);
    stage
}

fn look(stage: &Stage, rules: &[JudgeRule]) -> Looked {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_kinora"));
    let verifier = Verifier::new(stage.path(), program, &Limits::default());
    let verifier = verifier.with_judges(stage.judges(rules));
    verifier.look(&stage.request, &stage.path().join("clip.mp4"))
}

#[test]
fn a_clip_that_can_not_be_decoded_fails_where_a_judge_fails_it() {
    let stage = stage();
    let script = "grep -q '\"frames\":\\[\\]' && echo '{\"score\": 10, \"note\": \"too small\"}'";
    let alone = look(&stage, &[]);
    assert_eq!((alone.verdict, alone.score), (ClipVerdict::NotInspected, None));
    let looked = look(&stage, &[sh(script)]);
    assert_eq!((looked.verdict, looked.score), (ClipVerdict::Fail, Some(10)));
    assert_eq!(looked.detail.notes, alone.detail.notes);
    assert_eq!(line(&looked.detail.judges[0]), "label fail 10 too small");
    let liked = look(&stage, &[sh("echo '{\"score\": 100}'")]);
    assert_eq!((liked.verdict, liked.score), (ClipVerdict::NotInspected, None));
}

#[test]
fn a_judge_sees_the_frames_and_what_kinora_came_to() {
    let stage = stage();
    let spec = ClipSpec { width: 96, height: 64, fps: 12, frames: 12 };
    let clip = encode(&spec, &|index, frame: &mut Frame| {
        frame.y.fill(40 + 10 * index as u8);
        true
    });
    std::fs::write(stage.path().join("clip.mp4"), clip.expect("a clip")).expect("a file");
    let alone = look(&stage, &[]);
    assert!(alone.score.is_some(), "{:?}", alone.detail.notes);
    let looked = look(&stage, &[sh("cat > told.json; echo '{\"score\": 0, \"note\": \"no\"}'")]);
    assert_eq!((looked.verdict, looked.score), (ClipVerdict::Fail, Some(0)));
    assert_eq!(line(&looked.detail.judges[0]), "label fail 0 no");
    let told = std::fs::read(stage.path().join("told.json")).expect("it wrote it");
    let told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
    assert_eq!(told["own"]["score"], alone.score.expect("a score"));
    assert_eq!(told["own"]["references"][0]["name"], "hero");
    assert!(told["frames"].as_array().expect("frames").len() > 2, "{told}");
    let required = JudgeRule { required: true, ..sh("exit 1") };
    let asked = look(&stage, &[required]);
    assert!(asked.verdict <= ClipVerdict::Review);
    assert_eq!(asked.score, alone.score);
}
