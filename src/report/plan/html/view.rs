//! The values that the page shows: every number already in words.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::chart::{ChartView, share};
use super::pictures::Thumbnails;
use super::tables::{self, TableView, age, days_old};
use crate::diagnostic;
use crate::plan::{PlanSummary, Severity};
use crate::report::phrase::{count, grouped, length_of, plain, shortened};
use crate::report::plan::cost::{self, Three, WHAT_EXPECTED, WHAT_RETAKES, in_unit, shown};
use crate::report::plan::text::groupings;
use crate::report::plan::verdict::{Piece, Standing, by_severity, over_budget, steps, verdict};
use crate::report::plan::{checks, choices};

/// Lines of one list.
const LISTED: usize = 100;
/// Subjects in their table.
const SUBJECTS: usize = 25;
/// Warnings that stand at the head of the page.
const WARNINGS: usize = 5;
/// Characters of one text.
const TEXT: usize = 600;

/// The page.
#[derive(Serialize)]
pub(super) struct PageView {
    name: String,
    manifest: String,
    plan: String,
    plan_short: String,
    seen: String,
    unit: String,
    selection: Option<String>,
    tone: &'static str,
    standing: &'static str,
    verdict: String,
    blockers: Vec<Notice>,
    warnings: Vec<Notice>,
    /// Findings that only the list below has.
    more_findings: Option<String>,
    figures: Vec<Figure>,
    spread: Option<Spread>,
    pictures: Option<Pictures>,
    charts: Vec<ChartView>,
    changes: Vec<(String, String)>,
    since: Option<Since>,
    priced: u64,
    unpriced: u64,
    jobs_note: Option<String>,
    unpriced_note: Option<String>,
    thumbnails_note: Option<String>,
    has_low: bool,
    has_high: bool,
    has_extra: bool,
    has_pictures: bool,
    groups: Vec<TableView>,
    findings: Vec<Notice>,
    choices: Vec<String>,
    checks: Vec<String>,
    assumptions: Vec<TableView>,
    steps: Vec<Vec<Part>>,
    command: Option<String>,
    approval: Option<String>,
}

/// Something to be seen first, or one line of the list of findings.
#[derive(Serialize)]
struct Notice {
    tone: &'static str,
    word: &'static str,
    what: String,
    help: Option<String>,
    at: Option<String>,
}

/// A number with its name.
#[derive(Serialize)]
struct Figure {
    name: &'static str,
    value: String,
    note: Option<String>,
}

/// The three numbers on one line; places in percent of its length.
#[derive(Serialize)]
struct Spread {
    said: String,
    low: Decimal,
    /// From the least to the most.
    width: Decimal,
    expected: Decimal,
    reasons: Vec<(String, String, String)>,
}

/// What pictures add, against the text route.
#[derive(Serialize)]
struct Pictures {
    said: String,
    text: Decimal,
    rest: Decimal,
}

