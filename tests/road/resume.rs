//! Stopping and going on: Ctrl-C, SIGKILL, and what the next run does.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kinora::address::Address;
use kinora::ledger::{
    AttemptRecord, JobState, Ledger, Mode, NewAttempt, NewRun, Transition, Which,
};
use kinora::money::Micros;
use kinora::plan::Request;

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
    }
    // A run that is stopped between an intent and its submission says so and sends nothing.
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("readable");
    let mut sent: BTreeMap<String, u32> = BTreeMap::new();
    let not_sent =
        |attempt: &AttemptRecord| attempt.message.as_deref() == Some("stopped before it was sent");
    ledger
        .each_attempt(Which::All, |attempt| {
            *sent.entry(attempt.address.to_string()).or_default() += u32::from(!not_sent(&attempt));
        })
        .expect("readable");
    assert!(sent.values().all(|times| *times == 1), "something was submitted twice: {sent:?}");
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
    assert!(
        ended.stdout.contains("`kinora run kinora.yaml` goes on from here"),
        "{}",
        ended.stdout
    );
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

/// Leaves an accepted attempt in the ledger whose subject the catalogue no longer has, as a run
/// does that was killed just before somebody took the product out of the feed.
fn leave_in_flight(shop: &Workspace) {
    let ledger = Ledger::open(shop.path(), Mode::Run).expect("no run holds it");
    let approval = ledger.latest_approval().expect("readable").expect("it was approved");
    let mut made = None;
    ledger.each_attempt(Which::Latest, |attempt| made = Some(attempt)).expect("readable");
    let made = made.expect("a clip was made");
    let address = Address::new(Some(("products", "vase")), "turn", None, 1);
    let mut request: Request = serde_json::from_str(&made.request).expect("a request");
    request.address = address.clone();
    request.out = "clips/vase.mp4".to_owned();
    let at = approval.at;
    let new_run = NewRun {
        plan: Some(approval.plan),
        approval: Some(approval.id),
        unit: approval.unit.clone(),
        at,
    };
    let run = ledger.begin_run(new_run).wait().expect("written");
    let begun = ledger
        .begin_attempt(NewAttempt {
            address,
            run,
            plan: approval.plan,
            fingerprint: request.fingerprint,
            parts: made.parts,
            retake: made.retake,
            provider: made.provider,
            model: made.model,
            account: String::new(),
            request: serde_json::to_string(&request).expect("JSON"),
            reserved: Micros::ZERO,
            at,
        })
        .wait()
        .expect("written");
    let accepted = Transition {
        attempt: begun.attempt,
        from: JobState::Submitting,
        to: JobState::Submitted,
        kind: "accepted",
        reserved: Micros::ZERO,
        settled: Micros::ZERO,
        basis: None,
        remote_id: Some(request.fingerprint.to_string()),
        message: None,
        expires: None,
        clip: None,
        detail: serde_json::json!({}),
        at,
    };
    ledger.apply(accepted).wait().expect("written");
}

#[test]
fn a_clip_in_flight_is_fetched_though_its_subject_left_the_catalogue() {
    let shop = Workspace::shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    leave_in_flight(&shop);
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!((&plan["to_run"]["jobs"], &plan["changes"]["in_flight"]), (&0.into(), &0.into()));

    let run = shop.kinora(&["run", "."]).ends(0);
    assert!(run.stdout.contains("1 clip made"), "{}", run.stdout);
    assert!(shop.path().join("clips/vase.mp4").is_file());
}

#[test]
fn fetching_what_is_in_flight_approves_nothing() {
    let shop = Workspace::shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    leave_in_flight(&shop);
    shop.edit("products.csv", "bowl,Bowl,7\n", "");
    shop.kinora(&["run", "."]).ends(0);
    assert!(shop.path().join("clips/vase.mp4").is_file());
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["approval"], serde_json::Value::Null, "nobody has seen this plan");
}

#[test]
fn a_run_whose_output_nobody_reads_can_be_ended() {
    let shop = Workspace::shop();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // As full as pipes are, so that the first event waits for a reader that never reads.
    writer.write_all(&[b' '; 64 << 10]).expect("it fits");
    let mut command = shop.command(&["run", ".", "--yes", "--json"]);
    let mut run = command.stdout(writer).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for_clips(&shop, &mut run, 4);
    for _ in 0..2 {
        signal(&run, "INT");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(run.try_wait().expect("a child").is_none(), "the printing hangs");
    signal(&run, "INT");
    assert_eq!(run.wait().expect("it ended").code(), Some(9));
    drop(reader);
}
