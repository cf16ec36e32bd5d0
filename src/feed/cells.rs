//! The cells of a piece of CSV, as ranges of its text: nothing is copied until somebody wants a
//! cell. Reads as the `csv` crate does, which the tests hold it against.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

/// Where a cell stands in its block's text, and whether its quotes have to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    start: u32,
    /// The top bit says that quotes are to be undone.
    end: u32,
}

/// No cell at all.
const ABSENT: Cell = Cell { start: u32::MAX, end: u32::MAX };
const QUOTES: u32 = 1 << 31;

impl Cell {
    /// A cell that is these bytes as they are. Blocks are below 2 GiB.
    pub fn plain(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end < QUOTES as usize);
        Cell { start: start as u32, end: end as u32 }
    }

    /// No cell.
    pub fn absent() -> Self {
        ABSENT
    }

    /// Its text.
    pub fn text(self, block: &str) -> Option<Cow<'_, str>> {
        if self == ABSENT {
            return None;
        }
        let raw = &block[self.start as usize..(self.end & !QUOTES) as usize];
        if self.end & QUOTES == 0 { Some(Cow::Borrowed(raw)) } else { Some(unquoted(raw)) }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.start == self.end || self == ABSENT
    }

    /// The bytes of its block that it stands in, without quotes around it.
    pub fn range(self, block: &str) -> std::ops::Range<usize> {
        if self == ABSENT {
            return 0..0;
        }
        let (start, end) = (self.start as usize, (self.end & !QUOTES) as usize);
        let around = self.end & QUOTES != 0;
        match block.as_bytes().get(end.wrapping_sub(1)) {
            Some(b'"') if around && end > start => start..end - 1,
            _ if around => start - 1..end,
            _ => start..end,
        }
    }
}

/// What follows an opening quote, as it is meant: doubled quotes are one, and what stands
/// between the closing quote and the end of the cell belongs to it.
fn unquoted(raw: &str) -> Cow<'_, str> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(quote) = memchr(b'"', rest.as_bytes()) {
        text.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                text.push('"');
                rest = after;
            }
            None => break,
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// A record: its first cell, and where it starts in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub start: u32,
    /// Behind its last byte, line break not counted.
    pub end: u32,
    pub first_cell: u32,
    pub cells: u32,
}

/// Reads all records of a piece that begins with one. Its last cell may be open.
pub(super) fn split(
    text: &[u8],
    delimiter: u8,
    cells: &mut Vec<Cell>,
    mut each: impl FnMut(&mut Vec<Cell>, Line),
) {
    let mut at = 0;
    loop {
        // A line without anything is no record; LF after CR looks like one.
        while matches!(text.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        if at == text.len() {
            return;
        }
        let (start, first_cell) = (at, cells.len());
        at = record(text, delimiter, at, cells);
        each(
            cells,
            Line {
                start: start as u32,
                end: at as u32,
                first_cell: first_cell as u32,
                cells: (cells.len() - first_cell) as u32,
            },
        );
    }
}

/// Reads one record; gives where its line break is, or the text ends.
fn record(text: &[u8], delimiter: u8, mut at: usize, cells: &mut Vec<Cell>) -> usize {
    loop {
        let (cell, end) = match text.get(at) {
            Some(b'"') => quoted(text, delimiter, at),
            Some(byte) if *byte == delimiter => (Cell::plain(at, at), at),
            _ => {
                let end = plain_end(text, delimiter, at);
                (Cell::plain(at, end), end)
            }
        };
        cells.push(cell);
        if text.get(end) != Some(&delimiter) {
            return end;
        }
        at = end + 1;
    }
}

fn quoted(text: &[u8], delimiter: u8, quote: usize) -> (Cell, usize) {
    let start = quote + 1;
    let mut at = start;
    let mut doubled = false;
    let close = loop {
        match memchr(b'"', &text[at..]) {
            None => break text.len(),
            Some(found) if text.get(at + found + 1) == Some(&b'"') => {
                doubled = true;
                at += found + 2;
            }
            Some(found) => break at + found,
        }
    };
    let after = (close + 1).min(text.len());
    let end = plain_end(text, delimiter, after);
    if end > after || doubled {
        return (Cell { start: start as u32, end: end as u32 | QUOTES }, end);
    }
    (Cell::plain(start, close), end)
}

/// Where a cell without quotes ends that `at` is in.
fn plain_end(text: &[u8], delimiter: u8, at: usize) -> usize {
    /// Most cells are shorter; for those that are not, many bytes are looked at at once.
    const NEAR: usize = 12;
    let ends = |byte: u8| byte == delimiter || byte == b'\n' || byte == b'\r';
    let near = text.len().min(at + NEAR);
    if let Some(found) = text[at..near].iter().position(|b| ends(*b)) {
        return at + found;
    }
    memchr3(delimiter, b'\n', b'\r', &text[near..]).map_or(text.len(), |found| near + found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut cells = Vec::new();
        let mut out = Vec::new();
        split(text.as_bytes(), delimiter, &mut cells, |cells, line| {
            let cells = &cells[line.first_cell as usize..];
            out.push(cells.iter().filter_map(|c| Some(c.text(text)?.into_owned())).collect());
        });
        out
    }

    fn theirs(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let rows = reader.records().map(|r| r.expect("text in memory"));
        rows.map(|r| r.iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn cells_of_every_kind() {
        let text = "a,\"b\"\"c\",,\"\"\r\n\r\n\"two\nlines\",x\"y,\"p\"q\r\rlast";
        let expected: Vec<Vec<&str>> =
            vec![vec!["a", "b\"c", "", ""], vec!["two\nlines", "x\"y", "pq"], vec!["last"]];
        assert_eq!(own(text, b','), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_the_csv_crate_reads_it(text in "[ab,;\"\n\ré]{0,60}") {
            prop_assert_eq!(own(&text, b','), theirs(&text, b','));
            prop_assert_eq!(own(&text, b';'), theirs(&text, b';'));
        }

        #[test]
        fn what_is_written_comes_back(
            rows in proptest::collection::vec(
                proptest::collection::vec("[a-z,\"\n\r €]{0,30}", 3), 1..6),
        ) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).expect("memory");
            }
            let text = String::from_utf8(writer.into_inner().expect("memory")).expect("text");
            prop_assert_eq!(own(&text, b','), rows);
        }

        #[test]
        fn a_cell_is_found_where_it_stands(text in "[ab,\"\n\ré]{0,60}") {
            let mut cells = Vec::new();
            split(text.as_bytes(), b',', &mut cells, |_, _| ());
            for cell in cells {
                let range = cell.range(&text);
                let raw = text.get(range).expect("on the edges of letters").replace("\"\"", "\"");
                let text = cell.text(&text).expect("there is one");
                prop_assert_eq!(raw.replace('"', ""), text.replace('"', ""));
            }
        }
    }
}
