//! The workspace's price file: `prices.yaml` beside the manifest, whose prices win over the cards' by
//! the model's name.
//!
//! What lives here: its form, reading it at its places, writing it the same for the same prices.
//! What never does: where new prices come from, whether they are believed.

mod text;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::card::ModelCard;
use super::price::Price;
use crate::diagnostic::{Finding, Findings, Place, Severity, Sources, nearest};
use crate::limits::Limits;
use crate::yaml::{self, Codes, Node, ReadProblem};

pub use text::price_file_text;

/// Its name.
pub const PRICE_FILE: &str = "prices.yaml";

/// Under which codes its schema speaks.
const CODES: Codes = Codes {
    unknown_key: "prices::unknown_key",
    missing_key: "prices::missing_key",
    wrong_type: "prices::wrong_type",
    unknown_value: "prices::unknown_value",
    wrong_value: "prices::wrong_value",
    forms: &[],
};

/// Prices of a workspace, by model. They win over those on the models' cards.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Kinora price file")]
pub struct PriceFile {
    /// Version of the form: 1.
    #[schemars(extend("const" = 1))]
    pub kinora_prices: u32,
    /// Prices by the name of a model.
    #[serde(default)]
    pub models: BTreeMap<String, ModelPrices>,
}

/// What one model costs, in the words of model cards.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPrices {
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// In place of `price`, several lists with the days on which they hold. Of two that hold, the
    /// one that began later counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Price>,
}

impl ModelPrices {
    /// One list.
    pub fn one(price: Price) -> Self {
        ModelPrices { price: Some(price), prices: Vec::new() }
    }

    /// Every list.
    pub fn lists(&self) -> impl Iterator<Item = &Price> {
        self.price.iter().chain(&self.prices)
    }
}

/// What a model's price is written on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PriceFrom {
    /// The model's card.
    #[default]
    Card,
    /// The workspace's price file.
    File,
}

/// Where a model's price is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceOrigin {
    /// On what.
    pub from: PriceFrom,
    /// Its day.
    pub place: Place,
}

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(PriceFile).to_value());

/// The JSON Schema of price files.
pub fn price_file_schema() -> &'static Json {
    &SCHEMA
}

/// A price file with the places of what it says.
pub(super) struct Read {
    /// What it says.
    pub file: PriceFile,
    /// Its text.
    pub text: std::sync::Arc<str>,
    node: Node,
}

impl Read {
    /// The file of a workspace, as far as it can be read; absent where there is none.
    pub fn of(
        workspace: &Path,
        limits: &Limits,
        sources: &mut Sources,
        findings: &mut Findings,
    ) -> Option<Read> {
        let before = findings.count(Severity::Error);
        let path = workspace.join(PRICE_FILE);
        let (source, text) = match yaml::read_file(&path, PRICE_FILE, limits, sources) {
            Ok(read) => read,
            Err(ReadProblem::Missing) => return None,
            Err(problem) => {
                findings.push(unreadable(problem));
                return None;
            }
        };
        let mut node = yaml::read(&text, source, limits, findings)?;
        if matches!(node.value, yaml::Value::Null) {
            let finding = Finding::error("prices::empty", "the price file is empty");
            let finding = finding.at(Place::new(source, 0, 0), "nothing is written here");
            findings.push(finding.help("begin with `kinora_prices: 1`, or remove the file"));
            return None;
        }
        if !yaml::check(&mut node, price_file_schema(), &CODES, findings) {
            return None;
        }
        let file: PriceFile = match yaml::decode(&node) {
            Ok(file) => file,
            Err(error) => {
                // What the schema took out was reported; only what it let pass is said here.
                if findings.count(Severity::Error) == before {
                    let place = error.place.unwrap_or(node.place);
                    let finding = Finding::error("prices::wrong_value", error.message);
                    findings.push(finding.at(place, "this value"));
                }
                return None;
            }
        };
        if findings.count(Severity::Error) > before {
            // What the schema took out would be missed by every other check.
            return None;
        }
        Some(Read { file, text, node })
    }

