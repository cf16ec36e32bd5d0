//! A round over clips that were made: each is looked at again, and what that came to is recorded.
//!
//! What lives here: which clips, under which rule, on how many threads. What never does: asking for
//! another clip, what is printed.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use glob::Pattern;
use jiff::Timestamp;

use super::siblings::{Outlier, Sibling, outliers};
use super::verifier::is_comparable;
use super::{ClipVerifier, Detail, Looked, Verifier, measure};
use crate::address::{Address, JobKey};
use crate::ledger::{AttemptRecord, CurrentClips, Ledger, LedgerError, NewCheck, Verdict, Which};
use crate::manifest::ConsistencyRule;
use crate::plan::Request;

/// The rules of today's manifest, by job.
pub type Rules = HashMap<JobKey, ConsistencyRule>;

/// The clips that stand, by their attempts in the order of their making.
#[derive(Debug, Default)]
pub struct Standing {
    current: CurrentClips,
    /// Those that are looked at.
    pub clips: Vec<i64>,
    /// Those of the same subjects that are not.
    siblings: Vec<i64>,
    /// Jobs whose clips a person rejected, every one.
    pub rejected: u64,
    /// Clips made without a picture that they could be held against.
    pub without_reference: u64,
    /// Clips that were checked by this measure before, where only others are wanted.
    pub before: u64,
    /// Patterns that fit no job, by their place.
    pub unmet: Vec<usize>,
}

impl Standing {
    /// The current clip of each job that one of the patterns fits, or of every job. With `new`, only
    /// those that today's measure has not looked at.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub fn of(ledger: &Ledger, only: &[Pattern], new: bool) -> Result<Standing, LedgerError> {
        let mut found = Standing { current: ledger.current_clips()?, ..Standing::default() };
        let checks = if new { ledger.checks()? } else { Default::default() };
        let (measure, mut met) = (measure(), vec![false; only.len()]);
        let mut left: Vec<(i64, Address)> = Vec::new();
        let mut subjects: std::collections::BTreeSet<String> = Default::default();
        ledger.each_attempt(Which::All, |attempt| {
            let current = found.current.of_job(attempt.job);
            // A request that can't be read back is what `kinora report` says.
            let Ok(request) = serde_json::from_str::<Request>(&attempt.request) else { return };
            let fits = fits(&request, &attempt.address, only, &mut met);
            if current.is_none() && fits && attempt.clip.is_some() {
                found.rejected += 1;
            }
            if current != Some(attempt.id) {
                return;
            }
            if !is_comparable(&request) {
                found.without_reference += u64::from(fits);
                return;
            }
            let known = checks.of_clip(attempt.id).is_some_and(|check| check.measure == measure);
            found.before += u64::from(fits && known);
            if fits && !known {
                subjects.extend(request.subject);
                found.clips.push(attempt.id);
            } else {
                left.push((attempt.id, attempt.address));
            }
        })?;
        let of_them =
            |(id, address): (i64, Address)| subjects.contains(address.subject()?).then_some(id);
        found.siblings = left.into_iter().filter_map(of_them).collect();
        found.unmet = (0..met.len()).filter(|at| !met[*at]).collect();
        Ok(found)
    }
}

/// As `--only` means it.
fn fits(request: &Request, address: &Address, only: &[Pattern], met: &mut [bool]) -> bool {
    let subject = request.subject.as_deref();
    let mut fits = only.is_empty();
    for (pattern, met) in only.iter().zip(met) {
        let one = pattern.as_str() == address.as_str()
            || pattern.matches(address.as_str())
            || pattern.matches(&request.shot)
            || pattern.matches(&request.model)
            || subject.is_some_and(|subject| pattern.matches(subject));
        *met |= one;
        fits |= one;
    }
    fits
}

/// A clip that was looked at.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its attempt, its clip with it.
    pub attempt: AttemptRecord,
    /// What was asked.
    pub request: Request,
    /// What it came to.
    pub looked: Looked,
    /// Whether the check was recorded: not of a file that is no longer the clip that was made.
    pub recorded: bool,
    /// Whether another clip is asked for, by what was asked before.
    pub retake: bool,
    /// Who said that it is as it should be; that outranks the score.
    pub accepted_by: Option<String>,
}

