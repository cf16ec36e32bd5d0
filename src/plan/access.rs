//! Access: which providers can be used with the cards, the manifest and the environment at hand.
//!
//! What lives here: looking for keys by the provider cards, how much providers take, and what is
//! wrong with `providers:` of a manifest by those cards. What never does: a key itself, network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use url::Url;

use super::settings::list;
use crate::diagnostic::{Finding, Findings, Place, nearest};
use crate::digest::{Digest, FieldHasher};
use crate::environment::Environment;
use crate::manifest::{Catalogue, PoolLimit, ProviderSettings, is_this_machine};
use crate::models::BUILT_IN;
use crate::protocol::{ProviderCard, Rack, Transport};

/// Whether a provider can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Now.
    Ready,
    /// Once environment variables hold its key: all of any of these lists.
    NeedsKey(Vec<Vec<String>>),
    /// Once the manifest sets variables of its card, by name.
    NeedsVariables(Vec<String>),
    /// Never: there is no card for it.
    NoCard,
}

impl Reach {
    /// What is missing, in words: `A, or B and C`.
    pub fn needs(&self) -> String {
        match self {
            Reach::Ready => String::new(),
            Reach::NeedsKey(sources) => {
                let sources: Vec<String> = sources.iter().map(|all| all.join(" and ")).collect();
                sources.join(", or ")
            }
            Reach::NeedsVariables(names) => list(names),
            Reach::NoCard => "a provider card".to_owned(),
        }
    }
}

/// Which providers can be used. It knows names only, never a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    providers: BTreeMap<String, Reach>,
    on_request: BTreeSet<String>,
    by_url: Arc<BTreeSet<String>>,
    terms: BTreeMap<String, PoolLimit>,
}

impl Access {
    /// By the cards of a rack, an environment that may hold keys, and what a manifest sets.
    pub fn of(
        rack: &Rack,
        environment: &dyn Environment,
        settings: &BTreeMap<String, ProviderSettings>,
    ) -> Self {
        let reach = |card: &ProviderCard| match unset(card, settings.get(&card.provider)) {
            unset if !unset.is_empty() => Reach::NeedsVariables(unset),
            _ => match &card.auth {
                Some(auth) if !auth.optional && auth.find(environment).is_none() => {
                    Reach::NeedsKey(auth.keys.iter().map(|source| source.env.clone()).collect())
                }
                _ => Reach::Ready,
            },
        };
        let mut providers: BTreeMap<String, Reach> =
            rack.iter().map(|card| (card.provider.clone(), reach(card))).collect();
        providers.entry(BUILT_IN.to_owned()).or_insert(Reach::Ready);
        let own_server =
            |card: &&Arc<ProviderCard>| card.local && !settings.contains_key(&card.provider);
        let own_servers = rack.iter().filter(own_server).map(|card| card.provider.clone());
        let on_request = own_servers.chain([BUILT_IN.to_owned()]).collect();
        let only_urls = |card: &&Arc<ProviderCard>| card.images.transports == [Transport::Url];
        let by_url = rack.iter().filter(only_urls).map(|card| card.provider.clone()).collect();
        let terms = rack.iter().map(|card| {
            let limits = &card.limits;
            let terms = PoolLimit {
                in_flight: Some(limits.at_once()),
                per_minute: limits.per_minute,
                per_day: limits.per_day,
            };
            (card.provider.clone(), terms)
        });
        Access { providers, on_request, by_url: Arc::new(by_url), terms: terms.collect() }
    }

    /// The same, with the built-in provider making so many clips at once.
    #[must_use]
    pub fn with_cores(mut self, cores: usize) -> Self {
        let in_flight = Some(u32::try_from(cores).unwrap_or(u32::MAX).max(1));
        let terms = PoolLimit { in_flight, ..PoolLimit::default() };
        self.terms.insert(BUILT_IN.to_owned(), terms);
        self
    }

    /// What a provider takes where the manifest says nothing; no limit is known of others.
    pub(super) fn terms(&self, provider: &str) -> PoolLimit {
        self.terms.get(provider).copied().unwrap_or_default()
    }

    /// Providers that take pictures by public URLs only.
    pub(super) fn by_url(&self) -> &Arc<BTreeSet<String>> {
        &self.by_url
    }

    /// Whether a provider is only chosen where it is named: the built-in one, which makes drafts,
    /// and servers of one's own that the manifest says nothing of, for nobody knows whether they
    /// run.
    pub fn on_request(&self, provider: &str) -> bool {
        self.on_request.contains(provider)
    }

    /// Whether a provider can be used.
    pub fn reach(&self, provider: &str) -> Reach {
        self.providers.get(provider).cloned().unwrap_or(Reach::NoCard)
    }

    /// A digest: the same one, the same providers can be used.
    pub fn digest(&self) -> Digest {
        let mut digest = FieldHasher::new("access");
        for (provider, reach) in &self.providers {
            digest.field(provider.as_bytes()).field(format!("{reach:?}").as_bytes());
        }
        for provider in self.on_request.iter().chain(self.by_url.iter()) {
            digest.field(provider.as_bytes());
        }
        for (provider, terms) in &self.terms {
            digest.field(provider.as_bytes()).field(format!("{terms:?}").as_bytes());
        }
        digest.finish()
    }
}

