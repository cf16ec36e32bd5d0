//! Where pictures come from, as they are sent.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::limits::Limits;
use crate::media::Format;
use crate::media::decode::PictureLimits;
use crate::media::prepare::{CacheError, PreparedCache, Recipe};
use crate::plan::RequestReference;

/// A picture as it is sent.
#[derive(Debug, Clone)]
pub struct ReadyPicture {
    /// The file's bytes.
    pub bytes: Bytes,
    /// Format.
    pub format: Format,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Whether these are the bytes that the user has, so that a URL of theirs may stand for them.
    pub unchanged: bool,
}

/// Gives the pictures of requests. It may read files and take its time: it is asked on threads
/// for that.
pub trait PictureSource: Send + Sync {
    /// A picture, ready to be sent.
    ///
    /// # Errors
    /// Why it can't be sent, for people.
    fn ready(&self, reference: &RequestReference) -> Result<ReadyPicture, String>;
}

/// Pictures of a workspace, prepared as their recipes say; what is made is kept in
/// `.kinora/prepared`.
#[derive(Debug)]
pub struct WorkspacePictures {
    workspace: PathBuf,
    limits: PictureLimits,
    prepared: PreparedCache,
}

impl WorkspacePictures {
    /// Of the folder that references are relative to.
    pub fn new(workspace: &Path, limits: &Limits) -> Self {
        WorkspacePictures {
            workspace: workspace.to_path_buf(),
            limits: PictureLimits::from(limits),
            prepared: PreparedCache::new(workspace.join(".kinora").join("prepared")),
        }
    }
}

impl PictureSource for WorkspacePictures {
    fn ready(&self, reference: &RequestReference) -> Result<ReadyPicture, String> {
        let path = self.workspace.join(&reference.path);
        let recipe = reference.recipe.as_ref().unwrap_or(&Recipe::AsItIs);
        let prepared = self
            .prepared
            .get_or_prepare(&path, &reference.digest, recipe, &self.limits)
            .map_err(|e| match e {
                CacheError::Changed { .. } => {
                    format!("{} has changed since it was planned; plan again", reference.path)
                }
                other => format!("{}: {other}", reference.path),
            })?;
        Ok(ReadyPicture {
            bytes: prepared.bytes.into(),
            format: prepared.format,
            width: prepared.width,
            height: prepared.height,
            unchanged: recipe.making().is_none(),
        })
    }
}
