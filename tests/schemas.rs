//! The schemas in `schemas/` are those of the types, and editors can use them.

use kinora::diagnostic::Severity;
use kinora::manifest::schema;

/// Where a schema stands.
fn file(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{name}.schema.json"))
}

/// With `KINORA_UPDATE_SCHEMAS=1` the files are written anew.
#[test]
fn the_schema_files_are_those_of_the_types() {
    let update = std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some();
    for (name, schema) in schema::all() {
        let (file, text) = (file(name), schema::text(schema));
        if update {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
            std::fs::write(&file, &text).expect("the file can be written");
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == text,
            "{} is stale; KINORA_UPDATE_SCHEMAS=1 cargo test --test schemas writes it anew",
            file.display()
        );
    }
}

#[test]
fn the_schema_of_a_plan_files_lines_is_that_of_the_types() {
    let schema = kinora::plan::file::line_schema();
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(file("plan-file"), &text).expect("the file can be written");
    }
    let found = std::fs::read_to_string(file("plan-file")).unwrap_or_default();
    assert!(found == text, "schemas/plan-file.schema.json is stale");
}

#[test]
fn the_schemas_are_valid_and_close_every_mapping() {
    for (name, schema) in schema::all() {
        jsonschema::validator_for(schema).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(schema["additionalProperties"], false, "{name} must refuse unknown keys");
    }
}

#[test]
fn an_editor_accepts_numbers_and_text_where_people_write_either() {
    let validator = jsonschema::validator_for(schema::manifest()).expect("a valid schema");
    let manifest = |duration: serde_json::Value| {
        serde_json::json!({
            "kinora": 1,
            "defaults": {"duration": duration, "aspect": "9:16"},
            "shots": [{"id": 7, "for": ["products"], "prompt": "it turns", "matrix": {"fps": 24}}]
        })
    };
    assert!(validator.is_valid(&manifest(5.into())));
    assert!(validator.is_valid(&manifest("5".into())));
    assert!(!validator.is_valid(&manifest(true.into())));
}

/// The reference for people, with a section for each mapping of the language.
const REFERENCE: &str = include_str!("../docs/manifest.md");

#[test]
fn the_reference_of_the_manifest_has_every_key_and_value() {
    let schema = schema::manifest();
    let section = |title: &str| {
        let from = REFERENCE.split_once(&format!("\n## {title}\n")).map(|(_, rest)| rest);
        let from = from.unwrap_or_else(|| panic!("there is no section {title}"));
        from.split_once("\n## ").map_or(from, |(section, _)| section)
    };
    let keys = |of: &serde_json::Value| -> Vec<String> {
        let keys = of["properties"].as_object();
        keys.into_iter().flat_map(|keys| keys.keys().cloned()).collect()
    };
    let defs = schema["$defs"].as_object().expect("the language has several mappings");
    let mut all = vec![("Manifest", keys(schema))];
    all.extend(defs.iter().map(|(title, of)| (title.as_str(), keys(of))));
    for (title, keys) in all.iter().filter(|(_, keys)| !keys.is_empty()) {
        let section = section(title);
        for key in keys {
            assert!(section.contains(&format!("| `{key}` |")), "{title}: `{key}` is not explained");
        }
        let explained = section.lines().filter(|l| l.starts_with("| `")).count();
        assert_eq!(explained, keys.len(), "{title}: more is explained than there is");
    }
    for (title, of) in defs {
        let plain = of["enum"].as_array().into_iter().flatten().filter_map(|v| v.as_str());
        let described = of["oneOf"].as_array().into_iter().flatten();
        for value in plain.chain(described.filter_map(|v| v["const"].as_str())) {
            assert!(
                REFERENCE.contains(&format!("`{value}`")),
                "{title}: `{value}` is not explained"
            );
        }
    }
}

#[test]
fn the_examples_of_the_reference_are_manifests() {
    let mut examples = 0;
    for block in REFERENCE.split("```yaml\n").skip(1) {
        let example = block.split("```").next().unwrap_or_default();
        let version = if example.contains("kinora: 1") { "" } else { "kinora: 1\n" };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("kinora.yaml");
        std::fs::write(&path, format!("{version}{example}")).expect("the file can be written");
        let loaded = kinora::manifest::load(&path, &Default::default());
        // The examples' pictures, feeds and judges don't exist.
        let wrong = loaded.findings.items().iter().filter(|f| {
            !f.code.starts_with("reference::")
                && f.code != "judge::missing"
                && !f.code.starts_with("feed::")
                && f.severity == Severity::Error
        });
        let wrong: Vec<_> = wrong.map(|f| (f.code, f.message.as_str())).collect();
        assert_eq!(wrong, [], "{example}");
        examples += 1;
    }
    assert!(examples >= 4);
}
