//! The world of a run, held in memory: a provider that keeps its own bill, clips that are a few
//! bytes, a fuse that cuts the process at any chosen point. Only the ledger and the files are
//! real.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use kinora::address::Address;
use kinora::clock::{Chance, FixedClock};
use kinora::digest::Digest;
use kinora::ledger::{
    Approval, AttemptRecord, Begun, JobRecord, JobState, Ledger, LedgerError, Mode, NewApproval,
    NewAttempt, NewRun, Period, Transition, Which,
};
use kinora::manifest::Concurrency;
use kinora::models::Route;
use kinora::money::{Amount, Micros, Unit};
use kinora::plan::{JobSettings, Request};
use kinora::providers::{
    Answer, Failure, Fetched, Polled, Provider, Refusal, RemoteId, Retry, Submission,
};
use kinora::run::{
    Books, ClipFacts, ClipLook, MoneyLimits, Pace, RunError, RunEvent, RunSummary, Setup, Sidecar,
    Stop, Work, Written, execute,
};
use tokio::sync::{Notify, mpsc, watch};

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time in range")
}

pub fn micros(whole: i64) -> Micros {
    Micros::from_stored(whole * 1_000_000).expect("not negative")
}

pub fn plan() -> Digest {
    Digest::of(b"plan")
}

// ---- the provider ----

/// What the provider does with one submission.
#[derive(Debug, Clone)]
pub struct Script {
    pub submit: AtSubmit,
    /// Polls that say "running" before the end.
    pub running: u32,
    pub end: AtEnd,
    /// What it says it cost; `None`: nothing is said and the estimate is charged.
    pub cost: Option<Amount>,
    pub expires: Option<Timestamp>,
    /// What each fetch brings, in their order; then the clip.
    pub fetches: Vec<AtFetch>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AtSubmit {
    Accept,
    Refuse(&'static str, Retry),
    /// It takes the job, but its answer is lost.
    LoseReply,
    /// The request is lost on its way, and nobody can tell.
    LoseRequest,
    /// It never answers.
    Hang,
}

#[derive(Debug, Clone)]
pub enum AtEnd {
    Clip,
    Fail {
        cause: &'static str,
        charged: bool,
        retry: Retry,
    },
    /// It says "running" for ever.
    Never,
    /// It does not answer polls.
    Silent,
}

#[derive(Debug, Clone)]
pub enum AtFetch {
    Clip,
    Broken,
    Gone,
    Garbage,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            submit: AtSubmit::Accept,
            running: 1,
            end: AtEnd::Clip,
            cost: None,
            expires: None,
            fetches: Vec::new(),
        }
    }
}

type Director = Arc<dyn Fn(&Request, usize) -> Script + Send + Sync>;

/// One job as the provider knows it.
#[derive(Debug, Clone)]
pub struct Remote {
    pub address: String,
    pub model: String,
    pub script: Script,
    pub polls: u32,
    pub fetches: usize,
    pub ended: bool,
    /// What it takes for it, in millionths of a credit.
    pub charge: i64,
}

#[derive(Default)]
pub struct Site {
    pub remotes: BTreeMap<String, Remote>,
    /// Submissions seen, by address.
    pub seen: HashMap<String, usize>,
    pub submissions: Vec<String>,
    pub fetched: Vec<String>,
    /// Everything done at the site, in order: `submit ADDRESS`, `fetch ADDRESS`.
    pub log: Vec<String>,
    pub most_running: usize,
    pub most_running_by_model: BTreeMap<String, usize>,
}

/// A provider in memory. It outlives the runs, as a real one does.
pub struct FakeProvider {
    pub name: String,
    pub replays: bool,
    pub in_flight: usize,
    pub site: Mutex<Site>,
    director: Director,
    prices: Mutex<HashMap<String, i64>>,
    fuse: Mutex<Arc<Fuse>>,
}

