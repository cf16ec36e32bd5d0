//! Places: which bytes of which file a finding is about.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;
use crate::encoding::{Decoded, Encoding};

/// Which of the [`Sources`] a place is in. Small, because every subject keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// A range of bytes in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u64,
    /// Length in bytes; zero for a point.
    pub length: u32,
}

impl Place {
    /// `length` bytes from `start`.
    pub fn new(source: SourceId, start: u64, length: u32) -> Self {
        Place { source, start, length }
    }

    /// The part of this place that starts `offset` bytes in.
    #[must_use]
    pub fn part(self, offset: u64, length: u32) -> Self {
        Place { source: self.source, start: self.start + offset, length }
    }
}

/// A file that was read. YAML stays in memory; a feed of a gigabyte does not, so the lines
/// around a finding are read again when it is shown.
#[derive(Debug, Clone)]
pub struct Source {
    /// As shown to people: relative to the workspace where possible.
    pub name: Arc<str>,
    /// Where it is.
    pub path: PathBuf,
    /// The whole text, for files that are kept.
    pub text: Option<Arc<str>>,
}

/// All files that were read for one load.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>, BTreeMap<SourceId, Digest>, BTreeMap<SourceId, Encoding>);

/// The lines around a place, ready to be shown.
#[derive(Debug, Clone)]
pub struct Window {
    /// Whole lines.
    pub text: String,
    /// Number of the first line, from 1.
    pub first_line: usize,
    /// Start of the place inside `text`, in bytes.
    pub offset: usize,
    /// Length of the place inside `text`, in bytes.
    pub length: usize,
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in characters, from 1.
    pub column: usize,
}

/// How much text around a place is shown, in lines.
const CONTEXT_LINES: usize = 1;

/// The most bytes of one line that are shown; a feed may hold a megabyte in one cell.
const SHOWN_LINE_BYTES: u64 = 4096;

impl Sources {
    /// Registers a file. At most 65,536 files can be read for one load; the limit on includes
    /// is far below that.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = u16::try_from(self.0.len()).expect("the limit on files is below 65,536");
        self.0.push(source);
        SourceId(id)
    }

    /// Keeps the text of a source that no file has.
    pub fn keep_text(&mut self, id: SourceId, text: Arc<str>) {
        if let Some(source) = self.0.get_mut(usize::from(id.0)) {
            source.text = Some(text);
        }
    }

    /// Says what the bytes of a file are that is not kept.
    pub fn name_bytes(&mut self, id: SourceId, digest: Digest) {
        self.1.insert(id, digest);
    }

    /// Says how a file is written that is not kept, and not UTF-8.
    pub fn written_in(&mut self, id: SourceId, encoding: Encoding) {
        self.2.insert(id, encoding);
    }

    /// Digest of the bytes of a file as they were read; absent where nobody said it of a file
    /// that is not kept.
    pub fn digest(&self, id: SourceId) -> Option<Digest> {
        let kept = || self.get(id).text.as_ref().map(|text| Digest::of(text.as_bytes()));
        self.1.get(&id).copied().or_else(kept)
    }

    /// The file behind an id.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[usize::from(id.0)]
    }

    /// All files, in the order they were read.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.0
            .iter()
            .enumerate()
            .map(|(i, s)| (SourceId(u16::try_from(i).expect("ids were given out by add")), s))
    }

    /// The lines around a place; `None` when the file can't be read any more.
    pub fn window(&self, place: &Place) -> Option<Window> {
        let source = self.get(place.source);
        match &source.text {
            Some(text) => window_in_memory(text, place),
            None => {
                let encoding = self.2.get(&place.source).copied().unwrap_or_default();
                window_on_disk(&source.path, encoding, place)
            }
        }
    }
}

