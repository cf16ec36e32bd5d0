//! Money: nothing is spent that was not approved, and nothing that was spent is forgotten.

use std::collections::BTreeMap;

use kinora::exit::Exit;
use kinora::ledger::{Basis, JobState, Ledger, Mode};
use kinora::money::{Amount, Unit};
use kinora::providers::Retry;
use kinora::run::{LimitName, MoneyLimits, RunError, RunEvent, Skip};
use rust_decimal::Decimal;

use crate::world::{AtEnd, AtSubmit, Script, World, job, jobs, micros};

fn credits(n: i64) -> Amount {
    Amount::new(Decimal::from(n), Unit::default())
}

#[test]
fn m1_a_job_of_another_plan_is_not_submitted() {
    let world = World::new(|_, _| Script::default());
    let mut other = job("a", "m", 1);
    other.plan = kinora::digest::Digest::of(b"another plan");
    let run = world.run(vec![other]);
    let skipped =
        RunEvent::Skipped { job: "a".to_owned(), why: Skip::NotApproved, guardrail: None };
    assert!(run.events.contains(&skipped));
    assert!(world.provider.site().submissions.is_empty());
}

#[test]
fn m7_an_unpriced_job_is_not_submitted() {
    let world = World::new(|_, _| Script::default());
    let mut unpriced = job("a", "m", 1);
    unpriced.reserve = None;
    let run = world.run(vec![unpriced, job("b", "m", 1)]);
    assert_eq!((run.summary().unpriced, run.summary().done), (1, 1));
    assert_eq!(world.provider.site().submissions, ["b"]);
    assert_eq!(run.summary().exit(), Exit::JobsFailed);
}

#[test]
fn what_does_not_fit_is_left_out_and_cheaper_ones_still_go() {
    let mut world = World::new(|_, _| Script::default());
    world.ceiling = 50;
    let run = world.run(vec![job("a", "m", 40), job("dear", "m", 20), job("b", "m", 10)]);
    assert_eq!((run.summary().done, run.summary().over_budget), (2, 1));
    assert_eq!(run.summary().exit(), Exit::OverBudget);
    assert!(run.events.contains(&RunEvent::OverBudget {
        job: "dear".to_owned(),
        limit: LimitName::Ceiling,
        wanted: "20".to_owned(),
        left: "10".to_owned(),
    }));
    world.check_invariants();
}

#[test]
fn m5_the_ceiling_holds_over_any_number_of_runs() {
    let mut world = World::new(|_, _| Script::default());
    world.ceiling = 50;
    for batch in 0..4 {
        world.run((0..3).map(|n| job(&format!("{batch}-{n}"), "m", 10)).collect());
        world.check_invariants();
    }
    assert_eq!(world.provider.site().submissions.len(), 5);
}

#[test]
fn budgets_of_run_day_and_month_hold() {
    let limit = |set: fn(&mut MoneyLimits)| {
        let mut world = World::new(|_, _| Script::default());
        set(&mut world.limits);
        let first = world.run(jobs("m", 4)).summary().done;
        let more = (4..8).map(|n| job(&format!("m-{n}"), "m", 10)).collect();
        (first, world.run(more).summary().done)
    };
    assert_eq!(limit(|l| l.per_run = Some(micros(20))), (2, 2));
    assert_eq!(limit(|l| l.per_day = Some(micros(30))), (3, 0));
    assert_eq!(limit(|l| l.per_month = Some(micros(55))), (4, 1));
    assert_eq!(limit(|l| l.per_job = Some(micros(9))), (0, 0));
}

#[test]
fn the_provider_says_what_it_cost_and_a_rate_converts_it() {
    let mut world = World::new(|request, _| Script {
        cost: match request.address.as_str() {
            "own" => Some(credits(7)),
            "usd" => Some(Amount::new(Decimal::new(5, 2), Unit::new("USD"))),
            "yen" => Some(Amount::new(Decimal::ONE, Unit::new("JPY"))),
            _ => None,
        },
        ..Script::default()
    });
    world.limits.rates = BTreeMap::from([(Unit::new("USD"), Decimal::from(100))]);
    let run = world.run(["own", "usd", "yen", "none"].map(|a| job(a, "m", 10)).to_vec());
    let settled: BTreeMap<String, _> = world
        .attempts()
        .into_iter()
        .map(|a| (a.address.to_string(), (a.settled, a.basis.expect("settled"))))
        .collect();
    assert_eq!(settled["own"], (micros(7), Basis::Provider));
    assert_eq!(settled["usd"], (micros(5), Basis::Provider));
    assert_eq!(settled["yen"], (micros(10), Basis::Estimate));
    assert_eq!(settled["none"], (micros(10), Basis::Estimate));
    assert_eq!(run.summary().spent, "32");
    let no_rate = RunEvent::NoRate { job: "yen".to_owned(), cost: "1 JPY".to_owned() };
    assert!(run.events.contains(&no_rate));
}