impl FakeProvider {
    pub fn site(&self) -> std::sync::MutexGuard<'_, Site> {
        self.site.lock().expect("no test panics while it holds the site")
    }

    async fn tick(&self) {
        let fuse = Arc::clone(&self.fuse.lock().expect("never poisoned"));
        fuse.tick().await;
    }

    /// Takes a job in; by its content, when replays are safe.
    fn accept(&self, request: &Request, script: Script) -> RemoteId {
        let mut site = self.site();
        let id = if self.replays {
            format!("by-content-{}-{}", request.address, request.fingerprint.short())
        } else {
            format!("remote-{}", site.remotes.len())
        };
        let price = self.prices.lock().expect("never poisoned")[request.address.as_str()];
        let charge = script.cost.as_ref().map_or(price, |c| {
            if c.unit == Unit::new("USD") { price } else { c.to_micros().expect("small").get() }
        });
        site.remotes.entry(id.clone()).or_insert(Remote {
            address: request.address.to_string(),
            model: request.model.clone(),
            script,
            polls: 0,
            fetches: 0,
            ended: false,
            charge,
        });
        let running: Vec<String> =
            site.remotes.values().filter(|r| !r.ended).map(|r| r.model.clone()).collect();
        site.most_running = site.most_running.max(running.len());
        let of_model = running.iter().filter(|m| **m == request.model).count();
        let most = site.most_running_by_model.entry(request.model.clone()).or_default();
        *most = (*most).max(of_model);
        RemoteId(id)
    }

    fn answer_poll(&self, id: &RemoteId) -> Polled {
        let mut site = self.site();
        let remote = site.remotes.get_mut(&id.0).expect("only known ids are polled");
        remote.polls += 1;
        match remote.script.end.clone() {
            AtEnd::Silent => Polled::NoAnswer { message: "no route to host".to_owned() },
            AtEnd::Never => Polled::Running { percent: Some(10) },
            _ if remote.polls <= remote.script.running => Polled::Running { percent: Some(50) },
            AtEnd::Clip => {
                remote.ended = true;
                Polled::Ready { expires: remote.script.expires, cost: remote.script.cost.clone() }
            }
            AtEnd::Fail { cause, charged, retry } => {
                remote.ended = true;
                if !charged {
                    remote.charge = 0;
                }
                let message = format!("it failed: {cause}");
                Polled::Failed(Failure { cause: cause.to_owned(), message, charged, retry })
            }
        }
    }

    fn answer_fetch(&self, id: &RemoteId, to: &Path) -> Fetched {
        assert!(!to.exists(), "a provider gets a path that does not exist yet");
        let mut site = self.site();
        let remote = site.remotes.get_mut(&id.0).expect("only known ids are fetched");
        let what = remote.script.fetches.get(remote.fetches).cloned().unwrap_or(AtFetch::Clip);
        remote.fetches += 1;
        let address = remote.address.clone();
        let clip = clip_bytes(&address);
        site.fetched.push(address.clone());
        site.log.push(format!("fetch {address}"));
        match what {
            AtFetch::Clip => write(to, &clip),
            AtFetch::Garbage => write(to, b"<html>try later</html>"),
            AtFetch::Broken => {
                write(to, &clip[..5]);
                return Fetched::Interrupted { message: "the connection broke".to_owned() };
            }
            AtFetch::Gone => return Fetched::Gone { message: "404".to_owned() },
        }
        Fetched::Complete
    }
}

fn write(to: &Path, bytes: &[u8]) {
    std::fs::write(to, bytes).expect("the folder is there");
}

pub fn clip_bytes(address: &str) -> Vec<u8> {
    format!("CLIP of {address}").into_bytes()
}

impl Provider for FakeProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn replay_is_safe(&self) -> bool {
        self.replays
    }

    fn default_in_flight(&self) -> usize {
        self.in_flight
    }

    fn poll_interval_ms(&self) -> u64 {
        1
    }

    fn submit<'a>(&'a self, request: &'a Request) -> Answer<'a, Submission> {
        Box::pin(async move {
            self.tick().await;
            let script = {
                let mut site = self.site();
                let address = request.address.to_string();
                site.submissions.push(address.clone());
                site.log.push(format!("submit {address}"));
                let nth = site.seen.entry(address).or_default();
                *nth += 1;
                (self.director)(request, *nth)
            };
            let evidence = "the answer timed out after 30 s".to_owned();
            let answer = match script.submit.clone() {
                AtSubmit::Accept => Submission::Accepted { id: self.accept(request, script) },
                AtSubmit::Refuse(cause, retry) => Submission::Refused(Refusal {
                    retry,
                    cause: cause.to_owned(),
                    message: format!("it was refused: {cause}"),
                }),
                AtSubmit::LoseReply => {
                    self.accept(request, script);
                    Submission::Unknown { evidence }
                }
                AtSubmit::LoseRequest => Submission::Unknown { evidence },
                AtSubmit::Hang => std::future::pending().await,
            };
            self.tick().await;
            answer
        })
    }

    fn poll<'a>(&'a self, id: &'a RemoteId, _: &'a Request) -> Answer<'a, Polled> {
        Box::pin(async move {
            let answer = self.answer_poll(id);
            self.tick().await;
            answer
        })
    }

    fn fetch<'a>(&'a self, id: &'a RemoteId, _: &'a Request, to: &'a Path) -> Answer<'a, Fetched> {
        Box::pin(async move {
            self.tick().await;
            let answer = self.answer_fetch(id, to);
            self.tick().await;
            answer
        })
    }
}

