//! What every connection keeps to, whoever opens it: which addresses are public, names that lead
//! only there, and one way to set up a client.
//!
//! What never lives here: what is asked, of whom, and what a reply means. Nothing here connects by
//! itself.

mod addresses;
mod client;
mod names;
mod replies;

pub use addresses::{is_loopback, is_private, is_public};
pub use client::{builder, proxies, words};
pub use names::PublicNames;
pub use replies::{content_range, retry_after, validator};

use url::Url;

/// A URL for people: without its query, which may be a signature.
pub fn shown(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
