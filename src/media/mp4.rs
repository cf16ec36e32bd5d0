//! The outside of an MP4: whether its boxes fit the file and its tables fit each other.
//!
//! The reader of the index trusts what it reads and can be led to stop the program by tables
//! that contradict each other; this check comes before it. What never lives here: codecs.

use std::io::{Read, Seek, SeekFrom};

use super::clip::ClipProblem;

/// Largest index that is read. An hour of clip has one of about a megabyte.
const MAX_INDEX: u64 = 64 << 20;

/// Walks the boxes of a file of `size` bytes.
pub(super) fn check_structure(file: &mut (impl Read + Seek), size: u64) -> Result<(), ClipProblem> {
    let unreadable = |e: std::io::Error| ClipProblem::Unreadable(e.to_string());
    let mut at = 0;
    let mut found_index = false;
    while at < size {
        file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
        let mut head = Vec::new();
        file.by_ref().take(16).read_to_end(&mut head).map_err(unreadable)?;
        let header = Header::read(&head).ok_or_else(|| cut("a box has no header"))?;
        let length = header.length.unwrap_or(size - at);
        let name = String::from_utf8_lossy(&header.name).into_owned();
        if length < header.bytes {
            return Err(damaged(&format!("its box `{name}` has an impossible size")));
        }
        if length > size - at {
            return Err(cut(&format!("its box `{name}` lacks {} bytes", length - (size - at))));
        }
        if &header.name == b"moov" {
            if length > MAX_INDEX {
                return Err(damaged("its index is too large"));
            }
            let mut index = Vec::new();
            file.seek(SeekFrom::Start(at + header.bytes)).map_err(unreadable)?;
            file.by_ref()
                .take(length - header.bytes)
                .read_to_end(&mut index)
                .map_err(unreadable)?;
            check_index(&index)?;
            found_index = true;
        }
        at += length;
    }
    if found_index { Ok(()) } else { Err(cut("its index (`moov`) is missing")) }
}

fn check_index(moov: &[u8]) -> Result<(), ClipProblem> {
    for trak in children(moov)?.iter().filter(|(name, _)| name == b"trak") {
        let mut tables = trak.1;
        for step in [b"mdia", b"minf", b"stbl"] {
            tables = children(tables)?
                .into_iter()
                .find(|(name, _)| name == step)
                .map(|(_, body)| body)
                .ok_or_else(|| damaged("a track has no table of frames"))?;
        }
        check_tables(&children(tables)?)?;
    }
    Ok(())
}

/// Counts that must agree: frames by their sizes, by their times, by their chunks.
fn check_tables(tables: &[Child<'_>]) -> Result<(), ClipProblem> {
    let table = |name: &[u8; 4]| tables.iter().find(|(n, _)| n == name).map(|(_, body)| *body);
    let sizes = table(b"stsz").ok_or_else(|| damaged("a track has no sizes"))?;
    let frames = u64::from(word(sizes, 8).ok_or_else(|| damaged("its sizes are cut short"))?);
    if word(sizes, 4) == Some(0) && (sizes.len() as u64) < 12 + frames * 4 {
        return Err(damaged("its sizes are cut short"));
    }
    let timed: u64 = entries(table(b"stts"), 8)?.iter().map(|e| first(e)).sum();
    if timed < frames {
        return Err(damaged("it has more frames than times"));
    }
    if let Some(offsets) = table(b"ctts") {
        let shifted: u64 = entries(Some(offsets), 8)?.iter().map(|e| first(e)).sum();
        if shifted < frames {
            return Err(damaged("it has more frames than display times"));
        }
    }
    let chunks = match (table(b"stco"), table(b"co64")) {
        (Some(body), _) => entries(Some(body), 4)?.len() as u64,
        (None, body) => entries(body, 8)?.len() as u64,
    };
    let runs = entries(table(b"stsc"), 12)?;
    check_chunks(frames, chunks, &runs)?;
    // Key frames are numbered from one.
    if let Some(keys) = table(b"stss") {
        if entries(Some(keys), 4)?.iter().any(|e| first(e) == 0) {
            return Err(damaged("its key frames are numbered wrongly"));
        }
    }
    Ok(())
}

fn check_chunks(frames: u64, chunks: u64, runs: &[&[u8]]) -> Result<(), ClipProblem> {
    if frames == 0 {
        return Ok(());
    }
    let mut held = 0;
    let mut next = 1;
    for (i, run) in runs.iter().enumerate() {
        let start = first(run);
        let end = runs.get(i + 1).map_or(chunks + 1, |later| first(later));
        if start != next || end <= start || end > chunks + 1 {
            return Err(damaged("its chunks are numbered wrongly"));
        }
        held += (end - start) * u64::from(word(run, 4).unwrap_or(0));
        next = end;
    }
    if held < frames { Err(damaged("it has more frames than chunks hold")) } else { Ok(()) }
}

/// The entries of a table: version and flags, their number, then so many of `size` bytes.
fn entries(body: Option<&[u8]>, size: usize) -> Result<Vec<&[u8]>, ClipProblem> {
    let body = body.ok_or_else(|| damaged("a track lacks a table"))?;
    let count = word(body, 4).ok_or_else(|| damaged("a table is cut short"))? as usize;
    let list = body.get(8..).unwrap_or_default();
    if list.len() / size < count {
        return Err(damaged("a table is cut short"));
    }
    Ok(list.chunks_exact(size).take(count).collect())
}

fn first(entry: &[u8]) -> u64 {
    u64::from(word(entry, 0).unwrap_or(0))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes)
}

type Child<'a> = ([u8; 4], &'a [u8]);

fn children(body: &[u8]) -> Result<Vec<Child<'_>>, ClipProblem> {
    let mut found = Vec::new();
    let mut rest = body;
    // Some writers end a container with four zero bytes.
    while rest.len() >= 8 {
        let header = Header::read(rest).ok_or_else(|| damaged("a box has no header"))?;
        let length = header.length.unwrap_or(rest.len() as u64);
        if length < header.bytes || length > rest.len() as u64 {
            return Err(damaged("a box is larger than the one around it"));
        }
        found.push((header.name, &rest[header.bytes as usize..length as usize]));
        rest = &rest[length as usize..];
    }
    Ok(found)
}

struct Header {
    name: [u8; 4],
    /// Bytes of the header itself.
    bytes: u64,
    /// Bytes with the header; absent: to the end.
    length: Option<u64>,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let name = bytes.get(4..8)?.try_into().ok()?;
        Some(match word(bytes, 0)? {
            0 => Header { name, bytes: 8, length: None },
            1 => {
                let length = u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?);
                Header { name, bytes: 16, length: Some(length) }
            }
            length => Header { name, bytes: 8, length: Some(u64::from(length)) },
        })
    }
}

/// Turns a frame of length-prefixed parts into one of start codes, after `out`. Nothing when a
/// length is wrong.
pub(super) fn append_annex_b(frame: &[u8], length_size: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = frame;
    while !rest.is_empty() {
        let length = rest.get(..length_size)?.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        let part = rest.get(length_size..length_size.checked_add(length)?)?;
        out.extend([0, 0, 0, 1]);
        out.extend(part);
        rest = &rest[length_size + length..];
    }
    Some(())
}

fn cut(what: &str) -> ClipProblem {
    ClipProblem::CutShort(what.to_owned())
}

fn damaged(what: &str) -> ClipProblem {
    ClipProblem::Damaged(what.to_owned())
}
