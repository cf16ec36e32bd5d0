//! Guardrails: what a plan must keep to, as a manifest says it.
//!
//! What lives here: the mapping under `guardrails:`, each rule with its severity and place, and
//! what is wrong with it whatever the cards say. What never does: holding a plan or a run against
//! them (that is `plan::guard` and `run::guard`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::catalogue::{LimitOf, LimitPlace};
use super::choose::Pattern;
use super::load::Loader;
use super::raw::PlacedDecimal;
use crate::diagnostic::{Finding, Place};
use crate::yaml::{Exact, ONE_OR_MAP, OneOrMany, Placed, Table, Text};

/// How serious the breach of a guardrail is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is said.
    Warn,
    /// Nothing may be approved or submitted.
    Deny,
}

/// One rule: what it demands, how serious a breach is, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule<T> {
    /// What it demands.
    pub value: T,
    /// How serious a breach is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
}

/// What a plan and its runs must keep to. All amounts are in the workspace's unit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Guardrails {
    /// Most that one plan may cost.
    pub max_total: Option<Rule<Decimal>>,
    /// Most that one job may cost.
    pub max_per_job: Option<Rule<Decimal>>,
    /// Most that the jobs of one subject may cost in a month (UTC).
    pub max_per_subject: Option<Rule<Decimal>>,
    /// Most that the jobs of any one model may cost in one plan.
    pub max_per_model: Option<Rule<Decimal>>,
    /// The same of single models, by name, instead.
    pub max_of_models: BTreeMap<String, Rule<Decimal>>,
    /// Most in one day (UTC).
    pub max_per_day: Option<Rule<Decimal>>,
    /// Most in one month (UTC).
    pub max_per_month: Option<Rule<Decimal>>,
    /// Most that the cost may rise over the plan approved last, in percent.
    pub max_increase_percent: Option<Rule<Decimal>>,
    /// Most jobs that one run may start.
    pub max_jobs: Option<Rule<u64>>,
    /// Only models of these names.
    pub only_models: Option<Rule<Vec<Pattern>>>,
    /// Every job has a price.
    pub unpriced: Option<Rule<()>>,
    /// Every subject whose looks matter is sent a picture of.
    pub identity_reference: Option<Rule<()>>,
    /// Every real person whose pictures are sent has a note of consent.
    pub consent: Option<Rule<()>>,
    /// Names of models in the manifest, for what is wrong with them.
    pub places: Vec<LimitPlace>,
}

impl Guardrails {
    /// The rule about one model's cost: its own, or that of any.
    pub fn of_model(&self, model: &str) -> Option<&Rule<Decimal>> {
        self.max_of_models.get(model).or(self.max_per_model.as_ref())
    }
}

impl Rule<Vec<Pattern>> {
    /// Whether a model is one of those that are named.
    pub fn lets_in(&self, model: &str) -> bool {
        self.value.iter().any(|pattern| pattern.matches(model))
    }
}

/// What a plan must keep to. A rule is its limit alone, or a mapping with `limit` and `severity`;
/// a breach is denied unless the severity is `warn`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Guardrails")]
pub struct RawGuardrails {
    /// Most that one plan may cost: what is held under it already, and what a run would start.
    pub max_total: Option<RawAmountRule>,
    /// Most that one job may cost.
    pub max_per_job: Option<RawAmountRule>,
    /// Most that the jobs of one subject may cost in one month (UTC): what is held, and what a run
    /// would start.
    pub max_per_subject: Option<RawAmountRule>,
    /// Most that the jobs of one model may cost in one plan; by model, where they differ.
    pub max_per_model: Option<Placed<RawModelRule>>,
    /// Most in one day (UTC): what is held by everything, and what a run would start.
    pub max_per_day: Option<RawAmountRule>,
    /// Most in one month (UTC): what is held by everything, and what a run would start.
    pub max_per_month: Option<RawAmountRule>,
    /// Most that the expected cost may rise over the plan approved last, in percent.
    pub max_increase_percent: Option<RawAmountRule>,
    /// Most jobs that one run may start.
    pub max_jobs: Option<RawCountRule>,
    /// Only models of these names; `*` stands for any text.
    pub only_models: Option<RawNamesRule>,
    /// Jobs whose price is not known: `deny` or `warn`. They can't be approved in any case.
    pub unpriced: Option<Placed<Severity>>,
    /// Jobs that send no picture of a product, character, outfit or packaging in them: `deny` or
    /// `warn`.
    pub identity_reference: Option<Placed<Severity>>,
    /// Jobs that send pictures of a real person without a note of consent: `deny` or `warn`.
    pub consent: Option<Placed<Severity>>,
}

