//! Places: which bytes of which file a finding is about.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;

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
pub struct Sources(Vec<Source>, BTreeMap<SourceId, Digest>);

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
            None => window_on_disk(&source.path, place),
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

fn window_on_disk(path: &Path, place: &Place) -> Option<Window> {
    let mut file = std::fs::File::open(path).ok()?;
    let (line, line_start) = line_of_byte(&mut file, place.start)?;
    file.seek(SeekFrom::Start(line_start)).ok()?;
    let inside = place.start - line_start;
    let mut bytes = Vec::new();
    let wanted = inside + u64::from(place.length) + SHOWN_LINE_BYTES;
    file.take(wanted).read_to_end(&mut bytes).ok()?;
    let inside = usize::try_from(inside).ok()?;
    let place_end = (inside + place.length as usize).min(bytes.len());
    let end =
        bytes[place_end..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| place_end + i);
    // A lone CR at the end would be counted as one more line.
    let end = if end > place_end && bytes[end - 1] == b'\r' { end - 1 } else { end };
    let before = String::from_utf8_lossy(&bytes[..inside.min(end)]).into_owned();
    let at = String::from_utf8_lossy(&bytes[inside.min(end)..place_end.min(end)]).into_owned();
    let after = String::from_utf8_lossy(&bytes[place_end.min(end)..end]).into_owned();
    let (offset, length) = (before.len(), at.len());
    Some(finish_window(format!("{before}{at}{after}"), line, offset, length))
}

/// Line number (from 1) of a byte and where that line starts, read in constant memory.
fn line_of_byte(file: &mut std::fs::File, byte: u64) -> Option<(usize, u64)> {
    let mut buffer = vec![0u8; 64 * 1024];
    let (mut line, mut line_start, mut position) = (1usize, 0u64, 0u64);
    while position < byte {
        let wanted = buffer.len().min(usize::try_from(byte - position).ok()?);
        let n = file.read(&mut buffer[..wanted]).ok()?;
        if n == 0 {
            break;
        }
        for (i, b) in buffer[..n].iter().enumerate() {
            if *b == b'\n' {
                line += 1;
                line_start = position + i as u64 + 1;
            }
        }
        position += n as u64;
    }
    Some((line, line_start))
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
