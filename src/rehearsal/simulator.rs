//! The simulator: one provider on one port of the loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::bill::{Bill, BillFile};
use super::clips::{Clips, Looks};
use super::desk::{Desk, DeskSetup};
use super::faults::{Dice, Faults};
use super::peer::CuttableListener;
use super::pictures::Pictures;
use super::server;
use super::submission::Candidate;
use crate::clock::Clock;
use crate::models::{ModelCard, worths};
use crate::protocol::ProviderCard;

/// How often the bill's file learns which jobs have ended.
const BILL_EVERY: Duration = Duration::from_millis(50);

/// What a simulator needs.
pub struct SimulatorSetup {
    /// The provider.
    pub card: Arc<ProviderCard>,
    /// Its models; others are left out.
    pub models: Vec<Arc<ModelCard>>,
    /// Port; 0 for any that is free.
    pub port: u16,
    /// What chance follows from.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// How many times as fast as usual, where a job takes one to four seconds.
    pub speed: f64,
    /// Pixels of a clip's shorter side at most.
    pub short_side: u32,
    /// Whether all clips of a size and length are the same but for a number in them.
    pub plain_clips: bool,
    /// A new file to write the bill to as well, a line for each change.
    pub bill_file: Option<PathBuf>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why a simulator can't start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The port is taken.
    #[error("port {port} can't be listened on: {error}")]
    Port {
        /// Which.
        port: u16,
        /// What the system said.
        error: std::io::Error,
    },
    /// The provider has no model to simulate.
    #[error("no model card is for the provider `{0}`")]
    NoModel(String),
    /// The bill's file can't be made.
    #[error("the bill can't be begun in {}: {error}", path.display())]
    Bill {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The folder for pictures and clips can't be made.
    #[error("the folder for pictures and clips: {0}")]
    Folder(std::io::Error),
}

/// A provider that is simulated. Dropping it stops it.
pub struct Simulator {
    desk: Arc<Desk>,
    url: String,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    /// Keeps the bill's file, if there is one.
    billing: Option<JoinHandle<()>>,
    /// Pictures and clips; gone with the simulator.
    _folder: TempDir,
}

impl Simulator {
    /// Starts it on 127.0.0.1, on the runtime that this is called on.
    ///
    /// # Errors
    /// When the port is taken, there is no model, or a file or folder can't be made.
    pub async fn start(setup: SimulatorSetup) -> Result<Simulator, SimulatorError> {
        let SimulatorSetup { card, models, port, seed, faults, speed, clock, .. } = setup;
        let looks = Looks { short_side: setup.short_side, plain: setup.plain_clips };
        let of_provider = |model: &Arc<ModelCard>| model.provider == card.provider;
        let worths = worths(models.iter().map(Arc::as_ref));
        let candidates: Vec<Candidate> = models
            .into_iter()
            .filter(of_provider)
            .flat_map(|model| {
                let routes: Vec<_> = model.routes.keys().copied().collect();
                routes.into_iter().map(move |route| Candidate { model: model.clone(), route })
            })
            .collect();
        if candidates.is_empty() {
            return Err(SimulatorError::NoModel(card.provider.clone()));
        }
        let failed = |error| SimulatorError::Port { port, error };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let root = format!("http://{}", listener.local_addr().map_err(failed)?);
        let folder = tempfile::Builder::new()
            .prefix("kinora-rehearsal-")
            .tempdir()
            .map_err(SimulatorError::Folder)?;
        let pictures =
            Pictures::new(&folder.path().join("pictures")).map_err(SimulatorError::Folder)?;
        let clips = Clips::new(&folder.path().join("clips"), looks, Handle::current())
            .map_err(SimulatorError::Folder)?;
        let begun = |path: PathBuf| {
            BillFile::begin(&path).map_err(|error| SimulatorError::Bill { path, error })
        };
        let bill_file = setup.bill_file.map(begun).transpose()?;
        let has_bill_file = bill_file.is_some();
        let dice = Dice { seed, provider: card.provider.clone(), faults };
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let desk = Arc::new(Desk::new(DeskSetup {
            card,
            candidates,
            root: root.clone(),
            dice,
            speed,
            clock,
            pictures,
            clips,
            worths,
            bill_file,
        }));
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::serve(CuttableListener(listener), desk.clone(), stopped));
        let billing = has_bill_file.then(|| tokio::spawn(bill(desk.clone())));
        Ok(Simulator { desk, url: root, stop, server, billing, _folder: folder })
    }

    /// URL of the server, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What stands for the card's base URL: the server's URL, with the path of the card's own.
    pub fn base_url(&self) -> &str {
        self.desk.base()
    }

    /// Values of the card's variables with which a client asks nobody but this server: those
    /// that are URLs point to it.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.desk.given().clone()
    }

    /// What it has charged so far.
    pub fn bill(&self) -> Bill {
        self.desk.bill()
    }

    /// Why the bill's file lacks lines, if it does.
    pub fn bill_trouble(&self) -> Option<String> {
        self.desk.bill_trouble()
    }

    /// Stops listening and gives the final bill.
    pub async fn stop(self) -> Bill {
        // It listens to this or is gone already.
        let _ = self.stop.send(true);
        self.server.abort();
        self.desk.bill_ends();
        self.desk.bill()
    }
}

/// Notes in the bill's file which jobs have ended: they do so by the time alone.
async fn bill(desk: Arc<Desk>) {
    let mut every = tokio::time::interval(BILL_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let desk = desk.clone();
        // It reads the clips.
        if tokio::task::spawn_blocking(move || desk.bill_ends()).await.is_err() {
            return;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
        if let Some(billing) = &self.billing {
            billing.abort();
        }
    }
}
