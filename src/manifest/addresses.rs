//! URLs that people write in manifests: what they may be.
//!
//! What never lives here: fetching anything, names to addresses.

use std::sync::Arc;

use url::{Host, Url};

use super::fill::{Fill, View, verbatim};
use crate::diagnostic::{Finding, Place};
use crate::template::TemplateErrorKind;

/// Whether a URL may be plain http.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Never.
    Never,
    /// To a server on this machine.
    ToThisMachine,
}

/// What is wrong with a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadUrl {
    /// The URL as it may be shown: without the password that it may hold.
    pub shown: String,
    /// Completes "`URL` …".
    pub message: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// Reads a URL and checks that it is one that Kinora would use.
pub(super) fn checked(text: &str, plain: Plain) -> Result<Url, BadUrl> {
    let bad = |message, help| Err(BadUrl { shown: text.to_owned(), message, help });
    let Ok(url) = Url::parse(text) else {
        return bad("is not a URL", "write it in full, for instance `https://cdn.example.com/…`");
    };
    if !url.username().is_empty() || url.password().is_some() {
        let shown =
            url.host_str().map_or_else(String::new, |h| format!("{}://…@{h}", url.scheme()));
        return Err(BadUrl {
            shown,
            message: "holds a user or a password",
            help: "URLs are kept and shown; take the secret out of it",
        });
    }
    let fine = match (url.scheme(), plain) {
        ("https", _) => true,
        ("http", Plain::ToThisMachine) => is_this_machine(&url),
        _ => false,
    };
    if !fine {
        return match (url.scheme(), plain) {
            ("http", Plain::ToThisMachine) => bad(
                "is plain http to another machine",
                "keys and pictures only travel over https; plain http is for 127.0.0.1 and \
                 localhost. For a server of your own, write a provider card with `local: true`",
            ),
            _ => bad("is not an https URL", "write it with `https://`"),
        };
    }
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => bad("names no host", "write it in full, for instance `https://cdn.example.com/…`"),
    }
}

/// The URL of one subject's picture. A subject without one has its picture handed over.
pub(super) fn public_url(
    place: Place,
    fill: &Fill<'_, '_>,
    view: &View<'_>,
    who: &dyn Fn() -> String,
    findings: &mut Vec<Finding>,
) -> Option<Arc<str>> {
    let text = match fill.render(view, verbatim) {
        Ok(text) => text,
        Err(e) if e.kind == TemplateErrorKind::Undefined => return None,
        Err(error) => {
            let message = format!("{}: the URL can't be filled in: {}", who(), error.message);
            let finding = Finding::error("reference::url", message);
            findings.push(finding.at(place, format!("for {}", who())));
            return None;
        }
    };
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match checked(text, Plain::Never) {
        Ok(url) => Some(Arc::from(String::from(url))),
        Err(problem) => {
            let message = format!("{}: `{}` {}", who(), problem.shown, problem.message);
            let finding = Finding::error("reference::url", message);
            findings.push(finding.at(place, format!("for {}", who())).help(problem.help));
            None
        }
    }
}

/// Whether a URL leads to this machine, by a name or address that nobody else can have.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_only_reaches_this_machine() {
        for url in ["http://127.0.0.1:8080", "http://localhost/x", "http://[::1]:1", "https://a.b"]
        {
            assert!(checked(url, Plain::ToThisMachine).is_ok(), "{url}");
        }
        let elsewhere = [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.nip.io",
            "ftp://a.b",
        ];
        for url in elsewhere {
            assert!(checked(url, Plain::ToThisMachine).is_err(), "{url}");
        }
        assert!(checked("http://127.0.0.1", Plain::Never).is_err());
    }

    #[test]
    fn a_password_is_not_repeated() {
        let problem = checked("https://me:canary@cdn.example.com/x", Plain::Never);
        let problem = problem.expect_err("it holds a password");
        assert!(!problem.shown.contains("canary"), "{problem:?}");
    }
}
