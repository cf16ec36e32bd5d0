//! Events done again: what they say happened to an attempt must lead to how it stands.

use rusqlite::{Connection, Statement};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{Checked, Fault, Rule};
use crate::ledger::checks;
use crate::ledger::error::LedgerError;
use crate::ledger::read::{count_of, parse_state};
use crate::ledger::record::JobState;
use crate::ledger::words::is_word;
use crate::money::Micros;

/// An attempt as its row says.
struct Attempt {
    id: i64,
    job: String,
    number: u32,
    run: i64,
    is_latest: bool,
    estimate: i64,
    stands: Stands,
    has_clip: bool,
}

/// Where an attempt stands, by its row or by its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stands {
    state: JobState,
    reserved: i64,
    settled: i64,
}

/// Reads every attempt beside its events, both in the order of attempts.
pub(super) fn events(
    c: &Connection,
    checked: &mut Checked,
    each: &mut dyn FnMut(Fault),
) -> Result<(), LedgerError> {
    // Only numbers are sorted; what an event says is read by its number.
    let mut order = c.prepare(
        "SELECT attempt, seq FROM events WHERE attempt IS NOT NULL ORDER BY attempt, seq",
    )?;
    let mut order = order.query([])?;
    let mut next: Option<(i64, i64)> = order.next()?.map(pair).transpose()?;
    let mut event = c.prepare("SELECT kind, detail FROM events WHERE seq = ?")?;
    let mut attempts = c.prepare(
        "SELECT a.id, j.address, a.number, t.run, j.attempt = a.id, a.estimate, s.state, s.reserved,
             s.settled, c.attempt IS NOT NULL
         FROM attempts a JOIN jobs j ON j.id = a.job JOIN attempt_state s ON s.attempt = a.id
         JOIN totals t ON t.id = s.total LEFT JOIN clips c ON c.attempt = a.id ORDER BY a.id",
    )?;
    let mut attempts = attempts.query([])?;
    while let Some(row) = attempts.next()? {
        let attempt = attempt_of(row)?;
        checked.attempts += 1;
        let mut told: Result<Option<Stands>, String> = Ok(None);
        while let Some((of, seq)) = next.filter(|(of, _)| *of <= attempt.id) {
            if of == attempt.id {
                checked.events += 1;
                told = match told {
                    Ok(before) => step(&mut event, seq, &attempt, before)?,
                    Err(what) => Err(what),
                };
            }
            next = order.next()?.map(pair).transpose()?;
        }
        judge(&attempt, told, each);
    }
    // Events of approvals belong to no attempt.
    checked.events += count_of(c, "SELECT count(*) FROM events WHERE attempt IS NULL")?;
    Ok(())
}

fn attempt_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: row.get(0)?,
        job: row.get(1)?,
        number: row.get(2)?,
        run: row.get(3)?,
        is_latest: row.get(4)?,
        estimate: row.get(5)?,
        stands: Stands {
            state: parse_state(6, row.get_ref(6)?.as_str()?)?,
            reserved: row.get(7)?,
            settled: row.get(8)?,
        },
        has_clip: row.get(9)?,
    })
}

fn pair(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Says what is wrong with an attempt, given what its events lead to.
fn judge(attempt: &Attempt, told: Result<Option<Stands>, String>, each: &mut dyn FnMut(Fault)) {
    let mut fault = |rule, message: String| {
        each(Fault::of(rule, message).at(Some(attempt.job.clone()), Some(attempt.number)));
    };
    let stands = attempt.stands;
    match told {
        Err(what) => fault(Rule::Events, what),
        Ok(None) => fault(Rule::Events, "it has no events, not even its intent".to_owned()),
        Ok(Some(told)) if told != stands => {
            fault(
                Rule::Events,
                format!("its events lead to {}, but it is {}", say(told), say(stands)),
            );
        }
        Ok(Some(_)) => {}
    }
    let state = stands.state;
    let may_reserve =
        matches!(state, JobState::Submitting | JobState::Submitted | JobState::Unknown);
    let may_settle = !may_reserve && state != JobState::Refused;
    if (stands.reserved != 0 && !may_reserve) || (stands.settled != 0 && !may_settle) {
        fault(Rule::Amounts, format!("no attempt may be {}", say(stands)));
    }
    if state.is_open() && !attempt.is_latest {
        fault(Rule::OneOpen, format!("it is {}, but a later attempt has begun", state.as_str()));
    }
    if attempt.has_clip != (state == JobState::Done) {
        let has = if attempt.has_clip { "has a clip" } else { "has no clip" };
        fault(Rule::ClipRows, format!("it is {} and {has}", state.as_str()));
    }
}

fn say(stands: Stands) -> String {
    let units = |micros: i64| Decimal::new(micros, 6).normalize();
    let Stands { state, reserved, settled } = stands;
    format!("{} with {} reserved and {} settled", state.as_str(), units(reserved), units(settled))
}

/// One event after `before`. The inner error is what is wrong with it.
fn step(
    event: &mut Statement<'_>,
    seq: i64,
    attempt: &Attempt,
    before: Option<Stands>,
) -> Result<Result<Option<Stands>, String>, LedgerError> {
    let (kind, detail): (String, String) =
        event.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let after = serde_json::from_str::<Value>(&detail)
        .map_err(|e| format!("its detail is no JSON: {e}"))
        .and_then(|detail| match before {
            None => intent(&kind, &detail, attempt),
            Some(before) if is_word(&kind) || kind == checks::KIND => Ok(before),
            Some(before) => transition(&detail, before),
        });
    Ok(after.map(Some).map_err(|what| format!("event {seq} ({kind}): {what}")))
}

fn intent(kind: &str, detail: &Value, attempt: &Attempt) -> Result<Stands, String> {
    if kind != "intent" {
        return Err("the first event of an attempt must be its intent".to_owned());
    }
    if detail["number"] != attempt.number || detail["run"] != attempt.run {
        return Err(format!("it is of attempt {} in run {}", detail["number"], detail["run"]));
    }
    let reserved = amount(detail, "reserved")?;
    if reserved != attempt.estimate {
        return Err("it reserved another amount than the attempt's estimate".to_owned());
    }
    Ok(Stands { state: JobState::Submitting, reserved, settled: 0 })
}

fn transition(detail: &Value, before: Stands) -> Result<Stands, String> {
    let state = |name: &str| {
        let text = detail[name].as_str().unwrap_or_default();
        JobState::parse(text).ok_or_else(|| format!("`{name}` is no state: {}", detail[name]))
    };
    let from = state("from")?;
    if from != before.state {
        let (from, was) = (from.as_str(), before.state.as_str());
        return Err(format!("it starts from {from}, but the attempt was {was}"));
    }
    let (reserved, settled) = (amount(detail, "reserved")?, amount(detail, "settled")?);
    Ok(Stands { state: state("to")?, reserved, settled })
}

fn amount(detail: &Value, name: &str) -> Result<i64, String> {
    let text = detail[name].as_str().unwrap_or_default();
    let value = text.parse::<Decimal>().ok().and_then(|value| Micros::from_decimal(value).ok());
    value.map(Micros::get).ok_or_else(|| format!("`{name}` is no amount: {}", detail[name]))
}
