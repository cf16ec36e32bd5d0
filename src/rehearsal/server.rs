//! The server: requests from the loopback to the desk, and its answers back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method as HttpMethod, Response, StatusCode, header};
use futures_util::stream;
use tokio::sync::watch;

use super::body::Sent;
use super::desk::{Answer, Asked, Desk};
use super::peer::{CuttableListener, Peer};
use super::replies::Said;
use super::routes::{Address, unescaped};
use crate::digest::Digest;
use crate::protocol::Method;

/// Where the bill can be read.
const BILL: &str = "/rehearsal/bill";

/// How late a late answer comes.
const LATE: Duration = Duration::from_secs(1);

/// Serves until told to stop.
pub(super) async fn serve(
    listener: CuttableListener,
    desk: Arc<Desk>,
    mut stop: watch::Receiver<bool>,
) {
    let service = Router::new()
        .fallback(answer)
        .with_state(desk)
        .into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, service);
    tokio::select! {
        // It only ends by an error that it retries itself, so there is nothing to say.
        _ = async { served.await } => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == BILL {
        let bill = desk.bill().to_json();
        return Ok(written(Said { status: 200, headers: BTreeMap::new(), body: Some(bill) }));
    }
    let headers = headers(request.headers());
    let range = headers.get("range").cloned();
    let if_range = headers.get("if-range").cloned();
    let Some(address) = address(&request) else {
        return Ok(written(Said::plain(405, "no provider is asked like this")));
    };
    let sent = match Sent::read(request).await {
        Ok(sent) => sent,
        Err(why) => return Ok(written(Said::plain(413, &why))),
    };
    let asked = Asked { address, headers, sent };
    // Pictures are decoded and written in there.
    let answered = tokio::task::spawn_blocking(move || {
        let (answer, late) = match desk.answer(&asked) {
            Answer::Late(answer) => (*answer, true),
            answer => (answer, false),
        };
        let response = match answer {
            Answer::Clip { file, cut } => clip(&file, range.as_deref(), if_range.as_deref(), cut),
            Answer::Said(said) => Some(written(said)),
            Answer::Page(text) => Some(page(text)),
            Answer::Late(_) | Answer::Cut => None,
        };
        (response, late)
    });
    let (response, late) = answered.await.unwrap_or_else(|_| {
        let said = Said::plain(500, "the rehearsal broke off; this is a fault of Kinora");
        (Some(written(said)), false)
    });
    if late {
        tokio::time::sleep(LATE).await;
    }
    Ok(response.unwrap_or_else(|| {
        peer.cut();
        Response::new(Body::empty())
    }))
}

fn page(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let html = header::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

fn headers(given: &HeaderMap) -> BTreeMap<String, String> {
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    given.iter().filter_map(text).collect()
}

fn address(request: &Request) -> Option<Address> {
    let method = match *request.method() {
        HttpMethod::GET => Method::Get,
        HttpMethod::POST => Method::Post,
        HttpMethod::PUT => Method::Put,
        HttpMethod::DELETE => Method::Delete,
        HttpMethod::HEAD => Method::Head,
        _ => return None,
    };
    let query = request.uri().query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let query = pairs.map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    Some(Address { method, path: unescaped(request.uri().path()), query })
}

fn written(said: Said) -> Response<Body> {
    let mut builder = Response::builder().status(said.status);
    for (name, value) in &said.headers {
        builder = builder.header(name, value);
    }
    let body = match &said.body {
        Some(json) => {
            if !said.headers.contains_key("content-type") {
                builder = builder.header(header::CONTENT_TYPE, "application/json");
            }
            Body::from(json.to_string())
        }
        None => Body::empty(),
    };
    builder.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(Body::from("the card's rehearsal names no HTTP header"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// A clip, or the part of it that is asked for; when it is cut, the connection ends in the
/// middle of what the header promised.
fn clip(
    file: &Path,
    range: Option<&str>,
    if_range: Option<&str>,
    cut: bool,
) -> Option<Response<Body>> {
    let Ok(bytes) = std::fs::read(file).map(Bytes::from) else {
        return Some(written(Said::plain(500, "the rehearsal has lost the clip")));
    };
    let etag = format!("\"{}\"", Digest::of(&bytes).short());
    let whole = bytes.len();
    let unchanged = if_range.is_none_or(|tag| tag == etag);
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "video/mp4")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, &etag);
    let response = match range.filter(|_| unchanged).and_then(|range| asked_range(range, whole)) {
        Some(Ok((from, to))) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{whole}", to - 1))
            .header(header::CONTENT_LENGTH, to - from)
            .body(Body::from(bytes.slice(from..to))),
        Some(Err(OutOfRange)) => response
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{whole}"))
            .body(Body::empty()),
        None if cut => response
            .header(header::CONTENT_LENGTH, whole)
            .body(broken_off(bytes.slice(..whole / 2))),
        None => response.header(header::CONTENT_LENGTH, whole).body(Body::from(bytes)),
    };
    response.ok()
}

/// A body that ends with an error.
fn broken_off(bytes: Bytes) -> Body {
    // The pause lets the bytes reach the client before the connection ends.
    let parts = stream::unfold(Some(Some(bytes)), |left| async move {
        match left? {
            Some(bytes) => Some((Ok(bytes), Some(None))),
            None => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    Body::from_stream(parts)
}

/// A range that is not in the file.
#[derive(Debug, PartialEq, Eq)]
struct OutOfRange;

/// The bytes that a `Range` header asks for (RFC 9110, section 14.1.2): from, and up to without
/// it. Absent where it is not understood or asks for several: then all of it is sent.
fn asked_range(text: &str, whole: usize) -> Option<Result<(usize, usize), OutOfRange>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let range = match (from.trim(), to.trim()) {
        ("", last) => (whole.saturating_sub(number(last)?), whole),
        (from, "") => (number(from)?, whole),
        (from, to) => (number(from)?, number(to)?.saturating_add(1).min(whole)),
    };
    Some(if range.0 < range.1 { Ok(range) } else { Err(OutOfRange) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(asked_range("bytes=0-", 10), Some(Ok((0, 10))));
        assert_eq!(asked_range("bytes=4-6", 10), Some(Ok((4, 7))));
        assert_eq!(asked_range("bytes=-3", 10), Some(Ok((7, 10))));
        assert_eq!(asked_range("bytes=4-99", 10), Some(Ok((4, 10))));
        assert_eq!(asked_range("bytes=10-", 10), Some(Err(OutOfRange)));
        assert_eq!(asked_range("bytes=1-2,4-5", 10), None);
        assert_eq!(asked_range("lines=1-2", 10), None);
    }
}
