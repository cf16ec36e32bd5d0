//! Wishes: what `model: auto` chooses among.
//!
//! What lives here: the mapping under `choose:`, checked, and merged with the defaults key by
//! key. What never does: model cards, prices, the choice itself.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::catalogue::Settings;
use super::load::Loader;
use super::raw::{RawDefaults, RawShot, placed_decimal};
use crate::diagnostic::{Finding, Place};
use crate::yaml::{Exact, OneOrMany, Placed, Text};

/// What `model: auto` chooses among. Duration, aspect and resolution are wishes too, where the
/// shot has them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Choose")]
pub struct RawChoose {
    /// Most that one clip may cost, in the budget's unit.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub max_price: Option<Placed<Decimal>>,
    /// How many references the model must take at once, at least.
    #[schemars(range(min = 1, max = 1000))]
    pub references: Option<Placed<u32>>,
    /// Only models of these names; `*` stands for any text.
    pub only: Option<OneOrMany<Text>>,
    /// Only models at these providers.
    pub providers: Option<OneOrMany<Text>>,
    /// No models of these names; `*` stands for any text.
    pub not: Option<OneOrMany<Text>>,
}

/// What `model: auto` chooses among, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choose {
    /// Most that one clip may cost, in the budget's unit.
    pub max_price: Option<Placed<Decimal>>,
    /// How many references the model must take at once, at least.
    pub references: Option<Placed<u32>>,
    /// Only models of these names; empty: all.
    pub only: Vec<Pattern>,
    /// Only models at these providers; empty: all.
    pub providers: Vec<Placed<String>>,
    /// No models of these names.
    pub not: Vec<Pattern>,
}

/// A name, or several by `*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// As written.
    pub text: String,
    /// Where.
    pub place: Place,
    matcher: glob::Pattern,
}

impl Pattern {
    /// Reads a pattern; `Err` says why it is none.
    pub fn new(text: &str, place: Place) -> Result<Self, String> {
        match glob::Pattern::new(text) {
            Ok(matcher) => Ok(Pattern { text: text.to_owned(), place, matcher }),
            Err(error) => Err(error.msg.to_owned()),
        }
    }

    /// Whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.matches(name)
    }
}

/// The model that stands for the cheapest that can.
const AUTO: &str = "auto";

impl Settings {
    /// Whether a model's name asks for the cheapest that can.
    pub fn is_auto(model: &str) -> bool {
        model == AUTO
    }
}

impl Loader<'_> {
    /// A shot's wishes, the defaults' where it says nothing; absent where nobody says anything.
    pub(super) fn choose(
        &mut self,
        raw: &RawShot,
        defaults: Option<&RawDefaults>,
        model: Option<&str>,
    ) -> Option<Placed<Choose>> {
        let own = raw.choose.as_ref();
        let default = defaults.and_then(|d| d.choose.as_ref());
        let place = own.or(default)?.place;
        let axis = raw.matrix.0.iter().filter(|(name, _)| &**name == "model");
        let mut in_axis = axis.flat_map(|(_, values)| &values.value.items);
        let auto = model.is_some_and(Settings::is_auto) || in_axis.any(|v| Settings::is_auto(v));
        if !auto {
            if own.is_some() {
                let message = "`choose` says what `model: auto` chooses among, but the shot's \
                               model is not `auto`";
                let finding = Finding::warning("manifest::choose_ignored", message)
                    .at(place, "this has no effect")
                    .help("write `model: auto`, or remove it");
                self.findings.push(finding);
            }
            return None;
        }
        let all = || own.into_iter().chain(default).map(|placed| &placed.value);
        let names = |of: fn(&RawChoose) -> Option<&OneOrMany<Text>>| {
            all().find_map(of).map(|many| many.items.clone()).unwrap_or_default()
        };
        let max_price = all().find_map(|c| c.max_price.clone());
        let named = |t: &Text| Placed { value: t.trim().to_owned(), place: t.place };
        let choose = Choose {
            max_price: max_price.filter(|price| self.is_amount(price)),
            references: all().find_map(|c| c.references.clone()),
            only: self.patterns(&names(|c| c.only.as_ref())),
            providers: names(|c| c.providers.as_ref()).iter().map(named).collect(),
            not: self.patterns(&names(|c| c.not.as_ref())),
        };
        Some(Placed { value: choose, place })
    }

    fn is_amount(&mut self, price: &Placed<Decimal>) -> bool {
        let fine = price.value >= Decimal::ZERO;
        if !fine {
            let finding = Finding::error("manifest::wrong_value", "an amount can't be below 0");
            self.once(finding.at(price.place, "this amount"));
        }
        fine
    }

    pub(super) fn patterns(&mut self, written: &[Text]) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for text in written {
            match Pattern::new(text.trim(), text.place) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => {
                    let message = format!("`{}` is no pattern of names: {why}", &**text);
                    let finding = Finding::error("manifest::pattern", message)
                        .at(text.place, "this pattern")
                        .help("`fal/*` means all models whose names begin with `fal/`");
                    self.once(finding);
                }
            }
        }
        patterns
    }

    /// Defaults are read for every shot, but what is wrong with them is said once.
    pub(super) fn once(&mut self, finding: Finding) {
        let place = |f: &Finding| f.place.as_ref().map(|(place, _)| *place);
        let said = |f: &Finding| f.code == finding.code && place(f) == place(&finding);
        if !self.findings.items().iter().any(said) {
            self.findings.push(finding);
        }
    }
}
