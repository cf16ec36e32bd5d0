//! What the ledger says now, as text for a terminal.

use crate::ledger::{ClipVerdict, JobState};
use crate::money::display_value;
use crate::report::actuals;
use crate::report::layout::{Ink, Paper, Table, fitted};
use crate::report::phrase::{aligned, count, grouped, length, plain};

use super::attention::{self, spoken};
use super::check;
use super::model::{JobView, RunReport};

/// Jobs that need a look are listed up to this many.
const LISTED: usize = 20;

/// Clips that don't pass are named up to this many.
const WORST: usize = 10;
/// Room for a verdict with its score.
const VERDICT: usize = 15;

/// The status for a terminal of `width` columns: sums by state, what waits for a person,
/// then the jobs to look at, worst first.
pub fn status_text(report: &RunReport, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let said = paper.prose("", &verdict(report));
    let mut blocks = vec![said.iter().map(|l| paper.ink(Ink::Strong, l)).collect()];
    if report.totals.jobs > 0 {
        blocks.push(states(report, paper));
        blocks.extend(words(report).map(|said| paper.prose("", &said)));
        blocks.push(checks(report, paper));
        blocks.push(money(report, paper));
        let title = format!("Charged against estimates, in {}", plain(&report.unit));
        blocks.push(actuals::table(&title, &report.actuals, paper));
        blocks.extend(attention::blocks(report, paper));
        blocks.push(to_look_at(report, paper));
    }
    let shown: Vec<String> =
        blocks.into_iter().filter(|b| !b.is_empty()).map(|b| b.join("\n") + "\n").collect();
    shown.join("\n")
}

/// The state of things in one sentence.
pub(super) fn verdict(report: &RunReport) -> String {
    let t = &report.totals;
    let done = t.in_state(JobState::Done);
    if t.jobs == 0 {
        return "Nothing was made yet.".to_owned();
    }
    let seconds = rust_decimal::Decimal::new(i64::try_from(t.duration_ms).unwrap_or(i64::MAX), 3);
    let whole = if seconds.normalize().scale() > 1 { seconds.round_dp(1) } else { seconds };
    format!(
        "{} made of {} begun, {} of video, {} {} spent.",
        count(done, "clip"),
        count(t.jobs, "job"),
        length(whole),
        display_value(t.spent),
        plain(&report.unit)
    )
}

/// What people said of clips, in one sentence.
pub(super) fn words(report: &RunReport) -> Option<String> {
    let t = &report.totals;
    let mut said = Vec::new();
    if t.accepted > 0 {
        said.push(format!("{} accepted", count(t.accepted, "clip")));
    }
    if t.rejected > 0 {
        said.push(format!("{} rejected (in no shop's files)", count(t.rejected, "clip")));
    }
    if t.retakes > 0 {
        said.push(format!("{} asked for again (the next plan has it)", count(t.retakes, "job")));
    }
    (!said.is_empty()).then(|| format!("By a person's word: {}.", said.join(", ")))
}

/// What looking at clips came to: in sum, the worst, and what to do.
fn checks(report: &RunReport, paper: Paper) -> Vec<String> {
    let said: Vec<String> = check::verdict(&report.totals)
        .into_iter()
        .chain(check::remarks(report).into_iter().map(|remark| format!("{remark}.")))
        .collect();
    if said.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Clips against their references")];
    lines.extend(said.iter().flat_map(|sentence| paper.prose("  ", sentence)));
    let clips = check::to_look_at(report);
    for (job, check) in clips.iter().take(WORST) {
        let word = check.short();
        let gap = " ".repeat(VERDICT.saturating_sub(word.len()));
        let room = paper.width.saturating_sub(VERDICT + 2);
        let word = paper.ink(ink_of_verdict(check.verdict), &word);
        lines.push(format!("  {word}{gap}{}", fitted(&plain(&job.address), room)));
        let why = check.why();
        if !why.is_empty() {
            let said = paper.prose(&" ".repeat(VERDICT + 2), &why);
            lines.extend(said.iter().map(|line| paper.ink(Ink::Quiet, line)));
        }
    }
    let left = report.totals.to_look_at.saturating_sub(clips.len().min(WORST) as u64);
    if left > 0 {
        lines.push(format!("  … and {} more", grouped(left)));
    }
    let advice = check::advice(report);
    if !advice.is_empty() {
        lines.extend(paper.prose("→ ", &spoken(&advice)));
    }
    lines
}

