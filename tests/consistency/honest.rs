//! What passes: another view, another light, another ground, a hand for a while.

use image::{Rgb, RgbImage};
use kinora::consistency::Role;

use super::clips::{PRODUCT, SHOT, Shot, filmed, frame, judged};

fn score_of(shot: impl Fn(f32) -> Shot) -> f32 {
    judged(Role::Identity, &filmed(|at| (PRODUCT, shot(at)))).exact
}

#[test]
fn a_camera_that_comes_nearer_and_turns_changes_nothing() {
    let score = score_of(|at| Shot { roll: 0.25 * at, ..SHOT });
    assert!(score > 85.0, "{score}");
}

#[test]
fn darker_and_warmer_light_is_light() {
    let score =
        score_of(|at| Shot { light: [1.0 - 0.3 * at, 1.0 - 0.4 * at, 1.0 - 0.5 * at], ..SHOT });
    assert!(score > 80.0, "{score}");
}

#[test]
fn another_ground_is_no_other_product() {
    let score = score_of(|_| Shot { ground: [70, 90, 130], ..SHOT });
    assert!(score > 80.0, "{score}");
}

#[test]
fn a_hand_that_passes_by_is_forgotten() {
    let mut frames = filmed(|_| (PRODUCT, SHOT));
    for y in 100..240 {
        for x in 60..130 {
            frames[2].put_pixel(x, y, Rgb([224, 172, 140]));
        }
    }
    let all = judged(Role::Identity, &frames);
    assert!(all.exact > 80.0, "{} {:?}", all.exact, all.parts);
}

#[test]
fn a_hand_that_stays_before_it_is_no_part_of_it() {
    let mut frames = filmed(|_| (PRODUCT, SHOT));
    for picture in &mut frames {
        // An arm from the left edge, over the ground and the lower part of the product.
        for y in 150..186 {
            for x in 0..110 {
                picture.put_pixel(x, y, Rgb([224, 172, 140]));
            }
        }
    }
    let all = judged(Role::Identity, &frames);
    assert!(all.exact > 80.0, "{} {:?}", all.exact, all.parts);
}

#[test]
fn a_slow_push_is_no_still() {
    let frames: Vec<RgbImage> =
        (0..6).map(|i| frame(&PRODUCT, &Shot { zoom: 1.0 + 0.008 * i as f32, ..SHOT })).collect();
    let all = judged(Role::Identity, &frames);
    assert!(!all.over_time.still && all.exact > 80.0, "{} {:?}", all.exact, all.over_time);
}
