//! What sampling frames promises: the right frames, upright and in their colours, from whatever a
//! provider sends, by a child that can do no harm.
//!
//! `made/` holds clips that no crate here writes; its README says how they were made. The child is
//! the real program.

mod build;
mod child;
mod codecs;
mod ffmpeg;
mod hostile;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::RgbImage;
use kinora::media::encode::{ClipSpec, encode};
use kinora::media::frame::Frame;
use kinora::media::frames::{Bounds, Decoding, FramesProblem, Sampled, Wanted};
use tempfile::TempDir;

fn decoding() -> Decoding {
    Decoding::by(PathBuf::from(env!("CARGO_BIN_EXE_kinora")))
}

fn made(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames/made").join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(made(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn sampled(path: &Path) -> Result<Sampled, FramesProblem> {
    decoding().sample(path, Wanted::default())
}

/// Samples bytes that are written to a file first.
fn sampled_bytes(bytes: &[u8]) -> Result<Sampled, FramesProblem> {
    let folder = tempfile::tempdir().expect("a folder");
    sampled(&written(&folder, bytes))
}

fn written(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("clip.mp4");
    std::fs::write(&path, bytes).expect("it is written");
    path
}

/// Which frame a picture shows, by its light: luma is 16 + 4n.
fn shown(picture: &RgbImage) -> u64 {
    let pixel = picture.get_pixel(picture.width() * 3 / 4, picture.height() * 3 / 4);
    assert!(pixel.0.iter().all(|c| c.abs_diff(pixel.0[0]) <= 2), "it is grey: {pixel:?}");
    (f64::from(pixel.0[1]) * 219.0 / 255.0 / 4.0).round() as u64
}

fn is_red(pixel: &image::Rgb<u8>) -> bool {
    pixel.0[0] > 180 && pixel.0[1] < 80 && pixel.0[2] < 80
}

/// A clip by the program's own writer, in which frame `n` has the luma 16 + 4n, up to 50 frames.
fn own_clip(frames: u32, width: u32, height: u32) -> Vec<u8> {
    let spec = ClipSpec { width, height, fps: 24, frames };
    encode(&spec, &|index, frame: &mut Frame| {
        frame.y.fill(16 + 4 * (index % 50) as u8);
        true
    })
    .expect("a clip")
}

/// Frames in order, within the clip, each showing what its index says.
fn check(sampled: &Sampled) {
    for pair in sampled.samples.windows(2) {
        assert!(pair[0].index < pair[1].index && pair[0].at_ms < pair[1].at_ms);
    }
    for sample in &sampled.samples {
        assert_eq!(shown(&sample.picture), sample.index % 50, "at {} ms", sample.at_ms);
    }
}

/// Whatever comes of it comes soon.
fn soon<T>(what: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let made = what();
    // A machine under load is slow, and a hang never ends.
    assert!(began.elapsed() < Duration::from_secs(120), "it took {:?}", began.elapsed());
    made
}

fn small_bounds() -> Bounds {
    Bounds { wall: Duration::from_secs(100), cpu_seconds: 30, ..Bounds::default() }
}