#[test]
fn a_charge_above_the_reservation_is_an_alarm_that_stops_its_model() {
    let mut world = World::new(|request, _| Script {
        cost: (request.model == "greedy").then(|| credits(11)),
        ..Script::default()
    });
    world.concurrency.in_flight = Some(1);
    let mut work = jobs("greedy", 3);
    work.extend(jobs("fair", 2));
    let run = world.run(work);
    let s = run.summary();
    assert_eq!((s.done, s.held, s.models_held.as_slice()), (3, 2, &["greedy".to_owned()][..]));
    assert_eq!(s.spent, "31", "what was charged is counted as it is");
    assert!(run.events.iter().any(|e| matches!(e,
        RunEvent::Overcharged { reserved, cost, .. } if reserved == "10" && cost == "11")));
    world.check_invariants();
}

#[test]
fn what_was_refused_or_failed_uncharged_gives_its_reservation_back() {
    let mut world = World::new(|request, _| match request.address.as_str() {
        "refused" => {
            Script { submit: AtSubmit::Refuse("moderated", Retry::Never), ..Script::default() }
        }
        "failed" => Script {
            end: AtEnd::Fail { cause: "gpu", charged: false, retry: Retry::Never },
            ..Script::default()
        },
        _ => Script::default(),
    });
    world.ceiling = 10;
    world.concurrency.in_flight = Some(1);
    let run = world.run(["refused", "failed", "well"].map(|a| job(a, "m", 10)).to_vec());
    assert_eq!((run.summary().done, run.summary().over_budget), (1, 0));
    assert_eq!(world.state("refused"), Some(JobState::Refused));
    world.check_invariants();
}

#[test]
fn units_that_can_not_be_added_stop_the_run_before_it_begins() {
    let mut world = World::new(|_, _| Script::default());
    world.run(jobs("m", 1));
    world.limits.unit = Unit::new("USD");
    let run = world.run(jobs("m", 2));
    let error = run.result.expect_err("the approval counts credits");
    insta::assert_snapshot!(
        error.to_string(),
        @"the approval's ceiling is in credits, but the budget is in USD; approve the plan again"
    );
    assert!(matches!(error, RunError::ApprovalUnit { .. }));
}

#[test]
fn a_run_says_what_was_charged_against_what_was_reserved_where_the_provider_says_so() {
    let mut world = World::new(|request, _| Script {
        cost: match request.address.as_str() {
            "less" => Some(credits(9)),
            "same" => Some(credits(20)),
            "other" => Some(credits(4)),
            _ => None,
        },
        end: match request.address.as_str() {
            "failed" => AtEnd::Fail { cause: "policy", charged: true, retry: Retry::Never },
            _ => AtEnd::Clip,
        },
        ..Script::default()
    });
    world.ceiling = 500;
    let run = world.run(vec![
        job("less", "m", 10),
        job("same", "m", 20),
        job("silent", "m", 30),
        job("failed", "m", 40),
        job("other", "n", 8),
    ]);
    let said = |actual: &kinora::plan::Actual| {
        let error = actual.error_percent.clone().unwrap_or_default();
        (actual.model.clone(), actual.attempts, actual.estimated.clone(), error)
    };
    let told: Vec<_> = run.summary().actuals.iter().map(said).collect();
    let told: Vec<_> =
        told.iter().map(|(m, n, e, p)| (m.as_str(), *n, e.as_str(), p.as_str())).collect();
    assert_eq!(told, [("m", 2, "30", "-3.3"), ("n", 1, "8", "-50.0")]);
    // The ledger tells the same.
    let ledger = Ledger::open(world.path("").as_path(), Mode::Read).expect("readable");
    let history = ledger.history(kinora::ledger::Span::Whole, &Unit::default());
    assert_eq!(kinora::plan::actuals(&history.expect("readable")), run.summary().actuals);
}
