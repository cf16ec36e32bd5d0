//! What shops write into cells of prices and stocks.

use std::ops::Range;

use rust_decimal::Decimal;

/// The number in a price such as `12.00 EUR`, `€ 1.234,50` or `1,299`; absent where there is none,
/// or more than one.
pub(crate) fn amount(text: &str) -> Option<Decimal> {
    written_amount(text.trim()).map(|(amount, _)| amount)
}

/// As [`amount`], of a text without spaces around it; and where in it that number stands as it
/// would be written without a currency, if it does.
pub(super) fn written_amount(text: &str) -> Option<(Decimal, Option<Range<usize>>)> {
    if let Ok(amount) = Decimal::from_str_exact(text) {
        return Some((amount, Some(0..text.len())));
    }
    let digit = |c: char| c.is_ascii_digit();
    let start = text.find(digit)?;
    let end = text.rfind(digit)? + 1;
    let minus = text[..start].trim_end().ends_with(['-', '\u{2212}']);
    let number = &text[start..end];
    let decimal = decimal_mark(number);
    // Most prices are plain numbers, and need no text of their own.
    let plain = number.char_indices().all(|(at, c)| digit(c) || c == '.' && Some(at) == decimal);
    if plain {
        let amount = Decimal::from_str_exact(number).ok()?;
        return Some(if minus { (-amount, None) } else { (amount, Some(start..end)) });
    }
    let mut digits = String::with_capacity(number.len());
    for (at, c) in number.char_indices() {
        match c {
            '.' | ',' if Some(at) == decimal => digits.push('.'),
            '.' | ',' | ' ' | '\u{a0}' | '\u{202f}' | '\'' => {}
            c if digit(c) => digits.push(c),
            _ => return None,
        }
    }
    let amount = Decimal::from_str_exact(&digits).ok()?;
    Some((if minus { -amount } else { amount }, None))
}

/// Where in a number its fraction begins.
fn decimal_mark(number: &str) -> Option<usize> {
    let last = number.rfind(['.', ','])?;
    let mark = number.as_bytes()[last];
    let alone = number.bytes().filter(|b| *b == mark).count() == 1;
    let other = number.bytes().any(|b| matches!(b, b'.' | b',') && b != mark);
    let after = number[last..].bytes().filter(u8::is_ascii_digit).count();
    let fraction = alone && (other || mark == b'.' || after != 3);
    fraction.then_some(last)
}

/// Whether something is in stock, by a number or a word; absent where it can't be read.
pub(crate) fn in_stock(text: &str) -> Option<bool> {
    let text = text.trim();
    if let Ok(number) = Decimal::from_str_exact(text) {
        return Some(number > Decimal::ZERO);
    }
    let word: String = text.to_lowercase().split(['_', ' ', '-']).collect();
    // As a web page's markup has it: `https://schema.org/InStock`.
    match word.rsplit('/').next().unwrap_or_default() {
        // An empty cell: nobody counts.
        "" | "instock" | "available" | "limitedavailability" | "true" | "yes" | "y" => Some(true),
        "outofstock" | "soldout" | "unavailable" | "discontinued" | "preorder" | "backorder"
        | "onbackorder" | "false" | "no" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prices_are_read_as_shops_write_them() {
        let cases = [
            ("12", "12"),
            ("12.00 EUR", "12.00"),
            ("€ 12,50", "12.50"),
            ("1.234,50 €", "1234.50"),
            ("$1,234.50", "1234.50"),
            ("EUR12.00", "12.00"),
            (" 12,50 ", "12.50"),
            (".50", "0.50"),
            ("1,299", "1299"),
            ("1 299,00 kr", "1299.00"),
            ("CHF 1'299.90", "1299.90"),
            ("1.234.567", "1234567"),
            ("-3", "-3"),
        ];
        for (text, value) in cases {
            assert_eq!(amount(text), Decimal::from_str_exact(value).ok(), "{text}");
        }
        for text in ["", "free", "10.00 - 20.00", "10 EUR / 12 USD"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }

    #[test]
    fn stock_is_a_number_or_a_word() {
        for text in [
            "3",
            "0.5",
            "in stock",
            "in_stock",
            "InStock",
            "https://schema.org/InStock",
            "",
            "TRUE",
        ] {
            assert_eq!(in_stock(text), Some(true), "{text}");
        }
        for text in ["0", "-2", "out of stock", "preorder", "backorder", "no"] {
            assert_eq!(in_stock(text), Some(false), "{text}");
        }
        assert_eq!(in_stock("a few"), None);
    }

    proptest! {
        #[test]
        fn any_cell_can_be_read(text in "\\PC{0,20}") {
            let _ = (amount(&text), in_stock(&text));
        }

        #[test]
        fn a_price_keeps_its_value_in_either_style(whole in 0u32..10_000_000, cents in 0u32..100) {
            let grouped = |group: &str| {
                let digits = whole.to_string();
                let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev()
                    .filter_map(|part| std::str::from_utf8(part).ok()).collect();
                parts.join(group)
            };
            let value = Decimal::from_str_exact(&format!("{whole}.{cents:02}")).ok();
            prop_assert_eq!(amount(&format!("{}.{cents:02}", grouped(","))), value);
            prop_assert_eq!(amount(&format!("{},{cents:02}", grouped("."))), value);
            prop_assert_eq!(amount(&format!("{whole},{cents:02} EUR")), value);
        }
    }
}
