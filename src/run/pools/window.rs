//! How many at once a provider really takes, found by trying: one more after a window's worth
//! of good answers, half as many after one that says there is no room.

use std::time::Duration;

/// An adaptive limit on how many are in flight, never below 1.
#[derive(Debug, Clone)]
pub(super) struct Window {
    top: u32,
    size: u32,
    /// Good answers since the last change of size.
    good: u32,
    /// When it was last cut: what was begun before says nothing new.
    cut: Option<Duration>,
    /// How often it was cut since anything went well.
    cuts: u32,
    /// Nothing new before this.
    closed: Duration,
}

impl Window {
    pub fn new(top: u32) -> Self {
        let top = top.max(1);
        Window { top, size: top, good: 0, cut: None, cuts: 0, closed: Duration::ZERO }
    }

    pub fn size(&self) -> u32 {
        self.size
    }

    /// Until when it is closed, if it is.
    pub fn closed(&self, now: Duration) -> Option<Duration> {
        (self.closed > now).then_some(self.closed)
    }

    /// Whether nothing went well since there was no room.
    pub fn is_crowded(&self) -> bool {
        self.cuts > 0
    }

    /// How often it was cut since anything went well.
    pub fn cuts(&self) -> u32 {
        self.cuts
    }

    /// There was no room for what was begun at `began`, with `taken` in flight. False when that
    /// was known: a burst that is refused as a whole is one message.
    pub fn cut(&mut self, taken: u32, began: Duration, now: Duration) -> bool {
        if self.cut.is_some_and(|cut| began <= cut) {
            return false;
        }
        self.size = (self.size.min(taken.max(1)) / 2).max(1);
        self.good = 0;
        self.cut = Some(now);
        self.cuts = self.cuts.saturating_add(1);
        true
    }

    /// Lets nothing through before `until`.
    pub fn close(&mut self, until: Duration) {
        self.closed = self.closed.max(until);
    }

    /// There was room for what was begun at `began`.
    pub fn grow(&mut self, began: Duration) {
        if self.cut.is_some_and(|cut| began <= cut) {
            return;
        }
        self.cuts = 0;
        if self.size == self.top {
            return;
        }
        self.good += 1;
        if self.good >= self.size {
            self.size += 1;
            self.good = 0;
        }
    }
}
