//! Which approval a plan runs under: the newest that holds and that names the plan, or another plan
//! that covers everything that would start now.
//!
//! What never lives here: whether an approval holds by itself (`hold`), what covering means (the
//! planner knows), and what is spent under it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::copy::open_copy;
use super::hold::{Objection, Rules, holds};
use crate::digest::Digest;
use crate::ledger::{Approval, KnownJobs, Ledger, LedgerError};
use crate::limits::Limits;
use crate::money::display_value;
use crate::plan::{ApprovalLine, Covers, Money, Plan, PlannedJob, covers};

/// Copies of approved plans that are read for one search, at most. Whoever has more approvals in
/// force than that has no use for the oldest.
const MOST_COPIES: usize = 16;

/// An approval that a plan runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Under {
    /// The approval.
    pub approval: Approval,
    /// Whether it names another plan, which covers what would start now.
    pub carried: bool,
}

impl Under {
    /// As a plan's summary says it.
    pub fn line(&self) -> ApprovalLine {
        let a = &self.approval;
        let ceiling = display_value(a.ceiling.to_decimal());
        ApprovalLine {
            id: a.id,
            by: a.by.clone(),
            at: a.at.to_string(),
            ceiling: format!("{ceiling} {}", a.unit),
            expires: a.expires.map(|at| at.to_string()),
            carried_from: self.carried.then(|| a.plan.to_string()),
            signed: a.signature.is_some(),
        }
    }
}

/// Why an approval was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// It does not hold.
    Holds(Objection),
    /// It holds, for another plan, whose copy can't be used.
    Copy(String),
    /// It holds, for another plan, which does not cover what would start now.
    Covers(Covers),
    /// It holds, for another plan, and too many newer ones were read already.
    TooOld,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What the plan runs under; absent where nothing holds for it.
    pub under: Option<Under>,
    /// What was passed over, newest first; all of them where nothing holds.
    pub passed: Vec<(Approval, Passed)>,
}

/// Searches for the approval of a plan, newest first.
pub fn find(
    ledger: &Ledger,
    workspace: &Path,
    plan: &Plan,
    rules: &Rules<'_>,
    limits: &Limits,
) -> Result<Found, LedgerError> {
    let known = Arc::new(ledger.known_jobs()?);
    let unit = plan.summary.unit.as_str();
    let covered_by = |approved: &Digest| -> Result<Option<Covers>, String> {
        if plan.summary.to_run.jobs == 0 {
            // Nobody approves by it what does not start.
            return Ok(Some(Covers { absent: 1, ..Covers::default() }));
        }
        let copy = open_copy(workspace, approved, limits)?;
        let retakes = Retakes { ledger, known: &known, approved };
        let (mut with_it, mut failed) = (0, None);
        let would_run = plan.planner.stream(Arc::clone(&known)).filter(|p| p.standing.runs());
        let would_run = would_run.filter_map(|planned| {
            let job = planned.job;
            match retakes.has(&job) {
                Ok(true) => {
                    with_it += 1;
                    return None;
                }
                Ok(false) => {}
                Err(e) => failed = Some(e.to_string()),
            }
            Some((job.key, job.fingerprint.whole, Money::of(&job)))
        });
        let mut covers = covers(copy, limits, unit, would_run).map_err(|e| e.to_string())?;
        if let Some(why) = failed {
            return Err(why);
        }
        covers.jobs += with_it;
        Ok((!covers.all() || covers.jobs != plan.summary.to_run.jobs).then_some(covers))
    };
    Ok(search(ledger.approvals()?, rules, &plan.digest, covered_by))
}

/// Retakes that checks ask for were approved with the attempts that they looked at: a run that ended
/// between a check and its retake is gone on with under the same approval.
struct Retakes<'a> {
    ledger: &'a Ledger,
    known: &'a KnownJobs,
    approved: &'a Digest,
}

impl Retakes<'_> {
    /// Whether a job that would start is such a retake, of this approved plan, of the very same request
    /// and at no higher price.
    fn has(&self, job: &PlannedJob) -> Result<bool, LedgerError> {
        let Some(known) = self.known.get(&job.key).filter(|known| known.by_check) else {
            return Ok(false);
        };
        let row = self.ledger.job(&job.address)?.filter(|row| row.id == known.job);
        let last = row.map(|row| self.ledger.attempt(row.attempt)).transpose()?.flatten();
        let estimate = job.estimate.known().and_then(|amount| amount.to_micros().ok());
        Ok(last.is_some_and(|last| {
            last.plan == *self.approved
                && last.parts == job.fingerprint.parts
                && last.retake.checked_add(1) == Some(job.retake)
                && estimate.is_some_and(|estimate| estimate <= last.estimate)
        }))
    }
}

