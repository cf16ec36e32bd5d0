//! Feeds without a header: each item says itself which fields it has.
//!
//! What lives here: an item as XML and JSON lines give it, and the reader that keeps one of them
//! from filling the memory. What never does: what the fields mean.

use std::io::{self, BufRead, Read};

use super::entry::{BadRow, Spot};

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
    /// Where it stands.
    pub at: Spot,
    /// Its fields in their order, no name twice.
    pub fields: Result<Vec<Field>, BadRow>,
}

/// Why such a feed can't be read on, at a place of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Stable, for programs.
    pub code: &'static str,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What the label under the place says.
    pub label: String,
    /// What to do about it.
    pub help: String,
    /// Where, counted in bytes of the text.
    pub at: u64,
}

/// Gives items, one after another.
pub(crate) trait Items: Send {
    /// The next one; `None` at the end.
    fn next_item(&mut self) -> Result<Option<Item>, Broken>;
}

/// A reader that refuses to go on when too much was read since it was last told that all is well:
/// what parsers collect in one buffer is bounded by it.
pub(crate) struct Metered<R> {
    reader: R,
    most: u64,
    used: u64,
}

impl<R> Metered<R> {
    /// At most about `most` bytes between two calls of [`Metered::reset`].
    pub fn new(reader: R, most: u64) -> Self {
        Metered { reader, most, used: 0 }
    }

    /// All is well so far.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// Whether too much was read.
    pub fn exceeded(&self) -> bool {
        self.used > self.most
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

/// Whether a value is long enough to count as a picture's address among others, told apart by
/// commas: a comma inside an address is written `%2C`, as in a tab-separated feed.
pub(crate) fn join(values: &[String]) -> String {
    match values {
        [one] => one.clone(),
        many => {
            let address = |v: &str| v.starts_with("http://") || v.starts_with("https://");
            let escaped = many.iter().map(|v| match address(v) && !v.contains(",http") {
                true => v.replace(',', "%2C"),
                false => v.clone(),
            });
            escaped.collect::<Vec<_>>().join(",")
        }
    }
}