/// A rule with an amount or a percentage.
pub type RawAmountRule = OneOr<Alone<NotNegative>, RuleForm<NotNegative>>;

/// A rule with a count.
pub type RawCountRule = OneOr<Alone<Placed<u64>>, RuleForm<Placed<u64>>>;

/// A rule about each model.
pub type RawModelRule = OneOr<Alone<NotNegative>, ModelForm>;

/// A rule with names.
pub type RawNamesRule = OneOr<Names, NamesForm>;

/// A rule that is its value alone, or a mapping with more.
#[derive(Debug)]
pub enum OneOr<S, F> {
    /// The value alone.
    Short(S),
    /// The mapping.
    Long(F),
}

/// The long form of a rule with a limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct RuleForm<V> {
    /// What must not be passed.
    limit: V,
    /// What a breach means: `deny` if not given.
    severity: Option<Placed<Severity>>,
}

/// The long form of a rule about each model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ModelForm {
    /// What any one model must not pass, unless it is named below.
    limit: Option<NotNegative>,
    /// What single models must not pass, by name.
    models: Option<Table<RawAmountRule>>,
    /// What a breach means: `deny` if not given.
    severity: Option<Placed<Severity>>,
}

/// The long form of a rule with names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct NamesForm {
    /// The names; `*` stands for any text.
    #[schemars(with = "Names")]
    value: OneOrMany<Text>,
    /// What a breach means: `deny` if not given.
    severity: Option<Placed<Severity>>,
}

/// An amount or percentage that is not below zero, exact, with its place.
#[derive(Debug)]
pub struct NotNegative(Placed<Decimal>);

/// A scalar where a mapping might stand.
#[derive(Debug)]
pub struct Alone<V>(V);

/// Names where a mapping might stand: one, or a list.
#[derive(Debug)]
pub struct Names(Vec<Text>);

impl<'de, S: Deserialize<'de>, F: Deserialize<'de>> Deserialize<'de> for OneOr<S, F> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// A mapping's fields, or what stands instead of one.
        struct Either<S, F>(PhantomData<(S, F)>);
        impl<'de, S: Deserialize<'de>, F: Deserialize<'de>> Visitor<'de> for Either<S, F> {
            type Value = OneOr<S, F>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value, or a mapping")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                S::deserialize(SeqAccessDeserializer::new(seq)).map(OneOr::Short)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                F::deserialize(MapAccessDeserializer::new(map)).map(OneOr::Long)
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Either(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Alone<V> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <(V,)>::deserialize(d).map(|(value,)| Alone(value))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Vec::deserialize(d).map(Names)
    }
}

impl<'de> Deserialize<'de> for NotNegative {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        PlacedDecimal::deserialize(d).map(|placed| NotNegative(placed.0))
    }
}

