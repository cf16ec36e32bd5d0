//! Pictures as the generator works on them: linear light, alpha multiplied in; and CIE Lab.
//!
//! What lives here: sampling, blurring, conversions. What never does: what is done to a clip.

use std::sync::LazyLock;

use image::{GrayImage, RgbImage};

/// One pixel: red, green, blue in linear light, times alpha; alpha.
pub type Pixel = [f32; 4];

/// sRGB to linear light (IEC 61966-2-1).
pub static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let v = i as f32 / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
});

static GAMMA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..=4096)
        .map(|i| {
            let v = i as f32 / 4096.0;
            let s = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            (s * 255.0).round().clamp(0.0, 255.0) as u8
        })
        .collect()
});

static GAMMA_F: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (0..=4096)
        .map(|i| {
            let v = i as f32 / 4096.0;
            255.0 * if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
        })
        .collect()
});

/// Linear light to sRGB, clamped.
pub fn gamma(v: f32) -> u8 {
    GAMMA[(v.clamp(0.0, 1.0) * 4096.0 + 0.5) as usize]
}

/// Linear light to sRGB levels, not rounded, clamped.
pub fn gamma_level(v: f32) -> f32 {
    GAMMA_F[(v.clamp(0.0, 1.0) * 4096.0 + 0.5) as usize]
}

/// What is seen outside a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Nothing.
    Clear,
    /// Its last pixels, on and on.
    Smear,
    /// The layer again, mirrored.
    Mirror,
}

/// A picture in linear light.
#[derive(Debug, Clone)]
pub struct Layer {
    pub width: usize,
    pub height: usize,
    pub data: Vec<Pixel>,
    pub edge: Edge,
}

impl Layer {
    /// A picture with its mask, if there is one.
    pub fn of(picture: &RgbImage, mask: Option<&GrayImage>, edge: Edge) -> Layer {
        let data = picture
            .pixels()
            .enumerate()
            .map(|(i, p)| {
                let a = mask.map_or(1.0, |m| f32::from(m.as_raw()[i]) / 255.0);
                let l = p.0.map(|v| LINEAR[usize::from(v)] * a);
                [l[0], l[1], l[2], a]
            })
            .collect();
        Layer { width: picture.width() as usize, height: picture.height() as usize, data, edge }
    }

    /// As it is seen at a place, between the four nearest pixels; the middle of the first pixel is
    /// (0.5, 0.5).
    #[inline]
    pub fn at(&self, x: f32, y: f32) -> Pixel {
        let (w, h) = (self.width as f32, self.height as f32);
        let (mut x, mut y) = (x - 0.5, y - 0.5);
        match self.edge {
            Edge::Clear => {
                if x <= -1.0 || y <= -1.0 || x >= w || y >= h {
                    return [0.0; 4];
                }
            }
            Edge::Smear => {
                x = x.clamp(0.0, w - 1.0);
                y = y.clamp(0.0, h - 1.0);
            }
            Edge::Mirror => {
                x = mirror(x, w);
                y = mirror(y, h);
            }
        }
        let (fx, fy) = (x.floor(), y.floor());
        let (tx, ty) = (x - fx, y - fy);
        let (ix, iy) = (fx as isize, fy as isize);
        let (a, b) = (self.pixel(ix, iy), self.pixel(ix + 1, iy));
        let (c, d) = (self.pixel(ix, iy + 1), self.pixel(ix + 1, iy + 1));
        std::array::from_fn(|k| {
            let top = a[k] + (b[k] - a[k]) * tx;
            let low = c[k] + (d[k] - c[k]) * tx;
            top + (low - top) * ty
        })
    }

