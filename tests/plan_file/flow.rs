//! Writing a plan file, comparing with it, and running it.

use crate::file::{Lines, approved_shop, begun, paid_shop};
use crate::workspace::Workspace;

fn bytes(shop: &Workspace, name: &str) -> Vec<u8> {
    std::fs::read(shop.path().join(name)).expect("it is there")
}

#[test]
fn the_same_plan_of_the_same_workspace_is_the_same_file() {
    let shop = paid_shop();
    let told = shop.kinora(&["plan", ".", "-o", "a.plan"]).ends(0);
    assert!(told.stdout.starts_with("4 clips to make"), "{}", told.stdout);
    assert_eq!(told.stderr.trim_end(), "written: a.plan");
    shop.kinora(&["plan", ".", "-o", "b.plan"]).ends(0);
    assert_eq!(bytes(&shop, "a.plan"), bytes(&shop, "b.plan"));
}

#[test]
fn every_line_is_as_the_schema_says() {
    let shop = approved_shop();
    let schema = shop.kinora(&["schema", "plan-file"]).ends(0).json();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let lines = Lines::of(&shop.path().join("shop.plan"));
    for line in &lines.0 {
        let errors: Vec<String> = validator.iter_errors(line).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
    }
    assert_eq!(lines.at("job").len(), 4);
}

#[test]
fn a_plan_file_is_never_written_over_something_else() {
    let shop = paid_shop();
    shop.write("diary.plan", "dear diary\n");
    let ended = shop.kinora(&["plan", ".", "-o", "diary.plan"]).ends(2);
    assert!(ended.stderr.contains("is there and is no plan file"), "{}", ended.stderr);
    assert_eq!(shop.read("diary.plan"), "dear diary\n");
    // An earlier plan makes room.
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    let before = bytes(&shop, "shop.plan");
    shop.edit("kinora.yaml", "slowly", "quickly");
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    assert_ne!(bytes(&shop, "shop.plan"), before);
}

#[test]
fn a_plan_file_runs_under_its_approval_alone() {
    let shop = paid_shop();
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    let ended = shop.kinora(&["run", "shop.plan"]).ends(4);
    assert!(ended.stderr.contains("is not approved"), "{}", ended.stderr);
    let ended = shop.kinora(&["run", "shop.plan", "--yes"]).ends(2);
    assert!(ended.stderr.contains("leave --yes out"), "{}", ended.stderr);
    assert_eq!(begun(&shop), 0);
    shop.kinora(&["approve", ".", "--by", "ana"]).ends(0);
    shop.kinora(&["run", "shop.plan"]).ends(0);
    assert_eq!(shop.files("clips", "mp4").len(), 4);
}

#[test]
fn a_selection_beside_a_plan_file_is_refused() {
    let shop = approved_shop();
    for option in [["--only", "turn"], ["--limit", "1"], ["--since", "7d"]] {
        let ended = shop.kinora(&["run", "shop.plan", option[0], option[1]]).ends(2);
        assert!(ended.stderr.contains("leave the selection out"), "{}", ended.stderr);
    }
    assert_eq!(begun(&shop), 0);
}

#[test]
fn a_part_of_a_plan_runs_as_that_part() {
    let shop = paid_shop();
    shop.kinora(&["plan", ".", "--only", "products.mug", "-o", "mug.plan"]).ends(0);
    shop.kinora(&["approve", ".", "--only", "products.mug", "--by", "ana"]).ends(0);
    shop.kinora(&["run", "mug.plan"]).ends(0);
    assert_eq!(begun(&shop), 2);
    shop.kinora(&["plan", ".", "--limit", "1", "-o", "one.plan"]).ends(0);
    shop.kinora(&["approve", ".", "--limit", "1", "--by", "ana"]).ends(0);
    shop.kinora(&["run", "one.plan"]).ends(0);
    assert_eq!(begun(&shop), 3);
    // Not the next one, though the first one is made.
    let again = shop.kinora(&["run", "one.plan"]).ends(0);
    assert!(again.stdout.starts_with("Nothing to do"), "{}", again.stdout);
}

