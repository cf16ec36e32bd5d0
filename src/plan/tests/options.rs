//! Options and open lengths: what shots ask for, what cards offer, what it costs.

use super::builder::*;
use crate::manifest::Placed;
use crate::models::{Price, Route, Shelf};
use crate::plan::Used;

/// One that makes sound, HDR at 720p and by text only, and decides on lengths; one that has
/// nothing of it.
fn cards() -> Shelf {
    let offering = card("offering", |card| {
        card["options"] = serde_json::json!({
            "audio": {"title": "Sound"},
            "hdr": {"title": "HDR", "routes": ["text"], "resolutions": ["720p"]},
            "auto_duration": {"title": "As long as it likes"},
        });
        card["price"]["charges"] = serde_json::json!([
            {"per": "second", "amount": "1", "without": ["audio"]},
            {"per": "second", "amount": "3", "options": ["audio"]},
        ]);
        card["price"]["multipliers"] = serde_json::json!([{"times": "2", "options": ["hdr"]}]);
    });
    [offering, card("plain", |_| {}), card("animatic", |_| {})].into_iter().collect()
}

fn planned(model: &str, options: &[&str], change: impl FnOnce(&mut Build)) -> Planned {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).model(model);
    let build = build.change(|build| {
        let asked = options.iter().map(|name| {
            let place = build.place(name);
            Placed { value: (*name).to_owned(), place }
        });
        let asked = asked.collect();
        build.catalogue.shots[0].settings.options = asked;
        change(build);
    });
    build.plan_with(&cards(), &crate::ledger::KnownJobs::new(), Used::default())
}

fn cost(planned: &Planned) -> String {
    planned.plan().summary.to_run.estimate["credits"].clone()
}

#[test]
fn what_is_switched_on_is_sorted_in_the_settings_and_in_the_price() {
    let quiet = planned("offering", &[], |_| {});
    assert_eq!((quiet.codes(), cost(&quiet).as_str()), (vec![], "5"));
    let loud = planned("offering", &["hdr", "audio", "audio"], |_| {});
    assert_eq!(loud.codes(), [""; 0]);
    assert_eq!(loud.only().settings.options, ["audio", "hdr"]);
    assert_eq!(cost(&loud), "30");
    assert_ne!(loud.only().fingerprint.whole, quiet.only().fingerprint.whole);
}

#[test]
fn an_option_that_the_card_lacks_is_an_error_at_its_place_with_the_cards_that_have_it() {
    let found = planned("plain", &["audio"], |_| {});
    assert_eq!(found.codes(), ["plan::option"]);
    assert_eq!(found.marked("plan::option"), "audio");
    assert_eq!(found.message("plan::option"), "`plain` has no option `audio`");
    assert_eq!(found.help("plan::option"), "models that have it: offering");
    let found = planned("offering", &["audoi"], |_| {});
    assert_eq!(found.help("plan::option"), "did you mean `audio`?");
    let found = planned("offering", &["telepathy"], |_| {});
    assert_eq!(found.help("plan::option"), "it has audio and hdr");
    let found = planned("plain", &["auto_duration"], |_| {});
    assert_eq!(found.help("plan::option"), "write `duration: auto`");
}

#[test]
fn an_option_may_be_for_some_routes_and_resolutions_only() {
    let found = planned("offering", &["hdr"], |build| {
        let place = build.place("the-resolution");
        let resolution = Some(Placed { value: "480p".to_owned(), place });
        build.catalogue.shots[0].settings.resolution = resolution;
    });
    assert_eq!(found.codes(), ["plan::not_together"]);
    insta::assert_snapshot!(found.message("plan::not_together"), @"`offering` makes no clip with the option `hdr` at `480p` (`mood`)");
    assert_eq!(found.help("plan::not_together"), "there it makes it at 720p");
    assert!(cards().get("offering").expect("a card").routes.contains_key(&Route::Text));
}

#[test]
fn an_axis_of_options_makes_a_clip_of_each() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).model("offering");
    let build = build.axis("options", &["none", "audio", "audio+hdr"]);
    let planned = build.plan_with(&cards(), &crate::ledger::KnownJobs::new(), Used::default());
    assert_eq!(planned.codes(), [""; 0]);
    let options: Vec<_> = planned.jobs.iter().map(|(job, _)| &job.settings.options[..]).collect();
    let [none, one, both] = &options[..] else { panic!("{options:?}") };
    assert!(none.is_empty());
    assert_eq!(*one, ["audio"]);
    assert_eq!(*both, ["audio", "hdr"]);
    assert_eq!(cost(&planned), "50");
}

