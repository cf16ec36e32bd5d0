//! Trying candidates on a shot's own jobs, in rounds: one candidate of every variant at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;
use rust_decimal::Decimal;

use super::{Auto, Candidate, Out, Why, above, said};
use crate::diagnostic::Findings;
use crate::ledger::KnownJobs;
use crate::manifest::{Budget, Catalogue};
use crate::models::Route;
use crate::plan::expand::{Expander, Step, Worker};
use crate::plan::notes::Notes;
use crate::plan::planner::{ChunkSpec, Planner, ShotPlan};
use crate::plan::summary::Choice;
use crate::plan::variants::Variant;
use crate::template::Engine;

/// Problems of a job that no other model would cure; whoever plans the job says them.
const ANY_MODEL: [&str; 6] = [
    "plan::template",
    "plan::unknown_mention",
    "plan::picture",
    "plan::empty_prompt",
    "plan::prompt_bytes",
    "plan::frames_unclear",
];

/// How many chunks are tried between two looks at the number of jobs.
const WINDOW: usize = 1024;

/// How one candidate did on the jobs of one variant.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Tried {
    /// Jobs that it can make.
    pub made: u64,
    /// What they cost, in the workspace's unit.
    pub cost: Decimal,
    /// The cheapest of them.
    pub least: Option<Decimal>,
    /// The dearest of them.
    pub most: Decimal,
    /// Jobs that it can't make.
    pub failed: u64,
    /// One of those, and why.
    pub first: Option<(String, String)>,
}

impl Tried {
    fn make(&mut self, jobs: u64, price: Decimal) {
        self.made += jobs;
        self.cost = self.cost.saturating_add(price.saturating_mul(Decimal::from(jobs)));
        self.least = Some(self.least.map_or(price, |least| least.min(price)));
        self.most = self.most.max(price);
    }

    fn fail(&mut self, jobs: u64, who: &str, why: String) {
        self.failed += jobs;
        self.first.get_or_insert_with(|| (who.to_owned(), why));
    }

    /// Adds how it did on the jobs that come next.
    fn merge(&mut self, next: Tried) {
        self.made += next.made;
        self.cost = self.cost.saturating_add(next.cost);
        self.least = match (self.least, next.least) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.most = self.most.max(next.most);
        self.failed += next.failed;
        self.first = self.first.take().or(next.first);
    }

    fn jobs(&self) -> u64 {
        self.made + self.failed
    }
}

impl<'c> Worker<'c, '_> {
    /// Tries a variant's model on `step.jobs` takes from `first` on.
    pub(in crate::plan) fn try_out(&mut self, step: &Step<'c>, first: u32) {
        if !self.compiled.by_take {
            return self.try_take(step, first);
        }
        for take in first..first + step.jobs as u32 {
            let one = Step { who: step.who.clone(), jobs: 1, ..*step };
            self.try_take(&one, take);
        }
    }

    fn try_take(&mut self, step: &Step<'c>, take: u32) {
        self.chunk.notes = Notes::default();
        let prepared = self.prepare(step, take);
        let error = match prepared {
            Some(_) => None,
            None => self.chunk.notes.first_error().cloned(),
        };
        let tried = self.chunk.tried.entry(step.variant).or_default();
        let route = |route: Route| format!("its price is not known by the route `{route}`");
        match (prepared, error) {
            (Some(prepared), _) => match prepared.estimate.price.known() {
                Some(amount) => tried.make(step.jobs, amount.value),
                None => tried.fail(step.jobs, &step.who, route(prepared.route)),
            },
            (None, Some(error)) if !ANY_MODEL.contains(&error.code) => {
                let own = format!("`{}` ", step.details.card.model);
                let why = error.message.strip_prefix(&own).unwrap_or(&error.message).to_owned();
                tried.fail(step.jobs, &step.who, why);
            }
            (None, _) => {}
        }
    }
}

/// One variant on its way to a model.
struct Pending {
    shot: usize,
    variant: usize,
    auto: Arc<Auto>,
    /// The next candidate to be tried.
    next: usize,
    /// Candidates that can make every job, cheapest first.
    able: Vec<(Candidate, Tried)>,
    out: Vec<Out>,
    /// Of those that can't make every job, the one that makes most.
    nearest: Option<(Candidate, Tried)>,
    /// The first candidate of which no job says anything: there is none, or all wait for pictures.
    untold: Option<Candidate>,
}

impl Pending {
    /// Whether no further candidate can be the first or the second.
    fn is_settled(&self) -> bool {
        let Some(next) = self.auto.candidates.get(self.next) else { return true };
        let beaten = |(_, second): &(Candidate, Tried)| {
            next.least.saturating_mul(Decimal::from(second.made)) > second.cost
        };
        self.untold.is_some() || self.able.get(1).is_some_and(beaten)
    }

