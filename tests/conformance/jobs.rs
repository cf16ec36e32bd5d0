//! Logical jobs: what a client sent for one, and the same job in Kinora's words.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use kinora::manifest::Role;
use kinora::models::{ModelCard, Route, Shelf};
use serde::Deserialize;
use serde_json::Value as Json;

use super::compare::{Case, Job, Picture};

/// One recording of logical jobs, and how its client differs on purpose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// File in `recorded/`, without `.json`.
    pub recorded: String,
    /// Provider card.
    pub provider: String,
    /// Cards of siblings, by the name of a recorded model that no card is for.
    #[serde(default)]
    pub siblings: BTreeMap<String, String>,
    /// What an uploaded picture is called by; `{file}` is its name.
    #[serde(default)]
    pub handle: Option<String>,
    /// As in a case.
    #[serde(default)]
    pub client_only: Vec<String>,
    /// As in a case.
    #[serde(default)]
    pub ours_only: Vec<String>,
}

/// A job as the recording describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    route: Route,
    model: String,
    prompt: String,
    pictures: Vec<Shown>,
    #[serde(default)]
    transport: Option<String>,
    seconds: u32,
    #[serde(default)]
    resolution: Option<String>,
    #[serde(default)]
    aspect: Option<String>,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    sound: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    name: String,
    role: Role,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    file: Option<String>,
}

impl Jobs {
    /// The case of a recorded request, if it is the submission of a job.
    pub fn case(&self, at: usize, recorded: &Json, shelf: &Shelf) -> Option<Case> {
        let described = recorded.get("job")?;
        let job: Described = serde_json::from_value(described.clone())
            .unwrap_or_else(|e| panic!("{} #{at}: {e}", self.recorded));
        let (card, sibling) = self.card(&job, shelf);
        Some(Case {
            recorded: self.recorded.clone(),
            request: at,
            model: Some(card.model.clone()),
            model_id: sibling.then(|| job.model.clone()),
            job: Some(self.job(&job, card)),
            client_only: self.client_only.clone(),
            ours_only: self.ours_only.clone(),
            ..Case::default()
        })
    }

    fn card<'s>(&self, job: &Described, shelf: &'s Shelf) -> (&'s ModelCard, bool) {
        if let Some(name) = self.siblings.get(&job.model) {
            let card = shelf.get(name).unwrap_or_else(|| panic!("no model card `{name}`"));
            return (card, true);
        }
        let mut own = shelf.iter().filter(|card| card.provider == self.provider);
        let found =
            own.find(|c| c.routes.contains_key(&job.route) && c.api_id(job.route) == job.model);
        let none = || panic!("{}: no card is for `{}` by {}", self.recorded, job.model, job.route);
        (found.unwrap_or_else(none), false)
    }

    fn job(&self, job: &Described, card: &ModelCard) -> Job {
        let usual = || card.resolutions.keys().next().expect("a resolution").clone();
        let mut values = BTreeMap::new();
        if let Some(sound) = job.sound {
            values.insert("audio".to_owned(), kinora::yaml::Json(Json::from(sound)));
        }
        Job {
            route: job.route,
            prompt: prompt(job, card),
            negative_prompt: None,
            duration: job.seconds.to_string(),
            aspect: job.aspect.clone().unwrap_or_else(|| "16:9".to_owned()),
            resolution: job.resolution.clone().unwrap_or_else(usual),
            seed: job.seed,
            fps: None,
            pictures: job.pictures.iter().map(|shown| self.picture(job, shown)).collect(),
            options: job
                .sound
                .filter(|sound| *sound)
                .map(|_| "audio".to_owned())
                .into_iter()
                .collect(),
            values,
        }
    }

    fn picture(&self, job: &Described, shown: &Shown) -> Picture {
        let mut picture =
            Picture { name: Some(shown.name.clone()), role: shown.role, ..Picture::default() };
        let file = shown.file.as_deref().unwrap_or_default();
        let media_type = if file.ends_with(".jpg") { "image/jpeg" } else { "image/png" };
        picture.media_type = Some(media_type.to_owned());
        let base64 = || {
            let path = format!("tests/conformance/pictures/{file}");
            let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            BASE64.encode(&bytes)
        };
        match job.transport.as_deref() {
            Some("url") => picture.url.clone_from(&shown.url),
            Some("data") => {
                picture.data_uri = Some(format!("data:{media_type};base64,{}", base64()))
            }
            Some("base64") => picture.base64 = Some(base64()),
            Some("file") => picture.file = Some(file.to_owned()),
            Some("upload") => {
                let handle = self.handle.as_ref().expect("what uploads are called by");
                picture.handle = Some(handle.replace("{file}", file));
            }
            other => panic!("no transport {other:?}"),
        }
        picture
    }
}

/// The prompt as the model wants it: pictures called its way, or by their plain name.
fn prompt(job: &Described, card: &ModelCard) -> String {
    let mention = card.routes.get(&job.route).and_then(|ability| ability.mention.as_ref());
    let mut prompt = job.prompt.clone();
    for (i, shown) in job.pictures.iter().enumerate() {
        let call = mention.map_or_else(|| shown.name.clone(), |m| m.render(i + 1, &shown.name));
        prompt = prompt.replace(&format!("@{}", shown.name), &call);
    }
    prompt
}
