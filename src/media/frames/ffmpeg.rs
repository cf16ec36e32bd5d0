//! An installed ffmpeg, for codecs that nothing here decodes: in a child with the same limits.
//!
//! The child limits itself and becomes ffmpeg, so that the limits hold for it. No shell; nothing but
//! files is opened, and those only as MP4, so that a playlist in disguise leads nowhere. What never
//! lives here: whether ffmpeg may be used.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::RgbImage;

use super::answer::Plan;
use super::child::Request;
use super::{Decoder, FramesProblem, Sample, Sampled, Wanted};
use crate::environment::Environment;

/// Bytes of the header of one picture, at most.
const MOST_OF_HEADER: usize = 32;

/// Where ffmpeg is installed, by `PATH`; folders that are not named from the root are passed over.
pub fn find(environment: &dyn Environment) -> Option<PathBuf> {
    let path = environment.get("PATH")?;
    let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    let mut folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.find_map(|folder| Some(folder.join(&name)).filter(|file| file.is_file()))
}

/// Puts ffmpeg in the place of this process. Returns only if that fails.
pub(super) fn become_it(program: &Path, clip: &Path, request: &Request) -> std::io::Error {
    let mut command = command(program, clip, request);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.exec()
    }
    #[cfg(not(unix))]
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

fn command(program: &Path, clip: &Path, request: &Request) -> Command {
    let mut input = std::ffi::OsString::from("file:");
    input.push(clip);
    let mut command = Command::new(program);
    command
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"])
        .args(["-protocol_whitelist", "file", "-f", "mov", "-ignore_editlist", "1", "-i"])
        .arg(input)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn", "-filter_threads", "1", "-vf"])
        .arg(filter(request))
        .args(["-fps_mode", "passthrough", "-c:v", "ppm", "-pix_fmt", "rgb24"])
        .args(["-threads", "1", "-f", "image2pipe", "pipe:1"]);
    command
}

/// The wanted frames, with square pixels, made small; it turns them upright by itself.
fn filter(Request { wanted, places, .. }: &Request) -> String {
    let places: Vec<String> = places.iter().map(|n| format!("eq(n\\,{n})")).collect();
    let side = wanted.longest_side;
    format!(
        "select={},scale=w=max(iw*sar\\,iw):h=max(ih/sar\\,ih),setsar=1,\
         scale=w=min({side}\\,iw):h=min({side}\\,ih):force_original_aspect_ratio=decrease",
        places.join("+")
    )
}

/// Reads what it gives: pictures as PPM, one behind the other.
///
/// # Errors
/// [`FramesProblem::Answer`]: it is something else; [`FramesProblem::Undecodable`]: pictures are
/// missing.
pub fn read(bytes: &[u8], wanted: Wanted, plan: Plan) -> Result<Sampled, FramesProblem> {
    let mut samples = Vec::with_capacity(plan.frames.len());
    let mut rest = bytes;
    for (index, at_ms) in &plan.frames {
        if rest.is_empty() {
            let what = format!("ffmpeg gives {} of {} frames", samples.len(), plan.frames.len());
            return Err(FramesProblem::Undecodable(what));
        }
        let (picture, after) = picture(rest, wanted.longest_side)
            .ok_or_else(|| FramesProblem::Answer("what ffmpeg gives is no picture".to_owned()))?;
        samples.push(Sample { index: *index, at_ms: *at_ms, picture });
        rest = after;
    }
    if !rest.is_empty() {
        return Err(FramesProblem::Answer("ffmpeg gives more frames than it should".to_owned()));
    }
    let Plan { facts, .. } = plan;
    Ok(Sampled { facts, decoder: Decoder::Ffmpeg, samples, lost_ms: Vec::new(), notes: Vec::new() })
}

/// One picture, and what is behind it.
fn picture(bytes: &[u8], longest: u32) -> Option<(RgbImage, &[u8])> {
    // `P6`, width, height and 255, with a line break or a blank between.
    let head = &bytes[..bytes.len().min(MOST_OF_HEADER)];
    let mut words = head.split(u8::is_ascii_whitespace);
    let mut length = 0;
    let mut next = || {
        let word = words.next()?;
        length += word.len() + 1;
        std::str::from_utf8(word).ok()
    };
    if next()? != "P6" {
        return None;
    }
    let (width, height): (u32, u32) = (next()?.parse().ok()?, next()?.parse().ok()?);
    if next()? != "255" || !(1..=longest).contains(&width) || !(1..=longest).contains(&height) {
        return None;
    }
    let pixels = width as usize * height as usize * 3;
    let (own, rest) = bytes.get(length..)?.split_at_checked(pixels)?;
    Some((RgbImage::from_raw(width, height, own.to_vec())?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::clip::ClipFacts;

    fn plan(frames: &[(u64, u64)]) -> Plan {
        let facts = ClipFacts {
            codec: "hev1".to_owned(),
            width: 4,
            height: 2,
            duration_ms: 100,
            frames: 3,
            fps: 30.0,
            bytes: 100,
        };
        Plan { codec: "hev1".to_owned(), facts, frames: frames.to_vec() }
    }

    #[test]
    fn pictures_are_read_one_after_the_other() {
        let wanted = Wanted { samples: 3, longest_side: 16 };
        let one = [&b"P6\n2 1\n255\n"[..], &[1, 2, 3, 4, 5, 6]].concat();
        let two = [one.clone(), one.clone()].concat();
        let sampled = read(&two, wanted, plan(&[(0, 0), (2, 66)])).expect("two pictures");
        assert_eq!(sampled.samples[1].picture.as_raw(), &[1, 2, 3, 4, 5, 6]);
        assert_eq!(sampled.samples[1].at_ms, 66);
        let few = read(&one, wanted, plan(&[(0, 0), (2, 66)])).expect_err("one is missing");
        assert_eq!(few.to_string(), "its frames can't be decoded: ffmpeg gives 1 of 2 frames");
        assert!(read(&two, wanted, plan(&[(0, 0)])).is_err(), "one too many");
        for length in 1..one.len() {
            assert!(read(&one[..length], wanted, plan(&[(0, 0)])).is_err(), "cut to {length}");
        }
        for wrong in
            ["P6\n17 1\n255\n", "P6\n0 1\n255\n", "P5\n2 1\n255\n", "P6\n2 1\n65535\n", "P6"]
        {
            let bytes = [wrong.as_bytes(), &[0; 600]].concat();
            assert!(read(&bytes, wanted, plan(&[(0, 0)])).is_err(), "{wrong}");
        }
    }
}
