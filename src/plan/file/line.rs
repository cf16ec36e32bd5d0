//! The lines of a plan file, as serde and the schema see them.
//!
//! What never lives here: how they are packed, what they point to.

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

use super::pattern::Pattern;
use crate::digest::Digest;
use crate::manifest::{ConsistencyRule, Role, SubjectKind};
use crate::models::Route;
use crate::plan::job::{Part, RouteReason};
use crate::plan::summary::{PlanSummary, Tally};

/// One line of a plan file. The header is the first, the end the last; what a line points to by
/// number stands before it, counted from 0 among the lines of its kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What the plan is of, and its summary.
    Header(Box<Header>),
    /// A picture file.
    Picture(PictureLine),
    /// What is done to a picture before it is sent.
    Recipe(String),
    /// A subject.
    Subject(SubjectLine),
    /// What many jobs share.
    Form(Box<FormLine>),
    /// A job.
    Job(JobEntry),
    /// The end.
    End(Box<EndLine>),
}

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// Version of these lines, `MAJOR.MINOR`: readers refuse another major version and ignore
    /// what a newer minor version added.
    pub format_version: String,
    /// The program that wrote it.
    pub program: String,
    /// The plan's digest, which approvals name: over unit, address, fingerprint, estimate, low
    /// and high of every job.
    #[schemars(with = "String")]
    pub plan: Digest,
    /// What the plan was made from.
    #[serde(flatten)]
    pub origin: Origin,
    /// The plan in sum.
    pub summary: PlanSummary,
}

/// What a plan was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The manifest's path as it was given.
    pub manifest: String,
    /// Every file that was read: manifests, feeds, the price file.
    pub files: Vec<FileUsed>,
    /// Model cards and provider cards of the jobs' models.
    pub cards: Vec<CardUsed>,
    /// The prices that were used.
    pub prices: Vec<PriceMark>,
    /// The ledger that the plan was compared with.
    pub ledger: LedgerMark,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileUsed {
    /// Path relative to the workspace.
    pub path: String,
    /// Digest of its bytes.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// A card that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardUsed {
    /// `model` or `provider`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Digest of what it says.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// A price that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceMark {
    /// Model.
    pub model: String,
    /// Unit of its amounts.
    pub unit: String,
    /// The day on which it was true.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
    /// Digest of the whole price.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// A ledger at one moment of its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerMark {
    /// The random name that it was given when it was made; absent where there was none yet.
    pub lineage: Option<String>,
    /// Grows with every change to jobs and approvals.
    pub serial: i64,
}

/// A picture file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PictureLine {
    /// Path relative to the workspace.
    pub path: String,
    /// Digest of its bytes.
    #[serde(with = "packed")]
    #[schemars(with = "Packed")]
    pub digest: Digest,
}

/// A subject.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubjectLine {
    /// Its set.
    pub set: String,
    /// Its id.
    pub id: String,
    /// Those of its attributes that the texts of its jobs may repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Box<str>>,
    /// Its pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<u32>,
}

/// What many jobs share: everything that is not their subject's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormLine {
    /// Shot.
    pub shot: String,
    /// Set of the subjects; absent for a shot that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// What the subjects are; absent for a shot that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SubjectKind>,
    /// The variant as in addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Take, from 1.
    pub take: u32,
    /// Model.
    pub model: String,
    /// Provider.
    pub provider: String,
    /// Route.
    pub route: Route,
    /// Why this route.
    pub reason: RouteReason,
    /// Seconds of clip.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "String")]
    pub seconds: Decimal,
    /// `W:H`.
    pub aspect: String,
    /// Name of the resolution on the card.
    pub resolution: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second; absent when the model decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// What is switched on of what the card offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// `derived` from the job's key, a number, or absent when the model takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// How often a person had asked for another clip of the same; the seed is the one before that.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retake: u32,
    /// The prompt, unless a job has its own.
    pub prompt: Pattern,
    /// The negative prompt, unless a job has its own; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<Pattern>,
    /// Where the clip goes, unless a job has its own path.
    pub out: Pattern,
    /// Pictures, in the order in which the model gets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<RefLine>,
    /// What is reserved for one attempt, in the workspace's unit; absent where it is unpriced.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub estimate: Option<Decimal>,
    /// The least that it may cost; absent: the estimate.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub low: Option<Decimal>,
    /// The most that it may cost; absent: the estimate.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub high: Option<Decimal>,
    /// What the same clip costs by text.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub as_text: Option<Decimal>,
    /// How clips are held against their references; absent: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<ConsistencyRule>,
}

