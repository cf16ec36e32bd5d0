//! Names to addresses, so that the address that is judged is the one that is connected to.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::addresses::is_public;

/// Resolves names by the system, and passes on public addresses alone. Since a connection is made
/// to what this gives, and to nothing else, a name that answers otherwise a moment later gains
/// nothing. Behind a proxy it is the proxy that resolves names.
#[derive(Debug, Clone)]
pub struct PublicNames {
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
}
