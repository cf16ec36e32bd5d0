//! The plan's digest: which bytes of which jobs it is over, and in which order.
//!
//! What lives here: the one place that says so, for whoever plans and for whoever reads a plan
//! file. What never does: where the jobs are from.

use rust_decimal::Decimal;

use super::job::PlannedJob;
use crate::digest::Digest;

/// What a plan's digest counts of a job's price, in the workspace's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// What is reserved for one attempt.
    pub estimate: Decimal,
    /// The least that it may cost.
    pub low: Decimal,
    /// The most.
    pub high: Decimal,
}

impl Money {
    /// Of a planned job; absent where it is unpriced.
    pub fn of(job: &PlannedJob) -> Option<Money> {
        let estimate = job.estimate.known()?.value;
        Some(Money { estimate, low: job.spread.low, high: job.spread.high })
    }
}

/// The digest of a plan on its way.
#[derive(Debug)]
pub(super) struct PlanHasher(blake3::Hasher);

impl PlanHasher {
    /// The unit is part of what is approved: 5 credits are not 5 USD.
    pub fn new(unit: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"kinora plan 2\0");
        hasher.update(unit.as_bytes());
        hasher.update(b"\0");
        PlanHasher(hasher)
    }

    /// Takes what [`digest_into`] wrote for the jobs that come next.
    pub fn update(&mut self, jobs: &[u8]) {
        self.0.update(jobs);
    }

    pub fn finish(&self) -> Digest {
        Digest::from_bytes(*self.0.finalize().as_bytes())
    }
}

/// Address, fingerprint, estimate, low and high, so that no two different lists of jobs give the
/// same bytes: the address is preceded by its length, the rest has a fixed one.
pub(super) fn digest_into(
    address: &str,
    fingerprint: &Digest,
    money: Option<&Money>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&(address.len() as u64).to_le_bytes());
    out.extend_from_slice(address.as_bytes());
    out.extend_from_slice(fingerprint.as_bytes());
    out.push(u8::from(money.is_some()));
    let zero = Decimal::ZERO;
    let amounts = money.map_or([zero; 3], |money| [money.estimate, money.low, money.high]);
    for amount in amounts {
        out.extend_from_slice(&amount.normalize().serialize());
    }
}
