//! Who waits, in turns: round over providers and accounts, within them over models, within
//! these over shots, so that neither a model nor a shot with thousands of jobs starves another.
//!
//! What never lives here: whether there is room.

use std::collections::{BTreeMap, VecDeque};

/// Children that take turns; only those with something waiting are in the ring.
#[derive(Debug)]
struct Ring<K, V> {
    all: BTreeMap<K, V>,
    turns: VecDeque<K>,
}

impl<K, V> Default for Ring<K, V> {
    fn default() -> Self {
        Ring { all: BTreeMap::new(), turns: VecDeque::new() }
    }
}

/// A provider and an account there, by the numbers of their pools.
pub(super) type Place = (usize, usize);

/// What is asked whether it has room.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    /// A provider and an account there.
    Place(Place),
    /// A model, where its place has room.
    Model(usize),
}

/// Jobs that wait, by place, model (the number of its pool) and shot.
#[derive(Debug)]
pub(super) struct Lanes<W> {
    places: Ring<Place, Ring<usize, Ring<String, VecDeque<W>>>>,
    waiting: usize,
}

impl<W> Default for Lanes<W> {
    fn default() -> Self {
        Lanes { places: Ring::default(), waiting: 0 }
    }
}

impl<W> Lanes<W> {
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    pub fn push(&mut self, place: Place, model: usize, shot: &str, job: W) {
        let models = child(&mut self.places, &place);
        let shots = child(models, &model);
        child(shots, &shot.to_owned()).push_back(job);
        self.waiting += 1;
    }

    /// Takes the first in turn whose place and model have room. Shots have no room of their
    /// own, so that however many there are, one look is enough.
    pub fn pop(&mut self, mut has_room: impl FnMut(Look) -> bool) -> Option<(Place, usize, W)> {
        for at in 0..self.places.turns.len() {
            let place = self.places.turns[at];
            if !has_room(Look::Place(place)) {
                continue;
            }
            let models = self.places.all.get_mut(&place).expect("what takes turns is there");
            let turn = (0..models.turns.len()).find(|m| has_room(Look::Model(models.turns[*m])));
            let Some(turn) = turn else { continue };
            let model = models.turns[turn];
            let shots = models.all.get_mut(&model).expect("what takes turns is there");
            let shot = shots.turns.front().expect("a model in turn has a shot").clone();
            let jobs = shots.all.get_mut(&shot).expect("what takes turns is there");
            let job = jobs.pop_front().expect("a shot in turn has a job");
            let empty = jobs.is_empty();
            shots.turned(0, empty);
            let empty = shots.turns.is_empty();
            models.turned(turn, empty);
            let empty = models.turns.is_empty();
            self.places.turned(at, empty);
            self.waiting -= 1;
            return Some((place, model, job));
        }
        None
    }

    /// Takes out everything that waits for a model, shot by shot.
    pub fn drain(&mut self, model: usize) -> Vec<W> {
        let mut drained = Vec::new();
        for models in self.places.all.values_mut() {
            if let Some(shots) = models.all.remove(&model) {
                models.turns.retain(|m| *m != model);
                drained.extend(shots.all.into_values().flatten());
            }
        }
        let all = &mut self.places.all;
        all.retain(|_, models| !models.all.is_empty());
        self.places.turns.retain(|place| all.contains_key(place));
        self.waiting -= drained.len();
        drained
    }

    /// The places and models where something waits.
    pub fn wanted(&self) -> impl Iterator<Item = (Place, usize)> + '_ {
        self.places.all.iter().flat_map(|(p, models)| models.all.keys().map(|m| (*p, *m)))
    }
}

impl<K: Clone + Ord, V> Ring<K, V> {
    /// The child at `at` had its turn: it goes to the end, or away.
    fn turned(&mut self, at: usize, empty: bool) {
        let key = self.turns.remove(at).expect("it had its turn");
        if empty {
            self.all.remove(&key);
        } else {
            self.turns.push_back(key);
        }
    }
}

/// A child, which has something waiting from now on.
fn child<'r, K: Clone + Ord, V: Default>(ring: &'r mut Ring<K, V>, key: &K) -> &'r mut V {
    if !ring.all.contains_key(key) {
        ring.turns.push_back(key.clone());
    }
    ring.all.entry(key.clone()).or_default()
}
