//! A story: everything that one seed leads to, from the first process to the last.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kinora::address::Address;
use kinora::digest::Digest;
use kinora::ledger::{Approval, JobState};
use kinora::manifest::Concurrency;
use kinora::models::Route;
use kinora::money::{Micros, Unit};
use kinora::plan::{JobSettings, Request};
use kinora::run::{MoneyLimits, RunEvent, Stop, Work};
use rust_decimal::Decimal;

use crate::check::{self, WORKSPACE};
use crate::dice::Dice;
use crate::life::{End, Orders, live};
use crate::mutants::Mutant;
use crate::site::{CREDITS_PER_USD, HOUR, MINUTE, Outcome, Recovery, SECOND, Site};
use crate::world::{Faults, LifeFacts, Sim, World};

const CREDIT: i64 = 1_000_000;

/// Undisturbed processes until nothing changes any more; more than this never rests.
const MOST_QUIET_LIVES: u32 = 12;

/// How a story is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Telling {
    pub mutant: Option<Mutant>,
    /// Whether every line is kept.
    pub traced: bool,
}

/// What came of it.
pub struct Outcomes {
    /// The first thing that must never be.
    pub violation: Option<String>,
    pub digest: u64,
    pub lines: Vec<String>,
    pub tally: BTreeMap<&'static str, u64>,
}

/// One job of the catalogue.
struct Job {
    address: String,
    model: String,
    provider: String,
    units: i64,
    /// What it looks like: two that are alike have the same request.
    look: u64,
    priced: bool,
}

/// What people decide between two processes.
struct Desk {
    /// Grows with every change of the plan.
    version: u64,
    /// Prices by model, as planned.
    prices: BTreeMap<String, i64>,
    ceiling: i64,
    highest_ceiling: i64,
    /// Withdrawn: nothing may be begun.
    withdrawn: bool,
}

/// Tells the story of a seed.
pub fn tell(seed: u64, telling: Telling) -> Outcomes {
    let mut story = Story::new(seed, telling);
    story.go();
    let mut world = story.sim.lock();
    world.count("stories");
    Outcomes {
        violation: world.violation.take(),
        digest: world.trace.digest(),
        lines: world.trace.lines.take().unwrap_or_default(),
        tally: std::mem::take(&mut world.tally),
    }
}

struct Story {
    sim: Sim,
    /// What people and the world do, apart from what happens to effects, so that a mutant meets
    /// the same story as long as it does nothing else.
    dice: Dice,
    jobs: Vec<Job>,
    desk: Desk,
    lives: u32,
    limits: MoneyLimits,
    concurrency: Concurrency,
    retries: u32,
    pay_again: bool,
    terms: Vec<(u32, Option<u32>)>,
}

