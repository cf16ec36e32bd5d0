//! Sizes and shapes, in whole numbers, so that a limit is kept to the pixel.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Width and height in pixels; neither is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// Width to height.
pub(super) type Aspect = (u32, u32);

/// `n × by ÷ of`, rounded, at least 1. All are below 2^32, so the product fits.
fn part(n: u32, by: u32, of: u32) -> u32 {
    let (by, of) = (u64::from(by), u64::from(of.max(1)));
    u32::try_from((u64::from(n) * by + of / 2) / of).unwrap_or(u32::MAX).max(1)
}

impl Size {
    pub(super) fn short(self) -> u32 {
        self.width.min(self.height)
    }

    pub(super) fn long(self) -> u32 {
        self.width.max(self.height)
    }

    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Width × the other's height against height × the other's width: which of two shapes is
    /// wider, exactly.
    fn against(self, aspect: Aspect) -> (u64, u64) {
        let wide = u64::from(self.width) * u64::from(aspect.1);
        (wide, u64::from(self.height) * u64::from(aspect.0))
    }

    pub(super) fn wider_than(self, aspect: Aspect) -> bool {
        let (own, other) = self.against(aspect);
        own > other
    }

    pub(super) fn narrower_than(self, aspect: Aspect) -> bool {
        let (own, other) = self.against(aspect);
        own < other
    }

    /// The smallest size of a shape that this one fits into.
    pub(super) fn around(self, aspect: Aspect) -> Size {
        match self.wider_than(aspect) {
            true => Size { height: part(self.width, aspect.1, aspect.0), ..self },
            false => Size { width: part(self.height, aspect.0, aspect.1), ..self },
        }
    }

    /// The largest size of a shape that fits into this one.
    pub(super) fn inside(self, aspect: Aspect) -> Size {
        let made = match self.wider_than(aspect) {
            true => Size { width: part(self.height, aspect.0, aspect.1), ..self },
            false => Size { height: part(self.width, aspect.1, aspect.0), ..self },
        };
        Size { width: made.width.min(self.width), height: made.height.min(self.height) }
    }

    /// Of the same shape, with the longer side at most `side`.
    pub(super) fn with_long(self, side: u32) -> Size {
        match self.long() {
            long if long <= side => self,
            long => {
                let (width, height) = (part(self.width, side, long), part(self.height, side, long));
                Size { width, height }
            }
        }
    }

    /// Of the same shape, with at most so many pixels.
    fn with_pixels(self, most: u64) -> Size {
        if self.pixels() <= most {
            return self;
        }
        // The width w of the same shape has w² = most × width ÷ height.
        let square = u128::from(most) * u128::from(self.width) / u128::from(self.height);
        let width = u32::try_from(square.isqrt()).unwrap_or(u32::MAX).max(1);
        let height = part(self.height, width, self.width);
        let fitting = u32::try_from(most / u64::from(width)).unwrap_or(u32::MAX);
        Size { width, height: height.min(fitting).max(1) }
    }

    /// By how much the sides differ, at most.
    pub(super) fn differs_by(self, other: Size) -> u32 {
        self.width.abs_diff(other.width).max(self.height.abs_diff(other.height))
    }
}

/// Limits on a picture's size and shape. What is absent doesn't hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// Pixels of the shorter side, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_side: Option<u32>,
    /// Pixels of the longer side, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_side: Option<u32>,
    /// Pixels altogether, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<u64>,
    /// The narrowest shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect_min: Option<Aspect>,
    /// The widest shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect_max: Option<Aspect>,
}

impl Bounds {
    pub(super) fn too_narrow(&self, size: Size) -> Option<Aspect> {
        self.aspect_min.filter(|min| size.narrower_than(*min))
    }

    pub(super) fn too_wide(&self, size: Size) -> Option<Aspect> {
        self.aspect_max.filter(|max| size.wider_than(*max))
    }

    pub(super) fn has_shape(&self, size: Size) -> bool {
        self.too_narrow(size).is_none() && self.too_wide(size).is_none()
    }

