//! Pictures made fit for a receiver: what it takes, what must be done to a file for that, and
//! the doing.
//!
//! What lives here: needs, recipes (decided by header facts alone, so that a plan of a million
//! jobs can have them), the preparation itself, and its cache. What never does: models, plans,
//! HTTP.
//!
//! A file that is fit already is sent as it is, byte for byte, and so are the camera's notes and
//! the place in it. Whatever is made here carries neither EXIF nor ICC: it is upright and sRGB.

mod cache;
mod encode;
mod fill;
mod needs;
mod recipe;
mod scale;
mod shape;

#[cfg(test)]
mod tests;

pub use cache::{CacheError, PreparedCache};
pub use needs::{Colour, Fit, PictureNeeds};
pub use recipe::{Filling, Making, Recipe, Unfit, VERSION, Window, recipe};
pub use shape::{Bounds, Size};

use super::decode::PictureLimits;
use super::file::{check_whole, recognise};
use super::pictures::{Format, PictureProblem};
use super::{header, upright};

/// A picture as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub format: Format,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
}

/// Prepares a picture. The same bytes and recipe always give the same result.
///
/// # Errors
/// Why the bytes are no picture that can be decoded within limits; that they are of another size
/// than the recipe is for; or that no encoding is small enough.
pub fn prepare(
    bytes: &[u8],
    recipe: &Recipe,
    limits: &PictureLimits,
) -> Result<Prepared, PictureProblem> {
    match recipe {
        Recipe::AsItIs => as_it_is(bytes.to_vec()),
        Recipe::Make(making) => make(bytes, making, limits),
    }
}

/// A file that is sent unchanged.
fn as_it_is(bytes: Vec<u8>) -> Result<Prepared, PictureProblem> {
    let format = recognise(&bytes)?;
    check_whole(format, &bytes)?;
    let header = header::read(format, &bytes)?;
    let (width, height) = header.upright();
    Ok(Prepared { bytes, format, width, height })
}

fn make(bytes: &[u8], making: &Making, limits: &PictureLimits) -> Result<Prepared, PictureProblem> {
    let picture = upright::decode(bytes, limits)?;
    let found = Size { width: picture.width(), height: picture.height() };
    if found != making.source {
        let message = format!("it is {found} pixels, not {} as its header said", making.source);
        return Err(PictureProblem::Damaged(message));
    }
    let picture = match making.flatten {
        None => picture,
        Some(colour) => fill::flatten(picture, colour).into(),
    };
    let picture = scale::scaled(picture, making.window, making.picture)?;
    let canvas = match making.filling {
        None => picture,
        Some(filling) => fill::framed(&picture.into_rgb8(), making.canvas, filling)?.into(),
    };
    encode::within(&canvas, making)
}
