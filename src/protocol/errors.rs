//! How a provider's errors are read: rules from status, code and header to a class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Expr, Pointer};

/// What an error means for a job.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The request is wrong; the same one will never be taken.
    Invalid,
    /// The key is missing, wrong or not allowed.
    Auth,
    /// The account can't pay.
    Payment,
    /// The content was refused.
    Policy,
    /// Too many requests.
    RateLimited,
    /// Too many jobs at once.
    ConcurrencyFull,
    /// The provider's own trouble; it may pass.
    Transient,
    /// There is no such job.
    NotFound,
    /// Nobody knows whether it was taken.
    OutcomeUnknown,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 9] = [
        Class::Invalid,
        Class::Auth,
        Class::Payment,
        Class::Policy,
        Class::RateLimited,
        Class::ConcurrencyFull,
        Class::Transient,
        Class::NotFound,
        Class::OutcomeUnknown,
    ];

    /// As written on cards; also the cause in events and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Invalid => "invalid",
            Class::Auth => "auth",
            Class::Payment => "payment",
            Class::Policy => "policy",
            Class::RateLimited => "rate_limited",
            Class::ConcurrencyFull => "concurrency_full",
            Class::Transient => "transient",
            Class::NotFound => "not_found",
            Class::OutcomeUnknown => "outcome_unknown",
        }
    }
}

/// Where in a job's life an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// While a picture was uploaded: nothing was submitted yet.
    Upload,
    /// The answer to the submission.
    Submit,
    /// A poll: the HTTP error, or the code of a job that failed.
    Poll,
    /// A read of the result.
    Result,
}

/// How errors are read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Where the code is; the first that is there.
    #[serde(default)]
    pub code: Vec<Pointer>,
    /// A header with the code, where the body has none.
    #[serde(default)]
    pub code_header: Option<String>,
    /// Where the message is; the first that is there.
    #[serde(default)]
    pub message: Vec<Pointer>,
    /// Where the id of the request is, for support; the first that is there.
    #[serde(default)]
    pub request_id: Vec<Pointer>,
    /// A header with the id of the request.
    #[serde(default)]
    pub request_id_header: Option<String>,
    /// The first rule that fits decides; without one, the status does: 401 and 403 are `auth`,
    /// 402 `payment`, 429 `rate_limited`, 408 and 5xx `outcome_unknown` for a submission and
    /// `transient` for reads, every other 4xx (400, 404, 409, 413, 422, …) `invalid`.
    #[serde(default)]
    pub rules: Vec<ErrorRule>,
}

/// One rule. Everything that is written must fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// HTTP statuses; empty: any.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Codes, with `*` for any text: `SAFETY.*`; empty: any.
    #[serde(default)]
    pub code: Vec<String>,
    /// A condition over `status`, `code`, `message`, `body` and `headers`.
    #[serde(default)]
    pub when: Option<Expr>,
    /// Stages; empty: any.
    #[serde(default)]
    pub at: Vec<Stage>,
    /// What it means.
    pub class: Class,
    /// Whether the provider charges all the same.
    #[serde(default)]
    pub charged: bool,
    /// Whether it surely was not accepted, for classes where that is not plain: `transient`.
    #[serde(default)]
    pub not_accepted: bool,
}
