//! Clips held against their references, by the program itself: what passes, what doesn't, and what
//! can't be looked at.

mod retakes;
mod shop;
#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "another theme drives the program by it too, and uses more of it")]
mod workspace;

use kinora::report::verify_schema;
use serde_json::Value;
use shop::{GREEN, RED, Shop, odd};

fn notes(clip: &Value) -> Vec<&str> {
    let notes = clip["detail"]["notes"].as_array();
    notes.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn what_shows_its_reference_passes_and_the_same_gives_the_same() {
    let shop = Shop::made();
    let first = shop.verify(&["--threads", "1"], 0);
    assert_eq!(first["counts"]["pass"], 2, "{first:#}");
    let hero = &shop.of(&first, GREEN)["detail"]["references"][0];
    // The model got it as its first frame; the manifest gives it for the product's identity.
    assert_eq!((&hero["name"], &hero["role"]), (&"hero".into(), &"identity".into()));
    assert!(hero["lab"].is_array() && hero["present"].as_u64() >= Some(90), "{hero:#}");
    let evidence = shop.0.files(".kinora/evidence", "jpg");
    assert_eq!(evidence.len(), 2);
    let bytes: Vec<_> = evidence.iter().map(|file| std::fs::read(file).expect("read")).collect();
    let drawn = image::load_from_memory(&bytes[0]).expect("a picture");
    assert!(drawn.width() <= 1200 && drawn.height() <= 700);

    for file in &evidence {
        std::fs::remove_file(file).expect("removed");
    }
    assert_eq!(shop.verify(&["--threads", "4"], 0), first);
    let again: Vec<_> = evidence.iter().map(|file| std::fs::read(file).expect("read")).collect();
    assert_eq!(again, bytes);
    assert_eq!(shop.verify(&["--new"], 0)["counts"]["before"], 2);
    shop.0.kinora(&["ledger", "verify", "."]).ends(0);
    let schema = jsonschema::validator_for(&verify_schema()).expect("a schema");
    assert!(schema.is_valid(&first));
}

#[test]
fn a_clip_of_another_product_fails_until_a_person_says_otherwise() {
    let shop = Shop::made();
    let red = std::fs::read(shop.0.path().join(shop.clip(RED))).expect("a clip");
    shop.sent_instead(GREEN, &red);
    let ended = shop.0.kinora(&["verify"]).ends(12);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("fail") && lines[0].ends_with(GREEN), "{}", ended.stdout);
    assert!(ended.stdout.contains("2 clips looked at: 1 fail and 1 pass."), "{}", ended.stdout);
    let next = format!("kinora reject {GREEN} --retake");
    assert!(ended.stdout.contains(&next), "{}", ended.stdout);
    let report = shop.verify(&["--only", "products.green"], 12);
    let clip = shop.of(&report, GREEN);
    assert_eq!((&clip["verdict"], &clip["retake"]), (&"fail".into(), &false.into()));

    shop.0.kinora(&["accept", GREEN, "--by", "Ada"]).ends(0);
    let report = shop.verify(&[], 0);
    assert_eq!(shop.of(&report, GREEN)["accepted_by"], "Ada");
    assert_eq!(report["counts"]["fail"], 1, "the score stays what it is");
    shop.0.kinora(&["reject", GREEN, "--by", "Ada"]).ends(0);
    let report = shop.verify(&[], 0);
    assert_eq!((&report["counts"]["rejected"], &report["counts"]["pass"]), (&1.into(), &1.into()));
}

#[test]
fn what_can_not_be_decoded_is_named_and_never_passes() {
    let shop = Shop::made();
    shop.sent_instead(GREEN, &odd("hev1.mp4"));
    shop.sent_instead(RED, b"<html>your clip has expired</html>");
    let report = shop.verify(&[], 12);
    assert_eq!(report["counts"]["not_inspected"], 2, "{report:#}");
    let green = shop.of(&report, GREEN);
    assert!(notes(green)[0].starts_with("not inspected: hev1"), "{green:#}");
    assert_eq!((&green["score"], &green["recorded"]), (&Value::Null, &true.into()));
    let red = notes(shop.of(&report, RED));
    assert!(red[0].starts_with("not inspected: "), "{red:?}");
    shop.0.kinora(&["ledger", "verify", "."]).ends(0);
}

