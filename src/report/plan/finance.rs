//! The plan for whoever keeps the accounts, as CSV: one line for each set of subjects by each
//! model. The lines don't overlap, so a column's sum is the plan's.

use std::io::{self, Write};

use crate::cells::{Cells, writer};
use crate::plan::{AmountsJson, PlanSummary, Tally};

/// The columns, in order. New ones may be added at the end.
///
/// Amounts are decimals in `unit`; empty amounts mean that none of the line's jobs has a price,
/// never zero. `with_retakes` is what is expected if every clip that may be made again is. `unpriced`
/// counts jobs that are in no amount. `as_text` and `image_extra` are over
/// `compared` jobs.
pub const FINANCE_CSV_HEADER: [&str; 16] = [
    "set",
    "kind",
    "provider",
    "model",
    "unit",
    "jobs",
    "seconds",
    "low",
    "expected",
    "high",
    "unpriced",
    "as_text",
    "image_extra",
    "compared",
    "plan",
    "with_retakes",
];

/// Writes the jobs that a run would start. A line of several units is several lines; the first
/// carries its jobs, so that counts add up as amounts do.
pub fn finance_csv<W: Write>(summary: &PlanSummary, out: W, cells: Cells) -> io::Result<()> {
    let mut out = writer(out);
    out.write_record(FINANCE_CSV_HEADER)?;
    for line in &summary.finance {
        let names = [&line.set, &line.kind, &line.provider, &line.model];
        for (i, unit) in units(&line.tally, &summary.unit).into_iter().enumerate() {
            let mut record: Vec<String> =
                names.iter().map(|name| cells.text(name).into_owned()).collect();
            record.push(cells.text(unit).into_owned());
            record.extend(numbers(&line.tally, unit, i == 0));
            record.push(summary.plan.clone());
            record.push(bound(&line.tally, &line.tally.with_retakes, unit));
            out.write_record(&record)?;
        }
    }
    out.flush()
}

/// The units of a tally; the workspace's where nothing is priced.
fn units<'a>(tally: &'a Tally, workspace: &'a str) -> Vec<&'a str> {
    let mut units: Vec<&str> = tally.estimate.keys().map(String::as_str).collect();
    if units.is_empty() {
        units.push(workspace);
    }
    units
}

/// A bound of a tally. Whoever reads a plan without bounds sees that they are the expected ones.
fn bound(tally: &Tally, by_unit: &AmountsJson, unit: &str) -> String {
    let by_unit = if by_unit.is_empty() { &tally.estimate } else { by_unit };
    by_unit.get(unit).cloned().unwrap_or_default()
}

fn numbers(tally: &Tally, unit: &str, first: bool) -> [String; 9] {
    let amount = |by_unit: &AmountsJson| by_unit.get(unit).cloned().unwrap_or_default();
    let bound = |by_unit: &AmountsJson| bound(tally, by_unit, unit);
    let count = |n: u64| if first { n.to_string() } else { "0".to_owned() };
    [
        count(tally.jobs),
        if first { tally.seconds.clone() } else { "0".to_owned() },
        bound(&tally.low),
        amount(&tally.estimate),
        bound(&tally.high),
        count(tally.unpriced),
        amount(&tally.as_text),
        amount(&tally.image_extra),
        count(tally.compared),
    ]
}
