//! Clip files: is it really a whole video.
//!
//! What lives here: facts about an MP4, and its poster's encoding. What never does: where a clip
//! goes, and decoding: that is a child's (see `frames`).

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::RgbImage;
use re_mp4::{Avc1Box, Mp4, Sample, Track, TrackKind};
use serde::{Deserialize, Serialize};

use super::mp4;

/// Quality of posters, 0 to 100.
const POSTER_QUALITY: u8 = 86;

/// What a clip file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipFacts {
    /// Codec, as RFC 6381 writes it, for instance `avc1.42C028`.
    pub codec: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Length in milliseconds, to the nearest.
    pub duration_ms: u64,
    /// Frames.
    pub frames: u64,
    /// Frames a second, on average, to a thousandth.
    pub fps: f64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why a file is no whole clip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ClipProblem {
    /// There is no such file.
    #[error("this file does not exist")]
    Missing,
    /// It can't be read or written.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is something else.
    #[error("it is no MP4 video: {0}")]
    NotAVideo(String),
    /// Its end is missing.
    #[error("it is cut short: {0}")]
    CutShort(String),
    /// Its index contradicts itself.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It may be whole, but Kinora can't look inside.
    #[error("no picture of it can be made: {0}")]
    CannotShow(String),
}

/// Reads a clip's index and checks that every frame it names is in the file. The frames
/// themselves are not decoded.
pub fn inspect(path: &Path) -> Result<ClipFacts, ClipProblem> {
    let Opened { index, bytes, .. } = open(path)?;
    let track = video_track(&index)?;
    check_samples(track, bytes)?;
    facts(&index, track, bytes)
}

/// The parameter sets of an H.264 track, with start codes.
pub(super) fn parameter_sets(entry: &Avc1Box) -> Vec<u8> {
    let config = &entry.avcc.contents;
    let mut stream = Vec::new();
    for set in config.sequence_parameter_sets.iter().chain(&config.picture_parameter_sets) {
        stream.extend([0, 0, 0, 1]);
        stream.extend(&set.bytes);
    }
    stream
}

/// Bytes of the number before each part of a frame.
pub(super) fn length_size(entry: &Avc1Box) -> usize {
    usize::from(entry.avcc.contents.length_size_minus_one & 3) + 1
}

/// A clip's poster as JPEG, 4:2:0.
pub(super) fn poster_jpeg(picture: &RgbImage) -> Result<Vec<u8>, ClipProblem> {
    let problem = |e: String| ClipProblem::CannotShow(e);
    let side = |n: u32| u16::try_from(n).map_err(|_| problem(format!("{n} pixels is too wide")));
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, POSTER_QUALITY);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    encoder
        .encode(picture, width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|e| problem(e.to_string()))?;
    Ok(bytes)
}

/// A clip whose index was read.
pub(super) struct Opened {
    /// The clip.
    pub file: BufReader<File>,
    /// What its index says.
    pub index: Mp4,
    /// The index itself: the content of its `moov`, without the parts that nobody asks about.
    pub moov: Vec<u8>,
    /// Bytes of the file.
    pub bytes: u64,
}

fn open(path: &Path) -> Result<Opened, ClipProblem> {
    open_file(File::open(path).map_err(|e| unreadable(&e))?)
}

/// Reads the index of a clip.
pub(super) fn open_file(file: File) -> Result<Opened, ClipProblem> {
    let unreadable = |e: std::io::Error| unreadable(&e);
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes == 0 {
        return Err(ClipProblem::Empty);
    }
    let mut file = BufReader::new(file);
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).map_err(unreadable)?;
    recognise(&head)?;
    let mut checked = mp4::checked(&mut file, bytes)?;
    // The check refuses every contradiction known to upset the reader; should it meet another,
    // that is a damaged clip too, not an end of the run.
    let index = catch_unwind(AssertUnwindSafe(|| Mp4::read(&mut checked, bytes)))
        .map_err(|_| ClipProblem::Damaged("its index contradicts itself".to_owned()))?
        .map_err(|e| ClipProblem::Damaged(e.to_string()))?;
    let moov = checked.into_moov();
    Ok(Opened { file, index, moov, bytes })
}

