//! The client: a run of the library's own parts, over a ledger and clips on disk.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kinora::address::Address;
use kinora::clock::{Chance, Clock, SystemClock};
use kinora::diagnostic::Sources;
use kinora::digest::Digest;
use kinora::ledger::{Approval, Ledger, Mode, NewApproval};
use kinora::limits::Limits;
use kinora::manifest::{Concurrency, PoolLimit, Unknown};
use kinora::media::frames::Decoding;
use kinora::models::{Route, Shelf};
use kinora::money::{Micros, Unit};
use kinora::plan::{JobSettings, Request};
use kinora::protocol::Rack;
use kinora::providers::Provider;
use kinora::providers::http::{HttpProvider, HttpSetup, NetLimits, Reach, WorkspacePictures};
use kinora::run::{
    ClipFacts, ClipLook, DiskFiles, Guard, MediaClips, MoneyLimits, Pace, RunSummary, Setup, Stop,
    Work, execute,
};
use tokio::sync::{mpsc, watch};

use super::cost;

/// Clips that share a folder, as the shots of one product do.
const CLIPS_A_FOLDER: u64 = 10;

/// What a run is to be.
pub struct Wanted {
    pub jobs: u64,
    /// Jobs at once.
    pub in_flight: u32,
    /// Seconds between polls; 0, because the provider has no latency.
    pub poll_every: u32,
    /// Whether posters are made of the clips.
    pub posters: bool,
}

/// Clips are looked into, but get no poster: decoding a frame costs many times all the rest.
struct WithoutPosters;

fn media_clips() -> MediaClips {
    MediaClips::new(Decoding::by(env!("CARGO_BIN_EXE_kinora").into()))
}

impl ClipLook for WithoutPosters {
    fn inspect(&self, clip: &Path) -> Result<ClipFacts, String> {
        media_clips().inspect(clip)
    }

