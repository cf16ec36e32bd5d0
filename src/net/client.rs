//! How clients are set up, and what their errors say.

use std::sync::Once;

use url::Url;

use crate::environment::Environment;

/// A client that follows no redirect and tries nothing again by itself: both are for whoever asks,
/// who judges each step.
pub fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    // Whoever set another one before has made the same choice; theirs stays.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder()
        .user_agent(concat!("kinora/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
}

/// An error with its causes, without the URL, whose query may be a signature.
pub fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

/// Hosts of the proxies that the environment names, which stand in private networks often.
pub fn proxies(environment: &dyn Environment) -> Vec<String> {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
        .iter()
        .filter_map(|name| environment.get(name))
        .filter_map(|text| {
            let whole = if text.contains("://") { text } else { format!("http://{text}") };
            Url::parse(&whole).ok()?.host_str().map(str::to_owned)
        })
        .collect()
}
