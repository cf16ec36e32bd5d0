//! Estimates: a job's price in the workspace's unit.
//!
//! What lives here: applying a card's price and the manifest's rates. What never does: budgets'
//! sums, findings.

use rust_decimal::Decimal;

use super::job::{JobSettings, Spread};
use crate::manifest::Budget;
use crate::models::{ModelCard, PriceFacts, Priced, Route};
use crate::money::{Amount, Micros, Unit};

/// What one job is expected to cost.
#[derive(Debug, Clone)]
pub(super) struct Estimate {
    /// In the workspace's unit. Unpriced where the card has no price or no rate is stated (M7).
    pub price: Priced,
    /// What it may cost instead.
    pub spread: Spread,
    /// The price on the card, where it is in a unit without a rate.
    pub without_rate: Option<Amount>,
    /// The same clip by the text route, in the workspace's unit.
    pub text: Option<Decimal>,
}

/// The estimate of a job with these settings that sends `images` pictures by `route`.
pub(super) fn estimate(
    card: &ModelCard,
    settings: &JobSettings,
    route: Route,
    images: usize,
    budget: &Budget,
) -> Estimate {
    let text = card.routes.contains_key(&Route::Text);
    let text = text.then(|| price_of(card, settings, Route::Text, 0, settings.duration));
    let text = text.and_then(|t| t.known().and_then(|amount| in_unit_of(budget, amount)));
    match price_of(card, settings, route, images, settings.duration) {
        Priced::Unpriced => unpriced(None, text),
        Priced::Known(amount) => match in_unit_of(budget, &amount) {
            Some(value) => {
                let price = Priced::Known(Amount::new(value, budget.unit.clone()));
                let spread = Spread { low: value, high: value };
                Estimate { price, spread, without_rate: None, text }
            }
            None => unpriced(Some(amount), text),
        },
    }
}

/// What a card asks for a job with these settings if its clip has `seconds`, in the card's own
/// unit.
pub(super) fn price_of(
    card: &ModelCard,
    settings: &JobSettings,
    route: Route,
    images: usize,
    seconds: Decimal,
) -> Priced {
    let Some(price) = &card.price else { return Priced::Unpriced };
    let size = (settings.width, settings.height);
    let (width, height) = card.billed_size(route, &settings.resolution, size);
    price.of(&PriceFacts {
        route,
        seconds,
        resolution: &settings.resolution,
        width,
        height,
        fps: settings.fps,
        images,
        options: &settings.options,
        input_seconds: Decimal::ZERO,
    })
}

fn unpriced(without_rate: Option<Amount>, text: Option<Decimal>) -> Estimate {
    Estimate { price: Priced::Unpriced, spread: Spread::default(), without_rate, text }
}

/// An amount in the workspace's unit, rounded up as the ledger will hold it, so that the sum of
/// all jobs is the sum of what they reserve; `None` where no rate is stated or no such amount is
/// held.
pub(super) fn in_unit_of(budget: &Budget, amount: &Amount) -> Option<Decimal> {
    let value = match rate(budget, &amount.unit)? {
        rate if rate == Decimal::ONE => amount.value,
        rate => amount.value.checked_mul(rate)?,
    };
    Micros::from_decimal(value).ok().map(Micros::to_decimal)
}

fn rate(budget: &Budget, unit: &Unit) -> Option<Decimal> {
    if *unit == budget.unit {
        return Some(Decimal::ONE);
    }
    budget.rates.get(unit).copied()
}
