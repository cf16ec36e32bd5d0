//! Totals by group as tables, for a terminal.

use crate::plan::{Group, PlanSummary, Tally};
use crate::report::layout::{Paper, Table, beside, shown_width};
use crate::report::phrase::{amounts, decimal, grouped, number, plain};

use super::super::cost::Three;

/// From here on two tables stand beside each other.
const TWO_COLUMNS: usize = 150;
/// From here on a table has all its columns.
const FULL_TABLE: usize = 76;
/// From here on it has seconds, or the least and the most.
const MOST_OF_TABLE: usize = 66;
/// From here on it says what pictures add.
const SOME_OF_TABLE: usize = 56;
/// Rows of one table; the rest is summed in one row.
const ROWS: usize = 30;
/// Subjects that are shown, the dearest.
const SUBJECTS: usize = 5;

/// Groupings that say something, with the name of their first column: by shot and by model
/// always, the others where they have more than one row, since one row is the total again.
/// Providers and kinds are left out where they part the jobs just as models and sets do.
pub(in crate::report::plan) fn groupings(summary: &PlanSummary) -> Vec<(&'static str, &[Group])> {
    let all: [(&str, &[Group], usize); 6] = [
        ("shot", &summary.by_shot, 1),
        ("model", &summary.by_model, 1),
        ("set", &summary.by_set, 2),
        ("provider", &summary.by_provider, 2),
        ("route", &summary.by_route, 2),
        ("kind", &summary.by_kind, 2),
    ];
    let again = |name: &str| match name {
        "provider" => summary.by_provider.len() == summary.by_model.len(),
        "kind" => summary.by_kind.len() == summary.by_set.len(),
        _ => false,
    };
    let telling =
        all.into_iter().filter(|(name, groups, least)| groups.len() >= *least && !again(name));
    telling.map(|(name, groups, _)| (name, groups)).collect()
}

/// Totals by group, each table once.
pub(super) fn totals(summary: &PlanSummary, paper: Paper) -> Vec<Vec<String>> {
    let columns = Columns::of(summary, paper);
    let mut tables: Vec<Table> = groupings(summary)
        .iter()
        .map(|(first, groups)| columns.table(&format!("By {first}"), first, groups))
        .collect();
    if summary.subjects > 1 && !summary.by_subject.is_empty() {
        let shown = &summary.by_subject[..summary.by_subject.len().min(SUBJECTS)];
        let title = match summary.subjects > shown.len() as u64 {
            true => format!("Dearest {} of {} subjects", shown.len(), grouped(summary.subjects)),
            false => "By subject".to_owned(),
        };
        tables.push(columns.table(&title, "subject", shown));
    }
    // The same sum under every table would be noise: the first one carries it.
    if let Some(first) = tables.first_mut() {
        first.total = Some(columns.row("total", &summary.to_run));
    }
    if paper.width < TWO_COLUMNS {
        return tables.iter().map(|t| t.lines(paper)).collect();
    }
    let half = Paper { width: paper.width / 2 - 2, ..paper };
    let blocks: Vec<Vec<String>> = tables.iter().map(|t| t.lines(half)).collect();
    let at = blocks.iter().flatten().map(|l| shown_width(l)).max().unwrap_or(0) + 4;
    blocks
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => beside(left, right, at),
            _ => pair.concat(),
        })
        .collect()
}

/// Which columns the tables of one plan need, the same for all of them.
struct Columns<'a> {
    unit: Option<&'a str>,
    /// The least beside what is expected, where it differs.
    low: bool,
    /// The most.
    high: bool,
    seconds: bool,
    as_text: bool,
    extra: bool,
    /// Whether any amount has a fraction; then all show one, so that they line up.
    fractions: bool,
    unpriced: bool,
}

