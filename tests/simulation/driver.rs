//! The driver of a simulated provider, and the network between: what a process sees of a site.
//! It keeps the contract of [`Provider`] to the letter, unless a mutant is planted.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use kinora::money::{Amount, Micros, Unit};
use kinora::plan::Request;
use kinora::providers::{
    Answer, AttemptKey, Failure, Fetched, Lookup, LookupKind, Polled, Prepared, Provider, Refusal,
    RemoteId, Retry, Submission, Terms,
};

use crate::check;
use crate::disk::clip_bytes;
use crate::mutants::Mutant;
use crate::site::{
    CREDITS_PER_USD, Generation, LISTED_WITHIN, LONGEST_WAIT, MS, Outcome, Recovery, Reply, SECOND,
    Told, Will,
};
use crate::world::{Sim, World, timestamp};

/// One provider as the run sees it.
pub struct Driver {
    sim: Sim,
    /// Which site.
    at: usize,
    name: String,
    recovery: Recovery,
    in_flight: u32,
    per_minute: Option<u32>,
}

/// What the network does with one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It arrives, and so does the answer.
    Fine,
    /// No connection: surely not sent.
    NoConnection,
    /// The request is lost.
    Lost,
    /// It arrives long after the connection broke.
    Late,
    /// It arrives, and the answer is lost.
    ReplyLost,
    /// A gateway answers for the provider, which never hears of it or does.
    Gateway { arrives: bool },
    /// The answer takes very long.
    Slow,
}

impl Fate {
    const BAD: [Fate; 7] = [
        Fate::NoConnection,
        Fate::Lost,
        Fate::Late,
        Fate::ReplyLost,
        Fate::Gateway { arrives: true },
        Fate::Gateway { arrives: false },
        Fate::Slow,
    ];
}

fn refusal(cause: &str, retry: Retry) -> Refusal {
    Refusal { retry, cause: cause.to_owned(), message: format!("it was refused: {cause}") }
}

async fn wait(microseconds: i64) {
    let microseconds = u64::try_from(microseconds.max(0)).expect("not negative");
    tokio::time::sleep(Duration::from_micros(microseconds)).await;
}

impl Driver {
    pub fn new(sim: &Sim, at: usize, in_flight: u32, per_minute: Option<u32>) -> Self {
        let (name, recovery) = {
            let world = sim.lock();
            (world.sites[at].name.clone(), world.sites[at].recovery)
        };
        Driver { sim: sim.clone(), at, name, recovery, in_flight, per_minute }
    }

    /// One way through the network.
    fn travel(world: &mut World) -> i64 {
        i64::try_from(world.dice.between(5, 900)).expect("small") * MS
    }

    fn will(world: &mut World) -> Will {
        if !world.dice.percent(world.faults().submit / 2) {
            return Will::Take;
        }
        let wait_ms = world.dice.between(100, 20_000);
        Will::Refuse(match world.dice.below(10) {
            0..=3 => refusal("rate_limited", Retry::After(Some(wait_ms))),
            4..=5 => refusal("concurrency_full", Retry::After(None)),
            6 => refusal("overloaded", Retry::After(None)),
            7..=8 => refusal("policy", Retry::Never),
            _ => refusal("invalid_request", Retry::Never),
        })
    }

    async fn send(&self, request: &Request, key: &AttemptKey) -> Submission {
        self.sim.tick("before sending").await;
        let (fate, sent, there, now) = {
            let mut world = self.sim.lock();
            let now = world.now();
            let quote = check::sending(&mut world, self.at, request, key);
            let submit = world.faults().submit;
            let fate = match world.dice.percent(submit) {
                true => world.dice.pick(&Fate::BAD),
                false => Fate::Fine,
            };
            let there = match fate {
                Fate::Late => i64::try_from(world.dice.between(1, 60_000)).expect("small") * MS,
                _ => Driver::travel(&mut world),
            };
            let mut will = Driver::will(&mut world);
            if self.recovery == Recovery::Content
                && matches!(&will, Will::Refuse(refusal) if refusal.retry != Retry::Never)
            {
                will = Will::Take;
            }
            world.note("send", request.address.as_str(), format_args!("{fate:?} {will:?}"));
            let life = world.life().number;
            // Who knows requests by their content answers each of them once and for ever, so it
            // never refuses for the moment, and nothing reaches it late.
            let fate = match (fate, self.recovery) {
                (Fate::NoConnection | Fate::Late, Recovery::Content) => Fate::Lost,
                _ => fate,
            };
            if fate == Fate::NoConnection {
                world.count("connections never made");
                (fate, 0, there, now)
            } else {
                let sent = world.sites[self.at].send(request, key, (quote, will), (now, life));
                if !matches!(fate, Fate::Lost | Fate::Gateway { arrives: false }) {
                    world.sites[self.at].will_arrive(sent, now + there);
                    let doubles = matches!(self.recovery, Recovery::Content | Recovery::Key(_));
                    if doubles && world.dice.percent(submit / 4) {
                        let again = i64::try_from(world.dice.between(0, 60_000)).expect("small");
                        world.sites[self.at].will_arrive(sent, now + again * MS);
                        world.count("requests delivered twice");
                    }
                }
                (fate, sent, there, now)
            }
        };
        let answer = self.answer(fate, sent, there, now).await;
        self.sim.tick("after sending").await;
        answer
    }

