//! Whether a plan file still says what a run would do: every reason why not, at once.
//!
//! What lives here: comparing a plan file with the plan as it comes out now, with the files, cards
//! and prices that this one is made from, and with what the ledger did meanwhile. What never does:
//! reading any of these, and words for people beyond what a reason names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::build::Plan;
use super::digesting::Money;
use super::file::{CardUsed, Header, Origin, PlanFileError, PlanReader, PriceMark};
use super::indexed::{Index, Keep, Stood, half, short_parts};
use super::job::{Part, PlannedJob};
use super::summary::Change;
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::manifest::Catalogue;
use crate::models::Shelf;

/// How many examples a reason names.
const EXAMPLES: usize = 5;

/// What about a plan file is not so any more.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    /// A manifest, feed or price file has other bytes.
    FileChanged,
    /// A file is read that was not, or the other way round.
    OtherFiles,
    /// A picture has other bytes.
    PictureChanged,
    /// A card says something else.
    CardChanged,
    /// A price is another one.
    PriceChanged,
    /// Amounts count another unit.
    OtherUnit,
    /// Jobs come new.
    JobsAdded,
    /// Jobs are gone.
    JobsRemoved,
    /// Jobs ask for something else.
    JobsChanged,
    /// Jobs cost more.
    JobsDearer,
    /// Jobs cost less.
    JobsCheaper,
    /// Jobs come in another order.
    OtherOrder,
    /// The ledger is another one.
    OtherLedger,
    /// The ledger is older than the plan.
    OlderLedger,
    /// Jobs were begun that the plan doesn't have, or with other requests.
    LedgerMoved,
    /// Jobs were made when it was planned, and are not now.
    NotDone,
    /// Jobs would be started now that would not have been.
    WouldStart,
}

/// One reason why a plan file can't be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StaleReason {
    /// What it is about.
    pub reason: Stale,
    /// How many files, prices or jobs it is about.
    pub count: u64,
    /// Some of them, with what differs.
    pub examples: Vec<String>,
}

/// A plan file, and what of the plan as it comes out now was held against it so far.
#[derive(Debug)]
pub struct StaleCheck {
    before: Index,
    pictures: Vec<(String, Digest)>,
    /// Jobs that were begun as nobody planned them; there may be several attempts of one.
    moved: HashSet<JobKey>,
    /// The first of them by address: which of several lanes began first is chance, and what is
    /// said of them must not be.
    moved_examples: BTreeSet<String>,
    reasons: Reasons,
}

/// What a plan file is held against, beside the plan itself.
#[derive(Debug)]
pub struct NowFacts<'a> {
    /// What the plan is made from now.
    pub origin: &'a Origin,
    /// The models.
    pub shelf: &'a Shelf,
    /// The catalogue, its pictures probed.
    pub catalogue: &'a Catalogue,
}

#[derive(Debug, Default)]
struct Reasons(BTreeMap<Stale, (u64, Vec<String>)>);

impl Reasons {
    fn add(&mut self, reason: Stale, example: impl FnOnce() -> String) {
        let (count, examples) = self.0.entry(reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
    }
}

impl StaleCheck {
    /// Reads a plan file to its end.
    pub fn new(file: PlanReader, limits: &Limits) -> Result<StaleCheck, PlanFileError> {
        let (before, pictures) = Index::read_with(file, limits, Keep::Parts)?;
        Ok(StaleCheck {
            before,
            pictures,
            moved: HashSet::new(),
            moved_examples: BTreeSet::new(),
            reasons: Reasons::default(),
        })
    }

    /// The file's header, which is proven.
    pub fn header(&self) -> &Header {
        &self.before.header
    }

    /// The keys of the file's jobs.
    pub fn keys(&self) -> HashSet<JobKey> {
        self.before.jobs().map(|(key, _)| *key).collect()
    }

    /// Takes the next job of the plan as it comes out now, whether it would run or not.
    pub fn job(&mut self, job: &PlannedJob, change: &Change) {
        let address = || job.address.to_string();
        let Some(before) = self.before.meet(&job.key) else {
            self.reasons.add(Stale::JobsAdded, address);
            return;
        };
        if before.fingerprint != half(&job.fingerprint.whole) {
            let parts = short_parts(&job.fingerprint.parts);
            let differs = Part::differing(&parts, &before.parts);
            let why: Vec<&str> = differs.into_iter().map(Part::as_str).collect();
            self.reasons.add(Stale::JobsChanged, || format!("{} ({})", address(), why.join(", ")));
        } else {
            self.stands(job, change, before.stood);
        }
        self.costs(job, self.before.money(&before), Money::of(job));
    }

