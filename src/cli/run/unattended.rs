//! `kinora run --unattended`: the same road with nobody to ask. The manifest's standing policy
//! approves, every step is logged, and every ending is told: once printed, once by a notification.
//!
//! What never lives here: the policy's bounds, how somebody is told.

mod desk;
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger, Origin};
use kinora::money::Micros;
use kinora::plan::{OutsidePolicy, Plan, Severity, outside_policy, policy_name};

use self::desk::{Desk, Ending};
use super::{Asked, Dispatch, Left, collect_first, dispatch, on_time, open};
use crate::cli::Failure;
use crate::cli::approve::{ceiling_under, whole_ceiling};
use crate::cli::approving::{Given, find_approval, now, record};
use crate::cli::args::{Global, RunArgs};
use crate::cli::fetch::before_run;
use crate::cli::output::Output;
use crate::cli::plan::keep_findings;
use crate::cli::planning::plan_whole;
use crate::cli::report::write_page;
use crate::cli::signals::{Signals, Watch};
use crate::cli::workspace::{Workspace, ledger_failure, read_ledger};

/// Runs it. Whatever happens is an ending that is told.
pub(super) fn run(arguments: &RunArgs, global: &Global, output: &Output) -> Exit {
    let desk = Arc::new(Desk::new(arguments, global, output));
    let ended = catch_unwind(AssertUnwindSafe(|| work(arguments, global, output, &desk)));
    let ending = match ended {
        Ok(Ok(ending)) => ending,
        Ok(Err(failure)) => Ending::failed(failure),
        Err(panic) => {
            let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned());
            let what = what.unwrap_or_else(|| "a panic".to_owned());
            let message = format!("a defect in Kinora ended the run: {what}");
            Ending::failed(Failure::new(Exit::Internal, message))
        }
    };
    desk.end(ending)
}

fn work(
    arguments: &RunArgs,
    global: &Global,
    output: &Output,
    desk: &Arc<Desk>,
) -> Result<Ending, Failure> {
    // People read stderr; stdout is for the outcome, and for events where they are asked for.
    let talk = Output { json: false, ..*output };
    let at_end = Arc::clone(desk);
    let asked = Asked::of(arguments)?;
    let watch = Watch {
        deadline: asked.deadline,
        at_end: Some(Arc::new(move || at_end.end(Ending::stopped(false)))),
    };
    let signals = Signals::listen(&talk, watch)?;
    desk.open_log()?;
    let (mut workspace, ledger) = open(arguments, None, global, &talk)?;
    desk.named(&workspace);
    let log = Some(desk.log());
    let (providers, collected) =
        collect_first(&workspace, &ledger, &signals, log.as_ref(), output)?;
    if let Some(collected) = &collected {
        desk.ran(collected.clone());
    }
    if signals.asked() {
        return Ok(Ending::stopped(signals.deadline_came()));
    }
    let not_fetched = before_run(&mut workspace, &ledger, None, &signals, &talk)?;
    desk.not_fetched(not_fetched);
    let not_fetched = (not_fetched > 0).then_some(Exit::JobsFailed);
    if signals.asked() {
        return Ok(Ending::stopped(signals.deadline_came()));
    }
    let mut plan = plan_whole(&mut workspace, &ledger, &talk, |_, _| ())?;
    keep_findings(&mut plan.summary, &workspace);
    talk.findings(&workspace.findings, &workspace.sources);
    desk.planned(&plan.summary);
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let left = Left::by_earlier_runs(&open, &providers, workspace.catalogue.unknown);
    let mut ends: Vec<Exit> = collected.iter().flat_map(|run| run.ends()).collect();
    ends.extend(not_fetched);
    if left.unknown > 0 {
        ends.push(Exit::SubmissionsUnknown);
    }
    if plan.summary.to_run.jobs == 0 && left.taken_up == 0 {
        return Ok(Ending::of(ends));
    }
    // Whoever approved it, the rules hold now.
    let denied = plan.summary.breaches.iter().any(|breach| breach.severity == Severity::Deny);
    if denied && plan.summary.to_run.jobs > 0 {
        ends.push(Exit::Denied);
        return Ok(Ending::of(ends));
    }
    let consent = consent(&plan, &workspace, &ledger)?;
    if let Consent::Outside(reasons) = consent {
        desk.outside(reasons);
        ends.push(Exit::ApprovalNeeded);
        return Ok(Ending::of(ends));
    }
    let providers = providers.and_planned(&workspace, &plan.summary, &talk)?;
    let approval = consent.given(&plan, &workspace, &ledger)?;
    if let Some(approval) = &approval {
        desk.approved(approval);
    }
    let total = plan.summary.to_run.jobs + open.len() as u64;
    let work = Dispatch {
        plan: Some(&plan),
        workspace: &workspace,
        ledger: Arc::clone(&ledger),
        providers,
        approval,
        folder: workspace.catalogue.workspace.clone(),
        total,
        max_spend: asked.max_spend,
        looks: true,
        log,
    };
    let ended = on_time(dispatch(work, &signals, output)?, total, &signals);
    let ended = ended.after(collected.as_ref());
    let mut ends = ended.ends();
    ends.extend(not_fetched);
    desk.ran(ended);
    drop(ledger);
    if let Some(path) = &arguments.report {
        write_report(&workspace, path, &talk)?;
    }
    Ok(Ending::after_run(ends, signals.deadline_came()))
}

