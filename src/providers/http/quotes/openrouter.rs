//! OpenRouter's price list: named rates for each model, beside what the model can do.
//!
//! The list: `GET …/videos/models`, `data[]` (types of its client openrouter 1.3.84). Its
//! documentation names rates `per-video-second` and `per-video-second-1080p`; what the list is seen to
//! hold are names such as `duration_seconds_with_audio_720p`, `cents_per_video_output_second_480p`
//! and `video_tokens_without_audio` (public clients of it, 2026). Both are read. A name that is not
//! known may be a charge, so it is never passed over in silence.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::exact::decimal;
use crate::models::{Abilities, ModelCard, Quote, Rate, RatePer, Route};
use crate::money::Unit;

/// Models of one list that are looked at.
const MOST_MODELS: usize = 5_000;

/// Rates of one model.
const MOST_RATES: usize = 200;

/// What one model's entry says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Rates as they are named, or what is wrong with them.
    rates: Result<Vec<Sku>, String>,
    /// What it can do.
    pub abilities: Abilities,
}

/// A named rate.
#[derive(Debug, Clone, PartialEq)]
struct Sku {
    name: String,
    /// What the name means; absent: not known.
    meaning: Option<Meaning>,
    amount: Decimal,
}

/// What the name of a rate means.
#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    /// A rate of clips.
    Rate(Terms),
    /// Of each reference picture.
    Reference,
    /// Of each picture that is sent.
    Picture,
    /// The least that a clip costs.
    Minimum,
    /// Of something that is never sent or asked for.
    Elsewhere,
}

/// When a rate of clips holds.
#[derive(Debug, Clone, PartialEq)]
struct Terms {
    per: RatePer,
    mode: Option<Mode>,
    resolution: Option<String>,
    audio: Option<bool>,
}

/// What a clip is made from, as OpenRouter tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Image,
    Reference,
}

impl Mode {
    fn of(route: Route) -> Mode {
        match route {
            Route::Text => Mode::Text,
            Route::Image | Route::Frames => Mode::Image,
            Route::References => Mode::Reference,
        }
    }
}

/// Reads the list, as far as these models are on it.
///
/// # Errors
/// When it has not the form of the list.
pub(super) fn list(body: &Json) -> Result<BTreeMap<String, Entry>, String> {
    let Some(data) = body.get("data").and_then(Json::as_array) else {
        return Err("the reply has no list `data`".to_owned());
    };
    if data.len() > MOST_MODELS {
        return Err(format!("the list has {} models, more than can be", data.len()));
    }
    let mut entries = BTreeMap::new();
    for entry in data {
        let Some(id) = entry.get("id").and_then(Json::as_str) else { continue };
        let read = Entry { rates: skus(entry.get("pricing_skus")), abilities: abilities(entry) };
        entries
            .entry(id.to_owned())
            .and_modify(|known: &mut Entry| {
                if *known != read {
                    known.rates = Err("the list has it twice, with two prices".to_owned());
                }
            })
            .or_insert(read);
    }
    Ok(entries)
}

fn skus(json: Option<&Json>) -> Result<Vec<Sku>, String> {
    let named = match json {
        None | Some(Json::Null) => return Err("the list has no price for it".to_owned()),
        Some(Json::Object(named)) => named,
        Some(_) => return Err("`pricing_skus` is no mapping".to_owned()),
    };
    if named.is_empty() {
        return Err("the list has no price for it".to_owned());
    }
    if named.len() > MOST_RATES {
        return Err(format!("the list has {} rates for it, more than can be", named.len()));
    }
    let sku = |(name, value): (&String, &Json)| {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        let amount = decimal(Some(value)).map_err(|why| format!("`{shown}`: {why}"))?;
        if amount < Decimal::ZERO {
            return Err(format!("`{shown}`: {amount} is below zero"));
        }
        let (meaning, cents) = meaning(name);
        let amount = if cents { amount / Decimal::ONE_HUNDRED } else { amount };
        Ok(Sku { name: shown, meaning, amount: amount.normalize() })
    };
    named.iter().map(sku).collect()
}

