//! Approvals and what takes them back: their rows, written and read.
//!
//! What never lives here: which of them holds for a plan, signatures, files (that is the room
//! `approval`). Nothing is ever changed or removed.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::LedgerError;
use super::open::Ledger;
use super::read::{bytes, damaged, micros, optional_time, time};
use super::write::insert_event;
use crate::digest::Digest;
use crate::money::{Micros, Unit};

/// How an approval came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person gave it, with `kinora approve`.
    Person,
    /// A person said yes when a run asked.
    Asked,
    /// A run was started with `--yes`.
    Yes,
    /// The manifest's standing policy gave it.
    Policy,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 4] = [Origin::Person, Origin::Asked, Origin::Yes, Origin::Policy];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Person => "person",
            Origin::Asked => "asked",
            Origin::Yes => "yes",
            Origin::Policy => "policy",
        }
    }
}

/// What the approver was shown of the plan. Amounts are decimals as text, in the approval's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Shown {
    /// The manifest's name.
    pub name: String,
    /// Jobs that a run would have started.
    pub jobs: u64,
    /// The least that they may cost.
    pub low: String,
    /// What they were expected to cost.
    pub estimate: String,
    /// The most, with every retry that may be charged.
    pub high: String,
}

/// A signature over an approval's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The public key that it is by, as manifests write it: `ed25519:…`.
    pub key: String,
    /// The signature.
    pub bytes: [u8; 64],
}

/// An approval to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApproval {
    /// The plan's digest.
    pub plan: Digest,
    /// Who.
    pub by: String,
    /// Most that may be reserved, settled and unknown together under this plan.
    pub ceiling: Micros,
    /// Unit of the ceiling.
    pub unit: Unit,
    /// When.
    pub at: Timestamp,
    /// From when on it holds no more.
    pub expires: Option<Timestamp>,
    /// Why, in the approver's words.
    pub note: Option<String>,
    /// How it came about.
    pub origin: Origin,
    /// What the approver was shown.
    pub shown: Option<Shown>,
    /// Digest of its text, by which the same approval is known again.
    pub digest: Option<Digest>,
    /// The approver's signature over its text.
    pub signature: Option<Signature>,
}

impl NewApproval {
    /// A person's approval without an end, a note or a signature.
    pub fn new(plan: Digest, by: &str, ceiling: Micros, unit: Unit, at: Timestamp) -> Self {
        NewApproval {
            plan,
            by: by.to_owned(),
            ceiling,
            unit,
            at,
            expires: None,
            note: None,
            origin: Origin::Person,
            shown: None,
            digest: None,
            signature: None,
        }
    }

    /// As it stands in the ledger under this row id.
    pub fn recorded(self, id: i64) -> Approval {
        Approval {
            id,
            plan: self.plan,
            by: self.by,
            ceiling: self.ceiling,
            unit: self.unit,
            at: self.at,
            expires: self.expires,
            note: self.note,
            origin: self.origin,
            shown: self.shown,
            digest: self.digest,
            signature: self.signature,
            revoked: None,
        }
    }
}

/// A person or policy accepting one plan up to a ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Row id.
    pub id: i64,
    /// The plan's digest.
    pub plan: Digest,
    /// Who.
    pub by: String,
    /// Most that may be reserved, settled and unknown together under this plan.
    pub ceiling: Micros,
    /// Unit of the ceiling.
    pub unit: Unit,
    /// When.
    pub at: Timestamp,
    /// From when on it holds no more.
    pub expires: Option<Timestamp>,
    /// Why, in the approver's words.
    pub note: Option<String>,
    /// How it came about.
    pub origin: Origin,
    /// What the approver was shown; absent in approvals of earlier formats.
    pub shown: Option<Shown>,
    /// Digest of its text; absent in approvals of earlier formats.
    pub digest: Option<Digest>,
    /// The approver's signature over its text.
    pub signature: Option<Signature>,
    /// Who took it back, and when.
    pub revoked: Option<Revocation>,
}

impl Approval {
    /// What it says, as it was when it was given.
    pub fn given(&self) -> NewApproval {
        NewApproval {
            expires: self.expires,
            note: self.note.clone(),
            origin: self.origin,
            shown: self.shown.clone(),
            digest: self.digest,
            signature: self.signature.clone(),
            ..NewApproval::new(self.plan, &self.by, self.ceiling, self.unit.clone(), self.at)
        }
    }
}

