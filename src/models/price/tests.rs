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
