//! `judges:` in a manifest: what is taken, and what is refused at its place.

use kinora::diagnostic::render_text;
use kinora::manifest::{JudgeUrl, Layout, LoadOptions, Loaded, OnnxModel, load};

use super::*;

fn open(text: &str, files: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("a file");
    }
    let path = folder.path().join("kinora.yaml");
    let shots = "shots: [{id: mood, prompt: \"a quiet street\"}]\n";
    std::fs::write(&path, format!("kinora: 1\n{text}\n{shots}")).expect("a file");
    load(&path, &LoadOptions::default())
}

fn good(text: &str, files: &[(&str, &str)]) -> Vec<JudgeRule> {
    let loaded = open(text, files);
    let shown = render_text(&loaded.findings, &loaded.sources, 100, false);
    loaded.catalogue.unwrap_or_else(|| panic!("it should load:\n{shown}")).judges
}

/// `line:column: message` of each error.
fn errors(text: &str) -> Vec<String> {
    let loaded = open(text, &[]);
    let items = loaded.findings.items().iter();
    let errors = items.filter(|f| f.severity == kinora::diagnostic::Severity::Error);
    errors
        .map(|f| {
            let (place, _) = f.place.as_ref().expect("a place");
            let text = loaded.sources.get(place.source).text.as_deref().expect("a manifest");
            let before = &text[..place.start as usize];
            let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
            format!("{}:{column}: {}", before.matches('\n').count() + 1, f.message)
        })
        .collect()
}

#[test]
fn every_kind_of_judge_is_read_in_its_order() {
    let rules = good(
        "judges:\n\
         \x20 size: {command: [./judge.sh, --strict], env: JUDGE_KEY, only: [turn, \"products.*\"]}\n\
         \x20 label: {url: env:AT, token: env:TOKEN, min: 15, timeout: 600, required: true}\n\
         \x20 here: {url: \"http://127.0.0.1:8791/\", min: 70, fail_below: 50}\n\
         \x20 alike: {onnx: embed.onnx, input: {size: 64, mean: [0.5, 0.5, 0.5], layout: nhwc}}",
        &[("judge.sh", ""), ("embed.onnx", "")],
    );
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["size", "label", "here", "alike"]);
    let bounds: Vec<(u8, u8)> = rules.iter().map(|r| (r.bounds.min, r.bounds.fail_below)).collect();
    assert_eq!(bounds, [(80, 60), (15, 0), (70, 50), (80, 60)]);
    let seconds: Vec<u64> = rules.iter().map(|rule| rule.timeout.as_secs()).collect();
    assert_eq!(seconds, [30, 600, 30, 30]);
    let words = ["./judge.sh", "--strict"].map(str::to_owned).to_vec();
    assert_eq!(rules[0].by, JudgeBy::Command { words, env: vec!["JUDGE_KEY".to_owned()] });
    assert_eq!(rules[0].only.len(), 2);
    let token = Some("TOKEN".to_owned());
    assert_eq!(rules[1].by, JudgeBy::Url { at: JudgeUrl::In("AT".to_owned()), token });
    assert!(rules[1].required && !rules[2].required);
    let model = OnnxModel {
        path: "embed.onnx".to_owned(),
        size: Some(64),
        mean: [0.5; 3],
        deviation: [0.229, 0.224, 0.225],
        layout: Layout::Nhwc,
    };
    assert_eq!(rules[3].by, JudgeBy::Onnx(model));
    assert!(good("name: x", &[]).is_empty());
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let (mut said, mut wanted) = (Vec::new(), Vec::new());
    for (judge, wrong) in [
        ("{min: 70}", "2:17: a judge needs a `command`, a `url` or an `onnx`"),
        (
            "{command: [a], url: \"https://a.b\"}",
            "2:17: a judge is one of `command`, `url` and `onnx`",
        ),
        ("{command: []}", "2:27: a command needs a program's name"),
        ("{command: [\"./judge.sh\"]}", "2:29: there is no program `./judge.sh`"),
        ("{command: [a], env: \"A B\"}", "2:38: this is no name of an environment variable"),
        (
            "{url: \"http://judge.example\"}",
            "2:24: `http://judge.example` is plain http to another machine",
        ),
        ("{url: \"https://me:canary@a.b\"}", "2:24: `https://…@a.b` holds a user or a password"),
        ("{url: \"env:\"}", "2:24: `env:` needs the name of an environment variable"),
        (
            "{url: \"https://a.b\", token: canary}",
            "2:45: a token is taken from the environment, never from a manifest",
        ),
        ("{onnx: gone.onnx}", "2:24: there is no model `gone.onnx`"),
        ("{onnx: ../gone.onnx}", "2:24: `../gone.onnx` is outside of the manifest's folder"),
        ("{command: [a], token: env:A}", "2:39: `token` means something only beside `url`"),
        ("{url: \"https://a.b\", env: A}", "2:43: `env` means something only beside `command`"),
        ("{command: [a], input: {size: 9}}", "2:39: `input` means something only beside `onnx`"),
        (
            "{command: [a], min: 50, fail_below: 60}",
            "2:53: `fail_below` can't be above `min`, which is 50",
        ),
        ("{command: [a], only: \"[\"}", "2:39: invalid range pattern"),
    ] {
        let found = errors(&format!("judges: {{label: {judge}}}"));
        said.push(found.join("; "));
        wanted.push(wrong);
    }
    assert_eq!(said, wanted);
    let schema = errors("judges: {label: {command: [a], min: 101, timeout: 0, notes: x}}");
    assert_eq!(schema.len(), 3, "{schema:?}");
    let name = errors("judges: {\"a b\": {command: [a]}}");
    assert_eq!(name, ["2:11: this is no name for a judge"]);
    let many: Vec<String> = (0..9).map(|at| format!("j{at}: {{command: [a]}}")).collect();
    let many = errors(&format!("judges: {{{}}}", many.join(", ")));
    assert_eq!(many.len(), 1, "{many:?}");
    assert!(many[0].ends_with("a manifest has at most 8 judges"), "{many:?}");
}

#[test]
fn an_included_manifest_can_add_no_judge() {
    let loaded = open(
        "include: [more.yaml]",
        &[("more.yaml", "kinora: 1\njudges: {label: {command: [a]}}\n")],
    );
    assert!(loaded.catalogue.is_none_or(|catalogue| catalogue.judges.is_empty()));
    let said: Vec<&str> = loaded.findings.items().iter().map(|f| f.message.as_str()).collect();
    assert_eq!(said, ["`judges` can only stand in the root manifest"]);
}

/// A program without the feature says so at once, at its place, and looks at nothing.
#[cfg(not(feature = "onnx"))]
#[test]
fn a_model_needs_a_program_that_was_built_for_it() {
    let loaded = open("judges: {alike: {onnx: embed.onnx}}", &[("embed.onnx", "")]);
    let said: Vec<_> = loaded.findings.items().iter().map(|f| f.code).collect();
    assert_eq!(said, ["judge::without_onnx"]);
    let rules = loaded.catalogue.expect("a warning stops nothing").judges;
    let said = line(&Stage::new().one(rules[0].clone()));
    assert_eq!(said, "alike not_inspected - this kinora was built without `onnx`");
}