#[test]
fn the_manifest_is_found_from_where_the_file_is() {
    let shop = approved_shop();
    std::fs::create_dir_all(shop.path().join("elsewhere")).expect("a folder");
    let from = |folder: &str, arguments: &[&str]| {
        let mut command = shop.command(arguments);
        let output = command.current_dir(shop.path().join(folder)).output();
        crate::workspace::Ended::new(arguments, output.expect("the program starts"))
    };
    from("elsewhere", &["run", "../shop.plan"]).ends(0);
    assert_eq!(begun(&shop), 4);
    std::fs::rename(shop.path().join("shop.plan"), shop.path().join("elsewhere/shop.plan"))
        .expect("moved");
    let lost = from("elsewhere", &["run", "shop.plan"]).ends(2);
    assert!(lost.stderr.contains("--manifest PATH"), "{}", lost.stderr);
    from("elsewhere", &["run", "shop.plan", "--manifest", "../kinora.yaml"]).ends(0);
    let ended = shop.kinora(&["run", ".", "--manifest", "kinora.yaml"]).ends(2);
    assert!(ended.stderr.contains("give a plan file"), "{}", ended.stderr);
}

#[test]
fn two_plans_are_compared_job_by_job() {
    let shop = paid_shop();
    shop.kinora(&["plan", ".", "-o", "before.plan"]).ends(0);
    shop.edit("models/studio.yaml", "amount: 2.5", "amount: 4");
    shop.write("products.csv", "sku,title,price\nmug,Big mug,12\ncup,Cup,7\nbowl,Bowl,7\n");
    shop.picture("images/cup.png", [1, 2, 3]);
    shop.edit(
        "kinora.yaml",
        "    matrix: {aspect: [\"1:1\", \"9:16\"]}\n",
        "    matrix: {aspect: [\"1:1\"]}\n",
    );
    let plan = shop.kinora(&["plan", ".", "--compare", "before.plan", "--json"]).ends(0).json();
    let since = serde_json::to_string_pretty(&plan["since_approval"]).expect("JSON");
    insta::assert_snapshot!(since);
    let text = shop.kinora(&["plan", ".", "--compare", "before.plan"]).ends(0).stdout;
    assert!(text.contains("before.plan"), "{text}");
    let ended = shop.kinora(&["plan", ".", "--compare", "kinora.yaml"]).ends(3);
    assert!(ended.stderr.contains("this is no plan file"), "{}", ended.stderr);
}

#[test]
fn every_plan_says_how_it_differs_from_the_one_approved_last() {
    let shop = approved_shop();
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan.get("since_approval"), None, "it is the same plan");
    // What was approved is kept beside the ledger.
    let digest = plan["plan"].as_str().expect("a digest").to_owned();
    let folder = shop.path().join(".kinora/plans");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(shop.path().join("shop.plan"), folder.join(format!("{digest}.plan")))
        .expect("copied");
    shop.edit("models/studio.yaml", "amount: 2.5", "amount: 5.5");
    for _ in 0..2 {
        // The second one is remembered.
        let text = shop.kinora(&["plan", "."]).ends(0).stdout;
        assert!(text.contains("100 % more"), "{text}");
    }
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    let since = &plan["since_approval"];
    assert_eq!(since["with"], digest);
    assert_eq!((since["dearer"].as_u64(), since["same"].as_u64()), (Some(4), Some(0)));
    let label = since["label"].as_str().expect("a text");
    assert!(label.starts_with("the plan that ana approved on 20"), "{label}");
    // A copy that was damaged is told of, and nothing hangs on it.
    std::fs::write(folder.join(format!("{digest}.plan")), "gone").expect("written");
    let ended = shop.kinora(&["plan", ".", "--json"]).ends(0);
    assert!(ended.stderr.contains("not compared with the plan approved last"), "{}", ended.stderr);
}
