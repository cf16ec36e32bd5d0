//! Combinations that a model makes less of than the lists on its card say.
//!
//! What lives here: a card's `only:` lines and what they leave. What never does: where in a
//! manifest a setting was written.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{AspectRatio, Durations, ModelCard, Route};

/// A combination that allows less than the card's lists: on these routes, at these resolutions,
/// only these lengths and aspects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// On these routes; empty: on all.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// At these resolutions, by name; empty: at all.
    #[serde(default)]
    pub resolutions: Vec<String>,
    /// Only these lengths; absent: all of the card's.
    #[serde(default)]
    pub durations: Option<Durations>,
    /// Only these aspects; empty: all of the card's.
    #[serde(default)]
    pub aspects: Vec<AspectRatio>,
}

impl Only {
    fn concerns(&self, route: Route, resolution: &str) -> bool {
        (self.routes.is_empty() || self.routes.contains(&route))
            && (self.resolutions.is_empty() || self.resolutions.iter().any(|r| r == resolution))
    }

    /// Where it holds, in words: `at 1080p by the route `references``.
    fn place(&self, route: Route, resolution: &str) -> String {
        let at = (!self.resolutions.is_empty()).then(|| format!("at {resolution}"));
        let by = (!self.routes.is_empty()).then(|| format!("by the route `{route}`"));
        let parts: Vec<String> = at.into_iter().chain(by).collect();
        parts.join(" ")
    }
}

/// What a model can't make together, and what it can instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTogether {
    /// What it does not make: `clip of 4 s at 1080p`.
    pub what: String,
    /// What it makes there: `8 s`.
    pub instead: String,
}

impl ModelCard {
    /// The first thing that the card's `only:` lines say against a combination, each part of
    /// which is on its lists.
    pub fn not_together(
        &self,
        route: Route,
        resolution: &str,
        seconds: Decimal,
        aspect: &str,
    ) -> Option<NotTogether> {
        let aspect = AspectRatio::parse(aspect);
        self.only.iter().filter(|only| only.concerns(route, resolution)).find_map(|only| {
            let place = only.place(route, resolution);
            if let Some(durations) = only.durations.as_ref().filter(|d| !d.allows(seconds)) {
                return Some(NotTogether {
                    what: format!("clip of {} s {place}", seconds.normalize()),
                    instead: durations.to_string(),
                });
            }
            let aspect =
                aspect.filter(|a| !only.aspects.is_empty() && !only.aspects.contains(a))?;
            let made: Vec<String> = only.aspects.iter().map(ToString::to_string).collect();
            let what = format!("clip with the aspect {aspect} {place}");
            Some(NotTogether { what, instead: made.join(", ") })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn card() -> ModelCard {
        serde_json::from_value(json!({
            "kinora_model": 1, "model": "m", "provider": "p", "title": "m",
            "routes": {"text": {}, "references": {"min": 1, "max": 3}},
            "durations": {"values": ["4", "8"]},
            "resolutions": {"720p": {"short_side": 720}, "1080p": {"short_side": 1080}},
            "only": [
                {"resolutions": ["1080p"], "durations": {"values": ["8"]}},
                {"routes": ["references"], "durations": {"values": ["8"]}, "aspects": ["16:9"]},
            ],
        }))
        .expect("a card")
    }

    #[test]
    fn what_goes_alone_need_not_go_together() {
        let card = card();
        let why = |route, resolution, seconds: &str, aspect| {
            let seconds = seconds.parse().expect("a number");
            card.not_together(route, resolution, seconds, aspect)
                .map(|n| format!("{}: {}", n.what, n.instead))
        };
        assert_eq!(why(Route::Text, "720p", "4", "9:16"), None);
        assert_eq!(why(Route::Text, "1080p", "8", "9:16"), None);
        assert_eq!(
            why(Route::Text, "1080p", "4", "9:16").as_deref(),
            Some("clip of 4 s at 1080p: 8 s")
        );
        assert_eq!(
            why(Route::References, "720p", "4", "16:9").as_deref(),
            Some("clip of 4 s by the route `references`: 8 s")
        );
        assert_eq!(
            why(Route::References, "720p", "8", "9:16").as_deref(),
            Some("clip with the aspect 9:16 by the route `references`: 16:9")
        );
    }
}
