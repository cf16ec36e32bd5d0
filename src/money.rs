//! Money: decimal amounts that carry their unit.
//!
//! What lives here: [`Amount`], [`Unit`], per-unit [`Totals`] and the integer form that the
//! ledger stores. What never does: floats, prices of models, budgets.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many smallest parts make one whole of any unit: amounts in the ledger are integers
/// of a millionth of the unit.
pub const MICROS_PER_UNIT: i64 = 1_000_000;

/// Digits after the point of an amount in the ledger.
const MICROS_DIGITS: u32 = 6;

/// The largest amount, in whole units, that Kinora will hold. Far above any real budget, and
/// small enough that sums of thousands of such amounts still fit the ledger's 64-bit integers.
pub const MAX_WHOLE_UNITS: i64 = 1_000_000_000;

/// What an amount is counted in: the workspace's own `credits`, a provider's credits, or a
/// currency code such as `USD`. Units never mix without a stated rate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(Arc<str>);

impl Unit {
    /// A unit by its name, as written on a card or in a manifest.
    pub fn new(name: &str) -> Self {
        Unit(Arc::from(name))
    }

    /// The name, as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Unit {
    fn default() -> Self {
        Unit::new("credits")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Unit::new(&String::deserialize(d)?))
    }
}

/// Why an amount can't be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two units met without a rate between them.
    #[error("{left} and {right} can't be added: no rate between them is stated")]
    UnitMismatch {
        /// Unit of the left amount.
        left: Unit,
        /// Unit of the right amount.
        right: Unit,
    },
    /// The amount is beyond [`MAX_WHOLE_UNITS`].
    #[error("{0} is more than Kinora will hold ({MAX_WHOLE_UNITS} whole units)")]
    TooLarge(Decimal),
    /// The amount is below zero.
    #[error("{0} is below zero")]
    Negative(Decimal),
}

/// A decimal amount in one unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// The number, exact.
    pub value: Decimal,
    /// What it counts.
    pub unit: Unit,
}

impl Amount {
    /// `value` of `unit`.
    pub fn new(value: Decimal, unit: Unit) -> Self {
        Amount { value, unit }
    }

    /// Nothing of `unit`. A price that is not known is never written as this (M7).
    pub fn zero(unit: Unit) -> Self {
        Amount { value: Decimal::ZERO, unit }
    }

    /// The sum, if both count the same thing.
    pub fn checked_add(&self, other: &Amount) -> Result<Amount, MoneyError> {
        if self.unit != other.unit {
            return Err(MoneyError::UnitMismatch {
                left: self.unit.clone(),
                right: other.unit.clone(),
            });
        }
        let value = self.value.checked_add(other.value).ok_or(MoneyError::TooLarge(self.value))?;
        Ok(Amount::new(value, self.unit.clone()))
    }

    /// The integer that the ledger stores, rounded up, so that a reservation is never below
    /// what it stands for.
    pub fn to_micros(&self) -> Result<Micros, MoneyError> {
        Micros::from_decimal(self.value)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", display_value(self.value), self.unit)
    }
}

/// A value as people read it: at least two decimals when there are any, thousands apart.
pub fn display_value(value: Decimal) -> String {
    let mut value = value.normalize();
    if value.scale() > 0 && value.scale() < 2 {
        value.rescale(2);
    }
    let text = value.to_string();
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |r| ("-", r));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(f) => format!("{sign}{grouped}.{f}"),
        None => format!("{sign}{grouped}"),
    }
}

/// An amount in millionths of its unit, as the ledger stores it. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(i64);

impl Micros {
    /// Nothing.
    pub const ZERO: Micros = Micros(0);

    /// The most that 64 bits hold: far above any amount, met only as a sum.
    pub const MAX: Micros = Micros(i64::MAX);

