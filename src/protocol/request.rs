//! Building requests: a call of a card and what it is about become method, URL, headers and body.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::call::{Call, Encoding, Method};
use crate::wire::{FILE_KEY, Filling, Scope, Shape, WireError};

/// A job as expressions see it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct JobScope {
    /// The model as its provider calls it.
    pub model: String,
    /// The prompt as sent.
    pub prompt: String,
    /// What should not be seen.
    pub negative_prompt: Option<String>,
    /// Seconds: a whole number where it is one.
    pub duration: Json,
    /// `W:H`.
    pub aspect: String,
    /// Name of the resolution on the model card.
    pub resolution: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: Option<u32>,
    /// Seed.
    pub seed: Option<u64>,
    /// Everything that the model card offers, by name, and whether it is on.
    pub options: BTreeMap<String, bool>,
    /// `text`, `image`, `frames` or `references`.
    pub route: String,
    /// The attempt key: a UUID.
    pub attempt: String,
    /// The first frame.
    pub first: Option<PictureScope>,
    /// The last frame.
    pub last: Option<PictureScope>,
    /// Every other picture, in the order in which the prompt counts them.
    pub references: Vec<PictureScope>,
    /// Every picture.
    pub pictures: Vec<PictureScope>,
    /// Whether a picture goes by an uploaded handle.
    pub handles: bool,
    /// Tables and constants: the provider card's, then the model card's.
    pub values: BTreeMap<String, Json>,
    /// The card's variables.
    pub variables: BTreeMap<String, String>,
    /// The workflow with its slots filled.
    pub workflow: Option<Json>,
}

/// A picture as expressions see it. Of `url`, `data_uri`, `base64` and `handle` the one is there
/// by which it goes; `uri` is that one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PictureScope {
    /// Position among all pictures, from 0; names the bytes of `$file`.
    pub at: usize,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// Media type.
    pub media_type: String,
    /// A file name with the right extension.
    pub file_name: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes of the file.
    pub bytes: u64,
    /// By what it goes.
    pub uri: Option<String>,
    /// The user's own URL.
    pub url: Option<String>,
    /// `data:` URI.
    pub data_uri: Option<String>,
    /// Base64.
    pub base64: Option<String>,
    /// Uploaded handle.
    pub handle: Option<String>,
}

/// A request, ready to be sent but for its key.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpCall {
    /// Method.
    pub method: Method,
    /// Whole URL.
    pub url: String,
    /// Headers, by name.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Body,
    /// Whether the key goes along, if the host may have it.
    pub auth: bool,
}

/// A body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// None.
    Nothing,
    /// JSON.
    Json(Json),
    /// A form.
    Multipart(Vec<Part>),
    /// Bytes of the picture at this position.
    Picture(usize),
}

/// One part of a form.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// Name.
        name: String,
        /// Text.
        text: String,
    },
    /// A picture's bytes.
    Picture {
        /// Name.
        name: String,
        /// Position among the pictures.
        at: usize,
    },
}

/// The pieces of a card that every call needs.
#[derive(Debug, Clone, Copy)]
pub struct Built<'a> {
    /// Base URL, filled in, without a `/` at its end.
    pub base_url: &'a str,
    /// The card's own headers.
    pub headers: &'a BTreeMap<String, Filling>,
}

impl Built<'_> {
    /// Builds a call; `body` takes the place of the call's own where a model has one.
    ///
    /// # Errors
    /// When an expression can't be computed or the path has no value.
    pub fn call(
        &self,
        call: &Call,
        usual: Method,
        body: Option<&Shape>,
        scope: &Scope,
    ) -> Result<HttpCall, WireError> {
        let body = match (body.or(call.body.as_ref()), call.encoding) {
            (None, _) => Body::Nothing,
            (Some(shape), Encoding::Json) => shape.render(scope)?.map_or(Body::Nothing, Body::Json),
            (Some(shape), Encoding::Multipart) => Body::Multipart(parts(shape, scope)?),
        };
        Ok(HttpCall {
            method: call.method.unwrap_or(usual),
            url: self.url(&call.path, &call.query, scope)?,
            headers: self.headers(&call.headers, call.auth, scope)?,
            body,
            auth: call.auth,
        })
    }

    /// The whole URL of a path and its query.
    ///
    /// # Errors
    /// When an expression can't be computed or the path has no value.
    pub fn url(
        &self,
        path: &Filling,
        query: &BTreeMap<String, Shape>,
        scope: &Scope,
    ) -> Result<String, WireError> {
        let failed =
            |why: &str| WireError { expression: path.source().to_owned(), why: why.to_owned() };
        let plain = path.fill(scope)?.ok_or_else(|| failed("it has no value"))?;
        let absolute = plain.starts_with("https://") || plain.starts_with("http://");
        let mut url = if absolute {
            plain
        } else {
            if plain.split('/').any(|segment| matches!(segment, "." | "..")) {
                return Err(failed("a value would lead to another path"));
            }
            let escaped = path.fill_with(scope, escape_path)?;
            format!("{}{}", self.base_url, escaped.unwrap_or_default())
        };
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let mut some = false;
        for (name, shape) in query {
            let Some(value) = shape.render(scope)? else { continue };
            let values = match value {
                Json::Array(items) => items,
                one => vec![one],
            };
            for value in values {
                pairs.append_pair(name, &text_of(&value));
                some = true;
            }
        }
        if some {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&pairs.finish());
        }
        Ok(url)
    }

    /// The card's headers, where the key goes along, and the call's own. Names in lower case.
    ///
    /// # Errors
    /// When an expression can't be computed.
    pub fn headers(
        &self,
        own: &BTreeMap<String, Filling>,
        auth: bool,
        scope: &Scope,
    ) -> Result<BTreeMap<String, String>, WireError> {
        let mut headers = BTreeMap::new();
        let general = self.headers.iter().filter(|_| auth);
        for (name, filling) in general.chain(own) {
            if let Some(text) = filling.fill(scope)? {
                headers.insert(name.to_ascii_lowercase(), text);
            }
        }
        Ok(headers)
    }
}

