//! A clip as its decoder needs it: coded frames in both orders, and how they are to be shown.
//!
//! What never lives here: decoding, choosing.

use std::fs::File;
use std::io::BufReader;

use re_mp4::{Avc1Box, Mp4, StsdBoxContent, Track};

use super::FramesProblem;
use super::shape::Shape;
use crate::media::clip::{self, ClipFacts, ClipProblem, Opened};
use crate::media::mp4::{self, Child, word};

/// Bytes of one coded frame, at most.
const MOST_OF_A_FRAME: u64 = 64 << 20;

/// Milliseconds of a clip, at most: a day.
const LONGEST: i128 = 86_400_000;

/// What decodes it.
pub(super) enum Codec {
    /// H.264, with its parameter sets.
    H264(Box<Avc1Box>),
    /// AV1.
    Av1,
    /// Nothing here.
    Other,
}

/// A coded frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coded {
    offset: u64,
    size: u64,
    /// When it is shown, in milliseconds from the first that is.
    pub at_ms: u64,
    /// Its place in the order in which frames are shown.
    pub rank: u32,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Whether no other frame refers to it.
    pub droppable: bool,
}

/// A clip whose index was read.
pub(super) struct Stream {
    file: BufReader<File>,
    pub codec: Codec,
    /// The codec as the file names it, such as `hev1`.
    pub name: String,
    pub facts: ClipFacts,
    /// In the order of decoding.
    pub frames: Vec<Coded>,
    /// Their places, in the order in which they are shown.
    pub shown: Vec<u32>,
    pub shape: Shape,
}

impl Stream {
    /// Reads a clip's index.
    pub fn open(file: File) -> Result<Self, FramesProblem> {
        let Opened { file, index, moov, bytes } = clip::open_file(file)?;
        // Tracks of anything but video are not shown to the reader; one of an unknown codec is no
        // less a video for that.
        let track = match clip::video_track(&index) {
            Ok(track) => track,
            Err(problem) => index.tracks().values().next().ok_or(problem)?,
        };
        clip::check_samples(track, bytes)?;
        let facts = clip::facts(&index, track, bytes)?;
        let entries = entries(&moov, track.track_id)?;
        let ([(name, entry)], contents) = (&entries[..], contents(track, &index)) else {
            return Err(FramesProblem::NotInspected(several(&entries)));
        };
        let codec = match contents {
            StsdBoxContent::Avc1(entry) => Codec::H264(Box::new(entry.clone())),
            StsdBoxContent::Av01(_) => Codec::Av1,
            _ => Codec::Other,
        };
        let boxes = mp4::children(entry.get(78..).unwrap_or_default())?;
        let matrix = &track.trak(&index).tkhd.matrix;
        let shape = Shape::of([matrix.a, matrix.b, matrix.c, matrix.d], &boxes);
        let name = name.escape_ascii().to_string();
        let (frames, shown) = frames(track)?;
        Ok(Stream { file, codec, name, facts, frames, shown, shape })
    }

    /// The bytes of a frame, by its place in the order of decoding.
    pub fn read(&mut self, at: usize) -> Result<Vec<u8>, ClipProblem> {
        let Coded { offset, size, .. } = self.frames[at];
        clip::read_part(&mut self.file, offset, size)
    }

    /// Bytes of all frames.
    pub fn coded_bytes(&self) -> u64 {
        self.frames.iter().map(|frame| frame.size).sum()
    }
}

fn contents<'i>(track: &Track, index: &'i Mp4) -> &'i StsdBoxContent {
    &track.trak(index).mdia.minf.stbl.stsd.contents
}

/// The descriptions of a track's codecs: names and contents.
fn entries(moov: &[u8], track: u32) -> Result<Vec<Child<'_>>, ClipProblem> {
    for (_, trak) in mp4::children(moov)?.into_iter().filter(|(name, _)| name == b"trak") {
        let header = child(trak, b"tkhd")?;
        // The times before it have eight bytes each in the first version, else four.
        let at = if header.first() == Some(&1) { 20 } else { 12 };
        if word(header, at) == Some(track) {
            let path = [b"mdia", b"minf", b"stbl", b"stsd"];
            let list = path.into_iter().try_fold(trak, |inside, name| child(inside, name))?;
            return mp4::children(list.get(8..).unwrap_or_default());
        }
    }
    Err(ClipProblem::Damaged("its track is not there".to_owned()))
}

fn child<'b>(body: &'b [u8], wanted: &[u8; 4]) -> Result<&'b [u8], ClipProblem> {
    let found = mp4::children(body)?.into_iter().find(|(name, _)| name == wanted);
    found.map(|(_, body)| body).ok_or_else(|| {
        ClipProblem::Damaged(format!("its track lacks the box `{}`", wanted.escape_ascii()))
    })
}

fn several(entries: &[Child<'_>]) -> String {
    let name = entries.first().map_or_else(String::new, |(n, _)| n.escape_ascii().to_string());
    format!("{name}, in {} formats one after the other", entries.len())
}

/// The frames in the order of decoding, and their places in the order of showing.
fn frames(track: &Track) -> Result<(Vec<Coded>, Vec<u32>), ClipProblem> {
    let damaged = |what: &str| ClipProblem::Damaged(what.to_owned());
    let first = track.samples.iter().map(|s| s.composition_timestamp).min().unwrap_or(0);
    let timescale = i128::from(track.timescale.max(1));
    let mut frames = Vec::with_capacity(track.samples.len());
    for sample in &track.samples {
        let ticks = i128::from(sample.composition_timestamp) - i128::from(first);
        let at = (ticks * 1000 + timescale / 2) / timescale;
        if sample.size > MOST_OF_A_FRAME {
            return Err(damaged("one of its frames is impossibly large"));
        }
        frames.push(Coded {
            offset: sample.offset,
            size: sample.size,
            at_ms: u64::try_from(at.min(LONGEST)).unwrap_or(0),
            rank: 0,
            key: sample.is_sync,
            droppable: false,
        });
    }
    let count = u32::try_from(frames.len()).map_err(|_| damaged("it has too many frames"))?;
    let mut shown: Vec<u32> = (0..count).collect();
    // By their exact times: two frames may share a millisecond.
    shown.sort_by_key(|at| track.samples[*at as usize].composition_timestamp);
    for (rank, at) in shown.iter().enumerate() {
        frames[*at as usize].rank = rank as u32;
    }
    Ok((frames, shown))
}
