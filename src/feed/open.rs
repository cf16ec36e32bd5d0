//! Opening a feed, and reading it batch by batch.

use std::collections::BTreeSet;
use std::path::Path;

use super::entry::{BadRow, Each, Entry, FeedFormat, Spot};
use super::problem::{FeedNote, FeedProblem};
use crate::digest::Digest;
use crate::encoding::Encoding;
use crate::limits::Limits;

/// What is said about a feed before it is read; whatever is not said is found out.
#[derive(Debug, Clone, Default)]
pub struct FeedOptions {
    /// Which program wrote it.
    pub format: Option<FeedFormat>,
    /// What becomes an entry.
    pub each: Each,
    /// What stands between two cells.
    pub delimiter: Option<u8>,
    /// How its text is written.
    pub encoding: Option<Encoding>,
    /// How a folder's files are grouped: `{id}-{view}.jpg`.
    pub pattern: Option<String>,
    /// Attributes or headers whose text is kept; the others' cells are absent in every row.
    /// `None` keeps all.
    pub keep: Option<BTreeSet<String>>,
}

/// A column of what a feed gives: a cell of each entry's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedColumn {
    /// The attribute it is when the manifest says nothing else; absent where the header has no
    /// letter that a name could be made of.
    pub attribute: Option<String>,
    /// As written in the file; absent where it is made of several columns or of several rows.
    pub header: Option<String>,
    /// Where the header stands; absent where there is none.
    pub at: Option<Spot>,
    /// Whether it is text even where it looks like a number: ids, SKUs, barcodes.
    pub text: bool,
}

/// A feed that is being read.
pub struct Feed {
    format: FeedFormat,
    columns: Vec<FeedColumn>,
}

/// What was read at once, in file order.
#[derive(Debug, Default)]
pub struct Batch {
    /// Products or variants.
    pub entries: Vec<Entry>,
    /// Rows that can't be used; several may be about one row.
    pub bad: Vec<BadRow>,
}

/// Opens a file or a folder: finds out what was not said, and reads its columns.
pub fn open(path: &Path, options: &FeedOptions, limits: &Limits) -> Result<Feed, FeedProblem> {
    let _ = (path, options, limits);
    Err(FeedProblem::new("feed::empty", "the feed is empty"))
}

impl Feed {
    /// Which program wrote it, as told or as found out.
    pub fn format(&self) -> FeedFormat {
        self.format
    }

    /// How its text is written. May change until the last batch is read: that a feed is
    /// Windows-1252 is known at its first letter beyond ASCII.
    pub fn encoding(&self) -> Encoding {
        Encoding::UTF_8
    }

    /// Its columns: those of every entry's row, in order. For plain CSV and JSON lines these are
    /// the file's own; for shops' exports they begin with what all of them have (`id`, `title`,
    /// `price`, …).
    pub fn columns(&self) -> &[FeedColumn] {
        &self.columns
    }

    /// Decides column by column, before the first batch, whose text is kept.
    pub fn keep(&mut self, kept: impl Fn(usize, &FeedColumn) -> bool) {
        let _ = kept;
    }

    /// The next entries and bad rows, in file order; `None` at the end. Its memory does not grow
    /// with the file.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, FeedProblem> {
        Ok(None)
    }

    /// Digest of the bytes as they are on disk (of a folder: its files' names). Whole once
    /// `next_batch` gave `None`.
    pub fn digest(&self) -> Digest {
        Digest::of(b"")
    }

    /// What was decided by looking and may be wrong; complete once `next_batch` gave `None`.
    pub fn notes(&self) -> Vec<FeedNote> {
        Vec::new()
    }
}

impl Batch {
    /// Where the cell of an entry of this batch stands that column `column` comes from; the
    /// entry's own place where there is no such cell.
    pub fn spot(&self, entry: &Entry, column: usize) -> Spot {
        let _ = column;
        entry.at
    }

    /// The line on which the first row of an entry of this batch starts, from 1.
    pub fn line(&self, entry: &Entry) -> u64 {
        entry.first_row
    }

    /// The text of the first row of an entry of this batch, as it stands in the file.
    pub fn raw(&self, entry: &Entry) -> &str {
        let _ = entry;
        ""
    }
}
