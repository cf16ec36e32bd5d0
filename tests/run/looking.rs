//! Clips are looked at beside the run: what fails is made again under the same approval, the better
//! clip is kept, and nothing that costs money waits for a look.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kinora::address::Address;
use kinora::exit::Exit;
use kinora::ledger::{ClipCheck, ClipVerdict, JobState, Ledger, Mode, NewWord, Verdict, verify};
use kinora::manifest::{ConsistencyRule, OnFail};
use kinora::plan::Request;
use kinora::run::{RunEvent, Stop, Work};
use kinora::verification::{ClipVerifier, Detail, Looked};

use crate::world::{Fuse, Script, World, job, now};

type AtLook = Box<dyn Fn(&Request) + Send + Sync>;

/// Says of each job's clips what the test has it say, in their order; then that they are well.
#[derive(Default)]
struct Eye {
    scores: Mutex<BTreeMap<String, VecDeque<u8>>>,
    /// Done before each look.
    before: Option<AtLook>,
}

impl Eye {
    fn seeing(scores: &[(&str, &[u8])]) -> Arc<Eye> {
        Arc::new(Eye { scores: Mutex::new(script(scores)), before: None })
    }

    fn after(
        before: impl Fn(&Request) + Send + Sync + 'static,
        scores: &[(&str, &[u8])],
    ) -> Arc<Eye> {
        Arc::new(Eye { scores: Mutex::new(script(scores)), before: Some(Box::new(before)) })
    }
}

fn script(scores: &[(&str, &[u8])]) -> BTreeMap<String, VecDeque<u8>> {
    scores
        .iter()
        .map(|(job, scores)| ((*job).to_owned(), scores.iter().copied().collect()))
        .collect()
}

impl ClipVerifier for Eye {
    fn look(&self, request: &Request, clip: &Path) -> Looked {
        if let Some(before) = &self.before {
            before(request);
        }
        assert!(clip.is_file(), "a clip is looked at where it stands");
        let mut scores = self.scores.lock().expect("never poisoned");
        let score = scores.get_mut(request.address.as_str()).and_then(VecDeque::pop_front);
        let score = score.unwrap_or(95);
        let verdict = match score {
            0..60 => ClipVerdict::Fail,
            60..80 => ClipVerdict::Review,
            _ => ClipVerdict::Pass,
        };
        let measure = "eye 1".to_owned();
        Looked { verdict, score: Some(score), measure, detail: Detail::default() }
    }
}

fn ruled(address: &str, on_fail: OnFail, max_retakes: u32) -> Work {
    let mut work = job(address, "m", 10);
    let rule = ConsistencyRule { on_fail, max_retakes, ..ConsistencyRule::default() };
    work.request.consistency = Some(rule);
    let name = work.request.name();
    (work.request.fingerprint, work.parts) = (name.whole, name.parts);
    work
}

fn retaken(address: &str, most: u32) -> Vec<Work> {
    vec![ruled(address, OnFail::Retake, most)]
}

fn world(eye: Arc<Eye>) -> World {
    let mut world = World::new(|_, _| Script::default());
    world.verifier = Some(eye);
    world
}

/// What a check says: score, and whether it asks for another clip.
type Said = (Option<u8>, bool);

/// The states of a job's attempts, with what their checks say.
fn takes(world: &World) -> Vec<(JobState, Option<Said>)> {
    let ledger = world.read();
    let of = |attempt: i64| {
        let check = ledger.check_on(attempt).expect("readable");
        check.map(|check| (check.score, check.retake))
    };
    world.attempts().iter().map(|a| (a.state, of(a.id))).collect()
}

/// Which of a job's attempts its clip is of, from 1.
fn current(world: &World, address: &str) -> Option<u32> {
    let ledger = world.read();
    let job = ledger.job(&Address::from_stored(address)).expect("readable").expect("begun");
    let attempt = ledger.current_clips().expect("readable").of_job(job.id)?;
    Some(ledger.attempt(attempt).expect("readable").expect("there").number)
}

fn is_sound(world: &World) {
    world.check_invariants();
    let mut faults = Vec::new();
    verify(world.dir.path(), ClipCheck::Digest, &mut |fault| faults.push(fault)).expect("readable");
    assert_eq!(faults, []);
}

