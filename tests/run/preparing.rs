//! Making a submission ready: pictures handed over before anything is paid.

use kinora::ledger::JobState;
use kinora::providers::Retry;
use kinora::run::RunEvent;

use crate::world::{Script, World, jobs};

fn refusing(at_prepare: fn(usize) -> Option<(&'static str, Retry)>) -> World {
    let world = World::new(|_, _| Script::default());
    *world.provider.at_prepare.lock().expect("never poisoned") = at_prepare;
    world
}

#[test]
fn pictures_that_can_not_be_handed_over_again_and_again_hold_their_model_and_the_run_ends() {
    let world = refusing(|_| Some(("unreachable", Retry::After(None))));
    let run = world.run(jobs("m", 60));
    let s = run.summary();
    assert_eq!((s.done, s.refused + s.held), (0, 60));
    assert!(s.held > 40, "{} held", s.held);
    assert_eq!(s.models_held, ["m"]);
    assert!(run.events.iter().any(|e| matches!(e, RunEvent::Held { .. })));
    assert!(world.provider.site().submissions.is_empty(), "nothing was submitted");
    assert!(world.attempts().is_empty(), "and nothing has an intent");
    world.check_invariants();
}

#[test]
fn no_room_for_pictures_closes_the_lane_instead_of_burning_the_tries() {
    let world = refusing(|nth| (nth <= 3).then_some(("rate_limited", Retry::After(Some(20)))));
    let run = world.run(jobs("m", 8));
    assert_eq!(run.summary().done, 8);
    let prepared = *world.provider.prepared.lock().expect("never poisoned");
    assert!(prepared <= 8 + 3, "{prepared} preparations");
    world.check_invariants();
}

#[test]
fn a_picture_that_can_never_be_handed_over_is_on_record_and_costs_nothing() {
    let world = refusing(|nth| (nth == 1).then_some(("picture", Retry::Never)));
    let run = world.run(jobs("m", 2));
    assert_eq!((run.summary().done, run.summary().refused), (1, 1));
    let refused: Vec<_> =
        world.attempts().into_iter().filter(|a| a.state == JobState::Refused).collect();
    assert_eq!(refused.len(), 1);
    let message = refused[0].message.as_deref();
    assert_eq!(message, Some("pictures can't be handed over: picture"));
    assert_eq!(world.provider.site().submissions.len(), 1);
    world.check_invariants();
}
