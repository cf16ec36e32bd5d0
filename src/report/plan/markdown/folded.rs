//! What a pull request's reader unfolds: findings, totals, assumptions, the jobs.

use crate::diagnostic::Severity;
use crate::plan::{JobLine, PlanSummary};
use crate::report::markdown::{Document, code, folded, head, prose, row};
use crate::report::phrase::{decimal, grouped, shortened};

use super::super::choices::why;
use super::super::cost;
use super::super::text::groupings;
use super::{Columns, SHOWN, name};

/// Findings that are listed.
const FINDINGS: usize = 60;
/// Rows of one table.
const ROWS: usize = 40;
/// Choices and prices that are listed.
const LISTED: usize = 30;
/// Characters of a prompt in the list of jobs.
const PROMPT_SHOWN: usize = 120;

pub(super) fn findings(summary: &PlanSummary, doc: &mut Document) {
    if summary.findings.is_empty() {
        return;
    }
    let left_out: usize = summary.findings_left_out.values().sum::<usize>()
        + summary.findings.len().saturating_sub(FINDINGS);
    let warnings = summary.findings.iter().filter(|f| f.severity != Severity::Advice).count();
    let advice = summary.findings.len() - warnings;
    folded(doc, &format!("Warnings {warnings}, advice {advice}"), |doc| {
        let rows = summary.findings.iter().take(FINDINGS).map(|f| {
            let word = match f.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Advice => "advice",
            };
            let text = |t: &str| prose(&shortened(t, SHOWN));
            let at = f.at.as_deref().map(|at| format!(" {}", name(at))).unwrap_or_default();
            let help = f.help.as_deref().map(|h| format!(" — {}", text(h))).unwrap_or_default();
            format!("- **{word}**{at} {}{help} ({})", text(&f.message), code(&f.code))
        });
        doc.rows(rows, left_out as u64, "findings");
    });
}

pub(super) fn breakdown(summary: &PlanSummary, doc: &mut Document) {
    let columns = Columns::of(summary);
    folded(doc, "Totals", |doc| {
        let mut tables = groupings(summary);
        if !summary.by_subject.is_empty() {
            tables.push(("dearest subjects", &summary.by_subject));
        }
        for (first, groups) in tables {
            for line in columns.head(first) {
                doc.line(&line);
            }
            let all = match first {
                "dearest subjects" => summary.subjects.max(groups.len() as u64),
                _ => groups.len() as u64,
            };
            let shown = groups.len().min(ROWS);
            let rows = groups.iter().take(ROWS).map(|g| columns.row(name(&g.name), &g.tally));
            doc.rows(rows, all.saturating_sub(shown as u64), "rows");
            doc.line("");
        }
    });
}

/// What the numbers rest on.
pub(super) fn assumptions(summary: &PlanSummary, doc: &mut Document) {
    let nothing = summary.choices.is_empty()
        && summary.prices.is_empty()
        && summary.budgets.is_empty()
        && summary.actuals.is_empty();
    if nothing {
        return;
    }
    let more = |all: usize| all.saturating_sub(LISTED) as u64;
    folded(doc, "Prices and budgets", |doc| {
        let choices = summary.choices.iter().take(LISTED).map(|choice| {
            let said = prose(&shortened(&why(choice), SHOWN));
            format!("- {said}")
        });
        doc.rows(choices, more(summary.choices.len()), "choices");
        let prices = summary.prices.iter().take(LISTED).map(|p| {
            format!(
                "- {} in {}: as of {}, {}",
                name(&p.model),
                prose(&cost::price_unit(p, &summary.unit)),
                prose(&p.as_of),
                prose(&shortened(&p.source, SHOWN))
            )
        });
        doc.rows(prices, more(summary.prices.len()), "prices");
        let budgets = summary.budgets.iter().take(LISTED).map(|b| {
            let fits = if b.fits { "this plan fits" } else { "this plan does not fit" };
            format!(
                "- budget {}: limit {}, used so far {}; {fits}",
                name(&b.name),
                decimal(&b.limit),
                decimal(&b.used)
            )
        });
        doc.rows(budgets, more(summary.budgets.len()), "budgets");
        actuals(summary, doc);
    });
}

fn actuals(summary: &PlanSummary, doc: &mut Document) {
    if summary.actuals.is_empty() {
        return;
    }
    doc.line("");
    for line in head(&["earlier jobs", "charged", "estimated", "cost", "off by"]) {
        doc.line(&line);
    }
    let rows = summary.actuals.iter().take(LISTED).map(|a| {
        let off = a.error_percent.as_deref().map_or_else(|| "–".to_owned(), |p| format!("{p} %"));
        row(&[name(&a.model), grouped(a.attempts), decimal(&a.estimated), decimal(&a.charged), off])
    });
    doc.rows(rows, summary.actuals.len().saturating_sub(LISTED) as u64, "models");
}

pub(super) fn job_list<'a>(
    summary: &PlanSummary,
    jobs: impl IntoIterator<Item = &'a JobLine>,
    doc: &mut Document,
) {
    differences(summary, doc);
    let rows: Vec<String> = jobs
        .into_iter()
        .filter(|j| matches!(j.change.as_str(), "new" | "changed" | "retry"))
        .map(job_row)
        .collect();
    if rows.is_empty() {
        return;
    }
    let more = summary.to_run.jobs.saturating_sub(rows.len() as u64);
    folded(doc, &format!("{} clips to make", grouped(summary.to_run.jobs)), |doc| {
        doc.rows(rows, more, "clips");
    });
}

fn differences(summary: &PlanSummary, doc: &mut Document) {
    let Some(with) = summary.since_approval.as_ref().filter(|w| !w.examples.is_empty()) else {
        return;
    };
    let all = with.added + with.removed + with.changed + with.dearer + with.cheaper;
    let left_out = all.saturating_sub(with.examples.len() as u64);
    folded(doc, &format!("{} differences from the earlier plan", grouped(all)), |doc| {
        let rows = with.examples.iter().map(|one| {
            let why: Vec<&str> = one.why.iter().map(|p| p.as_str()).collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
            let money = cost::before_and_now(one.before.as_deref(), one.now.as_deref());
            format!("- {}: {}{why}, {}", prose(&one.difference), name(&one.address), prose(&money))
        });
        doc.rows(rows, left_out, "differences");
    });
}

fn job_row(job: &JobLine) -> String {
    let why: Vec<&str> = job.why.iter().map(|p| p.as_str()).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
    let price = match (&job.estimate, &job.unit) {
        (Some(e), Some(unit)) => format!("{} {unit}", decimal(e)),
        (Some(e), None) => decimal(e),
        (None, _) => "unpriced".to_owned(),
    };
    format!(
        "- {} {}{why}, {}, {}: {}",
        name(&job.address),
        prose(&job.change),
        name(&job.model),
        prose(&price),
        code(&shortened(&job.prompt, PROMPT_SHOWN))
    )
}
