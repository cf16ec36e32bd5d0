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
    Approval, AttemptRecord, Begun, Check, Holding, JobRecord, JobState, Ledger, LedgerError, Mode,
    NewApproval, NewAttempt, NewCheck, NewRun, Period, SubjectHolding, Transition, Which, Word,
};
use kinora::manifest::{Concurrency, Unknown};
use kinora::models::Route;
use kinora::money::{Micros, Unit};
use kinora::plan::{JobSettings, Request};
use kinora::providers::Provider;
use kinora::run::{
    Books, ClipFacts, ClipLook, Guard, MoneyLimits, Pace, RunError, RunEvent, RunSummary, Setup,
    Sidecar, Stop, Work, Written, execute,
};
use kinora::verification::ClipVerifier;
use tokio::sync::{Notify, mpsc, watch};

pub use crate::site::{AtEnd, AtFetch, AtSubmit, FakeProvider, Script, clip_bytes};

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time in range")
}

pub fn micros(whole: i64) -> Micros {
    Micros::from_stored(whole * 1_000_000).expect("not negative")
}

pub fn plan() -> Digest {
    Digest::of(b"plan")
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
    /// From this write on the ledger fails, as on a full disk.
    fails_at: Option<u64>,
    writes: AtomicU64,
    ticks: AtomicU64,
    blown: Notify,
}

impl Fuse {
    pub fn at(n: u64) -> Arc<Self> {
        Arc::new(Fuse { at: Some(n), ..Fuse::default() })
    }

    pub fn failing_at(n: u64) -> Arc<Self> {
        Arc::new(Fuse { fails_at: Some(n), ..Fuse::default() })
    }

    fn write(&self) -> Result<(), LedgerError> {
        let n = self.writes.fetch_add(1, Ordering::SeqCst);
        match self.fails_at {
            Some(at) if n >= at => Err(LedgerError::Stopped { why: "the disk is full".to_owned() }),
            _ => Ok(()),
        }
    }

