//! Measures that were made before, by the digest of the picture's bytes and the version of the
//! measures. Nothing is ever lost with this file but time.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::measure::{MEASURES_VERSION, Measures};
use crate::digest::Digest;

/// Where they are, beside the ledger.
const FILE: &str = ".kinora/measures.jsonl.zst";

/// Measures by digest.
#[derive(Debug, Default)]
pub struct Kept {
    by_digest: HashMap<Digest, Arc<Measures>>,
}

/// They could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}", file = .file.display())]
pub struct KeptProblem {
    file: PathBuf,
    why: std::io::Error,
}

#[derive(Serialize, Deserialize)]
struct Head {
    kinora_measures: u32,
}

#[derive(Serialize, Deserialize)]
struct Line {
    digest: Digest,
    measures: Arc<Measures>,
}

impl Kept {
    /// What is there; nothing where there is no file, or one of another version, or a damaged one.
    pub fn load(workspace: &Path) -> Self {
        Kept::read(&workspace.join(FILE)).unwrap_or_default()
    }

    fn read(file: &Path) -> Option<Self> {
        let unpacked = zstd::Decoder::new(std::fs::File::open(file).ok()?).ok()?;
        let mut lines = BufReader::new(unpacked).lines();
        let head: Head = serde_json::from_str(&lines.next()?.ok()?).ok()?;
        if head.kinora_measures != MEASURES_VERSION {
            return None;
        }
        let mut by_digest = HashMap::new();
        for line in lines {
            let Line { digest, measures } = serde_json::from_str(&line.ok()?).ok()?;
            by_digest.insert(digest, measures);
        }
        Some(Kept { by_digest })
    }

    /// The measures of a picture.
    pub fn get(&self, digest: &Digest) -> Option<&Arc<Measures>> {
        self.by_digest.get(digest)
    }

    /// Keeps measures instead of whatever was kept, so that pictures that left go.
    ///
    /// # Errors
    /// The folder or the file can't be written.
    pub fn store<'m>(
        workspace: &Path,
        measures: impl Iterator<Item = (Digest, &'m Arc<Measures>)>,
    ) -> Result<(), KeptProblem> {
        let file = workspace.join(FILE);
        let folder = file.parent().unwrap_or(workspace);
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder)?;
            let mut whole = tempfile::Builder::new().prefix(".measures-").tempfile_in(folder)?;
            let mut packed = zstd::Encoder::new(&mut whole, 3)?;
            serde_json::to_writer(&mut packed, &Head { kinora_measures: MEASURES_VERSION })?;
            for (digest, measures) in measures {
                packed.write_all(b"\n")?;
                serde_json::to_writer(&mut packed, &Line { digest, measures: measures.clone() })?;
            }
            packed.finish()?;
            whole.persist(&file).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|why| KeptProblem { file: file.clone(), why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::measure::measure;
    use crate::media::decode::Pixels;
    use image::{Rgba, RgbaImage};

    fn some() -> (Digest, Arc<Measures>) {
        let image = RgbaImage::from_fn(64, 64, |x, y| Rgba([(x * 3) as u8, (y * 3) as u8, 9, 255]));
        (Digest::of(b"some"), Arc::new(measure(&Pixels { image, has_alpha: false })))
    }

    #[test]
    fn what_is_kept_is_found_again_and_the_rest_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (digest, measures) = some();
        assert!(Kept::load(folder.path()).get(&digest).is_none());
        Kept::store(folder.path(), [(digest, &measures)].into_iter()).expect("it is written");
        assert_eq!(Kept::load(folder.path()).get(&digest), Some(&measures));
        Kept::store(folder.path(), [].into_iter()).expect("it is written");
        assert!(Kept::load(folder.path()).get(&digest).is_none());
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let (digest, measures) = some();
        Kept::store(folder.path(), [(digest, &measures)].into_iter()).expect("it is written");
        let file = folder.path().join(FILE);
        let whole = std::fs::read(&file).expect("it is there");
        for broken in [&whole[..whole.len() / 2], b"", b"measures"] {
            std::fs::write(&file, broken).expect("it is written");
            assert!(Kept::load(folder.path()).get(&digest).is_none());
        }
    }
}
