//! The budget of a run: nothing is submitted that was not set aside before.
//!
//! What lives here: ceilings and limits, what is held against them, the rate between units.
//! What never does: prices, the ledger. The sums start from the ledger's and move with it.

mod limits;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::limits::{LimitName, MoneyLimits, ShareLimits, Span};
use self::sums::Line;
pub(super) use self::sums::{Sum, first_of_month, in_month_of};
use super::guard::{Asked, Broken, Counted, Guard, Watch};
use crate::address::Address;
use crate::digest::Digest;
use crate::ledger::{Holding, SubjectHolding, day_number};
use crate::manifest::LimitOf;
use crate::money::Micros;

/// An amount that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverLimit {
    /// The limit that it does not fit.
    pub limit: LimitName,
    /// What is left of it.
    pub left: Micros,
}

/// Why nothing is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoGrant {
    /// It does not fit a limit.
    Limit(OverLimit),
    /// A guardrail denies it.
    Guardrail(Broken),
}

/// What an amount is for.
#[derive(Debug, Clone, Copy)]
pub struct Purpose<'a> {
    /// The plan that approved it.
    pub plan: Digest,
    /// Provider name.
    pub provider: &'a str,
    /// Model name.
    pub model: &'a str,
    /// Account at the provider; empty where there is only one.
    pub account: &'a str,
    /// The job; absent where it is not of one.
    pub job: Option<&'a Address>,
}

impl Purpose<'_> {
    fn is(&self, of: LimitOf, name: &str) -> bool {
        match of {
            LimitOf::Model => self.model == name,
            LimitOf::Provider => self.provider == name,
            LimitOf::Account => self.account == name,
        }
    }
}

/// What a grant counts against. Only a [`Budget`] makes one, so that nothing can be submitted
/// that was not set aside (M1, M5); it is given back exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a grant that is dropped stays reserved"]
pub struct Grant {
    amount: Micros,
    plan: Digest,
    /// The shares that count it, by their numbers.
    shares: Box<[usize]>,
    /// What guardrails count of it.
    counted: Counted,
    day: i64,
    /// Whether this run began it.
    in_run: bool,
}

impl Grant {
    /// What is set aside.
    pub fn amount(&self) -> Micros {
        self.amount
    }

    /// The plan under which it is.
    pub fn plan(&self) -> Digest {
        self.plan
    }
}

/// The ceilings, the limits, and what is held against each.
#[derive(Debug)]
pub struct Budget {
    limits: MoneyLimits,
    ceilings: BTreeMap<Digest, Micros>,
    plans: BTreeMap<Digest, Sum>,
    whole: Line,
    shares: Vec<((LimitOf, String), Line)>,
    /// Settled since the run began, whoever began the attempt.
    settled_now: Sum,
    written_off: BTreeMap<i64, Sum>,
    watch: Watch,
}

impl Budget {
    /// A budget that holds what the ledger holds. No plan is approved yet.
    pub fn new(limits: MoneyLimits, held: &[Holding]) -> Self {
        let line =
            |(of, limits): (&(LimitOf, String), &ShareLimits)| (of.clone(), Line::new(*limits));
        let whole = ShareLimits {
            per_run: limits.per_run,
            per_day: limits.per_day,
            per_month: limits.per_month,
        };
        let mut budget = Budget {
            ceilings: BTreeMap::new(),
            plans: BTreeMap::new(),
            whole: Line::new(whole),
            shares: limits.shares.iter().map(line).collect(),
            settled_now: Sum::default(),
            written_off: BTreeMap::new(),
            watch: Watch::default(),
            limits,
        };
        for holding in held {
            let what = Purpose {
                plan: holding.plan,
                provider: &holding.provider,
                model: &holding.model,
                account: &holding.account,
                job: None,
            };
            let grant = budget.grant(&what, Micros::ZERO, holding.day, false);
            budget.add(&grant, holding.held);
            budget.written_off.entry(holding.day).or_default().add(holding.written_off);
        }
        budget
    }

