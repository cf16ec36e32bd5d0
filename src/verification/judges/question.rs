//! What a judge is told, as JSON. Programs get paths, servers get pictures.
//!
//! What lives here: the question's form and how it is filled. What never does: how it gets there.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use image::RgbImage;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use jpeg_encoder::{ColorType, Encoder};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::detail::{DetailPart, ReferenceDetail};
use super::Judged;
use crate::ledger::ClipVerdict;
use crate::manifest::Role;

/// The version of what judges are told and may answer.
pub const VERSION: u32 = 1;
/// Of pictures that travel; what a person sees no harm in.
const QUALITY: u8 = 90;
/// Frames that travel to a server, at most.
const MOST_FRAMES: usize = 16;

/// What a judge is told of one clip.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Kinora: what a judge is told of one clip")]
pub struct Question {
    /// The version of this form: 1.
    #[schemars(extend("const" = 1))]
    pub kinora_judge: u32,
    /// The judge's name in the manifest.
    pub judge: String,
    /// The job's address.
    pub address: String,
    /// The shot's id.
    pub shot: String,
    /// `set.id` of the subject, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Name of the model that made it.
    pub model: String,
    /// The prompt as it was sent.
    pub prompt: String,
    /// The negative prompt as it was sent, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// The clip's absolute path; programs alone get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<String>,
    /// The pictures that the model was given, in its order.
    pub references: Vec<QuestionReference>,
    /// Frames that were sampled, in order of time; none where the clip can't be decoded here.
    pub frames: Vec<QuestionFrame>,
    /// Where references were found in frames, as far as that is known.
    pub found: Vec<QuestionFound>,
    /// What Kinora itself came to.
    pub own: QuestionOwn,
}

/// A picture that the model was given.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionReference {
    /// Its name.
    pub name: String,
    /// What it was given for.
    pub role: Role,
    /// Absolute path of the catalogue's file; programs alone get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The picture as a JPEG in base64, as it was compared, small; servers alone get it, and
    /// nobody where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jpeg: Option<String>,
}

/// One frame, upright, its longer side at most 640 pixels.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionFrame {
    /// Milliseconds from the clip's beginning.
    pub at_ms: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Absolute path of a PNG that is removed after the answer; programs alone get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A JPEG in base64; servers alone get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jpeg: Option<String>,
}

/// Where a reference was found in a frame.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionFound {
    /// The how many-th of `references`, from 0.
    pub reference: usize,
    /// The how many-th of `frames`, from 0.
    pub frame: usize,
    /// Where the reference's corners lie, in pixels of the frame, each as x and y: upper left,
    /// upper right, lower right, lower left. They may lie outside of the frame.
    pub corners: [[f32; 2]; 4],
}

/// What Kinora itself came to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionOwn {
    /// Under the manifest's thresholds.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent where it was not inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// The weakest of each part over all references.
    pub parts: Vec<DetailPart>,
    /// Each reference.
    pub references: Vec<ReferenceDetail>,
}

/// Why a question can't be put, in words.
pub(super) type Problem = String;

impl Question {
    /// For a program: with paths. `frames` are the files that [`write_frames`] wrote.
    pub(super) fn with_paths(
        judge: &str,
        judged: &Judged<'_>,
        workspace: &Path,
        frames: &[PathBuf],
    ) -> Result<Self, Problem> {
        let mut question = Self::bare(judge, judged);
        question.clip = Some(absolute(judged.clip)?);
        for (told, reference) in question.references.iter_mut().zip(&judged.request.references) {
            told.path = Some(absolute(&workspace.join(&reference.path))?);
        }
        for (frame, path) in judged.frames.iter().zip(frames) {
            question.frames.push(QuestionFrame {
                at_ms: frame.at_ms,
                width: frame.picture.width(),
                height: frame.picture.height(),
                path: Some(absolute(path)?),
                jpeg: None,
            });
        }
        let all: Vec<usize> = (0..question.frames.len()).collect();
        question.found = found(judged, &all);
        Ok(question)
    }

