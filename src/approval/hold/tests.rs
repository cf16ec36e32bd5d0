//! Every rule by which an approval holds or not, one change at a time.

use super::*;
use crate::approval::seal;
use crate::diagnostic::{Place, SourceId};
use crate::ledger::NewApproval;
use crate::ledger::{Revocation, Shown, Signature};
use crate::manifest::{Approver, Limit};
use crate::signing::SecretKey;

const LINEAGE: &str = "0123456789abcdef0123456789abcdef";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn micros(whole: i64) -> Micros {
    Micros::from_stored(whole * 1_000_000).expect("not negative")
}

struct Shop {
    _folder: tempfile::TempDir,
    ana: SecretKey,
    bo: SecretKey,
    approvers: Approvers,
    unit: Unit,
}

impl Shop {
    fn new() -> Shop {
        let folder = tempfile::tempdir().expect("a folder");
        let key = |name: &str| SecretKey::create(&folder.path().join(name)).expect("a key");
        let (ana, bo) = (key("ana"), key("bo"));
        let place = Place::new(SourceId(0), 0, 0);
        let approver = |key: &SecretKey, most: Option<i64>| Approver {
            place,
            key: key.public(),
            max_ceiling: most.map(|most| Limit { amount: most.into(), place }),
        };
        let approvers = Approvers::from([
            ("ana".to_owned(), approver(&ana, Some(100))),
            ("bo".to_owned(), approver(&bo, None)),
        ]);
        Shop { _folder: folder, ana, bo, approvers, unit: Unit::default() }
    }

    fn new_by(&self, by: &str) -> NewApproval {
        let at = time("2026-11-20T10:00:00Z");
        NewApproval {
            expires: Some(time("2026-12-01T00:00:00Z")),
            note: Some("spring".to_owned()),
            shown: Some(Shown {
                name: "shop".to_owned(),
                jobs: 4,
                low: "40".to_owned(),
                estimate: "40".to_owned(),
                high: "80".to_owned(),
            }),
            ..NewApproval::new(Digest::of(b"plan"), by, micros(100), self.unit.clone(), at)
        }
    }

    fn signed(&self) -> Approval {
        seal(self.new_by("ana"), Some(&self.ana), LINEAGE).recorded(1)
    }

    fn unsigned(&self) -> Approval {
        seal(self.new_by("ana"), None, LINEAGE).recorded(1)
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            unit: &self.unit,
            lineage: LINEAGE,
            approvers: None,
            policy: None,
            now: time("2026-11-21T00:00:00Z"),
        }
    }

    fn strict(&self) -> Rules<'_> {
        Rules { approvers: Some(&self.approvers), ..self.rules() }
    }
}

#[test]
fn what_was_given_holds_until_it_expires_or_is_revoked() {
    let shop = Shop::new();
    for approval in [shop.signed(), shop.unsigned()] {
        assert_eq!(holds(&approval, &shop.rules()), Ok(()));
        let expires = time("2026-12-01T00:00:00Z");
        let last = time("2026-11-30T23:59:59.999999Z");
        assert_eq!(holds(&approval, &Rules { now: last, ..shop.rules() }), Ok(()));
        let ended = Err(Objection::Ended(ApprovalEnd::Expired(expires)));
        assert_eq!(holds(&approval, &Rules { now: expires, ..shop.rules() }), ended);
        let revocation = Revocation { by: "bo".to_owned(), at: expires, note: None };
        let revoked = Approval { revoked: Some(revocation.clone()), ..approval };
        let ended = Err(Objection::Ended(ApprovalEnd::Revoked(revocation)));
        assert_eq!(holds(&revoked, &shop.rules()), ended);
    }
}

