//! The file in which an approval travels: JSON, for people to read and to commit.
//!
//! What lives here: its form, and what makes a file no approval whatever the workspace says. What
//! never does: whether it holds there.

use std::io::Read;
use std::path::Path;

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::terms::{amount, person, remark};
use super::text::text;
use crate::digest::Digest;
use crate::ledger::{NewApproval, Origin, Shown, Signature};
use crate::money::Unit;
use crate::signing::PublicKey;

/// Version of the file's form. Another major version is refused; fields that a later minor version
/// adds are ignored, and are not part of what is approved.
pub const APPROVAL_FORMAT: &str = "1.0";
/// The major version of it.
const MAJOR: &str = "1";
/// No approval file is longer.
const MOST_BYTES: u64 = 64 << 10;
/// How far the clocks of two machines may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);

/// An approval as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Kinora approval")]
pub struct ApprovalFile {
    /// Version of this form, `MAJOR.MINOR`.
    pub format_version: String,
    /// Which ledger it is for: the lineage that `kinora ledger export` names.
    pub lineage: String,
    /// The approved plan's digest, 64 hex digits.
    pub plan: String,
    /// The most that may be held under this plan, a decimal.
    pub ceiling: String,
    /// Unit of all amounts here.
    pub unit: String,
    /// Who approves.
    pub by: String,
    /// When.
    pub at: String,
    /// From when on it holds no more; absent: it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Why, in the approver's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How it came about.
    pub origin: Origin,
    /// What the approver was shown of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// Digest of the approval's text, 64 hex digits.
    pub digest: String,
    /// Public key of the signature; absent where it is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Ed25519 signature over the approval's text, in base64; absent with the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Why a file is no approval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// It can't be read.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// It is no approval of Kinora, or part of it is missing.
    #[error("is no approval file: {0}")]
    NoApproval(String),
    /// It is of another major version.
    #[error(
        "is an approval of format {0}, and this Kinora reads {MAJOR}.x; use a Kinora that does"
    )]
    Version(String),
    /// One of its values can't be.
    #[error("`{field}` is wrong: {why}")]
    Field {
        /// Which.
        field: &'static str,
        /// Why.
        why: String,
    },
    /// Its digest is not of what it says.
    #[error("was changed after it was given: its digest is not of what it says")]
    Altered,
    /// Its signature is not of what it says.
    #[error(
        "was changed after it was signed, or is signed by another key: its signature is not of what it says"
    )]
    BadSignature,
}

impl ApprovalFile {
    /// An approval of the ledger with this lineage, as a file. Absent for one without a digest, as
    /// approvals of earlier formats are.
    pub fn of(a: &NewApproval, lineage: &str) -> Option<ApprovalFile> {
        let signature = a.signature.as_ref();
        Some(ApprovalFile {
            format_version: APPROVAL_FORMAT.to_owned(),
            lineage: lineage.to_owned(),
            plan: a.plan.to_string(),
            ceiling: a.ceiling.to_decimal().to_string(),
            unit: a.unit.to_string(),
            by: a.by.clone(),
            at: a.at.to_string(),
            expires: a.expires.map(|at| at.to_string()),
            note: a.note.clone(),
            origin: a.origin,
            shown: a.shown.clone(),
            digest: a.digest?.to_string(),
            key: signature.map(|signature| signature.key.clone()),
            signature: signature.map(|signature| BASE64.encode(&signature.bytes)),
        })
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<ApprovalFile, FileProblem> {
        let unreadable = |e: std::io::Error| FileProblem::Unreadable(e.to_string());
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(FileProblem::NoApproval(format!("it is longer than {MOST_BYTES} bytes")));
        }
        ApprovalFile::parse(&text)
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<ApprovalFile, FileProblem> {
        let no_approval = |e: serde_json::Error| FileProblem::NoApproval(e.to_string());
        let value: Value = serde_json::from_str(text).map_err(no_approval)?;
        let version = value.get("format_version").and_then(Value::as_str).unwrap_or_default();
        let (major, minor) = version.split_once('.').unwrap_or((version, ""));
        if major.is_empty() || minor.parse::<u32>().is_err() {
            return Err(FileProblem::NoApproval("it has no `format_version`".to_owned()));
        }
        if major != MAJOR {
            return Err(FileProblem::Version(version.to_owned()));
        }
        // From the text again: a field that stands there twice is refused.
        serde_json::from_str(text).map_err(no_approval)
    }

    /// As text, with a line break at its end.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts are JSON") + "\n"
    }

