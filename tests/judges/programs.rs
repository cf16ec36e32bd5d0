//! Programs: what they get, what they don't, and that they end.

use std::time::Instant;

use super::*;

fn sh(script: &str) -> JudgeRule {
    let words = ["sh", "-c", script].map(str::to_owned).to_vec();
    rule(JudgeBy::Command { words, env: Vec::new() })
}

#[test]
fn a_program_gets_paths_and_gives_a_score() {
    let stage = Stage::new();
    let script = "cat > told.json; ls $(sed 's/\"/\\n/g' told.json | grep '[.]png$' | grep judge) \
                  > frames.txt; echo '{\"score\": 79.6, \"note\": \"a fine mug\"}'";
    assert_eq!(line(&stage.one(sh(script))), "label pass 80 a fine mug");
    let told = std::fs::read(stage.path().join("told.json")).expect("it wrote it");
    let told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
    let schema = jsonschema::validator_for(&kinora::verification::judges::question_schema());
    let wrong: Vec<String> =
        schema.expect("a schema").iter_errors(&told).map(|e| e.to_string()).collect();
    assert_eq!(wrong, [""; 0]);
    assert_eq!(told["kinora_judge"], 1);
    assert_eq!(told["address"], "products.mug/turn/-/1");
    assert_eq!(told["own"]["score"], 90);
    assert_eq!(told["found"][0]["frame"], 1);
    let clip = std::path::absolute(stage.path().join("clip.mp4")).expect("a path");
    assert_eq!(told["clip"], clip.to_str().expect("text"));
    let reference = told["references"][0]["path"].as_str().expect("a path");
    assert!(reference.ends_with("images/mug.png") && reference.starts_with('/'), "{reference}");
    // The frames were there while it looked, and no longer.
    let frames = std::fs::read_to_string(stage.path().join("frames.txt")).expect("it wrote it");
    assert_eq!(frames.lines().count(), 3, "{frames}");
    for frame in frames.lines() {
        assert!(!Path::new(frame).exists(), "{frame}");
    }
}

#[test]
fn the_frames_are_pictures_as_they_were_sampled() {
    let stage = Stage::new();
    let script = "f=$(sed 's/\"/\\n/g' | grep '01[.]png$'); cp $f kept.png; echo '{\"score\":1}'";
    assert_eq!(line(&stage.one(sh(script))), "label fail 1 ");
    let kept = image::open(stage.path().join("kept.png")).expect("a picture").into_rgb8();
    assert_eq!(kept, stage.frames[1].picture);
}

#[test]
fn what_is_no_answer_is_not_inspected_and_says_why() {
    let stage = Stage::new();
    let cases = [
        ("exit 0", "it answers nothing"),
        ("echo fine", "its answer makes no sense"),
        ("echo '{\"score\": 300}'", "the score 300 is not 0 to 100"),
        (
            "echo '{\"score\": 90}'; echo 'no model here' >&2; exit 3",
            "exit status: 3: no model here",
        ),
        ("echo '{\"score\": 90}'; kill -9 $$", "signal: 9"),
        ("head -c 200000 /dev/zero", "it answers more than 64 KiB"),
        ("yes", "it answers more than 64 KiB"),
    ];
    for (script, why) in cases {
        let said = stage.one(sh(script));
        assert_eq!((said.verdict, said.score), (ClipVerdict::NotInspected, None), "{script}");
        assert!(said.note.contains(why), "{script}: {}", said.note);
    }
    let words = vec!["kinora-no-such-program".to_owned()];
    let said = stage.one(rule(JudgeBy::Command { words, env: Vec::new() }));
    assert!(said.note.starts_with("it can't be started"), "{}", said.note);
}

#[test]
fn a_program_that_reads_nothing_is_heard_all_the_same() {
    let mut stage = Stage::new();
    stage.request.prompt = "x".repeat(1 << 20);
    assert_eq!(line(&stage.one(sh("echo '{\"score\": 80}'"))), "label pass 80 ");
}

