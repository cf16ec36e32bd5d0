//! Sums by subject: small, because there may be hundreds of thousands.
//!
//! What never lives here: names; a subject is its place in the catalogue.

use std::cmp::Reverse;

use super::sums::Sums;
use crate::manifest::SubjectRef;
use crate::money::Micros;

/// What the jobs that a run would start cost, by subject. Jobs of shots without a subject are not
/// in it.
#[derive(Debug, Clone, Default)]
pub struct SubjectSums {
    /// By set, then by subject in it; as long as the last one with jobs.
    sets: Vec<Vec<Sums>>,
}

/// Subjects whose jobs cost more together than some limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Above {
    /// How many.
    pub subjects: u64,
    /// How many jobs those have.
    pub jobs: u64,
    /// The dearest of them, dearest first, each with what its jobs are expected to cost.
    pub examples: Vec<(SubjectRef, Micros)>,
}

impl SubjectSums {
    /// Adds the sums of some jobs of a subject.
    pub(in crate::plan) fn add(&mut self, subject: SubjectRef, sums: &Sums) {
        let (set, index) = (subject.set as usize, subject.subject as usize);
        if self.sets.len() <= set {
            self.sets.resize_with(set + 1, Vec::new);
        }
        let set = &mut self.sets[set];
        if set.len() <= index {
            set.resize(index + 1, Sums::default());
        }
        set[index].merge(sums);
    }

    /// Every subject with jobs that a run would start, in the catalogue's order.
    pub fn iter(&self) -> impl Iterator<Item = (SubjectRef, &Sums)> {
        (0u32..).zip(&self.sets).flat_map(|(set, subjects)| {
            let named = (0u32..).zip(subjects);
            named
                .filter(|(_, sums)| sums.jobs > 0)
                .map(move |(subject, sums)| (SubjectRef { set, subject }, sums))
        })
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.iter().count() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The dearest, dearest first; of equally dear ones those that come first in the catalogue.
    pub fn dearest(&self, most: usize) -> Vec<(SubjectRef, &Sums)> {
        first_of(self.iter().collect(), most)
    }

    /// Subjects whose jobs are expected to cost more than `limit`, with some examples.
    pub fn above(&self, limit: Micros, examples: usize) -> Above {
        let above = self.iter().filter(|(_, sums)| sums.estimate > limit).collect::<Vec<_>>();
        let (subjects, jobs) = (above.len() as u64, above.iter().map(|(_, s)| s.jobs).sum());
        let examples = first_of(above, examples);
        let examples = examples.into_iter().map(|(at, sums)| (at, sums.estimate)).collect();
        Above { subjects, jobs, examples }
    }
}

/// The dearest of some. Only those are put in order: a catalogue may have a quarter of a million.
fn first_of(mut all: Vec<(SubjectRef, &Sums)>, most: usize) -> Vec<(SubjectRef, &Sums)> {
    let order = |(at, sums): &(SubjectRef, &Sums)| (Reverse(sums.estimate), *at);
    if most < all.len() {
        all.select_nth_unstable_by_key(most, order);
        all.truncate(most);
    }
    all.sort_unstable_by_key(order);
    all
}
