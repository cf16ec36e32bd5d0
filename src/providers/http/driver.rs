//! The driver of one provider: its card, its client, and what is remembered between calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;

use super::batch::Gathering;
use super::client::{Client, NetLimits};
use super::guard::{Guard, Reach};
use super::known::{AllFacts, of_job};
use super::memory::Outputs;
use super::pictures::PictureSource;
use super::secrets::Mask;
use super::upload::{HANDED_OVER_AT_ONCE, Handles};
use crate::clock::Clock;
use crate::models::ModelCard;
use crate::plan::Request;
use crate::protocol::{Built, Key, ProviderCard};
use crate::providers::RemoteId;
use crate::wire::{Scope, scope_of};

/// What a driver is made of.
pub struct HttpSetup {
    /// The provider's card.
    pub card: Arc<ProviderCard>,
    /// Its models' cards, by name.
    pub models: BTreeMap<String, Arc<ModelCard>>,
    /// Base URL in place of the card's.
    pub base_url: Option<String>,
    /// The manifest's values of the card's variables, as written there.
    pub variables: BTreeMap<String, String>,
    /// The key, where one is set.
    pub key: Option<Key>,
    /// Where pictures come from.
    pub pictures: Arc<dyn PictureSource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How long is waited, and how much is taken.
    pub limits: NetLimits,
    /// How far requests may go.
    pub reach: Reach,
    /// The account, as the workspace names it; empty where there is one only.
    pub account: String,
}

/// Why a provider can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupProblem {
    /// A variable that the card does not have.
    #[error("the provider `{provider}` has no variable `{name}`; it has {known}")]
    UnknownVariable {
        /// Provider.
        provider: String,
        /// The name.
        name: String,
        /// Names that it has.
        known: String,
    },
    /// A variable that needs a value.
    #[error(
        "the provider `{provider}` needs its variable `{name}`{about}: write it below \
         `providers: {{{provider}: {{variables: …}}}}`"
    )]
    MissingVariable {
        /// Provider.
        provider: String,
        /// The name.
        name: String,
        /// What it is, in brackets, or nothing.
        about: String,
    },
    /// A word that a variable does not take.
    #[error("`{value}` is no choice for `{name}` of the provider `{provider}`; it takes {choices}")]
    NoChoice {
        /// Provider.
        provider: String,
        /// The name.
        name: String,
        /// The word.
        value: String,
        /// Words that it takes.
        choices: String,
    },
    /// A base URL that can't be used.
    #[error("the base URL of the provider `{provider}` can't be used: {why}")]
    BaseUrl {
        /// Provider.
        provider: String,
        /// Why not.
        why: String,
    },
    /// There is no key.
    #[error("the provider `{provider}` needs a key: set {wanted} in the environment")]
    NoKey {
        /// Provider.
        provider: String,
        /// Names of variables that would give one.
        wanted: String,
    },
    /// The key can't stand in a header.
    #[error(
        "the key of the provider `{provider}` can't be sent: it holds a line break or another \
         character that no header can hold"
    )]
    BadKey {
        /// Provider.
        provider: String,
    },
    /// TLS can't be set up.
    #[error("connections to `{provider}` can't be set up: {why}")]
    Connections {
        /// Provider.
        provider: String,
        /// Why not.
        why: String,
    },
}

/// The driver.
pub(super) struct Driver {
    pub card: Arc<ProviderCard>,
    pub models: BTreeMap<String, Arc<ModelCard>>,
    /// Without a `/` at its end.
    pub base_url: String,
    pub variables: BTreeMap<String, String>,
    pub pictures: Arc<dyn PictureSource>,
    pub clock: Arc<dyn Clock>,
    pub client: Client,
    pub mask: Mask,
    pub account: String,
    /// What never changes of each model's jobs.
    pub facts: AllFacts,
    pub handles: Handles,
    /// How many requests have their pictures in memory at once.
    pub handing_over: Semaphore,
    pub outputs: Outputs,
    pub gathering: Gathering,
}

