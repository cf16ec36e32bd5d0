//! CSV and its kin as records: values parted by commas, tabs, semicolons or bars, the first row
//! naming the columns. Pieces of the file are parsed in parallel.

use std::fs::File;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::cells::{self, Cell, Line};
use super::cutter::{Cutter, Piece};
use super::entry::{BadRow, Spot};
use super::problem::{FeedNote, FeedProblem};
use super::source::{Block, Head, LineBreaks, RecordSource, WrittenColumn, line_breaks};
use crate::digest::Digest;
use crate::encoding::{Decoded, Encoding};
use crate::limits::Limits;

/// How many pieces are parsed at once, for each thread.
const PIECES_PER_THREAD: usize = 2;

/// What may stand between two cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// How a file is read.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub delimiter: Option<u8>,
    pub encoding: Option<Encoding>,
    /// Bytes that are read at once.
    pub read_bytes: usize,
}

/// A CSV file.
pub(super) struct Delimited {
    path: PathBuf,
    how: How,
    limits: Limits,
    delimiter: u8,
    columns: Vec<WrittenColumn>,
    cutter: Cutter<File>,
    /// The piece that begins with the header, until it is parsed.
    first: Option<Piece>,
    /// Numbers of the next piece's first record and line, from 1.
    next: (u64, u64),
    /// What was met behind the pieces that were given out last.
    stopped: Option<FeedProblem>,
}

impl Delimited {
    /// Opens a file and reads its header.
    pub fn open(path: &Path, how: How, limits: &Limits) -> Result<Self, FeedProblem> {
        let (mut cutter, delimiter) = start(path, &how, limits)?;
        let mut first = cutter.next_piece()?.ok_or_else(empty)?;
        let mut line = 1;
        if let Some((_, length)) = told_delimiter(&first.bytes) {
            line += line_breaks(&first.bytes[..length]);
            first.start += length as u64;
            first.bytes.drain(..length);
            if first.bytes.is_empty() {
                first = cutter.next_piece()?.ok_or_else(empty)?;
            }
        }
        let columns = header(&first, delimiter)?;
        if let ([only], Some(_)) = (&columns[..], how.delimiter)
            && let Some(other) = DELIMITERS.iter().find(|d| only.header.as_bytes().contains(d))
        {
            let shown =
                if *other == b'\t' { "tab".to_owned() } else { format!("\"{}\"", *other as char) };
            return Err(FeedProblem::new("feed::delimiter", "the feed has only one column")
                .at(only.at, "one cell")
                .help(format!("write `delimiter: {shown}` beside `from`")));
        }
        Ok(Delimited {
            path: path.to_owned(),
            how,
            limits: limits.clone(),
            delimiter,
            columns,
            cutter,
            first: Some(first),
            next: (1, line),
            stopped: None,
        })
    }

    fn gather(&mut self) -> Vec<Piece> {
        let at_once = rayon::current_num_threads() * PIECES_PER_THREAD;
        let mut pieces: Vec<Piece> = self.first.take().into_iter().collect();
        while pieces.len() < at_once {
            match self.cutter.next_piece() {
                Ok(Some(piece)) => pieces.push(piece),
                Ok(None) => break,
                Err(problem) => {
                    // What stands before it is read all the same.
                    self.stopped = Some(problem);
                    break;
                }
            }
        }
        pieces
    }

    fn block(&mut self, parsed: Parsed) -> Block {
        let (number, line) = self.next;
        self.next = (number + u64::from(parsed.count), line + parsed.lines);
        let breaks = (!parsed.damages.is_empty()).then(|| LineBreaks::of(parsed.text.as_bytes()));
        let bad_row = |damage: &Damage| {
            let before = breaks.as_ref().map_or(0, |breaks| breaks.before(damage.line.start));
            self.bad_row(damage, &parsed, number, line + before)
        };
        let rows: Vec<BadRow> = parsed.damages.iter().map(bad_row).collect();
        let Parsed { text, start, cells, records, .. } = parsed;
        let mut block = Block::of_text(text, start, (number, line), cells, records);
        rows.into_iter().for_each(|row| block.refuse(row));
        block
    }

