//! The outside of an MP4: whether its boxes fit the file and its tables fit each other.
//!
//! The reader of the index trusts what it reads: boxes smaller than their own headers, counts
//! without entries or tables that contradict each other lead it to go round for ever, to take
//! all memory, or to break off. So the index is checked first, and the reader is shown a copy
//! in which everything that Kinora does not ask about is blanked. What never lives here: codecs.

use std::io::{self, Read, Seek, SeekFrom};

use super::clip::ClipProblem;

/// Largest index that is read. An hour of clip has one of about a megabyte.
const MAX_INDEX: u64 = 64 << 20;
/// Most frames that an index may name.
const MAX_FRAMES: u64 = 4_000_000;

/// What each container may hold; the rest is blanked.
const KNOWN: &[(&[u8; 4], &[&[u8; 4]])] = &[
    (b"moov", &[b"mvhd", b"trak", b"mvex"]),
    (b"trak", &[b"tkhd", b"mdia"]),
    (b"mdia", &[b"mdhd", b"hdlr", b"minf"]),
    (b"minf", &[b"vmhd", b"dinf", b"stbl"]),
    (b"dinf", &[b"dref"]),
    (b"stbl", &[b"stsd", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64"]),
    (b"mvex", &[b"mehd", b"trex"]),
    (b"moof", &[b"mfhd", b"traf"]),
    (b"traf", &[b"tfhd", b"tfdt", b"trun"]),
];

/// A file in which some parts read differently.
pub(super) struct Patched<R> {
    file: R,
    at: u64,
    /// Where each part begins, and its bytes, in order.
    parts: Vec<(u64, Vec<u8>)>,
    /// Which of them is the content of the `moov`.
    moov: usize,
}

impl<R> Patched<R> {
    /// The content of the `moov`.
    pub(super) fn into_moov(mut self) -> Vec<u8> {
        self.parts.swap_remove(self.moov).1
    }
}

impl<R: Read + Seek> Read for Patched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut room = buffer.len() as u64;
        for (start, part) in &self.parts {
            if let Some(rest) =
                self.at.checked_sub(*start).and_then(|n| part.get(usize::try_from(n).ok()?..))
            {
                if !rest.is_empty() {
                    let count = rest.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&rest[..count]);
                    self.at += count as u64;
                    return Ok(count);
                }
            } else if *start > self.at {
                room = room.min(start - self.at);
                break;
            }
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        let count = self.file.read(&mut buffer[..room as usize])?;
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Patched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).ok_or_else(outside)?,
            SeekFrom::End(by) => {
                self.file.seek(SeekFrom::End(0))?.checked_add_signed(by).ok_or_else(outside)?
            }
        };
        Ok(self.at)
    }
}

/// Walks the boxes of a file of `size` bytes and returns what the reader may be shown.
pub(super) fn checked<R: Read + Seek>(mut file: R, size: u64) -> Result<Patched<R>, ClipProblem> {
    let mut at = 0;
    let mut parts = Vec::new();
    let mut moov = None;
    let mut frames = Frames { file_size: size, count: 0 };
    while at < size {
        let head = read_at(&mut file, at, 16)?;
        let header = Header::read(&head).ok_or_else(|| cut("a box has no header"))?;
        let length = header.length.unwrap_or(size - at);
        let name = String::from_utf8_lossy(&header.name).into_owned();
        if length < header.bytes {
            return Err(damaged(&format!("its box `{name}` has an impossible size")));
        }
        if length > size - at {
            return Err(cut(&format!("its box `{name}` lacks {} bytes", length - (size - at))));
        }
        match &header.name {
            b"moov" | b"moof" => {
                if length > MAX_INDEX {
                    return Err(damaged("its index is too large"));
                }
                let mut index = read_at(&mut file, at + header.bytes, length - header.bytes)?;
                clean(&header.name, &mut index, &mut frames)?;
                if &header.name == b"moov" {
                    // Of several the reader takes the last.
                    moov = Some(parts.len());
                }
                parts.push((at + header.bytes, index));
            }
            b"ftyp" | b"mdat" | b"free" => {}
            // Anything else is stepped over whatever it is.
            _ => parts.push((at + 4, b"free".to_vec())),
        }
        at += length;
    }
    let moov = moov.ok_or_else(|| cut("its index is missing"))?;
    Ok(Patched { file, at: 0, parts, moov })
}

