//! One process: a run from its start to its end, its stop or its crash.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use kinora::clock::{Chance, Clock};
use kinora::ledger::{JobState, NewWord, Revocation};
use kinora::manifest::Concurrency;
use kinora::providers::Provider;
use kinora::run::resolve::{ResolveError, Settled, by_lookup};
use kinora::run::{Guard, Pace, RunError, RunEvent, RunSummary, Setup, Stop, Work, execute};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::books::{SimBooks, perform, write_all};
use crate::check::WORKSPACE;
use crate::disk::SimFiles;
use crate::driver::Driver;
use crate::eye::SimVerifier;
use crate::mutants::Mutant;
use crate::store::Op;
use crate::world::{LifeFacts, Sim, World};

/// No run takes longer than this; one that waits for something that never comes does.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What one process is given, beside the world.
#[derive(Clone)]
pub struct Orders {
    pub work: Vec<Work>,
    /// Instead of a run, a person asks the providers about what is in doubt.
    pub resolves: bool,
    pub concurrency: Concurrency,
    pub retries: u32,
    /// How much each provider takes, by its own word.
    pub terms: Vec<(u32, Option<u32>)>,
    pub fetches: usize,
    /// Ends at this tick.
    pub fuse: Option<u64>,
    /// Stops then.
    pub stops: Vec<(Duration, Stop)>,
    /// Somebody starts a second process then.
    pub second: Option<Duration>,
    /// Somebody revokes the run's approval then.
    pub revokes: Option<Duration>,
    /// What people say of clips, and when.
    pub words: Vec<(Duration, NewWord)>,
    /// The machine's clock is set back then, by so many microseconds.
    pub clock: Option<(Duration, i64)>,
}

/// How a process ended.
pub enum End {
    Crashed,
    Ended(Box<Result<RunSummary, RunError>>),
    /// The same for a person's question about what is in doubt.
    Resolved(Box<Result<(), ResolveError>>),
    /// It never did.
    Hung,
    Panicked(String),
}

thread_local! {
    /// The last panic of this thread while it simulated; absent outside of simulations.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of simulated processes are findings, not noise.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let simulated = PANIC.with_borrow_mut(|panic| {
                let inside = panic.is_some();
                if inside {
                    *panic = Some(info.to_string());
                }
                inside
            });
            if !simulated {
                usual(info);
            }
        }));
    });
}

/// Lives one process, and what was said in it.
pub fn live(sim: &Sim, facts: LifeFacts, orders: Orders) -> (End, Vec<RunEvent>) {
    quiet_panics();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    let mut said = Vec::new();
    PANIC.set(Some(String::new()));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(live_inside(sim, facts, orders, &mut said))
    }));
    {
        let _inside = runtime.enter();
        sim.lock().end_life();
    }
    drop(runtime);
    let panic = PANIC.take().unwrap_or_default();
    let end = match ended {
        Ok(end) if panic.is_empty() => end,
        _ => End::Panicked(panic),
    };
    (end, said)
}

async fn live_inside(
    sim: &Sim,
    mut facts: LifeFacts,
    orders: Orders,
    said: &mut Vec<RunEvent>,
) -> End {
    {
        let mut world = sim.lock();
        let ready = world
            .store
            .attempts()
            .iter()
            .map(|row| &row.record)
            // What was in flight at two crashes in a row goes last.
            .filter(|a| a.interruptions == 0)
            .filter(|a| matches!(a.state, JobState::Ready | JobState::Fetching));
        facts.waiting_at_start = ready.map(|a| a.id).collect();
        world.begin_life(Instant::now(), facts, orders.fuse);
        world.advance();
    }
    let (stop, stopped) = watch::channel(Stop::No);
    let stops = orders.stops.clone();
    tokio::spawn(async move {
        for (after, how) in stops {
            tokio::time::sleep(after).await;
            let _ = stop.send(how);
        }
        // A stop that nobody sends any more is not the end of the channel.
        stop.closed().await;
    });
    if let Some((after, by)) = orders.clock {
        let sim = sim.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let mut world = sim.lock();
            world.skew_us -= by;
            world.count("clocks set back");
            world.note("clock set back", "", format_args!("{by} us"));
        });
    }
    if let Some(after) = orders.revokes {
        let sim = sim.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            revoke(&mut sim.lock());
        });
    }
    for (after, word) in orders.words.clone() {
        let sim = sim.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let mut world = sim.lock();
            if !world.fuse.dead {
                let word = NewWord { at: world.wall(), ..word };
                // Another process: its short write falls between two commits of the run's.
                let _ = perform(&mut world, &Op::Say(word));
            }
        });
    }
    if let Some(after) = orders.second {
        tokio::spawn(second(sim.clone(), orders.clone(), after));
    }
    let task = async {
        if orders.resolves {
            End::Resolved(Box::new(resolve(sim, &orders).await))
        } else {
            End::Ended(Box::new(run(sim, &orders, stopped, said).await))
        }
    };
    tokio::select! {
        biased;
        () = sim.blown() => End::Crashed,
        end = task => end,
        () = tokio::time::sleep(LONGEST_LIFE) => End::Hung,
    }
}

