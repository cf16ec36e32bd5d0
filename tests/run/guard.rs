//! Guardrails before each intent: what is really held decides, whatever the plan said.

use std::collections::BTreeMap;

use kinora::exit::Exit;
use kinora::manifest::{LoadOptions, load};
use kinora::money::{Amount, Unit};
use kinora::plan::Comparison;
use kinora::run::{BrokenRule, Guard, RunEvent, Skip};
use rust_decimal::Decimal;

use crate::world::{AtEnd, AtSubmit, Run, Script, World, job, jobs};

/// The rules of a manifest, as a run gets them.
fn rules(written: &str) -> Guard {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kinora.yaml");
    let manifest = format!(
        "kinora: 1\nguardrails: {{{written}}}\nshots: [{{id: turn, prompt: a cup turns}}]\n"
    );
    std::fs::write(&path, manifest).expect("written");
    let loaded = load(&path, &LoadOptions::default());
    let catalogue = loaded.catalogue.unwrap_or_else(|| panic!("{:?}", loaded.findings));
    // An earlier plan of twenty credits.
    let cost = BTreeMap::from([("credits".to_owned(), "20".to_owned())]);
    let before = Comparison { total_before: cost, ..Comparison::default() };
    Guard::of(&catalogue, Some(&before)).expect("amounts that can be held")
}

fn world(written: &str) -> World {
    World { guard: rules(written), ..World::new(|_, _| Script::default()) }
}

/// What was denied, by job.
fn denied(run: &Run) -> Vec<(&str, &BrokenRule)> {
    let denied = run.events.iter().filter_map(|event| match event {
        RunEvent::Skipped { job, why: Skip::Guardrail, guardrail: Some(broken) } => {
            Some((job.as_str(), &**broken))
        }
        _ => None,
    });
    denied.collect()
}

/// What was warned of, by job.
fn warned(run: &Run) -> Vec<(&str, &str)> {
    let warned = run.events.iter().filter_map(|event| match event {
        RunEvent::Guardrail { job, rule, .. } => Some((job.as_str(), rule.as_str())),
        _ => None,
    });
    warned.collect()
}

/// Three jobs at ten credits under a rule; gives what was made and what was said of the rest.
fn three(written: &str) -> (u64, String) {
    let world = world(written);
    let work = ["mug/a", "mug/b", "cup/a"].map(|id| job(&format!("products.{id}"), "m", 10));
    let run = world.run(work.to_vec());
    let said = denied(&run).into_iter().map(|(_, broken)| {
        let BrokenRule { rule, at, message } = broken;
        format!("{rule} at {at}: {message}")
    });
    let said = said.collect::<Vec<_>>().join("\n");
    assert_eq!(run.summary().denied + run.summary().done, 3);
    let exit = if run.summary().denied > 0 { Exit::Denied } else { Exit::Done };
    assert_eq!(run.summary().exit(), exit);
    world.check_invariants();
    (run.summary().done, said)
}

#[test]
fn each_rule_stops_what_would_pass_it_and_names_its_place() {
    insta::assert_debug_snapshot!(
        [
            "max_total: 25",
            "max_per_model: 25",
            "max_per_model: {limit: 100, models: {m: 15}}",
            "max_per_subject: 15",
            "max_per_day: 25",
            "max_per_month: 25",
            "max_increase_percent: 20",
            "max_per_job: 9.99",
            "max_jobs: 2",
            "only_models: [x, \"y/*\"]",
        ]
        .map(|written| (written, three(written)))
    );
}

#[test]
fn a_limit_that_is_just_met_lets_all_through() {
    for written in [
        "max_total: 30",
        "max_per_model: 30",
        "max_per_subject: 20",
        "max_per_day: 30",
        "max_per_month: 30",
        "max_increase_percent: 50",
        "max_per_job: 10",
        "max_jobs: 3",
        "only_models: [\"*\"]",
    ] {
        assert_eq!(three(written), (3, String::new()), "{written}");
    }
}

