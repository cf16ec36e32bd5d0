//! What a price list says of a job.

use super::*;

fn price(charges: serde_json::Value) -> Price {
    serde_json::from_value(serde_json::json!({
        "unit": "USD", "as_of": "2026-07-10", "source": "test", "charges": charges,
    }))
    .expect("a price")
}

fn facts(seconds: &str) -> PriceFacts<'static> {
    PriceFacts {
        route: Route::Text,
        seconds: seconds.parse().expect("a number"),
        resolution: "720p",
        width: 1280,
        height: 720,
        fps: Some(24),
        images: 0,
        options: &[],
        input_seconds: Decimal::ZERO,
    }
}

fn usd(value: &str) -> Priced {
    Priced::Known(Amount::new(value.parse().expect("a number"), Unit::new("USD")))
}

#[test]
fn a_charge_may_be_for_clips_of_some_lengths_only() {
    let price = price(serde_json::json!([
        {"per": "clip", "amount": "0.30", "seconds": ["5"]},
        {"per": "clip", "amount": "0.90", "seconds": ["10"]},
    ]));
    assert_eq!(price.of(&facts("5.0")), usd("0.30"));
    assert_eq!(price.of(&facts("10")), usd("0.90"));
    assert_eq!(price.of(&facts("7")), Priced::Unpriced);
}

#[test]
fn of_the_charges_by_the_same_thing_the_first_counts_and_what_is_on_top_is_added() {
    let price = price(serde_json::json!([
        {"per": "second", "amount": "3", "on_top": true},
        {"per": "second", "amount": "10", "resolutions": ["720p"]},
        {"per": "second", "amount": "20"},
        {"per": "second", "amount": "1", "on_top": true},
    ]));
    assert_eq!(price.of(&facts("2")), usd("28"));
    assert_eq!(price.of(&PriceFacts { resolution: "1080p", ..facts("2") }), usd("48"));
}

#[test]
fn options_are_all_on_or_none_is() {
    let price = price(serde_json::json!([
        {"per": "clip", "amount": "3", "options": ["audio", "hdr"]},
        {"per": "clip", "amount": "2", "options": ["audio"], "without": ["hdr"]},
        {"per": "clip", "amount": "1", "without": ["audio", "hdr"]},
    ]));
    let of = |options: &[&str]| {
        let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
        price.of(&PriceFacts { options: &options, ..facts("5") })
    };
    assert_eq!(of(&[]), usd("1"));
    assert_eq!(of(&["audio"]), usd("2"));
    assert_eq!(of(&["audio", "hdr"]), usd("3"));
    assert_eq!(of(&["hdr"]), Priced::Unpriced);
}

#[test]
fn what_decimals_do_not_hold_is_unpriced_and_no_panic() {
    let most = Decimal::MAX.to_string();
    for per in ["second", "token"] {
        let price = price(serde_json::json!([{"per": per, "amount": most}]));
        assert_eq!(price.of(&facts("5")), Priced::Unpriced);
    }
}

