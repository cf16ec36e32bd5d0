//! What asking the providers for their prices changes.

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{exact, factor, what};
use crate::models::{Charge, Example, Price};
use crate::report::layout::{Ink, Paper, Table};
use crate::report::phrase::{count, plain};

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const REFRESH_FORMAT: &str = "1.0";

/// What asking the providers for their prices brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefreshReport {
    /// Version of this form.
    pub format_version: String,
    /// The day on which they were asked.
    #[schemars(with = "String")]
    pub day: Date,
    /// The price file.
    pub file: String,
    /// Whether it was written.
    pub written: bool,
    /// The models that were asked for, by name.
    pub models: Vec<RefreshLine>,
}

/// What asking for one model brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefreshLine {
    /// Model.
    pub model: String,
    /// Provider.
    pub provider: String,
    /// What became of it.
    pub outcome: PriceOutcome,
    /// Why, where it is not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The URL that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What differs, line by line; all lines of a price that is new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PriceChange>,
    /// What a person should know beside it, also where the model's abilities on its card differ
    /// from what the provider says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What became of asking for a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceOutcome {
    /// It is what is known already; written, it has the new day.
    Same,
    /// It differs from what is known.
    Changed,
    /// Nothing was known.
    New,
    /// It is not believed; a person may take it by name.
    Doubtful,
    /// The provider's answer makes no price, or there was none.
    Failed,
    /// The provider has no list that could be asked.
    NotAsked,
}

/// One line of a price that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceChange {
    /// What is counted, and when.
    pub what: String,
    /// Unit of the amounts.
    pub unit: String,
    /// Amount before, a decimal string; absent: there was no such line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Amount now; absent: there is no such line any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// How much more that is, in percent, a decimal string with one digit after the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
}

/// A line with its amount.
type Line = (String, String, Decimal);

/// The lines in which two prices differ, in the order of the newer one, and then what that makes of
/// a usual clip.
pub fn changes(before: Option<&Price>, now: &Price, example: Option<&Example>) -> Vec<PriceChange> {
    let old = before.map(lines).unwrap_or_default();
    let new = lines(now);
    let of = |lines: &[Line], wanted: &Line| {
        let same = |line: &&Line| line.0 == wanted.0 && line.1 == wanted.1;
        lines.iter().find(same).map(|line| line.2)
    };
    let gone = old.iter().filter(|line| of(&new, line).is_none());
    let all = new.iter().chain(gone);
    let differing = all.filter_map(|line| {
        let (was, is) = (of(&old, line), of(&new, line));
        (was != is).then(|| change(line, was, is))
    });
    let mut changes: Vec<PriceChange> = differing.collect();
    // In two units there are no two amounts to compare.
    let comparable = before.is_none_or(|before| before.unit == now.unit);
    if let Some(example) = example.filter(|_| comparable) {
        let line = (example.clip.clone(), now.unit.to_string(), Decimal::ZERO);
        changes.push(change(&line, example.before, example.now));
    }
    changes
}

fn change(line: &Line, was: Option<Decimal>, is: Option<Decimal>) -> PriceChange {
    let percent = was.zip(is).and_then(|(was, is)| {
        let share = (is - was).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(was)?;
        let rounded = share.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero);
        Some(format!("{rounded:.1}"))
    });
    let text = |value: Decimal| value.normalize().to_string();
    PriceChange {
        what: line.0.clone(),
        unit: line.1.clone(),
        before: was.map(text),
        now: is.map(text),
        percent,
    }
}

fn lines(price: &Price) -> Vec<Line> {
    let unit = price.unit.to_string();
    let charge = |charge: &Charge| (what(charge), unit.clone(), charge.amount.normalize());
    let mut lines: Vec<Line> = price.charges.iter().map(charge).collect();
    for multiplier in &price.multipliers {
        lines.push((factor(multiplier), "times".to_owned(), multiplier.times.normalize()));
    }
    if let Some(minimum) = price.minimum {
        lines.push(("the least for a clip".to_owned(), unit, minimum.normalize()));
    }
    lines
}

impl RefreshReport {
    /// How many models' prices would be written.
    pub fn differing(&self) -> usize {
        let differs = |outcome| matches!(outcome, PriceOutcome::Changed | PriceOutcome::New);
        self.models.iter().filter(|line| differs(line.outcome)).count()
    }

    /// Whether there is any model with this outcome.
    pub fn has(&self, outcome: PriceOutcome) -> bool {
        self.models.iter().any(|line| line.outcome == outcome)
    }
}

/// The report as indented JSON with a last line break.
pub fn refresh_json(report: &RefreshReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The JSON Schema of [`refresh_json`].
pub fn refresh_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(RefreshReport);
    schema.insert("title".to_owned(), "Kinora prices refresh".into());
    schema.to_value()
}

