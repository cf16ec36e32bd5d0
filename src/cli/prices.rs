//! `kinora prices`: what models cost, since when that is known, and from where.

mod ask;
mod refresh;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::civil::Date;
use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::{Findings, Sources};
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::limits::Limits;
use kinora::manifest::{self, Budget, Catalogue, LoadOptions, Settings};
use kinora::models::Shelf;
use kinora::plan::{Access, check_limits, check_providers, models_used, offers};
use kinora::protocol::Rack;
use kinora::report::{self, PricesReport};

use super::args::Global;
use super::output::Output;
use super::workspace::{find_manifest, invalid, limits};
use super::{Failure, Outcome};

/// Options of `prices`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PricesArgs {
    #[command(subcommand)]
    which: Option<Which>,
    #[command(flatten)]
    list: ListArgs,
}

/// What to do about prices.
#[derive(Debug, Subcommand)]
enum Which {
    /// Ask the providers, show what differs, and write it to prices.yaml beside the manifest
    Refresh(RefreshArgs),
}

/// Options of the list.
#[derive(Debug, Args)]
struct ListArgs {
    /// A manifest, or the folder that holds one
    #[arg(value_name = "MANIFEST|FOLDER", default_value = ".")]
    workspace: PathBuf,
    /// All models, not only those that the manifest uses
    #[arg(long)]
    all: bool,
}

/// Options of `prices refresh`.
#[derive(Debug, Args)]
struct RefreshArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Write what differs without asking
    #[arg(long)]
    yes: bool,
    /// Take a price of this model although it is doubtful; may be given several times
    #[arg(long, value_name = "MODEL")]
    take: Vec<String>,
}

/// Runs it.
pub fn prices(arguments: &PricesArgs, global: &Global, output: &Output) -> Outcome {
    match &arguments.which {
        Some(Which::Refresh(refresh)) => refresh::refresh(refresh, global, output),
        None => list(&arguments.list, global, output),
    }
}

/// What prices are looked at in.
struct Place {
    /// The folder that holds the price file.
    folder: PathBuf,
    /// The manifest, where there is one.
    catalogue: Option<Catalogue>,
    shelf: Shelf,
    rack: Rack,
    access: Access,
    limits: Limits,
    day: Date,
}

impl Place {
    fn load(given: &Path, global: &Global, output: &Output) -> Result<Place, Failure> {
        if !given.exists() {
            let message = format!("there is no manifest or folder {}", given.display());
            return Err(Failure::new(Exit::Usage, message));
        }
        let limits = limits(global);
        let manifest = find_manifest(given).ok();
        let folder = match manifest.as_deref().unwrap_or(given) {
            folder if folder.is_dir() => folder,
            file => file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        };
        let (mut sources, mut findings) = (Sources::default(), Findings::default());
        let mut catalogue = None;
        if let Some(manifest) = &manifest {
            let options = LoadOptions { limits: limits.clone(), ..LoadOptions::default() };
            let loaded = manifest::load(manifest, &options);
            (catalogue, sources) = (loaded.catalogue, loaded.sources);
            if catalogue.is_none() {
                findings.merge(loaded.findings);
            }
        }
        let day = SystemClock.today();
        let (shelf, found) = Shelf::load(folder, day, &limits, &mut sources);
        findings.merge(found);
        let (rack, found) = Rack::load(folder, &limits, &mut sources);
        findings.merge(found);
        if let Some(catalogue) = &mut catalogue {
            catalogue.budget.take_worths(&shelf);
            findings.merge(check_providers(catalogue, &rack));
            findings.merge(check_limits(catalogue, &shelf, &rack));
        }
        if findings.has_errors() {
            return Err(invalid(&mut findings, &sources, output));
        }
        output.findings(&findings, &sources);
        let providers = catalogue.as_ref().map(|c| c.providers.clone()).unwrap_or_default();
        let access = Access::of(&rack, &ProcessEnvironment, &providers);
        Ok(Place { folder: folder.to_owned(), catalogue, shelf, rack, access, limits, day })
    }

    /// The models that are meant: those that the manifest uses, or all.
    fn models(&self, all: bool) -> BTreeSet<String> {
        match self.catalogue.as_ref().filter(|_| !all) {
            Some(catalogue) => models_used(catalogue, &self.shelf, &self.access),
            None => self.shelf.iter().map(|card| card.model.clone()).collect(),
        }
    }
}

fn list(arguments: &ListArgs, global: &Global, output: &Output) -> Outcome {
    let place = Place::load(&arguments.workspace, global, output)?;
    let models = place.models(arguments.all);
    let (defaults, budget, policy) = match &place.catalogue {
        Some(catalogue) => (catalogue.defaults.clone(), catalogue.budget.clone(), catalogue.prices),
        None => (Settings::default(), Budget::default(), Default::default()),
    };
    let mut offers = offers(&place.shelf, &place.access, &defaults, &budget);
    offers.retain(|offer| models.contains(&offer.card.model));
    let report =
        PricesReport::new(&offers, &place.shelf, &place.rack, place.day, policy.max_age_days);
    if output.json {
        output.data(&report::prices_json(&report).expect("a report is always JSON"));
    } else {
        let unit = budget.unit.as_str();
        output.data(&report::prices_text(&report, unit, output.width, output.color));
    }
    Ok(Exit::Done)
}
