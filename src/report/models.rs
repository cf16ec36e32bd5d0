//! The models that can be planned with, as people and programs read them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use super::layout::{Ink, Paper, fitted};
use super::phrase::plain;
use crate::manifest::{Budget, Settings};
use crate::models::{ModelCard, Priced, Route};
use crate::money::display_value;
use crate::plan::{ModelOffer, Reach, RoutePrice};

/// Aspects that a table names.
const ASPECTS: usize = 4;

/// Between two columns.
const GAP: usize = 2;

/// Columns from which a table is worth trying.
const TABLE: usize = 110;

/// What a page of models says beside the models.
#[derive(Debug, Clone, Copy)]
pub struct ModelsFacts<'a> {
    /// The defaults that prices are for.
    pub defaults: &'a Settings,
    /// The budget whose unit prices are told in too.
    pub budget: &'a Budget,
}

/// Every model in its part: usable now, or what is missing. One line each where there is room,
/// else two.
pub fn models_text(
    offers: &[ModelOffer],
    facts: &ModelsFacts<'_>,
    width: usize,
    colour: bool,
) -> String {
    let paper = Paper::new(width, colour);
    let rows: Vec<Row> = offers.iter().map(|offer| Row::of(offer, facts.budget)).collect();
    let widths = Row::widths(&rows);
    let total: usize = widths.iter().map(|w| w + GAP).sum();
    let table = width >= TABLE && total <= width;
    let mut lines = vec![paper.ink(Ink::Quiet, &for_what(facts))];
    let mut part = None;
    for (offer, row) in offers.iter().zip(&rows) {
        let title = part_of(&offer.reach);
        if part.as_ref() != Some(&title) {
            lines.push(String::new());
            let ink = if offer.reach == Reach::Ready { Ink::Good } else { Ink::Strong };
            lines.extend(paper.prose("", &title).iter().map(|line| paper.ink(ink, line)));
            if table {
                lines.push(paper.ink(Ink::Quiet, &Row::head().line(&widths)));
            }
            part = Some(title);
        }
        if table {
            lines.push(row.line(&widths));
        } else {
            lines.extend(row.folded(paper));
        }
    }
    if offers.is_empty() {
        lines.push("No model can be used: set a provider's key, or see `kinora models`.".into());
    }
    lines.push(String::new());
    lines.join("\n")
}

fn for_what(facts: &ModelsFacts<'_>) -> String {
    let defaults = facts.defaults;
    let seconds = defaults.duration.as_ref().map_or(Decimal::from(5), |d| d.value);
    let mut what = vec![
        format!("{} s", seconds.normalize()),
        defaults.resolution.as_ref().map_or("720p", |r| &r.value).to_owned(),
    ];
    what.extend(defaults.aspect.as_ref().map(|a| a.value.clone()));
    format!("Prices are for one clip: {}.", plain(&what.join(", ")))
}

fn part_of(reach: &Reach) -> String {
    match reach {
        Reach::Ready => "Usable now".to_owned(),
        Reach::NeedsKey(_) => format!("Usable once there is a key: {}", reach.needs()),
        Reach::NeedsVariables(_) => format!("Usable once the manifest sets {}", reach.needs()),
        Reach::NoCard => "Can be planned with, not run: there is no provider card".to_owned(),
    }
}

/// A model in cells.
struct Row {
    model: String,
    routes: String,
    seconds: String,
    sizes: String,
    aspects: String,
    mention: String,
    price: String,
}

impl Row {
    fn of(offer: &ModelOffer, budget: &Budget) -> Self {
        let card = &*offer.card;
        Row {
            model: plain(&card.model),
            routes: routes(card),
            seconds: card.durations.to_string(),
            sizes: sizes(card),
            aspects: aspects(card),
            mention: mention(card).unwrap_or_else(|| "–".to_owned()),
            price: price(offer, budget),
        }
    }

    fn head() -> Self {
        let [model, routes, seconds, sizes, aspects, mention, price] =
            ["model", "routes", "length", "sizes", "aspects", "mentions", "price"]
                .map(str::to_owned);
        Row { model, routes, seconds, sizes, aspects, mention, price }
    }

    fn cells(&self) -> [&str; 7] {
        let Row { model, routes, seconds, sizes, aspects, mention, price } = self;
        [model, routes, seconds, sizes, aspects, mention, price]
    }

    fn widths(rows: &[Row]) -> [usize; 7] {
        let mut widths = Row::head().cells().map(UnicodeWidthStr::width);
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row.cells()) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn line(&self, widths: &[usize; 7]) -> String {
        let mut line = String::new();
        for (cell, width) in self.cells().into_iter().zip(widths) {
            line.push_str(&" ".repeat(GAP));
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width())));
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// Name and price on one line, abilities below.
    fn folded(&self, paper: Paper) -> Vec<String> {
        let room = paper.width.saturating_sub(self.price.width() + 2 * GAP).max(8);
        let model = fitted(&self.model, room);
        let gap = paper.width.saturating_sub(GAP + model.width() + self.price.width());
        let first = format!(
            "{}{}{}{}",
            " ".repeat(GAP),
            paper.ink(Ink::Strong, &model),
            " ".repeat(gap.max(GAP)),
            self.price
        );
        let mut parts = vec![&*self.routes, &self.seconds, &self.sizes, &self.aspects];
        parts.extend((self.mention != "–").then_some(&*self.mention));
        let mut lines = vec![first];
        lines.extend(paper.prose("    ", &parts.join(" · ")));
        lines
    }
}

