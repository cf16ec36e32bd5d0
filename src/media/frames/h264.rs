//! H.264 by OpenH264: what must be decoded for the chosen frames, and no more.
//!
//! Frames are decoded group by group, each from its key frame to the last that is needed, by a
//! decoder of its own: what is damaged stays within its group. The decoder gives pictures in the
//! order in which they are shown and without a name, so they are counted; a group in which the
//! count is wrong gives nothing but what came out before.

use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;
use re_mp4::Avc1Box;

use super::FramesProblem;
use super::picture::{Plane, Planes};
use super::sps::Sps;
use super::stream::{Codec, Stream};
use crate::media::clip::{length_size, parameter_sets};
use crate::media::mp4;

/// Of more bytes than this, frames are not looked into before they are decoded: it would take
/// longer than it saves.
const LOOKED_INTO: u64 = 256 << 20;

/// Macroblocks of a picture, at most (level 5.2's; what the decoder takes).
const MOST_BLOCKS: u64 = 36_864;

/// What the decoder says when it finds no memory, or no picture that is free.
const NO_MEMORY: i64 = 0x4000;

/// The sets that describe the first pictures.
pub(super) fn described(config: &Avc1Box) -> Option<Sps> {
    config.avcc.contents.sequence_parameter_sets.first().and_then(|set| Sps::read(&set.bytes))
}

/// Why the decoder does not take such pictures, in words after the codec's name.
pub(super) fn unsupported(sps: &Sps) -> Option<String> {
    let (across, down) = sps.blocks;
    if sps.depth > 8 {
        return Some(format!("of {} bits", sps.depth));
    }
    if u64::from(across) * u64::from(down) > MOST_BLOCKS {
        return Some(format!("of {}×{} pixels", u64::from(across) * 16, u64::from(down) * 16));
    }
    match sps.chroma {
        0 => Some("without colours".to_owned()),
        1 if sps.interlaced => Some("interlaced".to_owned()),
        1 => None,
        2 => Some("in 4:2:2".to_owned()),
        _ => Some("in 4:4:4".to_owned()),
    }
}

/// Finds out which frames are key frames in truth, and which no other refers to.
pub(super) fn look_into(stream: &mut Stream, config: &Avc1Box) -> Result<(), FramesProblem> {
    if stream.coded_bytes() > LOOKED_INTO {
        return Ok(());
    }
    for at in 0..stream.frames.len() {
        let bytes = stream.read(at)?;
        let (key, droppable) = slices(&bytes, length_size(config));
        stream.frames[at].key = key;
        stream.frames[at].droppable = droppable;
    }
    Ok(())
}

/// Whether a frame is an IDR picture, and whether none of its slices is referred to.
fn slices(frame: &[u8], length_size: usize) -> (bool, bool) {
    let (mut key, mut slices, mut referred) = (false, 0, false);
    let mut rest = frame;
    while let Some((length, after)) = rest.split_at_checked(length_size) {
        let length = length.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        let Some((part, after)) = after.split_at_checked(length) else { return (false, false) };
        if let Some(header) = part.first() {
            // Slices have the types 1 to 5, that of an IDR picture 5 (ITU-T H.264, Table 7-1).
            let kind = header & 0x1F;
            if (1..=5).contains(&kind) {
                slices += 1;
                key |= kind == 5;
                referred |= header & 0x60 != 0;
            }
        }
        rest = after;
    }
    (key, slices > 0 && !referred && !key)
}

/// One group: what is decoded of it, in that order, and what of this is wanted.
pub(super) struct Group {
    /// Places in the order of decoding.
    pub feed: Vec<usize>,
    /// Of these, the wanted ones, by rank.
    pub wanted: Vec<u32>,
}

/// How the decoding of a group ended.
pub(super) struct Ended {
    /// What the decoder said, if it could not decode all.
    pub problem: Option<FramesProblem>,
}