    /// What the driver makes of the fate of its request.
    async fn answer(&self, fate: Fate, sent: usize, there: i64, began: i64) -> Submission {
        let unknown = |evidence: &str| Submission::Unknown { evidence: evidence.to_owned() };
        let (back, resets) = {
            let mut world = self.sim.lock();
            (Driver::travel(&mut world), world.dice.percent(50))
        };
        match fate {
            Fate::NoConnection => {
                wait(there).await;
                return Submission::Refused(refusal("no_connection", Retry::After(None)));
            }
            Fate::Late | Fate::Lost => {
                let broken = if resets { there.min(SECOND) } else { LONGEST_WAIT };
                wait(broken).await;
                let late = fate == Fate::Late;
                self.sim.lock().count(if late { "requests late" } else { "requests lost" });
                return unknown("the connection broke before an answer came");
            }
            Fate::Gateway { arrives } => {
                wait(there + back).await;
                let what = if arrives { "5xx, taken" } else { "5xx, not taken" };
                self.sim.lock().count(what);
                return unknown("502 Bad Gateway");
            }
            Fate::ReplyLost => {
                let broken = if resets { there + back } else { LONGEST_WAIT };
                wait(broken).await;
                self.sim.lock().count("replies lost");
                return unknown("no answer came in time");
            }
            Fate::Slow => wait(LONGEST_WAIT - 5 * SECOND).await,
            Fate::Fine => wait(there + back).await,
        }
        let mut world = self.sim.lock();
        let took = world.now() - began;
        assert!(took <= LONGEST_WAIT, "a driver waits no longer");
        world.advance();
        match world.sites[self.at].sent[sent].reply.clone() {
            Some(Reply::Taken { id, most }) => {
                let most = most.map(|most| amount(most, &world.sites[self.at].unit));
                world.count("submissions accepted");
                Submission::Accepted { id: RemoteId::plain(id), most }
            }
            Some(Reply::Refused(refusal)) => {
                world.count("submissions refused");
                Submission::Refused(refusal)
            }
            None => Submission::Unknown { evidence: "it did not arrive".to_owned() },
        }
    }

    fn polled(&self, world: &mut World, id: &RemoteId) -> Polled {
        let now = world.now();
        let Some(at) = world.sites[self.at].find(&id.id) else {
            world.violate("M9", format_args!("{id} is polled, which {} never gave", self.name));
            return Polled::NoAnswer { message: "404".to_owned() };
        };
        if world.dice.percent(world.faults().read) {
            world.count("polls without an answer");
            return Polled::NoAnswer { message: "the connection broke".to_owned() };
        }
        let word = world.dice.percent(2).then(|| "defrosting".to_owned());
        let site = &world.sites[self.at];
        let g = &site.generations[at];
        if now < g.ends_at || g.outcome == Outcome::Never {
            return Polled::Running { percent: Some(50), unknown_word: word };
        }
        match g.outcome {
            Outcome::Failed { charged, cause, retry } => {
                let charged = charged && !world.is(Mutant::ChargedFailureSaidToBeFree);
                let (cause, message) = (cause.to_owned(), format!("it failed: {cause}"));
                Polled::Failed(Failure { cause, message, charged, retry })
            }
            _ => Polled::Ready { expires: g.expires.map(timestamp), cost: said(g, site, world) },
        }
    }

