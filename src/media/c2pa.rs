//! Content Credentials in clips: whether an MP4 carries a C2PA manifest.
//!
//! What lives here: finding it among the file's boxes. What never does: checking its signatures, and
//! writing any. Clips are kept as their provider made them, so that what it signed stays whole.
//!
//! Source: C2PA Technical Specification 2.1, "Embedding manifests into BMFF-based assets"
//! (c2pa.org/specifications, read 2026-11-23): a `uuid` box of the file with the type below, a
//! version and flags of four bytes, a purpose that ends with a zero byte, and for a manifest an
//! offset of eight bytes before the store, which is a JUMBF superbox.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The type of the box: d8fec3d6-1b0e-483c-9297-5828877ec481.
const C2PA: [u8; 16] = [
    0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81,
];

/// Purposes of boxes that hold a manifest store; others help to check one (`merkle`).
const STORES: [&[u8]; 3] = [b"manifest", b"original", b"update"];

/// Boxes of one file that are looked at; a fragmented hour of clip has some thousands.
const MOST_BOXES: usize = 100_000;

/// Bytes of a box in which its purpose and the start of its store are looked for.
const HEAD: u64 = 64;

/// What a clip says of where it is from, as far as can be told without checking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// It carries no manifest.
    Absent,
    /// It carries a manifest store.
    Present {
        /// Bytes of the boxes that hold it.
        bytes: u64,
    },
    /// A box says that it holds a manifest, and holds none.
    Damaged,
}

/// Looks for a manifest in a clip. Reads the headers of its boxes, nothing else.
///
/// # Errors
/// The file can't be read.
pub fn credentials(path: &Path) -> io::Result<Credentials> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    search(BufReader::new(file), size)
}

fn search(mut file: impl Read + Seek, size: u64) -> io::Result<Credentials> {
    let (mut at, mut stored, mut damaged) = (0, 0, false);
    for _ in 0..MOST_BOXES {
        if at >= size {
            break;
        }
        file.seek(SeekFrom::Start(at))?;
        let mut head = Vec::new();
        file.by_ref().take(16 + 16 + HEAD).read_to_end(&mut head)?;
        // What doesn't fit together is for the check of clips to say; no manifest can follow it.
        let Some((name, header, length)) = header(&head, size - at) else { break };
        if &name == b"uuid" && head.get(header..header + 16) == Some(&C2PA) {
            let inside = usize::try_from(length).unwrap_or(usize::MAX).min(head.len());
            match holds(head.get(header + 16..inside).unwrap_or_default()) {
                Some(true) => stored += length,
                Some(false) => damaged = true,
                None => {}
            }
        }
        at += length;
    }
    Ok(match (stored, damaged) {
        (0, false) => Credentials::Absent,
        (0, true) => Credentials::Damaged,
        (bytes, _) => Credentials::Present { bytes },
    })
}

/// Name, bytes of the header, and length of a box of which at most `room` bytes are left.
fn header(head: &[u8], room: u64) -> Option<([u8; 4], usize, u64)> {
    let name = head.get(4..8)?.try_into().ok()?;
    let (header, length) = match u32::from_be_bytes(head.get(..4)?.try_into().ok()?) {
        0 => (8, room),
        1 => (16, u64::from_be_bytes(head.get(8..16)?.try_into().ok()?)),
        short => (8, u64::from(short)),
    };
    (length >= header as u64 && length <= room).then_some((name, header, length))
}

/// Whether a box after its type holds a store; `None` where it doesn't say that it does.
fn holds(body: &[u8]) -> Option<bool> {
    let rest = body.get(4..).unwrap_or_default();
    let Some(end) = rest.iter().position(|b| *b == 0) else { return Some(false) };
    if !STORES.contains(&&rest[..end]) {
        return None;
    }
    // An offset, then the superbox: its length, then its name.
    Some(rest.get(end + 1 + 8 + 4..end + 1 + 8 + 8) == Some(b"jumb"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).expect("small");
        [&length.to_be_bytes()[..], name, body].concat()
    }

    fn c2pa(purpose: &str, store: &[u8]) -> Vec<u8> {
        let body = [&C2PA[..], &[0; 4], purpose.as_bytes(), &[0], &[0; 8], store].concat();
        boxed(b"uuid", &body)
    }

    fn found(parts: &[Vec<u8>]) -> Credentials {
        let file = parts.concat();
        let size = file.len() as u64;
        search(Cursor::new(file), size).expect("readable")
    }

    #[test]
    fn a_manifest_is_found_wherever_it_stands_among_the_boxes() {
        let (start, frames) = (boxed(b"ftyp", b"isom"), boxed(b"mdat", &[7; 300]));
        let store = boxed(b"jumb", &[0; 40]);
        let manifest = c2pa("manifest", &store);
        let bytes = manifest.len() as u64;
        let present = Credentials::Present { bytes };
        assert_eq!(found(&[start.clone(), manifest.clone(), frames.clone()]), present);
        assert_eq!(found(&[start.clone(), frames.clone(), manifest.clone()]), present);
        assert_eq!(found(&[start.clone(), c2pa("update", &store)]).clone(), {
            Credentials::Present { bytes: bytes - 2 }
        });
        assert_eq!(found(&[start, frames]), Credentials::Absent);
    }

    #[test]
    fn other_boxes_and_boxes_that_help_to_check_are_none() {
        let other = boxed(b"uuid", &[&[1; 16][..], &[0; 60]].concat());
        assert_eq!(found(&[other]), Credentials::Absent);
        assert_eq!(found(&[c2pa("merkle", &[0; 40])]), Credentials::Absent);
        let inside_frames = boxed(b"mdat", &c2pa("manifest", &boxed(b"jumb", &[0; 9])));
        assert_eq!(found(&[inside_frames]), Credentials::Absent);
    }

    #[test]
    fn a_box_that_promises_a_manifest_and_has_none_is_said() {
        assert_eq!(found(&[c2pa("manifest", b"nothing here")]), Credentials::Damaged);
        assert_eq!(found(&[boxed(b"uuid", &C2PA)]), Credentials::Damaged);
    }

    #[test]
    fn a_long_header_and_an_open_end_are_read() {
        let store = c2pa("manifest", &boxed(b"jumb", &[0; 40]));
        let mut long = vec![0, 0, 0, 1];
        long.extend(b"mdat");
        long.extend(26u64.to_be_bytes());
        long.extend([0; 10]);
        assert!(matches!(found(&[long, store.clone()]), Credentials::Present { .. }));
        let mut open = store;
        open[..4].copy_from_slice(&[0; 4]);
        assert!(matches!(found(&[open]), Credentials::Present { .. }));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_can_be_looked_through(bytes: Vec<u8>, cut in 0usize..200) {
            let mut file = [boxed(b"ftyp", b"isom"), c2pa("manifest", &bytes)].concat();
            file.truncate(cut.min(file.len()));
            let size = file.len() as u64;
            proptest::prop_assert!(search(Cursor::new(file), size).is_ok());
        }
    }
}