/// Decodes a group and gives each wanted picture with its rank to `take`.
pub(super) fn decode(
    stream: &mut Stream,
    group: &Group,
    memory: u64,
    mut take: impl FnMut(u32, &Planes<'_>) -> Result<(), FramesProblem>,
) -> Result<Ended, FramesProblem> {
    let Codec::H264(config) = &stream.codec else {
        return Err(FramesProblem::NotInspected(stream.name.clone()));
    };
    let (sets, length_size) = (parameter_sets(config), length_size(config));
    let said = |e: &openh264::Error| match e.native_code() {
        code if code & NO_MEMORY != 0 => FramesProblem::OutOfMemory(memory),
        code => FramesProblem::Undecodable(format!("its H.264 data is damaged (code {code})")),
    };
    let mut counted = Counted::new(stream, group);
    let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new())
        // With these settings, nothing but memory can be lacking.
        .map_err(|_| FramesProblem::OutOfMemory(memory))?;
    // Flushing after each picture makes the decoder lose track of which pictures are free.
    let options = || DecodeOptions::new().flush_after_decode(Flush::NoFlush);
    let mut bytes = sets;
    for at in &group.feed {
        let coded = stream.read(*at)?;
        if mp4::append_annex_b(&coded, length_size, &mut bytes).is_none() {
            let what = "the parts of a frame overlap its end".to_owned();
            return Ok(Ended { problem: Some(FramesProblem::Undecodable(what)) });
        }
        match decoder.decode_with_options(&bytes, options()) {
            Ok(Some(picture)) => counted.out(&picture, &mut take)?,
            Ok(None) => {}
            Err(error) => return Ok(Ended { problem: Some(said(&error)) }),
        }
        bytes.clear();
    }
    let problem = match decoder.flush_remaining() {
        Ok(rest) if counted.given + rest.len() == group.feed.len() => {
            rest.iter().try_for_each(|picture| counted.out(picture, &mut take))?;
            None
        }
        Ok(_) => Some(FramesProblem::Undecodable("some of its frames are not there".to_owned())),
        Err(error) => Some(said(&error)),
    };
    Ok(Ended { problem })
}

/// Pictures as they come out.
struct Counted {
    /// Ranks of all that went in, ascending.
    ranks: Vec<u32>,
    wanted: Vec<u32>,
    given: usize,
}

impl Counted {
    fn new(stream: &Stream, group: &Group) -> Self {
        let mut ranks: Vec<u32> = group.feed.iter().map(|at| stream.frames[*at].rank).collect();
        ranks.sort_unstable();
        Counted { ranks, wanted: group.wanted.clone(), given: 0 }
    }

    fn out(
        &mut self,
        picture: &DecodedYUV<'_>,
        take: &mut impl FnMut(u32, &Planes<'_>) -> Result<(), FramesProblem>,
    ) -> Result<(), FramesProblem> {
        let rank = self.ranks.get(self.given).copied();
        self.given += 1;
        match rank {
            Some(rank) if self.wanted.contains(&rank) => take(rank, &planes(picture)),
            _ => Ok(()),
        }
    }
}

fn planes<'p>(picture: &'p DecodedYUV<'_>) -> Planes<'p> {
    let (width, height) = picture.dimensions();
    let (y, u, v) = picture.strides();
    Planes {
        size: (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0)),
        luma: Plane { samples: picture.y(), stride: y },
        chroma: [
            Plane { samples: picture.u(), stride: u },
            Plane { samples: picture.v(), stride: v },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parts: &[u8]) -> Vec<u8> {
        parts.iter().flat_map(|header| [0, 0, 0, 2, *header, 0]).collect()
    }

    #[test]
    fn a_frame_is_droppable_when_no_slice_of_it_is_referred_to() {
        assert_eq!(slices(&frame(&[0x06, 0x65]), 4), (true, false), "IDR");
        assert_eq!(slices(&frame(&[0x41]), 4), (false, false), "P");
        assert_eq!(slices(&frame(&[0x06, 0x01, 0x01]), 4), (false, true), "B");
        assert_eq!(slices(&frame(&[0x01, 0x21]), 4), (false, false), "one slice of two");
        assert_eq!(slices(&frame(&[0x06]), 4), (false, false), "no picture at all");
    }

    #[test]
    fn lengths_that_lie_make_nothing_droppable() {
        for bytes in [&[0, 0, 0, 9, 1][..], &[0xFF; 7], &[0, 0], &[]] {
            assert_eq!(slices(bytes, 4), (false, false), "{bytes:?}");
        }
    }
}
