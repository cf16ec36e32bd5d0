//! What others use: perceptual hash, global SSIM, colour histogram, ORB inliers alone.
//!
//! What lives here: one number per frame against the reference, more for more alike. What never
//! does: thresholds.

use image::{GrayImage, RgbImage};
use image_hasher::{HashAlg, Hasher, HasherConfig, ImageHash};

use crate::orb;

/// Names, in the order of [`Baselines::of`].
pub const NAMES: [&str; 4] = ["perceptual hash", "global SSIM", "colour histogram", "ORB inliers"];

/// Side to which both are reduced for SSIM.
const SIDE: u32 = 256;

/// What was learned of a reference.
pub struct Baselines {
    hasher: Hasher,
    hash: ImageHash,
    grey: GrayImage,
    colours: Vec<f32>,
    corners: Vec<orb::Corner>,
}

impl Baselines {
    pub fn learn(picture: &RgbImage) -> Baselines {
        let hasher = HasherConfig::new()
            .hash_alg(HashAlg::Median)
            .preproc_dct()
            .hash_size(16, 16)
            .to_hasher();
        Baselines {
            hash: hasher.hash_image(picture),
            hasher,
            grey: grey(picture),
            colours: colours(picture),
            corners: orb::corners(picture),
        }
    }

    /// The means over a clip's frames.
    pub fn of(&self, frames: &[&RgbImage]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        for (i, frame) in frames.iter().enumerate() {
            let hash = self.hasher.hash_image(*frame);
            sums[0] += 1.0 - self.hash.dist(&hash) as f32 / 256.0;
            sums[1] += ssim(&self.grey, &grey(frame));
            let theirs = colours(frame);
            sums[2] += self.colours.iter().zip(&theirs).map(|(a, b)| a.min(*b)).sum::<f32>();
            // Every third frame is enough for the slowest.
            if i % 3 == 1 {
                sums[3] += 3.0 * orb::inliers(&self.corners, &orb::corners(frame)) as f32;
            }
        }
        sums.map(|s| s / frames.len().max(1) as f32)
    }
}

fn grey(picture: &RgbImage) -> GrayImage {
    image::imageops::grayscale(&image::imageops::thumbnail(picture, SIDE, SIDE))
}

fn colours(picture: &RgbImage) -> Vec<f32> {
    let mut bins = vec![0.0; 512];
    for p in picture.pixels() {
        let [r, g, b] = p.0.map(|v| usize::from(v) / 32);
        bins[r * 64 + g * 8 + b] += 1.0;
    }
    let all = (picture.width() * picture.height()) as f32;
    bins.iter_mut().for_each(|b| *b /= all);
    bins
}

/// Structural similarity, mean over windows of 8 pixels.
fn ssim(a: &GrayImage, b: &GrayImage) -> f32 {
    let (c1, c2) = ((0.01f32 * 255.0).powi(2), (0.03f32 * 255.0).powi(2));
    let mut sum = (0.0, 0.0f32);
    for y in (0..SIDE - 7).step_by(4) {
        for x in (0..SIDE - 7).step_by(4) {
            let (mut ma, mut mb, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0f32);
            for j in 0..8 {
                for i in 0..8 {
                    let p = f32::from(a.get_pixel(x + i, y + j).0[0]);
                    let q = f32::from(b.get_pixel(x + i, y + j).0[0]);
                    ma += p;
                    mb += q;
                    aa += p * p;
                    bb += q * q;
                    ab += p * q;
                }
            }
            let n = 64.0;
            let (ma, mb) = (ma / n, mb / n);
            let (va, vb, cov) = (aa / n - ma * ma, bb / n - mb * mb, ab / n - ma * mb);
            sum.0 += (2.0 * ma * mb + c1) * (2.0 * cov + c2)
                / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            sum.1 += 1.0;
        }
    }
    sum.0 / sum.1
}
