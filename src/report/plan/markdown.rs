//! The dry run as a comment on a pull request.

use rust_decimal::Decimal;

use crate::diagnostic::Severity;
use crate::plan::{Group, JobLine, PlanSummary, Tally};
use crate::report::markdown::{Document, code, head, prose, row};
use crate::report::phrase::{amounts, decimal, grouped, length_of, shortened};

use super::choices::why;
use super::verdict::{Piece, cost, over_budget, steps, verdict};

/// Shots in the first table.
const TOP_SHOTS: usize = 5;
/// Characters of a prompt in the list of jobs.
const PROMPT_SHOWN: usize = 120;

/// The dry run as Markdown: verdict, a small table, what changed, all else folded. `jobs` may
/// be a prefix of the plan's jobs; those that a run would start are listed as far as they fit.
pub fn plan_markdown<'a>(
    summary: &PlanSummary,
    jobs: impl IntoIterator<Item = &'a JobLine>,
) -> String {
    let mut doc = Document::new("plan", &summary.name);
    doc.line(&format!("### {}", prose(&verdict(summary))));
    doc.line("");
    if summary.to_run.jobs > 0 {
        facts(summary, &mut doc);
        top_shots(summary, &mut doc);
    }
    changes(summary, &mut doc);
    for step in steps(summary) {
        let said: String = step.iter().map(piece_markdown).collect();
        doc.line(&format!("- {said}"));
    }
    findings(summary, &mut doc);
    if summary.to_run.jobs > 0 {
        breakdown(summary, &mut doc);
        job_list(summary, jobs, &mut doc);
    }
    doc.line("");
    doc.line(&format!(
        "<sub>{} · {} · plan {}</sub>",
        prose(&summary.name),
        code(&summary.manifest),
        code(&summary.plan)
    ));
    doc.finish()
}

fn piece_markdown(piece: &Piece) -> String {
    match piece {
        Piece::Words(words) => prose(words),
        Piece::Code(text) => code(text),
    }
}

fn facts(summary: &PlanSummary, doc: &mut Document) {
    let run = &summary.to_run;
    for line in head(&["", "clips", "video", "estimate", "for pictures"]) {
        doc.line(&line);
    }
    doc.line(&tally_row("**to make**", run, &summary.unit));
    doc.line("");
    for budget in over_budget(summary) {
        doc.line(&format!(
            "**Over {}**: limit {}, used so far {} {}.\n",
            code(&budget.name),
            decimal(&budget.limit),
            decimal(&budget.used),
            prose(&summary.unit)
        ));
    }
    match &summary.approval {
        Some(a) => doc.line(&format!(
            "Approved by {}, {}, up to {}.",
            code(&a.by),
            prose(&a.at),
            prose(&a.ceiling)
        )),
        None => doc.line("Not approved yet."),
    }
    doc.line("");
}

fn tally_row(name: &str, tally: &Tally, unit: &str) -> String {
    row(&[
        name.to_owned(),
        grouped(tally.jobs),
        length_of(&tally.seconds),
        prose(&cost(tally, unit)),
        amounts(&tally.image_extra).map_or_else(|| "–".to_owned(), |a| prose(&a)),
    ])
}

/// The shots that cost most in the workspace's unit; unpriced ones before all, because nobody
/// knows what they cost.
fn top_shots(summary: &PlanSummary, doc: &mut Document) {
    let price = |g: &Group| -> (bool, Decimal) {
        let sum = g.tally.estimate.get(&summary.unit).and_then(|v| v.parse().ok());
        (g.tally.unpriced > 0, sum.unwrap_or_default())
    };
    let mut shots: Vec<&Group> = summary.by_shot.iter().collect();
    shots.sort_by_key(|g| std::cmp::Reverse(price(g)));
    for line in head(&["shot", "clips", "video", "estimate", "for pictures"]) {
        doc.line(&line);
    }
    let more = shots.len().saturating_sub(TOP_SHOTS) as u64;
    let rows =
        shots.iter().take(TOP_SHOTS).map(|g| tally_row(&code(&g.name), &g.tally, &summary.unit));
    doc.rows(rows, more, "shots");
    doc.line("");
}

