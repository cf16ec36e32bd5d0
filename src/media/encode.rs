//! Frames → a clip: H.264, 4:2:0, in an MP4 whose index comes first.
//!
//! The clip is cut into segments of about a second. Each begins with a key frame and has an
//! encoder of its own, so that all cores work on one clip, and the bytes depend on the frames
//! alone, never on how many threads there were. What never lives here: where frames come from.

use std::time::Duration;

use muxide::api::{MuxerBuilder, VideoCodec};
use openh264::OpenH264API;
use openh264::encoder::{
    Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange,
    RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
};
use rayon::prelude::*;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::frame::Frame;

/// Longest side that the encoder takes, in pixels (OpenH264's README: 3840×2160).
const MAX_LONG_SIDE: u32 = 3840;
/// Longest shorter side.
const MAX_SHORT_SIDE: u32 = 2160;
/// Most frames of one clip: an hour at 30 a second is far beyond any use.
const MAX_FRAMES: u32 = 108_000;

/// Quantiser of every frame. Constant, so that quality never pumps between key frames and the
/// same frames always give the same bytes; visually clean on product pictures.
const QUANTISER: u8 = 24;

/// What a clip is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipSpec {
    /// Pixels; even.
    pub width: u32,
    /// Pixels; even.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Frames.
    pub frames: u32,
}

impl ClipSpec {
    /// The clip that lasts `seconds`, to the nearest frame.
    pub fn new(width: u32, height: u32, fps: u32, seconds: Decimal) -> Result<Self, EncodeProblem> {
        let frames = (seconds * Decimal::from(fps)).round().to_u32().unwrap_or(0);
        let spec = ClipSpec { width, height, fps, frames };
        spec.check().map(|()| spec)
    }

    fn check(&self) -> Result<(), EncodeProblem> {
        let (long, short) = (self.width.max(self.height), self.width.min(self.height));
        let problem = if short < 16 || long > MAX_LONG_SIDE || short > MAX_SHORT_SIDE {
            format!(
                "{}×{} pixels can't be encoded; sides are 16 to {MAX_LONG_SIDE}×{MAX_SHORT_SIDE}",
                self.width, self.height
            )
        } else if !self.width.is_multiple_of(2) || !self.height.is_multiple_of(2) {
            format!("{}×{} pixels can't be encoded; sides must be even", self.width, self.height)
        } else if self.fps == 0 || self.fps > 240 {
            format!("{} frames a second can't be encoded; 1 to 240 can", self.fps)
        } else if self.frames == 0 || self.frames > MAX_FRAMES {
            format!("a clip of {} frames can't be encoded; 1 to {MAX_FRAMES} can", self.frames)
        } else {
            return Ok(());
        };
        Err(EncodeProblem::Impossible(problem))
    }

    /// How long it is, exactly `frames / fps`, to the nanosecond.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(u64::from(self.frames) * 1_000_000_000 / u64::from(self.fps.max(1)))
    }

    /// The frames of each segment, in order. An even number of segments of about a second and a
    /// quarter, so that a few cores end together; a function of the clip alone.
    fn segments(&self) -> Vec<std::ops::Range<u32>> {
        let wanted = (f64::from(self.frames) / (f64::from(self.fps) * 1.25)).round() as u32;
        let count = wanted.next_multiple_of(2).clamp(1, self.frames);
        (0..count)
            .map(|i| {
                let at = |n: u32| (u64::from(self.frames) * u64::from(n) / u64::from(count)) as u32;
                at(i)..at(i + 1)
            })
            .collect()
    }
}

/// Why a clip could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeProblem {
    /// No such clip can be made.
    #[error("{0}")]
    Impossible(String),
    /// Whoever draws the frames asked to stop.
    #[error("stopped before the end")]
    Stopped,
    /// The encoder failed.
    #[error("the H.264 encoder failed: {0}")]
    Encoder(String),
    /// The MP4 could not be written.
    #[error("the MP4 could not be written: {0}")]
    Container(String),
}

/// One encoded frame: Annex B, and whether it is a key frame.
struct Coded {
    bytes: Vec<u8>,
    key: bool,
}

/// Draws and encodes a clip; returns the bytes of the MP4. `draw` fills the frame of the given
/// index and returns whether to go on; it is called from several threads at once, and in order
/// within a segment. Runs on the rayon pool that it is called in.
pub fn encode(
    spec: &ClipSpec,
    draw: &(dyn Fn(u32, &mut Frame) -> bool + Sync),
) -> Result<Vec<u8>, EncodeProblem> {
    spec.check()?;
    let segments = spec
        .segments()
        .into_par_iter()
        .with_max_len(1)
        .map(|range| encode_segment(spec, range, draw))
        .collect::<Result<Vec<_>, _>>()?;
    write_mp4(spec, segments.iter().flatten())
}

