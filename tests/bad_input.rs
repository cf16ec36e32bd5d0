//! A table of broken manifests, feeds and cards, each with what Kinora says about it.
//!
//! A case is a text file in `tests/bad_input`: its files, each after a line `== NAME`. After
//! `== NAME (escaped)`, `\xNN`, `\n`, `\r` and `\\` stand for bytes, and line ends count for
//! nothing. After `== limits` there are lines `name=value`; after `== links`, lines
//! `name -> target`. What is said stands beside it in a snapshot, to be read as a user would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kinora::diagnostic::{render_json, render_text};
use kinora::manifest::{LoadOptions, load};
use kinora::models::Shelf;
use kinora::plan::{check_limits, check_providers};
use kinora::protocol::Rack;

fn table() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input");
    let entries = std::fs::read_dir(folder).expect("the table");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    cases.sort();
    cases
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes().filter(|b| *b != b'\n');
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b'x') => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("two hex digits"));
            }
            _ => out.push(b'\\'),
        }
    }
    out
}

/// Lays a case out in a folder; gives the limits it asks for.
fn lay_out(case: &str, dir: &Path) -> LoadOptions {
    let mut options =
        LoadOptions { environment: Arc::new(BTreeMap::new()), ..LoadOptions::default() };
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(path, bytes).expect("the file");
    };
    for part in case.split("\n== ").map(|p| p.strip_prefix("== ").unwrap_or(p)) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        // The line break that ends the last line belongs to it, unless the case ends there.
        let body = if body.is_empty() || body.ends_with('\n') {
            body.to_owned()
        } else {
            format!("{body}\n")
        };
        match head.strip_suffix(" (escaped)") {
            Some(name) => write(name, &unescape(&body)),
            None if head == "limits" => {
                for line in body.lines() {
                    let (name, value) = line.split_once('=').expect("name=value");
                    assert!(options.limits.set(name, value.parse().expect("a number")));
                }
            }
            #[cfg(unix)]
            None if head == "links" => {
                for line in body.lines() {
                    let (name, target) = line.split_once(" -> ").expect("name -> target");
                    let path = dir.join(name);
                    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
                    std::os::unix::fs::symlink(target, path).expect("the link");
                }
            }
            None => write(head, body.as_bytes()),
        }
    }
    options
}

#[test]
fn each_broken_input_is_explained_at_its_place() {
    let cases = table();
    assert!(cases.len() >= 60, "the table has {} cases", cases.len());
    for path in cases {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let case = std::fs::read_to_string(&path).expect("the case");
        let dir = tempfile::tempdir().expect("a temporary folder");
        // The workspace lies one level down, so that a case can have files beside it.
        let workspace = dir.path().join("shop");
        std::fs::create_dir(&workspace).expect("the workspace");
        let options = lay_out(&case, &workspace);
        let mut loaded = load(&workspace.join("kinora.yaml"), &options);
        let (shelf, cards) = Shelf::load(
            &workspace,
            jiff::civil::date(2026, 11, 23),
            &options.limits,
            &mut loaded.sources,
        );
        loaded.findings.merge(cards);
        let (rack, cards) = Rack::load(&workspace, &options.limits, &mut loaded.sources);
        loaded.findings.merge(cards);
        if let Some(catalogue) = &loaded.catalogue {
            loaded.findings.merge(check_providers(catalogue, &rack));
            loaded.findings.merge(check_limits(catalogue, &shelf, &rack));
        }
        assert!(loaded.findings.has_errors(), "{name}: nothing is wrong?");
        assert!(!workspace.join(".kinora").exists(), "{name}: something was written");
        let places = render_json(&loaded.findings, &loaded.sources);
        for place in places.iter().filter_map(|f| f.place.as_ref()) {
            assert!(place.line > 0 && place.column > 0, "{name}: a place outside its file");
        }
        let shown = render_text(&loaded.findings, &loaded.sources, 100, false);
        let root = dir.path().to_string_lossy();
        assert!(!shown.contains(&*root), "{name}: paths must not tell where the folder is");
        insta::with_settings!({
            snapshot_path => "bad_input",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, shown);
        });
    }
}