fn changes(summary: &PlanSummary, doc: &mut Document) {
    let c = &summary.changes;
    let mut said = Vec::new();
    let mut say = |n: u64, word: &str, note: String| {
        if n > 0 {
            said.push(format!("**{}** {word}{note}", grouped(n)));
        }
    };
    let why: Vec<String> =
        c.changed_by.iter().map(|(p, n)| format!("{} {}", p.as_str(), grouped(*n))).collect();
    say(c.new, "new", String::new());
    say(c.changed, "changed", format!(" ({})", why.join(", ")));
    say(c.to_retry, "to retry", String::new());
    say(c.done, "done", String::new());
    say(c.in_flight, "in flight", String::new());
    say(c.unknown, "of unknown outcome", String::new());
    let examples: Vec<String> = c.orphaned_examples.iter().take(3).map(|a| code(a)).collect();
    let note =
        if examples.is_empty() { String::new() } else { format!(": {}", examples.join(", ")) };
    say(c.orphaned, "orphaned", note);
    if !said.is_empty() {
        doc.line(&said.join(" · "));
        doc.line("");
    }
}

fn findings(summary: &PlanSummary, doc: &mut Document) {
    if summary.findings.is_empty() {
        return;
    }
    let left_out: usize = summary.findings_left_out.values().sum();
    let warnings = summary.findings.iter().filter(|f| f.severity != Severity::Advice).count();
    let advice = summary.findings.len() - warnings;
    folded(doc, &format!("Warnings {warnings}, advice {advice}"), |doc| {
        let rows = summary.findings.iter().map(|f| {
            let word = match f.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Advice => "advice",
            };
            let at = f.at.as_deref().map(|at| format!(" {}", code(at))).unwrap_or_default();
            let help = f.help.as_deref().map(|h| format!(" — {}", prose(h))).unwrap_or_default();
            format!("- **{word}**{at} {}{help} ({})", prose(&f.message), code(&f.code))
        });
        doc.rows(rows, left_out as u64, "findings");
    });
}

fn breakdown(summary: &PlanSummary, doc: &mut Document) {
    folded(doc, "Totals, prices and budgets", |doc| {
        let tables = [
            ("shot", &summary.by_shot),
            ("model", &summary.by_model),
            ("route", &summary.by_route),
            ("kind of subject", &summary.by_kind),
        ];
        for (first, groups) in tables {
            for line in head(&[first, "clips", "video", "estimate", "for pictures"]) {
                doc.line(&line);
            }
            let rows = groups.iter().map(|g| tally_row(&code(&g.name), &g.tally, &summary.unit));
            doc.rows(rows, 0, "rows");
            doc.line("");
        }
        let choices = summary.choices.iter().map(|choice| format!("- {}", prose(&why(choice))));
        doc.rows(choices, 0, "choices");
        let prices = summary.prices.iter().map(|p| {
            format!(
                "- {} in {}: as of {}, {}",
                code(&p.model),
                prose(&p.unit),
                prose(&p.as_of),
                prose(&p.source)
            )
        });
        doc.rows(prices, 0, "prices");
        let budgets = summary.budgets.iter().map(|b| {
            let fits = if b.fits { "this plan fits" } else { "this plan does not fit" };
            format!(
                "- budget {}: limit {}, used so far {}; {fits}",
                code(&b.name),
                decimal(&b.limit),
                decimal(&b.used)
            )
        });
        doc.rows(budgets, 0, "budgets");
    });
}

fn job_list<'a>(
    summary: &PlanSummary,
    jobs: impl IntoIterator<Item = &'a JobLine>,
    doc: &mut Document,
) {
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
        code(&job.address),
        prose(&job.change),
        code(&job.model),
        prose(&price),
        code(&shortened(&job.prompt, PROMPT_SHOWN))
    )
}

fn folded(doc: &mut Document, summary: &str, inside: impl FnOnce(&mut Document)) {
    doc.line("");
    doc.line(&format!("<details><summary>{summary}</summary>"));
    doc.line("");
    inside(doc);
    doc.line("");
    doc.line("</details>");
}
