//! Sums over a plan's jobs: small cells that add up to every grouping of the summary, sums by
//! subject, and the dearest jobs.
//!
//! What lives here: adding jobs, merging what chunks found, and reading groups out of it. What
//! never does: deciding how a job stands, prices.

mod dear;
mod subjects;
mod sums;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use dear::Dearest;
pub use subjects::{Above, SubjectSums};
pub use sums::Sums;

use super::diff::Standing;
use super::job::PlannedJob;
use super::summary::{Change, Changes, Group};
use crate::manifest::SubjectRef;
use crate::models::{ModelCard, Route};
use crate::money::Unit;

/// What jobs are told apart by; every grouping is a sum over cells.
#[derive(Debug, Clone)]
pub(super) struct CellKey {
    pub shot: u32,
    /// The subject's set in the catalogue.
    pub set: Option<u32>,
    pub card: Arc<ModelCard>,
    pub route: Route,
    /// Whether a run would start these jobs now.
    pub runs: bool,
}

impl CellKey {
    fn is(&self, other: &CellKey) -> bool {
        self.shot == other.shot
            && self.set == other.set
            && self.route == other.route
            && self.runs == other.runs
            && (Arc::ptr_eq(&self.card, &other.card) || self.card.model == other.card.model)
    }
}

/// Sums by cell, in the order in which cells were first met.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells(Vec<(CellKey, Sums)>);

impl Cells {
    /// Adds one job.
    fn add(&mut self, job: &PlannedJob, runs: bool) {
        let set = job.subject.map(|at| at.set);
        let same = |(key, _): &&mut (CellKey, Sums)| {
            key.shot == job.shot
                && key.set == set
                && key.route == job.route
                && key.runs == runs
                && (Arc::ptr_eq(&key.card, &job.model) || key.card.model == job.model.model)
        };
        if let Some((_, sums)) = self.0.iter_mut().find(same) {
            sums.add(job);
            return;
        }
        let mut sums = Sums::default();
        sums.add(job);
        let card = job.model.clone();
        self.0.push((CellKey { shot: job.shot, set, card, route: job.route, runs }, sums));
    }

    /// Adds the cells of another part of the plan.
    pub fn merge(&mut self, other: Cells) {
        for (key, sums) in other.0 {
            // The latest cells are the ones that the next part goes on with.
            match self.0.iter_mut().rev().find(|(mine, _)| mine.is(&key)) {
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

    /// The jobs that a run would start, by what `key` says of their cells.
    pub fn by<'a, K: Ord>(&'a self, key: impl Fn(&'a CellKey) -> K) -> BTreeMap<K, Sums> {
        let mut groups: BTreeMap<K, Sums> = BTreeMap::new();
        for (cell, sums) in self.0.iter().filter(|(cell, _)| cell.runs) {
            groups.entry(key(cell)).or_default().merge(sums);
        }
        groups
    }

    /// The jobs that a run would start, by model.
    pub fn by_model(&self) -> BTreeMap<&str, Sums> {
        self.by(|cell| cell.card.model.as_str())
    }

    /// The same as groups of the summary, in the order of their keys; `name` names a key.
    pub fn groups<'a, K: Ord>(
        &'a self,
        unit: &Unit,
        key: impl Fn(&'a CellKey) -> K,
        name: impl Fn(K) -> String,
    ) -> Vec<Group> {
        let groups = self.by(key).into_iter();
        groups.map(|(key, sums)| Group { name: name(key), tally: sums.tally(unit) }).collect()
    }

    /// The models of all jobs, done or not; a model may come several times.
    pub fn models(&self) -> impl Iterator<Item = &Arc<ModelCard>> {
        self.0.iter().map(|(key, _)| &key.card)
    }
}

/// What one chunk of jobs adds up to.
#[derive(Debug, Default)]
pub(super) struct ChunkTally {
    cells: Cells,
    dearest: Dearest,
    /// Of the jobs that a run would start. A chunk's jobs of one subject come one after another,
    /// so there is one entry for each.
    subjects: Vec<(SubjectRef, Sums)>,
}

impl ChunkTally {
    /// Adds the next job of the plan.
    pub fn add(&mut self, job: &PlannedJob, standing: &Standing) {
        let runs = standing.runs();
        self.cells.add(job, runs);
        if !runs {
            return;
        }
        if let Some(estimate) = job.estimate.known() {
            self.dearest.add(job, estimate);
        }
        let Some(subject) = job.subject else { return };
        match self.subjects.last_mut() {
            Some((last, sums)) if *last == subject => sums.add(job),
            _ => {
                let mut sums = Sums::default();
                sums.add(job);
                self.subjects.push((subject, sums));
            }
        }
    }
}

/// What a plan adds up to.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies {
    /// By cell: every grouping but the next.
    pub cells: Cells,
    /// By subject.
    pub subjects: SubjectSums,
    /// The dearest jobs that a run would start.
    pub dearest: Dearest,
}

impl Tallies {
    /// Adds the chunk that comes next in the plan.
    pub fn take(&mut self, chunk: ChunkTally) {
        self.cells.merge(chunk.cells);
        self.dearest.merge(chunk.dearest);
        for (subject, sums) in chunk.subjects {
            self.subjects.add(subject, &sums);
        }
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
