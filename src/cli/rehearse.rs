//! `kinora rehearse`: the whole run against simulated providers, and whether the books agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{Ledger, Mode, NewApproval, Which};
use kinora::models::BUILT_IN;
use kinora::plan::PlanSummary;
use kinora::protocol::ProviderCard;
use kinora::providers::http::{HttpProvider, HttpSetup, NetLimits, Reach, WorkspacePictures};
use kinora::rehearsal::{Bill, Simulator, SimulatorSetup, Verdict};
use kinora::run::MoneyLimits;
use tokio::runtime::Runtime;

use super::approve::{refuse_unpriced, whole_ceiling};
use super::args::{Global, ManifestArg};
use super::hosted::Providers;
use super::output::Output;
use super::planning::plan_whole;
use super::run::{Dispatch, dispatch};
use super::signals::{Signals, Watch};
use super::simulate::RehearsalArgs;
use super::workspace::{Workspace, ledger_failure};
use super::{Failure, Outcome};

/// Where a rehearsal happens, below the workspace.
const FOLDER: &str = ".kinora/rehearsal";

/// Options of `rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
}

/// Runs it.
pub fn rehearse(arguments: &RehearseArgs, global: &Global, output: &Output) -> Outcome {
    let (mut workspace, _) = Workspace::load(&arguments.manifest.manifest, global, output)?;
    let folder = empty_folder(&workspace.catalogue.workspace)?;
    let ledger = Ledger::open(&folder, Mode::Run).map_err(|e| ledger_failure(&e))?;
    let plan = plan_whole(&mut workspace, &ledger, output, |_, _| ())?;
    refuse_unpriced(&plan)?;
    let stage = Stage::set(&workspace, &plan.summary, &arguments.rehearsal)?;
    let providers = stage.providers(&workspace, &folder)?;
    let ceiling = whole_ceiling(&plan, &workspace, &ledger)?;
    let unit = workspace.catalogue.budget.unit.clone();
    let new = NewApproval::new(plan.digest, "rehearsal", ceiling, unit, SystemClock.now());
    let id = ledger.approve(new.clone()).map_err(|e| ledger_failure(&e))?;
    let approval = new.recorded(id);
    let jobs = plan.summary.to_run.jobs;
    if !output.json {
        let asked = stage.names().join(", ");
        output.say(&format!("kinora: a rehearsal of {jobs} jobs; simulated: {asked}"));
    }
    let signals = Signals::listen(output, Watch::default())?;
    let ended = dispatch(
        Dispatch {
            max_spend: None,
            looks: false,
            log: None,
            plan: Some(&plan),
            workspace: &workspace,
            ledger: Arc::new(ledger),
            providers,
            approval: Some(approval),
            folder: folder.clone(),
            total: jobs,
        },
        &signals,
        output,
    )?;
    let bills = stage.end();
    let verdict = verdict(&workspace, &folder, &bills)?;
    if output.json {
        let line = serde_json::json!({ "rehearsal": verdict, "agrees": verdict.agrees() });
        output.data_if_read(&line.to_string());
    } else {
        bills.iter().for_each(|bill| output.say(&bill.line()));
        output.data_if_read(&verdict.text());
        output.say(&format!("the clips are in {}", folder.display()));
    }
    Ok(match (verdict.agrees(), ended.interrupted) {
        (false, _) => Exit::Internal,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Done,
    })
}

