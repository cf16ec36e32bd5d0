//! Pictures become shots: what stands where, how deep, and how large.
//!
//! What lives here: layers, fitting, backdrops. What never does: which pictures a job has and
//! when each is seen (that is the sequence), pixels of drawing (that is the raster).

use std::sync::Arc;

use image::{Rgba, RgbaImage};

use super::camera::{Path, Place};
use super::matte::CutOut;
use super::raster::{Raster, Scratch, Stand, resized};
use crate::media::frame::Frame;

/// Largest growth of a small picture; beyond, it would only be a blur that takes memory.
const MAX_GROWTH: f32 = 6.0;

/// Size of a clip's frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Pixels.
    pub w: f32,
    /// Pixels.
    pub h: f32,
}

/// A raster with its place at rest.
#[derive(Debug, Clone)]
struct Layer {
    raster: Arc<Raster>,
    rest: Stand,
    /// 0 is far away, 1 the subject.
    depth: f32,
    /// Whether it is a body that turns.
    turns: bool,
}

/// What one camera sees.
#[derive(Debug, Clone)]
pub struct Shot {
    layers: Vec<Layer>,
    path: Path,
    size: Size,
}

impl Shot {
    /// Draws it as it looks at `t`, from 0 to 1.
    pub fn draw(&self, t: f32, frame: &mut Frame, scratch: &mut Scratch) {
        let pose = self.path.at(t);
        let Size { w, h } = self.size;
        for layer in &self.layers {
            let place = Place::of(&pose, layer.depth);
            let stand = Stand {
                x: w / 2.0 + (layer.rest.x - w / 2.0) * place.scale + place.x * w,
                y: h / 2.0 + (layer.rest.y - h / 2.0) * place.scale + place.y * h,
                scale: layer.rest.scale * place.scale,
                turn: if layer.turns { pose.turn } else { 0.0 },
            };
            layer.raster.draw(&stand, frame, scratch);
        }
    }
}

/// What is behind a subject.
#[derive(Debug, Clone, Copy)]
pub enum Behind<'a> {
    /// The subject's own background, extended.
    Own,
    /// Another picture.
    Picture(&'a RgbaImage),
}

/// Whether a shot's pictures may be fitted with a reserve for the camera's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// As large as the way needs, so that no edge is ever seen.
    Moving,
    /// Exactly the frame at rest: for clips whose first or last frame is given.
    Exact,
}

/// A whole picture. It fills the frame; if that would cut away half of it, it stands before a
/// blurred copy of itself instead, unless the camera goes sideways along it.
pub fn whole(image: &RgbaImage, size: Size, path: Path, fit: Fit) -> Shot {
    let (iw, ih) = (image.width() as f32, image.height() as f32);
    let needs = path.needs(1.0);
    let reserve = if fit == Fit::Moving { needs.cover } else { 1.0 };
    let cover = (size.w / iw).max(size.h / ih);
    let contain = (size.w / iw).min(size.h / ih);
    let wide = size.w / iw < size.h / ih;
    let along = path.goes_sideways() && wide && fit == Fit::Moving;
    if contain / cover < 0.5 && !along {
        return before_blur(image, size, path, contain * 1.28);
    }
    let shown = cover * reserve;
    let slack = [(iw * shown - size.w * reserve) / 2.0, (ih * shown - size.h * reserve) / 2.0];
    let (focus_x, focus_y) = focus(image);
    let shift = |focus: f32, length: f32, slack: f32| {
        let slack = slack.max(0.0);
        ((0.5 - focus) * length * shown).clamp(-slack, slack)
    };
    // Along a wide picture the camera uses the room that there is, from side to side.
    let (x, path) = if along {
        (0.0, path.wider((1.0 + 0.8 * slack[0].max(0.0) / (0.05 * size.w)).min(5.0)))
    } else {
        (shift(focus_x, iw, slack[0]), path)
    };
    let y = shift(focus_y, ih, slack[1]);
    let made = (shown * needs.growth).min(MAX_GROWTH);
    let layer = Layer {
        raster: Arc::new(Raster::scaled(image, made, false)),
        rest: Stand { x: size.w / 2.0 + x, y: size.h / 2.0 + y, scale: shown / made, turn: 0.0 },
        depth: 1.0,
        turns: true,
    };
    Shot { layers: vec![layer], path, size }
}

