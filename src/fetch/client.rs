//! Asking: one GET with its redirects, each judged like the first, within a time.

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::guard::{Guard, private_name};
use super::problem::{Problem, Trouble};
use crate::net::{self, PublicNames, shown, words};

/// Redirects that one try follows.
const MOST_REDIRECTS: usize = 10;

/// For a connection, with its TLS handshake.
const CONNECT: Duration = Duration::from_secs(15);

/// What pictures are asked for as. Servers that choose a form by it choose none that an old browser
/// could not show, and the same one tomorrow.
const FORMS: &str = "image/jpeg, image/png, image/*;q=0.8, */*;q=0.1";

/// Speaks HTTP to whoever has pictures.
#[derive(Debug)]
pub(super) struct Client {
    guard: Guard,
    /// For hosts that the manifest names: goes to whatever address they have, by no proxy.
    own: reqwest::Client,
    /// For every other: connects to public addresses alone.
    other: reqwest::Client,
}

/// What came of asking.
#[derive(Debug)]
pub(super) struct Answer {
    pub response: Response,
    /// Where it came from, if there was a redirect to another place.
    pub from: Option<Url>,
}

impl Client {
    /// # Errors
    /// When TLS can't be set up, in words.
    pub fn new(guard: Guard, per_host: u32) -> Result<Self, String> {
        let builder = || {
            let idle = per_host as usize;
            net::builder().connect_timeout(CONNECT).pool_max_idle_per_host(idle)
        };
        let names = PublicNames { proxies: guard.proxies.clone() };
        Ok(Client {
            own: builder().no_proxy().build().map_err(words)?,
            other: builder().dns_resolver(names).build().map_err(words)?,
            guard,
        })
    }

    /// Asks for a URL with further headers, which hold no secret, until the headers of an answer
    /// that is no redirect.
    pub async fn get(
        &self,
        url: &Url,
        also: &HeaderMap,
        until: Instant,
    ) -> Result<Answer, Trouble> {
        let mut at = url.clone();
        let mut from: Option<Url> = None;
        for _ in 0..=MOST_REDIRECTS {
            let permit = self.guard.permit(&at, from.as_ref()).map_err(Trouble::ForGood)?;
            let client = if permit.own { &self.own } else { &self.other };
            let mut headers = also.clone();
            headers.insert(ACCEPT, HeaderValue::from_static(FORMS));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            headers.extend(permit.headers.iter().cloned());
            let sent = client.get(at.clone()).headers(headers).send();
            let response = match timeout_at(until, sent).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(unanswered(error, &at)),
                Err(_) => return Err(Trouble::for_now(slow("did not answer in time"))),
            };
            let Some(next) = redirect(&at, &response)? else {
                return Ok(Answer { response, from: from.map(|_| at) });
            };
            from = Some(std::mem::replace(&mut at, next));
            if at == *url {
                break;
            }
        }
        let message = if from.is_some() && at == *url {
            "redirects in a circle".to_owned()
        } else {
            format!("redirects more than {MOST_REDIRECTS} times")
        };
        let help = "open it in a browser, and give the URL of the picture that is shown";
        Err(Trouble::ForGood(Problem::new("fetch::redirect", message, help)))
    }
}

/// What is said of what takes too long.
pub(super) fn slow(what: impl Into<String>) -> Problem {
    let help = "run `kinora fetch` again, which goes on where it broke off; or give it more time by \
                `fetch: {timeout: 5m}`";
    Problem::new("fetch::slow", what, help)
}

fn redirect(from: &Url, response: &Response) -> Result<Option<Url>, Trouble> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    next.map(Some).ok_or_else(|| {
        let message = format!("answers {}, a redirect to nowhere", status_words(response.status()));
        let help = "give the picture's own URL";
        Trouble::ForGood(Problem::new("fetch::redirect", message, help))
    })
}

/// A status with its name.
pub(super) fn status_words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// A request that was not answered. A connection that can't be made is the host's trouble.
fn unanswered(error: reqwest::Error, url: &Url) -> Trouble {
    let host = url.host_str().unwrap_or_default().to_owned();
    let connect = error.is_connect();
    let said = words(error);
    if said.contains("has no public address") {
        return Trouble::ForGood(private_name(&host));
    }
    let help = "see whether the server is up and the URL is right, then run `kinora fetch` again";
    let message = format!("could not be asked at {}: {said}", shown_host(url));
    let problem = Problem::new("fetch::unreachable", message, help);
    Trouble::ForNow { problem, wait: None, host: connect }
}

fn shown_host(url: &Url) -> String {
    let whole = shown(url);
    whole.strip_suffix(url.path()).unwrap_or(&whole).to_owned()
}
