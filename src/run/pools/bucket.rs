//! How many submissions a minute: a token bucket in whole numbers.

use std::time::Duration;

/// What one token is made of: with it, what flows in a nanosecond is `per_minute`, exactly.
const TOKEN: u128 = 60_000_000_000;

/// A bucket that holds a tenth of what a minute brings, and at least one token.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    per_minute: u32,
    level: u128,
    filled: Duration,
}

impl Bucket {
    /// A full one.
    pub fn new(per_minute: u32, now: Duration) -> Self {
        let mut bucket = Bucket { per_minute, level: 0, filled: now };
        bucket.level = bucket.most();
        bucket
    }

    /// How many tokens it holds when it is full.
    pub fn burst(&self) -> u32 {
        (self.per_minute / 10).max(1)
    }

    fn most(&self) -> u128 {
        u128::from(self.burst()) * TOKEN
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled).as_nanos();
        self.filled = self.filled.max(now);
        let level = self.level.saturating_add(passed.saturating_mul(self.per_minute.into()));
        self.level = level.min(self.most());
    }

    /// When there is a token; now, if there is one.
    pub fn ready(&mut self, now: Duration) -> Duration {
        self.fill(now);
        let lacking = TOKEN.saturating_sub(self.level);
        let nanos = lacking.div_ceil(u128::from(self.per_minute.max(1)));
        now + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes a token, which must be there.
    pub fn take(&mut self) {
        self.level = self.level.checked_sub(TOKEN).expect("only a token that is there is taken");
    }

    /// Puts a token back that was taken at `taken` and not used; unless more has flowed in since,
    /// as what would have flowed over meanwhile must not come back.
    pub fn put_back(&mut self, taken: Duration) {
        if taken == self.filled {
            self.level = (self.level + TOKEN).min(self.most());
        }
    }
}
