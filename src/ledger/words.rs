//! What people say of clips: that one is accepted, or rejected, and whether another is to be made.
//!
//! What lives here: recording words, and which of them rules. What never does: judging clips, and
//! what a plan or an export makes of a word.
//!
//! The last word that was said since a job's latest attempt began rules the job. A word of before
//! stays on its clip: a clip that was rejected never comes back by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::checks;
use super::error::LedgerError;
use super::open::Ledger;
use super::read::{damaged, parse_state, time};
use super::record::{JobState, KnownJobs};
use super::write::insert_event;
use crate::address::{Address, JobKey};

/// What a person says of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Accepted,
    /// It is not to be shown.
    Rejected,
}

impl Verdict {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Rejected => "rejected",
        }
    }

    /// The kind of its event. The provider's own `accepted`, and a file that is no clip, are others.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Verdict::Accepted => "clip_accepted",
            Verdict::Rejected => "clip_rejected",
        }
    }

    fn parse(text: &str) -> Option<Verdict> {
        [Verdict::Accepted, Verdict::Rejected].into_iter().find(|v| v.as_str() == text)
    }
}

/// Whether an event is a person's word: it changes no state and no amount.
pub(super) fn is_word(kind: &str) -> bool {
    [Verdict::Accepted, Verdict::Rejected].iter().any(|verdict| verdict.kind() == kind)
}

/// Who asks for another clip of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedBy {
    /// A person.
    Person,
    /// The check on its clip, under the approval that it was made under.
    Check,
}

/// A person's word, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The job's row.
    pub job: i64,
    /// The attempt that it is about.
    pub attempt: i64,
    /// Which of the job that is, from 1.
    pub number: u32,
    /// What.
    pub verdict: Verdict,
    /// Whether another clip is asked for.
    pub retake: bool,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A word to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWord {
    /// The job.
    pub address: Address,
    /// What.
    pub verdict: Verdict,
    /// Whether another clip is to be made; only of what is rejected.
    pub retake: bool,
    /// Which attempt's clip, from 1; absent: the one that stands, or else the newest.
    pub attempt: Option<u32>,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What became of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The word that rules now.
    pub word: Word,
    /// The file of its clip, relative to the workspace; absent where the attempt has none.
    pub clip: Option<String>,
    /// Whether the same was said before, so that nothing was written.
    pub before: bool,
}

/// Why a word can't be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// The ledger has no such job.
    #[error("the ledger has no such job; `kinora report` lists them")]
    NoJob,
    /// It has no clip of what is asked now.
    #[error("it has no clip of what was asked last")]
    NoClip,
    /// The attempt that is named has no clip of it.
    #[error("its attempt {0} has no clip of what was asked last")]
    NotThat(u32),
    /// It is being made.
    #[error("it is being made again (attempt {number}, {}); say it when that has ended", .state.as_str())]
    Open {
        /// Its latest attempt.
        number: u32,
        /// Where that is.
        state: JobState,
    },
    /// It was refused, and is tried again anyway.
    #[error("its latest attempt was refused and cost nothing; the next plan has it anyway")]
    Refused,
}

/// All that was said, by what it is about. Small: people speak of few clips.
#[derive(Debug, Clone, Default)]
pub struct Words {
    clips: BTreeMap<i64, Word>,
    jobs: BTreeMap<i64, Word>,
}

impl Words {
    /// The last word on one attempt's clip.
    pub fn of_clip(&self, attempt: i64) -> Option<&Word> {
        self.clips.get(&attempt)
    }

    /// Whether the last word on an attempt's clip rejects it.
    pub fn is_rejected(&self, attempt: i64) -> bool {
        self.of_clip(attempt).is_some_and(|word| word.verdict == Verdict::Rejected)
    }

    /// The word that rules a job: the last one since its latest attempt began.
    pub fn of_job(&self, job: i64) -> Option<&Word> {
        self.jobs.get(&job)
    }

    /// The attempt whose clip a person chose for a job.
    pub fn chosen(&self, job: i64) -> Option<i64> {
        self.of_job(job).filter(|w| w.verdict == Verdict::Accepted).map(|word| word.attempt)
    }
}