impl<'a> Columns<'a> {
    fn of(summary: &'a PlanSummary, paper: Paper) -> Self {
        let tally = &summary.to_run;
        let one_unit = [&tally.estimate, &tally.as_text, &tally.image_extra]
            .iter()
            .all(|a| a.keys().all(|u| *u == summary.unit));
        let three =
            Three::of(tally, &summary.unit).filter(|_| one_unit && paper.width >= MOST_OF_TABLE);
        let (low, high) = three.map_or((false, false), |t| (t.has_low(), t.has_high()));
        let bounds = low || high;
        Columns {
            unit: one_unit.then_some(summary.unit.as_str()),
            low,
            high,
            seconds: paper.width >= MOST_OF_TABLE && !bounds,
            fractions: summary
                .by_shot
                .iter()
                .map(|g| &g.tally)
                .chain([tally])
                .flat_map(|t| [&t.estimate, &t.low, &t.high, &t.as_text, &t.image_extra])
                .any(|a| a.values().any(|v| decimal(v).contains('.'))),
            // What pictures add tells it all; the other side of the sum is for whoever has room.
            as_text: !tally.as_text.is_empty() && paper.width >= FULL_TABLE && !bounds,
            extra: !tally.image_extra.is_empty() && paper.width >= SOME_OF_TABLE,
            unpriced: tally.unpriced > 0,
        }
    }

    fn table(&self, title: &str, first: &str, groups: &[Group]) -> Table {
        let mut head = vec![first.to_owned(), "jobs".to_owned()];
        if self.seconds {
            head.push("seconds".to_owned());
        }
        let expected = match self.low || self.high {
            true => "expected".to_owned(),
            false => self.unit.map_or("estimate".to_owned(), plain),
        };
        head.extend(self.low.then(|| "low".to_owned()));
        head.push(expected);
        head.extend(self.high.then(|| "high".to_owned()));
        if self.as_text {
            head.push("as text".to_owned());
        }
        if self.extra {
            head.push("for pictures".to_owned());
        }
        if self.unpriced {
            head.push("unpriced".to_owned());
        }
        let mut rows: Vec<Vec<String>> =
            groups.iter().take(ROWS).map(|g| self.row(&g.name, &g.tally)).collect();
        if groups.len() > ROWS {
            let jobs = groups[ROWS..].iter().map(|g| g.tally.jobs).sum();
            rows.push(vec![format!("… and {} more", groups.len() - ROWS), grouped(jobs)]);
        }
        Table { title: title.to_owned(), head, rows, total: None }
    }

    fn row(&self, name: &str, tally: &Tally) -> Vec<String> {
        let estimate = match (self.money(&tally.estimate), tally.unpriced) {
            (Some(sum), _) => sum,
            (None, 0) => "–".to_owned(),
            (None, _) => "unpriced".to_owned(),
        };
        let mut cells = vec![plain(name), grouped(tally.jobs)];
        if self.seconds {
            cells.push(number(&tally.seconds));
        }
        let bound = |by_unit| match tally.estimate.is_empty() {
            true => "–".to_owned(),
            false => self.money(by_unit).unwrap_or_else(|| estimate.clone()),
        };
        let high = self.high.then(|| bound(&tally.high));
        cells.extend(self.low.then(|| bound(&tally.low)));
        cells.push(estimate);
        cells.extend(high);
        if self.as_text {
            cells.push(self.money(&tally.as_text).unwrap_or_else(|| "–".to_owned()));
        }
        if self.extra {
            let extra = self.money(&tally.image_extra);
            cells.push(extra.map_or_else(|| "–".to_owned(), |e| signed(&e)));
        }
        if self.unpriced {
            cells.push(match tally.unpriced {
                0 => "–".to_owned(),
                n => grouped(n),
            });
        }
        cells
    }

    fn money(&self, by_unit: &crate::plan::AmountsJson) -> Option<String> {
        match self.unit {
            Some(unit) => by_unit.get(unit).map(|v| match decimal(v) {
                whole if self.fractions && !whole.contains('.') => whole + ".00",
                other => other,
            }),
            None => amounts(by_unit).map(|a| plain(&a)),
        }
    }
}

fn signed(amount: &str) -> String {
    if amount.starts_with('-') || amount.trim_start_matches(['0', '.']).is_empty() {
        amount.to_owned()
    } else {
        format!("+{amount}")
    }
}
