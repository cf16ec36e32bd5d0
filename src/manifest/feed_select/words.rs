//! What shops write into cells of prices, stocks, categories and videos.

use rust_decimal::Decimal;

/// The number in a price such as `12.00 EUR`, `€ 1.234,50` or `1,299`; absent where there is none,
/// or more than one.
pub(super) fn amount(text: &str) -> Option<Decimal> {
    let digit = |c: char| c.is_ascii_digit();
    let start = text.find(digit)?;
    let end = text.rfind(digit)? + 1;
    let minus = text[..start].trim_end().ends_with(['-', '\u{2212}']);
    let number: String = text[start..end]
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\''))
        .collect();
    if number.chars().any(|c| !c.is_ascii_digit() && c != '.' && c != ',') {
        return None;
    }
    let decimal = decimal_mark(&number);
    let digits = number.char_indices().filter_map(|(at, c)| match c {
        '.' | ',' if Some(at) == decimal => Some('.'),
        '.' | ',' => None,
        digit => Some(digit),
    });
    let value = Decimal::from_str_exact(&digits.collect::<String>()).ok()?;
    Some(if minus { -value } else { value })
}

/// Where in a number of digits, points and commas its fraction begins.
fn decimal_mark(number: &str) -> Option<usize> {
    let last = number.rfind(['.', ','])?;
    let mark = number.as_bytes()[last];
    let alone = number.bytes().filter(|b| *b == mark).count() == 1;
    let other = number.bytes().any(|b| matches!(b, b'.' | b',') && b != mark);
    let after = number.len() - last - 1;
    let fraction = alone && (other || mark == b'.' || after != 3);
    fraction.then_some(last)
}

/// Whether something is in stock, by a number or a word; absent where it can't be read.
pub(super) fn in_stock(text: &str) -> Option<bool> {
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

/// Whether a cell names a video.
pub(super) fn names_video(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !["0", "false", "no", "none"].iter().any(|no| text.eq_ignore_ascii_case(no))
}

/// A collection or category as it is looked for: the parts of its path.
#[derive(Debug)]
pub(super) struct Collection {
    parts: Vec<String>,
}

impl Collection {
    /// From what a manifest says: `Clothing` or `Clothing > Hoodies`.
    pub fn new(written: &str) -> Self {
        Collection { parts: parts(written) }
    }

    /// Whether one of the collections in a cell is it, or within it. Cells hold one path or
    /// several; Google's own categories have commas in their names.
    pub fn has(&self, cell: &str) -> bool {
        let within = |path: &str| {
            let path = parts(path);
            path.windows(self.parts.len().max(1)).any(|window| window == self.parts)
        };
        within(cell) || cell.contains([',', ';', '|']) && cell.split([',', ';', '|']).any(within)
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('>').map(|part| part.trim().to_lowercase()).collect()
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

    #[test]
    fn a_collection_has_what_is_within_it() {
        let clothing = Collection::new("clothing");
        for cell in ["Clothing", "Clothing > Hoodies", "Shop > Clothing", "Sale, Clothing > Socks"]
        {
            assert!(clothing.has(cell), "{cell}");
        }
        for cell in ["", "Clothing accessories", "Sale"] {
            assert!(!clothing.has(cell), "{cell}");
        }
        assert!(Collection::new("Clothing > Hoodies").has("Shop > Clothing > Hoodies > Zip"));
        assert!(!Collection::new("Clothing > Hoodies").has("Clothing, Hoodies"));
        assert!(
            Collection::new("Food, Beverages & Tobacco").has("Food, Beverages & Tobacco > Food")
        );
    }

    proptest! {
        #[test]
        fn any_cell_can_be_read(text in "\\PC{0,20}") {
            let _ = (amount(&text), in_stock(&text), Collection::new(&text).has(&text));
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
