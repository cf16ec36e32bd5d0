//! A process cut off at every point where it does something to the world: before and after every
//! write of the ledger, every submission, poll and fetch. Whatever came before, the next run goes
//! on, nothing is paid twice, and no clip is lost.

use kinora::ledger::JobState;
use kinora::providers::Retry;
use kinora::run::Work;

use crate::world::{AtEnd, AtFetch, AtSubmit, Fuse, Script, World, job};

fn work() -> Vec<Work> {
    ["well", "refused-once", "failed-once", "broken-fetch", "paid-failure"]
        .map(|a| job(a, a, 10))
        .to_vec()
}

fn script(address: &str, nth: usize) -> Script {
    let first = nth == 1;
    let retry = Retry::After(None);
    match address {
        "refused-once" if first => {
            Script { submit: AtSubmit::Refuse("busy", retry), ..Script::default() }
        }
        "failed-once" if first => {
            Script { end: AtEnd::Fail { cause: "gpu", charged: false, retry }, ..Script::default() }
        }
        "paid-failure" => Script {
            end: AtEnd::Fail { cause: "moderated", charged: true, retry },
            ..Script::default()
        },
        "broken-fetch" => Script { fetches: vec![AtFetch::Broken], ..Script::default() },
        _ => Script::default(),
    }
}

/// Cuts a run at point `n`, goes on until done, and checks the books at every stop. False when
/// the run ended before point `n`.
fn cut_at(world: &World, n: u64) -> bool {
    let was_cut = world.run_until(work(), &Fuse::at(n)).is_none();
    world.check_invariants();
    if was_cut {
        world.run(work());
        world.check_invariants();
    }
    was_cut
}

#[test]
fn a_cut_at_any_point_pays_nothing_twice_and_loses_no_clip() {
    let mut cuts = 0;
    for n in 0.. {
        let world = World::new(|request, nth| script(request.address.as_str(), nth));
        if !cut_at(&world, n) {
            break;
        }
        cuts += 1;
        for address in ["well", "refused-once", "failed-once", "broken-fetch"] {
            let state = world.state(address).expect("every job was begun");
            assert!(
                matches!(state, JobState::Done | JobState::Unknown),
                "cut at {n}: {address} is {}",
                state.as_str()
            );
        }
        let unknown = world.attempts().iter().filter(|a| a.state == JobState::Unknown).count();
        assert!(unknown <= 4, "cut at {n}: only what was being submitted is in doubt");
    }
    assert!(cuts > 60, "{cuts} points is too few: is the fuse still wired?");
}

#[test]
fn where_replays_are_safe_a_cut_at_any_point_leaves_no_doubt() {
    for n in 0.. {
        let world = World::replaying(|request, nth| script(request.address.as_str(), nth));
        if !cut_at(&world, n) {
            break;
        }
        for attempt in world.attempts() {
            assert!(!attempt.state.is_open(), "cut at {n}: {} is open", attempt.address);
        }
        assert_eq!(world.state("well"), Some(JobState::Done), "cut at {n}");
    }
}

#[test]
fn cut_again_and_again_a_plan_still_comes_to_its_end() {
    let world = World::replaying(|request, nth| script(request.address.as_str(), nth));
    let mut at = 3;
    let mut rounds = 0;
    // A provider that knows requests by their content fails the same request for ever.
    let work =
        || work().into_iter().filter(|w| w.request.model != "failed-once").collect::<Vec<_>>();
    while world.run_until(work(), &Fuse::at(at)).is_none() {
        world.check_invariants();
        at = at % 23 + 4;
        rounds += 1;
        assert!(rounds < 200, "no progress is made");
    }
    world.check_invariants();
    assert_eq!(world.state("broken-fetch"), Some(JobState::Done));
    assert!(rounds > 3);
}
