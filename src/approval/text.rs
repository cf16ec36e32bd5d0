//! The text of an approval: what its digest names and its signature is over.
//!
//! One line a field, in a fixed order, each with its name; texts of people as JSON strings, so that
//! no two different approvals have the same text. What never lives here: files, rules.

use std::fmt::Write;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::ledger::{NewApproval, Shown, Signature};
use crate::signing::SecretKey;

/// The text of an approval in the ledger of this lineage. The signature is over it and is not in
/// it; the key that it is by is.
pub fn text(a: &NewApproval, lineage: &str) -> String {
    let key = a.signature.as_ref().map(|signature| signature.key.as_str());
    written(a, key, lineage)
}

/// Gives an approval its digest and, with a key, its signature. Its times are cut to what the ledger
/// keeps of them.
pub fn seal(mut approval: NewApproval, key: Option<&SecretKey>, lineage: &str) -> NewApproval {
    approval.at = to_the_ledger(approval.at);
    approval.expires = approval.expires.map(to_the_ledger);
    let public = key.map(|key| key.public().to_string());
    let text = written(&approval, public.as_deref(), lineage);
    approval.signature =
        key.zip(public).map(|(secret, key)| Signature { key, bytes: secret.sign(text.as_bytes()) });
    approval.digest = Some(Digest::of(text.as_bytes()));
    approval
}