    /// For a server: with pictures.
    pub(super) fn with_pictures(judge: &str, judged: &Judged<'_>) -> Result<Self, Problem> {
        let mut question = Self::bare(judge, judged);
        for shown in judged.references {
            if let Some(told) = question.references.get_mut(shown.reference) {
                told.jpeg = Some(jpeg(shown.picture)?);
            }
        }
        let sent = spread(judged.frames.len(), MOST_FRAMES);
        for frame in sent.iter().map(|at| &judged.frames[*at]) {
            question.frames.push(QuestionFrame {
                at_ms: frame.at_ms,
                width: frame.picture.width(),
                height: frame.picture.height(),
                path: None,
                jpeg: Some(jpeg(&frame.picture)?),
            });
        }
        question.found = found(judged, &sent);
        Ok(question)
    }

    fn bare(judge: &str, judged: &Judged<'_>) -> Self {
        let (request, own) = (judged.request, judged.own);
        let reference = |given: &crate::plan::RequestReference| QuestionReference {
            name: given.name.clone(),
            role: given.role,
            path: None,
            jpeg: None,
        };
        Question {
            kinora_judge: VERSION,
            judge: judge.to_owned(),
            address: request.address.to_string(),
            shot: request.shot.clone(),
            subject: request.subject.clone(),
            model: request.model.clone(),
            prompt: request.prompt.clone(),
            negative_prompt: request.negative_prompt.clone(),
            clip: None,
            references: request.references.iter().map(reference).collect(),
            frames: Vec::new(),
            found: Vec::new(),
            own: QuestionOwn {
                verdict: own.verdict,
                score: own.score,
                parts: own.detail.parts.clone(),
                references: own.detail.references.clone(),
            },
        }
    }
}

/// Where references were found, in the question's own numbers; `sent` are the places of the frames
/// that are in it.
fn found(judged: &Judged<'_>, sent: &[usize]) -> Vec<QuestionFound> {
    let told = |found: &crate::consistency::Found| {
        Some(QuestionFound {
            reference: judged.references.get(found.reference)?.reference,
            frame: sent.iter().position(|at| *at == found.frame)?,
            corners: found.corners.filter(|c| c.iter().flatten().all(|x| x.is_finite()))?,
        })
    };
    judged.found.iter().filter_map(told).collect()
}

/// So many places at most, spread evenly, the first and the last among them.
pub(super) fn spread(all: usize, most: usize) -> Vec<usize> {
    debug_assert!(most >= 2, "the first and the last");
    if all <= most {
        return (0..all).collect();
    }
    (0..most).map(|at| at * (all - 1) / (most - 1)).collect()
}

/// Writes the frames as PNG into a folder; gives the files in their order.
pub(super) fn write_frames(judged: &Judged<'_>, folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let write = |(at, frame): (usize, &crate::media::frames::Sample)| {
        let path = folder.join(format!("{at:02}.png"));
        let file = std::fs::File::create(&path).map_err(|e| e.to_string())?;
        let out = std::io::BufWriter::new(file);
        let encoder =
            PngEncoder::new_with_quality(out, CompressionType::Fast, FilterType::Adaptive);
        frame.picture.write_with_encoder(encoder).map_err(|e| e.to_string())?;
        Ok(path)
    };
    let written: Result<Vec<PathBuf>, String> =
        judged.frames.iter().enumerate().map(write).collect();
    written.map_err(|why| format!("its frames can't be written: {why}"))
}

fn jpeg(picture: &RgbImage) -> Result<String, Problem> {
    let wrong = || "a picture is too large to be sent".to_owned();
    let (width, height) = picture.dimensions();
    let side = |pixels: u32| u16::try_from(pixels).map_err(|_| wrong());
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, QUALITY)
        .encode(picture.as_raw(), side(width)?, side(height)?, ColorType::Rgb)
        .map_err(|_| wrong())?;
    Ok(BASE64.encode(&bytes))
}

/// JSON holds text alone.
fn absolute(path: &Path) -> Result<String, Problem> {
    let path = std::path::absolute(path).map_err(|e| format!("a path can't be told: {e}"))?;
    path.into_os_string()
        .into_string()
        .map_err(|_| "a path can't be told: it is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn frames_that_are_sent_are_spread_from_the_first_to_the_last() {
        assert_eq!(spread(3, 16), [0, 1, 2]);
        assert_eq!(spread(9, 3), [0, 4, 8]);
        assert_eq!(spread(64, 16).len(), 16);
        assert_eq!(spread(64, 16).last(), Some(&63));
        assert!(spread(0, 16).is_empty());
    }
}
