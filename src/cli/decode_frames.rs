//! `kinora decode-frames`: the child that decodes a clip. Hidden; Kinora starts it itself.

use std::ffi::OsString;

use clap::Args;
use kinora::exit::Exit;
use kinora::media::frames;

use super::{Failure, Outcome};

/// What the child is told.
#[derive(Debug, Clone, Args)]
pub struct DecodeFramesArgs {
    /// The request, and for ffmpeg that program and the clip
    pub request: Vec<OsString>,
}

/// Answers on standard output.
pub fn decode_frames(arguments: &DecodeFramesArgs) -> Outcome {
    frames::serve(&arguments.request)
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Usage, format!("decode-frames: {error}")))
}