impl Story {
    fn new(seed: u64, telling: Telling) -> Story {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6b69_6e6f_7261);
        let mut world = World::new(seed, telling.mutant, telling.traced);
        let mut prices = BTreeMap::new();
        let moody = dice.percent(60);
        for n in 0..dice.between(1, 3) {
            let mut site = site(n, &mut dice);
            site.moody = moody;
            for model in 0..dice.between(1, 2) {
                let price = i64::try_from(dice.between(1, 20)).expect("small") * CREDIT;
                site.prices.insert(format!("{}/{model}", site.name), price);
            }
            prices.extend(site.prices.clone());
            world.sites.push(site);
        }
        let jobs = jobs(&prices, &mut dice, &mut world);
        let terms = world.sites.iter().map(|_| (dice.pick(&[1, 2, 4, 20]), None)).collect();
        let pay_again = dice.percent(10);
        world.may_pay_again = pay_again;
        let whole: i64 = jobs.iter().filter(|j| j.priced).map(|j| prices[&j.model] * j.units).sum();
        let ceiling = whole * dice.pick(&[50, 90, 100, 100, 110, 200]) / 100;
        let limits = limits(whole, &mut dice);
        let concurrency = Concurrency {
            in_flight: dice.percent(30).then(|| dice.pick(&[1, 2, 3, 6])),
            ..Concurrency::default()
        };
        Story {
            sim: Sim::new(world),
            jobs,
            desk: Desk { version: 0, prices, ceiling, highest_ceiling: ceiling, withdrawn: false },
            lives: 0,
            limits,
            concurrency,
            retries: dice.pick(&[0, 1, 3]),
            pay_again,
            terms,
            dice,
        }
    }

    fn go(&mut self) {
        for _ in 0..self.dice.between(0, 4) {
            let faults = self.faults();
            self.decide();
            let orders = self.orders(true);
            let (end, said) = self.life(faults, orders);
            if !self.judge(end, &said, true) {
                return;
            }
            self.pass();
        }
        self.rest();
    }

    /// Undisturbed, until nothing changes any more.
    fn rest(&mut self) {
        self.desk.withdrawn = false;
        for quiet in 0.. {
            let before = standing(&self.sim.lock());
            let orders = self.orders(false);
            let (end, said) = self.life(Faults::default(), orders);
            if !self.judge(end, &said, false) {
                return;
            }
            let mut world = self.sim.lock();
            let rested = standing(&world) == before && world.sites.iter().all(Site::is_quiet);
            if rested {
                self.check_the_rest(&mut world, &said);
                return;
            }
            if quiet > MOST_QUIET_LIVES {
                world.violate("liveness", format_args!("it never comes to rest"));
                return;
            }
            world.pass(5 * MINUTE);
            world.advance();
        }
    }

    // ---- what people and the world decide ----

    fn faults(&mut self) -> Faults {
        let dice = &mut self.dice;
        let level = dice.pick(&[0, 10, 30, 60]);
        Faults {
            submit: level,
            read: level / 2,
            fetch: level,
            prepare: level / 3,
            ledger_full_at: dice.percent(8).then(|| dice.between(1, 60)),
            disk_full_at: dice.percent(8).then(|| dice.between(1, 30)),
            commit_ms: dice.pick(&[0, 3, 40, 900]),
        }
    }

    /// Prices, plans and approvals change between two processes.
    fn decide(&mut self) {
        let mut world = self.sim.lock();
        let dice = &mut self.dice;
        if dice.percent(15) {
            let factor = dice.pick(&[80, 110, 150]);
            for site in &mut world.sites {
                site.prices.values_mut().for_each(|price| *price = *price * factor / 100);
            }
            world.count("price changes");
        }
        if dice.percent(15) {
            // Planned anew, with the prices of today.
            self.desk.version += 1;
            for site in &world.sites {
                self.desk.prices.extend(site.prices.clone());
            }
            if dice.percent(30) {
                let changed = usize::try_from(dice.below(self.jobs.len() as u64)).expect("small");
                self.jobs[changed].look += 1_000;
            }
            world.count("plans changed");
        }
        self.desk.withdrawn = dice.percent(6);
        if self.desk.withdrawn {
            world.count("approvals withdrawn");
        }
        if dice.percent(15) {
            self.desk.ceiling = self.desk.ceiling * dice.pick(&[30, 60, 150]) / 100;
            self.desk.highest_ceiling = self.desk.highest_ceiling.max(self.desk.ceiling);
            world.count("ceilings changed");
        }
    }

    fn pass(&mut self) {
        let gap = self.dice.pick(&[0, SECOND, 20 * SECOND, 2 * MINUTE, HOUR, 30 * HOUR]);
        let mut world = self.sim.lock();
        world.pass(gap);
        world.advance();
    }

    fn orders(&mut self, disturbed: bool) -> Orders {
        let plan = self.plan();
        let work: Vec<Work> = {
            let world = self.sim.lock();
            let all = self.dice.percent(20);
            let wanted = self.jobs.iter().filter(|_| !self.desk.withdrawn);
            wanted
                .map(|job| self.work(job, plan, &world))
                .filter(|work| all || may_begin(work, &world))
                .collect()
        };
        let dice = &mut self.dice;
        let mut orders = Orders {
            concurrency: self.concurrency.clone(),
            retries: self.retries,
            terms: self.terms.clone(),
            fetches: dice.pick(&[1, 2, 32]),
            fuse: None,
            stops: Vec::new(),
            second: None,
            work,
        };
        if disturbed {
            let ticks = 20 + 40 * self.jobs.len() as u64;
            let until = dice.pick(&[20, ticks / 4, ticks]);
            orders.fuse = dice.percent(75).then(|| dice.between(1, until));
            let mut stop = |most| Duration::from_millis(dice.between(0, most));
            let (first, then) = (stop(300_000), stop(40_000));
            match dice.below(10) {
                0 => orders.stops = vec![(first, Stop::Graceful)],
                1 => orders.stops = vec![(first, Stop::Now)],
                2 => orders.stops = vec![(first, Stop::Graceful), (then, Stop::Now)],
                _ => {}
            }
            orders.second = dice.percent(5).then(|| Duration::from_millis(dice.between(0, 20_000)));
        }
        orders
    }

    fn plan(&self) -> Digest {
        Digest::of(format!("plan {}", self.desk.version).as_bytes())
    }

    fn work(&self, job: &Job, plan: Digest, world: &World) -> Work {
        let request = request(job);
        let price = Micros::from_stored(self.desk.prices[&job.model] * job.units);
        let price = price.expect("prices are not negative");
        let free = world.is(Mutant::UnpricedCountsAsFree).then_some(Micros::ZERO);
        Work {
            key: request.address.key(),
            parts: [job.look, 2, 3, 4],
            reserve: if job.priced { Some(price) } else { free },
            plan,
            request,
        }
    }

    // ---- one process ----

    fn life(&mut self, faults: Faults, orders: Orders) -> (End, Vec<RunEvent>) {
        self.lives += 1;
        let ceiling = match self.sim.lock().is(Mutant::LoweredCeilingIgnored) {
            true => self.desk.highest_ceiling,
            false => self.desk.ceiling,
        };
        let approval = |ceiling| Approval {
            id: 1,
            plan: self.plan(),
            by: "ada".to_owned(),
            ceiling: Micros::from_stored(ceiling).expect("not negative"),
            unit: Unit::default(),
            at: self.sim.lock().wall(),
            note: None,
        };
        let facts = LifeFacts {
            number: self.lives,
            approval: approval(ceiling),
            approved: approval(self.desk.ceiling),
            limits: self.limits.clone(),
            pay_again: self.pay_again,
            faults,
            run: None,
            commits: 0,
            ledger_stopped: false,
            waiting_at_start: Default::default(),
            asked: Default::default(),
            overcharged_at: BTreeMap::new(),
        };
        live(&self.sim, facts, orders)
    }

    /// What the end of a process leaves behind, and what must hold then. False: it is over.
    fn judge(&mut self, end: End, said: &[RunEvent], disturbed: bool) -> bool {
        let mut world = self.sim.lock();
        let world = &mut *world;
        world.count("processes");
        let power = matches!(end, End::Crashed) && self.dice.percent(70);
        match end {
            End::Crashed if world.violation.is_none() => world.count("crashes"),
            End::Crashed => {}
            End::Hung => world.violate("liveness", format_args!("a run never ended")),
            End::Panicked(what) => world.violate("panic", format_args!("{what}")),
            End::Ended(result) => match *result {
                Ok(summary) if summary.interrupted => world.count("runs stopped"),
                Ok(_) => world.count("runs ended"),
                Err(error) => ended_badly(world, &error, disturbed),
            },
        }
        if power {
            let mut dice = std::mem::replace(&mut world.dice, Dice::new(0));
            world.disk.cut(&mut dice);
            let lost: usize = world.sites.iter_mut().map(|s| s.lose_some(&mut dice)).sum();
            world.dice = dice;
            world.note("power cut", "", format_args!("{lost} requests never leave"));
        } else {
            world.disk.settle();
        }
        world.advance();
        if world.violation.is_none() {
            check::after_a_life(world, said);
        }
        world.violation.is_none()
    }

    /// When nothing changes any more: every job is where it may stay.
    fn check_the_rest(&self, world: &mut World, said: &[RunEvent]) {
        for job in &self.jobs {
            if let Err(what) = at_rest(job, world, said) {
                world.violate("liveness", format_args!("{}: {what}", job.address));
                return;
            }
        }
    }
}

