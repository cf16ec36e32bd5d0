//! `model: auto`: the cheapest that can, and why.

use rust_decimal::Decimal;
use serde_json::json;

use super::builder::{Build, Planned, amount, card};
use crate::ledger::KnownJobs;
use crate::manifest::{Choose, Pattern, Placed, Shot};
use crate::models::{ModelCard, Shelf};
use crate::plan::{Choice, Reach, Used};

fn priced(model: &str, per_second: &str, change: impl FnOnce(&mut serde_json::Value)) -> ModelCard {
    card(model, |card| {
        card["price"]["charges"] = json!([{"per": "second", "amount": per_second}]);
        change(card);
    })
}

fn routes(card: &mut serde_json::Value, keep: &[&str]) {
    card["routes"].as_object_mut().expect("routes").retain(|name, _| keep.contains(&&**name));
}

/// From cheap to dear: one picture only, wide clips only, several pictures, everything.
fn shelf() -> Shelf {
    [
        priced("a/one-picture", "0.10", |c| routes(c, &["image"])),
        priced("b/wide", "0.20", |c| c["aspects"] = json!(["16:9"])),
        priced("c/pair", "0.30", |c| c["routes"]["references"]["max"] = json!(2)),
        priced("d/all", "0.40", |_| {}),
        priced("e/all", "0.50", |_| {}),
        card("unpriced", |c| c["price"] = json!(null)),
        card("animatic", |c| {
            c["provider"] = json!("animatic");
            c["price"]["charges"] = json!([{"per": "clip", "amount": "0"}]);
        }),
        priced("f/far", "0.01", |c| c["provider"] = json!("far")),
        priced("g/gone", "0.02", |c| c["provider"] = json!("gone")),
    ]
    .into_iter()
    .collect()
}

fn plan(build: Build) -> Planned {
    let build = build.change(|build| {
        build.access = [
            ("test", Reach::Ready),
            ("animatic", Reach::Ready),
            ("far", Reach::NeedsKey(vec![vec!["FAR_KEY".into()]])),
        ]
        .into_iter()
        .collect();
    });
    build.plan_with(&shelf(), &KnownJobs::new(), Used::default())
}

fn wish(build: Build, wish: impl FnOnce(&mut Build, &mut Choose)) -> Build {
    let mut build = build;
    let place = build.place("choose");
    let mut choose = Choose::default();
    wish(&mut build, &mut choose);
    let shot = build.catalogue.shots.last_mut().expect("a shot comes first");
    shot.settings.choose = Some(Placed { value: choose, place });
    build
}

fn pattern(build: &mut Build, text: &str) -> Pattern {
    Pattern::new(text, build.place(text)).expect("a pattern")
}

fn aspect(build: &mut Build, text: &str) {
    let place = build.place(text);
    let shot = build.catalogue.shots.last_mut().expect("a shot comes first");
    shot.settings.aspect = Some(Placed { value: text.to_owned(), place });
}

fn choice(planned: &Planned) -> &Choice {
    let choices = &planned.plan().summary.choices;
    assert_eq!(choices.len(), 1, "{choices:?}");
    &choices[0]
}

fn why<'c>(choice: &'c Choice, model: &str) -> &'c str {
    choice.fell_out.iter().find(|out| out.model == model).map_or("", |out| &out.why)
}

fn one_picture() -> Build {
    Build::new().products(&["hero"]).shot("turn", "it turns", |_| {}).model("auto")
}

fn two_pictures() -> Build {
    let build = Build::new().products(&["hero", "side"]);
    build.shot("turn", "@hero turns to @side", |_| {}).model("auto")
}

#[test]
fn the_cheapest_that_can_make_the_jobs_is_taken_and_the_second_named() {
    let planned = plan(one_picture());
    assert!(planned.jobs.iter().all(|(job, _)| job.model.model == "a/one-picture"));
    let choice = choice(&planned);
    assert_eq!(choice.chosen.model, "a/one-picture");
    assert_eq!((&*choice.chosen.least, &*choice.chosen.most), ("0.5", "0.5"));
    assert_eq!(choice.chosen.sum, "1");
    assert_eq!(choice.second.as_ref().map(|s| &*s.model), Some("b/wide"));
    assert_eq!((choice.candidates, choice.dearer), (5, 3));
}

#[test]
fn pictures_that_the_prompt_mentions_decide_who_can() {
    let planned = plan(two_pictures());
    let choice = choice(&planned);
    assert_eq!(choice.chosen.model, "b/wide");
    insta::assert_snapshot!(why(choice, "a/one-picture"), @"has no route `references`, but the prompt mentions a picture (`products.mug`)");
}

