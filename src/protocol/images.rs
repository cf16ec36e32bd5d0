//! How pictures are handed over: by URL, inside the request, or uploaded before.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{Method, yes};
use super::request::{Body, Built, HttpCall, Part, parts};
use crate::wire::{Expr, Filling, Pointer, Scope, Shape, WireError};

/// A way to hand over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The user's own public https URL.
    Url,
    /// A `data:` URI.
    DataUri,
    /// Base64 without a prefix.
    Base64,
    /// Uploaded before, and called by the handle that the provider gave.
    Upload,
    /// A part of a multipart body.
    File,
}

impl Transport {
    /// As written on cards.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Url => "url",
            Transport::DataUri => "data_uri",
            Transport::Base64 => "base64",
            Transport::Upload => "upload",
            Transport::File => "file",
        }
    }
}

/// How pictures are handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Ways, the preferred one first. The first that is possible is taken: a URL where the
    /// reference has one and its picture is sent as it is, the others where the size allows.
    pub transports: Vec<Transport>,
    /// Most bytes of a picture by URL.
    #[serde(default)]
    pub url_bytes: Option<u64>,
    /// Most bytes of a data URI or base64 text, as written.
    #[serde(default)]
    pub encoded_bytes: Option<u64>,
    /// How a picture is uploaded.
    #[serde(default)]
    pub upload: Option<Upload>,
}

/// How a picture is uploaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Requests, in order. Each sees what the earlier ones captured.
    pub steps: Vec<UploadStep>,
    /// What the submission calls the picture by.
    pub handle: Filling,
    /// For how long the handle is good, in seconds.
    #[serde(default)]
    pub lifetime_s: Option<u64>,
    /// Whether the handle is good for one model only.
    #[serde(default)]
    pub per_model: bool,
    /// Least bytes of a picture.
    #[serde(default)]
    pub min_bytes: Option<u64>,
    /// Most bytes of a picture.
    #[serde(default)]
    pub max_bytes: Option<u64>,
}

/// One request of an upload. It sees `picture` (`name`, `file_name`, `media_type`, `bytes`,
/// `digest`), `model` and `captured`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadStep {
    /// Method; `POST` if not said.
    #[serde(default)]
    pub method: Option<Method>,
    /// Path below the base URL, or a whole URL.
    pub path: Filling,
    /// Query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, Shape>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Filling>,
    /// Headers that a reply gave as a mapping, sent as they are.
    #[serde(default)]
    pub headers_from: Option<Expr>,
    /// Whether the key goes along; never to hosts that may not have it.
    #[serde(default = "yes")]
    pub auth: bool,
    /// What is sent.
    #[serde(default)]
    pub body: UploadBody,
    /// Whether the step is needed; absent: always.
    #[serde(default)]
    pub when: Option<Expr>,
    /// Whether a reply is good, beside its 2xx status.
    #[serde(default)]
    pub accepted: Option<Expr>,
    /// What is kept of the reply's body, by name.
    #[serde(default)]
    pub capture: BTreeMap<String, Pointer>,
    /// What is kept of the reply's headers, by name.
    #[serde(default)]
    pub capture_headers: BTreeMap<String, String>,
}

/// What an upload step sends.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UploadBody {
    /// Nothing.
    #[default]
    Nothing,
    /// JSON.
    Json(Shape),
    /// A form; `$file: picture` is the picture's bytes.
    Multipart(Shape),
    /// A form: the fields of a mapping that a reply gave, by name, then the picture.
    MultipartFields {
        /// The mapping.
        fields: Expr,
        /// Name of the picture's part.
        file: String,
    },
    /// The picture's bytes alone.
    Bytes,
}

impl UploadStep {
    /// The request of this step. The picture's bytes are at position 0.
    ///
    /// # Errors
    /// When an expression can't be computed or the path has no value.
    pub fn call(&self, built: &Built<'_>, scope: &Scope) -> Result<HttpCall, WireError> {
        let mut headers = built.headers(&self.headers, self.auth, scope)?;
        if let Some(expr) = &self.headers_from
            && let Some(serde_json::Value::Object(given)) = expr.json(scope)?
        {
            for (name, value) in given {
                if let Some(text) = value.as_str() {
                    headers.insert(name.to_ascii_lowercase(), text.to_owned());
                }
            }
        }
        let body = match &self.body {
            UploadBody::Nothing => Body::Nothing,
            UploadBody::Bytes => Body::Picture(0),
            UploadBody::Json(shape) => shape.render(scope)?.map_or(Body::Nothing, Body::Json),
            UploadBody::Multipart(shape) => Body::Multipart(parts(shape, scope)?),
            UploadBody::MultipartFields { fields, file } => {
                let mut form = Vec::new();
                if let Some(serde_json::Value::Object(given)) = fields.json(scope)? {
                    form.extend(given.into_iter().map(|(name, value)| {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        Part::Text { name, text }
                    }));
                }
                form.push(Part::Picture { name: file.clone(), at: 0 });
                Body::Multipart(form)
            }
        };
        Ok(HttpCall {
            method: self.method.unwrap_or(Method::Post),
            url: built.url(&self.path, &self.query, scope)?,
            headers,
            body,
            auth: self.auth,
        })
    }
}
