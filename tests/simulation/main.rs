//! Deterministic simulation: whole runs in worlds that are drawn from a seed, with crashes,
//! faults and doubt at every boundary, judged by the providers' own bills.
//!
//! A seed that fails is told again, line by line, by
//! `cargo run --release --example simulation -- --seed N --trace`.

mod books;
mod catalogue;
mod check;
mod dice;
mod disk;
mod driver;
mod eye;
mod life;
mod mutants;
mod opinions;
mod rest;
mod scenes;
mod site;
mod store;
mod story;
mod twin;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::mutants::Mutant;
use crate::story::{Outcomes, Telling, noticed_after, tell};

/// How many seeds every change is judged by. Builds that are not optimized tell fewer.
const SEEDS: u64 = if cfg!(debug_assertions) { 300 } else { 10_000 };

fn traced(seed: u64) -> Outcomes {
    tell(seed, Telling { mutant: None, traced: true })
}

fn replay(seed: u64) -> String {
    format!("cargo run --release --example simulation -- --seed {seed} --trace")
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..25 {
        let (first, second) = (traced(seed), traced(seed));
        assert_eq!(first.lines, second.lines, "seed {seed}");
        assert_eq!(first.digest, second.digest, "seed {seed}");
        assert_eq!(tell(seed, Telling::default()).digest, first.digest, "reading changes nothing");
        assert_ne!(first.digest, tell(seed + 1, Telling::default()).digest);
    }
}

/// Tells the stories of many seeds on two threads; what happened, and the first that failed.
fn tell_all(seeds: u64) -> (BTreeMap<&'static str, u64>, Option<(u64, String)>) {
    let shared = Mutex::new((BTreeMap::new(), None::<(u64, String)>));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let shared = &shared;
            scope.spawn(move || {
                for seed in (thread..seeds).step_by(2) {
                    let outcomes = tell(seed, Telling::default());
                    let mut all = shared.lock().expect("no thread panics");
                    for (what, times) in outcomes.tally {
                        *all.0.entry(what).or_default() += times;
                    }
                    if let Some(what) = outcomes.violation {
                        all.1.get_or_insert((seed, what));
                        return;
                    }
                }
            });
        }
    });
    shared.into_inner().expect("no thread panics")
}

#[test]
fn every_invariant_holds_in_every_story() {
    let (tally, failed) = tell_all(SEEDS);
    if let Some((seed, what)) = failed {
        panic!("seed {seed}: {what}\nread it with: {}", replay(seed));
    }
    // A world in which something never happens proves nothing about it.
    for what in [
        "crashes",
        "replies lost",
        "requests late",
        "requests lost",
        "requests delivered twice",
        "5xx, taken",
        "overcharges",
        "plans changed",
        "approvals withdrawn",
        "approvals revoked in a run",
        "approvals about to expire",
        "intents refused for their approval",
        "ceilings changed",
        "price changes",
        "runs stopped",
        "runs failed for a full disk",
        "second processes sent away",
        "fetches that broke",
        "clips gone",
        "clocks set back",
        "clips",
        "words that ask for another clip",
        "words of other kinds",
        "clips looked at: pass",
        "clips looked at: fail",
        "clips looked at: not_inspected",
        "checks that ask for another clip",
        "retakes that a person asked for",
        "retakes that a check asked for",
        "submissions sent again under their key",
        "unknowns settled by a run: accepted",
        "unknowns settled by a run: refused",
        "unknowns settled by a run: written off",
    ] {
        assert!(tally.contains_key(what), "in {SEEDS} stories there were no {what}");
    }
}

/// The list of planted bugs. One that is not noticed means that the world is too kind, or that
/// the judge looks away.
#[test]
fn every_planted_bug_is_noticed() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        match noticed_after(mutant, 10_000) {
            Some((seeds, what)) => println!("{mutant:?}: after {seeds} seeds: {what}"),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "not noticed within 10,000 seeds: {missed:?}");
}
