//! Rates: what one of another unit is worth in the workspace's own.
//!
//! What lives here: a rate as it is written, and what providers' own credits are worth by the
//! model cards. What never does: the conversion of an amount.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::catalogue::Budget;
use super::load::Loader;
use super::raw::PlacedDecimal;
use crate::diagnostic::Finding;
use crate::models::Shelf;
use crate::money::{MAX_WHOLE_UNITS, Unit};
use crate::yaml::{Exact, ONE_OR_MAP, Placed, Table};

/// What one of a unit is worth, and since when that is known.
#[derive(Debug)]
pub struct RawRate {
    /// So much of the budget's unit.
    pub rate: Placed<Decimal>,
    /// The day on which it was true.
    pub as_of: Option<Date>,
}

/// A rate with its day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rate")]
struct RateForm {
    /// What one of the unit is worth in the budget's unit.
    #[schemars(with = "Exact")]
    rate: PlacedDecimal,
    /// The day on which it was true, `YYYY-MM-DD`.
    #[serde(default)]
    #[schemars(with = "Option<crate::yaml::Day>")]
    as_of: Option<Date>,
}

impl<'de> Deserialize<'de> for RawRate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// A number, or a mapping with the number and its day.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawRate;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or a mapping with `rate`")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawRate, A::Error> {
                let missing = || serde::de::Error::custom("a rate is a number");
                let rate: PlacedDecimal = seq.next_element()?.ok_or_else(missing)?;
                Ok(RawRate { rate: rate.0, as_of: None })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<RawRate, A::Error> {
                let form =
                    RateForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(RawRate { rate: form.rate.0, as_of: form.as_of })
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawRate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RateOrNumber".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<RateForm>();
        let number = generator.subschema_for::<Exact>();
        schemars::json_schema!({ "anyOf": [number, form] })
    }
}

/// Rates with the days on which those were true that say so.
pub(super) type Rates = (BTreeMap<Unit, Decimal>, BTreeMap<Unit, Date>);

impl Loader<'_> {
    /// `rates:` of a budget that is counted in `unit`.
    pub(super) fn rates(&mut self, table: &Table<RawRate>, unit: &Unit) -> Rates {
        let (mut rates, mut days) = Rates::default();
        for (other, RawRate { rate, as_of }) in &table.0 {
            let problem = if rate.value <= Decimal::ZERO {
                Some(("a rate must be above 0", "not above 0"))
            } else if rate.value > Decimal::from(MAX_WHOLE_UNITS) {
                Some(("a rate can't be above 1,000,000,000", "above it"))
            } else {
                None
            };
            if let Some((problem, label)) = problem {
                let finding = Finding::error("manifest::wrong_value", problem);
                self.findings.push(finding.at(rate.place, label));
            } else if **other == *unit.as_str() {
                self.findings.push(
                    Finding::error(
                        "manifest::wrong_value",
                        format!("`{unit}` is the budget's own unit and needs no rate"),
                    )
                    .at(other.place, "the same unit"),
                );
            } else {
                let other = Unit::new(other);
                days.extend(as_of.map(|day| (other.clone(), day)));
                rates.insert(other, rate.value);
            }
        }
        (rates, days)
    }
}

impl Budget {
    /// Adds a rate for every provider's own credits whose worth a card states, as far as what it
    /// states can be converted. A rate that the manifest gives for those credits stands. Plans
    /// and runs convert by this one table, so that what a provider says it charged counts as it
    /// was estimated.
    pub fn take_worths(&mut self, shelf: &Shelf) {
        for (unit, worth) in shelf.worths() {
            if unit == self.unit || self.rates.contains_key(&unit) {
                continue;
            }
            let of_worth = match worth.unit == self.unit {
                true => Some(Decimal::ONE),
                false => self.rates.get(&worth.unit).copied(),
            };
            if let Some(rate) = of_worth.and_then(|rate| rate.checked_mul(worth.amount)) {
                // What rests on two days is as old as the older one.
                let of_rate = self.rates_as_of.get(&worth.unit).copied();
                let as_of = of_rate.map_or(worth.as_of, |day| day.min(worth.as_of));
                self.rates_as_of.insert(unit.clone(), as_of);
                self.rates.insert(unit, rate.normalize());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ModelCard;

    fn card(model: &str, worth: serde_json::Value) -> ModelCard {
        serde_json::from_value(serde_json::json!({
            "kinora_model": 1, "model": model, "provider": "p", "title": model,
            "routes": {"text": {}}, "durations": {"values": ["5"]},
            "resolutions": {"720p": {"short_side": 720}},
            "price": {
                "unit": format!("{model} credits"), "worth": worth, "as_of": "2026-11-01",
                "source": "test", "charges": [{"per": "clip", "amount": "1"}],
            },
        }))
        .expect("a card")
    }

    fn worth(amount: &str, unit: &str) -> serde_json::Value {
        serde_json::json!({
            "amount": amount, "unit": unit, "as_of": "2026-11-01", "source": "test",
        })
    }

    #[test]
    fn credits_are_converted_by_what_they_are_worth_unless_the_manifest_says_otherwise() {
        let number = |text: &str| -> Decimal { text.parse().expect("a number") };
        let shelf: Shelf = [
            card("a", worth("0.01", "USD")),
            card("b", worth("0.005", "USD")),
            card("c", worth("2", "credits")),
            card("d", worth("0.1", "EUR")),
        ]
        .into_iter()
        .collect();
        let rates = [("USD", "100"), ("b credits", "0.4")];
        let mut budget = Budget {
            rates: rates.map(|(unit, rate)| (Unit::new(unit), number(rate))).into(),
            ..Budget::default()
        };
        budget.take_worths(&shelf);
        let rate = |unit: &str| budget.rates.get(&Unit::new(unit)).copied();
        assert_eq!(rate("a credits"), Some(number("1")));
        assert_eq!(rate("b credits"), Some(number("0.4")));
        assert_eq!(rate("c credits"), Some(number("2")));
        // No rate is stated for what they are worth, so nobody knows.
        assert_eq!(rate("d credits"), None);
    }
}
