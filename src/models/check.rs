//! What a model card says that can't be, beyond what its schema refuses.

use rust_decimal::Decimal;

use super::card::{AspectRatio, Durations, ModelCard, Resolution, Route, RouteAbility};
use super::price::Price;
use crate::diagnostic::{Finding, Findings, nearest};
use crate::wire::names_after;
use crate::yaml;

/// Keys to a value, what is wrong with it, and what to do.
pub(super) type Problem<'c> = (Vec<&'c str>, String, &'static str);

/// What a card says that can't be.
pub(super) fn problems(card: &ModelCard) -> Vec<Problem<'_>> {
    let mut problems: Vec<Problem<'_>> = Vec::new();
    if card.kinora_model != 1 {
        let message = format!("version {} of the card language is not known", card.kinora_model);
        problems.push((vec!["kinora_model"], message, "write `kinora_model: 1`"));
    }
    for (key, text) in [("model", &card.model), ("provider", &card.provider)] {
        if text.trim().is_empty() || text.contains(char::is_whitespace) {
            problems.push((vec![key], format!("`{key}` must be one word"), ""));
        }
    }
    if card.routes.is_empty() {
        problems.push((vec!["routes"], "a model needs at least one route".to_owned(), ""));
    }
    for (route, ability) in &card.routes {
        if ability.min > ability.max {
            let message =
                format!("the route `{route}` has min {} above max {}", ability.min, ability.max);
            problems.push((vec!["routes", route.as_str(), "min"], message, ""));
        }
        if let Some(mention) = &ability.mention
            && !mention.0.contains("{n}")
            && !mention.0.contains("{name}")
        {
            let message = format!("`{}` is the same for every picture", mention.0);
            let help = "write `{n}` for a picture's position or `{name}` for its name";
            problems.push((vec!["routes", route.as_str(), "mention"], message, help));
        }
        picture_problems(*route, ability, &mut problems);
        for format in &ability.formats {
            if !["jpeg", "png", "webp"].contains(&format.as_str()) {
                let message = format!("Kinora reads no pictures in the format `{format}`");
                let help = "formats are jpeg, png and webp";
                problems.push((vec!["routes", route.as_str(), "formats"], message, help));
            }
        }
    }
    for route in card.api.routes.keys().filter(|route| !card.routes.contains_key(route)) {
        let message = format!("the card has no route `{route}`");
        let help = "name one of `routes:`";
        problems.push((vec!["api", "routes", route.as_str()], message, help));
    }
    duration_problems(&card.durations, &mut problems);
    only_problems(card, &mut problems);
    resolution_problems(card, &mut problems);
    for fps in &card.fps {
        if !(1..=240).contains(fps) {
            problems.push((vec!["fps"], format!("{fps} is no frame rate from 1 to 240"), ""));
        }
    }
    option_problems(card, &mut problems);
    problems
}

/// Limits of a route that no picture at all can keep.
fn picture_problems<'c>(route: Route, ability: &RouteAbility, problems: &mut Vec<Problem<'c>>) {
    let mut say = |key, message| problems.push((vec!["routes", route.as_str(), key], message, ""));
    if ability.min_side.zip(ability.max_side).is_some_and(|(min, max)| min > max) {
        say("min_side", format!("the route `{route}` has min_side above max_side"));
    }
    let square = ability.min_side.map(|side| u64::from(side).pow(2));
    if square.zip(ability.max_pixels).is_some_and(|(least, most)| least > most) {
        say("max_pixels", format!("the route `{route}` has max_pixels below its min_side squared"));
    }
    let wider = |min: AspectRatio, max: AspectRatio| {
        u64::from(min.width) * u64::from(max.height) > u64::from(max.width) * u64::from(min.height)
    };
    if ability.aspect_min.zip(ability.aspect_max).is_some_and(|(min, max)| wider(min, max)) {
        say(
            "aspect_min",
            format!("the route `{route}` has an aspect_min wider than its aspect_max"),
        );
    }
    for (key, none) in [
        ("max_side", ability.max_side == Some(0)),
        ("max_pixels", ability.max_pixels == Some(0)),
        ("max_bytes", ability.max_bytes == Some(0)),
    ] {
        if none {
            say(key, format!("the route `{route}` has {key} 0, which no picture has"));
        }
    }
}

fn duration_problems(durations: &Durations, problems: &mut Vec<Problem<'_>>) {
    match durations {
        Durations::Values(values) => {
            let keys = || vec!["durations", "values"];
            if values.is_empty() {
                problems.push((keys(), "no length at all can be made".to_owned(), ""));
            }
            for value in values.iter().filter(|v| **v <= Decimal::ZERO) {
                problems.push((keys(), format!("a length of {value} s can't be"), ""));
            }
        }
        Durations::Range { min, max, step } => {
            let keys = |key| vec!["durations", "range", key];
            if *min <= Decimal::ZERO {
                problems.push((keys("min"), "the shortest length must be above 0".to_owned(), ""));
            }
            if min > max {
                problems.push((keys("min"), format!("min {min} is above max {max}"), ""));
            }
            if *step < Decimal::ZERO {
                problems.push((keys("step"), "a step can't be below 0".to_owned(), ""));
            }
        }
    }
}

