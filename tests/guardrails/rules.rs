//! Each rule at its place: what a plan says of it, what is refused, what goes on.

use crate::shop::Shop;

/// A rule that four clips at three credits each break, and how to set the stage for it.
struct Case {
    name: &'static str,
    rule: &'static str,
    stage: fn(&Shop),
}

fn as_it_is(_: &Shop) {}

/// A character that is a real person, beside each product.
fn with_mia(shop: &Shop) {
    shop.picture("images/mia.png", [200, 160, 140]);
    let cast = "subjects:\n  cast:\n    kind: character\n    real_person: true\n    items:\n      \
                - {id: mia, references: [{name: face, image: images/mia.png}]}\n";
    shop.edit("kinora.yaml", "subjects:\n", cast);
    shop.edit("kinora.yaml", "    for: products\n", "    for: cast\n");
    shop.edit("kinora.yaml", "{{ title }} turns", "a woman turns");
}

fn without_pictures(shop: &Shop) {
    shop.edit("kinora.yaml", "    for: products\n", "    for: products\n    route: text\n");
}

const CASES: &[Case] = &[
    Case { name: "max_total", rule: "max_total: 10", stage: as_it_is },
    Case { name: "max_per_job", rule: "max_per_job: 2.99", stage: as_it_is },
    Case { name: "max_per_subject", rule: "max_per_subject: 5", stage: as_it_is },
    Case { name: "max_per_model", rule: "max_per_model: 11.5", stage: as_it_is },
    Case {
        name: "max_of_models",
        rule: "max_per_model: {limit: 100, models: {studio: 11.5}}",
        stage: as_it_is,
    },
    Case { name: "max_per_day", rule: "max_per_day: 11", stage: as_it_is },
    Case { name: "max_per_month", rule: "max_per_month: 11", stage: as_it_is },
    Case { name: "max_jobs", rule: "max_jobs: 3", stage: as_it_is },
    Case { name: "only_models", rule: "only_models: [animatic, \"fal/*\"]", stage: as_it_is },
    Case { name: "identity_reference", rule: "identity_reference: deny", stage: without_pictures },
    Case { name: "consent", rule: "consent: deny", stage: with_mia },
];

/// The same rule, only warning.
fn warning(rule: &str) -> String {
    if rule.ends_with(": deny") {
        return rule.replace(": deny", ": warn");
    }
    let (name, value) = rule.split_once(": ").expect("a rule and its value");
    match value.strip_prefix('{') {
        Some(fields) => format!("{name}: {{severity: warn, {fields}"),
        None if value.starts_with('[') => format!("{name}: {{value: {value}, severity: warn}}"),
        None => format!("{name}: {{limit: {value}, severity: warn}}"),
    }
}

#[test]
fn what_denies_is_planned_and_neither_approved_nor_run() {
    let mut said = String::new();
    for case in CASES {
        let shop = Shop::under(case.rule);
        (case.stage)(&shop);
        let breaches = shop.breaches();
        assert_eq!(breaches.len(), 1, "{}: {breaches:#?}", case.name);
        assert_eq!(breaches[0]["severity"], "deny");
        let approve = shop.kinora(&["approve", ".", "--by", "Ada"], 11);
        let run = shop.kinora(&["run", ".", "--yes"], 11);
        assert_eq!(run.said("deny "), approve.said("deny "), "{}", case.name);
        assert_eq!((shop.clips(), shop.spent().as_str()), (0, "0"), "{}", case.name);
        said.push_str(&format!("{}\n{}\n", case.rule, approve.said("  deny ")));
    }
    insta::assert_snapshot!("denied", said);
}

#[test]
fn what_warns_is_said_and_goes_on() {
    let mut all = String::new();
    for case in CASES {
        let rule = warning(case.rule);
        let shop = Shop::under(&rule);
        (case.stage)(&shop);
        let breaches = shop.breaches();
        assert_eq!(breaches.len(), 1, "{}: {breaches:#?}", case.name);
        assert_eq!(breaches[0]["severity"], "warn");
        let approve = shop.kinora(&["approve", ".", "--by", "Ada"], 0);
        let said = approve.said("guardrail warn ");
        all.push_str(&format!("{rule}\n{said}\n"));
        // What a run says of them comes from one place; making clips takes long.
        if matches!(case.name, "max_total" | "only_models" | "consent") {
            let run = shop.kinora(&["run", "."], 0);
            assert_eq!(run.said("warn"), said, "{}: said once", case.name);
            assert!(shop.clips() > 0, "{}", case.name);
        }
    }
    insta::assert_snapshot!("warned", all);
}
