//! Layers as planes, and drawing them into frames.
//!
//! Layers are kept as the encoder wants its frames, in Y'CbCr 4:2:0 with colours multiplied by
//! their alpha, so that drawing is resampling and blending of bytes and nothing else. Every
//! coordinate of a frame is mapped to a layer by its column and its row alone; that covers
//! moving, growing and a body's turn about its upright axis, and makes drawing two short passes
//! of a four-tap filter. What never lives here: what a layer shows, or why it moves.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbaImage;

use crate::media::frame::{Frame, to_yuv};

/// One plane of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plane {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

/// A layer. Chroma and its alpha have half the sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    colour: [Plane; 3],
    alpha: Option<[Plane; 2]>,
}

/// Where a raster stands in a frame, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stand {
    /// Where its middle is.
    pub x: f32,
    /// Where its middle is.
    pub y: f32,
    /// Pixels of the frame for one of its own.
    pub scale: f32,
    /// How far its middle is turned to the right, in parts of its width. Its outline stays.
    pub turn: f32,
}

impl Raster {
    /// From an image, `scale` times its size; transparent parts stay so if `keep_alpha`.
    pub fn scaled(image: &RgbaImage, scale: f32, keep_alpha: bool) -> Self {
        let side = |n: u32| (n as f32 * scale).round().max(2.0) as u32;
        Raster::from_image(&resized(image, side(image.width()), side(image.height())), keep_alpha)
    }

    /// From an image as it is; an odd last row or column is repeated.
    pub fn from_image(image: &RgbaImage, keep_alpha: bool) -> Self {
        let (w, h) = (image.width() as usize, image.height() as usize);
        let (width, height) = (w.next_multiple_of(2), h.next_multiple_of(2));
        let full = |value| Plane { width, height, data: vec![value; width * height] };
        let half = |value| Plane {
            width: width / 2,
            height: height / 2,
            data: vec![value; width / 2 * (height / 2)],
        };
        let mut y = full(16);
        let (mut u, mut v) = (half(128), half(128));
        let (mut near, mut far) = (full(255), half(255));
        let raw = image.as_raw();
        for row in (0..height).step_by(2) {
            for column in (0..width).step_by(2) {
                let mut sums = [0u32; 3];
                for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let (px, py) = ((column + dx).min(w - 1), (row + dy).min(h - 1));
                    let at = (py * w + px) * 4;
                    let a = if keep_alpha { u32::from(raw[at + 3]) } else { 255 };
                    let [luma, cb, cr] = to_yuv(raw[at], raw[at + 1], raw[at + 2]);
                    let index = (row + dy) * width + column + dx;
                    y.data[index] = multiplied(luma, a);
                    near.data[index] = a as u8;
                    sums[0] += u32::from(cb) * a;
                    sums[1] += u32::from(cr) * a;
                    sums[2] += a;
                }
                let index = row / 2 * (width / 2) + column / 2;
                u.data[index] = ((sums[0] + 510) / 1020) as u8;
                v.data[index] = ((sums[1] + 510) / 1020) as u8;
                far.data[index] = ((sums[2] + 2) / 4) as u8;
            }
        }
        let alpha = keep_alpha.then_some([near, far]);
        Raster { width, height, colour: [y, u, v], alpha }
    }

    /// Draws it over what is in the frame.
    pub fn draw(&self, stand: &Stand, frame: &mut Frame, scratch: &mut Scratch) {
        let (width, height) = (frame.width, frame.height);
        self.draw_plane(0, stand, (width, height), &mut frame.y, scratch);
        self.draw_plane(1, stand, (width / 2, height / 2), &mut frame.u, scratch);
        self.draw_plane(2, stand, (width / 2, height / 2), &mut frame.v, scratch);
    }

    fn draw_plane(
        &self,
        which: usize,
        stand: &Stand,
        (width, height): (usize, usize),
        target: &mut [u8],
        scratch: &mut Scratch,
    ) {
        let source = &self.colour[which];
        let alpha = self.alpha.as_ref().map(|[near, far]| if which == 0 { near } else { far });
        let finer = if which == 0 { 1.0 } else { 0.5 };
        let across = Axis {
            middle: stand.x * finer,
            scale: stand.scale,
            turn: stand.turn,
            length: source.width,
        };
        let down =
            Axis { middle: stand.y * finer, scale: stand.scale, turn: 0.0, length: source.height };
        let (columns, rows) = match alpha {
            Some(_) => (across.span(width), down.span(height)),
            None => (0..width, 0..height),
        };
        if columns.is_empty() || rows.is_empty() {
            return;
        }
        let taps: Vec<Tap> = columns.clone().map(|x| across.tap(x)).collect();
        for row in rows {
            let tap = down.tap(row);
            let line = &mut target[row * width..][columns.clone()];
            match alpha {
                None => scratch.sample(source, &tap, &taps, line),
                Some(alpha) => {
                    let mut over = std::mem::take(&mut scratch.over);
                    let mut cover = std::mem::take(&mut scratch.cover);
                    over.resize(line.len(), 0);
                    cover.resize(line.len(), 0);
                    scratch.sample(alpha, &tap, &taps, &mut cover);
                    scratch.sample(source, &tap, &taps, &mut over);
                    blend(line, &over, &cover);
                    (scratch.over, scratch.cover) = (over, cover);
                }
            }
        }
    }
}

