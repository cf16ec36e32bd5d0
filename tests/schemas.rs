//! The schemas in `schemas/` are those of the types, and editors can use them.

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
