//! A simulated provider and the driver that asks it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kinora::address::Address;
use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::Sources;
use kinora::digest::Digest;
use kinora::limits::Limits;
use kinora::manifest::Role;
use kinora::media::prepare::Recipe;
use kinora::media::probe;
use kinora::models::{AspectRatio, ModelCard, Route, Shelf};
use kinora::plan::{Fingerprint, JobSettings, Request, RequestReference};
use kinora::protocol::{ProviderCard, Rack, Transport};
use kinora::providers::http::{HttpProvider, HttpSetup, NetLimits, Reach, WorkspacePictures};
use kinora::providers::{AttemptKey, Provider, Submission};
use kinora::rehearsal::{Faults, Simulator, SimulatorSetup};
use rust_decimal::Decimal;

/// Where the pictures are.
const PICTURES: &str = "tests/conformance/pictures";

/// Every shipped card.
pub fn cards() -> (Rack, Shelf) {
    let nowhere = Path::new("tests/no-workspace");
    let mut sources = Sources::default();
    let (rack, findings) = Rack::load(nowhere, &Limits::default(), &mut sources);
    assert!(!findings.has_errors(), "{:?}", findings.items());
    let (shelf, findings) =
        Shelf::load(nowhere, jiff::civil::date(2026, 11, 23), &Limits::default(), &mut sources);
    assert!(!findings.has_errors(), "{:?}", findings.items());
    (rack, shelf)
}

/// A simulated provider and its driver.
pub struct Stage {
    pub simulator: Simulator,
    pub driver: HttpProvider,
    pub card: Arc<ProviderCard>,
    shelf: Shelf,
    pub folder: tempfile::TempDir,
    pub began: Timestamp,
}

/// A clock that is so many seconds ahead.
#[derive(Debug)]
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.0);
        Timestamp::now().checked_add(ahead).expect("a time in range")
    }
}

impl Stage {
    /// Of a shipped provider.
    pub async fn of(provider: &str, faults: Faults) -> Stage {
        Stage::seeded(provider, faults, 1).await
    }

    /// With another seed.
    pub async fn seeded(provider: &str, faults: Faults, seed: u64) -> Stage {
        Stage::set(provider, faults, seed, 100.0).await
    }

    /// Whose jobs stay in the queue for as long as a test takes.
    pub async fn slow(provider: &str) -> Stage {
        Stage::set(provider, Faults::default(), 1, 0.01).await
    }

    /// So many times as fast as usual.
    pub async fn at_speed(provider: &str, faults: Faults, speed: f64) -> Stage {
        Stage::set(provider, faults, 1, speed).await
    }

    async fn set(provider: &str, faults: Faults, seed: u64, speed: f64) -> Stage {
        let (rack, shelf) = cards();
        let card = rack.get(provider).expect("it ships").clone();
        let simulator = Simulator::start(SimulatorSetup {
            card: card.clone(),
            models: shelf.iter().cloned().collect(),
            port: 0,
            seed,
            faults,
            speed,
            short_side: 64,
            plain_clips: false,
            bill_file: None,
            clock: Arc::new(SystemClock),
        })
        .await
        .expect("it starts");
        let driver = driver(&card, &shelf, &simulator, Arc::new(SystemClock));
        let folder = tempfile::tempdir().expect("a folder");
        Stage { simulator, driver, card, shelf, folder, began: Timestamp::now() }
    }

    /// A driver whose clock is ahead: as if so much time had passed.
    pub fn later(&self, seconds: i64) -> HttpProvider {
        driver(&self.card, &self.shelf, &self.simulator, Arc::new(Ahead(seconds)))
    }

    /// Makes a job's request ready and sends it, under the key of its attempt.
    pub async fn submit(&self, request: &Request, job: usize) -> Submission {
        match self.driver.prepare(request).await {
            Ok(prepared) => self.driver.submit(request, &key(job), prepared).await,
            Err(refusal) => Submission::Refused(refusal),
        }
    }

