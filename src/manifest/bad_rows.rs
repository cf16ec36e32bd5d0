//! `bad_rows:` of a set, and the rows of its feed that can't be used.
//!
//! What lives here: how many bad rows are allowed, what is said of them, and the rejects file's
//! text. What never does: writing it; finding what is wrong with a row.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use crate::yaml::{Loose, ONE_OR_MAP, Text};

/// What is done about rows that can't be used.
#[derive(Debug)]
pub enum RawBadRows {
    /// Every bad row is an error.
    Stop,
    /// So many are left out.
    Allow {
        /// `all`, a number, or a part of all rows.
        allow: Text,
        /// Where they are written.
        file: Option<Text>,
    },
}

/// Rows that can't be used are left out, as long as they are no more than allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BadRows")]
struct AllowForm {
    /// How many may be left out: a number, a part of all rows such as "1%", or `all`.
    #[schemars(with = "Loose")]
    allow: Text,
    /// The file to which they are written, with what is wrong with each; the path is relative to
    /// this file. `.kinora/rejects/SET.csv` if not given.
    file: Option<Text>,
}

impl<'de> Deserialize<'de> for RawBadRows {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// The word, or a mapping.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawBadRows;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`stop`, or a mapping with `allow`")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawBadRows, A::Error> {
                // The schema lets no other word through.
                seq.next_element::<String>()?;
                Ok(RawBadRows::Stop)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<RawBadRows, A::Error> {
                let form = AllowForm::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawBadRows::Allow { allow: form.allow, file: form.file })
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawBadRows {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BadRows".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<AllowForm>();
        schemars::json_schema!({ "anyOf": [{
            "type": "string",
            "const": "stop",
            "x-help": "write `stop`, or `{allow: N}` with how many bad rows may be left out: a \
                       number, a part such as \"1%\", or `all`",
        }, form] })
    }
}
