//! The ledger, through the library's front: what it keeps, what it refuses, what it says.

mod checks;
mod formats;
mod history;
mod memory;
mod proving;
mod stopping;
mod totals;
mod words;

use std::path::Path;

use jiff::Timestamp;
use kinora::address::Address;
use kinora::digest::Digest;
use kinora::ledger::{
    Basis, Begun, ClipRecord, JobState, Ledger, LedgerError, Mode, NewApproval, NewAttempt, NewRun,
    Period, Stored, Transition, Which,
};
use kinora::media::{Facts, Format, Orientation, Stamp, Traits};
use kinora::money::{Micros, Unit};
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time in range")
}

fn micros(whole: i64) -> Micros {
    Micros::from_stored(whole * 1_000_000).expect("not negative")
}

fn plan() -> Digest {
    Digest::of(b"plan")
}

fn approve(ledger: &Ledger) -> i64 {
    ledger
        .approve(NewApproval {
            note: Some("spring".to_owned()),
            ..NewApproval::new(plan(), "ada", micros(100), Unit::default(), at(0))
        })
        .expect("approvals can be written")
}

fn begin_run(ledger: &Ledger, second: i64) -> i64 {
    let approval = approve(ledger);
    ledger
        .begin_run(NewRun {
            plan: Some(plan()),
            approval: Some(approval),
            unit: Unit::default(),
            at: at(second),
        })
        .wait()
        .expect("runs can be written")
}

fn intent(address: &str, run: i64, cost: i64, second: i64) -> NewAttempt {
    NewAttempt {
        address: Address::from_stored(address),
        run,
        plan: plan(),
        fingerprint: Digest::of(address.as_bytes()),
        parts: [1, 2, 3, u64::MAX],
        retake: 0,
        provider: "p".to_owned(),
        model: "p/m".to_owned(),
        account: String::new(),
        request: "{}".to_owned(),
        reserved: micros(cost),
        at: at(second),
    }
}

fn step(attempt: i64, from: JobState, to: JobState, reserved: i64, settled: i64) -> Transition {
    Transition {
        attempt,
        from,
        to,
        kind: "step",
        reserved: micros(reserved),
        settled: micros(settled),
        basis: (settled > 0).then_some(Basis::Provider),
        remote_id: (to == JobState::Submitted).then(|| "remote".to_owned()),
        message: None,
        expires: None,
        clip: None,
        detail: serde_json::json!({}),
        at: at(5),
    }
}

fn clip() -> ClipRecord {
    ClipRecord {
        path: "clips/a.mp4".to_owned(),
        digest: Digest::of(b"clip"),
        bytes: 4,
        width: 720,
        height: 1280,
        duration_ms: 5000,
        frames: 120,
    }
}

/// A job from intent to done.
fn finish(ledger: &Ledger, begun: Begun, cost: i64) {
    use JobState::{Done, Fetching, Ready, Submitted, Submitting};
    let a = begun.attempt;
    for (from, to, reserved, settled) in [
        (Submitting, Submitted, cost, 0),
        (Submitted, Ready, 0, cost),
        (Ready, Fetching, 0, cost),
        (Fetching, Done, 0, cost),
    ] {
        let mut t = step(a, from, to, reserved, settled);
        t.clip = (to == Done).then(clip);
        ledger.apply(t).wait().expect("a lawful step");
    }
}

fn running(workspace: &Path) -> Ledger {
    Ledger::open(workspace, Mode::Run).expect("a fresh workspace opens")
}

// ---- what it keeps ----

#[test]
fn a_job_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let begun = ledger.begin_attempt(intent("s.a/turn/-/1", run, 7, 2)).wait().expect("first");
    finish(&ledger, begun, 7);

    let kept = ledger.attempt(begun.attempt).expect("readable").expect("there");
    assert_eq!(kept.state, JobState::Done);
    assert_eq!(kept.address.as_str(), "s.a/turn/-/1");
    assert_eq!((kept.number, kept.estimate, kept.settled), (1, micros(7), micros(7)));
    assert_eq!((kept.reserved, kept.basis), (Micros::ZERO, Some(Basis::Provider)));
    assert_eq!(kept.clip, Some(clip()));
    assert_eq!(kept.remote_id.as_deref(), Some("remote"));
    assert_eq!(kept.ready, Some(at(5)));

    let known = ledger.known_jobs().expect("readable");
    let job = known[&kept.address.key()];
    assert_eq!((job.job, job.state), (begun.job, JobState::Done));
    assert_eq!(job.fingerprint, kept.fingerprint.as_bytes()[..16]);
    assert_eq!(ledger.earlier_parts(begun.job).expect("readable"), Some([1, 2, 3, u64::MAX]));
    assert_eq!(ledger.address_of(begun.job).expect("readable"), Some(kept.address));
    assert_eq!(ledger.counts().expect("readable")[&JobState::Done], 1);
}

