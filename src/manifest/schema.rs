//! The JSON Schemas of what people write, generated from the types.

use std::sync::LazyLock;

use serde_json::Value as Json;

use super::raw::RawManifest;

static MANIFEST: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(RawManifest).to_value());

/// The JSON Schema of manifests.
pub fn manifest() -> &'static Json {
    &MANIFEST
}