/// What the name of a rate means, and whether its amount counts cents.
fn meaning(name: &str) -> (Option<Meaning>, bool) {
    let words = name.to_lowercase().replace(['-', ':'], "_");
    // Clips that are made from clips are none of ours.
    if ["with_video_input", "video_continuation", "megapixel", "upscale"]
        .iter()
        .any(|other| words.contains(other))
    {
        return (Some(Meaning::Elsewhere), false);
    }
    match words.as_str() {
        "reference_images" => return (Some(Meaning::Reference), false),
        "cents_per_image_input" => return (Some(Meaning::Picture), true),
        "minimum_cents_per_generation" => return (Some(Meaning::Minimum), true),
        "generate" | "per_video" | "per_generation" => {
            let terms = Terms { per: RatePer::Clip, mode: None, resolution: None, audio: None };
            return (Some(Meaning::Rate(terms)), false);
        }
        _ => {}
    }
    let modes = [
        ("text_to_video_", Mode::Text),
        ("image_to_video_", Mode::Image),
        ("reference_to_video_", Mode::Reference),
    ];
    let (mode, rest) = modes
        .into_iter()
        .find_map(|(before, mode)| Some((Some(mode), words.strip_prefix(before)?)))
        .unwrap_or((None, &words));
    let counts = [
        ("duration_seconds", RatePer::Second, false),
        ("per_video_second", RatePer::Second, false),
        ("cents_per_second_output", RatePer::Second, true),
        ("cents_per_video_output_second", RatePer::Second, true),
        ("video_tokens", RatePer::Token, false),
    ];
    let Some((per, cents, rest)) = counts.into_iter().find_map(|(before, per, cents)| {
        let rest = rest.strip_prefix(before)?;
        (rest.is_empty() || rest.starts_with('_')).then_some((per, cents, rest))
    }) else {
        return (None, false);
    };
    let mut terms = Terms { per, mode, resolution: None, audio: None };
    let mut rest = rest;
    while !rest.is_empty() {
        let audio = [("_with_audio", true), ("_without_audio", false), ("_no_audio", false)];
        if let Some((after, audio)) =
            audio.iter().find_map(|(word, audio)| Some((rest.strip_prefix(word)?, *audio)))
        {
            if terms.audio.replace(audio).is_some() {
                return (None, false);
            }
            rest = after;
            continue;
        }
        let word = rest[1..].split('_').next().unwrap_or_default();
        if !is_resolution(word) || terms.resolution.replace(word.to_owned()).is_some() {
            return (None, false);
        }
        rest = &rest[1 + word.len()..];
    }
    (Some(Meaning::Rate(terms)), cents)
}

