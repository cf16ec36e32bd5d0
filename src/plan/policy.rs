//! The standing policy: whether a plan is inside what the manifest approves without a person.
//!
//! What lives here: every bound, and each reason why a plan is outside, all at once. What never
//! does: recording an approval, guardrails (those hold for people too).

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::summary::{AmountsJson, PlanSummary};
use crate::diagnostic::{Place, Sources};
use crate::manifest::StandingPolicy;
use crate::money::{Amount, Unit, display_value};

/// One reason why a plan is outside the standing policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutsidePolicy {
    /// The bound: a key below `unattended.approve`, `unpriced`, `ledger`, or `approve` where there
    /// is no policy.
    pub bound: String,
    /// What was found and what is allowed, in one sentence.
    pub message: String,
    /// Where the bound stands: `file:line:column`; absent where it stands nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl OutsidePolicy {
    fn new(bound: &str, message: String) -> Self {
        OutsidePolicy { bound: bound.to_owned(), message, at: None }
    }

    fn at(mut self, place: Place, sources: &Sources) -> Self {
        self.at = Some(place_text(place, sources));
        self
    }
}

/// A place as `file:line:column`.
fn place_text(place: Place, sources: &Sources) -> String {
    let name = &sources.get(place.source).name;
    match sources.window(&place) {
        Some(window) => format!("{name}:{}:{}", window.line, window.column),
        None => name.to_string(),
    }
}

/// Who approves by a policy, for the record: `policy kinora.yaml:12`.
pub fn policy_name(policy: &StandingPolicy, sources: &Sources) -> String {
    let name = &sources.get(policy.place.source).name;
    match sources.window(&policy.place) {
        Some(window) => format!("policy {name}:{}", window.line),
        None => format!("policy {name}"),
    }
}

/// Why a plan is outside the policy: every reason; none where it is inside. `ceiling` is what the
/// approval would come to, in the workspace's unit: what is held under the plan already, and what it
/// would start now. `again` says that the plan approved last is this very one.
pub fn outside_policy(
    policy: Option<&StandingPolicy>,
    sources: &Sources,
    summary: &PlanSummary,
    ceiling: Decimal,
    again: bool,
) -> Vec<OutsidePolicy> {
    let Some(policy) = policy else {
        let message = "the manifest has no standing policy (`unattended: {approve: …}`), so every \
                       plan needs a person"
            .to_owned();
        return vec![OutsidePolicy::new("approve", message)];
    };
    let unit = Unit::new(&summary.unit);
    let bounds = Bounds { policy, sources, summary, unit };
    let mut reasons = Vec::new();
    reasons.extend(bounds.total(ceiling));
    reasons.extend(bounds.per_job());
    reasons.extend(bounds.jobs());
    reasons.extend(bounds.increase().filter(|_| !again));
    reasons.extend(bounds.models());
    reasons.extend(bounds.unpriced());
    reasons.extend(bounds.ledger());
    reasons
}

struct Bounds<'a> {
    policy: &'a StandingPolicy,
    sources: &'a Sources,
    summary: &'a PlanSummary,
    unit: Unit,
}

