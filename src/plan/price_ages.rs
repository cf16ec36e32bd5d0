//! How old the prices of a plan are.
//!
//! What never lives here: asking anybody for new ones.

use jiff::civil::Date;

use super::summary::PriceUsed;
use crate::diagnostic::{Finding, Findings};
use crate::manifest::Catalogue;
use crate::models::{BUILT_IN, PriceFrom, Shelf};
use crate::protocol::Rack;

/// The days of a price since it was read; below zero: it is of a day that has not come.
pub fn age_days(as_of: Date, today: Date) -> i64 {
    (today - as_of).get_days().into()
}

/// Warns of prices that a plan uses and that are older than the manifest lets pass, each where its
/// day is written. What the box brings for nothing has no age.
pub fn check_ages(
    catalogue: &Catalogue,
    shelf: &Shelf,
    rack: &Rack,
    used: &[PriceUsed],
) -> Findings {
    let mut findings = Findings::default();
    let Some(today) = shelf.day() else { return findings };
    let most = i64::from(catalogue.prices.max_age_days);
    for line in used.iter().filter(|line| line.model != BUILT_IN) {
        let (Some(card), Some(origin)) = (shelf.get(&line.model), shelf.price_origin(&line.model))
        else {
            continue;
        };
        let Some(price) = &card.price else { continue };
        let age = age_days(price.as_of, today);
        if age <= most {
            continue;
        }
        let message = format!(
            "the price of `{}` is of {}, {age} days ago; after {most} days a price is old",
            line.model, price.as_of
        );
        let asked = rack.get(&card.provider).is_some_and(|card| card.prices.is_some());
        let help = match (asked, origin.from) {
            (true, _) => "`kinora prices refresh` asks the provider for it".to_owned(),
            (false, PriceFrom::File) => {
                "look it up at its source, and write it with today's date".to_owned()
            }
            (false, PriceFrom::Card) => format!(
                "look it up at its source, and write it with today's date into `{}`",
                crate::models::PRICE_FILE
            ),
        };
        let finding = Finding::warning("plan::old_price", message).help(help);
        findings.push(finding.at(origin.place, "this day"));
    }
    findings
}
