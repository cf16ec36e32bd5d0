//! The dry run as text for a terminal.

mod assumptions;
mod money;
mod tables;

use crate::diagnostic::Severity;
use crate::plan::{FindingOut, PlanSummary};
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{grouped, shortened};

use super::checks::checks_text;
use super::choices::choices_text;
use super::cost;
use super::verdict::{Standing, next_steps, verdict};

pub use money::comparison_text;
pub(super) use tables::groupings;

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
    let mut blocks = vec![head(summary, paper), money::breaches(summary, paper)];
    let quiet = summary.to_run.jobs == 0;
    if !quiet {
        blocks.push(money::cost(summary, paper));
    }
    if !quiet || summary.changes.orphaned + summary.changes.unknown > 0 {
        blocks.push(changes(summary, paper));
    }
    if !quiet {
        blocks.extend(tables::totals(summary, paper));
        blocks.push(money::dearest(summary, paper));
    }
    if let Some(with) = &summary.since_approval {
        blocks.push(money::comparison(with, paper));
    }
    blocks.push(findings(summary, paper));
    if !quiet {
        blocks.push(checks_text(summary, paper));
        blocks.push(choices_text(summary, paper));
        blocks.push(assumptions::prices(summary, paper));
        blocks.push(assumptions::actuals(summary, paper));
        blocks.push(assumptions::budgets(summary, paper));
        blocks.push(approval(summary, paper));
    }
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
    let ink = match Standing::of(summary) {
        Standing::Blocked => Ink::Bad,
        Standing::Nothing => Ink::Good,
        Standing::Approved | Standing::Open => Ink::Strong,
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
    if let Some(selection) = &summary.selection {
        lines.extend(paper.prose("", &format!("Narrowed: {selection}.")));
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

fn approval(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let text = match &summary.approval {
        Some(a) => format!("{}.", cost::approval(a)),
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
