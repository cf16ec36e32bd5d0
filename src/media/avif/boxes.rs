//! The boxes of an AVIF file (ISO/IEC 14496-12 and 23008-12, AV1 Image File Format 1.1): which
//! items it has, where their bytes are, and what their properties say.
//!
//! Every length comes from the file, so each is held against what is there. What never lives
//! here: pixels, what is done with an item.

use std::collections::BTreeMap;

/// Items of a file, at most: a picture of many tiles has some hundreds.
const MOST_ITEMS: usize = 4096;

/// Parts of all items, at most.
const MOST_PARTS: u32 = 65_536;

/// What is wrong with the boxes, in words.
pub(super) type Wrong = &'static str;

const CUT_SHORT: Wrong = "a box is longer than the file";

/// One thing in the file: a coded picture, its alpha, a grid of pictures, metadata.
#[derive(Debug, Clone, Default)]
pub(super) struct Item<'b> {
    /// Its type, such as `av01`.
    pub kind: [u8; 4],
    /// Its bytes, in their order.
    pub parts: Vec<&'b [u8]>,
    /// Its properties.
    pub properties: Properties<'b>,
    /// Items that it is derived from, in their order (`dimg`).
    pub made_of: Vec<u32>,
    /// Items that it belongs to as an auxiliary picture (`auxl`).
    pub auxiliary_of: Vec<u32>,
    /// Items by which it was multiplied (`prem`).
    pub multiplied_by: Vec<u32>,
}

/// What properties say of an item.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Properties<'b> {
    /// Pixels (`ispe`).
    pub size: Option<(u32, u32)>,
    /// Quarter turns, anticlockwise (`irot`).
    pub turns: u8,
    /// Mirrored: 0 exchanges top and bottom, 1 left and right (`imir`).
    pub mirror: Option<u8>,
    /// An ICC profile (`colr`).
    pub icc: Option<&'b [u8]>,
    /// Colours as code points of ITU-T H.273 (`colr`).
    pub colours: Option<Colours>,
    /// The most bits of a channel (`pixi`, else `av1C`).
    pub depth: u8,
    /// Whether the coded picture has luma alone (`av1C`).
    pub monochrome: bool,
    /// What an auxiliary picture is (`auxC`).
    pub auxiliary: Option<&'b [u8]>,
    /// Whether a property is essential and not known here.
    pub unknown_essential: bool,
}

/// Colours as code points of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colours {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Whether values use their whole range.
    pub full_range: bool,
}

/// A file's items.
#[derive(Debug)]
pub(super) struct Container<'b> {
    /// By number.
    pub items: BTreeMap<u32, Item<'b>>,
    /// The picture itself.
    pub primary: u32,
    /// Whether the file also holds a sequence.
    pub is_sequence: bool,
}

/// Numbers and bytes, from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b>(pub &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], Wrong> {
        let (taken, left) = self.0.split_at_checked(count).ok_or(CUT_SHORT)?;
        self.0 = left;
        Ok(taken)
    }

    /// A number of so many bytes, at most eight; none is zero.
    pub(super) fn number(&mut self, bytes: usize) -> Result<u64, Wrong> {
        Ok(self.take(bytes)?.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Wrong> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Wrong> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().map_err(|_| CUT_SHORT)?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Wrong> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| CUT_SHORT)?))
    }

    /// Version and flags of a full box.
    fn version(&mut self) -> Result<(u8, u32), Wrong> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0xFF_FFFF))
    }

    /// The next box: its type and content; `None` at the end.
    fn next_box(&mut self) -> Result<Option<([u8; 4], Reader<'b>)>, Wrong> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let size = u64::from(self.u32()?);
        let kind: [u8; 4] = self.take(4)?.try_into().map_err(|_| CUT_SHORT)?;
        let content = match size {
            // To the end of the file.
            0 => self.0.len() as u64,
            1 => self.number(8)?.checked_sub(16).ok_or(CUT_SHORT)?,
            size => size.checked_sub(8).ok_or(CUT_SHORT)?,
        };
        let content = self.take(usize::try_from(content).map_err(|_| CUT_SHORT)?)?;
        Ok(Some((kind, Reader(content))))
    }

    /// The boxes up to the end, of the types that are asked for.
    fn boxes(mut self, mut each: impl FnMut([u8; 4], Reader<'b>) -> Result<(), Wrong>) -> Done {
        while let Some((kind, content)) = self.next_box()? {
            each(kind, content)?;
        }
        Ok(())
    }
}

type Done = Result<(), Wrong>;

