//! Evidence: what was generated, when, of what, by what, under whose approval.

use serde_json::Value;

use crate::shop::{hosted, json_lines, made, planned, rows, with_key};
use crate::workspace::Workspace;

fn index(shop: &Workspace) -> Vec<Value> {
    shop.kinora(&["export", ".", "--what", "evidence"]).ends(0);
    json_lines(&shop.read("export/evidence/index.jsonl"))
}

fn evidence(shop: &Workspace, line: &Value) -> Value {
    let path = format!("export/{}", line["evidence"].as_str().expect("a path"));
    serde_json::from_str(&shop.read(&path)).expect("JSON")
}

fn digest_of(shop: &Workspace, path: &Value) -> String {
    let path = shop.path().join(path.as_str().expect("a path"));
    blake3::hash(&std::fs::read(path).expect("there")).to_hex().to_string()
}

#[test]
fn each_clip_has_its_evidence_and_an_index_names_both_by_their_bytes() {
    let shop = made("");
    let index = index(&shop);
    assert_eq!(index.len(), 9);
    for line in &index {
        assert_eq!(line["clip_digest"], digest_of(&shop, &line["clip"]));
        let file = Value::from(format!("export/{}", line["evidence"].as_str().expect("a path")));
        assert_eq!(line["evidence_digest"], digest_of(&shop, &file));
        let evidence = evidence(&shop, line);
        let made = &evidence["made_of"];
        assert_eq!((&made["clip"]["digest"], &made["job"]), (&line["clip_digest"], &line["job"]));
        for reference in made["references"].as_array().expect("a list") {
            assert_eq!(reference["digest"], digest_of(&shop, &reference["path"]));
        }
        let prompt = made["prompt"].as_str().expect("a text");
        assert_eq!(evidence["prompt_digest"], blake3::hash(prompt.as_bytes()).to_hex().as_str());
        // The sidecar beside the clip says the same of it.
        let beside =
            shop.path().join(line["clip"].as_str().expect("a path")).with_extension("json");
        let mut sidecar: Value =
            serde_json::from_slice(&std::fs::read(beside).expect("there")).expect("JSON");
        sidecar["poster"] = Value::Null;
        assert_eq!(sidecar, *made);
        assert_eq!(evidence["approval"]["by"], "tester (--yes)");
        assert_eq!(evidence["approval"]["origin"], "yes");
        assert_eq!(evidence["approval"]["plan"], evidence["plan"]);
        assert_eq!(
            (&evidence["ai_generated"], &line["ai_generated"]),
            (&false.into(), &false.into())
        );
        assert_eq!(evidence["c2pa"]["manifest_present"], false);
    }
}

#[test]
fn it_names_who_approved_each_clip_with_their_note_and_signature() {
    let shop = planned("");
    shop.kinora(&["approvals", "new-key", "ana.key"]).ends(0);
    let by_ana = ["approve", ".", "--only", "mood", "--by", "ana", "--note", "for spring"];
    shop.kinora(&[&by_ana[..], &["--key", "ana.key"]].concat()).ends(0);
    shop.kinora(&["run", ".", "--only", "mood"]).ends(0);
    shop.kinora(&["approve", ".", "--by", "bo", "--expires", "36h"]).ends(0);
    shop.kinora(&["run", "."]).ends(0);
    let index = index(&shop);
    let by = |job: &str| {
        let line = index.iter().find(|line| line["job"] == job).expect("a line");
        (line["approved_by"].clone(), evidence(&shop, line)["approval"].clone())
    };
    let (ana, mood) = by("-/mood/-/1");
    assert_eq!(
        (ana, &mood["origin"], &mood["note"]),
        ("ana".into(), &"person".into(), &"for spring".into())
    );
    assert!(mood["key"].as_str().is_some_and(|key| key.starts_with("ed25519:")));
    let bytes = data_encoding::BASE64.decode(mood["signature"].as_str().expect("text").as_bytes());
    assert_eq!(bytes.expect("base64").len(), 64);
    let (bo, turn) = by("products.mug/turn/aspect=1:1/1");
    assert_eq!((bo, &turn["signature"]), ("bo".into(), &Value::Null));
    assert!(turn["expires"].is_string() && turn["digest"].is_string());
    assert_eq!(turn["shown"]["jobs"], 8);
}

#[test]
fn a_part_of_an_approved_plan_names_the_plan_that_covered_it() {
    let shop = planned("");
    shop.kinora(&["approve", ".", "--by", "ana"]).ends(0);
    shop.kinora(&["run", ".", "--only", "mood"]).ends(0);
    let index = index(&shop);
    let evidence = evidence(&shop, &index[0]);
    let whole = &evidence["approval"]["plan"];
    assert_eq!((&evidence["approval"]["by"], whole.is_string()), (&"ana".into(), true));
}