/// A form's parts: one for each key, several for a list.
///
/// # Errors
/// When an expression can't be computed or the shape is no mapping.
pub fn parts(shape: &Shape, scope: &Scope) -> Result<Vec<Part>, WireError> {
    let Some(Json::Object(entries)) = shape.render(scope)? else {
        let why = "a form must be a mapping".to_owned();
        return Err(WireError { expression: shape.source().to_string(), why });
    };
    let mut parts = Vec::new();
    for (name, value) in entries {
        let values = match value {
            Json::Array(items) => items,
            one => vec![one],
        };
        for value in values {
            let name = name.clone();
            let picture = value.get(FILE_KEY).and_then(Json::as_u64);
            parts.push(match picture.and_then(|at| usize::try_from(at).ok()) {
                Some(at) => Part::Picture { name, at },
                None => Part::Text { name, text: text_of(&value) },
            });
        }
    }
    Ok(parts)
}

/// A value as text: texts as they are, everything else as JSON.
fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Escapes what would end a path; `/` and `:` stay, because ids hold them.
fn escape_path(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:@!$'()*,;=+".contains(c);
    let mut escaped = String::new();
    for c in text.chars() {
        if plain(c) {
            escaped.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;
    use serde_json::json;

    fn shape(json: Json) -> Shape {
        Shape::parse(&json).expect("it parses")
    }

    fn url(path: &str, query: &[(&str, Json)], scope: &Scope) -> Result<String, WireError> {
        let built = Built { base_url: "https://api.example.com", headers: &BTreeMap::new() };
        let query = query.iter().map(|(k, v)| ((*k).to_owned(), shape(v.clone()))).collect();
        built.url(&Filling::parse(path).expect("it parses"), &query, scope)
    }

    #[test]
    fn paths_hold_values_without_letting_them_lead_elsewhere() {
        let to = |id: &str| url("/v1/tasks/${id}", &[], &context! { id => id });
        assert_eq!(to("a b?c#d").as_deref(), Ok("https://api.example.com/v1/tasks/a%20b%3Fc%23d"));
        assert_eq!(
            to("models/m/operations/7").as_deref(),
            Ok("https://api.example.com/v1/tasks/models/m/operations/7")
        );
        assert!(to("../../organization").is_err());
        let given =
            context! { captured => context! { status_url => "https://queue.example.com/s" } };
        assert_eq!(
            url("${captured.status_url}", &[], &given).as_deref(),
            Ok("https://queue.example.com/s")
        );
        assert!(url("${captured.other_url}", &[], &given).is_err());
    }

    #[test]
    fn lists_become_several_parameters_and_nothing_is_left_out() {
        let query = [("ids", json!("${ids}")), ("page", json!(1)), ("seed", json!("${seed}"))];
        let url = url("/tasks", &query, &context! { ids => vec!["a", "b&c"] });
        assert_eq!(url.as_deref(), Ok("https://api.example.com/tasks?ids=a&ids=b%26c&page=1"));
    }

    #[test]
    fn a_form_has_texts_and_pictures() {
        let scope = context! { prompt => "p", duration => 4, first => context! { at => 0 } };
        let form = shape(json!({
            "prompt": "${prompt}", "seconds": "${duration | string}", "seed": "${seed}",
            "input_reference": {"$file": "first"}, "extra": {"a": 1},
        }));
        let text = |name: &str, text: &str| Part::Text { name: name.into(), text: text.into() };
        let expected = vec![
            text("prompt", "p"),
            text("seconds", "4"),
            Part::Picture { name: "input_reference".into(), at: 0 },
            text("extra", "{\"a\":1}"),
        ];
        assert_eq!(parts(&form, &scope), Ok(expected));
    }
}
