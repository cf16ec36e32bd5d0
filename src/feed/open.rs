//! Opening a feed, and reading it batch by batch.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::batch::Batch;
use super::columns::Slugs;
use super::delimited::{Delimited, How};
use super::entry::{BadRow, Each, Entry, FeedFormat, Spot};
use super::folder::{Folder, Pictures};
use super::google::{self, Google};
use super::grouping::{self, Census, Families, Grouped, Runs, record_of};
use super::learned;
use super::plain::Plain;
use super::problem::{FeedNote, FeedProblem};
use super::reading::{Maker, Member, Reading, Together};
use super::row::AttributeType;
use super::shopify::{self, Shopify};
use super::source::{Block, RecordSource, WrittenColumn};
use super::translated;
use super::woocommerce::{self, Woocommerce};
use crate::digest::Digest;
use crate::encoding::{Encoding, READ_BYTES};
use crate::limits::Limits;

/// Groups that one thread makes entries of at a time.
const GROUPS_AT_ONCE: usize = 256;

/// What is said about a feed before it is read; whatever is not said is found out.
#[derive(Debug, Clone, Default)]
pub struct FeedOptions {
    /// Which program wrote it.
    pub format: Option<FeedFormat>,
    /// What becomes an entry.
    pub each: Each,
    /// What stands between two cells.
    pub delimiter: Option<u8>,
    /// How its text is written.
    pub encoding: Option<Encoding>,
    /// How a folder's files are grouped: `{id}-{view}.jpg`.
    pub pattern: Option<String>,
    /// Attributes or headers whose text is kept; the others' cells are absent in every row.
    /// `None` keeps all.
    pub keep: Option<BTreeSet<String>>,
}

/// A column of what a feed gives: a cell of each entry's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedColumn {
    /// The attribute it is when the manifest says nothing else; absent where the header has no
    /// letter that a name could be made of.
    pub attribute: Option<String>,
    /// As written in the file; absent where it is made of several columns or of several rows.
    pub header: Option<String>,
    /// Where the header stands; absent where there is none.
    pub at: Option<Spot>,
    /// What it is where the manifest says nothing else: ids and codes of shops are text even
    /// where they look like numbers.
    pub kind: AttributeType,
}

/// A feed that is being read.
pub struct Feed {
    format: FeedFormat,
    columns: Vec<FeedColumn>,
    kept: Vec<bool>,
    origins: Arc<[Option<usize>]>,
    source: Box<dyn RecordSource>,
    reading: Box<dyn Reading>,
    grouping: Grouping,
    ended: bool,
}

/// How far it is known which records belong together.
enum Grouping {
    Alone,
    Runs(Box<Runs>),
    /// The file has to be read once to know.
    Uncounted,
    Families(Box<Families>),
}

/// Opens a file or a folder: finds out what was not said, and reads its columns.
pub fn open(path: &Path, options: &FeedOptions, limits: &Limits) -> Result<Feed, FeedProblem> {
    open_in_reads_of(READ_BYTES, path, options, limits)
}

/// Opens a feed that is read so many bytes at a time.
pub(super) fn open_in_reads_of(
    read_bytes: usize,
    path: &Path,
    options: &FeedOptions,
    limits: &Limits,
) -> Result<Feed, FeedProblem> {
    let form = Form::of(path, options)?;
    let source: Box<dyn RecordSource> = match form {
        Form::Delimited => {
            let how = How { delimiter: options.delimiter, encoding: options.encoding, read_bytes };
            Box::new(Delimited::open(path, how, limits)?)
        }
        Form::Xml => Box::new(learned::xml(path, options.encoding, limits)?),
        Form::JsonLines => Box::new(learned::json_lines(path, options.encoding, limits)?),
        Form::Folder => Box::new(Folder::new(path, options.pattern.as_deref(), limits)?),
    };
    Feed::new(source, form, options)
}

/// How a file is written, whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Delimited,
    Xml,
    JsonLines,
    Folder,
}

