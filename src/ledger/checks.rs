//! What looking at clips came to: score, verdict, and whether another clip is asked for.
//!
//! What lives here: recording checks, which of them counts, and whether one asks for another clip.
//! What never does: looking at clips, thresholds, and which clip stands for a job (that is
//! `current`).
//!
//! The newest check of an attempt counts. A person's word comes before any of them. That another clip
//! is asked for is decided in the transaction of the check, so that nobody can come between: the clip
//! failed, it is the job's latest, nobody said a word since, and its request's rule allows one more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::LedgerError;
use super::open::Ledger;
use super::read::{damaged, time};
use super::words;
use super::write::insert_event;
use super::writer::Ack;
use crate::manifest::{ConsistencyRule, OnFail};

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

    pub(super) fn parse(text: &str) -> Option<ClipVerdict> {
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
    /// Whether another clip is wished for under the same approval; only of one that fails. Whether it
    /// is asked for is the ledger's to decide.
    pub retake: bool,
    /// The rest, as JSON.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

impl NewCheck {
    /// Looked at where it is handed in, not by the thread that writes for everybody.
    fn assert_sound(&self) {
        let inspected = self.verdict != ClipVerdict::NotInspected;
        assert!(!self.retake || self.verdict == ClipVerdict::Fail, "only what fails is made again");
        assert_eq!(self.score.is_some(), inspected, "what was not inspected has no score");
    }
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
    /// Whether it asks for another clip: until an attempt begins, or a person says a word.
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
    Ok(Check {
        job: row.get(0)?,
        attempt: row.get(1)?,
        measure: row.get(2)?,
        verdict: verdict_of(row, 3)?,
        score: row.get(4)?,
        retake: row.get(5)?,
        detail: row.get(6)?,
        at: time(row, 7)?,
    })
}

pub(super) fn verdict_of(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<ClipVerdict> {
    let verdict = row.get_ref(column)?.as_str()?;
    ClipVerdict::parse(verdict).ok_or_else(|| {
        damaged(column, rusqlite::types::Type::Text, format!("`{verdict}` is no verdict"))
    })
}

impl Ledger {
    /// The check that counts of each attempt's clip, with all its details: about a kilobyte each.
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

    /// The check that counts of one attempt's clip.
    pub fn check_on(&self, attempt: i64) -> Result<Option<Check>, LedgerError> {
        newest(&self.reading(), attempt).map_err(|e| self.failed(&e))
    }

    /// Clips that their request's rule wants looked at, and that nobody looked at yet; only those of
    /// their job's latest attempt. Oldest first.
    pub fn to_check(&self) -> Result<Vec<i64>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<i64>> {
            let c = self.reading();
            // Word for word the index' own condition, so that it is used.
            let mut query = c.prepare_cached(
                "SELECT c.attempt FROM clips c JOIN attempts a ON a.id = c.attempt
                 JOIN jobs j ON j.id = a.job
                 WHERE to_check = 1 AND j.attempt = c.attempt ORDER BY c.attempt",
            )?;
            query.query_map([], |row| row.get(0))?.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Records a check, also while a run goes on, and says what was recorded. Blocks.
    pub fn record_check(&self, check: NewCheck) -> Result<Check, LedgerError> {
        check.assert_sound();
        self.write_shortly(move |c| insert(c, check))
    }

    /// The same by whoever runs.
    pub fn record_check_running(&self, check: NewCheck) -> Ack<Check> {
        check.assert_sound();
        self.write_running(move |c| insert(c, check))
    }
}

/// The check that counts of an attempt's clip.
fn newest(c: &Connection, attempt: i64) -> rusqlite::Result<Option<Check>> {
    let query = format!("{CHECK} WHERE attempt = ? ORDER BY id DESC LIMIT 1");
    c.prepare_cached(&query)?.query_row([attempt], check_of).optional()
}

/// Whether the check on a job's latest clip asks for another one, whatever a person says.
pub(super) fn asks(c: &Connection, job: i64) -> rusqlite::Result<bool> {
    let asks = c
        .prepare_cached(
            "SELECT k.retake FROM jobs j JOIN checks k ON k.attempt = j.attempt
             WHERE j.id = ? AND j.state = 'done' ORDER BY k.id DESC LIMIT 1",
        )?
        .query_row([job], |row| row.get(0))
        .optional()?;
    Ok(asks.unwrap_or(false))
}

/// The rule in a stored request. None where it can't be read back: then nothing is made again.
pub(super) fn rule_in(request: &str) -> Option<ConsistencyRule> {
    #[derive(Deserialize)]
    struct Ruled {
        #[serde(default)]
        consistency: Option<ConsistencyRule>,
    }
    serde_json::from_str::<Ruled>(request).ok()?.consistency
}

/// How many retakes a stored request lets checks ask for.
pub(super) fn most_retakes(request: &str) -> u32 {
    rule_in(request).filter(|rule| rule.on_fail == OnFail::Retake).map_or(0, |r| r.max_retakes)
}

/// Of how many attempts of what a job's latest one was asked, up to that one, a check asked for
/// another; and how many may be asked for.
fn asked_so_far(c: &Connection, job: i64, except: i64) -> rusqlite::Result<(u32, u32)> {
    c.prepare_cached(
        "SELECT (SELECT count(DISTINCT k.attempt) FROM checks k JOIN attempts a ON a.id = k.attempt
             WHERE k.job = j.id AND k.retake = 1 AND a.parts = l.parts AND k.attempt <> ?2),
             l.request
         FROM jobs j JOIN attempts l ON l.id = j.attempt WHERE j.id = ?1",
    )?
    .query_row([job, except], |row| Ok((row.get(0)?, most_retakes(row.get_ref(1)?.as_str()?))))
}

/// Whether the retake that a check asks for is one that its request's rule allows: looked at once
/// more in the transaction that begins it.
pub(super) fn is_within_rule(c: &Connection, job: i64) -> rusqlite::Result<bool> {
    let (asked, most) = asked_so_far(c, job, 0)?;
    Ok(asked <= most)
}

/// Records a check, and decides whether it asks for another clip.
fn insert(c: &Connection, new: NewCheck) -> Result<Check, LedgerError> {
    let NewCheck { attempt, measure, verdict, score, retake: wished, detail, at } = new;
    let (job, is_latest): (i64, bool) = c
        .prepare_cached(
            "SELECT a.job, j.attempt = a.id AND j.state = 'done' FROM clips c
             JOIN attempts a ON a.id = c.attempt JOIN jobs j ON j.id = a.job WHERE a.id = ?",
        )?
        .query_row([attempt], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // Who looks again without a wish does not take back what was asked for, unless it passes now.
    let wished = wished || newest(c, attempt)?.is_some_and(|check| check.retake);
    let may_ask = wished && is_latest && verdict == ClipVerdict::Fail && !words::rules(c, job)?;
    let retake = may_ask && {
        let (asked, most) = asked_so_far(c, job, attempt)?;
        asked < most
    };
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
    let id = c.last_insert_rowid();
    c.prepare_cached("UPDATE clips SET to_check = 0 WHERE attempt = ? AND to_check = 1")?
        .execute([attempt])?;
    let said = json!({
        "check": id, "measure": measure, "verdict": verdict, "score": score, "retake": retake,
    });
    insert_event(c, at, Some((job, attempt)), KIND, &said)?;
    Ok(Check { job, attempt, measure, verdict, score, retake, detail, at })
}