    /// What a fetch brings; the bytes, if any, are to be written.
    fn fetched(&self, world: &mut World, id: &RemoteId) -> (Option<Vec<u8>>, Fetched) {
        let now = world.now();
        let gone = || (None, Fetched::Gone { message: "404 Not Found".to_owned() });
        let broken = || Fetched::Interrupted { message: "the connection broke".to_owned() };
        let Some(at) = world.sites[self.at].find(&id.id) else {
            world.violate("M9", format_args!("{id} is fetched, which {} never gave", self.name));
            return gone();
        };
        let fails = world.dice.percent(world.faults().fetch);
        let how = world.dice.below(3);
        let g = &mut world.sites[self.at].generations[at];
        if !g.is_there(now) {
            world.count("clips gone");
            return gone();
        }
        let clip = clip_bytes(&g.fingerprint, &g.id);
        if g.garbage {
            world.count("clips that are none");
            return (Some(b"<html>".to_vec()), Fetched::Complete);
        }
        if !fails {
            return (Some(clip), Fetched::Complete);
        }
        world.count("fetches that broke");
        if world.is(Mutant::FetchErrorSaidToBeGone) {
            return gone();
        }
        match how {
            0 => (None, broken()),
            1 => {
                let half = clip[..clip.len() / 2].to_vec();
                let whole = world.is(Mutant::CutDownloadSaidToBeWhole);
                (Some(half), if whole { Fetched::Complete } else { broken() })
            }
            // What is no clip three times in a row counts as none, as the run has to decide.
            _ if world.sites[self.at].generations[at].hiccups == 2 => (None, broken()),
            _ => {
                world.sites[self.at].generations[at].hiccups += 1;
                (Some(b"<html>try later</html>".to_vec()), Fetched::Complete)
            }
        }
    }

    fn listed(
        &self,
        world: &mut World,
        request: &Request,
        key: &AttemptKey,
        (started, taken): (Timestamp, &BTreeSet<String>),
    ) -> Lookup {
        world.advance();
        if world.dice.percent(world.faults().read) {
            return Lookup::Failed { message: "the connection broke".to_owned() };
        }
        let (now, wall) = (world.now(), world.wall());
        let site = &world.sites[self.at];
        let fingerprint = request.fingerprint.to_string();
        let from = started.as_microsecond();
        let found: Vec<&Generation> = site
            .listed(now)
            .filter(|g| match self.recovery {
                Recovery::Marker => g.key == key.as_str(),
                Recovery::Echo => g.fingerprint == fingerprint && g.accepted_at >= from,
                _ => g.model == request.model && g.accepted_at >= from,
            })
            .filter(|g| !taken.contains(&g.id))
            .collect();
        let age = wall.as_microsecond() - from;
        let sure = LONGEST_WAIT + LISTED_WITHIN + 30 * SECOND;
        let conclusive = (sure..site.remembers - LONGEST_WAIT).contains(&age)
            || world.is(Mutant::LookupSureTooEarly);
        match found[..] {
            [] => Lookup::Absent { conclusive },
            [one] => Lookup::Found(RemoteId::plain(one.id.clone())),
            _ => Lookup::Ambiguous(found.len()),
        }
    }
}

fn amount(micros: i64, unit: &Unit) -> Amount {
    let per = if *unit == Unit::default() { 1 } else { CREDITS_PER_USD };
    let micros = Micros::from_stored(micros).expect("not negative");
    Amount::new(micros.to_decimal() / rust_decimal::Decimal::from(per), unit.clone())
}

fn said(g: &Generation, site: &crate::site::Site, world: &World) -> Option<Amount> {
    match g.told {
        Told::Nothing => None,
        Told::Strange => Some(amount(g.price, &Unit::new("gems"))),
        Told::Own if world.is(Mutant::CostInAnotherUnit) => {
            let said = amount(g.price, &site.unit);
            Some(Amount::new(said.value, Unit::default()))
        }
        Told::Own => Some(amount(g.price, &site.unit)),
    }
}

impl Provider for Driver {
    fn name(&self) -> &str {
        &self.name
    }

    fn replay_window(&self) -> Option<Duration> {
        let known = self.sim.lock().is(Mutant::ReplayOutsideOfItsWindow);
        match self.recovery {
            Recovery::Content => Some(Duration::MAX),
            Recovery::Key(_) if known => Some(Duration::MAX),
            Recovery::Key(window) => {
                let window = u64::try_from(window - LONGEST_WAIT).expect("not negative");
                Some(Duration::from_micros(window))
            }
            _ => None,
        }
    }

    fn knows_by_content(&self) -> bool {
        self.recovery == Recovery::Content
    }

    fn terms(&self) -> Terms {
        Terms { in_flight: self.in_flight, per_minute: self.per_minute, per_day: None }
    }

