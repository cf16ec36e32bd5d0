//! One plan against an earlier one: what comes new, goes, differs, and costs more or less.
//!
//! What lives here: counting differences and choosing examples. What never does: which earlier
//! plan that is, and what a difference means for an approval.

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::digesting::Money;
use super::file::{PlanFileError, PlanReader};
use super::indexed::{Index, Keep, half, short_parts};
use super::job::{Part, PlannedJob};
use super::summary::{AmountsJson, Change, Comparison, JobDifference};
use crate::address::JobKey;
use crate::limits::Limits;
use crate::money::{Micros, Unit};

/// How many differences are named.
const EXAMPLES: usize = 10;

/// An earlier plan, and what of the new one was compared with it so far.
#[derive(Debug)]
pub struct Comparer {
    before: Index,
    found: Comparison,
    total_now: Micros,
    with_retakes_now: Micros,
    priced_now: bool,
    examples: Examples,
}

/// The examples that cost most.
#[derive(Debug, Default)]
struct Examples(Vec<Example>);

#[derive(Debug)]
struct Example {
    key: JobKey,
    /// What it is about: the dearer of before and now.
    weight: Decimal,
    difference: JobDifference,
}

impl Comparer {
    /// Reads an earlier plan to its end. `label` says what it is, in words.
    pub fn with(
        before: PlanReader,
        label: impl Into<String>,
        limits: &Limits,
    ) -> Result<Comparer, PlanFileError> {
        let before = Index::read(before, limits, Keep::Parts)?;
        let summary = &before.header.summary;
        let found = Comparison {
            with: before.header.plan.to_string(),
            label: label.into(),
            jobs_before: summary.to_run.jobs,
            total_before: summary.to_run.estimate.clone(),
            with_retakes_before: summary.to_run.with_retakes.clone(),
            ..Comparison::default()
        };
        Ok(Comparer {
            before,
            found,
            total_now: Micros::ZERO,
            with_retakes_now: Micros::ZERO,
            priced_now: false,
            examples: Examples::default(),
        })
    }

    /// Takes the next job of the new plan, whether it would run or not.
    pub fn job(&mut self, job: &PlannedJob, change: &Change) {
        let earlier = self.before.meet(&job.key);
        let stood = earlier.filter(|job| job.stood.runs());
        if !change.runs() {
            self.found.made += u64::from(stood.is_some());
            return;
        }
        let now = Money::of(job).map(|money| money.estimate);
        self.found.jobs_now += 1;
        if let Some(now) = now {
            let micros = Micros::from_decimal(now).unwrap_or(Micros::MAX);
            self.total_now = self.total_now.saturating_add(micros);
            let most = job.with_retakes().map(Micros::from_decimal);
            let most = most.and_then(Result::ok).unwrap_or(Micros::MAX);
            self.with_retakes_now = self.with_retakes_now.saturating_add(most);
            self.priced_now = true;
        }
        let name = |word: &str, why: Vec<Part>, before: Option<Decimal>| JobDifference {
            address: job.address.to_string(),
            difference: word.to_owned(),
            why,
            before: before.map(text),
            now: now.map(text),
        };
        let Some(earlier) = stood else {
            self.found.added += 1;
            self.examples.offer(job.key, None, now, || name("added", Vec::new(), None));
            return;
        };
        let before = self.before.money(&earlier).map(|money| money.estimate);
        if earlier.fingerprint != half(&job.fingerprint.whole) {
            self.found.changed += 1;
            let parts = short_parts(&job.fingerprint.parts);
            let why = Part::differing(&parts, &earlier.parts);
            self.examples.offer(job.key, before, now, || name("changed", why, before));
            return;
        }
        let word = match (before, now) {
            (before, now) if before == now => {
                self.found.same += 1;
                return;
            }
            // What has no price may cost anything.
            (Some(before), Some(now)) if now < before => {
                self.found.cheaper += 1;
                "cheaper"
            }
            (None, Some(_)) => {
                self.found.cheaper += 1;
                "cheaper"
            }
            _ => {
                self.found.dearer += 1;
                "dearer"
            }
        };
        self.examples.offer(job.key, before, now, || name(word, Vec::new(), before));
    }

    /// What was found, when every job of the new plan was given. Amounts are in `unit`.
    pub fn finish(mut self, unit: &Unit) -> Result<Comparison, PlanFileError> {
        let gone = self.before.jobs().filter(|(_, job)| job.stood.runs() && !job.met);
        for (key, job) in gone {
            self.found.removed += 1;
            let before = self.before.money(job).map(|money| money.estimate);
            self.examples.offer(*key, before, None, || JobDifference {
                address: String::new(),
                difference: "removed".to_owned(),
                why: Vec::new(),
                before: before.map(text),
                now: None,
            });
        }
        let Examples(mut examples) = self.examples;
        let nameless = examples.iter().filter(|e| e.difference.address.is_empty());
        let nameless: HashSet<JobKey> = nameless.map(|e| e.key).collect();
        let mut addresses = self.before.addresses(&nameless)?;
        for example in &mut examples {
            if let Some(address) = addresses.remove(&example.key) {
                example.difference.address = address.to_string();
            }
        }
        let mut found = self.found;
        let sum = |total: Micros| AmountsJson::from([(unit.to_string(), text(total.to_decimal()))]);
        if self.priced_now {
            found.total_now = sum(self.total_now);
        }
        let retaken_now = self.with_retakes_now > self.total_now;
        if retaken_now || !found.with_retakes_before.is_empty() {
            if self.priced_now {
                found.with_retakes_now = sum(self.with_retakes_now);
            }
            if found.with_retakes_before.is_empty() {
                found.with_retakes_before = found.total_before.clone();
            }
        }
        let same_unit = self.before.header.summary.unit == unit.as_str();
        found.increase_percent = increase(&found, unit).filter(|_| same_unit);
        found.examples = examples.into_iter().map(|example| example.difference).collect();
        Ok(found)
    }
}

impl Examples {
    /// Takes a difference if it is among those that cost most.
    fn offer(
        &mut self,
        key: JobKey,
        before: Option<Decimal>,
        now: Option<Decimal>,
        difference: impl FnOnce() -> JobDifference,
    ) {
        let weight = before.unwrap_or_default().max(now.unwrap_or_default());
        // Of equal ones the order of keys decides, since jobs that are gone come in none.
        let after =
            |e: &Example| (e.weight, std::cmp::Reverse(e.key)) > (weight, std::cmp::Reverse(key));
        let at = self.0.partition_point(after);
        if at < EXAMPLES {
            self.0.insert(at, Example { key, weight, difference: difference() });
            self.0.truncate(EXAMPLES);
        }
    }
}

/// `(now - before) / before` in percent, one decimal.
fn increase(found: &Comparison, unit: &Unit) -> Option<String> {
    let sum = |amounts: &AmountsJson| -> Option<Decimal> {
        amounts.get(unit.as_str()).map_or(Some(Decimal::ZERO), |text| text.parse().ok())
    };
    let (before, now) = (sum(&found.total_before)?, sum(&found.total_now)?);
    if before.is_zero() {
        return None;
    }
    let percent = now.checked_sub(before)?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(percent.checked_div(before)?.round_dp(1).normalize().to_string())
}

fn text(amount: Decimal) -> String {
    amount.normalize().to_string()
}
