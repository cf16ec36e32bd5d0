//! Cuts the text of a CSV file into pieces of whole records, so that a file of any size is read
//! in little memory and its pieces are parsed in parallel.
//!
//! Only what is between quotes has to be known in order; everything else about a piece is left
//! to whoever parses it.

use std::io::Read;

use memchr::{memchr, memrchr};

use super::entry::Spot;
use super::problem::FeedProblem;
use crate::encoding::Decoded;
use crate::limits::Limits;

/// No piece is longer: places in one are 31 bits wide.
const MOST_PIECE_BYTES: u64 = 1 << 30;

/// Whole records, as they stand in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it starts in the text.
    pub start: u64,
    /// The text; UTF-8 where the file is sound.
    pub bytes: Vec<u8>,
}

/// Cuts a file into pieces.
pub(super) struct Cutter<R> {
    text: Decoded<R>,
    delimiter: u8,
    cell_limit: u64,
    byte_limit: u64,
    /// Read, but not yet given out; begins with a record.
    pending: Vec<u8>,
    /// Where `pending` starts in the text.
    start: u64,
    /// How far `pending` was looked through.
    scanned: usize,
    /// Where in `pending` the quote opens that is still open.
    open_quote: Option<usize>,
    /// Where a cell in quotes opens that is too long to read on.
    long: Option<usize>,
    /// Where something outside of quotes begins and ends, in what was looked through last.
    outside: Vec<(usize, usize)>,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    /// Of a text of which `read` was already taken.
    pub fn new(text: Decoded<R>, read: Vec<u8>, delimiter: u8, limits: &Limits) -> Self {
        Cutter {
            text,
            delimiter,
            cell_limit: limits.feed_cell_bytes,
            byte_limit: limits.feed_bytes,
            pending: read,
            start: 0,
            scanned: 0,
            open_quote: None,
            long: None,
            outside: Vec::new(),
            ended: false,
        }
    }

    /// The text behind.
    pub fn text(&self) -> &Decoded<R> {
        &self.text
    }

