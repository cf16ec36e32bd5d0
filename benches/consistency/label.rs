//! Labels drawn onto products, so that reference and clip share one whose every line is known.
//!
//! What lives here: designs, and drawing them. What never does: where on a product they go.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use fastrand::Rng;
use image::{Rgb, RgbImage, Rgba, RgbaImage};

use crate::raster::blur;
use crate::subject::Rect;

const FONT: &[u8] = include_bytes!("../../assets/fonts/Inter-Medium-subset.otf");

/// Labels are drawn this many times larger, then reduced.
const FINER: u32 = 3;

const STARTS: [&str; 20] = [
    "Lu", "Mar", "Vel", "Or", "Sol", "Ken", "Tri", "Bo", "Hal", "Nim", "Ast", "Fer", "Gri", "Pal",
    "Ru", "Dov", "Cal", "Ing", "Sy", "Wen",
];
const ENDS: [&str; 20] = [
    "mera", "ina", "vik", "osta", "and", "era", "ton", "lis", "ora", "beck", "una", "dal", "mark",
    "esse", "ilo", "ano", "holm", "ette", "quist", "ado",
];
const WORDS: [&str; 32] = [
    "Original",
    "Classic",
    "Handmade",
    "Organic",
    "Cedar",
    "Lemon",
    "Night Cream",
    "Roast",
    "Blend",
    "No. 7",
    "No. 12",
    "250 ml",
    "50 ml",
    "100 g",
    "Batch 41",
    "Since 1924",
    "Pure",
    "Soap",
    "Coffee",
    "Matcha",
    "Sea Salt",
    "Bergamot",
    "Extra Fine",
    "Dark",
    "Light",
    "Made in Lund",
    "Vegan",
    "Refill",
    "Limited",
    "Studio",
    "Amber",
    "Birch & Rye",
];

/// A small picture above or beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Disc,
    Ring,
    Leaf,
    Star,
    Bars,
    None,
}

/// What a label says and how it is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// Nothing where ink goes straight onto the product.
    pub paper: Option<[u8; 3]>,
    pub ink: [u8; 3],
    pub accent: [u8; 3],
    pub mark: Mark,
    pub name: String,
    pub lines: Vec<String>,
    pub framed: bool,
    pub upper: bool,
}

/// A brand that nobody has.
pub fn brand(rng: &mut Rng) -> String {
    let (a, b) = (STARTS[rng.usize(..STARTS.len())], ENDS[rng.usize(..ENDS.len())]);
    format!("{a}{b}")
}

/// A line of small print.
pub fn line(rng: &mut Rng) -> String {
    let (a, b) = (WORDS[rng.usize(..WORDS.len())], WORDS[rng.usize(..WORDS.len())]);
    if rng.bool() { format!("{a} {b}") } else { a.to_owned() }
}

impl Design {
    /// A new design.
    pub fn new(rng: &mut Rng) -> Design {
        let papers =
            [[244, 240, 230], [250, 250, 250], [30, 34, 40], [226, 210, 178], [208, 222, 214]];
        let paper = papers[rng.usize(..papers.len())];
        let dark = paper[0] < 100;
        let inks = if dark {
            [[240, 236, 224], [226, 196, 120], [220, 226, 232]]
        } else {
            [[24, 24, 28], [36, 62, 52], [110, 30, 40]]
        };
        let accents = [[190, 60, 40], [40, 90, 150], [50, 120, 80], [200, 150, 50]];
        let marks = [Mark::Disc, Mark::Ring, Mark::Leaf, Mark::Star, Mark::Bars];
        Design {
            paper: (rng.f32() < 0.85).then_some(paper),
            ink: inks[rng.usize(..3)],
            accent: accents[rng.usize(..4)],
            mark: marks[rng.usize(..5)],
            name: brand(rng),
            lines: (0..rng.usize(2..5)).map(|_| line(rng)).collect(),
            framed: rng.bool(),
            upper: rng.bool(),
        }
    }

    /// The label as it lies flat.
    pub fn drawn(&self, width: u32, height: u32) -> RgbaImage {
        let (w, h) = ((width * FINER).max(8), (height * FINER).max(8));
        let ground = self.paper.map_or([0, 0, 0, 0], |p| [p[0], p[1], p[2], 255]);
        let mut big = RgbaImage::from_pixel(w, h, Rgba(ground));
        let (fw, fh) = (w as f32, h as f32);
        if self.framed {
            let t = (fh * 0.015).max(2.0);
            for (x, y, p) in big.enumerate_pixels_mut() {
                let d = (x as f32).min(fw - x as f32).min(y as f32).min(fh - y as f32) - fh * 0.04;
                if d > 0.0 && d < t {
                    *p = Rgba([self.ink[0], self.ink[1], self.ink[2], 255]);
                }
            }
        }
        let name = if self.upper { self.name.to_uppercase() } else { self.name.clone() };
        let tall = fh > fw * 0.6;
        let (mark, mark_at, name_at, name_h) = if tall {
            (fh * 0.2, (fw * 0.5, fh * 0.2), fh * 0.5, fh * 0.2)
        } else {
            (fh * 0.3, (fw * 0.16, fh * 0.32), fh * 0.44, fh * 0.3)
        };
        self.draw_mark(&mut big, mark_at, mark * 0.5);
        let room = if tall { fw * 0.84 } else { fw * 0.62 };
        let middle = if tall { fw * 0.5 } else { fw * 0.62 };
        text(&mut big, &name, middle, name_at, name_h, room, self.ink);
        let first = if tall { 0.62 } else { 0.6 };
        let step = (0.92 - first) / self.lines.len().max(1) as f32;
        for (i, line) in self.lines.iter().enumerate() {
            let base = fh * (first + step * (i as f32 + 0.75));
            text(
                &mut big,
                line,
                fw * 0.5,
                base,
                (fh * step * 0.8).min(fh * 0.13),
                fw * 0.8,
                self.ink,
            );
        }
        image::imageops::thumbnail(&big, width.max(2), height.max(2))
    }

