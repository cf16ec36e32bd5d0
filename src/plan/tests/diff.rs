//! The plan against the ledger.

use super::builder::{Build, Planned};
use crate::ledger::{JobState, KnownJobs};
use crate::plan::{Change, Part};

fn two(prompt: &str) -> Build {
    Build::new().products(&["hero"]).shot("turn", prompt, |_| {})
}

fn changes(planned: &Planned) -> Vec<&Change> {
    planned.jobs.iter().map(|(_, change)| change).collect()
}

#[test]
fn after_a_run_there_is_nothing_to_do() {
    let done = two("it turns").plan().known(JobState::Done);
    let planned = two("it turns").plan_after(&done);
    let summary = &planned.plan().summary;
    assert_eq!((summary.changes.done, summary.to_run.jobs, summary.all.jobs), (2, 0, 2));
    assert!(summary.by_shot.is_empty());
}

#[test]
fn the_digest_covers_done_jobs_too() {
    let first = two("it turns").plan();
    let second = two("it turns").plan_after(&first.known(JobState::Done));
    assert_eq!(first.plan().digest, second.plan().digest);
    assert_ne!(first.plan().digest, two("it spins").plan().plan().digest);
}

#[test]
fn a_changed_prompt_says_so() {
    let first = two("it turns").plan();
    let known = first.known(JobState::Done);
    let second = two("it spins").plan_after(&known);
    // The builder's ledger knows no parts, so all four differ.
    assert_eq!(changes(&second)[0], &Change::Changed { why: Part::ALL.to_vec() });
    let parts = first.jobs[0].0.fingerprint.parts;
    assert_eq!(second.jobs[0].0.fingerprint.differences(&parts), [Part::Prompt]);
}

#[test]
fn an_open_attempt_is_never_started_again_whatever_the_manifest_says() {
    let first = two("it turns").plan();
    for state in [JobState::Submitting, JobState::Submitted, JobState::Ready, JobState::Fetching] {
        let second = two("it spins").plan_after(&first.known(state));
        assert_eq!(changes(&second), [&Change::InFlight, &Change::InFlight]);
    }
    let second = two("it spins").plan_after(&first.known(JobState::Unknown));
    assert_eq!(changes(&second), [&Change::Unknown, &Change::Unknown]);
    assert_eq!(second.plan().summary.to_run.jobs, 0);
}

#[test]
fn what_failed_is_tried_again() {
    let first = two("it turns").plan();
    for state in [JobState::Failed, JobState::Refused, JobState::Lost] {
        let second = two("it turns").plan_after(&first.known(state));
        assert_eq!(changes(&second), [&Change::Retry, &Change::Retry]);
    }
}

#[test]
fn jobs_that_nobody_asks_for_any_more_are_orphans() {
    let done = two("it turns").plan().known(JobState::Done);
    let planned = two("it turns").condition("colour == 'red'").plan_after(&done);
    let changes = &planned.plan().summary.changes;
    assert_eq!((changes.done, changes.orphaned), (1, 1));
    assert_eq!(changes.orphaned_examples, ["row 2"]);
}

#[test]
fn a_first_plan_is_all_new() {
    let planned = two("it turns").plan_after(&KnownJobs::new());
    assert_eq!(planned.plan().summary.changes.new, 2);
}
