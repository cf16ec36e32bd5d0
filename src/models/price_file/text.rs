//! Writing the price file: the same text for the same prices, short enough to be read in a diff.

use serde_json::Value as Json;

use super::PriceFile;

/// Keys under which a decimal stands, which needs no quotes.
const DECIMALS: [&str; 7] =
    ["amount", "minimum", "times", "to", "per_second", "per_clip", "seconds"];

/// Columns that a line of several values may have.
const COLUMNS: usize = 100;

/// The file's text. Models come by name, keys in the order in which cards write them; what is not
/// said is left out. Comments are nobody's here.
pub fn price_file_text(file: &PriceFile) -> String {
    let json = serde_json::to_value(file).expect("texts, numbers and lists are always JSON");
    let mut text = String::new();
    write_map(&json, 0, &mut text);
    text
}

fn write_map(json: &Json, indent: usize, text: &mut String) {
    let Json::Object(entries) = json else { return };
    for (key, value) in entries.iter().filter(|(key, value)| says_something(key, value)) {
        text.push_str(&" ".repeat(indent));
        text.push_str(&word(key));
        text.push(':');
        let room = COLUMNS.saturating_sub(indent + key.len() + 2);
        match value {
            Json::Object(_) => match flow(key, value).filter(|_| is_leaf(value)) {
                Some(line) if line.len() <= room => text.push_str(&format!(" {line}\n")),
                _ => {
                    text.push('\n');
                    write_map(value, indent + 2, text);
                }
            },
            Json::Array(items) if items.iter().any(Json::is_object) => {
                text.push('\n');
                write_items(items, indent + 2, text);
            }
            _ => text.push_str(&format!(" {}\n", flow(key, value).unwrap_or_default())),
        }
    }
}

fn write_items(items: &[Json], indent: usize, text: &mut String) {
    for item in items {
        let line = flow("", item).filter(|line| is_leaf(item) && line.len() <= COLUMNS - indent);
        match line {
            Some(line) => text.push_str(&format!("{}- {line}\n", " ".repeat(indent))),
            None => {
                let mut inner = String::new();
                write_map(item, indent + 2, &mut inner);
                inner.replace_range(indent..indent + 1, "-");
                text.push_str(&inner);
            }
        }
    }
}

/// Whether a mapping holds no other mapping but small ones.
fn is_leaf(json: &Json) -> bool {
    let Json::Object(entries) = json else { return true };
    entries.values().all(|value| match value {
        Json::Array(items) => !items.iter().any(Json::is_object),
        Json::Object(_) => is_leaf(value),
        _ => true,
    })
}

/// A value on one line.
fn flow(key: &str, json: &Json) -> Option<String> {
    Some(match json {
        Json::Null => "null".to_owned(),
        Json::Bool(_) | Json::Number(_) => json.to_string(),
        Json::String(text) if DECIMALS.contains(&key) && crate::yaml::is_decimal(text) => {
            text.clone()
        }
        Json::String(text) => word(text),
        Json::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| flow(key, item)).collect();
            format!("[{}]", items?.join(", "))
        }
        Json::Object(entries) => {
            let said = entries.iter().filter(|(key, value)| says_something(key, value));
            let pairs: Option<Vec<String>> = said
                .map(|(key, value)| Some(format!("{}: {}", word(key), flow(key, value)?)))
                .collect();
            format!("{{{}}}", pairs?.join(", "))
        }
    })
}

/// Whether a value differs from what it is when it is not written.
fn says_something(key: &str, value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Array(items) => !items.is_empty(),
        Json::Number(number) => key != "free" || number.as_u64() != Some(0),
        _ => true,
    }
}

/// A text as YAML reads it back: bare where nothing in it can be taken for something else.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let bare = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(plain)
        && !crate::yaml::is_decimal(text)
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if bare { text.to_owned() } else { Json::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use serde_json::json;

    use super::*;
    use crate::diagnostic::{Findings, Sources};
    use crate::limits::Limits;
    use crate::models::price_file::{ModelPrices, Read};

    fn file(models: Json) -> PriceFile {
        serde_json::from_value(json!({ "kinora_prices": 1, "models": models })).expect("a file")
    }

    /// What is read back of a text.
    fn read(text: &str, folder: &Path) -> PriceFile {
        std::fs::write(folder.join(super::super::PRICE_FILE), text).expect("written");
        let (mut sources, mut findings) = (Sources::default(), Findings::default());
        let read = Read::of(folder, &Limits::default(), &mut sources, &mut findings);
        assert!(findings.is_empty(), "{:?}\n{text}", findings.items());
        read.expect("it is read").file
    }

    #[test]
    fn the_text_is_short_in_a_stable_order_and_without_what_is_not_said() {
        let file = file(json!({
            "b/two": {"price": {
                "unit": "credits", "worth": {"amount": "0.01", "unit": "USD", "as_of": "2026-11-01",
                "source": "their page: \"prices\""}, "as_of": "2026-11-23", "source": "x",
                "charges": [{"per": "clip", "amount": "10", "seconds": ["5", "2.5"]}],
                "minimum": "1", "rounding": {"to": "0.01"},
            }},
            "a/one": {"prices": [
                {"unit": "USD", "as_of": "2026-11-23", "source": "z", "valid_until": "2026-12-01",
                 "charges": [{"per": "second", "amount": "0.10", "routes": ["text", "image"]}]},
                {"unit": "USD", "as_of": "2026-11-23", "source": "z",
                 "charges": [{"per": "token", "amount": "14", "each": 1000000, "fps": 24}]},
            ]},
        }));
        insta::assert_snapshot!(price_file_text(&file), @r#"
        kinora_prices: 1
        models:
          a/one:
            prices:
              - unit: USD
                as_of: 2026-11-23
                source: z
                valid_until: 2026-12-01
                charges:
                  - {per: second, amount: 0.10, routes: [text, image]}
              - unit: USD
                as_of: 2026-11-23
                source: z
                charges:
                  - {per: token, amount: 14, each: 1000000, fps: 24}
          b/two:
            price:
              unit: credits
              worth: {amount: 0.01, unit: USD, as_of: 2026-11-01, source: "their page: \"prices\""}
              as_of: 2026-11-23
              source: x
              charges:
                - {per: clip, amount: 10, seconds: [5, 2.5]}
              minimum: 1
              rounding: {to: 0.01, mode: up}
        "#);
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(&price_file_text(&file), folder.path()), file);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read_back(
            names in proptest::collection::vec("[a-zA-Z0-9 :#'\"/.@{}é-]{1,20}", 1..5),
            source in "[^\\x00-\\x1f\\x7f-\\x9f\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}]{1,60}",
            resolution in "[a-z0-9]{1,6}",
            amount in 0_i64..1_000_000_000_000,
            scale in 0_u32..=9,
        ) {
            let price = json!({
                "unit": "USD", "as_of": "2026-11-23", "source": source,
                "charges": [{
                    "per": "second", "amount": Decimal::new(amount, scale).to_string(),
                    "resolutions": [resolution],
                }],
            });
            let prices: ModelPrices = serde_json::from_value(json!({ "price": price })).expect("it is one");
            let models = names.into_iter().map(|name| (name, prices.clone())).collect();
            let file = PriceFile { kinora_prices: 1, models };
            let folder = tempfile::tempdir().expect("a folder");
            prop_assert_eq!(read(&price_file_text(&file), folder.path()), file);
        }
    }
}
