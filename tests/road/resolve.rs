//! Submissions of unknown outcome: how people find them and settle them, by evidence or by word.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use kinora::ledger::{JobState, Ledger, Mode};
use serde_json::Value;

use crate::played::Played;
use crate::workspace::{Ended, Workspace};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:9";

/// Two clips of text alone at a provider that loses every answer to a submission.
fn shop(provider: &str, model: &str, settings: &str) -> (Workspace, Played) {
    let shop = Workspace::with("kinora: 1\n");
    let played = Played::start(&shop, provider, &["--speed", "20", "--fault", "lost_reply=1"]);
    let settings = settings.replace("URL", &played.url);
    shop.write(
        "kinora.yaml",
        &format!(
            r#"kinora: 1
name: doubtful
budget: {{unit: USD}}
providers:
  {provider}: {settings}
defaults: {{model: {model}, duration: 5, resolution: 720p, aspect: "16:9"}}
shots:
  - {{id: street, prompt: "a quiet street at dawn"}}
  - {{id: harbour, prompt: "a harbour at noon"}}
"#
        ),
    );
    (shop, played)
}

fn fal() -> (Workspace, Played) {
    // What is submitted arrives, but fal can't be asked for its list yet.
    let settings = format!("{{base_url: \"URL\", variables: {{api_url: \"{NOBODY}\"}}}}");
    shop("fal", "fal/seedance-2.0", &settings)
}

fn runway() -> (Workspace, Played) {
    shop("runway", "runway/gen4.5", "{base_url: \"URL\"}")
}

const KEYS: [&str; 3] = ["FAL_KEY", "RUNWAYML_API_SECRET", "KLINGAI_API_KEY"];

fn kinora(shop: &Workspace, arguments: &[&str]) -> Ended {
    let mut command = shop.command(arguments);
    command.envs(KEYS.map(|key| (key, "a-key")));
    Ended::new(arguments, command.output().expect("it starts"))
}

fn in_doubt(shop: &Workspace) -> Vec<Value> {
    let list = kinora(shop, &["resolve", ".", "--json"]).json();
    list["in_doubt"].as_array().cloned().expect("a list")
}

