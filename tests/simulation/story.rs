//! A story: everything that one seed leads to, from the first process to the last.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kinora::address::Address;
use kinora::digest::Digest;
use kinora::ledger::{NewApproval, NewWord, Verdict};
use kinora::manifest::{Concurrency, Unknown};
use kinora::money::{Micros, Unit};
use kinora::run::resolve::ResolveError;
use kinora::run::{MoneyLimits, RunError, RunEvent, Stop, Work};
use rust_decimal::Decimal;

use crate::books::perform;
use crate::catalogue::{Job, jobs, limits, may_begin, request, site};
use crate::check;
use crate::dice::Dice;
use crate::life::{End, Orders, live};
use crate::mutants::Mutant;
use crate::rest::{at_rest, standing};
use crate::site::{HOUR, MINUTE, SECOND, Site};
use crate::store::{Op, Wrote};
use crate::twin::Twin;
use crate::world::{Faults, LifeFacts, Sim, World, timestamp};

pub const CREDIT: i64 = 1_000_000;

/// Undisturbed processes until nothing changes any more; more than this never rests.
const MOST_QUIET_LIVES: u32 = 12;

/// One story in so many has the real ledger beside the model.
const WITH_A_TWIN: u64 = 8;

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

/// What people decide between two processes.
pub struct Desk {
    /// Grows with every change of the plan.
    pub version: u64,
    /// Prices by model, as planned.
    pub prices: BTreeMap<String, i64>,
    pub ceiling: i64,
    pub highest_ceiling: i64,
    /// Withdrawn: nothing may be begun.
    pub withdrawn: bool,
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

/// How many seeds, counted from 0, it takes to notice a planted bug, and by what.
pub fn noticed_after(mutant: Mutant, most: u64) -> Option<(u64, String)> {
    (0..most).find_map(|seed| {
        let outcomes = tell(seed, Telling { mutant: Some(mutant), traced: false });
        let what = outcomes.violation?;
        // The same story without the bug must be sound, or it proves nothing.
        let sound = tell(seed, Telling::default()).violation.is_none();
        sound.then_some((seed + 1, what))
    })
}

pub struct Story {
    pub sim: Sim,
    /// What people and the world do, apart from what happens to effects, so that a mutant meets
    /// the same story as long as it does nothing else.
    pub dice: Dice,
    pub jobs: Vec<Job>,
    pub desk: Desk,
    pub lives: u32,
    pub limits: MoneyLimits,
    pub concurrency: Concurrency,
    pub retries: u32,
    pub pay_again: bool,
    pub unknown: Unknown,
    pub terms: Vec<(u32, Option<u32>)>,
}

impl Story {
    pub fn new(seed: u64, telling: Telling) -> Story {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6b69_6e6f_7261);
        let mut world = World::new(seed, telling.mutant, telling.traced);
        if seed.is_multiple_of(WITH_A_TWIN) && telling.mutant.is_none() {
            world.twin = Some(Twin::new());
            world.count("stories with the real ledger beside");
        }
        world.store.opinions.endless = telling.mutant == Some(Mutant::RetakesWithoutEnd);
        world.store.opinions.deaf = telling.mutant == Some(Mutant::ChecksOutrankPeople);
        world.store.lenient = telling.mutant == Some(Mutant::ApprovalEndIgnored);
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
        let unknown = match dice.percent(25) {
            true => Unknown::Resubmit {
                per_month: Decimal::new(whole * dice.pick(&[10, 40, 200]) / 100, 6),
            },
            false => Unknown::Hold,
        };
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
            unknown,
            terms,
            dice,
        }
    }

    fn go(&mut self) {
        for _ in 0..self.dice.between(0, 4) {
            let faults = self.faults();
            self.decide();
            let mut orders = self.orders(true);
            // Between the plan and its run, and while it goes on.
            self.speak(10);
            let words = (0..self.dice.below(3)).filter_map(|_| {
                let after = Duration::from_millis(self.dice.between(0, 200_000));
                Some((after, self.word(30)?))
            });
            orders.words = words.collect();
            let (end, said) = self.life(faults, orders, true);
            if !self.judge(end, &said, true) {
                return;
            }
            self.pass();
            self.speak(25);
        }
        self.rest();
    }

    /// Undisturbed, until nothing changes any more.
    pub fn rest(&mut self) {
        self.desk.withdrawn = false;
        for quiet in 0.. {
            let before = standing(&self.sim.lock());
            let orders = Orders { resolves: true, ..self.orders(false) };
            let (end, said) = self.life(Faults::default(), orders, false);
            if !self.judge(end, &said, false) {
                return;
            }
            let orders = self.orders(false);
            let (end, said) = self.life(Faults::default(), orders, false);
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

    /// What somebody says of one of the clips, if anybody says anything.
    fn word(&mut self, chance: u64) -> Option<NewWord> {
        let dice = &mut self.dice;
        if !dice.percent(chance) {
            return None;
        }
        // People speak of what they have seen, most of the time.
        let sim = self.sim.lock();
        let seen: Vec<&str> = {
            let has_clip = |job: &&Job| {
                let row = sim.store.latest(&Address::from_stored(&job.address));
                row.is_some_and(|row| row.record.clip.is_some())
            };
            self.jobs.iter().filter(has_clip).map(|job| job.address.as_str()).collect()
        };
        let all: Vec<&str> = self.jobs.iter().map(|job| job.address.as_str()).collect();
        let of = if seen.is_empty() || dice.percent(20) { all } else { seen };
        let address = Address::from_stored(dice.pick(&of));
        let at = sim.wall();
        let (verdict, retake) = dice.pick(&[
            (Verdict::Accepted, false),
            (Verdict::Rejected, false),
            (Verdict::Rejected, true),
            (Verdict::Rejected, true),
        ]);
        let attempt = u32::try_from(dice.between(1, 3)).expect("small");
        Some(NewWord {
            address,
            verdict,
            retake,
            attempt: dice.percent(20).then_some(attempt),
            by: "bo".to_owned(),
            note: None,
            at,
        })
    }

    fn speak(&mut self, chance: u64) {
        if let Some(word) = self.word(chance) {
            let _ = perform(&mut self.sim.lock(), &Op::Say(word));
        }
    }

    fn pass(&mut self) {
        let gap = self.dice.pick(&[0, SECOND, 20 * SECOND, 2 * MINUTE, HOUR, 30 * HOUR]);
        let mut world = self.sim.lock();
        world.pass(gap);
        world.advance();
    }

    pub fn orders(&mut self, disturbed: bool) -> Orders {
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
            clock: None,
            revokes: None,
            words: Vec::new(),
            resolves: disturbed && dice.percent(15),
            work,
        };
        if disturbed {
            let ticks = 20 + 40 * self.jobs.len() as u64;
            let until = dice.pick(&[20, ticks / 4, ticks]);
            orders.fuse = dice.percent(75).then(|| dice.between(1, until));
            if dice.percent(4) {
                let after = Duration::from_millis(dice.between(0, 60_000));
                let by = dice.pick(&[90 * SECOND, HOUR, 48 * HOUR]);
                orders.clock = Some((after, by));
            }
            let mut stop = |most| Duration::from_millis(dice.between(0, most));
            let (first, then) = (stop(300_000), stop(40_000));
            match dice.below(10) {
                0 => orders.stops = vec![(first, Stop::Graceful)],
                1 => orders.stops = vec![(first, Stop::Now)],
                2 => orders.stops = vec![(first, Stop::Graceful), (then, Stop::Now)],
                _ => {}
            }
            // A person types it while the run goes on; whoever revokes what has ended harms nobody.
            orders.revokes =
                dice.percent(6).then(|| Duration::from_millis(dice.between(0, 120_000)));
            orders.second = dice.percent(5).then(|| Duration::from_millis(dice.between(0, 20_000)));
        }
        orders
    }

    fn plan(&self) -> Digest {
        Digest::of(format!("plan {}", self.desk.version).as_bytes())
    }

    fn work(&self, job: &Job, plan: Digest, world: &World) -> Work {
        let latest = world.store.latest(&Address::from_stored(&job.address));
        let retake = latest.map_or(0, |row| world.store.planned(&row.record).0);
        let request = request(job, retake);
        let price = Micros::from_stored(self.desk.prices[&job.model] * job.units);
        let price = price.expect("prices are not negative");
        let free = world.is(Mutant::UnpricedCountsAsFree).then_some(Micros::ZERO);
        Work {
            key: request.address.key(),
            parts: request.name().parts,
            reserve: if job.priced { Some(price) } else { free },
            plan,
            request,
        }
    }

    // ---- one process ----

    pub fn life(
        &mut self,
        faults: Faults,
        orders: Orders,
        disturbed: bool,
    ) -> (End, Vec<RunEvent>) {
        self.lives += 1;
        let ceiling = match self.sim.lock().is(Mutant::LoweredCeilingIgnored) {
            true => self.desk.highest_ceiling,
            false => self.desk.ceiling,
        };
        // Only while people decide: what comes to rest is not stopped by a date.
        let lasts = (disturbed && self.dice.percent(4)).then(|| self.dice.between(0, 60_000));
        let id = (!self.desk.withdrawn).then(|| self.approve(lasts));
        let approval = |ceiling| {
            id.map(|(id, expires)| {
                let ceiling = Micros::from_stored(ceiling).expect("not negative");
                let at = self.sim.lock().wall();
                let new = NewApproval::new(self.plan(), "ada", ceiling, Unit::default(), at);
                NewApproval { expires, ..new }.recorded(id)
            })
        };
        let facts = LifeFacts {
            number: self.lives,
            approval: approval(ceiling),
            approved: approval(self.desk.ceiling),
            limits: self.limits.clone(),
            unknown: self.unknown,
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

    /// Gives an approval: the last one still holds, unless it is to last so many milliseconds only,
    /// or was revoked or about to expire. Its plan and ceiling are the run's to keep.
    fn approve(&mut self, lasts: Option<u64>) -> (i64, Option<Timestamp>) {
        let mut world = self.sim.lock();
        if let Some(id) = world.store.lasting_approval().filter(|_| lasts.is_none()) {
            return (id, None);
        }
        let at = world.wall();
        let new = NewApproval::new(self.plan(), "ada", Micros::ZERO, Unit::default(), at);
        let lasts = lasts.map(|ms| i64::try_from(ms).expect("a minute") * 1000);
        let expires = lasts.map(|us| timestamp(at.as_microsecond() + us));
        if expires.is_some() {
            world.count("approvals about to expire");
        }
        match perform(&mut world, &Op::Approve(NewApproval { expires, ..new })) {
            Ok(Wrote::Approved(id)) => (id, expires),
            other => unreachable!("an approval is written: {other:?}"),
        }
    }

    /// What the end of a process leaves behind, and what must hold then. False: it is over.
    pub fn judge(&mut self, end: End, said: &[RunEvent], disturbed: bool) -> bool {
        let mut world = self.sim.lock();
        let world = &mut *world;
        world.count("processes");
        let power = matches!(end, End::Crashed) && self.dice.percent(70);
        match end {
            End::Crashed if world.violation.is_none() => world.count("crashes"),
            End::Crashed => {}
            End::Hung => world.violate("liveness", format_args!("a run never ended")),
            End::Panicked(what) => world.violate("panic", format_args!("{what}")),
            End::Resolved(result) => match *result {
                Ok(()) => world.count("questions about what is in doubt"),
                Err(ResolveError::Ledger(error)) => {
                    ended_badly(world, &RunError::Ledger(error), disturbed);
                }
                Err(error) => world.violate("defect", format_args!("{error}")),
            },
            End::Ended(result) => match *result {
                Ok(summary) if summary.interrupted => world.count("runs stopped"),
                Ok(_) => world.count("runs ended"),
                Err(error) => ended_badly(world, &error, disturbed),
            },
        }
        if power {
            let mut dice = std::mem::replace(&mut world.dice, Dice::new(0));
            world.disk.cut(&mut dice);
            if let Some(store) = world.before_the_last_commit.take() {
                world.store = store;
            }
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

fn ended_badly(world: &mut World, error: &RunError, disturbed: bool) {
    let faults = world.faults();
    let excused = match error {
        RunError::Ledger(_) => faults.ledger_full_at.is_some(),
        RunError::Files { .. } => faults.disk_full_at.is_some(),
        RunError::ClockBack { .. } => world.tally.contains_key("clocks set back"),
        _ => false,
    };
    world.note("run failed", "", format_args!("{error}"));
    if excused && disturbed {
        world.count(match error {
            RunError::ClockBack { .. } => "runs failed for a clock set back",
            _ => "runs failed for a full disk",
        });
    } else {
        world.violate("defect", format_args!("{error}"));
    }
}
