//! The words for how an unattended run ended: what came of it, and what a person must do.
//!
//! What never lives here: deciding anything.

use kinora::exit::Exit;
use kinora::money::display_value;
use kinora::plan::{OutsidePolicy, Severity, quoted};
use kinora::report::{PlanOutline, count};
use kinora::run::RunSummary;
use rust_decimal::Decimal;

use super::desk::Stopped;
use crate::cli::Failure;
use crate::cli::args::{Global, LimitOption, SelectArgs};

/// What is known at the end.
pub(super) struct Facts<'a> {
    /// The manifest, for commands.
    pub given: &'a str,
    /// Options that narrow the plan, for commands; begins with a space, or empty.
    pub narrowed: &'a str,
    /// Pictures that could not be fetched.
    pub not_fetched: u64,
    pub plan: Option<&'a PlanOutline>,
    pub run: Option<&'a RunSummary>,
    pub outside: &'a [OutsidePolicy],
    pub stopped: Option<Stopped>,
}

/// The options that narrow a plan, as they are written.
pub(super) fn narrowed(select: &SelectArgs, global: &Global) -> String {
    let jobs = global.limit.iter().filter_map(|limit| match limit {
        LimitOption::Jobs(jobs) => Some(format!(" --limit {jobs}")),
        LimitOption::Named(..) => None,
    });
    let only = select.only.iter().map(|p| format!(" --only {}", quoted(p.as_str())));
    let since = select.since.iter().map(|since| format!(" --since {}", quoted(since)));
    jobs.chain(only).chain(since).collect()
}

/// What came of it, in a sentence.
pub(super) fn message(exit: Exit, facts: &Facts<'_>) -> String {
    let made = facts.run.map(made);
    let why = match exit {
        Exit::Done => None,
        Exit::ApprovalNeeded if facts.outside.is_empty() => {
            let why = facts.run.and_then(|run| run.approval_ended.as_deref());
            Some(format!("the approval holds no more: {}", why.unwrap_or("it ended")))
        }
        Exit::ApprovalNeeded => {
            let plan = facts.plan.map_or(String::new(), planned);
            Some(format!("the plan{plan} is outside the standing policy and was not started"))
        }
        Exit::Denied => Some(denied(facts)),
        Exit::OverBudget => Some(format!(
            "{} did not fit a budget or ceiling",
            count(facts.run.map_or(0, |run| run.over_budget), "job")
        )),
        Exit::JobsFailed => Some(failed(facts)),
        Exit::SubmissionsUnknown => Some("submissions of unknown outcome hold money".to_owned()),
        Exit::Interrupted => Some(
            match facts.stopped {
                Some(Stopped::Deadline) => "the deadline came before all was done",
                Some(Stopped::Signal) => "it was stopped before all was done",
                None => "jobs are still at their providers",
            }
            .to_owned(),
        ),
        _ => Some(exit.word().to_owned()),
    };
    match (why, made) {
        (Some(why), Some(made)) => format!("{why}; {made}"),
        (Some(why), None) => why,
        (None, Some(made)) => made,
        (None, None) => "nothing to do".to_owned(),
    }
}

/// Jobs that failed; or pictures that could not be fetched, so that their jobs are left out.
fn failed(facts: &Facts<'_>) -> String {
    let (jobs, held) = (jobs_failed(facts), jobs_held(facts));
    let mut parts = Vec::new();
    if jobs > 0 || facts.not_fetched == 0 {
        parts.push(format!("{} failed", count(jobs, "job")));
    }
    if held > 0 {
        parts.push(format!("{held} were held back"));
    }
    if facts.not_fetched > 0 {
        parts.push(format!("{} could not be fetched", count(facts.not_fetched, "picture")));
    }
    parts.join(", ")
}

fn jobs_held(facts: &Facts<'_>) -> u64 {
    facts.run.map_or(0, |r| r.held + r.unpriced)
}

fn jobs_failed(facts: &Facts<'_>) -> u64 {
    facts.run.map_or(0, |r| r.failed + r.lost + r.refused + r.paid_before)
}

