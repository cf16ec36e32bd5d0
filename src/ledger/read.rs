//! Queries. All go by the reading connection and see what is durable.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::current::current_clips;
use super::error::LedgerError;
use super::open::Ledger;
use super::record::{AttemptRecord, Basis, ClipRecord, JobRecord, JobState, Known, KnownJobs};
use super::words;
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::money::{Micros, Unit};

/// Which attempts to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every attempt ever made.
    All,
    /// The latest of each job.
    Latest,
    /// Of each job the one that stands: the latest, unless that has ended and the current clip is an
    /// earlier one's of the same request ([`super::CurrentClips`]).
    Standing,
    /// Those that are open.
    Open,
}

const ATTEMPT: &str = "SELECT a.id, a.job, j.address, s.state, a.number, a.plan, a.request,
        a.fingerprint, a.provider, a.model, a.estimate, a.started, s.remote_id, s.reserved,
        s.settled, s.basis, s.message, s.updated, s.ready, s.expires, s.interruptions,
        c.path, c.digest, c.bytes, c.width, c.height, c.duration_ms, c.frames,
        a.parts, a.account, a.retake, j.attempt
    FROM attempt_state s JOIN attempts a ON a.id = s.attempt JOIN jobs j ON j.id = a.job
    LEFT JOIN clips c ON c.attempt = s.attempt";