    /// Says what is wrong with the prices of models that are there, and which models are not.
    pub fn check<'c>(
        &self,
        card_of: impl Fn(&str) -> Option<&'c ModelCard>,
        names: &[&str],
        day: Date,
        findings: &mut Findings,
    ) {
        for (model, prices) in &self.file.models {
            let Some(card) = card_of(model) else {
                let message = format!("there is no model `{model}`");
                let help = match nearest(model, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`kinora models` lists the models; remove what is not used".to_owned(),
                };
                let finding = Finding::error("prices::unknown_model", message).help(help);
                findings.push(finding.at(self.name_place(model), "this model"));
                continue;
            };
            for (keys, message, help) in problems(card, prices, day) {
                let place = self.place(model, keys.iter().map(String::as_str));
                let code = if keys.last().is_some_and(|key| key == "as_of") {
                    "prices::future"
                } else {
                    "prices::wrong_value"
                };
                let finding = Finding::error(code, message).at(place, "this value");
                findings.push(if help.is_empty() { finding } else { finding.help(help) });
            }
        }
    }

    /// Where a list of a model says its day.
    pub fn day_place(&self, model: &str, price: Option<&Price>) -> Place {
        let at = self.file.models.get(model).and_then(|prices| {
            prices.prices.iter().position(|list| Some(list) == price).map(|at| at.to_string())
        });
        match &at {
            Some(at) => self.place(model, ["prices", at, "as_of"].into_iter()),
            None => self.place(model, ["price", "as_of"].into_iter()),
        }
    }

    fn place<'k>(&self, model: &'k str, keys: impl Iterator<Item = &'k str>) -> Place {
        yaml::place_of(&self.node, ["models", model].into_iter().chain(keys))
    }

    fn name_place(&self, model: &str) -> Place {
        let entries = self.node.get("models").map(Node::entries).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.key.text() == Some(model));
        entry.map_or(self.node.place, |entry| entry.key.place)
    }
}

/// Keys below a model's name, what is wrong there, what to do.
type Problem = (Vec<String>, String, String);

fn problems(card: &ModelCard, prices: &ModelPrices, day: Date) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    match (&prices.price, &prices.prices[..]) {
        (None, []) => {
            let help = "write `price:` with its lines, or remove the model";
            found.push((Vec::new(), "the model has no price here".to_owned(), help.to_owned()));
        }
        (Some(_), [_, ..]) => {
            let help = "write all lists below `prices`, each with the days on which it holds";
            let message = "a model has `price` or `prices`, not both".to_owned();
            found.push((vec!["prices".to_owned()], message, help.to_owned()));
        }
        _ => {}
    }
    let single = prices.price.iter().map(|price| (vec!["price".to_owned()], price));
    let several = prices.prices.iter().enumerate();
    let several = several.map(|(at, price)| (vec!["prices".to_owned(), at.to_string()], price));
    for (list, price) in single.chain(several) {
        let below = |keys: Vec<String>| list.iter().cloned().chain(keys).collect::<Vec<_>>();
        for problem in price.problems(card) {
            let keys = problem.keys.iter().map(|key| key.to_string()).collect();
            found.push((below(keys), problem.message, problem.help));
        }
        if let Some(message) = in_the_future(price, day) {
            let help = "write the day on which it was read; nobody knows a price of tomorrow";
            found.push((below(vec!["as_of".to_owned()]), message, help.to_owned()));
        }
    }
    found
}

/// What is wrong with a price that says to be of a day that has not come: it can't have been read.
/// The day may have come already where it was read, so tomorrow's is let pass.
pub(super) fn in_the_future(price: &Price, day: Date) -> Option<String> {
    let tomorrow = day.tomorrow().unwrap_or(day);
    (price.as_of > tomorrow)
        .then(|| format!("the price is of {}, which is after today, {day}", price.as_of))
}

fn unreadable(problem: ReadProblem) -> Finding {
    let name = PRICE_FILE;
    match problem {
        ReadProblem::Missing => Finding::error("prices::unreadable", format!("`{name}` is gone")),
        ReadProblem::Io(why) => {
            Finding::error("prices::unreadable", format!("`{name}` can't be read: {why}"))
        }
        ReadProblem::TooLong(limit) => {
            let message = format!("`{name}` is longer than {limit} bytes");
            Finding::error("prices::limit", message).help(Limits::how_to_raise("manifest_bytes"))
        }
        ReadProblem::NotUtf8(place) => {
            Finding::error("prices::utf8", format!("`{name}` is not UTF-8"))
                .at(place, "the first byte that is not")
                .help("save it as UTF-8")
        }
    }
}
