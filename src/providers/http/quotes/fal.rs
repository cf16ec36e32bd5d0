//! fal's price list: one figure for each endpoint.
//!
//! The list: `GET …/v1/models/pricing?endpoint_id=…` (fal's documentation of its platform API,
//! "Pricing", 2026). "Output-based" units are adjusted by fal in proportion to resolution or
//! length, which the list does not show.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::exact::decimal;
use crate::models::{ModelCard, Quote, Rate, RatePer};
use crate::money::Unit;

/// Entries of one page that are looked at.
const MOST_ENTRIES: usize = 1_000;

/// One endpoint's figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// For one unit.
    pub amount: Decimal,
    /// What is counted, as fal writes it.
    pub unit: String,
    /// Of the amount.
    pub currency: Unit,
}

/// One page of the list.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// By endpoint: its figure, or what is wrong with it.
    pub figures: BTreeMap<String, Result<Figure, String>>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// The endpoints of a model, each once, in the order of its routes.
pub(super) fn endpoints(card: &ModelCard) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let ids = card.routes.keys().map(|route| card.api_id(*route));
    ids.filter(|id| seen.insert(*id)).collect()
}

/// Reads a page.
///
/// # Errors
/// When it has not the form of the list.
pub(super) fn page(body: &Json) -> Result<Page, String> {
    let Some(prices) = body.get("prices").and_then(Json::as_array) else {
        return Err("the reply has no list `prices`".to_owned());
    };
    if prices.len() > MOST_ENTRIES {
        return Err(format!("the list has {} entries, more than were asked for", prices.len()));
    }
    let mut page = Page::default();
    for entry in prices {
        let Some(endpoint) = text(entry, "endpoint_id") else { continue };
        let figure = figure(entry);
        // Of two figures for one endpoint nobody knows which is meant.
        page.figures
            .entry(endpoint.to_owned())
            .and_modify(|known| {
                if *known != figure {
                    *known = Err("the list has it twice, with two figures".to_owned());
                }
            })
            .or_insert(figure);
    }
    let more = body.get("has_more").and_then(Json::as_bool) != Some(false);
    page.next =
        text(body, "next_cursor").filter(|next| more && !next.is_empty()).map(str::to_owned);
    Ok(page)
}

fn text<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str)
}

