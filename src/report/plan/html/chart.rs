//! Costs as bars: what the text route would cost, what pictures add, and how far a sum may
//! reach. Each bar is a drawing of its own with its numbers in words, so that the page's text
//! stays text at every width.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::plan::{Group, PlanSummary, Tally};
use crate::report::phrase::{count, grouped, plain, shortened};
use crate::report::plan::cost::{Three, in_unit, percent, shown};

/// Bars of one chart; the others are summed in one line.
const BARS: usize = 12;

/// A chart.
#[derive(Serialize)]
pub(super) struct ChartView {
    id: &'static str,
    title: String,
    bars: Vec<BarView>,
    /// What has no bar, in words.
    more: Option<String>,
}

/// One bar; lengths in percent of the chart's width.
#[derive(Serialize)]
struct BarView {
    name: String,
    value: String,
    note: String,
    /// The bar in words.
    said: String,
    text: Decimal,
    pictures: Decimal,
    /// From the least to the most, where they differ.
    reach: Option<Reach>,
}

#[derive(Serialize)]
struct Reach {
    from: Decimal,
    width: Decimal,
}

impl ChartView {
    /// The groups that cost most, dearest first. `None` where nothing costs anything.
    pub(super) fn of(
        id: &'static str,
        by: &str,
        groups: &[Group],
        summary: &PlanSummary,
    ) -> Option<Self> {
        let unit = &summary.unit;
        let mut priced: Vec<(&Group, Three)> =
            groups.iter().filter_map(|g| Some((g, Three::of(&g.tally, unit)?))).collect();
        priced.sort_by_key(|(_, three)| std::cmp::Reverse(three.expected));
        let longest = priced.iter().map(|(_, three)| three.high.max(three.expected)).max()?;
        if longest.is_zero() {
            return None;
        }
        let total = in_unit(&summary.to_run.estimate, unit).unwrap_or_default();
        let (drawn, rest) = priced.split_at(priced.len().min(BARS));
        let sum: Decimal = rest.iter().map(|(_, three)| three.expected).sum();
        let more = (!rest.is_empty()).then(|| {
            format!("{} more of {} {unit} together", grouped(rest.len() as u64), shown(sum))
        });
        Some(ChartView {
            id,
            title: format!("Cost by {by}"),
            bars: drawn.iter().map(|(g, t)| BarView::of(g, t, longest, total, unit)).collect(),
            more: more.map(|text| plain(&text)),
        })
    }
}

impl BarView {
    fn of(group: &Group, three: &Three, longest: Decimal, total: Decimal, unit: &str) -> Self {
        let tally = &group.tally;
        let extra = pictures_part(tally, unit).min(three.expected);
        let text = three.expected - extra;
        let along = |value: Decimal| share(value, longest);
        let mut said = format!("{} {unit}", shown(three.expected));
        if let Some(part) = percent(three.expected, total) {
            said.push_str(&format!(", {part} % of the plan"));
        }
        if !extra.is_zero() {
            said.push_str(&format!("; {} of it for pictures", shown(extra)));
        }
        if !three.is_certain() {
            said.push_str(&format!("; {} to {}", shown(three.low), shown(three.high)));
        }
        let unpriced = match tally.unpriced {
            0 => String::new(),
            n => format!(", {} unpriced", grouped(n)),
        };
        BarView {
            name: shortened(&plain(&group.name), 120),
            value: shown(three.expected),
            note: format!("{}{unpriced}", count(tally.jobs, "clip")),
            said: plain(&said),
            text: along(text),
            pictures: along(extra),
            reach: (!three.is_certain())
                .then(|| Reach { from: along(three.low), width: along(three.high - three.low) }),
        }
    }
}

/// What pictures add, if they add anything.
fn pictures_part(tally: &Tally, unit: &str) -> Decimal {
    in_unit(&tally.image_extra, unit).unwrap_or_default().max(Decimal::ZERO)
}

/// `value` in percent of `whole`, as fine as a screen shows.
pub(super) fn share(value: Decimal, whole: Decimal) -> Decimal {
    let share = value.checked_mul(Decimal::ONE_HUNDRED).and_then(|v| v.checked_div(whole));
    share.unwrap_or_default().round_dp(2).normalize()
}
