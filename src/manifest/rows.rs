//! What a feed gives, made into subjects: a batch at a time, in parallel.
//!
//! What never lives here: opening feeds, and what is the same for all rows; see
//! [`super::from_feed`].

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::catalogue::{Subject, SubjectKind};
use super::feed_select::{Candidate, LeftOut, Select, Unreadable, Wanted, Why, lot};
use super::fill::{Fill, View, verbatim};
use super::header::Header;
use super::people;
use super::references::{self, Ground, Named, Spec, SpecFill};
use super::rejects::Problem;
use super::sets::{cell_problem, tags, too_many};
use super::shots::id_problem;
use crate::diagnostic::{Place, SourceId};
use crate::feed::{AttributeType, BadRow, Batch, Columns, Entry, Row, Spot};
use crate::limits::Limits;
use crate::yaml::Text;

/// How many entries one thread makes into subjects before it looks for more.
const AT_ONCE: usize = 256;

/// Everything that is the same for all rows of a feed.
pub(super) struct Layout {
    pub header: Header,
    pub source: SourceId,
    pub id: Text,
    pub specs: Vec<Spec>,
    pub tags: Tags,
    /// All columns of the feed; subjects keep those at `kept`.
    pub columns: Arc<Columns>,
    pub kept: Vec<usize>,
    /// Columns whose cells must be numbers or truth values.
    pub strict: Vec<usize>,
    pub select: Option<Wanted>,
    /// Whether the subjects are real people.
    pub real_person: bool,
    /// Template of a note of consent.
    pub consent: Option<Text>,
    /// The `from:` value.
    pub from: Text,
}

/// Where a row's tags come from.
pub(super) enum Tags {
    /// As the feed's format has them.
    Feed,
    Column(usize),
    Fixed(Box<[Box<str>]>),
}

/// A subject that a feed gave.
pub(super) struct Found {
    pub subject: Subject,
    pub named: Vec<Named>,
    /// Its lot, where only a sample is taken.
    pub lot: u128,
    /// Which entry of its batch it is.
    pub entry: usize,
}

/// What some entries give.
#[derive(Default)]
pub(super) struct Parsed {
    pub found: Vec<Found>,
    pub left_out: LeftOut,
    pub problems: Vec<Problem>,
}

/// Makes subjects of entries.
pub(super) struct RowReader<'a> {
    pub layout: &'a Layout,
    pub id: &'a Fill<'a, 'a>,
    pub fills: &'a [SpecFill<'a, 'a>],
    pub consent: Option<&'a Fill<'a, 'a>>,
    pub select: Option<&'a Select<'a, 'a>>,
    pub ground: &'a Ground<'a>,
    pub set: &'a str,
    pub kind: SubjectKind,
    pub env: &'a BTreeMap<String, String>,
    pub limits: &'a Limits,
}

/// An entry, and the batch that has it.
#[derive(Clone, Copy)]
struct At<'b> {
    batch: &'b Batch,
    entry: &'b Entry,
    /// Which of the batch's it is.
    index: usize,
}

