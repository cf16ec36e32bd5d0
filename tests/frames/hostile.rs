//! Clips that were cut short, that lie, or that mean harm: frames or a named error, soon.

use kinora::media::clip::ClipProblem;

use super::build::{Track, file, find, group};
use super::*;

/// Numbers that look like chance and are the same every time.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    }
}

/// Whatever came of a clip that was tampered with: frames within what was asked for, or an error
/// that is about the clip.
fn bearable(made: &Result<Sampled, FramesProblem>) {
    match made {
        Ok(sampled) => assert!(sampled.samples.len() + sampled.lost_ms.len() <= 14),
        Err(
            FramesProblem::Clip(_)
            | FramesProblem::NotInspected(_)
            | FramesProblem::Undecodable(_)
            | FramesProblem::OutOfMemory(_)
            | FramesProblem::TooLong(_)
            // It is what the child is for.
            | FramesProblem::Crashed(_),
        ) => {}
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_no_clip_is_told_as_everywhere_else() {
    let problem = |bytes: &[u8]| sampled_bytes(bytes).expect_err("no clip");
    assert_eq!(problem(b""), ClipProblem::Empty.into());
    assert_eq!(
        problem(b"{\"error\": 1}").to_string(),
        "it is no MP4 video: it is JSON, probably an error message"
    );
    let missing = sampled(Path::new("/no/such/clip.mp4")).expect_err("there is none");
    assert_eq!(missing, ClipProblem::Missing.into());
    let folder = sampled(Path::new("/")).expect_err("a folder");
    assert_eq!(folder, ClipProblem::Unreadable("it is no file".to_owned()).into());
}

#[test]
fn a_clip_cut_short_is_told_and_never_shown_in_part() {
    let bytes = own_clip(48, 64, 48);
    for part in [1, 5, 9, 12, 15] {
        let problem = sampled_bytes(&bytes[..bytes.len() * part / 16]).expect_err("cut short");
        let told = matches!(&problem, FramesProblem::Clip(ClipProblem::CutShort(_)));
        assert!(told, "{part}/16: {problem}");
    }
}

#[test]
fn bytes_that_changed_anywhere_do_no_harm() {
    for name in ["b_frames.mp4", "fragments.mp4", "av01.mp4"] {
        let whole = read(name);
        for seed in 1..25 {
            let mut dice = dice(seed);
            let mut bytes = whole.clone();
            for _ in 0..1 + dice(4) {
                let at = dice(bytes.len());
                bytes[at] = dice(256) as u8;
            }
            bearable(&soon(|| sampled_bytes(&bytes)));
        }
    }
}

#[test]
fn garbage_in_frames_loses_what_refers_to_it_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    // Four groups of thirty frames.
    let whole = own_clip(120, 64, 48);
    let data = find(&whole, b"mdat");
    for seed in 1..9 {
        let mut dice = dice(seed);
        let mut bytes = whole.clone();
        let begin = data.start + data.len() * 2 / 5;
        for byte in &mut bytes[begin..begin + 300] {
            *byte = dice(256) as u8;
        }
        let made = soon(|| sampled(&written(&folder, &bytes)));
        bearable(&made);
        let sampled = made.expect("the other groups are whole");
        assert_eq!(sampled.samples.len() + sampled.lost_ms.len(), 14);
        let ends = [sampled.samples[0].index, sampled.samples[sampled.samples.len() - 1].index];
        assert_eq!(ends, [0, 119], "seed {seed}");
        assert!(!sampled.lost_ms.is_empty(), "seed {seed}");
        for sample in sampled.samples.iter().filter(|s| !(30..90).contains(&s.index)) {
            assert_eq!(shown(&sample.picture), sample.index % 50, "seed {seed}");
        }
    }
    // And if all is garbage, there is no clip.
    let mut bytes = whole.clone();
    let mut dice = dice(7);
    bytes[data].iter_mut().for_each(|byte| *byte = dice(256) as u8);
    let problem = sampled_bytes(&bytes).expect_err("nothing is left");
    assert!(matches!(problem, FramesProblem::Undecodable(_)), "{problem}");
}

#[test]
fn a_clip_of_no_frames_is_told() {
    let (avcc, frames) = group(1, 32, 32);
    let none = file(&frames[0], |at| {
        vec![Track {
            id: 1,
            size: (32, 32),
            avcc: avcc.clone(),
            sizes: Vec::new(),
            chunks: vec![at],
            per_chunk: 1,
            keys: Vec::new(),
        }]
    });
    let problem = sampled_bytes(&none).expect_err("no frames");
    assert_eq!(problem.to_string(), "it is damaged: it has no frames");
}

#[test]
fn the_smallest_clip_is_a_clip() {
    let sampled = sampled(&made("tiny.mp4")).expect("frames");
    assert_eq!(sampled.samples.len(), 12);
    assert_eq!(sampled.samples[11].picture.dimensions(), (2, 2));
}

#[test]
fn the_size_in_the_headers_may_lie() {
    let (avcc, frames) = group(24, 64, 48);
    for size in [(1, 1), (8192, 8192), (0, 0), (65_535, 1)] {
        let lying = repeated(&avcc, &frames, 1, size, &[1]);
        let sampled = sampled_bytes(&lying).expect("the stream knows better");
        check(&sampled);
        assert_eq!(sampled.samples[0].picture.dimensions(), (64, 48), "{size:?}");
    }
}

/// The same group so many times, as one chunk each; all chunks are the same bytes.
fn repeated(
    avcc: &[u8],
    frames: &[Vec<u8>],
    times: u32,
    size: (u16, u16),
    keys: &[u32],
) -> Vec<u8> {
    let sizes: Vec<u32> = frames.iter().map(|frame| frame.len() as u32).collect();
    file(&frames.concat(), |at| {
        vec![Track {
            id: 1,
            size,
            avcc: avcc.to_vec(),
            sizes: sizes.repeat(times as usize),
            chunks: vec![at; times as usize],
            per_chunk: frames.len() as u32,
            keys: keys.to_vec(),
        }]
    })
}

#[test]
fn a_clip_of_an_hour_is_sampled_from_its_first_frame_to_its_last() {
    let (avcc, frames) = group(24, 64, 48);
    let keys: Vec<u32> = (0..3600).map(|n| n * 24 + 1).collect();
    let hour = repeated(&avcc, &frames, 3600, (64, 48), &keys);
    let sampled = soon(|| sampled_bytes(&hour)).expect("frames");
    assert_eq!((sampled.facts.frames, sampled.facts.duration_ms), (86_400, 3_600_000));
    let ends = (sampled.samples[0].index, sampled.samples[13].index, sampled.samples[13].at_ms);
    assert_eq!(ends, (0, 86_399, 3_599_958));
    for sample in &sampled.samples {
        assert_eq!(shown(&sample.picture), sample.index % 24);
    }
}

#[test]
fn key_frames_that_are_not_listed_are_found() {
    let (avcc, frames) = group(24, 64, 48);
    let minute = repeated(&avcc, &frames, 60, (64, 48), &[1]);
    let sampled = soon(|| sampled_bytes(&minute)).expect("frames");
    assert_eq!(sampled.samples.len(), 14);
    for sample in &sampled.samples {
        assert_eq!(shown(&sample.picture), sample.index % 24);
    }
}

#[test]
fn frames_that_refer_to_what_is_not_there_are_lost() {
    let (avcc, frames) = group(24, 64, 48);
    // Never a key frame again, and each frame says that it is the second.
    let chain = [&frames[..2], &vec![frames[1].clone(); 400]].concat();
    let made = soon(|| sampled_bytes(&repeated(&avcc, &chain, 1, (64, 48), &[1])));
    bearable(&made);
    assert_eq!(made.expect("the first frame is whole").samples[0].index, 0);
}

#[test]
fn thousands_of_tracks_are_a_clip_like_any_other() {
    let (avcc, frames) = group(24, 64, 48);
    let sizes: Vec<u32> = frames.iter().map(|frame| frame.len() as u32).collect();
    let many = file(&frames.concat(), |at| {
        let track = |id| Track {
            id,
            size: (64, 48),
            avcc: avcc.clone(),
            sizes: sizes.clone(),
            chunks: vec![at],
            per_chunk: 24,
            keys: vec![1],
        };
        (1..=5000).map(track).collect()
    });
    let made = soon(|| sampled_bytes(&many));
    check(&made.expect("the first of them is shown"));
}

#[test]
fn an_index_of_millions_of_frames_ends_in_frames_or_in_an_error() {
    let (avcc, _) = group(1, 32, 32);
    let data = vec![0x55; 3_000_000];
    let many = file(&data, |at| {
        vec![Track {
            id: 1,
            size: (32, 32),
            avcc: avcc.clone(),
            sizes: vec![1; 3_000_000],
            chunks: vec![at],
            per_chunk: 3_000_000,
            keys: vec![1],
        }]
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = written(&folder, &many);
    let made = soon(|| decoding().within(small_bounds()).sample(&path, Wanted::default()));
    bearable(&made);
    assert!(made.is_err());
}