impl Form {
    fn of(path: &Path, options: &FeedOptions) -> Result<Self, FeedProblem> {
        match (path.is_dir(), options.format) {
            (true, None | Some(FeedFormat::Folder)) => return Ok(Form::Folder),
            (false, Some(FeedFormat::Folder)) => {
                return Err(FeedProblem::new("feed::format", "the feed is a file, not a folder")
                    .help("leave `format` out, or name the folder in which the pictures are"));
            }
            (true, Some(_)) => {
                return Err(FeedProblem::new("feed::format", "the feed is a folder, not a file")
                    .help("name the file in it, or write `format: folder`"));
            }
            (false, _) => {}
        }
        match options.format {
            Some(FeedFormat::Jsonl) => return Ok(Form::JsonLines),
            Some(FeedFormat::Csv | FeedFormat::Shopify | FeedFormat::Woocommerce) => {
                return Ok(Form::Delimited);
            }
            Some(FeedFormat::Google | FeedFormat::Folder) | None => {}
        }
        let mut first = Vec::new();
        let file = File::open(path).map_err(|e| FeedProblem::unreadable(&e))?;
        let head = file.take(4096).read_to_end(&mut first);
        head.map_err(|e| FeedProblem::unreadable(&e))?;
        // Byte order marks and the zero bytes of UTF-16 are nothing to look at.
        let letter = first.iter().find(|b| {
            !matches!(b, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF) && !b.is_ascii_whitespace()
        });
        Ok(match letter {
            Some(b'<') => Form::Xml,
            Some(b'{' | b'[') if options.format.is_none() => Form::JsonLines,
            _ => Form::Delimited,
        })
    }
}

impl Feed {
    fn new(
        source: Box<dyn RecordSource>,
        form: Form,
        options: &FeedOptions,
    ) -> Result<Self, FeedProblem> {
        let written = source.columns();
        let format = options.format.unwrap_or_else(|| format_of(form, written));
        let reading = reading(format, written, options.each)?;
        let grouping = match reading.together() {
            Together::Alone => Grouping::Alone,
            Together::Families => Grouping::Uncounted,
            Together::Runs(column) => {
                Grouping::Runs(Box::new(Runs::new(column, written[column].header.clone())))
            }
        };
        let columns = reading.columns().to_vec();
        let origins = (0..columns.len()).map(|column| reading.origin(column)).collect();
        let kept = vec![true; columns.len()];
        let mut feed =
            Feed { format, columns, kept, origins, source, reading, grouping, ended: false };
        if let Some(names) = &options.keep {
            feed.keep(|_, column| {
                let named =
                    |name: &Option<String>| name.as_ref().is_some_and(|n| names.contains(n));
                named(&column.attribute) || named(&column.header)
            });
        }
        Ok(feed)
    }

    /// Which program wrote it, as told or as found out.
    pub fn format(&self) -> FeedFormat {
        self.format
    }

    /// How its text is written. May change until the last batch is read: that a feed is
    /// Windows-1252 is known at its first letter beyond ASCII.
    pub fn encoding(&self) -> Encoding {
        self.source.encoding()
    }

    /// Its columns: those of every entry's row, in order. For plain CSV and JSON lines these are
    /// the file's own; for shops' exports they begin with what all of them have (`id`, `title`,
    /// `price`, …).
    pub fn columns(&self) -> &[FeedColumn] {
        &self.columns
    }

    /// Decides column by column, before the first batch, whose text is kept.
    pub fn keep(&mut self, kept: impl Fn(usize, &FeedColumn) -> bool) {
        self.kept = self.columns.iter().enumerate().map(|(i, c)| kept(i, c)).collect();
    }

