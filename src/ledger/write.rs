//! Writes: runs, attempts and their transitions.
//!
//! Every one of them is one savepoint: the rows and the event stand or fall together.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::approval::check_approval;
use super::checks;
use super::error::LedgerError;
use super::open::Ledger;
use super::record::{Basis, ClipRecord, JobState};
use super::totals;
use super::words::{self, AskedBy};
use super::writer::Ack;
use crate::address::Address;
use crate::digest::Digest;
use crate::money::{Micros, Unit};

/// The [`Transition::kind`] of a step that settles an unknown outcome as paid for without a clip.
pub const WRITTEN_OFF: &str = "written_off";

/// A run to be recorded.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The plan that it works on; absent when it only collects what earlier runs left.
    pub plan: Option<Digest>,
    /// The approval that it works under; absent with the plan.
    pub approval: Option<i64>,
    /// The workspace's unit: all amounts of this run count it.
    pub unit: Unit,
    /// When.
    pub at: Timestamp,
}

/// An intent: an attempt that is about to be submitted.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// The job.
    pub address: Address,
    /// The run that makes it.
    pub run: i64,
    /// The plan that it was approved in.
    pub plan: Digest,
    /// Digest of the request.
    pub fingerprint: Digest,
    /// The request's parts, by which a later plan says what changed.
    pub parts: [u64; 4],
    /// How often the same has been asked for again: as with the job's latest attempt, or one more
    /// where a person's word or a check asks for it.
    pub retake: u32,
    /// Provider name.
    pub provider: String,
    /// Model name.
    pub model: String,
    /// Account at the provider; empty where there is only one.
    pub account: String,
    /// The request as JSON.
    pub request: String,
    /// What is reserved for it, in the workspace's unit.
    pub reserved: Micros,
    /// When.
    pub at: Timestamp,
}

/// The rows of a recorded intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// The job.
    pub job: i64,
    /// The attempt.
    pub attempt: i64,
    /// 1 for the job's first.
    pub number: u32,
}

/// One change of an attempt's state, as the run decided it. Amounts are those after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The attempt.
    pub attempt: i64,
    /// The state that it has; otherwise nothing is written.
    pub from: JobState,
    /// The state that it gets.
    pub to: JobState,
    /// What happened, one word for the event's row.
    pub kind: &'static str,
    /// Reserved from now on.
    pub reserved: Micros,
    /// Settled from now on.
    pub settled: Micros,
    /// Where the settled amount is from.
    pub basis: Option<Basis>,
    /// The provider's id, when it becomes known.
    pub remote_id: Option<String>,
    /// Why, for people; an absent one keeps what was said before.
    pub message: Option<String>,
    /// When the clip may be gone, when it becomes known.
    pub expires: Option<Timestamp>,
    /// The clip, when it is done.
    pub clip: Option<ClipRecord>,
    /// More for the event's row.
    pub detail: Value,
    /// When.
    pub at: Timestamp,
}

impl Ledger {
    /// Records the start of a run; returns its row id. A run that never recorded its end was
    /// cut off, so every attempt that it left open counts one more interruption.
    pub fn begin_run(&self, run: NewRun) -> Ack<i64> {
        self.write_running(move |c| insert_run(c, &run))
    }

    /// Records the end of a run, with one word for how it ended.
    pub fn end_run(&self, run: i64, outcome: &'static str, at: Timestamp) -> Ack<()> {
        self.write_running(move |c| {
            c.execute(
                "UPDATE runs SET ended = ?2, outcome = ?3 WHERE id = ?1 AND ended IS NULL",
                params![run, at.as_microsecond(), outcome],
            )?;
            // What a run had in hand that came to its own end was not what stopped others.
            if outcome == "ended" {
                c.execute(
                    "UPDATE attempt_state SET interruptions = 0
                     WHERE state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown')
                       AND interruptions > 0",
                    [],
                )?;
            }
            Ok(())
        })
    }

    /// Records an intent. Refused while another attempt of the job is open (M2), and once the
    /// approval that its run works under was revoked or has expired (M1), and where it is a retake that
    /// nobody asks for any more (M2).
    pub fn begin_attempt(&self, attempt: NewAttempt) -> Ack<Begun> {
        self.write_running(move |c| insert_attempt(c, &attempt))
    }

    /// Records a transition. Refused when the attempt is not in the state that it starts from.
    pub fn apply(&self, transition: Transition) -> Ack<()> {
        self.write_running(move |c| update_attempt(c, &transition))
    }
}

