//! The dearest jobs: a handful, kept while the plan goes by.

use std::sync::Arc;

use crate::address::Address;
use crate::models::{ModelCard, Route};
use crate::money::{Amount, Micros};
use crate::plan::job::PlannedJob;
use crate::plan::summary::DearJob;

/// How many are kept.
const KEPT: usize = 5;

/// The dearest jobs that a run would start, dearest first; of equally dear ones those that come
/// first in the plan. Jobs without a price are not among them.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Dearest {
    dearest: Vec<Dear>,
    /// The one that costs most if every retake that its check may ask for is made, with that sum.
    with_retakes: Option<Dear>,
}

#[derive(Debug, Clone)]
struct Dear {
    estimate: Micros,
    address: Address,
    card: Arc<ModelCard>,
    route: Route,
}

impl Dearest {
    /// Looks at the next job of the plan.
    pub fn add(&mut self, job: &PlannedJob, estimate: &Amount) {
        let Ok(estimate) = estimate.to_micros() else { return };
        let dear = |estimate| {
            let (address, card) = (job.address.clone(), job.model.clone());
            Dear { estimate, address, card, route: job.route }
        };
        let at = self.dearest.partition_point(|dear| dear.estimate >= estimate);
        if at < KEPT {
            self.dearest.truncate(KEPT - 1);
            self.dearest.insert(at, dear(estimate));
        }
        if job.retakes() > 0 {
            let most = job.with_retakes().and_then(|most| Micros::from_decimal(most).ok());
            self.offer(dear(most.unwrap_or(Micros::MAX)));
        }
    }

    /// Keeps it if it is the dearest with retakes; of equally dear ones the first stays.
    fn offer(&mut self, dear: Dear) {
        if self.with_retakes.as_ref().is_none_or(|kept| kept.estimate < dear.estimate) {
            self.with_retakes = Some(dear);
        }
    }

    /// Adds those of the part of the plan that comes next.
    pub fn merge(&mut self, next: Dearest) {
        self.dearest.extend(next.dearest);
        // Stable: what came first stays first.
        self.dearest.sort_by_key(|dear| std::cmp::Reverse(dear.estimate));
        self.dearest.truncate(KEPT);
        if let Some(dear) = next.with_retakes {
            self.offer(dear);
        }
    }

    /// What the dearest job is expected to cost; nothing where none has a price.
    pub fn most(&self) -> Micros {
        self.dearest.first().map_or(Micros::ZERO, |dear| dear.estimate)
    }

    /// As the summary writes them.
    pub fn jobs(&self) -> Vec<DearJob> {
        self.dearest.iter().map(Dear::job).collect()
    }

    /// The job that costs most with its retakes, and that sum, where it is more than any one attempt.
    pub fn most_with_retakes(&self) -> Option<DearJob> {
        let dear = self.with_retakes.as_ref().filter(|dear| dear.estimate > self.most());
        dear.map(Dear::job)
    }
}

impl Dear {
    fn job(&self) -> DearJob {
        DearJob {
            address: self.address.to_string(),
            model: self.card.model.clone(),
            route: self.route,
            estimate: self.estimate.to_decimal().to_string(),
        }
    }
}
