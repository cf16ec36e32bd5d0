//! Settings read back: which length, aspect and resolution of a model make its card's
//! expressions say what the client sent. So `5s`, `121` frames or `1280:720` need no rule of
//! their own.

use std::collections::BTreeSet;

use minijinja::context;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::Value as Json;

use crate::models::{AUTO_DURATION, AspectRatio, Durations, ModelCard};
use crate::wire::{Scope, Sighting, scope_of, sent_as};

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// Seconds.
    pub(super) duration: Decimal,
    /// `W:H`.
    pub(super) aspect: String,
    /// Name of the resolution on the model card.
    pub(super) resolution: String,
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
    /// What is switched on of what the model's card offers.
    pub(super) options: Vec<String>,
}

/// Aspects to try where a model makes any.
const ANY_ASPECT: [&str; 8] = ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9"];
/// Seconds where the client leaves the length open, or the nearest that the model makes.
const USUAL_SECONDS: Decimal = Decimal::from_parts(5, 0, 0, false, 0);
/// Most lengths of a range that are tried.
const MOST_LENGTHS: usize = 240;

/// Most options of a card that are tried; each doubles the tries.
const MOST_OPTIONS: usize = 6;

/// Names of settings in expressions.
const SIZE_NAMES: [&str; 4] = ["aspect", "resolution", "width", "height"];

impl Settings {
    /// The settings that fit best what was seen; where several fit or nothing was said, the
    /// first on the card. `scope` is everything else that the expressions see.
    pub(super) fn solve(model: &ModelCard, sightings: &[Sighting], scope: &Scope) -> Settings {
        let named = |sighting: &Sighting, names: &[&str]| {
            sighting.expr.names().any(|name| names.contains(&name.as_str()))
        };
        let sized: Vec<&Sighting> =
            sightings.iter().filter(|s| !s.file && named(s, &SIZE_NAMES)).collect();
        let timed: Vec<&Sighting> = sightings
            .iter()
            .filter(|s| !s.file && named(s, &["duration"]) && !named(s, &SIZE_NAMES))
            .collect();
        let options = switched(model, sightings, scope);
        let on = model.switched(&options);
        let scope = &context! { options => scope_of(&on), ..scope.clone() };
        let decides = options.iter().any(|name| name == AUTO_DURATION);
        let duration = best(lengths(model, &timed), &timed, |seconds| {
            context! { duration => scope_of(&number(*seconds)), ..scope.clone() }
        });
        // Where the model decides, the longest is what is charged.
        let longest = model.durations.longest().filter(|_| decides);
        let duration = longest.or(duration).unwrap_or(USUAL_SECONDS);
        let scope = context! { duration => scope_of(&number(duration)), ..scope.clone() };
        let size = best(sizes(model, &sized), &sized, |size| {
            context! {
                aspect => &size.aspect[..], resolution => &size.resolution[..],
                width => size.width, height => size.height, ..scope.clone()
            }
        });
        let open = options.clone();
        size.map_or_else(
            || Settings {
                duration,
                aspect: ANY_ASPECT[0].to_owned(),
                resolution: String::new(),
                width: 1280,
                height: 720,
                options: open,
            },
            |size| Settings { duration, options, ..size },
        )
    }
}

/// The options under which most expressions that name any give what was seen; the fewest of
/// equals. An expression may depend on the length too, so every length is tried with it.
fn switched(model: &ModelCard, sightings: &[Sighting], scope: &Scope) -> Vec<String> {
    let says = |s: &&Sighting| !s.file && s.expr.names().any(|name| name == "options");
    let seen: Vec<&Sighting> = sightings.iter().filter(says).collect();
    if model.options.is_empty() || seen.is_empty() {
        return Vec::new();
    }
    let timed = seen.iter().any(|s| s.expr.names().any(|name| name == "duration"));
    let lengths = if timed { lengths(model, &seen) } else { vec![USUAL_SECONDS] };
    let names: Vec<&String> = model.options.keys().take(MOST_OPTIONS).collect();
    let mut subsets: Vec<u32> = (0..1u32 << names.len()).collect();
    subsets.sort_by_key(|subset| subset.count_ones());
    let chosen = |subset: u32| -> Vec<String> {
        let on = names.iter().enumerate().filter(|(at, _)| subset & (1 << at) != 0);
        on.map(|(_, name)| (*name).clone()).collect()
    };
    let candidates: Vec<(Vec<String>, Decimal)> = subsets
        .into_iter()
        .flat_map(|subset| lengths.iter().map(move |seconds| (subset, *seconds)))
        .map(|(subset, seconds)| (chosen(subset), seconds))
        .collect();
    let found = best(candidates, &seen, |(options, seconds)| {
        let on = model.switched(options);
        context! {
            options => scope_of(&on), duration => scope_of(&number(*seconds)), ..scope.clone()
        }
    });
    found.map(|(options, _)| options).unwrap_or_default()
}

