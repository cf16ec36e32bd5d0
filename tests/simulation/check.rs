//! The judge: what must hold at each effect and after each process, by what the providers know.
//!
//! What is durable is in the store and on the disk; what is true is at the sites. Nothing here
//! asks the run.

use std::collections::BTreeMap;
use std::path::Path;

use kinora::digest::Digest;
use kinora::ledger::{AttemptRecord, ClipVerdict, JobState, NewCheck, Transition, WRITTEN_OFF};
use kinora::manifest::Unknown;
use kinora::money::Micros;
use kinora::plan::Request;
use kinora::providers::{AttemptKey, RemoteId};
use kinora::run::RunEvent;

use crate::disk::clip_bytes;
use crate::opinions::most_retakes;
use crate::site::{Generation, MINUTE, Outcome, Recovery, SECOND};
use crate::store::Row;
use crate::world::World;

/// Where the workspace is.
pub const WORKSPACE: &str = "/w";

/// A while after which a model that overcharged must be held.
const HELD_WITHIN: i64 = 60 * SECOND;

/// A clock that is further behind stops all spending.
const CLOCK_SLACK: i64 = 2 * MINUTE;

fn key_of(row: &Row) -> AttemptKey {
    let a = &row.record;
    AttemptKey::of(&a.address, &a.fingerprint, a.number, a.started)
}

/// An intent became durable: M1, M2, M5, M6, M7.
pub fn intent(world: &mut World, attempt: i64) {
    let a = &world.store.attempt(attempt).expect("it was just written").record;
    let (job, number, retake) = (a.job, a.number, a.retake);
    let rows = world.store.attempts().iter().map(|row| &row.record);
    let before = rows.clone().find(|b| b.job == job && b.number + 1 == number);
    if let Some(before) = before.filter(|before| before.retake != retake) {
        let id = before.id;
        let person = world.store.opinions.words.iter().any(|w| w.latest == id);
        world.count(match person {
            true => "retakes that a person asked for",
            false => "retakes that a check asked for",
        });
    }
    if let Err((invariant, what)) = intent_is_sound(world, attempt) {
        world.violate(invariant, format_args!("{what}"));
    }
}

fn intent_is_sound(world: &World, attempt: i64) -> Result<(), (&'static str, String)> {
    let life = world.life();
    let row = world.store.attempt(attempt).expect("it was just written");
    let a = &row.record;
    let all = world.store.attempts();
    let Some(approved) = &life.approved else {
        return Err(("M1", format!("{} begins though the approval was withdrawn", a.address)));
    };
    // By the time that was written down: the clock may jump between the decision and its commit.
    let behind = world.now() - a.started.as_microsecond();
    if behind > CLOCK_SLACK + MINUTE {
        return Err(("clock", format!("{} begins though the clock was set back", a.address)));
    }
    if let Some((approval, end)) = world.store.approval_ended(row.run, a.started) {
        return Err(("M1", format!("{} begins under approval {approval}: {end}", a.address)));
    }
    if a.plan != approved.plan {
        return Err(("M1", format!("{} is of a plan that is not approved", a.address)));
    }
    if world.unpriced.contains(a.address.as_str()) {
        return Err(("M7", format!("{} has no price", a.address)));
    }
    let before = all.iter().find(|b| b.record.job == a.job && b.record.number + 1 == a.number);
    if let Some(before) = before.filter(|b| !b.written_off).map(|b| &b.record)
        && before.fingerprint == a.fingerprint
        && (before.state == JobState::Done
            || (before.settled.get() > 0 && !life.pay_again)
            || before.state.is_open())
    {
        let state = before.state;
        return Err(("M2", format!("{} begins again after it was {state:?}", a.address)));
    }
    if let Some(before) = before.map(|b| &b.record).filter(|b| b.retake != a.retake) {
        retake_is_asked_for(world, before, a)?;
    }
    // M5; an overcharge that became durable meanwhile was not to be foreseen.
    let held = |counts: &dyn Fn(&Row) -> bool| -> i64 {
        all.iter().filter(|a| counts(a)).map(|a| a.held() - a.excess()).sum()
    };
    let ceiling = approved.ceiling.get();
    let lines = [
        ("the ceiling", Some(ceiling), held(&|b| b.record.plan == a.plan)),
        ("per_run", life.limits.per_run.map(|m| m.get()), held(&|b| b.run == row.run)),
        ("per_day", life.limits.per_day.map(|m| m.get()), held(&|b| b.day == row.day)),
        ("per_job", life.limits.per_job.map(|m| m.get()), a.reserved.get()),
    ];
    for (name, most, held) in lines {
        if a.reserved.get() > 0 && most.is_some_and(|most| held > most) {
            let most = most.unwrap_or_default();
            return Err(("M5", format!("{}: {held} is held, {name} is {most}", a.address)));
        }
    }
    if let Some(first) = life.waiting_at_start.iter().find(|at| !life.asked.contains(at)) {
        return Err(("M6", format!("{} begins before the clip of {first} is fetched", a.address)));
    }
    if let Some(at) = life.overcharged_at.get(&a.model)
        && world.now() - at > HELD_WITHIN
    {
        return Err(("M5", format!("{} begins though {} overcharged", a.address, a.model)));
    }
    Ok(())
}

