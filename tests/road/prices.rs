//! Prices asked of providers that are played on this machine, and the file that keeps them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;

use crate::played::Played;
use crate::workspace::{Ended, Workspace};

/// Looks like nothing else, so that it is found wherever it should not be.
const CANARY: &str = "canary-51b0c2-never-written";

/// What the provider asks, and the cards do not know.
const PRICES: &str = "kinora_prices: 1
models:
  fal/minimax-h3:
    price:
      unit: USD
      as_of: 2026-11-01
      source: the provider itself
      charges:
        - {per: token, amount: 5, each: 1000000, fps: 24}
  fal/wan-2.7:
    price: {unit: USD, as_of: 2026-11-01, source: the provider itself, charges: [{per: second, amount: 0.1}]}
";

/// A shop whose clips are made by two models of fal.
fn manifest(url: &str) -> String {
    format!(
        r#"kinora: 1
name: prices
budget: {{unit: USD}}
providers:
  fal: {{base_url: "{url}", variables: {{rest_url: "{url}", api_url: "{url}"}}}}
defaults: {{model: fal/minimax-h3, duration: 5, resolution: 768p, aspect: "16:9"}}
shots:
  - {{id: dawn, prompt: "a quiet street at dawn, slow pan"}}
"#
    )
}

/// The shop, and fal with other prices than those on the cards.
fn shop() -> (Workspace, Played) {
    let provider = Workspace::with("kinora: 1\n");
    provider.write("prices.yaml", PRICES);
    let played = Played::start(&provider, "fal", &["--speed", "20"]);
    let shop = Workspace::with(&manifest(&played.url));
    (shop, played)
}

fn with_key(shop: &Workspace, arguments: &[&str]) -> Ended {
    let output = shop.command(arguments).env("FAL_KEY", CANARY).output().expect("it starts");
    let ended = Ended::new(arguments, output);
    for said in [&ended.stdout, &ended.stderr] {
        assert!(!said.contains(CANARY), "a key is never printed: {said}");
    }
    ended
}

/// What is said, with what changes from day to day and from run to run written the same.
fn steady(text: &str, url: &str) -> String {
    let day = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_digit() && c != '-');
        bare.parse::<jiff::civil::Date>().is_ok().then(|| word.replace(bare, "DAY"))
    };
    let line = |line: &str| {
        let words = line.split(' ').map(|word| day(word).unwrap_or_else(|| word.to_owned()));
        words.collect::<Vec<_>>().join(" ")
    };
    let text = text.replace(url, "http://fal").replace("127.0.0.1", "LOOPBACK");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A provider that answers every request with the same bytes, a few times.
fn answering(status: &str, body: Vec<u8>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 8192];
            let read = stream.read(&mut asked).unwrap_or(0);
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            // Whoever hangs up early has heard enough.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            if asked.contains("/estimate") {
                return;
            }
        }
    });
    (url, thread)
}

