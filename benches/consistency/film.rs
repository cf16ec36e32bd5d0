//! Frames → MP4 → frames: the real H.264 writer and decoder.
//!
//! What lives here: coding. What never does: what is on the frames.

use std::error::Error;
use std::io::Cursor;

use image::RgbImage;
use muxide::api::{MuxerBuilder, VideoCodec};
use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, Decoder, DecoderConfig, Flush};
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange,
    RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
};
use openh264::formats::YUVSource;

/// Frames a second.
pub const FPS: u32 = 24;

/// How many bits frames get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// A constant quantiser.
    Quantiser(u8),
    /// A bitrate, by the bits that each pixel of each frame may take.
    BitsAPixel(f32),
}

/// One frame in 4:2:0, BT.709, limited range.
struct Planes {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Planes {
    fn of(picture: &RgbImage) -> Planes {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut made = Planes {
            width,
            height,
            y: Vec::with_capacity(width * height),
            u: vec![128; width / 2 * (height / 2)],
            v: vec![128; width / 2 * (height / 2)],
        };
        for p in picture.pixels() {
            let [r, g, b] = p.0.map(f32::from);
            made.y.push((16.5 + (0.2126 * r + 0.7152 * g + 0.0722 * b) * 219.0 / 255.0) as u8);
        }
        let raw = picture.as_raw();
        for cy in 0..height / 2 {
            for cx in 0..width / 2 {
                let [r, g, b]: [f32; 3] = std::array::from_fn(|k| {
                    let at = |dx: usize, dy: usize| {
                        f32::from(raw[((2 * cy + dy) * width + 2 * cx + dx) * 3 + k])
                    };
                    (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4.0
                });
                let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
                let i = cy * (width / 2) + cx;
                made.u[i] = (128.5 + (b - y) / 1.8556 * 224.0 / 255.0).clamp(0.0, 255.0) as u8;
                made.v[i] = (128.5 + (r - y) / 1.5748 * 224.0 / 255.0).clamp(0.0, 255.0) as u8;
            }
        }
        made
    }
}

impl YUVSource for Planes {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.y
    }

    fn u(&self) -> &[u8] {
        &self.u
    }

