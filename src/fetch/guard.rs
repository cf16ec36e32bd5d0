//! The guard: which URLs may be asked for a picture, on the first request and after each redirect,
//! and which headers go along. Pure.
//!
//! A feed is written by others, so a URL in it may be aimed at what only this machine can reach.
//! Addresses that are written in URLs are judged here; names when they are resolved
//! ([`crate::net::PublicNames`]), so that the address that was judged is the one that is asked.

use std::collections::BTreeMap;

use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::problem::Problem;
use crate::net::{is_private, shown};

/// How to let a host in.
const ALLOW: &str = "if this server is meant, name its host in the manifest: \
                     `fetch: {allow_hosts: [HOST]}`";

/// Knows what may be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard {
    /// Hosts that may have private addresses.
    pub allowed: Vec<String>,
    /// Headers by host, with its port where it is not the scheme's own.
    pub headers: BTreeMap<String, Vec<(HeaderName, HeaderValue)>>,
    /// Hosts of the proxies in the environment, which names lead to wherever they stand.
    pub proxies: Vec<String>,
}

/// A URL that may be asked.
#[derive(Debug)]
pub(super) struct Permit<'g> {
    /// Whether its addresses are not judged, since the manifest names its host.
    pub own: bool,
    /// What is sent to this host alone.
    pub headers: &'g [(HeaderName, HeaderValue)],
}

impl Guard {
    /// Whether a URL may be asked; `from` has redirected to it.
    pub fn permit(&self, url: &Url, from: Option<&Url>) -> Result<Permit<'_>, Problem> {
        let refused = |code, why: String, help| {
            let message = match from {
                Some(_) => format!("redirects to {}, which is not asked: {why}", shown(url)),
                None => format!("is not asked: {why}"),
            };
            Err(Problem::new(code, message, help))
        };
        let host = url.host_str().unwrap_or_default();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
            let why = format!("`{}:` is no scheme that is asked", url.scheme());
            return refused("fetch::redirect", why, "give the picture's own https URL");
        }
        if !url.username().is_empty() || url.password().is_some() {
            let why = "it holds a user's name".to_owned();
            return refused("fetch::redirect", why, "give the picture's own https URL");
        }
        let own = self.is_allowed(host);
        if !own && from.is_some_and(|from| from.scheme() == "https") && url.scheme() == "http" {
            let why = "it is plain http, after https".to_owned();
            return refused("fetch::redirect", why, "give the picture's own https URL");
        }
        if !own && (is_private(url) || self.proxies.iter().any(|proxy| proxy == host)) {
            let why = format!("{host} is a private address");
            return refused("fetch::private", why, ALLOW);
        }
        let headers = self.headers.get(&place(url));
        // What a server of one's own is told may stand in plain text; nothing else may.
        let headers = headers.filter(|_| own || url.scheme() == "https");
        Ok(Permit { own, headers: headers.map_or(&[], Vec::as_slice) })
    }

    fn is_allowed(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        self.allowed.iter().any(|known| match known.strip_prefix("*.") {
            Some(parent) => {
                host.strip_suffix(parent).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
            }
            None => known.trim_start_matches('[').trim_end_matches(']') == host,
        })
    }
}

/// What headers are kept by: a URL's host, with its port where it is not the scheme's own.
pub(super) fn place(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// What is said of a name that has private addresses only.
pub(super) fn private_name(host: &str) -> Problem {
    Problem::new("fetch::private", format!("is not asked: {host} has no public address"), ALLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let token = (HeaderName::from_static("x-token"), HeaderValue::from_static("canary"));
        let headers = ["cdn.example.com", "127.0.0.1:8080"]
            .map(|host| (host.to_owned(), vec![token.clone()]));
        Guard {
            allowed: ["127.0.0.1", "[::1]", "*.shop.internal"].map(str::to_owned).into(),
            headers: headers.into(),
            ..Guard::default()
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn private_addresses_are_not_asked_however_they_are_written() {
        let guard = Guard::default();
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://localhost/",
            "http://a.localhost./",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://100.64.0.1/",
            "http://192.0.2.1/",
            "http://224.0.0.1/",
        ] {
            let problem = guard.permit(&url(text), None).expect_err(text);
            assert_eq!(problem.code, "fetch::private", "{text}");
        }
        for text in ["https://93.184.215.14/", "http://[2606:2800:21f::1]/", "http://a.example/"] {
            assert!(guard.permit(&url(text), None).is_ok_and(|permit| !permit.own), "{text}");
        }
        let behind = Guard { proxies: vec!["proxy.corp".to_owned()], ..guard };
        assert!(behind.permit(&url("http://proxy.corp/"), None).is_err());
    }

    #[test]
    fn hosts_that_the_manifest_names_may_be_private() {
        let guard = guard();
        let own = |text| guard.permit(&url(text), None).is_ok_and(|permit| permit.own);
        assert!(own("http://127.0.0.1:9000/x") && own("http://[::1]/x"));
        assert!(own("http://a.shop.internal/x") && !own("http://shop.internal.evil.example/x"));
        assert!(guard.permit(&url("http://127.0.0.2/"), None).is_err());
        assert!(guard.permit(&url("http://evilshop.internal/"), None).is_ok_and(|p| !p.own));
    }

    #[test]
    fn a_redirect_is_judged_like_the_first_url_and_never_leaves_https() {
        let guard = guard();
        let from = url("https://cdn.example.com/x");
        let refused = |text: &str| guard.permit(&url(text), Some(&from)).err().map(|p| p.code);
        assert_eq!(refused("http://10.0.0.1/"), Some("fetch::redirect"));
        assert_eq!(refused("https://10.0.0.1/"), Some("fetch::private"));
        assert_eq!(refused("ftp://cdn.example.com/x"), Some("fetch::redirect"));
        assert_eq!(refused("http://cdn.example.com/x"), Some("fetch::redirect"));
        assert_eq!(refused("https://me:pass@cdn.example.com/x"), Some("fetch::redirect"));
        assert_eq!(refused("https://other.example/x"), None);
    }

    #[test]
    fn headers_go_to_their_host_alone_and_never_in_plain_text_to_the_internet() {
        let guard = guard();
        let sent = |text: &str| guard.permit(&url(text), None).map_or(0, |p| p.headers.len());
        assert_eq!(sent("https://cdn.example.com/x"), 1);
        assert_eq!(sent("http://127.0.0.1:8080/x"), 1);
        for other in [
            "http://cdn.example.com/x",
            "https://cdn.example.com:8443/x",
            "https://a.cdn.example.com/x",
            "https://cdn.example.com.evil.example/x",
            "http://127.0.0.1:8081/x",
            "http://127.0.0.1/x",
        ] {
            assert_eq!(sent(other), 0, "{other}");
        }
    }
}
