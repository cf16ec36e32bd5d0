//! `kinora fetch`: pictures from their URLs, and the lock file that names their bytes; and the same
//! before a run.
//!
//! What never lives here: how a picture is fetched, which ones jobs use.

mod told;

use std::collections::{BTreeSet, HashSet};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kinora::clock::{Chance, SystemClock};
use kinora::digest::Digest;
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::fetch::{
    Fetched, Progress, Setup, SetupProblem, Store, StoreProblem, Wanted, fetch_all,
};
use kinora::ledger::Ledger;
use kinora::manifest::BeforeRun;
use kinora::media::{LOCK_FILE, PictureId};
use kinora::plan::{Narrowing, Request, wanted};
use kinora::report::{FetchReport, count, fetch_json, fetch_text};
use kinora::run::Stop;

use self::told::say_failures;
use super::args::{Global, ManifestArg};
use super::output::Output;
use super::signals::{Signals, Watch};
use super::workspace::{Workspace, invalid, ledger_failure};
use super::{Failure, Outcome};

/// How often a run looks what more its plan needs, now that it knows more pictures.
const ROUNDS: usize = 8;

/// A line of progress comes no oftener, where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Options of `fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
    /// Only pictures of jobs whose subject (`set.id`), shot, model or address fits this glob; may be
    /// repeated
    #[arg(long, value_name = "PATTERN", value_parser = glob::Pattern::new, conflicts_with = "all")]
    pub only: Vec<glob::Pattern>,
    /// Every picture that a subject or shot names, whether a job would use it or not
    #[arg(long)]
    pub all: bool,
    /// Ask the servers whether the pictures that are here have changed
    #[arg(long)]
    pub revalidate: bool,
    /// Fail where a picture is not what pictures.lock names, and change nothing in it: for CI
    #[arg(long)]
    pub locked: bool,
    /// Then remove files that pictures.lock doesn't name, and URLs in it that the manifest doesn't
    #[arg(long, conflicts_with_all = ["only", "locked"])]
    pub prune: bool,
}

/// Runs it.
pub fn fetch(arguments: &FetchArgs, global: &Global, output: &Output) -> Outcome {
    let (mut workspace, ledger) = Workspace::load(&arguments.manifest.manifest, global, output)?;
    let narrowing = Narrowing { only: arguments.only.clone(), ..Narrowing::default() };
    let pictures = match arguments.all {
        true => with_urls(&workspace),
        false => wanted_by_jobs(&mut workspace, &ledger, &narrowing, output)?,
    };
    output.findings(&workspace.findings, &workspace.sources);
    let signals = Signals::listen(output, Watch::default())?;
    let mut store = open_store(&workspace)?;
    let how = How { revalidate: arguments.revalidate, locked: arguments.locked };
    let mut report = fetch_pictures(&workspace, &mut store, &pictures, how, &signals, output)?;
    if arguments.prune && report.stopped == 0 {
        report.pruned = Some(prune(&workspace, &ledger, &mut store)?.into());
        report.lock_written |= report.pruned.is_some_and(|pruned| pruned.urls > 0);
    }
    let text = match output.json {
        true => fetch_json(&report).expect("a report is always JSON"),
        false => fetch_text(&report),
    };
    output.data_if_read(&text);
    if !output.json {
        say_next(&report, &workspace, output);
    }
    Ok(match (report.failed, report.stopped) {
        (_, 1..) => Exit::Interrupted,
        (0, 0) => Exit::Done,
        _ => Exit::JobsFailed,
    })
}

/// What is to be done about what is here.
#[derive(Debug, Clone, Copy, Default)]
struct How {
    revalidate: bool,
    locked: bool,
}

