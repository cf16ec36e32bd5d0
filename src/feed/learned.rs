//! Feeds without a header as records: a first pass over the file learns its columns.

use std::collections::HashMap;
use std::path::Path;

use super::delimited::read_as_western;
use super::entry::Spot;
use super::items::{Field, Item, Items};
use super::jsonl::JsonLines;
use super::problem::{FeedNote, FeedProblem};
use super::source::{Block, BlockBuilder, RecordSource, WrittenColumn};
use super::text::{Seen, Text, TextFile};
use super::xml::{Xml, declared};
use crate::digest::Digest;
use crate::encoding::Encoding;
use crate::limits::Limits;

/// How many names items may have together.
const MOST_COLUMNS: usize = 4096;

/// About how much text goes into one block, in bytes.
const BLOCK_BYTES: usize = 256 << 10;

/// How much of a file is looked at for what its XML declaration says, in bytes.
const HEAD_BYTES: u64 = 1024;

/// Begins to read items from the file's text.
type Begin = fn(Text, &Limits) -> Box<dyn Items>;

/// A feed whose columns were learned.
pub(super) struct Learned {
    file: TextFile,
    begin: Begin,
    limits: Limits,
    columns: Vec<WrittenColumn>,
    places: HashMap<Box<str>, usize>,
    items: Box<dyn Items>,
    ended: bool,
    /// Whether there was not one item, not even a bad one.
    empty: bool,
    /// The file as it was when the columns were learned.
    learned: Seen,
    notes: Vec<FeedNote>,
}

/// A Google Merchant feed as XML.
pub(super) fn xml(
    path: &Path,
    told: Option<Encoding>,
    limits: &Limits,
) -> Result<Learned, FeedProblem> {
    let mut file = TextFile::new(path, told);
    let mut notes = Vec::new();
    if !file.is_told() {
        let head = file.head(HEAD_BYTES)?;
        // What the bytes say can't be wrong; what the declaration says was often copied.
        let by_bytes = Encoding::by_first_bytes(&head);
        match declared(&head).map(|name| (Encoding::by_name(&name), name)) {
            Some((Some(encoding), _)) if by_bytes.is_none() && is_ascii_based(encoding) => {
                file.tell(encoding);
            }
            Some((found, name)) if found != by_bytes.or(Some(Encoding::UTF_8)) => {
                notes.push(declaration_is_wrong(&name, by_bytes));
            }
            _ => {}
        }
    }
    let begin: Begin = |text, limits| Box::new(Xml::new(text, limits));
    let mut learned = Learned::new(file, begin, limits, notes)?;
    // Whatever its items lack, or be there none: this is what names one.
    learned.name("id", Spot::default());
    Ok(learned)
}

/// An object a line.
pub(super) fn json_lines(
    path: &Path,
    told: Option<Encoding>,
    limits: &Limits,
) -> Result<Learned, FeedProblem> {
    let begin: Begin = |text, limits| Box::new(JsonLines::new(text, limits));
    let learned = Learned::new(TextFile::new(path, told), begin, limits, Vec::new())?;
    if learned.empty {
        let empty = FeedProblem::new("feed::empty", "the feed is empty");
        return Err(empty.label("not one line in this file").help("export it again"));
    }
    Ok(learned)
}

/// Whether a file that begins with the letters of an XML declaration can be written so; and whether
/// saying so adds anything to what is found out anyway.
fn is_ascii_based(encoding: Encoding) -> bool {
    ![Encoding::UTF_8, Encoding::UTF_16LE, Encoding::UTF_16BE].contains(&encoding)
}

fn declaration_is_wrong(name: &str, by_bytes: Option<Encoding>) -> FeedNote {
    let shown: String = name.chars().take(40).collect();
    let read_as = by_bytes.unwrap_or(Encoding::UTF_8).name();
    FeedNote {
        code: "feed::encoding",
        message: format!("the XML says that it is {shown}, but its first bytes are {read_as}"),
        help: "it is read by its bytes; write `encoding:` beside `from` if letters are wrong"
            .to_owned(),
        at: None,
    }
}

