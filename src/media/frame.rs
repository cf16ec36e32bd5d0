//! Frames as the encoder takes them: planar Y'CbCr, 4:2:0, BT.709, limited range.
//!
//! What lives here: the planes, and the one conversion between RGB and Y'CbCr. What never
//! does: files, motion.

use openh264::formats::YUVSource;

/// One frame in 4:2:0. Sides are even.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Luma, `width × height`.
    pub y: Vec<u8>,
    /// Blue difference, a quarter as many.
    pub u: Vec<u8>,
    /// Red difference, a quarter as many.
    pub v: Vec<u8>,
}

impl Frame {
    /// A black frame. Odd sides are rounded up.
    pub fn black(width: usize, height: usize) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        let chroma = width / 2 * (height / 2);
        Frame {
            width,
            height,
            y: vec![16; width * height],
            u: vec![128; chroma],
            v: vec![128; chroma],
        }
    }

    /// The frame as interleaved RGB, for tests that look at it.
    #[cfg(test)]
    pub fn to_rgb(&self) -> Vec<u8> {
        let mut rgb = Vec::with_capacity(self.width * self.height * 3);
        for row in 0..self.height {
            for column in 0..self.width {
                let chroma = row / 2 * (self.width / 2) + column / 2;
                rgb.extend(to_rgb(
                    self.y[row * self.width + column],
                    self.u[chroma],
                    self.v[chroma],
                ));
            }
        }
        rgb
    }
}

impl YUVSource for Frame {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.y
    }

    fn u(&self) -> &[u8] {
        &self.u
    }

    fn v(&self) -> &[u8] {
        &self.v
    }
}

/// RGB to Y'CbCr: ITU-R BT.709, limited range (luma 16 to 235, chroma 16 to 240), in fixed
/// point with 16 bits after the point.
#[inline]
pub fn to_yuv(r: u8, g: u8, b: u8) -> [u8; 3] {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    let y = (11_966 * r + 40_254 * g + 4_064 * b + (16 << 16) + (1 << 15)) >> 16;
    let u = (-6_596 * r - 22_189 * g + 28_784 * b + 1 + (128 << 16) + (1 << 15)) >> 16;
    let v = (28_784 * r - 26_145 * g - 2_640 * b + 1 + (128 << 16) + (1 << 15)) >> 16;
    [y as u8, u as u8, v as u8]
}

/// The inverse of [`to_yuv`], clamped.
#[inline]
#[cfg(test)]
pub fn to_rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let y = 76_309 * (i32::from(y) - 16);
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    let clamp = |value: i32| ((value + (1 << 15)) >> 16).clamp(0, 255) as u8;
    [clamp(y + 117_489 * v), clamp(y - 13_975 * u - 34_925 * v), clamp(y + 138_438 * u)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greys_have_no_colour_and_keep_their_range() {
        assert_eq!(to_yuv(0, 0, 0), [16, 128, 128]);
        assert_eq!(to_yuv(255, 255, 255), [235, 128, 128]);
        assert_eq!(to_rgb(235, 128, 128), [255, 255, 255]);
    }

    #[test]
    fn colours_come_back_to_within_rounding() {
        for colour in [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 40], [17, 99, 203]] {
            let [y, u, v] = to_yuv(colour[0], colour[1], colour[2]);
            for (a, b) in to_rgb(y, u, v).iter().zip(colour) {
                assert!(a.abs_diff(b) <= 3, "{colour:?}");
            }
        }
    }
}
