//! What people say of clips, in the ledger: which word rules, what a plan gets to know of it, and
//! that no word costs money or a clip.

use kinora::address::Address;
use kinora::ledger::{
    ClipCheck, JobState, Known, Ledger, LedgerError, NewWord, Period, Said, Unsaid, Verdict, Which,
    verify,
};
use proptest::prelude::*;

use crate::{at, begin_run, finish, intent, micros, running, step};

const JOB: &str = "s.a/turn/-/1";

fn word(verdict: Verdict, retake: bool) -> NewWord {
    NewWord {
        address: Address::from_stored(JOB),
        verdict,
        retake,
        attempt: None,
        by: "ada".to_owned(),
        note: None,
        at: at(9),
    }
}

fn say(ledger: &Ledger, new: NewWord) -> Result<Said, Unsaid> {
    ledger.say(vec![(new, true)]).expect("written").remove(0)
}

fn known(ledger: &Ledger) -> Known {
    ledger.known_jobs().expect("readable")[&Address::from_stored(JOB).key()]
}

fn retake(run: i64, retake: u32) -> kinora::ledger::NewAttempt {
    let first = intent(JOB, run, 7, 2);
    let name = format!("{JOB} {retake}");
    kinora::ledger::NewAttempt {
        retake,
        fingerprint: kinora::digest::Digest::of(name.as_bytes()),
        ..first
    }
}

fn faults(workspace: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    verify(workspace, ClipCheck::Skip, &mut |fault| found.push(format!("{fault:?}")))
        .expect("readable");
    found
}

#[test]
fn a_retake_begins_once_for_each_word_that_asks_for_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let first = ledger.begin_attempt(intent(JOB, run, 7, 2)).wait().expect("first");
    finish(&ledger, first, 7);
    let unasked = ledger.begin_attempt(retake(run, 1)).wait();
    assert_eq!(unasked, Err(LedgerError::NoRetake { address: JOB.to_owned() }));

    let said = say(&ledger, word(Verdict::Rejected, true)).expect("there is a clip");
    assert_eq!((said.word.number, said.before), (1, false));
    assert!(say(&ledger, word(Verdict::Rejected, true)).expect("the same").before);
    assert_eq!((known(&ledger).retake, known(&ledger).state), (1, JobState::Done));
    assert!(ledger.begin_attempt(retake(run, 2)).wait().is_err(), "one at a time");

    let second = ledger.begin_attempt(retake(run, 1)).wait().expect("asked for");
    let open = say(&ledger, word(Verdict::Rejected, true));
    assert!(matches!(open, Err(Unsaid::Open { number: 2, .. })), "{open:?}");
    finish(&ledger, second, 7);
    assert_eq!(known(&ledger).retake, 1);
    assert!(ledger.begin_attempt(retake(run, 2)).wait().is_err(), "nobody asked again");
    assert_eq!(ledger.spent(Period::Ever), Ok(micros(14)));
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn the_earlier_clip_is_taken_back_and_nothing_is_tried_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    let first = ledger.begin_attempt(intent(JOB, run, 7, 2)).wait().expect("first");
    finish(&ledger, first, 7);
    say(&ledger, word(Verdict::Rejected, true)).expect("there is a clip");
    let second = ledger.begin_attempt(retake(run, 1)).wait().expect("asked for");
    ledger
        .apply(step(second.attempt, JobState::Submitting, JobState::Refused, 0, 0))
        .wait()
        .expect("a lawful step");
    assert_eq!(known(&ledger).state, JobState::Refused, "to be tried again");
    assert_eq!(say(&ledger, word(Verdict::Rejected, true)), Err(Unsaid::Refused));

    let said = say(&ledger, word(Verdict::Accepted, false)).expect("the first clip");
    assert_eq!(said.word.number, 1);
    assert_eq!((known(&ledger).state, known(&ledger).retake), (JobState::Done, 1));
    let words = ledger.words().expect("readable");
    assert_eq!(words.chosen(first.job), Some(first.attempt));
    let mut standing = Vec::new();
    ledger.each_attempt(Which::Standing, |a| standing.push(a.id)).expect("readable");
    assert_eq!(standing, [first.attempt]);
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn what_was_said_is_never_changed_and_an_edit_from_outside_is_found() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    {
        let ledger = running(dir.path());
        let run = begin_run(&ledger, 1);
        let first = ledger.begin_attempt(intent(JOB, run, 7, 2)).wait().expect("first");
        finish(&ledger, first, 7);
        say(&ledger, word(Verdict::Rejected, false)).expect("there is a clip");
    }
    let raw = rusqlite::Connection::open(dir.path().join(".kinora/ledger.db")).expect("a file");
    assert!(raw.execute("UPDATE words SET retake = 1", []).is_err());
    assert!(raw.execute("DELETE FROM words", []).is_err());
    raw.execute_batch("DROP TRIGGER words_stay; UPDATE words SET verdict = 'accepted'")
        .expect("by force");
    let found = faults(dir.path());
    assert!(found.iter().any(|fault| fault.contains("Words")), "{found:?}");
}

