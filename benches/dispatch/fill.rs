//! A ledger that a long run left behind: nearly every job of a manifest is done, a few are in
//! flight, a few were never begun. Written by the library itself, request by request.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::Sources;
use kinora::digest::Digest;
use kinora::environment::ProcessEnvironment;
use kinora::ledger::{
    Ack, Basis, Begun, ClipRecord, JobState, KnownJobs, Ledger, Mode, NewApproval, NewAttempt,
    NewRun, Transition,
};
use kinora::manifest::{Catalogue, LoadOptions, load};
use kinora::media::{PictureCache, probe_all};
use kinora::models::Shelf;
use kinora::money::{Micros, Unit};
use kinora::plan::{Access, Narrowing, PlanInputs, Used, build};
use kinora::protocol::Rack;
use serde_json::json;

/// Writes that are handed in before any of them is waited for.
const BATCH: usize = 4096;

/// Fills the ledger of a workspace. Of its last jobs, `few` are ready at the provider, as many
/// submitted, and as many not begun.
pub fn fill(workspace: &Path, few: u64) -> Result<(), Box<dyn Error>> {
    let (catalogue, shelf, access) = load_workspace(workspace)?;
    let ledger = Ledger::open(workspace, Mode::Run)?;
    let mut jobs = Vec::new();
    let known = KnownJobs::new();
    let inputs = PlanInputs {
        manifest: "kinora.yaml",
        known: &known,
        earlier: &|_| None,
        address: &|_| None,
        access: &access,
        used: Used::default(),
        pictures: Default::default(),
        narrowing: &Narrowing::default(),
        history: Default::default(),
        missing: kinora::manifest::Missing::default(),
    };
    // The plan's digest is known only at its end, so jobs wait in memory: their requests don't.
    let (plan, findings) = build(&catalogue, &shelf, &inputs, |job, _| jobs.push(job.clone()));
    let plan = plan.ok_or_else(|| format!("the manifest can't be planned: {findings:?}"))?;
    let run = begin(&ledger, plan.digest)?;
    let total = jobs.len() as u64;
    let mut written = 0;
    for batch in jobs.chunks(BATCH) {
        let mut begun = Vec::new();
        for (at, job) in (written..).zip(batch) {
            if at + few >= total {
                break;
            }
            let request = job.request(&catalogue).ok_or("a picture can't be read")?;
            begun.push((at, job.out.clone(), ledger.begin_attempt(attempt(job, &request, run)?)));
        }
        let mut steps = Vec::new();
        for (at, out, ack) in begun {
            let Begun { attempt, .. } = ack.wait()?;
            let left = total - few - at;
            let until = match left {
                left if left <= few => JobState::Submitted,
                left if left <= 2 * few => JobState::Ready,
                _ => JobState::Done,
            };
            steps.extend(go_until(&ledger, attempt, out, until));
        }
        steps.into_iter().try_for_each(Ack::wait)?;
        written += batch.len() as u64;
    }
    println!("{total} jobs: {few} submitted, {few} ready, {few} not begun, all others done");
    Ok(())
}

fn load_workspace(workspace: &Path) -> Result<(Arc<Catalogue>, Shelf, Access), Box<dyn Error>> {
    let options = LoadOptions::default();
    let loaded = load(&workspace.join("kinora.yaml"), &options);
    let mut sources = Sources::default();
    let (shelf, _) = Shelf::load(workspace, SystemClock.today(), &options.limits, &mut sources);
    let (rack, _) = Rack::load(workspace, &options.limits, &mut sources);
    let findings = loaded.findings;
    let mut catalogue =
        loaded.catalogue.ok_or_else(|| format!("the manifest is wrong: {findings:?}"))?;
    let limits = catalogue.limits.clone();
    let probed = probe_all(&mut catalogue.pictures, workspace, &PictureCache::new(), &limits);
    Ledger::open(workspace, Mode::Read)?.store_picture_facts(probed.fresh)?;
    let access = Access::of(&rack, &ProcessEnvironment, &catalogue.providers);
    Ok((Arc::new(catalogue), shelf, access))
}

/// The run that never ended.
fn begin(ledger: &Ledger, plan: Digest) -> Result<(i64, Digest), Box<dyn Error>> {
    let unit = Unit::default();
    let ceiling = Micros::from_stored(1_000_000_000_000_000)?;
    let at = SystemClock.now();
    let approval = NewApproval::new(plan, "bench", ceiling, unit.clone(), at);
    let approval = ledger.approve(approval)?;
    let run = NewRun { plan: Some(plan), approval: Some(approval), unit, at };
    Ok((ledger.begin_run(run).wait()?, plan))
}

fn attempt(
    job: &kinora::plan::PlannedJob,
    request: &kinora::plan::Request,
    (run, plan): (i64, Digest),
) -> Result<NewAttempt, Box<dyn Error>> {
    Ok(NewAttempt {
        address: job.address.clone(),
        run,
        plan,
        fingerprint: job.fingerprint.whole,
        parts: job.fingerprint.parts,
        retake: job.retake,
        provider: request.provider.clone(),
        model: request.model.clone(),
        account: String::new(),
        request: serde_json::to_string(request)?,
        reserved: job.estimate.known().ok_or("the model has no price")?.to_micros()?,
        at: SystemClock.now(),
    })
}

/// The steps of an attempt, up to a state. They are written in order, so none waits for another.
fn go_until(ledger: &Ledger, attempt: i64, out: String, until: JobState) -> Vec<Ack<()>> {
    let credit = Micros::from_stored(1_000_000).unwrap_or_default();
    let clip = ClipRecord {
        path: out,
        digest: Digest::of(&attempt.to_le_bytes()),
        bytes: super::clip::LENGTH as u64,
        width: 320,
        height: 240,
        duration_ms: 2000,
        frames: 48,
    };
    let steps = [
        ("accepted", JobState::Submitting, JobState::Submitted),
        ("ready", JobState::Submitted, JobState::Ready),
        ("fetching", JobState::Ready, JobState::Fetching),
        ("done", JobState::Fetching, JobState::Done),
    ];
    let last = steps.iter().position(|(.., to)| *to == until).unwrap_or(0);
    let step = |(kind, from, to): (&'static str, JobState, JobState)| {
        let open = to == JobState::Submitted;
        ledger.apply(Transition {
            attempt,
            from,
            to,
            kind,
            reserved: if open { credit } else { Micros::ZERO },
            settled: if open { Micros::ZERO } else { credit },
            basis: (to == JobState::Ready).then_some(Basis::Estimate),
            // Numbers that the server will not give again soon.
            remote_id: open.then(|| format!("9{attempt:012}")),
            message: None,
            expires: None,
            clip: (to == JobState::Done).then(|| clip.clone()),
            detail: json!({}),
            at: SystemClock.now(),
        })
    };
    steps.into_iter().take(last + 1).map(step).collect()
}
