//! The manifest as it is written. Its JSON Schema is made of these types, and so are the
//! completions and explanations that an editor shows.
//!
//! What never lives here: what the values mean; see the modules beside.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::approvers::RawApprover;
use super::bad_rows::RawBadRows;
use super::catalogue::{Role, SubjectKind};
use super::choose::RawChoose;
use super::consistency::RawConsistency;
use super::export::RawExport;
use super::feed_pictures::FeedPictures;
use super::feed_select::RawSelect;
use super::guardrails::RawGuardrails;
use super::judges::RawJudge;
use super::length::Length;
use super::limits::{RawBudget, RawLimits, RawUnknown};
use super::prices::RawPrices;
use super::providers::RawProvider;
use super::remote::RawFetch;
use super::unattended::RawUnattended;
use crate::feed::{AttributeType, Each, FeedFormat};
use crate::media::prepare::{Colour, Fit};
use crate::models::Route;
use crate::yaml::{Codes, Loose, Name, OneOrMany, Placed, Table, Text};

/// Under which codes a manifest's schema speaks.
pub(super) const CODES: Codes = Codes {
    unknown_key: "manifest::unknown_key",
    missing_key: "manifest::missing_key",
    wrong_type: "manifest::wrong_type",
    unknown_value: "manifest::unknown_value",
    wrong_value: "manifest::wrong_value",
    forms: &[],
};

/// A Kinora manifest: a catalogue of subjects, and the shots to make of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Kinora manifest")]
pub struct RawManifest {
    /// Version of the manifest language: 1.
    #[schemars(extend("const" = 1))]
    pub kinora: Placed<u32>,
    /// Name of the catalogue, for reports; without it, the file's name.
    pub name: Option<Text>,
    /// Other manifests whose subjects and shots are added; paths are relative to this file.
    #[serde(default)]
    pub include: OneOrMany<Text>,
    /// What the manifest may read beyond its own folder. Only in the root manifest.
    pub allow: Option<Placed<RawAllow>>,
    /// Settings of every shot that doesn't say otherwise. Only in the root manifest.
    pub defaults: Option<Placed<RawDefaults>>,
    /// How much may run at once, and how large things may be. Only in the root manifest.
    pub limits: Option<Placed<RawLimits>>,
    /// What may be spent. Only in the root manifest.
    pub budget: Option<Placed<RawBudget>>,
    /// How old prices may be. Only in the root manifest.
    pub prices: Option<Placed<RawPrices>>,
    /// Who may approve plans, by name: then only approvals that one of them signed count. Only in
    /// the root manifest.
    pub approvers: Option<Placed<Table<RawApprover>>>,
    /// What a plan and its runs must keep to, each rule with its severity. Only in the root
    /// manifest.
    pub guardrails: Option<Placed<RawGuardrails>>,
    /// How providers are reached, by name, where that differs from their cards. Only in the root
    /// manifest.
    pub providers: Option<Placed<Table<RawProvider>>>,
    /// How often a job that failed without a charge is tried again; 2 if not given. Only in the
    /// root manifest.
    #[schemars(range(max = 100))]
    pub retries: Option<Placed<u32>>,
    /// Whether a job that ended without a clip, and was charged, may be paid for again: `false`
    /// if not given. Only in the root manifest.
    pub pay_again: Option<Placed<bool>>,
    /// What to do about submissions whose outcome stays unknown: `hold` them for a person, the
    /// default, or resubmit them up to a stated cost. Only in the root manifest.
    pub unknown: Option<Placed<RawUnknown>>,
    /// What a run may do when nobody is there, and whom it tells. Only in the root manifest.
    pub unattended: Option<Placed<RawUnattended>>,
    /// How pictures that have URLs are fetched. Only in the root manifest.
    pub fetch: Option<Placed<RawFetch>>,
    /// What `kinora export` makes for the shop. Only in the root manifest.
    pub export: Option<Placed<RawExport>>,
    /// Who else looks at clips, by name: each gives a score that joins the verdict. Only in the
    /// root manifest.
    pub judges: Option<Placed<Table<Placed<RawJudge>>>>,
    /// Sets of subjects, each under a name.
    #[serde(default)]
    pub subjects: Table<RawSet>,
    /// What to make.
    #[serde(default)]
    pub shots: Vec<RawShot>,
    /// Template of a clip's path, relative to the root manifest's folder. For shots without a
    /// subject, the parts that name one are left out. Only in the root manifest.
    pub out: Option<Text>,
}

