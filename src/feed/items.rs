//! Feeds without a header: each item says itself which fields it has.
//!
//! What lives here: an item as XML and JSON lines give it, and the reader that keeps one of them
//! from filling the memory. What never does: what the fields mean.

use std::io::{self, BufRead, Read};

use super::entry::{BadRow, Spot};
use super::problem::FeedProblem;

/// One value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// What it is called.
    pub name: Box<str>,
    /// Its text; `None` where the feed says that there is none.
    pub text: Option<String>,
    /// Where it stands.
    pub at: Spot,
}

/// One product of such a feed, or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its number as people count them: of the element, or of the line, from 1.
    pub number: u64,
    /// The line on which it starts, from 1.
    pub line: u64,
    /// Where it stands.
    pub at: Spot,
    /// Its text as it stands in the file; of a long one the beginning.
    pub raw: String,
    /// Its fields in their order, no name twice.
    pub fields: Result<Vec<Field>, Flaw>,
}

/// What is wrong with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Stable, for programs.
    pub code: &'static str,
    /// The field, where it is one field's.
    pub column: Option<String>,
    /// What is wrong, without saying in which row.
    pub what: String,
    /// What the label under its place says.
    pub label: String,
    /// What to do about it.
    pub help: String,
    /// Where.
    pub at: Spot,
}

impl Item {
    /// Its flaw as a row that can't be used, if it has one.
    pub fn bad_row(&self) -> Option<BadRow> {
        let flaw = self.fields.as_ref().err()?;
        let column = flaw.column.as_ref().map(|c| format!(", column `{c}`"));
        Some(BadRow {
            row: self.number,
            line: self.line,
            column: flaw.column.clone(),
            code: flaw.code,
            reason: format!("row {}{}: {}", self.number, column.unwrap_or_default(), flaw.what),
            label: flaw.label.clone(),
            help: flaw.help.clone(),
            at: flaw.at,
            also: None,
            raw: Box::from(self.raw.as_str()),
        })
    }
}

/// Gives items, one after another.
pub(crate) trait Items: Send {
    /// The next one; `None` at the end.
    fn next_item(&mut self) -> Result<Option<Item>, FeedProblem>;
}

/// Bytes from `start` to `end`.
pub(crate) fn spot(start: u64, end: u64) -> Spot {
    Spot { start, length: u32::try_from(end.saturating_sub(start)).unwrap_or(u32::MAX) }
}

/// How much of an item's text is kept for the list of bad rows, in bytes.
const RAW_BYTES: usize = 64 << 10;

/// A reader that refuses to go on when too much was read since it was last told that all is well:
/// what parsers collect in one buffer is bounded by it. It also counts lines, and keeps the text
/// of the item that is being read.
pub(crate) struct Metered<R> {
    reader: R,
    most: u64,
    used: u64,
    line: u64,
    /// The text since [`Metered::begin`], if it was called.
    raw: Option<Vec<u8>>,
}

impl<R> Metered<R> {
    /// At most about `most` bytes between two calls of [`Metered::reset`].
    pub fn new(reader: R, most: u64) -> Self {
        Metered { reader, most, used: 0, line: 1, raw: None }
    }

    /// All is well so far.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// Whether too much was read.
    pub fn exceeded(&self) -> bool {
        self.used > self.most
    }

    /// The line that is being read, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// An item begins, with what was read of it already.
    pub fn begin(&mut self, already: &str) {
        self.raw = Some(already.as_bytes().to_vec());
    }

    /// An item ends: its text.
    pub fn end(&mut self) -> String {
        String::from_utf8_lossy(&self.raw.take().unwrap_or_default()).into_owned()
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.exceeded() {
            return Err(io::Error::other("too much without an end"));
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed was filled before, so this reads nothing.
        let consumed = self.reader.fill_buf().ok().and_then(|bytes| bytes.get(..amount));
        let consumed = consumed.unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', consumed).count() as u64;
        if let Some(raw) = &mut self.raw {
            let room = RAW_BYTES.saturating_sub(raw.len()).min(consumed.len());
            raw.extend_from_slice(&consumed[..room]);
        }
        self.used += amount as u64;
        self.reader.consume(amount);
    }
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(into.len());
        into[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

/// Several values as one cell. They are told apart by commas, so a comma inside an address is
/// written `%2C`, as in a tab-separated feed.
pub(crate) fn join(values: &[String]) -> String {
    let [one] = values else {
        let address = |v: &str| v.starts_with("http://") || v.starts_with("https://");
        let written = |v: &String| match address(v) && !v.contains(",http") {
            true => v.replace(',', "%2C"),
            false => v.clone(),
        };
        return values.iter().map(written).collect::<Vec<_>>().join(",");
    };
    one.clone()
}
