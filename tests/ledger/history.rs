//! What earlier attempts tell: charged against estimated, and how long clips took.

use kinora::ledger::{Basis, Begun, History, JobState, Ledger, NewRun, Span};
use kinora::money::{Micros, Unit};
use kinora::plan::{Actual, actuals};
use proptest::prelude::*;

use crate::{approve, at, begin_run, intent, micros, plan, running, step};

fn begin(ledger: &Ledger, run: i64, job: &str, model: &str, estimate: i64) -> Begun {
    let mut attempt = intent(job, run, estimate, 2);
    attempt.model = model.to_owned();
    ledger.begin_attempt(attempt).wait().expect("first")
}

/// Takes an attempt to the finished clip, `seconds` after its intent.
fn ready(ledger: &Ledger, begun: Begun, cost: i64, basis: Basis, seconds: i64) {
    let a = begun.attempt;
    ledger.apply(step(a, JobState::Submitting, JobState::Submitted, 1, 0)).wait().expect("lawful");
    let mut step = step(a, JobState::Submitted, JobState::Ready, 0, cost);
    (step.basis, step.at) = (Some(basis), at(2 + seconds));
    ledger.apply(step).wait().expect("lawful");
}

fn history(ledger: &Ledger) -> History {
    ledger.history(Span::Latest, &Unit::default()).expect("readable")
}

fn said(history: &History) -> Vec<(String, u64, String, String, Option<String>)> {
    let parts = |a: Actual| (a.model, a.attempts, a.estimated, a.charged, a.error_percent);
    actuals(history).into_iter().map(parts).collect()
}

#[test]
fn only_the_providers_own_word_is_held_against_an_estimate() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    ready(&ledger, begin(&ledger, run, "a", "p/m", 10), 12, Basis::Provider, 30);
    ready(&ledger, begin(&ledger, run, "b", "p/m", 10), 10, Basis::Provider, 30);
    // Without a word of the provider the estimate was settled: it would prove itself.
    ready(&ledger, begin(&ledger, run, "c", "p/m", 10), 10, Basis::Estimate, 30);
    ready(&ledger, begin(&ledger, run, "d", "q/n", 3), 3, Basis::Estimate, 30);
    // Charged for something else than a clip.
    let failed = begin(&ledger, run, "e", "p/m", 10).attempt;
    for (from, to, reserved, settled) in [
        (JobState::Submitting, JobState::Submitted, 10, 0),
        (JobState::Submitted, JobState::Failed, 0, 1),
    ] {
        ledger.apply(step(failed, from, to, reserved, settled)).wait().expect("lawful");
    }
    begin(&ledger, run, "open", "p/m", 10);
    let error = Some("10.0".to_owned());
    assert_eq!(
        said(&history(&ledger)),
        [("p/m".to_owned(), 2, "20".to_owned(), "22".to_owned(), error)]
    );
}

#[test]
fn attempts_in_another_unit_tell_nothing_of_amounts() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    ready(&ledger, begin(&ledger, run, "a", "p/m", 10), 12, Basis::Provider, 30);
    let usd = Unit::new("USD");
    let approval = approve(&ledger);
    let other =
        NewRun { plan: Some(plan()), approval: Some(approval), unit: usd.clone(), at: at(3) };
    let run = ledger.begin_run(other).wait().expect("writable");
    ready(&ledger, begin(&ledger, run, "b", "p/m", 1), 2, Basis::Provider, 50);
    let in_usd = ledger.history(Span::Whole, &usd).expect("readable");
    let in_credits = history(&ledger);
    let charged = |history: &History| {
        history.charged().map(|(_, c)| (c.attempts, c.charged)).collect::<Vec<_>>()
    };
    assert_eq!(charged(&in_usd), [(1, micros(2))]);
    assert_eq!(charged(&in_credits), [(1, micros(12))]);
    assert_eq!(in_usd.typical_ms("p/m"), in_credits.typical_ms("p/m"), "time has no unit");
}

