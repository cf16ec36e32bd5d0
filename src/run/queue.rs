//! The queue: approved jobs that wait for room, and the room itself.
//!
//! One lane a model, taken in turns, so that a model without room stops no other one. What
//! never lives here: money, time, I/O.

use std::collections::{BTreeMap, VecDeque};

pub use super::waiting::Waiting;

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::address::Address;
    use crate::digest::Digest;
    use crate::models::Route;
    use crate::money::Micros;
    use crate::plan::{JobSettings, Request};

    const MODELS: [(&str, &str); 3] = [("p", "p/a"), ("p", "p/b"), ("q", "q/c")];

    fn waiting(of: usize) -> Waiting {
        let (provider, model) = MODELS[of];
        let settings = JobSettings {
            duration: 5.into(),
            aspect: "1:1".to_owned(),
            resolution: "720p".to_owned(),
            width: 720,
            height: 720,
            fps: None,
            seed: None,
        };
        let request = Request {
            address: Address::from_stored("a"),
            model: model.to_owned(),
            provider: provider.to_owned(),
            route: Route::Text,
            prompt: String::new(),
            negative_prompt: None,
            settings,
            references: vec![],
            out: "a.mp4".to_owned(),
            fingerprint: Digest::of(b"a"),
            shot: "s".to_owned(),
            subject: None,
        };
        Waiting { request: Arc::new(request), parts: [0; 4], reserve: Micros::ZERO, tries: 0 }
    }

    fn queue() -> Queue {
        Queue::new(RoomLimits {
            run: 4,
            providers: BTreeMap::from([("p".to_owned(), 3), ("q".to_owned(), 2)]),
            models: BTreeMap::from([("p/a".to_owned(), 1)]),
        })
    }

    #[test]
    fn models_take_turns_and_one_without_room_stops_no_other() {
        let mut queue = queue();
        for of in [0, 0, 0, 1, 1, 2] {
            queue.push(waiting(of));
        }
        let order: Vec<String> =
            std::iter::from_fn(|| queue.pop()).map(|w| w.request.model.clone()).collect();
        assert_eq!(order, ["p/a", "p/b", "q/c", "p/b"]);
        assert_eq!(queue.waiting(), 2);
        assert_eq!(queue.drain_model("p/a").len(), 2);
        assert_eq!(queue.waiting(), 0);
    }

    proptest! {
        /// Over any order of pushing, taking and leaving: no limit is passed, nothing is lost.
        #[test]
        fn no_limit_is_ever_passed(steps in proptest::collection::vec((0u8..3, 0usize..3), 0..120)) {
            let mut queue = queue();
            let (mut pushed, mut taken, mut inside) = (0usize, 0usize, [0usize; 3]);
            for (kind, of) in steps {
                match kind {
                    0 => {
                        queue.push(waiting(of));
                        pushed += 1;
                    }
                    1 => if let Some(waiting) = queue.pop() {
                        taken += 1;
                        let at = MODELS.iter().position(|(_, m)| *m == waiting.request.model);
                        inside[at.expect("one of them")] += 1;
                    },
                    _ => if inside[of] > 0 {
                        inside[of] -= 1;
                        queue.leave(MODELS[of].0, MODELS[of].1);
                    },
                }
                prop_assert!(inside[0] <= 1 && inside[0] + inside[1] <= 3 && inside[2] <= 2);
                prop_assert!(inside.iter().sum::<usize>() <= 4);
                prop_assert_eq!(queue.waiting(), pushed - taken);
            }
        }
    }
}
