//! Calls: one HTTP request as a card writes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Filling, Shape};

/// HTTP methods that cards use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Submits.
    Post,
    /// Uploads and cancels.
    Put,
    /// Cancels and removes.
    Delete,
    /// Asks whether something is there.
    Head,
}

impl Method {
    /// As it goes over the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
        }
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `application/json`.
    #[default]
    Json,
    /// `multipart/form-data`: each key of the body is a part; a list gives several parts of one
    /// name; `$file` gives a picture's bytes.
    Multipart,
}

/// One HTTP request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Method; `POST` where something is submitted or uploaded, `GET` elsewhere, if not said.
    #[serde(default)]
    pub method: Option<Method>,
    /// Path below the base URL, or a whole URL that a reply gave (`${captured.status_url}`).
    /// Values are escaped as one path segment, unless they are all there is.
    pub path: Filling,
    /// Query parameters; a list gives several of one name.
    #[serde(default)]
    pub query: BTreeMap<String, Shape>,
    /// Headers beside the card's own; one without a value is left out.
    #[serde(default)]
    pub headers: BTreeMap<String, Filling>,
    /// How the body is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Body.
    #[serde(default)]
    pub body: Option<Shape>,
    /// Whether the key goes along; it only ever does to the hosts that may have it.
    #[serde(default = "yes")]
    pub auth: bool,
}

pub(super) fn yes() -> bool {
    true
}
