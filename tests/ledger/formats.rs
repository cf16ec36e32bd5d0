//! Ledgers of earlier formats: what was paid for is kept, in whichever way they are opened first.

use std::path::Path;

use kinora::address::Address;
use kinora::digest::Digest;
use kinora::ledger::{
    ClipCheck, ClipVerdict, JobState, Ledger, Mode, NewCheck, NewWord, Origin, Period, Revocation,
    Verdict, Which, verify,
};

use crate::{intent, micros};

/// Puts a ledger of format 1, 2 or 4 into a workspace.
fn lay_down(workspace: &Path, format: u32) {
    std::fs::create_dir(workspace.join(".kinora")).expect("a folder");
    let raw = rusqlite::Connection::open(workspace.join(".kinora/ledger.db")).expect("a file");
    if format == 4 {
        let text = include_str!("fourth_format.sql");
        return raw.execute_batch(text).expect("as the fourth format had it");
    }
    raw.execute_batch(include_str!("first_format.sql")).expect("as the first format had it");
    if format == 2 {
        raw.execute_batch(
            "ALTER TABLE pictures ADD COLUMN traits INTEGER NOT NULL DEFAULT 255;
             PRAGMA user_version = 2",
        )
        .expect("as the second format had it");
    }
}

#[test]
fn an_earlier_ledger_keeps_jobs_and_money_and_pictures_are_looked_at_again() {
    for (format, mode) in
        [1, 2, 4].into_iter().flat_map(|format| [(format, Mode::Read), (format, Mode::Run)])
    {
        let dir = tempfile::tempdir().expect("a temporary folder");
        lay_down(dir.path(), format);
        let ledger = Ledger::open(dir.path(), mode).expect("an older ledger opens");
        assert_eq!(ledger.known_jobs().expect("readable").len(), 4);
        // Facts of the fourth format say when a picture is looked at again by themselves.
        assert!(format == 4 || ledger.picture_facts().expect("readable").is_empty());
        let lineage = ledger.lineage().expect("readable");
        assert_eq!(lineage.as_deref(), Some("0123456789abcdef0123456789abcdef"));

        assert_eq!(ledger.spent(Period::Ever), Ok(micros(15)));
        assert_eq!(ledger.spent(Period::Run(1)), Ok(micros(4)));
        assert_eq!(ledger.spent(Period::Plan(Digest::from_bytes([0; 32]))), Ok(micros(15)));
        assert_eq!(ledger.spent_by_day(20_834).expect("readable")[&20_834], micros(11));
        let holdings = ledger.holdings().expect("readable");
        let told: Vec<_> = holdings
            .iter()
            .map(|h| (h.run, h.day, h.model.as_str(), h.held, h.attempts, h.overcharged))
            .collect();
        assert_eq!(
            told,
            [
                (1, 20_833, "p/m", micros(4), 1, 0),
                (2, 20_834, "p/m", micros(5), 1, 0),
                (2, 20_834, "p/n", micros(6), 1, 1)
            ]
        );
    }
}

#[test]
fn a_run_goes_on_where_an_earlier_format_stopped() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    lay_down(dir.path(), 2);
    let ledger = Ledger::open(dir.path(), Mode::Run).expect("an older ledger opens");
    let run = crate::begin_run(&ledger, 100_000);
    let jar = &ledger.open_attempts().expect("readable")[0];
    assert_eq!((jar.address.as_str(), jar.interruptions), ("jar/turn/-/1", 2));
    let refused = crate::step(jar.id, JobState::Unknown, JobState::Refused, 0, 0);
    ledger.apply(refused).wait().expect("a lawful step");
    let mut again = intent("jar/turn/-/1", run, 5, 100_001);
    again.address = Address::from_stored("jar/turn/-/1");
    assert_eq!(ledger.begin_attempt(again).wait().expect("the first has ended").number, 2);
    assert_eq!(ledger.spent(Period::Ever), Ok(micros(15)));
    let mut attempts = 0;
    ledger.each_attempt(Which::All, |_| attempts += 1).expect("readable");
    assert_eq!(attempts, 5);
}

/// Clips of before had no rule: nobody waits for a look at them, nothing asks for another, and words
/// and checks can be added.
#[test]
fn clips_of_before_stand_and_can_be_looked_at_and_spoken_of() {
    for format in [2, 4] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        lay_down(dir.path(), format);
        let ledger = Ledger::open(dir.path(), Mode::Read).expect("an older ledger opens");
        assert_eq!(ledger.to_check(), Ok(vec![]));
        let current = ledger.current_clips().expect("readable");
        assert_eq!(
            (current.of_job(1), current.of_job(2), current.of_job(4)),
            (Some(1), None, Some(4))
        );
        let mut retakes = Vec::new();
        ledger.each_attempt(Which::All, |a| retakes.push(a.retake)).expect("readable");
        assert_eq!(retakes, [0; 4]);
        let check = NewCheck {
            attempt: 4,
            measure: "eye 1".to_owned(),
            verdict: ClipVerdict::Fail,
            score: Some(9),
            retake: true,
            detail: "{}".to_owned(),
            at: crate::at(200_000),
        };
        assert!(
            !ledger.record_check(check).expect("written").retake,
            "nothing was approved for it"
        );
        let address = Address::from_stored("pot/turn/-/1");
        let (verdict, by, at) = (Verdict::Rejected, "ada".to_owned(), crate::at(200_001));
        let word = NewWord { address, verdict, retake: false, attempt: None, by, note: None, at };
        ledger.say(vec![(word, true)]).expect("written").remove(0).expect("it has a clip");
        assert_eq!(ledger.current_clips().expect("readable").of_job(4), None);
        let mut faults = Vec::new();
        verify(dir.path(), ClipCheck::Skip, &mut |fault| faults.push(fault)).expect("readable");
        assert_eq!(faults, [], "format {format}");
    }
}

/// Approvals of before hold for good, came from a person, and have no digest to be known by.
#[test]
fn an_earlier_approval_has_no_end_and_came_from_a_person() {
    for format in [1, 2, 4] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        lay_down(dir.path(), format);
        let ledger = Ledger::open(dir.path(), Mode::Read).expect("an older ledger opens");
        let approvals = ledger.approvals().expect("readable");
        let [old] = approvals.as_slice() else { panic!("{approvals:?}") };
        assert_eq!((old.by.as_str(), old.ceiling), ("ada", micros(100)));
        assert_eq!((old.expires, old.origin, old.digest), (None, Origin::Person, None));
        assert_eq!((&old.signature, &old.shown, &old.revoked), (&None, &None, &None));
        let revocation = Revocation { by: "bo".to_owned(), at: crate::at(1), note: None };
        assert_eq!(ledger.revoke(old.id, revocation.clone()), Ok(true));
        assert_eq!(ledger.revoke(old.id, revocation.clone()), Ok(false), "it was before");
        assert_eq!(
            ledger.approval(old.id).expect("readable").expect("there").revoked,
            Some(revocation)
        );
    }
}
