//! What a channel asks of a finished clip, small enough to travel with a job's request.
//!
//! What never lives here: failing a job; a clip that is paid for and does not suit its channel
//! is still a clip.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Pixels;
use super::profile::{Channel, FrameRates};
use crate::models::AspectRatio;

/// How far a clip's shape may be from the one that was asked for, in percent: models round to
/// multiples of 8 or 16 pixels.
pub const ASPECT_TOLERANCE_PERCENT: u64 = 3;

/// By how much a clip may be shorter or longer than a channel's bounds, in milliseconds: clips
/// end with a whole frame.
const LENGTH_TOLERANCE_MS: u64 = 100;

/// What is asked of a finished clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// The channel.
    pub channel: String,
    /// The shape, `W:H`.
    pub aspect: AspectRatio,
    /// The fewest pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<Pixels>,
    /// The most pixels, lying or upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Pixels>,
    /// The shortest, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<u64>,
    /// The longest, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
    /// The most bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Frames a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<FrameRates>,
}

/// A finished clip as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Frames; 0 where they were not counted.
    pub frames: u32,
    /// Bytes.
    pub bytes: u64,
}

impl Channel {
    /// What it asks of a clip of a shape.
    pub fn ask(&self, aspect: AspectRatio) -> Ask {
        let (min, max) = self.length_bounds();
        Ask {
            channel: self.channel.clone(),
            aspect,
            least: self.frame(aspect).and_then(|frame| frame.least),
            most: self.most,
            min_ms: min.and_then(milliseconds),
            max_ms: max.and_then(milliseconds),
            max_bytes: self.max_bytes,
            fps: self.fps,
        }
    }
}

impl Ask {
    /// What a clip lacks, in words; empty where it suits.
    pub fn missed_by(&self, clip: Made) -> Vec<String> {
        let size = (clip.width, clip.height);
        let made = Pixels { width: clip.width, height: clip.height };
        let mut missed = Vec::new();
        if self.is_another_shape(size) {
            missed.push(format!("{made} pixels are not {}", self.aspect));
        }
        if let Some(least) = self.least.filter(|least| !least.reached_by(size)) {
            missed.push(format!("{made} pixels, {least} are the least"));
        }
        if let Some(most) = self.most.filter(|most| !most.holds(size)) {
            missed.push(format!("{made} pixels, {most} are the most"));
        }
        let ms = clip.duration_ms;
        if let Some(min) = self.min_ms.filter(|min| ms + LENGTH_TOLERANCE_MS < *min) {
            missed.push(format!("{} long, {} are the least", seconds(ms), seconds(min)));
        }
        if let Some(max) = self.max_ms.filter(|max| ms > max + LENGTH_TOLERANCE_MS) {
            missed.push(format!("{} long, {} are the most", seconds(ms), seconds(max)));
        }
        if let Some(most) = self.max_bytes.filter(|most| clip.bytes > *most) {
            missed.push(format!("{} bytes, {most} are the most", clip.bytes));
        }
        if let Some((rates, fps)) = self.fps.zip(frame_rate(clip))
            && !(rates.min..=rates.max).contains(&fps)
        {
            let FrameRates { min, max } = rates;
            missed.push(format!("{fps} frames a second, {min} to {max} are taken"));
        }
        missed
    }

    fn is_another_shape(&self, (width, height): (u32, u32)) -> bool {
        // Two shapes side by side, as products of sides, so that no fraction is needed.
        let wanted = u64::from(height) * u64::from(self.aspect.width);
        let made = u64::from(width) * u64::from(self.aspect.height);
        wanted.abs_diff(made) * 100 > wanted * ASPECT_TOLERANCE_PERCENT
    }
}

/// Frames a second, to the nearest whole one; `None` where nobody counted.
fn frame_rate(clip: Made) -> Option<u32> {
    let thousands = u64::from(clip.frames) * 1000;
    let rate = (thousands + clip.duration_ms / 2).checked_div(clip.duration_ms)?;
    u32::try_from(rate).ok().filter(|rate| *rate > 0)
}

fn milliseconds(seconds: Decimal) -> Option<u64> {
    u64::try_from((seconds * Decimal::ONE_THOUSAND).round()).ok()
}

fn seconds(ms: u64) -> String {
    let exact = Decimal::new(i64::try_from(ms).unwrap_or(i64::MAX), 3);
    format!("{} s", exact.normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask {
            channel: "meta-reels".to_owned(),
            aspect: AspectRatio { width: 9, height: 16 },
            least: Pixels::parse("540x960"),
            most: None,
            min_ms: Some(3_000),
            max_ms: Some(90_000),
            max_bytes: Some(1_000),
            fps: Some(FrameRates { min: 24, max: 60 }),
        }
    }

    fn clip() -> Made {
        Made { width: 1080, height: 1920, duration_ms: 5_000, frames: 120, bytes: 900 }
    }

    #[test]
    fn a_clip_that_suits_lacks_nothing() {
        assert_eq!(ask().missed_by(clip()), Vec::<String>::new());
        // Models round sides to multiples, and clips end with a whole frame.
        let rounded = Made { width: 1088, height: 1920, duration_ms: 2_960, frames: 71, ..clip() };
        assert_eq!(ask().missed_by(rounded), Vec::<String>::new());
    }

    #[test]
    fn each_figure_that_is_missed_is_said_for_itself() {
        let lying = Made { width: 640, height: 360, duration_ms: 2_000, frames: 20, bytes: 2_000 };
        insta::assert_snapshot!(ask().missed_by(lying).join("\n"), @r"
        640×360 pixels are not 9:16
        640×360 pixels, 540×960 are the least
        2 s long, 3 s are the least
        2000 bytes, 1000 are the most
        10 frames a second, 24 to 60 are taken
        ");
        let long = Made { duration_ms: 90_500, frames: 2_172, ..clip() };
        assert_eq!(ask().missed_by(long), ["90.5 s long, 90 s are the most"]);
    }
}
