//! The queue: approved jobs that wait for room, and the room itself.
//!
//! One lane a model, taken in turns, so that a model without room stops no other one. What
//! never lives here: money, time, I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::money::Micros;
use crate::plan::Request;

/// A job that waits, and how often it was tried in this run.
#[derive(Debug)]
pub struct Waiting {
    /// What is asked.
    pub request: Arc<Request>,
    /// The request's parts.
    pub parts: [u64; 4],
    /// What to reserve.
    pub reserve: Micros,
    /// Tries so far.
    pub tries: u32,
}

/// Room at one provider or for one model.
#[derive(Debug, Clone, Copy)]
struct Room {
    taken: usize,
    limit: usize,
}

impl Room {
    fn is_free(self) -> bool {
        self.taken < self.limit
    }
}

/// How much may run at once, by name.
pub struct RoomLimits {
    /// In the whole run.
    pub run: usize,
    /// At each provider.
    pub providers: BTreeMap<String, usize>,
    /// For each model that has a limit of its own.
    pub models: BTreeMap<String, usize>,
}

/// Waiting jobs and the room that they wait for.
pub struct Queue {
    lanes: Vec<Lane>,
    turn: usize,
    waiting: usize,
    run: Room,
    providers: BTreeMap<String, Room>,
    model_limits: BTreeMap<String, usize>,
}

struct Lane {
    provider: String,
    model: String,
    waiting: VecDeque<Waiting>,
    room: Room,
}

impl Queue {
    /// An empty queue.
    pub fn new(limits: RoomLimits) -> Self {
        let room = |limit| Room { taken: 0, limit };
        Queue {
            lanes: Vec::new(),
            turn: 0,
            waiting: 0,
            run: room(limits.run),
            providers: limits.providers.into_iter().map(|(n, l)| (n, room(l))).collect(),
            model_limits: limits.models,
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a job at the end of its model's lane.
    pub fn push(&mut self, waiting: Waiting) {
        let lane = self.lane(&waiting.request.provider, &waiting.request.model);
        self.lanes[lane].waiting.push_back(waiting);
        self.waiting += 1;
    }

    /// Takes the next job that has room everywhere, and the room with it.
    pub fn pop(&mut self) -> Option<Waiting> {
        if !self.run.is_free() {
            return None;
        }
        for step in 0..self.lanes.len() {
            let at = (self.turn + step) % self.lanes.len();
            let lane = &mut self.lanes[at];
            let free = lane.room.is_free()
                && self.providers.get(&lane.provider).is_none_or(|room| room.is_free());
            if !free {
                continue;
            }
            if let Some(waiting) = lane.waiting.pop_front() {
                self.waiting -= 1;
                self.turn = (at + 1) % self.lanes.len();
                self.change_room(at, 1);
                return Some(waiting);
            }
        }
        None
    }

    /// Takes room for a job that is in flight already, whether there is any or not.
    pub fn occupy(&mut self, provider: &str, model: &str) {
        let lane = self.lane(provider, model);
        self.change_room(lane, 1);
    }

    /// Gives room back.
    pub fn leave(&mut self, provider: &str, model: &str) {
        let lane = self.lane(provider, model);
        self.change_room(lane, -1);
    }

    /// Takes out everything that waits for a model.
    pub fn drain_model(&mut self, model: &str) -> Vec<Waiting> {
        let mut drained = Vec::new();
        for lane in self.lanes.iter_mut().filter(|lane| lane.model == model) {
            drained.extend(lane.waiting.drain(..));
        }
        self.waiting -= drained.len();
        drained
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.waiting.clear());
        self.waiting = 0;
    }

    fn lane(&mut self, provider: &str, model: &str) -> usize {
        let found = self.lanes.iter().position(|l| l.model == model && l.provider == provider);
        found.unwrap_or_else(|| {
            let limit = self.model_limits.get(model).copied().unwrap_or(usize::MAX);
            self.lanes.push(Lane {
                provider: provider.to_owned(),
                model: model.to_owned(),
                waiting: VecDeque::new(),
                room: Room { taken: 0, limit },
            });
            self.lanes.len() - 1
        })
    }

    fn change_room(&mut self, lane: usize, by: isize) {
        let lane = &mut self.lanes[lane];
        let provider = self.providers.get_mut(&lane.provider);
        for room in [Some(&mut self.run), Some(&mut lane.room), provider].into_iter().flatten() {
            room.taken = room.taken.checked_add_signed(by).expect("room is given back once");
        }
    }
}