    fn judge(&mut self, tried: Tried, budget: &Budget) {
        let candidate = self.auto.candidates[self.next].clone();
        self.next += 1;
        if tried.jobs() == 0 {
            self.untold = Some(candidate);
            return;
        }
        let model = candidate.card.model.clone();
        if let Some((first, why)) = tried.first.clone() {
            let why = Why::Jobs { failed: tried.failed, of: tried.jobs(), first, why };
            self.out.push(Out { model, why });
            if self.nearest.as_ref().is_none_or(|(_, best)| tried.made > best.made) {
                self.nearest = Some((candidate, tried));
            }
            return;
        }
        let wish = self.auto.choose.max_price.as_ref();
        if let Some(wish) = wish.filter(|wish| tried.most > wish.value) {
            let why = Why::Wish(above(tried.most, wish.value, budget));
            self.out.push(Out { model, why });
            return;
        }
        let key = |(c, t): &(Candidate, Tried)| (t.cost, c.card.model.clone());
        let mine = (tried.cost, model);
        let at = self.able.partition_point(|other| key(other) < mine);
        self.able.insert(at, (candidate, tried));
    }
}

/// Gives every variant that asks for it its model. `shots` are all shots of the catalogue, in
/// its order. What can't be made becomes a finding.
pub(in crate::plan) fn choose(
    catalogue: &Arc<Catalogue>,
    shots: &mut [ShotPlan],
    by_url: &Arc<BTreeSet<String>>,
    findings: &mut Findings,
) -> Vec<Choice> {
    let mut pending = Vec::new();
    for (shot, plan) in shots.iter().enumerate() {
        for (variant, details) in plan.variants.iter().enumerate() {
            let Some(auto) = details.auto.clone() else { continue };
            let out = auto.out.clone();
            let (able, nearest, untold) = (Vec::new(), None, None);
            pending.push(Pending { shot, variant, auto, next: 0, able, out, nearest, untold });
        }
    }
    loop {
        let open = pending.iter_mut().filter(|p| !p.is_settled());
        let mut open: Vec<&mut Pending> = open.collect();
        if open.is_empty() {
            break;
        }
        let tried = round(catalogue, shots, by_url, &open);
        for (pending, tried) in open.iter_mut().zip(tried) {
            pending.judge(tried, &catalogue.budget);
        }
    }
    let mut choices = Vec::new();
    for pending in &mut pending {
        let variant = &mut shots[pending.shot].variants[pending.variant];
        let shot = &catalogue.shots[pending.shot];
        pending.out.sort_by(|a, b| a.model.cmp(&b.model));
        // A shot without any job may have any model; where jobs wait for pictures, those that can't
        // make them, whatever the pictures are, came before.
        let able = pending.able.first().map(|(candidate, _)| candidate);
        match able.or(pending.untold.as_ref()) {
            Some(chosen) => {
                variant.card = chosen.card.clone();
                variant.settings = chosen.settings.clone();
                variant.framing = chosen.framing;
                let untried = pending.auto.candidates.len() - pending.next;
                let found = said::Found {
                    auto: &pending.auto,
                    able: &pending.able,
                    out: &pending.out,
                    dearer: untried as u64,
                };
                choices.extend(said::choice(shot, variant, &found, &catalogue.budget));
            }
            None => {
                let nearest = pending.nearest.as_ref().map(|(c, t)| (&*c.card, t));
                let place = pending.auto.place;
                findings.push(said::none_fits(
                    shot,
                    variant.text.as_deref(),
                    (place, &pending.out),
                    nearest,
                ));
            }
        }
    }
    choices
}

/// Tries the next candidate of every open variant on all its jobs.
fn round(
    catalogue: &Arc<Catalogue>,
    shots: &[ShotPlan],
    by_url: &Arc<BTreeSet<String>>,
    open: &[&mut Pending],
) -> Vec<Tried> {
    let mut trials: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, pending) in open.iter().enumerate() {
        trials.entry(pending.shot).or_default().push(at);
    }
    let trial = |at: &usize| -> Variant {
        let pending = &open[*at];
        let candidate = &pending.auto.candidates[pending.next];
        Variant {
            card: candidate.card.clone(),
            settings: candidate.settings.clone(),
            framing: candidate.framing,
            ..shots[pending.shot].variants[pending.variant].clone()
        }
    };
    let plans = (0..shots.len()).map(|shot| {
        let variants = trials.get(&shot).map(|all| all.iter().map(trial).collect());
        ShotPlan::new(catalogue, shot, variants.unwrap_or_default())
    });
    let planner = Planner {
        catalogue: catalogue.clone(),
        shots: plans.collect(),
        by_route: Arc::new(HashMap::new()),
        by_url: by_url.clone(),
        choices: Arc::from([]),
        crops: Arc::from([]),
        narrowed: None,
        gathers: false,
    };
    let mut tried = vec![Tried::default(); open.len()];
    let (engine, known) = (Engine::new(&catalogue.limits), KnownJobs::new());
    // Whoever calls has shown that the templates compile.
    let Ok(compiled) = planner.compile(&engine) else { return tried };
    let expander = Expander { planner: &planner, shots: &compiled, known: &known };
    let mut chunks = planner.chunks();
    let mut jobs = 0;
    // A plan of more jobs than the limit is refused when its jobs are counted.
    while jobs <= catalogue.limits.jobs {
        let window: Vec<ChunkSpec> = chunks.by_ref().take(WINDOW).collect();
        if window.is_empty() {
            break;
        }
        let results: Vec<_> =
            window.into_par_iter().map(|spec| (spec.shot, expander.trial(spec))).collect();
        for (shot, by_variant) in results {
            for (variant, result) in by_variant {
                jobs += result.jobs();
                tried[trials[&shot][variant]].merge(result);
            }
        }
    }
    tried
}
