//! `unattended:` of the root manifest: what a run may do when nobody is there, and whom it tells.
//!
//! What lives here: the mapping and what it means, and reading it alone out of a manifest that is
//! otherwise wrong, so that somebody hears of it. What never does: judging a plan by it.

use std::path::Path;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::catalogue::Limit;
use super::load::Loader;
use super::raw::{CODES, PlacedDecimal, placed_decimal};
use crate::diagnostic::{Finding, Findings, Place, Sources};
use crate::limits::Limits;
use crate::money::MAX_WHOLE_UNITS;
use crate::yaml::{self, Exact, OneOrMany, Placed, Text};

/// How long an approval by the standing policy holds where the manifest doesn't say.
const EXPIRES: SignedDuration = SignedDuration::from_hours(24);

/// How a webhook's URL is named that stands in the environment.
const ENV: &str = "env:";

/// What a run may do when nobody is there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Unattended")]
pub struct RawUnattended {
    /// The standing policy: a plan inside all of it is approved by itself. Without it, every plan
    /// needs a person.
    pub approve: Option<Placed<RawPolicy>>,
    /// Who is told how a run ended.
    pub notify: Option<Placed<RawNotify>>,
    /// A file to which every step is added as a line of JSON; relative to this file's folder.
    pub log: Option<Text>,
}

/// Bounds of what is approved without a person, in the budget's unit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Policy")]
pub struct RawPolicy {
    /// Most that one plan may cost.
    #[schemars(with = "Exact")]
    pub max_total: PlacedDecimal,
    /// Most that one job may cost.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub max_per_job: Option<Placed<Decimal>>,
    /// Most jobs that one plan may start.
    pub max_jobs: Option<Placed<u64>>,
    /// Most that a plan may cost more than the one approved last, in percent.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>")]
    pub max_increase_percent: Option<Placed<Decimal>>,
    /// Only these models; `*` stands for any text. All if not given.
    #[serde(default)]
    pub models: OneOrMany<Text>,
    /// How long such an approval holds, for instance `12h` or `2d`; 24 hours if not given.
    pub expires: Option<Text>,
}

/// Who is told how a run ended: a webhook or a command.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Notify")]
pub struct RawNotify {
    /// URL that gets the outcome by POST, as JSON; `env:NAME` takes it from the environment.
    pub webhook: Option<Text>,
    /// Program and arguments; the outcome comes on its standard input, as JSON. No shell is
    /// involved.
    pub command: Option<Placed<Vec<Text>>>,
    /// `attention` tells only of endings that need somebody (exit code not 0); `always` if not
    /// given.
    pub on: Option<NotifyOn>,
}

/// Of which endings somebody is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotifyOn {
    /// All.
    #[default]
    Always,
    /// Those with another exit code than 0.
    Attention,
}

/// What a run may do when nobody is there, checked.
#[derive(Debug, Clone, Default)]
pub struct Unattended {
    /// The standing policy.
    pub approve: Option<StandingPolicy>,
    /// Who is told.
    pub notify: Option<Notify>,
    /// The log's file, relative to the workspace.
    pub log: Option<String>,
}

/// Bounds of what is approved without a person, in the workspace's unit.
#[derive(Debug, Clone)]
pub struct StandingPolicy {
    /// Where it stands.
    pub place: Place,
    /// Most that an approval may come to.
    pub max_total: Limit,
    /// Most that one job may cost.
    pub max_per_job: Option<Limit>,
    /// Most jobs that a run would start.
    pub max_jobs: Option<Placed<u64>>,
    /// Most increase over the plan approved last, in percent.
    pub max_increase_percent: Option<Placed<Decimal>>,
    /// Models that it is about, each with its place; empty: all.
    pub models: Vec<(glob::Pattern, Place)>,
    /// How long an approval by it holds.
    pub expires: SignedDuration,
}

/// Who is told how a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Whom.
    pub to: NotifyTo,
    /// Of which endings.
    pub on: NotifyOn,
}

/// Where a notification goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyTo {
    /// To a URL that stands in the manifest.
    Webhook(String),
    /// To a URL that stands in this environment variable.
    WebhookIn(String),
    /// To a program, with its arguments.
    Command(Vec<String>),
}

impl NotifyTo {
    /// A webhook as it is written: a URL, or `env:NAME`.
    ///
    /// # Errors
    /// What is wrong with it, without saying it.
    pub fn webhook(written: &str) -> Result<Self, &'static str> {
        let written = written.trim();
        if let Some(name) = written.strip_prefix(ENV) {
            let fine =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            return match fine {
                true => Ok(NotifyTo::WebhookIn(name.to_owned())),
                false => Err("`env:` needs the name of an environment variable"),
            };
        }
        match url::Url::parse(written) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => {
                Ok(NotifyTo::Webhook(written.to_owned()))
            }
            _ => Err("a webhook is an https URL, or `env:NAME`"),
        }
    }
}

/// A length of time as people write it: `90m`, `12h`, `7d`, `2w`. A day has 24 hours.
///
/// # Errors
/// What is wrong with it.
pub fn duration(text: &str) -> Result<SignedDuration, &'static str> {
    const FORM: &str = "a length of time is written as 90m, 12h, 7d or 2w";
    let span: Span = text.trim().parse().map_err(|_| FORM)?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| FORM)?;
    if length.is_positive() { Ok(length) } else { Err("a length of time must be above 0") }
}

