//! First frame, last frame, look; the same clip always gives the same.

use image::RgbImage;
use kinora::consistency::{Frame, Reference, Role, compare};

use super::clips::{PRODUCT, Product, SHOT, filmed, judged, part, picture};

/// A clip that begins with the picture and ends with another product.
fn becoming() -> Vec<RgbImage> {
    filmed(|at| {
        let other = Product { body: [150, 40, 60], print: 0x0F0F_3355, ..PRODUCT };
        (if at > 0.7 { other } else { PRODUCT }, SHOT)
    })
}

#[test]
fn each_role_looks_at_its_own_frames() {
    let clip = becoming();
    let first = judged(Role::FirstFrame, &clip);
    let last = judged(Role::LastFrame, &clip);
    assert!(first.exact > 80.0, "{:?}", first.parts);
    assert!(last.exact < 60.0, "{:?}", last.parts);
    assert!(part(&first, "structure") > 80.0 && part(&first, "shape").is_nan());
}

#[test]
fn a_look_forgives_much_and_not_everything() {
    let same = judged(Role::Look, &filmed(|_| (PRODUCT, SHOT)));
    let night = filmed(|_| {
        let dark = super::clips::Shot { ground: [20, 24, 60], ..SHOT };
        (Product { body: [200, 30, 160], ..PRODUCT }, dark)
    });
    assert!(same.exact > 90.0, "{}", same.exact);
    assert!(judged(Role::Look, &night).exact < same.exact - 15.0);
}

#[test]
fn the_weakest_reference_decides_and_each_has_its_own_result() {
    let clip = becoming();
    let frames: Vec<Frame<'_>> =
        clip.iter().zip(0..).map(|(picture, i)| Frame { at_ms: 800 * i, picture }).collect();
    let references = [Role::FirstFrame, Role::Identity].map(|r| Reference::learn(&picture(), r));
    let all = compare(&references, &frames);
    assert_eq!(all.references.len(), 2);
    assert!(all.references[0].score > all.references[1].score);
    assert_eq!(all.exact, all.references[1].score);
    assert!(all.over_time.drift > 10.0, "{:?}", all.over_time);
    assert_eq!(all, compare(&references, &frames), "the same each time");
}

#[test]
fn a_still_is_said_to_be_one() {
    let one = &filmed(|_| (PRODUCT, SHOT))[0];
    let all = judged(Role::Identity, &vec![one.clone(); 6]);
    assert!(all.over_time.still && all.score < 80, "{:?}", all.over_time);
    assert_eq!(part(&all, "motion"), all.exact);
}
