//! What a reply says about the price. Pure; decimals only.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use crate::money::{Amount, Unit};
use crate::protocol::CostAt;

/// Under this name a cost that was fixed at submission is kept with the id. No card can capture
/// it: `$` begins no name in an expression.
const KEPT: &str = "$cost";

/// The amount at a pointer: the sum of every number there, as what one of them is worth.
/// Absent where there is no number, one is below zero, or the sum is beyond what money holds.
pub(super) fn amount(at: &CostAt, body: &Json, values: &BTreeMap<String, Json>) -> Option<Amount> {
    let numbers = at.at.all(body);
    if numbers.is_empty() {
        return None;
    }
    let mut sum = Decimal::ZERO;
    for number in numbers {
        sum = sum.checked_add(decimal(number)?)?;
    }
    let by_value = match &at.times_value {
        Some(name) => decimal(values.get(name)?)?,
        None => Decimal::ONE,
    };
    let worth = sum.checked_mul(at.times.unwrap_or(Decimal::ONE))?.checked_mul(by_value)?;
    let amount = Amount::new(worth.normalize(), at.unit.clone());
    amount.to_micros().is_ok().then_some(amount)
}

/// A number by its text, so that it never is a float.
fn decimal(json: &Json) -> Option<Decimal> {
    let text = match json {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let exact = text.parse().ok();
    exact.or_else(|| Decimal::from_scientific(&text).ok())
}

/// Keeps an amount with the id of a job.
pub(super) fn keep(amount: &Amount, captured: &mut BTreeMap<String, Json>) {
    let kept = json!({ "value": amount.value.to_string(), "unit": amount.unit.as_str() });
    captured.insert(KEPT.to_owned(), kept);
}

/// The amount that was kept with the id.
pub(super) fn kept(captured: &BTreeMap<String, Json>) -> Option<Amount> {
    let kept = captured.get(KEPT)?;
    let value = decimal(kept.get("value")?)?;
    Some(Amount::new(value, Unit::new(kept.get("unit")?.as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Pointer;

    fn at(pointer: &str, times: Option<&str>, times_value: Option<&str>) -> CostAt {
        CostAt {
            at: Pointer::parse(pointer).expect("a pointer"),
            unit: Unit::new("USD"),
            times: times.map(|t| t.parse().expect("a number")),
            times_value: times_value.map(str::to_owned),
        }
    }

    fn read(at: &CostAt, body: Json) -> Option<String> {
        let values = BTreeMap::from([("rate".to_owned(), json!("0.14"))]);
        amount(at, &body, &values).map(|amount| amount.to_string())
    }

    #[test]
    fn numbers_are_added_and_multiplied_without_floats() {
        let credits = at("$.cost", Some("0.01"), None);
        assert_eq!(read(&credits, json!({"cost": 35})).as_deref(), Some("0.35 USD"));
        assert_eq!(read(&credits, json!({"cost": "12.5"})).as_deref(), Some("0.125 USD"));
        let several = at("$.billing[*].amount", None, None);
        let body = json!({"billing": [{"amount": 0.1}, {"amount": 0.2}, {"amount": null}]});
        assert_eq!(read(&several, body).as_deref(), Some("0.30 USD"));
        let by_model = at("$.units", None, Some("rate"));
        assert_eq!(read(&by_model, json!({"units": 3})).as_deref(), Some("0.42 USD"));
        assert_eq!(read(&at("$.c", None, None), json!({"c": 1e-3})).as_deref(), Some("0.001 USD"));
    }

    #[test]
    fn what_is_no_amount_is_none_and_never_zero() {
        let cost = at("$.cost", None, None);
        for body in [
            json!({}),
            json!({"cost": null}),
            json!({"cost": "much"}),
            json!({"cost": -1}),
            json!({"cost": true}),
            json!({"cost": 1e200}),
            json!([]),
        ] {
            assert_eq!(read(&cost, body.clone()), None, "{body}");
        }
        assert_eq!(read(&at("$.cost", None, Some("none")), json!({"cost": 1})), None);
    }

    #[test]
    fn a_cost_is_kept_with_the_id() {
        let mut captured = BTreeMap::new();
        let amount = Amount::new("0.35".parse().expect("a number"), Unit::new("USD"));
        keep(&amount, &mut captured);
        assert_eq!(kept(&captured), Some(amount));
        assert_eq!(kept(&BTreeMap::new()), None);
    }
}
