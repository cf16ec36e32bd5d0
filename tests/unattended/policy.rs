//! The standing policy, each bound just inside and just outside.

use serde_json::Value;

use crate::shop::{INSIDE, PAID, Shop};

/// The bounds that a plan of four jobs at three credits is outside of.
fn outside(policy: &str) -> Vec<(String, String)> {
    let shop = Shop::new(policy);
    let ended = shop.runs(&[]).ends(4);
    assert_eq!(shop.clips(), 0);
    let told = shop.told(&ended);
    let reasons = told["outside_policy"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    reasons.iter().map(|r| (text(&r["bound"]), text(&r["at"]))).collect()
}

fn inside(policy: &str) {
    let shop = Shop::new(policy);
    shop.runs(&[]).ends(0);
    assert_eq!(shop.clips(), 4);
}

fn bounds(reasons: &[(String, String)]) -> Vec<&str> {
    reasons.iter().map(|(bound, _)| bound.as_str()).collect()
}

#[test]
fn a_plan_on_every_bound_is_inside() {
    inside("{max_total: 12, max_per_job: 3, max_jobs: 4, models: [other, stu*]}");
}

#[test]
fn a_hair_beyond_each_bound_is_outside_and_each_is_said_at_its_place() {
    let policy = "{max_total: 11.999999, max_per_job: 2.999999, max_jobs: 3, models: [animatic]}";
    let reasons = outside(policy);
    assert_eq!(bounds(&reasons), ["max_total", "max_per_job", "max_jobs", "models"]);
    let places: Vec<&str> = reasons.iter().map(|(_, at)| at.as_str()).collect();
    assert_eq!(
        places,
        ["kinora.yaml:3:24", "kinora.yaml:3:48", "kinora.yaml:3:68", "kinora.yaml:3:80"]
    );
}

#[test]
fn one_bound_alone_is_enough() {
    for (policy, bound) in [
        ("{max_total: 11.999999}", "max_total"),
        ("{max_total: 12, max_per_job: 2.999999}", "max_per_job"),
        ("{max_total: 12, max_jobs: 3}", "max_jobs"),
        ("{max_total: 12, models: [studio2]}", "models"),
        ("{max_total: 12, max_increase_percent: 1000}", "max_increase_percent"),
    ] {
        assert_eq!(bounds(&outside(policy)), [bound], "{policy}");
    }
}

#[test]
fn what_has_no_price_is_outside_every_policy() {
    let shop = Shop::new("{max_total: 1000}");
    shop.files.write("models/studio.yaml", PAID.split("price:").next().unwrap_or_default());
    let ended = shop.runs(&[]).ends(4);
    let told = shop.told(&ended);
    assert_eq!(told["outside_policy"][0]["bound"], "unpriced");
    assert_eq!(told["plan"]["to_run"]["unpriced"], 4);
}

#[test]
fn clips_without_their_ledger_are_not_paid_for_again() {
    let shop = Shop::new(INSIDE);
    shop.runs(&[]).ends(0);
    std::fs::remove_dir_all(shop.files.path().join(".kinora")).expect("a ledger");
    let ended = shop.runs(&[]).ends(4);
    assert!(ended.stdout.contains("\"bound\":\"ledger\""), "{}", ended.stdout);
    assert_eq!(shop.clips(), 4);
}

#[test]
fn an_increase_is_counted_from_the_plan_approved_last() {
    let shop = Shop::new("{max_total: 100, max_increase_percent: 50}");
    // Two of the four, approved by a person.
    shop.files.kinora(&["approve", ".", "--only", "products.mug", "--by", "Ada"]).ends(0);
    let ended = shop.runs(&[]).ends(4);
    assert!(ended.stderr.contains("max_increase_percent"), "{}", ended.stderr);
    shop.files.edit("kinora.yaml", "max_increase_percent: 50", "max_increase_percent: 100");
    shop.runs(&[]).ends(0);
    assert_eq!(shop.clips(), 4);
}

#[test]
fn an_approval_by_the_policy_expires() {
    let shop = Shop::new("{max_total: 12, expires: 2h}");
    shop.runs(&["--max-spend", "3"]).ends(5);
    let approval = &shop.log().into_iter().find(|line| line["event"] == "approval").expect("one");
    let time = |text: &Value| -> jiff::Timestamp {
        text.as_str().and_then(|t| t.parse().ok()).unwrap_or_else(|| panic!("{text}"))
    };
    let given = time(&approval["expires"]).duration_since(time(&approval["at"])).as_secs();
    assert!((7190..=7200).contains(&given), "{given}");
}

/// What the policy gave while it was wider is not what it allows now.
#[test]
fn a_policy_that_was_made_tighter_takes_back_what_it_gave() {
    let shop = Shop::new("{max_total: 12}");
    shop.runs(&["--max-spend", "3"]).ends(5);
    assert_eq!(shop.clips(), 1);
    shop.files.edit("kinora.yaml", "max_total: 12", "max_total: 4");
    let ended = shop.runs(&[]).ends(4);
    assert!(ended.stderr.contains("max_total"), "{}", ended.stderr);
    assert_eq!(shop.clips(), 1);
}

#[test]
fn a_policy_can_be_wrong_like_any_other_part_of_a_manifest() {
    for (policy, wrong) in [
        ("{max_jobs: 3}", "max_total"),
        ("{max_total: -1}", "below 0"),
        ("{max_total: 1, expires: soon}", "90m, 12h, 7d or 2w"),
        ("{max_total: 1, max_total_: 2}", "max_total_"),
    ] {
        let shop = Shop::new(policy);
        let ended = shop.runs(&[]).ends(3);
        assert!(ended.stderr.contains(wrong), "{policy}: {}", ended.stderr);
    }
}
