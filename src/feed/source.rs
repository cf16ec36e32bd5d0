//! Records, whatever file they come from: what every form of feed is read into before anybody
//! asks what its columns mean.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::cells::{Cell, Line};
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

    /// The text that places count in, where no file has it: the names in a folder.
    fn listing(&self) -> Option<&str> {
        None
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
    /// What the cells are ranges of: the file's own text, or what the builder was told.
    text: String,
    cells: Vec<Cell>,
    records: Vec<Head>,
    bad: Vec<BadRow>,
    places: Places,
}

/// A record's cells, and where its text is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// How many records were before it in its block, bad ones counted.
    pub ordinal: u32,
    pub line: Line,
}

/// How the places of a block's records are known.
#[derive(Debug)]
enum Places {
    /// Its text is the file's from `start` on.
    Text { start: u64, first_number: u64, first_line: u64, breaks: OnceLock<LineBreaks> },
    /// Told one by one.
    Told { records: Vec<Told>, cells: Vec<Spot>, raw: String },
}

#[derive(Debug)]
struct Told {
    number: u64,
    line: u64,
    at: Spot,
}

impl Default for Places {
    fn default() -> Self {
        Places::Told { records: Vec::new(), cells: Vec::new(), raw: String::new() }
    }
}

impl Block {
    /// Text of the file from `start` on, with what stands in it.
    pub(super) fn of_text(
        text: String,
        start: u64,
        (first_number, first_line): (u64, u64),
        cells: Vec<Cell>,
        records: Vec<Head>,
    ) -> Self {
        let breaks = OnceLock::new();
        let places = Places::Text { start, first_number, first_line, breaks };
        Block { text, cells, records, bad: Vec::new(), places }
    }

    /// How many records it has that can be used.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// One of them.
    pub fn record(&self, index: usize) -> Record<'_> {
        Record { block: self, index }
    }

    /// All of them, in file order.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> + Clone {
        (0..self.records.len()).map(|index| self.record(index))
    }

    /// Adds a row that can't be used.
    pub(super) fn refuse(&mut self, row: BadRow) {
        self.bad.push(row);
    }

    /// Gives away its bad rows.
    pub(super) fn take_bad(&mut self) -> Vec<BadRow> {
        std::mem::take(&mut self.bad)
    }
}

/// One record of a block.
#[derive(Clone, Copy)]
pub(crate) struct Record<'b> {
    block: &'b Block,
    index: usize,
}

impl<'b> Record<'b> {
    /// The text of a cell; `None` where it is absent.
    pub fn get(self, column: usize) -> Option<Cow<'b, str>> {
        self.cell(column)?.text(&self.block.text)
    }

    /// Whether a cell is absent or has nothing in it; spaces are something.
    pub fn is_empty(self, column: usize) -> bool {
        self.cell(column).is_none_or(Cell::is_empty)
    }

    /// Whether there is nothing but spaces in any of its cells.
    pub fn is_blank(self) -> bool {
        (0..self.len()).all(|column| self.get(column).is_none_or(|text| text.trim().is_empty()))
    }

    /// How many cells it has.
    pub fn len(self) -> usize {
        self.head().line.cells as usize
    }

    /// Which of its block's it is.
    pub fn index(self) -> usize {
        self.index
    }

    /// Its number as people count, from 1.
    pub fn number(self) -> u64 {
        match &self.block.places {
            Places::Text { first_number, .. } => first_number + u64::from(self.head().ordinal),
            Places::Told { records, .. } => records[self.index].number,
        }
    }

    /// The line on which it starts, from 1. The first of its block that is asked looks through
    /// the block.
    pub fn line(self) -> u64 {
        match &self.block.places {
            Places::Text { first_line, breaks, .. } => {
                let breaks = breaks.get_or_init(|| LineBreaks::of(self.block.text.as_bytes()));
                first_line + breaks.before(self.head().line.start)
            }
            Places::Told { records, .. } => records[self.index].line,
        }
    }

    /// Where it starts: a byte.
    pub fn at(self) -> Spot {
        match &self.block.places {
            Places::Text { start, .. } => {
                Spot { start: start + u64::from(self.head().line.start), length: 1 }
            }
            Places::Told { records, .. } => records[self.index].at,
        }
    }

    /// Where a cell stands; where it would stand if it is not there, as near as is known.
    pub fn spot(self, column: usize) -> Spot {
        match &self.block.places {
            Places::Text { start, .. } => {
                let head = self.head().line;
                let Some(cell) = self.cell(column) else {
                    return Spot { start: start + u64::from(head.end), length: 0 };
                };
                let range = cell.range(&self.block.text);
                let length = u32::try_from(range.len()).unwrap_or(u32::MAX);
                Spot { start: start + range.start as u64, length }
            }
            Places::Told { cells, .. } => {
                let first = self.head().line.first_cell as usize;
                let there = column < self.len();
                if there { cells[first + column] } else { self.at() }
            }
        }
    }

    /// Its text as it stands in the file.
    pub fn raw(self) -> &'b str {
        let line = self.head().line;
        let text = match &self.block.places {
            Places::Text { .. } => &self.block.text,
            Places::Told { raw, .. } => raw,
        };
        &text[line.start as usize..line.end as usize]
    }

    fn head(self) -> Head {
        self.block.records[self.index]
    }

    fn cell(self, column: usize) -> Option<Cell> {
        let line = self.head().line;
        let there = column < line.cells as usize;
        there.then(|| self.block.cells[line.first_cell as usize + column])
    }
}

