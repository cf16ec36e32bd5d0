//! What the command line says of a part of a plan, and of times.
//!
//! What never lives here: which jobs are in the part.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::Ledger;
use kinora::manifest::duration;
use kinora::plan::{Narrowing, Since};

use super::Failure;
use super::args::{Arguments, Command, Global, LimitOption, SelectArgs};
use super::workspace::ledger_failure;

/// How the latest run is meant.
const LAST_RUN: &str = "last-run";

/// A number of jobs means something only where a plan is made.
pub fn refuse_without_a_plan(arguments: &Arguments) -> Result<(), Failure> {
    let plans =
        matches!(arguments.command, Command::Plan(_) | Command::Approve(_) | Command::Run(_));
    let pilots = pilots(&arguments.global);
    if let (false, Some(jobs)) = (plans, pilots.first()) {
        let what = format!("--limit {jobs}: a number of jobs is for plan, approve and run alone");
        return Err(Failure::new(Exit::Usage, what));
    }
    if pilots.len() > 1 {
        return Err(Failure::new(Exit::Usage, "--limit: say one number of jobs"));
    }
    Ok(())
}

/// The numbers of jobs that were given.
fn pilots(global: &Global) -> Vec<u64> {
    let number = |limit: &LimitOption| match limit {
        LimitOption::Jobs(jobs) => Some(*jobs),
        LimitOption::Named(..) => None,
    };
    global.limit.iter().filter_map(number).collect()
}

/// What the plan is narrowed to.
pub fn narrowing(
    select: &SelectArgs,
    global: &Global,
    ledger: &Ledger,
) -> Result<Narrowing, Failure> {
    let since = select.since.as_deref().map(|text| since(text, ledger)).transpose()?;
    Ok(Narrowing {
        only: select.only.clone(),
        since: since.flatten(),
        first: pilots(global).first().copied(),
        jobs: None,
    })
}

/// Whether a part is meant at all.
pub fn is_narrowed(select: &SelectArgs, global: &Global) -> bool {
    !select.only.is_empty() || select.since.is_some() || !pilots(global).is_empty()
}

/// `--since`. Before the first run, everything has changed since the last.
fn since(text: &str, ledger: &Ledger) -> Result<Option<Since>, Failure> {
    let asked = text.trim().to_owned();
    if asked == LAST_RUN {
        let at = ledger.latest_run().map_err(|e| ledger_failure(&e))?;
        return Ok(at.map(|at| Since { at, asked }));
    }
    let now = SystemClock.now();
    let at = match duration(&asked) {
        Ok(length) => now.checked_sub(length).ok(),
        Err(_) => first_moment(&asked),
    };
    let form = "--since: a day such as 2026-11-20, a time such as 2026-11-20T14:30, a length of \
                time before now such as 7d, or last-run";
    let at = at.ok_or_else(|| Failure::new(Exit::Usage, format!("{form}; not `{asked}`")))?;
    if at > now {
        let what = format!("--since {asked}: that is still to come");
        return Err(Failure::new(Exit::Usage, what));
    }
    Ok(Some(Since { at, asked }))
}

/// `--deadline`: a time of day that comes next, a moment, or a length of time from now.
pub fn deadline(text: &str) -> Result<Timestamp, Failure> {
    let (text, now) = (text.trim(), SystemClock.now());
    let at = match duration(text) {
        Ok(length) => now.checked_add(length).ok(),
        Err(_) => next_time_of_day(text, now).or_else(|| first_moment(text)),
    };
    at.ok_or_else(|| {
        let form = "--deadline: a time such as 06:00 (UTC), a moment such as 2026-11-20T06:00Z, or \
                    a length of time from now such as 90m";
        Failure::new(Exit::Usage, format!("{form}; not `{text}`"))
    })
}

/// A time of day, the next time that it comes. Without a zone it is UTC.
fn next_time_of_day(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.contains('T') || text.contains(' ') {
        return None;
    }
    let time: Time =
        Time::strptime("%H:%M", text).or_else(|_| Time::strptime("%H:%M:%S", text)).ok()?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let at = today.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
    if at > now { Some(at) } else { at.checked_add(SignedDuration::from_hours(24)).ok() }
}

/// The first moment that a day or time may mean. Without a zone it is UTC.
fn first_moment(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let at: jiff::civil::DateTime = text.parse().ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_without_a_day_is_the_next_time_that_it_comes() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
        let next = |text: &str| next_time_of_day(text, now).map(|at| at.to_string());
        assert_eq!(next("12:30").as_deref(), Some("2026-11-20T12:30:00Z"));
        assert_eq!(next("06:00").as_deref(), Some("2026-11-21T06:00:00Z"));
        assert_eq!(next("10:00").as_deref(), Some("2026-11-21T10:00:00Z"));
        assert_eq!(next("25:00"), None);
        assert_eq!(next("2026-11-21T06:00"), None);
    }

    #[test]
    fn a_day_begins_at_midnight() {
        let moment = |text: &str| first_moment(text).map(|at| at.to_string());
        assert_eq!(moment("2026-11-20").as_deref(), Some("2026-11-20T00:00:00Z"));
        assert_eq!(moment("2026-11-20T06:00+01:00").as_deref(), Some("2026-11-20T05:00:00Z"));
        assert_eq!(moment("tomorrow"), None);
    }
}
