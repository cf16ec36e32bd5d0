//! Clips that were held against their references: what shops get, and what is said.

use kinora::ledger::{ClipVerdict, Ledger, Mode, NewCheck, Which};
use kinora::manifest::Role;
use kinora::verification::{Detail, DetailPart, ReferenceDetail};
use serde_json::Value;

use crate::shop::{codes, json_lines, made, results, rows};
use crate::workspace::Workspace;

const MUG: &str = "products.mug/turn/aspect=1:1/1";
const GARBLED: &str = "52 % of the finest structure differs";

/// A shop of which this becomes of clips that fail.
fn shop(on_fail: &str) -> Workspace {
    let shop = made("export: {shopify: {}}");
    shop.edit(
        "kinora.yaml",
        "fps: 12}",
        &format!("fps: 12, consistency: {{on_fail: {on_fail}}}}}"),
    );
    shop
}

/// Records what looking at a job's clip came to.
fn check(shop: &Workspace, job: &str, verdict: ClipVerdict, score: Option<u8>) {
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("a ledger");
    let mut found = None;
    let each = |attempt: kinora::ledger::AttemptRecord| {
        if attempt.address.as_str() == job {
            found = Some(attempt.id);
        }
    };
    ledger.each_attempt(Which::Latest, each).expect("readable");
    let part =
        |name: &str, score, note: &str| DetailPart { name: name.into(), score, note: note.into() };
    let reference = |score| ReferenceDetail {
        name: "hero".into(),
        role: Role::Identity,
        verdict,
        score: Some(score),
        parts: vec![part("colour", 98, ""), part("detail", score, GARBLED)],
        present: 100,
        worst_ms: Some(250),
        lab: None,
        marks: Vec::new(),
    };
    let notes = if score.is_none() { vec!["hev1 can't be decoded".to_owned()] } else { Vec::new() };
    let references = score.map(reference).into_iter().collect();
    let detail = Detail { notes, references, ..Detail::default() };
    let check = NewCheck {
        attempt: found.expect("the job is there"),
        measure: "by hand 1".into(),
        verdict,
        score,
        retake: false,
        detail: serde_json::to_string(&detail).expect("JSON"),
        at: "2026-11-23T12:00:00Z".parse().expect("a time"),
    };
    ledger.record_check(check).expect("recorded");
}

fn exported(shop: &Workspace) -> Value {
    shop.kinora(&["export", ".", "--json"]).ends(0).json()
}

/// Whether Shopify's file has the clip of the mug's first job.
fn shopify_has_it(shop: &Workspace, file: &str) -> bool {
    shop.read("export/shopify.jsonl").contains(file)
}

#[test]
fn a_failing_clip_is_held_until_a_person_accepts_it() {
    let shop = shop("hold");
    let clips = exported(&shop)["clips"].clone();
    check(&shop, MUG, ClipVerdict::Fail, Some(31));
    let held = exported(&shop);
    assert!(codes(&held).contains(&"export::held"), "{held:#}");
    assert_eq!(held["clips"].as_u64().map(|n| n + 1), clips.as_u64());
    let row = results(&shop).into_iter().find(|row| row["job"] == MUG).expect("a row");
    let told = ["status", "verdict", "score", "weakest", "weakest_note", "retakes", "word"];
    assert_eq!(
        told.map(|name| row[name].as_str()),
        ["done", "fail", "31", "detail of hero", GARBLED, "0", ""]
    );
    assert!(row["why"].starts_with("kept from shops"), "{row:?}");
    assert!(!shopify_has_it(&shop, &row["file"]));
    shop.kinora(&["accept", MUG, "--by", "Ada", "--note", "it is new"]).ends(0);
    let given = exported(&shop);
    assert!(!codes(&given).contains(&"export::held"), "{given:#}");
    assert_eq!(given["clips"], clips);
    assert!(shopify_has_it(&shop, &row["file"]));
    let row = results(&shop).into_iter().find(|row| row["job"] == MUG).expect("a row");
    assert_eq!((row["verdict"].as_str(), row["why"].as_str()), ("fail", ""));
}

#[test]
fn what_is_only_flagged_goes_to_shops_and_the_manifest_of_today_decides() {
    let shop = shop("flag");
    check(&shop, MUG, ClipVerdict::Fail, Some(31));
    let flagged = exported(&shop);
    assert!(!codes(&flagged).contains(&"export::held"), "{flagged:#}");
    shop.edit("kinora.yaml", "on_fail: flag", "on_fail: hold");
    assert!(codes(&exported(&shop)).contains(&"export::held"));
    shop.edit("kinora.yaml", "{on_fail: hold}", "off");
    assert!(!codes(&exported(&shop)).contains(&"export::held"));
}

#[test]
fn what_could_not_be_looked_at_is_given_and_said_where_failing_would_hold_it() {
    let shop = shop("hold");
    check(&shop, MUG, ClipVerdict::NotInspected, None);
    let exported = exported(&shop);
    assert!(codes(&exported).contains(&"export::unseen"), "{exported:#}");
    let row = results(&shop).into_iter().find(|row| row["job"] == MUG).expect("a row");
    assert_eq!(
        (&*row["verdict"], &*row["score"], &*row["weakest_note"]),
        ("not_inspected", "", "hev1 can't be decoded")
    );
    assert!(shopify_has_it(&shop, &row["file"]));
}

#[test]
fn the_newest_check_is_told_of_everywhere() {
    let shop = shop("flag");
    check(&shop, MUG, ClipVerdict::Pass, Some(96));
    check(&shop, MUG, ClipVerdict::Review, Some(70));
    shop.kinora(&["reject", MUG, "--by", "Ada", "--note", "pink"]).ends(0);
    exported(&shop);
    let index = json_lines(&shop.read("export/evidence/index.jsonl"));
    let line = index.iter().find(|line| line["job"] == MUG).expect("a line");
    let path = format!("export/{}", line["evidence"].as_str().expect("a path"));
    let evidence: Value = serde_json::from_str(&shop.read(&path)).expect("JSON");
    assert_eq!(
        (&evidence["check"]["verdict"], &evidence["check"]["score"]),
        (&"review".into(), &70.into())
    );
    assert_eq!(evidence["check"]["weakest"]["part"], "detail");
    assert_eq!(
        (&evidence["word"]["verdict"], &evidence["word"]["note"]),
        (&"rejected".into(), &"pink".into())
    );
    let schema = jsonschema::validator_for(&kinora::export::evidence_schema()).expect("a schema");
    assert!(schema.is_valid(&evidence), "{evidence:#}");

    let csv = rows(&shop.kinora(&["report", ".", "--format", "csv"]).ends(0).stdout);
    let row = csv.iter().find(|row| row["address"] == MUG).expect("a row");
    assert_eq!(
        (&*row["verdict"], &*row["score"], &*row["weakest"]),
        ("review", "70", "detail of hero")
    );
    let report = shop.kinora(&["report", ".", "--json"]).ends(0).json();
    assert_eq!(report["totals"]["by_verdict"]["review"], 1);
    let jobs = report["jobs"].as_array().expect("a list");
    let job = jobs.iter().find(|job| job["address"] == MUG).expect("a job");
    assert_eq!(job["check"]["references"][0]["parts"][1]["note"], GARBLED);
    let status = shop.kinora(&["status", "."]).ends(0).stdout;
    assert!(status.contains("Clips against their references"), "{status}");
    let finance = rows(&shop.kinora(&["report", ".", "--format", "finance"]).ends(0).stdout);
    let rejected: u32 = finance.iter().filter_map(|row| row["rejected"].parse::<u32>().ok()).sum();
    assert_eq!(rejected, 1);
}
