//! Every way the program ends, by its documented exit code.

use crate::workspace::{Ended, Workspace};

#[test]
fn usage_is_2_and_names_the_nearest() {
    let shop = Workspace::shop();
    shop.kinora(&["plam"]).ends(2);
    let limit = shop.kinora(&["check", ".", "--limit", "job=5"]).ends(2);
    assert!(limit.stderr.contains("did you mean `jobs`?"), "{}", limit.stderr);
    let form = shop.kinora(&["plan", ".", "-o", "plan.xyz"]).ends(2);
    assert!(form.stderr.contains(".json, .csv, .md or .txt"), "{}", form.stderr);
    let nowhere = shop.kinora(&["plan", "images"]).ends(2);
    assert!(nowhere.stderr.contains("holds no kinora.yaml"), "{}", nowhere.stderr);
}

#[test]
fn a_broken_manifest_is_3_and_leaves_no_ledger() {
    let shop = Workspace::shop();
    shop.edit("kinora.yaml", "{{ title }}", "{{ titel }}");
    for command in [&["check", "."][..], &["plan", "."], &["run", ".", "--yes"]] {
        let ended = shop.kinora(command).ends(3);
        assert!(ended.stderr.contains("title"), "{}", ended.stderr);
    }
    assert!(!shop.path().join(".kinora").exists(), "nothing was written");
}

#[test]
fn every_problem_is_in_the_json_too() {
    let shop = Workspace::shop();
    shop.edit("kinora.yaml", "{{ title }}", "{{ titel }}");
    shop.edit("kinora.yaml", "model: animatic", "modle: animatic");
    let all = shop.kinora(&["check", ".", "--json"]).ends(3).json();
    assert_eq!(all["valid"], false);
    let codes: Vec<&str> = all["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|f| f["code"].as_str())
        .collect();
    assert!(codes.contains(&"manifest::unknown_key"), "{all:#}");
    let place = &all["findings"][0]["place"];
    assert_eq!((place["file"].as_str(), place["line"].as_u64()), (Some("kinora.yaml"), Some(3)));
}

#[test]
fn without_approval_and_nobody_to_ask_it_is_4() {
    let shop = Workspace::shop();
    let ended = shop.kinora(&["run", "."]).ends(4);
    assert!(ended.stderr.contains("kinora approve kinora.yaml --by NAME"), "{}", ended.stderr);
    assert!(shop.files("clips", "mp4").is_empty());
}

#[test]
fn an_approval_lets_an_unattended_run_go() {
    let shop = Workspace::shop();
    shop.kinora(&["approve", ".", "--by", "Ada", "--note", "spring"]).ends(0);
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["approval"]["by"], "Ada");
    shop.kinora(&["run", "."]).ends(0);
    assert_eq!(shop.files("clips", "mp4").len(), 4);
}

#[test]
fn an_approval_of_another_plan_is_6() {
    let shop = Workspace::shop();
    shop.kinora(&["approve", ".", "--by", "Ada"]).ends(0);
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    let ended = shop.kinora(&["run", "."]).ends(6);
    assert!(ended.stderr.contains("by Ada names plan"), "{}", ended.stderr);
    assert!(shop.files("clips", "mp4").is_empty());
}

#[test]
fn a_provider_without_its_key_is_refused_before_anything_is_asked() {
    let shop = Workspace::shop();
    shop.edit(
        "kinora.yaml",
        "{model: animatic, duration: 0.5, resolution: 240p, fps: 12}",
        "{model: fal/seedance-2.0, duration: 5, resolution: 720p}",
    );
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nbudget: {unit: USD}");
    let plan = shop.kinora(&["plan", "."]).ends(0);
    assert!(plan.stdout.contains("6.07") || plan.stdout.contains("6.086"), "{}", plan.stdout);
    let ended = shop.kinora(&["run", ".", "--yes"]).ends(2);
    assert!(ended.stderr.contains("needs a key: set FAL_KEY"), "{}", ended.stderr);
}

