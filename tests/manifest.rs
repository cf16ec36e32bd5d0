//! Loading good manifests: what they say is what the catalogue holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kinora::diagnostic::{Sources, render_text};
use kinora::limits::Limits;
use kinora::manifest::{
    Bounds, Catalogue, ConsistencyRule, LoadOptions, Loaded, OnFail, PoolLimit, Role, Unknown, load,
};
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
    let (shelf, findings) =
        Shelf::load(dir.path(), jiff::civil::date(2026, 11, 23), &Limits::default(), &mut sources);
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

fn sources_of(catalogue: &Catalogue) -> Vec<Option<&str>> {
    catalogue.shots.iter().map(|s| s.out.as_ref().map(|o| &*o.source)).collect()
}

#[test]
fn use_may_name_one_picture_of_a_glob() {
    let manifest = |name: &str| {
        format!(
            "kinora: 1\nsubjects: {{p: {{kind: product, items: [{{id: mug, references: [{{name: \
             detail, images: \"*.jpg\"}}]}}]}}}}\nshots: [{{id: a, for: p, use: {name}, prompt: \
             it turns}}]\n"
        )
    };
    let pictures = [("a.jpg", "a"), ("b.jpg", "b")];
    for (name, known) in [("detail", true), ("detail-2", true), ("detail-x", false)] {
        let text = manifest(name);
        let files: Vec<_> = pictures.into_iter().chain([("kinora.yaml", &*text)]).collect();
        let loaded = open(workspace(&files).path());
        let unknown =
            loaded.findings.items().iter().any(|f| f.code == "manifest::unknown_reference");
        assert_eq!(!unknown, known, "{name}");
    }
}

#[test]
fn one_out_serves_shots_with_and_without_a_subject() {
    let shots = "subjects: {cast: {kind: character, items: [{id: mia}]}}\nshots:\n  - {id: a, for: cast, prompt: she turns}\n  - {id: b, prompt: slow pan}\n  - {id: c, prompt: pan, out: \"{{ job.short }}.mp4\"}\n";
    let (_dir, catalogue) = good(&[("kinora.yaml", &format!("kinora: 1\n{shots}"))]);
    assert_eq!(&*catalogue.out.source, "clips/{{ subject.id }}/{{ shot.id }}-{{ job.short }}.mp4");
    let alone = Some("clips/{{ shot.id }}-{{ job.short }}.mp4");
    assert_eq!(sources_of(&catalogue), [None, alone, Some("{{ job.short }}.mp4")]);
    let out = "out: \"v/{{ subject.kind }}/{{ variant.aspect }}/{{ subject.id }}.mp4\"\n";
    let (_dir, catalogue) = good(&[("kinora.yaml", &format!("kinora: 1\n{out}{shots}"))]);
    let alone = "v/{{ variant.aspect }}/{{ shot.id }}-{{ job.short }}.mp4";
    assert_eq!(sources_of(&catalogue)[1], Some(alone));
}

#[test]
fn included_manifests_add_their_subjects_and_shots_once() {
    let (_dir, catalogue) = good(&[
        (
            "kinora.yaml",
            "kinora: 1\ninclude: [a/one.yaml, a/two.yaml]\ndefaults: {duration: 4}\nshots:\n  - {id: root, for: [mugs, cups.c1], prompt: it turns}\n",
        ),
        (
            "a/one.yaml",
            "kinora: 1\ninclude: [two.yaml]\nsubjects:\n  mugs: {kind: product, items: [{id: m1, references: [{image: m1.jpg}]}]}\n",
        ),
        (
            "a/two.yaml",
            "kinora: 1\nsubjects:\n  cups: {kind: product, from: feeds/cups.csv}\nshots:\n  - {id: two, for: cups, prompt: it turns, duration: \"2.50\"}\n",
        ),
        ("a/feeds/cups.csv", "id\nc1\nc2\n"),
        ("a/m1.jpg", "x"),
    ]);
    let sets: Vec<&str> = catalogue.sets.iter().map(|s| &*s.name).collect();
    assert_eq!(sets, ["mugs", "cups"], "in the order of the includes, each once");
    let shots: Vec<&str> = catalogue.shots.iter().map(|s| &*s.id).collect();
    assert_eq!(shots, ["root", "two"]);
    let durations: Vec<String> = catalogue
        .shots
        .iter()
        .map(|s| s.settings.duration.as_ref().expect("a duration").value.to_string())
        .collect();
    assert_eq!(durations, ["4", "2.50"], "decimals are exact; the root's defaults hold for all");
    let pictures: Vec<&str> = catalogue.pictures.iter().map(|(_, p)| &*p.path).collect();
    assert_eq!(pictures, ["a/m1.jpg"], "paths are relative to the file that wrote them");
}

