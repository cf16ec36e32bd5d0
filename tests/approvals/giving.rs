//! Giving an approval: what can be said, what is refused, what is kept.

use crate::shop::{attempts, held, key, only_copy, paid, raw, said, signed};
use crate::workspace::Workspace;

#[test]
fn an_approval_with_an_end_and_a_note_is_kept_shown_and_runs() {
    let shop = paid();
    let approve =
        ["approve", ".", "--by", "Ana", "--ceiling", "20", "--expires", "14d", "--note", "spring"];
    let given = shop.kinora(&approve).ends(0);
    insta::assert_snapshot!(said(&shop, &given), @"plan DIGEST approved by Ana up to 20 credits, until TIME (approval 1); `kinora run kinora.yaml` makes it");
    insta::assert_snapshot!(said(&shop, &shop.kinora(&["approvals", "list"]).ends(0)), @r#"
    approval 1: plan DIGEST, holds
      by Ana at TIME
      up to 20 credits, of which 0 is spent or held
      until TIME, for 4 jobs of shop at 12
      “spring”
    "#);
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["approval"]["id"], 1);
    assert!(plan["approval"]["expires"].as_str().is_some_and(|at| at.ends_with('Z')));
    shop.kinora(&["run", "."]).ends(0);
    let list = shop.kinora(&["approvals", "list", "--json"]).ends(0).json();
    let line = &list["approvals"][0];
    assert_eq!((line["spent"].as_str(), line["holds"].as_bool()), (Some("12"), Some(true)));
    assert_eq!(line["shown"]["estimate"], "12");
    only_copy(&shop);
}

