//! The doors of a run: what it does to the world goes through these traits and through
//! [`crate::providers::Provider`], so that a simulation can hold every one of them.
//!
//! What never lives here: decisions.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;

use jiff::Timestamp;

use crate::address::Address;
use crate::digest::Digest;
use crate::ledger::{
    Ack, AttemptRecord, Begun, Check, Holding, JobRecord, Ledger, LedgerError, NewAttempt,
    NewCheck, NewRun, Period, SubjectHolding, Transition, Word,
};
use crate::money::{Micros, Unit};
use crate::providers::Answer;

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
    /// What a person said of a job since its latest attempt began.
    fn word(&self, job: i64) -> Result<Option<Word>, LedgerError>;
    /// What looking at an attempt's clip came to last.
    fn check(&self, attempt: i64) -> Result<Option<Check>, LedgerError>;
    /// Attempts whose clips are to be looked at.
    fn to_check(&self) -> Result<Vec<i64>, LedgerError>;
    /// Records what looking at a clip came to, and whether it asks for another.
    fn record_check(&self, check: NewCheck) -> Written<Check>;
    /// Every attempt that is open.
    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError>;
    /// What is held, by everything that a budget or limit may count.
    fn holdings(&self) -> Result<Vec<Holding>, LedgerError>;
    /// What is held by subject and day, from a day number on.
    fn held_by_subject(&self, first: i64) -> Result<Vec<SubjectHolding>, LedgerError>;
    /// Ids that a provider gave to attempts begun at `from` or later, as they are stored.
    fn remote_ids(&self, provider: &str, from: Timestamp) -> Result<Vec<String>, LedgerError>;
    /// Attempts begun at `from` or later whose outcome stayed unknown and was written off.
    fn written_off(&self, from: Timestamp) -> Result<Vec<AttemptRecord>, LedgerError>;
    /// When the latest event was written down.
    fn latest_event(&self) -> Result<Option<Timestamp>, LedgerError>;
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

    fn word(&self, job: i64) -> Result<Option<Word>, LedgerError> {
        Ledger::word_on(self, job)
    }

    fn check(&self, attempt: i64) -> Result<Option<Check>, LedgerError> {
        Ledger::check_on(self, attempt)
    }

    fn to_check(&self) -> Result<Vec<i64>, LedgerError> {
        Ledger::to_check(self)
    }

    fn record_check(&self, check: NewCheck) -> Written<Check> {
        written(Ledger::record_check_running(self, check))
    }

    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError> {
        Ledger::open_attempts(self)
    }

    fn holdings(&self) -> Result<Vec<Holding>, LedgerError> {
        Ledger::holdings(self)
    }

    fn held_by_subject(&self, first: i64) -> Result<Vec<SubjectHolding>, LedgerError> {
        Ledger::held_by_subject(self, first)
    }

    fn remote_ids(&self, provider: &str, from: Timestamp) -> Result<Vec<String>, LedgerError> {
        Ledger::remote_ids(self, provider, from)
    }

    fn written_off(&self, from: Timestamp) -> Result<Vec<AttemptRecord>, LedgerError> {
        Ledger::written_off(self, from)
    }

    fn latest_event(&self) -> Result<Option<Timestamp>, LedgerError> {
        Ledger::latest_event(self)
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

/// The files of the workspace. Every method blocks; [`Files::work`] is how a run calls them.
/// What was written is durable only after [`Files::sync`], a name only after
/// [`Files::sync_folder`].
pub trait Files: Send + Sync {
    /// Does work that blocks, off the run's own threads. Not stopped by dropping the future.
    fn work<'a>(&'a self, work: Box<dyn FnOnce() + Send>) -> Answer<'a, ()>;

    /// The same for work that keeps a core busy for about a second.
    fn compute<'a>(&'a self, work: Box<dyn FnOnce() + Send>) -> Answer<'a, ()> {
        self.work(work)
    }

    /// Makes a folder and its parents, durably, without leaving the workspace by a link.
    fn make_folder(&self, workspace: &Path, folder: &Path) -> io::Result<()>;

    /// Writes a file that does not exist yet.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes of files durable.
    fn sync(&self, paths: &[&Path]) -> io::Result<()>;

    /// The digest of a file, and how many bytes it has.
    fn digest(&self, path: &Path) -> io::Result<(Digest, u64)>;

    /// Gives the file `from` the name `to` too; fails with `AlreadyExists` when it is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a file; one that is not there is removed.
    fn remove(&self, path: &Path) -> io::Result<()>;
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
