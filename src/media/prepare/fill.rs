//! What is put behind and around a picture: a colour, its own border's, or itself, blurred.

use fast_image_resize::FilterType;
use image::imageops;
use image::{DynamicImage, Rgb, RgbImage, Rgba};

use super::recipe::{Filling, Window};
use super::scale::resized_rgb;
use super::shape::Size;
use crate::media::pictures::PictureProblem;

/// The picture with a colour behind it, opaque.
pub(super) fn flatten(picture: DynamicImage, behind: [u8; 3]) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let mut made = RgbImage::new(picture.width(), picture.height());
    for (Rgb(made), Rgba([r, g, b, alpha])) in made.pixels_mut().zip(picture.pixels()) {
        let alpha = u32::from(*alpha);
        for ((made, channel), behind) in made.iter_mut().zip([r, g, b]).zip(behind) {
            let mixed = u32::from(*channel) * alpha + u32::from(behind) * (255 - alpha);
            *made = ((mixed + 127) / 255) as u8;
        }
    }
    made
}

/// The picture in the middle of a canvas that is filled around it.
pub(super) fn framed(
    picture: &RgbImage,
    canvas: Size,
    filling: Filling,
) -> Result<RgbImage, PictureProblem> {
    let (x, y) = (
        canvas.width.saturating_sub(picture.width()) / 2,
        canvas.height.saturating_sub(picture.height()) / 2,
    );
    let mut made = match filling {
        Filling::Colour(colour) => of_halves(canvas, canvas.width > picture.width(), [colour; 2]),
        Filling::Border => {
            let sideways = canvas.width > picture.width();
            of_halves(canvas, sideways, border_colours(picture, sideways))
        }
        Filling::Blur => blurred(picture, canvas)?,
    };
    imageops::replace(&mut made, picture, i64::from(x), i64::from(y));
    Ok(made)
}

/// A canvas of two colours: left and right, or top and bottom.
fn of_halves(canvas: Size, sideways: bool, [first, second]: [[u8; 3]; 2]) -> RgbImage {
    let mut made = RgbImage::from_pixel(canvas.width, canvas.height, Rgb(first));
    for (x, y, pixel) in made.enumerate_pixels_mut() {
        if if sideways { x >= canvas.width / 2 } else { y >= canvas.height / 2 } {
            *pixel = Rgb(second);
        }
    }
    made
}

/// The colours of the two edges that padding meets: left and right, or top and bottom. Two,
/// because a backdrop is seldom as bright above as below.
fn border_colours(picture: &RgbImage, sideways: bool) -> [[u8; 3]; 2] {
    let (width, height) = picture.dimensions();
    let column = |x: u32| median((0..height).map(|y| picture.get_pixel(x, y).0));
    let row = |y: u32| median((0..width).map(|x| picture.get_pixel(x, y).0));
    match sideways {
        true => [column(0), column(width - 1)],
        false => [row(0), row(height - 1)],
    }
}

/// The middle value of each channel: unlike a mean, what touches the border here and there
/// doesn't tint it.
fn median(pixels: impl Iterator<Item = [u8; 3]>) -> [u8; 3] {
    let mut channels: [Vec<u8>; 3] = Default::default();
    for pixel in pixels {
        channels.iter_mut().zip(pixel).for_each(|(channel, value)| channel.push(value));
    }
    channels.map(|mut values| {
        let middle = values.len() / 2;
        *values.select_nth_unstable(middle).1
    })
}

/// Pixels of the longer side of the picture that is blurred: what is finer is lost anyway.
const BLURRED_SIDE: u32 = 96;

/// How far the blur reaches, in those pixels, and how often it is done: three boxes are as good
/// as a bell curve.
const BLUR_RADIUS: usize = 5;
const BLUR_PASSES: usize = 3;

/// What is left of the light, of 256: a little darker, so that the picture itself stands out.
const DIMMED: u32 = 205;

/// The picture, enlarged to cover the canvas, blurred and dimmed.
fn blurred(picture: &RgbImage, canvas: Size) -> Result<RgbImage, PictureProblem> {
    let whole = Size { width: picture.width(), height: picture.height() };
    let used = whole.inside((canvas.width, canvas.height));
    let window = Window {
        x: (whole.width - used.width) / 2,
        y: (whole.height - used.height) / 2,
        size: used,
    };
    let mut small = resized_rgb(picture, window, canvas.with_long(BLURRED_SIDE), FilterType::Box)?;
    for _ in 0..BLUR_PASSES {
        small = imageops::rotate90(&box_blurred_rows(&small));
        small = imageops::rotate270(&box_blurred_rows(&small));
    }
    for Rgb(lights) in small.pixels_mut() {
        for channel in lights {
            *channel = ((u32::from(*channel) * DIMMED) >> 8) as u8;
        }
    }
    let size = Size { width: small.width(), height: small.height() };
    resized_rgb(&small, Window { x: 0, y: 0, size }, canvas, FilterType::CatmullRom)
}

/// Each pixel the mean of its row's neighbours; past the edge, the edge's own colour goes on.
fn box_blurred_rows(picture: &RgbImage) -> RgbImage {
    let last = i64::from(picture.width()) - 1;
    let reach = BLUR_RADIUS as i64;
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let mut sums = [0u32; 3];
        for offset in -reach..=reach {
            // Between 0 and the last column, which is a u32.
            let at = (i64::from(x) + offset).clamp(0, last) as u32;
            let pixel = picture.get_pixel(at, y).0;
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(value));
        }
        let count = 2 * BLUR_RADIUS as u32 + 1;
        Rgb(sums.map(|sum| ((sum + count / 2) / count) as u8))
    })
}
