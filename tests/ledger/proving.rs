//! Verifying, exporting and backing up, through the library's front.

use std::path::Path;

use kinora::ledger::{
    ClipCheck, ExportLine, Fault, JobState, Ledger, LedgerError, Mode, Period, Rule, Verified,
    backup, export, verify,
};
use serde_json::Value;

use crate::{at, begin_run, finish, intent, micros, running, said, step};

/// A workspace with one job done (its clip on disk), one refused and tried again, one unknown.
fn shop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(dir.path().join("clips")).expect("a folder");
    std::fs::write(dir.path().join("clips/a.mp4"), b"clip").expect("written");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    finish(&ledger, begun, 2);
    let begun = ledger.begin_attempt(intent("b", run, 4, 2)).wait().expect("first");
    let refused = step(begun.attempt, JobState::Submitting, JobState::Refused, 0, 0);
    ledger.apply(refused).wait().expect("lawful");
    ledger.begin_attempt(intent("b", run, 4, 3)).wait().expect("again");
    let begun = ledger.begin_attempt(intent("c", run, 5, 2)).wait().expect("first");
    let unknown = step(begun.attempt, JobState::Submitting, JobState::Unknown, 5, 0);
    ledger.apply(unknown).wait().expect("lawful");
    ledger.end_run(run, "interrupted", at(9)).wait().expect("writable");
    dir
}

fn verified(workspace: &Path, clips: ClipCheck) -> Verified {
    let mut verified = Verified::default();
    let checked = verify(workspace, clips, &mut |fault: Fault| verified.add(fault));
    verified.checked = checked.expect("readable");
    verified
}

/// Changes the ledger from outside, past its own guards.
fn tamper(workspace: &Path, sql: &str) {
    let raw = rusqlite::Connection::open(workspace.join(".kinora/ledger.db")).expect("a file");
    raw.execute_batch("PRAGMA foreign_keys = 0; PRAGMA ignore_check_constraints = 1;")
        .and_then(|()| raw.execute_batch("DROP TRIGGER events_stay; DROP TRIGGER attempts_stay"))
        .and_then(|()| raw.execute_batch("DROP TRIGGER events_remain; DROP TRIGGER approvals_stay"))
        .and_then(|()| raw.execute_batch(sql))
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

#[test]
fn a_sound_ledger_has_no_faults_and_says_what_was_checked() {
    let dir = shop();
    let verified = verified(dir.path(), ClipCheck::Digest);
    assert_eq!(verified.faults, []);
    let c = verified.checked;
    assert_eq!((c.jobs, c.attempts, c.totals, c.plans), (3, 4, 1, 1));
    assert_eq!((c.events, c.clips, c.clip_bytes), (1 + 5 + 2 + 1 + 2, 1, 4));
    let empty = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(self::verified(empty.path(), ClipCheck::Digest), Verified::default());
}

#[test]
fn a_ledger_can_be_verified_while_a_run_goes_on() {
    let dir = shop();
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 20);
    ledger.begin_attempt(intent("d", run, 1, 21)).wait().expect("first");
    assert_eq!(verified(dir.path(), ClipCheck::Skip).found, 0);
}

