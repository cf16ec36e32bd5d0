//! `kinora run X.plan`: exactly what the plan file says, or a refusal that names every reason.
//!
//! What never lives here: how a plan file is read, what makes one stale, and which approvals hold.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kinora::address::JobKey;
use kinora::exit::Exit;
use kinora::ledger::Ledger;
use kinora::limits::Limits;
use kinora::plan::file::{Header, PlanFileError, PlanReader, is_plan_file};
use kinora::plan::{NowFacts, Plan, StaleCheck, StaleReason};

use crate::cli::Failure;
use crate::cli::args::{Global, RunArgs};
use crate::cli::output::Output;
use crate::cli::plan_file::{origin, unusable};
use crate::cli::planning::plan_whole;
use crate::cli::select::is_narrowed;
use crate::cli::workspace::{Workspace, ledger_failure, limits};

/// The plan file that a run is of, read to its end once: everything that it says of itself holds.
#[derive(Debug)]
pub(super) struct PlannedRun {
    path: PathBuf,
    header: Header,
    /// The manifest that it is of.
    pub manifest: PathBuf,
    /// The pictures that its jobs send, by their paths or URLs.
    pub pictures: HashSet<String>,
    limits: Limits,
}

impl PlannedRun {
    /// Of the file that the command line names; absent where it is none. What a plan file decides
    /// can't be said beside it.
    pub fn of(arguments: &RunArgs, global: &Global) -> Result<Option<PlannedRun>, Failure> {
        let path = &arguments.manifest.manifest;
        if !is_plan_file(path) {
            return match &arguments.manifest_of_plan {
                Some(_) => {
                    let what = "--manifest says which manifest a plan file is of; give a plan file";
                    Err(Failure::new(Exit::Usage, what))
                }
                None => not_meant(path).map(|()| None),
            };
        }
        let usage =
            |what: &str| Err(Failure::new(Exit::Usage, format!("{}: {what}", path.display())));
        if is_narrowed(&arguments.select, global) {
            return usage("a plan file says which jobs run; leave the selection out");
        }
        if arguments.yes {
            return usage("a plan file is approved with `kinora approve`; leave --yes out");
        }
        if arguments.unattended {
            return usage("--unattended plans by itself; give it the manifest");
        }
        let limits = limits(global);
        let (header, pictures) = read(path, &limits).map_err(|e| unusable(&e))?;
        let given = arguments.manifest_of_plan.as_deref();
        let manifest = manifest_of(&header, path, given)?;
        Ok(Some(PlannedRun { path: path.clone(), header, manifest, pictures, limits }))
    }

    /// A workspace that can't be loaded is not the one that was planned: it could be, then.
    pub fn not_loaded(&self, failure: Failure) -> Failure {
        if failure.exit != Exit::InvalidManifest {
            return failure;
        }
        let what = format!(
            "{} can't run: its manifest {} is not valid any more; nothing was spent",
            self.path.display(),
            self.manifest.display()
        );
        Failure::new(Exit::PlanStale, what)
    }

    /// Plans again, and gives the plan if it is the one in the file.
    pub fn plan(
        &self,
        workspace: &mut Workspace,
        ledger: &Ledger,
        output: &Output,
    ) -> Result<Plan, Failure> {
        let file = PlanReader::open(&self.path, &self.limits).map_err(|e| unusable(&e))?;
        let mut check = StaleCheck::new(file, &self.limits).map_err(|e| unusable(&e))?;
        // Between the two looks nobody may have put another file there.
        if check.header().plan != self.header.plan {
            let what = format!("{}: the file changed while it was read", self.path.display());
            return Err(Failure::new(Exit::PlanStale, what));
        }
        if self.header.summary.selection.is_some() {
            let jobs: HashSet<JobKey> = check.keys();
            workspace.narrowing.jobs = Some(Arc::new(jobs));
        }
        let now = origin(workspace, ledger)?;
        let then = &self.header.origin.ledger;
        // Another ledger's serials say nothing. Where there was none, everything came since.
        if then.lineage.is_none() || then.lineage == now.ledger.lineage {
            let begun = |address, fingerprint| check.begun(&address, &fingerprint);
            ledger.each_begun_since(then.serial, begun).map_err(|e| ledger_failure(&e))?;
        }
        let plan = plan_whole(workspace, ledger, output, |job, change| check.job(job, change))
            .map_err(|failure| self.not_loaded(failure))?;
        let facts =
            NowFacts { origin: &now, shelf: &workspace.shelf, catalogue: &workspace.catalogue };
        let reasons = check.finish(&plan, &facts).map_err(|e| unusable(&e))?;
        if !reasons.is_empty() {
            return Err(self.stale(&reasons, &workspace.given, output));
        }
        assert_eq!(plan.digest, self.header.plan, "a plan that is not stale is the same plan");
        Ok(plan)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn stale(&self, reasons: &[StaleReason], manifest: &str, output: &Output) -> Failure {
        if output.json {
            let line = serde_json::json!({
                "event": "plan_stale", "plan": self.header.plan, "reasons": reasons,
            });
            output.data_if_read(&line.to_string());
        }
        let mut text = format!(
            "{} (plan {}) can't run as it was planned; nothing was spent\n",
            self.path.display(),
            self.header.plan.short()
        );
        for StaleReason { reason, count, examples } in reasons {
            text.push_str(&format!("  {}: {}", reason.words(*count), examples.join("; ")));
            match count.saturating_sub(examples.len() as u64) {
                0 => text.push('\n'),
                more => text.push_str(&format!("; and {more} more\n")),
            }
        }
        text.push_str(&format!(
            "plan again with `kinora plan {manifest} -o {}`, look at what differs, and have it \
             approved",
            self.path.display()
        ));
        if let Some(selection) = &self.header.summary.selection {
            text.push_str(&format!(" (it was narrowed: {selection})"));
        }
        Failure::new(Exit::PlanStale, text)
    }
}

/// A plan file's header, which is proven then, and the pictures that its jobs send.
fn read(path: &Path, limits: &Limits) -> Result<(Header, HashSet<String>), PlanFileError> {
    let mut file = PlanReader::open(path, limits)?;
    for job in &mut file {
        job?;
    }
    let pictures = file.pictures().map(|picture| picture.path.to_owned()).collect();
    Ok((file.verify()?, pictures))
}

/// The manifest of a plan: as given, where it was planned from, or from where the file is.
pub(in crate::cli) fn manifest_of(
    header: &Header,
    path: &Path,
    given: Option<&Path>,
) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let named = PathBuf::from(&header.origin.manifest);
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = folder.join(&named);
    // A plan file that lies in its workspace's folder, given from elsewhere.
    let name = named.file_name().map(|name| folder.join(name));
    let mut places = [Some(named.clone()), Some(beside), name].into_iter().flatten();
    places.find(|place| place.is_file()).ok_or_else(|| {
        let what = format!(
            "the manifest {} of {} is neither here nor beside it; say where it is with \
             --manifest PATH",
            named.display(),
            path.display()
        );
        Failure::new(Exit::Usage, what)
    })
}

/// A file that is named like a plan file, or packed like one, and is none.
fn not_meant(path: &Path) -> Result<(), Failure> {
    if path.is_dir() || path.extension().is_none_or(|ending| ending != "plan") {
        return Ok(());
    }
    match PlanReader::open(path, &Limits::default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(unusable(&error)),
    }
}