    /// The next piece; `None` at the end.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, FeedProblem> {
        while !self.ended {
            self.fill()?;
            self.scan();
            let cut = if self.ended { self.pending.len() } else { self.cut() };
            self.check(cut)?;
            if cut > 0 {
                return Ok(Some(self.take(cut)));
            }
        }
        Ok(None)
    }

    fn fill(&mut self) -> Result<(), FeedProblem> {
        let more = self.text.fill(&mut self.pending).map_err(|e| FeedProblem::unreadable(&e))?;
        self.ended = !more;
        if self.start + self.pending.len() as u64 > self.byte_limit {
            let message = format!("the feed has more than {} bytes", self.byte_limit);
            let help = Limits::how_to_raise("feed_bytes");
            return Err(FeedProblem::new("feed::limit", message).help(help));
        }
        Ok(())
    }

    /// Goes from quote to quote. A quote opens only at the start of a cell, and closes unless
    /// another follows.
    fn scan(&mut self) {
        self.outside.clear();
        let most = self.longest_quoted();
        let text = &self.pending[..];
        let mut at = self.scanned;
        while at < text.len() {
            if let Some(open) = self.open_quote {
                let Some(found) = memchr(b'"', &text[at..]) else {
                    at = text.len();
                    break;
                };
                let quote = at + found;
                match text.get(quote + 1) {
                    Some(b'"') => at = quote + 2,
                    None if !self.ended => {
                        // Whether it closes is for the next byte to say.
                        at = quote;
                        break;
                    }
                    _ => {
                        if (quote - open) as u64 > most {
                            self.long = self.long.or(Some(open));
                        }
                        self.open_quote = None;
                        at = quote + 1;
                    }
                }
                continue;
            }
            let from = at;
            at = loop {
                let Some(found) = memchr(b'"', &text[at..]) else { break text.len() };
                let quote = at + found;
                at = quote + 1;
                let opens = match quote.checked_sub(1).map(|before| text[before]) {
                    None | Some(b'\n' | b'\r') => true,
                    Some(byte) => byte == self.delimiter,
                };
                if opens {
                    self.open_quote = Some(quote);
                    break at;
                }
            };
            self.outside.push((from, self.open_quote.unwrap_or(at)));
        }
        self.scanned = at;
        // It has at least what was looked through: one that goes on is judged as if it had ended.
        let goes_on = self.open_quote.filter(|open| (at - open) as u64 > most);
        self.long = self.long.or(goes_on);
    }

    /// How long a cell in quotes may be as it is written, the first of its quotes counted. Where
    /// all that it has is doubled quotes it is twice as long as what it says; one between the two
    /// is a bad row, wherever reads end.
    fn longest_quoted(&self) -> u64 {
        self.cell_limit.saturating_mul(2).saturating_add(1).min(MOST_PIECE_BYTES)
    }

    /// Behind the last line break outside of quotes; 0 where there is none. Where a file ends
    /// its lines with CR alone, that is one.
    fn cut(&self) -> usize {
        let last = |byte: u8, outside: &(usize, usize)| {
            let (from, to) = *outside;
            memrchr(byte, &self.pending[from..to]).map(|found| from + found + 1)
        };
        let feed = self.outside.iter().rev().find_map(|o| last(b'\n', o));
        // The LF that may follow a CR at the very end belongs to it.
        let carriage = || self.outside.iter().rev().find_map(|o| last(b'\r', o));
        feed.or_else(|| carriage().filter(|cut| *cut < self.pending.len())).unwrap_or(0)
    }

    fn check(&self, cut: usize) -> Result<(), FeedProblem> {
        let at = |offset: usize| Spot { start: self.start + offset as u64, length: 1 };
        if let Some(quote) = self.long {
            return Err(self.long_cell(at(quote)));
        }
        if let Some(quote) = self.open_quote.filter(|_| self.ended) {
            return Err(FeedProblem::new("feed::open_quote", "a quote is opened and never closed")
                .at(at(quote), "opened here")
                .help("close it, or double it (`\"\"`) if it belongs to the text"));
        }
        // No cell may be longer than its limit, and no row is wider than some thousand cells;
        // without a line break in sight, this is no feed.
        let longest = self.cell_limit.saturating_mul(64).min(MOST_PIECE_BYTES);
        let rest = (self.pending.len() - if self.ended { 0 } else { cut }) as u64;
        if rest > longest && (!self.ended || rest > MOST_PIECE_BYTES) {
            return Err(self.long_cell(at(cut)));
        }
        Ok(())
    }

    fn long_cell(&self, at: Spot) -> FeedProblem {
        let message = format!("a cell has more than {} bytes", self.cell_limit);
        FeedProblem::new("feed::limit", message)
            .at(at, "starts here; is its quote ever closed?")
            .help(Limits::how_to_raise("feed_cell_bytes"))
    }

    fn take(&mut self, cut: usize) -> Piece {
        let rest = self.pending.split_off(cut);
        let bytes = std::mem::replace(&mut self.pending, rest);
        let start = self.start;
        self.start += cut as u64;
        self.scanned -= cut.min(self.scanned);
        self.open_quote = self.open_quote.map(|quote| quote - cut);
        Piece { start, bytes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &[u8], read_bytes: usize) -> Result<Vec<Piece>, FeedProblem> {
        let decoded = Decoded::new(text, None).in_reads_of(read_bytes);
        let mut cutter = Cutter::new(decoded, Vec::new(), b',', &Limits::default());
        let mut out = Vec::new();
        while let Some(piece) = cutter.next_piece()? {
            out.push(piece);
        }
        Ok(out)
    }

    #[test]
    fn an_open_quote_is_found_where_it_opens() {
        let problem = pieces(b"a,b\n1,\"two\n", 100).expect_err("it is open");
        assert_eq!((problem.code, problem.at.map(|at| at.start)), ("feed::open_quote", Some(6)));
    }

    #[test]
    fn a_cell_is_too_long_wherever_reads_end() {
        let limits = Limits { feed_cell_bytes: 4, ..Limits::default() };
        let stops = |cell: &str, read_bytes: usize| {
            let text = format!("a,b\n1,{cell}\n2,3\n");
            let decoded = Decoded::new(text.as_bytes(), None).in_reads_of(read_bytes);
            let mut cutter = Cutter::new(decoded, Vec::new(), b',', &limits);
            loop {
                match cutter.next_piece() {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(problem) => break Some((problem.code, problem.at.map(|at| at.start))),
                }
            }
        };
        for read_bytes in 1..40 {
            for cell in ["\"four\"", "\"eight888\"", "\"\"\"\"\"\"\"\"\"\""] {
                assert_eq!(stops(cell, read_bytes), None, "{cell} in reads of {read_bytes}");
            }
            for cell in ["\"nine99999\"", "\"never closed"] {
                let long = Some(("feed::limit", Some(6)));
                assert_eq!(stops(cell, read_bytes), long, "{cell} in reads of {read_bytes}");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_counts_for_nothing() {
        let found = pieces("\u{feff}a,b\r\n1,\"two\nlines\"\r\n".as_bytes(), 100).expect("a feed");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].start, &found[0].bytes[..3]), (0, &b"a,b"[..]));
    }

    proptest! {
        #[test]
        fn pieces_are_whole_records_wherever_reads_end(
            text in "[ab,\"\n\r]{0,40}",
            read_bytes in 1..9usize,
        ) {
            let records = |text: &[u8]| {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .from_reader(text);
                reader.byte_records().map(|r| r.expect("memory")).collect::<Vec<_>>()
            };
            if let Ok(pieces) = pieces(text.as_bytes(), read_bytes) {
                let mut parted = Vec::new();
                let mut start = 0;
                for piece in &pieces {
                    prop_assert_eq!(piece.start, start);
                    start += piece.bytes.len() as u64;
                    parted.extend(records(&piece.bytes));
                }
                prop_assert_eq!(start, text.len() as u64);
                prop_assert_eq!(parted, records(text.as_bytes()));
            }
        }
    }
}
