//! Offers: every model with what it asks for the clip that a manifest's defaults describe.
//!
//! What lives here: prices by route for one length and resolution, and whether the model can be
//! used. What never does: shots, jobs, choosing.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::access::{Access, Reach};
use super::estimate::in_unit_of;
use super::settings::USUAL_SECONDS;
use crate::manifest::{Budget, Settings};
use crate::models::{AUTO_DURATION, AspectRatio, ModelCard, PriceFacts, Priced, Route, Shelf};

/// One model with its price for the defaults.
#[derive(Debug, Clone)]
pub struct ModelOffer {
    /// The model.
    pub card: Arc<ModelCard>,
    /// Whether its provider can be used.
    pub reach: Reach,
    /// Seconds of the clip that is priced: the defaults', or the nearest that it makes.
    pub duration: Decimal,
    /// Name of the resolution that is priced: the defaults', or the model's own usual one.
    pub resolution: String,
    /// What of the defaults it can't make, in words: `5 s`, `4:5`, `1080p`.
    pub lacks: Vec<String>,
    /// The price by each of its routes, with the fewest pictures that the route takes.
    pub prices: Vec<RoutePrice>,
}

/// The price of a clip by one route.
#[derive(Debug, Clone)]
pub struct RoutePrice {
    /// The route.
    pub route: Route,
    /// In the card's own unit.
    pub own: Priced,
    /// In the budget's unit, where there is a rate.
    pub in_budget: Option<Decimal>,
}

/// Every model of a shelf with its price for a manifest's defaults: those that can be used first,
/// each part by name.
pub fn offers(
    shelf: &Shelf,
    access: &Access,
    defaults: &Settings,
    budget: &Budget,
) -> Vec<ModelOffer> {
    let mut offers: Vec<ModelOffer> =
        shelf.iter().map(|card| offer(card, access, defaults, budget)).collect();
    offers.sort_by_key(|offer| match offer.reach {
        Reach::Ready => 0,
        Reach::NeedsKey(_) => 1,
        Reach::NeedsVariables(_) => 2,
        Reach::NoCard => 3,
    });
    offers
}

fn offer(
    card: &Arc<ModelCard>,
    access: &Access,
    defaults: &Settings,
    budget: &Budget,
) -> ModelOffer {
    let mut lacks = Vec::new();
    let asked = defaults.duration.as_ref().map(|d| d.value);
    let wanted = asked.unwrap_or(USUAL_SECONDS);
    let by_itself = defaults.auto_duration.is_some();
    let mut options: Vec<String> = defaults.options.iter().map(|o| o.value.clone()).collect();
    options.extend(by_itself.then(|| AUTO_DURATION.to_owned()));
    let lacking = |name: &String| !card.options.contains_key(name);
    lacks.extend(options.iter().filter(|name| lacking(name)).map(|name| match name.as_str() {
        AUTO_DURATION => "duration: auto".to_owned(),
        name => name.to_owned(),
    }));
    options.retain(|name| !lacking(name));
    let duration = match options.iter().any(|name| name == AUTO_DURATION) {
        true => card.durations.longest(),
        false => card.durations.nearest(wanted),
    };
    let duration = duration.unwrap_or(wanted);
    if asked.is_some() && !card.durations.allows(wanted) {
        lacks.push(format!("{} s", wanted.normalize()));
    }
    let aspect = defaults.aspect.as_ref().and_then(|a| AspectRatio::parse(&a.value));
    if let Some(aspect) = aspect.filter(|a| !card.aspects.is_empty() && !card.aspects.contains(a)) {
        lacks.push(aspect.to_string());
    }
    let resolution = match &defaults.resolution {
        Some(name) if card.resolutions.contains_key(&name.value) => name.value.clone(),
        asked => {
            lacks.extend(asked.as_ref().map(|name| name.value.clone()));
            card.usual_resolution().unwrap_or_default().to_owned()
        }
    };
    let price = |route: Route| {
        let images = card.least_pictures(route);
        let aspect = aspect.or(card.aspects.first().copied()).unwrap_or(AspectRatio::USUAL);
        let size = card.resolutions.get(&resolution).map(|r| r.size(aspect)).unwrap_or_default();
        let (width, height) = card.billed_size(route, &resolution, size);
        let facts = PriceFacts {
            route,
            seconds: duration,
            resolution: &resolution,
            width,
            height,
            fps: card.usual_fps(),
            images,
            options: &options,
            input_seconds: Decimal::ZERO,
        };
        let own = card.price.as_ref().map_or(Priced::Unpriced, |price| price.of(&facts));
        let in_budget = own.known().and_then(|amount| in_unit_of(budget, amount));
        RoutePrice { route, own, in_budget }
    };
    let prices = card.routes.keys().map(|route| price(*route)).collect();
    let reach = access.reach(&card.provider);
    ModelOffer { card: card.clone(), reach, duration, resolution, lacks, prices }
}
