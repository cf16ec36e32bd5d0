//! What is checked when a ledger is opened. Reads only: a newer or foreign file stays as it is.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::error::LedgerError;
use super::schema::{APPLICATION_ID, FORMAT};

/// Ledgers up to this many bytes are checked whole at every opening; a larger one would delay
/// the first effect of a run by seconds.
const CHECKED_WHOLE_UP_TO: u64 = 64 << 20;

/// How many of the newest rows are read at every opening: those that a run is about to build on, and
/// the first to be missing where a file was cut short.
const NEWEST: i64 = 64;

/// Tables that every format has.
const TABLES: &str = "'meta', 'approvals', 'runs', 'jobs', 'attempts', 'attempt_state', 'clips', \
                      'events', 'pictures', 'plans'";

/// Checks that the file is a whole ledger of a format that this binary may touch; returns the
/// format.
pub(super) fn examine(path: &Path, connection: &Connection) -> Result<i64, LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    let damaged = |what: &str| LedgerError::Damaged { path: path.into(), what: what.to_owned() };
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let format = number("user_version").map_err(sql)?;
    let application = number("application_id").map_err(sql)?;
    let count = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    if application == 0 && format == 0 && count("SELECT count(*) FROM sqlite_schema") == Ok(0) {
        // A ledger gets its name when it is complete, so this was one, and what it said is gone.
        return Err(damaged("it is empty"));
    }
    if application != APPLICATION_ID {
        return Err(LedgerError::NotALedger { path: path.to_path_buf() });
    }
    if format > FORMAT {
        return Err(LedgerError::Newer { path: path.to_path_buf(), found: format, known: FORMAT });
    }
    let tables = format!("SELECT count(*) FROM sqlite_schema WHERE name IN ({TABLES})");
    if format < 1 || count(&tables).map_err(sql)? != 10 {
        return Err(damaged("some of its tables are missing"));
    }
    if format == FORMAT {
        newest_rows(connection).map_err(sql)?.map_or(Ok(()), |what| Err(damaged(what)))?;
    }
    let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    if bytes <= CHECKED_WHOLE_UP_TO {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sql)?;
        if verdict != "ok" {
            return Err(damaged(&verdict));
        }
    }
    Ok(format)
}

/// What is wrong with the newest rows, if anything: they must be readable in full, and what they
/// point to must be there.
fn newest_rows(connection: &Connection) -> rusqlite::Result<Option<&'static str>> {
    let none_of = |query: &str| {
        connection.query_row(query, [NEWEST], |row| row.get::<_, i64>(0)).map(|broken| broken == 0)
    };
    if !none_of(
        "SELECT count(*) FROM (SELECT * FROM events ORDER BY seq DESC LIMIT ?) e
         LEFT JOIN attempts a ON a.id = e.attempt LEFT JOIN jobs j ON j.id = e.job
         WHERE length(e.kind) = 0 OR length(e.detail) = 0
            OR (e.attempt IS NOT NULL AND a.id IS NULL) OR (e.job IS NOT NULL AND j.id IS NULL)",
    )? {
        return Ok(Some("its newest events point to attempts or jobs that are not there"));
    }
    if !none_of(
        "SELECT count(*) FROM (SELECT * FROM attempts ORDER BY id DESC LIMIT ?) a
         LEFT JOIN attempt_state s ON s.attempt = a.id LEFT JOIN totals t ON t.id = s.total
         LEFT JOIN runs r ON r.id = t.run LEFT JOIN jobs j ON j.id = a.job
         WHERE r.id IS NULL OR j.id IS NULL OR length(a.request) = 0",
    )? {
        return Ok(Some("its newest attempts point to rows that are not there"));
    }
    Ok(None)
}

/// A path beside the ledger's: SQLite's own files are named after it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Whether there is a ledger at `path`. A write-ahead log without its ledger is neither a ledger nor
/// an empty place: what it holds would be read into whatever file came to stand there.
pub(super) fn is_there(path: &Path) -> Result<bool, LedgerError> {
    // Where something else is in the folder's place, there is none. A folder that this user may not
    // look into is another matter: nothing there may be taken for nothing.
    let there = |path: &Path| match path.try_exists() {
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        looked => looked.map_err(|e| LedgerError::unreachable(path, &e)),
    };
    if there(path)? {
        return Ok(true);
    }
    for ending in ["-wal", "-journal"] {
        let rest = beside(path, ending);
        if there(&rest)? {
            return Err(LedgerError::Damaged {
                path: path.to_path_buf(),
                what: format!("it is gone, and {} remained without it", rest.display()),
            });
        }
    }
    Ok(false)
}