    /// `number` is that of the piece's first record, `line` that on which this one starts.
    fn bad_row(&self, damage: &Damage, parsed: &Parsed, number: u64, line: u64) -> BadRow {
        let row = number + u64::from(damage.ordinal);
        let start = parsed.start + u64::from(damage.at.start);
        let title = |column: usize| match self.columns.get(column) {
            Some(column) if !column.header.is_empty() => format!("`{}`", column.header),
            _ => format!("{}", column + 1),
        };
        let said = self.said(damage, row, &title);
        let raw = &parsed.text[damage.line.start as usize..damage.line.end as usize];
        BadRow {
            row,
            line,
            column: said.column.and_then(|c| Some(self.columns.get(c)?.header.clone())),
            code: said.code,
            reason: said.reason,
            label: said.label,
            help: said.help,
            at: Spot { start, length: damage.at.end - damage.at.start },
            also: None,
            raw: Box::from(raw),
        }
    }

    fn said(&self, damage: &Damage, row: u64, title: &dyn Fn(usize) -> String) -> Said {
        let encoding = self.cutter.text().encoding();
        let of_cell = |code, what: &str, label: &str, help: String| Said {
            column: Some(damage.column),
            code,
            reason: format!("row {row}, column {}: {what}", title(damage.column)),
            label: label.to_owned(),
            help,
        };
        match damage.kind {
            Kind::Ragged => {
                let (count, width) = (damage.line.cells as usize, self.columns.len());
                let cells = if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") };
                let label = match count > width {
                    true => "one cell too many".to_owned(),
                    false => format!("the last one; column {} is missing", title(count)),
                };
                let help =
                    "a cell that contains the delimiter or a line break must be in double quotes";
                Said {
                    column: None,
                    code: "feed::ragged",
                    reason: format!("row {row} has {cells}, but the header has {width}"),
                    label,
                    help: help.to_owned(),
                }
            }
            Kind::Long => {
                let what = format!("the cell has more than {} bytes", self.limits.feed_cell_bytes);
                of_cell("feed::limit", &what, "this cell", Limits::how_to_raise("feed_cell_bytes"))
            }
            Kind::Nul => {
                let help = "the file may be UTF-16 or damaged; save it as UTF-8".to_owned();
                of_cell("feed::nul", "the cell has a NUL byte", "in this cell", help)
            }
            Kind::NoText => {
                let what = format!("the cell is not {}", encoding.name());
                let help = match encoding == Encoding::UTF_8 {
                    true => "save the file as UTF-8".to_owned(),
                    false => "save the file as UTF-8, or name its `encoding`".to_owned(),
                };
                of_cell("feed::utf8", &what, "this cell", help)
            }
        }
    }
}

impl RecordSource for Delimited {
    fn columns(&self) -> &[WrittenColumn] {
        &self.columns
    }

    fn next_blocks(&mut self) -> Result<Option<Vec<Block>>, FeedProblem> {
        if let Some(problem) = self.stopped.take() {
            return Err(problem);
        }
        let pieces = self.gather();
        if pieces.is_empty() {
            return self.stopped.take().map_or(Ok(None), Err);
        }
        let width = self.columns.len();
        let parse = |piece| Parsed::new(piece, self.delimiter, width, self.limits.feed_cell_bytes);
        let mut parsed: Vec<Parsed> = pieces.into_par_iter().map(parse).collect();
        if let (1, Some(first)) = (self.next.0, parsed.first_mut()) {
            first.without_header();
        }
        Ok(Some(parsed.into_iter().map(|parsed| self.block(parsed)).collect()))
    }

    fn restart(&mut self) -> Result<(), FeedProblem> {
        *self = Delimited::open(&self.path, self.how.clone(), &self.limits)?;
        Ok(())
    }

    fn digest(&self) -> Digest {
        self.cutter.text().digest()
    }

    fn encoding(&self) -> Encoding {
        self.cutter.text().encoding()
    }

    fn notes(&self) -> Vec<FeedNote> {
        let western = self.encoding() == Encoding::WINDOWS_1252 && self.how.encoding.is_none();
        western.then(read_as_western).into_iter().collect()
    }
}

