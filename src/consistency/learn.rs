//! What is learned of a reference, once.
//!
//! What lives here: its subject cut out at the scale at which it is compared, its points, the
//! samples by which it is aligned. What never does: a frame.

use image::RgbaImage;

use super::keypoints::{self, Keypoint, Pattern};
use super::look::Statistics;
use super::squares::SQUARE;
use super::types::{Role, WORKING};
use crate::inspect::background::{Background, find as find_ground};
use crate::inspect::raster::{Lab, Plane, flattened, reduced, stretched, to_linear};

/// Pixels of the subject's longer side at which it is compared.
pub(super) const CANON: usize = 256;
/// Pixels of the longer side at which a subject is looked for.
const COARSE: u32 = 384;
/// Pixels of the longer side at which points are found.
const POINTS: u32 = 480;
/// Points at most.
const MOST_POINTS: usize = 500;
/// How soft a mask's rim is made before it is cut off, in pixels at [`CANON`].
const RIM: f32 = 1.6;
const WIDE_RIM: f32 = 4.0;
/// What is left around the subject, as a share of its longer side.
const MARGIN: f32 = 0.04;
/// Blurs (pixels at [`CANON`]) in which a reference is kept, to be held against frames as sharp.
pub(super) const BLURS: [f32; 7] = [0.0, 0.7, 1.1, 1.6, 2.3, 3.3, 4.8];
/// Longer sides at which a frame is aligned.
const LEVELS: [usize; 3] = [64, 128, 256];
/// Samples for aligning at each.
const MOST_SAMPLES: usize = 2400;

/// A place by which the reference is aligned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub u: f32,
    pub v: f32,
    pub value: f32,
    /// Change of the value for a unit to the right and down.
    pub slope: [f32; 2],
    pub weight: f32,
}

/// What was learned of a picture, once.
#[derive(Debug, Clone)]
pub struct Reference {
    pub(super) role: Role,
    /// Half of the width and height in units: one of them is 1.
    pub(super) aspect: [f64; 2],
    /// Pixels at which it is compared.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Red, green and blue in linear light, 0 to 1.
    pub(super) linear: Vec<[f32; 3]>,
    /// How much of the subject is in each pixel, 0 to 1.
    pub(super) mask: Vec<f32>,
    /// The same without its rim, where any ground shines through.
    pub(super) inner: Vec<f32>,
    /// The same without a wider rim, for frames that have another ground.
    pub(super) core: Vec<f32>,
    /// Squares that have hardly anything of the subject.
    pub(super) empty: Vec<bool>,
    /// The light in it, in each of [`BLURS`].
    pub(super) lights: Vec<Plane>,
    pub(super) points: Vec<Keypoint>,
    /// The points' places in units.
    pub(super) places: Vec<[f64; 2]>,
    /// Pixels of the picture of the points for a unit.
    pub(super) unit: f32,
    /// For each of [`LEVELS`]; the same without those at the outline.
    pub(super) samples: Vec<Vec<Sample>>,
    pub(super) inner_samples: Vec<Vec<Sample>>,
    pub(super) coarse: Coarse,
    /// The crop in the whole picture: middle as shares of its width and height, and half of the
    /// crop's longer side as a share of the picture's longer side.
    pub(super) placed: Placed,
    pub(super) statistics: Statistics,
    /// Whether the subject's outline is known.
    pub(super) outlined: bool,
}

/// Where the crop lies in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub middle: [f64; 2],
    pub half: f64,
    /// Width and height of the picture over the longer of them.
    pub picture: [f64; 2],
}

/// A small copy by which guesses are judged.
#[derive(Debug, Clone)]
pub(super) struct Coarse {
    pub width: usize,
    pub height: usize,
    pub luma: Vec<f32>,
    /// The subject and a rim of ground, which shows its outline.
    pub weight: Vec<f32>,
    /// The subject without its rim.
    pub inner: Vec<f32>,
}

