//! A long campaign of simulated runs: `cargo run --release --example simulation -- --seeds A..B`.
//! One seed with its whole trace: `-- --seed N --trace`.

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
mod site;
mod store;
mod story;
mod twin;
mod world;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;

use crate::mutants::Mutant;
use crate::story::{Telling, noticed_after, tell};

/// Simulated runs with crashes, faults and doubt, judged by the providers' own bills.
#[derive(Parser)]
struct Arguments {
    /// Seeds to tell, from A up to but not including B.
    #[arg(long, default_value = "0..10000", value_parser = range)]
    seeds: (u64, u64),
    /// One seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Print every line of what happens.
    #[arg(long)]
    trace: bool,
    /// Plant one bug after the other instead, and say after how many seeds each is noticed.
    #[arg(long)]
    mutants: bool,
    /// How many threads tell stories.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once("..").ok_or("write it as A..B")?;
    match (parts.0.parse(), parts.1.parse()) {
        (Ok(from), Ok(to)) if from < to => Ok((from, to)),
        _ => Err("write it as A..B, with A below B".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.mutants {
        return mutants(arguments.seeds.1);
    }
    if let Some(seed) = arguments.seed {
        let outcomes = tell(seed, Telling { mutant: None, traced: arguments.trace });
        outcomes.lines.iter().for_each(|line| println!("{line}"));
        return match outcomes.violation {
            None => {
                println!("seed {seed}: every invariant holds; digest {:016x}", outcomes.digest);
                ExitCode::SUCCESS
            }
            Some(what) => {
                println!("seed {seed}: {what}");
                ExitCode::FAILURE
            }
        };
    }
    campaign(arguments.seeds, arguments.threads.max(1))
}

fn mutants(most: u64) -> ExitCode {
    let mut missed = 0;
    for mutant in Mutant::ALL {
        match noticed_after(mutant, most) {
            Some((seeds, what)) => println!("{mutant:?}: after {seeds} seeds: {what}"),
            None => {
                missed += 1;
                println!("{mutant:?}: not within {most} seeds");
            }
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is left to tell, and what came of the rest.
struct Campaign {
    next: AtomicU64,
    end: u64,
    stop: AtomicBool,
    tally: Mutex<BTreeMap<&'static str, u64>>,
    failed: Mutex<Vec<(u64, String)>>,
}

fn campaign((from, to): (u64, u64), threads: u64) -> ExitCode {
    let began = Instant::now();
    let shared = Campaign {
        next: AtomicU64::new(from),
        end: to,
        stop: AtomicBool::new(false),
        tally: Mutex::default(),
        failed: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| shared.work(from, began));
        }
    });
    let told = shared.next.load(Ordering::Relaxed).min(to) - from;
    let seconds = began.elapsed().as_secs_f64();
    println!("{told} seeds in {seconds:.1} s: {:.0} seeds/s", told as f64 / seconds);
    for (what, times) in shared.tally.lock().expect("no thread panics").iter() {
        println!("{times:>12}  {what}");
    }
    let mut failed = shared.failed.into_inner().expect("no thread panics");
    failed.sort();
    for (seed, what) in failed.iter().take(20) {
        println!("seed {seed}: {what}");
        println!("  cargo run --release --example simulation -- --seed {seed} --trace");
    }
    if failed.is_empty() {
        println!("every invariant holds");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Campaign {
    /// How many seeds a thread takes at once.
    const PORTION: u64 = 256;
    /// After so many failures the rest says nothing new.
    const ENOUGH: usize = 20;

    fn work(&self, from: u64, began: Instant) {
        while !self.stop.load(Ordering::Relaxed) {
            let first = self.next.fetch_add(Campaign::PORTION, Ordering::Relaxed);
            if first >= self.end {
                return;
            }
            let mut tally: BTreeMap<&'static str, u64> = BTreeMap::new();
            for seed in first..self.end.min(first + Campaign::PORTION) {
                let outcomes = tell(seed, Telling::default());
                for (what, times) in outcomes.tally {
                    *tally.entry(what).or_default() += times;
                }
                if let Some(what) = outcomes.violation {
                    self.fail(seed, what);
                }
            }
            let mut all = self.tally.lock().expect("no thread panics");
            for (what, times) in tally {
                *all.entry(what).or_default() += times;
            }
            let told = first + Campaign::PORTION - from;
            if told.is_multiple_of(Campaign::PORTION * 64) {
                let rate = told as f64 / began.elapsed().as_secs_f64();
                eprintln!("{told} seeds, {rate:.0} seeds/s");
            }
        }
    }

    fn fail(&self, seed: u64, what: String) {
        let mut failed = self.failed.lock().expect("no thread panics");
        failed.push((seed, what));
        if failed.len() >= Campaign::ENOUGH {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}