    fn draw_mark(&self, on: &mut RgbaImage, (cx, cy): (f32, f32), r: f32) {
        let inside = |x: f32, y: f32| -> bool {
            let d = x.hypot(y);
            match self.mark {
                Mark::None => false,
                Mark::Disc => d < 1.0,
                Mark::Ring => d < 1.0 && !(0.25..=0.68).contains(&d),
                Mark::Leaf => {
                    let (a, b) = ((x + 0.55).hypot(y), (x - 0.55).hypot(y));
                    a < 1.1 && b < 1.1 && x.abs() > 0.06
                }
                Mark::Star => {
                    let turn = y.atan2(x) * 5.0;
                    d < 0.62 + 0.38 * turn.cos()
                }
                Mark::Bars => {
                    x.abs() < 0.95
                        && y.abs() < 0.95
                        && ((x * 3.0 + 3.0) as i32 + (y > x) as i32) % 2 == 0
                }
            }
        };
        for (x, y, p) in on.enumerate_pixels_mut() {
            if inside((x as f32 - cx) / r, (y as f32 - cy) / r) {
                *p = Rgba([self.accent[0], self.accent[1], self.accent[2], 255]);
            }
        }
    }
}

/// Sets one line around a middle; too wide ones are set smaller.
pub fn text(
    on: &mut RgbaImage,
    text: &str,
    middle: f32,
    base: f32,
    height: f32,
    room: f32,
    ink: [u8; 3],
) {
    let Ok(font) = FontRef::try_from_slice(FONT) else { return };
    let width_at = |size: f32| -> f32 {
        let scaled = font.as_scaled(PxScale::from(size));
        text.chars().map(|c| scaled.h_advance(font.glyph_id(c))).sum()
    };
    let full = width_at(height);
    let size = if full > room { height * room / full } else { height };
    let mut x = middle - width_at(size) / 2.0;
    let scaled = font.as_scaled(PxScale::from(size));
    for c in text.chars() {
        let id = font.glyph_id(c);
        if let Some(outline) = font.outline_glyph(id.with_scale_and_position(size, point(x, base)))
        {
            let b = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                let (px, py) = (b.min.x as i64 + i64::from(dx), b.min.y as i64 + i64::from(dy));
                if px >= 0 && py >= 0 && px < i64::from(on.width()) && py < i64::from(on.height()) {
                    let p = on.get_pixel_mut(px as u32, py as u32);
                    let a = cover.min(1.0);
                    let old = f32::from(p.0[3]) / 255.0;
                    for (old_level, new) in p.0.iter_mut().zip(ink) {
                        let under = if old > 0.0 { f32::from(*old_level) } else { f32::from(new) };
                        *old_level = (under * (1.0 - a) + f32::from(new) * a) as u8;
                    }
                    p.0[3] = ((a + old * (1.0 - a)) * 255.0) as u8;
                }
            });
        }
        x += scaled.h_advance(id);
    }
}

/// Lays a flat label onto a picture; the product's own soft shades stay on it.
pub fn laid(picture: &RgbImage, label: &RgbaImage, at: &Rect) -> RgbImage {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let mut shade: Vec<f32> = picture
        .pixels()
        .map(|p| 0.3 * f32::from(p.0[0]) + 0.6 * f32::from(p.0[1]) + 0.1 * f32::from(p.0[2]))
        .collect();
    blur(&mut shade, w, h, at.w.max(4.0) / 12.0);
    let inside = |x: usize, y: usize| at.contains(x as f32, y as f32);
    let mut sum = (0.0, 0.0f32);
    for y in 0..h {
        for x in (0..w).filter(|&x| inside(x, y)) {
            sum = (sum.0 + shade[y * w + x], sum.1 + 1.0);
        }
    }
    let mean = (sum.0 / sum.1.max(1.0)).max(8.0);
    let mut out = picture.clone();
    for ly in 0..label.height() {
        for lx in 0..label.width() {
            let (x, y) = (at.x as i64 + i64::from(lx), at.y as i64 + i64::from(ly));
            if x < 0 || y < 0 || x >= w as i64 || y >= h as i64 {
                continue;
            }
            let p = label.get_pixel(lx, ly).0;
            let a = f32::from(p[3]) / 255.0;
            let k = (shade[y as usize * w + x as usize] / mean).clamp(0.75, 1.2);
            let under = out.get_pixel(x as u32, y as u32).0;
            out.put_pixel(
                x as u32,
                y as u32,
                Rgb(std::array::from_fn(|i| {
                    let ink = (f32::from(p[i]) * k).min(255.0);
                    (f32::from(under[i]) * (1.0 - a) + ink * a) as u8
                })),
            );
        }
    }
    out
}