    fn has_room(&self, size: Size) -> bool {
        self.max_side.is_none_or(|most| size.long() <= most)
            && self.max_pixels.is_none_or(|most| size.pixels() <= most)
    }

    /// Whether a size is within all of them.
    pub fn allow(&self, size: Size) -> bool {
        self.has_shape(size)
            && self.has_room(size)
            && self.min_side.is_none_or(|least| size.short() >= least)
    }

    /// The same shape, scaled down into the upper limits. Sides are whole numbers: where rounding
    /// would leave the shapes that are taken, a side gives way.
    pub(super) fn scaled_down(&self, size: Size) -> Size {
        let size = size.with_long(self.max_side.unwrap_or(u32::MAX));
        self.settled(size.with_pixels(self.max_pixels.unwrap_or(u64::MAX)))
    }

    /// A size that was rounded out of the shapes that are taken, brought back: by a pixel more if
    /// there is room, or a few less.
    pub(super) fn settled(&self, size: Size) -> Size {
        let grown = match (self.too_narrow(size), self.too_wide(size)) {
            (None, None) => return size,
            (Some(_), _) => Size { width: size.width + 1, ..size },
            _ => Size { height: size.height + 1, ..size },
        };
        if self.has_shape(grown) && self.has_room(grown) {
            return grown;
        }
        let shrunk = match (self.too_narrow(size), self.too_wide(size)) {
            (Some(min), _) => Size { height: floor(size.width, min.1, min.0), ..size },
            (_, Some(max)) => Size { width: floor(size.height, max.0, max.1), ..size },
            _ => size,
        };
        // Far outside is no matter of rounding.
        if shrunk.differs_by(size) <= 1 { shrunk } else { size }
    }
}

fn floor(n: u32, by: u32, of: u32) -> u32 {
    let whole = u64::from(n) * u64::from(by) / u64::from(of.max(1));
    u32::try_from(whole).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn a_shape_is_put_around_or_cut_inside() {
        assert_eq!(size(1000, 1000).around((9, 16)), size(1000, 1778));
        assert_eq!(size(1000, 1000).inside((9, 16)), size(563, 1000));
        assert_eq!(size(1920, 1080).around((16, 9)), size(1920, 1080));
        assert_eq!(size(1, 4000).inside((16, 9)), size(1, 1));
    }

    #[test]
    fn limits_on_sides_and_pixels_scale_down_and_never_up() {
        let bounds =
            Bounds { max_side: Some(2000), max_pixels: Some(2_000_000), ..Bounds::default() };
        assert_eq!(bounds.scaled_down(size(4000, 3000)), size(1632, 1224));
        assert_eq!(bounds.scaled_down(size(8000, 1000)), size(2000, 250));
        assert_eq!(bounds.scaled_down(size(300, 200)), size(300, 200));
    }

    #[test]
    fn rounding_does_not_leave_the_shapes_that_are_taken() {
        // 2:5 exactly, but 2000 high would be 800 wide, 1999 high 799.6.
        let bounds = Bounds { max_side: Some(1999), aspect_min: Some((2, 5)), ..Bounds::default() };
        let made = bounds.scaled_down(size(4000, 10_000));
        assert!(bounds.allow(made), "{made}");
    }

    proptest! {
        #[test]
        fn what_is_scaled_down_is_within_the_upper_limits(
            (width, height) in (1u32..5000, 1u32..5000),
            (side, pixels) in (1u32..3000, 1u64..4_000_000),
        ) {
            let bounds =
                Bounds { max_side: Some(side), max_pixels: Some(pixels), ..Bounds::default() };
            let made = bounds.scaled_down(size(width, height));
            prop_assert!(made.width >= 1 && made.height >= 1);
            prop_assert!(made.long() <= side);
            // A picture one pixel thin can't lose more of its thickness.
            prop_assert!(made.pixels() <= pixels || made.short() == 1);
        }
    }
}
