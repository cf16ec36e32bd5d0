//! Providers as a manifest sets them: where they answer, and what their cards leave open.
//!
//! What lives here: the mapping under `providers:`, and what is wrong with it whatever the cards
//! say. What never does: provider cards, keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::addresses::{self, Plain};
use super::load::Loader;
use crate::diagnostic::{Finding, Place};
use crate::yaml::{Loose, Name, Placed, Table, Text};

/// How a provider is reached from this workspace, where it differs from the provider's card.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Provider")]
pub struct RawProvider {
    /// URL that the provider's paths are below, in place of its card's. Plain http only to this
    /// machine.
    pub base_url: Option<Text>,
    /// Name of the account whose key is used, for limits and budgets of accounts. Providers that
    /// name the same account share them.
    #[schemars(with = "Option<Name>")]
    pub account: Option<Text>,
    /// Values of the card's variables, by name.
    #[serde(default)]
    #[schemars(with = "Table<Loose>")]
    pub variables: Table<Text>,
}

/// What a manifest says of one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderSettings {
    /// Its name in `providers:`.
    pub place: Place,
    /// URL that its paths are below, without a `/` at its end; absent: its card's.
    pub base_url: Option<Placed<String>>,
    /// Name of the account whose key is used; empty: there is one only.
    pub account: String,
    /// Values of its card's variables, by name.
    pub variables: BTreeMap<String, SetVariable>,
}

/// A value of a card's variable.
#[derive(Debug, Clone, PartialEq)]
pub struct SetVariable {
    /// Its name in the manifest.
    pub place: Place,
    /// The value.
    pub value: Placed<String>,
}

impl ProviderSettings {
    /// The values of the card's variables, by name.
    pub fn values(&self) -> BTreeMap<String, String> {
        let value = |(name, set): (&String, &SetVariable)| (name.clone(), set.value.value.clone());
        self.variables.iter().map(value).collect()
    }
}

impl Loader<'_> {
    /// `providers:` of the root manifest.
    pub(super) fn providers(
        &mut self,
        raw: &Table<RawProvider>,
    ) -> BTreeMap<String, ProviderSettings> {
        let settings = |(name, raw): &(Text, RawProvider)| {
            let base_url = raw.base_url.as_ref().and_then(|url| self.base_url(url));
            let variable = |(name, value): &(Text, Text)| {
                let text = value.trim().to_owned();
                let value = Placed { value: text, place: value.place };
                (name.to_string(), SetVariable { place: name.place, value })
            };
            let variables = raw.variables.0.iter().map(variable).collect();
            let account = raw.account.as_ref().map(|a| a.to_string()).unwrap_or_default();
            let place = name.place;
            (name.to_string(), ProviderSettings { place, base_url, account, variables })
        };
        raw.0.iter().map(settings).collect()
    }

    fn base_url(&mut self, written: &Text) -> Option<Placed<String>> {
        let text = written.trim();
        match addresses::checked(text, Plain::ToThisMachine) {
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                let finding = Finding::error(
                    "manifest::base_url",
                    format!("`{text}` ends in a query: paths can't be put below it"),
                );
                self.findings.push(finding.at(written.place, "this URL"));
                None
            }
            Ok(_) => {
                let value = text.trim_end_matches('/').to_owned();
                Some(Placed { value, place: written.place })
            }
            Err(problem) => {
                let finding = Finding::error(
                    "manifest::base_url",
                    format!("`{}` {}", problem.shown, problem.message),
                );
                self.findings.push(finding.at(written.place, "this URL").help(problem.help));
                None
            }
        }
    }
}