fn insert_run(c: &Connection, run: &NewRun) -> Result<i64, LedgerError> {
    let at = run.at.as_microsecond();
    c.execute(
        "UPDATE attempt_state SET interruptions = interruptions + 1
         WHERE state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown')
           AND EXISTS (SELECT 1 FROM runs WHERE ended IS NULL)",
        [],
    )?;
    c.execute("UPDATE runs SET ended = ?, outcome = 'cut_off' WHERE ended IS NULL", [at])?;
    c.execute(
        "INSERT INTO runs (plan, approval, unit, version, started) VALUES (?, ?, ?, ?, ?)",
        params![
            run.plan.as_ref().map(|plan| plan.as_bytes()),
            run.approval,
            run.unit.as_str(),
            env!("CARGO_PKG_VERSION"),
            at
        ],
    )?;
    Ok(c.last_insert_rowid())
}

fn insert_attempt(c: &Connection, a: &NewAttempt) -> Result<Begun, LedgerError> {
    check_approval(c, a.run, a.at)?;
    let fingerprint = a.fingerprint.as_bytes();
    let state = JobState::Submitting;
    let earlier = c
        .prepare_cached(
            "SELECT jobs.id, jobs.state, attempts.number, attempts.retake, attempts.parts = ?2
             FROM jobs JOIN attempts ON attempts.id = jobs.attempt WHERE address = ?1",
        )?
        .query_row(params![a.address.as_str(), parts_to_bytes(&a.parts)], |row| {
            let (job, state): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok((job, state, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let no_retake = || LedgerError::NoRetake { address: a.address.to_string() };
    let (job, number): (i64, u32) = match earlier {
        None if a.retake != 0 => return Err(no_retake()),
        None => {
            c.prepare_cached(
                "INSERT INTO jobs (address, state, attempt, fingerprint) VALUES (?, ?, 0, ?)",
            )?
            .execute(params![
                a.address.as_str(),
                state.as_str(),
                &fingerprint[..16]
            ])?;
            (c.last_insert_rowid(), 1)
        }
        Some((job, stored, number, retake, same)) => {
            let known = JobState::parse(&stored);
            if let Some(state) = known.filter(|s| s.is_open()) {
                return Err(LedgerError::StillOpen { address: a.address.to_string(), state });
            }
            let (number, retake, same): (u32, u32, bool) = (number, retake, same);
            if a.retake != retake
                && (a.retake != retake.saturating_add(1) || !may_be_taken_again(c, job, same)?)
            {
                return Err(no_retake());
            }
            (job, number.saturating_add(1))
        }
    };
    c.prepare_cached(
        "INSERT INTO attempts (job, number, plan, fingerprint, parts, provider, model, account,
             estimate, started, request, retake) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        job,
        number,
        a.plan.as_bytes(),
        fingerprint,
        parts_to_bytes(&a.parts),
        a.provider,
        a.model,
        a.account,
        a.reserved.get(),
        a.at.as_microsecond(),
        a.request,
        a.retake
    ])?;
    let attempt = c.last_insert_rowid();
    let total = totals::count_in(c, a)?;
    c.prepare_cached(
        "INSERT INTO attempt_state (attempt, total, state, reserved, settled, updated)
         VALUES (?, ?, ?, ?, 0, ?)",
    )?
    .execute(params![
        attempt,
        total,
        state.as_str(),
        a.reserved.get(),
        a.at.as_microsecond()
    ])?;
    c.prepare_cached("UPDATE jobs SET state = ?, attempt = ?, fingerprint = ? WHERE id = ?")?
        .execute(params![state.as_str(), attempt, &fingerprint[..16], job])?;
    let mut detail = json!({
        "number": number, "run": a.run, "reserved": a.reserved.to_decimal().to_string(),
    });
    if a.retake > 0 {
        detail["retake"] = a.retake.into();
    }
    insert_event(c, a.at, Some((job, attempt)), "intent", &detail)?;
    Ok(Begun { job, attempt, number })
}

/// Whether an attempt may begin as one retake more (M2): a person asks for it, or the check on the
/// latest clip does, and no more often than its request's rule allows. A changed request is no retake
/// of it, whatever was asked for.
fn may_be_taken_again(c: &Connection, job: i64, same: bool) -> rusqlite::Result<bool> {
    Ok(match words::asks_for_retake(c, job)? {
        None => false,
        Some(AskedBy::Person) => true,
        Some(AskedBy::Check) => !same || checks::is_within_rule(c, job)?,
    })
}

fn update_attempt(c: &Connection, t: &Transition) -> Result<(), LedgerError> {
    let conflict = || LedgerError::Conflict { attempt: t.attempt, from: t.from, to: t.to };
    let before =
        totals::standing(c, t.attempt)?.filter(|s| s.state == t.from).ok_or_else(conflict)?;
    let after = totals::Standing {
        state: t.to,
        reserved: t.reserved.get(),
        settled: t.settled.get(),
        written_off: t.kind == WRITTEN_OFF || (before.written_off && t.from == t.to),
        ..before
    };
    let ready = (t.to == JobState::Ready).then(|| t.at.as_microsecond());
    c.prepare_cached(
        "UPDATE attempt_state SET state = ?2, reserved = ?3, settled = ?4,
             basis = coalesce(?5, basis),
             remote_id = CASE WHEN ?13 THEN NULL ELSE coalesce(?6, remote_id) END,
             message = coalesce(?7, message), expires = coalesce(?8, expires),
             ready = coalesce(ready, ?9), updated = ?10, written_off = ?11,
             interruptions = CASE WHEN ?12 THEN 0 ELSE interruptions END
         WHERE attempt = ?1",
    )?
    .execute(params![
        t.attempt,
        t.to.as_str(),
        t.reserved.get(),
        t.settled.get(),
        t.basis.map(Basis::as_str),
        t.remote_id,
        t.message,
        t.expires.map(Timestamp::as_microsecond),
        ready,
        t.at.as_microsecond(),
        after.written_off,
        is_progress(t.from, t.to),
        // What a provider never took has no id there: a wrong one may be another job's. Events keep it.
        t.to == JobState::Refused
    ])?;
    totals::carry_over(c, &before, &after)?;
    // A job follows its latest attempt only; an older one that still moved would be a defect.
    let followed = c
        .prepare_cached("UPDATE jobs SET state = ?3 WHERE id = ?2 AND attempt = ?1")?
        .execute(params![t.attempt, before.job, t.to.as_str()])?;
    if followed != 1 {
        return Err(conflict());
    }
    if let Some(clip) = &t.clip {
        insert_clip(c, t.attempt, clip)?;
    }
    let mut detail = json!({
        "from": t.from, "to": t.to, "reserved": t.reserved.to_decimal().to_string(),
        "settled": t.settled.to_decimal().to_string(),
    });
    if let (Some(into), Value::Object(more)) = (detail.as_object_mut(), &t.detail) {
        into.extend(more.clone());
    }
    insert_event(c, t.at, Some((before.job, t.attempt)), t.kind, &detail)
}

/// Whether a step brings an attempt further, so that an interruption before it no longer counts
/// against it. To begin what may be what stops the process again (fetching, sending once more) does
/// not, and neither does coming back from it.
fn is_progress(from: JobState, to: JobState) -> bool {
    use JobState::{Fetching, Ready, Submitting, Unknown};
    match to {
        Submitting | Unknown | Fetching => false,
        Ready => from != Fetching,
        _ => from != to,
    }
}

fn insert_clip(c: &Connection, attempt: i64, clip: &ClipRecord) -> Result<(), LedgerError> {
    let bytes = i64::try_from(clip.bytes).unwrap_or(i64::MAX);
    let duration = i64::try_from(clip.duration_ms).unwrap_or(i64::MAX);
    let to_check = c
        .prepare_cached("SELECT request FROM attempts WHERE id = ?")?
        .query_row([attempt], |row| Ok(checks::rule_in(row.get_ref(0)?.as_str()?).is_some()))?;
    c.prepare_cached(
        "INSERT INTO clips (attempt, path, digest, bytes, width, height, duration_ms, frames,
             to_check) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        attempt,
        clip.path,
        clip.digest.as_bytes(),
        bytes,
        clip.width,
        clip.height,
        duration,
        clip.frames,
        to_check
    ])?;
    Ok(())
}

pub(super) fn insert_event(
    c: &Connection,
    at: Timestamp,
    of: Option<(i64, i64)>,
    kind: &str,
    detail: &Value,
) -> Result<(), LedgerError> {
    c.prepare_cached("INSERT INTO events (at, job, attempt, kind, detail) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![
            at.as_microsecond(),
            of.map(|(job, _)| job),
            of.map(|(_, attempt)| attempt),
            kind,
            detail.to_string()
        ])?;
    Ok(())
}

/// The four parts as 32 bytes, little end first.
fn parts_to_bytes(parts: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (into, part) in bytes.chunks_exact_mut(8).zip(parts) {
        into.copy_from_slice(&part.to_le_bytes());
    }
    bytes
}
