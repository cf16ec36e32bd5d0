//! What people say of clips, by the program itself: accepted, rejected, made again.

#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "another theme drives the program by it too, and uses more of it")]
mod workspace;

use std::collections::BTreeMap;

use serde_json::Value;
use workspace::Workspace;

/// The animatic under another name, at 2.5 credits a clip.
const STUDIO: &str = r#"kinora_model: 1
model: studio
provider: animatic
title: The renderer, charged to the department
routes: {text: {}, image: {min: 1, max: 1}}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {240p: {short_side: 240}}
fps: [12]
seed: SEED
price:
  unit: credits
  as_of: 2026-11-01
  source: "the studio's rate card"
  charges: [{per: clip, amount: 2.5}]
"#;

const MANIFEST: &str = r#"kinora: 1
name: words
defaults: {model: studio, duration: 0.5, resolution: 240p, fps: 12, aspect: "1:1"}
shots: [{id: mood, prompt: "a quiet spring street at dawn, slow pan", takes: 2}]
"#;

/// The first of two clips; a job without a subject.
const JOB: &str = "-/mood/-/1";

/// Two clips, made for 5 credits.
fn made(seed: bool) -> Workspace {
    let shop = Workspace::with(MANIFEST);
    shop.write("models/studio.yaml", &STUDIO.replace("SEED", if seed { "true" } else { "false" }));
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop
}

/// A job's line of the results, where no cell is a spreadsheet's formula.
fn result(shop: &Workspace, job: &str) -> BTreeMap<String, String> {
    shop.kinora(&["export", ".", "--what", "results"]).ends(0);
    let text = shop.read("export/results.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut rows = reader.deserialize().map(|row| row.expect("a whole row"));
    rows.find(|row: &BTreeMap<String, String>| row["job"].trim_start_matches('\'') == job)
        .expect("the job is there")
}

fn spent(shop: &Workspace) -> String {
    let status = shop.kinora(&["status", ".", "--json"]).ends(0).json();
    let spent = status["totals"]["spent"].as_str().expect("an amount");
    spent.trim_end_matches(".0").to_owned()
}

fn changes(shop: &Workspace) -> Value {
    shop.kinora(&["plan", ".", "--json"]).ends(0).json()["changes"].clone()
}

#[test]
fn what_is_rejected_is_said_so_and_costs_nothing() {
    let shop = made(true);
    let said = shop.kinora(&["reject", JOB, "--by", "Ada", "--note", "pink"]).ends(0);
    assert_eq!(said.stdout, "-/mood/-/1  rejected: clips/mood-6dc794.mp4\n");
    let row = result(&shop, JOB);
    let told = ["status", "change", "word", "word_by", "word_note"].map(|name| row[name].as_str());
    assert_eq!(told, ["done", "done", "rejected", "Ada", "pink"]);
    let status = shop.kinora(&["status", "."]).ends(0).stdout;
    assert!(
        status.contains("By a person's word: 1 clip rejected (in no shop's files)."),
        "{status}"
    );
    shop.kinora(&["run", "."]).ends(0);
    assert_eq!(spent(&shop), "5");
    assert_eq!(shop.files("clips", "mp4").len(), 2, "no clip is removed");
}

#[test]
fn a_retake_is_planned_approved_and_made_with_another_seed() {
    for seed in [true, false] {
        let shop = made(seed);
        let before = result(&shop, JOB);
        shop.kinora(&["reject", JOB, "--retake"]).ends(0);
        assert_eq!(changes(&shop)["changed_by"]["retake"], 1);
        shop.kinora(&["run", "."]).ends(6);
        assert_eq!(spent(&shop), "5", "nobody approved it");
        shop.kinora(&["approve", ".", "--by", "Ada"]).ends(0);
        shop.kinora(&["run", "."]).ends(0);
        let after = result(&shop, JOB);
        assert_eq!((after["attempts"].as_str(), after["word"].as_str()), ("2", ""));
        assert_eq!(after["seed"] != before["seed"], seed);
        assert_eq!((spent(&shop), changes(&shop)["done"].clone()), ("7.5".to_owned(), 2.into()));
        shop.kinora(&["run", "."]).ends(0);
        assert_eq!(spent(&shop), "7.5", "it is made once");
        shop.kinora(&["ledger", "verify", "."]).ends(0);
    }
}

#[test]
fn the_earlier_clip_can_be_taken_back() {
    let shop = made(true);
    let first = result(&shop, JOB)["file"].clone();
    shop.kinora(&["reject", JOB, "--retake"]).ends(0);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert_ne!(result(&shop, JOB)["file"], first);
    shop.kinora(&["accept", JOB, "--attempt", "1"]).ends(0);
    assert_eq!(result(&shop, JOB)["file"], first);
    assert_eq!(changes(&shop)["done"], 2);
    shop.kinora(&["ledger", "verify", "."]).ends(0);
}

#[test]
fn a_plan_file_with_a_retake_runs_once_and_not_when_the_word_is_taken_back() {
    let shop = made(true);
    shop.kinora(&["reject", JOB, "--retake"]).ends(0);
    shop.kinora(&["plan", ".", "-o", "again.plan"]).ends(0);
    shop.kinora(&["approve", "again.plan", "--by", "Ada"]).ends(0);
    shop.kinora(&["accept", JOB]).ends(0);
    shop.kinora(&["run", "again.plan"]).ends(6);
    assert_eq!(spent(&shop), "5");
    shop.kinora(&["reject", JOB, "--retake"]).ends(0);
    shop.kinora(&["run", "again.plan"]).ends(0);
    assert_eq!(spent(&shop), "7.5");
}

#[test]
fn several_are_spoken_of_at_once_and_a_name_that_is_wrong_changes_nothing() {
    let shop = made(true);
    let said = shop.kinora(&["accept", "mood", "--json"]).ends(0).json();
    assert_eq!((&said["said"], &said["passed"]), (&2.into(), &0.into()));
    let schema = jsonschema::validator_for(&kinora::report::words_schema()).expect("a schema");
    assert!(schema.is_valid(&said), "{said:#}");
    let wrong = shop.kinora(&["reject", "mood", "nothing-such"]).ends(2);
    assert!(wrong.stderr.contains("no job that `nothing-such` fits"), "{}", wrong.stderr);
    assert_eq!(result(&shop, JOB)["word"], "accepted");
    let wrong = shop.kinora(&["accept", JOB, "--attempt", "7"]).ends(2);
    assert!(wrong.stderr.contains("nothing was changed"), "{}", wrong.stderr);
}

#[test]
fn the_schema_is_that_of_the_type() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/words.schema.json");
    let schema = kinora::report::words_schema();
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "it is stale: run the tests with KINORA_UPDATE_SCHEMAS=1");
}
