//! Guardrails at dispatch: the manifest's rules held against what is really held, before each
//! intent.
//!
//! What lives here: the rules that can be broken by what happens after planning, what they count
//! beside the budget, their words. What never does: the ledger, what only a plan can tell (that is
//! `plan::guard`).

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::budget::{Sum, in_month_of};
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::ledger::{Holding, SubjectHolding, day_number};
use crate::manifest::{Catalogue, Pattern, Rule, Severity};
use crate::money::{Amount, Micros, MoneyError, Unit};
use crate::plan::{Comparison, most_after, written_at};

/// What of the manifest's guardrails is held against each intent. Empty: nothing.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    unit: Unit,
    total: Option<Bound<Micros>>,
    increase: Option<Bound<Micros>>,
    per_job: Option<Bound<Micros>>,
    per_subject: Option<Bound<Micros>>,
    per_model: Option<Bound<Micros>>,
    of_models: BTreeMap<String, Bound<Micros>>,
    per_day: Option<Bound<Micros>>,
    per_month: Option<Bound<Micros>>,
    jobs: Option<Bound<u64>>,
    only_models: Option<Bound<Rule<Vec<Pattern>>>>,
}

/// One rule.
#[derive(Debug, Clone)]
struct Bound<T> {
    value: T,
    severity: Severity,
    /// Where it stands: `file:line:column`.
    at: String,
}

/// A rule that an attempt would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The rule's key below `guardrails`.
    pub rule: &'static str,
    /// Where it stands: `file:line:column`.
    pub at: String,
    /// What it would come to, and what is allowed.
    pub message: String,
}

impl Guard {
    /// What a manifest says; `before` is what the plan is compared with, if anything.
    pub fn of(catalogue: &Catalogue, before: Option<&Comparison>) -> Result<Self, MoneyError> {
        let rules = &catalogue.guardrails;
        let at = |rule_place| written_at(rule_place, &catalogue.sources);
        let amount = |rule: &Rule<rust_decimal::Decimal>| {
            // Rounded down: what a limit lets through is never above it.
            let value = Micros::up_to(rule.value)?;
            Ok(Bound { value, severity: rule.severity, at: at(rule.place) })
        };
        let optional = |rule: &Option<Rule<_>>| rule.as_ref().map(amount).transpose();
        let increase = rules.max_increase_percent.as_ref().and_then(|rule| {
            let most = most_after(before?, &catalogue.budget.unit, rule.value)?;
            // What can't be held is no limit.
            let value = Micros::up_to(most).ok()?;
            Some(Bound { value, severity: rule.severity, at: at(rule.place) })
        });
        let of_models = rules.max_of_models.iter();
        Ok(Guard {
            unit: catalogue.budget.unit.clone(),
            total: optional(&rules.max_total)?,
            increase,
            per_job: optional(&rules.max_per_job)?,
            per_subject: optional(&rules.max_per_subject)?,
            per_model: optional(&rules.max_per_model)?,
            of_models: of_models
                .map(|(model, rule)| Ok((model.clone(), amount(rule)?)))
                .collect::<Result<_, MoneyError>>()?,
            per_day: optional(&rules.max_per_day)?,
            per_month: optional(&rules.max_per_month)?,
            jobs: rules.max_jobs.as_ref().map(|rule| Bound {
                value: rule.value,
                severity: rule.severity,
                at: at(rule.place),
            }),
            only_models: rules.only_models.as_ref().map(|rule| Bound {
                value: rule.clone(),
                severity: rule.severity,
                at: at(rule.place),
            }),
        })
    }

    /// Whether sums by subject are needed.
    pub fn counts_subjects(&self) -> bool {
        self.per_subject.is_some()
    }

    fn counts_models(&self) -> bool {
        self.per_model.is_some() || !self.of_models.is_empty()
    }

    fn of_model(&self, model: &str) -> Option<&Bound<Micros>> {
        self.of_models.get(model).or(self.per_model.as_ref())
    }

