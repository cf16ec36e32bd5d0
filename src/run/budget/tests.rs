//! Limits, what is left of them, and what earlier runs hold.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::money::{Amount, Unit};

fn micros(n: i64) -> Micros {
    Micros::from_stored(n).expect("not negative")
}

fn at(day: i64) -> Timestamp {
    // 1 January 2027.
    Timestamp::from_second(1_798_761_600 + day * 86_400).expect("a time in range")
}

fn plan() -> Digest {
    Digest::of(b"plan")
}

/// For model `x/a` or `x/b` at provider `x`, with the account `team`.
fn purpose(model: &str) -> Purpose<'_> {
    Purpose { plan: plan(), provider: "x", model, account: "team", job: None }
}

fn limits() -> MoneyLimits {
    MoneyLimits {
        per_job: Some(micros(60)),
        per_run: Some(micros(90)),
        per_day: Some(micros(50)),
        per_month: Some(micros(80)),
        ..MoneyLimits::default()
    }
}

fn shares<const N: usize>(shares: [(LimitOf, &str, ShareLimits); N]) -> MoneyLimits {
    let shares = shares.map(|(of, name, share)| ((of, name.to_owned()), share)).into();
    MoneyLimits { shares, ..MoneyLimits::default() }
}

fn approved(ceiling: i64, limits: MoneyLimits, held: &[Holding]) -> Budget {
    let mut budget = Budget::new(limits, held);
    budget.approve(plan(), micros(ceiling));
    budget
}

