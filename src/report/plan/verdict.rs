//! The plan in one sentence, and what to do next.

use rust_decimal::Decimal;

use crate::plan::{ApprovalLine, Breach, BudgetLine, Named, PlanSummary, Severity, Tally, quoted};
use crate::report::phrase::{amounts, count, grouped, length_of, listed};

use super::cost::{Three, against, in_unit};

/// Names that one sentence lists; the others are counted.
const NAMED: usize = 4;

/// What a budget owner can do with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A run would start nothing.
    Nothing,
    /// Something must be mended before it can run.
    Blocked,
    /// It waits for an approval.
    Open,
    /// It can run.
    Approved,
}

impl Standing {
    pub(super) fn of(summary: &PlanSummary) -> Self {
        let over = over_budget(summary).next().is_some();
        if summary.to_run.jobs == 0 {
            Standing::Nothing
        } else if over || summary.to_run.unpriced > 0 || denied(summary).next().is_some() {
            Standing::Blocked
        } else if summary.approval.is_some() {
            Standing::Approved
        } else {
            Standing::Open
        }
    }
}

/// Guardrails that deny.
pub(super) fn denied(summary: &PlanSummary) -> impl Iterator<Item = &Breach> {
    summary.breaches.iter().filter(|b| b.severity == Severity::Deny)
}

/// All guardrails that are broken, those that deny first.
pub(super) fn by_severity(summary: &PlanSummary) -> Vec<&Breach> {
    let mut breaches: Vec<&Breach> = summary.breaches.iter().collect();
    breaches.sort_by_key(|b| std::cmp::Reverse(b.severity));
    breaches
}

/// The first few names, each once, and how many more there are.
fn named(names: impl Iterator<Item = String>) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    if all.len() > NAMED {
        let more = all.len() - NAMED;
        all.truncate(NAMED);
        all.push(format!("{} more", grouped(more as u64)));
    }
    (!all.is_empty()).then(|| listed(&all))
}

/// The plan in one or two sentences: what would be made, for how much, and what stands in the
/// way. Says in one calm line that there is nothing to do.
pub fn verdict(summary: &PlanSummary) -> String {
    if summary.all.jobs == 0 {
        let nothing = match summary.selection {
            Some(_) => "Nothing to do: what the plan is narrowed to holds no clip to make",
            None => "Nothing to do: the manifest asks for no clips",
        };
        return with_orphans(nothing, summary);
    }
    let standing = standing(summary);
    if summary.to_run.jobs == 0 {
        return match summary.changes.done == summary.all.jobs {
            true => with_orphans(
                &format!("Nothing to do: {}", all_there(summary.changes.done)),
                summary,
            ),
            false => with_orphans(&format!("Nothing to start: {}", listed(&standing)), summary),
        };
    }
    let mut sentence = format!(
        "{} to make, {} of video, {}",
        count(summary.to_run.jobs, "clip"),
        length_of(&summary.to_run.seconds),
        cost_with_bounds(&summary.to_run, &summary.unit),
    );
    if !standing.is_empty() {
        sentence.push_str("; ");
        sentence.push_str(&listed(&standing));
    }
    let mut text = with_orphans(&sentence, summary);
    if let Some(with) = &summary.since_approval {
        text.push_str(&format!(" That is {}.", against(with)));
    }
    if let Some(over) = named(over_budget(summary).map(|b| b.name.clone())) {
        text.push_str(&format!(" Over budget: {over}."));
    }
    let mut reasons = Vec::new();
    match summary.to_run.unpriced {
        0 => {}
        1 => reasons.push("1 job is unpriced".to_owned()),
        n => reasons.push(format!("{} jobs are unpriced", grouped(n))),
    }
    if let Some(rules) = named(denied(summary).map(|b| b.rule.clone())) {
        let verb = if rules.contains(" and ") { "deny" } else { "denies" };
        reasons.push(format!("{rules} {verb} it"));
    }
    if !reasons.is_empty() {
        text.push_str(&format!(" It can't be approved while {}.", listed(&reasons)));
    }
    text
}

fn all_there(done: u64) -> String {
    match done {
        1 => "the one clip is made".to_owned(),
        n => format!("all {} clips are made", grouped(n)),
    }
}

/// What the jobs cost, never as less than it may be: what is unpriced is named beside the sum.
pub(super) fn cost(tally: &Tally, unit: &str) -> String {
    match (amounts(&tally.estimate), tally.unpriced) {
        (Some(sum), 0) => sum,
        (Some(sum), n) => format!("at least {sum} and {} unpriced", grouped(n)),
        (None, 0) => format!("0 {unit}"),
        (None, _) => "cost not known".to_owned(),
    }
}

/// As [`cost`], with the least and the most where they differ from what is expected.
fn cost_with_bounds(tally: &Tally, unit: &str) -> String {
    let said = cost(tally, unit);
    let bounds = Three::of(tally, unit).and_then(|three| three.bounds());
    match bounds.filter(|_| tally.estimate.len() == 1) {
        Some(bounds) => format!("{said} ({bounds})"),
        None => said,
    }
}

