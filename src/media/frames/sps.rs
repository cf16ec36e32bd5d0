//! What a sequence parameter set of H.264 says of the pictures (ITU-T H.264, 7.3.2.1.1 and E.1.1).
//!
//! What never lives here: decoding by it. Sets are read for the few things that the decoder doesn't
//! tell; one that can't be read says nothing.

use super::bits::Bits;

/// Profiles whose sets go on with chroma and depth.
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// `aspect_ratio_idc` of a ratio that is written out.
const EXTENDED_ASPECT: u32 = 255;

/// The ratios that have numbers (Table E-1), from 1.
const ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// What a set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sps {
    /// 0 without colours, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub chroma: u32,
    /// The most bits of a sample.
    pub depth: u32,
    /// Macroblocks of 16 by 16 pixels, across and down.
    pub blocks: (u32, u32),
    /// Whether pictures may be fields.
    pub interlaced: bool,
    /// Pixels' width to height.
    pub aspect: Option<(u32, u32)>,
    /// Whether samples use their whole range.
    pub full_range: Option<bool>,
    /// Transfer characteristics, as ITU-T H.273 numbers them.
    pub transfer: Option<u32>,
    /// Matrix coefficients, as ITU-T H.273 numbers them.
    pub matrix: Option<u32>,
}

impl Sps {
    /// Reads a set with its NAL header.
    pub fn read(nal: &[u8]) -> Option<Sps> {
        let bytes = unescaped(nal.get(1..)?);
        read(&mut Bits::new(&bytes))
    }
}

/// Without the bytes that keep start codes from appearing (7.4.1).
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        out.push(*byte);
    }
    out
}

fn read(bits: &mut Bits<'_>) -> Option<Sps> {
    let mut sps = Sps { chroma: 1, depth: 8, ..Sps::default() };
    let profile = bits.number(8)?;
    bits.number(16)?;
    bits.golomb()?;
    if HIGH_PROFILES.contains(&profile) {
        sps.chroma = bits.golomb()?;
        if sps.chroma == 3 {
            bits.bit()?;
        }
        sps.depth = 8 + bits.golomb()?.max(bits.golomb()?).min(8);
        bits.bit()?;
        if bits.bit()? {
            skip_scaling(bits, if sps.chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.bit()?;
            bits.signed()?;
            bits.signed()?;
            for _ in 0..bits.golomb()?.min(256) {
                bits.signed()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.bit()?;
    let across = bits.golomb()?.checked_add(1)?;
    let down = bits.golomb()?.checked_add(1)?;
    sps.interlaced = !bits.bit()?;
    sps.blocks = (across, down.checked_mul(1 + u32::from(sps.interlaced))?);
    if sps.interlaced {
        bits.bit()?;
    }
    bits.bit()?;
    if bits.bit()? {
        for _ in 0..4 {
            bits.golomb()?;
        }
    }
    if bits.bit()? {
        // Of a set that breaks off in its notes, what was read before still holds.
        let _ = read_notes(bits, &mut sps);
    }
    Some(sps)
}

fn skip_scaling(bits: &mut Bits<'_>, lists: u32) -> Option<()> {
    for list in 0..lists {
        if !bits.bit()? {
            continue;
        }
        let (mut last, mut next) = (8, 8);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.signed()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

/// The beginning of "video usability information": aspect and colours.
fn read_notes(bits: &mut Bits<'_>, sps: &mut Sps) -> Option<()> {
    if bits.bit()? {
        let code = bits.number(8)?;
        sps.aspect = match code {
            EXTENDED_ASPECT => Some((bits.number(16)?, bits.number(16)?)),
            code => code.checked_sub(1).and_then(|at| ASPECTS.get(at as usize).copied()),
        };
    }
    if bits.bit()? {
        bits.bit()?;
    }
    if bits.bit()? {
        bits.number(3)?;
        sps.full_range = Some(bits.bit()?);
        if bits.bit()? {
            bits.number(8)?;
            sps.transfer = Some(bits.number(8)?);
            sps.matrix = Some(bits.number(8)?);
        }
    }
    Some(())
}