#[test]
fn a_clip_that_was_made_anew_keeps_the_evidence_of_the_first() {
    let shop = made("");
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let index = index(&shop);
    assert_eq!(index.len(), 15);
    let of: Vec<&Value> =
        index.iter().filter(|line| line["job"] == "products.mug/turn/aspect=1:1/1").collect();
    assert_eq!((of.len(), &of[0]["attempt"], &of[1]["attempt"]), (2, &1.into(), &2.into()));
    let prompts: Vec<Value> =
        of.iter().map(|line| evidence(&shop, line)["made_of"]["prompt"].clone()).collect();
    assert_eq!(prompts, ["Mug turns slowly", "Mug turns quickly"]);
}

#[test]
fn a_hosted_clip_says_whose_it_is_and_jobs_without_a_clip_have_no_evidence() {
    let (shop, _played) = hosted("");
    with_key(&shop, &["run", ".", "--yes", "--only", "products.mug"]).ends(0);
    let index = index(&shop);
    assert_eq!(index.len(), 1);
    let evidence = evidence(&shop, &index[0]);
    assert_eq!((&evidence["ai_generated"], &index[0]["provider"]), (&true.into(), &"fal".into()));
    assert!(evidence["made_of"]["remote_id"].is_string());
    assert!(!evidence.to_string().contains("a-key"), "no key is written anywhere");
    assert!(!evidence.to_string().contains("http"), "no provider's URL is written anywhere");
}

#[test]
fn a_clip_with_content_credentials_is_known_by_them() {
    let shop = made("");
    // A provider signs its clip: a box with a manifest at its end.
    let clip = shop.files("clips/mug", "mp4").remove(0);
    let name = clip.strip_prefix(shop.path()).expect("inside").to_string_lossy().into_owned();
    let mut bytes = std::fs::read(&clip).expect("a clip");
    bytes.extend(signed_box());
    std::fs::write(&clip, &bytes).expect("written");
    let ledger =
        rusqlite::Connection::open(shop.path().join(".kinora/ledger.db")).expect("a ledger");
    let parameters = (bytes.len() as i64, blake3::hash(&bytes).as_bytes().to_vec(), &name);
    ledger
        .execute("UPDATE clips SET bytes = ?, digest = ? WHERE path = ?", parameters)
        .expect("changed");
    drop(ledger);
    let found: Vec<(String, Value)> = index(&shop)
        .iter()
        .map(|line| (line["clip"].to_string(), evidence(&shop, line)["c2pa"].clone()))
        .filter(|(_, c2pa)| c2pa["manifest_present"] == true)
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Value::from(name.clone()).to_string());
    assert_eq!(found[0].1["bytes"], signed_box().len());
    shop.kinora(&["export", ".", "--what", "results"]).ends(0);
    let all = rows(&shop.read("export/results.csv"));
    let with = all.iter().filter(|row| row["c2pa_present"] == "true");
    assert_eq!(with.map(|row| &row["file"]).collect::<Vec<_>>(), [&name]);
    // The clip is a clip still, and nothing touched it.
    assert_eq!(std::fs::read(&clip).expect("a clip"), bytes);
    kinora::media::clip::inspect(&clip).expect("a whole clip");
}

fn signed_box() -> Vec<u8> {
    let uuid = [
        0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4,
        0x81,
    ];
    let store = [&40u32.to_be_bytes()[..], b"jumb", &[0; 32]].concat();
    let body = [&uuid[..], &[0; 4], b"manifest\0", &[0; 8], &store].concat();
    let length = u32::try_from(body.len() + 8).expect("small");
    [&length.to_be_bytes()[..], b"uuid", &body].concat()
}

#[test]
fn two_attempts_that_made_equal_bytes_have_evidence_each() {
    let shop = made("");
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let ledger =
        rusqlite::Connection::open(shop.path().join(".kinora/ledger.db")).expect("a ledger");
    let sql = "UPDATE clips SET (path, digest, bytes) = (SELECT path, digest, bytes FROM clips \
               WHERE attempt = 1) WHERE attempt = 10";
    assert_eq!(ledger.execute(sql, []).expect("changed"), 1);
    drop(ledger);
    let index = index(&shop);
    let twice: Vec<&Value> = index.iter().filter(|line| line["clip"] == index[0]["clip"]).collect();
    assert_eq!(twice.len(), 2);
    assert_ne!(twice[0]["evidence"], twice[1]["evidence"]);
    for line in &index {
        let file = Value::from(format!("export/{}", line["evidence"].as_str().expect("a path")));
        assert_eq!(line["evidence_digest"], digest_of(&shop, &file), "{line}");
    }
}