/// The folder of rehearsals, empty: every rehearsal begins with a ledger of its own.
fn empty_folder(workspace: &Path) -> Result<PathBuf, Failure> {
    let folder = workspace.join(FOLDER);
    let failed =
        |e: std::io::Error| Failure::new(Exit::Internal, format!("{}: {e}", folder.display()));
    match std::fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    std::fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

fn verdict(workspace: &Workspace, folder: &Path, bills: &[Bill]) -> Result<Verdict, Failure> {
    let ledger = super::workspace::read_ledger(folder)?;
    let mut attempts = Vec::new();
    ledger
        .each_attempt(Which::All, |attempt| attempts.push(attempt))
        .map_err(|e| ledger_failure(&e))?;
    let budget = &workspace.catalogue.budget;
    let limits = MoneyLimits::of(budget)
        .map_err(|e| Failure::new(Exit::InvalidManifest, format!("budget: {e}")))?;
    Ok(Verdict::of(bills, &attempts, budget.unit.as_str(), |amount| limits.convert(amount)))
}

/// The providers of a plan, simulated.
struct Stage {
    runtime: Runtime,
    simulators: Vec<(Arc<ProviderCard>, Simulator)>,
}

impl Stage {
    fn set(
        workspace: &Workspace,
        summary: &PlanSummary,
        arguments: &RehearsalArgs,
    ) -> Result<Stage, Failure> {
        let names: BTreeSet<&str> = summary
            .by_model
            .iter()
            .filter_map(|group| Some(workspace.shelf.get(&group.name)?.provider.as_str()))
            .filter(|name| *name != BUILT_IN)
            .collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::new(Exit::Internal, format!("no runtime: {e}")))?;
        let mut simulators = Vec::new();
        for name in names {
            let Some(card) = workspace.rack.get(name) else {
                let what = format!("there is no card for the provider `{name}`");
                return Err(Failure::new(Exit::InvalidManifest, what));
            };
            // Nobody waits for a machine that renders slates; the card's interval spares a
            // real provider.
            let mut card = ProviderCard::clone(card);
            card.poll.every_s = 1;
            let card = Arc::new(card);
            let setup = SimulatorSetup {
                card: card.clone(),
                models: workspace.shelf.iter().cloned().collect(),
                port: 0,
                seed: arguments.seed,
                faults: arguments.faults(),
                speed: arguments.speed,
                short_side: arguments.clip_side,
                plain_clips: false,
                bill_file: None,
                clock: Arc::new(SystemClock),
            };
            let simulator = runtime
                .block_on(Simulator::start(setup))
                .map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
            simulators.push((card, simulator));
        }
        Ok(Stage { runtime, simulators })
    }

    fn names(&self) -> Vec<&str> {
        self.simulators.iter().map(|(card, _)| card.provider.as_str()).collect()
    }

    /// Drivers that ask the simulators and nobody else, with a key that opens nothing.
    fn providers(&self, workspace: &Workspace, folder: &Path) -> Result<Providers, Failure> {
        let catalogue = &workspace.catalogue;
        let mut drivers = Vec::new();
        for (card, simulator) in &self.simulators {
            let settings = catalogue.providers.get(&card.provider);
            let mut variables = settings.map(|s| s.values()).unwrap_or_default();
            variables.extend(simulator.variables());
            let names = card.auth.iter().flat_map(|auth| &auth.keys).flat_map(|key| &key.env);
            let environment: BTreeMap<String, String> =
                names.map(|name| (name.clone(), "rehearsal".to_owned())).collect();
            let models = workspace.shelf.iter().filter(|model| model.provider == card.provider);
            let driver = HttpProvider::new(HttpSetup {
                card: card.clone(),
                models: models.map(|model| (model.model.clone(), model.clone())).collect(),
                base_url: Some(simulator.base_url().to_owned()),
                variables,
                key: card.auth.as_ref().and_then(|auth| auth.find(&environment)),
                pictures: Arc::new(WorkspacePictures::new(&catalogue.workspace, &catalogue.limits)),
                clock: Arc::new(SystemClock),
                limits: NetLimits::default(),
                reach: Reach::ThisMachine,
                account: String::new(),
            });
            drivers.push(driver.map_err(|e| Failure::new(Exit::InvalidManifest, e.to_string()))?);
        }
        Providers::rehearsed(workspace, folder, drivers)
    }

    /// Stops the simulators and gives their bills.
    fn end(self) -> Vec<Bill> {
        let Stage { runtime, simulators } = self;
        let bills = runtime.block_on(async {
            let mut bills = Vec::new();
            for (_, simulator) in simulators {
                bills.push(simulator.stop().await);
            }
            bills
        });
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        bills
    }
}
