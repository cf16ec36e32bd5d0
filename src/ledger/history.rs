//! What earlier attempts tell of later ones: what they cost against their estimates, and how long
//! they took.
//!
//! What lives here: sums and medians over finished attempts, by model. What never does: changing
//! an estimate by them.

use std::collections::BTreeMap;

use super::error::LedgerError;
use super::open::Ledger;
use super::read::micros;
use crate::money::{Micros, Unit};

/// How many of the latest attempts a plan looks at: what was long ago says little of prices and
/// queues of today, and a ledger of a million attempts must not delay a plan.
const LATEST: i64 = 10_000;

/// Which attempts to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The latest few thousand.
    Latest,
    /// All of the ledger.
    Whole,
}

/// What earlier attempts tell, by model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    models: BTreeMap<String, ModelHistory>,
}

/// What the attempts of one model tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ModelHistory {
    charged: Charged,
    /// Milliseconds from intent to finished clip, of those that one run saw from end to end: what a later
    /// one found was finished nobody knows when.
    took: Vec<u64>,
}

/// What finished attempts cost against their estimates; only those whose provider said what it
/// charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charged {
    /// How many.
    pub attempts: u64,
    /// The sum of their estimates, as they were reserved.
    pub estimated: Micros,
    /// The sum of what was charged.
    pub charged: Micros,
}

impl Charged {
    /// Adds an attempt.
    pub fn add(&mut self, estimated: Micros, charged: Micros) {
        self.attempts += 1;
        self.estimated = self.estimated.saturating_add(estimated);
        self.charged = self.charged.saturating_add(charged);
    }

    /// Adds other attempts.
    pub fn merge(&mut self, other: &Charged) {
        self.attempts += other.attempts;
        self.estimated = self.estimated.saturating_add(other.estimated);
        self.charged = self.charged.saturating_add(other.charged);
    }
}

impl History {
    /// Models of which at least one attempt was finished with its provider's word on the cost.
    pub fn charged(&self) -> impl Iterator<Item = (&str, &Charged)> {
        let known = self.models.iter().filter(|(_, history)| history.charged.attempts > 0);
        known.map(|(model, history)| (model.as_str(), &history.charged))
    }

    /// Milliseconds that a clip of a model took as a rule: half of them took no longer.
    pub fn typical_ms(&self, model: &str) -> Option<u64> {
        let took = &self.models.get(model)?.took;
        took.get(took.len().checked_sub(1)? / 2).copied()
    }
}

impl Ledger {
    /// What earlier attempts tell. Amounts that count another unit than `unit` are left out.
    pub fn history(&self, span: Span, unit: &Unit) -> Result<History, LedgerError> {
        let latest = match span {
            Span::Latest => LATEST,
            Span::Whole => i64::MAX,
        };
        let read = || -> rusqlite::Result<History> {
            let c = self.reading();
            // Only what was finished has a time of that: a job that failed cost something else
            // than a clip, and what was written off has no word of its provider. A run that was
            // cut off has the next one's beginning for its end.
            let mut query = c.prepare_cached(
                "SELECT a.model, a.estimate, s.settled, s.basis = 'provider' AND r.unit = ?2,
                     r.ended IS NULL OR s.ready < r.ended, s.ready - a.started
                 FROM attempt_state s JOIN attempts a ON a.id = s.attempt
                 JOIN totals t ON t.id = s.total JOIN runs r ON r.id = t.run
                 WHERE s.attempt > (SELECT coalesce(max(attempt), 0) FROM attempt_state) - ?1
                     AND s.ready IS NOT NULL",
            )?;
            let mut rows = query.query((latest, unit.as_str()))?;
            let mut history = History::default();
            while let Some(row) = rows.next()? {
                let model = row.get_ref(0)?.as_str()?;
                if !history.models.contains_key(model) {
                    history.models.insert(model.to_owned(), ModelHistory::default());
                }
                let Some(of) = history.models.get_mut(model) else { continue };
                if row.get::<_, Option<bool>>(3)?.unwrap_or(false) {
                    of.charged.add(micros(row, 1)?, micros(row, 2)?);
                }
                // A clock that was set back tells nothing.
                let took = u64::try_from(row.get::<_, i64>(5)?).ok();
                if let (true, Some(took)) = (row.get(4)?, took) {
                    of.took.push(took / 1000);
                }
            }
            history.models.values_mut().for_each(|of| of.took.sort_unstable());
            Ok(history)
        };
        read().map_err(|e| self.failed(&e))
    }
}