impl Driver {
    /// From its parts.
    pub fn new(setup: HttpSetup) -> Result<Driver, SetupProblem> {
        let card = setup.card;
        let provider = || card.provider.clone();
        let variables = variables(&card, setup.variables)?;
        let bad_url = |why: String| SetupProblem::BaseUrl { provider: provider(), why };
        let base_url = match setup.base_url {
            Some(url) => url,
            None => {
                let scope = scope_of(&json!({ "variables": variables }));
                let filled = card.base_url.fill(&scope).map_err(|e| bad_url(e.to_string()))?;
                filled.ok_or_else(|| bad_url("one of its variables has no value".to_owned()))?
            }
        };
        let base_url = base_url.trim().trim_end_matches('/').to_owned();
        let guard =
            Guard::new(&base_url, &card.key_hosts, card.local, setup.reach).map_err(bad_url)?;
        let mask = Mask::of(setup.key.as_ref());
        let auth = match (&card.auth, setup.key) {
            (Some(auth), Some(key)) => {
                let text = auth.header_text(&key, setup.clock.now());
                if reqwest::header::HeaderValue::from_str(&text).is_err() {
                    return Err(SetupProblem::BadKey { provider: provider() });
                }
                Some((auth.clone(), key))
            }
            (Some(auth), None) if !auth.optional => {
                return Err(SetupProblem::NoKey { provider: provider(), wanted: auth.wanted() });
            }
            _ => None,
        };
        let client = Client::new(guard, auth, Arc::clone(&setup.clock), setup.limits);
        let client =
            client.map_err(|why| SetupProblem::Connections { provider: provider(), why })?;
        let facts = AllFacts::new(&card, setup.models.values().map(Arc::as_ref), &variables);
        Ok(Driver {
            models: setup.models,
            base_url,
            variables,
            pictures: setup.pictures,
            clock: setup.clock,
            client,
            mask,
            account: setup.account,
            facts,
            handles: Handles::default(),
            handing_over: Semaphore::new(HANDED_OVER_AT_ONCE),
            outputs: Outputs::default(),
            gathering: Gathering::new(card.poll.batch.as_ref()),
            card,
        })
    }

    /// What every call needs.
    pub fn built(&self) -> Built<'_> {
        Built { base_url: &self.base_url, headers: &self.card.headers }
    }

    /// The card of a request's model.
    pub fn model(&self, request: &Request) -> Option<&ModelCard> {
        self.models.get(&request.model).map(Arc::as_ref)
    }

    /// What expressions see of a job.
    pub fn known(&self, request: &Request, id: &RemoteId) -> Scope {
        of_job(self.facts.of(request), id, &id.captured)
    }
}

/// The values of a card's variables: the manifest's, else the card's own, choices resolved.
fn variables(
    card: &ProviderCard,
    mut given: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SetupProblem> {
    let provider = card.provider.clone();
    let quoted = |names: Vec<&String>| {
        let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let mut values = BTreeMap::new();
    for (name, variable) in &card.variables {
        let Some(value) = given.remove(name).or_else(|| variable.default.clone()) else {
            let about = variable.about.as_ref().map_or(String::new(), |a| format!(" ({a})"));
            let name = name.clone();
            return Err(SetupProblem::MissingVariable { provider, name, about });
        };
        let resolved = match variable.choices.get(&value) {
            Some(resolved) => resolved.clone(),
            None if variable.choices.is_empty() => value,
            None => {
                let choices = quoted(variable.choices.keys().collect());
                let name = name.clone();
                return Err(SetupProblem::NoChoice { provider, name, value, choices });
            }
        };
        values.insert(name.clone(), resolved);
    }
    match given.into_keys().next() {
        Some(name) => {
            let known = quoted(card.variables.keys().collect());
            Err(SetupProblem::UnknownVariable { provider, name, known })
        }
        None => Ok(values),
    }
}
