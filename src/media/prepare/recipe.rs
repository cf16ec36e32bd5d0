//! What must be done to a file, decided by its header alone.
//!
//! Everything that can be decided without pixels is decided here, sizes included, so that
//! planning knows what will be sent, and refuses what never can be.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::needs::{Fit, PictureNeeds};
use super::shape::{Aspect, Bounds, Size};
use crate::media::pictures::{Facts, Format, Traits};

/// Version of the preparation's code. It goes up whenever the same recipe would give other
/// pixels, so that requests made of them are known to differ.
pub const VERSION: u32 = 1;

/// Pixels of a side of what is made, at most, whatever a receiver takes: WebP goes no further.
const MOST_SIDE: u32 = 16_383;

/// Pixels of what is made, at most: padding must not make a giant out of a long thin picture.
const MOST_PIXELS: u64 = 64_000_000;

/// What is done to a picture before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// Nothing: the file's own bytes are sent.
    AsItIs,
    /// A new file is made.
    Make(Arc<Making>),
}

/// How a new file is made: upright, in sRGB, 8 bits a channel, one frame, no metadata; and then
/// in these steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Making {
    /// Version of the code that makes it.
    pub version: u32,
    /// The upright picture that it is for.
    pub source: Size,
    /// The colour put behind transparent pixels; absent: they stay, or there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flatten: Option<[u8; 3]>,
    /// The part that is used.
    pub window: Window,
    /// The size that this part is given.
    pub picture: Size,
    /// What is put around it, up to `canvas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filling: Option<Filling>,
    /// The size of the whole.
    pub canvas: Size,
    /// The format that is written.
    pub format: Format,
    /// Bytes of the file, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// What holds when the picture is made smaller still for `max_bytes`.
    pub bounds: Bounds,
}

/// A part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Pixels from the left.
    pub x: u32,
    /// Pixels from the top.
    pub y: u32,
    /// Its size.
    pub size: Size,
}

/// What is put around a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filling {
    /// One colour.
    Colour([u8; 3]),
    /// The colour of the picture's own border, at each side that side's.
    Border,
    /// The picture itself, enlarged and blurred.
    Blur,
}

impl Recipe {
    /// A stable text that names all that decides the prepared bytes, besides the source's own.
    pub fn id(&self) -> String {
        // Written by serde, so that a new field can't be forgotten here.
        serde_json::to_string(self).expect("numbers and words can be written as JSON")
    }

    /// What is made; `None` where the file is sent as it is.
    pub fn making(&self) -> Option<&Making> {
        match self {
            Recipe::AsItIs => None,
            Recipe::Make(making) => Some(making),
        }
    }
}

/// Why a picture can't be made fit: said after the receiver's name, `MODEL takes …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A side is too short.
    #[error("takes sides of at least {least} pixels (`min_side`), {is}")]
    TooSmall {
        /// What the picture is and would become.
        is: Outcome,
        /// Pixels.
        least: u32,
    },
    /// Too narrow for its height.
    #[error("takes nothing narrower than {}:{} (`aspect_min`), {is}", least.0, least.1)]
    TooNarrow {
        /// What the picture is and would become.
        is: Outcome,
        /// The narrowest shape, width to height.
        least: (u32, u32),
    },
    /// Too wide for its height.
    #[error("takes nothing wider than {}:{} (`aspect_max`), {is}", most.0, most.1)]
    TooWide {
        /// What the picture is and would become.
        is: Outcome,
        /// The widest shape, width to height.
        most: (u32, u32),
    },
}

impl Unfit {
    /// What a person can do.
    pub fn help(&self) -> &'static str {
        match self {
            Unfit::TooSmall { is, .. } if is.size == is.source => {
                "take a larger picture; Kinora enlarges none"
            }
            Unfit::TooSmall { is, .. } if is.fit == Fit::Crop => {
                "take a larger picture, or `fit: pad` or `blur`, which cut nothing off"
            }
            Unfit::TooSmall { .. } => "take a picture that is larger, or less long and thin",
            Unfit::TooNarrow { is, .. } | Unfit::TooWide { is, .. } if is.fit == Fit::Keep => {
                "give the shot `fit: pad`, `crop` or `blur`, or take another picture"
            }
            Unfit::TooNarrow { .. } | Unfit::TooWide { .. } => {
                "take another aspect, or another model"
            }
        }
    }
}