const WORD: &str = "SELECT w.job, w.attempt, a.number, w.verdict, w.retake, w.by, w.note, w.at,
        w.latest = j.attempt
    FROM words w JOIN attempts a ON a.id = w.attempt JOIN jobs j ON j.id = w.job";

/// A word, and whether it was said since the job's latest attempt began.
fn word_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Word, bool)> {
    let verdict = row.get_ref(3)?.as_str()?;
    let verdict = Verdict::parse(verdict).ok_or_else(|| {
        damaged(3, rusqlite::types::Type::Text, format!("`{verdict}` is no verdict"))
    })?;
    let word = Word {
        job: row.get(0)?,
        attempt: row.get(1)?,
        number: row.get(2)?,
        verdict,
        retake: row.get(4)?,
        by: row.get(5)?,
        note: row.get(6)?,
        at: time(row, 7)?,
    };
    Ok((word, row.get(8)?))
}

impl Ledger {
    /// All that was said, as it stands.
    pub fn words(&self) -> Result<Words, LedgerError> {
        words(&self.reading()).map_err(|e| self.failed(&e))
    }

    /// The word that rules one job.
    pub fn word_on(&self, job: i64) -> Result<Option<Word>, LedgerError> {
        ruling(&self.reading(), job).map_err(|e| self.failed(&e))
    }

    /// Records words, also while a run goes on. Those with `must` are recorded all or none, and
    /// nothing else without them. Blocks.
    pub fn say(
        &self,
        words: Vec<(NewWord, bool)>,
    ) -> Result<Vec<Result<Said, Unsaid>>, LedgerError> {
        self.write_shortly(move |c| {
            let found = words
                .iter()
                .map(|(word, _)| Target::find(c, word))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let fails = words.iter().zip(&found).any(|((_, must), found)| *must && found.is_err());
            let mut said = Vec::with_capacity(words.len());
            for ((word, _), found) in words.into_iter().zip(found) {
                said.push(match found {
                    Ok(target) => Ok(target.say(c, word, !fails)?),
                    Err(why) => Err(why),
                });
            }
            Ok(said)
        })
    }
}

pub(super) fn words(c: &Connection) -> rusqlite::Result<Words> {
    let mut query = c.prepare(&format!("{WORD} ORDER BY w.id"))?;
    let mut rows = query.query([])?;
    let mut words = Words::default();
    while let Some(row) = rows.next()? {
        let (word, rules) = word_of(row)?;
        if rules {
            words.jobs.insert(word.job, word.clone());
        }
        words.clips.insert(word.attempt, word);
    }
    Ok(words)
}

/// The word that rules a job.
fn ruling(c: &Connection, job: i64) -> rusqlite::Result<Option<Word>> {
    let query =
        format!("{WORD} WHERE w.job = ? AND w.latest = j.attempt ORDER BY w.id DESC LIMIT 1");
    Ok(c.prepare_cached(&query)?.query_row([job], word_of).optional()?.map(|(word, _)| word))
}

/// Whether a person's word rules a job.
pub(super) fn rules(c: &Connection, job: i64) -> rusqlite::Result<bool> {
    Ok(ruling(c, job)?.is_some())
}

/// Whether another clip of what a job's latest attempt was asked is asked for: by the word that rules
/// it, or else by the check on that attempt's clip.
pub(super) fn asks_for_retake(c: &Connection, job: i64) -> rusqlite::Result<Option<AskedBy>> {
    Ok(match ruling(c, job)? {
        Some(word) => word.retake.then_some(AskedBy::Person),
        None => checks::asks(c, job)?.then_some(AskedBy::Check),
    })
}

/// Brings what planning knows of jobs in line with what was said of them.
pub(super) fn heed(c: &Connection, known: &mut KnownJobs) -> rusqlite::Result<()> {
    let mut query = c.prepare(
        // Word for word the indices' own conditions, so that they are used.
        "SELECT j.id, j.address, a.retake FROM jobs j JOIN attempts a ON a.id = j.attempt
         WHERE j.id IN (SELECT job FROM words UNION SELECT job FROM attempts WHERE retake > 0
             UNION SELECT job FROM checks WHERE retake = 1)",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (job, retake): (i64, u32) = (row.get(0)?, row.get(2)?);
        let Some(known) = known.get_mut(&JobKey::of(row.get_ref(1)?.as_str()?)) else { continue };
        known.retake = retake;
        match ruling(c, job)? {
            // What is open goes on, whatever is said (M2).
            _ if known.state.is_open() => {}
            Some(word) if word.retake => known.retake = retake.saturating_add(1),
            Some(_) => known.state = JobState::Done,
            None if checks::asks(c, job)? => {
                (known.retake, known.by_check) = (retake.saturating_add(1), true);
            }
            None => {}
        }
    }
    Ok(())
}

