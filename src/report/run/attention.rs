//! What waits for a person: submissions of unknown outcome, parked jobs, lost clips; each group
//! with what it costs to leave it so and what to do about it.
//!
//! What never lives here: how a form of report looks.

use rust_decimal::Decimal;

use super::model::{JobView, RunReport};
use crate::ledger::JobState;
use crate::money::display_value;
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{count, grouped, moment, quoted};
use crate::run::resolve::PARKED_AFTER;

/// Jobs of one group are listed up to this many.
const LISTED: usize = 20;

/// Jobs that wait for a person for one reason.
pub(super) struct Group<'a> {
    /// How pressing.
    pub ink: Ink,
    /// How many there are, and what they hold or cost.
    pub verdict: String,
    /// Those that the report lists.
    pub jobs: Vec<&'a JobView>,
    /// Those that it counts.
    pub all: u64,
    /// What to do.
    pub advice: Vec<Advice>,
}

/// A part of what to do.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Advice {
    /// To read.
    Words(&'static str),
    /// To type.
    Command(String),
}

impl Advice {
    fn resolve(report: &RunReport, option: &str) -> Self {
        Advice::Command(format!("kinora resolve {}{option}", quoted(&report.manifest)))
    }
}

/// The groups that are not empty, the most pressing first.
pub(super) fn groups(report: &RunReport) -> Vec<Group<'_>> {
    let groups =
        [unknown(report), parked(report), lost(report), unsuited(report), written_off(report)];
    groups.into_iter().filter(|group| group.all > 0).collect()
}

fn unknown(report: &RunReport) -> Group<'_> {
    let all = report.totals.in_state(JobState::Unknown);
    let hold = if all == 1 { "holds" } else { "hold" };
    let held = amount(report.totals.unknown, &report.unit);
    let mut advice = Vec::new();
    if report.lookup {
        advice.push(Advice::resolve(report, " --lookup"));
        advice.push(Advice::Words(" asks the providers that keep a list; "));
    }
    advice.push(Advice::resolve(report, ""));
    advice.push(Advice::Words(
        " shows how each is settled by word. None is sent again unless the manifest's \
         `unknown: resubmit` allows it.",
    ));
    Group {
        ink: Ink::Warn,
        verdict: format!("{} of unknown outcome {hold} {held}", count(all, "submission")),
        jobs: in_state(report, JobState::Unknown),
        all,
        advice,
    }
}

fn parked(report: &RunReport) -> Group<'_> {
    let all = report.totals.parked;
    let is = if all == 1 { "is" } else { "are" };
    Group {
        ink: Ink::Warn,
        verdict: format!(
            "{} {is} parked: in flight at {PARKED_AFTER} crashes in a row",
            count(all, "job")
        ),
        jobs: report.jobs.iter().filter(|job| job.is_parked()).collect(),
        all,
        advice: vec![
            Advice::Words("Runs take these up last, one alone, as they may be what stops them; "),
            Advice::resolve(report, ""),
            Advice::Words(" shows more."),
        ],
    }
}

fn lost(report: &RunReport) -> Group<'_> {
    let lost = report.totals.in_state(JobState::Lost);
    let all = lost.saturating_sub(report.totals.written_off_jobs);
    let (was, it) = if all == 1 { ("was", "it") } else { ("were", "them") };
    let cost = amount(report.totals.lost, &report.unit);
    Group {
        ink: Ink::Bad,
        verdict: format!(
            "{} {was} gone before a run could fetch {it}, {cost} paid",
            count(all, "finished clip")
        ),
        jobs: lost_jobs(report, false),
        all,
        advice: vec![Advice::Words(
            "Without `pay_again: true` in the manifest nothing is paid again. The provider may \
             still have what it made, by its id; running more often than clips expire keeps it \
             from happening.",
        )],
    }
}

