//! The whole ledger as lines of JSON: every approval, run and event, for other programs and for the
//! record.
//!
//! What never lives here: caches, and anything that is not in the ledger's file.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use serde_json::Value;

use super::approval::{APPROVAL, Approval, Origin, Revocation, Shown, Signature, approval_of};
use super::error::LedgerError;
use super::examine::is_there;
use super::open::{connect_reader, path_in};
use super::read::{bytes, count, micros, optional_time, time};
use super::record::ClipRecord;
use super::schema::FORMAT;
use crate::digest::Digest;

/// One line of `kinora ledger export`. First the ledger, then approvals,
/// revocations, runs and events, each in
/// the order in which they were written. Amounts are decimals as text, times RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum ExportLine {
    /// The ledger itself.
    Ledger {
        /// Its format.
        format: i64,
        /// The random name that it was given when it was made.
        lineage: String,
        /// When it was made.
        created: String,
    },
    /// A person or a policy accepting a plan up to a ceiling.
    Approval {
        /// Its number.
        id: i64,
        /// The plan's digest.
        plan: String,
        /// Who.
        by: String,
        /// The most that may be held under this plan.
        ceiling: String,
        /// Unit of the ceiling.
        unit: String,
        /// When.
        at: String,
        /// Why, in the approver's words.
        note: Option<String>,
        /// From when on it holds no more; absent: it has no end.
        expires: Option<String>,
        /// How it came about.
        origin: Origin,
        /// What the approver was shown; absent in approvals of earlier formats.
        shown: Option<Box<Shown>>,
        /// Digest of its text; absent in approvals of earlier formats.
        digest: Option<String>,
        /// The public key that it is signed with; absent where it is not.
        key: Option<String>,
        /// The signature, in base64; absent with the key.
        signature: Option<String>,
    },
    /// An approval taken back.
    Revocation {
        /// The approval's number.
        approval: i64,
        /// Who.
        by: String,
        /// When.
        at: String,
        /// Why, in their words.
        note: Option<String>,
    },
    /// One process that dispatched jobs.
    Run {
        /// Its number.
        id: i64,
        /// The plan's digest; absent when it only collected what earlier runs left.
        plan: Option<String>,
        /// The number of the approval that it worked under; absent with the plan.
        approval: Option<i64>,
        /// The unit of its amounts.
        unit: String,
        /// The version of Kinora.
        version: String,
        /// When it started.
        started: String,
        /// When it ended; absent while it goes on.
        ended: Option<String>,
        /// How it ended, in one word; `cut_off` where it never said.
        outcome: Option<String>,
    },
    /// Something that happened.
    Event {
        /// Its number: events are in this order.
        seq: i64,
        /// When.
        at: String,
        /// The job's address; absent for events that are of no job.
        job: Option<String>,
        /// Which attempt of the job, from 1.
        attempt: Option<u32>,
        /// What, in one word.
        kind: String,
        /// More: states and amounts before and after, evidence.
        detail: Value,
        /// What was asked for; with every intent.
        asked: Option<Box<Asked>>,
        /// What was made; with every `done`.
        clip: Option<Box<ClipRecord>>,
        /// What was found in all detail; with every `checked`.
        #[serde(skip_serializing_if = "Option::is_none")]
        found: Option<Box<Value>>,
    },
}

/// What an attempt asks of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Asked {
    /// The plan that it was approved in.
    pub plan: String,
    /// Provider name.
    pub provider: String,
    /// Model name.
    pub model: String,
    /// Account at the provider; empty where there is only one.
    pub account: String,
    /// Digest of the request.
    pub fingerprint: String,
    /// What was reserved for it.
    pub estimate: String,
    /// The request.
    pub request: Value,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What is to take the lines takes no more.
    #[error("the export can't be written: {0}")]
    Out(#[from] std::io::Error),
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        ExportError::Ledger(error.into())
    }
}

/// Writes the ledger of `workspace` to `out` as it stands at one moment, also while a run goes on;
/// returns how many lines. A workspace without a ledger has none.
pub fn export(workspace: &Path, out: &mut dyn Write) -> Result<u64, ExportError> {
    let path = path_in(workspace);
    if !is_there(&path)? {
        return Ok(0);
    }
    let connection = connect_reader(&path)?;
    let mut lines = Lines { out, count: 0 };
    match all(&connection, &mut lines) {
        Ok(()) => Ok(lines.count),
        Err(ExportError::Ledger(error)) => Err(ExportError::Ledger(error.about(&path))),
        Err(error) => Err(error),
    }
}

struct Lines<'o> {
    out: &'o mut dyn Write,
    count: u64,
}

impl Lines<'_> {
    fn put(&mut self, line: &ExportLine) -> Result<(), ExportError> {
        let mut text = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        text.push(b'\n');
        self.out.write_all(&text)?;
        self.count += 1;
        Ok(())
    }
}

