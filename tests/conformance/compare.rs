//! Cases, recordings, and how a request is compared.

use std::collections::BTreeMap;

use kinora::address::Address;
use kinora::digest::Digest;
use kinora::manifest::Role;
use kinora::media::Format;
use kinora::models::{Route, Shelf};
use kinora::plan::{JobSettings, Request, RequestReference};
use kinora::protocol::{Body, Built, HttpCall, Method, Part, Rack, Transport};
use kinora::providers::AttemptKey;
use kinora::providers::http::compose::{Handed, job_scope, submission};
use kinora::wire::scope_of;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

/// One recorded request and what it was.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// File in `recorded/`, without `.json`.
    pub recorded: String,
    /// Which of its requests, from 0.
    pub request: usize,
    /// Provider card; absent: that of the model.
    #[serde(default)]
    pub provider: Option<String>,
    /// Model card, for a submission (or an upload that is bound to a model).
    #[serde(default)]
    pub model: Option<String>,
    /// The recorded model's name, where the card is for a sibling of it.
    #[serde(default)]
    pub model_id: Option<String>,
    /// The logical job, for a submission.
    #[serde(default)]
    pub job: Option<Job>,
    /// Or the step: `poll`, `result.N`, `output`, `download`, `cancel`, `lookup`, `live`,
    /// `upload.N`, or a form that no shipped model uses: `form.NAME`.
    #[serde(default)]
    pub step: Option<String>,
    /// What the step's expressions see: `id`, `captured`, `picture`, …
    #[serde(default)]
    pub sees: Option<kinora::yaml::Json>,
    /// Path that the client puts before or instead of the base URL's own, where it was pointed
    /// to the recorder without it.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// What the client sends and Kinora leaves out on purpose: dotted names of body fields,
    /// `?name` of query parameters, `name:` of headers.
    #[serde(default)]
    pub client_only: Vec<String>,
    /// What Kinora sends and the client does not, in the same words.
    #[serde(default)]
    pub ours_only: Vec<String>,
    /// The card's variables, where they are not the usual ones.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A logical job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub route: Route,
    pub prompt: String,
    #[serde(default)]
    pub negative_prompt: Option<String>,
    pub duration: String,
    pub aspect: String,
    pub resolution: String,
    #[serde(default)]
    pub seed: Option<u64>,
    #[serde(default)]
    pub fps: Option<u32>,
    #[serde(default)]
    pub pictures: Vec<Picture>,
    /// What is switched on.
    #[serde(default)]
    pub options: Vec<String>,
    /// Values that take the place of the model card's own.
    #[serde(default)]
    pub values: BTreeMap<String, kinora::yaml::Json>,
}

/// A picture by what stands for it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    #[serde(default)]
    pub name: Option<String>,
    pub role: Role,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub data_uri: Option<String>,
    #[serde(default)]
    pub base64: Option<String>,
    #[serde(default)]
    pub handle: Option<String>,
    #[serde(default)]
    pub file: Option<String>,
    #[serde(default)]
    pub media_type: Option<String>,
}

impl Case {
    pub fn what(&self) -> String {
        match (&self.job, &self.step) {
            (Some(job), _) => format!("submit by {}", job.route.as_str()),
            (None, Some(step)) => step.clone(),
            (None, None) => "nothing".to_owned(),
        }
    }
}

/// A recording of a client.
pub struct Recording {
    requests: Vec<Json>,
}

