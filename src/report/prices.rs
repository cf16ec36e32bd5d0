//! Prices: what each model costs, since when that is known and from where; and what asking the
//! providers changes.
//!
//! What never lives here: asking, believing, writing the price file.

mod refresh;
mod words;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Ink, Paper};
use super::phrase::{count, plain};
use crate::models::{BUILT_IN, Price, PriceFrom, Priced, Route, Shelf};
use crate::money::display_value;
use crate::plan::{ModelOffer, age_days};
use crate::protocol::Rack;

pub use refresh::changes as price_changes;
pub use refresh::{
    PriceChange, PriceOutcome, REFRESH_FORMAT, RefreshLine, RefreshReport, refresh_json,
    refresh_schema, refresh_text,
};

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const PRICES_FORMAT: &str = "1.0";

/// What models cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PricesReport {
    /// Version of this form.
    pub format_version: String,
    /// The day for which it is.
    #[schemars(with = "String")]
    pub day: Date,
    /// Days after which a price is old.
    pub max_age_days: u32,
    /// The models, by name.
    pub models: Vec<PriceLine>,
}

/// What one model costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceLine {
    /// Model.
    pub model: String,
    /// Provider.
    pub provider: String,
    /// Whether its provider can be asked for the price.
    pub can_be_asked: bool,
    /// The price in force; absent: nobody knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceView>,
    /// Seconds of the clip that is priced as an example, a decimal string.
    pub example_seconds: String,
    /// Its resolution.
    pub example_resolution: String,
    /// What it costs by each route; routes without a known price are left out.
    pub example: Vec<ExampleView>,
}

/// A price with its day and source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceView {
    /// Unit.
    pub unit: String,
    /// Its lines in words.
    pub lines: Vec<String>,
    /// The day on which it was true.
    #[schemars(with = "String")]
    pub as_of: Date,
    /// Days since then.
    pub age_days: i64,
    /// Whether that is more than the manifest lets pass.
    pub old: bool,
    /// Where it was read.
    pub source: String,
    /// Whether it is from the model's card or the workspace's price file.
    pub from: PriceFrom,
    /// The first day on which it holds, where the list says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub valid_from: Option<Date>,
    /// The last day on which it holds, where the list says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub valid_until: Option<Date>,
    /// Where it holds, if the provider asks other prices elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What the example costs by one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleView {
    /// The route.
    pub route: Route,
    /// In the price's unit, a decimal string.
    pub amount: String,
    /// In the workspace's unit, a decimal string, where there is a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_budget: Option<String>,
}

impl PricesReport {
    /// Of models on offer.
    pub fn new(
        offers: &[ModelOffer],
        shelf: &Shelf,
        rack: &Rack,
        day: Date,
        max_age_days: u32,
    ) -> Self {
        let mut models: Vec<PriceLine> =
            offers.iter().map(|offer| line(offer, shelf, rack, day, max_age_days)).collect();
        models.sort_by(|a, b| a.model.cmp(&b.model));
        PricesReport { format_version: PRICES_FORMAT.to_owned(), day, max_age_days, models }
    }
}

fn line(offer: &ModelOffer, shelf: &Shelf, rack: &Rack, day: Date, max_age_days: u32) -> PriceLine {
    let card = &offer.card;
    let view = |price: &Price| {
        let age = age_days(price.as_of, day);
        PriceView {
            unit: price.unit.to_string(),
            lines: words::lines(price),
            as_of: price.as_of,
            age_days: age,
            old: age > i64::from(max_age_days) && card.model != BUILT_IN,
            source: price.source.clone(),
            from: shelf.price_origin(&card.model).map(|origin| origin.from).unwrap_or_default(),
            valid_from: price.valid_from,
            valid_until: price.valid_until,
            region: price.region.clone(),
        }
    };
    let examples = offer.prices.iter().filter_map(|by| {
        let Priced::Known(amount) = &by.own else { return None };
        Some(ExampleView {
            route: by.route,
            amount: amount.value.normalize().to_string(),
            in_budget: by.in_budget.map(|value| value.normalize().to_string()),
        })
    });
    PriceLine {
        model: card.model.clone(),
        provider: card.provider.clone(),
        can_be_asked: rack.get(&card.provider).is_some_and(|card| card.prices.is_some()),
        price: card.price.as_ref().map(view),
        example_seconds: offer.duration.normalize().to_string(),
        example_resolution: offer.resolution.clone(),
        example: examples.collect(),
    }
}

/// The report as indented JSON with a last line break.
pub fn prices_json(report: &PricesReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The JSON Schema of [`prices_json`].
pub fn prices_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(PricesReport);
    schema.insert("title".to_owned(), "Kinora prices".into());
    schema.to_value()
}