fn standing(summary: &PlanSummary) -> Vec<String> {
    let c = &summary.changes;
    [(c.done, "done already"), (c.in_flight, "in flight"), (c.unknown, "of unknown outcome")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(n)))
        .collect()
}

fn with_orphans(sentence: &str, summary: &PlanSummary) -> String {
    match summary.changes.orphaned {
        0 => format!("{sentence}."),
        n => format!("{sentence}; {} orphaned.", grouped(n)),
    }
}

/// Budgets that the plan does not fit.
pub(super) fn over_budget(summary: &PlanSummary) -> impl Iterator<Item = &BudgetLine> {
    summary.budgets.iter().filter(|b| !b.fits)
}

/// A part of a step: words, or a command or name to be set apart as such. Kept apart, because a
/// path may hold any mark that could be taken for the end of one.
pub(super) enum Piece {
    Words(String),
    Code(String),
}

type Step = Vec<Piece>;

fn step(command: String, then: &str) -> Step {
    vec![Piece::Code(command), Piece::Words(then.to_owned())]
}

/// What to do next, most pressing first, each a sentence that names its command. Empty when
/// there is nothing to do.
pub fn next_steps(summary: &PlanSummary) -> Vec<String> {
    let said = |piece: &Piece| match piece {
        Piece::Words(words) => words.clone(),
        Piece::Code(code) => format!("`{code}`"),
    };
    steps(summary).iter().map(|step| step.iter().map(said).collect()).collect()
}

/// As [`next_steps`], its commands apart from its words.
pub(super) fn steps(summary: &PlanSummary) -> Vec<Step> {
    let run = format!("kinora run {}", summary.named.target(&summary.manifest));
    let mut steps = Vec::new();
    if summary.changes.unknown > 0 {
        let those = count(summary.changes.unknown, "submission");
        let status = format!("kinora status {}", quoted(&summary.manifest));
        let then = format!(
            " lists the {those} that nobody knows the outcome of; look for them at the provider, \
             they are not sent again unless the manifest's `unknown: resubmit` allows it."
        );
        steps.push(step(status, &then));
    }
    if summary.to_run.jobs == 0 {
        if summary.changes.in_flight > 0 {
            steps.push(step(run, " fetches what is in flight."));
        }
        return steps;
    }
    let blocked = blockers(summary);
    if !blocked.is_empty() {
        steps.extend(blocked);
    } else if let Some(approval) = &summary.approval {
        if too_low(approval, summary) {
            let stops =
                format!(" makes what fits the {} that are approved, and stops; ", approval.ceiling);
            let mut part = step(run, &stops);
            let approve =
                format!("kinora approve {} --by NAME", summary.named.target(&summary.manifest));
            part.extend(step(approve, " approves all of it."));
            steps.push(part);
        } else {
            steps.push(step(run, " makes them; this plan is approved."));
        }
    } else {
        let approve =
            format!("kinora approve {} --by NAME", summary.named.target(&summary.manifest));
        let ask = if let Named::File(_) = summary.named {
            let mut ask = step(approve, " approves exactly this; then ");
            ask.extend(step(run, " makes it."));
            ask
        } else {
            let mut ask = step(run, " asks and then makes them; ");
            ask.extend(step(approve, " approves this plan for an unattended run."));
            ask
        };
        steps.push(ask);
    }
    steps
}

/// Whether the approval's ceiling alone, whatever is held under it, is below the estimate.
fn too_low(approval: &ApprovalLine, summary: &PlanSummary) -> bool {
    let ceiling = approval.ceiling.split(' ').next().unwrap_or_default().replace(',', "");
    let estimate = in_unit(&summary.to_run.estimate, &summary.unit);
    ceiling.parse::<Decimal>().ok().zip(estimate).is_some_and(|(most, wanted)| most < wanted)
}

/// What has to be mended before the plan can run.
fn blockers(summary: &PlanSummary) -> Vec<Step> {
    let mut steps = Vec::new();
    if summary.to_run.unpriced > 0 {
        let mut priced = vec![Piece::Words("Give what is unpriced a price in ".to_owned())];
        priced.extend(step("prices.yaml".to_owned(), " ("));
        priced.extend(step(
            "kinora prices".to_owned(),
            " says where a provider can be asked), or choose a priced model: ",
        ));
        priced.extend(step("kinora models".to_owned(), " lists them."));
        steps.push(priced);
    }
    for breach in denied(summary).take(NAMED) {
        let mut mend = vec![Piece::Words("Make the plan fit ".to_owned())];
        mend.extend(step(format!("guardrails.{}", breach.rule), " at "));
        mend.extend(step(breach.at.clone(), ", or change that rule."));
        steps.push(mend);
    }
    for budget in over_budget(summary).take(NAMED) {
        let mut raise = vec![Piece::Words("Raise ".to_owned())];
        raise.extend(step(format!("budget.{}", budget.name), " in "));
        raise.extend(step(summary.manifest.clone(), ", or make fewer or cheaper clips."));
        steps.push(raise);
    }
    steps
}
