//! The catalogue: what a manifest and its feeds mean, checked and resolved.
//!
//! Loading makes it, planning reads it. Everything that a later finding may point to keeps its
//! [`Place`]. Memory is counted: a catalogue of 100,000 subjects with two pictures each stays
//! under 100 MB. What never lives here: YAML, routes, prices, jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::approvers::Approvers;
use super::choose::Choose;
use super::consistency::Consistency;
use super::export::Export;
use super::guardrails::Guardrails;
use super::judges::JudgeRule;
use super::prices::PricePolicy;
use super::providers::ProviderSettings;
use super::remote::FetchSettings;
use super::unattended::Unattended;
use crate::channel::Channels;
use crate::diagnostic::{Place, Sources};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::media::PictureTable;
use crate::media::prepare::{Colour, Fit};
use crate::models::Route;
use crate::money::Unit;

pub use crate::feed::{Columns, FeedFormat, Row};
pub use crate::yaml::Placed;

/// A loaded and checked catalogue.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The manifest's `name`.
    pub name: String,
    /// The workspace: the folder of the root manifest. Shown paths are relative to it.
    pub workspace: PathBuf,
    /// Every file that was read, for findings.
    pub sources: Sources,
    /// Digest over everything that was read but the pictures: manifests, feeds, and the
    /// environment values that the manifest may read. The same digest means the same catalogue,
    /// as far as pictures stayed the same.
    pub inputs: Digest,
    /// The sets of subjects, in the order of the manifest.
    pub sets: Vec<SubjectSet>,
    /// The shots, in the order of the manifest.
    pub shots: Vec<Shot>,
    /// Every picture that any reference names, once.
    pub pictures: PictureTable,
    /// Environment values that the manifest lists, by name; templates see them as `env.NAME`.
    pub env: BTreeMap<String, String>,
    /// Template of a clip's path, relative to the workspace.
    pub out: Template,
    /// Limits in force.
    pub limits: Limits,
    /// How much may run at once.
    pub concurrency: Concurrency,
    /// How much may be spent.
    pub budget: Budget,
    /// What a plan and its runs must keep to.
    pub guardrails: Guardrails,
    /// Settings of shots that don't say otherwise.
    pub defaults: Settings,
    /// Channel profiles; empty where the manifest names no channel.
    pub channels: Arc<Channels>,
    /// Who may approve plans; absent: whoever can write to the ledger.
    pub approvers: Option<Approvers>,
    /// What the manifest says of providers, by name.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// How prices are looked at.
    pub prices: PricePolicy,
    /// How often a job that failed without a charge, or surely did not arrive, is tried again.
    pub retries: u32,
    /// Whether a job that ended without a clip, and was charged, may be paid for again.
    pub pay_again: bool,
    /// What a run does about submissions whose outcome stays unknown.
    pub unknown: Unknown,
    /// What a run may do when nobody is there.
    pub unattended: Option<Unattended>,
    /// How pictures that have URLs are fetched.
    pub fetch: FetchSettings,
    /// What `kinora export` makes.
    pub export: Export,
    /// Who else looks at clips, in the order of the manifest.
    pub judges: Vec<JudgeRule>,
}

impl Catalogue {
    /// How many attempts of one job may be charged, at most: the first, and where the manifest
    /// lets a job be paid for again, those that try it again.
    pub fn charged_attempts(&self) -> u32 {
        if self.pay_again { self.retries.saturating_add(1) } else { 1 }
    }

    /// `set.id` of a subject.
    pub fn subject_name(&self, at: SubjectRef) -> String {
        let set = &self.sets[at.set as usize];
        format!("{}.{}", set.name, set.subjects[at.subject as usize].id)
    }
}

/// How much may run at once, a minute and a day. Zero is refused at loading. Absent: the
/// provider's own terms, or no such limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concurrency {
    /// Jobs in flight in the whole run; absent: as many as the providers allow.
    pub in_flight: Option<u32>,
    /// HTTP requests in flight in the whole run.
    pub requests: Option<u32>,
    /// Clips fetched at once in the whole run.
    pub fetches: Option<u32>,
    /// By provider name.
    pub providers: BTreeMap<String, PoolLimit>,
    /// By model name.
    pub models: BTreeMap<String, PoolLimit>,
    /// By account, as [`ProviderSettings::account`] names it.
    pub accounts: BTreeMap<String, PoolLimit>,
    /// The names above in the manifest, for what is wrong with them.
    pub places: Vec<LimitPlace>,
}

