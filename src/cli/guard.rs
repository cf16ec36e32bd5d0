//! Guardrails on the command line: what is held already, and refusing what they deny.
//!
//! What never lives here: what a rule means (that is `plan::guard`).

use std::collections::BTreeMap;

use kinora::approval::open_copy;
use kinora::clock::{Clock, SystemClock};
use kinora::digest::Digest;
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Period, day_number};
use kinora::manifest::Catalogue;
use kinora::money::{Amount, Micros};
use kinora::plan::{Breach, Comparison, Held, Plan, PlanSummary, Severity, most_after, written_at};
use rust_decimal::Decimal;

use super::Failure;
use super::output::Output;
use super::workspace::{Workspace, ledger_failure};

/// Rules whose answer is the same whatever was spent, approved and made before.
const STATIC: [&str; 4] = ["only_models", "unpriced", "identity_reference", "consent"];

/// What the ledger holds of what the manifest's guardrails count.
pub fn held(workspace: &Workspace, ledger: &Ledger, plan: &Digest) -> Result<Held, Failure> {
    let rules = &workspace.catalogue.guardrails;
    let now = SystemClock.now();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let spent = |period| ledger.spent(period).map_err(|e| ledger_failure(&e));
    let mut held = Held {
        plan: spent(Period::Plan(*plan))?,
        day: spent(Period::Day(today))?,
        month: spent(Period::Month(today))?,
        ..Held::default()
    };
    let add = |sums: &mut BTreeMap<String, Micros>, name: String, amount: Micros| {
        let sum = sums.entry(name).or_default();
        *sum = sum.saturating_add(amount);
    };
    if rules.max_per_model.is_some() || !rules.max_of_models.is_empty() {
        for holding in ledger.holdings().map_err(|e| ledger_failure(&e))? {
            if holding.plan == *plan {
                add(&mut held.models, holding.model, holding.held);
            }
        }
    }
    if rules.max_per_subject.is_some() {
        let first = day_number(now) - i64::from(today.day() - 1);
        for holding in ledger.held_by_subject(first).map_err(|e| ledger_failure(&e))? {
            add(&mut held.subjects, holding.subject, holding.held);
        }
    }
    Ok(held)
}

/// A plan that a guardrail denies is neither approved nor run, whatever else is said.
pub fn refuse_denied(plan: &Plan) -> Result<(), Failure> {
    refuse_denied_in(&plan.summary, &plan.digest)
}

/// The same of a plan by its summary.
pub fn refuse_denied_in(summary: &PlanSummary, plan: &Digest) -> Result<(), Failure> {
    let breaches = &summary.breaches;
    if !breaches.iter().any(|breach| breach.severity == Severity::Deny) {
        return Ok(());
    }
    let lines: Vec<String> = breaches.iter().map(|breach| format!("  {}", line(breach))).collect();
    let message = format!(
        "the manifest's guardrails deny plan {}; nothing was spent\n{}\n\
         change what the manifest asks for, or the rule: no approval goes beyond it",
        plan.short(),
        lines.join("\n")
    );
    Err(Failure::new(Exit::Denied, message))
}

/// Refuses an approval of a plan that costs too much more than the plan approved last, where the
/// plan was not made here and now: once it is approved it is the one that others are compared with.
/// Its copy is there.
pub fn refuse_increase(
    catalogue: &Catalogue,
    ledger: &Ledger,
    plan: &Digest,
) -> Result<(), Failure> {
    let rule = catalogue.guardrails.max_increase_percent.as_ref();
    let Some(rule) = rule.filter(|rule| rule.severity == Severity::Deny) else { return Ok(()) };
    let last = ledger.latest_approval().map_err(|e| ledger_failure(&e))?;
    let Some(last) = last.filter(|last| last.plan != *plan) else { return Ok(()) };
    let total = |plan: &Digest| {
        let copy = open_copy(&catalogue.workspace, plan, &catalogue.limits).ok()?;
        Some(copy.verify().ok()?.summary.to_run.estimate)
    };
    let (Some(total_before), Some(now)) = (total(&last.plan), total(plan)) else { return Ok(()) };
    let unit = &catalogue.budget.unit;
    let before = Comparison { total_before, ..Comparison::default() };
    let now: Option<Decimal> = now.get(unit.as_str()).and_then(|text| text.parse().ok());
    let Some((now, most)) = now.zip(most_after(&before, unit, rule.value)) else { return Ok(()) };
    if now <= most {
        return Ok(());
    }
    let amount = |value: Decimal| Amount::new(value, unit.clone());
    let message = format!(
        "the manifest's guardrails deny plan {}; it was not approved\n  deny max_increase_percent \
         at {}: it costs {}, and after the plan that {} approved last the limit is {}\n\
         change what the manifest asks for, or the rule: no approval goes beyond it",
        plan.short(),
        written_at(rule.place, &catalogue.sources),
        amount(now),
        last.by,
        amount(most)
    );
    Err(Failure::new(Exit::Denied, message))
}

/// Says what guardrails only warn of, where the plan is not shown.
pub fn say_warned(summary: &PlanSummary, output: &Output) {
    let warned = summary.breaches.iter().filter(|breach| breach.severity == Severity::Warn);
    warned.for_each(|breach| output.say(&format!("kinora: guardrail {}", line(breach))));
}

/// The breaches that `kinora check` can tell of.
pub fn said_by_check(summary: &PlanSummary) -> impl Iterator<Item = &Breach> {
    summary.breaches.iter().filter(|breach| STATIC.contains(&breach.rule.as_str()))
}

/// One breach in one line.
pub fn line(breach: &Breach) -> String {
    let severity = match breach.severity {
        Severity::Deny => "deny",
        Severity::Warn => "warn",
    };
    let Breach { rule, at, message, examples, .. } = breach;
    let some = match examples.as_slice() {
        [] => String::new(),
        // A single one is in the sentence.
        [_] if rule == "only_models" => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    format!("{severity} {rule} at {at}: {message}{some}")
}