fn figure(entry: &Json) -> Result<Figure, String> {
    let amount = decimal(entry.get("unit_price")).map_err(|why| format!("`unit_price`: {why}"))?;
    let unit = text(entry, "unit").map(str::trim).filter(|unit| !unit.is_empty());
    let unit = unit.ok_or_else(|| "it does not say what it counts (`unit`)".to_owned())?;
    let currency = text(entry, "currency").map(str::trim).filter(|c| is_currency(c));
    let currency = currency.ok_or_else(|| "it does not say its currency".to_owned())?;
    if amount < Decimal::ZERO {
        return Err(format!("{amount} {currency} is below zero"));
    }
    Ok(Figure { amount, unit: shown(unit), currency: Unit::new(currency) })
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// A word of a reply, fit to be printed.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// What a model costs by the figures of its endpoints.
///
/// # Errors
/// What is missing or can't be understood, in words.
pub(super) fn quote(
    card: &ModelCard,
    figures: &BTreeMap<String, Result<Figure, String>>,
) -> Result<Quote, String> {
    let mut rates: Vec<Rate> = Vec::new();
    let mut unit: Option<Unit> = None;
    for route in card.routes.keys() {
        let endpoint = card.api_id(*route);
        let figure = match figures.get(endpoint) {
            None => return Err(format!("the list has no endpoint `{endpoint}`")),
            Some(Err(why)) => return Err(format!("`{endpoint}`: {why}")),
            Some(Ok(figure)) => figure,
        };
        let known = unit.get_or_insert_with(|| figure.currency.clone());
        if *known != figure.currency {
            return Err(format!("its endpoints count in {known} and in {}", figure.currency));
        }
        let (per, amount) = counted(figure).ok_or_else(|| {
            let (amount, currency) = (figure.amount, &figure.currency);
            format!(
                "`{endpoint}` costs {amount} {currency} for each `{}`, and how many of those a clip \
                 takes is not known before",
                figure.unit
            )
        })?;
        match rates.iter_mut().find(|rate| rate.per == per && rate.amount == amount) {
            Some(rate) => rate.routes.push(*route),
            None => rates.push(Rate {
                per,
                amount,
                routes: vec![*route],
                resolution: None,
                audio: None,
            }),
        }
    }
    if let [one] = &mut rates[..] {
        one.routes.clear();
    }
    let unit = unit.ok_or_else(|| "the model has no route".to_owned())?;
    Ok(Quote { unit, rates, minimum: None, whole: false, unread: Vec::new() })
}

/// What a figure counts, and the amount for one of it.
fn counted(figure: &Figure) -> Option<(RatePer, Decimal)> {
    let words = figure.unit.to_lowercase().replace(['_', '-'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let plural = words.strip_suffix('s').unwrap_or(&words);
    let tokens = |thousands: i64| {
        let amount = figure.amount.checked_div(Decimal::from(thousands))?;
        Some((RatePer::Token, amount.normalize()))
    };
    match plural {
        "second" | "video second" | "output second" | "second of video" => {
            Some((RatePer::Second, figure.amount))
        }
        "video" | "clip" | "generation" | "request" | "call" => {
            Some((RatePer::Clip, figure.amount))
        }
        "token" | "video token" => Some((RatePer::Token, figure.amount)),
        "1000 token" | "1k token" | "thousand token" | "1000 video token" => tokens(1_000),
        "1000000 token" | "1m token" | "million token" => tokens(1_000_000),
        _ => None,
    }
}

/// What asks for fal's own reckoning of so many units of each endpoint.
pub(super) fn estimate_body(units: &BTreeMap<&str, u32>) -> Json {
    let endpoints: serde_json::Map<String, Json> = units
        .iter()
        .map(|(endpoint, units)| ((*endpoint).to_owned(), json!({ "unit_quantity": units })))
        .collect();
    json!({ "estimate_type": "unit_price", "endpoints": endpoints })
}

/// What fal reckons.
///
/// # Errors
/// What is wrong with the reply, in words.
pub(super) fn estimated(body: &Json) -> Result<(Decimal, String), String> {
    let total = decimal(body.get("total_cost")).map_err(|why| format!("`total_cost`: {why}"))?;
    let currency = text(body, "currency").filter(|c| is_currency(c));
    let currency = currency.ok_or_else(|| "it does not say its currency".to_owned())?;
    Ok((total, currency.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Route;

    fn card() -> ModelCard {
        serde_json::from_value(json!({
            "kinora_model": 1, "model": "fal/m", "provider": "fal", "title": "m",
            "routes": {"text": {}, "image": {"min": 1, "max": 1}, "frames": {"min": 2, "max": 2}},
            "durations": {"values": ["5"]}, "resolutions": {"720p": {"short_side": 720}},
            "api": {"routes": {
                "text": {"id": "m/text"}, "image": {"id": "m/image"}, "frames": {"id": "m/image"},
            }},
        }))
        .expect("a card")
    }

    fn entry(endpoint: &str, price: &str, unit: &str) -> Json {
        json!({ "endpoint_id": endpoint, "unit_price": price, "unit": unit, "currency": "USD" })
    }

    fn quoted(entries: Vec<Json>) -> Result<Quote, String> {
        quote(&card(), &page(&json!({ "prices": entries })).expect("a page").figures)
    }

    #[test]
    fn endpoints_are_asked_once_each() {
        assert_eq!(endpoints(&card()), ["m/text", "m/image"]);
    }

    #[test]
    fn one_figure_for_all_endpoints_is_one_rate() {
        let quote =
            quoted(vec![entry("m/text", "0.3", "seconds"), entry("m/image", "0.30", "second")]);
        let quote = quote.expect("understood");
        assert_eq!(quote.unit, Unit::new("USD"));
        assert_eq!(quote.rates.len(), 1);
        assert_eq!(
            (quote.rates[0].per, quote.rates[0].amount),
            (RatePer::Second, Decimal::new(3, 1))
        );
        assert!(quote.rates[0].routes.is_empty());
    }

    #[test]
    fn endpoints_that_differ_are_told_apart_by_route() {
        let quote = quoted(vec![entry("m/text", "1", "video"), entry("m/image", "2", "videos")]);
        let rates = quote.expect("understood").rates;
        let routes: Vec<&[Route]> = rates.iter().map(|rate| &rate.routes[..]).collect();
        assert_eq!(routes, [&[Route::Text][..], &[Route::Image, Route::Frames]]);
    }

    #[test]
    fn thousands_of_tokens_are_told_by_the_token() {
        let quote = quoted(vec![
            entry("m/text", "0.014", "1000 tokens"),
            entry("m/image", "14", "1m tokens"),
        ]);
        let rates = quote.expect("understood").rates;
        assert_eq!((rates.len(), rates[0].per), (1, RatePer::Token));
        assert_eq!(rates[0].amount.to_string(), "0.000014");
    }

    #[test]
    fn what_can_not_be_a_price_is_said() {
        let text = || entry("m/text", "1", "video");
        let why = |entries| quoted(entries).expect_err("not understood");
        assert_eq!(why(vec![text()]), "the list has no endpoint `m/image`");
        let negative = why(vec![text(), entry("m/image", "-0.5", "video")]);
        assert_eq!(negative, "`m/image`: -0.5 USD is below zero");
        let unit = why(vec![text(), entry("m/image", "0.001", "compute seconds")]);
        assert!(unit.contains("`compute seconds`"), "{unit}");
        let twice =
            why(vec![text(), entry("m/image", "1", "video"), entry("m/image", "2", "video")]);
        assert!(twice.contains("twice"), "{twice}");
        let mut other = entry("m/image", "1", "video");
        other["currency"] = json!("EUR");
        assert_eq!(why(vec![text(), other]), "its endpoints count in USD and in EUR");
        let mut none = entry("m/image", "1", "video");
        none["currency"] = json!("$");
        assert_eq!(why(vec![text(), none]), "`m/image`: it does not say its currency");
        assert!(page(&json!({"detail": "no"})).is_err());
    }

    #[test]
    fn a_list_goes_on_where_it_says_so() {
        let next = |body| page(&body).expect("a page").next;
        assert_eq!(
            next(json!({"prices": [], "next_cursor": "c", "has_more": true})).as_deref(),
            Some("c")
        );
        assert_eq!(next(json!({"prices": [], "next_cursor": "c", "has_more": false})), None);
        assert_eq!(next(json!({"prices": [], "next_cursor": null})), None);
    }
}
