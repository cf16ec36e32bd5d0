//! The channel profile: what one channel takes and advises, as data.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::{Frame, Pixels};
use crate::models::AspectRatio;

/// What one channel takes and advises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Kinora channel profile")]
pub struct Channel {
    /// Version of the profile language: 1.
    pub kinora_channel: u32,
    /// Name by which manifests call it, for instance `meta-reels`.
    pub channel: String,
    /// One line for people.
    pub title: String,
    /// The day on which its figures were put together.
    #[schemars(with = "crate::yaml::Day")]
    pub as_of: Date,
    /// Shapes that it shows; the first is what a shot gets that names none.
    pub frames: Vec<Frame>,
    /// Whether shapes that are not among `frames` are taken too.
    #[serde(default)]
    pub any_aspect: bool,
    /// The most pixels that are taken, lying or upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Pixels>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Lengths>,
    /// Most bytes of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Frames a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<FrameRates>,
    /// Kinds of files that are taken, by their usual endings; empty where that is not known.
    #[serde(default)]
    pub containers: Vec<String>,
    /// What else to know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where the figures are from.
    #[serde(default)]
    pub sources: Vec<ChannelSource>,
}

/// Seconds that a channel takes and advises.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// The shortest that is taken.
    #[schemars(with = "Option<crate::yaml::Exact>")]
    #[serde(
        default,
        deserialize_with = "crate::yaml::optional_decimal",
        skip_serializing_if = "Option::is_none"
    )]
    pub min: Option<Decimal>,
    /// The longest that is taken.
    #[schemars(with = "Option<crate::yaml::Exact>")]
    #[serde(
        default,
        deserialize_with = "crate::yaml::optional_decimal",
        skip_serializing_if = "Option::is_none"
    )]
    pub max: Option<Decimal>,
    /// What does well there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advised: Option<Advised>,
}

/// Seconds that do well on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Advised {
    /// From.
    #[schemars(with = "Option<crate::yaml::Exact>")]
    #[serde(
        default,
        deserialize_with = "crate::yaml::optional_decimal",
        skip_serializing_if = "Option::is_none"
    )]
    pub min: Option<Decimal>,
    /// To.
    #[schemars(with = "Option<crate::yaml::Exact>")]
    #[serde(
        default,
        deserialize_with = "crate::yaml::optional_decimal",
        skip_serializing_if = "Option::is_none"
    )]
    pub max: Option<Decimal>,
}

/// Frames a second that a channel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameRates {
    /// Fewest.
    #[schemars(range(min = 1, max = 240))]
    pub min: u32,
    /// Most.
    #[schemars(range(min = 1, max = 240))]
    pub max: u32,
}

/// Where some figures are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelSource {
    /// Which figures.
    pub figures: Vec<Figure>,
    /// A page, or whoever says so.
    pub from: String,
    /// Whether these are the channel's own words; `false`: somebody else says so.
    pub own: bool,
    /// When it was looked up.
    #[schemars(with = "crate::yaml::Day")]
    pub looked_up: Date,
}

/// Figures of a profile, for its sources.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Shapes, and the least and best pixels of each.
    Frames,
    /// The most pixels.
    Most,
    /// The lengths that are taken.
    Length,
    /// The lengths that are advised.
    Advised,
    /// Bytes.
    MaxBytes,
    /// Frames a second.
    Fps,
    /// Kinds of files.
    Containers,
    /// What the channel covers.
    SafeZone,
}

impl Figure {
    /// As profiles write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Figure::Frames => "frames",
            Figure::Most => "most",
            Figure::Length => "length",
            Figure::Advised => "advised",
            Figure::MaxBytes => "max_bytes",
            Figure::Fps => "fps",
            Figure::Containers => "containers",
            Figure::SafeZone => "safe_zone",
        }
    }
}

impl Channel {
    /// What it says of a shape; `None` where it says nothing.
    pub fn frame(&self, aspect: AspectRatio) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.aspect == aspect)
    }

    /// Whether a shape is taken.
    pub fn takes_aspect(&self, aspect: AspectRatio) -> bool {
        self.any_aspect || self.frame(aspect).is_some()
    }

    /// Whether a length is taken.
    pub fn takes_length(&self, seconds: Decimal) -> bool {
        let (min, max) = self.length_bounds();
        min.is_none_or(|min| seconds >= min) && max.is_none_or(|max| seconds <= max)
    }

    /// The shortest and the longest that are taken.
    pub fn length_bounds(&self) -> (Option<Decimal>, Option<Decimal>) {
        self.length.as_ref().map_or((None, None), |length| (length.min, length.max))
    }

    /// What is advised of the length.
    pub fn advised(&self) -> Option<Advised> {
        self.length.as_ref()?.advised
    }

    /// Whether a clip of this shape and size is neither too small nor too large.
    pub fn takes_size(&self, aspect: AspectRatio, size: (u32, u32)) -> bool {
        let least = self.frame(aspect).and_then(|frame| frame.least);
        least.is_none_or(|least| least.reached_by(size))
            && self.most.is_none_or(|most| most.holds(size))
    }

    /// Whether a frame rate is taken.
    pub fn takes_fps(&self, fps: u32) -> bool {
        self.fps.is_none_or(|rates| (rates.min..=rates.max).contains(&fps))
    }

    /// Its shapes, as people read them: `9:16, 1:1`.
    pub fn aspects(&self) -> String {
        let mut named: Vec<String> =
            self.frames.iter().map(|frame| frame.aspect.to_string()).collect();
        named.extend(self.any_aspect.then(|| "any other".to_owned()));
        named.join(", ")
    }

    /// The figures that it gives, each of which should have a source.
    pub fn figures(&self) -> Vec<Figure> {
        let given = [
            (Figure::Frames, !self.frames.is_empty()),
            (Figure::Most, self.most.is_some()),
            (Figure::Length, self.length_bounds() != (None, None)),
            (Figure::Advised, self.advised().is_some()),
            (Figure::MaxBytes, self.max_bytes.is_some()),
            (Figure::Fps, self.fps.is_some()),
            (Figure::Containers, !self.containers.is_empty()),
            (Figure::SafeZone, self.frames.iter().any(|frame| frame.safe_zone.is_some())),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(figure, _)| figure).collect()
    }
}

impl Advised {
    /// Whether a length is within it.
    pub fn allows(&self, seconds: Decimal) -> bool {
        self.min.is_none_or(|min| seconds >= min) && self.max.is_none_or(|max| seconds <= max)
    }
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        span(self.min, self.max, f)
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        span(self.min, self.max, f)
    }
}

/// `6 to 240 s`, `at most 90 s`, `at least 3 s`.
fn span(min: Option<Decimal>, max: Option<Decimal>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (min, max) {
        (Some(min), Some(max)) => write!(f, "{} to {} s", min.normalize(), max.normalize()),
        (Some(min), None) => write!(f, "at least {} s", min.normalize()),
        (None, Some(max)) => write!(f, "at most {} s", max.normalize()),
        (None, None) => f.write_str("any length"),
    }
}
