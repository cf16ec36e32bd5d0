//! A webhook: one POST of JSON, tried again where the other end may have been away.
//!
//! Redirects are followed only to the same scheme, host and port, and only those that keep a POST a
//! POST (307, 308). What never lives here: reading what is answered beyond its status.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use tokio::time::{sleep, timeout};
use url::Url;

use super::{Patience, Told, Untold};

/// Redirects that one try follows.
const MOST_REDIRECTS: usize = 3;

/// Why one try failed.
struct Failed {
    why: String,
    /// Whether another try may go better.
    again: bool,
}

impl Failed {
    fn for_good(why: impl Into<String>) -> Self {
        Failed { why: why.into(), again: false }
    }

    fn for_now(why: impl Into<String>) -> Self {
        Failed { why: why.into(), again: true }
    }
}

/// What may be shown of a webhook: its scheme and host.
pub fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or("")),
        Err(_) => "a webhook that is no URL".to_owned(),
    }
}

/// Posts `body`. `id` goes along as `Idempotency-Key`, so that a receiver can tell a second try of
/// the same notification, whose first answer was lost.
pub async fn post(url: &str, id: &str, body: &[u8], patience: Patience) -> Result<Told, Untold> {
    let failed = |tries, why: String| Untold { tries, why, said: None };
    let url = match Url::parse(url) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => url,
        _ => return Err(failed(0, "it is no http or https URL".to_owned())),
    };
    let client = crate::net::builder().build().map_err(|e| failed(0, words(e)))?;
    let (mut pause, mut tries) = (patience.pause, 0);
    loop {
        tries += 1;
        let tried = timeout(patience.each, one(&client, url.clone(), id, body)).await;
        let failure = match tried {
            Ok(Ok(())) => return Ok(Told { tries, said: None }),
            Ok(Err(failure)) => failure,
            Err(_) => Failed::for_now(format!("no answer in {}", seconds(patience.each))),
        };
        if !failure.again || tries >= patience.tries {
            return Err(failed(tries, failure.why));
        }
        sleep(pause).await;
        pause *= 2;
    }
}

async fn one(client: &reqwest::Client, to: Url, id: &str, body: &[u8]) -> Result<(), Failed> {
    let mut url = to;
    for _ in 0..=MOST_REDIRECTS {
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", id)
            .body(body.to_vec());
        let response = request.send().await.map_err(|e| Failed::for_now(words(e)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        if !status.is_redirection() {
            return Err(refusal(status));
        }
        if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
            let why = format!("it answered {status}, a redirect that loses what is posted");
            return Err(Failed::for_good(why));
        }
        let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok());
        let next = location.and_then(|location| url.join(location).ok());
        let next =
            next.ok_or_else(|| Failed::for_good(format!("it answered {status} to nowhere")))?;
        if next.origin() != url.origin() {
            let host = next.host_str().unwrap_or("nowhere");
            let why = format!("it redirects to another place ({host}), which is not followed");
            return Err(Failed::for_good(why));
        }
        url = next;
    }
    Err(Failed::for_good(format!("it redirects more than {MOST_REDIRECTS} times")))
}

fn refusal(status: StatusCode) -> Failed {
    let passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let why = format!("it answered {status}");
    if passing || status.is_server_error() { Failed::for_now(why) } else { Failed::for_good(why) }
}

/// An error without its URL, down to its first cause, which says most.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match error.is_connect() {
        true => format!("no connection: {cause}"),
        false => cause.to_string(),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_its_host_is_shown() {
        let url = "https://hooks.example.com/services/T0/B0/secret?token=secret";
        assert_eq!(shown(url), "https://hooks.example.com/…");
        assert_eq!(shown("https://user:secret@hooks.example.com/x"), "https://hooks.example.com/…");
        assert!(!shown("secret").contains("secret"));
    }
}
