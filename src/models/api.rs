//! How a provider calls a model, and what its requests say: the model card's part of a request.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{ModelCard, Route};
use crate::wire::Shape;
use crate::yaml::Json;

/// How a provider calls a model, and what its requests say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Its name at the provider; absent: what follows the `/` in the model's name.
    #[serde(default)]
    pub id: Option<String>,
    /// Tables and constants that expressions see as `values`; they win over the provider's.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Json>")]
    pub values: BTreeMap<String, Json>,
    /// Body in place of the provider's own.
    #[serde(default)]
    pub body: Option<Shape>,
    /// What differs by route.
    #[serde(default)]
    #[schemars(schema_with = "routes_schema")]
    pub routes: BTreeMap<Route, RouteApi>,
    /// The graph that a ComfyUI server runs.
    #[serde(default)]
    pub workflow: Option<Workflow>,
}

/// What differs by route.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteApi {
    /// The model's name at the provider on this route.
    #[serde(default)]
    pub id: Option<String>,
    /// Name of the provider's request form; absent: the route's own name.
    #[serde(default)]
    pub form: Option<String>,
    /// Values on this route; they win over all others.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Json>")]
    pub values: BTreeMap<String, Json>,
    /// Body on this route.
    #[serde(default)]
    pub body: Option<Shape>,
}

/// A graph with slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// File of the graph in API format, relative to the workspace.
    #[serde(default)]
    pub file: Option<String>,
    /// The graph itself, in place of a file.
    #[serde(default)]
    #[schemars(with = "Json")]
    pub graph: Option<Json>,
    /// What is put into it: JSON pointers (`/10/inputs/image`) and what goes there.
    pub slots: BTreeMap<String, Shape>,
}

/// One property for each route, so that editors complete them and slips are found.
fn routes_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    super::card::by_route::<RouteApi>(generator)
}

impl ModelCard {
    /// The model's name at its provider on a route.
    pub fn api_id(&self, route: Route) -> &str {
        let own = || self.model.split_once('/').map_or(self.model.as_str(), |(_, rest)| rest);
        let by_route = self.api.routes.get(&route).and_then(|r| r.id.as_deref());
        by_route.or(self.api.id.as_deref()).unwrap_or_else(own)
    }

    /// The provider's request form that a route uses.
    pub fn form(&self, route: Route) -> &str {
        let named = self.api.routes.get(&route).and_then(|r| r.form.as_deref());
        named.unwrap_or(route.as_str())
    }

    /// The body that takes the place of the form's own, if the model has one.
    pub fn body(&self, route: Route) -> Option<&Shape> {
        let by_route = self.api.routes.get(&route).and_then(|r| r.body.as_ref());
        by_route.or(self.api.body.as_ref())
    }

    /// The model's values on a route.
    pub fn values(&self, route: Route) -> BTreeMap<String, serde_json::Value> {
        let mut values = self.api.values.clone();
        if let Some(by_route) = self.api.routes.get(&route) {
            values.extend(by_route.values.clone());
        }
        values.into_iter().map(|(name, value)| (name, value.0)).collect()
    }
}
