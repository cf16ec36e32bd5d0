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
pub(in crate::plan) struct Dearest(Vec<Dear>);

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
        let at = self.0.partition_point(|dear| dear.estimate >= estimate);
        if at < KEPT {
            self.0.truncate(KEPT - 1);
            let (address, card) = (job.address.clone(), job.model.clone());
            self.0.insert(at, Dear { estimate, address, card, route: job.route });
        }
    }

    /// Adds those of the part of the plan that comes next.
    pub fn merge(&mut self, next: Dearest) {
        self.0.extend(next.0);
        // Stable: what came first stays first.
        self.0.sort_by_key(|dear| std::cmp::Reverse(dear.estimate));
        self.0.truncate(KEPT);
    }

    /// What the dearest job is expected to cost; nothing where none has a price.
    pub fn most(&self) -> Micros {
        self.0.first().map_or(Micros::ZERO, |dear| dear.estimate)
    }

    /// As the summary writes them.
    pub fn jobs(&self) -> Vec<DearJob> {
        let job = |dear: &Dear| DearJob {
            address: dear.address.to_string(),
            model: dear.card.model.clone(),
            route: dear.route,
            estimate: dear.estimate.to_decimal().to_string(),
        };
        self.0.iter().map(job).collect()
    }
}
