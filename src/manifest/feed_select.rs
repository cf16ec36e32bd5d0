//! `select:` of a set: which of a feed's products become subjects.
//!
//! What lives here: how it is written, and which columns it looks at, holding products against
//! it, and samples. What never does: which subjects a shot is for.

mod columns;
mod judge;
mod sample;
mod words;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

pub(super) use columns::Wanted;
pub(super) use judge::{Candidate, LeftOut, Select, Unreadable, Why};
pub(super) use sample::{Sampler, lot};

use super::raw::placed_decimal;
use crate::yaml::{Exact, Loose, ONE_OR_MAP, OneOrMany, Placed, Text};

/// Which of a feed's products become subjects: those that fit all of it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Select")]
pub struct RawSelect {
    /// An expression over attributes, `tags`, `kind` and `id` that a product must fulfil.
    #[serde(rename = "where")]
    pub condition: Option<Text>,
    /// Tags that a product must all have, in any case.
    #[serde(default)]
    pub tags: OneOrMany<Text>,
    /// Collections or categories, in one of which a product must be; `Clothing` has what is in
    /// `Clothing > Hoodies`, too.
    #[serde(default)]
    pub collection: OneOrMany<Text>,
    /// What a product may cost, in the feed's own currency.
    pub price: Option<Placed<RawPriceRange>>,
    /// `true`: what is in stock; `false`: what is not.
    pub in_stock: Option<Placed<bool>>,
    /// `true`, or the name of the column with a product's video: only products without one.
    #[schemars(with = "Option<Loose>")]
    pub without_video: Option<Text>,
    /// So many of what fits all else, by chance; the same ones each time.
    pub sample: Option<RawSample>,
}

/// What a product may cost, in the feed's own currency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PriceRange")]
pub struct RawPriceRange {
    /// So much at least.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub min: Option<Placed<Decimal>>,
    /// So much at most.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub max: Option<Placed<Decimal>>,
}

/// How many products are taken by chance.
#[derive(Debug)]
pub struct RawSample {
    /// How many.
    pub count: Placed<u64>,
    /// Another one makes another choice.
    pub seed: u64,
}

/// The long form of a sample.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sample")]
struct SampleForm {
    /// How many.
    #[schemars(range(min = 1))]
    count: Placed<u64>,
    /// Another seed makes another choice; 0 if not given.
    #[serde(default)]
    seed: u64,
}

impl<'de> Deserialize<'de> for RawSample {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// A number, or a mapping.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawSample;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("how many, or a mapping with `count`")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawSample, A::Error> {
                let missing = || serde::de::Error::custom("a number is needed");
                let count = seq.next_element::<Placed<u64>>()?.ok_or_else(missing)?;
                Ok(RawSample { count, seed: 0 })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<RawSample, A::Error> {
                let form = SampleForm::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawSample { count: form.count, seed: form.seed })
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawSample {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sample".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<SampleForm>();
        schemars::json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, form] })
    }
}
