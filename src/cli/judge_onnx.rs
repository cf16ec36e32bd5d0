//! `kinora judge-onnx`: the child that runs a user's model. Hidden; Kinora starts it itself.

use std::ffi::OsString;

use clap::Args;
use kinora::exit::Exit;
use kinora::verification::judges;

use super::{Failure, Outcome};

/// What the child is told.
#[derive(Debug, Clone, Args)]
pub struct JudgeOnnxArgs {
    /// The task
    pub task: Vec<OsString>,
}

/// Answers on standard output.
pub fn judge_onnx(arguments: &JudgeOnnxArgs) -> Outcome {
    judges::serve_onnx(&arguments.task)
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Usage, format!("judge-onnx: {error}")))
}
