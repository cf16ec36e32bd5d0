//! Pools: who goes next, and whether there is room for it.
//!
//! What lives here: a pool per run, account, provider and model, with how many may be in flight,
//! how many are submitted a minute and a day; turns between providers, models and shots; what
//! to do when a provider has no room, and a breaker for models that only fail. What never
//! does: money (that is `budget`), I/O, clocks, sleeping, chance. Time is handed in.

mod breaker;
mod bucket;
mod lanes;
mod limits;
mod pool;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use self::breaker::{Breaker, Gate, Turn};
use self::lanes::{Lanes, Look, Place};
pub use self::limits::{FETCHES, PoolLimits, PoolPace, REQUESTS};
use self::pool::{Kind, Pool, Wait};
use super::causes::says_something_of_the_model;
use crate::ledger::{Holding, day_number};
use crate::manifest::PoolLimit;

const SECONDS_A_DAY: i64 = 86_400;

/// The number of the run's own pool.
const RUN: usize = 0;

/// A moment, on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the run began, by a clock that never goes back.
    pub since: Duration,
    /// The time of day, for what is counted by the day (UTC).
    pub at: Timestamp,
}

/// A job's room in its pools: taken by [`Pools::pop`] or [`Pools::occupy`], given back by
/// [`Pools::leave`], once.
#[derive(Debug)]
#[must_use = "room is taken until the seat is given back"]
pub struct Seat {
    place: Place,
    model: usize,
    /// When it was taken, since the run began.
    began: Duration,
    /// The day that counts it; absent when an earlier run's count does.
    day: Option<i64>,
    /// Whether it tries a closed model.
    probe: bool,
}

/// How a job left its seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The provider took it, or may have.
    Taken,
    /// It was sent and surely not taken: the day doesn't count it.
    Refused,
    /// It was never sent: the day doesn't count it, nor does the minute, if it left before
    /// [`Pools::pop`] was asked at a later moment.
    NotSent,
}

/// What may start now.
#[derive(Debug)]
pub enum Next<W> {
    /// This job, for which room is taken.
    Job(W, Seat),
    /// Nothing. Asking again makes sense at this moment (since the run began), and when a job
    /// leaves or comes in.
    Wait(Option<Duration>),
}

/// Something that lets nothing through for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The provider, model or account.
    pub name: String,
    /// Why, and what it waits for, in words.
    pub why: String,
    /// Until when, since the run began; absent: for the run, or until a job that tries it is back.
    pub until: Option<Duration>,
}

/// All pools of a run, and the jobs that wait for room in them.
#[derive(Debug)]
pub struct Pools<W> {
    limits: PoolLimits,
    pools: Vec<Pool>,
    names: BTreeMap<(Kind, String), usize>,
    breakers: BTreeMap<usize, Breaker>,
    /// Models by provider.
    models_at: BTreeMap<usize, BTreeSet<usize>>,
    lanes: Lanes<W>,
    /// The latest day that was seen: a clock that is set back starts no day anew.
    day: i64,
    /// What earlier runs submitted today, by pool.
    before: BTreeMap<(Kind, String), u64>,
}

