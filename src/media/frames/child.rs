//! The child: limits itself, decodes the clip that is its standard input, answers, and ends.
//!
//! What never lives here: anything that the parent must be able to trust.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::answer::{self, Answer, Plan};
use super::choose::{Cost, choose};
use super::h264::{self, Ended, Group};
use super::picture::Painter;
use super::stream::{Codec, Stream};
use super::{Bounds, Decoder, FramesProblem, Sample, Sampled, Wanted, av1, bounds, ffmpeg};

/// What the child is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which frames.
    pub wanted: Wanted,
    /// What it may take.
    pub bounds: Bounds,
    /// For ffmpeg: the frames' places, ascending. Empty otherwise.
    pub places: Vec<u64>,
    /// Whether one key frame is wanted that shows what the clip is about, instead of samples.
    #[serde(default)]
    pub poster: bool,
}

/// Serves the request in `arguments`: itself in JSON, and, for ffmpeg, that program and the clip.
///
/// # Errors
/// The arguments make no sense, or nobody takes the answer.
pub fn serve(arguments: &[std::ffi::OsString]) -> std::io::Result<()> {
    let wrong = || std::io::Error::other("it is started by kinora itself, never by hand");
    let request = arguments.first().and_then(|text| text.to_str()).ok_or_else(wrong)?;
    let request: Request = serde_json::from_str(request).map_err(|_| wrong())?;
    let limited = bounds::limit_this_process(&request.bounds, 0);
    let answer = match (limited, arguments) {
        (Err(error), _) => {
            let what = format!("it can't limit itself: {error}");
            Answer::Problem(FramesProblem::NotStarted(what))
        }
        (Ok(()), [_, program, clip]) => {
            let error = ffmpeg::become_it(&PathBuf::from(program), &PathBuf::from(clip), &request);
            return Err(error);
        }
        (Ok(()), _) => match clip().map_err(FramesProblem::from).and_then(Stream::open) {
            Ok(stream) => sample(stream, &request).unwrap_or_else(Answer::Problem),
            Err(problem) => Answer::Problem(problem),
        },
    };
    let mut out = BufWriter::new(stdout().lock());
    answer::write(&answer, &mut out)?;
    out.flush()
}

/// The clip: it is opened already, and no other file is.
fn clip() -> Result<File, super::ClipProblem> {
    let unreadable = |e: std::io::Error| super::ClipProblem::Unreadable(e.to_string());
    #[cfg(not(windows))]
    let file = {
        use std::os::fd::AsFd;
        std::io::stdin().as_fd().try_clone_to_owned()
    };
    #[cfg(windows)]
    let file = {
        use std::os::windows::io::AsHandle;
        std::io::stdin().as_handle().try_clone_to_owned()
    };
    file.map(File::from).map_err(unreadable)
}

fn sample(mut stream: Stream, request: &Request) -> Result<Answer, FramesProblem> {
    let mut name = stream.name.clone();
    let decoded = match &stream.codec {
        Codec::Other => false,
        Codec::Av1 => true,
        Codec::H264(config) => {
            let config = config.clone();
            let sps = h264::described(&config);
            if let Some(sps) = &sps {
                stream.shape.add(sps);
            }
            let unsupported = sps.as_ref().and_then(h264::unsupported);
            if let Some(what) = &unsupported {
                name = format!("{name} {what}");
            } else {
                h264::look_into(&mut stream, &config)?;
            }
            unsupported.is_none()
        }
    };
    let chosen = match request.poster {
        true => poster(&stream).into_iter().collect(),
        false => chosen(&stream, request.wanted),
    };
    if !decoded {
        let frames =
            chosen.iter().map(|rank| (*rank as u64, at_ms(&stream, *rank as u32))).collect();
        return Ok(Answer::NotDecoded(Plan { codec: name, facts: stream.facts, frames }));
    }
    stream.shape.note_range();
    decode(stream, &chosen, request).map(Answer::Frames)
}

fn at_ms(stream: &Stream, rank: u32) -> u64 {
    stream.frames[stream.shown[rank as usize] as usize].at_ms
}