    /// A job of the same request: how it stands against the ledger.
    fn stands(&mut self, job: &PlannedJob, change: &Change, before: Stood) {
        let address = || job.address.to_string();
        let reasons = &mut self.reasons;
        match (before, change) {
            (Stood::Done, Change::Done) => {}
            (Stood::Done, _) => reasons.add(Stale::NotDone, address),
            (before, change) if change.runs() && !before.runs() => {
                reasons.add(Stale::WouldStart, address);
            }
            // What the ledger knew when it was planned it doesn't know any more.
            (Stood::Changed | Stood::Retry, Change::New) => {
                reasons.add(Stale::OlderLedger, address);
            }
            (Stood::New | Stood::Retry, Change::Changed { .. }) if self.moved.insert(job.key) => {
                reasons.add(Stale::LedgerMoved, address);
            }
            _ => {}
        }
    }

    fn costs(&mut self, job: &PlannedJob, before: Option<Money>, now: Option<Money>) {
        if before == now {
            return;
        }
        let amounts = |money: Option<Money>| money.map(|m| [m.estimate, m.high, m.low]);
        // What has no price may cost anything.
        let dearer = match (amounts(before), amounts(now)) {
            (Some(before), Some(now)) => now > before,
            (_, now) => now.is_none(),
        };
        let reason = if dearer { Stale::JobsDearer } else { Stale::JobsCheaper };
        self.reasons.add(reason, || format!("{}: {}", job.address, from_to(before, now)));
    }

    /// An attempt that was begun since the plan was made, by the first half of its fingerprint.
    pub fn begun(&mut self, address: &Address, fingerprint: &[u8; 16]) {
        let key = address.key();
        let planned = self.before.get(&key);
        let other = planned.is_none_or(|planned| planned.fingerprint != *fingerprint);
        if other && self.moved.insert(key) {
            self.moved_examples.insert(address.to_string());
            if self.moved_examples.len() > EXAMPLES {
                self.moved_examples.pop_last();
            }
        }
    }

    /// Every reason why the file can't be run, when every job of `plan` and every attempt begun
    /// since was given; none where it can.
    pub fn finish(
        mut self,
        plan: &Plan,
        now: &NowFacts<'_>,
    ) -> Result<Vec<StaleReason>, PlanFileError> {
        let gone = self.before.jobs().filter(|(_, job)| !job.met).map(|(key, _)| *key);
        let mut gone: Vec<JobKey> = gone.collect();
        gone.sort_unstable();
        let named: HashSet<JobKey> = gone.iter().take(EXAMPLES).copied().collect();
        if !self.moved.is_empty() {
            let examples = std::mem::take(&mut self.moved_examples).into_iter().collect();
            self.reasons.0.insert(Stale::LedgerMoved, (self.moved.len() as u64, examples));
        }
        let named = self.before.addresses(&named)?;
        for key in gone {
            let address = named.get(&key);
            self.reasons
                .add(Stale::JobsRemoved, || address.map(ToString::to_string).unwrap_or_default());
        }
        self.origin(now);
        self.pictures(now.catalogue);
        let header = &self.before.header;
        if header.summary.unit != plan.summary.unit {
            let (before, unit) = (&header.summary.unit, &plan.summary.unit);
            self.reasons.add(Stale::OtherUnit, || format!("{before}, now {unit}"));
        }
        // Jobs that are the same one by one give the same digest, unless their order differs.
        if self.reasons.0.is_empty() && header.plan != plan.digest {
            let short = plan.digest.short();
            self.reasons.add(Stale::OtherOrder, || format!("plan {short} comes out now"));
        }
        let reasons = self.reasons.0.into_iter();
        Ok(reasons
            .map(|(reason, (count, examples))| StaleReason { reason, count, examples })
            .collect())
    }