impl<W> Pools<W> {
    /// Pools in which nothing waits; `held` is what the ledger holds, of which what was
    /// submitted today counts.
    pub fn new(limits: PoolLimits, held: &[Holding], now: Moment) -> Self {
        let day = day_number(now.at);
        let mut before: BTreeMap<(Kind, String), u64> = BTreeMap::new();
        for holding in held.iter().filter(|holding| holding.day == day) {
            let names = [
                (Kind::Account, &holding.account),
                (Kind::Provider, &holding.provider),
                (Kind::Model, &holding.model),
            ];
            for (kind, name) in names {
                let count = before.entry((kind, name.clone())).or_default();
                *count = count.saturating_add(holding.attempts);
            }
        }
        let run = PoolLimit { in_flight: limits.in_flight, ..PoolLimit::default() };
        Pools {
            limits,
            pools: vec![Pool::new("", "limits", run, now.since)],
            names: BTreeMap::new(),
            breakers: BTreeMap::new(),
            models_at: BTreeMap::new(),
            lanes: Lanes::default(),
            day,
            before,
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lanes.waiting()
    }

    /// How many are in flight.
    pub fn in_flight(&self) -> u32 {
        self.pools[RUN].taken()
    }

    /// Puts a job at the end of its shot's lane.
    pub fn push(&mut self, (provider, model, shot): (&str, &str, &str), job: W, now: Moment) {
        let account = self.limits.account_at.get(provider).cloned().unwrap_or_default();
        let (place, model) = self.lane(provider, &account, model, now);
        self.lanes.push(place, model, shot, job);
    }

    /// Takes the next job that has room everywhere, and the room with it.
    pub fn pop(&mut self, now: Moment) -> Next<W> {
        self.turn_day(now);
        if self.lanes.waiting() == 0 {
            return Next::Wait(None);
        }
        if let Some(wait) = self.pools[RUN].wait(now, self.day) {
            return Next::Wait(wait.until());
        }
        let mut soonest: Option<Duration> = None;
        let (pools, breakers, day) = (&mut self.pools, &self.breakers, self.day);
        let found = self.lanes.pop(|look| {
            let wait = match look {
                Look::Place((provider, account)) => {
                    let provider = pools[provider].wait(now, day);
                    provider.or_else(|| pools[account].wait(now, day))
                }
                Look::Model(model) => match breakers.get(&model).map(|b| b.gate(now.since)) {
                    None | Some(Gate::Open | Gate::Probe) => pools[model].wait(now, day),
                    Some(Gate::Until(until)) => Some(Wait::Pause(until)),
                    Some(Gate::Probing | Gate::Held) => Some(Wait::Room),
                },
            };
            soonest = [soonest, wait.and_then(Wait::until)].into_iter().flatten().min();
            wait.is_none()
        });
        match found {
            Some((place, model, job)) => Next::Job(job, self.take(place, model, now)),
            None => Next::Wait(soonest),
        }
    }

    fn take(&mut self, place: Place, model: usize, now: Moment) -> Seat {
        for pool in members(place, model) {
            self.pools[pool].take();
        }
        let breaker = self.breakers.get_mut(&model);
        let probe = breaker.filter(|breaker| breaker.gate(now.since) == Gate::Probe);
        let is_probe = probe.map(Breaker::begin_probe).is_some();
        Seat { place, model, began: now.since, day: Some(self.day), probe: is_probe }
    }

    /// Room for a job that is in flight already, whether there is any or not.
    pub fn occupy(&mut self, (account, provider, model): (&str, &str, &str), now: Moment) -> Seat {
        let (place, model) = self.lane(provider, account, model, now);
        for pool in members(place, model) {
            self.pools[pool].occupy();
        }
        Seat { place, model, began: now.since, day: None, probe: false }
    }

    /// Gives room back.
    pub fn leave(&mut self, seat: Seat, how: Left, now: Moment) {
        for pool in members(seat.place, seat.model) {
            let pool = &mut self.pools[pool];
            pool.leave();
            // A day that is over is counted no more.
            if how != Left::Taken && seat.day == Some(self.day) {
                pool.uncount();
            }
            if how == Left::NotSent && seat.day.is_some() {
                pool.put_back_token(seat.began);
            }
        }
        if seat.probe
            && let Some(breaker) = self.breakers.get_mut(&seat.model)
        {
            breaker.end_probe(now.since);
        }
    }

    /// The provider had no room for a job, and says perhaps how long to wait at least. Its model
    /// gets half as many at once and a pause; so does the provider, if another model there had
    /// no room either. `jitter` makes any shorter time of a pause.
    pub fn crowded(
        &mut self,
        seat: &Seat,
        at_least: Option<Duration>,
        jitter: impl FnOnce(Duration) -> Duration,
        now: Moment,
    ) {
        let fresh = self.narrow(seat, now);
        let at_least = at_least.unwrap_or_default();
        let backoff = if fresh { jitter(self.backoff(seat.model)) } else { Duration::ZERO };
        let until = now.since.saturating_add(at_least).saturating_add(backoff);
        self.pools[seat.model].window.close(until);
        let provider = seat.place.0;
        if self.pools[provider].window.is_crowded() {
            self.pools[provider].window.close(until);
        }
    }

    /// The provider took a job, but keeps it back for want of room.
    pub fn throttled(&mut self, seat: &Seat, now: Moment) {
        self.narrow(seat, now);
    }

    /// Halves what may be in flight; false when that was done for what was begun as early.
    fn narrow(&mut self, seat: &Seat, now: Moment) -> bool {
        let provider = seat.place.0;
        let others = self.crowded_beside(provider, seat.model);
        let fresh = self.cut(seat.model, seat.began, now);
        if others {
            self.cut(provider, seat.began, now);
        }
        fresh
    }

    fn cut(&mut self, pool: usize, began: Duration, now: Moment) -> bool {
        let pool = &mut self.pools[pool];
        let taken = pool.taken();
        pool.window.cut(taken, began, now.since)
    }

    /// Whether another model at a provider found no room, and nothing went well there since.
    fn crowded_beside(&self, provider: usize, model: usize) -> bool {
        let models = self.models_at.get(&provider).into_iter().flatten();
        models.filter(|m| **m != model).any(|m| self.pools[*m].window.is_crowded())
    }

    fn backoff(&self, model: usize) -> Duration {
        let doublings = self.pools[model].window.cuts().saturating_sub(1).min(20);
        let pace = &self.limits.pace;
        pace.backoff.saturating_mul(1 << doublings).min(pace.backoff_most)
    }

    /// The provider had room for a job: it took it.
    pub fn had_room(&mut self, seat: &Seat) {
        for pool in [seat.model, seat.place.0] {
            self.pools[pool].window.grow(seat.began);
        }
    }

    /// A job gave a clip: its model works.
    pub fn went_well(&mut self, seat: &Seat) {
        if let Some(breaker) = self.breakers.get_mut(&seat.model) {
            breaker.went_well();
        }
    }

    /// A job was refused or failed, for a cause. Says so when that closes its model: for a
    /// while, or (without `until`) for the run.
    pub fn failed(&mut self, seat: &Seat, cause: &str, now: Moment) -> Option<Closed> {
        if !says_something_of_the_model(cause) {
            return None;
        }
        let breaker = self.breakers.entry(seat.model).or_default();
        let turn = breaker.failed(cause, seat.probe, now.since, &self.limits.pace);
        (turn != Turn::None).then(|| self.closed_breaker(seat.model)).flatten()
    }

    /// Closes a model for the run; false when it was.
    pub fn hold(&mut self, model: &str, why: &str, now: Moment) -> bool {
        let model = self.pool(Kind::Model, model, now);
        self.breakers.entry(model).or_default().hold(why)
    }

    /// Why a model is closed for the run, if it is.
    pub fn held(&self, model: &str) -> Option<&str> {
        let model = self.names.get(&(Kind::Model, model.to_owned()))?;
        self.breakers.get(model)?.held()
    }

    /// Takes out everything that waits for a model.
    pub fn drain_model(&mut self, model: &str) -> Vec<W> {
        let model = self.names.get(&(Kind::Model, model.to_owned()));
        model.map(|model| self.lanes.drain(*model)).unwrap_or_default()
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.lanes = Lanes::default();
    }

    /// What lets nothing through now: models that are closed, and whatever else keeps back jobs
    /// that wait, other than what is in flight.
    pub fn closed(&mut self, now: Moment) -> Vec<Closed> {
        self.turn_day(now);
        let models = self.breakers.keys();
        let mut closed: Vec<Closed> = models.filter_map(|m| self.closed_breaker(*m)).collect();
        let wanted: BTreeSet<usize> =
            self.lanes.wanted().flat_map(|(place, model)| members(place, model)).collect();
        for pool in wanted {
            let Some(wait) = self.pools[pool].wait(now, self.day) else { continue };
            closed.extend(self.pools[pool].closed(wait));
        }
        closed
    }

    fn closed_breaker(&self, model: usize) -> Option<Closed> {
        let (why, until) = self.breakers.get(&model)?.closed()?;
        Some(Closed { name: self.pools[model].name.clone(), why, until })
    }

    fn turn_day(&mut self, now: Moment) {
        let today = day_number(now.at);
        if today > self.day {
            self.day = today;
            self.before.clear();
            self.pools.iter_mut().for_each(Pool::turn_day);
        }
    }

    fn lane(&mut self, provider: &str, account: &str, model: &str, now: Moment) -> (Place, usize) {
        let provider = self.pool(Kind::Provider, provider, now);
        let account = self.pool(Kind::Account, account, now);
        let model = self.pool(Kind::Model, model, now);
        self.models_at.entry(provider).or_default().insert(model);
        ((provider, account), model)
    }

    /// The number of a pool, which is made when it is first asked for.
    fn pool(&mut self, kind: Kind, name: &str, now: Moment) -> usize {
        let key = (kind, name.to_owned());
        if let Some(number) = self.names.get(&key) {
            return *number;
        }
        let limits = match kind {
            Kind::Account => &self.limits.accounts,
            Kind::Provider => &self.limits.providers,
            Kind::Model => &self.limits.models,
        };
        let limit = limits.get(name).copied().unwrap_or_default();
        let mut pool =
            Pool::new(name, &format!("limits.{}.{name}", kind.as_str()), limit, now.since);
        pool.count(self.before.remove(&key).unwrap_or_default());
        self.pools.push(pool);
        self.names.insert(key, self.pools.len() - 1);
        self.pools.len() - 1
    }
}

/// The pools of a seat, each once.
fn members((provider, account): Place, model: usize) -> [usize; 4] {
    [RUN, provider, account, model]
}
