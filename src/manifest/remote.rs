//! Pictures that have URLs, and `fetch:` of the root manifest: how they are fetched.
//!
//! What lives here: which URLs a picture may have, and the settings. What never does: sockets;
//! loading looks into the lock file alone.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;
use url::{Host, Url};

use super::addresses::BadUrl;
use super::load::Loader;
use crate::diagnostic::{Finding, Place};
use crate::yaml::{OneOrMany, Placed, Table, Text};

/// How a webhook's URL, or a header's value, is named that stands in the environment.
const ENV: &str = "env:";

/// Longer URLs are no URLs of pictures; servers and lock files need not bear them.
const LONGEST_URL: usize = 4096;

/// How pictures that have URLs are fetched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fetch")]
pub struct RawFetch {
    /// Most pictures at once from one host: 4 if not given.
    #[schemars(range(min = 1, max = 64))]
    pub per_host: Option<Placed<u32>>,
    /// Most pictures at once from all hosts: 32 if not given.
    #[schemars(range(min = 1, max = 512))]
    pub at_once: Option<Placed<u32>>,
    /// How long one try of one picture may take, for instance `30s` or `2m`: 60 seconds if not
    /// given. What came is kept, and the next try goes on from there.
    pub timeout: Option<Text>,
    /// Most bytes of one picture: the limit `picture_bytes` if not given.
    #[schemars(range(min = 1))]
    pub max_bytes: Option<Placed<u64>>,
    /// Hosts that may have private addresses, for instance a picture server in the own network: a
    /// name, an address, or `*.example.internal`.
    #[serde(default)]
    pub allow_hosts: OneOrMany<Text>,
    /// What a run does before it plans: fetch what is `missing`, the default, also `revalidate` what
    /// is there, or `nothing`.
    pub before_run: Option<Placed<BeforeRun>>,
    /// What becomes of jobs whose pictures are not here: without them there is no plan (`stop`, the
    /// default), or they are left out of it with a warning (`leave_out`).
    pub missing: Option<Placed<Missing>>,
    /// Headers by host, sent to that host alone, for instance
    /// `{media.example.com: {Authorization: "env:MEDIA_TOKEN"}}`; `env:NAME` takes a value from the
    /// environment.
    #[serde(default)]
    pub headers: Table<Table<Text>>,
}

/// What a run does about pictures before it plans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BeforeRun {
    /// Fetches those that are not here.
    #[default]
    Missing,
    /// Also asks the servers whether those that are here changed.
    Revalidate,
    /// Fetches nothing.
    Nothing,
}

/// What becomes of jobs whose pictures are not here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Without them there is no plan.
    #[default]
    Stop,
    /// They are left out, with a warning.
    LeaveOut,
}

/// How pictures are fetched, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSettings {
    /// Most at once from one host.
    pub per_host: u32,
    /// Most at once.
    pub at_once: u32,
    /// How long one try may take.
    pub timeout: Duration,
    /// Most bytes of one picture; absent: the limit `picture_bytes`.
    pub max_bytes: Option<u64>,
    /// Hosts that may have private addresses; `*.` in front stands for any name below.
    pub allow_hosts: Vec<String>,
    /// What a run does first.
    pub before_run: BeforeRun,
    /// What becomes of jobs whose pictures are not here.
    pub missing: Missing,
    /// Headers by host.
    pub headers: BTreeMap<String, Vec<(String, HeaderText)>>,
}

/// A header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderText {
    /// As written.
    Literal(String),
    /// The name of the environment variable that holds it.
    Environment(String),
}

impl Default for FetchSettings {
    fn default() -> Self {
        FetchSettings {
            per_host: 4,
            at_once: 32,
            timeout: Duration::from_secs(60),
            max_bytes: None,
            allow_hosts: Vec::new(),
            before_run: BeforeRun::default(),
            missing: Missing::default(),
            headers: BTreeMap::new(),
        }
    }
}

/// Reads what is written as a picture's address, if it is a URL at all: in the one form in which the
/// lock file has it. Feeds leave the scheme out often; `https` is meant then.
///
/// # Errors
/// What is wrong with a URL that can't be fetched.
pub(super) fn picture_url(written: &str) -> Option<Result<String, BadUrl>> {
    let full = match written.strip_prefix("//") {
        Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('.')) => {
            format!("https://{rest}")
        }
        _ => written.to_owned(),
    };
    let data = full.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    let scheme = full.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme =
        |s: &str| s.len() > 1 && s.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !data && !scheme.is_some_and(is_scheme) {
        return None;
    }
    Some(checked(&full, data))
}

fn checked(full: &str, data: bool) -> Result<String, BadUrl> {
    let bad = |shown: &str, message, help| Err(BadUrl { shown: shown.to_owned(), message, help });
    if data {
        let help = "save the picture as a file, and write its path";
        return bad("data:…", "holds the picture itself", help);
    }
    let whole = "write it in full, for instance `https://cdn.example.com/front.jpg`";
    if full.len() > LONGEST_URL {
        let start: String = full.chars().take(60).collect();
        return bad(&format!("{start}…"), "is longer than 4096 bytes", whole);
    }
    let Ok(mut url) = Url::parse(full) else { return bad(full, "is not a URL", whole) };
    if !matches!(url.scheme(), "http" | "https") {
        let help = "pictures are fetched by https and http; for others, fetch them yourself and \
                    write their paths";
        return bad(full, "is not fetched", help);
    }
    if !url.username().is_empty() || url.password().is_some() {
        let shown = format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or_default());
        let help = "URLs stand in the lock file and in reports; give the password by \
                    `fetch: {headers: …}`";
        return bad(&shown, "holds a user or a password", help);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return bad(full, "names no host", whole);
    }
    // What is after `#` is not sent, and makes no other picture.
    url.set_fragment(None);
    Ok(url.into())
}