#[test]
fn the_list_counts_that_holds_on_the_day_and_began_last() {
    let list = |from: Option<&str>, until: Option<&str>| {
        let mut list = price(serde_json::json!([{"per": "clip", "amount": "1"}]));
        list.valid_from = from.map(|day| day.parse().expect("a day"));
        list.valid_until = until.map(|day| day.parse().expect("a day"));
        list
    };
    let lists = [
        list(None, None),
        list(Some("2026-11-01"), Some("2026-11-30")),
        list(Some("2026-12-15"), None),
        list(Some("2026-11-01"), Some("2026-11-10")),
    ];
    let in_force = |day: &str| {
        let found = Price::in_force(&lists, day.parse().expect("a day"))?;
        lists.iter().position(|list| list == found)
    };
    assert_eq!(in_force("2026-10-31"), Some(0));
    assert_eq!(in_force("2026-11-01"), Some(3));
    assert_eq!(in_force("2026-11-10"), Some(3));
    assert_eq!(in_force("2026-11-11"), Some(1));
    assert_eq!(in_force("2026-11-30"), Some(1));
    assert_eq!(in_force("2026-12-01"), Some(0));
    assert_eq!(in_force("2027-01-01"), Some(2));
    let ended = list(None, Some("2026-11-30"));
    assert_eq!(Price::in_force([&ended], "2026-12-01".parse().expect("a day")), None);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn amount() -> impl Strategy<Value = Decimal> {
        (0i64..10_000_000_000, 0u32..=9).prop_map(|(digits, scale)| Decimal::new(digits, scale))
    }

    fn conditions() -> impl Strategy<Value = (Vec<Route>, Vec<String>, Vec<String>, Vec<String>)> {
        let some = |names: &'static [&'static str]| {
            proptest::sample::subsequence(names, 0..=names.len())
                .prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let routes = proptest::sample::subsequence(&Route::ALL[..], 0..=4);
        (routes, some(&["720p", "1080p"]), some(&["audio"]), some(&["hdr", "off_peak"]))
    }

    prop_compose! {
        fn charge()(
            per in proptest::sample::select(&ChargePer::ALL[..]),
            amount in amount(),
            each in proptest::sample::select(&[1u32, 1000, 1_000_000][..]),
            (routes, resolutions, options, without) in conditions(),
            free in 0u32..4,
            on_top in any::<bool>(),
        ) -> Charge {
            let compute = (per == ChargePer::ComputeSecond).then(|| Compute {
                per_second: Some(Decimal::new(25, 1)),
                per_clip: Some(Decimal::TEN),
            });
            Charge {
                per, amount, each, fps: Some(24), compute, routes, resolutions,
                seconds: Vec::new(), options, without, free, on_top,
            }
        }
    }

    prop_compose! {
        fn any_price()(
            charges in proptest::collection::vec(charge(), 1..6),
            times in proptest::collection::vec((amount(), conditions()), 0..3),
            minimum in proptest::option::of(amount()),
            rounding in proptest::option::of(rounding()),
        ) -> Price {
            let multipliers = times
                .into_iter()
                .map(|(times, (routes, resolutions, options, without))| Multiplier {
                    times, routes, resolutions, options, without,
                })
                .collect();
            Price { charges, multipliers, minimum, rounding, ..price(serde_json::json!([])) }
        }
    }

    prop_compose! {
        fn rounding()(
            digits in 1i64..1000,
            scale in 0u32..5,
            mode in proptest::sample::select(
                &[RoundingMode::Up, RoundingMode::Nearest, RoundingMode::Down][..]
            ),
        ) -> Rounding {
            Rounding { to: Decimal::new(digits, scale), mode }
        }
    }

    prop_compose! {
        fn any_facts()(
            route in proptest::sample::select(&Route::ALL[..]),
            tenths in 1i64..600,
            resolution in proptest::sample::select(&["720p", "1080p", "4k"][..]),
            side in 16u32..4096,
            images in 0usize..12,
            options in proptest::sample::subsequence(
                vec!["audio".to_owned(), "hdr".to_owned(), "off_peak".to_owned()], 0..=3
            ),
        ) -> (Route, Decimal, &'static str, u32, usize, Vec<String>) {
            (route, Decimal::new(tenths, 1), resolution, side, images, options)
        }
    }

    fn of(
        price: &Price,
        facts: &(Route, Decimal, &'static str, u32, usize, Vec<String>),
    ) -> Priced {
        let (route, seconds, resolution, side, images, options) = facts;
        price.of(&PriceFacts {
            route: *route,
            seconds: *seconds,
            resolution,
            width: *side,
            height: *side,
            fps: None,
            images: *images,
            options,
            input_seconds: Decimal::ZERO,
        })
    }

    proptest! {
        #[test]
        fn a_price_is_never_below_zero_nor_below_its_minimum(
            price in any_price(), facts in any_facts(),
        ) {
            if let Priced::Known(amount) = of(&price, &facts) {
                prop_assert!(amount.value >= Decimal::ZERO);
                prop_assert!(price.minimum.is_none_or(|minimum| amount.value >= minimum));
            }
        }

        #[test]
        fn a_longer_clip_never_costs_less(
            price in any_price(), facts in any_facts(), more in 0i64..600,
        ) {
            let mut longer = facts.clone();
            longer.1 += Decimal::new(more, 1);
            match (of(&price, &facts), of(&price, &longer)) {
                (Priced::Known(short), Priced::Known(long)) => {
                    prop_assert!(short.value <= long.value);
                }
                // No charge asks for a length here, so only one that is too large is not known.
                (short, long) => prop_assert!(short == long || long == Priced::Unpriced),
            }
        }

        #[test]
        fn rounding_gives_the_multiple_that_its_mode_says(
            value in amount(), rounding in rounding(),
        ) {
            let rounded = rounding.apply(value).expect("it fits");
            prop_assert!((rounded % rounding.to).is_zero());
            let off = rounded - value;
            match rounding.mode {
                RoundingMode::Up => prop_assert!(off >= Decimal::ZERO && off < rounding.to),
                RoundingMode::Down => prop_assert!(off <= Decimal::ZERO && -off < rounding.to),
                RoundingMode::Nearest => {
                    prop_assert!(off + off <= rounding.to && -(off + off) < rounding.to);
                }
            }
        }

        #[test]
        fn a_list_that_is_written_and_read_again_is_the_same(price in any_price()) {
            let text = serde_json::to_string(&price).expect("JSON");
            prop_assert_eq!(&serde_json::from_str::<Price>(&text).expect("a price"), &price);
            // Amounts are texts: nothing that reads them makes a float of one.
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            for charge in json["charges"].as_array().expect("charges") {
                prop_assert!(charge["amount"].is_string());
            }
        }
    }
}
