//! Ed25519 keys and signatures.
//!
//! What lives here: public keys as manifests write them, secret keys in their files, signing and
//! verifying bytes. What never does: what is signed and why. A secret is never shown, not even by
//! `{:?}`.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use data_encoding::BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// What a public key begins with, in text.
const PREFIX: &str = "ed25519:";
/// The lines around a key's bytes (RFC 7468).
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// What stands before the 32 secret bytes in a PKCS#8 file of an Ed25519 key (RFC 8410, section 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// No key file is longer, whatever comments it has.
const MOST_BYTES: u64 = 16 << 10;

/// A public key: who signed, as far as it can be checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From its text, `ed25519:` and 32 bytes in base64. The error is for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is no public key; one reads `{PREFIX}` and 44 letters");
        let base64 = text.strip_prefix(PREFIX).ok_or_else(form)?;
        let bytes = BASE64.decode(base64.as_bytes()).map_err(|_| form())?;
        bytes.try_into().map(PublicKey).map_err(|_| form())
    }

    /// Whether `signature` is this key's over `message`.
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret key.
pub struct SecretKey(Ed25519KeyPair);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {}", self.public())
    }
}

impl SecretKey {
    /// Makes a key and writes it to `path`, for its owner alone. A file that is there is never
    /// overwritten. The error is for people.
    pub fn create(path: &Path) -> Result<SecretKey, String> {
        let mut secret = [0; 32];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| "the system gives no random bytes, so no key was made".to_owned())?;
        let key = Ed25519KeyPair::from_seed_unchecked(&secret)
            .map(SecretKey)
            .map_err(|_| "a defect in Kinora: 32 bytes are no key".to_owned())?;
        let der = [&PKCS8[..], &secret[..]].concat();
        let text = format!(
            "A key that signs Kinora approvals. Whoever has this file can approve in its owner's\n\
             name: keep it out of the repository. Its public part:\n{}\n{BEGIN}\n{}\n{END}\n",
            key.public(),
            BASE64.encode(&der)
        );
        write_secret(path, text.as_bytes())?;
        Ok(key)
    }

    /// Reads a key from its file: PKCS#8 in PEM, as [`SecretKey::create`] and other programs write
    /// it. Refused when others than its owner may read it. The error is for people, and has nothing
    /// of the file in it.
    pub fn read(path: &Path) -> Result<SecretKey, String> {
        let fail = |what: &str| format!("{}: {what}", path.display());
        let file = std::fs::File::open(path).map_err(|e| fail(&format!("can't be read: {e}")))?;
        let about = file.metadata().map_err(|e| fail(&format!("can't be read: {e}")))?;
        if !about.is_file() {
            return Err(fail("is no file"));
        }
        if is_open_to_others(&about) {
            return Err(fail(
                "others than its owner may read this key; `chmod 600` it, and think of who may \
                 have read it",
            ));
        }
        let mut text = String::new();
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(|_| fail("is no key: no text"))?;
        let body = text
            .split_once(BEGIN)
            .and_then(|(_, rest)| rest.split_once(END))
            .map(|(body, _)| body.split_whitespace().collect::<String>())
            .ok_or_else(|| fail("is no key: it has no `BEGIN PRIVATE KEY` (PKCS#8 in PEM)"))?;
        let der = BASE64
            .decode(body.as_bytes())
            .map_err(|_| fail("is no key: what stands in it is no base64"))?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map(SecretKey)
            .map_err(|_| fail("is no Ed25519 key; `kinora approvals new-key FILE` makes one"))
    }

    /// Its public part.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}

fn write_secret(path: &Path, text: &[u8]) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{}: is there already, and no key is overwritten", path.display())
        }
        _ => format!("{}: can't be written: {e}", path.display()),
    })
}

#[cfg(unix)]
fn is_open_to_others(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn a_key_signs_and_only_its_public_part_verifies() {
        let dir = folder();
        let ana = SecretKey::create(&dir.path().join("ana.key")).expect("a key");
        let bo = SecretKey::create(&dir.path().join("bo.key")).expect("a key");
        let signature = ana.sign(b"text");
        assert!(ana.public().has_signed(b"text", &signature));
        assert!(!bo.public().has_signed(b"text", &signature));
        assert!(!ana.public().has_signed(b"Text", &signature));
        let mut cut = signature;
        cut[63] ^= 1;
        assert!(!ana.public().has_signed(b"text", &cut));
        let again = SecretKey::read(&dir.path().join("ana.key")).expect("as written");
        assert_eq!(again.public(), ana.public());
        assert_eq!(PublicKey::parse(&ana.public().to_string()), Ok(ana.public()));
    }

    #[test]
    fn a_key_is_its_owners_alone_is_never_overwritten_and_never_shown() {
        use std::os::unix::fs::PermissionsExt;
        let dir = folder();
        let path = dir.path().join("ana.key");
        let key = SecretKey::create(&path).expect("a key");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(SecretKey::create(&path).expect_err("there").contains("no key is overwritten"));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), text);
        let secret = text.lines().rev().nth(1).expect("the bytes");
        assert!(!format!("{key:?}").contains(secret));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("mine");
        let refused = SecretKey::read(&path).expect_err("others may read it");
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    /// The example of RFC 8410, section 10.3, in the form that `openssl genpkey` writes.
    #[test]
    fn keys_of_other_programs_are_read() {
        let dir = folder();
        let path = dir.path().join("rfc.key");
        let text = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        write_secret(&path, text.as_bytes()).expect("written");
        let key = SecretKey::read(&path).expect("a key");
        assert_eq!(
            key.public().to_string(),
            "ed25519:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let dir = folder();
        for (n, text) in
            ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----"]
                .into_iter()
                .enumerate()
        {
            let path = dir.path().join(n.to_string());
            write_secret(&path, text.as_bytes()).expect("written");
            let refused = SecretKey::read(&path).expect_err("no key");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        for text in ["", "ana", "ed25519:", "ed25519:AAAA", "ed25519: ", "rsa:AAAA"] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }
}
