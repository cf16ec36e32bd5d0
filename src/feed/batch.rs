//! What was read of a feed at once.

use std::sync::Arc;

use super::entry::{BadRow, Entry, Spot};
use super::grouping::record_of;
use super::source::{Block, Record};

/// What was read at once, in file order.
#[derive(Debug, Default)]
pub struct Batch {
    /// Products or variants. One whose rows are scattered stands where its last row is.
    pub entries: Vec<Entry>,
    /// Rows that can't be used; several may be about one row.
    pub bad: Vec<BadRow>,
    pub(super) blocks: Vec<Arc<Block>>,
    /// The written column that each column comes from.
    pub(super) origins: Arc<[Option<usize>]>,
}

impl Batch {
    /// Where the cell of an entry of this batch stands that column `column` comes from; the
    /// entry's own place where there is no such cell.
    pub fn spot(&self, entry: &Entry, column: usize) -> Spot {
        let origin = self.origins.get(column).copied().flatten();
        match (origin, self.record(entry)) {
            (Some(origin), Some(record)) if origin < record.len() => record.spot(origin),
            _ => entry.at,
        }
    }

    /// The row that an entry of this batch is taken from, as people count, from 1: the product's
    /// own, where variants may stand before it.
    pub fn row(&self, entry: &Entry) -> u64 {
        self.record(entry).map_or(entry.first_row, Record::number)
    }

    /// The line on which that row starts, from 1.
    pub fn line(&self, entry: &Entry) -> u64 {
        self.record(entry).map_or(entry.first_row, Record::line)
    }

    /// The text of that row, as it stands in the file.
    pub fn raw(&self, entry: &Entry) -> &str {
        self.record(entry).map_or("", Record::raw)
    }

    fn record(&self, entry: &Entry) -> Option<Record<'_>> {
        let block = self.blocks.get(entry.from.block as usize)?;
        let there = (entry.from.record as usize) < block.len();
        there.then(|| record_of(&self.blocks, entry.from))
    }
}