/// M2: another clip of the same is made where somebody asks for it, a person's word before any check,
/// and checks no more often than the request allows. By what was durable when it began.
fn retake_is_asked_for(
    world: &World,
    before: &AttemptRecord,
    a: &AttemptRecord,
) -> Result<(), (&'static str, String)> {
    let address = &a.address;
    let wrong =
        |what: String| Err(("M2", format!("{address} begins as retake {}: {what}", a.retake)));
    if a.retake != before.retake + 1 {
        return wrong(format!("the one before is {}", before.retake));
    }
    let opinions = &world.store.opinions;
    let since = opinions.words.iter().rev().find(|w| w.word.job == a.job && w.latest == before.id);
    if let Some(word) = since.map(|row| &row.word) {
        return if word.retake {
            Ok(())
        } else {
            wrong(format!("a person said {:?}", word.verdict))
        };
    }
    let check = opinions.checks.iter().rev().find(|check| check.attempt == before.id);
    if before.state != JobState::Done || !check.is_some_and(|check| check.retake) {
        return wrong("nobody asked for it".to_owned());
    }
    if a.parts != before.parts {
        return Ok(());
    }
    let (most, made) = (most_retakes(&before.request), retakes_by_check(world, a));
    match made <= most {
        true => Ok(()),
        false => wrong(format!("it is the {made}. that checks asked for, of at most {most}")),
    }
}

/// How many attempts of a job, of what this one asks, began because a check asked for them.
fn retakes_by_check(world: &World, a: &AttemptRecord) -> u32 {
    let rows = || world.store.attempts().iter().map(|row| &row.record).filter(|b| b.job == a.job);
    let words = &world.store.opinions.words;
    let begun = rows().filter(|b| b.parts == a.parts).filter(|b| {
        let before = rows().find(|before| before.number + 1 == b.number);
        before.is_some_and(|before| {
            before.retake != b.retake
                && before.parts == b.parts
                && !words.iter().any(|w| w.word.job == b.job && w.latest == before.id)
        })
    });
    u32::try_from(begun.count()).expect("few")
}

/// A check became durable.
pub fn looked_at(world: &mut World, new: &NewCheck, asks: bool) {
    world.count(match new.verdict {
        ClipVerdict::Pass => "clips looked at: pass",
        ClipVerdict::Review => "clips looked at: review",
        ClipVerdict::Fail => "clips looked at: fail",
        ClipVerdict::NotInspected => "clips looked at: not_inspected",
    });
    if !asks {
        return;
    }
    world.count("checks that ask for another clip");
    let a = &world.store.attempt(new.attempt).expect("it was just looked at").record;
    let latest = world.store.latest(&a.address).is_some_and(|latest| latest.record.id == a.id);
    let spoken = world.store.opinions.words.iter().any(|w| w.word.job == a.job && w.latest == a.id);
    if new.verdict != ClipVerdict::Fail || a.state != JobState::Done || !latest || spoken {
        let what = format!("{} is asked for again after {:?}", a.address, new.verdict);
        world.violate("M2", format_args!("{what}"));
    }
}

