//! The values that the templates show: every number already in words.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::Serialize;

use super::against::{AgainstView, FilterView, SpokenView, tone as verdict_tone};
use super::embed::{Clips, Pictures};
use crate::ledger::{ClipVerdict, JobState};
use crate::money::display_value;
use crate::report::phrase::{count, grouped, length, number, turns_direction};
use crate::report::run::attention::{Advice, groups};
use crate::report::run::check::CheckView;
use crate::report::run::model::{JobView, ReferenceView, RunReport};
use crate::report::run::text::rank;

/// The page around the cards.
#[derive(Serialize)]
pub(super) struct PageView {
    name: String,
    generated: String,
    figures: Vec<Figure>,
    states: Vec<StateView>,
    verdicts: Vec<FilterView>,
    subjects: BTreeSet<String>,
    shots: BTreeSet<String>,
    cards: usize,
    cards_said: String,
    waiting: Vec<Waiting>,
    pub(super) left_out: u64,
    left_out_said: String,
    embedded: bool,
    has_clips: bool,
}

/// Jobs that wait for a person.
#[derive(Serialize)]
struct Waiting {
    verdict: String,
    advice: Vec<Advice>,
}

/// A number with its name.
#[derive(Serialize)]
struct Figure {
    value: String,
    name: &'static str,
    note: Option<String>,
}

/// A state as a filter.
#[derive(Serialize)]
struct StateView {
    name: &'static str,
    tone: &'static str,
    jobs: String,
}

impl PageView {
    pub(super) fn of(report: &RunReport, shown: &[&JobView], clips: &Clips) -> Self {
        let t = &report.totals;
        let mut by_calm = JobState::ALL;
        by_calm.sort_by_key(|s| std::cmp::Reverse(rank(*s)));
        let states: Vec<StateView> = by_calm
            .into_iter()
            .filter(|s| shown.iter().any(|j| j.state == *s))
            .map(|s| StateView {
                name: s.as_str(),
                tone: tone(s),
                jobs: grouped(shown.iter().filter(|j| j.state == s).count() as u64),
            })
            .collect();
        let left_out = t.jobs.saturating_sub(shown.len() as u64);
        PageView {
            name: clean(&report.name),
            generated: report.generated.strftime("%-d %B %Y, %H:%M UTC").to_string(),
            figures: figures(report),
            states,
            verdicts: AgainstView::filters(shown),
            subjects: shown.iter().map(|j| subject(j)).collect(),
            shots: shown.iter().map(|j| clean(&j.shot)).collect(),
            cards: shown.len(),
            cards_said: grouped(shown.len() as u64),
            waiting: groups(report)
                .iter()
                .map(|group| Waiting {
                    verdict: clean(&group.verdict),
                    advice: group.advice.iter().map(cleaned).collect(),
                })
                .collect(),
            left_out,
            left_out_said: grouped(left_out),
            embedded: clips.embedded(),
            has_clips: (0..shown.len()).any(|i| clips.has(i)),
        }
    }
}

fn figures(report: &RunReport) -> Vec<Figure> {
    let t = &report.totals;
    let done = t.in_state(JobState::Done);
    let bad: u64 =
        [JobState::Failed, JobState::Refused, JobState::Lost].iter().map(|s| t.in_state(*s)).sum();
    let millis = i64::try_from(t.duration_ms).unwrap_or(i64::MAX);
    let unit = clean(&report.unit);
    let money = |v: Decimal| display_value(v);
    let of = (done < t.jobs).then(|| format!("of {} begun", count(t.jobs, "job")));
    let mut figures = vec![
        Figure { value: grouped(done), name: "clips made", note: of },
        Figure { value: length(Decimal::new(millis, 3).round_dp(1)), name: "of video", note: None },
        Figure { value: money(t.spent), name: "spent", note: Some(unit.clone()) },
    ];
    let mut also = |value: String, name, note, wanted| {
        if wanted {
            figures.push(Figure { value, name, note });
        }
    };
    also(money(t.written_off), "of it written off", Some(unit.clone()), !t.written_off.is_zero());
    also(money(t.reserved), "reserved", Some(unit.clone()), !t.reserved.is_zero());
    also(money(t.unknown), "held by unknown", Some(unit), !t.unknown.is_zero());
    let fails = t.with_verdict(ClipVerdict::Fail);
    let of_looked = Some(format!("of {} looked at", grouped(t.looked_at())));
    also(grouped(fails), "fail beside their references", of_looked, fails > 0);
    also(grouped(bad), "without a clip", None, bad > 0);
    figures
}

/// The colour family of a state.
fn tone(state: JobState) -> &'static str {
    match state {
        JobState::Done => "good",
        JobState::Refused | JobState::Failed | JobState::Lost => "bad",
        JobState::Unknown => "warn",
        _ => "busy",
    }
}