/// The report for a terminal: what is old first said, then each model.
pub fn prices_text(report: &PricesReport, unit: &str, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut lines = verdict(report, paper);
    for model in &report.models {
        lines.push(String::new());
        lines.extend(block(model, unit, paper));
    }
    lines.join("\n") + "\n"
}

fn verdict(report: &PricesReport, paper: Paper) -> Vec<String> {
    let priced = || report.models.iter().filter_map(|m| Some((m, m.price.as_ref()?)));
    let unpriced = report.models.len() - priced().count();
    let old = priced().filter(|(_, price)| price.old).count();
    let mut said = vec![count(report.models.len() as u64, "model")];
    if unpriced > 0 {
        said.push(format!("{unpriced} unpriced"));
    }
    let aged = priced().filter(|(m, _)| m.model != BUILT_IN);
    if let Some((model, price)) = aged.min_by_key(|(m, price)| (price.as_of, &m.model)) {
        said.push(format!("the oldest price is of {} ({})", price.as_of, model.model));
    }
    if old > 0 {
        said.push(format!("{} older than {} days", old, report.max_age_days));
    }
    let ink = if old + unpriced > 0 { Ink::Warn } else { Ink::Good };
    paper.prose("", &said.join("; ")).iter().map(|line| paper.ink(ink, line)).collect()
}

fn block(model: &PriceLine, unit: &str, paper: Paper) -> Vec<String> {
    let name = paper.ink(Ink::Strong, &plain(&model.model));
    let Some(price) = &model.price else {
        let mut lines = vec![format!("{name}  {}", paper.ink(Ink::Warn, "unpriced"))];
        if model.can_be_asked {
            lines.extend(paper.prose("  ", "`kinora prices refresh` can ask for it"));
        }
        return lines;
    };
    let from = match price.from {
        PriceFrom::Card => "on its card",
        PriceFrom::File => "in prices.yaml",
    };
    let age = match price.age_days {
        0 => "today's".to_owned(),
        days if days < 0 => "tomorrow's".to_owned(),
        days => format!("{} old", count(days.unsigned_abs(), "day")),
    };
    let ink = if price.old { Ink::Warn } else { Ink::Quiet };
    let day = paper.ink(ink, &format!("of {}, {age}, {from}", price.as_of));
    let mut lines = vec![format!("{name}  {day}")];
    for line in &price.lines {
        lines.extend(paper.prose("  ", line));
    }
    if let Some(holds) = holds(price) {
        lines.extend(paper.prose("  ", &holds));
    }
    if let Some(example) = example(model, price, unit) {
        lines.extend(paper.prose("  = ", &example));
    }
    lines.extend(paper.prose("  source: ", &price.source));
    lines
}

fn holds(price: &PriceView) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(price.valid_from.map(|day| format!("from {day}")));
    parts.extend(price.valid_until.map(|day| format!("until {day}")));
    parts.extend(price.region.as_ref().map(|region| format!("in {region}")));
    (!parts.is_empty()).then(|| format!("holds {}", parts.join(", ")))
}

/// `1.52 USD for a clip of 5 s at 720p; 2.02 by references`.
fn example(model: &PriceLine, price: &PriceView, unit: &str) -> Option<String> {
    let mut by_amount: Vec<(&ExampleView, Vec<String>)> = Vec::new();
    for view in &model.example {
        match by_amount.iter_mut().find(|(known, _)| known.amount == view.amount) {
            Some((_, routes)) => routes.push(view.route.to_string()),
            None => by_amount.push((view, vec![view.route.to_string()])),
        }
    }
    let clip = format!("a clip of {} s at {}", model.example_seconds, model.example_resolution);
    let amount = |view: &ExampleView| {
        let shown = |text: &str| text.parse().map_or_else(|_| text.to_owned(), display_value);
        let own = format!("{} {}", shown(&view.amount), price.unit);
        match &view.in_budget {
            Some(value) if price.unit != unit => format!("{own} ({} {unit})", shown(value)),
            _ => own,
        }
    };
    match &by_amount[..] {
        [] => None,
        [(view, routes)] if routes.len() == model.example.len() => {
            Some(format!("{} for {clip}", amount(view)))
        }
        several => {
            let parts: Vec<String> = several
                .iter()
                .map(|(view, routes)| format!("{} by {}", amount(view), routes.join(", ")))
                .collect();
            Some(format!("{clip}: {}", parts.join("; ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema_file;

    #[test]
    fn the_schema_files_are_those_of_the_types() {
        schema_file::check("prices.schema.json", &prices_schema());
        schema_file::check("prices-refresh.schema.json", &refresh_schema());
    }
}
