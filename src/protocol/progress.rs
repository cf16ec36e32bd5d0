//! How a job is watched, and where its clip is.
//!
//! Beside what each request is said to see, every one of them sees what never changes of its job:
//! `model`, `route`, `values` and `variables`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::errors::Class;
use crate::wire::{Expr, Filling, Pointer};

/// Where a job is at its provider.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting.
    Queued,
    /// Being made.
    Running,
    /// Made; with `result`, the result decides.
    Succeeded,
    /// Ended without a clip.
    Failed,
    /// Cancelled.
    Cancelled,
    /// Too old: the provider has given it up or forgotten it.
    Expired,
    /// The provider has lost it before it made anything, and charges nothing.
    Vanished,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Queued,
        State::Running,
        State::Succeeded,
        State::Failed,
        State::Cancelled,
        State::Expired,
        State::Vanished,
    ];

    /// As written on cards.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            State::Expired => "expired",
            State::Vanished => "vanished",
        }
    }
}

/// How a job is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The request; sees `id` and `captured`.
    pub request: Call,
    /// Seconds between polls.
    #[schemars(range(min = 1, max = 3600))]
    pub every_s: u32,
    /// Many jobs in one request.
    #[serde(default)]
    pub batch: Option<Batch>,
    /// A second read, after the first, whose reply the states see as `body.also`, for providers
    /// that tell of queued and of finished jobs at different places.
    #[serde(default)]
    pub also: Option<Call>,
    /// How the state is read.
    pub states: States,
    /// How far it is.
    #[serde(default)]
    pub progress: Option<Pointer>,
    /// What a whole job is on the scale of `progress`: 1 or 100.
    #[serde(default)]
    pub progress_of: Option<u32>,
    /// What else of the reply is needed later, by name.
    #[serde(default)]
    pub capture: BTreeMap<String, Pointer>,
}

/// Many jobs in one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The request; sees `ids`, a list.
    pub request: Call,
    /// Most jobs of one request.
    #[schemars(range(min = 2, max = 1000))]
    pub most: u32,
    /// The entries of the reply.
    pub items: Pointer,
    /// The id in an entry.
    pub id: Pointer,
}

/// How the state is read: rules first, then words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct States {
    /// Conditions over `status`, `body`, `headers` and `id`; the first that holds decides.
    #[serde(default)]
    pub rules: Vec<StateRule>,
    /// Where the word is.
    #[serde(default)]
    pub at: Option<Pointer>,
    /// Words among them which say that a job waits because the account has as many under way as it
    /// may: fewer are then submitted.
    #[serde(default)]
    pub throttled: Vec<String>,
    /// Words of each state. A word that is not here keeps the job polled, and is reported.
    #[serde(default)]
    #[schemars(schema_with = "words_schema")]
    pub words: BTreeMap<State, Vec<String>>,
}

/// One property for each state, so that editors complete them and slips are found.
fn words_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    super::by_name::<Vec<String>>(State::ALL.map(State::as_str).as_slice(), generator)
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateRule {
    /// The condition.
    pub when: Expr,
    /// The state it means.
    pub is: State,
}

/// A further read once a job has succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// The request.
    pub request: Call,
    /// Whether a reply is good, beside its 2xx status.
    #[serde(default)]
    pub accepted: Option<Expr>,
    /// What is kept of the reply, by name.
    #[serde(default)]
    pub capture: BTreeMap<String, Pointer>,
}

/// Where the clip is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its URL in the last reply; the first that is there.
    #[serde(default)]
    pub url: Vec<Pointer>,
    /// A request that answers the clip's bytes, where there is no URL.
    #[serde(default)]
    pub request: Option<Call>,
    /// Whether the URL needs the key; it only ever goes to the hosts that may have it.
    #[serde(default)]
    pub auth: bool,
    /// Headers of the download.
    #[serde(default)]
    pub headers: BTreeMap<String, Filling>,
    /// For how long the clip can be fetched once it is made, in seconds.
    #[serde(default)]
    pub lifetime_s: Option<u64>,
    /// Where a reply says when the clip was made: Unix seconds or milliseconds, or RFC 3339.
    /// Absent: it counts as made one poll before it was seen to be.
    #[serde(default)]
    pub finished_at: Option<Pointer>,
    /// Whether a new poll gives a fresh URL.
    #[serde(default)]
    pub refreshed_by_poll: bool,
    /// What a success without a clip means.
    #[serde(default)]
    pub none: Option<NoOutput>,
}

/// What a success without a clip means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOutput {
    /// Its class.
    pub class: Class,
    /// Whether it is charged.
    #[serde(default)]
    pub charged: bool,
    /// Where the reason is.
    #[serde(default)]
    pub message: Vec<Pointer>,
}