impl Reference {
    /// Learns a picture.
    pub fn learn(picture: &RgbaImage, role: Role) -> Reference {
        if picture.width() == 0 || picture.height() == 0 {
            return Reference::learn(&RgbaImage::new(1, 1), role);
        }
        let picture = reduced(picture, WORKING);
        let subject = subject(&picture, role);
        let flat = flattened(picture);
        let (w, h) = flat.dimensions();
        let outlined = subject.is_some();
        let mask_of = |x: u32, y: u32| match &subject {
            Some(subject) => subject.at(x, y, w, h),
            None => true,
        };
        let bounds = match &subject {
            Some(subject) => subject.bounds(w, h),
            None => [0, 0, w, h],
        };
        let [left, top, right, bottom] = bounds;
        let (cw, ch) = (right - left, bottom - top);
        let crop = RgbaImage::from_fn(cw, ch, |x, y| {
            let mut pixel = *flat.get_pixel(left + x, top + y);
            pixel.0[3] = 255;
            pixel
        });
        let masked = RgbaImage::from_fn(cw, ch, |x, y| {
            let value = if mask_of(left + x, top + y) { 255 } else { 0 };
            image::Rgba([value, value, value, 255])
        });
        let long = cw.max(ch);
        let side = |n: u32, longest: usize| {
            ((n as f32 * longest as f32 / long as f32).round() as u32).max(8)
        };
        let (width, height) = (side(cw, CANON), side(ch, CANON));
        let canon = stretched(&crop, width, height);
        let mask: Vec<f32> =
            stretched(&masked, width, height).pixels().map(|p| f32::from(p.0[0]) / 255.0).collect();
        let luma = Plane::luma(&canon);
        let lights = BLURS.iter().map(|sigma| blurred(&luma, *sigma)).collect();
        let pointed = reduced(&crop, POINTS);
        let pattern = Pattern::new();
        let (pw, ph) = (pointed.width() as f32, pointed.height() as f32);
        let points = match role {
            Role::Look => Vec::new(),
            _ => keypoints::find(&Plane::luma(&pointed), MOST_POINTS, &pattern, |x, y| {
                let (x, y) = ((x / pw * cw as f32) as u32, (y / ph * ch as f32) as u32);
                mask_of(left + x.min(cw - 1), top + y.min(ch - 1))
            }),
        };
        let unit = pw.max(ph) / 2.0;
        let places = points
            .iter()
            .map(|p| {
                let u = (p.x + 0.5 - pw / 2.0) / unit;
                let v = (p.y + 0.5 - ph / 2.0) / unit;
                [f64::from(u), f64::from(v)]
            })
            .collect();
        let weights = Plane::new(width as usize, height as usize, mask.clone());
        let samples = |least: f32| {
            LEVELS.iter().map(|n| samples(&luma, &weights, *n, least)).collect::<Vec<_>>()
        };
        let whole = f64::from(w.max(h));
        Reference {
            role,
            aspect: [f64::from(cw) / f64::from(long), f64::from(ch) / f64::from(long)],
            width: width as usize,
            height: height as usize,
            linear: canon.pixels().map(|p| [0, 1, 2].map(|c| to_linear(p.0[c]))).collect(),
            inner: inner(&weights, outlined, RIM),
            core: inner(&weights, outlined, WIDE_RIM),
            empty: empty(&mask, width as usize, height as usize),
            mask,
            lights,
            points,
            places,
            unit,
            samples: samples(0.25),
            inner_samples: samples(0.97),
            coarse: coarse(&luma, &weights),
            placed: Placed {
                middle: [
                    f64::from(left + right) / 2.0 / f64::from(w),
                    f64::from(top + bottom) / 2.0 / f64::from(h),
                ],
                half: f64::from(long) / 2.0 / whole,
                picture: [f64::from(w) / whole, f64::from(h) / whole],
            },
            statistics: Statistics::of(&image::DynamicImage::ImageRgba8(flat).to_rgb8()),
            outlined,
        }
    }

    /// Whether the subject is at a place (in units), or nearly.
    pub(super) fn holds(&self, u: f64, v: f64) -> bool {
        let half = self.width.max(self.height) as f64 / 2.0;
        let (x, y) = (u * half + self.width as f64 / 2.0, v * half + self.height as f64 / 2.0);
        if !(x >= 0.0 && y >= 0.0 && x < self.width as f64 && y < self.height as f64) {
            return false;
        }
        self.mask[y as usize * self.width + x as usize] > 0.1
    }

