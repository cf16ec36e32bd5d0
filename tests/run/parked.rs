//! What was in flight when two processes in a row died goes last, alone, and is not lost.

use kinora::ledger::JobState;
use kinora::run::RunEvent;

use crate::world::{AtEnd, Fuse, Script, World, jobs};

/// A world in which the first of two jobs was submitted, and two processes died while it ran.
fn twice_cut() -> World {
    let world = World::new(|request, _| Script {
        running: if request.address.as_str() == "m-0" { 400 } else { 1 },
        end: AtEnd::Clip,
        ..Script::default()
    });
    for _ in 0..2 {
        // Far enough that it is submitted and polled.
        assert!(world.run_until(jobs("m", 1), &Fuse::at(14)).is_none(), "it is cut");
    }
    assert_eq!(world.state("m-0"), Some(JobState::Submitted));
    assert_eq!(world.attempts()[0].interruptions, 1, "the next start counts the second");
    world.provider.site().remotes.values_mut().for_each(|remote| remote.script.running = 0);
    world
}

#[test]
fn a_parked_job_is_looked_at_after_everything_else_and_its_clip_is_fetched() {
    let world = twice_cut();
    let run = world.run(jobs("m", 3));
    assert_eq!(run.summary().done, 3);
    let parked = RunEvent::Parked { job: "m-0".to_owned(), interruptions: 2 };
    assert!(run.events.contains(&parked));
    let fetched = world.provider.site().fetched.clone();
    assert_eq!(fetched.last().map(String::as_str), Some("m-0"), "{fetched:?}");
    assert_eq!(world.provider.site().submissions.len(), 3);
    world.check_invariants();
}

#[test]
fn a_run_that_comes_to_its_end_clears_what_it_had_in_hand() {
    let world = twice_cut();
    for remote in world.provider.site().remotes.values_mut() {
        remote.script.end = AtEnd::Silent;
    }
    let mut patient = world;
    patient.pace.patience = 0;
    let run = patient.run(vec![]);
    assert_eq!(run.summary().waiting, 1);
    assert_eq!(patient.attempts()[0].interruptions, 0);
    patient.check_invariants();
}
