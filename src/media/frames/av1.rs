//! AV1 by the decoder that AVIF has, from the key frame before a sample to the sample.
//!
//! Frames carry their numbers through the decoder, so none has to be counted. Without an assembler
//! it is slow: a fifth of H.264's speed. What never lives here: colours (those are `avif`'s).

use image::RgbImage;
use re_rav1d::{Decoder, Error, Settings};

use super::FramesProblem;
use super::h264::{Ended, Group};
use super::stream::Stream;
use crate::media::avif;

/// Pixels of a frame, at most.
const MOST_PIXELS: u32 = 4096 * 2304;

/// How often the decoder is asked whether it has a picture, after one frame went in.
const MOST_TRIES: u32 = 64;

/// Decodes a group and gives each wanted picture, as it is stored, with its rank to `take`.
pub(super) fn decode(
    stream: &mut Stream,
    group: &Group,
    memory: u64,
    mut take: impl FnMut(u32, RgbImage) -> Result<(), FramesProblem>,
) -> Result<Ended, FramesProblem> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(MOST_PIXELS);
    let said = |error: Error| match error {
        Error::NotEnoughMemory => FramesProblem::OutOfMemory(memory),
        other => FramesProblem::Undecodable(format!("its AV1 data is damaged ({other})")),
    };
    let mut decoder = Decoder::with_settings(&settings).map_err(said)?;
    for at in &group.feed {
        let bytes = stream.read(*at)?;
        let rank = stream.frames[*at].rank;
        let mut sent = decoder.send_data(bytes, None, Some(i64::from(rank)), None);
        for _ in 0..MOST_TRIES {
            match decoder.get_picture() {
                Ok(picture) => {
                    let shown = picture.timestamp().and_then(|rank| u32::try_from(rank).ok());
                    if let Some(rank) = shown.filter(|rank| group.wanted.contains(rank)) {
                        let size = (picture.width(), picture.height());
                        let lights = avif::frame_lights(&picture, |of_stream| {
                            stream.shape.matrix_code(size, of_stream)
                        });
                        match lights {
                            Ok(lights) => take(rank, lights)?,
                            Err(error) => {
                                let what = FramesProblem::Undecodable(error.to_string());
                                return Ok(Ended { problem: Some(what) });
                            }
                        }
                    }
                }
                Err(Error::Again) if sent.is_ok() => break,
                Err(Error::Again) => {}
                Err(other) => return Ok(Ended { problem: Some(said(other)) }),
            }
            if sent.is_err() {
                sent = decoder.send_pending_data();
            }
            if let Err(error) = sent
                && error != Error::Again
            {
                return Ok(Ended { problem: Some(said(error)) });
            }
        }
    }
    Ok(Ended { problem: None })
}
