//! The schema, its version, and the steps from one version to the next.
//!
//! A job's row is narrow, because a run touches it at every step; an attempt's request never
//! changes, so it stands apart from what does. Amounts are millionths of the workspace's unit,
//! times are microseconds since 1970, days are counted from 1970-01-01 (UTC).

use std::path::Path;

use rusqlite::Connection;

use super::error::LedgerError;

/// The newest format that this binary reads and writes.
pub const FORMAT: i64 = 5;

/// Marks the file as a ledger of Kinora (`KNRA`).
pub(super) const APPLICATION_ID: i64 = 0x4B4E_5241;

/// Step `n` turns format `n` into format `n + 1`.
const STEPS: [&str; FORMAT as usize] = [STEP_0, STEP_1, STEP_2, STEP_3, STEP_4];

const STEP_0: &str = "
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE approvals (
    id      INTEGER PRIMARY KEY,
    plan    BLOB NOT NULL CHECK (length(plan) = 32),
    by      TEXT NOT NULL,
    ceiling INTEGER NOT NULL CHECK (ceiling >= 0),
    unit    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    note    TEXT
) STRICT;
CREATE INDEX approvals_by_plan ON approvals (plan);

CREATE TABLE runs (
    id       INTEGER PRIMARY KEY,
    plan     BLOB NOT NULL CHECK (length(plan) = 32),
    approval INTEGER NOT NULL REFERENCES approvals (id),
    unit     TEXT NOT NULL,
    version  TEXT NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER,
    outcome  TEXT,
    CHECK ((ended IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX runs_by_plan ON runs (plan);

CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY,
    address     TEXT NOT NULL UNIQUE,
    state       TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'ready', 'fetching',
                    'done', 'refused', 'failed', 'unknown', 'lost')),
    attempt     INTEGER NOT NULL REFERENCES attempts (id) DEFERRABLE INITIALLY DEFERRED,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 16)
) STRICT;

CREATE TABLE attempts (
    id          INTEGER PRIMARY KEY,
    job         INTEGER NOT NULL REFERENCES jobs (id),
    number      INTEGER NOT NULL CHECK (number >= 1),
    plan        BLOB NOT NULL CHECK (length(plan) = 32),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    parts       BLOB NOT NULL CHECK (length(parts) = 32),
    provider    TEXT NOT NULL,
    model       TEXT NOT NULL,
    account     TEXT NOT NULL,
    estimate    INTEGER NOT NULL CHECK (estimate >= 0),
    started     INTEGER NOT NULL,
    request     TEXT NOT NULL,
    UNIQUE (job, number)
) STRICT;

CREATE TABLE attempt_state (
    attempt       INTEGER PRIMARY KEY REFERENCES attempts (id),
    run           INTEGER NOT NULL REFERENCES runs (id),
    day           INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'ready', 'fetching',
                      'done', 'refused', 'failed', 'unknown', 'lost')),
    reserved      INTEGER NOT NULL CHECK (reserved >= 0),
    settled       INTEGER NOT NULL CHECK (settled >= 0),
    basis         TEXT CHECK (basis IN ('provider', 'estimate')),
    updated       INTEGER NOT NULL,
    ready         INTEGER,
    expires       INTEGER,
    interruptions INTEGER NOT NULL DEFAULT 0 CHECK (interruptions >= 0),
    remote_id     TEXT,
    message       TEXT,
    -- Only an open attempt holds money that is not settled.
    CHECK (reserved = 0 OR state IN ('submitting', 'submitted', 'unknown')),
    CHECK (settled = 0 OR state IN ('ready', 'fetching', 'done', 'failed', 'lost')),
    -- A provider's id is known from its acceptance on.
    CHECK (remote_id IS NOT NULL OR state IN ('submitting', 'refused', 'unknown'))
) STRICT;
CREATE INDEX attempts_open ON attempt_state (attempt)
    WHERE state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown');

