//! `kinora simulate`: one provider, simulated on the loopback until it is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::{Findings, Sources};
use kinora::exit::Exit;
use kinora::models::Shelf;
use kinora::protocol::Rack;
use kinora::rehearsal::{FaultKind, Faults, Profile, Simulator, SimulatorSetup};
use tokio::signal::unix::{SignalKind, signal};

use super::args::Global;
use super::output::Output;
use super::workspace::{invalid, limits, workspace_of};
use super::{Failure, Outcome};

/// Options of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// A manifest or workspace whose own `providers/` and `models/` folders count too
    #[arg(default_value = ".")]
    pub workspace: PathBuf,
    /// Name of the provider
    #[arg(long, value_name = "NAME")]
    pub provider: String,
    /// Port on 127.0.0.1; any that is free by default
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// A new file to write the bill to, one line of JSON for each change, as it happens
    #[arg(long, value_name = "FILE")]
    pub bill: Option<PathBuf>,
    /// Make all clips of a size and length alike but for a number inside: thousands in no time
    #[arg(long)]
    pub plain_clips: bool,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
}

/// How simulated providers behave.
#[derive(Debug, Clone, Args)]
pub struct RehearsalArgs {
    /// What chance follows from: the same seed, the same faults
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How much goes wrong
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = FaultProfile::None)]
    pub faults: FaultProfile,
    /// How likely one kind of fault is, for instance `--fault lost_reply=0.1`
    #[arg(long, value_name = "KIND=PROBABILITY", value_parser = parse_fault)]
    pub fault: Vec<(FaultKind, f64)>,
    /// How many times as fast as usual; a job takes one to four seconds
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = parse_speed)]
    pub speed: f64,
    /// Pixels of a clip's shorter side at most; smaller clips are made faster
    #[arg(long, value_name = "PIXELS", default_value_t = 720, value_parser = clap::value_parser!(u32).range(64..=2160))]
    pub clip_side: u32,
}

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FaultProfile {
    /// Nothing
    None,
    /// As on a bad day
    Some,
    /// So much that everything happens
    Many,
}

impl From<FaultProfile> for Profile {
    fn from(profile: FaultProfile) -> Self {
        match profile {
            FaultProfile::None => Self::None,
            FaultProfile::Some => Self::Some,
            FaultProfile::Many => Self::Many,
        }
    }
}

/// Runs it.
pub fn simulate(arguments: &SimulateArgs, global: &Global, output: &Output) -> Outcome {
    // Without a manifest beside it, the workspace is the folder itself.
    let folder = workspace_of(&arguments.workspace).unwrap_or_else(|_| arguments.workspace.clone());
    let (rack, shelf) = cards(&folder, global, output)?;
    let Some(card) = rack.get(&arguments.provider) else {
        return Err(unknown(&arguments.provider, &rack));
    };
    let setup = SimulatorSetup {
        card: Arc::clone(card),
        models: shelf.iter().cloned().collect(),
        port: arguments.port,
        seed: arguments.rehearsal.seed,
        faults: arguments.rehearsal.faults(),
        speed: arguments.rehearsal.speed,
        short_side: arguments.rehearsal.clip_side,
        plain_clips: arguments.plain_clips,
        bill_file: arguments.bill.clone(),
        clock: Arc::new(SystemClock),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("no runtime: {e}")))?;
    let (trouble, bill) = runtime.block_on(async {
        let failed = |e: std::io::Error| Failure::new(Exit::Internal, format!("signals: {e}"));
        // Before the line is printed: whoever reads it may stop the program at once.
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let simulator = Simulator::start(setup)
            .await
            .map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        let line = serde_json::json!({ "provider": arguments.provider, "url": simulator.url() });
        output.data(&line.to_string());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let (trouble, bill) = (simulator.bill_trouble(), simulator.stop().await);
        Ok::<_, Failure>((trouble, bill))
    })?;
    // Clips that nobody waits for any more must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    output.say(&bill.line());
    match (trouble, &arguments.bill) {
        (Some(why), Some(path)) => {
            let what = format!("{}: the bill lacks lines: {why}", path.display());
            Err(Failure::new(Exit::Internal, what))
        }
        _ => Ok(Exit::Done),
    }
}

/// Every card that can be used in a workspace.
pub fn cards(folder: &Path, global: &Global, output: &Output) -> Result<(Rack, Shelf), Failure> {
    let (limits, mut sources) = (limits(global), Sources::default());
    let mut findings = Findings::default();
    let (rack, found) = Rack::load(folder, &limits, &mut sources);
    findings.merge(found);
    let (shelf, found) = Shelf::load(folder, SystemClock.today(), &limits, &mut sources);
    findings.merge(found);
    if findings.has_errors() {
        return Err(invalid(&mut findings, &sources, output));
    }
    Ok((rack, shelf))
}

fn unknown(provider: &str, rack: &Rack) -> Failure {
    let known: Vec<&str> = rack.iter().map(|card| card.provider.as_str()).collect();
    let help = kinora::diagnostic::nearest(provider, known.iter().copied())
        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let message =
        format!("there is no provider `{provider}`{help} (providers: {})", known.join(", "));
    Failure::new(Exit::Usage, message)
}

impl RehearsalArgs {
    /// What goes wrong: the profile, and single kinds over it.
    pub fn faults(&self) -> Faults {
        let faults = Faults::of(self.faults.into());
        self.fault.iter().fold(faults, |faults, (kind, p)| faults.with(*kind, *p))
    }
}

/// Reads `KIND=PROBABILITY`.
fn parse_fault(text: &str) -> Result<(FaultKind, f64), String> {
    let (kind, probability) = text.split_once('=').ok_or("expected KIND=PROBABILITY")?;
    let names = FaultKind::ALL.map(FaultKind::as_str);
    let Some(found) = FaultKind::parse(kind.trim()) else {
        let help = kinora::diagnostic::nearest(kind.trim(), names.iter().copied())
            .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let all = names.join(", ");
        return Err(format!("there is no fault `{kind}`{help} (faults: {all})"));
    };
    match probability.trim().parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok((found, p)),
        _ => Err(format!("`{probability}` is no probability from 0 to 1")),
    }
}

/// Reads a speed.
fn parse_speed(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err(format!("`{text}` is no number above 0")),
    }
}
