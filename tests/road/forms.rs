//! Every form in which programs and people get a plan or a report.

use crate::workspace::Workspace;

fn schema(name: &str) -> jsonschema::Validator {
    let path = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a committed schema");
    let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    jsonschema::validator_for(&schema).expect("a valid schema")
}

fn holds_to(schema: &jsonschema::Validator, value: &serde_json::Value) {
    let problems: Vec<String> = schema.iter_errors(value).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}\n{value:#}");
}

#[test]
fn json_holds_to_its_schemas() {
    let shop = Workspace::shop();
    holds_to(&schema("plan"), &shop.kinora(&["plan", ".", "--json"]).ends(0).json());
    let run = shop.kinora(&["run", ".", "--yes", "--json"]).ends(0);
    let events = schema("events");
    assert!(run.stdout.lines().count() >= 10, "{}", run.stdout);
    for line in run.stdout.lines() {
        holds_to(&events, &serde_json::from_str(line).expect("one JSON object a line"));
    }
    let nothing = shop.kinora(&["run", ".", "--yes", "--json"]).ends(0).json();
    assert_eq!(nothing["event"], "nothing_to_do");
    holds_to(&events, &nothing);
    holds_to(&schema("report"), &shop.kinora(&["report", ".", "--json"]).ends(0).json());
    holds_to(&schema("plan"), &shop.kinora(&["plan", ".", "--json"]).ends(0).json());
    let sidecar = schema("sidecar");
    for clip in shop.files("clips", "mp4") {
        let text = std::fs::read_to_string(clip.with_extension("json")).expect("a sidecar");
        holds_to(&sidecar, &serde_json::from_str(&text).expect("JSON"));
    }
}

#[test]
fn csv_has_one_line_a_job() {
    let shop = Workspace::shop();
    let plan = shop.kinora(&["plan", ".", "--format", "csv"]).ends(0);
    let mut reader = csv::Reader::from_reader(plan.stdout.as_bytes());
    assert_eq!(reader.records().filter(|r| r.is_ok()).count(), 4);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.kinora(&["report", ".", "-o", "report.csv"]).ends(0);
    let mut reader = csv::Reader::from_path(shop.path().join("report.csv")).expect("a file");
    assert_eq!(reader.records().filter(|r| r.is_ok()).count(), 4);
}

#[test]
fn markdown_leads_with_the_verdict() {
    let shop = Workspace::shop();
    let plan = shop.kinora(&["plan", ".", "--format", "markdown"]).ends(0);
    assert!(plan.stdout.contains("### 4 clips to make"), "{}", plan.stdout);
}

#[test]
fn every_schema_can_be_printed() {
    let shop = Workspace::shop();
    let names = ["manifest", "model-card", "provider-card", "plan", "report", "events", "sidecar"];
    for name in names {
        let printed = shop.kinora(&["schema", name]).ends(0).json();
        assert!(printed["$schema"].is_string(), "{name}");
    }
}

#[test]
fn the_dry_run_reads_well_in_a_narrow_and_a_wide_terminal() {
    let shop = Workspace::shop();
    for width in ["80", "160"] {
        let plan = shop.kinora(&["plan", ".", "--width", width]).ends(0);
        let digest = plan.stdout.split("· plan ").nth(1).and_then(|s| s.lines().next());
        let shown = plan.stdout.replace(digest.expect("a digest"), "[digest]");
        insta::assert_snapshot!(format!("dry_run_{width}"), shown);
    }
}
