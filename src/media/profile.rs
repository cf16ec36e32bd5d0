//! ICC profiles: whether one changes what colours mean, and pixels into sRGB by it.
//!
//! What never lives here: where profiles and pixels come from.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use image::{DynamicImage, RgbaImage};
use moxcms::{CmsError, ColorProfile, DataColorSpace, Layout, TransformExecutor, TransformOptions};

use crate::digest::Digest;

/// What the pixels that a profile stands beside are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Channels {
    /// One light.
    Grey,
    /// Three lights.
    Rgb,
    /// Four inks.
    Cmyk,
}

/// How far a profile's colours may be from sRGB's, in steps of 255, for the two to count as one:
/// that is what variants of sRGB (with another black point, or a curve as a table) differ by.
const SAME: u8 = 3;

/// How many answers are remembered: more would mean that each picture has a profile of its own.
const MOST_REMEMBERED: usize = 1000;

/// A profile by which colours must be converted before they are sRGB: one that can be read, is
/// about such pixels, and says something else than sRGB. Profiles are compared by what they do
/// with colours, since dozens of files are called sRGB, and some without being it.
pub(super) fn foreign(icc: &[u8], channels: Channels) -> Option<ColorProfile> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let is_like_srgb = match (profile.color_space, channels) {
        (DataColorSpace::Cmyk, Channels::Cmyk) => false,
        (DataColorSpace::Gray, Channels::Grey) => greys_stay(&profile).ok()?,
        (DataColorSpace::Rgb, Channels::Rgb | Channels::Grey) => colours_stay(&profile).ok()?,
        _ => return None,
    };
    (!is_like_srgb).then_some(profile)
}

/// Whether [`foreign`] finds one. A look at a profile costs as much as thirty at a header, and a
/// catalogue's thousands of pictures have a handful of profiles, so answers are remembered.
pub(super) fn is_foreign(icc: &[u8], channels: Channels) -> bool {
    static KNOWN: LazyLock<RwLock<HashMap<(Digest, Channels), bool>>> =
        LazyLock::new(RwLock::default);
    let key = (Digest::of(icc), channels);
    // The map is whole at every moment, so a thread that panicked did it no harm.
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    known.unwrap_or_else(|| {
        let found = foreign(icc, channels).is_some();
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_REMEMBERED {
            known.insert(key, found);
        }
        found
    })
}

fn greys_stay(profile: &ColorProfile) -> Result<bool, CmsError> {
    let greys: Vec<u8> = (0..=u8::MAX).step_by(5).collect();
    let mut made = vec![0; greys.len() * 3];
    to_srgb8(profile, Layout::Gray, Layout::Rgb)?.transform(&greys, &mut made)?;
    let wanted = greys.iter().flat_map(|grey| [*grey; 3]);
    Ok(made.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= SAME))
}

fn colours_stay(profile: &ColorProfile) -> Result<bool, CmsError> {
    const LEVELS: [u8; 6] = [0, 51, 102, 153, 204, 255];
    let mut colours = Vec::with_capacity(LEVELS.len().pow(3) * 3);
    for r in LEVELS {
        for g in LEVELS {
            LEVELS.iter().for_each(|b| colours.extend([r, g, *b]));
        }
    }
    let mut made = vec![0; colours.len()];
    to_srgb8(profile, Layout::Rgb, Layout::Rgb)?.transform(&colours, &mut made)?;
    Ok(made.iter().zip(&colours).all(|(a, b)| a.abs_diff(*b) <= SAME))
}

type Transform<T> = std::sync::Arc<dyn TransformExecutor<T> + Send + Sync>;

fn to_srgb8(from: &ColorProfile, layout: Layout, to: Layout) -> Result<Transform<u8>, CmsError> {
    let srgb = ColorProfile::new_srgb();
    from.create_transform_8bit(layout, &srgb, to, TransformOptions::default())
}

