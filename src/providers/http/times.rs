//! Times as providers write them in replies. Pure.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// Numbers above are milliseconds: as seconds they would be beyond the year 5000.
const MOST_SECONDS: f64 = 1e11;

/// A time of a reply: Unix seconds or milliseconds, or RFC 3339.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    let Ok(number) = text.parse::<f64>() else { return text.parse().ok() };
    let milliseconds = if number.abs() > MOST_SECONDS { number } else { number * 1000.0 };
    let milliseconds = Decimal::from_f64(milliseconds)?.round().to_i64()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_providers_write_them() {
        let time: Timestamp = "2026-11-22T20:00:00Z".parse().expect("a time");
        for text in ["1795377600", "1795377600000", "1795377600.0", "2026-11-22T21:00:00+01:00"] {
            assert_eq!(time_of(text), Some(time), "{text}");
        }
        for text in ["yesterday", "", "NaN", "inf", "1e300", "2026-11-22 20:00:00"] {
            assert_eq!(time_of(text), None, "{text}");
        }
    }
}