#[test]
fn a_length_that_the_model_decides_is_expected_at_its_longest() {
    let auto = |build: &mut Build| {
        let place = build.place("auto");
        build.catalogue.shots[0].settings.auto_duration = Some(place);
    };
    let found = planned("offering", &[], auto);
    assert_eq!(found.codes(), [""; 0]);
    let settings = &found.only().settings;
    assert_eq!(
        (settings.duration, &settings.options[..]),
        (amount("10"), &["auto_duration".to_owned()][..])
    );
    assert_eq!(cost(&found), "10");
    let lacking = planned("plain", &[], auto);
    assert_eq!(lacking.marked("plan::duration"), "auto");
    assert_eq!(lacking.help("plan::duration"), "models that can: offering");
}

/// A table may ask more for a shorter clip: what is reserved is what any of them may cost.
#[test]
fn a_length_that_the_model_decides_is_reserved_at_its_dearest() {
    let card = card("odd", |card| {
        card["options"] = serde_json::json!({"auto_duration": {"title": "As long as it likes"}});
        card["durations"] = serde_json::json!({"values": ["4", "8", "12"]});
        card["price"]["charges"] = serde_json::json!([
            {"per": "clip", "amount": "7", "seconds": ["4"]},
            {"per": "clip", "amount": "9", "seconds": ["8"]},
            {"per": "clip", "amount": "8", "seconds": ["12"]},
        ]);
    });
    let build = Build::new().shot("mood", "a slow pan", |_| {}).model("odd").change(|build| {
        let place = build.place("auto");
        build.catalogue.shots[0].settings.auto_duration = Some(place);
    });
    let shelf: Shelf = [card].into_iter().collect();
    let found = build.plan_with(&shelf, &crate::ledger::KnownJobs::new(), Used::default());
    let job = found.only();
    assert_eq!(job.estimate.known().map(|cost| cost.value), Some(amount("9")));
    assert_eq!((job.spread.low, job.spread.high), (amount("7"), amount("9")));
}

/// What a list does not say may cost anything (M7).
#[test]
fn a_length_that_the_model_decides_is_unpriced_where_a_length_has_no_price() {
    let priced = |durations: serde_json::Value, lengths: &[&str]| {
        let card = card("odd", |card| {
            card["options"] =
                serde_json::json!({"auto_duration": {"title": "As long as it likes"}});
            card["durations"] = durations;
            let charge = |(cost, seconds): (usize, &&str)| {
                serde_json::json!(
                    {"per": "clip", "amount": cost.to_string(), "seconds": [*seconds]}
                )
            };
            card["price"]["charges"] = lengths.iter().enumerate().map(charge).collect();
        });
        let build = Build::new().shot("mood", "a slow pan", |_| {}).model("odd").change(|build| {
            let place = build.place("auto");
            build.catalogue.shots[0].settings.auto_duration = Some(place);
        });
        let shelf: Shelf = [card].into_iter().collect();
        let found = build.plan_with(&shelf, &crate::ledger::KnownJobs::new(), Used::default());
        found.only().estimate.known().map(|cost| cost.value)
    };
    let values = || serde_json::json!({"values": ["4", "8", "12"]});
    assert_eq!(priced(values(), &["12", "8", "4"]), Some(amount("2")));
    assert_eq!(priced(values(), &["12", "4"]), None);
    let range = |step| serde_json::json!({"range": {"min": "4", "max": "6", "step": step}});
    assert_eq!(priced(range("1"), &["4", "5", "6"]), Some(amount("2")));
    assert_eq!(priced(range("1"), &["6", "4"]), None);
    assert_eq!(priced(range("0"), &["6", "5", "4"]), None, "nobody can look at every length");
}

#[test]
fn a_price_that_ends_says_until_when_it_holds() {
    let dated = |prices: &[Option<&str>]| {
        let card = card("dated", |_| {});
        let list = card.price.clone().expect("a price");
        let until = |day: &Option<&str>| Price {
            valid_until: day.map(|day| day.parse().expect("a day")),
            ..list.clone()
        };
        let prices: Vec<Price> = prices.iter().map(until).collect();
        let day = "2026-11-23".parse().expect("a day");
        let price = Price::in_force(&prices, day).cloned();
        let shelf = [crate::models::ModelCard { price, prices, ..card }].into_iter().collect();
        let build = Build::new().shot("mood", "a slow pan", |_| {}).model("dated");
        build.plan_with(&shelf, &crate::ledger::KnownJobs::new(), Used::default())
    };
    let promotion = dated(&[None, Some("2026-11-30")]);
    assert_eq!(
        promotion.message("plan::price_ends"),
        "the price of `dated` holds until 2026-11-30"
    );
    assert!(promotion.help("plan::price_ends").starts_with("after that day its card has another"));
    let last = dated(&[Some("2026-11-30")]);
    assert!(last.help("plan::price_ends").starts_with("after that day its card has no price"));
    let over = dated(&[Some("2026-11-20")]);
    assert_eq!(over.codes(), ["plan::unpriced"]);
    assert!(over.help("plan::unpriced").starts_with("its last price list ended on 2026-11-20"));
}
