//! `kinora models`: what can be used with the keys at hand, and what it costs.

use std::path::Path;

use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::{Findings, Sources};
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::manifest::{self, Budget, LoadOptions, Settings};
use kinora::models::Shelf;
use kinora::plan::{Access, Reach, check_limits, check_providers, offers};
use kinora::protocol::Rack;
use kinora::report::{self, ModelsFacts};

use super::args::{Global, ModelsArgs};
use super::output::Output;
use super::workspace::{find_manifest, invalid, limits};
use super::{Failure, Outcome};

/// Runs it.
pub fn models(arguments: &ModelsArgs, global: &Global, output: &Output) -> Outcome {
    let given = arguments.workspace.as_path();
    let limits = limits(global);
    let (catalogue, mut sources) = match manifest_at(given)? {
        Some(manifest) => {
            let options = LoadOptions { limits: limits.clone(), ..LoadOptions::default() };
            let loaded = manifest::load(&manifest, &options);
            if loaded.catalogue.is_none() {
                output.say(
                    "kinora: the manifest has errors, so its defaults are not looked at; \
                     `kinora check` lists them",
                );
            }
            (loaded.catalogue, loaded.sources)
        }
        None => (None, Sources::default()),
    };
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(Path::new(".")) };
    let mut findings = Findings::default();
    let (shelf, found) = Shelf::load(folder, SystemClock.today(), &limits, &mut sources);
    findings.merge(found);
    let (rack, found) = Rack::load(folder, &limits, &mut sources);
    findings.merge(found);
    if let Some(catalogue) = &catalogue {
        findings.merge(check_providers(catalogue, &rack));
        findings.merge(check_limits(catalogue, &shelf, &rack));
    }
    if findings.has_errors() {
        return Err(invalid(&mut findings, &sources, output));
    }
    output.findings(&findings, &sources);
    let (defaults, budget, providers) = match catalogue {
        Some(mut catalogue) => {
            catalogue.budget.take_worths(&shelf);
            (catalogue.defaults, catalogue.budget, catalogue.providers)
        }
        None => (Settings::default(), Budget::default(), Default::default()),
    };
    let access = Access::of(&rack, &ProcessEnvironment, &providers);
    let mut offers = offers(&shelf, &access, &defaults, &budget);
    if arguments.usable {
        offers.retain(|offer| offer.reach == Reach::Ready);
    }
    let facts = ModelsFacts { defaults: &defaults, budget: &budget };
    if output.json {
        output.data(&report::models_json(&offers, &facts));
    } else {
        output.data(&report::models_text(&offers, &facts, output.width, output.color));
    }
    Ok(Exit::Done)
}

/// The manifest that is given, or that the folder holds; a folder may hold none.
fn manifest_at(given: &Path) -> Result<Option<std::path::PathBuf>, Failure> {
    if given.is_dir() {
        return Ok(find_manifest(given).ok());
    }
    match given.exists() {
        true => find_manifest(given).map(Some),
        false => {
            let message = format!("there is no manifest or folder {}", given.display());
            Err(Failure::new(Exit::Usage, message))
        }
    }
}
