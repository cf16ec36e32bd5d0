//! What a price list says that can't be.

use std::borrow::Cow;
use std::fmt;

use rust_decimal::Decimal;

use super::{Charge, ChargePer, Price};
use crate::models::card::{ModelCard, Route};
use crate::money::MAX_WHOLE_UNITS;

/// Something that a price list says and that can't be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceProblem {
    /// Keys that lead to it from the list itself, positions among them from 0.
    pub keys: Vec<Cow<'static, str>>,
    /// What is wrong.
    pub message: String,
    /// What to do; empty where that is plain.
    pub help: String,
}

/// Digits after the point, at most: with more, sums of charges could not be exact.
const MOST_DECIMALS: u32 = 9;

impl Price {
    /// What it says that can't be, for the model of a card.
    pub fn problems(&self, card: &ModelCard) -> Vec<PriceProblem> {
        let mut found = Found::default();
        self.head(&mut found);
        self.own_credits(&mut found);
        if self.charges.is_empty() {
            found.say(["charges"], "a price needs at least one charge", "");
        } else if !self.charges.iter().any(|c| c.per.is_for_the_clip() && !c.on_top) {
            let help = "add a charge per second, clip, token or compute_second";
            found.say(["charges"], "no charge says what a clip itself costs", help);
        }
        for (at, charge) in self.charges.iter().enumerate() {
            let mut part = Part { found: &mut found, list: "charges", at };
            charge_problems(charge, &mut part);
            part.conditions(card, &charge.routes, &charge.resolutions);
            part.switches(card, "options", &charge.options);
            part.switches(card, "without", &charge.without);
            if let Some(both) = charge.options.iter().find(|o| charge.without.contains(o)) {
                let message = format!("`{both}` can't be on and off at once");
                part.say("without", message, "name it once");
            }
            if self.hidden(at) {
                let message = "an earlier charge with the same `per` always comes first";
                part.say("per", message, "put it before the other, or write `on_top: true`");
            }
        }
        for (at, multiplier) in self.multipliers.iter().enumerate() {
            let mut part = Part { found: &mut found, list: "multipliers", at };
            part.amount("times", multiplier.times);
            part.conditions(card, &multiplier.routes, &multiplier.resolutions);
            part.switches(card, "options", &multiplier.options);
            part.switches(card, "without", &multiplier.without);
        }
        found.0
    }

    fn head(&self, found: &mut Found) {
        if self.unit.as_str().trim().is_empty() {
            found.say(["unit"], "a price needs a unit", "");
        }
        if self.source.trim().is_empty() {
            found.say(["source"], "a price needs its source", "say where it was read");
        }
        if let Some(problem) = self.minimum.and_then(amount_problem) {
            found.say(["minimum"], problem, "");
        }
        if let Some((from, until)) = self.valid_from.zip(self.valid_until)
            && until < from
        {
            let message = format!("it ends on {until}, before it begins on {from}");
            found.say(["valid_until"], message, "");
        }
        if let Some(rounding) = &self.rounding {
            let problem = match rounding.to {
                to if to <= Decimal::ZERO => Some("nothing is rounded to multiples of 0 or less"),
                to => amount_problem(to),
            };
            if let Some(problem) = problem {
                let help = "write what it is rounded to, for instance 0.01";
                found.say(["rounding", "to"], problem, help);
            }
        }
    }

    fn own_credits(&self, found: &mut Found) {
        let Some(worth) = &self.worth else { return };
        if worth.unit == self.unit {
            let message = format!("one of `{}` can't be worth another of itself", self.unit);
            found.say(["worth", "unit"], message, "name a currency");
        }
        if worth.unit.as_str().trim().is_empty() {
            found.say(["worth", "unit"], "a worth needs a unit", "name a currency");
        }
        if worth.amount <= Decimal::ZERO {
            let help = "what costs nothing has a charge of 0";
            found.say(["worth", "amount"], "what is paid with is worth something", help);
        } else if let Some(problem) = amount_problem(worth.amount) {
            found.say(["worth", "amount"], problem, "");
        }
        if worth.source.trim().is_empty() {
            found.say(["worth", "source"], "a worth needs its source", "say where it was read");
        }
    }

    /// Whether an earlier charge always comes before this one.
    fn hidden(&self, at: usize) -> bool {
        let charge = &self.charges[at];
        let covers = |earlier: &Charge| {
            earlier.per == charge.per
                && !earlier.on_top
                && within(&earlier.routes, &charge.routes)
                && within(&earlier.resolutions, &charge.resolutions)
                && within(&earlier.seconds, &charge.seconds)
                && earlier.options.iter().all(|o| charge.options.contains(o))
                && earlier.without.iter().all(|o| charge.without.contains(o))
        };
        !charge.on_top && self.charges[..at].iter().any(covers)
    }
}