/// Schemas that stand where they are used.
macro_rules! inline_schema {
    ($($name:ident $(<$($v:ident),+>)?: $generator:ident => $schema:expr;)+) => {$(
        impl$(<$($v: JsonSchema),+>)? JsonSchema for $name$(<$($v),+>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

inline_schema! {
    OneOr<S, F>: g => {
        let (short, long) = (g.subschema_for::<S>(), g.subschema_for::<F>());
        json_schema!({ "anyOf": [short, long] })
    };
    Alone<V>: g => V::json_schema(g);
    Names: g => {
        let name = g.subschema_for::<Text>();
        json_schema!({ "anyOf": [name, { "type": "array", "items": name, "minItems": 1 }] })
    };
    NotNegative: g => {
        let mut schema = Exact::json_schema(g);
        schema.insert("minimum".to_owned(), 0.into());
        schema
    };
}

impl Loader<'_> {
    /// `guardrails:` of the root manifest.
    pub(super) fn guardrails(&mut self, raw: Option<&RawGuardrails>) -> Guardrails {
        let Some(raw) = raw else { return Guardrails::default() };
        let switch = |written: &Option<Placed<Severity>>| {
            let Placed { value, place } = written.as_ref()?;
            Some(Rule { value: (), severity: *value, place: *place })
        };
        let count = |rule: &RawCountRule| {
            let (limit, severity) = match rule {
                OneOr::Short(Alone(limit)) => (limit, Severity::Deny),
                OneOr::Long(form) => (&form.limit, severity(&form.severity)),
            };
            Rule { value: limit.value, severity, place: limit.place }
        };
        let (max_of_models, places) = self.models(raw.max_per_model.as_ref());
        let mut rules = Guardrails {
            max_total: self.amount(raw.max_total.as_ref()),
            max_per_job: self.amount(raw.max_per_job.as_ref()),
            max_per_subject: self.amount(raw.max_per_subject.as_ref()),
            max_per_model: self.any_model(raw.max_per_model.as_ref()),
            max_of_models,
            max_per_day: self.amount(raw.max_per_day.as_ref()),
            max_per_month: self.amount(raw.max_per_month.as_ref()),
            max_increase_percent: self.amount(raw.max_increase_percent.as_ref()),
            max_jobs: raw.max_jobs.as_ref().map(count),
            only_models: None,
            unpriced: switch(&raw.unpriced),
            identity_reference: switch(&raw.identity_reference),
            consent: switch(&raw.consent),
            places,
        };
        rules.only_models = raw.only_models.as_ref().and_then(|names| self.only_models(names));
        rules
    }

    fn amount(&mut self, raw: Option<&RawAmountRule>) -> Option<Rule<Decimal>> {
        let (limit, severity) = match raw? {
            OneOr::Short(Alone(limit)) => (limit, Severity::Deny),
            OneOr::Long(form) => (&form.limit, severity(&form.severity)),
        };
        self.rule(limit, severity)
    }

    fn rule(&mut self, limit: &NotNegative, severity: Severity) -> Option<Rule<Decimal>> {
        let limit = self.limit(Some(&limit.0))?;
        Some(Rule { value: limit.amount, severity, place: limit.place })
    }

    fn any_model(&mut self, raw: Option<&Placed<RawModelRule>>) -> Option<Rule<Decimal>> {
        match &raw?.value {
            OneOr::Short(Alone(limit)) => self.rule(limit, Severity::Deny),
            OneOr::Long(form) => self.rule(form.limit.as_ref()?, severity(&form.severity)),
        }
    }

    /// The rules about single models, and where they are named.
    fn models(
        &mut self,
        raw: Option<&Placed<RawModelRule>>,
    ) -> (BTreeMap<String, Rule<Decimal>>, Vec<LimitPlace>) {
        let Some(Placed { value: OneOr::Long(form), place }) = raw else {
            return Default::default();
        };
        let Some(models) = &form.models else {
            // A limit that is wrong was taken out, and spoken of.
            if form.limit.is_none() && !self.spoke_of(*place) {
                let message = "`max_per_model` says no limit";
                let finding = Finding::error("manifest::missing_key", message)
                    .at(*place, "neither `limit` nor `models` is here")
                    .help("for instance `max_per_model: {limit: 100, models: {MODEL: 20}}`");
                self.findings.push(finding);
            }
            return Default::default();
        };
        let (mut rules, mut places) = (BTreeMap::new(), Vec::new());
        for (name, written) in &models.0 {
            let rule = match written {
                // What is said of all of them holds for those that say nothing of their own.
                OneOr::Short(Alone(limit)) => self.rule(limit, severity(&form.severity)),
                OneOr::Long(own) => self.rule(&own.limit, severity(&own.severity)),
            };
            places.push(LimitPlace {
                of: LimitOf::Model,
                name: name.to_string(),
                place: name.place,
            });
            rules.extend(rule.map(|rule| (name.to_string(), rule)));
        }
        (rules, places)
    }

    /// Whether anything was said of what stands at a place.
    fn spoke_of(&self, place: Place) -> bool {
        let inside = |at: &Place| {
            at.source == place.source
                && (place.start..place.start + u64::from(place.length)).contains(&at.start)
        };
        self.findings.items().iter().any(|f| f.place.as_ref().is_some_and(|(at, _)| inside(at)))
    }

    fn only_models(&mut self, raw: &RawNamesRule) -> Option<Rule<Vec<Pattern>>> {
        let (names, severity) = match raw {
            OneOr::Short(Names(names)) => (names, Severity::Deny),
            OneOr::Long(form) => (&form.value.items, severity(&form.severity)),
        };
        let value = self.patterns(names);
        let place = value.first()?.place;
        Some(Rule { value, severity, place })
    }
}

/// What a rule that says nothing of it means by a breach: nothing is approved or run.
fn severity(written: &Option<Placed<Severity>>) -> Severity {
    written.as_ref().map_or(Severity::Deny, |placed| placed.value)
}
