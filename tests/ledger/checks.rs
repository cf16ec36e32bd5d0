//! What looking at clips came to, in the ledger: when a check asks for another clip, that one begins
//! only where it does, and which clip stands for a job.

use std::path::Path;

use kinora::address::Address;
use kinora::digest::Digest;
use kinora::ledger::{
    Begun, Check, ClipCheck, ClipVerdict, Known, Ledger, LedgerError, NewAttempt, NewCheck,
    NewWord, Verdict, Which, verify,
};

use crate::{at, begin_run, finish, intent, running};

const JOB: &str = "s.a/turn/-/1";

/// The request's rule as the ledger keeps it: the only part of a request that it reads.
fn rule(on_fail: &str, max_retakes: u32) -> String {
    format!(
        r#"{{"consistency":{{"bounds":{{"min":80,"fail_below":60}},"on_fail":"{on_fail}","max_retakes":{max_retakes}}}}}"#
    )
}

fn take(run: i64, retake: u32, request: &str) -> NewAttempt {
    let first = intent(JOB, run, 7, 2);
    let fingerprint = Digest::of(format!("{JOB} {retake}").as_bytes());
    NewAttempt { retake, fingerprint, request: request.to_owned(), ..first }
}

fn made(ledger: &Ledger, attempt: NewAttempt) -> Begun {
    let begun = ledger.begin_attempt(attempt).wait().expect("it may begin");
    finish(ledger, begun, 7);
    begun
}

fn scored(attempt: i64, score: u8, wish: bool) -> NewCheck {
    let verdict = if score < 60 { ClipVerdict::Fail } else { ClipVerdict::Pass };
    let measure = "eye 1".to_owned();
    let detail = format!(r#"{{"notes":["seen {score}"]}}"#);
    NewCheck { attempt, measure, verdict, score: Some(score), retake: wish, detail, at: at(9) }
}

fn check(ledger: &Ledger, new: NewCheck) -> Check {
    ledger.record_check(new).expect("written")
}

fn say(ledger: &Ledger, verdict: Verdict, retake: bool, attempt: Option<u32>) {
    let address = Address::from_stored(JOB);
    let (by, note, at) = ("ada".to_owned(), None, at(9));
    let word = NewWord { address, verdict, retake, attempt, by, note, at };
    ledger.say(vec![(word, true)]).expect("written").remove(0).expect("it can be said");
}

fn known(ledger: &Ledger) -> Known {
    ledger.known_jobs().expect("readable")[&Address::from_stored(JOB).key()]
}

fn current(ledger: &Ledger, job: i64) -> Option<i64> {
    ledger.current_clips().expect("readable").of_job(job)
}

fn faults(workspace: &Path) -> Vec<String> {
    let mut found = Vec::new();
    verify(workspace, ClipCheck::Skip, &mut |fault| found.push(format!("{fault:?}")))
        .expect("readable");
    found
}

#[test]
fn a_check_asks_for_as_many_clips_as_the_rule_allows_and_each_begins_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let (run, rule) = (begin_run(&ledger, 1), rule("retake", 2));
    let unasked = || Err(LedgerError::NoRetake { address: JOB.to_owned() });
    let first = made(&ledger, take(run, 0, &rule));
    assert_eq!(ledger.to_check(), Ok(vec![first.attempt]));
    assert_eq!(ledger.begin_attempt(take(run, 1, &rule)).wait(), unasked());

    assert!(check(&ledger, scored(first.attempt, 30, true)).retake);
    assert_eq!(ledger.to_check(), Ok(vec![]));
    assert_eq!((known(&ledger).retake, known(&ledger).by_check), (1, true));
    assert_eq!(ledger.begin_attempt(take(run, 2, &rule)).wait(), unasked(), "one at a time");
    let second = made(&ledger, take(run, 1, &rule));
    assert_eq!((known(&ledger).retake, known(&ledger).by_check), (1, false));
    assert!(!check(&ledger, scored(first.attempt, 30, true)).retake, "it is not the latest");

    assert!(check(&ledger, scored(second.attempt, 40, true)).retake);
    let third = made(&ledger, take(run, 2, &rule));
    assert!(!check(&ledger, scored(third.attempt, 35, true)).retake, "two were allowed");
    assert_eq!(ledger.begin_attempt(take(run, 3, &rule)).wait(), unasked());
    assert_eq!(current(&ledger, first.job), Some(second.attempt));
    let mut standing = Vec::new();
    ledger.each_attempt(Which::Standing, |a| standing.push(a.id)).expect("readable");
    assert_eq!(standing, [second.attempt]);
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn only_a_wish_that_the_rule_knows_becomes_a_retake() {
    for (request, asks) in [
        (rule("retake", 1), true),
        (rule("flag", 0), false),
        (rule("hold", 0), false),
        ("{}".to_owned(), false),
        ("no JSON".to_owned(), false),
    ] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let ledger = running(dir.path());
        let run = begin_run(&ledger, 1);
        let first = made(&ledger, take(run, 0, &request));
        let ruled = request.contains("consistency");
        assert_eq!(ledger.to_check().expect("readable").len(), usize::from(ruled), "{request}");
        assert!(!check(&ledger, scored(first.attempt, 30, false)).retake, "nobody wishes for it");
        assert_eq!(check(&ledger, scored(first.attempt, 30, true)).retake, asks, "{request}");
    }
}

