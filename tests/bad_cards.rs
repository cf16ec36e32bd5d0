//! Mistakes in provider cards and in the `api:` of model cards, each with what Kinora says.
//!
//! `tests/bad_cards/provider.yaml` and `model.yaml` are sound. A case of `cases.yaml` changes
//! one of them in one place; what is said then stands in the snapshot of its theme, to be read as
//! whoever writes a card would.

use std::path::Path;

use kinora::diagnostic::{Findings, Severity, Sources, render_text};
use kinora::limits::Limits;
use kinora::models::Shelf;
use kinora::protocol::Rack;
use serde::Deserialize;
use tempfile::TempDir;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad_cards");

/// One mistake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it is, in words.
    mistake: String,
    /// Theme: cases of one theme share a snapshot.
    theme: String,
    /// `provider` or `model`.
    #[serde(default)]
    card: Option<String>,
    /// Text that stands once in the card.
    change: String,
    /// What stands there instead.
    to: String,
}

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}")).expect("it is committed")
}

fn cases() -> Vec<Case> {
    let mut sources = Sources::default();
    let limits = Limits::default();
    let path = format!("{FOLDER}/cases.yaml");
    let (source, text) =
        kinora::yaml::read_file(Path::new(&path), "cases.yaml", &limits, &mut sources)
            .expect("the cases are there");
    let mut findings = Findings::default();
    let node = kinora::yaml::read(&text, source, &limits, &mut findings).expect("they are YAML");
    kinora::yaml::decode(&node).unwrap_or_else(|e| panic!("{e} at {:?}", e.place))
}

/// What is said of a workspace with these two cards.
fn said(provider: &str, model: &str) -> (String, usize) {
    let workspace = TempDir::new().expect("a folder");
    for (folder, text) in [("providers", provider), ("models", model)] {
        let folder = workspace.path().join(folder);
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("acme.yaml"), text).expect("a card");
    }
    let mut sources = Sources::default();
    let limits = Limits::default();
    let (_, mut findings) = Rack::load(workspace.path(), &limits, &mut sources);
    let (_, of_models) =
        Shelf::load(workspace.path(), jiff::civil::date(2026, 11, 23), &limits, &mut sources);
    findings.merge(of_models);
    findings.sort();
    let placed = findings.items().iter().filter(|f| f.place.is_some()).count();
    assert_eq!(placed, findings.items().len(), "every finding has a place");
    (render_text(&findings, &sources, 100, false), findings.count(Severity::Error))
}

#[test]
fn the_cards_that_are_changed_are_sound() {
    let (text, errors) = said(&read("provider.yaml"), &read("model.yaml"));
    assert_eq!((text.as_str(), errors), ("", 0));
}

#[test]
fn every_mistake_is_said_at_its_place() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} mistakes are in the table", cases.len());
    let mut themes: Vec<&str> = cases.iter().map(|case| case.theme.as_str()).collect();
    themes.sort_unstable();
    themes.dedup();
    let mut unsaid: Vec<&str> = Vec::new();
    for theme in themes {
        let mut text = String::new();
        for case in cases.iter().filter(|case| case.theme == theme) {
            let (mut provider, mut model) = (read("provider.yaml"), read("model.yaml"));
            let of_model = case.card.as_deref() == Some("model");
            let card = if of_model { &mut model } else { &mut provider };
            let times = card.matches(&case.change).count();
            assert_eq!(times, 1, "`{}` stands {times} times in the card", case.change);
            *card = card.replace(&case.change, &case.to);
            let (said, errors) = said(&provider, &model);
            if errors == 0 {
                unsaid.push(case.mistake.as_str());
            }
            text += &format!("=== {}\n\n{said}\n", case.mistake);
        }
        insta::with_settings!({ snapshot_path => FOLDER, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(theme.to_owned(), text);
        });
    }
    assert!(unsaid.is_empty(), "nothing is said of: {unsaid:#?}");
}
