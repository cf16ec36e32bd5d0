//! Clips as they should be: each sample is the frame that it says, as a player shows it.

use super::*;
use kinora::media::frames::Decoder;

#[test]
fn samples_go_from_the_first_frame_to_the_last() {
    let sampled = sampled_bytes(&own_clip(48, 64, 48)).expect("frames");
    check(&sampled);
    assert_eq!(sampled.samples.len(), 14);
    assert_eq!(sampled.samples[0].index, 0);
    assert_eq!(sampled.samples[13].index, 47);
    assert_eq!(sampled.samples[13].at_ms, 1958);
    assert_eq!(sampled.decoder, Decoder::Own);
    assert_eq!((sampled.facts.frames, sampled.facts.duration_ms), (48, 2000));
    assert!(sampled.lost_ms.is_empty() && sampled.notes.is_empty());
}

#[test]
fn samples_are_as_many_and_as_large_as_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = written(&folder, &own_clip(48, 320, 180));
    for (samples, longest_side, count, size) in
        [(2, 64, 2, (64, 36)), (48, 16, 48, (16, 9)), (64, 2048, 48, (320, 180))]
    {
        let wanted = Wanted { samples, longest_side };
        let sampled = decoding().sample(&path, wanted).expect("frames");
        check(&sampled);
        assert_eq!(sampled.samples.len(), count);
        assert!(sampled.samples.iter().all(|s| s.picture.dimensions() == size));
    }
}

#[test]
fn a_poster_shows_the_clip() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = written(&folder, &own_clip(48, 320, 180));
    let poster = decoding().poster(&path).expect("a poster");
    let picture = image::load_from_memory(&poster).expect("a JPEG").to_rgb8();
    assert_eq!(picture.dimensions(), (320, 180));
    let all = decoding().sample(&path, Wanted { samples: 48, longest_side: 320 }).expect("frames");
    let apart = |other: &image::RgbImage| {
        let pairs = picture.iter().zip(other.iter());
        pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>() / picture.len() as u64
    };
    assert!(all.samples.iter().any(|s| apart(&s.picture) < 6), "it is none of its frames");
    assert_eq!(decoding().poster(&path).expect("a poster"), poster);
    assert!(is_red(red_poster().get_pixel(10, 10)));
    let problem = decoding().poster(&made("hev1.mp4")).expect_err("not decoded");
    assert!(problem.to_string().starts_with("not inspected: "), "{problem}");
}

fn red_poster() -> image::RgbImage {
    let poster = decoding().poster(&made("av01.mp4")).expect("a poster");
    image::load_from_memory(&poster).expect("a JPEG").to_rgb8()
}

#[test]
fn the_same_clip_gives_the_same_frames() {
    assert_eq!(sampled(&made("b_frames.mp4")), sampled(&made("b_frames.mp4")));
}

#[test]
fn frames_that_are_coded_out_of_order_come_in_the_order_in_which_they_are_shown() {
    for name in ["b_frames.mp4", "fragments.mp4"] {
        let sampled = sampled(&made(name)).expect(name);
        check(&sampled);
        assert_eq!(sampled.samples.len(), 14, "{name}");
        assert_eq!(sampled.samples[13].index, 47, "{name}");
        let all = Wanted { samples: 64, ..Wanted::default() };
        let all = decoding().sample(&made(name), all).expect(name);
        check(&all);
        assert_eq!(all.samples.len(), 48, "{name}");
    }
}

#[test]
fn av1_is_decoded() {
    let sampled = sampled(&made("av01.mp4")).expect("frames");
    check(&sampled);
    assert_eq!(sampled.samples.len(), 14);
    assert!(is_red(sampled.samples[5].picture.get_pixel(10, 10)));
}

#[test]
fn clips_lying_on_their_side_stand() {
    let sampled = sampled(&made("turned.mp4")).expect("frames");
    check(&sampled);
    let picture = &sampled.samples[0].picture;
    assert_eq!(picture.dimensions(), (48, 64));
    assert!(is_red(picture.get_pixel(36, 16)), "the red corner is at the upper right");
    assert!(!is_red(picture.get_pixel(12, 16)));
}

#[test]
fn pixels_become_square() {
    let sampled = sampled(&made("anamorphic.mp4")).expect("frames");
    check(&sampled);
    assert_eq!(sampled.samples[0].picture.dimensions(), (96, 48));
}

#[test]
fn colours_are_read_by_the_matrix_and_the_range_that_the_stream_names() {
    // By BT.601, limited: luma 81, chroma 90 and 240 are pure red; in full range a weaker one.
    let limited = sampled(&made("b_frames.mp4")).expect("frames");
    let full = sampled(&made("full_range.mp4")).expect("frames");
    let corner = |sampled: &Sampled| sampled.samples[0].picture.get_pixel(10, 10).0;
    let near = |pixel: [u8; 3], wanted: [u8; 3]| {
        assert!(pixel.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 4), "{pixel:?} {wanted:?}");
    };
    near(corner(&limited), [254, 0, 0]);
    near(corner(&full), [238, 14, 14]);
    // And luma 16 is no black there.
    assert_eq!(full.samples[0].picture.get_pixel(50, 40).0, [16, 16, 16]);
}

#[test]
fn frames_may_change_their_size() {
    let sampled = sampled(&made("resized.mp4")).expect("frames");
    let sizes: Vec<(u32, u32)> = sampled.samples.iter().map(|s| s.picture.dimensions()).collect();
    assert_eq!(sizes.first(), Some(&(64, 48)));
    assert_eq!(sizes.last(), Some(&(96, 80)));
    for sample in &sampled.samples {
        assert_eq!(shown(&sample.picture), sample.index % 12);
    }
}

#[test]
fn codecs_that_are_not_decoded_are_named() {
    for (name, words) in [
        ("hev1.mp4", "not inspected: hev1"),
        ("vp09.mp4", "not inspected: vp09"),
        ("mp4v.mp4", "not inspected: mp4v"),
        ("ten_bits.mp4", "not inspected: avc1 of 10 bits"),
        ("interlaced.mp4", "not inspected: avc1 interlaced"),
        ("huge.mp4", "not inspected: avc1 of 8192×8192 pixels"),
    ] {
        let problem = sampled(&made(name)).expect_err(name);
        assert_eq!(problem.to_string(), words);
    }
}
