//! What shops get: Shopify's calls, Google's supplemental feed.

use serde_json::{Value, json};

use crate::played::Played;
use crate::shop::{codes, equal_clips, hosted, json_lines, made, rows, with_key};

fn lines(shop: &crate::workspace::Workspace, kind: &str) -> Vec<Value> {
    let all = json_lines(&shop.read("export/shopify.jsonl"));
    all.into_iter().filter(|line| line["line"] == kind).collect()
}

const GOOGLE: &str = "export: {google: {video_link: \"https://cdn.a.example/v/{{ file }}\"}}";

#[test]
fn shopify_gets_each_file_once_with_its_exact_size_and_a_call_for_each_product() {
    let shop = made("export: {shopify: {alt: \"{{ title }} ({{ shot.id }})\", position: 2}}");
    shop.kinora(&["export", ".", "--what", "shopify"]).ends(0);
    let (uploads, media) = (lines(&shop, "upload"), lines(&shop, "media"));
    // Three products; the mood is no product's.
    assert_eq!((uploads.len(), media.len()), (8, 8));
    for upload in &uploads {
        let input = &upload["variables"]["input"][0];
        let file = shop.path().join(upload["file"].as_str().expect("a path"));
        let size = std::fs::metadata(&file).expect("a clip").len();
        let name = file.file_name().expect("a name").to_string_lossy();
        assert_eq!(
            *input,
            json!({"resource": "VIDEO", "filename": name, "mimeType": "video/mp4",
                   "fileSize": size.to_string(), "httpMethod": "POST"})
        );
    }
    assert_eq!(
        media[2]["variables"],
        json!({"product": {"id": "{product_id}"}, "media": [{
            "originalSource": "{resource_url}", "alt": "Teapot, blue (wide)",
            "mediaContentType": "VIDEO"}]})
    );
    // The handle of the feed; the third clip stands in the fourth place, counted from 0.
    assert_eq!((&media[2]["handle"], &media[2]["number"]), (&json!("blue-teapot"), &json!(3)));
    assert_eq!(media[2]["reorder"]["newPosition"], "3");
    assert_eq!(media[3]["handle"], "mug");
    assert_eq!(media[2]["upload"], uploads[2]["upload"]);
    let calls = &json_lines(&shop.read("export/shopify.jsonl"))[0]["calls"];
    for call in
        ["stagedUploadsCreate", "productByIdentifier", "productUpdate", "productReorderMedia"]
    {
        assert!(calls[call].as_str().is_some_and(|document| document.contains(call)), "{call}");
    }
}

#[test]
fn products_without_a_handle_of_their_own_go_by_their_ids_and_clips_are_chosen() {
    let shop = made("export: {shopify: {only: [\"*/aspect=1:1/*\"]}}");
    shop.edit("products.csv", "sku,title,price,handle", "sku,title,price,other");
    shop.kinora(&["export", ".", "--what", "shopify"]).ends(0);
    let media = lines(&shop, "media");
    let handles: Vec<&Value> = media.iter().map(|line| &line["handle"]).collect();
    assert_eq!(handles, ["teapot", "mug", "bowl"]);
    assert_eq!(media[0]["variables"]["media"][0]["alt"], "Teapot, blue");
    assert_eq!(media[0]["reorder"], Value::Null);
}

#[test]
fn what_goes_beyond_the_shops_plan_is_marked_and_said() {
    let shop = made("export: {shopify: {plan: basic, hosted: 245}}");
    let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
    assert_eq!(codes(&exported), ["export::shopify_cap"]);
    let message = exported["findings"][0]["message"].as_str().expect("words");
    assert!(message.contains("at most 250") && message.contains("3 of these 8"), "{message}");
    let beyond: Vec<bool> =
        lines(&shop, "upload").iter().map(|line| line["beyond_cap"] == true).collect();
    assert_eq!(beyond, [false, false, false, false, false, true, true, true]);
    // Five fit exactly; a cap of one's own comes before the plan's.
    for export in [
        "plan: basic, hosted: 242",
        "plan: basic, hosted: 245, cap: 253",
        "plan: plus, hosted: 9000",
    ] {
        let manifest = shop.read("kinora.yaml");
        let (head, rest) = manifest.split_once("export:").expect("there");
        let (_, rest) = rest.split_once('\n').expect("a line");
        shop.write("kinora.yaml", &format!("{head}export: {{shopify: {{{export}}}}}\n{rest}"));
        let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
        assert_eq!(codes(&exported), Vec::<&str>::new(), "{export}");
    }
}

#[test]
fn google_gets_a_line_for_each_product_with_the_links_of_its_clips() {
    let shop = made(GOOGLE);
    shop.kinora(&["export", ".", "--what", "google"]).ends(0);
    let feed = shop.read("export/google.tsv");
    let rows: Vec<(&str, Vec<&str>)> = feed
        .lines()
        .map(|line| line.split_once('\t').expect("two cells"))
        .map(|(id, links)| (id, links.split(',').collect()))
        .collect();
    assert_eq!(rows[0], ("id", vec!["video_link"]));
    let ids: Vec<(&str, usize)> = rows[1..].iter().map(|(id, links)| (*id, links.len())).collect();
    assert_eq!(ids, [("teapot", 3), ("mug", 3), ("bowl", 2)]);
    for link in rows[1..].iter().flat_map(|(_, links)| links) {
        let file = link.strip_prefix("https://cdn.a.example/v/").expect("the shop's own");
        assert!(shop.path().join(file).is_file(), "{link}");
    }
}

