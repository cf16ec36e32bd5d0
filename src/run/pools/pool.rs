//! One pool: what is in flight in it, what it still takes this minute and today.

use std::time::Duration;

use super::bucket::Bucket;
use super::window::Window;
use super::{Closed, Moment, SECONDS_A_DAY};
use crate::manifest::PoolLimit;

/// Whose pool it is, beside the run's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Account,
    Provider,
    Model,
}

impl Kind {
    /// As `limits:` calls them.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Account => "accounts",
            Kind::Provider => "providers",
            Kind::Model => "models",
        }
    }
}

#[derive(Debug)]
pub(super) struct Pool {
    pub name: String,
    /// Where the manifest sets its limits.
    setting: String,
    limit: PoolLimit,
    taken: u32,
    /// Never larger than the limit.
    pub window: Window,
    bucket: Option<Bucket>,
    /// Submissions of the day that were not refused.
    today: u64,
}

/// What stands in the way of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Something that is in flight.
    Room,
    /// The provider asked for a pause.
    Pause(Duration),
    /// The minute's submissions.
    Minute(Duration),
    /// The day's submissions.
    Day(Duration),
}

impl Wait {
    /// When asking again makes sense; absent: when something leaves.
    pub fn until(self) -> Option<Duration> {
        match self {
            Wait::Room => None,
            Wait::Pause(until) | Wait::Minute(until) | Wait::Day(until) => Some(until),
        }
    }
}

impl Pool {
    pub fn new(name: &str, setting: &str, limit: PoolLimit, now: Duration) -> Self {
        Pool {
            name: name.to_owned(),
            setting: setting.to_owned(),
            limit,
            taken: 0,
            window: Window::new(limit.in_flight.unwrap_or(u32::MAX)),
            bucket: limit.per_minute.map(|rate| Bucket::new(rate, now)),
            today: 0,
        }
    }

    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// What stands in the way of one more, if anything does.
    pub fn wait(&mut self, now: Moment, day: i64) -> Option<Wait> {
        if self.taken >= self.window.size() {
            return Some(Wait::Room);
        }
        if self.limit.per_day.is_some_and(|most| self.today >= u64::from(most)) {
            return Some(Wait::Day(midnight_after(day, now)));
        }
        if let Some(until) = self.window.closed(now.since) {
            return Some(Wait::Pause(until));
        }
        let token = self.bucket.as_mut().map(|bucket| bucket.ready(now.since));
        token.filter(|at| *at > now.since).map(Wait::Minute)
    }

    /// Takes room for one that nothing stands in the way of.
    pub fn take(&mut self) {
        assert!(self.taken < self.window.size(), "{} has room for one more", self.name);
        self.taken += 1;
        self.today += 1;
        let most = self.limit.per_day.map_or(u64::MAX, u64::from);
        assert!(self.today <= most, "{} takes one more today", self.name);
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
    }

    /// Takes room for one that is in flight already, whether there is any or not.
    pub fn occupy(&mut self) {
        self.taken += 1;
    }

    /// Gives room back.
    pub fn leave(&mut self) {
        self.taken = self.taken.checked_sub(1).expect("room is given back once");
    }

    /// Counts submissions of today that were made before.
    pub fn count(&mut self, attempts: u64) {
        self.today = self.today.saturating_add(attempts);
    }

    /// One that was counted today was not taken.
    pub fn uncount(&mut self) {
        self.today = self.today.checked_sub(1).expect("what is not taken was counted today");
    }

    /// One that was taken at that moment was never sent.
    pub fn put_back_token(&mut self, taken: Duration) {
        if let Some(bucket) = &mut self.bucket {
            bucket.put_back(taken);
        }
    }

    /// What it waits for, in words, where that is not what is in flight in it.
    pub fn closed(&self, wait: Wait) -> Option<Closed> {
        let setting = &self.setting;
        let why = match wait {
            Wait::Room => return None,
            Wait::Pause(_) => {
                format!("no room there; then {} at once instead of more", self.window.size())
            }
            Wait::Minute(_) => {
                let most = self.limit.per_minute.unwrap_or_default();
                format!("{most} submissions a minute ({setting}.per_minute)")
            }
            Wait::Day(_) => {
                let most = self.limit.per_day.unwrap_or_default();
                format!("{most} submissions a day ({setting}.per_day), until midnight UTC")
            }
        };
        Some(Closed { name: self.name.clone(), why, until: wait.until() })
    }

    /// A new day.
    pub fn turn_day(&mut self) {
        self.today = 0;
    }
}

/// The end of a day (UTC), on the run's own clock.
fn midnight_after(day: i64, now: Moment) -> Duration {
    let end = day.saturating_add(1).saturating_mul(SECONDS_A_DAY);
    let left = end.saturating_sub(now.at.as_second());
    now.since + Duration::from_secs(u64::try_from(left).unwrap_or_default().max(1))
}
