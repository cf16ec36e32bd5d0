//! The rows of a feed: each becomes a subject, a piece at a time, in parallel with others.
//!
//! What never lives here: opening feeds, and what is the same for all rows; see
//! [`super::from_feed`].

use std::collections::BTreeMap;

use super::catalogue::Subject;
use super::fill::{Fill, View, verbatim};
use super::header::Header;
use super::people;
use super::references::{self, Ground, Named, Spec, SpecFill};
use super::sets::{cell_problem, tags, too_many};
use super::shots::id_problem;
use crate::diagnostic::{Finding, Place, SourceId};
use crate::feed::{AttributeType, Columns, Piece, Record, Row, cell_range, records};
use crate::limits::Limits;
use crate::yaml::Text;

/// No limit raises a row beyond this: a row keeps its cells' ends in 31 bits.
const MOST_ROW_BYTES: usize = 1 << 30;

/// Everything that is the same for all rows of a feed.
pub(super) struct Layout {
    pub header: Header,
    pub source: SourceId,
    pub delimiter: u8,
    pub id: Text,
    pub specs: Vec<Spec>,
    pub tags: Tags,
    /// Whether the subjects are real people.
    pub real_person: bool,
    /// Template of a note of consent.
    pub consent: Option<Text>,
    /// The `from:` value.
    pub from: Text,
}

/// Where a row's tags come from.
pub(super) enum Tags {
    Column(usize),
    Fixed(Box<[Box<str>]>),
}

/// What a piece gives.
pub(super) struct Parsed {
    pub subjects: Vec<(Subject, Vec<Named>)>,
    pub findings: Vec<Finding>,
}

/// Makes subjects of rows.
pub(super) struct RowReader<'a> {
    pub layout: &'a Layout,
    pub columns: &'a Columns,
    pub id: &'a Fill<'a, 'a>,
    pub fills: &'a [SpecFill<'a, 'a>],
    pub consent: Option<&'a Fill<'a, 'a>>,
    pub ground: &'a Ground<'a>,
    pub set: &'a str,
    pub env: &'a BTreeMap<String, String>,
    pub limits: &'a Limits,
}

