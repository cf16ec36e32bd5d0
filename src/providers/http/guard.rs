//! The guard: which URLs may be asked, at which addresses, and which of them get the key.
//!
//! Pure but for the resolver, which asks the system's names and passes on only addresses that
//! are public, so that the address that was judged is the one that is connected to. Behind a
//! proxy it is the proxy that resolves names; addresses written in URLs are judged all the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

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
        let private = match url.host() {
            Some(Host::Ipv4(ip)) => !is_public(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => !is_public(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => is_loopback(&url),
            None => true,
        };
        if private {
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

/// A URL for people: without its query, which may be a signature.
pub(super) fn shown(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether an address is one of the public internet (IANA's special-purpose registries).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarks = a == 198 && (b == 18 || b == 19);
    let protocols = a == 192 && b == 0 && c == 0;
    !(a == 0
        || a >= 240
        || shared
        || benchmarks
        || protocols
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Addresses that stand for an IPv4 one are judged as that one.
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let s = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(v4(high, low))
        }
        // Only 2000::/3 is given out; of it, Teredo, ORCHID and documentation are not.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

/// Resolves names by the system, and passes on public addresses alone.
#[derive(Debug, Clone)]
pub(super) struct PublicNames {
    /// Hosts of the proxies in the environment: those may be private.
    pub proxies: Vec<String>,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let any = self.proxies.contains(&host);
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> =
                found.into_iter().filter(|at| any || is_public(at.ip())).collect();
            if public.is_empty() {
                return Err(format!("{host} has no public address").into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
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

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
        let resolve = |proxies: &[&str]| {
            let proxies = proxies.iter().map(|name| (*name).to_owned()).collect();
            PublicNames { proxies }.resolve("localhost".parse().expect("a name"))
        };
        let error = resolve(&[]).await.err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some("localhost has no public address"));
        assert!(resolve(&["localhost"]).await.is_ok());
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
