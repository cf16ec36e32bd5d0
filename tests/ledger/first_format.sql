-- A ledger as the first format had it, with what its runs left.

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

PRAGMA application_id = 1263424065;
PRAGMA user_version = 1;

BEGIN;

INSERT INTO meta VALUES ('lineage', '0123456789abcdef0123456789abcdef'), ('created', '2026-01-02T03:04:05Z');
INSERT INTO approvals VALUES (1, zeroblob(32), 'ada', 100000000, 'credits', 1800000000000000, 'spring');
INSERT INTO runs VALUES
    (1, zeroblob(32), 1, 'credits', '0.1.0', 1800000001000000, 1800000009000000, 'done'),
    (2, zeroblob(32), 1, 'credits', '0.1.0', 1800086401000000, NULL, NULL);

-- done for less than was reserved; refused; unknown; done for more than was reserved
INSERT INTO jobs VALUES
    (1, 'mug/turn/-/1', 'done', 1, zeroblob(16)),
    (2, 'cup/turn/-/1', 'refused', 2, zeroblob(16)),
    (3, 'jar/turn/-/1', 'unknown', 3, zeroblob(16)),
    (4, 'pot/turn/-/1', 'done', 4, zeroblob(16));
INSERT INTO attempts VALUES
    (1, 1, 1, zeroblob(32), zeroblob(32), zeroblob(32), 'p', 'p/m', '', 5000000, 1800000002000000, '{}'),
    (2, 2, 1, zeroblob(32), zeroblob(32), zeroblob(32), 'p', 'p/m', '', 5000000, 1800000002000000, '{}'),
    (3, 3, 1, zeroblob(32), zeroblob(32), zeroblob(32), 'p', 'p/m', '', 5000000, 1800086402000000, '{}'),
    (4, 4, 1, zeroblob(32), zeroblob(32), zeroblob(32), 'p', 'p/n', '', 5000000, 1800086402000000, '{}');
INSERT INTO attempt_state VALUES
    (1, 1, 20833, 'done', 0, 4000000, 'provider', 1800000005000000, 1800000003000000, NULL, 0, 'r1', NULL),
    (2, 1, 20833, 'refused', 0, 0, NULL, 1800000003000000, NULL, NULL, 0, NULL, 'no'),
    (3, 2, 20834, 'unknown', 5000000, 0, NULL, 1800086403000000, NULL, NULL, 1, NULL, 'no answer'),
    (4, 2, 20834, 'done', 0, 6000000, 'provider', 1800086405000000, 1800086404000000, NULL, 0, 'r4', NULL);
INSERT INTO clips VALUES
    (1, 'clips/mug.mp4', zeroblob(32), 4, 720, 1280, 5000, 120),
    (4, 'clips/pot.mp4', zeroblob(32), 4, 720, 1280, 5000, 120);
INSERT INTO events (at, job, attempt, kind, detail) VALUES
    (1800000000000000, NULL, NULL, 'approved', '{"approval":1,"plan":"0000000000000000000000000000000000000000000000000000000000000000","by":"ada","ceiling":"100","unit":"credits"}'),
    (1800000002000000, 1, 1, 'intent', '{"number":1,"run":1,"reserved":"5"}'),
    (1800000003000000, 1, 1, 'accepted', '{"from":"submitting","to":"submitted","reserved":"5","settled":"0"}'),
    (1800000003000000, 1, 1, 'ready', '{"from":"submitted","to":"ready","reserved":"0","settled":"4"}'),
    (1800000003000000, 1, 1, 'fetching', '{"from":"ready","to":"fetching","reserved":"0","settled":"4"}'),
    (1800000003000000, 1, 1, 'done', '{"from":"fetching","to":"done","reserved":"0","settled":"4"}'),
    (1800000002000000, 2, 2, 'intent', '{"number":1,"run":1,"reserved":"5"}'),
    (1800000003000000, 2, 2, 'refused', '{"from":"submitting","to":"refused","reserved":"0","settled":"0"}'),
    (1800086402000000, 3, 3, 'intent', '{"number":1,"run":2,"reserved":"5"}'),
    (1800086403000000, 3, 3, 'unknown', '{"from":"submitting","to":"unknown","reserved":"5","settled":"0"}'),
    (1800086402000000, 4, 4, 'intent', '{"number":1,"run":2,"reserved":"5"}'),
    (1800086403000000, 4, 4, 'accepted', '{"from":"submitting","to":"submitted","reserved":"5","settled":"0"}'),
    (1800086403000000, 4, 4, 'ready', '{"from":"submitted","to":"ready","reserved":"0","settled":"6"}'),
    (1800086403000000, 4, 4, 'fetching', '{"from":"ready","to":"fetching","reserved":"0","settled":"6"}'),
    (1800086403000000, 4, 4, 'done', '{"from":"fetching","to":"done","reserved":"0","settled":"6"}');
INSERT INTO pictures VALUES ('a.jpg', 9, 1, 1, zeroblob(32), 'jpeg', 10, 20, 1);
COMMIT;
