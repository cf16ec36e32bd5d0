//! How a plan's clips will be held against their references, in words.

use crate::manifest::{Bounds, ConsistencyRule, OnFail};
use crate::plan::{Checked, PlanSummary};
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{count, grouped};

/// Parts that are told; a catalogue may have hundreds of shots that each say something else.
const TOLD: usize = 12;

/// The checks for a terminal.
pub(super) fn checks_text(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    let said = sentences(summary);
    if said.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Clips against their references")];
    lines.extend(said.iter().flat_map(|said| paper.prose("  ", said)));
    lines
}

/// A sentence for each part of the plan that is checked in its own way, and one for what is not checked;
/// nothing where no clip is.
pub fn sentences(summary: &PlanSummary) -> Vec<String> {
    let checked = &summary.checked;
    if checked.is_empty() {
        return Vec::new();
    }
    let mut said: Vec<String> = checked.iter().take(TOLD).map(sentence).collect();
    let more = checked.len().saturating_sub(TOLD) as u64;
    if more > 0 {
        said.push(format!(
            "{} are asked something else; `--json` lists them.",
            count(more, "other part")
        ));
    }
    let jobs: u64 = checked.iter().map(|checked| checked.jobs).sum();
    match summary.to_run.jobs.saturating_sub(jobs) {
        0 => {}
        1 => said.push("1 clip is not checked.".to_owned()),
        n => said.push(format!("{} clips are not checked.", grouped(n))),
    }
    said
}

fn sentence(checked: &Checked) -> String {
    let rule = &checked.rule;
    let at = checked.at.as_deref().unwrap_or("as usual");
    format!(
        "{}: {}{}; {} ({at}).",
        count(checked.jobs, "clip"),
        bounds(rule.bounds),
        roles(rule),
        on_fail(rule)
    )
}

fn bounds(Bounds { min, fail_below }: Bounds) -> String {
    match fail_below {
        0 => format!("passing from a score of {min}, never failing"),
        _ if fail_below == min => format!("passing from a score of {min}, failing below"),
        _ => format!("passing from a score of {min}, failing below {fail_below}"),
    }
}

fn roles(rule: &ConsistencyRule) -> String {
    let told: Vec<String> = rule
        .roles
        .iter()
        .map(|(role, Bounds { min, fail_below })| match fail_below {
            0 => format!("{} from {min}, never failing", role.as_str()),
            below => format!("{} from {min}, failing below {below}", role.as_str()),
        })
        .collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) }
}

/// What becomes of a clip that fails.
fn on_fail(rule: &ConsistencyRule) -> String {
    match (rule.on_fail, rule.max_retakes) {
        (OnFail::Flag, _) => "one that fails is reported".to_owned(),
        (OnFail::Hold, _) => {
            "one that fails stays out of shops' files until a person accepts it".to_owned()
        }
        (OnFail::Retake, 0 | 1) => "one that fails is made again, once".to_owned(),
        (OnFail::Retake, n) => format!("one that fails is made again, at most {n} times"),
    }
}
