//! How many pixels are in memory at once.

use std::sync::{Condvar, Mutex, PoisonError};

/// Lets work begin as long as the pixels of all work under way stay within a number. Work that is
/// larger by itself goes alone.
pub(super) struct Gate {
    most: u64,
    inside: Mutex<u64>,
    left: Condvar,
}

/// Room that was given; it is free again when this is dropped.
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    pixels: u64,
}

impl Gate {
    pub fn new(most: u64) -> Self {
        Gate { most, inside: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits until there is room.
    pub fn enter(&self, pixels: u64) -> Pass<'_> {
        // A number can't be left half changed by a thread that panicked.
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |inside: &mut u64| *inside > 0 && inside.saturating_add(pixels) > self.most;
        let mut inside = self.left.wait_while(inside, full).unwrap_or_else(PoisonError::into_inner);
        *inside += pixels;
        Pass { gate: self, pixels }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *self.gate.inside.lock().unwrap_or_else(PoisonError::into_inner) -= self.pixels;
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn never_more_than_its_number_are_inside_but_for_one_alone() {
        let gate = Gate::new(10);
        let (inside, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for i in 0..24u64 {
                let (gate, inside, most) = (&gate, &inside, &most);
                scope.spawn(move || {
                    let pixels = if i == 7 { 50 } else { 4 };
                    let pass = gate.enter(pixels);
                    let now = inside.fetch_add(pixels, Ordering::SeqCst) + pixels;
                    most.fetch_max(now, Ordering::SeqCst);
                    assert!(now <= 10 || now == 50, "{now}");
                    std::thread::yield_now();
                    inside.fetch_sub(pixels, Ordering::SeqCst);
                    drop(pass);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 50);
        assert_eq!(*gate.inside.lock().expect("whole"), 0);
    }
}
