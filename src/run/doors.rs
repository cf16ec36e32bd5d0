//! The doors of a run: what it does to the world goes through these traits and through
//! [`crate::providers::Provider`], so that a simulation can hold every one of them.
//!
//! What never lives here: decisions.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use jiff::Timestamp;

use crate::address::Address;
use crate::ledger::{
    Ack, AttemptRecord, Begun, JobRecord, Ledger, LedgerError, NewAttempt, NewRun, Period,
    Transition,
};
use crate::money::{Micros, Unit};

/// A write that is durable when it is ready.
pub type Written<T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send>>;

/// The ledger as a run needs it. What each method promises is said at [`Ledger`].
pub trait Books: Send + Sync {
    /// Records the start of a run.
    fn begin_run(&self, run: NewRun) -> Written<i64>;
    /// Records the end of a run.
    fn end_run(&self, run: i64, outcome: &'static str, at: Timestamp) -> Written<()>;
    /// Records an intent.
    fn begin_attempt(&self, attempt: NewAttempt) -> Written<Begun>;
    /// Records a transition.
    fn apply(&self, transition: Transition) -> Written<()>;
    /// A job by its address.
    fn job(&self, address: &Address) -> Result<Option<JobRecord>, LedgerError>;
    /// One attempt.
    fn attempt(&self, attempt: i64) -> Result<Option<AttemptRecord>, LedgerError>;
    /// Every attempt that is open.
    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError>;
    /// Reserved and settled in a period.
    fn spent(&self, period: Period) -> Result<Micros, LedgerError>;
    /// The same by day, from a day number on.
    fn spent_by_day(&self, first: i64) -> Result<BTreeMap<i64, Micros>, LedgerError>;
    /// Other units in which something was spent.
    fn other_units(&self, unit: &Unit) -> Result<Vec<Unit>, LedgerError>;
}

fn written<T: Send + 'static>(ack: Ack<T>) -> Written<T> {
    Box::pin(ack)
}

impl Books for Ledger {
    fn begin_run(&self, run: NewRun) -> Written<i64> {
        written(Ledger::begin_run(self, run))
    }

    fn end_run(&self, run: i64, outcome: &'static str, at: Timestamp) -> Written<()> {
        written(Ledger::end_run(self, run, outcome, at))
    }

    fn begin_attempt(&self, attempt: NewAttempt) -> Written<Begun> {
        written(Ledger::begin_attempt(self, attempt))
    }

    fn apply(&self, transition: Transition) -> Written<()> {
        written(Ledger::apply(self, transition))
    }

    fn job(&self, address: &Address) -> Result<Option<JobRecord>, LedgerError> {
        Ledger::job(self, address)
    }

    fn attempt(&self, attempt: i64) -> Result<Option<AttemptRecord>, LedgerError> {
        Ledger::attempt(self, attempt)
    }

    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError> {
        Ledger::open_attempts(self)
    }

    fn spent(&self, period: Period) -> Result<Micros, LedgerError> {
        Ledger::spent(self, period)
    }

    fn spent_by_day(&self, first: i64) -> Result<BTreeMap<i64, Micros>, LedgerError> {
        Ledger::spent_by_day(self, first)
    }

    fn other_units(&self, unit: &Unit) -> Result<Vec<Unit>, LedgerError> {
        Ledger::other_units(self, unit)
    }
}

/// What is found in a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipFacts {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Frames.
    pub frames: u32,
}

/// Looks into clips. Both methods block; the run calls them off its own threads.
pub trait ClipLook: Send + Sync {
    /// Checks that a file is a whole clip. The error is for people.
    fn inspect(&self, clip: &Path) -> Result<ClipFacts, String>;

    /// The clip's poster as JPEG; absent when none is wanted. The same clip gives the same bytes.
    fn poster(&self, clip: &Path) -> Result<Option<Vec<u8>>, String>;
}
