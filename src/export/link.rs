//! Links that Google may be given.
//!
//! Source: Google Merchant Center Help, "Video link [video_link]" (support.google.com/merchants/answer/15216925),
//! read 2026-11-23: http or https, at most 2,000 characters and 10 a product, commas written as `%2C`,
//! open to Googlebot, and one that does not expire. Only https is given here.

use std::collections::BTreeSet;

use url::{Host, Url};

use crate::manifest::is_this_machine;
use crate::protocol::{ProviderCard, Rack};

/// Most characters of a link.
const MOST_CHARACTERS: usize = 2_000;

/// Hosts from which providers are known to serve clips, beside those on their cards: fal, Replicate,
/// Runway, Luma, Kling.
const CLIP_HOSTS: [&str; 5] = [
    "fal.media",
    "replicate.delivery",
    "dnznrvs05pmza.cloudfront.net",
    "cdn-luma.com",
    "kechuangai.com",
];

/// Clouds that providers and shops share: of these a provider's own host says nothing about others.
const SHARED: [&str; 7] = [
    "aliyuncs.com",
    "amazonaws.com",
    "bytepluses.com",
    "cloudfront.net",
    "googleapis.com",
    "volces.com",
    "windows.net",
];

/// Parameters of URLs that are signed for a time.
const EXPIRING: [&str; 15] = [
    "x-amz-signature",
    "x-amz-expires",
    "x-goog-signature",
    "x-goog-expires",
    "x-tos-signature",
    "x-oss-signature",
    "x-amz-security-token",
    "security-token",
    "ossaccesskeyid",
    "awsaccesskeyid",
    "expires",
    "signature",
    "sig",
    "token",
    "_jwt",
];

/// Where providers are reached, so that no link of theirs is given away.
#[derive(Debug, Clone, Default)]
pub(super) struct ProviderHosts(BTreeSet<String>);

impl ProviderHosts {
    /// By the cards.
    pub fn of(rack: &Rack) -> Self {
        let mut hosts: BTreeSet<String> =
            CLIP_HOSTS.iter().map(|host| (*host).to_owned()).collect();
        for card in rack.iter() {
            let hosts_of = hosts_of(card).into_iter();
            // Who writes a card of their own may keep their clips beside that machine.
            match rack.is_own(&card.provider) {
                true => hosts.extend(hosts_of),
                false => hosts.extend(hosts_of.map(|host| owner(&host))),
            }
        }
        ProviderHosts(hosts)
    }

    fn serve(&self, host: &str) -> bool {
        // A dot at the end names the same host.
        let host = host.trim_end_matches('.');
        let ends = |own: &String| {
            host.strip_suffix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.0.iter().any(ends)
    }
}

/// Every host that a card names in its base URL, its variables and the hosts that get its key.
fn hosts_of(card: &ProviderCard) -> Vec<String> {
    let base = serde_json::to_value(&card.base_url).unwrap_or_default();
    let variables = serde_json::to_value(&card.variables).unwrap_or_default();
    let texts = [base.to_string(), variables.to_string(), card.key_hosts.join(" ")];
    texts.iter().flat_map(|text| host_names(text)).collect()
}

/// The words of a text that are names of hosts: parts joined by dots, the last of letters alone.
fn host_names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.');
    let is_host = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        let last = parts.last().copied().unwrap_or_default();
        parts.len() >= 2
            && parts.iter().all(|part| !part.is_empty())
            && last.len() >= 2
            && last.bytes().all(|b| b.is_ascii_lowercase())
            && !word.starts_with("variables.")
    };
    words.map(|word| word.trim_matches('.')).filter(is_host).map(str::to_owned).collect()
}

/// The part of a host's name that its owner has: the last two words, but of shared clouds all.
fn owner(host: &str) -> String {
    if SHARED.iter().any(|cloud| host.ends_with(cloud)) {
        return host.to_owned();
    }
    let parts: Vec<&str> = host.rsplitn(3, '.').collect();
    parts.iter().take(2).rev().copied().collect::<Vec<_>>().join(".")
}

