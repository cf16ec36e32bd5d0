//! Dispatching a plan: its jobs made again by the planner, given to the run, its events printed.
//!
//! What never lives here: whether it may be dispatched, and what is said at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kinora::clock::{Chance, SystemClock};
use kinora::digest::Digest;
use kinora::environment::own_program;
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger};
use kinora::media::frames::Decoding;
use kinora::money::Micros;
use kinora::plan::Plan;
use kinora::run::{
    self, DiskFiles, Guard, MediaClips, MoneyLimits, Pace, RunError, RunEvent, RunSummary, Setup,
    Work,
};
use kinora::verification::ClipVerifier;
use tokio::sync::mpsc;

use super::log::Log;
use crate::cli::Failure;
use crate::cli::hosted::Providers;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::signals::Signals;
use crate::cli::verify::verifier;
use crate::cli::workspace::{Workspace, ledger_failure};

/// Jobs that wait between the planner and the dispatcher.
const WORK_AHEAD: usize = 256;
/// Events that wait to be printed.
const EVENTS_AHEAD: usize = 1024;

/// What is dispatched, and where.
pub(in crate::cli) struct Dispatch<'a> {
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
    /// Most that may be spent now, whatever the manifest allows.
    pub max_spend: Option<Micros>,
    /// Whether clips are looked at: those of a rehearsal show what is quick to draw.
    pub looks: bool,
    /// Where every event is logged.
    pub log: Option<Arc<Log>>,
}

/// Dispatches the plan until it ends or is stopped.
pub(in crate::cli) fn dispatch(
    work: Dispatch<'_>,
    signals: &Signals,
    output: &Output,
) -> Result<RunSummary, Failure> {
    let Dispatch { plan, workspace, ledger, providers, approval, folder, total, .. } = work;
    let Dispatch { max_spend, looks, log, .. } = work;
    let catalogue = &workspace.catalogue;
    // Jobs count under the plan that was approved, which may be a larger one.
    let under = approval.as_ref().map(|approval| approval.plan);
    let work = plan
        .map(|plan| feed(plan, under.unwrap_or(plan.digest), workspace, &ledger))
        .transpose()?;
    let mut limits = MoneyLimits::of(&catalogue.budget)
        .map_err(|e| Failure::new(Exit::InvalidManifest, format!("budget: {e}")))?;
    limits.max_spend = max_spend;
    let guard = plan.map(|plan| Guard::of(catalogue, plan.summary.since_approval.as_ref()));
    let guard = guard
        .transpose()
        .map_err(|e| Failure::new(Exit::InvalidManifest, format!("guardrails: {e}")))?;
    let program = own_program()
        .map_err(|e| Failure::new(Exit::Internal, format!("no program to decode clips: {e}")))?;
    let decoding = Decoding::by(program);
    let verifier =
        looks.then(|| verifier(&folder, &catalogue.limits, &catalogue.judges)).transpose()?;
    let mut setup = Setup {
        ledger,
        providers: providers.all.clone(),
        files: Arc::new(DiskFiles),
        clips: Arc::new(MediaClips::new(decoding)),
        verifier: verifier.map(|verifier| Arc::new(verifier) as Arc<dyn ClipVerifier>),
        clock: Arc::new(SystemClock),
        chance: Arc::new(Chance::from_system()),
        workspace: folder,
        concurrency: catalogue.concurrency.clone(),
        limits,
        // Without a plan nothing new is submitted.
        guard: guard.unwrap_or_default(),
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
        let warned = plan.into_iter().flat_map(|plan| &plan.summary.breaches);
        let warned = warned.map(|breach| breach.rule.clone());
        let progress = Progress::new(total, output).after_warnings(warned);
        // On a thread of its own: a pipe that nobody empties must not hold up anything else.
        let printing = tokio::task::spawn_blocking(move || print(events, progress, log.as_deref()));
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
    under: Digest,
    workspace: &Workspace,
    ledger: &Ledger,
) -> Result<mpsc::Receiver<Work>, Failure> {
    let known = Arc::new(ledger.known_jobs().map_err(|e| ledger_failure(&e))?);
    let (sender, work) = mpsc::channel(WORK_AHEAD);
    let stream = plan.planner.stream(known);
    let catalogue = Arc::clone(&workspace.catalogue);
    std::thread::spawn(move || {
        for planned in stream.filter(|p| p.standing.runs()) {
            let job = planned.job;
            let reserve = job.estimate.known().and_then(|a| a.to_micros().ok());
            let (parts, key) = (job.fingerprint.parts, job.key);
            // A picture that can't be read is an error of the plan, so there is a request.
            let Some(request) = job.request(&catalogue) else { continue };
            let item = Work { request, parts, key, reserve, plan: under };
            if sender.blocking_send(item).is_err() {
                return;
            }
        }
    });
    Ok(work)
}

fn print(mut events: mpsc::Receiver<RunEvent>, mut progress: Progress, log: Option<&Log>) {
    while let Some(event) = events.blocking_recv() {
        if let Some(log) = log {
            log.run(&event);
        }
        progress.event(&event);
    }
    progress.end();
}
