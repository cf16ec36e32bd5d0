//! Keys: found in the environment, kept from every text, written into one header.
//!
//! A key has no `Display`, its `Debug` says nothing, and nothing serialises it. What never lives
//! here: which hosts may receive it.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use ring::hmac;
use serde_json::json;

use super::card::{Auth, Jwt};
use crate::environment::Environment;

/// A provider's key.
#[derive(Clone)]
pub struct Key {
    material: Material,
}

#[derive(Clone)]
enum Material {
    /// Goes into the header as it is.
    Plain(String),
    /// Signs a token for each request.
    Signing { issuer: String, secret: String, jwt: Jwt },
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Auth {
    /// The key that is set in the environment; the first source of which every variable is set
    /// wins.
    pub fn find(&self, environment: &dyn Environment) -> Option<Key> {
        self.keys.iter().find_map(|source| {
            let parts: Option<Vec<String>> =
                source.env.iter().map(|name| set(environment, name)).collect();
            let parts = parts.filter(|parts| !parts.is_empty())?;
            let material = match (&source.jwt, &parts[..]) {
                (Some(jwt), [issuer, secret]) => Material::Signing {
                    issuer: issuer.clone(),
                    secret: secret.clone(),
                    jwt: jwt.clone(),
                },
                _ => Material::Plain(parts.join(source.join.as_deref().unwrap_or(""))),
            };
            Some(Key { material })
        })
    }

    /// The names of variables that would give a key, for people: `A`, or `B` and `C`.
    pub fn wanted(&self) -> String {
        let sources: Vec<String> =
            self.keys.iter().map(|source| source.env.join(" and ")).collect();
        sources.join(", or ")
    }

    /// The text of the header that carries the key, at a moment.
    pub fn header_text(&self, key: &Key, now: Timestamp) -> String {
        let text = match &key.material {
            Material::Plain(text) => text.clone(),
            Material::Signing { issuer, secret, jwt } => signed(issuer, secret, jwt, now),
        };
        self.value.replace("{key}", &text)
    }
}

/// A variable's value without white space around it, which a key never has; absent when empty.
fn set(environment: &dyn Environment, name: &str) -> Option<String> {
    environment.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
}

impl Key {
    /// Every secret text that it is made of, for whoever must keep them out of something.
    pub fn secrets(&self) -> Vec<&str> {
        match &self.material {
            Material::Plain(text) => vec![text],
            Material::Signing { issuer, secret, .. } => vec![issuer, secret],
        }
    }
}

/// A JSON Web Token (RFC 7519), signed with HS256.
fn signed(issuer: &str, secret: &str, jwt: &Jwt, now: Timestamp) -> String {
    let seconds = now.as_second();
    let header = json!({ "alg": "HS256", "typ": "JWT" }).to_string();
    let claims = json!({
        "iss": issuer,
        "exp": seconds + i64::from(jwt.lifetime_s),
        "nbf": seconds - i64::from(jwt.not_before_s),
    });
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let text = format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", encode(signature.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::protocol::KeySource;

    fn source(env: &[&str]) -> KeySource {
        let env = env.iter().map(|name| (*name).to_owned()).collect();
        KeySource { env, join: Some(":".to_owned()), jwt: None }
    }

    fn auth(keys: Vec<KeySource>) -> Auth {
        let (header, value) = ("Authorization".to_owned(), "Key {key}".to_owned());
        Auth { header, value, keys, optional: false }
    }

    fn setting(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_first_source_that_is_whole_wins() {
        let auth = auth(vec![source(&["A_KEY"]), source(&["A_ID", "A_SECRET"])]);
        let text = |pairs| {
            let key = auth.find(&setting(pairs))?;
            Some(auth.header_text(&key, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(text(&[("A_KEY", "k"), ("A_ID", "i")]).as_deref(), Some("Key k"));
        assert_eq!(text(&[("A_ID", "i"), ("A_SECRET", "s")]).as_deref(), Some("Key i:s"));
        assert_eq!(text(&[("A_ID", "i")]), None);
        assert_eq!(text(&[("A_KEY", "")]), None);
        assert_eq!(auth.wanted(), "A_KEY, or A_ID and A_SECRET");
    }

    #[test]
    fn a_token_is_signed_as_rfc_7515_says() {
        // Header and claims of our own; the signature checked with another implementation.
        let jwt = Jwt { lifetime_s: 1800, not_before_s: 5 };
        let now = Timestamp::from_second(1_700_000_000).expect("in range");
        let token = signed("ak", "sk", &jwt, now);
        let parts: Vec<&str> = token.split('.').collect();
        let claims = BASE64URL_NOPAD.decode(parts[1].as_bytes()).expect("base64");
        assert_eq!(claims, br#"{"iss":"ak","exp":1700001800,"nbf":1699999995}"#);
        assert_eq!(parts[0], "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
        assert_eq!(parts[2], "mgn0T3D3XT4hbNxAtEsJsDH8-Kpgvs6l8t89iZ9EkEg");
    }

    #[test]
    fn a_key_shows_nothing() {
        let auth = auth(vec![source(&["A_KEY"])]);
        let key = auth.find(&setting(&[("A_KEY", "canary-4711")])).expect("it is set");
        assert!(!format!("{key:?}").contains("canary"));
    }
}
