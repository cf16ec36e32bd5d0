//! A provider's own side: what it took in, what it makes of it, what it charges. It outlives every
//! process, hears what arrives late, and its bill is the truth that the ledger is judged by.

use std::collections::{BTreeMap, BTreeSet};

use kinora::money::{Micros, Unit};
use kinora::plan::Request;
use kinora::providers::{AttemptKey, Refusal, Retry};

use crate::dice::Dice;

pub const MS: i64 = 1_000;
pub const SECOND: i64 = 1_000 * MS;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// The longest that a request may travel, and that a driver waits for its answer.
pub const LONGEST_WAIT: i64 = 60 * SECOND;
/// Until then a new submission shows in the provider's list.
pub const LISTED_WITHIN: i64 = 5 * SECOND;
/// How many of the workspace's unit one dollar is worth.
pub const CREDITS_PER_USD: i64 = 100;

/// How a provider helps to find out what became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Not at all.
    None,
    /// It knows requests by their content, for ever.
    Content,
    /// It knows requests by their key, for so many microseconds.
    Key(i64),
    /// It lists submissions with our key.
    Marker,
    /// It lists submissions with our request.
    Echo,
    /// It lists submissions with their model alone.
    Count,
}

/// What the provider makes of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Clip,
    Failed { charged: bool, cause: &'static str, retry: Retry },
    Never,
}

/// What it says about the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Nothing,
    Own,
    /// A unit that nobody stated a rate for.
    Strange,
}

/// One generation as the provider knows it.
pub struct Generation {
    pub id: String,
    pub address: String,
    pub model: String,
    pub fingerprint: String,
    pub key: String,
    /// Keys that it was asked for by, the first included.
    pub accepted_at: i64,
    pub ends_at: i64,
    pub outcome: Outcome,
    /// What it takes if it is charged, in millionths of a credit.
    pub price: i64,
    pub told: Told,
    pub expires: Option<i64>,
    pub refreshable: bool,
    /// The clip was lost at the provider, or is no clip.
    pub gone: bool,
    pub garbage: bool,
    /// How often something else came in its place for a moment.
    pub hiccups: u32,
}

impl Generation {
    /// What the provider takes for it at `now`, in millionths of a credit.
    pub fn charge(&self, now: i64) -> i64 {
        match self.outcome {
            _ if now < self.ends_at => 0,
            Outcome::Clip | Outcome::Failed { charged: true, .. } => self.price,
            Outcome::Failed { charged: false, .. } | Outcome::Never => 0,
        }
    }

    /// Whether the clip could be had at `now`.
    pub fn is_there(&self, now: i64) -> bool {
        let expired = self.expires.is_some_and(|at| now >= at) && !self.refreshable;
        self.outcome == Outcome::Clip && now >= self.ends_at && !self.gone && !expired
    }

    /// Whether it ended, or will, without anything that anybody would pay for.
    pub fn is_free(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { charged: false, .. })
    }
}

/// What the provider will do with a submission that arrives.
#[derive(Debug, Clone)]
pub enum Will {
    Take,
    Refuse(Refusal),
}

/// What it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    Taken { id: String, most: Option<i64> },
    Refused(Refusal),
}

/// A submission that left.
pub struct Sent {
    pub key: String,
    pub address: String,
    pub model: String,
    pub fingerprint: String,
    pub units: i64,
    /// What was reserved for it.
    pub quote: i64,
    pub at: i64,
    pub will: Will,
    pub reply: Option<Reply>,
}

/// A provider's side of the wire.
pub struct Site {
    pub name: String,
    pub recovery: Recovery,
    pub unit: Unit,
    /// How long its list remembers.
    pub remembers: i64,
    pub prices: BTreeMap<String, i64>,
    pub generations: Vec<Generation>,
    pub sent: Vec<Sent>,
    /// Submissions on their way: when each arrives, and which it is. One may arrive twice.
    on_the_way: BTreeSet<(i64, usize, u8)>,
    /// Whether what it charges may differ from what was planned.
    pub moody: bool,
}

impl Site {
    pub fn new(name: &str, recovery: Recovery, unit: Unit) -> Self {
        Site {
            name: name.to_owned(),
            recovery,
            unit,
            remembers: 2 * HOUR,
            prices: BTreeMap::new(),
            generations: Vec::new(),
            sent: Vec::new(),
            on_the_way: BTreeSet::new(),
            moody: false,
        }
    }

    /// A submission leaves; it has a number, but it is not on its way yet.
    pub fn send(
        &mut self,
        request: &Request,
        key: &AttemptKey,
        (quote, will): (i64, Will),
        at: i64,
    ) -> usize {
        self.sent.push(Sent {
            key: key.as_str().to_owned(),
            address: request.address.to_string(),
            model: request.model.clone(),
            fingerprint: request.fingerprint.to_string(),
            units: units(request),
            quote,
            at,
            will,
            reply: None,
        });
        self.sent.len() - 1
    }

    /// It will arrive then, unless the process ends and takes it along.
    pub fn will_arrive(&mut self, sent: usize, at: i64) {
        let copy = u8::from(self.on_the_way.contains(&(at, sent, 0)));
        self.on_the_way.insert((at, sent, copy));
    }