impl Ledger {
    /// All jobs by key, small enough for a million of them.
    pub fn known_jobs(&self) -> Result<KnownJobs, LedgerError> {
        let read = || -> rusqlite::Result<KnownJobs> {
            let c = &*self.reading();
            let most: usize = c
                .query_row("SELECT coalesce(max(id), 0) FROM jobs", [], |row| row.get::<_, i64>(0))
                .map(|n| usize::try_from(n).unwrap_or_default())?;
            let mut known = KnownJobs::with_capacity(most);
            let mut query = c.prepare("SELECT id, address, state, fingerprint FROM jobs")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let key = JobKey::of(row.get_ref(1)?.as_str()?);
                let state = parse_state(2, row.get_ref(2)?.as_str()?)?;
                let fingerprint = bytes(row, 3)?;
                let job = row.get(0)?;
                known.insert(key, Known { job, fingerprint, state, retake: 0, by_check: false });
            }
            words::heed(c, &mut known)?;
            Ok(known)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The parts of the latest request of a job, to say what changed in it.
    pub fn earlier_parts(&self, job: i64) -> Result<Option<[u64; 4]>, LedgerError> {
        let blob: Option<[u8; 32]> = self.one(
            "SELECT a.parts FROM jobs j JOIN attempts a ON a.id = j.attempt WHERE j.id = ?",
            job,
            |row| bytes(row, 0),
        )?;
        Ok(blob.map(|blob| parts_of(&blob)))
    }

    /// The address of a job.
    pub fn address_of(&self, job: i64) -> Result<Option<Address>, LedgerError> {
        self.one("SELECT address FROM jobs WHERE id = ?", job, |row| {
            Ok(Address::from_stored(row.get_ref(0)?.as_str()?))
        })
    }

    /// A job by its address.
    pub fn job(&self, address: &Address) -> Result<Option<JobRecord>, LedgerError> {
        self.one("SELECT id, state, attempt FROM jobs WHERE address = ?", address.as_str(), |row| {
            Ok(JobRecord {
                id: row.get(0)?,
                address: address.clone(),
                state: parse_state(1, row.get_ref(1)?.as_str()?)?,
                attempt: row.get(2)?,
            })
        })
    }

    /// One attempt.
    pub fn attempt(&self, attempt: i64) -> Result<Option<AttemptRecord>, LedgerError> {
        self.one(&format!("{ATTEMPT} WHERE s.attempt = ?"), attempt, attempt_of)
    }

    /// Under which approval each attempt with a clip was begun, by the attempt's row.
    pub fn approvals_of_clips(&self) -> Result<BTreeMap<i64, i64>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeMap<i64, i64>> {
            let c = self.reading();
            let mut query = c.prepare(
                "SELECT c.attempt, r.approval FROM clips c
                 JOIN attempt_state s ON s.attempt = c.attempt
                 JOIN totals t ON t.id = s.total JOIN runs r ON r.id = t.run
                 WHERE r.approval IS NOT NULL",
            )?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Every attempt that is open, oldest first.
    pub fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError> {
        let mut open = Vec::new();
        self.each_attempt(Which::Open, |attempt| open.push(attempt))?;
        Ok(open)
    }

    /// Hands attempts to `each`, one at a time, oldest first. `each` must not ask this ledger
    /// for anything else.
    pub fn each_attempt(
        &self,
        which: Which,
        mut each: impl FnMut(AttemptRecord),
    ) -> Result<(), LedgerError> {
        let filter = match which {
            Which::All => "",
            Which::Latest => "WHERE j.attempt = s.attempt",
            // Chosen from all, by what is known of them.
            Which::Standing => "",
            // Word for word the index' own condition, so that it is used.
            Which::Open => {
                "WHERE s.state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown')"
            }
        };
        let mut read = || -> rusqlite::Result<()> {
            let c = self.reading();
            let current = match which {
                Which::Standing => Some(current_clips(&c)?),
                _ => None,
            };
            let mut query = c.prepare(&format!("{ATTEMPT} {filter} ORDER BY s.attempt"))?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(current) = &current {
                    let (attempt, job, latest): (i64, i64, i64) =
                        (row.get(0)?, row.get(1)?, row.get(31)?);
                    if current.standing(job, latest) != attempt {
                        continue;
                    }
                }
                each(attempt_of(row)?);
            }
            Ok(())
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Hands the attempts that were begun after a serial to `each`, oldest first: the job, and
    /// the first half of the request's fingerprint. `each` must not ask this ledger for anything
    /// else.
    pub fn each_begun_since(
        &self,
        serial: i64,
        mut each: impl FnMut(Address, [u8; 16]),
    ) -> Result<(), LedgerError> {
        let mut read = || -> rusqlite::Result<()> {
            let c = self.reading();
            let mut query = c.prepare(
                "SELECT j.address, a.fingerprint FROM events e
                 JOIN attempts a ON a.id = e.attempt JOIN jobs j ON j.id = a.job
                 WHERE e.seq > ? AND e.kind = 'intent' ORDER BY e.seq",
            )?;
            let mut rows = query.query([serial])?;
            while let Some(row) = rows.next()? {
                let fingerprint: [u8; 32] = bytes(row, 1)?;
                let mut half = [0; 16];
                half.copy_from_slice(&fingerprint[..16]);
                each(Address::from_stored(row.get_ref(0)?.as_str()?), half);
            }
            Ok(())
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Ids that a provider gave to attempts begun at `from` or later, as they are stored.
    pub fn remote_ids(&self, provider: &str, from: Timestamp) -> Result<Vec<String>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let c = self.reading();
            let mut query = c.prepare_cached(
                "SELECT s.remote_id FROM attempts a JOIN attempt_state s ON s.attempt = a.id
                 WHERE a.provider = ? AND a.started >= ? AND s.remote_id IS NOT NULL
                 ORDER BY a.started",
            )?;
            query.query_map((provider, from.as_microsecond()), |row| row.get(0))?.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Attempts begun at `from` or later whose outcome stayed unknown and was written off, oldest
    /// first: what a provider lists may still be theirs.
    pub fn written_off(&self, from: Timestamp) -> Result<Vec<AttemptRecord>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<AttemptRecord>> {
            let c = self.reading();
            // A clip that was lost was ready once.
            let mut query = c.prepare(&format!(
                "{ATTEMPT} WHERE a.started >= ? AND s.state = 'lost' AND s.ready IS NULL
                 ORDER BY s.attempt"
            ))?;
            query.query_map([from.as_microsecond()], attempt_of)?.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// When the latest event was written down; absent in a new ledger.
    pub fn latest_event(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.one(
            "SELECT at FROM events WHERE ?1 IS NULL ORDER BY seq DESC LIMIT 1",
            rusqlite::types::Null,
            |row| time(row, 0),
        )
    }

    /// How many jobs are in each state.
    pub fn counts(&self) -> Result<BTreeMap<JobState, u64>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeMap<JobState, u64>> {
            let c = self.reading();
            let mut query = c.prepare("SELECT state, count(*) FROM jobs GROUP BY state")?;
            let counts = query.query_map([], |row| {
                let count = u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
                Ok((parse_state(0, row.get_ref(0)?.as_str()?)?, count))
            })?;
            counts.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// When the latest run began that was for a plan and has ended. Absent before any.
    pub fn latest_run(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.one(
            "SELECT started FROM runs
             WHERE ?1 IS NULL AND plan IS NOT NULL AND ended IS NOT NULL
             ORDER BY id DESC LIMIT 1",
            rusqlite::types::Null,
            |row| time(row, 0),
        )
    }

    /// The unit of the latest run: what the ledger's amounts count. Absent before any run.
    pub fn unit(&self) -> Result<Option<Unit>, LedgerError> {
        self.one(
            "SELECT unit FROM runs WHERE ?1 IS NULL ORDER BY id DESC LIMIT 1",
            rusqlite::types::Null,
            |row| Ok(Unit::new(row.get_ref(0)?.as_str()?)),
        )
    }

    /// A number that grows with every change to jobs and approvals: what was planned at the
    /// same number was planned against the same ledger.
    pub fn serial(&self) -> Result<i64, LedgerError> {
        let serial =
            self.reading()
                .query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0));
        serial.map_err(|e| self.failed(&e))
    }

    /// The one row of a query, if there is one.
    pub(super) fn one<T>(
        &self,
        query: &str,
        parameter: impl rusqlite::ToSql,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, LedgerError> {
        let row = || {
            let c = self.reading();
            c.prepare_cached(query)?.query_row([parameter], read).optional()
        };
        row().map_err(|e| self.failed(&e))
    }
}

fn attempt_of(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    let clip = match row.get::<_, Option<String>>(21)? {
        None => None,
        Some(path) => Some(ClipRecord {
            path,
            digest: Digest::from_bytes(bytes(row, 22)?),
            bytes: count(row, 23)?,
            width: row.get(24)?,
            height: row.get(25)?,
            duration_ms: count(row, 26)?,
            frames: row.get(27)?,
        }),
    };
    let basis = row.get::<_, Option<String>>(15)?.and_then(|text| match text.as_str() {
        "provider" => Some(Basis::Provider),
        "estimate" => Some(Basis::Estimate),
        _ => None,
    });
    Ok(AttemptRecord {
        id: row.get(0)?,
        job: row.get(1)?,
        address: Address::from_stored(row.get_ref(2)?.as_str()?),
        state: parse_state(3, row.get_ref(3)?.as_str()?)?,
        number: row.get(4)?,
        retake: row.get(30)?,
        plan: Digest::from_bytes(bytes(row, 5)?),
        request: row.get(6)?,
        fingerprint: Digest::from_bytes(bytes(row, 7)?),
        parts: parts_of(&bytes(row, 28)?),
        provider: row.get(8)?,
        model: row.get(9)?,
        account: row.get(29)?,
        estimate: micros(row, 10)?,
        started: time(row, 11)?,
        remote_id: row.get(12)?,
        reserved: micros(row, 13)?,
        settled: micros(row, 14)?,
        basis,
        message: row.get(16)?,
        updated: time(row, 17)?,
        ready: optional_time(row, 18)?,
        expires: optional_time(row, 19)?,
        interruptions: row.get(20)?,
        clip,
    })
}

/// The four parts from 32 bytes, little end first.
fn parts_of(blob: &[u8; 32]) -> [u64; 4] {
    let mut parts = [0u64; 4];
    for (part, chunk) in parts.iter_mut().zip(blob.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *part = u64::from_le_bytes(eight);
    }
    parts
}

/// A value that the schema would never hold: the file was changed from outside.
pub(super) fn damaged(column: usize, kind: Type, what: impl ToString) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, what.to_string().into())
}

pub(super) fn parse_state(column: usize, text: &str) -> rusqlite::Result<JobState> {
    JobState::parse(text)
        .ok_or_else(|| damaged(column, Type::Text, format!("`{text}` is no state of a job")))
}

pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    row.get_ref(column)?
        .as_blob()?
        .try_into()
        .map_err(|_| damaged(column, Type::Blob, format!("not {N} bytes long")))
}

pub(super) fn micros(row: &Row<'_>, column: usize) -> rusqlite::Result<Micros> {
    Micros::from_stored(row.get(column)?).map_err(|e| damaged(column, Type::Integer, e))
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|e| damaged(column, Type::Integer, e))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|e| damaged(column, Type::Integer, e))
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => time(row, column).map(Some),
    }
}

/// The number that a query counts.
pub(super) fn count_of(c: &Connection, query: &str) -> Result<u64, LedgerError> {
    Ok(c.query_row(query, [], |row| count(row, 0))?)
}
