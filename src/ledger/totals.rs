//! Totals: what attempts hold together, kept beside them in the same savepoint, so that a run
//! knows what is held without reading a million attempts.
//!
//! What never lives here: what may be spent.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::LedgerError;
use super::read::parse_state;
use super::record::JobState;
use super::spent::day_number;
use super::write::NewAttempt;

/// What of an attempt decides its share of a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The attempt's job.
    pub(super) job: i64,
    /// The total that it is counted in.
    pub(super) total: i64,
    /// What was reserved at its intent.
    pub(super) estimate: i64,
    pub(super) state: JobState,
    pub(super) reserved: i64,
    pub(super) settled: i64,
    /// Whether its outcome stayed unknown and was settled as paid.
    pub(super) written_off: bool,
}

/// What one attempt adds to a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    pub(super) held: i64,
    pub(super) written_off: i64,
    pub(super) attempts: i64,
    pub(super) overcharged: i64,
}

impl Standing {
    pub(super) fn share(&self) -> Share {
        Share {
            // A sum that leaves 64 bits stays at their end, where the schema refuses to add to it.
            held: self.reserved.saturating_add(self.settled),
            written_off: if self.written_off { self.settled } else { 0 },
            attempts: i64::from(self.state != JobState::Refused),
            overcharged: i64::from(self.settled > self.estimate),
        }
    }
}

/// How an attempt stands, if it is there.
pub(super) fn standing(c: &Connection, attempt: i64) -> Result<Option<Standing>, LedgerError> {
    let standing = c
        .prepare_cached(
            "SELECT a.job, s.total, a.estimate, s.state, s.reserved, s.settled, s.written_off
             FROM attempt_state s JOIN attempts a ON a.id = s.attempt WHERE s.attempt = ?",
        )?
        .query_row([attempt], |row| {
            Ok(Standing {
                job: row.get(0)?,
                total: row.get(1)?,
                estimate: row.get(2)?,
                state: parse_state(3, row.get_ref(3)?.as_str()?)?,
                reserved: row.get(4)?,
                settled: row.get(5)?,
                written_off: row.get(6)?,
            })
        })
        .optional()?;
    Ok(standing)
}

/// Counts an intent in; returns the row of its total.
pub(super) fn count_in(c: &Connection, a: &NewAttempt) -> Result<i64, LedgerError> {
    let total = c
        .prepare_cached(
            "INSERT INTO totals (plan, run, day, provider, model, account, held, written_off,
                 attempts, overcharged) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1, 0)
             ON CONFLICT (plan, run, day, provider, model, account) DO UPDATE
                 SET held = held + excluded.held, attempts = attempts + 1
             RETURNING id",
        )?
        .query_row(
            params![
                a.plan.as_bytes(),
                a.run,
                day_number(a.at),
                a.provider,
                a.model,
                a.account,
                a.reserved.get()
            ],
            |row| row.get(0),
        )?;
    Ok(total)
}

/// Brings a total from what an attempt added before to what it adds now.
pub(super) fn carry_over(
    c: &Connection,
    before: &Standing,
    after: &Standing,
) -> Result<(), LedgerError> {
    let (old, new) = (before.share(), after.share());
    if old == new {
        return Ok(());
    }
    // The schema refuses a total below zero, and with it the whole step.
    c.prepare_cached(
        "UPDATE totals SET held = held + ?2, written_off = written_off + ?3,
             attempts = attempts + ?4, overcharged = overcharged + ?5
         WHERE id = ?1",
    )?
    .execute(params![
        before.total,
        new.held - old.held,
        new.written_off - old.written_off,
        new.attempts - old.attempts,
        new.overcharged - old.overcharged
    ])?;
    Ok(())
}
