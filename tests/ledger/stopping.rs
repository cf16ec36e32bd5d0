//! What stops the ledger: each cause has an exact message, and after it nothing is written.

use std::path::{Path, PathBuf};

use kinora::ledger::{Ledger, LedgerError, Mode};

use crate::{begin_run, intent, running, said};

fn file(workspace: &Path) -> PathBuf {
    workspace.join(".kinora/ledger.db")
}

/// A run whose ledger's file meets `fate` after the first intent. Gives what the next two writes
/// say.
fn meets(fate: impl FnOnce(&Path)) -> (String, String) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    fate(&file(dir.path()));
    let write = |address: &str| {
        let error = ledger.begin_attempt(intent(address, run, 3, 2)).wait();
        said(&error.expect_err("it was noticed"), dir.path())
    };
    (write("b"), write("c"))
}

#[test]
fn a_ledger_that_is_removed_moved_or_replaced_during_a_run_stops_it() {
    let remove = |path: &Path| std::fs::remove_file(path).expect("removable");
    let move_away =
        |path: &Path| std::fs::rename(path, path.with_extension("old")).expect("movable");
    let replace = |path: &Path| {
        let copy = path.with_extension("copy");
        std::fs::copy(path, &copy).expect("copied");
        std::fs::rename(copy, path).expect("replaced");
    };
    for fate in [&remove as &dyn Fn(&Path), &move_away, &replace] {
        let (first, then) = meets(fate);
        insta::allow_duplicates! {
            insta::assert_snapshot!(first, @"SHOP/.kinora/ledger.db was moved, removed or replaced while a run was writing to it, so nothing more is spent; put the same file back, or restore it from a backup, before the next run");
            insta::assert_snapshot!(then, @"the ledger stopped after a failed write, so nothing more is spent: SHOP/.kinora/ledger.db was moved, removed or replaced while a run was writing to it, so nothing more is spent; put the same file back, or restore it from a backup, before the next run");
        }
    }
}

#[test]
fn its_write_ahead_log_is_watched_as_well() {
    let (first, _) = meets(|path| {
        std::fs::remove_file(path.with_file_name("ledger.db-wal")).expect("removable");
    });
    assert!(
        first.starts_with("SHOP/.kinora/ledger.db-wal was moved, removed or replaced"),
        "{first}"
    );
}

#[test]
fn another_program_that_keeps_it_locked_is_waited_for_and_then_told() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let other = rusqlite::Connection::open(file(dir.path())).expect("a SQLite file");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let error = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect_err("it is locked");
    insta::assert_snapshot!(
        said(&error, dir.path()),
        @"SHOP/.kinora/ledger.db is busy: another program keeps it locked; close that program and try again"
    );
    other.execute_batch("ROLLBACK").expect("undone");
    let error = ledger.begin_attempt(intent("a", run, 3, 2)).wait();
    assert!(matches!(error, Err(LedgerError::Stopped { .. })), "{error:?}");
}

#[test]
fn what_a_ledger_left_behind_is_not_taken_for_a_new_one() {
    let opens = |workspace: &Path, mode| {
        said(&Ledger::open(workspace, mode).expect_err("not a whole ledger"), workspace)
    };
    // Cut to nothing.
    let dir = tempfile::tempdir().expect("a temporary folder");
    drop(running(dir.path()));
    std::fs::write(file(dir.path()), "").expect("writable");
    for mode in [Mode::Read, Mode::Run] {
        insta::allow_duplicates! { insta::assert_snapshot!(
            opens(dir.path(), mode),
            @"SHOP/.kinora/ledger.db is damaged: it is empty; restore the `.kinora` folder from a backup before anything is spent; nothing was changed"
        ) }
    }
    // Gone, but for the log of its last writes.
    std::fs::remove_file(file(dir.path())).expect("removable");
    std::fs::write(dir.path().join(".kinora/ledger.db-wal"), "frames").expect("writable");
    for mode in [Mode::Read, Mode::Run] {
        insta::allow_duplicates! { insta::assert_snapshot!(
            opens(dir.path(), mode),
            @"SHOP/.kinora/ledger.db is damaged: it is gone, and SHOP/.kinora/ledger.db-wal remained without it; restore the `.kinora` folder from a backup before anything is spent; nothing was changed"
        ) }
    }
}

#[test]
fn a_draft_that_was_never_finished_is_no_ledger() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(dir.path().join(".kinora")).expect("a folder");
    std::fs::write(dir.path().join(".kinora/ledger.db.abc.new"), "half").expect("writable");
    let ledger = Ledger::open(dir.path(), Mode::Read).expect("reads as empty");
    assert_eq!(ledger.serial(), Ok(0));
    drop(ledger);
    begin_run(&running(dir.path()), 1);
    assert!(file(dir.path()).is_file());
}

#[test]
fn a_ledger_without_some_of_its_tables_is_damaged() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    drop(running(dir.path()));
    let raw = rusqlite::Connection::open(file(dir.path())).expect("a SQLite file");
    raw.execute_batch("DROP TABLE clips").expect("writable");
    drop(raw);
    let error = Ledger::open(dir.path(), Mode::Run).expect_err("it is not whole");
    assert!(said(&error, dir.path()).contains("some of its tables are missing"), "{error}");
}

#[test]
fn the_newest_rows_are_looked_at_in_a_ledger_of_any_size() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    drop(ledger);
    let raw = rusqlite::Connection::open(file(dir.path())).expect("a SQLite file");
    raw.execute_batch("PRAGMA foreign_keys = 0; DELETE FROM attempt_state").expect("writable");
    drop(raw);
    let error = Ledger::open(dir.path(), Mode::Read).expect_err("it is not whole");
    assert!(said(&error, dir.path()).contains("its newest attempts point to rows"), "{error}");
}
