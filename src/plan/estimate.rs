//! Estimates: a job's price in the workspace's unit.
//!
//! What lives here: applying a card's price and the manifest's rates; the least and the most that
//! a job may cost. What never does: budgets' sums, findings.

use rust_decimal::Decimal;

use super::job::{JobSettings, Spread};
use crate::manifest::Budget;
use crate::models::{AUTO_DURATION, Durations, ModelCard, Price, PriceFacts, Priced, Route};
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
/// for `attempts` times at most: every clip of it that may be made, as often as that may be charged.
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
    // A shorter clip may cost more than the longest, and a list that lacks one of them does not know
    // what is to be reserved (M7).
    let Some(shorter) = shorter_lengths(card, settings) else { return unpriced(None, text) };
    let (mut low, mut value) = (value, value);
    for seconds in shorter {
        let Some(other) = in_unit(&priced(route, images, seconds)) else {
            return unpriced(None, text);
        };
        (low, value) = (low.min(other), value.max(other));
    }
    let high = value.saturating_mul(Decimal::from(attempts.max(1)));
    assert!(low <= value && value <= high, "an estimate lies between its least and its most");
    let price = Priced::Known(Amount::new(value, budget.unit.clone()));
    Estimate { price, spread: Spread { low, high }, without_rate: None, text }
}

/// Most lengths of a range that are looked at one by one.
const MOST_LENGTHS: usize = 1_000;

/// What else a clip may become where its model decides how long it is, below the length that is asked
/// for as the longest: its card's lengths. Of a range that is the shortest, and every step where
/// the price list names single lengths; `None` where there are too many to look at.
fn shorter_lengths(card: &ModelCard, settings: &JobSettings) -> Option<Vec<Decimal>> {
    if !settings.options.iter().any(|option| option == AUTO_DURATION) {
        return Some(Vec::new());
    }
    let longest = settings.duration;
    let by_length = card.price.as_ref().is_some_and(Price::names_lengths);
    match &card.durations {
        Durations::Values(values) => {
            Some(values.iter().copied().filter(|seconds| *seconds < longest).collect())
        }
        Durations::Range { min, .. } if !by_length => {
            Some(Vec::from_iter(Some(*min).filter(|seconds| *seconds < longest)))
        }
        Durations::Range { min, step, .. } => {
            let next = |seconds: &Decimal| seconds.checked_add(*step).filter(|n| n > seconds);
            let steps = std::iter::successors(Some(*min), next);
            let shorter: Vec<Decimal> =
                steps.take_while(|seconds| *seconds < longest).take(MOST_LENGTHS + 1).collect();
            let all = *step > Decimal::ZERO && shorter.len() <= MOST_LENGTHS;
            all.then_some(shorter)
        }
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
