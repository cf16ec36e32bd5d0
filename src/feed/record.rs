//! The records of a piece, each with its place.

use std::ops::Range;

use super::pieces::Piece;

/// One record.
pub(crate) struct Record<'p> {
    /// Its cells.
    pub cells: &'p csv::ByteRecord,
    /// Its number in the file, from 0 (the header).
    pub number: u64,
    /// Where it starts in its piece.
    pub start: usize,
}

/// Gives every record of a piece to `each`.
pub(crate) fn records(piece: &Piece, delimiter: u8, mut each: impl FnMut(Record<'_>)) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&piece.bytes[..]);
    let mut cells = csv::ByteRecord::new();
    let mut number = piece.first_record;
    // Reading from memory, flexible in length: nothing is left that could fail.
    while let Ok(true) = reader.read_byte_record(&mut cells) {
        let position = cells.position().map_or(0, csv::Position::byte);
        let mut start = usize::try_from(position).unwrap_or(piece.bytes.len());
        // The reader ends a record at CR and leaves LF and blank lines to the next.
        while matches!(piece.bytes.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        each(Record { cells: &cells, number, start });
        number += 1;
    }
}

/// Where the cell of a record that starts at `start` stands, without its quotes.
pub(crate) fn cell_range(bytes: &[u8], start: usize, column: usize, delimiter: u8) -> Range<usize> {
    let mut at = start;
    for _ in 0..column {
        at = cell_end(bytes, at, delimiter);
        if bytes.get(at) != Some(&delimiter) {
            return at..at;
        }
        at += 1;
    }
    let end = cell_end(bytes, at, delimiter);
    let quoted = end >= at + 2 && bytes[at] == b'"' && bytes[end - 1] == b'"';
    if quoted { at + 1..end - 1 } else { at..end }
}

fn cell_end(bytes: &[u8], start: usize, delimiter: u8) -> usize {
    let mut at = start;
    if bytes.get(at) == Some(&b'"') {
        at += 1;
        loop {
            match (bytes.get(at), bytes.get(at + 1)) {
                (None, _) => return bytes.len(),
                (Some(b'"'), Some(b'"')) => at += 2,
                (Some(b'"'), _) => break at += 1,
                _ => at += 1,
            }
        }
    }
    while bytes.get(at).is_some_and(|b| *b != delimiter && *b != b'\n' && *b != b'\r') {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell() -> impl Strategy<Value = String> {
        "[a-z,\"\n\r é]{0,6}"
    }

    proptest! {
        #[test]
        fn every_cell_is_found_where_it_stands(
            rows in proptest::collection::vec(proptest::collection::vec(cell(), 3), 1..6),
        ) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).expect("memory");
            }
            let bytes = writer.into_inner().expect("memory");
            let piece = Piece { start: 0, first_record: 0, bytes };
            let mut seen = 0;
            records(&piece, b',', |record| {
                for (column, cell) in record.cells.iter().enumerate() {
                    let range = cell_range(&piece.bytes, record.start, column, b',');
                    let raw = String::from_utf8_lossy(&piece.bytes[range]).replace("\"\"", "\"");
                    assert_eq!(raw.as_bytes(), cell);
                }
                seen += 1;
            });
            prop_assert_eq!(seen, rows.len());
        }

        #[test]
        fn pieces_count_records_as_the_reader_does(text in "[a-b,\"\n\r]{0,40}") {
            let limits = crate::limits::Limits::default();
            let mut pieces = super::super::Pieces::new(text.as_bytes(), b',', &limits);
            let mut counted = 0;
            let mut expected = 0;
            while let Ok(Some(piece)) = pieces.next_piece() {
                expected = piece.first_record;
                prop_assert_eq!(counted, expected);
                records(&piece, b',', |record| counted = record.number + 1);
            }
            prop_assert!(counted >= expected);
        }
    }
}
