//! The clip look that ships: MP4 files, read by [`crate::media::clip`].

use std::path::Path;

use super::doors::{ClipFacts, ClipLook};
use crate::media::clip;
use crate::media::frames::Decoding;

/// Looks into MP4 clips. Their indexes are read here, their frames in a child.
#[derive(Debug, Clone)]
pub struct MediaClips {
    decoding: Decoding,
}

impl MediaClips {
    /// With posters that are decoded so.
    pub fn new(decoding: Decoding) -> Self {
        MediaClips { decoding }
    }
}

impl ClipLook for MediaClips {
    fn inspect(&self, path: &Path) -> Result<ClipFacts, String> {
        let facts = clip::inspect(path).map_err(|e| e.to_string())?;
        Ok(ClipFacts {
            width: facts.width,
            height: facts.height,
            duration_ms: facts.duration_ms,
            frames: u32::try_from(facts.frames).unwrap_or(u32::MAX),
        })
    }

    fn poster(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        self.decoding.poster(path).map(Some).map_err(|e| e.to_string())
    }
}