/// A submission leaves: M3, M4. Returns what is reserved for it.
pub fn sending(world: &mut World, at: usize, request: &Request, key: &AttemptKey) -> i64 {
    let now = world.now();
    let found = match world.store.latest(&request.address) {
        None => Err(("M3", "it leaves without an intent".to_owned())),
        Some(row) => sent_as_written(row, request, key),
    };
    let site = &world.sites[at];
    let first = site.sent.iter().find(|sent| sent.key == key.as_str());
    let again = first.is_some_and(|first| match site.recovery {
        Recovery::Content => false,
        Recovery::Key(window) => now - first.at >= window,
        _ => true,
    });
    let found = match found {
        Ok(_) if again => Err(("M4", format!("{} is sent again", request.address))),
        found => found,
    };
    match found {
        Ok(estimate) => estimate,
        Err((invariant, what)) => {
            world.violate(invariant, format_args!("{}: {what}", request.address));
            0
        }
    }
}

fn sent_as_written(
    row: &Row,
    request: &Request,
    key: &AttemptKey,
) -> Result<i64, (&'static str, String)> {
    let a = &row.record;
    let what = if a.state != JobState::Submitting {
        format!("it leaves while the ledger says {:?}", a.state)
    } else if key_of(row) != *key {
        "it leaves under a key that is not its intent's".to_owned()
    } else if serde_json::to_string(request).ok().as_ref() != Some(&a.request) {
        "what leaves is not what was written".to_owned()
    } else {
        return Ok(a.estimate.get());
    };
    Err(("M3", what))
}

/// A provider is asked about an id: M3.
pub fn asking(world: &mut World, request: &Request, id: &RemoteId, fetch: bool) {
    let latest = world.store.latest(&request.address).map(|row| &row.record);
    // A fetch only reads, so it may begin while its step is on its way to the disk.
    let wanted: &[JobState] = match fetch {
        true => &[JobState::Ready, JobState::Fetching],
        false => &[JobState::Submitted],
    };
    let sound = latest.is_some_and(|a| {
        wanted.contains(&a.state)
            && a.remote_id.as_deref().map(RemoteId::from_stored).as_ref() == Some(id)
    });
    let (attempt, state) = latest.map_or((0, None), |a| (a.id, Some(a.state)));
    if !sound {
        let address = &request.address;
        let what = format!("{address} is asked for as {id} while the ledger says {state:?}");
        world.violate("M3", format_args!("{what}"));
    }
    world.life_mut().asked.insert(attempt);
}

/// A step became durable.
pub fn step(world: &mut World, t: &Transition) {
    let now = world.now();
    let row = world.store.attempt(t.attempt).expect("it was just written");
    let (model, over) = (row.record.model.clone(), row.excess() > 0);
    let verdict = match t.to {
        JobState::Done => clip_stands(world, row),
        JobState::Lost if t.kind == WRITTEN_OFF => may_be_written_off(world, row),
        JobState::Lost if row.record.remote_id.is_some() => clip_is_lost(world, row, now),
        _ => Ok(()),
    };
    let by_run = t.detail.get("settled_by").is_none();
    match t.kind {
        "done" => world.count("clips"),
        "failed" => world.count("generations that failed"),
        "lost" => world.count("clips lost"),
        "rejected" => world.count("clips rejected"),
        "unknown" => world.count("unknowns"),
        "replayed" => world.count("submissions sent again under their key"),
        "found_accepted" if by_run => world.count("unknowns settled by a run: accepted"),
        "found_refused" if by_run => world.count("unknowns settled by a run: refused"),
        WRITTEN_OFF => world.count("unknowns settled by a run: written off"),
        _ => {}
    }
    if t.from == JobState::Submitted && over {
        world.count("overcharges");
        world.life_mut().overcharged_at.entry(model).or_insert(now);
    }
    if !t.to.is_open() {
        // Whatever it was, nothing waits to be fetched any more.
        world.life_mut().asked.insert(t.attempt);
    }
    if let (JobState::Done, Some(clip)) = (t.to, &t.clip) {
        let path = Path::new(WORKSPACE).join(&clip.path);
        world.published.insert(path, clip.digest);
    }
    if let Err((invariant, what)) = verdict {
        world.violate(invariant, format_args!("{what}"));
    }
}

