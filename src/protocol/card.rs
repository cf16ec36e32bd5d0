//! The provider card: how to speak to one provider.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::errors::Errors;
use super::images::Images;
use super::prices::PriceList;
use super::progress::{Hop, Output, Poll, State};
use super::rehearsal::Rehearsal;
use crate::money::Unit;
use crate::wire::{Expr, Filling, Pointer};
use crate::yaml::Json;

/// How to speak to one provider's HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderCard {
    /// Version of the card language: 1.
    pub kinora_provider: u32,
    /// Name by which model cards call it.
    pub provider: String,
    /// Another card that this one is like: what is not written here is taken from there.
    #[serde(default)]
    pub like: Option<String>,
    /// One line for people.
    pub title: String,
    /// Where these facts are from: client and version, documentation and month.
    pub source: String,
    /// What could not be verified, and whose word it is.
    #[serde(default)]
    pub unverified: Vec<String>,
    /// What proves the requests: the client, with its version, whose recorded requests they equal.
    #[serde(default)]
    pub conformance: Option<String>,
    /// URL that paths are below, without a `/` at its end; `${variables.NAME}` is filled in.
    pub base_url: Filling,
    /// Variables of the base URL, paths and bodies, which a manifest may set.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// Hosts that may receive the key beside that of the base URL: a name, or `*.example.com`.
    #[serde(default)]
    pub key_hosts: Vec<String>,
    /// Whether it is a server of one's own: plain http and private addresses are then allowed
    /// where the base URL points.
    #[serde(default)]
    pub local: bool,
    /// How it knows who asks; absent: it doesn't.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// Headers of every request that carries the key.
    #[serde(default)]
    pub headers: BTreeMap<String, Filling>,
    /// Tables and constants that expressions see as `values`; a model card's own win.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Json>")]
    pub values: BTreeMap<String, Json>,
    /// How pictures are handed over.
    pub images: Images,
    /// How a job is submitted.
    pub submit: Submit,
    /// How it is watched.
    pub poll: Poll,
    /// Further reads once it has succeeded, in order; the last reply is then where outputs are.
    #[serde(default)]
    pub result: Vec<Hop>,
    /// Where the clip is.
    pub output: Output,
    /// How errors are read.
    pub errors: Errors,
    /// How a job is cancelled; absent: it can't be.
    #[serde(default)]
    pub cancel: Option<Cancel>,
    /// How a submission is found whose answer was lost; absent: it can't be.
    #[serde(default)]
    pub lookup: Option<Lookup>,
    /// Whether a submission may be sent twice; absent: never.
    #[serde(default)]
    pub idempotency: Option<Idempotency>,
    /// How much it takes.
    #[serde(default)]
    pub limits: Limits,
    /// What it says about the price.
    #[serde(default)]
    pub cost: Costs,
    /// Where its price list can be asked for; absent: it can't.
    #[serde(default)]
    pub prices: Option<PriceList>,
    /// What a rehearsal answers in its name.
    pub rehearsal: Rehearsal,
}

/// A variable of a card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its value unless a manifest says otherwise; absent: the manifest must.
    #[serde(default)]
    pub default: Option<String>,
    /// Words that may be written, and what each stands for; empty: any text.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// What it is, for people.
    #[serde(default)]
    pub about: Option<String>,
}

/// How a provider knows who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Header that carries the key.
    pub header: String,
    /// Its text, with `{key}` where the key goes: `Bearer {key}`.
    pub value: String,
    /// Where the key is; the first source of which every variable is set wins.
    pub keys: Vec<KeySource>,
    /// Whether it can do without a key.
    #[serde(default)]
    pub optional: bool,
}

/// Where a key is: environment variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySource {
    /// Names of environment variables; all must be set.
    #[schemars(length(min = 1))]
    pub env: Vec<String>,
    /// What joins several into one key.
    #[serde(default)]
    pub join: Option<String>,
    /// The key is a token signed (HS256) with the second variable in the name of the first.
    #[serde(default)]
    pub jwt: Option<Jwt>,
}

/// A signed token: claims `iss`, `exp` and `nbf`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Seconds until it expires.
    pub lifetime_s: u32,
    /// Seconds before now from which it is valid, for clocks that differ.
    #[serde(default)]
    pub not_before_s: u32,
}

/// How a job is submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// Requests by name. A route takes the one that its model card names, else the one with the
    /// route's own name (`text`, `image`, `frames`, `references`).
    pub forms: BTreeMap<String, Call>,
    /// Whether a reply means that it was accepted, beside its 2xx status.
    #[serde(default)]
    pub accepted: Option<Expr>,
    /// Where the id is.
    pub id: Pointer,
    /// What else of the reply is needed later, by name; expressions see it as `captured`.
    #[serde(default)]
    pub capture: BTreeMap<String, Pointer>,
}

