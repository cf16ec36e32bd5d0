//! Jobs as others see them: a line of a report, a request for a provider.
//!
//! What lives here: the conversions, and what follows from a job alone. What never does: deciding anything about a job.

use rust_decimal::Decimal;

use super::job::{JobSettings, PlannedJob, Request, RequestReference, retake_seed};
use super::summary::{Change, JobLine};
use crate::channel::Ask;
use crate::manifest::Catalogue;
use crate::models::AspectRatio;

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
            shot: catalogue.shots[self.shot as usize].id.to_string(),
            subject: self.subject_name(catalogue),
            channel: self.asked_of_its_clip(),
            consistency: self.consistency.as_deref().cloned(),
        })
    }
}
