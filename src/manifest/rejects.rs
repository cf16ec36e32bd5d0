//! The rows of a feed that can't be used.
//!
//! What lives here: their collection, and what is said of them. What never does: writing them to
//! a file; finding what is wrong with a row.

use std::collections::HashSet;
use std::path::PathBuf;

use super::bad_rows::{Allowance, Policy};
use crate::diagnostic::{Finding, Findings, Place, SourceId};
use crate::feed::{BadRow, Spot};

/// How much of the bad rows of one feed is kept, in bytes; beyond, they are only counted.
const MOST_BYTES: usize = 64 << 20;

/// The bad rows of a set's feed.
#[derive(Debug, Clone)]
pub struct Rejects {
    /// The set.
    pub set: String,
    /// The feed, as shown to people.
    pub feed: String,
    /// The file to which they are written, as shown to people: relative to the workspace.
    pub shown: String,
    /// The same, as a path.
    pub path: PathBuf,
    /// What is wrong, in the order of the rows; several may be about one row.
    pub rows: Vec<BadRow>,
    /// How many more there are than are kept.
    pub more: u64,
    /// How many rows are bad.
    pub bad: u64,
    /// Whether the set goes on without them.
    pub allowed: bool,
}

/// Something wrong with a row: what the rejects file says, and what a finding says.
#[derive(Debug)]
pub(super) struct Problem {
    pub row: BadRow,
    /// As a finding, where it is not made of the above: a picture's, which is in the manifest.
    pub finding: Option<Box<Finding>>,
}

impl From<BadRow> for Problem {
    fn from(row: BadRow) -> Self {
        Problem { row, finding: None }
    }
}

/// Collects what is wrong with the rows of a feed.
#[derive(Debug, Default)]
pub(super) struct Collected {
    problems: Vec<Problem>,
    bytes: usize,
    more: u64,
    rows: HashSet<u64>,
    /// Of these, those that are no product or row of the feed at all.
    rows_of_feed: HashSet<u64>,
}

impl Collected {
    /// What the feed itself found.
    pub fn push_of_feed(&mut self, row: BadRow) {
        self.rows_of_feed.insert(row.row);
        self.push(row);
    }

    /// How many products or rows that the feed gave can't be used.
    pub fn bad_entries(&self) -> u64 {
        self.rows.difference(&self.rows_of_feed).count() as u64
    }

    pub fn push(&mut self, problem: impl Into<Problem>) {
        let problem: Problem = problem.into();
        self.rows.insert(problem.row.row);
        self.bytes += size_of::<Problem>() + problem.row.raw.len() + problem.row.reason.len();
        if self.bytes > MOST_BYTES {
            self.more += 1;
            return;
        }
        self.problems.push(problem);
    }

    /// How many rows are bad.
    pub fn bad(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Says what there is to say, and gives what goes to the file. `good` is how many rows or
    /// products can be used.
    pub fn finish(
        mut self,
        set: &str,
        feed: String,
        path: PathBuf,
        source: SourceId,
        policy: &Policy,
        good: u64,
        findings: &mut Findings,
    ) -> Rejects {
        // Files say them in their order; what the feed itself found comes before the rest.
        self.problems.sort_by_key(|problem| problem.row.row);
        let bad = self.bad();
        let allowed = policy.allowance.covers(bad, good + bad);
        if allowed && bad > 0 {
            findings.push(self.left_out(set, source, policy, good + bad));
        } else if bad > 0 {
            if policy.allowance != Allowance::None {
                findings.push(self.too_many(set, source, policy, good + bad));
            }
            self.problems.iter_mut().for_each(|problem| {
                let finding = problem.finding.take();
                findings.push(finding.map_or_else(|| finding_of(&problem.row, source), |f| *f));
            });
        }
        Rejects {
            set: set.to_owned(),
            feed,
            shown: policy.file.clone(),
            path,
            rows: self.problems.into_iter().map(|problem| problem.row).collect(),
            more: self.more,
            bad,
            allowed,
        }
    }

    /// The rows are left out, as the manifest allows.
    fn left_out(&self, set: &str, source: SourceId, policy: &Policy, all: u64) -> Finding {
        let bad = self.bad();
        let (rows, are) = if bad == 1 { ("row", "is") } else { ("rows", "are") };
        let message = format!(
            "{bad} {rows} of {all} in the feed of `{set}` can't be used and {are} left out"
        );
        let finding = Finding::warning("feed::bad_rows", message);
        self.first(finding, source).help(format!("what is wrong with each: {}", policy.file))
    }

    fn too_many(&self, set: &str, source: SourceId, policy: &Policy, all: u64) -> Finding {
        let bad = self.bad();
        let rows = if bad == 1 { "row" } else { "rows" };
        let message = format!(
            "{bad} {rows} of {all} in the feed of `{set}` can't be used, but {} may be left out",
            policy.allowance.words()
        );
        let finding = Finding::error("feed::bad_rows", message);
        let finding = match policy.place {
            Some(place) => finding.at(place, "more than this"),
            None => self.first(finding, source),
        };
        finding.help(format!("mend them, or allow more; what is wrong with each: {}", policy.file))
    }

    fn first(&self, finding: Finding, source: SourceId) -> Finding {
        match self.problems.first() {
            Some(problem) => finding.at(place(source, problem.row.at), "the first of them"),
            None => finding,
        }
    }
}

fn place(source: SourceId, spot: Spot) -> Place {
    Place::new(source, spot.start, spot.length)
}

/// A bad row as an error.
fn finding_of(row: &BadRow, source: SourceId) -> Finding {
    let mut finding =
        Finding::error(row.code, row.reason.clone()).at(place(source, row.at), row.label.clone());
    if !row.help.is_empty() {
        finding = finding.help(row.help.clone());
    }
    if let Some((spot, label)) = &row.also {
        finding = finding.also(place(source, *spot), label.clone());
    }
    finding
}
