//! Clips as files: whole, checked, never over something else.

use std::fs;

use jiff::SignedDuration;
use kinora::ledger::JobState;
use kinora::run::{RunError, RunEvent};

use crate::world::{AtFetch, Script, World, clip_bytes, job, jobs, now};

fn fetching(fetches: &[AtFetch]) -> World {
    let fetches = fetches.to_vec();
    World::new(move |_, _| Script { fetches: fetches.clone(), ..Script::default() })
}

#[test]
fn m9_a_file_that_is_there_is_never_overwritten() {
    let world = World::new(|_, _| Script::default());
    fs::create_dir(world.path("clips")).expect("writable");
    fs::write(world.path("clips/m-0.mp4"), "mine").expect("writable");
    fs::write(world.path("clips/m-0-2.json"), "mine too").expect("writable");
    fs::create_dir(world.path("clips/m-0-2.jpg")).expect("writable");
    let run = world.run(jobs("m", 1));
    assert_eq!(run.summary().done, 1);
    let read = |name: &str| fs::read(world.path(name)).expect("there");
    assert_eq!(read("clips/m-0.mp4"), b"mine");
    assert_eq!(read("clips/m-0-2.json"), b"mine too");
    assert_eq!(read("clips/m-0-2.mp4"), clip_bytes("m-0"));
    assert!(world.path("clips/m-0-2-2.json").exists());
    assert!(world.path("clips/m-0-2-2.jpg").is_file());
    let clip = world.attempts()[0].clip.clone().expect("done");
    assert_eq!(clip.path, "clips/m-0-2.mp4");
}

#[test]
fn the_same_bytes_under_the_same_name_are_simply_there() {
    let world = World::new(|_, _| Script::default());
    fs::create_dir(world.path("clips")).expect("writable");
    fs::write(world.path("clips/m-0.mp4"), clip_bytes("m-0")).expect("writable");
    world.run(jobs("m", 1));
    assert!(!world.path("clips/m-0-2.mp4").exists());
    world.check_invariants();
}

#[test]
fn a_fetch_that_breaks_is_made_again_and_half_a_clip_is_never_published() {
    let world = fetching(&[AtFetch::Broken, AtFetch::Garbage, AtFetch::Broken]);
    assert_eq!(world.run(jobs("m", 2)).summary().done, 2);
    world.check_invariants();
    assert_eq!(world.provider.site().submissions.len(), 2);
}

#[test]
fn a_fetch_that_goes_on_breaking_waits_for_the_next_run() {
    let mut world = fetching(&[AtFetch::Broken, AtFetch::Broken, AtFetch::Broken]);
    world.pace.patience = 1;
    let run = world.run(jobs("m", 1));
    assert_eq!((run.summary().waiting, run.summary().done), (1, 0));
    assert_eq!(world.state("m-0"), Some(JobState::Ready));
    assert_eq!(world.run(vec![]).summary().done, 1);
    world.check_invariants();
}

#[test]
fn what_is_no_clip_is_looked_at_again_and_then_given_up() {
    let world = fetching(&[AtFetch::Garbage, AtFetch::Garbage, AtFetch::Garbage]);
    let run = world.run(jobs("m", 1));
    assert_eq!(run.summary().failed, 1);
    let failed = run.events.iter().find_map(|e| match e {
        RunEvent::Failed { cause, message, cost, .. } => Some((cause, message, cost)),
        _ => None,
    });
    let (cause, message, cost) = failed.expect("it is said");
    assert_eq!((cause.as_str(), cost.as_str()), ("not_a_clip", "10"));
    assert_eq!(
        message,
        "what the provider made is no clip: it does not begin like a clip; it is kept as \
         clips/m-0.mp4.unreadable"
    );
    assert!(world.path("clips/m-0.mp4.unreadable").exists(), "it was paid for");
    assert!(!world.path("clips/m-0.mp4").exists());
    world.check_invariants();
}

#[test]
fn a_clip_that_is_gone_is_lost_and_its_cost_is_not_forgotten() {
    let world = fetching(&[AtFetch::Gone]);
    let run = world.run(jobs("m", 1));
    assert_eq!((run.summary().lost, run.summary().spent.as_str()), (1, "10"));
    assert_eq!(world.state("m-0"), Some(JobState::Lost));
    world.check_invariants();
}

#[test]
fn a_clip_that_is_refused_is_lost_only_when_its_time_is_long_over() {
    let over_for = |hours: Option<i64>| {
        let expires = hours.map(|hours| now() - SignedDuration::from_hours(hours));
        let fetches = vec![AtFetch::Denied; 3];
        let mut world = World::new(move |_, _| Script {
            fetches: fetches.clone(),
            expires,
            ..Script::default()
        });
        world.pace.patience = 0;
        let run = world.run(jobs("m", 1));
        world.check_invariants();
        assert_eq!(world.path("clips").read_dir().expect("a folder").count(), 0, "no half clip");
        let message = run.events.iter().find_map(|e| match e {
            RunEvent::Lost { message, .. } => Some(message.clone()),
            _ => None,
        });
        (world.state("m-0"), message)
    };
    for hours in [None, Some(-1), Some(1), Some(24)] {
        assert_eq!(over_for(hours), (Some(JobState::Ready), None), "{hours:?}");
    }
    let (state, message) = over_for(Some(25));
    assert_eq!(state, Some(JobState::Lost));
    let message = message.expect("it is said");
    assert!(message.starts_with("403, and the clip was kept until 20"), "{message}");
}

#[test]
fn a_folder_that_can_not_be_made_stops_spending_and_loses_nothing() {
    let mut world = World::new(|_, _| Script::default());
    world.concurrency.in_flight = Some(1);
    fs::write(world.path("clips"), "a file in the way").expect("writable");
    let error = world.run(jobs("m", 30)).result.expect_err("clips can't be put anywhere");
    assert!(matches!(error, RunError::Files { .. }), "{error}");
    let said = error.to_string().replace(&world.dir.path().display().to_string(), "SHOP");
    insta::assert_snapshot!(
        said,
        @"SHOP/clips: a clip can't be put in place (a file is where a folder should be); nothing more was submitted"
    );
    // A second one may have left before the first clip was to be put in its place.
    let before = world.provider.site().submissions.len();
    assert!(before <= 2, "nothing more was submitted");
    fs::remove_file(world.path("clips")).expect("writable");
    assert_eq!(world.run(jobs("m", 3)).summary().done, 3);
    assert_eq!(world.provider.site().submissions.len(), 3);
    world.check_invariants();
}

#[test]
fn a_path_out_of_the_workspace_is_refused() {
    for out in ["../m.mp4", "/tmp/m.mp4", "clips/../../m.mp4"] {
        let world = World::new(|_, _| Script::default());
        let mut work = job("m-0", "m", 1);
        work.request.out = out.to_owned();
        let error = world.run(vec![work]).result.expect_err("it leads out");
        assert!(error.to_string().contains("must be relative and stay inside"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_workspace_is_not_followed() {
    let world = World::new(|_, _| Script::default());
    let outside = tempfile::tempdir().expect("a temporary folder");
    std::os::unix::fs::symlink(outside.path(), world.path("clips")).expect("links can be made");
    let error = world.run(jobs("m", 1)).result.expect_err("it leads out");
    assert!(error.to_string().contains("a link leads out of the workspace"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).expect("readable").count(), 0);
}
