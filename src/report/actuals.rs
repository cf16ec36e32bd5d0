//! What jobs cost against their estimates, in words and tables. Shared by the reports of plans
//! and of runs, so that all say the same.
//!
//! What never lives here: applying it. It is a note for people.

use rust_decimal::Decimal;

use super::layout::{Paper, Table};
use super::markdown::{Document, code, head, row};
use super::phrase::{aligned, count, decimal, grouped, plain};
use crate::plan::Actual;

/// Models that are listed in Markdown.
const LISTED: usize = 20;

/// A table for a terminal; nothing where no provider said what it charged.
pub(super) fn table(title: &str, actuals: &[Actual], paper: Paper) -> Vec<String> {
    if actuals.is_empty() {
        return Vec::new();
    }
    let column = |value: fn(&Actual) -> &str| {
        let values: Option<Vec<Decimal>> = actuals.iter().map(|a| value(a).parse().ok()).collect();
        match values {
            Some(values) => aligned(&values),
            None => actuals.iter().map(|a| value(a).to_owned()).collect(),
        }
    };
    let (estimated, charged) = (column(|a| &a.estimated), column(|a| &a.charged));
    let rows = actuals.iter().zip(estimated).zip(charged).map(|((a, estimated), charged)| {
        vec![plain(&a.model), grouped(a.attempts), estimated, charged, off_by(a)]
    });
    let head = ["model", "charged jobs", "estimated", "charged", "off by"];
    let table = Table {
        title: title.to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        total: None,
    };
    table.lines(paper)
}

/// The same for Markdown.
pub(super) fn rows(actuals: &[Actual], doc: &mut Document) {
    for line in head(&["model", "charged jobs", "estimated", "charged", "off by"]) {
        doc.line(&line);
    }
    let rows = actuals.iter().take(LISTED).map(|a| {
        let (estimated, charged) = (decimal(&a.estimated), decimal(&a.charged));
        row(&[code(&a.model), grouped(a.attempts), estimated, charged, off_by(a)])
    });
    doc.rows(rows, actuals.len().saturating_sub(LISTED) as u64, "models");
}

/// One model in a sentence: `fal/x charged 12.50 USD for 4 clips, estimated at 12 (+4.2 %)`.
pub(super) fn sentence(of: &Actual, unit: &str) -> String {
    let clips = count(of.attempts, "clip");
    let charged = format!("{} charged {} {unit} for {clips}", of.model, decimal(&of.charged));
    match of.charged == of.estimated {
        true => format!("{charged}, as estimated"),
        false => format!("{charged}, estimated at {} ({})", decimal(&of.estimated), off_by(of)),
    }
}

/// An error in percent with its sign: `+2.5 %`; a dash where the estimate was nothing.
fn off_by(of: &Actual) -> String {
    let Some(percent) = &of.error_percent else { return "–".to_owned() };
    match percent.starts_with('-') || percent.trim_matches(['0', '.']).is_empty() {
        true => format!("{percent} %"),
        false => format!("+{percent} %"),
    }
}