const DONE: JobState = JobState::Done;

#[test]
fn a_clip_that_fails_is_made_again_once_and_the_better_one_is_kept() {
    for (scores, kept) in [([40, 70], 2), ([55, 30], 1), ([50, 50], 2)] {
        let world = world(Eye::seeing(&[("a", &scores)]));
        let run = world.run(retaken("a", 1));
        let s = run.summary();
        assert_eq!((s.done, s.exit()), (2, Exit::Done));
        assert_eq!((s.checks.looked_at(), s.checks.retakes, s.checks.left), (2, 1, 0));
        let [first, second] = scores;
        let (first, second) = ((Some(first), true), (Some(second), false));
        assert_eq!(takes(&world), [(DONE, Some(first)), (DONE, Some(second))]);
        assert_eq!(current(&world, "a"), Some(kept), "{scores:?}");
        assert_eq!(s.spent, "20", "both were paid for");
        is_sound(&world);
        // Nothing more, whoever runs it again.
        world.run(retaken("a", 1));
        assert_eq!(world.attempts().len(), 2);
        is_sound(&world);
    }
}

#[test]
fn no_more_clips_are_made_than_the_rule_allows_and_each_is_another_request() {
    let world = world(Eye::seeing(&[("a", &[10, 20, 15, 30])]));
    let run = world.run(retaken("a", 2));
    assert_eq!((run.summary().done, run.summary().checks.retakes), (3, 2));
    let attempts = world.attempts();
    let retakes: Vec<u32> = attempts.iter().map(|a| a.retake).collect();
    assert_eq!(retakes, [0, 1, 2]);
    let mut names: Vec<_> = attempts.iter().map(|a| a.fingerprint).collect();
    names.dedup();
    assert_eq!(names.len(), 3);
    assert_eq!(current(&world, "a"), Some(2));
    is_sound(&world);
}

#[test]
fn where_a_failure_is_only_said_nothing_is_made_again() {
    for on_fail in [OnFail::Flag, OnFail::Hold] {
        let world = world(Eye::seeing(&[("a", &[10])]));
        let run = world.run(vec![ruled("a", on_fail, 0), job("b", "m", 10)]);
        assert_eq!((run.summary().done, run.summary().checks.failed), (2, 1));
        let said = RunEvent::Checked {
            job: "a".to_owned(),
            verdict: ClipVerdict::Fail,
            score: Some(10),
            retake: false,
        };
        assert!(run.events.contains(&said));
        assert_eq!(run.summary().checks.looked_at(), 1, "nothing is asked of the other");
        is_sound(&world);
    }
}

#[test]
fn a_retake_that_does_not_fit_is_left_and_made_when_there_is_room() {
    let mut world = world(Eye::seeing(&[("a", &[10, 90])]));
    world.ceiling = 15;
    let run = world.run(retaken("a", 1));
    assert_eq!((run.summary().done, run.summary().over_budget), (1, 1));
    assert_eq!(run.summary().exit(), Exit::OverBudget);
    assert_eq!(takes(&world), [(DONE, Some((Some(10), true)))]);
    assert_eq!(current(&world, "a"), Some(1), "the clip that there is stays");
    is_sound(&world);
    world.ceiling = 20;
    assert_eq!(world.run(retaken("a", 1)).summary().done, 1);
    assert_eq!(current(&world, "a"), Some(2));
    is_sound(&world);
}

fn accept(world_dir: &Path, address: &str) {
    let ledger = Ledger::open(world_dir, Mode::Read).expect("another process");
    let word = NewWord {
        address: Address::from_stored(address),
        verdict: Verdict::Accepted,
        retake: false,
        attempt: None,
        by: "ada".to_owned(),
        note: None,
        at: now(),
    };
    ledger.say(vec![(word, true)]).expect("written").remove(0).expect("it has a clip");
}

