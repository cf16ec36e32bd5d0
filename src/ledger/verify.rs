//! Verifying a ledger: does everything in it agree with everything else, and with the clips on disk?
//!
//! What lives here: what is found and how it is said, and the order of the checks. What never does:
//! mending. Nothing is written, and memory does not grow with the ledger.

mod approvals;
mod checks;
mod clips;
mod replay;
mod rows;
mod words;

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::error::LedgerError;
use super::examine::is_there;
use super::open::{connect_reader, path_in};

pub use clips::ClipCheck;

/// Which rule something breaks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The file is a sound database, and what rows point to is there.
    File,
    /// The events of an attempt, done again in their order, lead to how it stands.
    Events,
    /// The amounts of an attempt are lawful for its state.
    Amounts,
    /// A job stands as its latest attempt does, and its attempts are numbered without gaps.
    Jobs,
    /// At most one attempt of a job is open, and none but the latest (M2).
    OneOpen,
    /// A total is the sum over its attempts.
    Totals,
    /// What is held under a plan is within the largest ceiling that was approved for it, save for
    /// what a provider charged beyond the reservation (M5).
    Ceiling,
    /// Approvals and revocations are what was recorded, and no attempt began under an approval that
    /// was revoked or had expired (M1).
    Approvals,
    /// No provider gave one id to two different requests.
    RemoteIds,
    /// What people said of clips stands as it was recorded, and no attempt began as a retake that
    /// nobody asked for.
    Words,
    /// What looking at clips came to stands as it was recorded, and asked for another clip no more often
    /// than the request allows.
    Checks,
    /// A job that is done has a clip, and only such a job.
    ClipRows,
    /// A clip that was made stands on disk with the recorded length and digest (M6).
    Clips,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fault {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The job, where it is about one.
    pub job: Option<String>,
    /// Which attempt of the job, from 1, where it is about one.
    pub attempt: Option<u32>,
    /// What was found, for people.
    pub message: String,
    /// What to do about it, for people.
    pub advice: String,
}

/// How much was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Checked {
    /// Jobs.
    pub jobs: u64,
    /// Attempts.
    pub attempts: u64,
    /// Events.
    pub events: u64,
    /// Totals of plan, run, day, provider, model and account.
    pub totals: u64,
    /// Plans with a ceiling.
    pub plans: u64,
    /// Clips that were looked for on disk.
    pub clips: u64,
    /// Bytes of clips that were read.
    pub clip_bytes: u64,
}

/// How many faults are kept in full; more than people read, few enough to hold.
const KEPT: usize = 1000;

/// What a verification came to, as `kinora ledger verify --json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Verified {
    /// How much was checked.
    pub checked: Checked,
    /// How many faults were found.
    pub found: u64,
    /// The first of them.
    pub faults: Vec<Fault>,
}

impl Verified {
    /// Counts a fault in.
    pub fn add(&mut self, fault: Fault) {
        self.found += 1;
        if self.faults.len() < KEPT {
            self.faults.push(fault);
        }
    }
}

const RESTORE: &str = "restore the ledger from a backup before anything is spent, and look at the \
                       provider's own list for what was submitted since";
const REPORT: &str = "this is a defect or an edit from outside; start no run before it is understood, \
                      and keep `kinora ledger export` of it";

impl Fault {
    fn of(rule: Rule, message: impl Into<String>) -> Fault {
        let advice = if rule == Rule::File { RESTORE } else { REPORT };
        Fault { rule, job: None, attempt: None, message: message.into(), advice: advice.to_owned() }
    }

    fn at(mut self, job: Option<String>, attempt: Option<u32>) -> Fault {
        (self.job, self.attempt) = (job, attempt);
        self
    }
}

/// Checks the ledger of `workspace` as it stands at one moment, also while a run goes on, and hands
/// every fault to `each`. A workspace without a ledger has nothing to be checked.
pub fn verify(
    workspace: &Path,
    clips: ClipCheck,
    each: &mut dyn FnMut(Fault),
) -> Result<Checked, LedgerError> {
    let path = path_in(workspace);
    if !is_there(&path)? {
        return Ok(Checked::default());
    }
    let connection = connect_reader(&path)?;
    let mut all = || -> Result<Checked, LedgerError> {
        connection.execute_batch("BEGIN")?;
        let mut checked = Checked::default();
        sound_file(&connection, each)?;
        replay::events(&connection, &mut checked, each)?;
        rows::jobs(&connection, &mut checked, each)?;
        rows::totals(&connection, &mut checked, each)?;
        rows::ceilings(&connection, &mut checked, each)?;
        approvals::approvals(&connection, each)?;
        rows::remote_ids(&connection, each)?;
        words::words(&connection, each)?;
        checks::checks(&connection, each)?;
        clips::on_disk(&connection, workspace, clips, &mut checked, each)?;
        Ok(checked)
    };
    all().map_err(|e| e.about(&path))
}

fn sound_file(c: &Connection, each: &mut dyn FnMut(Fault)) -> Result<(), LedgerError> {
    let mut query = c.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let verdict: String = row.get(0)?;
        if verdict != "ok" {
            each(Fault::of(Rule::File, verdict));
        }
    }
    let mut query = c.prepare("PRAGMA foreign_key_check")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (table, to): (String, String) = (row.get(0)?, row.get(2)?);
        let id: Option<i64> = row.get(1)?;
        let id = id.map_or_else(String::new, |id| format!(" {id}"));
        each(Fault::of(Rule::File, format!("row{id} of {table} points to none of {to}")));
    }
    Ok(())
}
