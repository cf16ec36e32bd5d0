//! Cutting a subject from a plain background.
//!
//! What lives here: telling whether a background is plain, and the soft matte. What never
//! does: where the subject is put. The matte is exact in this sense: laid over the background
//! that it was cut from, the cut-out gives the picture again, shadows and all. So an edge that
//! was judged wrongly shows only as far as the new background differs from the old.

use std::collections::VecDeque;

use image::{Rgba, RgbaImage};

use super::ground::Ground;

/// A subject without its background.
#[derive(Debug, Clone)]
pub struct CutOut {
    /// Colours with straight alpha; transparent at its border, but where the subject is cut by
    /// the picture's own.
    pub image: RgbaImage,
    /// The solid part inside `image`: left, top, right, bottom; the last two exclusive.
    pub solid: [u32; 4],
    /// Colour of the background, by place in the picture.
    pub ground: Ground,
    /// Whether the picture's lower edge cuts the subject, as it cuts a portrait.
    pub cut_below: bool,
    /// Whether its left or right edge does.
    pub cut_aside: bool,
}

/// How far from the background's colour a pixel may be and still be taken for it. JPEG noise
/// stays below.
const NEAR: f32 = 13.0;
/// Steps from pixel to pixel inside a soft shadow are smaller.
const SHADOW_STEP: f32 = 5.0;
/// The darkest that a shadow on the background may be, in parts of its light.
const SHADOW_DEPTH: f32 = 0.42;
/// A pixel of a hole is at most so far from the background's colour, and the mean of a hole's
/// pixels at most so far.
const HOLE_NEAR: f32 = 6.0;
const HOLE_MEAN: f32 = 2.0;
/// Width of transparent border round a cut-out, in pixels.
const MARGIN: u32 = 3;

/// Cuts the subject out; nothing when the background is not plain or there is no subject.
pub fn cut(image: &RgbaImage, has_alpha: bool) -> Option<CutOut> {
    if has_alpha {
        return cut_by_alpha(image);
    }
    let (matted, solid, ground) = cut_by_colour(image)?;
    finish(matted, &solid, ground)
}

/// The matted picture in its full size, which of its pixels are solid, and the background.
fn cut_by_colour(image: &RgbaImage) -> Option<(RgbaImage, Vec<bool>, Ground)> {
    if image.width().min(image.height()) < 32 {
        return None;
    }
    let ground = Ground::of_border(image)?;
    let outside = flood(image, &ground);
    let ground = ground.refined(image, &outside);
    let mut solid: Vec<bool> = outside.iter().map(|o| !o).collect();
    tidy(&mut solid, image.width() as usize, image.height() as usize);
    Some((matte(image, &ground, &solid), solid, ground))
}

/// A picture that comes with a matte of its own.
fn cut_by_alpha(image: &RgbaImage) -> Option<CutOut> {
    let solid: Vec<bool> = image.pixels().map(|p| p.0[3] > 127).collect();
    // Light grey under a cut-out that brings no ground of its own.
    finish(image.clone(), &solid, Ground::flat([238.0, 237.0, 235.0]))
}

/// Which pixels belong to the background: those that a flood from the border reaches.
fn flood(image: &RgbaImage, ground: &Ground) -> Vec<bool> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let smooth = smoothed(image);
    let colours: Vec<[f32; 3]> = (0..w * h).map(|i| ground.at(i % w, i / w)).collect();
    let near = |i: usize| distance(smooth[i], colours[i]) < NEAR;
    let mut outside = vec![false; w * h];
    let mut queue = VecDeque::new();
    let border = (0..w)
        .flat_map(|x| [x, (h - 1) * w + x])
        .chain((0..h).flat_map(|y| [y * w, y * w + w - 1]));
    for i in border {
        if !outside[i] && near(i) {
            outside[i] = true;
            queue.push_back(i);
        }
    }
    while let Some(i) = queue.pop_front() {
        for next in neighbours(i, w, h) {
            if outside[next] {
                continue;
            }
            let shade = distance(smooth[i], smooth[next]) < SHADOW_STEP
                && is_shade(smooth[next], colours[next]);
            if shade || near(next) {
                outside[next] = true;
                queue.push_back(next);
            }
        }
    }
    open_holes(&smooth, &colours, &mut outside, w, h);
    outside
}

