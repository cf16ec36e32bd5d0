//! Rounds of fetching: the pictures that jobs would send, and then those that they would send too,
//! now that more pictures are known.
//!
//! What never lives here: how a picture is fetched, which ones jobs use, what follows for a plan.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kinora::clock::{Chance, SystemClock};
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::fetch::{Bound, Fetched, Progress, Setup, SetupProblem, Store, Wanted, fetch_all};
use kinora::ledger::Ledger;
use kinora::media::PictureId;
use kinora::plan::{Narrowing, wanted};
use kinora::report::{FetchReport, count};
use kinora::run::Stop;

use super::told::say_failures;
use super::{open_store, unusable};
use crate::cli::Failure;
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::cli::workspace::{Workspace, invalid, ledger_failure};

/// How often it is looked what more is needed.
const ROUNDS: usize = 8;

/// A line of progress comes no oftener, where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What is to be done about what is here, and how it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub revalidate: bool,
    pub bound: Bound,
    /// Whether a report for programs says what failed, and where.
    pub reported: bool,
}

/// Fetches what `choose` names, until it names nothing more. The workspace knows what came.
pub(super) fn fetch_in_rounds(
    workspace: &mut Workspace,
    ledger: &Ledger,
    how: How,
    signals: &Signals,
    output: &Output,
    choose: impl Fn(&Workspace, &Ledger) -> Result<BTreeSet<PictureId>, Failure>,
) -> Result<FetchReport, Failure> {
    let mut report = FetchReport::of(&workspace.given);
    let (mut store, mut seen) = (None, BTreeSet::new());
    // What is fetched may show that a job is done already, so that a plan of a few jobs goes on to
    // others, or that another model is the one for it, which takes more pictures.
    for _ in 0..ROUNDS {
        let mut pictures = choose(workspace, ledger)?;
        pictures.retain(|id| !seen.contains(id));
        if pictures.is_empty() {
            break;
        }
        let table = &workspace.catalogue.pictures;
        let awaited = pictures.iter().any(|id| table.facts(*id).is_none());
        let store = match &mut store {
            Some(store) => store,
            none => none.insert(open_store(workspace, how.bound)?),
        };
        let told = (signals, output);
        let came = fetch_once(workspace, store, &pictures, how, &mut report, told)?;
        seen.extend(pictures);
        // What another process fetched, one that was killed for instance, did not come now.
        if !came && !awaited {
            break;
        }
        workspace.take_fetched(ledger)?;
        if signals.asked() {
            break;
        }
    }
    Ok(report)
}

/// Pictures that jobs would send.
pub(super) fn wanted_by_jobs(
    workspace: &Workspace,
    ledger: &Ledger,
    narrowing: &Narrowing,
    output: &Output,
) -> Result<BTreeSet<PictureId>, Failure> {
    let known = ledger.known_jobs().map_err(|e| ledger_failure(&e))?;
    let (catalogue, shelf, access) = (&workspace.catalogue, &workspace.shelf, &workspace.access);
    let (pictures, mut findings) = wanted(catalogue, shelf, access, &known, narrowing);
    if findings.has_errors() {
        return Err(invalid(&mut findings, &workspace.sources, output));
    }
    Ok(pictures)
}

/// Fetches pictures, writes the lock file, says what failed, and adds it to a report. Gives whether
/// anything came.
fn fetch_once(
    workspace: &Workspace,
    store: &mut Store,
    pictures: &BTreeSet<PictureId>,
    how: How,
    report: &mut FetchReport,
    (signals, output): (&Signals, &Output),
) -> Result<bool, Failure> {
    let catalogue = &workspace.catalogue;
    let ids: Vec<PictureId> = pictures.iter().copied().collect();
    let wanted: Vec<Wanted> =
        ids.iter().filter_map(|id| as_wanted(workspace, store, *id)).collect();
    assert_eq!(ids.len(), wanted.len(), "every picture that is fetched has a URL");
    let setup = Setup {
        settings: &catalogue.fetch,
        limits: &catalogue.limits,
        environment: &ProcessEnvironment,
        clock: Arc::new(SystemClock),
        chance: Chance::from_system(),
        revalidate: how.revalidate,
        bound: how.bound,
    };
    let to_ask = wanted.iter().filter(|w| how.revalidate || !w.here).count() as u64;
    let bar = bar(to_ask, output);
    let mut said = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(Exit::Internal, format!("no runtime: {e}")))?;
    signals.dispatching(true);
    let stop = signals.stop();
    let progress = |progress: Progress, fetched: &Fetched| {
        if *fetched != Fetched::Here {
            bar.inc(1);
        }
        if bar.is_hidden() && said.elapsed() >= LINE_EVERY {
            said = Instant::now();
            let Progress { done, of } = progress;
            output.say(&format!("kinora: {done} of {}", count(of as u64, "picture")));
        }
    };
    let fetched = runtime.block_on(fetch_all(&setup, store, &wanted, stopped(stop), progress));
    // A name that is still being looked up holds up nobody.
    runtime.shutdown_timeout(Duration::from_millis(100));
    signals.dispatching(false);
    bar.finish_and_clear();
    // What came stays, whatever happened.
    let written = store.save().map_err(|e| unusable(&e));
    let fetched = fetched.map_err(|problem| {
        let exit = match problem {
            SetupProblem::Unset(_) | SetupProblem::NoHeader(_) => Exit::Usage,
            SetupProblem::Tls(_) | SetupProblem::Io(..) => Exit::Internal,
        };
        Failure::new(exit, problem.to_string())
    })?;
    report.lock_written |= written?;
    for (picture, fetched) in wanted.iter().zip(&fetched) {
        report.add(&picture.url, fetched);
    }
    let all = ids.into_iter().zip(wanted.iter().zip(&fetched));
    say_failures(workspace, all, how.reported, report, output);
    let came = |f: &Fetched| {
        matches!(f, Fetched::New { .. } | Fetched::Restored { .. } | Fetched::Changed { .. })
    };
    Ok(fetched.iter().any(came))
}

/// What the lock file and the disk say of a picture.
fn as_wanted(workspace: &Workspace, store: &Store, id: PictureId) -> Option<Wanted> {
    let picture = workspace.catalogue.pictures.get(id);
    let url = picture.source.as_ref()?.url.to_string();
    let known = store.lock.get(&url).cloned();
    let same = known.as_ref().map(|known| known.digest) == picture.source.as_ref()?.locked;
    let here = match (&known, &picture.facts) {
        (None, _) => false,
        // It was looked at a moment ago.
        (Some(_), Some(Ok(_))) if same => true,
        (Some(known), _) => store.is_intact(known),
    };
    Some(Wanted { url, known, here })
}

/// Until somebody asks for an end.
async fn stopped(mut stop: tokio::sync::watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop != Stop::No).await.is_err() {
        // Nobody can ask any more.
        std::future::pending::<()>().await;
    }
}

fn bar(of: u64, output: &Output) -> ProgressBar {
    if output.json || of == 0 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(of);
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} pictures  eta {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