    /// The same, held against guardrails too; `by_subject` is needed where they count subjects.
    #[must_use]
    pub fn guarded(
        mut self,
        guard: Guard,
        held: &[Holding],
        by_subject: &[SubjectHolding],
    ) -> Self {
        self.watch = Watch::new(guard, held, by_subject);
        self
    }

    /// What guardrails warn of since this was asked before; each rule once.
    pub fn warnings(&mut self) -> Vec<Broken> {
        self.watch.warnings()
    }

    /// Approves a plan up to a ceiling, from now on: its last approval holds.
    pub fn approve(&mut self, plan: Digest, ceiling: Micros) {
        self.ceilings.insert(plan, ceiling);
    }

    /// The limits.
    pub fn limits(&self) -> &MoneyLimits {
        &self.limits
    }

    /// Reserved and settled by this run.
    pub fn held_by_run(&self) -> Micros {
        self.whole.run().to_micros()
    }

    /// Settled since the run began, for attempts of earlier runs too.
    pub fn settled_now(&self) -> Micros {
        self.settled_now.to_micros()
    }

    /// Reserved and settled under a plan, by whatever runs.
    pub fn held_by_plan(&self, plan: &Digest) -> Micros {
        self.plans.get(plan).copied().unwrap_or_default().to_micros()
    }

    /// Sets `amount` aside, or says which limit or guardrail it does not fit. Under a plan that is
    /// not approved, only what costs nothing is granted (M1).
    pub fn reserve(
        &mut self,
        what: &Purpose<'_>,
        amount: Micros,
        now: Timestamp,
    ) -> Result<Grant, NoGrant> {
        if let Some(most) = self.limits.per_job.filter(|most| amount > *most) {
            return Err(NoGrant::Limit(OverLimit { limit: LimitName::PerJob, left: most }));
        }
        let grant = self.grant(what, amount, day_number(now), true);
        // Free of charge fits even a limit that was passed already.
        let free = amount == Micros::ZERO;
        if let Some(over) = self.over(&grant, amount, now).filter(|_| !free) {
            return Err(NoGrant::Limit(over));
        }
        let asked = self.asked(what, &grant, amount, now);
        if let Some(broken) = self.watch.denies(&asked) {
            return Err(NoGrant::Guardrail(broken));
        }
        self.watch.warn(&asked);
        self.watch.start(what.job);
        self.add(&grant, amount);
        // The other half of the pair (M5): what was just granted fits every limit.
        let passed = self.over(&grant, Micros::ZERO, now).filter(|_| !free);
        assert!(passed.is_none(), "a limit is passed: {passed:?}");
        let nobody = Purpose { job: None, ..*what };
        let broken = self.watch.denies(&self.asked(&nobody, &grant, Micros::ZERO, now));
        assert!(broken.is_none() || free, "a guardrail is passed: {broken:?}");
        Ok(grant)
    }

    /// The grant of an attempt that an earlier run began and the ledger's sums hold already.
    pub fn adopt(&self, what: &Purpose<'_>, reserved: Micros, began: Timestamp) -> Grant {
        self.grant(what, reserved, day_number(began), false)
    }

    /// A grant for what is begun now: one of an earlier day counts for this one instead, if that has
    /// room for it; else it is given back.
    pub fn redate(
        &mut self,
        what: &Purpose<'_>,
        mut grant: Grant,
        now: Timestamp,
    ) -> Result<Grant, NoGrant> {
        let day = day_number(now);
        if grant.day == day {
            return Ok(grant);
        }
        self.remove(&grant);
        grant.day = day;
        if grant.amount > Micros::ZERO
            && let Some(over) = self.over(&grant, grant.amount, now)
        {
            return Err(NoGrant::Limit(over));
        }
        let asked = self.asked(what, &grant, grant.amount, now);
        if let Some(broken) = self.watch.denies(&asked) {
            return Err(NoGrant::Guardrail(broken));
        }
        self.watch.warn(&asked);
        self.add(&grant, grant.amount);
        Ok(grant)
    }

    /// Turns a grant into what it cost. More than was granted is held too, and truly: it was
    /// spent, and whoever is over a limit by it gets nothing new.
    pub fn settle(&mut self, grant: Grant, amount: Micros) {
        self.remove(&grant);
        self.add(&grant, amount);
        self.settled_now.add(amount);
    }

