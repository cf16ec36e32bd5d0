//! The ledger in memory, which simulations crash: what it keeps, what it loses.

use kinora::ledger::{JobState, LedgerError, MemoryLedger, Period};

use crate::{begin_run, finish, intent, micros, plan, running, step};

#[test]
fn what_was_not_committed_is_lost_in_a_crash_and_all_else_is_kept() {
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    let run = begin_run(ledger, 1);
    let first = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    memory.commit().expect("committed");
    let serial = ledger.serial().expect("readable");

    ledger.begin_attempt(intent("b", run, 4, 2)).wait().expect("first");
    let taken = step(first.attempt, JobState::Submitting, JobState::Submitted, 3, 0);
    ledger.apply(taken.clone()).wait().expect("a lawful step");
    assert_eq!(ledger.open_attempts().expect("readable").len(), 2, "reads see every write");
    memory.crash().expect("crashed");
    let open = ledger.open_attempts().expect("readable");
    assert_eq!((open.len(), open[0].state), (1, JobState::Submitting));
    assert_eq!(ledger.serial().expect("readable"), serial);

    ledger.apply(taken).wait().expect("a lawful step, again");
    memory.commit().expect("committed");
    memory.crash().expect("crashed");
    assert_eq!(ledger.open_attempts().expect("readable")[0].state, JobState::Submitted);
}

#[test]
fn a_cleared_one_is_as_good_as_new() {
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    for _ in 0..3 {
        let run = begin_run(ledger, 1);
        memory.commit().expect("committed");
        let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
        assert_eq!((run, begun.job, begun.attempt, begun.number), (1, 1, 1, 1));
        memory.commit().expect("committed");
        memory.clear().expect("cleared");
        assert_eq!(ledger.serial().expect("readable"), 0);
        assert!(ledger.known_jobs().expect("readable").is_empty());
        assert!(ledger.approval_for(&plan()).expect("readable").is_none());
    }
}

#[test]
fn it_refuses_what_the_file_refuses_and_leaves_no_trace_of_it() {
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    let run = begin_run(ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let serial = ledger.serial().expect("readable");
    let second = ledger.begin_attempt(intent("a", run, 3, 3)).wait();
    assert!(matches!(second, Err(LedgerError::StillOpen { .. })), "{second:?}");
    let wrong = step(begun.attempt, JobState::Ready, JobState::Fetching, 0, 3);
    let refused = ledger.apply(wrong).wait();
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })), "{refused:?}");
    assert_eq!(ledger.serial().expect("readable"), serial);
}

#[test]
fn it_holds_what_a_file_holds_after_the_same_writes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = running(dir.path());
    let memory = MemoryLedger::new().expect("made");
    for ledger in [&file, memory.ledger()] {
        let run = begin_run(ledger, 1);
        let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
        finish(ledger, begun, 3);
        ledger.begin_attempt(intent("b", run, 4, 2)).wait().expect("first");
        ledger.end_run(run, "done", crate::at(9)).wait().expect("writable");
        assert_eq!(ledger.spent(Period::Ever), Ok(micros(7)));
    }
    assert_eq!(memory.ledger().holdings(), file.holdings());
    assert_eq!(memory.ledger().open_attempts(), file.open_attempts());
    assert_eq!(memory.ledger().counts(), file.counts());
    assert_eq!(memory.ledger().serial(), file.serial());
}

#[test]
fn nothing_in_it_is_random() {
    let lineage = || MemoryLedger::new().expect("made").ledger().lineage().expect("readable");
    assert_eq!(lineage(), lineage());
}