impl Learned {
    /// Reads the whole file once.
    fn new(
        mut file: TextFile,
        begin: Begin,
        limits: &Limits,
        notes: Vec<FeedNote>,
    ) -> Result<Self, FeedProblem> {
        let items = begin(file.open(limits)?, limits);
        let none = Seen { digest: Digest::of(b""), encoding: Encoding::UTF_8 };
        let mut learned = Learned {
            file,
            begin,
            limits: limits.clone(),
            columns: Vec::new(),
            places: HashMap::new(),
            items,
            ended: false,
            empty: true,
            learned: none,
            notes,
        };
        learned.learn()?;
        learned.restart()?;
        Ok(learned)
    }

    fn learn(&mut self) -> Result<(), FeedProblem> {
        while let Some(item) = self.items.next_item()? {
            self.empty = false;
            for field in item.fields.iter().flatten() {
                self.name(&field.name, field.at);
            }
            if self.columns.len() > MOST_COLUMNS {
                let message = format!("the items have more than {MOST_COLUMNS} names together");
                return Err(FeedProblem::new("feed::limit", message)
                    .at(item.at, "the one too many is here")
                    .help("is a value used as a name? All items should have the same names"));
            }
        }
        self.learned = self.file.seen().ok_or_else(changed)?;
        Ok(())
    }

    /// Makes a column of a name, unless there is one.
    fn name(&mut self, name: &str, at: Spot) {
        if !self.places.contains_key(name) {
            self.places.insert(Box::from(name), self.columns.len());
            self.columns.push(WrittenColumn { header: name.to_owned(), at });
        }
    }

    /// Puts an item into a block.
    fn put(&self, item: Item, block: &mut BlockBuilder) -> Result<(), FeedProblem> {
        if let Some(bad) = item.bad_row() {
            block.bad(bad);
            return Ok(());
        }
        let mut cells: Vec<Option<Field>> = Vec::new();
        for field in item.fields.into_iter().flatten() {
            let place = *self.places.get(&field.name).ok_or_else(changed)?;
            if cells.len() <= place {
                cells.resize(place + 1, None);
            }
            cells[place] = Some(field);
        }
        block.begin(item.number, item.line, item.at, &item.raw);
        for cell in &cells {
            let absent = Spot { start: item.at.start, length: 0 };
            let at = cell.as_ref().map_or(absent, |cell| cell.at);
            block.cell(cell.as_ref().and_then(|cell| cell.text.as_deref()), at);
        }
        Ok(())
    }
}

fn changed() -> FeedProblem {
    FeedProblem::new("feed::changed", "the feed changed while it was read")
        .help("try again when nobody writes it")
}

impl RecordSource for Learned {
    fn columns(&self) -> &[WrittenColumn] {
        &self.columns
    }

    fn next_blocks(&mut self) -> Result<Option<Vec<Block>>, FeedProblem> {
        if self.ended {
            return Ok(None);
        }
        let mut block = BlockBuilder::default();
        while block.size() < BLOCK_BYTES {
            match self.items.next_item()? {
                Some(item) => self.put(item, &mut block)?,
                None => {
                    self.ended = true;
                    if self.file.seen() != Some(self.learned) {
                        return Err(changed());
                    }
                    break;
                }
            }
        }
        Ok(Some(vec![block.finish()]))
    }

    fn restart(&mut self) -> Result<(), FeedProblem> {
        self.items = (self.begin)(self.file.open(&self.limits)?, &self.limits);
        self.ended = false;
        Ok(())
    }

    fn digest(&self) -> Digest {
        self.learned.digest
    }

    fn encoding(&self) -> Encoding {
        self.learned.encoding
    }

    fn notes(&self) -> Vec<FeedNote> {
        let western = self.learned.encoding == Encoding::WINDOWS_1252 && !self.file.is_told();
        self.notes.iter().cloned().chain(western.then(read_as_western)).collect()
    }
}