/// `unattended:` of a manifest that may be wrong in all other respects. `None` where it can't be
/// told.
pub fn peek(manifest: &Path, limits: &Limits) -> Option<Unattended> {
    let name = manifest.file_name()?.to_string_lossy();
    let mut sources = Sources::default();
    let (source, text) = yaml::read_file(manifest, &name, limits, &mut sources).ok()?;
    let mut findings = Findings::default();
    let node = yaml::read(&text, source, limits, &mut findings)?;
    let mut node = node.get("unattended")?.clone();
    let schema = schemars::schema_for!(RawUnattended).to_value();
    yaml::check(&mut node, &schema, &CODES, &mut findings).then_some(())?;
    let raw: RawUnattended = yaml::decode(&node).ok()?;
    Some(checked(&raw, &mut findings))
}

impl Loader<'_> {
    /// `unattended:` of the root manifest.
    pub(super) fn unattended(&mut self, raw: Option<&RawUnattended>) -> Option<Unattended> {
        raw.map(|raw| checked(raw, &mut self.findings))
    }
}

fn checked(raw: &RawUnattended, findings: &mut Findings) -> Unattended {
    let log = raw.log.as_ref().map(|log| log.trim().to_owned());
    if let (Some(written), Some("")) = (&raw.log, log.as_deref()) {
        findings.push(wrong("a log needs a file's name", written.place));
    }
    Unattended {
        approve: raw.approve.as_ref().and_then(|p| policy(&p.value, p.place, findings)),
        notify: raw.notify.as_ref().and_then(|n| notify(&n.value, n.place, findings)),
        log: log.filter(|log| !log.is_empty()),
    }
}

fn policy(raw: &RawPolicy, place: Place, findings: &mut Findings) -> Option<StandingPolicy> {
    let before = findings.count(crate::diagnostic::Severity::Error);
    let mut bound = |written: &Placed<Decimal>, most: Option<i64>| {
        let Placed { value, place } = *written;
        if value < Decimal::ZERO {
            findings.push(wrong("a bound can't be below 0", place));
        } else if most.is_some_and(|most| value > Decimal::from(most)) {
            findings.push(wrong("an amount can't be above 1,000,000,000", place));
        }
        Limit { amount: value, place }
    };
    let max_total = bound(&raw.max_total.0, Some(MAX_WHOLE_UNITS));
    let max_per_job = raw.max_per_job.as_ref().map(|b| bound(b, Some(MAX_WHOLE_UNITS)));
    if let Some(percent) = &raw.max_increase_percent {
        bound(percent, None);
    }
    let mut models = Vec::new();
    for model in &raw.models.items {
        match glob::Pattern::new(model.trim()) {
            Ok(pattern) => models.push((pattern, model.place)),
            Err(error) => findings.push(wrong(error.msg, model.place)),
        }
    }
    let expires = match raw.expires.as_ref().map(|text| (duration(text), text.place)) {
        None => EXPIRES,
        Some((Ok(length), _)) => length,
        Some((Err(why), place)) => {
            findings.push(wrong(why, place));
            EXPIRES
        }
    };
    let fine = findings.count(crate::diagnostic::Severity::Error) == before;
    fine.then_some(StandingPolicy {
        place,
        max_total,
        max_per_job,
        max_jobs: raw.max_jobs.clone(),
        max_increase_percent: raw.max_increase_percent.clone(),
        models,
        expires,
    })
}

fn notify(raw: &RawNotify, place: Place, findings: &mut Findings) -> Option<Notify> {
    let on = raw.on.unwrap_or_default();
    let to = match (&raw.webhook, &raw.command) {
        (Some(webhook), None) => match NotifyTo::webhook(webhook) {
            Ok(to) => to,
            Err(why) => {
                findings.push(wrong(why, webhook.place));
                return None;
            }
        },
        (None, Some(command)) => {
            let words: Vec<String> = command.value.iter().map(|word| word.to_string()).collect();
            if words.first().is_none_or(|program| program.trim().is_empty()) {
                findings.push(wrong("a command needs a program's name", command.place));
                return None;
            }
            NotifyTo::Command(words)
        }
        (Some(_), Some(command)) => {
            let message = "a run tells one: a webhook or a command";
            findings.push(wrong(message, command.place).help("remove one of them"));
            return None;
        }
        (None, None) => {
            let help =
                "for instance `webhook: env:KINORA_WEBHOOK`, or `command: [mail, -s, Kinora, me]`";
            findings.push(wrong("`notify` needs a `webhook` or a `command`", place).help(help));
            return None;
        }
    };
    Some(Notify { to, on })
}

fn wrong(message: &str, place: Place) -> Finding {
    Finding::error("manifest::wrong_value", message).at(place, "this value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_written_as_people_write_them() {
        let hours = |text: &str| duration(text).map(|length| length.as_hours());
        assert_eq!(hours("12h"), Ok(12));
        assert_eq!(hours("7d"), Ok(168));
        assert_eq!(hours("2w"), Ok(336));
        assert_eq!(duration("90m").map(|l| l.as_mins()), Ok(90));
        for wrong in ["0h", "-2h", "soon", "", "1 month"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_webhook_is_a_url_or_names_one() {
        let name = || NotifyTo::WebhookIn("HOOK_1".to_owned());
        assert_eq!(NotifyTo::webhook("env:HOOK_1"), Ok(name()));
        assert!(NotifyTo::webhook("https://hooks.example.com/x").is_ok());
        for wrong in ["env:", "env:A B", "file:///etc/passwd", "hooks.example.com", ""] {
            assert!(NotifyTo::webhook(wrong).is_err(), "{wrong}");
        }
    }
}
