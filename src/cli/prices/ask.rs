//! Asking the providers of some models what they cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinora::clock::SystemClock;
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::manifest::is_this_machine;
use kinora::models::ModelCard;
use kinora::protocol::ProviderCard;
use kinora::providers::http::{
    HttpProvider, HttpSetup, NetLimits, PriceAnswer, Reach, WorkspacePictures,
};
use url::Url;

use super::Place;
use crate::cli::Failure;
use crate::cli::output::Output;

/// Bytes of a price list: of all models there are a few hundred thousand.
const LIST_BYTES: u64 = 4 << 20;

/// What one model's provider answered, or why it did not.
pub(super) type Answered = Result<PriceAnswer, Unanswered>;

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Unanswered {
    /// There is nobody to ask.
    NoList(String),
    /// The provider could not be asked.
    Failed {
        /// In words.
        why: String,
        /// Whether a key is lacking.
        key: bool,
    },
}

/// Asks for each of these models, by name.
pub(super) fn ask(
    place: &Place,
    models: &[Arc<ModelCard>],
    output: &Output,
) -> Result<BTreeMap<String, Answered>, Failure> {
    let mut by_provider: BTreeMap<&str, Vec<&Arc<ModelCard>>> = BTreeMap::new();
    for card in models {
        by_provider.entry(&card.provider).or_default().push(card);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(Exit::Internal, format!("no runtime: {e}")))?;
    let mut answers = BTreeMap::new();
    for (provider, cards) in by_provider {
        let names: Vec<String> = cards.iter().map(|card| card.model.clone()).collect();
        let asked = match driver(place, provider, &cards, output) {
            Ok(driver) => {
                let asked = runtime.block_on(driver.price_answers(&names));
                asked.map_err(|why| Unanswered::Failed { why, key: false })
            }
            Err(unanswered) => Err(unanswered),
        };
        match asked {
            Ok(told) => answers.extend(told.into_iter().map(|one| (one.model.clone(), Ok(one)))),
            Err(why) => answers.extend(names.into_iter().map(|name| (name, Err(why.clone())))),
        }
    }
    Ok(answers)
}

/// A provider, ready to be asked.
fn driver(
    place: &Place,
    name: &str,
    cards: &[&Arc<ModelCard>],
    output: &Output,
) -> Result<HttpProvider, Unanswered> {
    let Some(card) = place.rack.get(name) else {
        return Err(Unanswered::NoList(format!("there is no card for the provider `{name}`")));
    };
    let Some(list) = &card.prices else {
        return Err(Unanswered::NoList(format!(
            "`{name}` has no price list that could be asked; look it up, and write it into \
             prices.yaml"
        )));
    };
    let key = card.auth.as_ref().and_then(|auth| auth.find(&ProcessEnvironment));
    let lacks_key = key.is_none() && list.needs_key;
    let mut card: Arc<ProviderCard> = card.clone();
    if !list.needs_key
        && let Some(auth) = &mut Arc::make_mut(&mut card).auth
    {
        auth.optional = true;
    }
    let settings = place.catalogue.as_ref().and_then(|c| c.providers.get(name));
    let has_key = key.is_some();
    let driver = HttpProvider::new(HttpSetup {
        models: cards.iter().map(|card| (card.model.clone(), (*card).clone())).collect(),
        base_url: settings.and_then(|s| s.base_url.as_ref()).map(|url| url.value.to_string()),
        variables: settings.map(|settings| settings.values()).unwrap_or_default(),
        key,
        pictures: Arc::new(WorkspacePictures::new(&place.folder, &place.limits)),
        clock: Arc::new(SystemClock),
        limits: NetLimits { reply_bytes: LIST_BYTES, ..NetLimits::default() },
        reach: Reach::Everywhere,
        account: String::new(),
        card,
    });
    let driver = driver
        .map_err(|problem| Unanswered::Failed { why: problem.to_string(), key: lacks_key })?;
    if has_key {
        say_destination(place, name, &driver, output);
    }
    Ok(driver)
}

/// Says where a key goes, when the workspace and not a card in the box decides it.
fn say_destination(place: &Place, name: &str, driver: &HttpProvider, output: &Output) {
    let settings = place.catalogue.as_ref().and_then(|c| c.providers.get(name));
    let by_workspace = place.rack.is_own(name) || settings.is_some_and(|s| s.base_url.is_some());
    let url = Url::parse(driver.base_url()).ok().filter(|url| !is_this_machine(url));
    let (Some(url), true) = (url, by_workspace) else { return };
    let host = url.host_str().unwrap_or_default();
    output.say(&format!("kinora: the key of `{name}` goes to {host}, as this workspace says"));
}