#[test]
fn values_in_a_link_are_written_as_urls_take_them() {
    let link =
        "https://cdn.a.example/{{ title }}/{{ variant.aspect }}/{{ clip.name }}?a=1,2&t={{ take }}";
    let shop = made(&format!(
        "export: {{google: {{video_link: \"{link}\", id: \"de_{{{{ sku }}}}\", only: [turn]}}}}"
    ));
    shop.kinora(&["export", ".", "--what", "google"]).ends(0);
    let feed = shop.read("export/google.tsv");
    let line = feed.lines().nth(1).expect("the teapot");
    assert!(
        line.starts_with("de_teapot\thttps://cdn.a.example/Teapot%2C%20blue/1%3A1/turn-"),
        "{line}"
    );
    assert!(line.contains("?a=1%2C2&t=1,https://"), "{line}");
}

#[test]
fn a_product_has_ten_links_and_the_rest_is_said() {
    let shop = made(GOOGLE);
    shop.edit("kinora.yaml", "matrix: {aspect: [\"1:1\", \"9:16\"]}", "takes: 12, aspect: \"1:1\"");
    shop.edit("products.csv", "mug,Mug,12,mug\nbowl,=1+1,7,bowl\n", "");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let exported = shop.kinora(&["export", ".", "--what", "google", "--json"]).ends(0).json();
    assert!(codes(&exported).contains(&"export::links"), "{exported:#}");
    assert_eq!(shop.read("export/google.tsv").matches("https://").count(), 10);
}

#[test]
fn a_providers_link_never_leaves_the_house() {
    for link in ["https://v3.fal.media/{{ file }}", "https://queue.fal.run/{{ clip.digest }}.mp4"] {
        let shop = made(&GOOGLE.replace("https://cdn.a.example/v/{{ file }}", link));
        let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
        assert_eq!(codes(&exported), ["export::link"], "{link}");
        assert!(
            exported["findings"][0]["message"].as_str().is_some_and(|m| m.contains("provider"))
        );
        assert_eq!(shop.read("export/google.tsv"), "id\tvideo_link\n");
    }
}

#[test]
fn a_template_that_fails_is_said_at_its_place_and_only_its_file_is_missing() {
    let shop = made(&GOOGLE.replace("{{ file }}", "{{ sku }}.mp4"));
    shop.write("export/google.tsv", "of an earlier export");
    let ended = shop.kinora(&["export", "."]).ends(3);
    assert!(ended.stderr.contains("export::same_link"), "{}", ended.stderr);
    assert!(ended.stderr.contains("kinora.yaml:4:"), "{}", ended.stderr);
    assert!(!shop.path().join("export/google.tsv").exists());
    assert!(shop.path().join("export/results.csv").is_file());
    // A name that no product has is found before anything is made.
    shop.edit("kinora.yaml", "{{ sku }}.mp4", "{{ skuu }}");
    for command in ["check", "export"] {
        let ended = shop.kinora(&[command, "."]).ends(3);
        assert!(ended.stderr.contains("did you mean `sku`?"), "{}", ended.stderr);
    }
    // One that only a variant lacks is found when it is filled in.
    shop.edit(
        "kinora.yaml",
        "{{ skuu }}",
        "{{ variant.aspect }}/{{ file }}?{{ title | frobnicate }}",
    );
    let ended = shop.kinora(&["export", "."]).ends(3);
    assert!(ended.stderr.contains("and 7 more"), "{}", ended.stderr);
}

#[test]
fn what_can_not_be_a_link_or_a_folder_is_found_at_loading() {
    for (export, says) in [
        (
            "export: {google: {video_link: \"http://cdn.a.example/{{ file }}\"}}",
            "begins with `https://`",
        ),
        ("export: {google: {video_link: \"https://cdn.a.example/clip.mp4\"}}", "this same URL"),
        ("export: {to: ../elsewhere}", "below the manifest's own"),
        ("export: {to: /tmp}", "below the manifest's own"),
        ("export: {shopify: {only: [\"[\"]}}", "manifest::wrong_value"),
        ("export: {shopify: {plan: basics}}", "basic"),
    ] {
        let ended = crate::shop::planned(export).kinora(&["check", "."]).ends(3);
        assert!(ended.stderr.contains(says), "{export}: {}", ended.stderr);
    }
}

#[test]
fn google_is_not_guessed_at() {
    let shop = made("");
    let ended = shop.kinora(&["export", ".", "--what", "google"]).ends(2);
    assert!(ended.stderr.contains("video_link"), "{}", ended.stderr);
}

