//! Drift: what makes a product another one, though the camera, the light and the hand are honest.
//!
//! What lives here: the kinds, and what each makes of a picture. What never does: cameras.

use fastrand::Rng;
use image::{GrayImage, RgbImage};

use crate::honest::FRAMES;
use crate::label::{self, Design, Mark};
use crate::paint::{self, Noise};
use crate::pool::Item;
use crate::raster::{Edge, Layer};
use crate::subject::{Rect, bounds, filled};

/// The kinds of drift, as they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    Hue,
    Saturation,
    LabelReplaced,
    LabelGarbled,
    LogoGone,
    Proportions,
    PartSwapped,
    OtherSku,
    ColourVariant,
    Morph,
    SecondCopy,
}

impl Drift {
    pub const ALL: [Drift; 11] = [
        Drift::Hue,
        Drift::Saturation,
        Drift::LabelReplaced,
        Drift::LabelGarbled,
        Drift::LogoGone,
        Drift::Proportions,
        Drift::PartSwapped,
        Drift::OtherSku,
        Drift::ColourVariant,
        Drift::Morph,
        Drift::SecondCopy,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Drift::Hue => "hue",
            Drift::Saturation => "saturation",
            Drift::LabelReplaced => "label replaced",
            Drift::LabelGarbled => "label garbled",
            Drift::LogoGone => "logo gone",
            Drift::Proportions => "proportions",
            Drift::PartSwapped => "part swapped",
            Drift::OtherSku => "another SKU",
            Drift::ColourVariant => "colour variant",
            Drift::Morph => "morph",
            Drift::SecondCopy => "second copy",
        }
    }

    /// Whether it can be seen on a picture at all.
    pub fn fits(self, item: &Item) -> bool {
        match self {
            Drift::Saturation => item.chroma >= 14.0,
            Drift::LabelReplaced | Drift::LabelGarbled | Drift::LogoGone => {
                item.label.is_some() || item.fine >= 2.2
            }
            Drift::SecondCopy => item.free || item.mask.is_none(),
            _ => true,
        }
    }
}

/// Letters that move.
#[derive(Debug, Clone)]
pub struct Garble {
    pub region: Rect,
    /// Pixels of the picture.
    pub amplitude: f32,
    pub noise: Noise,
}

/// The same product once more.
#[derive(Debug, Clone)]
pub struct Copy {
    pub picture: RgbImage,
    pub mask: GrayImage,
    /// By how much it is moved, and its size against the first one's.
    pub by: (f32, f32),
    pub size: f32,
    /// Point that stays when it shrinks.
    pub anchor: (f32, f32),
    /// Whether it stands before the first one.
    pub front: bool,
}

/// What becomes of the product.
#[derive(Debug, Clone)]
pub struct Change {
    pub picture: RgbImage,
    pub mask: Option<GrayImage>,
    /// Where in the clip it begins and is complete, 0 to 1.
    pub ramp: (f32, f32),
    /// How much of it there is at most.
    pub most: f32,
    pub stretch: Option<(f32, f32)>,
    pub garble: Option<Garble>,
    pub copy: Option<Copy>,
    /// Boxes of the two products, where one becomes the other in shape too.
    pub morph: Option<(Rect, Rect)>,
    /// Where it is to be seen, if not everywhere on the subject.
    pub shown: Option<Rect>,
    /// What the frame must have room for beside the subject.
    pub room: Option<Rect>,
}

impl Change {
    /// How far it went at a moment.
    pub fn weight(&self, u: f32) -> f32 {
        let (a, b) = self.ramp;
        let t =
            if b <= a { f32::from(u8::from(u >= a)) } else { ((u - a) / (b - a)).clamp(0.0, 1.0) };
        t * t * (3.0 - 2.0 * t) * self.most
    }

    /// As layers: what it becomes.
    pub fn layer(&self, edge: Edge) -> Layer {
        Layer::of(&self.picture, self.mask.as_ref(), edge)
    }
}