/// What a manifest may read beyond its own folder.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Allow")]
pub struct RawAllow {
    /// Folders outside the manifest's own from which files may be read.
    #[serde(default)]
    pub roots: OneOrMany<Text>,
    /// Names of environment variables that templates may read, as `env.NAME`.
    #[serde(default)]
    pub env: OneOrMany<Text>,
}

/// Settings of every shot that doesn't say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Defaults")]
pub struct RawDefaults {
    /// Name of a model, or `auto` for the cheapest that can make the shot; `animatic` if not
    /// given.
    pub model: Option<Text>,
    /// What `model: auto` chooses among.
    pub choose: Option<Placed<RawChoose>>,
    /// Name of a channel, for instance meta-reels, which sets the aspect, resolution and duration
    /// that are not written; `none` for no channel.
    pub channel: Option<Text>,
    /// Seconds, or `auto` where the model can decide how long a clip is.
    pub duration: Option<Placed<Length>>,
    /// What is switched on of what the model's card offers, for instance `audio`.
    pub options: Option<OneOrMany<Text>>,
    /// Width to height, for instance "9:16".
    #[schemars(with = "Option<crate::models::AspectRatio>")]
    pub aspect: Option<Text>,
    /// Name of a resolution on the model's card, for instance 720p.
    pub resolution: Option<Text>,
    /// Frames a second.
    #[schemars(range(min = 1, max = 240))]
    pub fps: Option<Placed<u32>>,
    /// How a first or last frame of another shape than the clip is made to fit: `keep` if not
    /// given.
    pub fit: Option<Placed<Fit>>,
    /// The colour that `fit: pad` adds, for instance "#f4f1ea"; that of the picture's own border
    /// if not given.
    #[serde(default)]
    #[schemars(with = "Colour")]
    pub pad: Option<Placed<Colour>>,
    /// How many clips are made of each shot.
    #[schemars(range(min = 1, max = 1000))]
    pub takes: Option<Placed<u32>>,
    /// What clips must not show.
    pub negative_prompt: Option<Text>,
    /// How clips are held against their references, or `off`. If not given, clips of every model but
    /// the built-in animatic are, with what is usual.
    pub consistency: Option<Placed<RawConsistency>>,
}

/// Subjects of one kind, written here or read from a feed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Set")]
pub struct RawSet {
    /// What its subjects are.
    pub kind: Placed<SubjectKind>,
    /// A feed: a shop's export, a file of CSV, TSV, XML or JSON lines, or a folder of pictures.
    /// The path is relative to this file.
    pub from: Option<Text>,
    /// Which program wrote the feed, or in which form it is; found by itself if not given.
    pub format: Option<Placed<FeedFormat>>,
    /// What becomes a subject, where the feed knows products and variants: `product` if not given.
    pub each: Option<Placed<Each>>,
    /// The character between the cells of a CSV file; found by itself if not given.
    pub delimiter: Option<Text>,
    /// How the feed writes text, for instance windows-1252; found by itself if not given.
    pub encoding: Option<Text>,
    /// How the files of a folder are named, for instance "{id}-{view}.jpg": files with the same
    /// `id` are one subject. Without it, each folder in it is one.
    pub pattern: Option<Text>,
    /// Template of a subject's id, for instance "{{ sku }}"; if not given, what the feed's format
    /// has for it (the handle or the SKU), else the column `id`.
    pub id: Option<Text>,
    /// Which of the feed's products become subjects; all if not given.
    pub select: Option<Placed<RawSelect>>,
    /// What is done about rows that can't be used: `stop`, the default, or leave out as many as
    /// are allowed.
    pub bad_rows: Option<Placed<RawBadRows>>,
    /// What attributes are called and how they are read: the name of a column, or a mapping
    /// with `column` and `type`. Columns that are not named here keep their own names.
    #[serde(default)]
    pub attributes: Table<Placed<RawAttribute>>,
    /// The attribute that says when a subject was last changed, by which `--since` chooses.
    pub updated: Option<Text>,
    /// The column that holds a row's tags, or a list of tags that all subjects have.
    pub tags: Option<OneOrMany<Text>>,
    /// Whether its characters are real people.
    pub real_person: Option<Placed<bool>>,
    /// Who agreed to what, and when: the consent of real people. A template over a subject's
    /// attributes, so that a feed may have a column of notes.
    pub consent: Option<Text>,
    /// Pictures that every subject has.
    #[serde(default)]
    pub references: Vec<RawReference>,
    /// Attributes of items that don't have them.
    #[serde(default)]
    #[schemars(with = "Table<Loose>")]
    pub defaults: Table<Text>,
    /// The subjects, one by one.
    pub items: Option<Vec<RawItem>>,
}

