//! `kinora run`: plan, ask, dispatch, say what came of it.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kinora::clock::{Chance, Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{Approval, AttemptRecord, JobState, Ledger, Mode};
use kinora::manifest::Unknown;
use kinora::money::{Amount, Micros};
use kinora::plan::{Plan, PlanSummary};
use kinora::report;
use kinora::run::evidence::replay_until;
use kinora::run::resolve::PARKED_AFTER;
use kinora::run::{
    self, DiskFiles, MediaClips, MoneyLimits, Pace, RunError, RunEvent, RunSummary, Setup, Work,
};
use tokio::sync::mpsc;

use super::approve::{record, refuse_unpriced, whole_ceiling};
use super::args::{Global, RunArgs};
use super::hosted::Providers;
use super::output::Output;
use super::planning::plan_whole;
use super::progress::Progress;
use super::signals::Signals;
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

/// Jobs that wait between the planner and the dispatcher.
const WORK_AHEAD: usize = 256;
/// Events that wait to be printed.
const EVENTS_AHEAD: usize = 1024;

/// Runs it.
pub fn run(arguments: &RunArgs, global: &Global, output: &Output) -> Outcome {
    let (mut workspace, _) = Workspace::load(&arguments.manifest.manifest, global, output)?;
    let folder = workspace.catalogue.workspace.clone();
    let ledger = Arc::new(Ledger::open(&folder, Mode::Run).map_err(|e| ledger_failure(&e))?);
    // What is finished is fetched before anything else: neither planning nor a question to a
    // person may let it expire.
    let signals = Signals::listen(output)?;
    let (providers, collected) = collect_first(&workspace, &ledger, &signals, output)?;
    if signals.asked() {
        return Ok(Exit::Interrupted);
    }
    let plan = plan_whole(&mut workspace, &ledger, output, |_, _| ())?;
    // Who is asked sees the findings with the question.
    if !output.json && (arguments.yes || !std::io::stdin().is_terminal()) {
        output.findings(&workspace.findings, &workspace.sources);
    }
    let summary = &plan.summary;
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let providers = providers.and_planned(&workspace, summary, output)?;
    let left = Left::by_earlier_runs(&open, &providers, workspace.catalogue.unknown);
    let exit = if summary.to_run.jobs == 0 && left.taken_up == 0 {
        let nothing = nothing_to_do(summary, &left, output);
        match collected.as_ref().filter(|c| c.done + c.failed + c.lost > 0) {
            None => nothing,
            Some(collected) => {
                say_end(collected, collected.done + collected.failed, &workspace, output);
                if nothing == Exit::Done { collected.exit() } else { nothing }
            }
        }
    } else {
        let approval = approval(&plan, &workspace, &ledger, arguments, output)?;
        let total = summary.to_run.jobs + open.len() as u64;
        let work = Dispatch {
            plan: Some(&plan),
            workspace: &workspace,
            ledger: Arc::clone(&ledger),
            providers,
            approval,
            folder: folder.clone(),
            total,
        };
        let ended = dispatch(work, &signals, output)?;
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
    Ok(exit)
}

/// Fetches what is finished at providers, looks at what is in flight and settles what can be.
/// Returns the providers that could be asked, and what came of it.
fn collect_first(
    workspace: &Workspace,
    ledger: &Arc<Ledger>,
    signals: &Signals,
    output: &Output,
) -> Result<(Providers, Option<RunSummary>), Failure> {
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let names = open.iter().map(|attempt| attempt.provider.as_str());
    let wait = |name: &str| {
        let jobs = open.iter().filter(|a| a.provider == name && a.remote_id.is_some()).count();
        format!("{jobs} jobs wait there for another run")
    };
    let providers = Providers::at_hand(workspace, names, wait, output)?;
    if open.is_empty() {
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

/// The approval to run under: one that is in the ledger, one given by `--yes`, or one asked for.
fn approval(
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
    arguments: &RunArgs,
    output: &Output,
) -> Result<Option<Approval>, Failure> {
    let found = ledger.approval_for(&plan.digest).map_err(|e| ledger_failure(&e))?;
    if plan.summary.to_run.jobs == 0 {
        // Only what is in flight is fetched. That was approved before; nobody approves this plan
        // by it.
        return Ok(found);
    }
    let wanted = whole_ceiling(plan, workspace, ledger)?;
    if let Some(approval) = found
        && (approval.ceiling >= wanted || !arguments.yes)
    {
        return Ok(Some(approval));
    }
    refuse_unpriced(plan)?;
    if arguments.yes {
        let by = format!("{} (--yes)", person());
        return record(ledger, workspace, plan.digest, &by, wanted, None).map(Some);
    }
    if !std::io::stdin().is_terminal() || output.json {
        return Err(not_approved(plan, workspace, ledger)?);
    }
    ask(plan, workspace, wanted, output)?;
    let by = format!("{} (asked)", person());
    record(ledger, workspace, plan.digest, &by, wanted, None).map(Some)
}

/// Why a run that nobody can be asked about does not start.
fn not_approved(plan: &Plan, workspace: &Workspace, ledger: &Ledger) -> Result<Failure, Failure> {
    let how = format!(
        "look at it with `kinora plan {given}`, then `kinora approve {given} --by NAME`, or run \
         with --yes",
        given = workspace.given
    );
    let latest = ledger.latest_approval().map_err(|e| ledger_failure(&e))?;
    Ok(match latest {
        Some(other) => Failure::new(
            Exit::PlanStale,
            format!(
                "the approval by {} names plan {}, but the manifest now gives plan {}; {how}",
                other.by,
                other.plan.short(),
                plan.digest.short()
            ),
        ),
        None => Failure::new(
            Exit::ApprovalNeeded,
            format!(
                "plan {} is not approved, and there is nobody to ask; {how}",
                plan.digest.short()
            ),
        ),
    })
}

/// Shows the plan and asks. Anything but `yes` is a no.
fn ask(plan: &Plan, workspace: &Workspace, wanted: Micros, output: &Output) -> Result<(), Failure> {
    output.say(&report::plan_question_text(&plan.summary, output.width, output.talk_color));
    let unit = workspace.catalogue.budget.unit.clone();
    let amount = Amount::new(wanted.to_decimal(), unit);
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "Make {} clips for up to {amount}? Type yes: ", plan.summary.to_run.jobs);
    let _ = err.flush();
    drop(err);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(Exit::ApprovalNeeded, "not approved; nothing was spent"))
}

/// Who sits here, for the record.
fn person() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| "somebody".to_owned())
}

