//! The bill's file: what programs read of it, and when.

use std::path::Path;
use std::time::{Duration, Instant};

use kinora::rehearsal::BillLine;

use crate::players::{CAST, Player};
use crate::shop;

/// Compares the schema with its file; `KINORA_UPDATE_SCHEMAS=1` writes it instead.
#[test]
fn the_schema_of_the_lines_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/bill.schema.json");
    let schema = schemars::schema_for!(BillLine);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, text).expect("writable");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "it is stale: run the tests with KINORA_UPDATE_SCHEMAS=1");
}

#[test]
fn the_bill_is_read_while_the_simulator_runs_and_stays_when_it_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    shop::stock(folder.path(), 2);
    let part = CAST.iter().find(|part| part.provider == "luma").expect("it plays");
    let players = [Player::start(folder.path(), part, 1, "20")];
    shop::open(folder.path(), &players, 2);
    let [player] = players;
    let run = shop::program(folder.path(), &["run", ".", "--yes"]).output().expect("it starts");
    let until = Instant::now() + Duration::from_secs(20);
    let ends = || {
        let bill = player.bill();
        bill.iter().filter(|line| matches!(line, BillLine::Ended { .. })).count()
    };
    while ends() < 2 {
        assert!(Instant::now() < until, "{}", String::from_utf8_lossy(&run.stderr));
        std::thread::sleep(Duration::from_millis(20));
    }
    let before = player.bill();
    drop(player);
    let path = folder.path().join("bill-luma.jsonl");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let schema = schemars::schema_for!(BillLine);
    let schema = jsonschema::validator_for(schema.as_value()).expect("a schema");
    let mut after = Vec::new();
    for line in text.lines() {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(schema.is_valid(&json), "{line}");
        after.push(serde_json::from_value::<BillLine>(json).expect("a line"));
    }
    assert_eq!(after, before);
    let digests: Vec<&str> = after
        .iter()
        .filter_map(|line| match line {
            BillLine::Ended { clip, .. } => Some(clip.as_ref()?.digest.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(digests.len(), 2, "{text}");
    assert_ne!(digests[0], digests[1], "clips that are alike differ by their numbers");

    // Another bill in the same file would contradict it.
    let bill = path.to_str().expect("text");
    let again = ["simulate", ".", "--provider", "luma", "--bill", bill];
    let again = shop::program(folder.path(), &again).output().expect("it starts");
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("the bill can't be begun in"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
}
