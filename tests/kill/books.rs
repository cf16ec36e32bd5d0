//! The books: what the ledger and the disk say, held against what the providers wrote down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use kinora::digest::Digest;
use kinora::ledger::{AttemptRecord, JobState, Ledger, Mode, Which};
use kinora::plan::Request;
use kinora::providers::{AttemptKey, RemoteId};
use kinora::rehearsal::{BillLine, ServedClip};
use rust_decimal::Decimal;

use crate::players::{Part, Player, Recovery};

/// From this age on an empty list surely proves that a request never arrived, in seconds.
const PROVES_AFTER_S: i64 = 900;

/// Seconds within which a reply on this machine has surely been read.
const REPLY_S: i64 = 5;

/// Jobs by their state.
pub type States = BTreeMap<&'static str, u64>;

fn ledger(folder: &Path) -> Ledger {
    Ledger::open(folder, Mode::Read).expect("a ledger that was left by a kill can be read")
}

fn attempts(ledger: &Ledger) -> Vec<AttemptRecord> {
    let mut all = Vec::new();
    ledger.each_attempt(Which::All, |attempt| all.push(attempt)).expect("readable");
    all
}

/// Jobs by their state.
pub fn states(folder: &Path) -> States {
    let counts = ledger(folder).counts().expect("readable");
    counts.into_iter().map(|(state, count)| (state.as_str(), count)).collect()
}

/// Looks at the ledger between two lives: how many jobs are at an end. What is held may never pass
/// what was approved.
pub fn glance(folder: &Path) -> u64 {
    let ledger = ledger(folder);
    let approval = ledger.latest_approval().expect("readable").expect("it was approved");
    let holdings = ledger.holdings().expect("readable");
    let held: Decimal = holdings.iter().map(|holding| holding.held.to_decimal()).sum();
    let ceiling = approval.ceiling.to_decimal();
    assert!(held <= ceiling, "{held} is held, {ceiling} was approved");
    let counts = ledger.counts().expect("readable");
    let at_end = counts.into_iter().filter(|(s, _)| !s.is_open() || *s == JobState::Unknown);
    at_end.map(|(_, count)| count).sum()
}

/// A job as its provider knows it.
#[derive(Debug)]
struct Generation {
    id: String,
    attempt: Option<String>,
    prompt: String,
    amount: Decimal,
    reply_lost: bool,
    accepted: Timestamp,
    end: Option<End>,
}

#[derive(Debug)]
struct End {
    state: String,
    refunded: bool,
    clip: Option<ServedClip>,
    at: Timestamp,
}

impl Generation {
    fn due(&self) -> Decimal {
        let refunded = self.end.as_ref().is_some_and(|end| end.refunded);
        if refunded { Decimal::ZERO } else { self.amount }
    }
}

/// What a provider asks, as the shop counts it: a credit of the keyed provider is a cent, by its
/// model's card.
fn in_usd(amount: Decimal, unit: Option<&str>) -> Decimal {
    match unit {
        Some("USD") => amount,
        Some("runway credits") => (amount * Decimal::new(1, 2)).normalize(),
        other => panic!("no rate is stated for {other:?}"),
    }
}

/// What a provider's bill says, in the order of acceptance.
fn generations(lines: Vec<BillLine>, problems: &mut Vec<String>) -> Vec<Generation> {
    let mut all: Vec<Generation> = Vec::new();
    let mut by_id = HashMap::new();
    for line in lines {
        match line {
            BillLine::Accepted { id, attempt, prompt, amount, unit, reply_lost, at, .. } => {
                let amount = in_usd(amount.expect("every model has a price"), unit.as_deref());
                if by_id.insert(id.clone(), all.len()).is_some() {
                    problems.push(format!("{id} is on the bill twice"));
                }
                let accepted = at;
                let end = None;
                all.push(Generation { id, attempt, prompt, amount, reply_lost, accepted, end });
            }
            BillLine::Ended { id, state, refunded, clip, at, .. } => match by_id.get(&id) {
                Some(place) => all[*place].end = Some(End { state, refunded, clip, at }),
                None => problems.push(format!("{id} ended and was never accepted")),
            },
            BillLine::Repeated { .. } | BillLine::TurnedAway { .. } => {}
        }
    }
    all
}

