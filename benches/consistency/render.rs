//! Frames of a clip, from its recipe and its drift.
//!
//! What lives here: layers put before each other, seen by the camera, lit. What never does: files.

use fastrand::Rng;
use image::{Rgb, RgbImage};

use crate::camera::{Aim, Matrix, View, inverse, through};
use crate::drift::Change;
use crate::honest::{Ground, Recipe};
use crate::paint;
use crate::pool::Item;
use crate::raster::{Edge, Layer, Pixel, blur, gamma_level};
use crate::subject::{Rect, filled};

/// A clip's layers, ready to be looked at.
pub struct Stage<'a> {
    recipe: &'a Recipe,
    change: Option<&'a Change>,
    /// Layer pixels a picture pixel.
    scale: f32,
    behind: Layer,
    shadow: Option<Layer>,
    product: Layer,
    becoming: Option<Layer>,
    copy: Option<Layer>,
    anchor: (f32, f32),
    /// Where letters move, in pixels of the picture.
    garbled: Option<(Rect, f32)>,
}

impl<'a> Stage<'a> {
    pub fn new(item: &Item, recipe: &'a Recipe, change: Option<&'a Change>) -> Stage<'a> {
        let zoom = recipe.path.at(0.0).zoom.max(recipe.path.at(1.0).zoom);
        let scale = (recipe.aim.scale * zoom.sqrt() * recipe.soft * 1.15).min(1.0);
        let edge = if item.mask.is_some() && item.free { Edge::Clear } else { Edge::Smear };
        let product = Layer::of(&item.picture, item.mask.as_ref(), edge).reduced(scale);
        let becoming = change
            .filter(|c| c.picture != item.picture || c.mask != item.mask)
            .map(|c| c.layer(edge).reduced(scale));
        let copy = change
            .and_then(|c| c.copy.as_ref())
            .map(|c| Layer::of(&c.picture, Some(&c.mask), Edge::Clear).reduced(scale));
        let (behind, shadow) = behind(item, recipe, scale);
        let s = &item.subject;
        let anchor = if item.free { (s.x + s.w / 2.0, s.y + s.h) } else { recipe.aim.wide };
        let garbled = change.and_then(|c| c.garble.as_ref()).map(|g| (g.region, g.amplitude));
        Stage { recipe, change, scale, behind, shadow, product, becoming, copy, anchor, garbled }
    }

    /// One frame.
    pub fn frame(&self, index: u32, seed: u64) -> RgbImage {
        let r = self.recipe;
        let (w, h) = (r.width as usize, r.height as usize);
        let (moments, span) = r.shutter;
        let mut sum = vec![[0.0f32; 3]; w * h];
        for k in 0..moments {
            let within = (k as f32 / moments as f32 - 0.5) * span;
            let u = ((index as f32 + within) / (r.frames - 1) as f32).clamp(0.0, 1.0);
            self.add(u, &mut sum);
        }
        let u = index as f32 / (r.frames - 1) as f32;
        let mix = |(a, b): (f32, f32)| a + (b - a) * u;
        let (stops, warmth) = (mix(r.light.stops), mix(r.light.warmth));
        let gain = stops.exp2() / moments as f32;
        let gains = [gain * (1.0 + warmth), gain * (1.0 + 0.1 * warmth), gain * (1.0 - warmth)];
        // Bright light is rolled off as cameras do.
        let knee = 0.25 * stops.clamp(0.0, 1.0);
        let curve = |v: f32| {
            let from = 1.0 - knee;
            if v > from && knee > 0.01 {
                from + knee * (1.0 - (-(v - from) / knee).exp())
            } else {
                v
            }
        };
        let mut rng = Rng::with_seed(seed ^ u64::from(index) << 32);
        let mut out = RgbImage::new(r.width, r.height);
        for (p, s) in out.pixels_mut().zip(&sum) {
            let bits = rng.u32(..);
            let grain = ((bits & 0xFFFF) as f32 + (bits >> 16) as f32) / 65_536.0 - 1.0;
            *p = Rgb(std::array::from_fn(|k| {
                let level = gamma_level(curve(s[k] * gains[k])) + grain * r.noise * 2.0;
                (level + 0.5).clamp(0.0, 255.0) as u8
            }));
        }
        out
    }

    fn add(&self, u: f32, sum: &mut [[f32; 3]]) {
        let r = self.recipe;
        let view = r.path.at(u);
        let to_picture = inverse(&r.aim.matrix(&view));
        let to_behind = self.behind_matrix(&view);
        let weight = self.change.map_or(0.0, |c| c.weight(u));
        let width = r.width as usize;
        for (i, s) in sum.iter_mut().enumerate() {
            let (fx, fy) = ((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
            let (x, y) = through(&to_picture, fx, fy);
            let p = self.point(x, y, u, weight, || through(&to_behind, fx, fy));
            (0..3).for_each(|k| s[k] += p[k]);
        }
    }

    /// Another ground is farther away: it moves and turns less.
    fn behind_matrix(&self, view: &View) -> Matrix {
        let r = self.recipe;
        if r.ground == Ground::Own {
            return inverse(&r.aim.matrix(view));
        }
        let (w, h) = (self.behind.width as f32, self.behind.height as f32);
        let scale = 1.35 * (r.aim.width / w).max(r.aim.height / h);
        let aim = Aim { wide: (w / 2.0, h / 2.0), close: (w / 2.0, h / 2.0), scale, ..r.aim };
        let far = View {
            zoom: view.zoom.powf(0.45),
            yaw: view.yaw * 0.3,
            pitch: view.pitch * 0.3,
            dx: view.dx * 0.5,
            dy: view.dy * 0.5,
            ..*view
        };
        inverse(&aim.matrix(&far))
    }

    #[inline]
    fn point(&self, x: f32, y: f32, u: f32, weight: f32, behind: impl Fn() -> (f32, f32)) -> Pixel {
        let cover = self.recipe.cover.as_ref().map_or([0.0; 4], |c| c.at(u, x, y));
        if cover[3] > 0.999 {
            return cover;
        }
        let mut out = cover;
        if let (Some(layer), Some(copy)) = (&self.copy, self.change.and_then(|c| c.copy.as_ref())) {
            let cx = copy.anchor.0 + (x - copy.anchor.0 - copy.by.0) / copy.size;
            let cy = copy.anchor.1 + (y - copy.anchor.1 - copy.by.1) / copy.size;
            let second = layer.at(cx * self.scale, cy * self.scale).map(|v| v * weight);
            if copy.front {
                out = over(out, second);
                out = over(out, self.product_at(x, y, u, weight));
            } else {
                out = over(out, self.product_at(x, y, u, weight));
                out = over(out, second);
            }
        } else {
            out = over(out, self.product_at(x, y, u, weight));
        }
        if out[3] < 0.999 {
            if let Some(shadow) = &self.shadow {
                out = over(out, shadow.at(x * self.scale, y * self.scale));
            }
            let (bx, by) = behind();
            let s = if self.recipe.ground == Ground::Own { self.scale } else { 1.0 };
            out = over(out, self.behind.at(bx * s, by * s));
        }
        out
    }

    #[inline]
    fn product_at(&self, mut x: f32, mut y: f32, u: f32, weight: f32) -> Pixel {
        let Some(change) = self.change else {
            return self.product.at(x * self.scale, y * self.scale);
        };
        if let Some((sx, sy)) = change.stretch {
            x = self.anchor.0 + (x - self.anchor.0) / (1.0 + (sx - 1.0) * weight);
            y = self.anchor.1 + (y - self.anchor.1) / (1.0 + (sy - 1.0) * weight);
        }
        if let (Some((r, amplitude)), Some(g)) = (&self.garbled, &change.garble)
            && r.contains(x, y)
        {
            let rim = (x - r.x).min(y - r.y).min(r.x + r.w - x).min(r.y + r.h - y);
            let k = (rim / (2.0 * amplitude)).min(1.0) * weight * amplitude;
            let (dx, dy) = g.noise.at(x, y, u);
            x += dx * k;
            y += dy * k;
        }
        let (lx, ly) = (x * self.scale, y * self.scale);
        match &self.becoming {
            Some(next) if weight > 0.999 => next.at(lx, ly),
            Some(next) if weight > 0.001 => {
                let [(ax, ay), (bx, by)] =
                    change.morph.map_or([(x, y), (x, y)], |(a, b)| between(&a, &b, weight, x, y));
                let a = self.product.at(ax * self.scale, ay * self.scale);
                let b = next.at(bx * self.scale, by * self.scale);
                std::array::from_fn(|k| a[k] + (b[k] - a[k]) * weight)
            }
            _ => self.product.at(lx, ly),
        }
    }
}

/// A place in a box on its way from one to another, as it lies in each of the two.
fn between(a: &Rect, b: &Rect, weight: f32, x: f32, y: f32) -> [(f32, f32); 2] {
    let mix = |p: f32, q: f32| p + (q - p) * weight;
    let now = Rect { x: mix(a.x, b.x), y: mix(a.y, b.y), w: mix(a.w, b.w), h: mix(a.h, b.h) };
    let (u, v) = ((x - now.x) / now.w, (y - now.y) / now.h);
    [a, b].map(|r| (r.x + u * r.w, r.y + v * r.h))
}

/// What is in front, then what is behind it.
#[inline]
fn over(front: Pixel, back: Pixel) -> Pixel {
    let t = 1.0 - front[3];
    std::array::from_fn(|k| front[k] + back[k] * t)
}

/// What is seen around the product.
fn behind(item: &Item, recipe: &Recipe, scale: f32) -> (Layer, Option<Layer>) {
    let Some(mask) = &item.mask else {
        return (Layer::of(&RgbImage::new(2, 2), None, Edge::Smear), None);
    };
    let (w, h) = (item.picture.width() as usize, item.picture.height() as usize);
    let mut wide: Vec<f32> = mask.as_raw().iter().map(|&v| f32::from(v) / 255.0).collect();
    match recipe.ground {
        Ground::Own => {
            blur(&mut wide, w, h, 3.0);
            wide.iter_mut().for_each(|v| *v = f32::from(u8::from(*v > 0.01)));
            let picture = filled(&item.picture, &wide);
            (Layer::of(&picture, None, Edge::Smear).reduced(scale), None)
        }
        Ground::Other { busy, seed } => {
            blur(&mut wide, w, h, w as f32 / 55.0);
            let drop = w / 45;
            let data = (0..w * h)
                .map(|i| {
                    let v = if i / w >= drop { wide[i - drop * w] } else { 0.0 };
                    [0.0, 0.0, 0.0, 0.4 * v]
                })
                .collect();
            let shadow = Layer { width: w, height: h, data, edge: Edge::Clear }.reduced(scale);
            (ground(busy, seed), Some(shadow))
        }
    }
}

/// A ground that no picture has: a wall and a table, stuff in between, more of it the busier.
fn ground(busy: u8, seed: u64) -> Layer {
    let mut rng = Rng::with_seed(seed);
    let (w, h) = (420usize, 420usize);
    let colour = |rng: &mut Rng| -> [f32; 3] {
        let l = 0.08 + 0.7 * rng.f32() * rng.f32().sqrt();
        let tint = 0.5 * rng.f32();
        std::array::from_fn(|_| l * (1.0 - tint + 2.0 * tint * rng.f32()))
    };
    let (wall, table) = (colour(&mut rng), colour(&mut rng));
    let horizon = 0.55 + 0.25 * rng.f32();
    let grain = paint::Noise::new(&mut rng, 60.0);
    let things: Vec<([f32; 4], [f32; 3], bool)> = (0..[0, 9, 26]
        [usize::from(busy.clamp(1, 3)) - 1])
        .map(|_| {
            let size = 0.05 + 0.2 * rng.f32();
            let place = [rng.f32(), rng.f32(), size, size * (0.5 + rng.f32())];
            (place, colour(&mut rng), rng.bool())
        })
        .collect();
    let mut channels = vec![vec![0.0f32; w * h]; 3];
    for y in 0..h {
        for x in 0..w {
            let (u, v) = (x as f32 / w as f32, y as f32 / h as f32);
            let base = if v > horizon { table } else { wall };
            let light = 1.0 - 0.35 * (u - 0.3).abs() - 0.2 * v;
            let (nx, _) =
                grain.at(x as f32 * if v > horizon { 0.2 } else { 1.0 }, y as f32 * 2.0, 0.0);
            let rough = 1.0 + 0.05 * f32::from(busy) * nx;
            let mut p = base.map(|c| c * light * rough);
            for (place, c, round) in &things {
                let (dx, dy) = ((u - place[0]) / place[2], (v - place[1]) / place[3]);
                let inside =
                    if *round { dx * dx + dy * dy < 1.0 } else { dx.abs().max(dy.abs()) < 0.8 };
                if inside {
                    let stripe =
                        if ((dx * 6.0) as i32 + (dy * 6.0) as i32) % 3 == 0 { 1.25 } else { 1.0 };
                    p = c.map(|c| c * (1.0 - 0.3 * dx) * stripe);
                }
            }
            (0..3).for_each(|k| channels[k][y * w + x] = p[k].clamp(0.0, 1.0));
        }
    }
    let sigma = [4.0, 2.5, 0.8][usize::from(busy.clamp(1, 3)) - 1];
    channels.iter_mut().for_each(|c| blur(c, w, h, sigma));
    let data = (0..w * h).map(|i| [channels[0][i], channels[1][i], channels[2][i], 1.0]).collect();
    Layer { width: w, height: h, data, edge: Edge::Mirror }
}
