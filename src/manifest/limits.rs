//! What a run may do at once and what it may spend, as a manifest says it.
//!
//! What lives here: the mappings under `limits:`, `budget:` and `unknown:`, and what is wrong
//! with them whatever the cards say. What never does: counting anything against them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::catalogue::{
    Budget, BudgetShare, Concurrency, Limit, LimitOf, LimitPlace, PoolLimit, Unknown,
};
use super::load::Loader;
use super::rates::RawRate;
use super::raw::{PlacedDecimal, placed_decimal};
use crate::diagnostic::Finding;
use crate::money::{MAX_WHOLE_UNITS, Unit};
use crate::yaml::{Exact, ONE_OR_MAP, Placed, Table, Text};

/// How much may run at once, and how large things may be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct RawLimits {
    /// Jobs in flight at once, in the whole run.
    #[schemars(with = "Option<AtLeastOne>")]
    pub in_flight: Option<Placed<u32>>,
    /// HTTP requests in flight at once, in the whole run: 256 if not given.
    #[schemars(with = "Option<AtLeastOne>")]
    pub requests: Option<Placed<u32>>,
    /// Clips fetched at once, in the whole run: 32 if not given.
    #[schemars(with = "Option<AtLeastOne>")]
    pub fetches: Option<Placed<u32>>,
    /// By provider, what it takes: jobs in flight at once, or a mapping. Its card's where nothing
    /// is said.
    #[serde(default)]
    pub providers: Table<RawPool>,
    /// By model, what it takes: jobs in flight at once, or a mapping.
    #[serde(default)]
    pub models: Table<RawPool>,
    /// By account (see `account` of a provider), what it takes: jobs in flight at once, or a
    /// mapping.
    #[serde(default)]
    pub accounts: Table<RawPool>,
    /// Manifests read for one catalogue, by include.
    pub include_files: Option<Placed<u64>>,
    /// Bytes of one feed (CSV).
    pub feed_bytes: Option<Placed<u64>>,
    /// Rows of one feed.
    pub feed_rows: Option<Placed<u64>>,
    /// Bytes of one feed cell.
    pub feed_cell_bytes: Option<Placed<u64>>,
    /// Subjects in one catalogue.
    pub subjects: Option<Placed<u64>>,
    /// Pictures of one subject.
    pub references_per_subject: Option<Placed<u64>>,
    /// Steps of one template or expression.
    pub template_fuel: Option<Placed<u64>>,
    /// Bytes of one prompt, after its template is filled in.
    pub prompt_bytes: Option<Placed<u64>>,
    /// Bytes of one picture.
    pub picture_bytes: Option<Placed<u64>>,
    /// Pixels of one picture.
    pub picture_pixels: Option<Placed<u64>>,
    /// Jobs of one plan.
    pub jobs: Option<Placed<u64>>,
}

impl RawLimits {
    /// The limits that are set, by the names that `--limit` knows.
    pub(super) fn named(&self) -> Vec<(&'static str, &Placed<u64>)> {
        let all = [
            ("include_files", &self.include_files),
            ("feed_bytes", &self.feed_bytes),
            ("feed_rows", &self.feed_rows),
            ("feed_cell_bytes", &self.feed_cell_bytes),
            ("subjects", &self.subjects),
            ("references_per_subject", &self.references_per_subject),
            ("template_fuel", &self.template_fuel),
            ("prompt_bytes", &self.prompt_bytes),
            ("picture_bytes", &self.picture_bytes),
            ("picture_pixels", &self.picture_pixels),
            ("jobs", &self.jobs),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect()
    }
}

/// A count from 1. For schemas only.
struct AtLeastOne;

impl JsonSchema for AtLeastOne {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AtLeastOne".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer",
            "format": "uint32",
            "minimum": 1,
            "x-help": "with 0 nothing could ever run: write 1 or more, or leave it out",
        })
    }
}