/// What is said where the first letter beyond ASCII told that a file is not UTF-8.
pub(super) fn read_as_western() -> FeedNote {
    FeedNote {
        code: "feed::encoding",
        message: "the feed is not UTF-8; it is read as Windows-1252".to_owned(),
        help: "where letters come out wrong, write `encoding:` beside `from`, or save the file as UTF-8"
            .to_owned(),
        at: None,
    }
}

/// Opens a file, and finds out what parts its cells.
fn start(path: &Path, how: &How, limits: &Limits) -> Result<(Cutter<File>, u8), FeedProblem> {
    let file = File::open(path).map_err(|e| FeedProblem::unreadable(&e))?;
    let mut text = Decoded::new(file, how.encoding).in_reads_of(how.read_bytes);
    let mut read = Vec::new();
    while line_breaks(&read) == 0 && read.len() < crate::encoding::READ_BYTES {
        if !text.fill(&mut read).map_err(|e| FeedProblem::unreadable(&e))? {
            break;
        }
    }
    let found = || match told_delimiter(&read) {
        Some((delimiter, _)) => delimiter,
        None => likeliest_delimiter(&read),
    };
    let delimiter = how.delimiter.unwrap_or_else(found);
    Ok((Cutter::new(text, read, delimiter, limits), delimiter))
}

/// The delimiter that a first line `sep=;` names, and how long that line is. Excel reads such a
/// line and does not show it, so that it is no row.
fn told_delimiter(text: &[u8]) -> Option<(u8, usize)> {
    let quoted = text.first() == Some(&b'"');
    let at = usize::from(quoted);
    let named = text.get(at..at + 4)?.eq_ignore_ascii_case(b"sep=");
    let delimiter = *text.get(at + 4)?;
    let end = at + 5 + usize::from(quoted && text.get(at + 5) == Some(&b'"'));
    let length = match &text[end..] {
        [b'\r', b'\n', ..] => end + 2,
        [b'\r' | b'\n', ..] => end + 1,
        _ => return None,
    };
    (named && delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\r' | b'\n'))
        .then_some((delimiter, length))
}

/// The delimiter that the first record has most of, outside of quotes.
fn likeliest_delimiter(text: &[u8]) -> u8 {
    let mut counts = [0usize; DELIMITERS.len()];
    let mut quoted = false;
    let mut begun = false;
    for byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted && begun => break,
            _ if quoted => {}
            byte => {
                if let Some(found) = DELIMITERS.iter().position(|d| d == byte) {
                    counts[found] += 1;
                }
            }
        }
        begun |= !matches!(byte, b'\n' | b'\r');
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let found = counts.iter().position(|n| *n == most).unwrap_or(0);
    DELIMITERS[found]
}

fn empty() -> FeedProblem {
    FeedProblem::new("feed::empty", "the feed is empty")
        .label("no header in this file")
        .help("the first row names the columns")
}

fn header(piece: &Piece, delimiter: u8) -> Result<Vec<WrittenColumn>, FeedProblem> {
    let mut cells = Vec::new();
    let mut first = None;
    cells::split(&piece.bytes, delimiter, &mut cells, |cells, line| {
        if first.is_none() {
            first = Some(line);
        } else {
            cells.truncate(first.map_or(0, |l: Line| l.cells as usize));
        }
    });
    let line = first.ok_or_else(empty)?;
    let (text, slips) = sound(piece.bytes.clone());
    cells.truncate(line.cells as usize);
    let mut columns = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let range = cell.range(&text);
        let length = u32::try_from(range.len()).unwrap_or(u32::MAX);
        let at = Spot { start: piece.start + range.start as u64, length };
        if slips.iter().any(|(slip, kind)| range.contains(slip) && *kind == Kind::NoText) {
            let message = format!("the header of column {} is not UTF-8", index + 1);
            return Err(FeedProblem::new("feed::utf8", message)
                .at(at, "this cell")
                .help("save the file as UTF-8"));
        }
        let header = cell.text(&text).unwrap_or_default().trim().to_owned();
        columns.push(WrittenColumn { header, at });
    }
    Ok(columns)
}

/// A piece as its cells.
struct Parsed {
    text: String,
    start: u64,
    cells: Vec<Cell>,
    records: Vec<Head>,
    damages: Vec<Damage>,
    /// Records, bad ones counted.
    count: u32,
    lines: u64,
}