/// Whether a word is a resolution such as `720p` or `4k`.
fn is_resolution(word: &str) -> bool {
    let digits = word.strip_suffix('p').or_else(|| word.strip_suffix('k'));
    digits.is_some_and(|digits| {
        (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// What a model costs by its entry.
///
/// # Errors
/// What is wrong with its rates, in words.
pub(super) fn quote(card: &ModelCard, entry: &Entry) -> Result<Quote, String> {
    let skus = entry.rates.as_ref().map_err(Clone::clone)?;
    let mut unread = Vec::new();
    let mut minimum = None;
    let mut rates = Vec::new();
    let mut clips: Vec<(&Terms, Decimal)> = Vec::new();
    let picture = |amount, routes| Rate {
        per: RatePer::Picture,
        amount,
        routes,
        resolution: None,
        audio: None,
    };
    for sku in skus {
        match &sku.meaning {
            None => unread.push(format!("`{}`: {}", sku.name, sku.amount)),
            Some(Meaning::Elsewhere) => {}
            Some(Meaning::Minimum) => minimum = Some(sku.amount),
            Some(Meaning::Reference) if !card.routes.contains_key(&Route::References) => {}
            Some(Meaning::Reference) => rates.push(picture(sku.amount, vec![Route::References])),
            Some(Meaning::Picture) => rates.push(picture(sku.amount, Vec::new())),
            Some(Meaning::Rate(terms)) => clips.push((terms, sku.amount)),
        }
    }
    if clips.is_empty() {
        return Err("the list has no rate for its clips".to_owned());
    }
    for cell in cells(card) {
        let Some((per, amount)) = nearest(&clips, &cell) else {
            let (route, resolution, _) = &cell;
            return Err(format!("the list has no rate for {resolution} by the route `{route}`"));
        };
        let (route, resolution, audio) = cell;
        rates.push(Rate {
            per,
            amount,
            routes: vec![route],
            resolution: Some(resolution),
            audio: Some(audio),
        });
    }
    Ok(Quote { unit: Unit::new("USD"), rates, minimum, whole: true, unread })
}

type Cell = (Route, String, bool);

/// Everything that a clip's rate can depend on.
fn cells(card: &ModelCard) -> Vec<Cell> {
    let mut cells = Vec::new();
    for route in card.routes.keys() {
        for resolution in card.resolutions.keys() {
            cells.extend([false, true].map(|audio| (*route, resolution.clone(), audio)));
        }
    }
    cells
}

/// The rate that fits best: the one that names most of what the clip is. Of several alike, the
/// dearest.
fn nearest(clips: &[(&Terms, Decimal)], cell: &Cell) -> Option<(RatePer, Decimal)> {
    let (route, resolution, audio) = cell;
    let best = |mode: Mode, audio: bool| {
        let fits = |terms: &&(&Terms, Decimal)| {
            let terms = terms.0;
            terms.mode.is_none_or(|named| named == mode)
                && terms
                    .resolution
                    .as_ref()
                    .is_none_or(|named| named.eq_ignore_ascii_case(resolution))
                && terms.audio.is_none_or(|named| named == audio)
        };
        let named = |terms: &Terms| {
            usize::from(terms.mode.is_some())
                + usize::from(terms.audio.is_some())
                + usize::from(terms.resolution.is_some())
        };
        let of = |(terms, amount): &(&Terms, Decimal)| (named(terms), *amount, terms.per);
        clips.iter().filter(fits).map(of).max_by_key(|(named, amount, _)| (*named, *amount))
    };
    let mode = Mode::of(*route);
    // A model whose references have no rate of their own takes them as it takes a picture; one
    // that is only listed with sound, or only without, costs that.
    best(mode, *audio)
        .or_else(|| best(Mode::Image, *audio))
        .or_else(|| best(mode, !*audio))
        .or_else(|| best(Mode::Image, !*audio))
        .map(|(_, amount, per)| (per, amount))
}

fn abilities(entry: &Json) -> Abilities {
    let texts = |name: &str| -> Vec<String> {
        let list = entry.get(name).and_then(Json::as_array).into_iter().flatten();
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(20).collect();
        list.filter_map(Json::as_str).take(100).map(plain).collect()
    };
    let frames = entry.get("supported_frame_images").filter(|list| list.is_array()).map(|_| {
        let frames = texts("supported_frame_images");
        let has = |name: &str| frames.iter().any(|frame| frame == name);
        (has("first_frame"), has("last_frame"))
    });
    let durations = entry.get("supported_durations").and_then(Json::as_array).into_iter().flatten();
    Abilities {
        durations: durations.take(200).filter_map(|one| decimal(Some(one)).ok()).collect(),
        resolutions: texts("supported_resolutions").iter().map(|r| r.to_lowercase()).collect(),
        aspects: texts("supported_aspect_ratios"),
        frames,
        seed: entry.get("seed").and_then(Json::as_bool),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn card() -> ModelCard {
        serde_json::from_value(json!({
            "kinora_model": 1, "model": "openrouter/m", "provider": "openrouter", "title": "m",
            "routes": {"text": {}, "image": {"min": 1, "max": 1}, "references": {"min": 1, "max": 4}},
            "durations": {"values": ["4", "8"]}, "api": {"id": "maker/m"},
            "resolutions": {"720p": {"short_side": 720}, "1080p": {"short_side": 1080}},
        }))
        .expect("a card")
    }

    fn quoted(skus: Json) -> Result<Quote, String> {
        let list =
            list(&json!({"data": [{"id": "maker/m", "pricing_skus": skus}]})).expect("a list");
        quote(&card(), &list["maker/m"])
    }

    /// The rate of a cell, as text.
    fn rate(skus: Json, route: Route, resolution: &str, audio: bool) -> String {
        let quote = quoted(skus).expect("understood");
        let rates: Vec<String> = quote
            .rates
            .iter()
            .filter(|r| r.per != RatePer::Picture && r.routes == [route])
            .filter(|r| r.resolution.as_deref() == Some(resolution) && r.audio == Some(audio))
            .map(|r| format!("{} {}", r.amount, r.per.words()))
            .collect();
        rates.join(", ")
    }

    #[test]
    fn the_most_particular_rate_counts() {
        let skus = || {
            json!({
                "duration_seconds_with_audio": "0.40", "duration_seconds_without_audio": "0.20",
                "duration_seconds_with_audio_720p": "0.10",
            })
        };
        assert_eq!(rate(skus(), Route::Text, "720p", true), "0.1 a second");
        assert_eq!(rate(skus(), Route::Text, "720p", false), "0.2 a second");
        assert_eq!(rate(skus(), Route::Image, "1080p", true), "0.4 a second");
        let by_mode = json!({
            "duration_seconds": "0.084", "image_to_video_duration_seconds_1080p": "0.112",
        });
        assert_eq!(rate(by_mode.clone(), Route::Text, "1080p", false), "0.084 a second");
        assert_eq!(rate(by_mode, Route::Image, "1080p", false), "0.112 a second");
    }

    #[test]
    fn documented_names_cents_and_tokens_are_read() {
        let documented = json!({"per-video-second": "0.50", "per-video-second-1080p": "0.75"});
        assert_eq!(rate(documented.clone(), Route::Text, "720p", false), "0.5 a second");
        assert_eq!(rate(documented, Route::Text, "1080p", false), "0.75 a second");
        let cents = json!({"cents_per_second_output": "12"});
        assert_eq!(rate(cents, Route::Text, "720p", false), "0.12 a second");
        let tokens = json!({
            "video_tokens": "0.0000024", "video_tokens_without_audio": "0.0000012",
            "video_tokens_with_video_input": "0.5",
        });
        assert_eq!(rate(tokens.clone(), Route::Text, "720p", false), "0.0000012 a token");
        assert_eq!(rate(tokens, Route::Text, "720p", true), "0.0000024 a token");
    }

    #[test]
    fn pictures_and_the_least_that_a_clip_costs_are_told() {
        let quote = quoted(json!({
            "duration_seconds": "0.13", "reference_images": "0.04", "cents_per_image_input": "0.2",
            "minimum_cents_per_generation": "56",
        }))
        .expect("understood");
        assert_eq!(quote.minimum, Some(Decimal::new(56, 2)));
        let pictures: Vec<_> = quote.rates.iter().filter(|r| r.per == RatePer::Picture).collect();
        assert_eq!(pictures[0].amount.to_string(), "0.04");
        assert_eq!(pictures[0].routes, [Route::References]);
        assert_eq!(pictures[1].amount.to_string(), "0.002");
    }

    #[test]
    fn a_name_that_is_not_known_is_never_passed_over() {
        let quote = quoted(json!({"duration_seconds": "0.1", "handling_fee": "0.5"}));
        assert_eq!(quote.expect("understood").unread, ["`handling_fee`: 0.5"]);
        for name in ["duration_seconds_vip", "video_tokens_720p_480p", "per_video_secondary"] {
            assert_eq!(meaning(name).0, None, "{name}");
        }
    }

    #[test]
    fn what_can_not_be_a_price_is_said() {
        let why = |skus| quoted(skus).expect_err("not understood");
        assert_eq!(why(json!({})), "the list has no price for it");
        assert_eq!(why(json!(null)), "the list has no price for it");
        assert_eq!(
            why(json!({"duration_seconds": "-0.1"})),
            "`duration_seconds`: -0.1 is below zero"
        );
        assert_eq!(why(json!({"reference_images": "1"})), "the list has no rate for its clips");
        let only = why(json!({"duration_seconds_480p": "0.1"}));
        assert!(only.starts_with("the list has no rate for"), "{only}");
        assert!(list(&json!([])).is_err());
    }

    #[test]
    fn what_the_model_can_do_is_compared_with_the_card() {
        let entry = json!({
            "id": "maker/m", "pricing_skus": {"duration_seconds": "1"}, "seed": true,
            "supported_durations": ["4", "6"], "supported_resolutions": ["720P"],
            "supported_aspect_ratios": ["16:9"], "supported_frame_images": ["first_frame", "last_frame"],
        });
        let list = list(&json!({"data": [entry]})).expect("a list");
        assert_eq!(
            list["maker/m"].abilities.differences(&card()),
            [
                "the provider makes 6 s, which the card does not allow",
                "the card allows 8 s, which the provider does not list",
                "the provider does not list the resolution 1080p of the card",
                "the provider's list has the route `frames`, the card does not",
                "the provider takes a seed, the card gives none",
            ]
        );
        assert!(Abilities::default().differences(&card()).is_empty());
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic_and_no_rate_is_below_zero(
            names in proptest::collection::vec("[a-z_0-9:-]{0,40}", 0..8),
            amounts in proptest::collection::vec("-?[0-9]{1,30}(\\.[0-9]{0,30})?(e-?[0-9]{1,3})?", 8),
        ) {
            let skus: serde_json::Map<String, Json> =
                names.into_iter().zip(amounts).map(|(n, a)| (n, json!(a))).collect();
            if let Ok(quote) = quoted(Json::Object(skus)) {
                prop_assert!(quote.rates.iter().all(|rate| rate.amount >= Decimal::ZERO));
            }
        }
    }
}
