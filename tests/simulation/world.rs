//! The world of one seed: what outlives every process (time, the ledger's file, the disk, the
//! providers), and the fuse that ends a process.
//!
//! One lock holds all of it. It is never held across an await, and only one thread ever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use kinora::clock::Clock;
use kinora::digest::Digest;
use kinora::ledger::Approval;
use kinora::run::MoneyLimits;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::mutants::Mutant;
use crate::site::Site;
use crate::store::Store;

/// When the story begins: 15 January 2027, 08:00 UTC.
const BEGIN_US: i64 = 1_800_000_000_000_000;

/// What happened, one line an effect; its digest tells two stories apart.
pub struct Trace {
    digest: u64,
    /// Kept only when somebody wants to read it.
    pub lines: Option<Vec<String>>,
}

impl Trace {
    fn new(kept: bool) -> Self {
        Trace { digest: 0xcbf2_9ce4_8422_2325, lines: kept.then(Vec::new) }
    }

    pub fn digest(&self) -> u64 {
        self.digest
    }

    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Ends the process at a chosen tick. Every effect has one before it and one after it.
#[derive(Default)]
pub struct Fuse {
    pub ticks: u64,
    pub at: Option<u64>,
    pub dead: bool,
}

/// How badly things go in one life, in percent of requests or as the n-th write.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Of submissions.
    pub submit: u64,
    /// Of polls and lookups.
    pub read: u64,
    /// Of fetches.
    pub fetch: u64,
    /// Of preparations.
    pub prepare: u64,
    /// From this commit on the ledger's disk is full.
    pub ledger_full_at: Option<u64>,
    /// From this write on the disk for clips is full.
    pub disk_full_at: Option<u64>,
    /// Most milliseconds of one commit.
    pub commit_ms: u64,
}

/// What one process was allowed, and what it did so far.
pub struct LifeFacts {
    pub number: u32,
    /// The approval that the run is given.
    pub approval: Approval,
    /// The one that people gave.
    pub approved: Approval,
    pub limits: MoneyLimits,
    pub pay_again: bool,
    pub faults: Faults,
    /// The run's number in the ledger, once it is written.
    pub run: Option<i64>,
    pub commits: u64,
    pub ledger_stopped: bool,
    /// Attempts whose clips waited when the process began.
    pub waiting_at_start: BTreeSet<i64>,
    /// Attempts that were asked for (poll, fetch) in this life.
    pub asked: BTreeSet<i64>,
    /// By model: when its overcharge became durable in this life.
    pub overcharged_at: BTreeMap<String, i64>,
}

pub struct World {
    pub seed: u64,
    pub dice: Dice,
    pub mutant: Option<Mutant>,
    pub trace: Trace,
    pub fuse: Fuse,
    pub store: Store,
    pub disk: Disk,
    pub sites: Vec<Site>,
    pub life: Option<LifeFacts>,
    pub tally: BTreeMap<&'static str, u64>,
    /// The first thing that must never be.
    pub violation: Option<String>,
    /// Whether a run holds the ledger's lock.
    pub locked: bool,
    /// Addresses of jobs whose price is not known.
    pub unpriced: BTreeSet<String>,
    /// Whether any life of this story may pay for a job again.
    pub may_pay_again: bool,
    /// Files that stand for good, those of people and those of jobs that were done.
    pub published: BTreeMap<PathBuf, Digest>,
    origin: Option<Instant>,
    base_us: i64,
    /// How far the wall clock is off.
    pub skew_us: i64,
    blown: Arc<Notify>,
}

impl World {
    pub fn new(seed: u64, mutant: Option<Mutant>, traced: bool) -> Self {
        World {
            seed,
            dice: Dice::new(seed),
            mutant,
            trace: Trace::new(traced),
            fuse: Fuse::default(),
            store: Store::default(),
            disk: Disk::default(),
            sites: Vec::new(),
            life: None,
            tally: BTreeMap::new(),
            violation: None,
            locked: false,
            unpriced: BTreeSet::new(),
            may_pay_again: false,
            published: BTreeMap::new(),
            origin: None,
            base_us: BEGIN_US,
            skew_us: 0,
            blown: Arc::default(),
        }
    }