/// Clips here begin with `CLIP`; a poster is made of the clip's bytes.
struct FakeLook;

impl ClipLook for FakeLook {
    fn inspect(&self, clip: &Path) -> Result<ClipFacts, String> {
        let bytes = std::fs::read(clip).map_err(|e| e.to_string())?;
        if !bytes.starts_with(b"CLIP") {
            return Err("it does not begin like a clip".to_owned());
        }
        Ok(ClipFacts { width: 720, height: 1280, duration_ms: 5000, frames: 120 })
    }

    fn poster(&self, clip: &Path) -> Result<Option<Vec<u8>>, String> {
        let bytes = std::fs::read(clip).map_err(|e| e.to_string())?;
        Ok(Some([b"JPEG of ", &bytes[..]].concat()))
    }
}

// ---- the fuse ----

/// Cuts the process at the n-th point where something is done to the world.
#[derive(Default)]
pub struct Fuse {
    at: Option<u64>,
    ticks: AtomicU64,
    blown: Notify,
}

impl Fuse {
    pub fn at(n: u64) -> Arc<Self> {
        Arc::new(Fuse { at: Some(n), ..Fuse::default() })
    }

    async fn tick(&self) {
        let n = self.ticks.fetch_add(1, Ordering::SeqCst);
        // After the cut nothing happens any more.
        if self.at.is_some_and(|at| n >= at) {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// The real ledger with a fuse before and after every write.
struct FusedBooks {
    ledger: Arc<Ledger>,
    fuse: Arc<Fuse>,
}

impl FusedBooks {
    fn fused<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Ledger) -> Written<T> + Send + 'static,
    ) -> Written<T> {
        let (ledger, fuse) = (Arc::clone(&self.ledger), Arc::clone(&self.fuse));
        Box::pin(async move {
            fuse.tick().await;
            let result = write(&ledger).await;
            fuse.tick().await;
            result
        })
    }
}

impl Books for FusedBooks {
    fn begin_run(&self, run: NewRun) -> Written<i64> {
        self.fused(move |l| Books::begin_run(l, run))
    }
    fn end_run(&self, run: i64, outcome: &'static str, at: Timestamp) -> Written<()> {
        self.fused(move |l| Books::end_run(l, run, outcome, at))
    }
    fn begin_attempt(&self, attempt: NewAttempt) -> Written<Begun> {
        self.fused(move |l| Books::begin_attempt(l, attempt))
    }
    fn apply(&self, transition: Transition) -> Written<()> {
        self.fused(move |l| Books::apply(l, transition))
    }
    fn job(&self, address: &Address) -> Result<Option<JobRecord>, LedgerError> {
        self.ledger.job(address)
    }
    fn attempt(&self, attempt: i64) -> Result<Option<AttemptRecord>, LedgerError> {
        self.ledger.attempt(attempt)
    }
    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError> {
        self.ledger.open_attempts()
    }
    fn spent(&self, period: Period) -> Result<Micros, LedgerError> {
        self.ledger.spent(period)
    }
    fn spent_by_day(&self, first: i64) -> Result<BTreeMap<i64, Micros>, LedgerError> {
        self.ledger.spent_by_day(first)
    }
    fn other_units(&self, unit: &Unit) -> Result<Vec<Unit>, LedgerError> {
        self.ledger.other_units(unit)
    }
}

// ---- the world ----

pub struct World {
    pub dir: tempfile::TempDir,
    pub provider: Arc<FakeProvider>,
    pub ceiling: i64,
    pub limits: MoneyLimits,
    pub concurrency: Concurrency,
    pub retries: u32,
    pub pay_again: bool,
    pub pace: Pace,
}

/// A run that came to its end.
pub struct Run {
    pub result: Result<RunSummary, RunError>,
    pub events: Vec<RunEvent>,
}

impl Run {
    pub fn summary(&self) -> &RunSummary {
        self.result.as_ref().expect("the run ends with a summary")
    }
}

impl World {
    /// A world where the provider does with each submission what `director` says; the number
    /// counts submissions of the same address from 1.
    pub fn new(director: impl Fn(&Request, usize) -> Script + Send + Sync + 'static) -> World {
        let provider = FakeProvider {
            name: "p".to_owned(),
            replays: false,
            in_flight: 4,
            site: Mutex::default(),
            director: Arc::new(director),
            prices: Mutex::default(),
            fuse: Mutex::default(),
        };
        World {
            dir: tempfile::tempdir().expect("a temporary folder"),
            provider: Arc::new(provider),
            ceiling: 1_000,
            limits: MoneyLimits::default(),
            concurrency: Concurrency::default(),
            retries: 2,
            pay_again: false,
            pace: Pace {
                backoff: Duration::from_millis(1),
                backoff_most: Duration::from_millis(4),
                grace: Duration::from_millis(300),
                answer_grace: Duration::from_millis(150),
                ..Pace::default()
            },
        }
    }

