//! What stops a run before its end: a signal, a deadline, a limit of this run alone.

use std::process::{Child, Command};
use std::time::Duration;

use crate::shop::{INSIDE, Played, Shop, check, hosted, start_with_key, with_key};
use crate::workspace::Ended;

/// Two clips, one after another, of one to four seconds each.
fn slow() -> (Shop, Played) {
    hosted("fal", "fal/seedance-2.0", &[])
}

fn end(child: Child) -> Ended {
    Ended::new(&["run"], child.wait_with_output().expect("it ends"))
}

fn terminate(child: &Child) {
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(killed.expect("kill is on every machine").success());
}

#[test]
fn a_signal_stops_it_cleanly_and_the_ending_is_told() {
    let (shop, _played) = slow();
    let run = start_with_key(&shop, &["run", ".", "--unattended"]);
    while !shop.log().iter().any(|line| line["event"] == "submitted") {
        std::thread::sleep(Duration::from_millis(20));
    }
    terminate(&run);
    let ended = end(run).ends(9);
    let told = shop.told(&ended);
    check(&ended, 9, "interrupted");
    assert_eq!(told["run"]["interrupted"], true);
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("it was stopped before all was done"), "{message}");
}

#[test]
fn a_signal_while_it_loads_is_told_too() {
    let shop = Shop::new(INSIDE);
    // Nobody writes to this feed, so loading waits for ever.
    std::fs::remove_file(shop.files.path().join("products.csv")).expect("a feed");
    let made = Command::new("mkfifo").arg(shop.files.path().join("products.csv")).status();
    assert!(made.expect("mkfifo is on every machine").success());
    let run = shop.files.start(&["run", ".", "--unattended"]);
    while shop.log().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    terminate(&run);
    let ended = end(run).ends(9);
    let told = shop.told(&ended);
    assert!(told.get("run").is_none());
}

#[test]
fn a_deadline_stops_it_with_9_where_something_is_left() {
    let (shop, _played) = slow();
    let ended = with_key(&shop, &["--deadline", "1s"]).ends(9);
    let told = shop.told(&ended);
    check(&ended, 9, "interrupted");
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("the deadline came before all was done"), "{message}");
    assert!(shop.clips() < 2);
    // The next start goes on.
    with_key(&shop, &["--deadline", "2h"]).ends(0);
    assert_eq!(shop.clips(), 2);
}

#[test]
fn a_deadline_that_has_passed_starts_nothing() {
    let shop = Shop::new(INSIDE);
    let ended = shop.runs(&["--deadline", "2020-01-01T00:00Z"]).ends(9);
    shop.told(&ended);
    assert_eq!(shop.clips(), 0);
}

#[test]
fn a_deadline_holds_for_people_too() {
    let (shop, _played) = slow();
    let ended = end(start_with_key(&shop, &["run", ".", "--yes", "--deadline", "1s"])).ends(9);
    assert!(ended.stderr.contains("the deadline has come"), "{}", ended.stderr);
}

#[test]
fn no_more_is_spent_than_the_command_line_says() {
    let shop = Shop::new(INSIDE);
    let ended = shop.runs(&["--max-spend", "7"]).ends(5);
    let told = shop.told(&ended);
    assert_eq!(told["run"]["spent"], "6");
    assert_eq!(told["run"]["over_budget"], 2);
    assert!(ended.stderr.contains("is left of --max-spend"), "{}", ended.stderr);
    assert_eq!(shop.clips(), 2);
    // For people too; each run has its own.
    let ended = shop.files.kinora(&["run", ".", "--yes", "--max-spend", "3"]).ends(5);
    assert!(ended.stderr.contains("--max-spend"), "{}", ended.stderr);
    assert_eq!(shop.clips(), 3);
    shop.runs(&["--max-spend", "3"]).ends(0);
    assert_eq!(shop.clips(), 4);
}