fn only_problems<'c>(card: &'c ModelCard, problems: &mut Vec<Problem<'c>>) {
    for only in &card.only {
        let keys = || vec!["only"];
        if only.durations.is_none() && only.aspects.is_empty() {
            let help = "write `durations` or `aspects`";
            problems.push((keys(), "a line of `only` says nothing".to_owned(), help));
        }
        for name in only.resolutions.iter().filter(|r| !card.resolutions.contains_key(*r)) {
            let message = format!("the card has no resolution `{name}`");
            problems.push((keys(), message, "name one of `resolutions:`"));
        }
        for route in only.routes.iter().filter(|r| !card.routes.contains_key(r)) {
            let message = format!("the card has no route `{route}`");
            problems.push((keys(), message, "name one of `routes:`"));
        }
        for aspect in only.aspects.iter().filter(|a| !card.aspects.contains(a)) {
            let message = format!("the card has no aspect {aspect}");
            problems.push((keys(), message, "name one of `aspects:`"));
        }
    }
}

fn resolution_problems<'c>(card: &'c ModelCard, problems: &mut Vec<Problem<'c>>) {
    if card.resolutions.is_empty() {
        problems.push((
            vec!["resolutions"],
            "a model needs at least one resolution".to_owned(),
            "",
        ));
    }
    let no_side = |n: u32| format!("{n} is no side from 16 to {} pixels", Resolution::MOST_SIDE);
    let possible = |n: u32| (16..=Resolution::MOST_SIDE).contains(&n);
    if let Some(side) = card.longest_side.filter(|side| !possible(*side)) {
        problems.push((vec!["longest_side"], no_side(side), ""));
    }
    for (name, resolution) in &card.resolutions {
        if !possible(resolution.short_side) {
            let message = no_side(resolution.short_side);
            problems.push((vec!["resolutions", name, "short_side"], message, ""));
        }
        for (aspect, size) in &resolution.sizes {
            let keys = || vec!["resolutions", name, "sizes", aspect];
            if AspectRatio::parse(aspect).is_none() {
                problems.push((keys(), format!("`{aspect}` is no aspect such as 9:16"), ""));
            }
            let side = |s: &str| s.parse::<u32>().is_ok_and(possible);
            if !size.split_once('x').is_some_and(|(w, h)| side(w) && side(h)) {
                problems.push((keys(), format!("`{size}` is no size such as 1280x720"), ""));
            }
        }
    }
}

fn option_problems<'c>(card: &'c ModelCard, problems: &mut Vec<Problem<'c>>) {
    for (name, option) in &card.options {
        let keys = |key| vec!["options", name.as_str(), key];
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            let message = format!("`{name}` is no name of an option");
            let help = "a small letter first, then small letters, digits or `_`";
            problems.push((vec!["options", name], message, help));
        }
        for resolution in option.resolutions.iter().filter(|r| !card.resolutions.contains_key(*r)) {
            let message = format!("the card has no resolution `{resolution}`");
            problems.push((keys("resolutions"), message, "name one of `resolutions:`"));
        }
        for route in option.routes.iter().filter(|r| !card.routes.contains_key(r)) {
            let message = format!("the card has no route `{route}`");
            problems.push((keys("routes"), message, "name one of `routes:`"));
        }
    }
    if card.price.is_some() && !card.prices.is_empty() {
        let help = "write all lists below `prices`, each with the days on which it holds";
        let message = "a card has `price` or `prices`, not both".to_owned();
        problems.push((vec!["prices"], message, help));
    }
    for (at, price) in card.prices.iter().enumerate() {
        let same =
            |p: &Price| (p.valid_from, p.valid_until) == (price.valid_from, price.valid_until);
        if card.prices[..at].iter().any(same) {
            let message = format!("list {} holds on the same days as an earlier one", at + 1);
            let help = "give one of them `valid_from` or `valid_until`";
            problems.push((vec!["prices"], message, help));
        }
    }
}

/// Options that the card's requests ask about and that it does not have.
pub(super) fn option_findings(card: &ModelCard, node: &yaml::Node, findings: &mut Findings) {
    let yaml::Value::Map(entries) = &node.value else { return };
    let requests = entries.iter().filter(|entry| entry.key.text() == Some("api"));
    for (place, name) in requests.flat_map(|entry| names_after(&entry.value, "options.")) {
        if card.options.contains_key(&name) {
            continue;
        }
        let message = format!("the card has no option `{name}`");
        let finding = Finding::error("card::wrong_value", message).at(place, "asked for here");
        let help = match nearest(&name, card.options.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "add it to `options:`".to_owned(),
        };
        findings.push(finding.help(help));
    }
}

/// What is wrong with a card's price lists, at its place.
pub(super) fn price_findings(card: &ModelCard, node: &yaml::Node, findings: &mut Findings) {
    let single = card.price.iter().map(|price| (vec!["price".to_owned()], price));
    let several = card.prices.iter().enumerate();
    let several = several.map(|(at, price)| (vec!["prices".to_owned(), at.to_string()], price));
    for (list, price) in single.chain(several) {
        for problem in price.problems(card) {
            let keys = list.iter().map(String::as_str).chain(problem.keys.iter().map(|k| &**k));
            let finding = Finding::error("card::wrong_value", problem.message);
            let finding = finding.at(yaml::place_of(node, keys), "this value");
            let help = problem.help;
            findings.push(if help.is_empty() { finding } else { finding.help(help) });
        }
    }
}
