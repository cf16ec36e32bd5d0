//! Why a model was chosen where the manifest leaves it open, in words.

use std::collections::BTreeMap;

use crate::plan::{Choice, FellOut, Offer, PlanSummary};
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{decimal, grouped, listed};

/// Choices that are shown; a matrix may have hundreds.
const CHOICES: usize = 20;

/// Reasons that are shown for one choice.
const REASONS: usize = 4;

/// Models that are named for one reason.
const MODELS: usize = 3;

/// The choices for a terminal.
pub(super) fn choices_text(summary: &PlanSummary, paper: Paper) -> Vec<String> {
    if summary.choices.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "Models chosen")];
    let mut before: Option<&[FellOut]> = None;
    for choice in summary.choices.iter().take(CHOICES) {
        lines.extend(paper.prose("  ", &why(choice)));
        // Variants mostly lose the same models for the same reasons.
        if before != Some(&choice.fell_out) && !choice.fell_out.is_empty() {
            let text = format!("not chosen: {}", reasons(&choice.fell_out));
            lines.extend(paper.prose("    ", &text).iter().map(|l| paper.ink(Ink::Quiet, l)));
        }
        before = Some(&choice.fell_out);
    }
    let more = summary.choices.len().saturating_sub(CHOICES);
    if more > 0 {
        lines.push(format!("  … and {} more; `--json` lists them", grouped(more as u64)));
    }
    lines
}

/// One choice in a sentence: `turn (aspect=9:16): fal/x at 1.52 USD a clip, the cheapest of 5; …`.
pub(super) fn why(choice: &Choice) -> String {
    let variant = choice.variant.as_ref().map_or_else(String::new, |v| format!(" ({v})"));
    let mut text = format!("{}{variant}: {}", choice.shot, offer(&choice.chosen, &choice.unit));
    match (&choice.second, choice.candidates) {
        (Some(second), candidates) => {
            text.push_str(&format!(
                ", the cheapest of {}; second is {}",
                grouped(candidates),
                offer(second, &choice.unit)
            ));
        }
        (None, 1) => text.push_str(", the only one that fits what is asked"),
        (None, _) => text.push_str(", the only one that can make every clip"),
    }
    text
}

fn offer(offer: &Offer, unit: &str) -> String {
    let (least, most) = (decimal(&offer.least), decimal(&offer.most));
    let price = if least == most { least } else { format!("{least} to {most}") };
    format!("{} at {price} {unit} a clip", offer.model)
}

/// Models by what speaks against them, the most common reason first.
fn reasons(out: &[FellOut]) -> String {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for out in out {
        by_reason.entry(&out.why).or_default().push(&out.model);
    }
    let mut all: Vec<(&str, Vec<&str>)> = by_reason.into_iter().collect();
    all.sort_by_key(|(_, models)| std::cmp::Reverse(models.len()));
    let more: usize = all.iter().skip(REASONS).map(|(_, models)| models.len()).sum();
    let mut said: Vec<String> = all.iter().take(REASONS).map(reason).collect();
    if more > 0 {
        said.push(format!("{more} more, which `--json` lists"));
    }
    said.join("; ")
}

fn reason((why, models): &(&str, Vec<&str>)) -> String {
    let mut named: Vec<String> = models.iter().take(MODELS).map(|m| (*m).to_owned()).collect();
    let more = models.len().saturating_sub(MODELS);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    format!("{} ({why})", listed(&named))
}
