//! Sampled frames of a clip, decoded in a child process.
//!
//! A clip's bytes come from a stranger, and the decoder is C++: so this program is started once more
//! (its hidden command `decode-frames`), limits its own memory and time, decodes, and answers with
//! small pictures. The child gets the clip as its standard input, no path, and an empty environment,
//! so that keys of providers are not in it. Its answer is as untrusted as the clip: `answer` holds it
//! against what was asked for.
//!
//! What lives here: which frames, how they are decoded, made upright and small, and every way in
//! which that can fail. What never does: what a frame is compared with.
//!
//! Edit lists are not applied: where one cuts a clip's beginning or end away, players show less than
//! is sampled. Other systems than Unix have no limits on memory and processor time; there, the wall
//! clock and the length of the answer remain.

mod answer;
mod av1;
mod bits;
mod bounds;
mod child;
mod choose;
mod ffmpeg;
mod h264;
mod parent;
mod picture;
mod shape;
mod sps;
mod stream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::clip::{ClipFacts, ClipProblem};

pub use answer::read as read_answer;
pub use answer::{Answer, Plan};
pub use bounds::limit_this_process;
pub use child::serve;
pub use ffmpeg::{find as find_ffmpeg, read as read_ffmpeg};

/// The hidden command by which the program is started as the child.
pub const COMMAND: &str = "decode-frames";

/// Which frames, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// How many, the first and the last among them; a clip of fewer frames gives all it has.
    pub samples: u32,
    /// Pixels of a picture's longer side at most; none is enlarged.
    pub longest_side: u32,
}

impl Wanted {
    /// The fewest samples: the first and the last frame.
    pub const FEWEST: u32 = 2;
    /// The most samples.
    pub const MOST: u32 = 64;
    /// The longest side that can be asked for.
    pub const LONGEST: u32 = 2048;

    /// The nearest that can be asked for.
    pub fn within_limits(self) -> Self {
        Wanted {
            samples: self.samples.clamp(Self::FEWEST, Self::MOST),
            longest_side: self.longest_side.clamp(16, Self::LONGEST),
        }
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted { samples: 14, longest_side: 640 }
    }
}

/// How much the decoding of one clip may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of memory of the child.
    pub memory: u64,
    /// Seconds of one processor.
    pub cpu_seconds: u64,
    /// Time by the clock, after which the child is killed.
    pub wall: Duration,
}

impl Default for Bounds {
    /// Enough for 4096×2304 pixels with sixteen frames to refer to, the most that H.264's levels
    /// up to 5.2 know, and for a minute of it.
    fn default() -> Self {
        Bounds { memory: 640 << 20, cpu_seconds: 60, wall: Duration::from_secs(240) }
    }
}

/// Who decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// A decoder of the program's own.
    Own,
    /// The ffmpeg that is installed.
    Ffmpeg,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The how many-th frame that is shown, from zero.
    pub index: u64,
    /// When it is shown, in milliseconds from the first.
    pub at_ms: u64,
    /// Upright, with square pixels, in sRGB.
    pub picture: RgbImage,
}

/// Frames of a clip, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// What its index says.
    pub facts: ClipFacts,
    /// Who decoded.
    pub decoder: Decoder,
    /// The frames.
    pub samples: Vec<Sample>,
    /// Times of frames that were to be sampled and can't be decoded, in milliseconds.
    pub lost_ms: Vec<u64>,
    /// What is shown otherwise than a player might, in words.
    pub notes: Vec<String>,
}

/// Why there are no frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum FramesProblem {
    /// The file is no whole clip.
    #[error(transparent)]
    Clip(#[from] ClipProblem),
    /// Nothing here decodes it; its codec, as the file names it, and what else matters.
    #[error("not inspected: {0}")]
    NotInspected(String),
    /// None of the wanted frames can be decoded.
    #[error("its frames can't be decoded: {0}")]
    Undecodable(String),
    /// More memory would be needed than the child may take, in bytes.
    #[error("decoding it takes more than {} MiB of memory", .0 >> 20)]
    OutOfMemory(u64),
    /// It takes longer than so many seconds.
    #[error("decoding it takes longer than {0} s")]
    TooLong(u64),
    /// The child died.
    #[error("its decoder broke down: {0}")]
    Crashed(String),
    /// There is no child.
    #[error("its decoder can't be started: {0}")]
    NotStarted(String),
    /// The child's answer is none.
    #[error("its decoder's answer makes no sense: {0}")]
    Answer(String),
}

/// Where clips are decoded: the program that is started for each, and what it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoding {
    program: PathBuf,
    ffmpeg: Option<PathBuf>,
    bounds: Bounds,
}

impl Decoding {
    /// By children of this `kinora` program; see [`crate::environment::own_program`].
    pub fn by(program: PathBuf) -> Self {
        Decoding { program, ffmpeg: None, bounds: Bounds::default() }
    }

    /// What the program can't decode, this ffmpeg may; see [`find_ffmpeg`].
    #[must_use]
    pub fn with_ffmpeg(self, ffmpeg: Option<PathBuf>) -> Self {
        Decoding { ffmpeg, ..self }
    }

    /// Within other bounds.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Decoding { bounds, ..self }
    }

    /// Frames of a clip. Takes a core for as long as it takes; several may run at once. The same
    /// clip gives the same frames.
    ///
    /// # Errors
    /// Any of [`FramesProblem`]; a clip of which some of the wanted frames are lost is none.
    pub fn sample(&self, clip: &Path, wanted: Wanted) -> Result<Sampled, FramesProblem> {
        parent::sample(self, clip, wanted.within_limits())
    }

    /// A JPEG of the clip's key frame nearest to two fifths of its length, where most clips show what
    /// they are about; its longer side is at most [`Wanted::LONGEST`]. The same clip gives the same
    /// bytes.
    ///
    /// # Errors
    /// Any of [`FramesProblem`]. No ffmpeg is asked for it.
    pub fn poster(&self, clip: &Path) -> Result<Vec<u8>, FramesProblem> {
        let picture = parent::poster(self, clip, Wanted::LONGEST)?;
        super::clip::poster_jpeg(&picture).map_err(FramesProblem::Clip)
    }
}
