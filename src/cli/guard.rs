//! Guardrails on the command line: what is held already, and refusing what they deny.
//!
//! What never lives here: what a rule means (that is `plan::guard`).

use std::collections::BTreeMap;

use kinora::clock::{Clock, SystemClock};
use kinora::digest::Digest;
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Period, day_number};
use kinora::money::Micros;
use kinora::plan::{Breach, Held, Plan, PlanSummary, Severity};

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
