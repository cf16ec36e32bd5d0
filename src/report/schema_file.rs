//! The schemas that ship are those of the types: tests fail when one is stale.

use std::path::Path;

/// Compares a schema with its file in `schemas/`; with `KINORA_UPDATE_SCHEMAS=1` in the
/// environment it writes the file instead.
pub(super) fn check(name: &str, schema: &serde_json::Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let wanted = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some_and(|v| v == "1") {
        std::fs::create_dir_all(path.parent().expect("schemas/ is a folder"))
            .and_then(|()| std::fs::write(&path, &wanted))
            .expect("schemas/ can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "schemas/{name} is stale; run the tests with KINORA_UPDATE_SCHEMAS=1 to renew it"
    );
}
