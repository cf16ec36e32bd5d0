//! Sums over some jobs: counts, lengths and amounts.
//!
//! What lives here: adding a job, merging, reading a tally out. What never does: which jobs
//! belong together.

use rust_decimal::Decimal;

use crate::models::Priced;
use crate::money::{Micros, Unit};
use crate::plan::job::PlannedJob;
use crate::plan::summary::{AmountsJson, Tally};

/// Sums over some jobs. Amounts are millionths of the workspace's unit, as the ledger holds
/// them: there may be a quarter of a million of these, and whatever the order in which they are
/// added, the sum is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many.
    pub jobs: u64,
    /// Millionths of a second of clip, with automatic lengths at their longest.
    pub length: Micros,
    /// What is expected to be paid for the priced ones: one attempt of each.
    pub estimate: Micros,
    /// The least that the priced ones may cost.
    pub low: Micros,
    /// The most.
    pub high: Micros,
    /// What is expected to be paid for the priced ones if every such clip is made, for each job as
    /// often as it may be.
    pub with_retakes: Micros,
    /// Jobs without a price.
    pub unpriced: u64,
    /// Jobs whose price is known by their route and by text.
    pub compared: u64,
    /// What those cost by their route …
    pub as_planned: Micros,
    /// … and by text.
    pub as_text: Micros,
}

impl Sums {
    /// Of one job.
    pub(in crate::plan) fn of(job: &PlannedJob) -> Sums {
        let mut sums = Sums::default();
        sums.add(job);
        sums
    }

    /// Adds one job.
    pub(in crate::plan) fn add(&mut self, job: &PlannedJob) {
        self.jobs += 1;
        self.length = self.length.saturating_add(micros(job.settings.duration));
        let Priced::Known(amount) = &job.estimate else {
            self.unpriced += 1;
            return;
        };
        let (low, high) = (job.spread.low, job.spread.high);
        assert!(
            low <= amount.value && amount.value <= high,
            "an estimate stands between the least and the most that a job may cost"
        );
        let estimate = micros(amount.value);
        self.estimate = self.estimate.saturating_add(estimate);
        self.low = self.low.saturating_add(micros(low));
        self.high = self.high.saturating_add(micros(high));
        let with_retakes = job.with_retakes().expect("a job with an estimate has it with retakes");
        assert!(
            amount.value <= with_retakes && with_retakes <= high,
            "what retakes may come to stands between an estimate and the most"
        );
        self.with_retakes = self.with_retakes.saturating_add(micros(with_retakes));
        if let Some(text) = job.text_estimate {
            self.compared += 1;
            self.as_planned = self.as_planned.saturating_add(estimate);
            self.as_text = self.as_text.saturating_add(micros(text));
        }
    }

    /// Adds the sums of other jobs.
    pub fn merge(&mut self, other: &Sums) {
        self.jobs += other.jobs;
        self.length = self.length.saturating_add(other.length);
        self.estimate = self.estimate.saturating_add(other.estimate);
        self.low = self.low.saturating_add(other.low);
        self.high = self.high.saturating_add(other.high);
        self.with_retakes = self.with_retakes.saturating_add(other.with_retakes);
        self.unpriced += other.unpriced;
        self.compared += other.compared;
        self.as_planned = self.as_planned.saturating_add(other.as_planned);
        self.as_text = self.as_text.saturating_add(other.as_text);
    }

    /// As the summary writes it.
    pub fn tally(&self, unit: &Unit) -> Tally {
        let amounts = |value: Decimal, any: bool| -> AmountsJson {
            let shown = any.then(|| (unit.to_string(), value.normalize().to_string()));
            shown.into_iter().collect()
        };
        let priced = self.jobs > self.unpriced;
        let compared = self.compared > 0;
        let extra = self.as_planned.to_decimal() - self.as_text.to_decimal();
        Tally {
            jobs: self.jobs,
            seconds: self.length.to_decimal().to_string(),
            estimate: amounts(self.estimate.to_decimal(), priced),
            low: amounts(self.low.to_decimal(), priced),
            high: amounts(self.high.to_decimal(), priced),
            with_retakes: amounts(
                self.with_retakes.to_decimal(),
                self.with_retakes > self.estimate,
            ),
            as_text: amounts(self.as_text.to_decimal(), compared),
            image_extra: amounts(extra, compared),
            compared: self.compared,
            unpriced: self.unpriced,
        }
    }
}

/// In millionths. What is more than Kinora will hold is above every limit.
fn micros(value: Decimal) -> Micros {
    Micros::from_decimal(value).unwrap_or(Micros::MAX)
}