/// Looks at clips and records what it sees.
pub struct Round<'a> {
    /// Where clips and checks are recorded.
    pub ledger: &'a Ledger,
    /// Who looks.
    pub verifier: &'a Verifier,
    /// The rules in force today; a job that has none here keeps that of its request.
    pub rules: &'a Rules,
    /// How many clips are looked at at once.
    pub threads: NonZeroUsize,
    /// What time it is.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

impl Round<'_> {
    /// Looks at every clip; `each` hears of each, in no order. What is given back is in the order of
    /// `standing`.
    ///
    /// # Errors
    /// The ledger can't be read or written; what was recorded until then stays.
    pub fn go(
        &self,
        standing: &Standing,
        each: &(dyn Fn(&Checked) + Sync),
    ) -> Result<Vec<Checked>, LedgerError> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done: Mutex<Vec<(usize, Checked)>> = Mutex::default();
        let problem: Mutex<Option<LedgerError>> = Mutex::default();
        let work = || {
            while !failed.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(id) = standing.clips.get(at) else { return };
                match self.one(*id, standing) {
                    Ok(Some(checked)) => {
                        each(&checked);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((at, checked));
                    }
                    // It was not there a moment ago either.
                    Ok(None) => {}
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        *problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                }
            }
        };
        // Threads of its own: the system's pool may be what decodes pictures.
        std::thread::scope(|scope| {
            for _ in 1..self.threads.get().min(standing.clips.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        if let Some(error) = problem.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, checked)| checked).collect())
    }

    fn one(&self, id: i64, standing: &Standing) -> Result<Option<Checked>, LedgerError> {
        let Some(attempt) = self.ledger.attempt(id)? else { return Ok(None) };
        let Some(clip) = &attempt.clip else { return Ok(None) };
        let Ok(mut request) = serde_json::from_str::<Request>(&attempt.request) else {
            return Ok(None);
        };
        if let Some(rule) = self.rules.get(&attempt.address.key()) {
            request.consistency = Some(rule.clone());
        }
        let word = standing.current.words().of_clip(id);
        let accepted = word.filter(|word| word.verdict == Verdict::Accepted);
        let accepted_by = accepted.map(|word| word.by.clone());
        let path = match self.verifier.published(clip) {
            Ok(path) => path,
            Err(problem) => {
                let looked = Looked::not_inspected(format!("not inspected: {problem}"));
                let (recorded, retake) = (false, false);
                return Ok(Some(Checked {
                    attempt,
                    request,
                    looked,
                    recorded,
                    retake,
                    accepted_by,
                }));
            }
        };
        let looked = self.verifier.look(&request, &path);
        let check = self.ledger.record_check(NewCheck {
            attempt: id,
            measure: looked.measure.clone(),
            verdict: looked.verdict,
            score: looked.score,
            // What was asked for before stays asked for; this asks for nothing.
            retake: false,
            detail: serde_json::to_string(&looked.detail).expect("texts and numbers are JSON"),
            at: (self.now)(),
        })?;
        let retake = check.retake;
        Ok(Some(Checked { attempt, request, looked, recorded: true, retake, accepted_by }))
    }

    /// Which clips are unlike the others of their subject: those that were looked at, beside those
    /// that were looked at before.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub fn outliers(
        &self,
        standing: &Standing,
        checked: &[Checked],
    ) -> Result<Vec<Outlier>, LedgerError> {
        let mut others = Vec::new();
        for id in &standing.siblings {
            let (Some(check), Some(attempt)) =
                (self.ledger.check_on(*id)?, self.ledger.attempt(*id)?)
            else {
                continue;
            };
            let Ok(detail) = serde_json::from_str::<Detail>(&check.detail) else { continue };
            others.push((attempt.address, check, detail));
        }
        let mut all: Vec<Sibling<'_>> = Vec::new();
        for one in checked.iter().filter(|one| one.recorded) {
            let (Some(subject), Some(score)) = (one.attempt.address.subject(), one.looked.score)
            else {
                continue;
            };
            all.push(Sibling {
                job: one.attempt.address.as_str(),
                subject,
                measure: &one.looked.measure,
                score,
                references: &one.looked.detail.references,
            });
        }
        for (address, check, detail) in &others {
            let (Some(subject), Some(score)) = (address.subject(), check.score) else { continue };
            let (job, measure) = (address.as_str(), check.measure.as_str());
            all.push(Sibling { job, subject, measure, score, references: &detail.references });
        }
        Ok(outliers(&all))
    }
}