    /// True time in microseconds, which nobody in the story sees.
    pub fn now(&self) -> i64 {
        let ran = self.origin.map_or(0, |origin| {
            i64::try_from(origin.elapsed().as_micros()).expect("lives are short")
        });
        self.base_us + ran
    }

    /// What the machine's clock says.
    pub fn wall(&self) -> Timestamp {
        timestamp(self.now() + self.skew_us)
    }

    /// Every provider takes in what arrived until now.
    pub fn advance(&mut self) {
        let now = self.now();
        let mut sites = std::mem::take(&mut self.sites);
        for site in &mut sites {
            for (at, generation) in site.advance(now, &mut self.dice) {
                let g = &site.generations[generation];
                let ms = (at - BEGIN_US) / 1000;
                let what = (&g.id, g.outcome, g.price);
                self.note("taken", &g.address, format_args!("at {ms} ms as {what:?}"));
                self.count("generations begun");
            }
        }
        self.sites = sites;
    }

    /// Time goes by while no process runs.
    pub fn pass(&mut self, microseconds: i64) {
        assert!(self.origin.is_none(), "a process is running");
        self.base_us += microseconds;
    }

    /// A process begins; its time starts at `origin`.
    pub fn begin_life(&mut self, origin: Instant, life: LifeFacts, fuse: Option<u64>) {
        self.origin = Some(origin);
        self.life = Some(life);
        self.fuse = Fuse { at: fuse, ..Fuse::default() };
        self.blown = Arc::default();
        self.locked = true;
    }

    /// The process is gone.
    pub fn end_life(&mut self) {
        self.base_us = self.now();
        self.origin = None;
        self.fuse.dead = true;
        self.locked = false;
    }

    pub fn life(&self) -> &LifeFacts {
        self.life.as_ref().expect("a process is running")
    }

    pub fn life_mut(&mut self) -> &mut LifeFacts {
        self.life.as_mut().expect("a process is running")
    }

    pub fn faults(&self) -> Faults {
        self.life().faults.clone()
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Notes an effect; `more` is only written out when the trace is kept.
    pub fn note(&mut self, what: &'static str, about: &str, more: fmt::Arguments<'_>) {
        let now = self.now();
        self.trace.mix(&now.to_le_bytes());
        self.trace.mix(what.as_bytes());
        self.trace.mix(about.as_bytes());
        if let Some(lines) = &mut self.trace.lines {
            let (ms, ticks) = ((now - BEGIN_US) / 1000, self.fuse.ticks);
            let life = self.life.as_ref().map_or(0, |life| life.number);
            lines.push(format!("{ms:>10} ms  life {life} tick {ticks:>3}  {what} {about} {more}"));
        }
    }

    /// Something that must never be. The process ends here, as what follows proves nothing.
    pub fn violate(&mut self, invariant: &str, what: fmt::Arguments<'_>) {
        let text = format!("{invariant}: {what}");
        self.note("VIOLATION", "", format_args!("{text}"));
        self.violation.get_or_insert(text);
        self.die();
    }

    fn die(&mut self) {
        self.fuse.dead = true;
        self.blown.notify_one();
    }

    /// One more boundary. True when the process is dead from here on.
    pub fn tick(&mut self, point: &'static str) -> bool {
        if self.fuse.dead {
            return true;
        }
        self.fuse.ticks += 1;
        if self.fuse.at.is_some_and(|at| self.fuse.ticks >= at) {
            self.note("CRASH", point, format_args!(""));
            self.die();
        }
        self.fuse.dead
    }
}

/// A time from true microseconds.
pub fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).expect("a time in range")
}

/// The world as everything in the process holds it.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<World>>);

impl Sim {
    pub fn new(world: World) -> Self {
        Sim(Arc::new(Mutex::new(world)))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere is a finding already; the world is still worth looking at.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A boundary of an effect: the process may end here.
    pub async fn tick(&self, point: &'static str) {
        let dead = self.lock().tick(point);
        if dead {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the end of the process by its fuse.
    pub async fn blown(&self) {
        let blown = Arc::clone(&self.lock().blown);
        blown.notified().await;
    }
}

impl Clock for Sim {
    fn now(&self) -> Timestamp {
        self.lock().wall()
    }
}