impl Bounds<'_> {
    fn amount(&self, value: Decimal) -> Amount {
        Amount::new(value, self.unit.clone())
    }

    fn total(&self, ceiling: Decimal) -> Option<OutsidePolicy> {
        let most = &self.policy.max_total;
        (ceiling > most.amount).then(|| {
            let (wanted, most_amount) = (self.amount(ceiling), self.amount(most.amount));
            let with = match self.summary.to_run.with_retakes.is_empty() {
                true => "",
                false => " with retakes",
            };
            let message =
                format!("the plan comes to {wanted}{with}, the policy allows {most_amount}");
            OutsidePolicy::new("max_total", message).at(most.place, self.sources)
        })
    }

    fn per_job(&self) -> Option<OutsidePolicy> {
        let most = self.policy.max_per_job.as_ref()?;
        let retaken = self.summary.dearest_with_retakes.as_ref();
        let job = retaken.or(self.summary.dearest.first())?;
        let estimate: Decimal = job.estimate.parse().unwrap_or(Decimal::MAX);
        let with = if retaken.is_some() { " with its retakes" } else { "" };
        (estimate > most.amount).then(|| {
            let (costs, most_amount) = (self.amount(estimate), self.amount(most.amount));
            let message = format!(
                "the dearest job, {}, costs {costs}{with}; the policy allows {most_amount} a job",
                job.address
            );
            OutsidePolicy::new("max_per_job", message).at(most.place, self.sources)
        })
    }

    fn jobs(&self) -> Option<OutsidePolicy> {
        let most = self.policy.max_jobs.as_ref()?;
        let jobs = self.summary.to_run.jobs;
        (jobs > most.value).then(|| {
            let message = format!("jobs to start: {jobs}; the policy allows {}", most.value);
            OutsidePolicy::new("max_jobs", message).at(most.place, self.sources)
        })
    }

    fn increase(&self) -> Option<OutsidePolicy> {
        let most = self.policy.max_increase_percent.as_ref()?;
        let reason = |message: String| {
            let reason = OutsidePolicy::new("max_increase_percent", message);
            Some(reason.at(most.place, self.sources))
        };
        let Some(earlier) = &self.summary.since_approval else {
            let first = "no plan that was approved earlier is kept, so there is no increase to tell; \
                         a person approves this one";
            return reason(first.to_owned());
        };
        let retaken =
            !earlier.with_retakes_before.is_empty() || !earlier.with_retakes_now.is_empty();
        let (before, now) = match retaken {
            true => (&earlier.with_retakes_before, &earlier.with_retakes_now),
            false => (&earlier.total_before, &earlier.total_now),
        };
        let (before, now) = (sum_in(before, &self.unit), sum_in(now, &self.unit));
        let (Some(before), Some(now)) = (before, now) else {
            return reason("the plan approved last was in another unit".to_owned());
        };
        let hundred = Decimal::ONE_HUNDRED;
        let allowed = before.checked_mul(hundred + most.value).map(|most| most / hundred);
        if now <= before || allowed.is_some_and(|allowed| now <= allowed) {
            return None;
        }
        let percent = display_value(most.value);
        let (now, before) = (self.amount(now), self.amount(before));
        let label =
            if earlier.label.is_empty() { "the plan approved last" } else { &earlier.label };
        let with = if retaken { " with retakes" } else { "" };
        reason(format!("{now}{with} is more than {percent} % above the {before} of {label}"))
    }

    fn models(&self) -> Option<OutsidePolicy> {
        let (_, place) = self.policy.models.first()?;
        let allowed = |model: &str| self.policy.models.iter().any(|(p, _)| p.matches(model));
        let others: Vec<String> = self
            .summary
            .by_model
            .iter()
            .filter(|group| group.tally.jobs > 0 && !allowed(&group.name))
            .map(|group| format!("`{}` ({} jobs)", group.name, group.tally.jobs))
            .collect();
        (!others.is_empty()).then(|| {
            let message = format!("the policy does not name the model {}", others.join(", "));
            OutsidePolicy::new("models", message).at(*place, self.sources)
        })
    }

    /// What has no price is never approved (M7).
    fn unpriced(&self) -> Option<OutsidePolicy> {
        let jobs = self.summary.to_run.unpriced;
        (jobs > 0).then(|| {
            let message = format!("{jobs} jobs have no known price");
            OutsidePolicy::new("unpriced", message)
        })
    }

    /// Clips that would be paid for again, since their ledger is gone.
    fn ledger(&self) -> Option<OutsidePolicy> {
        let found = self.summary.findings.iter().find(|f| f.code == "ledger::missing")?;
        Some(OutsidePolicy::new("ledger", found.message.clone()))
    }
}

/// The amount in a unit; zero where nothing has an amount at all.
fn sum_in(amounts: &AmountsJson, unit: &Unit) -> Option<Decimal> {
    if amounts.is_empty() {
        return Some(Decimal::ZERO);
    }
    amounts.get(unit.as_str())?.parse().ok()
}
