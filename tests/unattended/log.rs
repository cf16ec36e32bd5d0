//! The log: every line by its schema, nothing ever truncated, no secret in it.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::shop::{INSIDE, Shop, outcome};

fn schema(shop: &Shop, name: &str) -> jsonschema::Validator {
    let schema = shop.files.kinora(&["schema", name]).ends(0).json();
    jsonschema::validator_for(&schema).expect("a schema")
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["event"].as_str()).collect()
}

#[test]
fn every_line_and_every_outcome_is_by_its_schema() {
    let shop = Shop::new(INSIDE);
    let done = shop.runs(&[]).ends(0);
    shop.files.edit("kinora.yaml", "turns slowly", "turns quickly");
    shop.files.edit("kinora.yaml", "max_total: 12", "max_total: 11");
    let outside = shop.runs(&[]).ends(4);
    shop.files.edit("kinora.yaml", "{{ title }}", "{{ titel }}");
    let invalid = shop.runs(&[]).ends(3);

    let outcomes = schema(&shop, "outcome");
    for ended in [&done, &outside, &invalid] {
        let outcome = outcome(ended);
        assert!(outcomes.is_valid(&outcome), "{outcome:#}");
    }
    let lines = shop.log();
    let of_log = schema(&shop, "log");
    for line in &lines {
        assert!(of_log.is_valid(line), "{line:#}");
    }
    let kinds = kinds(&lines);
    let first = kinds.iter().position(|kind| *kind == "notified").expect("the first run's end");
    assert_eq!(kinds[..4], ["begin", "plan", "approval", "started"]);
    assert_eq!(kinds[..first].iter().filter(|kind| **kind == "done").count(), 4);
    assert_eq!(kinds[first - 2..=first], ["ended", "end", "notified"]);
    assert_eq!(
        kinds[first + 1..],
        ["begin", "plan", "outside", "end", "notified", "begin", "end", "notified"]
    );
    let ends: Vec<&Value> = lines.iter().filter(|line| line["event"] == "end").collect();
    assert_eq!(ends[0]["outcome"], outcome(&done), "the log has what was told");
    assert_eq!(ends[0]["id"], outcome(&done)["id"]);
    assert_ne!(ends[0]["id"], ends[1]["id"], "each start has its own name");
}

#[test]
fn the_command_line_names_another_file_and_stdout_has_events_where_asked() {
    let shop = Shop::new(INSIDE);
    let log = shop.files.path().join("other.jsonl");
    std::fs::write(&log, "{\"kept\":true}\n").expect("written");
    let ended = shop.runs(&["--log", "other.jsonl", "--json"]).ends(0);
    let text = shop.files.read("other.jsonl");
    assert!(text.starts_with("{\"kept\":true}\n"), "it is added to");
    assert!(text.lines().count() > 5);
    assert!(shop.log().is_empty());
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["event"], "started");
    assert_eq!(lines.last().map(|line| &line["exit"]), Some(&Value::from(0)));
}

#[test]
fn what_is_secret_in_a_webhook_is_nowhere() {
    let shop = Shop::new(INSIDE);
    let ended = shop.runs(&[]).ends(0);
    let text = format!("{}{}{}", ended.stdout, ended.stderr, shop.files.read("night.jsonl"));
    assert!(!text.contains("canary"), "{text}");
    let notified = shop.log().pop().unwrap_or_default();
    assert_eq!(notified["to"], "http://127.0.0.1/…");
}

#[test]
fn it_never_reads_what_stands_on_its_standard_input() {
    let shop = Shop::new("{max_total: 1}");
    let mut command = shop.files.command(&["run", ".", "--unattended"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().expect("it starts");
    // A yes that nobody asked for.
    let _ = run.stdin.take().expect("piped").write_all(b"yes\nyes\n");
    let output = run.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("Type yes"));
    assert_eq!(shop.clips(), 0);
}
