//! The dry run as text for a terminal.

use crate::diagnostic::Severity;
use crate::plan::{FindingOut, Group, PlanSummary, Tally};
use crate::report::layout::{Ink, Paper, Table, beside, shown_width};
use crate::report::phrase::{amounts, decimal, grouped, number, plain, shortened};

use super::choices::choices_text;
use super::verdict::{next_steps, over_budget, verdict};

/// From here on two tables stand beside each other.
const TWO_COLUMNS: usize = 150;
/// From here on a table has all its columns.
const FULL_TABLE: usize = 76;
/// From here on it has seconds.
const MOST_OF_TABLE: usize = 66;
/// From here on it says what pictures add.
const SOME_OF_TABLE: usize = 56;
/// Rows of one table; the rest is summed in one row.
const ROWS: usize = 30;
/// Findings of one code that are shown in full.
const FINDINGS_PER_CODE: usize = 3;

/// The dry run for a terminal of `width` columns.
pub fn plan_text(summary: &PlanSummary, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut blocks = body(summary, paper);
    blocks.push(next(summary, paper));
    joined(&blocks)
}

/// The same before a question that is the next step itself.
pub fn plan_question_text(summary: &PlanSummary, width: usize, colour: bool) -> String {
    joined(&body(summary, Paper::new(width, colour)))
}

fn body(summary: &PlanSummary, paper: Paper) -> Vec<Vec<String>> {
    let mut blocks = vec![head(summary, paper)];
    let quiet = summary.to_run.jobs == 0;
    if !quiet || summary.changes.orphaned + summary.changes.unknown > 0 {
        blocks.push(changes(summary, paper));
    }
    if !quiet {
        blocks.extend(totals(summary, paper));
        blocks.push(choices_text(summary, paper));
        blocks.push(prices(summary, paper));
        blocks.push(budgets(summary, paper));
        blocks.push(approval(summary, paper));
    }
    blocks.push(findings(summary, paper));
    blocks
}

