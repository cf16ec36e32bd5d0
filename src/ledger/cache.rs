//! Caches: picture facts and plans. Losing them costs time, never money or a clip.

use rusqlite::params;

use super::error::LedgerError;
use super::open::Ledger;
use super::read::bytes;
use crate::digest::Digest;
use crate::media::{Facts, Format, Orientation, PictureCache, Stamp, Traits};

/// How many plans are kept; the oldest go first.
const PLANS_KEPT: i64 = 16;

/// Whether something was put into a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It was.
    Yes,
    /// It was not, and nothing depends on it; the next plan looks again. Worth a word to people.
    Skipped {
        /// Why not.
        why: String,
    },
}

impl Stored {
    /// A cache that can't be written just now is no reason to fail. A damaged or foreign ledger
    /// is.
    fn of(result: Result<(), LedgerError>) -> Result<Stored, LedgerError> {
        match result {
            Ok(()) => Ok(Stored::Yes),
            Err(error @ (LedgerError::Busy { .. } | LedgerError::Unusable { .. })) => {
                Ok(Stored::Skipped { why: error.to_string() })
            }
            Err(error) => Err(error),
        }
    }
}

impl Ledger {
    /// What is known of pictures.
    pub fn picture_facts(&self) -> Result<PictureCache, LedgerError> {
        let read = || -> rusqlite::Result<PictureCache> {
            let c = self.reading();
            let mut query = c.prepare(
                "SELECT path, size, mtime_ns, inode, digest, format, width, height, orientation,
                     traits
                 FROM pictures",
            )?;
            let mut rows = query.query([])?;
            let mut cached = PictureCache::new();
            while let Some(row) = rows.next()? {
                // A format or a trait that this binary doesn't know is looked at again.
                let Some(format) = Format::parse(row.get_ref(5)?.as_str()?) else { continue };
                let Some(traits) = Traits::from_bits(row.get(9)?) else { continue };
                let size = row.get::<_, i64>(1)?.cast_unsigned();
                let stamp = Stamp {
                    size,
                    mtime_ns: row.get(2)?,
                    inode: row.get::<_, i64>(3)?.cast_unsigned(),
                };
                let facts = Facts {
                    digest: Digest::from_bytes(bytes(row, 4)?),
                    bytes: size,
                    format,
                    width: row.get(6)?,
                    height: row.get(7)?,
                    orientation: Orientation(row.get(8)?),
                    traits,
                };
                cached.insert(row.get_ref(0)?.as_str()?.into(), (stamp, facts));
            }
            Ok(cached)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Keeps facts of pictures by path, over whatever was known of those paths.
    pub fn store_picture_facts(
        &self,
        facts: Vec<(Box<str>, Stamp, Facts)>,
    ) -> Result<Stored, LedgerError> {
        if facts.is_empty() {
            return Ok(Stored::Yes);
        }
        Stored::of(self.write_shortly(move |c| {
            let mut insert = c.prepare_cached(
                "INSERT OR REPLACE INTO pictures (path, size, mtime_ns, inode, digest, format,
                     width, height, orientation, traits) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for (path, stamp, facts) in &facts {
                insert.execute(params![
                    &**path,
                    stamp.size.cast_signed(),
                    stamp.mtime_ns,
                    stamp.inode.cast_signed(),
                    facts.digest.as_bytes(),
                    facts.format.as_str(),
                    facts.width,
                    facts.height,
                    facts.orientation.0,
                    facts.traits.bits()
                ])?;
            }
            Ok(())
        }))
    }

    /// What was stored for a plan of these inputs. The planner puts into `inputs` all that the
    /// plan depends on, [`Ledger::serial`] included.
    pub fn cached_plan(&self, inputs: &Digest) -> Result<Option<String>, LedgerError> {
        self.one("SELECT summary FROM plans WHERE inputs = ?", &inputs.as_bytes()[..], |row| {
            row.get(0)
        })
    }

    /// Keeps a plan's summary for the same inputs.
    pub fn store_plan(&self, inputs: &Digest, summary: String) -> Result<Stored, LedgerError> {
        let inputs = *inputs;
        Stored::of(self.write_shortly(move |c| {
            c.execute(
                "INSERT OR REPLACE INTO plans (id, inputs, summary)
                 VALUES ((SELECT coalesce(max(id), 0) + 1 FROM plans), ?, ?)",
                params![inputs.as_bytes(), summary],
            )?;
            c.execute(
                "DELETE FROM plans WHERE id <= (SELECT max(id) FROM plans) - ?",
                [PLANS_KEPT],
            )?;
            Ok(())
        }))
    }
}