fn read_at(file: &mut (impl Read + Seek), at: u64, count: u64) -> Result<Vec<u8>, ClipProblem> {
    let unreadable = |e: io::Error| ClipProblem::Unreadable(e.to_string());
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    file.take(count).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// How many frames were named so far.
struct Frames {
    file_size: u64,
    count: u64,
}

impl Frames {
    fn add(&mut self, count: u64) -> Result<(), ClipProblem> {
        self.count = self.count.saturating_add(count);
        // A frame has at least a byte.
        if self.count > MAX_FRAMES || self.count > self.file_size {
            return Err(damaged("it names more frames than it can hold"));
        }
        Ok(())
    }
}

/// Checks the children of a container and blanks those that nobody asks about.
fn clean(container: &[u8; 4], body: &mut [u8], frames: &mut Frames) -> Result<(), ClipProblem> {
    let known = KNOWN.iter().find(|(n, _)| *n == container).map_or(&[][..], |(_, k)| *k);
    for Span { name, header, contents } in spans(body)? {
        let start = contents.start;
        let child = &mut body[contents];
        let wanted = known.contains(&&name) && (&name != b"trak" || is_video(child)?);
        if !wanted {
            // A header's name follows the four bytes of its length.
            let name_at = start - header + 4;
            body[name_at..name_at + 4].copy_from_slice(b"free");
        } else if KNOWN.iter().any(|(n, _)| **n == name) {
            clean(&name, child, frames)?;
        } else if &name == b"stsd" {
            check_entries(child)?;
        } else if &name == b"trun" {
            check_run(child, frames)?;
        }
    }
    if container == b"stbl" { check_tables(&children(body)?, frames) } else { Ok(()) }
}

/// Whether a track is a video's.
fn is_video(trak: &[u8]) -> Result<bool, ClipProblem> {
    let Some((_, mdia)) = children(trak)?.into_iter().find(|(n, _)| n == b"mdia") else {
        return Ok(false);
    };
    let handler = children(mdia)?.into_iter().find(|(n, _)| n == b"hdlr");
    Ok(handler.is_some_and(|(_, h)| h.get(8..12) == Some(b"vide")))
}

/// The codecs of a video track: each entry has 78 bytes of its own, then boxes.
fn check_entries(stsd: &[u8]) -> Result<(), ClipProblem> {
    let list = children(stsd.get(8..).unwrap_or_default())?;
    if list.is_empty() {
        return Err(damaged("a track has no codec"));
    }
    for (_, entry) in list {
        children(entry.get(78..).ok_or_else(|| damaged("a codec is cut short"))?)?;
    }
    Ok(())
}

/// A run of frames of a fragment: as many entries as it says.
fn check_run(trun: &[u8], frames: &mut Frames) -> Result<(), ClipProblem> {
    let short = || damaged("a run of frames is cut short");
    let flags = word(trun, 0).ok_or_else(short)?;
    let count = u64::from(word(trun, 4).ok_or_else(short)?);
    let fields = |mask: u32| u64::from((flags & mask).count_ones());
    let needed = 8 + 4 * (fields(0x5) + count * fields(0xF00));
    if (trun.len() as u64) < needed {
        return Err(short());
    }
    frames.add(count)
}

/// Counts that must agree: frames by their sizes, by their times, by their chunks.
fn check_tables(tables: &[Child<'_>], total: &mut Frames) -> Result<(), ClipProblem> {
    let table = |name: &[u8; 4]| tables.iter().find(|(n, _)| n == name).map(|(_, body)| *body);
    let sizes = table(b"stsz").ok_or_else(|| damaged("a track has no sizes"))?;
    let frames = u64::from(word(sizes, 8).ok_or_else(|| damaged("its sizes are cut short"))?);
    if word(sizes, 4) == Some(0) && (sizes.len() as u64) < 12 + frames * 4 {
        return Err(damaged("its sizes are cut short"));
    }
    total.add(frames)?;
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
    if let Some(keys) = table(b"stss")
        && entries(Some(keys), 4)?.iter().any(|e| first(e) == 0)
    {
        return Err(damaged("its key frames are numbered wrongly"));
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

/// A number of 32 bits.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes)
}

/// A box inside another: its name and its content.
pub(super) type Child<'a> = ([u8; 4], &'a [u8]);

/// A box inside another: its name, the bytes of its header, and where its contents are.
struct Span {
    name: [u8; 4],
    header: usize,
    contents: std::ops::Range<usize>,
}

fn spans(body: &[u8]) -> Result<Vec<Span>, ClipProblem> {
    let mut found = Vec::new();
    let mut at = 0;
    // Some writers end a container with four zero bytes.
    while body.len() - at >= 8 {
        let rest = &body[at..];
        let header = Header::read(rest).ok_or_else(|| damaged("a box has no header"))?;
        // Only a file's last box may leave its length open.
        let length = header.length.unwrap_or(0);
        if length < header.bytes || length > rest.len() as u64 {
            return Err(damaged("a box does not fit the one around it"));
        }
        let (own, length) = (header.bytes as usize, length as usize);
        found.push(Span { name: header.name, header: own, contents: at + own..at + length });
        at += length;
    }
    Ok(found)
}

/// The boxes inside another.
pub(super) fn children(body: &[u8]) -> Result<Vec<Child<'_>>, ClipProblem> {
    Ok(spans(body)?.into_iter().map(|s| (s.name, &body[s.contents])).collect())
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