/// The clip that a word is about.
struct Target {
    job: i64,
    /// The job's latest attempt.
    latest: i64,
    attempt: i64,
    number: u32,
    clip: Option<String>,
    rules: Option<Word>,
}

impl Target {
    fn find(c: &Connection, new: &NewWord) -> rusqlite::Result<Result<Target, Unsaid>> {
        let job = c
            .prepare_cached(
                "SELECT j.id, j.state, j.attempt, a.number FROM jobs j
                 JOIN attempts a ON a.id = j.attempt WHERE j.address = ?",
            )?
            .query_row([new.address.as_str()], |row| {
                let state = parse_state(1, row.get_ref(1)?.as_str()?)?;
                Ok((row.get(0)?, state, row.get(2)?, row.get::<_, u32>(3)?))
            })
            .optional()?;
        let Some((job, state, latest, number)) = job else { return Ok(Err(Unsaid::NoJob)) };
        // What is rejected while the next clip is made would be said of that one, unseen.
        if state.is_open() && new.verdict == Verdict::Rejected {
            return Ok(Err(Unsaid::Open { number, state }));
        }
        if state == JobState::Refused && new.retake {
            return Ok(Err(Unsaid::Refused));
        }
        let rules = ruling(c, job)?;
        let chosen = rules.as_ref().filter(|word| word.verdict == Verdict::Accepted);
        let wanted = match (new.attempt, chosen, new.verdict) {
            (Some(number), ..) => Some(number),
            (None, Some(chosen), Verdict::Rejected) => Some(chosen.number),
            (None, ..) => None,
        };
        // Of the same request as the latest, retakes aside: what was made of another is not what
        // is asked now.
        let clip = c
            .prepare_cached(
                "SELECT a.id, a.number, c.path FROM attempts a JOIN clips c ON c.attempt = a.id
                 JOIN attempts l ON l.id = ?2
                 WHERE a.job = ?1 AND a.parts = l.parts AND (?3 IS NULL OR a.number = ?3)
                 ORDER BY a.number DESC LIMIT 1",
            )?
            .query_row(params![job, latest, wanted], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        let target = |attempt, number, clip| Target { job, latest, attempt, number, clip, rules };
        Ok(match (clip, wanted) {
            (Some((attempt, number, path)), _) => Ok(target(attempt, number, Some(path))),
            (None, Some(number)) => Err(Unsaid::NotThat(number)),
            // It was paid for and came to nothing: a person may ask for another all the same.
            (None, None) if new.retake => Ok(target(latest, number, None)),
            (None, None) => Err(Unsaid::NoClip),
        })
    }

    /// Writes the word down, unless it was the last that was said.
    fn say(self, c: &Connection, new: NewWord, write: bool) -> Result<Said, LedgerError> {
        let NewWord { verdict, retake, by, note, at, .. } = new;
        assert!(!retake || verdict == Verdict::Rejected, "only what is rejected is made again");
        let Target { job, latest, attempt, number, clip, rules } = self;
        let same =
            |word: &Word| (word.attempt, word.verdict, word.retake) == (attempt, verdict, retake);
        if let Some(word) = rules.filter(same) {
            return Ok(Said { word, clip, before: true });
        }
        let word = Word { job, attempt, number, verdict, retake, by, note, at };
        if write {
            c.prepare_cached(
                "INSERT INTO words (job, attempt, latest, verdict, retake, by, note, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                job,
                attempt,
                latest,
                verdict.as_str(),
                retake,
                word.by,
                word.note,
                at.as_microsecond()
            ])?;
            let detail = json!({ "by": word.by, "note": word.note, "retake": retake });
            insert_event(c, at, Some((job, attempt)), verdict.kind(), &detail)?;
        }
        Ok(Said { word, clip, before: false })
    }
}
