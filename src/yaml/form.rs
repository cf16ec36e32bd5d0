//! What a scalar's text must look like: types, formats and bounds of a schema.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::node::Scalar;

/// Whether a scalar fits a schema without choices; else whether its type is wrong (or only its
/// value), and what is needed, in words.
pub(super) fn fits(schema: &Map<String, Json>, scalar: &Scalar) -> Result<(), (bool, String)> {
    let text = &*scalar.text;
    let format = schema.get("format").and_then(Json::as_str).unwrap_or("");
    let names: Vec<&str> = match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).collect(),
        _ => return Ok(()),
    };
    if let Some(form) = FORMS.iter().find(|f| f.name == format) {
        if !(form.holds)(text) {
            return Err((form.is_type, form.words.to_owned()));
        }
        return if form.name == "decimal" { bounds(schema, text) } else { Ok(()) };
    }
    if names.contains(&"string") {
        return Ok(());
    }
    if names.contains(&"boolean") && scalar.plain && matches!(text, "true" | "false") {
        return Ok(());
    }
    if names.contains(&"integer") {
        let whole = "a whole number".to_owned();
        if !is_whole(text) {
            return Err((true, whole));
        }
        return bounds(schema, text);
    }
    if names.contains(&"number") {
        return if is_decimal(text) {
            bounds(schema, text)
        } else {
            Err((true, "a number".into()))
        };
    }
    Err((true, "true or false".to_owned()))
}

struct Form {
    name: &'static str,
    /// Whether a text that does not hold is of another type, rather than a wrong value.
    is_type: bool,
    words: &'static str,
    holds: fn(&str) -> bool,
}

/// The `format`s that Kinora's own schemas use and checks by itself.
const FORMS: &[Form] = &[
    Form { name: "decimal", is_type: true, words: "a number such as 5 or 0.25", holds: is_decimal },
    Form {
        name: "name",
        is_type: false,
        words: "a letter, then letters, digits, `-` or `_`",
        holds: is_name,
    },
    Form { name: "aspect", is_type: false, words: "an aspect such as 9:16", holds: is_aspect },
    Form {
        name: "colour",
        is_type: false,
        words: "a colour such as \"#f4f1ea\", in quotes",
        holds: is_colour,
    },
    Form {
        name: "date",
        is_type: false,
        words: "a day such as 2026-01-31",
        holds: |text| text.parse::<jiff::civil::Date>().is_ok(),
    },
];

/// Digits without a leading zero, so that `010` is never silently ten or eight.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
}

/// Whether a text is a decimal number, without exponent and without leading zeros.
pub fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    is_whole(whole)
        && fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))
        && Decimal::from_str_exact(text).is_ok()
}

/// Names are mentioned in prompts and used in templates, so they hold no space and no dot.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic())
        && text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_aspect(text: &str) -> bool {
    let side = |s: &str| is_whole(s) && s.parse::<u32>().is_ok_and(|n| (1..=10_000).contains(&n));
    text.split_once(':').is_some_and(|(w, h)| side(w) && side(h))
}

/// The bounds that a schema states, and those of the integer type behind its format.
fn bounds(schema: &Map<String, Json>, text: &str) -> Result<(), (bool, String)> {
    let bound = |key: &str| schema.get(key).and_then(as_decimal);
    let most_of_type = match schema.get("format").and_then(Json::as_str) {
        Some("uint8") => Some(Decimal::from(u8::MAX)),
        Some("uint16") => Some(Decimal::from(u16::MAX)),
        Some("uint32") => Some(Decimal::from(u32::MAX)),
        Some("uint64" | "uint") => Some(Decimal::from(u64::MAX)),
        _ => None,
    };
    let (least, above) = (bound("minimum"), bound("exclusiveMinimum"));
    let most = bound("maximum").or(most_of_type);
    let value = Decimal::from_str_exact(text).ok();
    let holds = value.is_some_and(|v| {
        least.is_none_or(|m| v >= m) && above.is_none_or(|m| v > m) && most.is_none_or(|m| v <= m)
    });
    if holds {
        return Ok(());
    }
    let needed = match (least, above, most) {
        (Some(least), _, Some(most)) if Some(most) != most_of_type => {
            format!("between {least} and {most}")
        }
        (Some(least), _, _) if value.is_some_and(|v| v < least) => format!("at least {least}"),
        (_, Some(above), _) if value.is_some_and(|v| v <= above) => format!("above {above}"),
        (_, _, Some(most)) => format!("at most {most}"),
        _ => "a smaller number".to_owned(),
    };
    Err((false, needed))
}

fn as_decimal(json: &Json) -> Option<Decimal> {
    Decimal::from_str_exact(&json.as_number()?.to_string())
        .or_else(|_| Decimal::try_from(json.as_f64().unwrap_or_default()))
        .ok()
}