impl RowReader<'_> {
    /// All entries of a batch, in order. Lots above `highest` are out of the sample for sure.
    pub fn batch(&self, batch: &Batch, highest: u128) -> Vec<Parsed> {
        let some = |(chunk, entries): (usize, &[Entry])| {
            let mut parsed = Parsed::default();
            for (index, entry) in (chunk * AT_ONCE..).zip(entries) {
                self.entry(At { batch, entry, index }, highest, &mut parsed);
            }
            parsed
        };
        batch.entries.par_chunks(AT_ONCE).enumerate().map(some).collect()
    }

    /// What the rejects file says of a second subject with the same id, but for what is wrong.
    pub fn row_of(&self, batch: &Batch, index: usize) -> BadRow {
        let at = At { batch, entry: &batch.entries[index], index };
        self.blank(at, Some(self.id.only_column().unwrap_or(0)))
    }

    fn entry(&self, at: At<'_>, highest: u128, parsed: &mut Parsed) {
        let mut problems = Vec::new();
        match self.subject(at, highest, &mut problems) {
            // Whoever lacks a picture is no subject, either.
            Some(Ok(found)) if problems.is_empty() => parsed.found.push(found),
            Some(Err(why)) if problems.is_empty() => parsed.left_out.count(why),
            _ => parsed.problems.append(&mut problems),
        }
    }

    /// The subject of an entry, or why it is left out; absent where it can't be used.
    fn subject(
        &self,
        at: At<'_>,
        highest: u128,
        problems: &mut Vec<Problem>,
    ) -> Option<Result<Found, Why>> {
        let entry = at.entry;
        let width = self.layout.header.written.len();
        let mut cells: Vec<Option<&str>> = (0..width).map(|column| entry.row.get(column)).collect();
        self.strict(at, &mut cells, problems);
        if !problems.is_empty() {
            return None;
        }
        let columns: &Columns = &self.layout.columns;
        let view = View { columns, cells: &cells, id: None, env: self.env };
        let id_column = self.id.only_column().unwrap_or(0);
        let id = match self.id.render(&view, verbatim) {
            Ok(id) => id,
            Err(error) => {
                let what = format!("the id can't be filled in: {}", error.message);
                let (label, help) = ("in this row", "");
                problems.push(self.bad(at, Some(id_column), false, "feed::id", what, label, help));
                return None;
            }
        };
        let id = id.trim();
        if let Some(problem) = id_problem(id) {
            let (label, help) = ("the id comes from here", "every row needs an id of its own");
            let what = format!("the id {problem}");
            problems.push(self.bad(at, Some(id_column), true, "feed::bad_id", what, label, help));
            return None;
        }
        let tags = match &self.layout.tags {
            Tags::Feed => entry.tags.clone(),
            Tags::Fixed(tags) => tags.clone(),
            Tags::Column(column) => {
                tags(cells.get(*column).copied().flatten().unwrap_or("").split([',', ';', '|']))
            }
        };
        let lot = match self.selected(at, id, &tags, &cells, highest, problems)? {
            Ok(lot) => lot,
            Err(why) => return Some(Err(why)),
        };
        let view = View { id: Some(id), ..view };
        let place = self.place(at.batch.spot(entry, id_column));
        let named = self.pictures(at, id, &view, place, problems);
        let consent = match people::note(self.consent, &view) {
            Ok(consent) => consent,
            Err(error) => {
                let what = format!("the note of consent can't be filled in: {}", error.message);
                let code = "feed::consent";
                problems.push(self.bad(at, Some(id_column), false, code, what, "in this row", ""));
                return None;
            }
        };
        let kept = self.layout.kept.iter().map(|column| cells.get(*column).copied().flatten());
        let subject = Subject {
            id: Box::from(id),
            row: Row::pack(kept),
            tags,
            real_person: self.layout.real_person,
            consent,
            references: Box::from([]),
            first_row: u32::try_from(entry.first_row).unwrap_or(u32::MAX),
            place,
        };
        Some(Ok(Found { subject, named, lot, entry: at.index }))
    }

    /// Cells whose columns hold numbers or truth values.
    fn strict(&self, at: At<'_>, cells: &mut [Option<&str>], problems: &mut Vec<Problem>) {
        for column in &self.layout.strict {
            let Some(Some(cell)) = cells.get_mut(*column) else { continue };
            let kind = self.layout.columns.type_of(*column);
            if let Some(needed) = cell_problem(kind, cell) {
                let what = format!("the cell must be {needed}");
                let label = format!("`{}` is not", cell.trim());
                let help = "change the cell, or the attribute's `type`";
                let code = "feed::cell_type";
                problems.push(self.bad(at, Some(*column), true, code, what, &label, help));
            } else if kind == AttributeType::Boolean {
                // Spreadsheets write TRUE; conditions compare with one spelling.
                *cell = match cell.trim() {
                    "" => "",
                    word if word.eq_ignore_ascii_case("true") => "true",
                    _ => "false",
                };
            }
        }
    }

    /// The lot of a product that is selected, or why it is left out.
    fn selected(
        &self,
        at: At<'_>,
        id: &str,
        tags: &[Box<str>],
        cells: &[Option<&str>],
        highest: u128,
        problems: &mut Vec<Problem>,
    ) -> Option<Result<u128, Why>> {
        let Some(select) = self.select else { return Some(Ok(0)) };
        let columns: &Columns = &self.layout.columns;
        let one = Candidate { set: self.set, kind: self.kind, id, tags, cells, columns };
        match select.judge(&one) {
            Err(Unreadable { code, column, message, help }) => {
                let label = "`select` looks at this";
                problems.push(self.bad(at, column, true, code, message, label, &help));
                None
            }
            Ok(Some(why)) => Some(Err(why)),
            Ok(None) => {
                let sample = self.layout.select.as_ref().and_then(|wanted| wanted.sample);
                let Some((_, seed)) = sample else { return Some(Ok(0)) };
                let lot = lot(seed, id);
                Some(if lot > highest { Err(Why::Sample) } else { Ok(lot) })
            }
        }
    }

    fn pictures(
        &self,
        at: At<'_>,
        id: &str,
        view: &View<'_>,
        place: Place,
        problems: &mut Vec<Problem>,
    ) -> Vec<Named> {
        let who = || format!("`{}.{id}`", self.set);
        let mut findings = Vec::new();
        let (specs, images) = (&self.layout.specs, &at.entry.images);
        let named = references::name_pictures(
            specs,
            self.fills,
            view,
            images,
            self.ground,
            &who,
            &mut findings,
        );
        if named.len() as u64 > self.limits.references_per_subject {
            findings.extend(too_many(&who(), named.len(), place, self.limits));
        }
        problems.extend(findings.into_iter().map(|finding| Problem {
            row: BadRow {
                code: finding.code,
                reason: finding.message.clone(),
                help: finding.help.clone().unwrap_or_default(),
                ..self.blank(at, None)
            },
            finding: Some(Box::new(finding)),
        }));
        named
    }

    /// Something wrong with a row. `titled`: whether the message names the column, too.
    fn bad(
        &self,
        at: At<'_>,
        column: Option<usize>,
        titled: bool,
        code: &'static str,
        what: String,
        label: &str,
        help: &str,
    ) -> Problem {
        let row = at.batch.row(at.entry);
        let title = column.filter(|_| titled).map(|column| self.layout.header.title(column));
        let reason = match title {
            Some(title) => format!("row {row}, column {title}: {what}"),
            None => format!("row {row}: {what}"),
        };
        let blank = self.blank(at, column);
        let (label, help) = (label.to_owned(), help.to_owned());
        BadRow { code, reason, label, help, ..blank }.into()
    }

    fn blank(&self, at: At<'_>, column: Option<usize>) -> BadRow {
        let spot = column.map_or(at.entry.at, |column| at.batch.spot(at.entry, column));
        BadRow {
            row: at.batch.row(at.entry),
            line: at.batch.line(at.entry),
            column: column.map(|column| self.written(column)),
            code: "feed::row",
            reason: String::new(),
            label: String::new(),
            help: String::new(),
            at: spot,
            also: None,
            raw: Box::from(at.batch.raw(at.entry)),
        }
    }

    fn written(&self, column: usize) -> String {
        self.layout.header.written.get(column).cloned().unwrap_or_default()
    }

    fn place(&self, spot: Spot) -> Place {
        Place::new(self.layout.source, spot.start, spot.length)
    }
}
