//! Pictures and clips as files: probe, decode, encode, check.
//!
//! What lives here: facts about pictures, their table, the MP4 writer and reader. What never
//! does: what a picture is for, animation (that is the animatic provider), the ledger.

mod avif;
pub mod clip;
pub mod decode;
pub mod encode;
mod file;
pub mod frame;
mod header;
mod mp4;
mod pictures;
pub mod prepare;
mod probe;
mod profile;
mod still;
mod tiff;
mod upright;

pub use file::{read_whole, recognise};
pub use pictures::{
    Facts, Format, Orientation, Picture, PictureId, PictureProblem, PictureTable, Stamp, Traits,
};
pub use probe::{PictureCache, Probed, probe, probe_all};
