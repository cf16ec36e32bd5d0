//! The one door for time and chance, so that a simulation can hold both.
//!
//! What never lives here: sleeping (the scheduler asks its runtime for that) and decisions.

use std::sync::Mutex;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Where the time of day comes from.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// The day now, by UTC.
    fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands where it was set, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Where chance comes from: jitter only, never a job's seed (that is part of the plan).
#[derive(Debug)]
pub struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// Chance from the system.
    pub fn from_system() -> Self {
        Chance(Mutex::new(fastrand::Rng::new()))
    }

    /// The same sequence for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Chance(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A whole number below `bound`; zero when `bound` is zero.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let mut rng = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        rng.u64(..bound)
    }
}