fn to_srgb16(from: &ColorProfile, layout: Layout) -> Result<Transform<u16>, CmsError> {
    let srgb = ColorProfile::new_srgb();
    from.create_transform_16bit(layout, &srgb, Layout::Rgba, TransformOptions::default())
}

/// Pixels in sRGB, 8 bits a channel, with an alpha channel where they had one. 16 bits stay 16
/// until their colours are converted, so that nothing is rounded twice.
pub(super) fn into_srgb(image: DynamicImage, icc: Option<&[u8]>) -> DynamicImage {
    let colour = image.color();
    let channels = if colour.has_color() { Channels::Rgb } else { Channels::Grey };
    let Some(profile) = icc.and_then(|icc| foreign(icc, channels)) else {
        return plain(image);
    };
    let deep = colour.bytes_per_pixel() > colour.channel_count();
    let size = (image.width(), image.height());
    let made = match (profile.color_space == DataColorSpace::Gray, deep) {
        (true, false) => to_srgb8(&profile, Layout::GrayAlpha, Layout::Rgba)
            .and_then(|t| converted(&*t, image.to_luma_alpha8().as_raw(), 2)),
        (false, false) => to_srgb8(&profile, Layout::Rgba, Layout::Rgba)
            .and_then(|t| converted(&*t, image.to_rgba8().as_raw(), 4)),
        (true, true) => to_srgb16(&profile, Layout::GrayAlpha)
            .and_then(|t| converted(&*t, image.to_luma_alpha16().as_raw(), 2))
            .map(narrowed),
        (false, true) => to_srgb16(&profile, Layout::Rgba)
            .and_then(|t| converted(&*t, image.to_rgba16().as_raw(), 4))
            .map(narrowed),
    };
    let made = made.ok().and_then(|pixels| RgbaImage::from_raw(size.0, size.1, pixels));
    match (made, colour.has_alpha()) {
        (Some(made), true) => DynamicImage::ImageRgba8(made),
        (Some(made), false) => DynamicImage::ImageRgb8(DynamicImage::from(made).into_rgb8()),
        (None, _) => plain(image),
    }
}

/// Of three channels or four, 8 bits each. What is so already is not copied.
fn plain(image: DynamicImage) -> DynamicImage {
    match image.color().has_alpha() {
        true => DynamicImage::ImageRgba8(image.into_rgba8()),
        false => DynamicImage::ImageRgb8(image.into_rgb8()),
    }
}

/// Inks (255 is all of one) into sRGB: by their profile, or without one as ideal inks on white.
pub(super) fn inks_into_srgb(inks: &[u8], icc: Option<&[u8]>) -> Vec<u8> {
    let profile = icc.and_then(|icc| foreign(icc, Channels::Cmyk));
    // Four channels in, whatever they are called.
    let by_profile = profile.and_then(|profile| {
        let transform = to_srgb8(&profile, Layout::Rgba, Layout::Rgba).ok()?;
        converted(&*transform, inks, 4).ok()
    });
    by_profile.unwrap_or_else(|| {
        let lights = |p: &[u8]| {
            let left = |ink: u8| u16::from(u8::MAX - ink);
            let light = |ink: u8| ((left(ink) * left(p[3]) + 127) / 255) as u8;
            [light(p[0]), light(p[1]), light(p[2]), u8::MAX]
        };
        inks.chunks_exact(4).flat_map(lights).collect()
    })
}

fn converted<T: Copy + Default>(
    transform: &dyn TransformExecutor<T>,
    from: &[T],
    channels: usize,
) -> Result<Vec<T>, CmsError> {
    let mut to = vec![T::default(); from.len() / channels * 4];
    transform.transform(from, &mut to)?;
    Ok(to)
}

fn narrowed(deep: Vec<u16>) -> Vec<u8> {
    deep.into_iter().map(|v| ((u32::from(v) * 255 + 32_767) / 65_535) as u8).collect()
}
