//! What is said about the subjects of a job: looks that a clip can't keep, people who were not
//! asked.
//!
//! Where a guardrail demands it, its breach says the same of all jobs at once, and nothing is said
//! here.

use crate::diagnostic::Finding;
use crate::manifest::SubjectRef;
use crate::plan::expand::{Step, Worker};
use crate::plan::guard::{Marks, faceless, without_consent};
use crate::plan::matching::{Candidate, Matched};

/// Looks at the subjects of a job, says what is to be said, and gives what guardrails look at.
pub(in crate::plan) fn on_people(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    candidates: &[Candidate<'_>],
    matched: &Matched,
) -> Marks {
    let catalogue = worker.catalogue;
    let rules = &catalogue.guardrails;
    let (faces_said, consent_said) = (rules.identity_reference.is_some(), rules.consent.is_some());
    let missing: Vec<_> = faceless(catalogue, step, candidates, matched).collect();
    let marks = Marks {
        faceless: !missing.is_empty(),
        without_consent: without_consent(catalogue, step, candidates, matched).collect(),
    };
    for (owner, name, at) in missing.into_iter().filter(|_| !faces_said) {
        let kind = worker.catalogue.sets[at.set as usize].kind.as_str();
        let left_out = candidates.iter().any(|c| c.owner == owner);
        identity_at_risk(worker, step, name, kind, left_out.then_some(matched));
    }
    for at in marks.without_consent.iter().filter(|_| !consent_said) {
        no_consent(worker, step, *at);
    }
    marks
}

/// A subject whose identity a clip must keep, without any picture of it; `left_out` where the
/// route is why.
fn identity_at_risk(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    name: &str,
    kind: &str,
    left_out: Option<&Matched>,
) {
    const CODE: &str = "plan::identity_at_risk";
    let place = worker.shot.place;
    let finding = || {
        let message = format!("no picture of the {kind} is sent: it will look like any other");
        let help = match left_out {
            Some(matched) => format!("the route `{}` leaves out what is attached", matched.route),
            None => format!("attach a reference to the {kind}, or use a shot without it"),
        };
        Finding::advice(CODE, message).at(place, "identity at risk").help(help)
    };
    worker.chunk.notes.add(worker.plan.shot, CODE, name, step.concerned(), finding);
}

/// A real person whose pictures are sent, and whose consent nobody noted.
fn no_consent(worker: &mut Worker<'_, '_>, step: &Step<'_>, at: SubjectRef) {
    const CODE: &str = "plan::no_consent";
    let name = worker.catalogue.subject_name(at);
    let place = worker.catalogue.sets[at.set as usize].subjects[at.subject as usize].place;
    let finding = || {
        let message = format!("pictures of `{name}`, a real person, are sent without consent");
        Finding::warning(CODE, message)
            .at(place, "nobody noted who agreed to what")
            .help("write `consent: \"who, when, what for\"` beside `real_person`")
    };
    worker.chunk.notes.add(worker.plan.shot, CODE, &name, step.concerned(), finding);
}