fn write_report(workspace: &Workspace, path: &Path, output: &Output) -> Result<(), Failure> {
    let folder = &workspace.catalogue.workspace;
    let ledger = read_ledger(folder)?;
    let names = (workspace.catalogue.name.as_str(), workspace.given.as_str());
    write_page(&ledger, folder, names, path, output)
}

/// Whether a plan may run with nobody there.
enum Consent {
    /// Nothing new is started.
    NotNeeded(Option<Approval>),
    /// It is approved already.
    OnRecord(Approval),
    /// The standing policy approves it now.
    ByPolicy {
        /// Its name.
        by: String,
        /// Up to how much.
        ceiling: Micros,
        /// Until when.
        expires: Option<Timestamp>,
    },
    /// A person must approve it, for all of these reasons.
    Outside(Vec<OutsidePolicy>),
}

fn consent(plan: &Plan, workspace: &Workspace, ledger: &Ledger) -> Result<Consent, Failure> {
    let found = find_approval(plan, workspace, ledger)?.under.map(|under| under.approval);
    if plan.summary.to_run.jobs == 0 {
        return Ok(Consent::NotNeeded(found));
    }
    if let Some(approval) = found {
        // What the policy approved once, it may approve again for what has to be made anew. A
        // person's ceiling is a person's word.
        let wanted = ceiling_under(&approval.plan, &plan.summary, ledger)?;
        if approval.origin != Origin::Policy || approval.ceiling >= wanted {
            return Ok(Consent::OnRecord(approval));
        }
    }
    let wanted = whole_ceiling(plan, workspace, ledger)?;
    let catalogue = &workspace.catalogue;
    let policy = catalogue.unattended.as_ref().and_then(|u| u.approve.as_ref());
    let ceiling = wanted.to_decimal();
    let last = ledger.latest_approval().map_err(|e| ledger_failure(&e))?;
    let again = last.is_some_and(|last| last.plan == plan.digest);
    let reasons = outside_policy(policy, &workspace.sources, &plan.summary, ceiling, again);
    match policy {
        Some(policy) if reasons.is_empty() => {
            let by = policy_name(policy, &workspace.sources);
            let expires = now().checked_add(policy.expires).ok();
            Ok(Consent::ByPolicy { by, ceiling: wanted, expires })
        }
        _ => Ok(Consent::Outside(reasons)),
    }
}

impl Consent {
    /// The approval to run under. What the policy gives is written to the ledger first.
    fn given(
        self,
        plan: &Plan,
        workspace: &Workspace,
        ledger: &Ledger,
    ) -> Result<Option<Approval>, Failure> {
        match self {
            Consent::NotNeeded(found) => Ok(found),
            Consent::OnRecord(approval) => Ok(Some(approval)),
            Consent::ByPolicy { by, ceiling, expires } => {
                let given = Given { expires, ..Given::by(&by, ceiling, Origin::Policy) };
                record(ledger, workspace, plan, None, &given).map(Some)
            }
            Consent::Outside(_) => Err(Failure::new(Exit::ApprovalNeeded, "not approved")),
        }
    }
}
