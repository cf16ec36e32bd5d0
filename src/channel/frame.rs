//! Frames of a channel: shapes, pixels, and what the channel's own words and buttons cover.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::models::AspectRatio;

/// One shape that a channel shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Width to height, for instance "9:16".
    pub aspect: AspectRatio,
    /// The fewest pixels that are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<Pixels>,
    /// The pixels that suit the channel best: what a shot is made with that names no resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Pixels>,
    /// What the channel's own words and buttons cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_zone: Option<SafeZone>,
}

/// How much of a frame's edges the channel covers, in percent of the frame's height (`top`,
/// `bottom`) and width (`left`, `right`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SafeZone {
    /// Percent of the height.
    #[serde(default)]
    #[schemars(range(max = 90))]
    pub top: u32,
    /// Percent of the height.
    #[serde(default)]
    #[schemars(range(max = 90))]
    pub bottom: u32,
    /// Percent of the width.
    #[serde(default)]
    #[schemars(range(max = 90))]
    pub left: u32,
    /// Percent of the width.
    #[serde(default)]
    #[schemars(range(max = 90))]
    pub right: u32,
}

impl fmt::Display for SafeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [
            ("top", self.top),
            ("bottom", self.bottom),
            ("left", self.left),
            ("right", self.right),
        ];
        let covered = sides.iter().filter(|(_, percent)| *percent > 0);
        let said: Vec<String> =
            covered.map(|(side, percent)| format!("{side} {percent} %")).collect();
        f.write_str(&said.join(", "))
    }
}

/// Width and height in pixels, written `1080x1920`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pixels {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Pixels {
    /// From text such as `1080x1920`. Sides are 1 to 100,000.
    pub fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.trim().split_once('x')?;
        let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=100_000).contains(n));
        Some(Pixels { width: side(width)?, height: side(height)? })
    }

    /// Whether a clip of `width` by `height` has at least so many on both sides.
    pub fn reached_by(self, (width, height): (u32, u32)) -> bool {
        width >= self.width && height >= self.height
    }

    /// Whether a clip is no larger than this, lying or upright.
    pub fn holds(self, (width, height): (u32, u32)) -> bool {
        let long = self.width.max(self.height);
        let short = self.width.min(self.height);
        width.max(height) <= long && width.min(height) <= short
    }
}

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

impl Serialize for Pixels {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{}x{}", self.width, self.height))
    }
}

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Pixels::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is no size such as 1080x1920"))
        })
    }
}

impl JsonSchema for Pixels {
    fn schema_name() -> Cow<'static, str> {
        "Pixels".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",
            "description": "Width and height in pixels, for instance 1080x1920."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_is_taken_counts_lying_and_upright() {
        let most = Pixels::parse("3840x2160").expect("a size");
        assert!(most.holds((3840, 2160)));
        assert!(most.holds((2160, 3840)));
        assert!(!most.holds((2200, 2200)));
    }

    #[test]
    fn the_least_counts_each_side_for_itself() {
        let least = Pixels::parse("540x960").expect("a size");
        assert!(least.reached_by((540, 960)));
        assert!(!least.reached_by((960, 540)));
        assert!(!least.reached_by((539, 2000)));
    }
}
