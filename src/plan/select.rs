//! Narrowing: a part of a plan, chosen on the command line.
//!
//! What lives here: which jobs are in the part, and how the part is called. A narrowed plan is a
//! subset of the whole one: its jobs are made by the same steps, so each equals the whole plan's,
//! and what has no part in it is left out before anything is made of it. What never does: how a
//! job is made; the command line itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::planner::{Planner, ShotPlan};
use super::summary::Named;
use super::variants::Variant;
use crate::address::{Address, JobKey};
use crate::diagnostic::{Finding, nearest};
use crate::digest::FieldHasher;
use crate::manifest::{Catalogue, Reference, Subject, SubjectRef, SubjectSet, Updated};

/// The code of what is wrong with a pattern.
const NOTHING: &str = "plan::only_nothing";

/// What a plan is narrowed to; as it stands by default, to nothing less than the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Globs: a job is in when its subject (`set.id`), its shot, its model or its whole address
    /// fits any of them. `*` goes over dots and slashes.
    pub only: Vec<glob::Pattern>,
    /// Only jobs whose subject is known to have changed since.
    pub since: Option<Since>,
    /// Only the first jobs that a run would start, in the plan's order.
    pub first: Option<u64>,
    /// Exactly these jobs: those of a plan file.
    pub jobs: Option<Arc<HashSet<JobKey>>>,
}

/// A moment, and how it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The moment.
    pub at: Timestamp,
    /// As written: `7d`, `2026-11-20`, `last-run`.
    pub asked: String,
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "/._-=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl Narrowing {
    /// Whether the plan is whole.
    pub fn is_whole(&self) -> bool {
        *self == Narrowing::default()
    }

    /// In words, for the plan's summary; absent where the plan is whole.
    pub fn words(&self) -> Option<String> {
        if self.is_whole() {
            return None;
        }
        let mut parts = Vec::new();
        if self.jobs.is_some() {
            parts.push("the jobs of a plan file".to_owned());
        }
        match self.first {
            Some(1) => parts.push("the first job that would run".to_owned()),
            Some(n) => parts.push(format!("the first {n} jobs that would run")),
            None => {}
        }
        if !self.only.is_empty() {
            let patterns: Vec<String> = self.only.iter().map(|p| format!("`{p}`")).collect();
            parts.push(format!("only {}", patterns.join(" or ")));
        }
        if let Some(Since { at, asked }) = &self.since {
            let moment = at.strftime("%Y-%m-%d %H:%M:%S UTC");
            parts.push(format!("only what changed since {moment} ({asked})"));
        }
        Some(parts.join(", "))
    }

    /// The options that narrow a plan so, as a shell takes them; begins with a space, or empty.
    pub fn options(&self) -> String {
        let first = self.first.iter().map(|jobs| format!(" --limit {jobs}"));
        let only = self.only.iter().map(|p| format!(" --only {}", quoted(p.as_str())));
        let since = self.since.iter().map(|s| format!(" --since {}", quoted(&s.asked)));
        first.chain(only).chain(since).collect()
    }

    /// How commands name a plan that is narrowed so.
    pub fn named(&self) -> Named {
        match self.options() {
            none if none.is_empty() => Named::Whole,
            options => Named::Narrowed(options),
        }
    }

    /// Adds what it says to the inputs of a plan. A whole plan has nothing to add.
    pub fn hash_into(&self, inputs: &mut FieldHasher) {
        if self.is_whole() {
            return;
        }
        inputs.field(b"narrowed").field(&(self.only.len() as u64).to_le_bytes());
        for pattern in &self.only {
            inputs.field(pattern.as_str().as_bytes());
        }
        let since = self.since.as_ref();
        let moment = since.map(|s| s.at.as_nanosecond().to_le_bytes());
        inputs
            .optional(moment.as_ref().map(|m| &m[..]))
            .optional(since.map(|s| s.asked.as_bytes()))
            .optional(self.first.map(u64::to_le_bytes).as_ref().map(|n| &n[..]));
        if let Some(jobs) = &self.jobs {
            let mut keys: Vec<&JobKey> = jobs.iter().collect();
            keys.sort_unstable();
            keys.iter().for_each(|key| {
                inputs.field(&key.0);
            });
        }
    }
}

/// A narrowing, got ready for a catalogue.
#[derive(Debug)]
pub(super) struct Narrowed {
    only: Vec<Wanted>,
    changed: Option<Changed>,
    pub first: Option<u64>,
    jobs: Option<Arc<HashSet<JobKey>>>,
}

#[derive(Debug)]
struct Wanted {
    pattern: glob::Pattern,
    /// Whether any job fitted it so far.
    met: AtomicBool,
}

