//! What earlier jobs cost against their estimates, as reports say it.
//!
//! What never lives here: applying it. An estimate stays what the price list says; people decide
//! what to make of an error.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use super::summary::Actual;
use crate::ledger::{Charged, History};
use crate::money::Micros;

/// By model, those that cost something or were estimated to.
pub fn actuals(history: &History) -> Vec<Actual> {
    history.charged().filter_map(|(model, charged)| Actual::new(model, charged)).collect()
}

impl Actual {
    /// What attempts of one model cost; nothing where they were free, as estimated.
    pub fn new(model: &str, of: &Charged) -> Option<Actual> {
        if of.estimated == Micros::ZERO && of.charged == Micros::ZERO {
            return None;
        }
        let (estimated, charged) = (of.estimated.to_decimal(), of.charged.to_decimal());
        Some(Actual {
            model: model.to_owned(),
            attempts: of.attempts,
            estimated: estimated.to_string(),
            charged: charged.to_string(),
            error_percent: percent(charged - estimated, estimated),
        })
    }
}

impl Actual {
    /// Two parts of one run as one, models by name.
    pub fn merged(one: &[Actual], other: &[Actual]) -> Vec<Actual> {
        let mut charged: BTreeMap<&str, Charged> = BTreeMap::new();
        for of in one.iter().chain(other) {
            let micros = |text: &str| {
                let amount = text.parse().ok().and_then(|amount| Micros::from_decimal(amount).ok());
                amount.unwrap_or(Micros::MAX)
            };
            charged.entry(&of.model).or_default().merge(&Charged {
                attempts: of.attempts,
                estimated: micros(&of.estimated),
                charged: micros(&of.charged),
            });
        }
        charged.into_iter().filter_map(|(model, charged)| Actual::new(model, &charged)).collect()
    }
}

/// `part` in percent of `whole`, one decimal; absent where the whole is nothing.
fn percent(part: Decimal, whole: Decimal) -> Option<String> {
    let mut percent = part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)?;
    percent = percent.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero);
    percent.rescale(1);
    Some(if percent.is_zero() { "0.0".to_owned() } else { percent.to_string() })
}