    fn poll_interval_ms(&self) -> u64 {
        7_000
    }

    fn prepare<'a>(&'a self, _: &'a Request) -> Answer<'a, Result<Prepared, Refusal>> {
        Box::pin(async move {
            self.sim.tick("before preparing").await;
            let (takes, fails, never) = {
                let mut world = self.sim.lock();
                let prepare = world.faults().prepare;
                let takes = Driver::travel(&mut world);
                (takes, world.dice.percent(prepare), world.dice.percent(30))
            };
            wait(takes).await;
            self.sim.tick("after preparing").await;
            if !fails {
                return Ok(Prepared::nothing());
            }
            self.sim.lock().count("preparations that failed");
            let retry = if never { Retry::Never } else { Retry::After(None) };
            Err(refusal("upload", retry))
        })
    }

    fn submit<'a>(
        &'a self,
        request: &'a Request,
        key: &'a AttemptKey,
        _: Prepared,
    ) -> Answer<'a, Submission> {
        Box::pin(async move {
            let submission = self.send(request, key).await;
            let unknown = matches!(submission, Submission::Unknown { .. });
            if unknown && self.sim.lock().is(Mutant::DriverSendsAgain) {
                return self.send(request, key).await;
            }
            if unknown && self.sim.lock().is(Mutant::UnknownSaidToBeRefused) {
                return Submission::Refused(refusal("timeout", Retry::After(None)));
            }
            submission
        })
    }

    fn lookup_kind(&self) -> Option<LookupKind> {
        match self.recovery {
            Recovery::Marker => Some(LookupKind::Marker),
            Recovery::Echo => Some(LookupKind::Echo),
            Recovery::Count => Some(LookupKind::Count),
            _ => None,
        }
    }

    fn lookup<'a>(
        &'a self,
        request: &'a Request,
        key: &'a AttemptKey,
        started: Timestamp,
        taken: &'a BTreeSet<String>,
    ) -> Answer<'a, Lookup> {
        Box::pin(async move {
            self.sim.tick("before looking").await;
            let takes = Driver::travel(&mut self.sim.lock());
            wait(takes).await;
            let found = {
                let mut world = self.sim.lock();
                let found = self.listed(&mut world, request, key, (started, taken));
                world.note("look", request.address.as_str(), format_args!("{found:?}"));
                world.count(match found {
                    Lookup::Found(_) => "looked for: found",
                    Lookup::Absent { conclusive: true } => "looked for: surely absent",
                    Lookup::Absent { conclusive: false } => "looked for: not there yet",
                    Lookup::Ambiguous(_) => "looked for: several",
                    Lookup::Failed { .. } => "looked for: no answer",
                });
                found
            };
            self.sim.tick("after looking").await;
            found
        })
    }

    fn poll<'a>(&'a self, id: &'a RemoteId, request: &'a Request) -> Answer<'a, Polled> {
        Box::pin(async move {
            self.sim.tick("before polling").await;
            check::asking(&mut self.sim.lock(), request, id, false);
            let takes = Driver::travel(&mut self.sim.lock());
            wait(takes).await;
            let polled = {
                let mut world = self.sim.lock();
                world.advance();
                let polled = self.polled(&mut world, id);
                world.note("poll", request.address.as_str(), format_args!("{id} {polled:?}"));
                polled
            };
            self.sim.tick("after polling").await;
            polled
        })
    }

    fn fetch<'a>(
        &'a self,
        id: &'a RemoteId,
        request: &'a Request,
        to: &'a Path,
    ) -> Answer<'a, Fetched> {
        Box::pin(async move {
            self.sim.tick("before fetching").await;
            check::asking(&mut self.sim.lock(), request, id, true);
            let takes = Driver::travel(&mut self.sim.lock());
            wait(takes).await;
            let (bytes, fetched) = {
                let mut world = self.sim.lock();
                let got = self.fetched(&mut world, id);
                world.note("fetch", request.address.as_str(), format_args!("{id} {:?}", got.1));
                got
            };
            if let Some(bytes) = bytes {
                let mut world = self.sim.lock();
                if let Err(error) = world.disk.write_new(to, &bytes) {
                    world.violate("M9", format_args!("{}: {error}", to.display()));
                }
                let synced = fetched == Fetched::Complete && !world.is(Mutant::SyncDoesNothing);
                if synced && let Err(error) = world.disk.sync(to) {
                    world.violate("M6", format_args!("{}: {error}", to.display()));
                }
            }
            self.sim.tick("after fetching").await;
            fetched
        })
    }
}