/// The same, by whoever says what covers it: nothing, or what is not covered.
fn search(
    approvals: Vec<Approval>,
    rules: &Rules<'_>,
    plan: &Digest,
    mut covered_by: impl FnMut(&Digest) -> Result<Option<Covers>, String>,
) -> Found {
    let mut found = Found::default();
    let mut looked: HashMap<Digest, Result<Option<Covers>, String>> = HashMap::new();
    for approval in approvals.into_iter().rev() {
        if let Err(objection) = holds(&approval, rules) {
            found.passed.push((approval, Passed::Holds(objection)));
            continue;
        }
        if approval.plan == *plan {
            found.under = Some(Under { approval, carried: false });
            return found;
        }
        if looked.len() == MOST_COPIES && !looked.contains_key(&approval.plan) {
            found.passed.push((approval, Passed::TooOld));
            continue;
        }
        let covered =
            looked.entry(approval.plan).or_insert_with_key(|approved| covered_by(approved));
        let why = match covered {
            Ok(None) => {
                found.under = Some(Under { approval, carried: true });
                return found;
            }
            Ok(Some(covers)) => Passed::Covers(covers.clone()),
            Err(why) => Passed::Copy(why.clone()),
        };
        found.passed.push((approval, why));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::seal;
    use crate::ledger::{ApprovalEnd, NewApproval, Revocation};
    use crate::money::{Micros, Unit};
    use jiff::Timestamp;

    const LINEAGE: &str = "lineage";

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn approval(id: i64, plan: &str, expires: Option<i64>) -> Approval {
        let ceiling = Micros::from_stored(1).expect("not negative");
        let plan = Digest::of(plan.as_bytes());
        let new = NewApproval::new(plan, "ana", ceiling, Unit::default(), time(id));
        let new = NewApproval { expires: expires.map(time), ..new };
        seal(new, None, LINEAGE).recorded(id)
    }

    fn found(approvals: Vec<Approval>, covering: &[&str]) -> (Option<(i64, bool)>, usize, usize) {
        let unit = Unit::default();
        let rules =
            Rules { unit: &unit, lineage: LINEAGE, approvers: None, policy: None, now: time(100) };
        let covering: Vec<Digest> = covering.iter().map(|p| Digest::of(p.as_bytes())).collect();
        let mut asked = 0;
        let found = search(approvals, &rules, &Digest::of(b"now"), |approved| {
            asked += 1;
            let lacks = Covers { absent: 1, ..Covers::default() };
            Ok((!covering.contains(approved)).then_some(lacks))
        });
        (found.under.map(|under| (under.approval.id, under.carried)), found.passed.len(), asked)
    }

    #[test]
    fn the_newest_that_names_or_covers_the_plan_wins() {
        let all = || vec![approval(1, "now", None), approval(2, "whole", None)];
        assert_eq!(found(all(), &["whole"]), (Some((2, true)), 0, 1));
        assert_eq!(found(all(), &[]), (Some((1, false)), 1, 1));
        let mut newer = all();
        newer.push(approval(3, "now", None));
        assert_eq!(found(newer, &["whole"]), (Some((3, false)), 0, 0));
        assert_eq!(found(vec![], &["whole"]), (None, 0, 0));
    }

    #[test]
    fn what_does_not_hold_is_passed_over_and_its_plan_never_read() {
        let mut revoked = approval(3, "now", None);
        revoked.revoked = Some(Revocation { by: "bo".to_owned(), at: time(50), note: None });
        let mut altered = approval(4, "now", None);
        altered.ceiling = Micros::from_stored(2).expect("not negative");
        let expired = approval(2, "whole", Some(100));
        let all = vec![approval(1, "now", Some(101)), expired, revoked, altered];
        assert_eq!(found(all.clone(), &["whole"]), (Some((1, false)), 3, 0));
        assert_eq!(found(all[1..].to_vec(), &["whole"]), (None, 3, 0));
    }

    #[test]
    fn each_plan_is_read_once_and_only_so_many() {
        let again = vec![approval(1, "a", None), approval(2, "a", None), approval(3, "a", None)];
        assert_eq!(found(again, &[]), (None, 3, 1));
        let many = (1..=40).map(|id| approval(id, &format!("plan {id}"), None)).collect();
        assert_eq!(found(many, &["plan 1"]), (None, 40, MOST_COPIES));
    }

    #[test]
    fn a_summary_says_by_whom_until_when_and_from_which_plan() {
        let under = Under { approval: approval(7, "whole", Some(200)), carried: true };
        let line = under.line();
        assert_eq!((line.id, line.by.as_str(), line.signed), (7, "ana", false));
        assert_eq!(line.carried_from, Some(Digest::of(b"whole").to_string()));
        assert_eq!(line.expires, Some(time(200).to_string()));
        let ended = ApprovalEnd::Expired(time(200));
        assert_eq!(Objection::Ended(ended.clone()).to_string(), ended.to_string());
    }
}