/// The brands of a file's first box, the major one first.
pub(in crate::media) fn brands(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let ftyp = match Reader(bytes).next_box() {
        Ok(Some((kind, content))) if kind == *b"ftyp" => content.0,
        // Cut short within its first box, it still says what it is.
        _ if bytes.get(4..8) == Some(b"ftyp") => &bytes[8..],
        _ => &[],
    };
    // After the major brand stands a version number.
    let (major, rest) = ftyp.split_at_checked(4).unwrap_or((&[], &[]));
    let others = rest.get(4..).unwrap_or(&[]).chunks_exact(4).take(64);
    major.chunks_exact(4).chain(others).map(|brand| [brand[0], brand[1], brand[2], brand[3]])
}

/// Reads a file's boxes. Every byte of an item that is wanted is there afterwards.
pub(super) fn read(bytes: &[u8]) -> Result<Container<'_>, Wrong> {
    let mut rest = Reader(bytes);
    // What follows the one that is needed may be anything: its pictures are seen to be whole below.
    let mut meta = loop {
        match rest.next_box()? {
            Some((kind, content)) if kind == *b"meta" => break content,
            Some(_) => {}
            None => return Err("it has no `meta` box"),
        }
    };
    let mut found = Container {
        items: BTreeMap::new(),
        primary: 0,
        is_sequence: brands(bytes).any(|brand| brand == *b"avis"),
    };
    meta.version()?;
    read_meta(meta, bytes, &mut found)?;
    if !found.items.contains_key(&found.primary) {
        return Err("it does not say which of its pictures is the one to show");
    }
    Ok(found)
}

fn read_meta<'b>(meta: Reader<'b>, bytes: &'b [u8], found: &mut Container<'b>) -> Done {
    let mut own_data: &[u8] = &[];
    // Places and properties are about items, in whatever order the boxes come.
    let (mut places, mut references, mut properties) = (None, None, None);
    meta.boxes(|kind, mut content| {
        match &kind {
            b"pitm" => {
                let (version, _) = content.version()?;
                found.primary = wide(&mut content, version > 0)?;
            }
            b"iinf" => read_infos(content, found)?,
            b"idat" => own_data = content.0,
            b"iloc" => places = Some(content),
            b"iref" => references = Some(content),
            b"iprp" => properties = Some(content),
            _ => {}
        }
        Ok(())
    })?;
    read_places(places.ok_or("it does not say where its pictures are")?, bytes, own_data, found)?;
    references.map_or(Ok(()), |content| read_references(content, found))?;
    properties.map_or(Ok(()), |content| read_properties(content, found))
}

/// An item's number: of four bytes, or of two.
fn wide(content: &mut Reader<'_>, is_wide: bool) -> Result<u32, Wrong> {
    if is_wide { content.u32() } else { Ok(u32::from(content.u16()?)) }
}

fn read_infos<'b>(mut content: Reader<'b>, found: &mut Container<'b>) -> Done {
    let (version, _) = content.version()?;
    let _count = wide(&mut content, version > 0)?;
    content.boxes(|kind, mut info| {
        if kind != *b"infe" {
            return Ok(());
        }
        let (version, _) = info.version()?;
        if version < 2 {
            return Ok(());
        }
        let number = wide(&mut info, version > 2)?;
        let protected = info.u16()? != 0;
        let kind = info.take(4)?.try_into().map_err(|_| CUT_SHORT)?;
        if found.items.len() >= MOST_ITEMS {
            return Err("it has too many items");
        }
        if !protected {
            found.items.entry(number).or_default().kind = kind;
        }
        Ok(())
    })
}

fn read_places<'b>(
    mut content: Reader<'b>,
    bytes: &'b [u8],
    own_data: &'b [u8],
    found: &mut Container<'b>,
) -> Done {
    let (version, _) = content.version()?;
    let sizes = content.u16()?;
    let nibble = |shift: u16| usize::from(sizes >> shift & 0xF);
    let (offset, length, base) = (nibble(12), nibble(8), nibble(4));
    let index = if version > 0 { nibble(0) } else { 0 };
    if [offset, length, base, index].iter().any(|size| *size > 8) {
        return Err("the places of its pictures can't be read");
    }
    let count = wide(&mut content, version > 1)?;
    let mut parts = 0;
    for _ in 0..count {
        let number = wide(&mut content, version > 1)?;
        let method = if version > 0 { content.u16()? & 0xF } else { 0 };
        let _data_reference = content.u16()?;
        let from = content.number(base)?;
        let extents = content.u16()?;
        parts += u32::from(extents);
        if parts > MOST_PARTS {
            return Err("its pictures are in too many parts");
        }
        for _ in 0..extents {
            content.take(index)?;
            let at = from.saturating_add(content.number(offset)?);
            let length = content.number(length)?;
            let Some(item) = found.items.get_mut(&number) else { continue };
            let source = match method {
                0 => bytes,
                1 => own_data,
                _ => return Err("one of its pictures is stored in a way that is not read"),
            };
            item.parts.push(part(source, at, length)?);
            // Parts that say the same bytes again and again would take any memory.
            if item.parts.iter().map(|part| part.len()).sum::<usize>() > bytes.len() {
                return Err("one of its pictures is longer than the file");
            }
        }
    }
    Ok(())
}

