//! A shop whose renderer charges, with approvers where a test wants them.

use std::path::PathBuf;

use kinora::ledger::{Ledger, Mode, Which};

use crate::workspace::{Ended, Workspace};

/// The animatic under another name, at three credits a clip.
const STUDIO: &str = r#"kinora_model: 1
model: studio
provider: animatic
title: The renderer, charged to the department
routes:
  text: {}
  image: {min: 1, max: 1}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {240p: {short_side: 240}}
fps: [12]
seed: true
price:
  unit: credits
  as_of: 2026-11-01
  source: "the studio's rate card"
  charges:
    - {per: clip, amount: 2.5}
    - {per: image, amount: 0.5}
"#;

/// Four clips at three credits.
pub fn paid() -> Workspace {
    let shop = Workspace::shop();
    shop.write("models/studio.yaml", STUDIO);
    shop.edit("kinora.yaml", "model: animatic", "model: studio");
    shop
}

/// Makes a key in the workspace, and gives its public part.
pub fn key(shop: &Workspace, name: &str) -> String {
    let made = shop.kinora(&["approvals", "new-key", name]).ends(0);
    made.stdout.trim().to_owned()
}

/// The same shop, where Ana (up to 50) and Bo must sign; their keys are `ana.key` and `bo.key`.
pub fn signed() -> Workspace {
    let shop = paid();
    let (ana, bo) = (key(&shop, "ana.key"), key(&shop, "bo.key"));
    let approvers = format!(
        "kinora: 1\napprovers:\n  ana: {{key: \"{ana}\", max_ceiling: 50}}\n  bo: {{key: \"{bo}\"}}"
    );
    shop.edit("kinora.yaml", "kinora: 1", &approvers);
    shop
}

/// How many attempts the ledger has: nothing is spent without one.
pub fn attempts(shop: &Workspace) -> usize {
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("a ledger");
    let mut attempts = 0;
    ledger.each_attempt(Which::All, |_| attempts += 1).expect("readable");
    attempts
}

/// What is held and spent, in credits.
pub fn held(shop: &Workspace) -> String {
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("a ledger");
    ledger.spent(kinora::ledger::Period::Ever).expect("readable").to_decimal().to_string()
}

/// The copy of the plan that was approved, where there is one alone.
pub fn only_copy(shop: &Workspace) -> PathBuf {
    let mut copies = shop.files(".kinora/plans", "plan");
    assert_eq!(copies.len(), 1, "{copies:?}");
    copies.remove(0)
}

/// A raw connection to the ledger, with nothing of Kinora around it and no trigger in its way.
pub fn raw(shop: &Workspace) -> rusqlite::Connection {
    let raw = rusqlite::Connection::open(shop.path().join(".kinora/ledger.db")).expect("a file");
    raw.execute_batch("DROP TRIGGER approvals_stay; DROP TRIGGER approvals_remain").expect("there");
    raw
}

/// What was said, without what differs from run to run: digests, times, keys, folders.
pub fn said(shop: &Workspace, ended: &Ended) -> String {
    let text = format!("{}{}", ended.stdout, ended.stderr);
    let text = text.replace(&shop.path().display().to_string(), "SHOP");
    let mut said = String::new();
    for word in text.split_inclusive([' ', '\n', '\t']) {
        said.push_str(&plain(word));
    }
    said.trim().to_owned()
}

/// A word, its digest or time put by a name.
fn plain(word: &str) -> String {
    let core: String = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    let is_hex = core.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let name = if is_hex && core.len() == 8 {
        "DIGEST"
    } else if core.len() >= 20 && core.ends_with('Z') && core.as_bytes().get(10) == Some(&b'T') {
        "TIME"
    } else {
        return word.to_owned();
    };
    word.replace(&core, name)
}
