//! The budget of a run: nothing is submitted that was not set aside before.
//!
//! What lives here: the ceiling and limits, what is held against them, the rate between units.
//! What never does: prices, the ledger. The sums start from the ledger's and move with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::ledger::day_number;
use crate::manifest;
use crate::money::{Amount, Micros, MoneyError, Unit};

/// What may be spent, in the workspace's unit. Absent: no such limit; the approval's ceiling
/// holds always.
#[derive(Debug, Clone, Default)]
pub struct MoneyLimits {
    /// The workspace's unit.
    pub unit: Unit,
    /// How many of the workspace's unit one of another unit is worth.
    pub rates: BTreeMap<Unit, Decimal>,
    /// Most that one job may cost.
    pub per_job: Option<Micros>,
    /// Most that one run may spend.
    pub per_run: Option<Micros>,
    /// Most in one day (UTC).
    pub per_day: Option<Micros>,
    /// Most in one month (UTC).
    pub per_month: Option<Micros>,
}

impl MoneyLimits {
    /// From what a manifest says.
    pub fn of(budget: &manifest::Budget) -> Result<Self, MoneyError> {
        let micros = |limit: &Option<manifest::Limit>| {
            limit.as_ref().map(|limit| Micros::from_decimal(limit.amount)).transpose()
        };
        Ok(MoneyLimits {
            unit: budget.unit.clone(),
            rates: budget.rates.clone(),
            per_job: micros(&budget.per_job)?,
            per_run: micros(&budget.per_run)?,
            per_day: micros(&budget.per_day)?,
            per_month: micros(&budget.per_month)?,
        })
    }

    /// An amount in the workspace's unit, rounded up; absent when no rate is stated or the
    /// amount can't be held.
    pub fn convert(&self, amount: &Amount) -> Option<Micros> {
        if amount.unit == self.unit {
            return amount.to_micros().ok();
        }
        let rate = self.rates.get(&amount.unit)?;
        Micros::from_decimal(amount.value.checked_mul(*rate)?).ok()
    }
}

/// Which limit stands in the way.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// The approval's ceiling.
    Ceiling,
    /// `budget.per_job`.
    PerJob,
    /// `budget.per_run`.
    PerRun,
    /// `budget.per_day`.
    PerDay,
    /// `budget.per_month`.
    PerMonth,
}

impl LimitName {
    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            LimitName::Ceiling => "the approval's ceiling",
            LimitName::PerJob => "budget.per_job",
            LimitName::PerRun => "budget.per_run",
            LimitName::PerDay => "budget.per_day",
            LimitName::PerMonth => "budget.per_month",
        }
    }
}

/// An amount that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    /// The limit that it does not fit.
    pub limit: LimitName,
    /// What is left of it.
    pub left: Micros,
}

/// What a grant counts against. Only a [`Budget`] makes one, so that nothing can be submitted
/// that was not set aside (M1, M5); it is given back exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a grant that is dropped stays reserved"]
pub struct Grant {
    amount: Micros,
    day: i64,
    in_days: bool,
    in_plan: bool,
    in_run: bool,
}

impl Grant {
    /// What is set aside.
    pub fn amount(&self) -> Micros {
        self.amount
    }
}

/// What was held when the run began, from the ledger.
#[derive(Debug, Clone, Default)]
pub struct HeldBefore {
    /// Under this plan, by whatever runs.
    pub plan: Micros,
    /// By day number, from the first of this month on or earlier.
    pub days: BTreeMap<i64, Micros>,
}

/// The ceiling, the limits, and what is held against each.
#[derive(Debug)]
pub struct Budget {
    ceiling: Micros,
    limits: MoneyLimits,
    plan: Micros,
    run: Micros,
    settled: Micros,
    days: BTreeMap<i64, Micros>,
}

impl Budget {
    /// A budget under an approval's ceiling.
    pub fn new(ceiling: Micros, limits: MoneyLimits, before: HeldBefore) -> Self {
        Budget {
            ceiling,
            limits,
            plan: before.plan,
            run: Micros::ZERO,
            settled: Micros::ZERO,
            days: before.days,
        }
    }

    /// The limits.
    pub fn limits(&self) -> &MoneyLimits {
        &self.limits
    }

    /// Reserved and settled by this run.
    pub fn held_by_run(&self) -> Micros {
        self.run
    }

    /// Settled of that.
    pub fn settled_by_run(&self) -> Micros {
        self.settled
    }

    /// Reserved and settled under this plan, by whatever runs.
    pub fn held_by_plan(&self) -> Micros {
        self.plan
    }

