//! Which models can be used, and the choice that a manifest leaves to the program.

use crate::workspace::{Ended, Workspace};

/// Not a key of anybody.
const KEY: &str = "canary-key-4711";

const PROVIDER: &str = r#"kinora_provider: 1
provider: studio
like: runway
title: A studio
source: its documentation, 2026-11
auth: {header: Authorization, value: "Bearer {key}", keys: [{env: [STUDIO_KEY]}]}
"#;

const MANIFEST: &str = r#"kinora: 1
name: shop
budget: {unit: USD}
defaults: {model: auto, duration: 5, aspect: "9:16", choose: {providers: [studio], max_price: 2}}
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, image: "images/{{ sku }}.png", url: "https://cdn.example.com/{{ sku }}.png"}
shots:
  - id: turn
    for: products
    prompt: "{{ title }} turns slowly, the camera pushes in"
"#;

fn card(name: &str, per_second: &str, aspects: &str) -> String {
    format!(
        r#"kinora_model: 1
model: studio/{name}
provider: studio
title: {name}
routes: {{text: {{}}, image: {{min: 1, max: 1}}}}
durations: {{values: [5, 10]}}
aspects: {aspects}
resolutions: {{720p: {{short_side: 720}}}}
price:
  unit: USD
  as_of: 2026-11-01
  source: its price list
  charges: [{{per: second, amount: {per_second}}}]
"#
    )
}