#[test]
fn scalars_keep_the_text_that_was_written() {
    let (_dir, catalogue) = good(&[(
        "kinora.yaml",
        "kinora: 1\nsubjects:\n  cast:\n    kind: character\n    defaults: {coat: no}\n    items:\n      - {id: 010, attributes: {size: 1_000, price: 1.20, born: 2024-01-01}}\n      - {id: two, attributes: {coat: red}}\nshots: [{id: a, for: cast, prompt: \"{{ coat }} coat turns\"}]\n",
    )]);
    let set = &catalogue.sets[0];
    let value = |subject: usize, name: &str| {
        set.columns.position(name).and_then(|c| set.subjects[subject].row.get(c))
    };
    assert_eq!(&*set.subjects[0].id, "010");
    assert_eq!(value(0, "size"), Some("1_000"));
    assert_eq!(value(0, "price"), Some("1.20"));
    assert_eq!(value(0, "born"), Some("2024-01-01"));
    assert_eq!(value(0, "coat"), Some("no"), "the default of the set");
    assert_eq!(value(1, "coat"), Some("red"));
    assert_eq!(value(1, "size"), None);
}

#[test]
fn a_feed_from_a_spreadsheet_is_read_as_it_is() {
    let csv = "\u{feff}Handle;Product Name;Variant Price;Published;Labels\r\n\
               mug;\"A \"\"big\"\"\r\nmug; blue\";12.50;TRUE;new | blue;\r\n";
    let csv = csv.replace("blue;\r\n", "blue\r\n").replace(" | blue", " | blue ");
    let (_dir, catalogue) = good(&[
        (
            "kinora.yaml",
            "kinora: 1\nsubjects:\n  products:\n    kind: product\n    from: p.csv\n    delimiter: \";\"\n    id: \"{{ Handle }}\"\n    tags: Labels\n    attributes: {title: Product Name, price: {column: variant_price, type: number}, Published: {type: boolean}}\nshots:\n  - {id: a, for: products, where: price > 3 and Published, prompt: \"{{ title }} turns\"}\n",
        ),
        ("p.csv", &csv),
    ]);
    let set = &catalogue.sets[0];
    let known: Vec<&str> = set.columns.known().collect();
    assert_eq!(known, ["Handle", "title", "price", "Published", "Labels"]);
    let names: Vec<&str> = set.columns.names().collect();
    assert_eq!(names, ["title", "price", "Published"], "what a shot names");
    let row = &set.subjects[0].row;
    assert_eq!(row.get(0), Some("A \"big\"\r\nmug; blue"));
    assert_eq!(row.get(2), Some("true"), "conditions compare with one spelling");
    let tags: Vec<&str> = set.subjects[0].tags.iter().map(|t| &**t).collect();
    assert_eq!(tags, ["new", "blue"]);
}

#[test]
fn further_roots_are_read_only_when_allowed() {
    let dir = workspace(&[
        (
            "shop/kinora.yaml",
            "kinora: 1\nallow: {roots: [../pictures]}\nsubjects:\n  cast: {kind: character, items: [{id: mia, references: [{images: \"../pictures/*.jpg\"}]}]}\nshots: [{id: a, for: cast, prompt: she turns}]\n",
        ),
        ("pictures/b.jpg", "x"),
        ("pictures/a.jpg", "x"),
        ("pictures/.hidden.jpg", "x"),
    ]);
    let loaded = load(&dir.path().join("shop/kinora.yaml"), &LoadOptions::default());
    let catalogue = loaded.catalogue.expect("it loads");
    let pictures: Vec<&str> = catalogue.pictures.iter().map(|(_, p)| &*p.path).collect();
    assert_eq!(pictures, ["../pictures/a.jpg", "../pictures/b.jpg"]);
}