/// How a job is cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The request.
    pub request: Call,
    /// In which states it works.
    pub stops: Vec<State>,
    /// Whether a running job that is cancelled is paid all the same.
    #[serde(default)]
    pub charged: bool,
}

/// How a submission is found whose answer was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The request; sees `attempt`, `since` and `until` (written as `time` says).
    pub request: Call,
    /// A second read, after the first, whose reply the pointers see under `also`.
    #[serde(default)]
    pub also: Option<Call>,
    /// Where the submissions are in the reply.
    pub items: Pointer,
    /// Where the id is in one of them.
    pub id: Pointer,
    /// How ours is known.
    #[serde(rename = "match")]
    pub matching: Match,
    /// For how long a submission is listed, in seconds.
    #[serde(default)]
    pub window_s: Option<u64>,
    /// Whether finding nothing proves that it never arrived.
    #[serde(default)]
    pub conclusive: bool,
    /// How the list goes on.
    #[serde(default)]
    pub paging: Option<Paging>,
    /// How times are written.
    #[serde(default)]
    pub time: TimeFilter,
    /// Where an entry says when it was submitted, for lists that can't be asked for a span of
    /// time: Unix seconds or milliseconds, or RFC 3339. Entries outside the span are not ours.
    #[serde(default)]
    pub submitted: Option<Pointer>,
}

/// How a submission is known to be ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Match {
    /// This field of an entry equals our attempt key.
    Marker(Pointer),
    /// This field of an entry equals the body that was sent (or its part under `input`).
    Echo {
        /// The field.
        at: Pointer,
        /// Which part of our body it echoes; absent: all of it.
        #[serde(default)]
        of: Option<Pointer>,
        /// The field with the model's name, where the body does not hold it: an entry of another
        /// model is not ours.
        #[serde(default)]
        model: Option<Pointer>,
    },
    /// Only model and time can be compared: one entry in the window is ours.
    Count {
        /// The field with the model's name.
        model: Pointer,
    },
}

/// How a list goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Query parameter that is raised or set.
    pub parameter: String,
    /// Where the next page's cursor is, or its whole URL; absent: pages are counted.
    #[serde(default)]
    pub next: Option<Pointer>,
    /// Number of the first page.
    #[serde(default)]
    pub first: u32,
}

/// How times are written in a lookup.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeFilter {
    /// Format in strftime's words; absent: RFC 3339.
    #[serde(default)]
    pub format: Option<String>,
    /// Hours that its clock is ahead of UTC.
    #[serde(default)]
    pub utc_offset_h: i8,
}

/// Whether a submission may be sent twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// Header that carries the attempt key.
    pub header: String,
    /// For how long the provider remembers it, in seconds.
    pub window_s: u64,
}

/// How much a provider takes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Jobs at once, where neither manifest nor account says otherwise.
    #[serde(default)]
    pub in_flight: Option<u32>,
    /// Submissions a minute.
    #[serde(default)]
    pub per_minute: Option<u32>,
    /// Submissions a day.
    #[serde(default)]
    pub per_day: Option<u32>,
    /// Bytes of a body.
    #[serde(default)]
    pub body_bytes: Option<u64>,
    /// Whether what is above `in_flight` is queued rather than refused.
    #[serde(default)]
    pub queues_excess: bool,
    /// Where the account's own limit can be read.
    #[serde(default)]
    pub live: Option<Live>,
}

/// Jobs at once where a card says nothing.
const USUAL_IN_FLIGHT: u32 = 8;

impl Limits {
    /// Jobs at once, where neither manifest nor account says otherwise.
    pub fn at_once(&self) -> u32 {
        self.in_flight.unwrap_or(USUAL_IN_FLIGHT).max(1)
    }
}

/// Where the account's own limit can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// The request.
    pub request: Call,
    /// Jobs at once. Of several numbers the smallest counts.
    pub in_flight: Pointer,
}

/// What a provider says about the price.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// The most that it may cost, in the reply to the submission.
    #[serde(default)]
    pub at_create: Option<CostAt>,
    /// What it costs, fixed in the reply to the submission.
    #[serde(default)]
    pub at_submit: Option<CostAt>,
    /// What it cost, in the last poll.
    #[serde(default)]
    pub after: Option<CostAt>,
}

/// Where an amount is, and in which unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostAt {
    /// The number; several are added.
    pub at: Pointer,
    /// Its unit after `times`.
    #[schemars(with = "String")]
    pub unit: Unit,
    /// What one of it is worth in the unit, for instance `0.01` USD a credit.
    #[serde(default, deserialize_with = "crate::yaml::optional_decimal")]
    #[schemars(with = "Option<crate::yaml::Exact>")]
    pub times: Option<Decimal>,
    /// The model card's value of this name says what one of it is worth.
    #[serde(default)]
    pub times_value: Option<String>,
}