/// What came of it all at one provider.
#[derive(Debug, Default)]
pub struct Account {
    pub accepted: usize,
    pub lost_replies: usize,
    pub repeated: usize,
    pub charged: Decimal,
    pub settled: Decimal,
    pub reserved: Decimal,
    /// Attempts whose outcome is unknown.
    pub unknown: usize,
    /// Of these, such that the provider has and charges.
    pub unknown_accepted: usize,
    /// What these are charged.
    pub unknown_charged: Decimal,
    pub jobs: States,
    pub problems: Vec<String>,
}

impl Account {
    /// In one line.
    pub fn text(&self, part: &Part) -> String {
        let mut text = format!(
            "{:8} {} accepted ({} replies cut, {} known by their key), {} charged = {} settled",
            part.provider,
            self.accepted,
            self.lost_replies,
            self.repeated,
            self.charged,
            self.settled
        );
        for (state, count) in &self.jobs {
            // Writing to a string can't fail.
            let _ = write!(text, ", {count} {state}");
        }
        if self.unknown > 0 {
            let _ = write!(
                text,
                " (of these {} accepted, charged {}; {} held)",
                self.unknown_accepted, self.unknown_charged, self.reserved
            );
        }
        text
    }
}

/// Everything that must hold in the end, by provider.
pub fn check(folder: &Path, players: &[Player], jobs: usize, cuts: &[Timestamp]) -> Vec<Account> {
    glance(folder);
    let ledger = ledger(folder);
    let all = attempts(&ledger);
    let mut accounts: Vec<Account> =
        players.iter().map(|player| account(folder, player, &all, cuts)).collect();
    let states = states(folder);
    let total: u64 = states.values().sum();
    let mut problems = Vec::new();
    if total != jobs as u64 {
        problems.push(format!("{total} jobs are in the ledger, {jobs} were planned"));
    }
    // Every clip's file belongs to a job that is done.
    let done: BTreeSet<String> =
        all.iter().filter_map(|a| Some(a.clip.as_ref()?.path.clone())).collect();
    for path in clips(folder) {
        if !done.contains(&path) {
            problems.push(format!("{path} belongs to nobody"));
        }
    }
    if let Some(account) = accounts.first_mut() {
        account.problems.extend(problems);
    }
    accounts
}

/// The clips' files, relative to the folder.
fn clips(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.join("clips")]);
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "mp4") {
                let relative = path.strip_prefix(folder).expect("below it");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// An attempt with what it is called by.
struct Ours<'a> {
    record: &'a AttemptRecord,
    key: String,
    prompt: String,
}

