//! Where pictures come from, as they are sent.

use std::path::PathBuf;

use bytes::Bytes;

use crate::digest::Digest;
use crate::limits::Limits;
use crate::media::{Format, read_whole, recognise};
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

/// Pictures of a workspace, sent as they are.
#[derive(Debug, Clone)]
pub struct WorkspacePictures {
    /// Folder that references are relative to.
    pub workspace: PathBuf,
    /// How much is read.
    pub limits: Limits,
}

impl PictureSource for WorkspacePictures {
    fn ready(&self, reference: &RequestReference) -> Result<ReadyPicture, String> {
        let path = self.workspace.join(&reference.path);
        let failed = |e: crate::media::PictureProblem| format!("{}: {e}", reference.path);
        let bytes = read_whole(&path, self.limits.picture_bytes).map_err(failed)?;
        if Digest::of(&bytes) != reference.digest {
            return Err(format!("{} has changed since it was planned; plan again", reference.path));
        }
        let format = recognise(&bytes).map_err(failed)?;
        let (width, height) = (reference.width, reference.height);
        Ok(ReadyPicture { bytes: bytes.into(), format, width, height, unchanged: true })
    }
}
