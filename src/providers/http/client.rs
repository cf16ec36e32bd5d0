//! The client: calls become HTTP requests on sockets, with time limits, bounded replies and
//! redirects that are judged one by one. The only place that writes a key into a request.
//!
//! A submission goes over a connection that is new, or was last used less than a second ago. One
//! that idled longer may just be closing at the other end; whether a request was read then, nobody
//! knows, and its money would be held for nothing. Servers close a connection that idles after
//! seconds, never at once (the shortest usual times are two to five), and one that they want to be
//! rid of for another reason they close with a reply that says so (`Connection: close`, GOAWAY),
//! after which nothing is sent on it. What is left is a server that is stopped in that second.
//!
//! What never lives here: what a reply means; retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::guard::{Guard, Permit};
use super::reply::Reply;
use crate::clock::Clock;
use crate::environment::ProcessEnvironment;
use crate::net::{self, PublicNames, proxies, shown, words};
use crate::protocol::{Auth, Body, HttpCall, Key, Method, Part};

/// How long is waited, and how much is taken.
#[derive(Debug, Clone)]
pub struct NetLimits {
    /// For a connection, with its TLS handshake.
    pub connect: Duration,
    /// For the next byte.
    pub idle: Duration,
    /// For the whole answer to a submission or an upload's step, beside the time of its body.
    pub submit: Duration,
    /// For the whole of any other reply.
    pub read: Duration,
    /// Bytes a second at which a body is expected to leave, at the slowest.
    pub slowest: u64,
    /// Bytes of a reply.
    pub reply_bytes: u64,
    /// Bytes of a clip.
    pub clip_bytes: u64,
    /// Times that a download which breaks is gone on with.
    pub resumes: u32,
    /// Before the first of them; doubled each time.
    pub resume_pause: Duration,
    /// For how long polls are collected before they go out as one, where a provider allows it.
    pub gather: Duration,
}

impl Default for NetLimits {
    fn default() -> Self {
        NetLimits {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            submit: Duration::from_secs(120),
            read: Duration::from_secs(60),
            slowest: 100_000,
            reply_bytes: 8 << 20,
            clip_bytes: 4 << 30,
            resumes: 5,
            resume_pause: Duration::from_millis(500),
            gather: Duration::from_millis(50),
        }
    }
}

/// A connection that idled longer takes no submission.
const IDLE_BEFORE_SUBMISSION: Duration = Duration::from_secs(1);

/// Redirects that one read follows.
const MOST_REDIRECTS: usize = 5;

/// Headers that belong to the connection, whatever a reply or a card says.
const NOT_OURS_TO_SET: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "proxy-authorization", "upgrade"];

/// A picture's bytes on their way.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    /// The bytes.
    pub bytes: Bytes,
    /// Media type.
    pub media_type: String,
    /// File name.
    pub file_name: String,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No byte of the request left: no connection could be made.
    Unreachable(String),
    /// No byte of the request left: it may not or can't be asked.
    Forbidden(String),
    /// It left, wholly or in part, and no status came back.
    NoReply(String),
}

impl Trouble {
    /// In words.
    pub fn message(&self) -> &str {
        match self {
            Trouble::Unreachable(text) | Trouble::Forbidden(text) | Trouble::NoReply(text) => text,
        }
    }
}

/// Speaks HTTP for one card.
pub(super) struct Client {
    guard: Guard,
    auth: Option<(Auth, Key)>,
    clock: Arc<dyn Clock>,
    limits: NetLimits,
    /// For submissions to the card's own hosts.
    fresh: reqwest::Client,
    /// For submissions to every other host.
    fresh_other: reqwest::Client,
    /// For the card's own hosts.
    own: reqwest::Client,
    /// For every other host: connects to public addresses alone.
    other: reqwest::Client,
}

impl Client {
    /// A client for the hosts of a card.
    ///
    /// # Errors
    /// When TLS can't be set up, in words.
    pub fn new(
        guard: Guard,
        auth: Option<(Auth, Key)>,
        clock: Arc<dyn Clock>,
        limits: NetLimits,
    ) -> Result<Self, String> {
        let builder = || {
            let builder = net::builder().connect_timeout(limits.connect);
            if guard.at_home() { builder.no_proxy() } else { builder }
        };
        let names = PublicNames { proxies: proxies(&ProcessEnvironment) };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(words);
        let fresh = || builder().pool_idle_timeout(IDLE_BEFORE_SUBMISSION);
        Ok(Client {
            fresh: build(fresh())?,
            fresh_other: build(fresh().dns_resolver(names.clone()))?,
            own: build(builder())?,
            other: build(builder().dns_resolver(names))?,
            guard,
            auth,
            clock,
            limits,
        })
    }

