//! The choice of shape, resolution and length for a channel, and what is said where there is none.
//!
//! What never lives here: frame rates, options, prices.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Demand;
use crate::diagnostic::{Finding, Findings};
use crate::manifest::Length;
use crate::models::{AspectRatio, ModelCard, Route, Shelf};
use crate::plan::settings::{Wanted, distance, list};

/// What channel and model make of a variant together.
#[derive(Debug)]
pub(in crate::plan) struct Basics {
    pub aspect: AspectRatio,
    pub resolution: String,
    pub length: Length,
}

/// Shape, resolution and length of a variant for a channel: what is written, and what channel and
/// model both allow where nothing is. Every problem becomes an error; `None` then.
pub(in crate::plan) fn fit(
    wanted: &Wanted<'_>,
    demand: &Demand,
    card: &ModelCard,
    shelf: &Shelf,
    findings: &mut Findings,
) -> Option<Basics> {
    let lengths = lengths(wanted, demand, card, shelf, findings);
    let aspects = aspects(wanted, demand, card, shelf, findings);
    let sizes = sizes(wanted, demand, card, shelf, &aspects, findings);
    let (lengths, sizes) = (lengths?, sizes?);
    let routes = demand.reach.routes(card);
    let together = |length: &Length, (aspect, resolution): &(AspectRatio, String)| {
        let seconds = match length {
            Length::Seconds(seconds) => Some(*seconds),
            Length::Auto => card.durations.longest(),
        };
        go_together(card, &routes, resolution, seconds, *aspect)
    };
    let pairs = || sizes.iter().flat_map(|size| lengths.iter().map(move |length| (length, size)));
    let found = pairs().find(|(length, size)| together(length, size)).or_else(|| pairs().next());
    let (length, (aspect, resolution)) = found?;
    Some(Basics { aspect: *aspect, resolution: resolution.clone(), length: *length })
}

/// Whether nothing on the card speaks against it, on any route that the jobs may go by.
fn go_together(
    card: &ModelCard,
    routes: &BTreeSet<Route>,
    resolution: &str,
    seconds: Option<Decimal>,
    aspect: AspectRatio,
) -> bool {
    let Some(seconds) = seconds else { return true };
    let aspect = aspect.to_string();
    routes.iter().all(|route| card.not_together(*route, resolution, seconds, &aspect).is_none())
}

fn lengths(
    wanted: &Wanted<'_>,
    demand: &Demand,
    card: &ModelCard,
    shelf: &Shelf,
    findings: &mut Findings,
) -> Option<Vec<Length>> {
    if wanted.has_length() {
        let length = wanted.duration(card, shelf, findings)?;
        let is_open = length == Length::Auto && !any_length_suits(demand, card);
        let inherits = wanted.shot.settings.inherited.duration && wanted.axis("duration").is_none();
        if !(is_open && inherits && demand.own) {
            if is_open {
                open_length(demand, card, findings);
            }
            return Some(vec![length]);
        }
    }
    let lengths: Vec<Length> = demand.lengths(card).into_iter().map(Length::Seconds).collect();
    if lengths.is_empty() {
        let bounds = demand.channel.length.clone().unwrap_or_default();
        let what = format!("of {bounds}; it makes {}", card.durations);
        let finding = demand.not_served("plan::channel_length", card, &what);
        findings.push(finding.help(demand.others(shelf)));
        return None;
    }
    Some(lengths)
}

/// Whether the channel takes a clip however long the model makes it.
fn any_length_suits(demand: &Demand, card: &ModelCard) -> bool {
    let ends = [card.durations.shortest(), card.durations.longest()];
    ends.into_iter().flatten().all(|seconds| demand.channel.takes_length(seconds))
}

/// A length that is the model's to decide, some of which the channel would not take.
fn open_length(demand: &Demand, card: &ModelCard, findings: &mut Findings) {
    let bounds = demand.channel.length.clone().unwrap_or_default();
    let message = format!(
        "`{}` decides by itself how long a clip is, and the channel `{}` takes {bounds}",
        card.model,
        demand.name()
    );
    let finding = Finding::warning("plan::channel_length", message);
    findings.push(finding.at(demand.place, "may not suit").help("write `duration` in seconds"));
}