fn to_the_ledger(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

fn written(a: &NewApproval, key: Option<&str>, lineage: &str) -> String {
    let shown = |of: fn(&Shown) -> &str| optional(a.shown.as_ref().map(of));
    let jobs = a.shown.as_ref().map_or("-".to_owned(), |shown| shown.jobs.to_string());
    let expires = a.expires.map_or("-".to_owned(), |at| at.to_string());
    let mut text = String::from("kinora approval 1\n");
    let lines = [
        ("lineage", quoted(lineage)),
        ("plan", a.plan.to_string()),
        ("unit", quoted(a.unit.as_str())),
        ("ceiling", a.ceiling.to_decimal().to_string()),
        ("by", quoted(&a.by)),
        ("at", a.at.to_string()),
        ("expires", expires),
        ("origin", a.origin.as_str().to_owned()),
        ("note", optional(a.note.as_deref())),
        ("name", shown(|shown| &shown.name)),
        ("jobs", jobs),
        ("low", shown(|shown| &shown.low)),
        ("estimate", shown(|shown| &shown.estimate)),
        ("high", shown(|shown| &shown.high)),
        ("key", optional(key)),
    ];
    for (name, value) in lines {
        writeln!(text, "{name} {value}").expect("writing to a string never fails");
    }
    text
}

/// A text of people on one line, so that nothing in it can look like another field.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

fn optional(text: Option<&str>) -> String {
    text.map_or("-".to_owned(), quoted)
}

#[cfg(test)]
mod tests {
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::Origin;
    use crate::money::{Micros, Unit};

    /// Texts that try to look like the end of a field and the beginning of another.
    fn wild() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("-".to_owned()),
            "[a-c\"\\\\\n -]{0,6}",
            "(ana|\nby \"bo\"|\"\nexpires -|\u{2028}|\u{0}|é){0,3}",
        ]
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        (0i64..4_000_000_000_000_000)
            .prop_map(|us| Timestamp::from_microsecond(us).expect("before the year 9999"))
    }

    fn shown() -> impl Strategy<Value = Shown> {
        (wild(), 0u64..50, wild(), wild(), wild())
            .prop_map(|(name, jobs, low, estimate, high)| Shown { name, jobs, low, estimate, high })
    }

    type Said = (NewApproval, String);

    fn said() -> impl Strategy<Value = Said> {
        let who = (wild(), wild(), of(wild()), of(shown()), of(wild()), wild());
        let what = (0u8..3, 0i64..50_000_000, moment(), of(moment()), 0usize..4);
        (who, what).prop_map(|((by, unit, note, shown, key, lineage), what)| {
            let (plan, ceiling, at, expires, origin) = what;
            let ceiling = Micros::from_stored(ceiling).expect("not negative");
            let approval = NewApproval {
                expires,
                note,
                origin: Origin::ALL[origin],
                shown,
                signature: key.map(|key| Signature { key, bytes: [7; 64] }),
                ..NewApproval::new(Digest::of(&[plan]), &by, ceiling, Unit::new(&unit), at)
            };
            (approval, lineage)
        })
    }

    /// The text read back: that this works shows that no two approvals have the same text.
    fn read_back(text: &str) -> Option<Said> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        (lines.next()? == "kinora approval 1").then_some(())?;
        let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let quoted = |text: &str| serde_json::from_str::<String>(text).ok();
        let optional = |text: &str| match text {
            "-" => Some(None),
            text => quoted(text).map(Some),
        };
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let lineage = quoted(next("lineage")?)?;
        let plan = Digest::parse(next("plan")?)?;
        let unit = Unit::new(&quoted(next("unit")?)?);
        let ceiling = Micros::from_decimal(next("ceiling")?.parse().ok()?).ok()?;
        let by = quoted(next("by")?)?;
        let at = time(next("at")?)?;
        let expires = match next("expires")? {
            "-" => None,
            text => Some(time(text)?),
        };
        let word = next("origin")?;
        let origin = Origin::ALL.into_iter().find(|origin| origin.as_str() == word)?;
        let note = optional(next("note")?)?;
        let name = optional(next("name")?)?;
        let jobs = next("jobs")?;
        let (low, estimate) = (optional(next("low")?)?, optional(next("estimate")?)?);
        let high = optional(next("high")?)?;
        let shown = match (name, low, estimate, high) {
            (Some(name), Some(low), Some(estimate), Some(high)) => {
                Some(Shown { name, jobs: jobs.parse().ok()?, low, estimate, high })
            }
            _ => None,
        };
        let key = optional(next("key")?)?;
        let signature = key.map(|key| Signature { key, bytes: [7; 64] });
        let new = NewApproval::new(plan, &by, ceiling, unit, at);
        lines.next().is_none().then_some(())?;
        Some((NewApproval { expires, note, origin, shown, signature, ..new }, lineage))
    }

    proptest! {
        #[test]
        fn nothing_that_is_approved_is_lost_in_its_text((approval, lineage) in said()) {
            let text = text(&approval, &lineage);
            prop_assert_eq!(read_back(&text), Some((approval, lineage)));
        }

        #[test]
        fn two_approvals_have_one_text_only_if_they_are_the_same(one in said(), other in said()) {
            let same = one == other;
            prop_assert_eq!(text(&one.0, &one.1) == text(&other.0, &other.1), same);
        }
    }

    /// Whoever checks a signature without this program needs exactly these bytes.
    #[test]
    fn the_text_is_this() {
        let at: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
        let ceiling = Micros::from_decimal("12.50".parse().expect("a number")).expect("small");
        let unit = Unit::new("credits");
        let approval = NewApproval {
            expires: Some("2026-12-01T00:00:00Z".parse().expect("a time")),
            note: Some("for \"spring\"".to_owned()),
            shown: Some(Shown {
                name: "storefront".to_owned(),
                jobs: 10,
                low: "8".to_owned(),
                estimate: "10".to_owned(),
                high: "12.5".to_owned(),
            }),
            ..NewApproval::new(Digest::of(b"plan"), "ana", ceiling, unit, at)
        };
        insta::assert_snapshot!(text(&approval, "0123456789abcdef0123456789abcdef"), @r#"
        kinora approval 1
        lineage "0123456789abcdef0123456789abcdef"
        plan 29fde71e3ef298312227db745efc78ceb1c4e97c3a45f8e1f3f8680fa8a8f9ac
        unit "credits"
        ceiling 12.5
        by "ana"
        at 2026-11-20T10:00:00Z
        expires 2026-12-01T00:00:00Z
        origin person
        note "for \"spring\""
        name "storefront"
        jobs 10
        low "8"
        estimate "10"
        high "12.5"
        key -
        "#);
    }
}