    fn amount(&self, value: Micros) -> String {
        Amount::new(value.to_decimal(), self.unit.clone()).to_string()
    }
}

/// What of a grant is counted here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counted {
    model: Option<Arc<str>>,
    subject: Option<Arc<str>>,
}

/// What is asked for: an amount on top of what is held.
pub(super) struct Asked<'a> {
    /// The job; absent where only what is held already is looked at.
    pub job: Option<&'a Address>,
    pub model: &'a str,
    pub plan: Digest,
    pub counted: &'a Counted,
    pub amount: Micros,
    /// Held under the plan, today and this month, by everything.
    pub held: [Sum; 3],
    pub now: Timestamp,
}

/// The rules, and what they count.
#[derive(Debug, Default)]
pub(super) struct Watch {
    guard: Guard,
    /// By plan and model.
    models: BTreeMap<(Digest, Arc<str>), Sum>,
    /// By subject and day.
    subjects: BTreeMap<Arc<str>, BTreeMap<i64, Sum>>,
    /// Jobs that this run started, where a rule counts them.
    started: HashSet<JobKey>,
    /// Rules of which a breach was said.
    said: BTreeSet<&'static str>,
    warnings: Vec<Broken>,
}

impl Watch {
    /// Rules, with what the ledger holds already.
    pub fn new(guard: Guard, held: &[Holding], by_subject: &[SubjectHolding]) -> Self {
        let mut watch = Watch { guard, ..Watch::default() };
        if watch.guard.counts_models() {
            for holding in held {
                let key = (holding.plan, Arc::from(holding.model.as_str()));
                watch.models.entry(key).or_default().add(holding.held);
            }
        }
        for holding in by_subject {
            let days = watch.subjects.entry(Arc::from(holding.subject.as_str())).or_default();
            days.entry(holding.day).or_default().add(holding.held);
        }
        watch
    }

    /// What of a grant for this is counted.
    pub fn counted(&self, model: &str, job: Option<&Address>) -> Counted {
        let subject = job.and_then(Address::subject).filter(|_| self.guard.counts_subjects());
        Counted {
            model: self.guard.counts_models().then(|| Arc::from(model)),
            subject: subject.map(Arc::from),
        }
    }

    /// Counts an amount in.
    pub fn add(&mut self, counted: &Counted, plan: Digest, day: i64, amount: Micros) {
        if let Some(model) = &counted.model {
            self.models.entry((plan, Arc::clone(model))).or_default().add(amount);
        }
        if let Some(subject) = &counted.subject {
            let days = self.subjects.entry(Arc::clone(subject)).or_default();
            days.entry(day).or_default().add(amount);
        }
    }

    /// Counts an amount out.
    pub fn remove(&mut self, counted: &Counted, plan: Digest, day: i64, amount: Micros) {
        if let Some(model) = &counted.model {
            self.models.entry((plan, Arc::clone(model))).or_default().remove(amount);
        }
        if let Some(subject) = &counted.subject {
            let days = self.subjects.entry(Arc::clone(subject)).or_default();
            days.entry(day).or_default().remove(amount);
        }
    }

    /// Notes that a job was started.
    pub fn start(&mut self, job: Option<&Address>) {
        if let Some(job) = job.filter(|_| self.guard.jobs.is_some()) {
            self.started.insert(job.key());
        }
    }

    /// The first rule that denies what is asked for.
    pub fn denies(&self, asked: &Asked<'_>) -> Option<Broken> {
        self.broken(asked, Severity::Deny).into_iter().next()
    }

    /// Notes the rules that warn of what is asked for, each once.
    pub fn warn(&mut self, asked: &Asked<'_>) {
        for broken in self.broken(asked, Severity::Warn) {
            if self.said.insert(broken.rule) {
                self.warnings.push(broken);
            }
        }
    }

    /// What is to be said since this was asked before.
    pub fn warnings(&mut self) -> Vec<Broken> {
        std::mem::take(&mut self.warnings)
    }

