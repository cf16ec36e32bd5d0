//! `kinora run`: plan, ask, dispatch, say what came of it.

mod consent;
mod dispatch;
mod log;
mod planned;
mod unattended;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{AttemptRecord, JobState, Ledger, Mode};
use kinora::manifest::Unknown;
use kinora::money::{Micros, MoneyError};
use kinora::plan::PlanSummary;
use kinora::report;
use kinora::run::evidence::replay_until;
use kinora::run::resolve::PARKED_AFTER;
use kinora::run::{RunEvent, RunSummary};

use self::consent::approval;
pub(in crate::cli) use self::consent::person as sitting_here;
pub(in crate::cli) use self::dispatch::{Dispatch, dispatch};
use self::log::Log;
use self::planned::PlannedRun;
pub(in crate::cli) use self::planned::manifest_of;
use super::args::{Global, RunArgs};
use super::fetch::before_run;
use super::guard::say_warned;
use super::hosted::Providers;
use super::output::Output;
use super::planning::plan_whole;
use super::select::{deadline, narrowing};
use super::signals::{Signals, Watch};
use super::workspace::{Workspace, ledger_failure, workspace_of};
use super::{Failure, Outcome};

/// Runs it.
pub fn run(arguments: &RunArgs, global: &Global, output: &Output) -> Outcome {
    if arguments.unattended {
        return Ok(unattended::run(arguments, global, output));
    }
    let asked = Asked::of(arguments)?;
    let planned = PlannedRun::of(arguments, global)?;
    let opened = open(arguments, planned.as_ref(), global, output);
    let (mut workspace, ledger) = opened.map_err(|failure| match &planned {
        Some(file) => file.not_loaded(failure),
        None => failure,
    })?;
    let folder = workspace.catalogue.workspace.clone();
    // What is finished is fetched before anything else: neither planning nor a question to a
    // person may let it expire.
    let watch = Watch { deadline: asked.deadline, ..Watch::default() };
    let signals = Signals::listen(output, watch)?;
    let (providers, collected) = collect_first(&workspace, &ledger, &signals, None, output)?;
    if signals.asked() {
        return Ok(Exit::Interrupted);
    }
    let pictures = planned.as_ref().map(|file| &file.pictures);
    let not_fetched = before_run(&mut workspace, &ledger, pictures, &signals, output);
    let not_fetched = not_fetched.map_err(|failure| match &planned {
        Some(file) => file.not_loaded(failure),
        None => failure,
    })?;
    if signals.asked() {
        return Ok(Exit::Interrupted);
    }
    let plan = match &planned {
        None => plan_whole(&mut workspace, &ledger, output, |_, _| ())?,
        Some(file) => file.plan(&mut workspace, &ledger, output)?,
    };
    // Who is asked sees the findings with the question.
    if !output.json && (arguments.yes || !std::io::stdin().is_terminal()) {
        output.findings(&workspace.findings, &workspace.sources);
        say_warned(&plan.summary, output);
    }
    let summary = &plan.summary;
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let providers = providers.and_planned(&workspace, summary, output)?;
    let left = Left::by_earlier_runs(&open, &providers, workspace.catalogue.unknown);
    let exit = if summary.to_run.jobs == 0 && left.taken_up == 0 {
        let nothing = nothing_to_do(summary, &left, output);
        match collected.as_ref().filter(|c| c.done + c.failed + c.lost + c.checks.looked_at() > 0) {
            None => nothing,
            Some(collected) => {
                say_end(collected, collected.done + collected.failed, &workspace, output);
                if nothing == Exit::Done { collected.exit() } else { nothing }
            }
        }
    } else {
        let file = planned.as_ref().map(PlannedRun::path);
        let approval = approval(&plan, file, &workspace, &ledger, arguments, output)?;
        let total = summary.to_run.jobs + open.len() as u64;
        let work = Dispatch {
            plan: Some(&plan),
            workspace: &workspace,
            ledger: Arc::clone(&ledger),
            providers,
            approval,
            folder: folder.clone(),
            total,
            max_spend: asked.max_spend,
            looks: true,
            log: None,
        };
        let ended = on_time(dispatch(work, &signals, output)?, total, &signals);
        let before = collected.as_ref().map_or(0, |c| c.done + c.failed + c.lost);
        let ended = ended.after(collected.as_ref());
        say_end(&ended, total + before, &workspace, output);
        ended.exit()
    };
    drop(ledger);
    if !output.json {
        super::report::say_attention(&folder, &workspace.given, output)?;
    }
    if let Some(path) = &arguments.report {
        let ledger = super::workspace::read_ledger(&folder)?;
        let names = (workspace.catalogue.name.as_str(), workspace.given.as_str());
        super::report::write_page(&ledger, &folder, names, path, output)?;
    }
    let not_fetched = (not_fetched > 0).then_some(Exit::JobsFailed);
    Ok(Exit::of_most_need([exit].into_iter().chain(not_fetched)))
}

