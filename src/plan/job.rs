//! Jobs: one clip to be made, as planned.
//!
//! What lives here: the job, its request, its fingerprint's parts. What never does: how jobs
//! are found (expand), what they cost (estimate), what was done before (diff).

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::address::{Address, JobKey};
use crate::channel::{Ask, Channel};
use crate::digest::{Digest, FieldHasher};
use crate::manifest::{ConsistencyRule, Role};
use crate::media::prepare::Recipe;
use crate::media::{Format, PictureId};
use crate::models::{ModelCard, Priced, Route};

/// Settings of one job, all decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSettings {
    /// Seconds.
    #[serde(with = "rust_decimal::serde::str")]
    pub duration: Decimal,
    /// `W:H`.
    pub aspect: String,
    /// Name of the resolution on the card.
    pub resolution: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second; absent when the model decides.
    pub fps: Option<u32>,
    /// Seed; absent when the model takes none. Of a planned job, the one before any retake.
    pub seed: Option<u64>,
    /// What is switched on of what the model's card offers, such as `audio`; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// Why a job goes by its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RouteReason {
    /// The manifest says so.
    Asked,
    /// No reference is attached.
    NoReference,
    /// One picture is attached, and the prompt does not mention it.
    OnePicture,
    /// A picture with the role of first frame is attached.
    FirstFrame,
    /// First and last frame are attached.
    FirstAndLastFrame,
    /// Several pictures are attached.
    SeveralPictures,
    /// The prompt mentions a picture by name.
    Mentioned,
    /// The prompt mentions its one picture, but the model can only take it as first frame.
    MentionedAsFirstFrame,
}

impl RouteReason {
    /// In words, for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            RouteReason::Asked => "the manifest asks for it",
            RouteReason::NoReference => "no reference is attached",
            RouteReason::OnePicture => "one picture, not mentioned by name",
            RouteReason::FirstFrame => "a first frame is attached",
            RouteReason::FirstAndLastFrame => "first and last frame are attached",
            RouteReason::SeveralPictures => "several pictures are attached",
            RouteReason::Mentioned => "the prompt mentions a picture",
            RouteReason::MentionedAsFirstFrame => {
                "the prompt mentions its picture, which this model takes as first frame"
            }
        }
    }
}

/// A picture as attached to one job, in the order in which the model gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Name: the reference's own, or `alias.name` for a further subject's.
    pub name: Arc<str>,
    /// What it is for on this route.
    pub role: Role,
    /// What the manifest gives it for, whatever the route makes of it.
    pub given: Role,
    /// The file.
    pub picture: PictureId,
    /// What is done to it before it is sent.
    pub recipe: Recipe,
    /// Public URL of the same picture.
    pub url: Option<Arc<str>>,
}

/// What a job may cost instead of what is expected, in the workspace's unit. Both are zero where
/// it is unpriced, and mean nothing then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// The least: the shortest clip that the model may decide on.
    pub low: Decimal,
    /// The most: every retry that may be charged is charged, and every retake that a clip's check may
    /// ask for is made.
    pub high: Decimal,
}

/// One planned job.
#[derive(Debug, Clone)]
pub struct PlannedJob {
    /// Its stable name.
    pub address: Address,
    /// The address' key.
    pub key: JobKey,
    /// Index of its shot in the catalogue.
    pub shot: u32,
    /// Its subject in the catalogue.
    pub subject: Option<crate::manifest::SubjectRef>,
    /// Take, from 1.
    pub take: u32,
    /// The model.
    pub model: Arc<ModelCard>,
    /// How it enters the model.
    pub route: Route,
    /// Why.
    pub reason: RouteReason,
    /// The prompt as sent: filled in, mentions written as the model wants them.
    pub prompt: String,
    /// The negative prompt as sent.
    pub negative_prompt: Option<String>,
    /// Settings.
    pub settings: JobSettings,
    /// How often another clip of the same has been asked for, by a person or a check: part of the
    /// request's name, and of its seed where the model takes one.
    pub retake: u32,
    /// Pictures as sent.
    pub attached: Vec<Attached>,
    /// The request's name.
    pub fingerprint: Fingerprint,
    /// What it is expected to cost, in the workspace's unit where a rate is known: what is
    /// reserved for one attempt, which no attempt may exceed.
    pub estimate: Priced,
    /// What it may cost instead.
    pub spread: Spread,
    /// What the same clip would cost by the text route; absent when the model has none or it
    /// is unpriced.
    pub text_estimate: Option<Decimal>,
    /// Where the clip goes, relative to the workspace.
    pub out: String,
    /// The channel that it is for: no part of its request, only of what is asked of its clip.
    pub channel: Option<Arc<Channel>>,
    /// How its clip is held against its references: no part of its request's name either; absent: it
    /// is not.
    pub consistency: Option<Arc<ConsistencyRule>>,
}

/// The name of a request: a digest over its parts and how often it was asked for again, and the
/// parts' own digests, so that a later plan can say what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Over all parts.
    pub whole: Digest,
    /// The first eight bytes of each part's digest, in the order of [`Part::ALL`].
    pub parts: [u64; 4],
}

/// The parts of a request, by which a change is explained.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Model and route.
    Model,
    /// Prompt and negative prompt.
    Prompt,
    /// Duration, size, frame rate, seed.
    Settings,
    /// Bytes, roles or order of pictures.
    Reference,
    /// Nothing: a person or a check asks for another clip of the same.
    Retake,
}

impl Part {
    /// Those of a request, in the order in which a fingerprint keeps them.
    pub const ALL: [Part; 4] = [Part::Model, Part::Prompt, Part::Settings, Part::Reference];

    /// As reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Model => "model",
            Part::Prompt => "prompt",
            Part::Settings => "settings",
            Part::Reference => "reference",
            Part::Retake => "retake",
        }
    }
}

