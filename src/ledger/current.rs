//! Which clip stands for each job: the one place that knows words and checks.
//!
//! What lives here: choosing. What never does: recording words and checks, looking at clips on disk.
//!
//! What a person accepted comes first, while that word rules the job. A clip that was rejected never
//! stands by itself. Of the rest the newest names the request; among all clips of that request,
//! retakes aside, the one with the highest score stands, as far as scores are by the same measure as
//! the newest's. Of equal ones, and where the newest has no score, the newest does.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::checks::{ClipVerdict, verdict_of};
use super::error::LedgerError;
use super::open::Ledger;
use super::read::{bytes, parse_state};
use super::words::{Words, words};

/// A check in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scored {
    /// What it means.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not inspected.
    pub score: Option<u8>,
    /// What measured it, as a number: scores with different ones are not compared.
    pub measure: usize,
}

/// A job's current clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    attempt: i64,
    /// Whether it is of what the job's latest attempt was asked, and that one has ended.
    stands: bool,
}

/// Which clip stands for each job that has one. Some tens of bytes for each job.
#[derive(Debug, Clone, Default)]
pub struct CurrentClips {
    words: Words,
    scores: BTreeMap<i64, Scored>,
    jobs: BTreeMap<i64, Current>,
}

impl CurrentClips {
    /// The attempt whose clip is a job's, whatever becomes of a newer attempt: what is shown and given
    /// to shops. Absent where it has none, or every one was rejected.
    pub fn of_job(&self, job: i64) -> Option<i64> {
        self.jobs.get(&job).map(|current| current.attempt)
    }

    /// The attempt by which a job is told of, given its latest one: the current clip's, where that is
    /// of the same request and nothing of it is open; otherwise the latest.
    pub fn standing(&self, job: i64, latest: i64) -> i64 {
        self.jobs.get(&job).filter(|current| current.stands).map_or(latest, |c| c.attempt)
    }

    /// What looking at one attempt's clip came to, in short.
    pub fn scored(&self, attempt: i64) -> Option<&Scored> {
        self.scores.get(&attempt)
    }

    /// What people said, as it stood at the same moment.
    pub fn words(&self) -> &Words {
        &self.words
    }
}

impl Ledger {
    /// Which clip stands for each job.
    pub fn current_clips(&self) -> Result<CurrentClips, LedgerError> {
        current_clips(&self.reading()).map_err(|e| self.failed(&e))
    }
}

pub(super) fn current_clips(c: &Connection) -> rusqlite::Result<CurrentClips> {
    let mut all = CurrentClips { words: words(c)?, scores: scores(c)?, jobs: BTreeMap::new() };
    let mut query = c.prepare(
        "SELECT a.job, a.id, a.parts, l.parts, j.state FROM jobs j
         JOIN attempts l ON l.id = j.attempt JOIN attempts a ON a.job = j.id
         JOIN clips c ON c.attempt = a.id ORDER BY a.job, a.number",
    )?;
    let mut rows = query.query([])?;
    let mut made: Vec<Made> = Vec::new();
    let mut of = None;
    while let Some(row) = rows.next()? {
        let job: i64 = row.get(0)?;
        if of.is_some_and(|of| of != job) {
            all.choose(of, &made);
            made.clear();
        }
        of = Some(job);
        let parts = bytes(row, 2)?;
        let ended = !parse_state(4, row.get_ref(4)?.as_str()?)?.is_open();
        let stands = ended && parts == bytes::<32>(row, 3)?;
        made.push(Made { attempt: row.get(1)?, parts, stands });
    }
    all.choose(of, &made);
    Ok(all)
}

/// The check that counts of each attempt, in short.
fn scores(c: &Connection) -> rusqlite::Result<BTreeMap<i64, Scored>> {
    let mut measures: BTreeMap<String, usize> = BTreeMap::new();
    let mut scores = BTreeMap::new();
    let mut query = c.prepare("SELECT attempt, measure, verdict, score FROM checks ORDER BY id")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let next = measures.len();
        let measure = *measures.entry(name).or_insert(next);
        let scored = Scored { verdict: verdict_of(row, 2)?, score: row.get(3)?, measure };
        scores.insert(row.get(0)?, scored);
    }
    Ok(scores)
}

/// A clip among those of its job, oldest first.
struct Made {
    attempt: i64,
    parts: [u8; 32],
    stands: bool,
}

impl CurrentClips {
    fn choose(&mut self, job: Option<i64>, made: &[Made]) {
        let Some(job) = job else { return };
        let chosen = self.words.chosen(job).and_then(|id| made.iter().find(|m| m.attempt == id));
        if let Some(current) = chosen.or_else(|| self.best(made)) {
            let (attempt, stands) = (current.attempt, current.stands);
            self.jobs.insert(job, Current { attempt, stands });
        }
    }

    /// The best of those that nobody rejected.
    fn best<'m>(&self, made: &'m [Made]) -> Option<&'m Made> {
        let kept = || made.iter().filter(|made| !self.words.is_rejected(made.attempt));
        let newest = kept().next_back()?;
        let score = |made: &Made| {
            let scored = self.scores.get(&made.attempt)?;
            Some((scored.measure, scored.score?))
        };
        let Some((measure, _)) = score(newest) else { return Some(newest) };
        let alike = kept().filter(|made| made.parts == newest.parts);
        let scored = alike.filter_map(|made| {
            let (_, score) = score(made).filter(|(by, _)| *by == measure)?;
            Some((score, made))
        });
        // Of equal ones the last, which is the newest.
        scored.max_by_key(|(score, _)| *score).map(|(_, made)| made)
    }
}