/// M4: only by the manifest's word, and within its cap for the month.
fn may_be_written_off(world: &World, row: &Row) -> Result<(), (&'static str, String)> {
    let address = &row.record.address;
    let Unknown::Resubmit { per_month } = world.life().unknown else {
        return Err(("M4", format!("{address} is written off, which nobody allowed")));
    };
    let month = |row: &Row| row.record.started.to_zoned(jiff::tz::TimeZone::UTC).month();
    let these = world.store.attempts().iter().filter(|r| r.written_off && month(r) == month(row));
    let sum: i64 = these.map(|r| r.record.settled.get()).sum();
    let most = Micros::from_decimal(per_month).expect("a cap in range").get();
    if sum > most {
        return Err(("M4", format!("{address} is written off: {sum} of at most {most}")));
    }
    Ok(())
}

/// M6: the clip is durable, with the recorded bytes, and of this very request.
fn clip_stands(world: &World, row: &Row) -> Result<(), (&'static str, String)> {
    let a = &row.record;
    let wrong = |what: &str| Err(("M6", format!("{} is done, but {what}", a.address)));
    let Some(clip) = &a.clip else { return wrong("the ledger knows no clip") };
    let path = Path::new(WORKSPACE).join(&clip.path);
    let Some(bytes) = world.disk.read_durable(&path) else {
        return wrong("its clip is not durable");
    };
    if Digest::of(bytes) != clip.digest || bytes.len() as u64 != clip.bytes {
        return wrong("its clip has other bytes");
    }
    let id = RemoteId::from_stored(a.remote_id.as_deref().unwrap_or_default()).id;
    if bytes != clip_bytes(&a.fingerprint.to_string(), &id) {
        return wrong("its clip is of something else");
    }
    for beside in ["json", "jpg"] {
        if world.disk.read_durable(&path.with_extension(beside)).is_none() {
            return wrong(&format!("its .{beside} is not durable"));
        }
    }
    Ok(())
}

/// A clip may only be given up when it can't be had any more.
fn clip_is_lost(world: &World, row: &Row, now: i64) -> Result<(), (&'static str, String)> {
    match generation_of(world, row) {
        Some(g) if g.is_there(now) && !g.garbage => {
            Err(("M6", format!("{} is given up, but {} can be had", row.record.address, g.id)))
        }
        _ => Ok(()),
    }
}

fn generation_of<'a>(world: &'a World, row: &Row) -> Option<&'a Generation> {
    let id = RemoteId::from_stored(row.record.remote_id.as_deref()?).id;
    world.sites.iter().flat_map(|s| &s.generations).find(|g| g.id == id)
}

/// After each process: M2, M4, M5, M6, M9, against the bill.
pub fn after_a_life(world: &mut World, said: &[RunEvent]) {
    if let Some(twin) = &world.twin
        && let Err(what) = twin.compare(&world.store)
    {
        world.violate("twin", format_args!("the real ledger holds something else: {what}"));
    }
    let verdict = rows_are_sound(world)
        .and_then(|()| bill_is_covered(world))
        .and_then(|()| files_are_whole(world))
        .and_then(|()| words_are_kept(world, said));
    if let Err((invariant, what)) = verdict {
        world.violate(invariant, format_args!("{what}"));
    }
}

fn rows_are_sound(world: &World) -> Result<(), (&'static str, String)> {
    for row in world.store.attempts() {
        let a = &row.record;
        let latest = world.store.latest(&a.address).is_some_and(|l| l.record.id == a.id);
        if a.state.is_open() && !latest {
            return Err(("M2", format!("{} is open twice", a.address)));
        }
        if a.state == JobState::Unknown && (a.reserved != a.estimate || a.message.is_none()) {
            return Err(("M4", format!("{} is unknown without money or evidence", a.address)));
        }
        if a.state == JobState::Done {
            clip_stands(world, row)?;
        }
    }
    Ok(())
}

