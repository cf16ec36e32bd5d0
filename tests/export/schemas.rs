//! What programs read: every file follows its schema, and the schemas are those in `schemas/`.

use std::path::Path;

use serde_json::Value;

use crate::shop::{json_lines, made};

/// Compares a schema with its file; `KINORA_UPDATE_SCHEMAS=1` writes it instead.
fn check(name: &str, schema: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let text = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, text).expect("writable");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "schemas/{name} is stale: run the tests with KINORA_UPDATE_SCHEMAS=1");
}

#[test]
fn the_schemas_are_up_to_date() {
    check("export.schema.json", &kinora::export::export_schema());
    check("export-shopify.schema.json", &kinora::export::shopify_schema());
    check("export-evidence.schema.json", &kinora::export::evidence_schema());
}

#[test]
fn what_is_written_follows_its_schema() {
    let shop = made("export: {shopify: {plan: basic, hosted: 249, position: 1}}");
    let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
    let valid = |schema: Value| jsonschema::validator_for(&schema).expect("a schema");
    assert!(valid(kinora::export::export_schema()).is_valid(&exported), "{exported:#}");
    let line = valid(kinora::export::shopify_schema());
    for json in json_lines(&shop.read("export/shopify.jsonl")) {
        assert!(line.is_valid(&json), "{json:#}");
    }
    let evidence = valid(kinora::export::evidence_schema());
    for file in shop.files("export/evidence", "json") {
        let json = serde_json::from_slice(&std::fs::read(file).expect("there")).expect("JSON");
        assert!(evidence.is_valid(&json), "{json:#}");
    }
    for name in ["export", "export-shopify", "export-evidence"] {
        let printed = shop.kinora(&["schema", name]).ends(0).json();
        assert!(printed["title"].is_string(), "{name}");
    }
}
