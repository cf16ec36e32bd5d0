//! What people and checks say of clips, in the model of the ledger: the same rules as the real one,
//! without SQL.

use jiff::Timestamp;
use kinora::ledger::{
    AttemptRecord, Check, ClipVerdict, JobState, NewCheck, NewWord, Verdict, Word,
};
use kinora::manifest::OnFail;
use kinora::plan::Request;

use crate::store::Store;

/// A word, and the job's latest attempt when it was said.
#[derive(Debug, Clone)]
pub struct WordRow {
    pub word: Word,
    pub latest: i64,
}

/// All that was said and seen, and which clips wait to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Opinions {
    pub words: Vec<WordRow>,
    pub checks: Vec<Check>,
    pub to_check: Vec<i64>,
    /// Whether checks ask for clips without end, which only a mutant lets them.
    pub endless: bool,
    /// Whether checks ask for clips whatever people say, which only a mutant lets them.
    pub deaf: bool,
}

/// How many retakes a stored request lets checks ask for.
pub fn most_retakes(request: &str) -> u32 {
    let request: Request = serde_json::from_str(request).expect("requests are JSON");
    let rule = request.consistency.filter(|rule| rule.on_fail == OnFail::Retake);
    rule.map_or(0, |rule| rule.max_retakes)
}

impl Store {
    /// The word that rules a job: the last one since its latest attempt began.
    pub fn ruling(&self, job: i64) -> Option<&Word> {
        let latest = self.job_by_id(job)?.attempt;
        let words = self.opinions.words.iter().rev();
        words.filter(|row| row.word.job == job && row.latest == latest).map(|r| &r.word).next()
    }

    /// The check that counts of an attempt's clip.
    pub fn newest_check(&self, attempt: i64) -> Option<&Check> {
        self.opinions.checks.iter().rev().find(|check| check.attempt == attempt)
    }

    /// Whether the check on a job's latest clip asks for another.
    pub fn check_asks(&self, job: i64) -> bool {
        let Some(job) = self.job_by_id(job).filter(|job| job.state == JobState::Done) else {
            return false;
        };
        self.newest_check(job.attempt).is_some_and(|check| check.retake)
    }

    /// Of how many attempts of what a job's latest was asked a check asked for another.
    fn asked_so_far(&self, job: i64, except: i64) -> u32 {
        let Some(latest) = self.job_by_id(job).and_then(|job| self.attempt(job.attempt)) else {
            return 0;
        };
        let parts = latest.record.parts;
        let asked = self.attempts().iter().map(|row| &row.record).filter(|a| {
            let asks = |check: &Check| check.attempt == a.id && check.retake;
            a.job == job
                && a.parts == parts
                && a.id != except
                && self.opinions.checks.iter().any(asks)
        });
        u32::try_from(asked.count()).expect("few")
    }

    /// Whether a job's next attempt may be one retake more.
    pub fn may_be_taken_again(&self, job: i64, same: bool) -> bool {
        match self.ruling(job).filter(|_| !self.opinions.deaf) {
            Some(word) => word.retake,
            None => {
                let last = self.job_by_id(job).and_then(|job| self.attempt(job.attempt));
                let most = last.map_or(0, |last| most_retakes(&last.record.request));
                let within = self.opinions.endless || self.asked_so_far(job, 0) <= most;
                self.check_asks(job) && (!same || within)
            }
        }
    }

    /// How often the same is asked for again, as the next plan knows it; and the state that it goes by.
    pub fn planned(&self, latest: &AttemptRecord) -> (u32, JobState) {
        let (retake, state) = (latest.retake, latest.state);
        match self.ruling(latest.job) {
            _ if state.is_open() => (retake, state),
            Some(word) if word.retake => (retake + 1, state),
            Some(_) => (retake, JobState::Done),
            None if self.check_asks(latest.job) => (retake + 1, state),
            None => (retake, state),
        }
    }