    /// The same with a provider that knows requests by their content.
    pub fn replaying(
        director: impl Fn(&Request, usize) -> Script + Send + Sync + 'static,
    ) -> World {
        let mut world = World::new(director);
        Arc::get_mut(&mut world.provider).expect("nobody else has it yet").replays = true;
        world
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn read(&self) -> Ledger {
        Ledger::open(self.dir.path(), Mode::Read).expect("readable")
    }

    pub fn attempts(&self) -> Vec<AttemptRecord> {
        let mut attempts = Vec::new();
        self.read().each_attempt(Which::All, |a| attempts.push(a)).expect("readable");
        attempts
    }

    pub fn state(&self, address: &str) -> Option<JobState> {
        let job = self.read().job(&Address::from_stored(address)).expect("readable");
        job.map(|job| job.state)
    }

    fn approval(&self, ledger: &Ledger) -> Approval {
        let found = ledger.approval_for(&plan()).expect("readable");
        if let Some(found) = found.filter(|a| a.ceiling == micros(self.ceiling)) {
            return found;
        }
        let new = NewApproval {
            plan: plan(),
            by: "ada".to_owned(),
            ceiling: micros(self.ceiling),
            unit: Unit::default(),
            at: now(),
            note: None,
        };
        ledger.approve(new).expect("writable");
        ledger.approval_for(&plan()).expect("readable").expect("just written")
    }

    fn setup(&self, ledger: &Arc<Ledger>, fuse: &Arc<Fuse>) -> Setup {
        *self.provider.fuse.lock().expect("never poisoned") = Arc::clone(fuse);
        let provider: Arc<dyn Provider> = self.provider.clone();
        Setup {
            ledger: Arc::new(FusedBooks { ledger: Arc::clone(ledger), fuse: Arc::clone(fuse) }),
            providers: BTreeMap::from([("p".to_owned(), provider)]),
            clips: Arc::new(FakeLook),
            clock: Arc::new(FixedClock(now())),
            chance: Arc::new(Chance::from_seed(1)),
            workspace: self.dir.path().to_owned(),
            concurrency: self.concurrency.clone(),
            limits: self.limits.clone(),
            approval: self.approval(ledger),
            retries: self.retries,
            pay_again: self.pay_again,
            pace: self.pace.clone(),
        }
    }

    /// Runs to the end.
    pub fn run(&self, work: Vec<Work>) -> Run {
        self.run_with(work, &Arc::default(), |_, _| {}).expect("no fuse is set")
    }

    /// Runs until the fuse blows (`None`) or the run ends.
    pub fn run_until(&self, work: Vec<Work>, fuse: &Arc<Fuse>) -> Option<Run> {
        self.run_with(work, fuse, |_, _| {})
    }

    /// The same; `each` sees every event and may stop the run.
    pub fn run_with(
        &self,
        work: impl IntoIterator<Item = Work, IntoIter: Send> + Send + 'static,
        fuse: &Arc<Fuse>,
        mut each: impl FnMut(&RunEvent, &watch::Sender<Stop>),
    ) -> Option<Run> {
        let ledger = Arc::new(Ledger::open(self.dir.path(), Mode::Run).expect("no run holds it"));
        let setup = self.setup(&ledger, fuse);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let run = runtime.block_on(async {
            let (send_work, receive_work) = mpsc::channel(8);
            let (send_event, mut receive_event) = mpsc::channel(8);
            let (stop, stopped) = watch::channel(Stop::No);
            let provider = Arc::clone(&self.provider);
            tokio::spawn(async move {
                for work in work {
                    let price = work.reserve.unwrap_or_default().get();
                    let address = work.request.address.to_string();
                    provider.prices.lock().expect("never poisoned").insert(address, price);
                    if send_work.send(work).await.is_err() {
                        break;
                    }
                }
            });
            let mut events = Vec::new();
            let listen = async {
                while let Some(event) = receive_event.recv().await {
                    each(&event, &stop);
                    events.push(event);
                }
            };
            let both =
                async { tokio::join!(execute(setup, receive_work, send_event, stopped), listen).0 };
            let result = tokio::select! {
                biased;
                () = fuse.blown.notified() => None,
                result = both => Some(result),
            };
            result.map(|result| (result, events))
        });
        // Waits for work on files, as nothing else may touch the ledger after this.
        drop(runtime);
        run.map(|(result, events)| Run { result, events })
    }

    /// What must hold after every run, cut off or not, against the provider's own bill.
    pub fn check_invariants(&self) {
        let attempts = self.attempts();
        let site = self.provider.site();
        let mut open = BTreeSet::new();
        for a in &attempts {
            // M2
            assert!(!a.state.is_open() || open.insert(a.job), "{} is open twice", a.address);
            // M3, M4
            if a.state == JobState::Unknown {
                assert_eq!(a.reserved, a.estimate, "{} keeps its reservation", a.address);
            }
            // M6
            if a.state == JobState::Done {
                let clip = a.clip.as_ref().expect("a job that is done has a clip");
                let bytes = std::fs::read(self.path(&clip.path)).expect("the clip is there");
                assert_eq!(Digest::of(&bytes), clip.digest);
                assert_eq!(bytes.len() as u64, clip.bytes);
                let sidecar = std::fs::read(self.path(&clip.path).with_extension("json"))
                    .expect("the sidecar is there");
                let sidecar: Sidecar = serde_json::from_slice(&sidecar).expect("a sidecar");
                assert_eq!(sidecar.clip.digest, clip.digest.to_string());
                assert_eq!(sidecar.cost.settled, a.settled.to_decimal().to_string());
            }
        }
        // M3: whatever the provider has is known by its id, or in doubt.
        let mut charged: HashMap<&str, usize> = HashMap::new();
        for (id, remote) in &site.remotes {
            let known = attempts.iter().any(|a| {
                a.remote_id.as_ref() == Some(id)
                    || (a.address.as_str() == remote.address
                        && matches!(a.state, JobState::Unknown | JobState::Submitting))
            });
            assert!(known, "nobody knows of {id} ({})", remote.address);
            if remote.charge > 0 {
                *charged.entry(remote.address.as_str()).or_default() += 1;
            }
        }
        if !self.pay_again {
            for (address, times) in charged {
                assert_eq!(times, 1, "{address} is paid {times} times");
            }
        }
        // M5: the ledger never holds less than the bill, nor more than the ceiling.
        let bill: i64 = site.remotes.values().map(|r| r.charge).sum();
        let held = self.read().spent(Period::Plan(plan())).expect("readable");
        assert!(held.get() >= bill, "the bill is {bill}, the ledger holds {held:?}");
        let over: i64 = attempts.iter().map(|a| (a.settled.get() - a.estimate.get()).max(0)).sum();
        assert!(held.get() - over <= micros(self.ceiling).get(), "{held:?} is over the ceiling");
    }
}

pub fn request(address: &str, model: &str) -> Request {
    Request {
        address: Address::from_stored(address),
        model: model.to_owned(),
        provider: "p".to_owned(),
        route: Route::Text,
        prompt: format!("a clip of {address}"),
        negative_prompt: None,
        settings: JobSettings {
            duration: 5.into(),
            aspect: "9:16".to_owned(),
            resolution: "720p".to_owned(),
            width: 720,
            height: 1280,
            fps: Some(24),
            seed: Some(7),
        },
        references: vec![],
        out: format!("clips/{address}.mp4"),
        fingerprint: Digest::of(address.as_bytes()),
        shot: "turn".to_owned(),
        subject: None,
    }
}

/// A job of `model` that costs so many credits.
pub fn job(address: &str, model: &str, cost: i64) -> Work {
    let request = request(address, model);
    Work {
        key: request.address.key(),
        request,
        parts: [1, 2, 3, 4],
        reserve: Some(micros(cost)),
        plan: plan(),
    }
}

/// So many jobs of one model, `m-0`, `m-1`, …, at ten credits each.
pub fn jobs(model: &str, count: usize) -> Vec<Work> {
    (0..count).map(|n| job(&format!("{model}-{n}"), model, 10)).collect()
}
