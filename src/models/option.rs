//! Options: what a model makes only where it is asked to.
//!
//! What lives here: an option's type, and where it can't be had. What never does: what requests
//! say of it (the card's bodies do), what it costs (its price does).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{ModelCard, Route};
use super::only::NotTogether;

/// The option that `duration: auto` switches on: the model decides how long a clip is.
pub const AUTO_DURATION: &str = "auto_duration";

/// Something that a model makes only where it is asked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelOption {
    /// One line for people.
    pub title: String,
    /// Only on these routes; empty: on all.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Only at these resolutions, by name; empty: at all.
    #[serde(default)]
    pub resolutions: Vec<String>,
}

impl ModelCard {
    /// Everything that the card offers, by name, and whether it is on.
    pub fn switched(&self, on: &[String]) -> BTreeMap<String, bool> {
        self.options.keys().map(|name| (name.clone(), on.contains(name))).collect()
    }

    /// The first of a job's options that the model does not make by a route or at a resolution.
    pub fn option_not_here(
        &self,
        route: Route,
        resolution: &str,
        options: &[String],
    ) -> Option<NotTogether> {
        options.iter().find_map(|name| {
            let option = self.options.get(name)?;
            if !option.routes.is_empty() && !option.routes.contains(&route) {
                let made: Vec<String> = option.routes.iter().map(|r| format!("`{r}`")).collect();
                let instead = format!("it with {}", made.join(", "));
                return Some(NotTogether { what: of_option(name, "by the route", route), instead });
            }
            if !option.resolutions.is_empty() && !option.resolutions.iter().any(|r| r == resolution)
            {
                let instead = format!("it at {}", option.resolutions.join(", "));
                return Some(NotTogether { what: of_option(name, "at", resolution), instead });
            }
            None
        })
    }
}

fn of_option(name: &str, how: &str, here: impl std::fmt::Display) -> String {
    format!("clip with the option `{name}` {how} `{here}`")
}
