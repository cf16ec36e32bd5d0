//! Taking an approval back.

use crate::shop::{attempts, held, paid, raw, said};

#[test]
fn a_revoked_approval_holds_no_more_and_says_who_took_it_back() {
    let shop = paid();
    shop.kinora(&["approve", ".", "--by", "Ana", "-o", "a.json"]).ends(0);
    let revoked =
        shop.kinora(&["approvals", "revoke", "1", "--by", "Bo", "--note", "wrong season"]).ends(0);
    insta::assert_snapshot!(said(&shop, &revoked), @"approval 1 by Ana (plan DIGEST, up to 12 credits) is revoked by Bo at TIME; nothing more begins under it");
    let again = shop.kinora(&["approvals", "revoke", "1", "--by", "Eve"]).ends(0);
    assert!(again.stdout.contains("was revoked before by Bo"), "{}", again.stdout);
    let refused = shop.kinora(&["run", "."]).ends(4);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: approval 1 by Ana does not hold: Bo revoked it at TIME: wrong season; look at it with `kinora plan kinora.yaml`, then `kinora approve kinora.yaml --by NAME`, or run with --yes");
    insta::assert_snapshot!(
        said(&shop, &shop.kinora(&["approvals", "list"]).ends(0)), @r#"
    approval 1: plan DIGEST, does not hold: Bo revoked it at TIME: wrong season
      by Ana at TIME
      up to 12 credits, of which 0 is spent or held
      no end, for 4 jobs of shop at 12
    "#);
    // Nobody brings it back by taking it in again.
    let refused = shop.kinora(&["approvals", "import", "a.json"]).ends(4);
    insta::assert_snapshot!(said(&shop, &refused), @"kinora: a.json: this approval was recorded before, and Bo revoked it at TIME: wrong season");
    let unknown = shop.kinora(&["approvals", "revoke", "9", "--by", "Bo"]).ends(2);
    insta::assert_snapshot!(said(&shop, &unknown), @"kinora: the ledger has no approval 9; `kinora approvals list` shows which it has");
    assert_eq!(attempts(&shop), 0);
    shop.kinora(&["ledger", "verify"]).ends(0);
    let export = shop.kinora(&["ledger", "export"]).ends(0).stdout;
    assert!(export.contains(r#""line":"revocation","approval":1,"by":"Bo""#), "{export}");
}

#[test]
fn it_can_be_revoked_though_the_manifest_is_broken() {
    let shop = paid();
    shop.kinora(&["approve", ".", "--by", "Ana"]).ends(0);
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nnonsense: [");
    shop.kinora(&["approvals", "revoke", "1", "--by", "Bo"]).ends(0);
}

/// The run goes on in another process; whoever revokes needs no lock.
#[test]
fn a_run_stops_submitting_when_its_approval_is_revoked_and_finishes_what_is_in_flight() {
    let shop = paid();
    // Enough jobs that some are still waiting, one at a time.
    let rows: String = (0..60).map(|n| format!("p{n},Product {n},5\n")).collect();
    shop.write("products.csv", &format!("sku,title,price\n{rows}"));
    for n in 0..60 {
        shop.picture(&format!("images/p{n}.png"), [190, n, 60]);
    }
    shop.edit("kinora.yaml", "kinora: 1", "kinora: 1\nlimits: {in_flight: 1}");
    shop.kinora(&["approve", ".", "--by", "Ana"]).ends(0);
    let run = shop.start(&["run", "."]);
    while attempts(&shop) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    shop.kinora(&["approvals", "revoke", "1", "--by", "Bo", "--note", "stop"]).ends(0);
    let ended = run.wait_with_output().expect("it ends by itself");
    let stderr = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("approval 1 holds no more: Bo revoked it at"), "{stderr}");
    let begun = attempts(&shop);
    assert!((1..120).contains(&begun), "{begun} of 120 were begun");
    assert_eq!(shop.files("clips", "mp4").len(), begun, "what was begun was finished");
    assert_eq!(held(&shop), (3 * begun).to_string());
    shop.kinora(&["ledger", "verify"]).ends(0);
    shop.kinora(&["run", "."]).ends(4);
    assert_eq!(attempts(&shop), begun);
}

#[test]
fn the_ledger_notices_an_attempt_that_began_after_its_approval_had_ended() {
    let shop = paid();
    shop.kinora(&["approve", ".", "--by", "Ana"]).ends(0);
    shop.kinora(&["run", "."]).ends(0);
    shop.kinora(&["ledger", "verify"]).ends(0);
    let seq = "(SELECT min(seq) - 1 FROM events WHERE kind = 'intent')";
    let raw = raw(&shop);
    raw.execute_batch("DROP TRIGGER events_stay").expect("there");
    raw.execute_batch(&format!(
        "UPDATE events SET seq = -seq WHERE kind = 'approved';
         INSERT INTO revocations VALUES (1, 'Bo', 0, NULL);
         INSERT INTO events (seq, at, kind, detail)
             VALUES ({seq}, 0, 'revoked', '{{\"approval\": 1}}')"
    ))
    .expect("writable");
    let verify = shop.kinora(&["ledger", "verify"]).ends(1);
    assert!(verify.stderr.contains("after approval 1 was revoked"), "{}", verify.stderr);
    raw.execute_batch("UPDATE approvals SET ceiling = 99000000").expect("writable");
    let verify = shop.kinora(&["ledger", "verify"]).ends(1);
    assert!(verify.stderr.contains("approval 1 is not what was recorded"), "{}", verify.stderr);
}