#[test]
fn a_persons_word_outranks_a_check_before_and_after_it() {
    // Said while the clip is looked at.
    let mut before = World::new(|_, _| Script::default());
    let folder = before.dir.path().to_owned();
    let eye = Eye::after(move |request| accept(&folder, request.address.as_str()), &[("a", &[10])]);
    before.verifier = Some(eye);
    let run = before.run(retaken("a", 1));
    assert_eq!((run.summary().checks.failed, run.summary().checks.retakes), (1, 0));
    assert_eq!(takes(&before), [(DONE, Some((Some(10), false)))]);
    is_sound(&before);

    // Said when it was asked for and there was no money for it.
    let mut after = world(Eye::seeing(&[("a", &[10])]));
    after.ceiling = 15;
    after.run(retaken("a", 1));
    accept(after.dir.path(), "a");
    after.ceiling = 100;
    let run = after.run(retaken("a", 1));
    assert_eq!(run.summary().done, 0);
    assert_eq!((after.attempts().len(), current(&after, "a")), (1, Some(1)));
    is_sound(&after);
}

#[test]
fn a_cut_at_any_point_makes_one_retake_and_never_two() {
    let mut cuts = 0;
    for n in 0.. {
        let mut world = World::replaying(|_, _| Script::default());
        world.verifier = Some(Eye::seeing(&[("a", &[10, 20])]));
        let was_cut = world.run_until(retaken("a", 1), &Fuse::at(n)).is_none();
        world.check_invariants();
        if !was_cut {
            break;
        }
        cuts += 1;
        // What was seen before the cut and not written down is seen again.
        let left = match takes(&world).as_slice() {
            [.., (DONE, Some(_))] if world.attempts().len() == 2 => vec![],
            [(_, Some(_)), ..] => vec![20],
            _ => vec![10, 20],
        };
        world.verifier = Some(Eye::seeing(&[("a", &left)]));
        world.run(retaken("a", 1));
        let takes = takes(&world);
        let wanted = [(DONE, Some((Some(10), true))), (DONE, Some((Some(20), false)))];
        assert_eq!(takes, wanted, "cut at {n}");
        is_sound(&world);
    }
    assert!(cuts > 25, "{cuts} points is too few: is the fuse still wired?");
}

#[test]
fn what_a_stopped_run_did_not_look_at_is_looked_at_by_the_next() {
    for stop in [Stop::Graceful, Stop::Now] {
        let slow = |_: &Request| std::thread::sleep(Duration::from_millis(300));
        let mut world = world(Eye::after(slow, &[("j0", &[10]), ("j1", &[10])]));
        world.pace.checks_at_once = 1;
        let work: Vec<Work> = (0..4).map(|n| ruled(&format!("j{n}"), OnFail::Retake, 1)).collect();
        let mut done = 0;
        let run = world
            .run_with(work.clone(), &Fuse::default().into(), move |event, stopping| {
                done += u32::from(matches!(event, RunEvent::Done { .. }));
                if done == 4 {
                    stopping.send_replace(stop);
                }
            })
            .expect("no fuse is set");
        let first = run.summary().checks;
        assert!(run.summary().interrupted && first.left >= 3, "{stop:?}: {first:?}");
        assert_eq!(first.looked_at() + first.left, 4);
        assert_eq!(run.summary().done, 4);
        world.verifier = Some(Eye::seeing(&[("j0", &[10]), ("j1", &[10])]));
        let next = world.run(work);
        let second = next.summary().checks;
        assert_eq!(second.left, 0);
        assert!(second.looked_at() >= first.left);
        assert!(world.attempts().len() >= 5, "what failed is made again");
        is_sound(&world);
    }
}

#[test]
fn a_look_delays_no_submission_and_one_that_breaks_down_no_other_job() {
    let mut world = World::new(|_, _| Script::default());
    let provider = Arc::clone(&world.provider);
    let until_all_are_sent = move |request: &Request| {
        assert_ne!(request.address.as_str(), "j1", "looking at this one breaks down");
        let began = Instant::now();
        while provider.site().submissions.len() < 12 && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(began.elapsed() < Duration::from_secs(20), "submissions waited for a look");
    };
    world.verifier = Some(Eye::after(until_all_are_sent, &[]));
    world.pace.checks_at_once = 1;
    let work = (0..12).map(|n| ruled(&format!("j{n}"), OnFail::Retake, 1)).collect();
    let run = world.run(work);
    let checks = run.summary().checks;
    assert_eq!((checks.passed, checks.not_inspected, checks.retakes), (11, 1, 0));
    assert_eq!(run.summary().done, 12);
    is_sound(&world);
}
