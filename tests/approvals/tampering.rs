//! What is done to an approval on its way: with the file that travels, with its signature, with the
//! ledger, with the key. Each is refused, and nothing is spent.

use serde_json::{Value, json};

use crate::shop::{attempts, key, raw, said, signed};
use crate::workspace::Workspace;

/// A shop whose approval by Ana is in `a.json`, signed, not taken in yet.
fn travelled() -> Workspace {
    let shop = signed();
    shop.kinora(&["plan", ".", "-o", "spring.plan"]).ends(0);
    let approve = ["approve", "spring.plan", "--by", "ana", "--key", "ana.key", "--ceiling", "12"];
    let more = ["--expires", "2w", "--note", "for spring", "-o", "a.json"];
    shop.kinora(&[&approve[..], &more].concat()).ends(0);
    // It was recorded, too: what travels is taken in by a ledger that has not seen it.
    let raw = raw(&shop);
    raw.execute_batch("DELETE FROM approvals").expect("writable");
    raw.execute_batch("DROP TRIGGER events_remain; DELETE FROM events WHERE kind = 'approved'")
        .expect("writable");
    shop
}

fn file(shop: &Workspace) -> Value {
    serde_json::from_str(&shop.read("a.json")).expect("JSON")
}

/// The digest as whoever forges a file makes it: over the text of what the file says now.
fn sealed_again(shop: &Workspace, file: &mut Value) {
    shop.write("forged.json", &file.to_string());
    let read = kinora::approval::ApprovalFile::read(&shop.path().join("forged.json"));
    let read = read.expect("of the right form");
    let new = kinora::ledger::NewApproval {
        expires: read.expires.as_ref().and_then(|at| at.parse().ok()),
        note: read.note.clone(),
        origin: read.origin,
        shown: read.shown.clone(),
        signature: read.key.clone().map(|key| kinora::ledger::Signature { key, bytes: [0; 64] }),
        ..kinora::ledger::NewApproval::new(
            kinora::digest::Digest::parse(&read.plan).expect("a digest"),
            &read.by,
            kinora::approval::amount(&read.ceiling).expect("an amount"),
            kinora::money::Unit::new(&read.unit),
            read.at.parse().expect("a time"),
        )
    };
    let text = kinora::approval::text(&new, &read.lineage);
    file["digest"] = kinora::digest::Digest::of(text.as_bytes()).to_string().into();
}

type Harm = fn(&Workspace, &mut Value);

/// What is done to a file, and whether its digest is made anew afterwards.
const FILES: [(&str, bool, Harm); 27] = [
    ("a larger ceiling", true, |_, f| f["ceiling"] = "50".into()),
    ("a larger ceiling, the digest as it was", false, |_, f| f["ceiling"] = "50".into()),
    ("a negative ceiling", false, |_, f| f["ceiling"] = "-12".into()),
    ("a ceiling with an exponent", false, |_, f| f["ceiling"] = "1e9".into()),
    ("a ceiling that is a number", false, |_, f| f["ceiling"] = json!(12)),
    ("another unit", true, |_, f| f["unit"] = "USD".into()),
    ("another plan", true, |_, f| f["plan"] = "ab".repeat(32).into()),
    ("a plan that is no digest", false, |_, f| f["plan"] = "all of them".into()),
    ("a later end", true, |_, f| f["expires"] = "2031-01-01T00:00:00Z".into()),
    ("no end", true, |_, f| {
        f.as_object_mut().expect("a mapping").remove("expires");
    }),
    ("another name", true, |_, f| f["by"] = "bo".into()),
    ("a name that is not listed", true, |_, f| f["by"] = "eve".into()),
    ("another note", true, |_, f| f["note"] = "for spring and summer".into()),
    ("another time", true, |_, f| f["at"] = "2026-01-01T00:00:00Z".into()),
    ("a time to come", false, |_, f| f["at"] = "2199-01-01T00:00:00Z".into()),
    ("another origin", true, |_, f| f["origin"] = "policy".into()),
    ("totals that look smaller", true, |_, f| f["shown"]["high"] = "1".into()),
    ("another ledger", true, |_, f| f["lineage"] = "0".repeat(32).into()),
    ("another major version", false, |_, f| f["format_version"] = "2.0".into()),
    ("no version", false, |_, f| f["format_version"] = Value::Null),
    ("no signature", true, |_, f| {
        let file = f.as_object_mut().expect("a mapping");
        file.remove("signature");
        file.remove("key");
    }),
    ("a key without a signature", false, |_, f| {
        f.as_object_mut().expect("a mapping").remove("signature");
    }),
    ("a signature cut short", false, |_, f| {
        let text = f["signature"].as_str().expect("text").to_owned();
        f["signature"] = text[..text.len() - 4].into();
    }),
    ("a signature with one letter changed", false, |_, f| {
        let text = f["signature"].as_str().expect("text").to_owned();
        let other = if text.starts_with('A') { "B" } else { "A" };
        f["signature"] = format!("{other}{}", &text[1..]).into();
    }),
    ("the key of another approver", true, |shop, f| {
        let manifest = shop.read("kinora.yaml");
        let bo = manifest.lines().find(|line| line.starts_with("  bo:")).expect("bo");
        f["key"] = bo.split('"').nth(1).expect("a key").into();
    }),
    ("a key of nobody", true, |shop, f| f["key"] = key(shop, "eve.key").into()),
    ("another digest", false, |_, f| f["digest"] = "cd".repeat(32).into()),
];

