//! Estimates: a job's price in the workspace's unit.
//!
//! What lives here: applying a card's price and the manifest's rates; the least and the most that
//! a job may cost. What never does: budgets' sums, findings.

use rust_decimal::Decimal;

use super::job::{JobSettings, Spread};
use crate::manifest::Budget;
use crate::models::{AUTO_DURATION, Durations, ModelCard, PriceFacts, Priced, Route};
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

/// The estimate of a job with these settings that sends `images` pictures by `route`, and is paid
/// for `attempts` times at most.
pub(super) fn estimate(
    card: &ModelCard,
    settings: &JobSettings,
    route: Route,
    images: usize,
    budget: &Budget,
    attempts: u32,
) -> Estimate {
    let priced = |route, images, seconds| price_of(card, settings, route, images, seconds);
    let in_unit = |priced: &Priced| priced.known().and_then(|amount| in_unit_of(budget, amount));
    let seconds = settings.duration;
    let text = card.routes.contains_key(&Route::Text).then(|| priced(Route::Text, 0, seconds));
    let text = text.as_ref().and_then(in_unit);
    let amount = match priced(route, images, seconds) {
        Priced::Unpriced => return unpriced(None, text),
        Priced::Known(amount) => amount,
    };
    let Some(value) = in_unit_of(budget, &amount) else { return unpriced(Some(amount), text) };
    let shorter = shorter_lengths(card, settings).map(|seconds| priced(route, images, seconds));
    // A list that lacks a length says nothing of it. A shorter clip may cost more than the longest.
    let (mut low, mut value) = (value, value);
    for other in shorter.filter_map(|priced| in_unit(&priced)) {
        (low, value) = (low.min(other), value.max(other));
    }
    let high = value.saturating_mul(Decimal::from(attempts.max(1)));
    assert!(low <= value && value <= high, "an estimate lies between its least and its most");
    let price = Priced::Known(Amount::new(value, budget.unit.clone()));
    Estimate { price, spread: Spread { low, high }, without_rate: None, text }
}

/// What else a clip may become where its model decides how long it is: its card's lengths, or the
/// shortest of a range, below the one that is asked for as the longest.
fn shorter_lengths<'c>(
    card: &'c ModelCard,
    settings: &JobSettings,
) -> impl Iterator<Item = Decimal> + use<'c> {
    let auto = settings.options.iter().any(|option| option == AUTO_DURATION);
    let lengths = match &card.durations {
        Durations::Values(values) => &values[..],
        Durations::Range { min, .. } => std::slice::from_ref(min),
    };
    let longest = settings.duration;
    lengths.iter().copied().filter(move |seconds| auto && *seconds < longest)
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