/// The plan against the one approved last.
#[derive(Serialize)]
struct Since {
    label: String,
    verdict: String,
    sums: String,
    counts: Vec<(String, &'static str)>,
    rows: Vec<Difference>,
    more: Option<String>,
}

#[derive(Serialize)]
struct Difference {
    what: String,
    address: String,
    why: String,
    money: String,
}

/// Words or a command.
#[derive(Serialize)]
struct Part {
    code: bool,
    text: String,
}

impl PageView {
    pub(super) fn of(
        summary: &PlanSummary,
        [priced, unpriced]: [u64; 2],
        thumbnails: &Thumbnails,
        today: Date,
    ) -> Self {
        let run = &summary.to_run;
        let standing = Standing::of(summary);
        let (tone, word) = match standing {
            Standing::Nothing => ("good", "Nothing to do"),
            Standing::Blocked => ("bad", "Can’t be approved"),
            Standing::Open => ("busy", "Waits for approval"),
            Standing::Approved => ("good", "Approved"),
        };
        let without = run.unpriced.saturating_sub(unpriced);
        let left_out = run.jobs.saturating_sub(run.unpriced).saturating_sub(priced);
        let (warnings, more_findings) = warnings(summary);
        let three = Three::of(run, &summary.unit);
        PageView {
            name: text(&summary.name),
            manifest: text(&summary.manifest),
            plan: plain(&summary.plan),
            plan_short: summary.plan.chars().take(12).collect(),
            seen: today.strftime("%-d %B %Y").to_string(),
            unit: text(&summary.unit),
            selection: summary.selection.as_deref().map(text),
            tone,
            standing: word,
            verdict: shortened(&plain(&verdict(summary)), 2_000),
            blockers: blockers(summary),
            warnings,
            more_findings,
            figures: figures(summary, today),
            spread: three.as_ref().and_then(|three| spread(three, &summary.unit)),
            pictures: pictures(summary),
            charts: charts(summary),
            changes: changes(summary),
            since: since(summary),
            priced,
            unpriced,
            jobs_note: (left_out > 0).then(|| {
                format!(
                    "The {} are here; {} more are in the CSV report (--format csv).",
                    match priced {
                        1 => "dearest one".to_owned(),
                        n => format!("{} dearest", grouped(n)),
                    },
                    grouped(left_out)
                )
            }),
            unpriced_note: (without > 0)
                .then(|| format!("{} more are in the CSV report.", grouped(without))),
            thumbnails_note: (thumbnails.made() > 0 && thumbnails.left_out() > 0).then(|| {
                let n = thumbnails.left_out() as u64;
                format!("{} of these jobs not shown.", count(n, "picture"))
            }),
            has_low: three.as_ref().is_some_and(Three::has_low),
            has_high: three.as_ref().is_some_and(Three::has_high),
            has_extra: !run.image_extra.is_empty(),
            has_pictures: thumbnails.made() > 0,
            groups: groups(summary),
            findings: findings(summary),
            choices: summary.choices.iter().take(LISTED).map(|c| text(&choices::why(c))).collect(),
            checks: checks::sentences(summary).iter().map(|said| text(said)).collect(),
            assumptions: assumptions(summary, today),
            steps: steps(summary).iter().map(|step| step.iter().map(part).collect()).collect(),
            command: command(summary, standing),
            approval: summary.approval.as_ref().map(|a| text(&format!("{}.", cost::approval(a)))),
        }
    }
}

fn text(value: &str) -> String {
    shortened(&plain(value), TEXT)
}

/// What stands in the way, and guardrails that only warn.
fn blockers(summary: &PlanSummary) -> Vec<Notice> {
    let breach = |b: &crate::plan::Breach| {
        let (tone, word) = match b.severity {
            Severity::Deny => ("bad", "denied"),
            Severity::Warn => ("warn", "warning"),
        };
        let examples = b.examples.iter().take(5).map(|e| text(e)).collect::<Vec<_>>().join(", ");
        Notice {
            tone,
            word,
            what: text(&format!("{}: {}", b.rule, b.message)),
            help: (!examples.is_empty()).then_some(examples),
            at: Some(text(&b.at)),
        }
    };
    let mut all: Vec<Notice> = by_severity(summary).into_iter().take(LISTED).map(breach).collect();
    all.extend(over_budget(summary).take(LISTED).map(|b| Notice {
        tone: "bad",
        word: "over budget",
        what: text(&format!(
            "budget.{}: the limit is {} {}, and {} of it are used so far",
            b.name,
            crate::report::phrase::decimal(&b.limit),
            summary.unit,
            crate::report::phrase::decimal(&b.used)
        )),
        help: None,
        at: None,
    }));
    let unpriced = summary.to_run.unpriced;
    if unpriced > 0 {
        let models = summary.by_model.iter().filter(|g| g.tally.unpriced > 0).take(5);
        let named: Vec<String> = models.map(|g| text(&g.name)).collect();
        all.push(Notice {
            tone: "bad",
            word: "unpriced",
            what: format!("{} in none of these sums: nobody knows the price", {
                let verb = if unpriced == 1 { "is" } else { "are" };
                format!("{} {verb}", count(unpriced, "job"))
            }),
            help: (!named.is_empty()).then(|| named.join(", ")),
            at: None,
        });
    }
    all
}

fn notice(finding: &crate::plan::FindingOut) -> Notice {
    let (tone, word) = match finding.severity {
        diagnostic::Severity::Error => ("bad", "error"),
        diagnostic::Severity::Warning => ("warn", "warning"),
        diagnostic::Severity::Advice => ("busy", "advice"),
    };
    Notice {
        tone,
        word,
        what: text(&finding.message),
        help: finding.help.as_deref().map(text),
        at: finding.at.as_deref().map(text),
    }
}

/// The first warnings, and how many findings there are beyond them.
fn warnings(summary: &PlanSummary) -> (Vec<Notice>, Option<String>) {
    let serious = |f: &&crate::plan::FindingOut| f.severity != diagnostic::Severity::Advice;
    let first: Vec<Notice> =
        summary.findings.iter().filter(serious).take(WARNINGS).map(notice).collect();
    let left_out: usize = summary.findings_left_out.values().sum();
    let more = (summary.findings.len() + left_out).saturating_sub(first.len()) as u64;
    let word = match (first.is_empty(), more) {
        (true, 1) => "1 warning or piece of advice",
        (true, _) => "warnings and pieces of advice",
        (false, 1) => "1 more warning or piece of advice",
        (false, _) => "more warnings and pieces of advice",
    };
    let said = if more == 1 { word.to_owned() } else { format!("{} {word}", grouped(more)) };
    (first, (more > 0).then_some(said))
}

fn findings(summary: &PlanSummary) -> Vec<Notice> {
    let mut all: Vec<Notice> = summary.findings.iter().take(LISTED).map(notice).collect();
    let unlisted = summary.findings.len().saturating_sub(LISTED);
    if unlisted > 0 {
        all.push(left_out(unlisted, None));
    }
    for (code, n) in summary.findings_left_out.iter().take(LISTED) {
        all.push(left_out(*n, Some(code)));
    }
    all
}

fn left_out(n: usize, code: Option<&str>) -> Notice {
    let of = code.map(|code| format!(" of {}", text(code))).unwrap_or_default();
    Notice {
        tone: "quiet",
        word: "more",
        what: format!("{}{of} are not on this page", grouped(n as u64)),
        help: None,
        at: None,
    }
}

fn figures(summary: &PlanSummary, today: Date) -> Vec<Figure> {
    let run = &summary.to_run;
    let unit = text(&summary.unit);
    let mut figures = vec![
        Figure { name: "clips to make", value: grouped(run.jobs), note: None },
        Figure { name: "of video", value: length_of(&run.seconds), note: None },
    ];
    let mut also = |name, value: String, note: Option<String>| {
        figures.push(Figure { name, value, note });
    };
    match Three::of(run, &summary.unit) {
        Some(three) => {
            if three.has_low() {
                also("at least", shown(three.low), Some(unit.clone()));
            }
            also("expected", shown(three.expected), Some(unit.clone()));
            if three.has_high() {
                also("at most", shown(three.high), Some(unit.clone()));
            }
            if let Some(more) = three.retakes() {
                also("of it for retakes, at most", shown(more), Some(unit.clone()));
            }
        }
        None if run.unpriced > 0 => also("expected", "not known".to_owned(), None),
        None => {}
    }
    if run.unpriced > 0 {
        also("unpriced", grouped(run.unpriced), Some("in no sum".to_owned()));
    }
    if let Some(extra) = in_unit(&run.image_extra, &summary.unit).filter(|e| !e.is_zero()) {
        also("of it for pictures", shown(extra), Some(unit));
    }
    if let Some(time) = summary.wall_time.as_ref().filter(|t| t.seconds > 0) {
        also("expected to take", length_of(&time.seconds.to_string()), None);
    }
    if let Some((day, _)) = cost::oldest_price(summary) {
        let note = age(day, today).map(|days| match days {
            0 => days_old(0),
            n => format!("{} old", days_old(n)),
        });
        also("oldest price", plain(day), note);
    }
    figures
}

fn spread(three: &Three, unit: &str) -> Option<Spread> {
    if three.is_certain() || three.high.is_zero() {
        return None;
    }
    let retakes = three.retakes();
    let reasons = [
        ("at least", three.low, three.why_low()),
        ("expected", three.expected, Some(WHAT_EXPECTED)),
        ("retakes", retakes.unwrap_or_default(), retakes.map(|_| WHAT_RETAKES)),
        ("at most", three.high, three.why_high()),
    ];
    Some(Spread {
        said: format!(
            "At least {}, expected {}, at most {} {}",
            shown(three.low),
            shown(three.expected),
            shown(three.high),
            text(unit)
        ),
        low: share(three.low, three.high),
        width: Decimal::ONE_HUNDRED - share(three.low, three.high),
        expected: share(three.expected, three.high),
        reasons: reasons
            .iter()
            .filter_map(|(name, value, why)| {
                Some(((*name).to_owned(), shown(*value), (*why)?.to_owned()))
            })
            .collect(),
    })
}

fn pictures(summary: &PlanSummary) -> Option<Pictures> {
    let run = &summary.to_run;
    let said = cost::pictures(summary)?;
    let extra = in_unit(&run.image_extra, &summary.unit)?;
    let base = in_unit(&run.as_text, &summary.unit)?;
    let whole = base.checked_add(extra)?;
    if whole.is_zero() || extra.is_sign_negative() {
        return None;
    }
    let text = share(base, whole);
    Some(Pictures { said: plain(&said), text, rest: Decimal::ONE_HUNDRED - text })
}

fn charts(summary: &PlanSummary) -> Vec<ChartView> {
    let shots = ChartView::of("by-shot", "shot", &summary.by_shot, summary);
    let models = ChartView::of("by-model", "model", &summary.by_model, summary);
    let sets = (summary.by_set.len() > 1)
        .then(|| ChartView::of("by-set", "set of subjects", &summary.by_set, summary));
    [shots, models, sets.flatten()].into_iter().flatten().collect()
}

fn changes(summary: &PlanSummary) -> Vec<(String, String)> {
    let c = &summary.changes;
    let why: Vec<String> =
        c.changed_by.iter().map(|(part, n)| format!("{} {}", part.as_str(), grouped(*n))).collect();
    let changed = match why.is_empty() {
        true => "changed".to_owned(),
        false => format!("changed ({})", why.join(", ")),
    };
    let orphaned = match c.orphaned_examples.first() {
        Some(one) => format!("orphaned, such as {}", text(one)),
        None => "orphaned".to_owned(),
    };
    let all = [
        (c.new, "new".to_owned()),
        (c.changed, changed),
        (c.to_retry, "to retry".to_owned()),
        (c.done, "done already".to_owned()),
        (c.in_flight, "in flight".to_owned()),
        (c.unknown, "of unknown outcome".to_owned()),
        (c.orphaned, orphaned),
    ];
    all.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| (grouped(n), what)).collect()
}

