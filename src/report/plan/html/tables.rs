//! Tables of the page: groups, prices, budgets, what jobs cost before.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::plan::{Group, PlanSummary, Tally};
use crate::report::phrase::{amounts, decimal, grouped, length_of, plain, shortened};
use crate::report::plan::cost::{Three, in_unit, price_unit, shown};

/// Rows of one table.
const ROWS: usize = 100;
/// Characters of one cell.
const CELL: usize = 200;

/// A table.
#[derive(Serialize)]
pub(super) struct TableView {
    id: String,
    title: String,
    head: Vec<Head>,
    rows: Vec<Vec<Cell>>,
    /// What has no row, in words.
    more: Option<String>,
}

#[derive(Serialize)]
struct Head {
    name: String,
    number: bool,
}

/// A cell, and the number by which its column is sorted.
#[derive(Serialize)]
struct Cell {
    text: String,
    value: Option<String>,
    tone: &'static str,
}

fn words(text: &str) -> Cell {
    Cell { text: shortened(&plain(text), CELL), value: None, tone: "" }
}

fn figure(text: String, value: impl ToString) -> Cell {
    Cell { text, value: Some(value.to_string()), tone: "" }
}

fn table(
    id: &str,
    title: &str,
    head: &[(&str, bool)],
    rows: Vec<Vec<Cell>>,
    all: u64,
) -> TableView {
    let left_out = all.saturating_sub(rows.len() as u64);
    let name = |(name, number): &(&str, bool)| Head { name: plain(name), number: *number };
    TableView {
        id: id.to_owned(),
        title: title.to_owned(),
        head: head.iter().map(name).collect(),
        rows,
        more: (left_out > 0)
            .then(|| format!("{} more rows are not on this page.", grouped(left_out))),
    }
}

/// One grouping.
pub(super) fn groups(
    id: &str,
    title: &str,
    first: &str,
    groups: &[Group],
    all: u64,
    summary: &PlanSummary,
) -> TableView {
    let run = &summary.to_run;
    let whole = Three::of(run, &summary.unit);
    let low = whole.as_ref().is_some_and(Three::has_low);
    let high = whole.as_ref().is_some_and(Three::has_high);
    let compared = !run.image_extra.is_empty();
    // Money stands next to the name, where a phone shows it.
    let mut head = vec![(first, false)];
    head.extend([("at least", true)].iter().filter(|_| low));
    head.push((if low || high { "expected" } else { &summary.unit }, true));
    head.extend([("at most", true)].iter().filter(|_| high));
    head.extend([("clips", true), ("video", true)]);
    head.extend([("as text", true), ("for pictures", true)].iter().filter(|_| compared));
    head.extend([("unpriced", true)].iter().filter(|_| run.unpriced > 0));
    // When any amount has a fraction all show one, so that they line up.
    let fractions = groups.iter().any(|group| has_fraction(&group.tally, &summary.unit));
    let money = |value: Decimal| match shown(value) {
        whole if fractions && !whole.contains('.') => whole + ".00",
        other => other,
    };
    let row = |group: &Group| {
        let tally = &group.tally;
        let mut cells = vec![words(&group.name)];
        let three = Three::of(tally, &summary.unit);
        let cell = |of: fn(&Three) -> Decimal| match &three {
            Some(three) => figure(money(of(three)), of(three)),
            None => nothing(tally),
        };
        if low {
            cells.push(cell(|t| t.low));
        }
        cells.push(cell(|t| t.expected));
        if high {
            cells.push(cell(|t| t.high));
        }
        cells.push(figure(grouped(tally.jobs), tally.jobs));
        cells.push(figure(length_of(&tally.seconds), &tally.seconds));
        if compared {
            for by_unit in [&tally.as_text, &tally.image_extra] {
                cells.push(match in_unit(by_unit, &summary.unit) {
                    Some(value) => figure(money(value), value),
                    None => figure("–".to_owned(), ""),
                });
            }
        }
        if run.unpriced > 0 {
            cells.push(figure(
                if tally.unpriced == 0 { "–".to_owned() } else { grouped(tally.unpriced) },
                tally.unpriced,
            ));
        }
        cells
    };
    table(id, title, &head, groups.iter().take(ROWS).map(row).collect(), all)
}

fn has_fraction(tally: &Tally, unit: &str) -> bool {
    [&tally.low, &tally.estimate, &tally.high, &tally.as_text, &tally.image_extra]
        .iter()
        .filter_map(|by_unit| in_unit(by_unit, unit))
        .any(|value| !value.fract().is_zero())
}

/// Amounts of other units are shown, and never sorted among these.
fn nothing(tally: &Tally) -> Cell {
    let other = amounts(&tally.estimate).map(|text| plain(&text));
    let text = match (other, tally.unpriced) {
        (Some(text), _) => text,
        (None, 0) => "–".to_owned(),
        (None, _) => "unpriced".to_owned(),
    };
    figure(text, "")
}

/// Prices, oldest first, with their age on `today`.
pub(super) fn prices(summary: &PlanSummary, today: Date) -> TableView {
    let row = |price: &crate::plan::PriceUsed| {
        let age = age(&price.as_of, today);
        vec![
            words(&price.model),
            words(&price_unit(price, &summary.unit)),
            words(&price.as_of),
            match age {
                Some(days) => figure(days_old(days), days),
                None => figure("–".to_owned(), ""),
            },
            words(&price.source),
        ]
    };
    let head =
        [("model", false), ("unit", false), ("as of", false), ("age", true), ("source", false)];
    let rows = summary.prices.iter().take(ROWS).map(row).collect();
    table("prices", "Prices", &head, rows, summary.prices.len() as u64)
}

/// Days from a price's day to `today`; none where that day is no date or lies ahead.
pub(super) fn age(as_of: &str, today: Date) -> Option<i32> {
    let days = as_of.parse::<Date>().ok()?.until(today).ok()?.get_days();
    (days >= 0).then_some(days)
}

/// `today`, `1 day`, `101 days`.
pub(super) fn days_old(days: i32) -> String {
    match days {
        0 => "of today".to_owned(),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}

pub(super) fn budgets(summary: &PlanSummary) -> TableView {
    let row = |budget: &crate::plan::BudgetLine| {
        let fits = match budget.fits {
            true => Cell { tone: "good", ..words("fits") },
            false => Cell { tone: "bad", ..words("over") },
        };
        vec![
            words(&budget.name),
            figure(decimal(&budget.limit), &budget.limit),
            figure(decimal(&budget.used), &budget.used),
            fits,
        ]
    };
    let head = [("budget", false), ("limit", true), ("used so far", true), ("this plan", false)];
    let rows = summary.budgets.iter().take(ROWS).map(row).collect();
    table("budgets", "Budgets", &head, rows, summary.budgets.len() as u64)
}

pub(super) fn actuals(summary: &PlanSummary) -> TableView {
    let row = |a: &crate::plan::Actual| {
        let off = a.error_percent.as_deref();
        vec![
            words(&a.model),
            figure(grouped(a.attempts), a.attempts),
            figure(decimal(&a.estimated), &a.estimated),
            figure(decimal(&a.charged), &a.charged),
            figure(off.map_or_else(|| "–".to_owned(), |p| format!("{p} %")), off.unwrap_or("")),
        ]
    };
    let head = [
        ("model", false),
        ("charged jobs", true),
        ("estimated", true),
        ("charged", true),
        ("off by", true),
    ];
    let rows = summary.actuals.iter().take(ROWS).map(row).collect();
    let title = "Earlier jobs against their estimates";
    table("actuals", title, &head, rows, summary.actuals.len() as u64)
}
