//! Replies: what the card's rehearsal says, filled in.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value as Json, json};

use crate::models::{ModelCard, Worth};
use crate::money::{Amount, Unit};
use crate::protocol::{Class, CostAt, ErrorRule, ProviderCard, Reply, Stage};
use crate::wire::{Pointer, Scope, scope_of};

/// A reply, ready to go out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// HTTP status.
    pub(super) status: u16,
    /// Headers, by name.
    pub(super) headers: BTreeMap<String, String>,
    /// Body.
    pub(super) body: Option<Json>,
}

impl Said {
    /// Fills in a reply of the card. One that can't be filled in says so: that is a mistake on
    /// the card.
    pub(super) fn of(reply: &Reply, scope: &Scope) -> Said {
        let filled = || {
            let mut headers = BTreeMap::new();
            for (name, filling) in &reply.headers {
                if let Some(text) = filling.fill(scope)? {
                    headers.insert(name.to_ascii_lowercase(), text);
                }
            }
            let body = match &reply.body {
                Some(shape) => shape.render(scope)?,
                None => None,
            };
            Ok(Said { status: reply.status.unwrap_or(200), headers, body })
        };
        filled().unwrap_or_else(|error: crate::wire::WireError| {
            Said::plain(500, &format!("the card's rehearsal can't answer: {error}"))
        })
    }

    /// A reply that no card wrote.
    pub(super) fn plain(status: u16, message: &str) -> Said {
        let body = Some(json!({ "error": message }));
        Said { status, headers: BTreeMap::new(), body }
    }

    /// The reply to what was refused: the card's, or one by the status that stands for it.
    pub(super) fn refusal(card: &ProviderCard, class: Class, message: &str, scope: &Scope) -> Said {
        let code = match class {
            Class::Policy => card.rehearsal.policy_code.as_deref(),
            _ => None,
        };
        let scope = minijinja::context! {
            code => code.unwrap_or(class.as_str()), message => message, ..scope.clone()
        };
        let mut said = match card.rehearsal.errors.get(&class) {
            Some(reply) => Said::of(reply, &scope),
            None => Said::plain(usual_status(class), message),
        };
        let waits = matches!(class, Class::RateLimited | Class::ConcurrencyFull);
        if waits && said.status == 429 {
            said.headers.entry("retry-after".to_owned()).or_insert_with(|| "1".to_owned());
        }
        said
    }

    /// What the reply says to each of these pointers, by name.
    pub(super) fn captures(&self, wanted: &BTreeMap<String, Pointer>) -> BTreeMap<String, Json> {
        let Some(body) = &self.body else { return BTreeMap::new() };
        let found = |(name, pointer): (&String, &Pointer)| {
            // An empty text is no value yet: an id that is still to come, for instance.
            let value = pointer.all(body).into_iter().find(|value| value.as_str() != Some(""))?;
            Some((name.clone(), value.clone()))
        };
        wanted.iter().filter_map(found).collect()
    }
}

fn usual_status(class: Class) -> u16 {
    match class {
        Class::Invalid | Class::Policy => 400,
        Class::Auth => 401,
        Class::Payment => 402,
        Class::NotFound => 404,
        Class::RateLimited | Class::ConcurrencyFull => 429,
        Class::Transient => 503,
        Class::OutcomeUnknown => 500,
    }
}

/// One reply for several jobs: lists are joined, mappings too; of anything else the first stays.
pub(super) fn merge(into: &mut Json, other: Json) {
    match (into, other) {
        (Json::Array(items), Json::Array(more)) => items.extend(more),
        (Json::Object(entries), Json::Object(more)) => {
            for (key, value) in more {
                match entries.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => {
                        entries.insert(key, value);
                    }
                }
            }
        }
        _ => {}
    }
}

/// A price as the provider's replies write it: what a driver multiplies to get the amount, in the
/// unit that the card reads. None where nothing says what one unit is worth in the other.
pub(super) fn cost(
    amount: &Amount,
    at: Option<&CostAt>,
    model: &ModelCard,
    worths: &BTreeMap<Unit, Worth>,
) -> Option<Json> {
    let named = |name: &String| {
        let value = &model.api.values.get(name)?.0;
        value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().ok()
    };
    let by_value = at.and_then(|at| at.times_value.as_ref()).and_then(named);
    let times: Decimal = by_value.or_else(|| at?.times).unwrap_or(Decimal::ONE);
    let amount = match at {
        Some(at) => in_unit(amount, &at.unit, worths)?,
        None => amount.value,
    };
    let number = amount.checked_div(times)?.normalize();
    Some(match number.to_i64().filter(|_| number.fract().is_zero()) {
        Some(whole) => Json::from(whole),
        None => Json::from(number.to_f64()?),
    })
}

/// An amount in another unit, by what credits are worth.
fn in_unit(amount: &Amount, unit: &Unit, worths: &BTreeMap<Unit, Worth>) -> Option<Decimal> {
    let worth = |credits: &Unit, other: &Unit| {
        worths.get(credits).filter(|worth| worth.unit == *other).map(|worth| worth.amount)
    };
    if amount.unit == *unit {
        return Some(amount.value);
    }
    if let Some(each) = worth(&amount.unit, unit) {
        return amount.value.checked_mul(each);
    }
    amount.value.checked_div(worth(unit, &amount.unit)?)
}

/// Whether the card says that what failed like this is charged.
pub(super) fn charges_failure(card: &ProviderCard, stage: Stage, failed: &Said) -> bool {
    rule(card, stage, failed).is_some_and(|rule| rule.charged)
}

/// The first rule that fits.
fn rule<'c>(card: &'c ProviderCard, stage: Stage, said: &Said) -> Option<&'c ErrorRule> {
    let empty = Json::Null;
    let body = said.body.as_ref().unwrap_or(&empty);
    let first = |pointers: &[Pointer]| pointers.iter().find_map(|pointer| pointer.text(body));
    let header =
        || said.headers.get(&card.errors.code_header.as_ref()?.to_ascii_lowercase()).cloned();
    let code = first(&card.errors.code).or_else(header);
    let scope = minijinja::context! {
        status => said.status, body => scope_of(body), code => code.as_deref(),
        message => first(&card.errors.message), headers => scope_of(&said.headers),
    };
    let has_code = |patterns: &[String]| {
        let matches = |pattern: &String| {
            let pattern = glob::Pattern::new(pattern).ok()?;
            Some(pattern.matches(code.as_deref()?))
        };
        patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern) == Some(true))
    };
    card.errors.rules.iter().find(|rule| {
        (rule.at.is_empty() || rule.at.contains(&stage))
            && (rule.status.is_empty() || rule.status.contains(&said.status))
            && has_code(&rule.code)
            && rule.when.as_ref().is_none_or(|when| when.holds(&scope))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_several_jobs_become_one() {
        let mut all = json!({"code": 0, "data": [{"id": "a"}], "by": {"x": [1]}});
        merge(&mut all, json!({"code": 0, "data": [{"id": "b"}], "by": {"x": [2], "y": 3}}));
        let expected = json!({
            "code": 0, "data": [{"id": "a"}, {"id": "b"}], "by": {"x": [1, 2], "y": 3},
        });
        assert_eq!(all, expected);
    }
}
