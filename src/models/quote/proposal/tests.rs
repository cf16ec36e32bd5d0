//! Quotes become prices, or are said to be none.

use serde_json::json;

use super::*;
use crate::money::Unit;

const DAY: Date = jiff::civil::date(2026, 11, 23);

/// A model of two routes and two resolutions.
fn card() -> ModelCard {
    of(json!({}))
}

fn of(more: serde_json::Value) -> ModelCard {
    let mut card = json!({
        "kinora_model": 1, "model": "p/m", "provider": "p", "title": "m",
        "routes": {"text": {}, "image": {"min": 1, "max": 1}},
        "durations": {"values": ["5", "10"]}, "aspects": ["16:9"],
        "resolutions": {"720p": {"short_side": 720}, "1080p": {"short_side": 1080}},
    });
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        card[key] = value;
    }
    serde_json::from_value(card).expect("a card")
}

fn price(charges: serde_json::Value) -> Price {
    serde_json::from_value(json!({
        "unit": "USD", "as_of": "2026-07-01", "source": "their page", "charges": charges,
    }))
    .expect("a price")
}

fn rate(per: RatePer, amount: &str) -> Rate {
    let amount = amount.parse().expect("a number");
    Rate { per, amount, routes: Vec::new(), resolution: None, audio: None }
}

fn figure(rates: Vec<Rate>) -> Quote {
    let unit = Unit::new("USD");
    Quote { unit, rates, minimum: None, whole: false, unread: Vec::new() }
}

/// A whole list by route, resolution and sound.
fn list(amount: impl Fn(Route, &str, bool) -> &'static str) -> Quote {
    let mut rates = Vec::new();
    for route in [Route::Text, Route::Image] {
        for resolution in ["720p", "1080p"] {
            for audio in [false, true] {
                rates.push(Rate {
                    routes: vec![route],
                    resolution: Some(resolution.to_owned()),
                    audio: Some(audio),
                    ..rate(RatePer::Second, amount(route, resolution, audio))
                });
            }
        }
    }
    Quote { whole: true, ..figure(rates) }
}

fn propose(quote: &Quote, card: &ModelCard, before: Option<&Price>) -> Proposal {
    quote.propose(card, before, DAY, "https://p.example/prices")
}

fn taken(quote: &Quote, card: &ModelCard, before: Option<&Price>) -> Price {
    match propose(quote, card, before).verdict {
        Verdict::Take(price) => price,
        other => panic!("it is taken: {other:?}"),
    }
}

fn doubt(quote: &Quote, card: &ModelCard, before: Option<&Price>) -> String {
    match propose(quote, card, before).verdict {
        Verdict::Doubtful(_, why) => why,
        other => panic!("it is doubtful: {other:?}"),
    }
}

#[test]
fn a_new_amount_takes_the_place_of_the_old_one_with_day_and_source() {
    let before = price(json!([
        {"per": "second", "amount": "0.10"}, {"per": "image", "amount": "0.04", "free": 1},
    ]));
    let now = taken(&figure(vec![rate(RatePer::Second, "0.12")]), &card(), Some(&before));
    assert_eq!(now.charges[0].amount.to_string(), "0.12");
    assert_eq!(now.charges[1], before.charges[1], "what was not told stays");
    assert_eq!((now.as_of, &now.source[..]), (DAY, "https://p.example/prices"));
}

#[test]
fn the_same_amount_is_the_same_price_of_a_new_day() {
    let before = price(json!([{"per": "second", "amount": "0.10"}]));
    let proposal = propose(&figure(vec![rate(RatePer::Second, "0.1")]), &card(), Some(&before));
    let Verdict::Same(Some(now)) = proposal.verdict else { panic!("{:?}", proposal.verdict) };
    assert_eq!(now.as_of, DAY);
}

#[test]
fn one_figure_confirms_one_line_of_several_and_renews_none() {
    let before = price(json!([
        {"per": "second", "amount": "0.10", "resolutions": ["720p"]},
        {"per": "second", "amount": "0.20"},
    ]));
    let proposal = propose(&figure(vec![rate(RatePer::Second, "0.2")]), &card(), Some(&before));
    assert_eq!(proposal.verdict, Verdict::Same(None));
    assert_eq!(proposal.notes.len(), 1);
    let other = propose(&figure(vec![rate(RatePer::Second, "0.3")]), &card(), Some(&before));
    assert!(matches!(other.verdict, Verdict::Unusable(why) if why.contains("2 lines")));
}

#[test]
fn one_figure_is_no_list_for_a_model_that_makes_several_resolutions() {
    let quote = figure(vec![rate(RatePer::Second, "0.2")]);
    assert!(doubt(&quote, &card(), None).contains("720p"));
    let single = of(json!({"resolutions": {"720p": {"short_side": 720}}}));
    assert_eq!(taken(&quote, &single, None).charges.len(), 1);
    // Tokens count the pixels themselves.
    let tokens = taken(&figure(vec![rate(RatePer::Token, "0.000014")]), &card(), None);
    assert_eq!(
        (tokens.charges[0].amount.to_string(), tokens.charges[0].each),
        ("14".into(), 1_000_000)
    );
}