    fn origin(&mut self, now: &NowFacts<'_>) {
        let before = &self.before.header.origin;
        let reasons = &mut self.reasons;
        let by_path = |origin: &Origin| -> BTreeMap<String, Digest> {
            origin.files.iter().map(|file| (file.path.clone(), file.digest)).collect()
        };
        let (then, files) = (by_path(before), by_path(now.origin));
        for (path, digest) in &then {
            match files.get(path) {
                Some(same) if same == digest => {}
                Some(_) => reasons.add(Stale::FileChanged, || path.clone()),
                None => reasons.add(Stale::OtherFiles, || format!("{path} is not read any more")),
            }
        }
        for path in files.keys().filter(|path| !then.contains_key(*path)) {
            reasons.add(Stale::OtherFiles, || format!("{path} is read now"));
        }
        for card in &before.cards {
            let same = match card.is_model() {
                true => now.shelf.get(&card.name).map(|model| CardUsed::model(model)),
                false => now.origin.cards.iter().find(|c| c.name == card.name).cloned(),
            };
            if same.as_ref() != Some(card) {
                let gone = if same.is_none() { " (gone)" } else { "" };
                reasons.add(Stale::CardChanged, || format!("{} {}{gone}", card.kind, card.name));
            }
        }
        prices(before, now, reasons);
        let (then, ledger) = (&before.ledger, &now.origin.ledger);
        // A plan that was made before there was a ledger fits any that has done nothing else.
        if then.lineage.is_some() && then.lineage != ledger.lineage {
            reasons.add(Stale::OtherLedger, || {
                let name = |lineage: &Option<String>| lineage.clone().unwrap_or("none".to_owned());
                format!("{}, now {}", name(&then.lineage), name(&ledger.lineage))
            });
        } else if ledger.serial < then.serial {
            reasons.add(Stale::OlderLedger, || {
                format!("at {} when planned, now at {}", then.serial, ledger.serial)
            });
        }
    }

    fn pictures(&mut self, catalogue: &Catalogue) {
        let known: HashMap<&str, Option<&Digest>> = catalogue
            .pictures
            .iter()
            .map(|(id, picture)| {
                (picture.name(), catalogue.pictures.facts(id).map(|facts| &facts.digest))
            })
            .collect();
        for (path, digest) in &self.pictures {
            match known.get(path.as_str()) {
                Some(Some(now)) if *now == digest => {}
                Some(_) => self.reasons.add(Stale::PictureChanged, || path.clone()),
                None => {
                    self.reasons
                        .add(Stale::PictureChanged, || format!("{path} (not used any more)"));
                }
            }
        }
    }
}

fn prices(before: &Origin, now: &NowFacts<'_>, reasons: &mut Reasons) {
    let models = before.cards.iter().filter(|card| card.is_model());
    for model in models.map(|card| &card.name) {
        let then = before.prices.iter().find(|price| price.model == *model);
        let price = now.shelf.get(model).and_then(|card| PriceMark::of(card));
        if then == price.as_ref() {
            continue;
        }
        let said = |price: Option<&PriceMark>| match price {
            Some(price) => format!("of {} ({})", price.as_of, price.source),
            None => "none".to_owned(),
        };
        let (then, price) = (said(then), said(price.as_ref()));
        reasons.add(Stale::PriceChanged, || match then == price {
            true => format!("{model}: other amounts, though it is still {then}"),
            false => format!("{model}: {then}, now {price}"),
        });
    }
}

/// `3, now 4`; low and high where only they differ.
fn from_to(before: Option<Money>, now: Option<Money>) -> String {
    let estimate = |money: Option<Money>| {
        money.map_or("unpriced".to_owned(), |m| m.estimate.normalize().to_string())
    };
    if let (Some(before), Some(now)) = (before, now)
        && before.estimate == now.estimate
    {
        let spread = |m: Money| format!("{} to {}", m.low.normalize(), m.high.normalize());
        return format!("{}, now {}", spread(before), spread(now));
    }
    format!("{}, now {}", estimate(before), estimate(now))
}

impl Stale {
    /// In words, for `count` files, prices or jobs.
    pub fn words(self, count: u64) -> String {
        let n = |one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        match self {
            Stale::FileChanged => n("file has changed", "files have changed"),
            Stale::OtherFiles => n("file comes or goes", "files come or go"),
            Stale::PictureChanged => n("picture has changed", "pictures have changed"),
            Stale::CardChanged => n("card has changed", "cards have changed"),
            Stale::PriceChanged => n("price has changed", "prices have changed"),
            Stale::OtherUnit => "amounts count another unit".to_owned(),
            Stale::JobsAdded => n("job is new", "jobs are new"),
            Stale::JobsRemoved => n("job is gone", "jobs are gone"),
            Stale::JobsChanged => n("job asks for something else", "jobs ask for something else"),
            Stale::JobsDearer => n("job costs more", "jobs cost more"),
            Stale::JobsCheaper => n("job costs less", "jobs cost less"),
            Stale::OtherOrder => "the jobs come in another order".to_owned(),
            Stale::OtherLedger => "the ledger is another one".to_owned(),
            Stale::OlderLedger => "the ledger is older than the plan".to_owned(),
            Stale::LedgerMoved => n(
                "job was begun since, and not as planned",
                "jobs were begun since, and not as planned",
            ),
            Stale::NotDone => n(
                "job was made when it was planned, and is not now",
                "jobs were made when it was planned, and are not now",
            ),
            Stale::WouldStart => n(
                "job would be started now, and would not have been",
                "jobs would be started now, and would not have been",
            ),
        }
    }
}