/// An approval taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub note: Option<String>,
}

/// Why an approval that held holds no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalEnd {
    /// It was taken back.
    Revoked(Revocation),
    /// It was given until then.
    Expired(Timestamp),
}

impl std::fmt::Display for ApprovalEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApprovalEnd::Revoked(Revocation { by, at, note }) => {
                write!(f, "{by} revoked it at {at:.0}")?;
                note.as_ref().map_or(Ok(()), |note| write!(f, ": {note}"))
            }
            ApprovalEnd::Expired(at) => write!(f, "it expired at {at:.0}"),
        }
    }
}

pub(super) const APPROVAL: &str =
    "SELECT a.id, a.plan, a.by, a.ceiling, a.unit, a.at, a.note, a.expires,
        a.origin, a.shown, a.digest, a.key, a.signature, r.by, r.at, r.note
    FROM approvals a LEFT JOIN revocations r ON r.approval = a.id";

impl Ledger {
    /// Records an approval; returns its row id. One with the digest of an approval that is there
    /// already is that approval. Blocks; needs no lock.
    pub fn approve(&self, approval: NewApproval) -> Result<i64, LedgerError> {
        self.write_shortly(move |c| insert_approval(c, &approval, approval.at))
    }

    /// The same for one that was given elsewhere and comes in `now`.
    pub fn import_approval(
        &self,
        approval: NewApproval,
        now: Timestamp,
    ) -> Result<i64, LedgerError> {
        self.write_shortly(move |c| insert_approval(c, &approval, now))
    }

    /// Takes an approval back, for good; false when it was taken back before. From then on no
    /// attempt begins under it, also in a run that goes on. Blocks; needs no lock.
    pub fn revoke(&self, approval: i64, revocation: Revocation) -> Result<bool, LedgerError> {
        self.write_shortly(move |c| insert_revocation(c, approval, &revocation))
    }

