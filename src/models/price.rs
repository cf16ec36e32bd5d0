//! What a job costs by its model's card: decimal, with unit, date and source.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::Route;
use crate::money::{Amount, Unit};

/// A price list with its date and source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What it is counted in: `credits`, a currency such as `USD`, or a provider's own credits.
    #[schemars(with = "String")]
    pub unit: Unit,
    /// The day on which it was true, `YYYY-MM-DD`.
    #[schemars(with = "crate::yaml::Day")]
    pub as_of: jiff::civil::Date,
    /// Where it was read.
    pub source: String,
    /// Charges; a job's price is the sum of those that apply. Of the charges with the same
    /// `per`, only the first that applies counts.
    pub charges: Vec<Charge>,
    /// The least that one job costs.
    #[serde(default, deserialize_with = "crate::yaml::optional_decimal")]
    #[schemars(with = "Option<crate::yaml::Exact>")]
    pub minimum: Option<Decimal>,
}

/// One line of a price list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// What it is counted by.
    pub per: ChargePer,
    /// Amount for one of those, in the price's unit.
    #[serde(deserialize_with = "crate::yaml::decimal")]
    #[schemars(with = "crate::yaml::Exact")]
    pub amount: Decimal,
    /// Only for these routes; empty: all.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Only for these resolutions, by name; empty: all.
    #[serde(default)]
    pub resolutions: Vec<String>,
    /// Only for clips of these lengths, in seconds; empty: all.
    #[serde(default, deserialize_with = "crate::yaml::decimals")]
    #[schemars(with = "crate::yaml::Decimals")]
    pub seconds: Vec<Decimal>,
    /// How many of what it is counted by are free.
    #[serde(default)]
    pub free: u32,
}

/// What a charge is counted by.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChargePer {
    /// Each second of clip.
    Second,
    /// Each clip.
    Clip,
    /// Each picture sent.
    Image,
}

/// What the price of a job depends on.
#[derive(Debug, Clone, Copy)]
pub struct PriceFacts<'a> {
    /// How it enters the model.
    pub route: Route,
    /// Seconds of clip.
    pub seconds: Decimal,
    /// Name of the resolution.
    pub resolution: &'a str,
    /// Pictures sent.
    pub images: usize,
}

/// A job's price, or that nobody knows it. Never zero for the lack of knowledge (M7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Priced {
    /// So much.
    Known(Amount),
    /// The card has no price, or none that covers these settings.
    Unpriced,
}

impl Priced {
    /// The amount, if known.
    pub fn known(&self) -> Option<&Amount> {
        match self {
            Priced::Known(amount) => Some(amount),
            Priced::Unpriced => None,
        }
    }
}

impl Price {
    /// What a job costs. Unpriced unless a charge for seconds or for the clip applies: a list
    /// that only knows its surcharges does not know the price.
    pub fn of(&self, facts: &PriceFacts<'_>) -> Priced {
        let mut applied: BTreeMap<ChargePer, Decimal> = BTreeMap::new();
        for charge in &self.charges {
            if charge.applies(facts) {
                applied.entry(charge.per).or_insert_with(|| charge.amount_for(facts));
            }
        }
        if !applied.contains_key(&ChargePer::Second) && !applied.contains_key(&ChargePer::Clip) {
            return Priced::Unpriced;
        }
        let sum: Decimal = applied.values().sum();
        let value = self.minimum.map_or(sum, |minimum| sum.max(minimum));
        Priced::Known(Amount::new(value, self.unit.clone()))
    }
}

impl Charge {
    fn applies(&self, facts: &PriceFacts<'_>) -> bool {
        (self.routes.is_empty() || self.routes.contains(&facts.route))
            && (self.resolutions.is_empty()
                || self.resolutions.iter().any(|r| r == facts.resolution))
            && (self.seconds.is_empty() || self.seconds.contains(&facts.seconds))
    }

    fn amount_for(&self, facts: &PriceFacts<'_>) -> Decimal {
        let counted = match self.per {
            ChargePer::Second => facts.seconds,
            ChargePer::Clip => Decimal::ONE,
            ChargePer::Image => Decimal::from(facts.images),
        };
        self.amount * (counted - Decimal::from(self.free)).max(Decimal::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_may_be_for_clips_of_some_lengths_only() {
        let price: Price = serde_json::from_value(serde_json::json!({
            "unit": "USD", "as_of": "2026-07-10", "source": "test",
            "charges": [
                {"per": "clip", "amount": "0.30", "seconds": ["5"]},
                {"per": "clip", "amount": "0.90", "seconds": ["10"]},
            ],
        }))
        .expect("a price");
        let of = |seconds: &str| {
            let seconds = seconds.parse().expect("a number");
            price.of(&PriceFacts { route: Route::Text, seconds, resolution: "720p", images: 0 })
        };
        let known = |amount: &str| {
            let value = amount.parse().expect("a number");
            Priced::Known(Amount::new(value, price.unit.clone()))
        };
        assert_eq!(of("5.0"), known("0.30"));
        assert_eq!(of("10"), known("0.90"));
        assert_eq!(of("7"), Priced::Unpriced);
    }
}