/// What the command line asks of this run alone.
struct Asked {
    max_spend: Option<Micros>,
    deadline: Option<Timestamp>,
}

impl Asked {
    fn of(arguments: &RunArgs) -> Result<Self, Failure> {
        let wrong = |e: MoneyError| Failure::new(Exit::Usage, format!("--max-spend: {e}"));
        let max_spend = arguments.max_spend.map(Micros::from_decimal);
        Ok(Asked {
            max_spend: max_spend.transpose().map_err(wrong)?,
            deadline: arguments.deadline.as_deref().map(deadline).transpose()?,
        })
    }
}

/// Loads the manifest and takes the ledger's lock. Whoever finds it taken hears so before anything
/// is loaded.
fn open(
    arguments: &RunArgs,
    planned: Option<&PlannedRun>,
    global: &Global,
    output: &Output,
) -> Result<(Workspace, Arc<Ledger>), Failure> {
    let given = planned.map_or(&arguments.manifest.manifest, |file| &file.manifest);
    Ledger::is_free(&workspace_of(given)?).map_err(|e| ledger_failure(&e))?;
    let (mut workspace, read) = Workspace::load(given, global, output)?;
    workspace.narrowing = narrowing(&arguments.select, global, &read)?;
    workspace.plan_file = planned.map(|file| file.path().to_owned());
    let ledger = Ledger::open(&workspace.catalogue.workspace, Mode::Run);
    Ok((workspace, Arc::new(ledger.map_err(|e| ledger_failure(&e))?)))
}

/// A run that was done in spite of its deadline was not interrupted.
fn on_time(mut ended: RunSummary, total: u64, signals: &Signals) -> RunSummary {
    let e = &ended;
    let not_started = e.held + e.unpriced + e.paid_before + e.unapproved + e.skipped;
    let seen = e.done + e.failed + e.lost + e.refused + e.unknown + e.over_budget + not_started;
    // A job that was made again ended twice.
    let seen = seen.saturating_sub(e.checks.retakes);
    if signals.deadline_came() && e.waiting == 0 && e.checks.left == 0 && seen >= total {
        ended.interrupted = false;
    }
    ended
}

/// Fetches what is finished at providers, looks at what is in flight and settles what can be.
/// Returns the providers that could be asked, and what came of it.
fn collect_first(
    workspace: &Workspace,
    ledger: &Arc<Ledger>,
    signals: &Signals,
    log: Option<&Arc<Log>>,
    output: &Output,
) -> Result<(Providers, Option<RunSummary>), Failure> {
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let names = open.iter().map(|attempt| attempt.provider.as_str());
    let wait = |name: &str| {
        let jobs = open.iter().filter(|a| a.provider == name && a.remote_id.is_some()).count();
        format!("{jobs} jobs wait there for another run")
    };
    let providers = Providers::at_hand(workspace, names, wait, output)?;
    // Before planning, as it may ask for clips to be made again.
    let to_check = ledger.to_check().map_err(|e| ledger_failure(&e))?;
    if open.is_empty() && to_check.is_empty() {
        return Ok((providers, None));
    }
    let work = Dispatch {
        plan: None,
        workspace,
        ledger: Arc::clone(ledger),
        providers: providers.clone(),
        approval: None,
        folder: workspace.catalogue.workspace.clone(),
        total: open.len() as u64,
        max_spend: None,
        looks: true,
        log: log.cloned(),
    };
    let ended = dispatch(work, signals, output)?;
    Ok((providers, Some(ended)))
}

