//! What is in doubt and what was settled: what `kinora resolve` says.
//!
//! What never lives here: deciding what is settled.

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::{Ink, Paper};
use super::phrase::{count, moment, quoted};
use crate::ledger::JobState;
use crate::money::display_value;
use crate::providers::LookupKind;
use crate::run::evidence::how;
use crate::run::resolve::{Asked, Doubt, Doubtful, PARKED_AFTER, Settled};

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const RESOLVE_FORMAT: &str = "1.0";

/// What is in doubt, and what was settled just now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResolveReport {
    /// Version of this form.
    pub format_version: String,
    /// The manifest as the command line names it.
    pub manifest: String,
    /// The workspace's unit; all amounts count it.
    pub unit: String,
    /// What was tried to settle, and how it went.
    pub tried: Vec<TriedView>,
    /// What is in doubt now.
    pub in_doubt: Vec<DoubtView>,
    /// What in doubt holds together.
    #[schemars(with = "String")]
    pub held: Decimal,
    /// Jobs that were in flight at several crashes in a row: runs take them up last and alone.
    pub parked: Vec<DoubtView>,
}

/// A submission in doubt, or a parked job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DoubtView {
    /// Address of the job.
    pub job: String,
    /// Which attempt of the job, from 1.
    pub attempt: u32,
    /// Provider.
    pub provider: String,
    /// Model.
    pub model: String,
    /// Account at the provider; absent where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Where the ledger has it.
    pub state: JobState,
    /// When its submission began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Since when it stands where it stands.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// What it holds.
    #[schemars(with = "String")]
    pub reserved: Decimal,
    /// What is known about why.
    pub evidence: String,
    /// The name of the attempt towards the provider.
    pub key: String,
    /// The provider's id, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// How many processes stopped while it was open.
    pub interruptions: u32,
    /// Until when the next run may send it again under its key, at no risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub replay_until: Option<Timestamp>,
    /// By what the provider's list can tell it, if it keeps one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<LookupView>,
}

/// By what a provider's list tells submissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LookupView {
    /// The attempt's own key.
    Marker,
    /// The request, echoed.
    Echo,
    /// Model and time alone.
    Count,
}

/// An attempt to settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriedView {
    /// Address of the job.
    pub job: String,
    /// Provider.
    pub provider: String,
    /// What came of it.
    pub outcome: OutcomeView,
    /// The provider's id, when it has the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What counts as spent for it, when the provider has it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub spent: Option<Decimal>,
    /// Why it stays in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What came of trying to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeView {
    /// The provider has it; the next run fetches its clip.
    Accepted,
    /// It never arrived; its money is free again.
    Refused,
    /// The provider has it no more, and there will be no clip; its money counts as spent.
    Gone,
    /// It stays in doubt.
    Stays,
}

impl ResolveReport {
    /// From what is in doubt now and what was tried.
    pub fn new(manifest: &str, unit: &str, now: &[Doubtful], tried: Vec<TriedView>) -> Self {
        let (unknown, parked): (Vec<_>, Vec<_>) = now.iter().partition(|one| one.is_unknown());
        let in_doubt: Vec<DoubtView> = unknown.into_iter().map(DoubtView::of).collect();
        ResolveReport {
            format_version: RESOLVE_FORMAT.to_owned(),
            manifest: manifest.to_owned(),
            unit: unit.to_owned(),
            tried,
            held: in_doubt.iter().map(|one| one.reserved).sum(),
            in_doubt,
            parked: parked.into_iter().map(DoubtView::of).collect(),
        }
    }
}

