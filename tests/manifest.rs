//! Loading good manifests: what they say is what the catalogue holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kinora::diagnostic::{Sources, render_text};
use kinora::limits::Limits;
use kinora::manifest::{Catalogue, LoadOptions, Loaded, load};
use kinora::models::Shelf;

/// A workspace with files; pictures are only looked at, so any byte will do.
fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    dir
}

fn open(dir: &Path) -> Loaded {
    load(&dir.join("kinora.yaml"), &LoadOptions::default())
}

fn good(files: &[(&str, &str)]) -> (tempfile::TempDir, Catalogue) {
    let dir = workspace(files);
    let loaded = open(dir.path());
    let shown = render_text(&loaded.findings, &loaded.sources, 100, false);
    let catalogue = loaded.catalogue.unwrap_or_else(|| panic!("it should load:\n{shown}"));
    (dir, catalogue)
}

const STOREFRONT: &str = r#"
kinora: 1
name: spring-storefront

defaults:
  model: animatic
  duration: 5
  aspect: "9:16"
  resolution: 720p
limits: {in_flight: 8}
budget: {per_run: 2000, per_job: 60, per_month: 10000}

subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, role: identity, image: "images/{{ sku }}/front.jpg"}
      - {name: detail, role: identity, images: "images/{{ sku }}/detail-*.jpg", optional: true}
  cast:
    kind: character
    items:
      - id: mia
        references: [{name: face, role: identity, image: images/cast/mia.png}]

shots:
  - id: turn
    for: products
    where: price > 20 and "new" in tags
    prompt: "{{ title }} from @hero turns slowly on marble, soft daylight, the camera pushes in"
    matrix: {aspect: ["9:16", "1:1"]}
    takes: 2
  - id: in-use
    for: products
    with: {host: cast.mia}
    prompt: "@host picks up @hero and smiles"
  - id: mood
    prompt: "a quiet spring street at dawn, slow pan"

out: "clips/{{ subject.id }}/{{ shot.id }}-{{ job.short }}.mp4"
"#;

#[test]
fn a_storefront_loads_with_its_feed_and_pictures() {
    let (_dir, catalogue) = good(&[
        ("kinora.yaml", STOREFRONT),
        ("products.csv", "sku,title,price,tags\nmug-1,Mug,24.90,\"new, blue\"\n007,Cup,9,\n"),
        ("images/mug-1/front.jpg", "x"),
        ("images/mug-1/detail-1.jpg", "x"),
        ("images/mug-1/detail-2.jpg", "x"),
        ("images/007/front.jpg", "x"),
        ("images/cast/mia.png", "x"),
    ]);
    assert_eq!(catalogue.name, "spring-storefront");
    let products = &catalogue.sets[0];
    let ids: Vec<&str> = products.subjects.iter().map(|s| &*s.id).collect();
    assert_eq!(ids, ["mug-1", "007"], "an id keeps its zeros");
    let mug = &products.subjects[0];
    let tags: Vec<&str> = mug.tags.iter().map(|t| &**t).collect();
    assert_eq!(tags, ["new", "blue"]);
    let names: Vec<&str> = mug.references.iter().map(|r| &*r.name).collect();
    assert_eq!(names, ["hero", "detail-1", "detail-2"]);
    assert!(catalogue.pictures.iter().all(|(_, p)| p.stamp.is_some()));
    let turn = &catalogue.shots[0];
    assert_eq!(turn.takes, 2);
    assert_eq!(turn.settings.aspect.as_ref().map(|a| a.value.as_str()), Some("9:16"));
}

#[test]
fn the_shipped_model_cards_are_all_good() {
    let dir = workspace(&[]);
    let mut sources = Sources::default();
    let (shelf, findings) = Shelf::load(dir.path(), &Limits::default(), &mut sources);
    assert!(findings.is_empty(), "{}", render_text(&findings, &sources, 100, false));
    assert_eq!(shelf.iter().count(), kinora::models::SHIPPED.len());
}

#[test]
fn the_environment_is_read_only_where_the_manifest_lists_it() {
    let dir = workspace(&[(
        "kinora.yaml",
        "kinora: 1\nallow: {env: [SEASON]}\nshots:\n  - {id: a, prompt: \"{{ env.SEASON }} wind\"}\n",
    )]);
    let environment = BTreeMap::from([("SEASON".to_owned(), "spring".to_owned())]);
    let options =
        LoadOptions { environment: Arc::new(environment.clone()), ..LoadOptions::default() };
    let loaded = load(&dir.path().join("kinora.yaml"), &options);
    let catalogue = loaded.catalogue.expect("it loads");
    assert_eq!(catalogue.env, environment);
    let other = BTreeMap::from([("SEASON".to_owned(), "autumn".to_owned())]);
    let options = LoadOptions { environment: Arc::new(other), ..LoadOptions::default() };
    let again = load(&dir.path().join("kinora.yaml"), &options).catalogue.expect("it loads");
    assert_ne!(catalogue.inputs, again.inputs, "the values are part of the inputs");
}

#[test]
fn what_a_file_holds_never_commands_the_terminal() {
    let dir = workspace(&[(
        "kinora.yaml",
        "kinora: 1\nshots:\n  - {id: \"a\u{85}b\", route: \"x\\e[31my\", prompt: z}\n",
    )]);
    let loaded = open(dir.path());
    let shown = render_text(&loaded.findings, &loaded.sources, 100, false);
    assert!(loaded.findings.has_errors());
    assert!(!shown.contains(['\u{1b}', '\u{85}']), "{shown}");
}