/// What changed since a moment.
#[derive(Debug)]
struct Changed {
    /// By set and subject.
    subjects: Vec<Vec<bool>>,
    /// By shot: whether a picture of its own changed.
    shots: Vec<bool>,
}

/// What is asked about: the takes of one variant of one subject.
pub(super) struct Asked<'a> {
    pub plan: &'a ShotPlan,
    pub subject: Option<SubjectRef>,
    /// `set.id`, or the shot's id.
    pub who: &'a str,
    pub details: &'a Variant,
    pub take: u32,
}

impl Asked<'_> {
    /// The job's address.
    fn address(&self, catalogue: &Catalogue) -> Address {
        let subject = self.subject.map(|at| {
            let set = &catalogue.sets[at.set as usize];
            (&*set.name, &*set.subjects[at.subject as usize].id)
        });
        let shot = &catalogue.shots[self.plan.shot];
        Address::new(subject, &shot.id, self.details.text.as_deref(), self.take)
    }
}

impl Narrowed {
    /// Gets it ready. Findings say which dates could not be read.
    pub fn new(narrowing: &Narrowing, catalogue: &Catalogue, findings: &mut Vec<Finding>) -> Self {
        let wanted = |pattern: &glob::Pattern| Wanted {
            pattern: pattern.clone(),
            met: AtomicBool::new(false),
        };
        let since = narrowing.since.as_ref();
        Narrowed {
            only: narrowing.only.iter().map(wanted).collect(),
            changed: since.map(|since| Changed::since(since.at, catalogue, findings)),
            first: narrowing.first,
            jobs: narrowing.jobs.clone(),
        }
    }

    /// Whether jobs must be asked about one by one: an address names a take.
    pub fn by_take(&self) -> bool {
        !self.only.is_empty() || self.jobs.is_some()
    }

    /// Whether a job is in.
    pub fn takes(&self, catalogue: &Catalogue, asked: &Asked<'_>) -> bool {
        let fits = self.only.is_empty() || self.fits(catalogue, asked);
        let named =
            self.jobs.as_ref().is_none_or(|jobs| jobs.contains(&asked.address(catalogue).key()));
        fits && named && self.changed.as_ref().is_none_or(|changed| changed.concerns(asked))
    }

    /// Whether it fits any of the patterns. Each is looked at, so that one which never fits is
    /// told of.
    fn fits(&self, catalogue: &Catalogue, asked: &Asked<'_>) -> bool {
        let shot = &catalogue.shots[asked.plan.shot];
        let address = asked.address(catalogue);
        let names = [asked.who, &*shot.id, &asked.details.card.model, address.as_str()];
        let mut fits = false;
        for wanted in &self.only {
            if names.iter().any(|name| wanted.pattern.matches(name)) {
                wanted.met.store(true, Ordering::Relaxed);
                fits = true;
            }
        }
        fits
    }

    /// What is wrong with patterns that no job fitted. Where the plan was not walked to its end,
    /// a pattern is only wrong if no name of the catalogue fits it either.
    pub fn never_met(&self, planner: &Planner, whole: bool) -> Vec<Finding> {
        let unmet = self.only.iter().filter(|wanted| !wanted.met.load(Ordering::Relaxed));
        unmet
            .map(|wanted| &wanted.pattern)
            .filter(|pattern| whole || !names(planner).iter().any(|name| pattern.matches(name)))
            .map(|pattern| not_met(pattern, planner))
            .collect()
    }
}

fn not_met(pattern: &glob::Pattern, planner: &Planner) -> Finding {
    let names = names(planner);
    let message = format!("`--only {pattern}` fits no job");
    let near = nearest(pattern.as_str(), names.iter().map(String::as_str));
    let help = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => "it is held against subjects (`set.id`), shots, models and whole addresses \
                 (`set.id/shot/variant/take`); `*` stands for any text"
            .to_owned(),
    };
    Finding::error(NOTHING, message).help(help)
}