fn all(c: &Connection, lines: &mut Lines<'_>) -> Result<(), ExportError> {
    c.execute_batch("BEGIN")?;
    let meta = |key: &str| {
        c.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get::<_, String>(0))
            .optional()
            .map(Option::unwrap_or_default)
    };
    lines.put(&ExportLine::Ledger {
        format: FORMAT,
        lineage: meta("lineage")?,
        created: meta("created")?,
    })?;
    let mut query = c.prepare(&format!("{APPROVAL} ORDER BY a.id"))?;
    let approvals = query.query_map([], approval_of)?.collect::<Result<Vec<_>, _>>()?;
    for approval in &approvals {
        lines.put(&approval_line(approval))?;
    }
    for approval in &approvals {
        if let Some(Revocation { by, at, note }) = approval.revoked.clone() {
            let (approval, at) = (approval.id, at.to_string());
            lines.put(&ExportLine::Revocation { approval, by, at, note })?;
        }
    }
    let mut query = c.prepare(
        "SELECT id, plan, approval, unit, version, started, ended, outcome FROM runs ORDER BY id",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        lines.put(&run(row)?)?;
    }
    let mut query = c.prepare(
        "SELECT e.seq, e.at, j.address, a.number, e.kind, e.detail, a.plan, a.provider, a.model,
             a.account, a.fingerprint, a.estimate, a.request, c.path, c.digest, c.bytes, c.width,
             c.height, c.duration_ms, c.frames, k.detail
         FROM events e LEFT JOIN jobs j ON j.id = e.job LEFT JOIN attempts a ON a.id = e.attempt
         LEFT JOIN clips c ON c.attempt = e.attempt AND e.kind = 'done'
         LEFT JOIN checks k ON e.kind = 'checked' AND k.id = json_extract(e.detail, '$.check')
         ORDER BY e.seq",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        lines.put(&event(row)?)?;
    }
    Ok(())
}

fn approval_line(a: &Approval) -> ExportLine {
    let base64 = |signature: &Signature| data_encoding::BASE64.encode(&signature.bytes);
    ExportLine::Approval {
        id: a.id,
        plan: a.plan.to_string(),
        by: a.by.clone(),
        ceiling: a.ceiling.to_decimal().to_string(),
        unit: a.unit.to_string(),
        at: a.at.to_string(),
        note: a.note.clone(),
        expires: a.expires.map(|at| at.to_string()),
        origin: a.origin,
        shown: a.shown.clone().map(Box::new),
        digest: a.digest.map(|digest| digest.to_string()),
        key: a.signature.as_ref().map(|signature| signature.key.clone()),
        signature: a.signature.as_ref().map(base64),
    }
}

fn run(row: &Row<'_>) -> rusqlite::Result<ExportLine> {
    let plan = match row.get_ref(1)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(Digest::from_bytes(bytes(row, 1)?).to_string()),
    };
    Ok(ExportLine::Run {
        id: row.get(0)?,
        plan,
        approval: row.get(2)?,
        unit: row.get(3)?,
        version: row.get(4)?,
        started: time(row, 5)?.to_string(),
        ended: optional_time(row, 6)?.as_ref().map(Timestamp::to_string),
        outcome: row.get(7)?,
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<ExportLine> {
    let kind: String = row.get(4)?;
    let asked = if kind == "intent" { Some(Box::new(asked(row)?)) } else { None };
    let clip = match row.get::<_, Option<String>>(13)? {
        None => None,
        Some(path) => Some(Box::new(ClipRecord {
            path,
            digest: Digest::from_bytes(bytes(row, 14)?),
            bytes: count(row, 15)?,
            width: row.get(16)?,
            height: row.get(17)?,
            duration_ms: count(row, 18)?,
            frames: row.get(19)?,
        })),
    };
    let found = match row.get_ref(20)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(Box::new(json(row, 20)?)),
    };
    Ok(ExportLine::Event {
        seq: row.get(0)?,
        at: time(row, 1)?.to_string(),
        job: row.get(2)?,
        attempt: row.get(3)?,
        kind,
        detail: json(row, 5)?,
        asked,
        clip,
        found,
    })
}

fn asked(row: &Row<'_>) -> rusqlite::Result<Asked> {
    Ok(Asked {
        plan: Digest::from_bytes(bytes(row, 6)?).to_string(),
        provider: row.get(7)?,
        model: row.get(8)?,
        account: row.get(9)?,
        fingerprint: Digest::from_bytes(bytes(row, 10)?).to_string(),
        estimate: amount(row, 11)?,
        request: json(row, 12)?,
    })
}

fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    micros(row, column).map(|micros| micros.to_decimal().normalize().to_string())
}

/// JSON as JSON; what is none, as the text that it is: an export leaves nothing out.
fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let text: String = row.get(column)?;
    Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
