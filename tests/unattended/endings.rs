//! Every ending: its exit code, what it says a person must do, and that it is told exactly once.

use crate::listener::Listener;
use crate::shop::{INSIDE, Shop, check, hosted, start_with_key, steady, with_key};
use crate::workspace::Workspace;

/// What was told: the message, and what a person must do.
fn said(outcome: &serde_json::Value) -> String {
    let needs = outcome["needs"].as_array().into_iter().flatten();
    let needs = needs.map(|need| format!("\n→ {}", need.as_str().unwrap_or_default()));
    let message = outcome["message"].as_str().unwrap_or_default().to_owned();
    steady(&needs.fold(message, |text, need| text + &need))
}

#[test]
fn inside_the_policy_all_is_made_and_it_is_0() {
    let shop = Shop::new(INSIDE);
    let ended = shop.runs(&[]).ends(0);
    let told = shop.told(&ended);
    check(&ended, 0, "done");
    insta::assert_snapshot!(said(&told), @"4 clips made for 12 credits");
    assert_eq!(told["run"]["done"], 4);
    assert_eq!(told["plan"]["to_run"]["estimate"]["credits"], "12");
    assert_eq!(told["approval"]["by"], "policy kinora.yaml:3");
    assert_eq!(told["approval"]["origin"], "policy");
    assert_eq!(told["approval"]["ceiling"], "12");
    assert!(told["approval"]["expires"].is_string());
    assert_eq!(shop.clips(), 4);
}

#[test]
fn nothing_to_do_is_0_and_approves_nothing() {
    let shop = Shop::new(INSIDE);
    shop.runs(&[]).ends(0);
    let ended = shop.runs(&[]).ends(0);
    let outcome = check(&ended, 0, "done");
    insta::assert_snapshot!(said(&outcome), @"nothing to do");
    assert!(outcome.get("approval").is_none() && outcome.get("run").is_none(), "{outcome:#}");
    assert_eq!(shop.webhook.posted().len(), 2, "one notification a run");
}

#[test]
fn only_what_needs_somebody_is_told_where_the_manifest_says_so() {
    let shop = Shop::new(INSIDE);
    shop.files.edit("kinora.yaml", "\"}\n  log", "\", on: attention}\n  log");
    shop.runs(&[]).ends(0);
    assert!(shop.webhook.posted().is_empty());
    shop.files.edit("kinora.yaml", "turns slowly", "turns quickly");
    shop.files.edit("kinora.yaml", "max_total: 12", "max_total: 11");
    let ended = shop.runs(&[]).ends(4);
    shop.told(&ended);
}