    /// The limits.
    pub fn limits(&self) -> &NetLimits {
        &self.limits
    }

    /// How long a submission with so many bytes is waited for.
    pub fn longest_submission(&self, bytes: u64) -> Duration {
        self.limits.submit + self.time_of(bytes)
    }

    /// Sends a submission, once.
    pub async fn submit(&self, call: &HttpCall, parcels: &[Parcel]) -> Result<Reply, Trouble> {
        let permit = self.guard.permit(&call.url).map_err(Trouble::Forbidden)?;
        let client = if permit.own { &self.fresh } else { &self.fresh_other };
        let (request, length) = self.request(client, call, &permit, parcels)?;
        self.answer(client, request, self.longest_submission(length)).await
    }

    /// Sends one step of an upload.
    pub async fn upload(&self, call: &HttpCall, parcels: &[Parcel]) -> Result<Reply, Trouble> {
        let permit = self.guard.permit(&call.url).map_err(Trouble::Forbidden)?;
        let client = self.client(&permit);
        let (request, length) = self.request(client, call, &permit, parcels)?;
        self.answer(client, request, self.longest_submission(length)).await
    }

    /// Asks something that changes nothing, or that may be asked twice.
    pub async fn read(&self, call: &HttpCall) -> Result<Reply, Trouble> {
        let deadline = Instant::now() + self.limits.read;
        let response = match timeout_at(deadline, self.open(call, &[])).await {
            Ok(response) => response?,
            Err(_) => return Err(late(self.limits.read)),
        };
        let (most, idle) = (self.limits.reply_bytes, self.limits.idle);
        Ok(Reply::read(response, most, idle, deadline, self.clock.now()).await)
    }

    /// Opens a reply, following redirects of reads. Each is judged like the first URL. To another
    /// origin goes nothing but the headers in `also`: no key, no header of the card.
    pub async fn open(
        &self,
        call: &HttpCall,
        also: &[(HeaderName, HeaderValue)],
    ) -> Result<reqwest::Response, Trouble> {
        let mut call = call.clone();
        for _ in 0..=MOST_REDIRECTS {
            let permit = self.guard.permit(&call.url).map_err(Trouble::Forbidden)?;
            let client = self.client(&permit);
            let (mut request, _) = self.request(client, &call, &permit, &[])?;
            request.headers_mut().extend(also.iter().cloned());
            let response = match timeout(self.limits.idle, client.execute(request)).await {
                Ok(response) => response.map_err(trouble)?,
                Err(_) => return Err(late(self.limits.idle)),
            };
            let Some(next) = redirect(&call, &permit.url, &response)? else { return Ok(response) };
            if next.origin() != permit.url.origin() {
                call.headers.clear();
                call.auth = false;
            }
            call.url = next.into();
        }
        let message = format!("more than {MOST_REDIRECTS} redirects");
        Err(Trouble::NoReply(message))
    }

    fn client(&self, permit: &Permit) -> &reqwest::Client {
        if permit.own { &self.own } else { &self.other }
    }

    fn time_of(&self, length: u64) -> Duration {
        Duration::from_millis(length.saturating_mul(1000) / self.limits.slowest.max(1))
    }

    async fn answer(
        &self,
        client: &reqwest::Client,
        request: reqwest::Request,
        whole: Duration,
    ) -> Result<Reply, Trouble> {
        let deadline = Instant::now() + whole;
        let response = match timeout_at(deadline, client.execute(request)).await {
            Ok(response) => response.map_err(trouble)?,
            Err(_) => return Err(late(whole)),
        };
        let (most, idle) = (self.limits.reply_bytes, self.limits.idle);
        Ok(Reply::read(response, most, idle, deadline, self.clock.now()).await)
    }

