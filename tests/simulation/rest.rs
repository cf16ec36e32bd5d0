//! Where a story may end: what must hold when nothing changes any more.

use std::collections::BTreeMap;

use kinora::address::Address;
use kinora::ledger::JobState;
use kinora::run::RunEvent;

use crate::catalogue::Job;
use crate::site::{Outcome, Recovery};
use crate::store::Row;
use crate::world::World;

/// Where everything stands: a job that fails for nothing is tried by every run, and is at rest
/// all the same when nothing comes of it.
pub fn standing(world: &World) -> (usize, Vec<(String, JobState)>) {
    let rows = world.store.attempts().iter().map(|row| &row.record);
    let latest: BTreeMap<String, JobState> =
        rows.map(|a| (a.address.to_string(), a.state)).collect();
    let made = world.sites.iter().map(|s| s.generations.len()).sum();
    (made, latest.into_iter().collect())
}

/// Where a job may stay for good.
pub fn at_rest(job: &Job, world: &World, said: &[RunEvent]) -> Result<(), String> {
    let now = world.now();
    let address = Address::from_stored(&job.address);
    let Some(row) = world.store.latest(&address) else {
        return if told(said, &address) {
            Ok(())
        } else {
            Err("it was passed over without a word".to_owned())
        };
    };
    let a = &row.record;
    let generation = world
        .sites
        .iter()
        .flat_map(|s| &s.generations)
        .find(|g| a.remote_id.as_deref() == Some(&g.id));
    match a.state {
        JobState::Done | JobState::Failed | JobState::Refused | JobState::Lost => {}
        JobState::Unknown if could_be_told(row, world) => {
            return Err("it stays unknown, though its provider could tell".to_owned());
        }
        JobState::Unknown if a.message.is_some() => {}
        JobState::Submitted if generation.is_some_and(|g| g.outcome == Outcome::Never) => {}
        state => return Err(format!("it stays {state:?}")),
    }
    let told = || told(said, &address);
    if world.store.to_check().contains(&a.id) {
        return Err("nobody looked at its clip".to_owned());
    }
    let planned = world.store.planned(a);
    if planned.0 > a.retake && !told() {
        return Err("another clip is asked for, and nothing came of it".to_owned());
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

/// Whether people were told why nothing came of a job.
fn told(said: &[RunEvent], address: &Address) -> bool {
    said.iter().any(|event| match event {
        RunEvent::Skipped { job, .. }
        | RunEvent::OverBudget { job, .. }
        | RunEvent::Refused { job, .. }
        | RunEvent::Waiting { job, .. } => *job == address.as_str(),
        _ => false,
    })
}

/// Whether a provider knows for sure what became of a submission, and is still willing to say.
fn could_be_told(row: &Row, world: &World) -> bool {
    let age = world.wall().duration_since(row.record.started);
    let site = world.sites.iter().find(|site| site.name == row.record.provider);
    site.is_some_and(|site| site.recovery == Recovery::Marker) && (5..60).contains(&age.as_mins())
}