#[test]
fn a_good_clip_stays_in_the_shops_until_there_is_a_newer_one() {
    let (shop, played) = hosted("");
    shop.edit("kinora.yaml", "retries: 0", &format!("retries: 0\n{GOOGLE}"));
    with_key(&shop, &["run", ".", "--yes"]).ends(0);
    with_key(&shop, &["export", ".", "--what", "google"]).ends(0);
    let before = shop.read("export/google.tsv");
    // They are asked for anew, and the provider refuses.
    let worse = Played::start(&shop, "fal", &["--speed", "20", "--fault", "moderation=1"]);
    let manifest = shop.read("kinora.yaml").replace(&played.url, &worse.url);
    shop.write("kinora.yaml", &manifest.replace("turns slowly", "turns quickly"));
    with_key(&shop, &["run", ".", "--yes"]).ends(7);
    let what = ["export", ".", "--what", "results,shopify,google,sheet", "--json"];
    let exported = with_key(&shop, &what).ends(0).json();
    assert_eq!(codes(&exported), ["export::earlier"]);
    assert_eq!(exported["clips"], 2);
    assert_eq!(shop.read("export/google.tsv"), before);
    assert_eq!((lines(&shop, "upload").len(), lines(&shop, "media").len()), (2, 2));
    for row in rows(&shop.read("export/results.csv")) {
        assert_eq!((&*row["status"], &*row["attempts"]), ("failed", "2"));
        // The clip that there is, how it was asked for, and why there is no newer one.
        let clip = std::fs::read(shop.path().join(&row["file"])).expect("a clip");
        assert_eq!(row["digest"], blake3::hash(&clip).to_hex().as_str());
        let prompt = blake3::hash(b"it turns slowly in the sun").to_hex();
        assert_eq!(row["prompt_digest"], prompt.as_str());
        assert!(!row["why"].is_empty() && !row["made_at"].is_empty(), "{row:?}");
    }
}

#[test]
fn without_a_plan_no_shop_gets_anything() {
    let shop = made(&GOOGLE.replace("{google:", "{shopify: {}, google:"));
    shop.kinora(&["export", "."]).ends(0);
    // Nobody can tell now that these clips are asked for no more.
    shop.edit("kinora.yaml", "{id: wide,", "{id: far,");
    shop.edit("kinora.yaml", "resolution: 240p", "resolution: 1080p");
    let exported = shop.kinora(&["export", ".", "--json"]).ends(3).json();
    assert_eq!(codes(&exported), ["export::no_plan", "export::no_plan"]);
    assert!(!shop.path().join("export/shopify.jsonl").exists());
    assert!(!shop.path().join("export/google.tsv").exists());
    assert!(shop.path().join("export/evidence/index.jsonl").is_file());
    assert_eq!(rows(&shop.read("export/results.csv")).len(), 10);
    shop.kinora(&["export", ".", "--what", "results"]).ends(0);
}

#[test]
fn equal_clips_may_have_one_link() {
    let shop = made(&GOOGLE.replace("{{ file }}", "{{ clip.digest }}.mp4"));
    let links = |shop: &crate::workspace::Workspace| {
        let exported = shop.kinora(&["export", ".", "--what", "google", "--json"]).ends(0).json();
        assert_eq!(codes(&exported), Vec::<&str>::new());
        shop.read("export/google.tsv").matches("https://").count()
    };
    assert_eq!(links(&shop), 8);
    // One product's second clip is its first; a clip of another product has no row less for it.
    let first = "products.teapot/turn/aspect=1:1/1";
    equal_clips(&shop, "products.teapot/turn/aspect=9:16/1", first);
    equal_clips(&shop, "products.mug/turn/aspect=1:1/1", first);
    assert_eq!(links(&shop), 7);
}

#[test]
fn a_link_may_begin_with_what_the_environment_says() {
    let shop = made(GOOGLE);
    shop.edit("kinora.yaml", "https://cdn.a.example/v/", "{{ env.CDN }}/");
    shop.edit("kinora.yaml", "name: Spring", "name: Spring\nallow: {env: [CDN]}");
    let mut export = shop.command(&["export", ".", "--what", "google", "--json"]);
    let output = export.env("CDN", "https://cdn.a.example/v").output().expect("it starts");
    let exported = crate::workspace::Ended::new(&[], output).ends(0).json();
    assert_eq!(codes(&exported), Vec::<&str>::new());
    assert!(shop.read("export/google.tsv").contains("https://cdn.a.example/v/clips/"));
}

#[test]
fn a_clip_that_is_uploaded_within_the_cap_is_within_it_for_every_product() {
    let shop = made("export: {shopify: {plan: basic, hosted: 245}}");
    let one = |kind| lines(&shop, kind);
    shop.kinora(&["export", ".", "--what", "shopify"]).ends(0);
    let last = one("media").last().expect("a line")["job"].clone();
    let first = one("media")[0]["job"].clone();
    equal_clips(&shop, last.as_str().expect("a job"), first.as_str().expect("a job"));
    shop.kinora(&["export", ".", "--what", "shopify"]).ends(0);
    let media = one("media");
    assert_eq!(media[7]["upload"], media[0]["upload"]);
    assert_eq!((&media[6]["beyond_cap"], &media[7]["beyond_cap"]), (&json!(true), &json!(false)));
}
