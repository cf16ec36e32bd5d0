//! Guardrails: a plan held against what its manifest demands.
//!
//! What lives here: the exact meaning of each rule, and its words when it is broken. What never
//! does: refusing anything (that is for whoever approves or runs), and the same rules at
//! dispatch (that is `run::guard`).

mod seen;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

pub(super) use seen::{Marks, Seen, faceless, without_consent};

use self::seen::EXAMPLES;
use super::build::{Gathered, Plan};
use super::summary::{AmountsJson, Breach, Comparison};
use super::tally::{SubjectSums, Sums};
use crate::address::Address;
use crate::diagnostic::{Finding, Place, Sources};
use crate::manifest::{Catalogue, Guardrails, Pattern, Rule, SubjectRef};
use crate::money::{Amount, Micros, Unit};

/// What is held already of what guardrails count, by the ledger: reserved and settled, unknown
/// outcomes included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Under this very plan.
    pub plan: Micros,
    /// Under this very plan, by model.
    pub models: BTreeMap<String, Micros>,
    /// Today (UTC), by everything.
    pub day: Micros,
    /// This month (UTC), by everything.
    pub month: Micros,
    /// This month, by subject, as [`crate::address::Address::subject`] names them.
    pub subjects: BTreeMap<String, Micros>,
}

/// What a plan is judged by, kept until everything else is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    seen: Seen,
    /// The jobs that a run would start.
    to_run: Sums,
    by_model: BTreeMap<String, Sums>,
    /// Empty where no rule asks for them: there may be a quarter of a million.
    subjects: SubjectSums,
}

impl Evidence {
    pub fn of(gathered: &mut Gathered, rules: &Guardrails) -> Self {
        let tallies = &mut gathered.tallies;
        let by_model = tallies.cells.by_model().into_iter();
        Evidence {
            seen: std::mem::take(&mut gathered.seen),
            to_run: tallies.cells.sum(|cell| cell.runs),
            by_model: by_model.map(|(model, sums)| (model.to_owned(), sums)).collect(),
            subjects: match rules.max_per_subject {
                Some(_) => std::mem::take(&mut tallies.subjects),
                None => SubjectSums::default(),
            },
        }
    }
}

impl Plan {
    /// Fills in which guardrails the plan breaks, what denies first. Comes after everything else
    /// of the summary is there. Gives what is to be said beside them, if anything.
    pub fn judge(&mut self, held: &Held) -> Option<Finding> {
        let judge = Judge {
            catalogue: &self.planner.catalogue,
            rules: &self.planner.catalogue.guardrails,
            evidence: &self.evidence,
            held,
            before: self.summary.since_approval.as_ref(),
            approved: self.summary.approval.is_some(),
        };
        let (breaches, said) = judge.all();
        self.summary.breaches = breaches;
        said
    }
}

/// `file:line:column` of a place.
pub fn written_at(place: Place, sources: &Sources) -> String {
    let (line, column) = sources.window(&place).map_or((0, 0), |w| (w.line, w.column));
    format!("{}:{line}:{column}", sources.get(place.source).name)
}

/// A plan, what it is held against, and what is known beside it.
struct Judge<'a> {
    catalogue: &'a Catalogue,
    rules: &'a Guardrails,
    evidence: &'a Evidence,
    held: &'a Held,
    before: Option<&'a Comparison>,
    /// Whether this very plan is approved: then it is the last one itself.
    approved: bool,
}

/// What a rule finds: in words, in jobs, in examples.
struct Found {
    message: String,
    jobs: Option<u64>,
    examples: Vec<String>,
}

impl Found {
    /// About the plan as a whole.
    fn whole(message: String) -> Self {
        Found { message, jobs: None, examples: Vec::new() }
    }

    /// About some jobs.
    fn jobs(message: String, jobs: u64, examples: &[String]) -> Self {
        Found { message, jobs: Some(jobs), examples: examples.to_vec() }
    }
}

