//! A picture at the scales at which it is measured.
//!
//! What lives here: scaling down, what transparent pixels lie on, light and colour as numbers.
//! What never does: a measure.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbaImage;

/// Pixels of the longer side at which sharpness is measured: about what image-to-video models
/// look at. Whatever detail a larger file has beyond that, they never see.
pub(crate) const FINE: u32 = 1024;

/// Pixels of the longer side at which background, subject and marks are found.
pub(crate) const COARSE: u32 = 384;

/// A picture with at most a given longer side; never enlarged. Colours don't bleed out of
/// transparent pixels.
pub(crate) fn reduced(picture: &RgbaImage, longest: u32) -> RgbaImage {
    let (w, h) = picture.dimensions();
    let long = w.max(h);
    if long <= longest {
        return picture.clone();
    }
    let side = |n: u32| {
        let scaled = (u64::from(n) * u64::from(longest) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(scaled).unwrap_or(longest).max(1)
    };
    let (width, height) = (side(w), side(h));
    stretched(picture, width, height)
}

/// A picture at any size.
pub(crate) fn stretched(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    let (w, h) = picture.dimensions();
    let mut made = Image::new(width, height, PixelType::U8x4);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming));
    let from = ImageRef::new(w, h, picture.as_raw(), PixelType::U8x4);
    let scaled = from.is_ok_and(|from| Resizer::new().resize(&from, &mut made, &options).is_ok());
    debug_assert!(scaled, "both have four bytes a pixel and no side of zero");
    RgbaImage::from_raw(width, height, made.into_vec())
        .unwrap_or_else(|| RgbaImage::new(width, height))
}

/// Lays transparent pixels on white, as providers and preparation do.
pub(crate) fn flattened(mut picture: RgbaImage) -> RgbaImage {
    for pixel in picture.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        if alpha == 255 {
            continue;
        }
        for channel in &mut pixel.0[..3] {
            let mixed = (u32::from(*channel) * alpha + 255 * (255 - alpha) + 127) / 255;
            *channel = mixed as u8;
        }
        pixel.0[3] = 255;
    }
    picture
}

/// Numbers in rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Plane {
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), width * height, "a plane has a value for each place");
        Plane { width, height, values }
    }

    /// Light, 0 to 255, by the weights of video (BT.601), in the gamma of the file: what the eye
    /// and every published measure of sharpness take.
    pub fn luma(picture: &RgbaImage) -> Self {
        let values = picture
            .pixels()
            .map(|p| {
                let [r, g, b] = [0, 1, 2].map(|c| f32::from(p.0[c]));
                0.299 * r + 0.587 * g + 0.114 * b
            })
            .collect();
        Plane::new(picture.width() as usize, picture.height() as usize, values)
    }

    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width..(y + 1) * self.width]
    }

    /// Blurred by a separable kernel of odd length; the edge's value goes on outside.
    pub fn convolved(&self, kernel: &[f32]) -> Plane {
        let reach = kernel.len() / 2;
        let (w, h) = (self.width, self.height);
        let mut across = vec![0.0; w * h];
        for (out, y) in across.chunks_exact_mut(w).zip(0..h) {
            let row = self.row(y);
            for (x, value) in out.iter_mut().enumerate() {
                let inside = x >= reach && x + reach < w;
                *value = if inside {
                    row[x - reach..=x + reach].iter().zip(kernel).map(|(v, k)| v * k).sum()
                } else {
                    let at = |i: usize| row[(x + i).saturating_sub(reach).min(w - 1)];
                    kernel.iter().enumerate().map(|(i, k)| at(i) * k).sum()
                };
            }
        }
        let mut down = vec![0.0; w * h];
        for (y, out) in down.chunks_exact_mut(w).enumerate() {
            for (i, k) in kernel.iter().enumerate() {
                let from = (y + i).saturating_sub(reach).min(h - 1);
                let row = &across[from * w..(from + 1) * w];
                out.iter_mut().zip(row).for_each(|(value, v)| *value += v * k);
            }
        }
        Plane::new(w, h, down)
    }

    /// The mean of the square of `reach` pixels around each.
    pub fn averaged(&self, reach: usize) -> Plane {
        let n = 2 * reach + 1;
        self.convolved(&vec![1.0 / n as f32; n])
    }
}

