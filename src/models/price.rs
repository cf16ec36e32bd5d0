//! What a job costs by its model's card: decimal, with unit, date and source.
//!
//! What lives here: a price list, what it depends on, and the sum of its charges. What never
//! does: the workspace's unit and its rates, what is done about a price that nobody knows, floats.

mod charge;
mod check;
mod rounding;
mod worth;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::Route;
use crate::money::{Amount, Unit};

pub use charge::{Charge, ChargePer, Compute, Multiplier};
pub use check::PriceProblem;
pub use rounding::{Rounding, RoundingMode};
pub use worth::{Worth, worths};

/// A price list with its date and source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What it is counted in: `credits`, a currency such as `USD`, or a provider's own credits.
    #[schemars(with = "String")]
    pub unit: Unit,
    /// What one of a provider's own credits is worth in a currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
    /// The day on which it was true, `YYYY-MM-DD`.
    #[schemars(with = "crate::yaml::Day")]
    pub as_of: Date,
    /// Where it was read.
    pub source: String,
    /// The first day on which it holds; absent: as long as anybody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::yaml::Day>")]
    pub valid_from: Option<Date>,
    /// The last day on which it holds, for instance of a promotion; absent: nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::yaml::Day>")]
    pub valid_until: Option<Date>,
    /// Where it holds, in words, if the provider asks other prices elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Charges; a job's price is the sum of those that apply. Of the charges with the same
    /// `per`, only the first that applies counts, and besides every one that is `on_top`.
    pub charges: Vec<Charge>,
    /// What the sum of the charges is multiplied by; all that apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub multipliers: Vec<Multiplier>,
    /// The least that one job costs, after multipliers and rounding.
    #[serde(default, deserialize_with = "crate::yaml::optional_decimal")]
    #[schemars(with = "Option<crate::yaml::Exact>")]
    pub minimum: Option<Decimal>,
    /// How the provider rounds what one job costs; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
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
    /// Pixels of the clip, as the provider counts them.
    pub width: u32,
    /// Pixels of the clip.
    pub height: u32,
    /// Frames a second, where they were asked for.
    pub fps: Option<u32>,
    /// Pictures sent.
    pub images: usize,
    /// What is switched on of what the card offers.
    pub options: &'a [String],
    /// Seconds of video sent along. Kinora sends none today.
    pub input_seconds: Decimal,
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
    /// What a job costs, in the list's own unit. Unpriced unless a charge for the clip, its
    /// seconds, tokens or computing applies: a list that only knows its surcharges does not know
    /// the price. Unpriced too where the sum is beyond what decimals hold.
    pub fn of(&self, facts: &PriceFacts<'_>) -> Priced {
        match self.value(facts) {
            Some(value) => {
                assert!(value >= Decimal::ZERO, "no price is below zero");
                Priced::Known(Amount::new(value, self.unit.clone()))
            }
            None => Priced::Unpriced,
        }
    }

    fn value(&self, facts: &PriceFacts<'_>) -> Option<Decimal> {
        let mut sum = self.charges(facts)?;
        for multiplier in self.multipliers.iter().filter(|m| m.applies(facts)) {
            sum = sum.checked_mul(multiplier.times)?;
        }
        let rounded = match &self.rounding {
            Some(rounding) => rounding.apply(sum)?,
            None => sum,
        };
        Some(self.minimum.map_or(rounded, |minimum| rounded.max(minimum)))
    }

    /// The sum of the charges that apply, if one of them is for the clip itself.
    fn charges(&self, facts: &PriceFacts<'_>) -> Option<Decimal> {
        let mut counted = [false; ChargePer::ALL.len()];
        let mut sum = Decimal::ZERO;
        let mut knows_the_clip = false;
        for charge in &self.charges {
            let already = &mut counted[charge.per as usize];
            if (*already && !charge.on_top) || !charge.applies(facts) {
                continue;
            }
            if !charge.on_top {
                *already = true;
                knows_the_clip |= charge.per.is_for_the_clip();
            }
            sum = sum.checked_add(charge.amount_for(facts)?)?;
        }
        knows_the_clip.then_some(sum)
    }

    /// Whether it holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day <= until)
    }

    /// Whether some charges are for clips of single lengths.
    pub fn names_lengths(&self) -> bool {
        self.charges.iter().any(|charge| !charge.seconds.is_empty())
    }

    /// Whether a job's price depends on how many pixels its clip has.
    pub fn counts_pixels(&self) -> bool {
        self.charges.iter().any(|charge| charge.per == ChargePer::Token)
    }

    /// Of several lists, the one that holds on a day: of two, the one that began later, so that
    /// a promotion stands before the usual list; of equals, the one that ends earlier.
    pub fn in_force<'p>(
        lists: impl IntoIterator<Item = &'p Price>,
        day: Date,
    ) -> Option<&'p Price> {
        let holding = lists.into_iter().filter(|list| list.holds_on(day));
        holding.min_by_key(|list| {
            let began = list.valid_from.unwrap_or(Date::MIN);
            (std::cmp::Reverse(began), list.valid_until.unwrap_or(Date::MAX))
        })
    }
}

#[cfg(test)]
mod tests;