fn window_in_memory(text: &str, place: &Place) -> Option<Window> {
    let start = floor_boundary(text, usize::try_from(place.start).ok()?);
    let end = floor_boundary(text, start + place.length as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let mut from = line_start;
    for _ in 0..CONTEXT_LINES {
        from = text[..from.saturating_sub(1)].rfind('\n').map_or(0, |i| i + 1);
    }
    let mut to = end;
    for _ in 0..=CONTEXT_LINES {
        to = text[to..].find('\n').map_or(text.len(), |i| to + i + 1);
    }
    let first_line = text[..from].bytes().filter(|b| *b == b'\n').count() + 1;
    Some(finish_window(text[from..to].to_owned(), first_line, start - from, end - start))
}

fn window_on_disk(path: &Path, encoding: Encoding, place: &Place) -> Option<Window> {
    let (line, line_start) = line_of_byte(path, encoding, place.start)?;
    let inside = place.start - line_start;
    let wanted = inside + u64::from(place.length) + SHOWN_LINE_BYTES;
    let bytes = text_from(path, encoding, line_start, usize::try_from(wanted).ok()?)?;
    let inside = usize::try_from(inside).ok()?;
    let place_end = (inside + place.length as usize).min(bytes.len());
    let rest = &bytes[place_end..];
    let end = memchr::memchr2(b'\n', b'\r', rest).map_or(bytes.len(), |i| place_end + i);
    let before = String::from_utf8_lossy(&bytes[..inside.min(end)]).into_owned();
    let at = String::from_utf8_lossy(&bytes[inside.min(end)..place_end.min(end)]).into_owned();
    let after = String::from_utf8_lossy(&bytes[place_end.min(end)..end]).into_owned();
    let (offset, length) = (before.len(), at.len());
    Some(finish_window(format!("{before}{at}{after}"), line, offset, length))
}

/// A file's text as places count it.
fn opened(path: &Path, encoding: Encoding) -> Option<Decoded<std::fs::File>> {
    Some(Decoded::new(std::fs::File::open(path).ok()?, Some(encoding)))
}

/// Line number (from 1) of a byte and where that line starts, read in constant memory. A line
/// ends with LF, or with CR where no LF follows.
fn line_of_byte(path: &Path, encoding: Encoding, byte: u64) -> Option<(usize, u64)> {
    let mut text = opened(path, encoding)?;
    let mut part = Vec::new();
    let (mut line, mut line_start, mut position) = (1usize, 0u64, 0u64);
    let mut carriage = None;
    while position < byte {
        part.clear();
        if !text.fill(&mut part).ok()? {
            break;
        }
        for found in memchr::memchr2_iter(b'\n', b'\r', &part) {
            let at = position + found as u64;
            if at >= byte {
                break;
            }
            // LF behind CR ends the line that CR has ended.
            let same = part[found] == b'\n' && carriage == Some(at);
            line += usize::from(!same);
            line_start = at + 1;
            carriage = (part[found] == b'\r').then_some(at + 1);
        }
        position += part.len() as u64;
    }
    Some((line, line_start))
}

/// At most `wanted` bytes of a file's text from `start` on.
fn text_from(path: &Path, encoding: Encoding, start: u64, wanted: usize) -> Option<Vec<u8>> {
    let mut text = opened(path, encoding)?;
    let (mut out, mut part) = (Vec::new(), Vec::new());
    let mut position = 0u64;
    while out.len() < wanted {
        part.clear();
        if !text.fill(&mut part).ok()? {
            break;
        }
        let skipped = start.saturating_sub(position).min(part.len() as u64);
        out.extend_from_slice(&part[usize::try_from(skipped).ok()?..]);
        position += part.len() as u64;
    }
    out.truncate(wanted);
    Some(out)
}

fn finish_window(text: String, first_line: usize, offset: usize, length: usize) -> Window {
    let text = printable(text);
    let before = &text[..offset];
    let line = first_line + before.bytes().filter(|b| *b == b'\n').count();
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Window { text, first_line, offset, length, line, column }
}

/// Control characters that a terminal would obey are replaced by visible ones of the same
/// length, so that places stay where they are.
pub(super) fn printable(text: String) -> String {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if !text.contains(obeyed) {
        return text;
    }
    let shown = |c: char| match c {
        c if !obeyed(c) => c,
        c if c.len_utf8() == 1 => '?',
        _ => '·',
    };
    text.chars().map(shown).collect()
}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