fn holding(day: i64, model: &str, held: i64) -> Holding {
    Holding {
        plan: plan(),
        run: 1,
        day: day_number(at(day)),
        provider: "x".to_owned(),
        model: model.to_owned(),
        account: "team".to_owned(),
        held: micros(held),
        written_off: Micros::ZERO,
        attempts: 1,
        overcharged: 0,
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, NoGrant>) -> (String, i64) {
    let NoGrant::Limit(over) = result.expect_err("it does not fit") else {
        panic!("there is no guardrail")
    };
    (over.limit.to_string(), over.left.get())
}

fn named(name: &str, left: i64) -> (String, i64) {
    (name.to_owned(), left)
}

#[test]
fn each_limit_is_named_with_what_is_left() {
    let mut budget = approved(100, limits(), &[]);
    let what = purpose("x/a");
    assert_eq!(refused(budget.reserve(&what, micros(61), at(0))), named("budget.per_job", 60));
    let first = budget.reserve(&what, micros(40), at(0)).expect("fits");
    assert_eq!(refused(budget.reserve(&what, micros(11), at(0))), named("budget.per_day", 10));
    let second = budget.reserve(&what, micros(30), at(1)).expect("a new day");
    assert_eq!(refused(budget.reserve(&what, micros(11), at(2))), named("budget.per_month", 10));
    assert_eq!(refused(budget.reserve(&what, micros(21), at(40))), named("budget.per_run", 20));
    budget.release(first);
    budget.settle(second, micros(30));
    assert!(budget.reserve(&what, micros(50), at(2)).is_ok(), "what was released is free again");
}

#[test]
fn m1_nothing_that_costs_is_granted_before_its_plan_is_approved() {
    let mut budget = Budget::new(MoneyLimits::default(), &[holding(0, "x/a", 5)]);
    let what = purpose("x/a");
    let ceiling = "the approval's ceiling";
    assert_eq!(refused(budget.reserve(&what, micros(1), at(0))), named(ceiling, 0));
    let free = budget.reserve(&what, Micros::ZERO, at(0)).expect("it costs nothing");
    budget.release(free);
    budget.approve(plan(), micros(7));
    assert_eq!(refused(budget.reserve(&what, micros(3), at(0))), named(ceiling, 2));
    assert!(budget.reserve(&what, micros(2), at(0)).is_ok());
    let other = Purpose { plan: Digest::of(b"another plan"), ..what };
    assert_eq!(refused(budget.reserve(&other, micros(1), at(0))), named(ceiling, 0));
}

#[test]
fn a_model_a_provider_and_an_account_have_limits_of_their_own() {
    let run = ShareLimits { per_run: Some(micros(30)), ..ShareLimits::default() };
    let day = ShareLimits { per_day: Some(micros(40)), ..ShareLimits::default() };
    let month = ShareLimits { per_month: Some(micros(70)), ..ShareLimits::default() };
    let limits = shares([
        (LimitOf::Model, "x/a", run),
        (LimitOf::Provider, "x", day),
        (LimitOf::Account, "team", month),
    ]);
    let mut budget = approved(5_000, limits, &[holding(0, "x/b", 25), holding(-1, "x/b", 500)]);
    let mut granted = Vec::new();
    let mut reserve = |budget: &mut Budget, model: &str, amount: i64, day: i64| {
        budget.reserve(&purpose(model), micros(amount), at(day)).map(|grant| granted.push(grant))
    };
    let got = refused(reserve(&mut budget, "x/b", 16, 0));
    assert_eq!(got, named("budget.providers.x.per_day", 15), "an earlier run holds 25");
    reserve(&mut budget, "x/a", 15, 0).expect("fits");
    let got = refused(reserve(&mut budget, "x/a", 16, 1));
    assert_eq!(got, named("budget.models.x/a.per_run", 15));
    reserve(&mut budget, "x/b", 20, 1).expect("another model");
    let got = refused(reserve(&mut budget, "x/b", 11, 2));
    assert_eq!(got, named("budget.accounts.team.per_month", 10));
    let elsewhere = Purpose { plan: plan(), provider: "y", model: "y/a", account: "", job: None };
    assert!(budget.reserve(&elsewhere, micros(900), at(2)).is_ok(), "none of them is meant");
}

#[test]
fn the_ceiling_counts_what_earlier_runs_hold() {
    let mut budget = approved(100, MoneyLimits::default(), &[holding(0, "x/a", 95)]);
    let what = purpose("x/b");
    let ceiling = "the approval's ceiling";
    assert_eq!(refused(budget.reserve(&what, micros(6), at(0))), named(ceiling, 5));
    assert!(budget.reserve(&what, micros(5), at(0)).is_ok());
}

#[test]
fn what_is_free_runs_though_a_limit_was_passed_already() {
    // The manifest's limit was lowered, or a provider charged more than was reserved.
    let mut budget = approved(100, limits(), &[holding(0, "x/a", 120)]);
    let what = purpose("x/a");
    let ceiling = "the approval's ceiling";
    assert_eq!(refused(budget.reserve(&what, micros(1), at(0))), named(ceiling, 0));
    let free = budget.reserve(&what, Micros::ZERO, at(0)).expect("it costs nothing");
    budget.settle(free, Micros::ZERO);
    assert_eq!(budget.held_by_plan(&plan()), micros(120));
}

#[test]
fn a_charge_above_its_reservation_is_held_and_leaves_room_for_nothing() {
    let mut budget = approved(100, MoneyLimits::default(), &[]);
    let grant = budget.reserve(&purpose("x/a"), micros(90), at(0)).expect("fits");
    budget.settle(grant, micros(130));
    assert_eq!((budget.held_by_run(), budget.settled_now()), (micros(130), micros(130)));
    let over = refused(budget.reserve(&purpose("x/a"), micros(1), at(0)));
    assert_eq!(over, named("the approval's ceiling", 0));
}

#[test]
fn a_ledger_that_holds_more_than_can_be_added_leaves_room_for_nothing() {
    let held = [holding(0, "x/a", i64::MAX), holding(1, "x/a", i64::MAX)];
    let limits = MoneyLimits { per_month: Some(micros(80)), ..MoneyLimits::default() };
    let mut budget = Budget::new(limits, &held);
    budget.approve(Digest::of(b"another plan"), micros(100));
    let what = Purpose { plan: Digest::of(b"another plan"), ..purpose("x/a") };
    assert_eq!(refused(budget.reserve(&what, micros(1), at(2))), named("budget.per_month", 0));
    assert_eq!(budget.held_by_plan(&plan()), Micros::MAX);
}

#[test]
fn attempts_of_an_earlier_month_are_settled_and_count_there() {
    let mut budget = approved(100, limits(), &[holding(-9, "x/a", 15)]);
    let what = purpose("x/a");
    let (small, large) =
        (budget.adopt(&what, micros(5), at(-9)), budget.adopt(&what, micros(10), at(-9)));
    budget.settle(small, micros(5));
    budget.settle(large, micros(8));
    assert_eq!(budget.held_by_plan(&plan()), micros(13));
    assert_eq!(budget.held_by_run(), Micros::ZERO);
    assert!(budget.reserve(&what, micros(50), at(0)).is_ok(), "today holds nothing");
}

#[test]
fn what_is_made_ready_over_midnight_counts_for_the_day_of_its_intent() {
    let mut budget = approved(1000, limits(), &[]);
    let what = purpose("x/a");
    let early = budget.reserve(&what, micros(40), at(0)).expect("fits today");
    let early = budget.redate(&what, early, at(1)).expect("fits tomorrow");
    assert_eq!(refused(budget.reserve(&what, micros(11), at(1))), named("budget.per_day", 10));
    let late = budget.reserve(&what, micros(30), at(0)).expect("today is free again");
    assert_eq!(refused(budget.redate(&what, late, at(1))), named("budget.per_day", 10));
    budget.release(early);
    assert_eq!(budget.held_by_run(), Micros::ZERO, "what did not fit was given back");
}

#[test]
fn what_is_written_off_in_a_month_has_an_end() {
    let before = Holding { written_off: micros(20), ..holding(3, "x/a", 60) };
    let mut budget = approved(500, MoneyLimits::default(), &[before]);
    let what = purpose("x/a");
    let most = micros(50);
    let left = budget.adopt(&what, micros(20), at(3));
    assert!(budget.may_write_off(&left, most));
    budget.write_off(left);
    assert_eq!(budget.held_by_plan(&plan()), micros(60), "it is spent, as far as anybody knows");
    let new = budget.reserve(&what, micros(11), at(4)).expect("fits");
    assert!(!budget.may_write_off(&new, most), "20, 20 and 11 are more than 50");
    assert!(budget.may_write_off(&new, micros(51)));
    budget.write_off(new);
    assert_eq!(budget.settled_now(), micros(31), "whoever began it");
    let next_month = budget.reserve(&what, micros(50), at(31)).expect("fits");
    assert!(budget.may_write_off(&next_month, most), "each month has its own");
}

#[test]
fn a_rate_turns_the_providers_unit_into_the_workspaces() {
    let usd = Unit::new("USD");
    let limits = MoneyLimits {
        rates: BTreeMap::from([(usd.clone(), Decimal::from(100))]),
        ..MoneyLimits::default()
    };
    let cost = Amount::new(Decimal::new(25, 2), usd);
    assert_eq!(limits.convert(&cost), Some(micros(25_000_000)));
    assert_eq!(limits.convert(&Amount::new(Decimal::ONE, Unit::new("EUR"))), None);
}

#[test]
fn a_limits_name_is_one_word_in_events_and_reads_back() {
    let share = LimitName::Share(LimitOf::Model, "fal/seedance-2.0".to_owned(), Span::Day);
    let names = [
        (LimitName::Ceiling, "\"ceiling\""),
        (LimitName::PerJob, "\"per_job\""),
        (LimitName::Whole(Span::Run), "\"per_run\""),
        (share, "\"models.fal/seedance-2.0.per_day\""),
    ];
    for (name, written) in names {
        assert_eq!(serde_json::to_string(&name).expect("writes"), written);
        assert_eq!(serde_json::from_str::<LimitName>(written).expect("reads"), name);
    }
    for wrong in
        ["\"per_week\"", "\"shots.turn.per_day\"", "\"models.per_day\"", "\"models.a.per_job\""]
    {
        assert!(serde_json::from_str::<LimitName>(wrong).is_err(), "{wrong}");
    }
}

const MODELS: [&str; 2] = ["x/a", "x/b"];

proptest! {
    /// M5: over any order of reserving, settling, releasing and writing off, nothing is ever
    /// granted beyond a limit, and what is held is what was granted and not given back.
    #[test]
    fn nothing_is_granted_beyond_a_limit(
        steps in proptest::collection::vec((0u8..4, 0i64..70, 0i64..40, 0usize..2), 0..80),
    ) {
        let share = ShareLimits {
            per_run: Some(micros(70)),
            per_day: Some(micros(30)),
            per_month: Some(micros(60)),
        };
        let limits = MoneyLimits { shares: shares([(LimitOf::Model, "x/a", share)]).shares, ..limits() };
        let mut budget = approved(100, limits, &[]);
        let mut grants: Vec<(Grant, usize, i64)> = Vec::new();
        // Model, day and amount of what is settled.
        let mut settled: Vec<(usize, i64, i64)> = Vec::new();
        let mut written_off = 0i64;
        for (kind, amount, day, model) in steps {
            match kind {
                0 => {
                    if let Ok(grant) = budget.reserve(&purpose(MODELS[model]), micros(amount), at(day)) {
                        grants.push((grant, model, day));
                    }
                }
                1 => if let Some((grant, model, day)) = grants.pop() {
                    let cost = grant.amount().get().min(amount);
                    settled.push((model, day, cost));
                    budget.settle(grant, micros(cost));
                },
                2 => if let Some((grant, model, day)) = grants.pop() {
                    if budget.may_write_off(&grant, micros(25)) {
                        settled.push((model, day, grant.amount().get()));
                        written_off += i64::from(day < 31) * grant.amount().get();
                        budget.write_off(grant);
                    } else {
                        grants.push((grant, model, day));
                    }
                },
                _ => if let Some((grant, ..)) = grants.pop() {
                    budget.release(grant);
                },
            }
            let open = grants.iter().map(|(grant, model, day)| (*model, *day, grant.amount().get()));
            let all: Vec<(usize, i64, i64)> = open.chain(settled.iter().copied()).collect();
            let sum = |of: &dyn Fn(usize, i64) -> bool| -> i64 {
                all.iter().filter(|(m, d, _)| of(*m, *d)).map(|(.., amount)| amount).sum()
            };
            let held = sum(&|_, _| true);
            prop_assert_eq!(budget.held_by_run().get(), held);
            prop_assert_eq!(budget.held_by_plan(&plan()).get(), held);
            prop_assert!(held <= 90 && sum(&|m, _| m == 0) <= 70);
            prop_assert!(sum(&|_, d| d < 31) <= 80 && sum(&|m, d| m == 0 && d < 31) <= 60);
            for today in 0..40 {
                prop_assert!(sum(&|_, d| d == today) <= 50);
                prop_assert!(sum(&|m, d| m == 0 && d == today) <= 30);
            }
            prop_assert!(written_off <= 25);
        }
    }
}
