//! Probing: what a picture file is, by its bytes, in one read.
//!
//! What lives here: the facts of a file, for one or for a whole table. What never does: reading
//! and recognising files (that is `file`), what headers say (`header`), decoding pixels, what a picture is for, the
//! cache of facts itself (the ledger keeps it).

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use super::file::{check_whole, read_whole, recognise};
use super::header::{self, Header};
use super::pictures::{Facts, Picture, PictureProblem, PictureTable, Stamp};
use crate::digest::Digest;
use crate::limits::Limits;

/// What probing a table did.
#[derive(Debug, Clone, Default)]
pub struct Probed {
    /// Files that were read now.
    pub read: u64,
    /// Files whose facts came from the cache.
    pub cached: u64,
    /// What the cache should learn: path, stamp and facts of every file that was read and is
    /// sound. Problems are not cached, because a person is about to mend them.
    pub fresh: Vec<(Box<str>, Stamp, Facts)>,
}

/// Facts of pictures by path, each with the stamp of the file they are about.
pub type PictureCache = HashMap<Box<str>, (Stamp, Facts)>;

/// Probes every picture of the table, in parallel. A picture whose stamp equals the cached one
/// is not opened. Paths are relative to `workspace`.
pub fn probe_all(
    table: &mut PictureTable,
    workspace: &Path,
    cached: &PictureCache,
    limits: &Limits,
) -> Probed {
    table
        .items_mut()
        .par_iter_mut()
        .fold(Probed::default, |mut done, picture| {
            if picture.is_awaited() {
                picture.facts = Some(Err(PictureProblem::NotFetched));
                return done;
            }
            let known = cached
                .get(&picture.path)
                .filter(|(stamp, facts)| Some(*stamp) == picture.stamp && fits(facts, limits));
            if let Some((_, facts)) = known {
                picture.facts = Some(as_locked(picture, facts.clone()));
                done.cached += 1;
                return done;
            }
            let facts = probe(&workspace.join(&*picture.path), limits);
            done.read += 1;
            if let (Some(stamp), Ok(facts)) = (picture.stamp, &facts) {
                done.fresh.push((picture.path.clone(), stamp, facts.clone()));
            }
            picture.facts = Some(facts.and_then(|facts| as_locked(picture, facts)));
            done
        })
        .reduce(Probed::default, |mut a, b| {
            a.read += b.read;
            a.cached += b.cached;
            a.fresh.extend(b.fresh);
            a
        })
}

/// The facts of a picture, if they are about the bytes that the lock file names for its URL.
fn as_locked(picture: &Picture, facts: Facts) -> Result<Facts, PictureProblem> {
    match &picture.source {
        Some(source) if source.locked != Some(facts.digest) => Err(PictureProblem::NotFetched),
        _ => Ok(facts),
    }
}

/// Whether known facts are within limits, which may be lower than when they were found. What is
/// not is looked at again, for the error that says so.
fn fits(facts: &Facts, limits: &Limits) -> bool {
    let pixels = u64::from(facts.width) * u64::from(facts.height);
    facts.bytes <= limits.picture_bytes && pixels <= limits.picture_pixels
}

