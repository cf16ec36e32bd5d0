//! From records to entries: what every format has to say, and what it is given to say it with.

use super::entry::{BadRow, Entry, FeedImage, RecordId};
use super::open::FeedColumn;
use super::row::Packer;
use super::source::Record;

/// What a format's columns mean.
pub(super) trait Reading: Send + Sync {
    /// The cells of every entry's row.
    fn columns(&self) -> &[FeedColumn];

    /// The written column that one of `columns` comes from, or comes from first.
    fn origin(&self, column: usize) -> Option<usize>;

    /// Whom a record belongs to.
    fn kin(&self, record: Record<'_>) -> Kin {
        let _ = record;
        Kin::Alone
    }

    /// How records that belong together are found.
    fn together(&self) -> Together {
        Together::Alone
    }

    /// Makes entries of records that belong together.
    fn entries(&self, group: &[Member<'_>], maker: &mut Maker<'_>);
}

/// How records that belong together are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Together {
    /// Each is for itself.
    Alone,
    /// They follow each other, and have the same text in this column.
    Runs(usize),
    /// They may stand anywhere.
    Families,
}

/// Whom a record belongs to. Keys are digests of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// Nobody.
    Alone,
    /// It has children that know it by one of these.
    Parent([Option<u64>; 2]),
    /// It is the child of the parent with this key.
    Child(u64),
    /// It belongs together with all that have this key.
    Mate(u64),
}

/// A record, and where its batch has it.
#[derive(Clone, Copy)]
pub(super) struct Member<'b> {
    pub record: Record<'b>,
    pub id: RecordId,
}

/// Takes what becomes of records.
pub(super) struct Maker<'m> {
    kept: &'m [bool],
    packer: Packer,
    pub entries: Vec<Entry>,
    pub bad: Vec<BadRow>,
}

impl<'m> Maker<'m> {
    pub fn new(kept: &'m [bool]) -> Self {
        Maker { kept, packer: Packer::default(), entries: Vec::new(), bad: Vec::new() }
    }

    /// Whether a column's text is kept.
    pub fn keeps(&self, column: usize) -> bool {
        self.kept.get(column).copied().unwrap_or(false)
    }

    /// The next cell of the entry that is being made.
    pub fn cell(&mut self, text: Option<&str>) {
        self.packer.push(text);
    }

    /// The first `columns` cells of a record, as they are written.
    pub fn as_written(&mut self, record: Record<'_>, columns: usize) {
        for column in 0..columns {
            let text = if self.keeps(column) { record.get(column) } else { None };
            self.cell(text.as_deref());
        }
    }

    /// The entry is whole: it comes from `from`, and its id stands in the written column `id`.
    pub fn entry(
        &mut self,
        from: Member<'_>,
        first_row: u64,
        id: usize,
        tags: Box<[Box<str>]>,
        images: Box<[FeedImage]>,
    ) {
        self.entries.push(Entry {
            row: self.packer.finish(),
            tags,
            images,
            first_row,
            at: from.record.spot(id),
            from: from.id,
        });
    }

    /// A row can't be used, because of one of its cells or as a whole.
    pub fn refuse(&mut self, member: Member<'_>, column: Option<(usize, &str)>, why: Refusal) {
        self.bad.push(refused(member.record, column, why));
    }
}

/// Why a row can't be used.
pub(super) struct Refusal {
    pub code: &'static str,
    /// Follows the row and column.
    pub what: String,
    pub label: String,
    pub help: String,
    pub also: Option<(super::Spot, String)>,
}

/// A bad row, for one of its cells or as a whole.
pub(super) fn refused(record: Record<'_>, column: Option<(usize, &str)>, why: Refusal) -> BadRow {
    let row = record.number();
    let Refusal { code, what, label, help, also } = why;
    let reason = match column {
        Some((_, header)) => format!("row {row}, column `{header}`: {what}"),
        None => format!("row {row} {what}"),
    };
    BadRow {
        row,
        line: record.line(),
        column: column.map(|(_, header)| header.to_owned()),
        code,
        reason,
        label,
        help,
        at: column.map_or_else(|| record.at(), |(column, _)| record.spot(column)),
        also,
        raw: Box::from(record.raw()),
    }
}

/// Parts of a list, each once, in order.
pub(super) fn distinct<'t>(parts: impl Iterator<Item = &'t str>) -> Box<[Box<str>]> {
    let mut out: Vec<Box<str>> = Vec::new();
    for part in parts.map(str::trim).filter(|p| !p.is_empty()) {
        if !out.iter().any(|known| **known == *part) {
            out.push(Box::from(part));
        }
    }
    out.into_boxed_slice()
}

/// A key by which records find each other.
pub(super) fn key(parts: &[&str]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}