fn neighbours(i: usize, w: usize, h: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (i % w, i / w);
    let all = [
        (x > 0).then(|| i - 1),
        (x + 1 < w).then(|| i + 1),
        (y > 0).then(|| i - w),
        (y + 1 < h).then(|| i + w),
    ];
    all.into_iter().flatten()
}

/// Opens holes through which the background shows, as in the eye of a handle: places of some
/// size inside the subject that have the background's colour nearly exactly. A white label has
/// its own shading and is rarely that close.
fn open_holes(smooth: &[[f32; 3]], colours: &[[f32; 3]], outside: &mut [bool], w: usize, h: usize) {
    let mut seen = vec![false; w * h];
    for start in 0..w * h {
        let same = |i: usize| distance(smooth[i], colours[i]) < HOLE_NEAR;
        if outside[start] || seen[start] || !same(start) {
            continue;
        }
        let mut region = vec![start];
        seen[start] = true;
        let mut at = 0;
        while let Some(&i) = region.get(at) {
            for next in neighbours(i, w, h) {
                if !outside[next] && !seen[next] && same(next) {
                    seen[next] = true;
                    region.push(next);
                }
            }
            at += 1;
        }
        let sum: f32 = region.iter().map(|i| distance(smooth[*i], colours[*i])).sum();
        if region.len() * 700 > w * h && sum / (region.len() as f32) < HOLE_MEAN {
            region.iter().for_each(|i| outside[*i] = true);
        }
    }
}

/// Whether a colour is the background's with less light: all channels darker alike.
fn is_shade(colour: [f32; 3], ground: [f32; 3]) -> bool {
    let light = [0, 1, 2].map(|c| colour[c] / ground[c].max(1.0));
    let (low, high) = (light[0].min(light[1]).min(light[2]), light[0].max(light[1]).max(light[2]));
    low > SHADOW_DEPTH && high < 1.03 && high - low < 0.045
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    (a[0] - b[0]).abs().max((a[1] - b[1]).abs()).max((a[2] - b[2]).abs())
}

/// The mean of each pixel and its eight neighbours.
fn smoothed(image: &RgbaImage) -> Vec<[f32; 3]> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let raw = image.as_raw();
    let mut out = Vec::with_capacity(w * h);
    for y in 0..h {
        for x in 0..w {
            let mut sum = [0u32; 3];
            for py in [y.saturating_sub(1), y, (y + 1).min(h - 1)] {
                for px in [x.saturating_sub(1), x, (x + 1).min(w - 1)] {
                    let at = (py * w + px) * 4;
                    for c in 0..3 {
                        sum[c] += u32::from(raw[at + c]);
                    }
                }
            }
            out.push(sum.map(|s| s as f32 / 9.0));
        }
    }
    out
}

/// Closes gaps that the flood found through thin bright places, and drops specks.
fn tidy(solid: &mut Vec<bool>, w: usize, h: usize) {
    let reach = (w.min(h) / 160).max(1);
    // Grow, then shrink: gaps narrower than the reach are closed.
    let grown = spread(solid, w, h, reach);
    let open: Vec<bool> = grown.iter().map(|s| !s).collect();
    let closed: Vec<bool> = spread(&open, w, h, reach).iter().map(|o| !o).collect();
    // Shrink, then grow: specks smaller than that vanish, where the closing left any.
    let empty: Vec<bool> = closed.iter().map(|s| !s).collect();
    let shrunk: Vec<bool> = spread(&empty, w, h, 1).iter().map(|o| !o).collect();
    let kept = spread(&shrunk, w, h, 2);
    *solid = closed.iter().zip(&kept).map(|(closed, kept)| *closed && *kept).collect();
}

