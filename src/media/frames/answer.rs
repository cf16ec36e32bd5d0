//! What the child says to its parent: a header in JSON, its length before it, and the pictures'
//! pixels behind it.
//!
//! The child decodes a stranger's bytes in C++, so what it says may be anything: the reader holds it
//! against what was asked for, and takes no more than that.

use std::io::{self, Write};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::{Decoder, FramesProblem, Sample, Sampled, Wanted};
use crate::media::clip::ClipFacts;

/// Bytes of the header, at most.
const MOST_OF_HEADER: usize = 64 << 10;

/// Notes, and characters of each text, at most.
const MOST_NOTES: usize = 8;
const MOST_LETTERS: usize = 300;

/// Milliseconds of a clip, at most: a day.
const LONGEST_MS: u64 = 86_400_000;

/// One frame's place, time and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub index: u64,
    pub at_ms: u64,
    pub width: u32,
    pub height: u32,
}

/// The frames that somebody else is to decode: their places and times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The codec, as the file names it, and what else matters.
    pub codec: String,
    /// What the index says.
    pub facts: ClipFacts,
    /// Index and time in milliseconds of each, ascending.
    pub frames: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Header {
    Frames { facts: ClipFacts, frames: Vec<Place>, lost_ms: Vec<u64>, notes: Vec<String> },
    NotDecoded(Plan),
    Problem(FramesProblem),
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Frames.
    Frames(Sampled),
    /// The clip is whole as far as its index says, and its codec is none of those that are decoded.
    NotDecoded(Plan),
    /// Neither.
    Problem(FramesProblem),
}

/// Bytes of an answer, at most.
pub(super) fn most_bytes(wanted: Wanted) -> u64 {
    let side = u64::from(wanted.longest_side);
    4 + MOST_OF_HEADER as u64 + u64::from(wanted.samples) * side * side * 3
}

/// Writes an answer.
pub(super) fn write(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let (header, samples) = match answer {
        Answer::Frames(sampled) => (frames_header(sampled), &sampled.samples[..]),
        Answer::NotDecoded(plan) => (Header::NotDecoded(plan.clone()), &[][..]),
        Answer::Problem(problem) => (Header::Problem(problem.clone()), &[][..]),
    };
    let header = serde_json::to_vec(&header)?;
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&header)?;
    for sample in samples {
        out.write_all(&sample.picture)?;
    }
    out.flush()
}

fn frames_header(sampled: &Sampled) -> Header {
    let place = |sample: &Sample| {
        let (width, height) = sample.picture.dimensions();
        Place { index: sample.index, at_ms: sample.at_ms, width, height }
    };
    Header::Frames {
        facts: sampled.facts.clone(),
        frames: sampled.samples.iter().map(place).collect(),
        lost_ms: sampled.lost_ms.clone(),
        notes: sampled.notes.clone(),
    }
}

/// Reads an answer to a request for `wanted`.
///
/// # Errors
/// [`FramesProblem::Answer`]: it is no answer to that.
pub fn read(bytes: &[u8], wanted: Wanted) -> Result<Answer, FramesProblem> {
    let wrong = |what: &str| FramesProblem::Answer(what.to_owned());
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| wrong("it is empty"))?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > MOST_OF_HEADER {
        return Err(wrong("its header is too long"));
    }
    let (header, pixels) =
        rest.split_at_checked(length).ok_or_else(|| wrong("it breaks off in its header"))?;
    let header = serde_json::from_slice(header).map_err(|e| wrong(&e.to_string()))?;
    let answer = match header {
        Header::Frames { facts, frames, lost_ms, notes } => {
            check_frames(&frames, &lost_ms, facts.frames, wanted).map_err(wrong)?;
            let samples = samples(&frames, pixels).map_err(wrong)?;
            let notes = notes.iter().take(MOST_NOTES).map(|note| plain(note)).collect();
            let facts = plain_facts(facts);
            return Ok(Answer::Frames(Sampled {
                facts,
                decoder: Decoder::Own,
                samples,
                lost_ms,
                notes,
            }));
        }
        Header::NotDecoded(plan) => {
            let places: Vec<Place> = plan
                .frames
                .iter()
                .map(|(index, at_ms)| Place { index: *index, at_ms: *at_ms, width: 1, height: 1 })
                .collect();
            check_frames(&places, &[], plan.facts.frames, wanted).map_err(wrong)?;
            let codec = plain(&plan.codec);
            Answer::NotDecoded(Plan { codec, facts: plain_facts(plan.facts), ..plan })
        }
        Header::Problem(problem) => Answer::Problem(plain_problem(problem)),
    };
    if pixels.is_empty() { Ok(answer) } else { Err(wrong("there is more behind its end")) }
}

fn check_frames(
    frames: &[Place],
    lost_ms: &[u64],
    in_all: u64,
    wanted: Wanted,
) -> Result<(), &'static str> {
    if frames.is_empty() {
        return Err("it has no frames");
    }
    if frames.len() + lost_ms.len() > wanted.samples as usize {
        return Err("it has more frames than were asked for");
    }
    let ascending = frames
        .windows(2)
        .all(|pair| pair[0].index < pair[1].index && pair[0].at_ms <= pair[1].at_ms);
    if !ascending || frames.iter().any(|f| f.index >= in_all) {
        return Err("its frames are out of order");
    }
    let times = frames.iter().map(|f| f.at_ms).chain(lost_ms.iter().copied());
    if times.max() > Some(LONGEST_MS) {
        return Err("its times are impossible");
    }
    let fits = |side: u32| (1..=wanted.longest_side).contains(&side);
    if !frames.iter().all(|f| fits(f.width) && fits(f.height)) {
        return Err("its frames are of another size than was asked for");
    }
    Ok(())
}