/// One thing that happens to a job.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Said(Verdict, bool),
    Chosen(u32),
    /// An attempt, where the ledger lets one begin: how it ends.
    Tried(JobState),
}

fn happens() -> impl Strategy<Value = Happens> {
    use JobState::{Done, Failed, Refused};
    prop_oneof![
        Just(Happens::Said(Verdict::Accepted, false)),
        Just(Happens::Said(Verdict::Rejected, false)),
        Just(Happens::Said(Verdict::Rejected, true)),
        (1u32..4).prop_map(Happens::Chosen),
        prop_oneof![Just(Done), Just(Failed), Just(Refused)].prop_map(Happens::Tried),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is said in whichever order: what was spent stays spent and no more is, every clip
    /// stays recorded, another attempt of the same begins only where the last word asks for it,
    /// and the books agree.
    #[test]
    fn no_word_loses_money_or_a_clip(story in proptest::collection::vec(happens(), 1..14)) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let ledger = running(dir.path());
        let run = begin_run(&ledger, 1);
        let first = ledger.begin_attempt(intent(JOB, run, 2, 2)).wait().expect("first");
        finish(&ledger, first, 2);
        let (mut spent, mut clips, mut last) = (2, 1, (JobState::Done, 0));
        for one in story {
            match one {
                Happens::Said(verdict, retake) => drop(say(&ledger, word(verdict, retake))),
                Happens::Chosen(n) => {
                    let new = NewWord { attempt: Some(n), ..word(Verdict::Accepted, false) };
                    drop(say(&ledger, new));
                }
                Happens::Tried(end) => {
                    let known = known(&ledger);
                    prop_assert!(known.retake == last.1 || known.retake == last.1 + 1);
                    // What a run does: begin what is not done, and what is asked for again.
                    let asked = known.retake > last.1;
                    if known.state == JobState::Done && !asked {
                        prop_assert!(ledger.begin_attempt(retake(run, last.1 + 1)).wait().is_err());
                        continue;
                    }
                    let mut new = retake(run, known.retake);
                    new.reserved = micros(2);
                    let begun = ledger.begin_attempt(new).wait().expect("it may begin");
                    let open = say(&ledger, word(Verdict::Rejected, true));
                    prop_assert!(open.is_err(), "{open:?}");
                    match end {
                        JobState::Done => {
                            finish(&ledger, begun, 2);
                            (spent, clips) = (spent + 2, clips + 1);
                        }
                        end => {
                            let (from, to) = (JobState::Submitting, JobState::Submitted);
                            if end == JobState::Failed {
                                let sent = step(begun.attempt, from, to, 2, 0);
                                ledger.apply(sent).wait().expect("a lawful step");
                            }
                            let from = if end == JobState::Failed { to } else { from };
                            let ended = step(begun.attempt, from, end, 0, 0);
                            ledger.apply(ended).wait().expect("a lawful step");
                        }
                    }
                    last = (end, known.retake);
                }
            }
            prop_assert_eq!(ledger.spent(Period::Ever), Ok(micros(spent)));
            let mut with_clips = 0;
            ledger
                .each_attempt(Which::All, |a| with_clips += u64::from(a.clip.is_some()))
                .expect("readable");
            prop_assert_eq!(with_clips, clips);
            let words = ledger.words().expect("readable");
            if let Some(chosen) = words.chosen(first.job) {
                let chosen = ledger.attempt(chosen).expect("readable").expect("there");
                prop_assert!(chosen.clip.is_some(), "only a clip is chosen");
                prop_assert!(!words.is_rejected(chosen.id));
            }
        }
        prop_assert_eq!(faults(dir.path()), Vec::<String>::new());
    }
}