#[test]
fn what_is_asked_of_the_clip_decides_who_can() {
    let planned = plan(two_pictures().change(|build| aspect(build, "9:16")));
    let choice = choice(&planned);
    assert_eq!(choice.chosen.model, "c/pair");
    insta::assert_snapshot!(why(choice, "b/wide"), @"not with the aspect 9:16");
    assert_eq!(planned.jobs[0].0.settings.aspect, "9:16");
}

#[test]
fn wishes_narrow_the_choice() {
    let planned = plan(wish(one_picture(), |build, choose| {
        choose.references = Some(Placed { value: 3, place: build.place("3") });
        choose.not = vec![pattern(build, "b/*")];
    }));
    let choice = choice(&planned);
    assert_eq!(choice.chosen.model, "d/all");
    assert_eq!(why(choice, "c/pair"), "references: 2 at most");
    assert_eq!(why(choice, "a/one-picture"), "references: none");
    assert_eq!(why(choice, "b/wide"), "", "it was not asked for");

    let planned = plan(wish(one_picture(), |build, choose| {
        choose.only = vec![pattern(build, "d/*"), pattern(build, "e/*")];
    }));
    assert_eq!(self::choice(&planned).chosen.model, "d/all");
    assert_eq!(self::choice(&planned).candidates, 2);
}

#[test]
fn the_built_in_model_is_only_chosen_where_it_is_named() {
    let planned = plan(wish(one_picture(), |build, choose| {
        choose.only = vec![pattern(build, "*")];
    }));
    assert_eq!(choice(&planned).chosen.model, "a/one-picture");
    let planned = plan(wish(one_picture(), |build, choose| {
        choose.only = vec![pattern(build, "animatic"), pattern(build, "d/*")];
    }));
    assert_eq!(choice(&planned).chosen.model, "animatic");
}

#[test]
fn unpriced_models_and_those_without_a_key_are_never_chosen() {
    let planned = plan(one_picture());
    let choice = choice(&planned);
    assert_eq!(why(choice, "unpriced"), "its price is not known");
    assert_eq!(why(choice, "f/far"), "needs a key: set FAR_KEY");
    assert_eq!(why(choice, "g/gone"), "no provider card `gone`");
    assert_eq!(why(choice, "animatic"), "");
}

#[test]
fn one_model_makes_all_jobs_of_a_shot_even_where_a_cheaper_one_makes_some() {
    let build = Build::new().products(&["hero"]);
    let build = build.subject("set", [Some("Set"), Some("red"), Some("9")], &["hero", "side"]);
    let build = build.shot(
        "turn",
        "{% if subject.id == 'set' %}@hero and @side turn{% else %}it turns{% endif %}",
        |_| {},
    );
    let planned = plan(build.model("auto"));
    assert!(planned.jobs.iter().all(|(job, _)| job.model.model == "b/wide"));
    insta::assert_snapshot!(why(choice(&planned), "a/one-picture"), @"can't make 1 of 3 jobs: has no route `references`, but the prompt mentions a picture (`products.set`)");
}

#[test]
fn each_variant_has_its_own_model() {
    let planned = plan(one_picture().axis("aspect", &["16:9", "1:1"]).change(|build| {
        let not = pattern(build, "a/*");
        let place = build.place("choose");
        let choose = Choose { not: vec![not], ..Choose::default() };
        build.catalogue.shots[0].settings.choose = Some(Placed { value: choose, place });
    }));
    let choices = &planned.plan().summary.choices;
    let said: Vec<_> =
        choices.iter().map(|c| (c.variant.as_deref(), c.chosen.model.as_str())).collect();
    assert_eq!(said, [(Some("aspect=16:9"), "b/wide"), (Some("aspect=1:1"), "c/pair")]);
}

#[test]
fn equal_prices_are_told_apart_by_name_and_the_plan_is_the_same_every_time() {
    let shelf: Shelf =
        ["z/same", "m/same"].map(|name| priced(name, "0.10", |_| {})).into_iter().collect();
    let plan = || one_picture().plan_with(&shelf, &KnownJobs::new(), Used::default());
    let (one, other) = (plan(), plan());
    assert_eq!(choice(&one).chosen.model, "m/same");
    assert_eq!(one.plan().digest, other.plan().digest);
    assert_eq!(one.plan().summary.choices, other.plan().summary.choices);
}