fn account(folder: &Path, player: &Player, all: &[AttemptRecord], cuts: &[Timestamp]) -> Account {
    let mut account = Account::default();
    let lines = player.bill();
    account.repeated = lines.iter().filter(|l| matches!(l, BillLine::Repeated { .. })).count();
    let bill = generations(lines, &mut account.problems);
    account.accepted = bill.len();
    account.lost_replies = bill.iter().filter(|generation| generation.reply_lost).count();
    let ours: Vec<Ours<'_>> =
        all.iter().filter(|a| a.provider == player.part.provider).map(ours).collect();
    once_each(&bill, &ours, &mut account);
    let by_id: HashMap<&str, &Generation> = bill.iter().map(|g| (g.id.as_str(), g)).collect();
    let mut known: HashMap<String, &Ours<'_>> = HashMap::new();
    for attempt in &ours {
        let Some(stored) = &attempt.record.remote_id else { continue };
        let id = RemoteId::from_stored(stored).id;
        match by_id.get(id.as_str()) {
            Some(generation) => compare(folder, attempt, generation, &mut account),
            None => account.problems.push(format!("{} has {id}, no bill does", name(attempt))),
        }
        if let Some(other) = known.insert(id, attempt) {
            let what = format!("{} and {} have one id", name(attempt), name(other));
            account.problems.push(what);
        }
    }
    for attempt in ours.iter().filter(|attempt| attempt.record.remote_id.is_none()) {
        without_id(player.part, attempt, &bill, &known, cuts, &mut account);
    }
    // What is charged and not known must be an attempt that is held as unknown.
    for generation in bill.iter().filter(|generation| !known.contains_key(&generation.id)) {
        let mut held = ours.iter().filter(|o| o.record.state == JobState::Unknown);
        if !held.any(|attempt| is_of(generation, attempt)) {
            let what = format!("{} is charged, and no attempt has or holds it", generation.id);
            account.problems.push(what);
        }
    }
    let latest: HashMap<i64, JobState> =
        ours.iter().map(|o| (o.record.job, o.record.state)).collect();
    for state in latest.into_values() {
        *account.jobs.entry(state.as_str()).or_default() += 1;
    }
    account.charged = known.keys().filter_map(|id| Some(by_id.get(id.as_str())?.due())).sum();
    account.settled = ours.iter().map(|o| o.record.settled.to_decimal()).sum();
    account.reserved = ours.iter().map(|o| o.record.reserved.to_decimal()).sum();
    if account.charged != account.settled {
        let what = format!("{} charged, {} settled", account.charged, account.settled);
        account.problems.push(what);
    }
    account
}

fn ours(record: &AttemptRecord) -> Ours<'_> {
    let request: Request = serde_json::from_str(&record.request).expect("a request");
    let key = AttemptKey::of(&record.address, &record.fingerprint, record.number, record.started);
    Ours { record, key: key.as_str().to_owned(), prompt: request.prompt }
}

fn name(attempt: &Ours<'_>) -> String {
    let AttemptRecord { address, number, state, message, .. } = attempt.record;
    let why = message.as_deref().unwrap_or_default();
    format!("{address} (attempt {number}, {}: {why})", state.as_str())
}

/// Whether a generation was made for an attempt: by its key, or where none is carried by its job.
fn is_of(generation: &Generation, attempt: &Ours<'_>) -> bool {
    match &generation.attempt {
        Some(key) => *key == attempt.key,
        None => generation.prompt == attempt.prompt,
    }
}