/// Makes a drift of a strength, 1 to 3. `others` are pictures of other products.
pub fn change(kind: Drift, strength: u8, item: &Item, others: &[&Item], rng: &mut Rng) -> Change {
    let level = usize::from(strength.clamp(1, 3)) - 1;
    let of = |values: [f32; 3]| values[level];
    // Half of the clips are wrong from the start, half become so.
    let ramp = if rng.bool() { (-1.0, -1.0) } else { (0.1 * rng.f32(), 0.25 + 0.25 * rng.f32()) };
    let mut change = Change {
        picture: item.picture.clone(),
        mask: item.mask.clone(),
        ramp,
        most: 1.0,
        stretch: None,
        garble: None,
        copy: None,
        morph: None,
        shown: matches!(kind, Drift::LabelReplaced | Drift::LabelGarbled | Drift::LogoGone)
            .then_some(item.region),
        room: None,
    };
    match kind {
        Drift::Hue => {
            change.picture =
                paint::turned(item, of([20.0, 36.0, 60.0]), of([6.0, 10.0, 17.0]), rng);
        }
        Drift::Saturation => {
            let factor = if rng.bool() { of([0.62, 0.4, 0.12]) } else { of([1.45, 1.8, 2.4]) };
            change.picture = paint::saturated(&item.picture, factor);
        }
        Drift::ColourVariant => {
            change.picture = paint::variant(item, of([12.0, 20.0, 34.0]), level < 2, rng);
        }
        Drift::LabelReplaced => change.picture = replaced(item, level, rng),
        Drift::LogoGone => change.picture = logo_gone(item, level),
        Drift::LabelGarbled => {
            let height = letters(item);
            change.picture = paint::jumbled(
                &item.picture,
                &item.region,
                height * 1.1,
                of([0.3, 0.55, 0.85]),
                height * of([0.14, 0.22, 0.34]),
                rng,
            );
            change.garble = Some(Garble {
                region: item.region,
                amplitude: height * of([0.05, 0.1, 0.16]),
                noise: Noise::new(rng, height * 0.8),
            });
        }
        Drift::Proportions => {
            let by = of([1.08, 1.13, 1.22]);
            change.stretch = Some(match rng.u8(..4) {
                0 => (by, 1.0),
                1 => (1.0, by),
                2 if item.free => (1.0 / by, 1.0),
                3 if item.free => (1.0, 1.0 / by),
                2 => (by, 1.0),
                _ => (1.0, by),
            });
        }
        Drift::PartSwapped => part_swapped(&mut change, item, others, of([0.16, 0.24, 0.34]), rng),
        Drift::OtherSku => other_sku(&mut change, item, others, level, rng),
        Drift::Morph => {
            let other = paint::fitted(item, others[rng.usize(..others.len())]);
            change.picture = other.0;
            change.morph = match (&item.mask, &other.1) {
                (Some(_), Some(m)) => Some((item.subject, bounds(m))),
                _ => None,
            };
            change.mask = other.1;
            change.ramp = (0.12, 1.0);
            change.most = of([0.4, 0.65, 1.0]);
        }
        Drift::SecondCopy => {
            let copy = second(item, of([0.45, 0.65, 0.9]), rng);
            let seen = if item.mask.is_some() { item.subject } else { item.region };
            let there = Rect {
                x: copy.anchor.0 + (seen.x - copy.anchor.0) * copy.size + copy.by.0,
                y: copy.anchor.1 + (seen.y - copy.anchor.1) * copy.size + copy.by.1,
                w: seen.w * copy.size,
                h: seen.h * copy.size,
            };
            if item.free {
                change.room = Some(there.with(&item.subject));
            }
            change.shown = Some(there);
            change.copy = Some(copy);
            let begin = 0.1 + 0.25 * rng.f32();
            change.ramp = (begin, begin + 4.0 / FRAMES as f32);
        }
    }
    change
}

/// Height of letters in pixels of the picture, as far as it is known.
fn letters(item: &Item) -> f32 {
    let r = &item.region;
    if item.label.is_some() {
        if r.h > r.w * 0.6 { r.h * 0.16 } else { r.h * 0.24 }
    } else {
        (r.h * 0.2).clamp(8.0, 40.0)
    }
}

fn relaid(item: &Item, bare: &RgbImage, design: &Design) -> RgbImage {
    let flat = design.drawn(item.region.w as u32, item.region.h as u32);
    label::laid(bare, &flat, &item.region)
}

fn replaced(item: &Item, level: usize, rng: &mut Rng) -> RgbImage {
    if let Some(known) = &item.label {
        let mut design = known.design.clone();
        match level {
            // The beginning of the name stays.
            0 => {
                let kept: String = design.name.chars().take(2).collect();
                let other = label::brand(rng).to_lowercase();
                design.name = kept + &other[..other.len().min(5)];
            }
            1 => design.name = label::brand(rng),
            _ => {
                design.name = label::brand(rng);
                design.lines = design.lines.iter().map(|_| label::line(rng)).collect();
                design.upper = !design.upper;
            }
        }
        return relaid(item, &known.bare, &design);
    }
    let part = core(item, [0.45, 0.7, 1.0][level]);
    let (bare, ink) = (blank(item, &part), paint::ink(&item.picture, &part, item.mask.as_ref()));
    let mut flat = image::RgbaImage::new(part.w.max(8.0) as u32, part.h.max(8.0) as u32);
    let (w, h) = (part.w, part.h);
    label::text(&mut flat, &label::brand(rng), w * 0.5, h * 0.5, h * 0.5, w * 0.92, ink);
    label::text(&mut flat, &label::line(rng), w * 0.5, h * 0.85, h * 0.26, w * 0.8, ink);
    paint::clipped(&label::laid(&bare, &flat, &part), &item.picture, item.mask.as_ref())
}

fn logo_gone(item: &Item, level: usize) -> RgbImage {
    let Some(known) = &item.label else {
        return blank(item, &core(item, [0.5, 0.75, 1.0][level]));
    };
    let mut design = known.design.clone();
    design.mark = Mark::None;
    if level >= 1 {
        design.name.clear();
    }
    if level == 2 {
        design.lines.clear();
    }
    relaid(item, &known.bare, &design)
}

