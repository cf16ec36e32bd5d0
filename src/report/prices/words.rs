//! Price lists in words, line by line.

use rust_decimal::Decimal;

use crate::models::{Charge, ChargePer, Multiplier, Price, RoundingMode, Route};
use crate::money::display_value;

/// What a line counts and when it holds: `a second at 480p and 720p, by text, with audio`.
pub(super) fn what(charge: &Charge) -> String {
    let (one, many) = match charge.per {
        ChargePer::Second => ("a second", "seconds"),
        ChargePer::Clip => ("a clip", "clips"),
        ChargePer::Image => ("a picture", "pictures"),
        ChargePer::Token => ("a token", "tokens"),
        ChargePer::InputSecond => ("a second of video sent", "seconds of video sent"),
        ChargePer::ComputeSecond => ("a second of computing", "seconds of computing"),
    };
    let mut text = match charge.each {
        1 => one.to_owned(),
        each => format!("{} {many}", display_value(Decimal::from(each))),
    };
    if charge.on_top {
        text.push_str(" on top");
    }
    if !charge.seconds.is_empty() {
        let lengths: Vec<String> =
            charge.seconds.iter().map(|s| s.normalize().to_string()).collect();
        text.push_str(&format!(" of {} s", or(&lengths)));
    }
    text.push_str(&when(&charge.resolutions, &charge.routes, &charge.options, &charge.without));
    if charge.free > 0 {
        text.push_str(&format!(", the first {} free", charge.free));
    }
    text
}

/// When a line holds.
fn when(
    resolutions: &[String],
    routes: &[Route],
    options: &[String],
    without: &[String],
) -> String {
    let mut text = String::new();
    if !resolutions.is_empty() {
        text.push_str(&format!(" at {}", or(resolutions)));
    }
    if !routes.is_empty() {
        let routes: Vec<String> = routes.iter().map(ToString::to_string).collect();
        text.push_str(&format!(" by {}", or(&routes)));
    }
    if !options.is_empty() {
        text.push_str(&format!(" with {}", options.join(" and ")));
    }
    if !without.is_empty() {
        text.push_str(&format!(" without {}", or(without)));
    }
    text
}

fn or(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// When a factor holds.
pub(super) fn factor(multiplier: &Multiplier) -> String {
    let Multiplier { resolutions, routes, options, without, .. } = multiplier;
    format!("all of it{}", when(resolutions, routes, options, without))
}

/// An amount with every digit that it has.
pub(super) fn exact(value: Decimal) -> String {
    let value = value.normalize();
    match value.to_string().split_once('.') {
        Some((_, fraction)) => format!("{}.{fraction}", display_value(value.trunc())),
        None => display_value(value),
    }
}

/// Every line of a price list.
pub(super) fn lines(price: &Price) -> Vec<String> {
    let unit = &price.unit;
    let mut lines: Vec<String> = price
        .charges
        .iter()
        .map(|charge| match charge.amount.is_zero() {
            true => format!("nothing for {}", what(charge)),
            false => format!("{} {unit} for {}", exact(charge.amount), what(charge)),
        })
        .collect();
    for multiplier in &price.multipliers {
        lines.push(format!("times {} for {}", exact(multiplier.times), factor(multiplier)));
    }
    if let Some(minimum) = price.minimum {
        lines.push(format!("at least {} {unit} a clip", exact(minimum)));
    }
    if let Some(rounding) = &price.rounding {
        let way = match rounding.mode {
            RoundingMode::Up => "up",
            RoundingMode::Nearest => "to the nearest",
            RoundingMode::Down => "down",
        };
        lines.push(format!("rounded {way} to multiples of {} {unit}", exact(rounding.to)));
    }
    if let Some(worth) = &price.worth {
        lines.push(format!("one of {unit} is worth {} {}", exact(worth.amount), worth.unit));
    }
    lines
}
