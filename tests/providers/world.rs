//! A provider made of a card of the test's own, and a server that plays it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kinora::address::Address;
use kinora::clock::Clock;
use kinora::diagnostic::{Findings, Sources};
use kinora::digest::Digest;
use kinora::limits::Limits;
use kinora::manifest::Role;
use kinora::media::Format;
use kinora::models::{ModelCard, Route};
use kinora::plan::{JobSettings, Request, RequestReference};
use kinora::protocol::ProviderCard;
use kinora::providers::http::{
    HttpProvider, HttpSetup, NetLimits, Reach, SetupProblem, WorkspacePictures,
};
use kinora::providers::{AttemptKey, Fetched, Polled, Provider, RemoteId, Submission};
use serde_json::{Value as Json, json};

use crate::server::{Answer, Seen, Server};

/// A key that must not be found anywhere.
pub const CANARY: &str = "canary-4711-secret";

/// The smallest thing that begins like a clip.
pub fn clip(length: usize) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    bytes.extend((bytes.len()..length).map(|at| (at % 251) as u8));
    bytes
}

/// The card that the tests change to their needs.
fn card() -> Json {
    json!({
        "kinora_provider": 1,
        "provider": "test",
        "title": "A provider for tests",
        "source": "the tests",
        "base_url": "https://api.test.example",
        "auth": {
            "header": "Authorization", "value": "Key {key}", "keys": [{"env": ["TEST_KEY"]}],
        },
        "headers": {"X-Version": "7"},
        "images": {"transports": ["url", "data_uri"]},
        "submit": {
            "forms": {
                "text": {
                    "path": "/jobs",
                    "body": {"model": "${model}", "prompt": "${prompt}", "seed": "${seed}"},
                },
                "image": {
                    "path": "/jobs",
                    "body": {"model": "${model}", "image": "${first.uri}"},
                },
            },
            "id": "$.id",
        },
        "poll": {
            "request": {"path": "/jobs/${id}"},
            "every_s": 3,
            "states": {
                "at": "$.status",
                "words": {
                    "queued": ["waiting"], "running": ["working"], "succeeded": ["done"],
                    "failed": ["failed"], "cancelled": ["cancelled"], "expired": ["old"],
                    "vanished": ["lost"],
                },
            },
            "progress": "$.progress",
        },
        "output": {"url": ["$.video.url"]},
        "errors": {
            "code": ["$.error.code"],
            "message": ["$.error.message"],
            "request_id_header": "X-Request-Id",
            "rules": [
                {"code": ["NSFW*"], "class": "policy"},
                {"code": ["BUSY"], "class": "transient", "not_accepted": true, "at": ["submit"]},
                {"code": ["INTERNAL"], "class": "transient"},
                {"code": ["PAID"], "class": "policy", "charged": true},
            ],
        },
        "rehearsal": {
            "id": "${attempt}",
            "accepted": {"body": {"id": "${id}"}},
            "running": {"body": {"status": "working"}},
            "succeeded": {"body": {"status": "done", "video": {"url": "${url}"}}},
            "failed": {"body": {"status": "failed"}},
        },
    })
}

fn model() -> Json {
    json!({
        "kinora_model": 1,
        "model": "test/one",
        "provider": "test",
        "title": "A model for tests",
        "source": "the tests",
        "routes": {
            "text": {}, "image": {"min": 1, "max": 1}, "references": {"min": 1, "max": 3},
        },
        "durations": {"range": {"min": 2, "max": 10, "step": 1}},
        "aspects": ["16:9"],
        "resolutions": {"720p": {"short_side": 720}},
        "seed": true,
    })
}

/// Mappings are merged, `null` removes, everything else replaces.
fn merge(into: &mut Json, patch: Json) {
    match (into, patch) {
        (Json::Object(into), Json::Object(patch)) => {
            for (name, value) in patch {
                if value.is_null() {
                    into.remove(&name);
                } else {
                    merge(into.entry(name).or_insert(Json::Null), value);
                }
            }
        }
        (into, patch) => *into = patch,
    }
}

