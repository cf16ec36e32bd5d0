//! Looks that must be kept, and real people who must have agreed.

use crate::shop::Shop;

/// Real people from a feed, some with a note of consent.
fn with_people(rule: &str, notes: &str) -> Shop {
    let shop = Shop::under(rule);
    let cast = format!(
        "subjects:\n  cast:\n    kind: character\n    real_person: true\n    from: cast.csv\n    \
         consent: \"{notes}\"\n    references:\n      \
         - {{name: face, image: \"images/{{{{ id }}}}.png\"}}\n"
    );
    shop.edit("kinora.yaml", "subjects:\n", &cast);
    shop.edit("kinora.yaml", "    for: products\n", "    for: cast\n");
    shop.edit("kinora.yaml", "{{ title }} turns", "a woman turns");
    shop.write("cast.csv", "id,release\nmia,\"Mia K., 2026-10-01, shop films\"\nann,\nlea, \n");
    for name in ["mia", "ann", "lea"] {
        shop.picture(&format!("images/{name}.png"), [200, 160, 140]);
    }
    shop
}

#[test]
fn a_feed_may_have_a_column_of_notes() {
    let shop = with_people("consent: deny", "{{ release }}");
    let breaches = shop.breaches();
    assert_eq!(breaches[0]["jobs"], 4, "{breaches:#?}");
    assert_eq!(breaches[0]["examples"], serde_json::json!(["cast.ann", "cast.lea"]));
    insta::assert_snapshot!(breaches[0]["message"].as_str().unwrap_or_default(), @"4 jobs send pictures of 2 real people without a note of consent");
    shop.write("cast.csv", "id,release\nmia,yes\nann,yes\nlea,yes\n");
    assert_eq!(shop.breaches().len(), 0);
    shop.kinora(&["approve", ".", "--by", "Ada"], 0);
}

#[test]
fn a_person_whose_picture_is_not_sent_needs_no_note() {
    let shop = with_people("consent: deny", "{{ release }}");
    shop.edit("kinora.yaml", "    for: cast\n", "    for: cast\n    route: text\n");
    assert_eq!(shop.breaches().len(), 0);
}

#[test]
fn without_the_rule_a_missing_consent_is_a_warning() {
    let shop = with_people("max_jobs: 100", "{{ release }}");
    let plan = shop.kinora(&["plan", ".", "--json"], 0).json();
    let findings = plan["findings"].as_array().cloned().unwrap_or_default();
    let said: Vec<String> = findings
        .iter()
        .filter(|f| f["code"] == "plan::no_consent")
        .map(|f| format!("{}: {} at {}", f["severity"], f["message"], f["at"]))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    "warning": "pictures of `cast.ann`, a real person, are sent without consent (2 jobs of `cast.ann`)" at "cast.csv:3:1"
    "warning": "pictures of `cast.lea`, a real person, are sent without consent (2 jobs of `cast.lea`)" at "cast.csv:4:1"
    "#);
    shop.kinora(&["approve", ".", "--by", "Ada"], 0);
}

#[test]
fn looks_at_risk_are_told_once_as_advice_or_as_a_breach() {
    for (rule, advised, broken) in
        [("max_jobs: 100", true, false), ("identity_reference: warn", false, true)]
    {
        let shop = Shop::under(rule);
        shop.edit("kinora.yaml", "    for: products\n", "    for: products\n    route: text\n");
        let plan = shop.kinora(&["plan", ".", "--json"], 0).json();
        let findings = plan["findings"].as_array().cloned().unwrap_or_default();
        let advice = findings.iter().any(|f| f["code"] == "plan::identity_at_risk");
        assert_eq!((advice, !shop.breaches().is_empty()), (advised, broken), "{rule}");
    }
}