/// Every pixel within `reach` of a set one, in a square.
fn spread(set: &[bool], w: usize, h: usize, reach: usize) -> Vec<bool> {
    let line = |get: &dyn Fn(usize) -> bool, n: usize, put: &mut dyn FnMut(usize)| {
        let mut until = 0;
        for i in 0..n + reach {
            if i < n && get(i) {
                until = i + 2 * reach + 1;
            }
            if i >= reach && i < until && i - reach < n {
                put(i - reach);
            }
        }
    };
    let mut across = vec![false; w * h];
    for y in 0..h {
        line(&|x| set[y * w + x], w, &mut |x| across[y * w + x] = true);
    }
    let mut both = vec![false; w * h];
    for x in 0..w {
        line(&|y| across[y * w + x], h, &mut |y| both[y * w + x] = true);
    }
    both
}

/// Colours and alpha. Outside the solid part only what the background can't explain stays, as
/// thinly as it can be: shadows become a thin dark veil. Inside all stays, but along the edge,
/// where the picture mixes both.
fn matte(image: &RgbaImage, ground: &Ground, solid: &[bool]) -> RgbaImage {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let mut out = RgbaImage::new(image.width(), image.height());
    let outside: Vec<bool> = solid.iter().map(|s| !s).collect();
    let edge = spread(&outside, w, h, 2);
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            let pixel = image.get_pixel(x as u32, y as u32).0;
            let colour = [0, 1, 2].map(|c| f32::from(pixel[c]));
            let below = ground.at(x, y);
            let rgba = if !solid[i] {
                thinnest(colour, below)
            } else if edge[i] {
                mixed(colour, below, inner_colour(image, &edge, x, y))
            } else {
                [pixel[0], pixel[1], pixel[2], 255]
            };
            out.put_pixel(x as u32, y as u32, Rgba(rgba));
        }
    }
    out
}

/// What the background can't explain of a pixel, as thinly as can be.
fn thinnest(colour: [f32; 3], below: [f32; 3]) -> [u8; 4] {
    // Noise of the background is no veil.
    let certain = ((distance(colour, below) - 2.0) / 5.0).clamp(0.0, 1.0);
    unmixed(colour, below, least_alpha(colour, below) * certain)
}

/// The least alpha with which some colour over `below` gives `colour`.
fn least_alpha(colour: [f32; 3], below: [f32; 3]) -> f32 {
    let needed = |c: usize| {
        let difference = below[c] - colour[c];
        if difference > 0.0 {
            difference / below[c].max(1.0)
        } else {
            -difference / (255.0 - below[c]).max(1.0)
        }
    };
    needed(0).max(needed(1)).max(needed(2)).min(1.0)
}

/// An edge pixel: how much of it is the subject, whose colour nearby is `inner`.
fn mixed(colour: [f32; 3], below: [f32; 3], inner: Option<[f32; 3]>) -> [u8; 4] {
    let Some(inner) = inner else { return opaque(colour) };
    let towards = [0, 1, 2].map(|c| inner[c] - below[c]);
    let length: f32 = towards.iter().map(|t| t * t).sum();
    // A subject of nearly the background's colour tells nothing; leave it solid.
    if length < 45.0 * 45.0 {
        return opaque(colour);
    }
    let along: f32 = (0..3).map(|c| (colour[c] - below[c]) * towards[c]).sum();
    // Less than this no colour could explain, whatever the subject's is.
    let alpha = (along / length).clamp(least_alpha(colour, below), 1.0);
    if alpha > 0.97 { opaque(colour) } else { unmixed(colour, below, alpha) }
}

fn opaque(colour: [f32; 3]) -> [u8; 4] {
    let [r, g, b] = colour.map(|c| c as u8);
    [r, g, b, 255]
}

/// The colour that over `below` at `alpha` gives `colour`.
fn unmixed(colour: [f32; 3], below: [f32; 3], alpha: f32) -> [u8; 4] {
    if alpha < 1.0 / 255.0 {
        return [0, 0, 0, 0];
    }
    let [r, g, b] = [0, 1, 2]
        .map(|c| ((colour[c] - (1.0 - alpha) * below[c]) / alpha).round().clamp(0.0, 255.0) as u8);
    [r, g, b, (alpha * 255.0).round() as u8]
}