impl FormLine {
    /// How often a clip that fails its check may be made again.
    pub fn retakes(&self) -> u32 {
        self.consistency.as_ref().map_or(0, |rule| rule.max_retakes)
    }
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A picture as attached to the jobs of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Which of the subject's own pictures, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<u32>,
    /// Which picture of all; for every one that is not the subject's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<u32>,
}

/// The seed of a form's jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Seed {
    /// As written in the manifest.
    Given(u64),
    /// From the job's key.
    Derived(Derived),
}

/// The word for a seed that is derived from the job's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// The last four bytes of the key, little end first, halved.
    Derived,
}

/// A job. Keys are short, since there may be millions of these lines.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JobEntry {
    /// Its form.
    pub f: u32,
    /// Its subject; absent for a shot that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s: Option<u32>,
    /// Digest of its request.
    #[serde(with = "packed")]
    #[schemars(with = "Packed")]
    pub d: Digest,
    /// How it stood against the ledger: `changed`, `done`, `in_flight`, `retry` or `unknown`;
    /// absent: new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeWord>,
    /// What had changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Part>,
    /// Recipes of its pictures, in their order, `null` where a file is sent as it is; absent:
    /// all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipes: Option<Vec<Option<u32>>>,
    /// Its own prompt, where the form's is not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Its own negative prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Its own path of the clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
}

/// How a job stood, where it was not new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeWord {
    /// Made of another request.
    Changed,
    /// The clip was there.
    Done,
    /// A provider had it.
    InFlight,
    /// It had failed, and would be tried again.
    Retry,
    /// Of unknown outcome.
    Unknown,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndLine {
    /// How many jobs there are.
    pub jobs: u64,
    /// How many lines come before this one.
    pub lines: u64,
    /// Every job in sum.
    pub all: Tally,
    /// The jobs that a run would start.
    pub to_run: Tally,
    /// Digest over the digest of the first line and the digest of all lines between it and this
    /// one, their line ends included.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// A digest as 43 characters: base64 with `-` and `_`, without padding.
struct Packed;

impl JsonSchema for Packed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Packed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{43}$",
            "description": "A BLAKE3 digest: base64 with `-` and `_`, without padding.",
        })
    }
}

pub(super) mod packed {
    //! Digests in base64.

    use data_encoding::BASE64URL_NOPAD;

    use super::*;

    /// Characters of a digest.
    pub const CHARACTERS: usize = 43;

    pub fn serialize<S: Serializer>(digest: &Digest, s: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; CHARACTERS];
        BASE64URL_NOPAD.encode_mut(digest.as_bytes(), &mut text);
        s.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }

    /// Writes a digest behind what is there.
    pub fn append(digest: &Digest, out: &mut Vec<u8>) {
        let from = out.len();
        out.resize(from + CHARACTERS, 0);
        BASE64URL_NOPAD.encode_mut(digest.as_bytes(), &mut out[from..]);
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Digest, D::Error> {
        struct Reading;
        impl Visitor<'_> for Reading {
            type Value = Digest;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a digest of 43 characters")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digest, E> {
                parse(text.as_bytes()).ok_or_else(|| E::custom("not a digest of 43 characters"))
            }
        }
        d.deserialize_str(Reading)
    }

    fn parse(text: &[u8]) -> Option<Digest> {
        let mut bytes = [0; 32];
        if text.len() != CHARACTERS {
            return None;
        }
        BASE64URL_NOPAD.decode_mut(text, &mut bytes).ok()?;
        Some(Digest::from_bytes(bytes))
    }
}

mod amount {
    //! Amounts as decimal strings, never below zero.

    use super::*;

    pub fn serialize<S: Serializer>(amount: &Option<Decimal>, s: S) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => s.serialize_str(&amount.normalize().to_string()),
            None => s.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
        let Some(text) = Option::<String>::deserialize(d)? else { return Ok(None) };
        let wrong = || serde::de::Error::custom(format!("`{text}` is no amount"));
        let amount = Decimal::from_str_exact(&text).map_err(|_| wrong())?;
        if amount.is_sign_negative() {
            return Err(wrong());
        }
        Ok(Some(amount.normalize()))
    }
}
