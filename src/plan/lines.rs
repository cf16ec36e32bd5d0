//! Jobs as others see them: a line of a report, a request for a provider.
//!
//! What lives here: the conversions, and what follows from a job alone. What never does: deciding anything about a job.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job::{JobSettings, Part, PlannedJob, Request, RequestReference};
use super::retake::retake_seed;
use super::summary::Change;
use crate::channel::Ask;
use crate::manifest::Catalogue;
use crate::models::{AspectRatio, Route};

/// One job as a line of the JSON and CSV reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobLine {
    /// Address.
    pub address: String,
    /// `new`, `changed`, `done`, `in_flight`, `retry` or `unknown`.
    pub change: String,
    /// What changed.
    pub why: Vec<Part>,
    /// `set.id`.
    pub subject: Option<String>,
    /// Shot.
    pub shot: String,
    /// Model.
    pub model: String,
    /// Route.
    pub route: Route,
    /// Why this route.
    pub reason: String,
    /// Seconds.
    pub seconds: String,
    /// `WIDTHxHEIGHT`.
    pub size: String,
    /// Frames a second.
    pub fps: Option<u32>,
    /// Seed.
    pub seed: Option<u64>,
    /// Names of the pictures, in the order in which the model gets them.
    pub references: Vec<String>,
    /// Their files in the same order, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<String>,
    /// Prompt as sent.
    pub prompt: String,
    /// Expected cost, a decimal string; absent when unpriced.
    pub estimate: Option<String>,
    /// The least that it may cost.
    #[serde(default)]
    pub low: Option<String>,
    /// The most, with every retry that may be charged and every retake that its clip's check may ask
    /// for.
    #[serde(default)]
    pub high: Option<String>,
    /// What it is expected to cost if every retake that its clip's check may ask for is made; absent
    /// where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_retakes: Option<String>,
    /// Unit of the estimate.
    pub unit: Option<String>,
    /// What entering by pictures adds, where both prices are known.
    pub image_extra: Option<String>,
    /// Where the clip goes.
    pub out: String,
    /// The request's digest.
    pub fingerprint: String,
}

impl Change {
    /// As reports write it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Changed { .. } => "changed",
            Change::Done => "done",
            Change::InFlight => "in_flight",
            Change::Retry => "retry",
            Change::Unknown => "unknown",
        }
    }
}

impl PlannedJob {
    /// `set.id` of its subject, if any.
    pub fn subject_name(&self, catalogue: &Catalogue) -> Option<String> {
        self.subject.map(|at| catalogue.subject_name(at))
    }

    /// The seed that is sent; absent when the model takes none.
    pub fn seed(&self) -> Option<u64> {
        self.settings.seed.map(|seed| retake_seed(seed, self.retake))
    }

    /// How often its clip may be made again because it fails its check, at most.
    pub fn retakes(&self) -> u32 {
        self.consistency.as_ref().map_or(0, |rule| rule.max_retakes)
    }

    /// What is expected to be paid for it if every retake of a clip that fails is made, in the
    /// workspace's unit; absent where it is unpriced.
    pub fn with_retakes(&self) -> Option<Decimal> {
        let clips = Decimal::from(self.retakes()) + Decimal::ONE;
        Some(self.estimate.known()?.value.saturating_mul(clips))
    }

    /// As a line of a report.
    pub fn line(&self, change: &Change, catalogue: &Catalogue) -> JobLine {
        let estimate = self.estimate.known();
        let picture =
            |a: &super::job::Attached| catalogue.pictures.get(a.picture).name().to_owned();
        let extra = estimate.zip(self.text_estimate).map(|(amount, text)| amount.value - text);
        JobLine {
            address: self.address.to_string(),
            change: change.as_str().to_owned(),
            why: match change {
                Change::Changed { why } => why.clone(),
                _ => Vec::new(),
            },
            subject: self.subject_name(catalogue),
            shot: catalogue.shots[self.shot as usize].id.to_string(),
            model: self.model.model.clone(),
            route: self.route,
            reason: self.reason.as_str().to_owned(),
            seconds: self.settings.duration.normalize().to_string(),
            size: format!("{}x{}", self.settings.width, self.settings.height),
            fps: self.settings.fps,
            seed: self.seed(),
            references: self.attached.iter().map(|a| a.name.to_string()).collect(),
            pictures: self.attached.iter().map(picture).collect(),
            prompt: self.prompt.clone(),
            estimate: estimate.map(|amount| amount.value.normalize().to_string()),
            low: estimate.map(|_| self.spread.low.normalize().to_string()),
            high: estimate.map(|_| self.spread.high.normalize().to_string()),
            with_retakes: self
                .with_retakes()
                .filter(|_| self.retakes() > 0)
                .map(|most| most.normalize().to_string()),
            unit: estimate.map(|amount| amount.unit.to_string()),
            image_extra: extra.map(|extra| extra.normalize().to_string()),
            out: self.out.clone(),
            fingerprint: self.fingerprint.whole.to_string(),
        }
    }

    fn asked_of_its_clip(&self) -> Option<Ask> {
        Some(self.channel.as_ref()?.ask(AspectRatio::parse(&self.settings.aspect)?))
    }

    /// As asked of its provider. `None` when a picture's facts are gone, which a catalogue that
    /// the job was planned from never does.
    pub fn request(&self, catalogue: &Catalogue) -> Option<Request> {
        let reference = |attached: &super::job::Attached| {
            let picture = catalogue.pictures.get(attached.picture);
            let facts = catalogue.pictures.facts(attached.picture)?;
            Some(RequestReference {
                name: attached.name.to_string(),
                role: attached.role,
                given: Some(attached.given).filter(|given| *given != attached.role),
                path: picture.path.to_string(),
                digest: facts.digest,
                format: facts.format,
                width: facts.width,
                height: facts.height,
                url: attached.url.as_ref().map(ToString::to_string),
                source: picture.source.as_ref().map(|source| source.url.to_string()),
                recipe: attached.recipe.making().map(|_| attached.recipe.clone()),
            })
        };
        Some(Request {
            address: self.address.clone(),
            model: self.model.model.clone(),
            provider: self.model.provider.clone(),
            route: self.route,
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            settings: JobSettings { seed: self.seed(), ..self.settings.clone() },
            references: self.attached.iter().map(reference).collect::<Option<_>>()?,
            out: self.out.clone(),
            fingerprint: self.fingerprint.whole,
            retake: self.retake,
            first_seed: self.settings.seed.filter(|_| self.retake > 0),
            shot: catalogue.shots[self.shot as usize].id.to_string(),
            subject: self.subject_name(catalogue),
            channel: self.asked_of_its_clip(),
            consistency: self.consistency.as_deref().cloned(),
        })
    }
}