/// Why a row can't be used.
struct Damage {
    ordinal: u32,
    line: Line,
    column: usize,
    at: std::ops::Range<u32>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Ragged,
    Long,
    Nul,
    NoText,
}

/// What is said of a bad row.
struct Said {
    column: Option<usize>,
    code: &'static str,
    reason: String,
    label: String,
    help: String,
}

impl Parsed {
    fn new(piece: Piece, delimiter: u8, width: usize, cell_limit: u64) -> Self {
        let (text, slips) = sound(piece.bytes);
        let mut cells = Vec::with_capacity(text.len() / 4);
        let mut records = Vec::with_capacity(text.len() / (4 * width.max(4)));
        let mut damages = Vec::new();
        let mut count = 0;
        let mut slips = &slips[..];
        cells::split(text.as_bytes(), delimiter, &mut cells, |cells, line| {
            let ordinal = count;
            count += 1;
            let damaged = damages.len();
            let behind = slips.partition_point(|(at, _)| *at < line.end as usize);
            let (own, others) = slips.split_at(behind);
            slips = others;
            if line.cells as usize != width {
                damages.push(ragged(&text, cells, ordinal, line, width));
            } else if !own.is_empty() || u64::from(line.end - line.start) > cell_limit {
                look_closer(&text, cells, ordinal, line, own, cell_limit, &mut damages);
            }
            if damages.len() > damaged {
                cells.truncate(line.first_cell as usize);
            } else {
                records.push(Head { ordinal, line });
            }
        });
        let lines = line_breaks(text.as_bytes());
        Parsed { text, start: piece.start, cells, records, damages, count, lines }
    }

    /// The header is the first record of its file, and fits itself.
    fn without_header(&mut self) {
        if self.records.first().is_some_and(|head| head.ordinal == 0) {
            self.records.remove(0);
        }
        self.damages.retain(|damage| damage.ordinal != 0);
    }
}

/// Bytes as text of the same length, and what in them is none: a letter that is none is replaced,
/// so that everything else stays where it is.
fn sound(bytes: Vec<u8>) -> (String, Vec<(usize, Kind)>) {
    let mut slips: Vec<(usize, Kind)> =
        memchr::memchr_iter(0, &bytes).map(|at| (at, Kind::Nul)).collect();
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut bytes = error.into_bytes();
        let mut from = 0;
        while let Err(error) = std::str::from_utf8(&bytes[from..]) {
            let at = from + error.valid_up_to();
            let end = error.error_len().map_or(bytes.len(), |length| at + length);
            slips.push((at, Kind::NoText));
            bytes[at..end].fill(b'?');
            from = end;
        }
        slips.sort_unstable_by_key(|(at, _)| *at);
        // What was no text has been replaced.
        String::from_utf8(bytes).unwrap_or_default()
    });
    (text, slips)
}

fn ragged(text: &str, cells: &[Cell], ordinal: u32, line: Line, width: usize) -> Damage {
    let count = line.cells as usize;
    let column = if count > width { width } else { count - 1 };
    let at = narrow(cells[line.first_cell as usize + column].range(text));
    Damage { ordinal, line, column, at, kind: Kind::Ragged }
}

/// Finds the cells of a record that can't be used.
fn look_closer(
    text: &str,
    cells: &[Cell],
    ordinal: u32,
    line: Line,
    slips: &[(usize, Kind)],
    cell_limit: u64,
    damages: &mut Vec<Damage>,
) {
    for (column, cell) in cells[line.first_cell as usize..].iter().enumerate() {
        let range = cell.range(text);
        let length = cell.text(text).map_or(0, |t| t.len() as u64);
        let has =
            |wanted: Kind| slips.iter().any(|(at, kind)| range.contains(at) && *kind == wanted);
        let kind = match () {
            () if length > cell_limit => Kind::Long,
            () if has(Kind::Nul) => Kind::Nul,
            () if has(Kind::NoText) => Kind::NoText,
            () => continue,
        };
        damages.push(Damage { ordinal, line, column, at: narrow(range), kind });
    }
}

/// Pieces are below 2 GiB.
fn narrow(range: std::ops::Range<usize>) -> std::ops::Range<u32> {
    range.start as u32..range.end as u32
}
