//! Totals: whatever happens to attempts, a total is the sum over the attempts that it is of.

use std::collections::BTreeMap;

use kinora::ledger::{
    Holding, JobState, Ledger, MemoryLedger, Period, Transition, WRITTEN_OFF, Which,
};
use kinora::money::Micros;
use proptest::prelude::*;

use crate::{at, begin_run, intent, micros, step};

/// One thing that happens: which job, to what state, for how much, and under which kind.
fn happening() -> impl Strategy<Value = (usize, usize, i64, bool)> {
    (0usize..6, 0usize..9, 0i64..20, any::<bool>())
}

/// The transition to `to`, with amounts that are lawful there.
fn happen(
    attempt: i64,
    from: JobState,
    to: JobState,
    amount: i64,
    written_off: bool,
) -> Transition {
    use JobState::{Done, Failed, Fetching, Lost, Ready, Refused, Submitted, Submitting, Unknown};
    let (reserved, settled) = match to {
        Submitting | Submitted | Unknown => (amount, 0),
        Ready | Fetching | Done | Failed | Lost => (0, amount),
        Refused => (0, 0),
    };
    let mut t = step(attempt, from, to, reserved, settled);
    t.remote_id = Some(format!("remote-{attempt}"));
    if written_off && to == Lost {
        t.kind = WRITTEN_OFF;
    }
    t
}

/// The holdings as they follow from the attempts alone.
fn summed(ledger: &Ledger, written_off: &BTreeMap<i64, bool>) -> BTreeMap<String, [i64; 3]> {
    let mut sums = BTreeMap::<String, [i64; 3]>::new();
    ledger
        .each_attempt(Which::All, |a| {
            let sum = sums.entry(format!("{}/{}", a.plan, a.model)).or_default();
            sum[0] += a.reserved.get() + a.settled.get();
            sum[1] += i64::from(a.state != JobState::Refused);
            sum[2] += if written_off.get(&a.id) == Some(&true) { a.settled.get() } else { 0 };
        })
        .expect("readable");
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn totals_are_the_sums_over_their_attempts(
        happenings in proptest::collection::vec(happening(), 1..60),
    ) {
        let memory = MemoryLedger::new().expect("made");
        let ledger = memory.ledger();
        let run = begin_run(ledger, 0);
        let mut attempts = BTreeMap::new();
        let mut written_off = BTreeMap::new();
        for (job, to, amount, word) in happenings {
            let mut new = intent(&format!("job-{job}"), run, amount, 2);
            new.model = format!("p/{}", job % 2);
            match attempts.get(&job).copied() {
                Some((attempt, from)) if JobState::is_open(from) => {
                    let to = JobState::ALL[to];
                    let t = happen(attempt, from, to, amount, word);
                    written_off.insert(attempt, t.kind == WRITTEN_OFF);
                    ledger.apply(t).wait().expect("any step is lawful for the ledger");
                    attempts.insert(job, (attempt, to));
                }
                _ => {
                    let begun = ledger.begin_attempt(new).wait().expect("none is open");
                    attempts.insert(job, (begun.attempt, JobState::Submitting));
                }
            }
            if word {
                memory.commit().expect("committed");
            }
        }
        memory.crash().expect("crashed");
        let told: BTreeMap<_, _> = ledger
            .holdings()
            .expect("readable")
            .into_iter()
            .map(|h: Holding| {
                let attempts = i64::try_from(h.attempts).expect("few");
                let held = [h.held.get(), attempts, h.written_off.get()];
                (format!("{}/{}", h.plan, h.model), held)
            })
            .collect();
        prop_assert_eq!(told, summed(ledger, &written_off));
    }
}

