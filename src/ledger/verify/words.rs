//! What people said of clips: rows against events, and retakes against the words and checks that ask
//! for them.

use rusqlite::Connection;

use super::{Fault, Rule};
use crate::ledger::error::LedgerError;

/// Every word is an event too, word for word; nothing was begun as a retake that nobody asked for.
pub(super) fn words(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    const ROWS: &str =
        "SELECT attempt, at, 'clip_' || verdict AS kind, retake, by, note FROM words";
    const EVENTS: &str = "SELECT attempt, at, kind, json_extract(detail, '$.retake'),
            json_extract(detail, '$.by'), json_extract(detail, '$.note')
        FROM events WHERE kind IN ('clip_accepted', 'clip_rejected')";
    for (query, message) in [
        (format!("{ROWS} EXCEPT {EVENTS}"), "a word on its clip is no event"),
        (format!("{EVENTS} EXCEPT {ROWS}"), "an event says a word on its clip that is not there"),
        (
            "SELECT w.attempt FROM words w JOIN attempts a ON a.id = w.attempt
             JOIN attempts l ON l.id = w.latest
             WHERE a.job <> w.job OR l.job <> w.job OR l.number < a.number"
                .to_owned(),
            "a word on its clip was recorded with another job, or before there was the clip",
        ),
        (
            "SELECT a.id FROM attempts a LEFT JOIN attempts p
                 ON p.job = a.job AND p.number = a.number - 1
             WHERE a.job IN (SELECT job FROM attempts WHERE retake > 0)
                 AND a.retake <> coalesce(p.retake, 0)
                 AND NOT (a.retake = p.retake + 1
                     AND EXISTS (SELECT 1 FROM words w WHERE w.job = a.job AND w.latest = p.id
                         AND w.retake = 1
                         UNION ALL SELECT 1 FROM checks k WHERE k.attempt = p.id
                         AND k.retake = 1))"
                .to_owned(),
            "it began as a retake that nobody asked for",
        ),
    ] {
        let query = format!(
            "SELECT j.address, a.number FROM attempts a JOIN jobs j ON j.id = a.job
                 WHERE a.id IN (SELECT {} FROM ({query}) f)",
            column(&query)
        );
        let mut query = c.prepare(&query)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            each(Fault::of(Rule::Words, message).at(row.get(0)?, row.get(1)?));
        }
    }
    Ok(())
}

/// What a query calls the attempt that it is about.
fn column(query: &str) -> &'static str {
    if query.starts_with("SELECT a.id") { "f.id" } else { "f.attempt" }
}
