//! What looking at clips came to: rows against events, and retakes against what may be asked for.

use rusqlite::Connection;

use super::{Fault, Rule};
use crate::ledger::checks::{most_retakes, rule_in};
use crate::ledger::error::LedgerError;

/// Every check is an event too, value for value, and is about a clip of its own job.
pub(super) fn checks(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    const ROWS: &str = "SELECT attempt, at, id, measure, verdict, score, retake FROM checks";
    const EVENTS: &str = "SELECT attempt, at, json_extract(detail, '$.check'),
            json_extract(detail, '$.measure'), json_extract(detail, '$.verdict'),
            json_extract(detail, '$.score'), json_extract(detail, '$.retake')
        FROM events WHERE kind = 'checked'";
    for (query, message) in [
        (format!("{ROWS} EXCEPT {EVENTS}"), "a check of its clip is no event"),
        (format!("{EVENTS} EXCEPT {ROWS}"), "an event tells of a check that is not there"),
        (
            "SELECT k.attempt FROM checks k JOIN attempts a ON a.id = k.attempt
             LEFT JOIN clips c ON c.attempt = k.attempt
             WHERE a.job <> k.job OR c.attempt IS NULL OR c.to_check = 1"
                .to_owned(),
            "a check of its clip was recorded with another job, without a clip, or is not known to it",
        ),
    ] {
        let mut query = c.prepare(&format!(
            "SELECT j.address, a.number FROM attempts a JOIN jobs j ON j.id = a.job
             WHERE a.id IN (SELECT f.attempt FROM ({query}) f)"
        ))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            each(Fault::of(Rule::Checks, message).at(row.get(0)?, row.get(1)?));
        }
    }
    without_a_rule(c, each)?;
    too_often(c, each)
}

/// A clip waits to be looked at exactly where its request has a rule and nobody did.
fn without_a_rule(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut query = c.prepare(
        "SELECT j.address, a.number, a.request FROM clips c JOIN attempts a ON a.id = c.attempt
         JOIN jobs j ON j.id = a.job WHERE c.to_check = 1",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let request: String = row.get(2)?;
        if rule_in(&request).is_none() {
            let message = "its clip waits to be looked at, but its request has no rule for it";
            each(Fault::of(Rule::Checks, message).at(row.get(0)?, row.get(1)?));
        }
    }
    Ok(())
}

/// Checks asked for another clip of one request no more often than its rule allows.
fn too_often(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    // Up to each attempt whose check asks, and by that attempt's own rule.
    let mut query = c.prepare(
        "SELECT j.address, a.number, a.request,
             (SELECT count(DISTINCT e.attempt) FROM checks e JOIN attempts b ON b.id = e.attempt
              WHERE e.job = k.job AND e.retake = 1 AND b.parts = a.parts AND b.number <= a.number)
         FROM (SELECT DISTINCT job, attempt FROM checks WHERE retake = 1) k
         JOIN attempts a ON a.id = k.attempt JOIN jobs j ON j.id = k.job",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (request, asked): (String, u32) = (row.get(2)?, row.get(3)?);
        let most = most_retakes(&request);
        if asked > most {
            let message = format!(
                "checks asked {asked} times for another clip of its request, whose rule allows {most}"
            );
            each(Fault::of(Rule::Checks, message).at(row.get(0)?, row.get(1)?));
        }
    }
    Ok(())
}
