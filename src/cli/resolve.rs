//! `kinora resolve`: lists submissions of unknown outcome, settles them by evidence or by word, and
//! closes by word what can't end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use kinora::address::Address;
use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::Sources;
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Mode};
use kinora::models::BUILT_IN;
use kinora::protocol::Rack;
use kinora::report::{self, ResolveReport, TriedView};
use kinora::run::resolve::{
    Doubtful, Means, ResolveError, Settled, Word, by_lookup, by_word, list,
};

use super::args::Global;
use super::hosted::Providers;
use super::output::Output;
use super::workspace::{Workspace, find_manifest, ledger_failure, limits, workspace_of};
use super::{Failure, Outcome};

/// Options of `resolve`.
#[derive(Debug, Args)]
pub struct ResolveArgs {
    /// The manifest, or a folder that holds a `kinora.yaml`; the current folder by default
    // Addresses of jobs without a subject begin with `-/`.
    #[arg(allow_hyphen_values = true)]
    pub manifest: Option<String>,
    /// With a word: the job's address as `status` shows it. It may stand alone
    #[arg(allow_hyphen_values = true)]
    pub job: Option<String>,
    /// Ask the providers that keep a list, and settle what their evidence settles
    #[arg(long, conflicts_with_all = ["accepted", "refused", "gone"])]
    pub lookup: bool,
    /// Say that the provider has the job, under this id
    #[arg(
        long, value_name = "ID", conflicts_with_all = ["refused", "gone"],
        requires_all = ["by", "why"]
    )]
    pub accepted: Option<String>,
    /// Say that the provider never took the job; it may be submitted again
    #[arg(long, conflicts_with = "gone", requires_all = ["by", "why"])]
    pub refused: bool,
    /// Say that the provider has the job no more and there will be no clip; its money counts as spent
    #[arg(long, requires_all = ["by", "why"])]
    pub gone: bool,
    /// Who says so, for the record
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// How they know, for the record
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// What was asked for.
enum Task<'a> {
    List,
    Lookup,
    Word { job: Address, word: Word, by: &'a str, why: &'a str },
}

impl ResolveArgs {
    /// What is asked for, and of which manifest.
    fn task(&self) -> Result<(PathBuf, Task<'_>), Failure> {
        let usage = |what: &str| Failure::new(Exit::Usage, what);
        let given = [&self.manifest, &self.job].into_iter().flatten();
        if let Some(option) = given.into_iter().find(|text| text.starts_with("--")) {
            return Err(usage(&format!(
                "there is no option {option}; see `kinora resolve --help`"
            )));
        }
        let word = match (&self.accepted, self.refused, self.gone) {
            (Some(id), ..) => Some(Word::Accepted(id.clone())),
            (None, true, _) => Some(Word::Refused),
            (None, false, true) => Some(Word::Gone),
            (None, false, false) => None,
        };
        let Some(word) = word else {
            if self.by.is_some() || self.why.is_some() {
                return Err(usage("--by and --why go with --accepted, --refused or --gone"));
            }
            if self.job.is_some() {
                return Err(usage("a job is settled with --accepted ID, --refused or --gone"));
            }
            let manifest = PathBuf::from(self.manifest.as_deref().unwrap_or("."));
            return Ok((manifest, if self.lookup { Task::Lookup } else { Task::List }));
        };
        let (manifest, job) = match (&self.manifest, &self.job) {
            (Some(job), None) => (".", job),
            (Some(manifest), Some(job)) => (manifest.as_str(), job),
            (None, _) => return Err(usage("say which job; `kinora resolve` lists them")),
        };
        let job = Address::from_stored(job);
        let (by, why) = (self.by.as_deref(), self.why.as_deref());
        let (by, why) = (by.unwrap_or_default(), why.unwrap_or_default());
        Ok((manifest.into(), Task::Word { job, word, by, why }))
    }
}

/// Runs it.
pub fn resolve(arguments: &ResolveArgs, global: &Global, output: &Output) -> Outcome {
    let (given, task) = arguments.task()?;
    let folder = workspace_of(&given)?;
    // Asking providers needs all that the manifest says of them; a word must be possible over a
    // manifest that is broken today.
    let workspace = match task {
        Task::Lookup => Some(Workspace::load(&given, global, output)?.0),
        Task::List | Task::Word { .. } => None,
    };
    let manifest = find_manifest(&given)?;
    let shown = manifest.strip_prefix(".").unwrap_or(&manifest).display().to_string();
    let books = Books::open(&folder, global)?;
    let tried = match (task, &books.ledger, &workspace) {
        (Task::Word { job, word, by, why }, Some(ledger), _) => {
            vec![books.settle_by_word(ledger, &job, &word, (by, why))?]
        }
        (Task::Word { job, .. }, None, _) => return Err(no_such_job(&job)),
        (Task::Lookup, Some(ledger), Some(workspace)) => {
            books.settle_by_lookup(ledger, workspace, output)?
        }
        _ => Vec::new(),
    };
    let now = books.in_doubt()?;
    let report = ResolveReport::new(&shown, &books.unit()?, &now, tried);
    if output.json {
        output.data_if_read(&report::resolve_json(&report).expect("a report is always JSON"));
    } else {
        output.data_if_read(&report::resolve_text(&report, output.width, output.color));
    }
    Ok(if report.in_doubt.is_empty() { Exit::Done } else { Exit::SubmissionsUnknown })
}

