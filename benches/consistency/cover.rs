//! Hands and props before a product.
//!
//! What lives here: their shapes, and where they are moment by moment. What never does: the product.

use fastrand::Rng;

use crate::pool::Item;
use crate::raster::{Edge, LINEAR, Layer, Pixel};
use crate::subject::Rect;

/// Sides of the square on which a shape is drawn.
const SIDE: usize = 360;

/// Something that comes between camera and product, pointing upwards on a square.
#[derive(Debug, Clone)]
pub struct Shape {
    pub layer: Layer,
    /// A hand comes in from outside; a prop may float.
    pub hand: bool,
}

/// A capsule: two ends and a radius.
type Bone = ([f32; 2], [f32; 2], f32);

impl Shape {
    /// A hand with a sleeve.
    pub fn hand(rng: &mut Rng) -> Shape {
        let skins =
            [[236, 188, 160], [214, 158, 124], [172, 116, 84], [112, 74, 54], [244, 208, 186]];
        let skin = skins[rng.usize(..skins.len())];
        let sleeve = [rng.u8(20..220), rng.u8(20..220), rng.u8(20..220)];
        let bend = rng.f32() * 0.1;
        let spread = 0.7 + 0.5 * rng.f32();
        let mut bones: Vec<Bone> =
            vec![([0.5, 0.62], [0.5, 0.56], 0.15), ([0.5, 0.72], [0.5, 1.3], 0.105)];
        for k in 0..4 {
            let off = (k as f32 - 1.5) * 0.075;
            let tip = 0.5 + off * (1.0 + spread) + bend;
            let length = [0.27, 0.34, 0.33, 0.25][k];
            bones.push(([0.5 + off, 0.48], [tip, 0.48 - length], 0.037));
        }
        bones.push(([0.4, 0.62], [0.22 - 0.05 * spread, 0.42], 0.045));
        Shape { layer: drawn(&bones, skin, 0.86, sleeve), hand: true }
    }