fn studio() -> Workspace {
    let shop = Workspace::with(MANIFEST);
    shop.write("providers/studio.yaml", PROVIDER);
    let cards = [
        ("wide", "0.05", r#"["16:9"]"#),
        ("small", "0.10", r#"["9:16"]"#),
        ("large", "0.30", r#"["9:16"]"#),
        ("grand", "0.90", r#"["9:16"]"#),
    ];
    for (name, price, aspects) in cards {
        shop.write(&format!("models/{name}.yaml"), &card(name, price, aspects));
    }
    shop
}

fn with_key(shop: &Workspace, arguments: &[&str]) -> Ended {
    let output = shop.command(arguments).env("STUDIO_KEY", KEY).output();
    Ended::new(arguments, output.expect("the program starts"))
}

fn without_key(shop: &Workspace, arguments: &[&str]) -> Ended {
    let output = shop.command(arguments).env_remove("STUDIO_KEY").output();
    Ended::new(arguments, output.expect("the program starts"))
}

#[test]
fn the_cheapest_that_can_is_planned_and_the_plan_says_why() {
    let shop = studio();
    let plan = with_key(&shop, &["plan", ".", "--json"]).ends(0).json();
    let choice = &plan["choices"][0];
    assert_eq!(choice["chosen"]["model"], "studio/small");
    assert_eq!(choice["chosen"]["sum"], "1");
    assert_eq!(choice["second"]["model"], "studio/large");
    assert_eq!(choice["candidates"], 2);
    assert_eq!(plan["jobs"][0]["model"], "studio/small");
    for width in ["80", "160"] {
        let text = with_key(&shop, &["plan", ".", "--width", width]).ends(0).stdout;
        let from = text.split_once("Models chosen").map(|(_, rest)| rest).unwrap_or_default();
        let block = from.split("\n\n").next().unwrap_or_default();
        insta::assert_snapshot!(format!("chosen_{width}"), block);
    }
    let page = with_key(&shop, &["plan", ".", "--format", "markdown"]).ends(0).stdout;
    assert!(page.contains("second is studio/large"), "{page}");
}

#[test]
fn a_key_that_is_gone_is_noticed_by_a_plan_that_was_kept() {
    let shop = studio();
    let first = with_key(&shop, &["plan", "."]).ends(0).stdout;
    assert_eq!(with_key(&shop, &["plan", "."]).ends(0).stdout, first);
    let none = without_key(&shop, &["plan", "."]).ends(3);
    let words = none.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("2 models lack a key: set STUDIO_KEY"), "{words}");
    assert_eq!(with_key(&shop, &["plan", "."]).ends(0).stdout, first);
}

#[test]
fn a_provider_card_that_changes_is_noticed_by_a_plan_that_was_kept() {
    let shop = studio();
    with_key(&shop, &["plan", "."]).ends(0);
    shop.write("providers/studio.yaml", &PROVIDER.replace("STUDIO_KEY", "ATELIER_KEY"));
    let plan = with_key(&shop, &["plan", "."]).ends(3);
    assert!(plan.stderr.contains("ATELIER_KEY"), "{}", plan.stderr);
}

#[test]
fn models_that_can_be_used_come_first_and_the_others_say_what_they_need() {
    let shop = studio();
    let models = with_key(&shop, &["models", ".", "--json"]).ends(0).json();
    let find = |models: &serde_json::Value, name: &str| {
        let all = models["models"].as_array().cloned().unwrap_or_default();
        let at = all.iter().position(|m| m["model"] == name).expect("it is listed");
        (at, all[at].clone())
    };
    let (at, small) = find(&models, "studio/small");
    assert_eq!(small["usable"], true);
    assert_eq!(small["price_for_defaults"]["by_route"]["image"]["amount"], "0.5");
    let (_, wide) = find(&models, "studio/wide");
    assert_eq!(wide["price_for_defaults"]["lacks"][0], "9:16");
    assert!(at < models["usable"].as_u64().expect("a number") as usize);

    let models = without_key(&shop, &["models", ".", "--json"]).ends(0).json();
    let (at, small) = find(&models, "studio/small");
    assert_eq!(small["usable"], false);
    assert_eq!(small["needs"], serde_json::json!([["STUDIO_KEY"]]));
    assert!(at >= models["usable"].as_u64().expect("a number") as usize);
}

#[test]
fn models_read_well_in_a_narrow_and_a_wide_terminal() {
    let shop = studio();
    for width in ["80", "160"] {
        let models = with_key(&shop, &["models", ".", "--usable", "--width", width]).ends(0);
        let longest = models.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest <= width.parse().ok(), "{}", models.stdout);
        assert!(models.stdout.contains("Usable now"), "{}", models.stdout);
        let own: Vec<&str> = models.stdout.lines().filter(|l| l.contains("studio/")).collect();
        insta::assert_snapshot!(format!("models_{width}"), own.join("\n"));
        let all = without_key(&shop, &["models", ".", "--width", width]).ends(0).stdout;
        assert!(all.contains("Usable once there is a key: STUDIO_KEY"), "{all}");
        assert!(all.lines().all(|line| line.chars().count() <= width.parse().expect("a number")));
    }
}

#[test]
fn no_key_is_ever_printed_or_kept() {
    let shop = studio();
    for arguments in [
        &["models", "."][..],
        &["models", ".", "--json"],
        &["plan", "."],
        &["plan", ".", "--json"],
        &["check", "."],
    ] {
        let ended = with_key(&shop, arguments).ends(0);
        assert!(!ended.stdout.contains(KEY) && !ended.stderr.contains(KEY), "{arguments:?}");
    }
    for entry in std::fs::read_dir(shop.path().join(".kinora")).expect("a folder").flatten() {
        let bytes = std::fs::read(entry.path()).expect("it can be read");
        assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "{entry:?}");
    }
}

#[test]
fn check_explains_what_is_wrong_with_a_provider_card_and_with_providers() {
    let shop = studio();
    shop.edit("providers/studio.yaml", "like: runway", "like: runwai");
    let checked = with_key(&shop, &["check", "."]).ends(3);
    assert!(checked.stderr.contains("provider::unknown_like"), "{}", checked.stderr);
    let shop = studio();
    shop.edit("kinora.yaml", "name: shop", "name: shop\nproviders: {studoi: {variables: {a: b}}}");
    let checked = with_key(&shop, &["check", "."]).ends(3);
    assert!(checked.stderr.contains("did you mean `studio`?"), "{}", checked.stderr);
}
