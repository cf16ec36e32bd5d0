//! The dry run: every job of a plan, once, summed and compared with the ledger.
//!
//! What lives here: the plan's digest and the checks that need all jobs. What never does: how a
//! job is made, the summary's form, and anything that is kept for later.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::access::Access;
use super::crops::{self, CropTally};
use super::diff::{Planned, Standing};
use super::digesting::PlanHasher;
use super::guard::{Evidence, Seen};
use super::job::PlannedJob;
use super::notes::Notes;
use super::planner::Planner;
use super::select::Narrowing;
use super::summarise::summarise;
use super::summary::{Change, Changes, PictureTally, PlanSummary};
use super::tally::Tallies;
use super::wanted::Waiting;
use crate::diagnostic::{Finding, Findings};
use crate::digest::Digest;
use crate::ledger::{History, KnownJobs};
use crate::limits::Limits;
use crate::manifest::{Catalogue, LimitOf, Missing};
use crate::models::Shelf;

/// How many examples a summary names.
const EXAMPLES: usize = 10;

/// What a plan is compared with, beside the catalogue.
pub struct PlanInputs<'a> {
    /// The manifest's path as given, for the summary.
    pub manifest: &'a str,
    /// The ledger's jobs.
    pub known: &'a KnownJobs,
    /// Parts of a job's latest request by its row; asked for changed jobs only.
    pub earlier: &'a dyn Fn(i64) -> Option<[u64; 4]>,
    /// A job's address by its row; asked for a few orphans only.
    pub address: &'a dyn Fn(i64) -> Option<String>,
    /// Which providers can be used.
    pub access: &'a Access,
    /// What is spent, reserved and unknown, in the workspace's unit.
    pub used: Used,
    /// What probing did.
    pub pictures: PictureTally,
    /// What the plan is narrowed to.
    pub narrowing: &'a Narrowing,
    /// What earlier attempts tell.
    pub history: History,
    /// What becomes of jobs whose pictures are not fetched yet.
    pub missing: Missing,
}

/// What is spent, reserved and unknown so far in a budget's period, in the workspace's unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// By everything.
    pub whole: UsedBy,
    /// By single models, providers and accounts; absent where nothing is.
    pub shares: BTreeMap<(LimitOf, String), UsedBy>,
}

/// The same by something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsedBy {
    /// Today (UTC).
    pub day: Decimal,
    /// This month (UTC).
    pub month: Decimal,
}

/// A whole plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its digest, which approvals name.
    pub digest: Digest,
    /// What it says in sum. `approval` is empty: whoever keeps approvals fills it in, since it
    /// is found by the digest.
    pub summary: PlanSummary,
    /// For expanding it again.
    pub planner: Planner,
    /// What its guardrails are held against.
    pub(super) evidence: Evidence,
}

/// Plans a catalogue whose pictures are probed. `sink` gets every job, in the plan's order.
/// With an error among the findings there is no plan, though `sink` may have seen jobs.
pub fn build(
    catalogue: &Arc<Catalogue>,
    shelf: &Shelf,
    inputs: &PlanInputs<'_>,
    mut sink: impl FnMut(&PlannedJob, &Change),
) -> (Option<Plan>, Findings) {
    let (planner, mut findings) = Planner::new(catalogue, shelf, inputs.access);
    let Some(planner) = planner else {
        findings.sort();
        return (None, findings);
    };
    let planner = planner.narrow(inputs.narrowing, &mut findings);
    let mut gathered = Gathered::new(catalogue);
    planner.walk(inputs.known, |chunk| {
        gathered.digest.update(&chunk.digested);
        gathered.tallies.take(chunk.tally);
        gathered.crops.take(chunk.crops);
        gathered.seen.take(chunk.seen);
        gathered.notes.merge(chunk.notes);
        gathered.waiting.merge(chunk.waiting);
        if let Some(job) = chunk.jobs.first() {
            gathered.selected.insert(job.job.shot);
        }
        for (planned, path) in chunk.jobs.into_iter().zip(chunk.paths) {
            if gathered.jobs == catalogue.limits.jobs {
                gathered.too_many = true;
                return ControlFlow::Break(());
            }
            gathered.take(planned, path, inputs, &mut sink);
        }
        ControlFlow::Continue(())
    });
    finish(gathered, planner, shelf, inputs, findings)
}

/// What is gathered from all jobs.
pub(super) struct Gathered {
    digest: PlanHasher,
    pub tallies: Tallies,
    pub seen: Seen,
    crops: CropTally,
    notes: Notes,
    waiting: Waiting,
    pub changes: Changes,
    jobs: u64,
    too_many: bool,
    /// Shots that have a job.
    selected: HashSet<u32>,
    /// Rows of the ledger that the plan still asks for.
    visited: Vec<i64>,
    paths: HashSet<u64>,
    /// Hashes of paths that came twice.
    twice: HashSet<u64>,
}

impl Gathered {
    fn new(catalogue: &Catalogue) -> Self {
        Gathered {
            digest: PlanHasher::new(catalogue.budget.unit.as_str()),
            tallies: Tallies::default(),
            seen: Seen::default(),
            crops: CropTally::default(),
            notes: Notes::default(),
            waiting: Waiting::default(),
            changes: Changes::default(),
            jobs: 0,
            too_many: false,
            selected: HashSet::new(),
            visited: Vec::new(),
            paths: HashSet::new(),
            twice: HashSet::new(),
        }
    }

