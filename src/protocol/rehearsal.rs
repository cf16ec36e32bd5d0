//! What a rehearsal answers in a provider's name: the card turned around.
//!
//! Paths, methods and bodies are those of the calls; only what a provider says back has to be
//! written here. Replies see `id`, `model`, `attempt`, `cost`, `now` (Unix seconds), `made` (when the
//! clip is, RFC 3339), `progress` (0 to 1), `url` (of the rehearsal's own server; of the clip where there is one), `request`
//! (`body`, `query`, `path`: the path's variables), `code` and `message` (of a fault).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::Method;
use super::errors::Class;
use crate::wire::{Filling, Shape};

/// What a rehearsal answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// What an id looks like; sees `attempt`, a UUID.
    pub id: Filling,
    /// Path and query of a clip's URL, for clients that take it apart; sees the job and its `id`.
    /// Absent: a path of the rehearsal's own.
    #[serde(default)]
    pub clip: Option<Filling>,
    /// To a submission.
    pub accepted: Reply,
    /// To a poll while it waits; absent: as while it is made.
    #[serde(default)]
    pub queued: Option<Reply>,
    /// To a poll while it is made.
    pub running: Reply,
    /// To a poll once it is made.
    pub succeeded: Reply,
    /// To a poll once it has failed; `code` and `message` say why.
    pub failed: Reply,
    /// To each further read of the result, in order.
    #[serde(default)]
    pub result: Vec<Reply>,
    /// To the second read of a poll, by state; `queued`, `running`, `succeeded` or `failed`.
    #[serde(default)]
    pub also: BTreeMap<String, Reply>,
    /// To a poll, cancelled.
    #[serde(default)]
    pub cancelled: Option<Reply>,
    /// To a request to cancel.
    #[serde(default)]
    pub cancel: Option<Reply>,
    /// To a lookup; `request.found` is the list of submissions, each with `id`, `model`,
    /// `attempt`, `body`, and when it was submitted: `at` (RFC 3339) and `at_s` (Unix seconds).
    #[serde(default)]
    pub lookup: Option<Reply>,
    /// To each step of an upload, in order. `url` with a path that begins with `/upload/` is
    /// taken by the rehearsal's server whatever the path.
    #[serde(default)]
    pub upload: Vec<Reply>,
    /// To a request for the account's limits.
    #[serde(default)]
    pub live: Option<Reply>,
    /// To a refused submission, by class.
    #[serde(default)]
    #[schemars(schema_with = "errors_schema")]
    pub errors: BTreeMap<Class, Reply>,
    /// The code of a job that failed by policy, for `failed`.
    #[serde(default)]
    pub policy_code: Option<String>,
    /// What an official client asks for beside.
    #[serde(default)]
    pub others: Vec<Other>,
}

/// One property for each class, so that editors complete them and slips are found.
fn errors_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    super::by_name::<Reply>(Class::ALL.map(Class::as_str).as_slice(), generator)
}

/// One reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// HTTP status; 200 if not said.
    #[serde(default)]
    pub status: Option<u16>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Filling>,
    /// Body; absent: empty.
    #[serde(default)]
    pub body: Option<Shape>,
}

/// A request beside a job's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Method.
    pub method: Method,
    /// Path, with `{name}` for any one segment and `{*name}` for the rest.
    pub path: String,
    /// The reply.
    pub reply: Reply,
}
