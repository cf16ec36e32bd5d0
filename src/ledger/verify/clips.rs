//! Clips on disk: present, as long as recorded, with the recorded digest.

use std::fs::File;
use std::io;
use std::path::Path;

use rayon::prelude::*;
use rusqlite::Connection;

use super::{Checked, Fault, Rule};
use crate::digest::Digest;
use crate::ledger::current::current_clips;
use crate::ledger::error::LedgerError;
use crate::ledger::read::{bytes, count};

/// How closely clips on disk are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipCheck {
    /// Not at all.
    Skip,
    /// Whether they are there, and how long they are.
    Length,
    /// Read in full.
    Digest,
}

/// How many clips are looked at side by side; what is held in memory at once.
const AT_ONCE: usize = 1024;

struct Clip {
    job: String,
    attempt: u32,
    path: String,
    digest: Digest,
    bytes: u64,
}

/// Looks at the clips of jobs' latest attempts, at those that stand for their jobs, and at those that a
/// person accepted. Others of earlier attempts may have been cleared away.
pub(super) fn on_disk(
    c: &Connection,
    workspace: &Path,
    check: ClipCheck,
    checked: &mut Checked,
    each: &mut dyn FnMut(Fault),
) -> Result<(), LedgerError> {
    if check == ClipCheck::Skip {
        return Ok(());
    }
    let mut query = c.prepare(
        "SELECT j.address, a.number, c.path, c.digest, c.bytes, j.id, a.id,
             a.id = j.attempt OR 'accepted' IS (SELECT w.verdict FROM words w
             WHERE w.attempt = a.id ORDER BY w.id DESC LIMIT 1)
         FROM jobs j JOIN attempts a ON a.job = j.id JOIN clips c ON c.attempt = a.id
         ORDER BY a.id",
    )?;
    let current = current_clips(c)?;
    let mut rows = query.query([])?;
    loop {
        let mut clips = Vec::new();
        while clips.len() < AT_ONCE {
            let Some(row) = rows.next()? else { break };
            let (job, attempt, counts): (i64, i64, bool) = (row.get(5)?, row.get(6)?, row.get(7)?);
            if !counts && current.of_job(job) != Some(attempt) {
                continue;
            }
            clips.push(Clip {
                job: row.get(0)?,
                attempt: row.get(1)?,
                path: row.get(2)?,
                digest: Digest::from_bytes(bytes(row, 3)?),
                bytes: count(row, 4)?,
            });
        }
        if clips.is_empty() {
            return Ok(());
        }
        checked.clips += clips.len() as u64;
        let looked: Vec<_> =
            clips.par_iter().map(|clip| look(&workspace.join(&clip.path), clip, check)).collect();
        for (clip, (read, wrong)) in clips.into_iter().zip(looked) {
            checked.clip_bytes += read;
            if let Some((message, advice)) = wrong {
                let mut fault = Fault::of(Rule::Clips, format!("{} {message}", clip.path));
                fault.advice = advice.to_owned();
                each(fault.at(Some(clip.job), Some(clip.attempt)));
            }
        }
    }
}

const GONE: &str = "put it back from a backup; Kinora takes the job for done and makes no other by \
                    itself";
const OTHER: &str = "put the clip that was made back from a backup, and what stands there now \
                     elsewhere";

/// Bytes that were read, and what is wrong with what to do, if anything.
fn look(path: &Path, clip: &Clip, check: ClipCheck) -> (u64, Option<(String, &'static str)>) {
    let length = match std::fs::metadata(path) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return (0, Some(("is no file".to_owned(), OTHER))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return (0, Some(("is not on disk".to_owned(), GONE)));
        }
        Err(e) => return (0, Some((format!("can't be looked at: {e}"), GONE))),
    };
    if length != clip.bytes {
        let message = format!("has {length} bytes; the clip that was made has {}", clip.bytes);
        return (0, Some((message, OTHER)));
    }
    if check == ClipCheck::Length {
        return (0, None);
    }
    match File::open(path).and_then(Digest::of_reader) {
        Ok((digest, read)) if digest == clip.digest => (read, None),
        Ok((_, read)) => {
            (read, Some(("has other bytes than the clip that was made".to_owned(), OTHER)))
        }
        Err(e) => (0, Some((format!("can't be read: {e}"), GONE))),
    }
}
