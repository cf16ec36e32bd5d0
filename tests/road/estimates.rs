//! What was estimated and what was charged, along the whole road: a provider that says its cost,
//! played on this machine, and a price list that is no longer true.

use crate::played::Played;
use crate::workspace::{Ended, Workspace};

const CARD: &str = r#"kinora_model: 1
model: openrouter/wan-2.7
provider: openrouter
title: Wan 2.7, by a price list of our own
routes: {text: {}}
durations: {range: {min: 2, max: 15, step: 1}}
resolutions: {720p: {short_side: 720}}
seed: true
price:
  unit: USD
  as_of: 2026-11-01
  source: an offer
  charges: [{per: clip, amount: 0.25}]
api: {id: alibaba/wan-2.7}
"#;

/// A shop whose price list says more than the provider charges: what it charged at first is what
/// the list said when the provider was started.
fn shop() -> (Workspace, Played) {
    let shop = Workspace::with("kinora: 1\n");
    shop.write("models/wan.yaml", CARD);
    let played = Played::start(&shop, "openrouter", &["--speed", "50"]);
    shop.edit("models/wan.yaml", "amount: 0.25", "amount: 0.3");
    shop.write(
        "kinora.yaml",
        &format!(
            r#"kinora: 1
name: offers
budget: {{unit: USD}}
pay_again: true
retries: 1
providers: {{openrouter: {{base_url: "{}"}}}}
defaults: {{model: openrouter/wan-2.7, duration: 2, resolution: 720p, aspect: "1:1"}}
shots:
  - {{id: turn, takes: 3, prompt: "a mug turns slowly"}}
"#,
            played.url
        ),
    );
    (shop, played)
}

fn kinora(shop: &Workspace, arguments: &[&str]) -> Ended {
    let command = &mut shop.command(arguments);
    Ended::new(arguments, command.env("OPENROUTER_API_KEY", "k").output().expect("it starts"))
}

#[test]
fn what_a_provider_charged_is_held_against_the_estimate_and_changes_none() {
    let (shop, _played) = shop();
    let plan = kinora(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["estimate"]["USD"], "0.9");
    assert_eq!(plan["wall_time"]["unknown"], 3, "nobody has seen one yet");
    assert!(plan.get("actuals").is_none());

    let run = kinora(&shop, &["run", ".", "--yes"]).ends(0);
    let said = "openrouter/wan-2.7 charged 0.75 USD for 3 clips, estimated at 0.90 (-16.7 %).";
    assert!(run.stdout.contains(said), "{}", run.stdout);

    let actual = serde_json::json!([{
        "model": "openrouter/wan-2.7", "attempts": 3, "estimated": "0.9", "charged": "0.75",
        "error_percent": "-16.7",
    }]);
    let report = kinora(&shop, &["report", ".", "--json"]).ends(0).json();
    assert_eq!(report["actuals"], actual);
    assert_eq!(report["jobs"][0]["basis"], "provider");
    for width in ["80", "160"] {
        let status = kinora(&shop, &["status", ".", "--width", width]).ends(0).stdout;
        insta::assert_snapshot!(format!("charged_{width}"), status);
    }
    let markdown = kinora(&shop, &["report", ".", "--format", "markdown"]).ends(0).stdout;
    assert!(markdown.contains("Charged against estimates, in USD"), "{markdown}");
    assert!(markdown.contains("| 0.90 | 0.75 | -16.7 % |"), "{markdown}");
    let csv = kinora(&shop, &["report", ".", "--format", "csv"]).ends(0).stdout;
    assert_eq!(csv.lines().filter(|line| line.contains(r#",0.3,"provider","#)).count(), 3, "{csv}");

    // A later plan says it and still goes by the price list.
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    let plan = kinora(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["actuals"], actual);
    assert_eq!(plan["to_run"]["estimate"]["USD"], "0.9");
    let time = &plan["wall_time"];
    assert_eq!((&time["unknown"], &time["measured"]), (&0.into(), &3.into()), "{time}");
    assert_eq!(time["slowest"], "openrouter/wan-2.7");
    assert!(time["seconds"].as_u64().is_some_and(|s| s > 0), "{time}");
}

#[test]
fn the_ceiling_is_what_is_expected_and_what_retries_may_add_is_said() {
    let (shop, _played) = shop();
    let plan = kinora(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["low"]["USD"], "0.9");
    assert_eq!(plan["to_run"]["high"]["USD"], "1.8");
    let approved = kinora(&shop, &["approve", ".", "--by", "ana"]).ends(0);
    assert!(approved.stdout.contains("up to 0.90 USD"), "{}", approved.stdout);
    let note = "with every charged retry up to 1.80 USD";
    assert!(approved.stderr.contains(note), "{}", approved.stderr);
    let enough = kinora(&shop, &["approve", ".", "--by", "ana", "--ceiling", "1.8"]).ends(0);
    assert!(!enough.stderr.contains("charged retry"), "{}", enough.stderr);
    shop.edit("kinora.yaml", "pay_again: true", "pay_again: false");
    let sure = kinora(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_eq!(sure["to_run"]["high"]["USD"], "0.9", "nothing is paid twice");
    assert_ne!(sure["plan"], plan["plan"], "another risk is another plan");
}