/// What one provider, model or account takes: jobs in flight at once, or more.
#[derive(Debug)]
pub struct RawPool(PoolLimit);

/// The long form of what one provider, model or account takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Pool")]
struct PoolForm {
    /// Jobs in flight at once.
    #[schemars(with = "Option<AtLeastOne>")]
    in_flight: Option<u32>,
    /// Submissions a minute. At most a tenth of them leave at once.
    #[schemars(with = "Option<AtLeastOne>")]
    per_minute: Option<u32>,
    /// Submissions a day (UTC), those of earlier runs included.
    #[schemars(with = "Option<AtLeastOne>")]
    per_day: Option<u32>,
}

impl<'de> Deserialize<'de> for RawPool {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// A mapping's fields, or the jobs in flight alone.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawPool;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, or a mapping")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawPool, A::Error> {
                let in_flight = seq.next_element::<u32>()?;
                Ok(RawPool(PoolLimit { in_flight, ..PoolLimit::default() }))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<RawPool, A::Error> {
                let form =
                    PoolForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let PoolForm { in_flight, per_minute, per_day } = form;
                Ok(RawPool(PoolLimit { in_flight, per_minute, per_day }))
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawPool {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pool".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<PoolForm>();
        let count = generator.subschema_for::<AtLeastOne>();
        schemars::json_schema!({ "anyOf": [count, form] })
    }
}

/// What to do about submissions whose outcome stays unknown.
#[derive(Debug)]
pub enum RawUnknown {
    /// Nothing.
    Hold,
    /// Submit again, up to this.
    Resubmit(Placed<Decimal>),
}

/// Unknown outcomes are written off and submitted again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Unknown")]
struct ResubmitForm {
    /// Most that paying twice for unknown outcomes may cost in one month (UTC), in the budget's
    /// unit. Beyond it they are held.
    #[schemars(with = "Exact")]
    resubmit: PlacedDecimal,
}

impl<'de> Deserialize<'de> for RawUnknown {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// The word, or a mapping with an amount.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawUnknown;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`hold`, or a mapping with `resubmit`")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawUnknown, A::Error> {
                // The schema lets no other word through.
                seq.next_element::<String>()?;
                Ok(RawUnknown::Hold)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<RawUnknown, A::Error> {
                let form =
                    ResubmitForm::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(RawUnknown::Resubmit(form.resubmit.0))
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawUnknown {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Unknown".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<ResubmitForm>();
        schemars::json_schema!({ "anyOf": [{
            "type": "string",
            "const": "hold",
            "x-help": "write `hold`, or `{resubmit: AMOUNT}` with the most that paying twice for \
                       unknown outcomes may cost in a month",
        }, form] })
    }
}

/// What may be spent, in the workspace's unit.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Budget")]
pub struct RawBudget {
    /// What the budget is counted in: `credits` if not given, or a currency such as USD.
    pub unit: Option<Text>,
    /// What one of another unit is worth in the budget's unit, for instance `{USD: 100}`, or with
    /// the day on which it was true, `{USD: {rate: 100, as_of: 2026-11-01}}`.
    #[serde(default)]
    pub rates: Table<RawRate>,
    /// Most that one run may spend.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_run: Option<Placed<Decimal>>,
    /// Most that one job may cost.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_job: Option<Placed<Decimal>>,
    /// Most in one day (UTC).
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_day: Option<Placed<Decimal>>,
    /// Most in one month (UTC).
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_month: Option<Placed<Decimal>>,
    /// Besides, limits of single models, by name.
    #[serde(default)]
    pub models: Table<RawShare>,
    /// Besides, limits of single providers, by name.
    #[serde(default)]
    pub providers: Table<RawShare>,
    /// Besides, limits of single accounts (see `account` of a provider), by name.
    #[serde(default)]
    pub accounts: Table<RawShare>,
}

/// Limits of one model, provider or account.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Share")]
pub struct RawShare {
    /// Most that one run may spend on it.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_run: Option<Placed<Decimal>>,
    /// Most in one day (UTC).
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_day: Option<Placed<Decimal>>,
    /// Most in one month (UTC).
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub per_month: Option<Placed<Decimal>>,
}

impl Loader<'_> {
    /// `budget:` of the root manifest.
    pub(super) fn budget(&mut self, raw: Option<&RawBudget>) -> Budget {
        let Some(raw) = raw else { return Budget::default() };
        let unit = raw.unit.as_ref().map_or_else(Unit::default, |u| Unit::new(u.trim()));
        let (rates, rates_as_of) = self.rates(&raw.rates, &unit);
        let tables = [
            (LimitOf::Model, &raw.models),
            (LimitOf::Provider, &raw.providers),
            (LimitOf::Account, &raw.accounts),
        ];
        let places = tables.iter().flat_map(|(of, table)| places(*of, table)).collect();
        Budget {
            models: self.shares(&raw.models),
            providers: self.shares(&raw.providers),
            accounts: self.shares(&raw.accounts),
            places,
            per_run: self.limit(raw.per_run.as_ref()),
            per_job: self.limit(raw.per_job.as_ref()),
            per_day: self.limit(raw.per_day.as_ref()),
            per_month: self.limit(raw.per_month.as_ref()),
            unit,
            rates,
            rates_as_of,
        }
    }

