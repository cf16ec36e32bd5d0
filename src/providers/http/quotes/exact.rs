//! JSON whose numbers stay the text that was sent.
//!
//! The reader of JSON that the rest of the driver uses gives a number with a fraction as a float.
//! An amount must never be one, so numbers are put in quotes before they are read.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value as Json;

/// Digits after the point that a price may have. What is longer is a float's noise
/// (`0.30000000000000004`), and is rounded by its text.
const FRACTION: u32 = 12;

/// Characters of a number; longer ones are none that a price list holds.
const LONGEST: usize = 64;

/// The text as JSON in which every number is a string.
///
/// # Errors
/// When it is no JSON.
pub(super) fn read(bytes: &[u8]) -> Result<Json, serde_json::Error> {
    // What is no JSON must not become it by quotes.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)?;
    serde_json::from_slice(&quoted(bytes))
}

/// Valid JSON with its numbers in quotes.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let (mut in_text, mut escaped, mut in_number) = (false, false, false);
    for &byte in bytes {
        let part = !in_text
            && match in_number {
                true => matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'),
                false => matches!(byte, b'0'..=b'9' | b'-'),
            };
        if part != in_number {
            out.push(b'"');
            in_number = part;
        }
        if in_text {
            (in_text, escaped) = match (escaped, byte) {
                (false, b'\\') => (true, true),
                (false, b'"') => (false, false),
                _ => (true, false),
            };
        } else if byte == b'"' {
            in_text = true;
        }
        out.push(byte);
    }
    if in_number {
        out.push(b'"');
    }
    out
}

/// A decimal by its text, whether it was sent as a number or as text.
///
/// # Errors
/// What it is instead, in words.
pub(super) fn decimal(json: Option<&Json>) -> Result<Decimal, String> {
    let text = match json {
        None | Some(Json::Null) => return Err("there is none".to_owned()),
        Some(Json::String(text)) => text.trim(),
        Some(_) => return Err("it is no number".to_owned()),
    };
    let no_number = || {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        format!("`{shown}` is no number")
    };
    let possible = |b: u8| b.is_ascii_digit() || b"+-.eE".contains(&b);
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(possible) {
        return Err(no_number());
    }
    let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    let value = exact.map_err(|_| no_number())?;
    let rounded = value.round_dp_with_strategy(FRACTION, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() && !value.is_zero() {
        return Err(format!("`{text}` is nearer to nothing than a price can be"));
    }
    Ok(rounded.normalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_text_wherever_they_stand() {
        let sent = br#"{"a": 0.1, "b": [1e-7,-2.50 , 3], "c\"1": "4 \\", "d": true, "e": null}"#;
        let wanted = json!({
            "a": "0.1", "b": ["1e-7", "-2.50", "3"], "c\"1": "4 \\", "d": true, "e": null,
        });
        assert_eq!(read(sent).expect("JSON"), wanted);
        assert_eq!(read(b"7").expect("JSON"), json!("7"));
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for text in ["", "{", "{\"a\": 01}", "{\"a\": 1-1}", "<html>", "[1,]", "{\"a\": .5}"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn decimals_are_read_by_their_text() {
        let of = |json: Json| decimal(Some(&json)).map(|value| value.to_string());
        assert_eq!(of(json!("0.3034")).as_deref(), Ok("0.3034"));
        assert_eq!(of(json!("2.4e-6")).as_deref(), Ok("0.0000024"));
        assert_eq!(of(json!("0.30000000000000004")).as_deref(), Ok("0.3"));
        assert_eq!(of(json!("-1")).as_deref(), Ok("-1"));
        for wrong in ["", "1,5", "NaN", "inf", "0x10", "1e400", "much", "$5", "1e-20"] {
            assert!(of(json!(wrong)).is_err(), "{wrong}");
        }
        assert!(of(json!("9".repeat(65))).is_err());
        assert!(of(json!([1])).is_err() && of(json!(true)).is_err());
        assert!(decimal(None).is_err());
    }

    proptest! {
        #[test]
        fn any_amount_comes_through_as_it_was_sent(units in 0_i64..1_000_000_000, scale in 0_u32..=12) {
            let amount = Decimal::new(units, scale);
            for text in [format!("{{\"x\": {amount}}}"), format!("{{\"x\": \"{amount}\"}}")] {
                let read = read(text.as_bytes()).expect("JSON");
                prop_assert_eq!(decimal(read.get("x")), Ok(amount.normalize()));
            }
        }

        #[test]
        fn texts_come_through_untouched(text in ".*", key in ".*") {
            let sent = json!({ (key.clone()): [text.clone(), { (key.clone()): text.clone() }] });
            prop_assert_eq!(read(sent.to_string().as_bytes()).expect("JSON"), sent);
        }
    }
}