/// The report for a terminal: what changes as a table, then what is not taken and why.
pub fn refresh_text(report: &RefreshReport, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let blocks = [
        verdict(report, paper),
        table(report, paper),
        listed(report, PriceOutcome::Doubtful, "Not taken", Ink::Warn, paper),
        listed(
            report,
            PriceOutcome::Failed,
            "Without an answer that makes a price",
            Ink::Bad,
            paper,
        ),
        listed(report, PriceOutcome::NotAsked, "Not asked", Ink::Quiet, paper),
        notes(report, paper),
    ];
    let shown = blocks.into_iter().filter(|lines| !lines.is_empty());
    shown.map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

fn verdict(report: &RefreshReport, paper: Paper) -> Vec<String> {
    let with = |wanted| report.models.iter().filter(move |line| line.outcome == wanted).count();
    let mut said = Vec::new();
    for (outcome, word) in [
        (PriceOutcome::Changed, "changed"),
        (PriceOutcome::New, "new"),
        (PriceOutcome::Same, "the same"),
        (PriceOutcome::Doubtful, "doubtful"),
        (PriceOutcome::Failed, "without an answer"),
        (PriceOutcome::NotAsked, "not asked"),
    ] {
        let n = with(outcome);
        if n > 0 {
            said.push(format!("{n} {word}"));
        }
    }
    let of = count(report.models.len() as u64, "price");
    let text = match said.is_empty() {
        true => "No model has a price to ask for.".to_owned(),
        false => format!("{of} looked at on {}: {}.", report.day, said.join(", ")),
    };
    let settled = with(PriceOutcome::Same) == report.models.len();
    let ink = if settled { Ink::Good } else { Ink::Strong };
    paper.prose("", &text).iter().map(|line| paper.ink(ink, line)).collect()
}

fn table(report: &RefreshReport, paper: Paper) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in report.models.iter().filter(|line| !line.changes.is_empty()) {
        let doubtful = if line.outcome == PriceOutcome::Doubtful { " (not taken)" } else { "" };
        let head = format!("{}{doubtful}", plain(&line.model));
        rows.push(vec![head, String::new(), String::new(), String::new()]);
        for change in &line.changes {
            let amount = |text: &Option<String>| match text {
                Some(text) => {
                    let value = text.parse().map_or_else(|_| text.clone(), exact);
                    format!("{value} {}", plain(&change.unit))
                }
                None => "–".to_owned(),
            };
            let percent = match &change.percent {
                Some(percent) if percent.starts_with('-') => format!("{percent} %"),
                Some(percent) => format!("+{percent} %"),
                None if change.before.is_none() => "new".to_owned(),
                None if change.now.is_none() => "gone".to_owned(),
                None => String::new(),
            };
            rows.push(vec![
                format!("  {}", plain(&change.what)),
                amount(&change.before),
                amount(&change.now),
                percent,
            ]);
        }
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let head = ["for", "before", "now", "change"].map(str::to_owned).to_vec();
    Table { title: "What differs".to_owned(), head, rows, total: None }.lines(paper)
}

fn listed(
    report: &RefreshReport,
    wanted: PriceOutcome,
    title: &str,
    ink: Ink,
    paper: Paper,
) -> Vec<String> {
    // Of a whole provider it is said once.
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in report.models.iter().filter(|line| line.outcome == wanted) {
        let why = line.why.as_deref().unwrap_or_default();
        match by_reason.iter_mut().find(|(known, _)| *known == why) {
            Some((_, models)) => models.push(&line.model),
            None => by_reason.push((why, vec![&line.model])),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for (why, models) in by_reason {
        if lines.is_empty() {
            lines.push(paper.ink(Ink::Strong, title));
        }
        let names = paper.prose("  ", &models.join(", "));
        lines.extend(names.iter().map(|line| paper.ink(ink, line)));
        lines.extend(paper.prose("    ", why));
    }
    if wanted == PriceOutcome::Doubtful && !lines.is_empty() {
        let how = "`kinora prices refresh --take MODEL` takes such a price all the same";
        lines.extend(paper.prose("→ ", how));
    }
    lines
}

fn notes(report: &RefreshReport, paper: Paper) -> Vec<String> {
    let mut lines = Vec::new();
    for line in report.models.iter().filter(|line| !line.notes.is_empty()) {
        if lines.is_empty() {
            lines.push(paper.ink(Ink::Strong, "Worth a look"));
        }
        lines.extend(paper.prose("  ", &line.model));
        for note in &line.notes {
            lines.extend(paper.prose("    ", note));
        }
    }
    lines
}