#[test]
fn who_looks_again_takes_back_what_was_asked_for_only_where_it_passes_now() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let (run, rule) = (begin_run(&ledger, 1), rule("retake", 1));
    let first = made(&ledger, take(run, 0, &rule));
    check(&ledger, scored(first.attempt, 30, true));
    assert!(check(&ledger, scored(first.attempt, 31, false)).retake, "it fails as before");
    assert!(known(&ledger).by_check);
    assert!(!check(&ledger, scored(first.attempt, 90, false)).retake);
    assert!(!known(&ledger).by_check);
    assert!(ledger.begin_attempt(take(run, 1, &rule)).wait().is_err());
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn a_persons_word_outranks_the_check() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let (run, rule) = (begin_run(&ledger, 1), rule("retake", 1));
    let first = made(&ledger, take(run, 0, &rule));
    check(&ledger, scored(first.attempt, 30, true));
    say(&ledger, Verdict::Accepted, false, None);
    assert_eq!((known(&ledger).retake, known(&ledger).by_check), (0, false));
    assert!(ledger.begin_attempt(take(run, 1, &rule)).wait().is_err(), "it was accepted");
    assert!(!check(&ledger, scored(first.attempt, 20, true)).retake, "it was accepted");

    say(&ledger, Verdict::Rejected, true, None);
    let second = made(&ledger, take(run, 1, &rule));
    // A person asked for that one, so the rule's own is still to be had.
    assert!(!check(&ledger, scored(second.attempt, 20, true)).retake, "the first check asked once");
    // Worse, but the other was rejected.
    assert_eq!(current(&ledger, first.job), Some(second.attempt));
    say(&ledger, Verdict::Accepted, false, Some(1));
    assert_eq!(current(&ledger, first.job), Some(first.attempt));
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn scores_of_different_measures_are_not_compared() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let (run, rule) = (begin_run(&ledger, 1), rule("retake", 1));
    let first = made(&ledger, take(run, 0, &rule));
    check(&ledger, scored(first.attempt, 50, true));
    let second = made(&ledger, take(run, 1, &rule));
    assert_eq!(current(&ledger, first.job), Some(second.attempt), "nobody looked at it yet");
    let other = NewCheck { measure: "eye 2".to_owned(), ..scored(second.attempt, 20, true) };
    check(&ledger, other);
    assert_eq!(current(&ledger, first.job), Some(second.attempt));
    check(&ledger, scored(second.attempt, 20, true));
    assert_eq!(current(&ledger, first.job), Some(first.attempt));
}

#[test]
fn an_edit_from_outside_is_found_and_an_export_tells_what_was_seen() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    {
        let ledger = running(dir.path());
        let (run, rule) = (begin_run(&ledger, 1), rule("retake", 1));
        let first = made(&ledger, take(run, 0, &rule));
        check(&ledger, scored(first.attempt, 30, true));
        made(&ledger, take(run, 1, &rule));
    }
    assert_eq!(faults(dir.path()), Vec::<String>::new());
    let mut lines = Vec::new();
    kinora::ledger::export(dir.path(), &mut lines).expect("readable");
    let lines = String::from_utf8(lines).expect("text");
    let told = lines.lines().find(|line| line.contains(r#""kind":"checked""#)).expect("told");
    assert!(told.contains(r#""found":{"notes":["seen 30"]}"#), "{told}");
    assert!(told.contains(r#""score":30"#) && told.contains(r#""retake":true"#), "{told}");

    let raw = rusqlite::Connection::open(dir.path().join(".kinora/ledger.db")).expect("a file");
    assert!(raw.execute("UPDATE checks SET retake = 0", []).is_err());
    assert!(raw.execute("DELETE FROM checks", []).is_err());
    raw.execute_batch("DROP TRIGGER checks_stay; UPDATE checks SET retake = 0").expect("by force");
    let found = faults(dir.path());
    assert!(found.iter().any(|fault| fault.contains("Checks")), "{found:?}");
    assert!(
        found.iter().any(|fault| fault.contains("a retake that nobody asked for")),
        "{found:?}"
    );
    raw.execute_batch(
        "UPDATE checks SET retake = 1; DROP TRIGGER attempts_stay;
         UPDATE attempts SET request = replace(request, '\"max_retakes\":1', '\"max_retakes\":0')",
    )
    .expect("by force");
    let found = faults(dir.path());
    assert!(found.iter().any(|fault| fault.contains("whose rule allows 0")), "{found:?}");
}
