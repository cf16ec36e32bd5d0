//! What does not pass, and which part says so.

use kinora::consistency::Role;

use super::clips::{PRODUCT, Product, SHOT, filmed, judged, part};

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
