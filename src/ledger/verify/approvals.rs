//! Approvals and revocations are what was recorded, and nothing began under one that had ended.
//!
//! What never lives here: signatures (the ledger does not know whose keys count).

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;

use super::{Fault, Rule};
use crate::ledger::approval::{APPROVAL, Approval, approval_of};
use crate::ledger::error::LedgerError;

/// Checks them all.
pub(super) fn approvals(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    as_recorded(c, each)?;
    revocations(c, each)?;
    begun_in_time(c, each)
}

/// Each approval says what its event says. There are few of them, however long the ledger is.
fn as_recorded(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut told: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    let mut query = c.prepare("SELECT detail FROM events WHERE kind = 'approved'")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let detail: String = row.get(0)?;
        let detail: Value = serde_json::from_str(&detail).unwrap_or_default();
        told.entry(detail["approval"].as_i64().unwrap_or_default()).or_default().push(detail);
    }
    let mut query = c.prepare(&format!("{APPROVAL} ORDER BY a.id"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let approval = approval_of(row)?;
        match told.remove(&approval.id).as_deref() {
            Some([detail]) if says_the_same(detail, &approval) => {}
            _ => {
                let what = format!("approval {} is not what was recorded", approval.id);
                each(Fault::of(Rule::Approvals, what));
            }
        }
    }
    for approval in told.into_keys() {
        let what = format!("approval {approval} was recorded, but is gone");
        each(Fault::of(Rule::Approvals, what));
    }
    Ok(())
}

fn says_the_same(detail: &Value, a: &Approval) -> bool {
    let text = |name: &str| detail[name].as_str().map(str::to_owned);
    text("plan") == Some(a.plan.to_string())
        && text("by").as_ref() == Some(&a.by)
        && text("ceiling") == Some(a.ceiling.to_decimal().to_string())
        && text("unit").as_deref() == Some(a.unit.as_str())
        && text("expires") == a.expires.map(|at| at.to_string())
        && text("digest") == a.digest.map(|digest| digest.to_string())
        && text("key") == a.signature.as_ref().map(|signature| signature.key.clone())
}

/// Each revocation has its event, and each event its revocation.
fn revocations(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut query = c.prepare(
        "WITH told AS (SELECT json_extract(detail, '$.approval') approval FROM events
                       WHERE kind = 'revoked')
         SELECT approval, 'has a revocation that no event tells of' FROM revocations
             WHERE approval NOT IN (SELECT approval FROM told)
         UNION SELECT approval, 'was revoked, but its revocation is gone' FROM told
             WHERE approval NOT IN (SELECT approval FROM revocations)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (approval, what): (i64, String) = (row.get(0)?, row.get(1)?);
        each(Fault::of(Rule::Approvals, format!("approval {approval} {what}")));
    }
    Ok(())
}

/// No attempt began after its approval was revoked, by the order of events, or had expired, by the
/// time of the intent.
fn begun_in_time(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut query = c.prepare(
        "WITH told AS MATERIALIZED (
             SELECT json_extract(detail, '$.approval') approval, min(seq) seq FROM events
             WHERE kind = 'revoked' GROUP BY 1
         ), ended AS MATERIALIZED (
             SELECT p.id, p.expires, told.seq revoked
             FROM approvals p LEFT JOIN told ON told.approval = p.id
             WHERE p.expires IS NOT NULL OR told.seq IS NOT NULL
         )
         SELECT j.address, a.number, p.id, p.revoked < e.seq
         FROM events e CROSS JOIN attempts a ON a.id = e.attempt
         CROSS JOIN attempt_state s ON s.attempt = a.id CROSS JOIN totals t ON t.id = s.total
         CROSS JOIN runs r ON r.id = t.run JOIN ended p ON p.id = r.approval
         JOIN jobs j ON j.id = a.job
         WHERE e.kind = 'intent' AND (p.revoked < e.seq OR p.expires <= a.started)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (approval, revoked): (i64, Option<bool>) = (row.get(2)?, row.get(3)?);
        let how = if revoked == Some(true) { "was revoked" } else { "had expired" };
        let what = format!("it began after approval {approval} {how}");
        each(Fault::of(Rule::Approvals, what).at(row.get(0)?, row.get(1)?));
    }
    Ok(())
}