#[test]
fn the_same_files_give_the_same_inputs_and_any_change_another() {
    let files = |title: &str| {
        vec![
            ("kinora.yaml".to_owned(), "kinora: 1\nsubjects: {p: {kind: product, from: p.csv}}\nshots: [{id: a, for: p, prompt: it turns}]\n".to_owned()),
            ("p.csv".to_owned(), format!("id,title\n1,{title}\n")),
        ]
    };
    let inputs = |title: &str| {
        let files = files(title);
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (&**n, &**t)).collect();
        good(&files).1.inputs
    };
    assert_eq!(inputs("Mug"), inputs("Mug"));
    assert_ne!(inputs("Mug"), inputs("Cup"));
}

#[test]
fn the_command_line_wins_over_the_limits_of_the_manifest() {
    let dir = workspace(&[(
        "kinora.yaml",
        "kinora: 1\nlimits: {jobs: 5, prompt_bytes: 9}\nshots: [{id: a, prompt: it turns}]\n",
    )]);
    let limits = Limits { jobs: 7, ..Limits::default() };
    let loaded =
        load(&dir.path().join("kinora.yaml"), &LoadOptions { limits, ..LoadOptions::default() });
    let catalogue = loaded.catalogue.expect("it loads");
    assert_eq!((catalogue.limits.jobs, catalogue.limits.prompt_bytes), (7, 9));
}

#[test]
fn aliases_and_merge_keys_save_words() {
    let (_dir, catalogue) = good(&[(
        "kinora.yaml",
        "kinora: 1\nshots:\n  - &base {id: a, prompt: it turns, duration: 3, aspect: 1:1}\n  - {<<: *base, id: b, duration: 6}\n",
    )]);
    let b = &catalogue.shots[1].settings;
    assert_eq!(b.duration.as_ref().map(|d| d.value.to_string()).as_deref(), Some("6"));
    assert_eq!(b.aspect.as_ref().map(|a| a.value.as_str()), Some("1:1"));
}