impl Recording {
    pub fn read(folder: &str, name: &str) -> Self {
        let path = format!("{folder}/recorded/{name}.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let json: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        let requests = json["requests"].as_array().cloned().unwrap_or_default();
        Recording { requests }
    }

    pub fn requests(&self) -> impl Iterator<Item = &Json> {
        self.requests.iter()
    }

    pub fn request(&self, at: usize) -> &Json {
        self.requests.get(at).unwrap_or_else(|| panic!("there is no request {at}"))
    }
}

/// What a card sends.
pub struct Sent {
    call: HttpCall,
    base_url: String,
    auth: Option<(String, String)>,
    media_types: Vec<String>,
}

impl Sent {
    pub fn of(case: &Case, rack: &Rack, shelf: &Shelf) -> Sent {
        let model = case.model.as_ref().map(|name| {
            let card = shelf.get(name).unwrap_or_else(|| panic!("no model card `{name}`"));
            let mut card = (**card).clone();
            if let Some(id) = &case.model_id {
                card.api.id = Some(id.clone());
                card.api.routes.values_mut().for_each(|route| route.id = None);
            }
            card
        });
        let provider = case
            .provider
            .as_deref()
            .or(model.as_ref().map(|m| m.provider.as_str()))
            .expect("a case names a provider or a model");
        let card = rack.get(provider).unwrap_or_else(|| panic!("no provider card `{provider}`"));
        let mut variables: BTreeMap<String, String> = card
            .variables
            .iter()
            .filter_map(|(name, v)| {
                let value = case.variables.get(name).or(v.default.as_ref())?;
                Some((name.clone(), v.choices.get(value).unwrap_or(value).clone()))
            })
            .collect();
        variables.extend(case.variables.clone());
        let base_url = card
            .base_url
            .fill(&scope_of(&json!({ "variables": variables })))
            .expect("the base URL can be filled in")
            .expect("its variables have values");
        let built = Built { base_url: &base_url, headers: &card.headers };
        let mut media_types = Vec::new();
        let call = match (&case.job, &case.step) {
            (Some(job), None) => {
                let mut model = model.expect("a submission names a model");
                if let Some(route) = model.api.routes.get_mut(&job.route) {
                    route.values.extend(job.values.clone());
                } else {
                    model.api.values.extend(job.values.clone());
                }
                let (request, handed) = job.request(&model);
                media_types = handed.iter().map(|h| h.media_type.clone()).collect();
                let own = card.values.iter().map(|(name, value)| (name.clone(), value.0.clone()));
                let mut values: BTreeMap<String, Json> = own.collect();
                values.extend(model.values(request.route));
                let key = key();
                let scope = job_scope(&values, &model, &request, key.as_str(), &handed, &variables);
                let scope = scope.expect("the job can be described");
                submission(card, &model, &request, &scope, &base_url)
                    .unwrap_or_else(|e| panic!("{}: {e}", case.what()))
            }
            (None, Some(step)) => {
                let mut sees = case.sees.as_ref().map_or_else(|| json!({}), |s| s.0.clone());
                sees["variables"] = json!(variables);
                sees["attempt"] = json!(key().as_str());
                if let Some(model) = &model {
                    sees["model"] = json!(
                        case.model_id.as_deref().unwrap_or_else(|| { model.api_id(Route::Image) })
                    );
                }
                if let Some(picture) = sees.get("picture") {
                    let media_type = picture["media_type"].as_str().unwrap_or("image/png");
                    media_types.push(media_type.to_owned());
                }
                let scope = scope_of(&sees);
                let (name, part) = step.split_once('.').unwrap_or((step, "0"));
                let at: usize = part.parse().unwrap_or_default();
                let call = match name {
                    "form" => built.call(&card.submit.forms[part], Method::Post, None, &scope),
                    "poll" => built.call(&card.poll.request, Method::Get, None, &scope),
                    "batch" => {
                        let batch = card.poll.batch.as_ref().expect("polls in batches");
                        built.call(&batch.request, Method::Get, None, &scope)
                    }
                    "result" => built.call(&card.result[at].request, Method::Get, None, &scope),
                    "output" => {
                        let request = card.output.request.as_ref().expect("a bytes endpoint");
                        built.call(request, Method::Get, None, &scope)
                    }
                    "cancel" => {
                        let cancel = card.cancel.as_ref().expect("it cancels");
                        built.call(&cancel.request, Method::Post, None, &scope)
                    }
                    "lookup" => {
                        let lookup = card.lookup.as_ref().expect("it looks up");
                        built.call(&lookup.request, Method::Get, None, &scope)
                    }
                    "live" => {
                        let live = card.limits.live.as_ref().expect("limits are read live");
                        built.call(&live.request, Method::Get, None, &scope)
                    }
                    "download" => {
                        let output = &card.output;
                        let headers = built.headers(&output.headers, output.auth, &scope);
                        headers.map(|headers| HttpCall {
                            method: Method::Get,
                            url: sees["url"].as_str().expect("the clip's URL").to_owned(),
                            headers,
                            body: Body::Nothing,
                            auth: output.auth,
                        })
                    }
                    "upload" => {
                        let upload = card.images.upload.as_ref().expect("it uploads");
                        upload.steps[at].call(&built, &scope)
                    }
                    other => panic!("no step `{other}`"),
                };
                call.unwrap_or_else(|e| panic!("{step}: {e}"))
            }
            _ => panic!("a case has a job or a step"),
        };
        let auth = card.auth.as_ref().filter(|_| call.auth);
        let auth = auth.map(|a| (a.header.to_ascii_lowercase(), a.value.clone()));
        Sent { call, base_url, auth, media_types }
    }
}

fn key() -> AttemptKey {
    AttemptKey::of(
        &Address::from_stored("set.subject/shot/1"),
        &Digest::of(b"request"),
        1,
        jiff::Timestamp::UNIX_EPOCH,
    )
}

impl Sent {
    /// The body as text.
    pub fn body(&self) -> String {
        our_body(self).to_string()
    }
}

impl Job {
    fn request(&self, model: &kinora::models::ModelCard) -> (Request, Vec<Handed>) {
        let aspect = kinora::models::AspectRatio::parse(&self.aspect).expect("an aspect");
        let resolution = model.resolutions.get(&self.resolution);
        let resolution = resolution.unwrap_or_else(|| panic!("no resolution {}", self.resolution));
        let (width, height) = resolution.size(aspect);
        let handed: Vec<Handed> = self.pictures.iter().map(Picture::handed).collect();
        let references = self
            .pictures
            .iter()
            .enumerate()
            .map(|(i, picture)| RequestReference {
                name: picture.name.clone().unwrap_or_else(|| format!("picture-{i}")),
                role: picture.role,
                given: None,
                path: format!("images/{i}.png"),
                digest: Digest::of(b"picture"),
                format: Format::Png,
                width: 1,
                height: 1,
                url: picture.url.clone(),
                source: None,
                recipe: None,
            })
            .collect();
        let request = Request {
            address: Address::from_stored("set.subject/shot/1"),
            model: model.model.clone(),
            provider: model.provider.clone(),
            route: self.route,
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            settings: JobSettings {
                duration: self.duration.parse().expect("a number"),
                aspect: self.aspect.clone(),
                resolution: self.resolution.clone(),
                width,
                height,
                fps: self.fps,
                seed: self.seed,
                options: self.options.clone(),
            },
            references,
            out: "clip.mp4".to_owned(),
            fingerprint: Digest::of(b"request"),
            retake: 0,
            first_seed: None,
            shot: "shot".to_owned(),
            subject: Some("set.subject".to_owned()),
            channel: None,
            consistency: None,
        };
        (request, handed)
    }
}

impl Picture {
    fn handed(&self) -> Handed {
        let ways = [
            (Transport::Url, &self.url),
            (Transport::DataUri, &self.data_uri),
            (Transport::Base64, &self.base64),
            (Transport::Upload, &self.handle),
            (Transport::File, &self.file),
        ];
        let (transport, value) = ways
            .into_iter()
            .find_map(|(transport, value)| Some((transport, value.clone()?)))
            .expect("a picture goes somehow");
        Handed {
            transport,
            value,
            media_type: self.media_type.clone().unwrap_or_else(|| "image/png".to_owned()),
            file_name: "ref.png".to_owned(),
            width: 1,
            height: 1,
            bytes: 70,
        }
    }
}

/// Headers that say nothing about the request's meaning, or that the HTTP client sets by itself.
const NOISE: [&str; 9] = [
    "accept",
    "content-type",
    "content-length",
    "user-agent",
    "date",
    "x-client-request-id",
    "x-stainless-retry-count",
    "x-stainless-read-timeout",
    "x-stainless-timeout",
];

/// How two requests differ, in words.
pub fn differences(case: &Case, recorded: &Json, sent: &Sent) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, theirs: Json, ours: Json| {
        if theirs != ours {
            let (theirs, ours) = (shortened(theirs), shortened(ours));
            found.push(format!("{what}\n    client: {theirs}\n    Kinora: {ours}"));
        }
    };
    let call = &sent.call;
    compare("method", recorded["method"].clone(), json!(call.method.as_str()));
    let theirs = recorded["path"].as_str().unwrap_or_default();
    let (their_path, their_query) = theirs.split_once('?').unwrap_or((theirs, ""));
    let ours = call.url.strip_prefix(sent.base_url.trim_end_matches('/')).map_or_else(
        || path_of(&call.url).to_owned(),
        |below| format!("{}{below}", path_of(&sent.base_url)),
    );
    let (our_path, our_query) = ours.split_once('?').unwrap_or((&ours, ""));
    let prefix = case.path_prefix.as_deref().unwrap_or("");
    compare("path", json!(their_path), json!(format!("{prefix}{our_path}")));
    compare("query", query(their_query, &case.client_only), query(our_query, &case.ours_only));
    compare("headers", their_headers(case, recorded, sent), our_headers(case, sent));
    let mut body = their_body(recorded);
    let mut own = our_body(sent);
    case.client_only.iter().for_each(|name| remove(&mut body, name));
    case.ours_only.iter().for_each(|name| remove(&mut own, name));
    let (body, own) = (without_nulls(body), without_nulls(own));
    if !same(&body, &own) {
        compare("body", body, own);
    }
    found
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

fn query(text: &str, leave_out: &[String]) -> Json {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .filter(|(k, _)| !leave_out.iter().any(|name| name.strip_prefix('?') == Some(k)))
        .collect();
    pairs.sort();
    json!(pairs)
}

fn kept(name: &str, leave_out: &[String]) -> bool {
    let left_out = leave_out.iter().any(|l| l.strip_suffix(':') == Some(name));
    !NOISE.contains(&name) && !left_out
}

fn their_headers(case: &Case, recorded: &Json, sent: &Sent) -> Json {
    let headers = recorded["headers"].as_object().cloned().unwrap_or_default();
    let kept = headers.into_iter().filter(|(name, _)| kept(name, &case.client_only));
    let mut kept: BTreeMap<String, Json> = kept.map(|(k, v)| (k, form_of(v))).collect();
    // A header that holds nothing but the key.
    if let Some((name, _)) = sent.auth.as_ref().filter(|(_, value)| value == "{key}")
        && let Some(key) = kept.get_mut(name)
    {
        *key = json!("{key}");
    }
    json!(kept)
}

/// The form of a header that carries a key: its scheme, not the key.
fn form_of(value: Json) -> Json {
    let text = value.as_str().unwrap_or_default();
    for scheme in ["Bearer ", "Key ", "Token "] {
        if text.starts_with(scheme) {
            return json!(format!("{scheme}{{key}}"));
        }
    }
    value
}

fn our_headers(case: &Case, sent: &Sent) -> Json {
    let mut headers: BTreeMap<String, Json> = sent
        .call
        .headers
        .iter()
        .filter(|(name, _)| kept(name, &case.ours_only))
        .map(|(name, value)| (name.clone(), form_of(json!(value))))
        .collect();
    if let Some((name, value)) = &sent.auth {
        headers.insert(name.clone(), json!(value));
    }
    json!(headers)
}

fn their_body(recorded: &Json) -> Json {
    if let Some(parts) = recorded["multipart"].as_array() {
        let mut parts: Vec<Json> = parts
            .iter()
            .map(|part| {
                let mut kept = Map::new();
                kept.insert("name".to_owned(), part["name"].clone());
                let file = part.get("filename").is_some();
                if file {
                    kept.insert("file".to_owned(), json!(true));
                } else {
                    kept.insert("text".to_owned(), part["body"].clone());
                }
                Json::Object(kept)
            })
            .collect();
        parts.sort_by_key(Json::to_string);
        return Json::Array(parts);
    }
    if recorded.get("raw").is_some() {
        return json!("the picture's bytes");
    }
    recorded.get("json").cloned().unwrap_or(Json::Null)
}

fn our_body(sent: &Sent) -> Json {
    match &sent.call.body {
        Body::Nothing => Json::Null,
        Body::Json(json) => json.clone(),
        Body::Picture(_) => json!("the picture's bytes"),
        Body::Multipart(parts) => {
            let mut parts: Vec<Json> = parts
                .iter()
                .map(|part| match part {
                    Part::Text { name, text } => json!({ "name": name, "text": text }),
                    Part::Picture { name, at } => {
                        assert!(*at < sent.media_types.len(), "the form names a picture");
                        json!({ "name": name, "file": true })
                    }
                })
                .collect();
            parts.sort_by_key(Json::to_string);
            Json::Array(parts)
        }
    }
}

/// Takes a dotted name out of a body; `*` stands for every entry of a list. A form's parts go by
/// their name.
fn remove(body: &mut Json, name: &str) {
    if name.starts_with('?') || name.ends_with(':') {
        return;
    }
    let (first, rest) = name.split_once('.').map_or((name, None), |(a, b)| (a, Some(b)));
    match (body, rest) {
        (Json::Object(map), None) => {
            map.shift_remove(first);
        }
        (Json::Object(map), Some(rest)) => {
            if let Some(inner) = map.get_mut(first) {
                remove(inner, rest);
            }
        }
        (Json::Array(items), Some(rest)) if first == "*" => {
            items.iter_mut().for_each(|item| remove(item, rest));
        }
        (Json::Array(items), None) => items.retain(|item| item["name"] != json!(first)),
        _ => {}
    }
}

/// Drops nulls; an empty body is no body.
fn without_nulls(json: Json) -> Json {
    match json {
        Json::Object(map) => {
            let kept = map.into_iter().map(|(k, v)| (k, without_nulls(v)));
            let kept: Map<String, Json> = kept.filter(|(_, v)| !v.is_null()).collect();
            if kept.is_empty() { Json::Null } else { Json::Object(kept) }
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Whether two bodies are the same; the order of keys is none, and a text that the recorder cut
/// short is compared as far as it goes.
fn same(theirs: &Json, ours: &Json) -> bool {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same(v, w))
        }
        (Json::String(a), Json::String(b)) => a == b || cut_short(a, b) || digested(a, b),
        (a, b) => a == b,
    }
}

/// As it is shown: long texts, such as pictures, only by their beginning.
fn shortened(json: Json) -> Json {
    match json {
        Json::String(text) if text.len() > 200 => {
            let start: String = text.chars().take(80).collect();
            json!(format!("{start}… ({} bytes)", text.len()))
        }
        Json::Array(items) => Json::Array(items.into_iter().map(shortened).collect()),
        Json::Object(map) => map.into_iter().map(|(k, v)| (k, shortened(v))).collect(),
        other => other,
    }
}

/// `start...<1890 chars>`.
fn cut_short(theirs: &str, ours: &str) -> bool {
    let Some((start, rest)) = theirs.rsplit_once("...<") else { return false };
    rest.ends_with(" chars>") && ours.starts_with(start)
}

/// `sha256:…`, the digest of the whole text.
fn digested(theirs: &str, ours: &str) -> bool {
    let digest = ring::digest::digest(&ring::digest::SHA256, ours.as_bytes());
    theirs.strip_prefix("sha256:") == Some(&data_encoding::HEXLOWER.encode(digest.as_ref()))
}
