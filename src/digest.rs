//! Digests: BLAKE3 names for bytes, and the canonical way to hash several fields.
//!
//! What never lives here: what is hashed and why; each room decides that for itself.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 digest, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of all that `reader` yields, in constant memory, and how many bytes it was.
    pub fn of_reader(reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = blake3::Hasher::new();
        // In pieces large enough to be hashed side by side; those of `io::copy` are not.
        hasher.update_reader(reader)?;
        Ok((Digest(*hasher.finalize().as_bytes()), hasher.count()))
    }

    /// From the 32 bytes that [`Digest::as_bytes`] gave.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hex digits, for people and file names.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// From 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|h| Digest(*h.as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Digest::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("not a digest of 64 hex digits"))
    }
}

/// Hashes a list of fields so that no two different lists give the same bytes: each field is
/// preceded by its length, and an absent one differs from an empty one.
#[derive(Default)]
pub struct FieldHasher {
    /// Fields not hashed yet: one call over all of them is several times as fast as one each.
    buffer: Vec<u8>,
    hasher: Option<Box<blake3::Hasher>>,
}

/// How much is gathered before it is hashed.
const BUFFERED: usize = 64 * 1024;

impl FieldHasher {
    /// A hasher for one kind of thing; `domain` keeps the digests of different kinds apart.
    pub fn new(domain: &str) -> Self {
        let mut hasher = FieldHasher::default();
        hasher.field(domain.as_bytes());
        hasher
    }

    /// One field.
    pub fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFERED {
            self.hasher.get_or_insert_default().update(&self.buffer);
            self.buffer.clear();
        }
        self
    }

    /// A field that may be absent.
    pub fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.field(bytes),
            None => {
                self.buffer.extend_from_slice(&u64::MAX.to_le_bytes());
                self
            }
        }
    }

    /// The digest of all fields so far.
    pub fn finish(&self) -> Digest {
        match &self.hasher {
            None => Digest::of(&self.buffer),
            Some(hasher) => {
                let mut hasher = hasher.clone();
                hasher.update(&self.buffer);
                Digest(*hasher.finalize().as_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_fields_hash_the_same_in_one_go_and_in_pieces() {
        let field = vec![7u8; 1000];
        let mut pieces = FieldHasher::new("t");
        let mut whole = blake3::Hasher::new();
        whole.update(&1u64.to_le_bytes()).update(b"t");
        for _ in 0..200 {
            pieces.field(&field);
            whole.update(&1000u64.to_le_bytes()).update(&field);
        }
        assert_eq!(pieces.finish().as_bytes(), whole.finalize().as_bytes());
    }

    #[test]
    fn fields_do_not_run_together() {
        let a = FieldHasher::new("t").field(b"ab").field(b"c").finish();
        let b = FieldHasher::new("t").field(b"a").field(b"bc").finish();
        let none = FieldHasher::new("t").optional(None).finish();
        let empty = FieldHasher::new("t").optional(Some(b"")).finish();
        assert_ne!(a, b);
        assert_ne!(none, empty);
    }
}
