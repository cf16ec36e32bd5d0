//! Rows that must agree with each other: jobs, totals, ceilings, ids of providers.

use rusqlite::Connection;
use rust_decimal::Decimal;

use super::{Checked, Fault, Rule};
use crate::digest::Digest;
use crate::ledger::error::LedgerError;
use crate::ledger::read::{bytes, count_of};

/// Every job stands as its latest attempt does; attempts have numbers without gaps.
pub(super) fn jobs(
    c: &Connection,
    checked: &mut Checked,
    each: &mut dyn FnMut(Fault),
) -> Result<(), LedgerError> {
    checked.jobs = count_of(c, "SELECT count(*) FROM jobs")?;
    let mut query = c.prepare(
        "SELECT j.address, j.state, s.state, a.number,
             (SELECT max(number) FROM attempts WHERE job = j.id),
             a.job = j.id AND substr(a.fingerprint, 1, 16) = j.fingerprint
         FROM jobs j JOIN attempts a ON a.id = j.attempt JOIN attempt_state s ON s.attempt = a.id
         WHERE j.state <> s.state OR a.job <> j.id
            OR substr(a.fingerprint, 1, 16) <> j.fingerprint
            OR a.number <> (SELECT max(number) FROM attempts WHERE job = j.id)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (job, is, attempt): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (number, last): (u32, Option<u32>) = (row.get(3)?, row.get(4)?);
        let message = if row.get(5)? && Some(number) == last {
            format!("it is {is}, but its latest attempt is {attempt}")
        } else {
            "it points to an attempt that is not its latest, or of another request".to_owned()
        };
        each(Fault::of(Rule::Jobs, message).at(Some(job), Some(number)));
    }
    let mut query = c.prepare(
        "SELECT j.address, count(*), min(a.number), max(a.number)
         FROM attempts a JOIN jobs j ON j.id = a.job
         GROUP BY a.job HAVING max(a.number) <> count(*) OR min(a.number) <> 1",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (count, first, last): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let message = format!("its {count} attempts are numbered from {first} to {last}");
        each(Fault::of(Rule::Jobs, message).at(row.get(0)?, None));
    }
    let mut query = c.prepare(
        "SELECT j.address, count(*) FROM attempt_state s JOIN attempts a ON a.id = s.attempt
         JOIN jobs j ON j.id = a.job
         WHERE s.state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown')
         GROUP BY a.job HAVING count(*) > 1",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let message = format!("{} of its attempts are open at once", row.get::<_, i64>(1)?);
        each(Fault::of(Rule::OneOpen, message).at(row.get(0)?, None));
    }
    Ok(())
}

/// Every total is the sum over the attempts that point to it, and they are of its kind.
pub(super) fn totals(
    c: &Connection,
    checked: &mut Checked,
    each: &mut dyn FnMut(Fault),
) -> Result<(), LedgerError> {
    checked.totals = count_of(c, "SELECT count(*) FROM totals")?;
    let mut query = c.prepare(
        "SELECT t.day, t.model, t.held, coalesce(s.held, 0), t.written_off,
             coalesce(s.written_off, 0), t.attempts, coalesce(s.attempts, 0), t.overcharged,
             coalesce(s.overcharged, 0)
         FROM totals t LEFT JOIN (
             SELECT s.total, sum(s.reserved + s.settled) held,
                 sum(s.written_off * s.settled) written_off,
                 sum(s.state <> 'refused') attempts, sum(s.settled > a.estimate) overcharged
             FROM attempt_state s JOIN attempts a ON a.id = s.attempt GROUP BY s.total
         ) s ON s.total = t.id
         WHERE (t.held, t.written_off, t.attempts, t.overcharged) IS NOT (coalesce(s.held, 0),
             coalesce(s.written_off, 0), coalesce(s.attempts, 0), coalesce(s.overcharged, 0))",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (day, model): (i64, String) = (row.get(0)?, row.get(1)?);
        for (column, name) in [(2, "held"), (4, "written off"), (6, "attempts"), (8, "overcharged")]
        {
            let (kept, sum): (i64, i64) = (row.get(column)?, row.get(column + 1)?);
            if kept != sum {
                let money = column < 6;
                let say = |n: i64| if money { units(n) } else { n.to_string() };
                let message = format!(
                    "the total of {model} on day {day} since 1970 says {name} {}, its attempts {}",
                    say(kept),
                    say(sum)
                );
                each(Fault::of(Rule::Totals, message));
            }
        }
    }
    let mut query = c.prepare(
        "SELECT j.address, a.number FROM attempt_state s JOIN attempts a ON a.id = s.attempt
         JOIN jobs j ON j.id = a.job JOIN totals t ON t.id = s.total
         WHERE (t.plan, t.provider, t.model, t.account) <> (a.plan, a.provider, a.model, a.account)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let fault = Fault::of(Rule::Totals, "it is counted in a total of another kind");
        each(fault.at(row.get(0)?, row.get(1)?));
    }
    Ok(())
}

/// What is held under each plan is within what was approved for it.
pub(super) fn ceilings(
    c: &Connection,
    checked: &mut Checked,
    each: &mut dyn FnMut(Fault),
) -> Result<(), LedgerError> {
    let mut query = c.prepare(
        "SELECT a.plan, sum(s.reserved + s.settled), sum(max(s.settled - a.estimate, 0)),
             (SELECT max(ceiling) FROM approvals p WHERE p.plan = a.plan)
         FROM attempt_state s JOIN attempts a ON a.id = s.attempt GROUP BY a.plan",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        checked.plans += 1;
        let plan = Digest::from_bytes(bytes(row, 0)?);
        let (held, beyond): (i64, i64) = (row.get(1)?, row.get(2)?);
        let Some(ceiling) = row.get::<_, Option<i64>>(3)? else {
            each(Fault::of(Rule::Ceiling, format!("nobody approved plan {}", plan.short())));
            continue;
        };
        if held.saturating_sub(beyond) > ceiling {
            let message = format!(
                "{} is held under plan {}, more than its ceiling of {}",
                units(held),
                plan.short(),
                units(ceiling)
            );
            each(Fault::of(Rule::Ceiling, message));
        }
    }
    Ok(())
}

/// One id, two different requests: a reply was taken for that of another job. The same request may
/// have the same id twice, where the provider knows requests by their content; so may its retake,
/// of a model that takes no seed.
pub(super) fn remote_ids(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut query = c.prepare(
        "SELECT a.provider, s.remote_id, min(j.address), max(j.address)
         FROM attempt_state s JOIN attempts a ON a.id = s.attempt JOIN jobs j ON j.id = a.job
         WHERE s.remote_id IS NOT NULL
         GROUP BY a.provider, a.account, s.remote_id HAVING count(DISTINCT a.fingerprint) > 1
             AND (count(DISTINCT a.parts) > 1 OR count(DISTINCT a.job) > 1)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (provider, id): (String, String) = (row.get(0)?, row.get(1)?);
        let other: String = row.get(3)?;
        let message = format!("{provider} is said to have given its id {id} to {other} as well");
        each(Fault::of(Rule::RemoteIds, message).at(row.get(2)?, None));
    }
    Ok(())
}

fn units(micros: i64) -> String {
    Decimal::new(micros, 6).normalize().to_string()
}