    /// The request, and the length of its body.
    fn request(
        &self,
        client: &reqwest::Client,
        call: &HttpCall,
        permit: &Permit,
        parcels: &[Parcel],
    ) -> Result<(reqwest::Request, u64), Trouble> {
        let mut headers = headers(call)?;
        if let Some((auth, key)) = self.auth.as_ref().filter(|_| permit.key && call.auth) {
            let text = auth.header_text(key, self.clock.now());
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| forbidden("the key holds what no header can hold"))?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(auth.header.as_bytes())
                .map_err(|_| forbidden("the card's key header has no possible name"))?;
            headers.insert(name, value);
        }
        let mut builder = client.request(method(call.method), permit.url.clone());
        let mut length = 0;
        match &call.body {
            Body::Nothing => {}
            Body::Json(json) => {
                let body = serde_json::to_vec(json).map_err(|e| forbidden(&e.to_string()))?;
                length = body.len() as u64;
                let json = HeaderValue::from_static("application/json");
                headers.entry(reqwest::header::CONTENT_TYPE).or_insert(json);
                builder = builder.body(body);
            }
            Body::Multipart(parts) => {
                let form = form(parts, parcels)?;
                length = parts.iter().map(|part| part_length(part, parcels)).sum();
                // The boundary is the form's own.
                headers.remove(reqwest::header::CONTENT_TYPE);
                builder = builder.multipart(form);
            }
            Body::Picture(at) => {
                let bytes = parcel(parcels, *at)?.bytes.clone();
                length = bytes.len() as u64;
                builder = builder.body(bytes);
            }
        }
        let request = builder.headers(headers).build();
        request.map(|request| (request, length)).map_err(|e| forbidden(&words(e)))
    }
}

fn forbidden(why: &str) -> Trouble {
    Trouble::Forbidden(format!("the request can't be written: {why}"))
}

fn late(limit: Duration) -> Trouble {
    Trouble::NoReply(format!("no answer within {} s", limit.as_secs_f64()))
}

/// Where a read goes on; absent: the response is the answer.
fn redirect(
    call: &HttpCall,
    from: &Url,
    response: &reqwest::Response,
) -> Result<Option<Url>, Trouble> {
    let follows = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !follows || !matches!(call.method, Method::Get | Method::Head) {
        return Ok(None);
    }
    let location = response.headers().get(reqwest::header::LOCATION);
    let Some(location) = location.and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let next = from
        .join(location)
        .map_err(|e| Trouble::NoReply(format!("{} redirects to no URL ({e})", shown(from))))?;
    Ok(Some(next))
}

fn headers(call: &HttpCall) -> Result<HeaderMap, Trouble> {
    let mut headers = HeaderMap::new();
    for (name, text) in &call.headers {
        if NOT_OURS_TO_SET.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let bad = || forbidden(&format!("`{name}` is no possible header, or its text is none"));
        let value = HeaderValue::from_str(text).map_err(|_| bad())?;
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?, value);
    }
    Ok(headers)
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
        Method::Head => reqwest::Method::HEAD,
    }
}

fn parcel(parcels: &[Parcel], at: usize) -> Result<&Parcel, Trouble> {
    parcels.get(at).ok_or_else(|| forbidden("it asks for the bytes of a picture that there is not"))
}

fn part_length(part: &Part, parcels: &[Parcel]) -> u64 {
    match part {
        Part::Text { text, .. } => text.len() as u64,
        Part::Picture { at, .. } => parcels.get(*at).map_or(0, |parcel| parcel.bytes.len() as u64),
    }
}

fn form(parts: &[Part], parcels: &[Parcel]) -> Result<multipart::Form, Trouble> {
    let mut form = multipart::Form::new().percent_encode_noop();
    for part in parts {
        form = match part {
            Part::Text { name, text } => form.text(name.clone(), text.clone()),
            Part::Picture { name, at } => {
                let parcel = parcel(parcels, *at)?;
                let length = parcel.bytes.len() as u64;
                let part = multipart::Part::stream_with_length(parcel.bytes.clone(), length)
                    .file_name(parcel.file_name.clone())
                    .mime_str(&parcel.media_type)
                    .map_err(|e| forbidden(&words(e)))?;
                form.part(name.clone(), part)
            }
        };
    }
    Ok(form)
}

/// A connection that was never made is told apart: nothing was sent then.
fn trouble(error: reqwest::Error) -> Trouble {
    let unreachable = error.is_connect();
    let text = words(error);
    if unreachable { Trouble::Unreachable(text) } else { Trouble::NoReply(text) }
}
