//! Stopping, and going on.

use kinora::exit::Exit;
use kinora::ledger::JobState;
use kinora::run::{RunEvent, Stop};

use crate::world::{AtEnd, AtSubmit, Fuse, Script, World, job, jobs};

#[test]
fn a_graceful_stop_collects_what_is_in_flight_and_submits_nothing_more() {
    let world = World::new(|_, _| Script { running: 5, ..Script::default() });
    let run = world
        .run_with(jobs("m", 40), &Fuse::default().into(), |event, stop| {
            if matches!(event, RunEvent::Submitted { .. }) {
                stop.send_replace(Stop::Graceful);
            }
        })
        .expect("no fuse is set");
    let s = run.summary();
    assert!(s.interrupted && s.exit() == Exit::Interrupted);
    assert!((1..=4).contains(&s.done), "what was in flight: {}", s.done);
    assert_eq!(s.waiting, 0);
    assert_eq!(world.provider.site().submissions.len() as u64, s.done);
    world.check_invariants();

    let rest = world.run(jobs("m", 40));
    assert_eq!(rest.summary().done + s.done, 40);
    assert_eq!(world.provider.site().submissions.len(), 40);
    world.check_invariants();
}

#[test]
fn what_takes_longer_than_the_grace_is_left_to_the_next_run() {
    let world = World::new(|request, nth| Script {
        end: match request.address.as_str() {
            "long" if nth == 1 => AtEnd::Never,
            _ => AtEnd::Clip,
        },
        ..Script::default()
    });
    let run = world
        .run_with(vec![job("long", "m", 10)], &Fuse::default().into(), |event, stop| {
            if matches!(event, RunEvent::Progress { .. }) {
                stop.send_replace(Stop::Graceful);
            }
        })
        .expect("no fuse is set");
    assert_eq!((run.summary().waiting, run.summary().interrupted), (1, true));
    assert_eq!(world.state("long"), Some(JobState::Submitted));
    for remote in world.provider.site().remotes.values_mut() {
        remote.script.end = AtEnd::Clip;
    }
    assert_eq!(world.run(vec![]).summary().done, 1);
    assert_eq!(world.provider.site().submissions.len(), 1);
    world.check_invariants();
}

#[test]
fn stopping_at_once_leaves_a_submission_without_an_answer_in_doubt() {
    let world = World::new(|request, _| Script {
        submit: match request.address.as_str() {
            "hangs" => AtSubmit::Hang,
            _ => AtSubmit::Accept,
        },
        end: AtEnd::Never,
        ..Script::default()
    });
    let run = world
        .run_with(
            vec![job("hangs", "m", 10), job("runs", "m", 10)],
            &Fuse::default().into(),
            |event, stop| {
                if matches!(event, RunEvent::Progress { .. }) {
                    stop.send_replace(Stop::Now);
                }
            },
        )
        .expect("no fuse is set");
    assert_eq!((run.summary().waiting, run.summary().interrupted), (2, true));
    assert_eq!(world.state("hangs"), Some(JobState::Submitting));
    assert_eq!(world.state("runs"), Some(JobState::Submitted));
    for remote in world.provider.site().remotes.values_mut() {
        remote.script.end = AtEnd::Clip;
    }
    let next = world.run(vec![]);
    assert_eq!((next.summary().done, next.summary().unknown), (1, 1));
    world.check_invariants();
}

#[test]
fn a_run_whose_planner_ended_and_that_has_nothing_left_is_not_interrupted() {
    let world = World::new(|_, _| Script::default());
    let run = world.run(vec![]);
    assert_eq!((run.summary().interrupted, run.summary().exit()), (false, Exit::Done));
}