impl Fingerprint {
    /// Of a request's parts; a picture is its digest and what is done to it. Nothing here is a
    /// position in a file, a path or a time. `settings` are those before any retake, so that
    /// `retake` alone tells one from another, whether the model takes a seed or not.
    pub fn of<'a>(
        model: &ModelCard,
        route: Route,
        prompt: &str,
        negative_prompt: Option<&str>,
        settings: &JobSettings,
        retake: u32,
        pictures: impl Iterator<Item = (Role, &'a Digest, &'a Recipe)>,
    ) -> Self {
        let pictures = pictures.map(|(role, digest, recipe)| {
            // A file that is sent as it is has no more to say; no role is written like an id.
            (role, digest, recipe.making().map(|_| Cow::Owned(recipe.id())))
        });
        let model = (model.provider.as_str(), model.model.as_str());
        Self::of_named(model, route, (prompt, negative_prompt), settings, retake, pictures)
    }

    /// The same of a request whose model is known by the names of its provider and itself, and
    /// recipes by their ids; absent where a picture is sent as it is.
    pub(super) fn of_named<'a>(
        (provider, model): (&str, &str),
        route: Route,
        (prompt, negative_prompt): (&str, Option<&str>),
        settings: &JobSettings,
        retake: u32,
        pictures: impl Iterator<Item = (Role, &'a Digest, Option<Cow<'a, str>>)>,
    ) -> Self {
        let model = FieldHasher::new("model")
            .field(provider.as_bytes())
            .field(model.as_bytes())
            .field(route.as_str().as_bytes())
            .finish();
        let prompt = FieldHasher::new("prompt")
            .field(prompt.as_bytes())
            .optional(negative_prompt.map(str::as_bytes))
            .finish();
        let mut named = FieldHasher::new("settings");
        named
            .field(settings.duration.normalize().to_string().as_bytes())
            .field(settings.aspect.as_bytes())
            .field(settings.resolution.as_bytes())
            .field(&settings.width.to_le_bytes())
            .field(&settings.height.to_le_bytes())
            .optional(settings.fps.map(u32::to_le_bytes).as_ref().map(|b| &b[..]))
            .optional(settings.seed.map(u64::to_le_bytes).as_ref().map(|b| &b[..]));
        // What is switched on is an addition: without any, the name is what it was.
        for option in &settings.options {
            named.field(option.as_bytes());
        }
        let settings = named.finish();
        let mut references = FieldHasher::new("references");
        for (role, digest, recipe) in pictures {
            references.field(role.as_str().as_bytes()).field(digest.as_bytes());
            if let Some(recipe) = recipe {
                references.field(recipe.as_bytes());
            }
        }
        let parts = [model, prompt, settings, references.finish()];
        let mut whole = FieldHasher::new("request");
        for part in &parts {
            whole.field(part.as_bytes());
        }
        // An addition, too.
        if retake > 0 {
            whole.field(b"retake").field(&retake.to_le_bytes());
        }
        Fingerprint { whole: whole.finish(), parts: parts.map(|d| first_eight(&d)) }
    }

    /// Which parts differ from those of an earlier request with another name.
    pub fn differences(&self, earlier: &[u64; 4]) -> Vec<Part> {
        Part::differing(&self.parts, earlier)
    }
}

impl Part {
    /// Where two requests with different names differ.
    pub(super) fn differing<T: PartialEq>(now: &[T; 4], earlier: &[T; 4]) -> Vec<Part> {
        let both = Part::ALL.into_iter().zip(now.iter().zip(earlier));
        let parts: Vec<Part> = both.filter(|(_, (a, b))| a != b).map(|(part, _)| part).collect();
        if parts.is_empty() { vec![Part::Retake] } else { parts }
    }
}

fn first_eight(digest: &Digest) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// What is asked of a provider: everything it needs, nothing of the manifest. The ledger keeps
/// it with the attempt, so that a resumed run sends and polls for exactly what was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The job it is for.
    pub address: Address,
    /// Model name.
    pub model: String,
    /// Provider name.
    pub provider: String,
    /// Route.
    pub route: Route,
    /// Prompt as sent.
    pub prompt: String,
    /// Negative prompt as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Settings.
    pub settings: JobSettings,
    /// Pictures, in the order in which the model gets them.
    pub references: Vec<RequestReference>,
    /// Where the clip goes, relative to the workspace, `/` between parts.
    pub out: String,
    /// Fingerprint of all the above but address and `out`, and of `retake`; of nothing else below.
    pub fingerprint: Digest,
    /// How often another clip of the same had been asked for, by a person or a check.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retake: u32,
    /// The seed before any retake, from which those of retakes are made; absent where the model takes
    /// none, and where this is no retake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seed: Option<u64>,
    /// Ids for reports: the shot.
    pub shot: String,
    /// Ids for reports: `set.id` of the subject, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What the channel that it is for asks of its clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Ask>,
    /// How its clip is held against its references; absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<ConsistencyRule>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// One picture of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestReference {
    /// Name.
    pub name: String,
    /// Role on its route.
    pub role: Role,
    /// What the manifest gives it for, where the route makes something else of it: an identity
    /// picture is the first frame of the image route. No part of any fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Role>,
    /// Path relative to the workspace.
    pub path: String,
    /// Digest of its bytes at planning. Whoever sends it checks the bytes against this.
    pub digest: Digest,
    /// Format.
    pub format: Format,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Public https URL of the same picture, where the user has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// URL that it was fetched from, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What is done to it before it is sent; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
}

impl RequestReference {
    /// What the manifest gives it for, whatever the route makes of it.
    pub fn meant_for(&self) -> Role {
        self.given.unwrap_or(self.role)
    }
}