/// The ledger, as long as this process has it to itself, and how providers can help.
struct Books {
    /// Absent where nothing was ever run.
    ledger: Option<Ledger>,
    means: BTreeMap<String, Means>,
}

impl Books {
    fn open(folder: &Path, global: &Global) -> Result<Self, Failure> {
        let exists = Ledger::open(folder, Mode::Read).map_err(|e| ledger_failure(&e))?;
        let exists = exists.path().exists();
        // What a run is about to submit looks the same as what a stopped one left, so there must
        // be none.
        let ledger = exists.then(|| Ledger::open(folder, Mode::Run)).transpose();
        let ledger = ledger.map_err(|e| ledger_failure(&e))?;
        // A card that is wrong is a matter of `kinora check`; its provider's jobs are settled by word.
        let (rack, _) = Rack::load(folder, &limits(global), &mut Sources::default());
        let mut means: BTreeMap<String, Means> =
            rack.iter().map(|card| (card.provider.clone(), Means::of_card(card))).collect();
        means.insert(BUILT_IN.to_owned(), Means::of_the_animatic());
        Ok(Books { ledger, means })
    }

    fn unit(&self) -> Result<String, Failure> {
        let unit = self.ledger.as_ref().map(Ledger::unit).transpose();
        let unit = unit.map_err(|e| ledger_failure(&e))?.flatten();
        Ok(unit.unwrap_or_default().as_str().to_owned())
    }

    fn in_doubt(&self) -> Result<Vec<Doubtful>, Failure> {
        let Some(ledger) = &self.ledger else { return Ok(Vec::new()) };
        list(ledger, &self.means, SystemClock.now()).map_err(failure)
    }

    fn settle_by_word(
        &self,
        ledger: &Ledger,
        address: &Address,
        word: &Word,
        said: (&str, &str),
    ) -> Result<TriedView, Failure> {
        let job = ledger.job(address).map_err(|e| ledger_failure(&e))?;
        let job = job.ok_or_else(|| no_such_job(address))?;
        let attempt = ledger.attempt(job.attempt).map_err(|e| ledger_failure(&e))?;
        let provider = attempt.map(|attempt| attempt.provider).unwrap_or_default();
        let work = by_word(ledger, job.attempt, word, said, SystemClock.now());
        let settled: Settled = block_on(work)?.map_err(failure)?;
        Ok(TriedView::by(address.as_str(), &provider, &settled))
    }

    fn settle_by_lookup(
        &self,
        ledger: &Ledger,
        workspace: &Workspace,
        output: &Output,
    ) -> Result<Vec<TriedView>, Failure> {
        let names: Vec<String> = self.in_doubt()?.into_iter().map(|d| d.attempt.provider).collect();
        let providers = Providers::at_hand(
            workspace,
            names.iter().map(String::as_str),
            |_| "it is not asked".to_owned(),
            output,
        )?;
        let work = by_lookup(ledger, &providers.all, SystemClock.now());
        let asked = block_on(work)?.map_err(failure)?;
        Ok(asked.iter().map(TriedView::of).collect())
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(Exit::Internal, format!("no runtime: {e}")))?;
    Ok(runtime.block_on(work))
}

fn no_such_job(job: &Address) -> Failure {
    let what = format!("the ledger has no job {job}; `kinora resolve` lists those in doubt");
    Failure::new(Exit::Usage, what)
}

fn failure(error: ResolveError) -> Failure {
    match error {
        ResolveError::Ledger(error) => ledger_failure(&error),
        ResolveError::NotInDoubt { .. }
        | ResolveError::OtherWord { .. }
        | ResolveError::Word { .. }
        | ResolveError::Taken { .. }
        | ResolveError::NoAttempt(_) => {
            Failure::new(Exit::Usage, format!("{error}; nothing was changed"))
        }
        ResolveError::Unlawful(_) | ResolveError::Request { .. } => {
            Failure::new(Exit::Internal, error.to_string())
        }
    }
}
