//! What may be spent, by name, and how a limit is called.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;

use crate::manifest::{self, LimitOf};
use crate::money::{Amount, Micros, MoneyError, Unit};

/// What may be spent, in the workspace's unit. Absent: no such limit; the approval's ceiling
/// holds always.
#[derive(Debug, Clone, Default)]
pub struct MoneyLimits {
    /// The workspace's unit.
    pub unit: Unit,
    /// How many of the workspace's unit one of another unit is worth.
    pub rates: BTreeMap<Unit, Decimal>,
    /// Most that one job may cost.
    pub per_job: Option<Micros>,
    /// Most that one run may spend.
    pub per_run: Option<Micros>,
    /// Most that this run may spend, whatever the manifest allows.
    pub max_spend: Option<Micros>,
    /// Most in one day (UTC).
    pub per_day: Option<Micros>,
    /// Most in one month (UTC).
    pub per_month: Option<Micros>,
    /// Besides, for single models, providers and accounts.
    pub shares: BTreeMap<(LimitOf, String), ShareLimits>,
}

/// What may be spent on one model, at one provider or from one account.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShareLimits {
    /// Most that one run may spend.
    pub per_run: Option<Micros>,
    /// Most in one day (UTC).
    pub per_day: Option<Micros>,
    /// Most in one month (UTC).
    pub per_month: Option<Micros>,
}

impl MoneyLimits {
    /// From what a manifest says.
    pub fn of(budget: &manifest::Budget) -> Result<Self, MoneyError> {
        let micros = |limit: &Option<manifest::Limit>| {
            limit.as_ref().map(|limit| Micros::from_decimal(limit.amount)).transpose()
        };
        let tables = [
            (LimitOf::Model, &budget.models),
            (LimitOf::Provider, &budget.providers),
            (LimitOf::Account, &budget.accounts),
        ];
        let mut shares = BTreeMap::new();
        for (of, name, share) in
            tables.iter().flat_map(|(of, t)| t.iter().map(|(n, s)| (*of, n, s)))
        {
            let share = ShareLimits {
                per_run: micros(&share.per_run)?,
                per_day: micros(&share.per_day)?,
                per_month: micros(&share.per_month)?,
            };
            shares.insert((of, name.clone()), share);
        }
        Ok(MoneyLimits {
            unit: budget.unit.clone(),
            rates: budget.rates.clone(),
            per_job: micros(&budget.per_job)?,
            per_run: micros(&budget.per_run)?,
            max_spend: None,
            per_day: micros(&budget.per_day)?,
            per_month: micros(&budget.per_month)?,
            shares,
        })
    }

    /// An amount in the workspace's unit, rounded up; absent when no rate is stated or the
    /// amount can't be held.
    pub fn convert(&self, amount: &Amount) -> Option<Micros> {
        if amount.unit == self.unit {
            return amount.to_micros().ok();
        }
        let rate = self.rates.get(&amount.unit)?;
        Micros::from_decimal(amount.value.checked_mul(*rate)?).ok()
    }
}

/// For how long a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One run.
    Run,
    /// One day (UTC).
    Day,
    /// One month (UTC).
    Month,
}

impl Span {
    /// The key in the manifest.
    fn key(self) -> &'static str {
        match self {
            Span::Run => "per_run",
            Span::Day => "per_day",
            Span::Month => "per_month",
        }
    }
}

/// Which limit stands in the way. In events it is one word: `ceiling`, `max_spend`, `per_job`,
/// `per_run`, `per_day`, `per_month`, or the key below `budget`, such as `models.fal/x.per_day`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum LimitName {
    /// The approval's ceiling.
    Ceiling,
    /// `--max-spend`.
    MaxSpend,
    /// `budget.per_job`.
    PerJob,
    /// `budget.per_run`, `budget.per_day` or `budget.per_month`.
    Whole(Span),
    /// The same for one model, provider or account.
    Share(LimitOf, String, Span),
}

impl fmt::Display for LimitName {
    /// As people write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitName::Ceiling => f.write_str("the approval's ceiling"),
            LimitName::MaxSpend => f.write_str("--max-spend"),
            _ => write!(f, "budget.{}", String::from(self.clone())),
        }
    }
}

impl From<LimitName> for String {
    fn from(name: LimitName) -> String {
        match name {
            LimitName::Ceiling => "ceiling".to_owned(),
            LimitName::MaxSpend => "max_spend".to_owned(),
            LimitName::PerJob => "per_job".to_owned(),
            LimitName::Whole(span) => span.key().to_owned(),
            LimitName::Share(of, name, span) => format!("{}.{name}.{}", of.key(), span.key()),
        }
    }
}

impl TryFrom<String> for LimitName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span =
            |key: &str| [Span::Run, Span::Day, Span::Month].into_iter().find(|s| s.key() == key);
        let share = |text: &str| {
            let ((of, rest), kinds) =
                (text.split_once('.')?, [LimitOf::Model, LimitOf::Provider, LimitOf::Account]);
            let (name, key) = rest.rsplit_once('.')?;
            let of = kinds.into_iter().find(|kind| kind.key() == of)?;
            Some(LimitName::Share(of, name.to_owned(), span(key)?))
        };
        match text.as_str() {
            "ceiling" => Ok(LimitName::Ceiling),
            "max_spend" => Ok(LimitName::MaxSpend),
            "per_job" => Ok(LimitName::PerJob),
            whole => span(whole)
                .map(LimitName::Whole)
                .or_else(|| share(whole))
                .ok_or_else(|| format!("`{whole}` names no limit")),
        }
    }
}

impl schemars::JsonSchema for LimitName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LimitName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Which limit stands in the way: the approval's `ceiling`, `max_spend` of \
                            the command line, or a key below `budget` in the manifest, such as `models.fal/x.per_day`.",
            "type": "string",
            "pattern": "^(ceiling|max_spend|per_job|((models|providers|accounts)\\..+\\.)?per_(run|day|month))$",
        })
    }
}
