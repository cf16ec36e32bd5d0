//! What was spent, for whoever keeps the accounts, as CSV: one line for each set of subjects by
//! each model, over every attempt ever made. The lines don't overlap, so a column's sum is the
//! ledger's.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rust_decimal::Decimal;

use super::model::JobView;
use crate::cells::{Cells, writer};
use crate::ledger::{ClipVerdict, JobState, Verdict};

/// The columns, in order. New ones may be added at the end.
///
/// Amounts are decimals in `unit`. `estimated` is what the attempts were expected to cost, those
/// included that cost nothing in the end; `written_off` is a part of `spent`. Of the `clips`, people
/// `accepted` and `rejected` some; those that are `failing` beside their references nobody accepted.
/// `retakes` are the attempts that made a clip again because another was asked for, and
/// `retakes_spent` what they cost, a part of `spent`.
pub const RUN_FINANCE_HEADER: [&str; 16] = [
    "set",
    "provider",
    "model",
    "unit",
    "attempts",
    "clips",
    "estimated",
    "spent",
    "reserved",
    "unknown",
    "written_off",
    "accepted",
    "rejected",
    "failing",
    "retakes",
    "retakes_spent",
];

/// Sums over attempts; memory grows with sets and models, not with attempts.
#[derive(Debug, Default)]
pub struct RunFinance(BTreeMap<(String, String, String), Sums>);

#[derive(Debug, Default)]
struct Sums {
    attempts: u64,
    clips: u64,
    estimated: Decimal,
    spent: Decimal,
    reserved: Decimal,
    unknown: Decimal,
    written_off: Decimal,
    accepted: u64,
    rejected: u64,
    failing: u64,
    retakes: u64,
    retakes_spent: Decimal,
}

impl RunFinance {
    /// Adds one attempt, with the word on its own clip, and what looking at that came to.
    pub fn add(&mut self, attempt: &JobView, verdict: Option<ClipVerdict>) {
        let subject = attempt.subject.as_deref();
        let set = subject.map_or("none", |s| s.split_once('.').map_or(s, |(set, _)| set));
        let key = (set.to_owned(), attempt.provider.clone(), attempt.model.clone());
        let sums = self.0.entry(key).or_default();
        let cost = attempt.cost.unwrap_or_default();
        let held = attempt.reserved.unwrap_or_default();
        sums.attempts += 1;
        sums.clips += u64::from(attempt.state == JobState::Done);
        sums.estimated += attempt.estimate.unwrap_or_default();
        sums.spent += cost;
        match attempt.state {
            JobState::Unknown => sums.unknown += held,
            _ => sums.reserved += held,
        }
        if attempt.written_off {
            sums.written_off += cost;
        }
        let word = attempt.word.as_ref().map(|word| word.verdict);
        let fails = verdict == Some(ClipVerdict::Fail);
        sums.accepted += u64::from(word == Some(Verdict::Accepted));
        sums.rejected += u64::from(word == Some(Verdict::Rejected));
        sums.failing += u64::from(fails && word != Some(Verdict::Accepted));
        if attempt.retakes > 0 {
            sums.retakes += 1;
            sums.retakes_spent += cost;
        }
    }

    /// Writes the lines, in the order of sets, providers and models.
    pub fn write<W: Write>(&self, unit: &str, out: W, cells: Cells) -> io::Result<()> {
        let mut out = writer(out);
        out.write_record(RUN_FINANCE_HEADER)?;
        for ((set, provider, model), sums) in &self.0 {
            let names = [set.as_str(), provider, model, unit];
            let mut record: Vec<String> =
                names.iter().map(|name| cells.text(name).into_owned()).collect();
            record.extend([sums.attempts, sums.clips].map(|n| n.to_string()));
            let money = [sums.estimated, sums.spent, sums.reserved, sums.unknown, sums.written_off];
            record.extend(money.map(|value| value.normalize().to_string()));
            record.extend(
                [sums.accepted, sums.rejected, sums.failing, sums.retakes].map(|n| n.to_string()),
            );
            record.push(sums.retakes_spent.normalize().to_string());
            out.write_record(&record)?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::run::samples;

    #[test]
    fn lines_sum_to_the_report() {
        let report = samples::report();
        let mut finance = RunFinance::default();
        report.jobs.iter().for_each(|job| finance.add(job, job.verdict()));
        let mut out = Vec::new();
        finance.write("credits", &mut out, Cells::Spreadsheet).expect("a vector takes all");
        let text = String::from_utf8(out).expect("CSV of text is text");
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<::csv::StringRecord> =
            reader.records().collect::<Result<_, _>>().expect("records");
        let sum = |name: &str| -> Decimal {
            let at = RUN_FINANCE_HEADER.iter().position(|n| *n == name).expect("a column");
            rows.iter().map(|row| row[at].parse::<Decimal>().expect("a decimal")).sum()
        };
        assert_eq!(sum("attempts"), report.totals.jobs.into());
        assert_eq!(sum("spent"), report.totals.spent);
        assert_eq!(sum("reserved"), report.totals.reserved);
        assert_eq!(sum("unknown"), report.totals.unknown);
        assert!(sum("spent") > Decimal::ZERO && sum("unknown") > Decimal::ZERO, "{text}");
    }
}