fn before_blur(image: &RgbaImage, size: Size, path: Path, shown: f32) -> Shot {
    let growth = path.needs(1.0).growth;
    let behind = blurred(image, 0.62);
    let mut front = image.clone();
    // Its edges meet the blur softly.
    let (w, h) = front.dimensions();
    for (x, y, pixel) in front.enumerate_pixels_mut() {
        let inside = x.min(y).min(w - 1 - x).min(h - 1 - y);
        if inside < 2 {
            pixel.0[3] = (inside * 110) as u8;
        }
    }
    let made = (shown * growth).min(MAX_GROWTH);
    let front = Layer {
        raster: Arc::new(Raster::scaled(&front, made, true)),
        rest: Stand { x: size.w / 2.0, y: size.h / 2.0, scale: shown / made, turn: 0.0 },
        depth: 0.9,
        turns: false,
    };
    Shot { layers: vec![backdrop(&behind, size, &path, 0.0), front], path, size }
}

/// A cut-out subject in front of something.
pub fn subject(cut: &CutOut, behind: Behind<'_>, size: Size, path: Path) -> Shot {
    let back = match behind {
        Behind::Own => {
            let studio = studio(cut.ground.mean(), size);
            backdrop(&studio, size, &path, 0.15)
        }
        Behind::Picture(picture) => backdrop(&softened(picture, size), size, &path, 0.0),
    };
    let mut layers = vec![back];
    let (rest, foot) = stand_of(cut, matches!(behind, Behind::Picture(_)), size, &path);
    let made = (rest.scale * path.needs(1.0).growth).min(MAX_GROWTH);
    if let Some((x, y, radius)) = foot {
        layers.push(shadow(x, y, radius));
    }
    layers.push(Layer {
        raster: Arc::new(Raster::scaled(&cut.image, made, true)),
        rest: Stand { scale: rest.scale / made, ..rest },
        depth: 1.0,
        turns: true,
    });
    Shot { layers, path, size }
}

/// A subject that stands free before one that the lower edge cuts: a product before its host.
/// Both keep clear of each other's middle.
pub fn pair(host: &CutOut, product: &CutOut, behind: Behind<'_>, size: Size, path: Path) -> Shot {
    let mut shot = subject(host, behind, size, path);
    let [left, top, right, bottom] = product.solid.map(|n| n as f32);
    let (bw, bh) = (right - left, bottom - top);
    let scale = (0.46 * size.w.min(size.h) / bw).min(0.36 * size.h / bh);
    let made = (scale * path.needs(1.2).growth).min(MAX_GROWTH);
    let side = if size.w > size.h * 1.2 { 0.24 } else { 0.2 };
    // Half a frame's margin below, as far as the nearest point of the way allows.
    let grown = path.needs(1.2).growth;
    let foot = size.h / 2.0 + (0.445 * size.h) / grown.max(1.0);
    let (iw, ih) = (product.image.width() as f32, product.image.height() as f32);
    shot.layers.push(Layer {
        raster: Arc::new(Raster::scaled(&product.image, made, true)),
        rest: Stand {
            x: size.w * (0.5 + side) + (iw / 2.0 - (left + right) / 2.0) * scale,
            y: foot - (bottom - ih / 2.0) * scale,
            scale: scale / made,
            turn: 0.0,
        },
        depth: 1.2,
        turns: true,
    });
    if let Some(host) = shot.layers.get_mut(1).filter(|_| size.w > size.h * 1.2) {
        host.rest.x -= size.w * 0.12;
    }
    shot
}

