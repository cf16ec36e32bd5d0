//! What does not pass, and which part says so.

use image::{Rgb, RgbImage};
use kinora::consistency::Role;

use super::clips::{PRODUCT, Product, SHOT, Shot, filmed, judged, part};

fn found(of: impl Fn(f32) -> Product, name: &str) {
    let all = judged(Role::Identity, &filmed(|at| (of(at), SHOT)));
    assert!(all.exact < 70.0, "{} {:?}", all.exact, all.parts);
    let least = all.parts.iter().map(|p| p.score).fold(100.0, f32::min);
    assert_eq!(part(&all, name), least, "{:?}", all.parts);
}

#[test]
fn another_colour() {
    found(|_| Product { body: [40, 70, 110], ..PRODUCT }, "colour");
}

#[test]
fn other_letters() {
    found(|_| Product { print: 0x1234_5677, ..PRODUCT }, "detail");
}

#[test]
fn a_wider_one() {
    found(|_| Product { wide: 1.12, ..PRODUCT }, "shape");
}

#[test]
fn what_comes_in_the_second_half_and_stays() {
    let print = |at: f32| if at > 0.45 { 0x1234_5677 } else { PRODUCT.print };
    found(|at| Product { print: print(at), ..PRODUCT }, "detail");
}

#[test]
fn evidence_names_the_frame_the_place_and_what_differs() {
    let print = |at: f32| if at > 0.45 { 0x1234_5677 } else { PRODUCT.print };
    let all = judged(Role::Identity, &filmed(|at| (Product { print: print(at), ..PRODUCT }, SHOT)));
    let worst = all.references[0].worst.as_ref().expect("a frame to look at");
    assert!(worst.frame >= 3, "{}", worst.frame);
    let corners = worst.corners.expect("it was found");
    assert!(corners[0][0] < corners[1][0] && corners[0][1] < corners[3][1], "{corners:?}");
    let mark = worst.marks.iter().find(|m| m.part.word() == "detail").expect("a mark");
    // On the label, which lies about the middle.
    assert!(
        mark.corners.iter().all(|[x, y]| (60.0..180.0).contains(x) && (60.0..190.0).contains(y))
    );
}

#[test]
fn a_part_that_is_gone() {
    let mut frames = filmed(|_| (PRODUCT, SHOT));
    for picture in &mut frames {
        for y in 0..240 {
            for x in 140..240 {
                picture.put_pixel(x, y, Rgb(SHOT.ground));
            }
        }
    }
    let all = judged(Role::Identity, &frames);
    assert!(all.exact < 70.0, "{} {:?}", all.exact, all.parts);
}

#[test]
fn a_second_one_beside_it() {
    let of = |zoom: f32| filmed(move |_| (PRODUCT, Shot { zoom, ..SHOT }));
    let frames: Vec<RgbImage> = of(0.7)
        .iter()
        .zip(&of(0.45))
        .map(|(one, smaller)| {
            RgbImage::from_fn(240, 240, |x, y| match x {
                0..140 => *one.get_pixel(x + 45, y),
                _ => *smaller.get_pixel(x - 60, y),
            })
        })
        .collect();
    let all = judged(Role::Identity, &frames);
    assert!(all.exact < 70.0, "{} {:?}", all.exact, all.parts);
    assert!(part(&all, "presence") < 70.0, "{:?}", all.parts);
}

#[test]
fn the_subjects_own_colour_tells_clips_apart_and_light_does_not() {
    let colour = |body: [u8; 3], light: [f32; 3]| {
        let clip = filmed(|_| (Product { body, ..PRODUCT }, Shot { light, ..SHOT }));
        judged(Role::Identity, &clip).references[0].colour.expect("it was found")
    };
    let apart = |a: [f32; 3], b: [f32; 3]| -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    let usual = colour(PRODUCT.body, [1.0; 3]);
    assert!(apart(usual, colour(PRODUCT.body, [0.8, 0.7, 0.62])) < 4.0);
    assert!(apart(usual, colour([40, 70, 130], [1.0; 3])) > 12.0);
}