/// Ids that the provider gave, in the order of submission.
fn ids(played: &Played) -> Vec<String> {
    let host = played.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let ask = format!("GET /rehearsal/bill HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("an answer");
    let from = reply.find('{').expect("JSON");
    let to = reply.rfind('}').expect("JSON");
    let bill: Value = serde_json::from_str(&reply[from..=to]).expect("JSON");
    let charges = bill["charges"].as_array().cloned().unwrap_or_default();
    charges.iter().map(|c| c["id"].as_str().expect("an id").to_owned()).collect()
}

fn job(report: &Value, address: &str) -> Value {
    let jobs = report["jobs"].as_array().cloned().unwrap_or_default();
    jobs.into_iter().find(|j| j["address"] == address).unwrap_or_default()
}

/// What the ledger's events say of settling, oldest first.
fn events(shop: &Workspace, kind: &str) -> Vec<Value> {
    let path = shop.path().join(".kinora/ledger.db");
    let ledger = rusqlite::Connection::open(path).expect("a ledger");
    let mut query =
        ledger.prepare("SELECT detail FROM events WHERE kind = ? ORDER BY seq").expect("a query");
    let rows = query.query_map([kind], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|text| serde_json::from_str(&text.expect("text")).expect("JSON")).collect()
}

/// How many submissions the ledger says are unknown, while a run writes to it.
fn unknown(shop: &Workspace) -> u64 {
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("readable");
    let counts = ledger.counts().unwrap_or_default();
    counts.get(&JobState::Unknown).copied().unwrap_or_default()
}

#[test]
fn what_an_echo_shows_is_settled_by_it_and_the_next_run_fetches_the_clips() {
    let (shop, played) = fal();
    // A run would ask again for minutes; a crash leaves it to us.
    let mut run = shop.command(&["run", ".", "--yes"]);
    let run = run.envs(KEYS.map(|key| (key, "a-key"))).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = run.spawn().expect("it starts");
    while unknown(&shop) < 2 {
        assert!(run.try_wait().expect("a child").is_none(), "the run goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.kill().expect("it runs");
    run.wait().expect("it ended");

    let status = kinora(&shop, &["status", "."]).ends(0).stdout;
    assert!(status.contains("`kinora resolve kinora.yaml --lookup` asks"), "{status}");
    let listed = in_doubt(&shop);
    assert_eq!(listed.len(), 2);
    for one in &listed {
        assert_eq!((&one["lookup"], &one["state"]), (&"echo".into(), &"unknown".into()));
        assert!(one["evidence"].as_str().is_some_and(|why| !why.is_empty()), "{one:#}");
        assert!(one["reserved"].as_str().is_some_and(|held| held != "0"), "{one:#}");
    }
    let status = kinora(&shop, &["status", "."]).ends(0);
    assert!(status.stdout.contains("-/harbour/-/1"), "{}", status.stdout);
    assert!(status.stdout.contains("kinora resolve kinora.yaml"), "{}", status.stdout);

    let asked = kinora(&shop, &["resolve", ".", "--lookup"]).ends(8);
    assert!(asked.stdout.contains("the provider could not be asked"), "{}", asked.stdout);

    shop.edit("kinora.yaml", NOBODY, &played.url);
    let asked = kinora(&shop, &["resolve", ".", "--lookup"]).ends(0);
    assert!(asked.stdout.contains("Nothing is in doubt."), "{}", asked.stdout);
    let found = events(&shop, "found_accepted");
    let found: BTreeSet<&str> = found.iter().filter_map(|event| event["id"].as_str()).collect();
    let given = ids(&played);
    assert_eq!(found, given.iter().map(String::as_str).collect());

    kinora(&shop, &["run", "."]).ends(0);
    assert_eq!(shop.files("clips", "mp4").len(), 2);
    assert_eq!(ids(&played).len(), 2, "nothing was submitted twice");
}

#[test]
fn a_marker_settles_in_whatever_order_and_nothing_is_submitted_twice() {
    let (shop, played) = shop("kling", "kling/v2-6", "{base_url: \"URL\"}");
    // A run may settle by itself what a marker shows; what it left is settled here.
    kinora(&shop, &["run", ".", "--yes"]);
    kinora(&shop, &["resolve", ".", "--lookup"]).ends(0);
    kinora(&shop, &["run", "."]).ends(0);
    assert_eq!(shop.files("clips", "mp4").len(), 2);
    assert_eq!(ids(&played).len(), 2, "nothing was submitted twice");
}

#[test]
fn without_its_key_a_provider_is_not_asked_and_nothing_is_settled() {
    let (shop, _played) = runway();
    kinora(&shop, &["run", ".", "--yes"]).ends(8);
    let asked = shop.kinora(&["resolve", ".", "--lookup"]).ends(8);
    assert!(asked.stderr.contains("RUNWAYML_API_SECRET"), "{}", asked.stderr);
    assert!(asked.stdout.contains("runway could not be asked"), "{}", asked.stdout);
    assert_eq!(in_doubt(&shop).len(), 2);
}

#[test]
fn a_word_of_acceptance_is_kept_with_who_and_why_and_the_clip_is_fetched() {
    let (shop, played) = runway();
    let run = kinora(&shop, &["run", ".", "--yes"]).ends(8);
    assert!(run.stdout.contains("2 submissions of unknown outcome hold"), "{}", run.stdout);
    assert!(run.stdout.contains("`kinora resolve kinora.yaml` shows"), "{}", run.stdout);
    assert!(!run.stdout.contains("--lookup"), "runway keeps no list: {}", run.stdout);
    let list = kinora(&shop, &["resolve"]).ends(8);
    assert!(
        list.stdout.contains("can be settled by word: runway keeps no list"),
        "{}",
        list.stdout
    );
    let asked = kinora(&shop, &["resolve", "--lookup"]).ends(8);
    assert!(asked.stdout.contains("runway keeps no list"), "{}", asked.stdout);

    // Both are taken; which id is whose is what the person saw at the provider.
    let held = in_doubt(&shop);
    let mut given = ids(&played).into_iter();
    for (number, one) in held.iter().enumerate() {
        let (address, id) = (one["job"].as_str().expect("a job"), given.next().expect("an id"));
        let id = format!(" {id} ");
        let word = ["--accepted", &id, "--by", "Ada", "--why", "seen in the dashboard"];
        let code = if number == 0 { 8 } else { 0 };
        let said = kinora(&shop, &[&["resolve", address][..], &word].concat()).ends(code);
        assert!(said.stdout.contains("`kinora run kinora.yaml` fetches"), "{}", said.stdout);
    }
    let report = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    let street = job(&report, "-/street/-/1");
    assert_eq!(street["state"], "submitted");
    let message = street["message"].as_str().unwrap_or_default();
    assert!(message.contains("Ada") && message.contains("seen in the dashboard"), "{message}");
    let event = &events(&shop, "found_accepted")[0];
    assert_eq!((&event["by"], &event["settled_by"]), (&"Ada".into(), &"word".into()));
    assert_eq!(event["why"], "seen in the dashboard");

    kinora(&shop, &["run", "."]).ends(0);
    assert_eq!(shop.files("clips", "mp4").len(), 2);
    assert_eq!(ids(&played).len(), 2, "nothing was submitted twice");
}

#[test]
fn a_word_of_refusal_frees_the_money_and_the_next_run_submits_anew() {
    let (shop, played) = runway();
    kinora(&shop, &["run", ".", "--yes"]).ends(8);
    let held = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    assert_ne!(held["totals"]["unknown"], "0");
    let word = ["--refused", "--by", "Ada", "--why", "not in the dashboard"];
    for (job, code) in [("-/street/-/1", 8), ("-/harbour/-/1", 0)] {
        let said =
            kinora(&shop, &[&["resolve", "kinora.yaml", job][..], &word].concat()).ends(code);
        assert!(said.stdout.contains("may be submitted again"), "{}", said.stdout);
    }
    let free = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    assert_eq!(
        (&free["totals"]["unknown"], &free["totals"]["reserved"]),
        (&"0".into(), &"0".into())
    );
    assert_eq!(events(&shop, "found_refused")[1]["by"], "Ada");

    // A provider that answers.
    let honest = Played::start(&shop, "runway", &["--speed", "20"]);
    shop.edit("kinora.yaml", &played.url, &honest.url);
    kinora(&shop, &["run", ".", "--yes"]).ends(0);
    assert_eq!((shop.files("clips", "mp4").len(), ids(&honest).len()), (2, 2));
}

#[test]
fn a_word_that_can_not_be_is_refused_and_changes_nothing() {
    let (shop, played) = runway();
    kinora(&shop, &["run", ".", "--yes"]).ends(8);
    let id = &ids(&played)[0];
    let by = ["--by", "Ada", "--why", "seen"];
    let say =
        |job: &str, word: &[&str]| kinora(&shop, &[&["resolve", job][..], word, &by].concat());
    say("-/street/-/1", &["--accepted", id]).ends(8);

    let taken = say("-/harbour/-/1", &["--accepted", id]).ends(2);
    assert!(taken.stderr.contains("belongs to another attempt"), "{}", taken.stderr);
    let empty = say("-/harbour/-/1", &["--accepted", "  "]).ends(2);
    assert!(empty.stderr.contains("the provider's id is empty"), "{}", empty.stderr);
    let twice = say("-/street/-/1", &["--accepted", "another"]).ends(2);
    assert!(twice.stderr.contains("it stands as runway's"), "{}", twice.stderr);
    let gone = say("-/harbour/-/1", &["--gone"]).ends(2);
    assert!(gone.stderr.contains("is not known yet. Say --refused"), "{}", gone.stderr);
    say("-/harbour/-/1", &["--gone", "--refused"]).ends(2);
    kinora(&shop, &["resolve", "-/street/-/1", "--gone", "--by", "Ada"]).ends(2);
    let nobody = say("-/nowhere/-/1", &["--refused"]).ends(2);
    assert!(nobody.stderr.contains("the ledger has no job -/nowhere/-/1"), "{}", nobody.stderr);
    kinora(&shop, &["resolve", "-/harbour/-/1", "--refused", "--by", "Ada"]).ends(2);
    kinora(&shop, &["resolve", "-/harbour/-/1", "--refused", "--why", "seen"]).ends(2);
    kinora(&shop, &["resolve", ".", "--by", "Ada"]).ends(2);
    kinora(&shop, &["resolve", ".", "--lokup"]).ends(2);
    kinora(&shop, &["resolve", ".", "-/harbour/-/1"]).ends(2);
    let left = in_doubt(&shop);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["job"], "-/harbour/-/1");
}

/// Two jobs that stand under ids which the provider does not know, and what a word says of them.
fn under_wrong_ids() -> (Workspace, Played) {
    let (shop, played) = runway();
    kinora(&shop, &["run", ".", "--yes"]).ends(8);
    for (job, id, code) in [("-/street/-/1", "gone-1", 8), ("-/harbour/-/1", "gone-2", 0)] {
        let word = ["--accepted", id, "--by", "Ada", "--why", "seen"];
        kinora(&shop, &[&["resolve", job][..], &word].concat()).ends(code);
    }
    (shop, played)
}

#[test]
fn a_job_that_the_provider_has_no_more_is_closed_as_spent_and_made_again_only_as_allowed() {
    let (shop, played) = under_wrong_ids();
    let before = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    let held = job(&before, "-/street/-/1")["reserved"].clone();
    assert_ne!(held, "0");
    let by = ["--by", "Ada", "--why", "their support says so"];
    for address in ["-/street/-/1", "-/harbour/-/1"] {
        let said = kinora(&shop, &[&["resolve", address, "--gone"][..], &by].concat()).ends(0);
        assert!(said.stdout.contains("runway has it no more"), "{}", said.stdout);
        assert!(said.stdout.contains("count as spent"), "{}", said.stdout);
        assert!(said.stdout.contains("`pay_again: true`"), "{}", said.stdout);
    }
    let twice = kinora(&shop, &[&["resolve", "-/street/-/1", "--gone"][..], &by].concat()).ends(2);
    assert!(twice.stderr.contains("is failed, so there is nothing to settle"), "{}", twice.stderr);

    let after = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    assert_eq!(after["totals"]["reserved"], "0");
    let street = job(&after, "-/street/-/1");
    assert_eq!(street["state"], "failed");
    let message = street["message"].as_str().unwrap_or_default();
    assert!(message.contains("Ada") && message.contains("their support says so"), "{message}");
    let event = &events(&shop, "failed")[0];
    assert_eq!((&event["by"], &event["settled"]), (&"Ada".into(), &held));
    kinora(&shop, &["ledger", "verify", "."]).ends(0);

    let honest = Played::start(&shop, "runway", &["--speed", "20"]);
    shop.edit("kinora.yaml", &played.url, &honest.url);
    kinora(&shop, &["run", ".", "--yes"]);
    assert_eq!(ids(&honest).len(), 0, "nothing is paid again by itself");
    shop.edit("kinora.yaml", "name: doubtful", "name: doubtful\npay_again: true");
    kinora(&shop, &["run", ".", "--yes"]).ends(0);
    assert_eq!((shop.files("clips", "mp4").len(), ids(&honest).len()), (2, 2));
    kinora(&shop, &["ledger", "verify", "."]).ends(0);
}

#[test]
fn a_job_under_a_wrong_id_is_refused_by_word_and_submitted_anew() {
    let (shop, played) = under_wrong_ids();
    let word = ["--refused", "--by", "Ada", "--why", "the id was of another account"];
    for job in ["-/street/-/1", "-/harbour/-/1"] {
        let said = kinora(&shop, &[&["resolve", job][..], &word].concat()).ends(0);
        assert!(said.stdout.contains("may be submitted again"), "{}", said.stdout);
    }
    let free = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    assert_eq!(free["totals"]["reserved"], "0");
    let event = &events(&shop, "found_refused")[0];
    assert_eq!((&event["from"], &event["by"]), (&"submitted".into(), &"Ada".into()));
    kinora(&shop, &["ledger", "verify", "."]).ends(0);

    let honest = Played::start(&shop, "runway", &["--speed", "20"]);
    shop.edit("kinora.yaml", &played.url, &honest.url);
    kinora(&shop, &["run", ".", "--yes"]).ends(0);
    assert_eq!((shop.files("clips", "mp4").len(), ids(&honest).len()), (2, 2));
    kinora(&shop, &["ledger", "verify", "."]).ends(0);
}

#[test]
fn while_a_run_goes_on_nothing_is_listed_or_settled() {
    let shop = Workspace::shop();
    let lock = Ledger::open(shop.path(), Mode::Run).expect("nobody holds it");
    let refused = shop.kinora(&["resolve", "."]).ends(10);
    assert!(refused.stderr.contains("another process works on this ledger"), "{}", refused.stderr);
    drop(lock);
    shop.kinora(&["resolve", "."]).ends(0);
}

#[test]
fn a_word_is_possible_over_a_manifest_that_is_broken_today() {
    let (shop, _played) = runway();
    kinora(&shop, &["run", ".", "--yes"]).ends(8);
    shop.write("kinora.yaml", "kinora: 1\nshots: oops\n");
    let word = ["--refused", "--by", "Ada", "--why", "not in the dashboard"];
    kinora(&shop, &[&["resolve", "-/street/-/1"][..], &word].concat()).ends(8);
    kinora(&shop, &["resolve", ".", "--lookup"]).ends(3);
}

#[test]
fn a_workspace_without_a_ledger_has_nothing_in_doubt_and_gets_none() {
    let shop = Workspace::shop();
    let said = shop.kinora(&["resolve", "."]).ends(0);
    assert_eq!(said.stdout, "Nothing is in doubt.\n");
    assert!(!shop.path().join(".kinora").exists());
}