/// A picture with a plain background, extended by that background to the frame's shape. A
/// subject that the lower edge cuts stays at the lower edge.
pub fn extended(image: &RgbaImage, cut: &CutOut, size: Size) -> RgbaImage {
    let (iw, ih) = (image.width() as f32, image.height() as f32);
    let (w, h) = if iw * size.h > ih * size.w {
        (iw, iw * size.h / size.w)
    } else {
        (ih * size.w / size.h, ih)
    };
    let left = (w - iw) / 2.0;
    let top = if cut.cut_below { h - ih } else { (h - ih) / 2.0 };
    // The seam lies inside the picture, where its background is still as it was fitted.
    let seam = iw.min(ih) * 0.04;
    RgbaImage::from_fn(w.round() as u32, h.round() as u32, |x, y| {
        let (px, py) = (x as f32 - left, y as f32 - top);
        let (cx, cy) = (px.clamp(0.0, iw - 1.0), py.clamp(0.0, ih - 1.0));
        let ground = cut.ground.at(cx as usize, cy as usize);
        let inside_x = if w > iw { px.min(iw - 1.0 - px) } else { f32::MAX };
        let below = if cut.cut_below { f32::MAX } else { ih - 1.0 - py };
        let inside_y = if h > ih { py.min(below) } else { f32::MAX };
        let weight = smooth(inside_x.min(inside_y) / seam);
        let own = image.get_pixel(cx as u32, cy as u32).0;
        let [r, g, b] = [0, 1, 2].map(|c| {
            (ground[c] + (f32::from(own[c]) - ground[c]) * weight).round().clamp(0.0, 255.0) as u8
        });
        Rgba([r, g, b, 255])
    })
}

/// Shots made of images that are drawn for the clip: a background and what stands before it.
pub fn drawn(behind: &RgbaImage, front: &RgbaImage, size: Size, path: Path) -> Shot {
    let front = Layer {
        raster: Arc::new(Raster::from_image(front, true)),
        rest: Stand { x: size.w / 2.0, y: size.h / 2.0, scale: 1.0, turn: 0.0 },
        depth: 1.0,
        turns: false,
    };
    Shot { layers: vec![backdrop(behind, size, &path, 0.0), front], path, size }
}

/// Where the cut-out's middle stands and how large it is; and where its foot is when it needs a
/// shadow, with the foot's half width.
fn stand_of(
    cut: &CutOut,
    in_scene: bool,
    size: Size,
    path: &Path,
) -> (Stand, Option<(f32, f32, f32)>) {
    let [left, top, right, bottom] = cut.solid.map(|n| n as f32);
    let (bw, bh) = ((right - left).max(1.0), (bottom - top).max(1.0));
    let needs = path.needs(1.0);
    let tall = size.h > size.w * 1.2;
    let scale = if cut.cut_aside {
        (needs.cover * size.w * 1.02 / bw).max(0.8 * size.h / bh)
    } else if cut.cut_below {
        (0.8 * size.h / bh).min(1.02 * size.w / bw)
    } else {
        let share = if in_scene { 0.82 } else { 1.0 };
        let height = if tall { 0.58 } else { 0.68 };
        share * (0.76 * size.w / bw).min(height * size.h / bh) / needs.growth
    };
    let (iw, ih) = (cut.image.width() as f32, cut.image.height() as f32);
    let x = size.w / 2.0 + (iw / 2.0 - (left + right) / 2.0) * scale;
    let body_bottom = if cut.cut_below {
        lowest(path, size)
    } else if in_scene {
        size.h * 0.84
    } else {
        size.h * 0.51 + bh * scale / 2.0
    };
    let y = body_bottom - (bottom - ih / 2.0) * scale;
    // A cut-out with a veil brings its own shadow.
    let has_veil = cut.image.pixels().any(|p| (8..120).contains(&p.0[3]) && p.0[0] < 60);
    let foot =
        (!cut.cut_below && !has_veil).then(|| (size.w / 2.0, body_bottom, bw * scale * 0.52));
    (Stand { x, y, scale, turn: 0.0 }, foot)
}

/// How low the edge of a subject that is cut below must be so that it is never seen.
fn lowest(path: &Path, size: Size) -> f32 {
    const STEPS: u8 = 16;
    (0..=STEPS)
        .map(|step| {
            let place = Place::of(&path.at(f32::from(step) / f32::from(STEPS)), 1.0);
            size.h / 2.0 + (size.h / 2.0 + 3.0 - place.y * size.h) / place.scale
        })
        .fold(size.h, f32::max)
}

/// A layer that fills the frame all along the way.
fn backdrop(image: &RgbaImage, size: Size, path: &Path, depth: f32) -> Layer {
    let (iw, ih) = (image.width() as f32, image.height() as f32);
    let needs = path.needs(depth);
    let shown = (size.w / iw).max(size.h / ih) * needs.cover;
    Layer {
        raster: Arc::new(Raster::from_image(image, false)),
        rest: Stand { x: size.w / 2.0, y: size.h / 2.0, scale: shown, turn: 0.0 },
        depth,
        turns: false,
    }
}