CREATE TABLE clips (
    attempt     INTEGER PRIMARY KEY REFERENCES attempts (id),
    path        TEXT NOT NULL,
    digest      BLOB NOT NULL CHECK (length(digest) = 32),
    bytes       INTEGER NOT NULL CHECK (bytes > 0),
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    frames      INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    job     INTEGER REFERENCES jobs (id),
    attempt INTEGER REFERENCES attempts (id),
    kind    TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

CREATE TABLE pictures (
    path        TEXT PRIMARY KEY,
    size        INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    digest      BLOB NOT NULL CHECK (length(digest) = 32),
    format      TEXT NOT NULL,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    orientation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
    id      INTEGER PRIMARY KEY,
    inputs  BLOB NOT NULL UNIQUE CHECK (length(inputs) = 32),
    summary TEXT NOT NULL
) STRICT;

CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
CREATE TRIGGER attempts_stay BEFORE UPDATE ON attempts
    BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
CREATE TRIGGER attempts_remain BEFORE DELETE ON attempts
    BEGIN SELECT RAISE(ABORT, 'what was asked is never removed'); END;
";

/// Facts of pictures gained `traits`. Rows of before have a number that means none, and are looked
/// at again.
const STEP_1: &str = "ALTER TABLE pictures ADD COLUMN traits INTEGER NOT NULL DEFAULT 255;";

/// A run that only collects what earlier ones left has no plan. Sums are kept beside the attempts
/// that they are over, so that nobody scans a million attempts to know what is held; run and day of
/// an attempt moved there. Needs foreign keys to be off, because rows point to tables made anew.
const STEP_2: &str = "
CREATE TABLE runs_anew (
    id       INTEGER PRIMARY KEY,
    plan     BLOB CHECK (length(plan) = 32),
    approval INTEGER REFERENCES approvals (id),
    unit     TEXT NOT NULL,
    version  TEXT NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER,
    outcome  TEXT,
    CHECK ((ended IS NULL) = (outcome IS NULL)),
    CHECK ((plan IS NULL) = (approval IS NULL))
) STRICT;
INSERT INTO runs_anew SELECT id, plan, approval, unit, version, started, ended, outcome FROM runs;
DROP TABLE runs;
ALTER TABLE runs_anew RENAME TO runs;
CREATE INDEX runs_by_plan ON runs (plan);

CREATE TABLE totals (
    id          INTEGER PRIMARY KEY,
    plan        BLOB NOT NULL CHECK (length(plan) = 32),
    run         INTEGER NOT NULL REFERENCES runs (id),
    day         INTEGER NOT NULL,
    provider    TEXT NOT NULL,
    model       TEXT NOT NULL,
    account     TEXT NOT NULL,
    held        INTEGER NOT NULL CHECK (held >= 0),
    written_off INTEGER NOT NULL CHECK (written_off BETWEEN 0 AND held),
    attempts    INTEGER NOT NULL CHECK (attempts >= 0),
    overcharged INTEGER NOT NULL CHECK (overcharged BETWEEN 0 AND attempts),
    UNIQUE (plan, run, day, provider, model, account)
) STRICT;
INSERT INTO totals (plan, run, day, provider, model, account,
        held, written_off, attempts, overcharged)
    SELECT a.plan, s.run, s.day, a.provider, a.model, a.account,
        sum(s.reserved + s.settled), 0, sum(s.state <> 'refused'), sum(s.settled > a.estimate)
    FROM attempt_state s JOIN attempts a ON a.id = s.attempt
    GROUP BY 1, 2, 3, 4, 5, 6;

CREATE TABLE attempt_state_anew (
    attempt       INTEGER PRIMARY KEY REFERENCES attempts (id),
    total         INTEGER NOT NULL REFERENCES totals (id),
    state         TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'ready', 'fetching',
                      'done', 'refused', 'failed', 'unknown', 'lost')),
    reserved      INTEGER NOT NULL CHECK (reserved >= 0),
    settled       INTEGER NOT NULL CHECK (settled >= 0),
    basis         TEXT CHECK (basis IN ('provider', 'estimate')),
    written_off   INTEGER NOT NULL DEFAULT 0 CHECK (written_off IN (0, 1)),
    updated       INTEGER NOT NULL,
    ready         INTEGER,
    expires       INTEGER,
    interruptions INTEGER NOT NULL DEFAULT 0 CHECK (interruptions >= 0),
    remote_id     TEXT,
    message       TEXT,
    -- Only an open attempt holds money that is not settled.
    CHECK (reserved = 0 OR state IN ('submitting', 'submitted', 'unknown')),
    CHECK (settled = 0 OR state IN ('ready', 'fetching', 'done', 'failed', 'lost')),
    -- A provider's id is known from its acceptance on, save where an unknown outcome was written
    -- off.
    CHECK (remote_id IS NOT NULL OR written_off = 1
        OR state IN ('submitting', 'refused', 'unknown'))
) STRICT;
INSERT INTO attempt_state_anew (attempt, total, state, reserved, settled, basis, updated, ready,
        expires, interruptions, remote_id, message)
    SELECT s.attempt, t.id, s.state, s.reserved, s.settled, s.basis, s.updated, s.ready,
        s.expires, s.interruptions, s.remote_id, s.message
    FROM attempt_state s JOIN attempts a ON a.id = s.attempt
    JOIN totals t ON (t.plan, t.run, t.day, t.provider, t.model, t.account)
        = (a.plan, s.run, s.day, a.provider, a.model, a.account)
    ORDER BY s.attempt;