    /// Sets `amount` aside, or says which limit it does not fit.
    pub fn reserve(&mut self, amount: Micros, now: Timestamp) -> Result<Grant, OverLimit> {
        if let Some(most) = self.limits.per_job.filter(|most| amount > *most) {
            return Err(OverLimit { limit: LimitName::PerJob, left: most });
        }
        for (limit, most, held) in self.lines(now) {
            let left = most.checked_sub(held).unwrap_or(Micros::ZERO);
            if amount > left {
                return Err(OverLimit { limit, left });
            }
        }
        let day = day_number(now);
        let grant = Grant { amount, day, in_days: true, in_plan: true, in_run: true };
        self.add(&grant, amount);
        if amount == Micros::ZERO {
            // Free of charge fits even a limit that was passed already.
            return Ok(grant);
        }
        // The other half of the pair (M5): what was just granted fits every limit.
        for (limit, most, held) in self.lines(now) {
            assert!(held <= most, "{limit:?} is exceeded: {held:?} of {most:?}");
        }
        Ok(grant)
    }

    /// The grant of an attempt that an earlier run began and the ledger's sums hold already.
    pub fn adopt(&self, reserved: Micros, began: Timestamp, of_this_plan: bool) -> Grant {
        let day = day_number(began);
        // A day before those that were read from the ledger counts for no limit any more.
        let in_days = self.days.contains_key(&day);
        Grant { amount: reserved, day, in_days, in_plan: of_this_plan, in_run: false }
    }

    /// Turns a grant into what it cost. More than was granted is held too, and truly: it was
    /// spent, and whoever is over a limit by it gets nothing new.
    pub fn settle(&mut self, grant: Grant, amount: Micros) {
        self.remove(&grant);
        self.add(&grant, amount);
        if grant.in_run {
            self.settled = plus(self.settled, amount);
        }
    }

    /// Gives a grant back.
    pub fn release(&mut self, grant: Grant) {
        self.remove(&grant);
    }

    fn lines(&self, now: Timestamp) -> Vec<(LimitName, Micros, Micros)> {
        let mut lines = vec![(LimitName::Ceiling, self.ceiling, self.plan)];
        if let Some(most) = self.limits.per_run {
            lines.push((LimitName::PerRun, most, self.run));
        }
        let today = now.to_zoned(TimeZone::UTC).date();
        if let Some(most) = self.limits.per_day {
            lines.push((LimitName::PerDay, most, self.held_between(today, today)));
        }
        if let Some(most) = self.limits.per_month {
            let month = self.held_between(today.first_of_month(), today.last_of_month());
            lines.push((LimitName::PerMonth, most, month));
        }
        lines
    }

    fn held_between(&self, from: Date, to: Date) -> Micros {
        let number = |date: Date| {
            date.to_zoned(TimeZone::UTC).map_or(0, |midnight| day_number(midnight.timestamp()))
        };
        self.days
            .range(number(from)..=number(to))
            .try_fold(Micros::ZERO, |sum, (_, held)| sum.checked_add(*held))
            // Only a ledger that was changed from outside holds so much; then nothing fits.
            .unwrap_or(Micros::MAX)
    }

    fn add(&mut self, grant: &Grant, amount: Micros) {
        if grant.in_days {
            let day = self.days.entry(grant.day).or_default();
            *day = plus(*day, amount);
        }
        if grant.in_plan {
            self.plan = plus(self.plan, amount);
        }
        if grant.in_run {
            self.run = plus(self.run, amount);
        }
    }

    fn remove(&mut self, grant: &Grant) {
        if grant.in_days {
            let day = self.days.entry(grant.day).or_default();
            *day = minus(*day, grant.amount);
        }
        if grant.in_plan {
            self.plan = minus(self.plan, grant.amount);
        }
        if grant.in_run {
            self.run = minus(self.run, grant.amount);
        }
    }
}

fn plus(sum: Micros, amount: Micros) -> Micros {
    sum.checked_add(amount).expect("sums fit 64 bits: each amount is bounded when it is made")
}