    fn take(
        &mut self,
        planned: Planned,
        path: u64,
        inputs: &PlanInputs<'_>,
        sink: &mut impl FnMut(&PlannedJob, &Change),
    ) {
        self.jobs += 1;
        if !self.paths.insert(path) {
            self.twice.insert(path);
        }
        let Planned { job, standing } = planned;
        if let Standing::Known { job: row, .. } = &standing {
            self.visited.push(*row);
        }
        let change = standing.explain(&job.fingerprint, inputs.earlier);
        self.changes.count(&change);
        sink(&job, &change);
    }
}

fn finish(
    mut gathered: Gathered,
    planner: Planner,
    shelf: &Shelf,
    inputs: &PlanInputs<'_>,
    mut findings: Findings,
) -> (Option<Plan>, Findings) {
    let catalogue = planner.catalogue.clone();
    findings.merge(std::mem::take(&mut gathered.notes).into_findings(&catalogue.budget.unit));
    let waiting = std::mem::take(&mut gathered.waiting);
    if let Some(finding) = waiting.finding(inputs.missing, &catalogue, inputs.manifest) {
        findings.push(finding);
    }
    if gathered.too_many {
        let message = format!("this plan has more than {} jobs", catalogue.limits.jobs);
        let help = Limits::how_to_raise("jobs");
        findings.push(Finding::error("plan::too_many_jobs", message).help(help));
    } else if !findings.has_errors() {
        same_paths(&planner, inputs.known, &gathered.twice, &mut findings);
        match &planner.narrowed {
            // Whether a shot is for anybody, jobs that are left out would tell.
            None if !waiting.is_empty() => {}
            None => empty_shots(&catalogue, &gathered, &mut findings),
            Some(narrowed) => {
                let whole = narrowed.first.is_none_or(|first| gathered.jobs < first);
                let never_met = narrowed.never_met(&planner, whole);
                never_met.into_iter().for_each(|finding| findings.push(finding));
            }
        }
    }
    let crops = planner.savings(std::mem::take(&mut gathered.crops));
    crops::advise(&crops, &catalogue, &catalogue.budget.unit, &mut findings);
    findings.sort();
    if findings.has_errors() {
        return (None, findings);
    }
    // What a part of a plan leaves out is no orphan.
    if planner.narrowed.is_none() && waiting.is_empty() {
        orphans(&mut gathered, inputs);
    }
    let digest = gathered.digest.finish();
    let mut summary = summarise(&gathered, &catalogue, shelf, inputs, digest, &findings);
    summary.choices = planner.choices.to_vec();
    summary.crops = crops;
    let evidence = Evidence::of(&mut gathered, &catalogue.guardrails);
    (Some(Plan { digest, summary, planner, evidence }), findings)
}

/// Two jobs with one path: found by hash, then looked up by walking the plan once more, which
/// only a broken manifest costs.
fn same_paths(planner: &Planner, known: &KnownJobs, twice: &HashSet<u64>, findings: &mut Findings) {
    if twice.is_empty() {
        return;
    }
    let mut first: HashMap<String, String> = HashMap::new();
    let mut found: BTreeMap<u32, (u64, Finding)> = BTreeMap::new();
    let catalogue = &planner.catalogue;
    planner.walk(known, |chunk| {
        for (Planned { job, .. }, path) in chunk.jobs.into_iter().zip(chunk.paths) {
            if !twice.contains(&path) {
                continue;
            }
            let address = job.address.to_string();
            let Some(earlier) = first.get(&job.out) else {
                first.insert(job.out, address);
                continue;
            };
            let shot = &catalogue.shots[job.shot as usize];
            let template = shot.out.as_ref().unwrap_or(&catalogue.out);
            let (count, _) = found.entry(job.shot).or_insert_with(|| {
                let message =
                    format!("`{}` would be the clip of `{earlier}` and of `{address}`", job.out);
                let finding = Finding::error("plan::same_path", message)
                    .at(template.place, "not different for every job")
                    .help("add `{{ job.short }}` to `out:`, which differs for every job");
                (0, finding)
            });
            *count += 1;
        }
        ControlFlow::Continue(())
    });
    for (count, mut finding) in found.into_values() {
        if count > 1 {
            finding.message.push_str(&format!("; {} more paths come twice", count - 1));
        }
        findings.push(finding);
    }
}

fn empty_shots(catalogue: &Catalogue, gathered: &Gathered, findings: &mut Findings) {
    for (index, shot) in (0u32..).zip(&catalogue.shots) {
        if !gathered.selected.contains(&index) {
            let message = format!("the shot `{}` selects no subject", shot.id);
            let finding = Finding::warning("plan::empty_shot", message)
                .help("check its `for:`, `where:` and `tags:`");
            let place = shot.condition.as_ref().map_or(shot.place, |c| c.place);
            findings.push(finding.at(place, "nothing is left"));
        }
    }
}

/// Jobs of the ledger that the plan doesn't ask for any more.
fn orphans(gathered: &mut Gathered, inputs: &PlanInputs<'_>) {
    let orphaned = inputs.known.len().saturating_sub(gathered.visited.len());
    gathered.changes.orphaned = orphaned as u64;
    if orphaned == 0 {
        return;
    }
    gathered.visited.sort_unstable();
    let is_orphan = |row: &i64| gathered.visited.binary_search(row).is_err();
    let mut rows: Vec<i64> = inputs.known.values().map(|k| k.job).filter(is_orphan).collect();
    rows.sort_unstable();
    let examples = rows.into_iter().filter_map(|row| (inputs.address)(row));
    gathered.changes.orphaned_examples = examples.take(EXAMPLES).collect();
}
