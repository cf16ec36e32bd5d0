//! What must not be seen: keys in every form in which a reply may say them back, tokens, and the
//! queries of URLs, which hold the signatures of presigned ones.
//!
//! Everything that a provider says to people, to the ledger or to a log goes through a [`Mask`].

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use serde_json::Value as Json;

use crate::protocol::Key;

/// What stands in place of a secret.
const HIDDEN: &str = "•••";

/// Shorter texts are no keys, and hiding them would make words unreadable.
const SHORTEST: usize = 6;

/// Hides secrets in text.
#[derive(Clone, Default)]
pub struct Mask {
    /// Longest first, so that a part never hides before its whole.
    secrets: Vec<String>,
}

impl Mask {
    /// A mask of a key's secrets.
    pub fn of(key: Option<&Key>) -> Self {
        let mut secrets: Vec<String> = Vec::new();
        for secret in key.iter().flat_map(|key| key.secrets()) {
            let parts = secret.split(':').filter(|part| part.len() > SHORTEST);
            for text in std::iter::once(secret).chain(parts) {
                secrets.push(text.to_owned());
                secrets.push(BASE64.encode(text.as_bytes()));
                secrets.push(BASE64_NOPAD.encode(text.as_bytes()));
                secrets.push(BASE64URL_NOPAD.encode(text.as_bytes()));
                secrets.push(url::form_urlencoded::byte_serialize(text.as_bytes()).collect());
                let json = Json::from(text).to_string();
                secrets.push(json[1..json.len() - 1].to_owned());
            }
        }
        secrets.retain(|secret| secret.len() >= SHORTEST);
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Mask { secrets }
    }

    /// The text without secrets, tokens and queries of URLs.
    pub fn clean(&self, text: &str) -> String {
        without_queries(&without_tokens(&self.without_keys(text)))
    }

    /// The beginning of a text, clean and on one line. It is cut after it is cleaned, so that no
    /// half of a secret is left.
    pub fn excerpt(&self, text: &str, most: usize) -> String {
        let clean = self.clean(text);
        let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut chars = line.chars().filter(|c| !c.is_control());
        let mut short: String = chars.by_ref().take(most).collect();
        if chars.next().is_some() {
            short.push('…');
        }
        short
    }

    /// JSON with no key in its texts. Queries of URLs stay: they are needed to follow them.
    pub fn json(&self, value: Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.without_keys(&text)),
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(entries) => {
                entries.into_iter().map(|(name, value)| (name, self.json(value))).collect()
            }
            other => other,
        }
    }

    fn without_keys(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), HIDDEN);
            }
        }
        clean
    }
}

/// JSON Web Tokens: their first part is JSON that begins with `{"`, in base64.
fn without_tokens(text: &str) -> String {
    let part_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("eyJ") {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !part_of_token(c)).unwrap_or(from.len());
        let (token, after) = from.split_at(end);
        clean.push_str(before);
        clean.push_str(if token.contains('.') { HIDDEN } else { token });
        rest = after;
    }
    clean + rest
}

/// URLs end at their `?`.
fn without_queries(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'<>\\`)]}|".contains(c);
        let end = rest[start..].find(ends).map_or(rest.len(), |end| start + end);
        let (url, after) = rest.split_at(end);
        clean.push_str(url.split_once(['?', '#']).map_or(url, |(before, _)| before));
        rest = after;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::protocol::{Auth, KeySource};

    fn mask(secret: &str) -> Mask {
        let source = KeySource { env: vec!["A_KEY".to_owned()], join: None, jwt: None };
        let (header, value) = ("Authorization".to_owned(), "Key {key}".to_owned());
        let auth = Auth { header, value, keys: vec![source], optional: false };
        let environment = BTreeMap::from([("A_KEY".to_owned(), secret.to_owned())]);
        Mask::of(auth.find(&environment).as_ref())
    }

    #[test]
    fn a_key_is_hidden_in_every_form() {
        let secret = "id-4711-x:canary+/secret";
        let mask = mask(secret);
        let forms = [
            secret.to_owned(),
            "canary+/secret".to_owned(),
            BASE64.encode(secret.as_bytes()),
            BASE64URL_NOPAD.encode(secret.as_bytes()),
            "id-4711-x%3Acanary%2B%2Fsecret".to_owned(),
        ];
        for form in forms {
            let clean = mask.clean(&format!("bad key {form}, sorry"));
            assert_eq!(clean, "bad key •••, sorry", "{form}");
        }
    }

    #[test]
    fn queries_and_tokens_are_hidden() {
        let mask = Mask::default();
        assert_eq!(
            mask.clean(r#"{"url":"https://a.example/b?sig=1&x=2","n":"http://c/d#e"} why? so"#),
            r#"{"url":"https://a.example/b","n":"http://c/d"} why? so"#
        );
        assert_eq!(mask.clean("token eyJhbGciOi.eyJpc3M.abc-_ is old"), "token ••• is old");
        assert_eq!(mask.clean("eyJwithout"), "eyJwithout");
    }

    #[test]
    fn a_text_is_cut_only_after_it_is_cleaned() {
        let mask = mask("canary-canary-canary");
        assert_eq!(mask.excerpt("ab canary-canary-canary\n cd", 8), "ab ••• c…");
        assert_eq!(mask.excerpt("short", 8), "short");
    }
}