#[test]
fn a_file_that_was_tampered_with_approves_nothing() {
    let shop = travelled();
    let whole = file(&shop);
    let mut all = String::new();
    for (what, again, harm) in FILES {
        let mut harmed = whole.clone();
        harm(&shop, &mut harmed);
        assert_ne!(harmed, whole, "{what}");
        if again {
            sealed_again(&shop, &mut harmed);
        }
        shop.write("b.json", &harmed.to_string());
        let refused = shop.kinora(&["approvals", "import", "b.json"]);
        all += &format!("{what}: {}\n", said(&shop, &refused));
        assert!(refused.stdout.is_empty(), "{what}: {}", refused.stdout);
        let run = shop.kinora(&["run", ".", "--approval", "b.json"]);
        assert!(!run.stderr.contains("clips made"), "{what}");
        shop.kinora(&["run", "."]).ends(4);
        assert_eq!(attempts(&shop), 0, "{what}");
    }
    insta::assert_snapshot!(all);
    // The file as it was given still works: the shop refuses the forgeries, and not everything.
    shop.kinora(&["run", ".", "--approval", "a.json"]).ends(0);
    assert_eq!(attempts(&shop), 4);
}

/// A file that says that the standing policy gave it, where there is one beside the approvers.
#[test]
fn nobody_writes_an_approval_in_the_name_of_the_policy() {
    let shop = travelled();
    let policy = "kinora: 1\nunattended: {approve: {max_total: 100}}";
    shop.edit("kinora.yaml", "kinora: 1", policy);
    let mut forged = file(&shop);
    forged["origin"] = "policy".into();
    forged["ceiling"] = "100".into();
    let form = forged.as_object_mut().expect("a mapping");
    form.remove("signature");
    form.remove("key");
    sealed_again(&shop, &mut forged);
    shop.write("b.json", &forged.to_string());
    let refused = shop.kinora(&["approvals", "import", "b.json"]).ends(4);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: b.json: `origin` is wrong: only what a person gave with `kinora approve` can be taken in");
    shop.kinora(&["run", ".", "--approval", "b.json"]).ends(4);
    assert_eq!(attempts(&shop), 0);
}

/// Somebody else's shop, the same in all but its ledger.
#[test]
fn an_approval_is_for_one_workspace() {
    let (one, other) = (travelled(), signed());
    other.write("kinora.yaml", &one.read("kinora.yaml"));
    other.kinora(&["plan", "."]).ends(0);
    other.write("a.json", &one.read("a.json"));
    let refused = other.kinora(&["approvals", "import", "a.json"]).ends(6);
    insta::assert_snapshot!(said(&other, &refused), @"kinora: a.json: it is for another ledger (DIGEST) than this workspace's (DIGEST), so it approves nothing here");
    other.kinora(&["run", ".", "--approval", "a.json"]).ends(6);
    assert_eq!(attempts(&other), 0);
}