fn minus(sum: Micros, amount: Micros) -> Micros {
    sum.checked_sub(amount).expect("a grant is part of every sum that it counts against")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(n: i64) -> Micros {
        Micros::from_stored(n).expect("not negative")
    }

    fn at(day: i64) -> Timestamp {
        // 1 January 2027.
        Timestamp::from_second(1_798_761_600 + day * 86_400).expect("a time in range")
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

    fn refused(result: Result<Grant, OverLimit>) -> (LimitName, i64) {
        let over = result.expect_err("it does not fit");
        (over.limit, over.left.get())
    }

    #[test]
    fn each_limit_is_named_with_what_is_left() {
        let mut budget = Budget::new(micros(100), limits(), HeldBefore::default());
        assert_eq!(refused(budget.reserve(micros(61), at(0))), (LimitName::PerJob, 60));
        let first = budget.reserve(micros(40), at(0)).expect("fits");
        assert_eq!(refused(budget.reserve(micros(11), at(0))), (LimitName::PerDay, 10));
        let second = budget.reserve(micros(30), at(1)).expect("a new day");
        assert_eq!(refused(budget.reserve(micros(11), at(2))), (LimitName::PerMonth, 10));
        assert_eq!(refused(budget.reserve(micros(21), at(40))), (LimitName::PerRun, 20));
        budget.release(first);
        budget.settle(second, micros(30));
        assert!(budget.reserve(micros(50), at(2)).is_ok(), "what was released is free again");
    }

    #[test]
    fn the_ceiling_counts_what_earlier_runs_hold() {
        let before = HeldBefore { plan: micros(95), days: BTreeMap::new() };
        let mut budget = Budget::new(micros(100), MoneyLimits::default(), before);
        assert_eq!(refused(budget.reserve(micros(6), at(0))), (LimitName::Ceiling, 5));
        assert!(budget.reserve(micros(5), at(0)).is_ok());
    }

    #[test]
    fn what_is_free_runs_though_a_limit_was_passed_already() {
        // The manifest's limit was lowered, or a provider charged more than was reserved.
        let before = HeldBefore { plan: micros(120), days: BTreeMap::from([(20_819, micros(90))]) };
        let mut budget = Budget::new(micros(100), limits(), before);
        assert_eq!(refused(budget.reserve(micros(1), at(0))), (LimitName::Ceiling, 0));
        let free = budget.reserve(Micros::ZERO, at(0)).expect("it costs nothing");
        budget.settle(free, Micros::ZERO);
        assert_eq!(budget.held_by_plan(), micros(120));
    }

    #[test]
    fn days_that_hold_more_than_can_be_added_leave_room_for_nothing() {
        let days = BTreeMap::from([(20_819, Micros::MAX), (20_820, Micros::MAX)]);
        let before = HeldBefore { plan: Micros::ZERO, days };
        let limits = MoneyLimits { per_month: Some(micros(80)), ..MoneyLimits::default() };
        let mut budget = Budget::new(micros(100), limits, before);
        assert_eq!(refused(budget.reserve(micros(1), at(2))), (LimitName::PerMonth, 0));
    }

    #[test]
    fn attempts_of_an_earlier_month_are_settled_and_count_for_no_day() {
        let before = HeldBefore { plan: micros(15), days: BTreeMap::new() };
        let mut budget = Budget::new(micros(100), limits(), before);
        let (small, large) =
            (budget.adopt(micros(5), at(-9), true), budget.adopt(micros(10), at(-9), true));
        budget.settle(small, micros(5));
        budget.settle(large, micros(8));
        assert_eq!(budget.held_by_plan(), micros(13));
        assert!(budget.days.is_empty());
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

    proptest! {
        /// M5: over any order of reserving, settling and releasing, nothing is ever granted
        /// beyond a limit, and what is held is what was granted and not given back.
        #[test]
        fn nothing_is_granted_beyond_a_limit(
            steps in proptest::collection::vec((0u8..3, 0i64..70, 0i64..40), 0..80),
        ) {
            let mut budget = Budget::new(micros(100), limits(), HeldBefore::default());
            let mut grants: Vec<Grant> = Vec::new();
            let mut settled = 0i64;
            for (kind, amount, day) in steps {
                match kind {
                    0 => {
                        if let Ok(grant) = budget.reserve(micros(amount), at(day)) {
                            grants.push(grant);
                        }
                    }
                    1 => if let Some(grant) = grants.pop() {
                        let cost = grant.amount().get().min(amount);
                        settled += cost;
                        budget.settle(grant, micros(cost));
                    },
                    _ => if let Some(grant) = grants.pop() {
                        budget.release(grant);
                    },
                }
                let held: i64 = grants.iter().map(|g| g.amount().get()).sum::<i64>() + settled;
                prop_assert_eq!(budget.held_by_run().get(), held);
                prop_assert_eq!(budget.held_by_plan().get(), held);
                prop_assert!(held <= 90);
            }
        }
    }
}