    pub(super) fn limit(&mut self, written: Option<&Placed<Decimal>>) -> Option<Limit> {
        let Placed { value, place } = *written?;
        let problem = if value < Decimal::ZERO {
            "an amount can't be below 0"
        } else if value > Decimal::from(MAX_WHOLE_UNITS) {
            "an amount can't be above 1,000,000,000"
        } else {
            return Some(Limit { amount: value, place });
        };
        self.findings
            .push(Finding::error("manifest::wrong_value", problem).at(place, "this amount"));
        None
    }

    fn shares(&mut self, table: &Table<RawShare>) -> BTreeMap<String, BudgetShare> {
        let share = |(name, raw): &(Text, RawShare)| {
            let share = BudgetShare {
                per_run: self.limit(raw.per_run.as_ref()),
                per_day: self.limit(raw.per_day.as_ref()),
                per_month: self.limit(raw.per_month.as_ref()),
            };
            (name.to_string(), share)
        };
        table.0.iter().map(share).collect()
    }

    /// `unknown:` of the root manifest.
    pub(super) fn unknown(&mut self, raw: Option<&RawUnknown>) -> Unknown {
        match raw {
            Some(RawUnknown::Resubmit(amount)) => {
                let limit = self.limit(Some(amount));
                limit.map_or(Unknown::Hold, |limit| Unknown::Resubmit { per_month: limit.amount })
            }
            Some(RawUnknown::Hold) | None => Unknown::Hold,
        }
    }
}

/// What `limits:` says of how much runs at once.
pub(super) fn concurrency(raw: &RawLimits) -> Concurrency {
    let by_name = |table: &Table<RawPool>| {
        table.0.iter().map(|(name, pool)| (name.to_string(), pool.0)).collect()
    };
    let count = |written: &Option<Placed<u32>>| written.as_ref().map(|v| v.value);
    let tables = [
        (LimitOf::Model, &raw.models),
        (LimitOf::Provider, &raw.providers),
        (LimitOf::Account, &raw.accounts),
    ];
    Concurrency {
        in_flight: count(&raw.in_flight),
        requests: count(&raw.requests),
        fetches: count(&raw.fetches),
        providers: by_name(&raw.providers),
        models: by_name(&raw.models),
        accounts: by_name(&raw.accounts),
        places: tables.iter().flat_map(|(of, table)| places(*of, table)).collect(),
    }
}

fn places<V>(of: LimitOf, table: &Table<V>) -> Vec<LimitPlace> {
    let place =
        |(name, _): &(Text, V)| LimitPlace { of, name: name.to_string(), place: name.place };
    table.0.iter().map(place).collect()
}
