//! The README tells only what is true: its exit codes and its manifest are the program's own.

use kinora::exit::Exit;

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
    for example in ["examples/minimal/kinora.yaml", "examples/storefront/kinora.yaml"] {
        let text = read(example);
        let schema = "# yaml-language-server: $schema=../../schemas/manifest.schema.json";
        assert!(text.starts_with(schema), "{example}");
    }
}
