//! The line before the fetches: soonest expiry first (M6).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use tokio::sync::oneshot;

/// Admits so many at once; of those who wait, the clip that expires soonest goes first, one
/// without an expiry last.
#[derive(Debug)]
pub struct Line(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    arrivals: u64,
    waiting: BinaryHeap<Reverse<Entry>>,
}

#[derive(Debug)]
struct Entry {
    expires: Timestamp,
    arrival: u64,
    admit: oneshot::Sender<Place>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.expires, self.arrival).cmp(&(other.expires, other.arrival))
    }
}

/// A place among those who fetch, given back when dropped.
#[derive(Debug)]
pub struct Place(Option<Arc<Line>>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            line.admit_next();
        }
    }
}

impl Line {
    /// Admits `places` at once.
    pub fn new(places: usize) -> Self {
        let free = places.max(1);
        Line(Mutex::new(State { free, arrivals: 0, waiting: BinaryHeap::new() }))
    }

    /// Whether somebody waits: then nothing new should be submitted.
    pub fn is_busy(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Waits for a place.
    pub async fn enter(self: &Arc<Self>, expires: Option<Timestamp>) -> Place {
        let admitted = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Place(Some(Arc::clone(self)));
            }
            let (admit, admitted) = oneshot::channel();
            state.arrivals += 1;
            let entry = Entry {
                expires: expires.unwrap_or(Timestamp::MAX),
                arrival: state.arrivals,
                admit,
            };
            state.waiting.push(Reverse(entry));
            admitted
        };
        // An entry leaves the line only by being admitted, and this keeps the line alive.
        admitted.await.unwrap_or(Place(None))
    }

    /// Hands one place on, or frees it. The place travels inside the message, so that it comes
    /// back by itself when who waited is gone.
    fn admit_next(self: &Arc<Self>) {
        loop {
            let Some(Reverse(entry)) = self.state().waiting.pop() else { break };
            match entry.admit.send(Place(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // Who waited is gone; the place goes to the next instead of back into here.
                Err(mut place) => place.0 = None,
            }
        }
        self.state().free += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change above is whole before anything can panic.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Option<Timestamp> {
        Timestamp::from_second(n).ok()
    }

    #[tokio::test]
    async fn the_soonest_expiry_goes_first_and_who_gave_up_is_passed_over() {
        let line = Arc::new(Line::new(1));
        let first = line.enter(None).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiters: Vec<_> =
            [("none", None), ("late", second(9)), ("gone", second(1)), ("soon", second(5))]
                .into_iter()
                .map(|(name, expires)| {
                    let (line, order) = (Arc::clone(&line), Arc::clone(&order));
                    tokio::spawn(async move {
                        let _place = line.enter(expires).await;
                        order.lock().expect("no panic").push(name);
                    })
                })
                .collect();
        while line.state().waiting.len() < 4 {
            tokio::task::yield_now().await;
        }
        assert!(line.is_busy());
        waiters[2].abort();
        tokio::task::yield_now().await;
        drop(first);
        for waiter in waiters {
            // One of them was aborted.
            let _ = waiter.await;
        }
        assert_eq!(*order.lock().expect("no panic"), ["soon", "late", "none"]);
        assert!(!line.is_busy());
        assert_eq!(line.state().free, 1);
    }
}
