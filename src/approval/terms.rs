//! Amounts, expiries, names and notes of approvals, as people write them.
//!
//! What never lives here: what they mean for a plan.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;

use crate::money::Micros;

/// The longest name of a person, in bytes.
const MOST_NAME: usize = 200;
/// The longest note, in bytes.
const MOST_NOTE: usize = 2000;
/// No approval is given for longer, in days: ten years.
const MOST_DAYS: i64 = 3660;

/// An amount: digits, and at most six more after a point. Nothing is rounded, and no sign,
/// exponent or separator is guessed at.
pub fn amount(text: &str) -> Result<Micros, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 || whole.len() > 20 {
        return Err(format!(
            "`{text}` is no amount; write digits and at most six decimals, such as 120 or 99.50"
        ));
    }
    let value: Decimal = text.parse().map_err(|e| format!("`{text}` is no amount: {e}"))?;
    Micros::from_decimal(value).map_err(|e| e.to_string())
}

/// When an approval given `now` expires: after a duration (`90m`, `36h`, `14d`, `2w`), at a time
/// (`2026-12-24T18:00:00Z`), or at the end of a day in UTC (`2026-12-24`).
pub fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let form = || {
        format!(
            "`{text}` is no date, time or duration; write 2026-12-24 (to the end of that day, UTC), \
             2026-12-24T18:00:00Z, or 90m, 36h, 14d, 2w"
        )
    };
    let at = if let Some(seconds) = seconds_of(text) {
        now.checked_add(SignedDuration::from_secs(seconds?)).map_err(|_| form())?
    } else if text.contains(['T', 't', ' ']) {
        text.parse::<Timestamp>().map_err(|_| form())?
    } else {
        let date: Date = text.parse().map_err(|_| form())?;
        let next = date.checked_add(1.day()).and_then(|day| day.to_zoned(TimeZone::UTC));
        next.map_err(|_| form())?.timestamp()
    };
    if at <= now {
        return Err(format!("{at} is past, so the approval would never hold"));
    }
    if at.duration_since(now) > SignedDuration::from_hours(24 * MOST_DAYS) {
        return Err(format!("{at} is more than ten years away; leave it out for no end"));
    }
    Ok(at)
}

/// The seconds of a duration, where the text has the form of one.
fn seconds_of(text: &str) -> Option<Result<i64, String>> {
    let unit = match text.as_bytes().last()? {
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        b'w' => 7 * 24 * 3600,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit));
    let seconds = seconds.filter(|seconds| *seconds <= MOST_DAYS * 24 * 3600);
    Some(seconds.ok_or_else(|| format!("{text} is more than ten years; leave it out for no end")))
}

/// The name of whoever approves or revokes.
pub fn person(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("say who".to_owned());
    }
    plain(text, MOST_NAME)?;
    Ok(text.to_owned())
}

/// A note; an empty one is none.
pub fn remark(text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    plain(text, MOST_NOTE)?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Nothing that a terminal or a log would take for more than text.
fn plain(text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("it is longer than {most} bytes"));
    }
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(
            "it has control characters or line breaks in it; write it on one line".to_owned()
        );
    }
    Ok(())
}

/// Characters that change what stands around them without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().expect("a time")
    }

    #[test]
    fn amounts_are_decimals_and_nothing_else() {
        for (text, micros) in [
            ("0", 0),
            ("120", 120_000_000),
            ("99.50", 99_500_000),
            ("0.000001", 1),
            ("007", 7_000_000),
        ] {
            assert_eq!(amount(text).map(Micros::get), Ok(micros), "{text}");
        }
        for text in [
            "",
            "-1",
            "+1",
            "1e3",
            "1E3",
            "1_000",
            "1,000",
            "1,5",
            ".5",
            "5.",
            "1.0000001",
            "0x10",
            " 1",
            "1 ",
            "1.5.5",
            "NaN",
            "inf",
            "١٢",
            "1000000001",
            "99999999999999999999999",
        ] {
            assert!(amount(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_expiry_is_a_duration_a_time_or_the_end_of_a_day() {
        let at = |text: &str| expiry(text, now()).map(|at| at.to_string());
        for (text, wanted) in [
            ("90m", "2026-11-20T11:30:00Z"),
            ("36h", "2026-11-21T22:00:00Z"),
            ("14d", "2026-12-04T10:00:00Z"),
            ("2w", "2026-12-04T10:00:00Z"),
            ("2026-11-20", "2026-11-21T00:00:00Z"),
            ("2026-12-31", "2027-01-01T00:00:00Z"),
            ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
            ("2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(wanted), "{text}");
        }
        for text in [
            "",
            "never",
            "0h",
            "-1h",
            "1.5h",
            "1 h",
            "h",
            "1y",
            "10",
            "1h30m",
            "2026-11-19",
            "2026-13-01",
            "24.12.2026",
            "2026-11-20T09:59:59Z",
            "2026-12-24T18:00:00",
            "99999999999999999999d",
            "4000d",
            "2100-01-01",
        ] {
            assert!(at(text).is_err(), "{text}: {:?}", at(text));
        }
    }

    #[test]
    fn names_and_notes_are_one_line_of_text() {
        assert_eq!(person(" Ana Müller "), Ok("Ana Müller".to_owned()));
        assert_eq!(remark("  "), Ok(None));
        for text in ["", "  ", "a\nb", "\u{1b}[31mred", "a\u{202e}b", &"x".repeat(201)] {
            assert!(person(text).is_err(), "{text:?}");
        }
    }
}