/// Fetches what a run's plan needs, before it is made. What could not be fetched is said, and the
/// plan will say what follows from it; where it goes on all the same, this is how it ends at best.
///
/// A plan file names the bytes of its pictures, so that for one of those nothing is fetched but
/// bytes that the lock file names.
pub fn before_run(
    workspace: &mut Workspace,
    ledger: &Ledger,
    signals: &Signals,
    output: &Output,
) -> Result<Option<Exit>, Failure> {
    let settings = workspace.catalogue.fetch.before_run;
    let planned = workspace.plan_file.is_some();
    if settings == BeforeRun::Nothing || with_urls(workspace).is_empty() {
        return Ok(None);
    }
    let mut failed = None;
    let mut how =
        How { revalidate: settings == BeforeRun::Revalidate && !planned, locked: planned };
    let mut seen = BTreeSet::new();
    // What is fetched may show that a job is done already, so that a plan of a few jobs goes on to
    // others, with other pictures.
    for _ in 0..ROUNDS {
        let narrowing = workspace.narrowing.clone();
        let mut pictures = wanted_by_jobs(workspace, ledger, &narrowing, output)?;
        pictures.retain(|id| {
            let picture = workspace.catalogue.pictures.get(*id);
            let named = picture.source.as_ref().is_some_and(|source| source.locked.is_some());
            let there = workspace.catalogue.pictures.facts(*id).is_some();
            !seen.contains(id) && (how.revalidate || !there) && (named || !planned)
        });
        if pictures.is_empty() || signals.asked() {
            break;
        }
        let mut store = open_store(workspace)?;
        let report = fetch_pictures(workspace, &mut store, &pictures, how, signals, output)?;
        drop(store);
        output.say(&format!("kinora: before planning: {}", fetch_text(&report).trim_end()));
        if report.failed > 0 {
            failed = Some(Exit::JobsFailed);
        }
        seen.extend(pictures);
        how.revalidate = false;
        if report.brought() {
            workspace.take_fetched(ledger)?;
        }
    }
    Ok(failed)
}

/// Every picture with a URL.
fn with_urls(workspace: &Workspace) -> BTreeSet<PictureId> {
    let pictures = workspace.catalogue.pictures.iter();
    pictures.filter(|(_, picture)| picture.source.is_some()).map(|(id, _)| id).collect()
}

/// Those that jobs would send.
fn wanted_by_jobs(
    workspace: &mut Workspace,
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

fn open_store(workspace: &Workspace) -> Result<Store, Failure> {
    Store::open(&workspace.catalogue.workspace).map_err(|e| unusable(&e))
}

fn unusable(problem: &StoreProblem) -> Failure {
    let exit = match problem {
        StoreProblem::Busy(_) => Exit::Locked,
        StoreProblem::Io(..) => Exit::Internal,
        StoreProblem::Lock(_) => Exit::InvalidManifest,
    };
    Failure::new(exit, problem.to_string())
}

/// Fetches pictures, writes the lock file, and says what failed.
fn fetch_pictures(
    workspace: &Workspace,
    store: &mut Store,
    pictures: &BTreeSet<PictureId>,
    how: How,
    signals: &Signals,
    output: &Output,
) -> Result<FetchReport, Failure> {
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
        locked: how.locked,
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
    let mut report = FetchReport::of(&workspace.given);
    report.lock_written = written?;
    for (picture, fetched) in wanted.iter().zip(&fetched) {
        report.add(&picture.url, fetched);
    }
    let all = ids.into_iter().zip(wanted.iter().zip(&fetched));
    say_failures(workspace, all, &mut report, output);
    Ok(report)
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

/// Takes out of the lock what no reference of the manifest names, and removes what it names no more.
/// Bytes that jobs in flight may still need stay.
fn prune(
    workspace: &Workspace,
    ledger: &Ledger,
    store: &mut Store,
) -> Result<kinora::fetch::Pruned, Failure> {
    let pictures = workspace.catalogue.pictures.iter();
    let urls: HashSet<&str> =
        pictures.filter_map(|(_, p)| Some(&*p.source.as_ref()?.url)).collect();
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let requests = open.iter().filter_map(|a| serde_json::from_str::<Request>(&a.request).ok());
    let in_flight: HashSet<Digest> =
        requests.flat_map(|request| request.references).map(|r| r.digest).collect();
    store.prune(|url| urls.contains(url), &in_flight).map_err(|e| unusable(&e))
}

fn say_next(report: &FetchReport, workspace: &Workspace, output: &Output) {
    let given = &workspace.given;
    if report.failed + report.stopped > 0 {
        let left = count(report.failed + report.stopped, "picture");
        output
            .say(&format!("kinora: what came is kept; `kinora fetch {given}` goes on with {left}"));
    } else if report.lock_written {
        output.say(&format!(
            "kinora: {LOCK_FILE} names their bytes: commit it; then `kinora plan {given}`"
        ));
    } else if report.brought() {
        output.say(&format!("kinora: next: `kinora plan {given}`"));
    } else if report.pictures == 0 {
        output.say("kinora: no job needs a picture from a URL");
    }
}
