//! Plans and checks of catalogues whose pictures have URLs: never a request, always exact bytes.

use crate::server::{Answer, Server};
use crate::shop::{Shop, picture};
use crate::workspace::Ended;

fn serving() -> Server {
    Server::new(|_| Answer::picture(&picture([5, 5, 5])))
}

#[test]
fn a_plan_asks_nobody_and_says_once_what_is_not_fetched() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png", "/b.png", "/c.png"]);
    let ended = shop.files.kinora(&["plan", "."]).ends(3);
    assert!(ended.stderr.contains("3 pictures are not fetched yet"), "{}", ended.stderr);
    assert!(ended.stderr.contains("`kinora fetch kinora.yaml`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("/a.png"), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 error"), "{}", ended.stderr);
    let approve = shop.files.kinora(&["approve", ".", "--by", "me"]).ends(3);
    assert!(approve.stderr.contains("plan::not_fetched"), "{}", approve.stderr);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_check_warns_of_it_and_checks_everything_else() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png"]);
    let ended = shop.files.kinora(&["check", "."]).ends(0);
    assert!(ended.stderr.contains("1 picture is not fetched yet"), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 warning"), "{}", ended.stderr);
    let json = shop.files.kinora(&["check", ".", "--json"]).ends(0).json();
    assert_eq!(json["findings"][0]["code"], "plan::not_fetched");
    shop.files.edit("kinora.yaml", "turns slowly", "turns by @nobody");
    let ended = shop.files.kinora(&["check", "."]).ends(3);
    assert!(ended.stderr.contains("plan::unknown_mention"), "{}", ended.stderr);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_plan_names_urls_and_stays_the_same_on_every_machine() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["jobs"][0]["pictures"][0], format!("{}/a.png", server.url));
    std::fs::remove_dir_all(shop.files.path().join(".kinora")).expect("it was there");
    shop.fetch(&["--locked"]).ends(0);
    let again = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(again["plan"], plan["plan"]);
}

#[test]
fn only_what_jobs_use_is_fetched() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png", "/b.png", "/c.png"]);
    shop.files.edit(
        "kinora.yaml",
        "    for: products\n",
        "    for: products\n    where: sku != 'p2'\n",
    );
    let report = shop.report(&["--only", "products.p1"], 0);
    assert_eq!(report["pictures"], 1);
    let report = shop.report(&[], 0);
    assert_eq!((report["here"].as_u64(), report["new"].as_u64()), (Some(1), Some(1)));
    assert_eq!(server.times("/b.png"), 0);
    shop.files.kinora(&["plan", "."]).ends(0);
    assert_eq!(shop.report(&["--all"], 0)["new"], 1);
    assert_eq!(server.times("/b.png"), 1);
}

#[test]
fn one_picture_of_many_is_fetched_where_one_is_sent() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png"]);
    let both = format!(
        "      - {{name: hero, image: \"{{{{ photo }}}}\"}}\n      - {{name: back, image: \"{}/back.png\"}}\n",
        server.url
    );
    shop.files.edit("kinora.yaml", "      - {name: hero, image: \"{{ photo }}\"}\n", &both);
    shop.files.edit("kinora.yaml", "    for: products\n", "    for: products\n    use: hero\n");
    assert_eq!(shop.report(&[], 0)["pictures"], 1);
    shop.files.kinora(&["plan", "."]).ends(0);
}

#[test]
fn a_url_without_its_scheme_is_meant_as_https() {
    let shop = Shop::of(&["//cdn.example.com/a.jpg".to_owned()]);
    let ended = shop.files.kinora(&["check", "."]).ends(0);
    assert!(ended.stderr.contains("https://cdn.example.com/a.jpg"), "{}", ended.stderr);
}

#[test]
fn an_empty_cell_of_an_optional_picture_needs_none() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.files.edit("kinora.yaml", "{{ photo }}\"}", "{{ photo }}\", optional: true}");
    let feed = shop.files.read("products.csv");
    shop.files.write("products.csv", &format!("{feed}p2,Without,\n"));
    assert_eq!(shop.report(&[], 0)["pictures"], 1);
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["jobs"].as_array().map(Vec::len), Some(2));
}

const STUDIO: &str = r#"kinora_provider: 1
provider: studio
like: runway
title: A studio
source: its documentation, 2026-11
auth: {header: Authorization, value: "Bearer {key}", keys: [{env: [STUDIO_KEY]}]}
"#;

fn card(name: &str, routes: &str, amount: &str) -> String {
    format!(
        "kinora_model: 1
model: studio/{name}
provider: studio
title: {name}
routes: {routes}
durations: {{values: [5]}}
aspects: ['1:1']
resolutions: {{720p: {{short_side: 720}}}}
price:
  unit: USD
  as_of: 2026-11-01
  source: its price list
  charges: [{{per: second, amount: {amount}}}]
"
    )
}

#[test]
fn what_another_model_needs_is_fetched_too_once_the_first_is_known_not_to_fit() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png"]);
    let files = &shop.files;
    files.write("providers/studio.yaml", STUDIO);
    // The cheap one takes one picture, and none as small as this shop's.
    let small = "{references: {min: 1, max: 1, min_side: 4000, prepare: false}}";
    files.write("models/one.yaml", &card("one", small, "0.10"));
    files.write("models/many.yaml", &card("many", "{references: {min: 1, max: 4}}", "0.30"));
    let settings = "{model: auto, duration: 5, aspect: \"1:1\", choose: {providers: [studio]}}";
    let text = files.read("kinora.yaml");
    let line = text.lines().find(|line| line.starts_with("defaults:")).expect("a line");
    files.edit("kinora.yaml", line, &format!("budget: {{unit: USD}}\ndefaults: {settings}"));
    let hero = "      - {name: hero, image: \"{{ photo }}\"}\n";
    let back = format!("{hero}      - {{name: back, image: \"{}/back.png\"}}\n", server.url);
    files.edit("kinora.yaml", hero, &back);
    let with_key = |arguments: &[&str]| {
        let output = files.command(arguments).env("STUDIO_KEY", "none").output();
        Ended::new(arguments, output.expect("the program starts"))
    };
    let report = with_key(&["fetch", ".", "--json"]).ends(0).json();
    assert_eq!((report["pictures"].as_u64(), report["new"].as_u64()), (Some(2), Some(2)));
    assert_eq!((server.times("/a.png"), server.times("/back.png")), (1, 1));
    let plan = with_key(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["jobs"][0]["model"], "studio/many");
}