/// So many bytes from a place; none stands for all that follow.
fn part(source: &[u8], at: u64, length: u64) -> Result<&[u8], Wrong> {
    let gone = "it ends too early, as if it was not copied whole";
    let at = usize::try_from(at).map_err(|_| gone)?;
    let after = source.get(at..).ok_or(gone)?;
    match usize::try_from(length).map_err(|_| gone)? {
        0 => Ok(after),
        length => after.get(..length).ok_or(gone),
    }
}

fn read_references<'b>(mut content: Reader<'b>, found: &mut Container<'b>) -> Done {
    let (version, _) = content.version()?;
    content.boxes(|kind, mut reference| {
        let from = wide(&mut reference, version > 0)?;
        let count = reference.u16()?;
        let mut to = Vec::new();
        for _ in 0..count {
            to.push(wide(&mut reference, version > 0)?);
        }
        let Some(item) = found.items.get_mut(&from) else { return Ok(()) };
        match &kind {
            b"dimg" => item.made_of = to,
            b"auxl" => item.auxiliary_of = to,
            b"prem" => item.multiplied_by = to,
            _ => {}
        }
        Ok(())
    })
}

fn read_properties<'b>(content: Reader<'b>, found: &mut Container<'b>) -> Done {
    let mut all = Vec::new();
    let mut given = Vec::new();
    content.boxes(|kind, content| {
        match &kind {
            b"ipco" => content.boxes(|kind, content| {
                all.push((kind, content));
                if all.len() > MOST_ITEMS { Err("it has too many properties") } else { Ok(()) }
            })?,
            b"ipma" => given.push(content),
            _ => {}
        }
        Ok(())
    })?;
    given.into_iter().try_for_each(|content| give_properties(content, &all, found))
}

fn give_properties<'b>(
    mut content: Reader<'b>,
    all: &[([u8; 4], Reader<'b>)],
    found: &mut Container<'b>,
) -> Done {
    let (version, flags) = content.version()?;
    let count = content.u32()?;
    for _ in 0..count {
        let number = wide(&mut content, version > 0)?;
        let properties = content.u8()?;
        for _ in 0..properties {
            let (essential, index) = match flags & 1 {
                1 => (content.u16()?, 15),
                _ => (u16::from(content.u8()?), 7),
            };
            let (essential, at) = (essential >> index == 1, essential & ((1 << index) - 1));
            let Some((kind, property)) = usize::from(at).checked_sub(1).and_then(|i| all.get(i))
            else {
                continue;
            };
            if let Some(item) = found.items.get_mut(&number) {
                item.properties.learn(*kind, *property, essential)?;
            }
        }
    }
    Ok(())
}

impl<'b> Properties<'b> {
    fn learn(&mut self, kind: [u8; 4], mut content: Reader<'b>, essential: bool) -> Done {
        match &kind {
            b"ispe" => {
                content.version()?;
                self.size = Some((content.u32()?, content.u32()?));
            }
            b"irot" => self.turns = content.u8()? & 3,
            b"imir" => self.mirror = Some(content.u8()? & 1),
            b"colr" => match content.take(4)? {
                b"nclx" => {
                    let (primaries, transfer) = (content.u16()?, content.u16()?);
                    let (matrix, full_range) = (content.u16()?, content.u8()? >> 7 == 1);
                    self.colours = Some(Colours { primaries, transfer, matrix, full_range });
                }
                b"prof" | b"rICC" => self.icc = Some(content.0),
                _ => {}
            },
            b"pixi" => {
                content.version()?;
                let channels = usize::from(content.u8()?);
                self.depth = content.take(channels)?.iter().copied().max().unwrap_or(0);
            }
            b"av1C" => {
                // Marker and version, profile and level, then a bit each: tier, high depth,
                // twelve bits, monochrome.
                let flags = *content.take(3)?.last().ok_or(CUT_SHORT)?;
                let depth = match (flags >> 6 & 1, flags >> 5 & 1) {
                    (0, _) => 8,
                    (_, 0) => 10,
                    _ => 12,
                };
                self.depth = self.depth.max(depth);
                self.monochrome = flags >> 4 & 1 == 1;
            }
            b"auxC" => {
                content.version()?;
                let end = content.0.iter().position(|byte| *byte == 0);
                self.auxiliary = content.0.get(..end.unwrap_or(content.0.len()));
            }
            // Which layer or operating point: the first is shown, as by default.
            b"a1op" | b"lsel" | b"a1lx" | b"pasp" | b"clli" | b"mdcv" => {}
            _ => self.unknown_essential |= essential,
        }
        Ok(())
    }
}
