//! Submissions of which nobody knows whether they arrived.

use kinora::exit::Exit;
use kinora::ledger::JobState;
use kinora::providers::Retry;
use kinora::run::{RunEvent, Skip};

use crate::world::{AtSubmit, Fuse, Script, World, job, jobs, micros};

#[test]
fn m4_an_unknown_outcome_keeps_its_reservation_and_is_never_sent_again() {
    let mut world = World::new(|request, _| Script {
        submit: match request.address.as_str() {
            "lost-reply" => AtSubmit::LoseReply,
            "lost-request" => AtSubmit::LoseRequest,
            _ => AtSubmit::Accept,
        },
        ..Script::default()
    });
    world.ceiling = 35;
    let work = || ["lost-reply", "lost-request", "well", "more"].map(|a| job(a, a, 10)).to_vec();
    for round in 0..3 {
        let run = world.run(work());
        let s = run.summary();
        assert_eq!((s.unknown, s.exit()), (2, Exit::SubmissionsUnknown), "round {round}");
        if round > 0 {
            let open = RunEvent::Skipped {
                job: "lost-reply".to_owned(),
                why: Skip::Open,
                guardrail: None,
            };
            assert!(run.events.contains(&open));
        }
        world.check_invariants();
    }
    let site = world.provider.site();
    assert_eq!((site.seen["lost-reply"], site.seen["lost-request"]), (1, 1));
    drop(site);
    assert_eq!(world.state("more"), None, "the unknown ones hold 20 of the 35");
    let doubtful = &world.attempts()[0];
    assert_eq!((doubtful.state, doubtful.reserved), (JobState::Unknown, micros(10)));
    assert_eq!(doubtful.message.as_deref(), Some("the answer timed out after 30 s"));
}

#[test]
fn a_provider_that_knows_requests_by_their_content_is_simply_asked_again() {
    let world = World::replaying(|_, nth| Script {
        submit: if nth == 1 { AtSubmit::LoseReply } else { AtSubmit::Accept },
        ..Script::default()
    });
    let run = world.run(jobs("m", 2));
    assert_eq!((run.summary().done, run.summary().unknown), (2, 0));
    assert_eq!(world.attempts().len(), 2, "the same attempts went on");
    assert_eq!(world.provider.site().remotes.len(), 2);
    world.check_invariants();
}

#[test]
fn a_request_that_is_refused_when_it_is_sent_again_stays_in_doubt() {
    // The first one was taken and its answer lost; the second is refused for a reason of its own.
    for retry in [Retry::After(None), Retry::Never] {
        let world = World::keyed(move |_, nth| Script {
            submit: if nth == 1 { AtSubmit::LoseReply } else { AtSubmit::Refuse("busy", retry) },
            ..Script::default()
        });
        assert_eq!(world.run(jobs("m", 1)).summary().unknown, 1);
        let again = world.run(jobs("m", 1));
        assert_eq!((again.summary().unknown, again.summary().refused), (1, 0));
        assert_eq!(world.state("m-0"), Some(JobState::Unknown));
        assert_eq!(world.attempts().len(), 1, "no second attempt is paid");
        assert_eq!(world.attempts()[0].reserved, micros(10), "its money is still held");
        world.check_invariants();
    }
}

#[test]
fn no_room_at_a_provider_holds_no_model() {
    let world = World::new(|_, nth| Script {
        submit: match nth {
            1..=3 => AtSubmit::Refuse("rate_limited", Retry::After(Some(1))),
            _ => AtSubmit::Accept,
        },
        ..Script::default()
    });
    let run = world.run(jobs("m", 8));
    let s = run.summary();
    assert_eq!((s.done, s.refused, s.held), (8, 0, 0), "{:?}", s.models_held);
    world.check_invariants();
}

#[test]
fn a_crash_between_intent_and_answer_leaves_doubt_and_not_a_second_submission() {
    // The points: the run begins (2), the intent (2), then the submission.
    let world = World::new(|_, _| Script::default());
    assert!(world.run_until(jobs("m", 1), &Fuse::at(5)).is_none(), "cut after it was sent");
    assert_eq!(world.state("m-0"), Some(JobState::Submitting));
    assert_eq!(world.provider.site().submissions.len(), 1);
    let run = world.run(jobs("m", 1));
    assert_eq!(run.summary().unknown, 1);
    assert_eq!(world.provider.site().submissions.len(), 1);
    assert_eq!(world.attempts()[0].interruptions, 0, "the run that looked at it ended well");
    world.check_invariants();
}

#[test]
fn unknown_outcomes_in_a_row_hold_their_model() {
    let mut world =
        World::new(|_, _| Script { submit: AtSubmit::LoseRequest, ..Script::default() });
    world.concurrency.in_flight = Some(1);
    let run = world.run(jobs("m", 40));
    assert_eq!((run.summary().unknown, run.summary().held), (5, 35));
    world.check_invariants();
}