impl Concurrency {
    /// The first limit that is zero, by its key below `limits`: with it nothing could ever run.
    pub fn zero(&self) -> Option<String> {
        let whole =
            [("in_flight", self.in_flight), ("requests", self.requests), ("fetches", self.fetches)];
        let zero =
            |(key, limit): &(&str, Option<u32>)| (*limit == Some(0)).then(|| key.to_string());
        let named = |(of, pools): (LimitOf, &BTreeMap<String, PoolLimit>)| {
            pools.iter().find_map(|(name, pool)| {
                let key = pool.limits().iter().find_map(zero)?;
                Some(format!("{}.{name}.{key}", of.key()))
            })
        };
        let tables = [
            (LimitOf::Provider, &self.providers),
            (LimitOf::Model, &self.models),
            (LimitOf::Account, &self.accounts),
        ];
        whole.iter().find_map(zero).or_else(|| tables.into_iter().find_map(named))
    }
}

/// How much one provider, model or account takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolLimit {
    /// Jobs at once.
    pub in_flight: Option<u32>,
    /// Submissions a minute.
    pub per_minute: Option<u32>,
    /// Submissions a day (UTC).
    pub per_day: Option<u32>,
}

impl PoolLimit {
    /// So many jobs at once, and no other limit.
    pub fn at_once(jobs: u32) -> Self {
        PoolLimit { in_flight: Some(jobs), ..PoolLimit::default() }
    }

    fn limits(&self) -> [(&'static str, Option<u32>); 3] {
        [("in_flight", self.in_flight), ("per_minute", self.per_minute), ("per_day", self.per_day)]
    }
}

/// Whom a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitOf {
    /// A model.
    Model,
    /// A provider.
    Provider,
    /// An account at a provider.
    Account,
}

impl LimitOf {
    /// The key under which the manifest names them.
    pub fn key(self) -> &'static str {
        match self {
            LimitOf::Model => "models",
            LimitOf::Provider => "providers",
            LimitOf::Account => "accounts",
        }
    }
}

/// Where `limits:` or `budget:` names a model, a provider or an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitPlace {
    /// What it names.
    pub of: LimitOf,
    /// The name.
    pub name: String,
    /// Where.
    pub place: Place,
}

/// What a run does about submissions whose outcome stays unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// They hold their reservations until a person settles them.
    #[default]
    Hold,
    /// They are written off and submitted again, as long as this is not passed.
    Resubmit {
        /// Most that paying twice for them may cost in a month (UTC), in the workspace's unit.
        per_month: Decimal,
    },
}

/// What may be spent, in the workspace's unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    /// The workspace's unit; all limits below count it.
    pub unit: Unit,
    /// How many of the workspace's unit one of another unit is worth.
    pub rates: BTreeMap<Unit, Decimal>,
    /// The days on which the manifest's rates were true, where it says so.
    pub rates_as_of: BTreeMap<Unit, jiff::civil::Date>,
    /// Most that one run may spend.
    pub per_run: Option<Limit>,
    /// Most that one job may cost.
    pub per_job: Option<Limit>,
    /// Most in one day (UTC).
    pub per_day: Option<Limit>,
    /// Most in one month (UTC).
    pub per_month: Option<Limit>,
    /// Besides, for single models, by name.
    pub models: BTreeMap<String, BudgetShare>,
    /// Besides, for single providers, by name.
    pub providers: BTreeMap<String, BudgetShare>,
    /// Besides, for single accounts, by name.
    pub accounts: BTreeMap<String, BudgetShare>,
    /// The names above in the manifest, for what is wrong with them.
    pub places: Vec<LimitPlace>,
}

/// What may be spent on one model, at one provider or from one account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BudgetShare {
    /// Most that one run may spend.
    pub per_run: Option<Limit>,
    /// Most in one day (UTC).
    pub per_day: Option<Limit>,
    /// Most in one month (UTC).
    pub per_month: Option<Limit>,
}

/// An amount in the workspace's unit, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The amount.
    pub amount: Decimal,
    /// Where.
    pub place: Place,
}

/// What a subject is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// Something that is sold.
    Product,
    /// A person or figure.
    Character,
    /// A place and time, as seen by the camera.
    Scene,
    /// What a character wears.
    Outfit,
    /// What a product comes in.
    Packaging,
    /// A place.
    Location,
    /// A look.
    Style,
}

