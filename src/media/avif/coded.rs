//! One AV1 picture → lights, by the decoder.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::DynamicImage;
use re_rav1d::{Decoder, Error, Picture, Settings};

use super::boxes::Colours;
use super::{colours, damaged};
use crate::media::pictures::PictureProblem;

/// How often the decoder is asked for its picture. It takes all bytes at once and gives one.
const MOST_TRIES: u32 = 64;

/// The lights of one coded picture, whose size was said in the boxes; opaque, of 8 bits a channel
/// or of 16.
///
/// # Errors
/// It is damaged, of another size, or of a kind that is not read.
pub(super) fn picture(
    coded: &[u8],
    size: (u32, u32),
    colours: Option<Colours>,
) -> Result<DynamicImage, PictureProblem> {
    // The decoder is a port of C: a value that it holds for impossible must not end the program.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let picture = decoded(coded, size)?;
        if (picture.width(), picture.height()) != size {
            let found = format!("{}x{}", picture.width(), picture.height());
            let message = format!("it is {found} pixels, not {}x{} as it says", size.0, size.1);
            return Err(PictureProblem::Damaged(message));
        }
        colours::lights(&picture, colours.unwrap_or_else(|| colours::of_picture(&picture)))
    }));
    made.unwrap_or_else(|_| Err(damaged("its decoder could not make sense of it")))
}

fn decoded(coded: &[u8], (width, height): (u32, u32)) -> Result<Picture, PictureProblem> {
    let failed = |e: Error| match e {
        Error::NotEnoughMemory => damaged("its decoder found no memory"),
        other => PictureProblem::Damaged(format!("its AV1 data can't be decoded ({other})")),
    };
    if coded.is_empty() || width == 0 || height == 0 {
        return Err(damaged("its AV1 data holds no picture"));
    }
    let mut settings = Settings::new();
    // Pictures are decoded in parallel, not their parts.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(width.saturating_mul(height));
    let mut decoder = Decoder::with_settings(&settings).map_err(failed)?;
    match decoder.send_data(coded.to_vec(), None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(other) => return Err(failed(other)),
    }
    for _ in 0..MOST_TRIES {
        match decoder.get_picture() {
            Ok(picture) => return Ok(picture),
            Err(Error::Again) => match decoder.send_pending_data() {
                Ok(()) | Err(Error::Again) => {}
                Err(other) => return Err(failed(other)),
            },
            Err(other) => return Err(failed(other)),
        }
    }
    Err(damaged("its AV1 data holds no picture"))
}