impl<N: Into<String>> FromIterator<(N, Reach)> for Access {
    fn from_iter<I: IntoIterator<Item = (N, Reach)>>(reaches: I) -> Self {
        let named = reaches.into_iter().map(|(name, reach)| (name.into(), reach));
        let on_request = BTreeSet::from([BUILT_IN.to_owned()]);
        let (by_url, terms) = (Arc::default(), BTreeMap::new());
        Access { providers: named.collect(), on_request, by_url, terms }
    }
}

/// The card's variables that have no value.
fn unset(card: &ProviderCard, settings: Option<&ProviderSettings>) -> Vec<String> {
    let set = |name: &str| settings.is_some_and(|s| s.variables.contains_key(name));
    let open = card.variables.iter().filter(|(name, v)| v.default.is_none() && !set(name));
    open.map(|(name, _)| name.clone()).collect()
}

/// What is wrong with `providers:` of a manifest, by the cards.
pub fn check_providers(catalogue: &Catalogue, rack: &Rack) -> Findings {
    let mut findings = Findings::default();
    for (name, settings) in &catalogue.providers {
        match rack.get(name) {
            Some(card) => {
                check_variables(card, settings, &mut findings);
                check_destination(card, settings, &mut findings);
            }
            None => {
                let names: Vec<&str> = rack.iter().map(|card| card.provider.as_str()).collect();
                let finding = unknown(
                    "plan::unknown_provider",
                    format!("no provider is named `{name}`"),
                    (name, settings.place),
                    &names,
                    "providers",
                );
                findings.push(finding);
            }
        }
    }
    findings
}

/// A key that goes elsewhere than its provider's card says is said, whoever wrote the manifest.
fn check_destination(card: &ProviderCard, settings: &ProviderSettings, findings: &mut Findings) {
    let (Some(base), Some(auth)) = (&settings.base_url, &card.auth) else { return };
    let Ok(url) = Url::parse(&base.value) else { return };
    let own = Url::parse(card.base_url.source()).ok();
    let help = || {
        let wanted = auth.wanted();
        format!("the key is in {wanted}; remove `base_url` if you don't know this host")
    };
    findings.merge(elsewhere(card, (&url, base.place), own.as_ref(), help));
}

/// An address in place of one of a card's own.
fn check_address(
    card: &ProviderCard,
    (value, place): (&str, Place),
    usual: &Url,
    findings: &mut Findings,
) {
    let own = usual.host_str().unwrap_or_default();
    match address(value) {
        Some(url) => {
            let help =
                || format!("its own is {own}; remove the variable if you don't know this host");
            findings.merge(elsewhere(card, (&url, place), Some(usual), help));
        }
        None => {
            let message = format!("`{value}` is no address such as https://{own}");
            findings.push(Finding::error("plan::variable_value", message).at(place, "this value"));
        }
    }
}

/// The warning about an address that is neither a provider's own nor this machine.
fn elsewhere(
    card: &ProviderCard,
    (url, place): (&Url, Place),
    own: Option<&Url>,
    help: impl FnOnce() -> String,
) -> Findings {
    let mut findings = Findings::default();
    let Some(host) = url.host_str() else { return findings };
    if !is_this_machine(url) && own.and_then(Url::host_str) != Some(host) {
        let message = format!("requests to `{}`, with its key, go to {host}", card.provider);
        let finding = Finding::warning("plan::key_goes_elsewhere", message);
        findings.push(finding.at(place, "not the provider's own host").help(help()));
    }
    findings
}

/// A text that is a whole address.
fn address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(Url::has_host)
}

fn check_variables(card: &ProviderCard, settings: &ProviderSettings, findings: &mut Findings) {
    for (name, set) in &settings.variables {
        let Some(variable) = card.variables.get(name) else {
            let names: Vec<&str> = card.variables.keys().map(String::as_str).collect();
            let message = format!("the provider `{}` has no variable `{name}`", card.provider);
            let at = (name.as_str(), set.place);
            findings.push(unknown("plan::unknown_variable", message, at, &names, "variables"));
            continue;
        };
        let value = &set.value.value;
        let choices: Vec<&str> = variable.choices.keys().map(String::as_str).collect();
        if !choices.is_empty() && !choices.contains(&value.as_str()) {
            let message = format!("`{value}` is no {name} of the provider `{}`", card.provider);
            let at = (value.as_str(), set.value.place);
            findings.push(unknown("plan::variable_value", message, at, &choices, "it may be"));
        } else if let Some(usual) = variable.default.as_deref().and_then(address) {
            // It stands for a whole address.
            check_address(card, (value, set.value.place), &usual, findings);
        } else if choices.is_empty() && value.contains(['/', '\\', '@', ':', '?', '#', ' ']) {
            let message = format!("`{value}` can't stand in an address");
            let finding = Finding::error("plan::variable_value", message);
            findings.push(finding.at(set.value.place, "this value").help("write a plain word"));
        } else if value.is_empty() {
            let message = format!("the variable `{name}` is empty");
            let finding = Finding::error("plan::variable_value", message);
            findings.push(finding.at(set.value.place, "nothing is written here"));
        }
    }
}

/// A name that is none of those there are.
fn unknown(
    code: &'static str,
    message: String,
    (name, place): (&str, Place),
    known: &[&str],
    what: &str,
) -> Finding {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "its card has none; remove it".to_owned(),
        None => format!("{what}: {}", known.join(", ")),
    };
    Finding::error(code, message).at(place, "this one").help(help)
}
