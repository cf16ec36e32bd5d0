//! The README tells only what is true: its exit codes and its manifest are the program's own.

use std::collections::BTreeMap;
use std::path::Path;

use kinora::diagnostic::Sources;
use kinora::exit::Exit;
use kinora::limits::Limits;
use kinora::models::Shelf;
use kinora::protocol::Rack;
use kinora::report::{provider_lines, providers_markdown};

fn read(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("it is committed")
}

#[test]
fn the_table_of_exit_codes_is_the_programs() {
    let readme = read("README.md");
    for (exit, meaning) in Exit::TABLE {
        let line = format!("| {} | {meaning} |", exit.code());
        assert!(readme.contains(&line), "README lacks: {line}");
    }
}

#[test]
fn the_manifest_shown_is_the_minimal_example() {
    let example = read("examples/minimal/kinora.yaml");
    let (_, shown) = example.split_once('\n').expect("a first line for editors");
    assert!(read("README.md").contains(shown.trim_end()), "README shows another manifest");
}

#[test]
fn every_example_names_its_schema_for_editors() {
    for example in [
        "examples/hosted/kinora.yaml",
        "examples/minimal/kinora.yaml",
        "examples/storefront/kinora.yaml",
    ] {
        let text = read(example);
        let schema = "# yaml-language-server: $schema=../../schemas/manifest.schema.json";
        assert!(text.starts_with(schema), "{example}");
    }
}

/// `KINORA_UPDATE_README=1` writes the table anew.
#[test]
fn the_table_of_providers_is_that_of_the_cards() {
    let nowhere = Path::new("tests/no-workspace");
    let (mut sources, limits) = (Sources::default(), Limits::default());
    let (rack, _) = Rack::load(nowhere, &limits, &mut sources);
    let (shelf, _) = Shelf::load(nowhere, jiff::civil::date(2026, 11, 23), &limits, &mut sources);
    let lines = provider_lines(&rack, &shelf, &BTreeMap::<String, String>::new());
    let table = providers_markdown(&lines);
    let readme = read("README.md");
    let (before, rest) = readme.split_once("<!-- providers -->\n").expect("its place");
    let (shown, after) = rest.split_once("<!-- /providers -->").expect("its end");
    if std::env::var_os("KINORA_UPDATE_README").is_some() {
        let text = format!("{before}<!-- providers -->\n{table}<!-- /providers -->{after}");
        std::fs::write(format!("{}/README.md", env!("CARGO_MANIFEST_DIR")), text)
            .expect("it can be written");
        return;
    }
    assert_eq!(shown, table, "run this test with KINORA_UPDATE_README=1");
}