#[test]
fn the_difference_is_shown_and_nothing_written_until_somebody_says_yes() {
    let (shop, played) = shop();
    let before = with_key(&shop, &["plan", ".", "--json"]).ends(0).json();
    let ended = with_key(&shop, &["prices", "refresh", ".", "--width", "80"]).ends(4);
    assert!(ended.stderr.contains("prices.yaml is as it was; --yes writes it"), "{}", ended.stderr);
    insta::assert_snapshot!("prices_refresh", steady(&ended.stdout, &played.url));
    assert!(!shop.path().join("prices.yaml").exists());
    let still = with_key(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_eq!(still["plan"], before["plan"], "asking changes no plan");

    let ended = with_key(&shop, &["prices", "refresh", ".", "--yes", "--json"]).ends(0).json();
    assert_eq!(ended["written"], true);
    assert_eq!(ended["models"][0]["outcome"], "changed");
    insta::assert_snapshot!("prices_file", steady(&shop.read("prices.yaml"), &played.url));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    assert!(shop.read("prices.yaml").contains(&format!("as_of: {today}")));

    // The plan uses it, and is another one.
    let after = with_key(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_ne!(after["plan"], before["plan"]);
    assert_eq!(after["prices"][0]["from"], "file");
    assert_eq!(before["prices"][0]["from"], "card");
    assert_ne!(after["to_run"]["estimate"], before["to_run"]["estimate"]);
    let listed = with_key(&shop, &["prices", ".", "--json"]).ends(0).json();
    assert_eq!(listed["models"][0]["price"]["from"], "file");
    assert_eq!(listed["models"][0]["price"]["age_days"], 0);

    // Asked once more, there is nothing to say.
    let ended = with_key(&shop, &["prices", "refresh", "."]).ends(0);
    assert!(ended.stdout.contains("1 the same"), "{}", ended.stdout);
    // The price back, the plan back.
    std::fs::remove_file(shop.path().join("prices.yaml")).expect("it was there");
    let back = with_key(&shop, &["plan", ".", "--json"]).ends(0).json();
    assert_eq!(back["plan"], before["plan"]);
}

#[test]
fn prices_of_other_models_in_the_file_stay() {
    let (shop, _played) = shop();
    let mine = "kinora_prices: 1\nmodels:\n  runway/gen4.5:\n    price:\n      unit: USD\n      \
                as_of: 2026-11-02\n      source: \"our contract\"\n      charges:\n        \
                - {per: second, amount: 0.09}\n";
    shop.write("prices.yaml", &format!("# what we agreed on\n{mine}"));
    let ended = with_key(&shop, &["prices", "refresh", ".", "--yes"]).ends(0);
    assert!(ended.stderr.contains("comments"), "{}", ended.stderr);
    let file = shop.read("prices.yaml");
    let mine = mine.strip_prefix("kinora_prices: 1\nmodels:\n").expect("as above");
    assert!(file.ends_with(mine), "{file}");
    assert!(file.contains("fal/minimax-h3"));
}

#[test]
fn without_a_key_nobody_is_asked() {
    let (shop, _played) = shop();
    let ended = shop.kinora(&["prices", "refresh", "."]).ends(2);
    assert!(ended.stdout.contains("set FAL_KEY"), "{}", ended.stdout);
}

/// OpenRouter knows a model of other lengths than the card has, and asks more for sound.
const VEO: &str = r#"kinora_model: 1
model: openrouter/veo-3.1
provider: openrouter
title: Veo 3.1 as OpenRouter has it
routes:
  text: {}
  image: {min: 1, max: 1}
durations: {values: [4, 8, 12]}
aspects: ["16:9", "9:16"]
resolutions:
  720p: {short_side: 720}
  1080p: {short_side: 1080}
options: {audio: {title: Sound}}
price:
  unit: USD
  as_of: 2026-11-01
  source: the provider itself
  minimum: 0.5
  charges:
    - {per: second, amount: 0.20, resolutions: [720p], without: [audio]}
    - {per: second, amount: 0.25, resolutions: [1080p], without: [audio]}
    - {per: second, amount: 0.40, options: [audio]}
    - {per: image, amount: 0.002}
api: {id: google/veo-3.1}
"#;

#[test]
fn a_list_of_rates_becomes_a_price_and_what_the_model_can_do_is_compared() {
    let provider = Workspace::with("kinora: 1\n");
    provider.write("models/veo.yaml", VEO);
    let played = Played::start(&provider, "openrouter", &["--speed", "20"]);
    let shop = Workspace::with(&format!(
        r#"kinora: 1
name: prices
budget: {{unit: USD}}
providers: {{openrouter: {{base_url: "{}/api/v1"}}}}
defaults: {{model: openrouter/veo-3.1, duration: 8, resolution: 1080p, aspect: "16:9"}}
shots:
  - {{id: dawn, prompt: "a quiet street at dawn, slow pan"}}
"#,
        played.url
    ));
    // Its list is for everybody, so no key is needed.
    let ended = shop.kinora(&["prices", "refresh", ".", "--yes", "--width", "160"]).ends(0);
    for said in [
        "the provider makes 12 s, which the card does not allow",
        "the card allows 6 s, which the provider does not list",
        "the card has the route `frames`, the provider's list does not",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    let file = shop.read("prices.yaml");
    for line in [
        "- {per: second, amount: 0.2, resolutions: [720p]}",
        "- {per: second, amount: 0.25, resolutions: [1080p]}",
        "- {per: image, amount: 0.002}",
        "minimum: 0.5",
    ] {
        assert!(file.contains(line), "{line}: {file}");
    }
    assert!(!file.contains("0.4"), "the card has no sound that could be switched on: {file}");
}

#[test]
fn a_model_without_a_price_is_priced_or_said_to_have_none() {
    let (shop, played) = shop();
    shop.edit(
        "kinora.yaml",
        "fal/minimax-h3, duration: 5, resolution: 768p",
        "fal/wan-2.7, duration: 5, resolution: 720p",
    );
    // One figure, and the model makes two resolutions: not taken unasked.
    let ended = with_key(&shop, &["prices", "refresh", ".", "--yes", "--width", "80"]).ends(4);
    insta::assert_snapshot!("prices_doubtful", steady(&ended.stdout, &played.url));
    assert!(!shop.path().join("prices.yaml").exists());
    let take = ["prices", "refresh", ".", "--yes", "--take", "fal/wan-2.7"];
    with_key(&shop, &take).ends(0);
    assert!(shop.read("prices.yaml").contains("- {per: second, amount: 0.1}"));
    let wrong = with_key(&shop, &["prices", "refresh", ".", "--take", "fal/wan-2.8"]).ends(2);
    assert!(wrong.stderr.contains("did you mean `fal/wan-2.7`?"), "{}", wrong.stderr);
}

#[test]
fn an_answer_that_is_none_changes_nothing_and_is_said() {
    let figures = |currency: &str, endpoint: &str, price: &str| {
        let entry = |id: &str| {
            format!(
                r#"{{"endpoint_id": "{id}", "unit_price": {price}, "unit": "1000 tokens", "currency": "{currency}"}}"#
            )
        };
        let other = entry("minimax/h3/reference-to-video");
        format!(r#"{{"prices": [{}, {other}], "has_more": false}}"#, entry(endpoint)).into_bytes()
    };
    let known = "minimax/h3/text-to-video";
    let large = || [&b"{\"prices\": [\""[..], &vec![b'x'; 20 << 20], b"\"]}"].concat();
    let secret = format!(r#"{{"detail": "the key {CANARY} is not valid"}}"#).into_bytes();
    let cases = [
        ("401", "401 Unauthorized", secret, 1),
        ("not_json", "200 OK", b"<html>maintenance</html>".to_vec(), 1),
        ("no_list", "200 OK", b"{\"data\": []}".to_vec(), 1),
        ("20_mb", "200 OK", large(), 1),
        ("currency", "200 OK", figures("EUR", known, "0.005"), 4),
        ("no_currency", "200 OK", figures("dollars", known, "0.005"), 1),
        ("unknown_endpoint", "200 OK", figures("USD", "minimax/h4/text-to-video", "0.005"), 1),
        ("below_zero", "200 OK", figures("USD", known, "-0.005"), 1),
        ("jump", "200 OK", figures("USD", known, "5"), 4),
        ("no_number", "200 OK", figures("USD", known, "\"0,005\""), 1),
        ("404", "404 Not Found", b"{\"detail\": \"Endpoint not found\"}".to_vec(), 1),
    ];
    let mut said = String::new();
    for (name, status, body, code) in cases {
        let (url, thread) = answering(status, body);
        let shop = Workspace::with(&manifest(&url));
        let ended =
            with_key(&shop, &["prices", "refresh", ".", "--yes", "--width", "80"]).ends(code);
        assert!(!shop.path().join("prices.yaml").exists(), "{name}: nothing is written");
        said.push_str(&format!("## {name}\n{}\n\n", steady(&ended.stdout, &url)));
        drop(thread);
    }
    insta::assert_snapshot!("prices_answers_that_are_none", said);
}

#[test]
fn a_price_of_the_future_is_refused_and_an_old_one_is_warned_of() {
    let (shop, _played) = shop();
    let file = |day: &str| {
        format!(
            "kinora_prices: 1\nmodels:\n  fal/minimax-h3:\n    price: {{unit: USD, as_of: {day}, \
             source: us, charges: [{{per: second, amount: 0.05}}]}}\n"
        )
    };
    shop.write("prices.yaml", &file("2999-01-01"));
    let ended = with_key(&shop, &["plan", "."]).ends(3);
    assert!(ended.stderr.contains("prices.yaml:4:31"), "{}", ended.stderr);
    assert!(ended.stderr.contains("prices::future"), "{}", ended.stderr);
    shop.write("prices.yaml", &file("2025-01-01"));
    let old = |ended: Ended| {
        let findings = ended.json()["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().find(|f| f["code"] == "plan::old_price").cloned()
    };
    let finding = old(with_key(&shop, &["plan", ".", "--json"]).ends(0)).expect("it is warned of");
    assert_eq!(finding["at"], "prices.yaml:4:31");
    shop.edit("kinora.yaml", "name: prices", "name: prices\nprices: {max_age_days: 36500}");
    assert_eq!(old(with_key(&shop, &["plan", ".", "--json"]).ends(0)), None);
}

#[test]
fn the_example_of_the_reference_is_a_price_file() {
    let reference = include_str!("../../docs/prices.md");
    let example = reference
        .split("```yaml\n")
        .filter_map(|block| block.split("```").next())
        .find(|block| block.starts_with("kinora_prices"))
        .expect("an example");
    let shop = Workspace::with("kinora: 1\n");
    shop.write("prices.yaml", example);
    let day = jiff::civil::date(2026, 11, 24);
    let mut sources = Default::default();
    let (shelf, findings) =
        kinora::models::Shelf::load(shop.path(), day, &Default::default(), &mut sources);
    let said: Vec<&str> = findings.items().iter().map(|f| &f.message[..]).collect();
    assert_eq!(said, Vec::<&str>::new());
    let price = |model| shelf.get(model).and_then(|card| card.price.clone()).expect("a price");
    assert_eq!(price("runway/gen4.5").source, "our contract, until the end of the year");
    assert_eq!(price("fal/minimax-h3").charges.len(), 1);
}