/// No job may be accepted twice. Only one that ended without a clip and was given back may be
/// followed by another, and only after its end.
fn once_each(bill: &[Generation], ours: &[Ours<'_>], account: &mut Account) {
    let job_by_key: HashMap<&str, i64> =
        ours.iter().map(|o| (o.key.as_str(), o.record.job)).collect();
    let job_by_prompt: HashMap<&str, i64> =
        ours.iter().map(|o| (o.prompt.as_str(), o.record.job)).collect();
    let mut last: HashMap<i64, &Generation> = HashMap::new();
    for generation in bill {
        let job = match &generation.attempt {
            Some(key) => job_by_key.get(key.as_str()),
            None => job_by_prompt.get(generation.prompt.as_str()),
        };
        let Some(job) = job else {
            account.problems.push(format!("{} is of no job: {}", generation.id, generation.prompt));
            continue;
        };
        let Some(before) = last.insert(*job, generation) else { continue };
        let given_back =
            before.end.as_ref().is_some_and(|e| e.refunded && e.at <= generation.accepted);
        if !given_back {
            let what = format!("accepted twice: {before:?} and then {generation:?}");
            account.problems.push(what);
        }
    }
}

/// An attempt that the provider knows, against its line on the bill.
fn compare(folder: &Path, attempt: &Ours<'_>, generation: &Generation, account: &mut Account) {
    let record = attempt.record;
    let mut differs = |what: String| {
        account.problems.push(format!("{} is {}: {what}", name(attempt), generation.id));
    };
    if !is_of(generation, attempt) {
        differs(format!("that was made for another job: {}", generation.prompt));
    }
    let Some(end) = &generation.end else { return differs("it has not ended".to_owned()) };
    let wanted = if end.state == "succeeded" { JobState::Done } else { JobState::Failed };
    if record.state != wanted {
        return differs(format!("it {}", end.state));
    }
    if record.settled.to_decimal() != generation.due()
        || record.reserved.to_decimal() != Decimal::ZERO
    {
        differs(format!(
            "{} is due, {} settled, {} reserved",
            generation.due(),
            record.settled.to_decimal(),
            record.reserved.to_decimal()
        ));
    }
    if wanted == JobState::Done
        && let Err(why) = same_clip(folder, record, end.clip.as_ref())
    {
        differs(why);
    }
}

/// The clip that was served, the one that was recorded, and the one on disk are one.
fn same_clip(
    folder: &Path,
    record: &AttemptRecord,
    served: Option<&ServedClip>,
) -> Result<(), String> {
    let served = served.ok_or("the provider served no clip")?;
    let recorded = record.clip.as_ref().ok_or("the ledger has no clip")?;
    let bytes = std::fs::read(folder.join(&recorded.path))
        .map_err(|e| format!("{}: {e}", recorded.path))?;
    let on_disk = Digest::of(&bytes).to_string();
    if served.digest != on_disk || recorded.digest.to_string() != on_disk {
        return Err(format!(
            "served {}, recorded {}, on disk {on_disk}",
            served.digest, recorded.digest
        ));
    }
    let sizes = (served.bytes, recorded.bytes, bytes.len() as u64);
    if sizes.0 != sizes.1 || sizes.1 != sizes.2 {
        return Err(format!("served, recorded and on disk are {sizes:?} bytes"));
    }
    Ok(())
}

/// An attempt whose id nobody knows: refused, or unknown for want of a way to ask.
fn without_id(
    part: &Part,
    attempt: &Ours<'_>,
    bill: &[Generation],
    known: &HashMap<String, &Ours<'_>>,
    cuts: &[Timestamp],
    account: &mut Account,
) {
    let record = attempt.record;
    let mut differs = |what: &str| account.problems.push(format!("{}: {what}", name(attempt)));
    if record.settled.to_decimal() != Decimal::ZERO {
        differs("money is settled for nothing");
    }
    let made = bill.iter().find(|g| !known.contains_key(&g.id) && is_of(g, attempt));
    match record.state {
        JobState::Refused => {
            if record.reserved.to_decimal() != Decimal::ZERO {
                differs("it is refused and holds money");
            }
            return;
        }
        JobState::Unknown => {}
        _ => return differs("it has no id and is neither refused nor unknown"),
    }
    if record.reserved != record.estimate {
        differs("it is unknown and does not hold its estimate");
    }
    // That nothing is listed proves nothing while the request may still arrive.
    let age = Timestamp::now().duration_since(record.started).as_secs();
    match (part.recovery, made) {
        (Recovery::Conclusive, None) if age < PROVES_AFTER_S => {}
        (Recovery::Conclusive | Recovery::Replay, _) => {
            differs("it is unknown, and there was a way to know");
        }
        (Recovery::Listed, Some(_)) => differs("the provider lists it, and it is unknown"),
        (Recovery::Listed, None) | (Recovery::Nothing, _) => {}
    }
    account.unknown += 1;
    if let Some(generation) = made {
        let cut = |at: &Timestamp| {
            (0..=REPLY_S).contains(&at.duration_since(generation.accepted).as_secs())
        };
        if !generation.reply_lost && !cuts.iter().any(cut) {
            let what = format!(
                "{}: {} was answered, and nobody was killed then",
                name(attempt),
                generation.id
            );
            account.problems.push(what);
        }
        account.unknown_accepted += 1;
        account.unknown_charged += generation.due();
    }
}
