//! Hosted providers, driven by the program itself against providers played on this machine.

use std::path::Path;

use crate::played::Played;
use crate::workspace::{Ended, Workspace};

/// Looks like nothing else, so that it is found wherever it should not be.
const CANARY: &str = "canary-7f3a91-never-written";

/// One product, two clips, by a model of fal that takes references.
fn manifest(url: &str) -> String {
    format!(
        r#"kinora: 1
name: hosted
budget: {{unit: USD}}
providers:
  fal: {{base_url: "{url}", variables: {{rest_url: "{url}", api_url: "{url}"}}}}
defaults: {{model: fal/seedance-2.0, duration: 4, resolution: 480p, aspect: "1:1"}}
subjects:
  products:
    kind: product
    items: [{{id: mug, references: [{{name: hero, image: images/mug.png}}]}}]
shots:
  - {{id: turn, for: products, prompt: "it turns slowly"}}
  - {{id: hold, for: products, prompt: "a hand picks up @hero"}}
"#
    )
}

fn with_key(shop: &Workspace, arguments: &[&str]) -> Ended {
    let output = shop.command(arguments).env("FAL_KEY", CANARY).output().expect("it starts");
    Ended::new(arguments, output)
}

fn shop() -> (Workspace, Played) {
    let shop = Workspace::with("kinora: 1\n");
    shop.picture("images/mug.png", [190, 90, 60]);
    let played = Played::start(&shop, "fal", &["--speed", "20"]);
    shop.write("kinora.yaml", &manifest(&played.url));
    // Large enough for what the model takes.
    let path = shop.path().join("images/mug.png");
    image::RgbImage::from_pixel(512, 512, image::Rgb([190, 90, 60])).save(path).expect("saved");
    (shop, played)
}

/// Every file below a folder that holds the bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).expect("readable").windows(bytes.len()).any(|w| w == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn clips_are_made_by_a_hosted_provider_and_its_key_is_written_nowhere() {
    let (shop, _played) = shop();
    let mut said = Vec::new();
    for (arguments, code) in [
        (&["models", "."][..], 0),
        (&["providers", ".", "--json"][..], 0),
        (&["check", "."][..], 0),
        (&["plan", ".", "--json"][..], 0),
        (&["run", ".", "--yes", "--json"][..], 0),
        (&["status", ".", "--json"][..], 0),
        (&["report", ".", "--format", "json"][..], 0),
        (&["report", ".", "-o", "page.html"][..], 0),
        (&["plan", "."][..], 0),
    ] {
        let ended = with_key(&shop, arguments).ends(code);
        said.push(ended.stdout.clone());
        said.push(ended.stderr.clone());
    }
    assert_eq!(shop.files("clips", "mp4").len(), 2);
    for clip in shop.files("clips", "mp4") {
        kinora::media::clip::inspect(&clip).expect("a whole clip");
    }
    assert!(said.last().is_some_and(|text| !text.contains(CANARY)));
    assert!(said.iter().all(|text| !text.contains(CANARY)), "nothing that is printed holds it");
    assert_eq!(holding(shop.path(), CANARY.as_bytes()), Vec::<String>::new());
}

#[test]
fn a_wrong_key_and_a_server_that_is_gone_are_said_without_the_key() {
    let (shop, played) = shop();
    drop(played);
    let ended = with_key(&shop, &["run", ".", "--yes"]);
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert!(text.contains("unreachable") || text.contains("connect"), "{text}");
    assert!(!text.contains(CANARY), "{text}");
    assert_eq!(shop.files("clips", "mp4").len(), 0);
    assert_eq!(holding(shop.path(), CANARY.as_bytes()), Vec::<String>::new());
}

#[test]
fn without_its_key_nothing_is_approved_and_nothing_sent() {
    let (shop, _played) = shop();
    let ended = shop.kinora(&["run", ".", "--yes"]).ends(2);
    assert!(ended.stderr.contains("FAL_KEY"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was spent"), "{}", ended.stderr);
}

#[test]
fn a_rehearsal_makes_the_whole_run_and_the_books_agree() {
    let (shop, played) = shop();
    drop(played);
    let options = ["--faults", "many", "--seed", "5", "--speed", "20", "--clip-side", "96"];
    let mut arguments = vec!["rehearse", "."];
    arguments.extend(options);
    let ended = shop.kinora(&arguments).ends(0);
    assert!(ended.stdout.contains("the books agree"), "{}", ended.stdout);
    assert_eq!(shop.files("clips", "mp4").len(), 0, "a rehearsal leaves the shop alone");
}
