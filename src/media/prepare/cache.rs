//! Prepared pictures on disk, by what decides them: the source's digest and the recipe.
//!
//! A file is the picture as it is sent, which any viewer opens, and after its end a trailer with
//! the picture's digest, so that a file cut short or changed by hand is made anew. Nothing is
//! ever lost with this folder but time.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Prepared, Recipe, as_it_is, prepare};
use crate::digest::{Digest, FieldHasher};
use crate::media::decode::PictureLimits;
use crate::media::file::read_whole;
use crate::media::pictures::{Format, PictureProblem};

/// Why there is no prepared picture.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The source can't be used.
    #[error(transparent)]
    Picture(#[from] PictureProblem),
    /// The source is not what was planned.
    #[error("it changed since it was planned (digest {found}, planned {expected})")]
    Changed {
        /// The first digits of its digest, as planned.
        expected: String,
        /// And as found.
        found: String,
    },
    /// The folder can't be written.
    #[error("prepared pictures can't be kept in {folder}: {why}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        why: io::Error,
    },
}

/// A folder of prepared pictures. Any number of threads and processes may use it at once.
#[derive(Debug)]
pub struct PreparedCache {
    folder: PathBuf,
    /// Held while a picture is made, so that of many jobs that want it, one makes it. Several
    /// pictures may share a lock; that costs a wait, never more.
    making: [Mutex<()>; 64],
}

/// Bytes after a picture: a digest over it and its sides, the sides, and a word that says what this is.
const TRAILER: usize = 32 + 4 + 4 + MARK.len();
const MARK: &[u8; 8] = b"KNRAprp1";

impl PreparedCache {
    /// A cache in a folder, which is made when something is kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        PreparedCache { folder: folder.into(), making: std::array::from_fn(|_| Mutex::new(())) }
    }

    /// The prepared picture: the source's own bytes, or what an earlier call made of them, or
    /// made now. Reads files and may decode: nothing for an async thread.
    ///
    /// # Errors
    /// The source can't be read, or has other bytes than `expected`; it can't be prepared; the
    /// folder can't be written.
    pub fn get_or_prepare(
        &self,
        source: &Path,
        expected: &Digest,
        recipe: &Recipe,
        limits: &PictureLimits,
    ) -> Result<Prepared, CacheError> {
        let bytes = read_whole(source, limits.bytes)?;
        let found = Digest::of(&bytes);
        if found != *expected {
            let (expected, found) = (expected.short(), found.short());
            return Err(CacheError::Changed { expected, found });
        }
        let Some(making) = recipe.making() else {
            return Ok(as_it_is(bytes)?);
        };
        let key = FieldHasher::new("prepared")
            .field(found.as_bytes())
            .field(recipe.id().as_bytes())
            .finish();
        let file = self.file_of(&key, making.format);
        let lock = &self.making[usize::from(key.as_bytes()[0]) % self.making.len()];
        // It guards no data: what a thread that panicked was making is made again.
        let _making = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = read_back(&file, making.format) {
            return Ok(kept);
        }
        let prepared = prepare(&bytes, recipe, limits)?;
        keep(&file, &prepared)
            .map_err(|why| CacheError::Folder { folder: self.folder.clone(), why })?;
        Ok(prepared)
    }

    /// `ab/cdef….jpg`: two digits for the folder, so that none gets a hundred thousand files.
    fn file_of(&self, key: &Digest, format: Format) -> PathBuf {
        let name = key.to_string();
        let ending = format.extension();
        self.folder.join(&name[..2]).join(format!("{}.{ending}", &name[2..]))
    }
}

/// What is kept, if it is whole. Anything else is as good as nothing.
fn read_back(file: &Path, format: Format) -> Option<Prepared> {
    let mut bytes = std::fs::read(file).ok()?;
    let trailer = bytes.split_off(bytes.len().checked_sub(TRAILER)?);
    let number = |at: usize| Some(u32::from_le_bytes(trailer.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (number(32)?, number(36)?);
    let prepared = Prepared { bytes, format, width, height };
    (trailer_of(&prepared) == trailer).then_some(prepared)
}

fn keep(file: &Path, prepared: &Prepared) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // In the same folder, so that the file appears whole or not at all; and for others to read,
    // as any file is.
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666))
    };
    let mut whole = builder.prefix(".preparing-").tempfile_in(folder)?;
    whole.write_all(&prepared.bytes)?;
    whole.write_all(&trailer_of(prepared))?;
    whole.persist(file).map_err(|e| e.error)?;
    Ok(())
}

fn trailer_of(prepared: &Prepared) -> Vec<u8> {
    let sides = [prepared.width.to_le_bytes(), prepared.height.to_le_bytes()].concat();
    let bytes = Digest::of(&prepared.bytes);
    let digest = FieldHasher::new("kept").field(bytes.as_bytes()).field(&sides).finish();
    [&digest.as_bytes()[..], &sides, MARK].concat()
}