#[test]
fn what_can_not_be_meant_is_refused_before_anything_is_planned() {
    let shop = paid();
    let cases: [&[&str]; 12] = [
        &["--by", " "],
        &["--by", "a\u{1b}[2Jb"],
        &["--by", "Ana", "--ceiling", "-1"],
        &["--by", "Ana", "--ceiling", "1e3"],
        &["--by", "Ana", "--ceiling", "1,000"],
        &["--by", "Ana", "--ceiling", "0.0000001"],
        &["--by", "Ana", "--ceiling", "2000000000"],
        &["--by", "Ana", "--expires", "yesterday"],
        &["--by", "Ana", "--expires", "2020-01-01"],
        &["--by", "Ana", "--expires", "0d"],
        &["--by", "Ana", "--key", "nothing.key"],
        &["--by", "Ana", "-o", "kinora.yaml"],
    ];
    let mut all = String::new();
    for case in cases {
        let mut arguments = vec!["approve", "."];
        arguments.extend(case.iter().map(|word| word.trim_end_matches('\n')));
        let refused = shop.kinora(&arguments).ends(2);
        all += &format!("{}\n", said(&shop, &refused));
    }
    insta::assert_snapshot!(all, @r#"
    kinora: --by: say who
    kinora: --by: it has control characters or line breaks in it; write it on one line
    kinora: --ceiling: `-1` is no amount; write digits and at most six decimals, such as 120 or 99.50
    kinora: --ceiling: `1e3` is no amount; write digits and at most six decimals, such as 120 or 99.50
    kinora: --ceiling: `1,000` is no amount; write digits and at most six decimals, such as 120 or 99.50
    kinora: --ceiling: `0.0000001` is no amount; write digits and at most six decimals, such as 120 or 99.50
    kinora: --ceiling: 2000000000 is more than Kinora will hold (1000000000 whole units)
    kinora: --expires: `yesterday` is no date, time or duration; write 2026-12-24 (to the end of that day, UTC), TIME, or 90m, 36h, 14d, 2w
    kinora: --expires: TIME is past, so the approval would never hold
    kinora: --expires: TIME is past, so the approval would never hold
    kinora: --key: nothing.key: can't be read: No such file or directory (os error 2)
    kinora: kinora.yaml: is there and is no approval file; give another name, or move it away
    "#);
    assert!(!shop.path().join(".kinora/plans").exists());
}

#[test]
fn an_approval_ends_when_it_said_it_would() {
    let shop = paid();
    shop.kinora(&["approve", ".", "--by", "Ana", "--expires", "1h"]).ends(0);
    // An hour goes by: the row as it would be then, with its own digest, is no forgery of ours.
    raw(&shop)
        .execute_batch("UPDATE approvals SET expires = at + 1, digest = NULL")
        .expect("writable");
    let refused = shop.kinora(&["run", "."]).ends(4);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: approval 1 by Ana does not hold: it expired at TIME; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes");
    assert_eq!(attempts(&shop), 0);
}

#[test]
fn where_approvers_are_named_only_their_signature_counts() {
    let shop = signed();
    let refused = |arguments: &[&str], exit: i32| said(&shop, &shop.kinora(arguments).ends(exit));
    let mut all = String::new();
    for case in [
        &["approve", ".", "--by", "ana"][..],
        &["approve", ".", "--by", "eve", "--key", "ana.key"],
        &["approve", ".", "--by", "bo", "--key", "ana.key"],
        &["approve", ".", "--by", "ana", "--key", "ana.key", "--ceiling", "50.000001"],
        &["run", "."],
        &["run", ".", "--yes"],
    ] {
        all += &format!("{}\n", refused(case, 4));
    }
    insta::assert_snapshot!(all, @r#"
    kinora: the approval by ana does not hold: it is not signed, and the manifest's `approvers` must sign; it was not recorded; `--key FILE` signs it
    kinora: the approval by eve does not hold: who gave it is not among the manifest's `approvers`; it was not recorded; say `--by` with a name of the manifest's `approvers`
    kinora: the approval by bo does not hold: it is signed with another key than its approver's in the manifest; it was not recorded; say `--key` with the key that belongs to that name
    kinora: the approval by ana does not hold: its ceiling is above the 50 credits that its approver may approve; it was not recorded; say a lower `--ceiling`, or ask an approver with more
    kinora: plan DIGEST is not approved, and there is nobody to ask; look at it with `kinora plan kinora.yaml`, then an approver signs: `kinora approve kinora.yaml --by NAME --key FILE`
    kinora: the approval by tester (--yes) does not hold: it is `--yes`, and the manifest's `approvers` must sign; it was not recorded; `kinora approve --by NAME --key FILE` signs one
    "#);
    assert_eq!(attempts(&shop), 0);
    assert!(shop.kinora(&["approvals", "list"]).ends(0).stdout.starts_with("nothing was ever"));

    shop.kinora(&["approve", ".", "--by", "ana", "--key", "ana.key", "--ceiling", "50"]).ends(0);
    shop.kinora(&["run", "."]).ends(0);
    assert_eq!(held(&shop), "12");
}

#[test]
fn an_approval_ends_with_its_approver() {
    let shop = signed();
    shop.kinora(&["approve", ".", "--by", "bo", "--key", "bo.key"]).ends(0);
    let (bo, other) = (shop.read("kinora.yaml"), key(&shop, "new-bo.key"));
    let line = bo.lines().find(|line| line.starts_with("  bo:")).expect("bo is an approver");
    shop.edit("kinora.yaml", line, &format!("  bo: {{key: \"{other}\"}}"));
    let refused = shop.kinora(&["run", "."]).ends(4);
    assert!(refused.stderr.contains("another key than its approver's"), "{}", refused.stderr);
    shop.edit("kinora.yaml", &format!("  bo: {{key: \"{other}\"}}\n"), "");
    let refused = shop.kinora(&["run", "."]).ends(4);
    assert!(refused.stderr.contains("not among the manifest's"), "{}", refused.stderr);
    assert_eq!(attempts(&shop), 0);
}

#[test]
fn an_approval_travels_as_a_file_and_is_taken_in_once() {
    let shop = signed();
    shop.kinora(&["plan", ".", "-o", "spring.plan"]).ends(0);
    // The approver has the plan file, and nothing else of the shop.
    let desk = Workspace::with("kinora: 1\n");
    for file in ["spring.plan", "ana.key"] {
        std::fs::copy(shop.path().join(file), desk.path().join(file)).expect("copied");
    }
    std::fs::remove_file(desk.path().join("kinora.yaml")).expect("there");
    let approve = ["approve", "spring.plan", "--by", "ana", "--key", "ana.key"];
    let refused = desk.kinora(&approve).ends(6);
    assert!(refused.stderr.contains("with `-o FILE` it becomes a file"), "{}", refused.stderr);
    let mut to_file = approve.to_vec();
    to_file.extend(["--ceiling", "12", "-o", "ana.approval.json"]);
    desk.kinora(&to_file).ends(0);
    assert!(!desk.path().join(".kinora").exists(), "nothing was recorded there");

    std::fs::copy(desk.path().join("ana.approval.json"), shop.path().join("a.json"))
        .expect("copied");
    shop.kinora(&["run", "spring.plan"]).ends(4);
    shop.kinora(&["run", "spring.plan", "--approval", "a.json"]).ends(0);
    assert_eq!(held(&shop), "12");
    let again = shop.kinora(&["approvals", "import", "a.json"]).ends(0);
    assert!(again.stdout.contains("(approval 1, recorded before)"), "{}", again.stdout);
    let list = shop.kinora(&["approvals", "list", "--json"]).ends(0).json();
    assert_eq!(list["approvals"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_plan_file_is_approved_where_its_ledger_is() {
    let shop = paid();
    shop.kinora(&["plan", ".", "-o", "spring.plan"]).ends(0);
    let refused = shop.kinora(&["run", "spring.plan"]).ends(4);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: plan DIGEST is not approved, and there is nobody to ask; look at it with `kinora report spring.plan`, then `kinora approve spring.plan --by NAME`");
    shop.kinora(&["approve", "spring.plan", "--by", "Ana"]).ends(0);
    shop.kinora(&["run", "spring.plan"]).ends(0);
    assert_eq!(held(&shop), "12");
}

#[test]
fn the_schema_is_that_of_the_file() {
    let schema = kinora::approval::schema();
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/approval.schema.json");
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "approval.schema.json is stale: run with KINORA_UPDATE_SCHEMAS=1");
    let shop = signed();
    let key = ["--key", "bo.key", "-o", "bo.json", "--note", "ok", "--expires", "2w"];
    shop.kinora(&[&["approve", ".", "--by", "bo"][..], &key].concat()).ends(0);
    let file: serde_json::Value = serde_json::from_str(&shop.read("bo.json")).expect("JSON");
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&file), "{file:#}");
}

#[test]
fn a_secret_is_never_printed() {
    let shop = signed();
    let secret = shop.read("ana.key");
    let secret = secret.lines().rev().nth(1).expect("the key's bytes");
    let commands: [&[&str]; 5] = [
        &["approve", ".", "--by", "ana", "--key", "ana.key", "--json", "-o", "a.json"],
        &["approvals", "list", "--json"],
        &["ledger", "export"],
        &["run", "."],
        &["approvals", "new-key", "ana.key"],
    ];
    for command in commands {
        let ended = shop.kinora(command);
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{command:?}");
    }
    assert!(!shop.read("a.json").contains(secret));
}

#[test]
fn an_approval_goes_up_to_what_retakes_may_come_to_and_no_more_retakes_than_that_run_under_it() {
    let shop = paid();
    shop.edit("kinora.yaml", "fps: 12}", "fps: 12, consistency: {on_fail: retake}}");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    let run = &plan["to_run"];
    assert_eq!(
        (&run["estimate"]["credits"], &run["with_retakes"]["credits"], &run["high"]["credits"]),
        (&"12".into(), &"24".into(), &"24".into())
    );
    let given = shop.kinora(&["approve", ".", "--by", "Ana"]).ends(0);
    insta::assert_snapshot!(said(&shop, &given), @r"
    plan DIGEST approved by Ana up to 24 credits (approval 1); `kinora run kinora.yaml` makes it
    kinora: of which up to 12 credits for retakes of clips that fail their check
    ");
    let less = shop.kinora(&["approve", ".", "--by", "Ana", "--ceiling", "20"]).ends(0);
    insta::assert_snapshot!(said(&shop, &less), @r"
    plan DIGEST approved by Ana up to 20 credits (approval 2); `kinora run kinora.yaml` makes it
    kinora: the ceiling is below the estimate of 24 credits with retakes; the run will stop at it
    ");
    let check = shop.kinora(&["check", "."]).ends(0);
    insta::assert_snapshot!(check.stdout.lines().last().unwrap_or_default(), @"consistency: 4 clips: passing from a score of 80, failing below 60; one that fails is made again, once (kinora.yaml:3:82).");
    // What is asked of a score is no part of what was approved.
    shop.edit("kinora.yaml", "{on_fail: retake}", "{on_fail: retake, min: 5, fail_below: 0}");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["approval"]["ceiling"], "20 credits", "{plan:#}");
    // More retakes are more money.
    shop.edit("kinora.yaml", "on_fail: retake", "on_fail: retake, max_retakes: 2");
    let refused = shop.kinora(&["run", "."]).ends(6);
    assert!(refused.stderr.contains("4 jobs cost more"), "{}", refused.stderr);
    assert_eq!(attempts(&shop), 0);
}
