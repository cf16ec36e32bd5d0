//! Pictures before a run: what its plan needs, fetched before it is made.
//!
//! What never lives here: what a plan makes of pictures that are not here.

use std::collections::HashSet;

use kinora::fetch::Bound;
use kinora::ledger::Ledger;
use kinora::manifest::BeforeRun;
use kinora::report::fetch_text;

use super::rounds::{How, fetch_in_rounds, wanted_by_jobs};
use super::with_urls;
use crate::cli::Failure;
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::cli::workspace::Workspace;

/// Fetches what a run's plan needs, before it is made. What could not be fetched is said, and the
/// plan will say what follows from it. Gives how many pictures are not here for it.
///
/// Nobody looks at what comes before it is paid for, so of a URL that the lock file names, its bytes
/// are taken or none; only `before_run: revalidate` asks for others. A plan file names the bytes of
/// its pictures (`planned` holds how it calls them), so for one of those nothing else is fetched.
pub fn before_run(
    workspace: &mut Workspace,
    ledger: &Ledger,
    planned: Option<&HashSet<String>>,
    signals: &Signals,
    output: &Output,
) -> Result<u64, Failure> {
    let settings = workspace.catalogue.fetch.before_run;
    if settings == BeforeRun::Nothing || with_urls(workspace).is_empty() {
        return Ok(0);
    }
    let revalidate = settings == BeforeRun::Revalidate && planned.is_none();
    let bound = match planned {
        Some(_) => Bound::All,
        None if revalidate => Bound::Nothing,
        None => Bound::Named,
    };
    let how = How { revalidate, bound, reported: false };
    let narrowing = workspace.narrowing.clone();
    let report = fetch_in_rounds(workspace, ledger, how, signals, output, |workspace, ledger| {
        let table = &workspace.catalogue.pictures;
        let mut pictures = wanted_by_jobs(workspace, ledger, &narrowing, output)?;
        pictures.retain(|id| {
            let picture = table.get(*id);
            let locked = picture.source.as_ref().is_some_and(|source| source.locked.is_some());
            let meant = planned.is_none_or(|names| locked && names.contains(picture.name()));
            meant && (revalidate || table.facts(*id).is_none())
        });
        Ok(pictures)
    })?;
    if report.pictures > 0 {
        output.say(&format!("kinora: before planning: {}", fetch_text(&report).trim_end()));
    }
    // With bytes that are kept, the plan goes on as before.
    Ok(report.failures.iter().filter(|failure| !failure.kept).count() as u64)
}
