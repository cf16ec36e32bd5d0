//! The models that can be planned with, as people read them.

use crate::models::{ChargePer, ModelCard, Price, Route, Shelf};
use crate::money::display_value;

use super::layout::{Ink, Paper};

/// Every model: its name and price, then what it can do.
pub fn models_text(shelf: &Shelf, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut lines = Vec::new();
    for card in shelf.iter() {
        lines.push(paper.ink(Ink::Strong, &card.model));
        lines.extend(paper.prose("  ", &card.title));
        lines.extend(paper.prose("  ", &abilities(card)));
        match &card.price {
            Some(price) => lines.extend(paper.prose("  ", &price_line(price))),
            None => lines.push(format!("  {}", paper.ink(Ink::Warn, "price: not known"))),
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

fn abilities(card: &ModelCard) -> String {
    let routes: Vec<String> = card
        .routes
        .iter()
        .map(|(route, ability)| match route {
            Route::References => format!("{route} (up to {})", ability.max),
            _ => route.to_string(),
        })
        .collect();
    let sizes: Vec<&str> = card.resolutions.keys().map(String::as_str).collect();
    let aspects: Vec<String> = card.aspects.iter().map(ToString::to_string).collect();
    let aspects = if aspects.is_empty() { "any aspect".to_owned() } else { aspects.join(" ") };
    let mut parts = vec![routes.join(", "), card.durations.to_string(), sizes.join(", "), aspects];
    if card.seed {
        parts.push("seed".to_owned());
    }
    parts.join(" · ")
}

/// A price list in one line: `price: USD 0.1346/s (480p), 0.3034/s (720p), as of …`.
fn price_line(price: &Price) -> String {
    if price.charges.iter().all(|c| c.amount.is_zero()) {
        return "price: free of charge".to_owned();
    }
    let charges: Vec<String> = price
        .charges
        .iter()
        .map(|charge| {
            let per = match charge.per {
                ChargePer::Second => "s",
                ChargePer::Clip => "clip",
                ChargePer::Image => "picture",
            };
            let mut only: Vec<String> = charge.resolutions.clone();
            only.extend(charge.routes.iter().map(ToString::to_string));
            let only = match only.is_empty() {
                true => String::new(),
                false => format!(" ({})", only.join(", ")),
            };
            format!("{}/{per}{only}", display_value(charge.amount))
        })
        .collect();
    let least = price.minimum.map(|m| format!(", at least {}", display_value(m)));
    format!(
        "price: {} {}{}; as of {}, {}",
        price.unit,
        charges.join(", "),
        least.unwrap_or_default(),
        price.as_of,
        price.source
    )
}
