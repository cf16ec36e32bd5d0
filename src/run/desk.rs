//! The desk: what all jobs of one run share.
//!
//! What never lives here: the order of steps (that is `drive`), who goes next (`dispatch`).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::budget::Budget;
use super::event::RunEvent;
use super::line::Line;
use super::setup::Setup;
use crate::providers::Provider;

/// Shared by all jobs of a run.
pub struct Desk {
    /// What the run was given.
    pub setup: Setup,
    /// The run's number in the ledger.
    pub run: i64,
    /// The line before the fetches.
    pub line: Arc<Line>,
    books: Mutex<Shared>,
    closed: AtomicBool,
    cut: watch::Receiver<bool>,
    events: mpsc::Sender<RunEvent>,
}

/// What changes under the desk's lock.
pub struct Shared {
    /// The money.
    pub budget: Budget,
    /// Models that get nothing new, with why.
    pub held: BTreeMap<String, String>,
}

impl Desk {
    /// A desk; `cut` turns true when everything that can wait must be left to the next run.
    pub fn new(
        setup: Setup,
        run: i64,
        budget: Budget,
        cut: watch::Receiver<bool>,
        events: mpsc::Sender<RunEvent>,
    ) -> Self {
        let line = Arc::new(Line::new(setup.pace.fetches));
        let books = Mutex::new(Shared { budget, held: BTreeMap::new() });
        Desk { setup, run, line, books, closed: AtomicBool::new(false), cut, events }
    }

    /// The time now, as fine as the ledger keeps it, so that what is written is what is meant.
    pub fn now(&self) -> Timestamp {
        let now = self.setup.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Money and holds. Never held across an await.
    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        // A broken assertion about money must stop the run, not be stepped over: the panic that
        // poisoned this lock goes on in everyone who asks.
        self.books.lock().expect("an assertion about money failed in another job of this run")
    }

    /// A provider by name.
    pub fn provider(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.setup.providers.get(name).cloned()
    }

    /// Tells people. A listener that went away misses it.
    pub async fn say(&self, event: RunEvent) {
        let _ = self.events.send(event).await;
    }

    /// From now on nothing is submitted, not even what has its intent written.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether nothing is submitted any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Holds a model; true when it was not held before.
    pub fn hold(&self, model: &str, why: &str) -> bool {
        self.shared().held.insert(model.to_owned(), why.to_owned()).is_none()
    }

    /// Whether a model is held.
    pub fn is_held(&self, model: &str) -> bool {
        self.shared().held.contains_key(model)
    }

    /// The outcome of `work`, unless the run is cut first. Only for what may be dropped halfway.
    pub async fn unless_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut cut = self.cut.clone();
        tokio::select! {
            biased;
            // An error here means that the run itself is gone.
            _ = cut.wait_for(|cut| *cut) => None,
            value = work => Some(value),
        }
    }

    /// Exponential backoff with full jitter: anything from nothing up to the step's whole wait.
    pub fn backoff(&self, tries: u32) -> Duration {
        let pace = &self.setup.pace;
        let whole = pace.backoff.saturating_mul(1u32 << tries.min(20)).min(pace.backoff_most);
        let whole = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.setup.chance.below(whole.saturating_add(1)))
    }
}
