//! From a manifest's path to a checked catalogue with its pictures probed: what every command
//! that plans begins with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::{self, Finding, Findings, Severity, Sources};
use kinora::digest::{Digest, FieldHasher};
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Mode, Period, Stored, day_number};
use kinora::limits::Limits;
use kinora::manifest::{self, Catalogue, LimitOf, LoadOptions, Missing};
use kinora::media::{PictureLock, probe_all};
use kinora::models::Shelf;
use kinora::plan::{
    Access, Named, Narrowing, PictureTally, Used, UsedBy, check_limits, check_providers,
};
use kinora::protocol::Rack;

use super::Failure;
use super::args::{Global, LimitOption};
use super::made_before::clips_without_a_ledger;
use super::output::Output;
use super::rejects::write_rejects;

/// Names of a manifest when only its folder is given.
const NAMES: [&str; 2] = ["kinora.yaml", "kinora.yml"];

/// Errors that a failure takes along, for whoever is told of it.
const ERRORS_KEPT: usize = 10;

/// A loaded workspace.
pub struct Workspace {
    /// The manifest that the command line means, for messages and next commands: where a folder
    /// is given, the file in it.
    pub given: String,
    /// The checked catalogue, its pictures probed.
    pub catalogue: Arc<Catalogue>,
    /// The models.
    pub shelf: Shelf,
    /// The providers.
    pub rack: Rack,
    /// Which providers can be used.
    pub access: Access,
    /// Files behind the findings.
    pub sources: Sources,
    /// Warnings so far.
    pub findings: Findings,
    /// What probing did.
    pub pictures: PictureTally,
    /// Whether clips are here of which the ledger knows nothing.
    clips_without_a_ledger: bool,
    /// What its plans are narrowed to.
    pub narrowing: Narrowing,
    /// The plan file that its plans are compared with, instead of the plan approved last.
    pub compare: Option<PathBuf>,
    /// The plan file that is run, if one is.
    pub plan_file: Option<PathBuf>,
    /// What becomes of jobs whose pictures are not fetched yet.
    pub missing: Missing,
}

/// The manifest that a path on the command line means.
pub fn find_manifest(given: &Path) -> Result<PathBuf, Failure> {
    if !given.is_dir() {
        return Ok(given.to_owned());
    }
    NAMES.iter().map(|name| given.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!(
                "{} holds no {}; name the manifest, or make one (examples/minimal has ten lines)",
                given.display(),
                NAMES[0]
            ),
        )
    })
}

/// The folder of the ledger that belongs to a path on the command line.
pub fn workspace_of(given: &Path) -> Result<PathBuf, Failure> {
    let manifest = find_manifest(given)?;
    let folder = manifest.parent().filter(|p| !p.as_os_str().is_empty());
    Ok(folder.unwrap_or(Path::new(".")).to_owned())
}

/// As [`workspace_of`], for a command that tells of a ledger alone: there must be a manifest, and
/// a ledger beside it.
pub fn workspace_with_ledger(given: &Path) -> Result<PathBuf, Failure> {
    let workspace = workspace_of(given)?;
    let manifest = find_manifest(given)?;
    if !manifest.is_file() {
        return Err(Failure::new(
            Exit::InvalidManifest,
            format!("{} is not there; name the manifest, or its folder", manifest.display()),
        ));
    }
    if Ledger::exists(&workspace).map_err(|e| ledger_failure(&e))? {
        return Ok(workspace);
    }
    Err(Failure::new(
        Exit::Internal,
        format!(
            "there is no ledger in {} (.kinora/ledger.db): a new workspace has none before its \
             first plan or run; if this one had one, restore it from a backup before anything is \
             spent",
            workspace.display()
        ),
    ))
}

/// The limits in force by the command line.
pub fn limits(global: &Global) -> Limits {
    let mut limits = Limits::default();
    for limit in &global.limit {
        let LimitOption::Named(name, value) = limit else { continue };
        let known = limits.set(name, *value);
        debug_assert!(known, "the command line was checked against the same table");
    }
    limits
}

/// A ledger's error as the end of a command.
pub fn ledger_failure(error: &kinora::ledger::LedgerError) -> Failure {
    let exit = match error {
        kinora::ledger::LedgerError::Locked { .. } => Exit::Locked,
        _ => Exit::Internal,
    };
    Failure::new(exit, error.to_string())
}

