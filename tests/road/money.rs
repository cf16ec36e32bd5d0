//! Money along the whole road: play prices on the box's own renderer, so that every limit can be
//! met without a provider that charges.

use crate::workspace::Workspace;

/// The animatic under another name, at three credits a clip.
const PAID: &str = r#"kinora_model: 1
model: studio
provider: animatic
title: The renderer, charged to the department
routes:
  text: {}
  image: {min: 1, max: 1}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {240p: {short_side: 240}}
fps: [12]
seed: true
price:
  unit: credits
  as_of: 2026-11-01
  source: "the studio's rate card"
  charges:
    - {per: clip, amount: 2.5}
    - {per: image, amount: 0.5}
"#;

fn paid_shop() -> Workspace {
    let shop = Workspace::shop();
    shop.write("models/studio.yaml", PAID);
    shop.edit("kinora.yaml", "model: animatic", "model: studio");
    shop
}

fn settled(shop: &Workspace) -> String {
    let report = shop.kinora(&["report", ".", "--json"]).ends(0).json();
    report["totals"]["spent"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_plan_says_what_it_costs_and_what_the_pictures_add() {
    let shop = paid_shop();
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["estimate"]["credits"], "12");
    assert_eq!(plan["to_run"]["as_text"]["credits"], "10");
    assert_eq!(plan["to_run"]["image_extra"]["credits"], "2");
    assert_eq!(plan["prices"][0]["as_of"], "2026-11-01");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(settled(&shop), "12");
}

#[test]
fn a_budget_stops_the_run_at_the_last_clip_that_fits() {
    let shop = paid_shop();
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nbudget: {per_run: 7}");
    let run = shop.kinora(&["run", ".", "--yes"]).ends(5);
    assert!(run.stdout.contains("2 not started: over budget"), "{}", run.stdout);
    assert_eq!(shop.files("clips", "mp4").len(), 2);
    assert_eq!(settled(&shop), "6");
    // The next run has a budget of its own.
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(settled(&shop), "12");
}

#[test]
fn a_monthly_budget_holds_across_runs() {
    let shop = paid_shop();
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nbudget: {per_month: 7}");
    shop.kinora(&["run", ".", "--yes"]).ends(5);
    shop.kinora(&["run", ".", "--yes"]).ends(5);
    assert_eq!(settled(&shop), "6");
}

#[test]
fn a_ceiling_below_the_estimate_holds_across_runs() {
    let shop = paid_shop();
    let approved = shop.kinora(&["approve", ".", "--by", "Ada", "--ceiling", "3"]).ends(0);
    assert!(approved.stderr.contains("below the estimate"), "{}", approved.stderr);
    shop.kinora(&["run", "."]).ends(5);
    shop.kinora(&["run", "."]).ends(5);
    assert_eq!(settled(&shop), "3");
    assert_eq!(shop.files("clips", "mp4").len(), 1);
}

#[test]
fn an_unpriced_job_is_never_zero_and_never_approved() {
    let shop = paid_shop();
    let card = PAID.split("price:").next().unwrap_or_default();
    shop.write("models/studio.yaml", card);
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["unpriced"], 4);
    assert_eq!(plan["to_run"]["estimate"], serde_json::json!({}));
    for command in [&["approve", ".", "--by", "Ada"][..], &["run", ".", "--yes"]] {
        let ended = shop.kinora(command).ends(4);
        assert!(ended.stderr.contains("no known price"), "{}", ended.stderr);
    }
    assert!(shop.files("clips", "mp4").is_empty());
}

#[test]
fn a_unit_without_a_rate_is_unpriced_and_a_rate_mends_it() {
    let shop = paid_shop();
    shop.write("models/studio.yaml", &PAID.replace("unit: credits", "unit: USD"));
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["unpriced"], 4, "{plan:#}");
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nbudget: {rates: {USD: 100}}");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["estimate"]["credits"], "1200");
}

#[test]
fn prices_finer_than_the_ledger_are_rounded_up_before_they_are_summed() {
    let shop = paid_shop();
    shop.edit("models/studio.yaml", "amount: 2.5", "amount: 0.3333333");
    shop.edit("models/studio.yaml", "amount: 0.5", "amount: 0");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["estimate"]["credits"], "1.333336");
    // The ceiling holds what all four jobs reserve.
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(settled(&shop), "1.333336");
}

#[test]
fn what_was_spent_on_earlier_attempts_counts_in_every_report() {
    let shop = paid_shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    // Another prompt: each job gets a second attempt, and the first one stays paid.
    shop.edit("kinora.yaml", "{{ title }}", "{{ title }}, gently");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(settled(&shop), "24");
    let status = shop.kinora(&["status", "."]).ends(0).stdout;
    assert!(status.starts_with("4 clips made of 4 jobs begun"), "{status}");
    assert!(status.contains("24 credits spent"), "{status}");
}

#[test]
fn a_ceiling_is_shown_with_one_unit() {
    let shop = paid_shop();
    shop.kinora(&["approve", ".", "--by", "Ada", "--ceiling", "30"]).ends(0);
    let text = shop.kinora(&["plan", "."]).ends(0).stdout;
    assert!(text.contains("up to 30 credits."), "{text}");
    let markdown = shop.kinora(&["plan", ".", "--format", "markdown"]).ends(0).stdout;
    assert!(markdown.contains("up to 30 credits."), "{markdown}");
}

#[test]
fn a_budget_of_a_model_is_part_of_the_plan_with_what_is_left_of_it() {
    let shop = paid_shop();
    let budget = "kinora: 1\nbudget: {models: {studio: {per_day: 20}}}";
    shop.edit("kinora.yaml", "kinora: 1", budget);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.edit("kinora.yaml", "{{ title }}", "{{ title }}, gently");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    let line = serde_json::json!(
        {"name": "models.studio.per_day", "limit": "20", "used": "12", "fits": false}
    );
    assert_eq!(plan["budgets"], serde_json::json!([line]));
    let text = shop.kinora(&["plan", "."]).ends(0).stdout;
    assert!(text.contains("Over budget: models.studio.per_day."), "{text}");
}
