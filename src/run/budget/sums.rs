//! Sums of what is held, by run and by day.
//!
//! What never lives here: names of limits.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::limits::{ShareLimits, Span};
use crate::ledger::day_number;
use crate::money::Micros;

/// A sum of amounts, wide enough for whatever a ledger may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::run) struct Sum(i128);

impl Sum {
    pub fn add(&mut self, amount: Micros) {
        self.0 += i128::from(amount.get());
    }

    pub fn remove(&mut self, amount: Micros) {
        self.0 -= i128::from(amount.get());
        assert!(self.0 >= 0, "a grant is part of every sum that it counts against");
    }

    /// What is left of a limit; absent when it is passed.
    pub fn left_of(self, most: Micros) -> Option<Micros> {
        let left = i128::from(most.get()) - self.0;
        i64::try_from(left).ok().and_then(|left| Micros::from_stored(left).ok())
    }

    /// What is left of a limit, if that is too little for `extra`.
    pub fn too_little_left(self, most: Micros, extra: Micros) -> Option<Micros> {
        match self.left_of(most) {
            Some(left) if extra <= left => None,
            left => Some(left.unwrap_or(Micros::ZERO)),
        }
    }

    /// As an amount; the largest there is where none is large enough.
    pub fn to_micros(self) -> Micros {
        i64::try_from(self.0).ok().and_then(|s| Micros::from_stored(s).ok()).unwrap_or(Micros::MAX)
    }
}

/// Limits, and what is held against them.
#[derive(Debug)]
pub(super) struct Line {
    limits: ShareLimits,
    run: Sum,
    days: BTreeMap<i64, Sum>,
}

impl Line {
    pub fn new(limits: ShareLimits) -> Self {
        Line { limits, run: Sum::default(), days: BTreeMap::new() }
    }

    /// What this run holds.
    pub fn run(&self) -> Sum {
        self.run
    }

    /// What is held today and this month, by the time now.
    pub fn of_now(&self, now: Timestamp) -> [Sum; 2] {
        let today = day_number(now);
        let of_today = self.days.get(&today).copied().unwrap_or_default();
        [of_today, in_month_of(&self.days, today)]
    }

    pub fn add(&mut self, day: i64, in_run: bool, amount: Micros) {
        self.days.entry(day).or_default().add(amount);
        if in_run {
            self.run.add(amount);
        }
    }

    pub fn remove(&mut self, day: i64, in_run: bool, amount: Micros) {
        self.days.entry(day).or_default().remove(amount);
        if in_run {
            self.run.remove(amount);
        }
    }

    /// The first limit that `extra` does not fit, with what is left of it.
    pub fn over(&self, extra: Micros, now: Timestamp) -> Option<(Span, Micros)> {
        let too_little = |span, most: Option<Micros>, sum: &dyn Fn() -> Sum| {
            let most = most?;
            sum().too_little_left(most, extra).map(|left| (span, left))
        };
        let today = day_number(now);
        let of_today = || self.days.get(&today).copied().unwrap_or_default();
        too_little(Span::Run, self.limits.per_run, &|| self.run)
            .or_else(|| too_little(Span::Day, self.limits.per_day, &of_today))
            .or_else(|| {
                let of_month = || in_month_of(&self.days, today);
                too_little(Span::Month, self.limits.per_month, &of_month)
            })
    }
}

/// The sum over the days of the month that a day is in.
pub(in crate::run) fn in_month_of(days: &BTreeMap<i64, Sum>, day: i64) -> Sum {
    let (first, last) = month_of(day);
    Sum(days.range(first..=last).map(|(_, sum)| sum.0).sum())
}

/// The first day of the month (UTC) that a day is in.
pub(in crate::run) fn first_of_month(day: i64) -> i64 {
    month_of(day).0
}

/// The first and last day of the month (UTC) that a day is in; a day beyond all calendars is
/// alone.
fn month_of(day: i64) -> (i64, i64) {
    let of_days = |day: i64| {
        let at =
            Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(day.checked_mul(86_400)?));
        Some(at.ok()?.to_zoned(TimeZone::UTC).date())
    };
    let Some(date) = of_days(day) else { return (day, day) };
    let first = day - i64::from(date.day()) + 1;
    (first, first + i64::from(date.days_in_month()) - 1)
}