/// Every generation is somebody's, who holds what it costs; no job is paid twice.
fn bill_is_covered(world: &World) -> Result<(), (&'static str, String)> {
    let now = world.now();
    let rows = world.store.attempts();
    let mut by_id: BTreeMap<String, &Row> = BTreeMap::new();
    for row in rows {
        if let Some(id) = &row.record.remote_id
            && let Some(other) = by_id.insert(RemoteId::from_stored(id).id, row)
            && other.record.address != row.record.address
        {
            let (a, b) = (&other.record.address, &row.record.address);
            return Err(("M9", format!("{a} and {b} both claim {id}")));
        }
    }
    let keys: BTreeMap<String, &Row> =
        rows.iter().map(|row| (key_of(row).as_str().to_owned(), row)).collect();
    let mut paid: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for g in world.sites.iter().flat_map(|s| &s.generations) {
        let Some(row) = by_id.get(&g.id).or_else(|| keys.get(&g.key)) else {
            return Err(("M3", format!("nobody knows of {} ({})", g.id, g.address)));
        };
        let a = &row.record;
        if a.state == JobState::Refused {
            return Err(("M4", format!("{} counts as refused, but made {}", a.address, g.id)));
        }
        let due = g.charge(now);
        let waits = row.written_off
            || matches!(a.state, JobState::Submitting | JobState::Submitted | JobState::Unknown);
        // What was not said yet can't be held beyond what was quoted.
        let due_so_far = if waits { due.min(a.estimate.get()) } else { due };
        // Attempts of one job may share a generation where it is known by its content.
        let claims = rows.iter().filter(|r| r.record.remote_id.as_deref() == Some(&g.id));
        let held = row.held().max(claims.map(Row::held).sum());
        if held < due_so_far {
            return Err(("M5", format!("{} costs {due}, {held} is held for {}", g.id, a.address)));
        }
        if !g.is_free() && g.outcome != Outcome::Never {
            *paid.entry((&g.address, &g.fingerprint)).or_default() += 1;
        }
    }
    let allowed = |address: &str, fingerprint: &str| {
        let off = of(world, address).filter(|row| row.written_off);
        off.filter(|row| row.record.fingerprint.to_string() == fingerprint).count()
    };
    takes_were_asked_for(world, paid.keys().copied())?;
    let twice = paid.into_iter().find(|((address, fingerprint), times)| {
        *times > 1 && !world.may_pay_again && *times as usize > 1 + allowed(address, fingerprint)
    });
    match twice {
        Some(((address, _), times)) => Err(("M2", format!("{address} is paid {times} times"))),
        None => Ok(()),
    }
}

/// Of each request no more clips are paid for than were approved with it and people asked for.
fn takes_were_asked_for<'a>(
    world: &World,
    paid: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), (&'static str, String)> {
    let mut takes: BTreeMap<(&str, [u64; 4]), (u32, &Row)> = BTreeMap::new();
    for (address, fingerprint) in paid {
        let of = of(world, address).find(|r| r.record.fingerprint.to_string() == fingerprint);
        let Some(row) = of else { continue };
        takes.entry((address, row.record.parts)).or_insert((0, row)).0 += 1;
    }
    for ((address, parts), (times, row)) in takes {
        let a = &row.record;
        let by_people = world.store.opinions.words.iter().filter(|w| {
            let about = world.store.attempt(w.latest).map(|row| row.record.parts);
            w.word.job == a.job && w.word.retake && about == Some(parts)
        });
        let most = 1 + by_people.count() + most_retakes(&a.request) as usize;
        if times as usize > most {
            return Err(("M2", format!("{address} is paid for {times} takes of at most {most}")));
        }
    }
    Ok(())
}

fn files_are_whole(world: &World) -> Result<(), (&'static str, String)> {
    for (path, digest) in &world.published {
        if world.disk.read_durable(path).map(Digest::of) != Some(*digest) {
            return Err(("M9", format!("{} was there, and is another file now", path.display())));
        }
    }
    Ok(())
}

/// What was told to people is in the ledger.
fn words_are_kept(world: &World, said: &[RunEvent]) -> Result<(), (&'static str, String)> {
    for event in said {
        let (job, kept) = match event {
            RunEvent::Done { job, .. } => {
                (job, of(world, job).any(|a| a.record.state == JobState::Done))
            }
            RunEvent::Submitted { job, attempt, .. } => (
                job,
                of(world, job).any(|a| a.record.number == *attempt && a.record.remote_id.is_some()),
            ),
            RunEvent::Unknown { job, .. } => {
                (job, of(world, job).any(|a| a.record.state != JobState::Submitting))
            }
            _ => continue,
        };
        if !kept {
            return Err(("M9", format!("it was said of {job}, but the ledger forgot: {event:?}")));
        }
    }
    Ok(())
}

fn of<'a>(world: &'a World, job: &'a str) -> impl Iterator<Item = &'a Row> {
    world.store.attempts().iter().filter(move |row| row.record.address.as_str() == job)
}
