//! What every picture format promises: its facts by its header, its pixels upright and in sRGB,
//! and a clear word about each file that is damaged, hostile or of another kind.
//!
//! `tests/pictures/made` holds pictures of four colours that were made with `avifenc` 0.11 and
//! `convert`, which write what no crate here does; `tests/pictures/made/README.md` says how. All
//! others are made where they are needed.

#[path = "pictures/build.rs"]
mod build;
#[path = "pictures/colours.rs"]
mod colours;
#[path = "pictures/formats.rs"]
mod formats;
#[path = "pictures/hostile.rs"]
mod hostile;
#[path = "pictures/prepared.rs"]
mod prepared;
#[path = "pictures/refused.rs"]
mod refused;

use std::path::Path;

use kinora::limits::Limits;
use kinora::media::decode::{PictureLimits, Pixels, decode};
use kinora::media::{Facts, PictureProblem, probe};

/// The colours of the four quarters: top left and right, bottom left and right.
const QUARTERS: [[u8; 3]; 4] = [[200, 30, 40], [20, 60, 210], [240, 240, 240], [10, 10, 10]];

/// The middles of the quarters, in a picture of 40 by 20.
const MIDDLES: [(u32, u32); 4] = [(10, 5), (30, 5), (10, 15), (30, 15)];

fn made(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/made").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn probed(bytes: &[u8]) -> Result<Facts, PictureProblem> {
    limited(bytes, &Limits::default())
}

fn limited(bytes: &[u8], limits: &Limits) -> Result<Facts, PictureProblem> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("it is written");
    probe(file.path(), limits)
}

fn facts(bytes: &[u8]) -> Facts {
    probed(bytes).expect("a picture")
}

fn decoded(bytes: &[u8]) -> Pixels {
    decode(bytes, &PictureLimits::default()).expect("it decodes")
}

fn colour_at(pixels: &Pixels, (x, y): (u32, u32)) -> [u8; 3] {
    let [r, g, b, _] = pixels.image.get_pixel(x, y).0;
    [r, g, b]
}

fn near(found: [u8; 3], wanted: [u8; 3], by: u8) -> bool {
    found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= by)
}

/// Asserts that the quarters are where they were put.
fn assert_quarters(name: &str, bytes: &[u8], by: u8) {
    let pixels = decoded(bytes);
    assert_eq!(pixels.image.dimensions(), (40, 20), "{name}");
    for (at, wanted) in MIDDLES.into_iter().zip(QUARTERS) {
        let found = colour_at(&pixels, at);
        assert!(near(found, wanted, by), "{name} at {at:?}: {found:?}, not {wanted:?}");
    }
}