impl DoubtView {
    fn of(one: &Doubtful) -> Self {
        let attempt = &one.attempt;
        DoubtView {
            job: attempt.address.to_string(),
            attempt: attempt.number,
            provider: attempt.provider.clone(),
            model: attempt.model.clone(),
            account: (!attempt.account.is_empty()).then(|| attempt.account.clone()),
            state: attempt.state,
            started: attempt.started,
            since: attempt.updated,
            reserved: attempt.reserved.to_decimal(),
            evidence: match one.doubt {
                Doubt::Parked => {
                    format!("in flight at {} crashes in a row", attempt.interruptions)
                }
                Doubt::Unknown | Doubt::CutOff => one.evidence().to_owned(),
            },
            key: one.key.as_str().to_owned(),
            remote_id: one.remote_id(),
            interruptions: attempt.interruptions,
            replay_until: one.replay_until,
            lookup: one.means.lookup.map(|kind| match kind {
                LookupKind::Marker => LookupView::Marker,
                LookupKind::Echo => LookupView::Echo,
                LookupKind::Count => LookupView::Count,
            }),
        }
    }
}

impl TriedView {
    /// What a lookup brought.
    pub fn of(asked: &Asked) -> Self {
        let attempt = &asked.doubtful.attempt;
        Self::by(attempt.address.as_str(), &attempt.provider, &asked.settled)
    }

    /// How settling a job of a provider went.
    pub fn by(job: &str, provider: &str, settled: &Settled) -> Self {
        let (mut id, mut spent, mut why) = (None, None, None);
        let outcome = match settled {
            Settled::Accepted(given) => {
                id = Some(given.id.clone());
                OutcomeView::Accepted
            }
            Settled::Refused => OutcomeView::Refused,
            Settled::Gone(amount) => {
                spent = Some(amount.to_decimal());
                OutcomeView::Gone
            }
            Settled::Stays(reason) => {
                why = Some(reason.clone());
                OutcomeView::Stays
            }
        };
        TriedView { job: job.to_owned(), provider: provider.to_owned(), outcome, id, spent, why }
    }
}

/// The report as indented JSON with a last line break.
pub fn resolve_json(report: &ResolveReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The JSON Schema of [`resolve_json`].
pub fn resolve_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(ResolveReport);
    schema.insert("title".to_owned(), "Kinora resolve".into());
    schema.to_value()
}

/// The report for a terminal of `width` columns: what was settled, what is left, and how each is
/// settled.
pub fn resolve_text(report: &ResolveReport, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let blocks = [tried(report, paper), in_doubt(report, paper), parked(report, paper)];
    let shown: Vec<String> =
        blocks.into_iter().filter(|b| !b.is_empty()).map(|b| b.join("\n") + "\n").collect();
    shown.join("\n")
}

fn tried(report: &ResolveReport, paper: Paper) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &report.tried {
        let (ink, word, rest) = match (one.outcome, &one.id, &one.why) {
            (OutcomeView::Accepted, id, _) => {
                let id = id.as_deref().unwrap_or_default();
                (Ink::Good, "accepted", format!("{} has it as {id}", one.provider))
            }
            (OutcomeView::Refused, ..) => {
                (Ink::Good, "refused", format!("{} never took it; its money is free", one.provider))
            }
            (OutcomeView::Gone, ..) => {
                let spent = display_value(one.spent.unwrap_or_default());
                let unit = &report.unit;
                let rest =
                    format!("{} has it no more; {spent} {unit} count as spent", one.provider);
                (Ink::Warn, "gone", rest)
            }
            (OutcomeView::Stays, _, why) => {
                (Ink::Warn, "in doubt", why.clone().unwrap_or_default())
            }
        };
        let said = paper.prose(&format!("{word:<8}  "), &one.job);
        lines.extend(said.iter().map(|line| paper.ink(ink, line)));
        lines.extend(paper.prose("          ", &rest));
    }
    let outcome = |wanted| report.tried.iter().any(|one| one.outcome == wanted);
    let run = format!("`kinora run {}`", quoted(&report.manifest));
    if outcome(OutcomeView::Accepted) {
        let next = format!("{run} fetches what was accepted");
        lines.extend(paper.prose("→ ", &next));
    }
    if outcome(OutcomeView::Refused) {
        let next = format!("what was refused may be submitted again by {run}");
        lines.extend(paper.prose("→ ", &next));
    }
    let spent = |one: &TriedView| one.spent.is_some_and(|spent| !spent.is_zero());
    if report.tried.iter().any(spent) {
        let next = "what is gone is made again, and paid again, only if the manifest says \
                    `pay_again: true`";
        lines.extend(paper.prose("→ ", next));
    }
    lines
}

