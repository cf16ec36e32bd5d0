//! How a provider's prices are asked, as its card says it.
//!
//! What lives here: where the list is, and in which of the known dialects it is written. What never
//! does: reading a list, deciding what becomes of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::Filling;

/// How a provider's prices are asked. They are only ever asked where a person wants them renewed,
/// never while planning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    /// In which dialect the list is written.
    pub dialect: PriceDialect,
    /// Path of the list below the base URL, or a whole URL.
    pub path: Filling,
    /// Path of what the provider reckons itself for so many of its units, against which its list is
    /// checked; absent: it reckons nothing.
    #[serde(default)]
    pub estimate: Option<Filling>,
    /// Whether the list is for those alone who have a key; true if not given. Where it is not, a
    /// key that is set goes along all the same: there may be prices of one's own.
    #[serde(default = "super::call::yes")]
    pub needs_key: bool,
}

/// Dialects of price lists that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceDialect {
    /// One figure for each endpoint and one unit in which it counts: `prices[]` with
    /// `endpoint_id`, `unit_price`, `unit` and `currency`; asked for by `endpoint_id`.
    Fal,
    /// A table of named rates for each model, `data[].pricing_skus`, beside what the model can do.
    Openrouter,
}