/// One subject, written in the manifest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Item")]
pub struct RawItem {
    /// Its id, unique in its set.
    #[schemars(with = "Loose")]
    pub id: Text,
    /// Its attributes, by name; prompts use them as `{{ name }}`.
    #[serde(default)]
    #[schemars(with = "Table<Loose>")]
    pub attributes: Table<Text>,
    /// Its tags.
    #[serde(default)]
    pub tags: OneOrMany<Text>,
    /// Whether it is a real person; as its set says, if not given.
    pub real_person: Option<Placed<bool>>,
    /// Who agreed to what, and when: a real person's consent; as its set says, if not given.
    pub consent: Option<Text>,
    /// Its own pictures, after those of its set.
    #[serde(default)]
    pub references: Vec<RawReference>,
}

/// What an attribute is: the name of a column, or more.
#[derive(Debug)]
pub struct RawAttribute {
    /// The column's header; the attribute's own name if not given.
    pub column: Option<Text>,
    /// How `where:` reads it.
    pub kind: Option<AttributeType>,
}

/// The long form of an attribute.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Attribute")]
struct AttributeForm {
    /// The column's header; the attribute's own name if not given.
    column: Option<Text>,
    /// How `where:` reads it; numbers are found by themselves if not given.
    #[serde(rename = "type")]
    kind: Option<AttributeType>,
}

impl<'de> Deserialize<'de> for RawAttribute {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// A mapping's fields, or the column alone.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawAttribute;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a column's name, or a mapping")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawAttribute, A::Error> {
                let column = seq.next_element::<Text>()?;
                Ok(RawAttribute { column, kind: None })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<RawAttribute, A::Error> {
                let form =
                    AttributeForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(RawAttribute { column: form.column, kind: form.kind })
            }
        }
        d.deserialize_tuple_struct(crate::yaml::ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawAttribute {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Attribute".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<AttributeForm>();
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, form] })
    }
}

/// A picture, or several by a pattern.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Reference")]
pub struct RawReference {
    /// Name by which prompts mention it, as `@name`; the role's name if not given.
    #[schemars(with = "Option<Name>")]
    pub name: Option<Text>,
    /// What it is for; `identity` if not given.
    pub role: Option<Role>,
    /// One picture: a path or a template of one, relative to this file; or an http or https URL, from
    /// which `kinora fetch` gets it.
    pub image: Option<Text>,
    /// Several pictures: a pattern such as "images/{{ sku }}/detail-*.jpg".
    pub images: Option<Text>,
    /// Pictures that the feed names: the `first`, all `others`, `all`, or by its number from 1.
    pub feed: Option<Placed<FeedPictures>>,
    /// Template of a public https URL of the same picture, from which a provider may fetch it
    /// by itself; beside `image` only.
    pub url: Option<Text>,
    /// Whether subjects without it are fine.
    #[serde(default)]
    pub optional: bool,
}

