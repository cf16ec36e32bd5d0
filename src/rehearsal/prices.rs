//! Price lists as a provider answers them: what its models' cards say, in its dialect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::replies::Said;
use crate::models::{Charge, ChargePer, Durations, ModelCard, Route};
use crate::protocol::PriceDialect;

/// The models of a provider, and how it tells what they cost.
#[derive(Debug, Clone)]
pub(super) struct Prices {
    /// The dialect.
    pub(super) dialect: PriceDialect,
    /// Whether only those with a key are told.
    pub(super) needs_key: bool,
    /// The models, by name.
    pub(super) models: Arc<[Arc<ModelCard>]>,
}

impl Prices {
    /// The list, for a request with these query parameters.
    pub(super) fn list(&self, query: &[(String, String)]) -> Said {
        match self.dialect {
            PriceDialect::Fal => self.figures(query),
            PriceDialect::Openrouter => {
                let data: Vec<Json> = self.models.iter().map(|card| entry(card)).collect();
                said(200, json!({ "data": data }))
            }
        }
    }

    /// What the provider itself reckons.
    pub(super) fn reckoned(&self, body: &Json) -> Said {
        let known = self.endpoints();
        let asked = body.get("endpoints").and_then(Json::as_object);
        let mut total = Decimal::ZERO;
        for (endpoint, quantity) in asked.into_iter().flatten() {
            let Some(Some(figure)) = known.get(&endpoint[..]) else { return not_found(endpoint) };
            let units = quantity.get("unit_quantity").and_then(Json::as_u64).unwrap_or_default();
            total += figure.amount * Decimal::from(units);
        }
        let kind = body.get("estimate_type").cloned().unwrap_or_default();
        let total = number(total);
        said(200, json!({ "estimate_type": kind, "total_cost": total, "currency": "USD" }))
    }

    fn figures(&self, query: &[(String, String)]) -> Said {
        let known = self.endpoints();
        let named = query.iter().filter(|(name, _)| name == "endpoint_id");
        let mut asked: BTreeSet<&str> =
            named.flat_map(|(_, ids)| ids.split(',')).map(str::trim).collect();
        if asked.is_empty() {
            asked = known.keys().copied().collect();
        }
        let mut prices = Vec::new();
        for endpoint in asked {
            match known.get(endpoint) {
                None => return not_found(endpoint),
                // It runs, but nobody has said for how much.
                Some(None) => {}
                Some(Some(figure)) => prices.push(json!({
                    "endpoint_id": endpoint, "unit_price": number(figure.amount),
                    "unit": figure.unit, "currency": figure.currency,
                })),
            }
        }
        said(200, json!({ "prices": prices, "next_cursor": null, "has_more": false }))
    }

    /// One figure for each endpoint, as far as its card has a price.
    fn endpoints(&self) -> BTreeMap<&str, Option<Figure>> {
        let mut endpoints = BTreeMap::new();
        for card in self.models.iter() {
            for route in card.routes.keys() {
                endpoints.entry(card.api_id(*route)).or_insert_with(|| figure(card, *route));
            }
        }
        endpoints
    }
}

/// What an endpoint costs.
struct Figure {
    amount: Decimal,
    unit: &'static str,
    currency: String,
}

/// The figure that stands for a card's lines: that of a usual clip.
fn figure(card: &ModelCard, route: Route) -> Option<Figure> {
    let price = card.price.as_ref()?;
    let usual = card.usual_resolution()?;
    let charge = price.charges.iter().find(|charge| {
        charge.per.is_for_the_clip()
            && charge.options.is_empty()
            && !charge.on_top
            && (charge.routes.is_empty() || charge.routes.contains(&route))
            && (charge.resolutions.is_empty() || charge.resolutions.iter().any(|r| r == usual))
    })?;
    let one = charge.amount.checked_div(Decimal::from(charge.each))?;
    let (amount, unit) = match charge.per {
        ChargePer::Second => (one, "seconds"),
        ChargePer::Clip => (one, "videos"),
        ChargePer::Token => (one.checked_mul(Decimal::ONE_THOUSAND)?, "1000 tokens"),
        ChargePer::ComputeSecond => (one, "compute seconds"),
        ChargePer::Image | ChargePer::InputSecond => return None,
    };
    Some(Figure { amount, unit, currency: price.unit.to_string() })
}

