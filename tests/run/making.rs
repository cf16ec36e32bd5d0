//! From approved jobs to clips.

use kinora::exit::Exit;
use kinora::ledger::JobState;
use kinora::providers::Retry;
use kinora::run::{RunEvent, Skip};

use crate::world::{AtEnd, AtSubmit, Script, World, clip_bytes, job, jobs, micros};

#[test]
fn every_approved_job_becomes_a_clip_with_poster_and_sidecar() {
    let world = World::new(|_, _| Script::default());
    let run = world.run(jobs("m", 25));
    assert_eq!((run.summary().done, run.summary().exit()), (25, Exit::Done));
    assert_eq!((run.summary().spent.as_str(), run.summary().reserved.as_str()), ("250", "0"));
    world.check_invariants();
    assert_eq!(std::fs::read(world.path("clips/m-3.mp4")).expect("there"), clip_bytes("m-3"));
    assert!(world.path("clips/m-3.jpg").exists());
    let left: Vec<_> = std::fs::read_dir(world.path("clips"))
        .expect("there")
        .map(|e| e.expect("readable").file_name())
        .filter(|name| name.to_string_lossy().ends_with(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_second_run_of_the_same_plan_submits_nothing() {
    let world = World::new(|_, _| Script::default());
    world.run(jobs("m", 3));
    let run = world.run(jobs("m", 3));
    assert_eq!((run.summary().done, run.summary().skipped), (0, 3));
    assert_eq!(run.summary().exit(), Exit::Done);
    assert!(run.events.contains(&RunEvent::Skipped {
        job: "m-0".to_owned(),
        why: Skip::AlreadyDone,
        guardrail: None
    }));
    assert_eq!(world.provider.site().submissions.len(), 3);
}

#[test]
fn a_changed_request_is_made_again_beside_the_old_clip() {
    let world = World::new(|_, _| Script::default());
    world.run(jobs("m", 1));
    // Other bytes came to stand under the same name.
    std::fs::write(world.path("clips/m-0.mp4"), "approved by a person").expect("writable");
    let mut changed = job("m-0", "m", 10);
    changed.request.fingerprint = kinora::digest::Digest::of(b"another prompt");
    let run = world.run(vec![changed]);
    assert_eq!(run.summary().done, 1);
    let clip = world.attempts()[1].clip.clone().expect("done");
    assert_eq!(clip.path, "clips/m-0-2.mp4");
    let kept = std::fs::read_to_string(world.path("clips/m-0.mp4")).expect("there");
    assert_eq!(kept, "approved by a person");
}

#[test]
fn what_may_be_tried_again_is_tried_so_often_and_no_more() {
    let world = World::new(|request, nth| {
        let refuse = AtSubmit::Refuse("busy", Retry::After(Some(1)));
        let submit = match request.address.as_str() {
            "twice" if nth <= 2 => refuse,
            "always" => refuse,
            "wrong" => AtSubmit::Refuse("bad_prompt", Retry::Never),
            _ => AtSubmit::Accept,
        };
        Script { submit, ..Script::default() }
    });
    let work = ["twice", "always", "wrong", "well"].map(|a| job(a, a, 10)).to_vec();
    let run = world.run(work);
    let s = run.summary();
    assert_eq!((s.done, s.refused, s.retries), (2, 2, 4));
    assert_eq!(s.exit(), Exit::JobsFailed);
    let tries = |a: &str| world.provider.site().seen[a];
    assert_eq!((tries("twice"), tries("always"), tries("wrong")), (3, 3, 1));
    assert_eq!((s.spent.as_str(), s.reserved.as_str()), ("20", "0"));
    world.check_invariants();
}

#[test]
fn a_failure_without_a_charge_is_tried_again_and_one_with_a_charge_is_not() {
    let world = World::new(|request, nth| {
        let charged = request.address.as_str() == "paid";
        let end = match nth {
            1 => AtEnd::Fail { cause: "gpu", charged, retry: Retry::After(None) },
            _ => AtEnd::Clip,
        };
        Script { end, ..Script::default() }
    });
    let run = world.run(vec![job("free", "a", 10), job("paid", "b", 10)]);
    assert_eq!((run.summary().done, run.summary().failed), (1, 1));
    assert_eq!(world.state("paid"), Some(JobState::Failed));
    assert_eq!(run.summary().spent, "20", "the failure that was charged counts");
    world.check_invariants();

    // Not even by the next run, unless paying again is allowed.
    let mut world = world;
    let again = world.run(vec![job("paid", "b", 10)]);
    assert_eq!((again.summary().done, again.summary().paid_before), (0, 1));
    assert_eq!(again.summary().exit(), Exit::JobsFailed, "a person must decide");
    world.pay_again = true;
    let again = world.run(vec![job("paid", "b", 10)]);
    assert_eq!(again.summary().done, 1);
    assert_eq!(world.attempts().last().expect("three attempts").number, 2);
}

#[test]
fn a_run_whose_planner_broke_down_does_not_say_that_it_is_done() {
    let mut world = World::new(|_, _| Script::default());
    world.expected = Some(3);
    let run = world.run(jobs("m", 2));
    let error = run.result.expect_err("a job is missing");
    assert_eq!(error.exit(), Exit::Internal);
    assert!(error.to_string().contains("2 of 3 planned jobs"), "{error}");
    assert!(!run.events.iter().any(|e| matches!(e, RunEvent::Ended(_))));
    assert_eq!(world.state("m-1"), Some(JobState::Done), "what was approved is made all the same");
    world.check_invariants();
    assert_eq!(world.run(jobs("m", 3)).summary().done, 1);
}

#[test]
fn a_lost_answer_to_a_poll_is_no_answer() {
    let world = World::new(|request, _| Script {
        end: match request.address.as_str() {
            "silent" => AtEnd::Silent,
            _ => AtEnd::Clip,
        },
        ..Script::default()
    });
    let run = world.run(vec![job("silent", "a", 10), job("well", "b", 10)]);
    assert_eq!((run.summary().done, run.summary().waiting), (1, 1));
    assert_eq!(world.state("silent"), Some(JobState::Submitted));
    assert_eq!(run.summary().exit(), Exit::Interrupted);
    assert_eq!(world.attempts()[0].reserved, micros(10));
    world.check_invariants();
}
