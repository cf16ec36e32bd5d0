//! Luma and chroma → lights, and what code points of ITU-T H.273 say of them.

use image::{DynamicImage, RgbaImage};
use moxcms::{CicpProfile, ColorProfile, MatrixCoefficients, TransferCharacteristics};
use re_rav1d::pixel::YUVRange;
use re_rav1d::{Picture, PixelLayout, PlanarImageComponent};
use yuv::{YuvError, YuvGrayImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};

use super::boxes::Colours;
use super::{damaged, unread};
use crate::media::pictures::PictureProblem;

/// Transfer characteristics of pictures brighter than paper: PQ and HLG.
const HIGH_RANGE: [u16; 2] = [16, 18];

/// Transfer characteristics that differ from sRGB's enough to be seen: gamma 2.2 and 2.8, linear.
/// Those of video are shown as sRGB by everybody.
const OTHER_CURVES: [u16; 3] = [4, 5, 8];

/// What the coded picture says of itself, for files whose boxes don't.
pub(super) fn of_picture(picture: &Picture) -> Colours {
    Colours {
        primaries: picture.color_primaries() as u16,
        transfer: picture.transfer_characteristic() as u16,
        matrix: picture.matrix_coefficients() as u16,
        full_range: picture.color_range() == YUVRange::Full,
    }
}

/// How lights come from luma and chroma.
enum Matrix {
    /// They are green, blue and red.
    None,
    /// By these weights.
    Weights(YuvStandardMatrix),
}

fn matrix(code: u16) -> Option<Matrix> {
    Some(Matrix::Weights(match code {
        0 => return Some(Matrix::None),
        1 => YuvStandardMatrix::Bt709,
        // Nothing said: as in JPEG.
        2 | 5 | 6 => YuvStandardMatrix::Bt601,
        4 => YuvStandardMatrix::Fcc,
        7 => YuvStandardMatrix::Smpte240,
        9 => YuvStandardMatrix::Bt2020,
        _ => return None,
    }))
}

/// Whether colours can be read here.
pub(super) fn check(colours: Option<Colours>) -> Result<(), PictureProblem> {
    let Some(colours) = colours else { return Ok(()) };
    if HIGH_RANGE.contains(&colours.transfer) {
        return Err(unread("it is an AVIF of high dynamic range (HDR)".to_owned()));
    }
    match matrix(colours.matrix) {
        Some(_) => Ok(()),
        None => Err(unread(format!("it is an AVIF with the colour matrix {}", colours.matrix))),
    }
}

/// A profile that says what the colours mean; `None` where they are sRGB's.
pub(super) fn icc_of(colours: Colours) -> Option<Vec<u8>> {
    let curve = OTHER_CURVES.contains(&colours.transfer).then_some(colours.transfer);
    if matches!(colours.primaries, 0..=2) && curve.is_none() {
        return None;
    }
    let curve =
        curve.and_then(|code| TransferCharacteristics::try_from(u8::try_from(code).ok()?).ok());
    let primaries = u8::try_from(colours.primaries).ok()?;
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: primaries.try_into().ok()?,
        transfer_characteristics: curve.unwrap_or(TransferCharacteristics::Srgb),
        matrix_coefficients: MatrixCoefficients::Bt709,
        full_range: true,
    });
    profile.encode().ok()
}

/// A decoded picture's lights, opaque.
pub(super) fn lights(picture: &Picture, colours: Colours) -> Result<DynamicImage, PictureProblem> {
    check(Some(colours))?;
    let matrix = matrix(colours.matrix).ok_or_else(|| damaged("it has no colours"))?;
    let range = if colours.full_range { YuvRange::Full } else { YuvRange::Limited };
    let (width, height) = (picture.width(), picture.height());
    let mut lights8 = Vec::new();
    let mut lights16 = Vec::new();
    let count = width as usize * height as usize * 4;
    let made = match picture.bit_depth() {
        8 => {
            lights8 = vec![0; count];
            of_8(&Planes::of(picture), &mut lights8, range, matrix)
        }
        depth => {
            lights16 = vec![0; count];
            of_more(&Planes::of(picture), depth, &mut lights16, range, matrix)
        }
    };
    made.map_err(|e| PictureProblem::Damaged(e.to_string()))?;
    let image = match lights16.is_empty() {
        true => RgbaImage::from_raw(width, height, lights8).map(DynamicImage::ImageRgba8),
        false => {
            image::ImageBuffer::from_raw(width, height, lights16).map(DynamicImage::ImageRgba16)
        }
    };
    image.ok_or_else(|| damaged("it has fewer pixels than it says"))
}

/// The planes of a picture as samples, with how many a row has.
struct Planes<T> {
    luma: (Vec<T>, u32),
    chroma: Option<[(Vec<T>, u32); 2]>,
    layout: PixelLayout,
    size: (u32, u32),
}

/// A sample: 8 bits, or more in two bytes.
trait Sample: Copy + std::fmt::Debug {
    fn read(plane: &[u8]) -> Vec<Self>;
}

impl Sample for u8 {
    fn read(plane: &[u8]) -> Vec<u8> {
        plane.to_vec()
    }
}

impl Sample for u16 {
    fn read(plane: &[u8]) -> Vec<u16> {
        plane.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect()
    }
}