/// Sizes are small; times are long enough for a busy machine.
fn limits() -> NetLimits {
    let long = Duration::from_secs(30);
    NetLimits {
        connect: long,
        idle: long,
        submit: long,
        read: long,
        slowest: 10_000_000,
        reply_bytes: 1 << 20,
        clip_bytes: 1 << 20,
        resumes: 3,
        resume_pause: Duration::from_millis(1),
        gather: Duration::from_millis(100),
    }
}

/// For tests in which nothing comes.
pub fn impatient() -> NetLimits {
    let (connect, idle) = (Duration::from_millis(500), Duration::from_millis(300));
    let whole = Duration::from_millis(600);
    NetLimits { connect, idle, submit: whole, read: whole, ..limits() }
}

pub fn now() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().expect("a time")
}

pub fn attempt() -> AttemptKey {
    AttemptKey::of(&Address::from_stored("set.subject/shot/1"), &Digest::of(b"r"), 1, now())
}

/// A clock that a test moves.
#[derive(Debug, Default)]
pub struct MovingClock(AtomicI64);

impl MovingClock {
    pub fn forward(&self, hours: i64) {
        self.wait(hours * 3600);
    }

    pub fn wait(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MovingClock {
    fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_secs(self.0.load(Ordering::SeqCst));
        now().checked_add(moved).expect("a time in range")
    }
}

/// A card as a workspace would have it.
fn read<T: serde::de::DeserializeOwned>(file: &Path, content: &Json) -> T {
    std::fs::write(file, content.to_string()).expect("written");
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let limits = Limits::default();
    let read = kinora::yaml::read_file(file, "card", &limits, &mut sources);
    let (source, text) = read.unwrap_or_else(|e| panic!("{e:?}"));
    let node = kinora::yaml::read(&text, source, &limits, &mut findings);
    let node = node.unwrap_or_else(|| panic!("{:?}", findings.items()));
    kinora::yaml::decode(&node).unwrap_or_else(|e| panic!("{e} at {:?}", e.place))
}

/// What a test's provider is set up with.
pub struct Parts {
    pub patch: Json,
    pub base_url: Option<String>,
    pub variables: BTreeMap<String, String>,
    pub key: Option<String>,
    pub secret: Option<String>,
    pub clock: Arc<MovingClock>,
    pub limits: NetLimits,
}

impl Parts {
    pub fn at(base_url: &str, patch: Json) -> Parts {
        let key = Some(CANARY.to_owned());
        let (base_url, variables) = (Some(base_url.to_owned()), BTreeMap::new());
        let (clock, limits) = (Arc::default(), limits());
        Parts { patch, base_url, variables, key, secret: None, clock, limits }
    }