    fn v(&self) -> &[u8] {
        &self.v
    }
}

/// Writes a clip. A bitrate is kept by the least quantiser whose file is no larger: the writer's own
/// control drops frames for it, which is another fault.
pub fn written(
    size: (u32, u32),
    frames: impl Iterator<Item = RgbImage>,
    rate: Rate,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let frames: Vec<Planes> = frames.map(|f| Planes::of(&f)).collect();
    let bits = match rate {
        Rate::Quantiser(q) => return coded(size, &frames, q),
        Rate::BitsAPixel(bits) => bits,
    };
    let most = (bits * (size.0 * size.1) as f32 * frames.len() as f32 / 8.0) as usize;
    let (mut low, mut high) = (24, 48);
    let mut best = coded(size, &frames, high)?;
    while low < high {
        let middle = (low + high) / 2;
        let made = coded(size, &frames, middle)?;
        if made.len() <= most {
            (best, high) = (made, middle);
        } else {
            low = middle + 1;
        }
    }
    Ok(best)
}

fn coded(
    (width, height): (u32, u32),
    frames: &[Planes],
    quantiser: u8,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let config = EncoderConfig::new()
        .max_frame_rate(FrameRate::from_hz(FPS as f32))
        .usage_type(UsageType::CameraVideoRealTime)
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .complexity(Complexity::Low)
        .num_threads(1)
        .skip_frames(false)
        .scene_change_detect(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .rate_control_mode(RateControlMode::Bufferbased)
        .qp(QpRange::new(quantiser, quantiser))
        .bitrate(BitRate::from_bps(20_000_000))
        .vui(VuiConfig::bt709());
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
    let mut muxer = MuxerBuilder::new(Vec::new())
        .video(VideoCodec::H264, width, height, f64::from(FPS))
        .with_fast_start(true)
        .build()?;
    for (index, frame) in frames.iter().enumerate() {
        let stream = encoder.encode(frame)?;
        let key = matches!(stream.frame_type(), FrameType::IDR);
        muxer.write_video(index as f64 / f64::from(FPS), &stream.to_vec(), key)?;
    }
    muxer.finish_in_place()?;
    Ok(muxer.into_writer())
}

/// Decodes all frames and keeps `count` of them, spread from the first to the last, each with its
/// time in milliseconds.
pub fn sampled(mp4: &[u8], count: usize) -> Result<Vec<(u64, RgbImage)>, Box<dyn Error>> {
    let index = re_mp4::Mp4::read(Cursor::new(mp4), mp4.len() as u64)?;
    let track = index.tracks().values().next().ok_or("no track")?;
    let re_mp4::StsdBoxContent::Avc1(entry) = &track.trak(&index).mdia.minf.stbl.stsd.contents
    else {
        return Err("not H.264".into());
    };
    let mut decoder = Decoder::with_api_config(
        OpenH264API::from_source(),
        DecoderConfig::new().flush_after_decode(Flush::NoFlush),
    )?;
    let avcc = &entry.avcc.contents;
    let mut sets = Vec::new();
    for set in avcc.sequence_parameter_sets.iter().chain(&avcc.picture_parameter_sets) {
        sets.extend([0, 0, 0, 1]);
        sets.extend(&set.bytes);
    }
    let total = track.samples.len();
    let count = count.min(total);
    let wanted: Vec<usize> =
        (0..count).map(|i| (i * (total - 1) + (count - 1) / 2) / (count - 1).max(1)).collect();
    let mut out = Vec::with_capacity(count);
    let options = DecodeOptions::new().flush_after_decode(Flush::NoFlush);
    let mut number = 0;
    let mut take = |yuv: &openh264::decoder::DecodedYUV<'_>| {
        if wanted.contains(&number) {
            out.push((number as u64 * 1000 / u64::from(FPS), rgb(yuv)));
        }
        number += 1;
    };
    for (i, sample) in track.samples.iter().enumerate() {
        let start = usize::try_from(sample.offset)?;
        let coded = mp4.get(start..start + usize::try_from(sample.size)?).ok_or("cut short")?;
        let mut stream = if i == 0 { sets.clone() } else { Vec::new() };
        annex_b(coded, &mut stream);
        if let Some(yuv) = decoder.decode_with_options(&stream, options.clone())? {
            take(&yuv);
        }
    }
    for yuv in decoder.flush_remaining()? {
        take(&yuv);
    }
    Ok(out)
}

fn annex_b(mut coded: &[u8], out: &mut Vec<u8>) {
    while let Some((head, rest)) = coded.split_first_chunk::<4>() {
        let length = (u32::from_be_bytes(*head) as usize).min(rest.len());
        out.extend([0, 0, 0, 1]);
        out.extend(&rest[..length]);
        coded = &rest[length..];
    }
}

/// Decoded planes as RGB, BT.709 limited.
fn rgb(yuv: &openh264::decoder::DecodedYUV<'_>) -> RgbImage {
    let (width, height) = yuv.dimensions();
    let (sy, su, sv) = yuv.strides();
    let (y, u, v) = (yuv.y(), yuv.u(), yuv.v());
    let mut data = Vec::with_capacity(width * height * 3);
    for row in 0..height {
        for column in 0..width {
            let l = 76_309 * (i32::from(y[row * sy + column]) - 16);
            let cb = i32::from(u[row / 2 * su + column / 2]) - 128;
            let cr = i32::from(v[row / 2 * sv + column / 2]) - 128;
            let level = |n: i32| ((n + (1 << 15)) >> 16).clamp(0, 255) as u8;
            data.extend([
                level(l + 117_489 * cr),
                level(l - 13_975 * cb - 34_925 * cr),
                level(l + 138_438 * cb),
            ]);
        }
    }
    // The buffer has three bytes for each pixel by construction.
    RgbImage::from_raw(width as u32, height as u32, data).expect("as many bytes as pixels")
}
