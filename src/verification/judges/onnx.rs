//! A model of the user's as a judge: it turns pictures into vectors, and how far a reference's vector
//! and that of what stands for it in the clip point the same way is the score.
//!
//! A model's file is as much a stranger's as a clip is, and it can't be interrupted: so it is run in a
//! child (the hidden command `judge-onnx`), which limits its own memory and time and gets an empty
//! environment. What never lives here: downloading a model.

#[cfg(feature = "onnx")]
mod model;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::Said;
use super::crops::{Crop, crops};
use super::{Judged, child};
use crate::manifest::{Layout, OnnxModel};

#[cfg(feature = "onnx")]
pub use model::serve;

/// The hidden command by which the program is started as the child.
pub const COMMAND: &str = "judge-onnx";

/// Bytes of memory that the child may take, beside so many times the model's size.
const MEMORY: u64 = 2 << 30;
const TIMES_ITS_SIZE: u64 = 6;

/// What the child is to do. The pixels come on its standard input: of the references, then of the
/// crops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    /// The model's file.
    pub model: PathBuf,
    /// Pixels of each side; absent: as the model says.
    pub size: Option<u32>,
    pub mean: [f32; 3],
    pub deviation: [f32; 3],
    pub layout: Layout,
    /// Bytes that it may take.
    pub memory: u64,
    /// Seconds that it may take.
    pub seconds: u64,
    /// Width and height of each reference.
    pub references: Vec<[u32; 2]>,
    /// Which reference each crop stands for, its width and its height.
    pub crops: Vec<(usize, u32, u32)>,
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Reply {
    /// Of each crop and its reference: the cosine between their vectors.
    Cosines(Vec<f32>),
    /// Why there are none.
    Problem(String),
}

/// A model, ready to be asked.
#[derive(Debug)]
pub(super) struct Model {
    model: OnnxModel,
    path: PathBuf,
    program: PathBuf,
}

impl Model {
    pub fn new(model: &OnnxModel, workspace: &Path, program: PathBuf) -> Self {
        Model { path: workspace.join(&model.path), model: model.clone(), program }
    }

    /// Holds the references against what stands for them in the clip; the least alike is the score.
    pub fn ask(&self, judged: &Judged<'_>, wall: Duration) -> Result<Said, String> {
        if cfg!(not(feature = "onnx")) {
            return Err("this kinora was built without `onnx`".to_owned());
        }
        let crops = crops(judged);
        if crops.is_empty() {
            return Err("there are no frames or references to hold together".to_owned());
        }
        let size = std::fs::metadata(&self.path).map_err(|e| format!("its model: {e}"))?.len();
        let task = Task {
            model: std::path::absolute(&self.path).map_err(|e| format!("its model: {e}"))?,
            size: self.model.size,
            mean: self.model.mean,
            deviation: self.model.deviation,
            layout: self.model.layout,
            memory: MEMORY.saturating_add(size.saturating_mul(TIMES_ITS_SIZE)),
            seconds: wall.as_secs(),
            references: judged.references.iter().map(|r| r.picture.dimensions().into()).collect(),
            crops: crops
                .iter()
                .map(|crop| (crop.reference, crop.picture.width(), crop.picture.height()))
                .collect(),
        };
        let references = judged.references.iter().map(|shown| shown.picture.as_raw());
        let pixels = references.chain(crops.iter().map(|crop| crop.picture.as_raw()));
        let pixels: Vec<u8> = pixels.flatten().copied().collect();
        let cosines = self.run(&task, &pixels, wall)?;
        Ok(said(&cosines, &crops, judged))
    }

    fn run(&self, task: &Task, pixels: &[u8], wall: Duration) -> Result<Vec<f32>, String> {
        let text = serde_json::to_string(task).map_err(|e| e.to_string())?;
        let mut command = Command::new(&self.program);
        // On Windows, programs don't start without some of it.
        #[cfg(not(windows))]
        command.env_clear();
        command
            .arg(COMMAND)
            .arg(text)
            // Memory that is only reserved counts against the limit, too.
            .env("MIMALLOC_ARENA_RESERVE", "0");
        let ended = child::run(command, pixels, wall).map_err(|why| why.to_string())?;
        if !ended.status.success() {
            let last = ended.complaints.trim().lines().last().unwrap_or_default();
            return Err(format!("its model broke down: {} {last}", ended.status));
        }
        let nonsense = || "its model's answer makes no sense".to_owned();
        match serde_json::from_slice(&ended.answer).map_err(|_| nonsense())? {
            Reply::Problem(why) => Err(format!("its model: {why}")),
            Reply::Cosines(cosines) => {
                let fine = cosines.iter().all(|cosine| cosine.abs() <= 1.001);
                (fine && cosines.len() == task.crops.len()).then_some(cosines).ok_or_else(nonsense)
            }
        }
    }
}

/// The least alike of all. A cosine is a score by a hundred: what points away is as bad as what has
/// nothing in common.
fn said(cosines: &[f32], crops: &[Crop], judged: &Judged<'_>) -> Said {
    let least = cosines.iter().zip(crops).min_by(|a, b| a.0.total_cmp(b.0));
    let (cosine, note) = least.map_or((0.0, String::new()), |(cosine, crop)| {
        let given = judged.references.get(crop.reference).map(|shown| shown.reference);
        let name = given.and_then(|at| judged.request.references.get(at)).map(|r| r.name.as_str());
        let (name, seconds) = (name.unwrap_or("?"), crop.at_ms as f64 / 1000.0);
        (*cosine, format!("least like `{name}` at {seconds:.1} s: cosine {cosine:.3}"))
    });
    Said { score: (cosine.clamp(0.0, 1.0) * 100.0).round() as u8, note, verdict: None }
}
