//! An installed ffmpeg decodes the rest, where it may. Skipped where there is none.

use kinora::environment::ProcessEnvironment;
use kinora::media::frames::{Decoder, find_ffmpeg};

use super::*;

fn by_ffmpeg(name: &str) -> Option<Result<Sampled, FramesProblem>> {
    let ffmpeg = find_ffmpeg(&ProcessEnvironment);
    if ffmpeg.is_none() {
        println!("skipped: no ffmpeg is installed");
        return None;
    }
    // Its libraries alone are hundreds of megabytes of address space.
    let bounds = Bounds { memory: 1 << 30, ..small_bounds() };
    Some(decoding().with_ffmpeg(ffmpeg).within(bounds).sample(&made(name), Wanted::default()))
}

#[test]
fn it_decodes_what_the_program_does_not() {
    for name in ["hev1.mp4", "vp09.mp4", "mp4v.mp4", "ten_bits.mp4", "interlaced.mp4"] {
        let Some(sampled) = by_ffmpeg(name) else { return };
        let sampled = sampled.expect(name);
        assert_eq!(sampled.decoder, Decoder::Ffmpeg);
        check(&sampled);
        assert_eq!(sampled.samples[0].index, 0, "{name}");
        assert_eq!(sampled.samples[sampled.samples.len() - 1].index, sampled.facts.frames - 1);
    }
}

#[test]
fn it_is_not_asked_for_what_the_program_decodes() {
    let Some(sampled) = by_ffmpeg("b_frames.mp4") else { return };
    assert_eq!(sampled.expect("frames").decoder, Decoder::Own);
}

#[test]
fn what_is_too_large_for_it_is_an_error() {
    let Some(made) = by_ffmpeg("huge.mp4") else { return };
    match made {
        Ok(sampled) => assert_eq!(sampled.samples[0].picture.dimensions(), (640, 640)),
        Err(problem) => assert!(
            matches!(problem, FramesProblem::OutOfMemory(_) | FramesProblem::Undecodable(_)),
            "{problem}"
        ),
    }
}