/// What earlier runs left open, whether the plan still asks for it or not: a clip that waits at
/// its provider is paid for, though its subject may have left the catalogue.
struct Left {
    /// Attempts that a run goes on with.
    taken_up: u64,
    /// Attempts of unknown outcome that no run may touch.
    unknown: u64,
}

impl Left {
    fn by_earlier_runs(open: &[AttemptRecord], providers: &Providers, unknown: Unknown) -> Self {
        let resubmits = unknown != Unknown::Hold;
        let now = SystemClock.now();
        let mut left = Left { taken_up: 0, unknown: 0 };
        for attempt in open {
            let window = providers.all.get(&attempt.provider).and_then(|p| p.replay_window());
            let may_replay = replay_until(window, attempt.started, now).is_some();
            // A run may write it off, or, where it was parked, look for it at last.
            let may_end = resubmits || attempt.interruptions >= PARKED_AFTER;
            match attempt.state {
                JobState::Unknown if !may_replay && !may_end => left.unknown += 1,
                _ => left.taken_up += 1,
            }
        }
        left
    }
}

/// What a run says that has nothing to start and nothing to fetch.
fn nothing_to_do(summary: &PlanSummary, left: &Left, output: &Output) -> Exit {
    let text = if output.json {
        let event = RunEvent::NothingToDo {
            plan: summary.plan.clone(),
            done: summary.changes.done,
            unknown: left.unknown,
        };
        serde_json::to_string(&event).expect("an event is always JSON")
    } else {
        report::plan_text(summary, output.width, output.color)
    };
    output.data_if_read(&text);
    if left.unknown > 0 { Exit::SubmissionsUnknown } else { Exit::Done }
}

/// The last lines: what came of it, what it cost, how to go on.
fn say_end(ended: &RunSummary, total: u64, workspace: &Workspace, output: &Output) {
    if output.json {
        // The last event said it.
        return;
    }
    let decimal = |text: &str| text.parse().unwrap_or_default();
    let failed = ended.failed + ended.lost + ended.paid_before;
    let not_started = ended.over_budget + ended.denied;
    let ended_here = ended.done + failed + ended.refused + ended.unknown + not_started;
    // A job that was made again ended twice.
    let ended_here = ended_here.saturating_sub(ended.checks.retakes);
    // Jobs that a stopped run never looked at are left too, so this is not a sum of its counts.
    let left = total.saturating_sub(ended_here);
    let target = workspace.target();
    let look = match workspace.plan_file {
        Some(_) => format!("report {target}"),
        None => format!("plan {target}"),
    };
    let end = report::RunEnd {
        done: ended.done,
        failed,
        refused: ended.refused,
        unknown: ended.unknown,
        over_budget: ended.over_budget,
        denied: ended.denied,
        left,
        spent: decimal(&ended.spent),
        reserved: decimal(&ended.reserved),
        unit: ended.unit.clone(),
        elapsed: Duration::from_millis(ended.elapsed_ms),
        actuals: ended.actuals.clone(),
        checks: ended.checks,
        next: match ended.exit() {
            Exit::Done => None,
            // What waits for a person is said apart, with what to do.
            Exit::SubmissionsUnknown => None,
            Exit::ApprovalNeeded => Some(format!(
                "look at it with `kinora {look}`, then `kinora approve {target} --by NAME`"
            )),
            Exit::Denied => Some(format!(
                "look at it with `kinora {look}`; change what it asks for, or the rule; then \
                 `kinora run {target}` goes on"
            )),
            // Which limit it was, the events have said.
            Exit::OverBudget => Some(format!(
                "raise the limit that it did not fit (an approval's by `kinora approve {target} \
                 --by NAME`), or wait for its day or month to end; then `kinora run {target}` \
                 goes on"
            )),
            _ => Some(format!("`kinora run {target}` goes on from here")),
        },
    };
    output.data_if_read(&report::run_text(&end, output.width, output.color));
}