#[test]
fn a_workspace_without_a_ledger_reads_as_empty_and_stays_without_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::open(dir.path(), Mode::Read).expect("nothing to open is fine");
    assert!(ledger.known_jobs().expect("readable").is_empty());
    assert_eq!(ledger.serial().expect("readable"), 0);
    assert!(!dir.path().join(".kinora").exists());
}

#[test]
fn an_approval_is_found_by_its_plan_and_the_latest_one_counts() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::open(dir.path(), Mode::Read).expect("opens");
    approve(&ledger);
    let second = approve(&ledger);
    let found = ledger.approval_for(&plan()).expect("readable").expect("there");
    assert_eq!((found.id, found.by.as_str(), found.ceiling), (second, "ada", micros(100)));
    assert_eq!(ledger.approval_for(&Digest::of(b"other")).expect("readable"), None);
    assert!(ledger.lineage().expect("readable").is_some());
}

#[test]
fn the_serial_grows_with_jobs_and_approvals_but_not_with_caches() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let before = ledger.serial().expect("readable");
    ledger.store_plan(&plan(), "{}".to_owned()).expect("a cache can be written");
    assert_eq!(ledger.serial().expect("readable"), before);
    ledger.begin_attempt(intent("a", run, 1, 2)).wait().expect("first");
    assert!(ledger.serial().expect("readable") > before);
}

#[test]
fn picture_facts_and_plans_come_back_as_stored_without_a_lock() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::open(dir.path(), Mode::Read).expect("opens");
    let stamp = Stamp { size: 9, mtime_ns: -5, inode: u64::MAX };
    let facts = Facts {
        digest: Digest::of(b"picture"),
        bytes: 9,
        format: Format::Webp,
        width: 10,
        height: 20,
        orientation: Orientation(6),
        traits: Traits { alpha: true, animated: true, ..Traits::default() },
    };
    let stored = ledger.store_picture_facts(vec![("images/ä b.webp".into(), stamp, facts.clone())]);
    assert_eq!(stored, Ok(Stored::Yes));
    assert_eq!(ledger.picture_facts().expect("readable")["images/ä b.webp"], (stamp, facts));

    for n in 0..20u8 {
        ledger.store_plan(&Digest::of(&[n]), format!("{n}")).expect("a cache can be written");
    }
    let cached = |n: u8| ledger.cached_plan(&Digest::of(&[n])).expect("readable");
    assert_eq!(
        (cached(19).as_deref(), cached(4).as_deref(), cached(3)),
        (Some("19"), Some("4"), None)
    );
}

#[tokio::test]
async fn a_write_can_be_awaited_and_also_waited_for_inside_a_runtime() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 1, 2)).await.expect("first");
    assert_eq!(begun.number, 1);
}

// ---- what it refuses ----

#[test]
fn a_second_attempt_waits_for_the_end_of_the_first() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let first = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let second = ledger.begin_attempt(intent("a", run, 3, 3)).wait();
    insta::assert_snapshot!(
        second.expect_err("still open").to_string(),
        @"a already has an attempt that is submitting; a second one would pay twice"
    );
    let refused = step(first.attempt, JobState::Submitting, JobState::Refused, 0, 0);
    ledger.apply(refused).wait().expect("a lawful step");
    let again = ledger.begin_attempt(intent("a", run, 3, 4)).wait().expect("the first has ended");
    assert_eq!((again.job, again.number), (first.job, 2));
}

#[test]
fn a_step_that_starts_elsewhere_changes_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let serial = ledger.serial().expect("readable");
    let wrong = step(begun.attempt, JobState::Ready, JobState::Fetching, 0, 3);
    let error = ledger.apply(wrong).wait().expect_err("it is not ready");
    assert_eq!(
        error.to_string(),
        format!(
            "attempt {} is not ready in the ledger, so it can't become fetching",
            begun.attempt
        )
    );
    assert_eq!(ledger.serial().expect("readable"), serial);
}