#[test]
fn whatever_was_changed_from_outside_is_found() {
    let event = |of: &str| format!("SELECT seq FROM events WHERE {of}");
    let ready = event("kind = 'step' AND detail LIKE '%\"to\":\"ready\"%'");
    for (sql, rule) in [
        ("UPDATE attempt_state SET settled = 1 WHERE attempt = 1".to_owned(), Rule::Events),
        (format!("DELETE FROM events WHERE seq = ({ready})"), Rule::Events),
        ("DELETE FROM events WHERE kind = 'intent' AND attempt = 2".to_owned(), Rule::Events),
        ("DELETE FROM events WHERE attempt = 4".to_owned(), Rule::Events),
        ("UPDATE events SET detail = '?' WHERE attempt = 3".to_owned(), Rule::Events),
        ("UPDATE attempt_state SET reserved = 9 WHERE attempt = 2".to_owned(), Rule::Amounts),
        ("UPDATE jobs SET state = 'done' WHERE address = 'c'".to_owned(), Rule::Jobs),
        ("UPDATE jobs SET attempt = 2 WHERE address = 'b'".to_owned(), Rule::Jobs),
        ("UPDATE attempts SET number = 3 WHERE id = 3".to_owned(), Rule::Jobs),
        ("UPDATE attempt_state SET state = 'unknown' WHERE attempt = 2".to_owned(), Rule::OneOpen),
        ("UPDATE totals SET held = held - 1".to_owned(), Rule::Totals),
        ("UPDATE totals SET attempts = attempts + 1".to_owned(), Rule::Totals),
        ("UPDATE attempts SET model = 'p/other' WHERE id = 4".to_owned(), Rule::Totals),
        ("UPDATE approvals SET ceiling = 10999999".to_owned(), Rule::Ceiling),
        ("UPDATE approvals SET plan = zeroblob(32)".to_owned(), Rule::Ceiling),
        ("UPDATE approvals SET by = 'eve'".to_owned(), Rule::Approvals),
        ("DELETE FROM events WHERE kind = 'approved'".to_owned(), Rule::Approvals),
        ("INSERT INTO revocations VALUES (1, 'eve', 0, NULL)".to_owned(), Rule::Approvals),
        ("UPDATE attempt_state SET remote_id = 'remote'".to_owned(), Rule::RemoteIds),
        ("DELETE FROM clips".to_owned(), Rule::ClipRows),
        ("DELETE FROM runs".to_owned(), Rule::File),
    ] {
        let dir = shop();
        tamper(dir.path(), &sql);
        // A ledger whose newest rows point to nothing is not opened at all.
        let mut found = Vec::new();
        let ended = verify(dir.path(), ClipCheck::Skip, &mut |fault| found.push(fault.rule));
        let refused = matches!(ended, Err(LedgerError::Damaged { .. }));
        assert!(found.contains(&rule) || (rule == Rule::File && refused), "{sql}: {found:?}");
    }
}

#[test]
fn a_clip_that_is_gone_or_other_is_told_with_what_to_do() {
    let dir = shop();
    let file = dir.path().join("clips/a.mp4");
    let told = |check| {
        let verified = verified(dir.path(), check);
        verified.faults.first().map(|f| {
            format!(
                "{} {:?}: {}; {}",
                f.job.as_deref().unwrap_or("-"),
                f.attempt,
                f.message,
                f.advice
            )
        })
    };
    std::fs::write(&file, b"CLIP").expect("written");
    insta::assert_snapshot!(told(ClipCheck::Digest).expect("found"), @"a Some(1): clips/a.mp4 has other bytes than the clip that was made; put the clip that was made back from a backup, and what stands there now elsewhere");
    assert_eq!(told(ClipCheck::Length), None);
    std::fs::write(&file, b"clips").expect("written");
    insta::assert_snapshot!(told(ClipCheck::Length).expect("found"), @"a Some(1): clips/a.mp4 has 5 bytes; the clip that was made has 4; put the clip that was made back from a backup, and what stands there now elsewhere");
    std::fs::remove_file(&file).expect("removed");
    insta::assert_snapshot!(told(ClipCheck::Digest).expect("found"), @"a Some(1): clips/a.mp4 is not on disk; put it back from a backup; Kinora takes the job for done and makes no other by itself");
    assert_eq!(told(ClipCheck::Skip), None);
}

// ---- export ----

fn exported(workspace: &Path) -> Vec<Value> {
    let mut bytes = Vec::new();
    let count = export(workspace, &mut bytes).expect("readable");
    let text = String::from_utf8(bytes).expect("text");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len() as u64, count);
    lines
}

