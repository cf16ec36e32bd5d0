//! Some of a plan's jobs, for writers that can't show a million: the dearest that a run would
//! start, and some of those without a price.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rust_decimal::Decimal;

use crate::plan::JobLine;

/// Jobs without a price that are kept beside the dearest.
const UNPRICED: usize = 100;

/// Keeps the dearest jobs of a stream; of equally dear ones the first, so that the same plan
/// gives the same sample.
#[derive(Debug)]
pub struct JobSample {
    most: usize,
    seen: u64,
    priced: BinaryHeap<Reverse<Kept>>,
    unpriced: Vec<JobLine>,
}

#[derive(Debug)]
struct Kept {
    rank: (Decimal, Reverse<u64>),
    line: Box<JobLine>,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl JobSample {
    /// Jobs with a price that are kept, unless asked otherwise.
    pub const MOST: usize = 1_000;

    /// Keeps at most `most` jobs that have a price.
    pub fn new(most: usize) -> Self {
        JobSample { most, seen: 0, priced: BinaryHeap::new(), unpriced: Vec::new() }
    }

    /// Takes the next job that a run would start, with its expected cost. `line` is called only
    /// where the job is kept.
    pub fn offer(&mut self, estimate: Option<Decimal>, line: impl FnOnce() -> JobLine) {
        self.seen += 1;
        let Some(estimate) = estimate else {
            if self.unpriced.len() < UNPRICED {
                self.unpriced.push(line());
            }
            return;
        };
        let rank = (estimate, Reverse(self.seen));
        let full = self.priced.len() >= self.most;
        if full && self.priced.peek().is_none_or(|Reverse(least)| least.rank >= rank) {
            return;
        }
        if full {
            self.priced.pop();
        }
        self.priced.push(Reverse(Kept { rank, line: Box::new(line()) }));
    }

    /// Takes a job's line; those that no run would start are passed over.
    pub fn take(&mut self, line: JobLine) {
        if matches!(line.change.as_str(), "new" | "changed" | "retry") {
            let estimate = line.estimate.as_deref().and_then(|e| e.parse().ok());
            self.offer(estimate, || line);
        }
    }

    /// What was kept.
    pub fn finish(self) -> SampledJobs {
        let kept = self.priced.into_sorted_vec();
        SampledJobs {
            priced: kept.into_iter().map(|Reverse(kept)| *kept.line).collect(),
            unpriced: self.unpriced,
        }
    }
}

/// Some of a plan's jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SampledJobs {
    /// The dearest, dearest first.
    pub priced: Vec<JobLine>,
    /// Some without a price, in the plan's order.
    pub unpriced: Vec<JobLine>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plan::samples;

    fn line(name: &str, estimate: Option<&str>) -> JobLine {
        let estimate = estimate.map(str::to_owned);
        JobLine { address: name.into(), estimate, ..samples::jobs().remove(0) }
    }

    #[test]
    fn the_dearest_are_kept_and_of_equals_the_first() {
        let mut sample = JobSample::new(3);
        let jobs = [("a", "2"), ("b", "10"), ("c", "2"), ("d", "9.5"), ("e", "2"), ("f", "10")];
        for (name, estimate) in jobs {
            sample.take(line(name, Some(estimate)));
        }
        sample.take(line("x", None));
        sample.take(JobLine { change: "done".into(), ..line("y", Some("100")) });
        let kept = sample.finish();
        let names = |jobs: &[JobLine]| -> String { jobs.iter().map(|j| &*j.address).collect() };
        assert_eq!((names(&kept.priced), names(&kept.unpriced)), ("bfd".into(), "x".into()));
    }

    #[test]
    fn what_is_not_kept_is_never_made() {
        let mut sample = JobSample::new(1);
        sample.offer(Some(Decimal::TWO), || line("a", Some("2")));
        sample.offer(Some(Decimal::ONE), || unreachable!("it is cheaper than the one kept"));
        sample.offer(Some(Decimal::TWO), || unreachable!("it is as dear as the one kept"));
        assert_eq!(sample.finish().priced.len(), 1);
    }
}
