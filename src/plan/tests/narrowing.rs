//! A narrowed plan is a part of the whole: the same jobs, never more, never dearer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::builder::{Build, Planned};
use crate::ledger::JobState;
use crate::manifest::SubjectKind;
use crate::plan::Narrowing;

/// Shots with variants and takes, some of them priced apart, over `subjects` products.
fn catalogue(subjects: usize) -> Build {
    let mut build = Build::new().set("products", SubjectKind::Product);
    for number in 0..subjects {
        let (id, title) = (format!("p{number}"), format!("Thing {number}"));
        build = build.subject(&id, [Some(&title), None, None], &["hero"]);
    }
    build
        .shot("turn", "{{ title }} turns", |shot| shot.takes = 2)
        .axis("aspect", &["1:1", "9:16"])
        .shot("spin", "@hero spins", |_| {})
}

fn narrowed(subjects: usize, narrowing: &Narrowing) -> Planned {
    let narrowing = narrowing.clone();
    catalogue(subjects).change(|build| build.narrowing = narrowing).plan()
}

/// All that is said of a job, by its address.
fn by_address(planned: &Planned) -> BTreeMap<String, String> {
    planned.jobs.iter().map(|(job, _)| (job.address.to_string(), format!("{job:?}"))).collect()
}

fn cost(planned: &Planned) -> Decimal {
    let known = planned.jobs.iter().filter_map(|(job, _)| job.estimate.known());
    known.map(|amount| amount.value).sum()
}

fn only(patterns: &[&str]) -> Narrowing {
    let only = patterns.iter().map(|p| glob::Pattern::new(p).expect("a pattern")).collect();
    Narrowing { only, ..Narrowing::default() }
}

fn first(jobs: u64) -> Narrowing {
    Narrowing { first: Some(jobs), ..Narrowing::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_part_is_a_subset_and_never_costs_more(
        subjects in 1usize..400,
        patterns in prop::collection::vec(
            prop::sample::select(vec![
                "products.p1*", "products.p?", "spin", "turn", "*/2", "*aspect=1:1*", "*",
            ]),
            0..3,
        ),
        limit in prop::option::of(1u64..2500),
    ) {
        let whole = catalogue(subjects).plan();
        let narrowing = Narrowing { first: limit, ..only(&patterns) };
        let part = narrowed(subjects, &narrowing);
        // A pattern that fits nothing is an error, and then there is no plan.
        if let Some(plan) = &part.plan {
            let (all, some) = (by_address(&whole), by_address(&part));
            prop_assert!(some.iter().all(|(address, job)| all.get(address) == Some(job)));
            prop_assert!(cost(&part) <= cost(&whole));
            let order: Vec<&str> = whole.addresses();
            let places: Vec<usize> = part
                .addresses()
                .iter()
                .filter_map(|address| order.iter().position(|other| other == address))
                .collect();
            prop_assert!(places.is_sorted(), "in the plan's order");
            prop_assert_eq!(plan.summary.to_run.jobs, some.len() as u64);
            prop_assert!(limit.is_none_or(|limit| some.len() as u64 <= limit));
            prop_assert_eq!(part.jobs.len(), some.len(), "none twice");
            let same = narrowing.is_whole() || some.len() == all.len();
            prop_assert_eq!(plan.digest == whole.plan().digest, same, "the digest is over its jobs");
        }
    }

    #[test]
    fn the_first_jobs_are_those_that_come_first(limit in 1u64..3000) {
        // More than one chunk, so that the cut falls anywhere in one.
        let whole = catalogue(500).plan();
        let part = narrowed(500, &first(limit));
        let wanted = whole.addresses().into_iter().take(limit as usize).collect::<Vec<_>>();
        prop_assert_eq!(part.addresses(), wanted);
    }
}

#[test]
fn a_pilot_passes_over_what_is_done() {
    let whole = catalogue(3).plan();
    let mut known = whole.known(JobState::Done);
    let failed = whole.jobs[4].0.key;
    known.retain(|key, _| *key != failed);
    let part = catalogue(3).change(|build| build.narrowing = first(2)).plan_after(&known);
    assert_eq!(part.addresses(), [whole.addresses()[4]]);
    assert_eq!(part.plan().summary.changes.done, 0, "what is done has no part in it");
}

#[test]
fn every_pattern_that_fits_nothing_is_said() {
    let part = narrowed(3, &only(&["products.p9", "spim", "spin"]));
    assert!(part.plan.is_none());
    let messages: Vec<&str> =
        part.findings.items().iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["`--only products.p9` fits no job", "`--only spim` fits no job"]);
    let help = part.findings.items()[1].help.as_deref();
    assert_eq!(help, Some("did you mean `spin`?"));
}