/// What a picture is, and what it would become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Upright, as it is.
    pub source: Size,
    /// How it was fitted.
    pub fit: Fit,
    /// What would be sent.
    pub size: Size,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is {}", self.source)?;
        let how = match self.fit {
            _ if self.source == self.size => return Ok(()),
            Fit::Keep => "scaled down",
            Fit::Pad | Fit::Blur => "padded",
            Fit::Crop => "cropped",
        };
        write!(f, ", {how} it would be {}", self.size)
    }
}

/// What must be done to a picture for a receiver, by its header facts alone.
///
/// # Errors
/// The limit that it breaks and no preparation can mend: pictures are never enlarged, and their
/// shape is only changed where `fit` says so.
pub fn recipe(facts: &Facts, needs: &PictureNeeds) -> Result<Recipe, Unfit> {
    let source = Size { width: facts.width, height: facts.height };
    let bounds = needs.bounds();
    let target = needs.target(source);
    if target.is_none() && is_plain(facts, needs) {
        check(source, source, needs)?;
        if bounds.allow(source) {
            return Ok(Recipe::AsItIs);
        }
    }
    let capped = Bounds {
        max_side: Some(bounds.max_side.unwrap_or(MOST_SIDE).min(MOST_SIDE)),
        max_pixels: Some(bounds.max_pixels.unwrap_or(MOST_PIXELS).min(MOST_PIXELS)),
        ..bounds
    };
    let canvas = match target {
        None => {
            check_shape(source, source, needs)?;
            capped.scaled_down(source)
        }
        Some(aspect) if needs.fit == Fit::Crop => {
            capped.scaled_down(capped.settled(source.inside(aspect)))
        }
        Some(aspect) => capped.scaled_down(capped.settled(source.around(aspect))),
    };
    check(source, canvas, needs)?;
    Ok(Recipe::Make(Arc::new(making(facts, needs, target, (source, canvas)))))
}

/// Whether a file's own bytes can be sent, its size and shape aside.
fn is_plain(facts: &Facts, needs: &PictureNeeds) -> bool {
    let Traits { alpha, deep, cmyk, foreign_profile, animated, grey: _ } = facts.traits;
    needs.takes(facts.format)
        && facts.orientation.0 == 1
        && !(deep || cmyk || foreign_profile || animated)
        && (needs.alpha || !alpha)
        && needs.max_bytes.is_none_or(|most| facts.bytes <= most)
}

fn making(
    facts: &Facts,
    needs: &PictureNeeds,
    target: Option<Aspect>,
    (source, canvas): (Size, Size),
) -> Making {
    let filling = target.and(match needs.fit {
        Fit::Pad => Some(needs.pad.map_or(Filling::Border, Filling::Colour)),
        Fit::Blur => Some(Filling::Blur),
        Fit::Keep | Fit::Crop => None,
    });
    // Padding has the picture's colours: behind a transparent picture there would be two.
    let keeps_alpha = facts.traits.alpha && needs.alpha && filling.is_none();
    let order = match keeps_alpha {
        true => [Format::Png, Format::Webp, Format::Jpeg],
        false => [Format::Jpeg, Format::Png, Format::Webp],
    };
    let format = order.into_iter().find(|f| needs.takes(*f)).unwrap_or(order[0]);
    let flat = facts.traits.alpha && (!keeps_alpha || format == Format::Jpeg);
    let used = match target {
        Some(aspect) if needs.fit == Fit::Crop => source.inside(aspect),
        _ => source,
    };
    let picture = match filling {
        Some(_) => canvas.inside((source.width, source.height)),
        None => canvas,
    };
    Making {
        version: VERSION,
        source,
        flatten: flat.then_some(needs.flatten),
        window: Window {
            x: (source.width - used.width) / 2,
            y: (source.height - used.height) / 2,
            size: used,
        },
        picture,
        filling,
        canvas,
        format,
        max_bytes: needs.max_bytes,
        bounds: needs.bounds(),
    }
}

/// The limits that making a picture smaller can't mend.
fn check(source: Size, size: Size, needs: &PictureNeeds) -> Result<(), Unfit> {
    check_shape(source, size, needs)?;
    match needs.min_side.filter(|least| size.short() < *least) {
        Some(least) => Err(Unfit::TooSmall { is: Outcome { source, fit: needs.fit, size }, least }),
        None => Ok(()),
    }
}

fn check_shape(source: Size, size: Size, needs: &PictureNeeds) -> Result<(), Unfit> {
    let is = Outcome { source, fit: needs.fit, size };
    let bounds = needs.bounds();
    if let Some(least) = bounds.too_narrow(size) {
        return Err(Unfit::TooNarrow { is, least });
    }
    match bounds.too_wide(size) {
        Some(most) => Err(Unfit::TooWide { is, most }),
        None => Ok(()),
    }
}