    #[inline]
    fn pixel(&self, x: isize, y: isize) -> Pixel {
        let (w, h) = (self.width as isize, self.height as isize);
        if self.edge == Edge::Clear && (x < 0 || y < 0 || x >= w || y >= h) {
            return [0.0; 4];
        }
        self.data[(y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize]
    }

    /// Reduced to a size, each pixel the mean of what it covers.
    pub fn reduced(&self, scale: f32) -> Layer {
        if scale > 0.98 {
            return self.clone();
        }
        let width = ((self.width as f32 * scale).round() as usize).max(1);
        let height = ((self.height as f32 * scale).round() as usize).max(1);
        let rows = shrink(&self.data, self.width, self.height, height, true);
        let data = shrink(&rows, self.width, height, width, false);
        Layer { width, height, data, edge: self.edge }
    }
}

fn mirror(v: f32, n: f32) -> f32 {
    let period = 2.0 * (n - 1.0).max(1.0);
    let v = v.rem_euclid(period);
    if v > n - 1.0 { period - v } else { v }
}

/// Shrinks one direction with a tent that is as wide as two new pixels.
fn shrink(data: &[Pixel], width: usize, height: usize, to: usize, rows: bool) -> Vec<Pixel> {
    let from = if rows { height } else { width };
    let ratio = from as f32 / to as f32;
    let taps: Vec<Vec<(usize, f32)>> = (0..to)
        .map(|i| {
            let middle = (i as f32 + 0.5) * ratio - 0.5;
            let reach = ratio.max(1.0);
            let first = (middle - reach).ceil().max(0.0) as usize;
            let last = ((middle + reach).floor() as usize).min(from - 1);
            let weight = |j: usize| (1.0 - (j as f32 - middle).abs() / reach).max(0.0);
            let sum: f32 = (first..=last).map(weight).sum();
            (first..=last).map(|j| (j, weight(j) / sum)).collect()
        })
        .collect();
    let (w, h) = if rows { (width, to) } else { (to, height) };
    let mut out = Vec::with_capacity(w * h);
    for y in 0..h {
        for x in 0..w {
            let mut sum = [0.0f32; 4];
            for &(j, weight) in if rows { &taps[y] } else { &taps[x] } {
                let p = if rows { data[j * width + x] } else { data[y * width + j] };
                (0..4).for_each(|k| sum[k] += p[k] * weight);
            }
            out.push(sum);
        }
    }
    out
}

/// Blurs values by three boxes, which is nearly a Gaussian of this sigma.
pub fn blur(values: &mut [f32], width: usize, height: usize, sigma: f32) {
    let radius = ((sigma * 2.0 + 1.0) / 2.0).round() as usize;
    if radius == 0 {
        return;
    }
    let mut line = vec![0.0; width.max(height)];
    for _ in 0..3 {
        for y in 0..height {
            line[..width].copy_from_slice(&values[y * width..(y + 1) * width]);
            boxed(&line[..width], radius, |x, v| values[y * width + x] = v);
        }
        for x in 0..width {
            for y in 0..height {
                line[y] = values[y * width + x];
            }
            boxed(&line[..height], radius, |y, v| values[y * width + x] = v);
        }
    }
}

fn boxed(line: &[f32], radius: usize, mut set: impl FnMut(usize, f32)) {
    let n = line.len() as isize;
    let r = radius as isize;
    let at = |i: isize| line[i.clamp(0, n - 1) as usize];
    let mut sum: f32 = (-r..=r).map(at).sum();
    for i in 0..n {
        set(i as usize, sum / (2 * r + 1) as f32);
        sum += at(i + r + 1) - at(i - r);
    }
}

/// sRGB to CIE Lab (D65).
pub fn lab(p: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = p.map(|v| LINEAR[usize::from(v)]);
    let x = (0.412_456 * r + 0.357_576 * g + 0.180_437 * b) / 0.950_47;
    let y = 0.212_673 * r + 0.715_152 * g + 0.072_175 * b;
    let z = (0.019_334 * r + 0.119_192 * g + 0.950_304 * b) / 1.088_83;
    let f = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let (x, y, z) = (f(x), f(y), f(z));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// CIE Lab to sRGB, clamped.
pub fn rgb([l, a, b]: [f32; 3]) -> [u8; 3] {
    let y = (l + 16.0) / 116.0;
    let (x, z) = (y + a / 500.0, y - b / 200.0);
    let f = |t: f32| if t > 0.206_893 { t * t * t } else { (t - 16.0 / 116.0) / 7.787 };
    let (x, y, z) = (f(x) * 0.950_47, f(y), f(z) * 1.088_83);
    [
        gamma(3.240_454 * x - 1.537_138 * y - 0.498_531 * z),
        gamma(-0.969_266 * x + 1.876_011 * y + 0.041_556 * z),
        gamma(0.055_643 * x - 0.204_026 * y + 1.057_225 * z),
    ]
}