fn aspects(
    wanted: &Wanted<'_>,
    demand: &Demand,
    card: &ModelCard,
    shelf: &Shelf,
    findings: &mut Findings,
) -> Vec<AspectRatio> {
    if wanted.written_aspect().is_some() {
        return wanted.aspect(card, findings).into_iter().collect();
    }
    let aspects = demand.aspects(card);
    if aspects.is_empty() {
        let made: Vec<String> = card.aspects.iter().map(ToString::to_string).collect();
        let takes = demand.channel.aspects();
        let what = format!("in {takes}; it makes {}", list(&made));
        let finding = demand.not_served("plan::channel_aspect", card, &what);
        let first = demand.channel.frames.first().map(|frame| frame.aspect);
        let near = first.and_then(|first| {
            card.aspects.iter().min_by_key(|made| distance(**made, first)).copied()
        });
        let near = near.map_or_else(String::new, |near| {
            format!(
                "the nearest that it makes is {near}, which `{}` does not take; ",
                demand.name()
            )
        });
        findings.push(finding.help(near + &demand.others(shelf)));
    }
    aspects
}

/// Shapes with resolutions that channel and model both allow, in the order of the shapes.
fn sizes(
    wanted: &Wanted<'_>,
    demand: &Demand,
    card: &ModelCard,
    shelf: &Shelf,
    aspects: &[AspectRatio],
    findings: &mut Findings,
) -> Option<Vec<(AspectRatio, String)>> {
    let first = *aspects.first()?;
    if let Some((name, _)) = wanted.written_resolution() {
        let taken = taken(demand, card, aspects, name);
        // Fewer pixels are no reason for another shape than the channel's best.
        if taken.first().is_some_and(|(aspect, _)| *aspect == first) {
            return Some(taken);
        }
        let from_defaults =
            wanted.shot.settings.inherited.resolution && wanted.axis("resolution").is_none();
        // What no model knows is a slip, and no wish that gives way.
        let is_known = shelf.iter().any(|card| card.resolutions.contains_key(name));
        if !(demand.own && from_defaults && is_known) {
            let name = wanted.resolution(card, findings)?;
            findings.push(too_few_pixels(demand, card, shelf, first, &name));
            return None;
        }
    }
    let each = |aspect: &AspectRatio| {
        let aspect = *aspect;
        demand.resolutions(card, aspect).into_iter().map(move |name| (aspect, name))
    };
    let sizes: Vec<(AspectRatio, String)> = aspects.iter().flat_map(each).collect();
    if sizes.is_empty() {
        let made = card.resolutions.values().map(|r| r.size(first));
        let (width, height) =
            made.max_by_key(|(w, h)| u64::from(*w) * u64::from(*h)).unwrap_or_default();
        let bound = bound(demand, first, (width, height));
        let what = format!("in {first}; its largest is {width}×{height} pixels, and {bound}");
        let finding = demand.not_served("plan::channel_pixels", card, &what);
        findings.push(finding.help(demand.others(shelf)));
        return None;
    }
    Some(sizes)
}

/// The shapes that the channel takes at one resolution.
fn taken(
    demand: &Demand,
    card: &ModelCard,
    aspects: &[AspectRatio],
    name: &str,
) -> Vec<(AspectRatio, String)> {
    let Some(resolution) = card.resolutions.get(name) else { return Vec::new() };
    let suits =
        |aspect: &&AspectRatio| demand.channel.takes_size(**aspect, resolution.size(**aspect));
    aspects.iter().filter(suits).map(|aspect| (*aspect, name.to_owned())).collect()
}

/// A resolution that is written, and that the channel does not take.
fn too_few_pixels(
    demand: &Demand,
    card: &ModelCard,
    shelf: &Shelf,
    aspect: AspectRatio,
    name: &str,
) -> Finding {
    let side = |name: &str| card.resolutions.get(name).map_or(0, |r| r.short_side);
    let (width, height) = card.resolutions.get(name).map_or((0, 0), |r| r.size(aspect));
    let bound = bound(demand, aspect, (width, height));
    let what = format!("at {name}; that is {width}×{height} pixels, and {bound}");
    let finding = demand.not_served("plan::channel_pixels", card, &what);
    let possible = demand.resolutions(card, aspect);
    let near = possible.into_iter().min_by_key(|near| side(near).abs_diff(side(name)));
    finding.help(match near {
        Some(near) => format!("the nearest possible is {near}"),
        None => demand.others(shelf),
    })
}

/// Which bound of the channel a size breaks.
fn bound(demand: &Demand, aspect: AspectRatio, size: (u32, u32)) -> String {
    let least = demand.channel.frame(aspect).and_then(|frame| frame.least);
    match (least.filter(|least| !least.reached_by(size)), demand.channel.most) {
        (Some(least), _) => format!("{least} are the least"),
        (None, Some(most)) => format!("{most} are the most"),
        (None, None) => "that is not taken".to_owned(),
    }
}