#[test]
fn a_price_that_depends_on_pictures_is_summed_over_the_jobs() {
    // Cheaper for one picture, dearer for three.
    let by_picture = priced("a/by-picture", "0", |c| {
        routes(c, &["references"]);
        c["price"]["charges"] = json!([
            {"per": "clip", "amount": "0.1"}, {"per": "image", "amount": "1"},
        ]);
    });
    let flat = priced("b/flat", "0.5", |c| routes(c, &["references"]));
    let shelf: Shelf = [by_picture, flat].into_iter().collect();
    let plan = |pictures: &[&str]| {
        let build = Build::new().products(pictures).shot("turn", "it turns", |_| {});
        build.model("auto").plan_with(&shelf, &KnownJobs::new(), Used::default())
    };
    assert_eq!(choice(&plan(&["hero"])).chosen.model, "a/by-picture");
    assert_eq!(choice(&plan(&["hero", "side", "top"])).chosen.model, "b/flat");
}

#[test]
fn a_clip_above_the_wished_price_is_never_planned() {
    let planned = plan(wish(two_pictures(), |build, choose| {
        let value = Decimal::ONE;
        choose.max_price = Some(Placed { value, place: build.place("1.00") });
        choose.not = vec![pattern(build, "f/*"), pattern(build, "g/*"), pattern(build, "unp*")];
    }));
    assert_eq!(choice(&planned).chosen.model, "b/wide");
    let planned = plan(wish(two_pictures(), |build, choose| {
        choose.max_price = Some(Placed { value: amount("0.9"), place: build.place("0.90") });
    }));
    assert!(planned.plan.is_none());
    assert_eq!(planned.codes(), ["plan::no_model_fits"]);
    assert_eq!(planned.marked("plan::no_model_fits"), "auto");
    insta::assert_snapshot!(planned.message("plan::no_model_fits"), @"no model can make the shot `turn`");
    insta::assert_snapshot!(planned.help("plan::no_model_fits"), @"`a/one-picture`: has no route `references`, but the prompt mentions a picture (`products.mug`); `b/wide`: 1 credits is above max_price 0.90; `c/pair`: 1.50 credits is above max_price 0.90; `d/all`: 2 credits is above max_price 0.90; `e/all`: 2.50 credits is above max_price 0.90; `g/gone`: no provider card `gone`; `unpriced`: its price is not known; 1 model lacks a key: set FAR_KEY");
}

#[test]
fn a_shot_that_no_model_makes_whole_names_the_nearest_and_the_job() {
    let build = Build::new().products(&["hero"]);
    let build = build.subject("set", [Some("Set"), Some("red"), Some("9")], &["hero", "side"]);
    let build = build.shot(
        "turn",
        "{% if subject.id == 'set' %}@hero and @side turn{% else %}it turns{% endif %}",
        |_| {},
    );
    let planned = plan(wish(build.model("auto"), |build, choose| {
        choose.only = vec![pattern(build, "a/*")];
    }));
    insta::assert_snapshot!(planned.message("plan::no_model_fits"), @"no model can make all jobs of the shot `turn`: `a/one-picture` comes nearest with 2 of 3, but fails for `products.set`");
    insta::assert_snapshot!(planned.help("plan::no_model_fits"), @"`a/one-picture`: can't make 1 of 3 jobs: has no route `references`, but the prompt mentions a picture (`products.set`)");
}

#[test]
fn a_mistake_of_the_prompt_is_said_as_such() {
    let planned =
        plan(Build::new().products(&["hero"]).shot("turn", "@heroo turns", |_| {}).model("auto"));
    assert_eq!(planned.codes(), ["plan::unknown_mention"]);
}

#[test]
fn names_in_the_wishes_that_nobody_has_are_said() {
    let planned = plan(wish(one_picture(), |build, choose| {
        choose.only = vec![pattern(build, "d/al"), pattern(build, "e/*")];
        let place = build.place("tset");
        choose.providers = vec![Placed { value: "tset".to_owned(), place }];
    }));
    assert_eq!(
        planned.codes(),
        ["plan::no_model_fits", "plan::choose_unknown", "plan::choose_unknown"]
    );
    assert_eq!(planned.help("plan::choose_unknown"), "did you mean `d/all`?");
}

#[test]
fn takes_and_seeds_do_not_change_the_choice() {
    let many = |shot: &mut Shot| shot.takes = 3;
    let build = Build::new().products(&["hero"]).shot("turn", "it turns", many).model("auto");
    let planned = plan(build);
    assert_eq!(choice(&planned).chosen.sum, "3");
    assert_eq!(planned.jobs.len(), 6);
}

#[test]
fn a_model_whose_provider_has_no_card_can_be_planned_but_says_so() {
    let build = Build::new().products(&["hero"]).shot("turn", "it turns", |_| {}).model("g/gone");
    let planned = plan(build);
    assert_eq!(planned.codes(), ["plan::no_provider_card"]);
    assert!(planned.plan.is_some());
}