    pub fn provider(self, workspace: &Path) -> Result<HttpProvider, SetupProblem> {
        let mut card = card();
        merge(&mut card, self.patch);
        let card: Arc<ProviderCard> = Arc::new(read(&workspace.join("card.yaml"), &card));
        let model: ModelCard = read(&workspace.join("model.yaml"), &model());
        let set = [("TEST_KEY", self.key), ("TEST_SECRET", self.secret)];
        let environment: BTreeMap<String, String> =
            set.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let key = card.auth.as_ref().and_then(|auth| auth.find(&environment));
        HttpProvider::new(HttpSetup {
            card,
            models: BTreeMap::from([("test/one".to_owned(), Arc::new(model))]),
            base_url: self.base_url,
            variables: self.variables,
            key,
            pictures: Arc::new(WorkspacePictures::new(workspace, &Limits::default())),
            clock: self.clock,
            limits: self.limits,
            reach: Reach::Everywhere,
            account: "studio".to_owned(),
        })
    }
}

/// A provider and its server.
pub struct World {
    pub server: Server,
    pub provider: HttpProvider,
    pub folder: tempfile::TempDir,
    pub clock: Arc<MovingClock>,
}

impl World {
    pub async fn new(
        patch: Json,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> World {
        World::with(patch, script, |_| ()).await
    }

    /// With a second secret in the environment.
    pub async fn with_secret(
        patch: Json,
        secret: &str,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> World {
        World::with(patch, script, |parts| parts.secret = Some(secret.to_owned())).await
    }

    /// One that waits for nothing.
    pub async fn impatient(
        patch: Json,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> World {
        World::with(patch, script, |parts| parts.limits = impatient()).await
    }

    async fn with(
        patch: Json,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
        change: impl FnOnce(&mut Parts),
    ) -> World {
        let server = Server::start(script).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut parts = Parts::at(&server.url(), patch);
        change(&mut parts);
        let clock = Arc::clone(&parts.clock);
        let provider = parts.provider(folder.path()).expect("it is set up");
        World { server, provider, folder, clock }
    }

    pub async fn submit(&self) -> Submission {
        self.submit_this(&job()).await
    }

    pub async fn submit_this(&self, request: &Request) -> Submission {
        sent(&self.provider, request).await
    }

    pub async fn poll(&self) -> Polled {
        self.provider.poll(&RemoteId::plain("j1"), &job()).await
    }

    pub fn target(&self) -> PathBuf {
        self.folder.path().join("clip.mp4")
    }

    pub async fn fetch(&self) -> Fetched {
        self.provider.fetch(&RemoteId::plain("j1"), &job(), &self.target()).await
    }

    /// A job with one picture, whose file holds these bytes.
    pub fn with_picture(&self, bytes: &[u8], url: Option<&str>) -> Request {
        let name = format!("{}.png", Digest::of(bytes).short());
        std::fs::write(self.folder.path().join(&name), bytes).expect("written");
        let mut request = job();
        request.route = Route::Image;
        request.references = vec![RequestReference {
            name: "hero".to_owned(),
            role: Role::FirstFrame,
            given: None,
            path: name,
            digest: Digest::of(bytes),
            format: Format::Png,
            width: 64,
            height: 48,
            url: url.map(str::to_owned),
            source: None,
            recipe: None,
        }];
        request
    }
}

/// A request, made ready and sent. What can't be made ready is refused.
pub async fn sent(provider: &HttpProvider, request: &Request) -> Submission {
    match provider.prepare(request).await {
        Ok(prepared) => provider.submit(request, &attempt(), prepared).await,
        Err(refusal) => Submission::Refused(refusal),
    }
}

/// A picture, of 64 by 48 pixels, that differs with its seed.
pub fn png(seed: &[u8]) -> Vec<u8> {
    let mut pixels = image::RgbImage::new(64, 48);
    for (at, (_, _, pixel)) in pixels.enumerate_pixels_mut().enumerate() {
        let seed = usize::from(seed[at % seed.len()]);
        *pixel = image::Rgb([seed as u8, (at * seed % 256) as u8, (at % 256) as u8]);
    }
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png).expect("it can be written");
    file.into_inner()
}

/// A job by the text route.
pub fn job() -> Request {
    Request {
        address: Address::from_stored("set.subject/shot/1"),
        model: "test/one".to_owned(),
        provider: "test".to_owned(),
        route: Route::Text,
        prompt: "a “quiet” street\nat dawn".to_owned(),
        negative_prompt: None,
        settings: JobSettings {
            duration: "5".parse().expect("a number"),
            aspect: "16:9".to_owned(),
            resolution: "720p".to_owned(),
            width: 1280,
            height: 720,
            fps: None,
            seed: Some(9_007_199_254_740_993),
            options: Vec::new(),
        },
        references: Vec::new(),
        out: "clip.mp4".to_owned(),
        fingerprint: Digest::of(b"request"),
        retake: 0,
        first_seed: None,
        shot: "shot".to_owned(),
        subject: None,
        channel: None,
        consistency: None,
    }
}
