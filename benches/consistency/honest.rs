//! Honest changes: what a camera, light, an encoder or a hand does to a product that stays itself.
//!
//! What lives here: the kinds, their strengths, and the recipe of a clip. What never does: drift.

use fastrand::Rng;

use crate::camera::{Aim, Path, View};
use crate::cover::{Cover, Shape};
use crate::film::Rate;
use crate::pool::Item;
use crate::subject::Rect;

/// The honest changes, as they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Honest {
    Push,
    Pull,
    Pan,
    Tilt,
    Roll,
    Perspective,
    Handheld,
    Exposure,
    Warm,
    Cool,
    MotionBlur,
    Bitrate,
    Background,
    CoverMoving,
    CoverHolding,
}

impl Honest {
    pub const ALL: [Honest; 15] = [
        Honest::Push,
        Honest::Pull,
        Honest::Pan,
        Honest::Tilt,
        Honest::Roll,
        Honest::Perspective,
        Honest::Handheld,
        Honest::Exposure,
        Honest::Warm,
        Honest::Cool,
        Honest::MotionBlur,
        Honest::Bitrate,
        Honest::Background,
        Honest::CoverMoving,
        Honest::CoverHolding,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Honest::Push => "push",
            Honest::Pull => "pull",
            Honest::Pan => "pan",
            Honest::Tilt => "tilt",
            Honest::Roll => "in-plane rotation",
            Honest::Perspective => "perspective",
            Honest::Handheld => "handheld",
            Honest::Exposure => "exposure",
            Honest::Warm => "warm light",
            Honest::Cool => "cool light",
            Honest::MotionBlur => "motion blur",
            Honest::Bitrate => "bitrate",
            Honest::Background => "background replaced",
            Honest::CoverMoving => "hand or prop passing",
            Honest::CoverHolding => "hand or prop staying",
        }
    }

    /// Whether it can be done to a picture.
    pub fn fits(self, item: &Item) -> bool {
        self != Honest::Background || item.mask.is_some()
    }
}

/// What is behind the product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ground {
    /// What the picture has.
    Own,
    /// Another: how busy (1 to 3), by a seed.
    Other { busy: u8, seed: u64 },
}

/// Light in linear gains, from beginning to end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Stops.
    pub stops: (f32, f32),
    /// Above 0 warm, below cool: share by which red gains and blue loses.
    pub warmth: (f32, f32),
}

/// Everything honest about a clip.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub width: u32,
    pub height: u32,
    pub frames: u32,
    pub aim: Aim,
    pub path: Path,
    pub light: Light,
    pub ground: Ground,
    pub cover: Option<Cover>,
    /// Moments that one frame is the mean of, and the share of the frame's time they span.
    pub shutter: (u32, f32),
    /// Levels of noise.
    pub noise: f32,
    /// Softness of the whole clip: its pictures are reduced by this before they are filmed.
    pub soft: f32,
    pub rate: Rate,
}

/// Sides of frames; all even, the longer one at most 640.
const SIZES: [(u32, u32); 6] =
    [(480, 480), (432, 540), (360, 640), (640, 360), (560, 420), (420, 560)];

/// Frames of a clip, at 24 a second.
pub const FRAMES: u32 = 16;

