//! Choosing: which model makes a shot whose manifest says `auto`.
//!
//! What lives here: the candidates of one variant by wishes, settings, price and access, and the
//! choice among them once they were tried on the shot's own jobs. What never does: how a job is
//! made (expand), looking at the environment (access is an input).
//!
//! A shot's variant gets one model: the cheapest, over all its jobs, that can make every one of
//! them; of two at one price the first by name. Routes and pictures differ between subjects and
//! between models, so candidates are tried on the jobs themselves, cheapest first by the least
//! that a clip may cost, until no other can be among the first two.

mod said;
mod trial;

use std::sync::Arc;

use rust_decimal::Decimal;

use super::access::{Access, Reach};
use super::estimate::estimate;
use super::job::JobSettings;
use super::pictures::Framing;
use super::settings::{self, Wanted};
use crate::channel::Channels;
use crate::diagnostic::{Finding, Findings, Place, Severity, nearest};
use crate::manifest::{Budget, Choose, Pattern, Shot};
use crate::models::{ModelCard, Priced, Route, Shelf};
use crate::money::{Amount, display_value};

pub(super) use said::none_fits;
pub(super) use trial::{Tried, choose};

/// What a model is chosen from.
#[derive(Clone, Copy)]
pub(super) struct Market<'a> {
    pub shelf: &'a Shelf,
    pub channels: &'a Channels,
    pub access: &'a Access,
    pub budget: &'a Budget,
}

/// What the model of one variant is chosen from.
#[derive(Debug)]
pub(super) struct Auto {
    /// Where `auto` is written.
    pub place: Place,
    pub choose: Choose,
    /// Models that may be able to, by the least that a clip costs, then by name.
    pub candidates: Vec<Candidate>,
    /// Models that are not, and why.
    pub out: Vec<Out>,
}

/// A model that may be able to make a variant.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub card: Arc<ModelCard>,
    pub settings: JobSettings,
    /// How pictures are made to fit on it.
    pub framing: Framing,
    /// The least that a clip costs by any of its routes, in the workspace's unit.
    pub least: Decimal,
}

/// A model that can't be chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Out {
    pub model: String,
    pub why: Why,
}

/// Why a model can't be chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Why {
    /// A wish that it fails, in words.
    Wish(String),
    /// Jobs of the shot that it can't make.
    Jobs { failed: u64, of: u64, first: String, why: String },
    /// It could, with the key that these variables hold.
    Key(String),
}

/// What one variant's model is chosen from. Findings are about the wishes themselves; a variant
/// that no model fits is said by the choice. `None` when a setting means nothing at all.
pub(super) fn auto(
    wanted: Wanted<'_>,
    place: Place,
    market: Market<'_>,
    findings: &mut Findings,
) -> Option<Auto> {
    let choose = wanted.shot.settings.choose.as_ref().map(|c| c.value.clone()).unwrap_or_default();
    check_names(&choose, market, findings);
    let (mut candidates, mut out) = (Vec::new(), Vec::new());
    for card in market.shelf.iter().filter(|card| is_meant(card, &choose, market.access)) {
        let mut found = Findings::default();
        match fit(card, wanted, &choose, market, &mut found) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => out.push(Out { model: card.model.clone(), why }),
        }
        // A setting that means nothing to any model is the manifest's mistake, not a wish.
        if found.items().iter().any(|f| f.code == "plan::bad_setting") {
            findings.merge(found);
            return None;
        }
    }
    candidates.sort_by(|a, b| (a.least, &a.card.model).cmp(&(b.least, &b.card.model)));
    Some(Auto { place, choose, candidates, out })
}

/// Whether the wishes' names let a model in. Some providers are only chosen where they are named.
pub(super) fn is_meant(card: &ModelCard, choose: &Choose, access: &Access) -> bool {
    let any = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(&card.model));
    let provider = choose.providers.iter().any(|p| p.value == card.provider);
    let by_name = |p: &Pattern| p.matches(&card.model) && !p.text.trim_matches('*').is_empty();
    if access.on_request(&card.provider) && !provider && !choose.only.iter().any(by_name) {
        return false;
    }
    (choose.only.is_empty() || any(&choose.only))
        && (choose.providers.is_empty() || provider)
        && !any(&choose.not)
}

