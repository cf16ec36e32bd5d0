//! The driver of one provider: its card, its client, and what is remembered between calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::batch::Gathering;
use super::client::{Client, NetLimits};
use super::compose::{job_scope, submission};
use super::guard::{Guard, Reach};
use super::memory::Outputs;
use super::outcome::{self, Bench};
use super::pictures::PictureSource;
use super::secrets::Mask;
use super::upload::Handles;
use crate::clock::Clock;
use crate::models::ModelCard;
use crate::plan::Request;
use crate::protocol::{Body, Built, HttpCall, Key, ProviderCard};
use crate::providers::{AttemptKey, Refusal, RemoteId, Retry, Submission};
use crate::wire::scope_of;

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
    pub handles: Handles,
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
        Ok(Driver {
            models: setup.models,
            base_url,
            variables,
            pictures: setup.pictures,
            clock: setup.clock,
            client,
            mask,
            handles: Handles::default(),
            outputs: Outputs::default(),
            gathering: Gathering::default(),
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

    /// The card's values with the model's.
    pub fn values(&self, job: Option<(&Request, &ModelCard)>) -> BTreeMap<String, Json> {
        let own = self.card.values.iter().map(|(name, value)| (name.clone(), value.0.clone()));
        let mut values: BTreeMap<String, Json> = own.collect();
        if let Some((request, model)) = job {
            values.extend(model.values(request.route));
        }
        values
    }

    /// What expressions see beside a reply.
    pub fn known(
        &self,
        job: Option<(&Request, &ModelCard)>,
        id: Option<&RemoteId>,
    ) -> Map<String, Json> {
        let mut known = Map::new();
        known.insert("variables".to_owned(), json!(self.variables));
        known.insert("values".to_owned(), json!(self.values(job)));
        if let Some((request, model)) = job {
            known.insert("model".to_owned(), json!(model.api_id(request.route)));
            known.insert("route".to_owned(), json!(request.route.as_str()));
        }
        if let Some(id) = id {
            known.insert("id".to_owned(), json!(id.id));
            known.insert("captured".to_owned(), json!(id.captured));
        }
        known
    }

    /// Sends a request, once.
    pub async fn submit(&self, request: &Request, key: &AttemptKey) -> Submission {
        let refused = |cause: &str, message: String| {
            let message = self.mask.clean(&message);
            Submission::Refused(Refusal { retry: Retry::Never, cause: cause.to_owned(), message })
        };
        let Some(model) = self.model(request) else {
            return refused("model", format!("there is no model card `{}`", request.model));
        };
        let over = match self.hand_over(request, model).await {
            Ok(over) => over,
            Err(refusal) => return Submission::Refused(refusal),
        };
        let scope = job_scope(&self.card, model, request, key, &over.handed, &self.variables);
        let call =
            scope.and_then(|scope| submission(&self.card, model, request, &scope, &self.base_url));
        let mut call = match call {
            Ok(call) => call,
            Err(e) => return refused("card", format!("the request can't be written: {e}")),
        };
        if let Some(idempotency) = &self.card.idempotency {
            let name = idempotency.header.to_ascii_lowercase();
            call.headers.insert(name, key.as_str().to_owned());
        }
        if let Some(message) = self.too_large(&call) {
            return refused("invalid", message);
        }
        let answer = self.client.submit(&call, &over.parcels).await;
        let mut known = self.known(Some((request, model)), None);
        known.insert("attempt".to_owned(), json!(key.as_str()));
        let values = self.values(Some((request, model)));
        let bench = Bench { card: &self.card, known, values, mask: &self.mask };
        let submission = outcome::submission(&bench, answer);
        if matches!(&submission, Submission::Refused(refusal) if refusal.retry == Retry::Never) {
            // The reason may be a handle that the provider has forgotten early.
            self.handles.forget(&over.handles);
        }
        submission
    }

    fn too_large(&self, call: &HttpCall) -> Option<String> {
        let most = self.card.limits.body_bytes?;
        let Body::Json(json) = &call.body else { return None };
        let length = serde_json::to_string(json).map_or(0, |text| text.len() as u64);
        (length > most).then(|| {
            let provider = &self.card.provider;
            format!("the request has {length} bytes; {provider} takes {most} at most")
        })
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
