//! Judges of the user's own: what they are told, what they may answer, and that none of them can hold
//! up, blow up or mislead whoever asks. Programs and servers are real ones.

mod examples;
#[cfg(unix)]
mod joined;
mod manifests;
#[cfg(feature = "onnx")]
mod models;
#[cfg(unix)]
mod programs;
mod servers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{Rgb, RgbImage};
use kinora::address::Address;
use kinora::consistency::Found;
use kinora::digest::Digest;
use kinora::ledger::ClipVerdict;
use kinora::manifest::{Bounds, JudgeBy, JudgeRule, Role};
use kinora::media::Format;
use kinora::media::frames::Sample;
use kinora::models::Route;
use kinora::plan::{JobSettings, Request, RequestReference};
use kinora::verification::judges::{Judged, JudgedPicture, Judges};
use kinora::verification::{Detail, DetailPart, JudgeDetail, Looked};
use tempfile::TempDir;

/// A clip that is judged, in a workspace of its own.
struct Stage {
    folder: TempDir,
    request: Request,
    frames: Vec<Sample>,
    references: Vec<RgbImage>,
    found: Vec<Found>,
    own: Looked,
    environment: BTreeMap<String, String>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("clip.mp4"), b"a clip").expect("a file");
        let frame = |at: u64| Sample {
            index: at,
            at_ms: at * 500,
            picture: RgbImage::from_fn(64, 48, |x, y| {
                Rgb([(x * 3) as u8, (y * 5) as u8, (at * 40) as u8])
            }),
        };
        let found = Found {
            reference: 0,
            frame: 1,
            corners: Some([[10.0, 10.0], [30.0, 10.0], [30.0, 40.0], [10.0, 40.0]]),
            score: 91.0,
            marks: Vec::new(),
        };
        let path = std::env::var("PATH").unwrap_or_default();
        let environment = [("PATH", path.as_str()), ("FAL_KEY", "canary-of-a-provider")];
        Stage {
            folder,
            request: request(),
            frames: (0..3).map(frame).collect(),
            references: vec![RgbImage::from_pixel(20, 30, Rgb([200, 60, 60]))],
            found: vec![found],
            own: own(),
            environment: environment.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn judges(&self, rules: &[JudgeRule]) -> Judges {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_kinora"));
        Judges::new(rules, self.path(), &program, &self.environment)
    }

    fn judge(&self, rules: &[JudgeRule]) -> Vec<JudgeDetail> {
        let shown = |(at, picture)| JudgedPicture { reference: at, picture };
        let references: Vec<JudgedPicture<'_>> =
            self.references.iter().enumerate().map(shown).collect();
        self.judges(rules).judge_all(&Judged {
            request: &self.request,
            clip: &self.path().join("clip.mp4"),
            frames: &self.frames,
            references: &references,
            found: &self.found,
            own: &self.own,
        })
    }

    fn one(&self, rule: JudgeRule) -> JudgeDetail {
        let mut said = self.judge(&[rule]);
        assert_eq!(said.len(), 1);
        said.remove(0)
    }
}

fn own() -> Looked {
    let part = DetailPart { name: "colour".to_owned(), score: 92, note: String::new() };
    Looked {
        verdict: ClipVerdict::Pass,
        score: Some(90),
        measure: "kinora-1".to_owned(),
        detail: Detail { parts: vec![part], ..Detail::default() },
    }
}

fn request() -> Request {
    let address = "products.mug/turn/-/1";
    Request {
        address: Address::from_stored(address),
        model: "fal/some-model".to_owned(),
        provider: "fal".to_owned(),
        route: Route::Image,
        prompt: "the mug turns".to_owned(),
        negative_prompt: None,
        settings: JobSettings {
            duration: 5.into(),
            aspect: "4:3".to_owned(),
            resolution: "720p".to_owned(),
            width: 960,
            height: 720,
            fps: Some(24),
            seed: Some(7),
            options: Vec::new(),
        },
        references: vec![RequestReference {
            name: "hero".to_owned(),
            role: Role::Identity,
            given: None,
            path: "images/mug.png".to_owned(),
            digest: Digest::of(b"mug"),
            format: Format::Png,
            width: 20,
            height: 30,
            url: None,
            source: None,
            recipe: None,
        }],
        out: "clips/mug.mp4".to_owned(),
        fingerprint: Digest::of(address.as_bytes()),
        retake: 0,
        shot: "turn".to_owned(),
        subject: Some("products.mug".to_owned()),
        channel: None,
        first_seed: None,
        consistency: None,
    }
}

fn rule(by: JudgeBy) -> JudgeRule {
    JudgeRule {
        name: "label".to_owned(),
        by,
        bounds: Bounds { min: 80, fail_below: 60 },
        timeout: Duration::from_secs(20),
        required: false,
        only: Vec::new(),
    }
}

/// What a judge said, in one line.
fn line(said: &JudgeDetail) -> String {
    let score = said.score.map_or("-".to_owned(), |score| score.to_string());
    format!("{} {} {score} {}", said.name, said.verdict.as_str(), said.note)
}

#[test]
fn the_worst_verdict_and_the_lowest_score_are_the_clips() {
    use ClipVerdict::{Fail, NotInspected, Pass, Review};
    let stage = Stage::new();
    let by = || JudgeBy::Command { words: vec!["true".to_owned()], env: Vec::new() };
    let free = rule(by());
    let needed = JudgeRule { name: "needed".to_owned(), required: true, ..rule(by()) };
    let judges = stage.judges(&[free, needed]);
    let said = |name: &str, verdict, score| JudgeDetail {
        name: name.to_owned(),
        verdict,
        score,
        note: String::new(),
    };
    let cases = [
        (Pass, Some(90), vec![said("label", Pass, Some(85))], Pass, Some(85)),
        (Pass, Some(90), vec![said("label", Fail, Some(10))], Fail, Some(10)),
        (Fail, Some(20), vec![said("label", Pass, Some(99))], Fail, Some(20)),
        (Pass, Some(90), vec![said("label", NotInspected, None)], Pass, Some(90)),
        (Pass, Some(90), vec![said("needed", NotInspected, None)], Review, Some(90)),
        (Fail, Some(20), vec![said("needed", NotInspected, None)], Fail, Some(20)),
        (NotInspected, None, vec![said("label", Pass, Some(99))], NotInspected, None),
        (NotInspected, None, vec![said("label", Review, Some(70))], NotInspected, None),
        (NotInspected, None, vec![said("label", Fail, Some(9))], Fail, Some(9)),
        (Pass, Some(90), vec![], Pass, Some(90)),
    ];
    for (verdict, score, said, joined, lowest) in cases {
        assert_eq!(judges.join(verdict, score, &said), (joined, lowest), "{verdict:?} {said:?}");
    }
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let schemas = [
        ("judge-question", kinora::verification::judges::question_schema()),
        ("judge-answer", kinora::verification::judges::answer_schema()),
    ];
    for (name, schema) in schemas {
        let path = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
        if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).expect("writable");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "{name} is stale: run the tests with KINORA_UPDATE_SCHEMAS=1");
    }
}
