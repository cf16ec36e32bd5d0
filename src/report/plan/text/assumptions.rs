//! What the dry run rests on, for a terminal: prices with their days, what jobs cost before
//! against their estimates, budgets.

use crate::models::{PRICE_FILE, PriceFrom};
use crate::plan::PlanSummary;
use crate::report::layout::{Ink, Paper, Table};
use crate::report::phrase::{decimal, grouped, plain};

use super::super::cost::{oldest_price, price_unit};

/// Price lists that are named; a plan may use many models.
const PRICES: usize = 12;

pub(super) fn prices(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    if summary.prices.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Prices")];
    if let (Some((day, model)), 2..) = (oldest_price(summary), summary.prices.len()) {
        lines.extend(paper.prose("  ", &format!("The oldest is of {day} ({model}).")));
    }
    for price in summary.prices.iter().take(PRICES) {
        let kept = match price.from {
            PriceFrom::Card => String::new(),
            PriceFrom::File => format!("in {PRICE_FILE}, "),
        };
        let (model, day) = (&price.model, &price.as_of);
        let unit = price_unit(price, &summary.unit);
        let text = format!("{model}, in {unit}: as of {day}, {kept}{}", price.source);
        lines.extend(paper.prose("  ", &text));
    }
    let more = summary.prices.len().saturating_sub(PRICES);
    if more > 0 {
        lines.push(format!("  … and {} more; `--json` lists them", grouped(more as u64)));
    }
    lines
}

/// What finished jobs cost against their estimates.
pub(super) fn actuals(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let title = format!("Earlier jobs against their estimates, in {}", plain(&summary.unit));
    crate::report::actuals::table(&title, &summary.actuals, paper)
}

/// What is left of each budget.
pub(super) fn budgets(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    if summary.budgets.is_empty() {
        return Vec::new();
    }
    let unit = plain(&summary.unit);
    let rows = summary.budgets.iter().map(|b| {
        vec![
            plain(&b.name),
            decimal(&b.limit),
            decimal(&b.used),
            if b.fits { "fits".to_owned() } else { "over".to_owned() },
        ]
    });
    let table = Table {
        title: "Budgets".to_owned(),
        head: vec![unit, "limit".into(), "used so far".into(), "this plan".into()],
        rows: rows.collect(),
        total: None,
    };
    let mut lines = table.lines(paper);
    for (line, budget) in lines.iter_mut().skip(2).zip(&summary.budgets) {
        if !budget.fits {
            *line = paper.ink(Ink::Bad, line);
        }
    }
    lines
}