/// Colours in CIE L\*a\*b\* (D65), in which distances are about what the eye sees.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    pub width: usize,
    pub height: usize,
    pub values: Vec<[f32; 3]>,
}

impl Lab {
    pub fn of(picture: &RgbaImage) -> Self {
        let linear: Vec<f32> = (0..=255u8).map(to_linear).collect();
        let values =
            picture.pixels().map(|p| lab([0, 1, 2].map(|c| linear[usize::from(p.0[c])]))).collect();
        Lab { width: picture.width() as usize, height: picture.height() as usize, values }
    }

    pub fn at(&self, x: usize, y: usize) -> [f32; 3] {
        self.values[y * self.width + x]
    }
}

/// How far two colours are apart; below 2 nobody sees it.
pub(crate) fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    apart_squared(a, b).sqrt()
}

/// The square of [`apart`], where only an order or a limit matters.
pub(crate) fn apart_squared(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|c| (a[c] - b[c]) * (a[c] - b[c])).sum()
}

pub(crate) fn to_linear(value: u8) -> f32 {
    let v = f32::from(value) / 255.0;
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// sRGB's primaries and D65, as CIE and IEC 61966-2-1 have them.
pub(crate) fn lab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let x = (0.412_456 * r + 0.357_576 * g + 0.180_437 * b) / 0.950_47;
    let y = 0.212_673 * r + 0.715_152 * g + 0.072_175 * b;
    let z = (0.019_334 * r + 0.119_192 * g + 0.950_304 * b) / 1.088_83;
    let f = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let (fx, fy, fz) = (f(x), f(y), f(z));
    [116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn colours_are_where_colorimetry_has_them() {
        let picture = RgbaImage::from_fn(3, 1, |x, _| {
            Rgba([[255, 255, 255, 255], [255, 0, 0, 255], [119, 119, 119, 255]][x as usize])
        });
        let lab = Lab::of(&picture);
        assert!(apart(lab.at(0, 0), [100.0, 0.0, 0.0]) < 0.1, "{:?}", lab.at(0, 0));
        assert!(apart(lab.at(1, 0), [53.24, 80.09, 67.2]) < 0.2, "{:?}", lab.at(1, 0));
        assert!(apart(lab.at(2, 0), [50.03, 0.0, 0.0]) < 0.2, "{:?}", lab.at(2, 0));
    }

    #[test]
    fn nothing_is_enlarged_and_shapes_stay() {
        let picture = RgbaImage::new(4000, 3000);
        assert_eq!(reduced(&picture, FINE).dimensions(), (1024, 768));
        assert_eq!(reduced(&RgbaImage::new(300, 200), FINE).dimensions(), (300, 200));
        assert_eq!(reduced(&RgbaImage::new(5000, 1), FINE).dimensions(), (1024, 1));
    }

    #[test]
    fn transparent_pixels_lie_on_white() {
        let picture = RgbaImage::from_pixel(1, 1, Rgba([0, 0, 0, 51]));
        assert_eq!(flattened(picture).get_pixel(0, 0).0, [204, 204, 204, 255]);
    }

    #[test]
    fn a_kernel_of_one_changes_nothing_and_a_mean_keeps_the_mean() {
        let plane = Plane::new(5, 4, (0..20).map(|v| v as f32).collect());
        assert_eq!(plane.convolved(&[1.0]), plane);
        let flat = Plane::new(6, 6, vec![7.0; 36]);
        assert!(flat.averaged(2).values.iter().all(|v| (v - 7.0).abs() < 1e-4));
    }
}
