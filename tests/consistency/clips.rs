//! A drawn product, and a camera that films it.

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use kinora::consistency::{Consistency, Frame, Reference, Role, compare};

/// What may be changed about the product.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    pub body: [u8; 3],
    /// Which letters are on the label.
    pub print: u32,
    /// Width over what it should be.
    pub wide: f32,
}

pub const PRODUCT: Product = Product { body: [40, 96, 70], print: 0x5A3C_96E1, wide: 1.0 };

/// The camera's and the light's part in a frame.
#[derive(Debug, Clone, Copy)]
pub struct Shot {
    pub zoom: f32,
    pub roll: f32,
    pub light: [f32; 3],
    pub ground: [u8; 3],
}

pub const SHOT: Shot = Shot { zoom: 1.0, roll: 0.0, light: [1.0; 3], ground: [238, 236, 232] };

/// The product's colour at a place (-1 to 1 across and down); nothing beside it.
pub fn product_at(p: &Product, x: f32, y: f32) -> Option<[u8; 3]> {
    let x = x / p.wide;
    if (0.0..0.18).contains(&(y + 0.9)) && x.abs() < 0.14 {
        return Some([214, 172, 96]);
    }
    let inside = x.abs() < 0.42 && (-0.72..0.86).contains(&y);
    if !inside {
        return None;
    }
    if x.abs() < 0.34 && (-0.3..0.5).contains(&y) {
        // Letters: bars and gaps by the bits of the print, row by row.
        let (column, row) = (((x + 0.34) * 16.0) as u32, ((y + 0.3) * 16.0) as u32);
        let bit = p.print.rotate_left(row * 7).wrapping_mul(0x9E37_79B1) >> (column % 31) & 1;
        let margin = x.abs() > 0.3 || !(-0.24..0.44).contains(&y);
        return Some(if bit == 1 && !margin { [38, 36, 44] } else { [246, 240, 226] });
    }
    let shade = 1.0 - 0.35 * (x / 0.42).powi(2);
    Some(p.body.map(|c| (f32::from(c) * shade) as u8))
}

/// A side of the pictures, in pixels.
const SIDE: u32 = 240;

pub fn frame(p: &Product, shot: &Shot) -> RgbImage {
    let (s, c) = shot.roll.sin_cos();
    RgbImage::from_fn(SIDE, SIDE, |px, py| {
        let mut sum = [0.0f32; 3];
        // Four looks a pixel, so that edges are soft.
        for k in 0..4 {
            let at = |n: u32, o: f32| ((n as f32 + o) / SIDE as f32 * 2.0 - 1.0) * 1.15 / shot.zoom;
            let (x, y) = (at(px, 0.25 + 0.5 * (k % 2) as f32), at(py, 0.25 + 0.5 * (k / 2) as f32));
            let colour = product_at(p, c * x + s * y, c * y - s * x).unwrap_or(shot.ground);
            (0..3).for_each(|i| sum[i] += f32::from(colour[i]) / 4.0);
        }
        Rgb([0, 1, 2].map(|i| {
            let linear = (sum[i] / 255.0).powf(2.2) * shot.light[i];
            (linear.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8
        }))
    })
}

pub fn picture() -> RgbaImage {
    let drawn = frame(&PRODUCT, &SHOT);
    RgbaImage::from_fn(SIDE, SIDE, |x, y| {
        let [r, g, b] = drawn.get_pixel(x, y).0;
        Rgba([r, g, b, 255])
    })
}

/// Six frames in which the camera comes nearer.
pub fn filmed(mut of: impl FnMut(f32) -> (Product, Shot)) -> Vec<RgbImage> {
    (0..6)
        .map(|i| {
            let at = i as f32 / 5.0;
            let (product, shot) = of(at);
            frame(&product, &Shot { zoom: shot.zoom * (0.9 + 0.15 * at), ..shot })
        })
        .collect()
}

pub fn judged(role: Role, pictures: &[RgbImage]) -> Consistency {
    let frames: Vec<Frame<'_>> =
        pictures.iter().zip(0..).map(|(picture, i)| Frame { at_ms: 800 * i, picture }).collect();
    compare(&[Reference::learn(&picture(), role)], &frames)
}

pub fn part(of: &Consistency, name: &str) -> f32 {
    of.parts.iter().find(|p| p.name.word() == name).map_or(f32::NAN, |p| p.score)
}