/// Mean colour of the subject's inside within reach.
fn inner_colour(image: &RgbaImage, edge: &[bool], x: usize, y: usize) -> Option<[f32; 3]> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for py in y.saturating_sub(4)..(y + 5).min(h) {
        for px in x.saturating_sub(4)..(x + 5).min(w) {
            // Outside and edge are both marked; what is not is inside.
            if !edge[py * w + px] {
                let pixel = image.get_pixel(px as u32, py as u32).0;
                for c in 0..3 {
                    sum[c] += f32::from(pixel[c]);
                }
                count += 1.0;
            }
        }
    }
    (count > 0.0).then(|| sum.map(|s| s / count))
}

/// Finds the subject's bounds and cuts the picture down to what is seen.
fn finish(image: RgbaImage, solid: &[bool], ground: Ground) -> Option<CutOut> {
    let (w, h) = image.dimensions();
    let count = solid.iter().filter(|s| **s).count();
    let share = count as f32 / solid.len().max(1) as f32;
    if !(0.004..0.9).contains(&share) {
        return None;
    }
    let is_solid = |x: u32, y: u32| solid[(y * w + x) as usize];
    let body = bounds(w, h, is_solid)?;
    let touches = |edge: &mut dyn Iterator<Item = (u32, u32)>| {
        edge.filter(|(x, y)| is_solid(*x, *y)).count() as f32
    };
    let above = touches(&mut (0..w).map(|x| (x, 0))) / w as f32;
    let below = touches(&mut (0..w).map(|x| (x, h - 1))) / w as f32;
    let aside = touches(&mut (0..h).flat_map(|y| [(0, y), (w - 1, y)])) / h as f32;
    if above > 0.02 {
        return None;
    }
    let seen = bounds(w, h, |x, y| image.get_pixel(x, y).0[3] > 2)?;
    let (cut_below, cut_aside) = (below > 0.02, aside > 0.02);
    // Where the picture's edge cuts the subject there is nothing to fade to.
    let left = seen[0].min(body[0]).saturating_sub(MARGIN);
    let top = seen[1].min(body[1]).saturating_sub(MARGIN);
    let right = (seen[2].max(body[2]) + MARGIN).min(w);
    let bottom = (seen[3].max(body[3]) + MARGIN).min(h);
    let mut part =
        image::imageops::crop_imm(&image, left, top, right - left, bottom - top).to_image();
    fade_border(&mut part, cut_below, cut_aside);
    Some(CutOut {
        image: part,
        solid: [body[0] - left, body[1] - top, body[2] - left, body[3] - top],
        ground,
        cut_below,
        cut_aside,
    })
}

/// Makes sure that a veil which reaches the picture's edge ends softly there.
fn fade_border(image: &mut RgbaImage, cut_below: bool, cut_aside: bool) {
    let (w, h) = image.dimensions();
    let reach = (w.min(h) / 24).max(2);
    for y in 0..h {
        for x in 0..w {
            let aside = if cut_aside { u32::MAX } else { x.min(w - 1 - x) };
            let under = if cut_below { u32::MAX } else { h - 1 - y };
            let inside = aside.min(under).min(y);
            let pixel = image.get_pixel_mut(x, y);
            if inside < reach && pixel.0[3] < 250 {
                pixel.0[3] = (u32::from(pixel.0[3]) * inside / reach) as u8;
            } else if inside == 0 {
                pixel.0[3] = 0;
            }
        }
    }
}