/// What is dispatched, and where.
pub(super) struct Dispatch<'a> {
    /// The plan; absent when only what earlier runs left is collected.
    pub plan: Option<&'a Plan>,
    /// What it is of.
    pub workspace: &'a Workspace,
    /// Where every step is written.
    pub ledger: Arc<Ledger>,
    /// Who makes the clips.
    pub providers: Providers,
    /// Under which it runs; absent when nothing new may be submitted.
    pub approval: Option<Approval>,
    /// Folder that clips are published below.
    pub folder: PathBuf,
    /// Jobs, those of earlier runs included.
    pub total: u64,
}

/// Dispatches the plan until it ends or is stopped.
pub(super) fn dispatch(
    work: Dispatch<'_>,
    signals: &Signals,
    output: &Output,
) -> Result<RunSummary, Failure> {
    let Dispatch { plan, workspace, ledger, providers, approval, folder, total } = work;
    let catalogue = &workspace.catalogue;
    let work = plan.map(|plan| feed(plan, workspace, &ledger)).transpose()?;
    let limits = MoneyLimits::of(&catalogue.budget)
        .map_err(|e| Failure::new(Exit::InvalidManifest, format!("budget: {e}")))?;
    let mut setup = Setup {
        ledger,
        providers: providers.all.clone(),
        files: Arc::new(DiskFiles),
        clips: Arc::new(MediaClips),
        clock: Arc::new(SystemClock),
        chance: Arc::new(Chance::from_system()),
        workspace: folder,
        concurrency: catalogue.concurrency.clone(),
        limits,
        jobs: plan.map(|plan| plan.summary.to_run.jobs),
        retries: catalogue.retries,
        approval,
        pay_again: catalogue.pay_again,
        unknown: catalogue.unknown,
        pace: Pace::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("no runtime: {e}")))?;
    let summary = runtime.block_on(async {
        // What was asked for since the last look is seen at once.
        let mut stop = signals.stop();
        stop.mark_changed();
        signals.dispatching(true);
        let (event_sender, events) = mpsc::channel(EVENTS_AHEAD);
        let progress = Progress::new(total, output);
        // On a thread of its own: a pipe that nobody empties must not hold up anything else.
        let printing = tokio::task::spawn_blocking(move || print(events, progress));
        providers.limit(&mut setup.concurrency).await;
        let ended = match work {
            Some(work) => run::execute(setup, work, event_sender, stop).await,
            None => run::collect(setup, event_sender, stop).await,
        };
        // The sender is gone, so the printing ends by itself.
        let _ = printing.await;
        signals.dispatching(false);
        ended
    });
    // Renders that nobody waits for any more must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    summary.map_err(|e| match e {
        RunError::Ledger(error) => ledger_failure(&error),
        other => Failure::new(other.exit(), other.to_string()),
    })
}

