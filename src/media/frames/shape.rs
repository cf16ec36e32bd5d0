//! How a track is to be shown: turned, stretched, in which colours.
//!
//! What the container says goes before what the stream says; where neither does, the usual rules
//! hold. What never lives here: pixels.

use image::metadata::Orientation;
use yuv::{YuvRange, YuvStandardMatrix};

use super::sps::Sps;
use crate::media::mp4::{Child, word};

/// Ratios beyond this, one way or the other, are taken for a slip.
const MOST_STRETCHED: u32 = 16;

/// From these sizes on, pictures that say nothing are BT.709, and BT.601 below (what players do).
const HIGH_DEFINITION: (u32, u32) = (1280, 577);

/// Transfer characteristics of pictures brighter than paper (ITU-T H.273): PQ and HLG.
const HIGH_RANGE: [u32; 2] = [16, 18];

/// The display matrix of a track that is shown as it is stored.
#[cfg(test)]
pub(super) const UPRIGHT: [i32; 4] = [0x1_0000, 0, 0, 0x1_0000];

/// How a track is to be shown.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// From stored to upright.
    pub turn: Orientation,
    /// Pixels' width to height.
    aspect: Option<(u32, u32)>,
    matrix: Option<u32>,
    transfer: Option<u32>,
    full_range: Option<bool>,
    /// What a player may show otherwise.
    pub notes: Vec<String>,
}