/// How many lines end in `text`: with LF, or with CR where no LF follows.
pub(super) fn line_breaks(text: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', text).count();
    (feeds + lone_returns(text).count()) as u64
}

fn lone_returns(text: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n'))
}

/// Where lines end in a text below 2 GiB, for whoever asks more than once.
#[derive(Debug)]
pub(super) struct LineBreaks(Vec<u32>);

impl LineBreaks {
    pub fn of(text: &[u8]) -> Self {
        let mut breaks: Vec<u32> = memchr::memchr_iter(b'\n', text)
            .chain(lone_returns(text))
            .map(|at| at as u32)
            .collect();
        breaks.sort_unstable();
        LineBreaks(breaks)
    }

    /// How many lines end before a place.
    pub fn before(&self, at: u32) -> u64 {
        self.0.partition_point(|end| *end < at) as u64
    }
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
        let first_cell = narrow(self.block.cells.len());
        let ordinal = narrow(self.block.records.len());
        let Places::Told { records, raw: all, .. } = &mut self.block.places else { return };
        let start = narrow(all.len());
        all.push_str(raw);
        let line_in_raw = Line { start, end: narrow(all.len()), first_cell, cells: 0 };
        records.push(Told { number, line, at });
        self.block.records.push(Head { ordinal, line: line_in_raw });
    }

    /// The next cell of the record, in the order of columns; `None` where it is absent. Columns
    /// after the last cell are absent.
    pub fn cell(&mut self, text: Option<&str>, at: Spot) {
        let Some(head) = self.block.records.last_mut() else { return };
        let Places::Told { cells, .. } = &mut self.block.places else { return };
        head.line.cells += 1;
        cells.push(at);
        let cell = match text {
            None => Cell::absent(),
            Some(text) => {
                let start = self.block.text.len();
                self.block.text.push_str(text);
                Cell::plain(start, narrow(self.block.text.len()) as usize)
            }
        };
        self.block.cells.push(cell);
    }

    /// A row that is none.
    pub fn bad(&mut self, row: BadRow) {
        self.block.bad.push(row);
    }

    /// Bytes so far; a block should end after some hundred thousand.
    pub fn size(&self) -> usize {
        let raw = match &self.block.places {
            Places::Told { raw, .. } => raw.len(),
            Places::Text { .. } => 0,
        };
        self.block.text.len().max(raw)
    }

    /// The block.
    pub fn finish(self) -> Block {
        self.block
    }
}

/// Places in a block are 31 bits wide; the limits on cells keep it far below.
fn narrow(length: usize) -> u32 {
    let narrow = u32::try_from(length).ok().filter(|n| n >> 31 == 0);
    narrow.expect("a block is below 2 GiB")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_before_a_place_are_those_that_end_there(text in "[a\n\r]{0,40}") {
            let breaks = LineBreaks::of(text.as_bytes());
            let begins = |at: &usize| !text[*at..].starts_with('\n') || !text[..*at].ends_with('\r');
            for at in (0..=text.len()).filter(begins) {
                prop_assert_eq!(breaks.before(at as u32), line_breaks(&text.as_bytes()[..at]));
            }
        }
    }
}