fn multiplied(value: u8, alpha: u32) -> u8 {
    ((u32::from(value) * alpha + 127) / 255) as u8
}

/// `line` under `over`, whose colours are multiplied by `cover` already.
fn blend(line: &mut [u8], over: &[u8], cover: &[u8]) {
    for ((below, above), alpha) in line.iter_mut().zip(over).zip(cover) {
        // n / 255 to the nearest, without a division.
        let n = u16::from(*below) * (255 - u16::from(*alpha)) + 128;
        let rest = (n + (n >> 8)) >> 8;
        *below = (u16::from(*above) + rest).min(255) as u8;
    }
}

/// Mixes `other` into `frame`: none of it at weight 0, all of it at 256.
pub fn mix(frame: &mut Frame, other: &Frame, weight: u16) {
    let weight = weight.min(256);
    let planes = [(&mut frame.y, &other.y), (&mut frame.u, &other.u), (&mut frame.v, &other.v)];
    for (below, above) in planes {
        for (a, b) in below.iter_mut().zip(above) {
            let sum = u16::from(*a) * (256 - weight) + u16::from(*b) * weight;
            // 255 × 256 + 128 still fits sixteen bits.
            *a = ((sum + 128) >> 8) as u8;
        }
    }
}

/// Buffers that drawing needs; kept from row to row.
#[derive(Debug, Default)]
pub struct Scratch {
    line: Vec<i16>,
    over: Vec<u8>,
    cover: Vec<u8>,
}

/// Four neighbours and their weights.
#[derive(Debug, Clone, Copy)]
struct Tap {
    /// The first neighbour; may lie outside.
    first: i32,
    /// Position between the second and the third, in parts of [`PHASES`].
    phase: u8,
}

/// How finely positions between pixels are told apart.
const PHASES: usize = 128;

/// Weights of the Catmull-Rom spline by phase: the sum is 64 for rows and 256 for columns, so
/// that a row pass fits sixteen bits and the product of both is shifted out exactly.
const WEIGHTS: [[[i16; 4]; PHASES]; 2] = [weights(64), weights(256)];

const fn weights(sum: i32) -> [[i16; 4]; PHASES] {
    let mut table = [[0; 4]; PHASES];
    let mut phase = 0;
    while phase < PHASES {
        let t = phase as i64;
        let n = PHASES as i64;
        // Twice the spline's polynomials, times n³.
        let exact = [
            -t * n * n + 2 * t * t * n - t * t * t,
            2 * n * n * n - 5 * t * t * n + 3 * t * t * t,
            t * n * n + 4 * t * t * n - 3 * t * t * t,
            -t * t * n + t * t * t,
        ];
        let scale = 2 * n * n * n;
        let mut row = [0i16; 4];
        let mut left = sum as i64;
        let mut i = 0;
        while i < 4 {
            let scaled = exact[i] * sum as i64;
            let rounded = if scaled >= 0 {
                (scaled + scale / 2) / scale
            } else {
                (scaled - scale / 2) / scale
            };
            row[i] = rounded as i16;
            left -= rounded;
            i += 1;
        }
        // What rounding lost goes to the nearer of the two in the middle.
        let nearer = if t * 2 < n { 1 } else { 2 };
        row[nearer] += left as i16;
        table[phase] = row;
        phase += 1;
    }
    table
}

