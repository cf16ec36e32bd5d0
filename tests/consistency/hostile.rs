//! Pictures and frames that nobody would send on purpose.

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use kinora::consistency::{Frame, Reference, Role, compare};

const ROLES: [Role; 4] = [Role::FirstFrame, Role::LastFrame, Role::Identity, Role::Look];

fn noise(w: u32, h: u32) -> RgbImage {
    let mut state = 7u32;
    RgbImage::from_fn(w, h, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    })
}

#[test]
fn odd_pictures_and_frames_give_a_score_and_no_panic() {
    let pictures = [
        RgbaImage::new(0, 0),
        RgbaImage::new(1, 1),
        RgbaImage::from_pixel(90, 60, Rgba([200, 200, 200, 255])),
        RgbaImage::new(3, 200),
        image::DynamicImage::ImageRgb8(noise(120, 90)).to_rgba8(),
    ];
    let frames = [
        RgbImage::new(0, 0),
        RgbImage::new(1, 1),
        RgbImage::from_pixel(64, 48, Rgb([10, 10, 10])),
        RgbImage::new(200, 2),
        noise(100, 140),
    ];
    for picture in &pictures {
        for role in ROLES {
            let reference = [Reference::learn(picture, role)];
            let clip: Vec<Frame<'_>> =
                frames.iter().zip(0..).map(|(picture, i)| Frame { at_ms: i, picture }).collect();
            let all = compare(&reference, &clip);
            assert!((0.0..=100.0).contains(&all.exact), "{role:?} {}", all.exact);
            assert!(all.parts.iter().all(|p| (0.0..=100.0).contains(&p.score)), "{:?}", all.parts);
            for frame in &clip {
                let one = compare(&reference, std::slice::from_ref(frame));
                assert!((0.0..=100.0).contains(&one.exact), "{role:?} {}", one.exact);
            }
        }
    }
}

#[test]
fn no_frame_is_no_pass() {
    for role in ROLES {
        let all = compare(&[Reference::learn(&super::clips::picture(), role)], &[]);
        assert_eq!(all.score, 0, "{role:?}");
    }
    assert_eq!(compare(&[], &[]).score, 100, "nothing was asked for");
}

#[test]
fn noise_is_not_the_product() {
    let all = super::clips::judged(Role::Identity, &[noise(240, 240), noise(239, 240)]);
    assert!(all.exact < 50.0, "{}", all.exact);
}
