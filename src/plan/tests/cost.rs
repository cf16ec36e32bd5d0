//! What a plan costs, and that its sums are the sums of its parts.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::builder::{Build, amount, shelf};
use crate::ledger::KnownJobs;
use crate::manifest::{BudgetShare, Limit, LimitOf};
use crate::money::Unit;
use crate::plan::{Used, UsedBy};

fn credits(text: &str) -> BTreeMap<String, String> {
    [("credits".to_owned(), text.to_owned())].into()
}

#[test]
fn pictures_cost_beyond_text_is_made_visible() {
    let planned = Build::new().products(&["hero"]).shot("turn", "@hero turns", |_| {}).plan();
    let to_run = &planned.plan().summary.to_run;
    assert_eq!(to_run.estimate, credits("11"));
    assert_eq!(to_run.as_text, credits("10"));
    assert_eq!(to_run.image_extra, credits("1"));
    assert_eq!(planned.plan().summary.prices[0].as_of, "2026-11-01");
}

#[test]
fn dropping_what_is_never_mentioned_says_what_it_saves() {
    let build = Build::new().products(&["hero", "side"]);
    let planned = build.shot("turn", "@hero turns", |_| {}).plan();
    insta::assert_snapshot!(planned.message("plan::unused_reference"), @"`side` is sent, but the prompt never mentions it; dropping it saves 1 credits (2 subjects, for instance `products.mug`)");
}

#[test]
fn several_pictures_that_are_never_mentioned_are_them() {
    let build = Build::new().products(&["hero", "side", "back"]);
    let planned = build.shot("turn", "@hero turns", |_| {}).plan();
    insta::assert_snapshot!(planned.message("plan::unused_reference"), @"`side` and `back` are sent, but the prompt never mentions them; dropping them saves 2 credits (2 subjects, for instance `products.mug`)");
    let build = Build::new().products(&["hero", "side", "back"]);
    let planned = build.shot("turn", "it turns", |_| {}).plan();
    insta::assert_snapshot!(planned.message("plan::unused_reference"), @"`side` and `back` are sent, but the prompt never mentions them; dropping them saves 3 credits (2 subjects, for instance `products.mug`)");
}

#[test]
fn what_dropping_saves_is_not_known_without_a_price() {
    let build = Build::new().products(&["hero", "side"]);
    let planned = build.shot("turn", "@hero turns", |_| {}).model("unpriced").plan();
    insta::assert_snapshot!(planned.message("plan::unused_reference"), @"`side` is sent, but the prompt never mentions it; what dropping it saves is not known, for the job is unpriced (2 subjects, for instance `products.mug`)");
}

#[test]
fn a_price_that_is_not_known_is_counted_apart() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).model("unpriced");
    let planned = build.shot("other", "a slow pan", |_| {}).plan();
    let to_run = &planned.plan().summary.to_run;
    assert_eq!((to_run.jobs, to_run.unpriced), (2, 1));
    assert_eq!(to_run.estimate, credits("5"));
    assert_eq!(planned.codes(), ["plan::unpriced"]);
}

#[test]
fn a_unit_without_a_rate_is_unpriced_and_one_with_a_rate_is_converted() {
    let build = || Build::new().shot("mood", "a slow pan", |_| {}).model("in-usd");
    let planned = build().plan();
    assert_eq!(planned.plan().summary.to_run.unpriced, 1);
    assert!(planned.help("plan::no_rate").contains("rates: {USD: …}"));
    let rated = build().change(|build| {
        build.catalogue.budget.rates = [(Unit::new("USD"), amount("100"))].into();
    });
    assert_eq!(rated.plan().plan().summary.to_run.estimate, credits("500"));
}

#[test]
fn budgets_say_whether_the_plan_fits_what_is_left() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).change(|build| {
        let place = build.place("limit");
        let limit = |text| Some(Limit { amount: amount(text), place });
        build.catalogue.budget.per_run = limit("5");
        build.catalogue.budget.per_month = limit("100");
    });
    let used =
        Used { whole: UsedBy { day: Decimal::ZERO, month: amount("96") }, ..Used::default() };
    let planned = build.plan_with(&shelf(), &KnownJobs::new(), used);
    let fits: Vec<(String, bool)> =
        planned.plan().summary.budgets.iter().map(|b| (b.name.clone(), b.fits)).collect();
    assert_eq!(fits, [("per_run".to_owned(), true), ("per_month".to_owned(), false)]);
}

#[test]
fn budgets_of_models_providers_and_accounts_are_shown_where_they_concern_the_plan() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).change(|build| {
        let place = build.place("limit");
        let limit = |text| Some(Limit { amount: amount(text), place });
        let daily = |text| BudgetShare { per_day: limit(text), ..BudgetShare::default() };
        let budget = &mut build.catalogue.budget;
        budget.models =
            [("animatic".to_owned(), daily("7")), ("other".to_owned(), daily("1"))].into();
        budget.providers = [("test".to_owned(), daily("6"))].into();
        budget.accounts = [("team-a".to_owned(), daily("1"))].into();
    });
    let mut used = Used::default();
    let some = UsedBy { day: amount("2"), month: amount("3") };
    used.shares.insert((LimitOf::Provider, "test".to_owned()), some);
    let planned = build.plan_with(&shelf(), &KnownJobs::new(), used);
    let lines: Vec<(&str, &str, bool)> = planned
        .plan()
        .summary
        .budgets
        .iter()
        .map(|b| (b.name.as_str(), b.used.as_str(), b.fits))
        .collect();
    assert_eq!(
        lines,
        [("models.animatic.per_day", "0", true), ("providers.test.per_day", "2", false)]
    );
}

#[test]
fn a_job_above_per_job_is_an_error_once_a_shot() {
    let build = Build::new().products(&["hero"]).shot("turn", "it turns", |_| {});
    let planned = build.change(|build| {
        let place = build.place("4.99");
        build.catalogue.budget.per_job = Some(Limit { amount: amount("4.99"), place });
    });
    let planned = planned.plan();
    assert_eq!(planned.codes(), ["plan::per_job"]);
    assert_eq!(planned.marked("plan::per_job"), "4.99");
}
