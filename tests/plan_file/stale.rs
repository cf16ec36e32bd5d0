//! What may have happened since a plan was made: each is a reason why it can't run, unless it is
//! the plan itself that was carried out.

use std::time::{Duration, Instant};

use crate::file::{approved_shop, begun, lineage, paid_shop};
use crate::workspace::{Ended, Workspace};

/// What the program says of a stale plan, without what is random in it.
fn refused(shop: &Workspace) -> String {
    let before = begun(shop);
    let ended = shop.kinora(&["run", "shop.plan"]).ends(6);
    assert_eq!(begun(shop), before, "nothing was begun");
    ended.stderr.trim_end().to_owned()
}

#[test]
fn a_feed_that_changed_without_changing_any_job_is_a_reason() {
    let shop = approved_shop();
    shop.edit("products.csv", "mug,Mug,12", "mug,Mug,13");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 file has changed: products.csv
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn new_gone_and_changed_jobs_are_told_together() {
    let shop = approved_shop();
    shop.write("products.csv", "sku,title,price\nmug,Big mug,12\ncup,Cup,7\n");
    shop.picture("images/cup.png", [1, 2, 3]);
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 file has changed: products.csv
      1 picture has changed: images/bowl.png (not used any more)
      2 jobs are new: products.cup/turn/aspect=1:1/1; products.cup/turn/aspect=9:16/1
      2 jobs are gone: products.bowl/turn/aspect=9:16/1; products.bowl/turn/aspect=1:1/1
      2 jobs ask for something else: products.mug/turn/aspect=1:1/1 (prompt); products.mug/turn/aspect=9:16/1 (prompt)
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_manifest_that_changed_is_a_reason_even_where_every_job_stays() {
    let shop = approved_shop();
    shop.edit("kinora.yaml", "name: shop", "name: other shop");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 file has changed: kinora.yaml
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_manifest_that_is_broken_now_is_a_stale_plan() {
    let shop = approved_shop();
    shop.edit("kinora.yaml", "matrix:", "matrixx:");
    let said = refused(&shop);
    assert!(said.contains("its manifest kinora.yaml is not valid any more"), "{said}");
}

#[test]
fn a_picture_that_changed_is_named_with_its_jobs() {
    let shop = approved_shop();
    shop.picture("images/mug.png", [9, 9, 9]);
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 picture has changed: images/mug.png
      2 jobs ask for something else: products.mug/turn/aspect=1:1/1 (reference); products.mug/turn/aspect=9:16/1 (reference)
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn rows_that_moved_are_another_order() {
    let shop = approved_shop();
    shop.write("products.csv", "sku,title,price\nbowl,Bowl,7\nmug,Mug,12\n");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 file has changed: products.csv
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_price_that_went_up_is_told_with_its_days_and_jobs() {
    let shop = approved_shop();
    shop.edit("models/studio.yaml", "amount: 2.5", "amount: 4");
    shop.edit("models/studio.yaml", "2026-11-01", "2026-11-20");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 price has changed: studio: of 2026-11-01 (the studio's rate card), now of 2026-11-20 (the studio's rate card)
      4 jobs cost more: products.mug/turn/aspect=1:1/1: 3, now 4.5; products.mug/turn/aspect=9:16/1: 3, now 4.5; products.bowl/turn/aspect=1:1/1: 3, now 4.5; products.bowl/turn/aspect=9:16/1: 3, now 4.5
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_price_that_went_down_is_not_what_was_looked_at_either() {
    let shop = approved_shop();
    shop.edit("models/studio.yaml", "amount: 2.5", "amount: 2");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 price has changed: studio: other amounts, though it is still of 2026-11-01 (the studio's rate card)
      4 jobs cost less: products.mug/turn/aspect=1:1/1: 3, now 2.5; products.mug/turn/aspect=9:16/1: 3, now 2.5; products.bowl/turn/aspect=1:1/1: 3, now 2.5; products.bowl/turn/aspect=9:16/1: 3, now 2.5
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_price_that_is_gone_is_dearer_than_any() {
    let shop = approved_shop();
    let card = shop.read("models/studio.yaml");
    let card = card.split("price:").next().unwrap_or_default().to_owned();
    shop.write("models/studio.yaml", &card);
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 price has changed: studio: of 2026-11-01 (the studio's rate card), now none
      4 jobs cost more: products.mug/turn/aspect=1:1/1: 3, now unpriced; products.mug/turn/aspect=9:16/1: 3, now unpriced; products.bowl/turn/aspect=1:1/1: 3, now unpriced; products.bowl/turn/aspect=9:16/1: 3, now unpriced
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn another_unit_is_another_plan() {
    let shop = approved_shop();
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nbudget: {unit: points, rates: {credits: 1}}");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 file has changed: kinora.yaml
      amounts count another unit: credits, now points
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_card_that_changed_is_a_reason_though_no_job_shows_it() {
    let shop = approved_shop();
    shop.edit("models/studio.yaml", "title: The renderer", "title: Our renderer");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 card has changed: model studio
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn another_ledger_under_the_same_name_is_noticed() {
    let shop = approved_shop();
    let before = lineage(&shop);
    std::fs::remove_dir_all(shop.path().join(".kinora")).expect("removed");
    shop.kinora(&["approve", ".", "--by", "ana"]).ends(0);
    let said = refused(&shop).replace(&before, "BEFORE").replace(&lineage(&shop), "NOW");
    insta::assert_snapshot!(said, @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      the ledger is another one: BEFORE, now NOW
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_ledger_from_before_the_plan_is_noticed() {
    let shop = paid_shop();
    shop.kinora(&["plan", "."]).ends(0);
    shop.kinora(&["ledger", "backup", "old.db"]).ends(0);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    let folder = shop.path().join(".kinora");
    for name in ["ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::copy(shop.path().join("old.db"), folder.join("ledger.db")).expect("copied");
    let ended = shop.kinora(&["run", "shop.plan"]).ends(6);
    assert!(ended.stderr.contains("the ledger is older than the plan"), "{}", ended.stderr);
    assert!(ended.stderr.contains("4 jobs were made when it was planned"), "{}", ended.stderr);
    assert_eq!(begun(&shop), 0);
}

#[test]
fn what_another_plan_made_meanwhile_is_a_reason() {
    let shop = approved_shop();
    shop.edit("kinora.yaml", "slowly", "quickly");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.edit("kinora.yaml", "quickly", "slowly");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      4 jobs were begun since, and not as planned: products.bowl/turn/aspect=1:1/1; products.bowl/turn/aspect=9:16/1; products.mug/turn/aspect=1:1/1; products.mug/turn/aspect=9:16/1
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn a_job_that_the_plan_does_not_have_is_a_reason() {
    let shop = approved_shop();
    let shot = "shots:\n  - {id: mood, prompt: \"a street at dawn, slow pan\"}";
    shop.edit("kinora.yaml", "shots:", shot);
    shop.kinora(&["run", ".", "--yes", "--only", "mood"]).ends(0);
    shop.edit("kinora.yaml", shot, "shots:");
    insta::assert_snapshot!(refused(&shop), @r#"
    kinora: shop.plan (plan acda9761) can't run as it was planned; nothing was spent
      1 job was begun since, and not as planned: -/mood/-/1
    plan again with `kinora plan kinora.yaml -o shop.plan`, look at what differs, and have it approved
    "#);
}

#[test]
fn jobs_that_were_made_as_planned_are_no_reason() {
    let shop = approved_shop();
    shop.kinora(&["run", ".", "--yes", "--limit", "1"]).ends(0);
    assert_eq!(begun(&shop), 1);
    let times = shop.times("clips");
    let run = shop.kinora(&["run", "shop.plan"]).ends(0);
    assert!(run.stdout.starts_with("3 clips made"), "{}", run.stdout);
    assert_eq!(begun(&shop), 4);
    assert_eq!(shop.times("clips").iter().filter(|t| times.contains(t)).count(), 1);
    let again = shop.kinora(&["run", "shop.plan"]).ends(0);
    assert!(again.stdout.starts_with("Nothing to do"), "{}", again.stdout);
}

#[test]
fn a_run_that_was_killed_goes_on_from_the_same_file() {
    let shop = paid_shop();
    shop.edit("kinora.yaml", "duration: 0.5", "duration: 3");
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    shop.kinora(&["approve", ".", "--by", "ana"]).ends(0);
    let mut child = shop.start(&["run", "shop.plan"]);
    let patience = Instant::now();
    while begun(&shop) == 0 && patience.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(begun(&shop) > 0, "it was under way");
    let ended: Ended = shop.kinora(&["run", "shop.plan"]).ends(0);
    assert!(ended.stdout.contains("made"), "{}", ended.stdout);
    assert_eq!(shop.files("clips", "mp4").len(), 4);
    // Three credits a clip: none was paid for twice.
    let report = shop.kinora(&["report", ".", "--json"]).ends(0).json();
    assert_eq!(report["totals"]["spent"], "12");
}

#[test]
fn the_reasons_are_told_to_programs_too() {
    let shop = approved_shop();
    shop.picture("images/mug.png", [9, 9, 9]);
    let ended = shop.kinora(&["run", "shop.plan", "--json"]).ends(6);
    let line = ended.json();
    assert_eq!(line["event"], "plan_stale");
    assert_eq!(line["reasons"][0]["reason"], "picture_changed");
    assert_eq!(line["reasons"][0]["examples"][0], "images/mug.png");
    assert_eq!(line["reasons"][1]["reason"], "jobs_changed");
    assert_eq!(line["reasons"][1]["count"], 2);
}