impl Judge<'_> {
    /// Every breach, what denies first; and what is to be said of a rule that can't be applied.
    fn all(&self) -> (Vec<Breach>, Option<Finding>) {
        if self.evidence.to_run.jobs == 0 {
            // Nothing would be submitted.
            return (Vec::new(), None);
        }
        let rules = self.rules;
        let mut breaches = Vec::new();
        breaches.extend(self.check("max_total", &rules.max_total, |limit| self.total(*limit)));
        breaches.extend(self.check("max_per_job", &rules.max_per_job, |limit| self.job(*limit)));
        breaches.extend(
            self.check("max_per_subject", &rules.max_per_subject, |limit| self.subject(*limit)),
        );
        for (model, sums) in &self.evidence.by_model {
            let found = |limit: Decimal| self.model(limit, model, sums);
            let rule = rules.of_model(model);
            breaches.extend(rule.and_then(|r| self.breach("max_per_model", r, found(r.value))));
        }
        breaches.extend(
            self.check("max_per_day", &rules.max_per_day, |l| self.in_time(*l, "today", "a day")),
        );
        breaches.extend(self.check("max_per_month", &rules.max_per_month, |l| {
            self.in_time(*l, "this month", "a month")
        }));
        breaches.extend(self.check("max_increase_percent", &rules.max_increase_percent, |limit| {
            self.increase(*limit)
        }));
        breaches.extend(self.check("max_jobs", &rules.max_jobs, |most| self.jobs(*most)));
        let names = rules.only_models.as_ref();
        breaches.extend(names.and_then(|r| self.breach("only_models", r, self.models(r))));
        breaches.extend(self.check("unpriced", &rules.unpriced, |()| self.unpriced()));
        breaches.extend(
            self.check("identity_reference", &rules.identity_reference, |()| self.faceless()),
        );
        breaches.extend(self.check("consent", &rules.consent, |()| self.consent()));
        breaches.sort_by_key(|breach| std::cmp::Reverse(breach.severity));
        (breaches, self.nothing_to_compare())
    }

    fn check<T>(
        &self,
        name: &str,
        rule: &Option<Rule<T>>,
        find: impl FnOnce(&T) -> Option<Found>,
    ) -> Option<Breach> {
        let rule = rule.as_ref()?;
        self.breach(name, rule, find(&rule.value))
    }

    fn breach<T>(&self, name: &str, rule: &Rule<T>, found: Option<Found>) -> Option<Breach> {
        let Found { message, jobs, examples } = found?;
        Some(Breach {
            rule: name.to_owned(),
            severity: rule.severity,
            message,
            at: written_at(rule.place, &self.catalogue.sources),
            jobs,
            examples,
        })
    }

    /// What would be held, if that passes the limit. What costs nothing passes none.
    fn passes(&self, limit: Decimal, held: Micros, planned: Micros) -> Option<Micros> {
        let sum = held.saturating_add(planned);
        (planned > Micros::ZERO && sum.to_decimal() > limit).then_some(sum)
    }

    fn amount(&self, value: Decimal) -> String {
        Amount::new(value, self.catalogue.budget.unit.clone()).to_string()
    }

    fn micros(&self, value: Micros) -> String {
        self.amount(value.to_decimal())
    }

    /// What of a sum is not of this plan's making, where there is any.
    fn of_it(&self, held: Micros, when: &str) -> String {
        match held {
            Micros::ZERO => String::new(),
            held => format!(", {} of it held already{when}", self.micros(held)),
        }
    }

    fn total(&self, limit: Decimal) -> Option<Found> {
        let sum = self.passes(limit, self.held.plan, self.evidence.to_run.estimate)?;
        Some(Found::whole(format!(
            "the plan costs {}{}; the limit is {}",
            self.micros(sum),
            self.of_it(self.held.plan, ""),
            self.amount(limit)
        )))
    }

    fn job(&self, limit: Decimal) -> Option<Found> {
        let dear = &self.evidence.seen.dear;
        let jobs = dear.some()?;
        let most = self.amount(dear.most);
        let costs = match jobs {
            1 => format!("1 job costs {most}"),
            n => format!("{n} jobs cost up to {most} each"),
        };
        let message = format!("{costs}; the limit is {} for one job", self.amount(limit));
        Some(Found::jobs(message, jobs, &dear.examples))
    }

    fn subject(&self, limit: Decimal) -> Option<Found> {
        let held = |at: SubjectRef| {
            let set = &self.catalogue.sets[at.set as usize];
            let key = Address::subject_of(&set.name, &set.subjects[at.subject as usize].id);
            self.held.subjects.get(&key).copied().unwrap_or_default()
        };
        let over = |(at, sums): (SubjectRef, &Sums)| {
            let sum = self.passes(limit, held(at), sums.estimate)?;
            Some((Reverse(sum), at, sums.jobs))
        };
        let mut over: Vec<_> = self.evidence.subjects.iter().filter_map(over).collect();
        over.sort_unstable();
        let (Reverse(most), dearest, _) = *over.first()?;
        let jobs = over.iter().map(|(.., jobs)| jobs).sum();
        let name = |at| self.catalogue.subject_name(at);
        let costs = format!("{}{}", self.micros(most), self.of_it(held(dearest), " this month"));
        let costs = match over.len() {
            1 => format!("`{}` costs {costs}", name(dearest)),
            n => format!("{n} subjects cost too much, most of all `{}`: {costs}", name(dearest)),
        };
        let limit = self.amount(limit);
        let message = format!("{costs}; the limit is {limit} for one subject in a month");
        let examples = over.iter().take(EXAMPLES);
        let examples =
            examples.map(|(Reverse(sum), at, _)| format!("{}: {}", name(*at), self.micros(*sum)));
        Some(Found { message, jobs: Some(jobs), examples: examples.collect() })
    }

    fn model(&self, limit: Decimal, model: &str, sums: &Sums) -> Option<Found> {
        let held = self.held.models.get(model).copied().unwrap_or_default();
        let sum = self.passes(limit, held, sums.estimate)?;
        let message = format!(
            "the jobs of `{model}` cost {}{}; the limit is {} for it in one plan",
            self.micros(sum),
            self.of_it(held, ""),
            self.amount(limit)
        );
        Some(Found::jobs(message, sums.jobs, &[]))
    }

    fn in_time(&self, limit: Decimal, now: &str, span: &str) -> Option<Found> {
        let held = if span == "a day" { self.held.day } else { self.held.month };
        let sum = self.passes(limit, held, self.evidence.to_run.estimate)?;
        Some(Found::whole(format!(
            "with this plan {now} comes to {}{}; the limit is {} {span}",
            self.micros(sum),
            self.of_it(held, ""),
            self.amount(limit)
        )))
    }

    fn increase(&self, limit: Decimal) -> Option<Found> {
        let comparison = self.before?;
        let unit = &self.catalogue.budget.unit;
        let (before, now) = (cost(&comparison.total_before, unit)?, self.evidence.to_run.estimate);
        let (now, label) = (now.to_decimal(), &comparison.label);
        if now <= most_after(comparison, unit, limit)? {
            return None;
        }
        let rise = now.checked_sub(before)?.checked_mul(Decimal::ONE_HUNDRED)?;
        let percent = rise.checked_div(before)?.round_dp(1).normalize();
        Some(Found::whole(format!(
            "the plan costs {} and {label} cost {}: {percent} percent more; the limit is {} percent",
            self.amount(now),
            self.amount(before),
            limit.normalize()
        )))
    }

    fn nothing_to_compare(&self) -> Option<Finding> {
        let rule = self.rules.max_increase_percent.as_ref()?;
        let unit = &self.catalogue.budget.unit;
        if self.before.is_some_and(|before| cost(&before.total_before, unit).is_some()) {
            return None;
        }
        let message = match self.before {
            None if self.approved => return None,
            None => "no plan was approved before, so there is nothing that this one could exceed",
            Some(_) => "the plan approved last cost nothing, so no percentage is above it",
        };
        let help = "`max_total` holds for the first plan too";
        let finding = Finding::advice("plan::no_increase", message).help(help);
        Some(finding.at(rule.place, "compares with the plan approved last"))
    }

    fn jobs(&self, most: u64) -> Option<Found> {
        let jobs = self.evidence.to_run.jobs;
        let message = || format!("a run would start {}; the limit is {most}", count(jobs, "job"));
        (jobs > most).then(|| Found::jobs(message(), jobs, &[]))
    }

    fn models(&self, rule: &Rule<Vec<Pattern>>) -> Option<Found> {
        let all = self.evidence.by_model.iter();
        let others: Vec<_> = all.filter(|(model, _)| !rule.lets_in(model)).collect();
        let names: Vec<String> = others.iter().map(|(model, _)| (*model).clone()).collect();
        let quoted: Vec<String> = names.iter().take(EXAMPLES).map(|n| format!("`{n}`")).collect();
        let jobs = others.iter().map(|(_, sums)| sums.jobs).sum();
        let more = if names.len() > EXAMPLES { ", …" } else { "" };
        let message = format!(
            "{} on {}{more}, which is not among the models that are allowed",
            count(jobs, "job"),
            quoted.join(", ")
        );
        let examples = &names[..names.len().min(EXAMPLES)];
        (!names.is_empty()).then(|| Found::jobs(message, jobs, examples))
    }

    fn unpriced(&self) -> Option<Found> {
        let found = &self.evidence.seen.unpriced;
        let jobs = found.some()?;
        let has = if jobs == 1 { "has" } else { "have" };
        let message = format!("{} {has} no known price", count(jobs, "job"));
        Some(Found::jobs(message, jobs, &found.examples))
    }

    fn faceless(&self) -> Option<Found> {
        let found = &self.evidence.seen.faceless;
        let jobs = found.some()?;
        let send = if jobs == 1 { "sends" } else { "send" };
        let message = format!(
            "{} {send} no picture of a subject whose looks matter: it will look like any other",
            count(jobs, "job")
        );
        Some(Found::jobs(message, jobs, &found.examples))
    }

    fn consent(&self) -> Option<Found> {
        let Seen { without_consent, people, .. } = &self.evidence.seen;
        let jobs = without_consent.some()?;
        let names: Vec<String> =
            people.iter().take(EXAMPLES).map(|at| self.catalogue.subject_name(*at)).collect();
        let send = if jobs == 1 { "sends" } else { "send" };
        let people = match people.len() {
            1 => "a real person".to_owned(),
            n => format!("{n} real people"),
        };
        let message =
            format!("{} {send} pictures of {people} without a note of consent", count(jobs, "job"));
        Some(Found::jobs(message, jobs, &names))
    }
}

/// The most that a plan may cost that may cost so many percent more than an earlier one; absent
/// where that one cost nothing in this unit.
pub fn most_after(before: &Comparison, unit: &Unit, percent: Decimal) -> Option<Decimal> {
    let more = cost(&before.total_before, unit)?.checked_mul(percent)?;
    cost(&before.total_before, unit)?.checked_add(more.checked_div(Decimal::ONE_HUNDRED)?)
}

/// What something cost, unless that was nothing.
fn cost(sums: &AmountsJson, unit: &Unit) -> Option<Decimal> {
    let sum = sums.get(unit.as_str())?.parse::<Decimal>().ok();
    sum.filter(|sum| *sum > Decimal::ZERO)
}

/// `1 job`, `3 jobs`.
fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