/// A row of the ledger that was edited from outside, field by field.
#[test]
fn whatever_is_changed_after_it_was_given_it_holds_no_more() {
    let shop = Shop::new();
    type Edit = fn(&mut Approval);
    let changes: [(&str, Edit); 13] = [
        ("plan", |a| a.plan = Digest::of(b"other")),
        ("by", |a| a.by = "bo".to_owned()),
        ("ceiling", |a| a.ceiling = micros(101)),
        ("unit", |a| a.unit = Unit::new("USD")),
        ("at", |a| a.at = time("2026-11-20T10:00:01Z")),
        ("expires", |a| a.expires = Some(time("2027-12-01T00:00:00Z"))),
        ("no end", |a| a.expires = None),
        ("note", |a| a.note = Some("summer".to_owned())),
        ("no note", |a| a.note = None),
        ("origin", |a| a.origin = Origin::Yes),
        ("shown", |a| a.shown = None),
        ("jobs", |a| a.shown.as_mut().expect("shown").jobs = 5),
        ("high", |a| a.shown.as_mut().expect("shown").high = "90".to_owned()),
    ];
    for approval in [shop.signed(), shop.unsigned()] {
        for (what, change) in changes {
            let mut changed = approval.clone();
            change(&mut changed);
            assert_eq!(holds(&changed, &shop.rules()), Err(Objection::Altered), "{what}");
            // Whoever knows how the digest is made still lacks the key.
            let said = changed.given();
            changed.digest = Some(Digest::of(text(&said, LINEAGE).as_bytes()));
            assert!(holds(&changed, &shop.strict()).is_err(), "{what}");
        }
        let elsewhere = Rules { lineage: "ffffffffffffffffffffffffffffffff", ..shop.rules() };
        assert_eq!(holds(&approval, &elsewhere), Err(Objection::Altered), "another ledger");
    }
}

#[test]
fn where_the_manifest_names_approvers_only_their_signatures_count() {
    let shop = Shop::new();
    let strict = shop.strict();
    assert_eq!(holds(&shop.signed(), &strict), Ok(()));
    assert_eq!(holds(&shop.unsigned(), &strict), Err(Objection::NotSigned));

    let by = |by: &str, key: &SecretKey| seal(shop.new_by(by), Some(key), LINEAGE).recorded(1);
    assert_eq!(holds(&by("eve", &shop.ana), &strict), Err(Objection::NotListed));
    assert_eq!(holds(&by("Ana", &shop.ana), &strict), Err(Objection::NotListed));
    assert_eq!(holds(&by("ana", &shop.bo), &strict), Err(Objection::OtherKey));
    assert_eq!(holds(&by("bo", &shop.bo), &strict), Ok(()));

    // A signature cut, of another text, or of no key at all.
    for (what, signature) in [
        ("nothing", Signature { key: shop.ana.public().to_string(), bytes: [0; 64] }),
        (
            "another text",
            Signature { key: shop.ana.public().to_string(), bytes: shop.ana.sign(b"another text") },
        ),
    ] {
        let forged = Approval { signature: Some(signature), ..shop.signed() };
        assert_eq!(holds(&forged, &strict), Err(Objection::BadSignature), "{what}");
        assert_eq!(holds(&forged, &shop.rules()), Err(Objection::BadSignature), "{what}");
    }
}

#[test]
fn an_approver_can_not_give_more_than_they_may() {
    let shop = Shop::new();
    let ceiling = |by: &str, key: &SecretKey, micros: i64| {
        let ceiling = Micros::from_stored(micros).expect("not negative");
        let new = NewApproval { ceiling, ..shop.new_by(by) };
        holds(&seal(new, Some(key), LINEAGE).recorded(1), &shop.strict())
    };
    assert_eq!(ceiling("ana", &shop.ana, 100_000_000), Ok(()));
    let above = ceiling("ana", &shop.ana, 100_000_001);
    assert_eq!(above, Err(Objection::AboveMost(Amount::new(100.into(), shop.unit.clone()))));
    assert_eq!(ceiling("bo", &shop.bo, 1_000_000_000_000), Ok(()));
}

