//! What was made, as Markdown.

use crate::money::display_value;
use crate::report::actuals;
use crate::report::markdown::{Document, code, head, prose, row};
use crate::report::phrase::{grouped, moment, shortened};

use super::attention::{Advice, facts, groups};
use super::check;
use super::model::{JobView, RunReport};
use super::text::{troubled, verdict};

/// Characters of a prompt in the list of jobs.
const PROMPT_SHOWN: usize = 100;

/// The report as Markdown: verdict, states, what to look at, the clips folded.
pub fn run_markdown(report: &RunReport) -> String {
    let mut doc = Document::new("report", &report.name);
    doc.line(&format!("### {}", prose(&verdict(report))));
    doc.line("");
    if report.totals.jobs > 0 {
        states(report, &mut doc);
        estimates(report, &mut doc);
        wait_for_a_person(report, &mut doc);
        against_references(report, &mut doc);
        look_at(report, &mut doc);
        clips(report, &mut doc);
    }
    doc.line("");
    let name = prose(&report.name);
    doc.line(&format!("<sub>{name} · {}</sub>", prose(&moment(report.generated))));
    doc.finish()
}

fn states(report: &RunReport, doc: &mut Document) {
    for line in head(&["state", "jobs"]) {
        doc.line(&line);
    }
    for (state, jobs) in &report.totals.by_state {
        doc.line(&row(&[state.as_str().to_owned(), grouped(*jobs)]));
    }
    let t = &report.totals;
    let unit = prose(&report.unit);
    doc.line("");
    let written_off = match t.written_off.is_zero() {
        true => String::new(),
        false => format!(" ({} of it written off)", display_value(t.written_off)),
    };
    doc.line(&format!(
        "Spent {} {unit}{written_off}, reserved {}, held by unknown submissions {}.",
        display_value(t.spent),
        display_value(t.reserved),
        display_value(t.unknown)
    ));
}

/// What was charged against what was estimated.
fn estimates(report: &RunReport, doc: &mut Document) {
    if report.actuals.is_empty() {
        return;
    }
    doc.line("");
    doc.line(&format!("**Charged against estimates, in {}**", prose(&report.unit)));
    doc.line("");
    actuals::rows(&report.actuals, doc);
}

/// What holds money or lost it, with what to do.
fn wait_for_a_person(report: &RunReport, doc: &mut Document) {
    for group in groups(report) {
        doc.line("");
        doc.line(&format!("**{}**", prose(&group.verdict)));
        doc.line("");
        let left = group.all.saturating_sub(group.jobs.len() as u64);
        let rows = group.jobs.iter().map(|j| {
            let why = j.message.as_deref().map(|m| format!(": {}", prose(m))).unwrap_or_default();
            format!("- {}, {}{why}", code(&j.address), prose(&facts(j, &report.unit)))
        });
        doc.rows(rows, left, "jobs");
        doc.line("");
        doc.line(&said(&group.advice));
    }
}

/// What looking at clips came to, and those that a person should look at.
fn against_references(report: &RunReport, doc: &mut Document) {
    let words = super::text::words(report);
    let said: Vec<String> = check::verdict(&report.totals)
        .into_iter()
        .chain(check::remarks(report).into_iter().map(|remark| format!("{remark}.")))
        .collect();
    if !said.is_empty() {
        doc.line("");
        doc.line("**Clips against their references**");
    }
    let said: Vec<String> = said.into_iter().chain(words).collect();
    if said.is_empty() {
        return;
    }
    doc.line("");
    doc.line(&prose(&said.join(" ")));
    let clips = check::to_look_at(report);
    if !clips.is_empty() {
        doc.line("");
        let rows = clips.iter().map(|(job, check)| {
            let why = check.why();
            let why = if why.is_empty() { why } else { format!(": {}", prose(&why)) };
            format!("- **{}** {}{why}", check.short(), code(&job.address))
        });
        let left = report.totals.to_look_at.saturating_sub(clips.len() as u64);
        doc.rows(rows, left, "clips");
    }
    let advice = check::advice(report);
    if !advice.is_empty() {
        doc.line("");
        doc.line(&self::said(&advice));
    }
}

fn said(advice: &[Advice]) -> String {
    let parts = advice.iter().map(|part| match part {
        Advice::Words(words) => prose(words),
        Advice::Command(command) => code(command),
    });
    parts.collect()
}

fn look_at(report: &RunReport, doc: &mut Document) {
    let jobs = troubled(report);
    if jobs.is_empty() {
        return;
    }
    doc.line("");
    doc.line("**To look at**");
    doc.line("");
    let rows = jobs.iter().map(|j| {
        let why = j.message.as_deref().map(|m| format!(": {}", prose(m))).unwrap_or_default();
        format!("- **{}** {}{why}", j.state.as_str(), code(&j.address))
    });
    doc.rows(rows, 0, "jobs");
}

fn clips(report: &RunReport, doc: &mut Document) {
    let made: Vec<&JobView> = report.jobs.iter().filter(|j| j.clip.is_some()).collect();
    if made.is_empty() {
        return;
    }
    doc.line("");
    doc.line(&format!("<details><summary>{} clips</summary>", grouped(made.len() as u64)));
    doc.line("");
    let rows = made.iter().map(|j| {
        let file = j.clip.as_ref().map_or("", |c| &c.path);
        format!(
            "- {} {}, {}{}: {}",
            code(file),
            code(&j.model),
            j.cost.map_or_else(|| "not settled".to_owned(), display_value),
            judged(j),
            code(&shortened(&j.prompt, PROMPT_SHOWN))
        )
    });
    doc.rows(rows, report.jobs_omitted, "jobs");
    doc.line("");
    doc.line("</details>");
}

/// What its check and a person say of a clip, in few words.
fn judged(job: &JobView) -> String {
    let mut said = String::new();
    if let Some(check) = &job.check {
        said.push_str(&format!(", {}", check.short()));
    }
    if let Some(word) = &job.word {
        let note = word.note.as_deref().map(|note| format!(" ({})", prose(note)));
        said.push_str(&format!(
            ", **{}** by {}{}",
            word.short(),
            prose(&word.by),
            note.unwrap_or_default()
        ));
    }
    said
}