impl SubjectKind {
    /// As written in manifests and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            SubjectKind::Product => "product",
            SubjectKind::Character => "character",
            SubjectKind::Scene => "scene",
            SubjectKind::Outfit => "outfit",
            SubjectKind::Packaging => "packaging",
            SubjectKind::Location => "location",
            SubjectKind::Style => "style",
        }
    }

    /// Whether a clip of it must keep its identity, so that a shot without any reference of it
    /// is at risk.
    pub fn has_identity(self) -> bool {
        matches!(
            self,
            SubjectKind::Product
                | SubjectKind::Character
                | SubjectKind::Outfit
                | SubjectKind::Packaging
        )
    }
}

/// What a reference is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What must stay recognisable.
    #[default]
    Identity,
    /// The clip's first frame.
    FirstFrame,
    /// The clip's last frame.
    LastFrame,
    /// What a character wears.
    Wardrobe,
    /// Where it happens.
    Environment,
    /// How it feels.
    Mood,
    /// How the camera sees it.
    Framing,
    /// How it looks.
    Style,
}

impl Role {
    /// As written in manifests and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Identity => "identity",
            Role::FirstFrame => "first_frame",
            Role::LastFrame => "last_frame",
            Role::Wardrobe => "wardrobe",
            Role::Environment => "environment",
            Role::Mood => "mood",
            Role::Framing => "framing",
            Role::Style => "style",
        }
    }
}

/// Subjects of one kind, under one name.
#[derive(Debug, Clone)]
pub struct SubjectSet {
    /// Its name in `subjects:`.
    pub name: Arc<str>,
    /// What its subjects are.
    pub kind: SubjectKind,
    /// The attributes that its subjects have.
    pub columns: Arc<Columns>,
    /// The attribute that says when a subject was last changed.
    pub updated: Option<Updated>,
    /// The feed that it is read from.
    pub feed: Option<FeedFacts>,
    /// Its subjects, in the order of the file.
    pub subjects: Vec<Subject>,
    /// Its name in the manifest.
    pub place: Place,
}

/// The attribute of a set that says when a subject was last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// Its name.
    pub attribute: String,
    /// Where it is named.
    pub place: Place,
}

/// What reading a set's feed came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFacts {
    /// Which program wrote it, as told or as found out.
    pub format: FeedFormat,
    /// The feed, relative to the workspace.
    pub file: String,
    /// How many products or rows it has, bad ones not counted.
    pub given: u64,
    /// How many rows can't be used.
    pub bad: u64,
    /// How many `select:` leaves out.
    pub left_out: u64,
}

/// One thing of the catalogue.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its id, unique in its set.
    pub id: Box<str>,
    /// Its attributes.
    pub row: Row,
    /// Its tags.
    pub tags: Box<[Box<str>]>,
    /// Whether it is a real person.
    pub real_person: bool,
    /// Who agreed to what, when: a real person's consent.
    pub consent: Option<Box<str>>,
    /// Its pictures, in the order of the manifest; a glob's in the order of their paths.
    pub references: Box<[Reference]>,
    /// Number of its first row in the feed as people count them, from 1; 0 for an item of a
    /// manifest.
    pub first_row: u32,
    /// Where it is written: the item's id, or the row's first cell.
    pub place: Place,
}

/// One picture of a subject or a shot.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Name by which prompts mention it. The pictures of a glob named `detail` are `detail-1`,
    /// `detail-2`, …; see `group`.
    pub name: Arc<str>,
    /// The glob's name, when it came from one; mentioning it mentions them all.
    pub group: Option<Arc<str>>,
    /// What it is for.
    pub role: Role,
    /// Which picture, in [`Catalogue::pictures`].
    pub picture: crate::media::PictureId,
    /// Public https URL of the same picture. Its bytes are what a job is known by, so that
    /// another URL makes no other job.
    pub url: Option<Arc<str>>,
    /// What the picture shows, in the words of the feed that names it.
    pub alt: Option<Arc<str>>,
    /// Where it is written (the `image:` value; for a CSV subject this is still the manifest).
    pub place: Place,
}

/// A template with its place, compiled when it is first used.
#[derive(Debug, Clone)]
pub struct Template {
    /// The source.
    pub source: Arc<str>,
    /// The whole value in the file.
    pub place: Place,
    /// Whether the source stands in the file byte for byte from `place.start` on, so that a
    /// range in the template is a range in the file. False for folded and escaped scalars.
    pub literal: bool,
}