impl Loader<'_> {
    /// `fetch:` of the root manifest.
    pub(super) fn fetch(&mut self, raw: Option<&RawFetch>) -> FetchSettings {
        let usual = FetchSettings::default();
        let Some(raw) = raw else { return usual };
        let number =
            |written: &Option<Placed<u32>>, usual| written.as_ref().map_or(usual, |n| n.value);
        let timeout = raw.timeout.as_ref().map(|text| (seconds(text), text.place));
        FetchSettings {
            per_host: number(&raw.per_host, usual.per_host),
            at_once: number(&raw.at_once, usual.at_once),
            timeout: match timeout {
                None => usual.timeout,
                Some((Some(timeout), _)) => timeout,
                Some((None, place)) => {
                    self.wrong_fetch("`timeout` is a length of time such as 30s or 2m", place);
                    usual.timeout
                }
            },
            max_bytes: raw.max_bytes.as_ref().map(|n| n.value),
            allow_hosts: raw
                .allow_hosts
                .items
                .iter()
                .filter_map(|h| self.allowed_host(h))
                .collect(),
            before_run: raw.before_run.as_ref().map_or(usual.before_run, |b| b.value),
            missing: raw.missing.as_ref().map_or(usual.missing, |m| m.value),
            headers: self.headers_by_host(&raw.headers),
        }
    }

    fn wrong_fetch(&mut self, what: &str, place: Place) {
        self.findings.push(Finding::error("manifest::fetch", what).at(place, "this value"));
    }

    /// A host as URLs have it, so that every way of writing it is the same one.
    fn allowed_host(&mut self, written: &Text) -> Option<String> {
        let text = written.trim();
        let (star, name) = match text.strip_prefix("*.") {
            Some(name) => ("*.", name),
            None => ("", text),
        };
        let host = Host::parse(name).or_else(|_| Host::parse(&format!("[{name}]")));
        match host {
            Ok(Host::Domain(name)) if name.contains('*') => None,
            Ok(host) if star.is_empty() || matches!(host, Host::Domain(_)) => {
                Some(format!("{star}{host}"))
            }
            _ => None,
        }
        .or_else(|| {
            let what = "`allow_hosts` names hosts: a name, an address, or `*.example.internal`; no \
                        scheme and no port";
            self.wrong_fetch(what, written.place);
            None
        })
    }

    fn headers_by_host(
        &mut self,
        raw: &Table<Table<Text>>,
    ) -> BTreeMap<String, Vec<(String, HeaderText)>> {
        let mut all = BTreeMap::new();
        for (host, headers) in &raw.0 {
            let parsed = Url::parse(&format!("https://{}", host.trim())).ok();
            let parsed = parsed.filter(|url| url.path() == "/" && url.query().is_none());
            let Some(host_text) = parsed.and_then(|url| {
                let port = url.port().map_or(String::new(), |port| format!(":{port}"));
                Some(format!("{}{port}", url.host_str()?))
            }) else {
                let what = "`headers` are by host: `media.example.com`, with a port if it has one";
                self.wrong_fetch(what, host.place);
                continue;
            };
            let mut list = Vec::new();
            for (name, value) in &headers.0 {
                let value = value.trim();
                let text = match value.strip_prefix(ENV) {
                    Some(variable) => HeaderText::Environment(variable.to_owned()),
                    None => HeaderText::Literal(value.to_owned()),
                };
                let possible = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
                    && reqwest::header::HeaderValue::from_str(value).is_ok();
                match possible {
                    true => list.push((name.to_string(), text)),
                    false => self.wrong_fetch("no header can be written like this", name.place),
                }
            }
            all.insert(host_text, list);
        }
        all
    }
}

/// A length of time above nothing.
fn seconds(text: &str) -> Option<Duration> {
    let span: Span = text.trim().parse().ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(length).ok().filter(|length| !length.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &str) -> Option<Result<String, &'static str>> {
        picture_url(written).map(|read| read.map_err(|bad| bad.message))
    }

    #[test]
    fn urls_have_one_form_each() {
        for (written, is) in [
            ("HTTPS://CDN.Example.com:443/a b.jpg#top", "https://cdn.example.com/a%20b.jpg"),
            ("//cdn.example.com/a.jpg?v=1", "https://cdn.example.com/a.jpg?v=1"),
            ("http://2130706433/x", "http://127.0.0.1/x"),
        ] {
            assert_eq!(read(written), Some(Ok(is.to_owned())), "{written}");
        }
    }

    #[test]
    fn paths_are_no_urls() {
        for path in ["images/a.jpg", "../a.jpg", "/srv/a.jpg", "//a/b.jpg", "C:/a.jpg", "a://b"] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn what_can_t_be_fetched_is_said() {
        for (written, says) in [
            ("ftp://a.example/x.jpg", "is not fetched"),
            ("s3://bucket/x.jpg", "is not fetched"),
            ("file:///etc/passwd", "is not fetched"),
            ("data:image/png;base64,AAAA", "holds the picture itself"),
            ("https://me:canary@a.example/x.jpg", "holds a user or a password"),
            ("https://", "is not a URL"),
        ] {
            assert_eq!(read(written), Some(Err(says)), "{written}");
        }
        let problem = picture_url("https://me:canary@a.example/x").and_then(Result::err);
        assert!(problem.is_some_and(|bad| !bad.shown.contains("canary")));
    }
}
