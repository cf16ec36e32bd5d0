//! Rules at dispatch against sums that are made the simple way.

use proptest::prelude::*;

use super::super::budget::{Budget, Grant, MoneyLimits, NoGrant, Purpose};
use super::*;

fn micros(n: i64) -> Micros {
    Micros::from_stored(n).expect("not negative")
}

fn at(day: i64) -> Timestamp {
    // 1 January 2027.
    Timestamp::from_second(1_798_761_600 + day * 86_400).expect("a time in range")
}

fn bound<T>(value: T) -> Option<Bound<T>> {
    Some(Bound { value, severity: Severity::Deny, at: "kinora.yaml:1:1".to_owned() })
}

fn plan() -> Digest {
    Digest::of(b"plan")
}

const MODELS: [&str; 2] = ["x/a", "x/b"];
const SUBJECTS: [&str; 3] = ["p.mug", "p.cup", "-"];

/// What is open or settled: model, subject, day, amount.
type Item = (usize, usize, i64, i64);

fn sum(items: &[Item], of: impl Fn(&Item) -> bool) -> i64 {
    items.iter().filter(|item| of(item)).map(|item| item.3).sum()
}

const TOTAL: i64 = 100;
const MODEL: i64 = 70;
const SUBJECT: i64 = 45;
const DAY: i64 = 50;
const MONTH: i64 = 90;
const JOB: i64 = 30;
const JOBS: usize = 12;

fn guard() -> Guard {
    Guard {
        total: bound(micros(TOTAL)),
        per_job: bound(micros(JOB)),
        per_subject: bound(micros(SUBJECT)),
        per_model: bound(micros(MODEL)),
        per_day: bound(micros(DAY)),
        per_month: bound(micros(MONTH)),
        jobs: bound(JOBS as u64),
        ..Guard::default()
    }
}

proptest! {
    /// Over any order of reserving, settling (at more than was reserved, too) and releasing: what is
    /// granted is exactly what no rule denies.
    #[test]
    fn what_is_granted_is_what_the_simple_sums_let_through(
        steps in proptest::collection::vec(
            (0u8..4, 0i64..35, 0i64..40, 0usize..2, 0usize..3, 0u8..15), 0..80,
        ),
    ) {
        let mut budget = Budget::new(MoneyLimits::default(), &[]).guarded(guard(), &[], &[]);
        budget.approve(plan(), micros(1_000_000));
        let mut open: Vec<(Grant, Item)> = Vec::new();
        let mut settled: Vec<Item> = Vec::new();
        let mut started = BTreeSet::new();
        for (kind, amount, day, model, subject, job) in steps {
            let address = Address::from_stored(&format!("{}/turn/-/{job}", SUBJECTS[subject]));
            match kind {
                0 | 1 => {
                    let what = Purpose {
                        plan: plan(),
                        provider: "x",
                        model: MODELS[model],
                        account: "",
                        job: Some(&address),
                    };
                    let all: Vec<Item> =
                        open.iter().map(|(_, item)| *item).chain(settled.iter().copied()).collect();
                    let (first, month) = if day < 31 { (0, 0..31) } else { (31, 31..59) };
                    let _ = first;
                    let fits = amount == 0
                        || (amount <= JOB
                            && sum(&all, |_| true) + amount <= TOTAL
                            && sum(&all, |i| i.0 == model) + amount <= MODEL
                            && sum(&all, |i| i.2 == day) + amount <= DAY
                            && sum(&all, |i| month.contains(&i.2)) + amount <= MONTH
                            && (subject == 2
                                || sum(&all, |i| i.1 == subject && month.contains(&i.2)) + amount
                                    <= SUBJECT));
                    let counted = started.contains(&address) || started.len() < JOBS;
                    let granted = budget.reserve(&what, micros(amount), at(day));
                    prop_assert_eq!(granted.is_ok(), fits && counted, "{:?}", granted);
                    match granted {
                        Ok(grant) => {
                            started.insert(address);
                            open.push((grant, (model, subject, day, amount)));
                        }
                        Err(NoGrant::Guardrail(broken)) => {
                            prop_assert_eq!(&broken.at, "kinora.yaml:1:1");
                        }
                        Err(other) => prop_assert!(false, "{other:?}"),
                    }
                }
                2 => if let Some((grant, (model, subject, day, _))) = open.pop() {
                    settled.push((model, subject, day, amount));
                    budget.settle(grant, micros(amount));
                },
                _ => if let Some((grant, _)) = open.pop() {
                    budget.release(grant);
                },
            }
        }
    }
}

#[test]
fn what_is_made_ready_over_midnight_is_judged_by_its_new_day() {
    let mut budget = Budget::new(MoneyLimits::default(), &[]).guarded(guard(), &[], &[]);
    budget.approve(plan(), micros(1_000));
    let jobs = ["p.mug/a", "p.cup/a", "q.jug/a"].map(Address::from_stored);
    let what = |job| Purpose { plan: plan(), provider: "x", model: "x/a", account: "", job };
    let [mug, cup, jug] = [&jobs[0], &jobs[1], &jobs[2]].map(Some);
    let early = budget.reserve(&what(mug), micros(30), at(0)).expect("fits today");
    let other = budget.reserve(&what(cup), micros(30), at(1)).expect("fits tomorrow");
    let late = budget.redate(&what(mug), early, at(1));
    let NoGrant::Guardrail(broken) = late.expect_err("tomorrow has 20 left") else {
        panic!("there is no other limit")
    };
    assert_eq!(broken.rule, "max_per_day");
    assert_eq!(
        broken.message,
        "0.00003 credits more make 0.00006 credits; the limit is 0.00005 credits a day"
    );
    let again = budget.reserve(&what(jug), micros(20), at(1)).expect("it was given back");
    budget.release(other);
    budget.release(again);
    assert_eq!(budget.held_by_run(), Micros::ZERO);
}

#[test]
fn what_the_ledger_holds_is_counted_and_what_it_holds_open_is_moved() {
    let month =
        SubjectHolding { subject: "p.mug".to_owned(), day: day_number(at(3)), held: micros(30) };
    let before = SubjectHolding { day: day_number(at(-5)), held: micros(45), ..month.clone() };
    let holding = |day: i64, held: i64| Holding {
        plan: plan(),
        run: 1,
        day: day_number(at(day)),
        provider: "x".to_owned(),
        model: "x/a".to_owned(),
        account: String::new(),
        held: micros(held),
        written_off: Micros::ZERO,
        attempts: 1,
        overcharged: 0,
    };
    let held = [holding(3, 30), holding(-5, 5)];
    let budget = Budget::new(MoneyLimits::default(), &held);
    let mut budget = budget.guarded(guard(), &held, &[before, month]);
    budget.approve(plan(), micros(1_000));
    let job = Address::from_stored("p.mug/turn/-/1");
    let what = Purpose { plan: plan(), provider: "x", model: "x/a", account: "", job: Some(&job) };
    let open = budget.adopt(&what, micros(30), at(3));
    assert!(budget.reserve(&what, micros(16), at(4)).is_err(), "30 of 45 are held this month");
    budget.settle(open, micros(10));
    let grant = budget.reserve(&what, micros(30), at(4)).expect("it cost less");
    budget.release(grant);
}