#[test]
fn an_attempt_that_cost_more_than_was_reserved_is_counted_as_overcharged() {
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    let run = begin_run(ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let overcharged = || ledger.holdings().expect("readable")[0].overcharged;
    for (from, to, reserved, settled, told) in [
        (JobState::Submitting, JobState::Submitted, 3, 0, 0),
        (JobState::Submitted, JobState::Ready, 0, 4, 1),
        (JobState::Ready, JobState::Fetching, 0, 4, 1),
    ] {
        ledger.apply(step(begun.attempt, from, to, reserved, settled)).wait().expect("lawful");
        assert_eq!(overcharged(), told, "{to:?}");
    }
}

#[test]
fn an_unknown_outcome_that_is_written_off_needs_no_id_of_the_provider() {
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    let run = begin_run(ledger, 1);
    let begun = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let doubt = step(begun.attempt, JobState::Submitting, JobState::Unknown, 3, 0);
    ledger.apply(doubt).wait().expect("lawful");
    let mut lost = step(begun.attempt, JobState::Unknown, JobState::Lost, 0, 3);
    assert!(ledger.apply(lost.clone()).wait().is_err(), "lost without an id, and not written off");
    lost.kind = WRITTEN_OFF;
    ledger.apply(lost).wait().expect("lawful");
    let holding = &ledger.holdings().expect("readable")[0];
    assert_eq!((holding.held, holding.written_off), (micros(3), micros(3)));
}

#[test]
fn the_schema_refuses_a_total_below_zero() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = crate::running(dir.path());
    let run = begin_run(&ledger, 1);
    ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first");
    let path = ledger.path().to_owned();
    drop(ledger);
    let raw = rusqlite::Connection::open(path).expect("a SQLite file");
    for forbidden in [
        "UPDATE totals SET held = held - 3000001",
        "UPDATE totals SET written_off = held + 1",
        "UPDATE totals SET attempts = -1",
        "UPDATE totals SET overcharged = attempts + 1",
    ] {
        assert!(raw.execute_batch(forbidden).is_err(), "{forbidden}");
    }
}

#[test]
fn interruptions_count_from_the_last_progress() {
    use JobState::{Done, Fetching, Ready, Submitted, Submitting, Unknown};
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    let run = begin_run(ledger, 1);
    let a = ledger.begin_attempt(intent("a", run, 3, 2)).wait().expect("first").attempt;
    let interruptions = || ledger.attempt(a).expect("readable").expect("there").interruptions;
    // Each step is followed by a run that is cut off: what is told is the count after both.
    for (from, to, told) in [
        (Submitting, Unknown, 1),
        (Unknown, Submitting, 2),
        (Submitting, Submitted, 1),
        (Submitted, Ready, 1),
        (Ready, Fetching, 2),
        (Fetching, Ready, 3),
        (Ready, Fetching, 4),
    ] {
        let held = matches!(to, Submitting | Submitted | Unknown);
        let (reserved, settled) = if held { (3, 0) } else { (0, 3) };
        ledger.apply(step(a, from, to, reserved, settled)).wait().expect("lawful");
        begin_run(ledger, 9);
        assert_eq!(interruptions(), told, "{from:?} to {to:?}");
    }
    let mut done = step(a, Fetching, Done, 0, 3);
    done.clip = Some(crate::clip());
    ledger.apply(done).wait().expect("lawful");
    assert_eq!(interruptions(), 0);
}

#[test]
fn ids_of_a_provider_are_found_by_when_their_attempts_began() {
    let memory = MemoryLedger::new().expect("made");
    let ledger = memory.ledger();
    let run = begin_run(ledger, 1);
    // The clock was set back between the second and the third.
    for (n, (provider, second)) in
        [("p", 10), ("p", 30), ("p", 20), ("q", 30), ("p", 40)].into_iter().enumerate()
    {
        let mut new = intent(&format!("job-{n}"), run, 1, second);
        new.provider = provider.to_owned();
        let attempt = ledger.begin_attempt(new).wait().expect("first").attempt;
        if n == 4 {
            break; // Its id is not known yet.
        }
        let mut taken = step(attempt, JobState::Submitting, JobState::Submitted, 1, 0);
        taken.remote_id = Some(format!("id-{n}"));
        ledger.apply(taken).wait().expect("lawful");
    }
    assert_eq!(ledger.remote_ids("p", at(20)).expect("readable"), ["id-2", "id-1"]);
    assert_eq!(ledger.spent(Period::Ever), Ok(Micros::from_stored(5_000_000).expect("small")));
}