/// A model as OpenRouter lists it.
fn entry(card: &ModelCard) -> Json {
    let id = card.routes.keys().next().map_or(&card.model[..], |route| card.api_id(*route));
    let durations: Vec<Json> = match &card.durations {
        Durations::Values(values) => values.iter().copied().map(number).collect(),
        Durations::Range { min, max, step } => {
            let step = if step.is_zero() { Decimal::ONE } else { *step };
            let next = |last: &Decimal| Some(last + step).filter(|next| next <= max);
            std::iter::successors(Some(*min), next).take(100).map(number).collect()
        }
    };
    let aspects: Vec<String> = card.aspects.iter().map(ToString::to_string).collect();
    let sizes: Vec<String> = card
        .resolutions
        .values()
        .flat_map(|resolution| card.aspects.iter().map(|aspect| resolution.size(*aspect)))
        .map(|(width, height)| format!("{width}x{height}"))
        .collect();
    let frames: &[&str] = match () {
        () if card.routes.contains_key(&Route::Frames) => &["first_frame", "last_frame"],
        () if card.routes.contains_key(&Route::Image) => &["first_frame"],
        () => &[],
    };
    json!({
        "id": id, "canonical_slug": id, "name": card.title, "created": 1_767_225_600,
        "allowed_passthrough_parameters": [], "creativity": null, "upscale_factor": null,
        "generate_audio": true, "seed": card.seed, "supported_aspect_ratios": aspects,
        "supported_durations": durations, "supported_frame_images": frames,
        "supported_resolutions": card.resolutions.keys().collect::<Vec<_>>(),
        "supported_sizes": sizes, "pricing_skus": skus(card),
    })
}

/// A card's lines as OpenRouter names them.
fn skus(card: &ModelCard) -> Json {
    let mut named = serde_json::Map::new();
    let price = card.price.iter();
    for charge in price.clone().flat_map(|price| &price.charges) {
        for (name, times) in names(charge) {
            let one = charge.amount.checked_div(Decimal::from(charge.each));
            let amount = one.and_then(|one| one.checked_mul(Decimal::from(times)));
            let text = amount.unwrap_or_default().normalize().to_string();
            named.entry(name).or_insert_with(|| text.into());
        }
    }
    if let Some(minimum) = price.flat_map(|price| price.minimum).next() {
        let cents = (minimum * Decimal::ONE_HUNDRED).normalize().to_string();
        named.insert("minimum_cents_per_generation".to_owned(), cents.into());
    }
    Json::Object(named)
}

/// Under which names a line stands, and by what its amount is multiplied there.
fn names(charge: &Charge) -> Vec<(String, u32)> {
    let stem = match charge.per {
        ChargePer::Second => "duration_seconds",
        ChargePer::Token => "video_tokens",
        ChargePer::Clip => return vec![("generate".to_owned(), 1)],
        ChargePer::Image if charge.routes == [Route::References] => {
            return vec![("reference_images".to_owned(), 1)];
        }
        ChargePer::Image => return vec![("cents_per_image_input".to_owned(), 100)],
        ChargePer::InputSecond | ChargePer::ComputeSecond => return Vec::new(),
    };
    let sound = |options: &[String]| options.iter().any(|option| option == "audio");
    let audio = match (sound(&charge.options), sound(&charge.without)) {
        (true, _) => "_with_audio",
        (_, true) => "_without_audio",
        _ => "",
    };
    let mut modes: BTreeSet<&str> = charge
        .routes
        .iter()
        .map(|route| match route {
            Route::Text => "text_to_video_",
            Route::Image | Route::Frames => "image_to_video_",
            Route::References => "reference_to_video_",
        })
        .collect();
    if modes.is_empty() {
        modes.insert("");
    }
    let mut ends: Vec<String> = charge.resolutions.iter().map(|r| format!("_{r}")).collect();
    if ends.is_empty() {
        ends.push(String::new());
    }
    let all = modes.iter().flat_map(|mode| ends.iter().map(move |end| (mode, end)));
    all.map(|(mode, end)| (format!("{mode}{stem}{audio}{end}"), 1)).collect()
}

/// A decimal as a JSON number: what a reader that keeps text reads back the same.
fn number(value: Decimal) -> Json {
    serde_json::from_str(&value.normalize().to_string()).unwrap_or_default()
}

fn said(status: u16, body: Json) -> Said {
    Said { status, body: Some(body), ..Said::default() }
}

fn not_found(endpoint: &str) -> Said {
    let message = format!("Endpoint '{endpoint}' not found");
    said(404, json!({ "error": { "type": "not_found", "message": message } }))
}
