//! Prices that end: a plan says until when what it is reckoned with holds.
//!
//! What never lives here: which list is in force (the shelf knows), how old a price is.

use std::collections::BTreeSet;

use super::planner::ShotPlan;
use crate::diagnostic::{Finding, Findings};
use crate::manifest::Catalogue;
use crate::models::{ModelCard, Price};

/// Says of every model of the plan whose price list ends until when it holds, and what comes then.
pub(super) fn advise(catalogue: &Catalogue, plans: &[ShotPlan], findings: &mut Findings) {
    let mut said = BTreeSet::new();
    for (shot, plan) in catalogue.shots.iter().zip(plans) {
        for card in plan.variants.iter().map(|variant| &variant.card) {
            if let Some(finding) = ending(card)
                && said.insert(card.model.clone())
            {
                let place = shot.settings.model.as_ref().map_or(shot.place, |model| model.place);
                findings.push(finding.at(place, "this model"));
            }
        }
    }
}

fn ending(card: &ModelCard) -> Option<Finding> {
    let until = card.price.as_ref()?.valid_until?;
    let message = format!("the price of `{}` holds until {until}", card.model);
    let next = until.tomorrow().ok().and_then(|day| Price::in_force(&card.prices, day));
    let help = match next {
        Some(_) => "after that day its card has another price, and a plan is approved anew",
        None => "after that day its card has no price, and what is unpriced can't be approved",
    };
    Some(Finding::advice("plan::price_ends", message).help(help))
}

/// The last day of a card's lists, where all of them have ended or none has begun.
pub(super) fn ended(card: &ModelCard) -> Option<jiff::civil::Date> {
    match &card.price {
        Some(_) => None,
        None => card.prices.iter().filter_map(|list| list.valid_until).max(),
    }
}
