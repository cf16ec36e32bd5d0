//! Approvals and revocations are what was recorded, and nothing began under one that had ended.
//!
//! What never lives here: signatures (the ledger does not know whose keys count).

use rusqlite::Connection;

use super::{Fault, Rule};
use crate::ledger::approval::{APPROVAL, approval_of};
use crate::ledger::error::LedgerError;

/// Checks them all.
pub(super) fn approvals(
    c: &Connection,
    each: &mut dyn FnMut(Fault),
) -> Result<(), LedgerError> {
    as_recorded(c, each)?;
    revocations(c, each)?;
    begun_in_time(c, each)
}

/// Each approval says what its event says.
fn as_recorded(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut event = c.prepare(
        "SELECT detail FROM events
         WHERE kind = 'approved' AND json_extract(detail, '$.approval') = ?",
    )?;
    let mut query = c.prepare(&format!("{APPROVAL} ORDER BY a.id"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let a = approval_of(row)?;
        let texts = event.query_map([a.id], |row| row.get::<_, String>(0))?;
        let details: Vec<serde_json::Value> =
            texts.flatten().filter_map(|text| serde_json::from_str(&text).ok()).collect();
        let same = |detail: &serde_json::Value| {
            let text = |name: &str| detail[name].as_str().map(str::to_owned);
            text("plan") == Some(a.plan.to_string())
                && text("by").as_ref() == Some(&a.by)
                && text("ceiling") == Some(a.ceiling.to_decimal().to_string())
                && text("unit").as_deref() == Some(a.unit.as_str())
                && text("expires") == a.expires.map(|at| at.to_string())
                && text("digest") == a.digest.map(|digest| digest.to_string())
                && text("key") == a.signature.as_ref().map(|signature| signature.key.clone())
        };
        if details.len() != 1 || !details.iter().all(same) {
            let what = format!("approval {} is not what was recorded", a.id);
            each(Fault::of(Rule::Approvals, what));
        }
    }
    Ok(())
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
        "WITH ended AS (
             SELECT p.id, p.expires, (SELECT min(seq) FROM events WHERE kind = 'revoked'
                 AND json_extract(detail, '$.approval') = p.id) revoked
             FROM approvals p
         )
         SELECT j.address, a.number, p.id, p.revoked < e.seq
         FROM ended p JOIN runs r ON r.approval = p.id JOIN totals t ON t.run = r.id
         JOIN attempt_state s ON s.total = t.id JOIN attempts a ON a.id = s.attempt
         JOIN jobs j ON j.id = a.job JOIN events e ON e.attempt = a.id AND e.kind = 'intent'
         WHERE (p.revoked IS NOT NULL OR p.expires IS NOT NULL)
           AND (p.revoked < e.seq OR p.expires <= a.started)",
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