/// The rank of the key frame nearest to two fifths of the clip, where most clips show what they are
/// about.
fn poster(stream: &Stream) -> Option<usize> {
    let wanted = stream.frames.len() * 2 / 5;
    let keys = stream.frames.iter().enumerate().filter(|(_, frame)| frame.key);
    keys.min_by_key(|(at, _)| at.abs_diff(wanted)).map(|(_, frame)| frame.rank as usize)
}

/// The ranks of the frames that are sampled.
fn chosen(stream: &Stream, wanted: Wanted) -> Vec<usize> {
    let mut costs = Vec::with_capacity(stream.frames.len());
    let mut group = 0;
    let mut depth = 0;
    for (at, frame) in stream.frames.iter().enumerate() {
        if frame.key && at > 0 {
            (group, depth) = (group + 1, 0);
        }
        depth += u32::from(!frame.droppable);
        costs.push(Cost { group, depth, droppable: frame.droppable });
    }
    let shown = || stream.shown.iter().map(|at| *at as usize);
    let times: Vec<u64> = shown().map(|at| stream.frames[at].at_ms).collect();
    let costs: Vec<Cost> = shown().map(|at| costs[at]).collect();
    choose(&times, &costs, wanted.samples as usize)
}

/// What must be decoded for the chosen frames, by groups.
fn groups(stream: &Stream, chosen: &[usize]) -> Vec<Group> {
    let is_wanted = |rank: u32| chosen.binary_search(&(rank as usize)).is_ok();
    let starts = (1..stream.frames.len()).filter(|at| stream.frames[*at].key);
    let mut edges: Vec<usize> = std::iter::once(0).chain(starts).collect();
    edges.push(stream.frames.len());
    let group = |pair: &[usize]| {
        let mut wanted: Vec<u32> = stream.frames[pair[0]..pair[1]]
            .iter()
            .map(|frame| frame.rank)
            .filter(|rank| is_wanted(*rank))
            .collect();
        wanted.sort_unstable();
        let end = wanted.iter().map(|rank| stream.shown[*rank as usize] as usize).max()?;
        let needed = |at: &usize| {
            let frame = stream.frames[*at];
            !frame.droppable || is_wanted(frame.rank)
        };
        Some(Group { feed: (pair[0]..=end).filter(needed).collect(), wanted })
    };
    edges.windows(2).filter_map(group).collect()
}

fn decode(
    mut stream: Stream,
    chosen: &[usize],
    request: &Request,
) -> Result<Sampled, FramesProblem> {
    let shape = stream.shape.clone();
    let longest = request.wanted.longest_side;
    let memory = request.bounds.memory;
    let mut painter = Painter::default();
    let mut samples: Vec<Sample> = Vec::new();
    let mut first_problem = None;
    let unpainted = || FramesProblem::Undecodable("a frame is smaller than it says".to_owned());
    for group in groups(&stream, chosen) {
        let mut pictures = Vec::new();
        let ended = match stream.codec {
            Codec::Av1 => av1::decode(&mut stream, &group, memory, |rank, lights| {
                let picture = painter.repaint(&lights, &shape, longest).ok_or_else(unpainted)?;
                pictures.push((rank, picture));
                Ok(())
            }),
            _ => h264::decode(&mut stream, &group, memory, |rank, planes| {
                let picture = painter.paint(planes, &shape, longest).ok_or_else(unpainted)?;
                pictures.push((rank, picture));
                Ok(())
            }),
        };
        let Ended { problem } = ended?;
        first_problem = first_problem.or(problem);
        samples.extend(pictures.into_iter().map(|(rank, picture)| Sample {
            index: u64::from(rank),
            at_ms: at_ms(&stream, rank),
            picture,
        }));
    }
    samples.sort_by_key(|sample| sample.index);
    if samples.is_empty() {
        let nothing = || FramesProblem::Undecodable("its data holds no pictures".to_owned());
        return Err(first_problem.unwrap_or_else(nothing));
    }
    let found = |rank: &usize| samples.binary_search_by_key(&(*rank as u64), |s| s.index).is_ok();
    let lost_ms =
        chosen.iter().filter(|r| !found(r)).map(|rank| at_ms(&stream, *rank as u32)).collect();
    Ok(Sampled {
        facts: stream.facts,
        decoder: Decoder::Own,
        samples,
        lost_ms,
        notes: stream.shape.notes,
    })
}