/// The jobs that would start, made again by the planner while they are dispatched: the plan is
/// never held in memory.
fn feed(
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
) -> Result<mpsc::Receiver<Work>, Failure> {
    let known = Arc::new(ledger.known_jobs().map_err(|e| ledger_failure(&e))?);
    let (sender, work) = mpsc::channel(WORK_AHEAD);
    let stream = plan.planner.stream(known);
    let catalogue = Arc::clone(&workspace.catalogue);
    let digest = plan.digest;
    std::thread::spawn(move || {
        for planned in stream.filter(|p| p.standing.runs()) {
            let job = planned.job;
            let reserve = job.estimate.known().and_then(|a| a.to_micros().ok());
            let (parts, key) = (job.fingerprint.parts, job.key);
            // A picture that can't be read is an error of the plan, so there is a request.
            let Some(request) = job.request(&catalogue) else { continue };
            let item = Work { request, parts, key, reserve, plan: digest };
            if sender.blocking_send(item).is_err() {
                return;
            }
        }
    });
    Ok(work)
}

fn print(mut events: mpsc::Receiver<RunEvent>, mut progress: Progress) {
    while let Some(event) = events.blocking_recv() {
        progress.event(&event);
    }
    progress.end();
}

/// The last lines: what came of it, what it cost, how to go on.
fn say_end(ended: &RunSummary, total: u64, workspace: &Workspace, output: &Output) {
    if output.json {
        // The last event said it.
        return;
    }
    let decimal = |text: &str| text.parse().unwrap_or_default();
    let failed = ended.failed + ended.lost + ended.paid_before;
    let ended_here = ended.done + failed + ended.refused + ended.unknown + ended.over_budget;
    // Jobs that a stopped run never looked at are left too, so this is not a sum of its counts.
    let left = total.saturating_sub(ended_here);
    let end = report::RunEnd {
        done: ended.done,
        failed,
        refused: ended.refused,
        unknown: ended.unknown,
        over_budget: ended.over_budget,
        left,
        spent: decimal(&ended.spent),
        reserved: decimal(&ended.reserved),
        unit: ended.unit.clone(),
        elapsed: Duration::from_millis(ended.elapsed_ms),
        next: match ended.exit() {
            Exit::Done => None,
            // What waits for a person is said apart, with what to do.
            Exit::SubmissionsUnknown => None,
            Exit::OverBudget => Some(format!(
                "raise the limit, or wait for the day or month to end; then kinora run {} goes on",
                workspace.given
            )),
            _ => Some(format!("kinora run {} goes on from here", workspace.given)),
        },
    };
    output.data_if_read(&report::run_text(&end, output.width, output.color));
}