    /// From a decimal, rounded up to the next millionth.
    pub fn from_decimal(value: Decimal) -> Result<Self, MoneyError> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(MoneyError::Negative(value));
        }
        if value > Decimal::from(MAX_WHOLE_UNITS) {
            return Err(MoneyError::TooLarge(value));
        }
        // Most amounts have no more digits than the ledger keeps: no division, no rounding.
        if let Some(digits) = MICROS_DIGITS.checked_sub(value.scale()) {
            let micros = value.mantissa().checked_mul(10i128.pow(digits));
            let micros = micros.and_then(|micros| i64::try_from(micros).ok());
            return micros.map(Micros).ok_or(MoneyError::TooLarge(value));
        }
        let micros = (value * Decimal::from(MICROS_PER_UNIT))
            .round_dp_with_strategy(0, RoundingStrategy::AwayFromZero);
        micros.to_i64().map(Micros).ok_or(MoneyError::TooLarge(value))
    }

    /// The most that is not above a decimal: rounded down, so that a limit lets nothing through
    /// that is above it.
    pub fn up_to(value: Decimal) -> Result<Self, MoneyError> {
        Self::from_decimal(value.trunc_with_scale(6))
    }

    /// From the ledger's integer. A negative one is a damaged ledger, so it is refused.
    pub fn from_stored(micros: i64) -> Result<Self, MoneyError> {
        if micros < 0 {
            return Err(MoneyError::Negative(Decimal::new(micros, 6)));
        }
        Ok(Micros(micros))
    }

    /// The integer that the ledger stores.
    pub fn get(self) -> i64 {
        self.0
    }

    /// As a decimal of whole units.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 6).normalize()
    }

    /// The sum; `None` when it doesn't fit.
    pub fn checked_add(self, other: Micros) -> Option<Micros> {
        self.0.checked_add(other.0).map(Micros)
    }

    /// The sum, or [`Micros::MAX`] when it doesn't fit: above every limit, so that nothing is
    /// allowed by it.
    pub fn saturating_add(self, other: Micros) -> Micros {
        Micros(self.0.saturating_add(other.0))
    }

    /// The difference; `None` when it would be below zero.
    pub fn checked_sub(self, other: Micros) -> Option<Micros> {
        (self.0 >= other.0).then(|| Micros(self.0 - other.0))
    }
}

/// Sums kept apart by unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals(BTreeMap<Unit, Decimal>);

impl Totals {
    /// Adds one amount to its unit's sum.
    pub fn add(&mut self, amount: &Amount) {
        *self.0.entry(amount.unit.clone()).or_default() += amount.value;
    }

    /// Adds every sum of `other`.
    pub fn merge(&mut self, other: &Totals) {
        for (unit, value) in &other.0 {
            *self.0.entry(unit.clone()).or_default() += *value;
        }
    }

    /// The sums, in the units' order.
    pub fn amounts(&self) -> impl Iterator<Item = Amount> + '_ {
        self.0.iter().map(|(unit, value)| Amount::new(*value, unit.clone()))
    }

    /// The sum in one unit; zero when nothing was added in it.
    pub fn in_unit(&self, unit: &Unit) -> Decimal {
        self.0.get(unit).copied().unwrap_or_default()
    }

    /// Whether nothing was added at all (an added zero counts as something).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (i, amount) in self.amounts().enumerate() {
            if i > 0 {
                f.write_str(" + ")?;
            }
            write!(f, "{amount}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_by_people_with_thousands_apart() {
        let shown = |s: &str| display_value(s.parse().expect("a decimal literal"));
        assert_eq!(shown("1234567.5"), "1,234,567.50");
        assert_eq!(shown("0.105"), "0.105");
        assert_eq!(shown("12.00"), "12");
        assert_eq!(shown("-1000"), "-1,000");
    }

    #[test]
    fn micros_round_up_so_a_reservation_is_never_too_small() {
        let value: Decimal = "0.0000001".parse().expect("a decimal literal");
        assert_eq!(Micros::from_decimal(value), Ok(Micros(1)));
        let of = |text: &str| Micros::from_decimal(text.parse().expect("a decimal literal"));
        assert_eq!(of("0.000001"), Ok(Micros(1)));
        assert_eq!(of("12.50"), Ok(Micros(12_500_000)));
        assert_eq!(of("1.0000001"), Ok(Micros(1_000_001)));
        assert_eq!(of("1.0000000"), Ok(Micros(1_000_000)));
        assert_eq!(of("1000000000"), Ok(Micros(1_000_000_000_000_000)));
        assert!(of("1000000000.000001").is_err());
        assert!(of("-0.000001").is_err());
        assert_eq!(of("-0.0"), Ok(Micros::ZERO));
    }

    #[test]
    fn units_do_not_mix() {
        let usd = Amount::new(Decimal::ONE, Unit::new("USD"));
        let credits = Amount::new(Decimal::ONE, Unit::default());
        assert!(usd.checked_add(&credits).is_err());
    }
}