fn ended_badly(world: &mut World, error: &kinora::run::RunError, disturbed: bool) {
    use kinora::run::RunError;
    let faults = world.faults();
    let excused = match error {
        RunError::Ledger(_) => faults.ledger_full_at.is_some(),
        RunError::Files { .. } => faults.disk_full_at.is_some(),
        _ => false,
    };
    world.note("run failed", "", format_args!("{error}"));
    if excused && disturbed {
        world.count("runs failed for a full disk");
    } else {
        world.violate("defect", format_args!("{error}"));
    }
}

/// Where everything stands: a job that fails for nothing is tried by every run, and is at rest
/// all the same when nothing comes of it.
fn standing(world: &World) -> (usize, Vec<(String, JobState)>) {
    let rows = world.store.attempts().iter().map(|row| &row.record);
    let latest: BTreeMap<String, JobState> =
        rows.map(|a| (a.address.to_string(), a.state)).collect();
    let made = world.sites.iter().map(|s| s.generations.len()).sum();
    (made, latest.into_iter().collect())
}

/// Where a job may stay for good.
fn at_rest(job: &Job, world: &World, said: &[RunEvent]) -> Result<(), String> {
    let now = world.now();
    let address = Address::from_stored(&job.address);
    let Some(row) = world.store.latest(&address) else {
        let told = said.iter().any(|event| match event {
            RunEvent::Skipped { job, .. }
            | RunEvent::OverBudget { job, .. }
            | RunEvent::Refused { job, .. }
            | RunEvent::Waiting { job, .. } => *job == address.as_str(),
            _ => false,
        });
        return if told { Ok(()) } else { Err("it was passed over without a word".to_owned()) };
    };
    let a = &row.record;
    let generation = world
        .sites
        .iter()
        .flat_map(|s| &s.generations)
        .find(|g| a.remote_id.as_deref() == Some(&g.id));
    match a.state {
        JobState::Done | JobState::Failed | JobState::Refused | JobState::Lost => {}
        JobState::Unknown if a.message.is_some() => {}
        JobState::Submitted if generation.is_some_and(|g| g.outcome == Outcome::Never) => {}
        state => return Err(format!("it stays {state:?}")),
    }
    // M6: what can be had is had.
    if let Some(g) = generation
        && g.is_there(now)
        && !g.garbage
        && a.state != JobState::Done
    {
        return Err(format!("{} can be had, but it is {:?}", g.id, a.state));
    }
    Ok(())
}