#[test]
fn a_colour_that_nothing_is_padded_with_is_a_warning_at_its_place() {
    let shot = |rest: &str| format!("  - {{id: a, prompt: a slow pan, {rest}}}\n");
    let said = |defaults: &str, rest: &str| {
        let text = format!("kinora: 1\n{defaults}shots:\n{}", shot(rest));
        let dir = workspace(&[("kinora.yaml", &text)]);
        let loaded = open(dir.path());
        loaded.findings.items().iter().map(|f| f.message.clone()).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    let ignored = "`pad` has no effect with `fit: crop`";
    assert_eq!(said("", "fit: crop, pad: '#ffffff'"), [ignored]);
    assert_eq!(said("", "pad: '#ffffff'"), ["`pad` has no effect with `fit: keep`"]);
    assert_eq!(said("defaults: {fit: pad}\n", "pad: '#ffffff'"), none);
    // A colour among the defaults is for the shots that pad.
    assert_eq!(said("defaults: {pad: '#ffffff'}\n", "fit: crop"), none);
    assert_eq!(said("", "pad: '#ffffff', matrix: {fit: [pad, blur]}"), none);
}

#[test]
fn providers_wishes_and_urls_are_kept() {
    let (_dir, catalogue) = good(&[
        (
            "kinora.yaml",
            r#"
kinora: 1
budget: {unit: USD}
defaults: {model: auto, choose: {max_price: 2.50, not: ["*-fast"]}}
providers:
  fal: {base_url: "http://127.0.0.1:8080/"}
  dashscope: {variables: {region: beijing, slot: 3}}
subjects:
  products:
    kind: product
    from: products.csv
    references:
      - {name: hero, image: "{{ id }}.png", url: "https://cdn.example.com/{{ file }}"}
      - {name: side, image: "{{ id }}.png", url: "{{ link }}"}
shots:
  - {id: turn, for: products, prompt: it turns, choose: {references: 2, not: fal/*}}
  - {id: draft, for: products, prompt: it turns, model: animatic}
  - {id: both, for: products, prompt: it turns, model: animatic, matrix: {model: [animatic, auto]}}
"#,
        ),
        ("products.csv", "id,file,link\nmug,red mug.png,\ncup,cup.png,https://x.example/y\n"),
        ("mug.png", ""),
        ("cup.png", ""),
    ]);
    let fal = catalogue.providers["fal"].base_url.as_ref().map(|url| url.value.as_str());
    assert_eq!(fal, Some("http://127.0.0.1:8080"), "paths begin with the `/`");
    let variables = &catalogue.providers["dashscope"].variables;
    assert_eq!(variables["region"].value.value, "beijing");
    assert_eq!(variables["slot"].value.value, "3");

    let choose = |shot: usize| catalogue.shots[shot].settings.choose.as_ref().map(|c| &c.value);
    let turn = choose(0).expect("its model is auto");
    assert_eq!(turn.max_price.as_ref().map(|p| p.value.to_string()).as_deref(), Some("2.50"));
    assert_eq!(turn.references.as_ref().map(|r| r.value), Some(2));
    let not: Vec<&str> = turn.not.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(not, ["fal/*"], "a shot's key takes the place of the default's");
    assert_eq!(choose(1), None);
    assert!(choose(2).is_some_and(|c| c.not[0].matches("google/veo-3.1-fast")));

    let urls: Vec<Option<&str>> = catalogue.sets[0]
        .subjects
        .iter()
        .flat_map(|s| s.references.iter().map(|r| r.url.as_deref()))
        .collect();
    let (mug, cup) = ("https://cdn.example.com/red%20mug.png", "https://cdn.example.com/cup.png");
    assert_eq!(urls, [Some(mug), None, Some(cup), Some("https://x.example/y")]);
}

const LIMITED: &str = r#"
kinora: 1
limits:
  in_flight: 800
  requests: 100
  fetches: 8
  providers: {fal: {in_flight: 400, per_minute: 120}, runway: 5}
  models: {fal/seedance-2.0: {per_day: 500}}
  accounts: {team-a: 600}
budget:
  per_month: 10000
  models: {fal/seedance-2.0: {per_run: 300, per_day: 500.5}}
  providers: {fal: {per_month: 8000}}
  accounts: {team-a: {per_month: 9000}}
providers: {fal: {account: team-a}, runway: {}}
pay_again: true
unknown: {resubmit: 12.5}
shots: [{id: mood, prompt: dawn}]
"#;

#[test]
fn limits_and_budgets_are_by_provider_model_and_account() {
    let (_dir, catalogue) = good(&[("kinora.yaml", LIMITED)]);
    let limits = &catalogue.concurrency;
    assert_eq!(
        (limits.in_flight, limits.requests, limits.fetches),
        (Some(800), Some(100), Some(8))
    );
    let fal = PoolLimit { in_flight: Some(400), per_minute: Some(120), per_day: None };
    assert_eq!(limits.providers["fal"], fal);
    assert_eq!(limits.providers["runway"], PoolLimit::at_once(5), "a number means jobs at once");
    assert_eq!(limits.models["fal/seedance-2.0"].per_day, Some(500));
    assert_eq!(limits.accounts["team-a"], PoolLimit::at_once(600));
    let budget = &catalogue.budget;
    let amount = |limit: &Option<kinora::manifest::Limit>| {
        limit.as_ref().map(|limit| limit.amount.to_string())
    };
    let model = &budget.models["fal/seedance-2.0"];
    assert_eq!(amount(&model.per_run).as_deref(), Some("300"));
    assert_eq!(amount(&model.per_day).as_deref(), Some("500.5"));
    assert_eq!(amount(&model.per_month), None);
    assert_eq!(amount(&budget.providers["fal"].per_month).as_deref(), Some("8000"));
    assert_eq!(amount(&budget.accounts["team-a"].per_month).as_deref(), Some("9000"));
    assert_eq!(catalogue.providers["fal"].account, "team-a");
    assert_eq!(catalogue.providers["runway"].account, "", "there is one only");
    assert!(catalogue.pay_again);
    let per_month = "12.5".parse().expect("a decimal literal");
    assert_eq!(catalogue.unknown, Unknown::Resubmit { per_month });
}

#[test]
fn unknown_outcomes_are_held_and_nothing_is_paid_again_unless_the_manifest_says_so() {
    for text in [
        "kinora: 1\nshots: [{id: mood, prompt: dawn}]\n",
        "kinora: 1\nunknown: hold\npay_again: false\nshots: [{id: mood, prompt: dawn}]\n",
    ] {
        let (_dir, catalogue) = good(&[("kinora.yaml", text)]);
        assert_eq!(catalogue.unknown, Unknown::Hold);
        assert!(!catalogue.pay_again);
        assert_eq!(catalogue.concurrency, Default::default());
    }
}

const CHECKED: &str = r#"
kinora: 1
include: more.yaml
defaults:
  consistency: {min: 70, fail_below: 40, roles: {identity: {min: 90}}, max_retakes: 2}
subjects:
  products:
    kind: product
    items: [{id: mug, references: [{name: hero, image: mug.jpg}, {role: mood, image: dawn.jpg}]}]
shots:
  - {id: plain, for: products, prompt: it turns}
  - {id: again, for: products, prompt: it turns, consistency: {on_fail: retake, decode: ffmpeg}}
  - {id: thrice, for: products, prompt: it turns, consistency: {on_fail: retake, max_retakes: 3}}
  - {id: none, for: products, prompt: it turns, consistency: off}
  - {id: "false", for: products, prompt: it turns, consistency: false}
"#;

#[test]
fn what_is_asked_of_clips_is_what_stands_nearest_key_by_key_and_role_by_role() {
    let more = "kinora: 1\nshots:\n  - id: far\n    for: products\n    prompt: it turns\n    consistency: \
                {min: 80, on_fail: hold, roles: {identity: {fail_below: 60}, mood: {fail_below: 0}}}\n";
    let files =
        [("kinora.yaml", CHECKED), ("more.yaml", more), ("mug.jpg", "x"), ("dawn.jpg", "x")];
    let (_dir, catalogue) = good(&files);
    let asked = |id: &str| -> Option<ConsistencyRule> {
        let shot = catalogue.shots.iter().find(|shot| &*shot.id == id).expect("a shot");
        let asked = &shot.settings.consistency;
        assert!(asked.place.is_some(), "{id}: it is written");
        asked.rule.as_deref().cloned()
    };
    let bounds = |min, fail_below| Bounds { min, fail_below };
    let plain = ConsistencyRule {
        bounds: bounds(70, 40),
        roles: BTreeMap::from([(Role::Identity, bounds(90, 40))]),
        ..ConsistencyRule::default()
    };
    assert_eq!(asked("plain"), Some(plain.clone()), "how often counts only where it is made again");
    let again =
        ConsistencyRule { on_fail: OnFail::Retake, max_retakes: 2, ffmpeg: true, ..plain.clone() };
    assert_eq!(asked("again"), Some(again));
    let thrice = ConsistencyRule { on_fail: OnFail::Retake, max_retakes: 3, ..plain };
    assert_eq!(asked("thrice"), Some(thrice));
    assert_eq!((asked("none"), asked("false")), (None, None));
    let far = ConsistencyRule {
        bounds: bounds(80, 40),
        roles: BTreeMap::from([(Role::Identity, bounds(90, 60)), (Role::Mood, bounds(80, 0))]),
        on_fail: OnFail::Hold,
        ..ConsistencyRule::default()
    };
    assert_eq!(asked("far"), Some(far), "a manifest that is included has the root's defaults");
}

#[test]
fn without_a_word_clips_are_asked_what_is_usual() {
    let text = "kinora: 1\ndefaults: {consistency: off}\nshots:\n  - {id: a, prompt: dawn, references: \
                [{image: a.jpg}], consistency: {min: 10}}\n";
    let (_dir, catalogue) = good(&[("kinora.yaml", text), ("a.jpg", "x")]);
    let rule = catalogue.shots[0].settings.consistency.rule.clone().expect("the shot asks");
    assert_eq!(rule.bounds, Bounds { min: 10, fail_below: 0 }, "never below 0");
    let text = "kinora: 1\nshots: [{id: mood, prompt: dawn}]\n";
    let (_dir, catalogue) = good(&[("kinora.yaml", text)]);
    let usual = &catalogue.shots[0].settings.consistency;
    assert_eq!((usual.place, usual.rule.as_deref()), (None, Some(&ConsistencyRule::default())));
}