#[test]
fn a_log_that_cant_be_kept_is_1_before_anything_is_spent() {
    let shop = Shop::new(INSIDE);
    shop.files.edit("kinora.yaml", "log: night.jsonl", "log: no/such/folder/night.jsonl");
    let ended = shop.runs(&[]).ends(1);
    let told = shop.told(&ended);
    check(&ended, 1, "internal");
    insta::assert_snapshot!(said(&told), @r"
    the log no/such/folder/night.jsonl can't be opened: No such file or directory (os error 2)
    → look into it on the machine; `kinora ledger verify kinora.yaml` checks the books
    ");
    assert_eq!(shop.clips(), 0);
}

#[test]
fn a_wrong_word_is_2_and_a_key_that_is_missing_too() {
    let shop = Shop::new(INSIDE);
    let ended = shop.runs(&["--deadline", "soon"]).ends(2);
    let told = shop.told(&ended);
    check(&ended, 2, "usage");
    insta::assert_snapshot!(said(&told), @r"
    --deadline: a time such as 06:00 (UTC), a moment such as 2026-11-20T06:00Z, or a length of time from now such as 90m; not `soon`
    → correct the command line, or set the key that is missing
    ");

    let shop = Shop::new("{max_total: 100}");
    shop.files.edit(
        "kinora.yaml",
        "{model: studio, duration: 0.5, resolution: 240p, fps: 12}",
        "{model: fal/seedance-2.0, duration: 5, resolution: 720p}",
    );
    shop.says("budget: {unit: USD}");
    let ended = shop.runs(&[]).ends(2);
    let told = shop.told(&ended);
    assert!(told["message"].as_str().is_some_and(|m| m.contains("FAL_KEY")), "{told:#}");
    assert!(told.get("approval").is_none(), "what can't start is not approved");
}

#[test]
fn a_broken_manifest_is_3_and_whom_it_names_is_told() {
    let shop = Shop::new(INSIDE);
    shop.files.edit("kinora.yaml", "{{ title }}", "{{ titel }}");
    shop.files.edit("kinora.yaml", "fps: 12", "fbs: 12");
    let ended = shop.runs(&[]).ends(3);
    let told = shop.told(&ended);
    check(&ended, 3, "invalid_manifest");
    insta::assert_snapshot!(said(&told), @r"
    2 errors, nothing was started: the key `fbs` is not known
    → `kinora check kinora.yaml` shows every error at its place
    ");
    assert_eq!(told["errors_in_all"], told["errors"].as_array().map_or(0, Vec::len));
    assert_eq!(told["errors"][0]["at"], "kinora.yaml:7:60");
    assert!(ended.stderr.contains("title"), "people see it in full: {}", ended.stderr);
    assert!(!shop.files.path().join(".kinora").exists(), "nothing was made");
}

#[test]
fn a_manifest_that_is_not_yaml_is_told_where_the_command_line_says() {
    let webhook = Listener::new();
    let files = Workspace::with("kinora: 1\nsubjects: [\n");
    let ended = files.kinora(&["run", ".", "--unattended", "--notify", &webhook.url]).ends(3);
    check(&ended, 3, "invalid_manifest");
    assert_eq!(webhook.only()["exit"], 3);
}

#[test]
fn outside_the_policy_it_is_4_until_a_person_approves() {
    let shop = Shop::new("{max_total: 11.99, max_jobs: 3}");
    let ended = shop.runs(&[]).ends(4);
    let told = shop.told(&ended);
    check(&ended, 4, "approval_needed");
    insta::assert_snapshot!(said(&told), @r"
    the plan of 4 jobs for 12 credits is outside the standing policy and was not started
    → look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`; the next run makes it
    ");
    insta::assert_snapshot!(steady(&ended.stderr), @r"
    kinora: the plan of 4 jobs for 12 credits is outside the standing policy and was not started
      max_total: the plan comes to 12 credits, the policy allows 11.99 credits (kinora.yaml:3:24)
      max_jobs: jobs to start: 4; the policy allows 3 (kinora.yaml:3:41)
      → look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`; the next run makes it
    ");
    assert_eq!(shop.clips(), 0);

    shop.files.kinora(&["approve", ".", "--by", "Ada"]).ends(0);
    let outcome = check(&shop.runs(&[]).ends(0), 0, "done");
    assert_eq!(outcome["approval"]["by"], "Ada");
    assert_eq!(shop.clips(), 4);
}

#[test]
fn without_a_policy_every_plan_needs_a_person() {
    let shop = Shop::new(INSIDE);
    shop.files.edit("kinora.yaml", "  approve: {max_total: 12}\n", "");
    let ended = shop.runs(&[]).ends(4);
    let told = shop.told(&ended);
    assert_eq!(told["outside_policy"][0]["bound"], "approve");
}

#[test]
fn a_budget_that_stops_it_is_5() {
    let shop = Shop::new(INSIDE);
    shop.says("budget: {per_run: 7}");
    let ended = shop.runs(&[]).ends(5);
    let told = shop.told(&ended);
    check(&ended, 5, "over_budget");
    insta::assert_snapshot!(said(&told), @r"
    2 jobs did not fit a budget or ceiling; 2 clips made for 6 credits
    → raise what it did not fit (a budget, the approval's ceiling or --max-spend), or wait for its day or month to end
    ");
    assert_eq!(shop.clips(), 2);
}

#[test]
fn jobs_that_fail_are_7() {
    let (shop, _played) =
        hosted("fal", "fal/seedance-2.0", &["--speed", "20", "--fault", "moderation=1"]);
    let ended = with_key(&shop, &[]).ends(7);
    let told = shop.told(&ended);
    check(&ended, 7, "jobs_failed");
    insta::assert_snapshot!(said(&told), @r"
    2 jobs failed; 0 clips made for 3.043 USD
    → `kinora status kinora.yaml` says which failed, and why
    ");
}

#[test]
fn unknown_outcomes_are_8_and_stay_8_until_they_are_settled() {
    // What is submitted arrives, but its answer is lost, and this provider keeps no list.
    let (shop, _played) =
        hosted("runway", "runway/gen4.5", &["--speed", "20", "--fault", "lost_reply=1"]);
    let ended = with_key(&shop, &[]).ends(8);
    let told = shop.told(&ended);
    check(&ended, 8, "submissions_unknown");
    insta::assert_snapshot!(said(&told), @r"
    submissions of unknown outcome hold money; 0 clips made for 0 USD
    → `kinora resolve kinora.yaml` shows what is known of them, and settles them
    ");
    assert_eq!(told["run"]["unknown"], 2);
    check(&with_key(&shop, &[]).ends(8), 8, "submissions_unknown");
    // What a person must settle comes before what a person must allow, and both are said.
    let more = "  - {id: square, prompt: \"a square at dusk, slow pan\"}\n";
    shop.files.edit("kinora.yaml", "shots:\n", &format!("shots:\n{more}"));
    shop.files.edit("kinora.yaml", "max_total: 100", "max_total: 0");
    let outcome = check(&with_key(&shop, &[]).ends(8), 8, "submissions_unknown");
    assert_eq!(outcome["needs"].as_array().map(Vec::len), Some(2), "{outcome:#}");
    assert_eq!(outcome["outside_policy"][0]["bound"], "max_total");
}

#[test]
fn a_second_start_is_10_and_says_who_works_there() {
    // Slow enough that the second start surely meets the first.
    let (shop, _played) = hosted("fal", "fal/seedance-2.0", &["--speed", "0.05"]);
    let mut first = start_with_key(&shop, &["run", ".", "--yes"]);
    let lock = shop.files.path().join(".kinora/lock");
    while !std::fs::read_to_string(&lock).is_ok_and(|text| text.ends_with('\n')) {
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(first.try_wait().expect("a child").is_none(), "the first run goes on");
    }
    let id = first.id();
    // It is turned away before it looks at anything, however wrong that may be.
    shop.files.edit("kinora.yaml", "shots:", "shotz:");
    let ended = shop.runs(&[]);
    first.kill().expect("killed");
    let _ = first.wait_with_output();
    let ended = ended.ends(10);
    let told = shop.told(&ended);
    check(&ended, 10, "locked");
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.contains(&format!("(process {id} since 20")), "{message}");
}

#[test]
fn a_guardrail_that_denies_is_11() {
    let shop = Shop::new(INSIDE);
    shop.says("guardrails: {max_jobs: 3}");
    let ended = shop.runs(&[]).ends(11);
    let told = shop.told(&ended);
    check(&ended, 11, "denied");
    insta::assert_snapshot!(said(&told), @r"
    guardrails deny the plan, and nothing was started: max_jobs (kinora.yaml:2:24: a run would start 4 jobs; the limit is 3)
    → `kinora plan kinora.yaml` shows the guardrails that are broken; change the plan, or the manifest's `guardrails`
    ");
    // A person's approval goes no further.
    assert!(told.get("approval").is_none());
    assert_eq!(shop.clips(), 0);
}
