//! Names in `limits:`, `budget:` and `guardrails:`: each must be of a model, provider or account that there is.
//!
//! What never lives here: what the limits mean.

use std::collections::BTreeSet;

use super::settings::list;
use crate::diagnostic::{Finding, Findings, nearest};
use crate::manifest::{Catalogue, LimitOf, LimitPlace};
use crate::models::{BUILT_IN, Shelf};
use crate::protocol::Rack;

/// What is wrong with the names in `limits:`, `budget:` and `guardrails:` of a manifest: a limit
/// under a name that nothing has would hold nothing back.
pub fn check_limits(catalogue: &Catalogue, shelf: &Shelf, rack: &Rack) -> Findings {
    let models: BTreeSet<&str> = shelf.iter().map(|card| card.model.as_str()).collect();
    let cards = rack.iter().map(|card| card.provider.as_str());
    let providers: BTreeSet<&str> = cards.chain([BUILT_IN]).collect();
    let accounts = catalogue.providers.values().map(|settings| settings.account.as_str());
    let accounts: BTreeSet<&str> = accounts.filter(|account| !account.is_empty()).collect();
    let mut findings = Findings::default();
    let (rates, budget) = (&catalogue.concurrency.places, &catalogue.budget.places);
    let guardrails = &catalogue.guardrails.places;
    for written in rates.iter().chain(budget).chain(guardrails) {
        let known = match written.of {
            LimitOf::Model => &models,
            LimitOf::Provider => &providers,
            LimitOf::Account => &accounts,
        };
        if !known.contains(written.name.as_str()) {
            findings.push(unknown(written, known, rack));
        }
    }
    let only = catalogue.guardrails.only_models.iter().flat_map(|rule| &rule.value);
    for pattern in only.filter(|pattern| !models.iter().any(|model| pattern.matches(model))) {
        let (name, place) = (pattern.text.clone(), pattern.place);
        findings.push(unknown(&LimitPlace { of: LimitOf::Model, name, place }, &models, rack));
    }
    findings
}

fn unknown(written: &LimitPlace, known: &BTreeSet<&str>, rack: &Rack) -> Finding {
    let name = &written.name;
    let near = nearest(name, known.iter().copied());
    let (code, message, help) = match written.of {
        LimitOf::Model => {
            let help = "`kinora models` lists them".to_owned();
            ("plan::unknown_model", format!("no model is named `{name}`"), help)
        }
        LimitOf::Provider => {
            let help = format!("providers: {}", list(&Vec::from_iter(known)));
            ("plan::unknown_provider", format!("no provider is named `{name}`"), help)
        }
        LimitOf::Account => {
            let some = rack.iter().next().map_or("NAME", |card| card.provider.as_str());
            let help = match known.is_empty() {
                true => {
                    format!(
                        "a provider's account is named by `providers: {{{some}: {{account: …}}}}`"
                    )
                }
                false => format!("accounts: {}", list(&Vec::from_iter(known))),
            };
            ("plan::unknown_account", format!("no provider has the account `{name}`"), help)
        }
    };
    let help = near.map_or(help, |near| format!("did you mean `{near}`?"));
    Finding::error(code, message).at(written.place, "this one").help(help)
}