    /// What had not left the machine when the process ended never does.
    pub fn lose_some(&mut self, dice: &mut Dice) -> usize {
        let before = self.on_the_way.len();
        self.on_the_way.retain(|_| dice.percent(60));
        before - self.on_the_way.len()
    }

    /// Whether something is still on its way.
    pub fn is_quiet(&self) -> bool {
        self.on_the_way.is_empty()
    }

    /// Takes in everything that arrived until now. Returns what was taken anew.
    pub fn advance(&mut self, now: i64, dice: &mut Dice) -> Vec<(i64, usize)> {
        let mut taken = Vec::new();
        while let Some(&(at, sent, copy)) = self.on_the_way.first() {
            if at > now {
                break;
            }
            self.on_the_way.remove(&(at, sent, copy));
            let before = self.generations.len();
            let reply = self.arrive(sent, at, dice);
            self.sent[sent].reply.get_or_insert(reply);
            if self.generations.len() > before {
                taken.push((at, before));
            }
        }
        taken
    }

    fn arrive(&mut self, sent: usize, at: i64, dice: &mut Dice) -> Reply {
        let s = &self.sent[sent];
        let crowded = |r: &Refusal| matches!(r.retry, Retry::After(_));
        match &s.will {
            Will::Refuse(refusal) if crowded(refusal) => return Reply::Refused(refusal.clone()),
            _ => {}
        }
        let known = self.generations.iter().find(|g| match self.recovery {
            Recovery::Content => g.address == s.address && g.fingerprint == s.fingerprint,
            Recovery::Key(window) => g.key == s.key && at - g.accepted_at < window,
            _ => false,
        });
        if let Some(known) = known {
            return Reply::Taken { id: known.id.clone(), most: None };
        }
        if let Will::Refuse(refusal) = &s.will {
            return Reply::Refused(refusal.clone());
        }
        // Who knows a request by its content gives the same answer to it for ever.
        let before = self.sent[..].iter().filter(|other| {
            self.recovery == Recovery::Content
                && other.address == s.address
                && other.fingerprint == s.fingerprint
        });
        let refused =
            before.filter_map(|other| other.reply.as_ref()).find_map(|reply| match reply {
                Reply::Refused(refusal) if !crowded(refusal) => Some(refusal.clone()),
                _ => None,
            });
        if let Some(refusal) = refused {
            return Reply::Refused(refusal);
        }
        let generation = self.begin(sent, at, dice);
        let says_most = generation.told == Told::Own && dice.percent(30);
        let reply =
            Reply::Taken { id: generation.id.clone(), most: says_most.then_some(generation.price) };
        self.generations.push(generation);
        reply
    }

    fn begin(&self, sent: usize, at: i64, dice: &mut Dice) -> Generation {
        let s = &self.sent[sent];
        let (outcome, told) = (self.outcome(dice), self.told(dice));
        let mut price = self.prices.get(&s.model).copied().unwrap_or_default() * s.units;
        if told != Told::Own || outcome != Outcome::Clip {
            // More than was quoted is never charged in silence.
            price = price.min(s.quote);
        }
        let ends_at = at + i64::try_from(dice.between(1, 180)).expect("small") * SECOND;
        let lasts = dice.pick(&[2 * MINUTE, 20 * MINUTE, 24 * HOUR]);
        Generation {
            id: format!("{}-{}", self.name, self.generations.len()),
            address: s.address.clone(),
            model: s.model.clone(),
            fingerprint: s.fingerprint.clone(),
            key: s.key.clone(),
            accepted_at: at,
            ends_at,
            outcome,
            price,
            told,
            expires: dice.percent(50).then_some(ends_at + lasts),
            refreshable: dice.percent(50),
            gone: self.moody && dice.percent(2),
            garbage: self.moody && dice.percent(2),
            hiccups: 0,
        }
    }

    fn outcome(&self, dice: &mut Dice) -> Outcome {
        let failed = |charged, cause, retry| Outcome::Failed { charged, cause, retry };
        match dice.below(100) {
            _ if !self.moody => Outcome::Clip,
            0..=3 => failed(false, "internal", Retry::After(Some(2_000))),
            4..=6 => failed(true, "internal", Retry::After(None)),
            7..=8 => failed(false, "policy", Retry::Never),
            9 => failed(true, "policy", Retry::Never),
            10 => Outcome::Never,
            _ => Outcome::Clip,
        }
    }

    fn told(&self, dice: &mut Dice) -> Told {
        match dice.below(10) {
            0..=5 => Told::Own,
            6 => Told::Strange,
            _ => Told::Nothing,
        }
    }

    /// What it shows of its list at `now`.
    pub fn listed(&self, now: i64) -> impl Iterator<Item = &Generation> {
        let shown =
            move |g: &&Generation| (LISTED_WITHIN..self.remembers).contains(&(now - g.accepted_at));
        self.generations.iter().filter(shown)
    }

    pub fn find(&self, id: &str) -> Option<usize> {
        self.generations.iter().position(|g| g.id == id)
    }
}

/// How much of a model a request takes.
pub fn units(request: &Request) -> i64 {
    let micros = Micros::from_decimal(request.settings.duration).expect("a short clip");
    micros.get() / 5_000_000
}
