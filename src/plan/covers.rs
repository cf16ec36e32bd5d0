//! Whether what would run was approved before: a subset of an approved plan at no higher price.
//!
//! What lives here: that one question. What never does: whether the approval still holds.

use super::digesting::Money;
use super::file::{PlanFileError, PlanReader};
use super::indexed::{Index, Keep, half};
use crate::address::JobKey;
use crate::digest::Digest;
use crate::limits::Limits;

/// How many jobs are named.
const EXAMPLES: usize = 5;

/// Whether an approved plan covers what would run, and if not, why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covers {
    /// Jobs that were asked about.
    pub jobs: u64,
    /// Those that the approved plan would not start, or doesn't have.
    pub absent: u64,
    /// Those whose request is another one.
    pub differ: u64,
    /// Those that cost more than was approved, or whose price is not known.
    pub dearer: u64,
    /// Whether the approved plan counts another unit, so that no amount can be compared.
    pub other_unit: bool,
    /// Some of the jobs that are not covered, in the order in which they came.
    pub examples: Vec<(JobKey, Uncovered)>,
}

/// Why a job is not covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncovered {
    /// The approved plan would not start it.
    Absent,
    /// Its request is another one.
    Differs,
    /// It costs more.
    Dearer,
}

impl Covers {
    /// Whether every job is covered.
    pub fn all(&self) -> bool {
        !self.other_unit && self.absent + self.differ + self.dearer == 0
    }
}

/// Whether every job of `would_run` (its key, fingerprint, and what it may cost in `unit`) is one that
/// the approved plan would start, with the same request and at no higher price: neither what one attempt
/// reserves nor the most that retries and retakes may bring it to is above what was approved.
pub fn covers(
    approved: PlanReader,
    limits: &Limits,
    unit: &str,
    would_run: impl Iterator<Item = (JobKey, Digest, Option<Money>)>,
) -> Result<Covers, PlanFileError> {
    let approved = Index::read(approved, limits, Keep::Plain)?;
    let mut covers =
        Covers { other_unit: approved.header.summary.unit != unit, ..Covers::default() };
    for (key, fingerprint, money) in would_run {
        covers.jobs += 1;
        let job = approved.get(&key).filter(|job| job.stood.runs());
        let why = match job {
            None => Uncovered::Absent,
            Some(job) if job.fingerprint != half(&fingerprint) => Uncovered::Differs,
            Some(job) => match (approved.money(job), money) {
                (Some(before), Some(now))
                    if now.estimate <= before.estimate && now.high <= before.high =>
                {
                    continue;
                }
                _ => Uncovered::Dearer,
            },
        };
        match why {
            Uncovered::Absent => covers.absent += 1,
            Uncovered::Differs => covers.differ += 1,
            Uncovered::Dearer => covers.dearer += 1,
        }
        if covers.examples.len() < EXAMPLES {
            covers.examples.push((key, why));
        }
    }
    Ok(covers)
}
