//! Replies: read within a limit, as JSON where they are, and as expressions see them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::secrets::Mask;
use crate::net;
use crate::wire::{Scope, scope_of};

/// Characters of a body that are shown.
const EXCERPT: usize = 200;

/// Characters of a reply to a submission whose outcome is unknown.
const EVIDENCE: usize = 4_000;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case; of several of one name the last.
    pub headers: BTreeMap<String, String>,
    /// Body, as far as it came.
    pub bytes: Vec<u8>,
    /// The body as JSON, when it came whole and is.
    pub json: Option<Json>,
    /// Why the body is not whole.
    pub cut: Option<String>,
    /// When it came.
    pub at: Timestamp,
}

impl Reply {
    /// Reads a body within `most` bytes, waiting at most `idle` for each piece.
    pub async fn read(
        mut response: reqwest::Response,
        most: u64,
        idle: Duration,
        deadline: tokio::time::Instant,
        at: Timestamp,
    ) -> Reply {
        let mut reply = Reply { at, status: response.status().as_u16(), ..Reply::default() };
        for (name, value) in response.headers() {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            reply.headers.insert(name.as_str().to_owned(), text);
        }
        loop {
            let until = deadline.min(tokio::time::Instant::now() + idle);
            match tokio::time::timeout_at(until, response.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    if reply.bytes.len() as u64 + piece.len() as u64 > most {
                        reply.cut = Some(format!("the reply is longer than {most} bytes"));
                        break;
                    }
                    reply.bytes.extend_from_slice(&piece);
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    reply.cut = Some(format!("the reply broke off: {}", net::words(error)));
                    break;
                }
                Err(_) => {
                    reply.cut = Some("the reply stopped in its middle".to_owned());
                    break;
                }
            }
        }
        if reply.cut.is_none() {
            // Some servers begin with a mark of the encoding, which is no part of JSON.
            let start =
                usize::from(reply.bytes.starts_with(BYTE_ORDER_MARK)) * BYTE_ORDER_MARK.len();
            reply.json = serde_json::from_slice(&reply.bytes[start..]).ok();
        }
        reply
    }

    /// Whether the status is 2xx.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, or null.
    pub fn body(&self) -> &Json {
        self.json.as_ref().unwrap_or(&Json::Null)
    }

    /// Whether the body is JSON without anything in it.
    pub fn says_nothing(&self) -> bool {
        match self.body() {
            Json::Null => true,
            Json::Array(items) => items.is_empty(),
            Json::Object(entries) => entries.is_empty(),
            Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
        }
    }

    /// The same reply about one entry of its list.
    pub fn about(&self, entry: &Json) -> Reply {
        Reply {
            status: self.status,
            headers: self.headers.clone(),
            bytes: Vec::new(),
            json: Some(entry.clone()),
            cut: None,
            at: self.at,
        }
    }

    /// What expressions see: `status`, `headers` and `body` beside what is known anyway.
    pub fn scope(&self, known: &Scope) -> Scope {
        let (headers, known) = (scope_of(&self.headers), known.clone());
        match &self.json {
            Some(body) => minijinja::context! {
                status => self.status, headers => headers, body => scope_of(body), ..known
            },
            None => minijinja::context! { status => self.status, headers => headers, ..known },
        }
    }

    /// How long the provider asks to wait: seconds or a date (RFC 9110, 10.2.3), at most an hour.
    pub fn retry_after(&self) -> Option<Duration> {
        net::retry_after(self.headers.get("retry-after")?, self.at)
    }

    /// What the body is, for people: its beginning, or that there is none.
    pub fn excerpt(&self, mask: &Mask) -> String {
        self.beginning(mask, EXCERPT)
    }

    /// As much of the body as an id may hide in.
    pub fn evidence(&self, mask: &Mask) -> String {
        self.beginning(mask, EVIDENCE)
    }

    fn beginning(&self, mask: &Mask, most: usize) -> String {
        if self.bytes.is_empty() {
            return match &self.json {
                Some(json) => mask.excerpt(&json.to_string(), most),
                None => "an empty body".to_owned(),
            };
        }
        // Only as much is looked at as can be shown, with room for what is hidden.
        let some = &self.bytes[..self.bytes.len().min(64 * most)];
        mask.excerpt(&String::from_utf8_lossy(some), most)
    }

    /// Why the body has no JSON; absent when it has.
    pub fn trouble(&self) -> Option<String> {
        if let Some(cut) = &self.cut {
            return Some(cut.clone());
        }
        if self.json.is_some() {
            return None;
        }
        let start = self.bytes.trim_ascii_start();
        Some(match start.first() {
            None => "the reply is empty".to_owned(),
            Some(b'<') => "the reply is HTML, not JSON".to_owned(),
            Some(_) => "the reply is not JSON".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<u64> {
        let at = "1994-11-06T08:49:00Z".parse().expect("a time");
        let headers = BTreeMap::from([("retry-after".to_owned(), text.to_owned())]);
        let reply = Reply { headers, at, ..Reply::default() };
        reply.retry_after().map(|wait| u64::try_from(wait.as_millis()).expect("short"))
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_date_and_never_believed_beyond_an_hour() {
        assert_eq!(wait("7"), Some(7_000));
        assert_eq!(wait("0.25"), Some(250));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37_000));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(wait("86400"), Some(3_600_000));
        assert_eq!(wait("1e300"), Some(3_600_000));
        assert_eq!(wait("Sun, 06 Nov 2044 08:49:37 GMT"), Some(3_600_000));
        assert_eq!(wait("-1"), None);
        assert_eq!(wait("soon"), None);
    }
}
