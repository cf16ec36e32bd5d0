//! Numbers and names as people read them, the same in every report.
//!
//! What lives here: counts with their noun, lengths of time, amounts, and text from users made
//! safe to print. What never does: layout.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::money::display_value;
use crate::plan::AmountsJson;

/// `1 clip`, `1,200 clips`.
pub fn count(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(n))
}

/// `1,200`.
pub(super) fn grouped(n: u64) -> String {
    display_value(Decimal::from(n))
}

/// Amounts of one column: when any has a fraction all show one, so that they line up.
pub(super) fn aligned(values: &[Decimal]) -> Vec<String> {
    let shown: Vec<String> = values.iter().copied().map(display_value).collect();
    let fractions = shown.iter().any(|v| v.contains('.'));
    let with_fraction = |v: String| if v.contains('.') { v } else { v + ".00" };
    if fractions { shown.into_iter().map(with_fraction).collect() } else { shown }
}

/// A decimal string with its thousands apart; what is no decimal is shown as it is.
pub(super) fn decimal(text: &str) -> String {
    text.parse::<Decimal>().map_or_else(|_| text.to_owned(), display_value)
}

/// A decimal string that is no money: thousands apart, no more decimals than it has.
pub(super) fn number(text: &str) -> String {
    let Ok(value) = text.parse::<Decimal>() else { return text.to_owned() };
    let value = value.normalize();
    match value.to_string().split_once('.') {
        Some((_, fraction)) => format!("{}.{fraction}", display_value(value.trunc())),
        None => display_value(value),
    }
}

/// A length in seconds as people say it: `45 s`, `6 m 20 s`, `3 h 5 m`.
pub(super) fn length(seconds: Decimal) -> String {
    let whole = seconds.trunc().to_u64().unwrap_or_default();
    if whole < 60 {
        return format!("{} s", seconds.normalize());
    }
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    let parts = match hours {
        0 => [(minutes, "m"), (rest, "s")],
        _ => [(hours, "h"), (minutes, "m")],
    };
    let said: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{} {unit}", grouped(*n)))
        .collect();
    said.join(" ")
}

/// As [`length`], from a decimal string.
pub(super) fn length_of(seconds: &str) -> String {
    seconds.parse().map_or_else(|_| format!("{seconds} s"), length)
}

/// Amounts by unit: `12 credits + 3.50 USD`; nothing when there is none, because a price that
/// is not known must never read as zero.
pub(super) fn amounts(by_unit: &AmountsJson) -> Option<String> {
    let parts: Vec<String> =
        by_unit.iter().map(|(unit, value)| format!("{} {unit}", decimal(value))).collect();
    (!parts.is_empty()).then(|| parts.join(" + "))
}

/// Joins with commas and a last `and`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Text from a user on one line, without what a terminal or a reader could be misled by:
/// control characters (escape sequences) and marks that turn the direction of writing.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() || turns_direction(c) => '\u{FFFD}',
            c => c,
        })
        .collect()
}

/// Bidirectional overrides and isolates: they can make a line read as another one.
pub(super) fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The first `max` characters, with an ellipsis when something was cut.
pub(super) fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => {
            let mut cut: String = text.chars().take(max.saturating_sub(1)).collect();
            cut.truncate(cut.trim_end().len());
            cut.push('…');
            cut
        }
    }
}

/// A moment as people read it: `2026-08-20 09:31 UTC`.
pub(super) fn moment(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A word of a command as a shell takes it: quoted where it must be.
pub(super) fn quoted(word: &str) -> String {
    crate::plan::quoted(&plain(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_two_parts_at_most() {
        let said = |s: &str| length_of(s);
        assert_eq!(said("0"), "0 s");
        assert_eq!(said("7.5"), "7.5 s");
        assert_eq!(said("380"), "6 m 20 s");
        assert_eq!(said("360.0"), "6 m");
        assert_eq!(said("11100"), "3 h 5 m");
        assert_eq!(said("3600000"), "1,000 h");
    }

    #[test]
    fn no_amount_is_not_zero() {
        assert_eq!(amounts(&AmountsJson::new()), None);
        let both = AmountsJson::from([
            ("USD".to_owned(), "3.5".to_owned()),
            ("credits".to_owned(), "1200".to_owned()),
        ]);
        assert_eq!(amounts(&both).as_deref(), Some("3.50 USD + 1,200 credits"));
    }

    #[test]
    fn a_word_with_a_mark_of_the_shell_is_quoted() {
        assert_eq!(quoted("products.mug/turn/aspect=9:16/1"), "products.mug/turn/aspect=9:16/1");
        assert_eq!(quoted("my shop/kinora.yaml"), "'my shop/kinora.yaml'");
        assert_eq!(quoted("a;rm"), "'a;rm'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn an_escape_sequence_is_not_printed() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{FFFD}[2Jb c\u{FFFD}d");
    }
}
