//! An approval carried over to a later plan: a part of what was approved, at no higher price.

use crate::shop::{attempts, held, only_copy, paid, said, signed};
use crate::workspace::Workspace;

/// Ana approves all four clips, up to so much.
fn approved(ceiling: &str) -> Workspace {
    let shop = paid();
    shop.kinora(&["approve", ".", "--by", "Ana", "--ceiling", ceiling]).ends(0);
    shop
}

#[test]
fn a_part_of_what_was_approved_runs_and_counts_against_the_same_ceiling() {
    let shop = approved("9");
    shop.edit("products.csv", "bowl,Bowl,7\n", "");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["to_run"]["jobs"], 2);
    assert!(plan["approval"]["carried_from"].is_string(), "{plan:#}");
    let text = shop.kinora(&["plan", "."]).ends(0).stdout;
    assert!(text.contains("as a part of plan"), "{text}");
    let run = shop.kinora(&["run", "."]).ends(0);
    assert!(run.stderr.contains("runs under approval 1 by Ana"), "{}", run.stderr);
    assert_eq!(held(&shop), "6");
    // The other two come back: three credits are left for six.
    shop.edit("products.csv", "mug,Mug,12\n", "mug,Mug,12\nbowl,Bowl,7\n");
    let run = shop.kinora(&["run", "."]).ends(5);
    assert!(run.stderr.contains("the approval's ceiling"), "{}", run.stderr);
    assert_eq!(held(&shop), "9");
    shop.kinora(&["ledger", "verify"]).ends(0);
}

#[test]
fn a_narrowed_run_needs_no_approval_of_its_own() {
    let shop = approved("12");
    shop.kinora(&["run", ".", "--limit", "1"]).ends(0);
    assert_eq!(held(&shop), "3");
    shop.kinora(&["run", ".", "--only", "products.mug"]).ends(0);
    shop.kinora(&["run", "."]).ends(0);
    assert_eq!(held(&shop), "12");
}

#[test]
fn a_cheaper_plan_is_covered_and_a_dearer_one_is_not() {
    let shop = approved("100");
    shop.edit("models/studio.yaml", "amount: 2.5", "amount: 2.4");
    shop.kinora(&["run", ".", "--limit", "1"]).ends(0);
    assert_eq!(held(&shop), "2.9");
    shop.edit("models/studio.yaml", "amount: 2.4", "amount: 2.500001");
    let refused = shop.kinora(&["run", "."]).ends(6);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: approval 1 by Ana names plan DIGEST, but the manifest now gives plan DIGEST, which it does not cover: 3 jobs cost more; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes");
    assert_eq!(attempts(&shop), 1);
}

#[test]
fn whatever_is_new_or_another_request_is_not_covered() {
    let changes: [(&str, &str, &str, &str); 4] = [
        ("a new product", "products.csv", "bowl,Bowl,7\n", "bowl,Bowl,7\npot,Pot,9\n"),
        ("another prompt", "kinora.yaml", "turns slowly", "turns quickly"),
        ("another length", "kinora.yaml", "duration: 0.5", "duration: 0.6"),
        (
            "another unit",
            "kinora.yaml",
            "kinora: 1",
            "kinora: 1\nbudget: {unit: EUR, rates: {credits: 1}}",
        ),
    ];
    let mut all = String::new();
    for (what, file, from, to) in changes {
        let shop = approved("100");
        shop.picture("images/pot.png", [20, 120, 60]);
        shop.edit(file, from, to);
        let refused = shop.kinora(&["run", "."]);
        all += &format!("{what}: {}\n", said(&shop, &refused));
        assert_eq!(attempts(&shop), 0, "{what}");
        let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
        assert!(plan["approval"].is_null(), "{what}: {plan:#}");
    }
    // Other pictures are another request too.
    let shop = approved("100");
    shop.picture("images/mug.png", [1, 2, 3]);
    all += &format!("another picture: {}\n", said(&shop, &shop.kinora(&["run", "."]).ends(6)));
    insta::assert_snapshot!(all, @r#"
    a new product: kinora: approval 1 by Ana names plan DIGEST, but the manifest now gives plan DIGEST, which it does not cover: 2 jobs are new; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes
    another prompt: kinora: approval 1 by Ana names plan DIGEST, but the manifest now gives plan DIGEST, which it does not cover: 4 jobs ask for something else; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes
    another length: kinora: approval 1 by Ana names plan DIGEST, but the manifest now gives plan DIGEST, which it does not cover: 4 jobs ask for something else; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes
    another unit: kinora: approval 1 by Ana does not hold: its ceiling is in credits, but the workspace counts EUR; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes
    another picture: kinora: approval 1 by Ana names plan DIGEST, but the manifest now gives plan DIGEST, which it does not cover: 2 jobs ask for something else; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes
    "#);
    assert_eq!(attempts(&shop), 0);
}

#[test]
fn without_a_true_copy_of_its_plan_an_approval_is_for_exactly_that_plan() {
    type Harm = fn(&std::path::Path);
    let harm: [(&str, Harm); 5] = [
        ("gone", |copy| std::fs::remove_file(copy).expect("there")),
        ("empty", |copy| std::fs::write(copy, "").expect("writable")),
        ("cut", |copy| {
            let bytes = std::fs::read(copy).expect("there");
            std::fs::write(copy, &bytes[..bytes.len() - 9]).expect("writable");
        }),
        ("altered", |copy| {
            let mut bytes = std::fs::read(copy).expect("there");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x40;
            std::fs::write(copy, bytes).expect("writable");
        }),
        ("another's", |copy| {
            let other = paid();
            other.edit("kinora.yaml", "turns slowly", "turns quickly");
            other.kinora(&["approve", ".", "--by", "Ana"]).ends(0);
            std::fs::copy(only_copy(&other), copy).expect("copied");
        }),
    ];
    for (what, harm) in harm {
        let shop = approved("100");
        harm(&only_copy(&shop));
        shop.edit("products.csv", "bowl,Bowl,7\n", "");
        let refused = shop.kinora(&["run", "."]).ends(6);
        assert!(refused.stderr.contains("which it does not cover"), "{what}: {}", refused.stderr);
        assert_eq!(attempts(&shop), 0, "{what}");
        shop.edit("products.csv", "mug,Mug,12\n", "mug,Mug,12\nbowl,Bowl,7\n");
        shop.kinora(&["run", "."]).ends(0);
        assert_eq!(held(&shop), "12", "{what}");
    }
}

#[test]
fn a_signed_approval_carries_over_as_long_as_its_approver_may_sign() {
    let shop = signed();
    shop.kinora(&["approve", ".", "--by", "ana", "--key", "ana.key"]).ends(0);
    shop.kinora(&["run", ".", "--limit", "1"]).ends(0);
    shop.edit("kinora.yaml", "max_ceiling: 50", "max_ceiling: 11");
    let refused = shop.kinora(&["run", ".", "--limit", "1"]).ends(4);
    assert!(refused.stderr.contains("above the 11 credits"), "{}", refused.stderr);
    assert_eq!(attempts(&shop), 1);
}
