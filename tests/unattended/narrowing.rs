//! A part of a plan: a pilot, then the whole; only what is named; only what changed.

use std::time::{Duration, SystemTime};

use crate::shop::{INSIDE, Shop};
use crate::workspace::Workspace;

fn jobs(shop: &Workspace, options: &[&str]) -> Vec<String> {
    let arguments = [&["plan", ".", "--json"], options].concat();
    let plan = shop.kinora(&arguments).ends(0).json();
    let jobs = plan["jobs"].as_array().cloned().unwrap_or_default();
    jobs.iter().map(|job| job["address"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_pilot_then_the_whole() {
    let shop = Shop::new("{max_total: 3}");
    let ended = shop.runs(&["--limit", "1"]).ends(0);
    let told = shop.told(&ended);
    assert_eq!(told["plan"]["selection"], "the first job that would run");
    assert_eq!(told["plan"]["jobs"], 1);
    assert_eq!(shop.clips(), 1);
    // The whole is too much for the policy; the person is told the command for the whole.
    let ended = shop.runs(&[]).ends(4);
    assert!(ended.stderr.contains("kinora approve kinora.yaml --by NAME"), "{}", ended.stderr);
    shop.files.kinora(&["approve", ".", "--by", "Ada"]).ends(0);
    shop.runs(&[]).ends(0);
    assert_eq!(shop.clips(), 4);
}

#[test]
fn a_pilot_that_needs_a_person_names_its_options() {
    let shop = Shop::new("{max_total: 1}");
    let ended = shop.runs(&["--limit", "2", "--only", "products.m*"]).ends(4);
    assert!(
        ended
            .stderr
            .contains("kinora approve kinora.yaml --limit 2 --only 'products.m*' --by NAME"),
        "{}",
        ended.stderr
    );
    let approve = ["approve", ".", "--limit", "2", "--only", "products.m*", "--by", "Ada"];
    shop.files.kinora(&approve).ends(0);
    shop.runs(&["--limit", "2", "--only", "products.m*"]).ends(0);
    assert_eq!(shop.clips(), 2);
}

/// Whoever copies a command approves and runs what was shown, never the whole catalogue.
#[test]
fn every_command_that_is_offered_means_the_part_that_is_shown() {
    let shop = Shop::new("{max_total: 1}");
    let part = ["--limit", "2", "--only", "products.m*"];
    let all = |command: &[&'static str]| [command, &part].concat();
    let named = "kinora.yaml --limit 2 --only 'products.m*'";
    let approve = format!("kinora approve {named} --by NAME");

    let refused = shop.files.kinora(&all(&["run", "."])).ends(4);
    assert!(refused.stderr.contains(&approve), "{}", refused.stderr);
    // The second time the plan is one that was kept.
    for _ in 0..2 {
        let plan = shop.files.kinora(&all(&["plan", ".", "--width", "300"])).ends(0);
        assert!(plan.stdout.contains(&approve), "{}", plan.stdout);
        assert!(plan.stdout.contains(&format!("`kinora run {named}`")), "{}", plan.stdout);
    }
    let page = shop.files.kinora(&all(&["plan", ".", "--format", "html"])).ends(0);
    assert!(!page.stdout.contains("kinora approve kinora.yaml --by"), "the whole");

    let given = shop.files.kinora(&all(&["approve", ".", "--by", "Ada", "--ceiling", "0.5"]));
    let given = given.ends(0);
    assert!(given.stdout.contains(&format!("`kinora run {named}` makes it")), "{}", given.stdout);
    let stopped = shop.files.kinora(&all(&["run", ".", "--width", "300"])).ends(5);
    assert!(stopped.stdout.contains(&approve), "{}", stopped.stdout);
    assert!(
        stopped.stdout.contains(&format!("`kinora run {named}` goes on")),
        "{}",
        stopped.stdout
    );
}

#[test]
fn a_part_without_a_job_is_not_said_to_be_the_whole() {
    let shop = Shop::new("{max_total: 3}");
    shop.runs(&["--limit", "1"]).ends(0);
    let plan = shop.files.kinora(&["plan", ".", "--since", "last-run"]).ends(0);
    let said = "Nothing to do: what the plan is narrowed to holds no clip to make.";
    assert!(plan.stdout.contains(said), "{}", plan.stdout);
}

#[test]
fn only_takes_subjects_shots_models_and_addresses() {
    let shop = Workspace::shop();
    let all = jobs(&shop, &[]);
    assert_eq!(all.len(), 4);
    for everything in ["turn", "animatic", "products.*", "*", "*/turn/*"] {
        assert_eq!(jobs(&shop, &["--only", everything]), all, "{everything}");
    }
    assert_eq!(jobs(&shop, &["--only", "products.mug"]), all[..2]);
    assert_eq!(jobs(&shop, &["--only", "products.mug", "--only", "products.bowl"]), all);
    assert_eq!(
        jobs(&shop, &["--only", "*/aspect=9:16/*"]),
        ["products.mug/turn/aspect=9:16/1", "products.bowl/turn/aspect=9:16/1"]
    );
}

#[test]
fn a_name_that_fits_nothing_is_said_with_the_nearest() {
    let shop = Workspace::shop();
    let options = ["plan", ".", "--only", "products.mog", "--only", "turn"];
    let ended = shop.kinora(&options).ends(3);
    assert!(ended.stderr.contains("`--only products.mog` fits no job"), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean `products.mug`?"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("--only turn"), "{}", ended.stderr);
    // Also where a pilot ends before all was seen.
    let pilot = [&options[..], &["--limit", "1"]].concat();
    let ended = shop.kinora(&pilot).ends(3);
    assert!(ended.stderr.contains("products.mog"), "{}", ended.stderr);
    let reached =
        ["plan", ".", "--only", "products.mug", "--only", "products.bowl", "--limit", "1"];
    shop.kinora(&reached).ends(0);
}

#[test]
fn a_part_says_that_it_is_one_and_counts_no_orphans() {
    let shop = Workspace::shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    let plan = shop.kinora(&["plan", ".", "--json", "--only", "products.mug"]).ends(0).json();
    assert_eq!(plan["selection"], "only `products.mug`");
    assert_eq!(plan["changes"]["orphaned"], 0);
    assert_eq!(plan["to_run"]["jobs"], 2);
    let whole = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_ne!(whole["plan"], plan["plan"], "another plan, another digest");
    assert!(whole.get("selection").is_none());
    // A part that is the whole is the same plan.
    let all = shop.kinora(&["plan", ".", "--json", "--only", "*"]).ends(0).json();
    assert_eq!(all["plan"], whole["plan"]);
}

#[test]
fn the_kept_plan_of_a_part_is_not_taken_for_the_whole() {
    let shop = Workspace::shop();
    let text = |options: &[&str]| shop.kinora(&[&["plan", "."], options].concat()).ends(0).stdout;
    for _ in 0..2 {
        assert!(text(&[]).contains("4 clips to make"));
        assert!(text(&["--limit", "1"]).contains("1 clip to make"));
        assert!(text(&["--only", "products.mug"]).contains("2 clips to make"));
    }
}

#[test]
fn since_takes_subjects_whose_pictures_are_newer() {
    let shop = Workspace::shop();
    let long_ago = SystemTime::now() - Duration::from_secs(10 * 24 * 3600);
    let old = std::fs::File::options().write(true).open(shop.path().join("images/mug.png"));
    old.and_then(|file| file.set_modified(long_ago)).expect("a time is set");
    assert_eq!(jobs(&shop, &["--since", "30d"]).len(), 4);
    let recent = jobs(&shop, &["--since", "7d"]);
    assert_eq!(recent.len(), 2);
    assert!(recent.iter().all(|job| job.starts_with("products.bowl/")), "{recent:?}");
    assert_eq!(jobs(&shop, &["--since", "2020-01-01"]).len(), 4);
}

#[test]
fn since_takes_subjects_whose_date_is_newer() {
    let shop = Workspace::shop();
    let long_ago = SystemTime::now() - Duration::from_secs(1000 * 24 * 3600);
    for name in ["images/mug.png", "images/bowl.png"] {
        let old = std::fs::File::options().write(true).open(shop.path().join(name));
        old.and_then(|file| file.set_modified(long_ago)).expect("a time is set");
    }
    shop.write(
        "products.csv",
        "sku,title,price,changed\nmug,Mug,12,2026-03-01\nbowl,Bowl,7,2026-03-02T10:00:00+02:00\n",
    );
    shop.edit("kinora.yaml", "from: products.csv", "from: products.csv\n    updated: changed");
    let subjects = |since: &str| {
        let mut subjects: Vec<String> = jobs(&shop, &["--since", since])
            .iter()
            .map(|job| job.split('/').next().unwrap_or_default().to_owned())
            .collect();
        subjects.dedup();
        subjects
    };
    assert_eq!(subjects("2026-03-01T23:59"), ["products.mug", "products.bowl"]);
    assert_eq!(subjects("2026-03-02T08:00"), ["products.bowl"], "a day is over at midnight");
    assert_eq!(subjects("2026-03-02T08:01"), Vec::<String>::new());
    // What is no date is taken for changed, and said.
    shop.edit("products.csv", "2026-03-01", "lately");
    let plan = shop.kinora(&["plan", ".", "--since", "2026-03-03"]).ends(0);
    assert!(plan.stdout.contains("`lately` of `mug`"), "{}", plan.stdout);
    assert!(plan.stdout.contains("2 clips to make"), "{}", plan.stdout);
    shop.edit("kinora.yaml", "updated: changed", "updated: chaged");
    let wrong = shop.kinora(&["plan", "."]).ends(3);
    assert!(wrong.stderr.contains("did you mean `changed`?"), "{}", wrong.stderr);
}

#[test]
fn since_the_last_run_takes_all_before_there_was_one() {
    let shop = Shop::new(INSIDE);
    shop.runs(&["--since", "last-run"]).ends(0);
    assert_eq!(shop.clips(), 4);
    shop.files.edit("kinora.yaml", "turns slowly", "turns quickly");
    assert_eq!(jobs(&shop.files, &["--since", "last-run"]).len(), 0, "no picture is newer");
    shop.files.picture("images/mug.png", [30, 90, 160]);
    assert_eq!(jobs(&shop.files, &["--since", "last-run"]).len(), 2);
}

#[test]
fn a_number_of_jobs_means_nothing_to_other_commands() {
    let shop = Workspace::shop();
    let ended = shop.kinora(&["check", ".", "--limit", "10"]).ends(2);
    assert!(ended.stderr.contains("plan, approve and run alone"), "{}", ended.stderr);
    shop.kinora(&["plan", ".", "--limit", "0"]).ends(2);
    shop.kinora(&["plan", ".", "--limit", "1", "--limit", "2"]).ends(2);
    shop.kinora(&["plan", ".", "--limit", "1", "--limit", "jobs=9"]).ends(0);
    let wrong = shop.kinora(&["plan", ".", "--since", "someday"]).ends(2);
    assert!(wrong.stderr.contains("last-run"), "{}", wrong.stderr);
    let future = shop.kinora(&["plan", ".", "--since", "2999-01-01"]).ends(2);
    assert!(future.stderr.contains("still to come"), "{}", future.stderr);
}

#[test]
fn a_ceiling_below_the_estimate_is_not_said_to_make_the_whole() {
    let shop = Shop::new("{max_total: 1}");
    shop.files.kinora(&["approve", ".", "--by", "Ada", "--ceiling", "0.5"]).ends(0);
    let plan = shop.files.kinora(&["plan", ".", "--width", "300"]).ends(0);
    let said = "`kinora approve kinora.yaml --by NAME` approves all of it.";
    assert!(plan.stdout.contains(said), "{}", plan.stdout);
    assert!(!plan.stdout.contains("this plan is approved"), "{}", plan.stdout);
}