    pub async fn tick(&self) {
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
    /// Stops the run as soon as the first intent is durable.
    stop_at_intent: Option<watch::Sender<Stop>>,
}

impl FusedBooks {
    fn fused<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Ledger) -> Written<T> + Send + 'static,
    ) -> Written<T> {
        let (ledger, fuse) = (Arc::clone(&self.ledger), Arc::clone(&self.fuse));
        Box::pin(async move {
            fuse.tick().await;
            fuse.write()?;
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
        let written = self.fused(move |l| Books::begin_attempt(l, attempt));
        let stop = self.stop_at_intent.clone();
        Box::pin(async move {
            let begun = written.await;
            if let Some(stop) = stop {
                stop.send_replace(Stop::Graceful);
                // Long enough for the dispatcher to hear of it.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            begun
        })
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

    fn word(&self, job: i64) -> Result<Option<Word>, LedgerError> {
        self.ledger.word_on(job)
    }
    fn check(&self, attempt: i64) -> Result<Option<Check>, LedgerError> {
        self.ledger.check_on(attempt)
    }
    fn to_check(&self) -> Result<Vec<i64>, LedgerError> {
        self.ledger.to_check()
    }
    fn record_check(&self, check: NewCheck) -> Written<Check> {
        self.fused(move |l| Books::record_check(l, check))
    }
    fn open_attempts(&self) -> Result<Vec<AttemptRecord>, LedgerError> {
        self.ledger.open_attempts()
    }
    fn holdings(&self) -> Result<Vec<Holding>, LedgerError> {
        self.ledger.holdings()
    }
    fn held_by_subject(&self, first: i64) -> Result<Vec<SubjectHolding>, LedgerError> {
        self.ledger.held_by_subject(first)
    }
    fn remote_ids(&self, provider: &str, from: Timestamp) -> Result<Vec<String>, LedgerError> {
        self.ledger.remote_ids(provider, from)
    }
    fn written_off(&self, from: Timestamp) -> Result<Vec<AttemptRecord>, LedgerError> {
        self.ledger.written_off(from)
    }
    fn latest_event(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.ledger.latest_event()
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
    pub guard: Guard,
    pub concurrency: Concurrency,
    pub retries: u32,
    pub pay_again: bool,
    pub unknown: Unknown,
    /// How many jobs the run is told to expect.
    pub expected: Option<u64>,
    pub pace: Pace,
    pub stop_at_intent: bool,
    /// Who looks at clips.
    pub verifier: Option<Arc<dyn ClipVerifier>>,
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
            by_key: false,
            in_flight: 4,
            site: Mutex::default(),
            director: Arc::new(director),
            at_prepare: Mutex::new(|_| None),
            prepared: Mutex::default(),
            prices: Mutex::default(),
            fuse: Mutex::default(),
            witness: Mutex::default(),
        };
        World {
            dir: tempfile::tempdir().expect("a temporary folder"),
            provider: Arc::new(provider),
            ceiling: 1_000,
            limits: MoneyLimits::default(),
            guard: Guard::default(),
            concurrency: Concurrency::default(),
            retries: 2,
            pay_again: false,
            unknown: Unknown::Hold,
            expected: None,
            stop_at_intent: false,
            verifier: None,
            pace: Pace {
                backoff: Duration::from_millis(1),
                backoff_most: Duration::from_millis(4),
                grace: Duration::from_millis(300),
                answer_grace: Duration::from_millis(150),
                trouble: Duration::from_millis(1),
                probe: Duration::from_millis(5),
                looks: vec![Duration::from_millis(5)],
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

    /// The same with a provider that takes a request again under its key.
    pub fn keyed(director: impl Fn(&Request, usize) -> Script + Send + Sync + 'static) -> World {
        let mut world = World::new(director);
        Arc::get_mut(&mut world.provider).expect("nobody else has it yet").by_key = true;
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
        let ceiling = micros(self.ceiling);
        let new = NewApproval::new(plan(), "ada", ceiling, Unit::default(), now());
        ledger.approve(new).expect("writable");
        ledger.approval_for(&plan()).expect("readable").expect("just written")
    }

    fn setup(&self, ledger: &Arc<Ledger>, fuse: &Arc<Fuse>, stop: &watch::Sender<Stop>) -> Setup {
        *self.provider.fuse.lock().expect("never poisoned") = Arc::clone(fuse);
        *self.provider.witness.lock().expect("never poisoned") = Arc::downgrade(ledger);
        let provider: Arc<dyn Provider> = self.provider.clone();
        Setup {
            ledger: Arc::new(FusedBooks {
                ledger: Arc::clone(ledger),
                fuse: Arc::clone(fuse),
                stop_at_intent: self.stop_at_intent.then(|| stop.clone()),
            }),
            providers: BTreeMap::from([("p".to_owned(), provider)]),
            files: Arc::new(kinora::run::DiskFiles),
            clips: Arc::new(FakeLook),
            verifier: self.verifier.clone(),
            clock: Arc::new(FixedClock(now())),
            chance: Arc::new(Chance::from_seed(1)),
            workspace: self.dir.path().to_owned(),
            concurrency: self.concurrency.clone(),
            limits: self.limits.clone(),
            guard: self.guard.clone(),
            approval: Some(self.approval(ledger)),
            jobs: self.expected,
            retries: self.retries,
            pay_again: self.pay_again,
            unknown: self.unknown,
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
        let (stop, stopped) = watch::channel(Stop::No);
        let setup = self.setup(&ledger, fuse, &stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let run = runtime.block_on(async {
            let (send_work, receive_work) = mpsc::channel(8);
            let (send_event, mut receive_event) = mpsc::channel(8);
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
                let takes = attempts.iter().filter(|a| a.address.as_str() == address);
                let most = takes.map(|a| a.retake as usize + 1).max().unwrap_or(1);
                assert!(times <= most, "{address} is paid {times} times for {most} takes");
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
            options: Vec::new(),
        },
        references: vec![],
        out: format!("clips/{address}.mp4"),
        fingerprint: Digest::of(address.as_bytes()),
        retake: 0,
        first_seed: None,
        shot: "turn".to_owned(),
        subject: None,
        channel: None,
        consistency: None,
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
