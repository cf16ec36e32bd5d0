//! A job's address: `subject/shot/variant/take`, its stable name.
//!
//! Made of what the manifest says, never of a position in a file, so that it stays the same
//! when rows move. What never lives here: how jobs are expanded.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What stands for a missing subject or a shot without variants.
pub const NONE: &str = "-";

/// A job's address, for instance `products.mug-terra/turn/aspect=9:16/1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Box<str>);

impl Address {
    /// Joins the four parts. Each part is escaped, so that a `/` in an id can't imitate
    /// another address.
    pub fn new(
        subject: Option<(&str, &str)>,
        shot: &str,
        variant: Option<&str>,
        take: u32,
    ) -> Self {
        let mut text = String::with_capacity(64);
        match subject {
            Some((set, id)) => text.push_str(&Self::subject_of(set, id)),
            None => text.push_str(NONE),
        }
        text.push('/');
        escape_into(shot, &mut text);
        text.push('/');
        // A variant is already made of escaped parts joined by `,` and `=`.
        text.push_str(variant.unwrap_or(NONE));
        text.push('/');
        text.push_str(&take.to_string());
        Address(text.into_boxed_str())
    }

    /// From the text that the ledger stored.
    pub fn from_stored(text: &str) -> Self {
        Address(Box::from(text))
    }

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part, as [`Address::subject_of`] writes it; absent where there is no subject.
    pub fn subject(&self) -> Option<&str> {
        self.0.split('/').next().filter(|subject| *subject != NONE)
    }

    /// A subject's part of its jobs' addresses.
    pub fn subject_of(set: &str, id: &str) -> String {
        let mut text = String::with_capacity(set.len() + id.len() + 1);
        escape_into(set, &mut text);
        text.push('.');
        escape_into(id, &mut text);
        text
    }

    /// The variant, `axis=value,…` with each part escaped; absent where the shot has none.
    pub fn variant(&self) -> Option<&str> {
        // The last two parts hold no `/` of their own.
        self.0.rsplit('/').nth(1).filter(|variant| *variant != NONE)
    }

    /// Which take, from 1.
    pub fn take(&self) -> u32 {
        self.0.rsplit('/').next().and_then(|take| take.parse().ok()).unwrap_or(1)
    }

    /// The key by which jobs are looked up.
    pub fn key(&self) -> JobKey {
        JobKey::of(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Escapes what would be ambiguous inside an address: separators, spaces and controls.
pub fn escape_into(part: &str, out: &mut String) {
    for c in part.chars() {
        match c {
            '/' | ',' | '=' | '%' => push_escaped(c, out),
            c if c.is_whitespace() || c.is_control() => push_escaped(c, out),
            c => out.push(c),
        }
    }
}

/// What [`escape_into`] made of a part, as it was.
pub fn unescaped(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn push_escaped(c: char, out: &mut String) {
    let mut bytes = [0u8; 4];
    for byte in c.encode_utf8(&mut bytes).bytes() {
        out.push_str(&format!("%{byte:02X}"));
    }
}

/// The first 16 bytes of the address' digest: what a map of a million jobs is keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(pub [u8; 16]);

impl JobKey {
    /// The key of an address text.
    pub fn of(address: &str) -> Self {
        let digest = Digest::of(address.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest.as_bytes()[..16]);
        JobKey(key)
    }

    /// Six hex digits for file names (`{{ job.short }}`).
    pub fn short(&self) -> String {
        format!("{:02x}{:02x}{:02x}", self.0[0], self.0[1], self.0[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_parts() {
        let a = Address::new(Some(("products", "mug")), "turn", Some("aspect=9:16"), 2);
        assert_eq!(a.as_str(), "products.mug/turn/aspect=9:16/2");
        assert_eq!(Address::new(None, "mood", None, 1).as_str(), "-/mood/-/1");
    }

    #[test]
    fn a_slash_in_an_id_is_no_separator() {
        let a = Address::new(Some(("p", "a/b c")), "turn", None, 1);
        assert_eq!(a.as_str(), "p.a%2Fb%20c/turn/-/1");
    }

    #[test]
    fn variant_and_take_are_read_back() {
        let of = |variant, take| Address::new(Some(("p", "a/b")), "s/t", variant, take);
        assert_eq!((of(None, 1).variant(), of(None, 1).take()), (None, 1));
        let address = of(Some("aspect=9:16,locale=de"), 12);
        assert_eq!((address.variant(), address.take()), (Some("aspect=9:16,locale=de"), 12));
    }

    proptest::proptest! {
        #[test]
        fn what_was_escaped_is_itself_again(text in "\\PC{0,30}|[ -~\t\n]{0,30}") {
            let mut escaped = String::new();
            escape_into(&text, &mut escaped);
            proptest::prop_assert!(!escaped.contains(['/', ',', '=', ' ', '\n']));
            proptest::prop_assert_eq!(unescaped(&escaped), text);
        }
    }
}