#[test]
fn an_export_has_every_approval_run_and_event_and_follows_its_schema() {
    let dir = shop();
    let lines = exported(dir.path());
    let schema = schemars::schema_for!(ExportLine);
    let schema = jsonschema::validator_for(schema.as_value()).expect("a schema");
    for line in &lines {
        assert!(schema.is_valid(line), "{line}");
    }
    let of = |kind: &str| lines.iter().filter(|l| l["line"] == kind).count();
    assert_eq!((of("ledger"), of("approval"), of("run"), of("event")), (1, 1, 1, 11));
    let first = lines.iter().find(|l| l["kind"] == "intent").expect("an intent");
    insta::assert_snapshot!(first, @r#"{"line":"event","seq":2,"at":"2027-01-15T08:00:02Z","job":"a","attempt":1,"kind":"intent","detail":{"number":1,"run":1,"reserved":"3"},"asked":{"plan":"29fde71e3ef298312227db745efc78ceb1c4e97c3a45f8e1f3f8680fa8a8f9ac","provider":"p","model":"p/m","account":"","fingerprint":"17762fddd969a453925d65717ac3eea21320b66b54342fde15128d6caf21215f","estimate":"3","request":{}},"clip":null}"#);
    let empty = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(exported(empty.path()), Vec::<Value>::new());
}

/// Compares a schema with its file; `KINORA_UPDATE_SCHEMAS=1` writes it instead.
fn check(name: &str, schema: &schemars::Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let text = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, text).expect("writable");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "schemas/{name} is stale: run the tests with KINORA_UPDATE_SCHEMAS=1");
}

#[test]
fn the_schemas_are_up_to_date() {
    check("ledger-export.schema.json", &schemars::schema_for!(ExportLine));
    check("ledger-verify.schema.json", &schemars::schema_for!(Verified));
}

// ---- backup ----

#[test]
fn a_backup_made_during_a_run_is_whole_and_can_be_put_in_the_ledgers_place() {
    let dir = shop();
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 20);
    ledger.begin_attempt(intent("d", run, 1, 21)).wait().expect("first");
    let file = dir.path().join("backup.db");
    let made = backup(dir.path(), &file).expect("made");
    assert_eq!(made.bytes, file.metadata().expect("there").len());
    assert_eq!(Some(&made.lineage), ledger.lineage().expect("readable").as_ref());
    assert_eq!(made.events, 13, "an approval and an intent more");
    let spent = ledger.spent(Period::Ever);
    ledger.begin_attempt(intent("e", run, 1, 22)).wait().expect("the run goes on");
    drop(ledger);

    let restored = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(restored.path().join(".kinora")).expect("a folder");
    std::fs::copy(&file, restored.path().join(".kinora/ledger.db")).expect("copied");
    assert_eq!(verified(restored.path(), ClipCheck::Skip).found, 0);
    let ledger = Ledger::open(restored.path(), Mode::Run).expect("it is a ledger");
    assert_eq!(ledger.spent(Period::Ever), spent);
    let run = begin_run(&ledger, 30);
    ledger.begin_attempt(intent("e", run, 1, 31)).wait().expect("it can be written to");
    assert_eq!(ledger.spent(Period::Run(run)), Ok(micros(1)));
}

#[test]
fn a_backup_overwrites_nothing_and_needs_a_ledger() {
    let dir = shop();
    let file = dir.path().join("backup.db");
    std::fs::write(&file, "precious").expect("written");
    let error = backup(dir.path(), &file).expect_err("it is there");
    insta::assert_snapshot!(said(&error, dir.path()), @"SHOP/backup.db can't be made a backup: it is there already, and a backup overwrites nothing");
    assert_eq!(std::fs::read(&file).expect("there"), b"precious");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let error = backup(empty.path(), &empty.path().join("b")).expect_err("nothing to copy");
    insta::assert_snapshot!(said(&error, empty.path()), @"SHOP/b can't be made a backup: there is no ledger at SHOP/.kinora/ledger.db");
    let left: Vec<_> = std::fs::read_dir(empty.path()).expect("a folder").collect();
    assert_eq!(left.len(), 0);
}