/// A subject named in a shot: set and index in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectRef {
    /// Index in [`Catalogue::sets`].
    pub set: u32,
    /// Index in [`SubjectSet::subjects`].
    pub subject: u32,
}

/// A prompt with its settings, applied to the subjects that it selects.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Its id.
    pub id: Arc<str>,
    /// The `id:` value.
    pub place: Place,
    /// Which subjects it is for; empty: none, the shot stands alone.
    pub selects: Vec<Selection>,
    /// `where:` over attributes and tags.
    pub condition: Option<Template>,
    /// Tags that a subject must all have.
    pub tags: Vec<String>,
    /// Further subjects, by the alias under which prompts mention them.
    pub with: Vec<With>,
    /// The prompt.
    pub prompt: Template,
    /// What it must not show.
    pub negative_prompt: Option<Template>,
    /// The shot's own pictures (a mood, a first frame, …).
    pub references: Vec<Reference>,
    /// Names of the references that are attached; absent: all.
    pub uses: Option<Vec<(String, Place)>>,
    /// The route, where the manifest insists on one.
    pub route: Option<(Route, Place)>,
    /// Settings after the manifest's defaults.
    pub settings: Settings,
    /// The matrix' axes, sorted by name.
    pub axes: Vec<Axis>,
    /// How many takes, from 1.
    pub takes: u32,
    /// Seeds of the takes, in their order; takes beyond have derived ones.
    pub seeds: Vec<u64>,
    /// The shot's own `out:`.
    pub out: Option<Template>,
}

impl Shot {
    /// Whether it, or a variant of it, may be for a channel.
    pub fn has_channel(&self) -> bool {
        self.settings.channel.is_some() || self.axes.iter().any(|axis| &*axis.name == "channel")
    }
}

/// Which subjects of one set a shot is for.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Index in [`Catalogue::sets`].
    pub set: u32,
    /// One subject of it, or all.
    pub subject: Option<u32>,
}

/// A further subject in a shot.
#[derive(Debug, Clone)]
pub struct With {
    /// How prompts call it: `@host`.
    pub alias: Arc<str>,
    /// The subjects it stands for; more than one makes it an axis of the matrix.
    pub choices: Vec<SubjectRef>,
    /// The value in the manifest.
    pub place: Place,
}

/// One axis of a shot's matrix.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Its name: a setting (`aspect`, `duration`, `resolution`, `model`, `channel`, `fps`, `fit`), or
    /// any other, which templates see as `variant.NAME`.
    pub name: Arc<str>,
    /// Its values as text, in the order of the manifest, each with its place.
    pub values: Vec<(Arc<str>, Place)>,
}

/// Settings of a shot, after the manifest's defaults. What is absent, the model's card decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Model name, or `auto`; absent: `animatic`.
    pub model: Option<Placed<String>>,
    /// What `auto` chooses among.
    pub choose: Option<Placed<Choose>>,
    /// Seconds.
    pub duration: Option<Placed<Decimal>>,
    /// `duration: auto`: the model decides; there are no seconds then.
    pub auto_duration: Option<Place>,
    /// What is switched on of what the model's card offers.
    pub options: Vec<Placed<String>>,
    /// `W:H`.
    pub aspect: Option<Placed<String>>,
    /// Name of a resolution on the model's card.
    pub resolution: Option<Placed<String>>,
    /// Frames a second.
    pub fps: Option<Placed<u32>>,
    /// How a frame of another shape than the clip is made to fit.
    pub fit: Option<Placed<Fit>>,
    /// The colour that padding has.
    pub pad: Option<Placed<Colour>>,
    /// The channel that it is for, in [`Catalogue::channels`].
    pub channel: Option<Placed<String>>,
    /// How its clips are held against their references.
    pub consistency: Consistency,
    /// Which of them stand in the manifest's defaults.
    pub inherited: Inherited,
}

/// Which settings of a shot stand in the manifest's defaults: a channel that the shot itself names
/// comes before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inherited {
    /// The channel itself.
    pub channel: bool,
    /// Seconds, or `auto`.
    pub duration: bool,
    /// `W:H`.
    pub aspect: bool,
    /// Name of a resolution.
    pub resolution: bool,
    /// Frames a second.
    pub fps: bool,
}