    /// Gives a grant back.
    pub fn release(&mut self, grant: Grant) {
        self.remove(&grant);
    }

    /// Whether a grant whose outcome is unknown may be taken for spent, so that its job can be
    /// paid for once more: `most` is what that may cost for submissions of one month (UTC).
    pub fn may_write_off(&self, grant: &Grant, most: Micros) -> bool {
        let mut sum = sums::in_month_of(&self.written_off, grant.day);
        sum.add(grant.amount);
        sum.left_of(most).is_some()
    }

    /// Takes a grant whose outcome is unknown for spent.
    pub fn write_off(&mut self, grant: Grant) {
        self.written_off.entry(grant.day).or_default().add(grant.amount);
        let amount = grant.amount;
        self.settle(grant, amount);
    }

    fn grant(&self, what: &Purpose<'_>, amount: Micros, day: i64, in_run: bool) -> Grant {
        let counts = |(at, ((of, name), _)): (usize, &((LimitOf, String), Line))| {
            what.is(*of, name).then_some(at)
        };
        let shares = self.shares.iter().enumerate().filter_map(counts).collect();
        let counted = self.watch.counted(what.model, what.job);
        Grant { amount, plan: what.plan, shares, counted, day, in_run }
    }

    /// What guardrails are asked about.
    fn asked<'a>(
        &self,
        what: &Purpose<'a>,
        grant: &'a Grant,
        amount: Micros,
        now: Timestamp,
    ) -> Asked<'a> {
        let [day, month] = self.whole.of_now(now);
        let plan = self.plans.get(&grant.plan).copied().unwrap_or_default();
        let (model, counted) = (what.model, &grant.counted);
        Asked {
            job: what.job,
            model,
            plan: grant.plan,
            counted,
            amount,
            held: [plan, day, month],
            now,
        }
    }

    /// The first limit that `extra` on top of what is held does not fit.
    fn over(&self, grant: &Grant, extra: Micros, now: Timestamp) -> Option<OverLimit> {
        let ceiling = self.ceilings.get(&grant.plan).copied().unwrap_or(Micros::ZERO);
        let plan = self.plans.get(&grant.plan).copied().unwrap_or_default();
        if let Some(left) = plan.too_little_left(ceiling, extra) {
            return Some(OverLimit { limit: LimitName::Ceiling, left });
        }
        let max_spend = self.limits.max_spend;
        if let Some(left) = max_spend.and_then(|most| self.whole.run().too_little_left(most, extra))
        {
            return Some(OverLimit { limit: LimitName::MaxSpend, left });
        }
        if let Some((span, left)) = self.whole.over(extra, now) {
            return Some(OverLimit { limit: LimitName::Whole(span), left });
        }
        grant.shares.iter().find_map(|share| {
            let ((of, name), line) = &self.shares[*share];
            let (span, left) = line.over(extra, now)?;
            Some(OverLimit { limit: LimitName::Share(*of, name.clone(), span), left })
        })
    }

    fn add(&mut self, grant: &Grant, amount: Micros) {
        self.plans.entry(grant.plan).or_default().add(amount);
        self.watch.add(&grant.counted, grant.plan, grant.day, amount);
        for line in lines(&mut self.whole, &mut self.shares, grant) {
            line.add(grant.day, grant.in_run, amount);
        }
    }

    fn remove(&mut self, grant: &Grant) {
        self.plans.entry(grant.plan).or_default().remove(grant.amount);
        self.watch.remove(&grant.counted, grant.plan, grant.day, grant.amount);
        for line in lines(&mut self.whole, &mut self.shares, grant) {
            line.remove(grant.day, grant.in_run, grant.amount);
        }
    }
}

/// The lines that count a grant.
fn lines<'b, K>(
    whole: &'b mut Line,
    shares: &'b mut [(K, Line)],
    grant: &Grant,
) -> impl Iterator<Item = &'b mut Line> {
    let counts =
        |(at, (_, line)): (usize, &'b mut (K, Line))| grant.shares.contains(&at).then_some(line);
    std::iter::once(whole).chain(shares.iter_mut().enumerate().filter_map(counts))
}
