//! The guard: which URLs may be asked, at which addresses, and which of them get the key.
//!
//! Pure. Names are judged when they are resolved ([`crate::net::PublicNames`]); behind a proxy it
//! is the proxy that resolves them. Addresses written in URLs are judged here.

use url::Url;

use crate::net::{is_loopback, is_private, shown};

/// How far a provider's requests may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// To the card's hosts, and to public ones that replies name.
    #[default]
    Everywhere,
    /// To this machine alone, whatever cards and replies say: for rehearsals.
    ThisMachine,
}

/// Knows a card's hosts.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    reach: Reach,
    base: Url,
    key_hosts: Vec<String>,
    /// Whether the base URL points to this machine.
    loopback: bool,
    /// Whether it is a server of one's own.
    local: bool,
}

/// A URL that may be asked.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    /// The URL.
    pub url: Url,
    /// Whether it may have the key.
    pub key: bool,
    /// Whether its host is the card's own, whose addresses are not judged.
    pub own: bool,
}

impl Guard {
    /// Of a card's base URL.
    ///
    /// # Errors
    /// What is wrong with the URL, in words.
    pub fn new(
        base: &str,
        key_hosts: &[String],
        local: bool,
        reach: Reach,
    ) -> Result<Self, String> {
        let base = parse(base)?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err("a base URL has no `?` and no `#`".to_owned());
        }
        let loopback = is_loopback(&base);
        if base.scheme() == "http" && !loopback && !local {
            return Err("plain http is for servers on this machine only; write https".to_owned());
        }
        if reach == Reach::ThisMachine && !loopback {
            return Err("a rehearsal asks this machine alone".to_owned());
        }
        Ok(Guard { reach, base, key_hosts: key_hosts.to_vec(), loopback, local })
    }

    /// Whether the base URL points to this machine or to a server of one's own.
    pub fn at_home(&self) -> bool {
        self.loopback || self.local
    }

    /// Whether a URL may be asked.
    ///
    /// # Errors
    /// Why not, in words, without the URL's query.
    pub fn permit(&self, url: &str) -> Result<Permit, String> {
        let url = parse(url)?;
        let refused = |why: &str| Err(format!("{} is not asked: {why}", shown(&url)));
        if self.reach == Reach::ThisMachine && !is_loopback(&url) {
            return refused("a rehearsal asks this machine alone");
        }
        let same_host = url.host() == self.base.host();
        if url.origin() == self.base.origin() {
            return Ok(Permit { url, key: true, own: true });
        }
        if (self.loopback && is_loopback(&url)) || (self.local && same_host) {
            return Ok(Permit { url, key: false, own: true });
        }
        if url.scheme() != "https" {
            return refused("it is not https");
        }
        if is_private(&url) {
            return refused("its address is a private one");
        }
        let key = url.port().is_none() && self.may_have_key(url.host_str().unwrap_or_default());
        Ok(Permit { url, key, own: key })
    }

    fn may_have_key(&self, host: &str) -> bool {
        self.key_hosts.iter().any(|known| match known.strip_prefix("*.") {
            Some(parent) => {
                host.strip_suffix(parent).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
            }
            None => known == host,
        })
    }
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|e| format!("this is no URL ({e})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{}:` is no scheme that is asked; https is", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{} is not asked: it holds a user's name", shown(&url)));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted() -> Guard {
        let hosts = ["rest.example.com".to_owned(), "*.cdn.example.com".to_owned()];
        Guard::new("https://api.example.com/v1", &hosts, false, Reach::Everywhere)
            .expect("it is good")
    }

    fn key(guard: &Guard, url: &str) -> Option<bool> {
        guard.permit(url).ok().map(|permit| permit.key)
    }

    #[test]
    fn the_key_goes_to_the_card_s_hosts_alone() {
        let guard = hosted();
        assert_eq!(key(&guard, "https://api.example.com/v2"), Some(true));
        assert_eq!(key(&guard, "https://rest.example.com/x"), Some(true));
        assert_eq!(key(&guard, "https://a.b.cdn.example.com/x"), Some(true));
        for other in [
            "https://cdn.example.com/",
            "https://evilcdn.example.com/",
            "https://api.example.com:8443/",
            "https://rest.example.com:8443/",
            "https://api.example.com.evil.com/",
            "https://example.com/",
        ] {
            assert_eq!(key(&guard, other), Some(false), "{other}");
        }
    }

    #[test]
    fn only_public_https_is_asked() {
        let guard = hosted();
        for url in [
            "http://api.example.com/",
            "ftp://api.example.com/",
            "file:///etc/passwd",
            "https://user:pass@api.example.com/",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://192.168.1.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://[2002:7f00:1::]/",
            "not a url",
        ] {
            assert!(guard.permit(url).is_err(), "{url}");
        }
        for url in ["https://93.184.215.14/", "https://[2606:2800:21f::1]/", "https://a.example/"] {
            assert!(guard.permit(url).is_ok_and(|permit| !permit.own), "{url}");
        }
    }

    #[test]
    fn a_server_on_this_machine_may_speak_of_this_machine() {
        let guard =
            Guard::new("http://127.0.0.1:8188", &[], false, Reach::Everywhere).expect("it is good");
        assert_eq!(key(&guard, "http://127.0.0.1:8188/view"), Some(true));
        assert_eq!(key(&guard, "http://127.0.0.1:9000/x"), Some(false));
        assert_eq!(key(&guard, "http://localhost:8188/view"), Some(false));
        assert!(guard.permit("http://192.168.1.5/").is_err());
        assert!(guard.permit("http://169.254.169.254/").is_err());
    }

    #[test]
    fn a_server_of_one_s_own_is_asked_where_it_stands() {
        let guard = Guard::new("http://192.168.1.5:8188", &[], true, Reach::Everywhere)
            .expect("it is good");
        assert_eq!(key(&guard, "http://192.168.1.5:8188/view"), Some(true));
        assert_eq!(key(&guard, "http://192.168.1.5:9000/view"), Some(false));
        assert!(guard.permit("http://192.168.1.6/").is_err());
        assert!(guard.permit("https://127.0.0.1/").is_err());
        assert!(Guard::new("http://192.168.1.5:8188", &[], false, Reach::Everywhere).is_err());
        assert!(Guard::new("http://api.example.com", &[], false, Reach::Everywhere).is_err());
    }

    #[test]
    fn a_rehearsal_stays_on_this_machine() {
        let hosts = ["rest.example.com".to_owned()];
        let new = |base| Guard::new(base, &hosts, true, Reach::ThisMachine);
        let guard = new("http://127.0.0.1:8188").expect("it is good");
        assert_eq!(key(&guard, "http://127.0.0.1:8188/x"), Some(true));
        assert_eq!(key(&guard, "http://localhost:9000/x"), Some(false));
        assert!(guard.permit("https://rest.example.com/x").is_err());
        assert!(new("https://api.example.com").is_err());
        assert!(new("http://192.168.1.5").is_err());
    }

    #[test]
    fn messages_hold_no_query() {
        let why = hosted().permit("http://a.example/b?sig=s3cret").err().unwrap_or_default();
        assert_eq!(why, "http://a.example/b is not asked: it is not https");
    }
}