async fn run(
    sim: &Sim,
    orders: &Orders,
    stopped: watch::Receiver<Stop>,
    said: &mut Vec<RunEvent>,
) -> Result<RunSummary, RunError> {
    let (books, inbox) = SimBooks::open(sim);
    tokio::spawn(write_all(sim.clone(), inbox));
    let setup = setup(sim, books, orders);
    let (send_work, receive_work) = mpsc::channel(orders.work.len().max(1));
    for work in orders.work.iter().cloned() {
        send_work.try_send(work).expect("there is room for all");
    }
    drop(send_work);
    let (send_event, mut events) = mpsc::channel(16);
    let listen = async {
        while let Some(event) = events.recv().await {
            sim.lock().note("said", "", format_args!("{event:?}"));
            said.push(event);
        }
    };
    tokio::join!(execute(setup, receive_work, send_event, stopped), listen).0
}

async fn resolve(sim: &Sim, orders: &Orders) -> Result<(), ResolveError> {
    let (books, inbox) = SimBooks::open(sim);
    tokio::spawn(write_all(sim.clone(), inbox));
    let asked = by_lookup(&books, &providers(sim, orders), sim.now()).await?;
    let mut world = sim.lock();
    for one in asked {
        let address = one.doubtful.request.address.as_str();
        world.note("resolved", address, format_args!("{:?}", one.settled));
        world.count(match one.settled {
            Settled::Accepted(_) => "unknowns settled by a person's lookup: accepted",
            Settled::Refused => "unknowns settled by a person's lookup: refused",
            Settled::Gone(_) => unreachable!("only a person's word says that"),
            Settled::Stays(_) => "unknowns that stay after a person's lookup",
        });
    }
    Ok(())
}

fn providers(sim: &Sim, orders: &Orders) -> BTreeMap<String, Arc<dyn Provider>> {
    let mut providers: BTreeMap<String, Arc<dyn Provider>> = BTreeMap::new();
    for (at, (in_flight, per_minute)) in orders.terms.iter().enumerate() {
        let driver = Driver::new(sim, at, *in_flight, *per_minute);
        providers.insert(driver.name().to_owned(), Arc::new(driver));
    }
    providers
}

/// Another process takes back the approval that the run works under: its short write needs no
/// lock, and falls between two commits of the run's.
fn revoke(world: &mut World) {
    let Some(approval) = world.life().approval.as_ref().map(|approval| approval.id) else { return };
    if world.fuse.dead {
        return;
    }
    let revocation = Revocation { by: "bo".to_owned(), at: world.wall(), note: None };
    world.count("approvals revoked in a run");
    // It is there, so it can be revoked.
    let _ = perform(world, &Op::Revoke(approval, revocation));
}

/// A second process: the lock sends it away.
async fn second(sim: Sim, orders: Orders, after: Duration) {
    tokio::time::sleep(after).await;
    {
        let mut world = sim.lock();
        if world.locked && !world.is(Mutant::LockIgnored) {
            world.count("second processes sent away");
            return;
        }
    }
    let (_stop, stopped) = watch::channel(Stop::No);
    // Whatever it says or comes to: what counts is what it does.
    let _ = run(&sim, &orders, stopped, &mut Vec::new()).await;
}

fn setup(sim: &Sim, books: SimBooks, orders: &Orders) -> Setup {
    let providers = providers(sim, orders);
    let world = sim.lock();
    let life = world.life();
    Setup {
        ledger: Arc::new(books),
        providers,
        files: Arc::new(SimFiles(sim.clone())),
        clips: Arc::new(SimFiles(sim.clone())),
        verifier: Some(Arc::new(SimVerifier { seed: world.seed })),
        clock: Arc::new(sim.clone()),
        chance: Arc::new(Chance::from_seed(world.seed)),
        workspace: PathBuf::from(WORKSPACE),
        concurrency: orders.concurrency.clone(),
        limits: life.limits.clone(),
        guard: Guard::default(),
        approval: life.approval.clone(),
        unknown: life.unknown,
        jobs: Some(orders.work.len() as u64),
        retries: orders.retries,
        pay_again: life.pay_again,
        pace: Pace {
            watch: Duration::from_secs(400),
            fetches: orders.fetches,
            checks_at_once: 1,
            ..Pace::default()
        },
    }
}
