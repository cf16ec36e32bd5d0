//! What a provider's own credits are worth.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Unit;

/// What one of a price's unit is worth in another, with the day and the source of that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worth {
    /// So much.
    #[serde(deserialize_with = "crate::yaml::decimal")]
    #[schemars(with = "crate::yaml::Exact")]
    pub amount: Decimal,
    /// Of this: a currency, for instance `USD`.
    #[schemars(with = "String")]
    pub unit: Unit,
    /// The day on which it was true, `YYYY-MM-DD`.
    #[schemars(with = "crate::yaml::Day")]
    pub as_of: Date,
    /// Where it was read.
    pub source: String,
}
