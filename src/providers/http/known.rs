//! What a card's expressions see beside a reply. What never changes of a model's route is made
//! once, when the driver is; a poll only adds the names of its job.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::models::{ModelCard, Route};
use crate::plan::Request;
use crate::protocol::ProviderCard;
use crate::providers::RemoteId;
use crate::wire::{Scope, scope_of};

/// What never changes of the jobs of one model by one route.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// `variables`, `values`, `model` and `route`.
    pub names: Scope,
    /// The card's values with the model's.
    pub values: BTreeMap<String, Json>,
    /// Whether the submission is written with the attempt key in it.
    pub keyed: bool,
}

/// The facts of every model and route.
#[derive(Debug)]
pub(super) struct AllFacts {
    by_model: BTreeMap<String, BTreeMap<Route, Facts>>,
    /// Of no model, or of one that is not known any more.
    plain: Facts,
}

impl AllFacts {
    /// Of a card and its models.
    pub fn new<'a>(
        card: &ProviderCard,
        models: impl Iterator<Item = &'a ModelCard>,
        variables: &BTreeMap<String, String>,
    ) -> AllFacts {
        let own = || card.values.iter().map(|(name, value)| (name.clone(), value.0.clone()));
        let mut by_model: BTreeMap<String, BTreeMap<Route, Facts>> = BTreeMap::new();
        for model in models {
            for route in Route::ALL {
                let mut values: BTreeMap<String, Json> = own().collect();
                values.extend(model.values(route));
                let names = scope_of(&json!({
                    "variables": variables, "values": values, "model": model.api_id(route),
                    "route": route.as_str(),
                }));
                let facts = Facts { names, values, keyed: names_attempt(card, model, route) };
                by_model.entry(model.model.clone()).or_default().insert(route, facts);
            }
        }
        let values: BTreeMap<String, Json> = own().collect();
        let names = scope_of(&json!({ "variables": variables, "values": values }));
        AllFacts { by_model, plain: Facts { names, values, keyed: true } }
    }

    /// Of a request's model and route.
    pub fn of(&self, request: &Request) -> &Facts {
        let by_route = self.by_model.get(&request.model);
        by_route.and_then(|routes| routes.get(&request.route)).unwrap_or(&self.plain)
    }

    /// Of no model.
    pub fn plain(&self) -> &Facts {
        &self.plain
    }
}

/// Whether something of a submission is made of the attempt key. What only looks like it counts
/// too: the submission is then written once more than it had to be.
fn names_attempt(card: &ProviderCard, model: &ModelCard, route: Route) -> bool {
    let says = |text: String| text.contains("attempt");
    let form = card.submit.forms.get(model.form(route));
    let of = |shape: &crate::wire::Shape| says(shape.source().to_string());
    form.is_some_and(|call| {
        says(call.path.source().to_owned())
            || call.query.values().any(of)
            || call.headers.values().any(|header| says(header.source().to_owned()))
            || call.body.as_ref().is_some_and(of)
    }) || card.headers.values().any(|header| says(header.source().to_owned()))
        || model.body(route).is_some_and(of)
        || model.api.workflow.iter().any(|workflow| workflow.slots.iter().any(|(_, s)| of(s)))
}

/// The names of one job beside its facts.
pub(super) fn of_job(
    facts: &Facts,
    id: &RemoteId,
    captured: &BTreeMap<String, Json>,
) -> Scope {
    minijinja::context! {
        id => id.id.as_str(), captured => scope_of(captured), ..facts.names.clone()
    }
}