DROP TABLE attempt_state;
ALTER TABLE attempt_state_anew RENAME TO attempt_state;
CREATE INDEX attempts_open ON attempt_state (attempt)
    WHERE state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown');
CREATE INDEX attempts_by_start ON attempts (started);
";

/// Approvals may expire, be signed and be revoked. One of before was a person's, for good, and has
/// no digest; what it says and what takes it back is never changed from now on.
const STEP_3: &str = "
ALTER TABLE approvals ADD COLUMN expires INTEGER;
ALTER TABLE approvals ADD COLUMN origin TEXT NOT NULL DEFAULT 'person'
    CHECK (origin IN ('person', 'asked', 'yes', 'policy'));
ALTER TABLE approvals ADD COLUMN shown TEXT;
ALTER TABLE approvals ADD COLUMN digest BLOB CHECK (length(digest) = 32);
ALTER TABLE approvals ADD COLUMN key TEXT;
ALTER TABLE approvals ADD COLUMN signature BLOB
    CHECK ((signature IS NULL) = (key IS NULL) AND length(signature) = 64);
CREATE UNIQUE INDEX approvals_by_digest ON approvals (digest);

CREATE TABLE revocations (
    approval INTEGER PRIMARY KEY REFERENCES approvals (id),
    by       TEXT NOT NULL,
    at       INTEGER NOT NULL,
    note     TEXT
) STRICT;

CREATE TRIGGER approvals_stay BEFORE UPDATE ON approvals
    BEGIN SELECT RAISE(ABORT, 'approvals are never changed'); END;
CREATE TRIGGER approvals_remain BEFORE DELETE ON approvals
    BEGIN SELECT RAISE(ABORT, 'approvals are never removed'); END;
CREATE TRIGGER revocations_stay BEFORE UPDATE ON revocations
    BEGIN SELECT RAISE(ABORT, 'revocations are never changed'); END;
CREATE TRIGGER revocations_remain BEFORE DELETE ON revocations
    BEGIN SELECT RAISE(ABORT, 'revocations are never removed'); END;
";

/// What people say of clips, and what looking at them came to. `latest` is the job's latest attempt
/// when a word was said: it rules until another attempt begins. Attempts know how often the same had
/// been asked for again.
const STEP_4: &str = "
ALTER TABLE attempts ADD COLUMN retake INTEGER NOT NULL DEFAULT 0 CHECK (retake >= 0);
CREATE INDEX attempts_retaken ON attempts (job) WHERE retake > 0;

CREATE TABLE words (
    id      INTEGER PRIMARY KEY,
    job     INTEGER NOT NULL REFERENCES jobs (id),
    attempt INTEGER NOT NULL REFERENCES attempts (id),
    latest  INTEGER NOT NULL REFERENCES attempts (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'rejected')),
    retake  INTEGER NOT NULL CHECK (retake IN (0, 1)),
    by      TEXT NOT NULL CHECK (length(by) > 0),
    note    TEXT,
    at      INTEGER NOT NULL,
    CHECK (retake = 0 OR verdict = 'rejected')
) STRICT;
CREATE INDEX words_by_job ON words (job, id);

