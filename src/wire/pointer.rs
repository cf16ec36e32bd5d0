//! Pointers into replies, as JSONPath (RFC 9535): `$.data.task_id`, `$.output[0].url`.

use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use serde_json_path::JsonPath;

/// A compiled pointer.
#[derive(Clone)]
pub struct Pointer {
    source: Arc<str>,
    path: Arc<JsonPath>,
}

impl Pointer {
    /// Compiles a pointer.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(source: &str) -> Result<Pointer, String> {
        if !source.starts_with('$') {
            return Err(format!(
                "`{source}` is no pointer: it begins with `$`, as `$.data.id` does"
            ));
        }
        let path = JsonPath::parse(source)
            .map_err(|e| format!("not a pointer such as `$.data.id` ({})", e.message()))?;
        Ok(Pointer { source: source.into(), path: Arc::new(path) })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Everything that it points to, nulls left out, in the order of the reply.
    pub fn all<'j>(&self, json: &'j Json) -> Vec<&'j Json> {
        self.path.query(json).all().into_iter().filter(|found| !found.is_null()).collect()
    }

    /// The first thing that it points to, nulls left out.
    pub fn first<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.all(json).into_iter().next()
    }

    /// The first text or number that it points to, as text; never empty.
    pub fn text(&self, json: &Json) -> Option<String> {
        self.all(json).into_iter().find_map(as_text)
    }
}

/// A scalar as text; absent when it is empty or no scalar.
fn as_text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointer({})", self.source)
    }
}

impl PartialEq for Pointer {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Pointer::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.source)
    }
}

impl JsonSchema for Pointer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pointer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "jsonpath",
            "description": "A pointer into a reply, as JSONPath: `$.data.task_id`."
        })
    }
}