#[test]
fn one_refused_write_leaves_its_neighbours_of_the_same_commit_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let acks: Vec<_> = (0..300)
        .map(|n| ledger.begin_attempt(intent(&format!("job-{}", n / 2), run, 1, 2)))
        .collect();
    let results: Vec<_> = acks.into_iter().map(|ack| ack.wait()).collect();
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 150);
    assert_eq!(ledger.open_attempts().expect("readable").len(), 150);
    assert_eq!(ledger.spent(Period::Run(run)).expect("readable"), micros(150));
}

#[test]
fn the_schema_itself_keeps_money_and_history_sound() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let path = ledger.path().to_owned();
    drop(ledger);
    let raw = rusqlite::Connection::open(path).expect("a SQLite file");
    for forbidden in [
        "UPDATE attempt_state SET reserved = -1",
        "UPDATE attempt_state SET state = 'done'",
        "UPDATE jobs SET state = 'paid'",
        "UPDATE events SET kind = 'x'",
        "DELETE FROM events",
        "UPDATE attempts SET request = 'x'",
        "DELETE FROM attempts",
    ] {
        assert!(raw.execute_batch(forbidden).is_err(), "{forbidden}");
    }
}

// ---- who may open it, and what is said when not ----

/// Messages without the folder, which differs from run to run.
pub fn said(error: &LedgerError, dir: &Path) -> String {
    error.to_string().replace(&dir.display().to_string(), "SHOP")
}

#[test]
fn one_runs_others_read() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    approve(&ledger);
    let second = Ledger::open(dir.path(), Mode::Run).expect_err("the lock is held");
    assert!(matches!(second, LedgerError::Locked { .. }));
    // Whose it is and since when differ from run to run.
    let told = said(&second, dir.path());
    let whose = told.split_once('(').and_then(|(_, rest)| rest.split_once("; it holds"));
    let (whose, _) = whose.expect("it says who has it");
    assert!(whose.starts_with(&format!("process {} since ", std::process::id())), "{told}");
    insta::assert_snapshot!(
        told.replace(whose, "PROCESS"),
        @"another process works on this ledger (PROCESS; it holds SHOP/.kinora/lock); wait for it to end, or stop it"
    );
    let reader = Ledger::open(dir.path(), Mode::Read).expect("readers need no lock");
    assert!(reader.approval_for(&plan()).expect("readable").is_some());
    approve(&reader);
    assert_eq!(reader.serial(), ledger.serial(), "an approval needs no lock, and both see it");
    let refused = reader.apply(step(1, JobState::Ready, JobState::Fetching, 0, 0)).wait();
    assert_eq!(refused, Err(LedgerError::ReadOnly));
    drop(ledger);
    running(dir.path());
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = running(dir.path()).path().to_owned();
    let raw = rusqlite::Connection::open(&path).expect("a SQLite file");
    raw.pragma_update(None, "user_version", 9).expect("writable");
    drop(raw);
    for mode in [Mode::Read, Mode::Run] {
        let error = Ledger::open(dir.path(), mode).expect_err("it is newer");
        insta::allow_duplicates! { insta::assert_snapshot!(
            said(&error, dir.path()),
            @"SHOP/.kinora/ledger.db was written by a newer Kinora (format 9, this one knows up to 5); use that version; nothing was changed"
        ) }
    }
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join(".kinora/ledger.db");
    std::fs::create_dir(dir.path().join(".kinora")).expect("a folder");
    std::fs::write(&path, "sku,title\n1,mug\n".repeat(100)).expect("writable");
    let error = Ledger::open(dir.path(), Mode::Run).expect_err("no database");
    insta::assert_snapshot!(
        said(&error, dir.path()),
        @"SHOP/.kinora/ledger.db is no ledger of Kinora; if it was one, restore it from a backup before anything is spent, otherwise move it away; nothing was changed"
    );
    std::fs::remove_file(&path).expect("removable");
    let raw = rusqlite::Connection::open(&path).expect("a SQLite file");
    raw.execute_batch("CREATE TABLE photos (id INTEGER)").expect("writable");
    drop(raw);
    let error = Ledger::open(dir.path(), Mode::Run).expect_err("another program's database");
    assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
}

