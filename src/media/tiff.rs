//! TIFF by its directories (TIFF 6.0, and BigTIFF's wider numbers): whether a file is whole, how
//! many pages it has, and whether it is a camera's raw file.
//!
//! What never lives here: pixels. A file cut short keeps its header, and its directory may stand
//! before its pixels or after them; so what the directory says of their place is held against the
//! file.

/// Pages that are looked at: a directory may point back to an earlier one.
const MOST_PAGES: usize = 64;

/// Entries of one directory, at most: there are some dozens.
const MOST_ENTRIES: u64 = 4096;

const SUBFILE_TYPE: u16 = 254;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const DNG_VERSION: u16 = 50_706;

/// Whether bytes begin as a TIFF does.
pub(super) fn begins(bytes: &[u8]) -> bool {
    Tiff::open(bytes).is_some()
}

/// Whether it is a camera's raw file: a DNG, a CR2, or one whose first picture is but a thumbnail.
pub(super) fn camera(bytes: &[u8]) -> bool {
    let Some(tiff) = Tiff::open(bytes) else { return false };
    if bytes.get(8..10) == Some(b"CR") {
        return true;
    }
    let Some(page) = tiff.page(tiff.first) else { return false };
    page.entry(DNG_VERSION).is_some() || page.is_reduced()
}

/// Whether all pixels of its first page are in the file.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let Some(tiff) = Tiff::open(bytes) else { return false };
    let Some(page) = tiff.page(tiff.first) else { return false };
    let pairs = [(STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)];
    let mut parts = 0;
    for (offsets, counts) in pairs {
        let (Some(offsets), Some(counts)) = (page.numbers(offsets), page.numbers(counts)) else {
            continue;
        };
        for (offset, count) in offsets.zip(counts) {
            parts += 1;
            if offset.checked_add(count).is_none_or(|end| end > bytes.len() as u64) {
                return false;
            }
        }
    }
    parts > 0
}

/// Whether there are more pages than the first, smaller copies of it aside.
pub(super) fn has_more_pages(bytes: &[u8]) -> bool {
    let Some(tiff) = Tiff::open(bytes) else { return false };
    let mut next = tiff.page(tiff.first).and_then(|page| page.next);
    for _ in 0..MOST_PAGES {
        let Some(page) = next.and_then(|at| tiff.page(at)) else { return false };
        if !page.is_reduced() {
            return true;
        }
        next = page.next;
    }
    false
}

/// A file, and how its numbers are written.
#[derive(Debug, Clone, Copy)]
struct Tiff<'b> {
    bytes: &'b [u8],
    little: bool,
    /// BigTIFF: places have eight bytes.
    big: bool,
    first: u64,
}

impl<'b> Tiff<'b> {
    fn open(bytes: &'b [u8]) -> Option<Self> {
        let (little, big) = match bytes.get(..4)? {
            [b'I', b'I', 42, 0] => (true, false),
            [b'M', b'M', 0, 42] => (false, false),
            [b'I', b'I', 43, 0] => (true, true),
            [b'M', b'M', 0, 43] => (false, true),
            _ => return None,
        };
        let tiff = Tiff { bytes, little, big, first: 0 };
        let first = if big { tiff.number(8, 8)? } else { tiff.number(4, 4)? };
        Some(Tiff { first, ..tiff })
    }

    /// A number of so many bytes, at most eight.
    fn number(&self, at: u64, bytes: u64) -> Option<u64> {
        let (at, bytes) = (usize::try_from(at).ok()?, usize::try_from(bytes).ok()?);
        let taken = self.bytes.get(at..at.checked_add(bytes)?)?;
        let join = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        Some(match self.little {
            true => taken.iter().rev().fold(0, join),
            false => taken.iter().fold(0, join),
        })
    }

    /// The directory at a place; `None` if it reaches out of the file.
    fn page(&self, at: u64) -> Option<Page<'b>> {
        let (head, entry, place) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(at, head)?;
        if at == 0 || count > MOST_ENTRIES {
            return None;
        }
        let start = at.checked_add(head)?;
        let end = start.checked_add(count * entry)?;
        let next = self.number(end, place).filter(|next| *next != 0);
        Some(Page { tiff: *self, start, count, entry, next })
    }
}

/// One directory.
struct Page<'b> {
    tiff: Tiff<'b>,
    start: u64,
    count: u64,
    entry: u64,
    next: Option<u64>,
}

impl<'b> Page<'b> {
    /// Where the entry with a tag stands.
    fn entry(&self, tag: u16) -> Option<u64> {
        let places = (0..self.count).map(|i| self.start + i * self.entry);
        places.into_iter().find(|at| self.tiff.number(*at, 2) == Some(u64::from(tag)))
    }

    /// The whole numbers of a tag.
    fn numbers(&self, tag: u16) -> Option<impl Iterator<Item = u64> + use<'b>> {
        let at = self.entry(tag)?;
        // SHORT, LONG, LONG8.
        let bytes = match self.tiff.number(at + 2, 2)? {
            3 => 2,
            4 => 4,
            16 => 8,
            _ => return None,
        };
        let place = if self.tiff.big { 8 } else { 4 };
        let count = self.tiff.number(at + 4, place)?;
        let value = at + 4 + place;
        let length = count.checked_mul(bytes)?;
        // What fits stands in the entry itself.
        let from = if length <= place { value } else { self.tiff.number(value, place)? };
        let end = from.checked_add(length)?;
        if end > self.tiff.bytes.len() as u64 {
            return None;
        }
        let tiff = self.tiff;
        Some((0..count).filter_map(move |i| tiff.number(from + i * bytes, bytes)))
    }

    /// Whether it is a smaller copy of another page.
    fn is_reduced(&self) -> bool {
        let kind = self.numbers(SUBFILE_TYPE).and_then(|mut numbers| numbers.next());
        kind.is_some_and(|kind| kind & 1 == 1)
    }
}