/// The middle of the region, by area.
fn core(item: &Item, share: f32) -> Rect {
    item.region.scaled(share.sqrt(), share.sqrt())
}

/// The picture with a rectangle filled from around it.
fn blank(item: &Item, part: &Rect) -> RgbImage {
    let hole = paint::soft(item.picture.dimensions(), part, 2.5);
    let hole: Vec<f32> = match &item.mask {
        Some(m) => hole.iter().zip(m.as_raw()).map(|(v, &k)| v * f32::from(k) / 255.0).collect(),
        None => hole,
    };
    filled(&item.picture, &hole)
}

fn part_swapped(change: &mut Change, item: &Item, others: &[&Item], share: f32, rng: &mut Rng) {
    let s = item.subject;
    let band = match rng.u8(..4) {
        0 | 1 => Rect { h: s.h * share, ..s },
        2 => Rect { w: s.w * share, ..s },
        _ => Rect { x: s.x + s.w * (1.0 - share), w: s.w * share, ..s },
    };
    let band = if item.mask.is_none() {
        let side = share.sqrt() * 0.9;
        let (cx, cy) = item.region.middle();
        Rect { x: cx - s.w * side / 2.0, y: cy - s.h * side / 2.0, w: s.w * side, h: s.h * side }
            .within(item.picture.width(), item.picture.height())
    } else {
        band
    };
    change.shown = Some(band);
    let soft = paint::soft(item.picture.dimensions(), &band, 1.5);
    // Of some others the one that differs enough is taken.
    let mut best: Option<(f32, RgbImage, Option<GrayImage>)> = None;
    for _ in 0..6 {
        let (picture, mask) = paint::fitted_wide(item, others[rng.usize(..others.len())]);
        let far =
            paint::difference(&item.picture, item.mask.as_ref(), &picture, mask.as_ref(), &band);
        if best.as_ref().is_none_or(|b| far > b.0) {
            best = Some((far, picture, mask));
        }
        if far > 14.0 {
            break;
        }
    }
    let Some((_, picture, mask)) = best else { return };
    change.picture = paint::mixed(&item.picture, &picture, &soft);
    change.mask = match (&item.mask, &mask) {
        (Some(a), Some(b)) => Some(paint::mixed_masks(a, b, &soft)),
        (a, _) => a.clone(),
    };
}

fn other_sku(change: &mut Change, item: &Item, others: &[&Item], level: usize, rng: &mut Rng) {
    if level == 0 {
        // A sibling: another flavour in the same pack.
        let mut sibling = item.clone();
        sibling.picture = paint::variant(item, 16.0, false, rng);
        if let Some(known) = &mut sibling.label {
            known.bare = sibling.picture.clone();
            known.design.accent = known.design.ink;
        }
        change.picture = if Drift::LabelReplaced.fits(item) {
            replaced(&sibling, 1, rng)
        } else {
            sibling.picture
        };
        if sibling.label.is_some() {
            // The bare picture was recoloured with its label on it: lay it on the true one.
            let bare = item.label.as_ref().map(|l| l.bare.clone());
            let recoloured = Item { picture: bare.unwrap_or(item.picture.clone()), ..item.clone() };
            let mut sibling = item.clone();
            if let Some(known) = &mut sibling.label {
                known.bare = paint::variant(&recoloured, 16.0, false, rng);
            }
            change.picture = replaced(&sibling, 1, rng);
        }
        return;
    }
    let (picture, mask) = paint::fitted(item, others[rng.usize(..others.len())]);
    change.picture =
        if level == 1 { paint::in_colours_of(&picture, mask.as_ref(), item) } else { picture };
    change.mask = mask;
}

fn second(item: &Item, size: f32, rng: &mut Rng) -> Copy {
    let s = &item.subject;
    let side = if rng.bool() { 1.0 } else { -1.0 };
    match &item.mask {
        Some(mask) => Copy {
            picture: item.picture.clone(),
            mask: mask.clone(),
            by: (side * s.w * (0.5 + 0.5 * size - 0.12 * rng.f32()), 0.02 * s.h),
            size,
            anchor: (s.x + s.w / 2.0, s.y + s.h),
            front: rng.f32() < 0.3,
        },
        None => {
            // The finest part of the picture appears a second time.
            let part =
                item.region.scaled(1.25, 1.5).within(item.picture.width(), item.picture.height());
            let (cx, cy) = part.middle();
            let (w, h) = (item.picture.width() as f32, item.picture.height() as f32);
            let to_x = if cx > w / 2.0 { w * 0.27 } else { w * 0.73 };
            let to_y = if cy > h / 2.0 { h * 0.3 } else { h * 0.7 };
            let soft = paint::soft(item.picture.dimensions(), &part, part.w / 30.0);
            let mask = GrayImage::from_fn(w as u32, h as u32, |x, y| {
                image::Luma([(soft[(y * w as u32 + x) as usize] * 255.0) as u8])
            });
            let by = (to_x - cx, to_y - cy);
            Copy {
                picture: item.picture.clone(),
                mask,
                by,
                size: size.max(0.6),
                anchor: (cx, cy),
                front: true,
            }
        }
    }
}