/// Probes one file.
///
/// # Errors
/// Why the picture can't be used: missing, unreadable, no picture, damaged, or beyond
/// `picture_bytes` or `picture_pixels`.
pub fn probe(path: &Path, limits: &Limits) -> Result<Facts, PictureProblem> {
    let bytes = read_whole(path, limits.picture_bytes)?;
    let format = recognise(&bytes)?;
    check_whole(format, &bytes)?;
    let header = header::read(format, &bytes)?;
    let (width, height) = header.upright();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.picture_pixels {
        return Err(PictureProblem::TooLarge {
            what: format!("{width}x{height} is {pixels} pixels, above {}", limits.picture_pixels),
            limit: "picture_pixels",
        });
    }
    let Header { orientation, traits, .. } = header;
    let (digest, bytes) = (Digest::of(&bytes), bytes.len() as u64);
    Ok(Facts { digest, bytes, format, width, height, orientation, traits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Format, Orientation};
    use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
    use image::{ExtendedColorType, ImageEncoder, ImageResult};
    use tempfile::TempDir;

    const PIXELS: [u8; 40 * 20 * 3] = [90; 40 * 20 * 3];

    fn encoded(write: impl FnOnce(&mut Vec<u8>) -> ImageResult<()>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes).expect("it encodes");
        bytes
    }

    fn jpeg(exif: Option<&[u8]>) -> Vec<u8> {
        encoded(|out| {
            let mut encoder = JpegEncoder::new(out);
            if let Some(exif) = exif {
                encoder.set_exif_metadata(exif.to_vec()).expect("JPEG takes EXIF");
            }
            encoder.write_image(&PIXELS, 40, 20, ExtendedColorType::Rgb8)
        })
    }

    fn png() -> Vec<u8> {
        encoded(|out| PngEncoder::new(out).write_image(&PIXELS, 40, 20, ExtendedColorType::Rgb8))
    }

    fn webp() -> Vec<u8> {
        encoded(|out| {
            WebPEncoder::new_lossless(out).encode(&PIXELS, 40, 20, ExtendedColorType::Rgb8)
        })
    }

    /// EXIF with an orientation, then `after` (a thumbnail, say).
    fn exif(orientation: u8, after: &[u8]) -> Vec<u8> {
        let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
        exif.extend_from_slice(after);
        exif
    }

    fn probed(bytes: &[u8]) -> Result<Facts, PictureProblem> {
        limited(bytes, &Limits::default())
    }

    fn limited(bytes: &[u8], limits: &Limits) -> Result<Facts, PictureProblem> {
        let folder = TempDir::new().expect("a folder");
        // The name says nothing; the bytes do.
        let path = folder.path().join("picture.txt");
        std::fs::write(&path, bytes).expect("it is written");
        probe(&path, limits)
    }

    #[test]
    fn formats_are_known_by_their_bytes() {
        for (bytes, format) in
            [(jpeg(None), Format::Jpeg), (png(), Format::Png), (webp(), Format::Webp)]
        {
            let facts = probed(&bytes).expect("a picture");
            assert_eq!((facts.format, facts.width, facts.height), (format, 40, 20));
            assert_eq!((facts.digest, facts.bytes), (Digest::of(&bytes), bytes.len() as u64));
        }
    }

    #[test]
    fn size_is_upright_whatever_the_camera_stored() {
        let facts = probed(&jpeg(Some(&exif(6, b"")))).expect("a picture");
        assert_eq!((facts.width, facts.height, facts.orientation), (20, 40, Orientation(6)));
    }

    #[test]
    fn a_file_that_was_not_copied_whole_is_damaged() {
        let thumbnail = exif(1, &[0xFF, 0xD9]);
        for bytes in [jpeg(None), jpeg(Some(&thumbnail)), png(), webp()] {
            for length in [bytes.len() - 2, bytes.len() * 3 / 4] {
                let problem = probed(&bytes[..length]).expect_err("cut short");
                assert!(matches!(problem, PictureProblem::Damaged(_)), "{problem}");
            }
        }
    }

    #[test]
    fn bytes_after_the_end_do_no_harm() {
        let padded = [jpeg(None), vec![0; 5000]].concat();
        assert!(probed(&padded).is_ok());
    }

    #[test]
    fn what_is_no_picture_is_said() {
        for (bytes, says) in [
            (&b""[..], "empty"),
            (b"%PDF-1.7", "PDF"),
            (b"  <svg/>", "SVG"),
            (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        ] {
            let problem = probed(bytes).expect_err("no picture").to_string();
            assert!(problem.contains(says), "{problem}");
        }
        let missing = probe(Path::new("there/is/no.jpg"), &Limits::default());
        assert_eq!(missing, Err(PictureProblem::Missing));
        assert!(probe(Path::new("."), &Limits::default()).is_err());
    }

    #[test]
    fn limits_are_named() {
        let bytes = Limits { picture_bytes: 100, ..Limits::default() };
        let pixels = Limits { picture_pixels: 799, ..Limits::default() };
        for (limits, name) in [(bytes, "picture_bytes"), (pixels, "picture_pixels")] {
            let problem = limited(&png(), &limits).expect_err("above the limit");
            assert!(matches!(problem, PictureProblem::TooLarge { limit, .. } if limit == name));
        }
    }

    #[test]
    fn a_picture_whose_stamp_is_known_is_not_read() {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("a.png"), png()).expect("it is written");
        let stamp = Stamp { size: 1, mtime_ns: 2, inode: 3 };
        let table = || {
            let mut table = PictureTable::default();
            for path in ["a.png", "gone.png"] {
                table.enter(path);
            }
            table.items_mut().iter_mut().for_each(|picture| picture.stamp = Some(stamp));
            table
        };
        let limits = Limits::default();
        let first = probe_all(&mut table(), folder.path(), &PictureCache::new(), &limits);
        assert_eq!((first.read, first.cached, first.fresh.len()), (2, 0, 1));
        let facts = first.fresh[0].2.clone();
        let cache: PictureCache =
            ["a.png", "gone.png"].map(|path| (path.into(), (stamp, facts.clone()))).into();
        let mut again = table();
        let second = probe_all(&mut again, folder.path(), &cache, &limits);
        // The second file isn't there: only the cache can have answered.
        assert_eq!((second.read, second.cached), (0, 2));
        let other = Stamp { mtime_ns: 3, ..stamp };
        again.items_mut()[0].stamp = Some(other);
        assert_eq!(probe_all(&mut again, folder.path(), &cache, &limits).read, 1);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut random = fastrand::Rng::with_seed(7);
        for start in [jpeg(None), png(), webp()] {
            for _ in 0..300 {
                let mut bytes = start.clone();
                for _ in 0..4 {
                    let at = random.usize(..bytes.len());
                    bytes[at] = random.u8(..);
                }
                let _ = probed(&bytes);
            }
        }
    }
}