fn unreadable(error: &std::io::Error) -> ClipProblem {
    match error.kind() {
        std::io::ErrorKind::NotFound => ClipProblem::Missing,
        _ => ClipProblem::Unreadable(error.to_string()),
    }
}

fn recognise(head: &[u8]) -> Result<(), ClipProblem> {
    if head.get(4..8) == Some(b"ftyp") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start().to_ascii_lowercase();
    let what = if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "it is a web page".to_owned()
    } else if start.starts_with('<') {
        "it is XML, probably an error message".to_owned()
    } else if start.starts_with('{') || start.starts_with('[') {
        "it is JSON, probably an error message".to_owned()
    } else if head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
        "it is WebM or Matroska".to_owned()
    } else {
        "it does not begin as one".to_owned()
    };
    Err(ClipProblem::NotAVideo(what))
}

pub(super) fn video_track(index: &Mp4) -> Result<&Track, ClipProblem> {
    index
        .tracks()
        .values()
        .find(|t| t.kind == Some(TrackKind::Video))
        .ok_or_else(|| ClipProblem::NotAVideo("it has no video track".to_owned()))
}

pub(super) fn check_samples(track: &Track, bytes: u64) -> Result<(), ClipProblem> {
    if track.samples.is_empty() {
        return Err(ClipProblem::Damaged("it has no frames".to_owned()));
    }
    let missing = |s: &&Sample| s.offset.checked_add(s.size).is_none_or(|end| end > bytes);
    let count = track.samples.iter().filter(missing).count();
    if count > 0 {
        return Err(ClipProblem::CutShort(format!(
            "{count} of {} frames are missing",
            track.samples.len()
        )));
    }
    if track.samples.iter().any(|s| s.size == 0) {
        return Err(ClipProblem::Damaged("it has empty frames".to_owned()));
    }
    Ok(())
}

pub(super) fn facts(index: &Mp4, track: &Track, bytes: u64) -> Result<ClipFacts, ClipProblem> {
    let timescale = u128::from(track.timescale);
    if timescale == 0 {
        return Err(ClipProblem::Damaged("its clock stands still".to_owned()));
    }
    let units = length(&track.samples);
    if units == 0 || units > timescale * 86_400 {
        return Err(ClipProblem::Damaged("its length is impossible".to_owned()));
    }
    let frames = track.samples.len() as u64;
    let fps = (f64::from(track.samples.len() as u32) * timescale as f64 / units as f64 * 1000.0)
        .round()
        / 1000.0;
    Ok(ClipFacts {
        codec: track.codec_string(index).unwrap_or_else(|| "unknown".to_owned()),
        width: u32::from(track.width),
        height: u32::from(track.height),
        duration_ms: ((units * 1000 + timescale / 2) / timescale) as u64,
        frames,
        fps,
        bytes,
    })
}

/// Length in ticks. The last frame's own is what the track's length leaves, which some writers
/// round below nothing; then it is taken to be as long as the one before.
fn length(samples: &[Sample]) -> u128 {
    let Some((last, others)) = samples.split_last() else { return 0 };
    let sum: u128 = others.iter().map(|s| u128::from(s.duration)).sum();
    let usual = others.last().map_or(last.duration, |s| s.duration);
    let plausible = others.is_empty() || last.duration <= usual.saturating_mul(16);
    sum + u128::from(if plausible { last.duration } else { usual })
}

/// A part of the file.
pub(super) fn read_part(
    file: &mut BufReader<File>,
    offset: u64,
    size: u64,
) -> Result<Vec<u8>, ClipProblem> {
    let unreadable = |e: std::io::Error| unreadable(&e);
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