/// One side of a mapping from frame to layer.
struct Axis {
    middle: f32,
    scale: f32,
    turn: f32,
    length: usize,
}

impl Axis {
    fn tap(&self, at: usize) -> Tap {
        let half = self.length as f32 / 2.0;
        let from_middle = (at as f32 + 0.5 - self.middle) / self.scale;
        let outward = (from_middle / half).clamp(-1.0, 1.0);
        let turned = self.turn * self.length as f32 * (1.0 - outward * outward);
        let position = from_middle + half - turned - 0.5;
        let steps = (position * PHASES as f32).round().clamp(-1e8, 1e8) as i32;
        let phases = PHASES as i32;
        Tap { first: steps.div_euclid(phases) - 1, phase: steps.rem_euclid(phases) as u8 }
    }

    /// Which of `count` positions of the frame it covers.
    fn span(&self, count: usize) -> std::ops::Range<usize> {
        let half = self.length as f32 / 2.0 * self.scale;
        let low = (self.middle - half - 1.0).floor().max(0.0) as usize;
        let high = (self.middle + half + 1.0).ceil().max(0.0) as usize;
        low.min(count)..high.min(count)
    }
}

impl Scratch {
    /// One row of a frame from a plane; outside, the plane is mirrored.
    fn sample(&mut self, source: &Plane, row: &Tap, columns: &[Tap], out: &mut [u8]) {
        let first = columns.iter().map(|t| t.first).min().unwrap_or(0);
        let last = columns.iter().map(|t| t.first).max().unwrap_or(0) + 3;
        self.blend_rows(source, row, first, last);
        let weights = &WEIGHTS[1];
        for (value, tap) in out.iter_mut().zip(columns) {
            let at = (tap.first - first) as usize;
            let w = weights[usize::from(tap.phase) % PHASES];
            let n = &self.line[at..at + 4];
            let sum = i32::from(n[0]) * i32::from(w[0])
                + i32::from(n[1]) * i32::from(w[1])
                + i32::from(n[2]) * i32::from(w[2])
                + i32::from(n[3]) * i32::from(w[3]);
            *value = ((sum + (1 << 13)) >> 14).clamp(0, 255) as u8;
        }
    }

    /// Fills `line` with columns `first..=last` of the blend of four rows.
    fn blend_rows(&mut self, source: &Plane, tap: &Tap, first: i32, last: i32) {
        let width = source.width as i32;
        let [r0, r1, r2, r3] = [0, 1, 2, 3].map(|i| {
            let row = mirrored(tap.first + i, source.height as i32);
            &source.data[row * source.width..][..source.width]
        });
        let w = WEIGHTS[0][usize::from(tap.phase) % PHASES];
        self.line.clear();
        self.line.resize((last - first + 1).max(0) as usize, 0);
        let inner = first.clamp(0, width)..(last + 1).clamp(0, width);
        if inner.start < inner.end {
            let (a, b) = (inner.start as usize, inner.end as usize);
            let target = &mut self.line[(inner.start - first) as usize..][..b - a];
            let rows = r0[a..b].iter().zip(&r1[a..b]).zip(&r2[a..b]).zip(&r3[a..b]);
            for (value, (((p, q), r), s)) in target.iter_mut().zip(rows) {
                *value = i16::from(*p) * w[0]
                    + i16::from(*q) * w[1]
                    + i16::from(*r) * w[2]
                    + i16::from(*s) * w[3];
            }
        }
        for column in (first..inner.start.max(first)).chain(inner.end.max(first)..=last) {
            if (0..width).contains(&column) {
                continue;
            }
            let at = mirrored(column, width);
            self.line[(column - first) as usize] = i16::from(r0[at]) * w[0]
                + i16::from(r1[at]) * w[1]
                + i16::from(r2[at]) * w[2]
                + i16::from(r3[at]) * w[3];
        }
    }
}

/// The index inside `length` that `index` falls on when the edges are mirrors.
fn mirrored(index: i32, length: i32) -> usize {
    let folded = index.rem_euclid(2 * length);
    folded.min(2 * length - 1 - folded) as usize
}

