//! Sums over jobs: small cells that add up to every grouping of the summary.
//!
//! What lives here: adding jobs to cells, merging cells, and reading tallies out of them. What
//! never does: deciding how a job stands, prices.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::diff::Standing;
use super::job::PlannedJob;
use super::summary::{AmountsJson, Change, Changes, Group, Tally};
use crate::manifest::SubjectKind;
use crate::models::{Priced, Route};
use crate::money::Unit;

/// What jobs are told apart by; every grouping is a sum over cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CellKey {
    pub shot: u32,
    pub model: String,
    pub route: Route,
    pub kind: Option<SubjectKind>,
    /// Whether a run would start these jobs now.
    pub runs: bool,
}

/// Sums over some jobs, in the workspace's unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub jobs: u64,
    pub seconds: Decimal,
    /// Over priced jobs.
    pub estimate: Decimal,
    /// The least that the priced ones may cost.
    pub low: Decimal,
    /// The most.
    pub high: Decimal,
    /// Jobs without a price.
    pub unpriced: u64,
    /// Over jobs whose price is known by their route and by text.
    pub as_text: Decimal,
    /// Over the same jobs: what their route costs beyond text.
    pub image_extra: Decimal,
    /// How many jobs those are.
    pub compared: u64,
    /// The dearest job.
    pub dearest: Decimal,
}

impl Sums {
    fn add(&mut self, job: &PlannedJob) {
        self.jobs += 1;
        self.seconds = self.seconds.saturating_add(job.settings.duration);
        match &job.estimate {
            Priced::Unpriced => self.unpriced += 1,
            Priced::Known(amount) => {
                self.estimate = self.estimate.saturating_add(amount.value);
                self.low = self.low.saturating_add(job.spread.low);
                self.high = self.high.saturating_add(job.spread.high);
                self.dearest = self.dearest.max(amount.value);
                if let Some(text) = job.text_estimate {
                    self.compared += 1;
                    self.as_text = self.as_text.saturating_add(text);
                    self.image_extra = self.image_extra.saturating_add(amount.value - text);
                }
            }
        }
    }

    /// Adds the sums of other jobs.
    pub fn merge(&mut self, other: &Sums) {
        self.jobs += other.jobs;
        self.seconds = self.seconds.saturating_add(other.seconds);
        self.estimate = self.estimate.saturating_add(other.estimate);
        self.low = self.low.saturating_add(other.low);
        self.high = self.high.saturating_add(other.high);
        self.unpriced += other.unpriced;
        self.as_text = self.as_text.saturating_add(other.as_text);
        self.image_extra = self.image_extra.saturating_add(other.image_extra);
        self.compared += other.compared;
        self.dearest = self.dearest.max(other.dearest);
    }

    /// As the summary writes it.
    pub fn tally(&self, unit: &Unit) -> Tally {
        let amounts = |value: Decimal, any: bool| -> AmountsJson {
            let shown = any.then(|| (unit.to_string(), value.normalize().to_string()));
            shown.into_iter().collect()
        };
        Tally {
            jobs: self.jobs,
            seconds: self.seconds.normalize().to_string(),
            estimate: amounts(self.estimate, self.jobs > self.unpriced),
            low: amounts(self.low, self.jobs > self.unpriced),
            high: amounts(self.high, self.jobs > self.unpriced),
            as_text: amounts(self.as_text, self.compared > 0),
            image_extra: amounts(self.image_extra, self.compared > 0),
            compared: self.compared,
            unpriced: self.unpriced,
        }
    }
}

/// Sums by cell, in the order in which cells were first met.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells(Vec<(CellKey, Sums)>);

impl Cells {
    /// Adds one job.
    pub fn add(&mut self, job: &PlannedJob, kind: Option<SubjectKind>, standing: &Standing) {
        let runs = standing.runs();
        let same = |(key, _): &&mut (CellKey, Sums)| {
            key.shot == job.shot
                && key.route == job.route
                && key.kind == kind
                && key.runs == runs
                && key.model == job.model.model
        };
        if let Some((_, sums)) = self.0.iter_mut().find(same) {
            sums.add(job);
            return;
        }
        let model = job.model.model.clone();
        let mut sums = Sums::default();
        sums.add(job);
        self.0.push((CellKey { shot: job.shot, model, route: job.route, kind, runs }, sums));
    }

    /// Adds the cells of the part of the plan that comes next.
    pub fn merge(&mut self, next: Cells) {
        for (key, sums) in next.0 {
            match self.0.iter_mut().rev().find(|(mine, _)| *mine == key) {
                Some((_, mine)) => mine.merge(&sums),
                None => self.0.push((key, sums)),
            }
        }
    }

    /// The sum of the cells that `wanted` picks.
    pub fn sum(&self, wanted: impl Fn(&CellKey) -> bool) -> Sums {
        let mut sum = Sums::default();
        self.0.iter().filter(|(key, _)| wanted(key)).for_each(|(_, sums)| sum.merge(sums));
        sum
    }

    /// The jobs that a run would start, grouped by name; groups in the order of their keys.
    pub fn groups<K: Ord>(
        &self,
        unit: &Unit,
        key_and_name: impl Fn(&CellKey) -> (K, String),
    ) -> Vec<Group> {
        let mut groups: BTreeMap<K, (String, Sums)> = BTreeMap::new();
        for (cell, sums) in self.0.iter().filter(|(cell, _)| cell.runs) {
            let (key, name) = key_and_name(cell);
            let (_, group) = groups.entry(key).or_insert_with(|| (name, Sums::default()));
            group.merge(sums);
        }
        let groups = groups.into_values();
        groups.map(|(name, sums)| Group { name, tally: sums.tally(unit) }).collect()
    }

    /// The models of all jobs, done or not.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.model.as_str())
    }
}

impl Changes {
    /// Counts one job.
    pub(super) fn count(&mut self, change: &Change) {
        match change {
            Change::New => self.new += 1,
            Change::Changed { why } => {
                self.changed += 1;
                for part in why {
                    *self.changed_by.entry(*part).or_default() += 1;
                }
            }
            Change::Done => self.done += 1,
            Change::InFlight => self.in_flight += 1,
            Change::Retry => self.to_retry += 1,
            Change::Unknown => self.unknown += 1,
        }
    }
}