    fn broken(&self, asked: &Asked<'_>, severity: Severity) -> Vec<Broken> {
        let guard = &self.guard;
        let [plan, day, month] = asked.held;
        let in_plan = "in one plan";
        let mut all = vec![
            self.names(asked, severity),
            self.jobs(asked, severity),
            self.job(asked, severity),
            self.sum("max_total", &guard.total, severity, plan, asked, in_plan),
            self.sum(
                "max_increase_percent",
                &guard.increase,
                severity,
                plan,
                asked,
                "by the rise over the plan approved last",
            ),
        ];
        if let (Some(model), Some(bound)) = (&asked.counted.model, guard.of_model(asked.model)) {
            let held = self.models.get(&(asked.plan, Arc::clone(model)));
            let (held, scope) =
                (held.copied().unwrap_or_default(), format!("for `{model}` {in_plan}"));
            let bound = Some(bound.clone());
            all.push(self.sum("max_per_model", &bound, severity, held, asked, &scope));
        }
        if let Some(subject) = &asked.counted.subject {
            let days = self.subjects.get(subject);
            let held = days.map(|days| in_month_of(days, day_number(asked.now)));
            let (held, scope) = (held.unwrap_or_default(), format!("for `{subject}` in a month"));
            all.push(self.sum(
                "max_per_subject",
                &guard.per_subject,
                severity,
                held,
                asked,
                &scope,
            ));
        }
        all.push(self.sum("max_per_day", &guard.per_day, severity, day, asked, "a day"));
        all.push(self.sum("max_per_month", &guard.per_month, severity, month, asked, "a month"));
        all.into_iter().flatten().collect()
    }

    fn names(&self, asked: &Asked<'_>, severity: Severity) -> Option<Broken> {
        let bound = of(&self.guard.only_models, severity)?;
        if bound.value.lets_in(asked.model) {
            return None;
        }
        let message = format!("`{}` is not among the models that are allowed", asked.model);
        Some(Broken { rule: "only_models", at: bound.at.clone(), message })
    }

    fn jobs(&self, asked: &Asked<'_>, severity: Severity) -> Option<Broken> {
        let bound = of(&self.guard.jobs, severity)?;
        let job = asked.job?.key();
        if self.started.contains(&job) || (self.started.len() as u64) < bound.value {
            return None;
        }
        let message =
            format!("this run started {} jobs, and no more are allowed", self.started.len());
        Some(Broken { rule: "max_jobs", at: bound.at.clone(), message })
    }

    fn job(&self, asked: &Asked<'_>, severity: Severity) -> Option<Broken> {
        let bound = of(&self.guard.per_job, severity)?;
        if asked.amount <= bound.value {
            return None;
        }
        let (amount, most) = (self.guard.amount(asked.amount), self.guard.amount(bound.value));
        let message = format!("it costs {amount}; the limit is {most} for one job");
        Some(Broken { rule: "max_per_job", at: bound.at.clone(), message })
    }

    /// A rule about a sum. What costs nothing passes none.
    fn sum(
        &self,
        rule: &'static str,
        bound: &Option<Bound<Micros>>,
        severity: Severity,
        held: Sum,
        asked: &Asked<'_>,
        scope: &str,
    ) -> Option<Broken> {
        let bound = of(bound, severity)?;
        held.too_little_left(bound.value, asked.amount)?;
        if asked.job.is_some() && asked.amount == Micros::ZERO {
            return None;
        }
        let mut after = held;
        after.add(asked.amount);
        let message = format!(
            "{} more make {}; the limit is {} {scope}",
            self.guard.amount(asked.amount),
            self.guard.amount(after.to_micros()),
            self.guard.amount(bound.value)
        );
        Some(Broken { rule, at: bound.at.clone(), message })
    }
}

/// A rule, if it is of this severity.
fn of<T>(bound: &Option<Bound<T>>, severity: Severity) -> Option<&Bound<T>> {
    bound.as_ref().filter(|bound| bound.severity == severity)
}