/// Names in the wishes that no model has.
fn check_names(choose: &Choose, market: Market<'_>, findings: &mut Findings) {
    let models: Vec<&str> = market.shelf.iter().map(|card| card.model.as_str()).collect();
    let mut warn = |what: &str, text: &str, place: Place, near: Option<&str>| {
        let finding = Finding::warning("plan::choose_unknown", format!("no {what} `{text}`"));
        let finding = finding.at(place, "means nothing");
        findings.push(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("`kinora models` lists the names"),
        });
    };
    for pattern in choose.only.iter().chain(&choose.not) {
        if !models.iter().any(|model| pattern.matches(model)) {
            let near = nearest(&pattern.text, models.iter().copied());
            warn("model is named", &pattern.text, pattern.place, near);
        }
    }
    for provider in &choose.providers {
        let of = |card: &Arc<ModelCard>| card.provider == provider.value;
        if !market.shelf.iter().any(of) {
            let names = market.shelf.iter().map(|card| card.provider.as_str());
            let near = nearest(&provider.value, names);
            warn("model is at a provider", &provider.value, provider.place, near);
        }
    }
}

/// Whether one model may be able to: the first wish that it fails, else a candidate. The key
/// comes last, so that only models that fit are said to lack one.
fn fit(
    card: &Arc<ModelCard>,
    wanted: Wanted<'_>,
    choose: &Choose,
    market: Market<'_>,
    found: &mut Findings,
) -> Result<Candidate, Why> {
    let shot = wanted.shot;
    if let Some((route, _)) = shot.route.filter(|(route, _)| !card.routes.contains_key(route)) {
        return Err(Why::Wish(format!("no route `{route}`")));
    }
    if let Some(wanted) = &choose.references {
        let takes = card.routes.get(&Route::References).map_or(0, |ability| match ability.max {
            0 => usize::MAX,
            most => most,
        });
        if takes < wanted.value as usize {
            let takes = if takes == 0 { "none".to_owned() } else { format!("{takes} at most") };
            return Err(Why::Wish(format!("references: {takes}")));
        }
    }
    let resolved = settings::resolve(wanted, card, market.shelf, found);
    let Some((settings, framing)) = resolved else { return Err(Why::Wish(lacks(found, card))) };
    let least = least(card, &settings, shot, market.budget).map_err(Why::Wish)?;
    if let Some(most) = choose.max_price.as_ref().filter(|most| least > most.value) {
        return Err(Why::Wish(above(least, most.value, market.budget)));
    }
    let reach = market.access.reach(&card.provider);
    match reach {
        Reach::Ready => Ok(Candidate { card: card.clone(), settings, framing, least }),
        Reach::NeedsKey(_) => Err(Why::Key(reach.needs())),
        Reach::NeedsVariables(_) => {
            let names = reach.needs();
            Err(Why::Wish(format!("`providers: {}` must set {names}", card.provider)))
        }
        Reach::NoCard => Err(Why::Wish(format!("no provider card `{}`", card.provider))),
    }
}

/// The first setting that a model lacks, shortly.
fn lacks(found: &Findings, card: &ModelCard) -> String {
    let first = found.items().iter().find(|f| f.severity == Severity::Error);
    let what = first.map_or("", |f| {
        let told = f.message.strip_prefix(&format!("`{}` makes no clip ", card.model));
        let told = told.unwrap_or(&f.message);
        told.split_once(';').map_or(told, |(what, _)| what)
    });
    format!("not {what}")
}

fn above(price: Decimal, most: Decimal, budget: &Budget) -> String {
    let price = Amount::new(price, budget.unit.clone());
    format!("{price} is above max_price {}", display_value(most))
}

/// The least that a clip costs by any route that the shot may take; `Err` says why nobody knows.
fn least(
    card: &ModelCard,
    settings: &JobSettings,
    shot: &Shot,
    budget: &Budget,
) -> Result<Decimal, String> {
    let mut least: Option<Decimal> = None;
    let mut no_rate = None;
    for route in card.routes.keys() {
        if shot.route.is_some_and(|(asked, _)| asked != *route) {
            continue;
        }
        let images = card.least_pictures(*route);
        let estimate = estimate(card, settings, *route, images, budget, 1);
        if let Priced::Known(amount) = &estimate.price {
            least = Some(least.map_or(amount.value, |least| least.min(amount.value)));
        }
        no_rate = no_rate.or(estimate.without_rate);
    }
    least.ok_or_else(|| match no_rate {
        Some(amount) => format!("paid in {}, which has no rate in `budget`", amount.unit),
        None => "its price is not known".to_owned(),
    })
}