    /// What it was given for.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// Which pixels of a coarse copy the subject has.
struct Subject {
    width: usize,
    height: usize,
    set: Vec<bool>,
}

impl Subject {
    fn at(&self, x: u32, y: u32, w: u32, h: u32) -> bool {
        let px = (x as usize * self.width / w as usize).min(self.width - 1);
        let py = (y as usize * self.height / h as usize).min(self.height - 1);
        self.set[py * self.width + px]
    }

    /// Left, top, right, bottom with a margin, in pixels of a picture of that size.
    fn bounds(&self, w: u32, h: u32) -> [u32; 4] {
        let [mut l, mut t, mut r, mut b] = [self.width, self.height, 0, 0];
        for at in (0..self.set.len()).filter(|at| self.set[*at]) {
            let (x, y) = (at % self.width, at / self.width);
            (l, t, r, b) = (l.min(x), t.min(y), r.max(x + 1), b.max(y + 1));
        }
        if l >= r || t >= b {
            return [0, 0, w, h];
        }
        let margin = (MARGIN * (r - l).max(b - t) as f32).ceil() as usize;
        let scale = |n: usize, to: u32, of: usize| (n as u64 * u64::from(to) / of as u64) as u32;
        let (l, t) = (l.saturating_sub(margin), t.saturating_sub(margin));
        let (r, b) = ((r + margin).min(self.width), (b + margin).min(self.height));
        let (l, t) = (scale(l, w, self.width), scale(t, h, self.height));
        let (r, b) = (scale(r, w, self.width).min(w), scale(b, h, self.height).min(h));
        [l, t, r.max(l + 1), b.max(t + 1)]
    }
}

/// The subject before a plain or transparent ground; nothing where the whole picture counts.
fn subject(picture: &RgbaImage, role: Role) -> Option<Subject> {
    if role != Role::Identity {
        return None;
    }
    let small = reduced(picture, COARSE);
    let clear: Vec<bool> = small.pixels().map(|p| p.0[3] < 128).collect();
    let transparent = clear.iter().any(|c| *c).then_some(&clear[..]);
    let flat = flattened(small.clone());
    let lab = Lab::of(&flat);
    let found = find_ground(&lab, transparent, |x, y| {
        let [r, g, b, _] = flat.get_pixel(x as u32, y as u32).0;
        [r, g, b]
    });
    let kept = found.subject.filter(|s| s.area > 0.01 && s.area < 0.97)?;
    let set = match (found.background, found.ground) {
        (Background::Transparent, _) => clear.iter().map(|c| !c).collect(),
        (_, Some(ground)) => ground.subject,
        _ => return None,
    };
    let _ = kept;
    let (width, height) = (small.width() as usize, small.height() as usize);
    Some(Subject { width, height, set: filled(set, width, height) })
}

/// Holes inside the subject belong to it when they are small: a white label on a white ground.
fn filled(set: Vec<bool>, width: usize, height: usize) -> Vec<bool> {
    let outside =
        crate::inspect::segment::flooded((width, height), |at| !set[at], |_, to| !set[to]);
    let free: Vec<bool> = (0..set.len()).map(|at| !set[at] && !outside[at]).collect();
    let (parts, of) = crate::inspect::segment::parts(&free, (width, height));
    let area = set.iter().filter(|s| **s).count();
    (0..set.len())
        .map(|at| set[at] || of[at] != 0 && parts[of[at] as usize - 1].area * 12 < area)
        .collect()
}

/// A plane blurred by a bell.
pub(super) fn blurred(plane: &Plane, sigma: f32) -> Plane {
    if sigma < 0.05 {
        return plane.clone();
    }
    let reach = (sigma * 2.6).ceil() as i32;
    let raw: Vec<f32> =
        (-reach..=reach).map(|i| (-(i * i) as f32 / (2.0 * sigma * sigma)).exp()).collect();
    let sum: f32 = raw.iter().sum();
    let kernel: Vec<f32> = raw.iter().map(|k| k / sum).collect();
    plane.convolved(&kernel)
}

/// A plane whose longer side has so many pixels, by the means of squares.
fn smaller(plane: &Plane, longest: usize) -> Plane {
    let long = plane.width.max(plane.height);
    if long <= longest {
        return plane.clone();
    }
    let factor = long as f32 / longest as f32;
    let side = |n: usize| ((n as f32 / factor).round() as usize).max(4);
    let (w, h) = (side(plane.width), side(plane.height));
    let soft = blurred(plane, 0.45 * factor);
    let (sx, sy) = (plane.width as f32 / w as f32, plane.height as f32 / h as f32);
    let mut values = Vec::with_capacity(w * h);
    for y in 0..h {
        for x in 0..w {
            let (px, py) = ((x as f32 + 0.5) * sx - 0.5, (y as f32 + 0.5) * sy - 0.5);
            values.push(keypoints::between(&soft, px, py));
        }
    }
    Plane::new(w, h, values)
}

/// Which squares of a mask have hardly anything in them.
fn empty(mask: &[f32], width: usize, height: usize) -> Vec<bool> {
    let mut sums = vec![(0.0f32, 0.0f32); width.div_ceil(SQUARE) * height.div_ceil(SQUARE)];
    for (at, share) in mask.iter().enumerate() {
        let (x, y) = (at % width, at / width);
        let sum = &mut sums[(y / SQUARE) * width.div_ceil(SQUARE) + x / SQUARE];
        *sum = (sum.0 + share, sum.1 + 1.0);
    }
    sums.into_iter().map(|(sum, n)| sum < 0.25 * n).collect()
}

/// A mask without its rim.
fn inner(mask: &Plane, outlined: bool, rim: f32) -> Vec<f32> {
    if !outlined {
        return mask.values.clone();
    }
    let soft = blurred(mask, rim);
    soft.values.iter().map(|v| ((v - 0.75) / 0.2).clamp(0.0, 1.0)).collect()
}

fn coarse(luma: &Plane, mask: &Plane) -> Coarse {
    let (small, set) = (smaller(luma, 64), smaller(mask, 64));
    let wide = blurred(&set, 1.5);
    let inner = wide.values.iter().map(|v| ((v - 0.75) / 0.2).clamp(0.0, 1.0)).collect();
    Coarse {
        width: small.width,
        height: small.height,
        weight: wide.values.iter().map(|v| (v * 1.6).min(1.0)).collect(),
        inner,
        luma: small.values,
    }
}

/// The places with most slope, spread over the subject; at least so much of each is the subject.
fn samples(luma: &Plane, mask: &Plane, longest: usize, least: f32) -> Vec<Sample> {
    let small = blurred(&smaller(luma, longest), 0.8);
    let set = blurred(&smaller(mask, longest), 1.0);
    let (w, h) = (small.width, small.height);
    if w < 6 || h < 6 {
        return Vec::new();
    }
    let half = w.max(h) as f32 / 2.0;
    let mut squares: Vec<Vec<(f32, usize)>> = vec![Vec::new(); 16 * 16];
    for y in 1..h - 1 {
        for x in 1..w - 1 {
            let at = y * w + x;
            if set.values[at] < least {
                continue;
            }
            let (dx, dy) = slope(&small, at);
            let strength = dx * dx + dy * dy;
            if strength > 1.0 {
                squares[(y * 16 / h) * 16 + x * 16 / w].push((strength, at));
            }
        }
    }
    let held = squares.iter().filter(|s| !s.is_empty()).count().max(1);
    let each = (MOST_SAMPLES / held).max(6);
    let mut out = Vec::new();
    for square in &mut squares {
        square.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, at) in square.iter().take(each) {
            let (x, y) = (at % w, at / w);
            let (dx, dy) = slope(&small, *at);
            out.push(Sample {
                u: (x as f32 + 0.5 - w as f32 / 2.0) / half,
                v: (y as f32 + 0.5 - h as f32 / 2.0) / half,
                value: small.values[*at],
                slope: [dx * half, dy * half],
                weight: (set.values[*at] * 1.5).min(1.0),
            });
        }
    }
    out
}

fn slope(plane: &Plane, at: usize) -> (f32, f32) {
    let (v, w) = (&plane.values, plane.width);
    ((v[at + 1] - v[at - 1]) / 2.0, (v[at + w] - v[at - w]) / 2.0)
}