fn bounds(w: u32, h: u32, set: impl Fn(u32, u32) -> bool) -> Option<[u32; 4]> {
    let mut found: Option<[u32; 4]> = None;
    for y in 0..h {
        for x in (0..w).filter(|x| set(*x, y)) {
            let b = found.get_or_insert([x, y, x + 1, y + 1]);
            *b = [b[0].min(x), b[1].min(y), b[2].max(x + 1), b[3].max(y + 1)];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red disc with a soft shadow on white.
    fn pack_shot(ground: [u8; 3]) -> RgbaImage {
        RgbaImage::from_fn(200, 200, |x, y| {
            let (dx, dy) = (x as f32 - 100.0, y as f32 - 90.0);
            let disc = (50.5 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
            let (sx, sy) = (dx / 70.0, (y as f32 - 145.0) / 16.0);
            let shade = 1.0 - 0.3 * (1.0 - (sx * sx + sy * sy)).max(0.0);
            let mix = |c: usize, own: f32| {
                (own * disc + f32::from(ground[c]) * shade * (1.0 - disc)).round() as u8
            };
            Rgba([mix(0, 190.0), mix(1, 30.0), mix(2, 40.0), 255])
        })
    }

    #[test]
    fn a_subject_on_white_is_cut_with_a_soft_edge() {
        let cut = cut(&pack_shot([255, 255, 255]), false).expect("a plain background");
        let [left, top, right, bottom] = cut.solid;
        assert!((98..=104).contains(&(right - left)), "{:?}", cut.solid);
        assert!((98..=104).contains(&(bottom - top)), "{:?}", cut.solid);
        assert!(!cut.cut_below && !cut.cut_aside);
        let alphas: Vec<u8> = cut.image.pixels().map(|p| p.0[3]).collect();
        assert!(alphas.contains(&255) && alphas.iter().any(|a| (40..200).contains(a)));
    }

    #[test]
    fn a_cut_out_over_its_own_background_is_the_picture_again() {
        let picture = pack_shot([236, 232, 228]);
        let (matted, _, ground) = cut_by_colour(&picture).expect("a plain background");
        for (x, y, pixel) in matted.enumerate_pixels() {
            let was = picture.get_pixel(x, y).0;
            let below = ground.at(x as usize, y as usize);
            let alpha = f32::from(pixel.0[3]) / 255.0;
            for c in 0..3 {
                let now = f32::from(pixel.0[c]) * alpha + below[c] * (1.0 - alpha);
                assert!((now - f32::from(was[c])).abs() < 5.0, "{x},{y}: {now} {}", was[c]);
            }
        }
    }

    #[test]
    fn the_background_shows_through_a_hole_but_not_through_a_grey_label() {
        let with_middle = |middle: [u8; 3]| {
            RgbaImage::from_fn(120, 120, |x, y| {
                let far = x.abs_diff(60).max(y.abs_diff(60));
                let [r, g, b] = match far {
                    0..12 => middle,
                    12..40 => [40, 60, 120],
                    _ => [250, 250, 250],
                };
                Rgba([r, g, b, 255])
            })
        };
        let alpha_of_middle = |middle| {
            let (matted, ..) = cut_by_colour(&with_middle(middle)).expect("a plain background");
            matted.get_pixel(60, 60).0[3]
        };
        assert_eq!(alpha_of_middle([250, 250, 250]), 0);
        assert_eq!(alpha_of_middle([240, 239, 236]), 255);
    }

    #[test]
    fn a_busy_picture_is_not_cut() {
        let busy = RgbaImage::from_fn(120, 120, |x, y| {
            Rgba([(x * 7 % 255) as u8, (y * 11 % 255) as u8, ((x * y) % 255) as u8, 255])
        });
        assert!(cut(&busy, false).is_none());
    }

    #[test]
    fn an_empty_background_has_no_subject() {
        let empty = RgbaImage::from_pixel(120, 120, Rgba([250, 250, 250, 255]));
        assert!(cut(&empty, false).is_none());
    }

    #[test]
    fn a_portrait_is_cut_by_the_lower_edge() {
        let portrait = RgbaImage::from_fn(120, 160, |x, y| {
            let inside = y > 50 && x.abs_diff(60) < 14 + y / 6;
            if inside { Rgba([120, 80, 60, 255]) } else { Rgba([225, 224, 222, 255]) }
        });
        let cut = cut(&portrait, false).expect("a plain background");
        assert!(cut.cut_below && !cut.cut_aside);
    }

    #[test]
    fn a_picture_with_alpha_keeps_its_own_matte() {
        let own = RgbaImage::from_fn(60, 60, |x, y| {
            let inside = (15..45).contains(&x) && (15..45).contains(&y);
            Rgba([10, 200, 30, if inside { 255 } else { 0 }])
        });
        let cut = cut(&own, true).expect("its own matte");
        assert_eq!([cut.solid[2] - cut.solid[0], cut.solid[3] - cut.solid[1]], [30, 30]);
    }
}