fn joined(blocks: &[Vec<String>]) -> String {
    let mut text = String::new();
    for block in blocks.iter().filter(|b| !b.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in block {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn head(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let stands_in_way = summary.to_run.unpriced > 0 || over_budget(summary).next().is_some();
    let ink = match (stands_in_way, summary.to_run.jobs) {
        (true, 1..) => Ink::Bad,
        (_, 0) => Ink::Good,
        _ => Ink::Strong,
    };
    let mut lines: Vec<String> =
        paper.prose("", &verdict(summary)).iter().map(|l| paper.ink(ink, l)).collect();
    if summary.to_run.jobs > 0 {
        let from = format!(
            "{} · {} · plan {}",
            summary.name,
            summary.manifest,
            shortened(&summary.plan, 12).replace('…', "")
        );
        lines.extend(paper.prose("", &from).iter().map(|l| paper.ink(Ink::Quiet, l)));
    }
    lines
}

fn changes(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let c = &summary.changes;
    let why: Vec<String> =
        c.changed_by.iter().map(|(part, n)| format!("{} {}", part.as_str(), grouped(*n))).collect();
    let orphans = match c.orphaned_examples.as_slice() {
        [] => "the manifest asks for them no more".to_owned(),
        some => {
            let more = if c.orphaned > some.len() as u64 { ", …" } else { "" };
            format!("the manifest asks for them no more: {}{more}", some.join(", "))
        }
    };
    let rows = [
        (c.new, "new", String::new(), Ink::Strong),
        (c.changed, "changed", why.join(" · "), Ink::Strong),
        (c.to_retry, "to retry", "failed, refused or lost before".to_owned(), Ink::Strong),
        (c.done, "done", "the clip is there".to_owned(), Ink::Good),
        (c.in_flight, "in flight", "a provider has them, or the clip waits".to_owned(), Ink::Quiet),
        (c.unknown, "unknown", "they wait for a person".to_owned(), Ink::Warn),
        (c.orphaned, "orphaned", orphans, Ink::Warn),
    ];
    let shown: Vec<_> = rows.into_iter().filter(|(n, ..)| *n > 0).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let digits = shown.iter().map(|(n, ..)| grouped(*n).len()).max().unwrap_or(0);
    let mut lines = vec![paper.ink(Ink::Strong, "Changes")];
    for (n, word, note, ink) in shown {
        let first = format!("  {:>digits$}  {word:<9}  ", grouped(n));
        let painted = first.replacen(word, &paper.ink(ink, word), 1);
        for (i, line) in paper.prose(&first, &note).into_iter().enumerate() {
            let line = if i == 0 { line.replacen(&first, &painted, 1) } else { line };
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

fn totals(summary: &PlanSummary, paper: Paper) -> Vec<Vec<String>> {
    let columns = Columns::of(summary, paper);
    let groups = [
        ("By shot", "shot", &summary.by_shot),
        ("By model", "model", &summary.by_model),
        ("By route", "route", &summary.by_route),
        ("By kind of subject", "kind", &summary.by_kind),
    ];
    let mut tables: Vec<Table> = groups
        .iter()
        .filter(|(.., groups)| !groups.is_empty())
        .map(|(title, first, groups)| columns.table(title, first, groups))
        .collect();
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
        Columns {
            unit: one_unit.then_some(summary.unit.as_str()),
            seconds: paper.width >= MOST_OF_TABLE,
            fractions: summary
                .by_shot
                .iter()
                .map(|g| &g.tally)
                .chain([tally])
                .flat_map(|t| [&t.estimate, &t.as_text, &t.image_extra])
                .any(|a| a.values().any(|v| decimal(v).contains('.'))),
            // What pictures add tells it all; the other side of the sum is for whoever has room.
            as_text: !tally.as_text.is_empty() && paper.width >= FULL_TABLE,
            extra: !tally.image_extra.is_empty() && paper.width >= SOME_OF_TABLE,
            unpriced: tally.unpriced > 0,
        }
    }

    fn table(&self, title: &str, first: &str, groups: &[Group]) -> Table {
        let mut head = vec![first.to_owned(), "jobs".to_owned()];
        if self.seconds {
            head.push("seconds".to_owned());
        }
        head.push(self.unit.map_or("estimate".to_owned(), plain));
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
        cells.push(estimate);
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

fn prices(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    if summary.prices.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Prices")];
    for price in &summary.prices {
        let text =
            format!("{}, in {}: as of {}, {}", price.model, price.unit, price.as_of, price.source);
        lines.extend(paper.prose("  ", &text));
    }
    lines
}

fn budgets(summary: &PlanSummary, paper: Paper) -> Vec<String> {
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

fn approval(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let text = match &summary.approval {
        Some(a) => format!("Approved by {}, {}, up to {}.", a.by, a.at, a.ceiling),
        None => "Not approved: nothing can be spent under this plan yet.".to_owned(),
    };
    paper.prose("", &text)
}

fn findings(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    if summary.findings.is_empty() && summary.findings_left_out.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Warnings and advice")];
    let mut more = summary.findings_left_out.clone();
    let mut shown = std::collections::BTreeMap::<&str, usize>::new();
    for finding in &summary.findings {
        let seen = shown.entry(&finding.code).or_default();
        *seen += 1;
        if *seen > FINDINGS_PER_CODE {
            *more.entry(finding.code.clone()).or_default() += 1;
        } else {
            lines.extend(one_finding(finding, paper));
        }
    }
    for (code, n) in more {
        let text = format!("… and {} more of {code}; `--json` lists them", grouped(n as u64));
        lines.extend(paper.prose("  ", &text).iter().map(|l| paper.ink(Ink::Quiet, l)));
    }
    lines
}

fn one_finding(finding: &FindingOut, paper: Paper) -> Vec<String> {
    let (word, ink) = match finding.severity {
        Severity::Error => ("error", Ink::Bad),
        Severity::Warning => ("warning", Ink::Warn),
        Severity::Advice => ("advice", Ink::Good),
    };
    let mut lines = paper.prose(&format!("  {word:<7}  "), &finding.message);
    if let Some(first) = lines.first_mut() {
        *first = first.replacen(word, &paper.ink(ink, word), 1);
    }
    if let Some(help) = &finding.help {
        lines.extend(paper.prose("           help: ", help));
    }
    let at = match &finding.at {
        Some(at) => format!("{at}  {}", finding.code),
        None => finding.code.clone(),
    };
    lines.extend(paper.prose("           ", &at).iter().map(|l| paper.ink(Ink::Quiet, l)));
    lines
}

fn next(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    next_steps(summary).iter().flat_map(|step| paper.prose("→ ", step)).collect()
}
