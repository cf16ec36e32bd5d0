//! A plan file's jobs in memory: a key and a few numbers each, for looking them up.
//!
//! What lives here: what comparing plans, covering one by another and finding stale ones share.
//! What never does: what follows from it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use rust_decimal::Decimal;

use super::digesting::Money;
use super::file::{Header, PlanFileError, PlanReader};
use super::summary::Change;
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::limits::Limits;

/// How a job stood in an earlier plan, without why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stood {
    New,
    Changed,
    Done,
    InFlight,
    Retry,
    Unknown,
}

impl Stood {
    fn of(change: &Change) -> Self {
        match change {
            Change::New => Stood::New,
            Change::Changed { .. } => Stood::Changed,
            Change::Done => Stood::Done,
            Change::InFlight => Stood::InFlight,
            Change::Retry => Stood::Retry,
            Change::Unknown => Stood::Unknown,
        }
    }

    /// Whether a run would have started it.
    pub fn runs(self) -> bool {
        matches!(self, Stood::New | Stood::Changed | Stood::Retry)
    }
}

/// One job of an earlier plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Indexed {
    /// First half of its fingerprint, as the ledger keeps it too.
    pub fingerprint: [u8; 16],
    /// The parts of its request, cut short: for telling what changed.
    pub parts: [u16; 4],
    /// Which of the amounts.
    money: u32,
    pub stood: Stood,
    /// Whether it was met again.
    pub met: bool,
}

/// The jobs of a plan file by key.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    limits: Limits,
    pub header: Header,
    jobs: HashMap<JobKey, Indexed>,
    /// Different amounts: there are few.
    money: Vec<Option<Money>>,
}

/// What is to be kept of each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Everything but parts, which take a while to make.
    Plain,
    /// Parts too.
    Parts,
}

impl Index {
    /// Reads a whole file. With the last job it is proven.
    pub fn read(reader: PlanReader, limits: &Limits, keep: Keep) -> Result<Self, PlanFileError> {
        Ok(Self::read_with(reader, limits, keep)?.0)
    }

    /// The same, and the pictures that its jobs send: path and digest.
    pub fn read_with(
        mut reader: PlanReader,
        limits: &Limits,
        keep: Keep,
    ) -> Result<(Self, Vec<(String, Digest)>), PlanFileError> {
        let mut index = Index {
            path: reader.path().to_owned(),
            limits: limits.clone(),
            header: reader.header().clone(),
            jobs: HashMap::new(),
            money: Vec::new(),
        };
        let mine = reader.is_of_this_program();
        let mut known: HashMap<Option<[Decimal; 3]>, u32> = HashMap::new();
        for job in &mut reader {
            let job = job?;
            let money = job.money();
            let next = u32::try_from(index.money.len()).unwrap_or(u32::MAX);
            let amounts = money.map(|money| [money.estimate, money.low, money.high]);
            let at = *known.entry(amounts).or_insert_with(|| {
                index.money.push(money);
                next
            });
            let parts = match keep {
                Keep::Plain => [0; 4],
                Keep::Parts => {
                    let name = job.request_name();
                    // Another version may name requests otherwise.
                    if mine && name.whole != job.fingerprint {
                        let what = format!(
                            "the fingerprint of {} is not that of what its line says",
                            job.address
                        );
                        return Err(PlanFileError::contradiction(&index.path, what));
                    }
                    short_parts(&name.parts)
                }
            };
            let stood = Stood::of(&job.change);
            let fingerprint = half(&job.fingerprint);
            let indexed = Indexed { fingerprint, parts, money: at, stood, met: false };
            if index.jobs.insert(job.key, indexed).is_some() {
                let what = format!("the job {} comes twice", job.address);
                return Err(PlanFileError::contradiction(&index.path, what));
            }
        }
        let pictures = reader.pictures().map(|p| (p.path.to_owned(), *p.digest)).collect();
        Ok((index, pictures))
    }

    pub fn get(&self, key: &JobKey) -> Option<&Indexed> {
        self.jobs.get(key)
    }

    /// A job that is met again: as it was.
    pub fn meet(&mut self, key: &JobKey) -> Option<Indexed> {
        let job = self.jobs.get_mut(key)?;
        let before = *job;
        job.met = true;
        Some(before)
    }

    pub fn money(&self, job: &Indexed) -> Option<Money> {
        self.money.get(job.money as usize).copied().flatten()
    }

    pub fn jobs(&self) -> impl Iterator<Item = (&JobKey, &Indexed)> {
        self.jobs.iter()
    }

    /// The addresses of some jobs, found by reading the file once more: keys don't tell them.
    pub fn addresses(
        &self,
        keys: &HashSet<JobKey>,
    ) -> Result<BTreeMap<JobKey, Address>, PlanFileError> {
        let mut found = BTreeMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        for job in PlanReader::open(&self.path, &self.limits)? {
            let job = job?;
            if keys.contains(&job.key) {
                found.insert(job.key, job.address);
            }
        }
        Ok(found)
    }
}

/// The half of a fingerprint that the ledger keeps with a job.
pub(super) fn half(digest: &Digest) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_bytes()[..16]);
    half
}

/// Parts cut short: enough to tell what changed in a request that is known to differ.
pub(super) fn short_parts(parts: &[u64; 4]) -> [u16; 4] {
    parts.map(|part| (part & 0xFFFF) as u16)
}
