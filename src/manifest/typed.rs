//! Attributes as conditions see them: by their columns' types.

use std::borrow::Cow;

use crate::feed::AttributeType;
use crate::template::TemplateValue as Value;

/// A cell by its column's type.
pub fn typed(text: &str, by: AttributeType) -> Value {
    match by {
        AttributeType::Text => Value::from(text),
        AttributeType::Boolean => Value::from(text.trim() == "true"),
        AttributeType::List => items(text).map(Value::from).collect(),
        AttributeType::Number => number(text.trim()).unwrap_or_else(|| Value::from(text)),
        AttributeType::Auto => {
            let found = Some(text.trim()).filter(|t| is_plain_number(t)).and_then(number);
            found.unwrap_or_else(|| Value::from(text))
        }
    }
}

/// The parts of a list in a cell. As WooCommerce writes it, a comma behind a backslash belongs to
/// its part.
pub fn items(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut before = ' ';
    let parts = text.split(move |c| {
        let kept = c == ',' && before == '\\';
        before = c;
        matches!(c, ',' | ';' | '|') && !kept
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).map(|part| match part.contains("\\,") {
        true => Cow::Owned(part.replace("\\,", ",")),
        false => Cow::Borrowed(part),
    })
}

fn number(text: &str) -> Option<Value> {
    let integer = text.parse::<i64>().ok().map(Value::from);
    integer.or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from))
}

/// Whether a text that nobody called a number is written like one: `-12` or `0.5`. Article
/// numbers such as `00123` or `12e4` are text.
fn is_plain_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    digits(whole) && (whole.len() == 1 || !whole.starts_with('0')) && fraction.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_like_a_number_is_one_by_itself() {
        for text in ["0", "12", "-3", "24.50", "0.5", " 7 "] {
            assert!(typed(text, AttributeType::Auto).is_number(), "{text}");
        }
        for text in ["00123", "007", "-01", "12e4", "1.", ".5", "+49", "1.2.3", "x1", "", "inf"] {
            assert_eq!(typed(text, AttributeType::Auto).as_str(), Some(text));
        }
    }

    #[test]
    fn a_comma_behind_a_backslash_belongs_to_its_part() {
        let parts: Vec<_> = items("Sale, New\\, hot | Cups;,").collect();
        assert_eq!(parts, ["Sale", "New, hot", "Cups"]);
    }

    #[test]
    fn what_is_called_a_number_may_have_leading_zeros() {
        assert_eq!(typed("007", AttributeType::Number), Value::from(7));
    }
}
