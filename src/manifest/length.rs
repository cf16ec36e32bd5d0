//! How long a clip is to be, as it is written: seconds, or `auto`.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::yaml::Exact;

/// The word for a length on which the model decides.
pub const AUTO: &str = "auto";

/// How long a clip is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// So many seconds.
    Seconds(Decimal),
    /// As long as the model decides.
    Auto,
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text.trim() == AUTO {
            return Ok(Length::Auto);
        }
        let seconds = Decimal::from_str_exact(text.trim());
        let wrong = |_| serde::de::Error::custom(format!("`{text}` is no number of seconds"));
        seconds.map(Length::Seconds).map_err(wrong)
    }
}

impl JsonSchema for Length {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut seconds = generator.subschema_for::<Exact>();
        seconds.insert("exclusiveMinimum".to_owned(), 0.into());
        schemars::json_schema!({ "anyOf": [seconds, { "type": "string", "const": AUTO }] })
    }
}
