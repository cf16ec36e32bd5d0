//! What the jobs of a plan file add up to, by form: every sum of the summary again.
//!
//! What lives here: counting, and comparing with what the summary says. What never does: money
//! of single jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::form::Form;
use crate::money::{Micros, Unit};
use crate::plan::summary::{Change, Changes, FinanceLine, Group, PlanSummary};
use crate::plan::tally::Sums;

/// How many jobs each form has: in all, and those that a run would start. Jobs of one form cost
/// the same, so that counting is enough.
#[derive(Debug, Default)]
pub(super) struct Counts {
    by_form: Vec<(u64, u64)>,
    pub jobs: u64,
    pub changes: Changes,
}

impl Counts {
    pub fn add(&mut self, form: usize, change: &Change) {
        if self.by_form.len() <= form {
            self.by_form.resize(form + 1, (0, 0));
        }
        let (all, runs) = &mut self.by_form[form];
        *all += 1;
        *runs += u64::from(change.runs());
        self.jobs += 1;
        self.changes.count(change);
    }

    /// The sums of every job, and of those that a run would start.
    pub fn sums<'f>(&self, form: impl Fn(usize) -> Option<&'f Sums>) -> (Sums, Sums) {
        let (mut all, mut to_run) = (Sums::default(), Sums::default());
        for (i, (jobs, runs)) in self.by_form.iter().enumerate() {
            let Some(one) = form(i) else { continue };
            all.merge(&times(one, *jobs));
            to_run.merge(&times(one, *runs));
        }
        (all, to_run)
    }

    /// What of `summary` is not what the jobs add up to, in words.
    pub fn contradicts(&self, summary: &PlanSummary, forms: &[Arc<Form>]) -> Option<String> {
        let unit = &Unit::new(&summary.unit);
        let (all, to_run) = self.sums(|i| forms.get(i).map(|form| &form.one));
        if all.tally(unit) != summary.all || to_run.tally(unit) != summary.to_run {
            return Some("the totals are not what the jobs add up to".to_owned());
        }
        let said = &summary.changes;
        let told = Changes {
            orphaned: said.orphaned,
            orphaned_examples: said.orphaned_examples.clone(),
            ..self.changes.clone()
        };
        if told != *said {
            return Some("the counts of changes are not those of the jobs".to_owned());
        }
        type Named<'a> = (&'a str, &'a [Group], fn(&Form) -> String);
        let groups: [Named<'_>; 6] = [
            ("shot", &summary.by_shot, |form| form.line.shot.clone()),
            ("set", &summary.by_set, set_of),
            ("kind", &summary.by_kind, kind_of),
            ("model", &summary.by_model, |form| form.line.model.clone()),
            ("provider", &summary.by_provider, |form| form.line.provider.clone()),
            ("route", &summary.by_route, |form| form.line.route.to_string()),
        ];
        for (what, said, name) in groups {
            let by = self.by(forms, name).into_iter();
            let mut told: Vec<Group> =
                by.map(|(name, sums)| Group { name, tally: sums.tally(unit) }).collect();
            let mut said = said.to_vec();
            said.sort_by(|a, b| a.name.cmp(&b.name));
            told.sort_by(|a, b| a.name.cmp(&b.name));
            if said != told {
                return Some(format!("the sums by {what} are not what the jobs add up to"));
            }
        }
        self.finance_differs(&summary.finance, forms, unit)
    }

    fn finance_differs(
        &self,
        said: &[FinanceLine],
        forms: &[Arc<Form>],
        unit: &Unit,
    ) -> Option<String> {
        let key = |line: &FinanceLine| {
            (line.set.clone(), line.kind.clone(), line.provider.clone(), line.model.clone())
        };
        let told = self.by(forms, |form| {
            (set_of(form), kind_of(form), form.line.provider.clone(), form.line.model.clone())
        });
        let mut said: Vec<_> = said.iter().map(|line| (key(line), line.tally.clone())).collect();
        said.sort_by(|a, b| a.0.cmp(&b.0));
        let told: Vec<_> = told.into_iter().map(|(k, sums)| (k, sums.tally(unit))).collect();
        (said != told).then(|| "the finance lines are not what the jobs add up to".to_owned())
    }

    /// The jobs that a run would start, by what `key` says of their forms.
    fn by<K: Ord>(&self, forms: &[Arc<Form>], key: impl Fn(&Form) -> K) -> BTreeMap<K, Sums> {
        let mut groups: BTreeMap<K, Sums> = BTreeMap::new();
        for (form, (_, runs)) in forms.iter().zip(&self.by_form).filter(|(_, n)| n.1 > 0) {
            groups.entry(key(form)).or_default().merge(&times(&form.one, *runs));
        }
        groups
    }
}

/// What groups of jobs without a subject are called.
const NO_SUBJECT: &str = "none";

fn set_of(form: &Form) -> String {
    form.line.set.clone().unwrap_or_else(|| NO_SUBJECT.to_owned())
}

fn kind_of(form: &Form) -> String {
    form.line.kind.map_or(NO_SUBJECT, |kind| kind.as_str()).to_owned()
}

/// The sums of so many jobs that are all alike.
pub(super) fn times(one: &Sums, jobs: u64) -> Sums {
    let count = i64::try_from(jobs).unwrap_or(i64::MAX);
    let amount = |micros: Micros| {
        Micros::from_stored(micros.get().saturating_mul(count)).unwrap_or(Micros::MAX)
    };
    Sums {
        jobs: one.jobs * jobs,
        length: amount(one.length),
        estimate: amount(one.estimate),
        low: amount(one.low),
        high: amount(one.high),
        with_retakes: amount(one.with_retakes),
        unpriced: one.unpriced * jobs,
        compared: one.compared * jobs,
        as_planned: amount(one.as_planned),
        as_text: amount(one.as_text),
    }
}
