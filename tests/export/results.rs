//! Results: every subject and job, in the order of the catalogue.

use std::process::Stdio;
use std::time::Duration;

use kinora::ledger::{JobState, Ledger, Mode};
use rust_decimal::Decimal;

use crate::shop::{codes, column, hosted, made, planned, results, rows, with_key};

#[test]
fn every_subject_has_its_lines_in_the_order_of_its_feed() {
    let shop = planned("");
    // Room for two clips.
    shop.kinora(&["run", ".", "--yes", "--max-spend", "6"]).ends(5);
    let rows = results(&shop);
    let ids = ["teapot", "teapot", "teapot", "mug", "mug", "mug", "bowl", "bowl", "mia", ""];
    assert_eq!(column(&rows, "id"), ids);
    assert_eq!(
        column(&rows, "shot"),
        ["turn", "turn", "wide", "turn", "turn", "wide", "turn", "turn", "", "mood"]
    );
    assert_eq!(rows[8]["status"], "no_job");
    assert_eq!(rows[8]["source"], "kinora.yaml");
    let of = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
    assert_eq!((of("done"), of("planned")), (2, 7));
    for row in &rows {
        match row["status"].as_str() {
            "done" => {
                assert_eq!(
                    (&*row["change"], &*row["charged"], &*row["unit"]),
                    ("done", "3", "credits")
                );
                assert!(shop.path().join(&row["file"]).is_file(), "{row:?}");
                let clip = std::fs::read(shop.path().join(&row["file"])).expect("a clip");
                assert_eq!(row["bytes"], clip.len().to_string());
                assert_eq!(row["digest"], blake3::hash(&clip).to_hex().as_str());
                assert_eq!((&*row["c2pa_present"], &*row["ai_generated"]), ("false", "false"));
                assert!(row["made_at"].ends_with('Z') && row["seed"].parse::<u64>().is_ok());
            }
            "planned" => {
                assert_eq!((&*row["change"], &*row["file"], &*row["charged"]), ("new", "", ""));
                assert_eq!(row["estimated"], if row["id"].is_empty() { "2.5" } else { "3" });
            }
            _ => assert_eq!((&*row["change"], &*row["unit"]), ("", "")),
        }
    }
    // The rows of the feed decide, not when a clip was made.
    shop.write("products.csv", "sku,title,price,handle\nbowl,=1+1,7,bowl\nmug,Mug,12,mug\n");
    let later = results(&shop);
    let ids: Vec<&str> = column(&later, "id");
    assert_eq!(ids[..3], ["bowl", "bowl", "mug"]);
}

#[test]
fn what_is_charged_sums_to_what_the_ledger_says() {
    let shop = made("");
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.edit("products.csv", "bowl,=1+1,7,bowl\n", "");
    let rows = results(&shop);
    let sum: Decimal = rows.iter().filter_map(|row| row["charged"].parse::<Decimal>().ok()).sum();
    let report = shop.kinora(&["report", ".", "--json"]).ends(0).json();
    assert_eq!(sum.to_string(), report["totals"]["spent"].as_str().expect("an amount"));
    assert_eq!(column(&rows, "attempts").iter().filter(|n| **n == "2").count(), 6);
    // What left the catalogue comes last.
    let orphans: Vec<&str> = rows[rows.len() - 2..].iter().map(|row| &*row["change"]).collect();
    assert_eq!(orphans, ["orphaned", "orphaned"]);
    assert_eq!(rows.last().expect("a row")["id"], "bowl");
}

#[test]
fn jobs_without_a_clip_say_where_they_are_and_why() {
    let (shop, _played) = hosted("moderation=1");
    with_key(&shop, &["run", ".", "--yes"]).ends(7);
    let rows = results(&shop);
    assert_eq!(column(&rows, "status"), ["failed", "failed"]);
    assert_eq!(column(&rows, "change"), ["retry", "retry"]);
    for row in &rows {
        assert!(!row["why"].is_empty(), "{row:?}");
        assert_eq!((&*row["file"], &*row["ai_generated"], &*row["made_at"]), ("", "", ""));
        assert_ne!(row["charged"], "", "it is settled, whatever it came to");
    }
}

