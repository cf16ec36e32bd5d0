//! The catalogue of a story: providers, jobs, requests, limits, as its dice fall.

use std::collections::BTreeMap;
use std::path::Path;

use kinora::address::Address;
use kinora::digest::Digest;
use kinora::ledger::JobState;
use kinora::manifest::{ConsistencyRule, OnFail};
use kinora::models::Route;
use kinora::money::{Micros, Unit};
use kinora::plan::{JobSettings, Request};
use kinora::run::{MoneyLimits, Work};
use rust_decimal::Decimal;

use crate::check::WORKSPACE;
use crate::dice::Dice;
use crate::site::{CREDITS_PER_USD, HOUR, MINUTE, Recovery, Site};
use crate::world::World;

/// One job of the catalogue.
pub struct Job {
    pub address: String,
    pub model: String,
    pub provider: String,
    pub units: i64,
    /// What it looks like: two that are alike have the same request.
    pub look: u64,
    pub priced: bool,
    /// Whether its model takes a seed.
    pub seeded: bool,
    /// How its clip is looked at.
    pub rule: Option<ConsistencyRule>,
}

/// Whether a planner would send this job to a run.
pub fn may_begin(work: &Work, world: &World) -> bool {
    let Some(row) = world.store.latest(&work.request.address) else { return true };
    let a = &row.record;
    let (_, state) = world.store.planned(a);
    if state.is_open() {
        return false;
    }
    a.fingerprint != work.request.fingerprint || state != JobState::Done
}

pub fn site(n: u64, dice: &mut Dice) -> Site {
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

pub fn jobs(prices: &BTreeMap<String, i64>, dice: &mut Dice, world: &mut World) -> Vec<Job> {
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
            seeded: dice.percent(50),
            rule: rule(dice),
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

fn rule(dice: &mut Dice) -> Option<ConsistencyRule> {
    let (on_fail, max_retakes) = match dice.below(10) {
        0..3 => return None,
        3 => (OnFail::Flag, 0),
        4 => (OnFail::Hold, 0),
        _ => (OnFail::Retake, u32::try_from(dice.between(1, 3)).expect("small")),
    };
    Some(ConsistencyRule { on_fail, max_retakes, ..ConsistencyRule::default() })
}

pub fn limits(whole: i64, dice: &mut Dice) -> MoneyLimits {
    let mut limit = |chance| {
        let percent = dice.pick(&[40, 80, 120]);
        let most = Micros::from_stored(whole * percent / 100).expect("not negative");
        dice.percent(chance).then_some(most)
    };
    MoneyLimits {
        max_spend: None,
        unit: Unit::default(),
        shares: BTreeMap::new(),
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

/// What is asked for a job, the same having been asked for again so often.
pub fn request(job: &Job, retake: u32) -> Request {
    let looks = format!("{} {} {}", job.model, job.units, job.look);
    let mut request = Request {
        address: Address::from_stored(&job.address),
        model: job.model.clone(),
        provider: job.provider.clone(),
        route: Route::Text,
        prompt: looks,
        negative_prompt: None,
        settings: JobSettings {
            duration: Decimal::from(5 * job.units),
            aspect: "9:16".to_owned(),
            resolution: "720p".to_owned(),
            width: 720,
            height: 1280,
            fps: None,
            seed: job.seeded.then_some(job.look),
            options: Vec::new(),
        },
        references: vec![],
        out: out(job),
        fingerprint: Digest::of(b""),
        retake: 0,
        first_seed: None,
        shot: "turn".to_owned(),
        subject: None,
        channel: None,
        consistency: job.rule.clone(),
    };
    request.fingerprint = request.name().whole;
    for _ in 0..retake {
        request = request.retaken().expect("it is what its name says");
    }
    request
}
