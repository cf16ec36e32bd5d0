//! What rules count beside the plan, and how they are told.

use crate::shop::Shop;

/// Everything is made once, then asked for in other words: twelve credits are held, and twelve
/// more are planned.
fn made_and_changed(rule: &str) -> Shop {
    let shop = Shop::under("only_models: studio");
    shop.kinora(&["run", ".", "--yes"], 0);
    shop.edit("kinora.yaml", "{{ title }} turns", "{{ title }} gently turns");
    shop.edit("kinora.yaml", "only_models: studio", rule);
    shop
}

fn message_under(rule: &str) -> String {
    let breaches = made_and_changed(rule).breaches();
    assert_eq!(breaches.len(), 1, "{rule}: {breaches:#?}");
    breaches[0]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_day_a_month_and_a_subject_count_what_was_made_before() {
    insta::assert_snapshot!(message_under("max_per_day: 23"), @"with this plan today comes to 24 credits, 12 credits of it held already; the limit is 23 credits a day");
    insta::assert_snapshot!(message_under("max_per_month: 23"), @"with this plan this month comes to 24 credits, 12 credits of it held already; the limit is 23 credits a month");
    insta::assert_snapshot!(message_under("max_per_subject: 11"), @"2 subjects cost too much, most of all `products.mug`: 12 credits, 6 credits of it held already this month; the limit is 11 credits for one subject in a month");
}

#[test]
fn a_limit_that_is_just_met_is_not_passed() {
    for rule in ["max_per_day: 24", "max_per_month: 24", "max_per_subject: 12", "max_jobs: 4"] {
        assert_eq!(made_and_changed(rule).breaches().len(), 0, "{rule}");
    }
}

#[test]
fn another_plan_has_a_total_and_models_of_its_own() {
    for rule in ["max_total: 12", "max_per_model: 12"] {
        assert_eq!(made_and_changed(rule).breaches().len(), 0, "{rule}");
    }
}

#[test]
fn a_plan_that_was_begun_costs_what_it_costs_in_all() {
    let shop = Shop::under("max_total: 12");
    shop.kinora(&["approve", ".", "--by", "Ada", "--ceiling", "3"], 0);
    shop.kinora(&["run", "."], 5);
    assert_eq!((shop.spent().as_str(), shop.breaches().len()), ("3", 0));
    shop.edit("kinora.yaml", "max_total: 12", "max_total: 11");
    let denied = shop.kinora(&["run", ".", "--yes"], 11);
    insta::assert_snapshot!(denied.said("max_total"), @"  deny max_total at kinora.yaml:4:14: the plan costs 12 credits, 3 credits of it held already; the limit is 11 credits");
    shop.edit("kinora.yaml", "max_total: 11", "max_per_model: 11");
    let denied = shop.kinora(&["run", ".", "--yes"], 11);
    insta::assert_snapshot!(denied.said("max_per_model"), @"  deny max_per_model at kinora.yaml:4:18: the jobs of `studio` cost 12 credits, 3 credits of it held already; the limit is 11 credits for it in one plan");
    assert_eq!(shop.spent(), "3");
}

#[test]
fn an_increase_is_over_the_plan_approved_last() {
    let shop = Shop::under("max_increase_percent: 50");
    let advice = |shop: &Shop| {
        let plan = shop.kinora(&["plan", ".", "--json"], 0).json();
        let findings = plan["findings"].as_array().cloned().unwrap_or_default();
        let of = findings.iter().filter(|f| f["code"] == "plan::no_increase");
        let said: Vec<_> = of.map(|f| f["message"].as_str().unwrap_or_default()).collect();
        said.join("\n")
    };
    insta::assert_snapshot!(advice(&shop), @"no plan was approved before, so there is nothing that this one could exceed");
    shop.kinora(&["approve", ".", "--by", "Ada"], 0);
    assert_eq!(advice(&shop), "", "it is the plan approved last itself");
    shop.edit("kinora.yaml", "\"9:16\"]}", "\"9:16\", \"16:9\"]}");
    assert_eq!((shop.breaches().len(), advice(&shop)), (0, String::new()), "half as much again");
    shop.edit("kinora.yaml", "\"16:9\"]}", "\"16:9\", \"4:3\"]}");
    let denied = shop.kinora(&["run", ".", "--yes"], 11);
    insta::assert_snapshot!(cut(&denied.said("max_increase")), @"  deny max_increase_percent at kinora.yaml:4:25: the plan costs 24 credits and the plan that Ada approved on DAY cost 12 credits: 100 percent more; the limit is 50 percent");
    shop.edit("kinora.yaml", "max_increase_percent: 50", "max_increase_percent: 100");
    shop.kinora(&["approve", ".", "--by", "Ada"], 0);
}

/// Whoever removes the copy of the plan approved last does not get past the rule by it.
#[test]
fn an_increase_that_nobody_can_tell_is_denied() {
    let shop = Shop::under("max_increase_percent: 50");
    shop.kinora(&["approve", ".", "--by", "Ada", "--only", "products.bowl"], 0);
    std::fs::remove_dir_all(shop.path().join(".kinora/plans")).expect("copies");
    for command in [&["run", ".", "--yes"], &["approve", ".", "--by=Eve"]] {
        let denied = shop.kinora(command, 11);
        insta::allow_duplicates! {
            insta::assert_snapshot!(denied.said("the copy of"), @"  deny max_increase_percent at kinora.yaml:4:25: the copy of the plan that Ada approved last can't be read, so nobody can tell by how much this one costs more");
        }
    }
    assert_eq!(shop.clips(), 0);
    // The rule is a person's word, and so is leaving it out.
    shop.edit(
        "kinora.yaml",
        "max_increase_percent: 50",
        "max_increase_percent: {limit: 50, severity: warn}",
    );
    shop.kinora(&["run", ".", "--yes"], 0);
}

/// A plan that was made before the plan approved last is approved, taken in or given along: once
/// it is on record, it is the one that it would be compared with itself.
#[test]
fn an_increase_is_denied_however_the_approval_comes() {
    let shop = Shop::under("max_jobs: 9");
    shop.kinora(&["approve", ".", "--by", "Ada", "--only", "products.bowl"], 0);
    shop.kinora(&["plan", ".", "-o", "whole.plan"], 0);
    shop.kinora(&["approve", "whole.plan", "--by", "Eve", "-o", "eve.json"], 0);
    let raw = rusqlite::Connection::open(shop.path().join(".kinora/ledger.db")).expect("a ledger");
    let forget = "DROP TRIGGER approvals_remain; DELETE FROM approvals WHERE by = 'Eve'";
    raw.execute_batch(forget).expect("writable");
    shop.edit("kinora.yaml", "max_jobs: 9", "max_increase_percent: 50");
    for command in [
        &["approve", "whole.plan", "--by", "Eve"][..],
        &["approvals", "import", "eve.json"],
        &["approvals", "import", "eve.json", "--plan", "whole.plan"],
        &["run", ".", "--approval", "eve.json"],
        &["run", "."],
    ] {
        let denied = shop.kinora(command, 11);
        let said = denied.said("max_increase");
        assert!(said.contains("deny max_increase_percent at kinora.yaml:4:25"), "{said}");
    }
    assert_eq!(shop.spent(), "0");
}

/// Without the day, which differs.
fn cut(text: &str) -> String {
    let day = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date().to_string();
    text.replace(&day, "DAY")
}

#[test]
fn an_unpriced_job_is_denied_at_the_plan_or_stays_what_blocks_an_approval() {
    let shop = Shop::under("unpriced: deny");
    shop.edit("models/studio.yaml", "unit: credits", "unit: USD");
    let denied = shop.kinora(&["approve", ".", "--by", "Ada"], 11);
    insta::assert_snapshot!(denied.said("unpriced at"), @"  deny unpriced at kinora.yaml:4:13: 4 jobs have no known price (products.mug/turn/aspect=1:1/1, products.mug/turn/aspect=9:16/1, products.bowl/turn/aspect=1:1/1, products.bowl/turn/aspect=9:16/1)");
    shop.edit("kinora.yaml", "unpriced: deny", "unpriced: warn");
    assert_eq!(shop.breaches()[0]["severity"], "warn");
    shop.kinora(&["approve", ".", "--by", "Ada"], 4);
}

#[test]
fn a_plan_says_first_what_denies_it_and_a_refusal_says_all() {
    let shop = Shop::under("max_jobs: {limit: 3, severity: warn}\n  max_total: 10");
    let plan = shop.kinora(&["plan", "."], 0).stdout;
    let at = |words: &str| plan.find(words).unwrap_or_else(|| panic!("`{words}` in {plan}"));
    assert!(at("max_total") < at("max_jobs") && at("max_jobs") < at("By shot"), "{plan}");
    let rules: Vec<_> = shop.breaches().iter().map(|b| b["rule"].to_string()).collect();
    assert_eq!(rules, ["\"max_total\"", "\"max_jobs\""]);
    let refused = shop.kinora(&["approve", ".", "--by", "Ada"], 11).stderr;
    let (head, rest) = refused.split_once("deny plan ").unwrap_or_default();
    insta::assert_snapshot!(format!("{head}deny plan …{}", &rest[rest.find(';').unwrap_or(0)..]), @r"
    kinora: the manifest's guardrails deny plan …; nothing was spent
      deny max_total at kinora.yaml:5:14: the plan costs 12 credits; the limit is 10 credits
      warn max_jobs at kinora.yaml:4:21: a run would start 4 jobs; the limit is 3
    change what the manifest asks for, or the rule: no approval goes beyond it
    ");
}

#[test]
fn nothing_to_run_breaks_no_rule() {
    let shop = Shop::under("max_per_day: 100");
    shop.kinora(&["run", ".", "--yes"], 0);
    shop.edit("kinora.yaml", "max_per_day: 100", "max_per_day: 1");
    assert_eq!(shop.breaches().len(), 0);
    shop.kinora(&["run", ".", "--yes"], 0);
}

#[test]
fn check_says_what_no_spending_changes() {
    let shop = Shop::under("max_total: 1\n  only_models: [animatic]");
    let check = shop.kinora(&["check", "."], 0);
    insta::assert_snapshot!(check.said("guardrail"), @"kinora: guardrail deny only_models at kinora.yaml:5:17: 4 jobs on `studio`, which is not among the models that are allowed");
    let json = shop.kinora(&["check", ".", "--json"], 0).json();
    assert_eq!(json["breaches"].as_array().map(Vec::len), Some(1), "{json:#}");
    assert_eq!(json["breaches"][0]["rule"], "only_models");
}

#[test]
fn a_cached_plan_has_its_breaches_too() {
    let shop = Shop::under("max_total: 1");
    let first = shop.kinora(&["plan", "."], 0).stdout;
    assert_eq!(shop.kinora(&["plan", "."], 0).stdout, first);
    assert!(first.contains("max_total"), "{first}");
}
