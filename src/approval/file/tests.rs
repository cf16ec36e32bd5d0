//! The file that travels: what it says, and what makes it no approval.

use super::*;
use crate::approval::seal;
use crate::signing::SecretKey;

const LINEAGE: &str = "0123456789abcdef0123456789abcdef";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    time("2026-11-20T12:00:00Z")
}

fn given() -> NewApproval {
    let ceiling = amount("12.50").expect("an amount");
    let at = time("2026-11-20T10:00:00Z");
    NewApproval {
        expires: Some(time("2026-12-01T00:00:00Z")),
        note: Some("for \"spring\"".to_owned()),
        shown: Some(Shown {
            name: "storefront".to_owned(),
            jobs: 10,
            low: "8".to_owned(),
            estimate: "10".to_owned(),
            high: "12.5".to_owned(),
        }),
        ..NewApproval::new(Digest::of(b"plan"), "ana", ceiling, Unit::new("credits"), at)
    }
}

/// The example of RFC 8410, so that the file is the same every time.
fn key() -> SecretKey {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    std::fs::write(file.path(), text).expect("writable");
    SecretKey::read(file.path()).expect("a key")
}

#[test]
fn an_approval_comes_back_out_of_its_file() {
    let key = key();
    for key in [None, Some(&key)] {
        let approval = seal(given(), key, LINEAGE);
        let file = ApprovalFile::of(&approval, LINEAGE).expect("it has a digest");
        let read = ApprovalFile::parse(&file.to_text()).expect("as written");
        assert_eq!(read, file);
        assert_eq!(read.approval(now()), Ok(approval));
    }
}

/// The digest is made by anybody, and nothing else stands for a policy.
#[test]
fn only_what_a_person_gave_travels() {
    for origin in Origin::ALL {
        let approval = seal(NewApproval { origin, ..given() }, None, LINEAGE);
        let file = ApprovalFile::of(&approval, LINEAGE).expect("it has a digest");
        let taken = file.approval(now());
        assert_eq!(taken.is_ok(), origin == Origin::Person, "{origin:?}: {taken:?}");
    }
}

#[test]
fn the_file_is_this() {
    let key = key();
    let approval = seal(given(), Some(&key), LINEAGE);
    let file = ApprovalFile::of(&approval, LINEAGE).expect("it has a digest");
    insta::assert_snapshot!(file.to_text(), @r#"
    {
      "format_version": "1.0",
      "lineage": "0123456789abcdef0123456789abcdef",
      "plan": "29fde71e3ef298312227db745efc78ceb1c4e97c3a45f8e1f3f8680fa8a8f9ac",
      "ceiling": "12.5",
      "unit": "credits",
      "by": "ana",
      "at": "2026-11-20T10:00:00Z",
      "expires": "2026-12-01T00:00:00Z",
      "note": "for \"spring\"",
      "origin": "person",
      "shown": {
        "name": "storefront",
        "jobs": 10,
        "low": "8",
        "estimate": "10",
        "high": "12.5"
      },
      "digest": "99778cfbc15b3c49fcbe68b6ae2873f85e8eba7789f51915d2d6f78be0f40027",
      "key": "ed25519:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
      "signature": "aH4UaDil92WIFrfIh3umDekyVz2yyuH1VoDnF7AjO13kuGW8cwLYIux0W327T/+G2a7bf1KgUQ9WhnHQr3e9CA=="
    }
    "#);
}

#[test]
fn a_newer_minor_version_may_say_more_and_another_major_version_is_refused() {
    let approval = seal(given(), None, LINEAGE);
    let file = ApprovalFile::of(&approval, LINEAGE).expect("it has a digest");
    let newer = file.to_text().replace("\"1.0\"", "\"1.7\", \"colour\": \"green\"");
    let read = ApprovalFile::parse(&newer).expect("what is new is ignored");
    assert_eq!(read.approval(now()), Ok(approval));
    for version in ["2.0", "0.9", "10.0"] {
        let other = file.to_text().replace("\"1.0\"", &format!("\"{version}\""));
        let problem = ApprovalFile::parse(&other).expect_err("another major version");
        assert_eq!(problem, FileProblem::Version(version.to_owned()));
    }
    for text in ["", "{}", "[]", "null", "{\"format_version\": 1}", "{\"format_version\": \"1\"}"] {
        assert!(matches!(ApprovalFile::parse(text), Err(FileProblem::NoApproval(_))), "{text}");
    }
}

#[test]
fn a_field_that_stands_there_twice_is_refused() {
    let file = ApprovalFile::of(&seal(given(), None, LINEAGE), LINEAGE).expect("a digest");
    let twice = file.to_text().replace("\"ceiling\"", "\"ceiling\": \"900\",\n  \"ceiling\"");
    assert!(matches!(ApprovalFile::parse(&twice), Err(FileProblem::NoApproval(_))));
}
