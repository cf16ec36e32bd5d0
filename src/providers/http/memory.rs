//! Where finished clips are, as the last poll said, until they are fetched.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::watch::Source;

/// Clips that are remembered; of more, the oldest are forgotten, and asked for again.
const MOST: usize = 4096;

/// Longer sources (`data:` URLs) are not kept.
const LONGEST: usize = 16 << 10;

/// Sources by id.
#[derive(Default)]
pub(super) struct Outputs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_id: HashMap<String, Source>,
    order: VecDeque<String>,
    /// How many fetches of a clip ended with 404.
    denied: HashMap<String, u32>,
}

impl Outputs {
    /// Remembers where a clip is.
    pub fn keep(&self, id: &str, source: &Source) {
        if source.length() > LONGEST {
            return self.forget(id);
        }
        let mut kept = self.kept();
        if kept.by_id.insert(id.to_owned(), source.clone()).is_none() {
            kept.order.push_back(id.to_owned());
        }
        while kept.order.len() > MOST {
            if let Some(oldest) = kept.order.pop_front() {
                kept.by_id.remove(&oldest);
            }
        }
    }

    /// Where a clip is.
    pub fn get(&self, id: &str) -> Option<Source> {
        self.kept().by_id.get(id).cloned()
    }

    /// Counts one more fetch of a clip that ended with 404; gives how many there were.
    pub fn denied(&self, id: &str) -> u32 {
        let mut kept = self.kept();
        if kept.denied.len() >= MOST {
            kept.denied.clear();
        }
        let count = kept.denied.entry(id.to_owned()).or_insert(0);
        *count += 1;
        *count
    }

    /// Forgets a clip that is fetched or gone.
    pub fn forget(&self, id: &str) {
        let mut kept = self.kept();
        if kept.by_id.remove(id).is_some() {
            kept.order.retain(|known| known != id);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
