//! A sample of what is selected: the same products each time, whatever their order.

use std::collections::BinaryHeap;

use crate::digest::FieldHasher;

/// A product's place in the order of chance: its digest, then its place in the feed.
type Lot = (u128, u64);

/// Keeps the products with the lowest lots, as they come.
pub(in crate::manifest) struct Sampler<T> {
    count: usize,
    kept: BinaryHeap<Ticket<T>>,
}

struct Ticket<T> {
    lot: Lot,
    what: T,
}

impl<T> PartialEq for Ticket<T> {
    fn eq(&self, other: &Self) -> bool {
        self.lot == other.lot
    }
}

impl<T> Eq for Ticket<T> {}

impl<T> PartialOrd for Ticket<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ticket<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.lot.cmp(&other.lot)
    }
}

/// The lot of an id: nothing else counts, so that a product stays in a sample whatever becomes of
/// it and of all others.
pub(in crate::manifest) fn lot(seed: u64, id: &str) -> u128 {
    let mut hasher = FieldHasher::new("sample of a feed");
    hasher.field(&seed.to_le_bytes()).field(id.as_bytes());
    let digest = hasher.finish();
    let mut first = [0; 16];
    first.copy_from_slice(&digest.as_bytes()[..16]);
    u128::from_be_bytes(first)
}

impl<T> Sampler<T> {
    /// A sample of `count`.
    pub fn new(count: u64) -> Self {
        Sampler { count: usize::try_from(count).unwrap_or(usize::MAX), kept: BinaryHeap::new() }
    }

    /// The highest lot that may still be in; what is above it needs no second look.
    pub fn highest(&self) -> u128 {
        match self.kept.peek() {
            Some(ticket) if self.kept.len() >= self.count => ticket.lot.0,
            _ => u128::MAX,
        }
    }

    /// Takes one, and gives back what has no place any more. `order` is the place in the feed.
    pub fn take(&mut self, lot: u128, order: u64, what: T) -> Option<T> {
        self.kept.push(Ticket { lot: (lot, order), what });
        if self.kept.len() <= self.count {
            return None;
        }
        self.kept.pop().map(|ticket| ticket.what)
    }

    /// The sample, in the order of the feed.
    pub fn finish(self) -> Vec<T> {
        let mut all = self.kept.into_vec();
        all.sort_by_key(|ticket| ticket.lot.1);
        all.into_iter().map(|ticket| ticket.what).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(ids: &[String], count: u64, seed: u64) -> Vec<String> {
        let mut sampler = Sampler::new(count);
        for (order, id) in (0..).zip(ids) {
            let lot = lot(seed, id);
            if lot <= sampler.highest() {
                sampler.take(lot, order, id.clone());
            }
        }
        sampler.finish()
    }

    proptest! {
        #[test]
        fn a_sample_depends_on_ids_alone(
            ids in proptest::collection::btree_set("[a-z]{1,6}", 0..60),
            count in 1u64..20,
            seed in 0u64..5,
        ) {
            let ids: Vec<String> = ids.into_iter().collect();
            let backwards: Vec<String> = ids.iter().rev().cloned().collect();
            let mut sampled = sample(&ids, count, seed);
            prop_assert_eq!(sampled.len() as u64, count.min(ids.len() as u64));
            prop_assert!(sampled.is_sorted(), "in the order of the feed");
            let mut other = sample(&backwards, count, seed);
            other.reverse();
            prop_assert_eq!(&sampled, &other);
            // A larger sample has the smaller one in it.
            let larger = sample(&ids, count + 3, seed);
            prop_assert!(sampled.iter().all(|id| larger.contains(id)));
            // Taking away a product that is not in it changes nothing.
            let Some(gone) = ids.iter().find(|id| !sampled.contains(id)) else { return Ok(()) };
            let rest: Vec<String> = ids.iter().filter(|id| *id != gone).cloned().collect();
            sampled.sort();
            prop_assert_eq!(sample(&rest, count, seed), sampled);
        }
    }
}
