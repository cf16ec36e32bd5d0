//! The dry run as a comment on a pull request: the verdict in one sentence, what stands in the
//! way, a small table, the dearest jobs, what changed since the last approval; all else folded.

mod folded;

use rust_decimal::Decimal;

use crate::plan::{Group, JobLine, PlanSummary, Severity, Tally};
use crate::report::markdown::{Document, code, head, prose, row};
use crate::report::phrase::{amounts, decimal, grouped, length_of, listed, shortened};

use super::checks::sentences;
use super::cost::{self, Three, WHAT_RETAKES};
use super::verdict::{Piece, by_severity, cost, over_budget, steps, verdict};

/// Groups in the first table, and jobs and differences in the lists above the fold.
const TOP: usize = 5;
/// Breaches above the fold.
const BREACHES: usize = 10;
/// Characters of one text of a user above the fold, which a hostile one can't fill with.
const SHOWN: usize = 300;

/// The dry run as Markdown. `jobs` may be a part of the plan's jobs; those that a run would
/// start are listed as far as they fit.
pub fn plan_markdown<'a>(
    summary: &PlanSummary,
    jobs: impl IntoIterator<Item = &'a JobLine>,
) -> String {
    let mut doc = Document::new("plan", &summary.name);
    doc.line(&format!("### {}", prose(&shortened(&verdict(summary), 2_000))));
    doc.line("");
    breaches(summary, &mut doc);
    if summary.to_run.jobs > 0 {
        facts(summary, &mut doc);
        dearest(summary, &mut doc);
    }
    since_approval(summary, &mut doc);
    changes(summary, &mut doc);
    for step in steps(summary) {
        let said: String = step.iter().map(piece_markdown).collect();
        doc.line(&format!("- {said}"));
    }
    folded::findings(summary, &mut doc);
    if summary.to_run.jobs > 0 {
        folded::breakdown(summary, &mut doc);
        folded::assumptions(summary, &mut doc);
        folded::job_list(summary, jobs, &mut doc);
    }
    doc.line("");
    let selection = summary.selection.as_deref().map(|s| format!(" · narrowed: {}", name(s)));
    doc.line(&format!(
        "<sub>{} · {} · plan {}{}</sub>",
        prose(&shortened(&summary.name, SHOWN)),
        name(&summary.manifest),
        code(&summary.plan),
        selection.unwrap_or_default()
    ));
    doc.finish()
}

/// A name, cut where it is long.
fn name(text: &str) -> String {
    code(&shortened(text, SHOWN))
}

fn piece_markdown(piece: &Piece) -> String {
    match piece {
        Piece::Words(words) => prose(words),
        Piece::Code(text) => code(&shortened(text, 1_000)),
    }
}

/// What denies or warns, each with its rule's place.
fn breaches(summary: &PlanSummary, doc: &mut Document) {
    let all = by_severity(summary);
    let more = all.len().saturating_sub(BREACHES) as u64;
    let rows = all.into_iter().take(BREACHES).map(|b| {
        let word = match b.severity {
            Severity::Deny => "Denied by",
            Severity::Warn => "Warning of",
        };
        let mut examples: Vec<String> = b.examples.iter().take(3).map(|e| name(e)).collect();
        let shown = examples.len();
        if b.examples.len() > shown || b.jobs.is_some_and(|n| n > shown as u64 && shown > 0) {
            examples.push("…".to_owned());
        }
        let examples = match examples.as_slice() {
            [] => String::new(),
            some => format!(": {}", some.join(", ")),
        };
        let message = prose(&shortened(&b.message, SHOWN));
        format!("- **{word} {}**: {message}{examples} ({})", name(&b.rule), name(&b.at))
    });
    doc.rows(rows, more, "breaches");
    if !summary.breaches.is_empty() {
        doc.line("");
    }
    for budget in over_budget(summary).take(BREACHES) {
        doc.line(&format!(
            "**Over {}**: limit {}, used so far {} {}.\n",
            name(&budget.name),
            decimal(&budget.limit),
            decimal(&budget.used),
            prose(&summary.unit)
        ));
    }
}

/// Which columns the tables of one plan need, the same for all of them.
struct Columns<'a> {
    unit: &'a str,
    low: bool,
    high: bool,
    extra: bool,
}

impl<'a> Columns<'a> {
    fn of(summary: &'a PlanSummary) -> Self {
        let run = &summary.to_run;
        let three = Three::of(run, &summary.unit).filter(|_| run.estimate.len() == 1);
        Columns {
            unit: &summary.unit,
            low: three.as_ref().is_some_and(Three::has_low),
            high: three.as_ref().is_some_and(Three::has_high),
            extra: !run.image_extra.is_empty(),
        }
    }

    fn head(&self, first: &str) -> [String; 2] {
        let mut names = vec![first, "clips", "video"];
        names.extend(self.low.then_some("low"));
        names.push(if self.low || self.high { "expected" } else { "estimate" });
        names.extend(self.high.then_some("high"));
        if self.extra {
            names.push("for pictures");
        }
        head(&names)
    }