    /// Says a word: of which attempt it is then, and whether that was said before. `None`: it can't be
    /// said.
    pub fn say(&mut self, new: &NewWord) -> Option<(u32, bool)> {
        let job = self.job(&new.address)?.clone();
        let last = self.attempt(job.attempt)?.record.clone();
        if job.state.is_open() && new.verdict == Verdict::Rejected
            || job.state == JobState::Refused && new.retake
        {
            return None;
        }
        let rules = self.ruling(job.id).cloned();
        let chosen = rules.as_ref().filter(|word| word.verdict == Verdict::Accepted);
        let wanted = match (new.attempt, chosen, new.verdict) {
            (Some(number), ..) => Some(number),
            (None, Some(chosen), Verdict::Rejected) => Some(chosen.number),
            _ => None,
        };
        let clips = self.attempts().iter().rev().map(|row| &row.record);
        let clip = clips
            .filter(|a| a.job == job.id && a.clip.is_some() && a.parts == last.parts)
            .find(|a| wanted.is_none_or(|number| a.number == number));
        let (attempt, number) = match (clip, wanted) {
            (Some(clip), _) => (clip.id, clip.number),
            (None, None) if new.retake => (last.id, last.number),
            _ => return None,
        };
        let same = |word: &Word| {
            (word.attempt, word.verdict, word.retake) == (attempt, new.verdict, new.retake)
        };
        if rules.is_some_and(|word| same(&word)) {
            return Some((number, true));
        }
        let word = Word {
            job: job.id,
            attempt,
            number,
            verdict: new.verdict,
            retake: new.retake,
            by: new.by.clone(),
            note: new.note.clone(),
            at: new.at,
        };
        self.opinions.words.push(WordRow { word, latest: job.attempt });
        self.happened(new.at, attempt, "said");
        Some((number, false))
    }

    /// Records a check; whether it asks for another clip.
    pub fn record(&mut self, new: &NewCheck) -> bool {
        let attempt = self.attempt(new.attempt).expect("it has a clip").record.clone();
        let job = self.job_by_id(attempt.job).expect("every attempt has one").clone();
        let wished = new.retake || self.newest_check(attempt.id).is_some_and(|c| c.retake);
        let latest = job.attempt == attempt.id && job.state == JobState::Done;
        let most = most_retakes(&attempt.request);
        let retake = wished
            && latest
            && new.verdict == ClipVerdict::Fail
            && (self.opinions.deaf || self.ruling(job.id).is_none())
            && (self.opinions.endless || self.asked_so_far(job.id, attempt.id) < most);
        let NewCheck { attempt, measure, verdict, score, detail, at, .. } = new.clone();
        let check = Check { job: job.id, attempt, measure, verdict, score, retake, detail, at };
        self.opinions.checks.push(check);
        self.opinions.to_check.retain(|waits| *waits != attempt);
        self.happened(at, attempt, "checked");
        retake
    }

    /// A clip was made: whether it is to be looked at stands in its request.
    pub fn note_clip(&mut self, attempt: i64) {
        let request = &self.attempt(attempt).expect("it was just written").record.request;
        let request: Request = serde_json::from_str(request).expect("requests are JSON");
        if request.consistency.is_some() {
            self.opinions.to_check.push(attempt);
        }
    }

    /// Clips of jobs' latest attempts that wait to be looked at.
    pub fn to_check(&self) -> Vec<i64> {
        let latest = |attempt: &i64| {
            let job = self.attempt(*attempt).and_then(|row| self.job_by_id(row.record.job));
            job.is_some_and(|job| job.attempt == *attempt)
        };
        let mut waiting: Vec<i64> = self.opinions.to_check.iter().copied().filter(latest).collect();
        waiting.sort_unstable();
        waiting
    }

    fn happened(&mut self, at: Timestamp, attempt: i64, kind: &'static str) {
        self.events.push(crate::store::EventRow { at, attempt, kind });
    }

    /// The attempt whose clip stands for a job, found by trying each against every other.
    pub fn current(&self, job: i64) -> Option<i64> {
        let made: Vec<&AttemptRecord> = self
            .attempts()
            .iter()
            .map(|row| &row.record)
            .filter(|a| a.job == job && a.clip.is_some())
            .collect();
        if let Some(word) = self.ruling(job).filter(|word| word.verdict == Verdict::Accepted) {
            return Some(word.attempt);
        }
        let last_word = |attempt: i64| {
            let words = self.opinions.words.iter().rev();
            words.map(|row| &row.word).find(|word| word.attempt == attempt)
        };
        let kept: Vec<&AttemptRecord> = made
            .into_iter()
            .filter(|a| last_word(a.id).is_none_or(|word| word.verdict == Verdict::Accepted))
            .collect();
        let newest = *kept.last()?;
        let score = |a: &AttemptRecord| {
            let check = self.newest_check(a.id)?;
            Some((check.measure.clone(), check.score?))
        };
        let Some((measure, _)) = score(newest) else { return Some(newest.id) };
        let beats = |a: &&&AttemptRecord| {
            let Some((by, mine)) = score(a) else { return false };
            let all = kept.iter().filter(|b| b.parts == newest.parts);
            let others = all.filter_map(|b| score(b).map(|(by, score)| (b.id, by, score)));
            let alike = others.filter(|(_, by, _)| *by == measure);
            by == measure
                && a.parts == newest.parts
                && alike
                    .into_iter()
                    .all(|(id, _, theirs)| mine > theirs || (mine == theirs && a.id >= id))
        };
        kept.iter().find(beats).map(|a| a.id)
    }
}
