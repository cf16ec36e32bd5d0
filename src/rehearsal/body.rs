//! Bodies of requests: JSON and forms, bounded, as one JSON value with the files beside it.

use axum::body::{Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value as Json, json};

use crate::wire::FILE_KEY;

/// Most bytes of a request: what the largest providers take with pictures inside.
const MOST_BYTES: usize = 64 << 20;

/// A request's body.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// JSON, or a form as a mapping; a file of a form is its position under `$file`. Null where
    /// it is neither.
    pub(super) json: Json,
    /// Files of a form.
    pub(super) files: Vec<SentFile>,
    /// The bytes as they came, where it is no form.
    pub(super) bytes: Bytes,
}

/// A file of a form.
#[derive(Debug, Clone)]
pub(super) struct SentFile {
    /// What the client calls it.
    pub(super) file_name: Option<String>,
    /// Its bytes.
    pub(super) bytes: Bytes,
}

impl Sent {
    /// Reads a request to its end.
    ///
    /// # Errors
    /// Why it can't be read, for the client.
    pub(super) async fn read(request: Request) -> Result<Sent, String> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
            return form(request).await;
        }
        let bytes = to_bytes(request.into_body(), MOST_BYTES)
            .await
            .map_err(|e| format!("the body can't be read: {e}"))?;
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Sent { json, files: Vec::new(), bytes })
    }
}

async fn form(mut request: Request) -> Result<Sent, String> {
    DefaultBodyLimit::max(MOST_BYTES).apply(&mut request);
    let problem = |e: &dyn std::fmt::Display| format!("the form can't be read: {e}");
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| problem(&e))?;
    let mut sent = Sent::default();
    let mut fields = Map::new();
    while let Some(field) = form.next_field().await.map_err(|e| problem(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let is_file = file_name.is_some() || field.content_type().is_some_and(is_binary);
        let value = if is_file {
            let bytes = field.bytes().await.map_err(|e| problem(&e))?;
            sent.files.push(SentFile { file_name, bytes });
            json!({ FILE_KEY: sent.files.len() - 1 })
        } else {
            Json::String(field.text().await.map_err(|e| problem(&e))?)
        };
        enter(&mut fields, name, value);
    }
    sent.json = Json::Object(fields);
    Ok(sent)
}

fn is_binary(kind: &str) -> bool {
    !kind.starts_with("text/") && !kind.starts_with("application/json")
}

/// Enters a part; several of one name become a list.
fn enter(fields: &mut Map<String, Json>, name: String, value: Json) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Json::Array(values)) => values.push(value),
        Some(first) => *first = Json::Array(vec![first.take(), value]),
    }
}