#[test]
fn a_second_process_on_the_same_ledger_is_10() {
    let shop = Workspace::shop();
    // Long enough that the second start surely meets the first.
    shop.edit("kinora.yaml", "duration: 0.5", "duration: 20");
    let mut first = shop.start(&["run", ".", "--yes"]);
    let lock = shop.path().join(".kinora/lock");
    while !lock.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(first.try_wait().expect("a child").is_none(), "the first run goes on");
    }
    // The lock's file exists a moment before it is held.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let second = shop.kinora(&["run", ".", "--yes"]);
    first.kill().expect("killed");
    let output = first.wait_with_output().expect("it ended");
    let first = Ended::new(&["run"], output);
    let second = second.ends(10);
    assert!(second.stderr.contains("another process"), "{} {}", second.stderr, first.stderr);
}

#[test]
fn a_size_that_no_renderer_makes_is_refused_while_planning() {
    let shop = Workspace::shop();
    shop.edit("kinora.yaml", "\"9:16\"", "\"10000:1\"");
    for command in [&["plan", "."][..], &["run", ".", "--yes"]] {
        let ended = shop.kinora(command).ends(3);
        assert!(ended.stderr.contains("2400000×240 pixels"), "{}", ended.stderr);
        assert!(ended.stderr.contains("its longest side is 3840"), "{}", ended.stderr);
    }
    // A card of the user's own that says nothing is bounded too.
    shop.write("models/own.yaml", OWN);
    shop.edit("kinora.yaml", "model: animatic", "model: own");
    let ended = shop.kinora(&["plan", "."]).ends(3);
    assert!(ended.stderr.contains("its longest side is 16384"), "{}", ended.stderr);
}

const OWN: &str = r#"kinora_model: 1
model: own
provider: animatic
title: The renderer by another name
routes: {image: {min: 1, max: 1}}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {240p: {short_side: 240}}
"#;

#[test]
fn the_manifests_own_limits_on_pictures_hold() {
    let shop = Workspace::shop();
    // Known pictures are held to a limit that was lowered since.
    shop.kinora(&["plan", "."]).ends(0);
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nlimits: {picture_pixels: 1000}");
    let ended = shop.kinora(&["plan", "."]).ends(3);
    assert!(ended.stderr.contains("picture_pixels"), "{}", ended.stderr);
}

#[test]
fn the_ledgers_commands_need_a_manifest_and_a_ledger() {
    let shop = Workspace::shop();
    for command in [&["ledger", "verify"][..], &["ledger", "export"], &["ledger", "backup", "b.db"]]
    {
        let nowhere = shop.kinora(&[command, &["other.yaml"]].concat()).ends(3);
        assert!(nowhere.stderr.contains("other.yaml is not there"), "{}", nowhere.stderr);
        let new = shop.kinora(&[command, &["."]].concat()).ends(1);
        assert!(new.stderr.contains("there is no ledger"), "{}", new.stderr);
        assert!(new.stderr.contains("restore it from a backup"), "{}", new.stderr);
    }
    let status = shop.kinora(&["status", "."]).ends(0);
    assert_eq!(status.stdout.trim(), "Nothing was made yet.");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let verified = shop.kinora(&["ledger", "verify", "."]).ends(0);
    assert!(verified.stdout.contains("1 total, 1 plan, 4 clips on disk"), "{}", verified.stdout);
}

#[test]
fn clips_of_a_ledger_that_is_gone_are_warned_of_until_a_job_is_known() {
    let shop = Workspace::shop();
    let first = shop.kinora(&["plan", "."]).ends(0);
    assert!(!first.stdout.contains("ledger::missing"), "{}", first.stdout);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let known = shop.kinora(&["plan", "."]).ends(0);
    assert!(!known.stdout.contains("ledger::missing"), "{}", known.stdout);
    std::fs::remove_dir_all(shop.path().join(".kinora")).expect("a ledger");
    // Twice: planning alone makes a ledger, which knows of no job.
    for _ in 0..2 {
        let plan = shop.kinora(&["plan", "."]).ends(0);
        assert!(plan.stdout.contains("ledger::missing"), "{}", plan.stdout);
    }
    let run = shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(run.stderr.contains("4 clips that Kinora made"), "{}", run.stderr);
}