/// One job.
#[derive(Serialize)]
pub(super) struct CardView {
    index: usize,
    address: String,
    subject: String,
    /// The subject without its set; the shot when there is no subject.
    title: String,
    shot: String,
    variant: Option<String>,
    take: u32,
    state: &'static str,
    tone: &'static str,
    model: String,
    route: &'static str,
    prompt: String,
    references: Vec<Thumb>,
    has_clip: bool,
    /// Why there is no clip to be seen although the ledger has one.
    gone: bool,
    poster: Option<String>,
    link: Option<String>,
    cost: Option<String>,
    reserved: Option<String>,
    unit: String,
    message: Option<String>,
    /// What looking at its clip came to; empty where nobody did.
    verdict: &'static str,
    judged: Option<String>,
    judged_tone: &'static str,
    why: String,
    spoken: Option<SpokenView>,
    facts: Vec<(&'static str, String)>,
}

/// One reference.
#[derive(Serialize)]
struct Thumb {
    name: String,
    role: String,
    path: String,
    class: Option<String>,
}

impl CardView {
    pub(super) fn of(
        index: usize,
        job: &JobView,
        unit: &str,
        pictures: &Pictures,
        clips: &Clips,
    ) -> Self {
        let poster = job.clip.as_ref().and_then(|c| pictures.poster(c)).map(str::to_owned);
        let thumb = |r: &ReferenceView| Thumb {
            name: clean(&r.name),
            role: r.role.as_str().replace('_', " "),
            path: clean(r.source.as_ref().unwrap_or(&r.path)),
            class: pictures.class(&r.path),
        };
        CardView {
            index,
            address: clean(&job.address),
            subject: subject(job),
            title: title(job),
            shot: clean(&job.shot),
            variant: job.variant.as_deref().map(|v| clean(&values(v))),
            take: job.take,
            state: job.state.as_str(),
            tone: tone(job.state),
            model: clean(&job.model),
            route: job.route.as_str(),
            prompt: clean(&job.prompt),
            references: job.references.iter().map(thumb).collect(),
            has_clip: clips.has(index),
            gone: job.clip.is_some() && !clips.has(index),
            poster,
            link: clips.link(index).map(str::to_owned),
            cost: job.cost.map(display_value),
            reserved: job.reserved.map(display_value),
            unit: clean(unit),
            message: job.message.as_deref().map(clean),
            verdict: job.verdict().map_or("", ClipVerdict::as_str),
            judged: job.check.as_ref().map(CheckView::short),
            judged_tone: job.verdict().map_or("", verdict_tone),
            why: job.check.as_ref().map(|check| clean(&check.why())).unwrap_or_default(),
            spoken: job.word.as_ref().map(SpokenView::of),
            facts: facts(job, unit),
        }
    }
}

/// The subject without its set; the shot when there is no subject.
pub(super) fn title(job: &JobView) -> String {
    match &job.subject {
        Some(s) => clean(s.split_once('.').map_or(s.as_str(), |(_, id)| id)),
        None => clean(&job.shot),
    }
}

/// A variant's values without the names of their axes, which are in the address.
pub(super) fn values(variant: &str) -> String {
    let values: Vec<&str> =
        variant.split(',').map(|v| v.split_once('=').map_or(v, |(_, value)| value)).collect();
    values.join(" · ")
}

/// What of a job is seen only when asked for.
fn facts(job: &JobView, unit: &str) -> Vec<(&'static str, String)> {
    let s = &job.settings;
    let amount = |v: Option<Decimal>| v.map(|v| format!("{} {}", display_value(v), clean(unit)));
    let rate = s.fps.map(|f| format!(", {f} frames/s")).unwrap_or_default();
    let clip = job.clip.as_ref();
    let rows = [
        ("Address", Some(clean(&job.address))),
        ("Model", Some(clean(&job.model))),
        ("Provider", Some(clean(&job.provider))),
        ("Settings", {
            let duration = number(&s.duration.to_string());
            Some(format!("{duration} s, {}×{}, {}{rate}", s.width, s.height, clean(&s.aspect)))
        }),
        ("Seed", s.seed.map(|n| n.to_string())),
        ("Negative prompt", job.negative_prompt.as_deref().map(clean)),
        ("Measured by", job.check.as_ref().map(|check| clean(&check.measure))),
        ("Made again", (job.retakes > 0).then(|| count(u64::from(job.retakes), "time"))),
        ("Attempt", (job.attempt > 1).then(|| job.attempt.to_string())),
        ("Cost", amount(job.cost)),
        ("Reserved", amount(job.reserved)),
        ("Estimate", amount(job.estimate)),
        ("File", clip.map(|c| clean(&c.path))),
        ("Size", clip.map(|c| size(c.bytes))),
        ("Digest", clip.map(|c| clean(&c.digest))),
        ("Provider's id", job.remote_id.as_deref().map(clean)),
        ("Our key", job.key.as_deref().map(clean)),
        ("Crashes", (job.interruptions > 0).then(|| job.interruptions.to_string())),
        ("Started", job.started.map(|t| t.to_string())),
        ("Finished", job.finished.map(|t| t.to_string())),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let bytes = Decimal::from(bytes);
    let (value, unit) = match bytes {
        b if b >= Decimal::from(1_000_000) => (b / Decimal::from(1_000_000), "MB"),
        b if b >= Decimal::from(1_000) => (b / Decimal::from(1_000), "kB"),
        b => (b, "bytes"),
    };
    format!("{} {unit}", value.round_dp(1).normalize())
}

pub(super) fn cleaned(advice: &Advice) -> Advice {
    match advice {
        Advice::Words(words) => Advice::Words(words),
        Advice::Command(command) => Advice::Command(clean(command)),
    }
}

/// The subject as the filter lists it.
pub(super) fn subject(job: &JobView) -> String {
    job.subject.as_deref().map_or_else(|| "no subject".to_owned(), clean)
}

/// Text of a user without control characters and marks that turn the direction of writing;
/// line breaks stay. The templates escape it.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() || turns_direction(c) => '\u{FFFD}',
            c => c,
        })
        .collect()
}
