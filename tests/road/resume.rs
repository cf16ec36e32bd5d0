//! Stopping and going on: Ctrl-C, SIGKILL, and what the next run does.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::workspace::{Ended, Workspace};

/// Twelve takes of each clip, one at a time: long enough to be stopped in the middle.
fn long_shop() -> Workspace {
    let shop = Workspace::shop();
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nlimits: {in_flight: 1}");
    shop.edit("kinora.yaml", "    for: products", "    takes: 12\n    for: products");
    shop
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.is_ok_and(|s| s.success()), "kill -{name}");
}

/// Waits until some clips are there.
fn wait_for_clips(shop: &Workspace, child: &mut Child, clips: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while shop.files("clips", "mp4").len() < clips {
        assert!(child.try_wait().expect("a child").is_none(), "the run goes on");
        assert!(Instant::now() < deadline, "clips appear");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn attempts_are_single(shop: &Workspace) {
    let report = shop.kinora(&["report", ".", "--json"]).ends(0).json();
    let jobs = report["jobs"].as_array().cloned().unwrap_or_default();
    assert_eq!(jobs.len(), 48);
    for job in &jobs {
        assert_eq!(job["state"], "done", "{job:#}");
        assert_eq!(job["attempt"], 1, "nothing was submitted twice: {job:#}");
    }
    assert_eq!(shop.files("clips", "mp4").len(), 48);
    let left_over: Vec<_> = shop.files("clips", "part");
    assert!(left_over.is_empty(), "{left_over:?}");
}

#[test]
fn ctrl_c_stops_cleanly_says_how_to_go_on_and_the_next_run_goes_on() {
    let shop = long_shop();
    let mut run = shop.start(&["run", ".", "--yes"]);
    wait_for_clips(&shop, &mut run, 3);
    signal(&run, "INT");
    let ended = Ended::new(&["run"], run.wait_with_output().expect("it ended")).ends(9);
    assert!(ended.stdout.contains("kinora run kinora.yaml goes on from here"), "{}", ended.stdout);
    let made = shop.files("clips", "mp4").len();
    assert!((3..48).contains(&made), "{made} clips");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["done"], made as u64);
    assert_eq!(plan["approval"]["by"], "tester (--yes)", "an interrupted run keeps its approval");
    shop.kinora(&["run", "."]).ends(0);
    attempts_are_single(&shop);
}

#[test]
fn a_killed_run_goes_on_without_paying_twice() {
    let shop = long_shop();
    for clips in [2, 7, 15] {
        let mut run = shop.start(&["run", ".", "--yes"]);
        wait_for_clips(&shop, &mut run, clips);
        signal(&run, "KILL");
        run.wait().expect("it ended");
    }
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    attempts_are_single(&shop);
}