/// Opens the ledger for looking.
pub fn read_ledger(workspace: &Path) -> Result<Ledger, Failure> {
    Ledger::open(workspace, Mode::Read).map_err(|e| ledger_failure(&e))
}

impl Workspace {
    /// How commands name its plan.
    pub fn named(&self) -> Named {
        match &self.plan_file {
            Some(path) => Named::File(path.display().to_string()),
            None => self.narrowing.named(),
        }
    }

    /// The same, as commands take it.
    pub fn target(&self) -> String {
        self.named().target(&self.given)
    }

    /// Loads a manifest and probes its pictures by way of the ledger's cache. Gives the ledger
    /// too, open for looking. Every problem is shown before it fails.
    pub fn load(given: &Path, global: &Global, output: &Output) -> Result<(Self, Ledger), Failure> {
        let manifest = find_manifest(given)?;
        let limits = limits(global);
        let options = LoadOptions { limits: limits.clone(), ..LoadOptions::default() };
        let loaded = manifest::load(&manifest, &options);
        let mut sources = loaded.sources;
        let mut findings = loaded.findings;
        write_rejects(&loaded.rejects, output).into_iter().for_each(|f| findings.push(f));
        let folder = workspace_of(given)?;
        let (shelf, card_findings) =
            Shelf::load(&folder, SystemClock.today(), &limits, &mut sources);
        findings.merge(card_findings);
        let (rack, card_findings) = Rack::load(&folder, &limits, &mut sources);
        findings.merge(card_findings);
        if let Some(catalogue) = &loaded.catalogue {
            findings.merge(check_providers(catalogue, &rack));
            findings.merge(check_limits(catalogue, &shelf, &rack));
        }
        let Some(mut catalogue) = loaded.catalogue.filter(|_| !findings.has_errors()) else {
            return Err(invalid(&mut findings, &sources, output));
        };
        catalogue.budget.take_worths(&shelf);
        let ledger = read_ledger(&catalogue.workspace)?;
        let counts = ledger.counts().map_err(|e| ledger_failure(&e))?;
        // Planning alone makes a ledger, with what it learnt of the pictures.
        let unknown_clips =
            if counts.is_empty() { clips_without_a_ledger(&catalogue) } else { None };
        let clips_without_a_ledger = unknown_clips.is_some();
        if let Some(finding) = unknown_clips {
            findings.push(finding);
        }
        let cached = ledger.picture_facts().map_err(|e| ledger_failure(&e))?;
        let workspace = catalogue.workspace.clone();
        // The manifest's own limits hold from here on.
        let probing = catalogue.limits.clone();
        let probed = probe_all(&mut catalogue.pictures, &workspace, &cached, &probing);
        drop(cached);
        let pictures = PictureTally {
            files: catalogue.pictures.len() as u64,
            probed: probed.read,
            cached: probed.cached,
        };
        let stored = ledger.store_picture_facts(probed.fresh).map_err(|e| ledger_failure(&e))?;
        if let Stored::Skipped { why } = stored {
            findings.push(Finding::warning(
                "ledger::cache",
                format!("what was learnt about the pictures was not kept: {why}"),
            ));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let access = Access::of(&rack, &ProcessEnvironment, &catalogue.providers).with_cores(cores);
        let missing = catalogue.fetch.missing;
        let workspace = Workspace {
            given: manifest.strip_prefix(".").unwrap_or(&manifest).display().to_string(),
            catalogue: Arc::new(catalogue),
            shelf,
            rack,
            access,
            sources,
            findings,
            pictures,
            clips_without_a_ledger,
            narrowing: Narrowing::default(),
            compare: None,
            plan_file: None,
            missing,
        };
        Ok((workspace, ledger))
    }

    /// Looks again at the pictures that have URLs, after some were fetched: as loading would now.
    pub fn take_fetched(&mut self, ledger: &Ledger) -> Result<(), Failure> {
        let catalogue = Arc::make_mut(&mut self.catalogue);
        let folder = catalogue.workspace.clone();
        let lock = PictureLock::read(&folder)
            .map_err(|e| Failure::new(Exit::InvalidManifest, e.to_string()))?;
        lock.settle(&mut catalogue.pictures, &folder);
        let cached = ledger.picture_facts().map_err(|e| ledger_failure(&e))?;
        let probed = probe_all(&mut catalogue.pictures, &folder, &cached, &catalogue.limits);
        self.pictures.probed += probed.read;
        self.pictures.cached = probed.cached;
        // What could not be kept is learnt again.
        ledger.store_picture_facts(probed.fresh).map_err(|e| ledger_failure(&e))?;
        Ok(())
    }

    /// What is spent in the current day and month, by the ledger: in all, and by what the manifest
    /// gives a budget of its own.
    pub fn used(&self, ledger: &Ledger) -> Result<Used, Failure> {
        let now = SystemClock.now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let spent = |period| ledger.spent(period).map_err(|e| ledger_failure(&e));
        let mut used = Used {
            whole: UsedBy {
                day: spent(Period::Day(today))?.to_decimal(),
                month: spent(Period::Month(today))?.to_decimal(),
            },
            ..Used::default()
        };
        let budget = &self.catalogue.budget;
        if budget.models.is_empty() && budget.providers.is_empty() && budget.accounts.is_empty() {
            return Ok(used);
        }
        let today_is = day_number(now);
        let month_from = today_is - i64::from(today.day() - 1);
        for total in ledger.holdings().map_err(|e| ledger_failure(&e))? {
            if !(month_from..=today_is).contains(&total.day) {
                continue;
            }
            let held = total.held.to_decimal();
            let of = [
                (LimitOf::Model, total.model),
                (LimitOf::Provider, total.provider),
                (LimitOf::Account, total.account),
            ];
            for key in of {
                let share = used.shares.entry(key).or_default();
                share.month += held;
                if total.day == today_is {
                    share.day += held;
                }
            }
        }
        Ok(used)
    }

    /// Digest of everything that a plan depends on: the same digest, the same plan.
    pub fn plan_inputs(&self, ledger: &Ledger) -> Result<Digest, Failure> {
        let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
        let serial = ledger.serial().map_err(|e| ledger_failure(&e))?;
        let mut inputs = FieldHasher::new("plan inputs");
        inputs
            .field(env!("CARGO_PKG_VERSION").as_bytes())
            .field(self.given.as_bytes())
            .field(self.catalogue.inputs.as_bytes())
            .optional(self.shelf.digest().as_ref().map(|d| &d.as_bytes()[..]))
            .optional(self.rack.digest().as_ref().map(|d| &d.as_bytes()[..]))
            .field(self.access.digest().as_bytes())
            .field(&serial.to_le_bytes())
            .field(today.to_string().as_bytes())
            // The prices' own day: they may have been chosen just before midnight.
            .optional(self.shelf.day().map(|day| day.to_string()).as_ref().map(|d| d.as_bytes()))
            .field(&[u8::from(self.clips_without_a_ledger)]);
        for (_, picture) in self.catalogue.pictures.iter() {
            inputs.field(picture.path.as_bytes());
            if let Some(source) = &picture.source {
                inputs.field(source.url.as_bytes());
            }
            match picture.stamp {
                Some(stamp) => inputs
                    .field(&stamp.size.to_le_bytes())
                    .field(&stamp.mtime_ns.to_le_bytes())
                    .field(&stamp.inode.to_le_bytes()),
                None => inputs.optional(None),
            };
        }
        let limits =
            serde_json::to_vec(&self.catalogue.limits).expect("a struct of numbers is always JSON");
        inputs.field(&limits);
        self.narrowing.hash_into(&mut inputs);
        Ok(inputs.finish())
    }
}

/// Shows findings with errors among them, as the end of a command.
pub fn invalid(findings: &mut Findings, sources: &Sources, output: &Output) -> Failure {
    findings.sort();
    output.findings(findings, sources);
    if output.json {
        output.data(&super::check::findings_json(findings, sources));
    }
    let errors = diagnostic::render_json(findings, sources).into_iter();
    let errors = errors.filter(|f| f.severity == Severity::Error).take(ERRORS_KEPT);
    Failure {
        errors: errors.map(Into::into).collect(),
        errors_in_all: findings.count(Severity::Error) as u64,
        ..Failure::new(Exit::InvalidManifest, "")
    }
}
