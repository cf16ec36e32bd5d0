//! The JSON Schemas of what people write, generated from the types.
//!
//! What never lives here: schemas of what Kinora writes (plans, reports).

use std::sync::LazyLock;

use serde_json::Value as Json;

use super::raw::RawManifest;
use crate::channel::channel_schema;
use crate::models::{model_card_schema, price_file_schema};
use crate::protocol::provider_card_schema;

static MANIFEST: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(RawManifest).to_value());

/// The JSON Schema of manifests.
pub fn manifest() -> &'static Json {
    &MANIFEST
}

/// Every schema of a file that people write, by its name: `schemas/NAME.schema.json`.
pub fn all() -> [(&'static str, &'static Json); 5] {
    [
        ("manifest", manifest()),
        ("model-card", model_card_schema()),
        ("provider-card", provider_card_schema()),
        ("price-file", price_file_schema()),
        ("channel", channel_schema()),
    ]
}

/// A schema as it stands in its file.
pub fn text(schema: &Json) -> String {
    format!("{schema:#}\n")
}
