//! What a provider's own credits are worth.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::models::card::ModelCard;
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

/// What providers' own credits are worth, by the prices of some cards. Of two that disagree, the
/// one counts whose word is younger; of equals, the first.
pub fn worths<'c>(cards: impl IntoIterator<Item = &'c ModelCard>) -> BTreeMap<Unit, Worth> {
    let mut worths: BTreeMap<Unit, Worth> = BTreeMap::new();
    for price in cards.into_iter().filter_map(|card| card.price.as_ref()) {
        let Some(worth) = &price.worth else { continue };
        let younger = |known: &Worth| known.as_of < worth.as_of;
        if worths.get(&price.unit).is_none_or(younger) {
            worths.insert(price.unit.clone(), worth.clone());
        }
    }
    worths
}
