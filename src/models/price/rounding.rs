//! How a provider rounds what one job costs.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a provider rounds what one job costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// To multiples of this, for instance 0.01 or 1.
    #[serde(deserialize_with = "crate::yaml::decimal")]
    #[schemars(with = "crate::yaml::Exact")]
    pub to: Decimal,
    /// Which way; `up` if not given.
    #[serde(default)]
    pub mode: RoundingMode,
}

/// Which way is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// To the next multiple above.
    #[default]
    Up,
    /// To the nearest multiple; what lies in the middle goes up.
    Nearest,
    /// To the next multiple below.
    Down,
}

impl Rounding {
    /// A value of at least zero, rounded. Nothing is divided, so the result is exact; `None` only
    /// where decimals can't hold it.
    pub(super) fn apply(&self, value: Decimal) -> Option<Decimal> {
        let rest = value.checked_rem(self.to)?;
        let below = value - rest;
        let up = match self.mode {
            RoundingMode::Up => !rest.is_zero(),
            RoundingMode::Nearest => rest >= self.to - rest,
            RoundingMode::Down => false,
        };
        if up { below.checked_add(self.to) } else { Some(below) }
    }
}