/// Every name that a pattern may fit, but addresses.
fn names(planner: &Planner) -> Vec<String> {
    let catalogue = &planner.catalogue;
    let shots = catalogue.shots.iter().map(|shot| shot.id.to_string());
    let variants = planner.shots.iter().flat_map(|plan| &plan.variants);
    let models = variants.map(|variant| variant.card.model.clone());
    let subjects = catalogue
        .sets
        .iter()
        .flat_map(|set| set.subjects.iter().map(|subject| format!("{}.{}", set.name, subject.id)));
    let mut all: Vec<String> = shots.chain(models).chain(subjects).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl Changed {
    fn since(at: Timestamp, catalogue: &Catalogue, findings: &mut Vec<Finding>) -> Self {
        let newer = |reference: &Reference| {
            let stamp = catalogue.pictures.get(reference.picture).stamp;
            // A picture that can't be read is an error of its own.
            stamp.is_none_or(|stamp| i128::from(stamp.mtime_ns) >= at.as_nanosecond())
        };
        let subjects = catalogue.sets.iter().map(|set| {
            let dates = Dates::of(set);
            let mut unread = Unread::default();
            let changed: Vec<bool> = set
                .subjects
                .iter()
                .map(|subject| {
                    let dated = dates.as_ref().is_some_and(|d| d.since(at, subject, &mut unread));
                    dated || subject.references.iter().any(newer)
                })
                .collect();
            if let (Some(dates), Some(example)) = (&dates, unread.example) {
                findings.push(dates.unreadable(set, unread.count, &example));
            }
            changed
        });
        let subjects = subjects.collect();
        let shots = catalogue.shots.iter().map(|shot| shot.references.iter().any(newer));
        Changed { subjects, shots: shots.collect() }
    }

    /// Whether the job's subject changed, or a further subject in it, or a picture of its shot.
    fn concerns(&self, asked: &Asked<'_>) -> bool {
        let changed = |at: SubjectRef| self.subjects[at.set as usize][at.subject as usize];
        self.shots[asked.plan.shot]
            || asked.subject.is_some_and(changed)
            || asked.details.with.iter().any(|(_, at)| changed(*at))
    }
}

/// The column that says when a subject was changed.
struct Dates<'c> {
    updated: &'c Updated,
    column: usize,
}

/// Cells that hold something else than a date.
#[derive(Default)]
struct Unread {
    count: u64,
    example: Option<String>,
}

impl<'c> Dates<'c> {
    fn of(set: &'c SubjectSet) -> Option<Self> {
        let updated = set.updated.as_ref()?;
        // Loading has refused a name that no column has.
        Some(Dates { updated, column: set.columns.position(&updated.attribute)? })
    }

    /// Whether the subject's date is `at` or later. An empty cell says nothing; of what is no date,
    /// nobody knows, and it is better made too often than never.
    fn since(&self, at: Timestamp, subject: &Subject, unread: &mut Unread) -> bool {
        let cell = subject.row.get(self.column).map(str::trim).filter(|text| !text.is_empty());
        let Some(cell) = cell else { return false };
        match last_moment(cell) {
            Some(moment) => moment >= at,
            None => {
                unread.count += 1;
                unread.example.get_or_insert_with(|| format!("`{cell}` of `{}`", subject.id));
                true
            }
        }
    }

    fn unreadable(&self, set: &SubjectSet, count: u64, example: &str) -> Finding {
        let message = format!(
            "{count} subjects of `{}` have no readable date in `{}`: {example}; they count as \
             changed",
            set.name, self.updated.attribute
        );
        Finding::warning("plan::updated_unreadable", message)
            .at(self.updated.place, "read as the day of a change")
            .help("write 2026-11-20, 2026-11-20 14:30 or 2026-11-20T14:30:00+01:00")
    }
}

/// The last moment that a date or time may mean: a day is meant to its end. Without a zone it is
/// UTC.
pub fn last_moment(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    // `2026-11-20 14:30:00 +0100`, as shop exports write it.
    if let Ok(moment) = Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text) {
        return Some(moment);
    }
    let utc = |at: jiff::civil::DateTime| at.to_zoned(jiff::tz::TimeZone::UTC).ok();
    // A date alone parses as a time of day at midnight too.
    if let Ok(day) = jiff::civil::Date::strptime("%Y-%m-%d", text) {
        return Some(utc(day.tomorrow().ok()?.at(0, 0, 0, 0))?.timestamp());
    }
    Some(utc(text.parse::<jiff::civil::DateTime>().ok()?)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_meant_to_its_end_and_a_time_as_written() {
        let moment = |text: &str| last_moment(text).map(|m| m.to_string());
        assert_eq!(moment("2026-11-20").as_deref(), Some("2026-11-21T00:00:00Z"));
        assert_eq!(moment("2026-11-20 14:30").as_deref(), Some("2026-11-20T14:30:00Z"));
        assert_eq!(moment("2026-11-20T14:30:00").as_deref(), Some("2026-11-20T14:30:00Z"));
        assert_eq!(moment("2026-11-20T14:30:00+01:00").as_deref(), Some("2026-11-20T13:30:00Z"));
        assert_eq!(moment("2026-11-20 14:30:00 -0500").as_deref(), Some("2026-11-20T19:30:00Z"));
        assert_eq!(moment("yesterday"), None);
        assert_eq!(moment("20.11.2026"), None);
    }
}
