//! The last lines of a run.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::money::display_value;
use crate::plan::Actual;
use crate::report::actuals;
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{count, grouped, length, plain};
use crate::run::CheckCounts;

/// Models of which it is said what they charged.
const MODELS: usize = 5;

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunEnd {
    /// Clips made in this run.
    pub done: u64,
    /// Jobs that a provider took and that ended without a clip, lost ones among them.
    pub failed: u64,
    /// Jobs that a provider did not take.
    pub refused: u64,
    /// Submissions of unknown outcome.
    pub unknown: u64,
    /// Jobs that were not started, because a budget or ceiling stopped them.
    pub over_budget: u64,
    /// Jobs that were not started, because a guardrail denies them.
    pub denied: u64,
    /// Jobs that were left for the next run for any other reason (interrupted, model held).
    pub left: u64,
    /// Settled in this run.
    pub spent: Decimal,
    /// Still reserved when it ended, unknown ones among it.
    pub reserved: Decimal,
    /// Unit of both.
    pub unit: String,
    /// How long it took.
    pub elapsed: Duration,
    /// What finished in this run against its estimates, by model; only where the provider said
    /// what it charged.
    pub actuals: Vec<Actual>,
    /// What looking at clips came to.
    pub checks: CheckCounts,
    /// The command that goes on from here, if there is something to go on with.
    pub next: Option<String>,
}

/// The last lines of a run: what came of it, what it cost, how to go on.
pub fn run_text(summary: &RunEnd, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut lines = Vec::new();
    let troubles = troubles(summary);
    let ink = match (summary.failed + summary.refused + summary.unknown, troubles.len()) {
        (0, 0) => Ink::Good,
        (0, _) => Ink::Warn,
        _ => Ink::Bad,
    };
    let time = length(elapsed(summary.elapsed));
    let verdict = match (summary.done, troubles.is_empty()) {
        (0, true) => "Nothing had to be made.".to_owned(),
        (n, _) => format!("{} made in {time}.", count(n, "clip")),
    };
    lines.extend(paper.prose("", &verdict).iter().map(|l| paper.ink(ink, l)));
    for (n, words) in troubles {
        lines.extend(paper.prose("  ", &format!("{} {words}", grouped(n))));
    }
    if let Some(said) = looked_at(&summary.checks) {
        lines.extend(paper.prose("  ", &said));
    }
    let unit = plain(&summary.unit);
    let mut money = format!("{} {unit} spent", display_value(summary.spent));
    if !summary.reserved.is_zero() {
        money.push_str(&format!(", {} {unit} still reserved", display_value(summary.reserved)));
    }
    lines.extend(paper.prose("  ", &format!("{money}.")));
    for of in summary.actuals.iter().take(MODELS) {
        lines.extend(paper.prose("  ", &format!("{}.", actuals::sentence(of, &unit))));
    }
    let more = summary.actuals.len().saturating_sub(MODELS);
    if more > 0 {
        lines.push(format!(
            "  … and {} more models; kinora report lists them",
            grouped(more as u64)
        ));
    }
    if let Some(next) = &summary.next {
        lines.extend(paper.prose("→ ", next));
    }
    lines.join("\n") + "\n"
}

/// What looking at clips came to, in a sentence or two.
fn looked_at(c: &CheckCounts) -> Option<String> {
    let mut said = Vec::new();
    if c.looked_at() > 0 {
        let of = [
            (c.passed, "as its references show it", "as their references show them"),
            (c.review, "to be looked at by a person", "to be looked at by a person"),
            (c.failed, "differs from its references", "differ from their references"),
            (c.not_inspected, "not inspected", "not inspected"),
        ];
        let parts = of
            .into_iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, one, many)| format!("{} {}", grouped(n), if n == 1 { one } else { many }));
        let parts: Vec<String> = parts.collect();
        said.push(format!("Of {} looked at: {}.", count(c.looked_at(), "clip"), parts.join(", ")));
    }
    if c.retakes > 0 {
        said.push(format!("{} put in line to be made again.", count(c.retakes, "clip")));
    }
    if c.left > 0 {
        said.push(format!("{} left to be looked at by the next run.", count(c.left, "clip")));
    }
    (!said.is_empty()).then(|| said.join(" "))
}

fn troubles(s: &RunEnd) -> Vec<(u64, &'static str)> {
    [
        (s.failed, "failed: a provider took them and gave no clip"),
        (s.refused, "refused: nothing was charged"),
        (s.unknown, "of unknown outcome: they keep their reservation and are not sent again"),
        (s.over_budget, "not started: over budget"),
        (s.denied, "not started: a guardrail denies them"),
        (s.left, "left for the next run"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .collect()
}

/// Whole seconds from ten on: nobody reads tenths of a long run.
fn elapsed(time: Duration) -> Decimal {
    let places = if time.as_secs() < 10 { 1 } else { 0 };
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Decimal::new(millis, 3).round_dp(places)
}