-- What looking at a clip came to. The newest of an attempt counts; `retake` asks for another clip
-- of the same under the same approval, until an attempt begins or a person says a word.
CREATE TABLE checks (
    id      INTEGER PRIMARY KEY,
    job     INTEGER NOT NULL REFERENCES jobs (id),
    attempt INTEGER NOT NULL REFERENCES attempts (id),
    measure TEXT NOT NULL CHECK (length(measure) > 0),
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'review', 'fail', 'not_inspected')),
    score   INTEGER CHECK (score BETWEEN 0 AND 100),
    retake  INTEGER NOT NULL CHECK (retake IN (0, 1)),
    detail  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    CHECK ((score IS NULL) = (verdict = 'not_inspected')),
    CHECK (retake = 0 OR verdict = 'fail')
) STRICT;
CREATE INDEX checks_by_attempt ON checks (attempt, id);
CREATE INDEX checks_that_ask ON checks (job) WHERE retake = 1;

-- Clips whose request has a rule and that were not looked at yet. Those of before had no rule.
ALTER TABLE clips ADD COLUMN to_check INTEGER NOT NULL DEFAULT 0 CHECK (to_check IN (0, 1));
CREATE INDEX clips_to_check ON clips (attempt) WHERE to_check = 1;

CREATE TRIGGER checks_stay BEFORE UPDATE ON checks
    BEGIN SELECT RAISE(ABORT, 'checks are never changed'); END;
CREATE TRIGGER checks_remain BEFORE DELETE ON checks
    BEGIN SELECT RAISE(ABORT, 'checks are never removed'); END;
CREATE TRIGGER words_stay BEFORE UPDATE ON words
    BEGIN SELECT RAISE(ABORT, 'words are never changed'); END;
CREATE TRIGGER words_remain BEFORE DELETE ON words
    BEGIN SELECT RAISE(ABORT, 'words are never removed'); END;
";

/// Pages of the file that a connection keeps, in KiB.
const CACHE_KIB: i64 = 64 << 10;

/// Settings that every connection needs.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    // KiB. Addresses come in any order, so their index is read all over; the usual 2 MB are too
    // little from 20,000 jobs on.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Not NORMAL: in WAL it may lose the last commits at a power cut, and a lost intent is a
    // clip paid twice.
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Has writes go to a log beside the file, so that readers never wait for them.
pub(super) fn use_log(path: &Path, connection: &Connection) -> Result<(), LedgerError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|e| LedgerError::of(path, &e))?;
    if mode != "wal" && mode != "memory" {
        return Err(LedgerError::Unusable {
            path: path.to_path_buf(),
            doing: "kept safely",
            why: "its file system has no shared memory (a network drive?); put the workspace on a \
                  local disk"
                .to_owned(),
        });
    }
    Ok(())
}

/// Brings a ledger of an older format, or an empty file, to [`FORMAT`], in one transaction.
pub(super) fn migrate(path: &Path, connection: &mut Connection) -> Result<(), LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    use_log(path, connection)?;
    // Only outside of a transaction this changes anything.
    connection.pragma_update(None, "foreign_keys", false).map_err(sql)?;
    let write = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(sql)?;
    // Looked at again under the write lock: another process may have been faster.
    let from: i64 =
        write.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
    for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        write.execute_batch(step).map_err(sql)?;
    }
    if from == 0 {
        write.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
        // Tells this ledger from another that once stood at the same path.
        write
            .execute_batch(
                "INSERT INTO meta VALUES ('lineage', lower(hex(randomblob(16)))),
                     ('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
            )
            .map_err(sql)?;
    }
    if from < FORMAT {
        write.pragma_update(None, "user_version", FORMAT).map_err(sql)?;
    }
    let broken: i64 = write
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .map_err(sql)?;
    if broken > 0 {
        let what = format!("{broken} rows point to rows that are not there");
        return Err(LedgerError::Damaged { path: path.to_path_buf(), what });
    }
    write.commit().map_err(sql)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(sql)
}
