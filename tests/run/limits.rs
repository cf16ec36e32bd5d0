//! How much runs at once, what holds a model, and what comes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use kinora::manifest::PoolLimit;
use kinora::providers::Retry;
use kinora::run::{RunError, RunEvent};

use crate::world::{AtEnd, AtFetch, AtSubmit, Script, World, job, jobs};

#[test]
fn limits_of_run_provider_and_model_hold() {
    let most = |set: fn(&mut World)| {
        let mut world = World::new(|_, _| Script { running: 3, ..Script::default() });
        set(&mut world);
        let mut work = jobs("a", 12);
        work.extend(jobs("b", 12));
        assert_eq!(world.run(work).summary().done, 24);
        let site = world.provider.site();
        (site.most_running, site.most_running_by_model.get("a").copied().unwrap_or_default())
    };
    assert_eq!(most(|_| {}).0, 4, "the provider's own limit, where nothing is said");
    assert_eq!(most(|w| w.concurrency.in_flight = Some(2)).0, 2);
    assert_eq!(
        most(|w| _ = w.concurrency.providers.insert("p".to_owned(), PoolLimit::at_once(7))).0,
        7
    );
    assert_eq!(
        most(|w| _ = w.concurrency.models.insert("a".to_owned(), PoolLimit::at_once(1))).1,
        1
    );
}

#[test]
fn a_limit_of_zero_is_refused() {
    let mut world = World::new(|_, _| Script::default());
    world.concurrency.models.insert("m".to_owned(), PoolLimit::at_once(0));
    let error = world.run(jobs("m", 1)).result.expect_err("nothing could run");
    assert!(matches!(error, RunError::ZeroLimit { .. }));
    insta::assert_snapshot!(
        error.to_string(),
        @"`limits: models.m` is 0, so nothing could ever run; say 1 or more"
    );
}

#[test]
fn a_model_that_fails_the_same_way_is_held_and_others_go_on() {
    let mut world = World::new(|request, _| Script {
        submit: match request.model.as_str() {
            "broken" => AtSubmit::Refuse("no_credit", Retry::Never),
            _ => AtSubmit::Accept,
        },
        ..Script::default()
    });
    world.concurrency.in_flight = Some(2);
    let mut work = jobs("broken", 50);
    work.extend(jobs("fine", 20));
    let run = world.run(work);
    let s = run.summary();
    assert_eq!((s.done, s.refused + s.held), (20, 50));
    assert!((5..=7).contains(&s.refused), "{}: five in a row, and what was in flight", s.refused);
    assert!(run.events.contains(&RunEvent::Held {
        model: "broken".to_owned(),
        why: "no_credit, 5 times in a row".to_owned(),
    }));
}

#[test]
fn different_causes_hold_nothing() {
    let world = World::new(|request, _| {
        let odd = request.address.as_str().ends_with(['1', '3', '5', '7', '9']);
        let cause = if odd { "moderated" } else { "too_long" };
        Script { submit: AtSubmit::Refuse(cause, Retry::Never), ..Script::default() }
    });
    let mut world = world;
    world.concurrency.in_flight = Some(1);
    let run = world.run(jobs("m", 20));
    assert_eq!((run.summary().refused, run.summary().held), (20, 0));
}

#[test]
fn a_busy_model_does_not_stop_others_from_starting() {
    // The slow ones end only when every fast one is done.
    let fast_are_done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&fast_are_done);
    let mut world = World::new(move |request, _| Script {
        end: match request.model.as_str() {
            "slow" if !seen.load(Ordering::SeqCst) => AtEnd::Never,
            _ => AtEnd::Clip,
        },
        ..Script::default()
    });
    world.concurrency.models.insert("slow".to_owned(), PoolLimit::at_once(1));
    let mut work = jobs("slow", 3);
    work.extend(jobs("fast", 10));
    let mut done = 0;
    let run = world.run_with(work, &Arc::default(), |event, _| {
        done += u32::from(matches!(event, RunEvent::Done { .. }));
        if done == 10 {
            fast_are_done.store(true, Ordering::SeqCst);
            for remote in world.provider.site().remotes.values_mut() {
                remote.script.end = AtEnd::Clip;
            }
        }
    });
    assert_eq!(run.expect("no fuse is set").summary().done, 13);
}

#[test]
fn m6_what_is_finished_is_fetched_before_anything_new_soonest_expiry_first() {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).ok();
    let mut world = World::new(move |request, _| Script {
        running: 0,
        expires: match request.address.as_str() {
            "late" => at(900),
            "soon" => at(100),
            "next" => at(300),
            _ => None,
        },
        fetches: if request.address.as_str() == "new" { vec![] } else { vec![AtFetch::Broken] },
        ..Script::default()
    });
    world.pace.fetches = 1;
    world.pace.patience = 0;
    let work = ["any", "late", "soon", "next"].map(|a| job(a, a, 10)).to_vec();
    assert_eq!(world.run(work).summary().waiting, 4, "their fetches broke");
    world.provider.site().log.clear();
    let run = world.run(vec![job("new", "m", 10)]);
    assert_eq!(run.summary().done, 5);
    let log = world.provider.site().log.clone();
    assert_eq!(
        log,
        ["fetch soon", "fetch next", "fetch late", "fetch any", "submit new", "fetch new"]
    );
    world.check_invariants();
}

#[test]
fn m6_what_finished_while_nobody_looked_is_found_and_fetched_before_anything_new() {
    let mut world = World::new(|request, _| Script {
        end: if request.model == "old" { AtEnd::Silent } else { AtEnd::Clip },
        running: 0,
        ..Script::default()
    });
    world.pace.patience = 0;
    assert_eq!(world.run(jobs("old", 3)).summary().waiting, 3, "their polls had no answer");
    for remote in world.provider.site().remotes.values_mut() {
        remote.script.end = AtEnd::Clip;
    }
    world.provider.site().log.clear();
    assert_eq!(world.run(jobs("new", 1)).summary().done, 4);
    let log = world.provider.site().log.clone();
    assert_eq!(log[3], "submit new-0", "{log:?}");
    world.check_invariants();
}

#[test]
fn m2_the_same_job_given_twice_is_made_once() {
    let world = World::new(|_, _| Script::default());
    let run = world.run(vec![job("a", "m", 10), job("a", "m", 10), job("a", "m", 10)]);
    assert_eq!((run.summary().done, run.summary().skipped), (1, 2));
    assert_eq!(world.provider.site().submissions.len(), 1);
    world.check_invariants();
}