#[test]
fn tokens_take_the_place_of_seconds_where_they_come_to_much_the_same() {
    let before = price(json!([
        {"per": "second", "amount": "0.3034", "resolutions": ["720p"]},
        {"per": "second", "amount": "0.682", "resolutions": ["1080p"]},
    ]));
    let quote = figure(vec![rate(RatePer::Token, "0.000014")]);
    let proposal = propose(&quote, &card(), Some(&before));
    let example = proposal.example.expect("a usual clip");
    assert_eq!(example.before.map(|b| b.normalize().to_string()).as_deref(), Some("1.517"));
    assert_eq!(example.now.map(|b| b.normalize().to_string()).as_deref(), Some("1.512"));
    assert!(matches!(proposal.verdict, Verdict::Take(_)));
}

#[test]
fn nonsense_is_not_taken() {
    let single = of(json!({"resolutions": {"720p": {"short_side": 720}}}));
    let before = price(json!([{"per": "second", "amount": "0.10"}]));
    let why = |amount| doubt(&figure(vec![rate(RatePer::Second, amount)]), &single, Some(&before));
    assert!(why("1.01").contains("more than 10 times as much"));
    assert!(why("0.0099").contains("more than 10 times less"));
    assert!(why("0").contains("would cost 0 USD"));
    let free = doubt(&figure(vec![rate(RatePer::Second, "0")]), &single, None);
    assert!(free.contains("would cost nothing"), "{free}");
    let mut euros = figure(vec![rate(RatePer::Second, "0.10")]);
    euros.unit = Unit::new("EUR");
    assert!(
        doubt(&euros, &single, Some(&before))
            .contains("it counts in EUR, and the price was in USD")
    );
    let mut unread = figure(vec![rate(RatePer::Second, "0.11")]);
    unread.unread.push("`fee`: 1".to_owned());
    assert!(doubt(&unread, &single, Some(&before)).contains("`fee`: 1"));
    // Ten times is still believed.
    taken(&figure(vec![rate(RatePer::Second, "1")]), &single, Some(&before));
}

#[test]
fn a_list_has_as_few_lines_as_say_it() {
    let lines = |quote: &Quote, card: &ModelCard| {
        let text = |c: &Charge| {
            let (routes, at) = (&c.routes, &c.resolutions);
            format!("{} {routes:?} {at:?} {:?} {:?}", c.amount, c.options, c.without)
        };
        taken(quote, card, None).charges.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(lines(&list(|_, _, _| "0.1"), &card()), ["0.1 [] [] [] []"]);
    let by_size = list(|_, size, _| if size == "720p" { "0.1" } else { "0.2" });
    assert_eq!(lines(&by_size, &card()), ["0.1 [] [\"720p\"] [] []", "0.2 [] [\"1080p\"] [] []"]);
    let by_route = list(|route, _, _| if route == Route::Text { "0.1" } else { "0.2" });
    assert_eq!(lines(&by_route, &card()), ["0.1 [Text] [] [] []", "0.2 [Image] [] [] []"]);
    let sound = of(json!({"options": {"audio": {"title": "Sound"}}}));
    let by_sound = list(|_, _, audio| if audio { "0.2" } else { "0.1" });
    assert_eq!(lines(&by_sound, &sound), ["0.1 [] [] [] [\"audio\"]", "0.2 [] [] [\"audio\"] []"]);
    assert_eq!(lines(&list(|_, _, _| "0.1"), &sound), ["0.1 [] [] [] []"]);
    // Without the option it is never asked for, unless the model always makes it.
    assert_eq!(lines(&by_sound, &card()), ["0.1 [] [] [] []"]);
    let mut loud = card();
    loud.api.values.insert("audio".to_owned(), crate::yaml::Json(true.into()));
    assert_eq!(lines(&by_sound, &loud), ["0.2 [] [] [] []"]);
}

#[test]
fn what_an_option_costs_stays_unknown_where_nobody_tells_it() {
    let hdr = of(json!({"options": {"hdr": {"title": "HDR"}}}));
    assert!(doubt(&list(|_, _, _| "0.1"), &hdr, None).contains("hdr"));
    // It was unknown before, too: nothing gets worse.
    let before = price(json!([{"per": "second", "amount": "0.2", "without": ["hdr"]}]));
    let now = taken(&list(|_, _, _| "0.1"), &hdr, Some(&before));
    assert_eq!(now.charges[0].without, ["hdr"]);
}

#[test]
fn what_no_list_tells_stays_as_it_is_known() {
    let mut before = price(json!([{"per": "second", "amount": "0.2"}]));
    before.multipliers =
        serde_json::from_value(json!([{"times": "2", "routes": ["image"]}])).expect("multipliers");
    let now = taken(&list(|_, _, _| "0.1"), &card(), Some(&before));
    assert_eq!(now.multipliers, before.multipliers);
}
