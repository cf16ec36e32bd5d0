//! Which providers can be used, by cards, environment and manifest.

use std::collections::BTreeMap;

use super::builder::Build;
use crate::diagnostic::Sources;
use crate::limits::Limits;
use crate::manifest::{Placed, ProviderSettings, SetVariable};
use crate::plan::{Access, Reach, check_providers};
use crate::protocol::Rack;

/// A rack with some cards beside the shipped ones.
fn rack(cards: &[(&str, &str)]) -> Rack {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("providers")).expect("a folder");
    for (name, more) in cards {
        let text = format!(
            "kinora_provider: 1\nprovider: {name}\nlike: runway\ntitle: {name}\n\
             source: its documentation\n{more}\n"
        );
        let path = folder.path().join("providers").join(format!("{name}.yaml"));
        std::fs::write(path, text).expect("a card");
    }
    let (rack, findings) = Rack::load(folder.path(), &Limits::default(), &mut Sources::default());
    let said: Vec<&str> = findings.items().iter().map(|f| f.message.as_str()).collect();
    assert_eq!(said, [""; 0]);
    rack
}

fn studio() -> Rack {
    rack(&[
        ("one-key", "auth: {header: A, value: '{key}', keys: [{env: [ONE]}]}"),
        (
            "two-keys",
            "auth: {header: A, value: '{key}', \
             keys: [{env: [ONLY]}, {env: [ID, SECRET], join: ':'}]}",
        ),
        ("may-have", "auth: {header: A, value: '{key}', keys: [{env: [NONE]}], optional: true}"),
        (
            "of-region",
            "auth: {header: A, value: '{key}', keys: [{env: [ONE]}]}\n\
                       variables: {region: {choices: {eu: eu-1, us: us-1}}, tier: {default: a}}",
        ),
        (
            "at-home",
            "auth: {header: A, value: '{key}', keys: [{env: [NONE]}], optional: true}\n\
                     local: true",
        ),
    ])
}

fn settings(build: &mut Build, variables: &[(&str, &str)]) -> ProviderSettings {
    let place = build.place("provider");
    let mut variable = |(name, value): &(&str, &str)| {
        let (place, at) = (build.place(name), build.place(value));
        let value = Placed { value: (*value).to_owned(), place: at };
        ((*name).to_owned(), SetVariable { place, value })
    };
    let variables = variables.iter().map(&mut variable).collect();
    ProviderSettings { place, base_url: None, account: String::new(), variables }
}

fn environment(set: &[&str]) -> BTreeMap<String, String> {
    set.iter().map(|name| ((*name).to_owned(), "secret".to_owned())).collect()
}

#[test]
fn a_provider_is_ready_once_every_variable_of_one_key_is_set() {
    let rack = studio();
    let reach = |provider: &str, set: &[&str]| {
        Access::of(&rack, &environment(set), &BTreeMap::new()).reach(provider)
    };
    assert_eq!(reach("one-key", &["ONE"]), Reach::Ready);
    assert_eq!(reach("two-keys", &["ONLY"]), Reach::Ready);
    assert_eq!(reach("two-keys", &["ID", "SECRET"]), Reach::Ready);
    assert_eq!(reach("two-keys", &["ID"]).needs(), "ONLY, or ID and SECRET");
    assert_eq!(reach("may-have", &[]), Reach::Ready);
    assert_eq!(reach("animatic", &[]), Reach::Ready);
    assert_eq!(reach("nobody", &["ONE"]), Reach::NoCard);
}

#[test]
fn a_variable_without_a_default_must_be_set_by_the_manifest() {
    let rack = studio();
    let unset = Access::of(&rack, &environment(&["ONE"]), &BTreeMap::new());
    assert_eq!(unset.reach("of-region"), Reach::NeedsVariables(vec!["region".to_owned()]));
    let settings = settings(&mut Build::new(), &[("region", "eu")]);
    let settings = BTreeMap::from([("of-region".to_owned(), settings)]);
    let set = Access::of(&rack, &environment(&["ONE"]), &settings);
    assert_eq!(set.reach("of-region"), Reach::Ready);
    assert_ne!(set.digest(), unset.digest(), "a plan that was kept is not taken for another");
}

#[test]
fn servers_of_ones_own_are_only_chosen_on_request() {
    let rack = studio();
    let access = Access::of(&rack, &environment(&[]), &BTreeMap::new());
    assert!(access.on_request("animatic") && access.on_request("at-home"));
    assert!(!access.on_request("one-key"));
    let settings = settings(&mut Build::new(), &[]);
    let settings = BTreeMap::from([("at-home".to_owned(), settings)]);
    assert!(!Access::of(&rack, &environment(&[]), &settings).on_request("at-home"));
}

#[test]
fn access_never_holds_a_key() {
    let rack = studio();
    let environment = BTreeMap::from([("ONE".to_owned(), "canary-4711".to_owned())]);
    let access = Access::of(&rack, &environment, &BTreeMap::new());
    assert!(!format!("{access:?}").contains("canary"));
}

#[test]
fn values_that_a_card_does_not_know_are_said() {
    let rack = studio();
    let mut build = Build::new();
    let settings = settings(&mut build, &[("region", "moon"), ("teir", "b")]);
    build.catalogue.providers.insert("of-region".to_owned(), settings);
    let findings = check_providers(&build.catalogue, &rack);
    let said: Vec<(&str, Option<&str>)> =
        findings.items().iter().map(|f| (f.code, f.help.as_deref())).collect();
    let expected = [
        ("plan::variable_value", Some("it may be: eu, us")),
        ("plan::unknown_variable", Some("did you mean `tier`?")),
    ];
    assert_eq!(said, expected);
}