impl RowReader<'_> {
    pub fn piece(&self, piece: &Piece) -> Parsed {
        let mut parsed = Parsed { subjects: Vec::new(), findings: Vec::new() };
        records(piece, self.layout.delimiter, |record| {
            if let Some(subject) = self.row(piece, &record, &mut parsed.findings) {
                parsed.subjects.push(subject);
            }
        });
        parsed
    }

    fn row(
        &self,
        piece: &Piece,
        record: &Record<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<(Subject, Vec<Named>)> {
        let width = self.layout.header.written.len();
        if record.cells.len() != width {
            findings.push(self.ragged(piece, record, width));
            return None;
        }
        if record.cells.as_slice().len() > MOST_ROW_BYTES {
            let message = format!("row {} has more than {MOST_ROW_BYTES} bytes", record.number + 1);
            let place = self.place(piece, record, 0).part(0, 1);
            findings.push(Finding::error("feed::limit", message).at(place, "this row"));
            return None;
        }
        let mut cells: Vec<Option<&str>> = Vec::with_capacity(width);
        let mut fine = true;
        for (column, cell) in record.cells.iter().enumerate() {
            match self.cell(piece, record, column, cell) {
                Ok(text) => cells.push(Some(text)),
                Err(finding) => {
                    findings.push(*finding);
                    fine = false;
                }
            }
        }
        if !fine {
            return None;
        }
        let id_column = self.id.only_column().unwrap_or(0);
        let view = View { columns: self.columns, cells: &cells, id: None, env: self.env };
        let id = match self.id.render(&view, verbatim) {
            Ok(id) => id,
            Err(error) => {
                findings.push(
                    Finding::error(
                        "feed::id",
                        format!(
                            "row {}: the id can't be filled in: {}",
                            record.number + 1,
                            error.message
                        ),
                    )
                    .at(self.place(piece, record, id_column), "in this row"),
                );
                return None;
            }
        };
        let id = id.trim();
        let place = self.place(piece, record, id_column);
        if let Some(problem) = id_problem(id) {
            let column = self.layout.header.title(id_column);
            findings.push(
                Finding::error(
                    "feed::bad_id",
                    format!("row {}, column {column}: the id {problem}", record.number + 1),
                )
                .at(place, "the id comes from here")
                .help("every row needs an id of its own"),
            );
            return None;
        }
        let tags = match &self.layout.tags {
            Tags::Fixed(tags) => tags.clone(),
            Tags::Column(column) => {
                tags(cells.get(*column).copied().flatten().unwrap_or("").split([',', ';', '|']))
            }
        };
        let view = View { id: Some(id), ..view };
        let who = || format!("`{}.{id}`", self.set);
        let named = references::name_pictures(
            &self.layout.specs,
            self.fills,
            &view,
            &[],
            self.ground,
            &who,
            findings,
        );
        if named.len() as u64 > self.limits.references_per_subject {
            findings.extend(too_many(&who(), named.len(), place, self.limits));
        }
        let consent = match people::note(self.consent, &view) {
            Ok(consent) => consent,
            Err(error) => {
                let (row, why) = (record.number + 1, error.message);
                let message = format!("row {row}: the note of consent can't be filled in: {why}");
                findings.push(Finding::error("feed::consent", message).at(place, "in this row"));
                return None;
            }
        };
        let subject = Subject {
            id: Box::from(id),
            row: Row::pack(cells.iter().copied()),
            tags,
            real_person: self.layout.real_person,
            consent,
            references: Box::from([]),
            place,
        };
        Some((subject, named))
    }

    /// A cell's text, if it is what its column holds.
    fn cell<'c>(
        &self,
        piece: &Piece,
        record: &Record<'_>,
        column: usize,
        cell: &'c [u8],
    ) -> Result<&'c str, Box<Finding>> {
        let refuse = |code, what: String, label: String, help: String| {
            let title = self.layout.header.title(column);
            let message = format!("row {}, column {title}: {what}", record.number + 1);
            let place = self.place(piece, record, column);
            Box::new(Finding::error(code, message).at(place, label).help(help))
        };
        if cell.len() as u64 > self.limits.feed_cell_bytes {
            let what = format!("the cell has more than {} bytes", self.limits.feed_cell_bytes);
            let help = Limits::how_to_raise("feed_cell_bytes");
            return Err(refuse("feed::limit", what, "this cell".to_owned(), help));
        }
        if cell.contains(&0) {
            let what = "the cell has a NUL byte".to_owned();
            let help = "the file may be UTF-16 or damaged; save it as UTF-8".to_owned();
            return Err(refuse("feed::nul", what, "in this cell".to_owned(), help));
        }
        let text = std::str::from_utf8(cell).map_err(|_| {
            let what = "the cell is not UTF-8".to_owned();
            let help = "save the file as UTF-8".to_owned();
            refuse("feed::utf8", what, "this cell".to_owned(), help)
        })?;
        let kind = self.columns.type_of(column);
        if let Some(needed) = cell_problem(kind, text) {
            let what = format!("the cell must be {needed}");
            let label = format!("`{}` is not", text.trim());
            let help = "change the cell, or the attribute's `type`".to_owned();
            return Err(refuse("feed::cell_type", what, label, help));
        }
        if kind != AttributeType::Boolean {
            return Ok(text);
        }
        // Spreadsheets write TRUE; conditions compare with one spelling.
        Ok(match text.trim() {
            "" => "",
            word if word.eq_ignore_ascii_case("true") => "true",
            _ => "false",
        })
    }

    fn ragged(&self, piece: &Piece, record: &Record<'_>, width: usize) -> Finding {
        let count = record.cells.len();
        let cells = |n: usize| if n == 1 { "1 cell".to_owned() } else { format!("{n} cells") };
        let (at, label) = if count > width {
            (width, "one cell too many".to_owned())
        } else {
            let title = self.layout.header.title(count);
            (count - 1, format!("the last one; column {title} is missing"))
        };
        Finding::error(
            "feed::ragged",
            format!("row {} has {}, but the header has {width}", record.number + 1, cells(count)),
        )
        .at(self.place(piece, record, at), label)
        .help("a cell that contains the delimiter or a line break must be in double quotes")
    }

    fn place(&self, piece: &Piece, record: &Record<'_>, column: usize) -> Place {
        place_of(piece, self.layout.source, record.start, column, self.layout.delimiter)
    }
}

/// Where a cell stands in the file.
pub(super) fn place_of(
    piece: &Piece,
    source: SourceId,
    record_start: usize,
    column: usize,
    delimiter: u8,
) -> Place {
    let range = cell_range(&piece.bytes, record_start, column, delimiter);
    let length = u32::try_from(range.len()).unwrap_or(u32::MAX);
    Place::new(source, piece.start + range.start as u64, length)
}