fn since(summary: &PlanSummary) -> Option<Since> {
    let with = summary.since_approval.as_ref()?;
    let mut counts = cost::differences(with);
    counts.truncate(7);
    let rows = with.examples.iter().take(LISTED).map(|one| Difference {
        what: text(&one.difference),
        address: text(&one.address),
        why: one.why.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", "),
        money: cost::before_and_now(one.before.as_deref(), one.now.as_deref()),
    });
    let rows: Vec<Difference> = rows.collect();
    let all = with.added + with.removed + with.changed + with.dearer + with.cheaper;
    let more = all.saturating_sub(rows.len() as u64);
    let label = if with.label.is_empty() { "the earlier plan" } else { &with.label };
    Some(Since {
        label: text(label),
        verdict: text(&cost::against(with)),
        sums: text(&format!(
            "{} → {} for {} → {}",
            cost::sum(&with.total_before, with.jobs_before),
            cost::sum(&with.total_now, with.jobs_now),
            grouped(with.jobs_before),
            count(with.jobs_now, "clip")
        )),
        counts: counts.into_iter().map(|(n, what)| (grouped(n), what)).collect(),
        rows,
        more: (more > 0).then(|| format!("{} more are not on this page.", grouped(more))),
    })
}

fn groups(summary: &PlanSummary) -> Vec<TableView> {
    let mut all: Vec<TableView> = groupings(summary)
        .into_iter()
        .map(|(name, groups)| {
            let (id, title) = (format!("table-{name}"), format!("By {name}"));
            tables::groups(&id, &title, name, groups, groups.len() as u64, summary)
        })
        .collect();
    if !summary.by_subject.is_empty() {
        let n = summary.subjects.max(summary.by_subject.len() as u64);
        let title = "Dearest subjects";
        let groups = &summary.by_subject[..summary.by_subject.len().min(SUBJECTS)];
        all.push(tables::groups("table-subject", title, "subject", groups, n, summary));
    }
    all
}

fn assumptions(summary: &PlanSummary, today: Date) -> Vec<TableView> {
    let mut all = Vec::new();
    if !summary.prices.is_empty() {
        all.push(tables::prices(summary, today));
    }
    if !summary.budgets.is_empty() {
        all.push(tables::budgets(summary));
    }
    if !summary.actuals.is_empty() {
        all.push(tables::actuals(summary));
    }
    all
}

fn part(piece: &Piece) -> Part {
    match piece {
        Piece::Words(words) => Part { code: false, text: text(words) },
        Piece::Code(code) => Part { code: true, text: shortened(&plain(code), 1_000) },
    }
}

/// The command that is next: to approve, or to run what is approved.
fn command(summary: &PlanSummary, standing: Standing) -> Option<String> {
    let target = summary.named.target(&summary.manifest);
    match standing {
        Standing::Approved => Some(format!("kinora run {target}")),
        Standing::Open => {
            let ceiling = in_unit(&summary.to_run.estimate, &summary.unit)
                .map(|sum| format!(" --ceiling {}", sum.normalize()))
                .unwrap_or_default();
            Some(format!("kinora approve {target} --by NAME{ceiling}"))
        }
        Standing::Nothing | Standing::Blocked => None,
    }
}