fn samples(frames: &[Place], mut pixels: &[u8]) -> Result<Vec<Sample>, &'static str> {
    let mut samples = Vec::with_capacity(frames.len());
    for Place { index, at_ms, width, height } in frames {
        let size = *width as usize * *height as usize * 3;
        let (own, rest) = pixels.split_at_checked(size).ok_or("it breaks off in its pixels")?;
        let picture = RgbImage::from_raw(*width, *height, own.to_vec()).ok_or("no picture")?;
        samples.push(Sample { index: *index, at_ms: *at_ms, picture });
        pixels = rest;
    }
    if pixels.is_empty() { Ok(samples) } else { Err("there is more behind its end") }
}

/// A text that changes nothing on the terminal that it is shown on, and ends.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_LETTERS).collect()
}

fn plain_facts(facts: ClipFacts) -> ClipFacts {
    ClipFacts { codec: plain(&facts.codec), ..facts }
}

fn plain_problem(problem: FramesProblem) -> FramesProblem {
    use crate::media::clip::ClipProblem as Clip;
    match problem {
        FramesProblem::Clip(clip) => FramesProblem::Clip(match clip {
            Clip::Missing | Clip::Empty => clip,
            Clip::Unreadable(text) => Clip::Unreadable(plain(&text)),
            Clip::NotAVideo(text) => Clip::NotAVideo(plain(&text)),
            Clip::CutShort(text) => Clip::CutShort(plain(&text)),
            Clip::Damaged(text) => Clip::Damaged(plain(&text)),
            Clip::CannotShow(text) => Clip::CannotShow(plain(&text)),
        }),
        FramesProblem::NotInspected(text) => FramesProblem::NotInspected(plain(&text)),
        FramesProblem::Undecodable(text) => FramesProblem::Undecodable(plain(&text)),
        FramesProblem::Crashed(text) => FramesProblem::Crashed(plain(&text)),
        FramesProblem::NotStarted(text) => FramesProblem::NotStarted(plain(&text)),
        FramesProblem::Answer(text) => FramesProblem::Answer(plain(&text)),
        limit @ (FramesProblem::OutOfMemory(_) | FramesProblem::TooLong(_)) => limit,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: Wanted = Wanted { samples: 3, longest_side: 16 };

    fn facts() -> ClipFacts {
        ClipFacts {
            codec: "avc1.42C028".to_owned(),
            width: 64,
            height: 32,
            duration_ms: 500,
            frames: 12,
            fps: 24.0,
            bytes: 1000,
        }
    }

    fn sampled() -> Sampled {
        let sample = |index, at_ms, width, height| Sample {
            index,
            at_ms,
            picture: RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 9])),
        };
        Sampled {
            facts: facts(),
            decoder: Decoder::Own,
            samples: vec![sample(0, 0, 16, 8), sample(11, 458, 1, 1)],
            lost_ms: vec![200],
            notes: vec!["a note".to_owned()],
        }
    }

    fn written(answer: &Answer) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(answer, &mut bytes).expect("memory takes it");
        bytes
    }

    fn problem(answer: &Answer) -> String {
        read(&written(answer), WANTED).expect_err("it must not be taken").to_string()
    }

    #[test]
    fn what_was_written_is_read() {
        let plan =
            Plan { codec: "hev1".to_owned(), facts: facts(), frames: vec![(0, 0), (11, 458)] };
        for answer in [
            Answer::Frames(sampled()),
            Answer::NotDecoded(plan),
            Answer::Problem(FramesProblem::OutOfMemory(1 << 20)),
            Answer::Problem(crate::media::clip::ClipProblem::Empty.into()),
        ] {
            let bytes = written(&answer);
            assert_eq!(read(&bytes, WANTED).expect("an answer"), answer);
            assert!(bytes.len() as u64 <= most_bytes(WANTED));
            for length in 0..bytes.len() {
                assert!(read(&bytes[..length], WANTED).is_err(), "cut to {length}");
            }
            assert!(read(&[&bytes[..], &[0]].concat(), WANTED).is_err(), "a byte more");
        }
    }

    #[test]
    fn an_answer_to_something_else_is_none() {
        let changed = |change: fn(&mut Sampled)| {
            let mut sampled = sampled();
            change(&mut sampled);
            problem(&Answer::Frames(sampled))
        };
        type Change = fn(&mut Sampled);
        let cases: [(&str, Change); 6] = [
            ("no frames", |s| s.samples.clear()),
            ("out of order", |s| s.samples.swap(0, 1)),
            ("out of order", |s| s.samples[1].index = 12),
            ("more frames", |s| s.lost_ms = vec![1, 2]),
            ("impossible", |s| s.samples[1].at_ms = u64::MAX),
            ("another size", |s| s.samples[1].picture = RgbImage::new(17, 1)),
        ];
        for (words, change) in cases {
            let told = changed(change);
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn what_it_says_does_nothing_to_a_terminal() {
        let loud = FramesProblem::Undecodable(format!("\u{1b}[2J{}\n", "x".repeat(4000)));
        let Ok(Answer::Problem(told)) = read(&written(&Answer::Problem(loud)), WANTED) else {
            panic!("a problem is an answer");
        };
        let told = told.to_string();
        assert!(told.len() < 400 && told.chars().all(|c| !c.is_control()), "{told}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes, WANTED);
        }

        #[test]
        fn a_byte_that_changed_gives_no_more_than_was_asked_for(at in 0usize..400, to in any::<u8>()) {
            let mut bytes = written(&Answer::Frames(sampled()));
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(Answer::Frames(sampled)) = read(&bytes, WANTED) {
                prop_assert!(sampled.samples.len() <= 3);
                prop_assert!(sampled.samples.iter().all(|s| s.picture.width() <= 16));
            }
        }
    }
}