/// Which guardrails deny the plan, or stopped the run.
fn denied(facts: &Facts<'_>) -> String {
    let breaches = facts.plan.map_or(&[][..], |plan| &plan.breaches);
    let deny = breaches.iter().filter(|breach| breach.severity == Severity::Deny);
    let rules: Vec<String> =
        deny.map(|breach| format!("{} ({}: {})", breach.rule, breach.at, breach.message)).collect();
    if rules.is_empty() {
        let jobs = count(facts.run.map_or(0, |run| run.denied), "job");
        return format!("{jobs} were not started, since a guardrail denies them");
    }
    format!("guardrails deny the plan, and nothing was started: {}", rules.join("; "))
}

/// ` of 12 jobs for 6.4 credits`.
fn planned(plan: &PlanOutline) -> String {
    let estimate = plan.to_run.estimate.get(&plan.unit);
    let cost = estimate.map(|e| format!(" for {e} {}", plan.unit)).unwrap_or_default();
    format!(" of {}{cost}", count(plan.to_run.jobs, "job"))
}

/// `12 clips made for 6.4 credits`.
fn made(run: &RunSummary) -> String {
    let spent: Decimal = run.spent.parse().unwrap_or_default();
    format!("{} made for {} {}", count(run.done, "clip"), display_value(spent), run.unit)
}

/// What a person must do, the most urgent first.
pub(super) fn needs(ends: &[Exit], facts: &Facts<'_>) -> Vec<String> {
    let Facts { given, narrowed, .. } = facts;
    let order = [
        (
            Exit::SubmissionsUnknown,
            format!("`kinora resolve {given}` shows what is known of them, and settles them"),
        ),
        (
            Exit::Denied,
            format!(
                "`kinora plan {given}{narrowed}` shows the guardrails that are broken; change the \
                 plan, or the manifest's `guardrails`"
            ),
        ),
        (
            Exit::ApprovalNeeded,
            format!(
                "look at it with `kinora plan {given}{narrowed}`, then `kinora approve \
                 {given}{narrowed} --by NAME`; the next run makes it"
            ),
        ),
        (
            Exit::OverBudget,
            "raise what it did not fit (a budget, the approval's ceiling or --max-spend), or wait \
             for its day or month to end"
                .to_owned(),
        ),
    ];
    let needs = order.into_iter().filter(|(exit, _)| ends.contains(exit)).map(|(_, need)| need);
    let mut needs: Vec<String> = needs.collect();
    let of_jobs = jobs_failed(facts) + jobs_held(facts) > 0 || facts.not_fetched == 0;
    if ends.contains(&Exit::JobsFailed) && of_jobs {
        needs.push(format!("`kinora status {given}` says which failed, and why"));
    }
    if facts.not_fetched > 0 {
        needs.push(to_fetch(given));
    }
    needs
}

/// What is to be done about pictures that could not be fetched.
fn to_fetch(given: &str) -> String {
    format!(
        "`kinora fetch {given}` tries the pictures that are missing again, and says what is wrong"
    )
}

/// The same for a run that did not come to its own end.
pub(super) fn of_failure(failure: &Failure, facts: &Facts<'_>) -> (String, Vec<String>) {
    let given = facts.given;
    let message = match failure.message.as_str() {
        "" if failure.errors_in_all > 0 => {
            let errors = count(failure.errors_in_all, "error");
            let first = failure.errors.first().map_or("", |error| error.message.as_str());
            format!("{errors}, nothing was started: {first}")
        }
        "" => failure.exit.word().to_owned(),
        message => message.to_owned(),
    };
    let need = match failure.exit {
        Exit::InvalidManifest if failure.errors.iter().any(|e| e.code == "plan::not_fetched") => {
            to_fetch(given)
        }
        // A check knows nothing of what the command line says.
        Exit::InvalidManifest if !facts.narrowed.is_empty() => {
            format!("`kinora plan {given}{}` shows every error at its place", facts.narrowed)
        }
        Exit::InvalidManifest => format!("`kinora check {given}` shows every error at its place"),
        Exit::Locked => "nothing, unless the other run hangs: the next start goes on".to_owned(),
        Exit::Usage => "correct the command line, or set the key that is missing".to_owned(),
        Exit::Internal => {
            format!("look into it on the machine; `kinora ledger verify {given}` checks the books")
        }
        _ => return (message, needs(&[failure.exit], facts)),
    };
    (message, vec![need])
}
