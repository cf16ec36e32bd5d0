//! A feed in pieces of whole records, so that a file of any size is read in little memory and
//! the pieces can be parsed in parallel.

use std::io::Read;

use crate::digest::Digest;
use crate::limits::Limits;

/// How much is read at once.
const READ_BYTES: usize = 512 * 1024;

/// Whole records, as they stand in the file.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where it starts in the file.
    pub start: u64,
    /// Number of its first record, from 0 (the header).
    pub first_record: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a feed can't be read on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PieceProblem {
    /// The system refuses, in its words.
    Io(String),
    /// The quote at this byte is never closed.
    OpenQuote(u64),
    /// The quoted cell at this byte is beyond `feed_cell_bytes`.
    LongCell(u64),
    /// The file is beyond `feed_bytes`.
    LongFile,
    /// The file is UTF-16.
    Utf16,
}

/// Where in a record the scanner is. Quotes count only at the start of a cell, as the CSV
/// reader has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// Cuts a file into pieces.
pub(crate) struct Pieces<R> {
    reader: R,
    delimiter: u8,
    cell_limit: u64,
    byte_limit: u64,
    /// Read, but not yet given out.
    pending: Vec<u8>,
    /// Where `pending` starts in the file.
    start: u64,
    /// Number of the first record in `pending`.
    first_record: u64,
    /// Records that were scanned to their end.
    records: u64,
    /// How far `pending` was scanned.
    scanned: usize,
    state: State,
    /// Whether the record at the end of `pending` has any byte.
    started: bool,
    quote: u64,
    ended: bool,
    hasher: blake3::Hasher,
}

impl<R: Read> Pieces<R> {
    pub fn new(reader: R, delimiter: u8, limits: &Limits) -> Self {
        Pieces {
            reader,
            delimiter,
            cell_limit: limits.feed_cell_bytes,
            byte_limit: limits.feed_bytes,
            pending: Vec::new(),
            start: 0,
            first_record: 0,
            records: 0,
            scanned: 0,
            state: State::CellStart,
            started: false,
            quote: 0,
            ended: false,
            hasher: blake3::Hasher::new(),
        }
    }

    /// Digest of all bytes that were read.
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(*self.hasher.finalize().as_bytes())
    }

    /// The next piece; `None` at the end.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, PieceProblem> {
        while !self.ended {
            self.fill()?;
            let (cut, records) = self.scan()?;
            let first_record = self.first_record;
            if self.ended {
                return Ok(self.last_piece(first_record));
            }
            if cut > 0 {
                self.first_record = records;
                let rest = self.pending.split_off(cut);
                let bytes = std::mem::replace(&mut self.pending, rest);
                let start = self.start;
                self.start += cut as u64;
                self.scanned -= cut;
                return Ok(Some(Piece { start, first_record, bytes }));
            }
        }
        Ok(None)
    }

    fn last_piece(&mut self, first_record: u64) -> Option<Piece> {
        let bytes = std::mem::take(&mut self.pending);
        (!bytes.is_empty()).then_some(Piece { start: self.start, first_record, bytes })
    }

    fn fill(&mut self) -> Result<(), PieceProblem> {
        let before = self.pending.len();
        let n = (&mut self.reader)
            .take(READ_BYTES as u64)
            .read_to_end(&mut self.pending)
            .map_err(|e| PieceProblem::Io(e.to_string()))?;
        self.hasher.update(&self.pending[before..]);
        self.ended = n == 0;
        if self.start == 0 && before == 0 {
            if self.pending.starts_with(&[0xFF, 0xFE]) || self.pending.starts_with(&[0xFE, 0xFF]) {
                return Err(PieceProblem::Utf16);
            }
            if self.pending.starts_with(b"\xEF\xBB\xBF") {
                self.pending.drain(..3);
                self.start = 3;
            }
        }
        if self.start + self.pending.len() as u64 > self.byte_limit {
            return Err(PieceProblem::LongFile);
        }
        Ok(())
    }

    /// Scans what is new; gives the end of the last whole line outside quotes, and how many
    /// records end before it.
    fn scan(&mut self) -> Result<(usize, u64), PieceProblem> {
        let mut cut = 0;
        let mut records_at_cut = self.first_record;
        for (i, &byte) in self.pending.iter().enumerate().skip(self.scanned) {
            let line_end = byte == b'\n' || byte == b'\r';
            self.state = match self.state {
                State::Quoted if byte == b'"' => State::QuoteInQuoted,
                State::Quoted => State::Quoted,
                State::QuoteInQuoted if byte == b'"' => State::Quoted,
                State::CellStart if byte == b'"' => {
                    self.started = true;
                    self.quote = self.start + i as u64;
                    State::Quoted
                }
                _ if line_end => {
                    // A line break without a record before it is a blank line, or the second
                    // half of CR LF.
                    self.records += u64::from(self.started);
                    self.started = false;
                    if byte == b'\n' {
                        cut = i + 1;
                        records_at_cut = self.records;
                    }
                    State::CellStart
                }
                _ => {
                    self.started = true;
                    if byte == self.delimiter { State::CellStart } else { State::Plain }
                }
            };
        }
        self.scanned = self.pending.len();
        let end = self.start + self.scanned as u64;
        if self.state == State::Quoted {
            if self.ended {
                return Err(PieceProblem::OpenQuote(self.quote));
            }
            if end - self.quote > self.cell_limit {
                return Err(PieceProblem::LongCell(self.quote));
            }
        }
        // No cell may be longer than its limit, and no row is wider than some thousand cells;
        // without a line break in sight, this is no feed.
        let longest = self.cell_limit.saturating_mul(64);
        if !self.ended && (self.scanned - cut) as u64 > longest {
            return Err(PieceProblem::LongCell(self.start + cut as u64));
        }
        Ok((cut, records_at_cut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Result<Vec<(u64, u64, String)>, PieceProblem> {
        let mut pieces = Pieces::new(text.as_bytes(), b',', &Limits::default());
        let mut out = Vec::new();
        while let Some(piece) = pieces.next_piece()? {
            let text = String::from_utf8(piece.bytes).expect("the test's text");
            out.push((piece.start, piece.first_record, text));
        }
        Ok(out)
    }

    #[test]
    fn records_are_never_cut_inside_a_quoted_line_break() {
        let text = "\u{feff}a,b\r\n1,\"two\nlines\"\r\n";
        let found = pieces(text).expect("a good feed");
        let whole: String = found.iter().map(|(_, _, t)| t.as_str()).collect();
        assert_eq!(whole, &text[3..]);
        assert!(found.iter().all(|(_, _, t)| t.is_empty() || !t.ends_with("two\n")));
        assert_eq!(found[0].0, 3);
    }

    #[test]
    fn an_open_quote_is_found_where_it_opens() {
        assert_eq!(pieces("a,b\n1,\"two\n"), Err(PieceProblem::OpenQuote(6)));
    }
}
