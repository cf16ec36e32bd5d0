//! What programs read: the schemas of events and sidecars are those in `schemas/`.

use kinora::run::{RunEvent, Sidecar};

use crate::world::{Script, World, jobs};

/// Compares a schema with its file; `KINORA_UPDATE_SCHEMAS=1` writes it instead.
fn check(name: &str, schema: &schemars::Schema) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
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
    check("events.schema.json", &schemars::schema_for!(RunEvent));
    check("sidecar.schema.json", &schemars::schema_for!(Sidecar));
}

#[test]
fn events_and_sidecars_follow_their_schemas() {
    let world = World::new(|_, _| Script::default());
    let run = world.run(jobs("m", 2));
    let valid =
        |schema: schemars::Schema| jsonschema::validator_for(schema.as_value()).expect("a schema");
    let events = valid(schemars::schema_for!(RunEvent));
    for event in &run.events {
        let json = serde_json::to_value(event).expect("events are JSON");
        assert!(events.is_valid(&json), "{json}");
    }
    let text = std::fs::read_to_string(world.path("clips/m-0.json")).expect("there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(valid(schemars::schema_for!(Sidecar)).is_valid(&json), "{json}");
    insta::assert_snapshot!(text);
}