/// Makes a recipe in which one honest change is strong (1 to 3) and others are mild. `shown` is what
/// must stay visible: where a drift is; `room` is what else the frame must have room for.
pub fn recipe(
    kind: Honest,
    strength: u8,
    item: &Item,
    shown: Option<Rect>,
    room: Option<Rect>,
    rng: &mut Rng,
) -> Recipe {
    let level = usize::from(strength.clamp(1, 3)) - 1;
    let of = |values: [f32; 3]| values[level];
    let mut sign = || if rng.bool() { 1.0 } else { -1.0 };
    let (side, other_side) = (sign(), sign());
    let mut spread = |most: f32| (rng.f32() * 2.0 - 1.0) * most;
    let mut from = View {
        roll: spread(0.015),
        yaw: spread(0.03),
        pitch: spread(0.03),
        dx: spread(0.02),
        dy: spread(0.02),
        ..View::default()
    };
    let mut to = View {
        zoom: 1.03 + spread(0.06),
        roll: from.roll + spread(0.02),
        yaw: from.yaw + spread(0.04),
        pitch: from.pitch + spread(0.03),
        dx: from.dx + 0.02 * side + spread(0.02),
        dy: from.dy + spread(0.03),
        ..View::default()
    };
    let mut light =
        Light { stops: (spread(0.06), spread(0.1)), warmth: (spread(0.012), spread(0.02)) };
    let mut shake = if spread(1.0) > 0.0 { 0.0015 } else { 0.0 };
    // By how much pictures without ground around them are framed tighter.
    let mut margin = 1.1;
    let mut swing = (0.0, 0.0);
    let mut shutter = (1, 0.0);
    let mut soft = 1.0 - 0.25 * spread(1.0).abs();
    let mut rate = Rate::Quantiser(if spread(1.0) > 0.0 { 24 } else { 28 });
    let mut ground = Ground::Own;
    match kind {
        Honest::Push => {
            to.zoom = of([1.2, 1.4, 1.75]);
            to.aim = 0.7;
        }
        Honest::Pull => {
            if item.free {
                to.zoom = of([0.85, 0.72, 0.58]);
            } else {
                from.zoom = of([1.15, 1.35, 1.6]);
                to.zoom = 1.0;
            }
        }
        Honest::Pan => {
            let a = of([0.08, 0.15, 0.24]);
            (from.dx, to.dx) = (-a / 2.0 * side, a / 2.0 * side);
            margin += a;
        }
        Honest::Tilt => {
            let a = of([0.08, 0.15, 0.24]);
            (from.dy, to.dy) = (-a / 2.0 * side, a / 2.0 * side);
            margin += a;
        }
        Honest::Roll => {
            let a = of([4.0f32, 9.0, 18.0]).to_radians();
            to.roll = a * side;
            margin += 0.9 * a;
        }
        Honest::Perspective => {
            let a = of([7.0f32, 13.0, 20.0]).to_radians();
            to.yaw = a * side;
            to.pitch = 0.35 * a * other_side;
            margin += 0.4 * a;
        }
        Honest::Handheld => {
            shake = of([0.006, 0.012, 0.022]);
            margin += 2.0 * shake;
        }
        Honest::Exposure => {
            let a = of([0.4, 0.7, 1.0]) * side;
            light.stops = if other_side > 0.0 { (a, a) } else { (0.0, a) };
        }
        Honest::Warm | Honest::Cool => {
            let a = of([0.06, 0.12, 0.2]) * if kind == Honest::Warm { 1.0 } else { -1.0 };
            light.warmth = if other_side > 0.0 { (a, a) } else { (0.0, a) };
        }
        Honest::MotionBlur => {
            // The quickest moment of the swing moves by pi × its size over 0.4 of the frames.
            let pixels = of([8.0, 18.0, 34.0]);
            let share = pixels * 0.4 * FRAMES as f32 / (std::f32::consts::PI * 480.0);
            swing = if other_side > 0.0 { (share * side, 0.0) } else { (0.0, share * side) };
            shutter = (9, 0.8);
            margin += share;
        }
        Honest::Bitrate => {
            rate = Rate::BitsAPixel(of([0.08, 0.04, 0.02]));
            soft = 1.0;
        }
        Honest::Background => ground = Ground::Other { busy: strength, seed: 0 },
        Honest::CoverMoving | Honest::CoverHolding => {}
    }
    let (width, height) = size(item, rng);
    let (fw, fh) = (width as f32, height as f32);
    let (pw, ph) = (item.picture.width() as f32, item.picture.height() as f32);
    let fill = 0.66 + 0.24 * rng.f32();
    let aim = if item.free {
        let whole = room.unwrap_or(item.subject);
        Aim {
            wide: whole.middle(),
            close: room.or(shown).unwrap_or(item.region).middle(),
            scale: fill * (fw / whole.w).min(fh / whole.h),
            width: fw,
            height: fh,
        }
    } else {
        let scale = margin * (fw / pw).max(fh / ph);
        // The look stays inside the picture.
        let (hw, hh) = (fw / scale / 2.0, fh / scale / 2.0);
        let (sx, sy) = shown.unwrap_or(item.subject).middle();
        let wide = (
            sx.clamp((hw * 1.06).min(pw / 2.0), (pw - hw * 1.06).max(pw / 2.0)),
            sy.clamp((hh * 1.06).min(ph / 2.0), (ph - hh * 1.06).max(ph / 2.0)),
        );
        let close = shown.unwrap_or(item.region).middle();
        let (hw, hh) = (hw / 1.4, hh / 1.4);
        let close = (close.0.clamp(hw, pw - hw), close.1.clamp(hh, ph - hh));
        Aim { wide, close, scale, width: fw, height: fh }
    };
    if let Ground::Other { seed, .. } = &mut ground {
        *seed = rng.u64(..);
    }
    let mut path = Path::new(from, to, shake, rng.bool(), rng);
    path.swing = swing;
    let cover = matches!(kind, Honest::CoverMoving | Honest::CoverHolding).then(|| {
        let shape = if rng.f32() < 0.65 { Shape::hand(rng) } else { Shape::prop(rng) };
        Cover::placed(shape, kind == Honest::CoverMoving, of([0.1, 0.2, 0.3]), item, shown, rng)
    });
    Recipe {
        width,
        height,
        frames: FRAMES,
        aim,
        path,
        light,
        ground,
        cover,
        shutter,
        noise: rng.f32() * 1.6,
        soft,
        rate,
    }
}

/// A size of frame; pictures without ground around them get one of about their own shape.
fn size(item: &Item, rng: &mut Rng) -> (u32, u32) {
    let own = item.picture.width() as f32 / item.picture.height() as f32;
    let fitting: Vec<(u32, u32)> = SIZES
        .into_iter()
        .filter(|(w, h)| item.free || ((*w as f32 / *h as f32) / own).ln().abs() < 0.34)
        .collect();
    if fitting.is_empty() { SIZES[0] } else { fitting[rng.usize(..fitting.len())] }
}