#[test]
fn odd_clips_get_a_verdict_or_a_named_reason() {
    let shop = Shop::made();
    let whole = std::fs::read(shop.0.path().join(shop.clip(RED))).expect("a clip");
    let cut = whole[..whole.len() / 2].to_vec();
    let mut torn = whole.clone();
    let from = torn.len() / 3;
    torn[from..from + 600].fill(0xA5);
    for bytes in [cut, torn, odd("tiny.mp4"), odd("resized.mp4"), odd("turned.mp4"), vec![0]] {
        shop.sent_instead(GREEN, &bytes);
        let ended = shop.0.kinora(&["verify", "--json", "--only", GREEN]);
        let report = ended.json();
        let clip = shop.of(&report, GREEN);
        let is_named = notes(clip).iter().any(|note| note.starts_with("not inspected: "));
        match clip["verdict"].as_str() {
            Some("not_inspected") => assert!(is_named && clip["score"].is_null(), "{clip:#}"),
            Some("fail" | "review") => assert!(clip["score"].is_u64(), "{clip:#}"),
            // A clip of which a part is torn may show the product all the same, never by its frames
            // that are lost.
            other => assert_eq!((other, notes(clip).len()), (Some("pass"), 0), "{clip:#}"),
        }
    }
}

#[test]
fn a_file_that_is_not_the_clip_that_was_made_is_not_looked_at() {
    let shop = Shop::made();
    let (green, red) = (shop.clip(GREEN), shop.clip(RED));
    std::fs::remove_file(shop.0.path().join(&green)).expect("removed");
    let bytes = std::fs::read(shop.0.path().join(&red)).expect("a clip");
    std::fs::write(shop.0.path().join(&red), [&bytes[..], b"more"].concat()).expect("written");
    let report = shop.verify(&[], 12);
    let said = |job| notes(shop.of(&report, job)).join(" ");
    assert_eq!(said(GREEN), "not inspected: its file is not on disk");
    assert_eq!(said(RED), "not inspected: its file is not the clip that was made");
    assert_eq!(shop.of(&report, RED)["recorded"], false);
    shop.told(RED, "../elsewhere.mp4", &bytes);
    let report = shop.verify(&["--only", RED], 12);
    let said = notes(shop.of(&report, RED)).join(" ");
    assert_eq!(said, "not inspected: its path leads out of the workspace");
}

#[test]
fn a_reference_that_changed_since_is_not_compared() {
    let shop = Shop::made();
    shop.bottle("images/green.png", [20, 20, 160], 0x7777_1111);
    let report = shop.verify(&["--only", "*green*"], 12);
    let clip = shop.of(&report, GREEN);
    assert_eq!(notes(clip), ["reference `hero` isn't there any more as it was sent"]);
    assert_eq!(clip["verdict"], "not_inspected");
    assert_eq!(clip["detail"]["references"][0]["verdict"], "not_inspected");
}

#[test]
fn a_clip_without_a_reference_has_nothing_to_be_held_against() {
    let shop = Shop::with(
        "kinora: 1\nname: mood\ndefaults: {duration: 0.5, resolution: 240p, fps: 12}\n\
         shots: [{id: mood, prompt: a quiet street at dawn}]\n",
    );
    shop.0.kinora(&["run", ".", "--yes"]).ends(0);
    let ended = shop.0.kinora(&["verify"]).ends(0);
    assert_eq!(
        ended.stdout,
        "no clip looked at; not looked at: 1 without a picture to be held against.\n"
    );
    let unknown = shop.0.kinora(&["verify", "--only", "products.*"]).ends(2);
    assert!(unknown.stderr.contains("`products.*` fits"), "{}", unknown.stderr);
}

#[test]
fn the_schema_that_ships_is_that_of_the_types() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/verify.schema.json");
    let text = serde_json::to_string_pretty(&verify_schema()).expect("a schema is JSON") + "\n";
    if std::env::var_os("KINORA_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).expect("the file can be written");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "it is stale");
}
