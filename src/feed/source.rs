//! Records, whatever file they come from: what every form of feed is read into before anybody
//! asks what its columns mean.

use std::borrow::Cow;

use super::entry::{BadRow, Spot};
use super::problem::{FeedNote, FeedProblem};
use crate::digest::Digest;
use crate::encoding::Encoding;

/// A feed as records: cells in the order of columns.
pub(crate) trait RecordSource: Send {
    /// The columns, in order.
    fn columns(&self) -> &[WrittenColumn];

    /// The next records in file order, in one block or several; `None` at the end. How records
    /// are dealt out over blocks is the source's own affair: nothing that is seen depends on it.
    fn next_blocks(&mut self) -> Result<Option<Vec<Block>>, FeedProblem>;

    /// Begins again with the first record.
    fn restart(&mut self) -> Result<(), FeedProblem>;

    /// Digest of the file's bytes as they are on disk; whole once `next_blocks` gave `None`.
    fn digest(&self) -> Digest;

    /// How the file is written. What was believed at first may turn out otherwise.
    fn encoding(&self) -> Encoding {
        Encoding::UTF_8
    }

    /// What was decided by looking.
    fn notes(&self) -> Vec<FeedNote> {
        Vec::new()
    }
}

/// A column as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrittenColumn {
    /// Its name, without spaces around it.
    pub header: String,
    /// Where that stands.
    pub at: Spot,
}

/// Records that were read together.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// What the cells are ranges of: the file's own text, or what `cell` was given.
    text: String,
    cells: Vec<Cell>,
    records: Vec<Head>,
    bad: Vec<BadRow>,
    layout: Layout,
}

/// A cell as a range of its block's text.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone)]
struct Head {
    /// As people count, from 1.
    number: u64,
    /// The line on which it starts, from 1.
    line: u64,
    at: Spot,
    /// Its first cell; its last is before the next record's first.
    first_cell: u32,
    raw: Box<str>,
}

/// How a block's cells were got.
#[derive(Debug, Default)]
enum Layout {
    /// Told one by one, each with its place.
    #[default]
    Told,
}

/// Builds a block record by record: for sources that have the cells one by one.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    block: Block,
}

impl BlockBuilder {
    /// Begins a record. `number` is as people count, from 1; `line` is that on which it starts,
    /// from 1; `raw` is its text as it stands in the file, for the list of bad rows.
    pub fn begin(&mut self, number: u64, line: u64, at: Spot, raw: &str) {
        let _ = (number, line, at, raw);
    }

    /// The next cell of the record, in the order of columns; `None` where it is absent. Columns
    /// after the last cell are absent.
    pub fn cell(&mut self, text: Option<&str>, at: Spot) {
        let _ = (text, at);
    }

    /// Takes the record back that was begun last.
    pub fn take_back(&mut self) {}

    /// A row that is none.
    pub fn bad(&mut self, row: BadRow) {
        self.block.bad.push(row);
    }

    /// Bytes of text so far; a block should end after some hundred thousand.
    pub fn size(&self) -> usize {
        self.block.text.len()
    }

    /// The block.
    pub fn finish(self) -> Block {
        self.block
    }
}

/// One record of a block.
#[derive(Clone, Copy)]
pub(crate) struct Record<'b> {
    block: &'b Block,
    index: usize,
}

impl<'b> Record<'b> {
    /// The text of a cell; absent cells and those that are not there are `None`.
    pub fn get(self, column: usize) -> Option<Cow<'b, str>> {
        let _ = (self.block, self.index, column);
        None
    }
}