fn ink_of_verdict(verdict: ClipVerdict) -> Ink {
    match verdict {
        ClipVerdict::Fail => Ink::Bad,
        ClipVerdict::NotInspected | ClipVerdict::Review => Ink::Warn,
        ClipVerdict::Pass => Ink::Good,
    }
}

fn states(report: &RunReport, paper: Paper) -> Vec<String> {
    let rows = report.totals.by_state.iter().map(|(state, jobs)| {
        let word = state.as_str();
        (ink_of(*state), vec![word.to_owned(), grouped(*jobs)])
    });
    let (inks, rows): (Vec<Ink>, Vec<Vec<String>>) = rows.unzip();
    let table = Table {
        title: "By state".to_owned(),
        head: vec!["state".into(), "jobs".into()],
        rows,
        total: Some(vec!["total".into(), grouped(report.totals.jobs)]),
    };
    let mut lines = table.lines(paper);
    for (line, ink) in lines.iter_mut().skip(2).zip(inks) {
        *line = paper.ink(ink, line);
    }
    lines
}

fn ink_of(state: JobState) -> Ink {
    match state {
        JobState::Done => Ink::Good,
        JobState::Refused | JobState::Failed | JobState::Lost => Ink::Bad,
        JobState::Unknown => Ink::Warn,
        _ => Ink::Quiet,
    }
}

fn money(report: &RunReport, paper: Paper) -> Vec<String> {
    let t = &report.totals;
    let mut rows = vec![("spent", t.spent)];
    if !t.written_off.is_zero() {
        rows.push(("… of it written off", t.written_off));
    }
    rows.push(("reserved for jobs under way", t.reserved));
    rows.push(("held by unknown submissions", t.unknown));
    let sums = aligned(&rows.iter().map(|(_, v)| *v).collect::<Vec<_>>());
    let table = Table {
        title: "Money".to_owned(),
        head: vec![String::new(), plain(&report.unit)],
        rows: rows.iter().zip(sums).map(|((n, _), v)| vec![(*n).to_owned(), v]).collect(),
        total: None,
    };
    table.lines(paper)
}

/// Jobs that ended without a clip and wait for nobody, worst first.
pub(super) fn troubled(report: &RunReport) -> Vec<&JobView> {
    let troubled = |j: &&JobView| rank(j.state) < 4 && !j.wants_a_person();
    let mut jobs: Vec<&JobView> = report.jobs.iter().filter(troubled).collect();
    jobs.sort_by_key(|j| rank(j.state));
    jobs
}

/// How pressing a state is; the lowest first.
pub(super) fn rank(state: JobState) -> u8 {
    match state {
        JobState::Unknown => 0,
        JobState::Failed => 1,
        JobState::Lost => 2,
        JobState::Refused => 3,
        JobState::Submitting | JobState::Submitted | JobState::Ready | JobState::Fetching => 4,
        JobState::Done => 5,
    }
}

fn to_look_at(report: &RunReport, paper: Paper) -> Vec<String> {
    let jobs = troubled(report);
    if jobs.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "To look at")];
    for job in jobs.iter().take(LISTED) {
        let word = job.state.as_str();
        let room = paper.width.saturating_sub(11);
        lines.push(format!(
            "  {}{} {}",
            paper.ink(ink_of(job.state), word),
            " ".repeat(8usize.saturating_sub(word.len())),
            fitted(&plain(&job.address), room)
        ));
        if let Some(message) = &job.message {
            let said = paper.prose("           ", message);
            lines.extend(said.iter().map(|l| paper.ink(Ink::Quiet, l)));
        }
    }
    if jobs.len() > LISTED {
        lines.push(format!("  … and {} more", grouped((jobs.len() - LISTED) as u64)));
    }
    lines
}
