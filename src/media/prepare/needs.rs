//! What a receiver of pictures takes, and how a picture of another shape is made to fit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{Bounds, Size};
use crate::media::pictures::Format;

/// How a picture of another shape than the clip becomes the first or last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Its shape stays.
    #[default]
    Keep,
    /// A plain colour is added at two sides.
    Pad,
    /// Two sides are cut off, the middle stays.
    Crop,
    /// The picture itself, enlarged, blurred and a little darker, is added at two sides.
    Blur,
}

impl Fit {
    /// All, as written in manifests.
    pub const ALL: [Fit; 4] = [Fit::Keep, Fit::Pad, Fit::Crop, Fit::Blur];

    /// From the word in a manifest.
    pub fn parse(text: &str) -> Option<Self> {
        Fit::ALL.into_iter().find(|fit| fit.as_str() == text)
    }

    /// As written in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Fit::Keep => "keep",
            Fit::Pad => "pad",
            Fit::Crop => "crop",
            Fit::Blur => "blur",
        }
    }
}

/// A colour as people write it: `#rrggbb`, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// From text such as `#f4f1ea`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        bytes.try_into().ok().map(Colour)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Colour::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no colour like #f4f1ea")))
    }
}

impl JsonSchema for Colour {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Colour".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "colour",
            "pattern": "^#[0-9A-Fa-f]{6}$",
            "description": "Red, green and blue in hexadecimal digits, for instance #f4f1ea."
        })
    }
}

/// What a receiver takes, and what is wished. Limits that are absent don't hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct PictureNeeds {
    /// Formats; empty: those that everybody takes, [`Format::WRITTEN`].
    pub formats: Vec<Format>,
    /// Pixels of the shorter side, at least.
    pub min_side: Option<u32>,
    /// Pixels of the longer side, at most.
    pub max_side: Option<u32>,
    /// Pixels altogether, at most.
    pub max_pixels: Option<u64>,
    /// The narrowest shape, width to height.
    pub aspect_min: Option<(u32, u32)>,
    /// The widest shape, width to height.
    pub aspect_max: Option<(u32, u32)>,
    /// Bytes of the file, at most.
    pub max_bytes: Option<u64>,
    /// Whether pixels may be transparent.
    pub alpha: bool,
    /// How the wanted shape, or one that is taken, is come by.
    pub fit: Fit,
    /// The wanted shape, width to height; absent: any that is taken.
    pub aspect: Option<(u32, u32)>,
    /// The colour that [`Fit::Pad`] adds; absent: that of the picture's own border.
    pub pad: Option<[u8; 3]>,
    /// The colour behind transparent pixels where they can't stay.
    pub flatten: [u8; 3],
}

impl Default for PictureNeeds {
    /// Takes everything, in the formats that everybody takes.
    fn default() -> Self {
        PictureNeeds {
            formats: Vec::new(),
            min_side: None,
            max_side: None,
            max_pixels: None,
            aspect_min: None,
            aspect_max: None,
            max_bytes: None,
            alpha: true,
            fit: Fit::Keep,
            aspect: None,
            pad: None,
            flatten: [255; 3],
        }
    }
}

impl PictureNeeds {
    pub(super) fn takes(&self, format: Format) -> bool {
        match self.formats.is_empty() {
            true => Format::WRITTEN.contains(&format),
            false => self.formats.contains(&format),
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            min_side: self.min_side,
            max_side: self.max_side,
            max_pixels: self.max_pixels,
            aspect_min: self.aspect_min,
            aspect_max: self.aspect_max,
        }
    }

    /// The shape that a picture is to be given; `None` where its own will do.
    pub(super) fn target(&self, source: Size) -> Option<(u32, u32)> {
        if self.fit == Fit::Keep {
            return None;
        }
        let bounds = self.bounds();
        let wanted = self.aspect.or_else(|| {
            let narrow = self.aspect_min.filter(|min| source.narrower_than(*min));
            narrow.or_else(|| self.aspect_max.filter(|max| source.wider_than(*max)))
        })?;
        // One pixel more or less is a picture that was meant to have this shape. Scaling rounds once
        // more, so what is sent must be as near.
        let near = |size: Size| {
            [size.around(wanted), size.inside(wanted)].iter().any(|s| s.differs_by(size) <= 1)
        };
        let is_near = near(source) && near(bounds.scaled_down(source));
        (!is_near || !bounds.has_shape(source)).then_some(wanted)
    }
}
