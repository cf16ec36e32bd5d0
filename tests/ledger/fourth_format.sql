-- A ledger as the fourth format had it, with what its runs left.

PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE approvals (
    id      INTEGER PRIMARY KEY,
    plan    BLOB NOT NULL CHECK (length(plan) = 32),
    by      TEXT NOT NULL,
    ceiling INTEGER NOT NULL CHECK (ceiling >= 0),
    unit    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    note    TEXT
, expires INTEGER, origin TEXT NOT NULL DEFAULT 'person'
    CHECK (origin IN ('person', 'asked', 'yes', 'policy')), shown TEXT, digest BLOB CHECK (length(digest) = 32), key TEXT, signature BLOB
    CHECK ((signature IS NULL) = (key IS NULL) AND length(signature) = 64)) STRICT;
INSERT INTO "approvals" VALUES(1,X'0000000000000000000000000000000000000000000000000000000000000000','ada',100000000,'credits',1800000000000000,'spring',NULL,'person',NULL,NULL,NULL,NULL);
CREATE TABLE "attempt_state" (
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
INSERT INTO "attempt_state" VALUES(1,1,'done',0,4000000,'provider',0,1800000005000000,1800000003000000,NULL,0,'r1',NULL);
INSERT INTO "attempt_state" VALUES(2,1,'refused',0,0,NULL,0,1800000003000000,NULL,NULL,0,NULL,'no');
INSERT INTO "attempt_state" VALUES(3,2,'unknown',5000000,0,NULL,0,1800086403000000,NULL,NULL,1,NULL,'no answer');
INSERT INTO "attempt_state" VALUES(4,3,'done',0,6000000,'provider',0,1800086405000000,1800086404000000,NULL,0,'r4',NULL);
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
INSERT INTO "attempts" VALUES(1,1,1,X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000','p','p/m','',5000000,1800000002000000,'{}');
INSERT INTO "attempts" VALUES(2,2,1,X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000','p','p/m','',5000000,1800000002000000,'{}');
INSERT INTO "attempts" VALUES(3,3,1,X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000','p','p/m','',5000000,1800086402000000,'{}');
INSERT INTO "attempts" VALUES(4,4,1,X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000',X'0000000000000000000000000000000000000000000000000000000000000000','p','p/n','',5000000,1800086402000000,'{}');
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
INSERT INTO "clips" VALUES(1,'clips/mug.mp4',X'0000000000000000000000000000000000000000000000000000000000000000',4,720,1280,5000,120);
INSERT INTO "clips" VALUES(4,'clips/pot.mp4',X'0000000000000000000000000000000000000000000000000000000000000000',4,720,1280,5000,120);
CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    job     INTEGER REFERENCES jobs (id),
    attempt INTEGER REFERENCES attempts (id),
    kind    TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
INSERT INTO "events" VALUES(1,1800000000000000,NULL,NULL,'approved','{"approval":1,"plan":"0000000000000000000000000000000000000000000000000000000000000000","by":"ada","ceiling":"100","unit":"credits"}');
INSERT INTO "events" VALUES(2,1800000002000000,1,1,'intent','{"number":1,"run":1,"reserved":"5"}');
INSERT INTO "events" VALUES(3,1800000003000000,1,1,'accepted','{"from":"submitting","to":"submitted","reserved":"5","settled":"0"}');
INSERT INTO "events" VALUES(4,1800000003000000,1,1,'ready','{"from":"submitted","to":"ready","reserved":"0","settled":"4"}');
INSERT INTO "events" VALUES(5,1800000003000000,1,1,'fetching','{"from":"ready","to":"fetching","reserved":"0","settled":"4"}');
INSERT INTO "events" VALUES(6,1800000003000000,1,1,'done','{"from":"fetching","to":"done","reserved":"0","settled":"4"}');
INSERT INTO "events" VALUES(7,1800000002000000,2,2,'intent','{"number":1,"run":1,"reserved":"5"}');
INSERT INTO "events" VALUES(8,1800000003000000,2,2,'refused','{"from":"submitting","to":"refused","reserved":"0","settled":"0"}');
INSERT INTO "events" VALUES(9,1800086402000000,3,3,'intent','{"number":1,"run":2,"reserved":"5"}');
INSERT INTO "events" VALUES(10,1800086403000000,3,3,'unknown','{"from":"submitting","to":"unknown","reserved":"5","settled":"0"}');
INSERT INTO "events" VALUES(11,1800086402000000,4,4,'intent','{"number":1,"run":2,"reserved":"5"}');
INSERT INTO "events" VALUES(12,1800086403000000,4,4,'accepted','{"from":"submitting","to":"submitted","reserved":"5","settled":"0"}');
INSERT INTO "events" VALUES(13,1800086403000000,4,4,'ready','{"from":"submitted","to":"ready","reserved":"0","settled":"6"}');
INSERT INTO "events" VALUES(14,1800086403000000,4,4,'fetching','{"from":"ready","to":"fetching","reserved":"0","settled":"6"}');
INSERT INTO "events" VALUES(15,1800086403000000,4,4,'done','{"from":"fetching","to":"done","reserved":"0","settled":"6"}');
CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY,
    address     TEXT NOT NULL UNIQUE,
    state       TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'ready', 'fetching',
                    'done', 'refused', 'failed', 'unknown', 'lost')),
    attempt     INTEGER NOT NULL REFERENCES attempts (id) DEFERRABLE INITIALLY DEFERRED,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 16)
) STRICT;
INSERT INTO "jobs" VALUES(1,'mug/turn/-/1','done',1,X'00000000000000000000000000000000');
INSERT INTO "jobs" VALUES(2,'cup/turn/-/1','refused',2,X'00000000000000000000000000000000');
INSERT INTO "jobs" VALUES(3,'jar/turn/-/1','unknown',3,X'00000000000000000000000000000000');
INSERT INTO "jobs" VALUES(4,'pot/turn/-/1','done',4,X'00000000000000000000000000000000');
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('created','2026-01-02T03:04:05Z');
INSERT INTO "meta" VALUES('lineage','0123456789abcdef0123456789abcdef');
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
, traits INTEGER NOT NULL DEFAULT 255) STRICT, WITHOUT ROWID;
INSERT INTO "pictures" VALUES('a.jpg',9,1,1,X'0000000000000000000000000000000000000000000000000000000000000000','jpeg',10,20,1,255);
CREATE TABLE plans (
    id      INTEGER PRIMARY KEY,
    inputs  BLOB NOT NULL UNIQUE CHECK (length(inputs) = 32),
    summary TEXT NOT NULL
) STRICT;
CREATE TABLE revocations (
    approval INTEGER PRIMARY KEY REFERENCES approvals (id),
    by       TEXT NOT NULL,
    at       INTEGER NOT NULL,
    note     TEXT
) STRICT;
CREATE TABLE "runs" (
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
INSERT INTO "runs" VALUES(1,X'0000000000000000000000000000000000000000000000000000000000000000',1,'credits','0.1.0',1800000001000000,1800000009000000,'done');
INSERT INTO "runs" VALUES(2,X'0000000000000000000000000000000000000000000000000000000000000000',1,'credits','0.1.0',1800086401000000,NULL,NULL);
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
INSERT INTO "totals" VALUES(1,X'0000000000000000000000000000000000000000000000000000000000000000',1,20833,'p','p/m','',4000000,0,1,0);
INSERT INTO "totals" VALUES(2,X'0000000000000000000000000000000000000000000000000000000000000000',2,20834,'p','p/m','',5000000,0,1,0);
INSERT INTO "totals" VALUES(3,X'0000000000000000000000000000000000000000000000000000000000000000',2,20834,'p','p/n','',6000000,0,1,1);
CREATE INDEX approvals_by_plan ON approvals (plan);
CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
CREATE TRIGGER attempts_stay BEFORE UPDATE ON attempts
    BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
CREATE TRIGGER attempts_remain BEFORE DELETE ON attempts
    BEGIN SELECT RAISE(ABORT, 'what was asked is never removed'); END;
CREATE INDEX runs_by_plan ON runs (plan);
CREATE INDEX attempts_open ON attempt_state (attempt)
    WHERE state IN ('submitting', 'submitted', 'ready', 'fetching', 'unknown');
CREATE INDEX attempts_by_start ON attempts (started);
CREATE UNIQUE INDEX approvals_by_digest ON approvals (digest);
CREATE TRIGGER approvals_stay BEFORE UPDATE ON approvals
    BEGIN SELECT RAISE(ABORT, 'approvals are never changed'); END;
CREATE TRIGGER approvals_remain BEFORE DELETE ON approvals
    BEGIN SELECT RAISE(ABORT, 'approvals are never removed'); END;
CREATE TRIGGER revocations_stay BEFORE UPDATE ON revocations
    BEGIN SELECT RAISE(ABORT, 'revocations are never changed'); END;
CREATE TRIGGER revocations_remain BEFORE DELETE ON revocations
    BEGIN SELECT RAISE(ABORT, 'revocations are never removed'); END;
COMMIT;
PRAGMA application_id = 1263424065;
PRAGMA user_version = 4;