#[test]
fn each_origin_holds_where_it_may() {
    let shop = Shop::new();
    for origin in Origin::ALL {
        let approval =
            seal(NewApproval { origin, ..shop.new_by("ana") }, None, LINEAGE).recorded(1);
        for (approvers, policy) in [(false, false), (false, true), (true, false), (true, true)] {
            let approvers = approvers.then_some(&shop.approvers);
            let most = policy.then_some(approval.ceiling);
            let found = holds(&approval, &Rules { approvers, policy: most, ..shop.rules() });
            let wanted = match (origin, approvers) {
                (Origin::Policy, _) if policy => Ok(()),
                (Origin::Policy, _) => Err(Objection::NoPolicy),
                (_, None) => Ok(()),
                (Origin::Person, Some(_)) => Err(Objection::NotSigned),
                (origin, Some(_)) => Err(Objection::Origin(origin)),
            };
            assert_eq!(found, wanted, "{origin:?}, {approvers:?}, {policy}");
        }
    }
}

#[test]
fn what_a_policy_gave_holds_no_longer_than_the_policy_allows_it() {
    let shop = Shop::new();
    let ceiling = micros(100);
    let given = NewApproval { origin: Origin::Policy, ceiling, ..shop.new_by("policy") };
    let approval = seal(given, None, LINEAGE).recorded(1);
    let under = |most| holds(&approval, &Rules { policy: Some(micros(most)), ..shop.rules() });
    assert_eq!(under(100), Ok(()));
    let tighter = Amount::new(99.into(), shop.unit.clone());
    assert_eq!(under(99), Err(Objection::AbovePolicy(tighter)));
}

#[test]
fn an_approval_counts_the_workspaces_unit() {
    let shop = Shop::new();
    let new = NewApproval { unit: Unit::new("USD"), ..shop.new_by("ana") };
    let found = holds(&seal(new, Some(&shop.ana), LINEAGE).recorded(1), &shop.strict());
    assert!(matches!(found, Err(Objection::Unit { .. })));
}

/// What was approved before approvals had digests goes on holding, but is nobody's signature.
#[test]
fn approvals_of_earlier_formats_hold_where_nobody_must_sign() {
    let shop = Shop::new();
    let at = time("2026-11-20T10:00:00Z");
    let plan = Digest::of(b"plan");
    let old = NewApproval::new(plan, "ada", micros(5), shop.unit.clone(), at).recorded(1);
    assert_eq!(holds(&old, &shop.rules()), Ok(()));
    assert_eq!(holds(&old, &shop.strict()), Err(Objection::NotSigned));
}

#[test]
fn every_objection_is_said_in_words() {
    let shop = Shop::new();
    let revocation = Revocation {
        by: "bo".to_owned(),
        at: time("2026-11-22T09:30:00.5Z"),
        note: Some("wrong season".to_owned()),
    };
    let objections = [
        Objection::Altered,
        Objection::Ended(ApprovalEnd::Revoked(revocation)),
        Objection::Ended(ApprovalEnd::Expired(time("2026-12-01T00:00:00Z"))),
        Objection::Unit { approval: Unit::new("USD"), workspace: Unit::default() },
        Objection::NotSigned,
        Objection::Origin(Origin::Yes),
        Objection::Origin(Origin::Asked),
        Objection::NoPolicy,
        Objection::NotListed,
        Objection::OtherKey,
        Objection::BadSignature,
        Objection::AboveMost(Amount::new(100.into(), shop.unit.clone())),
    ];
    let said: Vec<String> = objections.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    it was changed after it was given
    bo revoked it at 2026-11-22T09:30:00Z: wrong season
    it expired at 2026-12-01T00:00:00Z
    its ceiling is in USD, but the workspace counts credits
    it is not signed, and the manifest's `approvers` must sign
    it is `--yes`, and the manifest's `approvers` must sign
    it is an answer to a run's question, and the manifest's `approvers` must sign
    it was given by a standing policy that the manifest does not have
    who gave it is not among the manifest's `approvers`
    it is signed with another key than its approver's in the manifest
    its signature is not of what it says
    its ceiling is above the 100 credits that its approver may approve
    "#);
}