/// Whether a condition lets through all that another does; an empty one is none.
fn within<T: PartialEq>(wider: &[T], narrower: &[T]) -> bool {
    wider.is_empty() || (!narrower.is_empty() && narrower.iter().all(|one| wider.contains(one)))
}

fn charge_problems(charge: &Charge, part: &mut Part<'_>) {
    part.amount("amount", charge.amount);
    let power_of_ten = std::iter::successors(Some(1u32), |n| n.checked_mul(10));
    if !power_of_ten.into_iter().any(|n| n == charge.each) {
        let message = format!("an amount for each {} of something is not exact", charge.each);
        part.say("each", message, "write 1, 1000, 1000000 or another power of ten");
    }
    if let Some(fps) = charge.fps {
        if charge.per != ChargePer::Token {
            part.say("fps", "only tokens are counted by frames a second", "remove `fps`");
        } else if !(1..=240).contains(&fps) {
            part.say("fps", format!("{fps} is no frame rate from 1 to 240"), "");
        }
    }
    match (&charge.compute, charge.per) {
        (None, ChargePer::ComputeSecond) => {
            let help = "add `compute: {per_second: …}` or `compute: {per_clip: …}`";
            part.say("per", "how long computing takes is not said", help);
        }
        (Some(_), per) if per != ChargePer::ComputeSecond => {
            let help = "remove it, or write `per: compute_second`";
            part.say("compute", "only a charge per compute_second counts computing", help);
        }
        (Some(compute), _) => {
            let parts = [("per_second", compute.per_second), ("per_clip", compute.per_clip)];
            if parts.iter().all(|(_, seconds)| seconds.is_none()) {
                let help = "write `per_second`, `per_clip` or both";
                part.say("compute", "how long computing takes is not said", help);
            }
            for (key, seconds) in parts {
                if seconds.is_some_and(|s| s < Decimal::ZERO) {
                    part.below(&["compute", key], "computing can't take less than no time");
                }
            }
        }
        (None, _) => {}
    }
    for seconds in charge.seconds.iter().filter(|s| **s <= Decimal::ZERO) {
        part.say("seconds", format!("a length of {seconds} s can't be"), "");
    }
}

fn amount_problem(amount: Decimal) -> Option<&'static str> {
    if amount < Decimal::ZERO {
        return Some("a price can't be below 0");
    }
    if amount > Decimal::from(MAX_WHOLE_UNITS) {
        return Some("a price can't be above 1,000,000,000");
    }
    (amount.normalize().scale() > MOST_DECIMALS)
        .then_some("a price has nine digits after the point at most")
}

#[derive(Default)]
struct Found(Vec<PriceProblem>);

impl Found {
    fn say<const N: usize>(
        &mut self,
        keys: [&'static str; N],
        message: impl fmt::Display,
        help: &str,
    ) {
        let keys = keys.into_iter().map(Cow::Borrowed).collect();
        self.0.push(PriceProblem { keys, message: message.to_string(), help: help.to_owned() });
    }
}

/// One line of a list of the price list.
struct Part<'a> {
    found: &'a mut Found,
    list: &'static str,
    at: usize,
}

impl Part<'_> {
    fn say(&mut self, key: &'static str, message: impl fmt::Display, help: &str) {
        self.below(&[key], message);
        if let Some(problem) = self.found.0.last_mut() {
            problem.help = help.to_owned();
        }
    }

    fn below(&mut self, keys: &[&'static str], message: impl fmt::Display) {
        let mut path = vec![Cow::Borrowed(self.list), Cow::Owned(self.at.to_string())];
        path.extend(keys.iter().map(|key| Cow::Borrowed(*key)));
        let (message, help) = (message.to_string(), String::new());
        self.found.0.push(PriceProblem { keys: path, message, help });
    }

    fn amount(&mut self, key: &'static str, amount: Decimal) {
        if let Some(problem) = amount_problem(amount) {
            self.say(key, problem, "");
        }
    }

    fn conditions(&mut self, card: &ModelCard, routes: &[Route], resolutions: &[String]) {
        for resolution in resolutions.iter().filter(|r| !card.resolutions.contains_key(*r)) {
            let message = format!("the card has no resolution `{resolution}`");
            self.say("resolutions", message, "name one of `resolutions:`");
        }
        for route in routes.iter().filter(|r| !card.routes.contains_key(r)) {
            let message = format!("the card has no route `{route}`");
            self.say("routes", message, "name one of `routes:`");
        }
    }

    fn switches(&mut self, card: &ModelCard, key: &'static str, named: &[String]) {
        for name in named.iter().filter(|name| !card.options.contains_key(*name)) {
            let message = format!("the card has no option `{name}`");
            self.say(key, message, "name one of `options:`, or add it there");
        }
    }
}
