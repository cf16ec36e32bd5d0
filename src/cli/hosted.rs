//! The providers that a run needs, ready to be spoken to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kinora::clock::SystemClock;
use kinora::environment::{Environment, ProcessEnvironment};
use kinora::exit::Exit;
use kinora::manifest::{Concurrency, is_this_machine};
use kinora::media::decode::PictureLimits;
use kinora::models::BUILT_IN;
use kinora::plan::PlanSummary;
use kinora::providers::Provider;
use kinora::providers::animatic::Animatic;
use kinora::providers::http::{HttpProvider, HttpSetup, NetLimits, Reach, WorkspacePictures};
use url::Url;

use super::Failure;
use super::output::Output;
use super::workspace::Workspace;

/// How long a run waits to hear how much an account takes at once.
const LIVE_LIMITS: Duration = Duration::from_secs(10);

/// Jobs at once that a provider's own word may ask for; more, a manifest may say.
const MOST_AT_ONCE: u32 = 256;

/// The providers of a run.
#[derive(Clone)]
pub struct Providers {
    /// Every one of them, by name.
    pub all: BTreeMap<String, Arc<dyn Provider>>,
    /// Those that are spoken to over HTTP.
    hosted: Vec<Arc<HttpProvider>>,
    /// Where they have their pictures from.
    pictures: Arc<WorkspacePictures>,
}

impl Providers {
    /// Adds those of a plan's models. What is lacking is said all at once.
    pub fn and_planned(
        mut self,
        workspace: &Workspace,
        summary: &PlanSummary,
        output: &Output,
    ) -> Result<Self, Failure> {
        let planned: BTreeSet<&str> = summary
            .by_model
            .iter()
            .filter_map(|group| Some(workspace.shelf.get(&group.name)?.provider.as_str()))
            .collect();
        let mut lacking = Vec::new();
        for name in planned {
            if let Err(why) = self.add_hosted(workspace, name, output) {
                lacking.push(why);
            }
        }
        if lacking.is_empty() {
            return Ok(self);
        }
        let what = format!("{}; nothing was spent", lacking.join("; "));
        Err(Failure::new(Exit::Usage, what))
    }

    /// Those of these names that can be spoken to. What the others lack is said, with what
    /// follows from it.
    pub fn at_hand<'a>(
        workspace: &Workspace,
        names: impl Iterator<Item = &'a str>,
        follows: impl Fn(&str) -> String,
        output: &Output,
    ) -> Result<Self, Failure> {
        let catalogue = &workspace.catalogue;
        // One for all, so that a picture which several want is prepared once.
        let pictures = WorkspacePictures::new(&catalogue.workspace, &catalogue.limits);
        let mut providers =
            Providers { all: BTreeMap::new(), hosted: Vec::new(), pictures: Arc::new(pictures) };
        providers.add_animatic(workspace, &catalogue.workspace)?;
        for name in names.collect::<BTreeSet<_>>() {
            if let Err(why) = providers.add_hosted(workspace, name, output) {
                output.say(&format!("kinora: {why}; {}", follows(name)));
            }
        }
        Ok(providers)
    }

    /// Adds one that is spoken to over HTTP, unless it is there.
    fn add_hosted(
        &mut self,
        workspace: &Workspace,
        name: &str,
        output: &Output,
    ) -> Result<(), String> {
        if self.all.contains_key(name) {
            return Ok(());
        }
        let provider = hosted(workspace, name, &self.pictures)?;
        say_destination(workspace, name, &provider, output);
        self.add(Arc::new(provider));
        Ok(())
    }

    /// Those of a rehearsal, with the animatic at work in its folder.
    pub fn rehearsed(
        workspace: &Workspace,
        folder: &Path,
        drivers: Vec<HttpProvider>,
    ) -> Result<Self, Failure> {
        let catalogue = &workspace.catalogue;
        let pictures = WorkspacePictures::new(&catalogue.workspace, &catalogue.limits);
        let mut providers =
            Providers { all: BTreeMap::new(), hosted: Vec::new(), pictures: Arc::new(pictures) };
        providers.add_animatic(workspace, folder)?;
        drivers.into_iter().for_each(|driver| providers.add(Arc::new(driver)));
        Ok(providers)
    }

    /// The animatic, which keeps its clips below `folder` until they are fetched.
    fn add_animatic(&mut self, workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
        let catalogue = &workspace.catalogue;
        let animatic = Animatic::new(&catalogue.workspace, &folder.join(".kinora/animatic"))
            .map_err(|e| Failure::new(Exit::Internal, format!("the animatic: {e}")))?
            .within(PictureLimits::from(&catalogue.limits));
        self.all.insert(BUILT_IN.to_owned(), Arc::new(animatic));
        Ok(())
    }

    fn add(&mut self, provider: Arc<HttpProvider>) {
        self.all.insert(provider.name().to_owned(), provider.clone());
        self.hosted.push(provider);
    }

    /// Asks those that say so how much the account takes at once; what the manifest says stands.
    pub async fn limit(&self, concurrency: &mut Concurrency) {
        for provider in &self.hosted {
            let name = provider.name();
            let said = concurrency.providers.get(name);
            if said.is_some_and(|said| said.in_flight.is_some()) {
                continue;
            }
            let asked = tokio::time::timeout(LIVE_LIMITS, provider.live_in_flight()).await;
            if let Ok(Some(jobs)) = asked {
                let limit = concurrency.providers.entry(name.to_owned()).or_default();
                limit.in_flight = Some(jobs.clamp(1, MOST_AT_ONCE));
            }
        }
    }
}

/// Says where a key goes, when the workspace and not a card in the box decides it.
fn say_destination(workspace: &Workspace, name: &str, provider: &HttpProvider, output: &Output) {
    let settings = workspace.catalogue.providers.get(name);
    let by_workspace =
        workspace.rack.is_own(name) || settings.is_some_and(|settings| settings.base_url.is_some());
    let auth = workspace.rack.get(name).and_then(|card| card.auth.as_ref());
    let url = Url::parse(provider.base_url()).ok();
    let (Some(auth), Some(url), true) = (auth, url, by_workspace) else { return };
    if !is_this_machine(&url) && auth.find(&ProcessEnvironment).is_some() {
        let (key, host) = (auth.wanted(), url.host_str().unwrap_or_default());
        output.say(&format!(
            "kinora: the key of `{name}` ({key}) goes to {host}, as this workspace says"
        ));
    }
}

/// A provider by its card, the manifest's settings and the key in the environment.
fn hosted(
    workspace: &Workspace,
    name: &str,
    pictures: &Arc<WorkspacePictures>,
) -> Result<HttpProvider, String> {
    let Some(card) = workspace.rack.get(name) else {
        return Err(format!("there is no card for the provider `{name}`"));
    };
    let environment: &dyn Environment = &ProcessEnvironment;
    let catalogue = &workspace.catalogue;
    let settings = catalogue.providers.get(name);
    let variables = settings.map(|settings| settings.values()).unwrap_or_default();
    let models = workspace.shelf.iter().filter(|model| model.provider == name);
    HttpProvider::new(HttpSetup {
        card: card.clone(),
        models: models.map(|model| (model.model.clone(), model.clone())).collect(),
        base_url: settings.and_then(|s| s.base_url.as_ref()).map(|url| url.value.to_string()),
        variables,
        key: card.auth.as_ref().and_then(|auth| auth.find(environment)),
        pictures: pictures.clone(),
        clock: Arc::new(SystemClock),
        limits: NetLimits::default(),
        reach: Reach::Everywhere,
        account: String::new(),
    })
    .map_err(|problem| problem.to_string())
}
