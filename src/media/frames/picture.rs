//! Luma and chroma as they were decoded → a small upright picture.
//!
//! Planes are made small first and coloured then, which is several times cheaper than colouring
//! all of a frame. What never lives here: decoders.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, RgbImage};
use yuv::YuvPlanarImage;

use super::shape::Shape;

/// A plane of 8 bits: its samples, row after row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'p> {
    /// Whole rows of `stride` samples.
    pub samples: &'p [u8],
    /// From one row to the next.
    pub stride: usize,
}

/// A decoded frame in 4:2:0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes<'p> {
    /// Pixels.
    pub size: (u32, u32),
    pub luma: Plane<'p>,
    pub chroma: [Plane<'p>; 2],
}

/// Makes pictures; keeps what resizing needs from one to the next.
#[derive(Debug, Default)]
pub(super) struct Painter {
    resizer: Resizer,
}

impl Painter {
    /// The frame as it is shown, its longer side at most `longest`. Nothing when the planes are
    /// smaller than they must be.
    pub fn paint(&mut self, planes: &Planes<'_>, shape: &Shape, longest: u32) -> Option<RgbImage> {
        let (width, height) = planes.size;
        let (w, h) = within(shape.shown(planes.size), longest);
        let halves = (width.div_ceil(2), height.div_ceil(2));
        let y = self.scaled(planes.luma, planes.size, (w, h))?;
        let u = self.scaled(planes.chroma[0], halves, (w, h))?;
        let v = self.scaled(planes.chroma[1], halves, (w, h))?;
        let small = YuvPlanarImage {
            y_plane: &y,
            y_stride: w,
            u_plane: &u,
            u_stride: w,
            v_plane: &v,
            v_stride: w,
            width: w,
            height: h,
        };
        let (matrix, range) = shape.colours(planes.size);
        let mut picture = RgbImage::new(w, h);
        yuv::yuv444_to_rgb(&small, &mut picture, w * 3, range, matrix).ok()?;
        Some(upright(picture, shape))
    }

    fn scaled(&mut self, from: Plane<'_>, size: (u32, u32), to: (u32, u32)) -> Option<Vec<u8>> {
        let (width, height) = (size.0 as usize, size.1 as usize);
        if width == 0
            || width > from.stride
            || from.samples.len() < from.stride.checked_mul(height)?
        {
            return None;
        }
        // Without its padding: the resizer would mix it into the edge.
        let rows = from.samples.chunks_exact(from.stride).take(height);
        let tight: Vec<u8> = rows.map(|row| &row[..width]).collect::<Vec<_>>().concat();
        let source = ImageRef::new(size.0, size.1, &tight, PixelType::U8).ok()?;
        let mut made = Image::new(to.0, to.1, PixelType::U8);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming));
        self.resizer.resize(&source, &mut made, &options).ok()?;
        Some(made.into_vec())
    }

    /// A coloured picture, as it is stored, made small and turned.
    pub fn repaint(&mut self, stored: &RgbImage, shape: &Shape, longest: u32) -> Option<RgbImage> {
        let (w, h) = within(shape.shown(stored.dimensions()), longest);
        let source =
            ImageRef::new(stored.width(), stored.height(), stored.as_raw(), PixelType::U8x3)
                .ok()?;
        let mut made = Image::new(w, h, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming));
        self.resizer.resize(&source, &mut made, &options).ok()?;
        Some(upright(RgbImage::from_raw(w, h, made.into_vec())?, shape))
    }
}

/// A size whose longer side is at most so long; nothing is enlarged.
fn within((width, height): (u32, u32), longest: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= longest {
        return (width, height);
    }
    let side = |n: u32| {
        let scaled = (u64::from(n) * u64::from(longest) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(scaled).unwrap_or(longest).max(1)
    };
    (side(width), side(height))
}

fn upright(picture: RgbImage, shape: &Shape) -> RgbImage {
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(shape.turn);
    picture.into_rgb8()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::frame::to_yuv;
    use crate::media::frames::shape::UPRIGHT;

    /// A frame of one colour but for its upper left quarter, with padding that must not be seen.
    fn painted(size: (u32, u32), stride: usize, matrix: [i32; 4], longest: u32) -> RgbImage {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let [ground, corner] = [to_yuv(200, 40, 30), to_yuv(20, 90, 210)];
        let plane = |channel: usize, width: usize, height: usize, stride: usize| {
            let mut samples = vec![7; stride * height];
            for (y, row) in samples.chunks_exact_mut(stride).enumerate() {
                for (x, sample) in row[..width].iter_mut().enumerate() {
                    let inside = x < width / 2 && y < height / 2;
                    *sample = if inside { corner[channel] } else { ground[channel] };
                }
            }
            samples
        };
        let luma = plane(0, width, height, stride);
        let chroma =
            [1, 2].map(|c| plane(c, width.div_ceil(2), height.div_ceil(2), stride / 2 + 3));
        let planes = Planes {
            size,
            luma: Plane { samples: &luma, stride },
            chroma: [0, 1].map(|c| Plane { samples: &chroma[c], stride: stride / 2 + 3 }),
        };
        let mut shape = Shape::of(matrix, &[(*b"colr", b"nclx\0\x01\0\x01\0\x01\0")]);
        shape.note_range();
        Painter::default().paint(&planes, &shape, longest).expect("planes that are whole")
    }

    fn near(pixel: &image::Rgb<u8>, colour: [u8; 3]) -> bool {
        pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 4)
    }

    #[test]
    fn pictures_are_small_and_keep_their_colours_and_their_shape() {
        let picture = painted((320, 180), 384, UPRIGHT, 64);
        assert_eq!(picture.dimensions(), (64, 36));
        assert!(near(picture.get_pixel(10, 8), [20, 90, 210]), "{:?}", picture.get_pixel(10, 8));
        assert!(near(picture.get_pixel(63, 35), [200, 40, 30]), "{:?}", picture.get_pixel(63, 35));
        assert_eq!(painted((320, 180), 384, UPRIGHT, 640).dimensions(), (320, 180));
    }

    #[test]
    fn what_lay_on_its_side_stands() {
        let (one, zero) = (0x1_0000, 0);
        // The corner that was upper left goes to the right, the bottom, and down on the left.
        for (a, b, c, d, corner) in [
            (zero, one, -one, zero, (30, 10)),
            (-one, zero, zero, -one, (50, 30)),
            (zero, -one, one, zero, (10, 50)),
        ] {
            let picture = painted((320, 180), 320, [a, b, c, d], 64);
            let pixel = picture.get_pixel(corner.0, corner.1);
            assert!(near(pixel, [20, 90, 210]), "{a} {b} {c} {d}: {pixel:?}");
        }
    }

    #[test]
    fn one_pixel_is_a_picture_and_none_is_not() {
        assert_eq!(painted((1, 1), 32, UPRIGHT, 64).dimensions(), (1, 1));
        let empty = Plane { samples: &[], stride: 0 };
        let planes = Planes { size: (2, 2), luma: empty, chroma: [empty, empty] };
        let shape = Shape::of(UPRIGHT, &[]);
        assert!(Painter::default().paint(&planes, &shape, 64).is_none());
    }
}