/// A studio of the given colour: light behind the subject, a soft bend from wall to floor, a
/// little less light towards the corners. Half the frame's size is enough for something so
/// smooth.
fn studio(colour: [f32; 3], size: Size) -> RgbaImage {
    let (w, h) = ((size.w / 2.0).ceil() as u32, (size.h / 2.0).ceil() as u32);
    let shape = size.w.min(size.h);
    RgbaImage::from_fn(w, h, |x, y| {
        let across = (x as f32 * 2.0 - size.w / 2.0) / shape;
        let down = (y as f32 * 2.0 - size.h * 0.46) / shape;
        let far = (across * across + down * down).sqrt();
        let floor = smooth((y as f32 / h as f32 - 0.52) / 0.36);
        let light = 1.0 + 0.02 * (1.0 - smooth(far / 0.7))
            - 0.035 * floor
            - 0.075 * smooth((far - 0.25) / 0.95);
        // Less than one step of noise, against bands in the gradient.
        let noise = super::camera::unit(u64::from(y) << 32 | u64::from(x), 3) - 0.5;
        let [r, g, b] = colour.map(|c| (c * light + noise).round().clamp(0.0, 255.0) as u8);
        Rgba([r, g, b, 255])
    })
}

fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A soft shadow where something stands.
fn shadow(x: f32, y: f32, radius: f32) -> Layer {
    let radius = radius.max(4.0);
    let (w, h) = (96u32, 32u32);
    let image = RgbaImage::from_fn(w, h, |px, py| {
        let dx = (px as f32 + 0.5) / w as f32 * 2.0 - 1.0;
        let dy = (py as f32 + 0.5) / h as f32 * 2.0 - 1.0;
        let near = (1.0 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
        Rgba([12, 12, 16, (smooth(near) * 120.0) as u8])
    });
    Layer {
        raster: Arc::new(Raster::from_image(&image, true)),
        rest: Stand { x, y: y - radius * 0.02, scale: radius * 2.6 / w as f32, turn: 0.0 },
        depth: 0.96,
        turns: false,
    }
}

/// A picture out of focus and a little darker.
fn blurred(image: &RgbaImage, light: f32) -> RgbaImage {
    let (w, h) = image.dimensions();
    let longest = w.max(h) as f32;
    let side = |n: u32, long: f32| ((n as f32 * long / longest).round() as u32).max(2);
    let small = resized(image, side(w, 96.0), side(h, 96.0));
    let mut soft = image::imageops::blur(&small, 3.0);
    for pixel in soft.pixels_mut() {
        for c in 0..3 {
            pixel.0[c] = (f32::from(pixel.0[c]) * light) as u8;
        }
        pixel.0[3] = 255;
    }
    resized(&soft, side(w, 480.0), side(h, 480.0))
}

/// A picture as a lens focused on something nearer sees it.
fn softened(image: &RgbaImage, size: Size) -> RgbaImage {
    let (w, h) = image.dimensions();
    let scale = (size.w / w as f32).max(size.h / h as f32) * 0.5;
    let side = |n: u32| ((n as f32 * scale).round() as u32).max(2);
    let radius = size.w.min(size.h) / 480.0;
    image::imageops::blur(&resized(image, side(w), side(h)), radius.max(0.6))
}

/// Where a picture has most to see, from 0 to 1: the centre of its edges, drawn towards the
/// middle.
fn focus(image: &RgbaImage) -> (f32, f32) {
    const SIDE: u32 = 48;
    let small = resized(image, SIDE, SIDE);
    let light = |x: u32, y: u32| {
        let p = small.get_pixel(x, y).0;
        (f32::from(p[0]) * 2.0 + f32::from(p[1]) * 5.0 + f32::from(p[2])) / 8.0
    };
    let (mut sum, mut sx, mut sy) = (1e-3, 0.5e-3, 0.5e-3);
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            let (px, py) = ((x as f32 + 0.5) / SIDE as f32, (y as f32 + 0.5) / SIDE as f32);
            let edge = (light(x + 1, y) - light(x - 1, y)).abs()
                + (light(x, y + 1) - light(x, y - 1)).abs();
            let centre = 1.0 - 0.7 * ((px - 0.5).abs() + (py - 0.5).abs());
            let weight = edge * centre;
            sum += weight;
            sx += weight * px;
            sy += weight * py;
        }
    }
    (sx / sum, sy / sum)
}
