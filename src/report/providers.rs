//! The providers that can be spoken to: what each can do, as people read it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::layout::{Ink, Paper};
use super::markdown::{head, prose, row};
use crate::environment::Environment;
use crate::models::{Route, Shelf};
use crate::protocol::{Match, ProviderCard, Rack};

/// What is known of one provider: its card and the models that name it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderLine {
    /// Name, as model cards call it.
    pub provider: String,
    /// One line for people.
    pub title: String,
    /// How many models are on the shelf.
    pub models: usize,
    /// Routes that at least one of them has.
    pub routes: BTreeSet<Route>,
    /// How pictures are handed over, the preferred way first.
    pub pictures: Vec<&'static str>,
    /// Whether jobs can be cancelled.
    pub cancel: bool,
    /// How a submission is found whose answer was lost; absent: it can't be.
    pub lookup: Option<&'static str>,
    /// For how many seconds a submission may be sent twice; absent: never.
    pub idempotency_s: Option<u64>,
    /// When it says what a job costs; absent: never.
    pub cost: Option<&'static str>,
    /// What proves the requests.
    pub conformance: Option<String>,
    /// Environment variables that give a key; absent where none is needed.
    pub key: Option<String>,
    /// Whether it can be used now: its key is set, or it needs none.
    pub usable: bool,
    /// What could not be verified.
    pub unverified: Vec<String>,
}

/// One line for each provider card, by name.
pub fn provider_lines(
    rack: &Rack,
    shelf: &Shelf,
    environment: &dyn Environment,
) -> Vec<ProviderLine> {
    rack.iter().map(|card| line(card, shelf, environment)).collect()
}

fn line(card: &ProviderCard, shelf: &Shelf, environment: &dyn Environment) -> ProviderLine {
    let models: Vec<_> = shelf.iter().filter(|model| model.provider == card.provider).collect();
    let auth = card.auth.as_ref();
    ProviderLine {
        provider: card.provider.clone(),
        title: card.title.clone(),
        models: models.len(),
        routes: models.iter().flat_map(|model| model.routes.keys().copied()).collect(),
        pictures: card.images.transports.iter().map(|t| t.as_str()).collect(),
        cancel: card.cancel.is_some(),
        lookup: card.lookup.as_ref().map(|lookup| match lookup.matching {
            Match::Marker(_) => "by our own key",
            Match::Echo { .. } => "by the request echoed",
            Match::Count { .. } => "by model and time",
        }),
        idempotency_s: card.idempotency.as_ref().map(|i| i.window_s),
        cost: match (&card.cost.after, &card.cost.at_submit, &card.cost.at_create) {
            (Some(_), _, _) => Some("after"),
            (None, Some(_), _) => Some("at submit"),
            (None, None, Some(_)) => Some("at most"),
            (None, None, None) => None,
        },
        conformance: card.conformance.clone(),
        key: auth.map(|auth| auth.wanted()),
        usable: auth.is_none_or(|auth| auth.optional || auth.find(environment).is_some()),
        unverified: card.unverified.clone(),
    }
}

/// The table of providers as Markdown, the same on every machine.
pub fn providers_markdown(lines: &[ProviderLine]) -> String {
    let columns = [
        "provider",
        "text",
        "image",
        "frames",
        "references",
        "pictures",
        "cancel",
        "lookup",
        "idempotency",
        "cost read back",
        "requests proved by",
    ];
    let mut text = String::new();
    for line in head(&columns) {
        text += &format!("{line}\n");
    }
    let yes = |has: bool| if has { "yes" } else { "–" }.to_owned();
    for line in lines {
        let mut cells = vec![format!("`{}`", line.provider)];
        cells.extend(Route::ALL.iter().map(|route| yes(line.routes.contains(route))));
        let pictures: Vec<String> = line.pictures.iter().map(|p| p.replace('_', " ")).collect();
        cells.push(pictures.join(", "));
        cells.push(yes(line.cancel));
        cells.push(line.lookup.unwrap_or("–").to_owned());
        cells.push(line.idempotency_s.map_or("–".to_owned(), |s| format!("{} h", s / 3600)));
        cells.push(line.cost.unwrap_or("–").to_owned());
        cells.push(prose(line.conformance.as_deref().unwrap_or("documentation only")));
        text += &format!("{}\n", row(&cells));
    }
    text
}

/// Every provider for a terminal: those that can be used now first.
pub fn providers_text(lines: &[ProviderLine], width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut text = Vec::new();
    let (usable, others): (Vec<&ProviderLine>, Vec<_>) = lines.iter().partition(|l| l.usable);
    for line in usable.into_iter().chain(others) {
        let name = paper.ink(Ink::Strong, &line.provider);
        let state = match (&line.key, line.usable) {
            (None, _) => paper.ink(Ink::Quiet, "needs no key"),
            (Some(_), true) => paper.ink(Ink::Good, "can be used now"),
            (Some(wanted), false) => paper.ink(Ink::Warn, &format!("set {wanted}")),
        };
        text.push(format!("{name}  {state}"));
        text.extend(paper.prose("  ", &line.title));
        text.extend(paper.prose("  ", &abilities(line)));
        for doubt in &line.unverified {
            text.extend(paper.prose("  unverified: ", doubt));
        }
        text.push(String::new());
    }
    text.join("\n")
}

fn abilities(line: &ProviderLine) -> String {
    let routes: Vec<&str> = line.routes.iter().map(|r| r.as_str()).collect();
    let models = match line.models {
        0 => "no model card".to_owned(),
        1 => format!("one model: {}", routes.join(", ")),
        n => format!("{n} models: {}", routes.join(", ")),
    };
    let mut parts = vec![models, format!("pictures by {}", line.pictures.join(", "))];
    if line.cancel {
        parts.push("cancels".to_owned());
    }
    if let Some(lookup) = line.lookup {
        parts.push(format!("finds lost submissions {lookup}"));
    }
    if let Some(cost) = line.cost {
        parts.push(format!("says the cost {cost}"));
    }
    parts.join(" · ")
}
