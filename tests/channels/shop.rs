//! A shop with models that differ in what they make, none of which is ever called.

use serde_json::Value as Json;

use crate::workspace::{Ended, Workspace};

const PROVIDER: &str = r#"kinora_provider: 1
provider: studio
like: runway
title: A studio
source: its documentation, 2026-11
auth: {header: Authorization, value: "Bearer {key}", keys: [{env: [STUDIO_KEY]}]}
"#;

/// What one model of the studio makes.
pub struct Card {
    pub name: &'static str,
    pub aspects: &'static str,
    pub durations: &'static str,
    pub resolutions: &'static str,
    /// USD a second.
    pub price: &'static str,
    /// Further lines of the card.
    pub more: &'static str,
}

/// Upright, lying and square, 5 or 10 s, 480p to 1080p.
pub const ALL_ROUND: Card = Card {
    name: "all-round",
    aspects: r#"["16:9", "9:16", "1:1", "4:5"]"#,
    durations: "{values: [5, 10]}",
    resolutions: "{480p: {short_side: 480}, 720p: {short_side: 720}, 1080p: {short_side: 1080}}",
    price: "0.10",
    more: "",
};

/// A workspace whose shots are these lines of YAML.
pub fn shop(head: &str, shots: &str, cards: &[Card]) -> Workspace {
    let shop = Workspace::with(&format!(
        r#"kinora: 1
name: shop
budget: {{unit: USD}}
{head}
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{{{ sku }}}}"
    references:
      - {{name: hero, image: "images/{{{{ sku }}}}.png", url: "https://cdn.example.com/{{{{ sku }}}}.png"}}
shots:
{shots}
"#
    ));
    shop.write("providers/studio.yaml", PROVIDER);
    for card in cards {
        let Card { name, aspects, durations, resolutions, price, more } = card;
        let text = format!(
            r#"kinora_model: 1
model: studio/{name}
provider: studio
title: {name}
routes: {{text: {{}}, image: {{min: 1, max: 1}}}}
durations: {durations}
aspects: {aspects}
resolutions: {resolutions}
price:
  unit: USD
  as_of: 2026-11-01
  source: its price list
  charges: [{{per: second, amount: {price}}}]
{more}
"#
        );
        shop.write(&format!("models/{name}.yaml"), &text);
    }
    shop
}

/// The plan as JSON.
pub fn plan(shop: &Workspace) -> Json {
    let ended = keyed(shop, &["plan", ".", "--json"]).ends(0);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// What is wrong with a manifest, as people read it, without the frame around it.
pub fn refused(shop: &Workspace) -> String {
    let ended = keyed(shop, &["plan", ".", "--width", "200"]).ends(3);
    ended.stderr
}

/// Runs the program with the studio's key at hand.
pub fn keyed(shop: &Workspace, arguments: &[&str]) -> Ended {
    let mut command = shop.command(arguments);
    let output = command.env("STUDIO_KEY", "canary").output().expect("the program starts");
    Ended::new(arguments, output)
}

/// Each job's pixels and seconds: `1080x1920 5`.
pub fn settings(plan: &Json) -> Vec<String> {
    let jobs = plan["jobs"].as_array().expect("jobs");
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    jobs.iter().map(|job| format!("{} {}", text(&job["size"]), text(&job["seconds"]))).collect()
}

/// Findings of one code: their messages.
pub fn said(plan: &Json, code: &str) -> Vec<String> {
    let findings = plan["findings"].as_array().cloned().unwrap_or_default();
    let of_code = findings.iter().filter(|finding| finding["code"] == code);
    of_code.filter_map(|finding| finding["message"].as_str().map(str::to_owned)).collect()
}
