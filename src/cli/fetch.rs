//! `kinora fetch`: pictures from their URLs, and the lock file that names their bytes; and the same
//! before a run.
//!
//! What never lives here: how a picture is fetched, which ones jobs use.

mod before;
mod rounds;
mod told;

use std::collections::{BTreeSet, HashSet};

use clap::Args;
use kinora::digest::Digest;
use kinora::exit::Exit;
use kinora::fetch::{Bound, Pruned, Store, StoreProblem};
use kinora::ledger::{Ledger, Mode};
use kinora::media::{LOCK_FILE, PictureId};
use kinora::plan::{Narrowing, Request};
use kinora::report::{FetchReport, count, fetch_json, fetch_text};

pub(super) use self::before::before_run;
use self::rounds::{How, fetch_in_rounds, wanted_by_jobs};
use super::args::{Global, ManifestArg};
use super::output::Output;
use super::signals::{Signals, Watch};
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

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
    if arguments.prune {
        // A run may send any picture that is here. That is said before anything is fetched.
        Ledger::is_free(&workspace.catalogue.workspace).map_err(|e| ledger_failure(&e))?;
    }
    output.findings(&workspace.findings, &workspace.sources);
    let signals = Signals::listen(output, Watch::default())?;
    let bound = if arguments.locked { Bound::All } else { Bound::Nothing };
    let how = How { revalidate: arguments.revalidate, bound, reported: output.json };
    let narrowing = Narrowing { only: arguments.only.clone(), ..Narrowing::default() };
    let choose = |workspace: &Workspace, ledger: &Ledger| match arguments.all {
        true => Ok(with_urls(workspace)),
        false => wanted_by_jobs(workspace, ledger, &narrowing, output),
    };
    let mut report = fetch_in_rounds(&mut workspace, &ledger, how, &signals, output, choose)?;
    if arguments.prune && report.stopped == 0 {
        report.pruned = Some(prune(&workspace)?.into());
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

/// Every picture with a URL.
fn with_urls(workspace: &Workspace) -> BTreeSet<PictureId> {
    let pictures = workspace.catalogue.pictures.iter();
    pictures.filter(|(_, picture)| picture.source.is_some()).map(|(id, _)| id).collect()
}

fn open_store(workspace: &Workspace, bound: Bound) -> Result<Store, Failure> {
    Store::open(&workspace.catalogue.workspace, bound == Bound::All).map_err(|e| unusable(&e))
}

fn unusable(problem: &StoreProblem) -> Failure {
    let exit = match problem {
        StoreProblem::Busy(_) => Exit::Locked,
        StoreProblem::Io(..) => Exit::Internal,
        StoreProblem::Lock(_) => Exit::InvalidManifest,
    };
    Failure::new(exit, problem.to_string())
}

/// Takes out of the lock what no reference of the manifest names, and removes what it names no more.
/// Bytes that jobs in flight may still need stay. No run may begin meanwhile, so the ledger is held.
fn prune(workspace: &Workspace) -> Result<Pruned, Failure> {
    let ledger = Ledger::open(&workspace.catalogue.workspace, Mode::Run);
    let ledger = ledger.map_err(|e| ledger_failure(&e))?;
    let pictures = workspace.catalogue.pictures.iter();
    let urls: HashSet<&str> =
        pictures.filter_map(|(_, p)| Some(&*p.source.as_ref()?.url)).collect();
    let open = ledger.open_attempts().map_err(|e| ledger_failure(&e))?;
    let requests = open.iter().filter_map(|a| serde_json::from_str::<Request>(&a.request).ok());
    let in_flight: HashSet<Digest> =
        requests.flat_map(|request| request.references).map(|r| r.digest).collect();
    let mut store = open_store(workspace, Bound::Nothing)?;
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