fn in_doubt(report: &ResolveReport, paper: Paper) -> Vec<String> {
    let all = &report.in_doubt;
    if all.is_empty() {
        return paper
            .prose("", "Nothing is in doubt.")
            .iter()
            .map(|line| paper.ink(Ink::Good, line))
            .collect();
    }
    let hold = if all.len() == 1 { "holds" } else { "hold" };
    let verdict = format!(
        "{} in doubt {hold} {} {}.",
        count(all.len() as u64, "submission"),
        display_value(report.held),
        report.unit
    );
    let mut lines: Vec<String> =
        paper.prose("", &verdict).iter().map(|line| paper.ink(Ink::Warn, line)).collect();
    for one in all {
        lines.extend(job(one, &report.unit, paper));
        lines.extend(paper.prose("    ", &ways(one)));
    }
    lines.extend(commands(report, paper));
    lines
}

fn job(one: &DoubtView, unit: &str, paper: Paper) -> Vec<String> {
    let mut lines = paper.prose("  ", &one.job);
    let held = match one.reserved.is_zero() {
        true => String::new(),
        false => format!(", {} {unit} held", display_value(one.reserved)),
    };
    let known = match &one.remote_id {
        Some(id) => format!("{}'s id {id}", one.provider),
        None => format!("our key {}", one.key),
    };
    let account = one.account.as_ref().map(|a| format!(", account {a}")).unwrap_or_default();
    let facts = format!(
        "{}{account}, attempt {}, {} since {}{held}, {known}",
        one.model,
        one.attempt,
        one.state.as_str(),
        moment(one.since)
    );
    let said = paper.prose("    ", &facts);
    lines.extend(said.iter().map(|line| paper.ink(Ink::Quiet, line)));
    lines.extend(paper.prose("    ", &one.evidence));
    lines
}

/// How one can be settled, in words.
fn ways(one: &DoubtView) -> String {
    let kind = one.lookup.map(|lookup| match lookup {
        LookupView::Marker => LookupKind::Marker,
        LookupView::Echo => LookupKind::Echo,
        LookupView::Count => LookupKind::Count,
    });
    match (one.replay_until, kind) {
        (Some(until), _) if until > one.started + jiff::SignedDuration::from_hours(24 * 365) => {
            "can be settled by the next run: the same request is safe to send again".to_owned()
        }
        (Some(until), _) => {
            format!(
                "can be settled by a run before {}: safe to send again under its key",
                moment(until)
            )
        }
        (None, Some(kind)) => {
            format!("can be settled by evidence: {}'s list is searched {}", one.provider, how(kind))
        }
        (None, None) => format!("can be settled by word: {} keeps no list", one.provider),
    }
}

/// What to type. Where there is one only, its own command.
fn commands(report: &ResolveReport, paper: Paper) -> Vec<String> {
    let base = format!("kinora resolve {}", quoted(&report.manifest));
    let mut lines = Vec::new();
    if report.in_doubt.iter().any(|one| one.lookup.is_some()) {
        lines.extend(paper.prose("→ ", "by evidence, asking the providers:"));
        lines.push(format!("    {base} --lookup"));
    }
    lines.extend(paper.prose("→ ", "by word, when you have looked at the provider:"));
    let job = match &report.in_doubt[..] {
        [only] => quoted(&only.job),
        _ => "JOB".to_owned(),
    };
    for word in ["--accepted ID", "--refused"] {
        let rest = format!("{word} --by NAME --why TEXT");
        let whole = format!("    {base} {job} {rest}");
        // Broken so that a shell still takes it.
        if super::layout::shown_width(&whole) <= paper.width {
            lines.push(whole);
        } else {
            lines.extend([format!("    {base} {job} \\"), format!("        {rest}")]);
        }
    }
    lines
}

