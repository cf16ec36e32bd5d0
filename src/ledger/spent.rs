//! Sums of money: what is reserved, settled or held by unknown outcomes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::types::Value;

use super::error::LedgerError;
use super::open::Ledger;
use super::read::{count, micros};
use super::record::{Holding, SubjectHolding};
use crate::digest::Digest;
use crate::money::{Micros, Unit};

/// What a sum is over. An attempt counts on the day (UTC) of its intent, whenever it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Attempts that one run began.
    Run(i64),
    /// Attempts of one day.
    Day(Date),
    /// Attempts of the month of this day.
    Month(Date),
    /// Attempts under one plan, by whatever runs.
    Plan(Digest),
    /// Attempts ever made.
    Ever,
}

/// The number of a moment's day since 1970-01-01 (UTC).
pub fn day_number(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

fn number_of(date: Date) -> Option<i64> {
    date.to_zoned(TimeZone::UTC).ok().map(|midnight| day_number(midnight.timestamp()))
}

impl Ledger {
    /// Reserved and settled in `period`, unknown outcomes included by their reservation.
    pub fn spent(&self, period: Period) -> Result<Micros, LedgerError> {
        let sum = "SELECT coalesce(sum(held), 0) FROM totals";
        let days = |from: Date, to: Date| {
            let from = number_of(from).unwrap_or(i64::MIN);
            let to = number_of(to).unwrap_or(i64::MAX);
            (format!("{sum} WHERE day BETWEEN {from} AND {to} AND ?1 IS NULL"), Value::Null)
        };
        let (query, parameter) = match period {
            Period::Ever => (format!("{sum} WHERE ?1 IS NULL"), Value::Null),
            Period::Run(run) => (format!("{sum} WHERE run = ?1"), Value::Integer(run)),
            Period::Day(day) => days(day, day),
            Period::Month(day) => days(day.first_of_month(), day.last_of_month()),
            Period::Plan(plan) => {
                (format!("{sum} WHERE plan = ?1"), Value::Blob(plan.as_bytes().to_vec()))
            }
        };
        let total = self.one(&query, parameter, |row| micros(row, 0))?;
        Ok(total.unwrap_or_default())
    }

    /// What is held, by everything that a budget or limit may count.
    pub fn holdings(&self) -> Result<Vec<Holding>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<Holding>> {
            let c = self.reading();
            let mut query = c.prepare_cached(
                "SELECT plan, run, day, provider, model, account, held, written_off, attempts,
                     overcharged
                 FROM totals ORDER BY id",
            )?;
            let rows = query.query_map([], |row| {
                Ok(Holding {
                    plan: Digest::from_bytes(super::read::bytes(row, 0)?),
                    run: row.get(1)?,
                    day: row.get(2)?,
                    provider: row.get(3)?,
                    model: row.get(4)?,
                    account: row.get(5)?,
                    held: micros(row, 6)?,
                    written_off: micros(row, 7)?,
                    attempts: count(row, 8)?,
                    overcharged: count(row, 9)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// What is held by subject and day, from `first` (a day number) on, in the order of both.
    pub fn held_by_subject(&self, first: i64) -> Result<Vec<SubjectHolding>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<SubjectHolding>> {
            let c = self.reading();
            // By the start of its attempts, of which there is an index; that of a day is the same.
            let mut query = c.prepare_cached(
                "SELECT substr(j.address, 1, instr(j.address, '/') - 1) AS subject,
                     a.started / 86400000000 AS day, sum(s.reserved + s.settled)
                 FROM attempts a JOIN attempt_state s ON s.attempt = a.id
                 JOIN jobs j ON j.id = a.job
                 WHERE a.started >= ?1 * 86400000000 AND subject <> ?2
                 GROUP BY subject, day ORDER BY subject, day",
            )?;
            let rows = query.query_map((first, crate::address::NONE), |row| {
                Ok(SubjectHolding { subject: row.get(0)?, day: row.get(1)?, held: micros(row, 2)? })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The same by day, from `first` (a day number) on.
    pub fn spent_by_day(&self, first: i64) -> Result<BTreeMap<i64, Micros>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeMap<i64, Micros>> {
            let c = self.reading();
            let mut query =
                c.prepare_cached("SELECT day, sum(held) FROM totals WHERE day >= ? GROUP BY day")?;
            let days = query.query_map([first], |row| Ok((row.get(0)?, micros(row, 1)?)))?;
            days.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Units other than `unit` in which something was spent: sums over them would add what
    /// can't be added.
    pub fn other_units(&self, unit: &Unit) -> Result<Vec<Unit>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<Unit>> {
            let c = self.reading();
            let mut query = c.prepare_cached(
                "SELECT DISTINCT runs.unit FROM totals JOIN runs ON runs.id = totals.run
                 WHERE runs.unit <> ? AND totals.held > 0",
            )?;
            let units =
                query.query_map([unit.as_str()], |row| Ok(Unit::new(row.get_ref(0)?.as_str()?)))?;
            units.collect()
        };
        read().map_err(|e| self.failed(&e))
    }
}