fn unsuited(report: &RunReport) -> Group<'_> {
    let all = report.totals.unsuited;
    let are =
        if all == 1 { "is not what its channel asks" } else { "are not what their channels ask" };
    Group {
        ink: Ink::Warn,
        verdict: format!("{} {are}", count(all, "finished clip")),
        jobs: report.jobs.iter().filter(|job| job.is_unsuited()).collect(),
        all,
        advice: vec![
            Advice::Words("They are made and paid for. What each channel asks, "),
            Advice::Command("kinora channels".to_owned()),
            Advice::Words(" says; a clip of another size or length may be made by other settings."),
        ],
    }
}

fn written_off(report: &RunReport) -> Group<'_> {
    let all = report.totals.written_off_jobs;
    let was = if all == 1 { "was" } else { "were" };
    let cost = amount(report.totals.written_off_lost, &report.unit);
    Group {
        ink: Ink::Quiet,
        verdict: format!(
            "{} of unknown outcome {was} written off, {cost} counted as spent",
            count(all, "submission")
        ),
        jobs: lost_jobs(report, true),
        all,
        advice: vec![Advice::Words(
            "The manifest's `unknown: resubmit` allows it; the next run submits them anew. What \
             the provider did charge, its own bill says.",
        )],
    }
}

fn lost_jobs(report: &RunReport, written_off: bool) -> Vec<&JobView> {
    let mut jobs = in_state(report, JobState::Lost);
    jobs.retain(|job| job.written_off == written_off);
    jobs
}

fn in_state(report: &RunReport, state: JobState) -> Vec<&JobView> {
    report.jobs.iter().filter(|job| job.state == state).collect()
}

fn amount(value: Decimal, unit: &str) -> String {
    format!("{} {unit}", display_value(value))
}

/// What is known of one job, in a line: model, since when, what it holds, its id.
pub(super) fn facts(job: &JobView, unit: &str) -> String {
    let mut facts = vec![job.model.clone()];
    if let Some(updated) = job.updated {
        facts.push(format!("{} since {}", job.state.as_str(), moment(updated)));
    }
    if let Some(reserved) = job.reserved {
        facts.push(format!("{} held", amount(reserved, unit)));
    }
    if job.interruptions > 1 {
        facts.push(format!("{} crashes while it was in flight", job.interruptions));
    }
    if let Some(channel) = job.channel.as_ref().filter(|_| job.is_unsuited()) {
        facts.push(format!("for {channel}: {}", job.unsuited.join("; ")));
        return facts.join(", ");
    }
    match (&job.remote_id, &job.key) {
        (Some(id), _) => facts.push(format!("{}'s id {id}", job.provider)),
        (None, Some(key)) => facts.push(format!("our key {key}")),
        (None, None) => {}
    }
    facts.join(", ")
}

/// The groups for a terminal.
pub(super) fn blocks(report: &RunReport, paper: Paper) -> Vec<Vec<String>> {
    groups(report).iter().map(|group| block(group, &report.unit, paper)).collect()
}

fn block(group: &Group<'_>, unit: &str, paper: Paper) -> Vec<String> {
    let mut lines: Vec<String> =
        paper.prose("", &group.verdict).iter().map(|line| paper.ink(group.ink, line)).collect();
    for job in group.jobs.iter().take(LISTED) {
        lines.extend(paper.prose("  ", &job.address));
        let said = paper.prose("    ", &facts(job, unit));
        lines.extend(said.iter().map(|line| paper.ink(Ink::Quiet, line)));
        if let Some(message) = &job.message {
            lines.extend(paper.prose("    ", message));
        }
    }
    let left = group.all.saturating_sub(group.jobs.len().min(LISTED) as u64);
    if left > 0 {
        lines.push(format!("  … and {} more", grouped(left)));
    }
    lines.extend(paper.prose("→ ", &spoken(&group.advice)));
    lines
}

/// What to do, as text.
pub(super) fn spoken(advice: &[Advice]) -> String {
    let parts = advice.iter().map(|part| match part {
        Advice::Words(words) => (*words).to_owned(),
        Advice::Command(command) => format!("`{command}`"),
    });
    parts.collect()
}

/// What waits for a person, as the last lines of a run; empty when nothing does.
pub fn attention_text(report: &RunReport, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let blocks = blocks(report, paper);
    blocks.iter().map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}