/// An image in another size, filtered so that nothing shimmers; alpha is honoured.
pub fn resized(image: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    if image.dimensions() == (width, height) {
        return image.clone();
    }
    let source =
        Image::from_vec_u8(image.width(), image.height(), image.as_raw().clone(), PixelType::U8x4);
    let mut target = Image::new(width, height, PixelType::U8x4);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let done = source
        .map_err(|e| e.to_string())
        .and_then(|s| Resizer::new().resize(&s, &mut target, &options).map_err(|e| e.to_string()));
    // Both images are RGBA with sides above zero, which is all that the resizer asks for.
    debug_assert!(done.is_ok(), "{done:?}");
    RgbaImage::from_raw(width, height, target.into_vec())
        .unwrap_or_else(|| RgbaImage::new(width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> RgbaImage {
        RgbaImage::from_fn(width, height, |x, y| {
            image::Rgba([(x * 3) as u8, (y * 3) as u8, 90, 255])
        })
    }

    fn drawn(raster: &Raster, stand: &Stand, width: usize, height: usize) -> Frame {
        let mut frame = Frame::black(width, height);
        raster.draw(stand, &mut frame, &mut Scratch::default());
        frame
    }

    const HERE: Stand = Stand { x: 32.0, y: 24.0, scale: 1.0, turn: 0.0 };

    #[test]
    fn weights_sum_up_exactly_at_every_phase() {
        for (table, sum) in WEIGHTS.iter().zip([64, 256]) {
            assert!(table.iter().all(|w| w.iter().sum::<i16>() == sum));
            assert_eq!(table[0], [0, sum, 0, 0]);
        }
    }

    #[test]
    fn at_rest_a_layer_is_copied_to_the_byte() {
        let raster = Raster::from_image(&gradient(64, 48), false);
        let frame = drawn(&raster, &HERE, 64, 48);
        assert_eq!(frame.y, raster.colour[0].data);
        assert_eq!(frame.u, raster.colour[1].data);
    }

    #[test]
    fn a_flat_layer_stays_flat_wherever_it_stands() {
        let flat = RgbaImage::from_pixel(40, 40, image::Rgba([200, 180, 160, 255]));
        let raster = Raster::from_image(&flat, false);
        let stand = Stand { x: 30.3, y: 21.7, scale: 1.13, turn: 0.05 };
        let frame = drawn(&raster, &stand, 64, 48);
        assert!(frame.y.iter().all(|y| *y == frame.y[0]));
    }

    #[test]
    fn half_a_pixel_moves_a_slope_by_half_its_step() {
        let raster = Raster::from_image(&gradient(64, 48), false);
        let moved = drawn(&raster, &Stand { x: 32.5, ..HERE }, 64, 48);
        let still = drawn(&raster, &HERE, 64, 48);
        let middle = 24 * 64 + 32;
        assert!(moved.y[middle] <= still.y[middle] && still.y[middle] - moved.y[middle] <= 2);
    }

    #[test]
    fn a_transparent_layer_leaves_the_frame_alone() {
        let clear = RgbaImage::from_pixel(32, 32, image::Rgba([255, 0, 0, 0]));
        let raster = Raster::from_image(&clear, true);
        assert_eq!(drawn(&raster, &HERE, 64, 48), Frame::black(64, 48));
    }

    #[test]
    fn a_layer_far_outside_draws_nothing_and_breaks_nothing() {
        let raster = Raster::from_image(&gradient(32, 32), true);
        let far = Stand { x: -5000.0, y: 9000.0, scale: 0.7, turn: 0.3 };
        assert_eq!(drawn(&raster, &far, 64, 48), Frame::black(64, 48));
    }

    #[test]
    fn mixing_goes_from_one_to_the_other() {
        let raster = Raster::from_image(&gradient(64, 48), false);
        let picture = drawn(&raster, &HERE, 64, 48);
        let mut frame = Frame::black(64, 48);
        mix(&mut frame, &picture, 0);
        assert_eq!(frame, Frame::black(64, 48));
        mix(&mut frame, &picture, 256);
        assert_eq!(frame, picture);
    }
}