#[test]
fn a_rule_that_only_warns_says_so_once_and_lets_all_through() {
    for (rule, written) in [
        ("max_total", "max_total: {limit: 15, severity: warn}"),
        ("max_per_model", "max_per_model: {limit: 15, severity: warn}"),
        ("max_per_subject", "max_per_subject: {limit: 5, severity: warn}"),
        ("max_per_day", "max_per_day: {limit: 15, severity: warn}"),
        ("max_per_month", "max_per_month: {limit: 15, severity: warn}"),
        ("max_increase_percent", "max_increase_percent: {limit: 0, severity: warn}"),
        ("max_per_job", "max_per_job: {limit: 5, severity: warn}"),
        ("max_jobs", "max_jobs: {limit: 1, severity: warn}"),
        ("only_models", "only_models: {value: x, severity: warn}"),
    ] {
        let world = world(written);
        let run = world.run(jobs("m", 3).into_iter().chain([job("s.a/b", "m", 10)]).collect());
        let said: Vec<&str> = warned(&run).into_iter().map(|(_, rule)| rule).collect();
        assert_eq!(said, [rule], "{written}");
        assert_eq!((run.summary().done, run.summary().exit()), (4, Exit::Done), "{written}");
    }
}

#[test]
fn what_earlier_runs_hold_counts_and_jobs_are_counted_anew() {
    let made = |written: &str| {
        let world = world(written);
        let batch = |from: usize| -> Vec<_> {
            (from..from + 2).map(|n| job(&format!("products.mug/{n}"), "m", 10)).collect()
        };
        (world.run(batch(0)).summary().done, world.run(batch(2)).summary().done)
    };
    for money in ["max_total: 35", "max_per_model: 35", "max_per_subject: 35", "max_per_day: 35"] {
        assert_eq!(made(money), (2, 1), "{money}");
    }
    assert_eq!(made("max_jobs: 2"), (2, 2));
}

#[test]
fn a_provider_that_charges_more_leaves_less_for_the_others() {
    for written in ["max_total: 45", "max_per_day: 45", "max_per_month: 45", "max_per_subject: 45"]
    {
        let mut world = World::new(|request, _| Script {
            cost: (request.model == "dear")
                .then(|| Amount::new(Decimal::from(30), Unit::default())),
            ..Script::default()
        });
        world.guard = rules(written);
        let run = world.run(vec![job("products.mug/dear", "dear", 10)]);
        assert!(run.events.iter().any(|e| matches!(e, RunEvent::Overcharged { .. })));
        let run = world.run((0..3).map(|n| job(&format!("products.mug/{n}"), "m", 10)).collect());
        assert_eq!((run.summary().done, run.summary().denied), (1, 2), "{written}: 30 + 10 of 45");
    }
}

#[test]
fn what_is_refused_or_free_takes_nothing_from_a_limit() {
    let mut world = World::new(|request, _| Script {
        submit: match request.model.as_str() {
            "busy" => AtSubmit::Refuse("invalid", kinora::providers::Retry::Never),
            _ => AtSubmit::Accept,
        },
        ..Script::default()
    });
    world.guard = rules("max_total: 10");
    world.run(vec![job("a/1", "busy", 10), job("a/2", "busy", 10)]);
    let run = world.run(vec![job("a/3", "m", 10), job("a/4", "m", 0), job("a/5", "m", 10)]);
    assert_eq!((run.summary().done, run.summary().denied), (2, 1));
}

#[test]
fn a_retry_is_no_further_job() {
    let mut world = World::new(|_, attempt| Script {
        end: match attempt {
            1 => AtEnd::Fail {
                cause: "hiccup",
                charged: false,
                retry: kinora::providers::Retry::After(None),
            },
            _ => AtEnd::Clip,
        },
        ..Script::default()
    });
    world.guard = rules("max_jobs: 2");
    let run = world.run(jobs("m", 3));
    assert_eq!((run.summary().done, run.summary().denied), (2, 1));
}

#[test]
fn an_outcome_nobody_knows_keeps_what_it_holds() {
    let mut world = World::new(|request, _| Script {
        submit: match request.address.as_str() {
            "products.mug/lost" => AtSubmit::LoseReply,
            _ => AtSubmit::Accept,
        },
        ..Script::default()
    });
    world.guard = rules("max_per_subject: 15");
    world.run(vec![job("products.mug/lost", "m", 10)]);
    let run = world.run(vec![job("products.mug/new", "m", 10), job("products.cup/new", "m", 10)]);
    assert_eq!(denied(&run).first().map(|(job, _)| *job), Some("products.mug/new"));
    assert_eq!(run.summary().done, 1, "the cup");
}
