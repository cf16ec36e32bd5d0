//! Findings: every problem or advice, at its place in a file, for people and for programs.
//!
//! What lives here: places, findings, their collection, and the two ways they are shown
//! (miette report, JSON). What never does: deciding what is wrong.

mod place;
mod show;

pub use place::{Place, Source, SourceId, Sources};
pub use show::{FindingJson, PlaceJson, render_json, render_text};

use serde::{Deserialize, Serialize};

/// How bad a finding is. Errors stop planning; warnings and advice do not.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing can be planned until it is mended.
    Error,
    /// The plan stands, but something is probably not what was meant.
    Warning,
    /// The plan stands; this would make it better or cheaper.
    Advice,
}

/// One problem or piece of advice.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Stable, for programs and searches: `room::what`, for instance `manifest::unknown_key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it is, with what the label under the value says.
    pub place: Option<(Place, String)>,
    /// Other places that explain it (the first definition of a duplicate, …).
    pub related: Vec<(Place, String)>,
    /// The picture that it is about, by its path in the workspace.
    pub picture: Option<Box<str>>,
}

impl Finding {
    /// An error that stops planning.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A piece of advice.
    pub fn advice(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Advice, message)
    }

    fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Finding {
            code,
            severity,
            message: message.into(),
            help: None,
            place: None,
            related: Vec::new(),
            picture: None,
        }
    }

    /// Says where, with the label under the value.
    #[must_use]
    pub fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.place = Some((place, label.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which picture it is about.
    #[must_use]
    pub fn of_picture(mut self, path: impl Into<Box<str>>) -> Self {
        self.picture = Some(path.into());
        self
    }

    /// Adds another place that explains it.
    #[must_use]
    pub fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }
}

/// All findings of one load or plan. At most [`Findings::SHOWN_PER_CODE`] of one code are kept
/// in full; the rest are counted, so that a broken column of 100,000 rows stays readable.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    items: Vec<Finding>,
    counts: std::collections::BTreeMap<&'static str, (Severity, usize)>,
}

impl Findings {
    /// How many findings of one code are kept in full.
    pub const SHOWN_PER_CODE: usize = 50;

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        let entry = self.counts.entry(finding.code).or_insert((finding.severity, 0));
        entry.0 = entry.0.min(finding.severity);
        entry.1 += 1;
        if entry.1 <= Self::SHOWN_PER_CODE {
            self.items.push(finding);
        }
    }

    /// Adds all of another collection, after its own.
    pub fn merge(&mut self, other: Findings) {
        let Findings { items, counts } = other;
        let mut kept: std::collections::BTreeMap<&'static str, usize> = Default::default();
        for item in items {
            *kept.entry(item.code).or_default() += 1;
            self.push(item);
        }
        for (code, (severity, count)) in counts {
            let unseen = count - kept.get(code).copied().unwrap_or_default();
            let entry = self.counts.entry(code).or_insert((severity, 0));
            entry.0 = entry.0.min(severity);
            entry.1 += unseen;
        }
    }

    /// The findings kept in full, in the order they were found.
    pub fn items(&self) -> &[Finding] {
        &self.items
    }

    /// How many there were of one severity, kept or not.
    pub fn count(&self, severity: Severity) -> usize {
        self.counts.values().filter(|(s, _)| *s == severity).map(|(_, n)| n).sum()
    }

    /// For each code with more findings than were kept: the code and how many were left out.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.counts
            .iter()
            .filter(|(_, (_, n))| *n > Self::SHOWN_PER_CODE)
            .map(|(code, (_, n))| (*code, n - Self::SHOWN_PER_CODE))
    }

    /// Whether any error is among them.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Puts errors first, then by file and position, so that the same input always shows the
    /// same list whatever was parallel.
    pub fn sort(&mut self) {
        self.items.sort_by(|a, b| {
            let key = |f: &Finding| {
                (f.severity, f.place.as_ref().map(|(p, _)| (p.source, p.start)), f.code)
            };
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
    }
}

/// The candidate nearest to `wanted`, if any is near enough to be a likely slip of the pen.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wanted.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&wanted.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, c)| c)
}
