//! The clip that the server answers: a real one, padded to 200 kB, with the job's number at its
//! end, so that no two clips are the same.

use kinora::media::encode::{ClipSpec, EncodeProblem, encode};

/// Bytes of every clip.
pub const LENGTH: usize = 200_000;

/// Digits of a job's number, the last bytes of its clip.
pub const DIGITS: usize = 16;

/// All of a clip but its number.
pub fn without_number() -> Result<Vec<u8>, EncodeProblem> {
    let spec = ClipSpec { width: 320, height: 240, fps: 24, frames: 48 };
    let mut clip = encode(&spec, &|index, frame| {
        let width = frame.width;
        for (at, luma) in frame.y.iter_mut().enumerate() {
            let (x, y) = (at % width, at / width);
            *luma = 16 + ((x + y + 3 * index as usize) % 200) as u8;
        }
        true
    })?;
    // A box of type `free` holds whatever one likes (ISO/IEC 14496-12, 8.1.2).
    let free = LENGTH - clip.len();
    clip.extend(u32::try_from(free).unwrap_or(u32::MAX).to_be_bytes());
    clip.extend(b"free");
    clip.resize(LENGTH - DIGITS, b'.');
    Ok(clip)
}

/// What ends the clip of a job.
pub fn number(job: u64) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    let mut rest = job;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}