/// The candidate under which most expressions give what was seen; the first of equals.
fn best<T>(candidates: Vec<T>, seen: &[&Sighting], scope: impl Fn(&T) -> Scope) -> Option<T> {
    let mut found: Option<(usize, T)> = None;
    for candidate in candidates {
        let scope = scope(&candidate);
        let gives = |s: &&&Sighting| {
            s.expr.json(&scope).ok().flatten().is_some_and(|value| sent_as(&s.value, &value))
        };
        let count = seen.iter().filter(gives).count();
        if found.as_ref().is_none_or(|(most, _)| count > *most) {
            found = Some((count, candidate));
        }
        if count == seen.len() {
            break;
        }
    }
    found.map(|(_, candidate)| candidate)
}

/// Lengths to try: the usual one first, then the model's, then numbers that were sent.
fn lengths(model: &ModelCard, seen: &[&Sighting]) -> Vec<Decimal> {
    let mut lengths: Vec<Decimal> = model.durations.nearest(USUAL_SECONDS).into_iter().collect();
    match &model.durations {
        Durations::Values(values) => lengths.extend(values),
        Durations::Range { min, max, step } if !step.is_zero() => {
            let next = |at: &Decimal| Some(at + step).filter(|next| next <= max);
            lengths.extend(std::iter::successors(Some(*min), next).take(MOST_LENGTHS));
        }
        Durations::Range { .. } => {}
    }
    lengths.extend(seen.iter().filter_map(|s| leading_number(&s.value)));
    lengths.dedup();
    lengths
}

/// Sizes to try: every resolution with every aspect of the model.
fn sizes(model: &ModelCard, seen: &[&Sighting]) -> Vec<Settings> {
    let mut aspects: Vec<AspectRatio> = model.aspects.clone();
    if aspects.is_empty() {
        let mut texts: Vec<String> = ANY_ASPECT.iter().map(|a| (*a).to_owned()).collect();
        texts.extend(seen.iter().filter_map(|s| s.value.as_str().map(str::to_owned)));
        let mut known = BTreeSet::new();
        texts.retain(|text| known.insert(text.clone()));
        aspects = texts.iter().filter_map(|text| AspectRatio::parse(text)).collect();
    }
    let of = |(name, resolution): (&String, &crate::models::Resolution)| {
        let name = name.clone();
        let resolution = resolution.clone();
        aspects.clone().into_iter().map(move |aspect| {
            let (width, height) = resolution.size(aspect);
            let (aspect, resolution) = (aspect.to_string(), name.clone());
            let options = Vec::new();
            Settings { duration: Decimal::ZERO, aspect, resolution, width, height, options }
        })
    };
    let mut resolutions: Vec<_> = model.resolutions.iter().collect();
    // What a client leaves open is made in the usual size, or the next above.
    resolutions.sort_by_key(|(_, resolution)| (resolution.short_side < 720, resolution.short_side));
    resolutions.into_iter().flat_map(of).collect()
}

/// Seconds as expressions see them: a whole number where it is one.
pub(super) fn number(seconds: Decimal) -> Json {
    match seconds.to_i64().filter(|_| seconds.fract().is_zero()) {
        Some(whole) => Json::from(whole),
        None => Json::from(seconds.to_f64().unwrap_or_default()),
    }
}

/// The number with which a value begins: `5s` is 5.
fn leading_number(value: &Json) -> Option<Decimal> {
    match value {
        Json::Number(number) => Decimal::from_f64(number.as_f64()?),
        Json::String(text) => {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            text[..end].parse().ok()
        }
        _ => None,
    }
    .filter(|seconds: &Decimal| *seconds > Decimal::ZERO)
}
