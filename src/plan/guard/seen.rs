//! What jobs show that guardrails are about and no sum tells: gathered while they are made.
//!
//! What never lives here: whether it is allowed.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::manifest::{Catalogue, Guardrails, Role, SubjectRef};
use crate::models::Priced;
use crate::plan::expand::Step;
use crate::plan::job::PlannedJob;
use crate::plan::matching::{Candidate, Matched, Owner};

/// How many examples of one thing are kept.
pub(super) const EXAMPLES: usize = 5;

/// What the takes of one subject and variant show alike.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Marks {
    /// A subject whose looks matter is in the clip, and no picture of it is sent.
    pub faceless: bool,
    /// Real people whose pictures are sent and whose consent nobody noted.
    pub without_consent: Vec<SubjectRef>,
}

/// Jobs of which something is true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// How many.
    pub jobs: u64,
    /// Addresses of the first ones.
    pub examples: Vec<String>,
    /// What the dearest of them costs.
    pub most: Decimal,
}

impl Found {
    /// How many, if there are any.
    pub fn some(&self) -> Option<u64> {
        (self.jobs > 0).then_some(self.jobs)
    }

    fn add(&mut self, job: &PlannedJob) {
        self.jobs += 1;
        let cost = job.estimate.known().map_or(Decimal::ZERO, |amount| amount.value);
        self.most = self.most.max(cost);
        if self.examples.len() < EXAMPLES {
            self.examples.push(job.address.to_string());
        }
    }

    fn merge(&mut self, next: Found) {
        self.jobs += next.jobs;
        self.most = self.most.max(next.most);
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(next.examples.into_iter().take(room));
    }
}

/// What the jobs that a run would start show.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Seen {
    /// Without a known price.
    pub(super) unpriced: Found,
    /// Dearer than the rule about one job allows.
    pub(super) dear: Found,
    /// Without a picture of a subject whose looks matter.
    pub(super) faceless: Found,
    /// With pictures of real people whose consent nobody noted.
    pub(super) without_consent: Found,
    /// Those people.
    pub(super) people: BTreeSet<SubjectRef>,
}

impl Seen {
    /// Adds the next job of the plan.
    pub fn add(&mut self, job: &PlannedJob, marks: &Marks, rules: &Guardrails) {
        match &job.estimate {
            Priced::Unpriced => self.unpriced.add(job),
            Priced::Known(amount) => {
                if rules.max_per_job.as_ref().is_some_and(|rule| amount.value > rule.value) {
                    self.dear.add(job);
                }
            }
        }
        if marks.faceless {
            self.faceless.add(job);
        }
        if !marks.without_consent.is_empty() {
            self.without_consent.add(job);
            self.people.extend(&marks.without_consent);
        }
    }

    /// Adds the part of the plan that comes next.
    pub fn take(&mut self, next: Seen) {
        self.unpriced.merge(next.unpriced);
        self.dear.merge(next.dear);
        self.faceless.merge(next.faceless);
        self.without_consent.merge(next.without_consent);
        self.people.extend(next.people);
    }
}

/// The subjects of a job: its own and the further ones, each with the name that the shot gives it.
pub(in crate::plan) fn subjects<'s>(
    step: &'s Step<'_>,
) -> impl Iterator<Item = (Owner, &'s str, SubjectRef)> {
    let own = step.subject.map(|at| (Owner::Subject, "subject", at));
    let with = step.details.with.iter().enumerate();
    own.into_iter().chain(with.map(|(i, (alias, at))| (Owner::With(i), &**alias, *at)))
}

/// Whether any picture of a job is that of a subject.
fn shows(owner: Owner, candidates: &[Candidate<'_>], matched: &Matched) -> bool {
    matched.sent.iter().any(|(i, _): &(usize, Role)| candidates[*i].owner == owner)
}

/// The subjects of a job that a clip must keep recognisable, and of which no picture is sent.
pub(in crate::plan) fn faceless<'s>(
    catalogue: &'s Catalogue,
    step: &'s Step<'_>,
    candidates: &'s [Candidate<'_>],
    matched: &'s Matched,
) -> impl Iterator<Item = (Owner, &'s str, SubjectRef)> {
    let has_identity = move |at: SubjectRef| catalogue.sets[at.set as usize].kind.has_identity();
    subjects(step)
        .filter(move |(owner, _, at)| has_identity(*at) && !shows(*owner, candidates, matched))
}

/// The real people of a job whose pictures are sent and whose consent nobody noted.
pub(in crate::plan) fn without_consent<'s>(
    catalogue: &'s Catalogue,
    step: &'s Step<'_>,
    candidates: &'s [Candidate<'_>],
    matched: &'s Matched,
) -> impl Iterator<Item = SubjectRef> {
    let asks = move |at: SubjectRef| {
        let set = &catalogue.sets[at.set as usize];
        let subject = &set.subjects[at.subject as usize];
        subject.real_person && subject.consent.is_none()
    };
    let shown = subjects(step)
        .filter(move |(owner, _, at)| asks(*at) && shows(*owner, candidates, matched));
    shown.map(|(_, _, at)| at)
}