    /// The next entries and bad rows, in file order; `None` at the end. Its memory does not grow
    /// with the file.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, FeedProblem> {
        if matches!(self.grouping, Grouping::Uncounted) {
            self.grouping = Grouping::Families(Box::new(self.count()?));
        }
        while !self.ended {
            let blocks = self.source.next_blocks()?;
            self.ended = blocks.is_none();
            let mut blocks = blocks.unwrap_or_default();
            let mut bad: Vec<BadRow> = blocks.iter_mut().flat_map(Block::take_bad).collect();
            let Grouped { blocks, groups, bad: ungrouped } = self.group(blocks);
            bad.extend(ungrouped);
            let mut entries = Vec::with_capacity(groups.len());
            for (made, refused) in self.make(&blocks, &groups) {
                entries.extend(made);
                bad.extend(refused);
            }
            bad.sort_by_key(|row| row.row);
            if !entries.is_empty() || !bad.is_empty() {
                let origins = Arc::clone(&self.origins);
                return Ok(Some(Batch { entries, bad, blocks, origins }));
            }
        }
        Ok(None)
    }

    fn group(&mut self, blocks: Vec<Block>) -> Grouped {
        match &mut self.grouping {
            Grouping::Alone | Grouping::Uncounted => grouping::alone(blocks),
            Grouping::Runs(runs) => runs.add(blocks, self.ended),
            Grouping::Families(families) => families.add(blocks, &*self.reading, self.ended),
        }
    }

    fn make(
        &self,
        blocks: &[Arc<Block>],
        groups: &grouping::Groups,
    ) -> Vec<(Vec<Entry>, Vec<BadRow>)> {
        let parts = groups.len().div_ceil(GROUPS_AT_ONCE);
        let (kept, reading) = (&self.kept[..], &*self.reading);
        let part = |part: usize| {
            let mut maker = Maker::new(kept);
            let mut members = Vec::new();
            let first = part * GROUPS_AT_ONCE;
            for group in first..groups.len().min(first + GROUPS_AT_ONCE) {
                let ids = groups.get(group);
                members.clear();
                members.extend(
                    ids.iter().map(|id| Member { record: record_of(blocks, *id), id: *id }),
                );
                reading.entries(&members, &mut maker);
            }
            (maker.entries, maker.bad)
        };
        (0..parts).into_par_iter().map(part).collect()
    }

    /// Reads the file once to know how large its families are.
    fn count(&mut self) -> Result<Families, FeedProblem> {
        let mut census = Census::default();
        while let Some(blocks) = self.source.next_blocks()? {
            blocks.iter().for_each(|block| census.add(block, &*self.reading));
        }
        self.source.restart()?;
        Ok(census.finish())
    }

    /// Digest of the bytes as they are on disk (of a folder: its files' names). Whole once
    /// `next_batch` gave `None`.
    pub fn digest(&self) -> Digest {
        self.source.digest()
    }

    /// The text that places count in, where no file has it: the names in a folder, a line each.
    pub fn listing(&self) -> Option<&str> {
        self.source.listing()
    }

    /// What was decided by looking and may be wrong; complete once `next_batch` gave `None`.
    pub fn notes(&self) -> Vec<FeedNote> {
        self.source.notes()
    }
}

/// Whose export it is, by its columns.
fn format_of(form: Form, written: &[WrittenColumn]) -> FeedFormat {
    let slugs = Slugs::of(written);
    match form {
        Form::Xml => FeedFormat::Google,
        Form::JsonLines => FeedFormat::Jsonl,
        Form::Folder => FeedFormat::Folder,
        Form::Delimited if shopify::is(&slugs) => FeedFormat::Shopify,
        Form::Delimited if woocommerce::is(&translated::slugs(written)) => FeedFormat::Woocommerce,
        Form::Delimited if google::is(&slugs) => FeedFormat::Google,
        Form::Delimited => FeedFormat::Csv,
    }
}

fn reading(
    format: FeedFormat,
    written: &[WrittenColumn],
    each: Each,
) -> Result<Box<dyn Reading>, FeedProblem> {
    let boxed = |reading: Option<Box<dyn Reading>>, whose: &str, needed: &str| {
        reading.ok_or_else(|| {
            let headers = written.iter().take(30).map(|c| c.header.as_str());
            let headers = headers.collect::<Vec<_>>().join(", ");
            FeedProblem::new("feed::format", format!("the feed is no export of {whose}"))
                .label(format!("it has no column {needed}"))
                .help(format!(
                    "write `format: csv` for a file of one's own; its columns: {headers}"
                ))
        })
    };
    match format {
        FeedFormat::Shopify => {
            let reading = Shopify::new(written, each).map(|r| Box::new(r) as Box<dyn Reading>);
            boxed(reading, "Shopify", "`Handle` or `URL handle`")
        }
        FeedFormat::Woocommerce => {
            let reading = Woocommerce::new(written, each).map(|r| Box::new(r) as Box<dyn Reading>);
            boxed(reading, "WooCommerce", "`Type` or none `Name`")
        }
        FeedFormat::Google => {
            let reading = Google::new(written, each).map(|r| Box::new(r) as Box<dyn Reading>);
            boxed(reading, "Google Merchant", "`id`")
        }
        FeedFormat::Folder => Ok(Box::new(Pictures::new(written))),
        FeedFormat::Csv | FeedFormat::Jsonl => Ok(Box::new(Plain::new(written))),
    }
}
