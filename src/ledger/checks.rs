//! What looking at clips came to: score, verdict, and whether another clip is asked for.
//!
//! What lives here: recording checks, and which of them counts. What never does: looking at clips,
//! thresholds, and what a plan or an export makes of a check.
//!
//! The newest check of an attempt counts. A person's word comes before any of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::LedgerError;
use super::open::Ledger;
use super::read::{damaged, time};
use super::write::insert_event;

/// The kind of a check's event.
pub(super) const KIND: &str = "checked";

/// What a clip's score means under the thresholds that it was held against.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClipVerdict {
    /// It shows something else than its references.
    Fail,
    /// It could not be looked at.
    NotInspected,
    /// A person is to look.
    Review,
    /// It shows what its references show.
    Pass,
}

impl ClipVerdict {
    /// Worst first.
    pub const ALL: [ClipVerdict; 4] =
        [ClipVerdict::Fail, ClipVerdict::NotInspected, ClipVerdict::Review, ClipVerdict::Pass];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            ClipVerdict::Pass => "pass",
            ClipVerdict::Review => "review",
            ClipVerdict::Fail => "fail",
            ClipVerdict::NotInspected => "not_inspected",
        }
    }

    fn parse(text: &str) -> Option<ClipVerdict> {
        ClipVerdict::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// A check to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheck {
    /// The attempt whose clip was looked at.
    pub attempt: i64,
    /// What measured it, with its version: scores of different measures are not compared.
    pub measure: String,
    /// What it means.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent exactly where it was not inspected.
    pub score: Option<u8>,
    /// Whether another clip is to be made under the same approval; only of one that fails.
    pub retake: bool,
    /// The rest, as JSON.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// A check, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The job's row.
    pub job: i64,
    /// The attempt whose clip was looked at.
    pub attempt: i64,
    /// What measured it.
    pub measure: String,
    /// What it means.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not inspected.
    pub score: Option<u8>,
    /// Whether it asks for another clip.
    pub retake: bool,
    /// The rest, as JSON.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// The check that counts of each attempt.
#[derive(Debug, Clone, Default)]
pub struct Checks(BTreeMap<i64, Check>);

impl Checks {
    /// Of one attempt's clip.
    pub fn of_clip(&self, attempt: i64) -> Option<&Check> {
        self.0.get(&attempt)
    }
}

const CHECK: &str = "SELECT job, attempt, measure, verdict, score, retake, detail, at FROM checks";

fn check_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Check> {
    let verdict = row.get_ref(3)?.as_str()?;
    let verdict = ClipVerdict::parse(verdict).ok_or_else(|| {
        damaged(3, rusqlite::types::Type::Text, format!("`{verdict}` is no verdict"))
    })?;
    Ok(Check {
        job: row.get(0)?,
        attempt: row.get(1)?,
        measure: row.get(2)?,
        verdict,
        score: row.get(4)?,
        retake: row.get(5)?,
        detail: row.get(6)?,
        at: time(row, 7)?,
    })
}

impl Ledger {
    /// The check that counts of each attempt's clip.
    pub fn checks(&self) -> Result<Checks, LedgerError> {
        let read = || -> rusqlite::Result<Checks> {
            let c = self.reading();
            let mut query = c.prepare(&format!("{CHECK} ORDER BY id"))?;
            let mut rows = query.query([])?;
            let mut checks = Checks::default();
            while let Some(row) = rows.next()? {
                let check = check_of(row)?;
                checks.0.insert(check.attempt, check);
            }
            Ok(checks)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Records a check, also while a run goes on. Blocks.
    pub fn record_check(&self, check: NewCheck) -> Result<(), LedgerError> {
        self.write_shortly(move |c| insert(c, &check))
    }
}

fn insert(c: &Connection, check: &NewCheck) -> Result<(), LedgerError> {
    let NewCheck { attempt, measure, verdict, score, retake, detail, at } = check;
    assert!(!retake || *verdict == ClipVerdict::Fail, "only what fails is made again");
    let inspected = *verdict != ClipVerdict::NotInspected;
    assert_eq!(score.is_some(), inspected, "what was not inspected has no score");
    let job: i64 = c
        .prepare_cached("SELECT job FROM attempts WHERE id = ?")?
        .query_row([attempt], |row| row.get(0))?;
    c.prepare_cached(
        "INSERT INTO checks (job, attempt, measure, verdict, score, retake, detail, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        job,
        attempt,
        measure,
        verdict.as_str(),
        score,
        retake,
        detail,
        at.as_microsecond()
    ])?;
    let said = json!({ "measure": measure, "verdict": verdict, "score": score, "retake": retake });
    insert_event(c, *at, Some((job, *attempt)), KIND, &said)
}
