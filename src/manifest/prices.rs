//! What a manifest says of prices: how old one may be before it is warned of.
//!
//! What never lives here: prices.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::yaml::Placed;

/// How old a price may be before it is warned of, in days, where the manifest doesn't say.
pub const MAX_AGE_DAYS: u32 = 90;

/// How prices are looked at.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Prices")]
pub struct RawPrices {
    /// Days after which a price is warned of as old: 90 if not given.
    #[schemars(range(min = 1, max = 36500))]
    pub max_age_days: Option<Placed<u32>>,
}

/// How prices are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricePolicy {
    /// Days after which a price is warned of as old.
    pub max_age_days: u32,
}

impl Default for PricePolicy {
    fn default() -> Self {
        PricePolicy { max_age_days: MAX_AGE_DAYS }
    }
}

impl From<&RawPrices> for PricePolicy {
    fn from(raw: &RawPrices) -> Self {
        let max_age_days = raw.max_age_days.as_ref().map_or(MAX_AGE_DAYS, |days| days.value);
        PricePolicy { max_age_days }
    }
}