    /// A model's card.
    pub fn model(&self, name: &str) -> &ModelCard {
        self.shelf.get(name).expect("it ships")
    }
}

/// The driver of a simulated provider.
fn driver(
    card: &Arc<ProviderCard>,
    shelf: &Shelf,
    simulator: &Simulator,
    clock: Arc<dyn Clock>,
) -> HttpProvider {
    let names = card.auth.iter().flat_map(|auth| auth.keys.iter().flat_map(|k| k.env.clone()));
    let environment: BTreeMap<String, String> =
        names.map(|name| (name, "AKEY".to_owned())).collect();
    HttpProvider::new(HttpSetup {
        card: card.clone(),
        models: shelf.iter().map(|model| (model.model.clone(), model.clone())).collect(),
        base_url: Some(simulator.base_url().to_owned()),
        variables: simulator.variables(),
        key: card.auth.as_ref().and_then(|auth| auth.find(&environment)),
        pictures: Arc::new(WorkspacePictures::new(Path::new(PICTURES), &Limits::default())),
        clock,
        limits: NetLimits { resume_pause: Duration::from_millis(5), ..NetLimits::default() },
        reach: Reach::ThisMachine,
        account: String::new(),
    })
    .expect("the driver is set up")
}

/// The key of a job's attempt.
pub fn key(job: usize) -> AttemptKey {
    let address = Address::new(None, &format!("shot{job}"), None, 1);
    AttemptKey::of(&address, &Digest::of(b"request"), 1, Timestamp::UNIX_EPOCH)
}

/// Until the next poll.
pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// A request that the model can make by this route.
pub fn request(card: &ProviderCard, model: &ModelCard, route: Route) -> Request {
    let resolution = model.resolutions.iter().min_by_key(|(_, r)| r.short_side);
    let (name, resolution) = resolution.expect("a resolution");
    let aspect = model.aspects.first().copied();
    let aspect = aspect.unwrap_or(AspectRatio { width: 9, height: 16 });
    let (width, height) = resolution.size(aspect);
    let settings = JobSettings {
        duration: model.durations.nearest(Decimal::ONE).expect("a length"),
        aspect: aspect.to_string(),
        resolution: name.clone(),
        width,
        height,
        fps: model.fps.first().copied(),
        seed: model.seed.then_some(7),
        options: Vec::new(),
    };
    let roles: &[Role] = match route {
        Route::Text => &[],
        Route::Image => &[Role::FirstFrame],
        Route::Frames => &[Role::FirstFrame, Role::LastFrame],
        Route::References => &[Role::Identity],
    };
    let by_url = card.images.transports == [Transport::Url];
    let references: Vec<RequestReference> = roles
        .iter()
        .zip(["mug.png", "table.jpg"])
        .map(|(role, file)| reference(*role, file, by_url))
        .collect();
    let pictures = references.iter().map(|r| (r.role, &r.digest, &Recipe::AsItIs));
    let fingerprint = Fingerprint::of(model, route, "a mug", None, &settings, 0, pictures);
    Request {
        address: Address::new(None, "turn", None, 1),
        model: model.model.clone(),
        provider: model.provider.clone(),
        route,
        prompt: "a mug".to_owned(),
        negative_prompt: None,
        settings,
        references,
        out: "clip.mp4".to_owned(),
        fingerprint: fingerprint.whole,
        retake: 0,
        first_seed: None,
        shot: "turn".to_owned(),
        subject: None,
        channel: None,
        consistency: None,
    }
}

fn reference(role: Role, file: &str, by_url: bool) -> RequestReference {
    let path = Path::new(PICTURES).join(file);
    let facts = probe(&path, &Limits::default()).expect("a picture");
    RequestReference {
        name: file.to_owned(),
        role,
        given: None,
        path: file.to_owned(),
        digest: facts.digest,
        format: facts.format,
        width: facts.width,
        height: facts.height,
        url: by_url.then(|| format!("https://pictures.example.com/{file}")),
        source: None,
        recipe: None,
    }
}