#[test]
fn a_submission_that_nobody_knows_of_holds_its_money_and_is_not_called_charged() {
    let (shop, _played) = hosted("lost_reply=1");
    let mut run = shop.command(&["run", ".", "--yes"]);
    let run = run.env("FAL_KEY", "a-key").stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = run.spawn().expect("it starts");
    let unknown = || {
        let ledger = Ledger::open(shop.path(), Mode::Read).expect("readable");
        ledger.counts().unwrap_or_default().get(&JobState::Unknown).copied().unwrap_or_default()
    };
    while unknown() < 2 {
        assert!(run.try_wait().expect("a child").is_none(), "the run goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Also while the run goes on.
    let rows = results(&shop);
    run.kill().expect("it runs");
    run.wait().expect("it ended");
    assert_eq!(column(&rows, "status"), ["unknown", "unknown"]);
    assert_eq!(column(&rows, "charged"), ["", ""]);
    assert!(column(&rows, "estimated").iter().all(|amount| !amount.is_empty()));
}

#[test]
fn a_clip_of_a_trained_model_says_so() {
    let (shop, _played) = hosted("");
    with_key(&shop, &["run", ".", "--yes"]).ends(0);
    let rows = results(&shop);
    assert_eq!(column(&rows, "ai_generated"), ["true", "true"]);
    assert_eq!(column(&rows, "provider"), ["fal", "fal"]);
    let report = shop.kinora(&["report", ".", "--format", "csv"]).ends(0).stdout;
    assert_eq!(column(&crate::shop::rows(&report), "ai_generated"), ["true", "true"]);
}

#[test]
fn no_text_of_the_feed_runs_as_a_formula_unless_a_program_asks_for_it() {
    let shop = made("");
    shop.write("products.csv", "sku,title,price,handle\n=2+3,Sum,7,sum\n@x,At,9,at\n");
    shop.picture("images/=2+3.png", [1, 2, 3]);
    shop.picture("images/@x.png", [1, 2, 3]);
    let guarded = results(&shop);
    assert_eq!((&*guarded[0]["id"], &*guarded[2]["id"]), ("'=2+3", "'@x"));
    shop.edit("kinora.yaml", "subjects:", "export: {cells: exact}\nsubjects:");
    let exact = results(&shop);
    assert_eq!((&*exact[0]["id"], &*exact[2]["id"]), ("=2+3", "@x"));
}

#[test]
fn clips_that_are_gone_or_altered_are_said_and_kept_from_shops() {
    let shop =
        made("export: {shopify: {}, google: {video_link: \"https://cdn.a.example/{{ file }}\"}}");
    let clips = shop.files("clips", "mp4");
    let named = |clip: &std::path::Path| {
        clip.strip_prefix(shop.path()).expect("inside").to_string_lossy().into_owned()
    };
    let of =
        |part: &str| clips.iter().find(|c| c.to_string_lossy().contains(part)).expect("a clip");
    let (gone, altered) = (of("mug/turn"), of("teapot/wide"));
    std::fs::remove_file(gone).expect("removed");
    std::fs::write(altered, b"something else").expect("written");
    let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
    assert_eq!(codes(&exported), ["export::file"]);
    assert_eq!((&exported["jobs"], &exported["clips"]), (&9.into(), &7.into()));
    let all = rows(&shop.read("export/results.csv"));
    let why = |clip| &all.iter().find(|row| row["file"] == named(clip)).expect("a row")["why"];
    assert_eq!(why(gone), "its file is not on disk");
    assert!(why(altered).contains("14 bytes"), "{}", why(altered));
    for file in ["export/shopify.jsonl", "export/google.tsv"] {
        let text = shop.read(file);
        assert!(!text.contains(&named(gone)) && !text.contains(&named(altered)), "{file}");
        assert!(text.contains("clips/bowl/"), "{file}");
    }
}

#[test]
fn clips_of_earlier_requests_are_given_and_those_of_no_request_are_not() {
    let shop = made("export: {shopify: {}}");
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    shop.edit("kinora.yaml", "{id: wide,", "{id: far,");
    let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
    assert_eq!(codes(&exported), ["export::changed", "export::orphaned"]);
    let lines = shop.read("export/shopify.jsonl");
    assert!(lines.contains("/turn/") && !lines.contains("/wide/"), "{lines}");
    let rows = rows(&shop.read("export/results.csv"));
    assert_eq!(rows.iter().filter(|row| row["change"] == "changed").count(), 6);
    assert_eq!(rows.iter().filter(|row| row["change"] == "orphaned").count(), 2);
}

#[test]
fn what_was_made_is_exported_also_where_nothing_can_be_planned() {
    let shop = made("");
    shop.edit("kinora.yaml", "resolution: 240p", "resolution: 1080p");
    shop.kinora(&["check", "."]).ends(3);
    let exported = shop.kinora(&["export", ".", "--json"]).ends(0).json();
    assert_eq!(codes(&exported), ["export::no_plan"]);
    let rows = rows(&shop.read("export/results.csv"));
    assert_eq!(rows.iter().filter(|row| row["status"] == "done").count(), 9);
    assert!(rows.iter().all(|row| row["change"].is_empty()));
}

#[test]
fn the_same_ledger_gives_the_same_bytes() {
    let shop =
        made("export: {shopify: {}, google: {video_link: \"https://cdn.a.example/{{ file }}\"}}");
    let first = shop.kinora(&["export", ".", "--to", "one", "--json"]).ends(0).json();
    let second = shop.kinora(&["export", ".", "--to", "two", "--json"]).ends(0).json();
    assert_eq!(first["files"], second["files"]);
    let paths: Vec<&str> = first["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| file["path"].as_str().expect("a path"))
        .collect();
    assert_eq!(
        paths,
        ["results.csv", "shopify.jsonl", "google.tsv", "evidence/index.jsonl", "sheet-01.png"]
    );
    for file in first["files"].as_array().expect("a list") {
        let path = file["path"].as_str().expect("a path");
        let bytes = std::fs::read(shop.path().join("one").join(path)).expect("there");
        assert_eq!(bytes, std::fs::read(shop.path().join("two").join(path)).expect("there"));
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["digest"], blake3::hash(&bytes).to_hex().as_str());
    }
    // Nothing half written is left.
    let evidence = shop.files("one", "json").len();
    assert_eq!((evidence, shop.files("two", "json").len()), (9, 9));
    let said = shop.kinora(&["export", "."]).ends(0).stdout;
    assert!(said.starts_with("exported to ./export: 4 subjects, 9 jobs, 9 clips\n"), "{said}");
    assert!(said.contains("google.tsv            3 products"), "{said}");
}

#[test]
fn without_a_ledger_there_is_nothing_to_export() {
    let shop = planned("");
    let ended = shop.kinora(&["export", "."]).ends(1);
    assert!(ended.stderr.contains("there is no ledger"), "{}", ended.stderr);
    assert!(!shop.path().join("export").exists());
}