#[test]
fn at_its_timeout_it_is_killed_with_its_children() {
    let stage = Stage::new();
    let script = "(sleep 2; echo alive > late) & sleep 60";
    let slow = JudgeRule { timeout: Duration::from_secs(1), ..sh(script) };
    let began = Instant::now();
    assert_eq!(line(&stage.one(slow)), "label not_inspected - no answer in 1 s");
    assert!(began.elapsed() < Duration::from_secs(30));
    std::thread::sleep(Duration::from_millis(1_800));
    assert!(!stage.path().join("late").exists(), "its child lives on");
}

#[test]
fn children_that_it_leaves_behind_hold_up_nobody_and_are_ended() {
    let stage = Stage::new();
    // The child keeps standard output open.
    let script = "(sleep 1; echo alive > late; sleep 60) & echo '{\"score\": 95}'";
    let began = Instant::now();
    assert_eq!(line(&stage.one(sh(script))), "label pass 95 ");
    assert!(began.elapsed() < Duration::from_secs(15));
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!stage.path().join("late").exists(), "its child lives on");
}

#[test]
fn keys_of_providers_are_not_in_its_environment() {
    let mut stage = Stage::new();
    stage.environment.insert("JUDGE_KEY".to_owned(), "canary-of-a-judge".to_owned());
    let script = "env > environment.txt; echo \"key $JUDGE_KEY\" >&2; exit 1";
    let words = ["sh", "-c", script].map(str::to_owned).to_vec();
    let env = vec!["JUDGE_KEY".to_owned(), "NOT_SET".to_owned()];
    let said = stage.one(rule(JudgeBy::Command { words, env }));
    let seen = std::fs::read_to_string(stage.path().join("environment.txt")).expect("written");
    assert!(seen.contains("JUDGE_KEY=canary-of-a-judge") && seen.contains("PATH="), "{seen}");
    assert!(!seen.contains("canary-of-a-provider") && !seen.contains("FAL_KEY"), "{seen}");
    assert!(!seen.contains("CARGO"), "the process's own environment: {seen}");
    assert!(said.note.ends_with("key •••"), "{}", said.note);
}

#[test]
fn a_path_is_relative_to_the_manifest_and_no_shell_is_involved() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new();
    let file = stage.path().join("judge.sh");
    std::fs::write(
        &file,
        "#!/bin/sh\nprintf '{\"score\": 88, \"note\": \"%s in %s\"}' \"$1\" \"$PWD\"\n",
    )
    .expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it runs");
    let words = ["./judge.sh", "$HOME; true"].map(str::to_owned).to_vec();
    let said = stage.one(rule(JudgeBy::Command { words, env: Vec::new() }));
    let folder = stage.path().canonicalize().expect("a folder");
    assert_eq!(said.note, format!("$HOME; true in {}", folder.display()));
}

#[test]
fn judges_are_asked_in_their_order_and_only_for_clips_that_they_are_for() {
    let stage = Stage::new();
    let named = |name: &str, only: &[&str]| JudgeRule {
        name: name.to_owned(),
        only: only.iter().map(|p| glob::Pattern::new(p).expect("a pattern")).collect(),
        ..sh("echo '{\"score\": 80}'")
    };
    let rules = [
        named("z", &[]),
        named("subject", &["products.*"]),
        named("shot", &["turn"]),
        named("job", &["*/turn/-/1"]),
        named("other", &["reel", "cast.*"]),
        named("a", &["reel", "turn"]),
    ];
    let names: Vec<String> = stage.judge(&rules).into_iter().map(|said| said.name).collect();
    assert_eq!(names, ["z", "subject", "shot", "job", "a"]);
}

#[test]
fn a_clip_that_can_not_be_decoded_can_be_judged_by_its_file() {
    let mut stage = Stage::new();
    (stage.frames, stage.found) = (Vec::new(), Vec::new());
    let script = "grep -q '\"frames\":\\[\\]' && echo '{\"score\": 60}'";
    assert_eq!(line(&stage.one(sh(script))), "label review 60 ");
}