#[test]
fn half_of_the_clips_took_no_longer_than_the_typical_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    assert_eq!(history(&ledger).typical_ms("p/m"), None);
    for (job, seconds) in [("a", 40), ("b", 600), ("c", 20), ("d", 30), ("e", 50)] {
        ready(&ledger, begin(&ledger, run, job, "p/m", 1), 1, Basis::Estimate, seconds);
    }
    assert_eq!(history(&ledger).typical_ms("p/m"), Some(40_000));
    assert_eq!(history(&ledger).typical_ms("other"), None);
    // What was taken up by another run was seen when that looked, not when it was finished.
    let slept = begin(&ledger, run, "f", "p/m", 1);
    drop(ledger);
    let ledger = running(dir.path());
    begin_run(&ledger, 1_000);
    ready(&ledger, slept, 1, Basis::Estimate, 80_000);
    assert_eq!(history(&ledger).typical_ms("p/m"), Some(40_000));
}

#[test]
fn a_ledger_that_is_not_there_tells_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::open(dir.path(), kinora::ledger::Mode::Read).expect("opens");
    assert_eq!(history(&ledger), History::default());
    assert_eq!(actuals(&history(&ledger)), []);
}

#[test]
fn an_error_is_said_with_one_decimal_and_of_nothing_not_at_all() {
    let of = |estimated: i64, charged: i64| {
        let mut sums = kinora::ledger::Charged::default();
        let micros = |n| Micros::from_stored(n).expect("not negative");
        sums.add(micros(estimated), micros(charged));
        Actual::new("m", &sums).map(|actual| actual.error_percent)
    };
    assert_eq!(of(3_000_000, 4_000_000), Some(Some("33.3".to_owned())));
    assert_eq!(of(3_000_000, 2_000_000), Some(Some("-33.3".to_owned())));
    assert_eq!(of(3_000_000, 3_000_000), Some(Some("0.0".to_owned())));
    assert_eq!(of(3_000_000, 2_999_999), Some(Some("0.0".to_owned())), "no minus before nothing");
    assert_eq!(of(800_000, 800_400), Some(Some("0.1".to_owned())), "halves away from nothing");
    assert_eq!(of(0, 1), Some(None), "of nothing there is no part");
    assert_eq!(of(0, 0), None, "what is free tells nothing");
}

proptest! {
    #[test]
    fn parts_of_a_run_add_up_in_any_order(
        some in prop::collection::vec((0usize..3, 0i64..1_000_000_000, 0i64..1_000_000_000), 0..20),
        at in 0usize..20,
    ) {
        let sum = |some: &[(usize, i64, i64)]| -> Vec<Actual> {
            let mut all = std::collections::BTreeMap::<String, kinora::ledger::Charged>::new();
            for (model, estimated, charged) in some {
                let micros = |n: i64| Micros::from_stored(n).expect("not negative");
                let of = all.entry(format!("m{model}")).or_default();
                of.add(micros(*estimated), micros(*charged));
            }
            all.iter().filter_map(|(model, of)| Actual::new(model, of)).collect()
        };
        let (one, other) = some.split_at(at.min(some.len()));
        let (one, other) = (sum(one), sum(other));
        // What was free in one part is left out of it.
        let whole = some.iter().filter(|(_, e, c)| *e > 0 || *c > 0).copied().collect::<Vec<_>>();
        if whole.len() == some.len() {
            prop_assert_eq!(&Actual::merged(&one, &other), &sum(&some));
        }
        prop_assert_eq!(Actual::merged(&one, &other), Actual::merged(&other, &one));
    }
}

#[test]
fn a_clock_that_was_set_back_is_not_measured() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let ledger = running(dir.path());
    let run = begin_run(&ledger, 1);
    ready(&ledger, begin(&ledger, run, "a", "p/m", 1), 1, Basis::Estimate, -1);
    assert_eq!(history(&ledger).typical_ms("p/m"), None);
}