/// Routes, with how many pictures those take that take several.
fn routes(card: &ModelCard) -> String {
    let routes = card.routes.iter().map(|(route, ability)| match (route, ability.max) {
        (Route::References, 0) => "references".to_owned(),
        (Route::References, most) => match ability.min.max(1) {
            least if least == most => format!("references {most}"),
            least => format!("references {least}–{most}"),
        },
        _ => route.to_string(),
    });
    routes.collect::<Vec<_>>().join(", ")
}

fn sizes(card: &ModelCard) -> String {
    let mut sizes: Vec<(u32, &str)> =
        card.resolutions.iter().map(|(name, r)| (r.short_side, name.as_str())).collect();
    sizes.sort_unstable();
    match &sizes[..] {
        [(_, first), .., (_, last)] if sizes.len() > ASPECTS => plain(&format!("{first}–{last}")),
        few => plain(&few.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" ")),
    }
}

fn aspects(card: &ModelCard) -> String {
    if card.aspects.is_empty() {
        return "any aspect".to_owned();
    }
    let mut named: Vec<String> =
        card.aspects.iter().take(ASPECTS).map(ToString::to_string).collect();
    let more = card.aspects.len().saturating_sub(ASPECTS);
    named.extend((more > 0).then(|| format!("+{more}")));
    named.join(" ")
}

/// How the model's own API calls the first picture in a prompt.
fn mention(card: &ModelCard) -> Option<String> {
    let by = |route: &Route| card.routes.get(route)?.mention.as_ref();
    let mention = [Route::References, Route::Image, Route::Frames].iter().find_map(by)?;
    Some(plain(&mention.render(1, "name")))
}

/// The price for the defaults: one, or from the cheapest route to the dearest.
fn price(offer: &ModelOffer, budget: &Budget) -> String {
    let known: Vec<(Decimal, &RoutePrice)> =
        offer.prices.iter().filter_map(|price| Some((price.own.known()?.value, price))).collect();
    let least = known.iter().min_by_key(|(value, _)| *value);
    let most = known.iter().max_by_key(|(value, _)| *value);
    let (Some((least, cheap)), Some((most, dear))) = (least, most) else {
        return "unpriced".to_owned();
    };
    let span = |a: Decimal, b: Decimal| match a == b {
        true => display_value(a),
        false => format!("{}–{}", display_value(a), display_value(b)),
    };
    let unit = offer.card.price.as_ref().map_or_else(String::new, |p| p.unit.to_string());
    let mut text = match most.is_zero() {
        true => "free".to_owned(),
        false => format!("{} {}", span(*least, *most), plain(&unit)),
    };
    let converted = cheap.in_budget.zip(dear.in_budget);
    if let Some((least, most)) =
        converted.filter(|_| unit != budget.unit.as_str() && text != "free")
    {
        text.push_str(&format!(" = {} {}", span(least, most), plain(budget.unit.as_str())));
    }
    let lacks_price = offer.lacks.iter().any(|lack| !lack.contains(':'));
    if lacks_price {
        let (seconds, resolution) = (offer.duration.normalize(), plain(&offer.resolution));
        text.push_str(&format!(" ({seconds} s, {resolution})"));
    } else if !offer.lacks.is_empty() {
        text.push_str(&format!(" (no {})", offer.lacks.join(", ")));
    }
    text
}

/// Every model for programs: its card, whether it can be used, what it needs, and its price for
/// the defaults.
pub fn models_json(offers: &[ModelOffer], facts: &ModelsFacts<'_>) -> String {
    let models: Vec<Json> = offers.iter().map(|offer| model_json(offer, facts.budget)).collect();
    let usable = offers.iter().filter(|offer| offer.reach == Reach::Ready).count();
    let text = json!({
        "format_version": "1.0",
        "usable": usable,
        "unit": facts.budget.unit.to_string(),
        "models": models,
    });
    format!("{text:#}\n")
}

fn model_json(offer: &ModelOffer, budget: &Budget) -> Json {
    let mut model = serde_json::to_value(&*offer.card).unwrap_or_default();
    let text = |value: Decimal| value.normalize().to_string();
    let price = |price: &RoutePrice| {
        let mut of = serde_json::Map::new();
        if let Priced::Known(amount) = &price.own {
            of.insert("amount".into(), json!(text(amount.value)));
            of.insert("unit".into(), json!(amount.unit.to_string()));
        }
        if let Some(value) = price.in_budget {
            of.insert(
                "in_budget".into(),
                json!({
                    "amount": text(value), "unit": budget.unit.to_string(),
                }),
            );
        }
        (price.route.as_str().to_owned(), Json::Object(of))
    };
    let by_route: BTreeMap<String, Json> = offer.prices.iter().map(price).collect();
    let needs = match &offer.reach {
        Reach::NeedsKey(sources) => json!(sources),
        _ => json!([]),
    };
    let variables = match &offer.reach {
        Reach::NeedsVariables(names) => json!(names),
        _ => json!([]),
    };
    if let Json::Object(model) = &mut model {
        model.insert("usable".into(), json!(offer.reach == Reach::Ready));
        model.insert("has_provider_card".into(), json!(offer.reach != Reach::NoCard));
        model.insert("needs".into(), needs);
        model.insert("needs_variables".into(), variables);
        model.insert(
            "price_for_defaults".into(),
            json!({
                "seconds": text(offer.duration),
                "resolution": offer.resolution,
                "lacks": offer.lacks,
                "by_route": by_route,
            }),
        );
    }
    model
}