    /// Every approval, oldest first.
    pub fn approvals(&self) -> Result<Vec<Approval>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<Approval>> {
            let c = self.reading();
            let mut query = c.prepare(&format!("{APPROVAL} ORDER BY a.id"))?;
            query.query_map([], approval_of)?.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// An approval by its row id.
    pub fn approval(&self, id: i64) -> Result<Option<Approval>, LedgerError> {
        self.one(&format!("{APPROVAL} WHERE a.id = ?"), id, approval_of)
    }

    /// An approval by the digest of its text.
    pub fn approval_by_digest(&self, digest: &Digest) -> Result<Option<Approval>, LedgerError> {
        let digest = &digest.as_bytes()[..];
        self.one(&format!("{APPROVAL} WHERE a.digest = ?"), digest, approval_of)
    }

    /// The latest approval of a plan, whether it still holds or not.
    pub fn approval_for(&self, plan: &Digest) -> Result<Option<Approval>, LedgerError> {
        let query = format!("{APPROVAL} WHERE a.plan = ? ORDER BY a.id DESC LIMIT 1");
        self.one(&query, &plan.as_bytes()[..], approval_of)
    }

    /// The latest approval of any plan, whether it still holds or not.
    pub fn latest_approval(&self) -> Result<Option<Approval>, LedgerError> {
        let query = format!("{APPROVAL} WHERE ?1 IS NULL ORDER BY a.id DESC LIMIT 1");
        self.one(&query, rusqlite::types::Null, approval_of)
    }
}

fn insert_approval(
    c: &Connection,
    a: &NewApproval,
    recorded: Timestamp,
) -> Result<i64, LedgerError> {
    if let Some(digest) = &a.digest {
        let known = c
            .query_row(
                "SELECT id FROM approvals WHERE digest = ?",
                [&digest.as_bytes()[..]],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
    }
    let shown = a.shown.as_ref().map(|s| serde_json::to_string(s).expect("texts are JSON"));
    c.execute(
        "INSERT INTO approvals (plan, by, ceiling, unit, at, note, expires, origin, shown, digest,
             key, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            a.plan.as_bytes(),
            a.by,
            a.ceiling.get(),
            a.unit.as_str(),
            a.at.as_microsecond(),
            a.note,
            a.expires.map(Timestamp::as_microsecond),
            a.origin.as_str(),
            shown,
            a.digest.as_ref().map(|digest| digest.as_bytes()),
            a.signature.as_ref().map(|signature| &signature.key),
            a.signature.as_ref().map(|signature| &signature.bytes[..])
        ],
    )?;
    let id = c.last_insert_rowid();
    let mut detail = json!({
        "approval": id, "plan": a.plan, "by": a.by,
        "ceiling": a.ceiling.to_decimal().to_string(), "unit": a.unit, "origin": a.origin,
    });
    let more = [
        ("expires", a.expires.map(|at| at.to_string())),
        ("digest", a.digest.map(|digest| digest.to_string())),
        ("key", a.signature.as_ref().map(|signature| signature.key.clone())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            detail[name] = value.into();
        }
    }
    // The times of events are those of this machine, in their order: the clock is judged by them.
    insert_event(c, recorded, None, "approved", &detail)?;
    Ok(id)
}

fn insert_revocation(c: &Connection, id: i64, r: &Revocation) -> Result<bool, LedgerError> {
    let known: i64 =
        c.query_row("SELECT count(*) FROM approvals WHERE id = ?", [id], |row| row.get(0))?;
    if known == 0 {
        return Err(LedgerError::NoApproval { approval: id });
    }
    let is_new = c.execute(
        "INSERT INTO revocations (approval, by, at, note) VALUES (?, ?, ?, ?)
         ON CONFLICT (approval) DO NOTHING",
        params![id, r.by, r.at.as_microsecond(), r.note],
    )? == 1;
    if is_new {
        let detail = json!({ "approval": id, "by": r.by, "note": r.note });
        insert_event(c, r.at, None, "revoked", &detail)?;
    }
    Ok(is_new)
}

/// Refuses an intent whose run works under an approval that was taken back, or that has expired by
/// the time of the intent (M1). Whoever revokes writes to the same file, so that an intent is
/// either before the revocation or not at all.
pub(super) fn check_approval(c: &Connection, run: i64, at: Timestamp) -> Result<(), LedgerError> {
    let found = c
        .prepare_cached(
            "SELECT a.id, a.expires, r.by, r.at, r.note FROM runs
             JOIN approvals a ON a.id = runs.approval
             LEFT JOIN revocations r ON r.approval = a.id
             WHERE runs.id = ? AND (r.approval IS NOT NULL OR a.expires <= ?)",
        )?
        .query_row([run, at.as_microsecond()], |row| {
            let end = match revocation_of(row, 2)? {
                Some(revocation) => ApprovalEnd::Revoked(revocation),
                None => ApprovalEnd::Expired(time(row, 1)?),
            };
            Ok(LedgerError::ApprovalEnded { approval: row.get(0)?, end })
        })
        .optional()?;
    found.map_or(Ok(()), Err)
}

fn revocation_of(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Revocation>> {
    match row.get::<_, Option<String>>(first)? {
        None => Ok(None),
        Some(by) => {
            let (at, note) = (time(row, first + 1)?, row.get(first + 2)?);
            Ok(Some(Revocation { by, at, note }))
        }
    }
}

pub(super) fn approval_of(row: &Row<'_>) -> rusqlite::Result<Approval> {
    use rusqlite::types::{Type, ValueRef};
    let text = row.get_ref(8)?.as_str()?;
    let origin = Origin::ALL.into_iter().find(|origin| origin.as_str() == text);
    let origin = origin
        .ok_or_else(|| damaged(8, Type::Text, format!("`{text}` is no origin of an approval")))?;
    let shown = match row.get::<_, Option<String>>(9)? {
        None => None,
        Some(json) => Some(serde_json::from_str(&json).map_err(|e| damaged(9, Type::Text, e))?),
    };
    let digest = match row.get_ref(10)? {
        ValueRef::Null => None,
        _ => Some(Digest::from_bytes(bytes(row, 10)?)),
    };
    let signature = match row.get::<_, Option<String>>(11)? {
        None => None,
        Some(key) => Some(Signature { key, bytes: bytes(row, 12)? }),
    };
    Ok(Approval {
        id: row.get(0)?,
        plan: Digest::from_bytes(bytes(row, 1)?),
        by: row.get(2)?,
        ceiling: micros(row, 3)?,
        unit: Unit::new(row.get_ref(4)?.as_str()?),
        at: time(row, 5)?,
        note: row.get(6)?,
        expires: optional_time(row, 7)?,
        origin,
        shown,
        digest,
        signature,
        revoked: revocation_of(row, 13)?,
    })
}