impl Shape {
    /// By a track's display matrix (its a, b, c and d) and the boxes of its codec.
    pub fn of(matrix: [i32; 4], boxes: &[Child<'_>]) -> Self {
        let mut notes = Vec::new();
        let turn = turn(matrix).unwrap_or_else(|| {
            notes.push("it is turned by less than a quarter; shown as it is stored".to_owned());
            Orientation::NoTransforms
        });
        let find = |name: &[u8; 4]| boxes.iter().find(|(n, _)| n == name).map(|(_, body)| *body);
        let aspect = find(b"pasp").and_then(|body| Some((word(body, 0)?, word(body, 4)?)));
        let mut shape = Shape {
            turn,
            aspect: aspect.filter(|ratio| plausible(*ratio)),
            matrix: None,
            transfer: None,
            full_range: None,
            notes,
        };
        if let Some([b'n', b'c', b'l', b'x', _, _, t0, t1, m0, m1, range, ..]) = find(b"colr") {
            shape.transfer = said(u32::from(u16::from_be_bytes([*t0, *t1])));
            shape.matrix = said(u32::from(u16::from_be_bytes([*m0, *m1])));
            shape.full_range = Some(range & 0x80 != 0);
        }
        shape
    }

    /// Adds what the stream says, where the container was silent.
    pub fn add(&mut self, sps: &Sps) {
        self.aspect = self.aspect.or(sps.aspect.filter(|ratio| plausible(*ratio)));
        self.matrix = self.matrix.or(sps.matrix.and_then(said));
        self.transfer = self.transfer.or(sps.transfer.and_then(said));
        self.full_range = self.full_range.or(sps.full_range);
    }

    /// Notes what players show brighter than a picture can be.
    pub fn note_range(&mut self) {
        if self.transfer.is_some_and(|code| HIGH_RANGE.contains(&code)) {
            self.notes.push("it is of high dynamic range; its colours are off".to_owned());
        }
    }

    /// The size with square pixels, before it is turned.
    pub fn shown(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let stretched = |side: u32, by: u32, from: u32| {
            let long = (u64::from(side) * u64::from(by) + u64::from(from) / 2) / u64::from(from);
            u32::try_from(long).unwrap_or(side)
        };
        match self.aspect {
            Some((h, v)) if h > v => (stretched(width, h, v), height),
            Some((h, v)) if v > h => (width, stretched(height, v, h)),
            _ => (width, height),
        }
    }

    /// The code of the colour matrix (ITU-T H.273) of pictures of this size, in a stream that names
    /// this one.
    pub fn matrix_code(&self, (width, height): (u32, u32), of_stream: Option<u32>) -> u16 {
        let high = width >= HIGH_DEFINITION.0 || height >= HIGH_DEFINITION.1;
        match self.matrix.or(of_stream) {
            // Without a matrix, 4:4:4 pictures are lights already; others can't be.
            Some(0) => 0,
            Some(code @ (1 | 4 | 5 | 6 | 7 | 9)) => code as u16,
            Some(10) => 9,
            _ if high => 1,
            _ => 6,
        }
    }

    /// How colours come from luma and chroma, in pictures of this size.
    pub fn colours(&self, size: (u32, u32)) -> (YuvStandardMatrix, YuvRange) {
        let matrix = match self.matrix_code(size, None) {
            4 => YuvStandardMatrix::Fcc,
            5 | 6 => YuvStandardMatrix::Bt601,
            7 => YuvStandardMatrix::Smpte240,
            9 => YuvStandardMatrix::Bt2020,
            _ => YuvStandardMatrix::Bt709,
        };
        let full = self.full_range == Some(true);
        (matrix, if full { YuvRange::Full } else { YuvRange::Limited })
    }
}

/// A code point that says something: 2 is "unspecified", 0 "reserved" or no colours at all.
fn said(code: u32) -> Option<u32> {
    (!matches!(code, 0 | 2)).then_some(code)
}

fn plausible((h, v): (u32, u32)) -> bool {
    h > 0 && v > 0 && h / v <= MOST_STRETCHED && v / h <= MOST_STRETCHED
}

/// The eight ways that keep rows and columns; nothing for any other. The matrix maps (x, y) to
/// (a·x + c·y, b·x + d·y), y downwards (ISO/IEC 14496-12, 6.2.2).
fn turn(matrix: [i32; 4]) -> Option<Orientation> {
    let [a, b, c, d] = matrix.map(i32::signum);
    Some(match (a, b, c, d) {
        // Some writers leave the matrix empty.
        (1, 0, 0, 1) | (0, 0, 0, 0) => Orientation::NoTransforms,
        (0, 1, -1, 0) => Orientation::Rotate90,
        (-1, 0, 0, -1) => Orientation::Rotate180,
        (0, -1, 1, 0) => Orientation::Rotate270,
        (-1, 0, 0, 1) => Orientation::FlipHorizontal,
        (1, 0, 0, -1) => Orientation::FlipVertical,
        (0, 1, 1, 0) => Orientation::Rotate90FlipH,
        (0, -1, -1, 0) => Orientation::Rotate270FlipH,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Shape {
        Shape::of(UPRIGHT, &[])
    }

    #[test]
    fn pixels_that_are_not_square_are_stretched_never_squeezed() {
        let stretched = |h, v| {
            let body = [u32::to_be_bytes(h), u32::to_be_bytes(v)].concat();
            Shape::of(UPRIGHT, &[(*b"pasp", &body)]).shown((720, 576))
        };
        assert_eq!(stretched(16, 11), (1047, 576));
        assert_eq!(stretched(1, 2), (720, 1152));
        assert_eq!(stretched(1, 1), (720, 576));
        for lie in [(0, 1), (1, 0), (1, 60_000), (u32::MAX, 1)] {
            assert_eq!(stretched(lie.0, lie.1), (720, 576), "{lie:?}");
        }
    }

    #[test]
    fn the_container_goes_before_the_stream_and_size_decides_last() {
        let sps = Sps { matrix: Some(6), full_range: Some(true), ..Sps::default() };
        let colr = *b"nclx\0\x01\0\x01\0\x01\0";
        let mut shape = Shape::of(UPRIGHT, &[(*b"colr", &colr)]);
        shape.add(&sps);
        let (matrix, range) = shape.colours((64, 64));
        assert!(matches!((matrix, range), (YuvStandardMatrix::Bt709, YuvRange::Limited)));
        let mut shape = plain();
        shape.add(&sps);
        let (matrix, range) = shape.colours((1920, 1080));
        assert!(matches!((matrix, range), (YuvStandardMatrix::Bt601, YuvRange::Full)));
        assert!(matches!(plain().colours((1080, 1920)).0, YuvStandardMatrix::Bt709));
        assert!(matches!(plain().colours((720, 576)).0, YuvStandardMatrix::Bt601));
    }

    #[test]
    fn a_matrix_that_is_no_quarter_turn_is_told() {
        let half = 46_341;
        assert_eq!(Shape::of([half, half, -half, half], &[]).notes.len(), 1);
        assert!(plain().notes.is_empty());
    }
}
