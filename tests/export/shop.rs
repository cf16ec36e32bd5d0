//! A shop with clips of its own renderer at a price, and one whose provider fails.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::played::Played;
use crate::workspace::{Ended, Workspace};

/// The animatic under another name, at three credits a clip.
const STUDIO: &str = r#"kinora_model: 1
model: studio
provider: animatic
title: The renderer, charged to the department
routes: {text: {}, image: {min: 1, max: 1}}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {240p: {short_side: 240}}
fps: [12]
seed: true
price:
  unit: credits
  as_of: 2026-11-01
  source: "the studio's rate card"
  charges: [{per: clip, amount: 2.5}, {per: image, amount: 0.5}]
"#;

const MANIFEST: &str = r#"kinora: 1
name: Spring
defaults: {model: studio, duration: 0.5, resolution: 240p, fps: 12}
EXPORT
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references: [{name: hero, image: "images/{{ sku }}.png"}]
  people:
    kind: character
    items: [{id: mia}]
shots:
  - {id: turn, for: products, prompt: "{{ title }} turns slowly", matrix: {aspect: ["1:1", "9:16"]}}
  - {id: wide, for: products, where: price > 8, prompt: "slow push in on {{ title }}", aspect: "16:9"}
  - {id: mood, prompt: "a quiet spring street at dawn, slow pan"}
"#;

/// Rows in an order that is not that of their names.
const FEED: &str = "sku,title,price,handle\nteapot,\"Teapot, blue\",24,blue-teapot\nmug,Mug,12,mug\n\
                    bowl,=1+1,7,bowl\n";

/// Three products and a mood, not made yet: nine jobs; `export` is the manifest's `export:`.
pub fn planned(export: &str) -> Workspace {
    let shop = Workspace::with(&MANIFEST.replace("EXPORT", export));
    shop.write("models/studio.yaml", STUDIO);
    shop.write("products.csv", FEED);
    shop.picture("images/teapot.png", [40, 60, 140]);
    shop
}

/// The same with all its clips.
pub fn made(export: &str) -> Workspace {
    let shop = planned(export);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop
}

/// Two clips of fal, played on this machine with a fault.
pub fn hosted(fault: &str) -> (Workspace, Played) {
    let shop = Workspace::with("kinora: 1\n");
    let mut options = vec!["--speed", "20"];
    if !fault.is_empty() {
        options.extend(["--fault", fault]);
    }
    let played = Played::start(&shop, "fal", &options);
    let url = &played.url;
    let manifest = format!(
        r#"kinora: 1
name: hosted
budget: {{unit: USD}}
retries: 0
providers:
  fal: {{base_url: "{url}", variables: {{rest_url: "{url}", api_url: "http://127.0.0.1:9"}}}}
defaults: {{model: fal/seedance-2.0, duration: 5, resolution: 720p, aspect: "16:9"}}
subjects:
  products: {{kind: product, items: [{{id: mug}}, {{id: bowl}}]}}
shots: [{{id: street, for: products, prompt: "it turns slowly in the sun"}}]
"#
    );
    shop.write("kinora.yaml", &manifest);
    (shop, played)
}

/// Runs the program with a key of fal's.
pub fn with_key(shop: &Workspace, arguments: &[&str]) -> Ended {
    let output = shop.command(arguments).env("FAL_KEY", "a-key").output().expect("it starts");
    Ended::new(arguments, output)
}

/// Exports, and reads the results: each line by the names of its columns.
pub fn results(shop: &Workspace) -> Vec<BTreeMap<String, String>> {
    shop.kinora(&["export", ".", "--what", "results"]).ends(0);
    rows(&shop.read("export/results.csv"))
}

pub fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows = reader.deserialize().map(|row| row.expect("a whole row"));
    rows.collect()
}

/// One column of all lines.
pub fn column<'r>(rows: &'r [BTreeMap<String, String>], name: &str) -> Vec<&'r str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

/// A file of JSON lines.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Codes of an export's findings.
pub fn codes(exported: &Value) -> Vec<&str> {
    let findings = exported["findings"].as_array().expect("a list");
    findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

/// Makes one job's clip what that of another is, byte for byte.
pub fn equal_clips(shop: &Workspace, job: &str, like: &str) {
    let ledger =
        rusqlite::Connection::open(shop.path().join(".kinora/ledger.db")).expect("a ledger");
    let attempt = |of: &str| -> i64 {
        let sql = "SELECT a.id FROM attempts a JOIN jobs j ON a.job = j.id WHERE j.address = ?";
        ledger.query_row(sql, [of], |row| row.get(0)).expect("an attempt")
    };
    let (attempt, like) = (attempt(job), attempt(like));
    let path = |of: i64| -> String {
        let sql = "SELECT path FROM clips WHERE attempt = ?";
        ledger.query_row(sql, [of], |row| row.get(0)).expect("a clip")
    };
    let (from, to) = (path(like), path(attempt));
    std::fs::copy(shop.path().join(from), shop.path().join(to)).expect("copied");
    let sql = "UPDATE clips SET (digest, bytes) = (SELECT digest, bytes FROM clips WHERE \
               attempt = ?) WHERE attempt = ?";
    ledger.execute(sql, [like, attempt]).expect("changed");
}