    /// A leaf, a ball, a card or a cloth.
    pub fn prop(rng: &mut Rng) -> Shape {
        let kind = rng.u8(..3);
        let colour = [rng.u8(20..235), rng.u8(20..235), rng.u8(20..235)];
        let stripes = rng.f32() * 0.25;
        let mut data = vec![[0.0; 4]; SIDE * SIDE];
        for (i, p) in data.iter_mut().enumerate() {
            let x = ((i % SIDE) as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0;
            let y = ((i / SIDE) as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0;
            let (distance, shade) = match kind {
                0 => (
                    1.0 - (x / 0.62).hypot(y / 0.95),
                    0.75 + 0.35 * (x.abs() * 14.0 + y * 9.0).sin().abs(),
                ),
                1 => {
                    let d = x.hypot(y) / 0.9;
                    (1.0 - d, 1.15 - 0.75 * d * d - 0.2 * x)
                }
                _ => (
                    (0.8 - x.abs()).min(0.6 - y.abs()),
                    1.0 + stripes * ((x * 9.0).sin() * (y * 3.0).cos()),
                ),
            };
            let alpha = (distance * 60.0).clamp(0.0, 1.0);
            *p = shaded(colour, shade, alpha);
        }
        Shape { layer: Layer { width: SIDE, height: SIDE, data, edge: Edge::Clear }, hand: false }
    }
}

fn shaded(colour: [u8; 3], shade: f32, alpha: f32) -> Pixel {
    let l = colour.map(|c| LINEAR[usize::from(c)] * shade * alpha);
    [l[0].min(alpha), l[1].min(alpha), l[2].min(alpha), alpha]
}

/// Draws capsules as one body lit from the upper left.
fn drawn(bones: &[Bone], skin: [u8; 3], sleeve_from: f32, sleeve: [u8; 3]) -> Layer {
    let depth = |x: f32, y: f32| -> (f32, f32) {
        let mut best = (f32::MIN, 0.0);
        for (a, b, r) in bones {
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let t = (((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            let d = (x - a[0] - dx * t).hypot(y - a[1] - dy * t);
            let inside = (r - d) / r;
            let height = if inside > 0.0 { (1.0 - (d / r).powi(2)).sqrt() * r } else { 0.0 };
            if r - d > best.0 {
                best.0 = r - d;
            }
            best.1 = f32::max(best.1, height);
        }
        best
    };
    let step = 1.0 / SIDE as f32;
    let mut data = Vec::with_capacity(SIDE * SIDE);
    for j in 0..SIDE {
        for i in 0..SIDE {
            let (x, y) = ((i as f32 + 0.5) * step, (j as f32 + 0.5) * step);
            let (inside, height) = depth(x, y);
            let alpha = (inside * SIDE as f32 + 0.5).clamp(0.0, 1.0);
            let (hx, hy) = (depth(x + 2.0 * step, y).1, depth(x, y + 2.0 * step).1);
            let (nx, ny) = ((height - hx) / (2.0 * step), (height - hy) / (2.0 * step));
            let light = (1.0 - 0.35 * nx - 0.45 * ny) / (1.0 + nx * nx + ny * ny).sqrt();
            let colour = if y > sleeve_from { sleeve } else { skin };
            data.push(shaded(colour, 0.45 + 0.6 * light.clamp(0.0, 1.2), alpha));
        }
    }
    Layer { width: SIDE, height: SIDE, data, edge: Edge::Clear }
}

/// A shape and its way, in the picture's coordinates.
#[derive(Debug, Clone)]
pub struct Cover {
    pub shape: Shape,
    /// Side of the shape's square in pixels of the picture.
    size: f32,
    /// Direction in which the shape points, radians; 0 is upwards.
    angle: f32,
    /// Where its middle is while it is outside, and where at its deepest.
    outside: (f32, f32),
    inside: (f32, f32),
    moving: bool,
}

impl Cover {
    /// Places a shape so that at its deepest it covers a share of the subject, and of what must stay
    /// visible at most a third.
    pub fn placed(
        shape: Shape,
        moving: bool,
        share: f32,
        item: &Item,
        shown: Option<Rect>,
        rng: &mut Rng,
    ) -> Cover {
        let s = &item.subject;
        let area = subject_area(item);
        let size = (share * area).sqrt() * if shape.hand { 2.3 } else { 1.35 };
        let mut best: Option<(Cover, f32)> = None;
        for _ in 0..14 {
            // Hands come from below or from the side.
            let turn = if shape.hand {
                [0.0, 0.0, 0.6, -0.6, 1.3, -1.3, 2.2, -2.2][rng.usize(..8)] + rng.f32() * 0.4 - 0.2
            } else {
                rng.f32() * std::f32::consts::TAU
            };
            let (dx, dy) = (f32::sin(turn), -f32::cos(turn));
            let (cx, cy) =
                (s.x + s.w * (0.3 + 0.4 * rng.f32()), s.y + s.h * (0.3 + 0.4 * rng.f32()));
            let far = s.w.max(s.h) * 0.5 + size;
            let mut made = Cover {
                shape: shape.clone(),
                size,
                angle: turn,
                outside: (cx - dx * far * 1.25, cy - dy * far * 1.25),
                inside: (cx, cy),
                moving,
            };
            // Goes in until the share is reached.
            let mut reached = 0.0;
            for step in 0..=40 {
                let d = far * (1.0 - step as f32 / 40.0) - 0.2 * size;
                made.inside = (cx - dx * d, cy - dy * d);
                reached = made.covered(item, s);
                if reached >= share {
                    break;
                }
            }
            let hidden = shown.map_or(0.0, |r| made.covered(item, &r));
            let fault = (hidden - 0.33).max(0.0) * 4.0 + (reached - share).abs();
            if best.as_ref().is_none_or(|b| fault < b.1) {
                best = Some((made, fault));
            }
            if fault < 0.04 {
                break;
            }
        }
        // The loop above ran at least once.
        let mut best = best.map(|b| b.0).expect("one placing at least");
        // What would hide it for good only passes.
        best.moving |= shown.is_some_and(|r| best.covered(item, &r) > 0.4);
        best
    }

    /// What share of the subject within a rectangle is covered at the deepest.
    pub fn covered(&self, item: &Item, within: &Rect) -> f32 {
        let (mut hidden, mut all) = (0.0, 0.0f32);
        for j in 0..40 {
            for i in 0..40 {
                let x = within.x + within.w * (i as f32 + 0.5) / 40.0;
                let y = within.y + within.h * (j as f32 + 0.5) / 40.0;
                let (px, py) = (x.max(0.0) as u32, y.max(0.0) as u32);
                if px < item.picture.width() && py < item.picture.height() && item.inside(px, py) {
                    all += 1.0;
                    hidden += self.at_place(self.inside, x, y)[3];
                }
            }
        }
        hidden / all.max(1.0)
    }

    /// What is seen of it at a moment.
    #[inline]
    pub fn at(&self, u: f32, x: f32, y: f32) -> Pixel {
        self.at_place(self.place(u), x, y)
    }

    fn place(&self, u: f32) -> (f32, f32) {
        let depth = if self.moving {
            let t = ((u - 0.12) / 0.76).clamp(0.0, 1.0);
            (std::f32::consts::PI * t).sin()
        } else {
            // Staying things sway a little.
            1.0 - 0.015 * (1.0 - (u * 5.0).cos())
        };
        let mix = |a: f32, b: f32| a + (b - a) * depth;
        let mut at = (mix(self.outside.0, self.inside.0), mix(self.outside.1, self.inside.1));
        if self.moving && !self.shape.hand {
            // Props fly through.
            let (dx, dy) = (self.inside.0 - self.outside.0, self.inside.1 - self.outside.1);
            at = (self.inside.0 + dx * (u * 2.0 - 1.0), self.inside.1 + dy * (u * 2.0 - 1.0));
        }
        at
    }

    #[inline]
    fn at_place(&self, place: (f32, f32), x: f32, y: f32) -> Pixel {
        let (dx, dy) = ((x - place.0) / self.size, (y - place.1) / self.size);
        let (s, c) = self.angle.sin_cos();
        let (rx, ry) = (c * dx + s * dy, c * dy - s * dx);
        if rx.abs() > 0.52 || ry < -0.52 || (ry > 0.52 && !self.shape.hand) {
            return [0.0; 4];
        }
        let side = SIDE as f32;
        let (lx, mut ly) = ((rx + 0.5) * side, (ry + 0.5) * side);
        if self.shape.hand && ly > side - 1.0 {
            // The arm goes on.
            ly = side - 1.0;
        }
        self.shape.layer.at(lx, ly)
    }
}

fn subject_area(item: &Item) -> f32 {
    item.mask.as_ref().map_or(item.subject.w * item.subject.h, |m| {
        m.as_raw().iter().map(|&v| f32::from(v) / 255.0).sum()
    })
}