    fn poster(&self, _: &Path) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// Runs the jobs in `workspace`, a new folder, and prints what it took. `server` is the process
/// of the provider.
pub fn run(
    wanted: &Wanted,
    workspace: &Path,
    port: u16,
    server: &str,
) -> Result<(), Box<dyn Error>> {
    let ledger = Arc::new(Ledger::open(workspace, Mode::Run)?);
    let approval = approve(&ledger, wanted.jobs)?;
    let plan = approval.plan;
    let setup = setup(wanted, workspace, port, ledger, approval)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (begun, before) = (Instant::now(), (cost::cpu("self"), cost::cpu(server)));
    let jobs = wanted.jobs;
    let ended = runtime.block_on(async {
        let (send_work, work) = mpsc::channel(256);
        let (send_event, mut events) = mpsc::channel(1024);
        let (_going, stop) = watch::channel(Stop::No);
        std::thread::spawn(move || {
            for number in 0..jobs {
                if send_work.blocking_send(work_of(number, plan)).is_err() {
                    return;
                }
            }
        });
        let draining =
            tokio::task::spawn_blocking(move || while events.blocking_recv().is_some() {});
        let ended = execute(setup, work, send_event, stop).await;
        let _ = draining.await;
        ended
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let (client, served) = (cost::cpu("self") - before.0, cost::cpu(server) - before.1);
    check(&ended, jobs)?;
    let each = |time: std::time::Duration| time.as_micros() as f64 / jobs as f64;
    println!(
        "{:.0} jobs/s; {jobs} jobs in {seconds:.2} s; CPU a job: client {:.0} us, server {:.0} us; \
         peak {} MiB, server {} MiB",
        jobs as f64 / seconds,
        each(client),
        each(served),
        cost::peak_mib("self"),
        cost::peak_mib(server)
    );
    println!("the server counted {}", stats(port)?);
    Ok(())
}

/// What the server says of itself.
fn stats(port: u16) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /stats HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

fn check(ended: &RunSummary, jobs: u64) -> Result<(), Box<dyn Error>> {
    if ended.done == jobs { Ok(()) } else { Err(format!("not all is done: {ended:?}").into()) }
}

fn setup(
    wanted: &Wanted,
    workspace: &Path,
    port: u16,
    ledger: Arc<Ledger>,
    approval: Approval,
) -> Result<Setup, Box<dyn Error>> {
    let (name, provider) = provider(wanted, workspace, port)?;
    let clips: Arc<dyn ClipLook> =
        if wanted.posters { Arc::new(media_clips()) } else { Arc::new(WithoutPosters) };
    Ok(Setup {
        ledger,
        concurrency: Concurrency {
            providers: BTreeMap::from([(name.clone(), PoolLimit::at_once(wanted.in_flight))]),
            ..Concurrency::default()
        },
        providers: BTreeMap::from([(name, provider)]),
        files: Arc::new(DiskFiles),
        clips,
        verifier: None,
        clock: Arc::new(SystemClock),
        chance: Arc::new(Chance::from_system()),
        workspace: workspace.to_owned(),
        limits: MoneyLimits { unit: Unit::default(), ..MoneyLimits::default() },
        guard: Guard::default(),
        approval: Some(approval),
        jobs: Some(wanted.jobs),
        retries: 0,
        pay_again: false,
        unknown: Unknown::default(),
        pace: Pace::default(),
    })
}

/// The provider of the workspace's own card.
fn provider(
    wanted: &Wanted,
    workspace: &Path,
    port: u16,
) -> Result<(String, Arc<dyn Provider>), Box<dyn Error>> {
    let (limits, mut sources) = (Limits::default(), Sources::default());
    let (rack, mut findings) = Rack::load(workspace, &limits, &mut sources);
    let (shelf, more) = Shelf::load(workspace, SystemClock.today(), &limits, &mut sources);
    findings.merge(more);
    let unusable = || format!("the workspace's card can't be used: {:?}", findings.items());
    let mut card = (**rack.get("bench").ok_or_else(unusable)?).clone();
    card.poll.every_s = wanted.poll_every;
    let models = shelf.iter().filter(|model| model.provider == card.provider);
    let name = card.provider.clone();
    let provider = HttpProvider::new(HttpSetup {
        models: models.map(|model| (model.model.clone(), model.clone())).collect(),
        card: Arc::new(card),
        base_url: Some(format!("http://127.0.0.1:{port}")),
        variables: BTreeMap::new(),
        key: None,
        pictures: Arc::new(WorkspacePictures::new(workspace, &limits)),
        clock: Arc::new(SystemClock),
        limits: NetLimits::default(),
        reach: Reach::Everywhere,
        account: String::new(),
    })?;
    Ok((name, Arc::new(provider)))
}

fn approve(ledger: &Ledger, jobs: u64) -> Result<Approval, Box<dyn Error>> {
    let plan = Digest::of(b"dispatch");
    let ceiling = Micros::from_stored(i64::try_from(jobs)? * 1_000_000)?;
    let now = SystemClock.now();
    ledger.approve(NewApproval::new(plan, "bench", ceiling, Unit::default(), now))?;
    Ok(ledger.approval_for(&plan)?.ok_or("the approval is not in the ledger")?)
}

fn work_of(number: u64, plan: Digest) -> Work {
    let (product, shot) = (number / CLIPS_A_FOLDER, number % CLIPS_A_FOLDER);
    let (subject, shot) = (format!("p{product}"), format!("shot-{shot}"));
    let address = Address::new(Some(("products", &subject)), &shot, None, 1);
    let request = Request {
        model: "bench/clip".to_owned(),
        provider: "bench".to_owned(),
        route: Route::Text,
        prompt: format!("Product {product} turns slowly on marble, the camera pushes in"),
        negative_prompt: None,
        settings: JobSettings {
            duration: rust_decimal::Decimal::from(5),
            aspect: "16:9".to_owned(),
            resolution: "720p".to_owned(),
            width: 1280,
            height: 720,
            fps: None,
            seed: Some(number),
            options: Vec::new(),
        },
        references: Vec::new(),
        out: format!("clips/{subject}/{shot}.mp4"),
        fingerprint: Digest::of(&number.to_le_bytes()),
        retake: 0,
        first_seed: None,
        shot,
        subject: Some(format!("products.{subject}")),
        channel: None,
        consistency: None,
        address,
    };
    let key = request.address.key();
    Work { request, parts: [number; 4], key, reserve: Some(credit()), plan }
}

fn credit() -> Micros {
    Micros::from_stored(1_000_000).unwrap_or_default()
}