    /// What it says, once nothing in it contradicts itself.
    pub fn approval(&self, now: Timestamp) -> Result<NewApproval, FileProblem> {
        let wrong = |field: &'static str| move |why: String| FileProblem::Field { field, why };
        let time = |field: &'static str, text: &str| {
            let parsed = text.parse::<Timestamp>();
            let parsed = parsed.ok().filter(|at| at.subsec_nanosecond() % 1000 == 0);
            parsed.ok_or_else(|| wrong(field)(format!("`{text}` is no time")))
        };
        let plan = Digest::parse(&self.plan);
        let plan = plan.ok_or_else(|| wrong("plan")(format!("`{}` is no digest", self.plan)))?;
        let digest = Digest::parse(&self.digest);
        let digest =
            digest.ok_or_else(|| wrong("digest")(format!("`{}` is no digest", self.digest)))?;
        let ceiling = amount(&self.ceiling).map_err(wrong("ceiling"))?;
        let by = person(&self.by).map_err(wrong("by"))?;
        let note = self.note.as_deref().map(remark).transpose().map_err(wrong("note"))?.flatten();
        if let Some(shown) = &self.shown {
            for (field, text) in
                [("low", &shown.low), ("estimate", &shown.estimate), ("high", &shown.high)]
            {
                amount(text).map_err(wrong(field))?;
            }
            remark(&shown.name).map_err(wrong("name"))?;
        }
        let at = time("at", &self.at)?;
        if at.duration_since(now) > CLOCKS {
            let why = format!("it is given at {at}, but the clock says {now:.0}");
            return Err(wrong("at")(why));
        }
        let expires = self.expires.as_deref().map(|text| time("expires", text)).transpose()?;
        let new = NewApproval::new(plan, &by, ceiling, Unit::new(&self.unit), at);
        let approval = NewApproval {
            expires,
            note,
            origin: self.origin,
            shown: self.shown.clone(),
            digest: Some(digest),
            signature: self.signed()?,
            ..new
        };
        let text = text(&approval, &self.lineage);
        // The signature first: who signed wants to hear of it.
        if let Some(signature) = &approval.signature {
            let key = PublicKey::parse(&signature.key).map_err(wrong("key"))?;
            if !key.has_signed(text.as_bytes(), &signature.bytes) {
                return Err(FileProblem::BadSignature);
            }
        }
        if digest != Digest::of(text.as_bytes()) {
            return Err(FileProblem::Altered);
        }
        // Nobody signs for a policy or a question, so anybody could write such a file.
        if approval.origin != Origin::Person {
            let what = "only what a person gave with `kinora approve` can be taken in".to_owned();
            return Err(wrong("origin")(what));
        }
        Ok(approval)
    }

    fn signed(&self) -> Result<Option<Signature>, FileProblem> {
        let wrong = |why: &str| FileProblem::Field { field: "signature", why: why.to_owned() };
        match (&self.key, &self.signature) {
            (None, None) => Ok(None),
            (Some(key), Some(text)) => {
                let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|b| b.try_into().ok());
                let bytes = bytes.ok_or_else(|| wrong("it is no 64 bytes in base64"))?;
                Ok(Some(Signature { key: key.clone(), bytes }))
            }
            (Some(_), None) => Err(wrong("it is missing, but there is a key")),
            (None, Some(_)) => Err(wrong("there is no `key` that it could be checked with")),
        }
    }
}

/// The JSON Schema of approval files.
pub fn schema() -> Value {
    schemars::schema_for!(ApprovalFile).to_value()
}

#[cfg(test)]
mod tests;