fn encode_segment(
    spec: &ClipSpec,
    range: std::ops::Range<u32>,
    draw: &(dyn Fn(u32, &mut Frame) -> bool + Sync),
) -> Result<Vec<Coded>, EncodeProblem> {
    let failed = |e: openh264::Error| EncodeProblem::Encoder(e.to_string());
    let mut encoder =
        Encoder::with_api_config(OpenH264API::from_source(), config(spec)).map_err(failed)?;
    let mut frame = Frame::black(spec.width as usize, spec.height as usize);
    let mut coded = Vec::with_capacity(range.len());
    for index in range {
        if !draw(index, &mut frame) {
            return Err(EncodeProblem::Stopped);
        }
        let stream = encoder.encode(&frame).map_err(failed)?;
        let key = matches!(stream.frame_type(), FrameType::IDR);
        let bytes = stream.to_vec();
        // Skipping is off, so an empty frame is a fault of the encoder: a clip that lacks a
        // frame must never be taken for whole.
        if bytes.is_empty() {
            return Err(EncodeProblem::Encoder(format!("it gave nothing for frame {index}")));
        }
        coded.push(Coded { bytes, key });
    }
    Ok(coded)
}

/// Buffer-based control with an equal least and greatest quantiser is how this encoder is told
/// to keep the quantiser constant; its `Off` mode ignores the range.
fn config(spec: &ClipSpec) -> EncoderConfig {
    EncoderConfig::new()
        .rate_control_mode(RateControlMode::Bufferbased)
        .qp(QpRange::new(QUANTISER, QUANTISER))
        .bitrate(openh264::encoder::BitRate::from_bps(20_000_000))
        .max_frame_rate(FrameRate::from_hz(spec.fps as f32))
        .usage_type(UsageType::CameraVideoRealTime)
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .complexity(Complexity::Low)
        .num_threads(1)
        .skip_frames(false)
        .scene_change_detect(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .vui(VuiConfig::bt709())
}

fn write_mp4<'a>(
    spec: &ClipSpec,
    frames: impl Iterator<Item = &'a Coded>,
) -> Result<Vec<u8>, EncodeProblem> {
    let failed = |e: muxide::api::MuxerError| EncodeProblem::Container(e.to_string());
    let mut muxer = MuxerBuilder::new(Vec::new())
        .video(VideoCodec::H264, spec.width, spec.height, f64::from(spec.fps))
        .with_fast_start(true)
        .build()
        .map_err(failed)?;
    for (index, frame) in frames.enumerate() {
        let seconds = index as f64 / f64::from(spec.fps);
        muxer.write_video(seconds, &frame.bytes, frame.key).map_err(failed)?;
    }
    muxer.finish_in_place().map_err(failed)?;
    Ok(muxer.into_writer())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(width: u32, height: u32, fps: u32, seconds: &str) -> ClipSpec {
        let seconds = Decimal::from_str_exact(seconds).expect("a decimal");
        ClipSpec::new(width, height, fps, seconds).expect("a clip")
    }

    #[test]
    fn frames_are_duration_times_rate_to_the_nearest() {
        assert_eq!(spec(64, 64, 24, "5").frames, 120);
        assert_eq!(spec(64, 64, 25, "1.3").frames, 32);
        assert_eq!(spec(64, 64, 30, "0.5").frames, 15);
    }

    #[test]
    fn segments_cover_every_frame_once() {
        for (fps, seconds) in [(24, "5"), (12, "0.1"), (60, "59.9"), (25, "1.3"), (24, "0.05")] {
            let spec = spec(64, 64, fps, seconds);
            let all: Vec<u32> = spec.segments().into_iter().flatten().collect();
            assert_eq!(all, (0..spec.frames).collect::<Vec<_>>());
            assert!(spec.segments().iter().all(|s| !s.is_empty()));
        }
    }

    #[test]
    fn sizes_that_no_encoder_takes_are_named() {
        for (w, h, fps, seconds) in
            [(65, 64, 24, 1), (0, 64, 24, 1), (8000, 64, 24, 1), (64, 64, 0, 1), (64, 64, 24, 0)]
        {
            let made = ClipSpec::new(w, h, fps, Decimal::from(seconds));
            assert!(matches!(made, Err(EncodeProblem::Impossible(_))), "{w}×{h} {fps} {seconds}");
        }
    }

    #[test]
    fn a_request_to_stop_stops() {
        let made = encode(&spec(32, 32, 24, "1"), &|index, _| index < 3);
        assert_eq!(made, Err(EncodeProblem::Stopped));
    }
}