#[test]
fn a_damaged_ledger_stops_everything() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    for n in 0..200 {
        ledger.begin_attempt(intent(&format!("job-{n}"), run, 1, 2)).wait().expect("first");
    }
    let path = ledger.path().to_owned();
    drop(ledger);
    let mut bytes = std::fs::read(&path).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xA5);
    std::fs::write(&path, bytes).expect("writable");
    let error = Ledger::open(dir.path(), Mode::Run).expect_err("it is damaged");
    let said = said(&error, dir.path());
    assert!(said.starts_with("SHOP/.kinora/ledger.db is damaged: "), "{said}");
    assert!(said.contains("restore the `.kinora` folder from a backup"), "{said}");
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join(".kinora"), "in the way").expect("writable");
    let error = Ledger::open(dir.path(), Mode::Run).expect_err("a file is in the way");
    insta::assert_snapshot!(
        said(&error, dir.path()),
        @"SHOP/.kinora can't be created: File exists (os error 17)"
    );
    let reader = Ledger::open(dir.path(), Mode::Read).expect("reads as empty");
    let stored = reader.store_plan(&plan(), "{}".to_owned()).expect("a cache is no must");
    assert!(matches!(stored, Stored::Skipped { .. }));
}

#[test]
fn a_run_that_never_ended_counts_as_an_interruption_of_what_it_left_open() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let interruptions = |ledger: &Ledger| {
        ledger.attempt(begun.attempt).expect("readable").expect("there").interruptions
    };
    drop(ledger);
    let ledger = running(dir.path());
    let second = begin_run(&ledger, 10);
    assert_eq!(interruptions(&ledger), 1);
    ledger.end_run(second, "interrupted", at(11)).wait().expect("writable");
    begin_run(&ledger, 12);
    assert_eq!(interruptions(&ledger), 1, "a run that said its end is no interruption");
}

// ---- sums ----

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happens to attempts, every sum is the sum of what they hold, also after the
    /// ledger was closed and opened again.
    #[test]
    fn sums_are_the_sums_of_the_attempts(
        jobs in proptest::collection::vec((0i64..40, 0u8..4, 0i64..90), 1..24),
    ) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let ledger = running(dir.path());
        let run = begin_run(&ledger, 0);
        for (n, (cost, end, day)) in jobs.iter().enumerate() {
            let begun = ledger
                .begin_attempt(intent(&format!("job-{n}"), run, *cost, day * 86_400))
                .wait()
                .expect("every job is new");
            match end {
                0 => {}
                1 => finish(&ledger, begun, *cost),
                2 => {
                    let t = step(begun.attempt, JobState::Submitting, JobState::Refused, 0, 0);
                    ledger.apply(t).wait().expect("a lawful step");
                }
                _ => {
                    let t = step(begun.attempt, JobState::Submitting, JobState::Unknown, *cost, 0);
                    ledger.apply(t).wait().expect("a lawful step");
                }
            }
        }
        drop(ledger);
        let ledger = Ledger::open(dir.path(), Mode::Read).expect("opens");
        let held = |keep: &dyn Fn(i64) -> bool| {
            let whole: i64 = jobs
                .iter()
                .filter(|(_, end, day)| *end != 2 && keep(*day))
                .map(|(cost, _, _)| cost)
                .sum();
            micros(whole)
        };
        let date = |day: i64| at(day * 86_400).to_zoned(jiff::tz::TimeZone::UTC).date();
        prop_assert_eq!(ledger.spent(Period::Run(run)).expect("readable"), held(&|_| true));
        prop_assert_eq!(ledger.spent(Period::Plan(plan())).expect("readable"), held(&|_| true));
        prop_assert_eq!(ledger.spent(Period::Ever).expect("readable"), held(&|_| true));
        let day = jobs[0].2;
        prop_assert_eq!(ledger.spent(Period::Day(date(day))).expect("readable"), held(&|d| d == day));
        let month = date(day).first_of_month();
        prop_assert_eq!(
            ledger.spent(Period::Month(date(day))).expect("readable"),
            held(&|d| date(d).first_of_month() == month)
        );
        let mut by_attempt = 0;
        ledger
            .each_attempt(Which::All, |a| by_attempt += a.reserved.get() + a.settled.get())
            .expect("readable");
        prop_assert_eq!(by_attempt, held(&|_| true).get());
    }
}