    fn row(&self, first: String, tally: &Tally) -> String {
        let mut cells = vec![first, grouped(tally.jobs), length_of(&tally.seconds)];
        let said = prose(&cost(tally, self.unit));
        let three = Three::of(tally, self.unit).filter(|_| tally.estimate.len() == 1);
        let bound = |of: fn(&Three) -> Decimal| {
            three.as_ref().map_or_else(|| "–".to_owned(), |three| cost::shown(of(three)))
        };
        cells.extend(self.low.then(|| bound(|three| three.low)));
        cells.push(said);
        cells.extend(self.high.then(|| bound(|three| three.high)));
        if self.extra {
            let extra = amounts(&tally.image_extra);
            cells.push(extra.map_or_else(|| "–".to_owned(), |a| prose(&a)));
        }
        row(&cells)
    }
}

/// The total and the dearest groups of subjects, what pictures add, how long it takes, and
/// whether it is approved.
fn facts(summary: &PlanSummary, doc: &mut Document) {
    let columns = Columns::of(summary);
    let (first, groups) = match summary.by_set.len() {
        0 => ("shot", &summary.by_shot),
        _ => ("subjects", &summary.by_set),
    };
    let groups = dearest_first(groups, &summary.unit);
    for line in columns.head(first) {
        doc.line(&line);
    }
    doc.line(&columns.row("**all**".to_owned(), &summary.to_run));
    if groups.len() > 1 {
        let more = groups.len().saturating_sub(TOP) as u64;
        let rows = groups.iter().take(TOP).map(|g| columns.row(name(&g.name), &g.tally));
        doc.rows(rows, more, "rows");
    }
    doc.line("");
    let mut said = Vec::new();
    let free = Three::of(&summary.to_run, &summary.unit).is_some_and(|t| t.expected.is_zero());
    if let Some(adds) = cost::pictures(summary).filter(|_| !free) {
        said.push(format!("For pictures: {}.", prose(&adds)));
    }
    if let Some(three) = Three::of(&summary.to_run, &summary.unit) {
        let why = [("Low", three.why_low()), ("High", three.why_high())];
        said.extend(why.iter().filter_map(|(w, why)| Some(format!("{w}: {}.", (*why)?))));
        said.extend(three.retakes().map(|more| {
            format!(
                "Retakes: up to {} {}, {WHAT_RETAKES}.",
                cost::shown(more),
                prose(&summary.unit)
            )
        }));
    }
    if let Some(time) = summary.wall_time.as_ref().filter(|t| t.seconds > 0 || !free) {
        said.push(format!("Time: {}.", prose(&cost::wall_time(time))));
    }
    if let Some((day, model)) = cost::oldest_price(summary).filter(|_| !free) {
        said.push(format!("Oldest price: {} ({}).", prose(day), name(model)));
    }
    said.extend(sentences(summary).iter().map(|said| prose(&shortened(said, SHOWN))));
    said.push(match &summary.approval {
        Some(a) => format!("{}.", prose(&shortened(&cost::approval(a), SHOWN))),
        None => "Not approved yet.".to_owned(),
    });
    doc.line(&said.join("  \n"));
    doc.line("");
}

/// Groups by what they cost; unpriced ones before all, because nobody knows what they cost.
fn dearest_first<'a>(groups: &'a [Group], unit: &str) -> Vec<&'a Group> {
    let price = |g: &Group| -> (bool, Decimal) {
        (g.tally.unpriced > 0, cost::in_unit(&g.tally.estimate, unit).unwrap_or_default())
    };
    let mut sorted: Vec<&Group> = groups.iter().collect();
    sorted.sort_by_key(|g| std::cmp::Reverse(price(g)));
    sorted
}

fn dearest(summary: &PlanSummary, doc: &mut Document) {
    let free = |estimate: &str| estimate.trim_matches(['0', '.']).is_empty();
    let jobs: Vec<_> = summary.dearest.iter().filter(|j| !free(&j.estimate)).take(TOP).collect();
    if jobs.is_empty() {
        return;
    }
    doc.line(&row(&["dearest".to_owned(), "model".to_owned(), prose(&summary.unit)]));
    doc.line("| --- | --- | ---: |");
    for job in jobs {
        let model = format!("{}, {}", name(&job.model), job.route);
        doc.line(&row(&[name(&job.address), model, decimal(&job.estimate)]));
    }
    doc.line("");
}

fn since_approval(summary: &PlanSummary, doc: &mut Document) {
    let Some(with) = &summary.since_approval else { return };
    let counts: Vec<String> = cost::differences(with)
        .iter()
        .map(|(n, what)| format!("**{}** {what}", grouped(*n)))
        .collect();
    let label = if with.label.is_empty() { "the earlier plan" } else { &with.label };
    doc.line(&format!(
        "Since {}: {} → {} ({} → {} clips): {}.",
        prose(&shortened(label, SHOWN)),
        prose(&cost::sum(&with.total_before, with.jobs_before)),
        prose(&cost::sum(&with.total_now, with.jobs_now)),
        grouped(with.jobs_before),
        grouped(with.jobs_now),
        if counts.is_empty() { "no difference".to_owned() } else { listed(&counts) }
    ));
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
    let examples: Vec<String> = c.orphaned_examples.iter().take(3).map(|a| name(a)).collect();
    let note =
        if examples.is_empty() { String::new() } else { format!(": {}", examples.join(", ")) };
    say(c.orphaned, "orphaned", note);
    if !said.is_empty() {
        doc.line(&format!("In the workspace: {}", said.join(" · ")));
        doc.line("");
    }
}