#[test]
fn what_is_no_approval_file_is_said_to_be_none() {
    let shop = travelled();
    let mut all = String::new();
    for (name, text) in [
        ("absent.json", None),
        ("empty.json", Some("")),
        ("list.json", Some("[]")),
        ("twice.json", Some("{\"format_version\": \"1.0\", \"format_version\": \"1.0\"}")),
        ("notes.json", Some("Ana says yes")),
    ] {
        if let Some(text) = text {
            shop.write(name, text);
        }
        let refused = shop.kinora(&["approvals", "import", name]);
        all += &format!("{}\n", said(&shop, &refused));
        assert_eq!(attempts(&shop), 0, "{name}");
    }
    shop.write("long.json", &" ".repeat(100_000));
    all +=
        &format!("{}\n", said(&shop, &shop.kinora(&["approvals", "import", "long.json"]).ends(4)));
    insta::assert_snapshot!(all, @r#"
    kinora: absent.json: can't be read: No such file or directory (os error 2)
    kinora: empty.json: is no approval file: EOF while parsing a value at line 1 column 0
    kinora: list.json: is no approval file: it has no `format_version`
    kinora: twice.json: is no approval file: duplicate field `format_version` at line 1 column 42
    kinora: notes.json: is no approval file: expected value at line 1 column 1
    kinora: long.json: is no approval file: it is longer than 65536 bytes
    "#);
}

/// Rows of the ledger, edited by hand with another program.
#[test]
fn an_approval_that_was_edited_in_the_ledger_holds_no_more() {
    let edits = [
        "UPDATE approvals SET ceiling = 50000000",
        "UPDATE approvals SET expires = NULL",
        "UPDATE approvals SET expires = expires + 1",
        "UPDATE approvals SET by = 'bo'",
        "UPDATE approvals SET note = 'for summer'",
        "UPDATE approvals SET at = at - 1000000",
        "UPDATE approvals SET unit = 'EUR'",
        "UPDATE approvals SET origin = 'policy'",
        "UPDATE approvals SET shown = NULL",
        "UPDATE approvals SET signature = zeroblob(64)",
        "UPDATE approvals SET signature = NULL, key = NULL",
        "UPDATE approvals SET digest = NULL, ceiling = 50000000",
        "UPDATE approvals SET digest = NULL, signature = NULL, key = NULL",
        "UPDATE meta SET value = 'ffffffffffffffffffffffffffffffff' WHERE key = 'lineage'",
    ];
    for edit in edits {
        let shop = signed();
        let approve = ["approve", ".", "--by", "ana", "--key", "ana.key", "--ceiling", "12"];
        shop.kinora(&[&approve[..], &["--expires", "2w", "--note", "for spring"]].concat()).ends(0);
        raw(&shop).execute_batch(edit).expect("writable");
        let refused = shop.kinora(&["run", "."]).ends(4);
        assert!(refused.stderr.contains("approval 1 by"), "{edit}: {}", refused.stderr);
        assert_eq!(attempts(&shop), 0, "{edit}");
    }
}

/// One row cannot be moved to another plan either: its signature names the plan.
#[test]
fn an_approval_can_not_be_moved_to_another_plan() {
    let shop = signed();
    shop.kinora(&["approve", ".", "--by", "ana", "--key", "ana.key"]).ends(0);
    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    let digest = plan["plan"].as_str().expect("a digest");
    raw(&shop)
        .execute_batch(&format!("UPDATE approvals SET plan = x'{digest}'"))
        .expect("writable");
    let refused = shop.kinora(&["run", "."]).ends(4);
    assert!(refused.stderr.contains("changed after it was given"), "{}", refused.stderr);
    assert_eq!(attempts(&shop), 0);
}

#[test]
fn a_key_that_others_may_read_signs_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let shop = signed();
    let path = shop.path().join("ana.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mine");
    let refused = shop.kinora(&["approve", ".", "--by", "ana", "--key", "ana.key"]).ends(2);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: --key: ana.key: others than its owner may read this key; `chmod 600` it, and think of who may have read it");
}