/// A link as Google takes it.
///
/// # Errors
/// What is wrong with it, after the link itself.
pub(super) fn checked(text: &str, providers: &ProviderHosts) -> Result<String, String> {
    let wrong = |what: &str| Err(what.to_owned());
    let Ok(url) = Url::parse(text.trim()) else { return wrong("is no URL") };
    if url.scheme() != "https" {
        return wrong("does not begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("holds a user or a password");
    }
    let public = match url.host() {
        Some(Host::Domain(name)) => name.contains('.') && !is_this_machine(&url),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => false,
    };
    if !public {
        return wrong("names no host that Googlebot can reach");
    }
    let host = url.host_str().unwrap_or_default();
    if providers.serve(host) {
        return Err(format!(
            "is on {host}, a provider's host, where clips expire; host them yourself"
        ));
    }
    let expires =
        url.query_pairs().find(|(name, _)| EXPIRING.contains(&name.to_ascii_lowercase().as_str()));
    if let Some((name, _)) = expires {
        return Err(format!("is signed for a time (`{name}`) and would expire"));
    }
    let link = String::from(url).replace(',', "%2C");
    if link.chars().count() > MOST_CHARACTERS {
        return wrong("is longer than 2,000 characters");
    }
    Ok(link)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::diagnostic::Sources;
    use crate::limits::Limits;

    fn providers() -> ProviderHosts {
        let nowhere = Path::new("/nowhere/at/all");
        let (rack, _) = Rack::load(nowhere, &Limits::default(), &mut Sources::default());
        ProviderHosts::of(&rack)
    }

    #[test]
    fn a_shops_own_link_is_taken_with_its_commas_written_out() {
        let checked = |text| checked(text, &providers());
        assert_eq!(
            checked("https://cdn.shop.example/clips/a,b c.mp4?v=1,2").as_deref(),
            Ok("https://cdn.shop.example/clips/a%2Cb%20c.mp4?v=1%2C2")
        );
        // A bucket of one's own in a cloud in which a provider lives too.
        for own in [
            "https://shop.oss-cn-beijing.aliyuncs.com/a.mp4",
            "https://storage.googleapis.com/shop/a.mp4",
            "https://d111111abcdef8.cloudfront.net/a.mp4",
        ] {
            assert_eq!(checked(own).as_deref(), Ok(own));
        }
    }

    #[test]
    fn a_providers_link_and_one_that_expires_are_refused() {
        let providers = providers();
        for link in [
            "https://v3.fal.media/files/x.mp4",
            "https://queue.fal.run/x.mp4",
            "https://cdn.runwayml.com/x.mp4",
            "https://replicate.delivery/x.mp4",
            "https://v3.fal.media./x.mp4",
            "https://dnznrvs05pmza.cloudfront.net/x.mp4",
            "https://generativelanguage.googleapis.com/x.mp4",
            "https://dashscope.aliyuncs.com/x.mp4",
            "https://openrouter.ai/x.mp4",
        ] {
            let why = checked(link, &providers).expect_err(link);
            assert!(why.contains("provider"), "{link}: {why}");
        }
        for link in [
            "https://b.s3.amazonaws.com/a.mp4?X-Amz-Signature=1",
            "https://cdn.shop.example/a.mp4?Expires=1&Signature=2",
            "https://cdn.shop.example/a.mp4?_jwt=1",
            "https://cdn.shop.example/a.mp4?OSSAccessKeyId=1",
            "https://cdn.shop.example/a.mp4?token=1",
        ] {
            assert!(checked(link, &providers).expect_err(link).contains("expire"), "{link}");
        }
    }

    #[test]
    fn a_card_of_ones_own_names_its_own_host_alone() {
        let shop = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(shop.path().join("providers")).expect("made");
        for (name, host) in [("gpu", "gpu.myshop.example"), ("rack", "rack.myshop.co.uk")] {
            let card = format!(
                "kinora_provider: 1\nprovider: {name}\nlike: runway\ntitle: Ours\nsource: ours\n\
                 base_url: https://{host}\n"
            );
            std::fs::write(shop.path().join(format!("providers/{name}.yaml")), card)
                .expect("written");
        }
        let (rack, found) = Rack::load(shop.path(), &Limits::default(), &mut Sources::default());
        assert!(rack.is_own("gpu") && rack.is_own("rack"), "{:?}", found.items());
        let checked = |text| checked(text, &ProviderHosts::of(&rack));
        for own in ["https://cdn.myshop.example/a.mp4", "https://cdn.othershop.co.uk/a.mp4"] {
            assert_eq!(checked(own).as_deref(), Ok(own));
        }
        for theirs in ["https://gpu.myshop.example/a.mp4", "https://rack.myshop.co.uk./a.mp4"] {
            assert!(checked(theirs).is_err(), "{theirs}");
        }
    }

    #[test]
    fn what_googlebot_could_not_fetch_is_refused() {
        let long = format!("https://cdn.shop.example/{}.mp4", "x".repeat(2_000));
        for link in [
            "http://cdn.shop.example/a.mp4",
            "https://localhost/a.mp4",
            "https://nas/a.mp4",
            "https://10.0.0.1/a.mp4",
            "https://me:word@cdn.shop.example/a.mp4",
            "clips/a.mp4",
            "",
            &long,
        ] {
            assert!(checked(link, &providers()).is_err(), "{link}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_judged(text in "\\PC{0,60}") {
            let judged = checked(&format!("https://cdn.shop.example/{text}"), &ProviderHosts::default());
            if let Ok(link) = judged {
                proptest::prop_assert!(!link.contains([',', '\t', '\n', ' ']));
            }
        }
    }
}
