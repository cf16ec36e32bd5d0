//! What a plan costs and what stands against it, for a terminal.

use crate::plan::{Comparison, PlanSummary, Severity};
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{decimal, grouped, listed, plain};

use super::super::cost::{self, Three, WHAT_EXPECTED, WHAT_RETAKES};
use super::super::verdict::by_severity;

/// Jobs that are named as the dearest.
const DEAREST: usize = 5;
/// Differences that are named.
const DIFFERENCES: usize = 8;
/// Examples that are named with a breach.
const EXAMPLES: usize = 3;

/// Guardrails that are broken, those that deny first.
pub(super) fn breaches(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    if summary.breaches.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Guardrails")];
    for breach in by_severity(summary) {
        let (word, ink) = match breach.severity {
            Severity::Deny => ("deny", Ink::Bad),
            Severity::Warn => ("warn", Ink::Warn),
        };
        let text = format!("{}: {}", breach.rule, breach.message);
        let mut said = paper.prose(&format!("  {word}  "), &text);
        if let Some(first) = said.first_mut() {
            *first = first.replacen(word, &paper.ink(ink, word), 1);
        }
        lines.extend(said);
        if !breach.examples.is_empty() {
            let named = breach.examples.iter().take(EXAMPLES).cloned().collect::<Vec<_>>();
            let more = breach.jobs.is_some_and(|n| n > named.len() as u64)
                || breach.examples.len() > named.len();
            let more = if more { ", …" } else { "" };
            lines.extend(paper.prose("        ", &format!("{}{more}", named.join(", "))));
        }
        lines.extend(paper.prose("        ", &breach.at).iter().map(|l| paper.ink(Ink::Quiet, l)));
    }
    lines
}

/// The three numbers and what makes them, what pictures add, how long it takes. Nothing where
/// the verdict has said it all.
pub(super) fn cost(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let run = &summary.to_run;
    let mut rows: Vec<(&str, String, String)> = Vec::new();
    if let Some(three) = Three::of(run, &summary.unit)
        && !three.expected.is_zero()
    {
        let retakes = three.retakes();
        let values = crate::report::phrase::aligned(&[
            three.low,
            three.expected,
            retakes.unwrap_or_default(),
            three.high,
        ]);
        let whys = [
            ("low", three.why_low()),
            ("expected", Some(WHAT_EXPECTED)),
            ("retakes", retakes.map(|_| WHAT_RETAKES)),
            ("high", three.why_high()),
        ];
        let told = whys.into_iter().zip(values);
        rows.extend(told.filter_map(|((name, why), value)| Some((name, value, why?.to_owned()))));
    }
    if run.unpriced > 0 && !rows.is_empty() {
        rows.push((
            "unpriced",
            grouped(run.unpriced),
            "jobs that are in none of these sums".into(),
        ));
    }
    let mut lines = Vec::new();
    let wide = rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0);
    for (name, value, why) in rows {
        let first = format!("  {name:<8}  {value:>wide$}  ");
        let said = paper.prose(&first, &why);
        lines.extend(said.into_iter().map(|line| match name {
            "expected" => line.replacen(&value, &paper.ink(Ink::Strong, &value), 1),
            _ => line,
        }));
    }
    let adds = cost::pictures(summary)
        .filter(|_| cost::in_unit(&run.estimate, &summary.unit).is_none_or(|e| !e.is_zero()));
    if let Some(adds) = adds {
        lines.extend(paper.prose("  pictures  ", &format!("{adds}.")));
    }
    // That nobody knows it is worth a line only beside other lines.
    if let Some(time) = summary.wall_time.as_ref().filter(|t| t.seconds > 0 || !lines.is_empty()) {
        lines.extend(paper.prose("  time      ", &format!("{}.", cost::wall_time(time))));
    }
    if !lines.is_empty() {
        let title = format!("Cost, in {}", plain(&summary.unit));
        lines.insert(0, paper.ink(Ink::Strong, &title));
    }
    lines
}

/// The jobs that cost most.
pub(super) fn dearest(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let shown: Vec<_> = summary.dearest.iter().take(DEAREST).collect();
    // Where all cost the same, nothing is dearest.
    let free = |estimate: &str| estimate.trim_matches(['0', '.']).is_empty();
    if shown.is_empty() || shown.iter().all(|job| free(&job.estimate)) {
        return Vec::new();
    }
    let amounts: Vec<String> = shown.iter().map(|job| decimal(&job.estimate)).collect();
    let wide = amounts.iter().map(|a| a.chars().count()).max().unwrap_or(0);
    let title = format!("Dearest jobs, in {}", plain(&summary.unit));
    let mut lines = vec![paper.ink(Ink::Strong, &title)];
    for (job, amount) in shown.iter().zip(amounts) {
        let text = format!("{} ({}, {})", job.address, job.model, job.route);
        lines.extend(paper.prose(&format!("  {amount:>wide$}  "), &text));
    }
    lines
}

/// One plan against an earlier one, for a terminal of `width` columns.
pub fn comparison_text(with: &Comparison, width: usize, colour: bool) -> String {
    comparison(with, Paper::new(width, colour)).join("\n") + "\n"
}

/// The same as lines.
pub(super) fn comparison(with: &Comparison, paper: Paper) -> Vec<String> {
    let label = if with.label.is_empty() { "the earlier plan" } else { &with.label };
    let title = paper.prose("", &format!("Against {label}"));
    let mut lines: Vec<String> = title.iter().map(|l| paper.ink(Ink::Strong, l)).collect();
    let sums = format!(
        "{} → {}{}",
        cost::sum(&with.total_before, with.jobs_before),
        cost::sum(&with.total_now, with.jobs_now),
        with.increase_percent.as_deref().map(|p| format!(" ({} %)", signed(p))).unwrap_or_default()
    );
    lines.extend(paper.prose("  ", &sums));
    let jobs = format!("{} → {} jobs", grouped(with.jobs_before), grouped(with.jobs_now));
    let counts: Vec<String> =
        cost::differences(with).iter().map(|(n, what)| format!("{} {what}", grouped(*n))).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", listed(&counts)) };
    lines.extend(paper.prose("  ", &format!("{jobs}{counts}")));
    for one in with.examples.iter().take(DIFFERENCES) {
        let why: Vec<&str> = one.why.iter().map(|p| p.as_str()).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        let money = cost::before_and_now(one.before.as_deref(), one.now.as_deref());
        let text = format!("{}{why}: {money}", one.address);
        lines.extend(paper.prose(&format!("  {:<8}  ", plain(&one.difference)), &text));
    }
    let all = with.added + with.removed + with.changed + with.dearer + with.cheaper;
    let more = all.saturating_sub(with.examples.len().min(DIFFERENCES) as u64);
    if more > 0 && !with.examples.is_empty() {
        lines.push(paper.ink(Ink::Quiet, &format!("  … and {} more", grouped(more))));
    }
    lines
}

fn signed(percent: &str) -> String {
    if percent.starts_with('-') || percent.trim_matches(['0', '.']).is_empty() {
        percent.to_owned()
    } else {
        format!("+{percent}")
    }
}