/// Whether a planner would send this job to a run.
fn may_begin(work: &Work, world: &World) -> bool {
    let Some(row) = world.store.latest(&work.request.address) else { return true };
    let a = &row.record;
    if a.state.is_open() {
        return false;
    }
    a.fingerprint != work.request.fingerprint || a.state != JobState::Done
}

fn site(n: u64, dice: &mut Dice) -> Site {
    let recovery = dice.pick(&[
        Recovery::None,
        Recovery::Content,
        Recovery::Key(2 * MINUTE),
        Recovery::Key(HOUR),
        Recovery::Marker,
        Recovery::Echo,
        Recovery::Count,
    ]);
    let unit = dice.pick(&["credits", "credits", "USD"]);
    Site::new(&format!("p{n}"), recovery, Unit::new(unit))
}

fn jobs(prices: &BTreeMap<String, i64>, dice: &mut Dice, world: &mut World) -> Vec<Job> {
    let models: Vec<&String> = prices.keys().collect();
    let count = dice.between(2, 12);
    let alike = dice.percent(30);
    let mut jobs = Vec::new();
    for n in 0..count {
        let model = dice.pick(&models);
        let job = Job {
            address: format!("j{n}"),
            model: model.clone(),
            provider: model.split('/').next().unwrap_or_default().to_owned(),
            units: i64::try_from(dice.between(1, 3)).expect("small"),
            look: if alike { n / 3 } else { n },
            priced: !dice.percent(5),
        };
        if !job.priced {
            world.unpriced.insert(job.address.clone());
        }
        if dice.percent(6) {
            // Somebody has a file where the clip would go.
            let path = Path::new(WORKSPACE).join(out(&job));
            let bytes = b"a film of my cat";
            world.disk.place(&path, bytes);
            world.published.insert(path, Digest::of(bytes));
        }
        jobs.push(job);
    }
    jobs
}

fn limits(whole: i64, dice: &mut Dice) -> MoneyLimits {
    let mut limit = |chance| {
        let percent = dice.pick(&[40, 80, 120]);
        let most = Micros::from_stored(whole * percent / 100).expect("not negative");
        dice.percent(chance).then_some(most)
    };
    MoneyLimits {
        unit: Unit::default(),
        rates: BTreeMap::from([(Unit::new("USD"), Decimal::from(CREDITS_PER_USD))]),
        per_job: limit(5),
        per_run: limit(15),
        per_day: limit(15),
        per_month: limit(10),
    }
}

fn out(job: &Job) -> String {
    format!("clips/{}.mp4", job.address)
}

fn request(job: &Job) -> Request {
    let looks = format!("{} {} {}", job.model, job.units, job.look);
    Request {
        address: Address::from_stored(&job.address),
        model: job.model.clone(),
        provider: job.provider.clone(),
        route: Route::Text,
        prompt: looks.clone(),
        negative_prompt: None,
        settings: JobSettings {
            duration: Decimal::from(5 * job.units),
            aspect: "9:16".to_owned(),
            resolution: "720p".to_owned(),
            width: 720,
            height: 1280,
            fps: None,
            seed: None,
        },
        references: vec![],
        out: out(job),
        fingerprint: Digest::of(looks.as_bytes()),
        shot: "turn".to_owned(),
        subject: None,
    }
}
