//! Lives of the program: started, and ended at a moment that nobody chose.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use jiff::Timestamp;

use crate::books;
use crate::shop::{program, tail};

/// Longest that is waited for a run to stop before it is asked again.
const STOPPING: Duration = Duration::from_secs(8);
/// Longest that the last runs may take, each.
const LAST: Duration = Duration::from_secs(900);

/// What was done to the program.
#[derive(Debug, Default)]
pub struct Counts {
    pub starts: u32,
    pub kills: u32,
    pub kills_early: u32,
    pub stops: u32,
    /// Starts of `resolve --lookup`.
    pub resolves: u32,
    /// Runs that ended by themselves or as they were asked to, by exit code.
    pub ends: BTreeMap<i32, u32>,
    /// When a run was killed or asked to stop.
    pub cuts: Vec<Timestamp>,
}

/// What is started: mostly runs.
const RUN: &[&str] = &["run", ".", "--json"];
const RESOLVE: &[&str] = &["resolve", ".", "--lookup", "--json"];

fn start(folder: &Path, arguments: &[&str]) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(folder.join("run.log"));
    let log = log.expect("the log");
    let mut command = program(folder, arguments);
    command.stdout(log.try_clone().expect("the log")).stderr(Stdio::from(log));
    command.spawn().expect("it starts")
}

/// How it ended, if it does within the time.
fn end_within(run: &mut Child, time: Duration) -> Option<i32> {
    let until = Instant::now() + time;
    loop {
        if let Some(status) = run.try_wait().expect("a child") {
            return Some(status.code().unwrap_or(-1));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::sleep(left.min(Duration::from_millis(3)));
    }
}

fn signal(run: &Child, name: &str) {
    let id = run.id().to_string();
    let status = std::process::Command::new("kill").args([&format!("-{name}"), &id]).status();
    // It may have ended just before.
    let _ = status.expect("the system has `kill`");
}

/// Starts and kills runs until there were enough kills; each life is as long as chance will have
/// it, and steered so that the last kill comes when the work is nearly done.
pub fn kill_often(folder: &Path, kills: u32, jobs: usize, chance: &mut Rng) -> Counts {
    let mut counts = Counts::default();
    let mut idle = 0;
    while counts.kills < kills {
        let at_end = books::glance(folder);
        let (done, due) = (at_end as f64 / jobs as f64, f64::from(counts.kills) / f64::from(kills));
        let pace = if done > due + 0.01 {
            0.3
        } else if done < due - 0.01 {
            2.0
        } else {
            1.0
        };
        let short = chance.f64() < 0.35 || done > 0.9;
        let most = if short { 0.3 } else { pace * if chance.f64() < 0.7 { 1.0 } else { 2.5 } };
        let life = Duration::from_secs_f64(chance.f64() * most);
        let resolves = chance.f64() < 0.05;
        let mut run = start(folder, if resolves { RESOLVE } else { RUN });
        counts.starts += 1;
        counts.resolves += u32::from(resolves);
        if let Some(code) = end_within(&mut run, life) {
            ended(folder, code, &mut counts);
            idle += u32::from(!resolves);
            assert!(idle < 200, "nothing is left to be killed at: {counts:?}\n{}", tail(folder));
            continue;
        }
        idle = 0;
        match chance.u32(0..10) {
            0 | 1 => {
                let name = if chance.bool() { "TERM" } else { "INT" };
                counts.cuts.push(Timestamp::now());
                signal(&run, name);
                counts.stops += 1;
                // Being asked to stop is no protection from being killed.
                let patience = match chance.bool() {
                    true => STOPPING,
                    false => Duration::from_millis(chance.u64(0..300)),
                };
                let mut end = end_within(&mut run, patience);
                // The first asks it to collect what is in flight, which takes its time; the second
                // to stop at once. A shell that works in the background lets its programs ignore
                // SIGINT until they listen to it, so the first may have gone by unheard.
                for _ in 0..2 {
                    if end.is_none() && patience == STOPPING {
                        signal(&run, name);
                        end = end_within(&mut run, STOPPING);
                    }
                }
                match end {
                    Some(code) => ended(folder, code, &mut counts),
                    None if patience == STOPPING => {
                        let _ = run.kill();
                        panic!("it does not stop on SIG{name}\n{}", tail(folder));
                    }
                    None => kill(&mut run, life + patience, &mut counts),
                }
            }
            _ => kill(&mut run, life, &mut counts),
        }
    }
    counts
}

fn kill(run: &mut Child, life: Duration, counts: &mut Counts) {
    counts.cuts.push(Timestamp::now());
    run.kill().expect("it runs");
    run.wait().expect("it is gone");
    counts.kills += 1;
    counts.kills_early += u32::from(life < Duration::from_millis(300));
}

/// Notes an exit code; those that say that something is broken end the test.
fn ended(folder: &Path, code: i32, counts: &mut Counts) {
    // Done, some failed, some unknown, interrupted; -1: by a signal, before it listened to any.
    assert!([0, 7, 8, 9, -1].contains(&code), "exit code {code}\n{}", tail(folder));
    *counts.ends.entry(code).or_default() += 1;
}

/// Lets runs go to their end and settles what can be, until nothing changes any more. A run waits
/// for minutes for what only time can tell; without `patience` it is asked to stop then.
pub fn finish(folder: &Path, jobs: usize, patience: bool, counts: &mut Counts) {
    let mut before = None;
    for _ in 0..12 {
        for arguments in [RUN, RESOLVE] {
            let mut run = start(folder, arguments);
            counts.starts += 1;
            let code = match patience {
                true => end_within(&mut run, LAST),
                false => end_or_rest(folder, &mut run, jobs, counts),
            };
            let Some(code) = code else {
                let _ = run.kill();
                panic!("{arguments:?} does not end\n{}", tail(folder));
            };
            ended(folder, code, counts);
        }
        let after = books::states(folder);
        if before.as_ref() == Some(&after) {
            return;
        }
        before = Some(after);
    }
    panic!("every run changes something: {before:?}\n{}", tail(folder));
}

/// How it ended, if need be because it was asked to when nothing but doubt was left.
fn end_or_rest(folder: &Path, run: &mut Child, jobs: usize, counts: &mut Counts) -> Option<i32> {
    let until = Instant::now() + LAST;
    let mut resting = 0;
    while Instant::now() < until {
        if let Some(code) = end_within(run, Duration::from_millis(250)) {
            return Some(code);
        }
        let at_rest = books::glance(folder) == jobs as u64;
        resting = if at_rest { resting + 1 } else { 0 };
        if resting == 8 {
            counts.cuts.push(Timestamp::now());
            signal(run, "TERM");
            // Where nothing but doubt is left, there is nothing to collect.
            return end_within(run, STOPPING * 4);
        }
    }
    None
}