impl<T: Sample> Planes<T> {
    fn of(picture: &Picture) -> Self {
        let plane = |which: PlanarImageComponent| {
            let samples = T::read(&picture.plane(which));
            (samples, picture.stride(which) / size_of::<T>() as u32)
        };
        let layout = picture.pixel_layout();
        let chroma = (layout != PixelLayout::I400)
            .then(|| [plane(PlanarImageComponent::U), plane(PlanarImageComponent::V)]);
        let size = (picture.width(), picture.height());
        Planes { luma: plane(PlanarImageComponent::Y), chroma, layout, size }
    }

    fn grey(&self) -> YuvGrayImage<'_, T> {
        let (width, height) = self.size;
        YuvGrayImage { y_plane: &self.luma.0, y_stride: self.luma.1, width, height }
    }

    /// With chroma; luma in its place where there is none, which nobody asks for.
    fn colours(&self) -> YuvPlanarImage<'_, T> {
        let (width, height) = self.size;
        let [u, v] = match &self.chroma {
            Some([u, v]) => [u, v],
            None => [&self.luma, &self.luma],
        };
        YuvPlanarImage {
            y_plane: &self.luma.0,
            y_stride: self.luma.1,
            u_plane: &u.0,
            u_stride: u.1,
            v_plane: &v.0,
            v_stride: v.1,
            width,
            height,
        }
    }
}

fn of_8(
    planes: &Planes<u8>,
    to: &mut [u8],
    range: YuvRange,
    matrix: Matrix,
) -> Result<(), YuvError> {
    let row = planes.size.0 * 4;
    let weights = match (matrix, planes.layout) {
        (Matrix::None, PixelLayout::I444) => {
            return yuv::gbr_to_rgba(&planes.colours(), to, row, range);
        }
        (Matrix::None, _) => YuvStandardMatrix::Bt601,
        (Matrix::Weights(weights), _) => weights,
    };
    match planes.layout {
        PixelLayout::I400 => yuv::yuv400_to_rgba(&planes.grey(), to, row, range, weights),
        PixelLayout::I420 => {
            yuv::yuv420_to_rgba_bilinear(&planes.colours(), to, row, range, weights)
        }
        PixelLayout::I422 => {
            yuv::yuv422_to_rgba_bilinear(&planes.colours(), to, row, range, weights)
        }
        PixelLayout::I444 => yuv::yuv444_to_rgba(&planes.colours(), to, row, range, weights),
    }
}

fn of_more(
    planes: &Planes<u16>,
    depth: usize,
    to: &mut [u16],
    range: YuvRange,
    matrix: Matrix,
) -> Result<(), YuvError> {
    let row = planes.size.0 * 4;
    let (grey, colours) = (planes.grey(), planes.colours());
    let ten = depth == 10;
    let weights = match (matrix, planes.layout) {
        (Matrix::Weights(weights), _) => Some(weights),
        (Matrix::None, PixelLayout::I444) => None,
        (Matrix::None, _) => Some(YuvStandardMatrix::Bt601),
    };
    match (weights, planes.layout) {
        (None, _) if ten => yuv::gb10_to_rgba10(&colours, to, row, range),
        (None, _) => yuv::gb12_to_rgba12(&colours, to, row, range),
        (Some(by), PixelLayout::I400) if ten => yuv::y010_to_rgba10(&grey, to, row, range, by),
        (Some(by), PixelLayout::I400) => yuv::y012_to_rgba12(&grey, to, row, range, by),
        (Some(by), PixelLayout::I420) if ten => {
            yuv::i010_to_rgba10_bilinear(&colours, to, row, range, by)
        }
        (Some(by), PixelLayout::I420) => yuv::i012_to_rgba12_bilinear(&colours, to, row, range, by),
        (Some(by), PixelLayout::I422) if ten => {
            yuv::i210_to_rgba10_bilinear(&colours, to, row, range, by)
        }
        (Some(by), PixelLayout::I422) => yuv::i212_to_rgba12_bilinear(&colours, to, row, range, by),
        (Some(by), PixelLayout::I444) if ten => yuv::i410_to_rgba10(&colours, to, row, range, by),
        (Some(by), PixelLayout::I444) => yuv::i412_to_rgba12(&colours, to, row, range, by),
    }?;
    // To the whole of 16 bits: the upper bits once more below.
    let (up, down) = if ten { (6, 4) } else { (4, 8) };
    to.iter_mut().for_each(|light| *light = *light << up | *light >> down);
    Ok(())
}

/// Lights that were multiplied by their alpha, as they are without it.
pub(super) fn divide<T: Copy + Into<u32> + TryFrom<u32> + image::Primitive>(pixel: &mut [T; 4]) {
    let alpha: u32 = pixel[3].into();
    let most: u32 = T::DEFAULT_MAX_VALUE.into();
    for light in pixel.iter_mut().take(3) {
        let whole = (u64::from((*light).into()) * u64::from(most) + u64::from(alpha / 2))
            .checked_div(u64::from(alpha))
            .unwrap_or(0);
        let whole = u32::try_from(whole).unwrap_or(most).min(most);
        *light = T::try_from(whole).unwrap_or(T::DEFAULT_MAX_VALUE);
    }
}