fn parked(report: &ResolveReport, paper: Paper) -> Vec<String> {
    if report.parked.is_empty() {
        return Vec::new();
    }
    let jobs = count(report.parked.len() as u64, "job");
    let verdict = format!("{jobs} parked: in flight at {PARKED_AFTER} crashes in a row.");
    let mut lines: Vec<String> =
        paper.prose("", &verdict).iter().map(|line| paper.ink(Ink::Warn, line)).collect();
    for one in &report.parked {
        lines.extend(job(one, &report.unit, paper));
    }
    let next = "Runs take these up last, one alone, as they may be what stops them.";
    lines.extend(paper.prose("→ ", next));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(job: &str, provider: &str, lookup: Option<LookupView>) -> DoubtView {
        DoubtView {
            job: job.to_owned(),
            attempt: 1,
            provider: provider.to_owned(),
            model: format!("{provider}/seedance-2.0"),
            account: None,
            state: JobState::Unknown,
            started: "2026-08-20T09:30:00Z".parse().expect("a time"),
            since: "2026-08-20T09:31:10Z".parse().expect("a time"),
            reserved: "12.5".parse().expect("an amount"),
            evidence: "no answer within 120 s after the request was sent".to_owned(),
            key: "8c1d2f30-5b7a-8e44-9d10-2a6b7c8d9e0f".to_owned(),
            remote_id: None,
            interruptions: 0,
            replay_until: None,
            lookup,
        }
    }

    fn report() -> ResolveReport {
        let mug = doubt("products.mug-terra/turn/aspect=9:16/1", "fal", Some(LookupView::Echo));
        let bowl = doubt("products.bowl/turn/aspect=1:1/2", "runway", None);
        let vase = DoubtView {
            replay_until: "2026-08-21T09:30:00Z".parse().ok(),
            ..doubt("products.vase/turn/-/1", "modest", None)
        };
        let parked = DoubtView {
            state: JobState::Submitted,
            remote_id: Some("r-7".to_owned()),
            interruptions: 2,
            evidence: "in flight at 2 crashes in a row".to_owned(),
            ..doubt("products.cup/turn/-/1", "fal", None)
        };
        let tried = [
            Settled::Accepted(crate::providers::RemoteId::plain("r-1")),
            Settled::Refused,
            Settled::Gone(crate::money::Micros::from_stored(12_500_000).expect("not negative")),
            Settled::Stays("fal could not be asked: HTTP 503".to_owned()),
        ];
        let tried = tried.iter().map(|s| TriedView::by("products.mug/turn/-/1", "fal", s));
        ResolveReport {
            tried: tried.collect(),
            in_doubt: vec![mug, bowl, vase],
            held: "37.5".parse().expect("an amount"),
            parked: vec![parked],
            ..ResolveReport::new("shop/kinora.yaml", "credits", &[], Vec::new())
        }
    }

    #[test]
    fn what_is_in_doubt_reads_well_at_80_and_at_160_columns() {
        for width in [80, 160] {
            insta::assert_snapshot!(
                format!("resolve_{width}"),
                resolve_text(&report(), width, false)
            );
        }
    }

    #[test]
    fn one_alone_has_its_own_command() {
        let mut one = report();
        one.in_doubt.truncate(1);
        one.tried.clear();
        one.parked.clear();
        insta::assert_snapshot!("resolve_one", resolve_text(&one, 80, false));
        one.in_doubt.clear();
        assert_eq!(resolve_text(&one, 80, false), "Nothing is in doubt.\n");
    }

    #[test]
    fn json_fits_its_schema_and_is_read_back() {
        let schema = jsonschema::validator_for(&resolve_schema()).expect("a valid schema");
        let text = resolve_json(&report()).expect("JSON");
        let value: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        assert!(schema.is_valid(&value));
        assert_eq!(serde_json::from_str::<ResolveReport>(&text).expect("its own words"), report());
    }

    #[test]
    fn the_shipped_schema_is_that_of_the_types() {
        crate::report::schema_file::check("resolve.schema.json", &resolve_schema());
    }
}