/// A prompt with its settings, applied to the subjects that it selects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Shot")]
pub struct RawShot {
    /// Its id, unique in the catalogue.
    #[schemars(with = "Loose")]
    pub id: Text,
    /// Which subjects it is for: a set, one subject as `set.id`, or a list of those. A shot
    /// without it stands alone.
    #[serde(rename = "for", default)]
    pub selects: OneOrMany<Text>,
    /// An expression over attributes, `tags`, `kind` and `id` that a subject must fulfil.
    #[serde(rename = "where")]
    pub condition: Option<Text>,
    /// Tags that a subject must all have.
    #[serde(default)]
    pub tags: OneOrMany<Text>,
    /// Further subjects in the same clip, by the name under which the prompt mentions them.
    #[serde(default)]
    pub with: Table<Placed<OneOrMany<Text>>>,
    /// What happens in the clip; a template over the subject's attributes.
    pub prompt: Text,
    /// What it must not show.
    pub negative_prompt: Option<Text>,
    /// The shot's own pictures: a mood, a first frame, …
    #[serde(default)]
    pub references: Vec<RawReference>,
    /// Names of the references that are attached; all if not given.
    #[serde(rename = "use")]
    pub uses: Option<OneOrMany<Text>>,
    /// How jobs enter the model, where the automatic choice isn't wanted.
    pub route: Option<Placed<Route>>,
    /// Name of a model, or `auto` for the cheapest that can make the shot.
    pub model: Option<Text>,
    /// What `model: auto` chooses among.
    pub choose: Option<Placed<RawChoose>>,
    /// Name of a channel, for instance meta-reels, which sets the aspect, resolution and duration
    /// that are not written; `none` for no channel.
    pub channel: Option<Text>,
    /// Seconds, or `auto` where the model can decide how long a clip is.
    pub duration: Option<Placed<Length>>,
    /// What is switched on of what the model's card offers, for instance `audio`.
    pub options: Option<OneOrMany<Text>>,
    /// Width to height, for instance "9:16".
    #[schemars(with = "Option<crate::models::AspectRatio>")]
    pub aspect: Option<Text>,
    /// Name of a resolution on the model's card, for instance 720p.
    pub resolution: Option<Text>,
    /// Frames a second.
    #[schemars(range(min = 1, max = 240))]
    pub fps: Option<Placed<u32>>,
    /// How a first or last frame of another shape than the clip is made to fit: `keep` if not
    /// given.
    pub fit: Option<Placed<Fit>>,
    /// The colour that `fit: pad` adds, for instance "#f4f1ea"; that of the picture's own border
    /// if not given.
    #[serde(default)]
    #[schemars(with = "Colour")]
    pub pad: Option<Placed<Colour>>,
    /// One clip for each combination: an axis is a setting (`aspect`, `duration`, `resolution`,
    /// `model`, `channel`, `fps`, `fit`, `options`), or any name that the prompt uses as
    /// `{{ variant.NAME }}`.
    #[serde(default)]
    #[schemars(with = "Table<OneOrMany<Loose>>")]
    pub matrix: Table<Placed<OneOrMany<Text>>>,
    /// How many clips are made of each combination.
    #[schemars(range(min = 1, max = 1000))]
    pub takes: Option<Placed<u32>>,
    /// Seeds of the takes, in their order.
    #[serde(default)]
    pub seeds: OneOrMany<Placed<u64>>,
    /// How its clips are held against their references, or `off`; what it doesn't say, the defaults
    /// do, key by key.
    pub consistency: Option<Placed<RawConsistency>>,
    /// Template of a clip's path, relative to the root manifest's folder.
    pub out: Option<Text>,
}

/// A decimal with its place, where serde's attributes can't reach.
#[derive(Debug)]
pub struct PlacedDecimal(pub Placed<Decimal>);

struct ExactDecimal(Decimal);

impl<'de> Deserialize<'de> for ExactDecimal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::yaml::decimal(d).map(ExactDecimal)
    }
}

impl<'de> Deserialize<'de> for PlacedDecimal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let placed = Placed::<ExactDecimal>::deserialize(d)?;
        Ok(PlacedDecimal(Placed { value: placed.value.0, place: placed.place }))
    }
}

pub(super) fn placed_decimal<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<Placed<Decimal>>, D::Error> {
    Ok(Option::<PlacedDecimal>::deserialize(d)?.map(|p| p.0))
}
